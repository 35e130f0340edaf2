#!/usr/bin/env bats
# The calls stay async-signal-safe, and are there from before libc is set up until after main (DESIGN.md 1.8, points
# 2 and 4). What sink.bats and conflict-scale.bats have of handlers, fork and vfork is about records and conflicts; here
# it is about everything at once, and about the stack. The controls are programs/hostile/unsafe.c, shims with a fault.

load helper

UNSAFE=$PROGRAMS/hostile/unsafe.so
BYSTANDER=$PROGRAMS/hostile/bystander.so

setup() {
	DIR=$BATS_TEST_TMPDIR
	LOG=$DIR/log.jsonl
	PORT=$(free_port)
}

# bare COMMAND..., unsafe FAULT COMMAND...: the output.
bare() {
	(close_bats_fds && exec "$@")
}

unsafe() {
	[ -e "$UNSAFE" ] || fail "no library: $UNSAFE" || return
	bare env UNSAFE="$1" LD_PRELOAD="$UNSAFE" "${@:2}"
}

# storm_is_right RUNS VALUE [WHAT]: $output is what programs/storm says when all is right.
storm_is_right() {
	assert_eq "runs $1
v6only $2
wrong 0
children many
failed 0" "$output" "${3-}"
}

# ---- storms

@test "control: a shim that locks, or takes memory, hangs for ever where the same shim without the fault is right" {
	run bare "$PROGRAMS/storm" -n 5000
	storm_is_right 5000 0
	run unsafe none "$PROGRAMS/storm" -n 5000
	storm_is_right 5000 1
	for fault in lock malloc; do
		run unsafe $fault "$PROGRAMS/storm" -n 20000 -w 5
		# Ended by its alarm.
		assert_status 142
	done
	run unsafe errno "$PROGRAMS/storm" -n 2000
	refute_line 'wrong 0'
}

@test "20,000 handlers, two deep, in threads in malloc, stdio, getaddrinfo and bind, while children are made: all right" {
	for log in off "$LOG"; do
		begin=${EPOCHREALTIME/./}
		run shim POLICY=ipv6-only LOG="$log" LOG_LEVEL=all -- "$PROGRAMS/storm" -n 20000
		assert_status 0
		storm_is_right 20000 1 "log $log"
		echo "# log ${log/$DIR/...}: $(((${EPOCHREALTIME/./} - begin) / 1000)) ms" >&3
	done
}

# by_event: "2 bind" a line; fails where a line is no record.
by_event() {
	jq -r .event "$LOG" | sort | uniq -c | sed 's/^ *//'
}

@test "each call of a handler, a thread and a child is told, whole: none is lost, none is there twice" {
	run shim POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all -- "$PROGRAMS/storm" -n 10000
	storm_is_right 10000 1
	told=$(by_event)
	listens=$(sed -n 's/ listen$//p' <<<"$told")
	[ "$listens" -gt 10000 ] || fail "$told"
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
		run shim POLICY=ipv6-only $settings -- "$PROGRAMS/storm" -n 4000
		assert_status 0
		storm_is_right 4000 $value "$settings"
	done
}

@test "a handler that leaves a call by siglongjmp, over and over: the calls go on, and so does the log" {
	jumps=3000
	assert_eq 'after: 10 right, 0 slow' "$(bare timeout 60 "$PROGRAMS/jump" $jumps)" 'control, bare'
	for log in off "$LOG"; do
		assert_eq 'after: 10 right, 0 slow' "$(shim POLICY=ipv6-only LOG="$log" LOG_LEVEL=bind -- timeout 60 "$PROGRAMS/jump" $jumps)" "$log"
	done
	# More were left than there is memory for records at a time, and the last ones are there.
	assert_eq '10 bind :: 1
10 listen :: 1' "$(tail -n 20 "$LOG" | jq -r '"\(.event) \(.addr) \(.after)"' | sort | uniq -c | sed 's/^ *//')"
	run unsafe lock timeout 5 "$PROGRAMS/jump" $jumps
	assert_status 124
}

# ---- before main and after it

