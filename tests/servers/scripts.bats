#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2028,SC2207,SC2317 # for the interpreters; words without blanks; the driver calls them
# What is written in an interpreter's own words.

load rows

conf_perl-httpd() {
	SERVER=(perl -MHTTP::Daemon -e '$SIG{PIPE} = "IGNORE"; my $d = HTTP::Daemon->new(LocalAddr => $ARGV[0], LocalPort => $ARGV[1], ReuseAddr => 1) or die $@;
		while (my $c = $d->accept) { $c->get_request; $c->send_response(200, "OK", undef, "v6shim-page"); $c->close }' "$1" "$port")
}

conf_ruby-webrick() {
	SERVER=(ruby -rwebrick -rnet/http -e 'port, up, first, *more = ARGV
		s = WEBrick::HTTPServer.new(BindAddress: first, Port: port)
		more.each { |address| s.listen(address, port) }
		s.mount_proc("/") { |q, r| r.body = "v6shim-page" }
		s.mount_proc("/up") { |q, r| r.body = Net::HTTP.get(URI("http://127.0.0.1:#{up}/")) }
		s.start' "$port" "$up" "$@")
}

conf_ruby-tcpserver() {
	SERVER=(ruby -rsocket -e 'port, *all = ARGV
		servers = all.map { |address| TCPServer.new(address, port) }
		loop { IO.select(servers)[0].each { |s| c = s.accept; c.write("HTTP/1.0 200 OK\r\n\r\nv6shim-page"); c.close } }' "$port" "$@")
}

conf_tcl() {
	echo 'proc page {c args} { fconfigure $c -translation binary; gets $c; puts -nonewline $c "HTTP/1.0 200 OK\r\n\r\nv6shim-page"; close $c }'
	printf "socket -server page -myaddr %s $port\n" "$@"
	echo 'vwait forever'
	SERVER=(tclsh8.6 "$DIR/conf")
}

conf_gunicorn() {
	printf 'def app(e, start):\n    start("200 OK", [])\n    return [b"v6shim-page"]\n' >"$DIR/page.py"
	SERVER=(gunicorn $(listed "-b %s:$port" "$@") -w 2 -u nobody --pythonpath "$DIR" page:app)
}

# Its built-in server; /up is its own client side, over IPv4.
conf_php() {
	mkdir -p "$DIR/root"
	cat >"$DIR/root/index.php" <<-'END'
		<?php
		if ($_SERVER['REQUEST_URI'] !== '/up')
			exit('v6shim-page');
		$server = stream_socket_server('tcp://127.0.0.1:0');
		$client = stream_socket_client('tcp://' . stream_socket_get_name($server, false));
		fwrite(stream_socket_accept($server), "v6shim-page\n");
		echo trim(fgets($client));
	END
	SERVER=(php -t "$DIR/root" -S "$(listed "%s:$port" "$1")")
}

# The listening process must not end, for its sockets end with it.
conf_erlang() {
	[ -e "$BATS_TEST_TMPDIR/server.beam" ] || erlc -o "$BATS_TEST_TMPDIR" "$SERVERS/programs/server.erl"
	SERVER=(env HOME="$DIR" ERL_CRASH_DUMP_SECONDS=0 erl -noshell -noinput -pa "$BATS_TEST_TMPDIR"
		-eval "server:main(['$port', $families]), receive stop -> ok end")
}

# http asks for V6ONLY 0 (libuv), UDP asks for nothing.
conf_node-http() {
	SERVER=(node "$SERVERS/programs/node-servers.js" "$kind" "$port" "$families")
}

conf_node-udp() {
	conf_node-http
}

@test "perl's HTTP::Daemon: every setting, as the table says" { PAIR=1 table perl-httpd perl; }

@test "ruby's webrick: every setting, as the table says" {
	client_side() {
		passes_on get ::1 /up
	}
	table ruby-webrick ruby
}

@test "ruby's TCPServer: every setting, as the table says" { table ruby-tcpserver ruby; }
@test "tcl: every setting, as the table says" { table tcl tclsh8.6; }
@test "gunicorn: every setting, as the table says" { table gunicorn gunicorn; }

@test "php -S: every setting, as the table says" { PAIR=1 table php php; }

@test "erlang: every setting, as the table says" {
	SEND='v6shim\n' EXPECT=v6shim
	client_side() {
		echoes_own
	}
	table erlang erl erlc
}

@test "node http: every setting, as the table says" { table node-http node; }

@test "node UDP: every setting, as the table says" {
	PROTOCOLS=udp SEND=v6shim EXPECT=v6shim
	client_side() {
		echoes_own udp
	}
	table node-udp node
}
