#!/usr/bin/env bats
# Whether the tests catch the faults that they are there for: tests/faults/README.md. All of them: tests/faults/run.

load ../e2e/helper

# A list of its own, for the same tree.
setup() {
	FAULTS=$BATS_TEST_TMPDIR/faults
	mkdir "$FAULTS"
	cp "$ROOT/tests/faults/run" "$FAULTS"
}

# fault ID FILE TESTS OLD NEW
fault() {
	printf '== %s  for the runner\nfile: %s\ntests: %s\n<<<\n%s\n---\n%s\n>>>\n' "$@" >>"$FAULTS/own.list"
}

@test "each fault of the lists can be planted, and there are a hundred of them" {
	run "$ROOT/tests/faults/run" --check
	assert_status 0
	[ "$(grep -c '^ok ' <<<"$output")" -ge 100 ] || fail "$(head -n 1 <<<"$output")"
}

@test "twelve faults, picked by chance, are caught, and without them the same tests pass" {
	run "$ROOT/tests/faults/run" --sample 12
	grep '^# --sample' <<<"$output" >&3
	assert_status 0
	assert_eq 12 "$(grep -c '^ok ' <<<"$output")"
}

@test "control: a change of nothing is not caught, and what cannot be planted, built or tested is told" {
	local policy=shim/core/policy.c

	fault comment $policy 'unit policy' 'static const struct v6_verdict nothing' '/* none */ static const struct v6_verdict nothing'
	fault stale $policy 'unit policy' 'no such text' ''
	fault twice $policy 'unit policy' 'return v;' ''
	fault wrong $policy 'unit policy' 'static const struct v6_verdict nothing' 'static struct nothing'
	fault absent $policy 'unit no_such' 'static const struct v6_verdict nothing' ''
	run "$FAULTS/run" --check --tree "$ROOT"
	assert_status 1
	assert_eq 'ok not ok not ok ok not ok' "$(grep -oE '^(not )?ok' <<<"$output" | paste -sd ' ')"
	run "$FAULTS/run" --tree "$ROOT"
	assert_status 1
	assert_eq '' "$(grep '^ok' <<<"$output")"
	assert_line '# not caught'
	assert_line "# stale: the old text stands 0 times in $policy"
	assert_match '# stale: the old text stands [2-9] times' "$output"
	assert_line '# does not build'
	assert_line '# stale: no tests unit no_such'
}
