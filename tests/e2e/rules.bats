#!/usr/bin/env bats
# Rules and the configuration file: what of them reaches the kernel, what beats what, every mistake with
# its place, and `v6shim config` (DESIGN.md 1.3 and 1.4). Parsers by themselves: tests/unit/rules, config.

# shellcheck disable=SC2030,SC2031 # each test is a process of its own

load helper

REST='v6shim: every bind and listen on IPv4 and IPv6 fails with EINVAL until this is mended'

setup() {
	DIR=$BATS_TEST_TMPDIR
	unset "${!V6SHIM_@}"
}

# value SETTING... -- SERVE-OPTION...: V6ONLY of a socket that serve binds under these settings.
value() {
	local settings=()

	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	# Rules name ports, so that these are not the kernel's to choose: in a namespace nobody else has them.
	in_netns shim LOG=off "${settings[@]}" -- "$PROGRAMS/serve" -x "$@" | sed -n 's/^v6only //p'
}

# effect RULES ROW...: of serve under these rules; a row is "V6ONLY OPTIONS".
effect() {
	local rules=$1 row

	shift
	for row in "$@"; do
		# shellcheck disable=SC2086 # into its words
		assert_eq "${row%% *}" "$(value RULES="$rules" -- ${row#* })" "$rules: serve ${row#* }"
	done
}

# ---- what reaches the kernel

@test "two ports, one ruled ipv6-only and one both: each is served so" {
	one=$(free_port)
	two=$(free_port)
	rules="port=$one => policy=ipv6-only; port=$two => policy=both"
	start one --tcp "$one" shim RULES="$rules" LOG=off -- "$PROGRAMS/serve" -v 0 -p "$one"
	start two --tcp "$two" shim RULES="$rules" LOG=off -- "$PROGRAMS/serve" -v 1 -p "$two"
	assert_eq '1 0' "$(kernel_v6only tcp "$one") $(kernel_v6only tcp "$two")"
	assert_eq 'refused served' "$(reach 4 tcp "$one") $(reach 6 tcp "$one")"
	assert_eq 'served served' "$(reach 4 tcp "$two") $(reach 6 tcp "$two")"
}

@test "ports: numbers, ranges, lists, and 0 for one that the kernel chooses" {
	effect 'port=20000 => policy=ipv6-only' '1 -p 20000' '0 -p 20001' '0 -p 0' '0 -L'
	effect 'port=20000-20010,20020 => policy=ipv6-only' '0 -p 19999' '1 -p 20000' '1 -p 20010' \
		'0 -p 20011' '1 -p 20020' '0 -p 20021'
	effect 'port=0 => policy=ipv6-only' '1 -p 0' '1 -L' '0 -p 20000'
	effect 'port=0-65535 => policy=ipv6-only' '1 -p 0' '1 -L' '1 -p 20000'
	effect 'port=1-65535 => policy=ipv6-only' '0 -p 0' '0 -L' '1 -p 20000'
}

@test "protocols: tcp, udp, mptcp, by name and number" {
	effect 'proto=tcp => policy=ipv6-only' '1 -p 20000' '1 -L' '0 -u -p 20000'
	effect 'proto=udp => policy=ipv6-only' '0 -p 20000' '0 -L' '1 -u -p 20000'
	effect 'proto=17,6 => policy=ipv6-only' '1 -p 20000' '1 -u -p 20000'
	effect 'proto=132 => policy=ipv6-only' '0 -p 20000' '0 -u -p 20000'
	effect 'proto=udp port=20000 => policy=ipv6-only' '0 -p 20000' '1 -u -p 20000' '0 -u -p 20001'
	"$PROGRAMS/serve" -x -P mptcp >/dev/null || skip 'needs MPTCP'
	effect 'proto=mptcp => policy=ipv6-only' '1 -P mptcp -p 20000' '1 -P mptcp -L' '0 -p 20000' '0 -L'
	effect 'proto=tcp => policy=ipv6-only' '0 -P mptcp -p 20000'
}

