#!/usr/bin/env bats
# CPython: http.server asks for V6ONLY 0, asyncio for 1, socketserver for nothing.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

# Debian's, whose test suite transparency.bats runs.
PYTHON=/usr/bin/python3.11

server_start() {
	if [ "$kind/$families" = http/six ]; then
		mkdir -p "$DIR/root"
		printf v6shim-page >"$DIR/root/index.html"
		begin server "$@" "$PYTHON" -m http.server -b :: -d "$DIR/root" "$port"
	else
		begin server "$@" "$PYTHON" "$SERVERS/programs/python-servers.py" "$kind" "$port" "$families"
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
	[ "$kind" = http ] || [ "$(reach 6 tcp "$port" up)" = 'served v6shim' ]
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
