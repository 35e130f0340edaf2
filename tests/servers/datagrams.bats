#!/usr/bin/env bats
# shellcheck disable=SC2054,SC2059,SC2317 # commas, formats with ports; the driver calls them
# Resolvers, and others that serve datagrams: each resolver asks a server over IPv4 for what it has not itself.

load rows

conf_kresd() {
	printf "net.listen('%s', $port, { kind = 'dns' })\n" "$@"
	printf "trust_anchors.remove('.')\nmodules = { 'hints > iterate' }\nhints['page.v6shim'] = '192.0.2.6'\n"
	printf "policy.add(policy.suffix(policy.STUB('127.0.0.1@$up'), policy.todnames({ 'up.v6shim' })))\n"
	SERVER=(kresd -n -c "$DIR/conf" "$DIR")
}

# A process for each socket with SO_REUSEPORT, chroot, another user.
conf_nsd() {
	local zone='v6shim. 60 IN SOA . . 1 1 1 1 1'

	printf '%s\n' "$zone" 'page.v6shim. 60 IN A 192.0.2.6' >"$DIR/zone"
	printf 'server:\n port: %s\n username: nobody\n chroot: "%s"\n' "$port" "$DIR"
	printf ' zonesdir: "%s"\n xfrdir: "%s"\n xfrdfile: ""\n zonelistfile: "%s/list"\n pidfile: ""\n database: ""\n' "$DIR" "$DIR" "$DIR"
	printf ' server-count: 2\n reuseport: yes\n'
	printf ' ip-address: %s\n' "$@"
	printf 'zone:\n name: v6shim\n zonefile: zone\nremote-control:\n control-enable: no\n'
	SERVER=(nsd -d -c "$DIR/conf")
}

conf_unbound() {
	printf 'server:\n directory: "%s"\n chroot: "%s"\n verbosity: 0\n use-syslog: no\n username: unbound\n num-threads: 2\n port: %s\n' "$DIR" "$DIR" "${port:=5300}"
	printf ' pidfile: ""\n interface: %s\n' "$@"
	printf ' access-control: 0.0.0.0/0 allow\n access-control: ::/0 allow\n local-data: "page.v6shim. A 192.0.2.6"\n'
	printf ' do-not-query-localhost: no\n module-config: "iterator"\nforward-zone:\n name: up.v6shim\n forward-addr: 127.0.0.1@%s\n' "${up-1}"
	printf 'remote-control:\n control-enable: no\n'
	SERVER=(unbound -d -c "$DIR/conf")
}

conf_pdns-recursor() {
	echo '192.0.2.6 page.v6shim' >"$DIR/hosts"
	mkdir -p "$DIR/none"
	SERVER=(pdns_recursor --config-dir="$DIR/none" --daemon=no --socket-dir="$BATS_TEST_TMPDIR" --local-address="$(paste -sd , < <(printf '%s\n' "$@"))"
		--local-port="$port" --forward-zones="up.v6shim=127.0.0.1:$up" --dnssec=off --threads=1 --write-pid=no
		--allow-from=::1/128,127.0.0.0/8,::ffff:0:0/96 --export-etc-hosts=on --etc-hosts-file="$DIR/hosts")
}

# The packet is a request for system.sysDescr.
conf_snmpd() {
	printf 'rocommunity public\nrocommunity6 public\n'
	SERVER=(env SNMP_PERSISTENT_DIR="$DIR" MIBS= snmpd -f -Lo -C -c "$DIR/conf" -u nobody
		"$(listed "udp6:%s:$port" "$@" | sed '/0\.0\.0\.0/s/udp6/udp/' | paste -sd ,)")
}

# Each transfer has a socket of its own.
conf_tftpd() {
	mkdir -p "$DIR/root"
	printf v6shim-page >"$DIR/root/page"
	SERVER=(in.tftpd -L -u nobody -a "$(listed "%s:$port" "$1")" -s "$DIR/root")
}

# The packet is a request for access, which is accepted.
conf_freeradius() {
	install -d -m 755 "$DIR/radius"
	{
		printf 'security {\n user = freerad\n group = freerad\n}\nserver default {\n'
		printf "listen {\n type = auth\n ipaddr = %s\n port = $port\n}\n" "$@"
		printf 'authorize {\n update control {\n Auth-Type := Accept\n }\n}\n}\n'
		printf 'client %s {\n ipaddr = %s\n secret = page\n}\n' four 0.0.0.0/0 six ::/0
	} >"$DIR/radius/page.conf"
	SERVER=(freeradius -f -l stdout -d "$DIR/radius" -n page)
}

