#!/usr/bin/env bats
# What v6shim report says of logs with known answers, written by hand from DESIGN.md 1.6 and 1.7.

load helper
source "$ROOT/tests/e2e/report_log.bash"

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# DESIGN.md 1.7.
nginx() {
	load 4242 nginx policy=ipv6-only on-conflict=resolve log-level=bind
	bound 4242 nginx 6 0.0.0.0 80 policy=ipv6-only
	bound 4242 nginx 7 :: 80 asked=0 before=0 after=1 policy=ipv6-only action=override
	heard 4242 nginx 6 0.0.0.0 80 4 policy=ipv6-only
	heard 4242 nginx 7 :: 80 6 asked=0 before=1 after=1 policy=ipv6-only
}

# conflict PID PROGRAM FD ADDR PORT [KEY=VALUE...]: a bind that fails.
conflict() {
	call bind "$@" finding=conflict result=-1 errno=EADDRINUSE
}

@test "the page of the contract, word for word" {
	log nginx.jsonl
	nginx
	report nginx.jsonl
	assert_status 0
	assert_eq "$(
		cat <<-'END'
			nginx[4242]                      policy ipv6-only, on-conflict resolve
			  order  proto  address      fd  asked  V6ONLY  serves  v6shim
			      1  tcp    0.0.0.0:80    6      -       -  IPv4    -
			      2  tcp    [::]:80       7      0  0 -> 1  IPv6    override: the application asked for dual-stack
			conflicts  none      disorders  none      denials  none      lost records  none
			IPv4 and IPv6 are served on port 80 by separate sockets.
		END
	)" "$output"
}

@test "the same for machines" {
	log nginx.jsonl
	nginx
	assert_eq 1 "$(answer .report nginx.jsonl)"
	assert_eq '["nginx",4242,[4242],1,"nginx.jsonl","0.1.0","bind","ipv6-only","enforce"]' \
		"$(answer '.processes[] | [.program, .pid, .pids, .processes, .log, .version, .log_level,
			.policy, .mode]' nginx.jsonl)"
	assert_eq '{"policy":{"value":"ipv6-only","origin":"environment"},"on-conflict":{"value":"resolve","origin":"environment"},"log-level":{"value":"bind","origin":"environment"}}' \
		"$(answer '.processes[0].settings' nginx.jsonl)"
	assert_eq '[1,6,"inet","tcp","0.0.0.0",80,null,null,null,["inet"],[],"-"]
[2,7,"inet6","tcp","::",80,0,0,1,["inet6"],["override"],"override: the application asked for dual-stack"]' \
		"$(answer '.processes[0].listeners[] | [.order, .fd, .family, .proto, .addr, .port, .asked,
			.before, .after, .serves, .actions, .v6shim]' nginx.jsonl)"
	assert_eq '["tcp",80,"separate sockets","own socket","own socket","IPv4 and IPv6 are served on port 80 by separate sockets."]' \
		"$(answer '.processes[0].verdicts[] | [.proto, .port, .verdict, .inet, .inet6, .text]' nginx.jsonl)"
	assert_eq '{"records":5,"conflicts":0,"unresolved":0,"disorders":0,"denials":0,"contrary":0,"failures":0,"errors":0,"lost":0}' \
		"$(answer .totals nginx.jsonl)"
	assert_eq '[0,[{"file":"nginx.jsonl","records":5,"damaged":0,"foreign":0,"text_format":0}]]' \
		"$(answer '[.check, .files]' nginx.jsonl)"
}