@test "programs: the base name that was executed, by glob" {
	effect 'program=serve => policy=ipv6-only' '1 -p 0'
	effect 'program=s*e => policy=ipv6-only' '1 -p 0'
	effect 'program=[a-s]erve,other => policy=ipv6-only' '1 -p 0'
	effect 'program=[!s]erve => policy=ipv6-only' '0 -p 0'
	effect 'program=steps,reach => policy=ipv6-only' '0 -p 0'
	effect 'program=*/serve => policy=ipv6-only' '0 -p 0'
	# A copy, a link, and a script by their own names.
	cp "$PROGRAMS/serve" "$DIR/copy"
	ln -s "$PROGRAMS/serve" "$DIR/link"
	printf '#!%s %s\n' /usr/bin/python3 -I >"$DIR/script"
	cat >>"$DIR/script" <<-'END'
		import socket
		s = socket.socket(socket.AF_INET6)
		s.bind(("::", 0))
		print("v6only", s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
	END
	chmod +x "$DIR/script"
	for name in copy link script; do
		assert_line 'v6only 1' \
			"$(shim LOG=off RULES="program=$name => policy=ipv6-only" -- "$DIR/$name" -x)"
		assert_line 'v6only 0' \
			"$(shim LOG=off RULES='program=serve,python* => policy=ipv6-only' -- "$DIR/$name" -x)"
	done
}

@test "the first rule that matches applies, and no other" {
	effect 'port=20000 => policy=both; => policy=ipv6-only' '0 -v 1 -p 20000' '1 -v 0 -p 20001'
	effect '=> policy=ipv6-only; port=20000 => policy=both' '1 -v 0 -p 20000' '1 -v 0 -p 20001'
	# One that sets something else is the first too.
	effect 'port=20000 => on-conflict=share; => policy=ipv6-only' '0 -p 20000' '1 -p 20001'
	effect 'program=other => policy=both; proto=udp => policy=both; port=1-20000 => policy=ipv6-only; => policy=both' \
		'1 -p 20000' '0 -v 1 -p 20001' '0 -v 1 -u -p 20000'
}

@test "what a rule does not set keeps its value" {
	for given in "POLICY=ipv6-only RULES=port=20000 => on-conflict=share" \
		"POLICY=ipv6-only RULES=program=serve => mode=enforce"; do
		assert_eq 1 "$(value "${given%% *}" "${given#* }" -- -p 20000)" "$given"
	done
	# mode=log of a rule: for that port alone nothing is done.
	for port in 20000:0 20001:1; do
		assert_eq "${port#*:}" "$(value POLICY=ipv6-only RULES='port=20000 => mode=log' -- -p "${port%:*}")"
	done
	for port in 20000:1 20001:0; do
		assert_eq "${port#*:}" "$(value POLICY=ipv6-only MODE=log RULES='port=20000 => mode=enforce' -- \
			-p "${port%:*}")"
	done
}

# steps_under RULES STEP...: what came of the steps, blanks between.
steps_under() {
	local rules=$1

	shift
	shim LOG=off RULES="$rules" -- "$PROGRAMS/steps" "$@" | sed 's/.*: *//' | paste -sd' '
}

@test "a rule with port= acts at bind and at listen, and not before" {
	steps=('socket tcp6' get 'v6only 0' get 'bind :: 20000' get)
	assert_eq 'fd 3 0 ok 0 ok 1' "$(steps_under 'port=20000 => policy=ipv6-only' "${steps[@]}")"
	# One without acts at socket already.
	assert_eq 'fd 3 1 ok 0 ok 0' "$(steps_under 'proto=tcp => policy=default-ipv6-only' "${steps[@]}")"
	assert_eq 'fd 3 0 EPERM 0 ok 1' \
		"$(steps_under 'program=steps => policy=ipv6-only on-contrary=deny:EPERM' "${steps[@]}")"
	# So that the rule of a call without a port is another one than that of the bind.
	assert_eq 'fd 3 1 ok 0 ok 1' \
		"$(steps_under 'port=20000 => policy=ipv6-only; => policy=default-ipv6-only' "${steps[@]}")"
	assert_eq 'fd 3 0 ok 0 ok 0' \
		"$(steps_under 'port=20001 => policy=ipv6-only; proto=udp => policy=default-ipv6-only' "${steps[@]}")"
	# listen, of a socket that has no port yet.
	assert_eq 'fd 3 0 ok 1' "$(steps_under 'port=0 => policy=ipv6-only' 'socket tcp6' get listen get)"
}

@test "at socket and setsockopt a rule with proto= knows the protocol" {
	for row in 'tcp6 1 0' 'udp6 0 1'; do
		read -r kind tcp udp <<<"$row"
		assert_eq "fd 3 $tcp" "$(steps_under 'proto=tcp => policy=default-ipv6-only' "socket $kind" get)"
		assert_eq "fd 3 $udp" "$(steps_under 'proto=udp => policy=default-ipv6-only' "socket $kind" get)"
	done
	assert_eq 'fd 3 EACCES fd 4 ok' "$(steps_under 'proto=tcp => policy=ipv6-only on-contrary=deny:EACCES' \
		'socket tcp6' 'v6only 0' 'socket udp6' 'v6only 0')"
}

@test "a rule's order reaches getaddrinfo, but not with a port" {
	assert_eq 'inet6 inet' "$(steps_under 'program=steps => order=ipv6-first' resolve)"
	assert_eq 'inet inet6' "$(steps_under 'program=other => order=ipv6-first' resolve)"
	assert_eq 'inet6 inet' "$(steps_under 'proto=tcp => order=ipv6-first' resolve)"
	assert_eq 'inet inet6' "$(steps_under 'proto=udp => order=ipv6-first' resolve)"
	assert_eq 'inet inet6' "$(steps_under 'port=4321 => order=ipv6-first' resolve)"
	# At bind it does.
	assert_eq 'fd 3 EAGAIN' "$(steps_under 'port=20000 => order=ipv6-first on-disorder=deny:EAGAIN' \
		'socket tcp4' 'bind 0.0.0.0 20000')"
}

@test "a rule's on-conflict is for its port alone" {
	port=$(free_port)
	bind_all() {
		shim LOG=off RULES="port=$port => on-conflict=$1; => on-conflict=$2" -- \
			"$EXAMPLES/bind-all" -n -v 0 "$port"
	}
	assert_line "tcp :: port $port: socket ok, V6ONLY 0 ok, bind ok, listen ok" "$(bind_all share fail)"
	assert_line "tcp :: port $port: socket ok, V6ONLY 0 ok, bind EADDRINUSE" "$(bind_all fail share || :)"
}

@test "records tell the rule that applied, by its number as it was given" {
	shim LOG="$DIR/x.jsonl" LOG_LEVEL=bind \
		RULES='program=other => mode=log; proto=udp => mode=log; port=20000 => policy=ipv6-only; => policy=both' -- \
		"$PROGRAMS/steps" 'socket tcp6' 'bind :: 20000' 'socket tcp6' 'bind :: 20001' 'socket udp6' 'bind :: 20000'
	assert_eq '3 ipv6-only
4 both
2 app' "$(json_records "$DIR/x.jsonl" 'select(.event == "bind") | "\(.rule) \(.policy)"' | tr -d '"')"
	shim LOG="$DIR/y.jsonl" LOG_LEVEL=bind RULES='port=1 => mode=log' -- "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0'
	assert_eq null "$(json_records "$DIR/y.jsonl" 'select(.event == "bind") | .rule')"
}

# many N: N rules for the ports from 20001 on, even ports ipv6-only, odd ones both, in lines.
many() {
	local n=$1

	awk -v n="$n" 'BEGIN {
		for (i = 1; i <= n; i++)
			printf "port=%d => policy=%s\n", 20000 + i, i % 2 ? "both" : "ipv6-only"
	}'
}

# numbers RULES PORT...: the rule of each bind of [::]:PORT, `-` for none, as the records tell it.
numbers() {
	local rules=$1 steps=() port

	shift
	for port in "$@"; do
		steps+=('socket tcp6' "bind :: $port")
	done
	rm -f "$DIR/log.jsonl"
	in_netns shim RULES="$rules" LOG="$DIR/log.jsonl" LOG_LEVEL=bind -- "$PROGRAMS/steps" "${steps[@]}" >"$DIR/out"
	refute grep '^bind.*: E' "$DIR/out"
	jq -r 'select(.event == "bind") | .rule // "-"' "$DIR/log.jsonl" | paste -sd' '
}

@test "ranges of every width, over each other: the first that has the port applies" {
	ask=(1 255 256 300 511 512 1023 1024 1025 4095 4096 40000 65279 65280 65535)
	# low-high of each rule, from the first
	while read -r ranges; do
		expected=''
		for port in "${ask[@]}"; do
			rule=- i=0
			for range in $ranges; do
				i=$((i + 1))
				[ "$rule" = - ] || continue
				for part in ${range//,/ }; do
					[ "$port" -lt "${part%-*}" ] || [ "$port" -gt "${part#*-}" ] || rule=$i
				done
			done
			expected+=" $rule"
		done
		rules=''
		for range in $ranges; do
			rules+="${rules:+; }port=$range => on-conflict=resolve"
		done
		assert_eq "${expected# }" "$(numbers "$rules" "${ask[@]}")" "$rules"
	done <<-END
		256-511
		255-512
		257-510 256-511
		256-511 257-510
		300 1-65535
		1-65535 300
		1024-65535 1-1023
		1-255 512-1023,4096-65279 1000-5000
		65280-65535 40000 0-65535
		511,512,1024 256-1024 1-1023
	END
}

@test "two thousand and forty-eight rules still decide right" {
	many 2048 >"$DIR/c"
	while read -r port asked met; do
		assert_eq "$met" "$(value CONFIG="$DIR/c" -- -v "$asked" -p "$port")" "$port"
	done <<-END
		20000 0 0
		20000 1 1
		20001 1 0
		20002 0 1
		21000 0 1
		21001 1 0
		22047 1 0
		22048 0 1
		22049 0 0
		22049 1 1
	END
	# The last of them all, after so many for other programs.
	{
		many 2047 | sed 's/^/program=other /'
		echo 'program=serve port=20500-20600 proto=tcp => policy=ipv6-only'
	} >"$DIR/c"
	assert_eq '0 1' "$(value CONFIG="$DIR/c" -- -p 20499) $(value CONFIG="$DIR/c" -- -p 20600)"
	assert_line '# rule 2048: applies: program=serve port=20500-20600 proto=tcp => policy=ipv6-only' \
		"$("$V6SHIM" config --config "$DIR/c" --program serve --port 20555 --proto tcp)"
	# And from the environment.
	assert_eq 1 "$(value RULES="$(many 2048 | paste -sd';')" -- -p 22048)"
}

# ---- precedence

# Setting, a profile that sets it ("-" where none can) and its value there, and values of a file, the
# environment and the command line, which all differ from their neighbours.
origins() {
	cat <<-END
		policy        freebsd default-ipv6-only  both           ipv6-only      app
		on-contrary   openbsd deny:EINVAL        deny:EPERM     deny:EACCES    allow
		order         freebsd ipv6-first         ipv4-first     app            ipv6-first
		on-disorder   -       -                  deny:EPERM     deny:EACCES    log
		on-conflict   netbsd  share              resolve        share-ipv6     fail
		on-mapped     macos   deny:EADDRNOTAVAIL deny:EPERM     deny:EACCES    allow
		on-nonboolean illumos deny:EINVAL        deny:EPERM     deny:EACCES    allow
		mode          -       -                  log            enforce        log
		profile       -       -                  aix            qnx            netbsd
		log           -       -                  off            syslog         fd:2
		log-format    -       -                  json           text           json
		log-level     -       -                  bind           all            error
	END
}

defaults() {
	cat <<-END
		policy        app
		on-contrary   allow
		order         app
		on-disorder   log
		on-conflict   fail
		on-mapped     allow
		on-nonboolean allow
		mode          enforce
		log           stderr
		log-format    text
		log-level     change
	END
}

# in_force SETTING OPTION...: its value and where that came from, as `v6shim config` has it.
in_force() {
	local setting=$1

	shift
	"$V6SHIM" config "$@" | sed -n "s/^$setting  *= \([^ ]*\)  *# /\1 /p"
}

@test "the command line beats the environment beats the file beats the profile beats the default" {
	while read -r setting profile from_profile from_file from_environment from_command_line; do
		variable=${setting^^}
		variable=V6SHIM_${variable//-/_}
		given=()
		normal=$(defaults | sed -n "s/^$setting  *//p")
		[ -z "$normal" ] || assert_eq "$normal default" "$(in_force "$setting")"
		if [ "$profile" != - ]; then
			given+=(--profile "$profile")
			assert_eq "$from_profile profile" "$(in_force "$setting" "${given[@]}")"
		fi
		echo "$setting = $from_file" >"$DIR/c"
		given+=(--config "$DIR/c")
		assert_eq "$from_file configuration file" "$(in_force "$setting" "${given[@]}")"
		export "$variable=$from_environment"
		assert_eq "$from_environment environment" "$(in_force "$setting" "${given[@]}")"
		given+=(--"$setting" "$from_command_line")
		assert_eq "$from_command_line command line" "$(in_force "$setting" "${given[@]}")"
		unset "$variable"
		assert_eq "$from_command_line command line" "$(in_force "$setting" "${given[@]}")"
	done < <(origins)
	assert_eq "$("$V6SHIM" config | grep -oE '^[a-z-]+' | sort)" \
		"$(origins | sed 's/ .*//' | grep -v profile | sort)"
}

@test "the file named on the command line is read, not that of the environment" {
	echo 'mode = log' >"$DIR/a"
	echo 'policy = both' >"$DIR/b"
	export V6SHIM_CONFIG=$DIR/a
	assert_eq 'app default' "$(in_force policy)"
	assert_eq 'both configuration file' "$(in_force policy --config "$DIR/b")"
	assert_eq 'enforce default' "$(in_force mode --config "$DIR/b")"
}

@test "a rule beats them all" {
	echo '=> policy=ipv6-only' >"$DIR/c"
	assert_eq 1 "$(value POLICY=both PROFILE=macos CONFIG="$DIR/c" -- -v 0 -p 0)"
	assert_eq 'v6only 1' "$("$V6SHIM" run --policy both --log off --config "$DIR/c" -- \
		"$PROGRAMS/serve" -x -v 0 | grep v6only)"
	while read -r setting _ _ _ _ from_command_line; do
		case $setting in
		policy) value=default-both ;;
		on-contrary | on-disorder) value=deny:EXDEV ;;
		order) value=ipv4-first ;;
		on-conflict) value=resolve ;;
		mode) value=enforce ;;
		*) continue ;;
		esac
		assert_line "$(printf '%-13s = %-20s # rule 1' "$setting" "$value")" \
			"$("$V6SHIM" config "--$setting" "$from_command_line" --rules "=> $setting=$value" --program x)"
	done < <(origins)
}

