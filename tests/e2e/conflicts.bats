#!/usr/bin/env bats
# Both families want one port: within a process, across two, silently, in vain (DESIGN.md 1.5; FACTS.md 1
# for what the kernel does by itself). The rows are of rows.py; outcomes end with `show`,
# SOCKET=V6ONLY/SO_REUSEPORT, and who gets a client of 127.0.0.1 and of ::1.

load helper
load rows
load survive

ON_CONFLICT='on-conflict=fail, on-conflict=resolve, on-conflict=share, on-conflict=share-ipv6'
ALL="bare, $ON_CONFLICT, on-conflict=resolve mode=log"
POLICIES='policy=ipv6-only, policy=both, policy=ipv6-only on-conflict=resolve, policy=both on-conflict=resolve,
	policy=both on-conflict=share'
POLICIES=${POLICIES//[$'\n\t']/ }

# ---- the matrix: two sockets of one process

# Both sockets have the option, or none; TCP's first one listens early, before the second is bound, or
# late. A dual-stack IPv6 socket comes second (IPv4 first), and first. What is met, and done about it:
#	bind, listen  EADDRINUSE from that call of the second
#	split, share  and yield, of what policy=both made where the application had asked for V6ONLY 1:
#	ysplit, yshare
#	overlap       both live, silently
matrix() {
	cat <<-END
		# proto option  first  | fail    resolve share   share-ipv6 both   | fail    resolve share   share-ipv6 both
		tcp plain       early  | bind    split   share   share      ysplit | bind    share   share   bind       yshare
		tcp plain       late   | bind    split   share   share      ysplit | bind    share   share   bind       yshare
		tcp reuseaddr   early  | bind    split   share   share      ysplit | bind    share   share   bind       yshare
		tcp reuseaddr   late   | listen  share   share   share      ysplit | listen  share   share   listen     yshare
		tcp reuseport   early  | ok      ok      ok      ok         ysplit | ok      ok      ok      ok         ok
		tcp reuseport   late   | ok      ok      ok      ok         ysplit | ok      ok      ok      ok         ok
		udp plain       -      | bind    split   share   share      ysplit | bind    share   share   bind       yshare
		udp reuseaddr   -      | overlap overlap overlap overlap    ysplit | overlap overlap overlap overlap   overlap
		udp reuseport   -      | overlap overlap overlap overlap    ysplit | overlap overlap overlap overlap   overlap
	END
}

# cell MET MADE ASKED [WOULD]: sets CELL and RECORD to what a row has. MET is what comes of it bare, MADE what is
# made of it, WOULD what enforce would make. The rest is the caller's.
cell() {
	local met=$1 made=$2 v6only=$3 reuseport=0 refused='' who="$v4 $v6" result=ok action='' family=inet6

	[ "$first" = 4 ] || family=inet
	[ "$option" != reuseport ] || reuseport=1
	case $made in
	bind) refused='b.bind=EADDRINUSE ' ;;
	listen) refused='b.listen=EADDRINUSE ' ;;
	split | ysplit) v6only=1 ;;
	share | yshare) reuseport=1 ;;
	esac
	if [ "$made" = bind ] && [ "$proto" = tcp ]; then
		refused+='b.listen=- '
	fi
	if [ -n "$refused" ]; then
		result=EADDRINUSE
		# Of a dual-stack socket that is left both families are served.
		[ "$first" = 4 ] && who='a nobody' || who='a a'
	fi
	CELL="$refused$v4=-/$reuseport $v6=$v6only/$reuseport $who"
	[ "$first" = 4 ] || CELL="$refused$v6=$v6only/$reuseport $v4=-/$reuseport $who"
	case ${4-$made} in
	split | share) action="${4-$made} " ;;
	ysplit | yshare) action='yield ' ;;
	esac
	[ "$met" != overlap ] || met=bind
	RECORD="$met $family ${action}conflict $result"
	[ "$1" != ok ] || RECORD=none
}

# cells ADDRESS: the whole matrix as a table, IPv4 at that address. Beside a single one a split would lose the
# others: what resolve does there is not the matrix's.
cells() {
	local proto option late bar first fail resolve share share_ipv6 both rest met set v4 v6 asked second

	quietly
	while read -r proto option late bar rest; do
		[ "$proto" != '#' ] || continue
		for first in 4 6; do
			[ $first = 4 ] && v4=a v6=b || v4=b v6=a
			# shellcheck disable=SC2034 # by their names
			read -r fail resolve share share_ipv6 both rest <<<"${rest#| }"
			set="; $option"
			[ "$option" != plain ] || set=''
			for asked in 0 1; do
				steps="$v4 socket ${proto}4$set; bind $1 P"
				second="$v6 socket ${proto}6; v6only $asked$set; bind :: P"
				[ $first = 4 ] || { bar=$steps && steps=$second && second=$bar; }
				case $late in
				early) echo "$steps; listen; $second; listen; show; who $proto 127.0.0.1 P; who $proto ::1 P" ;;
				late) echo "$steps; $second; a listen; b listen; show; who $proto 127.0.0.1 P; who $proto ::1 P" ;;
				-) echo "$steps; $second; show; who $proto 127.0.0.1 P; who $proto ::1 P" ;;
				esac
				if [ $asked = 0 ]; then
					dual_stack "$1"
				else
					ipv6_alone
				fi
			done
		done
	done < <(matrix)
}

dual_stack() {
	local setting

	met=$fail
	cell "$met" "$fail" 0
	echo "bare, mode=log -> $CELL"
	for setting in fail resolve share share_ipv6; do
		[ "$1 ${!setting}" != '127.0.0.1 split' ] || continue
		cell "$met" "${!setting}" 0
		echo "on-conflict=${setting//_/-}, on-conflict=${setting//_/-} policy=default-both -> $CELL | $RECORD"
		cell "$met" "$fail" 0 "${!setting}"
		echo "on-conflict=${setting//_/-} mode=log -> $CELL | $RECORD"
	done
	cell ok ok 1
	echo "policy=ipv6-only, policy=ipv6-only on-conflict=resolve -> $CELL | setsockopt inet6 contrary ok; bind inet6 override ok"
}

ipv6_alone() {
	local contrary='setsockopt inet6 contrary ok' made='bind inet6 override ok'

	cell ok ok 1
	echo "bare, on-conflict=fail, on-conflict=resolve, on-conflict=share, policy=ipv6-only -> $CELL | none"
	echo "policy=both mode=log, policy=both on-conflict=share mode=log -> $CELL"
	cell "$fail" "$both" 0
	# The IPv4 socket is seen at the bind already.
	case $first.$both in
	4.*) RECORD='bind inet6 yield conflict ok' ;;
	*.ok) RECORD=$made ;;
	*) RECORD="$made; $RECORD" ;;
	esac
	echo "policy=both, policy=both on-conflict=resolve, policy=both on-conflict=share-ipv6 -> $CELL | $contrary; $RECORD"
}

@test "the matrix: both wildcards" {
	cells 0.0.0.0 | rows
}

@test "the matrix: 127.0.0.1 beside ::" {
	cells 127.0.0.1 | rows
}

