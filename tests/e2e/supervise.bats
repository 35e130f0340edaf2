#!/usr/bin/env bats
# shellcheck disable=SC2016 # for the shells inside
# The second way in: programs that a preload does not reach, governed from outside (DESIGN.md 1.9). The
# tables of policies and conflicts are those of the preload, run anew; what differs is here.

load helper
load rows
load survive

setup_file() {
	make -s -C "$ROOT" BUILD="$BUILD" "$BUILD/tests/programs/static/drive"
}

setup() {
	[ "$(uname -m)" = x86_64 ] || [ "$(uname -m)" = aarch64 ] || skip 'no table of this machine'
	DRIVE=$PROGRAMS/static/drive
	NOBODY=(setpriv --reuid 65534 --regid 65534 --clear-groups)
}

# supervised [OPTION...] -- COMMAND...: bash's own descriptors are closed, as for `start`.
supervised() (
	close_bats_fds
	exec "$V6SHIM" run --reach supervise "$@"
)

# helper_of PID: its supervisor, by the pidfd that this has of it.
helper_of() {
	local pid

	for pid in $(pgrep -x v6shim); do
		! grep -qs "^Pid:[[:space:]]*$1\$" "/proc/$pid/fdinfo/"* || printf '%s\n' "$pid"
	done
}

# ends STATUS COMMAND...
ends() {
	local expected=$1

	shift
	run "$@"
	assert_status "$expected"
}

@test "another libc, Go and 32-bit programs are governed" {
	local port

	if command -v musl-gcc >/dev/null; then
		musl-gcc -static -std=c11 -D_GNU_SOURCE -w -o "$DIR/drive" "$ROOT/tests/programs/drive.c"
		ends 0 supervised --policy ipv6-only --log off -- "$DIR/drive" \
			'socket tcp6' reuseaddr 'bind :: 0' listen serves
		assert_line 'serves: 1/6'
	fi
	if gcc -m32 -static -std=c11 -D_GNU_SOURCE -w -o "$DIR/32" "$ROOT/tests/programs/drive.c" \
		2>/dev/null && "$DIR/32" reset; then
		ends 0 supervised --policy ipv6-only --log off -- "$DIR/32" \
			'socket tcp6' reuseaddr 'bind :: 0' listen serves
		assert_line 'serves: 1/6'
	fi
	command -v go >/dev/null || skip 'needs go'
	cat >"$DIR/serve.go" <<-'END'
		package main

		import (
			"fmt"
			"net"
			"os"
		)

		func main() {
			for i := 1; i+1 < len(os.Args); i += 2 {
				_, err := net.Listen(os.Args[i], os.Args[i+1])
				fmt.Println(os.Args[i], err)
			}
			if len(os.Args)%2 == 0 {
				select {}
			}
		}
	END
	HOME=$DIR GOCACHE=$DIR/cache go build -o "$DIR/serve" \
		"$DIR/serve.go"
	port=$(free_port)
	ends 0 "$DIR/serve" tcp4 "0.0.0.0:$port" tcp ":$port"
	assert_match 'tcp listen .*address already in use' "$output"
	ends 0 supervised --on-conflict resolve --log off -- "$DIR/serve" \
		tcp4 "0.0.0.0:$port" tcp ":$port"
	assert_eq $'tcp4 <nil>\ntcp <nil>' "$output"
	start go --tcp "$port" "$V6SHIM" run --policy ipv6-only --log off -- "$DIR/serve" tcp ":$port" wait
	assert_eq 1 "$(kernel_v6only tcp "$port")"
	assert_eq served "$(reach ::1 tcp "$port" 2>&1 | sed 's/timeout/served/')"
	assert_eq refused "$(reach 127.0.0.1 tcp "$port")"
	# By cgo libc is in it, and so is a preload, which changes nothing.
	port=$(free_port)
	start passed --tcp "$port" shim POLICY=ipv6-only LOG=off -- "$DIR/serve" tcp ":$port" wait
	assert_eq 0 "$(kernel_v6only tcp "$port")"
	assert_match 'V6ONLY 0, preload, but Go makes its calls without it$' "$("$V6SHIM" who "$port")"
}

