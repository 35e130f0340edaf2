#!/usr/bin/env bats
# What takes its time: the lists that `order` relinks, under valgrind. Built with musl: builds.bats.

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