@test "the matrix: what else a record tells of a split, a share and an overlap" {
	local pair='socket tcp4; bind 0.0.0.0 P; b socket tcp6; v6only 0; bind :: P; show'
	local fields=event,addr,port,before,after,action,finding,holder.pid,holder.program,holder.family,holder.addr,holder.port,holder.v6only

	rows --fields $fields <<-END
		$pair
		bare -> b.bind=EADDRINUSE a=-/0 b=0/0
		on-conflict=resolve -> a=-/0 b=1/0 | bind :: P 0 1 split conflict self drive inet 0.0.0.0 P - ~ serves IPv6 alone
		# With mode=log it is V6ONLY 1 by the policy that would have spared the conflict.
		policy=ipv6-only on-conflict=resolve mode=log -> b.bind=EADDRINUSE a=-/0 b=0/0 | setsockopt - - 0 0 contrary - - - - - -; bind :: P 0 0 override conflict self drive inet 0.0.0.0 P -
		on-conflict=share -> a=-/1 b=0/1 | bind :: P 0 0 share conflict self drive inet 0.0.0.0 P - ~ SO_REUSEPORT.*open to further SO_REUSEPORT sockets of this user
		socket udp6; v6only 0; bind :: P; b socket udp4; bind 127.0.0.1 P; show
		bare -> b.bind=EADDRINUSE a=0/0 b=-/0
		on-conflict=resolve -> a=0/1 b=-/1 | bind 127.0.0.1 P - - share conflict self drive inet6 :: P 0
		socket udp6; v6only 0; reuseaddr; bind :: P; b socket udp4; reuseaddr; bind 127.0.0.1 P; show
		bare -> a=0/0 b=-/0
		on-conflict=resolve -> a=0/0 b=-/0 | bind 127.0.0.1 P - - conflict self drive inet6 :: P 0 ~ IPv4 datagrams go to the IPv4 socket
	END
	# `serves` is told after the call that made both live.
	rows --no-control --events bind,listen --fields event,family,action,serves <<-END
		socket tcp6; v6only 0; reuseaddr; b socket tcp4; reuseaddr; a bind :: P; b bind 0.0.0.0 P; b listen; a listen
		on-conflict=resolve -> | bind inet6 -; bind inet -; listen inet inet; listen inet6 share inet6,inet
		socket udp4; bind 0.0.0.0 P; b socket udp6; v6only 0; bind :: P
		on-conflict=resolve -> | bind inet inet; bind inet6 split inet6
		on-conflict=share -> | bind inet inet; bind inet6 share inet6,inet
	END
}

# ---- no overlap, and so no record

@test "no overlap is told of other ports, ::1, other protocols, one family, V6ONLY 1, and closed sockets" {
	local v4='socket udp4; reuseaddr; bind 0.0.0.0 P' v6='socket udp6; v6only 0; reuseaddr; bind ::'

	rows <<-END
		$v4; b $v6 Q
		bare, on-conflict=fail -> | none
		$v4; b socket udp6; v6only 0; reuseaddr; bind ::1 P
		bare, on-conflict=fail -> | none
		$v4; b socket tcp6; v6only 0; reuseaddr; bind :: P; listen
		bare, on-conflict=fail -> | none
		# TCP's conflict comes at listen, where it is an error.
		socket tcp4; reuseaddr; bind 0.0.0.0 P; b socket tcp6; v6only 0; reuseaddr; bind :: P
		bare, on-conflict=fail -> | none
		$v4; b $v4
		bare, on-conflict=fail -> | none
		$v6 P; b $v6 P
		bare, on-conflict=fail -> | none
		$v4; b socket udp6; v6only 1; reuseaddr; bind :: P
		bare, on-conflict=fail -> | none
		$v4; b socket udp6; reuseaddr; bind :: P
		bare ->
		policy=ipv6-only -> | bind inet6 set ok
		policy=default-ipv6-only -> | socket inet6 set ok
		$v4; close; b $v6 P
		bare, on-conflict=fail -> | none
		$v6 P; close; b $v4
		bare, on-conflict=fail -> | none
		# Control of all that: this is one, and has no action, whatever the settings.
		$v4; b $v6 P; show
		bare -> a=-/0 b=0/0
		$ON_CONFLICT, on-conflict=share mode=log -> a=-/0 b=0/0 | bind inet6 conflict ok
	END
}

# ---- what does not work out is undone

@test "a split or a yield that fails, for both families are held by others: V6ONLY is as it was" {
	rows <<-END
		holder: socket tcp4; bind 0.0.0.0 P; listen; b socket tcp6; v6only 1; bind :: P; listen
		socket tcp6; v6only 0; bind :: P; show
		$ALL -> bind=EADDRINUSE a=0/0
		socket tcp6; v6only 0; reuseaddr; bind :: P; show
		$ALL -> bind=EADDRINUSE a=0/0
		socket tcp6; v6only 0; reuseport; bind :: P; show
		$ALL -> bind=EADDRINUSE a=0/1
		socket tcp6; v6only 1; bind :: P; show
		bare, $POLICIES -> bind=EADDRINUSE a=1/0
	END
}

@test "a share that fails, at bind and at listen: SO_REUSEPORT of all is as it was, the first goes on" {
	require_root
	local both='socket tcp6; v6only 0; reuseaddr; uid 65534; b socket tcp4; reuseaddr; uid 0; a bind :: P; b bind 0.0.0.0 P'
	local three='socket tcp6; v6only 0; reuseaddr; b socket tcp4; reuseaddr'
	local third='uid 65534; c socket tcp4; reuseaddr; uid 0; a bind :: P; b bind 127.0.0.2 P; c bind 127.0.0.1 P; c listen; a listen; show'

	rows <<-END
		# The kernel lets no two users share.
		socket tcp6; v6only 0; bind :: P; listen; uid 65534; b socket tcp4; bind 0.0.0.0 P; show
		$ALL -> b.bind=EADDRINUSE a=0/0 b=-/0
		socket udp6; v6only 0; bind :: P; uid 65534; b socket udp4; bind 127.0.0.1 P; show
		$ALL -> b.bind=EADDRINUSE a=0/0 b=-/0
		socket tcp6; v6only 1; bind :: P; listen; uid 65534; b socket tcp6; v6only 0; bind :: P; show
		$ALL -> b.bind=EADDRINUSE a=1/0 b=0/0
		# What resolve does by a split, share cannot.
		b socket tcp4; bind 0.0.0.0 P; uid 65534; a socket tcp6; v6only 0; bind :: P; show
		bare, on-conflict=fail, on-conflict=share, on-conflict=share-ipv6 -> a.bind=EADDRINUSE a=0/0 b=-/0
		$both; a listen; b listen; show; who tcp 127.0.0.1 P; who tcp ::1 P
		$ALL -> b.listen=EADDRINUSE a=0/0 b=-/0 a a
		$both; b listen; a listen; show; who tcp 127.0.0.1 P; who tcp ::1 P
		$ALL -> a.listen=EADDRINUSE a=0/0 b=-/0 b nobody
		# b could share with a; c, another user's, listens and lets neither in.
		$three; $third
		$ALL -> a.listen=EADDRINUSE a=0/0 b=-/0 c=-/0
		$three; reuseport; $third
		$ALL -> a.listen=EADDRINUSE a=0/0 b=-/1 c=-/0
	END
}

@test "a second socket of the family stays refused, beside a pair and after a share" {
	local pair='socket tcp4; bind 0.0.0.0 P; listen; b socket tcp6; v6only 1; bind :: P' k

	for asked in 0 1; do
		cat <<-END
			$pair; c socket tcp6; v6only $asked; bind :: P; show
			$ALL, $POLICIES -> c.bind=EADDRINUSE a=-/0 b=1/0 c=$asked/0
			$pair; c socket tcp6; reuseaddr; v6only $asked; bind :: P; show
			$ALL, $POLICIES -> c.bind=EADDRINUSE a=-/0 b=1/0 c=$asked/0
			# Its SO_REUSEPORT is no reason to let it in beside two that have not.
			$pair; listen; c socket tcp6; reuseport; v6only $asked; bind :: P; show
			$ALL, policy=both, policy=both on-conflict=resolve -> c.bind=EADDRINUSE a=-/0 b=1/0 c=$asked/1
		END
	done >"$BATS_TEST_TMPDIR/table"
	for k in tcp udp; do
		# UDP with SO_REUSEADDR on all is never refused by the kernel; here the pair has none.
		for extra in '' 'reuseaddr; '; do
			cat <<-END
				$pair; c socket tcp4; ${extra}bind 0.0.0.0 P; show
				$ALL, $POLICIES -> c.bind=EADDRINUSE a=-/0 b=1/0 c=-/0
				socket ${k}6; v6only 0; bind :: P; b socket ${k}4; bind 0.0.0.0 P; c socket ${k}4; ${extra}bind 0.0.0.0 P; show
				bare -> b.bind=EADDRINUSE c.bind=EADDRINUSE a=0/0 b=-/0 c=-/0
				on-conflict=resolve, on-conflict=share -> c.bind=EADDRINUSE a=0/1 b=-/1 c=-/0
				socket ${k}6; v6only 0; bind :: P; b socket ${k}4; bind 0.0.0.0 P; c socket ${k}6; v6only 0; ${extra}bind :: P; show
				bare -> b.bind=EADDRINUSE c.bind=EADDRINUSE a=0/0 b=-/0 c=0/0
				on-conflict=resolve, on-conflict=share -> c.bind=EADDRINUSE a=0/1 b=-/1 c=0/0
			END
		done
	done >>"$BATS_TEST_TMPDIR/table"
	rows <"$BATS_TEST_TMPDIR/table"
}

