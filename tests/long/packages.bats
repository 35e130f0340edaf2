#!/usr/bin/env bats
# make dist, make deb, make rpm and the APKBUILD: what they build, and that the same sources give the same bits.

load ../e2e/helper
load packages

PACKAGING=$ROOT/examples/packaging

# sums FOLDER PATTERN: of the files there, by their names.
sums() {
	(cd "$1" && find . -name "$2" -type f -exec sha256sum {} + | sort -k 2)
}

@test "one version: the sources', and every packaging's" {
	version=$(version)
	assert_match '^[0-9]+\.[0-9]+\.[0-9]+$' "$version"
	assert_eq "v6shim $version" "$("$V6SHIM" --version)"
	assert_match "^v6shim \\($version-[0-9]+\\) " "$(head -n 1 "$PACKAGING/debian/changelog")"
	assert_line "Version:        $version" "$(<"$PACKAGING/v6shim.spec")"
	assert_match " - $version-1"$'\n' "$(sed -n '/^%changelog/,$p' "$PACKAGING/v6shim.spec")"
	assert_line "pkgver=$version" "$(<"$PACKAGING/APKBUILD")"
}

# ---- make dist

@test "make dist: what is committed and nothing else, and what is not committed is named" {
	require git
	sources "$DIR/tree"
	cd "$DIR/tree"
	echo late >late
	echo ignored >ignored.o
	quiet "$DIR/log" packager BUILD="$DIR/out" dist
	assert_line '?? late' "$(<"$DIR/log")"
	name=v6shim-$(version)
	assert_eq "$name.tar.gz" "$(ls -A "$DIR/out/dist")"
	assert_eq "$(git ls-files | sed "s,^,$name/," | sort)" \
		"$(tar -tzf "$DIR/out/dist/$name.tar.gz" | grep -v '/$' | sort)"
	tar -xzf "$DIR/out/dist/$name.tar.gz" -C "$DIR"
	rm late ignored.o
	diff -r --exclude=.git . "$DIR/$name"
	# In order within each folder, whatever the filesystem's own is.
	tar -tzf "$DIR/out/dist/$name.tar.gz" | tr / '\001' | sort -c
	# Nobody's name, and one time.
	assert_eq "0/0 2026-01-02 03:04:05" "$(TZ=UTC tar --full-time --numeric-owner -tvzf "$DIR/out/dist/$name.tar.gz" |
		awk '{ print $2, $4, $5 }' | sort -u)"
}

@test "make dist: twice the same bits, and again from the unpacked tarball under another umask, user and time" {
	require git
	first=$(tarball)
	quiet "$DIR/log" packager -C "$SOURCES" BUILD="$DIR/second" dist
	assert_eq "$(sums "$first" '*.tar.gz')" "$(sums "$DIR/second/dist" '*.tar.gz')"
	mkdir "$DIR/unpacked"
	(
		umask 077
		tar --no-same-permissions -xzf "$first"/*.tar.gz -C "$DIR/unpacked"
		[ "$EUID" -ne 0 ] || chown -R 65534:65534 "$DIR/unpacked"
		quiet "$DIR/log" packager -C "$DIR/unpacked"/v6shim-* BUILD=build dist
	)
	assert_eq "$(sums "$first" '*.tar.gz')" "$(sums "$DIR/unpacked"/v6shim-*/build/dist '*.tar.gz')"
	# Control: another commit is another tarball.
	cp -R "$SOURCES" "$DIR/other"
	echo >>"$DIR/other/README.md"
	git -C "$DIR/other" add README.md
	committed "$DIR/other"
	quiet "$DIR/log" packager -C "$DIR/other" BUILD="$DIR/third" dist
	refute assert_eq "$(sums "$first" '*.tar.gz')" "$(sums "$DIR/third/dist" '*.tar.gz')" 2>/dev/null
}

