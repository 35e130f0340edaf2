#!/usr/bin/env bats
# OpenJDK sets V6ONLY 0 on every socket, and is the one that a host-wide bindv6only=1 broke: its clients and
# its listeners on 127.0.0.1 use v4-mapped addresses.

load driver

setup_file() {
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	! command -v javac >/dev/null || javac -d "$BATS_FILE_TMPDIR" "$BATS_TEST_DIRNAME/programs/Servers.java"
}

server_start() {
	begin server "$@" java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -cp "$BATS_FILE_TMPDIR" \
		Servers "$kind" "$port" "$families"
}

client() {
	case $kind in
	httpserver) serves_page "$1" ;;
	*) echoes "$1" $PROTOCOLS ;;
	esac
}

client_side() {
	case $kind in
	httpserver) assert_eq v6shim "$(get ::1 /up)" ;;
	*) echoes_own $PROTOCOLS ;;
	esac
}

@test "ServerSocket: every setting, as the table says" {
	table java-serversocket javac java
}

@test "NIO: every setting, as the table says" {
	table java-nio javac java
}

@test "DatagramSocket: every setting, as the table says" {
	PROTOCOLS=udp
	table java-datagram javac java
}

@test "com.sun.net.httpserver: every setting, as the table says" {
	table java-httpserver javac java
}
