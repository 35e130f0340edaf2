#!/usr/bin/env bats
# The RFC 3493 procedures known from the IPv6 API test suites, as unmodified programs, bare and under every
# policy. Bare and policy=app are what the RFC (3.7, 5.3) says, with Linux's errors.

load helper

POLICIES=(bare app ipv6-only both default-ipv6-only default-both)

# A column for each of POLICIES. What differs from bare:
# - default-ipv6-only: the initial value, and so a mapped connect of who asks for nothing;
# - ipv6-only: a socket that binds `::` has V6ONLY 1 from then on, whatever it asked for, and so gets the port
#   that an IPv4 socket holds;
# - both: it would have V6ONLY 0, and where that costs it the port it keeps what it asked for (yield).
# Clients bind nothing, so that a forced policy is not theirs.
table() {
	cat <<-END
		v6only-get
		stream initial:                    0           0           0           0           1           0
		stream set 1:                      ok          ok          ok          ok          ok          ok
		stream after set 1:                1           1           1           1           1           1
		dgram initial:                     0           0           0           0           1           0
		dgram set 1:                       ok          ok          ok          ok          ok          ok
		dgram after set 1:                 1           1           1           1           1           1

		v6only-set
		stream 1 then 0, set 1:            ok          ok          ok          ok          ok          ok
		stream 1 then 0, after set 1:      1           1           1           1           1           1
		stream 1 then 0, set 0:            ok          ok          ok          ok          ok          ok
		stream 1 then 0, after set 0:      0           0           0           0           0           0
		stream 0 then 1, set 0:            ok          ok          ok          ok          ok          ok
		stream 0 then 1, after set 0:      0           0           0           0           0           0
		stream 0 then 1, set 1:            ok          ok          ok          ok          ok          ok
		stream 0 then 1, after set 1:      1           1           1           1           1           1
		dgram 1 then 0, set 1:             ok          ok          ok          ok          ok          ok
		dgram 1 then 0, after set 1:       1           1           1           1           1           1
		dgram 1 then 0, set 0:             ok          ok          ok          ok          ok          ok
		dgram 1 then 0, after set 0:       0           0           0           0           0           0
		dgram 0 then 1, set 0:             ok          ok          ok          ok          ok          ok
		dgram 0 then 1, after set 0:       0           0           0           0           0           0
		dgram 0 then 1, set 1:             ok          ok          ok          ok          ok          ok
		dgram 0 then 1, after set 1:       1           1           1           1           1           1

		v6only-set-server
		ipv4 bind:                         ok          ok          ok          ok          ok          ok
		ipv4 listen:                       ok          ok          ok          ok          ok          ok
		ipv6 with 0, set:                  ok          ok          ok          ok          ok          ok
		ipv6 with 0, bind:                 EADDRINUSE  EADDRINUSE  ok          EADDRINUSE  EADDRINUSE  EADDRINUSE
		ipv6 with 0, listen:               -           -           ok          -           -           -
		ipv6 with 0, reads:                0           0           1           0           0           0
		ipv6 with 1, set:                  ok          ok          ok          ok          ok          ok
		ipv6 with 1, bind:                 ok          ok          ok          ok          ok          ok
		ipv6 with 1, listen:               ok          ok          ok          ok          ok          ok
		ipv6 with 1, reads:                1           1           1           1           1           1

		v6only-set-client
		server:                            ok          ok          ok          ok          ok          ok
		with 1, set:                       ok          ok          ok          ok          ok          ok
		with 1, connect:                   ENETUNREACH ENETUNREACH ENETUNREACH ENETUNREACH ENETUNREACH ENETUNREACH
		with 1, to server:                 -           -           -           -           -           -
		with 1, to client:                 -           -           -           -           -           -
		with 1, reads:                     1           1           1           1           1           1
		with 0, set:                       ok          ok          ok          ok          ok          ok
		with 0, connect:                   ok          ok          ok          ok          ok          ok
		with 0, to server:                 ok          ok          ok          ok          ok          ok
		with 0, to client:                 ok          ok          ok          ok          ok          ok
		with 0, reads:                     0           0           0           0           0           0

		v6only-set-send
		server:                            ok          ok          ok          ok          ok          ok
		with 1, set:                       ok          ok          ok          ok          ok          ok
		with 1, sendto:                    ENETUNREACH ENETUNREACH ENETUNREACH ENETUNREACH ENETUNREACH ENETUNREACH
		with 1, sendto, to server:         -           -           -           -           -           -
		with 1, sendto, to client:         -           -           -           -           -           -
		with 1, sendto, reads:             1           1           1           1           1           1
		with 1, set:                       ok          ok          ok          ok          ok          ok
		with 1, connect:                   ENETUNREACH ENETUNREACH ENETUNREACH ENETUNREACH ENETUNREACH ENETUNREACH
		with 1, send:                      -           -           -           -           -           -
		with 1, send, to server:           -           -           -           -           -           -
		with 1, send, to client:           -           -           -           -           -           -
		with 1, send, reads:               1           1           1           1           1           1
		with 0, set:                       ok          ok          ok          ok          ok          ok
		with 0, sendto:                    ok          ok          ok          ok          ok          ok
		with 0, sendto, to server:         ok          ok          ok          ok          ok          ok
		with 0, sendto, to client:         ok          ok          ok          ok          ok          ok
		with 0, sendto, reads:             0           0           0           0           0           0
		with 0, set:                       ok          ok          ok          ok          ok          ok
		with 0, connect:                   ok          ok          ok          ok          ok          ok
		with 0, send:                      ok          ok          ok          ok          ok          ok
		with 0, send, to server:           ok          ok          ok          ok          ok          ok
		with 0, send, to client:           ok          ok          ok          ok          ok          ok
		with 0, send, reads:               0           0           0           0           0           0

		steps
		tcp asks nothing, connect:         ok          ok          ok          ok          ENETUNREACH ok
		tcp asks nothing, reads:           0           0           0           0           1           0
		udp asks nothing, connect:         ok          ok          ok          ok          ENETUNREACH ok
		udp asks nothing, reads:           0           0           0           0           1           0
	END
}

