#!/usr/bin/env bats
# The server of every tutorial (examples/bind-all.c: a socket for each address that getaddrinfo gives)
# under every order, on-conflict and policy: what a client of each family gets. And what `order` does to
# address lists, which must lose nothing (DESIGN.md 1.3, 1.6).

load helper

setup() {
	export DIR=$BATS_TEST_TMPDIR
}

# expected: reads lines of PROTO REUSEADDR V6ONLY ORDER ON-CONFLICT POLICY (V6ONLY "-" where bind-all
# leaves it alone; POLICY "bare" for no shim) and puts behind each what a client of 127.0.0.1 and one of
# ::1 get. FACTS.md 1 for the kernel, DESIGN.md 1.3 and 1.5 for the rest. bind-all lets each socket
# listen before it binds the next.
expected() {
	awk '
	{
		proto = $1; reuseaddr = $2; asked = $3; order = $4; on_conflict = $5; policy = $6
		initial = policy == "default-ipv6-only" ? 1 : 0
		own = asked == "-" ? initial : asked	# V6ONLY without a forced policy
		v6only = policy == "ipv6-only" ? 1 : policy == "both" ? 0 : own
		first = order == "ipv6-first" ? 6 : 4	# Linux lists 0.0.0.0 first
		conflict = !v6only && !(proto == "udp" && reuseaddr)
		solved = on_conflict == "resolve" || on_conflict == "share" || \
			(on_conflict == "share-ipv6" && first == 4) || v6only != own
		ipv4 = "served by ipv4 socket 0.0.0.0"
		ipv6 = "served by ipv6 socket ::"
		if (conflict && !solved && first == 4)
			ipv6 = "refused"
		if (conflict && !solved && first == 6)
			ipv4 = ipv6
		print $0 ": " ipv4 ", " ipv6
	}'
}

