#!/usr/bin/env bats
# What does not work out is undone (DESIGN.md 1.5): each way in which a bind or a listen can fail after the
# shim has touched an option leaves SO_REUSEPORT and IPV6_V6ONLY of every socket as they were, and the
# application gets the first error. several's `show` reads them back: NAME=V6ONLY/SO_REUSEPORT.

load helper

setup() {
	export DIR=$BATS_TEST_TMPDIR
	port=$(free_port)
}

# under SETTINGS STEP...: several under each of the settings (words; `bare` for none), with the log on and
# off; the outcomes, joined by spaces, must be those of $EXPECTED.
under() {
	local settings log

	read -ra settings <<<"$1"
	shift
	if [ "${settings[*]}" = bare ]; then
		assert_eq "$EXPECTED" "$("$PROGRAMS/several" "$@" | outcomes)" "bare: $*"
		return
	fi
	for log in off "$DIR/log.jsonl"; do
		rm -f "$DIR/log.jsonl"
		assert_eq "$EXPECTED" "$(shim "${settings[@]}" LOG="$log" -- "$PROGRAMS/several" "$@" | outcomes)" \
			"${settings[*]} LOG=$log: $*"
	done
}

outcomes() {
	sed 's/.*: //' | paste -sd' '
}

SETTINGS=(bare ON_CONFLICT=fail ON_CONFLICT=resolve ON_CONFLICT=share ON_CONFLICT=share-ipv6 'ON_CONFLICT=resolve MODE=log')
POLICIES=('POLICY=ipv6-only' 'POLICY=both' 'POLICY=ipv6-only ON_CONFLICT=resolve' 'POLICY=both ON_CONFLICT=resolve'
	'POLICY=both ON_CONFLICT=share')

# ---- split

@test "a split that fails, for both families are held by others: V6ONLY is 0 again, EADDRINUSE" {
	start v4 --says ready "$PROGRAMS/serve" -4 -p "$port"
	start v6 --says ready "$PROGRAMS/serve" -6 -v 1 -p "$port"
	for settings in "${SETTINGS[@]}"; do
		for options in '' 'a reuseaddr'; do
			EXPECTED="ok ok ${options:+ok }EADDRINUSE a=0/0"
			under "$settings" 'a socket tcp6' 'a v6only 0' ${options:+"$options"} "a bind :: $port" show
		done
		EXPECTED='ok ok ok EADDRINUSE a=0/1'
		under "$settings" 'a socket tcp6' 'a v6only 0' 'a reuseport' "a bind :: $port" show
	done
}

@test "yield that fails: V6ONLY is 1 again, as the application had it" {
	start v4 --says ready "$PROGRAMS/serve" -4 -p "$port"
	start v6 --says ready "$PROGRAMS/serve" -6 -v 1 -p "$port"
	EXPECTED='ok ok EADDRINUSE a=1/0'
	for settings in bare "${POLICIES[@]}"; do
		under "$settings" 'a socket tcp6' 'a v6only 1' "a bind :: $port" show
	done
}

# ---- share

@test "share between sockets of different users fails: SO_REUSEPORT of both is 0 again" {
	[ "$(id -u)" = 0 ] || skip 'needs root, for sockets of different users in one process'
	for settings in "${SETTINGS[@]}"; do
		EXPECTED='ok ok ok ok ok ok EADDRINUSE a=0/0 b=-/0'
		under "$settings" 'a socket tcp6' 'a v6only 0' "a bind :: $port" 'a listen' 'uid 65534' 'b socket tcp4' \
			"b bind 0.0.0.0 $port" show
		EXPECTED='ok ok ok ok ok EADDRINUSE a=0/0 b=-/0'
		under "$settings" 'a socket udp6' 'a v6only 0' "a bind :: $port" 'uid 65534' 'b socket udp4' \
			"b bind 127.0.0.1 $port" show
	done
	# IPv6 second: what resolve does by a split, share cannot.
	for settings in bare ON_CONFLICT=fail ON_CONFLICT=share ON_CONFLICT=share-ipv6; do
		EXPECTED='ok ok ok ok ok EADDRINUSE a=0/0 b=-/0'
		under "$settings" 'b socket tcp4' "b bind 0.0.0.0 $port" 'uid 65534' 'a socket tcp6' 'a v6only 0' \
			"a bind :: $port" show
	done
}

