#!/usr/bin/env bats
# What the shim costs in system calls, by strace's witness: DESIGN.md 1.8 points 6 and 7.

load helper

setup() {
	require strace
	PORT=$(free_port)
	UDP=$(free_port)
	MAPPED=$(free_port)
}

# A step of `drive` on a line, in this order, and the system calls that it makes: bare, and under policy=app; under a forced
# policy; under default-*: all with the log off. "=" is as bare. With the log on, where no record is written: under a forced
# policy that V6ONLY has already ("both"), "?" where a record is. Of a bind of `::` to port 0 only the kernel can tell
# whether it is a stream's and has SO_REUSEADDR, which is governed; whether a socket that listens was bound before, by another, the kernel
# tells when V6ONLY is to be set.
table() {
	cat <<-END
		socket unix                    socket      =                           =                  =
		bind                           bind        =                           =                  =
		listen                         listen      setsockopt+listen           =                  ?
		socket tcp4                    socket      =                           =                  =
		nodelay                        setsockopt  =                           =                  =
		bind 127.0.0.1 0               bind        =                           =                  =
		listen                         listen      =                           =                  ?
		socket tcp4                    socket      =                           =                  =
		bind 0.0.0.0 0                 bind        =                           =                  =
		socket tcp6                    socket      =                           socket+setsockopt  =
		nodelay                        setsockopt  =                           =                  =
		reuseaddr                      setsockopt  =                           =                  =
		v6only 0                       setsockopt  setsockopt+getsockopt       =                  =+getsockopt
		get                            getsockopt  =                           =                  =
		bind :: $PORT                  bind        setsockopt+bind             =                  getsockopt+bind
		listen                         listen      =                           =                  ?
		port                           getsockname  =                          =                  =
		close                          close       =                           =                  =
		socket tcp6                    socket      =                           socket+setsockopt  =
		listen                         listen      setsockopt+listen           =                  ?
		close                          close       =                           =                  =
		socket tcp6                    socket      =                           socket+setsockopt  =
		reuseaddr                      setsockopt  =                           =                  =
		bind :: 0 client               bind        getsockopt+getsockopt+setsockopt+bind  =       getsockopt+getsockopt+getsockopt+bind
		listen                         listen      =                           =                  ?
		socket tcp6                    socket      =                           socket+setsockopt  =
		bind :: 0 client               bind        getsockopt+getsockopt+bind  =                  getsockopt+getsockopt+getsockopt+bind
		listen                         listen      =                           =                  ?
		socket tcp6                    socket      =                           socket+setsockopt  =
		listen                         listen      setsockopt+listen           =                  ?
		socket tcp6                    socket      =                           socket+setsockopt  =
		bind ::1 0                     bind        =                           =                  =
		listen                         listen      =                           =                  ?
		socket tcp6                    socket      =                           socket+setsockopt  =
		bind ::ffff:127.0.0.1 $MAPPED  bind        =                           =                  =
		socket udp6                    socket      =                           socket+setsockopt  =
		bind :: $UDP                   bind        setsockopt+bind             =                  getsockopt+bind
		socket udp6                    socket      =                           socket+setsockopt  =
		bind ::1 0                     bind        =                           =                  =
		socket udp6                    socket      =                           socket+setsockopt  =
		bind :: 0                      bind        getsockopt+bind             =                  getsockopt+getsockopt+bind
		connect ::1 9                  connect     =                           =                  =
		socket udp4                    socket      =                           =                  =
		bind 0.0.0.0 0                 bind        =                           =                  =
		connect 127.0.0.1 9            connect     =                           =                  =
		dup                            dup+close   =                           =                  =
		close                          close       =                           =                  =
	END
}

