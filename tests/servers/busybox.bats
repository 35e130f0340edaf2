#!/usr/bin/env bats
# busybox httpd asks for nothing. One process has one socket, so that both families are two processes. Debian's has
# no proxy, so that its client side is what it starts as CGI: busybox wget.

load driver

# The first that a preload can reach: distributions have one that is statically linked, too.
dynamic_busybox() {
	local file

	for file in $(type -ap busybox); do
		! ldd "$file" >/dev/null 2>&1 || { echo "$file" && return; }
	done
	return 1
}

server_start() {
	up=$(free_port) || return
	mkdir -p "$DIR/root/cgi-bin"
	printf v6shim-page >"$DIR/root/index.html"
	cat >"$DIR/root/cgi-bin/up" <<-END
		#!/bin/sh
		printf 'Content-Type: text/plain\r\n\r\n'
		exec $BUSYBOX wget -q -O - -Y off http://127.0.0.1:$up/
	END
	chmod 755 "$DIR/root/cgi-bin/up"
	begin_pair "$@" "$BUSYBOX" httpd -f -h "$DIR/root" -p
}

client_side() {
	passes_on get ::1 /cgi-bin/up
}

@test "busybox httpd: every setting, as the table says" {
	BUSYBOX=$(dynamic_busybox) || skip "needs a busybox that is dynamically linked, not: $(type -ap busybox | paste -sd' ')"
	table busybox busybox
}