@test "rules by program, and each process by its own name and number; the records tell the way" {
	cp "$DRIVE" "$DIR/other"
	ends 0 supervised --policy ipv6-only --rules 'program=other => policy=both' --log "$LOG" --log-level bind -- \
		sh -c '"$0" "socket tcp6" reuseaddr "bind :: 0" get; "$1" "socket tcp6" reuseaddr "bind :: 0" get' \
		"$DRIVE" "$DIR/other"
	assert_eq 'get: 1 get: 0' "$(grep ^get: <<<"$output" | xargs)"
	assert_eq $'drive load supervise\ndrive bind supervise\nother load supervise\nother bind supervise' \
		"$(jq -r '"\(.program) \(.event) \(.via)"' "$LOG")"
	assert_eq 2 "$(jq -r .pid "$LOG" | sort -u | wc -l)"
}

@test "an exec in the same process is another program" {
	cp "$DRIVE" "$DIR/other"
	ends 0 supervised --policy ipv6-only --log "$LOG" --log-level bind -- "$DRIVE" 'socket tcp6' 'bind ::1 0' -- \
		"$DIR/other" 'socket tcp6' 'bind ::1 0'
	assert_eq $'drive load\ndrive bind\nother load\nother bind' "$(jq -r '"\(.program) \(.event)"' "$LOG")"
}

@test "what a child of vfork has executed is read, not the memory that was its parent's as well" {
	ends 0 supervised --policy ipv6-only --log "$LOG" --log-level bind -- "$DRIVE" vfork 'socket tcp6' 'bind ::1 0' \
		exec 'b socket tcp6' reuseaddr 'bind :: 0' get
	assert_eq $'bind ::1 0: ok\nexec: ok\nb socket tcp6: fd 4\nreuseaddr: ok\nbind :: 0: ok\nget: 1' "$(tail -n 6 <<<"$output")"
	assert_eq '::1 ::' "$(jq -r 'select(.event == "bind").addr' "$LOG" | xargs)"
}

# ---- never a privilege

@test "a privileged port is for who may: root, not root's child that became another, nor a user without the capability" {
	local -r run=("$V6SHIM" run --reach supervise --log off --policy ipv6-only --)

	require setpriv unshare
	require_root
	require_netns
	ends 0 unshare -n "${run[@]}" "$DRIVE" 'socket tcp6' 'bind :: 80' 'uid 65534' 'b socket tcp6' 'bind :: 81'
	assert_line 'bind :: 80: ok'
	assert_line 'bind :: 81: EACCES'
	ends 0 unshare -n "${run[@]}" "${NOBODY[@]}" "$DRIVE" 'socket tcp6' 'bind :: 80'
	assert_line 'bind :: 80: EACCES'
	ends 0 unshare -n "${run[@]}" setpriv --no-new-privs "$DRIVE" 'socket tcp6' 'bind :: 80' get
	assert_line 'get: 1'
	ends 0 unshare -n "${NOBODY[@]}" "${run[@]}" "$DRIVE" 'socket tcp6' 'bind :: 80' 'b socket tcp6' 'bind :: 8080' get
	assert_line 'bind :: 80: EACCES'
	assert_line 'get: 1'
	# With the capability, as AmbientCapabilities= gives it.
	ends 0 unshare -n "${NOBODY[@]}" --inh-caps +net_bind_service --ambient-caps +net_bind_service "${run[@]}" \
		"$DRIVE" 'socket tcp6' 'bind :: 80' get
	assert_line 'get: 1'
}

@test "another namespace: of the network alone all is done; of users as well the target makes its own calls" {
	require setpriv unshare
	require_root
	require_netns
	ends 0 supervised --policy ipv6-only --log off -- unshare -n "$DRIVE" 'socket tcp6' 'bind :: 80' get
	assert_line 'get: 1'
	"${NOBODY[@]}" unshare -Urn true 2>/dev/null || skip 'needs user namespaces for users'
	ends 0 supervised --policy ipv6-only --log off -- "${NOBODY[@]}" unshare -Urn "$DRIVE" \
		'socket tcp6' 'bind :: 80' get
	assert_line 'bind :: 80: ok'
	assert_line 'get: 1'
	# Root in it that has given all capabilities away, though its user owns the namespace.
	ends 0 supervised --policy ipv6-only --log off -- "${NOBODY[@]}" unshare -Urn \
		setpriv --bounding-set -all --inh-caps -all "$DRIVE" 'socket tcp6' 'bind :: 80'
	assert_line 'bind :: 80: EACCES'
}

