#!/usr/bin/env bats
# What the library shows, what it needs, how it is hardened (DESIGN.md 1.1, 1.2, 1.8 point 2), and the oldest system that
# it runs on. Other compilers, and how it is installed: tests/long/builds-more.bats.

load helper
load symbols

setup() {
	require nm readelf
}

# ---- symbols

@test "exported are the five interposed calls and nothing else" {
	assert_eq 'bind getaddrinfo listen setsockopt socket' "$(exported)"
	# All of them are functions.
	assert_eq T "$(nm -D --defined-only "$LIB" | awk '{ print $(NF - 1) }' | sort -u)"
}

# The objects whose code may run inside an interposed call; those that are left out do their work in the constructor, or in
# the first call before it.
hot_objects() {
	find "$BUILD"/obj/shim/{core,govern,preload} -name '*.o' 2>/dev/null |
		grep -vE '/init\.o$' | sort
}

# Lines of "OBJECT: SYMBOL".
undefined() {
	xargs nm -uA | sed -E 's|^.*/obj/(.*): +U |\1: |' | grep -v ': v6_'
}

@test "the hot path allocates nothing, locks nothing, asks no linker and no environment" {
	[ "$(hot_objects | wc -l)" -ge 15 ]
	assert_line "$BUILD/obj/shim/preload/way.o" "$(hot_objects)"
	found=$(hot_objects | undefined)
	[ "$(wc -l <<<"$found")" -ge 10 ]
	# All async-signal-safe, and none a cancellation point, a lock or the linker's.
	assert_eq '' "$(grep -vE ': (_*(mem(cpy|move|set|cmp|chr|rchr|mem)|str(len|nlen|chr|rchr|cmp|ncmp|nchr|cspn))(_chk)?|syscall|pthread_self|_*errno_location|__stack_chk_.*|_GLOBAL_OFFSET_TABLE_|__popcountdi2|__udivti3|__umodti3)$' <<<"$found" || :)"
}

# shellcheck disable=SC2030,SC2031 # BUILD is this test's own
@test "control: the check finds what is forbidden" {
	require cc
	mkdir -p "$DIR/obj/shim/core" "$DIR/obj/shim/preload"
	# shellcheck disable=SC2016 # a program
	printf '%s\n' '#include <stdio.h>' '#include <stdlib.h>' \
		'void *v6_x(void); void *v6_x(void) { printf("%d", 1); return getenv("x") ? malloc(9) : 0; }' |
		cc -x c -c -o "$DIR/obj/shim/core/text.o" -
	BUILD=$DIR
	found=$(hot_objects | undefined)
	for symbol in printf getenv malloc; do
		assert_line "shim/core/text.o: $symbol" "$found"
	done
}

# ---- hardening

@test "the library and the command are hardened" {
	hardened "$LIB"
	hardened "$V6SHIM"
	readelf -hW "$V6SHIM" | grep -Eq 'Type: +DYN' || fail 'the command is not position independent'
	# It cannot be unloaded under the feet of a program that has its functions.
	readelf -dW "$LIB" | grep -q NODELETE
}

@test "the library and the command need libc alone" {
	for file in "$LIB" "$V6SHIM"; do
		readelf -dW "$file" | grep -q 'NEEDED.*libc'
		assert_eq '' "$(readelf -dW "$file" | grep NEEDED | grep -vE '\[(libc\.|libdl\.)' || :)" "$file"
	done
}

# ---- old systems

# shellcheck disable=SC2031
@test "the library and the command need no symbol version newer than the Makefile's table says" {
	[[ $(readelf -dW "$LIB") == *libc.so.6* ]] || skip 'not built for glibc'
	as_old_as "$BUILD"
	case $(uname -m) in
	# What RHEL 5 and 6 and Debian 5 have; not read from the table.
	x86_64) assert_eq '2.2.5 2.4 2.8' "$(glibc_row)" ;;
	aarch64 | ppc64le) assert_eq '2.17 2.17 2.17' "$(glibc_row)" ;;
	esac
}

@test "control: the check finds what is newer" {
	require cc
	# shellcheck disable=SC2016 # a program
	printf '%s\n' '#include <dlfcn.h>' '#include <string.h>' 'void *f(void *, void *, unsigned long);' \
		'void *f(void *a, void *b, unsigned long n) { memcpy(a, b, n); return dlsym(a, b); }' |
		cc -x c -shared -fPIC -O1 -o "$DIR/new.so" -
	[[ $(readelf -dW "$DIR/new.so") == *libc.so.6* ]] || skip 'the compiler is not for glibc'
	[ -n "$(newer_than 2.4 "$DIR/new.so")" ]
	assert_eq '' "$(newer_than 99 "$DIR/new.so")"
	run of_table "$DIR/new.so" 2.4 2.2.5
	assert_status 1
}

@test "where glibc has a first version, dlsym of that version is what the library got" {
	read -r first _ < <(glibc_row)
	[ -n "$first" ] || skip 'the table has no line for this machine'
	bindings=$(LD_DEBUG=bindings LD_PRELOAD=$LIB V6SHIM_LOG=off "$PROGRAMS/drive" 'socket tcp6' 2>&1)
	for symbol in dlsym memcpy; do
		assert_match "libv6shim\.so [^"$'\n'"]*normal symbol \`$symbol' \[GLIBC_$first\]" "$bindings"
	done
	# And the next definition it found with it is libc's.
	assert_match "libc\.so\.6 [^"$'\n'"]*normal symbol \`bind'" "$bindings"
}
