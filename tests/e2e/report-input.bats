#!/usr/bin/env bats
# v6shim report and what it is given to read: files, FIFOs, several of them, rotated ones, damaged ones,
# none at all, and very large ones.

# Each test is a process of its own, and means to be.
# shellcheck disable=SC2030,SC2031

load helper
source "$ROOT/tests/e2e/report_log.bash"

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# served PID PROGRAM PORT: a process that listens on IPv4.
served() {
	load "$1" "$2" log-level=bind
	bound "$1" "$2" 3 0.0.0.0 "$3"
	heard "$1" "$2" 3 0.0.0.0 "$3" 4
}

# ---- nothing, and no records

@test "an empty file: that nothing was logged, and what that may mean" {
	: >empty.jsonl
	for file in empty.jsonl /dev/null; do
		report --check $file
		assert_status 0
		assert_match "^Nothing was logged\. Either the library was not in the program \('v6shim check" "$output"
		assert_match 'log level' "$output"
	done
	assert_eq '[[],0,0]' "$(answer '[.processes, .totals.records, .check]' empty.jsonl)"
}

@test "binary noise: all of it is damaged lines, ten of them shown, and no byte of it" {
	head -c 1000000 /dev/urandom >noise
	report --check noise
	assert_status 0
	newlines=$(tr -cd '\n' <noise | wc -c)
	found=$(sed -n 's/^Lines that are no records: //p' <<<"$output")
	# Of lines that are blank nothing is said.
	[ "$found" -gt $((newlines / 2)) ] && [ "$found" -le $((newlines + 1)) ]
	assert_eq 10 "$(grep -c '^  noise:[0-9]*: ' <<<"$output")"
	assert_line "  and $((found - 10)) more"
	assert_line 'There is no record here: is it a log of v6shim?'
	refute grep -q 'Nothing was logged' <<<"$output"
	refute grep -qP '[^\x20-\x7e\n]' <<<"$output"
	"$V6SHIM" report --json noise | jq -e ".damaged.lines == $found and (.damaged.first | length == 10)"
}

@test "damaged and foreign lines are counted and shown with their place, and stop nothing" {
	log x.jsonl
	served 1 a 80
	{
		echo '{"v":1,"time":"2026-01-02T03:04:05Z","pid":1,"event":"bind","port":70000}'
		echo 'GET / HTTP/1.1'
		echo
		echo ' '
		echo '{"v":2,"time":12}'
		echo '{"level":"info","msg":"another program"}'
		echo '{"v":1,"time":"2026-01-02T03:04:05Z","pid":1,"event":"bind"'
	} >>x.jsonl
	served 2 b 81
	printf '{"v":1,"time":"2026-01-02T03:0' >>x.jsonl
	report x.jsonl
	assert_status 0
	assert_eq "$(
		cat <<-'END'
			Lines that are no records: 6
			  x.jsonl:4: column 68: expected an integer from 0 to 65535 for "port"
			  x.jsonl:5: not a record of v6shim
			  x.jsonl:8: a record of another version; this v6shim reads version 1
			  x.jsonl:9: not a record of v6shim: it has no key "v"
			  x.jsonl:10: column 60: expected ',' or '}'
			  x.jsonl:14: cut short, column 31: expected '"' for "time"
		END
	)" "$(grep -A10 '^Lines that' <<<"$output")"
	assert_match '^a\[1\].*b\[2\]' "$(xargs <<<"$output")"
	assert_eq '[6,3,3]' "$(answer '.files[0] | [.records, .damaged, .foreign]' x.jsonl)"
}

@test "a last line without its newline is a record where it is whole" {
	log x.jsonl
	served 1 a 80
	truncate -s -1 x.jsonl
	report x.jsonl
	assert_line 'Only IPv4 is served on port 80.'
	refute grep -q 'no records' <<<"$output"
}

