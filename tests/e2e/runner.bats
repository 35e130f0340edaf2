#!/usr/bin/env bats
# tests/run reports honestly: what passed, what failed and how, what was skipped and why.

# Each test is a process of its own, and means to be.
# shellcheck disable=SC2030,SC2031,SC2016

load helper

setup() {
	SPACE=$BATS_TEST_TMPDIR
	mkdir "$SPACE"/{unit,sources,e2e,e2e/servers,e2e/long}
	export WORD=orphan-$$-$RANDOM
	# What a developer has, not what CI or an outer run set.
	RUNNER=(env -u CI "TESTS_UNIT_DIR=$SPACE/unit" "TESTS_UNIT_SOURCES=$SPACE/sources" "TESTS_E2E_DIR=$SPACE/e2e"
		"V6SHIM_BUILD=$BUILD")
}

# unit NAME SCRIPT: a shell program in the place of a cmocka program.
unit() {
	printf '#!/bin/bash\n%s\n' "$2" >"$SPACE/unit/$1"
	chmod +x "$SPACE/unit/$1"
}

passing() {
	unit "$1" 'printf "1..2\nok 1 - one\nok 2 - two\n"'
}

# e2e NAME SCRIPT: a file of tests; TEST stands for the word that bats would take for one of this file's.
e2e() {
	printf '%s\n' "${2//TEST /@test }" >"$SPACE/e2e/$1.bats"
}

# runner [NAME=VALUE...] WORD...
runner() {
	run "${RUNNER[@]}" "${SETTINGS[@]}" "$ROOT/tests/run" "$@"
}

# assert_run STATUS SUMMARY [LINE...]
assert_run() {
	local line

	assert_status "$1"
	assert_eq "$2" "${lines[-1]}" "$output"
	for line in "${@:3}"; do
		assert_line "$line"
	done
}

# verdict SCRIPT PASSED,FAILED,SKIPPED [LINE...]: of one unit program alone.
verdict() {
	local passed failed skipped status=0

	IFS=, read -r passed failed skipped <<<"$2"
	unit x "$1"
	[ "$failed" -eq 0 ] || status=1
	runner unit
	assert_run $status "$passed passed, $failed failed, $skipped skipped" "${@:3}"
}

@test "what passes, and what fails: a line for each file, all diagnostics of a failure, its name at the end" {
	passing a
	e2e b 'TEST "first" { :; }
TEST "second # with a number sign" { echo quiet; }'
	runner
	assert_run 0 '4 passed, 0 failed, 0 skipped'
	assert_match $'(^|\n)unit/a  +2 passed  +[0-9]+\.[0-9][0-9] s\ne2e/b  +2 passed  +' "$output"
	refute_line '    quiet'
	e2e b 'TEST "breaks" { echo "a word"; false; }'
	unit a 'printf "1..3\nok 1 - good\n[ ERROR ] --- 1 != 2\nnot ok 2 - bad\n# a.c:7: error\nok 3 - more\n"; exit 1'
	echo 'int main(void) { return 0; }' >"$SPACE/sources/b.c"
	runner
	assert_run 1 '2 passed, 3 failed, 0 skipped' '    [ ERROR ] --- 1 != 2' '    not ok 2 - bad' '    # a.c:7: error' \
		'    # a word' '  unit/a: bad' '  e2e/b: breaks' '  unit/b: not built'
	refute_line '    ok 1 - good'
}

@test "what is wrong with a file as a whole is a failure: its end, its plan, its exit status" {
	verdict 'printf "1..3\nok 1 - one\n"; kill -SEGV $$' 1,1,0 '  unit/x: killed by SIGSEGV; planned 3, reported 1'
	verdict 'printf "1..3\nok 1 - one\nok 2 - two\n"' 2,1,0 '  unit/x: planned 3, reported 2'
	verdict 'echo 1..0' 0,1,0 '  unit/x: holds no test'
	verdict 'printf "1..1\nok 1 - one\n"; exit 200' 1,1,0 '  unit/x: exit status 200'
	verdict 'echo "cannot be loaded" >&2; exit 127' 0,1,0 '  unit/x: printed no plan; exit status 127' \
		'    cannot be loaded'
	# A plan for each of cmocka's groups: they add up.
	verdict 'printf "1..2\nok 1 - a\nok 2 - b\n# ok - group\n1..1\nok 1 - c\n"' 3,0,0
}