@test "who has confined itself by Landlock is not let out" {
	"${SURVIVE[@]}" landlock -- true || skip 'needs Landlock with ports'
	ends 0 "${SURVIVE[@]}" landlock -- "$DRIVE" 'socket tcp6' 'bind :: 4321'
	assert_line 'bind :: 4321: EACCES'
	ends 0 supervised --policy ipv6-only --log off -- "${SURVIVE[@]}" landlock -- \
		sh -c '"$@"' sh "$DRIVE" 'socket tcp6' 'bind :: 4321' 'b socket udp6' 'bind :: 4321' get
	assert_line 'bind :: 4321: EACCES'
	assert_line 'b socket udp6: fd 4'
	assert_line 'get: 1'
}

@test "what is judged is what is bound, whatever another thread does meanwhile" {
	local what wild bad

	for what in address descriptor; do
		ends 0 supervised --policy ipv6-only --log off -- "$PROGRAMS/race" "$(free_port)" "$what" 500
		read -r wild bad <<<"$output"
		[ "$wild" -gt 0 ] || fail "no bind to :: in $what"
		assert_eq 0 "$bad" "$what: dual-stack sockets"
	done
}

@test "an undumpable program keeps its Unix sockets; without privileges its Internet ones are refused, and told of" {
	local -r undumpable='import ctypes, socket, sys
ctypes.CDLL(None).prctl(4, 0)
s = socket.socket(socket.AF_UNIX)
s.bind("\0" + sys.argv[1])
s.listen()
s = socket.socket(socket.AF_INET6)
try:
    s.bind(("::", 0))
    s.listen()
    print("bound")
except OSError as e:
    print(e.strerror)'

	require setpriv /usr/bin/python3
	require_root
	ends 0 supervised --policy ipv6-only --log off -- /usr/bin/python3 -c "$undumpable" "a-socket-of-root-s-own-with-a-long-name-$$"
	assert_eq bound "$output"
	touch "$LOG"
	chmod 666 "$LOG"
	chmod 755 "$BATS_RUN_TMPDIR"
	ends 0 "${NOBODY[@]}" "$V6SHIM" run --reach supervise --policy ipv6-only --log "$LOG" -- \
		/usr/bin/python3 -c "$undumpable" "a-socket-of-a-user-s-own-with-a-long-name-$$"
	assert_eq 'Operation not permitted' "$output"
	assert_eq 'error EPERM' "$(jq -r 'select(.event == "error") | "\(.event) \(.errno)"' "$LOG")"
}

@test "calls that make no sense fail as they fail bare, and harm nobody" {
	local policy
	local -r odd=(/usr/bin/python3 -ISB "$ROOT/tests/programs/edge-calls.py")

	# V6ONLY is the policy's.
	"${odd[@]}" | sed 's/ v6only [01]//' >"$DIR/bare"
	[ "$(wc -l <"$DIR/bare")" -gt 4000 ]
	for policy in app ipv6-only default-both; do
		supervised --policy $policy --log "$DIR/log" --log-level all -- "${odd[@]}" | sed 's/ v6only [01]//' |
			diff "$DIR/bare" -
	done
	[ -s "$DIR/log" ]
}

# ---- the process, its helper and its log

@test "where there are few descriptors the supervisor keeps fewer, and every process and thread is governed" {
	local limit how steps

	for how in fork thread; do
		steps=()
		for _ in {1..40}; do
			steps+=("$how" reset 'socket tcp6' 'bind :: 0' get)
		done
		# Control: nothing but the supervisor needs more.
		run bash -c 'ulimit -n 6; exec "$@"' sh "$DRIVE" "${steps[@]}"
		assert_eq 40 "$(grep -c '^get: 0$' <<<"$output")"
		for limit in 8 20 64; do
			run bash -c "$(declare -p BATS_FDS); $(declare -f close_bats_fds); close_bats_fds; ulimit -n $limit; exec "'"$@"' sh \
				"$V6SHIM" run --reach supervise --policy ipv6-only --log off -- "$DRIVE" "${steps[@]}"
			assert_eq 40 "$(grep -c '^get: 1$' <<<"$output")" "$how, $limit"
		done
	done
}

