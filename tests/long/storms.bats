#!/usr/bin/env bats
# Everything at once: threads, signal handlers, children, cancellation and jumps in the calls, with the log on
# (DESIGN.md 1.8, points 1, 2 and 5). programs/hammer makes them; the controls are programs/hostile/unsafe.c, shims
# with a fault.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load ../e2e/helper
load ../e2e/survive

setup() {
	HAMMER=$PROGRAMS/hammer
}

bare() {
	(close_bats_fds && exec "$@")
}

unsafe() {
	bare env UNSAFE="$1" LD_PRELOAD="$PROGRAMS/hostile/unsafe.so" "${@:2}"
}

# is_right RUNS VALUE [MORE]: $output is what `hammer crowd` or `hammer storm` says when all is right; that a log is not to be had
# is said too.
is_right() {
	assert_status 0
	assert_eq "runs $1
v6only $2
failed 0
changed 0
other 0${3:+
$3}" "$(grep -v '^v6shim: log: ' <<<"$output")"
}

storm_is_right() {
	is_right "$1" "$2" 'children failed 0'
}

# by_event: "2 bind" a line; fails where a line is no record.
by_event() {
	jq -r .event "$LOG" | sort | uniq -c | sed 's/^ *//'
}

# ---- storms

@test "control: a shim that locks, or takes memory, hangs for ever; one that spoils errno is seen; without the fault all is right" {
	run bare "$HAMMER" storm -n 5000
	storm_is_right 5000 0
	run unsafe none "$HAMMER" storm -n 5000
	storm_is_right 5000 1
	for fault in lock malloc; do
		run unsafe $fault "$HAMMER" storm -n 20000 -w 5
		# Ended by its alarm.
		assert_status 142
	done
	run bare "$HAMMER" crowd -t 64
	is_right 6400 0
	run unsafe none "$HAMMER" crowd -t 64
	is_right 6400 1
	run unsafe errno "$HAMMER" crowd -t 64 -n 10
	assert_line 'changed 640'
	assert_line 'other 1280'
}

@test "20,000 handlers, two deep, in threads in malloc, stdio, getaddrinfo and bind, while children are made: all right, all told" {
	for log in off "$LOG"; do
		run shim POLICY=ipv6-only LOG="$log" LOG_FORMAT=json LOG_LEVEL=all -- "$HAMMER" storm -n 20000 -w 120
		storm_is_right 20000 1
	done
	told=$(by_event)
	listens=$(sed -n 's/ listen$//p' <<<"$told")
	[ "$listens" -gt 20000 ] || fail "$told"
	for event in socket setsockopt bind; do
		assert_line "$listens $event" "$told"
	done
	refute grep -Eq ' (lost|error)$' <<<"$told"
	# One load record a process, and the processes are many.
	assert_eq "$(jq .pid "$LOG" | sort -u | wc -l)" "$(sed -n 's/ load$//p' <<<"$told")"
	assert_eq '[1,0]' "$(jq -c 'select(.event == "bind") | [.after, .result]' "$LOG" | sort -u)"
}

@test "a storm where the log takes nothing, or where every bind has to look around" {
	for settings in 'LOG=/dev/full LOG_LEVEL=all' "LOG=$DIR/no/directory LOG_LEVEL=all" 'LOG=fd:9 LOG_LEVEL=all' \
		"ORDER=ipv6-first ON_CONFLICT=resolve LOG=$LOG" 'POLICY=default-ipv6-only LOG=off'; do
		# The handler asks for 0, which default-ipv6-only grants.
		value=1
		[[ $settings != *default* ]] || value=0
		# shellcheck disable=SC2086 # into its words
		run shim POLICY=ipv6-only $settings -- "$HAMMER" storm -n 4000
		storm_is_right 4000 $value
	done
}

# after_leaving MODE MANY FEW: handlers jump out of calls, or threads are cancelled in them; the calls go on, and so does
# the log, as long as fewer are left than there is memory for records at a time.
after_leaving() {
	local right='after: 10 right, 0 slow' log times

	assert_eq "$right" "$(bare timeout 60 "$HAMMER" "$1" -n "$2")" 'control, bare'
	while read -r log times; do
		rm -f "$LOG"
		assert_eq "$right" "$(shim POLICY=ipv6-only LOG="$log" LOG_FORMAT=json LOG_LEVEL=bind -- timeout 100 "$HAMMER" "$1" -n "$times")" \
			"$log, $times"
	done <<-END
		off $2
		$LOG $2
		$LOG $3
	END
	assert_eq 'bind:1 listen:1 setsockopt:0' "$(tail -n 30 "$LOG" | jq -r '"\(.event):\(.after)"' | sort | uniq -c |
		sed 's/^ *10 //' | paste -sd' ')"
	run timeout -s KILL 5 env UNSAFE=lock LD_PRELOAD="$PROGRAMS/hostile/unsafe.so" "$HAMMER" "$1" -n "$2"
	assert_status 137
}

@test "a handler that leaves a call by siglongjmp, over and over" {
	after_leaving jump 3000 100
}