# expected PROGRAM COLUMN: its part of the table, "CHECK: OUTCOME" a line; COLUMN counts from 0.
expected() {
	table | awk -F: -v program="$1" -v column="$2" '
		NF == 1 && NF > 0 { inside = $1 == program }
		inside && NF == 2 { split($2, outcomes, " "); print $1 ": " outcomes[column + 1] }'
}

setup() {
	sysctl=$(</proc/sys/net/ipv6/bindv6only)
	[ "$sysctl" = 0 ] || skip "the table is for net.ipv6.bindv6only 0, here it is $sysctl"
}

# conforms PROGRAM [ARGUMENT...]: under every policy, with the log off and with all of it on.
conforms() {
	local program=$1 column under log expected got

	for column in "${!POLICIES[@]}"; do
		expected=$(expected "$program" "$column")
		[ -n "$expected" ] || fail "$program is not in the table"
		for log in off "$BATS_TEST_TMPDIR/log.jsonl"; do
			under=(shim "POLICY=${POLICIES[column]}" LOG="$log" LOG_LEVEL=all --)
			[ "$column" -gt 0 ] || under=()
			resolve "${under[@]}" "$PROGRAMS/$program" "${@:2}"
			got=$("${COMMAND[@]}")
			[ "$program" != steps ] || got=$(sed -nE "$STEPS" <<<"$got")
			assert_eq "$expected" "$got" "$program, ${POLICIES[column]}, log $log"
			[ "$column" = 0 ] || [ "$log" = off ] || loaded "$log"
		done
	done
}

# The library was in: the first record says so.
loaded() {
	assert_eq load "$(json_records "$1" .event | head -n 1 | tr -d '"')"
	rm "$1"
}

@test "get: the option starts as 0, and reads 1 after it was set to 1" {
	conforms v6only-get
}

@test "set: the option reads back what it was set to" {
	conforms v6only-set
}

@test "set_server: with 1 the IPv6 socket can have the port of an IPv4 one, with 0 it cannot" {
	conforms v6only-set-server
}

@test "set_client: with 1 a mapped address cannot be connected to, with 0 data flow both ways" {
	conforms v6only-set-client
}

@test "set_send: with 1 nothing can be sent to a mapped address, with 0 it arrives and is answered" {
	conforms v6only-set-send
}

@test "a client that asks for nothing reaches a mapped address, but under default-ipv6-only" {
	port=$(free_port)
	start tcp --says ready "$PROGRAMS/serve" -4 -p "$port"
	start udp --says ready "$PROGRAMS/serve" -4 -u -p "$port"
	# "connect ... PORT: ok" of the first socket is TCP's.
	STEPS='/^socket tcp6/,/^get/ {
			s/^connect.*: (.*)/tcp asks nothing, connect: \1/p
			s/^get/tcp asks nothing, reads/p
		}
		/^socket udp6/,$ {
			s/^connect.*: (.*)/udp asks nothing, connect: \1/p
			s/^get/udp asks nothing, reads/p
		}'
	conforms steps 'socket tcp6' "connect ::ffff:127.0.0.1 $port" get \
		'socket udp6' "connect ::ffff:127.0.0.1 $port" get
}

@test "every check of the programs is in the table, and every line of the table is checked" {
	assert_eq "$(printf '%s\n' steps "$PROGRAMS"/v6only-* | sed 's/.*\///; /\.d$/d' | sort)" \
		"$(table | grep -v : | grep . | sort)"
	# A row has a cell for each policy.
	assert_eq '' "$(table | awk -F: -v n=${#POLICIES[@]} 'NF == 2 && split($2, cells, " ") != n')"
}
