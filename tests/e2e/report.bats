#!/usr/bin/env bats
# What v6shim report says of logs with known answers, written by hand from DESIGN.md 1.6 and 1.7.

load helper
source "$ROOT/tests/e2e/report_log.bash"

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# told NAME <<END: a log, made by the words of report_log.bash, and what is said of it, in text and in JSON:
#
#	= LINE             a whole line of the text
#	~ ERE, ! ERE       some line that matches; none
#	N ERE              N lines that match
#	check N            the exit status with --check; without it is 0
#	verdict PROTO PORT INET, INET6 [; INET, INET6]     in JSON; and what it would be with mode enforce
#	json FILTER == VALUE
#
# What is said stands below the records that it is said of; more of them may follow.
told() {
	local name=$1 line more rest proto port is=''

	# bats's takes most of the time.
	trap - DEBUG
	log x.jsonl
	SECOND=0
	while IFS= read -r line; do
		while [[ $line == *\\ ]] && IFS= read -r more; do
			line=${line%\\}$more
		done
		rest=${line#* }
		case $line in
		[=~!0-9]' '*)
			[ "$is" = told ] || report x.jsonl
			is=told
			assert_status 0 && said "${line%% *}" "$rest"
			;;
		'check '*) report --check x.jsonl && assert_status "$rest" && is='' ;;
		'verdict '*)
			read -r proto port rest <<<"$rest"
			assert_eq "$rest" "$(answer ".processes[].verdicts[] | select(.proto == \"$proto\" and .port == $port)
				| [., .enforce // empty] | map(\"\(.inet), \(.inet6)\") | join(\"; \")" x.jsonl)"
			;;
		'json '*) assert_eq "${rest#* == }" "$(answer "${rest% == *}" x.jsonl)" ;;
		'' | '#'*) ;;
		*) eval "$line" && is='' ;;
		esac || fail "$name: $line" || return
	done
}

said() {
	case $1 in
	=) assert_line "$2" ;;
	'~') grep -Eq -e "$2" <<<"$output" || fail "no line matches, of: $output" ;;
	!) refute grep -E -e "$2" <<<"$output" ;;
	*) assert_eq "$1" "$(grep -Ec -e "$2" <<<"$output")" "lines that match, of: $output" ;;
	esac
}

# DESIGN.md 1.7.
nginx() {
	load 4242 nginx policy=ipv6-only on-conflict=resolve log-level=bind
	bound 4242 nginx 6 0.0.0.0 80 policy=ipv6-only
	bound 4242 nginx 7 :: 80 asked=0 before=0 after=1 policy=ipv6-only action=override
	listened 4242 nginx 6 0.0.0.0 80 4 policy=ipv6-only
	listened 4242 nginx 7 :: 80 6 asked=0 before=1 after=1 policy=ipv6-only
}

@test "the page of the contract, word for word, and the same for machines" {
	log nginx.jsonl
	nginx
	report --check nginx.jsonl
	assert_status 0
	assert_eq "$(
		cat <<-'END'
			records 5, processes 1, conflicts left unresolved 0, disorders 0, denials 0, lost records 0
			nginx[4242]  policy ipv6-only, on-conflict resolve
			  proto  address     fd  asked  V6ONLY  serves  v6shim
			  tcp    0.0.0.0:80  6       -       -  IPv4    -
			  tcp    [::]:80     7       0  0 -> 1  IPv6    override: the application asked for the other value
			IPv4 and IPv6 are served on port 80 by separate sockets.
		END
	)" "$output"
	assert_eq '["nginx",4242,{"policy":{"value":"ipv6-only","origin":"environment"},"on-conflict":{"value":"resolve","origin":"environment"},"log-level":{"value":"bind","origin":"environment"}},[]]' \
		"$(answer '.processes[] | [.program, .pid, .settings, .troubles]' nginx.jsonl)"
	assert_eq '[6,"inet","tcp","0.0.0.0",80,null,null,null,["inet"]]
[7,"inet6","tcp","::",80,0,0,1,["inet6"]]' "$(answer '.processes[0].listeners[] | [.fd, .family, .proto, .addr, .port,
		.asked, .before, .after, .serves]' nginx.jsonl)"
	assert_eq '["tcp",80,"own socket","own socket",null]' \
		"$(answer '.processes[0].verdicts[] | [.proto, .port, .inet, .inet6, .enforce]' nginx.jsonl)"
}

