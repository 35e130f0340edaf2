#!/usr/bin/env bats
# A configuration that does not parse never starts a server half-protected: the library says what is wrong,
# once, and refuses every bind and listen; the command starts nothing (DESIGN.md 1.3).

load helper

REST='v6shim: every bind and listen on IPv4 and IPv6 fails with EINVAL until this is mended'

setup() {
	DIR=$BATS_TEST_TMPDIR
}

# What is wrong, and what is said of it: setting, value, position, and the nearest valid word or else the
# valid ones.
table() {
	local policies='app, ipv6-only, both, default-ipv6-only, default-both'
	local logs='stderr, off, syslog, fd:N, /PATH'

	cat <<-END
		policy=ipv6only         unknown value 'ipv6only'; did you mean 'ipv6-only'
		policy=IPv6-only        unknown value 'IPv6-only'; did you mean 'ipv6-only'
		policy=ipv6_only        unknown value 'ipv6_only'; did you mean 'ipv6-only'
		policy=bth              unknown value 'bth'; did you mean 'both'
		policy=default-bpth     unknown value 'default-bpth'; did you mean 'default-both'
		policy=both,            unknown value 'both,'; did you mean 'both'
		policy=1                unknown value '1'; valid: $policies
		policy=                 no value given; valid: $policies
		mode=logs               unknown value 'logs'; did you mean 'log'
		mode=dry-run            unknown value 'dry-run'; valid: enforce, log
		on-contrary=deny        unknown value 'deny'; did you mean 'deny:ERRNO'
		on-contrary=forbid      unknown value 'forbid'; valid: allow, deny:ERRNO
		on-contrary=deny:EPREM  unknown errno 'EPREM' at column 6; did you mean 'EPERM'
		on-contrary=deny:eperm  unknown errno 'eperm' at column 6; did you mean 'EPERM'
		on-contrary=deny:1      unknown errno '1' at column 6; a symbolic name is meant, as in deny:EPERM
		on-contrary=deny:       no errno given at column 6; a symbolic name is meant, as in deny:EPERM
		log=stdrr               unknown value 'stdrr'; did you mean 'stderr'
		log=                    no value given; valid: $logs
		log=fd:                 no descriptor's number given at column 4
		log=fd:two              'two' at column 4 is no descriptor's number
		log=fd:-1               '-1' at column 4 is no descriptor's number
		log=fd:99999999999      '99999999999' at column 4 is no descriptor's number
		log=/var/log/%q.log     '%q' at column 10 is no conversion; valid: %p, %n, %%
		log=/var/log/x%         '%' at column 11 is no conversion; valid: %p, %n, %%
		log=/var/log/           '/var/log/' is a directory, a file is meant
		log-format=jsn          unknown value 'jsn'; did you mean 'json'
		log-level=al            unknown value 'al'; did you mean 'all'
		log-level=debug         unknown value 'debug'; valid: change, error, bind, all
	END
}

# environment_name SETTING
environment_name() {
	local name=${1^^}

	printf 'V6SHIM_%s' "${name//-/_}"
}

# refused ENV...: an unmodified program under the library in that environment is refused what it should be,
# and nothing else; what was said is in $DIR/err.
refused() {
	local expected got

	expected='fd 3 EINVAL EINVAL ok EINVAL ok fd 3 EINVAL EINVAL ok fd 3 EINVAL ok fd 3 EINVAL ok fd 3 ok ok ok'
	got=$(
		close_bats_fds
		env "$@" LD_PRELOAD="$LIB" "$PROGRAMS/steps" \
			'socket tcp6' 'bind :: 0' listen 'v6only 1' 'bind ::1 0' close \
			'socket tcp4' 'bind 0.0.0.0 0' listen close \
			'socket udp6' 'bind :: 0' close 'socket udp4' 'bind 127.0.0.1 0' close \
			'socket unix' bind listen close 2>"$DIR/err" | sed 's/.*: //' | paste -sd' '
	)
	assert_eq "$expected" "$got" "$*"
}

