#!/usr/bin/env bats
# What the application asked for is known of the socket, not of the number: after dup, in a fork child, when
# the number is used again, after a denial. DESIGN.md 1.6 (asked, override), 1.8 point 3.

load helper

setup() {
	LOG=$BATS_TEST_TMPDIR/log.jsonl
	ASK=('socket tcp6' 'v6only 0')
}

# steps POLICY STEP...: the output, under POLICY with every bind recorded in $LOG; POLICY may be `bare`.
steps() {
	local policy=$1 under=()

	shift
	rm -f "$LOG"
	[ "$policy" = bare ] || under=(shim "POLICY=$policy" LOG="$LOG" LOG_LEVEL=all "${DENY[@]}" --)
	resolve "${under[@]}" "$PROGRAMS/steps" "$@"
	(close_bats_fds && exec "${COMMAND[@]}")
}

# What the log says of the calls that give a socket its port: "bind asked 0, 0 -> 1, override".
binds() {
	json_records "$LOG" 'select((.event == "bind" or .event == "listen") and has("before"))
		| .event + (if has("asked") then " asked \(.asked)" else " asked nothing" end)
		+ ", \(.before) -> \(.after), \(.action)"' | tr -d '"'
}

# assert_asked POLICY EXPECTED STEP...: the one bind is recorded so, and the kernel agrees with the value.
assert_asked() {
	local policy=$1 expected=$2 after got

	shift 2
	got=$(steps "$policy" "$@" get)
	assert_eq "$expected" "$(binds)" "$policy: $*"
	after=${expected%,*}
	assert_eq "get: ${after##* }" "${got##*$'\n'}" "$policy: $*"
}

@test "control: bare, the application gets what it asks for, by every way" {
	for way in 'v6only 0' dup pass fork exec; do
		got=$(steps bare 'socket tcp6' 'v6only 1' "$way" 'bind :: 0' get)
		[ "$way" = 'v6only 0' ] && expected=0 || expected=1
		assert_eq "get: $expected" "${got##*$'\n'}" "$way"
	done
	[ ! -e "$LOG" ]
}

@test "asked is what the application asked for last, and is absent where it asked for nothing" {
	for kind in tcp6 udp6; do
		bind="bind :: $(free_port)"
		assert_asked ipv6-only 'bind asked nothing, 0 -> 1, set' "socket $kind" "$bind"
		assert_asked ipv6-only 'bind asked 0, 0 -> 1, override' "socket $kind" 'v6only 0' "$bind"
		assert_asked ipv6-only 'bind asked 1, 1 -> 1, none' "socket $kind" 'v6only 1' "$bind"
		assert_asked ipv6-only 'bind asked 0, 0 -> 1, override' "socket $kind" 'v6only 1' 'v6only 0' "$bind"
		assert_asked ipv6-only 'bind asked 1, 1 -> 1, none' "socket $kind" 'v6only 0' 'v6only 1' "$bind"
		assert_asked both 'bind asked nothing, 0 -> 0, none' "socket $kind" "$bind"
		assert_asked both 'bind asked 1, 1 -> 0, override' "socket $kind" 'v6only 1' "$bind"
		assert_asked both 'bind asked 0, 0 -> 0, none' "socket $kind" 'v6only 0' "$bind"
		assert_asked app 'bind asked 1, 1 -> 1, none' "socket $kind" 'v6only 1' "$bind"
		assert_asked default-ipv6-only 'bind asked nothing, 1 -> 1, none' "socket $kind" "$bind"
		assert_asked default-ipv6-only 'bind asked 0, 0 -> 0, none' "socket $kind" 'v6only 0' "$bind"
	done
}

@test "asked is right where listen does without bind" {
	assert_asked ipv6-only 'listen asked nothing, 0 -> 1, set' 'socket tcp6' listen
	assert_asked ipv6-only 'listen asked 0, 0 -> 1, override' "${ASK[@]}" listen
	assert_asked both 'listen asked 1, 1 -> 0, override' 'socket tcp6' 'v6only 1' listen
}