@test "share at listen that fails: SO_REUSEPORT of both is 0 again, and the first goes on serving" {
	[ "$(id -u)" = 0 ] || skip 'needs root, for sockets of different users in one process'
	both=('a socket tcp6' 'a v6only 0' 'a reuseaddr' 'uid 65534' 'b socket tcp4' 'b reuseaddr' 'uid 0'
		"a bind :: $port" "b bind 0.0.0.0 $port")
	for settings in "${SETTINGS[@]}"; do
		EXPECTED='ok ok ok ok ok ok ok ok ok ok EADDRINUSE a=0/0 b=-/0 a a'
		under "$settings" "${both[@]}" 'a listen' 'b listen' show "who tcp 127.0.0.1 $port" "who tcp ::1 $port"
		EXPECTED='ok ok ok ok ok ok ok ok ok ok EADDRINUSE a=0/0 b=-/0 b nobody'
		under "$settings" "${both[@]}" 'b listen' 'a listen' show "who tcp 127.0.0.1 $port" "who tcp ::1 $port"
	done
}

@test "share that a third socket refuses: all three are as they were" {
	[ "$(id -u)" = 0 ] || skip 'needs root, for sockets of different users in one process'
	for settings in "${SETTINGS[@]}"; do
		# b could share with a; c, another user's, listens on 127.0.0.1 and lets neither in.
		EXPECTED='ok ok ok ok ok ok ok ok ok ok ok ok ok EADDRINUSE a=0/0 b=-/0 c=-/0'
		under "$settings" 'a socket tcp6' 'a v6only 0' 'a reuseaddr' 'b socket tcp4' 'b reuseaddr' \
			'uid 65534' 'c socket tcp4' 'c reuseaddr' 'uid 0' "a bind :: $port" "b bind 127.0.0.2 $port" \
			"c bind 127.0.0.1 $port" 'c listen' 'a listen' show
		# What the application itself had set stays set.
		EXPECTED='ok ok ok ok ok ok ok ok ok ok ok ok ok ok EADDRINUSE a=0/0 b=-/1 c=-/0'
		under "$settings" 'a socket tcp6' 'a v6only 0' 'a reuseaddr' 'b socket tcp4' 'b reuseaddr' 'b reuseport' \
			'uid 65534' 'c socket tcp4' 'c reuseaddr' 'uid 0' "a bind :: $port" "b bind 127.0.0.2 $port" \
			"c bind 127.0.0.1 $port" 'c listen' 'a listen' show
	done
}

# ---- a double start

@test "a second socket of the family in the process: EADDRINUSE, and every option as it was" {
	# A pair that needs nothing, nor anything but yielding; then each family anew.
	pair=('a socket tcp4' "a bind 0.0.0.0 $port" 'a listen' 'b socket tcp6' 'b v6only 1' "b bind :: $port")
	for settings in "${SETTINGS[@]}" "${POLICIES[@]}"; do
		for extra in '' 'c reuseaddr'; do
			for asked in 0 1; do
				EXPECTED="ok ok ok ok ok ok ok ok ${extra:+ok }EADDRINUSE a=-/0 b=1/0 c=$asked/0"
				under "$settings" "${pair[@]}" 'c socket tcp6' "c v6only $asked" ${extra:+"$extra"} "c bind :: $port" show
			done
			EXPECTED="ok ok ok ok ok ok ok ${extra:+ok }EADDRINUSE a=-/0 b=1/0 c=-/0"
			under "$settings" "${pair[@]}" 'c socket tcp4' ${extra:+"$extra"} "c bind 0.0.0.0 $port" show
		done
	done
}