@test "a conflict that was left alone: who holds the port, and what would help" {
	log x.jsonl
	load 31 app on-conflict=fail log-level=bind
	bound 31 app 3 127.0.0.1 80
	heard 31 app 3 127.0.0.1 80 4
	conflict 31 app 4 :: 80 before=0 after=0 \
		holder='{"pid":77,"program":"apache2","uid":33,"family":"inet","addr":"0.0.0.0","port":80}' \
		note='0.0.0.0:80 is held by apache2[77]: on-conflict=resolve lets both live'
	report --check x.jsonl
	assert_status 1
	assert_eq "$(
		cat <<-'END'
			app[31]                            policy app, on-conflict fail
			  order  proto  address        fd  asked  V6ONLY  serves  v6shim
			      1  tcp    127.0.0.1:80    3      -       -  IPv4    -
			      2  tcp    [::]:80         4      -       0  -       bind fails with EADDRINUSE
			conflicts  1, unresolved      disorders  none      denials  none      lost records  none
			  conflict  2026-01-02T03:04:08.000006Z  bind tcp [::]:80 fd 4: fails with EADDRINUSE, unresolved
			            holder  apache2[77], 0.0.0.0:80, uid 33
			            note    0.0.0.0:80 is held by apache2[77]: on-conflict=resolve lets both live
			Only IPv4 (127.0.0.1 alone) is served on port 80: the bind of [::]:80 fails with EADDRINUSE, a conflict left unresolved with apache2[77].
		END
	)" "$output"
	assert_eq '["conflict","bind",4,"::",80,"EADDRINUSE",true,1,{"pid":77,"program":"apache2","uid":33,"family":"inet","addr":"0.0.0.0","port":80}]' \
		"$(answer '.processes[0].troubles[] | [.kind, .event, .fd, .addr, .port, .errno, .unresolved, .times, .holder]' x.jsonl)"
	assert_eq 1 "$(answer .check x.jsonl)"
}

@test "what the shim did about a conflict: split, share, yield" {
	log x.jsonl
	for action in split share yield; do
		load 50 $action on-conflict=resolve log-level=bind
		bound 50 $action 3 0.0.0.0 80
		heard 50 $action 3 0.0.0.0 80 4
		after=1 serves=6
		[ $action != share ] || after=0 serves=64
		bound 50 $action 4 :: 80 before=0 "after=$after" "action=$action" finding=conflict \
			holder='{"fd":3,"pid":50,"program":"x","uid":0,"family":"inet","addr":"0.0.0.0","port":80}'
		heard 50 $action 4 :: 80 "$serves" "before=$after" "after=$after"
	done
	report --check x.jsonl
	assert_status 0
	assert_line '      2  tcp    [::]:80       4      -  0 -> 1  IPv6    split: V6ONLY 1, for IPv4 has a socket of its own'
	assert_line '      2  tcp    [::]:80       4      -       0  IPv6+IPv4  share: SO_REUSEPORT on both sockets of the port'
	assert_line '      2  tcp    [::]:80       4      -  0 -> 1  IPv6    yield: the policy gives way, for IPv4 has a socket of its own'
	assert_line '  conflict  2026-01-02T03:04:08.000006Z  bind tcp [::]:80 fd 4: resolved by a split'
	assert_line '  conflict  2026-01-02T03:04:13.000006Z  bind tcp [::]:80 fd 4: resolved by sharing the port'
	assert_line '  conflict  2026-01-02T03:04:18.000006Z  bind tcp [::]:80 fd 4: resolved, the policy gave way'
	assert_line '            holder  fd 3 of this process, 0.0.0.0:80, uid 0'
	assert_line 'IPv4 and IPv6 are served on port 80 by separate sockets.'
	assert_line 'IPv4 and IPv6 are served on port 80 by separate sockets, the IPv6 one dual-stack: IPv4 goes to the IPv4 socket.'
	assert_line 'In all 3 processes, 15 records: conflicts left unresolved 0, disorders 0, denials 0, lost records 0.'
}

