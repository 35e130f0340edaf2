#!/usr/bin/env bats
# The demo shows the main job on real servers, can fail, and leaves nothing.

load helper

setup() {
	mkdir "$DIR/tmp"
	export TMPDIR=$DIR/tmp
	# The table's rows for bare servers are for a kernel with its usual default.
	[ "$(</proc/sys/net/ipv6/bindv6only)" = 0 ] || skip 'net.ipv6.bindv6only is 1 here'
}

demo() {
	run env DEMO_BUILD="${1-$BUILD}" "$ROOT/examples/demo"
}

# A build directory of the demo's own: what it needs, and nothing else.
private_build() {
	mkdir -p "$DIR/build/examples" "$DIR/build/tests/programs"
	cp "$V6SHIM" "$LIB" "$DIR/build"
	cp "$EXAMPLES"/{dual-echo,bind-order} "$DIR/build/examples"
	cp "$PROGRAMS/reach" "$DIR/build/tests/programs"
}

# The word that a row of the table ends with, for the clients over IPv4 and IPv6.
row() {
	sed -n "s/^  $1  *\([a-z]*\)  *\([a-z]*\)$/\1 \2/p" <<<"$output"
}

nothing_remains() {
	assert_eq '' "$(ls -A "$DIR/tmp")"
	assert_eq '' "$(pgrep -f -- "$DIR/" || :)"
}

@test "the table is what the policies promise, the records stand under it, and the exit status is 0" {
	require python3
	private_build
	demo "$DIR/build"
	assert_status 0
	while IFS='|' read -r name expected; do
		assert_eq "$expected" "$(row "$name")" "$name"
	done <<-'END'
		bare: it asks for nothing|served served
		policy=ipv6-only: V6ONLY is 1 at bind|refused served
		bare: it asks for V6ONLY 1|refused served
		policy=both: it asks for 1, at bind it is 0|served served
		bare: it asks for V6ONLY 0|served served
		policy=ipv6-only: it asks for 0, at bind it is 1|refused served
		policy=both: 0, which it asks for anyway|served served
	END
	assert_match 'v6shim dual-echo\[[0-9]+\]: bind tcp \[::\]:0 fd [0-9]+: V6ONLY 0 -> 1 \(policy ipv6-only\)' "$output"
	assert_match 'bind tcp \[::\]:0 fd [0-9]+: V6ONLY 1 -> 0 \(policy both; the application asked for 1\)' "$output"
	assert_match 'v6shim python3[0-9.]*\[[0-9]+\]: bind tcp .* V6ONLY 0 -> 1 \(policy ipv6-only; the application asked for 0\)' \
		"$output"
	assert_line 'Every client met what the policy promises.'
	[ "$(wc -l <<<"$output")" -le 60 ]
	nothing_remains
}

@test "it needs a shell and what make demo builds, and says what it skips" {
	private_build
	mkdir "$DIR/bin"
	for tool in sh env sed head cat grep mktemp rm mkdir dirname timeout sleep; do
		ln -s "$(command -v $tool)" "$DIR/bin"
	done
	PATH=$DIR/bin demo "$DIR/build"
	assert_status 0
	assert_eq 'refused served' "$(row 'policy=ipv6-only: V6ONLY is 1 at bind')"
	assert_match 'Skipped: .*python3' "$output"
	nothing_remains
}

@test "a library that does nothing fails it" {
	require cc
	private_build
	version=$("$V6SHIM" --version)
	echo "const char v6shim_test[] = \"v6shim library, version ${version#v6shim }\";" |
		cc -shared -x c -Wl,--no-as-needed -o "$DIR/build/libv6shim.so" -
	demo "$DIR/build"
	assert_status 1
	assert_match 'V6ONLY is 1 at bind +served +served +NOT AS PROMISED: refused, served' "$output"
	assert_match 'at bind it is 0 +refused +served +NOT AS PROMISED: served, served' "$output"
	assert_eq 10 "$(sed -n '/^Both families/,/^$/p' <<<"$output" | grep -c 'NOT AS PROMISED')"
	assert_line 'Not every client met what the policy promises.'
	nothing_remains
}

@test "a server that does not start fails it, with its words" {
	private_build
	printf '#!/bin/sh\necho "cannot: no such thing" >&2\nexit 4\n' >"$DIR/build/examples/dual-echo"
	demo "$DIR/build"
	assert_status 1
	assert_line 'cannot: no such thing'
	nothing_remains
}

@test "what is not built is named" {
	demo "$DIR/none"
	assert_status 1
	assert_line "demo: $DIR/none/v6shim is missing: run make demo"
	nothing_remains
}

@test "the settings of who runs it do not disturb it" {
	V6SHIM_POLICY=both V6SHIM_NONSENSE=1 LD_PRELOAD=$LIB demo
	assert_status 0
	assert_line 'Every client met what the policy promises.'
}

@test "stopped in the middle it leaves neither a server nor a file" {
	private_build
	# A client that takes its time, so that a server is there.
	printf '#!/bin/sh\nsleep 1\n' >"$DIR/build/tests/programs/reach"
	for signal in TERM HUP; do
		start demo --says '127\.0\.0\.1' env DEMO_BUILD="$DIR/build" "$ROOT/examples/demo"
		wait_for 5 pgrep -f -- "$DIR/build/examples/dual-echo"
		kill -$signal "$(pid_of demo)"
		wait_for 5 refute is_running demo 2>/dev/null
		assert_line "ended exit $((128 + $(kill -l $signal)))" "$(<"$DIR/demo.report")"
		stop demo
		nothing_remains
	done
}

@test "make demo builds what it needs, and no more, and runs it" {
	run env -u MAKEFLAGS -u MFLAGS make -C "$ROOT" --no-print-directory "BUILD=$DIR/build" demo
	assert_status 0
	assert_line 'Every client met what the policy promises.'
	assert_eq 'reach' "$(cd "$DIR/build/tests/programs" && find . -type f ! -name '*.d' | sed 's/.*\///')"
	nothing_remains
}
