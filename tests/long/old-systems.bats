#!/usr/bin/env bats
# What the library and the command need of a kernel newer than Linux 3.10 they do without where it is missing, and
# the records say so. What they need of libc is in symbols.bats. programs/old-kernel is the old kernel; what there are
# kernels of, such as sock_diag's answers before 6.8, is in tests/kernels.
#
#	SO_COOKIE               4.12     inode numbers instead: the load record says so
#	statx                   4.11     fstat
#	/proc/thread-self       3.17     /proc/self
#	INET_DIAG_SKV6ONLY      4.3      a foreign holder's V6ONLY is absent: the note says so

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load ../e2e/helper
load ../e2e/survive

setup() {
	OLD=$PROGRAMS/old-kernel
	"$OLD" all true || skip 'needs leave to trace, and to filter system calls'
}

# on WORDS NAME=VALUE... -- STEP...: drive under the shim, on a kernel that lacks WORDS; `bare` without the shim.
on() {
	given "${@:2}"
	rm -f "$LOG"
	LEADING=(shim LOG="$LOG" LOG_FORMAT=json "${LEADING[@]}" --)
	[ "$2" != bare ] || LEADING=()
	resolve "${LEADING[@]}" "$PROGRAMS/drive" "${TRAILING[@]}"
	(close_bats_fds && exec "$OLD" "$1" "${COMMAND[@]}") 2>"$DIR/hid"
}

# results STEP: of the steps that begin with it, on one line.
results() {
	grep "^$1" | sed 's/.*: //' | paste -sd' '
}

# ask EXPECTED WORDS CODE...: what Python says there.
ask() {
	assert_eq "$1" "$("$OLD" "$2" "$PYTHON" -c "${@:3}")" "$2"
}

@test "control: the old kernel is one, and the new one is not" {
	cookie='import socket
s = socket.socket(socket.AF_INET6)
try:
    print(len(s.getsockopt(socket.SOL_SOCKET, 57, 8)))
except OSError as e:
    print(e.errno)'
	ask 8 none "$cookie"
	# ENOPROTOOPT
	ask 92 so-cookie "$cookie"
	statx='import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(int(open("/dev/stdin").read()), -100, b"/", 0, 0, ctypes.create_string_buffer(256)), ctypes.get_errno())'
	nr=$(echo SYS_statx | cc -include sys/syscall.h -E -P -x c - | tail -n 1)
	ask '0 0' none "$statx" <<<"$nr"
	ask '-1 38' statx "$statx" <<<"$nr"
	# The value of every other option is told as ever.
	assert_eq "$(on none bare -- 'socket tcp6' get 'bind :: 0' listen)" "$(on all bare -- 'socket tcp6' get 'bind :: 0' listen)"
}

# ---- SO_COOKIE

@test "without SO_COOKIE what was asked for is known of the socket all the same, never of a number used again" {
	run env TESTS_UNDER=old-kernel,so-cookie V6SHIM_BUILD="$BUILD" bats "$ROOT/tests/e2e/asked.bats"
	assert_status 0
	assert_match '^1\.\.[1-9]' "$output"
	# The number was the same.
	assert_eq 2 "$(on so-cookie POLICY=ipv6-only -- 'socket tcp6' 'v6only 0' close 'socket tcp6' 'bind :: 0' |
		grep -cx 'socket tcp6: fd 3')"
	# The load record says so, and does not where there is one.
	for level in bind all; do
		on so-cookie POLICY=ipv6-only LOG_LEVEL=$level -- 'socket tcp4' 'bind 127.0.0.1 0'
		assert_match 'no SO_COOKIE here \(Linux has it since 4\.12\): sockets are told apart by their inode numbers' "$(head -n 1 "$LOG")"
		on none POLICY=ipv6-only LOG_LEVEL=$level -- 'socket tcp4' 'bind 127.0.0.1 0'
		refute grep -q SO_COOKIE "$LOG"
	done
}