# read_steps: sets STEPS from the table.
read_steps() {
	mapfile -t STEPS < <(table | sed -E 's/ {2,}.*//')
	[ ${#STEPS[@]} -ge 30 ]
}

# expected COLUMN: "STEP: CALLS" a line; 2 is bare, 3 forced, 4 default, 5 with a log.
expected() {
	table | sed -E 's/ {2,}/|/g' | awk -F'|' -v column="$1" '{
		calls = $column
		sub(/^=/, $2, calls)
		gsub(/\+/, " ", calls)
		print $1 ": " calls
	}'
}

# trace NAME=VALUE... -- STEP...: what each step made of system calls, "STEP: CALLS" a line; what happened before the
# first step is left out. Without settings it is bare. MEDDLE is options of strace's.
MEDDLE=()
trace() {
	given "$@"
	[ ${#LEADING[@]} -eq 0 ] || LEADING=("${LEADING[@]/#/-EV6SHIM_}" "-ELD_PRELOAD=$LIB")
	# Descriptor 7 is for log=fd:7. The first step fails with EBADF, and is where the program is up.
	(
		close_bats_fds
		exec strace -qq -s 200 -o "$DIR/trace" "${MEDDLE[@]}" "${LEADING[@]}" "$PROGRAMS/drive" close "${TRAILING[@]}"
	) >/dev/null 7>>"${SEVEN-$DIR/seven}"
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

# costs COLUMN NAME=VALUE...
costs() {
	assert_eq "$(expected "$1")" "$(trace "${@:2}" -- "${STEPS[@]}")" "${*:2}"
}

@test "bare and with policy=app each step is the call that it is named for; 1 for a governed bind; 1 for a socket under default-*" {
	read_steps
	costs 2
	costs 2 POLICY=app LOG=off
	# The library was in: it came before the program.
	grep -Fq "$(basename "$LIB")" "$DIR/trace"
	costs 3 POLICY=ipv6-only LOG=off
	# What clears V6ONLY reads it, until the program has asked for 1.
	read_0() { sed '/^bind :: [1-9]/s/setsockopt/getsockopt/'; }
	assert_eq "$(expected 3 | read_0)" "$(trace POLICY=both LOG=off -- "${STEPS[@]}")"
	assert_eq "$(expected 3)" "$(trace POLICY=both LOG=off -- 'socket tcp6' 'v6only 1' "${STEPS[@]}" | tail -n +3)"
	# A mapped bind fails with V6ONLY 1, and costs no more for that.
	costs 4 POLICY=default-ipv6-only LOG=off
	# What clears V6ONLY remembers what was asked for.
	assert_eq "$(expected 4 | sed '/^v6only/s/setsockopt$/& getsockopt/')" "$(trace POLICY=default-both LOG=off -- "${STEPS[@]}")"
	# Nor does getaddrinfo, which makes many.
	bare=$(trace -- 'socket tcp6' resolve | grep resolve)
	for policy in app ipv6-only; do
		assert_eq "$bare" "$(trace POLICY=$policy LOG=off -- 'socket tcp6' resolve | grep resolve)" $policy
	done
}

@test "the calls of the shim are those that they are said to be: V6ONLY, SO_TYPE, SO_COOKIE" {
	trace POLICY=ipv6-only LOG=off -- 'socket tcp6' 'v6only 0' reuseaddr 'bind :: 0 client' >/dev/null
	assert_eq 'setsockopt(3, SOL_IPV6, IPV6_V6ONLY, [0], 4)
getsockopt(3, SOL_SOCKET, SO_COOKIE, N, [8])
setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4)
getsockopt(3, SOL_SOCKET, SO_TYPE, [1], [4])
getsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], [4])
setsockopt(3, SOL_IPV6, IPV6_V6ONLY, [1], 4)' \
		"$(sed -nE 's/^([gs]etsockopt\(.*\)) += 0$/\1/p' "$DIR/trace" |
			sed -E 's/SO_COOKIE, .*, \[[^]]*\]/SO_COOKIE, N, [8]/')"
}

@test "a rule asks for the protocol only where it depends on that, and once, however many want to know" {
	rules="port=$MAPPED proto=tcp => policy=both; port=$PORT => policy=ipv6-only"
	more="port=$MAPPED proto=udp => policy=both; port=$MAPPED proto=sctp => policy=both; $rules"
	while IFS='|' read -r port these meddle calls; do
		# Where a filter refuses to say, no rule that depends on it matches.
		MEDDLE=()
		[ -z "$meddle" ] || MEDDLE=(-e "inject=$meddle")
		assert_eq "bind :: $port: $calls" "$(trace RULES="$these" LOG=off -- 'socket tcp6' "bind :: $port" | grep ^bind)" "$these $meddle"
	done <<-END
		$PORT|$rules||setsockopt bind
		$MAPPED|$rules||getsockopt getsockopt bind
		$UDP|$rules||bind
		$MAPPED|$more||getsockopt getsockopt bind
		$MAPPED|$more|getsockopt:error=EPERM|getsockopt bind
	END
}

# ---- with a log

# Of what a step made: not the call itself, nor V6ONLY, nor the facts that a record asks for.
FACTS=' getsockopt getsockname setsockopt '
# Before the write, by what the log is.
# shellcheck disable=SC2034 # by its name
CHECKS_path=' fstat statx newfstatat getrlimit prlimit64 '
# shellcheck disable=SC2034
CHECKS_fd=' fstat statx '

