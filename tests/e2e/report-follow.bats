#!/usr/bin/env bats
# v6shim report --follow: each record as it comes, through rotation and truncation, and then the report.

load helper
source "$ROOT/tests/e2e/report_log.bash"

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	SO_FAR='records so far; new ones follow'
}

# told N: that many records have been told by the follower.
told() {
	[ "$(stdout_of follower | grep -c 'v6shim s\[1\]')" -eq "$1" ]
}

lines_are() {
	[ "$(stdout_of follower | wc -l)" -eq "$1" ]
}

# is_told BRE
is_told() {
	stdout_of follower | grep -q "$1"
}

follow() {
	start follower --says "$SO_FAR" "$V6SHIM" report --follow "$@"
}

@test "new records are told as they come, old ones are not; then the report has both" {
	log x.jsonl
	load 1 s log-level=bind
	bound 1 s 3 0.0.0.0 80
	follow --check x.jsonl
	assert_match '^v6shim: 2 records so far; new ones follow, then the report at an interrupt$' "$(stderr_of follower)"
	assert_eq '' "$(stdout_of follower)"
	heard 1 s 3 0.0.0.0 80 4
	wait_for 5 told 1
	assert_eq '2026-01-02T03:04:07.000006Z v6shim s[1]: listen tcp 0.0.0.0:80 fd 3: serves IPv4 (policy app)' \
		"$(stdout_of follower)"
	# Half a record is waited for.
	log whole
	call bind 1 s 4 :: 80 before=0 after=0 finding=conflict result=-1 errno=EADDRINUSE
	head -c 100 whole >>x.jsonl
	sleep 0.4
	told 1
	tail -c +101 whole >>x.jsonl
	wait_for 5 told 2
	stop follower
	output=$(stdout_of follower)
	assert_line 's[1]                             policy app'
	assert_line 'Only IPv4 is served on port 80: the bind of [::]:80 fails with EADDRINUSE, a conflict left unresolved.'
	refute grep -q 'no records' <<<"$output"
}

@test "SIGINT and SIGTERM bring the report, and --check its exit status" {
	for signal in INT TERM; do
		log x.jsonl
		load 1 s log-level=bind
		# What the last one said must not be taken for this one's.
		rm -f out err
		(close_bats_fds && exec "$V6SHIM" report --follow --check x.jsonl) >out 2>err &
		pid=$!
		wait_for 10 grep -qs "$SO_FAR" err
		record 1 s lost count=3
		wait_for 10 grep -q lost out
		# A background job of a script ignores SIGINT from the start, unless it says otherwise.
		kill -$signal $pid
		status=0
		wait $pid || status=$?
		assert_eq 1 "$status" "after SIG$signal"
		assert_match 'lost records  3' "$(cat out)"
	done
}

@test "rotation: what is written to the old file and to the new one is told, each once" {
	log x.jsonl
	load 1 s log-level=bind
	follow x.jsonl
	bound 1 s 3 0.0.0.0 81
	mv x.jsonl x.jsonl.1
	# A writer that is still at it.
	LOG=x.jsonl.1
	bound 1 s 4 0.0.0.0 82
	wait_for 5 told 2
	log x.jsonl
	bound 1 s 5 0.0.0.0 83
	wait_for 5 told 3
	assert_match 'x\.jsonl: another file has the name; reading that too' "$(stderr_of follower)"
	# One that may not open the new file writes to the old one for good.
	LOG=x.jsonl.1
	bound 1 s 6 0.0.0.0 84
	wait_for 5 told 4
	LOG=x.jsonl
	bound 1 s 7 0.0.0.0 85
	wait_for 5 told 5
	# And once more, by removal.
	rm x.jsonl
	log x.jsonl
	bound 1 s 8 0.0.0.0 86
	wait_for 5 told 6
	stop follower
	assert_eq '81 82 83 84 85 86' \
		"$(stdout_of follower | sed -n 's/^[0-9TZ:.-]* v6shim s\[1\]: bind tcp 0.0.0.0:\([0-9]*\).*/\1/p' | sort | xargs)"
	assert_eq 6 "$(stdout_of follower | grep -c '^ *[0-9]  tcp ')"
}

