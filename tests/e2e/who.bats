#!/usr/bin/env bats
# v6shim who: what it says of the sockets of a namespace, against what ss(8), getsockopt and the clients
# say of them. Each test has a network namespace to itself, so that the listing must be exact.

# A variable that `run` sets in one test is not read in another.
# shellcheck disable=SC2030,SC2031

load helper

# hold SOCKET...: a process called "held" that has these sockets, in this order from descriptor 3 on.
# SOCKET is PROTO,ADDRESS,PORT and any of ,v6only0 ,v6only1 ,reuseport ,reuseaddr ,bound (no listen)
# ,dev (SO_BINDTODEVICE lo) ,dup (one more descriptor). Each client is told the socket's place in the list.
# FORK=N: N more processes that share them all. COMM=NAME: its name.
export HOLD='
import os, select, signal, socket, sys

KINDS = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0),
         "mptcp": (socket.SOCK_STREAM, 262), "udplite": (socket.SOCK_DGRAM, 136)}
sockets = []
dups = []

def hold(proto, addr, port, *wishes):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    s = socket.socket(family, *KINDS[proto])
    for v6only in (0, 1):
        if "v6only%d" % v6only in wishes:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    if "reuseport" in wishes:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if "reuseaddr" in wishes:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if "dev" in wishes:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    s.bind(socket.getaddrinfo(addr, int(port), family, KINDS[proto][0])[0][4])
    if KINDS[proto][0] == socket.SOCK_STREAM and "bound" not in wishes:
        s.listen(64)
    if "bound" not in wishes:
        sockets.append(s)
    dups.extend([s] + [s.dup() for wish in wishes if wish == "dup"])

with open("/proc/self/comm", "wb") as comm:
    comm.write(os.environb.get(b"COMM", b"held"))
for spec in sys.argv[1:]:
    hold(*spec.split(","))
for _ in range(int(os.environ.get("FORK", 0))):
    if not os.fork():
        signal.pause()
print("ready", flush=True)
while True:
    for s in select.select(sockets, [], [])[0]:
        answer = b"%d" % sockets.index(s)
        if s.type == socket.SOCK_DGRAM:
            s.sendto(answer, s.recvfrom(99)[1])
        else:
            with s.accept()[0] as client:
                client.sendall(answer)
'

setup() {
	require python3 jq ss
	require_netns
	# in_netns hands on functions, and of the variables those that are exported.
	export DIR=$BATS_TEST_TMPDIR
}

hold() {
	start held --says ready python3 -c "$HOLD" "$@"
}

# who [WORD...]: sets output, errors and status. PREFIX may hold a command to run it under.
who() {
	status=0
	output=$("${PREFIX[@]}" "$V6SHIM" who "$@" 2>"$DIR/errors") || status=$?
	errors=$(<"$DIR/errors")
}

# assert_who STATUS [WORD...] <<END: its whole output, with PID for the process of `hold`; nothing else.
assert_who() {
	local expected=$1 text

	shift
	text=$(cat)
	who "$@"
	assert_eq "$text" "${output//"[$(pid_of held)]"/[PID]}" "who $*"
	assert_eq '' "$errors" "standard error of who $*"
	assert_eq "$expected" "$status" "status of who $*"
}

# ---- the two views: PROTO ADDRESS INODE UID V6ONLY PROCESSES, a line each socket

who_view() {
	"$V6SHIM" who --json | jq -r '
		def host: .addr | sub("%.*"; "");
		def place: (if .v6only == 0 and host == "::" then "*"
				elif .family == "inet6" then "[" + host + "]"
				else host end)
			+ (if .iface then "%" + .iface else "" end) + ":\(.port)";
		[.proto, place, .inode, .uid, .v6only // "-",
			([.processes[] | "\(.program),\(.pid),\(.fd)"] | sort | join(" "))]
		| join(" ")' | sort
}

# ss has the TCP part of an MPTCP socket as well, under the same inode.
ss_view() {
	local netid place rest inode uid v6only users

	ss -HOnlpe -A mptcp,tcp,udp | while read -r netid _ _ _ place _ rest; do
		[[ $rest =~ ino:([0-9]+) ]] && inode=${BASH_REMATCH[1]}
		uid=0 v6only=-
		[[ ! $rest =~ uid:([0-9]+) ]] || uid=${BASH_REMATCH[1]}
		[[ ! $rest =~ v6only:([01]) ]] || v6only=${BASH_REMATCH[1]}
		users=$(grep -Eo '"[^"]*",pid=[0-9]+,fd=[0-9]+' <<<"$rest" |
			sed 's/"\([^"]*\)",pid=\([0-9]*\),fd=/\1,\2,/' | sort | paste -sd' ')
		echo "$netid $place $inode $uid $v6only $users"
	done | sort | awk '
		{ line[NR] = $0; proto[NR] = $1; inode[NR] = $3; if ($1 == "mptcp") mptcp[$3] = 1 }
		END { for (i = 1; i <= NR; i++) if (proto[i] != "tcp" || !(inode[i] in mptcp)) print line[i] }'
}

