#!/usr/bin/env bats
# What the library shows, what it needs, how it is hardened, and how it is built and installed (DESIGN.md 1.1, 1.2,
# 1.8 point 2), and the oldest system that it runs on.

load helper

setup() {
	DIR=$BATS_TEST_TMPDIR
	require nm readelf
}

# build TARGET... VARIABLE=VALUE...: with warnings as errors, out of the way of every other build.
build() {
	env -u MAKEFLAGS -u MFLAGS make -C "$ROOT" --no-print-directory -j"$(nproc)" "BUILD=$DIR/build" CI=1 "$@" \
		>"$DIR/make" 2>&1 || fail "make $*: $(tail -n 30 "$DIR/make")"
}

# ---- symbols

@test "exported are the five interposed calls and nothing else" {
	assert_eq 'bind getaddrinfo listen setsockopt socket' \
		"$(nm -D --defined-only "$LIB" | awk '{ print $NF }' | sort | paste -sd' ')"
	# All of them are functions.
	assert_eq T "$(nm -D --defined-only "$LIB" | awk '{ print $(NF - 1) }' | sort -u)"
	# What it does not interpose it does not hide either.
	for call in accept accept4 connect send sendto sendmsg recv recvfrom recvmsg close dup dup2 dup3 getsockopt \
		fork execve malloc free; do
		refute grep -qw "$call" <(nm -D --defined-only "$LIB")
	done
}

# The objects whose code may run inside an interposed call; init, start, configure and next do their work in the
# constructor, or in the first call before it.
hot_objects() {
	find "$BUILD/obj/shim/core" "$BUILD/obj/shim/preload" -name '*.o' |
		grep -vE '/(init|start|configure|next)\.o$' | sort
}

undefined() {
	local object

	while read -r object; do
		nm -u "$object" | awk -v object="${object##*/obj/}" '$2 !~ /^v6_/ { print object ": " $2 }'
	done
}

