#!/usr/bin/env bats
# v6shim report --follow: each record as it comes, through rotation and truncation, and then the report.

bats_require_minimum_version 1.5.0
load helper
source "$ROOT/tests/e2e/report_log.bash"

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	log x.jsonl
	load 1 s log-level=bind
}

# follow ARGUMENT...: in the background, until it has read what is there.
follow() {
	start follower --says 'records so far; new ones follow' "$V6SHIM" report --follow "$@"
}

# wait_told N: until N records of s[1] have been told. wait_said ERE: of standard error.
wait_told() {
	wait_for 10 told "$1" || fail "not $1: $(stdout_of follower)"
}

told() {
	[ "$(stdout_of follower | grep -c 'v6shim s\[1\]')" -eq "$1" ]
}

wait_said() {
	wait_for 10 grep -Eq "$1" "$(run_dir)/follower.err" || fail "not said: $1: $(stderr_of follower)"
}

# In the file that is named, one after another.
bound_in() {
	LOG=$1
	bound 1 s 3 0.0.0.0 "$2"
}

# The ports of the records that were told, and of the rows of the report at the end.
ports_told() {
	stdout_of follower | sed -n 's/^[0-9TZ:.-]* v6shim s\[1\]: bind tcp 0.0.0.0:\([0-9]*\).*/\1/p' | sort | xargs
}

rows() {
	stdout_of follower | grep -c '^  tcp '
}

# ended_by SIGNAL BRE ARGUMENT...: by that signal once it has said that; its exit status, and the files out and err. With
# `new` for what it says it is given one record more to tell.
ended_by() {
	local signal=$1 said=$2 pid status=0

	shift 2
	rm -f out err
	(close_bats_fds && exec "$V6SHIM" report --follow "$@") >out 2>err &
	pid=$!
	wait_for 10 grep -qs "$said" err
	[ "$said" != new ] || { record 1 s lost count=3 && wait_for 10 grep -q lost out; }
	# A background job of a script ignores SIGINT from the start, unless it says otherwise.
	kill "-$signal" $pid
	wait $pid || status=$?
	return $status
}

@test "new records are told as they come, old ones are not; then the report has both" {
	bound 1 s 3 0.0.0.0 80
	log y.jsonl
	load 1 other log-level=bind
	follow --check x.jsonl y.jsonl
	wait_said '^v6shim: 3 records so far; new ones follow, then the report at an interrupt$'
	assert_eq '' "$(stdout_of follower)"
	LOG=x.jsonl
	listened 1 s 3 0.0.0.0 80 4
	wait_told 1
	assert_eq '2026-01-02T03:04:08.000006Z v6shim s[1]: listen tcp 0.0.0.0:80 fd 3: serves IPv4 (policy app)' \
		"$(stdout_of follower)"
	# Half a record is waited for, while another file goes on.
	log whole
	conflict 1 s 4 :: 80 before=0 after=0
	head -c 100 whole >>x.jsonl
	LOG=y.jsonl
	bound 1 other 3 0.0.0.0 81
	wait_for 10 grep -q 'other\[1\]: bind' "$(run_dir)/follower.out"
	told 1
	tail -c +101 whole >>x.jsonl
	wait_told 2
	stop follower
	output=$(stdout_of follower)
	assert_line 's[1]  policy app'
	assert_line 'Only IPv4 is served on port 80: [::]:80 cannot be bound, EADDRINUSE.'
	refute grep -q 'no records' <<<"$output"
}

@test "SIGINT and SIGTERM bring the report, and its exit status; of a file that never came it is 2" {
	for signal in INT TERM; do
		log x.jsonl
		load 1 s log-level=bind
		run -1 ended_by $signal new --check x.jsonl
		assert_match 'lost records 3' "$(cat out)"
	done
	run -2 ended_by TERM 'waiting for it' never.jsonl
}

