#!/usr/bin/env bats
# A port that is bound against `order` (DESIGN.md 1.3, on-disorder): with `log` the second bind of the pair
# is a record, with `deny:ERRNO` the family whose turn has not come is refused. Whether the other family
# has the port is the kernel's to say, of this process's own descriptors as they are at that moment.

load helper
load rows

# The halves of a pair; 4 may be bound beside 6, for V6ONLY is 1.
V4='b socket tcp4; bind 0.0.0.0 P'
V6='c socket tcp6; v6only 1; bind :: P'
DENY='order=ipv4-first on-disorder=deny:EPERM'

@test "the second bind of a pair against the order is told, or the first is refused; in order nothing is" {
	local proto order kept broken c rest first second has lacks

	for proto in tcp udp; do
		for order in ipv4-first ipv6-first; do
			kept="${V4/tcp/$proto}; ${V6/tcp/$proto}" broken="${V6/tcp/$proto}; ${V4/tcp/$proto}"
			first=inet6 second=inet c=c has=IPv6 lacks=IPv4
			[ $order = ipv4-first ] ||
				{ rest=$kept && kept=$broken && broken=$rest && first=inet second=inet6 c=b has=IPv4 lacks=IPv6; }
			cat <<-END
				$kept
				bare, order=app, order=$order, order=$order on-disorder=deny:EPERM -> | none
				$broken
				bare ->
				order=app -> | none
				order=$order -> | bind $second disorder ok ~ order=$order: an $has socket of this process has the port already
				order=$order on-disorder=deny:EPERM -> $c.bind=EPERM | bind $first deny disorder EPERM ~ order=$order: no $lacks socket of this process has the port yet
				order=$order on-disorder=deny:EADDRINUSE -> $c.bind=EADDRINUSE | bind $first deny disorder EADDRINUSE
				# The first would have been denied, so that the second would be the first.
				order=$order on-disorder=deny:EPERM mode=log -> | bind $first deny disorder ok
				order=$order mode=log -> | bind $second disorder ok
			END
		done
	done | rows
}

@test "a refused socket is as it was, the port stays free, and it can be bound when its turn has come" {
	rows <<-END
		socket tcp6; bind :: P; get; who tcp ::1 P; b socket tcp6; v6only 1; bind :: Q; get
		bare -> 0 nobody 1
		$DENY, $DENY policy=ipv6-only, $DENY policy=both -> bind=EPERM 0 nobody b.bind=EPERM 1
		socket tcp6; v6only 1; bind :: P; b socket tcp4; bind 0.0.0.0 P; show; who tcp 127.0.0.1 P
		bare -> a=1/0 b=-/0 nobody
		$DENY -> bind=EPERM a=1/0 b=-/0 nobody
		socket tcp6; bind :: P; b socket tcp4; bind 0.0.0.0 P; a bind :: P; show
		bare -> b.bind=EADDRINUSE a.bind=EINVAL a=0/0 b=-/0
		$DENY policy=ipv6-only -> bind=EPERM a=1/0 b=-/0
		socket udp4; bind 0.0.0.0 P; who udp 127.0.0.1 P
		bare -> a
		order=ipv6-first on-disorder=deny:EPERM -> bind=EPERM nobody
	END
}

@test "single addresses, port 0 and unbound sockets are not judged" {
	for bind in 'tcp4; bind 127.0.0.1 P' 'udp4; bind 127.0.0.1 P' 'tcp4; bind 0.0.0.0 0' 'udp4; bind 0.0.0.0 0' 'tcp4; listen'; do
		printf 'socket %s\n%s\n' "$bind" 'bare, order=ipv6-first, order=ipv6-first on-disorder=deny:EPERM -> | none'
	done >"$BATS_TEST_TMPDIR/table"
	for bind in 'tcp6; bind ::1 P' 'udp6; bind ::1 P' 'tcp6; bind ::ffff:127.0.0.1 P' 'tcp6; bind :: 0' 'udp6; bind :: 0' \
		'tcp6; listen'; do
		printf 'socket %s\n%s\n' "$bind" "bare, order=ipv4-first, $DENY -> | none"
	done >>"$BATS_TEST_TMPDIR/table"
	rows <"$BATS_TEST_TMPDIR/table"
}

@test "the pair is of one port and protocol, of this process, and of the sockets that are there now" {
	local how more="socket tcp4; reuseaddr; bind 0.0.0.0 P"

	{
		cat <<-END
			# IPv4 first is not fulfilled by another port, nor by UDP's; and not broken by them.
			b socket tcp4; bind 0.0.0.0 Q; $V6
			bare, order=ipv4-first -> | none
			$DENY -> c.bind=EPERM
			b socket udp4; bind 0.0.0.0 P; $V6
			bare, order=ipv4-first -> | none
			$DENY -> c.bind=EPERM
			$V6; b socket udp4; bind 0.0.0.0 P
			bare, order=ipv4-first -> | none
			$V6; b socket tcp4; bind 0.0.0.0 Q
			bare, order=ipv4-first -> | none
			# Closed; and a number that is used again is another socket.
			$V6; close; $V4
			bare, order=ipv4-first -> | none
			$V4; close; $V6
			bare, order=ipv4-first -> | none
			$DENY -> c.bind=EPERM
			$V4; close; d socket tcp6; bind :: P; e socket udp6; bind :: P
			bare ->
			$DENY -> d.bind=EPERM e.bind=EPERM
			$V4; dup; close; $V6
			bare ->
			$DENY -> c.bind=EPERM
		END
		for how in dup pass fork exec thread; do
			cat <<-END
				$V4; $how; $V6
				bare, $DENY ->
				$V6; $how; $V4
				bare ->
				order=ipv4-first -> | bind inet disorder ok
			END
		done
		# Ports are in common to MPTCP and TCP.
		! has_mptcp || cat <<-END
			$V4; c socket mptcp6; v6only 1; bind :: P
			bare, $DENY ->
			c socket mptcp6; v6only 1; bind :: P; $V4
			bare ->
			order=ipv4-first -> | bind inet disorder ok
		END
		cat <<-END
			holder: socket tcp4; bind 0.0.0.0 P; listen
			$V6
			bare, order=ipv4-first -> | none
			$DENY -> c.bind=EPERM
			holder
			holder: socket tcp6; v6only 1; bind :: P; listen
			$V4
			bare, order=ipv4-first -> | none
			holder
			# A connection is no half of a pair, its listener closed; it has the number of one that was bound there.
			d $more; e $more; b $more; d close; e close; b listen; accept 127.0.0.1; close; $V6
			bare, order=ipv6-first -> | none
			$DENY -> c.bind=EPERM
		END
	} | rows
}

@test "a conflict in order stays a conflict" {
	rows <<-END
		$V4; c socket tcp6; v6only 0; bind :: P; show
		bare -> c.bind=EADDRINUSE b=-/0 c=0/0
		$DENY on-conflict=resolve -> b=-/0 c=1/0 | bind inet6 split conflict ok
		c socket tcp6; v6only 0; bind :: P; $V4; show
		bare -> b.bind=EADDRINUSE b=-/0 c=0/0
		order=ipv6-first on-disorder=deny:EPERM on-conflict=resolve -> b=-/1 c=0/1 | bind inet share conflict ok
	END
}
