#!/usr/bin/env bats
# The profiles: what an unmodified program meets under each, against FACTS.md, section 2, and what
# `v6shim profiles` says of it. What Linux cannot give stands in the table as such.

load helper

setup() {
	DIR=$BATS_TEST_TMPDIR
}

PROFILES=(linux freebsd netbsd openbsd dragonfly macos illumos windows qnx ibmi aix bindv6only=0 bindv6only=1)

# FACTS.md, section 2, row by row. A cell is what the system does; `does!met` where Linux cannot give it and
# something else is met; `.` where nothing is said of it, `?` where it is not known: Linux's own is met then.
# two-processes is IPv4 and then dual-stack, by two processes of one user.
facts() {
	cat <<-END
		profile      initial knob                        name                        scope          set-0      set-1 set-2  after-bind     ipv4-first ipv6-first two-processes mapped-bind   connect-tcp               connect-udp               passive
		linux        0       net.ipv6.bindv6only         .                           .              ok         ok    ok     EINVAL         EADDRINUSE EADDRINUSE .             EINVAL        ENETUNREACH               ENETUNREACH               IPv4,IPv6
		freebsd      1       net.inet6.ip6.v6only        .                           .              ok         ok    .      EINVAL         ok         EADDRINUSE ok!EADDRINUSE EADDRNOTAVAIL EINVAL!ENETUNREACH        EINVAL!ENETUNREACH        IPv6,IPv4
		netbsd       1       net.inet6.ip6.v6only        .                           .              ok         ok    .      EINVAL         ok         ok         ok!EADDRINUSE EINVAL        EINVAL!ENETUNREACH        EINVAL!ENETUNREACH        IPv6,IPv4
		openbsd      1       nothing                     .                           .              EINVAL     ok    .      EINVAL         ok         ok         ok            EADDRNOTAVAIL EADDRNOTAVAIL!ENETUNREACH EADDRNOTAVAIL!ENETUNREACH IPv4,IPv6
		dragonfly    1       nothing                     .                           .              EOPNOTSUPP ok    .      EINVAL         ok         ok         ok            EADDRNOTAVAIL EADDRNOTAVAIL!ENETUNREACH EADDRNOTAVAIL!ENETUNREACH IPv6,IPv4
		macos        0       net.inet6.ip6.v6only        .                           .              ok         ok    .      EINVAL         ok         EADDRINUSE ok!EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT!ENETUNREACH  EINVAL!ENETUNREACH        IPv4,IPv6
		illumos      0       nothing                     .                           .              ok         ok    EINVAL ok!EINVAL      ok         ok         ok!EADDRINUSE EADDRNOTAVAIL EADDRNOTAVAIL!ENETUNREACH EADDRNOTAVAIL!ENETUNREACH IPv6,IPv4
		windows      1       nothing                     .                           .              ok         ok    .      success!EINVAL fails      fails      .             ?             ?                         ?                         ?
		qnx          1       net.inet6.ip6.bindv6only    IPV6_BINDV6ONLY!IPV6_V6ONLY wildcard!every ?          ?     .      ?              ok         ok         ok!EADDRINUSE ?             ?                         ?                         ?
		ibmi         0       ?                           .                           .              ?          ok    .      ?              ?          ?          .             ?             ?                         ?                         ?
		aix          0       ?                           .                           .              ?          ?     .      ?              ?          ?          .             ?             ?                         ?                         ?
		bindv6only=0 0       .                           .                           .              .          .     .      .              .          .          .             .             .                         .                         .
		bindv6only=1 1       .                           .                           .              .          .     .      .              .          .          .             .             .                         .                         .
	END
}

