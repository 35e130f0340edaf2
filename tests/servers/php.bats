#!/usr/bin/env bats
# PHP's built-in server asks for nothing. One process has one socket, so that both families are two processes.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

# /up: PHP's own client side, over IPv4.
configure() {
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
}

server_start() {
	configure
	if [ "$families" = six ]; then
		begin server "$@" php -S "[::]:$port" -t "$DIR/root"
	else
		begin_one tcp first "$@" php -S "0.0.0.0:$port" -t "$DIR/root" || return
		begin_one tcp second "$@" php -S "[::]:$port" -t "$DIR/root"
	fi
}

client() {
	serves_page "$1"
}

client_side() {
	serves_page ::1 /up
}

@test "php -S: every setting, as the table says" {
	require php curl jq
	table php
}
