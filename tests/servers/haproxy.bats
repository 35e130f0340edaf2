#!/usr/bin/env bats
# haproxy asks for V6ONLY 0 by `v4v6`. It sets SO_REUSEPORT, which lets both families in, unless told not to.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

# $extra goes into the global section.
configure() {
	local both='' backend

	backend=$(free_port) || return
	[ "$families" != both ] || both="bind 0.0.0.0:$port"
	cat >"$DIR/haproxy.cfg" <<-END
		global
		    ${extra-noreuseport}
		defaults
		    mode http
		    timeout connect 5s
		    timeout client 10s
		    timeout server 10s
		    timeout queue 5s
		frontend page
		    $both
		    bind :::$port v4v6
		    http-request return status 200 content-type text/plain string v6shim-page unless { path /up }
		    default_backend up
		backend up
		    server one 127.0.0.1:$backend
		frontend one
		    bind 127.0.0.1:$backend
		    http-request return status 200 content-type text/plain string v6shim-page
	END
}

server_start() {
	configure || return
	begin server "$@" haproxy -db -f "$DIR/haproxy.cfg"
}

client() {
	serves_page "$1"
}

client_side() {
	serves_page ::1 /up
}

@test "haproxy: every setting, as the table says" {
	require haproxy curl jq
	table haproxy
}

# The new process gets the old one's listeners by SCM_RIGHTS over the stats socket (-x, expose-fd listeners).
@test "haproxy: a seamless reload hands the listener on, and no request fails" {
	require haproxy curl jq
	local extra="stats socket $BATS_TEST_TMPDIR/stats expose-fd listeners level admin" before asks

	families=six port=$(free_port)
	READY=(--tcp "$port")
	configure
	begin server shim POLICY=ipv6-only LOG="$DIR/log.jsonl" LOG_LEVEL=bind -- \
		haproxy -W -S "$DIR/master" -f "$DIR/haproxy.cfg"
	serves_page ::1
	before=$(kernel_listeners tcp "$port")
	assert_eq 'inet6 :: v6only=1' "$before"
	ask_on >"$DIR/asked" 2>&1 &
	asks=$!
	for _ in 1 2 3; do
		kill -USR2 "$(pid_of server)"
		sleep 1
	done
	touch "$DIR/enough"
	wait "$asks"
	assert_eq 0 "$(grep -cv '^v6shim-page$' "$DIR/asked")" 'requests that failed'
	assert_eq "$before" "$(kernel_listeners tcp "$port" | sort -u)"
	assert_eq refused "$(reach 4 tcp "$port")"
}