@test "a conflict that was left alone: who holds the port, and what would help" {
	log x.jsonl
	load 31 app on-conflict=fail log-level=bind
	opened 31 app 3 127.0.0.1 80 4
	conflict 31 app 4 :: 80 before=0 after=0 \
		holder='{"pid":77,"program":"apache2","uid":33,"family":"inet","addr":"0.0.0.0","port":80}' \
		note='0.0.0.0:80 is held by apache2[77]: on-conflict=resolve lets both live'
	report --check x.jsonl
	assert_status 1
	assert_eq "$(
		cat <<-'END'
			records 4, processes 1, conflicts left unresolved 1, disorders 0, denials 0, lost records 0
			app[31]  policy app, on-conflict fail
			  proto  address       fd  asked  V6ONLY  serves  v6shim
			  tcp    127.0.0.1:80  3       -       -  IPv4    -
			  tcp    [::]:80       4       -       0  -       bind fails with EADDRINUSE
			  unresolved  2026-01-02T03:04:08.000006Z  bind tcp [::]:80 fd 4: V6ONLY 0, fails with EADDRINUSE, conflict (policy app) - 0.0.0.0:80 is held by apache2[77]: on-conflict=resolve lets both live
			Only IPv4 (127.0.0.1 alone) is served on port 80: [::]:80 cannot be bound, EADDRINUSE.
		END
	)" "$output"
	assert_eq '["bind",4,"::",80,"EADDRINUSE",{"pid":77,"program":"apache2","uid":33,"family":"inet","addr":"0.0.0.0","port":80}]' \
		"$(answer '.processes[0].troubles[] | [.event, .fd, .addr, .port, .errno, .holder]' x.jsonl)"
}

@test "what the shim did: split, share, yield, policies, and what it would do with mode enforce" {
	# shellcheck disable=SC2034 # for the log
	own='{"fd":3,"pid":50,"program":"x","uid":0,"family":"inet","addr":"0.0.0.0","port":80}'
	told 'a split, a share, a yield' <<-'END'
		load 50 split on-conflict=resolve log-level=bind
		opened 50 split 3 0.0.0.0 80 4
		bound 50 split 4 :: 80 before=0 after=1 action=split finding=conflict holder="$own"
		listened 50 split 4 :: 80 6 before=1 after=1
		load 51 share on-conflict=share log-level=bind
		opened 51 share 3 0.0.0.0 81 4
		bound 51 share 4 :: 81 before=0 after=0 action=share finding=conflict holder="${own//50/51}"
		listened 51 share 4 :: 81 64 before=0 after=0
		load 52 yield policy=both log-level=bind
		opened 52 yield 3 0.0.0.0 82 4
		bound 52 yield 4 :: 82 before=0 after=1 action=yield finding=conflict holder="${own//50/52}"
		listened 52 yield 4 :: 82 6 before=1 after=1
		=   tcp    [::]:80     4       -  0 -> 1  IPv6    split: V6ONLY 1, for IPv4 has a socket of its own
		=   tcp    [::]:81     4       -       0  IPv6+IPv4  share: SO_REUSEPORT on both sockets of the port
		=   tcp    [::]:82     4       -  0 -> 1  IPv6    yield: the policy gives way, for IPv4 has a socket of its own
		=   resolved    2026-01-02T03:04:08.000006Z  bind tcp [::]:80 fd 4: V6ONLY 0 -> 1, conflict (policy app)
		=   resolved    2026-01-02T03:04:13.000006Z  bind tcp [::]:81 fd 4: the port is shared, V6ONLY 0, conflict (policy app)
		=   resolved    2026-01-02T03:04:18.000006Z  bind tcp [::]:82 fd 4: V6ONLY 0 -> 1, conflict (policy app)
		= IPv4 and IPv6 are served on port 80 by separate sockets.
		= IPv4 and IPv6 are served on port 81 by separate sockets, the IPv6 one dual-stack: IPv4 goes to the IPv4 socket.
		= records 15, processes 3, conflicts left unresolved 0, disorders 0, denials 0, lost records 0
		verdict tcp 80 own socket, own socket
		verdict tcp 81 own socket, dual-stack socket
		check 0
	END
	told 'a policy that is forced, one that is an initial value, and one that the program had its own way with' <<-'END'
		load 1 forced policy=ipv6-only log-level=bind
		bound 1 forced 3 :: 80 before=0 after=1 policy=ipv6-only action=set
		listened 1 forced 3 :: 80 6 before=1 after=1 policy=ipv6-only
		load 2 initial policy=default-ipv6-only log-level=bind
		opened 2 initial 3 :: 81 6 policy=default-ipv6-only
		load 3 own policy=default-ipv6-only log-level=bind
		opened 3 own 3 :: 82 6 asked=1 policy=default-ipv6-only
		= Only IPv6 is served on port 80, by policy ipv6-only.
		= Only IPv6 is served on port 81, by policy default-ipv6-only.
		= Only IPv6 is served on port 82.
		=   tcp    [::]:81  3       -       1  IPv6    initial value of policy default-ipv6-only
		=   tcp    [::]:80  3       -  0 -> 1  IPv6    set: by the policy
	END
	told 'mode=log' <<-'END'
		load 1 s policy=ipv6-only mode=log log-level=bind
		bound 1 s 3 :: 80 asked=0 before=0 after=0 policy=ipv6-only mode=log action=override enforce='{"after":1,"result":0}'
		listened 1 s 3 :: 80 64 asked=0 before=0 after=0 policy=ipv6-only mode=log \
			enforce='{"after":1,"serves":["inet6"],"result":0}'
		opened 1 s 4 0.0.0.0 81 4 policy=ipv6-only mode=log
		conflict 1 s 5 :: 81 before=0 after=0 policy=app rule=2 mode=log action=split \
			enforce='{"after":1,"serves":["inet6"],"result":0}'
		= s[1]  policy ipv6-only, mode log
		=   tcp    [::]:80     3       0       0  IPv6+IPv4  would override: the application asked for the other value
		=   tcp    [::]:81     5       -       0  -          would split: V6ONLY 1, for IPv4 has a socket of its own; rule 2; bind fails with EADDRINUSE
		= IPv4 and IPv6 are served on port 80 by one dual-stack socket. With mode enforce: only IPv6 would be served on port 80, by policy ipv6-only.
		= Only IPv4 is served on port 81: [::]:81 cannot be bound, EADDRINUSE. With mode enforce: IPv4 and IPv6 would be served on port 81 by separate sockets.
		~ ^  unresolved  .*: V6ONLY 0, would be 1, fails with EADDRINUSE, would succeed, would serve IPv6, conflict \(policy app, rule 2, mode log\)
		verdict tcp 80 dual-stack socket, dual-stack socket; nobody, own socket
		verdict tcp 81 own socket, nobody; own socket, own socket
	END
}

