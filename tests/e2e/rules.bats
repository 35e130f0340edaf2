#!/usr/bin/env bats
# Rules and the configuration file: what of them reaches the kernel, what beats what, and `v6shim config`
# (DESIGN.md 1.3, 1.4, 1.7). Every mistake with its place is in tests/unit/rules and config; three of them
# are shown here to come out of both the command and the library.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load helper
load rows

# Rules name ports, so that these are not the kernel's to choose: in a namespace nobody else has them.
ruled() {
	require_netns
	in_netns rows "$@"
}

# value SETTING...: V6ONLY of an IPv6 stream that binds a port of the kernel's under these settings.
value() {
	shim LOG=off "$@" -- "$PROGRAMS/drive" 'socket tcp6' reuseaddr 'bind :: 0' get | sed -n 's/^get: //p'
}

# ---- what reaches the kernel

@test "ports and protocols: numbers, ranges, lists, names; 0 for a port that the kernel chooses" {
	ruled <<-END
		socket tcp6; bind :: 20000; get; b socket tcp6; bind :: 20010; get; c socket tcp6; bind :: 20011; get; d socket tcp6; bind :: 20020; get; e socket tcp6; reuseaddr; bind :: 0; get; f socket tcp6; listen; get
		bare -> 0 0 0 0 0 0
		rules='port=20000 => policy=ipv6-only' -> 1 0 0 0 0 0
		rules='port=20001-20010,20020 => policy=ipv6-only' -> 0 1 0 1 0 0
		rules='port=0 => policy=ipv6-only' -> 0 0 0 0 1 1
		rules='port=0-65535 => policy=ipv6-only' -> 1 1 1 1 1 1
		rules='port=1-65535 => policy=ipv6-only' -> 1 1 1 1 0 0
		socket tcp6; bind :: 20000; get; b socket udp6; bind :: 20000; get; c socket tcp6; listen; get; d socket udp6; bind :: 20001; get
		bare -> 0 0 0 0
		rules='proto=tcp => policy=ipv6-only' -> 1 0 1 0
		rules='proto=udp => policy=ipv6-only' -> 0 1 0 1
		rules='proto=17,6 => policy=ipv6-only' -> 1 1 1 1
		rules='proto=132 => policy=ipv6-only' -> 0 0 0 0
		rules='proto=udp port=20000 => policy=ipv6-only' -> 0 1 0 0
	END
	require_mptcp
	ruled <<-END
		socket mptcp6; bind :: 20000; get; b socket mptcp6; listen; get; c socket tcp6; bind :: 20001; get
		bare -> 0 0 0
		rules='proto=mptcp => policy=ipv6-only' -> 1 1 0
		rules='proto=tcp => policy=ipv6-only' -> 0 0 1
	END
}