# ---- several sockets that do work out

@test "SO_REUSEPORT groups of the application's own, several addresses, mapped ones, MPTCP" {
	local g4='socket tcp4; reuseport; bind 0.0.0.0 P; listen' g6='socket tcp6; v6only 0; reuseport; bind :: P; listen'
	local v4='a socket tcp4; bind 127.0.0.1 P; listen; b socket tcp4; bind 127.0.0.2 P; listen'
	local v6='c socket tcp6; v6only 0; bind :: P; listen' v61='c socket tcp6; v6only 1; bind :: P; listen'
	local who='show; who tcp 127.0.0.1 P; who tcp 127.0.0.2 P; who tcp 127.0.0.3 P; who tcp ::1 P'
	local own='a socket tcp6; v6only 1; bind :: P; listen' pair='who tcp 127.0.0.1 P; who tcp ::1 P'
	local mapped='b socket tcp6; v6only 0; bind ::ffff:127.0.0.1 P; listen'

	rows <<-END
		$g4; b $g4; c $g6; d $g6; show
		$ALL, policy=both -> a=-/1 b=-/1 c=0/1 d=0/1
		# IPv6 without the option beside a group of IPv4.
		$g4; b $g4; c socket tcp6; v6only 0; bind :: P; show
		bare -> c.bind=EADDRINUSE a=-/1 b=-/1 c=0/0
		on-conflict=share -> a=-/1 b=-/1 c=0/1
		on-conflict=resolve -> a=-/1 b=-/1 c=1/0
		$v4; $v6; $who
		bare -> c.bind=EADDRINUSE c.listen=- a=-/0 b=-/0 c=0/0 a b nobody nobody
		on-conflict=share -> a=-/1 b=-/1 c=0/1 a b c c
		$v6; $v4; $who
		bare -> a.bind=EADDRINUSE a.listen=- b.bind=EADDRINUSE b.listen=- a=-/0 b=-/0 c=0/0 c c c c
		on-conflict=share, on-conflict=resolve -> a=-/1 b=-/1 c=0/1 a b c c
		# policy=both costs none of them its bind.
		$v4; $v61; $who
		bare, policy=both -> a=-/0 b=-/0 c=1/0 a b nobody c
		$v61; $v4; $who
		bare -> a=-/0 b=-/0 c=1/0 a b nobody c
		policy=both -> a=-/1 b=-/1 c=0/1 a b c c
		$own; $mapped; $pair
		bare, policy=both -> b a
		$mapped; $own; $pair
		bare, policy=both -> b a
	END
	require_mptcp
	for kinds in 'mptcp6 tcp4' 'tcp6 mptcp4' 'mptcp6 mptcp4'; do
		v6="a socket ${kinds% *}; v6only 0; bind :: P; listen" v4="b socket ${kinds#* }; bind 0.0.0.0 P; listen"
		cat <<-END
			$v6; $v4; show; $pair
			bare -> b.bind=EADDRINUSE b.listen=- a=0/0 b=-/0 a a
			on-conflict=resolve -> a=0/1 b=-/1 b a
			$v4; $v6; show; $pair
			bare -> a.bind=EADDRINUSE a.listen=- a=0/0 b=-/0 b nobody
			on-conflict=resolve -> a=1/0 b=-/0 b a
		END
		[ "$(id -u)" != 0 ] || cat <<-END
			$v6; uid 65534; $v4; show
			bare, on-conflict=share -> b.bind=EADDRINUSE b.listen=- a=0/0 b=-/0
		END
	done | rows
}

# ---- what counts as in the way

# Two devices, where devices can be made.
in_devices() {
	ip tuntap add dev t0 mode tun && ip tuntap add dev t1 mode tun && ip link set t0 up && ip link set t1 up
	rows "$@"
}

@test "a socket of another device is in nobody's way: two pairs on two devices, as bare" {
	require_root
	require_netns
	for k in tcp udp; do
		listen='; listen'
		[ $k = tcp ] || listen=''
		a="a socket ${k}6; device t0; v6only 1; bind :: P$listen" b="b socket ${k}4; device t0; bind 0.0.0.0 P$listen"
		c="c socket ${k}6; device t1; v6only 1; bind :: P$listen" d="d socket ${k}4; device t1; bind 0.0.0.0 P$listen"
		cat <<-END
			$a; $b; $c; $d
			bare, policy=both, policy=both on-conflict=resolve, policy=ipv6-only ->
			$b; $a; $d; $c; show
			bare, policy=both -> a=1/0 b=-/0 c=1/0 d=-/0
			# The same device, and none, are in the way.
			a socket ${k}4; device t0; bind 0.0.0.0 P; b socket ${k}6; device t0; v6only 0; bind :: P; show
			bare -> b.bind=EADDRINUSE a=-/0 b=0/0
			on-conflict=resolve -> a=-/0 b=1/0
			a socket ${k}4; device t0; bind 0.0.0.0 P; b socket ${k}6; v6only 0; bind :: P; show
			bare -> b.bind=EADDRINUSE a=-/0 b=0/0
			on-conflict=share -> a=-/1 b=0/1
		END
	done >"$BATS_TEST_TMPDIR/table"
	in_netns in_devices <"$BATS_TEST_TMPDIR/table"
}

@test "UDP on a device: policy=both leaves IPv4 to the IPv4 socket, and the note of an overlap says who gets it" {
	require_root
	require_netns
	cat >"$BATS_TEST_TMPDIR/table" <<-END
		a socket udp4; reuseaddr; bind 0.0.0.0 P; b socket udp6; reuseaddr; device lo; v6only 1; bind :: P; who udp 127.0.0.1 P; show
		bare -> a a=-/0 b=1/0
		policy=both -> a a=-/0 b=1/0 | setsockopt inet6 contrary ok; bind inet6 yield conflict ok
		a socket udp4; reuseaddr; bind 0.0.0.0 P; b socket udp6; reuseaddr; device lo; v6only 0; bind :: P; who udp 127.0.0.1 P
		bare -> b
		on-conflict=fail -> b | bind inet6 conflict ok ~ that come by the IPv6 socket's device go to it, broadcast and multicast to both
		# The IPv4 socket of one address comes first, and so does that of a device.
		a socket udp4; reuseaddr; bind 127.0.0.1 P; b socket udp6; reuseaddr; device lo; v6only 0; bind :: P; who udp 127.0.0.1 P
		bare -> a
		on-conflict=fail -> a | bind inet6 conflict ok ~ go to the IPv4 socket alone
		b socket udp6; reuseaddr; device lo; v6only 0; bind :: P; a socket udp4; reuseaddr; device lo; bind 0.0.0.0 P; who udp 127.0.0.1 P
		bare -> a
		on-conflict=fail -> a | bind inet conflict ok ~ go to the IPv4 socket alone
	END
	in_netns in_devices <"$BATS_TEST_TMPDIR/table"
}

@test "a connection that was reset and is still open holds no port: the listener can be opened again" {
	local six='a socket tcp6; reuseaddr; v6only 1; bind :: P; listen' four='b socket tcp4; reuseaddr; bind 0.0.0.0 P; listen'

	rows <<-END
		$six; $four; dead 127.0.0.1; close; $four; who tcp 127.0.0.1 P; who tcp ::1 P
		bare, policy=both, policy=both on-conflict=resolve -> b a
		$six; $four; accept 127.0.0.1; close; $four
		bare, policy=both ->
	END
}

