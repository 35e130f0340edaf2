#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2054,SC2183,SC2207,SC2317 # a test is a subshell; words without blanks; the driver calls them
# Filters, chroot, other users, and one process that listens for all.

load rows

# Its session listens for each transfer on a single address, under a filter that kills it where it asks for an option (shim/FACTS.md).
conf_vsftpd() {
	local four=YES six=NO

	mkdir -p "$DIR/root" "$DIR/empty"
	chmod 755 "$DIR/root" "$DIR/empty"
	printf 'listen%s=YES\n' "$([ "$1" != :: ] || echo _ipv6)"
	printf "%s\n" "listen_port=$port" background=NO anonymous_enable=YES "anon_root=$DIR/root" ftp_username=daemon nopriv_user=nobody \
		"secure_chroot_dir=$DIR/empty" seccomp_sandbox=YES
	SERVER=("$UNPACKED/vsftpd/usr/sbin/vsftpd" "$DIR/conf")
}

conf_tor() {
	install -d -m 700 -o debian-tor "$DIR/data"
	printf '%s\n' "DataDirectory $DIR/data" 'DisableNetwork 1' 'SocksPort 0' 'Sandbox 1' 'User debian-tor' 'CookieAuthentication 1'
	listed "ControlPort %s:$port" "$@"
	SERVER=(tor -f "$DIR/conf" --defaults-torrc /dev/null)
}

