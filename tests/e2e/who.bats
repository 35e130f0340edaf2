#!/usr/bin/env bats
# v6shim who: what it says of the sockets of a namespace, against what ss(8), getsockopt and the clients say of them.
# Each test has a network namespace to itself, so that the listing must be exact: its body is a function, `inside`.

# A variable that `run` sets in one test is not read in another; a function is called by in_netns.
# shellcheck disable=SC2030,SC2031,SC2317

bats_require_minimum_version 1.5.0
load helper

# hold SOCKET...: a process called "held" that has these sockets, in this order from descriptor 3 on.
# SOCKET is PROTO,ADDRESS,PORT and any of ,v6only0 ,v6only1 ,reuseport ,reuseaddr ,bound (no listen)
# ,dev (SO_BINDTODEVICE lo) ,dup (one more descriptor). Each client is told the socket's place in the list.
# FORK=N: N more processes that share them all. COMM=NAME: its name.
export HOLD='
import os, select, signal, socket, sys

KINDS = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0),
         "mptcp": (socket.SOCK_STREAM, 262), "udplite": (socket.SOCK_DGRAM, 136)}
OPTIONS = {"v6only0": (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0), "v6only1": (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1),
           "reuseport": (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1), "reuseaddr": (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
           "dev": (socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")}
sockets = []
dups = []

def hold(proto, addr, port, *wishes):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    s = socket.socket(family, *KINDS[proto])
    for wish in wishes:
        if wish in OPTIONS:
            s.setsockopt(*OPTIONS[wish])
    s.bind(socket.getaddrinfo(addr, int(port), family, KINDS[proto][0])[0][4])
    if "bound" not in wishes:
        sockets.append(s)
        if KINDS[proto][0] == socket.SOCK_STREAM:
            s.listen(64)
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
	export DIR=$BATS_TEST_TMPDIR USER_NAME
	USER_NAME=$(id -un)
	NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups)
}

# Anew, whatever it held before.
hold() {
	! is_running held || stop held || return
	start held --says ready python3 -c "$HOLD" "$@"
}

# who [WORD...]: sets output, errors and status. PREFIX may hold a command to run it under.
who() {
	status=0
	output=$("${PREFIX[@]}" "$V6SHIM" who "$@" 2>"$DIR/errors") || status=$?
	errors=$(<"$DIR/errors")
}

# shows <<END: what it says, all of it, of the sockets that are held. After `hold SOCKET...` and `who STATUS [WORD...]`
# come the lines, to the next of these: PID stands for the process, USER for who runs this.
shows() {
	local line words text expected=''

	while IFS= read -r line || [ -n "$expected" ]; do
		case $line in
		hold\ * | who\ * | '')
			if [ -n "$expected" ]; then
				text=$(cat "$DIR/text")
				who ${words:+$words}
				assert_eq "${text//USER/$USER_NAME}" "${output//"[$(pid_of held)]"/[PID]}" "who $words" || return
				assert_eq "$expected " "$status $errors" "status and standard error of who $words" || return
				expected=''
			fi
			: >"$DIR/text"
			# shellcheck disable=SC2086 # into its words
			[[ $line != hold* ]] || $line || return
			[[ $line != who* ]] || read -r _ expected words <<<"$line"
			;;
		*) printf '%s\n' "$line" >>"$DIR/text" ;;
		esac
	done
}

