#!/usr/bin/env bats
# Erlang asks for nothing. The listening process must not end, for its sockets end with it.

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
	echoes "$1"
}

client_side() {
	echoes_own
}

@test "erlang: every setting, as the table says" {
	table erlang erl erlc
}
