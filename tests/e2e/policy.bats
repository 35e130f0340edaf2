#!/usr/bin/env bats
# Each policy, each kind of socket, whatever the application asks for: what the kernel then says of the
# socket (getsockopt, sock_diag), and which clients get in. `bare` is the control without the shim.

load helper

# Kinds of sockets: name, class, protocol of its clients, how serve is told.
kinds() {
	cat <<-END
		stream              governed  tcp  -p 0
		stream-port         governed  tcp  -p PORT
		stream-listen       governed  tcp  -L
		dgram-port          governed  udp  -u -p PORT
		dgram               client    udp  -u -p 0
		stream-single       single    tcp  -a ::1 -p 0
		stream-single-port  single    tcp  -a ::1 -p PORT
		dgram-single-port   single    udp  -u -a ::1 -p PORT
		stream-mapped       mapped    tcp  -a ::ffff:127.0.0.1 -p 0
		stream-mapped-port  mapped    tcp  -a ::ffff:127.0.0.1 -p PORT
		dgram-mapped-port   mapped    udp  -u -a ::ffff:127.0.0.1 -p PORT
		inet                inet      tcp  -4 -p 0
		inet-port           inet      tcp  -4 -p PORT
		inet-listen         inet      tcp  -4 -L
		inet-dgram-port     inet      udp  -4 -u -p PORT
	END
}

mptcp_kinds() {
	cat <<-END
		mptcp               governed  tcp  -P mptcp -p 0
		mptcp-port          governed  tcp  -P mptcp -p PORT
		mptcp-listen        governed  tcp  -P mptcp -L
		mptcp-single        mpsingle  tcp  -P mptcp -a ::1 -p 0
		mptcp-mapped        mapped    tcp  -P mptcp -a ::ffff:127.0.0.1 -p 0
		mptcp-inet          inet      tcp  -4 -P mptcp -p 0
	END
}

# V6ONLY as the kernel has it in the end / the families that get in; CALL=ERROR where it came to nothing.
# Three columns: the application asks for nothing (-), for 0, for 1. DESIGN.md 1.2 and 1.3; what the kernel
# does by itself with single and mapped addresses, FACTS.md 1.
outcomes() {
	cat <<-END
		policy             class     -            0                  1
		bare               governed  0/46         0/46               1/6
		app                governed  0/46         0/46               1/6
		ipv6-only          governed  1/6          1/6                1/6
		both               governed  0/46         0/46               0/46
		default-ipv6-only  governed  1/6          0/46               1/6
		default-both       governed  0/46         0/46               1/6
		bare               client    0/46         0/46               1/6
		app                client    0/46         0/46               1/6
		ipv6-only          client    0/46         0/46               1/6
		both               client    0/46         0/46               1/6
		default-ipv6-only  client    1/6          0/46               1/6
		default-both       client    0/46         0/46               1/6
		bare               single    1/6          1/6                1/6
		app                single    1/6          1/6                1/6
		ipv6-only          single    1/6          1/6                1/6
		both               single    1/6          1/6                1/6
		default-ipv6-only  single    1/6          1/6                1/6
		default-both       single    1/6          1/6                1/6
		bare               mpsingle  0/6          0/6                1/6
		app                mpsingle  0/6          0/6                1/6
		ipv6-only          mpsingle  0/6          0/6                1/6
		both               mpsingle  0/6          0/6                1/6
		default-ipv6-only  mpsingle  1/6          0/6                1/6
		default-both       mpsingle  0/6          0/6                1/6
		bare               mapped    0/4          0/4                bind=EINVAL
		app                mapped    0/4          0/4                bind=EINVAL
		ipv6-only          mapped    0/4          0/4                bind=EINVAL
		both               mapped    0/4          0/4                bind=EINVAL
		default-ipv6-only  mapped    bind=EINVAL  0/4                bind=EINVAL
		default-both       mapped    0/4          0/4                bind=EINVAL
		bare               inet      -/4          V6ONLY=ENOPROTOOPT V6ONLY=ENOPROTOOPT
		app                inet      -/4          V6ONLY=ENOPROTOOPT V6ONLY=ENOPROTOOPT
		ipv6-only          inet      -/4          V6ONLY=ENOPROTOOPT V6ONLY=ENOPROTOOPT
		both               inet      -/4          V6ONLY=ENOPROTOOPT V6ONLY=ENOPROTOOPT
		default-ipv6-only  inet      -/4          V6ONLY=ENOPROTOOPT V6ONLY=ENOPROTOOPT
		default-both       inet      -/4          V6ONLY=ENOPROTOOPT V6ONLY=ENOPROTOOPT
		both,bindv6only=1  governed  0/46         0/46               0/46
		both,bindv6only=1  client    1/6          0/46               1/6
		both,bindv6only=1  single    1/6          1/6                1/6
		both,bindv6only=1  mapped    bind=EINVAL  0/4                bind=EINVAL
		both,bindv6only=1  inet      -/4          V6ONLY=ENOPROTOOPT V6ONLY=ENOPROTOOPT
	END
}

