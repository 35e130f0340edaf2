#!/usr/bin/env bats
# Sockets that were bound before the program ran: told when it starts, with what they serve, and their
# V6ONLY stays as it is. programs/handover binds them and executes the program.

load helper

setup() {
	export DIR=$BATS_TEST_TMPDIR
	LOG=$DIR/log.jsonl
}

# hand SOCKET... -- [NAME=VALUE...] -- STEP...: to programs/steps under the library; BARE without it.
hand() {
	local sockets=() settings=(LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=bind)

	while [ "$1" != -- ]; do
		sockets+=("$1")
		shift
	done
	shift
	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	rm -f "$LOG"
	resolve shim "${settings[@]}" -- "$PROGRAMS/steps" "$@" || return
	(
		close_bats_fds
		exec "$PROGRAMS/handover" "${sockets[@]}" -- "${COMMAND[@]}"
	)
}

# inherited: the records, as `3 tcp inet6 :: 0 inet6,inet`: descriptor, protocol, family, address, V6ONLY, serves.
inherited() {
	[ -e "$LOG" ] || return 0
	jq -r 'select(.event == "inherit") | [.fd, .proto, .family, .addr, .before // "-",
		((.serves // ["nobody"]) | join(","))] | join(" ")' "$LOG"
}

# What is handed over, what the kernel says of its V6ONLY, and what it then serves: bound to a single address of its own
# family a socket has V6ONLY 1 (net/ipv6/af_inet6.c, __inet6_bind).
sockets() {
	cat <<-END
		tcp6 :: 0 v6only 0 listen|0|tcp inet6 :: 0 inet6,inet
		tcp6 :: 0 v6only 1 listen|1|tcp inet6 :: 1 inet6
		tcp6 ::1 0 listen|1|tcp inet6 ::1 1 inet6
		tcp6 ::ffff:127.0.0.1 0 listen|0|tcp inet6 ::ffff:127.0.0.1 0 inet
		tcp4 0.0.0.0 0 listen|EOPNOTSUPP|tcp inet 0.0.0.0 - inet
		tcp4 127.0.0.1 0 listen|EOPNOTSUPP|tcp inet 127.0.0.1 - inet
		udp6 :: 0 v6only 0|0|udp inet6 :: 0 inet6,inet
		udp6 :: 0 v6only 1|1|udp inet6 :: 1 inet6
		udp6 ::1 0|1|udp inet6 ::1 1 inet6
		udp4 0.0.0.0 0|EOPNOTSUPP|udp inet 0.0.0.0 - inet
	END
}

@test "handed over by exec, or by systemd: a record each, with what it serves" {
	while IFS='|' read -r handed value expected; do
		said=$("$PROGRAMS/handover" "3 $handed" -- "$PROGRAMS/steps" fd=3 get port)
		assert_match "get: $value"$'\n'"port: [1-9]" "$said" "control: $handed"
		hand "3 $handed" -- POLICY=ipv6-only -- fd=3 'socket unix' >"$DIR/out"
		assert_eq "3 $expected" "$(inherited)" "$handed"
		hand -s "3 $handed" -- POLICY=ipv6-only -- fd=3 'socket unix' >"$DIR/out"
		assert_eq "3 $expected" "$(inherited)" "systemd, $handed"
	done < <(sockets)
}

@test "levels: bind and all tell of inherited sockets, after the load record; change and error do not" {
	while read -r level events; do
		hand '3 tcp6 :: 0 listen' -- POLICY=ipv6-only LOG_LEVEL="$level" -- 'socket unix' >"$DIR/out"
		assert_eq "$events" "$([ ! -e "$LOG" ] || jq -r .event "$LOG" | head -n 2 | paste -sd' ')" "$level"
	done <<-END
		bind   load inherit
		all    load inherit
		change
		error
	END
}

@test "the record is of its own kind: policy and mode, address and port, nothing done, nothing found" {
	port=$(free_port)
	hand "7 tcp6 :: $port listen" -- POLICY=ipv6-only -- 'socket unix' >"$DIR/out"
	assert_eq "[7,\"stream\",\"::\",$port,0,0,\"ipv6-only\",\"enforce\",\"none\",\"none\"]" "$(json_records "$LOG" 'select(.event == "inherit") |
		[.fd, .type, .addr, .port, .before, .after, .policy, .mode, .action, .finding]')"
	hand "7 tcp6 :: $port listen" -- POLICY=ipv6-only LOG_FORMAT=text -- 'socket unix' >"$DIR/out"
	assert_match "inherit tcp \\[::\\]:$port fd 7: V6ONLY 0, serves IPv6 and IPv4 \\(policy ipv6-only\\)" "$(<"$LOG")"
}

@test "each socket has its record, at its lowest number; what is not bound, or no IP socket, has none; a connection serves nobody" {
	while IFS='|' read -r sockets expected; do
		IFS=+ read -ra sockets <<<"$sockets"
		# Where its standard output is one of them a program cannot print.
		hand "${sockets[@]}" -- POLICY=app -- 'socket unix' >"$DIR/out" 2>"$DIR/err" || :
		assert_eq "$expected" "$(inherited | paste -sd+)" "${sockets[*]}"
		unset sockets
	done <<-END
		-s+3 tcp6 :: 0 v6only 1 listen+4 tcp4 0.0.0.0 0 listen+5 unix - 0 listen+6 udp6 :: 0|3 tcp inet6 :: 1 inet6+4 tcp inet 0.0.0.0 - inet+6 udp inet6 :: 0 inet6,inet
		0 tcp6 :: 0 v6only 0 listen|0 tcp inet6 :: 0 inet6,inet
		0 udp6 :: 0 v6only 1|0 udp inet6 :: 1 inet6
		0,1,2 tcp6 ::1 0 listen|0 tcp inet6 ::1 1 inet6
		0,1 tcp6 ::1 0 listen+2 tcp6 ::1 0 listen|0 tcp inet6 ::1 1 inet6+2 tcp inet6 ::1 1 inet6
		0 tcp6 ::1 0 accepted|0 tcp inet6 ::1 1 nobody
	END
}

@test "a policy leaves an inherited socket as it is, as without the shim" {
	port=$(free_port)
	for policy in app ipv6-only both default-ipv6-only; do
		for value in 0 1; do
			# 1 - 0 is what it is not.
			said=$(hand -s "3 tcp6 :: $port v6only $value listen" -- POLICY=$policy LOG_LEVEL=all -- fd=3 get \
				"v6only $((1 - value))" listen get)
			assert_eq "get: $value
v6only $((1 - value)): EINVAL
listen: ok
get: $value" "$said" "$policy"
			# The kernel refuses to set it, and the record says why.
			assert_eq "[\"EINVAL\",$value,true]" "$(json_records "$LOG" 'select(.event == "setsockopt") |
				[.errno, .before, (.note | test("bound already.*BindIPv6Only="))]')" "$policy"
		done
	done
	assert_eq "get: 0
v6only 1: EINVAL" "$("$PROGRAMS/handover" '3 tcp6 :: 0 v6only 0 listen' -- "$PROGRAMS/steps" fd=3 get 'v6only 1')" 'control, bare'
}

@test "a program that is executed anew tells of what it had bound itself; a child of fork does not" {
	shim LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=bind POLICY=ipv6-only -- "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' listen exec get >"$DIR/out"
	assert_eq 'load bind listen load inherit' "$(jq -r .event "$LOG" | paste -sd' ')"
	assert_eq "$(jq 'select(.event == "bind") | .fd' "$LOG") tcp inet6 :: 1 inet6" "$(inherited)"
	rm -f "$LOG"
	shim LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=bind POLICY=ipv6-only -- "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' fork listen >"$DIR/out"
	assert_eq 'load bind load listen' "$(jq -r .event "$LOG" | paste -sd' ')"
}