# assert_same_as_ss COUNT
assert_same_as_ss() {
	local expected

	expected=$(ss_view)
	assert_eq "$1" "$(wc -l <<<"$expected")" "sockets that ss shows"
	assert_eq "$expected" "$(who_view)" 'who (actual) differs from ss'
}

# ---- the listing

every_kind() {
	ip address add 192.0.2.1/32 dev lo
	ip address add 2001:db8::1/128 dev lo
	ip address add fe80::1/128 dev lo
	hold tcp,0.0.0.0,2001 tcp,::,2002,v6only0 tcp,::,2003,v6only1 tcp,127.0.0.1,2004 tcp,::1,2005 \
		tcp,192.0.2.1,2006 tcp,2001:db8::1,2007 tcp,fe80::1%lo,2008 tcp,::ffff:127.0.0.1,2009 \
		tcp,0.0.0.0,2010,dev tcp,::,2011,v6only0,dev tcp,::,2012,v6only1,dev tcp,::,2013,dup \
		udp,0.0.0.0,2001 udp,::,2002,v6only0 udp,::,2003,v6only1 udp,127.0.0.1,2004 udp,::1,2005 \
		udp,192.0.2.1,2006 udp,2001:db8::1,2007 udp,fe80::1%lo,2008 udp,::ffff:127.0.0.1,2009 \
		udp,ff02::1234%lo,2010 udp,::,2011,v6only0,dev
	assert_same_as_ss 24
}

@test "every kind of TCP and UDP socket is listed as ss lists it" {
	in_netns every_kind
}

mptcp_kinds() {
	hold mptcp,::,2001,v6only0 mptcp,::,2002,v6only1 mptcp,0.0.0.0,2003 mptcp,::1,2004 tcp,::,2005
	assert_same_as_ss 5
	assert_who 0 2002 <<-END
		tcp 2002   IPv4  nobody
		           IPv6  [::]:2002   held[PID] fd 4   $(id -un)   V6ONLY 1, MPTCP
	END
}

@test "an MPTCP socket is listed once, on the port of TCP" {
	python3 -c 'import socket; socket.socket(10, 1, 262)' || skip 'needs MPTCP'
	in_netns mptcp_kinds
}

udplite() {
	hold udplite,::,2001,v6only0 udp,::,2001,v6only1
	assert_who 0 2001 <<-END
		udp 2001       IPv4       nobody
		               IPv6       [::]:2001   held[PID] fd 4   $(id -un)   V6ONLY 1
		udplite 2001   IPv6+IPv4  [::]:2001   held[PID] fd 3   $(id -un)   V6ONLY 0
	END
}

@test "UDP-Lite has ports of its own" {
	python3 -c 'import socket; socket.socket(10, 2, 136)' || skip 'needs UDP-Lite'
	in_netns udplite
}

nobody_at_all() {
	who
	assert_eq '0  ' "$status $output $errors"
	who --json
	assert_eq '0  ' "$status $output $errors"
}

@test "where nothing listens nothing is listed" {
	in_netns nobody_at_all
}

# Sockets of which there are more than one part of an answer holds.
many() {
	local i specs=()

	for i in {1..150}; do
		specs+=("tcp,::,$((2000 + i)),v6only$((i % 2))" "udp,127.0.0.1,$((2000 + i))")
	done
	hold "${specs[@]}"
	assert_same_as_ss 300
}

@test "hundreds of sockets are all listed" {
	in_netns many
}

two_namespaces() {
	hold tcp,::,2001
	unshare -n "$V6SHIM" who 2001 >"$DIR/inside" || status=$?
	assert_eq "1 tcp 2001   nobody
udp 2001   nobody" "$status $(<"$DIR/inside")"
}

@test "another network namespace is not seen" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	in_netns two_namespaces
}

# ---- what a person reads

read_by_a_person() {
	local user

	user=$(id -un)
	hold tcp,0.0.0.0,80 tcp,::,80,v6only1 tcp,::,8080,v6only0 udp,127.0.0.1,53 tcp,::1,12345,dup
	assert_who 0 80 <<-END
		tcp 80   IPv4  0.0.0.0:80   held[PID] fd 3   $user
		         IPv6  [::]:80      held[PID] fd 4   $user   V6ONLY 1
	END
	assert_who 0 <<-END
		tcp 80      IPv4       0.0.0.0:80     held[PID] fd 3     $user
		            IPv6       [::]:80        held[PID] fd 4     $user   V6ONLY 1
		tcp 8080    IPv6+IPv4  [::]:8080      held[PID] fd 5     $user   V6ONLY 0
		tcp 12345   IPv6       [::1]:12345    held[PID] fd 7,8   $user   V6ONLY 1
		udp 53      IPv4       127.0.0.1:53   held[PID] fd 6     $user
	END
}