@test "in the library too: the environment beats the file, and the command hands on what it was told" {
	echo 'policy = ipv6-only' >"$DIR/c"
	assert_eq 1 "$(value CONFIG="$DIR/c" -- -v 0)"
	assert_eq 0 "$(value CONFIG="$DIR/c" POLICY=both -- -v 1)"
	assert_eq 0 "$(value CONFIG="$DIR/c" PROFILE=freebsd POLICY=app -- -v 0)"
	run_serve() {
		"$V6SHIM" run --log off "$@" -- "$PROGRAMS/serve" -x -v 0 | sed -n 's/^v6only //p'
	}
	assert_eq 1 "$(run_serve --config "$DIR/c")"
	assert_eq 0 "$(run_serve --config "$DIR/c" --policy app)"
	assert_eq 1 "$(V6SHIM_POLICY=both run_serve --config "$DIR/c" --policy ipv6-only)"
	assert_eq 1 "$(V6SHIM_CONFIG=$DIR/c run_serve)"
	assert_eq 0 "$(V6SHIM_CONFIG=$DIR/c V6SHIM_POLICY=both run_serve)"
}

@test "rules of the environment come before the file's, those of the command line in their place" {
	echo 'port=20000-20002 => policy=ipv6-only' >"$DIR/c"
	rules='port=20000 => policy=both'
	assert_eq '0 1' "$(value CONFIG="$DIR/c" RULES="$rules" -- -v 1 -p 20000) $(
		value CONFIG="$DIR/c" RULES="$rules" -- -v 0 -p 20001)"
	assert_eq 'port=20000 => policy=both # rule 1
