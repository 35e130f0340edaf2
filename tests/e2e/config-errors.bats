#!/usr/bin/env bats
# A configuration that does not parse never starts a server half-protected: the library says what is wrong, once, and
# refuses every bind and listen; the command starts nothing (DESIGN.md 1.3). Which sentence belongs to which mistake
# is tests/unit's; here one mistake of each kind goes all the ways in.

load helper

REST='v6shim: every bind and listen on IPv4 and IPv6 fails with EINVAL until this is mended'

# refused ENV...: an unmodified program under the library in that environment is refused what it should be,
# and nothing else; what was said is in $DIR/err.
refused() {
	local expected got

	expected='fd 3 EINVAL EINVAL ok EINVAL ok fd 3 EINVAL EINVAL ok fd 3 EINVAL ok fd 3 EINVAL ok fd 3 ok ok ok'
	got=$(
		close_bats_fds
		env "$@" LD_PRELOAD="$LIB" "$PROGRAMS/drive" \
			'socket tcp6' listen 'bind :: 0' 'v6only 1' 'bind ::1 0' close \
			'socket tcp4' listen 'bind 0.0.0.0 0' close \
			'socket udp6' 'bind :: 0' close 'socket udp4' 'bind 127.0.0.1 0' close \
			'socket unix' bind listen close 2>"$DIR/err" | sed 's/.*: //' | paste -sd' '
	)
	assert_eq "$expected" "$got" "$*"
}

# refuses_to_start [ENV...] -- [OPTION...]: neither run nor config does anything, and both say what is in $DIR/err.
refuses_to_start() {
	local environment=() word status

	while [ "$1" != -- ]; do
		environment+=("$1")
		shift
	done
	for word in config run; do
		[ $word = config ] || set -- "$@" -- touch "$DIR/marker"
		status=0
		env "${environment[@]}" "$V6SHIM" $word "${@:2}" >"$DIR/out" 2>"$DIR/err.$word" || status=$?
		[ $word = config ] || status=${status/125/2}
		assert_eq '2 ' "$status $(<"$DIR/out")" "$word $*"
	done
	[ ! -e "$DIR/marker" ] || fail "run $* started its command"
	assert_eq "$(<"$DIR/err.config")" "$(<"$DIR/err.run")" "what config and run say"
	mv "$DIR/err.run" "$DIR/err"
}

@test "control: without a mistake all of it works, with and without the library" {
	ask=('socket tcp6' 'bind :: 0' listen 'socket tcp4' 'bind 0.0.0.0 0' listen 'socket udp6' 'bind :: 0'
		'socket udp4' 'bind 127.0.0.1 0' 'socket unix' bind listen)
	assert_eq '' "$("$PROGRAMS/drive" "${ask[@]}" | grep E || :)"
	assert_eq '' "$(shim POLICY=both LOG=off -- "$PROGRAMS/drive" "${ask[@]}" 2>&1 | grep E || :)"
	"$V6SHIM" run --policy both --log off -- touch "$DIR/marker"
	[ -e "$DIR/marker" ]
	"$V6SHIM" config --policy both >"$DIR/out"
	grep -Eq '^policy +(= )?both' "$DIR/out"
}