@test "verdicts: each way in which a port is served, or is not" {
	told 'one process' <<-'END'
		load 1 s policy=both log-level=bind
		bound 1 s 3 :: 80 before=1 after=0 policy=both action=set
		listened 1 s 3 :: 80 64 before=0 after=0 policy=both
		opened 1 s 4 :: 443 64
		opened 1 s 5 0.0.0.0 81 4
		opened 1 s 6 ::1 82 6
		opened 1 s 7 127.0.0.1 83 4
		opened 1 s 8 127.0.0.2 83 4
		opened 1 s 9 :: 83 6 asked=1
		call bind 1 s 10 0.0.0.0 84 result=-1 errno=EACCES
		bound 1 s 11 0.0.0.0 85
		opened 1 s 12 ::ffff:0.0.0.0 86 4
		opened 1 s 13 0.0.0.0 87 4
		= IPv4 and IPv6 are served on port 80 by one dual-stack socket, by policy both.
		3 ^Only IPv4 is served on port (81|86|87)\.$
		= Only IPv6 (::1 alone) is served on port 82.
		= IPv4 (2 addresses alone) and IPv6 are served on port 83 by separate sockets.
		= Nothing is served on port 84: 0.0.0.0:84 cannot be bound, EACCES.
		! served on port 85
		= IPv4 and IPv6 are served on port 443 by one dual-stack socket.
		8 served
		=   failed      2026-01-02T03:04:20.000006Z  bind tcp 0.0.0.0:84 fd 10: fails with EACCES (policy app)
		verdict tcp 80 dual-stack socket, dual-stack socket
		verdict tcp 81 own socket, nobody
		verdict tcp 82 nobody, own socket
		verdict tcp 84 nobody, nobody
	END
	told 'the other family is another process: each verdict names it' <<-'END'
		load 1 four log-level=bind
		opened 1 four 3 0.0.0.0 80 4
		load 2 six log-level=bind
		opened 2 six 3 :: 80 6 asked=1
		= Only IPv4 is served on port 80; IPv6 is served by six[2].
		= Only IPv6 is served on port 80; IPv4 is served by four[1].
	END
	told 'datagrams: both families may have the port, and a client is none' <<-'END'
		load 1 named log-level=bind
		record 1 named bind fd=3 family=inet type=dgram proto=udp addr=0.0.0.0 port=53 result=0 serves='["inet"]'
		record 1 named bind fd=4 family=inet6 type=dgram proto=udp addr=:: port=53 before=0 after=0 result=0 serves='["inet6","inet"]' \
			finding=conflict holder='{"fd":3,"pid":1,"program":"named","uid":0,"family":"inet","addr":"0.0.0.0","port":53}' note=x
		record 1 named bind fd=5 family=inet type=dgram proto=udp addr=0.0.0.0 port=0 result=0
		2 ^ *udp\s
		=   conflict    2026-01-02T03:04:07.000006Z  bind udp [::]:53 fd 4: V6ONLY 0, serves IPv6 and IPv4, conflict (policy app) - x
		= IPv4 and IPv6 are served on udp port 53 by separate sockets, the IPv6 one dual-stack: IPv4 goes to the IPv4 socket.
		verdict udp 53 own socket, dual-stack socket
		check 0
	END
	told 'inherited sockets, and a request that came too late' <<-'END'
		load 1 s policy=ipv6-only log-level=bind
		record 1 s inherit fd=3 family=inet6 type=stream proto=tcp addr=:: port=80 before=0 after=0 \
			serves='["inet6","inet"]' policy=ipv6-only
		record 1 s setsockopt fd=3 family=inet6 type=stream proto=tcp addr=:: port=80 asked=1 after=0 \
			policy=ipv6-only result=-1 errno=EINVAL
		listened 1 s 3 :: 80 64 before=0 after=0 policy=ipv6-only
		1 ^ *tcp\s
		~ tcp .*inherit
		verdict tcp 80 dual-stack socket, dual-stack socket
	END
}