@test "a line that is too long is one damaged line, and takes no memory" {
	log x.jsonl
	served 1 a 80
	# One that just fits, one byte more, and ten megabytes.
	for n in 65536 65537 10000000; do
		printf '{"v":1,"x":"%*s"}\n' $((n - 14)) '' | tr ' ' y >>x.jsonl
	done
	served 2 b 81
	report x.jsonl
	assert_eq "$(
		cat <<-'END'
			Lines that are no records: 3
			  x.jsonl:4: column 65537: expected keys "time", "pid" and "event"
			  x.jsonl:5: longer than 65536 bytes
			  x.jsonl:6: longer than 65536 bytes
		END
	)" "$(grep -A10 '^Lines that' <<<"$output")"
	assert_line 'Only IPv4 is served on port 81.'
	head -c 30000000 /dev/zero | tr '\0' x >endless
	report endless
	assert_line '  endless:1: longer than 65536 bytes'
	assert_line 'Lines that are no records: 1'
}

@test "a log of the text format is recognized" {
	port=$(free_port)
	shim LOG="$PWD/x.log" LOG_LEVEL=bind POLICY=both -- "$EXAMPLES/bind-all" -n "$port" || :
	count=$(wc -l <x.log)
	report x.log
	assert_status 0
	assert_line "x.log: this looks like the text format; use --log-format json ($count lines that report cannot read)"
	refute grep -Eq 'no record|Nothing was logged' <<<"$output"
	sed 's/^/<6>/' x.log >journal
	report journal
	assert_match '^journal: this looks like the text format' "$output"
	assert_eq "$count" "$(answer '.files[0].text_format' journal)"
}

@test "lines with CRLF are records" {
	log x.jsonl
	served 1 a 80
	sed -i 's/$/\r/' x.jsonl
	report x.jsonl
	assert_line 'Only IPv4 is served on port 80.'
}

# ---- what cannot be read

@test "a missing file, a directory and one without leave: 2, by name, and the others are reported" {
	log x.jsonl
	served 1 a 80
	mkdir folder
	report missing.jsonl folder x.jsonl
	assert_status 2
	assert_line 'v6shim: missing.jsonl: No such file or directory'
	assert_line 'v6shim: folder: Is a directory'
	assert_line 'Only IPv4 is served on port 80.'
	report missing.jsonl
	assert_status 2
	refute grep -q 'Nothing was logged' <<<"$output"
	assert_eq '["No such file or directory",null]' \
		"$(answer '[.files[].error]' missing.jsonl x.jsonl 2>/dev/null)"
	# It counts for more than what --check finds.
	record 1 a lost count=1
	report --check missing.jsonl x.jsonl
	assert_status 2
}

@test "a file without leave to read it" {
	[ "$EUID" -ne 0 ] || require setpriv
	log x.jsonl
	served 1 a 80
	chmod 000 x.jsonl
	chmod 755 .
	as=()
	[ "$EUID" -ne 0 ] || as=(setpriv --reuid 65534 --clear-groups)
	run "${as[@]}" "$V6SHIM" report x.jsonl
	assert_status 2
	assert_line 'v6shim: x.jsonl: Permission denied'
}

# ---- where it comes from

@test "standard input, a pipe and a FIFO" {
	log x.jsonl
	served 1 a 80
	for how in '- <x.jsonl' '- < <(cat x.jsonl)' '<(cat x.jsonl)'; do
		run bash -c "'$V6SHIM' report $how"
		assert_status 0
		assert_line 'Only IPv4 is served on port 80.'
	done
	mkfifo fifo
	start writer --now bash -c 'cat x.jsonl >fifo'
	run timeout 10 "$V6SHIM" report fifo
	assert_status 0
	assert_line 'Only IPv4 is served on port 80.'
	# A second file makes report look at all of them first: that must not cost the FIFO its writer.
	start writer2 --now bash -c 'cat x.jsonl >fifo; echo $? >status'
	run timeout 10 "$V6SHIM" report fifo /dev/null
	assert_line 'Only IPv4 is served on port 80.'
	wait_for 10 test -s status
	assert_eq 0 "$(cat status)"
}

