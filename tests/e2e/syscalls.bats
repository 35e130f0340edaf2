#!/usr/bin/env bats
# What the shim costs in system calls, by strace's witness: DESIGN.md 1.8 point 6.

load helper

setup() {
	require strace
	DIR=$BATS_TEST_TMPDIR
	PORT=$(free_port)
	UDP=$(free_port)
	MAPPED=$(free_port)
}

# A step of `steps` on a line, in this order, and the system calls that it makes: bare and under policy=app;
# under a forced policy; under default-ipv6-only. "=" is as bare.
table() {
	cat <<-END
		socket unix                    socket      =                           =
		bind                           bind        =                           =
		listen                         listen      setsockopt+listen           =
		socket tcp4                    socket      =                           =
		nodelay                        setsockopt  =                           =
		bind 127.0.0.1 0               bind        =                           =
		listen                         listen      setsockopt+listen           =
		socket tcp4                    socket      =                           =
		bind 0.0.0.0 0                 bind        =                           =
		socket tcp6                    socket      =                           socket+setsockopt
		nodelay                        setsockopt  =                           =
		reuseaddr                      setsockopt  =                           =
		v6only 0                       setsockopt  setsockopt+getsockopt       =
		get                            getsockopt  =                           =
		bind :: $PORT                  bind        setsockopt+bind             =
		listen                         listen      setsockopt+listen           =
		port                           getsockname  =                          =
		close                          close       =                           =
		socket tcp6                    socket      =                           socket+setsockopt
		bind :: 0                      bind        getsockopt+setsockopt+bind  =
		listen                         listen      setsockopt+listen           =
		socket tcp6                    socket      =                           socket+setsockopt
		listen                         listen      setsockopt+listen           =
		socket tcp6                    socket      =                           socket+setsockopt
		bind ::1 0                     bind        =                           =
		listen                         listen      setsockopt+listen           =
		socket tcp6                    socket      =                           socket+setsockopt
		bind ::ffff:127.0.0.1 $MAPPED  bind        =                           =
		socket udp6                    socket      =                           socket+setsockopt
		bind :: $UDP                   bind        setsockopt+bind             =
		socket udp6                    socket      =                           socket+setsockopt
		bind ::1 0                     bind        =                           =
		socket udp6                    socket      =                           socket+setsockopt
		bind :: 0                      bind        getsockopt+bind             =
		connect ::1 9                  connect     =                           =
		socket udp4                    socket      =                           =
		bind 0.0.0.0 0                 bind        =                           =
		connect 127.0.0.1 9            connect     =                           =
		dup                            dup+close   =                           =
		close                          close       =                           =
	END
}
# `bind :: 0` of a datagram socket is not governed, and costs one call all the same, a deviation from "0 extra": a
# bind of `::` to port 0 may be a stream's, which is governed, and only the kernel can tell which it is.
# A listen that follows a bind costs one: whether the socket was bound the kernel tells when V6ONLY is to be set.

