#!/usr/bin/env bats
# The harness tells the truth: what it starts ends, and what it says of a socket is so.

load helper

# python3 -c "$ECHO" dual|v6only|v4 tcp|udp PORT: echoes lines or datagrams; SILENT=1 takes and says nothing.
ECHO='
import os, socket, sys

kind, proto, port = sys.argv[1:]
family = socket.AF_INET if kind == "v4" else socket.AF_INET6
s = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
if kind != "v4":
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, kind == "v6only")
s.bind(("0.0.0.0" if kind == "v4" else "::", int(port)))
if proto == "tcp":
    s.listen()
print("ready", flush=True)
silent = "SILENT" in os.environ
held = []
while True:
    if proto == "udp":
        data, peer = s.recvfrom(9999)
        if not silent:
            s.sendto(data, peer)
        continue
    c = s.accept()[0]
    held.append(c)
    if not silent:
        c.sendall(c.recv(9999))
        c.close()
'

# What each kind of socket shows in sock_diag, to an IPv4 client and to an IPv6 client.
kinds() {
	cat <<-END
		dual    served   served   inet6 :: v6only=0
		v6only  refused  served   inet6 :: v6only=1
		v4      served   refused  inet 0.0.0.0
	END
}

# Processes of this test's, whatever became of their parents: $WORD is in their command line.
still_there() {
	pgrep -f -- "$WORD" || :
}

are_there() {
	[ "$(still_there | wc -l)" -ge "$1" ]
}

are_gone() {
	[ -z "$(still_there)" ]
}

new_word() {
	export WORD=orphan-$$-$RANDOM
}

# inner <<END: a test file whose only test has that body.
inner() {
	{
		printf 'load %q\n' "$ROOT/tests/e2e/helper"
		printf '@test "inner" {\n%s\n}\n' "$(cat)"
	} >"$BATS_TEST_TMPDIR/inner.bats"
}

# ---- sockets

@test "python's sockets are seen as what they are, over TCP and UDP" {
	require python3
	for proto in tcp udp; do
		while read -r kind inet inet6 listener; do
			port=$(free_port)
			start "$kind-$proto" --says ready python3 -c "$ECHO" "$kind" "$proto" "$port"
			what="$kind $proto"
			assert_eq "$listener" "$(kernel_listeners "$proto" "$port")" "$what"
			assert_eq "$inet" "$(reach 4 "$proto" "$port")" "$what"
			assert_eq "$inet6" "$(reach 6 "$proto" "$port")" "$what"
			case $kind in
			dual) assert_eq 0 "$(kernel_v6only "$proto" "$port")" ;;
			v6only) assert_eq 1 "$(kernel_v6only "$proto" "$port")" ;;
			v4)
				run kernel_v6only "$proto" "$port"
				assert_status 1
				assert_line "no IPv6 listener on $proto port $port"
				;;
			esac
		done < <(kinds)
	done
}

@test "socat's sockets are seen as what they are, over TCP and UDP" {
	require socat
	for proto in tcp udp; do
		[ $proto = tcp ] && mode=LISTEN || mode=RECVFROM
		while read -r kind inet inet6 listener; do
			port=$(free_port)
			case $kind in
			dual) address=${proto^^}6-$mode:$port,ipv6only=0,fork ;;
			v6only) address=${proto^^}6-$mode:$port,ipv6only=1,fork ;;
			v4) address=${proto^^}4-$mode:$port,fork ;;
			esac
			start "$kind-$proto" --$proto "$port" socat "$address" EXEC:cat
			assert_eq "$listener" "$(kernel_listeners $proto "$port")" "$kind $proto"
			assert_eq "$inet" "$(reach 4 $proto "$port" hello | cut -d' ' -f1)" "$kind $proto"
			assert_eq "$inet6" "$(reach 6 $proto "$port" hello | cut -d' ' -f1)" "$kind $proto"
		done < <(kinds)
	done
}