# How each cell is known, as FACTS.md marks it: M measured, S source, D documentation, T a user's report,
# R source while reports differ, I inferred, ? not confirmed, . nothing is said.
known() {
	cat <<-END
		profile      initial knob name scope set-0 set-1 set-2 after-bind ipv4-first ipv6-first two-processes mapped-bind connect-tcp connect-udp passive
		linux        M       M    .    .     M     M     M     M          M          M          .             M           M           M           M
		freebsd      S       S    .    .     S     S     .     S          S          S          S             I           S           S           S
		netbsd       S       S    .    .     S     S     .     S          S          I          S             S           S           S           S
		openbsd      S       S    .    .     S     S     .     S          S          S          S             S           S           S           I
		dragonfly    S       S    .    .     S     S     .     S          S          S          S             S           S           S           I
		macos        S       S    .    .     S     S     .     S          S          R          S             I           S           S           S
		illumos      S       S    .    .     S     S     S     S          S          S          S             S           S           S           S
		windows      D       D    .    .     D     D     .     T          D          D          .             ?           ?           ?           ?
		qnx          ?       D    D    D     ?     ?     .     ?          I          I          I             ?           ?           ?           ?
		ibmi         D       ?    .    .     ?     D     .     ?          ?          ?          .             ?           ?           ?           ?
		aix          I       ?    .    .     ?     ?     .     ?          ?          ?          .             ?           ?           ?           ?
		bindv6only=0 M       .    .    .     .     .     .     .          .          .          .             .           .           .           .
		bindv6only=1 M       .    .    .     .     .     .     .          .          .          .             .           .           .           .
	END
}

# Why a cell with a `!` cannot be given.
reasons() {
	cat <<-END
		after-bind    EINVAL: Linux takes the option before bind alone
		two-processes EADDRINUSE where the two sockets are of two processes: only one's own can be shared
		connect-tcp   ENETUNREACH: connect is not interposed
		connect-udp   ENETUNREACH: connect is not interposed
		name          IPV6_V6ONLY: a program that is compiled on Linux calls it by that name
		scope         every IPv6 socket has it, single addresses too
	END
}

# The titles that `v6shim profiles NAME` has for the columns.
titles() {
	cat <<-END
		initial     a new socket's V6ONLY
		knob        what changes that
		name        name of the option
		scope       what it acts on
		set-0       set to 0
		set-1       set to 1
		set-2       set to 2
		after-bind  set after bind
		ipv4-first  IPv4 before dual-stack
		ipv6-first  dual-stack before IPv4
		mapped-bind mapped bind
		connect-tcp mapped TCP connect
		connect-udp mapped UDP connect
		passive     passive getaddrinfo
	END
}

# What probe finds on Linux: FACTS.md, section 1.
linux() {
	cat <<-END
		initial                                   0
		set-0                                     ok
		set-0-reads                               0
		set-1                                     ok
		set-1-reads                               1
		set-2                                     ok
		set-2-reads                               1
		set-after-bind                            EINVAL
		set-after-bind-reads                      0
		dual-stack-reads                          0
		tcp-plain-ipv4-first-bind                 EADDRINUSE
		tcp-plain-ipv4-first-listen               -
		tcp-plain-ipv4-first-ipv4-client          ipv4
		tcp-plain-ipv4-first-bind-beside-listener EADDRINUSE
		tcp-plain-ipv6-first-bind                 EADDRINUSE
		tcp-plain-ipv6-first-listen               -
		tcp-plain-ipv6-first-ipv4-client          ipv6
		tcp-plain-ipv6-first-bind-beside-listener EADDRINUSE
		tcp-reuseaddr-ipv4-first-bind             ok
		tcp-reuseaddr-ipv4-first-listen           EADDRINUSE
		tcp-reuseaddr-ipv4-first-ipv4-client      ipv4
		tcp-reuseaddr-ipv4-first-bind-beside-listener EADDRINUSE
		tcp-reuseaddr-ipv6-first-bind             ok
		tcp-reuseaddr-ipv6-first-listen           EADDRINUSE
		tcp-reuseaddr-ipv6-first-ipv4-client      ipv6
		tcp-reuseaddr-ipv6-first-bind-beside-listener EADDRINUSE
		tcp-reuseport-ipv4-first-bind             ok
		tcp-reuseport-ipv4-first-listen           ok
		tcp-reuseport-ipv4-first-ipv4-client      ipv4
		tcp-reuseport-ipv4-first-bind-beside-listener ok
		tcp-reuseport-ipv6-first-bind             ok
		tcp-reuseport-ipv6-first-listen           ok
		tcp-reuseport-ipv6-first-ipv4-client      ipv4
		tcp-reuseport-ipv6-first-bind-beside-listener ok
		udp-plain-ipv4-first-bind                 EADDRINUSE
		udp-plain-ipv4-first-ipv4-client          ipv4
		udp-plain-ipv6-first-bind                 EADDRINUSE
		udp-plain-ipv6-first-ipv4-client          ipv6
		udp-reuseaddr-ipv4-first-bind             ok
		udp-reuseaddr-ipv4-first-ipv4-client      ipv4
		udp-reuseaddr-ipv6-first-bind             ok
		udp-reuseaddr-ipv6-first-ipv4-client      ipv4
		udp-reuseport-ipv4-first-bind             ok
		udp-reuseport-ipv4-first-ipv4-client      ipv4
		udp-reuseport-ipv6-first-bind             ok
		udp-reuseport-ipv6-first-ipv4-client      ipv4
		mapped-bind-v6only-1                      EINVAL
		mapped-bind-v6only-0                      ok
		mapped-connect-tcp-v6only-1               ENETUNREACH
		mapped-connect-udp-v6only-1               ENETUNREACH
		passive-order                             ipv4 ipv6
	END
}

