#!/usr/bin/env bats
# The silent overlap: UDP with SO_REUSEADDR (or SO_REUSEPORT) lets both families bind a port without any
# error, and IPv4 datagrams then go to the IPv4 socket alone (FACTS.md 1). The shim changes nothing about
# it and says so: finding conflict, result 0 (DESIGN.md 1.5, issue 3).

load helper

setup() {
	export LOG=$BATS_TEST_TMPDIR/log.jsonl
}

# datagrams PORT: which socket of bind-all answers datagrams to 127.0.0.1 and to ::1, 20 of each.
datagrams() {
	local family

	for family in 4 6; do
		for _ in {1..20}; do
			reach $family udp "$1" hello
		done | sort | uniq -c | tr -s ' '
	done
}

OWN=' 20 served served by ipv4 socket 0.0.0.0
 20 served served by ipv6 socket ::'

# What is recorded at level change of a log: nothing else than an overlap comes out as a line.
told() {
	[ ! -e "$1" ] || json_records "$1" 'select(.event != "load")
		| [.event, .family, .addr, .action, .finding, .result, .errno, .holder.family, .holder.addr, .holder.v6only]'
}

# steps_tell EXPECTED [NAME=VALUE...] -- STEP...: what the log has of several's steps, none of which fails.
steps_tell() {
	local expected=$1 settings=() said

	shift
	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	rm -f "$LOG"
	said=$(shim "${settings[@]}" LOG="$LOG" -- "$PROGRAMS/several" "$@")
	refute grep -E ': E[A-Z]+$' <<<"$said"
	assert_eq "$expected" "$(told "$LOG")" "${settings[*]} $*"
}

@test "control: without the shim both sockets are bound without an error, and each has its family's datagrams" {
	port=$(free_port)
	start server --says '^serving$' "$EXAMPLES/bind-all" -d -r -v 0 "$port"
	refute grep -E ' E[A-Z]+' <<<"$(stdout_of server)"
	assert_eq $'inet 0.0.0.0\ninet6 :: v6only=0' "$(kernel_listeners udp "$port")"
	assert_eq "$OWN" "$(datagrams "$port")"
}

@test "in both orders the second bind is a record, nothing is changed, and the datagrams go as without the shim" {
	for order in ipv4-first ipv6-first; do
		port=$(free_port)
		rm -f "$LOG"
		start server --says '^serving$' shim ORDER=$order LOG="$LOG" -- "$EXAMPLES/bind-all" -d -r -v 0 "$port"
		assert_eq $'inet 0.0.0.0\ninet6 :: v6only=0' "$(kernel_listeners udp "$port")"
		assert_eq "$OWN" "$(datagrams "$port")"
		want='["bind","inet6","::","none","conflict",0,null,"inet","0.0.0.0",null]'
		[ $order = ipv4-first ] || want='["bind","inet","0.0.0.0","none","conflict",0,null,"inet6","::",0]'
		assert_eq "$want" "$(told "$LOG" | grep -v getaddrinfo)"
		# The holder is the first socket, by its own descriptor, and the note is one for a person.
		assert_eq "[$(pid_of server),\"bind-all\",true]" \
			"$(json_records "$LOG" 'select(.finding == "conflict") | [.holder.pid, .holder.program, .holder.fd < .fd]')"
		assert_match 'IPv4 datagrams go to the IPv4 socket' \
			"$(json_records "$LOG" 'select(.finding == "conflict") | .note')"
		stop server
	done
}

@test "whatever on-conflict says there is nothing to resolve: no error, no option changed" {
	for on_conflict in fail resolve share share-ipv6; do
		for mode in enforce log; do
			port=$(free_port)
			steps_tell '["bind","inet6","::","none","conflict",0,null,"inet","0.0.0.0",null]' \
				ON_CONFLICT=$on_conflict MODE=$mode -- 'a socket udp4' 'a reuseaddr' "a bind 0.0.0.0 $port" \
				'b socket udp6' 'b v6only 0' 'b reuseaddr' "b bind :: $port"
			assert_eq "\"$mode\"" "$(json_records "$LOG" 'select(.finding == "conflict") | .mode')"
		done
		assert_eq 'show: a=-/0 b=0/0' "$(shim ON_CONFLICT=$on_conflict LOG=off -- "$PROGRAMS/several" \
			'a socket udp4' 'a reuseaddr' "a bind 0.0.0.0 $port" \
			'b socket udp6' 'b v6only 0' 'b reuseaddr' "b bind :: $port" show | tail -n 1)"
	done
}

