#!/usr/bin/env bats
# dnsmasq opens 0.0.0.0 and :: for UDP and for TCP, with V6ONLY 1. It cannot be told to have :: alone. Its client side
# is the server that it forwards to, over the protocol of the question.

load rows

PROTOCOLS='tcp udp'

ready_for() {
	READY=(--udp "$port" --count 2 --within 20)
}

server_start() {
	up=$(free_port) || return
	begin server "$@" dnsmasq --keep-in-foreground --conf-file=/dev/null --port="$port" --no-resolv --no-hosts \
		--host-record=page.v6shim,192.0.2.6 --server="/up.v6shim/127.0.0.1#$up" --cache-size=0 \
		--user=root --pid-file="$DIR/dnsmasq.pid" --log-facility=-
}

client() {
	resolves "$1" page.v6shim 192.0.2.6
}

client_side() {
	# Another name: dnsmasq joins a question to a like one that it waits for.
	refute resolves ::1 early.up.v6shim 192.0.2.7 1 || return
	upstream dns || return
	resolves ::1 up.v6shim 192.0.2.7
}

@test "dnsmasq: every setting, as the table says" {
	table dnsmasq dnsmasq dig
}
