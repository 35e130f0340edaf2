#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2317 # for the shell of its CGI; each test is a subshell; the driver calls them
# Small servers, which `make test` runs as well.

load rows

# It sets V6ONLY 1 by itself.
conf_memcached() {
	SERVER=(memcached -u nobody -l "$(listed %s "$@" | tr -d '[]' | paste -sd ,)" -p "$port" -U 0 -t 2)
}

# Debian's has no proxy, so that its client side is what it starts as CGI: busybox wget.
conf_busybox() {
	mkdir -p "$DIR/root/cgi-bin"
	printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\nexec %s wget -q -O - -Y off http://127.0.0.1:%s/\n' \
		"$BUSYBOX" "$up" >"$DIR/root/cgi-bin/up"
	chmod 755 "$DIR/root/cgi-bin/up"
	SERVER=("$BUSYBOX" httpd -f -h "$DIR/root" -p "$(listed "%s:$port" "$1")")
}

# It asks for V6ONLY 0 by `v4v6`, unless $v6only has another word. It sets SO_REUSEPORT, which lets both families in, unless
# told not to. $extra goes into the global section, $options to the command.
conf_haproxy() {
	printf '%s\n' global "${extra-noreuseport}" defaults 'mode http' 'timeout connect 5s' 'timeout client 10s' 'timeout server 10s' \
		'timeout queue 5s' 'frontend page'
	printf "bind %s:$port ${v6only-v4v6}\n" "$@"
	printf '%s\n' 'http-request return status 200 content-type text/plain string v6shim-page unless { path /up }' \
		'default_backend up' 'backend up' "server one 127.0.0.1:$up" 'frontend one' "bind 127.0.0.1:$up" \
		'http-request return status 200 content-type text/plain string v6shim-page'
	# shellcheck disable=SC2206 # into its words
	SERVER=(haproxy ${options--db} -f "$DIR/conf")
}

@test "memcached: every setting, as the table says" { SEND='version\r\n' EXPECT=VERSION table memcached memcached; }

# The first that a preload can reach: distributions have one that is statically linked, too.
@test "busybox httpd: every setting, as the table says" {
	for BUSYBOX in $(type -ap busybox) none; do
		! ldd "$BUSYBOX" >/dev/null 2>&1 || break
	done
	[ "$BUSYBOX" != none ] || skip "needs a busybox that is dynamically linked, not: $(type -ap busybox | paste -sd' ')"
	client_side() {
		passes_on get ::1 /cgi-bin/up
	}
	PAIR=1 table busybox
}

@test "haproxy: every setting, as the table says" { EXPECT='HTTP/1.1 200' table haproxy haproxy; }

# The new process gets the old one's listeners by SCM_RIGHTS over the stats socket (-x, expose-fd listeners).
@test "haproxy: a seamless reload hands the listener on, and no request fails" {
	require haproxy curl jq
	local name=haproxy extra="stats socket $DIR/stats expose-fd listeners level admin" options="-W -S $DIR/master" before

	v6only=v6only governed ipv6-only
	serves_page ::1
	reloads USR2
	stop server

	# One whose V6ONLY is not as its bind line says it leaves, and binds another beside it (FACTS.md 6).
	governed ipv6-only
	before=$(listening)
	kill -USR2 "$(pid_of server)"
	wait_for 20 eval '[[ $(listening) != *"$before"* ]] && serves_page ::1'
	still_ipv6_only
}