@test "verdicts: one dual-stack socket, one family alone, single addresses, nobody" {
	log x.jsonl
	load 1 s policy=both log-level=bind
	bound 1 s 3 :: 80 before=1 after=0 policy=both action=set
	heard 1 s 3 :: 80 64 before=0 after=0 policy=both
	bound 1 s 4 :: 443 before=0 after=0
	heard 1 s 4 :: 443 64 before=0 after=0
	bound 1 s 5 0.0.0.0 81
	heard 1 s 5 0.0.0.0 81 4
	bound 1 s 6 ::1 82 before=0 after=1
	heard 1 s 6 ::1 82 6 before=1 after=1
	bound 1 s 7 127.0.0.1 83
	heard 1 s 7 127.0.0.1 83 4
	bound 1 s 8 127.0.0.2 83
	heard 1 s 8 127.0.0.2 83 4
	bound 1 s 9 :: 83 asked=1 before=1 after=1
	heard 1 s 9 :: 83 6 asked=1 before=1 after=1
	call bind 1 s 10 0.0.0.0 84 result=-1 errno=EACCES
	bound 1 s 11 0.0.0.0 85
	bound 1 s 12 ::ffff:0.0.0.0 86 before=0 after=0
	heard 1 s 12 ::ffff:0.0.0.0 86 4 before=0 after=0
	bound 1 s 13 0.0.0.0 87
	heard 1 s 13 0.0.0.0 87 4
	report x.jsonl
	assert_eq "$(
		cat <<-'END'
			IPv4 and IPv6 are served on port 80 by one dual-stack socket, by policy both.
			Only IPv4 is served on ports 81, 86 and 87.
			Only IPv6 (::1 alone) is served on port 82.
			IPv4 (2 addresses alone) and IPv6 are served on port 83 by separate sockets.
			Nothing is served on port 84: the bind of 0.0.0.0:84 fails with EACCES.
			Nothing is served on port 85: 0.0.0.0:85 is bound and has not listened.
			IPv4 and IPv6 are served on port 443 by one dual-stack socket.
		END
	)" "$(grep served <<<"$output")"
	assert_line '  failure   2026-01-02T03:04:20.000006Z  bind tcp 0.0.0.0:84 fd 10: fails with EACCES'
	assert_eq '["IPv4 only","own socket","nobody"]' \
		"$(answer '.processes[0].verdicts[] | select(.port == 81) | [.verdict, .inet, .inet6]' x.jsonl)"
	assert_eq '["one dual-stack socket","dual-stack socket","dual-stack socket"]' \
		"$(answer '.processes[0].verdicts[] | select(.port == 443) | [.verdict, .inet, .inet6]' x.jsonl)"
	assert_eq '["nobody","nobody","nobody"]' \
		"$(answer '.processes[0].verdicts[] | select(.port == 84) | [.verdict, .inet, .inet6]' x.jsonl)"
}

@test "policies show in the verdict where they made it: ipv6-only, default-ipv6-only" {
	log x.jsonl
	load 1 forced policy=ipv6-only log-level=bind
	bound 1 forced 3 :: 80 before=0 after=1 policy=ipv6-only action=set
	heard 1 forced 3 :: 80 6 before=1 after=1 policy=ipv6-only
	load 2 initial policy=default-ipv6-only log-level=bind
	bound 2 initial 3 :: 81 before=1 after=1 policy=default-ipv6-only
	heard 2 initial 3 :: 81 6 before=1 after=1 policy=default-ipv6-only
	load 3 own policy=default-ipv6-only log-level=bind
	bound 3 own 3 :: 82 asked=1 before=1 after=1 policy=default-ipv6-only
	heard 3 own 3 :: 82 6 asked=1 before=1 after=1 policy=default-ipv6-only
	report x.jsonl
	assert_line 'Only IPv6 is served on port 80, by policy ipv6-only.'
	assert_line 'Only IPv6 is served on port 81, by policy default-ipv6-only.'
	assert_line 'Only IPv6 is served on port 82.'
	assert_line '      1  tcp    [::]:81    3      -       1  IPv6    initial value of policy default-ipv6-only'
	assert_line '      1  tcp    [::]:80    3      -  0 -> 1  IPv6    set: policy ipv6-only'
}

@test "the other family may be another process's" {
	log x.jsonl
	load 1 four log-level=bind
	bound 1 four 3 0.0.0.0 80
	heard 1 four 3 0.0.0.0 80 4
	load 2 six log-level=bind
	bound 2 six 3 :: 80 asked=1 before=1 after=1
	heard 2 six 3 :: 80 6 asked=1 before=1 after=1
	report x.jsonl
	assert_line 'Only IPv4 is served on port 80; IPv6 is served by six[2].'
	assert_line 'Only IPv6 is served on port 80; IPv4 is served by four[1].'
}

