#!/usr/bin/env bats
# Conflicts in quantity: many threads, two threads at once, signal handlers, 10,000 descriptors, no /proc. Each answer must be right, none may hang; the times are told.

load ../e2e/helper
load ../e2e/rows

setup() {
	export LOG=$BATS_TEST_TMPDIR/log.jsonl MANY=$PROGRAMS/conflict-many V6SHIM_LOG_FORMAT=json
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
	for words in 'threads 4 20' 'threads -u 4 20' 'race 50' 'signal 20'; do
		read -ra words <<<"$words"
		many -- "${words[@]}"
		assert_match 'pairs [1-9]' "$output"
		assert_line 'right 0'
	done
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

# Of its own family a bind may meet the socket that was closed before it, which whoever looked at it just then
# keeps for that moment, or as long as the kernel lets it wait: those are told alone.
@test "two threads open and close the halves of a pair over and over: of 32,000 binds hardly one fails for the other half" {
	local reach settings type failed=0 all=0
	require_netns
	for reach in preload supervise; do
		for settings in POLICY=both 'POLICY=both ON_CONFLICT=resolve'; do
			for type in '' -u; do
				rm -f "$LOG"
				# shellcheck disable=SC2086 # into words
				TESTS_REACH=$reach many $settings LOG="$LOG" -- halves $type 4000
				all=$((all + $(sed -n 's/^failed \([0-9]*\).*/\1/p' <<<"$output")))
				failed=$((failed + $(json_records "$LOG" 'select(.result == -1 and .family != .holder.family)' | wc -l)))
			done
		done
	done
	echo "# of 32,000 binds failed $all, $failed of them for the other half" >&3
	[ "$failed" -lt 12 ]
	# Control: it was governed, and met conflicts.
	[ "$(json_records "$LOG" 'select(.finding == "conflict")' | wc -l)" -gt 10 ]
	many -- halves 4000
	assert_line 'failed 0'
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
		[ "$(json_records "$LOG" 'select(.finding == "conflict")' | wc -l)" -ge 200 ]
		assert_eq '' "$(json_records "$LOG" 'select(.event == "lost")')"
	done
}

# Looking for a holder keeps no descriptor alive that another thread closes: its port is free at once. What
# else on this machine looks at every process's descriptors (ls -l /proc/*/fd: 2 of 600,000 binds, bare) is what
# the second try is for.
@test "threads that have nothing to do with a conflict: not one of 20,000 binds fails, in ten runs, whatever the settings" {
	require_netns
	for run in {1..10}; do
		for settings in LOG=off "LOG=$LOG LOG_LEVEL=all"; do
			for more in ON_CONFLICT=resolve POLICY=both ON_CONFLICT=fail; do
				# shellcheck disable=SC2086 # into words
				many $settings $more -- innocent 20000
				assert_line 'failed 0' || fail "run $run: $settings $more"
				[ $more != ON_CONFLICT=resolve ] || [ "$(sed -n 's/^right //p' <<<"$output")" -gt 10 ]
			done
		done
	done
	# With an order each of them asks the kernel's table, which takes milliseconds.
	many LOG=off ORDER=ipv4-first POLICY=both -- innocent 2000
	assert_line 'failed 0'
	# The control: a walk over all descriptors, until it is seen to do harm.
	for run in {1..50}; do
		many -- innocent -w 20000
		bare=$(sed -n 's/^failed \([0-9]*\).*/\1/p' <<<"$output")
		[ "$bare" -gt 100 ] || continue
		# Made once more where nothing is found in the way: the walk is over by then.
		many LOG=off POLICY=both -- innocent -w 20000
		governed=$(sed -n 's/^failed \([0-9]*\).*/\1/p' <<<"$output")
		echo "# a walk beside them: of 20,000 failed $bare bare, $governed governed, in run $run" >&3
		[ "$governed" -lt $((bare / 4)) ]
		return
	done
	fail 'the walk did no harm in 50 runs'
}

# ---- descriptors

V4=('a socket tcp4' 'bind 0.0.0.0 4321' listen)
V6=('b socket tcp6' 'v6only 0' 'bind :: 4321' listen)

# among_others [NAME=VALUE...] -- STEP...: what comes of the last bind, 10,000 other sockets being open.
among_others() {
	given "$@"
	[ ${#LEADING[@]} -eq 0 ] || LEADING=(shim "${LEADING[@]}" --)
	resolve "${LEADING[@]}" "$PROGRAMS/drive" 'others 10000 open' "${TRAILING[@]}"
	"${COMMAND[@]}" | sed -n 's/^bind.*: //p' | tail -n 1
}

require_descriptors() {
	ulimit -Sn 10200 2>/dev/null || ulimit -n 10200 2>/dev/null || skip 'needs 10,200 descriptors'
}

@test "10,000 descriptors open: the conflict is resolved, and the holder is the right one" {
	require_netns
	require_descriptors
	while read -r action steps; do
		eval "steps=($steps)"
		assert_eq EADDRINUSE "$(in_netns among_others -- "${steps[@]}")" 'control'
		rm -f "$LOG"
		assert_eq ok "$(in_netns among_others ON_CONFLICT=resolve LOG="$LOG" -- "${steps[@]}")"
		# The 10,000 come first, then the holder, then the one that was refused.
		assert_eq "[\"$action\",1]" "$(json_records "$LOG" 'select(.finding == "conflict") | [.action, .fd - .holder.fd]')"
	done <<-'END'
		split "${V4[@]}" "${V6[@]}"
		share "${V6[@]}" "${V4[@]}"
	END
}

@test "10,000 descriptors on either side: the holder in another process is named all the same" {
	require_netns
	require_descriptors
	HELPER_VARIABLES+=(V4 V6)
	two_processes() {
		start holder --says 'wait: ready' "$PROGRAMS/drive" 'others 10000 open' "${V4[@]}" wait
		assert_eq EADDRINUSE "$(among_others ON_CONFLICT=fail LOG="$LOG" -- "${V6[@]}")"
		assert_eq "[$(pid_of holder),\"drive\",\"inet\"]" \
			"$(json_records "$LOG" 'select(.finding == "conflict") | [.holder.pid, .holder.program, .holder.family]')"
		assert_eq ok "$(among_others ON_CONFLICT=resolve LOG=off -- "${V6[@]}")"
	}
	export BATS_TEST_TMPDIR
	in_netns two_processes
}

@test "without /proc the conflict is resolved all the same, and the holder told as far as it is known" {
	require_root
	unshare -m true 2>/dev/null || skip 'needs leave to make a mount namespace'
	require_no_runtime 'reads /proc'
	port=$(free_port)
	# shellcheck disable=SC2016 # for the shell inside
	hidden=(unshare -m --propagation private -- bash -c 'mount -t tmpfs none /proc && exec "$@"' sh)
	start holder --says ready "$PROGRAMS/drive" 'socket tcp4' "bind 0.0.0.0 $port" listen serve
	for row in 'fail none EADDRINUSE' 'resolve split ok'; do
		read -r on_conflict action came <<<"$row"
		rm -f "$LOG"
		resolve shim ON_CONFLICT="$on_conflict" LOG="$LOG" -- "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' "bind :: $port"
		assert_line "bind :: $port: $came" "$("${hidden[@]}" "${COMMAND[@]}")"
		assert_eq "[\"$action\",null,$(id -u),\"0.0.0.0\"]" \
			"$(json_records "$LOG" 'select(.finding == "conflict") | [.action, .holder.pid, .holder.uid, .holder.addr]')"
	done
}
