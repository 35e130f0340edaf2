#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2046,SC2207,SC2317 # for rows; words without blanks; the driver calls them
# Servers that a preload does not reach, governed from outside: Go's, and busybox linked statically, with glibc and
# with musl. None has a client side that could be asked for here.

load rows

setup_file() {
	export TESTS_REACH=supervise
}

conf_node-exporter() {
	SERVER=(prometheus-node-exporter --collector.disable-defaults $(listed "--web.listen-address=%s:$port" "$@"))
}

conf_caddy() {
	printf '{\nadmin off\nauto_https off\n}\nhttp://:%s {\nbind %s\nrespond v6shim-page\n}\n' "$port" "${*/#0/tcp4\/0}"
	SERVER=(env XDG_CONFIG_HOME="$DIR" XDG_DATA_HOME="$DIR" caddy run --adapter caddyfile --config "$DIR/conf")
}

conf_etcd() {
	local urls

	urls=$(listed "http://%s:$port" "$@" | paste -sd ,)
	SERVER=(etcd --data-dir "$DIR/data" --listen-client-urls "$urls" --advertise-client-urls "$urls"
		--listen-peer-urls "http://127.0.0.1:$(free_port)")
}

conf_nats-server() {
	SERVER=(nats-server -a "$1" -p "$port")
}

conf_busybox-static() {
	SERVER=("$UNPACKED/busybox-static/bin/busybox" httpd -f -h "$DIR" -p "$(listed "%s:$port" "$1")")
}

conf_musl() {
	local tcp=tcp6

	[ "$1" = :: ] || tcp=tcp4
	SERVER=("$BATS_TEST_TMPDIR/drive" "socket $tcp" reuseaddr "bind $1 $port" listen serve)
}

@test "prometheus-node-exporter: every setting, as the table says" {
	SEND='GET /metrics HTTP/1.0\r\n\r\n' EXPECT='HTTP/1.0 200' table node-exporter prometheus-node-exporter
}

@test "caddy: every setting, as the table says" { EXPECT='HTTP/1.0 200' table caddy caddy; }
@test "etcd: every setting, as the table says" { SEND='GET /version HTTP/1.0\r\n\r\n' EXPECT='HTTP/1.0 200' table etcd etcd; }
@test "nats-server: every setting, as the table says" { PAIR=1 SEND='' EXPECT=INFO table nats-server nats-server; }

@test "busybox httpd, linked statically: every setting, as the table says" {
	PAIR=1 table busybox-static "$UNPACKED/busybox-static/bin/busybox"
}

@test "a server linked statically with musl: every setting, as the table says" {
	require musl-gcc
	musl-gcc -static -std=c11 -D_GNU_SOURCE -w -o "$DIR/drive" "$ROOT/tests/programs/drive.c"
	client() {
		[ "$(reach "$1" tcp "$port")" != refused ]
	}
	PAIR=1 table musl
}
