#!/usr/bin/env bats
# Apache httpd: prefork, so that the children inherit the listener. It asks for V6ONLY 0, and binds :: before
# 0.0.0.0, which it skips where getsockopt says that :: takes IPv4 as well. Its client side is mod_proxy_http.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

configure() {
	local both=''

	up=$(free_port) || return
	[ "$families" != both ] || both="Listen 0.0.0.0:$port"
	mkdir -p "$DIR/root"
	echo v6shim-page >"$DIR/root/index.html"
	chmod 755 "$DIR/root"
	cat >"$DIR/httpd.conf" <<-END
		ServerRoot /usr/lib/apache2
		ServerName localhost
		LoadModule mpm_prefork_module modules/mod_mpm_prefork.so
		LoadModule authz_core_module modules/mod_authz_core.so
		LoadModule dir_module modules/mod_dir.so
		LoadModule proxy_module modules/mod_proxy.so
		LoadModule proxy_http_module modules/mod_proxy_http.so
		$both
		Listen [::]:$port
		PidFile $DIR/httpd.pid
		DefaultRuntimeDir $DIR
		Mutex fcntl:$DIR
		ErrorLog $DIR/error.log
		DocumentRoot $DIR/root
		DirectoryIndex index.html
		ProxyPass /up http://127.0.0.1:$up/ retry=0
		User nobody
		Group nogroup
		StartServers 3
		MinSpareServers 2
	END
}

server_start() {
	configure || return
	begin server "$@" apache2 -D FOREGROUND -d /usr/lib/apache2 -f "$DIR/httpd.conf"
}

client() {
	serves_page "$1"
}

client_side() {
	passes_on get ::1 /up
}

@test "apache: every setting, as the table says" {
	require apache2 curl python3 jq
	table apache
}

@test "apache: prefork children serve through the listener, before and after a graceful restart" {
	require apache2 curl jq
	local children listeners

	families=six port=$(free_port)
	READY=(--tcp "$port")
	server_start shim POLICY=ipv6-only LOG="$DIR/log.jsonl" LOG_LEVEL=bind --
	serves_page ::1
	wait_for 10 has_children
	children=$(pgrep -P "$(pid_of server)" | sort)
	listeners=$(kernel_listeners tcp "$port")
	assert_eq 'inet6 :: v6only=1' "$listeners"
	kill -USR1 "$(pid_of server)"
	wait_for 20 other_children "$children"
	serves_page ::1
	assert_eq refused "$(reach 4 tcp "$port")"
	assert_eq "$listeners" "$(kernel_listeners tcp "$port")"
	log_agrees
}

has_children() {
	[ "$(pgrep -c -P "$(pid_of server)")" -ge 2 ]
}

other_children() {
	local now

	now=$(pgrep -P "$(pid_of server)" | sort) && [ -z "$(comm -12 <(echo "$now") <(echo "$1"))" ]
}
