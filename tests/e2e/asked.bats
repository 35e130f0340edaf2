#!/usr/bin/env bats
# What the application asked for is known of the socket, not of the number: after dup, in a fork child, when
# the number is used again, after a denial (DESIGN.md 1.6: asked, override; 1.8 point 3). A record here is
# EVENT ASKED BEFORE AFTER [ACTION]; the outcome is V6ONLY as the kernel has it.

load helper
load rows

setup() {
	require_plain_sysctl
}

asked() {
	rows --events bind,listen --fields event,asked,before,after,action
}

@test "asked is what the application asked for last, and is absent where it asked for nothing" {
	for kind in tcp6 udp6; do
		cat <<-END
			socket $kind; bind :: P; get
			bare -> 0
			policy=ipv6-only -> 1 | bind - 0 1 set
			policy=both -> 0 | bind - 0 0
			policy=default-ipv6-only -> 1 | bind - 1 1
			socket $kind; v6only 0; bind :: P; get
			bare -> 0
			policy=ipv6-only -> 1 | bind 0 0 1 override
			policy=both -> 0 | bind 0 0 0
			policy=default-ipv6-only -> 0 | bind 0 0 0
			socket $kind; v6only 1; bind :: P; get
			bare -> 1
			policy=ipv6-only, policy=app -> 1 | bind 1 1 1
			policy=both -> 0 | bind 1 1 0 override
			socket $kind; v6only 1; v6only 0; bind :: P; get
			bare -> 0
			policy=ipv6-only -> 1 | bind 0 0 1 override
			socket $kind; v6only 0; v6only 1; bind :: P; get
			bare -> 1
			policy=ipv6-only -> 1 | bind 1 1 1
		END
	done | asked
	asked <<-END
		socket tcp6; listen; get
		bare -> 0
		policy=ipv6-only -> 1 | listen - 0 1 set
		socket tcp6; v6only 0; listen; get
		bare -> 0
		policy=ipv6-only -> 1 | listen 0 0 1 override
		socket tcp6; v6only 1; listen; get
		bare -> 1
		policy=both -> 0 | listen 1 1 0 override
		# Any value and length that the kernel takes.
		socket tcp6; v6only null; bind :: P; get
		bare -> 0
		policy=ipv6-only -> 1 | bind 0 0 1 override
		socket tcp6; v6only long-0; bind :: P; get
		bare -> 0
		policy=ipv6-only -> 1 | bind 0 0 1 override
		socket tcp6; v6only long-1; bind :: P; get
		bare -> 1
		policy=both -> 0 | bind 1 1 0 override
		# What it refuses was not heard; after bind it comes too late.
		socket tcp6; v6only short-0; v6only unreadable; bind :: P; get
		bare -> v6only=EINVAL v6only=EFAULT 0
		policy=ipv6-only -> v6only=EINVAL v6only=EFAULT 1 | bind - 0 1 set
		socket tcp6; v6only 1; v6only short-0; bind :: P; get
		bare, policy=ipv6-only -> v6only=EINVAL 1 | bind 1 1 1
		socket tcp6; bind :: P; v6only 0; listen; get
		bare -> v6only=EINVAL 0
		policy=ipv6-only -> v6only=EINVAL 1 | bind - 0 1 set; listen - 1 1
	END
}

@test "asked is known of the socket: after dup, a journey through a socket, and in a child of fork" {
	local way

	for way in dup 'dup; dup' pass fork 'dup; fork; pass' thread; do
		cat <<-END
			socket tcp6; v6only 0; $way; bind :: P; get
			bare -> 0
			policy=ipv6-only -> 1 | bind 0 0 1 override
			socket tcp6; $way; v6only 0; $way; bind :: P; get
			bare -> 0
			policy=ipv6-only -> 1 | bind 0 0 1 override
			socket tcp6; $way; bind :: P; get
			bare -> 0
			policy=ipv6-only -> 1 | bind - 0 1 set
		END
	done | asked
	# A new program knows nothing of what was asked before it, and the policy holds all the same.
	asked <<-END
		socket tcp6; v6only 0; exec; bind :: P; get
		bare -> 0
		policy=ipv6-only -> 1 | bind - 0 1 set
		socket tcp6; v6only 1; exec; bind :: P; get
		bare -> 1
		policy=both -> 0 | bind - 1 0 set
	END
}

@test "a number that is used again has asked for nothing, and two sockets are not taken for one another" {
	asked <<-END
		socket tcp6; v6only 0; close; socket tcp6; bind :: P; get
		bare -> 0
		policy=ipv6-only -> 1 | bind - 0 1 set
		socket tcp6; v6only 0; close; socket udp6; bind :: P; get
		bare -> 0
		policy=ipv6-only -> 1 | bind - 0 1 set
		socket tcp6; v6only 0; fork; close; socket tcp6; bind :: P; get
		bare -> 0
		policy=ipv6-only -> 1 | bind - 0 1 set
		socket tcp6; v6only 0; close; socket tcp6; v6only 1; bind :: P; get
		bare -> 1
		policy=both -> 0 | bind 1 1 0 override
		socket tcp6; v6only 0; listen; b socket tcp6; listen; c socket tcp6; v6only 1; listen
		bare ->
		policy=ipv6-only -> | listen 0 0 1 override; listen - 0 1 set; listen 1 1 1
	END
	# It is the same number indeed.
	assert_eq 1 "$("$PROGRAMS/drive" 'socket tcp6' 'v6only 0' close 'socket tcp6' | grep -o 'fd .*' | sort -u | wc -l)"
	# More sockets than are remembered, 4096: what this one asked may be forgotten, and is never another's.
	asked <<-END
		socket tcp6; others 9000; bind :: P; get
		bare -> 0
		policy=ipv6-only -> 1 | bind - 0 1 set
		others 9000; socket tcp6; bind :: P; get
		bare -> 0
		policy=ipv6-only -> 1 | bind - 0 1 set
		socket tcp6; v6only 1; others 9000; bind :: P; get
		bare -> 1
		policy=both -> 0
	END
}

@test "a denied request was asked all the same" {
	asked <<-END
		socket tcp6; v6only 0; get; bind :: P; get
		bare -> 0 0
		policy=ipv6-only on-contrary=deny:EPERM -> v6only=EPERM 0 1 | bind 0 0 1 override
		socket tcp6; v6only 0; dup; fork; bind :: P; get
		bare -> 0
		policy=ipv6-only on-contrary=deny:EPERM -> v6only=EPERM 1 | bind 0 0 1 override
		socket tcp6; v6only 0; close; socket tcp6; bind :: P; get
		bare -> 0
		policy=ipv6-only on-contrary=deny:EPERM -> v6only=EPERM 1 | bind - 0 1 set
		socket tcp6; v6only 1; bind :: P; get
		bare -> 1
		policy=both on-contrary=deny:EPERM -> v6only=EPERM 0 | bind 1 0 0
	END
}