conf_qemu() {
	local words=() address

	for address; do
		words+=(${#words[@]} "$address" ${#words[@]})
	done
	SERVER=(qemu-system-x86_64 -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny -display none
		-nodefaults -machine none $(printf -- "-chardev socket,id=x%d,host=%s,port=$port,server=on,wait=off -qmp chardev:x%d\n" "${words[@]}"))
}

conf_squid() {
	listed "http_port %s:$port" "$@"
	printf '%s\n' 'http_access allow all' 'pid_filename none' "cache_log $DIR/cache.log" 'access_log none' 'shutdown_lifetime 0 seconds' \
		'cache_effective_user proxy'
	# What it leaves there goes with it.
	# shellcheck disable=SC2016 # for the shell inside
	SERVER=(unshare -m sh -c 'mount -t tmpfs -o mode=1777 v6shim /dev/shm && exec squid -N -f "$0"' "$DIR/conf")
}

conf_varnish() {
	SERVER=(varnishd -F -n "$DIR/varnish" $(listed "-a %s:$port" "$@") -b none -T none)
}

conf_tinyproxy() {
	printf '%s\n' "Port $port" 'User nobody' 'Group nogroup' 'Timeout 10'
	printf 'Listen %s\n' "$@"
	SERVER=(tinyproxy -d -c "$DIR/conf")
}

conf_microsocks() {
	SERVER=(microsocks -i "$1" -p "$port")
}

conf_nghttpx() {
	SERVER=(nghttpx --conf=/dev/null $(printf -- "-f%s,$port;no-tls\n" "$@") "-b127.0.0.1,$up" --workers=2 --user=nobody)
}

conf_exim() {
	install -d -m 777 "$DIR/spool"
	printf '%s\n' "daemon_smtp_ports = $port" "local_interfaces = <; $(printf '%s ; ' "${@/#::/::0}")" "spool_directory = $DIR/spool" \
		"log_file_path = $DIR/spool/%slog" 'primary_hostname = page.v6shim' 'tls_advertise_hosts =' 'host_lookup =' 'rfc1413_hosts =' \
		"pid_file_path = $DIR/spool/pid"
	SERVER=(exim4 -bdf -C "$DIR/conf")
}

# Its master binds, and smtpd, which has a chroot, accepts.
conf_postfix() {
	local sbin=$UNPACKED/postfix/usr/lib/postfix

	mkdir -p "$DIR"/{etc,data,spool/{pid,private,public}}
	chown daemon "$DIR/data" "$DIR"/spool/{private,public}
	printf '%s\n' compatibility_level=3.6 "queue_directory=$DIR/spool" "data_directory=$DIR/data" "daemon_directory=$sbin/sbin" \
		'mail_owner=daemon' 'setgid_group=man' 'myhostname=page.v6shim' local_recipient_maps= alias_maps= \
		'import_environment=MAIL_CONFIG LD_LIBRARY_PATH' >"$DIR/etc/main.cf"
	listed "%s:$port inet n - y - - smtpd" "$@" >"$DIR/etc/master.cf"
	echo 'anvil unix - - y - 1 anvil' >>"$DIR/etc/master.cf"
	SERVER=(env LD_LIBRARY_PATH="$sbin" "$sbin/sbin/master" -d -c "$DIR/etc")
}

conf_ngircd() {
	printf '%s\n' '[Global]' 'Name = page.v6shim' "Listen = $(paste -sd , < <(printf '%s\n' "$@"))" "Ports = $port" 'ServerUID = nobody' \
		'ServerGID = nogroup' '[Options]' 'PAM = no' 'Ident = no' 'DNS = no' "ChrootDir = $DIR"
	SERVER=(ngircd -n -f "$DIR/conf")
}

conf_mosquitto() {
	printf "listener $port %s\n" "$@"
	printf 'allow_anonymous true\nuser nobody\n'
	SERVER=(mosquitto -c "$DIR/conf")
}

conf_slapd() {
	echo 'database frontend'
	SERVER=(slapd -d 0 -u openldap -f "$DIR/conf" -h "$(listed "ldap://%s:$port" "$@" | paste -sd ' ')")
}

conf_dropbear() {
	[ -e "$DIR/key" ] || dropbearkey -t ed25519 -f "$DIR/key" >/dev/null
	SERVER=(dropbear -F -E -r "$DIR/key" -P "$DIR/pid" $(listed "-p %s:$port" "$@"))
}

# Both of these open both families always.
conf_aria2() {
	SERVER=(aria2c --no-conf --enable-rpc --rpc-listen-all --rpc-listen-port="$port" --dir="$DIR")
}

conf_xvfb() {
	SERVER=(Xvfb ":$((port - 6000))" -listen tcp -nolisten unix -nolisten local -nolock -screen 0 64x64x8)
}

conf_nbdkit() {
	SERVER=(nbdkit -f -i "$1" -p "$port" -u nobody null)
}

conf_iperf3() {
	SERVER=(iperf3 -s -B "$1" -p "$port")
}

conf_redis() {
	printf '%s\n' "port $port" "bind $*" 'protected-mode no' 'save ""' 'appendonly no' "dir $DIR" 'daemonize no'
	SERVER=(redis-server "$DIR/conf")
}

# -N: the end of the input ends the connection.
conf_netcat() {
	SERVER=(nc.openbsd -k -l -v -N "$1" "$port")
}

@test "vsftpd: every setting, as the table says, supervised; its session lives in a preload, but not where a record is to be made of it" {
	client() {
		curl -sSv -I -g -Q EPSV --max-time 10 --noproxy '*' "$(listed "ftp://%s:$port/" "$1")" 2>&1 | grep -q 'Passive Mode'
	}
	PAIR=1 outside vsftpd-outside "$UNPACKED/vsftpd/usr/sbin/vsftpd" curl
	while read -r policy v6only level lives; do
		name=vsftpd families=six port=$(free_port) READY=(--tcp "$port" --within 20)
		server_start shim POLICY="$policy" LOG="$DIR/log.jsonl" LOG_LEVEL="$level" --
		assert_eq "$v6only $lives" "$(kernel_v6only tcp "$port") $(served ::1 | cut -d " " -f 1)" "$policy, $level"
		stop server
	done <<-END
		app 0 change yes
		ipv6-only 1 change yes
		both 0 change yes
		default-both 0 change broken
		ipv6-only 1 bind broken
	END
}

@test "tor: every setting, as the table says" { SEND='PROTOCOLINFO 1\r\n' EXPECT=250-PROTOCOLINFO table tor tor; }
@test "qemu, its sandbox on: every setting, as the table says" { SEND='' EXPECT='{"QMP"' table qemu qemu-system-x86_64; }

@test "squid: every setting, as the table says" {
	client_side() {
		proxied http
	}
	table squid squid
	nothing_inherited
}

@test "varnish: every setting, as the table says" {
	table varnish varnishd
	nothing_inherited
}

@test "tinyproxy: every setting, as the table says" {
	client_side() {
		proxied http
	}
	table tinyproxy tinyproxy
}

@test "microsocks: every setting, as the table says" {
	client_side() {
		proxied socks5
	}
	PAIR=1 SEND='\x05\x01\x00' EXPECT='\x05\x00' table microsocks microsocks
}

# It asks an upstream that was not there once not again for seconds.
@test "nghttpx: every setting, as the table says" {
	from_upstream() { [[ $(get ::1) == *v6shim-upstream* ]]; }
	client_side() { upstream http && wait_for 20 from_upstream; }
	table nghttpx nghttpx
}

@test "exim: every setting, as the table says" { SEND='' EXPECT='220 page' table exim exim4; }
@test "postfix: every setting, as the table says" { SEND='' EXPECT='220 page' table postfix "$UNPACKED/postfix/usr/lib/postfix/sbin/master"; }
@test "ngircd: every setting, as the table says" { SEND='NICK a\r\nUSER a 0 * a\r\n' EXPECT=:page table ngircd ngircd; }

@test "mosquitto: every setting, as the table says" {
	SEND='\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a' EXPECT=' \x02' table mosquitto mosquitto
}

@test "slapd: every setting, as the table says" {
	SEND='0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\x00\x80\x00' EXPECT='0\x0c\x02\x01\x01a' table slapd slapd
}

@test "dropbear: every setting, as the table says" { SEND='' EXPECT=SSH-2.0 table dropbear dropbear; }

@test "aria2: every setting, as the table says" {
	SEND='GET /jsonrpc?method=aria2.getVersion&id=1 HTTP/1.0\r\n\r\n'
	ready_for() {
		READY=(--tcp "$port" --count 2 --within 20)
	}
	table aria2 aria2c
}

@test "Xvfb: every setting, as the table says" {
	SEND='l\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00' EXPECT=''
	ready_for() {
		READY=(--tcp "$port" --count 2 --within 20)
	}
	table xvfb Xvfb
}

@test "nbdkit: every setting, as the table says" { PAIR=1 SEND='' EXPECT=NBDMAGIC table nbdkit nbdkit; }

@test "iperf3: every setting, as the table says" {
	client() {
		iperf3 -c "$1" -p "$port" -n 1K
	}
	PAIR=1 table iperf3 iperf3
}

# Its client side is a replica's connection to its master.
@test "redis: every setting, as the table says" {
	replicated() {
		[ "$(redis-cli -h ::1 -p "$port" get word)" = v6shim ]
	}
	client_side() {
		start master --tcp "$up" redis-server --port "$up" --bind 127.0.0.1 --save '' --appendonly no --repl-diskless-sync-delay 0 \
			--dir "$DIR" --daemonize no && redis-cli -h 127.0.0.1 -p "$up" set word v6shim &&
			redis-cli -h ::1 -p "$port" replicaof 127.0.0.1 "$up" && wait_for 20 replicated
	}
	SEND='PING\r\n' EXPECT=+PONG table redis redis-server redis-cli
}

# What a client sends is what the server prints; its client side is nc as a client, under the same settings.
@test "netcat-openbsd: every setting, as the table says" {
	client() {
		local word=v6shim-$RANDOM-$RANDOM

		nc.openbsd -N -w 5 "$1" "$port" <<<"$word" && wait_for 5 grep -qsx "$word" "$(run_dir)"/{server,first,second}.out
	}
	ask_upstream() {
		printf 'GET / HTTP/1.0\r\n\r\n' | "${WITH[@]}" nc.openbsd "$@" -N -w 5 127.0.0.1 "$up"
	}
	client_side() {
		passes_on ask_upstream -4 && [[ $(ask_upstream -n) == *v6shim-upstream ]]
	}
	PAIR=1 table netcat nc.openbsd
}

# ---- from outside

@test "tor, supervised: every setting, as the table says" { SEND='PROTOCOLINFO 1\r\n' EXPECT=250-PROTOCOLINFO outside tor-outside tor; }

@test "ngircd, supervised: every setting, as the table says" {
	SEND='NICK a\r\nUSER a 0 * a\r\n' EXPECT=:page outside ngircd-outside ngircd
}

@test "dropbear, supervised: every setting, as the table says" { SEND='' EXPECT=SSH-2.0 outside dropbear-outside dropbear; }