@test "an IPv6 connection of the process, of a socket that the policy cleared, keeps no IPv4 bind out" {
	local four='b socket tcp4; bind 0.0.0.0 P; show' how

	for how in 'listen; accept ::1' 'dup; listen; accept ::1; accept ::1'; do
		cat <<-END
			a socket tcp6; v6only 1; bind :: P; $how; $four
			bare -> a=1/0 b=-/0
			policy=both, policy=both on-conflict=share -> a=0/1 b=-/1
			a socket tcp6; v6only 0; bind :: P; $how; $four
			bare, policy=both -> b.bind=EADDRINUSE a=0/0 b=-/0
		END
	done >"$BATS_TEST_TMPDIR/table"
	cat >>"$BATS_TEST_TMPDIR/table" <<-END
		a socket tcp6; v6only 1; bind :: P; listen; accept ::1; close; $four
		bare -> b=-/0
		policy=both -> b=-/1 | setsockopt inet6 contrary ok; bind inet6 override ok; bind inet yield conflict ok
		a socket tcp6; v6only 1; bind :: P; connect ::1 9; $four
		bare -> a.connect=ECONNREFUSED a=1/0 b=-/0
		policy=both -> a.connect=ECONNREFUSED a=0/1 b=-/1
		c socket tcp6; v6only 1; a socket tcp6; v6only 0; bind :: P; connect ::1 9; $four
		bare, policy=both -> a.connect=ECONNREFUSED b.bind=EADDRINUSE a=0/0 b=-/0 c=1/0
		c socket tcp6; v6only 1; a socket tcp6; bind :: P; connect ::1 9; $four
		bare, policy=both -> a.connect=ECONNREFUSED b.bind=EADDRINUSE a=0/0 b=-/0 c=1/0
		a socket udp6; v6only 1; bind :: P; connect ::1 9; b socket udp4; bind 0.0.0.0 P; show
		bare -> a=1/0 b=-/0
		policy=both -> a=0/1 b=-/1
		a socket tcp6; v6only 0; bind :: P; listen; accept 127.0.0.1; $four
		bare, on-conflict=fail -> b.bind=EADDRINUSE a=0/0 b=-/0
		on-conflict=share -> a=0/1 b=-/1
		a socket tcp6; v6only 0; bind :: P; listen; accept ::1; close; $four
		bare, policy=both, on-conflict=share -> b.bind=EADDRINUSE b=-/0
		# What the policy never clears keeps its connections' port: a mapped bind, whoever else asked for 1.
		c socket tcp6; v6only 1; a socket tcp6; bind ::ffff:127.0.0.1 P; listen; accept 127.0.0.1; close; b socket tcp4; bind 127.0.0.1 P
		bare, policy=both, policy=default-both, policy=both on-conflict=share -> b.bind=EADDRINUSE
		c socket udp6; v6only 1; a socket udp6; bind ::ffff:127.0.0.1 P; dup; connect ::ffff:127.0.0.1 9; b socket udp4; bind 127.0.0.1 P
		bare, policy=both, policy=both on-conflict=resolve -> b.bind=EADDRINUSE
		a socket tcp6; bind ::ffff:127.0.0.1 P; close; a socket tcp6; v6only 1; bind :: P; listen; accept 127.0.0.1; close; b socket tcp4; bind 127.0.0.1 P
		bare -> a.accept=ECONNREFUSED
		policy=both ->
		# What libv6shim(7) excepts: nobody has it any more, another user, what was asked of a listener that is gone.
		a socket tcp6; v6only 1; reuseaddr; bind :: Q; listen; timewait ::1; close; b socket tcp4; bind 0.0.0.0 Q; show
		bare -> b=-/0
		policy=both -> b.bind=EADDRINUSE b=-/0
		a socket tcp6; v6only 1; bind :: P; uid 65534; $four
		bare -> a=1/0 b=-/0
		policy=both -> b.bind=EADDRINUSE a=0/0 b=-/0
		c socket tcp6; v6only 1; a socket tcp6; v6only 0; bind :: P; listen; accept ::1; close; $four
		bare -> b.bind=EADDRINUSE b=-/0 c=1/0
		policy=both -> b=-/1 c=1/0
	END
	rows <"$BATS_TEST_TMPDIR/table"
}

@test "what sharing set is no reason: not on a connection, nor where the program takes it back" {
	local six='a socket tcp6; v6only 1; bind :: P' four='b socket tcp4; bind 0.0.0.0 P; listen; accept 127.0.0.1; close'

	rows <<-END
		# The connection has SO_REUSEPORT from a listener that had it of sharing alone.
		$six; $four; c socket tcp4; bind 0.0.0.0 P; show
		bare -> c.bind=EADDRINUSE a=1/0 c=-/0
		policy=both -> c.bind=EADDRINUSE a=0/1 c=-/0
		$six; listen; $four; c socket tcp4; reuseaddr; bind 0.0.0.0 P; show
		bare -> c.bind=EADDRINUSE a=1/0 c=-/0
		policy=both -> c.bind=EADDRINUSE a=0/1 c=-/0
		$six; listen; ${four/tcp4/tcp4; reuseaddr}; c socket tcp4; reuseaddr; bind 0.0.0.0 P; listen; show
		bare -> a=1/0 c=-/0
		policy=both -> a=0/1 c=-/1
		b socket tcp4; bind 127.0.0.1 P; a socket tcp6; v6only 0; bind :: P; listen; accept ::1; close; c socket tcp6; bind :: P; show
		bare -> a.bind=EADDRINUSE a.listen=- a.accept=ECONNREFUSED c.bind=EADDRINUSE b=-/0 c=0/0
		on-conflict=resolve -> c.bind=EADDRINUSE b=-/1 c=0/0
		$six; b socket tcp4; bind 0.0.0.0 P; a reuseport 0; b reuseport 0; b listen; a listen; who tcp 127.0.0.1 P; who tcp ::1 P
		bare, policy=both -> b a
		# A connect() that fails leaves an address, and no connection.
		$six; b socket tcp6; v6only 0; bind ::ffff:127.0.0.1 P; connect ::1 9; a reuseport 0; a listen; show
		bare -> b.connect=EAFNOSUPPORT a=1/0 b=0/0
		policy=both -> b.connect=EAFNOSUPPORT a=0/1 b=0/1
		# One at a mapped address is of a dual-stack socket that shared with nobody, else of its own kind.
		$six; listen; accept 127.0.0.1; c socket tcp6; v6only 0; bind ::ffff:127.0.0.1 P; listen
		bare -> a.accept=ECONNREFUSED
		policy=both ->
		$six; b socket tcp6; v6only 0; bind ::ffff:127.0.0.1 P; listen; accept 127.0.0.1; close; c socket tcp6; v6only 0; bind ::ffff:127.0.0.1 P
		bare, policy=both -> c.bind=EADDRINUSE
		$six; b socket tcp6; v6only 0; bind ::ffff:127.0.0.1 P; listen; accept 127.0.0.1; close; c socket tcp4; bind 127.0.0.1 P
		bare, policy=both -> c.bind=EADDRINUSE
		$six; b socket tcp4; bind 127.0.0.1 P; listen; accept 127.0.0.1; close; c socket tcp6; v6only 0; bind ::ffff:127.0.0.1 P
		bare, policy=both -> c.bind=EADDRINUSE
		# Another process may have the family, where SO_REUSEADDR lets it.
		holder: socket tcp4; reuseaddr; bind 0.0.0.0 P
		a socket tcp6; reuseaddr; v6only 1; bind :: P; listen; b socket tcp4; reuseaddr; bind 127.0.0.1 P; listen; show
		bare -> a=1/0 b=-/0
		policy=both -> a=0/1 b=-/1
		holder
	END
}