@test "mode=log: what enforce would have come to" {
	log x.jsonl
	load 1 s policy=ipv6-only mode=log log-level=bind
	bound 1 s 3 :: 80 asked=0 before=0 after=0 policy=ipv6-only mode=log action=override
	heard 1 s 3 :: 80 64 asked=0 before=0 after=0 policy=ipv6-only mode=log
	bound 1 s 4 0.0.0.0 81 policy=ipv6-only mode=log
	heard 1 s 4 0.0.0.0 81 4 policy=ipv6-only mode=log
	call bind 1 s 5 :: 81 before=0 after=0 policy=app rule=2 mode=log action=split finding=conflict \
		result=-1 errno=EADDRINUSE
	report x.jsonl
	assert_line 's[1]                             policy ipv6-only, mode log'
	assert_line '      1  tcp    [::]:80       3      0       0  IPv6+IPv4  would override: the application asked for dual-stack'
	assert_line '      3  tcp    [::]:81       5      -       0  -          would split: V6ONLY 1, for IPv4 has a socket of its own (rule 2); bind fails with EADDRINUSE'
	assert_line 'IPv4 and IPv6 are served on port 80 by one dual-stack socket. With mode enforce: only IPv6 would be served on port 80, by policy ipv6-only.'
	assert_line 'Only IPv4 is served on port 81: the bind of [::]:81 fails with EADDRINUSE, a conflict left unresolved. With mode enforce: IPv4 and IPv6 would be served on port 81 by separate sockets.'
	assert_match 'fails with EADDRINUSE, unresolved; enforce would split' "$output"
	assert_eq '["one dual-stack socket","IPv6 only"]' \
		"$(answer '.processes[0].verdicts[0] | [.verdict, .enforce.verdict]' x.jsonl)"
}

@test "the order of binds is the order of the page, whoever listens first" {
	log x.jsonl
	load 1 s log-level=bind
	bound 1 s 3 :: 80 before=1 after=1
	bound 1 s 4 0.0.0.0 80
	heard 1 s 4 0.0.0.0 80 4
	heard 1 s 3 :: 80 6 before=1 after=1
	report x.jsonl
	assert_eq $'1 [::]:80 3\n2 0.0.0.0:80 4' "$(awk '$2 == "tcp" { print $1, $3, $4 }' <<<"$output")"
}

@test "port 0: the port that the kernel chose is the listener's, in turn on one line" {
	log x.jsonl
	load 1 ftp log-level=bind
	bound 1 ftp 3 :: 0 before=0 after=0
	heard 1 ftp 3 :: 40001 64 before=0 after=0
	report x.jsonl
	assert_match '1  tcp    \[::\]:40001    3      -       0  IPv6\+IPv4  -' "$output"
	assert_line 'IPv4 and IPv6 are served on port 40001 by one dual-stack socket.'
	bound 1 ftp 3 :: 0 before=0 after=0
	heard 1 ftp 3 :: 40002 64 before=0 after=0
	bound 1 ftp 3 :: 0 before=0 after=0
	heard 1 ftp 3 :: 40003 64 before=0 after=0
	report x.jsonl
	assert_match "\[::\]:40003    3      -       0  IPv6\+IPv4  3 in turn, each on a port of the kernel's choice" "$output"
	refute_line 'IPv4 and IPv6 are served on port 40001 by one dual-stack socket.'
	assert_eq '[[40003,true,3]]' "$(answer '[.processes[].listeners[] | [.port, .port_chosen, .binds]]' x.jsonl)"
}

@test "a listen without a bind, on a duplicate, and after the descriptor got another socket" {
	log x.jsonl
	load 1 s log-level=bind
	heard 1 s 3 :: 40001 64 before=0 after=0
	# Bound as 4, duplicated to 9, and 4 bound anew.
	bound 1 s 4 0.0.0.0 81
	heard 1 s 9 0.0.0.0 81 4
	bound 1 s 4 0.0.0.0 82
	heard 1 s 4 0.0.0.0 82 4
	# Closed, and the number used for another port.
	bound 1 s 5 0.0.0.0 83
	heard 1 s 5 0.0.0.0 83 4
	bound 1 s 5 0.0.0.0 84
	heard 1 s 5 0.0.0.0 84 4
	assert_eq '["::",40001,3,false]
["0.0.0.0",81,9,false]
["0.0.0.0",82,4,false]
["0.0.0.0",83,5,true]
["0.0.0.0",84,5,false]' "$(answer '.processes[0].listeners[] | [.addr, .port, .fd, .gone]' x.jsonl)"
	report x.jsonl
	assert_match '0\.0\.0\.0:83    5 .* its descriptor got another socket later' "$output"
	assert_line 'Only IPv4 is served on ports 81, 82 and 84.'
}

