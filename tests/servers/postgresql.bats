#!/usr/bin/env bats
# PostgreSQL sets V6ONLY 1 by itself. It refuses to run as root.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load driver

BIN=/usr/lib/postgresql/15/bin

setup_file() {
	[ -x "$BIN/postgres" ] || return 0
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	mkdir "$BATS_FILE_TMPDIR/data"
	as_owner true || return 0
	[ "$EUID" -ne 0 ] || chown postgres: "$BATS_FILE_TMPDIR/data"
	chmod 700 "$BATS_FILE_TMPDIR/data"
	as_owner "$BIN/initdb" -D "$BATS_FILE_TMPDIR/data" -A trust -U postgres -N >/dev/null
	echo 'host all all all trust' >>"$BATS_FILE_TMPDIR/data/pg_hba.conf"
}

as_owner() {
	if [ "$EUID" -eq 0 ]; then
		setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"
	else
		"$@"
	fi
}

server_start() {
	local addresses=:: owner=()

	[ "$families" != both ] || addresses=0.0.0.0,::
	[ "$EUID" -ne 0 ] || owner=(setpriv --reuid=postgres --regid=postgres --clear-groups --)
	# setpriv loads the library first, as root, and would make the log a file that postgres cannot write.
	install -m 666 /dev/null "$DIR/log.jsonl"
	begin server "$@" "${owner[@]}" "$BIN/postgres" -D "$BATS_FILE_TMPDIR/data" -p "$port" -h "$addresses" \
		-k '' -c fsync=off -c max_connections=10 || return
	wait_for 20 accepts_queries
}

accepts_queries() {
	client ::1 >/dev/null 2>&1
}

client() {
	[ "$(PGCONNECT_TIMEOUT=10 psql -X -At -h "$1" -p "$port" -U postgres -d postgres -c 'select 6*7')" = 42 ]
}

@test "postgresql: every setting, as the table says" {
	[ -x "$BIN/postgres" ] || skip 'needs postgres'
	require psql jq
	table postgresql
}
