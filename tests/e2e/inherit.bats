#!/usr/bin/env bats
# Sockets that were bound before the program ran: told when it starts where LISTEN_PID or descriptor 0 says so, else
# when a call meets them, and their V6ONLY stays as it is. programs/drive binds them and executes the program.

load helper

# hand STEP+STEP... [NAME=VALUE...] -- STEP...: the first steps are another program's, which becomes one under the
# library that takes the others.
hand() {
	local handed

	IFS=+ read -ra handed <<<"$1"
	given "${@:2}"
	rm -f "$LOG"
	resolve shim LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=bind "${LEADING[@]}" -- "$PROGRAMS/drive" "${TRAILING[@]}" || return
	(
		close_bats_fds
		exec "$PROGRAMS/drive" "${handed[@]}" -- "${COMMAND[@]}"
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
		socket tcp6+v6only 0+bind :: 0+listen|0|tcp inet6 :: 0 inet6,inet
		socket tcp6+v6only 1+bind :: 0+listen|1|tcp inet6 :: 1 inet6
		socket tcp6+bind ::1 0+listen|1|tcp inet6 ::1 1 inet6
		socket tcp6+bind ::ffff:127.0.0.1 0+listen|0|tcp inet6 ::ffff:127.0.0.1 0 inet
		socket tcp4+bind 0.0.0.0 0+listen|EOPNOTSUPP|tcp inet 0.0.0.0 - inet
		socket tcp4+bind 127.0.0.1 0+listen|EOPNOTSUPP|tcp inet 127.0.0.1 - inet
		socket udp6+v6only 0+bind :: 0|0|udp inet6 :: 0 inet6,inet
		socket udp6+v6only 1+bind :: 0|1|udp inet6 :: 1 inet6
		socket udp6+bind ::1 0|1|udp inet6 ::1 1 inet6
		socket udp4+bind 0.0.0.0 0|EOPNOTSUPP|udp inet 0.0.0.0 - inet
	END
}

@test "handed over by systemd, or as descriptor 0: a record each, with what it serves; by exec alone none at the start" {
	while IFS='|' read -r handed value expected; do
		IFS=+ read -ra bare <<<"$handed+put 3"
		said=$("$PROGRAMS/drive" "${bare[@]}" -- "$PROGRAMS/drive" fd=3 get port)
		assert_match "get: $value"$'\n'"port: [1-9]" "$said" "control: $handed"
		# That it is not in force is another record's level.
		hand "$handed+activate 1+put 3" POLICY=ipv6-only -- fd=3 'socket unix' >"$DIR/out"
		assert_eq "3 $expected" "$(inherited)" "systemd, $handed"
		hand "$handed+put 0" POLICY=ipv6-only -- fd=0 'socket unix' >"$DIR/out"
		assert_eq "0 $expected" "$(inherited)" "inetd, $handed"
		hand "$handed+put 3" POLICY=ipv6-only -- fd=3 'socket unix' >"$DIR/out"
		assert_eq '' "$(inherited)" "exec, $handed"
		# Meant for another process.
		rm -f "$LOG"
		(
			close_bats_fds
			exec "$PROGRAMS/drive" "${bare[@]}" -- env LISTEN_FDS=1 LISTEN_PID=1 LD_PRELOAD="$LIB" V6SHIM_LOG="$LOG" \
				V6SHIM_POLICY=ipv6-only "$PROGRAMS/drive" fd=3 'socket unix'
		) >"$DIR/out"
		assert_eq '' "$(inherited)" "another's, $handed"
	done < <(sockets)
}

@test "levels: bind and all tell of inherited sockets, after the load record; change of those on which the policy is not in force" {
	while read -r level policy events; do
		hand 'socket tcp6+bind :: 0+listen+activate 1+put 3' POLICY="$policy" LOG_LEVEL="$level" -- 'socket unix' >"$DIR/out"
		assert_eq "$events" "$([ ! -e "$LOG" ] || jq -r .event "$LOG" | head -n 2 | paste -sd' ')" "$level $policy"
	done <<-END
		bind   both      load inherit
		all    both      load inherit
		change both
		change ipv6-only load inherit
		error  ipv6-only
	END
}

@test "the record is of its own kind: policy and mode, address and port, nothing done" {
	port=$(free_port)
	hand "socket tcp6+bind :: $port+listen+put 0" POLICY=ipv6-only -- 'socket unix' >"$DIR/out"
	assert_eq "[0,\"stream\",\"::\",$port,0,0,\"ipv6-only\",\"enforce\",\"none\",\"unenforced\"]" "$(json_records "$LOG" 'select(.event == "inherit") |
		[.fd, .type, .addr, .port, .before, .after, .policy, .mode, .action, .finding]')"
	hand "socket tcp6+bind :: $port+listen+put 0" POLICY=ipv6-only LOG_FORMAT=text -- 'socket unix' >"$DIR/out"
	assert_match "inherit tcp \\[::\\]:$port fd 0: V6ONLY 0, serves IPv6 and IPv4, unenforced \\(policy ipv6-only\\)" "$(<"$LOG")"
}

@test "what is not bound, or no IP socket, has none; nor has an accepted connection" {
	while IFS='|' read -r sockets expected; do
		# Where its standard output is one of them a program cannot print.
		hand "$sockets" POLICY=app -- 'socket unix' >"$DIR/out" 2>"$DIR/err" || :
		assert_eq "$expected" "$(inherited | paste -sd+)" "$sockets"
	done <<-END
		a socket tcp6+a v6only 1+a bind :: 0+a listen+a put 3+b socket tcp4+b bind 0.0.0.0 0+b listen+b put 4+c socket unix+c bind+c listen+c put 5+d socket udp6+d bind :: 0+d put 6+activate 4|3 tcp inet6 :: 1 inet6+4 tcp inet 0.0.0.0 - inet+6 udp inet6 :: 0 inet6,inet
		a socket tcp6+a put 3+b socket udp6+b put 4+activate 2|
		socket tcp6+v6only 0+bind :: 0+listen+put 0,1,2|0 tcp inet6 :: 0 inet6,inet
		socket udp6+v6only 1+bind :: 0+put 0|0 udp inet6 :: 1 inet6
		socket tcp6+bind :: 0+put 0|
		socket udp6+bind ::1 0+connect ::1 9+put 0|
		socket tcp6+bind ::1 0+listen+talk ::1+put 0,1,2|
		socket tcp6+bind :: 0+listen+talk 127.0.0.1+put 0|
	END
}

@test "a policy leaves an inherited socket as it is, as without the shim" {
	port=$(free_port)
	for policy in app ipv6-only both default-ipv6-only; do
		for value in 0 1; do
			# 1 - 0 is what it is not.
			said=$(hand "socket tcp6+v6only $value+bind :: $port+listen+put 3" POLICY=$policy LOG_LEVEL=all -- fd=3 get \
				"v6only $((1 - value))" listen get | tail -n 4)
			assert_eq "get: $value
v6only $((1 - value)): EINVAL
listen: ok
get: $value" "$said" "$policy"
			# The kernel refuses to set it, and the record says why.
			assert_eq "[\"EINVAL\",$value,true]" "$(json_records "$LOG" 'select(.event == "setsockopt") |
				[.errno, .before, (.note | test("came bound.*BindIPv6Only="))]')" "$policy"
		done
	done
	assert_eq "get: 0
v6only 1: EINVAL" "$("$PROGRAMS/drive" 'socket tcp6' 'v6only 0' 'bind :: 0' listen 'put 3' -- "$PROGRAMS/drive" fd=3 get 'v6only 1' |
		tail -n 2)" 'control, bare'
}

@test "a program that is executed anew tells of what it had bound itself when a call meets it" {
	shim LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=bind POLICY=ipv6-only -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' listen exec get >"$DIR/out"
	assert_eq 'load bind listen' "$(jq -r .event "$LOG" | paste -sd' ')"
	rm -f "$LOG"
	shim LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=bind POLICY=ipv6-only -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' fork listen >"$DIR/out"
	assert_eq 'load bind load listen' "$(jq -r .event "$LOG" | paste -sd' ')"
}
