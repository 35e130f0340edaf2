#!/usr/bin/env bats
# nginx: every setting; reloads and binary upgrades, which hand its listeners on.

load nginx

@test "nginx: every setting, as the table says" {
	table nginx nginx
}

@test "nginx: reloads keep the listener as it is, and no request fails" {
	require nginx curl jq
	governed ipv6-only
	reloads HUP
	log_agrees
}

@test "nginx: a reload that adds a listen line has it governed" {
	require nginx curl jq
	governed ipv6-only
	port=$(free_port)
	configure
	kill -HUP "$(pid_of server)"
	wait_for 20 serves_page ::1
	still_ipv6_only
}

# upgrade: SIGUSR2 has the master execute itself anew with its listeners, SIGQUIT ends the old one. nginx
# refuses that as long as its parent is the one it was started by, and so must be a daemon.
upgrade() {
	local daemon=on old

	governed ipv6-only
	wait_for 10 test -s "$DIR/nginx.pid"
	still_ipv6_only
	old=$(<"$DIR/nginx.pid")
	ask_on
	kill -USR2 "$old"
	wait_for 20 has_new_master "$old"
	new=$(<"$DIR/nginx.pid")
	wait_for 20 has_children "$new"
	kill -QUIT "$old"
	wait_for 20 refute kill -0 "$old" 2>/dev/null
	no_failures
	still_ipv6_only
}

# The old one's file is renamed before the new one's is there.
has_new_master() {
	local now

	[ -s "$DIR/nginx.pid.oldbin" ] && now=$(cat "$DIR/nginx.pid" 2>/dev/null) && [ -n "$now" ] && [ "$now" != "$1" ]
}

# nginx gives the new binary the variables of its `env` lines only.
@test "nginx: a binary upgrade keeps the inherited listener, and with env lines the shim" {
	require nginx curl jq
	extra='env LD_PRELOAD; env V6SHIM_POLICY; env V6SHIM_LOG; env V6SHIM_LOG_LEVEL;'
	upgrade
	grep -q libv6shim.so "/proc/$new/maps"
	# It only accepts on what it inherited, which none of the five calls tells; what it binds itself is governed.
	port=$(free_port)
	configure
	kill -HUP "$new"
	wait_for 20 serves_page ::1
	still_ipv6_only
	jq -se --argjson pid "$new" 'any(.[]; .pid == $pid and .event == "bind" and .action == "override")
		and all(.[]; .finding != "unenforced")' "$DIR/log.jsonl"
}

@test "nginx: a binary upgrade without env lines loses the shim, but not what the listener was made" {
	require nginx curl jq
	upgrade
	refute grep -q libv6shim.so "/proc/$new/maps"
}