# stages VALUE: what programs/early says when V6ONLY has that value at each stage.
stages() {
	printf '%s: v6only '"$1"'\n' resolver preinit constructor main atexit destructor
}

with_bystander() {
	echo "bystander constructor: v6only $1"
	stages "$1"
	echo "bystander destructor: v6only $1"
}

@test "a call before libc is set up, from DT_PREINIT_ARRAY or an IFUNC resolver, and one after main, is governed" {
	assert_eq "$(stages 0)" "$(bare "$PROGRAMS/early")" 'control, bare'
	assert_eq "$(stages 1)" "$(shim POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=bind -- "$PROGRAMS/early")"
	# Each is told, and the load record has the settings, which come from an environment that libc did not know of yet.
	assert_eq 'load
1 set
1 set
1 set
1 set
1 set
1 set' "$(json_records "$LOG" 'select(.event == "load" or .event == "bind") |
		if .event == "load" then "load" else "\(.after) \(.action)" end' | tr -d '"' | sed 's/override/set/')"
	assert_match 'policy=ipv6-only \(environment\)' "$(jq -r 'select(.event == "load") | .note' "$LOG")"
	# Once the settings are settled they hold: a wrong one is refused from the first call on.
	assert_eq "$(stages 1 | sed 's/v6only 1/EINVAL/')" "$(shim POLICY=nonsense LOG=off -- "$PROGRAMS/early" 2>/dev/null)"
}