@test "the listing is in columns, sorted by protocol, port and family" {
	in_netns read_by_a_person
}

both_answered() {
	local user

	user=$(id -un)
	hold tcp,0.0.0.0,2001 tcp,::,2002,v6only1 tcp,::,2003,v6only0 udp,::ffff:127.0.0.1,2004 udp,::1,2001
	assert_who 0 2001 <<-END
		tcp 2001   IPv4  0.0.0.0:2001   held[PID] fd 3   $user
		           IPv6  nobody
		udp 2001   IPv4  nobody
		           IPv6  [::1]:2001     held[PID] fd 7   $user   V6ONLY 1
	END
	assert_who 0 2002 <<-END
		tcp 2002   IPv4  nobody
		           IPv6  [::]:2002   held[PID] fd 4   $user   V6ONLY 1
	END
	assert_who 0 2003 <<-END
		tcp 2003   IPv6+IPv4  [::]:2003   held[PID] fd 5   $user   V6ONLY 0
	END
	assert_who 0 2004 <<-END
		udp 2004   IPv4  [::ffff:127.0.0.1]:2004   held[PID] fd 6   $user   V6ONLY 0
		           IPv6  nobody
	END
	assert_who 1 2005 <<-END
		tcp 2005   nobody
		udp 2005   nobody
	END
}

@test "with a port both families are answered, be it with nobody" {
	in_netns both_answered
}

# ---- what it says is so

# serves_as_reached PROTO WORD...: a server told so, and whether the clients get in that who tells of.
serves_as_reached() {
	local proto=$1 port=2100 family said served

	shift
	start server --"$proto" $port "$PROGRAMS/serve" -p $port "$@"
	for family in inet inet6; do
		said=$("$V6SHIM" who --json $port | jq -s --arg f $family 'any(.[]; .serves | index($f) != null)')
		served=false
		[[ $(reach $family "$proto" $port) != served* ]] || served=true
		assert_eq "$served" "$said" "serve $*: $family is served (expected), who says so (actual)"
		echo "$said" >>"$DIR/said"
	done
	stop server
}

all_reached() {
	local proto u

	for proto in tcp udp; do
		u=-${proto:0:1}
		serves_as_reached $proto "$u" -4
		serves_as_reached $proto "$u" -4 -a 127.0.0.1
		serves_as_reached $proto "$u" -v 0
		serves_as_reached $proto "$u" -v 1
		serves_as_reached $proto "$u" -a ::1
		serves_as_reached $proto "$u" -a ::ffff:127.0.0.1
	done
	# Of 6 kinds IPv4 is served by 4 and IPv6 by 3: neither side may have said nothing all along.
	assert_eq '14 true' "$(grep -c true "$DIR/said") true"
	assert_eq '10 false' "$(grep -c false "$DIR/said") false"
}

@test "the families that it tells of are those whose clients get in" {
	in_netns all_reached
}

# ask ADDRESS PROTO PORT: which socket of `hold` answers.
ask() {
	local answer

	exec 9<>"/dev/$2/$1/$3"
	[ "$2" = tcp ] || echo >&9
	# Of a datagram what is not read at once is lost.
	read -r -N 1 -t 5 -u 9 answer
	exec 9>&-
	echo "$answer"
}

# assert_answers N ADDRESS PROTO PORT: always socket N of `hold`.
assert_answers() {
	local n=$1 i

	shift
	for i in {1..20}; do
		assert_eq "$n" "$(ask "$@")" "socket that answers $* ($i)"
	done
}

# both_wildcards PROTO OPTION: a dual-stack socket and one on 0.0.0.0, in either order.
both_wildcards() {
	local proto=$1 user inet inet6 sockets

	user=$(id -un)
	for inet in 0 1; do
		inet6=$((1 - inet))
		sockets=()
		sockets[inet]=$proto,0.0.0.0,2001,$2
		sockets[inet6]=$proto,::,2001,v6only0,$2
		hold "${sockets[@]}"
		assert_answers $inet 127.0.0.1 "$proto" 2001
		assert_answers $inet 192.0.2.1 "$proto" 2001
		assert_answers $inet6 ::1 "$proto" 2001
		assert_who 0 2001 <<-END
			$proto 2001   IPv4       0.0.0.0:2001   held[PID] fd $((3 + inet))   $user
			           IPv6+IPv4  [::]:2001      held[PID] fd $((3 + inet6))   $user   V6ONLY 0, IPv4 goes to 0.0.0.0:2001
		END
		who --json 2001
		assert_eq '[null,"IPv4 goes to 0.0.0.0:2001"]' "$(jq -sc '[.[].note]' <<<"$output")"
		stop held
	done
}