@test "the kernel's answer is the one that ss shows" {
	require python3 ss
	for proto in tcp udp; do
		port=$(free_port)
		start "v4-$proto" --says ready python3 -c "$ECHO" v4 $proto "$port"
		start "v6only-$proto" --says ready python3 -c "$ECHO" v6only $proto "$port"
		assert_eq $'inet 0.0.0.0\ninet6 :: v6only=1' "$(kernel_listeners $proto "$port")"
		found=$(ss -H -lne --$proto "sport = :$port")
		assert_eq 2 "$(wc -l <<<"$found")" "$found"
		assert_match "0\.0\.0\.0:$port " "$found"
		assert_match "\[::\]:$port .*v6only:1" "$found"
		other=$(free_port)
		start "dual-$proto" --says ready python3 -c "$ECHO" dual $proto "$other"
		assert_match "\*:$other .*v6only:0" "$(ss -H -lne --$proto "sport = :$other")"
	done
}

@test "a single address is listed by its name, and reached by it" {
	require socat
	port=$(free_port)
	start v4 --tcp "$port" socat "TCP4-LISTEN:$port,bind=127.0.0.2,fork" EXEC:cat
	start v6 --tcp "$port" socat "TCP6-LISTEN:$port,bind=::1,fork" EXEC:cat
	assert_eq $'inet 127.0.0.2\ninet6 ::1 v6only=1' "$(kernel_listeners tcp "$port")"
	assert_eq refused "$(reach 127.0.0.1 tcp "$port")"
	assert_eq 'served hello' "$(reach 127.0.0.2 tcp "$port" hello)"
	assert_eq 'served hello' "$(reach inet6 tcp "$port" hello)"
}

@test "a connected UDP socket and a TCP connection are no listeners" {
	require python3
	port=$(free_port)
	start client --says ready python3 -c '
import socket, sys, time
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
u.bind(("::1", int(sys.argv[1])))
u.connect(("::1", 9))
t = socket.socket(socket.AF_INET6)
t.bind(("::1", int(sys.argv[1])))
print("ready", flush=True)
time.sleep(60)' "$port"
	assert_eq '' "$(kernel_listeners udp "$port")"
	assert_eq '' "$(kernel_listeners tcp "$port")"
}

@test "where nobody listens: refused, in both families and protocols" {
	port=$(free_port)
	for family in 4 6; do
		for proto in tcp udp; do
			assert_eq refused "$(reach $family $proto "$port")" "$family $proto"
		done
	done
}

@test "a silent server: timeout, within the bound" {
	require python3
	port=$(free_port)
	export SILENT=1
	start silent --says ready python3 -c "$ECHO" dual udp "$port"
	start silent-tcp --says ready python3 -c "$ECHO" dual tcp "$port"
	before=$SECONDS
	assert_eq timeout "$(reach 4 udp "$port")"
	assert_eq timeout "$("$PROGRAMS/reach" -t 300 6 tcp "$port" hello)"
	assert_eq served "$(reach 6 tcp "$port")"
	[ $((SECONDS - before)) -le 6 ] || fail "took $((SECONDS - before)) s"
}

@test "a connection that ends without an answer is closed, not served" {
	require socat
	port=$(free_port)
	start closer --tcp "$port" socat "TCP6-LISTEN:$port,fork" SYSTEM:'read line'
	assert_eq closed "$(reach 6 tcp "$port" hello)"
}

@test "what else hinders a client is told by its errno" {
	# A link-local address without an interface: refused by the kernel, nothing is sent.
	assert_eq 'error EINVAL' "$(reach fe80::1 tcp 80)"
}