@test "rotated files are read in the order of time, however they are named" {
	log x.jsonl.1
	load 1 s log-level=bind
	conflict_at=$SECOND
	call bind 1 s 3 :: 80 before=0 after=0 finding=conflict result=-1 errno=EADDRINUSE
	log x.jsonl
	bound 1 s 3 :: 80 before=0 after=0
	heard 1 s 3 :: 80 64 before=0 after=0
	for files in 'x.jsonl x.jsonl.1' 'x.jsonl.1 x.jsonl'; do
		# shellcheck disable=SC2086 # two of them
		report --check $files
		assert_status 0
		assert_eq 1 "$(grep -c '^s\[1\]' <<<"$output")"
		assert_match 'and succeeded later' "$output"
	done
	report --check x.jsonl.1
	assert_status 1
	[ "$conflict_at" -eq 1 ]
	# As logrotate's dateext has it.
	mv x.jsonl.1 x.jsonl-20260102
	report --check x.jsonl x.jsonl-20260102
	assert_status 0
}

@test "logs of other names may be other hosts': the same pid and program are not the same process" {
	mkdir a b
	log a/x.jsonl
	load 1 nginx log-level=bind
	call bind 1 nginx 3 :: 80 before=0 after=0 finding=conflict result=-1 errno=EADDRINUSE
	log b/x.jsonl
	bound 1 nginx 3 :: 80 before=0 after=0
	heard 1 nginx 3 :: 80 64 before=0 after=0
	report --check a/x.jsonl b/x.jsonl
	assert_status 1
	assert_eq 2 "$(grep -c '^nginx\[1\]' <<<"$output")"
	assert_line '  from 2026-01-02T03:04:05.000006Z in a/x.jsonl'
	assert_line '  from 2026-01-02T03:04:07.000006Z in b/x.jsonl'
	refute grep -q 'served by nginx' <<<"$output"
	assert_eq '["a/x.jsonl","b/x.jsonl"]' "$(answer '[.processes[].log]' a/x.jsonl b/x.jsonl)"
}

@test "a file that is named twice is read once" {
	log x.jsonl
	served 1 a 80
	ln x.jsonl y.jsonl
	report x.jsonl ./x.jsonl y.jsonl
	assert_status 0
	assert_line 'v6shim: ./x.jsonl: named twice, read once'
	assert_line 'v6shim: y.jsonl: named twice, read once'
	assert_eq 3 "$(answer .totals.records x.jsonl ./x.jsonl 2>/dev/null)"
}

# ---- terminals

# On a terminal of its own; what it shows.
on_terminal() {
	script -qec "$*" /dev/null </dev/null
}

@test "colour is for terminals, and not with NO_COLOR nor on a dumb one" {
	require script
	log x.jsonl
	served 1 a 80
	has_colour=$'\033\\[1m'
	export TERM=xterm
	unset NO_COLOR
	assert_match "$has_colour" "$(on_terminal "$V6SHIM" report x.jsonl)"
	assert_match "$has_colour" "$(NO_COLOR='' on_terminal "$V6SHIM" report x.jsonl)"
	refute grep -q $'\033' <<<"$("$V6SHIM" report x.jsonl)"
	refute grep -q $'\033' <<<"$(NO_COLOR=1 on_terminal "$V6SHIM" report x.jsonl)"
	refute grep -q $'\033' <<<"$(TERM=dumb on_terminal "$V6SHIM" report x.jsonl)"
	refute grep -q $'\033' <<<"$(TERM='' on_terminal "$V6SHIM" report x.jsonl)"
	refute grep -q $'\033' <<<"$(on_terminal "$V6SHIM" report --json x.jsonl)"
	# Without the colours it is the same page.
	assert_eq "$("$V6SHIM" report x.jsonl)" \
		"$(on_terminal "$V6SHIM" report x.jsonl | sed 's/\x1b\[[0-9]*m//g; s/\r$//')"
}

