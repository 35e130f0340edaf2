#!/usr/bin/env bats
# Under valgrind and gdb, and with LD_BIND_NOW: the program gets what it gets without the tool, and the shim does
# what it does.

load ../e2e/helper

# Each step of this in its three ways: a socket that is overridden, a conflict that is split, and one that is shared.
plan() {
	local port=$1 other=$2

	STEPS=('socket tcp6' 'v6only 0' 'bind :: 0' listen 'socket tcp4' "bind 0.0.0.0 $port" listen
		'socket tcp6' "bind :: $port" listen 'socket udp6' 'bind :: 0' 'socket tcp6' "bind :: $other" listen
		resolve fork 'socket tcp6' 'bind :: 0' get)
}

settings() {
	env LD_PRELOAD="$LIB" V6SHIM_POLICY=ipv6-only V6SHIM_ORDER=ipv6-first V6SHIM_ON_CONFLICT=resolve \
		V6SHIM_LOG="$LOG" V6SHIM_LOG_LEVEL=all V6SHIM_RULES='program=drive port=1-65535 => on-conflict=resolve' "$@"
}

# What a run left in the log, without what differs from run to run.
recorded() {
	json_records "$LOG" 'del(.time, .pid, .tid, .via, .fd, .port, .note, .holder) | if .event == "socket" then del(.result) else . end'
}

# What the same comes to without the tool, in $DIR/plain and $DIR/plain.log.
plain() {
	rm -f "$LOG"
	(close_bats_fds && settings "$PROGRAMS/drive" "${STEPS[@]}") >"$DIR/plain" 2>"$DIR/plain.err"
	recorded >"$DIR/plain.log"
	assert_eq '' "$(<"$DIR/plain.err")"
	assert_line 'get: 1' "$(<"$DIR/plain")"
	[ "$(grep -c '"event":"bind"' "$DIR/plain.log")" -eq 6 ]
	rm -f "$LOG"
	# Control: bare, the last is dual-stack.
	assert_line 'get: 0' "$(close_bats_fds && "$PROGRAMS/drive" "${STEPS[@]}")"
}

# A tool may have a descriptor of its own in the program, and the next numbers shift.
same_as_plain() {
	assert_eq "$(sed 's/: fd .*/: fd/' "$DIR/plain")" "$(sed 's/: fd .*/: fd/' "$DIR/out")" "$1"
	assert_eq "$(<"$DIR/plain.log")" "$(recorded)" "$1"
}

@test "LD_BIND_NOW, and LD_BIND_NOT: the same calls, the same records" {
	plan "$(free_port)" "$(free_port)"
	plain
	for when in LD_BIND_NOW LD_BIND_NOT; do
		rm -f "$LOG"
		(close_bats_fds && settings $when=1 "$PROGRAMS/drive" "${STEPS[@]}") >"$DIR/out" 2>"$DIR/err"
		assert_eq '' "$(<"$DIR/err")" $when
		same_as_plain $when
	done
}

@test "valgrind finds nothing wrong, and the program gets what it gets without" {
	require valgrind
	plan "$(free_port)" "$(free_port)"
	plain
	(close_bats_fds && settings valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
		--track-fds=no --trace-children=yes --log-file="$DIR/valgrind" "$PROGRAMS/drive" "${STEPS[@]}") >"$DIR/out" 2>"$DIR/err" ||
		fail "status $?: $(cat "$DIR/valgrind" "$DIR/err")"
	assert_eq '' "$(<"$DIR/valgrind")"
	# valgrind's own script and tools are programs too, which made no socket.
	json_records "$LOG" 'select(.program == "drive" or .event != "load")' >"$DIR/mine"
	mv "$DIR/mine" "$LOG"
	same_as_plain valgrind
}

@test "order: what was relinked is freed to the last byte, of a list of mixed families too (valgrind)" {
	require valgrind
	for order in ipv4-first ipv6-first; do
		run env LD_PRELOAD="$LIB:$PROGRAMS/hostile/resolver.so" V6SHIM_ORDER=$order V6SHIM_LOG=off valgrind -q --leak-check=full \
			--show-leak-kinds=definite,indirect,possible --error-exitcode=99 "$PROGRAMS/drive" 'lookup -p 4321'
		assert_status 0
		assert_match '^lookup -p 4321: inet' "$output"
		refute grep -F '==' <<<"$output"
	done
}

@test "control: valgrind finds what is wrong" {
	require valgrind
	# An address that was never written to; the shim reads it, and so does the kernel.
	printf '%s\n' '#include <netinet/in.h>' '#include <stdlib.h>' '#include <unistd.h>' \
		'int main(void) { struct sockaddr_in6 *a = malloc(sizeof(*a)); a->sin6_family = AF_INET6;' \
		'return bind(socket(AF_INET6, SOCK_STREAM, 0), (struct sockaddr *)a, sizeof(*a)) ? 0 : 0; }' |
		cc -D_GNU_SOURCE -x c -o "$DIR/wrong" -
	run env LD_PRELOAD="$LIB" V6SHIM_POLICY=ipv6-only V6SHIM_LOG=off valgrind -q --error-exitcode=99 "$DIR/wrong"
	assert_status 99
}

@test "gdb: a breakpoint in bind is met once in libc, below the shim's frames, and the program goes on" {
	require gdb
	plan "$(free_port)" "$(free_port)"
	# Breakpoint 1 is at every bind there is: the shim's, then libc's.
	(close_bats_fds && timeout 60 gdb -q -nx -batch -iex 'set debuginfod enabled off' -ex 'set disable-randomization off' \
		-ex 'set confirm off' -ex 'set breakpoint pending on' \
		-ex "set environment LD_PRELOAD $LIB" -ex 'set environment V6SHIM_POLICY ipv6-only' \
		-ex "set environment V6SHIM_LOG $LOG" -ex 'break bind' -ex run -ex 'printf "first\n"' -ex backtrace \
		-ex continue -ex 'printf "second\n"' -ex backtrace -ex 'info sharedlibrary' -ex continue -ex continue \
		--args "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' 'bind :: 0' get) >"$DIR/out" 2>&1 || :
	out=$(<"$DIR/out")
	grep -q '^Breakpoint 1[.0-9]*, ' <<<"$out" || skip "gdb cannot run programs here: $out"
	frames() {
		sed -n "/^$1/,/ main (\\| in main/p" <<<"$out" | grep '^#'
	}
	assert_match '^#0 [^#]*bind [^#]*(shim/|libv6shim)' "$(frames first)"
	assert_match '^#0 [^#]*bind [^#]*#1 [^#]*(shim/|libv6shim)' "$(frames second)"
	refute grep -Eq 'shim/|libv6shim' <<<"$(frames second | head -n 1)"
	assert_match 'main \(' "$(frames second | tail -n 1)"
	assert_line 'v6only 0: ok' "$out"
	assert_line 'bind :: 0: ok' "$out"
	assert_line 'get: 1' "$out"
	assert_match 'exited normally' "$out"
	assert_eq '["override"]' "$(jq -sc 'map(select(.event == "bind") | .action)' "$LOG")"
}
