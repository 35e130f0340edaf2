#!/usr/bin/env bats
# shellcheck disable=SC2016 # for the shells inside
# What the README says to type where e2e/readme.bats cannot: as services of a booted systemd, in every process of a
# Debian, beside servers that no policy has a hold on. The words are the README's own.

load ../e2e/helper
load packages
load debian

setup_file() {
	debian_make
}

setup() {
	require_debian
}

# shown ERE: the README's lines that are set in below the first that matches.
shown() {
	awk -v ere="$1" '!on { on = $0 ~ ere; next } /^    / { print substr($0, 5); some = 1; next } some { exit }' "$ROOT/README.md"
}

# quoted ERE: what stands in the README between backquotes and matches as a whole.
quoted() {
	sed '/^```/,/^```/d' "$ROOT/README.md" | tr '\n' ' ' | grep -oE '`[^`]+`' | tr -d '`' | grep -xE -- "$1"
}

# with_readme: the installation that it means, and the server that it names.
with_readme() {
	packager -s -C "$ROOT" -o all BUILD="$BUILD" PREFIX=/usr/local DESTDIR="$DEBIAN" install >/dev/null
	witness
	install -m 755 "$EXAMPLES/dual-echo" "$DEBIAN/usr/sbin/legacyd"
	UNIT=$DEBIAN/etc/systemd/system/legacyd.service
	printf '[Service]\nExecStart=/usr/sbin/legacyd -v 1 8080\n[Install]\nWantedBy=multi-user.target\n' >"$UNIT"
	inside systemctl -q enable legacyd
}

readme_systemd() {
	local file apply

	with_readme
	boot
	serves 8080 'inet6 :: v6only=1' refused
	shown '^\*systemd\*' >"$BATS_TEST_TMPDIR/dropin"
	file=$DEBIAN$(sed -n '1s/^# //p' "$BATS_TEST_TMPDIR/dropin")
	assert_eq "$(sed 1d "$BATS_TEST_TMPDIR/dropin")" "$(booted sh -c "$(quoted 'v6shim config .*--systemd')" | sed '/^#/d')"
	apply=$(quoted 'systemctl daemon-reload.*')
	install -D -m 644 "$BATS_TEST_TMPDIR/dropin" "$file"
	booted sh -c "$apply"
	serves 8080 'inet6 :: v6only=0'
	assert_match 'legacyd.*preload$' "$(booted v6shim who 8080)"
	# Undo.
	rm "$file"
	booted sh -c "$apply"
	serves 8080 'inet6 :: v6only=1' refused
	refute grep -q v6shim <<<"$(of legacyd maps)"
}

@test "README: the drop-in for systemd, and its undoing" {
	in_debian readme_systemd
}

# supervised_unit LINES COMMAND PORT: bare, as the README has it, stopped, and bare again.
supervised_unit() {
	local dropin=$UNIT.d/v6shim.conf

	printf '[Service]\n%s\nExecStart=%s\n' "$1" "$2" >"$UNIT"
	booted sh -c "$APPLY"
	serves "$3" 'inet6 :: v6only=1' refused
	mkdir -p "$UNIT.d"
	printf '[Service]\n%s\n%s %s\n' "${EXEC_START[@]}" "$2" >"$dropin"
	booted sh -c "$APPLY" || return
	serves "$3" 'inet6 :: v6only=0'
	assert_eq legacyd "$(of legacyd comm)" "$1"
	assert_match 'legacyd.*supervise$' "$(booted v6shim who "$3")"
	# The helper goes with it, without being killed for it.
	booted systemctl stop legacyd
	assert_eq success "$(booted systemctl show -P Result legacyd)" "$1"
	assert_eq '' "$(booted grep -sx v6shim /proc/[0-9]*/comm || :)" "$1"
	refute grep -Ei 'timed out|kill' <<<"$(booted journalctl -u legacyd -o cat --no-pager)"
	rm "$dropin"
	booted sh -c "$APPLY"
	serves "$3" 'inet6 :: v6only=1' refused
}

