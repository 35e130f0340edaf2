#!/usr/bin/env bats
# CPython: http.server asks for V6ONLY 0, asyncio for 1, socketserver for nothing. The client side of http.server's own
# command is what it starts as CGI, that of the others is in programs/python-servers.py.

load driver

PYTHON=/usr/bin/python3

server_start() {
	up=$(free_port) || return
	if [ "$kind/$families" != http/six ]; then
		begin server "$@" "$PYTHON" "$SERVERS/programs/python-servers.py" "$kind" "$port" "$families" "$up"
		return
	fi
	mkdir -p "$DIR/root/cgi-bin"
	printf v6shim-page >"$DIR/root/index.html"
	cat >"$DIR/root/cgi-bin/up" <<-END
		#!$PYTHON
		import urllib.request
		with urllib.request.urlopen("http://127.0.0.1:$up/") as answer:
		    print("Content-Type: text/plain", answer.read().decode(), sep="\n\n")
	END
	chmod 755 "$DIR/root/cgi-bin/up"
	begin server "$@" "$PYTHON" -m http.server --cgi -b :: -d "$DIR/root" "$port"
}

client() {
	if [ "$kind" = http ]; then serves_page "$1"; else echoes "$1"; fi
}

client_side() {
	if [ "$kind" = http ]; then passes_on get ::1 /cgi-bin/up; else echoes_own; fi
}

@test "python -m http.server: every setting, as the table says" {
	table python-http "$PYTHON"
}

@test "asyncio: every setting, as the table says" {
	table python-asyncio "$PYTHON"
}

@test "socketserver: every setting, as the table says" {
	table python-socketserver "$PYTHON"
}
