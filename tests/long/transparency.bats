#!/usr/bin/env bats
# Suites that others wrote, bare and under the shim: the same results, test by test. Any difference is a defect of the
# shim.

load ../servers/driver

# Debian's, which has its test suite.
PYTHON=/usr/bin/python3.11

# Where a port that one of two runs has seen to be free must not be the other's.
APART=()

# suite NAME [shim ... --]: runs `$tests` in $WHERE, by default a folder of its own; NAME.results has `TEST outcome` of
# each, sorted.
suite() {
	local name=$1

	mkdir -p "$DIR/$name"
	(
		cd "${WHERE-$DIR/$name}" || exit
		resolve "${@:2}" timeout 500 "${tests[@]}"
		close_bats_fds
		exec "${APART[@]}" "${COMMAND[@]}"
	) >"$DIR/$name.out" 2>&1 || echo $? >"$DIR/$name.status"
	results <"$DIR/$name.out" | sort >"$DIR/$name.results"
}

results() {
	python3 "$BATS_TEST_DIRNAME/test-results.py"
}

# alike NAME: its results are those of a bare run, but for the tests which two bare runs tell apart.
alike() {
	diff -u --label bare --label "$1" <(steady bare) <(steady "$1") ||
		{ grep -A 12 -E '^(FAIL|ERROR):' "$DIR/$1.out" | head -n 60 && return 1; }
}

steady() {
	grep -vFf "$DIR/flaky" "$DIR/$1.results" || :
}

# compare LEAST COMMAND...: runs it bare twice and under the shim twice, with ALONE one at a time. LEAST of the tests must pass,
# for else it would be nothing that is compared.
compare() {
	local least=$1 tests=("${@:2}")

	require jq
	# Two at a time: as many as there are processors in the smallest machine.
	suite bare &
	[ -z "${ALONE-}" ] || wait
	suite again &
	wait
	suite app shim POLICY=app LOG=off -- &
	[ -z "${ALONE-}" ] || wait
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
	# It has a machine's name of its own too: a test sets that.
	[ "$1" != test_socket ] || APART=(unshare -nu sh -c 'ip link set lo up && exec "$@"' sh)
	[ -e "${PYTHON/bin/lib}/test/test_socket.py" ] || skip "needs lib${PYTHON##*/}-testsuite"
	compare "$2" "$PYTHON" -X faulthandler -m test -v "${@:3}" -i '*VSOCK*' -i '*Vsock*' "$1"
}

# source_of PACKAGE PATTERN...: those files of Debian's source, in $DIR/source.
source_of() {
	local at=$BATS_FILE_TMPDIR apt

	# shellcheck disable=SC1091,SC2153
	echo "deb-src http://deb.debian.org/debian $(. /etc/os-release && echo "$VERSION_CODENAME") main" >"$at/list"
	apt=(apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::sourcelist="$at/list" -o Dir::Etc::sourceparts=-
		-o Dir::State::lists="$at/lists" -o Dir::Cache="$at/cache")
	mkdir -p "$at/lists/partial" "$at/cache/archives/partial" "$DIR/source"
	(cd "$DIR" && "${apt[@]}" update && "${apt[@]}" --download-only source "$1") >"$DIR/fetch.out" 2>&1 ||
		skip "needs Debian's source of $1 to be had: $(tail -n 1 "$DIR/fetch.out")"
	tar xJf "$DIR/$1"_*.orig.tar.xz -C "$DIR/source" --strip-components 1 --wildcards "${@:2}"
}

ruby_socket() {
	require ruby apt-get
	source_of ruby3.1 '*/test/socket' '*/test/runner.rb' '*/tool' '*/test/lib'
	results() {
		awk 'sub(/^\[ *[0-9]+\/[0-9]+\] /, "") { all[$1] = "ok" }
			/^ *[0-9]+\) (Failure|Error|Skipped):/ { how = $2; getline; sub(/:$/, "", $1); all[$1] = how }
			END { for (name in all) print name, all[name] }'
	}
	WHERE=$DIR/source compare 150 env RUBY_TEST_TIMEOUT_SCALE=30 ruby -I tool/lib test/runner.rb -v test/socket
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
	compare 500 "$PYTHON" -X faulthandler -m unittest -v twisted.internet.test.test_tcp twisted.internet.test.test_udp
}

@test "ruby's test/socket: the same under the shim" {
	ruby_socket
}

@test "perl's IO::Socket::IP: the same under the shim" {
	require prove apt-get
	source_of perl '*/cpan/IO-Socket-IP/t'
	results() {
		awk '/^t\/.*\.t \.\./ { file = $1 }
			sub(/^not ok /, "FAIL ") || /^ok [0-9]/ { print file "#" $2, /# skip/ ? "skip" : $1 }'
	}
	WHERE=$DIR/source/cpan/IO-Socket-IP compare 150 prove -v t
}

# ---- from outside

@test "ruby's test/socket, supervised: the same" {
	TESTS_REACH=supervise ruby_socket
}

@test "CPython's test_socket, supervised: the same" {
	TESTS_REACH=supervise cpython test_socket 300
}

@test "Go's tests of net, supervised: the same" {
	require go
	[ -d /usr/share/go-1.19/src/net ] || skip 'needs golang-src'
	HOME=$DIR GOCACHE=$DIR/cache GOFLAGS=-buildvcs=false go test -c -o "$DIR/net.test" net
	results() {
		sed -nE 's/^ *--- ([A-Z]+): ([^ ]+) .*/\2 \1/p' | sed 's/ PASS$/ ok/'
	}
	export TESTS_REACH=supervise WHERE=/usr/share/go-1.19/src/net
	ALONE=1 compare 300 "$DIR/net.test" -test.short -test.v
	# Forced, with the tests of wildcards, that -short leaves out: IPv4 clients of those are refused, and nothing else differs.
	tests=("$DIR/net.test" '-test.run=Listen|DualStack|Wild|Packet|Server|Conn|Addr' -test.v)
	suite wild
	suite only shim POLICY=ipv6-only LOG="$DIR/only.jsonl" LOG_LEVEL=bind --
	[ "$(grep -c ' ok$' "$DIR/wild.results")" -gt 90 ]
	jq -se 'map(select(.event == "bind" and .action == "override")) | length > 20' "$DIR/only.jsonl" >/dev/null
	assert_eq '' "$(diff "$DIR/wild.results" "$DIR/only.results" | grep '^>' |
		grep -vE '^> TestTCPServer(/tcp_[^1]*:0<-127\.0\.0\.1(#01)?)? FAIL$')"
	grep -q '^TestTCPServer/.* FAIL' "$DIR/only.results"
}
