# shellcheck shell=bash
# rows.bash - a server in a few lines: `load rows`, a function conf_NAME, and a test that calls `table NAME TOOL...`.
#
#   conf_NAME ADDRESS...   writes the configuration of a server on $port of just those, which is $DIR/conf by then, and sets SERVER
#                          to the command. Where it sets them: SEND, what a client says, and EXPECT, how the answer
#                          begins, by Python's escapes; over each of PROTOCOLS. They are HTTP's by default.
#   PAIR=1                 one process has one address, so that both families are two, IPv4 first
#   NAME-outside           NAME, governed from outside

load driver

# What takes another's place when it is installed is there.
UNPACKED=$BUILD/unpacked
# For in_netns.
HELPER_VARIABLES+=(DIR SERVERS SETTINGS UNPACKED PROTOCOLS SEND EXPECT)
SEND='GET / HTTP/1.0\r\n\r\n' EXPECT='HTTP/1'

# listed FORMAT ADDRESS...: a line each, %s being it, IPv6 in brackets.
listed() {
	local address

	for address in "${@:2}"; do
		[[ $address != *:* ]] || address="[$address]"
		echo "${1//%s/$address}"
	done
}

server_start() {
	local addresses=(::)

	up=$(free_port) || return
	[ "$families" != both ] || addresses=(0.0.0.0 ::)
	if [ "$families" = both ] && [ -n "${PAIR-}" ]; then
		configured 0.0.0.0 && begin_one first "$@" "${SERVER[@]}" && configured :: && begin_one second "$@" "${SERVER[@]}"
	else
		configured "${addresses[@]}" && begin server "$@" "${SERVER[@]}"
	fi
}

# configured ADDRESS...: in CI there may be a umask.
configured() {
	"conf_${name%-outside}" "$@" >"$DIR/conf" && chmod 644 "$DIR/conf"
}

client() {
	/usr/bin/python3 -I - "$1" "$port" "$SEND" "$EXPECT" "$PROTOCOLS" <<-'END'
		import socket, sys
		address, port, *words = sys.argv[1:]
		send, expect, protocols = (w.encode().decode("unicode_escape").encode("latin1") for w in words)
		for protocol in protocols.split():
		    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
		                      socket.SOCK_DGRAM if protocol == b"udp" else socket.SOCK_STREAM)
		    s.settimeout(5)
		    s.connect((address, int(port)))
		    s.send(send)
		    said = s.recv(4096)
		    assert said.startswith(expect), (protocol, said)
	END
}

# proxied SCHEME: the server's own connections are those of a proxy, to IPv4.
proxied() {
	passes_on curl -sS -f -g --max-time 10 -x "$1://[::1]:$port" "http://127.0.0.1:$up/"
}

# resolves ADDRESS NAME A [SECONDS]: over UDP and over TCP.
resolves() {
	local how

	for how in +notcp +tcp; do
		[ "$(dig "$how" +short +time="${4-5}" +tries=1 -p "$port" "@$1" "$2" A)" = "$3" ] || return
	done
}

# The server that a resolver forwards to has that address alone.
forwards() {
	upstream dns && resolves ::1 up.v6shim 192.0.2.7
}

# nothing_inherited: of what another bound no helper says so, nor of an accepted connection.
nothing_inherited() {
	assert_eq '' "$(cat "$DIR"/*/log.jsonl | jq -c 'select(.event == "inherit")')"
}

outside() {
	TESTS_REACH=supervise table "$@"
}

# ntp NAME WORD...: WORD... in a network where port 123 is free, for a server that knows no other.
ntp() {
	PROTOCOLS=udp EXPECT='\xe4' SEND="\\x23$(printf '\\0%.0s' {1..47})"
	# shellcheck disable=SC2317 # the driver calls it
	free_port() {
		echo 123
	}
	in_netns "$@"
}
