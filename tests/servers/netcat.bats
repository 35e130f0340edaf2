#!/usr/bin/env bats
# netcat-openbsd asks for nothing. One process has one socket, so that both families are two processes. Its client
# side is nc as a client, under the same settings.

load driver

server_start() {
	: >"$DIR/got"
	if [ "$families" = six ]; then
		begin server "$@" nc.openbsd -6 -k -l -v -N :: "$port"
	else
		begin_one first "$@" nc.openbsd -4 -k -l -v -N 0.0.0.0 "$port" || return
		begin_one second "$@" nc.openbsd -6 -k -l -v -N :: "$port"
	fi
}

# What a client sends is what the server prints. -N: the end of the input ends the connection.
client() {
	local word=v6shim-$RANDOM-$RANDOM

	nc.openbsd -N -w 5 "$1" "$port" <<<"$word" || return
	wait_for 5 grep -qsx "$word" "$(run_dir)"/{server,first,second}.out
}

client_side() {
	up=$(free_port) || return
	passes_on ask_upstream -4 || return
	[[ $(ask_upstream) == *v6shim-upstream ]]
}

# ask_upstream [-4]
ask_upstream() {
	set -- "${WITH[@]}" nc.openbsd "$@" -N -w 5 127.0.0.1 "$up"
	printf 'GET / HTTP/1.0\r\n\r\n' | "$@"
}

@test "netcat-openbsd: every setting, as the table says" {
	table netcat nc.openbsd
}
