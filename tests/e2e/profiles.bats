#!/usr/bin/env bats
# The profiles: what an unmodified program meets under each, against FACTS.md, section 2 (systems.py), and
# what `v6shim profiles` says of it. What Linux cannot give stands there as such.

load helper
load rows

setup() {
	mapfile -t PROFILES < <(systems names)
}

systems() {
	local python=/usr/bin/python3

	[ -x $python ] || python=python3
	$python -I "$ROOT/tests/e2e/systems.py" "$@"
}

# probe SETTING...: what probe finds under the shim, or without it.
probe() {
	if [ $# -gt 0 ]; then
		shim "$@" LOG="$DIR/log" -- "$EXAMPLES/probe"
	else
		"$EXAMPLES/probe"
	fi | grep -v '^system: '
}

probe_all() {
	local profile

	for profile in "${PROFILES[@]}"; do
		assert_eq "$(systems probe "$profile")" "$(probe "PROFILE=$profile")" "$profile"
	done
}

@test "control: without the shim, and under any profile with mode=log, probe finds Linux as FACTS.md has it" {
	bare=$(systems probe linux)
	assert_eq 51 "$(wc -l <<<"$bare")"
	assert_eq "$bare" "$(probe)"
	for profile in "${PROFILES[@]}"; do
		assert_eq "$bare" "$(probe "PROFILE=$profile" MODE=log)" "$profile"
	done
}

@test "probe finds under every profile, by any of its names, what FACTS.md has of the system" {
	probe_all
	for name in openindiana solaris; do
		assert_eq "$(systems probe illumos)" "$(probe PROFILE=$name)" $name
		assert_eq "$("$V6SHIM" profiles illumos)" "$("$V6SHIM" profiles $name)"
	done
	# The command starts a program so as the environment does.
	assert_eq "$(systems probe dragonfly)" \
		"$("$V6SHIM" run --profile dragonfly --log off -- "$EXAMPLES/probe" | grep -v '^system: ')"
}

# under_bindv6only DIR PROFILE...: variables do not come along into a namespace.
under_bindv6only() {
	DIR=$1
	PROFILES=("${@:2}")
	echo 1 >/proc/sys/net/ipv6/bindv6only
	assert_eq 'initial: 1' "$(probe | head -n 1)"
	probe_all
}

@test "nothing of that comes from the host's bindv6only" {
	require_netns
	in_netns under_bindv6only "$DIR" "${PROFILES[@]}"
}

@test "two processes share no port where one would: told in the table" {
	for profile in "${PROFILES[@]}"; do
		case $(systems met "$profile" two-processes) in
		'') continue ;;
		ok) came=v6only=$(systems met "$profile" set-0) ;;
		*) came='bind=EADDRINUSE' ;;
		esac
		cat <<-END
			holder profile=$profile: socket tcp4; bind 0.0.0.0 P; listen
			socket tcp6; v6only 0; bind :: P
			bare -> bind=EADDRINUSE
			profile=$profile -> $came
			holder
		END
	done | rows
}

# ---- a setting beside a profile

@test "a setting that is given beside a profile wins, a file's over the command line's profile, and a rule over all" {
	require_plain_sysctl
	rows <<-END
		socket tcp6; get; v6only 0; get; v6only 2; get
		bare -> 0 0 1
		profile=openbsd -> 1 v6only=EINVAL 1 1
		profile=openbsd on-contrary=allow -> 1 0 1
		profile=openbsd on-contrary=deny:EPERM -> 1 v6only=EPERM 1 1
		profile=freebsd policy=default-both -> 0 0 1
		profile=openbsd policy=app -> 0 0 1
		profile=illumos on-nonboolean=allow -> 0 0 1
		profile=illumos on-nonboolean=deny:ENOENT -> 0 0 v6only=ENOENT 0
		profile=openbsd rules='program=drive => on-contrary=deny:EACCES' -> 1 v6only=EACCES 1 1
		resolve; socket tcp6; v6only 1; bind ::ffff:127.0.0.1 P
		bare -> inet inet6 bind=EINVAL
		profile=freebsd -> inet6 inet bind=EADDRNOTAVAIL
		profile=freebsd order=ipv4-first on-mapped=allow, profile=freebsd order=app on-mapped=allow -> inet inet6 bind=EINVAL
		profile=macos on-mapped=deny:EACCES -> inet inet6 bind=EACCES
		socket tcp6; v6only 0; bind :: P; b socket tcp4; bind 0.0.0.0 P
		bare, profile=macos -> b.bind=EADDRINUSE
		profile=macos on-conflict=share ->
		b socket tcp4; bind 0.0.0.0 P; a socket tcp6; v6only 0; bind :: P
		bare, profile=macos on-conflict=fail -> a.bind=EADDRINUSE
		profile=macos ->
	END
	v6shim_set_0() {
		"$V6SHIM" run --log off "$@" -- "$PROGRAMS/drive" 'socket tcp6' get 'v6only 0' | sed 's/.*: //' | tail -n 2 | paste -sd' '
	}
	printf 'on-contrary = deny:EPERM\n' >"$DIR/c"
	# What the profile sets besides is in force.
	assert_eq '1 EPERM' "$(v6shim_set_0 --profile openbsd --config "$DIR/c")"
	printf 'profile = openbsd\n' >"$DIR/c"
	assert_eq '1 EINVAL' "$(v6shim_set_0 --config "$DIR/c")"
	assert_eq '1 EOPNOTSUPP' "$(v6shim_set_0 --config "$DIR/c" --profile dragonfly)"
	assert_eq '1 ok' "$(V6SHIM_ON_CONTRARY=allow v6shim_set_0 --config "$DIR/c" --profile dragonfly)"
}