@test "sockets that were inherited, and a request that came too late" {
	log x.jsonl
	load 1 s policy=ipv6-only log-level=bind
	record 1 s inherit fd=3 family=inet6 type=stream proto=tcp addr=:: port=80 before=0 after=0 \
		serves='["inet6","inet"]' policy=ipv6-only
	record 1 s setsockopt fd=3 family=inet6 type=stream proto=tcp addr=:: port=80 asked=1 after=0 \
		policy=ipv6-only result=-1 errno=EINVAL note='the socket is bound already'
	report --check x.jsonl
	assert_status 0
	assert_match '\[::\]:80    3      -       0  IPv6\+IPv4  inherited: bound before this program ran' "$output"
	assert_line '  failure   2026-01-02T03:04:07.000006Z  setsockopt tcp [::]:80 fd 3: fails with EINVAL'
	assert_line '            note    the socket is bound already'
	assert_line 'IPv4 and IPv6 are served on port 80 by one dual-stack socket.'
}

@test "UDP: a bind is enough, clients are no listeners, and the silent overlap is told" {
	log x.jsonl
	load 1 named log-level=bind
	record 1 named bind fd=3 family=inet type=dgram proto=udp addr=0.0.0.0 port=53 serves='["inet"]' result=0
	record 1 named bind fd=4 family=inet6 type=dgram proto=udp addr=:: port=53 before=0 after=0 \
		serves='["inet6","inet"]' finding=conflict result=0 \
		holder='{"fd":3,"pid":1,"program":"named","uid":0,"family":"inet","addr":"0.0.0.0","port":53}' \
		note='IPv4 datagrams go to the IPv4 socket alone'
	record 1 named bind fd=5 family=inet type=dgram proto=udp addr=0.0.0.0 port=0 result=0
	report --check x.jsonl
	assert_status 0
	assert_eq 2 "$(grep -c '^ *[0-9]*  udp ' <<<"$output")"
	assert_line 'conflicts  1      disorders  none      denials  none      lost records  none'
	assert_line '  conflict  2026-01-02T03:04:07.000006Z  bind udp [::]:53 fd 4: no error, but both families have the port'
	assert_line 'IPv4 and IPv6 are served on udp port 53 by separate sockets, the IPv6 one dual-stack: IPv4 goes to the IPv4 socket.'
	assert_eq 1 "$(answer '.processes[0].client_binds' x.jsonl)"
}

@test "disorders, denials, contrary requests, look-ups, errors and lost records are told one by one" {
	log x.jsonl
	load 1 s policy=both order=ipv6-first on-disorder=deny:EACCES on-contrary=deny:EPERM log-level=bind
	record 1 s getaddrinfo families_before='["inet","inet6"]' families_after='["inet6","inet"]' \
		policy=both action=reorder result=0
	record 1 s setsockopt fd=3 family=inet6 type=stream proto=tcp asked=1 before=0 after=0 policy=both \
		action=deny finding=contrary result=-1 errno=EPERM
	call bind 1 s 4 0.0.0.0 80 policy=both action=deny finding=disorder result=-1 errno=EACCES \
		note='order=ipv6-first: no IPv6 socket of this process has the port yet'
	record 1 s lost count=7
	record 1 s error note='V6SHIM_POLICY: unknown value'
	report --check x.jsonl
	assert_status 1
	assert_line 'getaddrinfo  passive 1, reordered 1: IPv4 IPv6 -> IPv6 IPv4'
	assert_line 'conflicts  none      disorders  1      denials  2      lost records  7      contrary requests  1      errors  1'
	assert_line '      1  tcp    0.0.0.0:80    4      -       -  -       deny: EACCES'
	assert_line '  disorder  2026-01-02T03:04:08.000006Z  bind tcp 0.0.0.0:80 fd 4: out of order, denied with EACCES'
	assert_line '  contrary  2026-01-02T03:04:07.000006Z  setsockopt tcp IPv6 fd 3: asks for V6ONLY 1 against policy both, denied with EPERM'
	assert_line '  error     2026-01-02T03:04:10.000006Z  V6SHIM_POLICY: unknown value'
	assert_line 'Nothing is served on port 80: the bind of 0.0.0.0:80 is denied with EACCES.'
	assert_eq '[1,2,1,7,1]' "$(answer '.totals | [.disorders, .denials, .contrary, .lost, .errors]' x.jsonl)"
}

