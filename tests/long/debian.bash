# shellcheck shell=bash
# debian.bash - an empty Debian for a test to install things in, beside helper.bash and packages.bash.
#
#   debian_make            makes it, of this system's release and from where apt gets its packages, unless a run before left
#                          it in the build directory. About a minute; a few seconds of processor where it is there
#   in_debian FUNCTION [WORD...]
#                          runs the function where $DEBIAN is a fresh one, in memory and in a mount namespace of its
#                          own: nothing of it remains. Functions go along, and the variables named in DEBIAN_KEEP
#   inside COMMAND...      runs it in there, in namespaces of its own: without systemd, with an empty network
#   boot                   starts systemd there, until it has reached multi-user.target; ends with in_debian
#   booted COMMAND...      runs it in what was booted
#   witness                puts there what the next two ask with
#   expect_listeners PORT LISTENERS
#                          waits for them, of TCP, as kernel_listeners has them
#   serves PORT LISTENER [IPV4]
#                          the same, and a client of each family sees it, that of IPv4 as said
#   of UNIT FILE           of its main process, in /proc
#
# systemd-nspawn does the namespaces. All that is booted is in a control group of its own, which goes with it.

DEBIAN_PACKAGES=systemd,systemd-sysv,memcached,iproute2
DEBIAN_KEEP=(PATH DEBIAN_TAR "${HELPER_VARIABLES[@]}")
# pidfd_getfd: supervision needs it.
NSPAWN=(systemd-nspawn --quiet --system-call-filter=pidfd_getfd --private-network --register=no --keep-unit
	--resolv-conf=off --timezone=off)

debian_codename() {
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "${VERSION_CODENAME-}")
}

require_debian() {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	require debootstrap systemd-nspawn nsenter apt-get dpkg-buildpackage dh
	unshare -m true 2>/dev/null || skip 'needs leave to make a mount namespace'
	DEBIAN_TAR=$BUILD/debian-$(debian_codename).tar
}

# Where apt gets this release from: it may be another place than Debian's own.
debian_source() {
	# shellcheck disable=SC2016 # apt's own variable
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Component: main' "Codename: $1" | head -n 1
}