@test "free_port: no port twice, however many ask at once, and each is free" {
	for i in {1..8}; do
		for _ in {1..10}; do free_port; done >"$BATS_TEST_TMPDIR/ports.$i" &
	done
	wait
	ports=$(cat "$BATS_TEST_TMPDIR"/ports.*)
	assert_eq 80 "$(sort -u <<<"$ports" | wc -l)"
	port=${ports%%$'\n'*}
	for proto in tcp udp; do
		assert_eq '' "$(kernel_listeners $proto "$port")"
	done
	read -r low _ </proc/sys/net/ipv4/ip_local_port_range
	[ "$port" -lt "$low" ]
}

passes_over() {
	local next=$(($(free_port) + 1))

	start holder --says ready python3 -c "$1" v4 udp "$next"
	refute assert_eq "$next" "$(free_port)"
}

@test "free_port: passes over a port that one family holds" {
	require python3
	# In a namespace nobody else can have taken the next port.
	require_netns
	in_netns passes_over "$ECHO"
}

# ---- start and stop

@test "stop_all leaves nothing: children, daemons, those that ignore SIGTERM" {
	new_word
	# shellcheck disable=SC2034 # the helper's
	STOP_SECONDS=1
	start tree --says ready bash -c "
		exec -a $WORD sleep 61 &
		(exec -a $WORD sleep 62 &)
		setsid bash -c '(exec -a $WORD sleep 63 &)'
		bash -c 'trap \"\" TERM; exec -a $WORD sleep 64' &
		echo ready
		wait"
	start daemon --now bash -c "(setsid bash -c 'exec -a $WORD sleep 65' &)"
	wait_for 5 are_there 6
	stop_all
	assert_eq '' "$(still_there)"
	assert_eq 0 "${#SUPERVISOR[@]}"
}

@test "a test that fails leaves nothing" {
	new_word
	inner <<-'END'
		start s --now bash -c 'echo ready; exec -a $WORD sleep 66'
		wait_for 5 pgrep -f -- "$WORD"
		touch "$BATS_TEST_DIRNAME/reached"
		false
	END
	run bats --tap "$BATS_TEST_TMPDIR/inner.bats"
	assert_status 1
	assert_line 'not ok 1 inner'
	[ -e "$BATS_TEST_TMPDIR/reached" ]
	assert_eq '' "$(still_there)"
}

@test "a test that is killed leaves nothing" {
	new_word
	inner <<-'END'
		start s --now bash -c '(setsid bash -c "exec -a $WORD sleep 67" &)'
		wait_for 5 pgrep -f -- "$WORD"
		touch "$BATS_TEST_DIRNAME/reached"
		kill -KILL $BASHPID
	END
	run bats --tap "$BATS_TEST_TMPDIR/inner.bats"
	[ -e "$BATS_TEST_TMPDIR/reached" ]
	wait_for 8 are_gone || fail "there is still: $(still_there)"
}

@test "a server that ends early fails the test, and its words are shown" {
	run start dies --says ready bash -c 'echo "cannot: no such thing" >&2; exit 4'
	assert_status 1
	assert_line 'start dies: ended before it was ready'
	assert_line 'cannot: no such thing'
	assert_line 'ended exit 4'
}

@test "a server that never gets ready fails the test, within the bound" {
	before=$SECONDS
	run start slow --within 1 --says ready bash -c 'echo starting; sleep 68'
	assert_status 1
	assert_line 'start slow: not ready after 1 s'
	assert_line starting
	[ $((SECONDS - before)) -le 3 ]
}

@test "a server that crashes fails the test, even at its end" {
	# shellcheck disable=SC2016
	start crashes --says ready bash -c 'trap "kill -SEGV \$BASHPID" TERM; echo ready; while :; do sleep 0.1; done'
	refute stop crashes 2>"$BATS_TEST_TMPDIR/words"
	assert_line 'crashes crashed: ended signal SIGSEGV' "$(<"$BATS_TEST_TMPDIR/words")"
	assert_eq 0 "${#SUPERVISOR[@]}"
}