# What is recorded at level change, in that order; BIND stands for the call that gives the socket its
# port, bind or listen. Only where something was changed or found (DESIGN.md 1.3, 1.6).
records() {
	cat <<-END
		policy             class     -           0                                    1
		app                governed  nothing     nothing                              nothing
		ipv6-only          governed  BIND=set    setsockopt=contrary,BIND=override    nothing
		both               governed  nothing     nothing                              setsockopt=contrary,BIND=override
		default-ipv6-only  governed  socket=set  socket=set,setsockopt=contrary       socket=set
		default-both       governed  nothing     nothing                              setsockopt=contrary
		app                other     nothing     nothing                              nothing
		ipv6-only          other     nothing     setsockopt=contrary                  nothing
		both               other     nothing     nothing                              setsockopt=contrary
		default-ipv6-only  other     socket=set  socket=set,setsockopt=contrary       socket=set
		default-both       other     nothing     nothing                              setsockopt=contrary
	END
}

# cell TABLE POLICY CLASS COLUMN: sets CELL; the columns are -, 0 and 1.
cell() {
	local policy class cells

	while read -r policy class cells; do
		[ "$policy $class" = "$2 $3" ] || continue
		# shellcheck disable=SC2086 # into its words
		set -- "$4" $cells
		case $1 in
		-) CELL=$2 ;;
		0) CELL=$3 ;;
		1) CELL=$4 ;;
		esac
		return
	done < <("$1")
	fail "no row in $1: $2 $3"
}

setup() {
	# in_netns hands on functions, and of the variables those that are exported.
	export DIR=$BATS_TEST_TMPDIR
	sysctl=$(</proc/sys/net/ipv6/bindv6only)
	[ "$sysctl" = 0 ] || skip "the tables are for net.ipv6.bindv6only 0, here it is $sysctl"
}

# bats looks at every command of a test to be able to say where it failed. Here that is most of the time,
# and the assertions say what is wrong.
quietly() {
	trap - DEBUG
}