@test "the same trouble again and again is one line, with the times of the first and the last" {
	log x.jsonl
	load 1 s log-level=bind
	for i in 1 2 3 4 5; do
		conflict 1 s $((i + 3)) :: 80 before=0 after=0 note=held
	done
	report x.jsonl
	assert_line '  conflict  2026-01-02T03:04:06.000006Z  bind tcp [::]:80 fd 4: fails with EADDRINUSE, unresolved; 5 times until 2026-01-02T03:04:10.000006Z'
	assert_eq 1 "$(grep -c 'bind tcp' <<<"$output")"
	assert_eq 1 "$(grep -c 'bind fails with' <<<"$output")"
}

@test "workers that look alike are one block, and sockets that do are one row" {
	log x.jsonl
	load 1 nginx log-level=bind
	for fd in 6 7 8 9; do
		bound 1 nginx $fd 0.0.0.0 80
	done
	for fd in 6 7 8 9; do
		heard 1 nginx $fd 0.0.0.0 80 4
	done
	for pid in 11 12 13; do
		load $pid worker log-level=bind
		heard $pid worker 5 :: 81 6 before=1 after=1
	done
	load 14 worker log-level=bind
	heard 14 worker 5 :: 82 6 before=1 after=1
	report x.jsonl
	assert_line '      1  tcp    0.0.0.0:80    6      -       -  IPv4    -; 4 alike, fd 6 to 9'
	assert_line '  from 2026-01-02T03:04:14.000006Z, with 2 more like it: pid 12 13'
	assert_eq 3 "$(grep -Ec '^(nginx|worker)\[' <<<"$output")"
	assert_match 'In all 5 processes' "$output"
	assert_eq '[[1],[11,12,13],[14]]' "$(answer '[.processes[].pids]' x.jsonl)"
}

@test "a pid used again, and a program that executes another, are processes of their own" {
	log x.jsonl
	load 9 sh log-level=bind
	load 9 server log-level=bind
	bound 9 server 3 0.0.0.0 80
	heard 9 server 3 0.0.0.0 80 4
	load 9 server log-level=bind
	bound 9 server 3 0.0.0.0 81
	heard 9 server 3 0.0.0.0 81 4
	# Its load record is lost.
	bound 9 other 3 0.0.0.0 82
	report x.jsonl
	assert_eq 'server[9] server[9] other[9]' "$(grep -o '^[a-z]*\[9\]' <<<"$output" | xargs)"
	assert_line 'The library was loaded, and nothing bound, in: sh'
	assert_match '^other\[9\] .*policy app \(this log does not have the other settings\)' \
		"$(grep ^other <<<"$output")"
}

@test "a load record that comes after another thread's first record is of that process" {
	log x.jsonl
	bound 1 s 3 0.0.0.0 80
	sed -i 's/05.000006Z/05.400000Z/' x.jsonl
	SECOND=0
	load 1 s policy=both log-level=bind
	heard 1 s 3 0.0.0.0 80 4
	report x.jsonl
	assert_eq 1 "$(grep -c '^s\[1\]' <<<"$output")"
	assert_line 's[1]                             policy both'
}

@test "what the log level leaves out is said, and the verdict is no surer than that" {
	log x.jsonl
	load 1 s policy=ipv6-only
	bound 1 s 3 :: 80 before=0 after=1 policy=ipv6-only action=set
	report x.jsonl
	assert_line '      1  tcp    [::]:80    3      -  0 -> 1  (IPv6)  set: policy ipv6-only'
	assert_line '  (in brackets: as it was bound; the log does not have its listen)'
	assert_line 'Its log-level is change: calls that were left alone are not in this log; log-level=bind would tell every one.'
	assert_line 'Only IPv6 is served on port 80, by policy ipv6-only, as far as the log tells.'
	log y.jsonl
	load 1 s
	report y.jsonl
	assert_line 'The library was loaded, and nothing bound, in: s'
	assert_match 'No socket was bound, as far as the log tells' "$output"
}