# met PROFILE COLUMN: what a program meets on Linux; nothing where that is Linux's own.
met() {
	facts | awk -v profile="$1" -v column="$2" '
		NR == 1 { for (i = 2; i <= NF; i++) if ($i == column) at = i }
		$1 == profile && $at !~ /^[.?]$/ { sub(/.*!/, "", $at); print $at }'
}

# expected PROFILE: the whole of what probe is to print, but for the system's name.
expected() {
	{ facts && echo && linux; } | awk -v profile="$1" '
		# What Linux has, or what is met under the profile instead.
		function want(key, linux) {
			if (key == "initial" || key == "set-after-bind-reads")
				return met["initial"]
			if (key == "set-after-bind")
				return met["after-bind"] ? met["after-bind"] : linux
			if (refused("set-0")) {
				if (key == "set-0")
					return met["set-0"]
				if (key == "set-0-reads" || key == "dual-stack-reads")
					return 1
				# There is no socket with V6ONLY 0 to try.
				if (key == "mapped-bind-v6only-0")
					return "-"
			}
			if (refused("set-2")) {
				if (key == "set-2")
					return met["set-2"]
				if (key == "set-2-reads")
					return 0
			}
			if (key ~ /-ipv4-first-/ && met["ipv4-first"] == "ok" ||
			    key ~ /-ipv6-first-/ && met["ipv6-first"] == "ok")
				return key ~ /client$/ ? "ipv4" : "ok"
			if (key == "mapped-bind-v6only-1" && met["mapped-bind"])
				return met["mapped-bind"]
			if (key == "passive-order" && met["passive"])
				return met["passive"]
			return linux
		}
		function refused(column) {
			return met[column] && met[column] != "ok"
		}
		NR == 1 { for (i = 2; i <= NF; i++) columns[i] = $i }
		!linux && $1 == profile {
			for (i = 2; i <= NF; i++) {
				sub(/.*!/, "", $i)
				gsub(/^[.?]$/, "", $i)
				met[columns[i]] = $i
			}
			met["passive"] = tolower(met["passive"])
			sub(/,/, " ", met["passive"])
			known = 1
		}
		linux {
			value = $0
			sub(/^[^ ]+ +/, "", value)
			print $1 ": " want($1, value)
		}
		NF == 0 { linux = 1 }
		END { if (!known) print "no such profile in the table" }'
}

