#!/usr/bin/env bats
# A server gets its bind where the shim gets nothing: no descriptor, no address space, no /proc, system calls that a
# seccomp filter refuses (DESIGN.md 1.8, point 1: no bind or listen fails that would have succeeded without the shim).
# What a log meets there (RLIMIT_FSIZE, a full disk, every descriptor taken, 0 to 2 closed) has survive.bats, what an
# older kernel lacks old-systems.bats.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load helper
load survive

setup() {
	export DIR=$BATS_TEST_TMPDIR
	LOG=$DIR/log.jsonl
	require cc
	# The system calls that the shim makes for itself, by its source: "NAME NUMBER" a line. What this machine does not have
	# (socketcall, fcntl64) stays a name.
	grep -rohE '\bSYS_[a-z0-9_]+' "$ROOT"/shim --include='*.[ch]' --exclude-dir=command | sort -u |
		sed 's/^SYS_\(.*\)/\1 SYS_\1/' | (echo '#include <sys/syscall.h>' && cat) | cc -E -P -x c - 2>/dev/null |
		grep -E '^[a-z0-9_]+ [0-9]+$' >"$DIR/calls"
	NETLINK=netlink=$(number socket)
}

# number NAME...: of system calls, with commas.
number() {
	local name

	for name in "$@"; do
		sed -n "s/^$name //p" "$DIR/calls"
	done | paste -sd,
}

