#!/usr/bin/env bats
# Standard error that is a socket: the journal's, where JOURNAL_STREAM says so (systemd.exec(5)), and
# otherwise somebody's client, who must not see a byte of the log.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load helper

setup() {
	export DIR=$BATS_TEST_TMPDIR
}

# journal WHAT [NAME=VALUE...] -- COMMAND: with the stand-in for the journal; the program's own output is in
# $DIR/said.
journal() {
	local what=$1

	shift
	resolve shim POLICY=ipv6-only "$@" || return
	(
		close_bats_fds
		exec "$PROGRAMS/receive" "$what" "${COMMAND[@]}"
	)
}

survive() {
	journal "$1" "${@:2}" -- "$PROGRAMS/survive" -o "$DIR/said" 'bind 2'
	assert_eq 'bind: ok' "$(cat "$DIR/said")"
}

@test "control: the stand-in shows what a program writes to standard error" {
	for what in journal other; do
		assert_eq 'ready' "$("$PROGRAMS/receive" $what bash -c 'echo ready >&2')"
		# shellcheck disable=SC2016 # for that shell
		assert_match '^[0-9]+:[0-9]+$' "$("$PROGRAMS/receive" $what bash -c 'echo $JOURNAL_STREAM >&2')"
	done
}

@test "the journal: each line begins with its priority" {
	survive journal >"$DIR/got"
	assert_eq '3' "$(grep -c '^<6>v6shim survive\[[0-9]*\]: ' "$DIR/got")"
	assert_eq '3' "$(wc -l <"$DIR/got")"
	survive journal LOG_FORMAT=json >"$DIR/got"
	assert_eq '"load" "bind" "bind"' "$(sed -n 's/^<6>//p' "$DIR/got" | jq .event | paste -sd' ')"
}

# priority N FILTER
priority() {
	assert_eq "<$1>" "$(grep -e "$2" "$DIR/got" | grep -o '^<.>' | sort -u)" "$2"
}

@test "the journal: the priority is by what was found" {
	port=$(free_port)
	journal journal -- bash -c 'exec "$@" >/dev/null' - "$PROGRAMS/steps" \
		'socket tcp6' 'v6only 0' "bind :: $port" listen 'socket tcp6' "bind :: $port" >"$DIR/got"
	priority 5 'contrary'
	priority 4 'EADDRINUSE'
	priority 6 'bind tcp.*V6ONLY 0 -> 1'
	priority 6 'load:'
	# A configuration that does not parse is said there as well.
	journal journal ON_CONFLICT=nonsense -- bash -c 'exec "$@" >/dev/null' - "$PROGRAMS/steps" 'socket tcp6' >"$DIR/got"
	priority 3 'nonsense'
	refute grep -v '^<3>v6shim' "$DIR/got"
}

@test "a socket that is not the journal's: nothing is written to it" {
	assert_eq '' "$(survive other)"
	assert_eq '' "$(survive other LOG_FORMAT=json LOG_LEVEL=all)"
	# Nor what is wrong with the configuration.
	assert_eq '' "$(journal other ON_CONFLICT=nonsense -- "$PROGRAMS/survive" -o "$DIR/said" bind)"
	# Nor without JOURNAL_STREAM, or with one that says nothing.
	resolve shim POLICY=ipv6-only -- "$PROGRAMS/survive" -o "$DIR/said" 'bind 2'
	assert_eq '' "$("$PROGRAMS/receive" journal env -u JOURNAL_STREAM "${COMMAND[@]}")"
	for value in '' ':' '0:0' '1' '99999999999999999999999:1' 'a:b' '1:2:3' '-1:-1'; do
		assert_eq '' "$("$PROGRAMS/receive" journal env JOURNAL_STREAM="$value" "${COMMAND[@]}")" "$value"
	done
}

@test "JOURNAL_STREAM left over, and standard error a file or a pipe: lines without a priority" {
	resolve shim POLICY=ipv6-only -- "$PROGRAMS/survive" -o "$DIR/said" bind
	JOURNAL_STREAM=1:2 "${COMMAND[@]}" 2>"$DIR/got"
	assert_eq 2 "$(grep -c '^v6shim survive' "$DIR/got")"
	assert_eq 2 "$(JOURNAL_STREAM=1:2 "${COMMAND[@]}" 2>&1 | grep -c '^v6shim survive')"
	# As where a service has its standard error moved to a file of its own.
	resolve shim POLICY=ipv6-only -- "$PROGRAMS/survive" -o "$DIR/said" bind "open $DIR/own append 2" bind
	"$PROGRAMS/receive" journal "${COMMAND[@]}" >"$DIR/got"
	assert_eq 2 "$(grep -c '^<6>v6shim' "$DIR/got")"
	assert_eq 1 "$(grep -c '^v6shim' "$DIR/own")"
}

@test "an inetd service: its client sees nothing of the log, which goes where it is told" {
	LOG=$DIR/log.jsonl
	for log in stderr "$LOG"; do
		resolve shim POLICY=ipv6-only LOG="$log" LOG_LEVEL=all -- "$PROGRAMS/survive" -o "$DIR/said" bind
		assert_eq 'client got 0 bytes' "$("$PROGRAMS/handover" '0,1,2 tcp6 ::1 0 accepted' -- "${COMMAND[@]}")" "$log"
		assert_eq 'bind: ok' "$(cat "$DIR/said")"
	done
	assert_eq 1 "$(jq -r .event "$LOG" | grep -c bind)"
	# Control: what the service itself writes there does arrive.
	assert_eq 'client got 6 bytes' "$("$PROGRAMS/handover" '0,1,2 tcp6 ::1 0 accepted' -- sh -c 'echo hello >&2')"
}

@test "a journal that takes nothing does not hold the server up, and is told what it missed" {
	require python3
	run timeout 30 python3 - "$LIB" "$PROGRAMS/survive" "$DIR" <<-'END'
		import os, socket, subprocess, sys, time

		library, program, directory = sys.argv[1:]
		ours, theirs = socket.socketpair()
		st = os.fstat(theirs.fileno())
		server = subprocess.Popen([program, "bind 5000", f"touch {directory}/dropped", f"await {directory}/go", "bind"],
		    stderr=theirs, env={"LD_PRELOAD": library, "V6SHIM_POLICY": "ipv6-only",
		    "JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"})
		theirs.close()
		end = time.monotonic() + 10
		while not os.path.exists(directory + "/dropped") and time.monotonic() < end:
		    time.sleep(0.02)
		ours.setblocking(False)
		text = b""
		try:
		    while True:
		        text += ours.recv(65536)
		except BlockingIOError:
		    open(directory + "/go", "w").close()
		ours.setblocking(True)
		while data := ours.recv(65536):
		    text += data
		lines = text.decode().splitlines()
		bound = sum(": bind" in line for line in lines)
		lost = sum(int(line.split("lost: ")[1].split()[0]) for line in lines if ": lost: " in line)
		whole = all(line.startswith(("<6>v6shim", "<4>v6shim")) for line in lines)
		print("told:", "all" if bound + lost == 5001 and whole and lost > 1000 else (bound, lost, whole))
		sys.exit(server.wait())
	END
	assert_status 0
	assert_line 'bind: ok'
	assert_line 'told: all'
}
