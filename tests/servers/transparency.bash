# shellcheck shell=bash
# transparency.bash - suites that others wrote, bare and under the shim: the same results, test by test. Any
# difference is a defect of the shim.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

PYTHON=/usr/bin/python3.11

# results FILE: `NAME outcome` of each test, sorted. `python -m test -v` writes
# `test_x (test.test_socket.Class.test_x) ... ok`, sometimes a docstring between, and other output anywhere.
results() {
	python3 "$SERVERS/programs/test-results.py" <"$1" | sort
}

# suite NAME [shim ... --]: runs `$tests`, in a folder of its own.
suite() {
	local name=$1

	mkdir -p "$DIR/$name"
	(
		cd "$DIR/$name" || exit
		resolve "${@:2}" timeout 500 "$PYTHON" -X faulthandler "${tests[@]}"
		close_bats_fds
		exec "${COMMAND[@]}"
	) >"$DIR/$name.out" 2>&1 || echo $? >"$DIR/$name.status"
	results "$DIR/$name.out" >"$DIR/$name.results"
}

# alike NAME: its results are those of a bare run, but for the tests which two bare runs tell apart.
alike() {
	diff -u --label bare --label "$1" <(steady bare) <(steady "$1") ||
		{ grep -A 12 -E '^(FAIL|ERROR):' "$DIR/$1.out" | head -n 60 && return 1; }
}

steady() {
	grep -vFf "$DIR/flaky" "$DIR/$1.results" || :
}

# compare LEAST WORDS...: runs `python WORDS...` bare twice and under the shim twice. LEAST of the tests must
# pass, for else it would be nothing that is compared.
compare() {
	local least=$1 tests=("${@:2}")

	# Two at a time: as many as there are processors in the smallest machine.
	suite bare &
	suite again &
	wait
	suite app shim POLICY=app LOG=off -- &
	suite log shim POLICY=ipv6-only MODE=log LOG="$DIR/log.jsonl" LOG_LEVEL=bind -- &
	wait
	# Results that were cut short compare well and mean nothing.
	refute grep -qsx 124 "$DIR"/{bare,again,app,log}.status
	diff "$DIR/bare.results" "$DIR/again.results" | sed -n 's/^[<>] \([^ ]*\) .*/\1 /p' | sort -u >"$DIR/flaky"
	[ ! -s "$DIR/flaky" ] || echo "# flaky, bare: $(paste -sd ' ' "$DIR/flaky")" >&3
	echo "# $(wc -l <"$DIR/bare.results") tests, $(grep -c ' ok$' "$DIR/bare.results") ok" >&3
	[ "$(grep -c ' ok$' "$DIR/bare.results")" -gt "$least" ]
	alike app
	alike log
	# The shim was there.
	jq -se 'length > 10 and all(.[]; .event != "error" and .event != "lost")' "$DIR/log.jsonl" >/dev/null ||
		fail "records: $(grep -cE . "$DIR/log.jsonl"), lost or in error: $(grep -E '"event":"(error|lost)"' "$DIR/log.jsonl")"
}

# cpython MODULE LEAST [OPTION...]: VSOCK's tests hang on virtual machines.
cpython() {
	[ -e /usr/lib/python3.11/test/test_socket.py ] || skip 'needs libpython3.11-testsuite'
	require jq
	compare "$2" -m test -v "${@:3}" -i '*VSOCK*' -i '*Vsock*' "$1"
}
