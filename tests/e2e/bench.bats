#!/usr/bin/env bats
# What can be counted exactly of the shim's cost: system calls and, with limits, instructions of the start, instructions
# of each call. System calls of each call: syscalls.bats; the benchmarks themselves: tests/long/bench.bats.
#
# The limits are for the optimised build; no figure here depends on time.

load helper

BENCH=$BUILD/tests/bench
EMPTY=$BENCH/empty.so

setup() {
	[ -x "$BENCH/calls" ] || fail "$BENCH/calls is missing: run make bench-programs"
}

require_optimised() {
	require valgrind
	grep -Eq -- ' -O[123s] ' "$BUILD/flags" || skip 'needs an optimised build'
}

# assert_within LIMIT FIGURE WHAT: more than nothing, for nothing means that the shim was not in.
assert_within() {
	echo "# $3: $2, the limit is $1" >&3
	if [ "$2" -lt 1 ] || [ "$2" -gt "$1" ]; then
		fail "$3: $2, and not 1 to $1"
	fi
}

# ---- the start of /bin/true, over an empty library in the shim's place

# start_calls LIBRARY [NAME=VALUE...]: the system calls once the dynamic linker has done, which gives back its memory of
# the cache last.
start_calls() {
	local library=$1 settings=("${@:2}")

	(
		close_bats_fds
		exec strace -qq -o "$DIR/trace" -E "LD_PRELOAD=$library" "${settings[@]/#/-EV6SHIM_}" /bin/true
	) </dev/null >"$DIR/start.out" 2>&1 || return
	# The library was found, and nothing was amiss with the settings.
	grep -q "^openat.*$library\".* = [0-9]" "$DIR/trace" || fail "$library was not loaded" || return
	[ ! -s "$DIR/start.out" ] || fail "$(<"$DIR/start.out")" || return
	awk -F'(' '/^munmap\(/ { made = ""; next } /^[a-z0-9_]+\(/ { made = made " " $1 }
		END { sub(/ ?exit_group$/, "", made); print substr(made, 2) }' "$DIR/trace"
}

# instructions LIBRARY 'COMMAND WORD...' [SETTING=VALUE...]: how many it executes.
instructions() {
	local settings=("${@:3}") command

	read -ra command <<<"$2"
	(
		close_bats_fds
		# A small and fixed environment: its size is part of what a start executes.
		exec env -i PATH="$PATH" LD_PRELOAD="$1" "${settings[@]/#/V6SHIM_}" \
			valgrind --tool=callgrind --callgrind-out-file=/dev/null "${command[@]}"
	) </dev/null >"$DIR/valgrind" 2>&1 || fail "$(<"$DIR/valgrind")" || return
	sed -n 's/.*Collected : //p' "$DIR/valgrind"
}

# write_rules NUMBER LAST: $DIR/rules.conf, each rule for a port of its own, the last for the ports LAST.
write_rules() {
	{
		for ((i = 1; i < $1; i++)); do
			echo "port=$i proto=tcp => policy=both on-conflict=resolve"
		done
		echo "port=$2 => policy=ipv6-only"
	} >"$DIR/rules.conf"
}

# Where there is a log standard error is looked at, and where records of inherited sockets go anywhere descriptor 0; for a
# path "/" as well, which tells chroot from rotation, and for fd:N what it is.
@test "a program that makes none of the five calls: at most 3 system calls, what reading a file of settings takes, no word, no file" {
	require strace
	write_rules 10 8080
	printf 'program=true => policy=both\n' >"$DIR/program.conf"
	assert_eq '' "$(start_calls "$EMPTY")" 'control: an empty library'
	while IFS='|' read -r settings expected; do
		# shellcheck disable=SC2086 # into its words
		assert_eq "$expected" "$(start_calls "$LIB" $settings 5</dev/null 6</dev/null)" "$settings"
	done <<-END
		POLICY=ipv6-only LOG=off|
		POLICY=ipv6-only LOG=fd:7|fstat fstat getsockname
		POLICY=ipv6-only LOG=/none/x|fstat newfstatat getsockname
		PROFILE=openbsd LOG=stderr|fstat getsockname
		POLICY=default-both LOG=syslog|fstat getsockname
		POLICY=both LOG=fd:2 LOG_LEVEL=error|fstat
		POLICY=ipv6-only LOG=$DIR/log.jsonl|fstat newfstatat getsockname
		POLICY=both ORDER=ipv6-first ON_CONFLICT=resolve MODE=log LOG=$DIR/%p LOG_LEVEL=error|fstat newfstatat
		CONFIG=$DIR/rules.conf LOG=off|newfstatat openat read read close
		CONFIG=$DIR/program.conf LOG=off|newfstatat openat read read close readlinkat
	END
	assert_eq '' "$(find "$DIR" -mindepth 1 \( -name '*.jsonl' -o -name '[0-9]*' \))"
	# Nor where the settings are wrong.
	assert_eq a "$(V6SHIM_POLICY=xx V6SHIM_LOG="$DIR/log" LD_PRELOAD=$LIB bash -c 'ls / >/dev/null; date >/dev/null; echo a' 2>&1)"
	[ ! -e "$DIR/log" ]
}