# probe SETTING...: what probe finds under the shim, or without it.
probe() {
	if [ $# -gt 0 ]; then
		shim "$@" LOG="$DIR/log" -- "$EXAMPLES/probe"
	else
		"$EXAMPLES/probe"
	fi | grep -v '^system: '
}

probe_all() {
	local profile

	assert_eq "$(facts | sed '1d; s/ .*//')" "$(printf '%s\n' "${PROFILES[@]}")"
	for profile in "${PROFILES[@]}"; do
		assert_eq "$(expected "$profile")" "$(probe "PROFILE=$profile")" "$profile"
	done
}

@test "control: without the shim probe finds Linux as FACTS.md has it" {
	assert_eq "$(linux | sed 's/  */: /')" "$(probe)"
	assert_eq "$(expected linux)" "$(probe)"
}

@test "probe finds under every profile what FACTS.md has of the system" {
	probe_all
}

# under_bindv6only DIR PROFILE...: variables do not come along into a namespace.
under_bindv6only() {
	DIR=$1
	PROFILES=("${@:2}")
	echo 1 >/proc/sys/net/ipv6/bindv6only
	assert_eq 'initial: 1' "$(probe | head -n 1)"
	probe_all
}

@test "nothing of that comes from the host's bindv6only" {
	require_netns
	in_netns under_bindv6only "$DIR" "${PROFILES[@]}"
}

@test "with mode=log no profile changes anything" {
	for profile in "${PROFILES[@]}"; do
		assert_eq "$(linux | sed 's/  */: /')" "$(probe "PROFILE=$profile" MODE=log)" "$profile"
	done
}

@test "another name of a profile is the same" {
	for name in openindiana solaris; do
		assert_eq "$(expected illumos)" "$(probe PROFILE=$name)" $name
		assert_eq "$("$V6SHIM" profiles illumos)" "$("$V6SHIM" profiles $name)"
	done
}

@test "the command starts a program under a profile as the environment does" {
	assert_eq "$(expected dragonfly)" \
		"$("$V6SHIM" run --profile dragonfly --log off -- "$EXAMPLES/probe" | grep -v '^system: ')"
}

@test "two processes share no port where one would: told in the table" {
	for profile in "${PROFILES[@]}"; do
		want=$(met "$profile" two-processes)
		[ -n "$want" ] || continue
		port=$(free_port)
		start "ipv4-$profile" --tcp "$port" shim PROFILE="$profile" LOG=off -- \
			"$PROGRAMS/serve" -4 -p "$port"
		assert_line "bind :: $port: $want" "$(shim PROFILE="$profile" LOG=off -- "$PROGRAMS/steps" \
			'socket tcp6' 'v6only 0' "bind :: $port")"
		stop "ipv4-$profile"
	done
}

# ---- a setting beside a profile

# beside KEY VALUE SETTING...: under these settings probe finds this.
beside() {
	local key=$1 value=$2

	shift 2
	assert_line "$key: $value" "$(probe "$@")"
}

@test "a setting that is given beside a profile wins" {
	beside set-0 ok PROFILE=openbsd ON_CONTRARY=allow
	beside set-0 EPERM PROFILE=openbsd ON_CONTRARY=deny:EPERM
	beside initial 0 PROFILE=freebsd POLICY=default-both
	beside initial 0 PROFILE=openbsd POLICY=app
	beside passive-order 'ipv4 ipv6' PROFILE=freebsd ORDER=ipv4-first
	beside passive-order 'ipv4 ipv6' PROFILE=freebsd ORDER=app
	beside tcp-plain-ipv4-first-bind EADDRINUSE PROFILE=macos ON_CONFLICT=fail
	beside tcp-plain-ipv6-first-bind ok PROFILE=macos ON_CONFLICT=share
	beside mapped-bind-v6only-1 EINVAL PROFILE=macos ON_MAPPED=allow
	beside mapped-bind-v6only-1 EACCES PROFILE=macos ON_MAPPED=deny:EACCES
	beside set-2 ok PROFILE=illumos ON_NONBOOLEAN=allow
	beside set-2 ENOENT PROFILE=illumos ON_NONBOOLEAN=deny:ENOENT
}

@test "what is given in a file wins over a profile of the command line, and a rule over both" {
	printf 'on-contrary = deny:EPERM\n' >"$DIR/c"
	v6shim_probe() {
		"$V6SHIM" run --log off "$@" -- "$EXAMPLES/probe"
	}
	assert_line 'set-0: EPERM' "$(v6shim_probe --profile openbsd --config "$DIR/c")"
	assert_line 'set-0: EACCES' "$(v6shim_probe --profile openbsd --config "$DIR/c" \
		--rules 'program=probe => on-contrary=deny:EACCES')"
	# What the profile sets besides is in force.
	assert_line 'initial: 1' "$(v6shim_probe --profile openbsd --config "$DIR/c")"
	printf 'profile = openbsd\n' >"$DIR/c"
	assert_line 'set-0: EINVAL' "$(v6shim_probe --config "$DIR/c")"
	assert_line 'set-0: EOPNOTSUPP' "$(v6shim_probe --config "$DIR/c" --profile dragonfly)"
	assert_line 'set-0: ok' "$(V6SHIM_ON_CONTRARY=allow v6shim_probe --config "$DIR/c" --profile dragonfly)"
}

# ---- the server of every tutorial

# bind_all PROFILE OPTION...: what it says of its sockets, the port as PORT.
bind_all() {
	local profile=$1

	shift
	port=$(free_port)
	if [ "$profile" = none ]; then
		"$EXAMPLES/bind-all" -n "$@" "$port"
	else
		"$V6SHIM" run --profile "$profile" --log off -- "$EXAMPLES/bind-all" -n "$@" "$port"
	fi | sed "s/ port $port:/:/"
}

# Profile, bind-all's options, and its lines for the two sockets in its order.
bind_all_table() {
	cat <<-END
		none | -v 0
		tcp 0.0.0.0: socket ok, bind ok, listen ok
		tcp ::: socket ok, V6ONLY 0 ok, bind EADDRINUSE
		none | -r -v 0
		tcp 0.0.0.0: socket ok, REUSEADDR ok, bind ok, listen ok
		tcp ::: socket ok, REUSEADDR ok, V6ONLY 0 ok, bind EADDRINUSE
		openbsd |
		tcp 0.0.0.0: socket ok, bind ok, listen ok
		tcp ::: socket ok, bind ok, listen ok
		openbsd | -v 0
		tcp 0.0.0.0: socket ok, bind ok, listen ok
		tcp ::: socket ok, V6ONLY 0 EINVAL, bind ok, listen ok
		openbsd | -v 1
		tcp 0.0.0.0: socket ok, bind ok, listen ok
		tcp ::: socket ok, V6ONLY 1 ok, bind ok, listen ok
		openbsd | -d -v 0
		udp 0.0.0.0: socket ok, bind ok
		udp ::: socket ok, V6ONLY 0 EINVAL, bind ok
		dragonfly |
		tcp ::: socket ok, bind ok, listen ok
		tcp 0.0.0.0: socket ok, bind ok, listen ok
		dragonfly | -v 0
		tcp ::: socket ok, V6ONLY 0 EOPNOTSUPP, bind ok, listen ok
		tcp 0.0.0.0: socket ok, bind ok, listen ok
		dragonfly | -d -v 0
		udp ::: socket ok, V6ONLY 0 EOPNOTSUPP, bind ok
		udp 0.0.0.0: socket ok, bind ok
		macos |
		tcp 0.0.0.0: socket ok, bind ok, listen ok
		tcp ::: socket ok, bind ok, listen ok
		macos | -v 0
		tcp 0.0.0.0: socket ok, bind ok, listen ok
		tcp ::: socket ok, V6ONLY 0 ok, bind ok, listen ok
		macos | -r -v 0
		tcp 0.0.0.0: socket ok, REUSEADDR ok, bind ok, listen ok
		tcp ::: socket ok, REUSEADDR ok, V6ONLY 0 ok, bind ok, listen ok
		macos | -d
		udp 0.0.0.0: socket ok, bind ok
		udp ::: socket ok, bind ok
		freebsd | -v 0
		tcp ::: socket ok, V6ONLY 0 ok, bind ok, listen ok
		tcp 0.0.0.0: socket ok, bind EADDRINUSE
		illumos | -v 0
		tcp ::: socket ok, V6ONLY 0 ok, bind ok, listen ok
		tcp 0.0.0.0: socket ok, bind ok, listen ok
		netbsd |
		tcp ::: socket ok, bind ok, listen ok
		tcp 0.0.0.0: socket ok, bind ok, listen ok
		windows | -v 0
		tcp 0.0.0.0: socket ok, bind ok, listen ok
		tcp ::: socket ok, V6ONLY 0 ok, bind EADDRINUSE
	END
}

@test "bind-all meets under a profile what it would meet there" {
	while IFS='|' read -r profile options && read -r first && read -r second; do
		# shellcheck disable=SC2086 # words
		assert_eq "$first"$'\n'"$second" "$(bind_all ${profile% } $options)" "$profile $options"
	done < <(bind_all_table)
}

# served PROFILE OPTION...: bind-all serves both families, each by its own socket; prints what V6ONLY is.
served() {
	local profile=$1 proto=tcp

	shift
	[ "$1" != -d ] || proto=udp
	port=$(free_port)
	start "all-$profile" --says '^serving' "$V6SHIM" run --profile "$profile" --log off -- \
		"$EXAMPLES/bind-all" "$@" "$port"
	assert_eq 'served served by ipv4 socket 0.0.0.0' "$(reach 4 $proto "$port" x)" "$profile $*"
	assert_eq 'served served by ipv6 socket ::' "$(reach 6 $proto "$port" x)" "$profile $*"
	V6ONLY=$(kernel_v6only $proto "$port")
	stop "all-$profile"
}

@test "and each family is served by its own socket: under macos beside a dual-stack one" {
	for options in '-v 0' '-d -v 0'; do
		# shellcheck disable=SC2086
		for profile in openbsd dragonfly; do
			served $profile $options
			assert_eq 1 "$V6ONLY" "$profile $options"
		done
		# shellcheck disable=SC2086
		served macos $options
		assert_eq 0 "$V6ONLY" "macos $options"
	done
}

# ---- programs that ask for both families themselves: FACTS.md, section 3

# Under these set 0 is refused.
refusing() {
	printf '%s\n' 'openbsd Invalid argument' 'dragonfly Operation not supported'
}

@test "node falls back to 0.0.0.0, and is reached over IPv4 alone" {
	require node
	program='require("net").createServer(s => s.end("x")).listen(+process.argv[1],
		function() { console.log("at", this.address().address) })'
	port=$(free_port)
	start node-bare --says '^at ::$' node -e "$program" "$port"
	stop node-bare
	while read -r profile _; do
		port=$(free_port)
		start "node-$profile" --says '^at ' "$V6SHIM" run --profile "$profile" --log off -- \
			node -e "$program" "$port"
		assert_eq 'at 0.0.0.0' "$(stdout_of "node-$profile")"
		assert_eq 'inet 0.0.0.0' "$(kernel_listeners tcp "$port")"
		assert_eq served "$(reach 4 tcp "$port")"
		assert_eq refused "$(reach 6 tcp "$port")"
		stop "node-$profile"
	done < <(refusing)
}

