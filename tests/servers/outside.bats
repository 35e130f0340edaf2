#!/usr/bin/env bats
# shellcheck disable=SC2317 # the driver calls them
# Servers that a preload does not reach, governed from outside: Go's, and busybox linked statically, with glibc and
# with musl. None has a client side that could be asked for here.

load driver

setup_file() {
	export TESTS_REACH=supervise
}

# addresses IPV4 IPV6: those of $families, in the server's own words.
addresses() {
	[ "$families" != both ] || printf '%s\n' "$1"
	printf '%s\n' "$2"
}

# A page that says v6shim-page, or the server's own, which has $SAYS in it.
client() {
	if [ "${PAGE-}" ]; then
		get "$1" "$PAGE" | grep -q "$SAYS"
	else
		serves_page "$1"
	fi
}

@test "prometheus-node-exporter: every setting, as the table says" {
	PAGE=/metrics SAYS=node_exporter_build_info
	server_start() {
		local args=() address

		for address in $(addresses "0.0.0.0:$port" "[::]:$port"); do
			args+=(--web.listen-address="$address")
		done
		begin server "$@" prometheus-node-exporter --collector.disable-defaults "${args[@]}"
	}
	table node-exporter prometheus-node-exporter
}

@test "caddy: every setting, as the table says" {
	server_start() {
		export XDG_CONFIG_HOME=$DIR XDG_DATA_HOME=$DIR
		printf '{\nadmin off\nauto_https off\n}\nhttp://:%s {\nbind %s\nrespond v6shim-page\n}\n' "$port" \
			"$(addresses tcp4/0.0.0.0 :: | paste -sd ' ')" >"$DIR/Caddyfile"
		begin server "$@" caddy run --adapter caddyfile --config "$DIR/Caddyfile"
	}
	table caddy caddy
}

@test "etcd: every setting, as the table says" {
	PAGE=/version SAYS=etcdserver
	server_start() {
		local urls

		urls=$(addresses "http://0.0.0.0:$port" "http://[::]:$port" | paste -sd ,)
		begin server "$@" etcd --data-dir "$DIR/data" --listen-client-urls "$urls" --advertise-client-urls "$urls" \
			--listen-peer-urls "http://127.0.0.1:$(free_port)"
	}
	table etcd etcd
}

@test "nats-server: every setting, as the table says" {
	client() {
		[[ $(reach "$1" tcp "$port" PING) == 'served INFO'* ]]
	}
	server_start() {
		if [ "$families" = six ]; then
			begin server "$@" nats-server -a :: -p "$port"
		else
			begin_one first "$@" nats-server -a 0.0.0.0 -p "$port" && begin_one second "$@" nats-server -a :: -p "$port"
		fi
	}
	table nats-server nats-server
}

@test "busybox httpd, linked statically: every setting, as the table says" {
	(cd "$DIR" && apt-get download busybox-static >/dev/null 2>&1 && dpkg -x busybox-static*.deb "$DIR/unpacked") ||
		skip 'needs the package busybox-static to be had'
	server_start() {
		mkdir -p "$DIR/root"
		printf v6shim-page >"$DIR/root/index.html"
		begin_pair "$@" "$BATS_TEST_TMPDIR/unpacked/bin/busybox" httpd -f -h "$DIR/root" -p
	}
	table busybox-static dpkg apt-get
}

@test "a server linked statically with musl: every setting, as the table says" {
	musl-gcc -static -std=c11 -D_GNU_SOURCE -w -o "$DIR/drive" "$ROOT/tests/programs/drive.c"
	client() {
		[ "$(reach "$1" tcp "$port")" != refused ]
	}
	drive() {
		start "$1" --tcp "$port" --count "$2" --within 5 "${@:5}" "$BATS_TEST_TMPDIR/drive" "socket $3" reuseaddr \
			"bind $4 $port" listen serve
	}
	server_start() {
		if [ "$families" = both ]; then
			drive first 1 tcp4 0.0.0.0 "$@" && drive second 2 tcp6 :: "$@"
		else
			drive server 1 tcp6 :: "$@"
		fi
	}
	table musl musl-gcc
}