@test "threads that are cancelled asynchronously, in the middle of calls and records" {
	after_leaving cancelled 150 30
}

# ---- results and errno of many threads

@test "64 threads with every call logged: every result and every errno is the thread's own, each call is told once" {
	run shim POLICY=ipv6-only LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=all -- "$HAMMER" crowd -t 64
	is_right 6400 1
	# Two sockets a round, and three binds: of [::]:0, of a port that is taken, of no descriptor. The last is no
	# socket's, and is told of nobody.
	assert_eq '12800 bind
6400 getaddrinfo
6400 listen
1 load
6400 setsockopt
12800 socket' "$(by_event)"
	assert_eq '6400 0 none null
6400 -1 conflict EADDRINUSE' "$(jq -r 'select(.event == "bind") | "\(.result) \(.finding) \(.errno)"' "$LOG" | sort -r | uniq -c |
		sed 's/^ *//')"
	# The conflict's holder is the socket of the same thread: descriptors of others are not taken for it.
	assert_eq '' "$(jq -r 'select(.finding == "conflict" and .holder.port != .port) | .port' "$LOG")"
}

@test "errno is the thread's own where the log cannot be written, and where the policy denies" {
	mkfifo "$DIR/fifo"
	# Open, full, and read by nobody.
	exec 8<>"$DIR/fifo"
	head -c 65536 /dev/zero >&8
	for log in /dev/full fd:9 "$DIR/no/directory" fd:8 syslog; do
		run shim POLICY=ipv6-only LOG="$log" LOG_LEVEL=all -- "$HAMMER" crowd -t 64 -n 20
		is_right 1280 1
	done
	run shim POLICY=ipv6-only ON_CONTRARY=deny:EOPNOTSUPP LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=change -- "$HAMMER" crowd -t 64 -n 20
	# V6ONLY to 0 is denied, and nothing else is.
	assert_eq 'runs 1280
v6only 1
failed 1280
changed 0
other 0' "$output"
	assert_eq '1280 "EOPNOTSUPP"' "$(jq -c 'select(.action == "deny") | .errno' "$LOG" | sort | uniq -c | sed 's/^ *//')"
}

@test "a pending cancellation does not act within a call, wherever its record is written" {
	not_cancelled='setsockopt: ok, then cancelled
bind: ok, then cancelled
listen: ok, then cancelled
socket: ok, then cancelled'
	assert_eq "$not_cancelled" "$(bare "$HAMMER" cancel)" 'control'
	assert_eq "$not_cancelled" "$(unsafe none "$HAMMER" cancel)" 'control'
	assert_line 'bind: cancelled in the call' "$(unsafe write "$HAMMER" cancel)"
	mkfifo "$DIR/fifo"
	exec 8<>"$DIR/fifo"
	for log in off "$LOG" fd:8 syslog stderr "$DIR/fifo"; do
		for settings in 'POLICY=ipv6-only' 'POLICY=both ORDER=ipv6-first'; do
			# shellcheck disable=SC2086 # into its words
			assert_eq "$not_cancelled" "$(shim $settings LOG="$log" LOG_LEVEL=all -- "$HAMMER" cancel 2>>"$DIR/err")" "$settings, log $log"
		done
	done
	# The records were written, and each whole, by the very calls.
	for event in setsockopt bind listen socket; do
		assert_line "$event" "$(jq -r .event "$LOG")"
		grep -q ": $event " "$DIR/err"
	done
}

# ---- many records at once

