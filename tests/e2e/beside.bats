#!/usr/bin/env bats
# Beside other preloaded libraries, before them and after them: what is governed stays governed, the others do what
# they do, and where one of them keeps a call from the shim it is said here.

load helper

setup() {
	DIR=$BATS_TEST_TMPDIR
	LOG=$DIR/log.jsonl
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

# The file of one of them.
file_of() {
	local name pattern rest file

	while read -r name pattern rest; do
		[ "$name" = "$1" ] || continue
		# shellcheck disable=SC2086 # a pattern
		file=$(compgen -G $pattern | head -n 1) || skip "needs $name"
		printf '%s\n' "$file"
		return
	done < <(others)
	fail "no such library in the table: $1"
}

# each FUNCTION: calls it with NAME FILE after|before EXPECTED PRELOAD, for every library and place; `none` as the
# place for the library alone.
each() {
	local name pattern first last file

	while read -r name pattern first last; do
		file=$(file_of "$name")
		"$1" "$name" none bare "$file"
		"$1" "$name" after "$first" "$file:$LIB"
		"$1" "$name" before "$last" "$LIB:$file"
	done < <(others)
}

# under PRELOAD NAME=VALUE... -- COMMAND...: into COMMAND; the settings are the shim's.
under() {
	local preload=$1 settings=()

	shift
	while [ "$1" != -- ]; do
		settings+=("V6SHIM_$1")
		shift
	done
	shift
	rm -f "$LOG"
	COMMAND=(env LD_PRELOAD="$preload" V6SHIM_LOG="$LOG" V6SHIM_LOG_LEVEL=bind "${settings[@]}" "$@")
}

steps() {
	(close_bats_fds && exec "${COMMAND[@]}") 2>"$DIR/err"
}

# ---- every one of them

dual_server() {
	local name=$1 place=$2 expected=$3 port

	[ "$expected" != refused ] || return 0
	[ "$place/$name" != none/torsocks ] || return 0
	under "$4" POLICY=ipv6-only -- "$PROGRAMS/serve" -v 0
	start server --says ready "${COMMAND[@]}"
	port=$(stdout_of server | sed -n 's/^port //p')
	case $expected in
	governed)
		assert_eq '1 refused served' "$(kernel_v6only tcp "$port") $(reach 4 tcp "$port") $(reach 6 tcp "$port")" \
			"$name, the shim $place it"
		assert_eq '[["bind","override",0,1],["listen","none",1,1]]' "$(jq -sc 'map(select(.event == "bind" or
			.event == "listen") | [.event, .action, .before, .after])' "$LOG")" "$name, the shim $place it"
		grep -q "$LIB" "/proc/$(pid_of server)/maps"
		;;
	*)
		assert_eq '0 served served' "$(kernel_v6only tcp "$port") $(reach 4 tcp "$port") $(reach 6 tcp "$port")" \
			"$name, the shim $place it"
		[ ! -e "$LOG" ] || assert_eq '' "$(json_records "$LOG" 'select(.event == "bind")')"
		;;
	esac
	# It is there, too.
	grep -q "${4##*/}" "/proc/$(pid_of server)/maps" || grep -q "${4%%:*}" "/proc/$(pid_of server)/maps"
	stop server
}

@test "a dual-stack server under policy=ipv6-only is IPv6 only in the kernel, and recorded, in either order" {
	each dual_server
}

conflict() {
	local name=$1 place=$2 expected=$3 port got

	[ "$name" != torsocks ] || return 0
	port=$(free_port)
	under "$4" ON_CONFLICT=resolve -- "$PROGRAMS/steps" 'socket tcp4' "bind 0.0.0.0 $port" listen \
		'socket tcp6' "bind :: $port" get
	got=$(steps | sed -n 's/^\(bind ::\|get\).*: //p' | paste -sd' ')
	case $expected in
	governed)
		assert_eq 'ok 1' "$got" "$name, the shim $place it"
		assert_eq '["split","conflict",true]' "$(json_records "$LOG" \
			'select(.finding == "conflict") | [.action, .finding, .holder.fd >= 3]')" "$name, the shim $place it"
		;;
	*) assert_eq 'EADDRINUSE 0' "$got" "$name, the shim $place it" ;;
	esac
}

