#!/usr/bin/env bats
# The server of every tutorial (examples/bind-all.c: a socket for each address that getaddrinfo gives): what
# a client of each family gets. And what `order` does to address lists, which must lose nothing
# (DESIGN.md 1.3, 1.6).

load helper
load rows

# ---- what each family's client gets

# Options of bind-all, settings, and who serves a client of 127.0.0.1 and of ::1: the IPv4 socket, the IPv6
# one, nobody. bind-all lets each socket listen before it binds the next.
servers() {
	cat <<-END
		# a dual-stack socket, first and second
		-v 0    | bare                                              | 4 -
		-v 0    | ORDER=ipv6-first ON_CONFLICT=fail                 | 6 6
		-v 0    | ORDER=ipv4-first ON_CONFLICT=resolve              | 4 6
		-v 0    | ORDER=ipv6-first ON_CONFLICT=resolve              | 4 6
		-v 0    | ORDER=ipv4-first ON_CONFLICT=share                | 4 6
		-v 0    | ORDER=ipv6-first ON_CONFLICT=share                | 4 6
		-v 0    | ORDER=ipv4-first ON_CONFLICT=share-ipv6           | 4 6
		-v 0    | ORDER=ipv6-first ON_CONFLICT=share-ipv6           | 6 6
		# policies
		-r      | POLICY=both                                       | 4 -
		-r      | POLICY=both ON_CONFLICT=resolve ORDER=ipv6-first  | 4 6
		-v 0    | POLICY=ipv6-only ORDER=ipv6-first                 | 4 6
		        | POLICY=default-ipv6-only                          | 4 6
		-v 0    | POLICY=default-ipv6-only                          | 4 -
		-v 1    | bare                                              | 4 6
		-v 1    | POLICY=both                                       | 4 6
		-v 1    | POLICY=both ORDER=ipv6-first                      | 4 6
		# UDP with SO_REUSEADDR has no conflict
		-d -r -v 0 | bare                                           | 4 6
		-d -v 0 | bare                                              | 4 -
		-d -v 0 | ORDER=ipv4-first ON_CONFLICT=resolve              | 4 6
		-d -v 0 | ORDER=ipv6-first ON_CONFLICT=share                | 4 6
		-d -v 1 | POLICY=both ORDER=ipv6-first                      | 4 6
		# nothing at all
		-v 0    | ON_CONFLICT=resolve MODE=log                      | 4 -
		-v 0    | POLICY=ipv6-only ORDER=ipv6-first MODE=log        | 4 -
	END
}

@test "what clients get of bind-all under each order, on-conflict and policy" {
	require_plain_sysctl
	while IFS='|' read -r options settings expected; do
		[[ $options != \#* ]] || continue
		read -ra options <<<"$options"
		read -ra settings <<<"$settings"
		port=$(free_port) proto=tcp got=''
		[[ ${options[*]} != *-d* ]] || proto=udp
		[ "${settings[0]}" = bare ] && settings=() || settings=(shim LOG=off "${settings[@]}" --)
		start server --says '^serving$' "${settings[@]}" "$EXAMPLES/bind-all" "${options[@]}" "$port"
		for family in 4 6; do
			case $(reach $family $proto "$port" hi) in
			'served served by ipv4 socket 0.0.0.0') got+=' 4' ;;
			'served served by ipv6 socket ::') got+=' 6' ;;
			refused) got+=' -' ;;
			*) got+=' ?' ;;
			esac
		done
		stop server
		assert_eq "$expected" "$got" "bind-all ${options[*]}: ${settings[*]}"
	done < <(servers)
}

@test "on a host with bindv6only=1 there is no conflict but of the policy's making, and that yields" {
	require_netns
	on_such_a_host() {
		echo 1 >/proc/sys/net/ipv6/bindv6only
		for k in tcp udp; do
			listen='; listen'
			[ $k = tcp ] || listen=
			cat <<-END
				socket ${k}4; bind 0.0.0.0 P$listen; b socket ${k}6; bind :: P$listen; show; who $k 127.0.0.1 P; who $k ::1 P
				bare -> a=-/0 b=1/0 a b
				policy=both -> a=-/0 b=1/0 a b | bind inet6 yield conflict ok
				policy=default-both -> a=-/0 b=1/0 a b | socket inet6 set ok; bind inet6 yield conflict ok
				b socket ${k}6; bind :: P$listen; a socket ${k}4; bind 0.0.0.0 P$listen; show; who $k 127.0.0.1 P; who $k ::1 P
				bare -> a=-/0 b=1/0 a b
				policy=both -> a=-/1 b=0/1 a b | bind inet6 set ok; bind inet yield conflict ok
				policy=default-both -> a=-/1 b=0/1 a b | socket inet6 set ok; bind inet yield conflict ok
			END
		done | rows
	}
	in_netns on_such_a_host
}

# ---- the order of address lists

