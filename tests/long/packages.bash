# shellcheck shell=bash
# packages.bash - for the tests of the packages, beside helper.bash: what is packaged, and what is built.
#
#   sources FOLDER         what the repository holds, committed or not, as a repository of its own in FOLDER, with one
#                          commit at a fixed time. Where there is no repository, what there is but build/
#   quiet LOG COMMAND...   with its output kept in LOG, shown where it fails
#   packager MAKE-WORD...  make in the working directory, as if no other make ran
#   make_debs SOURCES BUILD [MAKE-WORD...]
#                          `make deb` there, without the unit tests, which are the suite's own
#   tarball, debs          the folder of `make dist` and that of `make deb`, built on first use, once a file
#   version                the one of the sources

SOURCES=$BATS_FILE_TMPDIR/sources
EPOCH=2026-01-02T03:04:05Z

version() {
	"$ROOT/examples/packaging/version"
}

committed() {
	GIT_COMMITTER_DATE=$EPOCH GIT_AUTHOR_DATE=$EPOCH git -C "$1" -c user.name=tests -c user.email=tests@example.org \
		commit -qm tests
}

sources() {
	local git=(git -c safe.directory='*' -C "$ROOT")

	mkdir "$1"
	if "${git[@]}" rev-parse --git-dir >/dev/null 2>&1; then
		# A file that is there in the index alone is gone.
		"${git[@]}" ls-files -coz --exclude-standard |
			(cd "$ROOT" && while IFS= read -rd '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done) |
			tar -C "$ROOT" --null -T - -cf - | tar -C "$1" -xf -
	else
		tar -C "$ROOT" --exclude=./build -cf - . | tar -C "$1" -xf -
	fi
	git -C "$1" init -q
	git -C "$1" add -A
	committed "$1"
}

quiet() {
	local log=$1

	shift
	"$@" >"$log" 2>&1 || fail "$*: exit status $?
$(tail -n 30 "$log")"
}

packager() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u CC -u CFLAGS -u CPPFLAGS -u LDFLAGS -u CI make --no-print-directory "$@"
}

# Two tests never run at once in a file.
tarball() {
	[ -d "$SOURCES" ] || sources "$SOURCES" || return
	[ -e "$BATS_FILE_TMPDIR/dist.built" ] || {
		quiet "$BATS_FILE_TMPDIR/dist.log" packager -C "$SOURCES" BUILD="$BATS_FILE_TMPDIR/out" dist || return
		: >"$BATS_FILE_TMPDIR/dist.built"
	}
	printf '%s\n' "$BATS_FILE_TMPDIR/out/dist"
}

make_debs() {
	DEB_BUILD_OPTIONS=nocheck packager -C "$1" BUILD="$2" DEB_FLAGS=-Pnocheck "${@:3}" deb
}

debs() {
	tarball >/dev/null || return
	[ -e "$BATS_FILE_TMPDIR/deb.built" ] || {
		quiet "$BATS_FILE_TMPDIR/deb.log" make_debs "$SOURCES" "$BATS_FILE_TMPDIR/out" || return
		: >"$BATS_FILE_TMPDIR/deb.built"
	}
	printf '%s\n' "$BATS_FILE_TMPDIR/out/deb"
}