@test "CPython's create_server(dualstack_ipv6=True) is a ValueError" {
	[ -x /usr/bin/python3 ] || skip 'needs /usr/bin/python3'
	program='
import socket
try:
	s = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
	print("V6ONLY", s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
except Exception as e:
	print(type(e).__name__, e)'
	assert_eq 'V6ONLY 0' "$(/usr/bin/python3 -c "$program")"
	while read -r profile _; do
		assert_eq 'ValueError dualstack_ipv6 not supported on this platform' \
			"$("$V6SHIM" run --profile "$profile" --log off -- /usr/bin/python3 -c "$program")" "$profile"
	done < <(refusing)
	# Where the system has such sockets it is one.
	assert_eq 'V6ONLY 0' "$("$V6SHIM" run --profile freebsd --log off -- /usr/bin/python3 -c "$program")"
}

@test "OpenJDK throws an exception when a server socket is made" {
	require java javac
	cat >"$DIR/Server.java" <<-'END'
		public class Server {
			public static void main(String[] arguments) {
				try {
					new java.net.ServerSocket(0);
					System.out.println("ok");
				} catch (Exception e) {
					System.out.println(e);
				}
			}
		}
	END
	javac -d "$DIR" "$DIR/Server.java"
	java=(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$DIR" Server)
	assert_eq ok "$("${java[@]}")"
	while read -r profile message; do
		assert_eq "java.net.SocketException: $message" \
			"$("$V6SHIM" run --profile "$profile" --log off -- "${java[@]}")" "$profile"
	done < <(refusing)
}

# ---- v6shim profiles

# What FACTS.md has: a line for each cell, with how it is known, and `!` with what is met instead and why.
facts_in_lines() {
	{ reasons && echo && known && echo && facts; } | awk '
		NF == 0 { part++ }
		!part { reason[$1] = substr($0, 15) }
		part && NF { if (!seen[part]++) { for (i = 2; i <= NF; i++) columns[i] = $i; next } }
		part == 1 { for (i = 2; i <= NF; i++) mark[$1, columns[i]] = $i }
		part == 2 {
			for (i = 2; i <= NF; i++) {
				column = columns[i]
				gap = index($i, "!")
				if ($i == "." || column == "two-processes" && !gap)
					continue
				line = $1 " " column " " (gap ? substr($i, 1, gap - 1) : $i) " " mark[$1, column]
				print line (gap ? " " substr($i, gap) " " reason[column] : "")
			}
		}' | sort
}

# What `v6shim profiles NAME` says, in the same form.
said_in_lines() {
	local profile

	for profile in "${PROFILES[@]}"; do
		{ titles && echo && "$V6SHIM" profiles "$profile"; } | awk -v profile="$profile" '
			function part(from, to) {
				text = substr($0, from, to ? to - from : 99)
				sub(/ +$/, "", text)
				return text
			}
			function brief(does) {
				if (does ~ /^IPv/) {
					gsub(/ /, "", does)
					return does
				}
				sub(/^(it|sysctl) /, "", does)
				sub(/[,:]? .*/, "", does)
				return does
			}
			!said && NF { column = $1; sub(/^[^ ]+ +/, ""); columns[$0] = column }
			NF == 0 { said = 1 }
			said && /^# / && part(3, 27) in columns {
				column = columns[part(3, 27)]
				does[column] = brief(part(27, 60))
				from[column] = mark(part(60, 85))
				here = part(85)
				number = 0
				if (here ~ /\)$/) {
					number = here
					gsub(/.*\(|\)/, "", number)
				}
				# What is given in part: the sockets of two processes are not.
				if (number && here !~ /^not given/) {
					parts[column] = number
					number = 0
				}
				numbers[column] = number
			}
			said && /^# \([0-9]\) / { why[substr($2, 2, 1)] = substr($0, 7) }
			function mark(words) {
				if (words == "source; reports differ") return "R"
				if (words == "approximate: inferred") return "I"
				if (words == "approximate: not known") return "?"
				if (words == "user\047s report") return "T"
				return toupper(substr(words, 1, 1))
			}
			function met(text) {
				sub(/[: ].*/, "", text)
				return " !" text " "
			}
			END {
				for (column in does) {
					line = profile " " column " " does[column] " " from[column]
					number = numbers[column]
					print line (number ? met(why[number]) why[number] : "")
				}
				if ("ipv4-first" in parts)
					print profile " two-processes " does["ipv4-first"] " " from["ipv4-first"] \
						met(why[parts["ipv4-first"]]) why[parts["ipv4-first"]]
				if ("ipv6-first" in parts && parts["ipv6-first"] != parts["ipv4-first"])
					print profile " says of dual-stack before IPv4 what is not said of the other"
			}'
	done | sort
}