# journal_has LINES COMMAND ERE: so the supervised unit fails.
journal_has() {
	booted systemctl stop legacyd
	printf '[Service]\n%s\n%s %s\n' "$1" "${EXEC_START[1]}" "$2" >"$UNIT"
	booted sh -c "$APPLY" || :
	wait_for 10 booted sh -c "journalctl -u legacyd -o cat --no-pager | grep -q '$3'"
	assert_eq '' "$(booted /root/listeners tcp "${2##* }")"
}

readme_supervise() {
	local -r daemon=/usr/sbin/legacyd
	local low='User=nobody AmbientCapabilities=CAP_NET_BIND_SERVICE' filter=SystemCallFilter=@system-service

	with_readme
	cc -static -o "$DEBIAN$daemon" "$ROOT/examples/dual-echo.c"
	mapfile -t EXEC_START < <(quoted 'ExecStart=.*')
	APPLY=$(quoted 'systemctl daemon-reload.*')
	boot
	supervised_unit Type=simple "$daemon -v 1 8080" 8080
	supervised_unit Type=exec "$daemon -v 1 8080" 8080
	supervised_unit Type=notify "/bin/sh -c 'systemd-notify --ready && exec $daemon -v 1 8080'" 8080
	supervised_unit $'Type=forking\nPIDFile=/run/legacyd.pid' \
		"/sbin/start-stop-daemon --start --background --make-pidfile --pidfile /run/legacyd.pid --exec $daemon -- -v 1 8080" 8080
	supervised_unit "${low// /$'\n'}" "$daemon -v 1 80" 80
	# Control: without that capability it has not the port.
	journal_has User=nobody "$daemon -v 1 80" 'bind.*Permission denied'
	# A filter that supervision does not pass, and what is said to help.
	journal_has "$filter" "$daemon -v 1 8080" SystemCallFilter=
	filter+=$'\n'$(booted journalctl -u legacyd -o cat --no-pager | grep -oE 'SystemCallFilter=[a-z_ ]* beside' | tail -n 1)
	supervised_unit "${filter% beside}" "$daemon -v 1 8080" 8080
}

@test "README: units that are supervised, of each type, with a user's capability, under a filter" {
	in_debian readme_supervise
}

# `java` is any program of that name; the other is none of the rule's business.
readme_preload() {
	local recipe=$BATS_TEST_TMPDIR/recipe name

	with_readme
	cp "$DEBIAN/usr/sbin/legacyd" "$DEBIAN/usr/bin/java"
	sed -i 's/ -v 1 8080/ 8081/' "$UNIT"
	sed 's,/usr/sbin/legacyd 8081,/usr/bin/java 8080,' "$UNIT" >"${UNIT%/*}/java.service"
	inside systemctl -q enable java
	boot
	serves 8080 'inet6 :: v6only=0'
	serves 8081 'inet6 :: v6only=0'
	shown '^\*Every JVM of the host' >"$recipe"
	cp "$recipe" "$DEBIAN/root/recipe"
	assert_match 'policy += ipv6-only +# rule 1' "$(booted sh -e /root/recipe)"
	booted systemctl restart java legacyd
	serves 8080 'inet6 :: v6only=1' refused
	serves 8081 'inet6 :: v6only=0'
	grep -q v6shim.conf <<<"$(of legacyd environ | tr '\0' '\n')"
	booted journalctl -o cat --no-pager | grep -q 'v6shim java.*bind tcp \[::\]:8080'
	# What a login starts.
	booted systemctl stop java
	booted su -l root -c '/usr/bin/java 8080 >/dev/null 2>&1 & echo $! >pid'
	serves 8080 'inet6 :: v6only=1' refused
	booted sh -c 'kill $(cat /root/pid)'
	# Undo, in the README's order.
	sed -i '/v6shim/d' "$DEBIAN/etc/ld.so.preload" "$DEBIAN/etc/environment"
	grep -oE '>/etc/[^ ]+' "$recipe" | sed "s,^>,$DEBIAN," | grep v6shim.conf | xargs rm
	booted systemctl daemon-reexec
	booted systemctl restart java legacyd
	serves 8080 'inet6 :: v6only=0'
	for name in java legacyd; do
		refute grep -qi v6shim <<<"$(of $name maps; of $name environ | tr '\0' '\n')"
	done
	packager -C "$ROOT" BUILD="$BUILD" PREFIX=/usr/local DESTDIR="$DEBIAN" uninstall >/dev/null
	assert_eq '' "$(booted true 2>&1)$(find "$DEBIAN/etc" "$DEBIAN/usr" -name '*v6shim*')"
}

@test "README: the library in every process, a rule that makes it act in some, and its undoing" {
	in_debian readme_preload
}

# proxied: a client of IPv6 gets to the IPv4 socket.
proxied() {
	"$@" | grep -qx 'served ipv4'
}

readme_proxy() {
	local units=$DEBIAN/etc/systemd/system

	witness
	install -m 755 "$PROGRAMS/drive" "$DEBIAN/root/"
	printf "[Service]\nExecStart=/root/drive 'socket tcp4' reuseaddr 'bind 0.0.0.0 80' listen serve\n" >"$units/four.service"
	printf '[Socket]\n%s\n' "$(quoted '(ListenStream|BindIPv6Only)=.+')" >"$units/six.socket"
	printf '[Service]\nExecStart=%s\n' "$(quoted '/.*/systemd-socket-proxyd .*')" >"$units/six.service"
	boot
	booted systemctl start four
	expect_listeners 80 'inet 0.0.0.0'
	assert_eq refused "$(booted /root/reach 6 tcp 80)"
	booted systemctl start six.socket
	serves 80 $'inet 0.0.0.0\ninet6 :: v6only=1'
	wait_for 10 proxied booted /root/reach 6 tcp 80 hello
}

readme_socat() {
	local socat

	socat=$(quoted 'socat .*')
	start four --tcp 80 "$PROGRAMS/drive" 'socket tcp4' reuseaddr 'bind 0.0.0.0 80' listen serve
	assert_eq refused "$(reach 6 tcp 80)"
	# shellcheck disable=SC2086 # words
	start socat --tcp 80 --count 1 $socat
	assert_eq $'inet 0.0.0.0\ninet6 :: v6only=1' "$(kernel_listeners tcp 80)"
	wait_for 10 proxied reach 6 tcp 80 hello
	# IPv4 clients as such, of a server that binds both families.
	start both --tcp 81 "$V6SHIM" run --policy both --log off -- "$EXAMPLES/dual-echo" 81
	reach 4 tcp 81 >/dev/null
	wait_for 10 grep -qs '^client ::ffff:127.0.0.1' "$BATS_TEST_TMPDIR/both.out"
	start own --tcp 82 --count 2 "$V6SHIM" run "--$(quoted 'on-conflict=resolve')" --log off -- "$EXAMPLES/bind-all" 82
	assert_eq 'served served by ipv4 socket 0.0.0.0' "$(reach 4 tcp 82 hello)"
}

@test "README: a hard-coded 0.0.0.0: a socket unit and systemd-socket-proxyd beside it" {
	in_debian readme_proxy
}

@test "README: a hard-coded 0.0.0.0: socat beside it; IPv4 clients that are no ::ffff: ones" {
	require socat
	in_netns readme_socat
}