@test "a third socket that has SO_REUSEPORT is no reason to let it in beside two that have not" {
	for settings in "${SETTINGS[@]}" 'POLICY=both' 'POLICY=both ON_CONFLICT=resolve'; do
		for v6only in 0 1; do
			EXPECTED="ok ok ok ok ok ok ok ok ok ok EADDRINUSE a=-/0 b=1/0 c=$v6only/1"
			under "$settings" 'a socket tcp4' "a bind 0.0.0.0 $port" 'a listen' 'b socket tcp6' 'b v6only 1' \
				"b bind :: $port" 'b listen' 'c socket tcp6' "c v6only $v6only" 'c reuseport' "c bind :: $port" show
		done
	done
}

@test "after a share a second of either family is still refused, and the pair stays shared" {
	for settings in ON_CONFLICT=resolve ON_CONFLICT=share; do
		for kind in tcp udp; do
			for extra in '' reuseaddr; do
				# UDP with SO_REUSEADDR on all is never refused by the kernel; here the pair has none.
				pair=("a socket ${kind}6" 'a v6only 0' "a bind :: $port" "b socket ${kind}4" "b bind 0.0.0.0 $port")
				EXPECTED="ok ok ok ok ok ok ${extra:+ok }EADDRINUSE a=0/1 b=-/1 c=-/0"
				under "$settings" "${pair[@]}" "c socket ${kind}4" ${extra:+"c $extra"} "c bind 0.0.0.0 $port" show
				EXPECTED="ok ok ok ok ok ok ok ${extra:+ok }EADDRINUSE a=0/1 b=-/1 c=0/0"
				under "$settings" "${pair[@]}" "c socket ${kind}6" 'c v6only 0' ${extra:+"c $extra"} "c bind :: $port" show
			done
		done
	done
}

@test "the application's own SO_REUSEPORT groups work as without the shim, and share with the other family" {
	group=('a socket tcp4' 'a reuseport' "a bind 0.0.0.0 $port" 'a listen'
		'b socket tcp4' 'b reuseport' "b bind 0.0.0.0 $port" 'b listen'
		'c socket tcp6' 'c v6only 0' 'c reuseport' "c bind :: $port" 'c listen'
		'd socket tcp6' 'd v6only 0' 'd reuseport' "d bind :: $port" 'd listen')
	for settings in "${SETTINGS[@]}" 'POLICY=both'; do
		EXPECTED="$(printf 'ok %.0s' {1..18})a=-/1 b=-/1 c=0/1 d=0/1"
		under "$settings" "${group[@]}" show
	done
	# IPv6 without the option beside a group of IPv4.
	EXPECTED='ok ok ok ok ok ok ok ok EADDRINUSE a=-/1 b=-/1 c=0/0'
	under bare "${group[@]:0:3}" "${group[@]:4:3}" 'c socket tcp6' 'c v6only 0' "c bind :: $port" show
	EXPECTED='ok ok ok ok ok ok ok ok ok a=-/1 b=-/1 c=0/1'
	under ON_CONFLICT=share "${group[@]:0:3}" "${group[@]:4:3}" 'c socket tcp6' 'c v6only 0' "c bind :: $port" show
	EXPECTED='ok ok ok ok ok ok ok ok ok a=-/1 b=-/1 c=1/0'
	under ON_CONFLICT=resolve "${group[@]:0:3}" "${group[@]:4:3}" 'c socket tcp6' 'c v6only 0' "c bind :: $port" show
}

# ---- several sockets that do work out

@test "several IPv4 addresses beside ::, each order: each client reaches the socket of its address" {
	who=("who tcp 127.0.0.1 $port" "who tcp 127.0.0.2 $port" "who tcp 127.0.0.3 $port" "who tcp ::1 $port")
	v4=('a socket tcp4' "a bind 127.0.0.1 $port" 'a listen' 'b socket tcp4' "b bind 127.0.0.2 $port" 'b listen')
	v6=('c socket tcp6' 'c v6only 0' "c bind :: $port" 'c listen')
	EXPECTED='ok ok ok ok ok ok ok ok ok ok a=-/1 b=-/1 c=0/1 a b c c'
	under ON_CONFLICT=share "${v4[@]}" "${v6[@]}" show "${who[@]}"
	under ON_CONFLICT=share "${v6[@]}" "${v4[@]}" show "${who[@]}"
	under ON_CONFLICT=resolve "${v6[@]}" "${v4[@]}" show "${who[@]}"
	# Split: who has no socket of his address is not served.
	EXPECTED='ok ok ok ok ok ok ok ok ok ok a=-/0 b=-/0 c=1/0 a b nobody c'
	under ON_CONFLICT=resolve "${v4[@]}" "${v6[@]}" show "${who[@]}"
	# Control.
	EXPECTED='ok ok ok ok ok ok ok ok EADDRINUSE'
	under bare "${v4[@]}" "${v6[@]:0:3}"
	EXPECTED='ok ok ok ok ok EADDRINUSE'
	under bare "${v6[@]}" "${v4[@]:0:2}"
}

