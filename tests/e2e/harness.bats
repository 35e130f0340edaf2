#!/usr/bin/env bats
# The harness tells the truth: what it starts ends, and what it says of a socket is so.

# shellcheck disable=SC2016,SC2030,SC2031,SC2089,SC2090

load helper

setup() {
	export WORD=orphan-$$-$RANDOM
	SPACE=$BATS_TEST_TMPDIR
}

# serve NAME KIND PROTO PORT: a server of programs/drive.
serve() {
	local steps=("socket ${3}6" 'v6only 0' "bind :: $4")

	case $2 in
	v6only) steps[1]='v6only 1' ;;
	v4) steps=("socket ${3}4" "bind 0.0.0.0 $4") ;;
	esac
	[ "$3" = udp ] || steps+=(listen)
	start "$1" --says 'serve: ready' "$PROGRAMS/drive" "${steps[@]}" serve
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

# inner BODY: a test file whose only test has that body, run.
inner() {
	printf 'load %q\n@test "inner" {\n%s\n}\n' "$ROOT/tests/e2e/helper" "$1" >"$SPACE/inner.bats"
	run bats --tap "$SPACE/inner.bats"
}

# ---- sockets

@test "sockets are seen as what they are, over TCP and UDP, by the kernel's answer" {
	for proto in tcp udp; do
		while read -r kind inet inet6 listener; do
			port=$(free_port)
			serve "$kind-$proto" "$kind" "$proto" "$port"
			assert_eq "$listener" "$(kernel_listeners "$proto" "$port")" "$kind $proto"
			assert_eq "$inet $inet6" "$(reach 4 "$proto" "$port" x | cut -d' ' -f1) $(reach 6 "$proto" "$port" x | cut -d' ' -f1)" "$kind $proto"
			assert_eq "${listener##*=}" "$(kernel_v6only "$proto" "$port" 2>/dev/null || echo 'inet 0.0.0.0')"
		done <<-'END'
			dual    served   served   inet6 :: v6only=0
			v6only  refused  served   inet6 :: v6only=1
			v4      served   refused  inet 0.0.0.0
		END
	done
}

@test "free_port: no port twice, however many ask at once" {
	for i in {1..8}; do
		for _ in {1..10}; do free_port; done >"$SPACE/ports.$i" &
	done
	wait
	assert_eq 80 "$(sort -u "$SPACE"/ports.* | wc -l)"
}

@test "shim sets the preload and the settings for the command alone, and refuses to run without the library" {
	run shim POLICY=ipv6-only RULES='port=80 => mode=log; a=b' -- env
	assert_line "LD_PRELOAD=$LIB"
	assert_line 'V6SHIM_RULES=port=80 => mode=log; a=b'
	LIB=$SPACE/none.so
	run shim POLICY=both -- echo ran
	assert_eq "1 shim: no library: $LIB" "$status $output"
}

# ---- start and stop

@test "stop_all leaves nothing: children, daemons, those that ignore SIGTERM" {
	# shellcheck disable=SC2034 # the helper's
	STOP_SECONDS=1
	start tree --says ready bash -c "exec -a $WORD sleep 61 &
		(exec -a $WORD sleep 62 &)
		setsid bash -c '(exec -a $WORD sleep 63 &)'
		bash -c 'trap \"\" TERM; exec -a $WORD sleep 64' &
		echo ready
		wait"
	start daemon --now bash -c "(setsid bash -c 'exec -a $WORD sleep 65' &)"
	wait_for 5 are_there 6
	stop_all
	assert_eq ' 0' "$(still_there) ${#SUPERVISOR[@]}"
}

@test "a test that fails, or is killed, leaves nothing" {
	for end in false 'kill -KILL $BASHPID'; do
		rm -f "$SPACE/reached"
		inner 'start s --now bash -c "(setsid bash -c \"exec -a $WORD sleep 67\" &)"
			wait_for 5 pgrep -f -- "$WORD"
			touch "$BATS_TEST_DIRNAME/reached"
			'"$end"
		assert_status 1
		[ -e "$SPACE/reached" ]
		wait_for 8 are_gone || fail "there is still: $(still_there)"
	done
}

@test "a server that ends early, never gets ready or crashes fails the test, and its words are shown" {
	run start dies --says ready bash -c 'echo "cannot: no such thing" >&2; exit 4'
	assert_status 1
	for line in 'start dies: ended before it was ready' 'cannot: no such thing' 'ended exit 4'; do
		assert_line "$line"
	done
	before=$SECONDS
	run start slow --within 1 --says ready bash -c 'echo starting; sleep 68'
	assert_status 1
	assert_line 'start slow: not ready after 1 s'
	assert_line starting
	[ $((SECONDS - before)) -le 3 ]
	# shellcheck disable=SC2016
	start crashes --says ready bash -c 'trap "kill -SEGV \$BASHPID" TERM; echo ready; while :; do sleep 0.1; done'
	refute stop crashes 2>"$SPACE/words"
	assert_line 'crashes crashed: ended signal SIGSEGV' "$(<"$SPACE/words")"
}

@test "a started program has a clean environment, and its own descriptors only" {
	export OUT=$SPACE/env
	# shellcheck disable=SC2016
	V6SHIM_POLICY=both V6SHIM_BUILD=$BUILD LISTEN_FDS=1 JOURNAL_STREAM=1:2 inner \
		"start s --says '^[0-9 ]+\$' bash -c 'env; cd /proc/\$\$/fd && echo [0-9]*'; stdout_of s >\"\$OUT\""
	assert_status 0
	assert_eq '' "$(grep -E '^(V6SHIM_|LD_PRELOAD|LISTEN_|JOURNAL_)' "$OUT" || :)"
	assert_line "TESTS_BUILD=$BUILD" "$(<"$OUT")"
	# 3 is the directory that the glob reads, 255 the shell's own.
	assert_match '^0 1 2( 3)?( 255)?$' "$(tail -n 1 "$OUT")"
}

# ---- assertions

# says STATUS OUTPUT COMMAND...
says() {
	run "${@:3}"
	# shellcheck disable=SC2154 # bats sets it
	[ "$status $output" = "$1 $2" ] || fail "${*:3}: $status $output"
}

@test "assertions that hold say nothing, one that fails says what differs" {
	says 0 '' eval 'assert_eq a a && assert_match b+ abbc && assert_line -x $'"'-x\\ny'"' && refute_line z y'
	says 1 $'not equal:\n  expected: a\n  actual:   b' assert_eq a b
	says 1 $'text:\n--- expected\n+++ actual\n@@ -1,2 +1,2 @@\n a\n-b\n+c' assert_eq $'a\nb' $'a\nc' text
	says 1 $'no match:\n  pattern: ^x\n  text:    abc' assert_match '^x' abc
	says 1 $'no such line: b\n--- in:\na\nbc' assert_line b $'a\nbc'
	says 1 $'there is a line: a\n--- in:\na\nbc' refute_line a $'a\nbc'
	says 1 'succeeded, and should not have: true' refute true
	run bash -c 'exit 3'
	says 1 $'exit status 3, expected 0\n--- output:' assert_status 0
}
