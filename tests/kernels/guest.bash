#!/usr/bin/env bats
# shellcheck disable=SC2016 # for the shells inside
# What is of a kernel in particular, run by `init` in the machine that kernels.bats boots.

load ../e2e/helper
load ../e2e/rows

setup() {
	DRIVE=$PROGRAMS/static/drive
	NOBODY=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	LISTEN=('socket tcp6' reuseaddr 'bind :: 0' listen)
}

# both_ways TABLE
both_ways() {
	for TESTS_REACH in preload supervise; do
		export TESTS_REACH
		rows --once --fields action,finding,result,holder.pid <"$1"
	done
}

@test "without sock_diag: who says what it does not know" {
	local port

	port=$(free_port)
	start holder --says ready "$DRIVE" 'socket tcp6' 'v6only 1' "bind :: $port" listen serve
	run "$V6SHIM" who "$port"
	assert_match "IPv6\\+IPv4\\? +\\[::\\]:$port +drive\\[$(pid_of holder)\\].* V6ONLY \\?" "$output"
	assert_match 'no socket diagnostics here \(ENOENT\)' "$output"
}

@test "this kernel: who tells families, holders and ways in" {
	local port

	for module in inet tcp udp mptcp; do
		[ ! -e /modules/${module}_diag.ko ] || insmod /modules/${module}_diag.ko
	done
	port=$(free_port)
	start holder --tcp "$port" "$V6SHIM" run --policy ipv6-only --log off -- "$DRIVE" 'socket tcp6' "bind :: $port" listen serve
	run "$V6SHIM" who "$port"
	assert_match "IPv6 +\\[::\\]:$port +drive\\[$(pid_of holder)\\] fd 3 .* V6ONLY 1, supervise" "$output"
	assert_eq 'refused served' "$(reach 4 tcp "$port") $(reach 6 tcp "$port")"
}

@test "this kernel: a holder that is bound and does not listen is found since 6.8, and before that the note says so" {
	local found='conflict EADDRINUSE holder'

	[ "$(printf '%s\n' 6.8 "$(uname -r)" | sort -V | head -n 1)" = 6.8 ] || found='conflict EADDRINUSE - ~ since 6\.8'
	cat >"$BATS_TEST_TMPDIR/table" <<-END
		holder: socket tcp4; bind 0.0.0.0 P
		socket tcp4; bind 0.0.0.0 P
		bare -> bind=EADDRINUSE
		on-conflict=resolve -> bind=EADDRINUSE | $found
	END
	both_ways "$BATS_TEST_TMPDIR/table"
}

@test "this kernel: a signal with SA_RESTART never shows" {
	local every=30

	# Before Linux 5.19 each signal takes a call back that is not answered yet, and an emulated machine answers slowly.
	[ "$(printf '%s\n' 5.19 "$(uname -r)" | sort -V | head -n 1)" = 5.19 ] || every=100
	run "$V6SHIM" run --reach supervise --policy ipv6-only --log off -- "$PROGRAMS/interrupted" restart $every 2000
	assert_eq '2000 ok bound' "$output"
}

@test "this kernel: under Yama 1 a user's v6shim stays as the parent, root's and under Yama 0 it is a helper" {
	local scope user stays kept

	run "$DRIVE" "${LISTEN[@]}" serves
	assert_line 'serves: 0/46'
	while read -r scope user stays kept; do
		echo "$scope" >/proc/sys/kernel/yama/ptrace_scope
		[ "$user" = root ] && as=() || as=("${NOBODY[@]}")
		run "${as[@]}" "$V6SHIM" run --reach supervise --policy ipv6-only --log off -- "$DRIVE" "${LISTEN[@]}" serves
		assert_status 0
		assert_line 'serves: 1/6'
		assert_eq "$stays" "$(grep -c 'stays, as the parent' <<<"$output")" "Yama $scope, $user"
		run sh -c '"$@" & echo "$!"; wait "$!"' sh "${as[@]}" "$V6SHIM" run --reach supervise --log off -- sh -c 'echo "is $$"; exit 7'
		assert_status 7
		[ "$kept" = no ] || assert_line "is ${lines[0]}"
	done <<-END
		1 root 0 yes
		1 nobody 1 no
		0 root 0 yes
		0 nobody 0 yes
	END
}

@test "this kernel: who has another AppArmor profile than the supervisor is bound by it, and is governed" {
	local profile bare came
	local -r confined='import socket, sys
s = socket.socket(socket.AF_INET6)
open("/proc/self/attr/current", "w").write("changeprofile " + sys.argv[1])
try:
    s.bind(("::", 80))
    print(s.getsockopt(41, 26))
except OSError as e:
    print(e.strerror)'

	assert_eq Y "$(cat /sys/module/apparmor/parameters/enabled)"
	apparmor_parser -K -r <<-'END'
		profile may { file, capability, network, signal, ptrace, unix, change_profile, }
		profile may-not { file, capability setuid, network, signal, ptrace, unix, change_profile, }
	END
	while read -r profile bare came; do
		assert_eq "${bare//_/ }" "$(python3 -c "$confined" "$profile")"
		assert_eq "${came//_/ }" "$("$V6SHIM" run --reach supervise --policy ipv6-only --log off -- python3 -c "$confined" "$profile")"
	done <<-END
		may 0 1
		may-not Permission_denied Permission_denied
	END
}

@test "no IPv6: who and check say so, and a server starts as it does bare" {
	local reach command order

	for command in who 'check true'; do
		# shellcheck disable=SC2086 # into its words
		assert_match 'no IPv6 socket can be made here' "$("$V6SHIM" $command)"
	done
	for reach in preload supervise; do
		[ $reach = preload ] && order=order=ipv6-first || order=
		cat >"$BATS_TEST_TMPDIR/table" <<-END
			socket tcp6; b socket tcp4; bind 0.0.0.0 P; listen; who tcp 127.0.0.1 P
			bare, policy=both, policy=ipv6-only, policy=default-ipv6-only, on-conflict=resolve -> socket=EAFNOSUPPORT b
			resolve
			bare, policy=both $order -> inet inet6
		END
		TESTS_REACH=$reach rows <"$BATS_TEST_TMPDIR/table"
	done
}
