#!/usr/bin/env bats
# The log: each record has the keys of DESIGN.md 1.6 and says what the kernel says; levels, places and forms as 1.3
# has them.

load helper

setup() {
	DIR=$BATS_TEST_TMPDIR
	LOG=$DIR/log.jsonl
	export DIR
}

# steps NAME=VALUE... -- STEP...: under the library.
steps() {
	local settings=()

	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	resolve shim "${settings[@]}" -- "${STEPS:-$PROGRAMS/steps}" "$@"
	(close_bats_fds && exec "${COMMAND[@]}")
}

# Everything that makes a record, once.
EVERY=('socket tcp6' 'v6only 0' 'bind :: 0' listen 'socket tcp4' 'bind 127.0.0.1 0' listen resolve)

@test "control: bare, settings in the environment log nothing" {
	V6SHIM_POLICY=ipv6-only V6SHIM_LOG=$LOG V6SHIM_LOG_LEVEL=all "$PROGRAMS/steps" "${EVERY[@]}" >"$DIR/out" 2>"$DIR/err"
	[ ! -e "$LOG" ]
	assert_eq '' "$(<"$DIR/err")"
}

# ---- keys

# keys FILTER: the keys of the only record that the filter lets through, in their order.
keys() {
	json_records "$LOG" "select($1) | keys_unsorted | join(\" \")" | tr -d '"'
}

# What every record has, and what every record of a call that a policy could apply to has.
HEAD='v time pid tid program event'
DECISION='policy mode action finding'

@test "each event's record has its keys, in the contract's order, and no other" {
	port=$(free_port)
	steps POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all -- 'socket tcp6' 'bind :: 0' listen \
		'socket tcp6' 'v6only 0' "bind :: $port" listen 'socket udp6' "bind :: $port" \
		'socket tcp4' 'bind 127.0.0.1 0' listen 'socket udp4' 'bind 127.0.0.1 0' resolve
	while IFS='|' read -r filter expected; do
		assert_eq "$HEAD $expected" "$(keys "$filter")" "$filter"
	done <<-END
		.event == "load"|$DECISION note
		.event == "socket" and .fd == 3|fd family type proto before after $DECISION result
		.event == "socket" and .fd == 6|fd family type proto $DECISION result
		.event == "bind" and .fd == 3|fd family type proto addr port before after $DECISION result
		.event == "listen" and .fd == 3|fd family type proto addr port before after serves $DECISION result
		.event == "bind" and .fd == 4|fd family type proto addr port asked before after $DECISION result
		.event == "listen" and .fd == 4|fd family type proto addr port asked before after serves $DECISION result
		.event == "bind" and .fd == 5|fd family type proto addr port before after serves $DECISION result
		.event == "bind" and .fd == 6|fd family type proto addr port $DECISION result
		.event == "listen" and .fd == 6|fd family type proto addr port serves $DECISION result
		.event == "bind" and .fd == 7|fd family type proto addr port serves $DECISION result
		.event == "getaddrinfo"|families_before families_after $DECISION result
	END
	# before of a setsockopt costs a call of its own, and is there where on-contrary had to know it.
	assert_eq "$HEAD fd family type proto asked after $DECISION result" \
		"$(keys '.event == "setsockopt"' | sed 's/ before / /')"
}

@test "a call that fails has its errno; one that is denied too" {
	steps POLICY=ipv6-only ON_CONTRARY=deny:EOPNOTSUPP LOG="$LOG" LOG_LEVEL=all -- \
		'socket tcp6' 'v6only 0' 'v6only short-0' 'bind :: 0' 'bind :: 0' 'socket udp6' listen
	while IFS='|' read -r filter expected; do
		assert_eq "$HEAD $expected" "$(keys "$filter")" "$filter"
	done <<-END
		.event == "setsockopt" and .action == "deny"|fd family type proto asked before after $DECISION result errno
		.event == "bind" and .result == -1|fd family type proto addr port asked before after $DECISION result errno
		.event == "listen"|fd family type proto addr port before after $DECISION result errno
	END
	assert_eq '["setsockopt","EOPNOTSUPP"]
["setsockopt","EINVAL"]
["bind","EINVAL"]
["listen","EOPNOTSUPP"]' "$(json_records "$LOG" 'select(.result == -1) | [.event, .errno]')"
	# A request that the kernel did not understand asked for nothing.
	assert_eq false "$(json_records "$LOG" 'select(.event == "setsockopt" and .errno == "EINVAL") | has("asked")')"
}

