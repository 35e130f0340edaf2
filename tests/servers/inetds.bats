#!/usr/bin/env bats
# shellcheck disable=SC2046,SC2207,SC2317 # words without blanks; the driver calls them
# What hands each connection to a process of its own.

load rows

SEND='v6shim\n' EXPECT=v6shim

conf_xinetd() {
	local address

	for address; do
		printf '%s\n' 'service page' '{' 'type = UNLISTED' "id = $address" 'socket_type = stream' 'protocol = tcp' 'wait = no' 'user = root' \
			"port = $port" "bind = $address" "flags = $([ "$address" != :: ] && echo IPv4 || echo IPv6)" 'server = /bin/cat' \
			'passenv = LD_PRELOAD V6SHIM_POLICY V6SHIM_MODE V6SHIM_ON_CONFLICT V6SHIM_LOG V6SHIM_LOG_LEVEL PATH' '}'
	done
	SERVER=(xinetd -dontfork -f "$DIR/conf" -pidfile "$DIR/pid")
}

conf_openbsd-inetd() {
	listed "%s:$port stream tcp6 nowait nobody /bin/cat cat" "$@" | sed '/^0/s/tcp6/tcp/'
	SERVER=("$UNPACKED/openbsd-inetd/usr/sbin/inetd" -i "$DIR/conf")
}

conf_tcpserver() {
	SERVER=(tcpserver -H -R -l0 "${1/#::/::0}" "$port" cat)
}

conf_socat() {
	SERVER=(socat "TCP6-LISTEN:$port,fork,reuseaddr" PIPE)
	[ "$1" = :: ] || SERVER=(socat "TCP4-LISTEN:$port,fork,reuseaddr" PIPE)
}

conf_rsyncd() {
	printf 'use chroot = yes\n[page]\npath = %s\n' "$DIR"
	SERVER=(rsync --daemon --no-detach --address="$1" --port="$port" --config="$DIR/conf")
}

conf_git-daemon() {
	[ -d "$DIR/page" ] || git init -q --bare "$DIR/page"
	SERVER=(env HOME="$DIR" git daemon --reuseaddr $(printf -- '--listen=%s\n' "$@") --port="$port" --base-path="$DIR" --export-all)
}

# What it hands on has the library, too, and tells nothing of the connection.
@test "xinetd: every setting, as the table says" {
	table xinetd xinetd
	grep -q '"program":"cat"' "$DIR/both/log.jsonl"
	nothing_inherited
}

@test "openbsd-inetd: every setting, as the table says" { table openbsd-inetd "$UNPACKED/openbsd-inetd/usr/sbin/inetd"; }

@test "tcpserver: every setting, as the table says" { PAIR=1 table tcpserver tcpserver; }
@test "socat: every setting, as the table says" { PAIR=1 table socat socat; }
@test "rsyncd: every setting, as the table says" { PAIR=1 SEND='' EXPECT=@RSYNCD table rsyncd rsync; }

@test "git daemon: every setting, as the table says" {
	client() {
		git ls-remote "$(listed "git://%s:$port/page" "$1")"
	}
	table git-daemon git
}
