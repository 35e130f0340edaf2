#!/usr/bin/env bats
# A server gets its bind where the shim gets nothing: no descriptor, no address space, no /proc, system calls that a
# seccomp filter refuses (DESIGN.md 1.8, point 1: no bind or listen fails that would have succeeded without the shim).
# What a log meets there (RLIMIT_FSIZE, a full disk, every descriptor taken, 0 to 2 closed) has survive.bats, what an
# older kernel lacks old-systems.bats.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load ../e2e/helper
load ../e2e/survive

setup() {
	require cc
	# The system calls that the shim makes for itself, by its source: "NAME NUMBER" a line. What this machine does not have
	# (socketcall, fcntl64) stays a name.
	grep -rohE '\b(SYS_[a-z0-9_]+|[a-z]+, [0-9]+, (fd|domain))' "$ROOT"/shim/{govern,preload} | sed -E 's/^([a-z]+),.*/SYS_\1/' | sort -u |
		sed 's/^SYS_\(.*\)/\1 SYS_\1/' | (echo '#include <sys/syscall.h>' && cat) | cc -E -P -x c - 2>/dev/null |
		grep -E '^[a-z0-9_]+ [0-9]+$' >"$DIR/calls"
	NETLINK=netlink=$(number socket)
	[ "$NETLINK" != netlink= ] || fail 'its calls are not found'
}

# number NAME...: of system calls, with commas.
number() {
	local name

	for name in "$@"; do
		sed -n "s/^$name //p" "$DIR/calls"
	done | paste -sd,
}

