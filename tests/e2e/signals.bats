#!/usr/bin/env bats
# The calls take little stack: a handler on a small alternate one may make them (DESIGN.md 1.8, point 2). Storms of
# handlers, threads and children are in tests/long. The controls are programs/hostile/unsafe.c, a shim with a fault.

load helper

setup() {
	DIR=$BATS_TEST_TMPDIR
	LOG=$DIR/log.jsonl
}

# unsafe FAULT COMMAND...: under a shim with that fault.
unsafe() {
	(close_bats_fds && exec env UNSAFE="$1" LD_PRELOAD="$PROGRAMS/hostile/unsafe.so" "${@:2}")
}

# Bytes that a call may take: with the frame of a signal on a machine whose registers need no more than AVX does, that is
# within 4096.
MOST_STACK=2816

@test "no call takes more than 2816 bytes of stack, be it with a conflict, a record, or a log to be opened anew" {
	awk '$2 > 64 { exit 1 }' <("$PROGRAMS/stack" measure) || fail 'control: the kernel calls take stack'
	awk '$1 == "bind" && $2 > 6144 { found = 1 } END { exit !found }' <(unsafe stack "$PROGRAMS/stack" measure) ||
		fail 'control: what takes 6 KB is not seen'
	for log in off "$LOG" "$DIR/log.txt" stderr syslog "$DIR/no/directory/log"; do
		for settings in 'POLICY=app ON_CONFLICT=resolve' 'POLICY=both ON_CONFLICT=share ORDER=ipv6-first' \
			'POLICY=ipv6-only ON_CONTRARY=deny:EPERM' 'POLICY=both MODE=log' \
			'RULES=port=1-65535=>policy=both;proto=tcp=>on-conflict=fail'; do
			# shellcheck disable=SC2086 # into its words
			shim $settings LOG="$log" LOG_LEVEL=all -- "$PROGRAMS/stack" measure >"$DIR/taken" 2>"$DIR/err"
			assert_eq 7 "$(wc -l <"$DIR/taken")"
			most=$(awk '$2 > most { most = $2 } END { print most }' "$DIR/taken")
			[ "$most" -le $MOST_STACK ] || fail "$settings, log $log: $most bytes"
			[ "$most" -gt 64 ] || fail "$settings: the shim is not there"
			printf '%s %s\n' "$most" "${log/$DIR/...}" >>"$DIR/all"
		done
	done
	echo "# most, by log: $(sort -k2,2 -k1,1n "$DIR/all" | awk '{ most[$2] = $1 } END { for (l in most) printf "%s %d  ", l, most[l] }')" >&3
}

@test "a handler on an alternate stack of 4 KB, below which there is nothing, makes every call" {
	assert_eq 'handler: done' "$("$PROGRAMS/stack" handler 4096)" 'control, bare'
	assert_eq 'handler: done' "$(unsafe none "$PROGRAMS/stack" handler 4096)" 'control, a shim that takes little'
	run unsafe stack "$PROGRAMS/stack" handler 4096
	assert_status 139
	# 2304 bytes are what is left of 4096 where the frame has no AVX-512 registers in it.
	for bytes in 4096 2304; do
		for log in off "$LOG" stderr; do
			run shim POLICY=app ON_CONFLICT=resolve LOG="$log" LOG_FORMAT=json LOG_LEVEL=all -- "$PROGRAMS/stack" handler $bytes
			assert_status 0
			assert_line 'handler: done'
		done
	done
	assert_eq '"split" "share" "share"' "$(json_records "$LOG" 'select(.finding == "conflict") | .action' | tail -n 3 | paste -sd' ')"
}
