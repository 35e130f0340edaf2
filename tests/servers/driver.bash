# shellcheck shell=bash
# driver.bash - one real server through its row of expected.tsv. `load driver` in a server's .bats file.
#
# A server's page defines some of these and calls `table NAME TOOL...`:
#
#   server_start [shim ... --]   start it with `begin NAME "$@" COMMAND...`: on $port, in the foreground, with
#                                its files in $DIR. $families is `six` (:: alone, dual-stack where it can be
#                                asked for) or `both` (0.0.0.0 and :: on $port); $kind is what follows the
#                                first - of NAME
#   client ADDRESS               succeeds where the server's own protocol is served at $port of ADDRESS: a page
#                                by HTTP, unless the page says otherwise
#   client_side                  succeeds where the connections that the server itself makes over IPv4 work; may set
#                                the server to it over ::1. /up of ::1 is such a page, unless the page says otherwise
#   PROTOCOLS                    optional: `udp`, or `tcp udp`; `tcp` by default
#
# Nothing is asked of the server itself: listeners are sock_diag's, service is a client's, and a connection of its
# own is told by what comes through it.

load ../e2e/helper

SERVERS=$ROOT/tests/servers
PROTOCOLS=tcp
PATH=$PATH:/usr/sbin:/sbin
SETTINGS=(bare ipv6-only both default-ipv6-only default-both log both-bare both-resolve)