@test "a socket is told by what it is: a dup is no second one, a number that was used again no first one" {
	local four='a socket tcp4; reuseaddr; bind 0.0.0.0 P' six='b socket tcp6; reuseaddr; v6only 1; bind :: P'
	local dual='b socket tcp6; v6only 0; bind :: P' how

	for how in dup 'dup x' pass; do
		cat <<-END
			$six; $how; $four; a listen; b listen; who tcp 127.0.0.1 P; who tcp ::1 P
			bare, policy=both, policy=both on-conflict=resolve -> a b
			$four; $how; $six; a listen; b listen; who tcp 127.0.0.1 P; who tcp ::1 P
			bare, policy=both -> a b
			# Also where it is another descriptor of the one that is refused.
			$four; $six; $how; a listen; b listen; who tcp 127.0.0.1 P; who tcp ::1 P
			bare, policy=both -> a b
		END
	done >"$BATS_TEST_TMPDIR/table"
	cat >>"$BATS_TEST_TMPDIR/table" <<-END
		# c has the number that a had.
		b socket tcp6; v6only 1; bind :: P; listen; a socket tcp4; bind 0.0.0.0 P; close; c socket tcp4; bind 0.0.0.0 P; listen; show
		bare -> b=1/0 c=-/0
		policy=both -> b=0/1 c=-/1
		a socket tcp4; bind 0.0.0.0 P; listen; close; c socket tcp4; bind 127.0.0.1 Q; $dual; show
		bare, on-conflict=resolve, on-conflict=share -> b=0/0 c=-/0
	END
	rows <"$BATS_TEST_TMPDIR/table"
}

@test "a second socket of the family that SO_REUSEADDR lets in stays let in, a double start refused" {
	local six='a socket udp6; v6only 1; bind :: P' again='socket udp4; reuseaddr; bind 0.0.0.0 P'

	rows <<-END
		$six; b $again; c $again; show
		bare -> a=1/0 b=-/0 c=-/0
		policy=both, policy=both on-conflict=share -> a=0/0 b=-/0 c=-/0
		# What ntpsec does.
		$six; b socket udp4; bind 0.0.0.0 P; c socket udp4; reuseaddr; b reuseaddr; c bind 127.0.0.1 P
		bare, policy=both, policy=both on-conflict=resolve ->
		$six; b socket udp4; bind 0.0.0.0 P; c socket udp4; reuseaddr; bind 127.0.0.1 P
		bare, policy=both, policy=both on-conflict=resolve -> c.bind=EADDRINUSE
		a socket tcp6; v6only 1; bind :: P; b socket tcp4; reuseaddr; bind 0.0.0.0 P; c socket tcp4; reuseaddr; bind 127.0.0.1 P
		bare, policy=both, policy=both on-conflict=resolve ->
		a socket tcp6; v6only 1; bind :: P; b socket tcp4; reuseaddr; bind 0.0.0.0 P; listen; c socket tcp4; reuseaddr; bind 127.0.0.1 P
		bare, policy=both, policy=both on-conflict=resolve -> c.bind=EADDRINUSE
	END
}

# Of datagrams the kernel looks no further than the first of the same user that has SO_REUSEPORT as well.
@test "UDP: sharing lets nobody in past the socket of another process" {
	require_root
	rows <<-END
		holder: socket udp4; reuseaddr; bind 127.0.0.1 P
		nobody: a socket udp6; reuseaddr; v6only 0; bind :: P; b socket udp4; reuseport; bind 127.0.0.1 P; show
		bare, $ON_CONFLICT, policy=both -> b.bind=EADDRINUSE a=0/0 b=-/1
		a socket udp6; reuseaddr; v6only 1; bind :: P; b socket udp4; reuseport; bind 127.0.0.1 P; show
		bare -> b.bind=EADDRINUSE a=1/0 b=-/1
		policy=both, policy=both on-conflict=share -> b.bind=EADDRINUSE a=0/0 b=-/1
		holder
		holder: socket udp6; v6only 1; bind :: P
		nobody: a socket udp4; bind 0.0.0.0 P; b socket udp6; reuseport; v6only 0; bind :: P; show
		bare, $ON_CONFLICT, policy=both -> b.bind=EADDRINUSE a=-/0 b=0/1
		holder
	END
}

@test "another's SO_REUSEPORT socket becomes nobody's partner, of either family" {
	for how in 'socket tcp6; v6only 1; reuseport; bind :: P; listen' 'socket tcp6; v6only 1; reuseport; bind :: P'; do
		cat <<-END
			holder: $how
			a socket tcp4; reuseaddr; bind 0.0.0.0 P; listen; b socket tcp6; reuseaddr; v6only 1; bind :: P; show
			bare, policy=both, policy=both on-conflict=resolve, on-conflict=share -> b.bind=EADDRINUSE a=-/0 b=1/0
			a socket tcp4; bind 0.0.0.0 P; listen; b socket tcp6; v6only 0; bind :: P; show
			bare, $ON_CONFLICT, policy=both -> b.bind=EADDRINUSE a=-/0 b=0/0
			holder
		END
	done >"$BATS_TEST_TMPDIR/table"
	for k in tcp udp; do
		cat <<-END
			holder: socket ${k}4; reuseport; bind 127.0.0.2 P
			a socket ${k}6; reuseport; v6only 1; bind :: P; b socket ${k}4; bind 127.0.0.2 P; show
			bare -> b.bind=EADDRINUSE a=1/1 b=-/0
			policy=both, policy=both on-conflict=share -> b.bind=EADDRINUSE a=0/1 b=-/0
			holder
			holder: socket ${k}6; v6only 1; reuseport; bind :: P
			a socket ${k}4; bind 127.0.0.1 P; b socket ${k}6; v6only 0; bind :: P; show
			bare, on-conflict=share, on-conflict=resolve, policy=both -> b.bind=EADDRINUSE a=-/0 b=0/0
			holder
		END
	done >>"$BATS_TEST_TMPDIR/table"
	rows <"$BATS_TEST_TMPDIR/table"
}

@test "beside one IPv4 address: of this process resolve shares, of another it splits and names what is lost" {
	for k in tcp udp; do
		listen='; listen'
		[ $k = tcp ] || listen=''
		who="show; who $k 127.0.0.53 P; who $k 127.0.0.1 P; who $k ::1 P"
		cat <<-END
			a socket ${k}4; bind 127.0.0.53 P$listen; b socket ${k}6; v6only 0; bind :: P$listen; $who
			bare -> b.bind=EADDRINUSE ${listen:+b.listen=- }a=-/0 b=0/0 a nobody nobody
			on-conflict=resolve -> a=-/1 b=0/1 a b b | bind inet6 share conflict ok
			holder: socket ${k}4; bind 127.0.0.53 P$listen
			socket ${k}6; v6only 0; bind :: P; get
			bare -> bind=EADDRINUSE 0
			on-conflict=resolve -> 1 | bind inet6 split conflict ok ~ IPv4 is served at 127.0.0.53 alone: every other IPv4 address is lost
			on-conflict=resolve mode=log -> bind=EADDRINUSE 0 | bind inet6 split conflict EADDRINUSE ~ every other IPv4 address is lost
			holder
		END
	done | rows
}

@test "a connected UDP socket: no TIME_WAIT is told of, and what is advised works" {
	local four='socket udp4; bind 0.0.0.0 P; connect 127.0.0.1 9' six='b socket udp6; reuseaddr; v6only'

	rows <<-END
		$four; $six 0; bind :: P; show
		bare -> b.bind=EADDRINUSE a=-/0 b=0/0
		on-conflict=resolve -> b.bind=EADDRINUSE a=-/0 b=0/0 | bind inet6 conflict EADDRINUSE ~ it is connected.*closed. policy=ipv6-only lets both live
		policy=ipv6-only -> a=-/0 b=1/0
		$four; $six 1; bind :: P; show
		bare, policy=both -> a=-/0 b=1/0
	END
}

@test "a process that asked for V6ONLY 1 and hands each family to a worker of its own loses no listen" {
	local two='a socket tcp4; reuseaddr; bind 0.0.0.0 P; b socket tcp6; reuseaddr; v6only 1; bind :: P'

	rows <<-END
		$two; a listen; fork; a close; b listen
		bare, policy=both, policy=both on-conflict=resolve ->
		$two; fork; a close; b listen
		bare, policy=both ->
	END
}