@test "policy=both with several sockets of its own costs none of them its bind" {
	for extra in reuseaddr 'v6only 1'; do
		# The second is only there to be set twice where the first has none.
		v4=('a socket tcp4' "a bind 127.0.0.1 $port" 'a listen' 'b socket tcp4' "b bind 127.0.0.2 $port" 'b listen')
		v6=('c socket tcp6' 'c v6only 1' "c $extra" "c bind :: $port" 'c listen')
		[ "$extra" != reuseaddr ] || v4=("${v4[0]}" 'a reuseaddr' "${v4[@]:1:3}" 'b reuseaddr' "${v4[@]:4}")
		oks=$(printf 'ok %.0s' "${v4[@]}" "${v6[@]}")
		EXPECTED="${oks}a=-/0 b=-/0 c=1/0 a b c"
		who=("who tcp 127.0.0.1 $port" "who tcp 127.0.0.2 $port" "who tcp ::1 $port")
		under bare "${v4[@]}" "${v6[@]}" show "${who[@]}"
		under bare "${v6[@]}" "${v4[@]}" show "${who[@]}"
		under POLICY=both "${v4[@]}" "${v6[@]}" show "${who[@]}"
		EXPECTED="${oks}a=-/1 b=-/1 c=0/1 a b c"
		under POLICY=both "${v6[@]}" "${v4[@]}" show "${who[@]}"
	done
}

@test "policy=both costs a v4-mapped socket no bind either" {
	steps=('a socket tcp6' 'a v6only 1' "a bind :: $port" 'a listen'
		'b socket tcp6' 'b v6only 0' "b bind ::ffff:127.0.0.1 $port" 'b listen' "who tcp 127.0.0.1 $port" "who tcp ::1 $port")
	EXPECTED='ok ok ok ok ok ok ok ok b a'
	under bare "${steps[@]}"
	under POLICY=both "${steps[@]}"
	under POLICY=both "${steps[@]:4:4}" "${steps[@]:0:4}" "${steps[@]:8}"
}

@test "MPTCP beside TCP: shared and split as TCP is, and undone as TCP is" {
	"$PROGRAMS/serve" -x -P mptcp >/dev/null || skip 'needs a kernel with MPTCP'
	who=("who tcp 127.0.0.1 $port" "who tcp ::1 $port")
	for kinds in 'mptcp6 tcp4' 'tcp6 mptcp4' 'mptcp6 mptcp4'; do
		v6=("a socket ${kinds% *}" 'a v6only 0' "a bind :: $port" 'a listen')
		v4=("b socket ${kinds#* }" "b bind 0.0.0.0 $port" 'b listen')
		EXPECTED='ok ok ok ok ok EADDRINUSE a=0/0 b=-/0'
		under bare "${v6[@]}" "${v4[@]:0:2}" show
		EXPECTED='ok ok ok ok ok ok ok a=0/1 b=-/1 b a'
		under ON_CONFLICT=resolve "${v6[@]}" "${v4[@]}" show "${who[@]}"
		EXPECTED='ok ok ok ok ok ok ok a=1/0 b=-/0 b a'
		under ON_CONFLICT=resolve "${v4[@]}" "${v6[@]}" show "${who[@]}"
		[ "$(id -u)" = 0 ] || continue
		EXPECTED='ok ok ok ok ok ok EADDRINUSE a=0/0 b=-/0'
		under ON_CONFLICT=share "${v6[@]}" 'uid 65534' "${v4[@]:0:2}" show
	done
}