# serve_each KINDS POLICY [NAME=VALUE]...: a server for each kind and each thing asked for. Its output is
# $DIR/KIND,ASKED.out; LOG=%FILE stands for a log of its own, $DIR/KIND,ASKED.jsonl.
serve_each() {
	local kinds=$1 policy=$2 kind class proto options asked port id settings words

	shift 2
	rm -f "$DIR"/*.out "$DIR"/*.jsonl
	quietly
	while read -r kind class proto options; do
		for asked in - 0 1; do
			id=$DIR/$kind,$asked
			settings=()
			[ "$policy" = bare ] || settings=(shim "POLICY=$policy" "${@/#LOG=%FILE/LOG=$id.jsonl}" --)
			port=0
			[[ $options != *PORT* ]] || port=$(free_port)
			read -ra words <<<"${options/PORT/$port}"
			[ $asked = - ] || words+=(-v "$asked")
			resolve "${settings[@]}" "$PROGRAMS/serve" "${words[@]}"
			printf '%q ' "${COMMAND[@]}"
			printf '>%q 2>&1 &\n' "$id.out"
		done
	done < <("$kinds") >"$DIR/servers"
	printf 'echo up\nwait\n' >>"$DIR/servers"
	start servers --says '^up$' bash "$DIR/servers"
	wait_for 10 have_told || fail "not all have come so far: $(tail -n 3 "$DIR"/*.out)"
}

# A server has told all when it serves, or when a call of it failed.
have_told() {
	[ "$(grep -lE '^ready$|^[a-zA-Z0-9 ]* E[A-Z0-9]+$' "$DIR"/*.out | wc -l)" -eq "$(grep -c 'out 2>&1' "$DIR/servers")" ]
}

# observe FILE PROTO OPTIONS: sets CELL from the server's own getsockopt, from sock_diag and from real clients.
observe() {
	local line listener family got who='' v6only='' port='' failed=''

	while read -r line; do
		case $line in
		"port "*) port=${line#port } ;;
		"v6only "*) v6only=${line#v6only } ;;
		*" E"*) failed=${line%% *}=${line##* } ;;
		esac
	done <"$1"
	CELL=$failed
	[ -z "$failed" ] || return 0
	case $3 in
	*-4*) listener='inet 0.0.0.0' ;;
	# The kernel sets V6ONLY itself, of MPTCP on the subflow alone.
	*::1*) listener='inet6 ::1 v6only=1' ;;
	*-a*) listener="inet6 ::ffff:127.0.0.1 v6only=$v6only" ;;
	*) listener="inet6 :: v6only=$v6only" ;;
	esac
	got=$(kernel_listeners "$2" "$port")
	[ "$got" = "$listener" ] || who="[sock_diag: $got]"
	for family in 4 6; do
		got=$(reach $family "$2" "$port" hello)
		case $got in
		"served ipv$family") who+=$family ;;
		refused) ;;
		*) who+="[IPv$family: $got]" ;;
		esac
	done
	CELL=$v6only/$who
}

# assert_outcomes KINDS POLICY: of the servers that run; the row of the table is POLICY's.
assert_outcomes() {
	local kind class proto options asked expected='' actual=''

	while read -r kind class proto options; do
		for asked in - 0 1; do
			cell outcomes "$2" "$class" $asked
			expected+="$kind $asked $CELL"$'\n'
			observe "$DIR/$kind,$asked.out" "$proto" "$options"
			actual+="$kind $asked $CELL"$'\n'
		done
	done < <("$1")
	[ -n "$expected" ]
	assert_eq "$expected" "$actual" "policy $2: kind, asked, V6ONLY/who gets in"
}

# assert_records KINDS POLICY MODE: what the servers' logs hold of changes and findings.
assert_records() {
	local kind class proto options asked row expected=''

	while read -r kind class proto options; do
		[ "$class" != inet ] || continue
		row=other
		[ "$class" != governed ] || row=governed
		for asked in - 0 1; do
			cell records "$2" $row $asked
			[[ $options != *-L* ]] || CELL=${CELL/BIND/listen}
			expected+="$kind,$asked ${CELL/BIND/bind}"$'\n'
		done
	done < <("$1")
	assert_eq "$(sort <<<"${expected%$'\n'}")" "$(told "$3")" "policy $2, mode $3: kind, asked, records"
}

# told MODE: for each server the events whose action or finding is not none. What is not of this MODE, or
# changed in spite of mode=log, says so.
told() {
	jq -rn --arg mode "$1" '
		reduce inputs as $r ({};
			.[input_filename | sub(".*/"; "") | sub(".jsonl$"; "")] += [$r
				| select(.action != "none" or .finding != "none")
				| .event + "=" + ([.action, .finding | select(. != "none")] | join("+"))
				+ if .mode == $mode then "" else "[mode \(.mode)]" end
				+ if .mode == "log" and .event != "setsockopt" and .before != .after then "[changed]"
				  else "" end])
		| to_entries[] | select(.key | contains("inet") | not)
		| .key + " " + if .value == [] then "nothing" else .value | join(",") end' "$DIR"/*.jsonl | sort
}

# policy_is POLICY [KINDS]: with the log off, where the shim asks the kernel for next to nothing, and with
# all of it on.
policy_is() {
	serve_each "${2-kinds}" "$1" LOG=off
	assert_outcomes "${2-kinds}" "$1"
	stop servers
	serve_each "${2-kinds}" "$1" LOG=%FILE LOG_LEVEL=all
	assert_outcomes "${2-kinds}" "$1"
	assert_records "${2-kinds}" "$1" enforce
	stop servers
}

@test "control: without the shim the kernel and the application decide" {
	serve_each kinds bare
	assert_outcomes kinds bare
}

@test "policy=app: as without the shim" {
	policy_is app
}

@test "policy=ipv6-only: every governed bind is IPv6 alone, whatever was asked; all else is as without" {
	policy_is ipv6-only
}

@test "policy=both: every governed bind serves both families, whatever was asked; all else is as without" {
	policy_is both
}

@test "policy=default-ipv6-only: V6ONLY starts as 1, and what the application asks for wins" {
	policy_is default-ipv6-only
}