# one_of PROTO NOTE N ADDRESS SOCKET...: socket N answers what is sent to ADDRESS, and the remark on the
# first, which is dual-stack, is NOTE.
one_of() {
	local proto=$1 note=$2 n=$3 to=$4

	shift 4
	hold "${@/#/$proto,}"
	assert_answers "$n" "$to" "$proto" 2001
	who 2001
	assert_eq "V6ONLY 0$note" "$(grep 'fd 3 ' <<<"$output" | grep -o 'V6ONLY .*')" "$*"
	stop held
}

both_sockets() {
	local proto=$1 note

	ip address add 192.0.2.1/32 dev lo
	both_wildcards "$proto" reuseport
	# On UDP this is enough, and nobody gets an error.
	[ "$proto" = tcp ] || both_wildcards "$proto" reuseaddr

	note=', IPv4 to 127.0.0.1:2001 goes to that socket'
	one_of "$proto" "$note" 1 127.0.0.1 ::,2001,v6only0,reuseport 127.0.0.1,2001,reuseport
	one_of "$proto" "$note" 0 192.0.2.1 ::,2001,v6only0,reuseport 127.0.0.1,2001,reuseport
	one_of "$proto" ', IPv4 to [::ffff:127.0.0.1]:2001 goes to that socket' 1 127.0.0.1 \
		::,2001,v6only0,reuseport ::ffff:127.0.0.1,2001,reuseport
	one_of "$proto" ', IPv4 to 127.0.0.1:2001 and others goes to those sockets' 2 192.0.2.1 \
		::,2001,v6only0,reuseport 127.0.0.1,2001,reuseport 192.0.2.1,2001,reuseport
	one_of "$proto" ', IPv4 to 0.0.0.0%lo:2001 goes to that socket' 1 127.0.0.1 \
		::,2001,v6only0,reuseport 0.0.0.0,2001,reuseport,dev
	one_of "$proto" ', IPv4 goes to 0.0.0.0%lo:2001' 1 127.0.0.1 \
		::,2001,v6only0,reuseport,dev 0.0.0.0,2001,reuseport,dev
	# The one that came first has it here, so nothing is said of which it is.
	one_of "$proto" '' 0 127.0.0.1 ::,2001,v6only0,reuseport ::ffff:0.0.0.0,2001,reuseport
	one_of "$proto" '' 1 127.0.0.1 ::,2001,v6only0,reuseport,dev 0.0.0.0,2001,reuseport

	# A socket that takes no IPv4 has none to give, nor has one on another port.
	hold "$proto,::,2001,v6only1" "$proto,127.0.0.1,2001" "$proto,::,2002" "$proto,0.0.0.0,2003"
	who
	refute grep -q 'goes to' <<<"$output"
}

@test "a dual-stack and an IPv4 TCP socket on one port: IPv4 goes where it says" {
	in_netns both_sockets tcp
}

@test "a dual-stack and an IPv4 UDP socket on one port: IPv4 goes where it says" {
	in_netns both_sockets udp
}

on_an_interface() {
	local user

	user=$(id -un)
	ip address add fe80::1/128 dev lo
	hold tcp,::,2001,v6only0,dev tcp,fe80::1%lo,2002 tcp,127.0.0.1,2003,dev
	assert_who 0 <<-END
		tcp 2001   IPv6+IPv4  [::%lo]:2001        held[PID] fd 3   $user   V6ONLY 0
		tcp 2002   IPv6       [fe80::1%lo]:2002   held[PID] fd 4   $user   V6ONLY 1
		tcp 2003   IPv4       127.0.0.1%lo:2003   held[PID] fd 5   $user
	END
	who --json 2002
	assert_eq '["fe80::1%1","lo"]' "$(jq -c '[.addr, .iface]' <<<"$output")"
}

@test "an interface that a socket is bound to is part of its address" {
	in_netns on_an_interface
}

bound_only() {
	local user

	user=$(id -un)
	hold tcp,0.0.0.0,2001,bound tcp,::,2002,v6only1,bound tcp,::,2003,v6only0,bound tcp,0.0.0.0,2002
	assert_eq refused "$(reach 4 tcp 2001)"
	assert_eq refused "$(reach 6 tcp 2002)"
	assert_who 0 2001 <<-END
		tcp 2001   IPv4  nobody
		           -     0.0.0.0:2001   held[PID] fd 3   $user   bound, not listening
		           IPv6  nobody
	END
	assert_who 0 2002 <<-END
		tcp 2002   IPv4  0.0.0.0:2002   held[PID] fd 6   $user
		           -     [::]:2002      held[PID] fd 4   $user   V6ONLY 1, bound, not listening
		           IPv6  nobody
	END
	assert_who 0 <<-END
		tcp 2001   -     0.0.0.0:2001   held[PID] fd 3   $user   bound, not listening
		tcp 2002   IPv4  0.0.0.0:2002   held[PID] fd 6   $user
		           -     [::]:2002      held[PID] fd 4   $user   V6ONLY 1, bound, not listening
		tcp 2003   -     [::]:2003      held[PID] fd 5   $user   V6ONLY 0, bound, not listening
	END
	who --json
	assert_eq '[[false,[]],[true,["inet"]],[false,[]],[false,[]]]' \
		"$(jq -sc '[.[] | [.listening, .serves]]' <<<"$output")"
}

