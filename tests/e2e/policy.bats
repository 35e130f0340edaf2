#!/usr/bin/env bats
# Each policy, each kind of socket, whatever the application asks for: V6ONLY as getsockopt has it, and
# which clients get in (DESIGN.md 1.2, 1.3; FACTS.md 1 for what the kernel does with single and mapped
# addresses by itself). Tables of rows.py, the bare kernel beside each.

load helper
load rows

setup() {
	require_plain_sysctl
}

# ---- the matrix

# Kinds of sockets: class, call that gives the port, kind, what makes it serve. To port 0 a listener has
# SO_REUSEADDR, as servers' listeners have.
kinds() {
	cat <<-END
		governed  bind    tcp6    reuseaddr; bind :: 0; listen
		governed  bind    tcp6    bind :: P; listen
		governed  listen  tcp6    listen
		governed  bind    udp6    bind :: P
		client    bind    udp6    bind :: 0
		single    bind    tcp6    bind ::1 0; listen
		single    bind    tcp6    bind ::1 P; listen
		single    bind    udp6    bind ::1 P
		mapped    bind    tcp6    bind ::ffff:127.0.0.1 0; listen
		mapped    bind    tcp6    bind ::ffff:127.0.0.1 P; listen
		mapped    bind    udp6    bind ::ffff:127.0.0.1 P
		inet      bind    tcp4    bind 0.0.0.0 0; listen
		inet      bind    tcp4    bind 0.0.0.0 P; listen
		inet      listen  tcp4    listen
		inet      bind    udp4    bind 0.0.0.0 P
	END
	# The kernel sets V6ONLY of a single address on the subflow alone.
	! has_mptcp || cat <<-END
		governed  bind    mptcp6  reuseaddr; bind :: 0; listen
		governed  bind    mptcp6  bind :: P; listen
		governed  listen  mptcp6  listen
		mpsingle  bind    mptcp6  bind ::1 0; listen
		mapped    bind    mptcp6  bind ::ffff:127.0.0.1 0; listen
	END
}

# V6ONLY in the end / the families that get in; of a refused bind EINVAL. Three columns: the application
# asks for nothing, for 0, for 1.
outcomes() {
	cat <<-END
		policy             class     -       0       1
		bare               governed  0/46    0/46    1/6
		ipv6-only          governed  1/6     1/6     1/6
		both               governed  0/46    0/46    0/46
		default-ipv6-only  governed  1/6     0/46    1/6
		bare               client    0/46    0/46    1/6
		default-ipv6-only  client    1/6     0/46    1/6
		bare               single    1/6     1/6     1/6
		bare               mpsingle  0/6     0/6     1/6
		default-ipv6-only  mpsingle  1/6     0/6     1/6
		bare               mapped    0/4     0/4     EINVAL
		default-ipv6-only  mapped    EINVAL  0/4     EINVAL
		bare               inet      -/4     -/4     -/4
	END
}

# What is recorded of changes and findings; BIND stands for the call that gives the port.
records() {
	cat <<-END
		policy             class     -           0                             1
		ipv6-only          governed  BIND_set    setsockopt_contrary,BIND_override  none
		both               governed  none        none                          setsockopt_contrary,BIND_override
		default-ipv6-only  governed  socket_set  socket_set,setsockopt_contrary  socket_set
		default-both       governed  none        none                          setsockopt_contrary
		ipv6-only          other     none        setsockopt_contrary           none
		both               other     none        none                          setsockopt_contrary
		default-ipv6-only  other     socket_set  socket_set,setsockopt_contrary  socket_set
		default-both       other     none        none                          setsockopt_contrary
	END
}

# cells TABLE: its cells into CELLS, by policy, class and what was asked for.
cells() {
	local policy class none zero one

	while read -r policy class none zero one; do
		CELLS[$1,$policy,$class,-]=$none CELLS[$1,$policy,$class,0]=$zero CELLS[$1,$policy,$class,1]=$one
	done < <("$1")
}

# matrix POLICY...: the rows of all kinds under these policies; `bare` is one, and policies of mode=log. What
# has no row of its own is as bare, and nothing is recorded.
matrix() {
	local class call kind steps asked policy row outcome ask told
	declare -A CELLS

	quietly
	cells outcomes
	cells records
	while read -r class call kind steps; do
		for asked in - 0 1; do
			ask="; v6only $asked"
			[ $asked != - ] || ask=
			echo "socket $kind$ask; $steps; serves"
			for policy in "$@"; do
				row=${policy% mode=log}
				outcome=${CELLS[outcomes,$policy,$class,$asked]-${CELLS[outcomes,bare,$class,$asked]}}
				[ "$outcome" != EINVAL ] || case $steps in
				*listen) outcome='bind=EINVAL listen=- serves=-' ;;
				*) outcome='bind=EINVAL serves=-' ;;
				esac
				case $class.$asked in
				inet.[01]) outcome="v6only=ENOPROTOOPT $outcome" told= ;;
				inet.-) told='none' ;;
				governed.*) told=${CELLS[records,$row,governed,$asked]-none} ;;
				*) told=${CELLS[records,$row,other,$asked]-none} ;;
				esac
				told=${told//BIND/$call} told=${told//_/ }
				case $policy in
				bare) echo "bare -> $outcome" ;;
				*) echo "policy=$policy -> $outcome${told:+ | ${told//,/; }}" ;;
				esac
			done
		done
	done < <(kinds)
}

