#!/usr/bin/env bats
# In a set-user-id, set-group-id or capability-raised program (AT_SECURE) the library reads nothing, writes
# nothing and changes nothing (DESIGN.md 1.3), though it is loaded.
#
# The loader then takes a preload only by its bare name, from a system directory, with the set-user-id bit on it
# (ld.so(8), LD_PRELOAD). All of that is made in a mount namespace of the server's own, in memory: it goes
# with the server, whatever becomes of the test.

load ../e2e/helper

setup() {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	require unshare setpriv mount python3
	unshare -m --propagation private true 2>/dev/null || skip 'needs leave to make a mount namespace'
	# In the place of a library of libc's that nothing uses; the place vanishes with the namespace.
	place=$(ldd "$PROGRAMS/drive" | sed -n 's/.*=> \(.*\)\/libc\.so.*/\1/p')/libBrokenLocale.so.1
	export place
	cat >"$BATS_TEST_TMPDIR/scene" <<-'END'
		# scene KIND LIBRARY PROGRAM NAME=VALUE... -- ARGUMENT...
		set -e
		kind=$1 library=$2 program=$3
		shift 3
		mount -t tmpfs -o mode=755 tmpfs /mnt
		mkdir -m 777 /mnt/log
		echo policy = ipv6-only >/mnt/conf
		cp "$library" /mnt/library.so
		chmod 4755 /mnt/library.so
		cp "$program" /mnt/program
		chmod 755 /mnt/program
		case $kind in
		set-user-id) chmod u+s /mnt/program ;;
		set-another-user-id)
			chown 1 /mnt/program
			chmod u+s /mnt/program
			;;
		set-group-id) chmod g+s /mnt/program ;;
		# capability.h: revision 2, effective; CAP_NET_BIND_SERVICE is 10.
		capability) python3 -c 'import os, struct
		os.setxattr("/mnt/program", "security.capability", struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0))' ;;
		none) ;;
		esac
		mount --bind /mnt/library.so "$place"
		settings=()
		while [ "$1" != -- ]; do
			settings+=("$1")
			shift
		done
		shift
		[ ${#settings[@]} -eq 0 ] || settings+=(LD_PRELOAD="${place##*/}")
		# strace -u lets the set-user-id bit count, as it does not for a program that is traced by its user.
		[ -z "${TRACE-}" ] ||
			exec strace -f -qq -u nobody "${settings[@]/#/-E}" -o "$TRACE" /mnt/program "$@"
		exec setpriv --reuid=65534 --regid=65534 --clear-groups env "${settings[@]}" /mnt/program "$@"
	END
}

# serve KIND NAME=VALUE... -- [STEP...]: a server that takes these steps before it binds, as another user; sets PID and PORT.
serve() {
	given "${@:2}"
	start server --says ready unshare -m --propagation private bash "$BATS_TEST_TMPDIR/scene" "$1" \
		"$LIB" "$PROGRAMS/drive" "${LEADING[@]}" -- 'socket tcp6' "${TRAILING[@]}" 'bind :: 0' listen port serve
	PID=$(pid_of server)
	PORT=$(stdout_of server | sed -n 's/^port: //p')
}

# The value of AT_SECURE, 23 in the auxiliary vector: getauxval(3).
at_secure() {
	od -An -tu8 -w16 "/proc/$PID/auxv" | awk '$1 == 23 { print $2 }'
}

is_loaded() {
	awk -v inode="$(stat -c %i "/proc/$PID/root/mnt/library.so")" \
		'$5 == inode { found = 1 } END { exit !found }' "/proc/$PID/maps"
}

# What the kernel says: V6ONLY, and whether clients of IPv4 and IPv6 get in.
seen() {
	printf '%s %s %s' "$(kernel_v6only tcp "$PORT")" "$(reach 4 tcp "$PORT")" "$(reach 6 tcp "$PORT")"
}

logs() {
	ls -A "/proc/$PID/root/mnt/log"
}

FORCED=(V6SHIM_POLICY=ipv6-only V6SHIM_LOG=/mnt/log/x.jsonl V6SHIM_LOG_LEVEL=all)

@test "control: bare, the server serves both families" {
	for kind in none set-user-id; do
		serve $kind --
		refute is_loaded
		assert_eq '0 served served' "$(seen)" $kind
		stop server
	done
}

@test "control: in an ordinary program of another user the same preload acts and logs" {
	serve none "${FORCED[@]}" --
	is_loaded
	assert_eq 0 "$(at_secure)"
	assert_eq '1 refused served' "$(seen)"
	assert_eq x.jsonl "$(logs)"
	assert_eq '"set"' "$(json_records "/proc/$PID/root/mnt/log/x.jsonl" 'select(.event == "bind") | .action')"
}

# inert KIND ROWS: whatever the settings, and whatever the application asks for.
inert() {
	local asks settings called

	while read -r asks settings; do
		called='socket tcp6: fd 3 bind :: 0: ok listen: ok'
		# shellcheck disable=SC2086 # into its words
		case $asks in
		nothing) serve "$1" $settings -- ;;
		0)
			serve "$1" $settings -- 'v6only 0'
			called='socket tcp6: fd 3 v6only 0: ok bind :: 0: ok listen: ok'
			;;
		esac
		is_loaded || fail "$settings: not loaded"
		assert_eq 1 "$(at_secure)" AT_SECURE
		assert_eq "$called" "$(stdout_of server | sed '/^port/,$d' | paste -sd' ')" "$settings"
		assert_eq '0 served served' "$(seen)" "$settings"
		assert_eq '' "$(logs)" "$settings"
		assert_eq '' "$(stderr_of server)" "$settings"
		stop server
	done < <(head -n "$2" <<-END
		nothing ${FORCED[*]}
		0       ${FORCED[*]} V6SHIM_ON_CONTRARY=deny:EPERM
		nothing V6SHIM_POLICY=default-ipv6-only V6SHIM_LOG=/mnt/log/%n.%p
		nothing V6SHIM_POLICY=ipv6-only V6SHIM_LOG_LEVEL=all
		0       V6SHIM_POLICY=ipv6-only V6SHIM_ON_CONTRARY=deny:EPERM V6SHIM_LOG=off
		nothing V6SHIM_POLICY=ipv6only V6SHIM_COLOUR=red
		nothing V6SHIM_LOG=/mnt/log/x V6SHIM_LOG_LEVEL=everything
		nothing V6SHIM_CONFIG=/mnt/conf V6SHIM_LOG=/mnt/log/x
	END
	)
}