# refuses_to_start ENV... -- [OPTION...]: neither run nor config does anything; what was said is in $DIR/err.
refuses_to_start() {
	local environment=() status

	while [ "$1" != -- ]; do
		environment+=("$1")
		shift
	done
	shift
	status=0
	env "${environment[@]}" "$V6SHIM" config "$@" >"$DIR/out" 2>"$DIR/config-err" || status=$?
	assert_eq "2 " "$status $(<"$DIR/out")" "config $*"
	status=0
	env "${environment[@]}" "$V6SHIM" run "$@" -- touch "$DIR/marker" >"$DIR/out" 2>"$DIR/err" || status=$?
	assert_eq "2 " "$status $(<"$DIR/out")" "run $*"
	[ ! -e "$DIR/marker" ] || fail "run $* started its command"
	assert_eq "$(<"$DIR/err")" "$(<"$DIR/config-err")" "what run and config say"
}

@test "control: without a mistake all of it works, with and without the library" {
	ask=('socket tcp6' 'bind :: 0' listen 'socket tcp4' 'bind 0.0.0.0 0' listen 'socket udp6' 'bind :: 0'
		'socket udp4' 'bind 127.0.0.1 0' 'socket unix' bind listen)
	assert_eq '' "$("$PROGRAMS/steps" "${ask[@]}" | grep E || :)"
	assert_eq '' "$(shim POLICY=both LOG=off -- "$PROGRAMS/steps" "${ask[@]}" 2>&1 | grep E || :)"
	"$V6SHIM" run --policy both --log off -- touch "$DIR/marker"
	[ -e "$DIR/marker" ]
	"$V6SHIM" config --policy both >"$DIR/out"
	grep -Eq '^policy +(= )?both' "$DIR/out"
}

@test "the library says what is wrong, once, and refuses bind and listen on IPv4 and IPv6 alone" {
	while read -r setting message; do
		name=$(environment_name "${setting%%=*}")
		refused "$name=${setting#*=}"
		assert_eq "v6shim: $name: $message"$'\n'"$REST" "$(<"$DIR/err")"
	done < <(table)
}

@test "the command says the same, of the environment, and starts nothing" {
	while read -r setting message; do
		name=$(environment_name "${setting%%=*}")
		refuses_to_start "$name=${setting#*=}" --
		assert_eq "v6shim: $name: $message" "$(<"$DIR/err")"
	done < <(table)
}

@test "the command says the same of its options, in both spellings, and starts nothing" {
	while read -r setting message; do
		refuses_to_start -- "--$setting"
		assert_eq "v6shim: --${setting%%=*}: $message" "$(<"$DIR/err")"
		refuses_to_start -- "--${setting%%=*}" "${setting#*=}"
		assert_eq "v6shim: --${setting%%=*}: $message" "$(<"$DIR/err")"
	done < <(table)
}

@test "an unknown name in V6SHIM_* is an error that names the nearest, or all" {
	while read -r name nearest; do
		message="did you mean '$nearest'"
		refused "$name=both"
		assert_eq "v6shim: $name: unknown setting; $message"$'\n'"$REST" "$(<"$DIR/err")"
		refuses_to_start "$name=both" --
		assert_eq "v6shim: $name: unknown setting; $message" "$(<"$DIR/err")"
	done <<-END
		V6SHIM_POLCY V6SHIM_POLICY
		V6SHIM_policy V6SHIM_POLICY
		V6SHIM_ON-CONTRARY V6SHIM_ON_CONTRARY
		V6SHIM_LOGLEVEL V6SHIM_LOG_LEVEL
	END
	for name in V6SHIM_FROBNICATE V6SHIM_; do
		refused "$name=both"
		assert_eq 2 "$(wc -l <"$DIR/err")"
		for setting in policy on-contrary order on-disorder on-conflict mode profile rules config log log-format \
			log-level; do
			assert_match "^v6shim: $name: unknown setting; valid: .*$(environment_name $setting)(,|"$'\n'")" "$(<"$DIR/err")"
		done
		said=$(head -n 1 "$DIR/err")
		refuses_to_start "$name=both" --
		assert_eq "$said" "$(<"$DIR/err")"
	done
}