# Kernels before 6.8 do not tell of them: state bit 13.
tells_bound() {
	python3 - <<-'END'
		import socket, struct
		s = socket.socket(socket.AF_INET)
		s.bind(("127.0.0.1", 0))
		n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
		body = struct.pack("=BBBBI48x", socket.AF_INET, 6, 0, 0, 1 << 13)
		n.send(struct.pack("=IHHII", 16 + len(body), 20, 0x301, 1, 0) + body)
		raise SystemExit(struct.unpack_from("=IH", n.recv(65536))[1] != 20)
	END
}

@test "a TCP socket that is bound and does not listen is shown, and serves nobody" {
	in_netns tells_bound || skip 'needs a kernel that tells of bound sockets (6.8)'
	in_netns bound_only
}

connected() {
	hold udp,127.0.0.1,2001 tcp,127.0.0.1,2001
	# Connections, and a datagram socket that has a peer, hold their ports for that peer alone.
	exec 8<>/dev/udp/127.0.0.1/2001 9<>/dev/tcp/127.0.0.1/2001
	assert_eq '1 2' "$(ss -HOnu state established | wc -l) $(ss -HOnt | wc -l)" 'connected, as ss has it'
	assert_same_as_ss 2
	who
	assert_eq 2 "$(wc -l <<<"$output")" "lines of: $output"
	exec 8>&- 9>&-
}

@test "connections and datagram sockets with a peer are not shown" {
	in_netns connected
}

# ---- processes

many_processes() {
	local user pid pids n expected

	user=$(id -un)
	for n in 0 1 2 3 9; do
		FORK=$n hold tcp,::,2001,dup
		pid=$(pid_of held)
		# shellcheck disable=SC2046 # into its words
		mapfile -t pids < <(printf '%s\n' "$pid" $(<"/proc/$pid/task/$pid/children") | sort -n)
		assert_eq $((n + 1)) ${#pids[@]}
		who 2001
		case $n in
		0) expected="held[${pids[0]}] fd 3,4" ;;
		1) expected="held[${pids[0]}] fd 3,4, held[${pids[1]}] fd 3,4" ;;
		2) expected="held[${pids[0]}] fd 3,4, held[${pids[1]}] fd 3,4, held[${pids[2]}] fd 3,4" ;;
		*) expected="held[${pids[0]}] fd 3,4, held[${pids[1]}] fd 3,4 and $((n - 1)) more" ;;
		esac
		assert_eq "tcp 2001   IPv6+IPv4  [::]:2001   $expected   $user   V6ONLY 0" "$output"
		who --json 2001
		assert_eq "$(printf '%s 3 held\n' "${pids[@]}" && printf '%s 4 held\n' "${pids[@]}")" \
			"$(jq -r '.processes | sort_by(.fd)[] | "\(.pid) \(.fd) \(.program)"' <<<"$output")"
		stop held
	done
	hold tcp,::,2001,dup,dup,dup tcp,::,2002,dup,dup,dup,dup
	who 2001
	assert_match "held\\[[0-9]+\\] fd 3,4,5,6 " "$output"
	who 2002
	assert_match "held\\[[0-9]+\\] fd 7,8,9,10\\.\\.\\. " "$output"
	assert_eq 5 "$("$V6SHIM" who --json 2002 | jq '.processes | length')"
}

@test "processes that share a socket: up to three are named, of more two; JSON has all" {
	in_netns many_processes
}

hostile_name() {
	COMM=$'a\n\e[31m"\xff\\b' hold tcp,::,2001
	who 2001
	assert_eq 'a\x0a\x1b[31m"\xff\\b'"[$(pid_of held)] fd 3" \
		"$(awk -F '   ' '{ print $3 }' <<<"$output")"
	assert_eq 1 "$(wc -l <<<"$output")"
	who --json 2001
	assert_eq '"a\n\u001b[31m\"�\\b"' "$(jq -c '.processes[0].program' <<<"$output")"
}

@test "a program's name cannot forge a line or reach the terminal" {
	in_netns hostile_name
}

