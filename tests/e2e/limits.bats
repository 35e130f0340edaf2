#!/usr/bin/env bats
# A server gets its bind where the shim gets nothing: no descriptor, no address space, no /proc, system calls that a
# seccomp filter refuses (DESIGN.md 1.8, point 1: no bind or listen fails that would have succeeded without the shim).
# What a log meets there (RLIMIT_FSIZE, a full disk, every descriptor taken, 0 to 2 closed) has sink.bats.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load helper

STRAITS=$PROGRAMS/straits
UNSAFE=$PROGRAMS/hostile/unsafe.so

setup() {
	DIR=$BATS_TEST_TMPDIR
	LOG=$DIR/log.jsonl
}

# on_one_line COMMAND...: its output, and where it was not 0 its status.
on_one_line() {
	local said status=0

	said=$(close_bats_fds && exec "$@" 2>"$DIR/err" 7>>"$DIR/seven") || status=$?
	paste -sd' ' <<<"$said" | sed "s/\$/$([ $status -eq 0 ] || echo " status $status")/"
}

# The settings that shimmed is called with, and nothing of bats'.
shimmed() {
	on_one_line env LD_PRELOAD="$LIB" "${SETTINGS[@]/#/V6SHIM_}" "$@"
}

# What programs/straits says of a scene: bare, and under the settings that scene_settings has for it.
said_bare() {
	case $1 in
	plain) echo 'calls ok ok v6only 0' ;;
	udp | datagrams) echo 'calls ok v6only 0' ;;
	refused) echo 'calls EADDRINUSE v6only 0' ;;
	*) echo 'calls EADDRINUSE ok v6only 0' ;;
	esac
}

said_shimmed() {
	case $1 in
	plain) echo 'calls ok ok v6only 1' ;;
	udp) echo 'calls ok v6only 1' ;;
	refused) echo 'calls EADDRINUSE v6only 0' ;;
	4-after-6) echo 'calls ok ok v6only 0' ;;
	datagrams) echo 'calls ok v6only 0' ;;
	*) echo 'calls ok ok v6only 1' ;;
	esac
}

scene_settings() {
	SETTINGS=(LOG_LEVEL=all LOG="$2")
	case $1 in
	plain | udp | refused) SETTINGS+=(POLICY=ipv6-only) ;;
	*) SETTINGS+=(ON_CONFLICT=resolve) ;;
	esac
}

scenes=(plain udp refused 6-after-4 4-after-6 datagrams)

# ---- no descriptor, no address space

# proof OPTION...: what shows that the straits are there.
proof() {
	local word

	for word in "$@"; do
		case $word in
		-d) echo 'descriptor EMFILE' ;;
		-a) echo 'memory ENOMEM' ;;
		-n) echo 'refused EPERM' ;;
		esac
	done | paste -sd' '
}

straits_of() {
	printf '%s\n' '' -d -a -n '-d -a' '-d -a -n'
}

@test "control: bare, in every strait, each scene is what it is without; a shim that needs a descriptor loses the bind" {
	while read -ra straits; do
		for scene in "${scenes[@]}"; do
			assert_eq "$(proof "${straits[@]}") $(said_bare "$scene")" \
				"$(on_one_line "$STRAITS" "${straits[@]}" "$scene" | sed 's/^calls/ calls/')" "${straits[*]} $scene"
		done
	done < <(straits_of)
	export LD_PRELOAD=$UNSAFE UNSAFE=refuse
	assert_eq 'calls ok ok v6only 1' "$(on_one_line "$STRAITS" plain)"
	assert_eq 'descriptor EMFILE calls EMFILE ok v6only 1' "$(on_one_line "$STRAITS" -d plain)"
}