port=20000-20002 => policy=ipv6-only # rule 2' \
		"$(V6SHIM_RULES=$rules "$V6SHIM" config --config "$DIR/c" | grep '=>' | tr -s ' ')"
	assert_eq 'port=9 => mode=log # rule 1
port=20000-20002 => policy=ipv6-only # rule 2' "$(V6SHIM_RULES=$rules "$V6SHIM" config --config "$DIR/c" \
		--rules 'port=9 => mode=log' | grep '=>' | tr -s ' ')"
	# And so they reach the program.
	assert_eq 'v6only 1' "$(V6SHIM_RULES=$rules "$V6SHIM" run --log off --config "$DIR/c" \
		--rules 'port=9 => mode=log' -- "$PROGRAMS/serve" -x -v 0 -p 20000 | grep v6only)"
}

@test "--rules that is given again adds to the rules, for the program too" {
	options=(--rules 'port=20000 => policy=ipv6-only' --rules='port=20001 => policy=ipv6-only')
	for port in 20000 20001 20002; do
		assert_line "v6only $((port < 20002))" "$(V6SHIM_RULES='=> policy=ipv6-only' "$V6SHIM" run --log off \
			"${options[@]}" -- "$PROGRAMS/serve" -x -p $port)"
	done
	assert_eq 2 "$("$V6SHIM" config "${options[@]}" | grep -c '=> policy=ipv6-only')"
	run "$V6SHIM" config "${options[@]}" --rules 'prt=1 => mode=log'
	assert_eq "v6shim: --rules: rule 3, column 1: unknown matcher 'prt'; did you mean 'port'" "$output"
}

# ---- the file

# taken FILE: library and command take the file.
taken() {
	assert_eq 1 "$(timeout -s KILL 10 "$V6SHIM" run --log off --config "$1" -- "$PROGRAMS/serve" -x | sed -n 's/^v6only //p')"
	assert_eq 1 "$(value CONFIG="$1" --)"
}

# untaken FILE MESSAGE: neither takes it, and each says MESSAGE.
untaken() {
	run timeout -s KILL 10 "$V6SHIM" run --config "$1" -- touch "$DIR/marker"
	assert_status 2
	assert_eq "v6shim: $2" "$output"
	[ ! -e "$DIR/marker" ]
	timeout -s KILL 10 env LD_PRELOAD="$LIB" V6SHIM_CONFIG="$1" "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' \
		>"$DIR/out" 2>"$DIR/err"
	assert_line 'bind :: 0: EINVAL' "$(<"$DIR/out")"
	assert_eq "v6shim: $2"$'\n'"$REST" "$(<"$DIR/err")"
}

@test "a file is read whatever its line ends: LF, CRLF, none at the end, a byte order mark, comments" {
	printf 'policy = ipv6-only\n' >"$DIR/lf"
	printf 'policy = ipv6-only' >"$DIR/none"
	printf '# ours\r\n\r\npolicy = ipv6-only # so\r\n=> policy=ipv6-only\r\n' >"$DIR/crlf"
	printf '\xef\xbb\xbfpolicy = ipv6-only\n' >"$DIR/mark"
	printf '\t policy\t=\tipv6-only\t# so\n' >"$DIR/blanks"
	printf 'rules = port=1 => mode=log; => policy=ipv6-only;' >"$DIR/rules"
	for file in lf none crlf mark blanks rules; do
		taken "$DIR/$file"
	done
}

@test "an empty file and /dev/null say nothing" {
	: >"$DIR/empty"
	for file in "$DIR/empty" /dev/null; do
		assert_eq 0 "$(value CONFIG="$file" --)"
		assert_eq "$("$V6SHIM" config | grep -v '^# config')" \
			"$("$V6SHIM" config --config "$file" | grep -v '^# config')"
	done
}

@test "a file that cannot be read is told as such, by library and command in the same words" {
	untaken "$DIR/missing" "$DIR/missing: cannot be read: no such file (ENOENT)"
	mkdir "$DIR/d"
	untaken "$DIR/d" "$DIR/d: cannot be read: is a directory (EISDIR)"
	: >"$DIR/f"
	untaken "$DIR/f/x" "$DIR/f/x: cannot be read: a part of the path is no directory (ENOTDIR)"
	ln -s loop "$DIR/loop"
	untaken "$DIR/loop" "$DIR/loop: cannot be read: too many symbolic links (ELOOP)"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$DIR/s"
	untaken "$DIR/s" "$DIR/s: cannot be read: is a socket or a device (ENXIO)"
	long=/$(printf 'x%.0s' {1..300})
	untaken "$long" "...${long: -200}: cannot be read: name too long (ENAMETOOLONG)"
}

@test "a file that another user may not read is told as such" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	require setpriv
	# bats' own folder is closed to others.
	DIR=$(mktemp -d)
	chmod 755 "$DIR"
	echo 'policy = both' >"$DIR/secret"
	chmod 600 "$DIR/secret"
	cp "$V6SHIM" "$LIB" "$PROGRAMS/steps" "$DIR"
	as=(setpriv --reuid 65534 --clear-groups --)
	run "${as[@]}" "$DIR/v6shim" config --config "$DIR/secret"
	assert_status 2
	assert_eq "v6shim: $DIR/secret: cannot be read: permission denied (EACCES)" "$output"
	run "${as[@]}" env LD_PRELOAD="$DIR/libv6shim.so" V6SHIM_CONFIG="$DIR/secret" \
		"$DIR/steps" 'socket tcp6' 'bind :: 0'
	assert_line "v6shim: $DIR/secret: cannot be read: permission denied (EACCES)"
	assert_line 'bind :: 0: EINVAL'
	rm -rf "$DIR"
}

@test "a pipe keeps nobody waiting, and is refused: its content is gone once it is read" {
	mkfifo "$DIR/fifo"
	run timeout -s KILL 10 "$V6SHIM" config --config "$DIR/fifo"
	assert_status 2
	assert_eq "v6shim: $DIR/fifo: is a pipe; a file is meant, for each program reads it anew" "$output"
	run timeout -s KILL 10 "$V6SHIM" config --config <(echo 'policy = both')
	assert_status 2
	assert_match 'is a pipe; a file is meant' "$output"
	untaken "$DIR/fifo" "$DIR/fifo: is a pipe; a file is meant, for each program reads it anew"
}