as_nobody() {
	local note='?  a process that this user may not see; root sees the processes'

	hold tcp,::,2001,v6only1
	PREFIX=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	who 2001
	assert_eq "0 tcp 2001   IPv4  nobody
           IPv6  [::]:2001   ?   root   V6ONLY 1
$note" "$status $output"
	assert_eq '' "$errors"
	who --json
	assert_eq '[] "root" 1' "$(jq -r '"\(.processes) \"\(.user)\" \(.v6only)"' <<<"$output")"
	assert_eq "$note" "$errors"
	who 2002
	assert_eq '1 tcp 2002   nobody
udp 2002   nobody' "$status $output"

	# Of its own processes a user sees all, and there is nothing to remark.
	stop held
	start held --tcp 2001 "${PREFIX[@]}" "$PROGRAMS/serve" -p 2001 -v 1
	who
	assert_eq "tcp 2001   IPv6  [::]:2001   serve[$(pid_of held)] fd 3   $(id -un 65534 2>/dev/null || echo 65534)   V6ONLY 1" \
		"$output"
	assert_eq "[::]:2001 65534" "$(ss_view | cut -d' ' -f2,4)"
	assert_eq 65534 "$("$V6SHIM" who --json | jq .uid)"
}

@test "what a user may not see is a question mark, and it says who may" {
	require setpriv
	[ "$EUID" -eq 0 ] || skip 'needs root'
	run setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$V6SHIM"
	[ "$status" -eq 0 ] || skip "user 65534 cannot reach $V6SHIM"
	in_netns as_nobody
}

without_rights() {
	start held --tcp 2001 setpriv --reuid=65534 --regid=65534 --clear-groups "$PROGRAMS/serve" -p 2001
	PREFIX=(setpriv --bounding-set='-sys_ptrace,-dac_override,-dac_read_search')
	who
	assert_match '\[::\]:2001   \?   .*V6ONLY 0' "$output"
	assert_line '?  a process that may not be seen without CAP_SYS_PTRACE'
}

@test "root without the capability is told which one it is" {
	require setpriv
	[ "$EUID" -eq 0 ] || skip 'needs root'
	run setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$PROGRAMS/serve"
	[ "$status" -eq 0 ] || skip "user 65534 cannot reach $PROGRAMS/serve"
	in_netns without_rights
}

outside_the_pids() {
	hold tcp,::,2001
	PREFIX=(unshare --pid --fork --mount-proc)
	who
	assert_match '\[::\]:2001   \?   .*V6ONLY 0' "$output"
	assert_line '?  no process in this PID namespace: the kernel itself, or one outside'
}

@test "a process outside the PID namespace is told of as such" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	unshare --pid --fork --mount-proc true || skip 'needs leave to make a PID namespace'
	in_netns outside_the_pids
}

# ---- usage

named() {
	# The names of /etc/services, as everybody who looks them up has them.
	assert_eq 'http 80/tcp' "$(getent -s files services http/tcp | awk '{ print $1, $2 }')"
	assert_eq 'tftp 69/udp' "$(getent -s files services tftp/udp | awk '{ print $1, $2 }')"
	hold tcp,::,80 udp,::,69
	who http
	assert_match '^tcp 80   IPv6\+IPv4  \[::\]:80 ' "$output"
	assert_eq "$output" "$("$V6SHIM" who 80)"
	who tftp
	assert_match '^udp 69   IPv6\+IPv4  \[::\]:69 ' "$output"
	who --json tftp
	assert_eq '["udp",69]' "$(jq -c '[.proto, .port]' <<<"$output")"
	# A name of no service is a mistake, not a port without holders.
	who nosuchservice
	assert_eq 2 "$status"
}

@test "a port may be given by the name of its service" {
	getent -s files services http/tcp tftp/udp >/dev/null || skip 'needs /etc/services'
	in_netns named
}

@test "what is no port is refused, with what is wrong" {
	while read -r word reason; do
		who -- "$word"
		assert_status 2
		assert_eq '' "$output"
		assert_eq "v6shim: who: '$word': $reason
usage: v6shim who [--json] [PORT]
'v6shim who --help' tells more" "$errors"
	done <<-'END'
		0                      a port is a number from 1 to 65535
		65536                  a port is a number from 1 to 65535
		4294967376             a port is a number from 1 to 65535
		18446744073709551696   a port is a number from 1 to 65535
		80x                    neither a port nor the name of a service
		-1                     neither a port nor the name of a service
		+80                    neither a port nor the name of a service
		0x50                   neither a port nor the name of a service
		80,443                 neither a port nor the name of a service
	END
	who ''
	assert_status 2
	assert_match "^v6shim: who: '': neither" "$errors"
}