@test "the same where the dynamic linker is told to preload, and where it starts the program itself" {
	linker=$(readelf -lW "$PROGRAMS/early" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
	"$linker" --help 2>/dev/null | grep -q -e --preload || skip "$linker has no --preload"
	assert_eq "$(stages 0)" "$(bare "$linker" "$PROGRAMS/early")" 'control, bare'
	assert_eq "$(stages 1)" "$(V6SHIM_POLICY=ipv6-only V6SHIM_LOG=off bare "$linker" --preload "$LIB" "$PROGRAMS/early")"
	assert_eq "$(stages 1)" "$(shim POLICY=ipv6-only LOG=off -- "$linker" "$PROGRAMS/early" 2>/dev/null)"
	# Without an environment: nothing is set, and nothing is governed.
	assert_eq "$(stages 0)" "$(bare env -i "$linker" --preload "$LIB" "$PROGRAMS/early")"
}

@test "calls of another preloaded library's constructor and destructor, loaded before ours and after it" {
	assert_eq "$(with_bystander 0)" "$(LD_PRELOAD=$BYSTANDER bare "$PROGRAMS/early")" 'control, bare'
	for preload in "$LIB $BYSTANDER" "$BYSTANDER $LIB"; do
		for log in off "$LOG"; do
			rm -f "$LOG"
			assert_eq "$(with_bystander 1)" "$(LD_PRELOAD=$preload V6SHIM_POLICY=ipv6-only V6SHIM_LOG=$log V6SHIM_LOG_LEVEL=bind \
				bare "$PROGRAMS/early")" "$preload, log $log"
		done
		assert_eq 8 "$(json_records "$LOG" 'select(.event == "bind" and .after == 1)' | wc -l)"
	done
}

@test "a server that wiped its arguments and its environment is governed, and its settings are told as they were" {
	printf 'on-conflict = resolve\n' >"$DIR/server.conf"
	assert_eq 'bind EADDRINUSE
listen ok
v6only 0' "$(bare "$PROGRAMS/wipe" "$PORT")" 'control, bare'
	assert_eq 'bind ok
listen ok
v6only 1' "$(shim CONFIG="$DIR/server.conf" LOG="$LOG" -- "$PROGRAMS/wipe" "$PORT")"
	assert_eq '["wipe",0,"split"]' "$(json_records "$LOG" 'select(.event == "bind") | [.program, .result, .action]')"
	assert_match "config=$DIR/server\\.conf \\(environment\\), log=$LOG " "$(jq -r 'select(.event == "load") | .note' "$LOG")"
}

# Run in a mount namespace of its own, where every program is preloaded.
without_environment() {
	cp -a /etc "$DIR/etc"
	echo "$LIB" >"$DIR/etc/ld.so.preload"
	mount --bind "$DIR/etc" /etc
	"$PROGRAMS/wipe" -x "$PORT"
}

@test "a program that was executed with no arguments and no environment: the defaults, and no crash" {
	[ "$EUID" -eq 0 ] || skip 'needs root, for /etc/ld.so.preload'
	unshare -m true 2>/dev/null || skip 'needs leave to make a mount namespace'
	said='bind EADDRINUSE
listen ok
v6only 0'
	assert_eq "$said" "$(bare "$PROGRAMS/wipe" -x "$PORT" 2>"$DIR/err")" 'control, bare'
	assert_eq '' "$(cat "$DIR/err")"
	export DIR PORT PROGRAMS LIB
	export -f without_environment
	assert_eq "$said" "$(bare unshare -m --propagation private bash -c 'set -e; without_environment' 2>"$DIR/err")"
	# That it was there is told on standard error, which is the default.
	assert_match "^v6shim wipe\\[[0-9]+\\]: bind tcp \\[::\\]:$PORT fd 4: .*EADDRINUSE" "$(grep -v ': load: ' "$DIR/err")"
}

# ---- the stack

# Bytes that a call may take: with the frame of a signal on a machine whose registers need no more than AVX does, that is
# within 4096.
MOST_STACK=2816

# measured NAME=VALUE...: the most of any call, in bytes; $output has each.
measured() {
	output=$(shim "$@" -- "$PROGRAMS/stack" measure 2>"$DIR/err")
	[ "$(wc -l <<<"$output")" -eq 7 ]
	awk '$2 > most { most = $2 } END { print most }' <<<"$output"
}

@test "no call takes more than 2816 bytes of stack, be it with a conflict, a record, or a log to be opened anew" {
	awk '$2 > 64 { exit 1 }' <(bare "$PROGRAMS/stack" measure) || fail 'control: the kernel calls take stack'
	awk '$1 == "bind" && $2 > 6144 { found = 1 } END { exit !found }' <(unsafe stack "$PROGRAMS/stack" measure) ||
		fail 'control: what takes 6 KB is not seen'
	for log in off "$LOG" "$DIR/log.txt" stderr syslog "$DIR/no/directory/log"; do
		for settings in 'POLICY=app ON_CONFLICT=resolve' 'POLICY=both ON_CONFLICT=share ORDER=ipv6-first' \
			'POLICY=ipv6-only ON_CONTRARY=deny:EPERM' 'POLICY=both MODE=log' \
			'RULES=port=1-65535=>policy=both;proto=tcp=>on-conflict=fail'; do
			# shellcheck disable=SC2086 # into its words
			most=$(measured $settings LOG="$log" LOG_LEVEL=all)
			[ "$most" -le $MOST_STACK ] || fail "$settings, log $log: $most bytes"
			[ "$most" -gt 64 ] || fail "$settings: the shim is not there"
			printf '%s %s\n' "$most" "${log/$DIR/...}" >>"$DIR/all"
		done
	done
	echo "# most, by log: $(sort -k2,2 -k1,1n "$DIR/all" | awk '{ most[$2] = $1 } END { for (l in most) printf "%s %d  ", l, most[l] }')" >&3
}

@test "a handler on an alternate stack of 4 KB, below which there is nothing, makes every call" {
	assert_eq 'handler: done' "$(bare "$PROGRAMS/stack" handler 4096)" 'control, bare'
	assert_eq 'handler: done' "$(unsafe none "$PROGRAMS/stack" handler 4096)" 'control, a shim that takes little'
	run unsafe stack "$PROGRAMS/stack" handler 4096
	assert_status 139
	# 2304 bytes are what is left of 4096 where the frame has no AVX-512 registers in it.
	for bytes in 4096 2304; do
		for log in off "$LOG" stderr; do
			run shim POLICY=app ON_CONFLICT=resolve LOG="$log" LOG_LEVEL=all -- "$PROGRAMS/stack" handler $bytes
			assert_status 0
			assert_line 'handler: done'
		done
	done
	assert_eq '"split" "share" "share"' "$(json_records "$LOG" 'select(.finding == "conflict") | .action' | tail -n 3 | paste -sd' ')"
}
