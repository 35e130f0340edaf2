#!/usr/bin/env bats
# examples/bind-order.c, both families on one port in every way, and what `make demo` shows of it. What must
# come of each is conflicts.bats' to say; here are the example's lines, and clients of other processes.

load helper
load rows

# The rows of a dual-stack IPv6 socket that the kernel refuses: bare, and what resolve makes of them.
refused() {
	cat <<-END
		tcp ipv4 0 plain     early bind   split
		tcp ipv4 0 plain     late  bind   split
		tcp ipv4 0 reuseaddr early bind   split
		tcp ipv4 0 reuseaddr late  listen share
		tcp ipv6 0 plain     early bind   share
		tcp ipv6 0 plain     late  bind   share
		tcp ipv6 0 reuseaddr early bind   share
		tcp ipv6 0 reuseaddr late  listen share
		udp ipv4 0 plain     -     bind   split
		udp ipv6 0 plain     -     bind   share
	END
}

@test "bind-order prints the matrix: 36 ways, ten refused, and none under resolve" {
	bare=$("$EXAMPLES/bind-order" -s -p "$(free_port)" | sed 1d | tr -s ' ')
	now=$(shim ON_CONFLICT=resolve LOG=off -- "$EXAMPLES/bind-order" -s -p "$(free_port)" | sed 1d | tr -s ' ')
	assert_eq '36 36' "$(wc -l <<<"$bare") $(wc -l <<<"$now")"
	assert_eq "$(refused | tr -s ' ' | cut -d' ' -f1-5 | sort)" "$(grep EADDRINUSE <<<"$bare" | cut -d' ' -f1-5 | sort)"
	refute grep -E 'EADDRINUSE|nobody' <<<"$now"
	# proto first asked option listen, bind1, bind2, listen1, listen2, client4, client6, V6ONLY, SO_REUSEPORT
	assert_line 'tcp ipv4 0 plain early ok ok EADDRINUSE ok - ipv4 nobody 0 0 0' "$bare"
	assert_line 'tcp ipv4 0 plain early ok ok ok ok ok ipv4 ipv6 1 0 0' "$now"
	assert_line 'tcp ipv6 0 reuseaddr late ok ok ok ok EADDRINUSE ipv6 ipv6 0 0 0' "$bare"
	assert_line 'tcp ipv6 0 reuseaddr late ok ok ok ok ok ipv4 ipv6 0 1 1' "$now"
}

@test "clients of other processes: split, each family has its server alone" {
	for proto in tcp udp; do
		port=$(free_port) listen=listen
		[ $proto = tcp ] || listen=port
		start v4 --says ready "$PROGRAMS/drive" "socket ${proto}4" "bind 0.0.0.0 $port" $listen serve
		# Control: the kernel refuses the second.
		v6=("$PROGRAMS/drive" "socket ${proto}6" "bind :: $port" "$listen" serve)
		assert_line "bind :: $port: EADDRINUSE" "$("${v6[@]}" || :)"
		assert_eq refused "$(reach 6 $proto "$port" hello)"
		start v6 --says ready shim ON_CONFLICT=resolve LOG=off -- "${v6[@]}"
		assert_eq $'inet 0.0.0.0\ninet6 :: v6only=1' "$(kernel_listeners $proto "$port")"
		assert_eq 'served ipv4' "$(reach 4 $proto "$port" hello)"
		assert_eq 'served ipv6' "$(reach 6 $proto "$port" hello)"
		stop v4
		assert_eq refused "$(reach 4 $proto "$port" hello)"
		assert_eq 'served ipv6' "$(reach 6 $proto "$port" hello)"
		stop v6
	done
}

@test "make demo shows the dual-stack rows bare and under on-conflict=resolve, side by side" {
	run env DEMO_BUILD="$BUILD" "$ROOT/examples/demo"
	assert_status 0
	rows=$(sed -n '/^Both families/,/^$/p' <<<"$output" | grep -E '^  (tcp|udp) ')
	assert_eq 18 "$(wc -l <<<"$rows")"
	assert_eq "$(refused | while read -r proto first _ option late met made; do
		served='ipv4 nobody' change='split: V6ONLY 1'
		[ "$first" = ipv4 ] || served='ipv6 ipv6'
		[ "$made" = split ] || change='shared: SO_REUSEPORT 1'
		echo " $proto $first $option $late $met EADDRINUSE $served ok ipv4 ipv6 $change"
	done | sort)" "$(tr -s ' ' <<<"$rows" | grep EADDRINUSE | sort)"
	# Each fits a terminal of 100 columns.
	[ "$(wc -L <<<"$rows")" -le 100 ]
	assert_match 'is held by fd [0-9]+ of this process, .*policy=ipv6-only or on-conflict=resolve lets both live' "$output"
}