@test "verdicts are no surer than the log: clients, holders, single addresses, levels, who serves" {
	told 'clients, port 0 that was never listened on, and a reserved port: no verdict' <<-'END'
		load 1 s log-level=bind
		bound 1 s 3 0.0.0.0 0
		bound 1 s 4 :: 0 before=0 after=0
		bound 1 s 5 0.0.0.0 1023
		bound 1 s 6 127.0.0.1 40000
		record 1 s bind fd=7 family=inet6 type=dgram proto=udp addr=:: port=0 before=0 after=0 result=0
		! served
		json [.processes[].verdicts[]] == []
	END
	told 'a holder that a conflict names is a listener there; a connection of one address is none' <<-'END'
		load 1 s log-level=bind
		conflict 1 s 4 :: 80 before=0 after=0 holder='{"pid":77,"program":"a","uid":33,"family":"inet","addr":"0.0.0.0","port":80}'
		conflict 1 s 5 :: 81 before=0 after=0 holder='{"pid":77,"program":"a","uid":33,"family":"inet","addr":"10.0.0.1","port":81}'
		conflict 1 s 6 0.0.0.0 82 holder='{"pid":77,"program":"a","uid":33,"family":"inet6","addr":"::","port":82,"v6only":0}'
		= IPv4 is served on port 80 by another process: [::]:80 cannot be bound, EADDRINUSE.
		= Nothing is served on port 81: [::]:81 cannot be bound, EADDRINUSE.
		verdict tcp 80 another process, nobody
		verdict tcp 81 nobody, nobody
		verdict tcp 82 another process, another process
	END
	told 'a level that does not tell every bind: nothing is only, nothing is served' <<-'END'
		load 1 s policy=ipv6-only
		bound 1 s 3 :: 80 before=0 after=1 policy=ipv6-only action=set
		conflict 1 s 4 :: 81 before=0 after=0 holder='{"fd":7,"pid":1,"program":"s","uid":0,"family":"inet","addr":"0.0.0.0","port":81}'
		conflict 1 s 5 :: 82 before=0 after=0
		! [Oo]nly IP|[Nn]othing|served
		= IPv6 is bound on port 80, by policy ipv6-only, as far as the log tells: log-level=bind tells all.
		= IPv4 is bound on port 81: [::]:81 cannot be bound, EADDRINUSE, as far as the log tells: log-level=bind tells all.
		= [::]:82 cannot be bound, EADDRINUSE, as far as the log tells: log-level=bind tells all.
		verdict tcp 80 null, own socket
		verdict tcp 81 own socket, null
		verdict tcp 82 null, null
	END
	told 'beside one address IPv4 is that address; a dual-stack socket has the others' <<-'END'
		load 1 s on-conflict=share log-level=bind
		opened 1 s 3 127.0.0.1 80 4
		opened 1 s 4 :: 80 6 before=0 after=1 action=split finding=conflict
		opened 1 s 5 127.0.0.1 81 4
		opened 1 s 6 :: 81 64
		= IPv4 (127.0.0.1 alone) and IPv6 are served on port 80 by separate sockets.
		= IPv4 and IPv6 are served on port 81 by one dual-stack socket, and 127.0.0.1 by its own.
		verdict tcp 81 dual-stack socket, dual-stack socket
	END
	told 'who serves is who listens, and not the helper that bound it' <<-'END'
		load 1 helper log-level=bind
		bound 1 helper 3 0.0.0.0 80
		load 2 six log-level=bind
		opened 2 six 3 :: 80 6 asked=1
		load 3 four log-level=bind
		listened 3 four 3 0.0.0.0 80 4
		= Only IPv6 is served on port 80; IPv4 is served by four[3].
		! helper\[1\]\.
	END
	told 'mode=log: what enforce would deny, and what came after' <<-'END'
		load 1 s policy=default-ipv6-only on-contrary=deny:EINVAL mode=log log-level=bind
		record 1 s setsockopt fd=3 family=inet6 type=stream proto=tcp asked=0 before=0 after=0 policy=default-ipv6-only mode=log action=deny finding=contrary result=0 enforce='{"after":1,"result":-1,"errno":"EINVAL"}'
		opened 1 s 3 :: 80 64 asked=0 before=0 after=0 policy=default-ipv6-only mode=log enforce='{"after":1,"serves":["inet6"],"result":0}'
		= IPv4 and IPv6 are served on port 80 by one dual-stack socket. With mode enforce, and if it goes on after what would be denied: only IPv6 would be served on port 80, by policy default-ipv6-only.
	END
	told 'mode=log: what enforce would refuse, let in, and leave undecided' <<-'END'
		load 1 s policy=both mode=log log-level=bind
		opened 1 s 3 0.0.0.0 80 4
		call bind 1 s 4 :: 80 before=1 after=1 policy=both mode=log finding=conflict result=0 \
			enforce='{"after":1,"result":-1,"errno":"EADDRINUSE"}'
		listened 1 s 4 :: 80 6 before=1 after=1 policy=both mode=log enforce='{}'
		call bind 1 s 5 0.0.0.0 81 policy=both mode=log result=0 enforce='{}' note='it depends'
		listened 1 s 5 0.0.0.0 81 4 policy=both mode=log enforce='{}'
		= IPv4 and IPv6 are served on port 80 by separate sockets. With mode enforce: only IPv4 would be served on port 80: [::]:80 would fail, EADDRINUSE.
		= Only IPv4 is served on port 81. With mode enforce: undecided.
		~ ^  unresolved  .*would fail with EADDRINUSE, conflict
		~ ^  undecided   .*with mode=enforce undecided
		verdict tcp 80 own socket, own socket; own socket, nobody
		verdict tcp 81 own socket, nobody; null, nobody
		check 1
	END
}