@test "policy=default-both: V6ONLY starts as 0, and what the application asks for wins" {
	policy_is default-both
}

@test "MPTCP is governed as TCP is, under every policy" {
	"$PROGRAMS/serve" -x -P mptcp >/dev/null || skip 'needs a kernel with MPTCP'
	serve_each mptcp_kinds bare
	assert_outcomes mptcp_kinds bare
	stop servers
	for policy in app ipv6-only both default-ipv6-only default-both; do
		policy_is $policy mptcp_kinds
	done
}

# ---- beside the sysctl

# under_sysctl ROW POLICY: on a host with bindv6only=1, POLICY gives what the table's ROW says.
under_sysctl() {
	echo 1 >/proc/sys/net/ipv6/bindv6only
	serve_each kinds "$2" LOG=off
	assert_outcomes kinds "$1"
}

@test "default-ipv6-only is for one process what net.ipv6.bindv6only=1 is for a host" {
	require_netns
	in_netns under_sysctl default-ipv6-only bare
	serve_each kinds default-ipv6-only LOG=off
	assert_outcomes kinds default-ipv6-only
}

@test "default-both and both win over net.ipv6.bindv6only=1" {
	require_netns
	in_netns under_sysctl default-both default-both
	# A mapped bind is never governed: the sysctl breaks it as it does without the shim.
	in_netns under_sysctl both,bindv6only=1 both
}

# ---- mode=log

@test "mode=log changes nothing at all, and logs what enforce would do" {
	for policy in app ipv6-only both default-ipv6-only default-both; do
		serve_each kinds $policy MODE=log LOG=%FILE LOG_LEVEL=all
		assert_outcomes kinds bare
		assert_records kinds $policy log
		stop servers
	done
}

@test "mode=log with the log off changes nothing either" {
	for policy in ipv6-only default-ipv6-only; do
		serve_each kinds $policy MODE=log LOG=off
		assert_outcomes kinds bare
		stop servers
	done
}

# ---- what the application gets when it asks for the opposite

# assert_steps EXPECTED [NAME=VALUE...] -- STEP...: EXPECTED is the outcomes alone, joined by spaces.
assert_steps() {
	local expected=$1 settings=() got

	shift
	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	[ ${#settings[@]} -eq 0 ] || settings=(shim "${settings[@]}" --)
	resolve "${settings[@]}" "$PROGRAMS/steps" "$@"
	got=$(close_bats_fds && "${COMMAND[@]}" | sed 's/.*: //' | paste -sd' ') || return
	assert_eq "$expected" "$got" "${settings[*]} $*"
}

@test "on-contrary=deny: the opposite fails with that errno and does not reach the kernel" {
	for kind in tcp6 udp6; do
		ask=("socket $kind" get 'v6only 0' get 'v6only 1' get 'v6only 0' get)
		assert_steps 'fd 3 0 ok 0 ok 1 ok 0' -- "${ask[@]}"
		for errno in EPERM EINVAL EOPNOTSUPP ENOPROTOOPT EACCES; do
			deny=(LOG=off "ON_CONTRARY=deny:$errno")
			assert_steps "fd 3 0 $errno 0 ok 1 $errno 1" POLICY=ipv6-only "${deny[@]}" -- "${ask[@]}"
			assert_steps "fd 3 1 $errno 1 ok 1 $errno 1" POLICY=default-ipv6-only "${deny[@]}" -- "${ask[@]}"
			assert_steps "fd 3 0 ok 0 $errno 0 ok 0" POLICY=both "${deny[@]}" -- "${ask[@]}"
			assert_steps "fd 3 0 ok 0 $errno 0 ok 0" POLICY=default-both "${deny[@]}" -- "${ask[@]}"
		done
	done
}

@test "on-contrary=allow: the opposite reaches the kernel, and is told" {
	ask=('socket tcp6' 'v6only 0' get 'v6only 1' get)
	for policy in ipv6-only both default-ipv6-only default-both; do
		log=$DIR/$policy.jsonl
		assert_steps 'fd 3 ok 0 ok 1' POLICY=$policy ON_CONTRARY=allow LOG="$log" -- "${ask[@]}"
		case $policy in
		*ipv6-only) contrary=0 ;;
		*) contrary=1 ;;
		esac
		assert_eq "[$contrary,\"none\",\"contrary\",0]" \
			"$(json_records "$log" 'select(.event == "setsockopt") | [.asked, .action, .finding, .result]')"
	done
}