@test "asked is right for any value and length that the kernel takes" {
	assert_asked ipv6-only 'bind asked 0, 0 -> 1, override' 'socket tcp6' 'v6only null' 'bind :: 0'
	assert_asked ipv6-only 'bind asked 0, 0 -> 1, override' 'socket tcp6' 'v6only long-0' 'bind :: 0'
	assert_asked both 'bind asked 1, 1 -> 0, override' 'socket tcp6' 'v6only long-1' 'bind :: 0'
}

@test "asked is right after dup, and after a journey through a socket" {
	assert_asked ipv6-only 'bind asked 0, 0 -> 1, override' "${ASK[@]}" dup 'bind :: 0'
	assert_asked ipv6-only 'bind asked 0, 0 -> 1, override' 'socket tcp6' dup 'v6only 0' dup dup 'bind :: 0'
	assert_asked ipv6-only 'bind asked 0, 0 -> 1, override' "${ASK[@]}" pass 'bind :: 0'
	assert_asked ipv6-only 'bind asked nothing, 0 -> 1, set' 'socket tcp6' dup pass 'bind :: 0'
}

@test "asked is right in a child of fork" {
	assert_asked ipv6-only 'bind asked 0, 0 -> 1, override' "${ASK[@]}" fork 'bind :: 0'
	assert_asked ipv6-only 'bind asked 0, 0 -> 1, override' 'socket tcp6' fork 'v6only 0' fork 'bind :: 0'
	assert_asked ipv6-only 'bind asked 0, 0 -> 1, override' "${ASK[@]}" dup fork pass 'bind :: 0'
	assert_asked ipv6-only 'bind asked nothing, 0 -> 1, set' 'socket tcp6' fork 'bind :: 0'
}

@test "a number that is used again has asked for nothing" {
	got=$(steps ipv6-only "${ASK[@]}" close 'socket tcp6' 'bind :: 0' get)
	# The number is the same indeed.
	assert_eq 2 "$(grep -cx 'socket tcp6: fd 3' <<<"$got")" "$got"
	assert_eq 'bind asked nothing, 0 -> 1, set' "$(binds)"
	assert_asked ipv6-only 'bind asked nothing, 0 -> 1, set' "${ASK[@]}" close 'socket udp6' "bind :: $(free_port)"
	assert_asked ipv6-only 'bind asked nothing, 0 -> 1, set' "${ASK[@]}" fork close 'socket tcp6' 'bind :: 0'
	assert_asked both 'bind asked 1, 1 -> 0, override' "${ASK[@]}" close 'socket tcp6' 'v6only 1' 'bind :: 0'
}

@test "two sockets are not taken for one another" {
	steps ipv6-only "${ASK[@]}" 'bind :: 0' 'socket tcp6' 'bind :: 0' 'socket tcp6' 'v6only 1' 'bind :: 0'
	assert_eq "bind asked 0, 0 -> 1, override
bind asked nothing, 0 -> 1, set
bind asked 1, 1 -> 1, none" "$(binds)"
}

@test "however many other sockets ask, none of their requests is taken for this one's" {
	# More than are remembered, which is 4096: what this one asked may be forgotten, and is never another's.
	assert_asked ipv6-only 'bind asked nothing, 0 -> 1, set' 'socket tcp6' 'others 9000' 'bind :: 0'
	assert_asked ipv6-only 'bind asked nothing, 0 -> 1, set' 'others 9000' 'socket tcp6' 'bind :: 0'
	steps both 'socket tcp6' 'v6only 1' 'others 9000' 'bind :: 0'
	assert_match '^bind asked (1, 1 -> 0, override|nothing, 1 -> 0, set)$' "$(binds)"
}

