#!/usr/bin/env bats
# Records are the same on every machine: what a program did here, and what the same program did as built
# for this machine, is told in the same words, addresses, ports and numbers. $V6SHIM_BUILD is a build for
# another machine or libc, $CROSS_NATIVE the native one; tests/cross/machine sets both.

# shellcheck disable=SC2153 # BUILD is the helper's

load ../e2e/helper
bats_require_minimum_version 1.5.0

setup() {
	[ -n "${CROSS_NATIVE-}" ] || skip 'CROSS_NATIVE is not set: tests/cross/machine sets it'
	port=$(free_port)
}

# told BUILD SETTING... -- STEP...: the records of drive's calls, without what differs from run to run.
told() {
	local build=$1 log=$BATS_TEST_TMPDIR/told.jsonl
	# shellcheck disable=SC2034 # shim's
	local LIB=$build/libv6shim.so

	given "${@:2}"
	rm -f "$log"
	shim "${LEADING[@]}" LOG="$log" LOG_LEVEL=all -- "$build/tests/programs/drive" "${TRAILING[@]}" >/dev/null
	json_records "$log" 'select(.event != "load") | del(.time, .pid, .tid, .holder.pid)'
}

# same SETTING... -- STEP...: and something is told at all.
same() {
	local here

	here=$(told "$CROSS_NATIVE" "$@")
	assert_match '"event":"bind"' "$here"
	assert_eq "$here" "$(told "$BUILD" "$@")"
}

@test "binds governed and not, addresses of many groups, refusals, denials and a disorder are told alike" {
	same POLICY=ipv6-only -- 'socket tcp6' 'v6only 0' "bind :: $port" listen close \
		'socket udp6' "bind :: $port" close 'socket tcp6' "bind ::1 $port" close \
		'socket tcp4' "bind 127.0.0.1 $port" listen close 'socket tcp6' 'bind ::ffff:127.0.0.1 0'
	same POLICY=both -- 'socket tcp6' "bind 2001:db8:1:2:3:4:5:6 $port" \
		"bind fe80::1:0:0:2 1" "bind ::ffff:192.0.2.255 65535" "bind :: $port" 'v6only 1'
	same POLICY=ipv6-only ON_CONTRARY=deny:EOPNOTSUPP -- 'socket tcp6' 'v6only 0' 'v6only 1' \
		"bind :: $port" listen
	same ORDER=ipv6-first -- resolve 'socket tcp4' "bind 0.0.0.0 $port" 'socket tcp6' 'v6only 1' \
		"bind :: $port"
}

@test "a conflict, its holder in this process and its end by split or share are told alike" {
	for reaction in resolve share fail; do
		same ON_CONFLICT=$reaction -- 'socket tcp4' "bind 0.0.0.0 $port" 'socket tcp6' "bind :: $port"
		same ON_CONFLICT=$reaction -- 'socket tcp6' "bind :: $port" 'socket tcp4' "bind 0.0.0.0 $port"
		assert_match '"holder":\{"fd":' "$(told "$BUILD" ON_CONFLICT=$reaction -- \
			'socket tcp6' "bind :: $port" 'socket tcp4' "bind 0.0.0.0 $port")"
	done
}

@test "the other machine's command reads the log of this one, and this one's that of the other" {
	log=$BATS_TEST_TMPDIR/log.jsonl
	here=$CROSS_NATIVE/v6shim
	shim POLICY=ipv6-only LOG="$log" LOG_LEVEL=all -- "$PROGRAMS/drive" \
		'socket tcp6' 'v6only 0' "bind :: $port" listen
	for form in '' --json; do
		run -0 "$here" report $form "$log"
		expected=$output
		assert_match "$port" "$expected"
		run -0 "$V6SHIM" report $form "$log"
		assert_eq "$expected" "$output"
	done
}