@test "programs: the base names of what was executed, of the executable, of a script that is run, by glob" {
	rows <<-END
		socket tcp6; bind :: P; get
		bare -> 0
		rules='program=drive => policy=ipv6-only', rules='program=d*e => policy=ipv6-only' -> 1
		rules='program=?rive,other => policy=ipv6-only' -> 1
		rules='program=reach => policy=ipv6-only' -> 0
	END
	# A copy, a link, and a script by their own names.
	cp "$PROGRAMS/drive" "$DIR/copy"
	ln -s "$PROGRAMS/drive" "$DIR/link"
	cat >"$DIR/script" <<-'END'
		#!/usr/bin/python3 -I
		import socket
		s = socket.socket(socket.AF_INET6)
		s.listen()
		print("get:", s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
	END
	chmod +x "$DIR/script"
	for name in copy link script; do
		assert_line 'get: 1' "$(shim LOG=off RULES="program=$name => policy=ipv6-only" -- \
			"$DIR/$name" 'socket tcp6' listen get)"
	done
	# The executable of a link and of a script; a copy is another one.
	while read -r name value; do
		assert_line "get: $value" "$(shim LOG=off RULES='program=drive,python* => policy=ipv6-only' -- \
			"$DIR/$name" 'socket tcp6' listen get)" "$name"
	done <<-END
		copy 0
		link 1
		script 1
	END
	# A script by its name where env or an interpreter runs it, and no other operand's.
	sed -i '1s/.*/#!\/usr\/bin\/env -S \/usr\/bin\/python3 -I/' "$DIR/script"
	while IFS='|' read -r command value; do
		read -ra words <<<"$command"
		assert_line "get: $value" "$(shim LOG=off RULES='program=script => policy=ipv6-only' -- "${words[@]}")" "$command"
	done <<-END
		$DIR/script|1
		/usr/bin/env -S /usr/bin/python3 -I $DIR/script|1
		/usr/bin/python3 -I -B $DIR/script other|1
		/usr/bin/env $DIR/script|1
	END
	cp "$DIR/script" "$DIR/other"
	assert_line 'get: 0' "$(shim LOG=off RULES='program=script => policy=ipv6-only' -- "$DIR/other" "$DIR/script")"
}

@test "the first rule that matches applies, and no other; what it does not set keeps its value" {
	ruled --events bind --fields rule,policy,mode <<-END
		socket tcp6; bind :: 20000; get; b socket tcp6; bind :: 20001; get; c socket udp6; bind :: 20000; get
		bare -> 0 0 0
		rules='port=20000 => policy=both; => policy=ipv6-only' -> 0 1 0 | 1 both enforce; 2 ipv6-only enforce; 1 both enforce
		rules='=> policy=ipv6-only; port=20000 => policy=both' -> 1 1 1 | 1 ipv6-only enforce; 1 ipv6-only enforce; 1 ipv6-only enforce
		# One that sets something else is the first too.
		rules='port=20000 => on-conflict=share; => policy=ipv6-only' -> 0 1 0
		rules='program=other => policy=both; proto=udp => policy=both; port=1-20000 => policy=ipv6-only; => policy=both' -> 1 0 0 | 3 ipv6-only enforce; 4 both enforce; 2 both enforce
		policy=ipv6-only rules='port=20000 => on-conflict=share' -> 1 1 1 | 1 ipv6-only enforce; - ipv6-only enforce; 1 ipv6-only enforce
		policy=ipv6-only rules='program=drive => mode=enforce' -> 1 1 1
		policy=ipv6-only rules='port=20000 => mode=log' -> 0 1 0 | 1 ipv6-only log; - ipv6-only enforce; 1 ipv6-only log
		policy=ipv6-only mode=log rules='port=20000 => mode=enforce' -> 1 0 1
		rules='port=1 => mode=log' -> 0 0 0 | - app enforce; - app enforce; - app enforce
	END
}

@test "a rule with port= acts at bind and at listen; one without at socket, setsockopt and getaddrinfo too" {
	ruled <<-END
		socket tcp6; get; v6only 0; get; bind :: 20000; get
		bare -> 0 0 0
		rules='port=20000 => policy=ipv6-only' -> 0 0 1
		rules='proto=tcp => policy=default-ipv6-only' -> 1 0 0
		rules='program=drive => policy=ipv6-only on-contrary=deny:EPERM' -> 0 v6only=EPERM 0 1
		# The rule of a call without a port is another one than that of the bind.
		rules='port=20000 => policy=ipv6-only; => policy=default-ipv6-only' -> 1 0 1
		rules='port=20001 => policy=ipv6-only; proto=udp => policy=default-ipv6-only' -> 0 0 0
		socket tcp6; get; listen; get
		bare -> 0 0
		rules='port=0 => policy=ipv6-only' -> 0 1
		socket tcp6; v6only 0; get; b socket udp6; v6only 0; get
		bare -> 0 0
		rules='proto=tcp => policy=ipv6-only on-contrary=deny:EACCES' -> v6only=EACCES 0 0
		socket tcp6; get; b socket udp6; get; resolve
		bare -> 0 0 inet inet6
		rules='proto=udp => policy=default-ipv6-only' -> 0 1 inet inet6
		rules='program=drive => order=ipv6-first', rules='proto=tcp => order=ipv6-first' -> 0 0 inet6 inet
		rules='program=other => order=ipv6-first', rules='proto=udp => order=ipv6-first' -> 0 0 inet inet6
		rules='port=4321 => order=ipv6-first' -> 0 0 inet inet6
		socket tcp4; bind 0.0.0.0 20000; b socket tcp6; v6only 0; bind :: 20000
		bare -> b.bind=EADDRINUSE
		rules='port=20000 => order=ipv6-first on-disorder=deny:EAGAIN' -> bind=EAGAIN
		rules='port=20000 => on-conflict=share; => on-conflict=fail' ->
		rules='port=20000 => on-conflict=fail; => on-conflict=share' -> b.bind=EADDRINUSE
	END
}

# many N: N rules for the ports from 20001 on, even ports ipv6-only, odd ones both, in lines.
many() {
	awk -v n="$1" 'BEGIN {
		for (i = 1; i <= n; i++)
			printf "port=%d => policy=%s\n", 20000 + i, i % 2 ? "both" : "ipv6-only"
	}'
}