# ---- a forced policy whose bind fails

# asks OUTCOMES STEP...: under every forced policy a socket that asked for nothing, for 0 and for 1 is left
# with what it had.
asks() {
	local failure=$1 settings asked

	shift
	for settings in bare POLICY=ipv6-only POLICY=both 'POLICY=both ON_CONFLICT=resolve'; do
		EXPECTED="ok $failure a=0/0"
		under "$settings" 'a socket tcp6' "$@" show
		for asked in 0 1; do
			EXPECTED="ok ok $failure a=$asked/0"
			under "$settings" 'a socket tcp6' "a v6only $asked" "$@" show
		done
	done
}

@test "a forced bind that fails with EADDRINUSE leaves V6ONLY as it was" {
	start v6 --says ready "$PROGRAMS/serve" -6 -v 1 -p "$port"
	asks EADDRINUSE "a bind :: $port"
}

@test "a forced bind that fails with EACCES leaves V6ONLY as it was" {
	require_netns
	[ "$(id -u)" = 0 ] || skip 'needs root, to give it up'
	privileged() {
		echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start
		asks 'ok EACCES' 'uid 65534' 'a bind :: 80'
	}
	in_netns privileged
}

@test "a bind that fails with EADDRNOTAVAIL leaves V6ONLY as it was, and the socket can be bound to ::" {
	for settings in bare POLICY=ipv6-only POLICY=both; do
		for asked in 0 1; do
			after=$asked
			[ "$settings" != POLICY=ipv6-only ] || after=1
			[ "$settings" != POLICY=both ] || after=0
			EXPECTED="ok ok EADDRNOTAVAIL a=$asked/0 ok a=$after/0"
			under "$settings" 'a socket tcp6' "a v6only $asked" "a bind 2001:db8::1 $port" show "a bind :: $port" show
		done
	done
}

@test "a second bind of a bound socket fails with EINVAL and leaves V6ONLY as it was" {
	for settings in bare POLICY=app ON_CONFLICT=resolve; do
		EXPECTED='ok ok ok EINVAL a=0/0'
		under "$settings" 'a socket tcp6' 'a v6only 0' "a bind :: $port" "a bind :: $(free_port)" show
	done
	EXPECTED='ok ok ok EINVAL a=1/0'
	under POLICY=ipv6-only 'a socket tcp6' 'a v6only 0' "a bind :: $port" "a bind :: $port" show
	EXPECTED='ok ok ok EINVAL a=0/0'
	under POLICY=both 'a socket tcp6' 'a v6only 1' "a bind :: $port" "a bind :: $port" show
	under POLICY=both 'a socket tcp6' 'a v6only 1' "a bind :: $port" "a bind ::1 $port" show
}

@test "listen that fails on a socket that was never bound leaves V6ONLY as it was" {
	for settings in bare POLICY=ipv6-only POLICY=both 'POLICY=ipv6-only MODE=log'; do
		EXPECTED='ok EOPNOTSUPP a=0/0'
		under "$settings" 'a socket udp6' 'a listen' show
		for asked in 0 1; do
			EXPECTED="ok ok EOPNOTSUPP a=$asked/0"
			under "$settings" 'a socket udp6' "a v6only $asked" 'a listen' show
		done
	done
	# As a datagram socket that is left alone it can go on.
	EXPECTED='ok EOPNOTSUPP ok a=0/0'
	under POLICY=both 'a socket udp6' 'a listen' "a bind :: $port" show
}

@test "listen that finds no port for itself leaves V6ONLY as it was, and is no conflict" {
	require_netns
	no_port_left() {
		local settings

		echo "$port $port" >/proc/sys/net/ipv4/ip_local_port_range
		for settings in bare POLICY=ipv6-only POLICY=both 'POLICY=ipv6-only ON_CONFLICT=resolve'; do
			EXPECTED='ok ok ok ok ok EADDRINUSE a=0/0 b=1/0'
			under "$settings" 'b socket tcp6' 'b v6only 1' "b bind ::1 $port" 'b listen' 'a socket tcp6' 'a listen' show
		done
	}
	export port
	in_netns no_port_left
}

