#!/usr/bin/env bats
# Both families on one port, wildcard and wildcard, wildcard and 127.0.0.1: the whole matrix of
# examples/bind-order.c, bare against what Linux does (FACTS.md 1), and under each setting against what
# DESIGN.md 1.5 promises. Its columns client4 and client6 are real clients.

load helper

# FACTS.md 1, "Both families on one port", where the IPv6 socket is dual-stack: what the second socket
# meets. The order of the families makes no difference, nor does 127.0.0.1 for 0.0.0.0.
#	bind, listen  EADDRINUSE from that call
#	overlap       both live, silently
#	ok            both live
dual_stack_meets() {
	cat <<-END
		tcp plain      early  bind
		tcp plain      late   bind
		tcp reuseaddr  early  bind
		tcp reuseaddr  late   listen
		tcp reuseport  early  ok
		tcp reuseport  late   ok
		udp plain      -      bind
		udp reuseaddr  -      overlap
		udp reuseport  -      overlap
	END
}

# DESIGN.md 1.5: what is done about EADDRINUSE, by the call that met it and the family that came second.
# Both sockets are of one process. `made`: policy=both cleared the V6ONLY that the application had set;
# it gives way by V6ONLY 1 where that is still possible, and otherwise by sharing.
reactions() {
	cat <<-END
		setting      bind-inet6  bind-inet  listen-inet6  listen-inet
		fail         none        none       none          none
		resolve      split       share      share         share
		share        share       share      share         share
		share-ipv6   share       none       share         none
		made         yield-split yield-share yield-share  yield-share
	END
}

setup() {
	export LOG=$BATS_TEST_TMPDIR/log.jsonl
}

# cells: the 36 of the matrix in the program's order: proto first asked option listen.
cells() {
	local proto asked first option listen listens

	for proto in tcp udp; do
		listens='early late'
		[ $proto = tcp ] || listens=-
		for asked in 0 1; do
			for first in ipv4 ipv6; do
				for option in plain reuseaddr reuseport; do
					for listen in $listens; do
						echo "$proto $first $asked $option $listen"
					done
				done
			done
		done
	done
}

# expected ON-CONFLICT POLICY [log]: the lines of bind-order -s without the heading, single-spaced, and
# behind each, after a bar, the conflict that is recorded: event, family, action, errno.
expected() {
	cells | awk -v on_conflict="$1" -v policy="$2" -v log_only="$3" \
		-v meets="$(dual_stack_meets)" -v reactions="$(reactions)" '
		BEGIN {
			n = split(meets, line, "\n")
			for (i = 1; i <= n; i++) {
				split(line[i], word, " ")
				meet[word[1], word[2], word[3]] = word[4]
			}
			n = split(reactions, line, "\n")
			split(line[1], column, " ")
			for (i = 2; i <= n; i++) {
				split(line[i], word, " ")
				for (j = 2; j in word; j++)
					react[word[1], column[j]] = word[j]
			}
		}
		{
			proto = $1; first = $2; asked = $3; option = $4; late = $5
			# The V6ONLY that the IPv6 socket is bound with.
			v6only = asked
			if (!log_only && policy == "ipv6-only")
				v6only = 1
			if (!log_only && policy == "both")
				v6only = 0
			met = v6only ? "ok" : meet[proto, option, late]
			family = first == "ipv4" ? "inet6" : "inet"
			rule = v6only != asked ? "made" : on_conflict
			done = met == "bind" || met == "listen" ? react[rule, met "-" family] : "none"
			record = ""
			if (met != "ok") {
				action = done
				sub("-.*", "", action)
				# What the policy sets, or would have set, at this very bind.
				value = policy == "ipv6-only" ? 1 : policy == "both" ? 0 : asked
				if (family == "inet6" && value != asked && (met == "overlap" || \
						(met == "bind" && log_only)))
					action = "override"
				event = met == "overlap" ? "bind" : met
				record = event " " family " " action " "
				record = record (met == "overlap" || (done != "none" && !log_only) ? \
					"ok" : "EADDRINUSE")
			}
			refused = (met == "bind" || met == "listen") && (done == "none" || log_only)
			reuseport = option == "reuseport" || (!refused && done ~ /share/)
			if (!refused && done ~ /split/)
				v6only = 1
			bind2 = refused && met == "bind" ? "EADDRINUSE" : "ok"
			listen1 = proto == "tcp" ? "ok" : "-"
			listen2 = proto == "udp" || bind2 != "ok" ? "-" : \
				refused ? "EADDRINUSE" : "ok"
			# The one that is left: a dual-stack socket has both families, IPv4 has its own.
			client4 = refused && first == "ipv6" ? "ipv6" : "ipv4"
			client6 = refused && first == "ipv4" ? "nobody" : "ipv6"
			print proto, first, asked, option, late, "ok ok", bind2, listen1, listen2, \
				client4, client6, v6only, reuseport + 0, reuseport + 0 "|" record
		}'
}