# ---- the server of every tutorial

# Profile, bind-all's options, and its lines for the two sockets in its order, the IPv4 one's address 4.
bind_all_table() {
	cat <<-END
		none|-v 0|4: socket ok, bind ok, listen ok|6: socket ok, V6ONLY 0 ok, bind EADDRINUSE
		openbsd||4: socket ok, bind ok, listen ok|6: socket ok, bind ok, listen ok
		openbsd|-v 0|4: socket ok, bind ok, listen ok|6: socket ok, V6ONLY 0 EINVAL, bind ok, listen ok
		dragonfly|-d -v 0|6: socket ok, V6ONLY 0 EOPNOTSUPP, bind ok|4: socket ok, bind ok
		macos|-v 0|4: socket ok, bind ok, listen ok|6: socket ok, V6ONLY 0 ok, bind ok, listen ok
		macos|-r -v 0|4: socket ok, REUSEADDR ok, bind ok, listen ok|6: socket ok, REUSEADDR ok, V6ONLY 0 ok, bind ok, listen ok
		freebsd|-v 0|6: socket ok, V6ONLY 0 ok, bind ok, listen ok|4: socket ok, bind EADDRINUSE
		illumos|-v 0|6: socket ok, V6ONLY 0 ok, bind ok, listen ok|4: socket ok, bind ok, listen ok
		windows|-v 0|4: socket ok, bind ok, listen ok|6: socket ok, V6ONLY 0 ok, bind EADDRINUSE
	END
}

@test "bind-all meets under a profile what it would meet there, and each family its own socket" {
	while IFS='|' read -r profile options first second; do
		under=()
		[ "$profile" = none ] || under=("$V6SHIM" run --profile "$profile" --log off --)
		# shellcheck disable=SC2086 # words
		assert_eq "$first|$second" "$("${under[@]}" "$EXAMPLES/bind-all" -n $options "$(free_port)" |
			sed -E 's/^... 0.0.0.0 port [0-9]+:/4:/; s/^... :: port [0-9]+:/6:/' | paste -sd'|')" "$profile $options"
	done < <(bind_all_table)
	for row in 'openbsd 1' 'dragonfly 1' 'macos 0'; do
		read -r profile v6only <<<"$row"
		port=$(free_port)
		start server --says '^serving' "$V6SHIM" run --profile "$profile" --log off -- "$EXAMPLES/bind-all" -v 0 "$port"
		assert_eq 'served served by ipv4 socket 0.0.0.0' "$(reach 4 tcp "$port" x)" "$profile"
		assert_eq 'served served by ipv6 socket ::' "$(reach 6 tcp "$port" x)" "$profile"
		assert_eq "$v6only" "$(kernel_v6only tcp "$port")" "$profile"
		stop server
	done
}

# ---- programs that ask for both families themselves where set 0 is refused: FACTS.md, section 3; CPython: try-as-bsd.bats

@test "node falls back to 0.0.0.0, and is reached over IPv4 alone" {
	require node
	program='require("net").createServer(s => s.on("error", () => {}).end("x")).listen(+process.argv[1],
		function() { console.log("at", this.address().address) })'
	for profile in bare openbsd dragonfly; do
		port=$(free_port)
		under=("$V6SHIM" run --profile "$profile" --log off --)
		[ $profile != bare ] || under=()
		start node --says '^at ' "${under[@]}" node -e "$program" "$port"
		got="$(stdout_of node) $(reach 4 tcp "$port") $(reach 6 tcp "$port")"
		[ $profile = bare ] && assert_eq 'at :: served served' "$got" || assert_eq 'at 0.0.0.0 served refused' "$got"
		stop node
	done
}

