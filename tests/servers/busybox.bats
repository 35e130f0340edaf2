#!/usr/bin/env bats
# busybox httpd asks for nothing. One process has one socket, so that both families are two processes.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

server_start() {
	mkdir -p "$DIR/root"
	printf v6shim-page >"$DIR/root/index.html"
	if [ "$families" = six ]; then
		begin server "$@" busybox httpd -f -p "[::]:$port" -h "$DIR/root"
	else
		begin_one tcp first "$@" busybox httpd -f -p "0.0.0.0:$port" -h "$DIR/root" || return
		begin_one tcp second "$@" busybox httpd -f -p "[::]:$port" -h "$DIR/root"
	fi
}

client() {
	serves_page "$1" /index.html
}

@test "busybox httpd: every setting, as the table says" {
	require busybox curl jq
	table busybox
}
