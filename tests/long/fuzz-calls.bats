#!/usr/bin/env bats
# The fuzz targets for the files that the command reads run clean. And what holds of all targets.

load ../e2e/helper
load fuzz_targets

setup_file() {
	build_targets programs report settings config record
}

@test "programs and scripts: nothing is found" {
	runs_clean programs
}

@test "report as a whole: nothing is found" {
	runs_clean report
}

@test "every target runs all that is kept for it, and no folder is nobody's" {
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
	run "$ROOT/tests/fuzz/run" -b "$BATS_TEST_TMPDIR" -t 0 record
	assert_status 2
	assert_line "tests/fuzz/run: $BATS_TEST_TMPDIR/record is missing: make fuzz"
	run "$ROOT/tests/fuzz/run" -t soon record
	assert_status 2
}
