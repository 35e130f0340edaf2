# shellcheck shell=bash
# rows.bash - tables of socket calls, for test files that load helper first: `load rows`.
#
#   rows [OPTION...] <<-END     runs a table (rows.py); the test fails where a row comes out otherwise

# A version manager's python3 takes longer to start than the rows do to run.
rows() {
	local python=/usr/bin/python3

	[ -x $python ] || python=python3
	require $python
	$python -I "$ROOT/tests/e2e/rows.py" "$@"
}
