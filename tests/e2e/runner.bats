#!/usr/bin/env bats
# tests/run reports honestly: what passed, what failed and how, what was skipped and why.

# Each test is a process of its own, and means to be.
# shellcheck disable=SC2030,SC2031

load helper

setup() {
	UNIT=$BATS_TEST_TMPDIR/unit
	E2E=$BATS_TEST_TMPDIR/e2e
	SOURCES=$BATS_TEST_TMPDIR/sources
	RUN_ENV=()
	mkdir "$UNIT" "$E2E" "$SOURCES"
}

# unit NAME <<END: a shell program in the place of a cmocka program.
unit() {
	{
		echo '#!/bin/bash'
		cat
	} >"$UNIT/$1"
	chmod +x "$UNIT/$1"
}

# e2e NAME <<END: a file of tests; TEST stands for the word that bats would take for one of this file's.
e2e() {
	sed 's/^TEST/@test/' >"$E2E/$1.bats"
}

passing() {
	unit "$1" <<<'printf "1..2\nok 1 - one\nok 2 - two\n"'
}

# Runs it with what a developer has, not with what CI or an outer run set. `env` may add to that.
runner() {
	run env -u CI "TESTS_UNIT_DIR=$UNIT" "TESTS_UNIT_SOURCES=$SOURCES" "TESTS_E2E_DIR=$E2E" \
		"V6SHIM_BUILD=$BUILD" "${RUN_ENV[@]}" "$ROOT/tests/run" "$@"
}

assert_summary() {
	assert_eq "$1" "${lines[-1]}" "$output"
}

# The words of the line about a file, without the seconds.
line_of() {
	awk -v name="$1" '$1 == name { $1 = ""; NF -= 2; print substr($0, 2) }' <<<"$output"
}

@test "all pass: a line for each file, exit status 0, the summary last" {
	passing a
	e2e b <<-'END'
		TEST "first" { :; }
		TEST "second # with a number sign" { echo quiet; }
	END
	runner
	assert_status 0
	assert_summary '4 passed, 0 failed, 0 skipped'
	assert_match $'(^|\n)unit/a  +2 passed  +[0-9]+\.[0-9][0-9] s\n' "$output"
	assert_eq '2 passed' "$(line_of e2e/b)"
	refute_line '    quiet'
}

@test "a failing test: all its diagnostics, its name at the end, exit status 1" {
	unit a <<-'END'
		echo 1..3
		echo 'ok 1 - good'
		echo '[  ERROR   ] --- 1 != 2' >&2
		echo 'not ok 2 - bad thing'
		echo '# a.c:7: error: Failure!'
		echo 'ok 3 - good again'
		exit 1
	END
	e2e b <<-'END'
		TEST "breaks" {
			echo "a word of explanation"
			false
		}
	END
	runner
	assert_status 1
	assert_summary '2 passed, 2 failed, 0 skipped'
	assert_eq '2 passed, 1 FAILED' "$(line_of unit/a)"
	assert_line '    [  ERROR   ] --- 1 != 2'
	assert_line '    not ok 2 - bad thing'
	assert_line '    # a.c:7: error: Failure!'
	refute_line '    ok 1 - good'
	assert_line '    # a word of explanation'
	assert_line '  unit/a: bad thing'
	assert_line '  e2e/b: breaks'
}

@test "a program that crashes is a failure, also after its last test" {
	unit early <<-'END'
		printf '1..3\nok 1 - one\n'
		kill -SEGV $$
	END
	unit late <<-'END'
		printf '1..1\nok 1 - one\n'
		kill -ABRT $$
	END
	runner
	assert_status 1
	assert_summary '2 passed, 2 failed, 0 skipped'
	assert_line '  unit/early: killed by SIGSEGV; planned 3, reported 1'
	assert_line '  unit/late: killed by SIGABRT'
}

@test "a plan that does not fit is a failure: too few, too many, none, empty" {
	unit few <<<'printf "1..3\nok 1 - one\nok 2 - two\n"'
	unit many <<<'printf "1..1\nok 1 - one\nok 2 - two\n"'
	unit none <<<'echo "ok 1 - one"'
	unit empty <<<'echo 1..0'
	unit mute <<<':'
	runner
	assert_status 1
	assert_summary '5 passed, 5 failed, 0 skipped'
	assert_line '  unit/few: planned 3, reported 2'
	assert_line '  unit/many: planned 1, reported 2'
	assert_line '  unit/none: printed no plan'
	assert_line '  unit/empty: holds no test'
	assert_line '  unit/mute: printed no plan'
}