# serve_all: reads the same lines, and starts a server for each on a port of its own: $DIR/N.out.
serve_all() {
	local proto reuseaddr asked order on_conflict policy words settings n=0

	rm -f "$DIR"/*.out
	while read -r proto reuseaddr asked order on_conflict policy; do
		words=()
		[ "$proto" = tcp ] || words+=(-d)
		[ "$reuseaddr" = 0 ] || words+=(-r)
		[ "$asked" = - ] || words+=(-v "$asked")
		settings=(shim ORDER="$order" ON_CONFLICT="$on_conflict" POLICY="$policy" LOG=off --)
		[ "$policy" != bare ] || settings=()
		resolve "${settings[@]}" "$EXAMPLES/bind-all" "${words[@]}" "$("$PROGRAMS/freeport")"
		printf '%q ' "${COMMAND[@]}"
		printf '>%q 2>&1 &\n' "$DIR/$n.out"
		n=$((n + 1))
	done >"$DIR/servers"
	printf 'echo up\nwait\n' >>"$DIR/servers"
	grep -q bind-all "$DIR/servers"
	start servers --says '^up$' bash "$DIR/servers"
	wait_for 20 all_serve "$(($(wc -l <"$DIR/servers") - 2))" || fail "not all serve: $(tail -n 3 "$DIR"/*.out)"
}

all_serve() {
	[ "$(cat "$DIR"/*.out | grep -c '^serving$')" -eq "$1" ]
}

# got: reads the same lines, and puts behind each what clients did get.
got() {
	local proto rest port ipv4 ipv6 n=0

	while read -r proto rest; do
		read -r _ _ _ port _ <"$DIR/$n.out"
		ipv4=$("$PROGRAMS/reach" 4 "$proto" "${port%:}" hi)
		ipv6=$("$PROGRAMS/reach" 6 "$proto" "${port%:}" hi)
		echo "$proto $rest: ${ipv4#served }, ${ipv6#served }"
		n=$((n + 1))
	done
}

# clients_get: the lines come from $DIR/cases.
clients_get() {
	assert_eq "$1" "$(wc -l <"$DIR/cases")"
	serve_all <"$DIR/cases"
	assert_eq "$(expected <"$DIR/cases")" "$(got <"$DIR/cases")" 'server: IPv4 client, IPv6 client'
	stop servers
}

# cases ORDERS ON-CONFLICTS POLICIES: every server under every combination.
cases() {
	local proto reuseaddr asked order on_conflict policy

	for proto in tcp udp; do
		for reuseaddr in 0 1; do
			for asked in - 0 1; do
				for order in $1; do
					for on_conflict in $2; do
						for policy in $3; do
							echo "$proto $reuseaddr $asked $order $on_conflict $policy"
						done
					done
				done
			done
		done
	done >"$DIR/cases"
}

require_plain_sysctl() {
	[ "$(cat /proc/sys/net/ipv6/bindv6only)" = 0 ] || skip 'the table is for net.ipv6.bindv6only 0'
}

ORDERS='app ipv4-first ipv6-first'
POLICIES='app ipv6-only both default-ipv6-only default-both'

# ---- what each family's client gets

@test "the expected table, in the cases that everyone knows" {
	assert_eq 'tcp 0 - app fail bare: served by ipv4 socket 0.0.0.0, refused
tcp 0 - ipv6-first fail app: served by ipv6 socket ::, served by ipv6 socket ::
tcp 0 - ipv6-first resolve app: served by ipv4 socket 0.0.0.0, served by ipv6 socket ::
udp 1 0 app fail app: served by ipv4 socket 0.0.0.0, served by ipv6 socket ::
tcp 1 1 app fail both: served by ipv4 socket 0.0.0.0, served by ipv6 socket ::
tcp 1 0 app fail both: served by ipv4 socket 0.0.0.0, refused' "$(expected <<-END
		tcp 0 - app fail bare
		tcp 0 - ipv6-first fail app
		tcp 0 - ipv6-first resolve app
		udp 1 0 app fail app
		tcp 1 1 app fail both
		tcp 1 0 app fail both
	END
	)"
}

@test "control: without the shim the loop of the tutorials loses IPv6 wherever its socket is dual-stack" {
	require_plain_sysctl
	cases app fail bare
	clients_get 12
	# The loop says so, and serves on.
	assert_line "bind EADDRINUSE" "$(grep -ho 'bind EADDRINUSE$' "$DIR"/*.out | sort -u)"
}

@test "on-conflict=fail: each order, each policy" {
	require_plain_sysctl
	cases "$ORDERS" fail "$POLICIES"
	clients_get 180
}

@test "on-conflict=resolve: both families are served by their own socket, whatever the order and the policy" {
	require_plain_sysctl
	cases "$ORDERS" resolve "$POLICIES"
	refute grep -q refused <(expected <"$DIR/cases")
	clients_get 180
}

@test "on-conflict=share: both families are served by their own socket, whatever the order and the policy" {
	require_plain_sysctl
	cases "$ORDERS" share "$POLICIES"
	refute grep -q refused <(expected <"$DIR/cases")
	clients_get 180
}

@test "on-conflict=share-ipv6: the IPv6 socket may come second, as on FreeBSD" {
	require_plain_sysctl
	cases "$ORDERS" share-ipv6 "$POLICIES"
	clients_get 180
}

# On a host with net.ipv6.bindv6only=1 every socket starts as IPv6's alone, and there is no conflict but of
# the policy's making.
@test "policy=both and default-both yield on a host with bindv6only=1: the loop loses nothing" {
	require_netns
	on_such_a_host() {
		local order policy words port

		echo 1 >/proc/sys/net/ipv6/bindv6only
		for order in ipv4-first ipv6-first; do
			for policy in app both default-both; do
				for words in -r '' -d; do
					port=$(free_port)
					start server --says '^serving$' shim ORDER=$order POLICY=$policy LOG="$DIR/log.jsonl" -- \
						"$EXAMPLES/bind-all" ${words:+"$words"} "$port"
					proto=tcp
					[ "$words" != -d ] || proto=udp
					assert_eq 'served served by ipv4 socket 0.0.0.0' "$(reach 4 $proto "$port" hi)" "$order $policy $words"
					assert_eq 'served served by ipv6 socket ::' "$(reach 6 $proto "$port" hi)" "$order $policy $words"
					stop server
				done
			done
		done
	}
	in_netns on_such_a_host
	assert_eq '"yield"' "$(json_records "$DIR/log.jsonl" 'select(.finding == "conflict") | .action' | sort -u)"
}

@test "mode=log: clients get what they get without the shim, under every order, on-conflict and policy" {
	require_plain_sysctl
	for policy in app both ipv6-only; do
		for on_conflict in resolve share; do
			for order in ipv4-first ipv6-first; do
				for words in '' '-d' '-r' '-d -r' '-v 1'; do
					proto=tcp
					[[ $words != *-d* ]] || proto=udp
					read -ra words <<<"$words"
					bare=$("$EXAMPLES/bind-all" -n "${words[@]}" "$(free_port)" | sed 's/port [0-9]*//')
					logged=$(shim ORDER=$order ON_CONFLICT=$on_conflict POLICY=$policy MODE=log LOG=off -- \
						"$EXAMPLES/bind-all" -n "${words[@]}" "$(free_port)" | sed 's/port [0-9]*//')
					assert_eq "$bare" "$logged" "$policy $on_conflict $order $proto"
				done
			done
		done
	done
}

