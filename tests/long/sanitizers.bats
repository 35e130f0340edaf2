#!/usr/bin/env bats
# The address and undefined sanitizers in every unit test. `make test-sanitize` has them in the command and in end-to-end
# tests as well, and those of a library that traps.

load ../e2e/helper

FLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all'

@test "all unit tests find nothing with the address and undefined sanitizers" {
	require gcc make
	(
		close_bats_fds
		env -u MAKEFLAGS make -C "$ROOT" BUILD="$BATS_TEST_TMPDIR/build" CC=gcc CFLAGS="$FLAGS" units
	) >"$BATS_TEST_TMPDIR/out" 2>&1 || fail "$(<"$BATS_TEST_TMPDIR/out")"
	for unit in "$BATS_TEST_TMPDIR"/build/tests/unit/*; do
		[ -x "$unit" ] || continue
		LC_ALL=C grep -q __asan_report "$unit"
		"$unit" >"$BATS_TEST_TMPDIR/said" 2>&1 || fail "${unit##*/}: $(tail -n 40 "$BATS_TEST_TMPDIR/said")"
		echo "${unit##*/}" >>"$BATS_TEST_TMPDIR/ran"
	done
	assert_eq "$(cd "$ROOT/tests/unit" && printf '%s\n' *.c)" "$(sed 's/$/.c/' "$BATS_TEST_TMPDIR/ran")"
}
