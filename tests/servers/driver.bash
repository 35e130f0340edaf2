# shellcheck shell=bash
# The pages and this file use each other's variables.
# shellcheck disable=SC2034,SC2154
# driver.bash - one real server through every row of expected.tsv. `load driver` in a server's .bats file.
#
# A server's page defines these and calls `table NAME`:
#
#   server_start [shim ... --]   start it with `begin NAME "$@" COMMAND...`: on $port, in the foreground, with
#                                its files in $DIR. $families is `six` (:: alone, dual-stack where it can be
#                                asked for) or `both` (0.0.0.0 and :: on $port)
#   client ADDRESS               succeeds where the server's own protocol is served at $port of ADDRESS
#   client_side                  succeeds where the connections that the server itself makes over IPv4 work;
#                                may set the server to it over ::1. Not there where it makes none
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

# setting_words SETTING: the words before the command, into the array WITH; and $families.
setting_words() {
	local log=(LOG="$DIR/log.jsonl" LOG_LEVEL=all)

	families=six
	case $1 in
	bare) WITH=() ;;
	log) WITH=(shim "${log[@]}" POLICY=ipv6-only MODE=log --) ;;
	both-bare) families=both WITH=() ;;
	both-resolve) families=both WITH=(shim "${log[@]}" ON_CONFLICT=resolve --) ;;
	*) WITH=(shim "${log[@]}" POLICY="$1" --) ;;
	esac
}

# begin NAME [shim ... --] COMMAND...: start, until as many listeners are there as the table has. A server
# that must not come up is waited for until it has ended.
begin() {
	start "$1" "${READY[@]}" "${@:2}"
}

# begin_one PROTOCOL NAME ...: as begin, until there is one listener more. For pairs of processes.
begin_one() {
	start "$2" "--$1" "$port" --within 20 "${@:3}"
}

# ready_for LISTENERS
ready_for() {
	local listeners=${1%%,*} protocol=${PROTOCOLS##* }

	listeners=${listeners##* }
	case $listeners in
	none) READY=("--$protocol" "$port" --count 9 --within 8) ;;
	*+*) READY=("--$protocol" "$port" --count 2 --within 20) ;;
	*) READY=("--$protocol" "$port" --within 20) ;;
	esac
}

# kinds PROTOCOL: the table's word for what listens.
kinds() {
	local words

	words=$(kernel_listeners "$1" "$port" | sed -e 's/^inet 0\.0\.0\.0$/4/' \
		-e 's/^inet6 :: v6only=0$/46/' -e 's/^inet6 :: v6only=1$/6/' | sort -u | paste -sd+)
	printf '%s\n' "${words:-none}"
}