@test "the matrix: what each policy makes of each kind of socket, and what is told of it" {
	matrix bare app ipv6-only both default-ipv6-only default-both | rows --fields event,action,finding
}

@test "the matrix: mode=log changes nothing at all, and tells what enforce would do" {
	matrix bare 'app mode=log' 'ipv6-only mode=log' 'both mode=log' 'default-ipv6-only mode=log' 'default-both mode=log' |
		rows --fields event,action,finding
}

@test "default-ipv6-only is for one process what net.ipv6.bindv6only=1 is for a host; others win over that" {
	require_netns
	on_such_a_host() {
		echo 1 >/proc/sys/net/ipv6/bindv6only
		matrix default-ipv6-only bare | sed 's/^bare/#&/; s/^policy=default-ipv6-only/bare, policy=app/; s/ | .*//' | rows
		# A mapped bind is never governed: the sysctl breaks it as it does without the shim.
		rows <<-END
			socket tcp6; bind :: P; listen; serves
			bare -> 1/6
			policy=both, policy=default-both -> 0/46
			socket tcp6; v6only 1; bind :: P; listen; serves
			bare, policy=default-both -> 1/6
			policy=both -> 0/46
			socket tcp6; bind ::ffff:127.0.0.1 P; listen; serves
			bare, policy=both -> bind=EINVAL listen=- serves=-
			policy=default-both -> 0/4
			socket udp6; bind :: 0; serves
			bare, policy=both -> 1/6
			policy=default-both -> 0/46
		END
	}
	in_netns on_such_a_host
}

@test "a stream that binds port 0 as clients do is left alone, one that a rule names or that has SO_REUSEADDR is not" {
	rows <<-END
		b socket tcp4; bind 127.0.0.1 P; listen; a socket tcp6; bind :: 0 client; get; connect ::ffff:127.0.0.1 P
		bare, policy=ipv6-only, policy=ipv6-only mode=log -> 0
		policy=ipv6-only rules=port=0=>on-mapped=allow -> 1 a.connect=ENETUNREACH
		socket tcp6; v6only 1; bind :: 0 client; get; b socket tcp6; v6only 1; reuseaddr; bind :: 0 client; get; c socket udp6; v6only 1; reuseaddr; bind :: 0; get
		bare -> 1 1 1
		policy=both -> 1 0 1
	END
}

# ---- what the application gets when it asks for the opposite

@test "on-contrary=deny: the opposite fails with that errno and does not reach the kernel; allow: it is told" {
	for kind in tcp6 udp6; do
		echo "socket $kind; get; v6only 0; get; v6only 1; get; v6only 0; get"
		echo 'bare -> 0 0 1 0'
		for errno in EPERM EINVAL EOPNOTSUPP ENOPROTOOPT EACCES; do
			cat <<-END
				policy=ipv6-only on-contrary=deny:$errno -> 0 v6only=$errno 0 1 v6only=$errno 1
				policy=default-ipv6-only on-contrary=deny:$errno -> 1 v6only=$errno 1 1 v6only=$errno 1
				policy=both on-contrary=deny:$errno, policy=default-both on-contrary=deny:$errno -> 0 0 v6only=$errno 0 0
			END
		done
		cat <<-END
			socket $kind; v6only 0; get; v6only 1; get
			bare -> 0 1
			policy=ipv6-only, policy=ipv6-only on-contrary=allow -> 0 1 | setsockopt 0 contrary ok
			policy=default-ipv6-only -> 0 1 | socket - set ok; setsockopt 0 contrary ok
			policy=both, policy=default-both on-contrary=allow -> 0 1 | setsockopt 1 contrary ok
			policy=ipv6-only on-contrary=deny:EPERM mode=log -> 0 1 | setsockopt 0 deny contrary ok
			policy=default-both on-contrary=deny:EPERM mode=log -> 0 1 | setsockopt 1 deny contrary ok
			policy=ipv6-only on-contrary=deny:EPERM -> v6only=EPERM 0 1 | setsockopt 0 deny contrary EPERM
		END
	done | rows --fields event,asked,action,finding,result
}

