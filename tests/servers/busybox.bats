#!/usr/bin/env bats
# busybox httpd asks for nothing. One process has one socket, so that both families are two processes. Debian's has
# no proxy, so that its client side is what it starts as CGI: busybox wget.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

server_start() {
	up=$(free_port) || return
	mkdir -p "$DIR/root/cgi-bin"
	printf v6shim-page >"$DIR/root/index.html"
	cat >"$DIR/root/cgi-bin/up" <<-END
		#!/bin/sh
		printf 'Content-Type: text/plain\r\n\r\n'
		exec busybox wget -q -O - -Y off http://127.0.0.1:$up/
	END
	chmod 755 "$DIR/root/cgi-bin/up"
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

client_side() {
	passes_on get ::1 /cgi-bin/up
}

@test "busybox httpd: every setting, as the table says" {
	require busybox curl python3 jq
	table busybox
}
