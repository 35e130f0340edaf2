#!/usr/bin/env bats
# The suites of CPython and twisted, the same under the shim as bare: see transparency.bash.
#
# Variables are shared with driver.bash.
# shellcheck disable=SC2034,SC2154

load transparency

@test "CPython's test_socket: the same under the shim" {
	cpython test_socket 300
}

# The module as a whole asks for leave to use the network; loopback is all that it uses.
@test "CPython's test_socketserver: the same under the shim" {
	cpython test_socketserver 10 -u network
}

@test "twisted's TCP and UDP tests: the same under the shim" {
	[ -e /usr/lib/python3/dist-packages/twisted/internet/test/test_tcp.py ] || skip 'needs python3-twisted'
	require jq
	compare 500 -m unittest -v twisted.internet.test.test_tcp twisted.internet.test.test_udp
}
