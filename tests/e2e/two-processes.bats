#!/usr/bin/env bats
# One port, two processes: a server of IPv4 and a dual-stack one of IPv6, in both start orders, of the
# same and of different users. What can be made to live is, and for the rest a record says who holds the
# port and what to set (DESIGN.md 1.5, 1.6).

load helper

NOBODY=65534

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root, to start servers as different users'
	require setpriv jq
	RECORDS=$BATS_TEST_TMPDIR/records
}

# as USER COMMAND...: sets WORDS to what runs COMMAND as that user. Records go to standard error, which
# every user can write to.
as() {
	local user=$1

	shift
	WORDS=("$@")
	[ "$user" = root ] || WORDS=(setpriv "--reuid=$NOBODY" "--regid=$NOBODY" --clear-groups -- "$@")
}

uid_of() {
	[ "$1" = root ] && echo 0 || echo $NOBODY
}

# first USER COMMAND...: the one that has the port, without the shim, until `stop holder`.
first() {
	as "$@"
	start holder --says 'ready$' "${WORDS[@]}"
}

# second USER [NAME=VALUE...] -- SERVE-OPTIONS...: a server that is not to come up. Its output is in
# $output, its records in $RECORDS.
second() {
	local user=$1 settings=()

	shift
	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	as "$user" timeout 10 "$PROGRAMS/serve" -x "$@"
	[ ${#settings[@]} -eq 0 ] || settings=(shim "${settings[@]}" LOG=stderr LOG_FORMAT=json --)
	resolve "${settings[@]}" "${WORDS[@]}"
	status=0
	output=$("${COMMAND[@]}" 2>"$RECORDS") || status=$?
}

# the_conflict FILTER [FILE]: of the one record of a conflict in $RECORDS.
the_conflict() {
	local told

	told=$(json_records "${2-$RECORDS}" 'select(.finding == "conflict") | '"$1")
	assert_eq 1 "$(wc -l <<<"$told")" 'records of a conflict'
	printf '%s\n' "$told"
}

# serve's word for a protocol.
type_option() {
	[ "$1" = tcp ] && echo -t || echo -u
}

# ---- the kernel alone

@test "control: without the shim the second gets EADDRINUSE, in both start orders, TCP and UDP, whoever starts them" {
	for proto in tcp udp; do
		u=$(type_option $proto)
		for users in 'root root' 'root nobody' 'nobody root' 'nobody nobody'; do
			for families in '4 6' '6 4'; do
				port=$(free_port)
				first "${users% *}" "$PROGRAMS/serve" "$u" "-${families% *}" -p "$port"
				second "${users#* }" -- "$u" "-${families#* }" -p "$port"
				assert_status 1
				assert_line 'bind EADDRINUSE'
				stop holder
			done
		done
	done
}

# ---- IPv6 second

# split PROTO FIRST-USER SECOND-USER SETTINGS...
split() {
	local proto=$1 holder_user=$2 user=$3 u port pid holder

	shift 3
	u=$(type_option "$proto")
	port=$(free_port)
	first "$holder_user" "$PROGRAMS/serve" "$u" -4 -p "$port"
	pid=$(pid_of holder)
	as "$user" "$PROGRAMS/serve" "$u" -6 -v 0 -p "$port"
	start v6 --says '^ready$' shim "$@" LOG=stderr LOG_FORMAT=json -- "${WORDS[@]}"
	assert_eq $'inet 0.0.0.0\ninet6 :: v6only=1' "$(kernel_listeners "$proto" "$port")"
	assert_eq 'served ipv4' "$(reach 4 "$proto" "$port" hello)"
	assert_eq 'served ipv6' "$(reach 6 "$proto" "$port" hello)"
	# Whose process it is only root can see, or the same user.
	holder="{\"pid\":$pid,\"program\":\"serve\",\"uid\":$(uid_of "$holder_user"),\"family\":\"inet\",\"addr\":\"0.0.0.0\",\"port\":$port}"
	[ "$user" = root ] || [ "$user" = "$holder_user" ] ||
		holder="{\"uid\":$(uid_of "$holder_user"),\"family\":\"inet\",\"addr\":\"0.0.0.0\",\"port\":$port}"
	assert_eq "[\"bind\",\"inet6\",\"split\",0,1,0,null,$holder]" \
		"$(the_conflict '[.event, .family, .action, .before, .after, .result, .errno, .holder]' "$(run_dir)/v6.err")"
	assert_match 'serves IPv6 alone' "$(the_conflict .note "$(run_dir)/v6.err")"
	stop holder
	assert_eq refused "$(reach 4 "$proto" "$port" hello)"
	stop v6
}

@test "IPv6 second: on-conflict=resolve splits, whichever users they are of, TCP and UDP" {
	for proto in tcp udp; do
		for users in 'root root' 'root nobody' 'nobody root' 'nobody nobody'; do
			split $proto "${users% *}" "${users#* }" ON_CONFLICT=resolve
		done
	done
}

@test "IPv6 second: policy=both yields to a server of another process, of any user" {
	# The application asks for V6ONLY 1, as servers do that open each family.
	for proto in tcp udp; do
		u=$(type_option $proto)
		port=$(free_port)
		first nobody "$PROGRAMS/serve" "$u" -4 -p "$port"
		for log in off stderr; do
			start v6 --says '^ready$' shim POLICY=both LOG=$log LOG_FORMAT=json -- "$PROGRAMS/serve" "$u" -v 1 -p "$port"
			assert_eq $'inet 0.0.0.0\ninet6 :: v6only=1' "$(kernel_listeners $proto "$port")"
			stop v6
		done
		assert_eq '["bind","yield",1,1,0]' \
			"$(the_conflict '[.event, .action, .before, .after, .result]' "$(run_dir)/v6.err")"
		stop holder
	done
}

@test "IPv6 second, on 127.0.0.1 as well, and with an MPTCP server for either" {
	for address in 127.0.0.1 0.0.0.0; do
		port=$(free_port)
		first root "$PROGRAMS/serve" -4 -a $address -p "$port"
		start v6 --says '^ready$' shim ON_CONFLICT=resolve LOG=off -- "$PROGRAMS/serve" -6 -v 0 -p "$port"
		assert_eq "inet $address"$'\n''inet6 :: v6only=1' "$(kernel_listeners tcp "$port")"
		stop v6
		stop holder
	done
	"$PROGRAMS/serve" -x -P mptcp >/dev/null || skip 'needs a kernel with MPTCP'
	for options in ' -P mptcp' '-P mptcp ' '-P mptcp -P mptcp'; do
		read -ra v4 <<<"${options% -P*}"
		[ "$options" != ' -P mptcp' ] || v4=()
		v6=(-P mptcp)
		[ "$options" != '-P mptcp ' ] || v6=()
		port=$(free_port)
		first root "$PROGRAMS/serve" -4 "${v4[@]}" -p "$port"
		start v6 --says '^ready$' shim ON_CONFLICT=resolve LOG=off -- "$PROGRAMS/serve" -6 -v 0 "${v6[@]}" -p "$port"
		assert_eq 'served ipv4' "$(reach 4 tcp "$port" hello)"
		assert_eq 'served ipv6' "$(reach 6 tcp "$port" hello)"
		stop v6
		stop holder
	done
}

@test "IPv6 second: share and share-ipv6 cannot reach into another process, and leave the error and the socket alone" {
	for proto in tcp udp; do
		u=$(type_option $proto)
		port=$(free_port)
		first root "$PROGRAMS/serve" "$u" -4 -p "$port"
		for on_conflict in fail share share-ipv6; do
			second root ON_CONFLICT=$on_conflict -- "$u" -6 -v 0 -p "$port"
			assert_status 1
			assert_line 'bind EADDRINUSE'
			assert_line 'v6only 0'
			assert_eq '["none","EADDRINUSE",-1]' "$(the_conflict '[.action, .errno, .result]')"
			# What would help is said.
			assert_match 'on-conflict=resolve' "$(the_conflict .note)"
		done
		stop holder
	done
}

# ---- IPv4 second

@test "IPv4 second stays EADDRINUSE, and the record names who holds the port and says what to set" {
	for proto in tcp udp; do
		u=$(type_option $proto)
		for users in 'root root' 'nobody root' 'nobody nobody' 'root nobody'; do
			port=$(free_port)
			first "${users% *}" "$PROGRAMS/serve" "$u" -6 -v 0 -p "$port"
			uid=$(uid_of "${users% *}")
			seen="\"pid\":$(pid_of holder),\"program\":\"serve\","
			who="serve\\[$(pid_of holder)\\]"
			[ "$users" != 'root nobody' ] || seen='' who='another process'
			for on_conflict in fail resolve share share-ipv6; do
				second "${users#* }" ON_CONFLICT=$on_conflict -- "$u" -4 -p "$port"
				assert_status 1
				assert_line 'bind EADDRINUSE'
				assert_eq "[\"bind\",\"inet\",\"none\",-1,\"EADDRINUSE\",{$seen\"uid\":$uid,\"family\":\"inet6\",\"addr\":\"::\",\"port\":$port,\"v6only\":0}]" \
					"$(the_conflict '[.event, .family, .action, .result, .errno, .holder]')"
				note=$(the_conflict .note)
				assert_match "\\[::\\]:$port is held by $who of uid $uid, dual-stack \\(V6ONLY 0\\)" "$note"
				assert_match 'that program needs policy=ipv6-only' "$note"
			done
			# Nothing was done to the holder.
			assert_eq 'inet6 :: v6only=0' "$(kernel_listeners $proto "$port")"
			assert_eq 'served ipv4' "$(reach 4 $proto "$port" hello)"
			stop holder
		done
	done
}

@test "IPv4 second: what the note says does help" {
	for proto in tcp udp; do
		u=$(type_option $proto)
		port=$(free_port)
		start holder --says '^ready$' shim POLICY=ipv6-only LOG=off -- "$PROGRAMS/serve" "$u" -6 -v 0 -p "$port"
		start v4 --says '^ready$' "$PROGRAMS/serve" "$u" -4 -p "$port"
		assert_eq 'served ipv4' "$(reach 4 $proto "$port" hello)"
		assert_eq 'served ipv6' "$(reach 6 $proto "$port" hello)"
		stop v4
		stop holder
	done
}

# ---- the same family

@test "the same family twice stays EADDRINUSE whatever is set, and the note asks whether it was started twice" {
	told='[.action, .errno, .holder.pid, (.note | test("the same family: is the server started twice[?]"))]'
	for proto in tcp udp; do
		u=$(type_option $proto)
		for pair in '-4|-4' '-6 -v 0|-6 -v 0' '-6 -v 1|-6 -v 0' '-6 -v 0|-6 -v 1' '-6 -v 1|-6 -v 1' \
			'-4 -a 127.0.0.1|-4' '-6 -a ::1|-6 -v 0'; do
			read -ra holds <<<"${pair%|*}"
			read -ra wants <<<"${pair#*|}"
			port=$(free_port)
			first root "$PROGRAMS/serve" "$u" "${holds[@]}" -p "$port"
			for settings in ON_CONFLICT=resolve ON_CONFLICT=share POLICY=both 'ON_CONFLICT=resolve MODE=log'; do
				read -ra settings <<<"$settings"
				second root "${settings[@]}" -- "$u" "${wants[@]}" -p "$port"
				assert_status 1
				assert_line 'bind EADDRINUSE'
				assert_eq "[\"none\",\"EADDRINUSE\",$(pid_of holder),true]" \
					"$(the_conflict "$told")" "$proto $pair ${settings[*]}"
				# As it was before: what the application asked for.
				assert_line "v6only $(sed -n 's/.*-v //p' <<<"${wants[*]}" | grep . || echo -)"
			done
			stop holder
		done
	done
}

@test "both families are held by others: EADDRINUSE, and the IPv6 holder is named, for a split would not help" {
	port=$(free_port)
	first root "$PROGRAMS/serve" -6 -v 1 -p "$port"
	start v4 --says '^ready$' "$PROGRAMS/serve" -4 -p "$port"
	for settings in ON_CONFLICT=fail ON_CONFLICT=resolve 'ON_CONFLICT=resolve MODE=log'; do
		read -ra settings <<<"$settings"
		second root "${settings[@]}" -- -6 -v 0 -p "$port"
		assert_line 'bind EADDRINUSE'
		assert_line 'v6only 0'
		assert_eq "[\"none\",$(pid_of holder),1]" "$(the_conflict '[.action, .holder.pid, .holder.v6only]')" "${settings[*]}"
		assert_match 'started twice' "$(the_conflict .note)"
	done
}

@test "IPv4 is the server's own and IPv6 another's: the other is named, for a split did not help" {
	port=$(free_port)
	first root "$PROGRAMS/serve" -6 -v 1 -p "$port"
	for settings in ON_CONFLICT=resolve 'ON_CONFLICT=resolve MODE=log'; do
		read -ra settings <<<"$settings"
		shim "${settings[@]}" LOG=stderr LOG_FORMAT=json -- "$EXAMPLES/bind-all" -n -v 0 "$port" 2>"$RECORDS" || :
		assert_eq "[\"bind\",\"inet6\",\"none\",\"EADDRINUSE\",$(pid_of holder),null]" \
			"$(the_conflict '[.event, .family, .action, .errno, .holder.pid, .holder.fd]')" "${settings[*]}"
		assert_match 'started twice' "$(the_conflict .note)"
	done
}

# ---- holders that do not listen

@test "a holder that is bound and does not listen is found too" {
	IFS=.- read -r major minor _ < <(uname -r)
	[ "$((major * 100 + minor))" -ge 608 ] || skip 'sock_diag tells of such sockets since Linux 6.8'
	for pair in 'tcp4 0.0.0.0|-6 -v 0' 'tcp6 ::|-4'; do
		port=$(free_port)
		first nobody "$PROGRAMS/steps" "socket ${pair%% *}" "bind $(cut -d' ' -f2 <<<"${pair%|*}") $port" wait
		read -ra wants <<<"${pair#*|}"
		second root ON_CONFLICT=fail -- "${wants[@]}" -p "$port"
		assert_line 'bind EADDRINUSE'
		v6only=null
		[[ $pair != tcp6* ]] || v6only=0
		assert_eq "[$(pid_of holder),\"steps\",$NOBODY,$v6only]" \
			"$(the_conflict '[.holder.pid, .holder.program, .holder.uid, .holder.v6only]')"
		stop holder
	done
	# And split all the same.
	port=$(free_port)
	first nobody "$PROGRAMS/steps" 'socket tcp4' "bind 0.0.0.0 $port" wait
	second root ON_CONFLICT=resolve -- -6 -v 0 -p "$port"
	assert_status 0
	assert_line 'v6only 1'
}

# connection accept|lose PORT: a process without a listener, but with a connection on the port, open or in
# TIME_WAIT.
connection() {
	first nobody "$PROGRAMS/several" 'a socket tcp4' "a bind 0.0.0.0 $2" 'a listen' "a $1 127.0.0.1" 'a close' wait
}

@test "an open connection holds the port: the note says so, and that SO_REUSEADDR helps" {
	port=$(free_port)
	connection accept "$port"
	for wants in '-4' '-6 -v 0'; do
		read -ra wants <<<"$wants"
		second root -- "${wants[@]}" -p "$port"
		assert_line 'bind EADDRINUSE'
		second root ON_CONFLICT=fail -- "${wants[@]}" -p "$port"
		assert_line 'bind EADDRINUSE'
		assert_eq "[\"none\",$(pid_of holder),\"several\",$NOBODY]" \
			"$(the_conflict '[.action, .holder.pid, .holder.program, .holder.uid]')"
		note=$(the_conflict .note)
		assert_match "held by a connection of several\\[$(pid_of holder)\\] of uid $NOBODY" "$note"
		assert_match 'SO_REUSEADDR' "$note"
	done
}

@test "a connection in TIME_WAIT holds the port: nobody is accused, and the note says that it passes" {
	port=$(free_port)
	connection lose "$port"
	stop holder
	for wants in '-4' '-6 -v 0'; do
		read -ra wants <<<"$wants"
		second root -- "${wants[@]}" -p "$port"
		assert_line 'bind EADDRINUSE'
		second root ON_CONFLICT=fail -- "${wants[@]}" -p "$port"
		assert_line 'bind EADDRINUSE'
		# The kernel knows no owner any more.
		assert_eq '["none",null,null,null]' "$(the_conflict '[.action, .holder.pid, .holder.program, .holder.uid]')"
		note=$(the_conflict .note)
		assert_match 'TIME_WAIT' "$note"
		assert_match 'passes by itself' "$note"
		refute grep -q 'uid' <<<"$note"
	done
}

@test "a dual-stack server that is started anew in TIME_WAIT is not split: it would lose IPv4 without a word" {
	for address in 127.0.0.1 ::1; do
		port=$(free_port)
		first root "$PROGRAMS/several" 'a socket tcp6' 'a v6only 0' "a bind :: $port" 'a listen' "a lose $address" 'a close' wait
		stop holder
		second root -- -6 -v 0 -p "$port"
		assert_line 'bind EADDRINUSE'
		for log in stderr off; do
			second root ON_CONFLICT=resolve LOG=$log -- -6 -v 0 -p "$port"
			assert_status 1
			assert_line 'bind EADDRINUSE'
			assert_line 'v6only 0'
		done
		second root ON_CONFLICT=resolve MODE=log -- -6 -v 0 -p "$port"
		assert_eq '"none"' "$(the_conflict .action)"
	done
}

# ---- names

@test "a holder's hostile name reaches the log as data: escaped in JSON, visible in text" {
	name=$BATS_TEST_TMPDIR/$'a"\\\e[31m\nb\xff'
	cp "$PROGRAMS/serve" "$name"
	port=$(free_port)
	first root "$name" -4 -p "$port"
	second root ON_CONFLICT=fail -- -6 -v 0 -p "$port"
	assert_eq '"a\"\\\u001b[31m\nb�"' "$(the_conflict .holder.program)"
	assert_eq 0 "$(tr -d '\n -~' <"$RECORDS" | tr -d '\357\277\275' | wc -c)"
	note=$(the_conflict .note | jq -r .)
	assert_match 'held by a"\\\\\\x1b\[31m\\x0ab\\xff\[' "$note"
	# As text it is one line.
	resolve shim ON_CONFLICT=fail LOG=stderr LOG_FORMAT=text -- "$PROGRAMS/serve" -x -6 -v 0 -p "$port"
	"${COMMAND[@]}" 2>"$RECORDS" >/dev/null || :
	assert_eq 1 "$(grep -c 'EADDRINUSE' "$RECORDS")"
	assert_eq 0 "$(tr -d '\n -~' <"$RECORDS" | wc -c)"
}
