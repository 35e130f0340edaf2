#!/usr/bin/env bats
# The application gets the kernel's own result and errno unless the policy says otherwise (DESIGN.md 1.8
# point 1): edge-calls.py makes every call with every odd input, and its output is compared line by line.

load helper
load survive

setup() {
	EDGE_CALLS=("$PYTHON" -ISB "$ROOT/tests/programs/edge-calls.py")
	HELPER_VARIABLES+=(EDGE_CALLS DIR)
}

# edge_calls FILE [-n] [NAME=VALUE...]: the output, under the shim where there are settings.
edge_calls() {
	local file=$1 options=() under=()

	shift
	[ "${1-}" != -n ] || { options=(-n) && shift; }
	[ $# -eq 0 ] || under=(shim "$@" --)
	resolve "${under[@]}" "${EDGE_CALLS[@]}" "${options[@]}"
	(close_bats_fds && exec "${COMMAND[@]}") >"$file" ||
		fail "edge-calls.py: exit status $?, after: $(tail -n 1 "$file")"
}

# assert_identical EXPECTED ACTUAL [WHAT]
assert_identical() {
	local differences

	differences=$(diff -u "$1" "$2") || fail "${3-}: the output differs: $(head -n 40 <<<"$differences")"
}

# as_bare EXPECTED SETTINGS RECORDS LEAST: with those settings the output is as EXPECTED, and where there is a log it has
# so many records that the filter RECORDS lets through.
as_bare() {
	rm -f "$DIR/log.jsonl"
	# shellcheck disable=SC2086 # into its words
	edge_calls "$DIR/shim" $2
	assert_identical "$1" "$DIR/shim" "$2"
	[ "$(jq -c "select($3)" "$DIR/log.jsonl" 2>/dev/null | wc -l)" -ge "$4" ] || fail "$2: fewer than $4 records: $3"
}

@test "control: bare, the output is the same every time, and every call is in it" {
	edge_calls "$DIR/first"
	edge_calls "$DIR/second"
	assert_identical "$DIR/first" "$DIR/second"
	for call in socket setsockopt bind listen getaddrinfo; do
		[ "$(grep -c "^$call " "$DIR/first")" -ge 30 ] || fail "too few of $call"
	done
	# Successes and each of the kernel's refusals.
	for result in ': 0 ' EFAULT EBADF ENOTSOCK EINVAL ENOPROTOOPT EAFNOSUPPORT EADDRNOTAVAIL 'v6only 1'; do
		grep -q "$result" "$DIR/first" || fail "none of $result"
	done
	# Where nothing is logged, what puts the library into a process is this.
	shim POLICY=app LOG=off -- cat /proc/self/maps | grep -Fq "$(realpath "$LIB")"
}

@test "policy=app, whatever the log, and mode=log under every policy: as bare" {
	edge_calls "$DIR/bare"
	while IFS='|' read -r settings records least; do
		as_bare "$DIR/bare" "$settings" "$records" "$least"
	done <<-END
		POLICY=app LOG=off|true|0
		POLICY=app LOG=$DIR/log.jsonl LOG_LEVEL=all|.event == "socket"|20
		POLICY=app LOG=$DIR/log.jsonl LOG_LEVEL=all|.event == "bind"|20
		POLICY=app LOG=$DIR/log.txt LOG_FORMAT=text LOG_LEVEL=all|true|0
		POLICY=app LOG=/dev/full LOG_LEVEL=all|true|0
		POLICY=app LOG=fd:9 LOG_LEVEL=all|true|0
		POLICY=app LOG=$DIR/no/such/directory/log LOG_LEVEL=all|true|0
		MODE=log POLICY=ipv6-only LOG=off|true|0
		MODE=log POLICY=ipv6-only LOG=$DIR/log.jsonl LOG_LEVEL=all|.finding == "contrary" and .mode == "log"|1
		MODE=log POLICY=both LOG=$DIR/log.jsonl LOG_LEVEL=change|.finding == "contrary" and .mode == "log"|1
		MODE=log POLICY=default-ipv6-only LOG=$DIR/log.jsonl LOG_LEVEL=all|.finding == "contrary" and .mode == "log"|1
		MODE=log POLICY=default-both LOG=$DIR/log.jsonl LOG_LEVEL=all|.finding == "contrary" and .mode == "log"|1
		MODE=log POLICY=ipv6-only ON_CONTRARY=deny:EPERM LOG=$DIR/log.jsonl LOG_LEVEL=change|.action == "deny"|10
		MODE=log POLICY=default-ipv6-only ON_CONTRARY=deny:EPERM LOG=$DIR/log.jsonl LOG_LEVEL=change|.action == "deny"|10
	END
	assert_match '^v6shim [^ ]+\[[0-9]+\]: load' "$(head -n 1 "$DIR/log.txt")"
	[ "$(</proc/sys/net/ipv6/bindv6only)" = 0 ] || skip 'default-both: net.ipv6.bindv6only is 1 here'
	as_bare "$DIR/bare" 'POLICY=default-both LOG=off' true 0
	as_bare "$DIR/bare" "POLICY=default-both LOG=$DIR/log.jsonl LOG_LEVEL=all" '.event == "bind"' 20
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
		as_bare "$DIR/expected" "-n POLICY=${policy%=*} LOG=off" true 0
		as_bare "$DIR/expected" "-n POLICY=${policy%=*} LOG=$DIR/log.jsonl LOG_LEVEL=all" '.action == "set" or .action == "override"' 5
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
	# Raw sockets are never touched, and the sockets that getaddrinfo itself opens are not seen (1.8 point 8).
	sed -E -e '/^(socket inet6 raw|(setsockopt|bind|listen) raw6) /s/ v6only 1 / v6only 0 /' \
		-e '/^getaddrinfo /s/ errno-changed EAFNOSUPPORT$//' "$DIR/sysctl" >"$DIR/expected"
	refute cmp -s "$DIR/plain" "$DIR/expected"
	for log in off "$DIR/log.jsonl"; do
		in_netns edge_calls_with_sysctl 0 "$DIR/shim" POLICY=default-ipv6-only LOG="$log" LOG_LEVEL=all
		assert_identical "$DIR/expected" "$DIR/shim" "log $log"
	done
}