# rows STEP...: sets STEPS from the table.
read_steps() {
	mapfile -t STEPS < <(table | sed -E 's/ {2,}.*//')
	[ ${#STEPS[@]} -ge 30 ]
}

# expected COLUMN: "STEP: CALLS" a line; 2 is bare, 3 forced, 4 default.
expected() {
	table | sed -E 's/ {2,}/|/g' | awk -F'|' -v column="$1" \
		'{ calls = $column == "=" ? $2 : $column; gsub(/\+/, " ", calls); print $1 ": " calls }'
}

# trace NAME=VALUE... -- STEP...: what each step made of system calls, "STEP: CALLS" a line; what happened before the
# first step is left out. Without settings it is bare. MEDDLE is options of strace's.
MEDDLE=()
trace() {
	local settings=()

	while [ "$1" != -- ]; do
		settings+=(-E "V6SHIM_$1")
		shift
	done
	shift
	[ ${#settings[@]} -eq 0 ] || settings+=(-E "LD_PRELOAD=$LIB")
	# Descriptor 7 is for log=fd:7. The first step fails with EBADF, and is where the program is up.
	(
		close_bats_fds
		exec strace -qq -s 200 -o "$DIR/trace" "${MEDDLE[@]}" "${settings[@]}" "$PROGRAMS/steps" close "$@"
	) >/dev/null 7>>"$DIR/seven"
	# The time is a system call only where the vDSO does not have it.
	awk '
		/^(clock_gettime|brk|mmap|munmap|mprotect|getrandom|futex)\(/ { next }
		/^write\(1, "/ {
			sub(/^write\(1, "/, "")
			sub(/: [^:]*\\n".*/, "")
			if (seen++)
				print $0 ":" calls
			calls = ""
			next
		}
		/^[a-z0-9_]+\(/ { sub(/\(.*/, ""); calls = calls " " $0 }' "$DIR/trace"
}

@test "control: bare, each step is the call that it is named for" {
	read_steps
	assert_eq "$(expected 2)" "$(trace -- "${STEPS[@]}")"
}

@test "policy=app, log off: no system call more, for any call" {
	read_steps
	assert_eq "$(expected 2)" "$(trace POLICY=app LOG=off -- "${STEPS[@]}")"
	# Of getaddrinfo as well, which makes many.
	for settings in '' 'POLICY=app LOG=off' 'POLICY=ipv6-only LOG=off'; do
		# shellcheck disable=SC2086 # into its words
		trace $settings -- 'socket tcp6' resolve >"$DIR/now"
		[ -e "$DIR/bare" ] || mv "$DIR/now" "$DIR/bare"
		[ -z "$settings" ] || assert_eq "$(grep resolve "$DIR/bare")" "$(grep resolve "$DIR/now")" "$settings"
	done
	# The library was in: it came before the program.
	grep -Fq "$(basename "$LIB")" "$DIR/trace"
}

@test "a forced policy, log off: 1 for a governed bind, 2 with port 0, 1 for listen and setsockopt(V6ONLY), 0 else" {
	read_steps
	for policy in ipv6-only both; do
		assert_eq "$(expected 3)" "$(trace POLICY=$policy LOG=off -- "${STEPS[@]}")" $policy
	done
}

@test "default-*, log off: 1 for an IPv6 socket, 0 for everything else" {
	read_steps
	# A mapped bind fails with V6ONLY 1, and costs no more for that.
	for policy in default-ipv6-only default-both; do
		assert_eq "$(expected 4)" "$(trace POLICY=$policy LOG=off -- "${STEPS[@]}")" $policy
	done
}

@test "the calls of the shim are those that they are said to be: V6ONLY, SO_TYPE, SO_COOKIE" {
	trace POLICY=ipv6-only LOG=off -- 'socket tcp6' 'v6only 0' 'bind :: 0' >/dev/null
	assert_eq 'setsockopt(3, SOL_IPV6, IPV6_V6ONLY, [0], 4)
getsockopt(3, SOL_SOCKET, SO_COOKIE, N, [8])
getsockopt(3, SOL_SOCKET, SO_TYPE, [1], [4])
setsockopt(3, SOL_IPV6, IPV6_V6ONLY, [1], 4)' \
		"$(sed -nE 's/^([gs]etsockopt\(.*\)) += 0$/\1/p' "$DIR/trace" |
			sed -E 's/SO_COOKIE, (\[[^]]*\]|"[^"]*"|0x[0-9a-f]+), \[[^]]*\]/SO_COOKIE, N, [8]/')"
}

@test "a rule asks for the protocol only where it depends on that: not for a port that only other rules have" {
	rules="port=$MAPPED proto=tcp => policy=both; port=$PORT => policy=ipv6-only"
	assert_eq "bind :: $PORT: bind
bind :: $MAPPED: bind
bind :: $UDP: bind" "$(trace -- 'socket tcp6' "bind :: $PORT" 'socket tcp6' "bind :: $MAPPED" 'socket tcp6' "bind :: $UDP" |
		grep ^bind)" bare
	assert_eq "bind :: $PORT: setsockopt bind
bind :: $MAPPED: getsockopt setsockopt bind
bind :: $UDP: bind" "$(trace RULES="$rules" LOG=off -- 'socket tcp6' "bind :: $PORT" 'socket tcp6' "bind :: $MAPPED" \
		'socket tcp6' "bind :: $UDP" | grep ^bind)"
	# And once, however many want to know.
	rules="port=$MAPPED proto=udp => policy=both; port=$MAPPED proto=sctp => policy=both; $rules"
	assert_eq "bind :: $MAPPED: getsockopt setsockopt bind" "$(trace RULES="$rules" LOG=off -- 'socket tcp6' \
		"bind :: $MAPPED" | grep ^bind)"
	# Nor again where a filter refuses to say: no rule that depends on it matches then.
	MEDDLE=(-e inject=getsockopt:error=EPERM)
	assert_eq "bind :: $MAPPED: getsockopt bind" "$(trace RULES="$rules" LOG=off -- 'socket tcp6' "bind :: $MAPPED" |
		grep ^bind)"
}

# ---- with a log

# What a record may ask the kernel for, and what it asks of the log before it writes: that the descriptor is still the
# log; of a path also that it still leads there, of a file in a descriptor of the server's giving that it is still opened
# as it was, and of any file that it may grow, for the kernel would send a signal.
facts='getsockopt getsockname getpid gettid'

# assert_record STEP CALLS CHECKS: of CALLS, one is the write, and it comes last, right after the checks.
assert_record() {
	local call rest

	[[ $2 == *" $3 write" ]] || fail "$1: does not end in '$3 write':$2"
	rest=${2%" $3 write"}
	for call in $rest; do
		case " $facts " in
		*" $call "*) ;;
		*)
			case $call in
			# The call itself, and V6ONLY once.
			"${1%% *}" | setsockopt) ;;
			*) fail "$1: $call is no business of a record:$2" ;;
			esac
			;;
		esac
	done
	[[ $rest != *setsockopt*setsockopt* || $1 == v6only* ]] || fail "$1: V6ONLY is set twice:$2"
	# Bounded: the facts of the call, none asked for more than twice.
	[ "$(wc -w <<<"$rest")" -le 14 ] || fail "$1: too many:$2"
}

@test "a record is one write and the checks of the log; each record, whatever the event" {
	ask=('socket tcp6' 'v6only 0' "bind :: $PORT" listen 'socket tcp6' listen 'socket udp6' "bind :: $UDP" 'socket tcp4'
		'bind 127.0.0.1 0' listen)
	while read -r log checks; do
		trace POLICY=ipv6-only LOG="${log/DIR/$DIR}" LOG_LEVEL=all -- "${ask[@]}" >"$DIR/costs"
		assert_eq ${#ask[@]} "$(wc -l <"$DIR/costs")"
		while IFS= read -r line; do
			# Where the path leads is asked again after a moment, or where more than a write was done to the file.
			line=${line/ statx newfstatat getrlimit write/ statx getrlimit write}
			assert_record "${line%: *}" " ${line##*: }" "$checks"
		done <"$DIR/costs"
	done <<-END
		DIR/log.jsonl statx getrlimit
		fd:7 statx fcntl getrlimit
	END
}

@test "a record at the first change is preceded by the load record, one write more; the next is one again" {
	trace POLICY=ipv6-only LOG="$DIR/log.jsonl" -- 'socket tcp6' 'bind :: 0' 'socket tcp6' 'bind :: 0' >"$DIR/costs"
	assert_eq '2 1' "$(grep '^bind' "$DIR/costs" | while read -r line; do
		grep -o write <<<"$line" | wc -l
	done | paste -sd' ')"
	assert_eq 'load bind bind' "$(json_records "$DIR/log.jsonl" .event | tr -d '"' | paste -sd' ')"
}

@test "a governed bind of which no record is written costs 1 with the log on, 2 with port 0" {
	# V6ONLY is what the policy wants, so that there is nothing to tell at level change.
	for log in "$DIR/log.jsonl" fd:7 stderr; do
		assert_eq "bind :: $PORT: getsockopt bind
bind :: 0: getsockopt getsockopt bind
bind :: $UDP: getsockopt bind" "$(trace POLICY=both LOG="$log" -- 'socket tcp6' "bind :: $PORT" 'socket tcp6' 'bind :: 0' \
			'socket udp6' "bind :: $UDP" | grep ^bind)" "$log"
	done
	[ ! -s "$DIR/log.jsonl" ]
}

@test "what is not governed costs nothing with the log on, where no record is written" {
	ask=('socket tcp6' nodelay reuseaddr 'bind ::1 0' 'socket tcp6' 'bind ::ffff:127.0.0.1 0' 'socket tcp4' nodelay
		"bind 127.0.0.1 $PORT" 'socket udp4' 'bind 0.0.0.0 0' 'socket unix' bind)
	bare=$(trace -- "${ask[@]}")
	for policy in app ipv6-only both; do
		assert_eq "$bare" "$(trace POLICY=$policy LOG="$DIR/log.jsonl" -- "${ask[@]}")" $policy
	done
	# And where the policy is the application's, all of it: but that it asked is remembered.
	ask=('socket tcp6' "bind :: $PORT" listen 'socket tcp6' 'bind :: 0' listen 'socket tcp6' listen)
	assert_eq "$(trace -- "${ask[@]}")" "$(trace POLICY=app LOG="$DIR/log.jsonl" -- "${ask[@]}")"
	assert_eq 'v6only 1: setsockopt getsockopt' \
		"$(trace POLICY=app LOG="$DIR/log.jsonl" -- 'socket tcp6' 'v6only 1' | grep ^v6only)"
	[ ! -s "$DIR/log.jsonl" ]
}

@test "an IPv4 socket costs nothing under default-*, with the log on" {
	trace POLICY=default-ipv6-only LOG="$DIR/log.jsonl" -- 'socket tcp4' 'socket tcp6' >"$DIR/costs"
	assert_eq 'socket tcp4: socket' "$(head -n 1 "$DIR/costs")"
	assert_match '^socket tcp6: socket getsockopt setsockopt .* write$' "$(tail -n 1 "$DIR/costs")"
}