# lookup [NAME=VALUE...] -- WORDS: an entry a line.
lookup() {
	given "$@"
	[ ${#LEADING[@]} -eq 0 ] || LEADING=(shim "${LEADING[@]}" --)
	resolve "${LEADING[@]}" "$PROGRAMS/drive" "lookup ${TRAILING[0]}"
	"${COMMAND[@]}" | sed 's/^lookup[^:]*: //; s/, /\n/g'
}

@test "order: passive lists have that family first, each family in its own order, and lose no entry" {
	for words in '-p 4321' '-p -s 4321' '-p -u 4321' '-p -s 0' '-p domain' '-p -4 4321' '-p -6 4321'; do
		bare=$(lookup -- "$words")
		assert_match '^inet' "$bare"
		inet=$(grep '^inet ' <<<"$bare" || :) inet6=$(grep '^inet6 ' <<<"$bare" || :)
		assert_eq "$(printf '%s\n' $'\n'"$inet" "$inet6" | grep .)" "$(lookup ORDER=ipv4-first LOG=off -- "$words")" "$words"
		assert_eq "$(printf '%s\n' $'\n'"$inet6" "$inet" | grep .)" "$(lookup ORDER=ipv6-first LOG=off -- "$words")" "$words"
		assert_eq "$bare" "$(lookup ORDER=app LOG=off -- "$words")"
		assert_eq "$bare" "$(lookup ORDER=ipv6-first MODE=log LOG=off -- "$words")"
	done
	[ -n "$inet6" ]
}

@test "order: other look-ups are untouched: with a node, without AI_PASSIVE, with an error" {
	for words in 4321 '-s 4321' '-n localhost 4321' '-n localhost -c 4321' '-n 127.0.0.1 -p 4321' '-n ::1 -p -s 4321' \
		'-n :: -p 4321' '-n localhost -p -c 4321' '-n ::' '-6 -s 4321' '-p -c 4321' -p '-p nosuchservice' \
		'-p -n nosuchhost.invalid 4321' '-n 127.0.0.1 -p -6 4321'; do
		bare=$(lookup -- "$words")
		for order in ipv4-first ipv6-first; do
			assert_eq "$bare" "$(lookup ORDER=$order LOG="$DIR/log" LOG_FORMAT=json LOG_LEVEL=all -- "$words")" "$order $words"
		done
	done
	refute grep -F '"reorder"' "$DIR/log"
	# A canonical name stays at the head of a list.
	assert_match ' canon localhost' "$(lookup ORDER=ipv6-first LOG=off -- '-n localhost -c -s 4321' | head -n 1)"
}

@test "order: a passive list of mixed families is parted stably, and the canonical name comes to its head" {
	# mixed [NAME=VALUE...]: the ports and names of the list of that resolver.
	mixed() {
		env LD_PRELOAD="$LIB:$PROGRAMS/hostile/resolver.so" V6SHIM_LOG=off "$@" "$PROGRAMS/drive" 'lookup -p 4321' |
			sed -E 's/^lookup[^:]*: //; s/ tcp stream (0.0.0.0|::)//g'
	}
	bare='inet 1 canon name.example, inet6 2, inet 3, inet6 4, inet6 5'
	assert_eq "$bare" "$(LIB='' mixed)"
	assert_eq "$bare" "$(mixed V6SHIM_ORDER=app)"
	assert_eq "$bare" "$(mixed V6SHIM_ORDER=ipv6-first V6SHIM_MODE=log)"
	assert_eq 'inet 1 canon name.example, inet 3, inet6 2, inet6 4, inet6 5' "$(mixed V6SHIM_ORDER=ipv4-first)"
	assert_eq 'inet6 2 canon name.example, inet6 4, inet6 5, inet 1, inet 3' "$(mixed V6SHIM_ORDER=ipv6-first)"
}

@test "order: a record tells the families as found and as handed on" {
	local three='inet,inet,inet,inet6,inet6,inet6' back='inet6,inet6,inet6,inet,inet,inet'

	rows --events getaddrinfo --fields action,finding,families_before,families_after,mode,result,errno <<-END
		resolve
		bare -> inet inet6
		order=ipv6-first -> inet6 inet | reorder inet,inet6 inet6,inet enforce ok -
		order=ipv6-first mode=log -> inet inet6 | reorder inet,inet6 inet,inet6 log ok -
		# Linux has IPv4 first already.
		order=ipv4-first -> inet inet6 | inet,inet6 inet,inet6 enforce ok -
	END
	lookup ORDER=ipv6-first LOG="$DIR/log" LOG_FORMAT=json -- '-p 4321' >/dev/null
	assert_eq "\"$three $back 0\"" "$(json_records "$DIR/log" 'select(.event == "getaddrinfo") |
		"\(.families_before | join(",")) \(.families_after | join(",")) \(.result)"')"
	# One that fails has no families, and getaddrinfo's own number.
	rm "$DIR/log"
	assert_eq 'error -8' "$(lookup ORDER=ipv6-first LOG="$DIR/log" LOG_FORMAT=json LOG_LEVEL=bind -- '-p nosuchservice')"
	assert_eq '["none",null,null,-8]' "$(json_records "$DIR/log" \
		'select(.event == "getaddrinfo") | [.action, .families_before, .families_after, .result]')"
}