@test "a record is one write and the checks of the log, whatever the event; the first comes after the load record" {
	ask=('socket tcp6' 'v6only 0' "bind :: $PORT" listen 'socket tcp6' listen 'socket udp6' "bind :: $UDP" 'socket tcp4'
		'bind 127.0.0.1 0' listen)
	for log in path fd; do
		to=$DIR/log.jsonl
		[ $log = path ] || to=fd:7
		trace POLICY=ipv6-only LOG="$to" LOG_FORMAT=json LOG_LEVEL=all -- "${ask[@]}" >"$DIR/costs"
		assert_eq ${#ask[@]} "$(wc -l <"$DIR/costs")"
		checks=CHECKS_$log
		opened=''
		while IFS= read -r line; do
			step=${line%: *} calls=" ${line##*: }"
			# The first record opens the log, and the load record comes before it.
			if [ -z "$opened" ]; then
				opened=1
				continue
			fi
			[[ $calls == *' write' && $calls != *' write '* ]] || fail "$log, $step: not one write at the end:$calls"
			[ "$(wc -w <<<"$calls")" -le 16 ] || fail "$log, $step: too many:$calls"
			for call in ${calls% write}; do
				[[ " ${step%% *} $FACTS${!checks}" == *" $call "* ]] || fail "$log, $step: $call is no business of a record:$calls"
			done
		done <"$DIR/costs"
	done
	trace POLICY=ipv6-only LOG="$DIR/change.jsonl" LOG_FORMAT=json LOG_LEVEL=change -- 'socket tcp6' 'bind :: 0' 'socket tcp6' \
		'bind :: 0' >"$DIR/costs"
	assert_eq '2 1' "$(sed -n '/^bind/p' "$DIR/costs" | awk -F' write' '{ print NF - 1 }' | paste -sd' ')"
	assert_eq 'load bind bind' "$(jq -r .event "$DIR/change.jsonl" | paste -sd' ')"
}

@test "with the log on, where no record is written: nothing for what is not governed, 1 for a governed bind" {
	read_steps
	for log in "$DIR/log.jsonl" fd:7 stderr; do
		for policy in app both; do
			column=5
			[ $policy != app ] || column=2
			# But that the application asked is remembered.
			trace POLICY=$policy LOG="$log" LOG_LEVEL=change -- "${STEPS[@]}" >"$DIR/now"
			expected $column | sed 's/^v6only 0: .*/v6only 0: setsockopt getsockopt/' | paste -d'|' - "$DIR/now" |
				awk -F'|' '$1 !~ /\?$/ && $1 != $2' >"$DIR/different"
			assert_eq '' "$(<"$DIR/different")" "$policy, $log"
		done
	done
	[ ! -s "$DIR/log.jsonl" ]
	trace POLICY=default-ipv6-only LOG="$DIR/log.jsonl" LOG_LEVEL=change -- 'socket tcp4' 'socket tcp6' >"$DIR/costs"
	assert_eq 'socket tcp4: socket' "$(head -n 1 "$DIR/costs")"
	assert_match '^socket tcp6: socket getsockopt setsockopt .* write$' "$(tail -n 1 "$DIR/costs")"
}

@test "a record: what the log makes by its kind, and what opening a file makes" {
	ask=('socket unix' 'socket tcp6' 'bind ::1 0' 'socket tcp6' 'bind ::1 0')
	mkfifo "$DIR/fifo"
	exec 8<>"$DIR/fifo"
	while IFS='|' read -r log seven expected; do
		SEVEN=${seven:-$DIR/seven}
		# The second record: the first one opens. A second may pass between them.
		got=$(trace POLICY=app LOG="${log/DIR/$DIR}" LOG_LEVEL=bind -- "${ask[@]}" | sed -n '$s/.*://p')
		assert_eq "$expected" "$(tr ' ' '\n' <<<"$got" | grep -vxE "bind|getsockopt|getsockname|" | paste -sd' ' |
			sed 's/fstat newfstatat getrlimit/fstat/')" "$log $seven"
	done <<-END
		fd:7||fstat write
		fd:7|/dev/null|fstat write
		/dev/null||fstat write
		DIR/log||fstat write
		fd:7|$DIR/fifo|fstat rt_sigprocmask openat fstat write close rt_sigprocmask
		DIR/fifo||fstat rt_sigprocmask write rt_sigprocmask
	END
	unset SEVEN
	# Its load record goes there as it was opened. The socket that is closed is the one that is asked for a cookie.
	trace POLICY=app LOG="$DIR/new" LOG_LEVEL=bind -- 'socket unix' 'bind ::1 0' 'socket tcp6' 'bind ::1 0' >/dev/null
	assert_eq 'madvise getpid close newfstatat openat fstat newfstatat getrlimit write getrlimit fcntl close fstat write' \
		"$(sed -nE '/^madvise/,/^write\(9/{ s/\(.*//p }' "$DIR/trace" | grep -vxE 'mmap|socket|getsockopt' | uniq | paste -sd' ')"
}

@test "mode=log asks after the call: getsockopt and getsockname, and for holders where the other family has the port" {
	port=$(free_port)
	trace POLICY=ipv6-only MODE=log LOG=off -- 'socket tcp6' "bind :: $port" listen >"$DIR/alone"
	assert_match 'bind( getsock(opt|name)){1,10}$' "$(grep '^bind' "$DIR/alone")"
	assert_match 'listen( getsock(opt|name)){1,10}$' "$(grep '^listen' "$DIR/alone")"
	trace POLICY=ipv6-only MODE=log LOG=off -- 'socket tcp4' "bind 0.0.0.0 $port" 'socket tcp6' "bind :: $port" >"$DIR/pair"
	assert_eq '' "$(tail -n 1 "$DIR/pair" | sed 's/.*: //' | tr ' ' '\n' | grep -vxE "bind|getsock(opt|name)|fstat|socket|sendto|recvfrom|openat|getdents64|readlinkat|getpeername|mmap|close|madvise|getpid")"
	assert_match ' sendto .*recvfrom' "$(tail -n 1 "$DIR/pair")"
}
