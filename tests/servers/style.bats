#!/usr/bin/env bats
# The servers' own scripts, and their table.

load driver

@test "shellcheck has nothing to say" {
	require shellcheck
	cd "$SERVERS"
	shellcheck -x ./*.bash ./*.bats
}

@test "every row of the table is run by some page, with a word for each setting, and no page is without rows" {
	assert_eq "$(grep -v '^#' "$SERVERS/expected.tsv" | cut -f1 | sort)" \
		"$(sed -E '/^#/d; s/(the|create) table//' "$SERVERS"/*.bats | grep -oE '(table|dns|outside) [a-z][a-z0-9-]+' | cut -d ' ' -f 2 | sort)"
	assert_eq "$(printf '%s\n' server own "${SETTINGS[@]}" comment | paste -s)" \
		"$(sed -n 's/^# \(server\t\)/\1/p' "$SERVERS/expected.tsv")"
	assert_eq 11 "$(grep -v '^#' "$SERVERS/expected.tsv" | awk -F '\t' '{ print NF }' | sort -u)"
}

@test "the README has the table as a run that found nothing wrong writes it" {
	assert_eq "$(grep -v '^#' "$SERVERS/expected.tsv" | awk -F '\t' '{ printf "| %s", $1; for (i = 3; i <= 10; i++)
		printf " | %s ✓", $i == "none" ? "does not start" : $i; print " |" }')" "$(grep '✓ |$' "$SERVERS/README.md")"
}