@test "which socket is which: order, chosen ports, duplicates, descriptors that are used again" {
	told 'the order of binds is that of the page, whoever listens first' <<-'END'
		load 1 s log-level=bind
		bound 1 s 3 :: 80 before=1 after=1
		bound 1 s 4 0.0.0.0 80
		listened 1 s 4 0.0.0.0 80 4
		listened 1 s 3 :: 80 6 before=1 after=1
		json [.processes[0].listeners[] | [.addr, .fd]] == [["::",3],["0.0.0.0",4]]
	END
	told 'the port that the kernel chose is the listener' <<-'END'
		load 1 ftp log-level=bind
		bound 1 ftp 3 :: 0 before=0 after=0
		listened 1 ftp 3 :: 40001 64 before=0 after=0
		=   tcp    [::]:40001  3       -       0  IPv6+IPv4  -
		= IPv4 and IPv6 are served on port 40001 by one dual-stack socket.
	END
	told 'a listen without a bind, on a duplicate, and a descriptor that got another socket' <<-'END'
		load 1 s log-level=bind
		listened 1 s 3 :: 40001 64 before=0 after=0
		bound 1 s 4 0.0.0.0 81
		listened 1 s 9 0.0.0.0 81 4
		opened 1 s 4 0.0.0.0 82 4
		opened 1 s 5 0.0.0.0 83 4
		opened 1 s 5 0.0.0.0 84 4
		json [.processes[0].listeners[] | [.addr, .port, .fd]] == [["::",40001,3],["0.0.0.0",81,9],["0.0.0.0",82,4],["0.0.0.0",83,5],["0.0.0.0",84,5]]
		~ 0\.0\.0\.0:83  5 .* its descriptor got another socket later
		3 ^Only IPv4 is served on port (81|82|84)\.$
	END
}

