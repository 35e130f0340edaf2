#!/usr/bin/env bats
# v6shim report and what it is given to read: files, FIFOs, several of them, rotated ones, damaged ones,
# none at all, and large ones.

# Each test is a process of its own, and means to be.
# shellcheck disable=SC2030,SC2031

load helper
source "$ROOT/tests/e2e/report_log.bash"

SERVED='Only IPv4 is served on port 80.'

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	log x.jsonl
	served 1 a 80
}

# served PID PROGRAM PORT: a process that listens on IPv4: three records.
served() {
	load "$1" "$2" log-level=bind
	opened "$1" "$2" 3 0.0.0.0 "$3" 4
}

# ---- lines

@test "an empty file: that nothing was logged, and what that may mean" {
	: >empty.jsonl
	for file in empty.jsonl /dev/null; do
		report --check $file
		assert_status 0
		assert_match "^Nothing was logged\. Either the library was not in the program \('v6shim check" "$output"
		assert_match 'log level' "$output"
	done
	assert_eq '[]' "$(answer .processes empty.jsonl)"
}

@test "damaged and foreign lines are counted and shown with their places, and they stop nothing" {
	{
		echo '{"v":1,"time":"2026-01-02T03:04:05Z","pid":1,"event":"bind","port":70000}'
		echo 'GET / HTTP/1.1'
		echo
		echo ' '
		echo '{"v":2,"time":12}'
		echo '{"level":"info","msg":"another program"}'
		echo '{"v":1,"time":"2026-01-02T03:04:05Z","pid":1,"event":"bind"'
		# A line that lost its end, and the next one on it.
		head -c 60 <(sed -n 2p x.jsonl) && sed -n 3p x.jsonl
	} >added
	printf 'x\0y\n' >>added
	cat added >>x.jsonl
	served 2 b 81
	printf '{"v":1,"time":"2026-01-02T03:0' >>x.jsonl
	report x.jsonl
	assert_status 0
	assert_line 'Lines that are no records: 8, the first x.jsonl:4: column 68: not a value of port'
	# Each by itself.
	while read -r; do
		case $REPLY in
		*port* | *'"event":"bind"' | *'{"v":1,"time":"2026-01-02T03:0') expected='column [0-9]+: not (JSON|a value of .+)' ;;
		'{"v":2'*) expected='column 6: not a value of v' ;;
		*) expected='not a record of v6shim' ;;
		esac
		printf '%s\n' "$REPLY" >one.jsonl
		report one.jsonl
		[[ $REPLY == *[![:blank:]]* ]] || continue
		assert_status 2
		assert_match "report: no record in it: one.jsonl:1: ($expected|column .*)" "$output"
		assert_match "Lines that are no records: 1, the first one.jsonl:1: ($expected|column .*)$" "$output"
	done <added
	report x.jsonl
	assert_match ' a\[1\].*b\[2\]' "$(xargs -d '\n' <<<"$output")"
	assert_line 'Only IPv4 is served on port 81.'
}

@test "a last line without its newline, lines with CRLF, and keys of a later version 1 are records" {
	for change in '$!b;p;d' 's/$/\r/' 's/"v":1,/"v":1,"later":{"a":[1,{}],"b":null},/'; do
		sed "$change" x.jsonl >y.jsonl
		[ "$change" != '$!b;p;d' ] || truncate -s -1 y.jsonl
		report y.jsonl
		assert_line "$SERVED"
		refute grep -q 'no records' <<<"$output"
	done
}

