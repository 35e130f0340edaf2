#!/usr/bin/env bats
# The servers' own scripts.

load driver

@test "shellcheck has nothing to say" {
	require shellcheck
	cd "$SERVERS"
	shellcheck -x ./*.bash ./*.bats markdown
}

@test "every row of the table is run by some page, and no page is without rows" {
	local named run

	named=$(grep -v '^#' "$SERVERS/expected.tsv" | cut -f1 | sort -u)
	run=$(sed -n 's/^\ttable \([a-z-]*\)$/\1/p' "$SERVERS"/*.bats | sort -u)
	assert_eq "$named" "$run"
}
