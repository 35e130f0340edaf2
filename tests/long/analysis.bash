# shellcheck shell=bash
# analysis.bash - what the tests of static analysers have in common.
#
# What `run` sets is read here.
# shellcheck disable=SC2154

load ../e2e/helper
bats_require_minimum_version 1.5.0

# clean TARGET: makes it, and nothing is found.
clean() {
	run env -u MAKEFLAGS -u MAKELEVEL make -s -C "$ROOT" "$1"
	assert_status 0
	assert_eq '' "$(grep -v '^  [A-Z]* ' <<<"$output")"
}