@test "who lives is known on while others come and go: one load record, whatever the supervisor keeps" {
	require /usr/bin/python3 jq
	(
		ulimit -n 40
		supervised --policy ipv6-only --log "$DIR/log" --log-level bind -- /usr/bin/python3 -ISc 'if True:
			import os, socket
			for i in range(31):
			    if i % 30 and os.fork(): os.wait(); continue
			    s = socket.socket(socket.AF_INET6); s.bind(("::", 0)); s.listen()
			    if i % 30: os._exit(0)'
	)
	# The first process has bound before all others and after.
	assert_eq '30 30 2' "$(jq -rs '(map(select(.event == "load")) | length, (map(.pid) | unique | length)),
		(.[0].pid as $first | map(select(.pid == $first and .event == "bind")) | length)' "$DIR/log" | xargs)"
}

@test "a command that takes orphans, as the first process of a container does, has no child but its own" {
	require_root
	require /usr/bin/python3
	local -r command=(/usr/bin/python3 -ISc 'if True:
		import os, socket
		os.fork() or os._exit(0)
		os.wait()
		try: print(os.wait())
		except ChildProcessError: print("no other")
		s = socket.socket(socket.AF_INET6); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("::", 0))
		print(os.getpid() == 1, s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))')

	run timeout -s KILL 10 unshare -pf --mount-proc --kill-child "$V6SHIM" run --reach supervise --policy ipv6-only --log off -- "${command[@]}"
	assert_eq $'no other\nTrue 1' "$output"
	run timeout -s KILL 10 /usr/bin/python3 -ISc 'import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) # PR_SET_CHILD_SUBREAPER
os.execv(sys.argv[1], sys.argv[1:])' "$V6SHIM" run --reach supervise --policy ipv6-only --log off -- "${command[@]}"
	assert_eq $'no other\nFalse 1' "$output"
}

@test "COMMAND keeps the process id; the helper has a session of its own, no descriptor but its own, and ends" {
	local pid helper port

	port=$(free_port)
	start server --tcp "$port" sh -c 'exec 7</etc/passwd && exec "$@"' sh "$V6SHIM" run --reach supervise --policy ipv6-only \
		--log off -- "$DRIVE" 'socket tcp6' "bind :: $port" listen serve
	pid=$(pid_of server)
	assert_eq drive "$(cat "/proc/$pid/comm")"
	helper=$(helper_of "$pid")
	assert_eq "$helper" "$(ps -o sid= -p "$helper" | xargs)"
	assert_eq / "$(readlink "/proc/$helper/cwd")"
	# Of the target's, what is no descriptor of its own.
	assert_eq 'listener memory null pidfd' "$(readlink /proc/"$helper"/fd/* | sort -u |
		sed 's/.*seccomp.*/listener/; s,/proc/.*/mem,memory,; s,/dev/,,; s/.*pidfd.*/pidfd/' | sort | xargs)"
	# It would take a moment to end: TERM, INT and HUP are blocked.
	assert_eq 4003 "$(printf %x $((0x$(sed -n 's/^SigBlk:.//p' "/proc/$helper/status") & 0x4003)))"
	kill -TERM "$helper"
	kill -INT "$helper"
	kill -HUP "$helper"
	reach ::1 tcp "$port"
	kill -0 "$helper"
	stop server
	wait_for 5 refute kill -0 "$helper" 2>/dev/null
}

@test "a pipe of the start is not held open, and a log on standard error is the target's own" {
	# The helper goes on for the sake of the process that is left.
	ends 0 timeout 20 "$V6SHIM" run --reach supervise --policy ipv6-only -- sh -c '
		sleep 60 </dev/null >/dev/null 2>&1 &
		"$0" "socket tcp6" reuseaddr "bind :: 0"
		echo $!' "$DRIVE"
	kill "${lines[-1]}"
	assert_match 'drive\[[0-9]+\]: bind tcp \[::\]:0' "$output"
	# Where it is another file by then nothing is written into that.
	ends 0 supervised --policy ipv6-only -- sh -c '
		exec 2>"$1"
		"$0" "socket tcp6" reuseaddr "bind :: 0"' "$DRIVE" "$DIR/other"
	refute_line 'v6shim' "$(grep -o v6shim <<<"$output$(cat "$DIR/other")")"
}