@test "a configuration that does not parse is an error record in the log that is named" {
	steps POLICY=ipv6only LOG="$LOG" -- 'socket tcp6' 'bind :: 0' 2>"$DIR/err"
	assert_eq "$HEAD note" "$(keys '.event == "error"')"
	assert_eq "\"V6SHIM_POLICY: unknown value 'ipv6only'; did you mean 'ipv6-only'\"" \
		"$(json_records "$LOG" 'select(.event == "error") | .note')"
}

@test "every record of a thousand odd calls is whole, and has no key that the contract lacks" {
	resolve shim POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all -- "$PROGRAMS/edge-calls" -n
	"${COMMAND[@]}" >/dev/null
	[ "$(wc -l <"$LOG")" -ge 1000 ]
	assert_eq '' "$(json_records "$LOG" 'keys - ["v", "time", "pid", "tid", "program", "event", "fd", "family", "type",
		"proto", "addr", "port", "asked", "before", "after", "serves", "families_before", "families_after",
		"policy", "rule", "mode", "action", "finding", "holder", "result", "errno", "count", "note"]
		| select(. != [])' | sort -u)"
	assert_eq '' "$(json_records "$LOG" 'select(.v != 1 or .program != "edge-calls" or .pid != .tid)')"
	# The words are those of the contract.
	assert_eq '' "$(json_records "$LOG" 'select(
		(.event | IN("load", "socket", "setsockopt", "bind", "listen", "getaddrinfo") | not)
		or (.family | IN("inet", "inet6", null) | not)
		or (.type | IN("stream", "dgram", "raw", "seqpacket", "other", null) | not)
		or (.action | IN("none", "set", "override") | not)
		or (.finding | IN("none", "contrary") | not)
		or (.asked, .before, .after | IN(0, 1, null) | not)
		or (.serves | IN(["inet6"], ["inet"], ["inet6", "inet"], null) | not)
		or .policy != "ipv6-only" or .mode != "enforce")' | head -n 5)"
}

# ---- values

# bats looks at every command of a test to be able to say where it failed. In a long loop that is most of the
# time, and the assertions say what is wrong.
quietly() {
	trap - DEBUG
}

@test "a record says what the kernel says: V6ONLY, port, who is served" {
	quietly
	while read -r proto options; do
		for settings in POLICY=app POLICY=ipv6-only POLICY=both; do
			rm -f "$LOG"
			# shellcheck disable=SC2086 # into its words
			start server --says ready shim $settings LOG="$LOG" LOG_LEVEL=all -- "$PROGRAMS/serve" $options
			port=$(stdout_of server | sed -n 's/^port //p')
			what="$settings, serve $options"
			event=listen
			[ "$proto" = tcp ] || event=bind
			# sock_diag's line against the record's words.
			record=$(jq -r "select(.event == \"$event\")"' | (.family + " " + .addr
				+ if .family == "inet6" then " v6only=\(.after)" else "" end),
				.port, (.serves | join(" ")), "\(.pid) \(.tid) \(.program)"' "$LOG")
			mapfile -t record <<<"$record"
			assert_eq "$(kernel_listeners "$proto" "$port")" "${record[0]}" "$what"
			[ "$event" = bind ] || assert_eq "$port" "${record[1]}" "$what"
			# Real clients against `serves`.
			served=''
			[ "$(reach 6 "$proto" "$port" x)" != 'served ipv6' ] || served+=' inet6'
			[ "$(reach 4 "$proto" "$port" x)" != 'served ipv4' ] || served+=' inet'
			assert_eq "${served# }" "${record[2]}" "$what"
			assert_eq "$(pid_of server) $(pid_of server) serve" "${record[3]}" "$what"
			stop server
		done
	done <<-END
		tcp -p 0
		tcp -v 0 -p 0
		tcp -v 1 -p 0
		tcp -L
		tcp -a ::1 -p 0
		tcp -a ::ffff:127.0.0.1 -p 0
		tcp -4 -p 0
		tcp -4 -a 127.0.0.1 -p 0
		udp -u -p 0
		udp -u -v 1 -p 0
		udp -u -a ::1 -p 0
		udp -u -a ::ffff:127.0.0.1 -p 0
		udp -u -4 -p 0
	END
}