@test "a plan for each of cmocka's groups: they add up" {
	unit groups <<<'printf "1..2\nok 1 - a\nok 2 - b\n# ok - group\n1..1\nok 1 - c\n# ok - other\n"'
	unit cut <<<'printf "1..2\nok 1 - a\nok 2 - b\n# ok - group\n1..2\nok 1 - c\n"'
	runner
	assert_summary '6 passed, 1 failed, 0 skipped'
	assert_line '  unit/cut: planned 4, reported 3'
}

@test "an exit status without a failed test is a failure" {
	unit a <<<'printf "1..1\nok 1 - one\n"; exit 200'
	unit b <<<'echo "error while loading shared libraries" >&2; exit 127'
	runner
	assert_summary '1 passed, 2 failed, 0 skipped'
	assert_line '  unit/a: exit status 200'
	assert_line '  unit/b: printed no plan; exit status 127'
	assert_line '    error while loading shared libraries'
}

skipping() {
	unit a <<<'printf "1..4\nok 1 - one\nnot ok 2 # SKIP two\n# no sun\nnot ok 3 # SKIP three\nnot ok 4 # SKIP four\n"'
	unit whole <<<'echo "1..0 # SKIP no such kernel"'
	e2e b <<-'END'
		TEST "needs more" { skip "needs moon # and stars"; }
		TEST "says nothing" { skip; }
	END
}

@test "skips are named with their reasons" {
	skipping
	runner
	assert_status 0
	assert_summary '1 passed, 0 failed, 6 skipped'
	assert_eq '1 passed, 3 skipped' "$(line_of unit/a)"
	assert_line '  unit/a: two: no reason given'
	assert_line '  unit/a: three: no sun'
	assert_line '  unit/a: four: no reason given'
	assert_line '  unit/whole: no such kernel'
	assert_line '  e2e/b: needs more: needs moon # and stars'
	assert_line '  e2e/b: says nothing: no reason given'
}

@test "in CI a skip is a failure, and is said to be one" {
	skipping
	for value in true 1; do
		RUN_ENV=("CI=$value")
		runner
		assert_status 1
		assert_summary '1 passed, 6 failed, 0 skipped'
		assert_line '  e2e/b: needs more: needs moon # and stars (skipped; in CI that is a failure)'
	done
	RUN_ENV=(CI=false)
	runner
	assert_status 0
}

