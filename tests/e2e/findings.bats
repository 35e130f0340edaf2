#!/usr/bin/env bats
# Where the policy is not in force it is said, and what would flood the log is thinned: DESIGN.md 1.6, 1.10. Tables of
# rows.py, the bare kernel beside each; and whole logs.

load helper
load rows

setup() {
	require_plain_sysctl
}

find_rows() {
	rows --each --fields event,family,action,finding "$@"
}

@test "unenforced: bound past the library, or by the executable before this one; not single and mapped addresses" {
	find_rows <<-'END'
		socket tcp6; sysbind :: P; listen; listen; get
		bare -> 0
		policy=ipv6-only, policy=ipv6-only mode=log -> 0 | listen inet6 unenforced ~ came bound.*io_uring.*BindIPv6Only=
		policy=app, policy=both, policy=default-both -> 0 | none
		socket tcp6; v6only 1; sysbind :: P; listen; get
		bare -> 1
		policy=both -> 1 | setsockopt inet6 contrary; listen inet6 unenforced ~ came bound
		policy=ipv6-only, policy=app -> 1 | none
		policy=default-both -> 1 | setsockopt inet6 contrary
		socket tcp6; sysbind :: P; exec; listen; get
		bare -> 0
		policy=ipv6-only -> 0 | listen inet6 unenforced ~ came bound
		socket tcp6; v6only 1; sysbind :: P; exec; listen; get
		bare -> 1
		policy=default-both, policy=both -> 1 | setsockopt inet6 contrary; listen inet6 unenforced ~ came bound
		# A datagram socket, when a request meets it.
		socket udp6; sysbind :: P; v6only 1; v6only 1; get
		bare -> v6only=EINVAL v6only=EINVAL 0
		policy=ipv6-only -> v6only=EINVAL v6only=EINVAL 0 | setsockopt inet6 unenforced ~ came bound
		socket tcp6; v6only 0; sysbind ::1 P; listen; a socket tcp6; a sysbind ::ffff:127.0.0.1 Q; a listen; a get
		bare -> 0
		policy=ipv6-only -> 0 | setsockopt inet6 contrary
		# What a client does.
		socket udp6; bind :: 0; v6only 1; connect ::1 9; get
		bare -> v6only=EINVAL 0
		policy=ipv6-only -> v6only=EINVAL 0 | none
		socket tcp6; bind :: 0 client; v6only 1; connect ::1 9; get
		bare -> v6only=EINVAL connect=ECONNREFUSED 0
		policy=ipv6-only -> v6only=EINVAL connect=ECONNREFUSED 0 | none
		# And what then listens after all.
		socket tcp6; bind :: 0 client; listen; listen; get
		bare -> 0
		policy=ipv6-only -> 0 | listen inet6 unenforced ~ port=0
	END
}

@test "not unenforced: what yielded, what was split, and what mode=log would have set" {
	find_rows <<-'END'
		b socket tcp4; b bind 0.0.0.0 P; a socket tcp6; a v6only 1; a bind :: P; a listen; a get
		bare -> 1
		policy=both -> 1 | setsockopt inet6 contrary; bind inet6 yield conflict
		# As a worker that was handed both: the hints of who bound them are not its own.
		b socket tcp4; b bind 0.0.0.0 P; a socket tcp6; a v6only 1; a bind :: P; exec; b listen; a listen; a get
		bare -> 1
		policy=both -> 1 | setsockopt inet6 contrary; bind inet6 yield conflict; listen inet ipv4-socket
		# Nor is it told when that for which it yielded is gone.
		b socket tcp4; b bind 0.0.0.0 P; a socket tcp6; a v6only 1; a bind :: P; b close; a listen; a get
		bare -> 1
		policy=both -> 1 | setsockopt inet6 contrary; bind inet6 yield conflict
		b socket tcp4; b bind 0.0.0.0 P; a socket tcp6; a bind :: P; a listen; a get
		bare -> a.bind=EADDRINUSE a.listen=- 0
		policy=default-both on-conflict=resolve -> 1 | bind inet6 split conflict
		socket tcp6; bind :: P; listen; get
		bare -> 0
		policy=ipv6-only mode=log -> 0 | bind inet6 set
		policy=default-ipv6-only mode=log -> 0 | socket inet6 set
		socket tcp6; listen; get
		bare -> 0
		policy=ipv6-only mode=log -> 0 | listen inet6 set
		socket udp6; bind :: P; get
		bare -> 0
		policy=ipv6-only mode=log -> 0 | bind inet6 set
	END
	# Nor is it said that it came bound, where every listen is recorded.
	rows --events listen --fields family,finding,note <<-'END'
		b socket tcp4; b bind 0.0.0.0 P; a socket tcp6; a v6only 0; a bind :: P; a listen; a get
		bare -> a.bind=EADDRINUSE a.listen=- 0
		policy=both on-conflict=resolve log-level=bind -> 1 | inet6 -
	END
}

