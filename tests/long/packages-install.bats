#!/usr/bin/env bats
# The packages as a new user meets them: an empty Debian, dpkg -i, a real server put under a policy by the example for
# systemd, its log read, everything taken away again. The systemd is a real one, booted in namespaces.

load ../e2e/helper
load packages
load debian

EXAMPLES_DIR=$ROOT/examples
DEBIAN_KEEP+=(EXAMPLES_DIR)

setup_file() {
	debian_make
	debs >/dev/null
}

setup() {
	require_debian
	debs=$(debs)
	DEBIAN_KEEP+=(debs)
}

# deliver FILE...: into the root's home in there.
deliver() {
	install -m 755 "$@" "$DEBIAN/root/"
}

# Every file there with all that dpkg could have changed of it; not what dpkg writes of its own work.
files() {
	(cd "$DEBIAN" && find . -xdev \( -path ./root -o -path ./run -o -path ./tmp \) -prune -o \
		! -path './var/lib/dpkg/status*' ! -path './var/lib/dpkg/triggers*' ! -path ./var/lib/dpkg/lock ! -path './var/log/*' \
		! -path ./var/cache/ldconfig/aux-cache ! -path ./var/lib/dpkg/info ! -path ./var/lib/dpkg \
		! -type d -printf '%p %y %m %U:%G %s %l\n' -o -type d ! -path ./var/lib/dpkg/info -printf '%p %y %m %U:%G\n' | sort)
}

install_packages() {
	deliver "$debs"/libv6shim_*.deb "$debs"/v6shim_*.deb
	inside sh -c 'dpkg -i /root/*.deb' >"$BATS_TEST_TMPDIR/dpkg" 2>&1 || fail "$(<"$BATS_TEST_TMPDIR/dpkg")"
}

# got COMMAND...: the V6ONLY of a socket that a small program, run by COMMAND in there, has bound to `::`.
got() {
	local said

	said=$(inside "$@" 'socket tcp6' 'bind :: 0' get listen 2>&1) || :
	sed -n 's/^get: //p' <<<"$said" | grep . || tail -n 3 <<<"$said"
}

# reached PROGRAM: by the library's mere name, by $LIB, and by the command; the control is without.
reached() {
	local preload

	assert_eq 0 "$(got "$1")" "$1"
	# shellcheck disable=SC2016 # for the loader
	for preload in libv6shim.so '/usr/$LIB/libv6shim.so'; do
		assert_eq 1 "$(got env LD_PRELOAD="$preload" V6SHIM_POLICY=ipv6-only V6SHIM_LOG=off "$1")" "$preload, $1"
	done
	assert_eq 1 "$(got v6shim run --policy ipv6-only --log off "$1")" "v6shim run $1"
}

# ---- install and remove

