#!/usr/bin/env bats
# Socket activation: systemd-socket-activate asks for nothing. What was bound before it was inherited cannot be
# changed any more (DESIGN.md 1.8), only told of.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

PYTHON=/usr/bin/python3.11

server_start() {
	local addresses=(-l "[::]:$port")

	[ "$families" != both ] || addresses=(-l "0.0.0.0:$port" "${addresses[@]}")
	begin server "$@" systemd-socket-activate "${addresses[@]}" "$PYTHON" "$SERVERS/programs/activated.py"
}

client() {
	[ "$(reach "$1" tcp "$port" v6shim)" = 'served v6shim' ]
}

@test "systemd-socket-activate: every setting, as the table says" {
	require systemd-socket-activate jq
	[ -x "$PYTHON" ] || skip "needs $PYTHON"
	table systemd-activate
}

@test "a socket that systemd passes in is left as it is, served, and told of" {
	require systemd-socket-activate jq
	[ -x "$PYTHON" ] || skip "needs $PYTHON"
	families=six port=$(free_port)
	READY=(--tcp "$port")
	start server "${READY[@]}" systemd-socket-activate -E LD_PRELOAD="$LIB" -E V6SHIM_POLICY=ipv6-only \
		-E V6SHIM_LOG="$DIR/log.jsonl" -E V6SHIM_LOG_LEVEL=bind -l "[::]:$port" \
		"$PYTHON" "$SERVERS/programs/activated.py"
	client 127.0.0.1
	client ::1
	assert_eq 'inet6 :: v6only=0' "$(kernel_listeners tcp "$port")"
	json_records "$DIR/log.jsonl"
	log_agrees
	[ "$(json_records "$DIR/log.jsonl" 'select(.event == "inherit")' | wc -l)" -ge 1 ]
}