# Under a filter that lets nobody make a netlink socket, as of systemd's RestrictAddressFamilies=.
without_netlink() {
	local number

	[ -z "${TESTS_TABLES-}" ] || { rows; return; }
	number=$("$PYTHON" -c 'import ctypes, errno, platform; print({"x86_64": 41, "aarch64": 198}.get(platform.machine(), ""))')
	[ -n "$number" ] || skip 'not known here: the number of socket(2)'
	"${SURVIVE[@]}" "filter errno=97 netlink=$number" "exec env TESTS_BUILD=$BUILD PATH=$PATH $PYTHON -I $ROOT/tests/e2e/rows.py"
}

@test "without the kernel's tables: own sockets are found by the numbers that were bound, and by a walk" {
	local six='a socket tcp6; reuseaddr; v6only 1; bind :: P; listen' four='b socket tcp4; reuseaddr; bind 0.0.0.0 P; listen' how

	for how in nodelay dup pass; do
		cat <<-END
			$six; $how; $four; who tcp 127.0.0.1 P; who tcp ::1 P
			bare, policy=both, policy=both on-conflict=resolve -> b a
			b socket tcp4; bind 127.0.0.1 P; listen; $how; a socket tcp6; v6only 0; bind :: P; show
			bare -> a.bind=EADDRINUSE a=0/0 b=-/0
			on-conflict=resolve, on-conflict=share -> a=0/1 b=-/1 | bind inet6 share conflict ok
		END
	done >"$BATS_TEST_TMPDIR/table"
	cat >>"$BATS_TEST_TMPDIR/table" <<-END
		$six; $four; dead 127.0.0.1; close; $four; who tcp 127.0.0.1 P
		bare, policy=both -> b
		# Met by a walk, it holds no port.
		$six; dup; b socket tcp4; bind 0.0.0.0 P; listen; dead 127.0.0.1; close; b socket tcp4; bind 0.0.0.0 P; listen
		bare, policy=both ->
		$six; b socket tcp4; bind 127.0.0.2 P; listen; c socket tcp4; bind 127.0.0.2 P
		bare, policy=both, policy=both on-conflict=share -> c.bind=EADDRINUSE
		# Whom nobody knows of is split from, and never shared with.
		holder: socket tcp4; bind 0.0.0.0 P; listen
		socket tcp6; v6only 0; bind :: P; get
		bare, on-conflict=share -> bind=EADDRINUSE 0
		on-conflict=resolve -> 1 | bind inet6 split conflict ok ~ not found
		holder
	END
	without_netlink <"$BATS_TEST_TMPDIR/table"
}

# ---- a forced policy whose bind fails

# asks FAILURE STEPS: a socket that asked for nothing, for 0 and for 1 is left with what it had.
asks() {
	for asked in '' '; v6only 0' '; v6only 1'; do
		cat <<-END
			socket tcp6$asked; $2; show
			bare, policy=ipv6-only, policy=both, policy=both on-conflict=resolve -> $1 a=${asked:+${asked: -1}}${asked:-0}/0
		END
	done | sed 's/a=\([01]\); v6only [01]/a=\1/'
}

@test "a forced bind that fails leaves V6ONLY as it was, and the socket can be bound otherwise" {
	{
		echo 'holder: socket tcp6; v6only 1; bind :: P; listen'
		asks bind=EADDRINUSE 'bind :: P'
		cat <<-END
			socket tcp6; bind :: P; bind ::ffff:127.0.0.1 Q; listen; who tcp 127.0.0.1 Q
			$ALL, $POLICIES -> bind=EADDRINUSE a
			# By whatever way the socket came.
		END
		for how in pass dup fork; do
			for asked in 0 1; do
				cat <<-END
					socket tcp6; v6only $asked; $how; bind :: P; get
					bare, policy=ipv6-only, policy=both -> bind=EADDRINUSE $asked
				END
			done
		done
		echo holder
		for asked in 0 1; do
			cat <<-END
				socket tcp6; v6only $asked; bind 2001:db8::1 P; show; bind :: P; show
				bare -> bind=EADDRNOTAVAIL a=$asked/0 a=$asked/0
				policy=ipv6-only -> bind=EADDRNOTAVAIL a=$asked/0 a=1/0
				policy=both -> bind=EADDRNOTAVAIL a=$asked/0 a=0/0
				socket udp6; v6only $asked; listen; show; bind :: P
				bare, policy=ipv6-only, policy=both, policy=ipv6-only mode=log -> listen=EOPNOTSUPP a=$asked/0
			END
		done
		cat <<-END
			socket tcp6; v6only 0; bind :: P; bind :: Q; bind ::1 Q; show
			bare, policy=app, on-conflict=resolve -> bind=EINVAL bind=EINVAL a=0/0
			policy=ipv6-only -> bind=EINVAL bind=EINVAL a=1/0
			socket tcp6; v6only 1; bind :: P; bind :: Q; bind ::1 Q; show
			bare -> bind=EINVAL bind=EINVAL a=1/0
			policy=both -> bind=EINVAL bind=EINVAL a=0/0
		END
	} | rows
	# What another program set before is known from the kernel, where a log has it asked.
	rows --once <<-END
		holder: socket tcp6; v6only 1; bind :: P; listen
		socket tcp6; v6only 0; exec; bind :: P; get
		bare, policy=ipv6-only, policy=both -> bind=EADDRINUSE 0
		socket tcp6; v6only 1; exec; bind :: P; get
		bare, policy=ipv6-only, policy=both -> bind=EADDRINUSE 1
	END
}

@test "so does one that the kernel forbids, and a listen that finds no port" {
	require_root
	require_netns
	no_port() {
		echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start
		asks bind=EACCES 'uid 65534; bind :: 80' | rows
		echo '4321 4321' >/proc/sys/net/ipv4/ip_local_port_range
		rows <<-END
			b socket tcp6; v6only 1; bind ::1 4321; listen; a socket tcp6; listen; show
			bare, policy=ipv6-only, policy=ipv6-only on-conflict=resolve -> a.listen=EADDRINUSE a=0/0 b=1/0 | none
			policy=both -> a.listen=EADDRINUSE a=0/0 b=1/0 | setsockopt inet6 contrary ok
		END
	}
	in_netns no_port
}

@test "the application gets the first error, whatever the attempts that follow fail with" {
	require cc
	# Behind ours: a bind of that family is in use at first, and then there is no memory.
	cat >"$BATS_TEST_TMPDIR/later.c" <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>
		#include <stdlib.h>
		#include <sys/socket.h>
		#include <unistd.h>

		int bind(int fd, const struct sockaddr *address, socklen_t size)
		{
			static int calls;
			int family = *getenv("FAMILY") == '4' ? AF_INET : AF_INET6;
			int (*real)(int, const struct sockaddr *, socklen_t);

			*(void **)&real = dlsym(RTLD_NEXT, "bind");
			if (address->sa_family != family)
				return real(fd, address, size);
			errno = calls++ ? ENOBUFS : EADDRINUSE;
			return write(2, "asked\n", 6) == 6 ? -1 : 0;
		}
	END
	cc -shared -fPIC -o "$BATS_TEST_TMPDIR/later.so" "$BATS_TEST_TMPDIR/later.c" -ldl
	# The family that comes second and what is left of it; the settings; how often it is asked for in all: where
	# nobody is found in the way another thread may just have closed what was.
	v4=('a socket tcp4' 'a bind 0.0.0.0 P') v60=('b socket tcp6' 'b v6only 0' 'b bind :: P')
	v61=("${v60[@]/v6only 0/v6only 1}") port=$(free_port)
	while read -r family show attempts settings; do
		first=("${v4[@]}") second=("${v60[@]}")
		[[ $show != *b=1* ]] || second=("${v61[@]}")
		[ "$family" = 6 ] || first=("${v60[@]}") second=("${v4[@]}")
		[ "$family$settings" != 4POLICY=both ] || first=("${v61[@]}")
		got=$(env FAMILY="$family" LD_PRELOAD="$LIB:$BATS_TEST_TMPDIR/later.so" V6SHIM_LOG=off "V6SHIM_$settings" "$PROGRAMS/drive" \
			"${first[@]/%P/$port}" "${second[@]/%P/$port}" show 2>"$BATS_TEST_TMPDIR/asked" | tail -n 2 | sed 's/.*: //')
		assert_eq "EADDRINUSE"$'\n'"a=-/0 $show" "$got" "$family $settings"
		assert_eq "$attempts" "$(wc -l <"$BATS_TEST_TMPDIR/asked")" "$family $settings: attempts"
	done <<-END
		6 b=0/0 1 ON_CONFLICT=fail
		6 b=0/0 2 ON_CONFLICT=resolve
		6 b=0/0 2 ON_CONFLICT=share
		6 b=1/0 16 POLICY=both
		4 b=0/0 1 ON_CONFLICT=fail
		4 b=0/0 2 ON_CONFLICT=resolve
		4 b=0/0 1 ON_CONFLICT=share-ipv6
		4 b=0/0 2 POLICY=both
	END
}