@test "exit statuses are COMMAND's, and 125 to 127 run's own" {
	local status_of

	for status_of in 0 7 125 255; do
		ends $status_of supervised --log off -- sh -c "exit $status_of"
	done
	ends 137 supervised --log off -- sh -c 'kill -KILL $$'
	supervised --log off -- /nonexistent || assert_eq 127 $?
	ends 126 supervised --log off -- /dev/null
}

@test "a daemon that forks twice stays governed, and run returns when it does" {
	local port pid

	port=$(free_port)
	ends 0 supervised --policy ipv6-only --log off -- sh -c '
		setsid sh -c "\"\$@\" </dev/null >/dev/null 2>&1 & echo \$!" sh "$@"' sh \
		"$DRIVE" 'socket tcp6' "bind :: $port" listen serve
	pid=$output
	wait_for 5 kernel_v6only tcp "$port" 2>/dev/null
	output=$(kernel_v6only tcp "$port" 2>/dev/null)
	kill "$pid"
	assert_eq 1 "$output"
}

@test "a stopped supervisor makes the target wait, which can be killed; without one the calls fail with ENOSYS" {
	local pid helper

	mkfifo "$DIR/go"
	for signal in STOP KILL; do
		start "$signal" --now "$V6SHIM" run --reach supervise --policy ipv6-only --log off -- sh -c '
			read -r go <"$1"
			exec "$0" "socket tcp6" "bind :: 0" wait' "$DRIVE" "$DIR/go"
		wait_for 5 test -s "$DIR/$signal.pid"
		pid=$(pid_of $signal)
		wait_for 5 grep -q '^sh$' "/proc/$pid/comm"
		helper=$(helper_of "$pid")
		kill -$signal "$helper"
		wait_for 5 grep -Eq '^State:.[TZ]|^$' "/proc/$helper/status" || :
		echo >"$DIR/go"
		if [ $signal = STOP ]; then
			wait_for 5 grep -q "^socket tcp6" "$DIR/STOP.out"
			refute grep -q '^bind' "$DIR/STOP.out"
			kill -KILL "$pid"
			wait_for 5 refute kill -0 "$pid" 2>/dev/null
			kill -CONT "$helper"
			wait_for 5 refute kill -0 "$helper" 2>/dev/null
		else
			wait_for 5 grep -q '^bind' "$DIR/KILL.out"
			assert_line 'bind :: 0: ENOSYS' "$(stdout_of KILL)"
		fi
	done
}

@test "a signal with SA_RESTART never shows, though every call is interrupted" {
	ends 0 supervised --policy ipv6-only --log off -- "$PROGRAMS/interrupted" restart 30 2000
	assert_eq '2000 ok bound' "$output"
}

# queued: fifty children of `queue` wait for the supervisor, those apart that have been answered.
queued() {
	local wait

	wait=$(pgrep -P "$(pid_of queue)" | sed 's,.*,/proc/&/wchan,' | xargs -r grep -ls seccomp | wc -l)
	[ "$((wait + $(wc -l <"$DIR/queue.out")))" -eq 50 ]
}

@test "a stopped supervisor that goes on: fifty calls in its queue are answered, whatever signals came" {
	local how interval expected helper

	mkfifo "$DIR/go"
	# An interrupted call may fail, as bare, where the handler has no SA_RESTART; but then it has not been made.
	while read -r how interval expected; do
		start queue --now "$V6SHIM" run --reach supervise --policy ipv6-only --log off -- sh -c '
			read -r go <"$1"
			for i in $(seq 50); do "$0" $2 $3 1 & done
			wait' "$PROGRAMS/interrupted" "$DIR/go" "$how" "$interval"
		wait_for 5 grep -qsx sh "/proc/$(pid_of queue)/comm"
		helper=$(helper_of "$(pid_of queue)")
		kill -STOP "$helper"
		echo >"$DIR/go"
		wait_for 20 queued
		kill -TERM "$helper"
		if [ "$how" = killed ]; then
			pkill -TERM -P "$(pid_of queue)"
		else
			refute grep -q ok "$DIR/queue.out"
		fi
		kill -CONT "$helper"
		wait_for 20 refute is_running queue
		wait_for 5 refute kill -0 "$helper" 2>/dev/null
		assert_eq '' "$(stdout_of queue | grep -vxE "1 ($expected)" || :)" "$how $interval"
		[ "$how" = killed ] || assert_eq 50 "$(stdout_of queue | wc -l)"
		stop queue
	done <<-'END'
		restart 0 ok bound
		restart 20000 ok bound
		none 20000 ok bound|EINTR unbound
		killed 0 none
	END
}