@test "before and after are the kernel's own values around the call" {
	quietly
	for policy in app ipv6-only both default-ipv6-only default-both; do
		for asks in 'v6only 0' 'v6only 1' get; do
			rm -f "$LOG"
			got=$(steps POLICY=$policy LOG="$LOG" LOG_LEVEL=all -- 'socket tcp6' "$asks" get 'bind :: 0' get listen get)
			mapfile -t values < <(sed -n 's/^get: //p' <<<"$got")
			# With `get` in the place of a request there is one value more.
			[ "$asks" != get ] || values=("${values[@]:1}")
			assert_eq "[\"bind\",${values[0]},${values[1]}]
[\"listen\",${values[1]},${values[2]}]" "$(json_records "$LOG" 'select(.event == "bind" or .event == "listen") |
				[.event, .before, .after]')" "$policy, $asks"
			assert_eq "${values[0]}" "$(json_records "$LOG" 'select(.event == "setsockopt") | .after' | grep . ||
				echo "${values[0]}")"
		done
	done
}

@test "addresses are as passed, in the form of RFC 5952; ports and descriptors are numbers" {
	steps POLICY=app LOG="$LOG" LOG_LEVEL=all -- 'socket udp6' 'bind ::1 0' 'socket udp6' 'bind 2001:0DB8:0:0:1:0:0:1 7' \
		'socket udp6' 'bind ::ffff:7F00:1 0' 'socket udp4' 'bind 127.0.0.1 0' 'socket tcp6' 'bind :: 0'
	assert_eq '[3,"udp","::1",0]
[4,"udp","2001:db8::1:0:0:1",7]
[5,"udp","::ffff:127.0.0.1",0]
[6,"udp","127.0.0.1",0]
[7,"tcp","::",0]' "$(json_records "$LOG" 'select(.event == "bind") | [.fd, .proto, .addr, .port]')"
}