@test "disorders, denials, contrary requests, look-ups, errors and lost records are told one by one" {
	told 'each of them' <<-'END'
		load 1 s policy=both order=ipv6-first on-disorder=deny:EACCES on-contrary=deny:EPERM log-level=bind
		record 1 s getaddrinfo families_before='["inet","inet6"]' families_after='["inet6","inet"]' policy=both action=reorder result=0
		record 1 s setsockopt fd=3 family=inet6 type=stream proto=tcp asked=1 before=0 after=0 policy=both action=deny finding=contrary result=-1 errno=EPERM
		call bind 1 s 4 0.0.0.0 80 policy=both action=deny finding=disorder result=-1 errno=EACCES note='no IPv6 socket has the port yet'
		record 1 s lost count=7
		record 1 s error note='V6SHIM_POLICY: unknown value'
		= records 6, processes 1, conflicts left unresolved 0, disorders 1, denials 2, lost records 7
		=   tcp    0.0.0.0:80  4       -       -  -       deny; bind fails with EACCES
		=   reorder     2026-01-02T03:04:06.000006Z  getaddrinfo: IPv4 IPv6 -> IPv6 IPv4 (policy both)
		=   contrary    2026-01-02T03:04:07.000006Z  setsockopt tcp IPv6 fd 3: asks for V6ONLY 1, denied with EPERM, V6ONLY 0, contrary (policy both)
		=   disorder    2026-01-02T03:04:08.000006Z  bind tcp 0.0.0.0:80 fd 4: denied with EACCES, disorder (policy both) - no IPv6 socket has the port yet
		=   lost        2026-01-02T03:04:09.000006Z  lost: 7 records could not be written
		=   error       2026-01-02T03:04:10.000006Z  error: V6SHIM_POLICY: unknown value
		= Nothing is served on port 80: 0.0.0.0:80 cannot be bound, EACCES.
		json [.processes[0].troubles[].event] == ["setsockopt","bind","lost","error"]
		check 1
	END
	told 'the same trouble again and again is one line, with the times of the first and the last' <<-'END'
		load 1 s log-level=bind
		for i in 4 5 6 7 8; do conflict 1 s $i :: 80 before=0 after=0 note=held; done
		=   unresolved  2026-01-02T03:04:06.000006Z  bind tcp [::]:80 fd 4: V6ONLY 0, fails with EADDRINUSE, conflict (policy app) - held; 5 times until 2026-01-02T03:04:10.000006Z
		1 bind tcp
		1 bind fails with
	END
}