@test "without SO_COOKIE a policy costs no bind: what failed has its value back, and the policy gives way" {
	port=$(free_port)
	start holder --says ready "$PROGRAMS/drive" 'socket tcp6' 'v6only 1' "bind :: $port" listen serve
	for words in none so-cookie; do
		for level in LOG_LEVEL=bind LOG=off; do
			got=$(on $words POLICY=ipv6-only $level -- 'socket tcp6' 'v6only 0' dup "bind :: $port" get)
			assert_eq 'EADDRINUSE 0' "$(tail -n 2 <<<"$got" | sed 's/.*: //' | paste -sd' ')" "$words $level"
			# Dual-stack by the policy alone, and IPv4 comes second: it shares, for the application had asked for IPv6 only.
			other=$(free_port)
			assert_eq 'ok ok' "$(on $words POLICY=both $level -- 'socket tcp6' 'v6only 1' "bind :: $other" \
				'socket tcp4' "bind 0.0.0.0 $other" | results bind)" "$words $level"
		done
	done
	# Control: with the policy's value there is a conflict.
	assert_eq 'ok EADDRINUSE' "$(on none bare -- 'socket tcp6' "bind :: $other" 'socket tcp4' "bind 0.0.0.0 $other" | results bind)"
}

# ---- statx

# A server whose standard error is a pipe with nobody to read it, full from the start.
FULL='
import os, subprocess, sys

r, w = os.pipe()
os.set_blocking(w, False)
try:
    while True:
        os.write(w, bytes(4096))
except BlockingIOError:
    pass
os.set_blocking(w, True)
print(subprocess.run(sys.argv[2:], stderr=w, timeout=float(sys.argv[1])).returncode, flush=True)
'

@test "without statx: what became of the log is seen, and a full pipe does not hold the server up" {
	for words in none statx; do
		rm -rf "$LOG" "$LOG.1"
		resolve shim POLICY=ipv6-only LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=change -- "${SURVIVE[@]}" bind "rename $LOG $LOG.1" bind \
			"unlink $LOG" bind close-loop bind
		"$OLD" $words "${COMMAND[@]}" >"$DIR/out"
		assert_eq 'load bind bind bind' "$(cat "$LOG.1" "$LOG" | jq -r .event | paste -sd' ')" "$words"
		resolve shim POLICY=ipv6-only LOG=stderr LOG_LEVEL=bind -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' listen
		assert_eq 3 "$("$OLD" $words "${COMMAND[@]}" 2>&1 >/dev/null | grep -c '^v6shim drive\[.*\]: \(load\|bind\|listen\)')" \
			"$words"
		said=$(timeout 60 "$PYTHON" -c "$FULL" 30 "$OLD" $words "${COMMAND[@]}")
		assert_eq 0 "${said##*$'\n'}" "$words"
		assert_line 'listen: ok' "$said"
	done
	# Control: a plain writer is held up.
	assert_match TimeoutExpired "$(timeout 40 "$PYTHON" -c "$FULL" 1 sh -c 'echo x >&2' 2>&1 || :)"
}

# ---- /proc/thread-self, sock_diag

@test "without /proc/thread-self this process's own sockets are found, and a conflict among them is resolved" {
	for words in none thread-self; do
		port=$(free_port)
		got=$(on $words ON_CONFLICT=resolve LOG_LEVEL=bind -- 'socket tcp6' "bind :: $port" listen \
			'socket tcp4' "bind 0.0.0.0 $port" listen)
		assert_eq 4 "$(grep -c ': ok$' <<<"$got")" "$words: $got"
		assert_eq '["share",3]' "$(json_records "$LOG" 'select(.finding == "conflict") | [.action, .holder.fd]')" "$words"
	done
	assert_eq 'ok EADDRINUSE' "$(on thread-self bare -- 'socket tcp6' "bind :: $port" listen 'socket tcp4' "bind 0.0.0.0 $port" | results bind)"
}

