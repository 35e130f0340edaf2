#!/usr/bin/env bats
# nginx sets V6ONLY for each listen line.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

setup_file() {
	export PATH=$PATH:/usr/sbin
}

# configure: $DIR/nginx.conf. The page behind /up comes from nginx's own client side, over IPv4.
configure() {
	local both=''

	up=$(free_port) || return
	[ "$families" != both ] || both="listen 0.0.0.0:$port;"
	mkdir -p "$DIR/tmp"
	cat >"$DIR/nginx.conf" <<-END
		daemon ${daemon-off};
		${extra-}
		worker_processes 2;
		pid $DIR/nginx.pid;
		error_log $DIR/error.log;
		events {}
		http {
			access_log off;
			client_body_temp_path $DIR/tmp/body;
			proxy_temp_path $DIR/tmp/proxy;
			fastcgi_temp_path $DIR/tmp/fastcgi;
			uwsgi_temp_path $DIR/tmp/uwsgi;
			scgi_temp_path $DIR/tmp/scgi;
			server {
				$both
				listen [::]:$port ipv6only=off;
				location = /up { proxy_pass http://127.0.0.1:$up/; }
				location / { return 200 v6shim-page; }
			}
			server {
				listen 127.0.0.1:$up;
				location / { return 200 v6shim-page; }
			}
		}
	END
}

server_start() {
	configure || return
	# An upgrade executes argv[0] as it stands, without a look at PATH.
	begin server "$@" "$(command -v nginx)" -e "$DIR/error.log" -p "$DIR" -c "$DIR/nginx.conf"
}

client() {
	serves_page "$1"
}

client_side() {
	serves_page ::1 /up
}

@test "nginx: every setting, as the table says" {
	require nginx curl jq
	table nginx
}

# answered N: so many answers have come.
answered() {
	[ "$(grep -c '^v6shim-page$' "$DIR/asked")" -ge "$1" ]
}

no_failures() {
	# One that was asked after all is done.
	wait_for 20 answered "$(($(grep -c '^v6shim-page$' "$DIR/asked") + 2))"
	touch "$DIR/enough"
	wait "$1"
	assert_eq 0 "$(grep -cv '^v6shim-page$' "$DIR/asked")" 'requests that failed'
}

@test "nginx: reloads keep the listener as it is, and no request fails" {
	require nginx curl jq
	local asks before workers

	families=six port=$(free_port)
	READY=(--tcp "$port")
	server_start shim POLICY=ipv6-only LOG="$DIR/log.jsonl" LOG_LEVEL=bind --
	before=$(kernel_listeners tcp "$port")
	assert_eq 'inet6 :: v6only=1' "$before"
	ask_on >"$DIR/asked" 2>&1 &
	asks=$!
	for _ in 1 2 3; do
		workers=$(pgrep -P "$(pid_of server)" | sort)
		kill -HUP "$(pid_of server)"
		wait_for 20 none_of "$workers"
	done
	no_failures "$asks"
	assert_eq "$before" "$(kernel_listeners tcp "$port")"
	assert_eq refused "$(reach 4 tcp "$port")"
	log_agrees
}

none_of() {
	local now

	now=$(pgrep -P "$(pid_of server)" | sort) && [ -z "$(comm -12 <(echo "$now") <(echo "$1"))" ]
}

@test "nginx: a reload that adds a listen line has it governed" {
	require nginx curl jq
	families=six port=$(free_port)
	READY=(--tcp "$port")
	server_start shim POLICY=ipv6-only LOG="$DIR/log.jsonl" LOG_LEVEL=bind --
	port=$(free_port)
	configure
	kill -HUP "$(pid_of server)"
	wait_for 20 serves_page ::1
	assert_eq 'inet6 :: v6only=1' "$(kernel_listeners tcp "$port")"
	assert_eq refused "$(reach 4 tcp "$port")"
}

# upgrade: SIGUSR2 has the master execute itself anew with its listeners, SIGQUIT ends the old one. nginx
# refuses that as long as its parent is the one it was started by, and so must be a daemon.
upgrade() {
	local old asks

	old=$(<"$DIR/nginx.pid")
	ask_on >"$DIR/asked" 2>&1 &
	asks=$!
	wait_for 20 answered 1
	kill -USR2 "$old"
	wait_for 20 has_new_master "$old"
	new=$(<"$DIR/nginx.pid")
	wait_for 20 has_workers "$new"
	kill -QUIT "$old"
	wait_for 20 is_gone "$old"
	no_failures "$asks"
}

# The old one's file is renamed before the new one's is there.
has_new_master() {
	local now

	[ -s "$DIR/nginx.pid.oldbin" ] && now=$(cat "$DIR/nginx.pid" 2>/dev/null) && [ -n "$now" ] && [ "$now" != "$1" ]
}

has_workers() {
	[ "$(pgrep -c -P "$1")" -ge 2 ]
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

# nginx gives the new binary the variables of its `env` lines only.
@test "nginx: a binary upgrade keeps the inherited listener, and with env lines the shim" {
	require nginx curl jq
	local daemon=on new extra='env LD_PRELOAD; env V6SHIM_POLICY; env V6SHIM_LOG; env V6SHIM_LOG_LEVEL;'

	families=six port=$(free_port)
	READY=(--tcp "$port")
	server_start shim POLICY=ipv6-only LOG="$DIR/log.jsonl" LOG_LEVEL=bind --
	wait_for 10 test -s "$DIR/nginx.pid"
	assert_eq 'inet6 :: v6only=1' "$(kernel_listeners tcp "$port")"
	upgrade
	assert_eq 'inet6 :: v6only=1' "$(kernel_listeners tcp "$port")"
	assert_eq refused "$(reach 4 tcp "$port")"
	grep -q libv6shim.so "/proc/$new/maps"
	jq -se --argjson pid "$new" 'any(.[]; .pid == $pid and .event == "inherit")' "$DIR/log.jsonl"
}

@test "nginx: a binary upgrade without env lines loses the shim, but not what the listener was made" {
	require nginx curl jq
	local daemon=on new

	families=six port=$(free_port)
	READY=(--tcp "$port")
	server_start shim POLICY=ipv6-only LOG="$DIR/log.jsonl" LOG_LEVEL=bind --
	wait_for 10 test -s "$DIR/nginx.pid"
	upgrade
	refute grep -q libv6shim.so "/proc/$new/maps"
	assert_eq 'inet6 :: v6only=1' "$(kernel_listeners tcp "$port")"
	assert_eq refused "$(reach 4 tcp "$port")"
}