@test "truncation: the file is read from its beginning" {
	log x.jsonl
	load 1 s log-level=bind
	bound 1 s 3 0.0.0.0 81
	bound 1 s 4 0.0.0.0 82
	follow x.jsonl
	: >x.jsonl
	wait_for 5 grep -q 'x.jsonl: cut to 0 bytes; reading it from its beginning' "$(run_dir)/follower.err"
	bound 1 s 5 0.0.0.0 83
	wait_for 5 told 1
	stop follower
	assert_eq 3 "$(stdout_of follower | grep -c '^ *[0-9]  tcp ')"
}

@test "a file that is not there yet is waited for; one that never comes is exit status 2" {
	follow x.jsonl
	wait_for 5 grep -q 'x.jsonl: No such file or directory; waiting for it' "$(run_dir)/follower.err"
	log x.jsonl
	bound 1 s 3 0.0.0.0 81
	wait_for 5 told 1
	assert_match 'x\.jsonl: it is there' "$(stderr_of follower)"
	stop follower
	"$V6SHIM" report --follow y.jsonl >out 2>err &
	pid=$!
	wait_for 10 grep -q 'waiting for it' err
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	assert_eq 2 "$status"
}

@test "several files, and of a rotated log only the newest is waited on" {
	log x.jsonl.1
	load 1 s log-level=bind
	log x.jsonl
	bound 1 s 3 0.0.0.0 81
	log y.jsonl
	load 1 s log-level=bind
	follow x.jsonl x.jsonl.1 y.jsonl
	assert_match '3 records so far' "$(stderr_of follower)"
	mv x.jsonl x.jsonl.1
	LOG=x.jsonl
	bound 1 s 4 0.0.0.0 82
	LOG=y.jsonl
	bound 1 s 4 0.0.0.0 83
	wait_for 5 told 2
	stop follower
	assert_eq 2 "$(stdout_of follower | grep -c '^s\[1\]')"
	assert_eq 3 "$(stdout_of follower | grep -c '^ *[0-9]  tcp ')"
}

@test "a pipe that ends brings the report; a FIFO waits for its next writer" {
	log x.jsonl
	load 1 s log-level=bind
	bound 1 s 3 0.0.0.0 81
	run bash -c "timeout 10 '$V6SHIM' report --follow - < <(cat x.jsonl)"
	assert_status 0
	assert_match 'v6shim s\[1\]: bind tcp 0\.0\.0\.0:81' "$output"
	assert_line 's[1]                             policy app'
	mkfifo fifo
	follow fifo
	cat x.jsonl >fifo
	wait_for 5 told 2
	cat x.jsonl >fifo
	wait_for 5 told 4
	stop follower
}

@test "--json: records as they were, then the report, all of it JSON" {
	log x.jsonl
	load 1 s log-level=bind
	start follower --says "$SO_FAR" "$V6SHIM" report --follow --json x.jsonl
	bound 1 s 3 :: 81 before=0 after=0 note='a\"b'
	record 1 s setsockopt fd=3 family=inet6 type=stream proto=tcp asked=0 after=0 result=0
	wait_for 5 lines_are 2
	stop follower
	assert_eq "$(tail -n 2 x.jsonl | jq -cS .)" "$(stdout_of follower | head -n 2 | jq -cS .)"
	assert_eq '[3,1]' "$(stdout_of follower | tail -n 1 | jq -c '[.totals.records, .report]')"
}

@test "damaged lines are told at once, with their place" {
	log x.jsonl
	load 1 s log-level=bind
	follow x.jsonl
	echo 'v6shim s[1]: bind tcp' >>x.jsonl
	echo '{"v":1}' >>x.jsonl
	wait_for 5 grep -q '^v6shim: x.jsonl:3: column 8: expected keys "time", "pid" and "event"$' "$(run_dir)/follower.err"
	stop follower
	assert_match 'this looks like the text format' "$(stdout_of follower)"
}

@test "a server is followed from its start" {
	require python3
	port=$(free_port)
	follow x.jsonl
	start web --tcp "$port" shim POLICY=ipv6-only LOG="$PWD/x.jsonl" LOG_LEVEL=bind -- \
		python3 -m http.server -b :: "$port"
	wait_for 10 is_told "listen tcp \[::\]:$port .*serves IPv6"
	stop follower
	assert_line "Only IPv6 is served on port $port, by policy ipv6-only." "$(stdout_of follower)"
}