@test "profiles NAME says what FACTS.md does, how it is known, and what cannot be given, and why" {
	assert_eq "$(facts_in_lines)" "$(said_in_lines)"
	# Of the tables themselves: not all of them dots.
	[ "$(facts_in_lines | wc -l)" -ge 130 ]
	assert_eq 21 "$(facts_in_lines | grep -c '!')"
}

# settings_of PROFILE: what it sets, "name=value" a line, of `profiles NAME`.
settings_of() {
	"$V6SHIM" profiles "$1" | sed -n '/^#/d; s/ *= */=/p'
}

@test "profiles NAME is a configuration file that has the effect of the profile" {
	for profile in "${PROFILES[@]}"; do
		"$V6SHIM" profiles "$profile" >"$DIR/c"
		assert_eq "$(expected "$profile")" "$(probe CONFIG="$DIR/c")" "$profile"
		# To the letter.
		assert_eq "$("$V6SHIM" config --profile "$profile" | sed -n 's/ *# profile$//p')" \
			"$("$V6SHIM" config --config "$DIR/c" | sed -n 's/ *# configuration file$//p')" "$profile"
		assert_eq "$(settings_of "$profile")" "$("$V6SHIM" config --profile "$profile" |
			sed -n 's/ *# profile$//; T; s/ *= */=/p')" "$profile"
	done
}