# hammered OPTION...: all records that are made are there, in $LOG and in what it was renamed to, once each, and whole, with
# one load record a process. Sets `made`.
hammered() {
	made=$(shim POLICY=app LOG_LEVEL=bind LOG_FORMAT=json LOG="$LOG" -- "$HAMMER" records "$@") || return
	made=${made#made }
	assert_eq "made $made, twice 0, torn 0, loads once a process" "$("$PYTHON" - "${LOG%/*}"/*.jsonl* <<-'END'
		import collections, json, sys

		made, loads, pids, torn = collections.Counter(), collections.Counter(), set(), 0
		for name in sys.argv[1:]:
		    for line in open(name, "rb"):
		        try:
		            r = json.loads(line)
		        except ValueError:
		            torn += 1
		            continue
		        pids.add(r["pid"])
		        if r["event"] == "bind":
		            made[r["pid"], r["addr"]] += 1
		        else:
		            loads[r["event"], r["pid"]] += 1
		once = loads == collections.Counter({("load", pid): 1 for pid in pids})
		print(f"made {sum(made.values())}, twice {sum(n > 1 for n in made.values())}, torn {torn}, loads",
		    "once a process" if once else loads.most_common(3))
	END
	)"
}

# rotate TIMES: as soon as there is something in it.
rotate() {
	for ((i = 1; i <= $1; i++)); do
		wait_for 20 test -s "$LOG"
		mv "$LOG" "$LOG.$i"
	done
}

@test "8 processes of 8 threads write 100,000 records into one file; into a file each; while it is rotated: none is torn or lost" {
	hammered -p 8 -t 8 -n 1563
	[ "$made" -ge 100000 ]
	rm "$LOG"
	LOG=$DIR/log.%p.jsonl hammered -p 8 -t 8 -n 200
	assert_eq 8 "$(find "$DIR" -name 'log.*.jsonl' -size +0 | wc -l)"
	# What two threads do at once of which neither was there before is a matter of beginnings.
	for ((i = 0; i < 40; i++)); do
		rm "$DIR"/log.*
		hammered -p 8 -t 8 -n 20
	done
	rm "$DIR"/log.*
	rotate 5 &
	hammered -p 8 -t 8 -n 12000
	wait $!
	[ -e "$LOG.5" ] || fail 'the server was quicker than the rotation'
}

@test "fork in a threaded program, and signal handlers, in the middle of records and of rotations: all are told" {
	hammered -p 2 -t 8 -n 5000 -f 300
	assert_eq $((2 * 8 * 5000 + 2 * 300 * 5)) "$made"
	rm "$LOG"
	rotate 3 &
	hammered -p 2 -t 4 -n 40000 -s
	wait $!
	[ "$made" -gt $((2 * 4 * 40000)) ] || fail 'no handler ran'
}

many_to_syslog() {
	daemon
	start hammer --now shim POLICY=app LOG=syslog LOG_LEVEL=bind LOG_FORMAT=json -- "$HAMMER" records -p 4 -t 4 -n 500 -a "$DIR/go"
	wait_for 20 threads_ended hammer 4
	# The last record of each finds room, and a lost record goes before it.
	got >"$DIR/so-far"
	touch "$DIR/go"
	wait_for 10 grep -q made "$DIR/hammer.out"
	got | sed 's/^[^{]*//' >"$DIR/got"
	assert_eq 'made 8004' "$(stdout_of hammer)"
	assert_eq 8004 "$(jq -s '(map(select(.event == "bind")) | length) + (map(.count // 0) | add)' "$DIR/got")"
}

@test "syslog, many threads at once: what has not come was counted" {
	require_mounts
	HELPER_VARIABLES+=(HAMMER)
	with_dev many_to_syslog
}

# ---- data races

# races LIBRARY PROGRAM [ARG]...: what ThreadSanitizer says, in $DIR/races.*; the program's output is $output. It wants
# its own place in the address space, which high entropy may have given away; and a network namespace, for
# a port that a neighbour's connection holds is rightly not shared.
races() {
	rm -f "$DIR"/races.*
	run in_netns bare setarch -R env LD_PRELOAD="$1" TSAN_OPTIONS="log_path=$DIR/races exitcode=66" "$DIR/tsan/tests/programs/$2" "${@:3}"
}

no_races() {
	assert_status 0
	[ ! -e "$(compgen -G "$DIR/races.*" | head -n 1)" ] || fail "$(head -n 60 "$DIR"/races.*)"
}

@test "ThreadSanitizer finds no data race in the library, and finds the one of a library that has one" {
	require gcc setarch nm
	require_netns
	printf 'int main(void) { return 0; }' | gcc -fsanitize=thread -x c -o "$DIR/try" - 2>/dev/null &&
		bare setarch -R "$DIR/try" || skip 'gcc has no ThreadSanitizer that works here'
	# The library and the programs, all by gcc: its runtime is a library, so that it can be in both.
	env -u MAKEFLAGS -u MFLAGS make -C "$ROOT" --no-print-directory -j"$(nproc)" BUILD="$DIR/tsan" CC=gcc \
		CFLAGS='-O1 -g -fsanitize=thread' "$DIR/tsan/libv6shim.so" \
		"$DIR"/tsan/tests/programs/{hammer,conflict-many,hostile/unsafe.so} >"$DIR/make" 2>&1 ||
		fail "make: $(tail -n 20 "$DIR/make")"
	nm "$DIR/tsan/libv6shim.so" | grep -q __tsan_write || fail 'the library is not instrumented'
	races "$DIR/tsan/tests/programs/hostile/unsafe.so" hammer crowd -n 20 -t 16
	no_races
	UNSAFE=race races "$DIR/tsan/tests/programs/hostile/unsafe.so" hammer crowd -n 20 -t 16
	assert_status 66
	grep -q 'data race' "$DIR"/races.*

	export V6SHIM_POLICY=ipv6-only V6SHIM_ON_CONFLICT=resolve V6SHIM_LOG=$LOG V6SHIM_LOG_LEVEL=all
	races "$DIR/tsan/libv6shim.so" hammer crowd -n 50 -t 64
	no_races
	is_right 3200 1
	V6SHIM_ORDER=ipv6-first races "$DIR/tsan/libv6shim.so" hammer storm -n 2000
	no_races
	storm_is_right 2000 1
	V6SHIM_POLICY=app races "$DIR/tsan/libv6shim.so" conflict-many threads 8 30
	no_races
	assert_line 'right 240'
	# The log is opened anew by whichever thread comes first.
	rm "$LOG"
	rotate 3 &
	races "$DIR/tsan/libv6shim.so" hammer records -t 8 -n 10000 -s
	wait $!
	no_races
	[ -e "$LOG.3" ] || fail 'the log was not moved'
}