@test "the start of a program: at most 200,000 instructions more than with an empty library" {
	require_optimised
	NAME=$(basename "$DIR").$$.jsonl
	write_rules 10 8080
	empty=$(instructions "$EMPTY" /bin/true)
	while IFS= read -r settings; do
		# shellcheck disable=SC2086 # into its words
		mine=$(instructions "$LIB" /bin/true $settings)
		rm -f "/tmp/$NAME"
		assert_within 200000 $((mine - empty)) "instructions, $settings"
	done <<-END
		PROFILE=openbsd LOG=off
		POLICY=ipv6-only LOG=/tmp/$NAME
		ON_CONTRARY=deny:EPERM POLICY=both ORDER=ipv6-first ON_DISORDER=log ON_CONFLICT=resolve MODE=log LOG=/tmp/$NAME
		CONFIG=$DIR/rules.conf LOG=off
	END
}

@test "256 rules: at most 8,000 instructions each at the start" {
	require_optimised
	write_rules 1 8080
	one=$(instructions "$LIB" /bin/true CONFIG="$DIR/rules.conf" LOG=off)
	write_rules 256 8080
	many=$(instructions "$LIB" /bin/true CONFIG="$DIR/rules.conf" LOG=off)
	# A rule has some 50 characters here; finding its words in tables is what it costs.
	assert_within 8000 $(((many - one) / 255)) 'instructions for a rule'
}

# ---- instructions of one call

# per_call CASE [NAME=VALUE...]: of `calls`, the start and the end of which are the same however many calls are made.
per_call() {
	local few many library=$LIB

	[ $# -gt 1 ] || library=
	few=$(instructions "$library" "$BENCH/calls -n 256 $1" "${@:2}") || return
	many=$(instructions "$library" "$BENCH/calls -n 768 $1" "${@:2}") || return
	echo $(((many - few) / 512))
}

@test "instructions more: at most 8 for a setsockopt that is not V6ONLY, 40 for a socket under a forced policy" {
	require_optimised
	bare=$(per_call nodelay)
	again=$(per_call nodelay)
	# Of what `calls` prints at its end the digits differ: that is one instruction a call at the most.
	[ $((bare - again)) -ge -1 ] && [ $((bare - again)) -le 1 ] || fail "control: $bare, and then $again"
	# Two comparisons, and a jump to the next definition.
	mine=$(per_call nodelay POLICY=ipv6-only LOG="$DIR/log.jsonl" LOG_LEVEL=all)
	assert_within 8 $((mine - bare)) 'instructions for setsockopt'
	bare=$(per_call socket6)
	# Arguments kept over the call to the next definition, and two flags looked at.
	mine=$(per_call socket6 POLICY=ipv6-only LOG="$DIR/log.jsonl" LOG_LEVEL=change)
	assert_within 40 $((mine - bare)) 'instructions for socket'
}

@test "a governed bind with the log off: at most 1,000 instructions more; 60 for each rule that does not match" {
	require_optimised
	bare=$(per_call cycle-any)
	mine=$(per_call cycle-any POLICY=ipv6-only LOG=off)
	assert_within 1000 $((mine - bare)) 'instructions for a governed bind'
	write_rules 256 1024-65535
	ruled=$(per_call cycle-any CONFIG="$DIR/rules.conf" LOG=off)
	assert_within $((60 * 256)) $((ruled - mine)) 'instructions for the last of 256 rules'
}

@test "a record to a file: at most 13,000 instructions" {
	require_optimised
	without=$(per_call cycle-any POLICY=ipv6-only LOG=off)
	mine=$(per_call cycle-any POLICY=ipv6-only LOG="$DIR/log.jsonl" LOG_FORMAT=json LOG_LEVEL=change)
	# A record has some 350 characters, each of them put and counted; so many numbers are made text, and a time.
	assert_within 13000 $((mine - without)) 'instructions for a record'
	# It did write them: in each of two runs load and the bind that finds a port as well.
	assert_eq $((4 + 256 + 768)) "$(wc -l <"$DIR/log.jsonl")"
}