@test "a set-user-id program: loaded, and nothing is read, written or changed" {
	inert set-user-id 8
}

@test "set-user-id of another user than root, set-group-id, file capabilities: the same" {
	for kind in set-another-user-id set-group-id capability; do
		inert $kind 2
	done
}

# What the kernel was asked for, by a program of KIND with SETTINGS: without what differs from run to run.
asked_of_kernel() {
	local kind=$1

	shift
	TRACE=$BATS_TEST_TMPDIR/trace serve "$kind" "$@" -- 'v6only 0'
	stop server
	# From where the dynamic linker has done its work: it gives back its memory of the cache. Settling its state takes the
	# library getpid and the signal mask, whatever it then finds.
	sed -E 's/^[0-9]+ +//; s/0x[0-9a-f]+/P/g; s/htons\([0-9]+\)/PORT/g; s/port [0-9]+/port/' "$BATS_TEST_TMPDIR/trace" |
		awk '/^munmap\(/ && !done { done = 1; next } done && !/^(brk|getrandom|mmap|getpid|rt_sigprocmask|---|\+\+\+|write)/'
}

@test "a set-user-id program makes the system calls that it makes without the library, and no other" {
	require strace
	bare=$(asked_of_kernel set-user-id)
	assert_match 'setsockopt.*IPV6_V6ONLY' "$bare"
	seen=$(asked_of_kernel set-user-id "${FORCED[@]}" V6SHIM_CONFIG=/mnt/conf)
	[ "$(grep -c 'libBrokenLocale' "$BATS_TEST_TMPDIR/trace")" -ge 1 ] || fail 'the library was not loaded'
	assert_eq "$bare" "$seen"
	# Control: with no set-user-id bit the shim has a lot to ask.
	seen=$(asked_of_kernel none "${FORCED[@]}" V6SHIM_CONFIG=/mnt/conf)
	for call in 'openat.*/mnt/conf' 'openat.*/mnt/log/x.jsonl' 'IPV6_V6ONLY, \[1\]'; do
		grep -q "$call" <<<"$seen" || fail "no $call: $seen"
	done
}
