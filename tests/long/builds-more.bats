#!/usr/bin/env bats
# How it is built, with other flags, and installed (DESIGN.md 1.1). Other compilers: builds.bats.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load ../e2e/helper

# build TARGET... VARIABLE=VALUE...: with warnings as errors, out of the way of every other build.
build() {
	env -u MAKEFLAGS -u MFLAGS make -C "$ROOT" --no-print-directory -j"$(nproc)" "BUILD=$DIR/build" CI=1 "$@" \
		>"$DIR/make" 2>&1 || fail "make $*: $(tail -n 30 "$DIR/make")"
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
	# The manual pages and the last line name this place, which changes nothing that is built but one unit.
	assert_eq '' "$(grep -rl /usr/local/lib "$place/m" || :)"
	assert_match "$place/l/x/libv6shim.so" "$(cat "$place/m/man7/libv6shim.7")"
	assert_match "LD_PRELOAD=$place/l/x/libv6shim.so V6SHIM_POLICY=ipv6-only" "$(tail -n 1 "$DIR/make")"
	build all "LIBDIR=$place/other"
	assert_eq 'shim/command/check/reach.o' "$(sed -n 's|^ *CC .*/obj/||p' "$DIR/make")"
	mkdir "$DIR/cwd"
	cp "$LIB" "$DIR/cwd/libv6shim.so"
	cd "$DIR/cwd"
	assert_eq "$place/l/x/libv6shim.so" "$("$place/b/v6shim" run --log off \
		sed -n 's/.* \(\/.*libv6shim.*\)/\1/p' /proc/self/maps | sort -u)"
	assert_eq 'get: 1' "$("$place/b/v6shim" run --policy ipv6-only --log off "$PROGRAMS/drive" \
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
	# It is loaded into every process of a server.
	build install-strip "${where[@]}" DESTDIR="$DIR/root"
	[ "$(stat -c %s "$DIR/root$place/l/x/libv6shim.so")" -le 130000 ]
}

@test "clean removes the build, and nothing else" {
	build "$DIR/build/obj/shim/core/text.o"
	touch "$DIR/other"
	build clean
	[ ! -e "$DIR/build" ]
	[ -e "$DIR/other" ]
	[ -e "$LIB" ]
}
