#!/usr/bin/env bats
# In a process that is others' too: beside other preloaded libraries, before them and after them, and from before libc
# is set up until after main (DESIGN.md 1.8, point 4). What is governed stays governed, the others do what they do, and
# where one of them keeps a call from the shim it is said here.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load ../e2e/helper
load ../e2e/survive

setup() {
	SERVER=("$PROGRAMS/drive" 'socket tcp6' 'v6only 0' 'bind :: 0' listen port serve)
	BYSTANDER=$PROGRAMS/hostile/bystander.so
	export PROXYCHAINS_QUIET_MODE=1 TORSOCKS_ALLOW_INBOUND=1
}

# What each does to a server of `::`, the shim after it and before it:
#	governed   the shim governs
#	past       it calls libc's own functions, past whoever comes after it: as without the shim
#	refused    it refuses sockets of IPv6, the shim or no shim
others() {
	cat <<-'END'
		socket_wrapper  /usr/lib/*/libsocket_wrapper.so          past      governed
		torsocks        /usr/lib/*/torsocks/libtorsocks.so       refused   refused
		proxychains     /usr/lib/*/libproxychains.so.4           governed  governed
		authbind        /usr/lib/authbind/libauthbind.so.1       governed  governed
		eatmydata       /usr/lib/*/libeatmydata.so               governed  governed
		faketime        /usr/lib/*/faketime/libfaketime.so.1     governed  governed
		jemalloc        /usr/lib/*/libjemalloc.so.2              governed  governed
	END
}

# file_of NAME: into FILE.
file_of() {
	FILE=$(compgen -G "$(others | awk -v name="$1" '$1 == name { print $2 }')" | head -n 1) || :
	[ -n "$FILE" ] || skip "needs $1"
}

# under PRELOAD NAME=VALUE... -- COMMAND...: into COMMAND; the settings are the shim's.
under() {
	given "${@:2}"
	rm -f "$LOG"
	COMMAND=(env LD_PRELOAD="$1" V6SHIM_LOG="$LOG" V6SHIM_LOG_FORMAT=json V6SHIM_LOG_LEVEL=bind "${LEADING[@]/#/V6SHIM_}" "${TRAILING[@]}")
}

make_steps() {
	(close_bats_fds && exec "${COMMAND[@]}") 2>"$DIR/err"
}

# serve_as V6ONLY ACTIONS WHAT: the server of COMMAND is that, in the kernel, to clients and in the log.
serve_as() {
	local port four=served

	start server --says ready "${COMMAND[@]}"
	port=$(stdout_of server | sed -n 's/^port: //p')
	[ "$1" = 0 ] || four=refused
	assert_eq "$1 $four served" "$(kernel_v6only tcp "$port") $(reach 4 tcp "$port") $(reach 6 tcp "$port")" "$3"
	assert_eq "$2" "$([ ! -e "$LOG" ] || jq -r 'select(.event == "bind" or .event == "listen") | "\(.event) \(.action)"' "$LOG" |
		paste -sd,)" "$3"
	stop server
}

@test "a dual-stack server, a conflict of its own and the order of getaddrinfo: the shim's, in either order of the libraries" {
	while read -r name _ first last; do
		file_of "$name"
		for row in "none $FILE bare" "after $FILE:$LIB $first" "before $LIB:$FILE $last"; do
			read -r place preload expected <<<"$row"
			what="$name, the shim $place"
			under "$preload" ORDER=ipv6-first -- "$PROGRAMS/drive" resolve
			# proxychains makes the list itself, of one address.
			case $name/$place in
			proxychains/*) resolved='inet' ;;
			*/none) resolved='inet inet6' ;;
			*) resolved='inet6 inet' ;;
			esac
			assert_eq "resolve: $resolved" "$(make_steps)" "$what"
			[ "$name" != torsocks ] || continue
			port=$(free_port)
			under "$preload" ON_CONFLICT=resolve -- "$PROGRAMS/drive" 'socket tcp4' "bind 0.0.0.0 $port" listen \
				'socket tcp6' "bind :: $port" get
			got=$(make_steps | sed -n 's/^\(bind ::\|get\).*: //p' | paste -sd' ')
			if [ "$expected" = governed ]; then
				assert_eq 'ok 1 split true' "$got $(jq -r 'select(.finding == "conflict") | "\(.action) \(.holder.fd >= 3)"' "$LOG")" "$what"
			else
				assert_eq 'EADDRINUSE 0' "$got" "$what"
			fi
			under "$preload" POLICY=ipv6-only -- "${SERVER[@]}"
			if [ "$expected" = governed ]; then
				serve_as 1 'bind override,listen none' "$what"
			else
				serve_as 0 '' "$what"
			fi
		done
	done < <(others)
}

