#!/usr/bin/env bats
# What takes its time: the lists that `order` relinks under valgrind, and all of it built with musl.

load ../e2e/helper

@test "order: what was relinked is freed to the last byte (valgrind)" {
	require valgrind
	for order in ipv4-first ipv6-first; do
		for libraries in "$LIB" "$LIB:$PROGRAMS/hostile/resolver.so"; do
			run env LD_PRELOAD="$libraries" V6SHIM_ORDER=$order V6SHIM_LOG=off \
				valgrind -q --leak-check=full --show-leak-kinds=definite,indirect,possible \
				--error-exitcode=99 "$PROGRAMS/drive" 'lookup -p 4321'
			assert_status 0
			assert_match '^lookup -p 4321: inet' "$output"
			refute grep -F '==' <<<"$output"
		done
	done
}

@test "the library built with musl does the same for a program built with musl" {
	require musl-gcc make
	musl=$BATS_TEST_TMPDIR/musl
	make -s -C "$ROOT" BUILD="$musl" CC=musl-gcc "$musl/libv6shim.so" "$musl/examples/bind-all" \
		"$musl/examples/bind-order" "$musl/tests/programs/drive" >/dev/null 2>"$BATS_TEST_TMPDIR/err" ||
		fail "$(cat "$BATS_TEST_TMPDIR/err")"
	under() {
		env LD_PRELOAD="$musl/libv6shim.so" V6SHIM_LOG=off "$@"
	}
	# musl has no freeaddrinfo per node: relinked lists are freed by it all the same.
	for words in '-p 4321' '-p -s 4321' '-p -6 4321'; do
		bare=$("$musl/tests/programs/drive" "lookup $words" | sed 's/^lookup[^:]*: //; s/, /\n/g')
		for order in 'ipv4-first inet inet6' 'ipv6-first inet6 inet'; do
			read -r order first second <<<"$order"
			assert_eq "$({ grep "^$first " <<<"$bare" || :; } && { grep "^$second " <<<"$bare" || :; })" \
				"$(under V6SHIM_ORDER="$order" "$musl/tests/programs/drive" "lookup $words" |
					sed 's/^lookup[^:]*: //; s/, /\n/g')" "$order $words"
		done
	done
	# The matrix of conflicts is the same kernel's, and so must be what is done about it.
	port=$(free_port)
	for on_conflict in fail resolve share share-ipv6; do
		assert_eq "$(shim ON_CONFLICT=$on_conflict LOG=off -- "$EXAMPLES/bind-order" -s -p "$port")" \
			"$(under V6SHIM_ON_CONFLICT=$on_conflict "$musl/examples/bind-order" -s -p "$port")" $on_conflict
	done
	run under V6SHIM_ON_CONFLICT=resolve V6SHIM_ORDER=ipv6-first "$musl/examples/bind-all" -n "$port"
	assert_status 0
	assert_eq ':: 0.0.0.0' "$(cut -d' ' -f2 <<<"$output" | paste -sd' ')"
}