@test "two ports and unknown options are refused" {
	who 80 443
	assert_status 2
	assert_match "^v6shim: who: unexpected argument '443'" "$errors"
	who --jsn
	assert_status 2
	assert_match "^v6shim: who: unknown option '--jsn'; did you mean '--json'" "$errors"
	who -x 80
	assert_status 2
	assert_match "^v6shim: who: unknown option '-x'" "$errors"
}

@test "--help tells usage, exit statuses and limits" {
	for arguments in --help -h '80 --help' '--json -h'; do
		# shellcheck disable=SC2086 # words
		who $arguments
		assert_status 0
		assert_eq '' "$errors"
		assert_line 'usage: v6shim who [--json] [PORT]'
		assert_match 'Exit status 0; 1: PORT is given and nobody holds it; 2: bad usage' "$output"
		assert_match 'This network namespace only' "$output"
	done
	run "$V6SHIM" --help
	assert_match $'\n  who +[a-z]' "$output"
}

json_with_port() {
	hold tcp,::,2001,v6only0 tcp,0.0.0.0,2002
	who --json 2001
	assert_eq 0 "$status"
	assert_eq '{"proto":"tcp","family":"inet6","addr":"::","port":2001,"v6only":0,"listening":true,"serves":["inet6","inet"],"uid":0,"user":"'"$(id -un)"'"}' \
		"$(jq -c 'del(.inode, .processes)' <<<"$output")"
	assert_eq "$(stat -Lc %i "/proc/$(pid_of held)/fd/3")" "$(jq .inode <<<"$output")"
	assert_eq "[{\"pid\":$(pid_of held),\"fd\":3,\"program\":\"held\"}]" "$(jq -c .processes <<<"$output")"
	who 2002 --json
	assert_eq '{"proto":"tcp","family":"inet","addr":"0.0.0.0","port":2002,"listening":true,"serves":["inet"],"uid":0,"user":"'"$(id -un)"'"}' \
		"$(jq -c 'del(.inode, .processes)' <<<"$output")"
	who --json 2003
	assert_eq '1 ' "$status $output"
}

@test "--json: one object a line, and the same exit statuses" {
	in_netns json_with_port
}

@test "output that cannot be written is no success" {
	status=0
	"$V6SHIM" who 1 >/dev/full 2>"$DIR/errors" || status=$?
	[ "$status" -ne 0 ]
	assert_match 'could not be written' "$(<"$DIR/errors")"
}

# ---- a kernel that says less, or says it badly

no_diagnostics() {
	local user note view

	ip address add 2001:db8:1:2:3:4:5:6/128 dev lo
	hold tcp,0.0.0.0,2001 tcp,::,2002,v6only1 tcp,::1,2003 udp,127.0.0.1,2001 \
		udp,2001:db8:1:2:3:4:5:6,2002 tcp,0.0.0.0,2004,bound
	# The older tables have these, too.
	exec 8<>/dev/udp/127.0.0.1/2001 9<>/dev/tcp/127.0.0.1/2001
	assert_eq '1 2' "$(ss -HOnu state established | wc -l) $(ss -HOnt | wc -l)" 'connected, as ss has it'
	user=$(id -un)
	PREFIX=(strace -qq -o /dev/null -e trace=socket -e inject=socket:error=EACCES)
	note='V6ONLY is not known, and only TCP that listens and UDP are shown: the kernel gives no socket diagnostics here (EACCES)'
	assert_who 0 <<-END
		tcp 2001   IPv4        0.0.0.0:2001                  held[PID] fd 3   $user
		tcp 2002   IPv6+IPv4?  [::]:2002                     held[PID] fd 4   $user   V6ONLY ?
		tcp 2003   IPv6        [::1]:2003                    held[PID] fd 5   $user   V6ONLY ?
		udp 2001   IPv4        127.0.0.1:2001                held[PID] fd 6   $user
		udp 2002   IPv6        [2001:db8:1:2:3:4:5:6]:2002   held[PID] fd 7   $user   V6ONLY ?
		$note
	END
	# Whether IPv4 is served is not known, so it is not said that nobody does.
	assert_who 0 2002 <<-END
		tcp 2002   IPv6+IPv4?  [::]:2002                     held[PID] fd 4   $user   V6ONLY ?
		udp 2002   IPv4        nobody
		           IPv6        [2001:db8:1:2:3:4:5:6]:2002   held[PID] fd 7   $user   V6ONLY ?
		$note
	END
	who --json 2002
	assert_eq "$note" "$errors"
	assert_eq '[["tcp",null,null],["udp",null,["inet6"]]]' \
		"$(jq -sc '[.[] | [.proto, .v6only, .serves]]' <<<"$output")"
	view=$(ss_view | awk '{ print $3 }' | sort)
	who --json
	assert_eq "$view" "$(jq .inode <<<"$output" | sort)" 'inodes: ss (expected), /proc/net (actual)'
	who 2005
	assert_eq "1 tcp 2005   nobody
udp 2005   nobody
$note" "$status $output"
}

