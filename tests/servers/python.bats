#!/usr/bin/env bats
# CPython: http.server asks for V6ONLY 0, asyncio for 1, socketserver for nothing. The client side of http.server's own
# command is what it starts as CGI, that of the others is in programs/python-servers.py.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

# Debian's, whose test suite transparency.bats runs.
PYTHON=/usr/bin/python3.11

configure() {
	mkdir -p "$DIR/root/cgi-bin"
	printf v6shim-page >"$DIR/root/index.html"
	cat >"$DIR/root/cgi-bin/up" <<-END
		#!$PYTHON
		import urllib.request
		with urllib.request.urlopen("http://127.0.0.1:$up/") as answer:
		    print("Content-Type: text/plain", answer.read().decode(), sep="\n\n")
	END
	chmod 755 "$DIR/root/cgi-bin/up"
}

server_start() {
	up=$(free_port) || return
	if [ "$kind/$families" = http/six ]; then
		configure
		begin server "$@" "$PYTHON" -m http.server --cgi -b :: -d "$DIR/root" "$port"
	else
		begin server "$@" "$PYTHON" "$SERVERS/programs/python-servers.py" "$kind" "$port" "$families" "$up"
	fi
}

client() {
	if [ "$kind" = http ]; then
		serves_page "$1"
	else
		[ "$(reach "$1" tcp "$port" v6shim)" = 'served v6shim' ]
	fi
}

client_side() {
	if [ "$kind" = http ]; then
		passes_on get ::1 /cgi-bin/up
	else
		[ "$(reach 6 tcp "$port" up)" = 'served v6shim' ]
	fi
}

@test "python -m http.server: every setting, as the table says" {
	[ -x "$PYTHON" ] || skip "needs $PYTHON"
	require curl jq
	kind=http
	table python-http
}

@test "asyncio: every setting, as the table says" {
	[ -x "$PYTHON" ] || skip "needs $PYTHON"
	require jq
	kind=asyncio
	table python-asyncio
}

@test "socketserver: every setting, as the table says" {
	[ -x "$PYTHON" ] || skip "needs $PYTHON"
	require jq
	kind=socketserver
	table python-socketserver
}
