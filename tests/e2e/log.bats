#!/usr/bin/env bats
# The log: each record has the keys of DESIGN.md 1.6 and says what the kernel says; levels, places and forms as 1.3
# has them. What a log has to bear is in survive.bats, what others name in names.bats.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load helper
load survive
load rows

# steps NAME=VALUE... -- STEP...: under the library; every record as JSON into $LOG, if nothing else is said.
steps() {
	given "$@"
	shim LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=all "${LEADING[@]}" -- "$PROGRAMS/drive" "${TRAILING[@]}"
}

# Everything that makes a record, once.
EVERY=('socket tcp6' 'v6only 0' 'bind :: 0' listen 'socket tcp4' 'bind 127.0.0.1 0' listen resolve)

# ---- keys

# keys FILTER: the keys of the only record that the filter lets through, in their order.
keys() {
	jq -r "select($1) | keys_unsorted | join(\" \")" "$LOG"
}

# What every record has, and what every record of a call that a policy could apply to has.
HEAD='v time pid program via event'
DECISION='policy mode action finding'

@test "each event's record has its keys, in the contract's order, and no other; a call that fails has its errno" {
	port=$(free_port)
	steps POLICY=ipv6-only -- 'socket tcp6' 'bind :: 0' listen 'socket tcp6' 'v6only 0' "bind :: $port" listen \
		'socket udp6' "bind :: $port" 'socket tcp4' 'bind 127.0.0.1 0' listen 'socket udp4' 'bind 127.0.0.1 0' resolve
	# Its descriptors are others.
	steps POLICY=ipv6-only ON_CONTRARY=deny:EOPNOTSUPP -- 'socket unix' 'socket unix' 'socket unix' 'socket unix' 'socket unix' \
		'socket tcp6' 'v6only 0' 'v6only short-0' 'bind :: 0' 'bind :: 0' 'socket udp6' listen
	while IFS='|' read -r filter expected; do
		assert_eq "$HEAD $expected" "$(keys "$filter")" "$filter"
	done <<-END
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
		.action == "deny"|fd family type proto asked before after $DECISION result errno
		.event == "bind" and .result == -1|fd family type proto addr port asked before after $DECISION result errno
		.event == "listen" and .result == -1|fd family type proto addr port before after $DECISION result errno
	END
	# before of a setsockopt costs a call of its own, and is there where on-contrary had to know it.
	assert_eq "$HEAD fd family type proto asked after $DECISION result" \
		"$(keys '.event == "setsockopt" and .result == 0' | sed 's/ before / /')"
	# A request that the kernel did not understand asked for nothing.
	assert_eq '["setsockopt","EOPNOTSUPP",true]
["setsockopt","EINVAL",false]
["bind","EINVAL",true]
["listen","EOPNOTSUPP",false]' "$(json_records "$LOG" 'select(.result == -1) | [.event, .errno, has("asked")]')"
}

@test "every record of a thousand odd calls is whole, and has no key and no word that the contract lacks" {
	shim POLICY=ipv6-only LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=all -- "$PYTHON" -ISB "$ROOT/tests/programs/edge-calls.py" -n \
		>"$DIR/out"
	[ "$(wc -l <"$LOG")" -ge 1000 ]
	assert_eq '' "$(jq -r --arg keys "v time pid program via event version settings fd family type proto addr port asked before
		after serves families_before families_after policy rule mode action finding holder result errno count note" \
		'keys - ($keys | gsub("\\s+"; " ") | split(" ")) | .[]' "$LOG" | sort -u)"
	assert_eq '' "$(json_records "$LOG" 'select(.v != 1
		or (.event | IN("load", "socket", "setsockopt", "bind", "listen", "getaddrinfo") | not)
		or (.family | IN("inet", "inet6", null) | not)
		or (.type | IN("stream", "dgram", "raw", "seqpacket", "other", null) | not)
		or (.action | IN("none", "set", "override") | not) or (.finding | IN("none", "contrary", "ipv4-socket", "unenforced") | not)
		or (.asked, .before, .after | IN(0, 1, null) | not)
		or (.serves | IN(["inet6"], ["inet"], ["inet6", "inet"], null) | not)
		or .policy != "ipv6-only" or .mode != "enforce")' | head -n 5)"
	assert_eq 1 "$(jq '[.pid, .program]' "$LOG" -c | sort -u | wc -l)"
}

