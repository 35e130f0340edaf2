#!/usr/bin/env bats
# What mode=log says beforehand is what enforce then does (DESIGN.md 1.6): every combination of predict.py.

load ../e2e/helper

predict() {
	in_netns /usr/bin/python3 "$ROOT/tests/long/predict.py" "$@" "$V6SHIM" "$LIB" "$PROGRAMS/drive"
}

@test "mode=log tells what enforce comes to, for each pair of sockets under each setting" {
	require_netns
	predict --shown
}

@test "control: records that do not say what enforce would do are found out" {
	require_netns
	run predict --blind --every 7
	[ "$status" = 1 ]
	[[ ${lines[-1]} =~ ^([0-9]+)\ of\ 1[0-9]+\ wrong ]] && ((BASH_REMATCH[1] > 30))
}