# scene NAME STRAITS [NAME=VALUE...]: what programs/survive.py says of it, under the shim where there are settings.
scene() {
	local under=()

	[ $# -eq 2 ] || under=(shim "${@:3}" --)
	# shellcheck disable=SC2086 # into words
	resolve "${under[@]}" "${AS[@]}" "${SURVIVE[@]}" "scene $1${2:+ $2}"
	(close_bats_fds && exec "${COMMAND[@]}" 2>>"$DIR/err" 7>>"$DIR/seven") | sed 's/^scene: //'
}
AS=()

# The scenes, and what comes of each bare, and under these settings.
scenes() {
	cat <<-END
		plain|calls ok ok v6only 0|calls ok ok v6only 1|POLICY=ipv6-only
		udp|calls ok v6only 0|calls ok v6only 1|POLICY=ipv6-only
		refused|calls EADDRINUSE v6only 0|calls EADDRINUSE v6only 0|POLICY=ipv6-only
		6-after-4|calls EADDRINUSE ok v6only 0|calls ok ok v6only 1|ON_CONFLICT=resolve
		4-after-6|calls EADDRINUSE ok v6only 0|calls ok ok v6only 0|ON_CONFLICT=resolve
		datagrams|calls ok v6only 0|calls ok v6only 1|ON_CONFLICT=resolve
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

# ---- no descriptor, no address space

@test "no descriptor left, no address space left, neither: every bind succeeds, governed, and every conflict is resolved" {
	while IFS='|' read -r straits proof; do
		while IFS='|' read -r name bare shimmed settings; do
			assert_eq "${proof:+$proof }$bare" "$(scene "$name" "$straits")" "control, bare: $straits $name"
			for log in off "$LOG" stderr fd:7; do
				assert_eq "${proof:+$proof }$shimmed" "$(scene "$name" "$straits" "$settings" LOG="$log" LOG_FORMAT=json LOG_LEVEL=all)" \
					"$straits $name, log $log"
			done
		done < <(scenes)
	done < <(straits)
	# The log was open before, and goes on.
	assert_eq '' "$(json_records "$LOG" 'select(.event == "lost" or .event == "error")')"
	[ "$(json_records "$LOG" 'select(.event == "bind" and .after == 1 and .result == 0)' | wc -l)" -ge 12 ]
	# Control: a shim that needs a descriptor loses the bind.
	export LD_PRELOAD=$PROGRAMS/hostile/unsafe.so UNSAFE=refuse
	assert_eq 'calls ok ok v6only 1' "$(scene plain '')"
	assert_eq 'descriptor EMFILE calls EMFILE ok v6only 1' "$(scene plain descriptors)"
}

@test "another process is the holder, and nothing is left to find it with: resolved, or the kernel's errno and a record" {
	port=$(free_port)
	start holder --says ready "$PROGRAMS/serve" -4 -p "$port"
	while IFS='|' read -r straits proof; do
		rm -f "$LOG"
		assert_eq "${proof:+$proof }calls ok ok v6only 1" "$(scene "6-after:$port" "$straits" ON_CONFLICT=resolve LOG="$LOG" LOG_FORMAT=json)"
		assert_eq "${proof:+$proof }calls EADDRINUSE ok v6only 0" "$(scene "6-after:$port" "$straits" LOG="$LOG" LOG_FORMAT=json)"
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
	trap - DEBUG
	while read -r call nr; do
		for error in 1:EPERM 38:ENOSYS; do
			while IFS='|' read -r name bare expected settings; do
				# Which type a socket is that binds port 0, who holds a port in this process, and V6ONLY itself, only these tell.
				case $call/$name in
				getsockopt/plain | getsockopt/6-after-4 | getsockopt/4-after-6 | getsockname/4-after-6 | setsockopt/*) expected=$bare ;;
				datagrams) continue ;;
				esac
				for log in "$LOG" stderr; do
					assert_eq "refused ${error#*:} $expected" "$(scene "$name" "calls=$nr errno=${error%:*}" "$settings" LOG="$log" \
						LOG_FORMAT=json LOG_LEVEL=all)" "$call ${error#*:} $name, log $log"
				done
			done < <(scenes | grep -v datagrams)
		done
	done < <(own_calls)
	echo "# $(own_calls | wc -l) system calls: $(own_calls | cut -d' ' -f1 | paste -sd' ')" >&3
	# Where it is the policy that cannot be had, it is said.
	assert_eq '"EPERM"
"ENOSYS"' "$(json_records "$LOG" 'select(.event == "error") | .errno' | sort -ru)"
	assert_match 'policy is not in force' "$(jq -r 'select(.event == "error") | .note' "$LOG" | head -n 1)"
}

@test "all of them but setsockopt refused at once, with the log on or off: the server still gets its bind" {
	all=$(own_calls | grep -v '^setsockopt ' | cut -d' ' -f2 | paste -sd,)
	for error in 1 38; do
		for log in off "$LOG" stderr syslog; do
			for settings in POLICY=ipv6-only 'POLICY=both ORDER=ipv6-first ON_DISORDER=deny:EACCES' \
				'ON_CONFLICT=resolve ORDER=ipv6-first' 'PROFILE=openbsd'; do
				for name in plain udp; do
					# shellcheck disable=SC2086 # into its words
					assert_match '^refused [A-Z]+ calls ok( ok)? v6only [01]$' \
						"$(scene $name "errno=$error $NETLINK calls=$all" LOG_LEVEL=all LOG="$log" $settings)" "$name, $settings, log $log"
				done
			done
		done
	done
	# The port is what the policy needs to know, where the type cannot be had.
	assert_match 'calls ok v6only 1$' "$(scene udp "calls=$all" POLICY=ipv6-only LOG=off)"
	# The control: bare; and a shim that must know.
	assert_match 'calls ok v6only 0$' "$(scene udp "calls=$all")"
	export LD_PRELOAD=$PROGRAMS/hostile/unsafe.so UNSAFE=refuse
	assert_match 'calls E[A-Z]+ v6only 1$' "$(scene udp "calls=$all")"
}

@test "order=... with deny: where a filter hides the other family's socket, nobody is denied for it" {
	settings=(ORDER=ipv6-first ON_DISORDER=deny:EACCES ON_CONFLICT=resolve LOG="$LOG")
	assert_eq 'calls ok ok v6only 0' "$(scene 4-after-6 '' "${settings[@]}")"
	for name in getsockname getdents64 openat; do
		# The port is shared where it can be, and EADDRINUSE otherwise, which is what there is bare: never EACCES.
		assert_match '^refused EPERM calls (ok|EADDRINUSE) ok v6only 0$' \
			"$(scene 4-after-6 "calls=$(number $name)" "${settings[@]}")"
	done
}

@test "a filter that was there before the program: the library comes up, and governs every call" {
	stages=$(printf '%s: v6only 1\n' resolver preinit constructor main atexit destructor)
	assert_eq "${stages//v6only 1/v6only 0}" "$("${SURVIVE[@]}" 'filter calls=65535' "exec $PROGRAMS/early" | sed 1,2d)" 'control, bare'
	# Those that the dynamic linker and the program can do without, and sockets of AF_NETLINK.
	for name in getpid gettid rt_sigprocmask fcntl readlinkat getrlimit getdents64 dup3 nanosleep tgkill clock_gettime netlink; do
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
	for names in getpid getrlimit 'getrlimit rt_sigpending'; do
		# shellcheck disable=SC2086 # into words
		assert_match 'calls ok ok v6only 1$' \
			"$(ulimit -f 8 && scene plain "calls=$(number $names)" POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all)" "$names"
	done
	assert_eq 8192 "$(stat -c %s "$LOG")"
	for names in getpid rt_sigprocmask 'rt_sigprocmask pwritev2'; do
		# Its reader is gone.
		exec 6> >(:)
		wait $!
		run bash -c 'printf x >&6'
		assert_status 141
		# shellcheck disable=SC2086 # into words
		assert_match 'calls ok ok v6only 1$' \
			"$(scene plain "calls=$(number $names)" POLICY=ipv6-only LOG=fd:6 LOG_LEVEL=all)" "$names"
		exec 6>&-
	done
}

# ---- no /proc

without_proc() {
	mount -t tmpfs none /proc
	[ ! -e /proc/self ]
	while IFS='|' read -r name bare shimmed settings; do
		assert_eq "$bare" "$(scene "$name" '')" 'control, bare'
		for log in off "$LOG" stderr fd:7; do
			for straits in '' 'descriptors memory'; do
				assert_match "$shimmed\$" "$(scene "$name" "$straits" "$settings" LOG="$log" LOG_FORMAT=json LOG_LEVEL=all)" "$name"
			done
		done
	done < <(scenes)
}

@test "no /proc: what is governed is governed, and own sockets are found by their numbers" {
	require_mounts
	# Bash has no descriptors of commands there.
	scenes >"$DIR/scenes"
	eval "$(declare -f without_proc | sed 's|<(scenes)|"$DIR/scenes"|')"
	HELPER_VARIABLES+=(NETLINK)
	close_bats_fds() { exec 3>&- 4>&-; }
	apart without_proc
	assert_eq '["split",true]
["share",true]' "$(json_records "$LOG" 'select(.finding == "conflict" and .action != "none") | [.action, .holder.fd != null]' |
		sort -ru)"
	assert_eq '' "$(json_records "$LOG" 'select(.event == "lost")')"
}
