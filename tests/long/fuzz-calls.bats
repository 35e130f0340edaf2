#!/usr/bin/env bats
# The fuzz targets for the interposed calls and for the files that the command reads: they run clean, and
# they would find a defect. And what holds of all targets.

load ../e2e/helper
load fuzz_targets

setup_file() {
	build_targets calls programs report settings config record diag
}

@test "the calls, through the shim and bare: nothing is found" {
	require_netns
	runs_clean calls
}

@test "programs and scripts: nothing is found" {
	runs_clean programs
}

@test "report as a whole: nothing is found" {
	runs_clean report
}

@test "the calls: an errno that is not put back, and a conflict of the policy's own that costs a bind, are found" {
	require_netns
	finds calls shim/preload/way.c 's/errno = c->record\.error ? c->record\.error : c->saved;/errno = c->record.error;/'
	finds calls shim/core/resolve.c 's/bool yield = .*;/bool yield = false;/'
}

@test "every target runs all that is kept for it, and no folder is nobody's" {
	require_netns
	run "$ROOT/tests/fuzz/run" -b "$FUZZ" -t 0
	assert_status 0
	for source in "$ROOT"/tests/fuzz/*.c; do
		name=$(basename "$source" .c)
		[ "$(inputs_of "$name")" -ge "$(kept_inputs "$name")" ] || fail "$name: $output"
	done
	for folder in "$ROOT"/tests/fuzz/c{orpus,rashes}/*; do
		[ -f "$ROOT/tests/fuzz/${folder##*/}.c" ] || fail "$folder is no target's"
	done
}

@test "a target that is not built, and bad usage, are told" {
	run "$ROOT/tests/fuzz/run" -b "$BATS_TEST_TMPDIR" -t 0 diag
	assert_status 2
	assert_line "tests/fuzz/run: $BATS_TEST_TMPDIR/diag is missing: make fuzz"
	run "$ROOT/tests/fuzz/run" -t soon diag
	assert_status 2
}