@test "the library, run and config say the same of the environment, of options in both spellings, and of a file" {
	while IFS='|' read -r setting column message; do
		name=${setting%%=*} value=${setting#*=}
		variable=V6SHIM_${name^^} variable=${variable//-/_}
		refused "$variable=$value"
		assert_eq "v6shim: $variable: $message"$'\n'"$REST" "$(<"$DIR/err")"
		refuses_to_start "$variable=$value" --
		assert_eq "v6shim: $variable: $message" "$(<"$DIR/err")"
		for option in "--$setting" "--$name $value"; do
			# shellcheck disable=SC2086 # one word, or two
			refuses_to_start -- $option
			assert_eq "v6shim: --$name: $message" "$(<"$DIR/err")"
		done
		printf '\n%s = %s\n' "$name" "$value" >"$DIR/conf"
		# A file has the column in the place.
		said="v6shim: $DIR/conf:2:$column: $name: ${message/ at column [0-9]/}"
		refused V6SHIM_CONFIG="$DIR/conf"
		assert_eq "$said"$'\n'"$REST" "$(<"$DIR/err")"
		refuses_to_start -- --config "$DIR/conf"
		assert_eq "$said" "$(<"$DIR/err")"
	done <<-END
		policy=ipv6only|10|unknown value 'ipv6only'; did you mean 'ipv6-only'
		mode=dry-run|8|unknown value 'dry-run'; did you mean 'log'
		on-contrary=deny:EPREM|20|unknown errno 'EPREM' at column 6; did you mean 'EPERM'
	END
}

@test "an unknown name in V6SHIM_*, or an unknown option, is an error that names the nearest, or all" {
	while read -r name nearest; do
		said="v6shim: $name: unknown setting; did you mean '$nearest'"
		if [[ $name == --* ]]; then
			said=${said/setting/option}
			refuses_to_start -- "$name=both"
		else
			refused "$name=both"
			assert_eq "$said"$'\n'"$REST" "$(<"$DIR/err")"
			refuses_to_start "$name=both" --
		fi
		assert_eq "$said" "$(<"$DIR/err")"
	done <<-END
		V6SHIM_POLCY V6SHIM_POLICY
		V6SHIM_ON-CONTRARY V6SHIM_ON_CONTRARY
		--loglevel --log-level
	END
	for name in V6SHIM_FROBNICATE V6SHIM_; do
		refused "$name=both"
		said=$(head -n 1 "$DIR/err")
		for setting in POLICY ON_CONTRARY ORDER ON_DISORDER ON_CONFLICT MODE PROFILE RULES CONFIG LOG LOG_FORMAT LOG_LEVEL; do
			assert_match "^v6shim: $name: unknown setting; valid: .*V6SHIM_$setting(,|\$)" "$said"
		done
		refuses_to_start "$name=both" --
		assert_eq "$said" "$(<"$DIR/err")"
	done
	run "$V6SHIM" run --policy=both --nonsense-at-all -- true
	assert_status 125
	assert_eq "v6shim: --nonsense-at-all: unknown option; 'v6shim run --help' lists them" "$output"
}

@test "names that only look like ours are nobody's business" {
	for name in V6SHIM V6SHIMPOLICY MY_V6SHIM_POLICY v6shim_policy; do
		resolve env "$name=nonsense" LD_PRELOAD="$LIB" "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0'
		assert_eq 'bind :: 0: ok' "$("${COMMAND[@]}" 2>&1 | tail -n 1)" "$name"
	done
}

@test "neither mode=log, nor policy=app, nor the other settings being right mends it" {
	refused V6SHIM_MODE=log V6SHIM_POLICY=ipv6only V6SHIM_LOG=off
	refused V6SHIM_POLICY=ipv6-only V6SHIM_LOG=off V6SHIM_LOG_LEVEL=everything
	refused V6SHIM_POLICY=app V6SHIM_LOG=off V6SHIM_COLOUR=red
}

@test "a child of fork is refused as well, and says nothing again" {
	resolve shim POLICY=ipv6only -- "$PROGRAMS/drive" fork 'socket tcp6' listen fork 'bind :: 0'
	(close_bats_fds && exec "${COMMAND[@]}") >"$DIR/out" 2>"$DIR/err"
	assert_eq 'fork: ok socket tcp6: fd 3 listen: EINVAL fork: ok bind :: 0: EINVAL' \
		"$(paste -sd' ' "$DIR/out")"
	assert_eq 2 "$(wc -l <"$DIR/err")"
}

@test "a client is neither refused anything nor spoken to, and other descriptors keep the kernel's own errors" {
	port=$(free_port)
	start server --tcp "$port" "$EXAMPLES/dual-echo" "$port"
	resolve shim POLICY=ipv6only -- "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' "connect ::1 $port" \
		'socket tcp4' nodelay "connect 127.0.0.1 $port" 'socket udp6' "connect ::ffff:127.0.0.1 $port" resolve
	assert_eq '' "$("${COMMAND[@]}" 2>"$DIR/err" | grep E || :)"
	# Who never binds is not spoken to.
	assert_eq '' "$(<"$DIR/err")"
	for under in '' POLICY=both POLICY=ipv6only; do
		resolve ${under:+shim "$under" LOG=off --} "$PROGRAMS/drive" 'socket tcp6' close listen 'bind :: 0' \
			'socket tcp6' 'bind :: 0'
		expected='ok EBADF EBADF fd 3 ok'
		[ "$under" != POLICY=ipv6only ] || expected='ok EBADF EBADF fd 3 EINVAL'
		assert_eq "$expected" \
			"$(close_bats_fds && "${COMMAND[@]}" 2>/dev/null | tail -n 5 | sed 's/.*: //' | paste -sd' ')" "$under"
	done
}

# serve_over_socket ENV...: drive with a socket for standard error, as inetd has it; what came out of it.
serve_over_socket() {
	python3 -c '
import os, socket, subprocess, sys
ours, theirs = socket.socketpair()
out = subprocess.run(["env"] + sys.argv[1:], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs).stdout
theirs.close()
sys.stdout.buffer.write(out + b"said: " + ours.recv(65536) + b"\n")' \
		"$@" LD_PRELOAD="$LIB" "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' 'bind :: 0' get |
		tail -n 3 | sed 's/.*: //' | paste -sd' '
}

@test "nothing is written to a standard error that is a socket, and bind is refused all the same" {
	require python3
	assert_eq 'EINVAL 0 ' "$(serve_over_socket V6SHIM_POLICY=ipv6only)"
	# Records neither, where standard error is the log.
	assert_eq 'ok 1 ' "$(serve_over_socket V6SHIM_POLICY=ipv6-only V6SHIM_LOG_LEVEL=all)"
	# To anything else they are.
	resolve shim POLICY=ipv6-only LOG_LEVEL=all -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0'
	assert_match 'v6shim drive\[[0-9]+\]: bind' "$("${COMMAND[@]}" 2>&1)"
}

@test "a standard error that takes nothing does not matter" {
	resolve shim POLICY=ipv6only -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0'
	for to in /dev/full /dev/null; do
		assert_eq 'bind :: 0: EINVAL' "$("${COMMAND[@]}" 2>$to | tail -n 1)" $to
	done
	# A pipe that nobody reads: neither a wait nor a signal.
	mkfifo "$DIR/pipe"
	exec 8<>"$DIR/pipe"
	exec 7>"$DIR/pipe" 8<&-
	assert_eq 'bind :: 0: EINVAL' "$("${COMMAND[@]}" 2>&7 7>&- | tail -n 1)" 'closed pipe'
	exec 7>&-
}