# json JQ-FILTER [WORD...]: of all its lines as an array.
json() {
	who --json "${@:2}"
	jq -sc "$1" <<<"$output"
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
	ss -HOnlpe -A mptcp,tcp,udp | awk '
		function word(name, none) { return match($0, name ":[0-9]+") ? substr($0, RSTART + length(name) + 1, RLENGTH - length(name) - 1) : none }
		{
			users = $0
			sub(/.*users:\(\(/, "", users)
			sub(/\)\) .*/, "", users)
			gsub(/"|pid=|fd=/, "", users)
			n = split(users, user, /\),\(/)
			# No socket here has more than two.
			users = n < 2 ? user[1] : user[1] < user[2] ? user[1] " " user[2] : user[2] " " user[1]
			inode = word("ino", 0)
			line[NR] = $1 " " $5 " " inode " " word("uid", 0) " " word("v6only", "-") " " users
			if ($1 == "mptcp") mptcp[inode] = 1
			if ($1 == "tcp") tcp[NR] = inode
		}
		END { for (i = 1; i <= NR; i++) if (!(tcp[i] in mptcp)) print line[i] }' | sort
}

# assert_same_as_ss COUNT
assert_same_as_ss() {
	local expected

	expected=$(ss_view)
	assert_eq "$1" "$(wc -l <<<"$expected")" "sockets that ss shows"
	assert_eq "$expected" "$(who_view)" 'who (actual) differs from ss'
}

# ---- the listing

@test "every kind of TCP and UDP socket is listed as ss lists it, be there none or hundreds" {
	inside() {
		local i specs=()

		who
		assert_eq '0  ' "$status $output $errors"
		assert_eq '[]' "$(json .)"
		for i in 192.0.2.1/32 2001:db8::1/128 fe80::1/128; do
			ip address add "$i" dev lo
		done
		for i in 0.0.0.0,2001 ::,2002,v6only0 ::,2003,v6only1 127.0.0.1,2004 ::1,2005 192.0.2.1,2006 2001:db8::1,2007 \
			fe80::1%lo,2008 ::ffff:127.0.0.1,2009 ::,2011,v6only0,dev; do
			specs+=("tcp,$i" "udp,$i")
		done
		hold "${specs[@]}" tcp,0.0.0.0,2010,dev tcp,::,2012,v6only1,dev tcp,::,2013,dup udp,ff02::1234%lo,2010
		assert_same_as_ss 24
		# More than one part of an answer holds.
		specs=()
		for i in {2001..2150}; do
			specs+=("tcp,::,$i,v6only$((i % 2))" "udp,127.0.0.1,$i")
		done
		hold "${specs[@]}"
		assert_same_as_ss 300
	}
	in_netns inside
}

@test "an MPTCP socket is listed once, on the port of TCP" {
	python3 -c 'import socket; socket.socket(10, 1, 262)' || skip 'needs MPTCP'
	inside() {
		hold mptcp,::,2001,v6only0 mptcp,::,2002,v6only1 mptcp,0.0.0.0,2003 mptcp,::1,2004 tcp,::,2005
		assert_same_as_ss 5
		shows <<-END
			who 0 2002
			tcp 2002   IPv4  nobody
			           IPv6  [::]:2002   held[PID] fd 4   USER   V6ONLY 1, MPTCP
		END
	}
	in_netns inside
}

@test "UDP-Lite has ports of its own" {
	python3 -c 'import socket; socket.socket(10, 2, 136)' || skip 'needs UDP-Lite'
	inside() {
		shows <<-END
			hold udplite,::,2001,v6only0 udp,::,2001,v6only1
			who 0 2001
			udp 2001       IPv4       nobody
			               IPv6       [::]:2001   held[PID] fd 4   USER   V6ONLY 1
			udplite 2001   IPv6+IPv4  [::]:2001   held[PID] fd 3   USER   V6ONLY 0
		END
	}
	in_netns inside
}

@test "another network namespace is not seen" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	inside() {
		hold tcp,::,2001
		PREFIX=(unshare -n)
		who 2001
		assert_eq $'1 tcp 2001   nobody\nudp 2001   nobody' "$status $output"
	}
	in_netns inside
}