@test "on-contrary=deny holds for values and lengths as the kernel takes them, and leaves it its own errors" {
	# Of the opposite of the policy. NULL is 0, eight bytes are as good as four (FACTS.md 1).
	local denied='policy=ipv6-only on-contrary=deny:EPERM' v errno
	local others='policy=both on-contrary=deny:EPERM, policy=default-both on-contrary=deny:EPERM'
	local both="$denied, policy=default-ipv6-only on-contrary=deny:EPERM"

	{
		cat <<-END
			socket tcp6; v6only long-0; v6only long-1; get; v6only null; get; v6only 1; get
			bare, policy=app on-contrary=deny:EPERM -> 1 0 1
			$denied -> v6only=EPERM 1 v6only=EPERM 1 1
			$denied mode=log -> 1 0 1
			socket tcp6; v6only unreadable; v6only short-0
			bare, $both, $others -> v6only=EFAULT v6only=EINVAL
		END
		while read -r errno steps; do
			for v in 0 1; do
				echo "socket $steps; v6only $v"
				[ $v = 0 ] && echo "bare, $both -> v6only=$errno" || echo "bare, $others -> v6only=$errno"
			done
		done <<-END
			EBADF       tcp6; close
			ENOPROTOOPT tcp4
			ENOPROTOOPT udp4
			EOPNOTSUPP  unix
			EINVAL      tcp6; bind :: P
			EINVAL      tcp6; bind ::1 0
			EINVAL      udp6; bind :: 0
			EINVAL      udp6; connect ::1 P
			EINVAL      tcp6; listen
		END
		cat <<-END
			socket tcp6; v6only 0; bind :: P; listen; serves
			bare -> 0/46
			$both -> v6only=EPERM 1/6
		END
	} | rows
}

# ---- what is never touched

@test "raw sockets are never touched; a client's by a default policy alone" {
	local client='connect=ENETUNREACH 1'

	# A supervisor sees a socket when it is bound, listens or is asked for V6ONLY.
	[ "${TESTS_REACH-}" != supervise ] || client=0
	rows <<-END
		holder: b socket tcp4; bind 127.0.0.1 P; listen; c socket udp4; bind 127.0.0.1 P
		socket tcp6; connect ::ffff:127.0.0.1 P; get; socket udp6; bind :: 0; connect ::ffff:127.0.0.1 P; get
		bare, policy=app, policy=both, policy=default-both -> 0 0
		policy=default-ipv6-only -> $client connect=ENETUNREACH 1
	END
	"$PROGRAMS/drive" 'socket raw6' | grep -q 'fd' || skip 'needs leave to open raw sockets'
	rows --events bind --fields type,action <<-END
		socket raw6; get; v6only 0; v6only 1; bind :: 0; get; close; socket raw6; bind :: 4321; get; socket raw4; get
		bare -> 0 v6only=EINVAL v6only=EINVAL 0 0 get=EOPNOTSUPP
		policy=app, policy=ipv6-only, policy=both, policy=default-ipv6-only, policy=default-both -> 0 v6only=EINVAL v6only=EINVAL 0 0 get=EOPNOTSUPP | raw; raw
	END
}

# ---- the RFC 3493 procedures of the IPv6 API test suites (sections 3.7 and 5.3), with Linux's errors

# What differs from bare is the initial value under default-ipv6-only, and so a mapped connect of who asks
# for nothing; and what binds `::`, which has the forced policy's value, but where that would cost it the port.
@test "conformance: get, set, set_server, set_client and set_send" {
	local all='policy=app, policy=ipv6-only, policy=both, policy=default-ipv6-only, policy=default-both'
	local but_default='policy=app, policy=ipv6-only, policy=both, policy=default-both' kind

	{
		for kind in tcp6 udp6; do
			cat <<-END
				socket $kind; get; v6only 1; get
				bare, $but_default -> 0 1
				policy=default-ipv6-only -> 1 1
				socket $kind; v6only 1; get; v6only 0; get; socket $kind; v6only 0; get; v6only 1; get
				bare, $all -> 1 0 0 1
			END
		done
		cat <<-END
			s socket tcp4; bind 0.0.0.0 P; listen; a socket tcp6; v6only 0; bind :: P; listen; get; b socket tcp6; v6only 1; bind :: P; listen; get
			bare, policy=app, policy=both, policy=default-ipv6-only, policy=default-both -> a.bind=EADDRINUSE a.listen=- 0 1
			s socket tcp4; bind 0.0.0.0 P; listen; a socket tcp6; v6only 0; bind :: P; listen; get
			bare -> a.bind=EADDRINUSE a.listen=- 0
			policy=ipv6-only -> 1
			s socket tcp4; bind 127.0.0.1 P; listen; a socket tcp6; v6only 1; connect ::ffff:127.0.0.1 P; get; b socket tcp6; v6only 0; connect ::ffff:127.0.0.1 P; send; hear s; get
			bare, $all -> a.connect=ENETUNREACH 1 0
			s socket udp4; bind 127.0.0.1 P; a socket udp6; v6only 1; send ::ffff:127.0.0.1 P; get; b socket udp6; v6only 1; connect ::ffff:127.0.0.1 P; get
			bare, $all -> a.send=ENETUNREACH 1 b.connect=ENETUNREACH 1
			s socket udp4; bind 127.0.0.1 P; a socket udp6; v6only 0; send ::ffff:127.0.0.1 P; hear s; get; b socket udp6; v6only 0; connect ::ffff:127.0.0.1 P; send; hear s; get
			bare, $all -> 0 0
			s socket tcp4; bind 127.0.0.1 P; listen; a socket tcp6; connect ::ffff:127.0.0.1 P; send; hear s; get
			bare, $but_default -> 0
		END
	} | rows
}
