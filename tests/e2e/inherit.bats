#!/usr/bin/env bats
# Sockets that were bound before the program ran: told when it starts, with what they serve, and their
# V6ONLY stays as it is. programs/handover binds them and executes the program.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load helper

setup() {
	export DIR=$BATS_TEST_TMPDIR
	LOG=$DIR/log.jsonl
}

# hand SOCKET... -- [NAME=VALUE...] -- STEP...: to programs/steps under the library.
hand() {
	local sockets=()

	while [ "$1" != -- ]; do
		sockets+=("$1")
		shift
	done
	shift
	local settings=()
	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	rm -f "$LOG"
	resolve shim LOG="$LOG" "${settings[@]}" -- "$PROGRAMS/steps" "$@" || return
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

# What is handed over, and what the kernel then serves with it: bound to a single address of its own family a
# socket has V6ONLY 1 (net/ipv6/af_inet6.c, __inet6_bind).
sockets() {
	cat <<-END
		tcp6 :: 0 v6only 0 listen        tcp inet6 :: 0 inet6,inet
		tcp6 :: 0 v6only 1 listen        tcp inet6 :: 1 inet6
		tcp6 ::1 0 listen                tcp inet6 ::1 1 inet6
		tcp6 ::ffff:127.0.0.1 0 listen   tcp inet6 ::ffff:127.0.0.1 0 inet
		tcp4 0.0.0.0 0 listen            tcp inet 0.0.0.0 - inet
		tcp4 127.0.0.1 0 listen          tcp inet 127.0.0.1 - inet
		udp6 :: 0 v6only 0               udp inet6 :: 0 inet6,inet
		udp6 :: 0 v6only 1               udp inet6 :: 1 inet6
		udp6 ::1 0                       udp inet6 ::1 1 inet6
		udp4 0.0.0.0 0                   udp inet 0.0.0.0 - inet
	END
}

@test "control: the program is handed what it is said to be handed, and finds it so" {
	while IFS= read -r line; do
		read -r handed expected < <(sed -E 's/ {2,}/\n/' <<<"$line" | tr ' ' '_' | paste -sd' ')
		value=$(awk -F_ '{ print $4 == "-" ? "EOPNOTSUPP" : $4 }' <<<"$expected")
		said=$("$PROGRAMS/handover" "3 ${handed//_/ }" -- "$PROGRAMS/steps" fd=3 get port)
		got=$(sed -n 's/^get: //p' <<<"$said")
		[ "$value" != EOPNOTSUPP ] || [ "$got" = ENOPROTOOPT ] || [ "$got" = EOPNOTSUPP ] || fail "$handed: $got"
		[ "$value" = EOPNOTSUPP ] || assert_eq "$value" "$got" "$handed"
		assert_match 'port: [1-9]' "$said"
	done < <(sockets)
}

# told_each [-s]: each of the sockets, alone and at descriptor 3.
told_each() {
	while IFS= read -r line; do
		IFS='|' read -r handed expected < <(sed -E 's/ {2,}/|/' <<<"$line")
		hand "$@" "3 $handed" -- POLICY=ipv6-only LOG_LEVEL=bind -- fd=3 'socket unix' >"$DIR/out"
		assert_eq "3 $expected" "$(inherited)" "$handed"
	done < <(sockets)
}

@test "handed over by exec, or by systemd: a record each, with what it serves" {
	told_each
	told_each -s
}

@test "levels: bind and all tell of inherited sockets, change and error do not" {
	for level in bind all; do
		hand '3 tcp6 :: 0 listen' -- POLICY=ipv6-only LOG_LEVEL=$level -- 'socket unix' >"$DIR/out"
		assert_eq '3 tcp inet6 :: 0 inet6,inet' "$(inherited)" $level
		# A load record comes before it.
		assert_eq 'load inherit' "$(jq -r .event "$LOG" | head -n 2 | paste -sd' ')"
	done
	for level in change error; do
		hand '3 tcp6 :: 0 listen' -- POLICY=ipv6-only LOG_LEVEL=$level -- 'socket unix' >"$DIR/out"
		assert_eq '' "$(inherited)" $level
	done
}

@test "the record is of its own kind: policy and mode, address and port, nothing done, nothing found" {
	port=$(free_port)
	hand "7 tcp6 :: $port listen" -- POLICY=ipv6-only LOG_LEVEL=bind -- 'socket unix' >"$DIR/out"
	assert_eq "[7,\"stream\",\"::\",$port,0,0,\"ipv6-only\",\"enforce\",\"none\",\"none\"]" "$(json_records "$LOG" 'select(.event == "inherit") |
		[.fd, .type, .addr, .port, .before, .after, .policy, .mode, .action, .finding]')"
	hand "7 tcp6 :: $port listen" -- POLICY=ipv6-only LOG_LEVEL=bind LOG_FORMAT=text -- 'socket unix' >"$DIR/out"
	assert_match "inherit tcp \\[::\\]:$port fd 7: V6ONLY 0, serves IPv6 and IPv4 \\(policy ipv6-only\\)" "$(cat "$LOG")"
}

@test "several sockets: each has its record; what is not bound, or no IP socket, has none" {
	hand -s '3 tcp6 :: 0 v6only 1 listen' '4 tcp4 0.0.0.0 0 listen' '5 unix - 0 listen' '6 udp6 :: 0' -- \
		POLICY=app LOG_LEVEL=bind -- 'socket unix' >"$DIR/out"
	assert_eq '3 tcp inet6 :: 1 inet6
4 tcp inet 0.0.0.0 - inet
6 udp inet6 :: 0 inet6,inet' "$(inherited)"
}

@test "inetd, wait: the listener is descriptor 0" {
	hand '0 tcp6 :: 0 v6only 0 listen' -- POLICY=ipv6-only LOG_LEVEL=bind -- fd=0 get >"$DIR/out"
	assert_eq '0 tcp inet6 :: 0 inet6,inet' "$(inherited)"
	hand '0 udp6 :: 0 v6only 1' -- POLICY=both LOG_LEVEL=bind -- fd=0 get >"$DIR/out"
	assert_eq '0 udp inet6 :: 1 inet6' "$(inherited)"
	assert_eq 'get: 1' "$(cat "$DIR/out")"
}

@test "inetd, nowait: a connection serves nobody else, and the client sees nothing of all this" {
	rm -f "$LOG"
	resolve shim LOG="$LOG" LOG_LEVEL=bind POLICY=ipv6-only -- "$PROGRAMS/survive" -o "$DIR/said" bind
	assert_eq 'client got 0 bytes' "$("$PROGRAMS/handover" '0,1,2 tcp6 ::1 0 accepted' -- "${COMMAND[@]}")"
	assert_eq '0 tcp inet6 ::1 1 nobody' "$(inherited | head -n 1)"
	refute grep -q serves <<<"$(json_records "$LOG" 'select(.event == "inherit")')"
}

@test "a policy leaves an inherited socket as it is, as without the shim" {
	port=$(free_port)
	for policy in ipv6-only both default-ipv6-only; do
		for value in 0 1; do
			said=$(hand "3 tcp6 :: $port v6only $value listen" -- POLICY=$policy LOG_LEVEL=all -- fd=3 get listen get)
			assert_eq "get: $value
listen: ok
get: $value" "$said" "$policy"
		done
	done
}

@test "setsockopt(IPV6_V6ONLY) on an inherited socket fails with EINVAL, and the record says why" {
	ask=(fd=3 get 'v6only 1' get 'v6only 0' get)
	bare=$("$PROGRAMS/handover" '3 tcp6 :: 0 v6only 0 listen' -- "$PROGRAMS/steps" "${ask[@]}")
	assert_eq 'get: 0
v6only 1: EINVAL
get: 0
v6only 0: EINVAL
get: 0' "$bare"
	for policy in app ipv6-only both; do
		assert_eq "$bare" "$(hand -s '3 tcp6 :: 0 v6only 0 listen' -- POLICY=$policy LOG_LEVEL=all -- "${ask[@]}")" $policy
		notes=$(json_records "$LOG" 'select(.event == "setsockopt") | [.errno, .before // 0, (.note | test("bound already.*BindIPv6Only="))]')
		assert_eq '["EINVAL",0,true]' "$(sort -u <<<"$notes")" $policy
		assert_eq 2 "$(wc -l <<<"$notes")"
	done
}

@test "a program that is executed anew tells of what it had bound itself" {
	rm -f "$LOG"
	shim LOG="$LOG" LOG_LEVEL=bind POLICY=ipv6-only -- "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' listen exec get >"$DIR/out"
	assert_eq 'load bind listen load inherit' "$(jq -r .event "$LOG" | paste -sd' ')"
	fd=$(jq 'select(.event == "bind") | .fd' "$LOG")
	assert_eq "$fd tcp inet6 :: 1 inet6" "$(inherited)"
}

@test "a child of fork has the sockets, and tells of none: they are its program's own" {
	rm -f "$LOG"
	shim LOG="$LOG" LOG_LEVEL=bind POLICY=ipv6-only -- "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' fork listen >"$DIR/out"
	assert_eq 'load bind load listen' "$(jq -r .event "$LOG" | paste -sd' ')"
}

@test "inetd's socket, at 0, 1 and 2, is told once; two sockets are told twice" {
	require python3
	cat >"$DIR/inetd" <<-'END'
		import os, socket, sys
		made = [socket.create_server(("::1", 0), family=socket.AF_INET6) for _ in sys.argv[1]]
		for fd, which in enumerate(sys.argv[1]):
		    os.dup2(made[int(which)].fileno(), fd)
		for s in made:
		    s.close()
		os.execvp(sys.argv[2], sys.argv[2:])
	END
	for case in '000 0' '010 0,1,2' '001 0,2'; do
		rm -f "$LOG"
		resolve shim LOG="$LOG" LOG_LEVEL=bind -- true
		(
			close_bats_fds
			exec python3 "$DIR/inetd" "${case% *}" "${COMMAND[@]}"
		)
		assert_eq "${case#* }" "$(jq -r 'select(.event == "inherit") | .fd' "$LOG" | paste -sd,)" "$case"
	done
}