@test "on-contrary=deny holds for values and lengths as the kernel takes them" {
	deny=(LOG=off ON_CONTRARY=deny:EPERM)
	# NULL is 0, eight bytes are as good as four (FACTS.md 1).
	assert_steps 'fd 3 ok ok 1 ok 0 ok 1' -- \
		'socket tcp6' 'v6only long-0' 'v6only long-1' get 'v6only null' get 'v6only 1' get
	assert_steps 'fd 3 EPERM ok 1 EPERM 1' POLICY=ipv6-only "${deny[@]}" -- \
		'socket tcp6' 'v6only long-0' 'v6only long-1' get 'v6only null' get
}

@test "on-contrary=deny: what the kernel refuses anyway keeps the kernel's errno" {
	port=$(free_port)
	# Descriptors that are none, families, states, pointers and lengths: FACTS.md 1.
	cases() {
		cat <<-END
			EBADF       socket tcp6|close
			ENOPROTOOPT socket tcp4
			ENOPROTOOPT socket udp4
			EOPNOTSUPP  socket unix
			EINVAL      socket raw6
			EINVAL      socket tcp6|bind :: 0
			EINVAL      socket tcp6|bind ::1 0
			EINVAL      socket udp6|bind :: 0
			EINVAL      socket udp6|connect ::1 $port
			EINVAL      socket tcp6|listen
		END
	}
	# It is in force where the kernel would take the request.
	assert_steps 'fd 3 EPERM' POLICY=ipv6-only ON_CONTRARY=deny:EPERM LOG=off -- 'socket tcp6' 'v6only 0'
	while read -r errno steps; do
		IFS='|' read -ra before <<<"$steps"
		expected="$(printf '%.0s. ' "${before[@]}")$errno"
		for settings in bare ipv6-only both default-ipv6-only default-both; do
			# The opposite of the policy.
			value=0
			[[ $settings == *ipv6-only ]] || value=1
			under=()
			[ $settings = bare ] || under=(shim "POLICY=$settings" ON_CONTRARY=deny:EPERM LOG=off --)
			resolve "${under[@]}" "$PROGRAMS/steps" "${before[@]}" "v6only $value"
			# The steps before are only to succeed.
			got=$(close_bats_fds && "${COMMAND[@]}" | sed -E 's/.*: //; s/^(ok|fd [0-9]+)$/./' | paste -sd' ')
			assert_eq "$expected" "$got" "$settings: $steps"
		done
	done < <(cases)
	for under in bare ipv6-only default-ipv6-only; do
		settings=()
		[ $under = bare ] || settings=("POLICY=$under" ON_CONTRARY=deny:EPERM LOG=off)
		assert_steps 'fd 3 EFAULT EINVAL' "${settings[@]}" -- 'socket tcp6' 'v6only unreadable' 'v6only short-0'
	done
}

@test "on-contrary=deny with policy=app, or in mode=log, denies nothing" {
	ask=('socket tcp6' 'v6only 1' get 'v6only 0' get)
	assert_steps 'fd 3 ok 1 ok 0' POLICY=app ON_CONTRARY=deny:EPERM LOG=off -- "${ask[@]}"
	for policy in ipv6-only both default-ipv6-only default-both; do
		log=$DIR/$policy.jsonl
		assert_steps 'fd 3 ok 1 ok 0' POLICY=$policy ON_CONTRARY=deny:EPERM MODE=log LOG="$log" -- "${ask[@]}"
		assert_eq '["deny","contrary","log",0]' \
			"$(json_records "$log" 'select(.event == "setsockopt") | [.action, .finding, .mode, .result]')"
	done
}

@test "a denied request changes nothing for who gets in" {
	for policy in bare ipv6-only default-ipv6-only; do
		under=()
		denied=ok
		# Bare, the application gets what it asked for.
		serves=46 v6only=0
		if [ $policy != bare ]; then
			under=(shim "POLICY=$policy" ON_CONTRARY=deny:EPERM LOG=off --)
			denied=EPERM serves=6 v6only=1
		fi
		port=$(free_port)
		start server --says 'wait: ready' "${under[@]}" "$PROGRAMS/steps" \
			'socket tcp6' 'v6only 0' "bind :: $port" listen wait
		assert_line "v6only 0: $denied" "$(stdout_of server)"
		assert_eq $v6only "$(kernel_v6only tcp "$port")"
		got=''
		for family in 4 6; do
			[ "$(reach $family tcp "$port")" != served ] || got+=$family
		done
		assert_eq $serves "$got"
		stop server
	done
}