# ---- two processes

# whose FIELDS of holder: HOLDER, OTHER and UID for a first process of one user and a second of another.
# Whose process it is only root can see, or the same user.
each_users() {
	local users

	for users in 'root root' 'root nobody' 'nobody root' 'nobody nobody'; do
		FIRST=${users% *} UID_OF=0 SECOND='' SEEN='holder drive' WHO='drive\[[0-9]+\] of uid'
		[ "$FIRST" = root ] || UID_OF=65534
		[ "${users#* }" = root ] || SECOND='nobody: '
		[ "$users" != 'root nobody' ] || SEEN='- -' WHO='another process of uid'
		"$@"
	done
}

# ipv6_second tcp|udp, ipv4_second tcp|udp: rows.
ipv6_second() {
	local listen='; listen' refused='bind=EADDRINUSE listen=-' holder="$SEEN $UID_OF inet 0.0.0.0 P -"

	[ "$1" = tcp ] || listen='' refused=bind=EADDRINUSE
	cat <<-END
		holder $FIRST: socket ${1}4; bind 0.0.0.0 P$listen
		${SECOND}socket ${1}6; v6only 0; bind :: P$listen; show; who $1 ::1 P
		bare -> $refused a=0/0 nobody
		on-conflict=resolve -> a=1/0 a | bind inet6 split conflict ok 0 1 $holder ~ serves IPv6 alone
		# These cannot reach into another process. What would help is said.
		on-conflict=fail, on-conflict=share, on-conflict=share-ipv6 -> $refused a=0/0 nobody | bind inet6 conflict EADDRINUSE 0 0 $holder ~ on-conflict=resolve
		on-conflict=resolve mode=log -> $refused a=0/0 nobody
		# As servers do that open each family.
		${SECOND}socket ${1}6; v6only 1; bind :: P$listen; show; who $1 ::1 P
		bare -> a=1/0 a
		policy=both -> a=1/0 a | setsockopt inet6 contrary ok 0 1 - - - - - - -; bind inet6 yield conflict ok 1 1 $holder
		holder
	END
}

ipv4_second() {
	local listen='; listen' refused='bind=EADDRINUSE listen=-' holder="$SEEN $UID_OF inet6 :: P"

	[ "$1" = tcp ] || listen='' refused=bind=EADDRINUSE
	cat <<-END
		holder $FIRST: socket ${1}6; v6only 0; bind :: P$listen
		${SECOND}socket ${1}4; bind 0.0.0.0 P$listen; show
		bare -> $refused a=-/0
		$ON_CONFLICT -> $refused a=-/0 | bind inet conflict EADDRINUSE - - $holder 0 ~ \\[::\\]:P is held by $WHO $UID_OF, dual-stack \\(V6ONLY 0\\).*policy=ipv6-only for that program
		holder
		# And that does help.
		holder $FIRST policy=ipv6-only: socket ${1}6; v6only 0; bind :: P$listen
		${SECOND}socket ${1}4; bind 0.0.0.0 P$listen; show; who $1 127.0.0.1 P
		bare, on-conflict=fail -> a=-/0 a | none
		holder
	END
}

HOLDER=holder.pid,holder.program,holder.uid,holder.family,holder.addr,holder.port,holder.v6only
TWO="event,family,action,finding,result,before,after,$HOLDER"

@test "two processes, IPv6 second: resolve splits and both yields, whoever they are of; nothing else helps" {
	require_root
	{ each_users ipv6_second tcp && each_users ipv6_second udp; } | rows --fields "$TWO"
}

@test "two processes, IPv4 second: EADDRINUSE, and the record says who holds the port and what to set" {
	require_root
	{ each_users ipv4_second tcp && each_users ipv4_second udp; } | rows --fields "$TWO"
}

