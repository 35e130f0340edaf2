#!/usr/bin/env bats
# Socket activation: systemd-socket-activate asks for nothing. What was bound before it was inherited cannot be
# changed any more (DESIGN.md 1.8), only told of.

load driver

# shellcheck disable=SC2120 # by the driver
server_start() {
	local addresses=(-l "[::]:$port")

	[ "$families" != both ] || addresses=(-l "0.0.0.0:$port" "${addresses[@]}")
	begin server "$@" systemd-socket-activate "${environment[@]}" "${addresses[@]}" /usr/bin/python3 \
		"$SERVERS/programs/activated.py"
}

client() {
	echoes "$1"
}

@test "systemd-socket-activate: every setting, as the table says" {
	table systemd-activate systemd-socket-activate /usr/bin/python3
}

@test "a socket that systemd passes in is left as it is, served, and told of" {
	require systemd-socket-activate jq /usr/bin/python3
	families=six port=$(free_port)
	READY=(--tcp "$port")
	environment=(-E LD_PRELOAD="$LIB" -E V6SHIM_POLICY=ipv6-only -E V6SHIM_LOG="$DIR/log.jsonl" -E V6SHIM_LOG_LEVEL=bind)
	# shellcheck disable=SC2119
	server_start
	client 127.0.0.1
	client ::1
	assert_eq 'inet6 :: v6only=0' "$(kernel_listeners tcp "$port")"
	log_agrees
	[ "$(json_records "$DIR/log.jsonl" 'select(.event == "inherit")' | wc -l)" -ge 1 ]
}