@test "SO_REUSEPORT instead, and 127.0.0.1 instead of 0.0.0.0, overlap as well" {
	port=$(free_port)
	steps_tell '["bind","inet6","::","none","conflict",0,null,"inet","0.0.0.0",null]' -- \
		'a socket udp4' 'a reuseport' "a bind 0.0.0.0 $port" 'b socket udp6' 'b v6only 0' 'b reuseport' "b bind :: $port"
	port=$(free_port)
	steps_tell '["bind","inet","127.0.0.1","none","conflict",0,null,"inet6","::",0]' -- \
		'b socket udp6' 'b v6only 0' 'b reuseaddr' "b bind :: $port" 'a socket udp4' 'a reuseaddr' "a bind 127.0.0.1 $port"
}

@test "no record where V6ONLY is 1, asked for or forced" {
	for settings in POLICY=app POLICY=ipv6-only POLICY=default-ipv6-only; do
		ask='b v6only 1'
		[ $settings = POLICY=app ] || ask='b reuseaddr'
		port=$(free_port)
		rm -f "$LOG"
		shim $settings LOG="$LOG" -- "$PROGRAMS/several" 'a socket udp4' 'a reuseaddr' "a bind 0.0.0.0 $port" \
			'b socket udp6' "$ask" 'b reuseaddr' "b bind :: $port" >/dev/null
		refute grep -F '"conflict"' "$LOG"
		port=$(free_port)
		shim $settings LOG="$LOG" -- "$PROGRAMS/several" 'b socket udp6' "$ask" 'b reuseaddr' "b bind :: $port" \
			'a socket udp4' 'a reuseaddr' "a bind 0.0.0.0 $port" >/dev/null
		refute grep -F '"conflict"' "$LOG"
	done
}

@test "no record for different ports, for ::1 beside 0.0.0.0, for TCP, and for TCP beside UDP" {
	port=$(free_port)
	other=$(free_port)
	v4=('a socket udp4' 'a reuseaddr' "a bind 0.0.0.0 $port")
	steps_tell '' -- "${v4[@]}" 'b socket udp6' 'b v6only 0' 'b reuseaddr' "b bind :: $other"
	steps_tell '' -- "${v4[@]}" 'b socket udp6' 'b v6only 0' 'b reuseaddr' "b bind ::1 $port"
	steps_tell '' -- "${v4[@]}" 'b socket tcp6' 'b v6only 0' 'b reuseaddr' "b bind :: $port" 'b listen'
	# TCP with SO_REUSEADDR: both are bound, and the conflict comes at listen, where it is an error.
	steps_tell '' -- 'a socket tcp4' 'a reuseaddr' "a bind 0.0.0.0 $port" \
		'b socket tcp6' 'b v6only 0' 'b reuseaddr' "b bind :: $port"
	# Two of one family are no overlap of families.
	steps_tell '' -- "${v4[@]}" 'b socket udp4' 'b reuseaddr' "b bind 0.0.0.0 $port"
	steps_tell '' -- 'a socket udp6' 'a v6only 0' 'a reuseaddr' "a bind :: $port" \
		'b socket udp6' 'b v6only 0' 'b reuseaddr' "b bind :: $port"
}

@test "no record once the first socket is closed: the kernel is asked, not a memory" {
	port=$(free_port)
	steps_tell '' -- 'a socket udp4' 'a reuseaddr' "a bind 0.0.0.0 $port" 'a close' \
		'b socket udp6' 'b v6only 0' 'b reuseaddr' "b bind :: $port"
	steps_tell '' -- 'b socket udp6' 'b v6only 0' 'b reuseaddr' "b bind :: $port" 'b close' \
		'a socket udp4' 'a reuseaddr' "a bind 0.0.0.0 $port"
}

@test "without the option UDP's conflict is an error, and no overlap" {
	port=$(free_port)
	shim LOG="$LOG" -- "$PROGRAMS/several" 'a socket udp4' "a bind 0.0.0.0 $port" 'b socket udp6' 'b v6only 0' "b bind :: $port" >/dev/null
	assert_eq '["bind","inet6","::","none","conflict",-1,"EADDRINUSE","inet","0.0.0.0",null]' "$(told "$LOG")"
}

@test "policy=both makes the overlap itself, and the record says both" {
	port=$(free_port)
	rm -f "$LOG"
	shim POLICY=both LOG="$LOG" -- "$PROGRAMS/several" 'a socket udp4' 'a reuseaddr' "a bind 0.0.0.0 $port" \
		'b socket udp6' 'b v6only 1' 'b reuseaddr' "b bind :: $port" show \
		"who udp 127.0.0.1 $port" "who udp ::1 $port" >"$BATS_TEST_TMPDIR/said"
	assert_eq "show: a=-/0 b=0/0
who udp 127.0.0.1 $port: a
who udp ::1 $port: b" "$(tail -n 3 "$BATS_TEST_TMPDIR/said")"
	assert_eq '["bind","inet6","::","override","conflict",0,null,"inet","0.0.0.0",null]' "$(told "$LOG" | grep -v setsockopt)"
}