# In CI nobody chose to go without a server: tests/run counts the skip as a failure.
setup() {
	DIR=$BATS_TEST_TMPDIR
	# Servers that drop their privileges must reach their files.
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/* 2>/dev/null || :
	chmod 777 "$DIR"
}

teardown() {
	# For ask_on: bats waits for what a failed test leaves running.
	touch "$DIR/enough"
	stop_all
}

# begin NAME [shim ... --] COMMAND...: start, until as many listeners are there as the table has. A server
# that must not come up is waited for until it has ended.
begin() {
	start "$1" "${READY[@]}" "${@:2}"
}

# begin_one NAME ...: as begin, until there is one listener more.
begin_one() {
	start "$1" "--${PROTOCOLS##* }" "$port" --within 20 "${@:2}"
}

# ready_for LISTENERS
ready_for() {
	local listeners=${1%%,*} protocol=${PROTOCOLS##* }

	case ${listeners##* } in
	none) READY=("--$protocol" "$port" --count 9 --within 8) ;;
	*+*) READY=("--$protocol" "$port" --count 2 --within 20) ;;
	*) READY=("--$protocol" "$port" --within 20) ;;
	esac
}

# kinds PROTOCOL: the table's word for what listens.
kinds() {
	local words

	words=$(kernel_listeners "$1" "$port" | sed -n -e 's/^inet 0\.0\.0\.0$/4/p' \
		-e 's/^inet6 :: v6only=0$/46/p' -e 's/^inet6 :: v6only=1$/6/p' | sort -u | paste -sd+)
	printf '%s\n' "${words:-none}"
}

# together PROTOCOL WORD...: of two protocols one word where it is the same.
together() {
	if [ "$2" = "${4-$2}" ]; then
		echo "$2"
	else
		printf '%s %s\n' "$@" | sort | paste -sd, | sed 's/,/, /'
	fi
}

observed_listeners() {
	local protocol all=()

	for protocol in $PROTOCOLS; do
		all+=("$protocol" "$(kinds "$protocol")")
	done
	together "${all[@]}"
}

# served ADDRESS: yes; or no, where that is the kernel's refusal and not a client that is broken.
served() {
	local word protocol

	if client "$1" >>"$DIR/client.out" 2>&1; then
		echo yes
		return
	fi
	for protocol in $PROTOCOLS; do
		word=$(reach "$1" "$protocol" "$port")
		[ "$word" = refused ] || {
			echo "broken ($protocol $word)"
			return
		}
	done
	echo no
}

# log_agrees: the records of what came to listen, or of bound datagram sockets, name the very sockets that
# sock_diag names; and nothing is lost.
log_agrees() {
	local protocol event kernel log

	for protocol in $PROTOCOLS; do
		event=listen
		[ "$protocol" = tcp ] || event=bind
		# shellcheck disable=SC2016 # jq's variables
		log=$(jq -r --argjson port "$port" --arg event "$event" --arg proto "$protocol" '
			select((.event == $event or .event == "inherit") and .result // 0 == 0)
			| select(.port == $port and .proto == $proto and (.addr // "::" | IN("::", "0.0.0.0")))
			| if .family == "inet" then "4" elif .after == 1 then "6" else "46" end' \
			"$DIR/log.jsonl" | sort -u | paste -sd+) || return
		kernel=$(kinds "$protocol")
		assert_eq "$kernel" "${log:-none}" "$protocol: sock_diag, and the log" || return
	done
	jq -se 'all(.[]; .event != "error" and .event != "lost")' "$DIR/log.jsonl" >/dev/null ||
		fail 'the log has errors or losses'
}

# In mode=log every record of a governed bind says what would have been done.
log_tells_would() {
	# shellcheck disable=SC2016
	jq -se --argjson port "$port" 'map(select(.port == $port and .event == "bind" and .family == "inet6"))
		| length > 0 and all(.[]; .mode == "log"
			and (.action != "none") == (.before == 0))' "$DIR/log.jsonl" >/dev/null ||
		fail 'mode=log: the records do not say what would have been done'
}

# log_predicts SETTING: what report reads from the log of mode=log, "with mode enforce", is what the table has of SETTING.
log_predicts() {
	local protocol said all=()

	for protocol in $PROTOCOLS; do
		# shellcheck disable=SC2016
		said=$("$V6SHIM" report --json "$DIR/log.jsonl" | jq -r --argjson port "$port" --arg proto "$protocol" '
			[.processes[].verdicts[] | select(.port == $port and .proto == $proto) | .enforce // .
				| if .inet == "own socket" then "4" else empty end,
				  if .inet6 == "own socket" then "6" elif .inet6 == "dual-stack socket" then "46" else empty end]
			| unique | join("+")') || return
		all+=("$protocol" "${said:-none}")
	done
	assert_eq "$(awk -F '\t' -v setting="$1" '$1 == setting { print $2 }' "$DIR/../expected")" \
		"$(together "${all[@]}")" "$1 enforced, and what mode=log says of it"
}

# foretold WORD...: the server, with both families configured and in mode=log, says what SETTING comes to.
foretold() {
	ready_for "$(awk -F '\t' '$1 == "both-bare" { print $2 }' "$DIR/../expected")"
	server_start shim LOG="$DIR/log.jsonl" LOG_LEVEL=all MODE=log "$@" -- 2>"$DIR/start.err" || :
	log_predicts "$setting" 2>"$DIR/problem" || complain
	stop_all 2>"$DIR/problem" || complain
	install -m 666 /dev/null "$DIR/log.jsonl"
}

# governed POLICY: the server, started under it on :: of a new port.
governed() {
	families=six port=$(free_port)
	READY=(--tcp "$port" --within 20)
	install -m 666 /dev/null "$DIR/log.jsonl"
	server_start shim POLICY="$1" LOG="$DIR/log.jsonl" LOG_LEVEL=bind --
}

# still_ipv6_only: what it was made it is, and IPv4 is refused.
still_ipv6_only() {
	assert_eq 'inet6 :: v6only=1' "$(kernel_listeners tcp "$port" | sort -u)"
	assert_eq refused "$(reach 4 tcp "$port")"
}

# cell NAME SETTING LISTENERS OWN: a line `SETTING LISTENERS V4 V6 OWN` on descriptor 5, and complaints on 6.
cell() {
	local name=$1 setting=$2 wanted=$3 own=$4 listeners v4=no v6=no families=six policy port dir=$DIR words=()

	port=$(free_port) || return
	local DIR=$dir/$setting
	mkdir -m 777 "$DIR" || return
	# What loads the library first would make the log a file of root's, that others of the server cannot write.
	install -m 666 /dev/null "$DIR/log.jsonl" || return
	case $setting in
	bare) ;;
	log) words=(POLICY=ipv6-only MODE=log) ;;
	both-bare) families=both ;;
	both-resolve) families=both words=(ON_CONFLICT=resolve) ;;
	*) words=(POLICY="$setting") ;;
	esac
	# Of what is supervised this was not looked into yet.
	[ "$setting" != both-resolve ] || [ -n "${TESTS_REACH-}" ] || foretold "${words[@]}"
	WITH=(${words:+shim LOG="$DIR/log.jsonl" LOG_LEVEL=all "${words[@]}" --})
	ready_for "$wanted"
	# What was said before the end is of use only where this was not expected.
	server_start "${WITH[@]}" 2>"$DIR/start.err" || :
	listeners=$(observed_listeners)
	if [ "$listeners" != none ]; then
		v4=$(served 127.0.0.1)
		v6=$(served ::1)
		[ ${#WITH[@]} -eq 0 ] || log_agrees 2>"$DIR/problem" || complain
		[ "$setting" != log ] || { log_tells_would && log_predicts ipv6-only; } 2>"$DIR/problem" || complain
	fi
	if [ "$own" != - ]; then
		own=no
		[ "$v6" != yes ] || { own_connections >"$DIR/problem" 2>&1 && own=yes; } || complain
	fi
	printf '%s\t%s\t%s\t%s\t%s\n' "$setting" "$listeners" "$v4" "$v6" "$own" >&5
	stop_all 2>"$DIR/problem" || complain
	: >"$DIR/problem"
	[ "$listeners" = "$wanted" ] || complain
}

# What went wrong is in $DIR/problem.
complain() {
	printf '%s, %s: %s\n' "$name" "$setting" \
		"$(tail -n 20 "$DIR/problem" "$DIR/start.err" "$dir"/*.err "$DIR/log.jsonl" 2>/dev/null)" >&6
}

# own_connections: those that the server itself makes work, and who makes them is under the shim: many a server
# executes something else for that, and chooses the environment.
own_connections() {
	local before

	before=$(sockets_told)
	client_side || return
	[ ${#WITH[@]} -eq 0 ] || [ "$(sockets_told)" -gt "$before" ] ||
		fail 'the log has no new socket: the connection was made without the shim'
}

sockets_told() {
	grep -sc '"event":"socket"' "$DIR/log.jsonl" || :
}

# expected_of NAME: a line `SETTING LISTENERS V4 V6 OWN` for each setting.
expected_of() {
	awk -F '\t' -v name="$1" -v settings="${SETTINGS[*]}" '
		function has(family) { return $(i + 2) ~ family ? "yes" : "no" }
		$1 == name {
			n = split(settings, setting, " ")
			for (i = 1; i <= n; i++)
				print setting[i] "\t" $(i + 2) "\t" has(4) "\t" has(6) "\t" ($2 == "-" ? "-" : has(6))
		}' "$SERVERS/expected.tsv"
}

# table NAME TOOL...: every setting of its row, then all that was seen is compared at once.
table() {
	local name=$1 setting listeners own kind=${1#*-}

	require "${@:2}" curl python3 jq
	expected_of "$name" >"$DIR/expected"
	[ -s "$DIR/expected" ] || fail "no row for $name" || return
	while IFS=$'\t' read -r setting listeners _ _ own <&7; do
		cell "$name" "$setting" "$listeners" "$own" || return
	done 7<"$DIR/expected" 5>"$DIR/observed" 6>"$DIR/complaints"
	markdown "$name" || return
	cat "$DIR/complaints" >&2
	assert_eq "$(<"$DIR/expected")" "$(<"$DIR/observed")" \
		"$name: setting, listeners, 127.0.0.1, ::1, its own connections" || return
	[ ! -s "$DIR/complaints" ]
}

# markdown NAME: its row into BUILD/servers.md, which is made anew of all the rows that there are.
markdown() {
	local row="| $1" name seen must

	! grep -q $'\t-$' "$DIR/expected" || row+=' *'
	while IFS= read -r seen <&7 && IFS= read -r must <&8; do
		row+=" | $(cut -f 2 <<<"$seen" | sed 's/^none$/does not start/') "
		[ "$seen" = "$must" ] && row+=✓ || row+="✗, ${seen//$'\t'/ }, not ${must//$'\t'/ }"
	done 7<"$DIR/observed" 8<"$DIR/expected"
	mkdir -p "$BUILD/servers"
	# Several files of tests end at a time.
	(
		flock 9
		echo "$row |" >"$BUILD/servers/$1.md"
		{
			cat <<-'END'
				| server | bare | `ipv6-only` | `both` | `default-ipv6-only` | `default-both` | `mode=log` | both families, bare | both families, `on-conflict=resolve` |
				| --- | --- | --- | --- | --- | --- | --- | --- | --- |
			END
			while read -r name _; do
				[ ! -e "$BUILD/servers/$name.md" ] || cat "$BUILD/servers/$name.md"
			done < <(grep -v '^#' "$SERVERS/expected.tsv")
			cat <<-'END'

				4: a socket on 0.0.0.0. 6: one on `::` with V6ONLY 1. 46: one on `::` with V6ONLY 0.
				✓: as expected: clients of the server's own protocol are served over just those families, and the connections that the server itself makes over IPv4 work.
				*: it makes none of its own.
			END
		} >"$BUILD/servers.md"
	) 9>"$BUILD/servers/.lock"
}

# ---- clients

# get ADDRESS [PATH]: the HTTP body.
get() {
	local host=$1

	[[ $host != *:* ]] || host="[$host]"
	curl -sS -f -g --max-time 10 --noproxy '*' "http://$host:$port${2-/}"
}

serves_page() {
	[ "$(get "$1" "${2-/}")" = v6shim-page ]
}

client() {
	serves_page "$1"
}

client_side() {
	serves_page ::1 /up
}

# echoes ADDRESS [PROTOCOL]: a line comes back; at ::1 the line `up` brings what the server got as a client of its own.
echoes() {
	[ "$(reach "$1" "${2-tcp}" "$port" v6shim)" = 'served v6shim' ]
}

echoes_own() {
	assert_eq 'served v6shim' "$(reach 6 "${1-tcp}" "$port" up)"
}

# ask_on: from now on the page over ::1 is asked for again and again, until no_failures, which nothing may have been
# and which waits for one that was asked after all is done.
ask_on() {
	: >"$DIR/asked"
	(
		close_bats_fds
		# After a test's end the folder soon goes.
		while [ -d "$DIR" ] && [ ! -e "$DIR/enough" ]; do
			get ::1 || printf failed
			echo
		done
	) >"$DIR/asked" 2>&1 &
	ASKS=$!
	wait_for 20 answered 1
}

answered() {
	[ "$(grep -c '^v6shim-page$' "$DIR/asked")" -ge "$1" ]
}

no_failures() {
	wait_for 20 answered "$(($(grep -c '^v6shim-page$' "$DIR/asked") + 2))"
	touch "$DIR/enough"
	wait "$ASKS"
	assert_eq '' "$(grep -v '^v6shim-page$' "$DIR/asked")" 'requests that failed'
}

# ---- children of a server, whom a signal may replace

children() {
	pgrep -P "${1:-$(pid_of server)}" | sort
}

has_children() {
	[ "$(children "${1-}" | wc -l)" -ge 2 ]
}

# other_children THOSE: all are new.
other_children() {
	local now

	now=$(children) && [ -z "$(comm -12 <(echo "$now") <(echo "$1"))" ]
}

# listening: the inodes of the sockets that listen on $port
listening() {
	ss -Hlnte "sport = :$port" | grep -o 'ino:[0-9]*' | sort
}

# reloads SIGNAL: three times; the listener stays the one it is, the children are new, and no request fails.
reloads() {
	local before listening

	still_ipv6_only
	listening=$(listening)
	[ -n "$listening" ]
	ask_on
	for _ in 1 2 3; do
		before=$(children)
		kill -"$1" "$(pid_of server)"
		wait_for 20 other_children "$before"
	done
	no_failures
	still_ipv6_only
	assert_eq "$listening" "$(listening)"
}

# ---- what a server connects to

# upstream http|dns: a server on 127.0.0.1:$up that is none of those under test. See programs/upstream.py.
upstream() {
	start upstream --tcp "$up" python3 "$SERVERS/programs/upstream.py" "$1" "$up"
}

# passes_on COMMAND...: COMMAND prints what `upstream http` has, but only while that is there.
passes_on() {
	local text

	! text=$("$@") || [[ $text != *v6shim-upstream* ]] || fail "answered without an upstream: $*" || return
	upstream http || return
	text=$("$@") || fail "failed: $*" || return
	[[ $text == *v6shim-upstream* ]] || fail "not from the upstream: $text"
}
