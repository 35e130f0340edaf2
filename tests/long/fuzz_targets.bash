# shellcheck shell=bash
# fuzz_targets.bash - the fuzz targets of tests/fuzz, built and run, for the two files of tests of them.
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
	require flock make clang
	in_make "$ROOT" "$BUILD" "$@"
}

# row NAME: what tests/fuzz/run said of it.
row() {
	# shellcheck disable=SC2154 # bats sets it
	grep -E "^$1 +[0-9]+ inputs +cov [0-9]+  features [0-9]+  corpus [0-9]+  crashes [01]\$" <<<"$output" ||
		fail "no line of $1: $output"
}

inputs_of() {
	row "$1" | awk '{ print $2 }'
}

kept_inputs() {
	find "$ROOT/tests/fuzz/corpus/$1" "$ROOT/tests/fuzz/crashes/$1" -type f 2>/dev/null | wc -l
}

runs_clean() {
	run "$ROOT/tests/fuzz/run" -b "$FUZZ" -t "$FUZZ_SECONDS" "$1"
	assert_status 0
	# A fuzzer that gets no further than its seeds has not run.
	[ "$(kept_inputs "$1")" -gt 0 ] || fail "nothing is kept for $1"
	[ "$(inputs_of "$1")" -gt $((2 * $(kept_inputs "$1"))) ] || fail "too few inputs: $output"
	echo "# $(row "$1")" >&3
}

# The objects that are there already are taken along: only what is broken is compiled again. Not what the corpora have
# grown to: the other file's fuzzers are at it.
finds() {
	local name=$1 file=$2 sed=$3 seed=${4-} tree=$BATS_TEST_TMPDIR/broken seconds=120 built

	rm -rf "$tree"
	mkdir -p "$tree/tests" "$tree/build/fuzz"
	cp -r "$ROOT/Makefile" "$ROOT/shim" "$tree"
	cp -r "$ROOT/tests/fuzz" "$tree/tests"
	for built in "$FUZZ"/*; do
		[ "${built##*/}" = grown ] || cp -rp "$built" "$tree/build/fuzz"
	done
	find "$tree/build/fuzz" -name '*.[od]' -exec touch {} +
	sed -i "$sed" "$tree/$file"
	! cmp -s "$ROOT/$file" "$tree/$file" || fail "$file is as it was: $sed" || return
	in_make "$tree" "$tree/build" "$name"
	if [ -n "$seed" ]; then
		rm -rf "$tree/tests/fuzz/corpus/$name"
		seconds=0
		[ -f "$tree/tests/fuzz/crashes/$name/$seed" ] || fail "no such input: $seed" || return
		find "$tree/tests/fuzz/crashes/$name" -type f ! -name "$seed" -delete
	fi
	run "$tree/tests/fuzz/run" -b "$tree/build/fuzz" -t "$seconds" "$name"
	assert_status 1
	assert_match 'crashes 1$' "$(row "$name")"
	assert_match 'promise broken|AddressSanitizer|runtime error' "$output"
}