@test "a file of 262144 bytes is taken, of one more it is not" {
	{
		echo 'policy = ipv6-only'
		head -c $((262144 - 20)) /dev/zero | tr '\0' '#'
		echo
	} >"$DIR/c"
	assert_eq 262144 "$(stat -c %s "$DIR/c")"
	taken "$DIR/c"
	echo >>"$DIR/c"
	untaken "$DIR/c" "$DIR/c: larger than 262144 bytes"
	# Nor one that has no end.
	untaken /dev/zero '/dev/zero: larger than 262144 bytes'
}

@test "a NUL byte, and so UTF-16, is no text file" {
	printf 'policy = ipv6-only\0\n' >"$DIR/c"
	untaken "$DIR/c" "$DIR/c:1:19: a NUL byte: this is no text file"
	printf 'p\0' >"$DIR/c"
	untaken "$DIR/c" "$DIR/c:1:2: a NUL byte: this is no text file"
}

@test "a relative path of a file is the command's to make absolute, for the library it is an error" {
	cd "$DIR"
	mkdir d
	echo 'policy = ipv6-only' >c
	cp c d/c
	for path in c ./c d/c d/../c .//c; do
		run env LD_PRELOAD="$LIB" V6SHIM_CONFIG="$path" "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0'
		assert_line "v6shim: V6SHIM_CONFIG: '$path' is not an absolute path"
		assert_line 'bind :: 0: EINVAL'
		assert_eq 'v6only 1' "$("$V6SHIM" run --log off --config "$path" -- sh -c \
			"cd / && exec '$PROGRAMS/serve' -x" | grep v6only)"
		assert_eq 'v6only 1' "$(V6SHIM_CONFIG=$path "$V6SHIM" run --log off -- sh -c \
			"cd / && exec '$PROGRAMS/serve' -x" | grep v6only)"
	done
	assert_match "config      = $DIR/c " "$("$V6SHIM" config --config ./c)"
}

@test "a file that changes is read anew by the next program, and judged by it" {
	echo 'policy = ipv6-only' >"$DIR/c"
	"$V6SHIM" run --log off --config "$DIR/c" -- sh -c "echo polcy = both >'$DIR/c'; '$PROGRAMS/serve' -x" \
		>"$DIR/out" 2>"$DIR/err" || :
	assert_line 'bind EINVAL' "$(<"$DIR/out")"
	assert_line "v6shim: $DIR/c:1:1: polcy: unknown setting; did you mean 'policy'" "$(<"$DIR/err")"
}

# ---- bounds

# list N PREFIX: PREFIX1,PREFIX2,... of N items
list() {
	seq -s, -f "$2%g" "$1"
}

@test "each bound is told, with its number" {
	rules=$(many 2048 | paste -sd';')
	"$V6SHIM" config --rules "$rules" >/dev/null
	run "$V6SHIM" config --rules "$rules;port=7 => mode=log"
	assert_status 2
	assert_eq "v6shim: --rules: rule 2049, column $((${#rules} + 2)): there may be no more than 2048 rules" "$output"
	many 2048 >"$DIR/c"
	"$V6SHIM" config --config "$DIR/c" >/dev/null
	echo ' => mode=log # one too many' >>"$DIR/c"
	untaken "$DIR/c" "$DIR/c:2049:2: there may be no more than 2048 rules"
	# Of both together.
	sed -i 2049d "$DIR/c"
	V6SHIM_RULES='=> mode=log' untaken "$DIR/c" "$DIR/c:2048:1: there may be no more than 2048 rules"

	"$V6SHIM" config --rules "port=$(list 16 '') => mode=log" >/dev/null
	run "$V6SHIM" config --rules "port=$(list 17 '') => mode=log"
	assert_eq 'v6shim: --rules: rule 1, column 45: there may be no more than 16 ports in one rule' "$output"
	"$V6SHIM" config --rules "proto=$(list 8 10) => mode=log" >/dev/null
	run "$V6SHIM" config --rules "proto=$(list 9 10) => mode=log"
	assert_eq 'v6shim: --rules: rule 1, column 39: there may be no more than 8 protocols in one rule' "$output"
}

# ---- mistakes

