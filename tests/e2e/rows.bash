# shellcheck shell=bash
# rows.bash - tables of socket calls, for test files that load helper first: `load rows`.
#
#   rows [OPTION...] <<-END     runs a table (rows.py); the test fails where a row comes out otherwise. With TESTS_TABLES
#                               it goes into that folder instead, to be run elsewhere; the options are the first line
#   quietly                     from here on bats does not look at each command, which takes it most of the time
#   has_mptcp, require_mptcp    whether the kernel has it; skips the test where not
#   require_plain_sysctl

# A version manager's python3 takes longer to start than the rows do to run.
rows() {
	local python=/usr/bin/python3

	if [ -n "${TESTS_TABLES-}" ]; then
		{ echo "$*" && cat; } >"$TESTS_TABLES/$BATS_TEST_NAME"
		return
	fi
	[ -x $python ] || python=python3
	require $python
	$python -I "$ROOT/tests/e2e/rows.py" "$@"
}

quietly() {
	trap - DEBUG
}

has_mptcp() {
	"$PROGRAMS/drive" 'socket mptcp6' | grep -q fd
}

require_mptcp() {
	has_mptcp || skip 'needs a kernel with MPTCP'
}

require_plain_sysctl() {
	[ ! -e /proc/sys/net/ipv6 ] || [ "$(</proc/sys/net/ipv6/bindv6only)" = 0 ] || skip 'the tables are for net.ipv6.bindv6only 0'
}
