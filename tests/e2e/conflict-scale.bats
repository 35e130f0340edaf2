#!/usr/bin/env bats
# Conflicts in quantity: many threads, two threads at once, signal handlers, 10,000 descriptors, and not one
# descriptor left. Each answer must be right, none may hang, and the times are told.

load helper

MANY=$PROGRAMS/conflict-many

setup() {
	export LOG=$BATS_TEST_TMPDIR/log.jsonl
	export MANY
}

# many [NAME=VALUE...] -- WORDS...: conflict-many, in a network namespace of its own, where no client of
# another test has a port. Its output is in $output, the microseconds in $US.
many() {
	local settings=()

	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	[ ${#settings[@]} -eq 0 ] || settings=(shim "${settings[@]}" --)
	resolve "${settings[@]}" "$MANY" "$@"
	output=$(in_netns "${COMMAND[@]}" 2>"$BATS_TEST_TMPDIR/us")
	US=$(sed -n 's/^us //p' "$BATS_TEST_TMPDIR/us")
	[ -n "$US" ] || fail "$(cat "$BATS_TEST_TMPDIR/us")"
}

# The conflicts in $LOG: how many there are of each kind.
told() {
	json_records "$LOG" 'select(.finding == "conflict") | "\(.action) \(.result) \(.holder.fd != null and .holder.pid == .pid)"' |
		tr -d '"' | sort | uniq -c | sed 's/^ *//'
}

@test "control: without the shim no pair of any thread comes about, nor one in a handler" {
	require_netns
	many -- threads 4 20
	assert_line 'pairs 80'
	assert_line 'right 0'
	many -- threads -u 4 20
	assert_line 'right 0'
	many -- race 50
	assert_line 'right 0'
	many -- signal 20
	assert_line 'right 0'
}

@test "8 threads bind 100 ports each for both families, TCP and UDP: every pair is right, every conflict told" {
	require_netns
	for settings in ON_CONFLICT=resolve ON_CONFLICT=share; do
		for type in '' -u; do
			rm -f "$LOG"
			many $settings LOG="$LOG" -- threads $type 8 100
			assert_line 'pairs 800'
			assert_line 'right 800'
			# IPv4 first and IPv6 first in turn.
			want='400 share 0 true
400 split 0 true'
			[ $settings = ON_CONFLICT=resolve ] || want='800 share 0 true'
			# UDP: a socket that was shared is found to overlap with none: the conflict is one record.
			assert_eq "$want" "$(told)" "$settings $type"
			echo "# 800 pairs in 8 threads, ${type:--t}, $settings: $((US / 1000)) ms" >&3
		done
	done
}

@test "two threads bind the halves of a pair at the same moment: both get theirs" {
	require_netns
	for settings in ON_CONFLICT=resolve ON_CONFLICT=share; do
		for type in '' -u; do
			many $settings LOG=off -- race $type 1000
			assert_line 'pairs 1000'
			assert_line 'right 1000'
		done
	done
}

@test "a conflict within a signal handler is resolved, whatever it interrupts" {
	require_netns
	for settings in ON_CONFLICT=resolve ON_CONFLICT=share; do
		for log in off "$LOG"; do
			rm -f "$LOG"
			many $settings LOG="$log" -- signal 200
			assert_line 'pairs 200'
			assert_line 'right 200'
			assert_line 'interrupted binds that failed 0'
		done
		# Each handler's conflict is a line, whole and apart from those it interrupted.
		json_records "$LOG" >/dev/null
		[ "$(json_records "$LOG" 'select(.finding == "conflict")' | wc -l)" -ge 200 ]
		assert_eq '' "$(json_records "$LOG" 'select(.event == "lost")')"
	done
}

# ---- descriptors

require_descriptors() {
	local most

	most=$(ulimit -H -n)
	[ "$(id -u)" = 0 ] || [ "$most" = unlimited ] || [ "$most" -ge "$1" ] || skip "needs $1 descriptors"
}

@test "10,000 descriptors open: the conflict is resolved, and the holder is the right one" {
	require_netns
	require_descriptors 10200
	for families in 46 64; do
		first=${families:0:1} second=${families:1}
		many -- descriptors 10000 $families 4321
		assert_eq "$first ok
$second EADDRINUSE" "$output" 'control'
		bare=$US
		rm -f "$LOG"
		many ON_CONFLICT=resolve LOG="$LOG" -- descriptors 10000 $families 4321
		assert_eq "$first ok
$second ok" "$output"
		action='split'
		[ $families = 46 ] || action=share
		# The 10,000 come first, then the holder, then the one that was refused.
		assert_eq "[\"$action\",1]" "$(json_records "$LOG" 'select(.finding == "conflict") | [.action, .fd - .holder.fd]')"
		echo "# 10,000 descriptors, $action: $((US / 1000)) ms (refused without the shim: $bare us)" >&3
		# Bounded: no more than a few system calls for each.
		[ "$US" -lt 5000000 ]
	done
}

@test "10,000 descriptors on either side: the holder in another process is named all the same" {
	require_netns
	require_descriptors 10200
	two_processes() {
		start holder --says '^ready$' "$MANY" descriptors -w 10000 4 4321
		assert_eq $'4 ok\nready' "$(stdout_of holder)"
		resolve shim ON_CONFLICT=fail LOG="$LOG" -- "$MANY" descriptors 10000 6 4321
		assert_eq '6 EADDRINUSE' "$("${COMMAND[@]}" 2>"$LOG.us")"
		assert_eq "[$(pid_of holder),\"conflict-many\",\"inet\"]" \
			"$(json_records "$LOG" 'select(.finding == "conflict") | [.holder.pid, .holder.program, .holder.family]')"
		resolve shim ON_CONFLICT=resolve LOG=off -- "$MANY" descriptors 10000 6 4321
		assert_eq '6 ok' "$("${COMMAND[@]}" 2>/dev/null)"
	}
	export BATS_TEST_TMPDIR
	in_netns two_processes
	us=$(sed -n 's/^us //p' "$LOG.us")
	echo "# 10,000 descriptors here and in the holder: diagnosed in $((us / 1000)) ms" >&3
	[ "$us" -lt 5000000 ]
}

@test "not one descriptor left: the conflict is resolved all the same" {
	port=$(free_port)
	# The sockets are 3 and 4; no more can be opened, so that /proc cannot be read.
	with_five() {
		(
			close_bats_fds
			ulimit -n 5
			exec "${COMMAND[@]}"
		)
	}
	v4=('a socket tcp4' "a bind 0.0.0.0 $port" 'a listen')
	v6=('b socket tcp6' 'b v6only 0' "b bind :: $port" 'b listen')
	resolve "$PROGRAMS/several" "${v4[@]}" "${v6[@]:0:3}" 'c socket tcp4'
	assert_match "b bind :: $port: EADDRINUSE
c socket tcp4: EMFILE" "$(with_five)"
	for log in off stderr; do
		resolve shim ON_CONFLICT=resolve LOG=$log -- "$PROGRAMS/several" "${v4[@]}" "${v6[@]}" show
		assert_match "b bind :: $port: ok
b listen: ok
show: a=-/0 b=1/0" "$(with_five 2>/dev/null)"
		resolve shim ON_CONFLICT=resolve LOG=$log -- "$PROGRAMS/several" "${v6[@]}" "${v4[@]}" show
		assert_match "a bind 0.0.0.0 $port: ok
a listen: ok
show: a=-/1 b=0/1" "$(with_five 2>/dev/null)"
	done
}

@test "without /proc the conflict is resolved all the same, and the holder told as far as it is known" {
	[ "$(id -u)" = 0 ] || skip 'needs root, to hide /proc'
	unshare -m true 2>/dev/null || skip 'needs leave to make a mount namespace'
	require_no_runtime 'reads /proc'
	port=$(free_port)
	# shellcheck disable=SC2016 # for the shell inside
	hidden=(unshare -m --propagation private -- bash -c 'mount -t tmpfs none /proc && exec "$@"' sh)
	start holder --says ready "$PROGRAMS/serve" -4 -p "$port"
	for on_conflict in fail resolve; do
		rm -f "$LOG"
		resolve shim ON_CONFLICT=$on_conflict LOG="$LOG" -- "$PROGRAMS/serve" -x -6 -v 0 -p "$port"
		"${hidden[@]}" "${COMMAND[@]}" >"$BATS_TEST_TMPDIR/said" || :
		want='bind EADDRINUSE' action=none
		[ $on_conflict = fail ] || want='bind ok' action=split
		assert_line "$want" "$(cat "$BATS_TEST_TMPDIR/said")"
		assert_eq "[\"$action\",null,$(id -u),\"0.0.0.0\"]" \
			"$(json_records "$LOG" 'select(.finding == "conflict") | [.action, .holder.pid, .holder.uid, .holder.addr]')"
	done
	stop holder
	resolve shim ON_CONFLICT=resolve LOG=off -- "$EXAMPLES/bind-all" -n -v 0 "$port"
	"${hidden[@]}" "${COMMAND[@]}"
	resolve shim ON_CONFLICT=resolve ORDER=ipv6-first LOG=off -- "$EXAMPLES/bind-all" -n -v 0 "$port"
	"${hidden[@]}" "${COMMAND[@]}"
}