@test "a new program knows nothing of what was asked before it, and the policy holds all the same" {
	assert_asked ipv6-only 'bind asked nothing, 0 -> 1, set' "${ASK[@]}" exec 'bind :: 0'
	assert_asked both 'bind asked nothing, 1 -> 0, set' 'socket tcp6' 'v6only 1' exec 'bind :: 0'
}

@test "a denied request was asked all the same" {
	DENY=(ON_CONTRARY=deny:EPERM)
	got=$(steps ipv6-only "${ASK[@]}" get 'bind :: 0' get)
	assert_eq 'socket tcp6: fd 3
v6only 0: EPERM
get: 0
bind :: 0: ok
get: 1' "$got"
	assert_eq 'bind asked 0, 0 -> 1, override' "$(binds)"
	assert_eq '[0,"deny","contrary",-1,"EPERM"]' \
		"$(json_records "$LOG" 'select(.event == "setsockopt") | [.asked, .action, .finding, .result, .errno]')"
	assert_asked ipv6-only 'bind asked 0, 0 -> 1, override' "${ASK[@]}" dup fork 'bind :: 0'
	assert_asked ipv6-only 'bind asked nothing, 0 -> 1, set' "${ASK[@]}" close 'socket tcp6' 'bind :: 0'
	assert_asked both 'bind asked 1, 0 -> 0, none' 'socket tcp6' 'v6only 1' 'bind :: 0'
}

@test "a request that the kernel refuses was not heard" {
	for refused in 'v6only short-0' 'v6only unreadable'; do
		assert_asked ipv6-only 'bind asked nothing, 0 -> 1, set' 'socket tcp6' "$refused" 'bind :: 0'
		assert_asked ipv6-only 'bind asked 1, 1 -> 1, none' 'socket tcp6' 'v6only 1' "$refused" 'bind :: 0'
	done
	# After bind it comes too late.
	steps ipv6-only 'socket tcp6' 'bind :: 0' 'v6only 0' listen
	assert_eq '["EINVAL"]' "$(json_records "$LOG" 'select(.event == "setsockopt") | [.errno]')"
	assert_eq 'bind asked nothing, 0 -> 1, set
listen asked nothing, 1 -> 1, none' "$(binds)"
}

@test "asked is known without a log too: a bind that fails gives the application its value back" {
	port=$(free_port)
	# Where the bind succeeds it is the policy's.
	resolve shim POLICY=ipv6-only LOG=off -- "$PROGRAMS/steps" "${ASK[@]}" dup "bind :: $port" get
	assert_eq "ok 1" "$("${COMMAND[@]}" | tail -n 2 | sed 's/.*: //' | paste -sd' ')"
	start holder --says ready "$PROGRAMS/serve" -v 1 -p "$port"
	resolve shim POLICY=ipv6-only LOG=off -- "$PROGRAMS/steps" "${ASK[@]}" dup "bind :: $port" get
	assert_eq "EADDRINUSE 0" "$("${COMMAND[@]}" | tail -n 2 | sed 's/.*: //' | paste -sd' ')"
	resolve shim POLICY=both LOG=off -- "$PROGRAMS/steps" 'socket tcp6' 'v6only 1' fork "bind :: $port" get
	assert_eq "EADDRINUSE 1" "$("${COMMAND[@]}" | tail -n 2 | sed 's/.*: //' | paste -sd' ')"
}

@test "the text form says what the application asked for" {
	LOG=$BATS_TEST_TMPDIR/log.txt
	steps ipv6-only "${ASK[@]}" 'bind :: 0'
	assert_match 'bind tcp \[::\]:0 fd 3: V6ONLY 0 -> 1 \(policy ipv6-only; the application asked for 0\)' "$(<"$LOG")"
	steps ipv6-only 'socket tcp6' 'bind :: 0'
	assert_match 'bind tcp \[::\]:0 fd 3: V6ONLY 0 -> 1 \(policy ipv6-only\)' "$(<"$LOG")"
}
