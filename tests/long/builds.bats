#!/usr/bin/env bats
# v6shim as other compilers, optimisers, machines and libcs build it: each build is made here, without a
# warning, and does what tests/cross/smoke.bats wants. What takes longer, unit tests on other machines
# among it, is `make test-cross`.

load ../e2e/helper
load ../e2e/symbols
bats_require_minimum_version 1.5.0

setup_file() {
	# A test that fails leaves its build for the next to look at; all go with the file.
	export WORK=$BATS_FILE_TMPDIR
}

# build FOLDER VARIABLE=VALUE... [TARGET...]: warnings are errors.
build() {
	local folder=$1

	shift
	run env -u MAKEFLAGS -u MAKELEVEL CI=1 make -s -C "$ROOT" BUILD="$folder" "$@"
	assert_status 0
}

# smoke FOLDER: the build's own library and command; programs are those of the tests' build where it has none.
smoke() {
	local folder=$1 part

	mkdir -p "$folder/tests"
	for part in tests/programs examples; do
		[ -e "$folder/$part" ] || ln -s "$BUILD/$part" "$folder/$part"
	done
	run env -u CI TESTS_E2E_DIR="$ROOT/tests/cross" V6SHIM_BUILD="$folder" \
		"$ROOT/tests/run" -j1 e2e smoke
	assert_status 0
	assert_line '6 passed, 0 failed, 0 skipped'
}

# sound FOLDER: what its library exports, and that it is hardened.
sound() {
	# shellcheck disable=SC2034 # exported's
	local LIB=$1/libv6shim.so

	assert_eq 'bind getaddrinfo listen setsockopt socket' "$(exported)"
	hardened "$LIB"
}

# compiled COMPILER: at every level, with and without link-time optimisation, and as old as the Makefile's table says.
compiled() {
	local flags

	for flags in -O{0,2,3}{,' -flto'}; do
		echo "$1 $flags"
		build "$WORK/matrix" CC="$1" CFLAGS="$flags -g" all
		smoke "$WORK/matrix"
		sound "$WORK/matrix"
		as_old_as "$WORK/matrix" "$1"
	done
	readelf -p .comment "$WORK/matrix/libv6shim.so" | grep -qi "$1"
	rm -rf "$WORK/matrix"
}

@test "gcc: -O0, -O2, -O3, with and without -flto" {
	compiled gcc
}

@test "clang: the same" {
	compiled clang
}

# crossed NAME [TEST]: built for another machine or libc, and what programs of that machine meet is tested.
crossed() {
	run env -u CI V6SHIM_BUILD="$BUILD" "$ROOT/tests/cross/machine" "$1" "$WORK" \
		tests/cross/smoke tests/cross/records
	assert_status 0
	assert_line '6 passed, 0 failed, 0 skipped'
	assert_line '3 passed, 0 failed, 0 skipped'
	refute_line 'failed:'
}

@test "musl: a dynamic musl program is governed, and its records are those of glibc's" {
	require musl-gcc
	crossed musl
	run -0 readelf -l "$WORK/musl/tests/programs/drive"
	assert_match 'interpreter: /lib/ld-musl' "$output"
	sound "$WORK/musl"
	# The table is glibc's.
	assert_eq '' "$(readelf -VW "$WORK/musl/libv6shim.so" | grep -o GLIBC || :)"
	[ ! -s "$WORK/musl/glibc/flags" ]
}

@test "musl: in a root laid out as Alpine's, where nothing is of glibc, both ways in govern, and the library is found" {
	local place=$BATS_TEST_TMPDIR/alpine way served as
	local -r serve=(/usr/bin/drive 'socket tcp6' reuseaddr 'bind :: 0' listen serves)

	[ "$EUID" -eq 0 ] || skip 'needs root'
	[ -x "$WORK/musl/v6shim" ] || crossed musl
	mkdir -p "$place"/{lib,usr/bin,usr/local/bin,usr/local/lib,dev,proc}
	cp -L /lib/ld-musl-x86_64.so.1 "$place/lib"
	cp "$WORK/musl/v6shim" "$place/usr/local/bin"
	cp "$WORK/musl/libv6shim.so" "$place/usr/local/lib"
	cp "$WORK/musl/tests/programs/drive" "$place/usr/bin"
	for way in bare preload supervise; do
		as=(/usr/local/bin/v6shim run --reach "$way" --policy ipv6-only --log off --)
		[ $way != bare ] && served=1/6 || as=() served=0/46
		# shellcheck disable=SC2016 # for the shell inside
		run -0 unshare -m --propagation private sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' \
			"$place" "${as[@]}" "${serve[@]}"
		assert_line "serves: $served"
	done
}

@test "i386: a 32-bit program is governed, and its records are those of the 64-bit one" {
	crossed i386
	run -0 readelf -h "$WORK/i386/libv6shim.so"
	assert_match 'ELF32' "$output"
}