@test "progress is shown on a terminal after a second, and leaves no trace" {
	require_no_runtime 'memory of its own'
	require script
	log x.jsonl
	served 1 a 80
	export TERM=xterm
	shown=$(on_terminal "{ cat x.jsonl; sleep 1.2; cat x.jsonl; } | '$V6SHIM' report - >page")
	assert_match '[0-9]+ MiB read, 6 records' "$shown"
	assert_match $'\r\033\\[K$' "$shown"
	assert_match 'Only IPv4 is served on port 80' "$(cat page)"
	assert_eq '' "$(on_terminal "'$V6SHIM' report x.jsonl >page")"
	assert_eq '' "$(TERM=dumb on_terminal "{ cat x.jsonl; sleep 1.2; cat x.jsonl; } | '$V6SHIM' report - >page")"
	run bash -c "{ cat x.jsonl; sleep 1.2; cat x.jsonl; } | '$V6SHIM' report - 2>&1 >/dev/null"
	assert_eq '' "$output"
}

# ---- size

# in_memory KIB COMMAND...: COMMAND, which takes no more than that at its peak; says what it took.
in_memory() {
	local limit=$1 kib

	shift
	kib=$(python3 -c '
import resource, subprocess, sys
with open("page", "wb") as page:
    status = subprocess.call(sys.argv[1:], stdout=page)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_maxrss)
print("%.2f s of processor, %d KiB" % (usage.ru_utime + usage.ru_stime, usage.ru_maxrss), file=sys.stderr)
sys.exit(status)' "$@") || return
	[ "$kib" -le "$limit" ] || fail "$kib KiB, of $limit at most"
}

# The file: what stands in seed, as often as makes that many megabytes.
repeat() {
	local size=$1 file=$2 times

	times=$((size * 1000000 / $(stat -c %s seed) + 1))
	python3 -c 'import sys; sys.stdout.buffer.write(open("seed", "rb").read() * int(sys.argv[1]))' \
		$times >"$file"
}

@test "100 MB of one server's restarts: 40 MiB of memory at most, and every one is counted" {
	require_no_runtime 'memory of its own'
	require python3
	log seed
	for pid in 1 2 3 4 5 6 7; do
		load $pid nginx policy=ipv6-only log-level=bind
		bound $pid nginx 6 0.0.0.0 80 policy=ipv6-only
		heard $pid nginx 6 0.0.0.0 80 4 policy=ipv6-only
		bound $pid nginx 7 :: 80 asked=0 before=0 after=1 policy=ipv6-only action=override
		heard $pid nginx 7 :: 80 6 asked=0 before=1 after=1 policy=ipv6-only
	done
	repeat 100 big.jsonl
	run in_memory 40960 "$V6SHIM" report --check big.jsonl
	assert_status 0
	echo "# $output" >&3
	assert_line 'IPv4 and IPv6 are served on port 80 by separate sockets.' "$(cat page)"
	assert_eq 1 "$(grep -c '^nginx\[' page)"
	loads=$(grep -c '"event":"load"' big.jsonl)
	assert_match "with $((loads - 1)) more like it" "$(cat page)"
	assert_match "^In all $loads processes, $(grep -c '}$' big.jsonl) records" "$(grep '^In all' page)"
}