@test "what a person reads: columns, sorted; with a port both families are answered, be it with nobody" {
	inside() {
		ip address add fe80::1/128 dev lo
		shows <<-'END'
			hold tcp,0.0.0.0,80 tcp,::,80,v6only1 tcp,::,8080,v6only0 udp,127.0.0.1,53 tcp,::1,12345,dup
			who 0 80
			tcp 80   IPv4  0.0.0.0:80   held[PID] fd 3   USER
			         IPv6  [::]:80      held[PID] fd 4   USER   V6ONLY 1
			who 0
			tcp 80      IPv4       0.0.0.0:80     held[PID] fd 3     USER
			            IPv6       [::]:80        held[PID] fd 4     USER   V6ONLY 1
			tcp 8080    IPv6+IPv4  [::]:8080      held[PID] fd 5     USER   V6ONLY 0
			tcp 12345   IPv6       [::1]:12345    held[PID] fd 7,8   USER   V6ONLY 1
			udp 53      IPv4       127.0.0.1:53   held[PID] fd 6     USER
			hold tcp,0.0.0.0,2001 tcp,::,2002,v6only1 tcp,::,2003,v6only0 udp,::ffff:127.0.0.1,2004 udp,::1,2001
			who 0 2001
			tcp 2001   IPv4  0.0.0.0:2001   held[PID] fd 3   USER
			           IPv6  nobody
			udp 2001   IPv4  nobody
			           IPv6  [::1]:2001     held[PID] fd 7   USER   V6ONLY 1
			who 0 2002
			tcp 2002   IPv4  nobody
			           IPv6  [::]:2002   held[PID] fd 4   USER   V6ONLY 1
			who 0 2003
			tcp 2003   IPv6+IPv4  [::]:2003   held[PID] fd 5   USER   V6ONLY 0
			who 0 2004
			udp 2004   IPv4  [::ffff:127.0.0.1]:2004   held[PID] fd 6   USER   V6ONLY 0
			           IPv6  nobody
			who 1 2005
			tcp 2005   nobody
			udp 2005   nobody
			hold tcp,::,2001,v6only0,dev tcp,fe80::1%lo,2002 tcp,127.0.0.1,2003,dev
			who 0
			tcp 2001   IPv6+IPv4  [::%lo]:2001        held[PID] fd 3   USER   V6ONLY 0
			tcp 2002   IPv6       [fe80::1%lo]:2002   held[PID] fd 4   USER   V6ONLY 1
			tcp 2003   IPv4       127.0.0.1%lo:2003   held[PID] fd 5   USER
		END
		assert_eq '["fe80::1%1","lo"]' "$(json '.[] | [.addr, .iface]' 2002)"
	}
	in_netns inside
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
	inside() {
		shows <<-'END'
			hold tcp,0.0.0.0,2001,bound tcp,::,2002,v6only1,bound tcp,::,2003,v6only0,bound tcp,0.0.0.0,2002
			who 0 2001
			tcp 2001   IPv4  nobody
			           -     0.0.0.0:2001   held[PID] fd 3   USER   bound, not listening
			           IPv6  nobody
			who 0 2002
			tcp 2002   IPv4  0.0.0.0:2002   held[PID] fd 6   USER
			           -     [::]:2002      held[PID] fd 4   USER   V6ONLY 1, bound, not listening
			           IPv6  nobody
			who 0
			tcp 2001   -     0.0.0.0:2001   held[PID] fd 3   USER   bound, not listening
			tcp 2002   IPv4  0.0.0.0:2002   held[PID] fd 6   USER
			           -     [::]:2002      held[PID] fd 4   USER   V6ONLY 1, bound, not listening
			tcp 2003   -     [::]:2003      held[PID] fd 5   USER   V6ONLY 0, bound, not listening
		END
		assert_eq 'refused refused' "$(reach 4 tcp 2001) $(reach 6 tcp 2002)"
		assert_eq '[[false,[]],[true,["inet"]],[false,[]],[false,[]]]' "$(json '[.[] | [.listening, .serves]]')"
	}
	in_netns inside
}

@test "connections and datagram sockets with a peer are not shown" {
	inside() {
		hold udp,127.0.0.1,2001 tcp,127.0.0.1,2001
		# They hold their ports for that peer alone.
		exec 8<>/dev/udp/127.0.0.1/2001 9<>/dev/tcp/127.0.0.1/2001
		assert_eq '1 2' "$(ss -HOnu state established | wc -l) $(ss -HOnt | wc -l)" 'connected, as ss has it'
		assert_same_as_ss 2
		who
		assert_eq 2 "$(wc -l <<<"$output")" "lines of: $output"
		exec 8>&- 9>&-
	}
	in_netns inside
}