@test "names that only look like ours are nobody's business" {
	for name in V6SHIM V6SHIMPOLICY MY_V6SHIM_POLICY v6shim_policy; do
		resolve env "$name=nonsense" LD_PRELOAD="$LIB" "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0'
		assert_eq 'bind :: 0: ok' "$("${COMMAND[@]}" 2>&1 | tail -n 1)" "$name"
	done
}

@test "an unknown option is an error that names the nearest" {
	while read -r option message; do
		refuses_to_start -- "$option=both"
		assert_eq "v6shim: $option: unknown setting; $message" "$(<"$DIR/err")"
	done <<-END
		--polcy did you mean '--policy'
		--on_contrary did you mean '--on-contrary'
		--loglevel did you mean '--log-level'
	END
	refuses_to_start -- --policy=both --nonsense-at-all
	assert_match '^v6shim: --nonsense-at-all: unknown setting; valid: --policy, ' "$(<"$DIR/err")"
}

@test "several mistakes are all told, each once" {
	mistakes=(V6SHIM_POLICY=ipv6only V6SHIM_MODE=logs V6SHIM_LOG_LEVEL=al V6SHIM_COLOUR=red)
	told="v6shim: V6SHIM_COLOUR: unknown setting; valid: V6SHIM_POLICY
v6shim: V6SHIM_LOG_LEVEL: unknown value 'al'; did you mean 'all'
v6shim: V6SHIM_MODE: unknown value 'logs'; did you mean 'log'
v6shim: V6SHIM_POLICY: unknown value 'ipv6only'; did you mean 'ipv6-only'"
	refused "${mistakes[@]}"
	assert_eq "$REST" "$(tail -n 1 "$DIR/err")"
	assert_eq "$told" "$(head -n -1 "$DIR/err" | sed 's/\(valid: V6SHIM_POLICY\),.*/\1/' | sort)"
	refuses_to_start "${mistakes[@]}" --
	assert_eq "$told" "$(sed 's/\(valid: V6SHIM_POLICY\),.*/\1/' "$DIR/err" | sort)"
	# The environment's and the command line's.
	refuses_to_start V6SHIM_MODE=logs -- --policy=bth
	assert_eq "v6shim: --policy: unknown value 'bth'; did you mean 'both'
v6shim: V6SHIM_MODE: unknown value 'logs'; did you mean 'log'" "$(sort "$DIR/err")"
}

@test "what is told is one line that cannot command a terminal" {
	value=$'a\nv6shim: forged\e[31m\xff\\'
	refused V6SHIM_POLICY="$value"
	assert_eq "v6shim: V6SHIM_POLICY: unknown value 'a\\x0av6shim: forged\\x1b[31m\\xff\\\\'; valid: app, ipv6-only, both, default-ipv6-only, default-both
$REST" "$(<"$DIR/err")"
	refuses_to_start V6SHIM_POLICY="$value" --
	assert_eq 1 "$(wc -l <"$DIR/err")"
}

@test "a relative path of a log is the command's to make absolute, for the library it is an error" {
	for path in x.jsonl ./x dir/x; do
		refused V6SHIM_LOG=$path
		assert_eq "v6shim: V6SHIM_LOG: '$path' is not an absolute path"$'\n'"$REST" "$(<"$DIR/err")"
		[ ! -e "$path" ]
		"$V6SHIM" config --log $path >/dev/null
		V6SHIM_LOG=$path "$V6SHIM" config >/dev/null
	done
}

@test "mode=log does not mend a configuration that does not parse" {
	refused V6SHIM_MODE=log V6SHIM_POLICY=ipv6only V6SHIM_LOG=off
}

@test "the other settings being right does not help, nor does policy=app" {
	refused V6SHIM_POLICY=ipv6-only V6SHIM_LOG=off V6SHIM_LOG_LEVEL=everything
	refused V6SHIM_POLICY=app V6SHIM_LOG=off V6SHIM_COLOUR=red
}

