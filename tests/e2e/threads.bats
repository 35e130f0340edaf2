#!/usr/bin/env bats
# Many threads in the calls at once, with the log on: the results, errno, cancellation, and data races (DESIGN.md 1.8,
# points 1, 2 and 5). sink.bats has the log in the hands of many processes and threads, conflict-scale.bats conflicts.

load helper

UNSAFE=$PROGRAMS/hostile/unsafe.so

setup() {
	DIR=$BATS_TEST_TMPDIR
	LOG=$DIR/log.jsonl
}

bare() {
	(close_bats_fds && exec "$@")
}

unsafe() {
	[ -e "$UNSAFE" ] || fail "no library: $UNSAFE" || return
	bare env UNSAFE="$1" LD_PRELOAD="$UNSAFE" "${@:2}"
}

# crowd_is_right ROUNDS VALUE [WHAT]: $output is what programs/crowd says when all is right.
crowd_is_right() {
	assert_eq "rounds $1
v6only $2
failed 0
changed 0
other 0" "$output" "${3-}"
}

# ---- results and errno

@test "control: bare, and what a shim that spoils errno comes to" {
	run bare "$PROGRAMS/crowd"
	crowd_is_right 6400 0
	run unsafe none "$PROGRAMS/crowd"
	crowd_is_right 6400 1
	run unsafe errno "$PROGRAMS/crowd" -n 10
	assert_line 'changed 640'
	assert_line 'other 1280'
}

@test "64 threads with every call logged: every result and every errno is the thread's own, each call is told once" {
	run shim POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all -- "$PROGRAMS/crowd"
	crowd_is_right 6400 1
	# Two sockets a round, and three binds: of [::]:0, of a port that is taken, of no descriptor. The last is no
	# socket's, and is told of nobody.
	assert_eq '12800 bind
6400 getaddrinfo
6400 listen
1 load
6400 setsockopt
12800 socket' "$(jq -r .event "$LOG" | sort | uniq -c | sed 's/^ *//')"
	assert_eq '6400 0 none null
6400 -1 conflict EADDRINUSE' "$(jq -r 'select(.event == "bind") | "\(.result) \(.finding) \(.errno)"' "$LOG" | sort -r | uniq -c |
		sed 's/^ *//')"
	assert_eq 64 "$(jq 'select(.event == "listen") | .tid' "$LOG" | sort -u | wc -l)"
	# The conflict's holder is the socket of the same thread: descriptors of others are not taken for it.
	assert_eq 0 "$(jq -r 'select(.finding == "conflict" and .holder.port != .port) | .port' "$LOG" | wc -l)"
}

@test "errno is the thread's own where the log cannot be written, and where the policy denies" {
	mkfifo "$DIR/fifo"
	# Open, full, and read by nobody.
	exec 8<>"$DIR/fifo"
	head -c 65536 /dev/zero >&8
	for log in /dev/full fd:9 "$DIR/no/directory" fd:8 syslog; do
		run shim POLICY=ipv6-only LOG="$log" LOG_LEVEL=all -- "$PROGRAMS/crowd" -n 20
		crowd_is_right 1280 1 "$log"
	done
	run shim POLICY=ipv6-only ON_CONTRARY=deny:EOPNOTSUPP LOG="$LOG" -- "$PROGRAMS/crowd" -n 20
	# V6ONLY to 0 is denied, and nothing else is.
	assert_eq 'rounds 1280
v6only 1
failed 1280
changed 0
other 0' "$output"
	assert_eq '1280 "EOPNOTSUPP"' "$(jq -c 'select(.action == "deny") | .errno' "$LOG" | sort | uniq -c | sed 's/^ *//')"
}

# ---- cancellation

not_cancelled='setsockopt: ok, then cancelled
bind: ok, then cancelled
listen: ok, then cancelled
socket: ok, then cancelled'

@test "control: bare the four calls are no cancellation points; in a shim that calls libc's write, bind is one" {
	assert_eq "$not_cancelled" "$(bare "$PROGRAMS/cancel" deferred)"
	assert_eq "$not_cancelled" "$(unsafe none "$PROGRAMS/cancel" deferred)"
	assert_line 'bind: cancelled in the call' "$(unsafe write "$PROGRAMS/cancel" deferred)"
}

