#!/usr/bin/env bats
# The benchmarks of tests/bench run, and leave every cell.

load ../e2e/helper

BENCH=$BUILD/tests/bench
EMPTY=$BENCH/empty.so

setup() {
	[ -x "$BENCH/calls" ] || fail "$BENCH/calls is missing: run make bench-programs"
	DIR=$BATS_TEST_TMPDIR
}

require_bench() {
	require_netns
	require python3 wrk redis-benchmark redis-server nginx valgrind strace jq torsocks proxychains4 \
		authbind eatmydata
}

# bench GROUP: a quick run, its results in $DIR; the cells, `CASE [THREADS] CONTESTANT` a line, in $output.
bench() {
	(
		close_bats_fds
		exec "$ROOT/tests/bench/run" --build "$BUILD" --out "$DIR" --quick "$1"
	) >"$DIR/bench.out" 2>&1 || fail "$(tail -n 30 "$DIR/bench.out")" || return
	output=$(jq -r --arg group "$1" '.groups[$group].cells[] | "\(.case) \(.threads // "") \(.contestant)"' \
		"$DIR/bench.json" | tr -s ' ')
	# Each is a figure, or says why there is none.
	# shellcheck disable=SC2016 # jq's variables
	jq -e --arg group "$1" '.v == 1 and (.groups | keys) == [$group] and (.groups[$group]
		| .quick and (.machine | (.kernel, .compiler, .processor, .libc, .filesystem | length) > 1)
		and all(.cells[]; .refused or ([.median, .q1, .q3] | all(type == "number" and . >= 0)))
		and all(.cells[] | .ratio // empty; .q1 <= .median and .median <= .q3 and .q1 > 0))' \
		"$DIR/bench.json" >/dev/null || fail "$(<"$DIR/bench.json")" || return
	grep -Fq "## $1" "$DIR/bench.md"
}

# cross "A B" "C D": every word of the first with every word of the second, a pair a line.
cross() {
	local first second

	for first in $1; do
		for second in $2; do
			echo "$first $second"
		done
	done
}

# assert_cells: $output has those of standard input, each once, and no other.
assert_cells() {
	assert_eq "$(sort)" "$(sort <<<"$output")" 'cells'
}

LEVELS='shim-off shim-error shim-change shim-bind shim-all'

@test "make bench T=calls: every call, one thread and two, bare, every log and every peer" {
	require_bench
	peers='socket_wrapper torsocks proxychains authbind eatmydata'
	bench calls
	{
		cross "$(cross 'nodelay socket4 socket6 cycle-any cycle-one listen getaddrinfo' '1 2' | tr ' \n' '/ ')" \
			"bare bare-again $LEVELS $peers"
		cross 'cycle-any/1 cycle-any/2' 'rules-1-wide rules-10-wide rules-100-wide rules-256-wide'
	} | tr / ' ' | assert_cells
	# Peers that let a call through are figures; none of the shim's own may be refused.
	assert_eq '' "$(jq -r '.groups.calls.cells[] | select(.refused) | .contestant' "$DIR/bench.json" |
		grep -Evx "${peers// /|}" || :)"
}

@test "make bench T=start: what is counted and timed, for every setting and number of rules" {
	require_bench
	bench start
	cross 'system_calls instructions private_dirty library_pages time' 'bare bare-again empty shim-none shim-off
		shim-file shim-bind shim-load shim-all shim-config shim-profile rules-1 rules-10 rules-100 rules-256
		rules-1-wide' | assert_cells
	jq -e '.groups.start.library | .bytes > 10000 and .relocations > 0' "$DIR/bench.json" >/dev/null
}

@test "make bench T=load: requests and the 99th percentile of nginx and redis, bare and with the shim" {
	require_bench
	bench load
	cross "$(cross 'nginx redis' 'requests p99' | tr ' \n' '- ')" 'bare bare-again shim-bind' | assert_cells
}

@test "make bench T=scale: conflicts, listeners, report beside jq; the holder is named where it is near" {
	require_bench
	bench scale
	{
		cross 'conflict-own-10 conflict-own-1000 conflict-own-100000' 'bare shim-share'
		cross 'conflict-other-10 conflict-other-1000 conflict-other-100000' 'bare shim-fail'
		cross listeners "bare bare-again $LEVELS"
		cross "$(cross '1MB 100MB' 'seconds peak records' | sed 's/^/log-/' | tr ' \n' '- ')" 'report jq'
	} | assert_cells
	assert_eq 'fd pid' "$(jq -r '.groups.scale.cells[] | select(.case | endswith("-10")) | .holder_named_by // empty' \
		"$DIR/bench.json" | paste -sd' ')"
}

# A build that has another library in the shim's place.
@test "a library that does nothing is not measured as the shim, nor one that is not there" {
	require_bench
	mkdir "$DIR/build"
	ln -s "$BUILD/tests" "$BUILD/v6shim" "$DIR/build"
	run "$ROOT/tests/bench/run" --build "$DIR/build" --quick calls
	assert_status 1
	assert_match "bench: nodelay, shim-[a-z]+: libv6shim.so was not loaded" "$output"
	cp "$EMPTY" "$DIR/build/libv6shim.so"
	run "$ROOT/tests/bench/run" --build "$DIR/build" --quick calls
	assert_status 1
	assert_match "bench: cycle-any, shim-[a-z]+: V6ONLY is \['0'\]" "$output"
	run "$ROOT/tests/bench/run" --build "$DIR/build" --quick load
	assert_status 1
	assert_match 'bench: nginx, shim-bind: inet6 :: v6only=1, and not inet6 :: v6only=0' "$output"
	run "$ROOT/tests/bench/run" --build "$DIR/build" --quick scale
	assert_status 1
	assert_match 'bench: conflict, shim-share: EADDRINUSE, and not ok' "$output"
	[ ! -e "$DIR/build/bench.json" ]
}

@test "make bench hands on what it is told; an unknown group is named, with those that there are" {
	run make -s -n -C "$ROOT" BUILD="$BUILD" bench T=calls ROUNDS=3 QUICK=1 OUT=elsewhere
	assert_status 0
	assert_match 'tests/deps bench' "$output"
	assert_match "tests/bench/run --build $BUILD --out elsewhere .*--rounds 3 --quick calls" "${output//$'\n'/ }"
	run "$ROOT/tests/bench/run" --out "$DIR" cals
	assert_status 2
	assert_match "no such group: 'cals'; there are calls, start, load, scale" "$output"
	[ ! -e "$DIR/bench.json" ]
}

@test "what was measured for the manual is shown as tables; a quick run says that it means nothing" {
	run "$ROOT/tests/bench/run" --show "$ROOT/tests/bench/measured.json"
	assert_status 0
	for group in calls start load scale; do
		assert_line "## $group"
	done
	refute grep -q QUICK <<<"$output"
	sed 's/"quick": false/"quick": true/' "$ROOT/tests/bench/measured.json" >"$DIR/quick.json"
	assert_match '^A QUICK RUN' "$("$ROOT/tests/bench/run" --show "$DIR/quick.json")"
	[ ! -e "$ROOT/tests/bench/__pycache__" ]
}