@test "a child of fork is refused as well, and says nothing again" {
	resolve shim POLICY=ipv6only -- "$PROGRAMS/steps" fork 'socket tcp6' 'bind :: 0' fork 'bind :: 0' listen
	(close_bats_fds && exec "${COMMAND[@]}") >"$DIR/out" 2>"$DIR/err"
	assert_eq 'fork: ok socket tcp6: fd 3 bind :: 0: EINVAL fork: ok bind :: 0: EINVAL listen: EINVAL' \
		"$(paste -sd' ' "$DIR/out")"
	assert_eq 2 "$(wc -l <"$DIR/err")"
}

@test "a client is not refused anything" {
	port=$(free_port)
	start server --says ready "$PROGRAMS/serve" -p "$port"
	resolve shim POLICY=ipv6only -- "$PROGRAMS/steps" 'socket tcp6' 'v6only 0' "connect ::1 $port" \
		'socket tcp4' nodelay "connect 127.0.0.1 $port" 'socket udp6' "connect ::ffff:127.0.0.1 $port" resolve
	assert_eq '' "$("${COMMAND[@]}" 2>"$DIR/err" | grep E || :)"
	assert_match 'unknown value' "$(<"$DIR/err")"
}

@test "other descriptors keep the kernel's own errors" {
	for under in '' POLICY=both POLICY=ipv6only; do
		settings=()
		[ -z "$under" ] || settings=(shim "$under" LOG=off --)
		resolve "${settings[@]}" "$PROGRAMS/steps" 'socket tcp6' close 'bind :: 0' listen 'socket tcp6' 'bind :: 0'
		expected='ok EBADF EBADF fd 3 ok'
		[ "$under" != POLICY=ipv6only ] || expected='ok EBADF EBADF fd 3 EINVAL'
		assert_eq "$expected" \
			"$(close_bats_fds && "${COMMAND[@]}" 2>/dev/null | tail -n 5 | sed 's/.*: //' | paste -sd' ')" "$under"
	done
}

# serve_over_socket ENV...: steps with a socket for standard error, as inetd has it; what came out of it.
serve_over_socket() {
	python3 -c '
import os, socket, subprocess, sys
ours, theirs = socket.socketpair()
out = subprocess.run(["env"] + sys.argv[1:], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs).stdout
theirs.close()
sys.stdout.buffer.write(out + b"said: " + ours.recv(65536) + b"\n")' \
		"$@" LD_PRELOAD="$LIB" "$PROGRAMS/steps" 'socket tcp6' 'v6only 0' 'bind :: 0' get
}

@test "nothing is written to a standard error that is a socket, and bind is refused all the same" {
	require python3
	assert_eq 'EINVAL 0 ' "$(serve_over_socket V6SHIM_POLICY=ipv6only | tail -n 3 | sed 's/.*: //' | paste -sd' ')"
	# Records neither, where standard error is the log.
	assert_eq 'ok 1 ' "$(serve_over_socket V6SHIM_POLICY=ipv6-only V6SHIM_LOG_LEVEL=all | tail -n 3 |
		sed 's/.*: //' | paste -sd' ')"
	# To anything else they are.
	resolve shim POLICY=ipv6-only LOG_LEVEL=all -- "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0'
	assert_match 'v6shim steps\[[0-9]+\]: bind' "$("${COMMAND[@]}" 2>&1)"
}

@test "a standard error that takes nothing does not matter" {
	for to in /dev/full /dev/null; do
		resolve shim POLICY=ipv6only -- "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0'
		assert_eq 'bind :: 0: EINVAL' "$("${COMMAND[@]}" 2>$to | tail -n 1)" $to
	done
	# A pipe that nobody reads: neither a wait nor a signal.
	mkfifo "$DIR/pipe"
	exec 8<>"$DIR/pipe"
	exec 7>"$DIR/pipe" 8<&-
	assert_eq 'bind :: 0: EINVAL' "$("${COMMAND[@]}" 2>&7 7>&- | tail -n 1)" 'closed pipe'
	exec 7>&-
}
