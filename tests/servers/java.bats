#!/usr/bin/env bats
# OpenJDK sets V6ONLY 0 on every socket, and is the one that a host-wide bindv6only=1 broke: its clients and
# its listeners on 127.0.0.1 use v4-mapped addresses.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

setup_file() {
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	! command -v javac >/dev/null ||
		javac -d "$BATS_FILE_TMPDIR" "$BATS_TEST_DIRNAME/programs/Servers.java"
}

server_start() {
	begin server "$@" java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -cp "$BATS_FILE_TMPDIR" \
		Servers "$kind" "$port" "$families"
}

client() {
	case $kind in
	datagram) [ "$(reach "$1" udp "$port" v6shim)" = 'served v6shim' ] ;;
	httpserver) serves_page "$1" ;;
	*) [ "$(reach "$1" tcp "$port" v6shim)" = 'served v6shim' ] ;;
	esac
}

client_side() {
	case $kind in
	datagram) assert_eq 'served v6shim' "$(reach 6 udp "$port" up)" ;;
	httpserver) assert_eq v6shim "$(get ::1 /up)" ;;
	*) assert_eq 'served v6shim' "$(reach 6 tcp "$port" up)" ;;
	esac
}

@test "ServerSocket: every setting, as the table says" {
	require javac java jq
	kind=serversocket
	table java-serversocket
}

@test "NIO: every setting, as the table says" {
	require javac java jq
	kind=nio
	table java-nio
}

@test "DatagramSocket: every setting, as the table says" {
	require javac java jq
	kind=datagram PROTOCOLS=udp
	table java-datagram
}

@test "com.sun.net.httpserver: every setting, as the table says" {
	require javac java curl jq
	kind=httpserver
	table java-httpserver
}
