#!/usr/bin/env bats
# What any build of the library and the command must do: some seconds, for compilers, flags and
# machines. $V6SHIM_BUILD is that build; tests/cross/machine and tests/long/builds.bats say which.

load ../e2e/helper
bats_require_minimum_version 1.5.0

# serves EXPECTED-V6ONLY tcp|udp [ASKED-V6ONLY] [SETTING...]: what the kernel has for the server's wildcard.
serves() {
	local expected=$1 proto=$2 under=() steps=("socket ${2}6") port

	shift 2
	port=$(free_port)
	case ${1-} in [01]) steps+=("v6only $1") && shift ;; esac
	steps+=("bind :: $port")
	[ "$proto" = udp ] || steps+=(listen)
	[ $# -eq 0 ] || under=(shim "$@" LOG=off --)
	start server --"$proto" "$port" "${under[@]}" "$PROGRAMS/drive" "${steps[@]}" serve
	assert_eq "$expected" "$(kernel_v6only "$proto" "$port")" "${steps[*]} $*"
	stop server
}

@test "a forced policy governs wildcard listeners of TCP and UDP, whatever was asked for" {
	serves 0 tcp
	serves 1 tcp POLICY=ipv6-only
	serves 1 tcp 0 POLICY=ipv6-only
	serves 1 udp 0 POLICY=ipv6-only
	serves 0 tcp 1 POLICY=both
	run -0 "$PROGRAMS/drive" 'socket tcp6' listen get
	assert_line 'get: 0'
	run -0 shim POLICY=ipv6-only LOG=off -- "$PROGRAMS/drive" 'socket tcp6' listen get
	assert_line 'get: 1'
}

@test "a default is the initial value, and what is asked for later wins" {
	serves 1 tcp POLICY=default-ipv6-only
	serves 0 tcp 0 POLICY=default-ipv6-only
}

# bind-order's cells that are refused somewhere, for dual-stack sockets.
refused() {
	"$@" "$EXAMPLES/bind-order" -0 -p "$(free_port)" >"$BATS_TEST_TMPDIR/matrix"
	assert_eq 18 "$(tail -n +2 "$BATS_TEST_TMPDIR/matrix" | wc -l)"
	awk 'NR > 1 && /EADDRINUSE/' "$BATS_TEST_TMPDIR/matrix" | wc -l
}

# FACTS.md 1: of TCP all but those with SO_REUSEPORT, of UDP the plain ones, in either order.
@test "both families get one port in every way there is, and without the library in some" {
	assert_eq 10 "$(refused env)"
	assert_eq 0 "$(refused shim ON_CONFLICT=resolve LOG="$LOG" LOG_FORMAT=json --)"
	# Each of the ten is told, with the holder and what was done (DESIGN.md 1.5); the others are not conflicts
	# of the kernel's, and nothing is done.
	assert_eq $'share 6\nsplit 4' "$(json_records "$LOG" 'select(.action != "none") | .action' |
		tr -d '"' | sort | uniq -c | awk '{ print $2, $1 }')"
	assert_eq 10 "$(json_records "$LOG" 'select(.action != "none" and .finding == "conflict" and .holder.fd >= 0)' |
		wc -l)"
}

@test "the family that order names is listed first, and a bind against it is denied" {
	run -0 "$PROGRAMS/drive" 'lookup -p -s 4321'
	assert_match ': inet ' "${lines[0]}"
	run -0 shim ORDER=ipv6-first LOG=off -- "$PROGRAMS/drive" 'lookup -p -s 4321'
	assert_match ': inet6 ' "${lines[0]}"
	run -0 shim ORDER=ipv6-first ON_DISORDER=deny:EACCES LOG=off -- \
		"$PROGRAMS/drive" 'socket tcp4' "bind 0.0.0.0 $(free_port)"
	assert_match ': EACCES$' "${lines[1]}"
}

@test "settings that do not parse stop every bind, and say so once" {
	run -0 --separate-stderr shim POLICY=ipv6only -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0'
	assert_match ': EINVAL$' "${lines[1]}"
	# shellcheck disable=SC2154 # bats sets it
	assert_match "ipv6only.*ipv6-only" "$stderr"
}

@test "the command reads what the library wrote" {
	shim POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all -- "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' 'bind :: 0' listen >/dev/null
	run -0 "$V6SHIM" report --check "$LOG"
	assert_match 'drive\[[0-9]+\] +policy ipv6-only' "$output"
	assert_match '0 -> 1 +IPv6 +override' "$output"
	run -0 "$V6SHIM" config --policy both
	assert_match 'policy *= *both' "$output"
}