@test "--json: one object a line, with the same exit statuses" {
	inside() {
		hold tcp,::,2001,v6only0 tcp,0.0.0.0,2002
		assert_eq '[{"proto":"tcp","family":"inet6","addr":"::","port":2001,"v6only":0,"listening":true,"serves":["inet6","inet"],"uid":0,"user":"'"$USER_NAME"'"}]' \
			"$(json '[.[] | del(.inode, .processes)]' 2001)"
		assert_eq "[$(stat -Lc %i "/proc/$(pid_of held)/fd/3"),[{\"pid\":$(pid_of held),\"fd\":3,\"program\":\"held\"}]]" \
			"$(json '.[] | [.inode, .processes]' 2001)"
		assert_eq '{"proto":"tcp","family":"inet","addr":"0.0.0.0","port":2002,"listening":true,"serves":["inet"],"uid":0,"user":"'"$USER_NAME"'"}' \
			"$("$V6SHIM" who 2002 --json | jq -c 'del(.inode, .processes)')"
		who --json 2003
		assert_eq '1 ' "$status $output"
	}
	in_netns inside
}

# ---- what it says is so

@test "the families that it tells of are those whose clients get in" {
	inside() {
		local proto port=2000 family told served specs=()

		for proto in tcp udp; do
			for words in 0.0.0.0,PORT 127.0.0.1,PORT ::,PORT,v6only0 ::,PORT,v6only1 ::1,PORT ::ffff:127.0.0.1,PORT; do
				specs+=("$proto,${words/PORT/$((port += 1))}")
			done
		done
		hold "${specs[@]}"
		for words in "${specs[@]}"; do
			IFS=, read -r proto _ port _ <<<"$words"
			for family in inet inet6; do
				told=$(json "any(.[]; .serves | index(\"$family\") != null)" "$port")
				served=false
				[[ $(reach "$family" "$proto" "$port") != served* ]] || served=true
				assert_eq "$served" "$told" "$words: $family is served (expected), who says so (actual)"
				echo "$told" >>"$DIR/told"
			done
		done
		# Of 6 kinds IPv4 is served by 4 and IPv6 by 3: neither side may have said nothing all along.
		assert_eq '14 10' "$(grep -c true "$DIR/told") $(grep -c false "$DIR/told")"
	}
	in_netns inside
}