@test "huge lines and binary noise are damaged lines, and no byte of them is shown" {
	# Of NUL alone, of one byte again and again, and valid JSON all the way.
	head -c 10000000 /dev/zero >huge
	printf '\n%s\n{"v":1,"x":"%s"}\n' "$(tr '\0' x <huge)" "$(tr '\0' y <huge)" >>huge
	cat huge >>x.jsonl
	served 2 b 81
	report x.jsonl
	assert_status 0
	assert_match 'Lines that are no records: 3, the first x.jsonl:4: longer than [0-9]+ bytes' "$output"
	assert_line 'Only IPv4 is served on port 81.'
	head -c 1000000 /dev/urandom >noise
	report --check noise
	newlines=$(tr -cd '\n' <noise | wc -c)
	found=$(sed -n 's/^Lines that are no records: \([0-9]*\), the first noise:[0-9]*: .*/\1/p' <<<"$output")
	# Of lines that are blank nothing is said.
	[ "$found" -gt $((newlines / 2)) ] && [ "$found" -le $((newlines + 1)) ]
	refute grep -q 'Nothing was logged' <<<"$output"
	refute grep -qP '[^\x20-\x7e\n]' <<<"$output"
	"$V6SHIM" report --json noise | jq -e .processes
}

@test "a log of the text format is recognized" {
	port=$(free_port)
	shim LOG="$PWD/x.log" LOG_FORMAT=text LOG_LEVEL=bind POLICY=both -- "$EXAMPLES/bind-all" -n "$port" || :
	report x.log
	assert_line "Lines that are no records: $(wc -l <x.log), the first x.log:1: this looks like the text format; use --log-format json"
	refute grep -q 'Nothing was logged' <<<"$output"
	assert_status 2
	for line in '<6>' 'Jan  2 03:04:05 host '; do
		sed "s/^/$line/" x.log >journal
		report journal
		assert_status 2
		assert_match 'report: no record in it: journal:1: this looks like the text format' "$output"
	done
}

@test "a log without one record is 2, and what it looks like is said; one that has any is not, nor is an empty one" {
	gzip -k x.jsonl
	echo '{"level":"info"}' >other.jsonl
	for words in 'x.jsonl.gz this.looks.compressed' 'other.jsonl not.a.record.of.v6shim'; do
		run "$V6SHIM" report --check "${words%% *}" x.jsonl
		assert_status 2
		assert_match "v6shim: report: no record in it: ${words%% *}:1: ${words#* }" "$output"
		assert_line 'Only IPv4 is served on port 80.'
	done
	cat other.jsonl >>x.jsonl
	: >empty.jsonl
	report --check x.jsonl empty.jsonl
	assert_status 0
}

@test "at 60 columns no line is longer: columns come closer, notes and sentences go on below" {
	require script
	served 1 a-server-with-a-name 8080
	opened 1 a-server-with-a-name 4 :: 65535 64 before=1 after=0 policy=both action=override asked=1
	conflict 1 a-server-with-a-name 5 :: 8080 before=0 after=0 note="$(printf 'a long note %.0s' {1..20})"
	wide=$(script -qec "stty cols 300; '$V6SHIM' report x.jsonl" /dev/null </dev/null | tr -d '\r')
	narrow=$(script -qec "stty cols 60; '$V6SHIM' report x.jsonl" /dev/null </dev/null | tr -d '\r')
	assert_eq '' "$(grep -E '.{61}' <<<"$narrow")"
	grep -Eq '.{100}' <<<"$wide"
	assert_eq "$(tr -s ' \n' '  ' <<<"$wide" | grep -o 'a long note' | wc -l)" "$(xargs <<<"$narrow" | grep -o 'a long note' | wc -l)"
}

# ---- files

@test "what cannot be read: 2, by name, and the others are reported" {
	mkdir folder
	install -m 000 x.jsonl closed.jsonl
	chmod 755 .
	as=()
	if [ "$EUID" -eq 0 ]; then
		require setpriv
		as=(setpriv --reuid 65534 --clear-groups)
	fi
	run "${as[@]}" "$V6SHIM" report --check missing.jsonl folder closed.jsonl x.jsonl
	assert_status 2
	assert_line 'v6shim: missing.jsonl: No such file or directory'
	assert_line 'v6shim: folder: Is a directory'
	assert_line 'v6shim: closed.jsonl: Permission denied'
	assert_line "$SERVED"
	report missing.jsonl
	assert_status 2
	refute grep -q 'Nothing was logged' <<<"$output"
	# It counts for more than what --check finds.
	record 1 a lost count=1
	report --check x.jsonl
	assert_status 1
	report --check missing.jsonl x.jsonl
	assert_status 2
}

