# shellcheck shell=bash
# symbols.bash - what a built file shows, needs and is: `load symbols`, after helper.
#
#	hardened FILE            fails where it is not
#	as_old_as BUILD [CC]     the library and the command in BUILD need no newer glibc than the Makefile's table says of
#	                         what CC builds for
#	exported                 the names that $LIB exports, on one line

exported() {
	nm -D --defined-only "$LIB" | awk '{ print $NF }' | sort | paste -sd' '
}

# hardened FILE
hardened() {
	local segments dynamic

	segments=$(readelf -lW "$1")
	dynamic=$(readelf -dW "$1")
	grep -q ' GNU_RELRO ' <<<"$segments" || fail "$1: no relro"
	grep -Eq 'BIND_NOW|Flags:.* NOW' <<<"$dynamic" || fail "$1: not bound at once"
	grep -Eq ' GNU_STACK .* RW ' <<<"$segments" || fail "$1: an executable stack"
	refute grep -Eq ' LOAD .* RWE ' <<<"$segments"
	refute grep -Eq 'TEXTREL|RPATH|RUNPATH' <<<"$dynamic"
	nm -D "$1" | grep -q ' __stack_chk_fail' || fail "$1: no stack protector"
}

# The Makefile's own table: what it says, "FIRST LIBRARY COMMAND", of the machine that $1 (by default the compiler's own)
# makes programs for; nothing where it says nothing.
glibc_row() {
	local rows row condition

	rows=$(awk '/^glibc := / { on = 1 } on { print } !/\\$/ { on = 0 }' "$ROOT/Makefile" | sed 's/[\\]$//')
	rows=${rows#glibc := }
	[ "$(wc -w <<<"$rows")" -ge 5 ] || fail "no table in the Makefile: $rows" || return
	for row in $rows; do
		condition=${row%%:*}
		# shellcheck disable=SC2086 # into words: CC may be `gcc -m32`
		if printf '#include <limits.h>\n#if defined __GLIBC__ && %s\nyes\n#endif\n' "$condition" |
			${1:-cc} -E -P -x c - | grep -q yes; then
			row=${row#*:}
			printf '%s\n' "${row//:/ }"
		fi
	done
}

# The versions of glibc that a file needs symbols of, oldest first.
glibc_needs() {
	readelf -VW "$1" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -Vu
}

# What a file needs that is newer than a version; also where it needs a version that is no number.
newer_than() {
	local version

	readelf -VW "$2" | grep -o 'Name: GLIBC_[A-Z][A-Z_]*' || :
	for version in $(glibc_needs "$2"); do
		[ "$(printf '%s\n' "$version" "$1" | sort -V | tail -n 1)" = "$1" ] || printf '%s\n' "$version"
	done
}

# of_table FILE LIMIT FIRST: it needs nothing newer than LIMIT, and what is pinned is of FIRST.
of_table() {
	[ -n "$(glibc_needs "$1")" ] || fail "$1: needs nothing of glibc at all"
	assert_eq '' "$(newer_than "$2" "$1")" "$1: newer than glibc $2"
	assert_eq "$3" "$(readelf --dyn-syms -W "$1" | sed -n 's/.* memcpy@GLIBC_\([0-9.]*\).*/\1/p')" "$1: memcpy"
	# A dynamic linker before glibc 2.5 reads no other.
	readelf -dW "$1" | grep -q '(HASH)' || fail "$1: no DT_HASH"
}

# as_old_as BUILD [CC]
# shellcheck disable=SC2031 # of the test that called
as_old_as() {
	local row first library command

	row=$(glibc_row "${2-}")
	[ "$(wc -l <<<"$row")" -eq 1 ] || fail "more than one line of the table holds: $row"
	read -r first library command <<<"$row"
	[ -n "$first" ] || skip 'the table has no line for this machine'
	of_table "$1/libv6shim.so" "$library" "$first"
	of_table "$1/v6shim" "$command" "$first"
	assert_eq "$first" "$(readelf --dyn-syms -W "$1/libv6shim.so" | sed -n 's/.* dlsym@GLIBC_\([0-9.]*\).*/\1/p')"
	# Where dlsym has a library of its own it is loaded.
	readelf -dW "$1/libv6shim.so" | grep -q 'NEEDED.*\[libdl\.so\.2\]'
}