@test "unenforced: a filter refuses the option, whatever the policy; clients make none" {
	find_rows --under old-kernel,v6only <<-'END'
		socket tcp6; bind :: P; listen; get
		bare -> 0
		policy=ipv6-only, policy=default-ipv6-only -> 0 | listen inet6 unenforced ~ seccomp filter refuses
		policy=both, policy=default-both, policy=app -> 0 | none
		socket tcp6; listen; get
		bare -> 0
		policy=ipv6-only, policy=default-ipv6-only -> 0 | listen inet6 unenforced ~ seccomp filter refuses
		socket udp6; bind :: P; get
		bare -> 0
		policy=ipv6-only, policy=default-ipv6-only -> 0 | bind inet6 unenforced ~ seccomp filter refuses
		socket udp6; bind :: 0; connect ::1 9; a socket tcp6; a connect ::1 9
		bare -> a.connect=ECONNREFUSED
		policy=ipv6-only, policy=default-ipv6-only -> a.connect=ECONNREFUSED | none
	END
}

@test "ipv4-socket: what serves 0.0.0.0 under a forced policy, once for each protocol and port" {
	find_rows <<-'END'
		socket tcp4; bind 0.0.0.0 P; listen; listen; a socket udp4; a bind 0.0.0.0 P; a close; a socket udp4; a bind 0.0.0.0 P; b socket udp4; b bind 0.0.0.0 Q
		bare ->
		policy=ipv6-only, policy=both, policy=both mode=log -> | listen inet ipv4-socket ~ no policy has a hold; bind inet ipv4-socket; bind inet ipv4-socket
		policy=app, policy=default-both, policy=default-ipv6-only -> | none
		socket tcp4; listen; a socket tcp4; a bind 127.0.0.1 P; a listen; b socket udp4; b bind 0.0.0.0 0; c socket tcp6; c bind ::ffff:0.0.0.0 Q; c listen
		bare ->
		policy=ipv6-only, policy=both -> | listen inet ipv4-socket
	END
}

@test "report --check fails where a policy is not in force, and not for an IPv4 socket" {
	while IFS='|' read -r words finding expected; do
		IFS=+ read -ra steps <<<"$words"
		rm -f "$LOG"
		shim POLICY=ipv6-only LOG="$LOG" -- "$PROGRAMS/drive" "${steps[@]}" >"$DIR/out"
		assert_eq "$finding" "$(jq -r 'select(.finding and .finding != "none") | .finding' "$LOG")" "${steps[*]}"
		run "$V6SHIM" report --check "$LOG"
		assert_status "$expected"
		[ "$expected" = 0 ] || assert_match 'The policy is not in force everywhere: 1 unenforced' "$output"
	done <<-'END'
		socket tcp6+sysbind :: 0+listen|unenforced|1
		socket tcp4+bind 0.0.0.0 0+listen|ipv4-socket|0
		socket tcp6+listen||0
	END
}