@test "without INET_DIAG_SKV6ONLY a foreign holder's V6ONLY is absent, and the note and v6shim who say so" {
	port=$(free_port)
	start holder --says ready "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' "bind :: $port" listen serve
	while IFS='|' read -r words v6only note families value; do
		on "$words" LOG_LEVEL=bind -- 'socket tcp4' "bind 0.0.0.0 $port"
		assert_eq "[$(pid_of holder),$v6only]" "$(json_records "$LOG" 'select(.event == "bind") | [.holder.pid, .holder.v6only]')"
		assert_match ", $note, so that it has IPv4 already: policy=ipv6-only for that program" "$(json_records "$LOG" .note)"
		[ "$words" = none ] || assert_line 'old-kernel: hid skv6only' "$(<"$DIR/hid")"
		assert_match "$families +\\[::\\]:$port +drive.* V6ONLY $value" "$("$OLD" "$words" "$V6SHIM" who "$port" 2>"$DIR/err")"
	done <<-'END'
		none|0|dual-stack \(V6ONLY 0\)|IPv6\+IPv4|0
		skv6only|null|IPv4 perhaps too \(Linux tells its V6ONLY since 4\.3\)|IPv6\+IPv4\?|\?
	END
	# IPv6 that comes second is split as ever.
	stop holder
	start holder --says ready "$PROGRAMS/drive" 'socket tcp4' "bind 0.0.0.0 $port" listen serve
	for words in none skv6only; do
		got=$(on $words ON_CONFLICT=resolve LOG_LEVEL=bind -- 'socket tcp6' "bind :: $port" get)
		assert_eq 'get: 1 "split"' "${got##*$'\n'} $(json_records "$LOG" 'select(.event == "bind") | .action')" $words
	done
}

# ---- all at once

@test "without any of them a server is governed, serves, and is recorded as on a new kernel" {
	while read -r words expected under; do
		rm -f "$LOG"
		# shellcheck disable=SC2086 # into its words
		start server --says ready "$OLD" "$words" env $under "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' 'bind :: 0' listen port serve
		port=$(stdout_of server | sed -n 's/^port: //p')
		assert_eq "$expected" "$(kernel_v6only tcp "$port"),$(reach 4 tcp "$port"),$(reach 6 tcp "$port")" "$words"
		[ ! -e "$LOG" ] || json_records "$LOG" 'select(.event != "load") | del(.time, .pid, .port)' >"$DIR/$words"
		stop server
	done <<-END
		none 1,refused,served LD_PRELOAD=$LIB V6SHIM_POLICY=ipv6-only V6SHIM_LOG=$LOG V6SHIM_LOG_FORMAT=json V6SHIM_LOG_LEVEL=bind
		all 1,refused,served LD_PRELOAD=$LIB V6SHIM_POLICY=ipv6-only V6SHIM_LOG=$LOG V6SHIM_LOG_FORMAT=json V6SHIM_LOG_LEVEL=bind
		all 0,served,served
	END
	assert_eq "$(<"$DIR/none")" "$(<"$DIR/all")"
	assert_eq '["setsockopt","bind","listen"]' "$(jq -sc 'map(.event)' "$DIR/all")"
}

# The system calls that the shim makes by itself in everything that it does, and that Linux 3.10 has too; statx
# it has not.
HAS_3_10='bind clock_gettime close connect dup3 fcntl fstat getdents64 geteuid getpeername getpid getrlimit getsockname getsockopt
listen madvise mmap munmap nanosleep newfstatat openat ppoll read readlinkat recvfrom rt_sigpending rt_sigprocmask
rt_sigtimedwait sendto setsockopt socket write'

@test "no other system call is made that Linux 3.10 has not" {
	require strace
	[ "$(uname -m)" = x86_64 ] || skip 'the names are those of x86-64'
	port=$(free_port)
	start holder --says ready "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' "bind :: $port" listen serve
	steps=('socket tcp6' 'v6only 0' 'bind :: 0' listen 'socket tcp6' "bind :: $port" 'socket udp6' 'bind :: 0' resolve)
	names() {
		awk -F'(' '/^[a-z0-9_]+\(/ { print $1 }' "$1" | sort -u
	}
	(close_bats_fds && exec strace -qq -o "$DIR/bare" "$PROGRAMS/drive" "${steps[@]}") >/dev/null
	for log in "$LOG" stderr syslog; do
		resolve shim POLICY=both ORDER=ipv6-first ON_CONFLICT=resolve LOG="$log" LOG_LEVEL=all -- "$PROGRAMS/drive" "${steps[@]}"
		(close_bats_fds && exec strace -qq -o "$DIR/shim" "${COMMAND[@]}") >/dev/null 2>&1
		names "$DIR/shim" >>"$DIR/made"
	done
	# Of the dynamic linker and the program itself.
	more=$(sort -u "$DIR/made" | comm -23 - <(names "$DIR/bare"))
	[ "$(wc -l <<<"$more")" -ge 3 ]
	assert_eq '' "$(grep -vx statx <<<"$more" | grep -vxFf <(tr -s ' ' '\n' <<<"$HAS_3_10") || :)"
}
