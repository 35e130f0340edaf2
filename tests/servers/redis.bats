#!/usr/bin/env bats
# redis sets V6ONLY 1 by itself. Its client side is a replica's connection to its master.

load driver

server_start() {
	local addresses=::

	[ "$families" != both ] || addresses='0.0.0.0 ::'
	# Each word is one address.
	# shellcheck disable=SC2086
	begin server "$@" redis-server --port "$port" --bind $addresses --protected-mode no --save '' \
		--appendonly no --dir "$DIR" --daemonize no
}

client() {
	[ "$(redis-cli -h "$1" -p "$port" ping)" = PONG ]
}

client_side() {
	local master

	master=$(free_port) || return
	start master --tcp "$master" redis-server --port "$master" --bind 127.0.0.1 --save '' --appendonly no \
		--repl-diskless-sync-delay 0 --dir "$DIR" --daemonize no || return
	redis-cli -h 127.0.0.1 -p "$master" set word v6shim || return
	redis-cli -h ::1 -p "$port" replicaof 127.0.0.1 "$master" || return
	wait_for 20 replicated || fail 'the replica did not get its data'
}

replicated() {
	[ "$(redis-cli -h ::1 -p "$port" get word)" = v6shim ]
}

@test "redis: every setting, as the table says" {
	table redis redis-server redis-cli
}
