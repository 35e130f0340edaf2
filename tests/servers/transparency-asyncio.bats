#!/usr/bin/env bats
# CPython's longest suite, the same under the shim as bare: see transparency.bash.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load transparency

@test "CPython's test_asyncio: the same under the shim" {
	cpython test_asyncio 900
}
