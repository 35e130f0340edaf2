#!/usr/bin/env bats
# node: http asks for V6ONLY 0 (libuv), UDP asks for nothing.

load driver

server_start() {
	begin server "$@" node "$SERVERS/programs/node-servers.js" "$kind" "$port" "$families"
}

client() {
	if [ "$kind" = udp ]; then echoes "$1" udp; else serves_page "$1"; fi
}

client_side() {
	if [ "$kind" = udp ]; then echoes_own udp; else serves_page ::1 /up; fi
}

@test "node http: every setting, as the table says" {
	table node-http node
}

@test "node UDP: every setting, as the table says" {
	PROTOCOLS=udp
	table node-udp node
}