@test "after a failed forced bind the same descriptor can bind a v4-mapped address" {
	start v6 --says ready "$PROGRAMS/serve" -6 -v 1 -p "$port"
	other=$(free_port)
	for settings in bare POLICY=ipv6-only POLICY=both 'POLICY=ipv6-only ON_CONFLICT=resolve' \
		ON_CONFLICT=resolve 'POLICY=both ON_CONFLICT=share'; do
		EXPECTED='ok EADDRINUSE ok ok a'
		under "$settings" 'a socket tcp6' "a bind :: $port" "a bind ::ffff:127.0.0.1 $other" 'a listen' \
			"who tcp 127.0.0.1 $other"
	done
}

@test "a socket whose V6ONLY was set before it was inherited gets that value back" {
	start v6 --says ready "$PROGRAMS/serve" -6 -v 1 -p "$port"
	for policy in ipv6-only both; do
		for asked in 0 1; do
			for how in exec pass dup fork; do
				got=$(shim POLICY=$policy LOG="$DIR/log.jsonl" -- "$PROGRAMS/steps" \
					'socket tcp6' "v6only $asked" $how "bind :: $port" get | tail -n 2 | outcomes)
				assert_eq "EADDRINUSE $asked" "$got" "$policy $asked $how"
			done
		done
	done
}

# ---- the first error

@test "the application gets the first error, whatever the attempts that follow fail with" {
	require cc
	# Behind ours: what it is asked to bind of that family is in use at first, and then there is no memory.
	cat >"$DIR/later.c" <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>
		#include <sys/socket.h>
		#include <unistd.h>

		int bind(int fd, const struct sockaddr *address, socklen_t size)
		{
			static int (*real)(int, const struct sockaddr *, socklen_t), calls;

			if (address->sa_family == FAMILY) {
				errno = calls++ ? ENOBUFS : EADDRINUSE;
				if (write(2, "asked\n", 6) == 6)
					return -1;
			}
			if (!real)
				real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
			return real(fd, address, size);
		}
	END
	v4=('a socket tcp4' "a bind 0.0.0.0 $port")
	v6=('b socket tcp6' 'b v6only 0' "b bind :: $port")
	# The family that comes second, the settings, how often it is asked for in all.
	while read -r family asked attempts settings; do
		first=("${v4[@]}") second=("${v6[@]}") EXPECTED="EADDRINUSE a=-/0 b=$asked/0"
		second[1]="b v6only $asked"
		[ "$family" = AF_INET6 ] || {
			first=("${v6[@]}") second=("${v4[@]}")
			[ "$settings" != POLICY=both ] || first[1]='b v6only 1'
			# policy=both has cleared what was asked for, and that bind stands.
			EXPECTED="EADDRINUSE a=-/0 b=0/0"
		}
		cc -shared -fPIC -DFAMILY="$family" -o "$DIR/later.so" "$DIR/later.c" -ldl
		got=$(env LD_PRELOAD="$LIB:$DIR/later.so" V6SHIM_LOG=off "V6SHIM_$settings" \
			"$PROGRAMS/several" "${first[@]}" "${second[@]}" show 2>"$DIR/asked" | tail -n 2 | outcomes)
		assert_eq "$EXPECTED" "$got" "$family $settings"
		assert_eq "$attempts" "$(wc -l <"$DIR/asked")" "$family $settings: attempts"
	done <<-END
		AF_INET6 0 1 ON_CONFLICT=fail
		AF_INET6 0 3 ON_CONFLICT=resolve
		AF_INET6 0 2 ON_CONFLICT=share
		AF_INET6 1 3 POLICY=both
		AF_INET 0 1 ON_CONFLICT=fail
		AF_INET 0 2 ON_CONFLICT=resolve
		AF_INET 0 1 ON_CONFLICT=share-ipv6
		AF_INET 0 2 POLICY=both
	END
}
