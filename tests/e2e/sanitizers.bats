#!/usr/bin/env bats
# The address and undefined sanitizers in everything: all unit tests, those of the command, and the end-to-end tests that
# allow a runtime within the server. `make test-sanitize` has those of a library that traps as well.

load helper

@test "unit tests, the command's and end-to-end tests find nothing with the address and undefined sanitizers" {
	require gcc make
	# What was skipped for the runtime's sake is no failure here; what is missing fails the tests of the plain build.
	(
		close_bats_fds
		exec env -u CI -u MAKEFLAGS -u V6SHIM_BUILD TESTS_UNIT_DIR= TESTS_E2E_DIR= \
			make -C "$ROOT" BUILD="$BATS_TEST_TMPDIR/build" test-sanitize T=address
	) >"$BATS_TEST_TMPDIR/out" 2>&1 || fail "$(sed -n '/FAILED/,$p' "$BATS_TEST_TMPDIR/out")"
	summaries=$(grep -E '^[0-9]+ passed, 0 failed, [0-9]+ skipped$' "$BATS_TEST_TMPDIR/out")
	echo "# $(paste -sd';' <<<"$summaries")" >&3
	# Unit tests, who under strace, the rest.
	assert_eq 3 "$(wc -l <<<"$summaries")"
	[ "$(awk '{ n += $1 } END { print n }' <<<"$summaries")" -gt 400 ]
	LC_ALL=C grep -q __asan_report "$BATS_TEST_TMPDIR/build/sanitize/address/libv6shim.so"
}

@test "the sanitized unit tests see a byte that is written behind a text" {
	require gcc make
	(cd "$ROOT" && cp -r Makefile shim tests examples "$BATS_TEST_TMPDIR")
	sed -i 's/^\tsize_t room = t->size - 1 - t->len;/\tsize_t room = t->size - t->len;/' "$BATS_TEST_TMPDIR/shim/core/text.c"
	refute cmp -s "$ROOT/shim/core/text.c" "$BATS_TEST_TMPDIR/shim/core/text.c"
	env -u MAKEFLAGS make -C "$BATS_TEST_TMPDIR" BUILD=build/a CC=gcc \
		CFLAGS='-O1 -g -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all' \
		build/a/tests/unit/conflict build/a/tests/unit/text >"$BATS_TEST_TMPDIR/out" 2>&1 || fail "$(<"$BATS_TEST_TMPDIR/out")"
	run "$BATS_TEST_TMPDIR/build/a/tests/unit/text"
	[ "$status" -ne 0 ]
	assert_match 'ERROR: AddressSanitizer' "$output"
}