# The second ^C comes to one that has had the first.
@test "job control: ^Z and fg, and ^C comes once" {
	local bare

	require /usr/bin/python3
	ends 0 /usr/bin/python3 -I "$ROOT/tests/programs/jobs.py"
	bare=$output
	assert_eq $'stopped\nINT 2\nstatus=7' "$bare"
	ends 0 /usr/bin/python3 -I "$ROOT/tests/programs/jobs.py" "$V6SHIM" run --reach supervise --log off --
	assert_eq "$bare" "$output"
}

@test "what is refused, and what then helps: nothing is started" {
	local row
	# pidfd_getfd, pidfd_open and seccomp; EPERM and ENOSYS.
	local -r refused=(
		'listener|another supervisor'
		'filter calls=438 errno=1|--cap-add SYS_PTRACE.*SystemCallFilter=pidfd_getfd seccomp'
		'filter calls=438 errno=38|Linux 5\.9'
		'filter calls=434 errno=38|Linux 5\.9'
		"filter calls=$([ "$(uname -m)" = x86_64 ] && echo 317 || echo 277) errno=1|SystemCallFilter="
	)

	for row in "${refused[@]}"; do
		ends 125 "${SURVIVE[@]}" "${row%%|*}" -- "$V6SHIM" run --reach supervise -- touch "$DIR/started"
		assert_match "${row#*|}" "$output"
	done
	ends 125 supervised --log off -- "$V6SHIM" run -- touch "$DIR/started"
	assert_match 'supervised already' "$output"
	ends 125 "$V6SHIM" run --reach nowhere -- touch "$DIR/started"
	[ ! -e "$DIR/started" ]
	ends 0 supervised --log off -- touch "$DIR/started"
	[ -e "$DIR/started" ]
}

@test "check: both ways in, what stands in the way of each, and only where none is left what to do instead" {
	local row command expected
	local -r dynamic=$PROGRAMS/drive static="a preload does not reach $DRIVE: statically linked: nothing in it loads libraries"
	# COMMAND|STATUS|the lines after the hops
	local -r rows=(
		"check $dynamic|0|a preload reaches $dynamic;a supervisor reaches $dynamic;"
		"check $DRIVE|0|$static;a supervisor reaches $DRIVE;"
		"check --reach supervise $DRIVE|0|a supervisor reaches $DRIVE;"
		"check --reach preload $DRIVE|3|$static;instead .*"
		"run --reach supervise --log off -- $V6SHIM check $dynamic|0|a preload reaches $dynamic;a supervisor does not reach $dynamic: another supervisor .*"
		"run --reach supervise --log off -- $V6SHIM check $DRIVE|3|$static;a supervisor does not reach $DRIVE: another supervisor .*;instead .*"
		"run --reach supervise --log off -- $V6SHIM check --reach supervise $dynamic|3|a supervisor does not reach $dynamic: another supervisor [^;]*;"
		'check no-such-program|3|no-such-program does not start: not found in PATH;'
	)

	for row in "${rows[@]}"; do
		IFS='|' read -r command status expected <<<"$row"
		# shellcheck disable=SC2086 # words
		ends "$status" "$V6SHIM" $command
		assert_match "^$expected\$" "$(sed -E '/   (ok|no)($| )/d' <<<"$output" | tr '\n' ';')"
	done
	ends 3 "${SURVIVE[@]}" 'filter calls=438 errno=1' -- "$V6SHIM" check "$DRIVE"
	assert_match 'a supervisor does not reach .*--cap-add SYS_PTRACE' "$output"
}

