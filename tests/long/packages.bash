# shellcheck shell=bash
# packages.bash - for the tests of the packages, beside helper.bash: what is packaged, and what is built.
#
#   sources FOLDER         what the repository holds, committed or not, as a repository of its own in FOLDER, with one
#                          commit at a fixed time. Where there is no repository, what there is but build/
#   quiet LOG COMMAND...   with its output kept in LOG, shown where it fails
#   packager MAKE-WORD...  make, as if no other make ran
#   make_debs SOURCES BUILD [MAKE-WORD...]
#                          `make deb` there, without the unit tests, which are the suite's own
#   tarball, debs          the folder of `make dist` and that of `make deb`, built on first use, once a file
#   version                the one of the sources

SOURCES=$BATS_FILE_TMPDIR/sources
OUT=$BATS_FILE_TMPDIR/out

version() {
	"$ROOT/examples/packaging/version"
}

committed() {
	GIT_COMMITTER_DATE=2026-01-02T03:04:05Z GIT_AUTHOR_DATE=2026-01-02T03:04:05Z git -C "$1" -c user.name=tests \
		-c user.email=tests@example.org commit -qm tests
}

sources() {
	local git=(git -c safe.directory='*' -C "$ROOT")

	mkdir "$1"
	if "${git[@]}" rev-parse --git-dir >/dev/null 2>&1; then
		"${git[@]}" ls-files -coz --exclude-standard
	else
		(cd "$ROOT" && find . -path ./build -prune -o -type f -print0)
	fi | tar -C "$ROOT" --null -T - --ignore-failed-read -cf - 2>/dev/null | tar -C "$1" -xf -
	git -C "$1" init -q
	git -C "$1" add -A
	committed "$1"
}

quiet() {
	"${@:2}" >"$1" 2>&1 || fail "${*:2}: exit status $?
$(tail -n 30 "$1")"
}

packager() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u CC -u CFLAGS -u CPPFLAGS -u LDFLAGS -u CI make --no-print-directory "$@"
}

# once NAME COMMAND...: two tests never run at once in a file.
once() {
	[ -e "$BATS_FILE_TMPDIR/$1.built" ] && return
	quiet "$BATS_FILE_TMPDIR/$1.log" "${@:2}" && : >"$BATS_FILE_TMPDIR/$1.built"
}

tarball() {
	[ -d "$SOURCES" ] || sources "$SOURCES" || return
	once dist packager -C "$SOURCES" BUILD="$OUT" dist || return
	printf '%s\n' "$OUT/dist"
}

make_debs() {
	DEB_BUILD_OPTIONS=nocheck packager -C "$1" BUILD="$2" DEB_FLAGS=-Pnocheck "${@:3}" deb
}

debs() {
	tarball >/dev/null || return
	once deb make_debs "$SOURCES" "$OUT" || return
	printf '%s\n' "$OUT/deb"
}