@test "OpenJDK throws an exception when a server socket is made" {
	require java javac
	cat >"$DIR/Server.java" <<-'END'
		public class Server {
			public static void main(String[] arguments) {
				try {
					new java.net.ServerSocket(0);
					System.out.println("ok");
				} catch (Exception e) {
					System.out.println(e);
				}
			}
		}
	END
	javac -d "$DIR" "$DIR/Server.java"
	java=(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$DIR" Server)
	assert_eq ok "$("${java[@]}")"
	for row in 'openbsd Invalid argument' 'dragonfly Operation not supported'; do
		assert_eq "java.net.SocketException: ${row#* }" \
			"$("$V6SHIM" run --profile "${row%% *}" --log off -- "${java[@]}")" "${row%% *}"
	done
}

# ---- v6shim profiles

# settings_of PROFILE: what it sets, "name=value" a line, of `profiles NAME`.
settings_of() {
	"$V6SHIM" profiles "$1" | sed -n '/^#/d; s/ *= */=/p'
}

@test "profiles NAME says what of FACTS.md is approximate" {
	for profile in "${PROFILES[@]}"; do
		"$V6SHIM" profiles "$profile" | grep -oE '\(?approximate.*' >"$DIR/said" || :
		assert_eq "$(systems told "$profile")" "$(<"$DIR/said")" "$profile"
		cat "$DIR/said" >>"$DIR/all"
	done
	assert_eq 9 "$(wc -l <"$DIR/all")"
}

@test "profiles NAME is a configuration file that has the effect of the profile" {
	for profile in "${PROFILES[@]}"; do
		"$V6SHIM" profiles "$profile" >"$DIR/c"
		assert_eq "$(systems probe "$profile")" "$(probe CONFIG="$DIR/c")" "$profile"
		# To the letter.
		assert_eq "$("$V6SHIM" config --profile "$profile" | sed -n 's/ *# profile$//p')" \
			"$("$V6SHIM" config --config "$DIR/c" | sed -n 's/ *# file$//p')" "$profile"
		assert_eq "$(settings_of "$profile")" "$("$V6SHIM" config --profile "$profile" |
			sed -n 's/ *# profile$//; T; s/ *= */=/p')" "$profile"
	done
}

@test "profiles lists all, with title and settings, and says what is approximate; nothing is too wide" {
	text=$("$V6SHIM" profiles)
	assert_eq "$(printf '%s\n' "${PROFILES[@]}" openindiana solaris)" "$(grep -o '^[a-z][^ ]*' <<<"$text")"
	for profile in "${PROFILES[@]}"; do
		said=$(awk -v name="$profile" '/^[a-z]/ { on = $1 == name } on' <<<"$text" | tr -s ' \n' ' ')
		assert_match " $(settings_of "$profile" | paste -sd' ') \$" "$said"
		"$V6SHIM" profiles "$profile"
	done >"$DIR/all"
	assert_match 'windows +Windows Vista and later; approximate: mapped bind, mapped connect' "$text"
	assert_match 'solaris +another name of illumos' "$text"
	assert_eq '' "$({ cat "$DIR/all" && echo "$text" && "$V6SHIM" profiles --help; } | grep -E '.{101}| $|	' || :)"
	# What is written for people is not in the library.
	grep -q 'mapped bind, mapped connect' "$V6SHIM"
	refute grep -q 'mapped bind, mapped connect' "$LIB"
}

@test "an unknown profile is bad usage, and the nearest is named; profiles takes one name and --help" {
	while IFS='|' read -r expected words message; do
		# shellcheck disable=SC2086 # words
		run "$V6SHIM" $words
		assert_eq "$expected v6shim: $message" "$status ${lines[0]}" "$words"
	done <<-END
		2|profiles opnbsd|profiles: unknown profile 'opnbsd'; did you mean 'openbsd'
		2|profiles FreeBSD|profiles: unknown profile 'FreeBSD'; did you mean 'freebsd'
		2|profiles solarix|profiles: unknown profile 'solarix'; did you mean 'solaris'
		2|profiles bindv6only|profiles: unknown profile 'bindv6only'; did you mean 'bindv6only=0'
		2|profiles plan9|profiles: unknown profile 'plan9'; 'v6shim profiles' lists them
		2|profiles openbsd macos|profiles: unexpected argument 'macos'
		2|profiles --json|--json: unknown option; 'v6shim profiles --help' lists them
		125|run --profile solari -- true|--profile: unknown value 'solari'; did you mean 'solaris'
	END
	run "$V6SHIM" profiles $'\e[2J'
	assert_match "unknown profile '\\\\x1b\\[2J'" "$output"
	run "$V6SHIM" profiles --help
	assert_status 0
	assert_match '^usage: v6shim profiles \[NAME\]' "$output"
}
