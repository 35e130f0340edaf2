#!/usr/bin/env bats
# dnsmasq opens 0.0.0.0 and :: for UDP and for TCP, with V6ONLY 1. It cannot be told to have :: alone.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

PROTOCOLS='tcp udp'

ready_for() {
	READY=(--udp "$port" --count 2 --within 20)
}

server_start() {
	begin server "$@" dnsmasq --keep-in-foreground --conf-file=/dev/null --port="$port" --no-resolv --no-hosts \
		--host-record=page.v6shim,192.0.2.6 --user=root --pid-file="$DIR/dnsmasq.pid" --log-facility=-
}

client() {
	local how

	for how in +notcp +tcp; do
		[ "$(dig "$how" +short +time=5 +tries=1 -p "$port" "@$1" page.v6shim A)" = 192.0.2.6 ] || return
	done
}

@test "dnsmasq: every setting, as the table says" {
	require dnsmasq dig jq
	table dnsmasq
}
