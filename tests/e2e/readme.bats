#!/usr/bin/env bats
# What the README shows is what comes of it: its sessions are typed anew, its words are the program's.

load helper

# sessions DOCUMENT: console.py in a network and a process namespace of its own, in a folder of its own that has what
# the README's reader has: a server that takes every address it gets, a JVM program, two configurations.
sessions() {
	mkdir "$DIR/work" "$DIR/bin"
	cp "$ROOT"/tests/e2e/readme/* "$DIR/work"
	ln -s "$EXAMPLES/bind-all" "$DIR/bin/legacyd"
	ln -s "$EXAMPLES/dual-echo" "$DIR/bin/dual-echo"
	ln -s "$V6SHIM" "$LIB" "$DIR/bin"
	# shellcheck disable=SC2016 # for the shell inside
	run env -C "$DIR/work" PATH="$DIR/bin:$PATH" unshare -n -p -f --kill-child --mount-proc bash -c '
		ip link set lo up && exec python3 "$@"' sessions "$ROOT/tests/e2e/console.py" "$1" "$BUILD=/usr/local/lib"
}

require_sessions() {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	require nginx java javac curl python3
}

@test "the sessions of the README print what it says" {
	require_sessions
	sessions "$ROOT/README.md"
	assert_status 0
	assert_line "$(grep -c '^```console$' "$ROOT/README.md") sessions, 0 differ"
}

@test "a session that prints something else is found: the control" {
	require_sessions
	printf '%s\n' '```console' '$ dual-echo 0 >port &' "\$ v6shim who 0 2>&1 | head -c 6" 'v6shim' '```' >"$DIR/right"
	sed 's/^v6shim$/v7shim/' "$DIR/right" >"$DIR/wrong"
	sessions "$DIR/right"
	assert_status 0
	rm -r "${DIR:?}"/{work,bin}
	sessions "$DIR/wrong"
	assert_status 1
	assert_line '-v7shim'
	assert_line '+v6shim'
}

# What the program takes: `policy ipv6-only`, a line for each setting and for each word of it.
settings() {
	"$V6SHIM" run --help | sed -E 's/^  -., /  /' | awk '/^settings, each/ { on = 1 } on && /^  --/ { name = substr($1, 3); print name }
		/^      [^ ]/ && name { for (i = 1; i <= NF; i++) print name, $i == "/PATH" ? "%p" : $i }
		/^[^ ]/ { name = "" }'
}

# The rows of the README's table, `policy`, and what stands beside it.
rows() {
	sed -nE "/^## The settings/,/^## [^T]/s/^\| \`([a-z-]+)\` \|/\1/p" "$ROOT/README.md"
}

@test "the table of the settings has each of them, with every word that it takes" {
	assert_eq "$(settings | cut -d ' ' -f 1 | sort -u)" "$(rows | cut -d ' ' -f 1 | sort -u)"
	while read -r name word; do
		rows | grep -E "^$name " | grep -qF "\`$word${word:+\`}" || fail "$name: no \`$word'"
	done <<<"$(settings)"
}