installed_and_removed() {
	local before

	deliver "$debs"/libv6shim_*.deb "$debs"/v6shim_*.deb "$PROGRAMS/drive"
	inside ldconfig
	before=$(files)
	install_packages
	refute assert_eq "$before" "$(files)" 2>/dev/null
	assert_line 'a preload reaches /root/drive' "$(inside v6shim check /root/drive)"
	reached /root/drive
	assert_eq 1 "$(got v6shim run --policy ipv6-only --log /root/log.jsonl --log-level bind /root/drive)"
	assert_match 'IPv6 ' "$(inside v6shim report /root/log.jsonl)"
	[ -s "$DEBIAN/usr/share/man/man1/v6shim.1.gz" ]
	# The example for every process: its rule acts in the program that it names; more of that in readme.bats. That the
	# removal would leave the library's name behind is told.
	cp "$EXAMPLES_DIR"/ld.so.preload/* "$DEBIAN/etc/"
	cp "$DEBIAN/root/drive" "$DEBIAN/root/legacyd"
	assert_eq '1 0' "$(got env V6SHIM_CONFIG=/etc/v6shim.conf /root/legacyd) $(got env V6SHIM_CONFIG=/etc/v6shim.conf /root/drive)"
	assert_match 'libv6shim: /etc/ld.so.preload still names libv6shim.so' "$(inside dpkg -P v6shim libv6shim 2>&1)"
	rm "$DEBIAN"/etc/{ld.so.preload,v6shim.conf}
	inside sh -c 'dpkg -i /root/*.deb' >"$BATS_TEST_TMPDIR/dpkg" 2>&1 || fail "$(<"$BATS_TEST_TMPDIR/dpkg")"

	inside dpkg -P v6shim libv6shim >"$BATS_TEST_TMPDIR/dpkg" 2>&1 || fail "$(<"$BATS_TEST_TMPDIR/dpkg")"
	assert_eq "$before" "$(files)"
	refute grep -q 6shim "$DEBIAN/var/lib/dpkg/status"
}

@test "the packages install in an empty Debian, work there, and leave nothing when purged" {
	in_debian installed_and_removed
}

# ---- systemd

# records UNIT: what v6shim said of it, to the journal, where the listen record comes after the listener.
records() {
	wait_for 10 recorded "$1" '"event":"listen"' || fail "$(booted journalctl -u "$1" -n 30 --no-pager -o cat)" || return
	journal_of "$1"
}

journal_of() {
	booted journalctl -u "$1" -o cat --no-pager | grep '^{"v":1,'
}

# recorded UNIT ERE
recorded() {
	journal_of "$1" | grep -Eq "$2"
}

# memcached, which asks for IPv6 alone where it is told to listen at `::`.
under_systemd() {
	local dropins=$DEBIAN/etc/systemd/system/memcached.service.d

	deliver "$debs"/libv6shim_*.deb "$debs"/v6shim_*.deb
	witness
	sed -i 's/^-l .*/-l ::/' "$DEBIAN/etc/memcached.conf"
	boot
	booted sh -c 'dpkg -i /root/*.deb' >/dev/null 2>&1
	# As it is.
	serves 11211 'inet6 :: v6only=1' refused
	refute grep -q v6shim <<<"$(of memcached maps)"

	mkdir "$dropins"
	cp "$EXAMPLES_DIR/systemd/v6shim.conf" "$dropins/"
	booted systemd-analyze verify --man=no memcached.service
	booted systemctl daemon-reload
	booted systemctl restart memcached
	serves 11211 'inet6 :: v6only=0'
	grep -q /libv6shim.so <<<"$(of memcached maps)"
	records memcached >"$DEBIAN/root/log.jsonl"
	# Each line has the priority of what it tells: the request against the policy is a notice.
	assert_eq $'load 6\nsetsockopt 5\nbind 6\nlisten 6' "$(booted journalctl -u memcached -o json --no-pager |
		jq -r 'select(.MESSAGE | startswith("{\"v\":1,")) | (.MESSAGE | fromjson | .event) + " " + .PRIORITY')"
	assert_line 'IPv4 and IPv6 are served on port 11211 by one dual-stack socket, by policy both.' \
		"$(booted v6shim report /root/log.jsonl)"
	assert_match 'memcached' "$(booted v6shim who 11211)"

	# Settings that do not parse: it is not started, and the journal has the reason.
	sed -i 's/V6SHIM_POLICY=both/V6SHIM_POLICY=booth/' "$dropins/v6shim.conf"
	booted systemctl daemon-reload
	refute booted systemctl restart memcached 2>/dev/null
	wait_for 10 booted sh -c 'journalctl -u memcached -o cat --no-pager | grep -q booth' || :
	assert_match "V6SHIM_POLICY.*'booth'.*did you mean 'both'" "$(booted journalctl -u memcached -o cat --no-pager)"

	# Taken away: the server is as it was, and no file is left.
	rm -r "$dropins"
	booted systemctl daemon-reload
	booted systemctl reset-failed memcached
	booted systemctl restart memcached
	serves 11211 'inet6 :: v6only=1' refused
	refute grep -q v6shim <<<"$(of memcached maps)"
	booted dpkg -P v6shim libv6shim >/dev/null 2>&1
	assert_eq '' "$(find "$DEBIAN/etc" "$DEBIAN/usr" "$DEBIAN/var" -name '*v6shim*')"
}

