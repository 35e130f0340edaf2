#!/usr/bin/env bats
# The fuzz targets for the interposed calls and for the files that the command reads: they run clean, and
# they would find a defect. And what holds of all targets.

load ../e2e/helper
load fuzz_targets

setup_file() {
	build_targets calls programs report settings config record diag
}

@test "the calls, through the shim and bare: nothing is found" {
	require_netns
	runs_clean calls
}

@test "programs and scripts: nothing is found" {
	runs_clean programs
}

@test "report as a whole: nothing is found" {
	runs_clean report
}

@test "the calls: an errno that is not put back is found" {
	require_netns
	finds calls shim/preload/govern.c 's/errno = c->error ? c->error : c->saved;/errno = c->error;/'
}

@test "the calls: a mode=log that acts is found" {
	require_netns
	finds calls shim/preload/govern.c 's/if (c\.verdict\.deny \&\& v6_call_enforcing(\&c)) {/if (c.verdict.deny) {/'
}

@test "the calls: an address that is read before the kernel has is found" {
	require_netns
	finds calls shim/preload/govern.c 's/if (v6_live\.acts \&\& plausible(addr))/if (plausible(addr))/'
}

@test "the calls: a conflict of the policy's own making that costs a bind is found" {
	require_netns
	finds calls shim/core/conflict.c 's/yield = f->made || f->own_other_made/yield = false/'
}

@test "the calls: V6ONLY that is not undone is found, by the input that found it" {
	require_netns
	finds calls shim/preload/govern.c 's/ \&\& v6_live\.mapped \&\& !c\.applied)/ \&\& v6_live.mapped)/' undone-after-einval
}

@test "the calls: an address of no family that IPv4 takes is found, by the input that found it" {
	require_netns
	finds calls shim/preload/govern.c 's/if (in\.sin_family != AF_UNSPEC ||/if (true ||/' yield-to-af-unspec
}

@test "programs and scripts: a script shorter than what is read of it is found" {
	finds programs shim/command/script.c 's/len < sizeof(line) ? len : sizeof(line)/len ? sizeof(line) : len/'
}

@test "programs and scripts: a library's name that is longer than its place is found" {
	finds programs shim/command/elf.c '/^static enum v6_libc needed_libc/,/^}/s/name, NAME_SIZE)/name, NAME_SIZE + 1)/'
}

@test "report as a whole: a control character that is shown is found" {
	finds report shim/core/text.c '/^void v6_text_safe/,/^}/s/< 0x20/< 0x01/'
}

@test "every target runs all that is kept for it" {
	require_netns
	run "$ROOT/tests/fuzz/run" -b "$FUZZ" -t 0
	assert_status 0
	for source in "$ROOT"/tests/fuzz/*.c; do
		name=$(basename "$source" .c)
		[ "$(inputs_of "$(row "$name")")" -ge "$(kept_inputs "$name")" ] || fail "$name: $output"
		[ "$(kept_inputs "$name")" -gt 0 ] || fail "nothing is kept for $name"
	done
}

@test "a target that is not built, bad usage, and a folder that is no target's are told" {
	run "$ROOT/tests/fuzz/run" -b "$BATS_TEST_TMPDIR" -t 0 diag
	assert_status 2
	assert_line "tests/fuzz/run: $BATS_TEST_TMPDIR/diag is missing: make fuzz"
	run "$ROOT/tests/fuzz/run" -t soon diag
	assert_status 2
	for folder in "$ROOT"/tests/fuzz/corpus/* "$ROOT"/tests/fuzz/crashes/*; do
		[ -f "$ROOT/tests/fuzz/${folder##*/}.c" ] || fail "$folder is no target's"
	done
}

@test "the scripts are clean to shellcheck" {
	require shellcheck
	shellcheck "$ROOT/tests/fuzz/run" "$ROOT/tests/fuzz/compiler"
}

@test "without a compiler that has a fuzzer it is said what to install" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	for tool in bash cat mktemp rm; do
		ln -s "$(command -v "$tool")" "$BATS_TEST_TMPDIR/bin"
	done
	printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/clang"
	chmod +x "$BATS_TEST_TMPDIR/bin/clang"
	run env PATH="$BATS_TEST_TMPDIR/bin" "$ROOT/tests/fuzz/compiler"
	assert_status 1
	assert_match 'no compiler with libFuzzer .*, nor AFL\+\+ .afl-clang-fast, package afl\+\+' "$output"
}
