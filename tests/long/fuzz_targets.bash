# shellcheck shell=bash
# fuzz_targets.bash - the fuzz targets of tests/fuzz, built and run, for the tests of them. In two test
# files, for each has ten minutes: of both, `setup_file` calls build_targets.
#
#   build_targets NAME...        builds them into $BUILD/fuzz
#   runs_clean NAME              runs it for FUZZ_SECONDS (60 in CI, 5 elsewhere) from what is kept for it
#   finds NAME FILE SED [SEED]   a copy of the sources with FILE changed by SED, in which the target NAME
#                                must find what is broken; with SEED, by that kept input alone

# shellcheck disable=SC2153 # the helper sets it
FUZZ=$BUILD/fuzz
case ${CI-} in
'' | 0 | false) FUZZ_SECONDS=${FUZZ_SECONDS:-5} ;;
*) FUZZ_SECONDS=${FUZZ_SECONDS:-60} ;;
esac

require_fuzzer() {
	"$ROOT/tests/fuzz/compiler" >/dev/null 2>&1 || skip 'needs clang with libFuzzer, or AFL++'
}

# in_make TREE BUILD GOAL...: what the two files build at the same time they build one after the other.
in_make() {
	local tree=$1 build=$2

	shift 2
	mkdir -p "$build/fuzz"
	# What was broken on purpose may well warn.
	flock "$build/fuzz.lock" env -u MAKEFLAGS -u MFLAGS -u CI make -C "$tree" --no-print-directory \
		-j"$(nproc)" BUILD="$build" "${@/#/$build/fuzz/}" >"$BATS_FILE_TMPDIR/make" 2>&1 ||
		fail "make: $(tail -n 30 "$BATS_FILE_TMPDIR/make")"
}

build_targets() {
	require flock make
	require_fuzzer
	in_make "$ROOT" "$BUILD" "$@"
}

# row NAME: what tests/fuzz/run said of it.
row() {
	# shellcheck disable=SC2154 # bats sets it
	grep -E "^$1 +[0-9]+ inputs +[0-9]+\.[0-9] CPU s  cov [0-9]+  .*  crashes [01]\$" <<<"$output" ||
		fail "no line of $1: $output"
}

inputs_of() {
	awk '{ print $2 }' <<<"$1"
}

kept_inputs() {
	find "$ROOT/tests/fuzz/corpus/$1" "$ROOT/tests/fuzz/crashes/$1" -type f 2>/dev/null | wc -l
}

runs_clean() {
	local name=$1 line

	run "$ROOT/tests/fuzz/run" -w -b "$FUZZ" -t "$FUZZ_SECONDS" "$name"
	assert_status 0
	line=$(row "$name")
	assert_match 'crashes 0$' "$line"
	# A fuzzer that gets no further than its seeds has not run.
	[ "$(inputs_of "$line")" -gt $((2 * $(kept_inputs "$name"))) ] || fail "too few inputs: $line"
	echo "# $line" >&3
}

# The objects that are there already are taken along: only what is broken is compiled again. Not what the corpora have
# grown to: the other file's fuzzers are at it.
broken_copy() {
	local file=$1 sed=$2 tree=$3 built

	mkdir -p "$tree/tests" "$tree/build/fuzz"
	cp -r "$ROOT/Makefile" "$ROOT/shim" "$tree"
	cp -r "$ROOT/tests/fuzz" "$tree/tests"
	for built in "$FUZZ"/*; do
		[ "${built##*/}" = grown ] || cp -rp "$built" "$tree/build/fuzz"
	done
	find "$tree/build/fuzz" -name '*.[od]' -exec touch {} +
	sed -i "$sed" "$tree/$file"
	! cmp -s "$ROOT/$file" "$tree/$file" || fail "$file is as it was: $sed"
}

finds() {
	local name=$1 file=$2 sed=$3 seed=${4-} tree=$BATS_TEST_TMPDIR/broken seconds=120

	broken_copy "$file" "$sed" "$tree"
	in_make "$tree" "$tree/build" "$name"
	if [ -n "$seed" ]; then
		rm -rf "$tree/tests/fuzz/corpus/$name"
		seconds=0
		[ -f "$tree/tests/fuzz/crashes/$name/$seed" ] || fail "no such input: $seed"
		find "$tree/tests/fuzz/crashes/$name" -type f ! -name "$seed" -delete
	fi
	run "$tree/tests/fuzz/run" -w -b "$tree/build/fuzz" -t "$seconds" "$name"
	assert_status 1
	assert_match 'crashes 1$' "$(row "$name")"
	assert_match 'promise broken|AddressSanitizer|runtime error' "$output"
}