@test "settings that hold commas, brackets and other settings' names are read as they were" {
	log x.jsonl
	load 1 s 'rules=program=a,b => policy=both (environment), order=app; port=1 => mode=log' \
		'log=/tmp/a, policy=app (profile)' log-level=bind
	bound 1 s 3 0.0.0.0 80
	assert_eq '["program=a,b => policy=both (environment), order=app; port=1 => mode=log","/tmp/a, policy=app (profile)","bind"]' \
		"$(answer '.processes[0].settings | [.rules.value, .log.value, ."log-level".value]' x.jsonl)"
	report x.jsonl
	assert_line 's[1]                             policy app, rules program=a,b => policy=both (environment), order=app; port=1 => mode=log'
	log y.jsonl
	load 1 s policy=both
	sed -i 's/, all else default/, 12 rules, all else default/' y.jsonl
	bound 1 s 3 0.0.0.0 80
	report y.jsonl
	assert_line 's[1]                             policy both, 12 rules'
	assert_eq '["bind",12,["policy"]]' \
		"$(answer '.processes[0] | [.log_level, .rules, (.settings | keys)]' y.jsonl)"
	# Cut where the library cuts it.
	sed -i 's/log-level=bind (environment), all else default/log-lev/' x.jsonl
	report x.jsonl
	assert_status 0
	assert_match 'policy not told' "$output"
}

# ---- --check

check_is() {
	report --check x.jsonl
	assert_status "$1"
	report x.jsonl
	assert_status 0
	report --json x.jsonl
	assert_status 0
}

@test "--check: a conflict is resolved by the shim, or by a later success of the same call" {
	log x.jsonl
	load 1 s log-level=bind
	conflict 1 s 3 :: 80 before=0 after=0
	check_is 1
	# The same address, any descriptor.
	bound 1 s 9 :: 80 before=1 after=1
	check_is 0
	report x.jsonl
	assert_match 'fails with EADDRINUSE, and succeeded later' "$output"
	refute grep -q 'bind fails with' <<<"$output"
	conflict 1 s 3 :: 80 before=0 after=0
	check_is 1
	bound 1 s 3 :: 80 before=0 after=1 action=split finding=conflict
	check_is 0
}

@test "--check: a listen that failed is not made good by a bind, but by a listen" {
	log x.jsonl
	load 1 s log-level=bind
	bound 1 s 3 :: 80 before=0 after=0
	call listen 1 s 3 :: 80 before=0 after=0 finding=conflict result=-1 errno=EADDRINUSE
	check_is 1
	report x.jsonl
	assert_match 'listen fails with EADDRINUSE' "$output"
	assert_match 'Nothing is served on port 80: the listen of \[::\]:80 fails with EADDRINUSE, a conflict left unresolved' "$output"
	bound 1 s 4 :: 80 before=0 after=0
	check_is 1
	heard 1 s 4 :: 80 64 before=0 after=0
	check_is 0
}

@test "--check: another address, another process and another protocol make nothing good" {
	log x.jsonl
	load 1 s log-level=bind
	conflict 1 s 3 :: 80 before=0 after=0
	bound 1 s 3 :: 81 before=0 after=0
	bound 1 s 4 0.0.0.0 80
	record 1 s bind fd=5 family=inet6 type=dgram proto=udp addr=:: port=80 before=0 after=0 result=0
	load 2 s log-level=bind
	bound 2 s 3 :: 80 before=0 after=0
	check_is 1
}

@test "--check: an EADDRINUSE is a conflict, whatever the finding" {
	log x.jsonl
	load 1 s log-level=bind
	call bind 1 s 3 :: 80 before=0 after=0 finding=disorder result=-1 errno=EADDRINUSE
	report x.jsonl
	assert_match 'conflicts  1, unresolved' "$output"
	check_is 1
}

