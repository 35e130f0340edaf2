#!/usr/bin/env bats
# Erlang asks for nothing. The listening process must not end, for its sockets end with it.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

setup_file() {
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	! command -v erlc >/dev/null || erlc -o "$BATS_FILE_TMPDIR" "$BATS_TEST_DIRNAME/programs/server.erl"
}

server_start() {
	HOME=$DIR begin server "$@" erl -noshell -noinput -pa "$BATS_FILE_TMPDIR" \
		-eval "server:main(['$port', $families]), receive stop -> ok end"
}

client() {
	[ "$(reach "$1" tcp "$port" v6shim)" = 'served v6shim' ]
}

client_side() {
	[ "$(reach 6 tcp "$port" up)" = 'served v6shim' ]
}

@test "erlang: every setting, as the table says" {
	require erl erlc jq
	table erlang
}
