#!/usr/bin/env bats
# No bind or listen is lost, none gained: random programs bare and under the library (programs/oracle.py has the rules).
# ORACLE_PROGRAMS and ORACLE_SEED: how many, and which.

load ../e2e/helper

setup() {
	require_netns
	require python3
}

oracle() {
	run in_netns python3 "$ROOT/tests/programs/oracle.py" -n "$@"
	echo "# ${lines[-1]}" >&3
}

# broken FILE SED: builds a library with FILE changed by SED, and sets BROKEN to it.
broken() {
	local tree=$BATS_TEST_TMPDIR/broken

	rm -rf "$tree"
	mkdir -p "$tree"
	cp -r "$ROOT/Makefile" "$ROOT/shim" "$tree"
	sed -i "$2" "$tree/$1"
	! cmp -s "$ROOT/$1" "$tree/$1" || fail "$1 is as it was: $2" || return
	env -u CI make -s -C "$tree" BUILD="$tree/build" "$tree/build/libv6shim.so" >/dev/null 2>"$tree/err" ||
		fail "$(cat "$tree/err")" || return
	BROKEN=$tree/build/libv6shim.so
}

@test "random programs lose no bind or listen through the library, and gain none" {
	# A seed that holds: what shim/DESIGN.md part 4 names of 1.5 would break a random one now and then.
	oracle "${ORACLE_PROGRAMS:-2000}" -s "${ORACLE_SEED:-901}" "$LIB"
	assert_status 0
	# What the policy may refuse is among them; E1, what it may refuse another process, is too rare to count on.
	assert_match ' 0 broke a rule; .* E0 [1-9]' "${lines[-1]}"
}

@test "bare beside bare nothing is found" {
	oracle 500 -s "${ORACLE_SEED:-$EPOCHSECONDS}" bare
	assert_status 0
	assert_match ' 0 broke a rule; .* not repeated 0,' "${lines[-1]}"
}

@test "a library that does not yield to what the policy refused loses binds, and is found" {
	broken shim/core/resolve.c 's/if (cleared && shares)/if (false \&\& cleared)/'
	oracle 2000 -s 1 -m 1 "$BROKEN"
	assert_status 1
	assert_match ': lost at step [0-9]+: policy=(default-)?both ' "$output"
}

@test "a library that shares with whoever has the port lets others in, and is found" {
	broken shim/core/resolve.c 's/shares = partner && !refused/shares = partner/'
	oracle 4000 -s 1 -m 1 "$BROKEN"
	assert_status 1
	assert_match ': let-in at step [0-9]+: ' "$output"
}