@test "the loop that fails on Linux works with nothing changed but the environment, and says so itself" {
	require_plain_sysctl
	for order in ipv4-first ipv6-first; do
		for words in '' -r -d; do
			run "$EXAMPLES/bind-all" -n $words "$(free_port)"
			assert_status 1
			run shim ON_CONFLICT=resolve ORDER=$order LOG=off -- "$EXAMPLES/bind-all" -n $words "$(free_port)"
			assert_status 0
			assert_eq 2 "${#lines[@]}"
			refute grep -E ' E[A-Z]+' <<<"$output"
		done
	done
}

# ---- the order of address lists

# lookups: what is asked for, as lookup takes it. Those of `passive` alone are an order's to change.
passive_lookups() {
	cat <<-END
		-p 4321
		-p -s 4321
		-p -u 4321
		-p -s 0
		-p domain
		-p -4 4321
		-p -6 4321
	END
}

other_lookups() {
	cat <<-END
		4321
		-s 4321
		-n localhost 4321
		-n localhost -c 4321
		-n 127.0.0.1 -p 4321
		-n ::1 -p -s 4321
		-n :: -p 4321
		-n localhost -p -c 4321
		-n ::
		-6 -s 4321
		-p -c 4321
		-p
		-p nosuchservice
		-p -n nosuchhost.invalid 4321
		-n 127.0.0.1 -p -6 4321
	END
}

# lookup [NAME=VALUE...] -- WORDS
lookup() {
	local settings=() words

	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	read -ra words <<<"$2"
	[ ${#settings[@]} -eq 0 ] || settings=(shim "${settings[@]}" --)
	resolve "${settings[@]}" "$PROGRAMS/lookup" "${words[@]}"
	"${COMMAND[@]}"
}

@test "order: passive lists have that family first, each family in its own order, and lose no entry" {
	while read -r words; do
		bare=$(lookup -- "$words")
		[ "$(wc -l <<<"$bare")" -ge 1 ]
		assert_match '^inet' "$bare"
		for order in ipv4-first ipv6-first; do
			sorted=$(lookup ORDER=$order LOG=off -- "$words")
			# As they came, each apart: nothing lost, nothing changed, nothing twice.
			assert_eq "$(sort <<<"$bare")" "$(sort <<<"$sorted")" "$order $words"
			first=inet second=inet6
			[ $order = ipv4-first ] || first=inet6 second=inet
			assert_eq "$(
				grep "^$first " <<<"$bare"
				grep "^$second " <<<"$bare"
			)" "$sorted" "$order $words"
		done
		assert_eq "$bare" "$(lookup ORDER=app LOG=off -- "$words")"
		assert_eq "$bare" "$(lookup ORDER=ipv6-first MODE=log LOG=off -- "$words")"
	done < <(passive_lookups)
}

@test "order: other look-ups are untouched: with a node, without AI_PASSIVE, with an error" {
	while read -r words; do
		bare=$(lookup -- "$words")
		for order in ipv4-first ipv6-first; do
			assert_eq "$bare" "$(lookup ORDER=$order LOG="$DIR/log.jsonl" LOG_LEVEL=all -- "$words")" "$order $words"
		done
	done < <(other_lookups)
	# Some of these say what they could not find; the rest has a node, or no AI_PASSIVE, and is no record.
	refute grep -F '"reorder"' "$DIR/log.jsonl"
}

@test "order: a canonical name stays at the head of a list that is not reordered" {
	assert_match ' canon localhost' "$(lookup -- '-n localhost -c -s 4321' | head -n 1)"
	for order in ipv4-first ipv6-first; do
		assert_match ' canon localhost' "$(lookup ORDER=$order LOG=off -- '-n localhost -c -s 4321' | head -n 1)"
	done
}

# A resolver behind ours that gives what glibc does not: a passive list with a canonical name, families
# mixed, each node and each name allocated as freeaddrinfo(3) of glibc frees them.
build_resolver() {
	cat >"$DIR/resolver.c" <<-'END'
		#define _GNU_SOURCE
		#include <netdb.h>
		#include <netinet/in.h>
		#include <stdlib.h>
		#include <string.h>

		int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
			struct addrinfo **list)
		{
			static const int families[] = {AF_INET, AF_INET6, AF_INET, AF_INET6, AF_INET6};
			struct addrinfo **tail = list;

			for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
				struct addrinfo *at = calloc(1, sizeof(*at) + sizeof(struct sockaddr_in6));
				struct sockaddr_in *in = (void *)(at + 1);

				at->ai_addr = (struct sockaddr *)in;
				at->ai_family = in->sin_family = families[i];
				at->ai_addrlen = families[i] == AF_INET ? sizeof(*in) : sizeof(struct sockaddr_in6);
				at->ai_socktype = SOCK_STREAM;
				at->ai_protocol = IPPROTO_TCP;
				in->sin_port = htons((in_port_t)(i + 1));
				at->ai_canonname = i ? NULL : strdup("name.example");
				*tail = at;
				tail = &at->ai_next;
			}
			*tail = NULL;
			return 0;
		}
	END
	cc -shared -fPIC -o "$DIR/resolver.so" "$DIR/resolver.c"
}

