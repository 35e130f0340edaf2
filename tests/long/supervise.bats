#!/usr/bin/env bats
# shellcheck disable=SC2016 # for the shells inside
# The second way in: the whole tables under it, and forms of it that this machine does not take by itself, made
# by a change to the source.

load ../e2e/helper
load fuzz_targets

setup() {
	[ "$(uname -m)" = x86_64 ] || [ "$(uname -m)" = aarch64 ] || skip 'no table of this machine'
	make -s -C "$ROOT" BUILD="$BUILD" "$BUILD/tests/programs/static/drive"
	DRIVE=$PROGRAMS/static/drive
}

# variant FILE SED-EXPRESSION...: a v6shim whose source has those changes: $VARIANT.
variant() {
	local tree=$BATS_TEST_TMPDIR/tree

	mkdir -p "$tree/build"
	cp -a "$ROOT/Makefile" "$ROOT/shim" "$tree"
	# What has not changed is not built again, where it was built alike.
	cp -a "$BUILD/obj" "$tree/build"
	sed "s|=$ROOT=|=$tree=|g" "$BUILD/flags" >"$tree/build/flags"
	touch -r "$BUILD/flags" "$tree/build/flags"
	while [ $# -gt 0 ]; do
		sed -i "$2" "$tree/shim/supervise/$1"
		refute cmp -s "$ROOT/shim/supervise/$1" "$tree/shim/supervise/$1"
		shift 2
	done
	make -s -C "$tree" build/v6shim
	VARIANT=$tree/build/v6shim
}

again() {
	run env TESTS_REACH=supervise V6SHIM_BUILD="$BUILD" bats "$ROOT/tests/e2e/$1.bats"
	assert_status 0
}

@test "all policies, as a preload has them" {
	again policy
}

@test "all conflicts, as a preload has them" {
	again conflicts
}

@test "a thread that races: no dual-stack socket; control: the target makes the calls itself" {
	local what wild bad

	variant loop.c 's/r->like_us = v6_target_like_us(.*/r->like_us = false;/'
	for what in address descriptor; do
		run "$V6SHIM" run --reach supervise --policy ipv6-only --log off -- "$PROGRAMS/race" "$(free_port)" $what 3000
		read -r wild bad <<<"$output"
		assert_eq 0 "$bad" "$what"
		run "$VARIANT" run --reach supervise --policy ipv6-only --log off -- "$PROGRAMS/race" "$(free_port)" $what 3000
		read -r wild bad <<<"$output"
		[ "$bad" -gt 0 ] || fail "control: of $wild no race in $what"
	done
}

@test "calls at random that make no sense, children killed in the middle of theirs: as bare; control: other calls differ" {
	local seed policy until=$((SECONDS + FUZZ_SECONDS))
	local -ra policies=(app ipv6-only default-both)
	local -r calls=(/usr/bin/python3 -ISB "$ROOT/tests/programs/edge-calls.py" -r)

	for ((seed = 0; SECONDS < until || seed < 3; seed++)); do
		policy=${policies[seed % 3]}
		# V6ONLY is the policy's.
		"${calls[@]}" $seed 40 | sed 's/ v6only [01]//' >"$BATS_TEST_TMPDIR/bare"
		"$V6SHIM" run --reach supervise --policy "$policy" --log "$BATS_TEST_TMPDIR/log" --log-level all -- \
			"${calls[@]}" $seed 40 | sed 's/ v6only [01]//' >"$BATS_TEST_TMPDIR/supervised"
		assert_eq 2000 "$(wc -l <"$BATS_TEST_TMPDIR/bare")"
		diff "$BATS_TEST_TMPDIR/bare" "$BATS_TEST_TMPDIR/supervised" || fail "seed $seed, policy $policy"
	done
	"${calls[@]}" $seed 40 | refute cmp -s "$BATS_TEST_TMPDIR/bare" -
	[ -s "$BATS_TEST_TMPDIR/log" ]
	echo "# $seed seeds, from 0" >&3
}

# A kernel without WAIT_KILLABLE_RECV, for variant.
old_kernel=(filter.c 's/WAIT_KILLABLE_RECV = 1 << 5/WAIT_KILLABLE_RECV = 1 << 30/')

@test "without WAIT_KILLABLE_RECV a call that was made is not made twice, and its result arrives" {
	variant "${old_kernel[@]}"
	run "$VARIANT" run --reach supervise --policy ipv6-only --log off -- "$PROGRAMS/interrupted" restart 30 10000
	assert_eq '10000 ok bound' "$output"
	# The program's own second bind is not told from that, but after another call and on this kernel it is.
	local -r twice=('socket tcp6' 'bind ::1 0' 'bind ::1 0') after=('socket tcp6' 'bind ::1 0' listen 'bind ::1 0')
	args=(run --reach supervise --policy ipv6-only --log off -- "$DRIVE")
	assert_eq 'bind ::1 0: ok' "$("$VARIANT" "${args[@]}" "${twice[@]}" | tail -n 1)"
	assert_eq 'bind ::1 0: EINVAL' "$("$VARIANT" "${args[@]}" "${after[@]}" | tail -n 1)"
	assert_eq 'bind ::1 0: EINVAL' "$("$V6SHIM" "${args[@]}" "${twice[@]}" | tail -n 1)"
}

# frozen: a program that binds is frozen when the call was made and is not answered, thawed after that, and prints the
# result: $output. $VARIANT takes a second to answer.
frozen() {
	local port pid helper

	port=$(free_port)
	start frozen --now "$VARIANT" run --reach supervise --policy ipv6-only --log off -- sh -c 'echo $$ >"$0" && shift && exec "$@"' \
		"$FREEZER/tasks" "" "$DRIVE" 'socket tcp6' reuseaddr "bind :: $port" wait
	pid=$(pid_of frozen)
	wait_for 10 "$V6SHIM" who "$port" >"$BATS_TEST_TMPDIR/who"
	echo FROZEN >"$FREEZER/freezer.state"
	helper=$(pgrep -f -n -- "^$VARIANT run")
	wait_for 10 grep -q poll "/proc/$helper/wchan"
	echo THAWED >"$FREEZER/freezer.state"
	wait_for 10 grep -q '^bind' "$BATS_TEST_TMPDIR/frozen.out"
	output=$(grep ^bind "$BATS_TEST_TMPDIR/frozen.out")
	stop frozen
}

@test "the freezer, between a call and its answer: it is not made twice, and its result arrives" {
	local -r slow=('s/^\tr.sent = /\tv6_sys_sleep_microseconds(1000000);\n&/')

	FREEZER=/sys/fs/cgroup/freezer/v6shim-$$
	mkdir "$FREEZER" 2>/dev/null || skip 'needs the freezer of cgroup version 1'
	variant loop.c "${slow[0]}"
	frozen
	assert_match '^bind :: [0-9]+: ok$' "$output"
	variant loop.c "${slow[0]}" "${old_kernel[@]}"
	frozen
	assert_match '^bind :: [0-9]+: ok$' "$output"
	# Control: the answer was lost, and the call came again.
	variant loop.c "${slow[0]}" "${old_kernel[@]}" loop.c 's/return taken;/return false;/'
	frozen
	rmdir "$FREEZER"
	assert_match '^bind :: [0-9]+: EINVAL$' "$output"
}

@test "v6shim as the parent: statuses, signals, stops; a daemon is waited for" {
	local pid status limit

	# The helper tries, and may not.
	variant start.c 's/fd = probe(t);/fd = target == own ? -EPERM : probe(t);/'
	run "$VARIANT" run --policy ipv6-only --log off --reach supervise -- "$DRIVE" 'socket tcp6' reuseaddr 'bind :: 0' get
	assert_status 0
	assert_match 'stays, as the parent' "$output"
	assert_line 'get: 1'
	# As many as it remembers, and more than it has descriptors for.
	for limit in 1000 24; do
		run bash -c "$(declare -p BATS_FDS); $(declare -f close_bats_fds); close_bats_fds; ulimit -n $limit; exec "'"$@"' sh \
			timeout -s KILL 60 "$VARIANT" run --policy ipv6-only --log off --reach supervise -- \
			sh -c 'for i in $(seq 140); do "$@"; done' sh "$DRIVE" 'socket tcp6' reuseaddr 'bind :: 0' get
		assert_eq 140 "$(grep -c '^get: 1$' <<<"$output")" "ulimit $limit"
	done
	for status in 0 7 255; do
		run "$VARIANT" run --reach supervise --log off -- sh -c "exit $status"
		assert_status $status
	done
	if [ "$(id -u)" = 0 ]; then
		# The helper that had to give up is no zombie of a container's first process.
		run timeout -s KILL 20 unshare -pf --mount-proc --kill-child "$VARIANT" run --reach supervise --log off -- \
			sh -c 'ps -A -o stat= | grep -c Z; exit 3'
		assert_status 3
		assert_line 0
	fi
	run "$VARIANT" run --reach supervise --log off -- sh -c 'kill -TERM $$'
	assert_status 143
	run "$VARIANT" run --reach supervise --log off -- sh -c 'ulimit -c 0; kill -SEGV $$'
	assert_status 139
	run "$VARIANT" run --reach supervise --log off -- /dev/null
	assert_status 126
	"$VARIANT" run --reach supervise --log off -- sh -c 'trap "exit 3" USR1; echo >"$0"; while :; do sleep 0.1; done' \
		"$BATS_TEST_TMPDIR/trapped" 2>/dev/null &
	pid=$!
	wait_for 5 test -s "$BATS_TEST_TMPDIR/trapped"
	kill -USR1 $pid
	status=0
	wait $pid || status=$?
	assert_eq 3 $status
	"$VARIANT" run --reach supervise --log off -- sh -c 'kill -STOP $$; exit 5' 2>/dev/null &
	pid=$!
	wait_for 5 grep -q '^State:.T' /proc/$pid/status
	kill -CONT $pid
	status=0
	wait $pid || status=$?
	assert_eq 5 $status
	# What systemd handed to v6shim is COMMAND's, and named by its number; what is another's stays so.
	run bash -c "$(declare -p BATS_FDS); $(declare -f close_bats_fds); close_bats_fds; exec "'"$@"' sh "$DRIVE" 'socket tcp6' \
		'v6only 0' 'bind :: 0' listen 'activate 1' 'put 3' -- "$VARIANT" run --reach supervise --policy ipv6-only \
		--log "$BATS_TEST_TMPDIR/log" -- sh -c 'echo "$LISTEN_FDS $((LISTEN_PID - $$))"'
	assert_line '1 0'
	assert_eq 'unenforced 3' "$(jq -r 'select(.event == "inherit") | "\(.finding) \(.fd)"' "$BATS_TEST_TMPDIR/log")"
	run env LISTEN_FDS=1 LISTEN_PID=1 "$VARIANT" run --reach supervise --log off -- sh -c 'echo "pid $LISTEN_PID"'
	assert_line 'pid 1'
	require /usr/bin/python3
	run /usr/bin/python3 -I "$ROOT/tests/programs/jobs.py" "$VARIANT" run --reach supervise --log off --
	assert_eq $'stopped\nINT 2\nstatus=7' "$output"
}