@test "without sock_diag the older tables do, and it says what is not known" {
	require strace
	in_netns no_diagnostics
}

no_proc() {
	hold tcp,::,2001,v6only1
	# shellcheck disable=SC2016 # for the shell inside
	PREFIX=(unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' -)
	who 2001
	assert_eq "0 tcp 2001   IPv4  nobody
           IPv6  [::]:2001   ?   $(id -un)   V6ONLY 1
?  no process in this PID namespace: the kernel itself, or one outside" "$status $output"
	PREFIX=(strace -f -qq -o /dev/null -e trace=socket -e inject=socket:error=EACCES "${PREFIX[@]}")
	who 2001
	assert_eq '2 ' "$status $output"
	assert_eq 'v6shim: who: the sockets cannot be listed: Permission denied' "$errors"
}

@test "where neither sock_diag nor /proc tells of them it does not say that there are none" {
	require strace
	[ "$EUID" -eq 0 ] || skip 'needs root'
	unshare -m mount -t tmpfs none /proc || skip 'needs leave to mount'
	require_no_runtime 'reads /proc'
	in_netns no_proc
}

# meddled WAY [TIMES]: PREFIX for recvmsg to be changed on its way back, the first TIMES times.
meddled() {
	cat >"$DIR/meddle.c" <<-'END'
		#define _GNU_SOURCE
		#include <errno.h>
		#include <linux/netlink.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/socket.h>
		#include <sys/syscall.h>
		#include <unistd.h>

		static ssize_t forge(struct msghdr *m)
		{
			struct nlmsghdr done = {.nlmsg_len = 16, .nlmsg_type = NLMSG_DONE, .nlmsg_seq = 1};

			((struct sockaddr_nl *)m->msg_name)->nl_pid = 5;
			memcpy(m->msg_iov->iov_base, &done, sizeof(done));
			return sizeof(done);
		}

		ssize_t recvmsg(int fd, struct msghdr *m, int flags)
		{
			static int calls;
			const char *way = getenv("MEDDLE");
			int done = calls++ >= atoi(getenv("MEDDLE_TIMES"));
			ssize_t n;

			if (!done && *way == 'f')
				return forge(m);
			n = syscall(SYS_recvmsg, fd, m, flags);
			if (done || n < 16)
				return n;
			if (*way == 'i')
				((struct nlmsghdr *)m->msg_iov->iov_base)->nlmsg_flags |= NLM_F_DUMP_INTR;
			else if (*way == 't')
				m->msg_flags |= MSG_TRUNC;
			else if (*way == 's')
				n -= 10;
			else {
				errno = *way == 'n' ? ENOBUFS : EINTR;
				return -1;
			}
			return n;
		}
	END
	cc -shared -fPIC -nostdlib -o "$DIR/meddle.so" "$DIR/meddle.c"
	PREFIX=(env LD_PRELOAD="$DIR/meddle.so" MEDDLE="$1" MEDDLE_TIMES="${2-1000000}")
}

meddled_answers() {
	local plain way

	hold tcp,::,2001,v6only1 udp,::,2002,v6only1
	who
	plain=$output
	assert_eq 2 "$(wc -l <<<"$plain")"
	# An interrupted dump, no memory for it: asked again. What another process sent is not listened to.
	for way in 'interrupted 3' 'no-buffers 3' 'forged 1' 'forged 20'; do
		# shellcheck disable=SC2086 # two words
		meddled $way
		who
		assert_eq "0 $plain" "$status $output" "$way"
		assert_eq '' "$errors" "$way"
	done
	# But not for ever.
	meddled interrupted
	who
	assert_eq "0 $plain
the sockets changed while they were listed: some may be missing" "$status $output"
	# What was cut is not believed, nor what is no answer: the older tables.
	while read -r way errno; do
		meddled "$way"
		who 2001
		assert_eq 0 "$status"
		assert_match '^tcp 2001   IPv6\+IPv4\?  \[::\]:2001 .* V6ONLY \?' "$output"
		assert_match "no socket diagnostics here \\($errno\\)\$" "$output"
	done <<-'END'
		truncated   EMSGSIZE
		short       EBADMSG
		no-buffers  ENOBUFS
	END
}

@test "answers that are interrupted, forged, cut or not to be had" {
	require cc
	in_netns meddled_answers
}

interrupted_calls() {
	local plain

	hold tcp,::,2001,v6only1
	who
	plain=$output
	PREFIX=(strace -qq -o /dev/null -e 'trace=recvmsg,sendto' -e inject=recvmsg:error=EINTR:when=1..30
		-e inject=sendto:error=EINTR:when=1..30)
	who
	assert_eq "0 $plain" "$status $output"
}

@test "a signal in between does not matter" {
	require strace
	in_netns interrupted_calls
}
