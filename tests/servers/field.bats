#!/usr/bin/env bats
# Servers that take a list of addresses, by what they do with the second one: lighttpd asks for V6ONLY 1 itself,
# privoxy ends where it cannot bind, icecast goes on without, kamailio binds UDP with SO_REUSEPORT and TCP without.

load driver

# listed FORMAT ADDRESS...: a line each, %s being it, IPv6 in brackets.
listed() {
	local address

	for address in "${@:2}"; do
		[[ $address != *:* ]] || address="[$address]"
		echo "${1//%s/$address}"
	done
}

# For in_netns.
HELPER_VARIABLES+=(DIR)
# What an HTTP client says, and how the answer begins.
SEND='GET / HTTP/1.0\r\n\r\n' EXPECT='HTTP/1'

# conf_NAME ADDRESS...: the configuration of a server on $port of just those; SERVER comes to be the command.
conf_lighttpd() {
	printf 'server.document-root = "%s"\nserver.port = %s\nserver.bind = "%s"\n' "$DIR" "$port" "$(listed %s "$1")"
	listed "\$SERVER[\"socket\"] == \"%s:$port\" { }" "${@:2}"
	SERVER=(lighttpd -D -f "$DIR/conf")
}

conf_privoxy() {
	SEND='GET http://p.p/ HTTP/1.0\r\n\r\n'
	printf 'confdir /etc/privoxy\nlogdir %s\n' "$DIR"
	listed "listen-address %s:$port" "$@"
	SERVER=(privoxy --no-daemon "$DIR/conf")
}

conf_icecast() {
	echo "<icecast><paths><logdir>$DIR</logdir><webroot>$DIR</webroot><adminroot>$DIR</adminroot></paths>"
	printf "<listen-socket><port>$port</port><bind-address>%s</bind-address></listen-socket>\n" "$@"
	echo '<security><changeowner><user>nobody</user><group>nogroup</group></changeowner></security></icecast>'
	SERVER=(icecast2 -c "$DIR/conf")
}

conf_kamailio() {
	PROTOCOLS='udp tcp' EXPECT='SIP/2.0 200'
	SEND='OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>'
	SEND+='\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n'
	printf 'children=1\ntcp_children=1\nauto_aliases=no\nloadmodule "sl.so"\n'
	listed "listen=udp:%s:$port" "$@"
	listed "listen=tcp:%s:$port" "$@"
	echo 'request_route { sl_send_reply("200", "OK"); }'
	SERVER=(kamailio -DD -E -w "$DIR" -Y "$DIR" -f "$DIR/conf")
}

server_start() {
	local addresses=(::)

	[ "$families" != both ] || addresses=(0.0.0.0 ::)
	# In CI there may be a umask.
	"conf_$name" "${addresses[@]}" >"$DIR/conf" && chmod 644 "$DIR/conf"
	begin server "$@" "${SERVER[@]}"
}

client() {
	/usr/bin/python3 -I - "$1" "$port" "$SEND" "$EXPECT" "$PROTOCOLS" <<-'END'
		import socket, sys
		address, port, *words = sys.argv[1:]
		send, expect, protocols = (w.encode().decode("unicode_escape").encode() for w in words)
		for protocol in protocols.split():
		    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
		                      socket.SOCK_DGRAM if protocol == b"udp" else socket.SOCK_STREAM)
		    s.settimeout(5)
		    s.connect((address, int(port)))
		    s.send(send)
		    assert s.recv(4096).startswith(expect), protocol
	END
}

@test "lighttpd: every setting, as the table says" {
	table lighttpd lighttpd
}

@test "privoxy: every setting, as the table says" {
	table privoxy privoxy
}

@test "icecast: every setting, as the table says" {
	table icecast icecast2
}

@test "kamailio: every setting, as the table says" {
	table kamailio kamailio
}

# ---- no bind lost, and nobody killed: each bare first, then under settings, with the same clients

ntp() {
	/usr/bin/python3 -I - "$@" <<-'END'
		import socket, sys
		for address in sys.argv[1:]:
		    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
		    s.settimeout(5)
		    s.connect((address, 123))
		    s.send(b"\x23" + bytes(47))
		    print(address, s.recv(100)[0] & 7)
	END
}

# Its filter level 1 kills whoever asks for gettid; sources make it open sockets after that.
time_server() {
	printf '%s\n' 'server 127.0.0.2 iburst port 124' 'server ::1 iburst' 'allow all' 'local stratum 8' "driftfile $DIR/drift" \
		'bindcmdaddress /' "pidfile $DIR/pid" >"$DIR/conf"
	for settings in bare POLICY=both 'POLICY=both ON_CONFLICT=resolve' POLICY=ipv6-only 'POLICY=default-both MODE=log'; do
		for log in "$DIR/log.jsonl" stderr syslog; do
			for level in change all; do
				read -ra words <<<"$settings"
				words=(shim "${words[@]}" LOG="$log" LOG_LEVEL="$level" --)
				[ "$settings" != bare ] || words=()
				start server --udp 123 --count 2 "${words[@]}" chronyd -d -x -F 1 -f "$DIR/conf"
				[ "$settings" != bare ] || sockets=$(kernel_listeners udp 123)
				assert_eq "$sockets" "$(kernel_listeners udp 123)" "$settings"
				assert_eq '127.0.0.1 4 ::1 4' "$(ntp 127.0.0.1 ::1 | paste -sd' ')"
				# The filter is there, and the socket of its own source, too.
				grep -q '^Seccomp:.2' "/proc/$(pid_of server)/status"
				wait_for 10 eval '[ "$(ss -Hnu state established dst 127.0.0.2 | wc -l)" = 1 ]'
				stop server
				assert_eq 'ended exit 0' "$(grep '^ended' "$DIR/server.report")" "$settings, $log"
				[ "$settings" != bare ] || break 2
			done
		done
	done
}

@test "chronyd under its filter lives with every policy, log and level, and loses no bind" {
	require chronyd
	install -d -m 750 -o _chrony -g _chrony /run/chrony
	in_netns time_server
}
