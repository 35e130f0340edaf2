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

@test "they see a byte that is written behind a text" {
	require gcc
	cat >"$BATS_TEST_TMPDIR/wrong.c" <<-'END'
		#include "core/text.h"

		int main(void)
		{
			char room[4];
			struct v6_text t = v6_text_in(room, 8);

			v6_text_cut(&t, "1234", 4);
			return room[0] == 0;
		}
	END
	# shellcheck disable=SC2086 # into its words
	gcc -std=c11 -D_GNU_SOURCE $FLAGS -I"$ROOT/shim" -o "$BATS_TEST_TMPDIR/wrong" "$BATS_TEST_TMPDIR/wrong.c" \
		"$ROOT/shim/core/text.c"
	run "$BATS_TEST_TMPDIR/wrong"
	[ "$status" -ne 0 ]
	assert_match 'ERROR: AddressSanitizer' "$output"
}
