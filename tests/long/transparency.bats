#!/usr/bin/env bats
# Suites that others wrote, bare and under the shim: the same results, test by test. Any difference is a defect of the
# shim.

load ../servers/driver

# Debian's, which has its test suite.
PYTHON=/usr/bin/python3.11

# Where a port that one of two runs has seen to be free must not be the other's.
APART=()

# suite NAME [shim ... --]: runs `$tests`, in a folder of its own; NAME.results has `TEST outcome` of each, sorted.
suite() {
	local name=$1

	mkdir -p "$DIR/$name"
	(
		cd "$DIR/$name" || exit
		resolve "${@:2}" timeout 500 "$PYTHON" -X faulthandler "${tests[@]}"
		close_bats_fds
		exec "${APART[@]}" "${COMMAND[@]}"
	) >"$DIR/$name.out" 2>&1 || echo $? >"$DIR/$name.status"
	python3 "$BATS_TEST_DIRNAME/test-results.py" <"$DIR/$name.out" | sort >"$DIR/$name.results"
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

	require jq
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
	# shellcheck disable=SC2016 # for the shell inside
	[ "$1" != test_socket ] || APART=(unshare -n sh -c 'ip link set lo up && exec "$@"' sh)
	[ -e "${PYTHON/bin/lib}/test/test_socket.py" ] || skip "needs lib${PYTHON##*/}-testsuite"
	compare "$2" -m test -v "${@:3}" -i '*VSOCK*' -i '*Vsock*' "$1"
}

# go_net NAME [shim ... --]: "TEST outcome" of Go's own tests of net, those that $SOME chooses, sorted.
SOME=-test.short
go_net() {
	local name=$1

	mkdir -p "$DIR/$name"
	(
		cd "$DIR/$name" || exit
		resolve "${@:2}" timeout 250 "$DIR/net.test" "$SOME" -test.v
		cd /usr/share/go-*/src/net || exit
		close_bats_fds
		exec "${COMMAND[@]}"
	) >"$DIR/$name.out" 2>&1 || echo $? >"$DIR/$name.status"
	sed -nE 's/^ *--- ([A-Z]+): ([^ ]+) .*/\2 \1/p' "$DIR/$name.out" | sort >"$DIR/$name.results"
}

# The module as a whole asks for leave to use the network; loopback is all that it uses.
@test "CPython's test_socketserver: the same under the shim" {
	cpython test_socketserver 10 -u network
}

@test "CPython's test_socket: the same under the shim" {
	cpython test_socket 300
}

@test "CPython's test_asyncio: the same under the shim" {
	cpython test_asyncio 900
}

@test "twisted's TCP and UDP tests: the same under the shim" {
	[ -e /usr/lib/python3/dist-packages/twisted/internet/test/test_tcp.py ] || skip 'needs python3-twisted'
	compare 500 -m unittest -v twisted.internet.test.test_tcp twisted.internet.test.test_udp
}

# ---- from outside

@test "CPython's test_socket, supervised: the same" {
	TESTS_REACH=supervise cpython test_socket 300
}

@test "Go's tests of net, supervised: the same" {
	local way

	require go jq
	[ -d /usr/share/go-1.19/src/net ] || skip 'needs golang-src'
	export TESTS_REACH=supervise
	HOME=$DIR GOCACHE=$DIR/cache GOFLAGS=-buildvcs=false go test -c -o "$DIR/net.test" net
	go_net bare
	go_net again
	go_net app shim POLICY=app LOG=off --
	go_net log shim POLICY=ipv6-only MODE=log LOG="$DIR/log.jsonl" LOG_LEVEL=bind --
	diff "$DIR/bare.results" "$DIR/again.results" | sed -n 's/^[<>] \([^ ]*\) .*/\1 /p' | sort -u >"$DIR/flaky"
	echo "# $(grep -c PASS "$DIR/bare.results") pass, $(grep -c SKIP "$DIR/bare.results") skip; flaky: $(paste -sd ' ' "$DIR/flaky")" >&3
	[ "$(grep -c ' PASS$' "$DIR/bare.results")" -gt 300 ]
	for way in app log; do
		alike $way
	done
	jq -se 'length > 10 and all(.[]; .event != "error" and .event != "lost")' "$DIR/log.jsonl" >/dev/null
	# Forced, with the tests of wildcards, that -short leaves out: IPv4 clients of those are refused, and nothing else differs.
	SOME='-test.run=Listen|DualStack|Wild|Packet|Server|Conn|Addr'
	go_net wild
	go_net only shim POLICY=ipv6-only LOG="$DIR/only.jsonl" LOG_LEVEL=bind --
	[ "$(grep -c ' PASS$' "$DIR/wild.results")" -gt 90 ]
	jq -se 'map(select(.event == "bind" and .action == "override")) | length > 20' "$DIR/only.jsonl" >/dev/null
	assert_eq '' "$(diff "$DIR/wild.results" "$DIR/only.results" | grep '^>' |
		grep -vE '^> TestTCPServer(/tcp_[^1]*:0<-127\.0\.0\.1(#01)?)? FAIL$')"
	grep -q '^TestTCPServer/.* FAIL' "$DIR/only.results"
}