@test "capabilities that supervision takes away are told of before anything starts" {
	require setpriv setcap
	require_root
	cp "$DRIVE" "$DIR/capable"
	setcap cap_net_bind_service+ep "$DIR/capable" || skip 'needs file capabilities'
	chmod 755 "$BATS_RUN_TMPDIR"
	ends 125 "${NOBODY[@]}" "$V6SHIM" run --reach supervise -- "$DIR/capable" 'socket tcp6'
	assert_match 'AmbientCapabilities' "$output"
	ends 0 supervised --log off -- "$DIR/capable" 'socket tcp6'
}

@test "the log: looked at before the start, made and handed over open; %n is each program's own; no other descriptor" {
	local log=$DIR/logs
	local -r bind=('socket tcp6' reuseaddr 'bind :: 0')

	ends 0 supervised --log "$log/none" -- true
	assert_match "warning: log: '$log'.*no such file" "$output"
	mkdir "$log"
	ends 0 supervised --log "$log/made" -- sh -c 'ls -l /proc/self/fd; env'
	assert_eq '' "$(grep -e '-> .*/made' -e V6SHIM_LOG_HANDED <<<"$output")"
	[ -e "$log/made" ]
	# Its name leads nowhere any more.
	ends 0 supervised --policy ipv6-only --log "$log/made" -- sh -c '
		mkdir "$1.d" && mv "$1" "$1.d" && ln -s /nonexistent/made "$1" && exec "$0" "socket tcp6" reuseaddr "bind :: 0"' \
		"$DRIVE" "$log/made"
	assert_match '"event":"bind"' "$(cat "$log/made.d/made")"
	cp "$DRIVE" "$DIR/other"
	ends 0 supervised --policy ipv6-only --log "$log/%n" -- "$DRIVE" "${bind[@]}" -- "$DIR/other" "${bind[@]}"
	assert_eq $'drive load\ndrive bind\nother load\nother bind' \
		"$(cat "$log/drive" "$log/other" | jq -r '"\(.program) \(.event)"')"
	supervised --policy ipv6-only --log /dev/stdout -- "$DRIVE" "${bind[@]}" >"$log/stdout"
	assert_match 'drive load drive bind' "$(sed -n 's/.*"program":"\([^"]*\)".*"event":"\([^"]*\)".*/\1 \2/p' "$log/stdout" | xargs)"
}

@test "inherited sockets are told of at the start: systemd's, and inetd's 0; meant for another, none" {
	local row hand fd expected
	local -r run=("$V6SHIM" run --reach supervise --policy ipv6-only --log "$LOG" --)
	local -r rows=('activate 1+put 3|3|inherit unenforced 3' 'put 0|0|inherit unenforced 0' 'put 3|3|')

	for row in "${rows[@]}"; do
		IFS='|' read -r hand fd expected <<<"$row"
		IFS=+ read -ra hand <<<"socket tcp6+v6only 0+reuseaddr+bind :: 0+listen+$hand"
		rm -f "$LOG"
		# It makes none of the calls.
		(close_bats_fds && exec "$DRIVE" "${hand[@]}" -- "${run[@]}" /bin/true) >/dev/null
		assert_eq "$expected" "$(jq -r 'select(.event != "load") | "\(.event) \(.finding) \(.fd)"' "$LOG")"
		rm -f "$LOG"
		(close_bats_fds && exec "$DRIVE" "${hand[@]}" -- "${run[@]}" "$DRIVE" "fd=$fd" 'b socket tcp6' reuseaddr 'bind :: 0') \
			>/dev/null
		assert_eq "load${expected:+ inherit} bind" "$(jq -r 'select(.program == "drive").event' "$LOG" | xargs)"
	done
}

# ---- beside the library

@test "auto: the preload where it reaches, and else a supervisor" {
	ends 0 "$V6SHIM" run --policy ipv6-only --log "$LOG" -- "$PROGRAMS/drive" 'socket tcp6' reuseaddr 'bind :: 0'
	ends 0 "$V6SHIM" run --policy ipv6-only --log "$LOG" -- "$DRIVE" 'socket tcp6' reuseaddr 'bind :: 0'
	assert_eq 'preload supervise' "$(jq -r 'select(.event == "bind").via' "$LOG" | xargs)"
	ends 125 "$V6SHIM" run --reach preload -- "$DRIVE" 'socket tcp6'
}

