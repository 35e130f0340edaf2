#!/usr/bin/env bats
# PostgreSQL sets V6ONLY 1 by itself. It refuses to run as root. Its client side is dblink, and a standby's
# connection to its primary.

load driver

BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | tail -n 1)

setup_file() {
	[ -x "$BIN/postgres" ] || return 0
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	mkdir "$BATS_FILE_TMPDIR/data"
	"${AS_OWNER[@]}" true || return 0
	[ "$EUID" -ne 0 ] || chown postgres: "$BATS_FILE_TMPDIR/data"
	chmod 700 "$BATS_FILE_TMPDIR/data"
	"${AS_OWNER[@]}" "$BIN/initdb" -D "$BATS_FILE_TMPDIR/data" -A trust -U postgres -N >/dev/null
	echo 'host all all all trust' >>"$BATS_FILE_TMPDIR/data/pg_hba.conf"
	cp -a "$BATS_FILE_TMPDIR/data" "$BATS_FILE_TMPDIR/primary"
}

AS_OWNER=()
[ "$EUID" -ne 0 ] || AS_OWNER=(setpriv --reuid=postgres --regid=postgres --clear-groups --)

# postgres DATA ADDRESSES PORT: sets the array POSTGRES to the command.
postgres() {
	POSTGRES=("${AS_OWNER[@]}" "$BIN/postgres" -D "$1" -h "$2" -p "$3" -k '' -c fsync=off -c max_connections=10)
}

server_start() {
	local addresses=::

	[ "$families" != both ] || addresses=0.0.0.0,::
	postgres "${data-$BATS_FILE_TMPDIR/data}" "$addresses" "$port"
	begin server "$@" "${POSTGRES[@]}" || return
	wait_for 20 answers ::1 "$port"
}

# primary: another server, on 127.0.0.1:$up.
primary() {
	up=$(free_port) || return
	postgres "$BATS_FILE_TMPDIR/primary" 127.0.0.1 "$up"
	start primary --tcp "$up" "${POSTGRES[@]}" || return
	wait_for 20 answers 127.0.0.1 "$up"
}

# sql ADDRESS PORT STATEMENT...
sql() {
	PGCONNECT_TIMEOUT=10 psql -X -At -q -v ON_ERROR_STOP=1 -h "$1" -p "$2" -U postgres -d postgres "${@:3}"
}

answers() {
	[ "$(sql "$1" "$2" -c 'select 6*7' 2>/dev/null)" = 42 ]
}

client() {
	[ "$(sql "$1" "$port" -c 'select 6*7')" = 42 ]
}

client_side() {
	primary || return
	sql ::1 "$port" -c 'create extension if not exists dblink' || return
	assert_eq "$up" "$(sql ::1 "$port" -c "select port from dblink(
		'host=127.0.0.1 port=$up user=postgres dbname=postgres', 'show port') as it(port text)")"
}

@test "postgresql: every setting, as the table says" {
	table postgresql "$BIN/postgres" psql
}

@test "postgresql: under ipv6-only a standby follows its primary over IPv4" {
	require "$BIN/postgres" psql jq
	primary
	data=$DIR/standby
	"${AS_OWNER[@]}" "$BIN/pg_basebackup" -h 127.0.0.1 -p "$up" -U postgres -D "$data" -c fast -N -R
	governed ipv6-only
	still_ipv6_only
	sql 127.0.0.1 "$up" -c "create table page as select 'v6shim-page' as body"
	wait_for 20 replicated
	assert_eq 127.0.0.1 "$(sql 127.0.0.1 "$up" -c 'select client_addr from pg_stat_replication')"
	assert_eq t "$(sql ::1 "$port" -c 'select pg_is_in_recovery()')"
}

replicated() {
	[ "$(sql ::1 "$port" -c 'select body from page' 2>/dev/null)" = v6shim-page ]
}