# ---- what is never touched

@test "raw sockets are never touched" {
	"$PROGRAMS/steps" 'socket raw6' | grep -q 'fd' || skip 'needs leave to open raw sockets'
	ask=('socket raw6' get 'v6only 0' 'v6only 1' 'bind :: 0' get close 'socket raw6' 'bind :: 4321' get 'socket raw4' get)
	bare='fd 3 0 EINVAL EINVAL ok 0 ok fd 3 ok 0 fd 4 EOPNOTSUPP'
	assert_steps "$bare" -- "${ask[@]}"
	for policy in app ipv6-only both default-ipv6-only default-both; do
		rm -f "$DIR/log.jsonl"
		for log in off "$DIR/log.jsonl"; do
			assert_steps "$bare" POLICY=$policy LOG="$log" LOG_LEVEL=bind -- "${ask[@]}"
		done
		assert_eq '["raw","none"]' \
			"$(json_records "$DIR/log.jsonl" 'select(.event == "bind") | [.type, .action]' | sort -u)"
	done
}

@test "a client's socket is not touched by a forced policy, and is by a default" {
	port=$(free_port)
	start server --says ready "$PROGRAMS/serve" -4 -p "$port"
	ask=('socket tcp6' "connect ::ffff:127.0.0.1 $port" get 'socket udp6' 'bind :: 0' "connect ::ffff:127.0.0.1 $port" get)
	bare='fd 3 ok 0 fd 4 ok ok 0'
	assert_steps "$bare" -- "${ask[@]}"
	for policy in app ipv6-only both default-both; do
		assert_steps "$bare" POLICY=$policy LOG=off -- "${ask[@]}"
	done
	assert_steps 'fd 3 ENETUNREACH 1 fd 4 ok ENETUNREACH 1' POLICY=default-ipv6-only LOG=off -- "${ask[@]}"
}

@test "a bind that fails leaves V6ONLY as it was" {
	port=$(free_port)
	# An IPv6-only holder: neither value of V6ONLY can have its port.
	start holder --says ready "$PROGRAMS/serve" -v 1 -p "$port"
	for kind in tcp6 mptcp6; do
		"$PROGRAMS/steps" "socket $kind" | grep -q fd || continue
		for policy in bare app ipv6-only both default-ipv6-only default-both; do
			for log in off "$DIR/log.jsonl"; do
				settings=("POLICY=$policy" LOG="$log")
				[ $policy != bare ] || settings=()
				initial=0
				[ $policy != default-ipv6-only ] || initial=1
				assert_steps "fd 3 EADDRINUSE $initial" "${settings[@]}" -- "socket $kind" "bind :: $port" get
				assert_steps 'fd 3 ok EADDRINUSE 0' "${settings[@]}" -- "socket $kind" 'v6only 0' "bind :: $port" get
				assert_steps 'fd 3 ok EADDRINUSE 1' "${settings[@]}" -- "socket $kind" 'v6only 1' "bind :: $port" get
			done
		done
	done
}

# ---- before the library is ready

@test "a socket that another library's constructor binds is governed" {
	require cc
	cat >"$DIR/early.c" <<-'END'
		#include <netinet/in.h>
		#include <stdio.h>
		#include <sys/socket.h>

		__attribute__((constructor)) static void early(void)
		{
			struct sockaddr_in6 any = {.sin6_family = AF_INET6};
			int fd = socket(AF_INET6, SOCK_STREAM, 0), value = -1;
			socklen_t size = sizeof(value);

			if (bind(fd, (struct sockaddr *)&any, sizeof(any)))
				perror("early: bind");
			getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &size);
			printf("early %d\n", value);
		}
	END
	cc -shared -fPIC -o "$DIR/early.so" "$DIR/early.c"
	assert_eq 'early 0' "$(LD_PRELOAD=$DIR/early.so "$PROGRAMS/steps" 'socket unix' | head -n 1)"
	for order in "$LIB $DIR/early.so" "$DIR/early.so $LIB"; do
		assert_eq 'early 1' "$(V6SHIM_POLICY=ipv6-only V6SHIM_LOG=off LD_PRELOAD=$order \
			"$PROGRAMS/steps" 'socket unix' | head -n 1)" "$order"
	done
}