# mixed [NAME=VALUE...]: the list of that resolver.
mixed() {
	local settings=("$@")

	env LD_PRELOAD="$LIB:$DIR/resolver.so" V6SHIM_LOG=off "${settings[@]/#/V6SHIM_}" "$PROGRAMS/lookup" -p 4321 |
		sed -E 's/ tcp stream (0.0.0.0|::)//'
}

@test "order: a passive list of mixed families is parted stably, and the canonical name comes to its head" {
	require cc
	build_resolver
	bare='inet 1 canon name.example
inet6 2
inet 3
inet6 4
inet6 5'
	assert_eq "$bare" "$(LD_PRELOAD=$DIR/resolver.so "$PROGRAMS/lookup" -p 4321 | sed -E 's/ tcp stream (0.0.0.0|::)//')"
	assert_eq "$bare" "$(mixed ORDER=app)"
	assert_eq 'inet 1 canon name.example
inet 3
inet6 2
inet6 4
inet6 5' "$(mixed ORDER=ipv4-first)"
	assert_eq 'inet6 2 canon name.example
inet6 4
inet6 5
inet 1
inet 3' "$(mixed ORDER=ipv6-first)"
	assert_eq "$bare" "$(mixed ORDER=ipv6-first MODE=log)"
}

@test "order: what was relinked is freed to the last byte (valgrind)" {
	require valgrind cc
	build_resolver
	for order in ipv4-first ipv6-first; do
		for libraries in "$LIB" "$LIB:$DIR/resolver.so"; do
			run env LD_PRELOAD="$libraries" V6SHIM_ORDER=$order V6SHIM_LOG=off \
				valgrind -q --leak-check=full --show-leak-kinds=definite,indirect,possible \
				--error-exitcode=99 "$PROGRAMS/lookup" -p 4321
			assert_status 0
			refute grep -F '==' <<<"$output"
		done
	done
}