@test "rotation: what is written to the old file and to the new one is told, each once" {
	follow x.jsonl
	bound_in x.jsonl 81
	mv x.jsonl x.jsonl.1
	# A writer that is still at it.
	bound_in x.jsonl.1 82
	wait_told 2
	bound_in x.jsonl 83
	wait_told 3
	wait_said 'x\.jsonl: another file has the name; reading that too'
	# One that may not open the new file writes to the old one for good.
	bound_in x.jsonl.1 84
	wait_told 4
	bound_in x.jsonl 85
	wait_told 5
	# And once more, by removal.
	rm x.jsonl
	bound_in x.jsonl 86
	wait_told 6
	stop follower
	assert_eq '81 82 83 84 85 86' "$(ports_told)"
	assert_eq 6 "$(rows)"
}

@test "truncation: the file is read from its beginning" {
	bound_in x.jsonl 81
	bound_in x.jsonl 82
	follow x.jsonl
	: >x.jsonl
	wait_said 'x.jsonl: cut, and what was written right before may be missing; reading it from its beginning'
	bound_in x.jsonl 83
	wait_told 1
	stop follower
	assert_eq 3 "$(rows)"
	assert_line 'Cut, and what was written right before may be missing: 1' "$(stdout_of follower)"
}

@test "a file that is not there yet is waited for; what is renamed to another that was named is told once" {
	mv x.jsonl x.jsonl.1
	bound_in x.jsonl 81
	follow y.jsonl x.jsonl.1 x.jsonl
	wait_said 'y.jsonl: No such file or directory; waiting for it'
	mv x.jsonl x.jsonl.1
	bound_in x.jsonl 82
	bound_in y.jsonl 83
	wait_told 2
	wait_said 'y\.jsonl: it is there'
	stop follower
	assert_eq '82 83' "$(ports_told)"
	assert_eq 2 "$(stdout_of follower | grep -c '^s\[1\]')"
}

@test "a pipe that ends brings the report; a FIFO waits for its next writer" {
	bound 1 s 3 0.0.0.0 81
	run bash -c "timeout 10 '$V6SHIM' report --follow - < <(cat x.jsonl)"
	assert_status 0
	assert_match 'v6shim s\[1\]: bind tcp 0\.0\.0\.0:81' "$output"
	assert_line 's[1]  policy app'
	mkfifo fifo
	follow fifo
	cat x.jsonl >fifo
	wait_told 2
	cat x.jsonl >fifo
	wait_told 4
	stop follower
}

@test "--json: records as they were, then the report, all of it JSON" {
	follow --json x.jsonl
	bound 1 s 3 :: 81 before=0 after=0 note='a\"b'
	record 1 s setsockopt fd=3 family=inet6 type=stream proto=tcp asked=0 after=0 result=0
	wait_for 10 grep -q setsockopt "$(run_dir)/follower.out"
	stop follower
	assert_eq "$(tail -n 2 x.jsonl | jq -cS .)" "$(stdout_of follower | head -n 2 | jq -cS .)"
	assert_eq '["s"]' "$(stdout_of follower | tail -n 1 | jq -c '[.processes[].program]')"
}

@test "the first damaged line is told at once, with its place" {
	follow x.jsonl
	echo 'v6shim s[1]: bind tcp' >>x.jsonl
	echo '{"v":1}' >>x.jsonl
	wait_said '^v6shim: x.jsonl:2: this looks like the text format; use --log-format json$'
	stop follower
	assert_match '^Lines that are no records: 2, the first x.jsonl:2: ' "$(grep ^Lines <<<"$(stdout_of follower)")"
}

@test "a server is followed from its start" {
	require python3
	port=$(free_port)
	follow new.jsonl
	start web --tcp "$port" shim POLICY=ipv6-only LOG="$PWD/new.jsonl" LOG_FORMAT=json LOG_LEVEL=bind -- \
		python3 -m http.server -b :: "$port"
	wait_for 10 grep -Eq "listen tcp \[::\]:$port .*serves IPv6" "$(run_dir)/follower.out"
	stop follower
	assert_line "Only IPv6 is served on port $port, by policy ipv6-only." "$(stdout_of follower)"
}