@test "no descriptor left, no address space left, neither: every bind succeeds, governed, and every conflict is resolved" {
	while read -ra straits; do
		for scene in "${scenes[@]}"; do
			for log in off "$LOG" stderr fd:7; do
				scene_settings "$scene" "$log"
				assert_eq "$(proof "${straits[@]}") $(said_shimmed "$scene")" \
					"$(shimmed "$STRAITS" "${straits[@]}" "$scene" | sed 's/^calls/ calls/')" "${straits[*]} $scene, log $log"
			done
		done
	done < <(straits_of)
	# The log was open before, and goes on.
	assert_eq '' "$(json_records "$LOG" 'select(.event == "lost" or .event == "error")')"
	[ "$(json_records "$LOG" 'select(.event == "bind" and .after == 1 and .result == 0)' | wc -l)" -ge 12 ]
}

@test "another process is the holder, and nothing is left to find it with: resolved, or the kernel's errno and a record" {
	port=$(free_port)
	start holder --says ready "$PROGRAMS/serve" -4 -p "$port"
	while read -ra straits; do
		proof=$(proof "${straits[@]}")
		rm -f "$LOG"
		SETTINGS=(ON_CONFLICT=resolve LOG="$LOG")
		assert_eq "$proof calls ok ok v6only 1" "$(shimmed "$STRAITS" "${straits[@]}" "6-after:$port" | sed 's/^calls/ calls/')"
		SETTINGS=(LOG="$LOG")
		assert_eq "$proof $(said_bare "6-after:$port")" \
			"$(shimmed "$STRAITS" "${straits[@]}" "6-after:$port" | sed 's/^calls/ calls/')"
		# Whom nobody could be asked about is not named.
		holder='"0.0.0.0"'
		[[ ${straits[*]} != *[dn]* ]] || holder=null
		assert_eq "[\"split\",null,$holder]
[\"none\",\"EADDRINUSE\",$holder]" "$(json_records "$LOG" 'select(.event == "bind") | [.action, .errno, .holder.addr]')" "${straits[*]}"
	done < <(straits_of)
}

@test "a governed bind that fails gives V6ONLY back, also where no descriptor is left to ask the default with" {
	for policy in ipv6-only both; do
		for log in off "$LOG"; do
			for straits in -d -n '-d -a'; do
				SETTINGS=(POLICY="$policy" LOG="$log")
				# shellcheck disable=SC2086 # into its words
				assert_match 'calls EADDRINUSE v6only 0$' "$(shimmed "$STRAITS" $straits refused)"
			done
		done
	done
}

# ---- seccomp

# The system calls that the shim makes for itself, by its source: "NAME NUMBER" a line. What this machine does not have
# (socketcall, fcntl64) stays a name.
own_calls() {
	grep -ohE '\bSYS_[a-z0-9_]+' "$ROOT"/shim/preload/*.[ch] | sort -u |
		sed 's/^SYS_\(.*\)/\1 SYS_\1/' | (echo '#include <sys/syscall.h>' && cat) | cc -E -P -x c - 2>/dev/null |
		grep -E '^[a-z0-9_]+ [0-9]+$'
}

# What the application itself calls, or the test: refused, there is nothing left to see.
not_own='socket|bind|listen'

# What cannot come about without the call, by name and scene; then it is as it is bare. Which type a socket is that binds
# port 0, who holds a port in this process, and V6ONLY itself, only these calls tell.
without() {
	case $1/$2 in
	getsockopt/plain | getsockopt/6-after-4 | getsockopt/4-after-6 | getsockname/4-after-6) said_bare "$2" ;;
	setsockopt/*) said_bare "$2" ;;
	*) said_shimmed "$2" ;;
	esac
}

@test "each system call that the shim makes for itself, refused by a seccomp filter: the server still gets its bind" {
	require cc
	own_calls | grep -vE "^($not_own) " >"$DIR/calls"
	for call in getsockname getsockopt setsockopt fstat statx newfstatat openat getrlimit getpid gettid write rt_sigprocmask \
		getdents64 readlinkat pwritev2 fcntl; do
		grep -q "^$call " "$DIR/calls" || [ "$(uname -m)" != x86_64 ] || fail "$call is not in the list"
	done
	trap - DEBUG
	while read -r name nr; do
		for error in 1:EPERM 38:ENOSYS; do
			for scene in plain udp refused 6-after-4 4-after-6; do
				for log in "$LOG" stderr; do
					scene_settings "$scene" "$log"
					assert_eq "refused ${error#*:} $(without "$name" $scene)" \
						"$(shimmed "$STRAITS" -e "${error%:*}" -r "$nr" $scene)" "$name ${error#*:} $scene, log $log"
				done
			done
		done
	done <"$DIR/calls"
	echo "# $(wc -l <"$DIR/calls") system calls: $(cut -d' ' -f1 "$DIR/calls" | paste -sd' ')" >&3
	# Where it is the policy that cannot be had, it is said.
	assert_eq '"EPERM"
"ENOSYS"' "$(json_records "$LOG" 'select(.event == "error") | .errno' | sort -ru)"
	assert_match 'policy is not in force' "$(jq -r 'select(.event == "error") | .note' "$LOG" | head -n 1)"
}

@test "all of them but setsockopt refused at once, with the log on or off: the server still gets its bind" {
	require cc
	own_calls | grep -vE "^($not_own|setsockopt) " >"$DIR/calls"
	all=$(awk '{ print $2 }' "$DIR/calls" | paste -sd,)
	for error in 1 38; do
		for log in off "$LOG" stderr syslog; do
			for settings in POLICY=ipv6-only 'POLICY=both ORDER=ipv6-first ON_DISORDER=deny:EACCES' \
				'ON_CONFLICT=resolve ORDER=ipv6-first' 'PROFILE=openbsd'; do
				# shellcheck disable=SC2206 # into its words
				SETTINGS=(LOG_LEVEL=all LOG="$log" $settings)
				for scene in plain udp; do
					assert_match '^refused [A-Z]+ calls ok( ok)? v6only [01]$' "$(shimmed "$STRAITS" -e $error -n -r "$all" $scene |
						sed 's/^refused [A-Z]* /refused /')"
				done
			done
		done
	done
	# The port is what the policy needs to know, where the type cannot be had.
	SETTINGS=(POLICY=ipv6-only LOG=off)
	assert_match 'calls ok v6only 1$' "$(shimmed "$STRAITS" -r "$all" udp)"
	# The control: bare; and a shim that must know.
	assert_match 'calls ok v6only 0$' "$(on_one_line "$STRAITS" -r "$all" udp)"
	export LD_PRELOAD=$UNSAFE UNSAFE=refuse
	assert_match 'calls E[A-Z]+ v6only 1$' "$(on_one_line "$STRAITS" -r "$all" udp)"
}

@test "order=... with deny: where a filter hides the other family's socket, nobody is denied for it" {
	require cc
	SETTINGS=(ORDER=ipv6-first ON_DISORDER=deny:EACCES ON_CONFLICT=resolve LOG="$LOG")
	assert_eq 'calls ok ok v6only 0' "$(shimmed "$STRAITS" 4-after-6)"
	for name in getsockname getdents64 openat; do
		nr=$(own_calls | sed -n "s/^$name //p")
		# The port is shared where it can be, and EADDRINUSE otherwise, which is what there is bare: never EACCES.
		assert_match '^refused EPERM calls (ok|EADDRINUSE) ok v6only 0$' "$(shimmed "$STRAITS" -r "$nr" 4-after-6)"
	done
}

@test "a filter that was there before the program: the library comes up, and governs every call" {
	require cc
	SETTINGS=(POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all)
	stages=$(printf '%s: v6only 1\n' resolver preinit constructor main atexit destructor | paste -sd' ')
	assert_eq "${stages//1/0}" "$(on_one_line "$STRAITS" -r 65535 -x "$PROGRAMS/early")" 'control, bare'
	# Those that the dynamic linker and the program can do without.
	for name in getpid gettid rt_sigprocmask fcntl readlinkat getrlimit getdents64 dup3 nanosleep tgkill clock_gettime; do
		nr=$(own_calls | sed -n "s/^$name //p")
		[ -n "$nr" ] || continue
		for error in 1 38; do
			rm -f "$LOG"
			assert_eq "$stages" "$(on_one_line "$STRAITS" -e $error -r "$nr" -x env LD_PRELOAD="$LIB" "${SETTINGS[@]/#/V6SHIM_}" \
				"$PROGRAMS/early")" "$name"
			assert_eq 6 "$(json_records "$LOG" 'select(.event == "bind" and .after == 1)' | wc -l)" "$name"
		done
	done
	SETTINGS+=(ON_CONFLICT=resolve)
	assert_eq "$stages" "$(on_one_line "$STRAITS" -n -x env LD_PRELOAD="$LIB" "${SETTINGS[@]/#/V6SHIM_}" "$PROGRAMS/early")"
}

@test "a filter and a signal that would end the server: no SIGXFSZ without getrlimit, no SIGPIPE without rt_sigprocmask" {
	require cc
	number() { own_calls | sed -n "s/^$1 //p"; }
	# The control: such a write ends a program.
	run bash -c "ulimit -f 8; head -c 16384 /dev/zero >$DIR/big"
	assert_status 153
	printf 'x%.0s' {1..8192} >"$LOG"
	SETTINGS=(POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all)
	for names in getpid getrlimit getrlimit,rt_sigpending; do
		assert_match 'calls ok ok v6only 1$' "$(
			ulimit -f 8
			shimmed "$STRAITS" -r "$(for name in ${names//,/ }; do number "$name"; done | paste -sd,)" plain
		)"
	done
	assert_eq 8192 "$(stat -c %s "$LOG")"
	SETTINGS=(POLICY=ipv6-only LOG=fd:6 LOG_LEVEL=all)
	for names in getpid rt_sigprocmask rt_sigprocmask,pwritev2; do
		# Its reader is gone.
		exec 6> >(:)
		wait $!
		run bash -c 'printf x >&6'
		assert_status 141
		assert_match 'calls ok ok v6only 1$' "$(shimmed "$STRAITS" -r \
			"$(for name in ${names//,/ }; do number "$name"; done | paste -sd,)" plain)"
		exec 6>&-
	done
}

# ---- no /proc

@test "no /proc, in a mount namespace: what is governed is governed, and own sockets are found by their numbers" {
	[ "$EUID" -eq 0 ] || skip 'needs root, to hide /proc'
	unshare -m true 2>/dev/null || skip 'needs leave to make a mount namespace'
	# shellcheck disable=SC2016 # for the shell inside
	hidden=(unshare -m --propagation private -- bash -c 'mount -t tmpfs none /proc && [ ! -e /proc/self ] && exec "$@"' sh)
	for scene in "${scenes[@]}"; do
		assert_eq "$(said_bare "$scene")" "$(on_one_line "${hidden[@]}" "$STRAITS" "$scene")" 'control, bare'
		for log in off "$LOG" stderr fd:7; do
			scene_settings "$scene" "$log"
			for straits in '' '-d -a'; do
				# shellcheck disable=SC2086 # into its words
				assert_match "$(said_shimmed "$scene")\$" "$(on_one_line "${hidden[@]}" env LD_PRELOAD="$LIB" "${SETTINGS[@]/#/V6SHIM_}" \
					"$STRAITS" $straits "$scene")" "$scene"
			done
		done
	done
	assert_eq '["split",true]
["share",true]' "$(json_records "$LOG" 'select(.finding == "conflict" and .action != "none") | [.action, .holder.fd != null]' |
		sort -ru)"
	assert_eq '' "$(json_records "$LOG" 'select(.event == "lost")')"
}