@test "processes: alike, used again, executed anew, without a load record, and with one that is late" {
	told 'workers that look alike are one block' <<-'END'
		load 1 nginx log-level=bind
		for fd in 6 7 8 9; do bound 1 nginx $fd 0.0.0.0 80; done
		for fd in 6 7 8 9; do listened 1 nginx $fd 0.0.0.0 80 4; done
		for pid in 11 12 13; do load $pid worker log-level=bind; listened $pid worker 5 :: 81 6 before=1 after=1; done
		load 14 worker log-level=bind
		listened 14 worker 5 :: 82 6 before=1 after=1
		4 ^  tcp    0\.0\.0\.0:80  [6-9]       -       -  IPv4    -$
		=   from 2026-01-02T03:04:14.000006Z in x.jsonl, with 2 more like it: pid 12 13
		3 ^(nginx|worker)\[
		~ ^records 17, processes 5,
	END
	told 'a pid used again, and a program that executes another, are processes of their own' <<-'END'
		load 9 sh log-level=bind
		load 9 server log-level=bind
		opened 9 server 3 0.0.0.0 80 4
		load 9 server log-level=bind
		opened 9 server 3 0.0.0.0 81 4
		bound 9 other 3 0.0.0.0 82
		2 ^server\[9\]
		= Processes in which nothing was bound, as far as the log tells: 1
		~ ^other\[9\] .*policy app \(this log does not have the other settings\)
	END
	told 'a load record that comes after another thread' <<-'END'
		bound 1 s 3 0.0.0.0 80
		sed -i 's/05.000006Z/05.400000Z/' x.jsonl; SECOND=0
		load 1 s policy=both log-level=bind
		listened 1 s 3 0.0.0.0 80 4
		1 ^s\[1\]
		= s[1]  policy both
	END
	told 'what the log level leaves out is said, and the verdict is no surer than that' <<-'END'
		load 1 s policy=ipv6-only
		= Processes in which nothing was bound, as far as the log tells: 1
		bound 1 s 3 :: 80 before=0 after=1 policy=ipv6-only action=set
		=   tcp    [::]:80  3       -  0 -> 1  -       set: by the policy
		= IPv6 is bound on port 80, by policy ipv6-only, as far as the log tells: log-level=bind tells all.
	END
	told 'a log at a path has every bind, where no level is told' <<-'END'
		load 1 s policy=ipv6-only log=/var/log/s.json
		bound 1 s 3 :: 80 before=0 after=1 policy=ipv6-only action=set
		! Its log-level is
		! as far as the log tells
	END
	told 'settings are read as keys, rules are their number' <<-'END'
		load 1 s policy=both rules=12 'log=/tmp/a, policy=app (profile)' log-level=bind
		bound 1 s 3 0.0.0.0 80
		json .processes[0].settings | [.rules.value, .log.value, ."log-level".value, .policy.origin] == ["12","/tmp/a, policy=app (profile)","bind","environment"]
		= s[1]  policy both, rules 12
	END
	told 'no name from a log reaches the terminal as it is, nor forges a line' <<-'END'
		load 1 'a\u001b[31m\nnginx[4242]  policy both\u009b' log-level=bind
		bound 1 'a\u001b[31m\nnginx[4242]  policy both\u009b' 3 :: 80 before=0 after=0 finding=conflict \
			holder='{"pid":2,"program":"\u001b]0;x\u0007","uid":0}' note='\u001b[2J\r\nx'
		load 2 'idle\u001b' log-level=bind
		record 3 'e\u001b' error note='\u0000\u001b'
		json has("processes") == true
		! [^ -~]
		! ^nginx
		~ a\\x1b\[31m\\x0anginx\[4242\]
	END
}

@test "--check: what is unresolved, denied, out of order or lost is 1, and nothing else" {
	told 'a conflict is resolved by the shim, or by a later success of the same call, whatever the descriptor' <<-'END'
		load 1 s log-level=bind
		conflict 1 s 3 :: 80 before=0 after=0
		check 1
		bound 1 s 9 :: 80 before=1 after=1
		check 0
		~ ^  resolved .* fails with EADDRINUSE
		! bind fails with
		conflict 1 s 3 :: 80 before=0 after=0
		check 1
		~ bind fails with EADDRINUSE
		bound 1 s 3 :: 80 before=0 after=1 action=split finding=conflict
		check 0
	END
	told 'a listen that failed is not made good by a bind, but by a listen' <<-'END'
		load 1 s log-level=bind
		bound 1 s 3 :: 80 before=0 after=0
		call listen 1 s 3 :: 80 before=0 after=0 finding=conflict result=-1 errno=EADDRINUSE
		check 1
		~ ^Nothing is served on port 80: \[::\]:80 cannot listen, EADDRINUSE
		bound 1 s 4 :: 80 before=0 after=0
		check 1
		listened 1 s 4 :: 80 64 before=0 after=0
		check 0
	END
	told 'another address, another process and another protocol make nothing good' <<-'END'
		load 1 s log-level=bind
		conflict 1 s 3 :: 80 before=0 after=0
		bound 1 s 3 :: 81 before=0 after=0
		bound 1 s 4 0.0.0.0 80
		record 1 s bind fd=5 family=inet6 type=dgram proto=udp addr=:: port=80 before=0 after=0 result=0
		load 2 s log-level=bind
		bound 2 s 3 :: 80 before=0 after=0
		check 1
	END
	told 'an EADDRINUSE is a conflict, whatever the finding' <<-'END'
		load 1 s log-level=bind
		call bind 1 s 3 :: 80 before=0 after=0 finding=disorder result=-1 errno=EADDRINUSE
		check 1
		~ conflicts left unresolved 1,
	END
	told 'each reason by itself, and what is none' <<-'END'
		load 1 s log-level=bind
		bound 1 s 3 :: 80 before=0 after=1 policy=ipv6-only action=override
		record 1 s setsockopt fd=3 family=inet6 type=stream proto=tcp asked=0 after=0 policy=ipv6-only finding=contrary result=0
		record 1 s error note=oops
		call bind 1 s 4 :: 22 result=-1 errno=EACCES
		echo nonsense >>x.jsonl
		cp x.jsonl clean
		check 0
		record 1 s setsockopt fd=3 asked=0 action=deny finding=contrary result=-1 errno=EPERM
		check 1
		cp clean x.jsonl; call bind 1 s 5 0.0.0.0 81 finding=disorder result=0
		check 1
		cp clean x.jsonl; record 1 s lost count=1
		check 1
		cp clean x.jsonl; call bind 1 s 5 0.0.0.0 81 mode=log action=deny result=0
		check 1
		cp clean x.jsonl
		check 0
	END
}

@test "--lines: each record as a line of text, as log-format=text writes it" {
	log x.jsonl
	nginx
	record 4242 nginx lost count=7
	report --lines x.jsonl
	assert_status 0
	assert_eq 6 "$(wc -l <<<"$output")"
	assert_line '2026-01-02T03:04:07.000006Z v6shim nginx[4242]: bind tcp [::]:80 fd 7: V6ONLY 0 -> 1 (policy ipv6-only; the application asked for 0)'
	assert_line '2026-01-02T03:04:08.000006Z v6shim nginx[4242]: listen tcp 0.0.0.0:80 fd 6: serves IPv4 (policy ipv6-only)'
	# The writer's text and the reader's are one.
	port=$(free_port)
	for format in text json; do
		shim LOG="$PWD/$format" LOG_FORMAT=$format LOG_LEVEL=bind POLICY=ipv6-only -- "$PROGRAMS/drive" 'socket tcp6' \
			'v6only 0' "bind :: $port" listen >/dev/null
	done
	report --lines json
	plain='s/^[0-9TZ:.-]{27} //; s/\[[0-9]+\]/[PID]/'
	assert_eq "$(sed -E "$plain; s/, log-format=[^,]*//; s,$PWD/text,$PWD/json," text)" "$(sed -E "$plain; s/, log-format=[^,]*//" <<<"$output")"
}

@test "bad usage is 2, with the reason; output that does not arrive is no success" {
	report
	assert_status 2
	assert_line 'v6shim: report: no file given'
	report --chek x
	assert_status 2
	assert_line "v6shim: --chek: unknown option; did you mean '--check'"
	log ./--json
	nginx
	report -- --json
	assert_status 0
	assert_line 'nginx[4242]  policy ipv6-only, on-conflict resolve'
	run bash -c '"$0" report -- --json >/dev/full' "$V6SHIM"
	assert_status 1
	assert_match 'could not be written' "$output"
}

# ---- real logs

@test "real logs: bind-all that fails, is resolved, and would be; a server: report-follow.bats" {
	port=$(free_port)
	while IFS='|' read -r words expected_status expected; do
		# shellcheck disable=SC2086 # into its words
		run shim LOG="$PWD/b.jsonl" LOG_FORMAT=json LOG_LEVEL=bind $words -- "$EXAMPLES/bind-all" -n "$port"
		report --check b.jsonl
		assert_status "$expected_status"
		assert_match "${expected//PORT/$port}" "$output"
		rm b.jsonl
	done <<-'END'
		ON_CONFLICT=fail|1|Only IPv4 is served on port PORT: \[::\]:PORT cannot be bound, EADDRINUSE
		ON_CONFLICT=fail|1|  unresolved  .* 0\.0\.0\.0:PORT is held by fd [0-9]+ of this process
		ON_CONFLICT=resolve|0|IPv4 and IPv6 are served on port PORT by separate sockets\.
		ON_CONFLICT=resolve|0|  resolved  .* V6ONLY 0 -> 1
		ON_CONFLICT=resolve MODE=log|1|With mode enforce: IPv4 and IPv6 would be served on port PORT by separate sockets\.
	END
}