@test "the tarball builds the same bits in two places" {
	tarball=$(echo "$(tarball)"/*.tar.gz)
	for place in one two/deeper; do
		mkdir -p "$DIR/$place"
		tar -xzf "$tarball" -C "$DIR/$place"
	done
	quiet "$DIR/log" packager -C "$DIR/one"/v6shim-* -j2 CFLAGS='-O0 -g'
	quiet "$DIR/log" packager -C "$DIR/two/deeper"/v6shim-* -j2 CFLAGS='-O0 -g' BUILD="$DIR/elsewhere"
	for file in libv6shim.so v6shim; do
		cmp "$DIR/one"/v6shim-*/build/$file "$DIR/elsewhere/$file"
	done
	# With symbols for a debugger, which is where a path would show.
	readelf -SW "$DIR/elsewhere/libv6shim.so" | grep -q ' \.debug_info '
	refute grep -Fq "$DIR" "$DIR/elsewhere/libv6shim.so"
}

# ---- make deb

@test "make deb: packages that lintian has nothing to say of" {
	require dpkg-buildpackage dh lintian
	deb=$(debs)
	run lintian --allow-root --fail-on error,warning "$deb"/*.changes
	assert_status 0
	# What it says besides is of readelf, and of the broken files that a fuzz target has for input.
	refute grep -E '^[EW]:' <<<"$output"
}

@test "make deb: the same bits in two places" {
	require dpkg-buildpackage dh
	first=$(debs)
	mkdir -p "$DIR/far/away"
	tar -xzf "$(tarball)"/*.tar.gz -C "$DIR/far/away"
	quiet "$DIR/log" make_debs "$DIR/far/away"/v6shim-* "$DIR/far/built"
	assert_eq "$(sums "$first" '*.deb')" "$(sums "$DIR/far/built/deb" '*.deb')"
	# The two, and their debug symbols.
	assert_eq 4 "$(sums "$first" '*.deb' | wc -l)"
}

@test "make deb: the library where the loader of its architecture looks, the command and its pages beside" {
	require dpkg-buildpackage dh
	deb=$(debs)
	multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
	dpkg-deb -x "$deb"/libv6shim_*.deb "$DIR/library"
	dpkg-deb -x "$deb"/v6shim_*.deb "$DIR/command"
	assert_eq "./usr/lib/$multiarch/libv6shim.so" "$(cd "$DIR/library" && find . -type f ! -path './usr/share/*')"
	assert_eq ./usr/bin/v6shim "$(cd "$DIR/command" && find . -type f ! -path './usr/share/*')"
	assert_eq same "$(dpkg-deb -f "$deb"/libv6shim_*.deb Multi-Arch)"
	assert_eq "$(version)-1" "$(dpkg-deb -f "$deb"/v6shim_*.deb Depends | sed 's/.*libv6shim (= \([^)]*\)).*/\1/')"
	assert_eq "$(find "$ROOT/shim/man" -name '*.[1-8]' | sed 's,.*/,,' | sort)" \
		"$(find "$DIR/command/usr/share/man" -type f | sed 's,.*/,,; s,\.gz$,,' | sort)"
	assert_eq '' "$(find "$DIR/command/usr/share/doc/v6shim/examples" -path '*packaging*')"
	[ -e "$DIR/command/usr/share/doc/v6shim/examples/systemd/v6shim.conf" ]
	# Of Debian's flags, one that the Makefile does not have itself.
	grep -q -- '-Werror=format-security' "$BATS_FILE_TMPDIR/deb.log"
	for file in library/usr/lib/$multiarch/libv6shim.so command/usr/bin/v6shim; do
		assert_match 'BIND_NOW' "$(readelf -dW "$DIR/$file")"
	done
}

# ---- the others

@test "the RPM spec is read by rpmspec, and rpmbuild builds it" {
	require rpmspec rpmbuild
	assert_eq $'v6shim\nlibv6shim' "$(rpmspec -q --qf '%{NAME}\n' "$PACKAGING/v6shim.spec")"
	tarball >/dev/null
	quiet "$DIR/log" packager -C "$SOURCES" BUILD="$OUT" rpm RPM_FLAGS=--nodeps
	rpms=$OUT/rpm/RPMS/$(uname -m)
	assert_eq "$(version)" "$(rpm -qp --qf '%{VERSION}' "$rpms"/v6shim-[0-9]*.rpm)"
	assert_match '^/usr/lib[^/]*/libv6shim\.so$' "$(rpm -qlp "$rpms"/libv6shim-[0-9]*.rpm | grep '\.so$')"
	assert_line /usr/bin/v6shim "$(rpm -qlp "$rpms"/v6shim-[0-9]*.rpm)"
	assert_match 'libv6shim.* = ' "$(rpm -qp --requires "$rpms"/v6shim-[0-9]*.rpm)"
}

# What abuild(1) does with it, as far as that goes without Alpine: its functions, in a shell that knows no bash.
apkbuild() {
	# shellcheck disable=SC2016 # for that shell
	env -i PATH="$PATH" CC=musl-gcc builddir="$1" pkgdir="$1/pkg" dash -euc '
		cd "$builddir"
		. "$builddir/examples/packaging/APKBUILD"
		for name in $pkgname $pkgver $pkgrel $license $arch; do [ -n "$name" ]; done
		build
		package'
}

@test "the APKBUILD's functions build and package it for musl" {
	require dash musl-gcc
	mkdir "$DIR/apk"
	tar -xzf "$(tarball)"/*.tar.gz -C "$DIR/apk" --strip-components=1
	quiet "$DIR/log" apkbuild "$DIR/apk"
	assert_match 'NEEDED.*\[libc\.so\]' "$(readelf -dW "$DIR/apk/pkg/usr/lib/libv6shim.so")"
	musl-gcc -x c -o "$DIR/program" - <<<'int main(void) { return 0; }'
	run "$DIR/apk/pkg/usr/bin/v6shim" check "$DIR/program"
	# Its library is not in this system's /usr/lib.
	assert_match 'neither beside this command nor in /usr/lib' "$output"
	assert_eq '' "$(V6SHIM_LOG=off LD_PRELOAD=$DIR/apk/pkg/usr/lib/libv6shim.so "$DIR/program" 2>&1)"
	assert_match ': load: ' "$(V6SHIM_LOG_LEVEL=all LD_PRELOAD=$DIR/apk/pkg/usr/lib/libv6shim.so "$DIR/program" 2>&1)"
}