# say_scenes [NAME=VALUE...] -- [SCENE...]: what programs/survive.py says of each, "NAME [STRAIT...]", under the shim where
# there are settings.
say_scenes() {
	given "$@"
	[ ${#LEADING[@]} -eq 0 ] || LEADING=(shim "${LEADING[@]}" --)
	resolve "${LEADING[@]}" "${SURVIVE[@]}" "${TRAILING[@]/#/scene }"
	(close_bats_fds && exec "${COMMAND[@]}" 2>>"$DIR/err" 7>>"$DIR/seven") | sed 's/^scene: //'
}

# The scenes, and what comes of each bare, and under its settings.
scenes() {
	cat <<-END
		plain|calls ok ok v6only 0|calls ok ok v6only 1|POLICY=ipv6-only
		udp|calls ok v6only 0|calls ok v6only 1|POLICY=ipv6-only
		refused|calls EADDRINUSE v6only 0|calls EADDRINUSE v6only 0|POLICY=ipv6-only
		6-after-4|calls EADDRINUSE ok v6only 0|calls ok ok v6only 1|ON_CONFLICT=resolve
		4-after-6|calls EADDRINUSE ok v6only 0|calls ok ok v6only 0|ON_CONFLICT=resolve
		datagrams|calls ok v6only 0|calls ok v6only 0|ON_CONFLICT=resolve
	END
}

# What shows that the straits are there, before what comes of the calls.
straits() {
	cat <<-END
		|
		descriptors|descriptor EMFILE
		memory|memory ENOMEM
		$NETLINK|refused EPERM
		descriptors memory|descriptor EMFILE memory ENOMEM
		descriptors memory $NETLINK|descriptor EMFILE memory ENOMEM refused EPERM
	END
}

# every_scene BARE|SETTINGS: every scene of these settings in every strait, "SCENE|SAID".
every_scene() {
	local straits proof name bare shimmed settings said

	while IFS='|' read -r straits proof; do
		while IFS='|' read -r name bare shimmed settings; do
			said=$shimmed
			[ "$1" != BARE ] || said=$bare
			[ "$1" = BARE ] || [ "$1" = "$settings" ] || continue
			printf '%s|%s\n' "$name${straits:+ $straits}" "${proof:+$proof }$said"
		done < <(scenes)
	done < <(straits)
}

# as_said FILE [NAME=VALUE...]: each line of FILE, "SCENE|SAID", is so under these settings.
as_said() {
	local these

	mapfile -t these < <(cut -d'|' -f1 "$1")
	[ ${#these[@]} -gt 0 ]
	assert_eq "$(<"$1")" "$(say_scenes "${@:2}" -- "${these[@]}" | paste -d'|' <(cut -d'|' -f1 "$1") -)" "${*:2}"
}

# ---- no descriptor, no address space

@test "no descriptor left, no address space left, neither: every bind succeeds, governed, and every conflict is resolved" {
	every_scene BARE >"$DIR/scenes"
	as_said "$DIR/scenes"
	for settings in POLICY=ipv6-only ON_CONFLICT=resolve; do
		every_scene $settings >"$DIR/scenes"
		for log in off "$LOG" stderr fd:7; do
			as_said "$DIR/scenes" $settings LOG="$log" LOG_FORMAT=json LOG_LEVEL=all
		done
	done
	# The log was open before, and goes on.
	assert_eq '' "$(json_records "$LOG" 'select(.event == "lost" or .event == "error")')"
	[ "$(json_records "$LOG" 'select(.event == "bind" and .after == 1 and .result == 0)' | wc -l)" -ge 12 ]
	# Control: a shim that needs a descriptor loses the bind.
	assert_eq 'calls ok ok v6only 1
descriptor EMFILE calls EMFILE ok v6only 1' "$(LD_PRELOAD=$PROGRAMS/hostile/unsafe.so UNSAFE=refuse say_scenes -- plain 'plain descriptors')"
}

@test "another process is the holder, and nothing is left to find it with: resolved, or the kernel's errno and a record" {
	port=$(free_port)
	start holder --says ready "$PROGRAMS/drive" 'socket tcp4' "bind 0.0.0.0 $port" listen serve
	while IFS='|' read -r straits proof; do
		rm -f "$LOG"
		scene="6-after:$port${straits:+ $straits}"
		assert_eq "${proof:+$proof }calls ok ok v6only 1" "$(say_scenes ON_CONFLICT=resolve LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=all -- "$scene")"
		assert_eq "${proof:+$proof }calls EADDRINUSE ok v6only 0" "$(say_scenes LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=all -- "$scene")"
		# Whom nobody could be asked about is not named.
		holder='"0.0.0.0"'
		[[ $straits != *descriptors* && $straits != *netlink* ]] || holder=null
		assert_eq "[\"split\",null,$holder]
[\"none\",\"EADDRINUSE\",$holder]" "$(json_records "$LOG" 'select(.event == "bind") | [.action, .errno, .holder.addr]')" "$straits"
	done < <(straits)
}

# ---- seccomp

# What the application itself calls, or the test: refused, there is nothing left to see.
own_calls() {
	grep -vE '^(socket|bind|listen) ' "$DIR/calls"
}

@test "each system call that the shim makes for itself, refused by a seccomp filter: the server still gets its bind" {
	for call in getsockname getsockopt setsockopt openat getdents64 readlinkat fcntl; do
		grep -q "^$call " "$DIR/calls" || [ "$(uname -m)" != x86_64 ] || fail "$call is not in the list"
	done
	while read -r call nr; do
		for error in 1:EPERM 38:ENOSYS; do
			while IFS='|' read -r name bare expected settings; do
				# Which type a socket is that binds port 0, who holds a port in this process, and V6ONLY itself, only these tell.
				case $call/$name in
				getsockopt/plain | getsockname/4-after-6 | setsockopt/*) expected=$bare ;;
				# What V6ONLY it has is not told, so that it is shared instead of split.
				getsockopt/6-after-4) expected='calls ok ok v6only 0' ;;
				esac
				echo "$name calls=$nr errno=${error%:*}|refused ${error#*:} $expected" >>"$DIR/$settings"
			done < <(scenes | grep -v datagrams)
		done
	done < <(own_calls)
	for settings in POLICY=ipv6-only ON_CONFLICT=resolve; do
		as_said "$DIR/$settings" $settings LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=all
		grep ENOSYS "$DIR/$settings" >"$DIR/half"
		as_said "$DIR/half" $settings LOG=stderr LOG_LEVEL=all
	done
	echo "# $(own_calls | wc -l) system calls: $(own_calls | cut -d' ' -f1 | paste -sd' ')" >&3
	# Where it is the policy that cannot be had, it is said.
	assert_match 'seccomp filter refuses setsockopt' "$(jq -r 'select(.finding == "unenforced") | .note' "$LOG" | sort -u)"
}

@test "all of them but setsockopt refused at once, with the log on or off: the server still gets its bind" {
	all=$(own_calls | grep -v '^setsockopt ' | cut -d' ' -f2 | paste -sd,)
	for log in off "$LOG" stderr syslog; do
		for settings in POLICY=ipv6-only 'POLICY=both ORDER=ipv6-first ON_DISORDER=deny:EACCES' \
			'ON_CONFLICT=resolve ORDER=ipv6-first' 'PROFILE=openbsd'; do
			# shellcheck disable=SC2086 # into its words
			assert_eq 4 "$(say_scenes LOG_LEVEL=all LOG="$log" $settings -- {plain,udp}" $NETLINK calls=$all errno="{1,38} |
				grep -cE '^refused [A-Z]+ calls ok( ok)? v6only [01]$')" "$settings, log $log"
		done
	done
	# The port is what the policy needs to know, where the type cannot be had.
	assert_match 'calls ok v6only 1$' "$(say_scenes POLICY=ipv6-only LOG=off -- "udp calls=$all")"
	# The control: bare; and a shim that must know.
	assert_match 'calls ok v6only 0$' "$(say_scenes -- "udp calls=$all")"
	assert_match 'calls E[A-Z]+ v6only 1$' "$(LD_PRELOAD=$PROGRAMS/hostile/unsafe.so UNSAFE=refuse say_scenes -- "udp calls=$all")"
}

@test "order=... with deny: where a filter hides the other family's socket, nobody is denied for it" {
	settings=(ORDER=ipv6-first ON_DISORDER=deny:EACCES ON_CONFLICT=resolve LOG="$LOG")
	assert_eq 'calls ok ok v6only 0' "$(say_scenes "${settings[@]}" -- 4-after-6)"
	for name in getsockname getdents64 openat; do
		# The port is shared where it can be, and EADDRINUSE otherwise, which is what there is bare: never EACCES.
		assert_match '^refused EPERM calls (ok|EADDRINUSE) ok v6only 0$' \
			"$(say_scenes "${settings[@]}" -- "4-after-6 calls=$(number $name)")"
	done
}

@test "a filter that was there before the program: the library comes up, and governs every call" {
	stages=$(printf '%s: v6only 1\n' resolver preinit constructor main atexit destructor)
	assert_eq "${stages//v6only 1/v6only 0}" "$("${SURVIVE[@]}" 'filter calls=65535' "exec $PROGRAMS/early" | sed 1,2d)" 'control, bare'
	# Those that the dynamic linker and the program can do without, and sockets of AF_NETLINK.
	for name in getpid gettid rt_sigprocmask fcntl readlinkat getdents64 dup3 nanosleep clock_gettime madvise netlink; do
		strait=$NETLINK
		[ $name = netlink ] || strait=calls=$(number $name)
		[ "$strait" != calls= ] || continue
		for error in 1 38; do
			rm -f "$LOG"
			assert_eq "$stages" "$("${SURVIVE[@]}" "filter errno=$error $strait" "exec env LD_PRELOAD=$LIB V6SHIM_POLICY=ipv6-only \
V6SHIM_ON_CONFLICT=resolve V6SHIM_LOG=$LOG V6SHIM_LOG_FORMAT=json V6SHIM_LOG_LEVEL=all $PROGRAMS/early" | sed 1,2d)" "$name"
			assert_eq 6 "$(json_records "$LOG" 'select(.event == "bind" and .after == 1)' | wc -l)" "$name"
		done
	done
}

@test "a filter and a signal that would end the server: no SIGXFSZ without getrlimit, no SIGPIPE without rt_sigprocmask" {
	# The controls: such a write ends a program.
	run bash -c "ulimit -f 8; head -c 16384 /dev/zero >$DIR/big"
	assert_status 153
	printf 'x%.0s' {1..8192} >"$LOG"
	for names in getpid 'getrlimit prlimit64'; do
		# shellcheck disable=SC2086 # into words
		assert_match 'calls ok ok v6only 1$' \
			"$(ulimit -f 8 && say_scenes POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all -- "plain calls=$(number $names)")" "$names"
	done
	assert_eq 8192 "$(stat -c %s "$LOG")"
	for names in getpid rt_sigprocmask 'rt_sigprocmask openat'; do
		# Its reader is gone.
		exec 6> >(:)
		wait $!
		run bash -c 'printf x >&6'
		assert_status 141
		# shellcheck disable=SC2086 # into words
		assert_match 'calls ok ok v6only 1$' \
			"$(say_scenes POLICY=ipv6-only LOG=fd:6 LOG_LEVEL=all -- "plain calls=$(number $names)")" "$names"
		exec 6>&-
	done
}

# killed EXCEPT: numbers of the system calls that the shim makes for itself, but for those, and for what Python makes.
killed() {
	local name numbers=''

	while read -r name nr; do
		[[ " $1 close mmap munmap getsockname getsockopt setsockopt " == *" $name "* ]] || numbers+=,$nr
	done < <(own_calls)
	echo "${numbers#,}"
}

@test "a filter that kills, set after the first record: a record makes the calls that DESIGN.md 1.8.7 allows it, by what the log is" {
	[ "$(uname -m)" = x86_64 ] || skip 'the names are those of x86-64'
	mkfifo "$DIR/fifo"
	exec 6<>"$DIR/fifo"
	while IFS='|' read -r log err calls; do
		steps=(bind "filter kill calls=$(killed "fstat write $calls")" 'bind 3')
		log=${log/LOG/$LOG}
		resolve shim POLICY=ipv6-only LOG="${log/DIR/$DIR}" LOG_FORMAT=json LOG_LEVEL=all -- "${SURVIVE[@]}" -o "$DIR/said" "${steps[@]}"
		under=("${RECEIVE[@]}" journal)
		# shellcheck disable=SC2016 # of the inner shell
		[ "$err" = journal ] || under=(bash -c 'exec "$@" 2>>"$0"' "${err/DIR/$DIR}")
		run "${under[@]}" "${COMMAND[@]}" 7>>"$DIR/seven"
		assert_eq '0 bind: ok filter: ok bind: ok' "$status $(paste -sd' ' "$DIR/said")" "$log $err: $output"
		# One at a time: what the row has ends it, a path's two once a second alone; nothing else does. What bind makes
		# without a record, and Python, is left out.
		while read -r name number; do
			[[ " close mmap munmap write getsockname getsockopt setsockopt " != *" $name "* ]] || continue
			COMMAND[-2]="filter kill calls=$number"
			run "${under[@]}" "${COMMAND[@]}" 7>>"$DIR/seven"
			case "$name, fstat $calls " in
			newfstatat,*newfstatat* | getrlimit,*getrlimit*) ;;
			*" $name "*) assert_match "^(159|225)$" "$status" ;; # 225 is the journal's word for it
			*) assert_eq 0 "$status" "$log $err: $name" ;;
			esac
		done < <(own_calls)
	done <<-END
		fd:7|/dev/null|
		stderr|DIR/err|
		stderr|/dev/null|
		/dev/null|/dev/null|newfstatat getrlimit
		LOG|/dev/null|newfstatat getrlimit
		stderr|journal|sendto
		stderr|DIR/fifo|rt_sigprocmask openat
		DIR/fifo|/dev/null|rt_sigprocmask newfstatat getrlimit
	END
	exec 6>&-
	# Controls: bare it lives whatever is killed; and the filter kills.
	steps[1]="filter kill calls=$(killed write)"
	assert_eq 'bind: ok filter: ok bind: ok' "$("${SURVIVE[@]}" "${steps[@]}" | paste -sd' ')"
	run shim POLICY=ipv6-only LOG="$LOG" -- "${SURVIVE[@]}" "${steps[@]}"
	assert_status 159
}

@test "a filter that kills whoever asks of a socket, or sets V6ONLY: a single address is bound and listened on all the same" {
	scene="alone:$(free_port) kill calls=$(number getsockopt getsockname setsockopt fstat newfstatat write openat)"
	for settings in -- 'POLICY=ipv6-only LOG=off --' "POLICY=both ON_CONFLICT=resolve LOG=$LOG LOG_LEVEL=change --" \
		"POLICY=app RULES=port=9=>policy=ipv6-only LOG=$LOG LOG_LEVEL=change --"; do
		read -ra words <<<"$settings"
		assert_eq 'calls ok ok v6only 1' "$(say_scenes "${words[@]}" "$scene")" "$settings"
	done
	# The control: what is to be told is asked for.
	assert_eq 'failed v6only 0' "$(say_scenes POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=bind -- "$scene")"
}

# ---- no /proc

without_proc() {
	mount -t tmpfs none /proc
	[ ! -e /proc/self ]
	# Bash has no <(...) there.
	for settings in BARE POLICY=ipv6-only ON_CONFLICT=resolve; do
		mapfile -t these <"$DIR/$settings.names"
		for log in off "$LOG" stderr fd:7; do
			[ $settings = BARE ] || under=("$settings" LOG="$log" LOG_FORMAT=json LOG_LEVEL=all)
			say_scenes "${under[@]}" -- "${these[@]}" >"$DIR/said"
			cmp "$DIR/$settings" "$DIR/said"
		done
	done
	# Of the program that is executed nobody noted what it has.
	shim ON_CONFLICT=resolve LOG="$LOG" LOG_LEVEL=all -- "$PROGRAMS/drive" 'b socket tcp4' "b bind 0.0.0.0 $port" exec 'a socket tcp6' "a bind :: $port"
}

@test "no /proc: what is governed is governed, and own sockets are found by their numbers" {
	require_mounts
	for settings in BARE POLICY=ipv6-only ON_CONFLICT=resolve; do
		every_scene $settings >"$DIR/all"
		cut -d'|' -f1 "$DIR/all" >"$DIR/$settings.names"
		cut -d'|' -f2 "$DIR/all" >"$DIR/$settings"
	done
	port=$(free_port)
	export port
	apart without_proc
	assert_eq '["split",true]
["share",true]' "$(json_records "$LOG" 'select(.finding == "conflict" and .action != "none") | [.action, .holder.fd != null]' |
		sort -ru)"
	assert_eq '' "$(json_records "$LOG" 'select(.event == "lost")')"
}