@test "time is UTC, RFC 3339, in microseconds, and now" {
	before=$(date -u +%FT%T.%6NZ)
	steps POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all -- "${EVERY[@]}"
	after=$(date -u +%FT%T.%6NZ)
	assert_eq $((1 + ${#EVERY[@]})) "$(wc -l <"$LOG")"
	while read -r time; do
		assert_match '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$' "$time"
		[[ ! $time < $before && ! $time > $after ]] || fail "$time is not between $before and $after"
	done < <(json_records "$LOG" .time | tr -d '"')
}

@test "raw sockets serve nobody's TCP or UDP: their bind has no serves" {
	"$PROGRAMS/steps" 'socket raw6' | grep -q fd || skip 'needs leave to open raw sockets'
	steps POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all -- 'socket raw6' 'v6only 0' 'bind :: 0'
	assert_eq '["bind","none",0,false]' \
		"$(json_records "$LOG" 'select(.event == "bind") | [.event, .action, .after, has("serves")]')"
	# Linux refuses the option on every raw socket, bound or not: that it was bound is not the reason.
	assert_eq '["EINVAL",false]' "$(json_records "$LOG" 'select(.event == "setsockopt") | [.errno, has("note")]')"
}

# ---- levels, and the load record

@test "log-level: each level has what the one before it has, and its own" {
	# A governed bind, one that is not, a contrary request, an agreeable one; nothing went wrong in the shim.
	ask=('socket tcp6' 'v6only 0' 'v6only 1' 'v6only 0' 'bind :: 0' listen 'socket tcp4' 'bind 127.0.0.1 0' resolve)
	while IFS='|' read -r level expected; do
		rm -f "$LOG"
		steps POLICY=ipv6-only LOG="$LOG" LOG_LEVEL="$level" -- "${ask[@]}"
		assert_eq "$expected" "$(json_records "$LOG" .event | tr -d '"' | paste -sd' ')" "$level"
	done <<-END
		error|
		change|load setsockopt setsockopt bind
		bind|load setsockopt setsockopt bind listen bind getaddrinfo
		all|load socket setsockopt setsockopt setsockopt bind listen socket bind getaddrinfo
	END
	# The default is change.
	rm -f "$LOG"
	steps POLICY=ipv6-only LOG="$LOG" -- "${ask[@]}"
	assert_eq 'load setsockopt setsockopt bind' "$(json_records "$LOG" .event | tr -d '"' | paste -sd' ')"
	# A configuration error is an error at every level.
	for level in error change bind all; do
		rm -f "$LOG"
		steps POLICY=ipv6only LOG="$LOG" LOG_LEVEL=$level -- 'socket tcp4' 2>/dev/null
		assert_eq 1 "$(json_records "$LOG" 'select(.event == "error")' | wc -l)" "$level"
	done
}

@test "the load record comes first, once in a process, and tells version, settings and origins" {
	steps POLICY=both MODE=log LOG="$LOG" LOG_LEVEL=all -- "${EVERY[@]}" fork 'socket tcp6' 'bind :: 0'
	assert_eq '["load","both","log"]' "$(json_records "$LOG" '[.event, .policy, .mode]' | head -n 1)"
	# The child of fork is a process too.
	assert_eq 'load load' "$(json_records "$LOG" 'select(.event == "load") | .event' | tr -d '"' | paste -sd' ')"
	assert_eq 2 "$(json_records "$LOG" 'select(.event == "load") | .pid' | sort -u | wc -l)"
	note=$(json_records "$LOG" .note | head -n 1)
	for part in "$("$V6SHIM" --version)" 'policy=both (environment)' 'mode=log (environment)' "log=$LOG (environment)"; do
		[[ $note == *"$part"* ]] || fail "not in the note: $part: $note"
	done
	# Where nothing is to be told at level change, nothing is.
	rm "$LOG"
	steps POLICY=app LOG="$LOG" -- "${EVERY[@]}"
	assert_eq '' "$(<"$LOG")"
}

# ---- the text form

@test "text: the contract's line" {
	cp "$PROGRAMS/steps" "$DIR/nginx"
	port=$(free_port)
	STEPS=$DIR/nginx steps POLICY=ipv6-only -- 'socket tcp6' 'v6only 0' "bind :: $port" 2>"$DIR/err" >/dev/null
	assert_match "^v6shim nginx\[[0-9]+\]: bind tcp \[::\]:$port fd 3: V6ONLY 0 -> 1 \(policy ipv6-only; the application asked for 0\)$" \
		"$(tail -n 1 "$DIR/err")"
	STEPS=$DIR/nginx steps POLICY=ipv6-only MODE=log -- 'socket tcp6' 'v6only 0' "bind :: $port" 2>"$DIR/err" >/dev/null
	line=$(tail -n 1 "$DIR/err")
	assert_match "^v6shim nginx\[[0-9]+\]: bind tcp \[::\]:$port fd 3: .*would" "$line"
	assert_match 'mode log' "$line"
	refute grep -q 'V6ONLY 0 -> 1' "$DIR/err"
}

@test "text and JSON tell the same records" {
	steps POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=all -- "${EVERY[@]}"
	steps POLICY=ipv6-only LOG="$DIR/log.txt" LOG_LEVEL=all -- "${EVERY[@]}"
	assert_eq $((1 + ${#EVERY[@]})) "$(wc -l <"$LOG")"
	assert_eq "$(json_records "$LOG" .event | tr -d '"')" "$(sed -E 's/^v6shim steps\[[0-9]+\]: ([a-z]+).*/\1/' "$DIR/log.txt")"
}

@test "log-format: by the path's ending, or as it is set" {
	while read -r name format settings; do
		# shellcheck disable=SC2086 # into its words
		steps POLICY=ipv6-only LOG="$DIR/$name" $settings -- 'socket tcp6' 'bind :: 0'
		case $format in
		json) json_records "$DIR/$name" >/dev/null || fail "$name $settings" ;;
		text) grep -qv '^v6shim steps\[' "$DIR/$name" && fail "$name $settings: $(<"$DIR/$name")" ;;
		esac
		assert_eq 2 "$(wc -l <"$DIR/$name")" "$name"
		rm "$DIR/$name"
	done <<-END
		a.json json
		a.jsonl json
		a.ndjson json
		a.log text
		json text
		a.jsonl.1 text
		a.log json LOG_FORMAT=json
		a.jsonl text LOG_FORMAT=text
	END
	steps POLICY=ipv6-only LOG_FORMAT=json -- 'socket tcp6' 'bind :: 0' 2>&1 >/dev/null | jq -e .event >/dev/null
}

# ---- places

@test "log=fd:N, stderr, off" {
	ask=('socket tcp6' 'bind :: 0')
	expected=$(steps POLICY=ipv6-only LOG=off -- "${ask[@]}" 2>&1)
	assert_eq "$("$PROGRAMS/steps" "${ask[@]}" | sed 's/fd [0-9]*/fd 3/')" "$expected" 'off: nothing is said'
	steps POLICY=ipv6-only LOG=fd:7 -- "${ask[@]}" 7>"$DIR/seven" 2>"$DIR/err"
	assert_match 'bind tcp' "$(<"$DIR/seven")"
	assert_eq '' "$(<"$DIR/err")"
	for settings in LOG=stderr ''; do
		# shellcheck disable=SC2086 # into its words
		steps POLICY=ipv6-only $settings -- "${ask[@]}" 2>"$DIR/err" >"$DIR/out"
		assert_match 'bind tcp' "$(<"$DIR/err")"
		assert_eq "$expected" "$(<"$DIR/out")"
	done
	# Not open: nothing is written anywhere, and nothing fails.
	assert_eq "$expected" "$(steps POLICY=ipv6-only LOG=fd:9 -- "${ask[@]}" 2>&1)"
	# Nor where the program opens something of its own under that number.
	assert_eq "$expected" "$(steps POLICY=ipv6-only LOG=fd:3 -- "${ask[@]}" 2>&1)"
}

@test "a path: %p is the process, %n its program, %% a percent sign; a child writes its own" {
	steps POLICY=ipv6-only LOG="$DIR/%n.%p.100%%.jsonl" -- 'socket tcp6' 'bind :: 0' fork 'socket tcp6' 'bind :: 0'
	files=("$DIR"/*.jsonl)
	assert_eq 2 ${#files[@]}
	for file in "${files[@]}"; do
		pid=$(json_records "$file" .pid | sort -u)
		assert_eq "$DIR/steps.$pid.100%.jsonl" "$file"
		assert_eq 'load bind' "$(json_records "$file" .event | tr -d '"' | paste -sd' ')"
	done
}

@test "a path: appended to, never cut off, and made where it is not there" {
	echo '{"event":"before"}' >"$LOG"
	steps POLICY=ipv6-only LOG="$LOG" -- 'socket tcp6' 'bind :: 0'
	steps POLICY=ipv6-only LOG="$LOG" -- 'socket tcp6' 'bind :: 0'
	assert_eq 'before load bind load bind' "$(json_records "$LOG" .event | tr -d '"' | paste -sd' ')"
	steps POLICY=ipv6-only LOG="$DIR/new.jsonl" -- 'socket tcp6' 'bind :: 0'
	assert_eq 2 "$(json_records "$DIR/new.jsonl" | wc -l)"
	# A FIFO is a place too.
	mkfifo "$DIR/fifo"
	exec 8<>"$DIR/fifo"
	steps POLICY=ipv6-only LOG="$DIR/fifo" -- 'socket tcp6' 'bind :: 0'
	read -r -t 5 first <&8
	assert_match '^v6shim steps.*load' "$first"
	exec 8>&-
}

@test "one record is one line and one write" {
	require strace
	for log in "$LOG" fd:7 stderr; do
		: >"$DIR/seven"
		: >"$DIR/err"
		resolve shim POLICY=ipv6-only LOG="$log" LOG_LEVEL=all LOG_FORMAT=json -- "$PROGRAMS/steps" "${EVERY[@]}" fork "${EVERY[@]}"
		(close_bats_fds && exec strace -f -qq -s 5000 -e trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg \
			-o "$DIR/trace" "${COMMAND[@]}") 7>>"$DIR/seven" 2>>"$DIR/err" >"$DIR/out"
		file=$LOG
		[ "$log" != fd:7 ] || file=$DIR/seven
		[ "$log" != stderr ] || file=$DIR/err
		json_records "$file" >/dev/null
		# The program's own lines go to descriptor 1, and getaddrinfo has words with the kernel.
		grep -vE '^[0-9]+ +(write\(1, |\+\+\+|---|sendto\(.*AF_NETLINK)' "$DIR/trace" >"$DIR/writes" || :
		assert_eq "$(wc -l <"$file")" "$(wc -l <"$DIR/writes")" "$log: lines, writes"
		# Two processes, and each says first that the library is in.
		assert_eq $((2 * (1 + ${#EVERY[@]}))) "$(wc -l <"$file")" "$log"
		# Each write is a line from its beginning to its end, and is taken whole.
		assert_eq '' "$(grep -vE '^[0-9]+ +[a-z0-9]+\([0-9]+, (\[\{iov_base=)?"\{\\"v\\":1,.*\}\\n"' "$DIR/writes" || :)"
		assert_eq '' "$(awk '{ size = $0; sub(/ += [0-9]+$/, "", size); sub(/.*(, |iov_len=)/, "", size)
			if (size + 0 != $NF && !/iov_len/) print }' "$DIR/writes")"
	done
}

@test "a program may call itself what it likes: a record stays one line of valid JSON" {
	for name in 'quote"back\slash' $'new\nline' $'esc\e[31mred' $'invalid\xff\xfe' 'ünïcode' '%p%n%%' '{"event":"bind"}'; do
		cp "$PROGRAMS/steps" "$DIR/$name"
		rm -f "$LOG" "$DIR/log.txt"
		STEPS=$DIR/$name steps POLICY=ipv6-only LOG="$LOG" -- 'socket tcp6' 'bind :: 0'
		assert_eq 2 "$(wc -l <"$LOG")"
		# U+FFFD stands for what is no UTF-8.
		expected=${name//[$'\xfe\xff']/$'\xef\xbf\xbd'}
		assert_eq "$expected" "$(jq -rs '.[0].program' "$LOG")"
		STEPS=$DIR/$name steps POLICY=ipv6-only LOG="$DIR/log.txt" -- 'socket tcp6' 'bind :: 0'
		assert_eq 2 "$(wc -l <"$DIR/log.txt")"
		refute grep -q $'\e' "$DIR/log.txt"
	done
}