@test "without bats the suite is a skip that says so" {
	passing a
	e2e b <<<'TEST "one" { :; }'
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s /usr/bin/* "$BATS_TEST_TMPDIR/bin"
	rm "$BATS_TEST_TMPDIR/bin/bats"
	RUN_ENV=(PATH="$BATS_TEST_TMPDIR/bin")
	runner
	assert_status 0
	assert_summary '2 passed, 0 failed, 1 skipped'
	assert_line '  e2e: bats is not installed (tests/deps small)'
	RUN_ENV+=(CI=true)
	runner
	assert_status 1
	assert_summary '2 passed, 1 failed, 0 skipped'
}

@test "a unit test that was not built is a failure, without cmocka a skip" {
	passing a
	echo 'int main(void) { return 0; }' | tee "$SOURCES/a.c" >"$SOURCES/b.c"
	echo 'int helper(void) { return 0; }' >"$SOURCES/shared.c"
	runner
	assert_status 1
	assert_summary '2 passed, 1 failed, 0 skipped'
	assert_line '  unit/b: not built'
	RUN_ENV=(CC=false)
	runner
	assert_status 0
	assert_summary '2 passed, 0 failed, 1 skipped'
	assert_line '  unit/b: not built, for libcmocka-dev is not installed (tests/deps small)'
}

@test "a bats file that dies, or cannot be read, is a failure" {
	e2e dies <<-'END'
		TEST "one" { :; }
		TEST "two" { kill -KILL $PPID; }
		TEST "three" { :; }
	END
	e2e broken <<<'TEST "one" { if ; }'
	e2e empty <<<'true'
	passing a
	runner
	assert_status 1
	assert_match ', 3 failed, 0 skipped$' "${lines[-1]}"
	assert_match $'\n  e2e/dies: planned 3, reported [12]' "$output"
	assert_match $'\n  e2e/broken: ' "$output"
	assert_line '  e2e/empty: holds no test'
	assert_eq '2 passed' "$(line_of unit/a)"
}

@test "a file that does not end is stopped, with all that it started" {
	export WORD=orphan-$$-$RANDOM
	unit hangs <<-'END'
		printf '1..2\nok 1 - one\n'
		(setsid bash -c "exec -a $WORD sleep 61" &)
		exec -a $WORD sleep 62
	END
	RUN_ENV=(TESTS_TIMEOUT=1)
	runner
	assert_status 1
	assert_summary '1 passed, 1 failed, 0 skipped'
	assert_line '  unit/hangs: timed out after 1 s; planned 2, reported 1'
	assert_eq '' "$(pgrep -f -- "$WORD" || :)"
}

@test "what a file leaves running is ended and a failure" {
	export WORD=orphan-$$-$RANDOM
	unit leaves <<-'END'
		printf '1..1\nok 1 - one\n'
		(setsid bash -c "exec -a $WORD sleep 63" >/dev/null 2>&1 &)
	END
	runner
	assert_status 1
	assert_summary '1 passed, 1 failed, 0 skipped'
	assert_match 'unit/leaves: left a process running: (sleep|bash) \([0-9]+\)' "$output"
	assert_eq '' "$(pgrep -f -- "$WORD" || :)"
}

@test "suites and names select; nothing selected is a failure" {
	passing policy
	passing policy-order
	passing text
	e2e policy <<<'TEST "one" { :; }'
	runner policy
	assert_summary '5 passed, 0 failed, 0 skipped'
	runner unit policy
	assert_summary '4 passed, 0 failed, 0 skipped'
	runner unit order text
	assert_summary '4 passed, 0 failed, 0 skipped'
	runner e2e
	assert_summary '1 passed, 0 failed, 0 skipped'
	runner e2e order
	assert_status 1
	assert_line '  no test ran for: e2e order'
	assert_summary '0 passed, 1 failed, 0 skipped'
	rm "$UNIT"/* "$E2E"/*
	runner
	assert_status 1
	assert_summary '0 passed, 1 failed, 0 skipped'
}

@test "-j bounds what runs at a time, and each file's output stays together" {
	for i in 1 2 3 4; do
		unit "p$i" <<-'END'
			echo 1..1
			cd "$SPACE" && touch "running.$$" "came.$$"
			for ((tries = 0; tries < 250 && $(ls came.* | wc -l) < JOBS; tries++)); do
				sleep 0.02
			done
			ls came.* | wc -l >"waited.$$"
			sleep 0.1
			ls running.* | wc -l >"seen.$$"
			echo "not ok 1 - ${0##*/}"
			sleep 0.1
			echo "# ${0##*/}: more"
			rm "running.$$"
			exit 1
		END
	done
	e2e after <<-'END'
		TEST "unit comes first" {
			seen=("$SPACE"/seen.*)
			[ ${#seen[@]} -eq 4 ]
		}
	END
	export SPACE JOBS
	for JOBS in 1 2 4; do
		SPACE=$(mktemp -d "$BATS_TEST_TMPDIR/space.XXXXXX")
		runner -j "$JOBS"
		assert_summary '1 passed, 4 failed, 0 skipped'
		[ "$(sort -n "$SPACE"/seen.* | tail -n 1)" -le "$JOBS" ]
		[ "$(sort -n "$SPACE"/waited.* | head -n 1)" -ge "$JOBS" ]
		for i in 1 2 3 4; do
			assert_match "    not ok 1 - p$i"$'\n'"    # p$i: more" "$output"
		done
	done
}

@test "stopped by a signal: nothing stays, and no summary claims success" {
	export WORD=orphan-$$-$RANDOM
	unit hangs <<-'END'
		echo "$TMPDIR" >"$OUT"
		echo 1..1
		exec -a $WORD sleep 64
	END
	export OUT=$BATS_TEST_TMPDIR/folder
	env -u CI "TESTS_UNIT_DIR=$UNIT" "TESTS_UNIT_SOURCES=$SOURCES" "TESTS_E2E_DIR=$E2E" \
		"V6SHIM_BUILD=$BUILD" "$ROOT/tests/run" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	pid=$!
	wait_for 5 pgrep -f -- "$WORD"
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	assert_status 143
	assert_eq 'tests/run: stopped by SIGTERM' "$(tail -n 1 "$BATS_TEST_TMPDIR/out")"
	assert_eq '' "$(pgrep -f -- "$WORD" || :)"
	refute [ -e "$(dirname "$(<"$OUT")")" ]
}

@test "bad usage: exit status 2" {
	for arguments in '-j 0' '-j x' '-x' '-j'; do
		# shellcheck disable=SC2086
		runner $arguments
		assert_status 2
	done
}
