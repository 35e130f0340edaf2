#!/usr/bin/env bats
# node: http asks for V6ONLY 0 (libuv), UDP asks for nothing.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

server_start() {
	begin server "$@" node "$SERVERS/programs/node-servers.js" "$kind" "$port" "$families"
}

client() {
	if [ "$kind" = udp ]; then
		[ "$(reach "$1" udp "$port" v6shim)" = 'served v6shim' ]
	else
		serves_page "$1"
	fi
}

client_side() {
	if [ "$kind" = udp ]; then
		[ "$(reach 6 udp "$port" up)" = 'served v6shim' ]
	else
		serves_page ::1 /up
	fi
}

@test "node http: every setting, as the table says" {
	require node curl jq
	kind=http
	table node-http
}

@test "node UDP: every setting, as the table says" {
	require node jq
	kind=udp PROTOCOLS=udp
	table node-udp
}