@test "systemd: a real server put under a policy by the drop-in, its records in the journal, and taken off again" {
	in_debian under_systemd
}

# instance NAME PROGRAM <<END: an instance of the template, and what it is started with.
instance() {
	install -m 755 "$2" "$DEBIAN/usr/local/sbin/$1"
	cat >"$DEBIAN/etc/v6shim/$1.env"
}

template() {
	local units=$DEBIAN/etc/systemd/system

	install_packages
	witness
	cp "$EXAMPLES_DIR/systemd/v6shim@.service" "$units/"
	mkdir "$DEBIAN/etc/v6shim" "$units/legacy.socket.d"
	# Both families on port 80, by a user that is not root, under all the hardening there is.
	instance legacyd "$EXAMPLES/bind-all" <<<$'ARGUMENTS=-v 0 80\nV6SHIM_ON_CONFLICT=resolve'
	instance twice "$EXAMPLES/bind-all" <<<$'ARGUMENTS=-v 0 80'
	# A program that no preload reaches.
	musl-gcc -static -x c -o "$BATS_TEST_TMPDIR/static" - <<<'int main(void) { return 0; }'
	instance static "$BATS_TEST_TMPDIR/static" <<<'ARGUMENTS='
	# A socket of systemd's own.
	printf '[Socket]\nListenStream=[::]:8099\nAccept=yes\n' >"$units/legacy.socket"
	printf '[Service]\nExecStart=cat\nStandardInput=socket\n' >"$units/legacy@.service"
	boot

	booted systemd-analyze verify --man=no v6shim@legacyd.service
	booted systemctl start v6shim@legacyd
	serves 80 $'inet 0.0.0.0\ninet6 :: v6only=1'
	records v6shim@legacyd >"$DEBIAN/root/report.jsonl"
	assert_match 'served on port 80 by separate sockets' "$(booted v6shim report /root/report.jsonl)"
	refute grep -q '^Uid:[[:space:]]*0' <<<"$(of v6shim@legacyd status)"

	# The holder is in the record, as far as another user may know.
	booted systemctl start v6shim@twice || :
	wait_for 10 recorded v6shim@twice '"finding":"conflict".*"holder":.*"uid":' ||
		fail "$(booted journalctl -u v6shim@twice -o cat --no-pager)"

	refute booted systemctl start v6shim@static 2>/dev/null
	wait_for 10 booted sh -c 'journalctl -u v6shim@static -o cat --no-pager | grep -q statically' || :
	assert_match 'statically linked' "$(booted journalctl -u v6shim@static -o cat --no-pager)"

	booted systemctl start legacy.socket
	expect_listeners 8099 'inet6 :: v6only=0'
	cp "$EXAMPLES_DIR/systemd/socket.conf" "$units/legacy.socket.d/"
	booted systemctl daemon-reload
	booted systemctl restart legacy.socket
	expect_listeners 8099 'inet6 :: v6only=1'
}

@test "systemd: the hardened template, and the drop-in for a socket that systemd opens" {
	require musl-gcc
	in_debian template
}

file_for_server() {
	local dropins=$DEBIAN/etc/systemd/system/memcached.service.d

	install_packages
	sed -i 's/^-l .*/-l ::/' "$DEBIAN/etc/memcached.conf"
	mkdir "$dropins"
	sed -e '/V6SHIM_LOG=stderr/c Environment=V6SHIM_LOG=/var/log/v6shim/server.jsonl V6SHIM_LOG_LEVEL=bind' \
		"$EXAMPLES_DIR/systemd/v6shim.conf" >"$dropins/v6shim.conf"
	sed 's/www-data/memcache/g' "$EXAMPLES_DIR/systemd/v6shim.tmpfiles" >"$DEBIAN/etc/tmpfiles.d/v6shim.conf"
	boot
	wait_for 20 grep -qs '"event":"listen"' "$DEBIAN/var/log/v6shim/server.jsonl"
	assert_eq memcache "$(booted stat -c %U /var/log/v6shim/server.jsonl)"
}

@test "systemd: tmpfiles makes the log file, of the server's own user, and the records go there" {
	in_debian file_for_server
}
