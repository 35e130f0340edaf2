#!/usr/bin/env bats
# Apache httpd: prefork, so that the children inherit the listener. It asks for V6ONLY 0, and binds :: before
# 0.0.0.0, which it skips where getsockopt says that :: takes IPv4 as well. Its client side is mod_proxy_http.

load driver

server_start() {
	local both=''

	up=$(free_port) || return
	[ "$families" != both ] || both="Listen 0.0.0.0:$port"
	mkdir -p "$DIR/root"
	echo v6shim-page >"$DIR/root/index.html"
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
	begin server "$@" apache2 -D FOREGROUND -d /usr/lib/apache2 -f "$DIR/httpd.conf"
}

client_side() {
	passes_on get ::1 /up
}

@test "apache: every setting, as the table says" {
	table apache apache2
}

@test "apache: prefork children serve through the listener, before and after a graceful restart" {
	require apache2 curl jq
	governed ipv6-only
	serves_page ::1
	wait_for 10 has_children
	before=$(children)
	still_ipv6_only
	kill -USR1 "$(pid_of server)"
	wait_for 20 other_children "$before"
	serves_page ::1
	still_ipv6_only
	log_agrees
}