@test "the hot path allocates nothing, locks nothing, asks no linker and no environment" {
	for object in calls govern facts asked sink emit scratch raw; do
		assert_line "$BUILD/obj/shim/preload/$object.o" "$(hot_objects)"
	done
	for object in settings policy record text address; do
		assert_line "$BUILD/obj/shim/core/$object.o" "$(hot_objects)"
	done
	found=$(hot_objects | undefined)
	[ "$(wc -l <<<"$found")" -ge 10 ]
	assert_eq '' "$(grep -E ': _*(malloc|calloc|realloc|reallocarray|free|aligned_alloc|posix_memalign|strn?dup|alloca|mmap|brk|sbrk)$' <<<"$found" || :)"
	assert_eq '' "$(grep -E ': _*((v?[fsdn]*|vsn|as)printf(_chk)?|(f|p)?puts?c?|f(open|close|write|read|flush|gets)|std(in|out|err)|perror|strerror.*|v?syslog.*|openlog)$' <<<"$found" || :)"
	assert_eq '' "$(grep -E ': _*(pthread_.*|mtx_.*|call_once|sem_.*|dl(sym|vsym|open|addr|error)|(secure_)?getenv|setenv|putenv|exit|abort|(local|gm)time.*|strftime|setlocale|__tls_get_addr)$' <<<"$found" || :)"
	# Which leaves but these: all async-signal-safe, and none a cancellation point.
	assert_eq '' "$(grep -vE ': (_*(mem(cpy|move|set|cmp|chr|rchr|mem)|str(len|nlen|chr|rchr|cmp|ncmp|nchr))(_chk)?|syscall|_*errno_location|__stack_chk_.*|_GLOBAL_OFFSET_TABLE_|__popcountdi2|__udivti3|__umodti3)$' <<<"$found" || :)"
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

@test "link-time optimisation does not undo it" {
	build "$DIR/build/libv6shim.so" 'CFLAGS=-O2 -flto=auto'
	read -r first library _ < <(glibc_row)
	[ -n "$first" ] || skip 'the table has no line for this machine'
	of_table "$DIR/build/libv6shim.so" "$library" "$first"
	assert_eq 'get: 1' "$(LD_PRELOAD=$DIR/build/libv6shim.so V6SHIM_POLICY=ipv6-only V6SHIM_LOG=off \
		"$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' get | tail -n 1)"
}

@test "where glibc has a first version, dlsym of that version is what the library got" {
	read -r first _ < <(glibc_row)
	[ -n "$first" ] || skip 'the table has no line for this machine'
	bindings=$(LD_DEBUG=bindings LD_PRELOAD=$LIB V6SHIM_LOG=off "$PROGRAMS/steps" 'socket tcp6' 2>&1)
	for symbol in dlsym memcpy; do
		assert_match "libv6shim\.so [^"$'\n'"]*normal symbol \`$symbol' \[GLIBC_$first\]" "$bindings"
	done
	# And the next definition it found with it is libc's.
	assert_match "libc\.so\.6 [^"$'\n'"]*normal symbol \`bind'" "$bindings"
}

# ---- builds

# works COMMAND...: what was built governs a bind.
works() {
	assert_eq 'get: 0' "$("$@" 'socket tcp6' 'bind :: 0' get | tail -n 1)" 'control, bare'
	assert_eq 'get: 1' "$(LD_PRELOAD=$DIR/build/libv6shim.so V6SHIM_POLICY=ipv6-only V6SHIM_LOG=off \
		"$@" 'socket tcp6' 'bind :: 0' get | tail -n 1)"
	assert_match '^v6shim [0-9.]+$' "$("$DIR/build/v6shim" --version)"
	LIB=$DIR/build/libv6shim.so
	assert_eq 'bind getaddrinfo listen setsockopt socket' \
		"$(nm -D --defined-only "$LIB" | awk '{ print $NF }' | sort | paste -sd' ')"
}

@test "CC=clang builds without a warning, and what it builds works" {
	require clang
	build all CC=clang
	works "$PROGRAMS/steps"
	hardened "$DIR/build/libv6shim.so"
	as_old_as "$DIR/build" clang
	readelf -p .comment "$DIR/build/libv6shim.so" | grep -q clang
}

@test "CC=musl-gcc builds without a warning, and what it builds works in a musl program" {
	require musl-gcc
	build all "$DIR/build/tests/programs/steps" CC=musl-gcc
	readelf -lW "$DIR/build/tests/programs/steps" | grep -q 'interpreter: .*ld-musl'
	works "$DIR/build/tests/programs/steps"
	hardened "$DIR/build/libv6shim.so"
	# The table is glibc's.
	assert_eq '' "$(readelf -VW "$DIR/build/libv6shim.so" | grep -o GLIBC || :)"
	[ ! -s "$DIR/build/glibc/flags" ]
}

@test "CFLAGS=-O0 builds without a warning, and what it builds works" {
	build all CFLAGS=-O0
	works "$PROGRAMS/steps"
}

@test "the user's flags are added, last, and V=1 shows the commands" {
	build "$DIR/build/obj/shim/core/text.o" V=1 'CFLAGS=-O1 -g3' CPPFLAGS=-DV6_NOT_USED=1
	assert_match '(^|'$'\n'')[a-z/]*cc [^'$'\n'']*-std=c11[^'$'\n'']* -DV6_NOT_USED=1 -O1 -g3 [^'$'\n'']*-c -o [^ ]*/text\.o shim/core/text\.c' "$(<"$DIR/make")"
	rm -r "$DIR/build"
	build "$DIR/build/obj/shim/core/text.o"
	assert_match '^ *CC +[^ ]*/text\.o$' "$(<"$DIR/make")"
	refute grep -q -e '-std=c11' "$DIR/make"
	# Nothing is built twice, and other flags build anew.
	build "$DIR/build/obj/shim/core/text.o"
	refute grep -q 'CC' "$DIR/make"
	build "$DIR/build/obj/shim/core/text.o" CFLAGS=-O1
	assert_match 'CC +[^ ]*/text\.o' "$(<"$DIR/make")"
	build -n "$DIR/build/libv6shim.so" V=1 LDFLAGS=-Wl,--build-id=sha1
	grep -q -e '-Wl,--build-id=sha1.* -o .*/libv6shim.so' "$DIR/make"
}

# ---- installation

files() {
	(cd "$1" && find . ! -type d | sort)
}

@test "install puts all of it where it is told, the command finds that library alone, uninstall leaves nothing of it" {
	place=$DIR/place
	where=("PREFIX=$place/usr" "BINDIR=$place/b" "LIBDIR=$place/l/x" "MANDIR=$place/m")
	build install "${where[@]}"
	assert_line ./b/v6shim "$(files "$place")"
	assert_line ./l/x/libv6shim.so "$(files "$place")"
	assert_eq '755 644' "$(stat -c %a "$place/b/v6shim" "$place/l/x/libv6shim.so" | paste -sd' ')"
	# Besides these two only what a person and a shell reads.
	assert_eq '' "$(files "$place" | grep -vE '^\./(b/v6shim|l/x/libv6shim\.so|m/.*|usr/share/(bash-completion|zsh|fish|doc)/.*)$' || :)"
	for file in m/man1/v6shim.1 m/man5/v6shim.conf.5 m/man5/v6shim-log.5 m/man7/libv6shim.7 \
		usr/share/bash-completion/completions/v6shim usr/share/zsh/site-functions/_v6shim \
		usr/share/fish/vendor_completions.d/v6shim.fish; do
		assert_eq 644 "$(stat -c %a "$place/$file")"
	done
	mkdir "$DIR/cwd"
	cp "$LIB" "$DIR/cwd/libv6shim.so"
	cd "$DIR/cwd"
	assert_eq "$place/l/x/libv6shim.so" "$("$place/b/v6shim" run --log off \
		sed -n 's/.* \(\/.*libv6shim.*\)/\1/p' /proc/self/maps | sort -u)"
	assert_eq 'get: 1' "$("$place/b/v6shim" run --policy ipv6-only --log off "$PROGRAMS/steps" \
		'socket tcp6' 'bind :: 0' get | tail -n 1)"
	# What is not ours stays.
	echo other >"$place/l/x/libother.so"
	build uninstall "${where[@]}"
	assert_eq ./l/x/libother.so "$(files "$place")"
	# Under DESTDIR the same, and nothing elsewhere.
	build install "${where[@]}" DESTDIR="$DIR/root"
	assert_line ./b/v6shim "$(files "$DIR/root$place")"
	assert_line ./l/x/libv6shim.so "$(files "$DIR/root$place")"
	assert_eq ./l/x/libother.so "$(files "$place")"
	build uninstall "${where[@]}" DESTDIR="$DIR/root"
	assert_eq '' "$(files "$DIR/root")"
}

@test "clean removes the build, and nothing else" {
	build "$DIR/build/obj/shim/core/text.o"
	touch "$DIR/other"
	build clean
	[ ! -e "$DIR/build" ]
	[ -e "$DIR/other" ]
	[ -e "$LIB" ]
}
