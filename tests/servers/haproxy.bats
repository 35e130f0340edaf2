#!/usr/bin/env bats
# haproxy asks for V6ONLY 0 by `v4v6`. It sets SO_REUSEPORT, which lets both families in, unless told not to.

load driver

# $extra goes into the global section, $options to the command.
server_start() {
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
	# shellcheck disable=SC2086 # into its words
	begin server "$@" haproxy ${options--db} -f "$DIR/haproxy.cfg"
}

@test "haproxy: every setting, as the table says" {
	table haproxy haproxy
}

# The new process gets the old one's listeners by SCM_RIGHTS over the stats socket (-x, expose-fd listeners).
@test "haproxy: a seamless reload hands the listener on, and no request fails" {
	require haproxy curl jq
	local extra="stats socket $DIR/stats expose-fd listeners level admin" options="-W -S $DIR/master" before

	governed ipv6-only
	serves_page ::1
	still_ipv6_only
	ask_on
	for _ in 1 2 3; do
		before=$(children)
		kill -USR2 "$(pid_of server)"
		wait_for 20 other_children "$before"
	done
	no_failures
	still_ipv6_only
}