# ---- precedence

# in_force SETTING OPTION...: its value and where that came from, as `v6shim config` has it.
in_force() {
	local setting=$1

	shift
	"$V6SHIM" config "$@" | sed -n "s/^$setting  *= \([^ ]*\)  *# /\1 /p"
}

@test "the command line beats the environment beats the file beats the profile beats the default" {
	# Setting, its default, a profile that sets it and its value there, and values of a file, the environment and the
	# command line, which all differ from their neighbours. Of all settings: tests/unit/settings.
	while read -r setting normal profile from_profile from_file from_environment from_command_line; do
		variable=${setting^^}
		variable=V6SHIM_${variable//-/_}
		assert_eq "$normal default" "$(in_force "$setting")"
		given=(--profile "$profile")
		assert_eq "$from_profile profile" "$(in_force "$setting" "${given[@]}")"
		echo "$setting = $from_file" >"$DIR/c"
		given+=(--config "$DIR/c")
		assert_eq "$from_file file" "$(in_force "$setting" "${given[@]}")"
		export "$variable=$from_environment"
		assert_eq "$from_environment environment" "$(in_force "$setting" "${given[@]}")"
		given+=(--"$setting" "$from_command_line")
		assert_eq "$from_command_line option" "$(in_force "$setting" "${given[@]}")"
		unset "$variable"
		assert_eq "$from_command_line option" "$(in_force "$setting" "${given[@]}")"
	done <<-END
		policy        app      freebsd default-ipv6-only  both           ipv6-only      app
		on-mapped     allow    macos   deny:EADDRNOTAVAIL deny:EPERM     deny:EACCES    allow
	END
	# The file that is named on the command line is read, not that of the environment.
	echo 'mode = log' >"$DIR/a"
	echo 'policy = both' >"$DIR/b"
	export V6SHIM_CONFIG=$DIR/a
	assert_eq 'app default' "$(in_force policy)"
	assert_eq 'both file' "$(in_force policy --config "$DIR/b")"
	assert_eq 'enforce default' "$(in_force mode --config "$DIR/b")"
}

@test "a rule beats them all, and the library has the same order as the command" {
	echo '=> policy=ipv6-only' >"$DIR/rule"
	echo 'policy = ipv6-only' >"$DIR/c"
	rows <<-END
		socket tcp6; v6only 0; bind :: P; get; b socket tcp6; v6only 1; bind :: Q; get
		bare -> 0 1
		policy=both profile=macos config=$DIR/rule -> 1 1
		config=$DIR/c -> 1 1
		config=$DIR/c policy=both -> 0 0
		config=$DIR/c profile=freebsd policy=app -> 0 1
	END
	run_v6shim() {
		"$V6SHIM" run --log off "$@" -- "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' listen get | sed -n 's/^get: //p'
	}
	assert_eq 1 "$(run_v6shim --policy both --config "$DIR/rule")"
	assert_eq 1 "$(run_v6shim --config "$DIR/c")"
	assert_eq 0 "$(run_v6shim --config "$DIR/c" --policy app)"
	assert_eq 1 "$(V6SHIM_POLICY=both run_v6shim --config "$DIR/c" --policy ipv6-only)"
	assert_eq 1 "$(V6SHIM_CONFIG=$DIR/c run_v6shim)"
	assert_eq 0 "$(V6SHIM_CONFIG=$DIR/c V6SHIM_POLICY=both run_v6shim)"
}

@test "rules of the environment come before the file's, those of the command line in their place; --rules adds" {
	echo 'port=20000-20002 => policy=ipv6-only' >"$DIR/c"
	rules='port=20000 => policy=both'
	ruled <<-END
		socket tcp6; v6only 1; bind :: 20000; get; b socket tcp6; v6only 0; bind :: 20001; get
		bare -> 1 0
		config=$DIR/c rules='$rules' -> 0 1
	END
	shown() {
		"$V6SHIM" config "$@" | grep '=>' | tr -s ' '
	}
	assert_eq 'port=20000 => policy=both # rule 1
port=20000-20002 => policy=ipv6-only # rule 2' "$(V6SHIM_RULES=$rules shown --config "$DIR/c")"
	options=(--rules 'port=20000 => policy=ipv6-only' --rules='port=20001 => policy=ipv6-only')
	assert_eq 'port=20000 => policy=ipv6-only # rule 1
port=20001 => policy=ipv6-only # rule 2
port=20000-20002 => policy=ipv6-only # rule 3' "$(V6SHIM_RULES=$rules shown "${options[@]}" --config "$DIR/c")"
	# And so they reach the program.
	for row in '20000 1' '20001 1' '20002 0'; do
		assert_line "get: ${row#* }" "$(V6SHIM_RULES='=> policy=ipv6-only' "$V6SHIM" run --log off "${options[@]}" -- \
			"$PROGRAMS/drive" 'socket tcp6' 'v6only 0' "bind :: ${row% *}" get)"
	done
	run "$V6SHIM" config "${options[@]}" --rules 'prt=1 => mode=log'
	assert_eq "v6shim: --rules: rule 3, column 1: unknown matcher 'prt'; did you mean 'port'" "$output"
}

# ---- mistakes

# both_say SAID FILE|- [RULES]: neither command nor library takes it, each says SAID, and nothing starts.
both_say() {
	local given=(V6SHIM_CONFIG="$2")

	[ "$2" != - ] || given=(V6SHIM_RULES="$3")
	run env "${given[@]}" timeout -s KILL 10 "$V6SHIM" run -- touch "$DIR/marker"
	assert_eq "125 v6shim: $1" "$status $output"
	[ ! -e "$DIR/marker" ]
	run timeout -s KILL 10 env LD_PRELOAD="$LIB" "${given[@]}" "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' 'b socket tcp4' listen
	assert_line "v6shim: $1"
	assert_line 'bind :: 0: EINVAL'
	assert_line 'listen: EINVAL'
}

@test "what is wrong in rules and in a file is told by command and library in the same words, with its place" {
	both_say "V6SHIM_RULES: rule 2, column 40: mode: unknown value 'lgo'; did you mean 'log'" - \
		'port=80 => policy=both;port=81 => mode=lgo'
	both_say "V6SHIM_RULES: rule 1, column 9: 'a\\x1b[2J' has bytes that are no text; '?' matches any" - \
		$'program=a\e[2J => mode=log'
	printf '\xef\xbb\xbf\n  on-contrary\t=\tdeny:EPREM\r\n' >"$DIR/c"
	both_say "$DIR/c:2:22: on-contrary: unknown errno 'EPREM'; did you mean 'EPERM'" "$DIR/c"
	# All mistakes are told in one go, with those from elsewhere.
	printf 'polcy = both\nmode = log\nmode = lgo\nx\n' >"$DIR/c"
	V6SHIM_ORDER=ipv5 run "$V6SHIM" config --config "$DIR/c" --policy bth
	assert_status 2
	assert_eq "v6shim: --policy: unknown value 'bth'; did you mean 'both'
v6shim: V6SHIM_ORDER: unknown value 'ipv5'; valid: app, ipv4-first, ipv6-first
v6shim: $DIR/c:1:1: polcy: unknown setting; did you mean 'policy'
v6shim: $DIR/c:3:1: mode: set already, in line 2
v6shim: $DIR/c:4:1: 'x' is neither 'setting = value' nor a rule 'matcher => setting=value'" "$output"
}

@test "each bound is told, with its number" {
	many 256 >"$DIR/c"
	"$V6SHIM" config --config "$DIR/c" >/dev/null
	echo ' => mode=log # one too many' >>"$DIR/c"
	both_say "$DIR/c:257:2: there may be no more than 256 rules" "$DIR/c"
	# Of both together.
	sed -i 257d "$DIR/c"
	V6SHIM_RULES='=> mode=log' both_say "$DIR/c:256:1: there may be no more than 256 rules" "$DIR/c"
	{
		echo 'policy = ipv6-only'
		head -c $((32768 - 20)) /dev/zero | tr '\0' '#'
		echo
	} >"$DIR/c"
	assert_eq 1 "$(value CONFIG="$DIR/c")"
	echo >>"$DIR/c"
	both_say "V6SHIM_CONFIG: $DIR/c: larger than 32768 bytes" "$DIR/c"
	# Nor one that has no end.
	both_say 'V6SHIM_CONFIG: /dev/zero: larger than 32768 bytes' /dev/zero
}

# ---- the file

@test "a file that cannot be read, or is no text, is told as such, by library and command in the same words" {
	both_say "V6SHIM_CONFIG: $DIR/missing: cannot be read: no such file (ENOENT)" "$DIR/missing"
	mkdir "$DIR/d"
	both_say "V6SHIM_CONFIG: $DIR/d: cannot be read: is a directory (EISDIR)" "$DIR/d"
	assert_eq 0 "$(value CONFIG=/dev/null)"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$DIR/s"
	both_say "V6SHIM_CONFIG: $DIR/s: cannot be read: is a socket or a device (ENXIO)" "$DIR/s"
	long=/$(printf 'x%.0s' {1..300})
	both_say "V6SHIM_CONFIG: ...${long: -200}: cannot be read: name too long (ENAMETOOLONG)" "$long"
	# It keeps nobody waiting; and its content would be gone once it is read.
	mkfifo "$DIR/fifo"
	both_say "V6SHIM_CONFIG: $DIR/fifo: is a pipe; a file is meant, for each program reads it anew" "$DIR/fifo"
	printf 'policy = ipv6-only\0\n' >"$DIR/c"
	both_say "$DIR/c:1:19: a NUL byte: this is no text file" "$DIR/c"
	require_root
	# bats' own folder is closed to others.
	DIR=$(mktemp -d)
	chmod 755 "$DIR"
	echo 'policy = both' >"$DIR/secret"
	chmod 600 "$DIR/secret"
	cp "$V6SHIM" "$LIB" "$PROGRAMS/drive" "$DIR"
	as=(setpriv --reuid 65534 --clear-groups --)
	run "${as[@]}" "$DIR/v6shim" config --config "$DIR/secret"
	assert_eq "2 v6shim: --config: $DIR/secret: cannot be read: permission denied (EACCES)" "$status $output"
	run "${as[@]}" env LD_PRELOAD="$DIR/libv6shim.so" V6SHIM_CONFIG="$DIR/secret" "$DIR/drive" 'socket tcp6' 'bind :: 0'
	assert_line "v6shim: V6SHIM_CONFIG: $DIR/secret: cannot be read: permission denied (EACCES)"
	assert_line 'bind :: 0: EINVAL'
	rm -rf "$DIR"
}

@test "a relative path is the command's to make absolute; a file that changes is read anew by the next program" {
	cd "$DIR"
	mkdir d
	echo 'policy = ipv6-only' >c
	cp c d/c
	listen=(-- sh -c "cd / && exec '$PROGRAMS/drive' 'socket tcp6' listen get")
	for path in c ./c d/c d/../c .//c; do
		run env LD_PRELOAD="$LIB" V6SHIM_CONFIG="$path" "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0'
		assert_line "v6shim: V6SHIM_CONFIG: '$path' is not an absolute path"
		assert_line 'bind :: 0: EINVAL'
		assert_line 'get: 1' "$("$V6SHIM" run --log off --config "$path" "${listen[@]}")"
		assert_line 'get: 1' "$(V6SHIM_CONFIG=$path "$V6SHIM" run --log off "${listen[@]}")"
	done
	assert_match "config      = $DIR/c " "$("$V6SHIM" config --config ./c)"
	run "$V6SHIM" run --log off --config "$DIR/c" -- sh -c "echo polcy = both >'$DIR/c'; '$PROGRAMS/drive' 'socket tcp6' 'bind :: 0'"
	assert_line 'bind :: 0: EINVAL'
	assert_line "v6shim: $DIR/c:1:1: polcy: unknown setting; did you mean 'policy'"
}

# ---- v6shim config

@test "what config prints is read back as the same settings and rules" {
	while read -r line; do
		eval "given=($line)"
		"$V6SHIM" config "${given[@]}" >"$DIR/first"
		"$V6SHIM" config --config "$DIR/first" >"$DIR/second"
		# Where each came from is another matter; and the first has no name for the file itself.
		assert_eq "$(sed 's/  *# [a-z ]*$//; /^# config/d' "$DIR/first")" \
			"$(sed 's/  *# [a-z ]*$//; /^# config/d' "$DIR/second")" "$line"
		assert_eq "$(grep '# rule ' "$DIR/first" || :)" "$(grep '# rule ' "$DIR/second" || :)"
	done <<-'END'
		--profile openbsd
		--profile solaris --on-mapped allow
		--profile bindv6only=1 --policy default-both
		--policy default-ipv6-only --on-contrary deny:ENOTRECOVERABLE --order ipv6-first --on-disorder deny:EPERM --on-conflict share-ipv6 --on-mapped deny:EPERM --on-nonboolean deny:EPERM --mode log
		--log off --log-level all --log-format json
		--log fd:2 --log-level error
		--log syslog
		--log '/tmp/%n-%p 100%%.log'
		--log '/tmp/a=>b=c;d#e\f'
		--log $'/tmp/z\xc3\xbcrich'
		--log x.json
		--rules 'program=a,b*,x?,#c,a\b proto=tcp,udp,253 port=0-65535,80 => policy=both; port=1 => mode=log on-conflict=share order=app'
		--rules $'program=z\xc3\xbcrich\n=> mode=log;;' --policy ipv6-only
		--rules "program=$(seq -s, 3000) => mode=log"
	END
	# A path that no line can hold is printed in a comment that says so.
	for path in '/tmp/a #b' '/tmp/a ' $'/tmp/a\nmode = log' $'/tmp/\x1b[2J' $'/tmp/\xff'; do
		"$V6SHIM" config --log "$path" >"$DIR/c"
		assert_match '^# log  .*; no configuration file can hold this path$' "$(grep '^# log ' "$DIR/c")"
		assert_eq 'stderr default' "$(in_force log --config "$DIR/c")"
	done
}

@test "config --program --port --proto says which rule applies" {
	rules='program=python* => policy=app; proto=udp => mode=log; port=80,443 => on-conflict=share; => mode=log'
	assert_eq "# rule 3: applies: port=80,443 => on-conflict=share
policy        = both                 # option
on-contrary   = allow                # default
order         = ipv4-first           # profile
on-disorder   = log                  # default
on-conflict   = share                # rule 3
on-mapped     = allow                # default
on-nonboolean = allow                # default
mode          = enforce              # default
profile       = linux                # option
# config      = none                 # default
log           = stderr               # default
log-format    = text                 # default
log-level     = change               # default" \
		"$("$V6SHIM" config --rules "$rules" --profile linux --policy both --program java --port 443 --proto tcp)"
	while IFS='|' read -r given options expected; do
		# shellcheck disable=SC2086 # into its words
		assert_eq "$expected" "$("$V6SHIM" config --rules "${given:-$rules}" $options |
			sed -n 's/^# rule \([0-9]: [^:]*\).*/\1/p; /^# no/p' | paste -sd';')" "$options"
	done <<-END
		|--program python3.11|1: applies
		|--program /usr/bin/python3.11|1: applies
		|--program x --proto udp|2: applies
		|--program x --proto 17|2: applies
		|--program x --port 81|4: applies
		|--proto tcp|4: applies
		|--program x|4: applies
		port=1 => mode=log|--port 0|# no rule applies
	END
	assert_eq '# there are no rules' "$("$V6SHIM" config --port 1 | head -n 1)"
}

@test "config's own options: what is no port, no protocol, or misspelt" {
	while IFS='|' read -r options message; do
		# shellcheck disable=SC2086 # into its words
		run "$V6SHIM" config $options
		assert_eq "2 v6shim: $message" "$status ${lines[0]}" "$options"
	done <<-END
		--port 65536|--port: '65536' is no port; a number from 0 to 65535 is meant
		--proto tpc|--proto: unknown protocol 'tpc'; a name as tcp or udp is meant, or a number
		--port|--port: no value given
		--progrm x|--progrm: unknown option; did you mean '--program'
		--polcy both|--polcy: unknown option; did you mean '--policy'
		nginx|config: unexpected argument 'nginx'
		--env --systemd|config: '--systemd': not with --env
		--systemd --port 80|config: '--systemd': not with --program, --port and --proto
	END
	# run has none of them.
	run "$V6SHIM" run --progrm x -- true
	assert_match '^v6shim: --progrm: unknown option' "$output"
	run "$V6SHIM" run --mode log --help
	assert_match '^0 usage: v6shim run' "$status $output"
}