@test "torsocks refuses IPv6 sockets, the shim or not; an IPv4 listener is served, and recorded" {
	file_of torsocks
	for preload in "$FILE" "$FILE:$LIB" "$LIB:$FILE"; do
		under "$preload" POLICY=ipv6-only LOG_LEVEL=all -- "$PROGRAMS/drive" 'socket tcp6'
		assert_match '^socket tcp6: E' "$(make_steps)" "$preload"
		# The shim after it never hears of that call; before it, it records it as any other.
		[ "$preload" != "$LIB:$FILE" ] || assert_match '\["inet6",-1,"E[A-Z]+"\]' \
			"$(json_records "$LOG" 'select(.event == "socket") | [.family, .result, .errno]')"
		under "$preload" POLICY=ipv6-only -- "$PROGRAMS/drive" 'socket tcp4' 'bind 0.0.0.0 0' listen port serve
		start server --says ready "${COMMAND[@]}"
		assert_eq served "$(reach 4 tcp "$(stdout_of server | sed -n 's/^port: //p')")" "$preload"
		[ "$preload" = "$FILE" ] || assert_eq '["none","none"]' \
			"$(jq -sc 'map(select(.event == "bind" or .event == "listen") | .action)' "$LOG")" "$preload"
		stop server
	done
	assert_match '^socket tcp6: fd' "$("$PROGRAMS/drive" 'socket tcp6')" 'control: without it they are made'
}

@test "socket_wrapper at work has sockets of AF_UNIX: nothing of theirs is touched, its clients are served" {
	file_of socket_wrapper
	mkdir "$DIR/wrapped"
	export SOCKET_WRAPPER_DIR=$DIR/wrapped SOCKET_WRAPPER_DEFAULT_IFACE=10
	for preload in "$FILE" "$FILE:$LIB" "$LIB:$FILE"; do
		under "$preload" POLICY=ipv6-only -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 4321' listen serve
		start server --says ready "${COMMAND[@]}"
		# The kernel has no such listener.
		assert_eq '' "$(kernel_listeners tcp 4321)" "$preload"
		assert_eq served "$(LD_PRELOAD=$FILE reach fd00::5357:5f0a tcp 4321)" "$preload"
		# A record there may be, with what the kernel says: no V6ONLY, and nothing done.
		[ ! -e "$LOG" ] || assert_eq '' "$(json_records "$LOG" \
			'select(.event == "bind" and (.action != "none" or has("after") or has("serves")))')" "$preload"
		stop server
	done
}

@test "libfaketime: the records have the true time, and the program its own" {
	file_of faketime
	export FAKETIME='@2001-02-03 04:05:06'
	year=$(date +%Y)
	for preload in "$FILE:$LIB" "$LIB:$FILE"; do
		assert_eq 2001 "$(LD_PRELOAD=$preload V6SHIM_LOG=off date +%Y)" "$preload"
		under "$preload" -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0'
		make_steps
		assert_eq "$year" "$(jq -r 'select(.event == "bind") | .time[0:4]' "$LOG")" "$preload"
	done
}

# Port 80, /etc/authbind and the user are the test's own. `v6shim run` puts itself first. Second it never sees the bind
# of a low port, which the helper makes.
authbind_at_work() {
	local preload expected got

	mount -t tmpfs -o mode=755 tmpfs /etc/authbind
	mkdir /etc/authbind/byport
	install -m 500 -o "$NOBODY" /dev/null /etc/authbind/byport/80
	ip link set lo up
	while read -r preload expected; do
		got=$(setpriv --reuid="$NOBODY" --regid="$NOBODY" --clear-groups env LD_PRELOAD="${preload#bare}" V6SHIM_POLICY=ipv6-only \
			V6SHIM_LOG=off AUTHBIND_LEVELS=1 "$PROGRAMS/drive" 'socket tcp6' "bind :: 80" listen get | sed 's/.*: //' | tail -n +2 |
			paste -sd' ')
		assert_eq "$expected" "${got// /,}" "$preload"
	done <<-END
		bare          EACCES,-,0
		$FILE         ok,ok,0
		$LIB:$FILE    ok,ok,1
		$FILE:$LIB    ok,ok,0
	END
}

@test "authbind at work: its helper binds the port, V6ONLY set before where the shim comes first" {
	require_root
	require setpriv
	require_netns
	file_of authbind
	HELPER_VARIABLES+=(FILE)
	# A user namespace would not do: there the helper's set-user-id bit would be nobody's.
	# shellcheck disable=SC2016 # for the shell inside
	apart unshare -n -- bash -c '. "$DIR/functions"; set -e; authbind_at_work'
}

@test "all of them at once: governed, served and recorded" {
	# But torsocks, which refuses IPv6, and jemalloc, which libfaketime cannot stand: they wait for each other.
	preload=$LIB
	while read -r name _; do
		case $name in
		torsocks | jemalloc) ;;
		*) file_of "$name" && preload+=:$FILE ;;
		esac
	done < <(others)
	under "$preload" POLICY=ipv6-only ON_CONFLICT=resolve -- "${SERVER[@]}"
	serve_as 1 'bind override,listen none' "$preload"
}