observed_listeners() {
	local protocol one all=() same=1

	for protocol in $PROTOCOLS; do
		one=$(kinds "$protocol")
		[ "$one" = "${all[0]-$one}" ] || same=''
		all+=("$one")
	done
	if [ "$same" ]; then
		printf '%s\n' "${all[0]}"
	else
		printf 'tcp %s, udp %s\n' "${all[0]}" "${all[1]}"
	fi
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
# sock_diag names.
log_agrees() {
	local protocol event kernel log

	for protocol in $PROTOCOLS; do
		event=listen
		[ "$protocol" = tcp ] || event=bind
		# shellcheck disable=SC2016 # jq's variables
		log=$(jq -r --argjson port "$port" --arg event "$event" --arg proto "$protocol" '
			select((.event == $event or .event == "inherit") and .result // 0 == 0)
			| select(.port == $port and .proto == $proto)
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

# cell NAME SETTING LISTENERS: a line `SETTING LISTENERS V4 V6 OWN` on descriptor 5, and complaints on 6.
cell() {
	local name=$1 setting=$2 wanted=$3 listeners v4=no v6=no own=no families port dir=$DIR

	port=$(free_port) || return
	local DIR=$dir/$setting
	mkdir -m 777 "$DIR" || return
	# What loads the library first would make the log a file of root's, that others of the server cannot write.
	install -m 666 /dev/null "$DIR/log.jsonl" || return
	setting_words "$setting"
	ready_for "$wanted"
	server_start "${WITH[@]}" 2>"$DIR/start.err" || :
	# What was said before the end is of use only where this was not expected.
	listeners=$(observed_listeners)
	if [ "$listeners" != none ]; then
		v4=$(served 127.0.0.1)
		v6=$(served ::1)
	fi
	if [ ${#WITH[@]} -gt 0 ] && [ "$listeners" != none ]; then
		log_agrees 2>"$DIR/problem" ||
			complain "$name" "$setting" "$(cat "$DIR/problem" "$DIR/start.err"; tail -n 20 "$dir"/*.err)"
		[ "$setting" != log ] || log_tells_would 2>"$DIR/problem" ||
			complain "$name" "$setting" "$(<"$DIR/problem")"
	fi
	if ! declare -F client_side >/dev/null; then
		own=-
	elif [ "$v6" = yes ]; then
		if own_connections >"$DIR/problem" 2>&1; then
			own=yes
		else
			complain "$name" "$setting" "own connections over IPv4: $(tail -n 20 "$DIR/problem")"
		fi
	fi
	printf '%s\t%s\t%s\t%s\t%s\n' "$setting" "$listeners" "$v4" "$v6" "$own" >&5
	stop_all 2>"$DIR/problem" || complain "$name" "$setting" "$(<"$DIR/problem")"
	[ "$listeners" = "$wanted" ] ||
		complain "$name" "$setting" "$(tail -n 30 "$DIR/start.err" "$dir"/*.err "$DIR/log.jsonl" 2>/dev/null)"
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

complain() {
	printf '%s, %s: %s\n' "$1" "$2" "$3" >&6
}

expected_of() {
	awk -F '\t' -v name="$1" '$1 == name { print $2 "\t" $3 "\t" $4 "\t" $5 "\t" $6 }' "$SERVERS/expected.tsv"
}

# table NAME: every setting of the table, then all that was seen is compared at once.
table() {
	local name=$1 setting listeners rest

	assert_eq "$(printf '%s\n' "${SETTINGS[@]}")" "$(expected_of "$name" | cut -f1)" 'rows of the table' || return
	while IFS=$'\t' read -r setting listeners rest <&7; do
		cell "$name" "$setting" "$listeners" || return
	done 7< <(expected_of "$name") 5>"$DIR/observed" 6>"$DIR/complaints"
	mkdir -p "$BUILD/servers"
	cp "$DIR/observed" "$BUILD/servers/$name.tsv"
	"$SERVERS/markdown" "$SERVERS/expected.tsv" "$BUILD" || return
	if [ -s "$DIR/complaints" ]; then
		cat "$DIR/complaints" >&2
	fi
	assert_eq "$(expected_of "$name")" "$(<"$DIR/observed")" \
		"$name: setting, listeners, 127.0.0.1, ::1, its own connections" || return
	[ ! -s "$DIR/complaints" ]
}

# ---- clients

host_of() {
	case $1 in
	*:*) printf '[%s]\n' "$1" ;;
	*) printf '%s\n' "$1" ;;
	esac
}

# get ADDRESS [PATH]: the HTTP body.
get() {
	curl -sS -f -g --max-time 10 --noproxy '*' "http://$(host_of "$1"):$port${2-/}"
}

serves_page() {
	[ "$(get "$1" "${2-/}")" = v6shim-page ]
}

# ask_on: for the background: the page over ::1 again and again, a line for each, good or bad, until $DIR/enough is
# there.
ask_on() {
	close_bats_fds
	# After a test's end the folder soon goes.
	while [ -d "$DIR" ] && [ ! -e "$DIR/enough" ]; do
		get ::1 || printf failed
		echo
	done
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