# The conflicts of a log in the same words, one for each cell that has one.
recorded() {
	[ -e "$1" ] || return 0
	json_records "$1" 'select(.finding == "conflict")' | jq -r '
		"\(.event) \(.family) \(.action) \(.errno // "ok")"
		+ (if .holder.fd == null or .holder.pid != .pid then " [holder \(.holder)]" else "" end)
		+ (if (.result == 0) != (.errno == null) then " [result \(.result)]" else "" end)
		+ (if (.note // "") == "" then " [no note]" else "" end)'
}

# matrix [shim NAME=VALUE... --] bind-order's arguments: its lines, single-spaced.
matrix() {
	local under=()

	while [ "${1-}" = shim ] || [ ${#under[@]} -gt 0 ]; do
		under+=("$1")
		shift
		[ "${under[-1]}" != -- ] || break
	done
	resolve "${under[@]}" "$EXAMPLES/bind-order" -s -p "$(free_port)" "$@"
	(
		close_bats_fds
		exec "${COMMAND[@]}"
	) | sed 1d | tr -s ' '
}

# matrix_is ON-CONFLICT POLICY MODE: with the log on and off, for both addresses of the IPv4 socket.
matrix_is() {
	local on_conflict=$1 policy=$2 mode=$3 log_only='' address want lines settings

	[ "$mode" = enforce ] || log_only=1
	want=$(expected "$on_conflict" "$policy" "$log_only")
	lines=$(cut -d'|' -f1 <<<"$want")
	assert_eq 36 "$(wc -l <<<"$want")"
	settings=(ON_CONFLICT="$on_conflict" POLICY="$policy" MODE="$mode")
	for address in 0.0.0.0 127.0.0.1; do
		rm -f "$LOG"
		assert_eq "$lines" "$(matrix shim "${settings[@]}" LOG=off -- -a $address)" \
			"${settings[*]}, IPv4 $address, log off"
		assert_eq "$lines" "$(matrix shim "${settings[@]}" LOG="$LOG" -- -a $address)" \
			"${settings[*]}, IPv4 $address"
		assert_eq "$(sed -n 's/.*|\(.\)/\1/p' <<<"$want")" "$(recorded "$LOG")" \
			"${settings[*]}, IPv4 $address: the conflicts recorded"
		assert_eq "$mode" "$(json_records "$LOG" .mode | sort -u | tr -d '"')"
	done
}

# ---- the tables themselves

@test "the expected table is FACTS.md's: ten refusals, four silent overlaps, nothing else" {
	want=$(expected fail app '')
	assert_eq 36 "$(wc -l <<<"$want")"
	# Plain and early RA at bind, late RA at listen, both orders; UDP plain.
	assert_eq 6 "$(grep -c '^tcp .*|bind inet6* none EADDRINUSE$' <<<"$want")"
	assert_eq 2 "$(grep -c '^tcp .* 0 0 0|listen inet6* none EADDRINUSE$' <<<"$want")"
	assert_eq 2 "$(grep -c '^udp .*|bind inet6* none EADDRINUSE$' <<<"$want")"
	assert_eq 4 "$(grep -c '^udp .*|bind inet6* none ok$' <<<"$want")"
	assert_eq 22 "$(grep -c '|$' <<<"$want")"
	assert_eq 'tcp ipv6 0 reuseaddr late ok ok ok ok EADDRINUSE ipv6 ipv6 0 0 0|listen inet none EADDRINUSE' \
		"$(grep '^tcp ipv6 0 reuseaddr late' <<<"$want")"
	assert_eq 'udp ipv4 0 plain - ok ok EADDRINUSE - - ipv4 nobody 0 0 0|bind inet6 none EADDRINUSE' \
		"$(grep '^udp ipv4 0 plain' <<<"$want")"
	want=$(expected resolve app '')
	assert_eq 'tcp ipv4 0 plain early ok ok ok ok ok ipv4 ipv6 1 0 0|bind inet6 split ok' "$(head -n 1 <<<"$want")"
	assert_eq 'tcp ipv6 0 reuseaddr late ok ok ok ok ok ipv4 ipv6 0 1 1|listen inet share ok' \
		"$(grep '^tcp ipv6 0 reuseaddr late' <<<"$want")"
	# Whatever is done, nobody is left out.
	refute grep -E 'EADDRINUSE|nobody' <<<"$want"
	want=$(expected fail both '')
	assert_eq 'tcp ipv4 1 plain early ok ok ok ok ok ipv4 ipv6 1 0 0|bind inet6 yield ok' \
		"$(grep '^tcp ipv4 1 plain early' <<<"$want")"
	refute grep -E '^... .... 1 .*(EADDRINUSE|nobody)' <<<"$want"
}

@test "control: without the shim the matrix is the one of FACTS.md, for 0.0.0.0 and for 127.0.0.1" {
	want=$(expected fail app '')
	for address in 0.0.0.0 127.0.0.1; do
		assert_eq "$(cut -d'|' -f1 <<<"$want")" "$(matrix -a $address)" "bare, IPv4 $address"
	done
}

# ---- on-conflict

@test "on-conflict=fail: the kernel's matrix, and each conflict is a record" {
	matrix_is fail app enforce
}

@test "on-conflict=resolve: no bind and no listen is lost, split where IPv6 binds second, shared elsewhere" {
	matrix_is resolve app enforce
}

@test "on-conflict=share: no bind and no listen is lost, both sockets have SO_REUSEPORT, IPv6 stays dual-stack" {
	matrix_is share app enforce
}

@test "on-conflict=share-ipv6: shared where the IPv6 socket comes second, the kernel's error where it comes first" {
	matrix_is share-ipv6 app enforce
}

# ---- policies

@test "policy=both yields: a server that opens each family itself loses no bind, whatever on-conflict says" {
	for on_conflict in fail resolve share share-ipv6; do
		matrix_is $on_conflict both enforce
	done
}

@test "policy=ipv6-only: no conflict is left, whatever the application asks for" {
	for on_conflict in fail resolve; do
		matrix_is $on_conflict ipv6-only enforce
		refute grep -F '"conflict"' "$LOG"
	done
}

@test "policy=default-*: what the application asks for wins, so that conflicts are the same" {
	matrix_is resolve default-ipv6-only enforce
	matrix_is share default-both enforce
}

# ---- mode=log

@test "mode=log: the matrix is the bare one in every cell, and what enforce would have done is recorded" {
	for on_conflict in fail resolve share share-ipv6; do
		for policy in app both ipv6-only; do
			matrix_is $on_conflict $policy log
		done
	done
}

# ---- records

@test "a record of a split or a share tells the V6ONLY before and after, and what was met" {
	port=$(free_port)
	shim ON_CONFLICT=resolve LOG="$LOG" -- "$EXAMPLES/bind-order" -p "$port" -0 -t >/dev/null
	first='.address = .addr | [.address, .port, .before, .after, .holder.family, .holder.addr, .holder.port, .holder.v6only]'
	assert_eq "[\"::\",$port,0,1,\"inet\",\"0.0.0.0\",$port,null]" \
		"$(json_records "$LOG" 'select(.action == "split") | '"$first" | sort -u)"
	assert_eq "[\"0.0.0.0\",$port,null,null,\"inet6\",\"::\",$port,0]
[\"::\",$port,0,0,\"inet\",\"0.0.0.0\",$port,null]" \
		"$(json_records "$LOG" 'select(.action == "share") | '"$first" | sort -u)"
	# The note of what was done, and of what remains open.
	assert_match 'serves IPv6 alone' "$(json_records "$LOG" 'select(.action == "split") | .note' | sort -u)"
	assert_match 'SO_REUSEPORT.*open to further SO_REUSEPORT sockets of this user' \
		"$(json_records "$LOG" 'select(.action == "share") | .note' | sort -u)"
}

@test "serves is told after the call that made both live, from the kernel" {
	port=$(free_port)
	shim ON_CONFLICT=resolve LOG="$LOG" LOG_LEVEL=bind -- "$EXAMPLES/bind-order" -p "$port" -0 >/dev/null
	# UDP: the bind serves, split is IPv6 alone, shared and overlapping dual-stack.
	assert_eq '["split",["inet6"]]
["share",["inet"]]' "$(json_records "$LOG" 'select(.proto == "udp" and .action != "none") | [.action, .serves]')"
	# TCP: the listen serves; a shared one stays dual-stack.
	assert_eq '["listen","inet","share",["inet"]]
["listen","inet6","share",["inet6","inet"]]' \
		"$(json_records "$LOG" 'select(.event == "listen" and .action == "share") | [.event, .family, .action, .serves]' | sort -u)"
}

# ---- clients of our own

# serve is two processes here, so that only a split can let both live; bind-all below is one.
split_by_reach() {
	local proto=$1 words=() port

	shift
	[ "$proto" = tcp ] || words=(-u)
	port=$(free_port)
	start v4 --says ready "$PROGRAMS/serve" "${words[@]}" -4 -p "$port"
	# Control: the kernel refuses the second.
	run "$PROGRAMS/serve" "${words[@]}" -6 -v 0 -p "$port"
	assert_status 1
	assert_line 'bind EADDRINUSE'
	assert_eq refused "$(reach 6 "$proto" "$port" hello)"
	start v6 --says ready shim "$@" -- "$PROGRAMS/serve" "${words[@]}" -6 -v 0 -p "$port"
	assert_eq $'inet 0.0.0.0\ninet6 :: v6only=1' "$(kernel_listeners "$proto" "$port")"
	assert_eq 'served ipv4' "$(reach 4 "$proto" "$port" hello)"
	assert_eq 'served ipv6' "$(reach 6 "$proto" "$port" hello)"
	# Each family has one server alone.
	stop v4
	assert_eq refused "$(reach 4 "$proto" "$port" hello)"
	assert_eq 'served ipv6' "$(reach 6 "$proto" "$port" hello)"
	stop v6
}

@test "TCP, split: IPv4 clients reach the IPv4 server and IPv6 clients the IPv6 one" {
	split_by_reach tcp ON_CONFLICT=resolve LOG="$LOG"
}

@test "UDP, split: IPv4 datagrams reach the IPv4 server and IPv6 datagrams the IPv6 one" {
	split_by_reach udp ON_CONFLICT=resolve LOG="$LOG"
}

# shared_by_reach PROTO ORDER: both sockets in one process, hundred clients of each family.
shared_by_reach() {
	local proto=$1 words=() port got

	[ "$proto" = tcp ] || words=(-d)
	port=$(free_port)
	start both --says '^serving$' shim ON_CONFLICT=share ORDER="$2" LOG="$LOG" -- \
		"$EXAMPLES/bind-all" "${words[@]}" -v 0 "$port"
	assert_eq $'inet 0.0.0.0\ninet6 :: v6only=0' "$(kernel_listeners "$proto" "$port")"
	got=$(for _ in {1..100}; do
		reach 4 "$proto" "$port" hello
		reach 6 "$proto" "$port" hello
	done | sort | uniq -c | tr -s ' ')
	assert_eq ' 100 served served by ipv4 socket 0.0.0.0
 100 served served by ipv6 socket ::' "$got"
	stop both
}

@test "TCP, shared in either order: every IPv4 client reaches the IPv4 socket, every IPv6 client the IPv6 one" {
	shared_by_reach tcp ipv4-first
	shared_by_reach tcp ipv6-first
}

@test "UDP, shared in either order: every IPv4 datagram reaches the IPv4 socket, every IPv6 one the IPv6 one" {
	shared_by_reach udp ipv4-first
	shared_by_reach udp ipv6-first
}

# ---- the demo

@test "make demo shows the dual-stack rows bare and under on-conflict=resolve, side by side" {
	run env DEMO_BUILD="$BUILD" "$ROOT/examples/demo"
	assert_status 0
	rows=$(sed -n '/^Both families/,/^$/p' <<<"$output" | grep -E '^  (tcp|udp) ')
	# The same that the tables above have, without the columns of both sockets being as they were asked.
	assert_eq "$(expected fail app '' | paste -d'|' - <(expected resolve app '') | grep -E '^(tcp|udp) ipv[46] 0 ' | awk -F'|' '{
		split($1, bare, " "); split($3, now, " ")
		second = bare[8] == "EADDRINUSE" ? "bind EADDRINUSE" : bare[10] == "EADDRINUSE" ? "listen EADDRINUSE" : "ok"
		change = $4 ~ /split/ ? " split: V6ONLY 1" : $4 ~ /share/ ? " shared: SO_REUSEPORT 1" : ""
		print " " bare[1], bare[2], bare[4], bare[5], second, bare[11], bare[12], "ok", now[11], now[12] change
	}')" "$(tr -s ' ' <<<"$rows")"
	# Each fits a terminal of 100 columns.
	[ "$(wc -L <<<"$rows")" -le 100 ]
	assert_match 'is held by fd [0-9]+ of this process, .*on-conflict=resolve or policy=ipv6-only lets both live' "$output"
}

@test "a library that resolves nothing fails the demo" {
	require cc
	mkdir -p "$BATS_TEST_TMPDIR/build/tests/programs"
	cp -r "$V6SHIM" "$EXAMPLES" "$BATS_TEST_TMPDIR/build"
	cp "$PROGRAMS/reach" "$BATS_TEST_TMPDIR/build/tests/programs"
	version=$("$V6SHIM" --version)
	echo "const char v6shim_test[] = \"v6shim library, version ${version#v6shim }\";" |
		cc -shared -x c -Wl,--no-as-needed -o "$BATS_TEST_TMPDIR/build/libv6shim.so" -
	run env DEMO_BUILD="$BATS_TEST_TMPDIR/build" "$ROOT/examples/demo"
	assert_status 1
	assert_eq 10 "$(sed -n '/^Both families/,/^$/p' <<<"$output" | grep -c 'NOT AS PROMISED')"
}
