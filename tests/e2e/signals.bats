#!/usr/bin/env bats
# The calls take little stack: a handler on a small alternate one may make them (DESIGN.md 1.8, point 2). Storms of
# handlers, threads and children are in tests/long. The controls are programs/hostile/unsafe.c, a shim with a fault.

load helper

# unsafe FAULT COMMAND...: under a shim with that fault.
unsafe() {
	(close_bats_fds && exec env UNSAFE="$1" LD_PRELOAD="$PROGRAMS/hostile/unsafe.so" "${@:2}")
}

# Bytes that a call may take: with the frame of a signal on a machine whose registers need no more than AVX does, that is
# within 4096.
MOST=2816

@test "a handler on a small alternate stack, below which there is nothing, makes every call, with a conflict, a record, or a log to be opened" {
	awk '$2 > 64 { exit 1 }' <("$PROGRAMS/stack" $MOST) || fail 'control: the kernel calls take stack'
	awk '$2 <= 64 { exit 1 }' <(unsafe none "$PROGRAMS/stack" $MOST | grep ^bind) || fail 'control: a shim that takes little'
	run unsafe stack "$PROGRAMS/stack" 4096
	assert_status 139
	for log in off "$LOG" "$DIR/log.txt" stderr syslog "$DIR/no/directory/log"; do
		for settings in 'POLICY=both ON_CONFLICT=share ORDER=ipv6-first' 'POLICY=ipv6-only ON_CONTRARY=deny:EPERM' 'POLICY=both MODE=log' \
			'RULES=port=1-65535=>policy=both;proto=tcp=>on-conflict=fail' 'POLICY=app ON_CONFLICT=resolve'; do
			# shellcheck disable=SC2086 # into its words
			shim $settings LOG="$log" LOG_LEVEL=all -- "$PROGRAMS/stack" $MOST >"$DIR/taken" 2>"$DIR/err" || fail "$settings, log $log: $?"
			assert_eq 7 "$(wc -l <"$DIR/taken")"
			most=$(awk '$2 > most { most = $2 } END { print most }' "$DIR/taken")
			[ "$most" -le $MOST ] && [ "$most" -gt 64 ] || fail "$settings, log $log: $most bytes"
			printf '%s %s\n' "$most" "${log/$DIR/...}" >>"$DIR/all"
		done
	done
	assert_eq '"split" "share" "share"' "$(json_records "$LOG" 'select(.finding == "conflict") | .action' | tail -n 3 | paste -sd' ')"
	echo "# most, by log: $(sort -k2,2 -k1,1n "$DIR/all" | awk '{ most[$2] = $1 } END { for (l in most) printf "%s %d  ", l, most[l] }')" >&3
}