# ---- before main and after it

# stages VALUE: what programs/early says when V6ONLY has that value at each stage.
stages() {
	printf '%s: v6only '"$1"'\n' resolver preinit constructor main atexit destructor
}

@test "calls from before libc is set up until after main, and of another library's constructor and destructor, are governed" {
	with_bystander() {
		printf 'bystander constructor: v6only %s\n%s\nbystander destructor: v6only %s\n' "$1" "$(stages "$1")" "$1"
	}
	assert_eq "$(stages 0)" "$("$PROGRAMS/early")" 'control, bare'
	assert_eq "$(with_bystander 0)" "$(LD_PRELOAD=$BYSTANDER "$PROGRAMS/early")" 'control, bare'
	for preload in "$LIB" "$LIB:$BYSTANDER" "$BYSTANDER:$LIB"; do
		expected=$(with_bystander 1)
		[ "$preload" != "$LIB" ] || expected=$(stages 1)
		for log in off "$LOG"; do
			under "$preload" POLICY=ipv6-only LOG="$log" -- "$PROGRAMS/early"
			assert_eq "$expected" "$(make_steps)" "$preload, log $log"
		done
		# Each is told, by settings that come from an environment that libc did not know of yet.
		assert_eq "load ipv6-only $(grep -c v6only <<<"$expected")" "$(jq -rs '[.[0].event, .[0].policy, (map(select(.event == "bind" and
			.after == 1)) | length)] | join(" ")' "$LOG")" "$preload"
	done
	# Once the settings are settled they hold: a wrong one is refused from the first call on.
	assert_eq "$(stages 1 | sed 's/v6only 1/EINVAL/')" "$(shim POLICY=nonsense LOG=off -- "$PROGRAMS/early" 2>/dev/null)"
}

@test "the same where the dynamic linker is told to preload, and where it starts the program itself" {
	linker=$(readelf -lW "$PROGRAMS/early" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
	"$linker" --help 2>/dev/null | grep -q -e --preload || skip "$linker has no --preload"
	assert_eq "$(stages 0)" "$("$linker" "$PROGRAMS/early")" 'control, bare'
	assert_eq "$(stages 1)" "$(V6SHIM_POLICY=ipv6-only V6SHIM_LOG=off "$linker" --preload "$LIB" "$PROGRAMS/early")"
	assert_eq "$(stages 1)" "$(shim POLICY=ipv6-only LOG=off -- "$linker" "$PROGRAMS/early" 2>/dev/null)"
	# Without an environment: nothing is set, and nothing is governed.
	assert_eq "$(stages 0)" "$(env -i "$linker" --preload "$LIB" "$PROGRAMS/early" 2>"$DIR/err")"
}

@test "a server that wiped its arguments and its environment is governed, and its settings are told as they were" {
	printf 'policy = ipv6-only\n' >"$DIR/server.conf"
	shim CONFIG="$DIR/server.conf" LOG="$LOG" LOG_FORMAT=json -- "${SURVIVE[@]}" wipe bind >"$DIR/out"
	assert_eq 'wipe: ok
bind: ok' "$(<"$DIR/out")"
	assert_eq '[0,1,"set"]' "$(json_records "$LOG" 'select(.event == "bind") | [.result, .after, .action]')"
	assert_match "$DIR/server\\.conf" "$(jq -c 'select(.event == "load")' "$LOG")"
}

# Every program is preloaded.
without_environment() {
	mount -t tmpfs tmpfs "$DIR/etc"
	cp -a /etc/. "$DIR/etc"
	echo "$LIB" >"$DIR/etc/ld.so.preload"
	mount --bind "$DIR/etc" /etc
	"${NO_ARGUMENTS[@]}"
}

@test "a program that was executed with no arguments and no environment: the defaults, and no crash" {
	require_mounts
	NO_ARGUMENTS=("$PYTHON" -c 'import ctypes, sys; ctypes.CDLL(None).execve(sys.argv[1].encode(), None, None)' "$PROGRAMS/early")
	HELPER_VARIABLES+=(NO_ARGUMENTS)
	mkdir "$DIR/etc"
	assert_eq "$(stages 0)" "$("${NO_ARGUMENTS[@]}" 2>"$DIR/err")" 'control, bare'
	assert_eq '' "$(<"$DIR/err")"
	assert_eq "$(stages 0)" "$(apart without_environment 2>"$DIR/err")"
	# That it was there is told on standard error, which is the default.
	assert_match $'^v6shim early\\[[0-9]+\\]: bind tcp \\[::\\]:[0-9]+ fd [0-9]+: .*EADDRINUSE' "$(grep -v ': load: ' "$DIR/err")"
}
