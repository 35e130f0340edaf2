#!/usr/bin/env bats
# A port that is bound against `order` (DESIGN.md 1.3, on-disorder): with `log` the second bind of the pair
# is a record, with `deny:ERRNO` the family whose turn has not come is refused. Whether the other family
# has the port is the kernel's to say, of this process's own descriptors as they are at that moment.

load helper

setup() {
	export LOG=$BATS_TEST_TMPDIR/log.jsonl
	port=$(free_port)
}

# outcomes [NAME=VALUE...] -- STEP...: what steps came to, joined by spaces; records go to $LOG.
outcomes() {
	local settings=()

	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	rm -f "$LOG"
	[ ${#settings[@]} -eq 0 ] || settings=(shim "LOG=$LOG" "${settings[@]}" --)
	resolve "${settings[@]}" "$PROGRAMS/steps" "$@"
	"${COMMAND[@]}" | grep -v '^socket' | sed 's/.*: //' | paste -sd' '
}

# The disorders of $LOG.
told() {
	[ ! -e "$LOG" ] || json_records "$LOG" 'select(.finding == "disorder" or .action == "deny")
		| [.event, .family, .action, .finding, .result, .errno]'
}

# The two sockets of a pair, as steps; 4 may be bound beside 6, for V6ONLY is 1.
v4() {
	mapfile -t V4 < <(printf '%s\n' "socket ${1}4" "bind 0.0.0.0 $port")
}

v6() {
	mapfile -t V6 < <(printf '%s\n' "socket ${1}6" 'v6only 1' "bind :: $port")
}

# FACTS.md 1 and the contract: KEPT is the pair in order, BROKEN against it.
pairs() {
	v4 "$2"
	v6 "$2"
	KEPT=("${V4[@]}" "${V6[@]}")
	BROKEN=("${V6[@]}" "${V4[@]}")
	SECOND=inet OUTCOMES='ok ok ok' DENIED_FIRST='ok ERRNO ok' FIRST_FAMILY=inet6
	[ "$1" = ipv4-first ] || {
		KEPT=("${V6[@]}" "${V4[@]}")
		BROKEN=("${V4[@]}" "${V6[@]}")
		SECOND=inet6 DENIED_FIRST='ERRNO ok ok' FIRST_FAMILY=inet
	}
}

@test "control: without the shim either order is the same to the kernel" {
	for proto in tcp udp; do
		for order in ipv4-first ipv6-first; do
			pairs $order $proto
			assert_eq "$OUTCOMES" "$(outcomes -- "${KEPT[@]}")"
			assert_eq "$OUTCOMES" "$(outcomes -- "${BROKEN[@]}")"
		done
	done
}

@test "on-disorder=log: the second bind of a pair against the order is a record, and nothing fails" {
	for proto in tcp udp; do
		for order in ipv4-first ipv6-first; do
			pairs $order $proto
			assert_eq "$OUTCOMES" "$(outcomes ORDER=$order -- "${KEPT[@]}")"
			assert_eq '' "$(told)" "$proto $order, kept"
			assert_eq "$OUTCOMES" "$(outcomes ORDER=$order -- "${BROKEN[@]}")"
			assert_eq "[\"bind\",\"$SECOND\",\"none\",\"disorder\",0,null]" "$(told)" "$proto $order, broken"
			assert_match "order=$order" "$(json_records "$LOG" 'select(.finding == "disorder") | .note')"
			assert_eq "$OUTCOMES" "$(outcomes ORDER=$order LOG=off -- "${BROKEN[@]}")"
		done
	done
}

@test "on-disorder=deny: the family whose turn has not come is refused with that error, the other is not" {
	for proto in tcp udp; do
		for order in ipv4-first ipv6-first; do
			for errno in EPERM EADDRINUSE; do
				pairs $order $proto
				assert_eq "$OUTCOMES" "$(outcomes ORDER=$order ON_DISORDER=deny:$errno -- "${KEPT[@]}")"
				assert_eq '' "$(told)"
				assert_eq "${DENIED_FIRST/ERRNO/$errno}" \
					"$(outcomes ORDER=$order ON_DISORDER=deny:$errno -- "${BROKEN[@]}")" "$proto $order $errno"
				assert_eq "[\"bind\",\"$FIRST_FAMILY\",\"deny\",\"disorder\",-1,\"$errno\"]" "$(told)"
				assert_eq "${DENIED_FIRST/ERRNO/$errno}" \
					"$(outcomes ORDER=$order ON_DISORDER=deny:$errno LOG=off -- "${BROKEN[@]}")"
			done
		done
	done
}

@test "a refused socket is as it was, and can be bound when its turn has come" {
	# Two descriptors at a time are several's.
	for policy in app ipv6-only both; do
		assert_eq "a bind :: $port: EPERM
show: a=0/0
b socket tcp4: ok
b bind 0.0.0.0 $port: ok" "$(shim ORDER=ipv4-first ON_DISORDER=deny:EPERM POLICY=$policy LOG=off -- \
			"$PROGRAMS/several" 'a socket tcp6' "a bind :: $port" show 'b socket tcp4' "b bind 0.0.0.0 $port" | sed 1d)"
	done
	assert_eq "a bind :: $port: EPERM
b socket tcp4: ok
b bind 0.0.0.0 $port: ok
a bind :: $port: ok
show: a=1/0 b=-/0
who tcp 127.0.0.1 $port: nobody" "$(shim ORDER=ipv4-first ON_DISORDER=deny:EPERM POLICY=ipv6-only LOG=off -- \
		"$PROGRAMS/several" 'a socket tcp6' "a bind :: $port" 'b socket tcp4' "b bind 0.0.0.0 $port" "a bind :: $port" \
		show "who tcp 127.0.0.1 $port" | sed 1d)"
}

@test "a bind that is refused never reaches the kernel: the port stays free" {
	start server --says 'wait: ready' shim ORDER=ipv6-first ON_DISORDER=deny:EPERM LOG=off -- \
		"$PROGRAMS/steps" 'socket udp4' "bind 0.0.0.0 $port" wait
	assert_line "bind 0.0.0.0 $port: EPERM" "$(stdout_of server)"
	assert_eq '' "$(kernel_listeners udp "$port")"
	assert_eq refused "$(reach 4 udp "$port")"
}

@test "single addresses, port 0 and unbound sockets are not judged" {
	for settings in ON_DISORDER=log ON_DISORDER=deny:EPERM; do
		for bind in "tcp4|bind 127.0.0.1 $port" "udp4|bind 127.0.0.1 $port" 'tcp4|bind 0.0.0.0 0' 'udp4|bind 0.0.0.0 0' \
			'tcp4|listen'; do
			assert_eq ok "$(outcomes ORDER=ipv6-first $settings -- "socket ${bind%|*}" "${bind#*|}")" "$bind"
			assert_eq '' "$(told)"
		done
		for bind in "tcp6|bind ::1 $port" "udp6|bind ::1 $port" "tcp6|bind ::ffff:127.0.0.1 $port" 'tcp6|bind :: 0' \
			'udp6|bind :: 0' 'tcp6|listen'; do
			assert_eq ok "$(outcomes ORDER=ipv4-first $settings -- "socket ${bind%|*}" "${bind#*|}")" "$bind"
			assert_eq '' "$(told)"
		done
	done
}

@test "another port and another protocol are another pair" {
	other=$(free_port)
	for settings in ON_DISORDER=log ON_DISORDER=deny:EPERM; do
		denied=ok
		[ $settings = ON_DISORDER=log ] || denied=EPERM
		# IPv4 first is not fulfilled by another port, nor by UDP's.
		assert_eq "ok ok $denied" "$(outcomes ORDER=ipv4-first $settings -- \
			'socket tcp4' "bind 0.0.0.0 $other" 'socket tcp6' 'v6only 1' "bind :: $port")"
		assert_eq "ok ok $denied" "$(outcomes ORDER=ipv4-first $settings -- \
			'socket udp4' "bind 0.0.0.0 $port" 'socket tcp6' 'v6only 1' "bind :: $port")"
	done
	# And not broken by them.
	assert_eq 'ok ok ok' "$(outcomes ORDER=ipv4-first -- 'socket tcp6' 'v6only 1' "bind :: $port" 'socket udp4' "bind 0.0.0.0 $port")"
	assert_eq '' "$(told)"
	assert_eq 'ok ok ok' "$(outcomes ORDER=ipv4-first -- 'socket tcp6' 'v6only 1' "bind :: $port" 'socket tcp4' "bind 0.0.0.0 $other")"
	assert_eq '' "$(told)"
}

@test "MPTCP and TCP have their ports in common, and so are one pair" {
	"$PROGRAMS/serve" -x -P mptcp >/dev/null || skip 'needs a kernel with MPTCP'
	assert_eq 'ok ok ok' "$(outcomes ORDER=ipv4-first ON_DISORDER=deny:EPERM -- \
		'socket tcp4' "bind 0.0.0.0 $port" 'socket mptcp6' 'v6only 1' "bind :: $port")"
	assert_eq 'ok ok ok' "$(outcomes ORDER=ipv4-first -- \
		'socket mptcp6' 'v6only 1' "bind :: $port" 'socket tcp4' "bind 0.0.0.0 $port")"
	assert_eq '["bind","inet","none","disorder",0,null]' "$(told)"
}

@test "once the first socket is closed the pair is none: told from the kernel, not from a memory" {
	v4 tcp
	v6 tcp
	assert_eq 'ok ok ok ok' "$(outcomes ORDER=ipv4-first -- "${V6[@]}" close "${V4[@]}")"
	assert_eq '' "$(told)"
	assert_eq 'ok ok ok EPERM' "$(outcomes ORDER=ipv4-first ON_DISORDER=deny:EPERM -- "${V4[@]}" close "${V6[@]}")"
	# A descriptor number that is used again is another socket.
	assert_eq 'ok ok EPERM EPERM' "$(outcomes ORDER=ipv4-first ON_DISORDER=deny:EPERM -- \
		"${V4[@]}" close 'socket tcp6' "bind :: $port" 'socket udp6' "bind :: $port")"
}

@test "descriptors that were dup'ed, passed, forked or inherited through exec count as the sockets they are" {
	v4 tcp
	v6 tcp
	for how in dup pass fork exec; do
		assert_eq 'ok ok ok ok' "$(outcomes ORDER=ipv4-first ON_DISORDER=deny:EPERM -- "${V4[@]}" $how "${V6[@]}")" $how
		assert_eq 'ok ok ok ok' "$(outcomes ORDER=ipv4-first -- "${V6[@]}" $how "${V4[@]}")" $how
		assert_eq '["bind","inet","none","disorder",0,null]' "$(told)" $how
	done
	# The last copy is closed: gone.
	assert_eq 'ok ok ok ok EPERM' "$(outcomes ORDER=ipv4-first ON_DISORDER=deny:EPERM -- "${V4[@]}" dup close "${V6[@]}")"
}

@test "a socket of another process has no say in this process's order" {
	start other --says ready "$PROGRAMS/serve" -4 -p "$port"
	assert_eq 'ok EPERM' "$(outcomes ORDER=ipv4-first ON_DISORDER=deny:EPERM -- 'socket tcp6' 'v6only 1' "bind :: $port")"
	assert_eq 'ok ok' "$(outcomes ORDER=ipv4-first -- 'socket tcp6' 'v6only 1' "bind :: $port")"
	stop other
	start other --says ready "$PROGRAMS/serve" -6 -v 1 -p "$port"
	assert_eq ok "$(outcomes ORDER=ipv4-first -- 'socket tcp4' "bind 0.0.0.0 $port")"
	assert_eq '' "$(told)"
}

@test "mode=log: nothing fails, and what enforce would have refused is a record" {
	for proto in tcp udp; do
		for order in ipv4-first ipv6-first; do
			pairs $order $proto
			assert_eq "$OUTCOMES" "$(outcomes ORDER=$order ON_DISORDER=deny:EPERM MODE=log -- "${BROKEN[@]}")"
			# The first is one that would have been denied; the second comes against the order, as bound.
			assert_eq "[\"bind\",\"$FIRST_FAMILY\",\"deny\",\"disorder\",0,null]
[\"bind\",\"$SECOND\",\"none\",\"disorder\",0,null]" "$(told)" "$proto $order"
			assert_eq '"log"' "$(json_records "$LOG" .mode | sort -u)"
			assert_eq "$OUTCOMES" "$(outcomes ORDER=$order MODE=log -- "${BROKEN[@]}")"
			assert_eq "[\"bind\",\"$SECOND\",\"none\",\"disorder\",0,null]" "$(told)" "$proto $order"
		done
	done
}

@test "a conflict in order stays a conflict; order with resolve makes the loop of the tutorials work in either order" {
	for order in ipv4-first ipv6-first; do
		rm -f "$LOG"
		run shim ORDER=$order ON_DISORDER=deny:EPERM ON_CONFLICT=resolve LOG="$LOG" -- "$EXAMPLES/bind-all" -n -v 0 "$port"
		assert_status 0
		assert_eq '' "$(told)"
		assert_eq 1 "$(json_records "$LOG" 'select(.finding == "conflict")' | wc -l)"
	done
}