@test "a library that is loaded under a supervisor is inert; the variable alone turns nothing off" {
	ends 0 supervised --policy ipv6-only --log "$LOG" -- env LD_PRELOAD="$LIB" "$PROGRAMS/drive" \
		'socket tcp6' reuseaddr 'bind :: 0' get
	assert_line 'get: 1'
	assert_eq supervise "$(jq -r .via "$LOG" | sort -u)"
	ends 0 env V6SHIM_REACH=supervise LD_PRELOAD="$LIB" V6SHIM_POLICY=ipv6-only V6SHIM_LOG=off "$PROGRAMS/drive" \
		'socket tcp6' reuseaddr 'bind :: 0' get
	assert_line 'get: 1'
}

@test "who and report know the way in" {
	local port ports=() way program

	for way in preload supervise none; do
		port=$(free_port)
		ports+=("$port")
		program=$PROGRAMS/drive
		[ $way = preload ] || program=$DRIVE
		if [ $way = none ]; then # static: the variable alone
			start "$way" --tcp "$port" env LD_PRELOAD="$LIB" "$program" 'socket tcp6' reuseaddr "bind :: $port" listen serve
		else
			start "$way" --tcp "$port" "$V6SHIM" run --policy ipv6-only --log "$LOG" -- \
				"$program" 'socket tcp6' reuseaddr "bind :: $port" listen serve
		fi
	done
	assert_eq '"preload in its environment, but not loaded" "preload" "supervise"' \
		"$("$V6SHIM" who --json "${ports[@]}" | jq -c '.processes[] | select(.program == "drive").via' | LC_ALL=C sort | xargs -d '\n')"
	assert_match "V6ONLY 0, preload in its environment, but not loaded" "$("$V6SHIM" who "$port")"
	assert_eq '["preload","supervise"]' "$("$V6SHIM" report --json "$LOG" | jq -c '[.processes[].via]')"
	assert_match 'drive\[[0-9]+\]  supervised, policy ipv6-only' "$("$V6SHIM" report "$LOG")"
	assert_match 'drive\[[0-9]+\]  policy ipv6-only' "$("$V6SHIM" report "$LOG")"
}

@test "who knows a supervised program that overwrites its environment, and its children" {
	local port

	require nginx
	require_root
	port=$(free_port)
	{
		printf 'daemon off; pid %s; error_log stderr; worker_processes 2; events {} http { access_log off;\n' "$DIR/nginx"
		printf '%s_temp_path '"$DIR"';\n' client_body proxy fastcgi uwsgi scgi
		echo "server { listen [::]:$port; } }"
	} >"$DIR/conf"
	start server --tcp "$port" "$V6SHIM" run --reach supervise --log off -- nginx -c "$DIR/conf"
	# shellcheck disable=SC2317
	workers() {
		[ "$(pgrep -c -P "$(pid_of server)")" -eq 2 ]
	}
	wait_for 10 workers
	refute grep -q V6SHIM_REACH <(tr '\0' '\n' <"/proc/$(pid_of server)/environ")
	assert_eq 'supervise supervise supervise' "$("$V6SHIM" who --json "$port" | jq -r '.processes[].via' | xargs)"
	# Control: bare.
	stop server
	start server --tcp "$port" nginx -c "$DIR/conf"
	assert_eq 0 "$("$V6SHIM" who --json "$port" | jq '[.processes[].via // empty] | length')"
}

@test "auto and a shell script: what it starts is told of once" {
	local -r note='need --reach supervise'

	printf '#!/bin/sh\nexec "$@"\n' >"$DIR/start.sh"
	chmod +x "$DIR/start.sh"
	for words in "$DIR/start.sh" "env $DIR/start.sh"; do
		# shellcheck disable=SC2086 # words
		ends 0 "$V6SHIM" run --log off -- $words "$DIR/start.sh" true
		assert_eq 1 "$(grep -c -- "$note" <<<"$output")"
		for way in preload supervise; do
			# shellcheck disable=SC2086
			ends 0 "$V6SHIM" run --reach $way --log off -- $words true
			assert_eq '' "$output"
		done
	done
	ends 0 "$V6SHIM" run --log off -- sh -c true
	assert_eq '' "$output"
}

@test "order: what is out of reach is said at the start" {
	ends 0 supervised --order ipv6-first --log off -- true
	assert_match 'order: .*getaddrinfo' "$output"
	ends 0 supervised --log off -- true
	assert_eq '' "$output"
}