@test "a pending cancellation does not act within a call, wherever its record is written" {
	mkfifo "$DIR/fifo"
	exec 8<>"$DIR/fifo"
	for log in off "$LOG" fd:8 syslog stderr "$DIR/fifo"; do
		for settings in 'POLICY=ipv6-only' 'POLICY=both ORDER=ipv6-first'; do
			# shellcheck disable=SC2086 # into its words
			assert_eq "$not_cancelled" \
				"$(shim $settings LOG="$log" LOG_LEVEL=all -- "$PROGRAMS/cancel" deferred 2>>"$DIR/err")" "$settings, log $log"
		done
	done
	# The records were written, and each whole, by the very calls.
	for event in setsockopt bind listen socket; do
		assert_line "$event" "$(jq -r .event "$LOG")"
		grep -q ": $event " "$DIR/err"
	done
}

@test "threads that are cancelled asynchronously, in the middle of calls and records, leave nothing locked or taken" {
	run bare "$PROGRAMS/cancel" asynchronous 150
	assert_line 'after: 10 right, 0 slow'
	# More are cancelled in the middle of one than there is memory for records at a time.
	run shim POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all -- "$PROGRAMS/cancel" asynchronous 150
	assert_status 0
	assert_line 'after: 10 right, 0 slow'
	# What follows is told as ever, by the one thread that is left.
	assert_eq '10 bind 1
10 listen 1
10 setsockopt 0
10 socket 0' "$(tail -n 40 "$LOG" | jq -r 'select(.pid == .tid) | "\(.event) \(.after)"' | sort | uniq -c | sed 's/^ *//')"
	run timeout -s KILL 5 env UNSAFE=lock LD_PRELOAD="$UNSAFE" "$PROGRAMS/cancel" asynchronous 150
	assert_status 137
}

# ---- data races

# The library, its core included, and the programs, all by gcc: its runtime is a library, so that it can be in both.
# clang's is in the executable alone, unless -shared-libsan is given.
sanitized() {
	env -u MAKEFLAGS -u MFLAGS make -C "$ROOT" --no-print-directory -j"$(nproc)" BUILD="$DIR/tsan" CC=gcc \
		CFLAGS='-O1 -g -fsanitize=thread' "$DIR/tsan/libv6shim.so" \
		"$DIR"/tsan/tests/programs/{crowd,storm,hammer,conflict-many,hostile/unsafe.so} >"$DIR/make" 2>&1 ||
		fail "make: $(tail -n 20 "$DIR/make")"
	nm "$DIR/tsan/libv6shim.so" | grep -q __tsan_write || fail 'the library is not instrumented'
}

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

rotate() {
	for i in {1..2000}; do
		[ ! -e "$DIR/done" ] || return 0
		[ ! -e "$LOG" ] || mv "$LOG" "$LOG.$i"
		sleep 0.02
	done
}

@test "ThreadSanitizer finds no data race in the library, and finds the one of a library that has one" {
	require gcc setarch nm
	require_netns
	printf 'int main(void) { return 0; }' | gcc -fsanitize=thread -x c -o "$DIR/try" - 2>/dev/null &&
		bare setarch -R "$DIR/try" || skip 'gcc has no ThreadSanitizer that works here'
	sanitized
	races "$DIR/tsan/tests/programs/hostile/unsafe.so" crowd -n 20 -t 16
	no_races
	export UNSAFE=race
	races "$DIR/tsan/tests/programs/hostile/unsafe.so" crowd -n 20 -t 16
	assert_status 66
	grep -q 'data race' "$DIR"/races.*

	export V6SHIM_POLICY=ipv6-only V6SHIM_ON_CONFLICT=resolve V6SHIM_LOG=$LOG V6SHIM_LOG_LEVEL=all
	races "$DIR/tsan/libv6shim.so" crowd -n 50 -t 64
	no_races
	crowd_is_right 3200 1
	V6SHIM_ORDER=ipv6-first races "$DIR/tsan/libv6shim.so" storm -n 2000
	no_races
	assert_line 'wrong 0'
	V6SHIM_POLICY=app races "$DIR/tsan/libv6shim.so" conflict-many threads 8 30
	no_races
	assert_line 'right 240'
	# The log is opened anew by whichever thread comes first.
	mv "$LOG" "$LOG.0"
	rotate &
	races "$DIR/tsan/libv6shim.so" hammer -t 8 -n 10000 -s
	touch "$DIR/done"
	wait $!
	no_races
	[ "$(compgen -G "$LOG.*" | wc -l)" -ge 3 ] || fail 'the log was not moved'
}