# What is written into V6SHIM_RULES, and what is said of it: the rule, the column, the matter.
mistakes_of_rules() {
	local matchers='program=GLOB, port=N or proto=NAME is meant'
	local sets='a rule may set policy, on-contrary, order, on-disorder, on-conflict, mode'
	local arrow="is no rule: '=>' is missing between matchers and settings"
	local late='cannot be set by a rule with port=, which acts at bind and listen only'
	local port='is no port; a number from 0 to 65535 is meant, or N-M'
	local bare="is no setting=value; no blanks stand around its '='"

	cat <<-END
		port=80|1 1 'port=80' $arrow
		port=80 policy=both|1 1 'port=80 policy=both' $arrow
		port=80 -> policy=both|1 1 'port=80 -> policy=both' $arrow
		both|1 1 'both' $arrow
		=>|1 1 no setting after '=>'
		port=80 =>|1 1 no setting after '=>'
		=> mode=log; port=80 =>;|2 14 no setting after '=>'
		prt=80 => mode=log|1 1 unknown matcher 'prt'; did you mean 'port'
		progam=x => mode=log|1 1 unknown matcher 'progam'; did you mean 'program'
		user=root => mode=log|1 1 unknown matcher 'user'; $matchers
		mode=log => policy=both|1 1 'mode=log' is a setting, whose place is behind '=>'
		port 80 => mode=log|1 1 'port' is no matcher; $matchers
		port = 80 => mode=log|1 1 'port' is no matcher; $matchers
		=80 => mode=log|1 1 '=80' is no matcher; $matchers
		port=80 port=81 => mode=log|1 9 'port' is given twice
		proto=tcp program=a proto=udp => mode=log|1 21 'proto' is given twice
		port= => mode=log|1 1 'port=' has no value
		program= => mode=log|1 1 'program=' has no value
		port=80,,81 => mode=log|1 6 '80,,81' has an empty item in its list
		port=80, 81 => mode=log|1 6 '80,' has an empty item in its list
		port=65536 => mode=log|1 6 '65536' $port
		port=http => mode=log|1 6 'http' $port
		port=80,http => mode=log|1 9 'http' $port
		port=80- => mode=log|1 6 '80-' $port
		port=* => mode=log|1 6 '*' $port
		port=90-80 => mode=log|1 6 '90-80' ends before it begins
		proto=tpc => mode=log|1 7 unknown protocol 'tpc'; did you mean 'tcp'
		proto=UDP => mode=log|1 7 unknown protocol 'UDP'; did you mean 'udp'
		proto=nosuchthing => mode=log|1 7 unknown protocol 'nosuchthing'; a name as tcp or udp is meant, or a number up to 65535
		proto=70000 => mode=log|1 7 unknown protocol '70000'; a name as tcp or udp is meant, or a number up to 65535
		program=[a => mode=log|1 9 '[a' has a '[' without its ']'
		program=x,[a,b] => mode=log|1 11 '[a' has a '[' without its ']'
		=> polcy=both|1 4 unknown setting 'polcy'; did you mean 'policy'
		=> colour=red|1 4 unknown setting 'colour'; $sets
		=> log=off|1 4 no setting of a rule: 'log'; $sets
		=> log-level=all|1 4 no setting of a rule: 'log-level'; $sets
		=> profile=macos|1 4 no setting of a rule: 'profile'; $sets
		=> on-nonboolean=allow|1 4 no setting of a rule: 'on-nonboolean'; $sets
		=> config=/x|1 4 no setting of a rule: 'config'; $sets
		=> mode=log port=80|1 13 'port=80' is a matcher, whose place is before '=>'; a ';' begins a new rule
		=> policy|1 4 'policy' $bare
		=> policy = both|1 4 'policy' $bare
		=> policy=both => mode=log|1 16 '=>' $bare
		=> policy=both policy=app|1 16 'policy' is given twice
		=> policy=bth|1 11 policy: unknown value 'bth'; did you mean 'both'
		=> policy=|1 11 policy: no value given; valid: app, ipv6-only, both, default-ipv6-only, default-both
		=> policy="both"|1 11 policy: unknown value '"both"'; did you mean 'both'
		=> on-contrary=EPERM|1 16 on-contrary: unknown value 'EPERM'; valid: allow, deny:ERRNO
		=> on-contrary=deny:EPREM|1 21 on-contrary: unknown errno 'EPREM'; did you mean 'EPERM'
		=> on-disorder=deny:|1 21 on-disorder: no errno given; a symbolic name is meant, as in deny:EPERM
		=> on-conflict=steal|1 16 on-conflict: unknown value 'steal'; valid: fail, resolve, share, share-ipv6
		=> order=ipv6|1 10 order: unknown value 'ipv6'; did you mean 'ipv6-first'
		=> mode=dry-run|1 9 mode: unknown value 'dry-run'; valid: enforce, log
		port=80 => policy=default-both|1 12 'policy=default-both' $late
		port=80 => mode=log on-contrary=deny:EPERM|1 21 'on-contrary=deny:EPERM' $late
		port=80 => policy=both;port=81 => mode=lgo|2 40 mode: unknown value 'lgo'; did you mean 'log'
		;;; => mode=log ; ;x => mode=log|2 20 'x' is no matcher; $matchers
	END
	printf '%s\n' 'program=a\x1b[2J => mode=log|1 9 '"'a\\\\x1b[2J' has bytes that are no text; '?' matches any"
	printf '%s\n' '=> mode=\xff\\|1 9 mode: unknown value '"'\\\\xff\\\\\\\\'; valid: enforce, log"
}

# What is written into a file, and what is said of it: line and column, the matter.
mistakes_of_files() {
	local policies='app, ipv6-only, both, default-ipv6-only, default-both'
	local all='policy, on-contrary, order, on-disorder, on-conflict, on-mapped, on-nonboolean, mode, profile, '
	local line="is neither 'setting = value' nor a rule 'matcher => setting=value'"

	all+='rules, config, log, log-format, log-level'
	cat <<-END
		polcy = both|1:1 polcy: unknown setting; did you mean 'policy'
		\n# x\n  on_contrary = allow|3:3 on_contrary: unknown setting; did you mean 'on-contrary'
		colour = red|1:1 colour: unknown setting; valid: $all
		\xef\xbb\xbfpolcy = both\r\n|1:1 polcy: unknown setting; did you mean 'policy'
		= both|1:1 no setting's name before '='
		both|1:1 'both' $line
		[v6shim]\npolicy = both|1:1 '[v6shim]' $line
		policy: both # so|1:1 'policy: both' $line
		policy = bth|1:10 policy: unknown value 'bth'; did you mean 'both'
		policy =\r\n|1:9 policy: no value given; valid: $policies
		policy = both#|1:10 policy: unknown value 'both#'; did you mean 'both'
		\ton-contrary\t=\tdeny:EPREM|1:21 on-contrary: unknown errno 'EPREM'; did you mean 'EPERM'
		mode = log\nmode = log|2:1 mode: set already, in line 1
		rules = => mode=log\n\nrules = => mode=log|3:1 rules: set already, in line 1
		config = /etc/v6shim.conf|1:1 config: a configuration file cannot name another
		profile = freebds|1:11 profile: unknown value 'freebds'; did you mean 'freebsd'
		log = x.log|1:7 log: 'x.log' is not an absolute path
		log = /tmp/%%q|1:12 log: '%q' is no conversion; valid: %p, %n, %%
		log = fd:x|1:10 log: 'x' is no descriptor's number
		log = fd:|1:10 log: no descriptor's number given
		log-format = xml|1:14 log-format: unknown value 'xml'; valid: text, json
		port=80 policy=both|1:1 'port=80 policy=both' is no rule: '=>' is missing between matchers and settings
		\nport=80 => polcy=both # x|2:12 unknown setting 'polcy'; did you mean 'policy'
		port=80 => mode=log; port=90-80 => mode=log|1:27 '90-80' ends before it begins
		rules = port=80 => mode=log; prt=1 => mode=log|1:30 unknown matcher 'prt'; did you mean 'port'
		mode = log => policy=both|1:1 'mode' is no matcher; program=GLOB, port=N or proto=NAME is meant
	END
	printf '%s\n' 'policy = \x1b[2J\xff\\|1:10 policy: unknown value '"'\\\\x1b[2J\\\\xff\\\\\\\\'; valid: $policies"
}

@test "there are sixty mistakes and more, of files and of rules" {
	[ $(($(mistakes_of_rules | wc -l) + $(mistakes_of_files | wc -l))) -ge 80 ]
	assert_eq '' "$({ mistakes_of_rules && mistakes_of_files; } | sort | uniq -d)"
}

@test "every mistake in rules is told by the command, which starts nothing" {
	while IFS='|' read -r text rule message; do
		text=$(printf '%b' "$text")
		read -r rule column message <<<"$rule${message:+|$message}"
		said="rule $rule, column $column: $(printf '%b' "$message")"
		run "$V6SHIM" config --rules "$text"
		assert_eq "2 v6shim: --rules: $said" "$status $output" "$text"
		V6SHIM_RULES=$text run "$V6SHIM" run -- touch "$DIR/marker"
		assert_eq "2 v6shim: V6SHIM_RULES: $said" "$status $output" "$text"
	done < <(mistakes_of_rules)
	[ ! -e "$DIR/marker" ]
}

@test "every mistake in rules is told by the library in the same words, and bind is refused" {
	while IFS='|' read -r text rule message; do
		text=$(printf '%b' "$text")
		read -r rule column message <<<"$rule${message:+|$message}"
		V6SHIM_RULES=$text LD_PRELOAD=$LIB "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' 'socket tcp4' listen \
			>"$DIR/out" 2>"$DIR/err"
		assert_eq 'bind :: 0: EINVAL listen: EINVAL' "$(sed '/^socket/d' "$DIR/out" | paste -sd' ')" "$text"
		assert_eq "v6shim: V6SHIM_RULES: rule $rule, column $column: $(printf '%b' "$message")
$REST" "$(<"$DIR/err")" "$text"
	done < <(mistakes_of_rules)
}

@test "every mistake in a file is told by library and command in the same words" {
	while IFS='|' read -r text place message; do
		# shellcheck disable=SC2059 # with its escapes
		printf "$text" >"$DIR/c"
		read -r place message <<<"$place${message:+|$message}"
		untaken "$DIR/c" "$DIR/c:$place: $(printf '%b' "$message")"
	done < <(mistakes_of_files)
}

@test "all mistakes of a file are told in one go, with those from elsewhere" {
	printf 'polcy = both\nmode = log\nmode = lgo\nx\n' >"$DIR/c"
	V6SHIM_ORDER=ipv5 run "$V6SHIM" config --config "$DIR/c" --policy bth
	assert_status 2
	assert_eq "v6shim: --policy: unknown value 'bth'; did you mean 'both'
v6shim: V6SHIM_ORDER: unknown value 'ipv5'; valid: app, ipv4-first, ipv6-first
v6shim: $DIR/c:1:1: polcy: unknown setting; did you mean 'policy'
v6shim: $DIR/c:3:1: mode: set already, in line 2
v6shim: $DIR/c:4:1: 'x' is neither 'setting = value' nor a rule 'matcher => setting=value'" "$output"
}

# ---- the place, on a terminal

# on_terminal COMMAND...: what it writes to a terminal.
on_terminal() {
	python3 -c '
import os, pty, sys
pid, fd = pty.fork()
if not pid:
    os.execvp(sys.argv[1], sys.argv[1:])
out = b""
try:
    while part := os.read(fd, 65536):
        out += part
except OSError:
    pass
os.waitpid(pid, 0)
sys.stdout.buffer.write(out.replace(b"\r\n", b"\n"))' "$@"
}

@test "on a terminal the line is shown, with a mark below the place" {
	require python3
	printf 'mode = log\npolicy = bth # x\n' >"$DIR/c"
	assert_eq "v6shim: $DIR/c:2:10: policy: unknown value 'bth'; did you mean 'both'
  policy = bth # x
           ^" "$(on_terminal "$V6SHIM" config --config "$DIR/c")"
	# A tab is a blank, so that the mark is where it should be.
	printf '\ton-contrary\t=\tdeny:EPREM\r\n' >"$DIR/c"
	assert_eq "   on-contrary = deny:EPREM 
                      ^" "$(on_terminal "$V6SHIM" config --config "$DIR/c" | tail -n 2)"
	# What would command the terminal is shown, and takes its room; so do letters of several bytes.
	printf 'log = /tmp/\x1b[2J\xff/%%q' >"$DIR/c"
	assert_eq '  log = /tmp/\x1b[2J\xff/%q
                         ^' "$(on_terminal "$V6SHIM" config --config "$DIR/c" | tail -n 2)"
	printf 'program=z\xc3\xbcrich\xe2\x82\xac => polcy=both' >"$DIR/c"
	assert_eq $'  program=z\xc3\xbcrich\xe2\x82\xac => polcy=both
                     ^' "$(on_terminal "$V6SHIM" config --config "$DIR/c" | tail -n 2)"
	# Behind the end, where something is missing.
	printf 'mode =' >"$DIR/c"
	assert_eq '  mode =
        ^' "$(on_terminal "$V6SHIM" config --config "$DIR/c" | tail -n 2)"
}

@test "on a terminal rules are shown so too, and values in which a part is wrong" {
	require python3
	assert_eq "v6shim: --rules: rule 1, column 1: unknown matcher 'prt'; did you mean 'port'
  prt=80 => mode=log
  ^" "$(on_terminal "$V6SHIM" config --rules 'prt=80 => mode=log')"
	assert_eq "  => mode=log; port=80=>polcy=both
                        ^" "$(on_terminal env V6SHIM_RULES='=> mode=log; port=80=>polcy=both' "$V6SHIM" config | tail -n 2)"
	assert_eq '  deny:EPREM
       ^' "$(on_terminal "$V6SHIM" config --on-contrary deny:EPREM | tail -n 2)"
	# Where the whole is wrong there is nothing to show.
	assert_eq "v6shim: --policy: unknown value 'bth'; did you mean 'both'" \
		"$(on_terminal "$V6SHIM" config --policy bth)"
}

@test "of a long line that is shown which is around the place, and never more than fits" {
	require python3
	for n in 1 5 500; do
		before=$(printf 'port=8 => mode=log; %.0s' $(seq "$n"))
		for after in '' "; $before"; do
			shown=$(on_terminal "$V6SHIM" config --rules "${before}port=x => mode=log${after% ; }" | tail -n 2)
			assert_eq "$(awk 'NR == 2 { print index($0, "^") }' <<<"$shown")" \
				"$(awk 'NR == 1 { print index($0, "x =>") }' <<<"$shown")" "$n"
			assert_eq '' "$(awk 'length > 80' <<<"$shown")"
		done
	done
	# Bytes that take four columns each.
	hostile=$(printf '\x1b%.0s' {1..200})
	shown=$(on_terminal "$V6SHIM" config --rules "program=x => mode=$hostile" | tail -n 2)
	assert_eq '' "$(awk 'length > 80' <<<"$shown")"
	shown=$(on_terminal "$V6SHIM" config --log "/$hostile%q" | tail -n 2)
	assert_eq "$(awk 'NR == 2 { print index($0, "^") }' <<<"$shown")" \
		"$(awk 'NR == 1 { print index($0, "%q") }' <<<"$shown")"
	assert_eq '' "$(awk 'length > 80' <<<"$shown")"
}

@test "where standard error is no terminal there is the message alone" {
	run "$V6SHIM" config --rules 'prt=80 => mode=log'
	assert_eq 1 "${#lines[@]}"
}

# ---- v6shim config

@test "what config prints is read back as the same settings and rules" {
	n=0
	while read -r line; do
		eval "given=($line)"
		"$V6SHIM" config "${given[@]}" >"$DIR/first"
		"$V6SHIM" config --config "$DIR/first" >"$DIR/second"
		# Where each came from is another matter; and the first has no name for the file itself.
		assert_eq "$(sed 's/  *# [a-z ]*$//; /^# config/d' "$DIR/first")" \
			"$(sed 's/  *# [a-z ]*$//; /^# config/d' "$DIR/second")" "$line"
		assert_eq "$(grep '# rule ' "$DIR/first" || :)" "$(grep '# rule ' "$DIR/second" || :)"
		n=$((n + 1))
	done <<-'END'
		--policy both
		--profile openbsd
		--profile solaris --on-mapped allow
		--profile bindv6only=1 --policy default-both
		--policy default-ipv6-only --on-contrary deny:ENOTRECOVERABLE --order ipv6-first --on-disorder deny:EPERM --on-conflict share-ipv6 --on-mapped deny:EPERM --on-nonboolean deny:EPERM --mode log
		--log off --log-level all --log-format json
		--log fd:2 --log-level error
		--log syslog
		--log /tmp/x.jsonl
		--log '/tmp/%n-%p 100%%.log'
		--log '/tmp/a=>b=c;d#e\f'
		--log $'/tmp/z\xc3\xbcrich'
		--log x.json
		--rules '=> mode=log'
		--rules 'program=a,b*,[!x-z]?,#c,a\b proto=tcp,udp,253 port=0-65535,80 => policy=both; port=1 => mode=log on-conflict=share order=app'
		--rules $'program=z\xc3\xbcrich\n=> mode=log;;' --policy ipv6-only
		--rules "program=$(seq -s, 3000) => mode=log"
	END
	assert_eq 17 $n
}

@test "a path that no line can hold is printed in a comment that says so" {
	for path in '/tmp/a #b' '/tmp/a ' $'/tmp/a\nmode = log' $'/tmp/\x1b[2J' $'/tmp/\xff'; do
		said=$("$V6SHIM" config --log "$path")
		assert_eq 13 "$(wc -l <<<"$said")"
		assert_match '# log  ' "$(grep '^# log ' <<<"$said")"
		assert_match '; no configuration file can hold this path$' "$(grep '^# log ' <<<"$said")"
		echo "$said" >"$DIR/c"
		assert_eq 'stderr default' "$(in_force log --config "$DIR/c")"
	done
}

@test "config --program --port --proto says which rule applies, and why those before it did not" {
	rules='program=python* => policy=app; proto=udp => mode=log; port=80,443 => on-conflict=share; => mode=log'
	assert_eq "# rule 1: its program= does not match: program=python* => policy=app
# rule 2: its proto= does not match: proto=udp => mode=log
# rule 3: applies: port=80,443 => on-conflict=share
policy        = both                 # command line
on-contrary   = allow                # default
order         = ipv4-first           # profile
on-disorder   = log                  # default
on-conflict   = share                # rule 3
mode          = enforce              # default" \
		"$("$V6SHIM" config --rules "$rules" --profile linux --policy both --program java --port 443 --proto tcp)"
	explain() {
		"$V6SHIM" config --rules "$rules" "$@" | sed -n 's/^# rule \([0-9]: [^:]*\).*/\1/p; /^# no/p' | paste -sd';'
	}
	assert_eq '1: applies' "$(explain --program python3.11)"
	assert_eq '1: applies' "$(explain --program /usr/bin/python3.11)"
	assert_eq '1: its program= does not match;2: applies' "$(explain --program x --proto udp)"
	assert_eq '1: its program= does not match;2: applies' "$(explain --program x --proto 17)"
	assert_eq '1: its program= does not match;2: it has a proto=, and no --proto was given;3: its port= does not match;4: applies' \
		"$(explain --program x --port 81)"
	assert_eq '1: it has a program=, and no --program was given;2: its proto= does not match;3: it has a port=, and acts at bind and listen only;4: applies' \
		"$(explain --proto tcp)"
	rules='port=1 => mode=log'
	assert_eq '1: its port= does not match;# no rule applies' "$(explain --port 0)"
	assert_eq '# there are no rules' "$("$V6SHIM" config --port 1 | head -n 1)"
}

@test "and what config says applies is what does" {
	rules='program=serve port=20000-20009 proto=tcp => policy=ipv6-only; proto=udp => policy=ipv6-only; port=20005-20015 => policy=both; program=[a-r]* => policy=ipv6-only'
	for port in 20000 20005 20009 20010 20015 20016; do
		for row in 'tcp' 'udp -u'; do
			read -r proto option <<<"$row"
			said=$("$V6SHIM" config --rules "$rules" --program serve --port $port --proto "$proto" | sed -n 's/^policy *= \([^ ]*\).*/\1/p')
			met=$(value RULES="$rules" -- ${option:+"$option"} -v 0 -p $port)
			case $said in
			ipv6-only) assert_eq 1 "$met" "$port $proto" ;;
			app | both) assert_eq 0 "$met" "$port $proto" ;;
			*) fail "$said" ;;
			esac
		done
	done
}