@test "a holder that was there before does not make a server ready" {
	require socat
	port=$(free_port)
	start holder --tcp "$port" socat "TCP4-LISTEN:$port,fork" EXEC:cat
	run start other --tcp "$port" --within 1 sleep 69
	assert_status 1
	start other --tcp "$port" socat "TCP6-LISTEN:$port,ipv6only=1,fork" EXEC:cat
}

@test "a started program: its process id, its output, its end" {
	start s --says '^out$' bash -c 'echo $$; echo out; echo err >&2; trap "echo bye; exit" TERM; while :; do sleep 0.1; done'
	assert_eq "$(pid_of s)"$'\nout' "$(stdout_of s)"
	assert_eq err "$(stderr_of s)"
	is_running s
	stop s
	refute is_running s
	assert_line bye "$(stdout_of s)"
}

@test "a program sees a clean environment: no setting, no preload, its own descriptors only" {
	inner <<-'END'
		start s --says '^[0-9 ]+$' bash -c 'env; cd /proc/$$/fd && echo [0-9]*'
		stdout_of s >"$OUT"
	END
	OUT=$BATS_TEST_TMPDIR/env V6SHIM_POLICY=both V6SHIM_BUILD=$BUILD LISTEN_FDS=1 JOURNAL_STREAM=1:2 \
		run bats --tap "$BATS_TEST_TMPDIR/inner.bats"
	assert_status 0
	assert_eq '' "$(grep -E '^(V6SHIM_|LD_PRELOAD|LISTEN_|JOURNAL_)' "$BATS_TEST_TMPDIR/env" || :)"
	assert_line "TESTS_BUILD=$BUILD" "$(<"$BATS_TEST_TMPDIR/env")"
	# 3 is the directory that the glob reads, 255 the shell's own.
	assert_match '^0 1 2( 3)?( 255)?$' "$(tail -n 1 "$BATS_TEST_TMPDIR/env")"
}

# ---- shim

@test "shim sets the preload and the settings, for the command alone" {
	echo 'int v6shim_test;' | cc -shared -x c -o "$BATS_TEST_TMPDIR/lib.so" -
	LIB=$BATS_TEST_TMPDIR/lib.so
	run shim POLICY=ipv6-only RULES='port=80 => mode=log; a=b' -- env
	assert_status 0
	assert_line "LD_PRELOAD=$LIB"
	assert_line V6SHIM_POLICY=ipv6-only
	assert_line 'V6SHIM_RULES=port=80 => mode=log; a=b'
	assert_line "$LIB" "$(shim -- sed -n 's/.* \//\//p' /proc/self/maps | sort -u)"
	assert_eq '' "${V6SHIM_POLICY-}${LD_PRELOAD-}"
	start s --says ready shim POLICY=both -- bash -c 'env; echo ready; sleep 70'
	assert_line V6SHIM_POLICY=both "$(stdout_of s)"
	run shim -- bash -c 'exit 7'
	assert_status 7
	run shim LOG=fd:7 -- bash -c 'echo hello >&7' 7>"$BATS_TEST_TMPDIR/seven"
	assert_eq hello "$(<"$BATS_TEST_TMPDIR/seven")"
}

@test "shim refuses to run anything without the library, or without --" {
	LIB=$BATS_TEST_TMPDIR/none.so
	run shim POLICY=both -- echo ran
	assert_status 1
	assert_eq "shim: no library: $LIB" "$output"
	run shim POLICY=both
	assert_eq 'shim: no -- before the command' "$output"
	run shim echo ran
	assert_eq "shim: not NAME=VALUE: \`echo'" "$output"
}

# ---- network namespaces

inside() {
	echo 1 >/proc/sys/net/ipv6/bindv6only
	start server --tcp "$1" socat "TCP6-LISTEN:$1,fork" EXEC:cat
	echo "v6only $(kernel_v6only tcp "$1"), $(reach 4 tcp "$1"), $(reach 6 tcp "$1" "$2")"
}