@test "order: a record tells the families as found and as handed on" {
	log=$DIR/log.jsonl
	fields='[.event, .action, .finding, .families_before, .families_after, .mode, .result]'
	only='select(.event == "getaddrinfo") | '
	lookup ORDER=ipv6-first LOG="$log" -- '-p -s 4321' >/dev/null
	assert_eq '["getaddrinfo","reorder","none",["inet","inet6"],["inet6","inet"],"enforce",0]' "$(json_records "$log" "$only$fields")"
	rm "$log"
	lookup ORDER=ipv6-first LOG="$log" -- '-p 4321' >/dev/null
	assert_eq '["getaddrinfo","reorder","none",["inet","inet","inet","inet6","inet6","inet6"],["inet6","inet6","inet6","inet","inet","inet"],"enforce",0]' \
		"$(json_records "$log" "$only$fields")"
	rm "$log"
	# In mode=log the list is handed on as it was found.
	lookup ORDER=ipv6-first MODE=log LOG="$log" -- '-p -s 4321' >/dev/null
	assert_eq '["getaddrinfo","reorder","none",["inet","inet6"],["inet","inet6"],"log",0]' "$(json_records "$log" "$only$fields")"
	rm "$log"
	# Linux has IPv4 first already: nothing to change, and a record at level bind only.
	lookup ORDER=ipv4-first LOG="$log" -- '-p -s 4321' >/dev/null
	[ ! -s "$log" ]
	lookup ORDER=ipv4-first LOG="$log" LOG_LEVEL=bind -- '-p -s 4321' >/dev/null
	assert_eq '["getaddrinfo","none","none",["inet","inet6"],["inet","inet6"],"enforce",0]' "$(json_records "$log" "$only$fields")"
	rm "$log"
	# One that fails has no families, and getaddrinfo's own number.
	lookup ORDER=ipv6-first LOG="$log" LOG_LEVEL=bind -- '-p nosuchservice' >/dev/null
	assert_eq '["getaddrinfo","none","none",null,null,"enforce",-8]' "$(json_records "$log" "$only$fields")"
}

@test "order: bind-all opens its sockets in that order" {
	for order in app ipv4-first ipv6-first; do
		opened=$(shim ORDER=$order ON_CONFLICT=resolve LOG=off -- "$EXAMPLES/bind-all" -n "$(free_port)" | cut -d' ' -f2 | paste -sd' ')
		want='0.0.0.0 ::'
		[ $order != ipv6-first ] || want=':: 0.0.0.0'
		assert_eq "$want" "$opened" $order
	done
}

# ---- another libc

@test "the library built with musl does the same for a program built with musl" {
	require musl-gcc make
	make -s -C "$ROOT" BUILD="$DIR/musl" CC=musl-gcc "$DIR/musl/libv6shim.so" "$DIR/musl/examples/bind-all" \
		"$DIR/musl/examples/bind-order" "$DIR/musl/tests/programs/lookup" >/dev/null 2>"$DIR/make.err" ||
		fail "$(cat "$DIR/make.err")"
	musl=$DIR/musl
	under() {
		local settings=()

		while [ "$1" != -- ]; do
			settings+=("V6SHIM_$1")
			shift
		done
		shift
		env LD_PRELOAD="$musl/libv6shim.so" V6SHIM_LOG=off "${settings[@]}" "$@"
	}
	# musl has no freeaddrinfo per node: relinked lists are freed by it all the same.
	for words in '-p 4321' '-p -s 4321' '-p -6 4321'; do
		read -ra words <<<"$words"
		bare=$("$musl/tests/programs/lookup" "${words[@]}")
		for order in ipv4-first ipv6-first; do
			sorted=$(under ORDER=$order -- "$musl/tests/programs/lookup" "${words[@]}")
			assert_eq "$(sort <<<"$bare")" "$(sort <<<"$sorted")"
			first=inet second=inet6
			[ $order = ipv4-first ] || first=inet6 second=inet
			assert_eq "$(
				grep "^$first " <<<"$bare"
				grep "^$second " <<<"$bare"
			)" "$sorted"
		done
	done
	# The matrix of conflicts is the same kernel's, and so must be what is done about it.
	port=$(free_port)
	for on_conflict in fail resolve share share-ipv6; do
		assert_eq "$(shim ON_CONFLICT=$on_conflict LOG=off -- "$EXAMPLES/bind-order" -s -p "$port")" \
			"$(under ON_CONFLICT=$on_conflict -- "$musl/examples/bind-order" -s -p "$port")" $on_conflict
	done
	run under ON_CONFLICT=resolve ORDER=ipv6-first -- "$musl/examples/bind-all" -n "$port"
	assert_status 0
	assert_eq ":: 0.0.0.0" "$(cut -d' ' -f2 <<<"$output" | paste -sd' ')"
}
