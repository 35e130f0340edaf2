#!/usr/bin/env bats
# The application gets the kernel's own result and errno unless the policy says otherwise (DESIGN.md 1.8
# point 1): edge-calls makes every call with every odd input, and its output is compared line by line.

load helper

setup() {
	DIR=$BATS_TEST_TMPDIR
}

# edge_calls FILE [-n] [NAME=VALUE...]: the output, under the shim where there are settings.
edge_calls() {
	local file=$1 options=() under=()

	shift
	if [ "${1-}" = -n ]; then
		options=(-n)
		shift
	fi
	[ $# -eq 0 ] || under=(shim "$@" --)
	resolve "${under[@]}" "$PROGRAMS/edge-calls" "${options[@]}"
	(close_bats_fds && exec "${COMMAND[@]}") >"$file" ||
		fail "edge-calls: exit status $?, after: $(tail -n 1 "$file")"
}

assert_identical() {
	local differences

	differences=$(diff -u --label "${3-bare}" --label "${4-shim}" "$1" "$2") ||
		fail "the output differs: $(head -n 40 <<<"$differences")"
}

# Where nothing is logged, the environment that is used puts the library into a process.
assert_loaded() {
	shim "$@" -- cat /proc/self/maps | grep -Fq "$(realpath "$LIB")" || fail "the library is not loaded: $*"
}

assert_logged() {
	assert_eq load "$(json_records "$1" .event | head -n 1 | tr -d '"')"
	[ "$(json_records "$1" "$2" | wc -l)" -ge "$3" ] || fail "fewer than $3 records: $2"
}

@test "control: bare, the output is the same every time, and every call is in it" {
	edge_calls "$DIR/first"
	edge_calls "$DIR/second"
	assert_identical "$DIR/first" "$DIR/second" first second
	for call in socket setsockopt bind listen getaddrinfo; do
		[ "$(grep -c "^$call " "$DIR/first")" -ge 30 ] || fail "too few of $call"
	done
	# Successes and each of the kernel's refusals.
	for result in ': 0 ' EFAULT EBADF ENOTSOCK EINVAL ENOPROTOOPT EAFNOSUPPORT EADDRNOTAVAIL 'v6only 1'; do
		grep -q "$result" "$DIR/first" || fail "none of $result"
	done
}

@test "policy=app, log off: as bare" {
	assert_loaded POLICY=app LOG=off
	edge_calls "$DIR/bare"
	edge_calls "$DIR/shim" POLICY=app LOG=off
	assert_identical "$DIR/bare" "$DIR/shim"
}

@test "policy=app, every call logged: as bare" {
	edge_calls "$DIR/bare"
	for log in log.jsonl log.txt; do
		edge_calls "$DIR/shim" POLICY=app LOG="$DIR/$log" LOG_LEVEL=all
		assert_identical "$DIR/bare" "$DIR/shim"
	done
	for event in socket setsockopt bind listen; do
		assert_logged "$DIR/log.jsonl" "select(.event == \"$event\")" 20
	done
	assert_match '^v6shim edge-calls\[[0-9]+\]: load' "$(head -n 1 "$DIR/log.txt")"
}

@test "policy=app with a log that takes nothing: as bare" {
	edge_calls "$DIR/bare"
	# Neither a full disk nor a closed descriptor is the application's business.
	for log in /dev/full fd:9 "$DIR/no/such/directory/log"; do
		assert_loaded POLICY=app LOG="$log"
		edge_calls "$DIR/shim" POLICY=app LOG="$log" LOG_LEVEL=all
		assert_identical "$DIR/bare" "$DIR/shim" bare "log $log"
	done
}

@test "mode=log: as bare, under every policy" {
	edge_calls "$DIR/bare"
	for policy in ipv6-only both default-ipv6-only default-both; do
		for level in change all; do
			rm -f "$DIR/log.jsonl"
			edge_calls "$DIR/shim" POLICY=$policy MODE=log LOG="$DIR/log.jsonl" LOG_LEVEL=$level
			assert_identical "$DIR/bare" "$DIR/shim" bare "$policy, level $level"
			assert_logged "$DIR/log.jsonl" 'select(.finding == "contrary" and .mode == "log")' 1
		done
		edge_calls "$DIR/shim" POLICY=$policy MODE=log LOG=off
		assert_identical "$DIR/bare" "$DIR/shim" bare "$policy, log off"
	done
}

@test "mode=log with on-contrary=deny: as bare" {
	edge_calls "$DIR/bare"
	for policy in ipv6-only default-ipv6-only; do
		edge_calls "$DIR/shim" POLICY=$policy ON_CONTRARY=deny:EPERM MODE=log LOG="$DIR/log.jsonl"
		assert_identical "$DIR/bare" "$DIR/shim" bare $policy
	done
	assert_logged "$DIR/log.jsonl" 'select(.action == "deny")' 10
}

# What a forced policy changes, and nothing else: what V6ONLY reads on a TCP socket from its governed bind on.
# That is: bind of `::`, in whatever form, or listen of a socket that was never bound. UDP binds port 0 here,
# as clients do. policy_value N <BARE >EXPECTED
policy_value() {
	awk -v value="$1" '
		# A sequence on one socket: a heading, and its steps indented.
		!/^  / { governed = bound = 0 }
		/^bind tcp6 (::|:: flowinfo|:: scope|family-inet6) size [0-9]+ of [0-9]+: 0 / { governed = 1 }
		/^bind tcp6 :: with V6ONLY [01]: 0 / { governed = 1 }
		/^listen tcp6 unbound backlog -?[0-9]+: 0 / { governed = 1 }
		/^  (bind tcp6 wildcard|listen tcp6): 0 / && !bound { governed = 1 }
		/^  (bind|listen) tcp6.*: 0 / { bound = 1 }
		governed { sub(/ v6only [01] /, " v6only " value " ") }
		{ print }'
}

@test "a forced policy changes V6ONLY of what binds ::, and not one result besides" {
	edge_calls "$DIR/bare" -n
	for policy in ipv6-only=1 both=0; do
		policy_value "${policy#*=}" <"$DIR/bare" >"$DIR/expected"
		# The list is not empty, and it is not everything.
		changed=$(diff "$DIR/bare" "$DIR/expected" | grep -c '^>')
		[ "$changed" -ge 8 ] && [ "$changed" -le 100 ] || fail "$policy: $changed lines are to change"
		for log in off "$DIR/log.jsonl"; do
			edge_calls "$DIR/shim" -n POLICY="${policy%=*}" LOG="$log" LOG_LEVEL=all
			assert_identical "$DIR/expected" "$DIR/shim" "contract, $policy" "shim, log $log"
		done
	done
}

@test "default-both, where that is the host's own default: as bare" {
	[ "$(</proc/sys/net/ipv6/bindv6only)" = 0 ] || skip 'net.ipv6.bindv6only is 1 here'
	assert_loaded POLICY=default-both LOG=off
	edge_calls "$DIR/bare"
	for log in off "$DIR/log.jsonl"; do
		edge_calls "$DIR/shim" POLICY=default-both LOG="$log" LOG_LEVEL=all
		assert_identical "$DIR/bare" "$DIR/shim"
	done
}

edge_calls_with_sysctl() {
	echo "$1" >/proc/sys/net/ipv6/bindv6only
	shift
	edge_calls "$@"
}

@test "default-ipv6-only: as bare on a host with net.ipv6.bindv6only=1, but for raw sockets" {
	require_netns
	in_netns edge_calls_with_sysctl 0 "$DIR/plain"
	in_netns edge_calls_with_sysctl 1 "$DIR/sysctl"
	# Raw sockets are never touched, and the sockets that getaddrinfo itself opens are not seen (1.8 point 7).
	sed -E -e '/^(socket inet6 raw|(setsockopt|bind|listen) raw6) /s/ v6only 1 / v6only 0 /' \
		-e '/^getaddrinfo /s/ errno-changed EAFNOSUPPORT$//' "$DIR/sysctl" >"$DIR/expected"
	refute cmp -s "$DIR/plain" "$DIR/expected"
	for log in off "$DIR/log.jsonl"; do
		in_netns edge_calls_with_sysctl 0 "$DIR/shim" POLICY=default-ipv6-only LOG="$log" LOG_LEVEL=all
		assert_identical "$DIR/expected" "$DIR/shim" 'bare, bindv6only=1' "shim, log $log"
	done
}