# ---- values

@test "a record says what the kernel says: V6ONLY, port, who is served" {
	quietly
	while IFS='|' read -r proto policy steps; do
		IFS=, read -ra asks <<<"$steps,port,serve"
		rm -f "$LOG"
		start server --says ready shim POLICY="$policy" LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=all -- \
			"$PROGRAMS/drive" "${asks[@]}"
		port=$(stdout_of server | sed -n 's/^port: //p')
		event=listen
		[ "$proto" = tcp ] || event=bind
		# Real clients against `serves`, sock_diag's line and the process against the record's words.
		served=''
		[ "$(reach 6 "$proto" "$port" x)" != 'served ipv6' ] || served+=' inet6'
		[ "$(reach 4 "$proto" "$port" x)" != 'served ipv4' ] || served+=' inet'
		assert_eq "$(kernel_listeners "$proto" "$port")|${served# }|$(pid_of server) drive" "$(jq -r "select(.event == \"$event\")"' |
			(.family + " " + .addr + if .family == "inet6" then " v6only=\(.after)" else "" end) + "|" +
			(.serves | join(" ")) + "|\(.pid) \(.program)"' "$LOG")" "$policy, $steps"
		[ "$event" = bind ] || assert_eq "$port" "$(jq 'select(.event == "listen") | .port' "$LOG")"
		stop server
	done <<-END
		tcp|app|socket tcp6,bind :: 0,listen
		tcp|ipv6-only|socket tcp6,bind :: 0,listen
		tcp|both|socket tcp6,bind :: 0,listen
		tcp|ipv6-only|socket tcp6,v6only 0,bind :: 0,listen
		tcp|both|socket tcp6,v6only 1,bind :: 0,listen
		tcp|app|socket tcp6,v6only 1,bind :: 0,listen
		tcp|ipv6-only|socket tcp6,listen
		tcp|both|socket tcp6,bind ::1 0,listen
		tcp|ipv6-only|socket tcp6,bind ::ffff:127.0.0.1 0,listen
		tcp|ipv6-only|socket tcp4,bind 0.0.0.0 0,listen
		tcp|app|socket tcp4,bind 127.0.0.1 0,listen
		udp|app|socket udp6,bind :: 0
		udp|app|socket udp6,v6only 1,bind :: 0
		udp|ipv6-only|socket udp6,bind :: 0
		udp|both|socket udp6,bind ::1 0
		udp|ipv6-only|socket udp6,bind ::ffff:127.0.0.1 0
		udp|ipv6-only|socket udp4,bind 0.0.0.0 0
	END
}

@test "addresses are as passed, in the form of RFC 5952; ports and descriptors are numbers; time is RFC 3339, UTC, and now" {
	before=$(date -u +%FT%T.%6NZ)
	steps POLICY=app -- 'socket udp6' 'bind ::1 0' 'socket udp6' 'bind 2001:0DB8:0:0:1:0:0:1 7' \
		'socket udp6' 'bind ::ffff:7F00:1 0' 'socket udp4' 'bind 127.0.0.1 0' 'socket tcp6' 'bind :: 0'
	after=$(date -u +%FT%T.%6NZ)
	assert_eq '[3,"udp","::1",0]
[4,"udp","2001:db8::1:0:0:1",7]
[5,"udp","::ffff:127.0.0.1",0]
[6,"udp","127.0.0.1",0]
[7,"tcp","::",0]' "$(json_records "$LOG" 'select(.event == "bind") | [.fd, .proto, .addr, .port]')"
	assert_eq 11 "$(wc -l <"$LOG")"
	while read -r time; do
		assert_match '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$' "$time"
		[[ ! $time < $before && ! $time > $after ]] || fail "$time is not between $before and $after"
	done < <(jq -r .time "$LOG")
}

@test "raw sockets serve nobody's TCP or UDP: their bind has no serves" {
	"$PROGRAMS/drive" 'socket raw6' | grep -q fd || skip 'needs leave to open raw sockets'
	steps POLICY=ipv6-only -- 'socket raw6' 'v6only 0' 'bind :: 0'
	assert_eq '["bind","none",0,false]' \
		"$(json_records "$LOG" 'select(.event == "bind") | [.event, .action, .after, has("serves")]')"
	# Linux refuses the option on every raw socket, bound or not: that it was bound is not the reason.
	assert_eq '["EINVAL",false]' "$(json_records "$LOG" 'select(.event == "setsockopt") | [.errno, has("note")]')"
}

# ---- levels, and the load record

@test "log-level: each level has what the one before it has, and its own; a wrong setting is said at each, and is no record" {
	# A governed bind, one that is not, a contrary request, an agreeable one; nothing went wrong in the shim.
	ask=('socket tcp6' 'v6only 0' 'v6only 1' 'v6only 0' 'bind :: 0' listen 'socket tcp4' 'bind 127.0.0.1 0' resolve)
	while IFS='|' read -r level expected; do
		rm -f "$LOG"
		steps POLICY=ipv6-only LOG_LEVEL="$level" -- "${ask[@]}"
		assert_eq "$expected" "$(events)" "$level"
		rm -f "$LOG"
		steps POLICY=ipv6only LOG_LEVEL="$level" -- 'socket tcp6' 'bind :: 0' 2>"$DIR/err"
		assert_line "v6shim: V6SHIM_POLICY: unknown value 'ipv6only'; did you mean 'ipv6-only'" "$(<"$DIR/err")"
		refute grep -q -e ipv6only -e error -e '"bind"' "$LOG"
	done <<-END
		error|
		change|load setsockopt setsockopt bind
		bind|load setsockopt setsockopt bind listen bind getaddrinfo
		all|load socket setsockopt setsockopt setsockopt bind listen socket bind getaddrinfo
	END
}

@test "the load record: first of each process that writes one, with version, settings and their origins; none where nothing is told" {
	printf 'policy = ipv6-only\non-conflict = resolve\nlog-level = bind\nport=1 => policy=app\nport=2 => policy=app\n' >"$DIR/conf"
	shim CONFIG="$DIR/conf" LOG="$LOG" LOG_FORMAT=json ON_DISORDER=log -- "${SURVIVE[@]}" bind bind fork bind join exec bind >"$DIR/out"
	assert_eq 'load bind bind load bind load bind' "$(events)"
	assert_eq 2 "$(jq .pid "$LOG" | sort -u | wc -l)"
	assert_eq "$("$V6SHIM" --version | sed 's/^v6shim //')" "$(jq -r 'select(.event == "load") | .version' "$LOG" | sort -u)"
	assert_eq '{"config":{"origin":"environment","value":"'"$DIR/conf"'"},"log":{"origin":"environment","value":"'"$LOG"'"},"log-format":{"origin":"environment","value":"json"},"log-level":{"origin":"file","value":"bind"},"on-conflict":{"origin":"file","value":"resolve"},"policy":{"origin":"file","value":"ipv6-only"},"rules":{"origin":"file","value":2}}' \
		"$(jq -cS 'select(.event == "load") | .settings | del(."on-disorder")' "$LOG" | sort -u)"
	V6SHIM_ORDER=ipv4-first V6SHIM_POLICY=app "$V6SHIM" run -p both -o "$DIR/run.jsonl" -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' >"$DIR/out"
	assert_eq 'log option order environment policy option' \
		"$(jq -r 'select(.event == "load") | .settings | to_entries | sort_by(.key)[] | .key, .value.origin' "$DIR/run.jsonl" | paste -sd' ')"
	# A program that has nothing to tell writes nothing, and opens nothing, but at level all, where it comes at once.
	for level in change all; do
		rm -f "$LOG"
		steps POLICY=ipv6-only LOG_LEVEL=$level -- 'socket unix' >"$DIR/out"
		[ $level = all ] || [ ! -e "$LOG" ]
		got=$(events)
		assert_eq "${level/change/}" "${got/load*/all}"
	done
}

@test "a path as long as a path may be leaves the load record whole" {
	LOG=$DIR
	while [ ${#LOG} -lt 3800 ]; do LOG+=/$(printf 'd%.0s' {1..200}); done
	mkdir -p "$LOG"
	LOG+=/log.jsonl
	steps POLICY=ipv6-only -- 'socket tcp6' 'bind :: 0' >"$DIR/out"
	assert_eq 'load socket bind' "$(events)"
	[ "$(wc -L <"$LOG")" -le 4095 ]
}

# ---- forms and places

@test "text: the contract's line, what mode=log would have done, and the same records as JSON" {
	cp "$PROGRAMS/drive" "$DIR/nginx"
	port=$(free_port)
	for mode in enforce log; do
		shim POLICY=ipv6-only MODE=$mode -- "$DIR/nginx" 'socket tcp6' 'v6only 0' "bind :: $port" 2>"$DIR/$mode" >"$DIR/out"
	done
	assert_match "^v6shim nginx\[[0-9]+\]: bind tcp \[::\]:$port fd 3: V6ONLY 0 -> 1 \(policy ipv6-only; the application asked for 0\)$" \
		"$(tail -n 1 "$DIR/enforce")"
	assert_match "^v6shim nginx\[[0-9]+\]: bind tcp \[::\]:$port fd 3: .*would.*mode log" "$(tail -n 1 "$DIR/log")"
	refute grep -q 'V6ONLY 0 -> 1' "$DIR/log"
	steps POLICY=ipv6-only -- "${EVERY[@]}"
	steps POLICY=ipv6-only LOG="$DIR/log.txt" LOG_FORMAT=text -- "${EVERY[@]}"
	assert_eq $((1 + ${#EVERY[@]})) "$(wc -l <"$LOG")"
	assert_eq "$(jq -r .event "$LOG")" "$(sed -E 's/^v6shim drive\[[0-9]+\]: ([a-z]+).*/\1/' "$DIR/log.txt")"
}

@test "log-format and log-level: json and bind of every path, text and change of the others, or as they are set" {
	while read -r log file expected settings; do
		rm -f "$DIR"/{log,out}*
		# shellcheck disable=SC2086 # into its words
		shim POLICY=ipv6-only LOG="${log/DIR/$DIR}" $settings -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' listen \
			2>"$DIR/out2" 7>"$DIR/out7" >"$DIR/out"
		got=$(jq -c .event "$DIR/$file" 2>/dev/null | paste -sd+ || :)
		[ -n "$got" ] || got=$(sed -nE 's/^v6shim drive\[[0-9]+\]: ([a-z]+).*/\1/p' "$DIR/$file" | paste -sd+)
		assert_eq "$expected" "$got" "$log $settings"
	done <<-END
		DIR/log.jsonl log.jsonl "load"+"bind"+"listen"
		DIR/log       log       "load"+"bind"+"listen"
		DIR/log.json  log.json  "load"+"bind"+"listen"
		DIR/log.txt   log.txt   load+bind+listen         LOG_FORMAT=text
		DIR/log.json  log.json  load+bind                LOG_FORMAT=text LOG_LEVEL=change
		stderr        out2      load+bind
		stderr        out2      "load"+"bind"+"listen"   LOG_FORMAT=json LOG_LEVEL=bind
		fd:7          out7      load+bind
	END
}

@test "log=fd:N, stderr, off: there, and nowhere else; a descriptor that is not open, or the program's own, is no log" {
	expected=$("$PROGRAMS/drive" 'socket tcp6' 'bind :: 0')
	while read -r log file; do
		rm -f "$DIR"/out*
		shim POLICY=ipv6-only LOG="$log" -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' >"$DIR/out1" 2>"$DIR/out2" 7>"$DIR/out7"
		assert_eq "${expected/fd [0-9]/fd 3}" "$(<"$DIR/out1")" "$log"
		for other in out2 out7; do
			# That there is no log is said.
			[ $other = "$file" ] || assert_eq '' "$(grep -v "^v6shim: log: '$log' is closed, another file" "$DIR/$other" || :)" "$log"
		done
		[ "$file" != none ] || [ "$log" = off ] || [ -s "$DIR/out2" ]
		[ "$file" = none ] || assert_match 'bind tcp' "$(<"$DIR/$file")"
	done <<-END
		off    none
		stderr out2
		fd:7   out7
		fd:9   none
		fd:3   none
	END
}

@test "a path: %p, %n and %%; appended to, made where it is not there; a FIFO is a place too" {
	steps POLICY=ipv6-only LOG_LEVEL=change LOG="$DIR/%n.%p.100%%.jsonl" -- 'socket tcp6' 'bind :: 0' fork 'socket tcp6' 'bind :: 0'
	files=("$DIR"/*.jsonl)
	assert_eq 2 ${#files[@]}
	for file in "${files[@]}"; do
		assert_eq "$DIR/drive.$(jq .pid "$file" | sort -u).100%.jsonl" "$file"
		assert_eq 'load bind' "$(events "$file")"
	done
	echo '{"event":"before"}' >"$LOG"
	steps POLICY=ipv6-only LOG_LEVEL=change -- 'socket tcp6' 'bind :: 0'
	steps POLICY=ipv6-only LOG_LEVEL=change -- 'socket tcp6' 'bind :: 0'
	assert_eq 'before load bind load bind' "$(events)"
	mkfifo "$DIR/fifo"
	exec 8<>"$DIR/fifo"
	steps POLICY=ipv6-only LOG="$DIR/fifo" LOG_FORMAT=text -- 'socket tcp6' 'bind :: 0'
	read -r -t 5 first <&8
	assert_match '^v6shim drive.*load' "$first"
	exec 8>&-
}

# ---- syslog, and the journal

# priorities <LINES: `EVENT SEVERITY` of each, where they begin with "<N>", N being 8 times FACILITY and the severity.
priorities() {
	sed -nE 's/^<([0-9]+)>.*v6shim [^ ]+: ([a-z]+).*/\1 \2/p' | awk -v facility="$1" '{ print $2, $1 - 8 * facility }' |
		sort -u | paste -sd,
}

# What is found is a notice, a conflict a warning, an error an error, and the rest for information.
HELPER_VARIABLES+=(PRIORITIES)
PRIORITIES='bind 4,bind 6,listen 6,load 6,setsockopt 5'

make_all() {
	local port

	port=$(free_port)
	shim POLICY=ipv6-only LOG="$1" LOG_LEVEL=bind LOG_FORMAT=text -- "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' "bind :: $port" listen \
		'socket tcp6' "bind :: $port"
}

syslog() {
	daemon
	"$PYTHON" -c 'import syslog; syslog.openlog("name", syslog.LOG_PID, syslog.LOG_DAEMON); syslog.syslog(4, "text")'
	assert_match '^<28>[A-Z][a-z]{2} .* name\[[0-9]+\]: text$' "$(got)" 'control: libc'
	daemon
	shim POLICY=ipv6-only LOG=syslog -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' >"$DIR/out"
	got >"$DIR/got"
	assert_eq 2 "$(wc -l <"$DIR/got")"
	pid=$(sed -nE '1s/^<30>drive\[([0-9]+)\]: v6shim drive\[\1\]: load: .*$/\1/p' "$DIR/got")
	assert_eq "<30>drive[$pid]: v6shim drive[$pid]: bind tcp [::]:0 fd 3: V6ONLY 0 -> 1 (policy ipv6-only)" "$(sed -n 2p "$DIR/got")"
	daemon
	shim POLICY=ipv6-only LOG=syslog LOG_FORMAT=json -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' >"$DIR/out"
	assert_eq 'load true bind true' "$(got | sed -E 's/^<30>drive\[([0-9]+)\]: /[\1] /' | jq -rs '[.[range(0; length; 2)][0]] as $pids |
		[.[range(1; length; 2)]] | [., $pids] | transpose | map("\(.[0].event) \(.[0].pid == .[1])") | join(" ")')"
	daemon
	make_all syslog >"$DIR/out"
	assert_eq "$PRIORITIES" "$(got | priorities 3)"
	daemon
	shim POLICY=nonsense LOG=syslog -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' >"$DIR/out" 2>&-
	assert_eq '<27>' "$(got | grep nonsense | cut -c1-4)"
	# A denial is a notice, lost records are a warning.
	daemon
	shim POLICY=ipv6-only LOG=syslog ON_CONTRARY=deny:EPERM -- "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' >"$DIR/out"
	assert_eq 'load 6,setsockopt 5' "$(got | priorities 3)"
	rm /dev/log
	shim POLICY=ipv6-only LOG=syslog -- "${SURVIVE[@]}" 'bind 3' "touch $DIR/lost" "await $DIR/go" bind >"$DIR/out" &
	server=$!
	wait_for 10 test -e "$DIR/lost"
	daemon
	touch "$DIR/go"
	wait $server
	assert_eq 'bind 6,load 6,lost 4' "$(got | priorities 3)"
}

@test "syslog: a record is one datagram, <PRI>TAG[PID]: TEXT, facility daemon, its severity by what was found" {
	require_mounts
	with_dev syslog
}

# journal journal|other NAME=VALUE... -- COMMAND...: standard error is a socket, and JOURNAL_STREAM says so, or does not.
journal() {
	local what=$1

	shift
	resolve shim POLICY=ipv6-only "$@" || return
	# shellcheck disable=SC2016 # for the shell inside
	(close_bats_fds && exec "${RECEIVE[@]}" "$what" bash -c 'exec "$@" >>"$DIR/out"' - "${COMMAND[@]}")
}

@test "the journal: each line begins with its priority; another socket, somebody's client, gets not a byte" {
	for what in journal other; do
		assert_eq 'ready' "$("${RECEIVE[@]}" $what bash -c 'echo ready >&2')" 'control: it comes through'
	done
	port=$(free_port)
	ask=("$PROGRAMS/drive" 'socket tcp6' 'v6only 0' "bind :: $port" listen 'socket tcp6' "bind :: $port")
	assert_eq "$PRIORITIES" "$(journal journal LOG_LEVEL=bind -- "${ask[@]}" | priorities 0)"
	assert_eq '<6>load <5>setsockopt <6>bind <4>bind' \
		"$(journal journal LOG_FORMAT=json -- "${ask[@]}" | sed -E 's/^(<.>).*"event":"([a-z]+)".*/\1\2/' | paste -sd' ')"
	# A configuration that does not parse is said there as well.
	assert_match $'\n<3>v6shim: V6SHIM_ON_CONFLICT: .*nonsense' "$(journal journal ON_CONFLICT=nonsense -- "${ask[@]}")"
	for settings in LOG_LEVEL=all LOG_FORMAT=json ON_CONFLICT=nonsense; do
		assert_eq '' "$(journal other $settings -- "${ask[@]}")" "$settings"
	done
	# Nor without JOURNAL_STREAM, or with one that says nothing.
	assert_eq '' "$(journal journal LOG_LEVEL=bind -- env -u JOURNAL_STREAM "${ask[@]}")"
	for value in '' ':' '0:0' '1' '99999999999999999999999:1' 'a:b' '1:2:3' '-1:-1'; do
		assert_eq '' "$(journal journal LOG_LEVEL=bind -- env JOURNAL_STREAM="$value" "${ask[@]}")" "$value"
	done
	# The program that asked for all of this made its calls.
	assert_eq 13 "$(grep -c 'listen: ok' "$DIR/out")"
}

@test "JOURNAL_STREAM left over, and standard error a file or a pipe: lines without a priority" {
	resolve shim POLICY=ipv6-only LOG_LEVEL=change -- "${SURVIVE[@]}" -o "$DIR/said" bind
	JOURNAL_STREAM=1:2 "${COMMAND[@]}" 2>"$DIR/got"
	assert_eq '2 2' "$(grep -c '^v6shim ' "$DIR/got") $(JOURNAL_STREAM=1:2 "${COMMAND[@]}" 2>&1 | grep -c '^v6shim ')"
	# A service that moves its standard error to a file of its own has that to itself.
	journal journal -- "${SURVIVE[@]}" bind "open $DIR/own append 2" bind >"$DIR/got"
	assert_eq '2 0' "$(grep -c '^<6>v6shim' "$DIR/got") $(grep -c '^v6shim' "$DIR/own" || :)"
}

@test "an inetd service: its client sees nothing of the log, which goes where it is told" {
	inetd=("$PROGRAMS/drive" 'socket tcp6' 'bind ::1 0' listen 'talk ::1' 'put 0,1,2' --)
	for log in stderr "$LOG"; do
		resolve shim POLICY=ipv6-only LOG="$log" LOG_FORMAT=json LOG_LEVEL=all -- "${SURVIVE[@]}" -o "$DIR/said" bind
		assert_eq 'client got 0 bytes' "$("${inetd[@]}" "${COMMAND[@]}" | tail -n 1)" "$log"
		assert_eq 'bind: ok' "$(<"$DIR/said")"
	done
	assert_eq 1 "$(jq -r .event "$LOG" | grep -c bind)"
	assert_eq 'client got 6 bytes' "$("${inetd[@]}" sh -c 'echo hello >&2' | tail -n 1)" 'control'
}