@test "--check: each reason by itself is 1, and what is none is 0" {
	log x.jsonl
	load 1 s log-level=bind
	bound 1 s 3 :: 80 before=0 after=1 policy=ipv6-only action=override
	record 1 s setsockopt fd=3 family=inet6 type=stream proto=tcp asked=0 after=0 policy=ipv6-only \
		finding=contrary result=0
	record 1 s error note=oops
	call bind 1 s 4 :: 22 result=-1 errno=EACCES
	echo nonsense >>x.jsonl
	check_is 0
	cp x.jsonl clean
	record 1 s setsockopt fd=3 asked=0 action=deny finding=contrary result=-1 errno=EPERM
	check_is 1
	cp clean x.jsonl
	call bind 1 s 5 0.0.0.0 81 finding=disorder result=0
	check_is 1
	cp clean x.jsonl
	record 1 s lost count=1
	check_is 1
	cp clean x.jsonl
	call bind 1 s 5 0.0.0.0 81 mode=log action=deny result=0
	check_is 1
	cp clean x.jsonl
	check_is 0
}

# ---- hostile names

@test "no name from a log reaches the terminal as it is, nor forges a line" {
	log x.jsonl
	load 1 'a\u001b[31m\nnginx[4242]  policy both\u009b' log-level=bind
	bound 1 'a\u001b[31m\nnginx[4242]  policy both\u009b' 3 :: 80 before=0 after=0 \
		holder='{"pid":2,"program":"\u001b]0;x\u0007","uid":0}' finding=conflict note='\u001b[2J\r\nx'
	load 2 'idle\u001b' log-level=bind
	record 3 'e\u001b' error note='\u0000\u001b'
	report x.jsonl
	assert_status 0
	refute grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' <<<"$output"
	refute grep -q '^nginx' <<<"$output"
	assert_match 'a\\x1b\[31m\\x0anginx\[4242\]' "$output"
	"$V6SHIM" report --json x.jsonl | jq -e .
}

# ---- usage

@test "bad usage is 2, with the reason" {
	report
	assert_status 2
	assert_line 'v6shim: report: no file given'
	report --chek x
	assert_status 2
	assert_line "v6shim: report: '--chek': unknown option"
	assert_line 'usage: v6shim report [--json] [--follow] [--check] FILE...'
	report --help
	assert_status 0
	assert_match '--follow' "$output"
	log ./--json
	nginx
	report -- --json
	assert_status 0
	assert_match '^nginx\[4242\]' "$output"
}

@test "output that does not arrive is no success" {
	log x.jsonl
	nginx
	run bash -c '"$0" report x.jsonl >/dev/full' "$V6SHIM"
	assert_status 1
	assert_match 'could not be written' "$output"
}

# ---- real logs

@test "python's http.server under policy=ipv6-only" {
	require python3
	port=$(free_port)
	start web --tcp "$port" shim POLICY=ipv6-only LOG="$PWD/x.jsonl" LOG_LEVEL=bind -- \
		python3 -m http.server -b :: "$port"
	report x.jsonl
	assert_status 0
	assert_match "tcp    \[::\]:$port +[0-9]+      0  0 -> 1  IPv6    override: the application asked for dual-stack" "$output"
	assert_line "Only IPv6 is served on port $port, by policy ipv6-only."
	assert_eq "refused served" "$(reach 4 tcp "$port") $(reach 6 tcp "$port")"
}

@test "bind-all: the loop that fails, the one that is resolved, and the one that would be" {
	port=$(free_port)
	for i in fail resolve log; do
		settings=("ON_CONFLICT=$i")
		[ $i != log ] || settings=(ON_CONFLICT=resolve MODE=log)
		run shim LOG="$PWD/$i.jsonl" LOG_LEVEL=bind "${settings[@]}" -- "$EXAMPLES/bind-all" -n "$port"
		report --check $i.jsonl
		case $i in
		fail)
			assert_status 1
			assert_line "Only IPv4 is served on port $port: the bind of [::]:$port fails with EADDRINUSE, a conflict left unresolved."
			assert_match '            holder  fd [0-9]+ of this process, 0\.0\.0\.0:'"$port" "$output"
			;;
		resolve)
			assert_status 0
			assert_line "IPv4 and IPv6 are served on port $port by separate sockets."
			assert_match 'resolved by a split' "$output"
			;;
		log)
			assert_status 1
			assert_match "With mode enforce: IPv4 and IPv6 would be served on port $port by separate sockets\." "$output"
			;;
		esac
	done
}