@test "100 MB of processes that all differ, each in trouble: 40 MiB at most, the first and the last are there" {
	require_no_runtime 'memory of its own'
	require python3
	python3 - >big.jsonl <<-'END'
		size = pid = 0
		while size < 100_000_000:
		    pid += 1
		    head = '{"v":1,"time":"2026-01-02T03:04:05.000006Z","pid":%d,"tid":%d,"program":"p%d"' % (pid, pid, pid % 1000)
		    tail = '"policy":"app","mode":"enforce","action":"none"'
		    where = '"fd":3,"family":"inet6","type":"stream","proto":"tcp","addr":"::","port":%d' % (pid % 65536)
		    text = ('%s,"event":"load",%s,"finding":"none","note":"v6shim 0.1.0, log-level=bind (environment), all else default"}\n' % (head, tail)
		        + '%s,"event":"bind",%s,%s,"finding":"none","result":0}\n' % (head, where, tail)
		        + '%s,"event":"bind",%s,%s,"finding":"conflict","result":-1,"errno":"EADDRINUSE","note":"trouble %d"}\n' % (head, where.replace("::", "::1"), tail, pid))
		    print(text, end="")
		    size += len(text)
	END
	last=$(tail -n 1 big.jsonl | jq .pid)
	run in_memory 40960 "$V6SHIM" report --check big.jsonl
	assert_status 1
	echo "# $output" >&3
	assert_match '^p1\[1\]' "$(cat page)"
	assert_match "p$((last % 1000))\[$last\]" "$(cat page)"
	assert_match "^In all $last processes, $((3 * last)) records: conflicts left unresolved $last," "$(grep '^In all' page)"
	assert_match 'processes in the middle of the log are counted, and not shown' "$(cat page)"
	# However many processes there are, a page stays a page.
	[ "$(wc -l <page)" -lt 5000 ]
	rm page
	run in_memory 40960 "$V6SHIM" report --json --check big.jsonl
	assert_status 1
	assert_eq "$last" "$(jq '.left_out.processes + ([.processes[].processes] | add)' page)"
}

@test "one process with a hundred thousand sockets and as many troubles: counted, and said so" {
	require_no_runtime 'memory of its own'
	require python3
	python3 - >big.jsonl <<-'END'
		head = '{"v":1,"time":"2026-01-02T03:04:05.000006Z","pid":1,"tid":1,"program":"p"'
		tail = '"policy":"app","mode":"enforce","action":"none"'
		for n in range(100_000):
		    where = '"fd":%d,"family":"inet6","type":"stream","proto":"tcp","addr":"fd00::%x","port":80' % (n, n & 0xffff) if n < 65536 else '"fd":%d,"family":"inet","type":"stream","proto":"tcp","addr":"10.1.%d.%d","port":80' % (n, n >> 8 & 255, n & 255)
		    print('%s,"event":"bind",%s,%s,"finding":"none","result":0}' % (head, where, tail))
		    print('%s,"event":"bind",%s,%s,"finding":"conflict","result":-1,"errno":"EADDRINUSE","note":"trouble %d"}' % (head, where.replace(':80', ':81'), tail, n))
	END
	run in_memory 40960 "$V6SHIM" report --check big.jsonl
	assert_status 1
	echo "# $output" >&3
	assert_match 'calls on further sockets are counted, and not shown' "$(cat page)"
	assert_match 'further conflicts, denials and the like are counted, and not shown' "$(cat page)"
	[ "$(wc -l <page)" -lt 1000 ]
	assert_eq 100000 "$("$V6SHIM" report --json big.jsonl | jq .totals.conflicts)"
}

@test "scripts of thousands of programs under level all: those that bind are found among them" {
	require python3
	python3 - >big.jsonl <<-'END'
		for pid in range(1, 200_001):
		    print('{"v":1,"time":"2026-01-02T03:04:05.000006Z","pid":%d,"tid":%d,"program":"sh","event":"load","policy":"app","mode":"enforce","action":"none","finding":"none","note":"v6shim 0.1.0, log-level=all (environment), all else default"}' % (pid, pid))
	END
	LOG=big.jsonl
	served 200001 server 80
	report big.jsonl
	assert_eq "$(
		cat <<-'END'
			server[200001]                   policy app
			  order  proto  address     fd  asked  V6ONLY  serves  v6shim
			      1  tcp    0.0.0.0:80   3      -       -  IPv4    -
		END
	)" "$(head -n 3 <<<"$output" | sed 's/0:80    3/0:80   3/; s/s      fd/s     fd/')"
	assert_line 'The library was loaded, and nothing bound, in: sh (200000 times)'
}
