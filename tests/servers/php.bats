#!/usr/bin/env bats
# PHP's built-in server asks for nothing. One process has one socket, so that both families are two processes.

load driver

# /up: PHP's own client side, over IPv4.
server_start() {
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
	begin_pair "$@" php -t "$DIR/root" -S
}

@test "php -S: every setting, as the table says" {
	table php php
}