# assert_answers N ADDRESS PROTO PORT: always socket N of `hold`.
assert_answers() {
	local answer

	for _ in {1..20}; do
		exec 9<>"/dev/$3/$2/$4"
		[ "$3" = tcp ] || echo >&9
		# Of a datagram what is not read at once is lost.
		read -r -N ${#1} -t 5 -u 9 answer
		exec 9>&-
		assert_eq "$1" "$answer" "socket that answers $*"
	done
}

# A row: who answers at which address, the first socket of the row or which; the remark on the one that is dual-stack;
# the sockets, each on a port of the row's own.
both_sockets() {
	local proto=$1 first=0 port=2000 rows=() row answers note sockets specs=() i

	mapfile -t rows <<-'END'
		127.0.0.1=1 192.0.2.1=1 ::1=0|, IPv4 goes to 0.0.0.0:PORT|::,PORT,v6only0,reuseport 0.0.0.0,PORT,reuseport
		127.0.0.1=0 192.0.2.1=0 ::1=1|, IPv4 goes to 0.0.0.0:PORT|0.0.0.0,PORT,reuseport ::,PORT,v6only0,reuseport
		127.0.0.1=1 192.0.2.1=0|, IPv4 to 127.0.0.1:PORT goes to that socket|::,PORT,v6only0,reuseport 127.0.0.1,PORT,reuseport
		127.0.0.1=1|, IPv4 to [::ffff:127.0.0.1]:PORT goes to that socket|::,PORT,v6only0,reuseport ::ffff:127.0.0.1,PORT,reuseport
		192.0.2.1=2|, IPv4 to 127.0.0.1:PORT and others goes to those sockets|::,PORT,v6only0,reuseport 127.0.0.1,PORT,reuseport 192.0.2.1,PORT,reuseport
		127.0.0.1=1|, IPv4 to 0.0.0.0%lo:PORT goes to that socket|::,PORT,v6only0,reuseport 0.0.0.0,PORT,reuseport,dev
		127.0.0.1=1|, IPv4 goes to 0.0.0.0%lo:PORT|::,PORT,v6only0,reuseport,dev 0.0.0.0,PORT,reuseport,dev
		127.0.0.1=0||::,PORT,v6only0,reuseport ::ffff:0.0.0.0,PORT,reuseport
		127.0.0.1=1||::,PORT,v6only0,reuseport,dev 0.0.0.0,PORT,reuseport
	END
	# On UDP SO_REUSEADDR is enough, and nobody gets an error.
	[ "$proto" = tcp ] || rows+=("${rows[0]//reuseport/reuseaddr}" "${rows[1]//reuseport/reuseaddr}")
	for row in "${rows[@]}"; do
		read -ra sockets <<<"${row##*|}"
		port=$((port + 1))
		specs+=("${sockets[@]/#/$proto,}")
		specs=("${specs[@]//PORT/$port}")
	done
	# A socket that takes no IPv4 has none to give, nor has one on another port.
	hold "${specs[@]}" "$proto,::,3001,v6only1" "$proto,127.0.0.1,3001" "$proto,::,3002" "$proto,0.0.0.0,3003"
	port=2000
	for row in "${rows[@]}"; do
		port=$((port + 1))
		IFS='|' read -r answers note sockets <<<"${row//PORT/$port}"
		for i in $answers; do
			assert_answers $((first + ${i#*=})) "${i%=*}" "$proto" $port
		done
		who $port
		assert_eq "V6ONLY 0$note" "$(grep -E '\[::(%lo)?\]:' <<<"$output" | grep -o 'V6ONLY .*')" "$row"
		read -ra sockets <<<"$sockets"
		first=$((first + ${#sockets[@]}))
	done
	assert_eq '[null,"IPv4 goes to 0.0.0.0:2001"]' "$(json '[.[].note]' 2001)"
	for port in 3001 3002 3003; do
		who $port
		assert_eq '' "$(grep 'goes to' <<<"$output")"
	done
}

@test "a dual-stack and an IPv4 socket on one port: IPv4 goes where it says, on TCP and on UDP" {
	inside() {
		ip address add 192.0.2.1/32 dev lo
		both_sockets tcp
		both_sockets udp
		shows <<-'END'
			who 0 2002
			udp 2002   IPv4       0.0.0.0:2002   held[PID] fd 5   USER
			           IPv6+IPv4  [::]:2002      held[PID] fd 6   USER   V6ONLY 0, IPv4 goes to 0.0.0.0:2002
		END
	}
	in_netns inside
}

# ---- processes

@test "processes that share a socket: up to three are named, of more two; JSON has all" {
	inside() {
		local pid pids n expected

		for n in 0 1 2 3 9; do
			FORK=$n hold tcp,::,2001,dup
			pid=$(pid_of held)
			# shellcheck disable=SC2046 # into its words
			mapfile -t pids < <(printf '%s\n' "$pid" $(<"/proc/$pid/task/$pid/children") | sort -n)
			assert_eq $((n + 1)) ${#pids[@]}
			who 2001
			expected=$(printf ', held[%s] fd 3,4' "${pids[@]:0:$((n > 2 ? 2 : n + 1))}")
			[ "$n" -le 2 ] || expected+=" and $((n - 1)) more"
			assert_eq "tcp 2001   IPv6+IPv4  [::]:2001   ${expected#, }   $USER_NAME   V6ONLY 0" "$output"
			assert_eq "$(printf '%s 3 held\n' "${pids[@]}" && printf '%s 4 held\n' "${pids[@]}")" \
				"$("$V6SHIM" who --json 2001 | jq -r '.processes | sort_by(.fd)[] | "\(.pid) \(.fd) \(.program)"')"
		done
		hold tcp,::,2001,dup,dup,dup tcp,::,2002,dup,dup,dup,dup
		who
		assert_match "held\\[[0-9]+\\] fd 3,4,5,6 .*held\\[[0-9]+\\] fd 7,8,9,10\\.\\.\\. " "$output"
		assert_eq 5 "$(json '.[].processes | length' 2002)"
	}
	in_netns inside
}

@test "a program's name cannot forge a line or reach the terminal" {
	inside() {
		COMM=$'a\n\e[31m"\xff\\b' hold tcp,::,2001
		who 2001
		assert_eq 'a\x0a\x1b[31m"\xff\\b'"[$(pid_of held)] fd 3" \
			"$(awk -F '   ' '{ print $3 }' <<<"$output")"
		assert_eq 1 "$(wc -l <<<"$output")"
		assert_eq '"a\n\u001b[31m\"�\\b"' "$(json '.[].processes[0].program' 2001)"
	}
	in_netns inside
}

# Whether that user reaches what is built here.
require_nobody() {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	require setpriv
	"${NOBODY[@]}" test -x "$V6SHIM" -a -x "$EXAMPLES/dual-echo" || skip "user 65534 cannot reach $BUILD"
}

@test "what a user may not see is a question mark, and it says who may" {
	require_nobody
	inside() {
		local note='?  a process that this user may not see; root sees the processes'

		hold tcp,::,2001,v6only1
		PREFIX=(setpriv --reuid=65534 --regid=65534 --clear-groups)
		who 2001
		assert_eq "0 tcp 2001   IPv4  nobody
           IPv6  [::]:2001   ?   root   V6ONLY 1
$note" "$status $output"
		assert_eq '' "$errors"
		assert_eq '[] "root" 1' "$(json . | jq -r '.[] | "\(.processes) \"\(.user)\" \(.v6only)"')"
		who --json
		assert_eq "$note" "$errors"
		who 2002
		assert_eq $'1 tcp 2002   nobody\nudp 2002   nobody' "$status $output"
		# Of its own processes a user sees all, and there is nothing to remark.
		stop held
		start held --tcp 2001 "${PREFIX[@]}" "$EXAMPLES/dual-echo" -v 1 2001
		who
		assert_eq "tcp 2001   IPv6  [::]:2001   dual-echo[$(pid_of held)] fd 3   $(id -un 65534 2>/dev/null || echo 65534)   V6ONLY 1" \
			"$output"
		assert_eq "[::]:2001 65534" "$(ss_view | cut -d' ' -f2,4)"
		assert_eq 65534 "$(json '.[].uid')"
		# Root without the capability is told which one it is.
		PREFIX=(setpriv --bounding-set='-sys_ptrace,-dac_override,-dac_read_search')
		who
		assert_match '\[::\]:2001   \?   .*V6ONLY 1' "$output"
		assert_line '?  a process that may not be seen without CAP_SYS_PTRACE'
	}
	in_netns inside
}

@test "a process outside the PID namespace is told of as such" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	unshare --pid --fork --mount-proc true || skip 'needs leave to make a PID namespace'
	inside() {
		hold tcp,::,2001
		PREFIX=(unshare --pid --fork --mount-proc)
		who
		assert_match '\[::\]:2001   \?   .*V6ONLY 0' "$output"
		assert_line '?  no process in this PID namespace: the kernel itself, or one outside'
	}
	in_netns inside
}

# ---- usage

@test "a port may be given by the name of its service" {
	getent -s files services http/tcp tftp/udp >/dev/null || skip 'needs /etc/services'
	inside() {
		hold tcp,::,80 udp,::,69
		who http
		assert_match '^tcp 80   IPv6\+IPv4  \[::\]:80 ' "$output"
		assert_eq "$output" "$("$V6SHIM" who 80)"
		assert_eq '["udp",69]' "$(json '.[] | [.proto, .port]' tftp)"
		# A name of no service is a mistake, not a port without holders.
		who nosuchservice
		assert_eq 2 "$status"
	}
	in_netns inside
}

@test "several ports, :PORT, families, protocols and a process" {
	inside() {
		hold tcp,0.0.0.0,2001 tcp,::,2002,v6only0 udp,::,2002,v6only1 mptcp,::1,2003
		shows <<-'END'
			who 0 :2001 2003
			tcp 2001   IPv4  0.0.0.0:2001   held[PID] fd 3   USER
			           IPv6  nobody
			tcp 2003   IPv4  nobody
			           IPv6  [::1]:2003     held[PID] fd 6   USER   V6ONLY 0, MPTCP
			who 0 -4
			tcp 2001   IPv4       0.0.0.0:2001   held[PID] fd 3   USER
			tcp 2002   IPv6+IPv4  [::]:2002      held[PID] fd 4   USER   V6ONLY 0
			who 0 -6u
			udp 2002   IPv6  [::]:2002   held[PID] fd 5   USER   V6ONLY 1
			who 0 -t 2002
			tcp 2002   IPv6+IPv4  [::]:2002   held[PID] fd 4   USER   V6ONLY 0
			who 1 --ipv4 --udp 2002
			udp 2002   IPv4  nobody
			who 1 2001 2009 -t
			tcp 2001   IPv4    0.0.0.0:2001   held[PID] fd 3   USER
			           IPv6    nobody
			tcp 2009   nobody
		END
		who --pid "$(pid_of held)" 2002
		assert_eq '0 2' "$status $(grep -c 2002 <<<"$output")"
		who --pid "$(pid_of held)"
		assert_eq '0 4' "$status $(grep -c held <<<"$output")"
		who --pid $$ -4
		assert_eq "1 $$  holds no such socket" "$status $output"
		who --pid 4194305
		assert_eq '1 4194305  no such process, or one that this user may not see' "$status $output"
		start elsewhere --now unshare --net sh -c 'echo in; exec sleep 60'
		wait_for 10 grep -q in "$BATS_TEST_TMPDIR/elsewhere.out"
		pid=$(pid_of elsewhere)
		who --pid "$pid"
		assert_eq "1 $pid  is in another network namespace: nsenter -t $pid -n v6shim who" "$status $output"
	}
	in_netns inside
}

@test "what is no port and unknown options are refused, with what is wrong" {
	while IFS='|' read -r words reason; do
		eval "who $words"
		assert_eq '2 ' "$status $output" "$words"
		assert_eq "v6shim: $reason" "$(head -n 1 <<<"$errors")"
		[[ $reason != who* ]] || assert_match "usage: v6shim who .*'v6shim who --help' tells more" "$errors"
	done <<-'END'
		-- 0|who: '0': a port is a number from 1 to 65535
		65536|who: '65536': a port is a number from 1 to 65535
		4294967376|who: '4294967376': a port is a number from 1 to 65535
		18446744073709551696|who: '18446744073709551696': a port is a number from 1 to 65535
		80x|who: '80x': neither a port nor the name of a service
		-- -1|who: '-1': neither a port nor the name of a service
		+80|who: '+80': neither a port nor the name of a service
		0x50|who: '0x50': neither a port nor the name of a service
		80,443|who: '80,443': neither a port nor the name of a service
		''|who: '': neither a port nor the name of a service
		--pid x|who: --pid: 'x' is no process id
		--pid 0|who: --pid: '0' is no process id
		--jsn|--jsn: unknown option; did you mean '--json'
		-x 80|-x: unknown option; 'v6shim who --help' lists them
		-4x|-x: unknown option; 'v6shim who --help' lists them
		--pid|--pid: no value given
		--json=x|--json: it takes no value
	END
}

# ---- a kernel that says less, or says it badly

@test "without sock_diag the older tables do, and it says what is not known" {
	require strace
	inside() {
		local view note='V6ONLY is not known, and only TCP that listens and UDP are shown: the kernel gives no socket diagnostics here (EACCES)'

		ip address add 2001:db8:1:2:3:4:5:6/128 dev lo
		hold tcp,0.0.0.0,2001 tcp,::,2002,v6only1 tcp,::1,2003 udp,127.0.0.1,2001 \
			udp,2001:db8:1:2:3:4:5:6,2002 tcp,0.0.0.0,2004,bound
		# The older tables have these, too.
		exec 8<>/dev/udp/127.0.0.1/2001 9<>/dev/tcp/127.0.0.1/2001
		assert_eq '1 2' "$(ss -HOnu state established | wc -l) $(ss -HOnt | wc -l)" 'connected, as ss has it'
		PREFIX=(strace -qq -o /dev/null -e trace=socket -e inject=socket:error=EACCES)
		# Whether IPv4 is served is not known, so it is not said that nobody does.
		shows <<-END
			who 0
			tcp 2001   IPv4        0.0.0.0:2001                  held[PID] fd 3   USER
			tcp 2002   IPv6+IPv4?  [::]:2002                     held[PID] fd 4   USER   V6ONLY ?
			tcp 2003   IPv6        [::1]:2003                    held[PID] fd 5   USER   V6ONLY ?
			udp 2001   IPv4        127.0.0.1:2001                held[PID] fd 6   USER
			udp 2002   IPv6        [2001:db8:1:2:3:4:5:6]:2002   held[PID] fd 7   USER   V6ONLY ?
			$note
			who 0 2002
			tcp 2002   IPv6+IPv4?  [::]:2002                     held[PID] fd 4   USER   V6ONLY ?
			udp 2002   IPv4        nobody
			           IPv6        [2001:db8:1:2:3:4:5:6]:2002   held[PID] fd 7   USER   V6ONLY ?
			$note
			who 1 2005
			tcp 2005   nobody
			udp 2005   nobody
			$note
		END
		assert_eq '[["tcp",null,null],["udp",null,["inet6"]]]' "$(json '[.[] | [.proto, .v6only, .serves]]' 2002)"
		who --json 2002
		assert_eq "$note" "$errors"
		view=$(ss_view | awk '{ print $3 }' | sort)
		assert_eq "$view" "$(json '.[].inode' | sort)" 'inodes: ss (expected), /proc/net (actual)'
	}
	in_netns inside
}

@test "where neither sock_diag nor /proc tells of them it does not say that there are none" {
	require strace
	[ "$EUID" -eq 0 ] || skip 'needs root'
	unshare -m mount -t tmpfs none /proc || skip 'needs leave to mount'
	require_no_runtime 'reads /proc'
	inside() {
		hold tcp,::,2001,v6only1
		# shellcheck disable=SC2016 # for the shell inside
		PREFIX=(unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' -)
		who 2001
		assert_eq "0 tcp 2001   IPv4  nobody
           IPv6  [::]:2001   ?   $USER_NAME   V6ONLY 1
?  no process in this PID namespace: the kernel itself, or one outside" "$status $output"
		PREFIX=(strace -f -qq -o /dev/null -e trace=socket -e inject=socket:error=EACCES "${PREFIX[@]}")
		who 2001
		assert_eq '2 ' "$status $output"
		assert_eq 'v6shim: who: the sockets cannot be listed: Permission denied' "$errors"
	}
	in_netns inside
}

# meddled HOW [WHEN]: PREFIX for recvfrom to come out so instead: strace's words.
meddled() {
	PREFIX=(strace -qq -o /dev/null -e trace=recvfrom -e "inject=recvfrom:$1${2:+:when=$2}")
}

@test "answers that are interrupted, cut or not to be had, and calls that a signal interrupts" {
	require strace
	inside() {
		local plain how
		# NLMSG_DONE with NLM_F_DUMP_INTR.
		local interrupted=retval=20:poke_exit=@arg2=1400000003001200010000000000000000000000

		hold tcp,::,2001,v6only1 udp,::,2002,v6only1
		who
		plain=$output
		assert_eq 2 "$(wc -l <<<"$plain")"
		# An interrupted dump, no memory for it: asked again.
		for how in "$interrupted" error=ENOBUFS; do
			meddled "$how" 1..3
			who
			assert_eq "0 $plain" "$status $output" "$how"
			assert_eq '' "$errors" "$how"
		done
		# But not for ever.
		meddled "$interrupted"
		who
		assert_match 'the sockets changed while they were listed: some may be missing' "$output"
		# What was cut is not believed, nor what is no answer: the older tables.
		for how in 'retval=1000000 EMSGSIZE' 'retval=10 EBADMSG' 'error=ENOBUFS ENOBUFS'; do
			meddled "${how% *}"
			who 2001
			assert_eq 0 "$status"
			assert_match '^tcp 2001   IPv6\+IPv4\?  \[::\]:2001 .* V6ONLY \?' "$output"
			assert_match "no socket diagnostics here \\(${how#* }\\)\$" "$output"
		done
		PREFIX=(strace -qq -o /dev/null -e 'trace=recvfrom,sendto' -e inject=recvfrom:error=EINTR:when=1..30
			-e inject=sendto:error=EINTR:when=1..30)
		who
		assert_eq "0 $plain" "$status $output"
	}
	in_netns inside
}
