#!/usr/bin/env bats
# What static analysers say of the sources and the scripts, and what the unit tests reach: nothing, and
# every branch. `make lint`, `make coverage`; tests/analysis says how.

load analysis

@test "cppcheck finds nothing in the sources" {
	require cppcheck
	clean lint-cppcheck
}

@test "gcc's analyzer finds nothing in the sources, but what is known to be wrong" {
	clean lint-analyzer
}

@test "shellcheck finds nothing in any script" {
	require shellcheck
	clean lint-shell
}

# Each of them must find something where there is something to find.
@test "the analysers see what is wrong" {
	require clang-tidy cppcheck shellcheck
	mkdir -p "$BATS_TEST_TMPDIR/shim/core" "$BATS_TEST_TMPDIR/tests/analysis" "$BATS_TEST_TMPDIR/examples" \
		"$BATS_TEST_TMPDIR/.ci"
	cp "$ROOT/tests/analysis/"* "$BATS_TEST_TMPDIR/tests/analysis"
	cp "$ROOT/.clang-tidy" "$BATS_TEST_TMPDIR"
	cat >"$BATS_TEST_TMPDIR/shim/core/wrong.c" <<-'END'
		#include <stdlib.h>

		int wrong(int n)
		{
			int two[2] = {n, n}, *at = malloc(sizeof(*at) * 2);

			at[0] = n;
			n = at[0];
			free(at);
			return n + at[0] + two[2];
		}
	END
	# shellcheck disable=SC2016 # an argument of that script's
	printf '#!/bin/sh\necho $1\n' >"$BATS_TEST_TMPDIR/examples/wrong"
	chmod +x "$BATS_TEST_TMPDIR/examples/wrong"
	for tool in tidy cppcheck analyzer shell; do
		run "$BATS_TEST_TMPDIR/tests/analysis/lint" "$tool"
		assert_status 1
		assert_match 'wrong' "$output"
	done
	assert_match 'SC2086' "$output"
}

@test "the unit tests reach every branch of policy, config and settings" {
	local table

	run env -u MAKEFLAGS -u MAKELEVEL make -s -C "$ROOT" BUILD="$BATS_TEST_TMPDIR" coverage
	assert_status 0
	table=$(grep -E '^(policy|config|settings)\.c ' <<<"$output")
	assert_eq 3 "$(grep -c ' 100\.0%$' <<<"$table")"
	# For whoever reads the log of CI.
	grep -E '^(core|[a-z_]+\.c) ' <<<"$output" | sed 's/^/# /' >&3
}