@test "the first override from 1 to 0 says what becomes of IPv4 clients' addresses" {
	shim POLICY=both LOG="$LOG" -- "$PROGRAMS/drive" 'socket tcp6' 'v6only 1' listen 'socket tcp6' 'v6only 1' listen >"$DIR/out"
	assert_eq '["override",true]
["override",false]' "$(json_records "$LOG" 'select(.action == "override") | [.action, (.note // "" | test("::ffff:a.b.c.d"))]')"
}

# queries N: a resolver's: each from a socket of its own, at a random port of each family.
queries() {
	/usr/bin/python3 -I - "$1" <<-'END'
		import socket, sys
		for i in range(int(sys.argv[1])):
		    for family, any in ((socket.AF_INET6, "::"), (socket.AF_INET, "0.0.0.0")):
		        s = socket.socket(family, socket.SOCK_DGRAM)
		        if family == socket.AF_INET6:
		            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
		        s.bind((any, 20000 + i))
		        s.close()
		for i in range(100):
		    s = socket.socket(socket.AF_INET6)
		    s.bind(("::", 30000 + i))
		    s.listen()
		    t = socket.socket(socket.AF_INET)
		    try:
		        t.bind(("0.0.0.0", 30000 + i))
		    except OSError:
		        pass
		    s.detach()
	END
}

@test "a thousand queries leave a few records, a hundred listeners and their conflicts all" {
	require_netns
	flood() {
		local shown='1,2,3,4,5,6,7,8,16,32,64,128,256,512'

		shim POLICY=both LOG="$LOG" -- bash -c "$(declare -f queries); exec 3<&-; queries 1000"
		# By the kind, how many of it there were so far; `-` stands for itself alone.
		for kind in 'bind inet6' 'bind inet' 'setsockopt inet6'; do
			assert_eq "$shown" "$(jq -r --arg kind "$kind" 'select("\(.event) \(.family)" == $kind and .type == "dgram") | .count // "-"' "$LOG" |
				awk '{ print $1 == "-" ? NR : $1 }' | paste -sd,)" "$kind"
		done
		assert_eq '100 listen none
100 bind conflict
100 bind none' "$(jq -r 'select(.type == "stream") | "\(.event) \(.finding)"' "$LOG" | sort | uniq -c | sed 's/^ *//' | sort -k2,2r -k3)"
		run "$V6SHIM" report "$LOG"
		assert_status 0
		refute grep -q 'on udp port' <<<"$output"
		assert_match 'the last of 512 that are alike.*V6ONLY 1, contrary .policy both.; 512 times' "${output//$'\n'/ }"
	}
	in_netns flood
	# The control: another level, of which nothing is thinned.
	assert_eq 100 "$(jq 'select(.event == "listen")' "$LOG" -c | wc -l)"
}

@test "without IPv6: no order and no disorder, a passive look-up as bare; it is told once, with what it means" {
	bare=$("$PROGRAMS/old-kernel" ipv6 "$PROGRAMS/drive" resolve)
	rows --under old-kernel,ipv6 --events getaddrinfo --fields event,action <<-END
		resolve
		bare -> ${bare#*: }
		order=ipv6-first, order=ipv6-first policy=both -> ${bare#*: } | getaddrinfo ~ no IPv6 socket can be made
		socket tcp4; bind 0.0.0.0 P; listen; who tcp 127.0.0.1 P
		bare -> a
		order=ipv6-first on-disorder=deny:EACCES, policy=ipv6-only, profile=openbsd -> a
		socket tcp6; socket tcp4; bind 0.0.0.0 P; listen; who tcp 127.0.0.1 P
		bare -> socket=EAFNOSUPPORT a
		policy=both order=ipv6-first, policy=default-ipv6-only -> socket=EAFNOSUPPORT a
	END
	while IFS='|' read -r settings end; do
		rm -f "$LOG"
		# shellcheck disable=SC2086 # into its words
		shim $settings LOG="$LOG" LOG_LEVEL=change -- "$PROGRAMS/old-kernel" ipv6 "$PROGRAMS/drive" 'socket tcp6' 'socket udp6' >"$DIR/out"
		assert_eq '["socket","inet6","EAFNOSUPPORT"]' "$(json_records "$LOG" 'select(.event == "socket") | [.event, .family, .errno]')"
		assert_match "there is no IPv6 here.*RestrictAddressFamilies=\\)$end\$" "$(jq -r '.note // empty' "$LOG")"
	done <<-END
		POLICY=both ORDER=ipv6-first|; policy=both has nothing to act on, and only IPv4 can be served; order=ipv6-first reorders nothing
		POLICY=default-ipv6-only ORDER=ipv4-first|; policy=default-ipv6-only has nothing to act on, and only IPv4 can be served
		ORDER=ipv6-first|; order=ipv6-first reorders nothing
	END
	# Another error is nothing to tell.
	[ ! -e /proc/net/if_inet6 ] || assert_eq '' "$(LD_PRELOAD=$LIB "$PROGRAMS/drive" 'socket raw6' 2>&1 >"$DIR/out" | grep 'no IPv6')"
}

@test "a node of * is none, as glibc has it; a passive look-up that fails reads so" {
	look_up() {
		"$@" "$PROGRAMS/drive" 'lookup -p -s -n * 4321' 'lookup -s -n 127.0.0.1 4321' | sed 's/[^:]*: //; s/ tcp stream//g'
	}
	assert_eq 'inet 0.0.0.0 4321, inet6 :: 4321
inet 127.0.0.1 4321' "$(look_up env)" 'control, bare'
	assert_eq 'inet6 :: 4321, inet 0.0.0.0 4321
inet 127.0.0.1 4321' "$(look_up shim ORDER=ipv6-first LOG="$LOG" --)"
	assert_eq '["inet","inet6"] ["inet6","inet"] reorder 0' "$(jq -r 'select(.event == "getaddrinfo") |
		"\(.families_before) \(.families_after) \(.action) \(.result)"' "$LOG")"
	shim LOG_LEVEL=bind LOG="$DIR/log" LOG_FORMAT=text -- "$PROGRAMS/drive" 'lookup -p -s no-such-service' >"$DIR/out"
	assert_match 'getaddrinfo: fails with EAI_SERVICE ' "$(<"$DIR/log")"
}

@test "who and check say of a host that it has no IPv6, and of another nothing" {
	for command in who 'check true'; do
		# shellcheck disable=SC2086 # into its words
		assert_match 'no IPv6 socket can be made here' "$("$PROGRAMS/old-kernel" ipv6 "$V6SHIM" $command)"
		# shellcheck disable=SC2086
		refute grep -q 'no IPv6 socket' <("$V6SHIM" $command)
	done
}