# In memory: dpkg waits for the disk after every file.
debian_make_in() {
	local codename=$1 source=$2 folder=$3

	mount -t tmpfs -o size=2g,mode=755 tmpfs "$folder" &&
		debootstrap --variant=minbase --include="$DEBIAN_PACKAGES" "$codename" "$folder" "$source" &&
		rm -f "$folder"/var/cache/apt/archives/*.deb &&
		tar -C "$folder" -cf "$4" .
}

debian_make() {
	local codename source new

	require_debian
	[ ! -s "$DEBIAN_TAR" ] || return 0
	codename=$(debian_codename)
	source=$(debian_source "$codename")
	[ -n "$source" ] || fail "apt knows no packages of $codename: apt-get update" || return
	new=$BATS_FILE_TMPDIR/new.tar
	mkdir "$BATS_FILE_TMPDIR/new" || return
	if ! unshare -m --propagation private bash -c "$(declare -p DEBIAN_PACKAGES); $(declare -f debian_make_in); debian_make_in \"\$@\"" \
		debian "$codename" "$source" "$BATS_FILE_TMPDIR/new" "$new" >"$BATS_FILE_TMPDIR/debootstrap" 2>&1; then
		fail "debootstrap: $(tail -n 5 "$BATS_FILE_TMPDIR/debootstrap")" || return
	fi
	mv -f "$new" "$DEBIAN_TAR"
}

in_debian() {
	local script

	script=$(mktemp "$BATS_TEST_TMPDIR/debian.XXXXXX") && mkdir "$BATS_TEST_TMPDIR/debian" || return
	{
		declare -p "${DEBIAN_KEEP[@]}" DEBIAN_KEEP NSPAWN BATS_TEST_TMPDIR BATS_FILE_TMPDIR
		declare -f
	} >"$script"
	# shellcheck disable=SC2016 # for the shell inside
	unshare -m --propagation private -- bash -c '
		. "$1"
		shift
		export LC_ALL=C
		DEBIAN=$BATS_TEST_TMPDIR/debian
		CGROUP=v6shim-tests-$$
		set -eE
		trap "status=\$?; debian_end || status=1; exit \$status" EXIT
		# The state that systemd-nspawn keeps of what it runs stays in here too.
		[ ! -d /run/systemd ] || mount -t tmpfs tmpfs /run/systemd
		mount -t tmpfs -o size=2g,mode=755 tmpfs "$DEBIAN"
		tar -C "$DEBIAN" -xf "$DEBIAN_TAR"
		"$@"
	' in_debian "$script" "$@"
}

inside() {
	(
		debian_join
		exec "${NSPAWN[@]}" --as-pid2 --console=pipe -D "$DEBIAN" "$@" </dev/null
	)
}

# The folders of the control group: one in each hierarchy that systemd uses.
debian_cgroups() {
	local hierarchy

	for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
		[ ! -e "$hierarchy/cgroup.procs" ] || printf '%s\n' "$hierarchy/$CGROUP"
	done
}

debian_join() {
	local folder

	while read -r folder; do
		mkdir -p "$folder" && echo "$BASHPID" >"$folder/cgroup.procs" || return
	done < <(debian_cgroups)
}

# The process that is systemd in there.
booted_pid() {
	local folder pid

	while read -r folder; do
		read -r pid 2>/dev/null <"$folder/payload/init.scope/cgroup.procs" || continue
		printf '%s\n' "$pid"
		return
	done < <(debian_cgroups)
	return 1
}

booted() {
	nsenter --target "$(booted_pid)" --mount --uts --ipc --net --pid -- "$@" </dev/null
}

has_booted() {
	booted_pid >/dev/null 2>&1 && booted systemctl is-active --quiet multi-user.target 2>/dev/null
}

boot() {
	(
		close_bats_fds
		debian_join
		exec "${NSPAWN[@]}" --console=pipe -b -D "$DEBIAN" </dev/null >"$BATS_TEST_TMPDIR/console" 2>&1
	) &
	NSPAWN_PID=$!
	wait_for 120 has_booted || fail "systemd did not come up: $(tail -n 20 "$BATS_TEST_TMPDIR/console")"
}

debian_is_over() {
	! kill -0 "$NSPAWN_PID" 2>/dev/null
}

witness() {
	install -m 755 "$ROOT/tests/programs/listeners" "$PROGRAMS/reach" "$DEBIAN/root/"
}

debian_listens() {
	[ "$(booted /root/listeners tcp "$1")" = "$2" ]
}

expect_listeners() {
	wait_for 20 debian_listens "$1" "$2" || assert_eq "$2" "$(booted /root/listeners tcp "$1")" || {
		booted journalctl -n 30 --no-pager -o cat >&2
		return 1
	}
}

serves() {
	expect_listeners "$1" "$2"
	assert_eq "${3-served} served" "$(booted /root/reach 4 tcp "$1") $(booted /root/reach 6 tcp "$1")"
}

of() {
	booted cat "/proc/$(booted systemctl show -P MainPID "$1")/$2"
}

# However the test ended.
debian_end() {
	local folder

	set +eE
	if [ -n "${NSPAWN_PID-}" ]; then
		booted systemctl --no-block poweroff >/dev/null 2>&1
		wait_for 30 debian_is_over || kill -KILL "$NSPAWN_PID" 2>/dev/null
		wait "$NSPAWN_PID" 2>/dev/null
	fi
	while read -r folder; do
		[ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} \; || echo "remains: $folder" >&2
	done < <(debian_cgroups)
	[ -z "$(debian_cgroups | xargs ls -d 2>/dev/null)" ]
}