@test "a conflict of the process's own making is resolved, in either order" {
	each conflict
}

order() {
	local name=$1 place=$2 got families='["inet6","inet"]'

	under "$4" ORDER=ipv6-first -- "$PROGRAMS/steps" resolve
	got=$(steps)
	case $name,$place in
	*,none) [ "$name" = proxychains ] || assert_eq 'resolve: inet inet6' "$got" "$name" ;;
	# It makes the list itself, of one address.
	proxychains,after) families='' ;;
	proxychains,before) families='["inet"]' ;;
	*) assert_eq 'resolve: inet6 inet' "$got" "$name, the shim $place it" ;;
	esac
	[ "$name" != proxychains ] || assert_eq 'resolve: inet' "$got" "$name, the shim $place it"
	[ "$place" != none ] || return 0
	[ -z "$families" ] || assert_eq "$families" "$(json_records "$LOG" \
		'select(.event == "getaddrinfo") | .families_after')" "$name, the shim $place it"
}

@test "the order of passive getaddrinfo is the shim's, in either order of the libraries" {
	each order
}

# ---- each by itself

@test "torsocks refuses IPv6 sockets, the shim or not; an IPv4 listener is served, and recorded" {
	file=$(file_of torsocks)
	for preload in "$file" "$file:$LIB" "$LIB:$file"; do
		under "$preload" POLICY=ipv6-only LOG_LEVEL=all -- "$PROGRAMS/steps" 'socket tcp6'
		assert_match '^socket tcp6: E' "$(steps)" "$preload"
		# The shim after it never hears of that call; before it, it records it as any other.
		[ "$preload" != "$LIB:$file" ] || assert_match '\["inet6",-1,"E[A-Z]+"\]' \
			"$(json_records "$LOG" 'select(.event == "socket") | [.family, .result, .errno]')"
		under "$preload" POLICY=ipv6-only -- "$PROGRAMS/serve" -4
		start server --says ready "${COMMAND[@]}"
		port=$(stdout_of server | sed -n 's/^port //p')
		assert_eq served "$(reach 4 tcp "$port")" "$preload"
		[ "$preload" = "$file" ] || assert_eq '["none","none"]' \
			"$(jq -sc 'map(select(.event == "bind" or .event == "listen") | .action)' "$LOG")" "$preload"
		stop server
	done
	# Control: without it they are made.
	assert_match '^socket tcp6: fd' "$("$PROGRAMS/steps" 'socket tcp6')"
}

@test "socket_wrapper at work has sockets of AF_UNIX: nothing of theirs is touched, its clients are served" {
	file=$(file_of socket_wrapper)
	mkdir "$DIR/wrapped"
	export SOCKET_WRAPPER_DIR=$DIR/wrapped SOCKET_WRAPPER_DEFAULT_IFACE=10
	for preload in "$file" "$file:$LIB" "$LIB:$file"; do
		under "$preload" POLICY=ipv6-only -- "$PROGRAMS/serve" -p 4321
		start server --says ready "${COMMAND[@]}"
		# The kernel has no such listener.
		assert_eq '' "$(kernel_listeners tcp 4321)" "$preload"
		assert_eq served "$(LD_PRELOAD=$file reach fd00::5357:5f0a tcp 4321)" "$preload"
		assert_eq "$(stdout_of server | head -n 2 | paste -sd' ')" 'socket ok bind ok' "$preload"
		# A record there may be, with what the kernel says: no V6ONLY, and nothing done.
		[ ! -e "$LOG" ] || assert_eq '' "$(json_records "$LOG" \
			'select(.event == "bind" and (.action != "none" or has("after") or has("serves")))')" "$preload"
		stop server
	done
}

@test "libfaketime: the records have the true time, and the program its own" {
	require date
	file=$(file_of faketime)
	export FAKETIME='@2001-02-03 04:05:06'
	assert_eq 2001 "$(LD_PRELOAD=$file date +%Y)"
	year=$(date +%Y)
	for preload in "$file:$LIB" "$LIB:$file"; do
		assert_eq 2001 "$(LD_PRELOAD=$preload V6SHIM_LOG=off date +%Y)" "$preload"
		under "$preload" -- "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0'
		steps
		assert_eq "$year" "$(json_records "$LOG" 'select(.event == "bind") | .time[0:4]' | tr -d '"')" "$preload"
	done
}

