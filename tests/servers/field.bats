#!/usr/bin/env bats
# Servers that take a list of addresses, by what they do with the second one: lighttpd asks for V6ONLY 1 itself, icecast
# goes on without what it cannot bind, kamailio binds UDP with SO_REUSEPORT and TCP without.

load rows

# conf_NAME ADDRESS...: the configuration of a server on $port of just those; SERVER comes to be the command.
conf_lighttpd() {
	printf 'server.document-root = "%s"\nserver.port = %s\nserver.bind = "%s"\n' "$DIR" "$port" "$(listed %s "$1")"
	listed "\$SERVER[\"socket\"] == \"%s:$port\" { }" "${@:2}"
	SERVER=(lighttpd -D -f "$DIR/conf")
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

@test "lighttpd: every setting, as the table says" { table lighttpd lighttpd; }
@test "icecast: every setting, as the table says" { table icecast icecast2; }
@test "kamailio: every setting, as the table says" { table kamailio kamailio; }

# ---- no bind lost, and nobody killed: each bare first, then under settings, with the same clients

# Its filter level 1 kills whoever asks for gettid; sources make it open sockets after that.
time_server() {
	# Version 4, mode 4, and in step.
	port=123 EXPECT='\x24'
	printf '%s\n' 'server 127.0.0.2 iburst port 124' 'server ::1 iburst' 'allow all' 'local stratum 8' "driftfile $DIR/drift" \
		'bindcmdaddress /' "pidfile $DIR/pid" >"$DIR/conf"
	for settings in bare POLICY=both ON_CONFLICT=resolve 'POLICY=both ON_CONFLICT=resolve' POLICY=ipv6-only 'POLICY=default-both MODE=log'; do
		for log in "$DIR/log.jsonl" stderr syslog; do
			for level in change all; do
				read -ra words <<<"$settings"
				words=(shim "${words[@]}" LOG="$log" LOG_LEVEL="$level" --)
				[ "$settings" != bare ] || words=()
				start server --udp 123 --count 2 "${words[@]}" chronyd -d -x -F 1 -f "$DIR/conf"
				[ "$settings" != bare ] || sockets=$(kernel_listeners udp 123)
				assert_eq "$sockets" "$(kernel_listeners udp 123)" "$settings"
				client 127.0.0.1
				client ::1
				# The filter is there, and the socket of its own source, too.
				grep -q '^Seccomp:.2' "/proc/$(pid_of server)/status"
				# shellcheck disable=SC2016 # of eval
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
	ntp time_server
}

@test "a cluster of node, which asks for V6ONLY 1, has both listeners in each worker under policy=both" {
	require node
	cat >"$DIR/cluster.js" <<-'END'
		const cluster = require("cluster"), port = +process.argv[2], hosts = process.argv[3].split(",")
		if (cluster.isPrimary) {
		    let up = 0
		    for (let i = 0; i < 2; i++)
		        cluster.fork()
		    cluster.on("listening", () => ++up == 2 * hosts.length && console.log("ready"))
		} else
		    for (const host of hosts)
		        require("http").createServer((q, r) => r.end("page")).listen({ port, host, ipv6Only: true })
	END
	# Not IPv6 first where the workers listen: libuv's SO_REUSEADDR lets both bind, and no worker knows what was asked.
	for row in 'rr 0.0.0.0,::' 'none 0.0.0.0,::' 'rr ::,0.0.0.0'; do
		read -r kind hosts <<<"$row"
		for settings in bare POLICY=both ON_CONFLICT=resolve 'POLICY=both ON_CONFLICT=resolve'; do
			read -ra words <<<"shim $settings LOG=$DIR/log.jsonl --"
			[ "$settings" != bare ] || words=()
			port=$(free_port)
			NODE_CLUSTER_SCHED_POLICY=$kind start server --says ready --within 30 "${words[@]}" node "$DIR/cluster.js" "$port" "$hosts"
			assert_eq "served page served page" "$(get 127.0.0.1 | sed "s,^,served ,") $(get ::1 | sed "s,^,served ,")" "$hosts, $kind, $settings"
			stop server
		done
	done
	jq -se 'any(.[]; .action == "yield") and all(.[]; .result // 0 == 0)' "$DIR/log.jsonl" >/dev/null
}

@test "proftpd closes what run hands over, and drops its rights, before it binds: it logs where it may, or says once that it may not" {
	require proftpd
	mkdir -m 700 "$DIR/private"
	mkdir -p /run/proftpd
	install -m 666 /dev/null "$DIR/log.jsonl"
	for log in "$DIR/log.jsonl" "$DIR/private/log.jsonl"; do
		port=$(free_port)
		printf '%s\n' "Port $port" 'DefaultAddress ::' 'UseIPv6 on' 'User nobody' 'Group nogroup' "PidFile $DIR/pid" 'WtmpLog off' \
			"ScoreboardFile /run/proftpd/v6shim.$port" "DefaultRoot $DIR" >"$DIR/conf"
		start server --tcp "$port" "$V6SHIM" run --policy ipv6-only --log "$log" -- proftpd -n -c "$DIR/conf"
		assert_eq 1 "$(kernel_v6only tcp "$port")"
		assert_match "^served 220 " "$(reach ::1 tcp "$port" NOOP)"
		stop server
		rm -f "/run/proftpd/v6shim.$port"
	done
	assert_eq 1 "$(jq -c 'select(.event == "listen" and .after == 1)' "$DIR/log.jsonl" | wc -l)"
	assert_eq 0 "$(stat -c %s "$log")"
	assert_eq 1 "$(grep -c "^v6shim: log: '$log': permission denied" "$DIR/server.err")"
}