@test "two processes, MPTCP for either: split as TCP is" {
	require_mptcp
	for kinds in 'mptcp tcp' 'tcp mptcp' 'mptcp mptcp'; do
		cat <<-END
			holder: socket ${kinds% *}4; bind 0.0.0.0 P; listen
			socket ${kinds#* }6; v6only 0; bind :: P; listen; show; who tcp ::1 P
			bare -> bind=EADDRINUSE listen=- a=0/0 nobody
			on-conflict=resolve -> a=1/0 a
			holder
		END
	done | rows
}

# asked_before VALUE: of who has the socket now nobody asked, or for 0; bindv6only is VALUE.
asked_before() {
	local four='b socket tcp4; bind 0.0.0.0 P' serve='b listen; a listen; who tcp 127.0.0.1 P; who tcp ::1 P'

	echo "$1" >/proc/sys/net/ipv6/bindv6only
	{
		for kind in tcp4 mptcp4; do
			cat <<-END
				socket tcp6; v6only 0; bind :: P; b socket $kind; b bind 0.0.0.0 P
				bare, policy=both, policy=default-both -> b.bind=EADDRINUSE
				socket tcp6; v6only 0; exec; b socket $kind; b bind 0.0.0.0 P; a bind :: P
				bare, policy=both -> a.bind=EADDRINUSE
			END
		done
		cat <<-END
			socket tcp6; v6only 0; exec; a bind :: P; $four
			bare, policy=both -> b.bind=EADDRINUSE
			socket tcp6; v6only 1; exec; a bind :: P; $four; $serve
			bare, policy=both -> b a
			socket tcp6; v6only 1; $four; exec; a bind :: P; $serve
			bare, policy=both -> b a
			holder: socket tcp4; bind 0.0.0.0 P; listen
			socket tcp6; v6only 0; exec; bind :: P; get
			bare, policy=both -> bind=EADDRINUSE 0
			socket tcp6; v6only 1; exec; bind :: P; get
			bare, policy=both -> 1
			holder
		END
		[ "$1" = 0 ] || cat <<-END
			socket tcp6; exec; a bind :: P; $four; $serve
			bare, policy=both -> b a
			socket tcp6; c socket tcp6; v6only 1; a bind :: P; $four; $serve
			bare, policy=both, policy=default-both -> b a
			socket tcp6; a bind :: P; c socket tcp6; v6only 1; $four; $serve
			bare, policy=both, policy=default-both -> b a
		END
	} | rows
}

@test "who asked for V6ONLY 0 itself has no policy's conflict, who asked for 1 loses no bind, also in the program before exec" {
	require_mptcp
	require_netns
	for value in 0 1; do
		in_netns asked_before $value
	done
}

@test "the same family twice, in two processes, stays refused, and the note asks whether it was started twice" {
	for k in tcp udp; do
		while IFS='|' read -r first second v6only; do
			[ $k = udp ] || first+='; listen'
			cat <<-END
				holder: socket $k$first
				socket $k$second; show
				bare -> bind=EADDRINUSE a=$v6only/0
				on-conflict=resolve, on-conflict=share, policy=both, on-conflict=resolve mode=log -> bind=EADDRINUSE a=$v6only/0 | bind conflict holder EADDRINUSE ~ the same family: is the server started twice[?]
				holder
			END
		done <<-END
			4; bind 0.0.0.0 P|4; bind 0.0.0.0 P|-
			6; v6only 0; bind :: P|6; v6only 0; bind :: P|0
			6; v6only 1; bind :: P|6; v6only 0; bind :: P|0
			6; v6only 0; bind :: P|6; v6only 1; bind :: P|1
			6; v6only 1; bind :: P|6; v6only 1; bind :: P|1
			4; bind 127.0.0.1 P|4; bind 0.0.0.0 P|-
			6; bind ::1 P|6; v6only 0; bind :: P|0
		END
	done | rows --events bind --fields event,action,finding,holder.pid,result
}

@test "both families are others', or IPv6 alone: the IPv6 holder is named, for a split would not help" {
	rows --fields event,family,action,finding,result,holder.pid,holder.family,holder.v6only <<-END
		holder: socket tcp6; v6only 1; bind :: P; listen; b socket tcp4; bind 0.0.0.0 P; listen
		socket tcp6; v6only 0; bind :: P; get
		bare -> bind=EADDRINUSE 0
		on-conflict=fail, on-conflict=resolve, on-conflict=resolve mode=log -> bind=EADDRINUSE 0 | bind inet6 conflict EADDRINUSE holder inet6 1 ~ started twice
		holder
		holder: socket tcp6; v6only 1; bind :: P; listen
		socket tcp4; bind 0.0.0.0 P; b socket tcp6; v6only 0; bind :: P; show
		bare -> b.bind=EADDRINUSE a=-/0 b=0/0
		on-conflict=resolve, on-conflict=resolve mode=log -> b.bind=EADDRINUSE a=-/0 b=0/0 | bind inet6 conflict EADDRINUSE holder inet6 1 ~ started twice
	END
}

@test "a holder that is bound and does not listen is found too" {
	IFS=.- read -r major minor _ < <(uname -r)
	[ "$((major * 100 + minor))" -ge 608 ] || skip 'sock_diag tells of such sockets since Linux 6.8'
	rows --fields action,finding,result,holder.pid,holder.program,holder.v6only <<-END
		holder: socket tcp4; bind 0.0.0.0 P
		socket tcp6; v6only 0; bind :: P; get
		bare -> bind=EADDRINUSE 0
		on-conflict=fail -> bind=EADDRINUSE 0 | conflict EADDRINUSE holder drive -
		on-conflict=resolve -> 1 | split conflict ok holder drive -
		holder
		holder: socket tcp6; v6only 0; bind :: P
		socket tcp4; bind 0.0.0.0 P
		bare -> bind=EADDRINUSE
		on-conflict=fail -> bind=EADDRINUSE | conflict EADDRINUSE holder drive 0
	END
}

@test "a connection holds the port: the note says how it is, TIME_WAIT accuses nobody, and nothing is split" {
	require_root
	for second in 'socket tcp4; bind 0.0.0.0 P' 'socket tcp6; v6only 0; bind :: P'; do
		cat <<-END
			holder nobody: socket tcp4; bind 0.0.0.0 P; listen; accept 127.0.0.1; close
			$second
			bare -> bind=EADDRINUSE
			on-conflict=fail -> bind=EADDRINUSE | conflict EADDRINUSE holder drive 65534 ~ held by a connection of drive\\[[0-9]+\\] of uid 65534.*SO_REUSEADDR
			holder
			# The kernel knows no owner any more.
			holder nobody: socket tcp4; bind 0.0.0.0 P; listen; timewait 127.0.0.1; close
			$second
			bare -> bind=EADDRINUSE
			on-conflict=fail -> bind=EADDRINUSE | conflict EADDRINUSE - - - ~ TIME_WAIT.*passes by itself(?!.*uid)
			holder
		END
	done >"$BATS_TEST_TMPDIR/table"
	# A dual-stack server that is started anew would lose IPv4 without a word.
	for address in 127.0.0.1 ::1; do
		cat <<-END
			holder: socket tcp6; v6only 0; bind :: P; listen; timewait $address; close
			socket tcp6; v6only 0; bind :: P; get
			bare -> bind=EADDRINUSE 0
			on-conflict=resolve, on-conflict=resolve mode=log -> bind=EADDRINUSE 0 | conflict EADDRINUSE - - -
			holder
		END
	done >>"$BATS_TEST_TMPDIR/table"
	# Its listener is the holder as long as there is one; its own connection it is told by its number.
	cat >>"$BATS_TEST_TMPDIR/table" <<-END
		a socket tcp4; bind 127.0.0.1 P; listen; accept 127.0.0.1; close; b socket tcp4; bind 127.0.0.1 P
		bare -> b.bind=EADDRINUSE
		on-conflict=fail -> b.bind=EADDRINUSE | conflict EADDRINUSE self drive 0 ~ held by a connection of fd [0-9]+ of this process
		holder: socket tcp4; bind 0.0.0.0 P; listen; accept 127.0.0.1
		socket tcp6; v6only 0; bind :: P; get
		bare -> bind=EADDRINUSE 0
		on-conflict=resolve -> 1 | split conflict ok holder drive 0
		holder
	END
	rows --fields action,finding,result,holder.pid,holder.program,holder.uid <"$BATS_TEST_TMPDIR/table"
}

@test "a holder's hostile name reaches the log as data: escaped in JSON, visible in text" {
	name=$BATS_TEST_TMPDIR/$'a"\\\e[31m\nb\xff' port=$(free_port) err=$BATS_TEST_TMPDIR/err
	cp "$PROGRAMS/drive" "$name"
	start holder --says ready "$name" 'socket tcp4' "bind 0.0.0.0 $port" listen serve
	for format in json text; do
		shim LOG=stderr LOG_FORMAT=$format -- "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' "bind :: $port" 2>"$err.$format"
		assert_eq 0 "$(tr -d '\n -~' <"$err.$format" | tr -d '\357\277\275' | wc -c)"
	done
	assert_eq '"a\"\\\u001b[31m\nb�"' "$(json_records "$err.json" 'select(.finding == "conflict") | .holder.program')"
	assert_match 'held by a"\\\\\\x1b\[31m\\x0ab\\xff\[' "$(json_records "$err.json" 'select(.finding == "conflict") | .note' | jq -r .)"
	assert_eq 1 "$(grep -c EADDRINUSE "$err.text")"
}

# What a socket with SO_REUSEPORT has left behind lets the next one in past the listener of one address.
@test "mode=log: whom the kernel lets in, though as far as is known it would not, is let in" {
	rows --fields finding <<-END
		a socket tcp6; reuseaddr; bind ::1 P; listen; b socket tcp4; reuseaddr; reuseport; bind 0.0.0.0 P; listen; close; c socket tcp6; v6only 0; reuseaddr; reuseport; bind :: P; listen; show
		bare -> a=1/0 c=0/1
		policy=default-both, policy=default-both mode=log -> a=1/0 c=0/1 | none
	END
}

@test "mode=log: what only enforce would have let have the port holds it, and is tried again; what it would refuse does not" {
	rows --fields event,action,finding,result,enforce.result,enforce.errno <<-'END'
		# ::1 is free beside 0.0.0.0, and would not be beside the :: that V6ONLY 1 would have let in.
		holder: socket tcp4; bind 0.0.0.0 P; listen
		a socket tcp6; v6only 0; bind :: P; b socket tcp6; bind ::1 P
		bare -> a.bind=EADDRINUSE
		policy=ipv6-only -> b.bind=EADDRINUSE | setsockopt contrary ok - -; bind override ok - -; bind conflict EADDRINUSE - -
		policy=ipv6-only mode=log -> a.bind=EADDRINUSE | setsockopt contrary ok - -; bind override conflict EADDRINUSE 0 -; bind conflict ok -1 EADDRINUSE
		# The same place again is the same server, which tries once more.
		a socket tcp6; v6only 0; bind :: P; close; b socket tcp6; v6only 0; bind :: P
		bare -> a.bind=EADDRINUSE b.bind=EADDRINUSE
		policy=ipv6-only mode=log -> a.bind=EADDRINUSE b.bind=EADDRINUSE | setsockopt contrary ok - -; bind override conflict EADDRINUSE 0 -; setsockopt contrary ok - -; bind override conflict EADDRINUSE 0 -
		holder
	END
}