@test "what gives a facet here is a setting of the profile, and each setting gives one" {
	for profile in "${PROFILES[@]}"; do
		said=$("$V6SHIM" profiles "$profile" | grep '^# .*  ' | cut -c85- | sed -n 's/^\([a-z][a-z-]*\)\( (.*\)\{0,1\}$/\1/p' |
			grep -v '^not$' | sort -u)
		# Known of what is given by default: the resolver lists nothing first by itself.
		assert_eq "$(settings_of "$profile" | sed 's/=.*//' | sort)" "$said" "$profile"
	done
}

@test "profiles lists all, with title and settings, and says what is approximate" {
	text=$("$V6SHIM" profiles)
	assert_eq "$(printf '%s\n' "${PROFILES[@]}" openindiana solaris)" "$(grep -o '^[a-z][^ ]*' <<<"$text")"
	for profile in "${PROFILES[@]}"; do
		said=$(awk -v name="$profile" '/^[a-z]/ { on = $1 == name } on' <<<"$text" | tr -s ' \n' ' ')
		assert_match " $(settings_of "$profile" | paste -sd' ') \$" "$said"
		inferred=0
		[[ ! $(known | sed -n "s/^$profile //p") =~ [I?] ]] || inferred=1
		case $profile in
		qnx | ibmi | aix) assert_match '\(approximate\)' "$said" ;;
		*)
			[ $inferred -eq 0 ] || assert_match '; approximate: ' "$said"
			[ $inferred -eq 1 ] || refute grep -q approximate <<<"$said"
			;;
		esac
	done
	assert_match 'windows +Windows Vista and later; approximate: mapped bind, mapped TCP connect, mapped UDP' "$text"
	assert_match 'solaris +another name of illumos' "$text"
}