@test "proxychains has connect to itself: a client of the server's gets what it gets without the shim" {
	file=$(file_of proxychains)
	port=$(free_port)
	start peer --says ready "$PROGRAMS/serve" -4 -p "$port"
	# A proxy that nobody is at.
	printf '%s\n' strict_chain '[ProxyList]' "socks5 127.0.0.1 $(free_port)" >"$DIR/conf"
	export PROXYCHAINS_CONF_FILE=$DIR/conf
	assert_eq 'connect 127.0.0.1 '"$port"': ok' "$("$PROGRAMS/steps" 'socket tcp4' "connect 127.0.0.1 $port" | tail -n 1)"
	for preload in "$file" "$file:$LIB" "$LIB:$file"; do
		under "$preload" POLICY=ipv6-only -- "$PROGRAMS/steps" 'socket tcp4' "connect 127.0.0.1 $port"
		steps | tail -n 1 >"$DIR/now"
		[ -e "$DIR/alone" ] || mv "$DIR/now" "$DIR/alone"
		[ "$preload" = "$file" ] || assert_eq "$(<"$DIR/alone")" "$(<"$DIR/now")" "$preload"
	done
	refute grep -q ': ok' "$DIR/alone"
}

# In namespaces: port 80, /etc/authbind and the user are the test's own.
authbind_at_work() {
	local file=$1 preload expected port=80 got

	mount -t tmpfs -o mode=755 tmpfs /etc/authbind
	mkdir /etc/authbind/byport
	install -m 500 -o 65534 /dev/null /etc/authbind/byport/80
	while read -r preload expected; do
		got=$(setpriv --reuid=65534 --regid=65534 --clear-groups env LD_PRELOAD="${preload#bare}" V6SHIM_POLICY=ipv6-only \
			V6SHIM_LOG="$place/log.jsonl" V6SHIM_LOG_LEVEL=bind AUTHBIND_LEVELS=1 "$PROGRAMS/steps" 'socket tcp6' "bind :: $port" \
			listen get | sed 's/.*: //' | tail -n +2 | paste -sd' ')
		assert_eq "$expected" "${got// /,}" "$preload"
	done <<-END
		bare          EACCES,ok,0
		$file         ok,ok,0
		$LIB:$file    ok,ok,1
		$file:$LIB    ok,ok,0
	END
}

@test "authbind at work: its helper binds the port, V6ONLY set before where the shim comes first" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	require setpriv unshare
	require_netns
	file=$(file_of authbind)
	# `v6shim run` puts itself first. Second it never sees the bind of a low port, which the helper makes.
	place=$(mktemp -d)
	chmod 777 "$place"
	export place
	# In a user namespace the helper's set-user-id bit would be nobody's.
	export -f authbind_at_work assert_eq
	export PROGRAMS LIB
	status=0
	# shellcheck disable=SC2016 # for the shell inside
	unshare -n -m --propagation private -- bash -c 'set -e; ip link set lo up; authbind_at_work "$1"' _ "$file" || status=1
	rm -rf "$place"
	[ "$status" -eq 0 ]
}

@test "all of them at once, with LD_BIND_NOW: governed, served and recorded" {
	# But torsocks, which refuses IPv6, and jemalloc, which libfaketime cannot stand: they wait for each other.
	preload=$LIB
	while read -r name _; do
		case $name in
		torsocks | jemalloc) ;;
		*) preload+=:$(file_of "$name") ;;
		esac
	done < <(others)
	for now in '' 1; do
		under "$preload" POLICY=ipv6-only ON_CONFLICT=resolve -- env ${now:+LD_BIND_NOW=1} "$PROGRAMS/serve" -v 0
		start server --says ready "${COMMAND[@]}"
		port=$(stdout_of server | sed -n 's/^port //p')
		assert_eq '1 refused served' "$(kernel_v6only tcp "$port") $(reach 4 tcp "$port") $(reach 6 tcp "$port")"
		assert_eq '["override"]' "$(jq -sc 'map(select(.event == "bind") | .action)' "$LOG")"
		stop server
	done
}
