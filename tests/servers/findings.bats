#!/usr/bin/env bats
# Real servers where the policy has nothing to act on, or nothing to tell: kernels without IPv6 (DESIGN.md 1.10), query
# sockets (1.6). From outside, the same bare beside it.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load driver

# without_ipv6 PREFIX... : the servers, each of which serves IPv4 as bare.
servers_without_ipv6() {
	cat >"$DIR/nginx.conf" <<-END
		daemon off; pid $DIR/nginx.pid; error_log stderr;
		events {}
		http { access_log off; server { listen 0.0.0.0:PORT; return 200 page; } }
	END
	cat >"$DIR/apache.conf" <<-END
		ServerRoot /usr/lib/apache2
		ServerName localhost
		LoadModule mpm_prefork_module modules/mod_mpm_prefork.so
		LoadModule authz_core_module modules/mod_authz_core.so
		Listen PORT
		PidFile $DIR/httpd.pid
		DefaultRuntimeDir $DIR
		Mutex fcntl:$DIR
		ErrorLog $DIR/error.log
	END
	printf '%s\n' 'defaults' ' mode http' ' timeout client 5s' 'frontend page' ' bind :PORT' ' http-request return status 200' \
		>"$DIR/haproxy.cfg"
	cat <<-END
		nginx -c $DIR/nginx.conf
		apache2 -X -f $DIR/apache.conf
		haproxy -db -f $DIR/haproxy.cfg
		node -e require("http").createServer((q,r)=>r.end("page")).listen(PORT)
		/usr/bin/python3 -I -m http.server PORT
		java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp $BATS_FILE_TMPDIR Servers serversocket PORT six
	END
}

setup_file() {
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	! command -v javac >/dev/null || javac -d "$BATS_FILE_TMPDIR" "$BATS_TEST_DIRNAME/programs/Servers.java"
}

@test "a kernel without IPv6: what starts bare starts under every policy, and serves IPv4" {
	require nginx apache2 haproxy node java
	cd "$DIR" || return
	while read -ra command; do
		for settings in bare POLICY=ipv6-only POLICY=both POLICY=default-ipv6-only POLICY=default-both \
			'ORDER=ipv6-first POLICY=both' 'ORDER=ipv6-first ON_DISORDER=deny:EACCES' 'POLICY=both MODE=log'; do
			port=$(free_port)
			for file in nginx.conf apache.conf haproxy.cfg; do
				sed "s/PORT/$port/" "$DIR/$file" >"$DIR/now.$file"
			done
			words=("${command[@]//PORT/$port}")
			words=("${words[@]/#$DIR\//$DIR/now.}")
			read -ra under <<<"shim LOG=$DIR/log.%n.jsonl $settings --"
			[ "$settings" != bare ] || under=()
			start server --tcp "$port" --within 20 "${under[@]}" "$PROGRAMS/old-kernel" ipv6 "${words[@]}" ||
				fail "${command[0]}, $settings" || return
			assert_eq 'inet 0.0.0.0' "$(kernel_listeners tcp "$port" | sort -u)" "${command[0]}, $settings"
			assert_match '^served' "$(reach 4 tcp "$port")"
			stop server
		done
	done < <(servers_without_ipv6)
	for name in node python3 java; do
		assert_match 'no IPv6|reorders nothing' "$(jq -r '.note // empty' "$DIR/log.$name.jsonl")"
	done
}

# flooded COMMAND...: a resolver on $port that asks [::1]:$up. A thousand queries of a client.
flooded() {
	local before after

	rm -f "$DIR/log.jsonl"
	start server --udp "$port" --within 20 shim POLICY=both LOG="$DIR/log.jsonl" LOG_LEVEL=bind -- "$@"
	assert_eq 192.0.2.7 "$(dig +short +time=5 -p "$port" @::1 first.v6shim A)"
	before=$(wc -l <"$DIR/log.jsonl")
	/usr/bin/python3 -I - "$port" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		s.settimeout(5)
		for i in range(1000):
		    name = b"q%d" % i
		    s.sendto(b"%c%c\1\0\0\1\0\0\0\0\0\0" % (i >> 8, i & 255) + bytes([len(name)]) + name + b"\6v6shim\0\0\1\0\1",
		             ("::1", int(sys.argv[1])))
		    assert b"\xc0\0\2\7" in s.recv(512)
	END
	after=$(wc -l <"$DIR/log.jsonl")
	echo "# $1, records of a thousand queries: $((after - before))" >&3
	[ $((after - before)) -le 40 ]
	# The control: those sockets were bound, and the last record says of how many.
	[ "$(jq 'select(.event == "bind" and .type == "dgram") | .count // 0' "$DIR/log.jsonl" | sort -n | tail -n 1)" -ge 512 ]
	stop server
}

@test "pdns-recursor and named: a thousand queries of a client leave at most 40 records of their own" {
	require pdns_recursor named dig
	up=$(free_port) port=$(free_port)
	cat >"$DIR/up.py" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		s.bind(("::1", int(sys.argv[1])))
		print("ready", flush=True)
		while True:
		    q, peer = s.recvfrom(4096)
		    n = 12
		    while q[n]:
		        n += 1 + q[n]
		    question = q[12:n + 5]
		    s.sendto(q[:2] + b"\x85\x80\0\1\0\1\0\0\0\0" + question + b"\xc0\x0c\0\1\0\1\0\0\0\x05\0\4\xc0\0\2\7", peer)
	END
	start up --says ready /usr/bin/python3 -I "$DIR/up.py" "$up"
	flooded pdns_recursor --config-dir="$DIR" --daemon=no --socket-dir="$DIR" --local-address=:: --local-port="$port" \
		--forward-zones-recurse=".=[::1]:$up" --dnssec=off --threads=1 --allow-from=::1/128,127.0.0.0/8 --write-pid=no
	cat >"$DIR/named.conf" <<-END
		options {
		    directory "$DIR"; pid-file none; session-keyfile none; dnssec-validation no; empty-zones-enable no;
		    listen-on { none; }; listen-on-v6 port $port { ::1; }; forwarders { ::1 port $up; }; forward only;
		};
		controls { };
	END
	flooded named -g -n 1 -c "$DIR/named.conf"
	# It asks for V6ONLY 1 each time.
	"$V6SHIM" report --json "$DIR/log.jsonl" | jq -e 'any(.processes[].troubles[]; .finding == "contrary" and .times >= 512)' >/dev/null
}

@test "clisp runs a script by its lisp.run: a rule finds it by either name" {
	require clisp
	printf '#!/usr/bin/clisp\n(print (socket:socket-server 0))\n' >"$DIR/page.lisp"
	chmod +x "$DIR/page.lisp"
	for program in page.lisp lisp.run other; do
		shim RULES="program=$program => policy=both" LOG="$DIR/$program.jsonl" LOG_LEVEL=bind -- "$DIR/page.lisp" >"$DIR/out"
		rule=1
		[ $program != other ] || rule=
		assert_eq "$rule" "$(jq -r 'select(.event == "listen") | .rule // ""' "$DIR/$program.jsonl" | sort -u)" $program
	done
}