@test "standard input, a pipe, and a FIFO whose writer is not lost to a look at it" {
	for how in '- <x.jsonl' '- < <(cat x.jsonl)' '<(cat x.jsonl)'; do
		run bash -c "'$V6SHIM' report $how"
		assert_status 0
		assert_line "$SERVED"
	done
	mkfifo fifo
	for more in '' /dev/null; do
		start "writer$(basename "$more")" --now bash -c 'cat x.jsonl >fifo; echo $? >status'
		# shellcheck disable=SC2086 # or no word
		run timeout 10 "$V6SHIM" report fifo $more
		assert_status 0
		assert_line "$SERVED"
		wait_for 10 test -s status
		assert_eq 0 "$(cat status)"
		rm status
	done
}

@test "rotated files are one log, read in the order named; logs of other names may be other hosts'" {
	for names in 'x.jsonl.1 x.jsonl' 'x.jsonl-20260102 x.jsonl' 'a/x.jsonl b/x.jsonl'; do
		mkdir -p a b
		SECOND=0
		older=x.jsonl.1
		[[ $names != *-* ]] || older=x.jsonl-20260102
		[[ $names != a/* ]] || older=a/x.jsonl
		newer=${names/$older/}
		newer=${newer// /}
		log $older
		load 1 s log-level=bind
		conflict 1 s 3 :: 80 before=0 after=0
		log "$newer"
		opened 1 s 3 :: 80 64
		report --check $older
		assert_status 1
		# shellcheck disable=SC2086 # two of them
		report --check $names
		if [[ $names == a/* ]]; then
			assert_status 1
			assert_eq 2 "$(grep -c '^s\[1\]' <<<"$output")"
			assert_line '  from 2026-01-02T03:04:05.000006Z in a/x.jsonl'
			assert_line '  from 2026-01-02T03:04:07.000006Z in b/x.jsonl'
			refute grep -q 'served by s' <<<"$output"
		else
			assert_status 0
			assert_eq 1 "$(grep -c '^s\[1\]' <<<"$output")"
			assert_match '^  resolved .*' "$(grep resolved <<<"$output" | tail -n 1)"
		fi
	done
}

@test "a file that is named twice is read once" {
	ln x.jsonl y.jsonl
	record 1 a lost count=3
	report x.jsonl ./x.jsonl y.jsonl
	assert_status 0
	assert_line 'v6shim: ./x.jsonl: named twice, read once'
	assert_line 'v6shim: y.jsonl: named twice, read once'
	assert_match 'lost records 3' "$output"
}

@test "250,000 records of 50,000 processes: in seconds, and those that bind are found among those that do not" {
	require python3
	# A server that is started again and again among programs that bind nothing, each with two records of trouble.
	python3 - "$(sed -n 1p x.jsonl)" "$(sed -n 2p x.jsonl)" <<-'END' >big.jsonl
		import sys
		load, bind = sys.argv[1:]
		conflict = bind.replace('"finding":"none"', '"finding":"conflict","errno":"EADDRINUSE"').replace('"result":0', '"result":-1')
		for pid in range(2, 50002):
		    for line in load, load.replace('"a"', '"sh"'), bind, conflict, conflict.replace('"port":80', '"port":81'):
		        print(line.replace('"pid":1', '"pid":%d' % (pid + ('"sh"' in line) * 100000)))
	END
	assert_eq 250000 "$(wc -l <big.jsonl)"
	# Many times what it takes, and nothing to what would grow with the square.
	# shellcheck disable=SC2016 # for the shell inside
	run timeout 60 bash -c 'ulimit -t 30 -v 4000000 && exec "$0" report --check big.jsonl' "$V6SHIM"
	assert_status 1
	assert_line 'records 250000, processes 100000, conflicts left unresolved 100000, disorders 0, denials 0, lost records 0'
	assert_line 'Processes in which nothing was bound, as far as the log tells: 50000'
}
