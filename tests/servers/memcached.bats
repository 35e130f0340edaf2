#!/usr/bin/env bats
# memcached sets V6ONLY 1 by itself.

load driver

server_start() {
	local addresses=::

	[ "$families" != both ] || addresses=0.0.0.0,::
	begin server "$@" memcached -u nobody -l "$addresses" -p "$port" -U 0 -t 2
}

client() {
	[[ $(reach "$1" tcp "$port" version) == 'served VERSION '* ]]
}

@test "memcached: every setting, as the table says" {
	table memcached memcached
}