@test "nothing that profiles prints is wider than a hundred columns, or ends in a blank" {
	{
		"$V6SHIM" profiles
		"$V6SHIM" profiles --help
		for profile in "${PROFILES[@]}"; do
			"$V6SHIM" profiles "$profile"
		done
	} >"$DIR/all"
	assert_eq '' "$(grep -E '.{101}| $|	' "$DIR/all" || :)"
}

@test "an unknown profile is bad usage, and the nearest is named" {
	while read -r name message; do
		run "$V6SHIM" profiles "$name"
		assert_status 2
		assert_eq "v6shim: profiles: unknown profile '$name'; $message" "$output"
	done <<-END
		opnbsd did you mean 'openbsd'
		FreeBSD did you mean 'freebsd'
		solarix did you mean 'solaris'
		openindian did you mean 'openindiana'
		bindv6only did you mean 'bindv6only=0'
		plan9 'v6shim profiles' lists them
	END
	run "$V6SHIM" profiles $'\e[2J'
	assert_status 2
	assert_match "unknown profile '\\\\x1b\\[2J'" "$output"
	run "$V6SHIM" run --profile solari -- true
	assert_status 2
	assert_eq "v6shim: --profile: unknown value 'solari'; did you mean 'solaris'" "$output"
}

@test "profiles takes one name, and no option but --help" {
	run "$V6SHIM" profiles openbsd macos
	assert_status 2
	assert_line "v6shim: profiles: unexpected argument 'macos'"
	run "$V6SHIM" profiles --json
	assert_status 2
	assert_line "v6shim: profiles: unexpected argument '--json'"
	run "$V6SHIM" profiles --help
	assert_status 0
	assert_match '^usage: v6shim profiles \[NAME\]' "$output"
}

@test "what is written for people is not in the library" {
	grep -q 'connect is not interposed' "$V6SHIM"
	refute grep -q 'connect is not interposed' "$LIB"
	refute grep -q 'approximate: inferred' "$LIB"
}
