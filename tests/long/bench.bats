#!/usr/bin/env bats
# The benchmarks of tests/bench run, and leave every cell; a library that does nothing is not measured as the shim.

load ../e2e/helper

# bench GROUP CASES CONTESTANT...: a quick run leaves so many cases, of each of these contestants; and others, of some.
bench() {
	require_netns
	require python3 wrk nginx go jq torsocks proxychains4 authbind eatmydata
	(
		close_bats_fds
		exec "$ROOT/tests/bench/run" --build "$BUILD" --out "$DIR" --quick "$1"
	) >"$DIR/bench.out" 2>&1 || fail "$(tail -n 30 "$DIR/bench.out")" || return
	for who in "${@:3}"; do
		assert_eq "$2" "$(jq --arg group "$1" --arg who "$who" \
			'[.[$group].cells[] | select(.contestant == $who) | .case] | unique | length' "$DIR/bench.json")" "$1, $who"
	done
	# Each is a figure, or says why there is none: of the shim's own none may be refused.
	jq -e --arg group "$1" '.[$group] | .quick and (.machine | (.kernel, .compiler, .processor, .libc | length) > 1)
		and all(.cells[]; (.refused and (.contestant | test("shim|bare") | not)) or .q1 <= .median and .median <= .q3)
		and all(.cells[] | .ratio // empty; .q1 > 0)' "$DIR/bench.json" >/dev/null || fail "$(<"$DIR/bench.json")" || return
	assert_match "A QUICK RUN.*## $1" "$(<"$DIR/bench.md")"
}

LEVELS=(shim-off shim-error shim-change shim-bind shim-all)

@test "make bench T=calls: every call, one thread and two, bare, every log, every peer, and rules" {
	bench calls 18 bare bare-again "${LEVELS[@]}" socket_wrapper torsocks proxychains authbind eatmydata
	assert_match '\| cycle-any 2 \| rules-256 \| [0-9]' "$(<"$DIR/bench.md")"
}

@test "make bench T=start, T=load and T=scale: the start, a loaded server, conflicts, listeners, report beside jq" {
	bench start 1 bare bare-again empty "${LEVELS[@]}" supervised shim-profile rules-1 rules-10 rules-100 rules-256
	bench load 4 bare bare-again supervised
	bench scale 7 bare
	bench scale 3 shim-share shim-fail
	bench scale 2 report jq
}

# A build that has another library in the shim's place.
@test "a library that does nothing is not measured as the shim, nor one that is not there" {
	require_netns
	require python3 nginx go wrk
	mkdir "$DIR/build"
	ln -s "$BUILD/tests" "$BUILD/v6shim" "$DIR/build"
	run "$ROOT/tests/bench/run" --build "$DIR/build" --quick calls
	assert_status 1
	assert_match "libv6shim.so' from LD_PRELOAD cannot be preloaded" "$output"
	cp "$BUILD/tests/bench/empty.so" "$DIR/build/libv6shim.so"
	while read -r group expected; do
		run "$ROOT/tests/bench/run" --build "$DIR/build" --quick "$group"
		assert_status 1
		assert_line "bench: $expected"
	done <<-'END'
		calls getppid, shim-off: V6ONLY is 0
		load nginx, shim-bind: inet6 :: v6only=1, and not inet6 :: v6only=0
		scale conflict, shim-share: EADDRINUSE, and not ok
	END
	[ ! -e "$DIR/build/bench.json" ]
}