@test "config's own options: what is no port, no protocol, or misspelt" {
	while IFS='|' read -r options message; do
		# shellcheck disable=SC2086 # into its words
		run "$V6SHIM" config $options
		assert_eq "2 v6shim: $message" "$status ${lines[0]}" "$options"
	done <<-END
		--port 65536|--port: '65536' is no port; a number from 0 to 65535 is meant
		--port=|--port: '' is no port; a number from 0 to 65535 is meant
		--port http|--port: 'http' is no port; a number from 0 to 65535 is meant
		--port -1|--port: '-1' is no port; a number from 0 to 65535 is meant
		--port 80x|--port: '80x' is no port; a number from 0 to 65535 is meant
		--port 99999999999999999999|--port: '99999999999999999999' is no port; a number from 0 to 65535 is meant
		--proto tpc|--proto: unknown protocol 'tpc'; a name as tcp or udp is meant, or a number
		--proto=|--proto: unknown protocol ''; a name as tcp or udp is meant, or a number
		--port|--port: no value given
		--progrm x|--progrm: unknown option; did you mean '--program'
		--prots tcp|--prots: unknown option; did you mean '--proto'
		--polcy both|--polcy: unknown setting; did you mean '--policy'
		--mode log --help|--help: 'v6shim config --help' is meant, with nothing before it
		nginx|config: unexpected argument 'nginx'
	END
	# run has none of them.
	run "$V6SHIM" run --progrm x -- true
	assert_match '^v6shim: --progrm: unknown setting' "$output"
	run "$V6SHIM" run --mode log --help
	assert_eq "2 v6shim: --help: 'v6shim run --help' is meant, with nothing before it" "$status $output"
}