@test "in_netns: a namespace of its own, servers and sysctls included, and nothing stays" {
	require_netns
	require socat
	port=$(free_port)
	outside=$(cat /proc/sys/net/ipv6/bindv6only)
	run in_netns inside "$port" "the message"
	assert_status 0
	assert_eq 'v6only 1, refused, served the message' "$output"
	assert_eq "$outside" "$(cat /proc/sys/net/ipv6/bindv6only)"
	assert_eq '' "$(WORD=TCP6-LISTEN:$port still_there)"
	assert_eq lo "$(in_netns ip -br link | cut -d' ' -f1)"
	run in_netns bash -c 'exit 9'
	assert_status 9
}

# ---- assertions

@test "an assertion that fails says what differs" {
	run assert_eq a b
	assert_status 1
	assert_eq $'not equal:\n  expected: a\n  actual:   b' "$output"
	run assert_eq $'a\nb' $'a\nc' text
	assert_line text:
	assert_line -b
	assert_line +c
	run assert_match '^x' abc
	assert_status 1
	run assert_line b $'a\nbc'
	assert_status 1
	assert_line 'no such line: b'
	run refute true
	assert_status 1
	assert_eq 'succeeded, and should not have: true' "$output"
	run refute_line a $'a\nbc'
	assert_status 1
	run bash -c 'exit 3'
	run assert_status 0
	assert_line 'exit status 3, expected 0'
}

@test "assertions that hold say nothing" {
	run eval 'assert_eq a a && assert_match b+ abbc && assert_line -x "$(printf "%s\n" -x y)" && refute_line z y'
	assert_status 0
	assert_eq '' "$output"
}

@test "json_records: compact, filtered, and broken JSON is an error" {
	require jq
	printf '%s\n' '{"event": "bind", "port": 80}' '{"event":"load"}' >"$BATS_TEST_TMPDIR/log"
	assert_eq '{"event":"bind","port":80}' "$(json_records "$BATS_TEST_TMPDIR/log" 'select(.port == 80)')"
	assert_eq 2 "$(json_records "$BATS_TEST_TMPDIR/log" | wc -l)"
	echo '{"cut' >>"$BATS_TEST_TMPDIR/log"
	run json_records "$BATS_TEST_TMPDIR/log"
	[ "$status" -ne 0 ]
}

@test "wait_for ends as soon as it can, and at its bound at the latest" {
	before=$SECONDS
	wait_for 5 true
	run wait_for 1 false
	assert_status 1
	[ $((SECONDS - before)) -le 3 ]
}

@test "require skips the test with the tool's name" {
	inner <<<'require sh no-such-tool; false'
	run bats --tap "$BATS_TEST_TMPDIR/inner.bats"
	assert_status 0
	assert_line 'ok 1 inner # skip needs no-such-tool'
}

# ---- scripts

@test "tests/deps: quiet where nothing is missing, and names what is to who cannot install it" {
	require setpriv
	run "$ROOT/tests/deps" small
	assert_status 0
	assert_eq '' "$output"
	cp "$ROOT/tests/deps" "$BATS_TEST_TMPDIR/deps"
	sed -i 's/^  bats .*/  no-such-tool no-such-package small tests\/e2e/' "$BATS_TEST_TMPDIR/deps"
	nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	"${nobody[@]}" true 2>/dev/null || nobody=()
	[ "$EUID" -ne 0 ] || [ ${#nobody[@]} -gt 0 ] || skip 'needs another user'
	run "${nobody[@]}" bash -s small <"$BATS_TEST_TMPDIR/deps"
	assert_status 1
	assert_line 'tests/deps: missing: no-such-tool (package no-such-package, for tests/e2e)'
	assert_line 'tests/deps:   sudo apt-get install --no-install-recommends no-such-package'
	run "$ROOT/tests/deps" most
	assert_status 2
}

@test "the scripts are clean to shellcheck" {
	require shellcheck
	cd "$ROOT"
	shellcheck -x tests/run tests/deps .ci/run tests/e2e/*.bash tests/e2e/*.bats
}