@test "a bats file that dies, or cannot be read, or holds nothing, is a failure" {
	e2e dies 'TEST "one" { :; }
TEST "two" { kill -KILL $PPID; }
TEST "three" { :; }'
	e2e broken 'TEST "one" { if ; }'
	e2e empty true
	runner
	assert_match ', 3 failed, 0 skipped$' "${lines[-1]}"
	assert_match $'\n  e2e/dies: planned 3, reported [12]' "$output"
	assert_match $'\n  e2e/broken: ' "$output"
	assert_line '  e2e/empty: holds no test'
}

@test "skips are named with their reasons; in CI each is a failure" {
	unit a 'printf "1..4\nok 1 - one\nnot ok 2 # SKIP two\n# no sun\nnot ok 3 # SKIP three\nnot ok 4 # SKIP four\n"'
	unit whole 'echo "1..0 # SKIP no such kernel"'
	e2e b 'TEST "needs more" { skip "needs moon # and stars"; }
TEST "says nothing" { skip; }'
	runner
	assert_run 0 '1 passed, 0 failed, 6 skipped' '  unit/a: two: no reason given' '  unit/a: three: no sun' \
		'  unit/a: four: no reason given' '  unit/whole: no such kernel' \
		'  e2e/b: needs more: needs moon # and stars' '  e2e/b: says nothing: no reason given'
	SETTINGS=(CI=true)
	runner
	assert_run 1 '1 passed, 6 failed, 0 skipped' \
		'  e2e/b: needs more: needs moon # and stars (skipped; in CI that is a failure)'
}

@test "a file that does not end is stopped, and what one leaves running is ended: both are failures" {
	SETTINGS=(TESTS_TIMEOUT=1)
	verdict "printf '1..2\nok 1 - one\n'; (setsid bash -c 'exec -a $WORD sleep 61' &) ; exec -a $WORD sleep 62" 1,1,0 \
		'  unit/x: timed out after 1 s; planned 2, reported 1'
	SETTINGS=()
	verdict "printf '1..1\nok 1 - one\n'; (setsid bash -c 'exec -a $WORD sleep 63' >/dev/null 2>&1 &)" 1,1,0
	assert_match 'unit/x: left a process running: (sleep|bash) \([0-9]+\)' "$output"
	assert_eq '' "$(pgrep -f -- "$WORD" || :)"
}

@test "suites and names select, servers in two suites; nothing selected is a failure" {
	for name in policy policy-order text; do passing $name; done
	for name in policy servers/nginx long/soak; do e2e $name 'TEST "one" { :; }'; done
	while read -r passed words; do
		# shellcheck disable=SC2086 # into its words
		runner $words
		assert_run 0 "$passed passed, 0 failed, 0 skipped"
	done <<-'END'
		9
		5 policy
		4 unit order text
		1 long soak
	END
	runner e2e order
	assert_run 1 '0 passed, 1 failed, 0 skipped' '  no test ran for: e2e order'
	runner -j 0
	assert_status 2
}

@test "stopped by a signal: nothing stays, and no summary claims success" {
	unit hangs "echo \"\$TMPDIR\" >'$SPACE/folder'; echo 1..1; exec -a $WORD sleep 64"
	"${RUNNER[@]}" "$ROOT/tests/run" >"$SPACE/out" 2>&1 3>&- &
	pid=$!
	wait_for 30 pgrep -f -- "$WORD"
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	assert_eq '143 tests/run: stopped by SIGTERM' "$status $(tail -n 1 "$SPACE/out")"
	assert_eq '' "$(pgrep -f -- "$WORD" || :)"
	refute [ -e "$(dirname "$(<"$SPACE/folder")")" ]
}