# Its network process is in a chroot before it binds: `run` hands the log over open. No clock is set.
conf_openntpd() {
	printf 'listen on %s\n' "$@"
	install -d -m 755 "$DIR/root"
	sed "s,^nobody:.*,&\nntpd:x:65123:65534::$DIR/root:/bin/false," /etc/passwd >"$DIR/passwd"
	# shellcheck disable=SC2016 # for the shell inside
	SERVER=(unshare -m sh -c 'mount --bind "$0/passwd" /etc/passwd && mkdir -p /var/lib/openntpd &&
		mount -t tmpfs v6shim /var/lib/openntpd && mkdir /var/lib/openntpd/db /var/lib/openntpd/run &&
		exec setpriv --bounding-set -sys_time "$1" -d -f "$0/conf"' "$DIR" "$UNPACKED/openntpd/usr/sbin/ntpd")
}

# It opens both families always, and each address by itself.
conf_ntpsec() {
	printf '%s\n' 'disable ntp' "driftfile $DIR/drift" 'restrict default'
	SERVER=(setpriv --bounding-set -sys_time "$UNPACKED/ntpsec/usr/sbin/ntpd" -n -c "$DIR/conf" -l "$DIR/ntp.log") port=123
}

# They answer of what is theirs.
dns() {
	PROTOCOLS='tcp udp'
	client() {
		resolves "$1" page.v6shim 192.0.2.6
	}
	client_side() {
		forwards
	}
	table "$@" dig
}

@test "knot-resolver: every setting, as the table says" { dns kresd kresd; }
@test "nsd: every setting, as the table says" { dns nsd nsd; }
@test "unbound: every setting, as the table says" { dns unbound unbound; }
@test "pdns-recursor: every setting, as the table says" { dns pdns-recursor pdns_recursor; }

@test "snmpd: every setting, as the table says" {
	PROTOCOLS=udp EXPECT=0
	SEND='0&\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x01\x02\x01\x00\x02\x01\x000\x0e0\x0c\x06\x08+\x06\x01\x02\x01\x01\x01\x00\x05\x00'
	table snmpd snmpd
}

@test "tftpd: every setting, as the table says" {
	PROTOCOLS=udp PAIR=1
	client() {
		[ "$(curl -sS -g --max-time 5 "$(listed "tftp://%s:$port/page" "$1")")" = v6shim-page ]
	}
	table tftpd in.tftpd
}

@test "freeradius: every setting, as the table says" {
	PROTOCOLS=udp SEND='\x01\0\0\x17\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x03a' EXPECT='\x02' table freeradius freeradius
}

@test "openntpd: every setting, as the table says" {
	TESTS_REACH=auto ntp table openntpd "$UNPACKED/openntpd/usr/sbin/ntpd"
	rmdir /var/lib/openntpd
}

@test "ntpsec: every setting, as the table says" {
	ready_for() {
		READY=(--udp "$port" --count 4 --within 20)
	}
	ntp table ntpsec "$UNPACKED/ntpsec/usr/sbin/ntpd"
}

# ---- no bind lost: bare first, then under settings, with the same clients

# spared NAME ADDRESS...: of several the last ADDRESS is added when the server is up; bare and under each setting the sockets of the server have the same addresses, and `ask_NAME ADDRESS`
# prints the same for each.
spared() {
	local name=$1 settings words bare='' now later='' PROTOCOLS=udp

	shift
	[ $# -eq 1 ] || later=${!#}
	ip address add 192.0.2.1/32 dev lo
	for settings in bare POLICY=both ON_CONFLICT=resolve 'POLICY=both ON_CONFLICT=resolve' POLICY=ipv6-only; do
		read -ra words <<<"$settings"
		words=(shim "${words[@]}" LOG="$DIR/log.jsonl" LOG_LEVEL=bind --)
		[ "$settings" != bare ] || words=()
		"conf_$name" 0.0.0.0 :: >"$DIR/conf"
		start server --udp "$port" --count 2 --within 20 "${words[@]}" "${SERVER[@]}"
		wait_for 20 eval "[ -n \"\$(ask_$name $1)\" ]"
		[ -z "$later" ] || { ip address add "$later/32" dev lo && wait_for 20 eval "[ -n \"\$(ask_$name $later)\" ]"; }
		now=$(ss -Hnltup | awk '{ sub(/^\*/, "[::]", $5); print $1, $5 }' | sort && for address; do "ask_$name" "$address" || :; done)
		stop server
		[ -z "$later" ] || ip address del "$later/32" dev lo
		assert_eq "${bare:=$now}" "$now" "$name, $settings"
	done
	# It is the conflict of the policy's making that was met.
	jq -se 'any(.[]; .action == "yield") and all(.[]; .result // 0 == 0)' "$DIR/log.jsonl" >/dev/null
}

ask_unbound() {
	dig +short +time=2 +tries=1 -p 5300 "@$1" page.v6shim A +notcp page.v6shim A +tcp
}

# Its clients are those of the link: the loopback interface's other address.
conf_avahi() {
	SERVER=(avahi-daemon -f "$DIR/conf" --no-drop-root --no-chroot --no-rlimits) port=5353
	printf '[server]\nhost-name=v6shim\nenable-dbus=no\nallow-interfaces=lo\n[wide-area]\nenable-wide-area=no\n'
}

ask_avahi() {
	dig +short +time=1 +tries=1 -p 5353 "@$1" v6shim.local A | grep -v '^;'
}

ask_ntpsec() {
	! client "$1" || echo served
}

@test "unbound, avahi and ntpsec lose no bind and no client to any policy" {
	require unbound avahi-daemon dig "$UNPACKED/ntpsec/usr/sbin/ntpd"
	install -d -o avahi -g avahi /run/avahi-daemon
	in_netns spared unbound 127.0.0.1 192.0.2.1 ::1 192.0.2.2
	in_netns spared avahi 192.0.2.1
	ntp spared ntpsec 127.0.0.1 192.0.2.1 ::1 192.0.2.2
}
