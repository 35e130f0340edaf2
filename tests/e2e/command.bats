#!/usr/bin/env bats
# The v6shim command: run, config, help, version; DESIGN.md 1.3 and 1.7.

# Each test is a process of its own, and means to be.
# shellcheck disable=SC2030,SC2031

load helper

# shellcheck disable=SC2016 # for the shell that is started
SHOW_PRELOAD='echo "$LD_PRELOAD"'

setup() {
	DIR=$BATS_TEST_TMPDIR
	# No library of another installation may be found.
	installed=/usr/local/lib/libv6shim.so
}

# Runs it with its two outputs apart, in $DIR/out and $DIR/err, and sets `status`.
v6shim() {
	status=0
	"$V6SHIM" "$@" >"$DIR/out" 2>"$DIR/err" || status=$?
}

assert_said() {
	assert_eq "$1" "$status" "exit status; said: $(<"$DIR/err")"
	assert_eq "$2" "$(<"$DIR/err")"
	assert_eq '' "$(<"$DIR/out")"
}

subcommands() {
	"$V6SHIM" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p'
}

# ---- run

@test "control: bare, a server serves both families; under run the policy's" {
	for under in '' "$V6SHIM run --policy ipv6-only --log off --"; do
		port=$(free_port)
		# shellcheck disable=SC2086 # into its words
		start server --says ready $under "$PROGRAMS/serve" -p "$port"
		case $under in
		'') expected='0 served served' ;;
		*) expected='1 refused served' ;;
		esac
		assert_eq "$expected" "$(kernel_v6only tcp "$port") $(reach 4 tcp "$port") $(reach 6 tcp "$port")"
		stop server
	done
}

@test "run: every setting option reaches the library, in both spellings" {
	for spelling in '--policy=ipv6-only --on-contrary=deny:EPERM --log-level=all --log-format=json --mode=enforce' \
		'--policy ipv6-only --on-contrary deny:EPERM --log-level all --log-format json --mode enforce'; do
		read -ra words <<<"$spelling"
		assert_eq 'fd 3 EPERM ok 1' "$(close_bats_fds && "$V6SHIM" run "${words[@]}" --log "$DIR/log" \
			"$PROGRAMS/steps" 'socket tcp6' 'v6only 0' 'bind :: 0' get | sed 's/.*: //' | paste -sd' ')"
		assert_eq load "$(json_records "$DIR/log" .event | head -n 1 | tr -d '"')"
		rm "$DIR/log"
	done
	assert_eq 'get: 0' "$("$V6SHIM" run --policy ipv6-only --mode=log --log off "$PROGRAMS/steps" 'socket tcp6' \
		'bind :: 0' get | tail -n 1)"
}

@test "run: COMMAND replaces v6shim and keeps its process id" {
	start sleeper --says '^[0-9]+$' "$V6SHIM" run --log off sh -c 'echo $$; exec sleep 60'
	assert_eq "$(pid_of sleeper)" "$(stdout_of sleeper)"
	assert_eq sleep "$(<"/proc/$(pid_of sleeper)/comm")"
}

@test "run: the exit status is COMMAND's own" {
	for expected in 0 1 2 3 7 126 127 255; do
		v6shim run --log off -- sh -c "exit $expected"
		assert_said $expected ''
	done
	# By a signal, as the shell tells it.
	v6shim run --log off sh -c 'kill -TERM $$'
	assert_eq 143 $status
}

@test "run: 127 where COMMAND is not found, 126 where it cannot be executed" {
	v6shim run no-such-command-here
	assert_eq 127 $status
	assert_match "^v6shim: .*no-such-command-here.*: (No such file or directory|not found)" "$(<"$DIR/err")"
	v6shim run "$DIR/none/such"
	assert_eq 127 $status
	v6shim run "$DIR/out/such"
	assert_eq 127 $status
	echo 'echo hello' >"$DIR/script"
	v6shim run "$DIR/script"
	assert_eq 126 $status
	assert_match "^v6shim: .*/script: Permission denied" "$(<"$DIR/err")"
	v6shim run "$DIR"
	assert_eq 126 $status
}

@test "run: without COMMAND, or with an option that lacks its value, 2" {
	v6shim run
	assert_eq 2 $status
	assert_match '^v6shim: run: no command given' "$(<"$DIR/err")"
	v6shim run --policy both
	assert_eq 2 $status
	v6shim run --policy both --
	assert_eq 2 $status
	v6shim run --policy
	assert_said 2 'v6shim: --policy: no value given'
}

@test "run: what follows COMMAND is COMMAND's, and so is what follows --" {
	v6shim run --log off echo --policy nonsense -- --help
	assert_eq '--policy nonsense -- --help' "$(<"$DIR/out")"
	v6shim run --log off -- printf '%s|' 'a b' '' '*' --
	assert_eq 'a b||*|--|' "$(<"$DIR/out")"
	# An option after -- is a command, and there is none of that name.
	v6shim run -- --policy
	assert_eq 127 $status
}

@test "run: only what was given is in the environment of COMMAND" {
	v6shim run --policy both --log-level=all --log off env
	assert_eq 'V6SHIM_LOG=off
V6SHIM_LOG_LEVEL=all
V6SHIM_POLICY=both' "$(grep ^V6SHIM_ "$DIR/out" | sort)"
	assert_eq '' "$(env | grep ^V6SHIM_ || :)"
	V6SHIM_MODE=log v6shim run --log off env
	assert_eq 'V6SHIM_LOG=off
V6SHIM_MODE=log' "$(grep ^V6SHIM_ "$DIR/out" | sort)"
}

@test "run: the command line beats the environment" {
	assert_eq 'get: 1' "$(V6SHIM_POLICY=both V6SHIM_LOG=off "$V6SHIM" run --policy ipv6-only \
		"$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' get | tail -n 1)"
	assert_eq 'get: 1' "$(V6SHIM_POLICY=ipv6-only "$V6SHIM" run --log off \
		"$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' get | tail -n 1)"
	# The last of the same option holds.
	assert_eq 'get: 1' "$("$V6SHIM" run --policy both --policy ipv6-only --log off \
		"$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' get | tail -n 1)"
}

@test "run: descriptors, standard input and the working directory are COMMAND's" {
	cd "$DIR"
	# shellcheck disable=SC2016 # for the shell inside
	echo in | "$V6SHIM" run --log off sh -c 'cat; echo seven >&7; pwd' >out 7>seven
	assert_eq $'in\n'"$DIR" "$(<out)"
	assert_eq seven "$(<seven)"
}

@test "run: COMMAND is looked for as a shell does" {
	mkdir "$DIR/bin"
	cp "$PROGRAMS/steps" "$DIR/bin/v6shim-test-steps"
	assert_eq 'socket unix: fd' "$(PATH=$DIR/bin:$PATH "$V6SHIM" run --log off v6shim-test-steps 'socket unix' | cut -c 1-15)"
	cd "$DIR/bin"
	v6shim run --log off v6shim-test-steps 'socket unix'
	assert_eq 127 $status
	assert_eq 'get: 1' "$("$V6SHIM" run --policy ipv6-only --log off ./v6shim-test-steps 'socket tcp6' 'bind :: 0' get |
		tail -n 1)"
}

# ---- LD_PRELOAD, and which library

# A library of somebody else's that interposes bind too, and says so.
other_library() {
	require cc
	cat >"$DIR/other.c" <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <stdio.h>
		#include <sys/socket.h>

		int bind(int fd, const struct sockaddr *address, socklen_t size)
		{
			int (*next)(int, const struct sockaddr *, socklen_t);

			*(void **)&next = dlsym(RTLD_NEXT, "bind");
			puts("other bind");
			return next(fd, address, size);
		}
	END
	cc -shared -fPIC -o "$DIR/other.so" "$DIR/other.c" -ldl
}

@test "run: an LD_PRELOAD that is there is kept, ours comes first, and both are called" {
	other_library
	assert_eq "$LIB:$DIR/other.so" "$(LD_PRELOAD=$DIR/other.so "$V6SHIM" run --log off sh -c "$SHOW_PRELOAD")"
	got=$(close_bats_fds && LD_PRELOAD=$DIR/other.so "$V6SHIM" run --policy ipv6-only --log off "$PROGRAMS/steps" \
		'socket tcp6' 'bind :: 0' get)
	assert_eq 'socket tcp6: fd 3
other bind
bind :: 0: ok
get: 1' "$got"
	assert_eq "$LIB" "$("$V6SHIM" run --log off sh -c "$SHOW_PRELOAD")"
	assert_eq "$LIB" "$(LD_PRELOAD='' "$V6SHIM" run --log off sh -c "$SHOW_PRELOAD")"
}

# The libraries of ours or of ours by name that a program under run has loaded.
loaded_by() {
	"$@" run --log off sed -n 's/.* \(\/.*libv6shim.*\)/\1/p' /proc/self/maps | sort -u
}

@test "run: the library beside the executable is used, never one in the working directory" {
	require cc
	mkdir "$DIR/a" "$DIR/cwd"
	cp "$V6SHIM" "$LIB" "$DIR/a"
	echo 'int v6shim_test_planted;' | cc -shared -x c -o "$DIR/cwd/libv6shim.so" -
	cd "$DIR/cwd"
	assert_eq "$DIR/a/libv6shim.so" "$(loaded_by "$DIR/a/v6shim")"
	assert_eq "$DIR/a/libv6shim.so" "$(loaded_by ../a/v6shim)"
	assert_eq "$DIR/a/libv6shim.so" "$(PATH=$DIR/a:$PATH loaded_by v6shim_command)"
	# Not the library beside a link either, but beside what it leads to.
	ln -s "$DIR/a/v6shim" link
	assert_eq "$DIR/a/libv6shim.so" "$(loaded_by ./link)"
	assert_eq "$DIR/a/libv6shim.so" "$(LD_LIBRARY_PATH=$DIR/cwd loaded_by "$DIR/a/v6shim")"
}

# By its name alone, through PATH.
v6shim_command() {
	command -p env v6shim "$@"
}

@test "run: without a library nothing is started, even where one lies in the working directory" {
	[ ! -e "$installed" ] || skip "there is $installed"
	mkdir "$DIR/b" "$DIR/cwd"
	cp "$V6SHIM" "$DIR/b"
	cp "$LIB" "$DIR/cwd"
	cd "$DIR/cwd"
	V6SHIM=$DIR/b/v6shim
	v6shim run touch marker
	assert_eq 2 $status
	assert_match '^v6shim: libv6shim.so: ' "$(<"$DIR/err")"
	[ ! -e marker ]
}

@test "run: a library of another version, or that is none, is refused and nothing is started" {
	mkdir "$DIR/a"
	cp "$V6SHIM" "$LIB" "$DIR/a"
	V6SHIM=$DIR/a/v6shim
	version=$("$V6SHIM" --version)
	version=${version#v6shim }
	# Another one of the same length, at the library's mark.
	other=$(tr 0-9 1-90 <<<"$version")
	sed -i "s/\(v6shim library, version \)$version/\1$other/" "$DIR/a/libv6shim.so"
	v6shim run touch "$DIR/marker"
	assert_said 2 "v6shim: $DIR/a/libv6shim.so: version $other, this command is $version"
	echo nothing >"$DIR/a/libv6shim.so"
	v6shim run touch "$DIR/marker"
	assert_said 2 "v6shim: $DIR/a/libv6shim.so: no v6shim library"
	rm "$DIR/a/libv6shim.so"
	mkdir "$DIR/a/libv6shim.so"
	v6shim run touch "$DIR/marker"
	assert_eq 2 $status
	[ ! -e "$DIR/marker" ]
}

@test "run: a place that LD_PRELOAD cannot name is refused" {
	for place in 'with space' with:colon; do
		mkdir "$DIR/$place"
		cp "$V6SHIM" "$LIB" "$DIR/$place"
		V6SHIM=$DIR/$place/v6shim v6shim run touch "$DIR/marker"
		assert_eq 2 $status
		assert_match '^v6shim: .*LD_PRELOAD' "$(<"$DIR/err")"
		[ ! -e "$DIR/marker" ]
	done
}

# ---- the log's path

@test "run: a relative path of the log is meant from where the command was" {
	mkdir "$DIR/here" "$DIR/here/sub"
	cd "$DIR/here"
	for path in x.jsonl ./x.jsonl sub/x.jsonl ../x.jsonl; do
		for spelling in "--log=$path" "--log $path" "V6SHIM_LOG=$path"; do
			words=()
			[[ $spelling != --* ]] || read -ra words <<<"$spelling"
			environment=(env)
			[[ $spelling == --* ]] || environment+=("$spelling")
			# shellcheck disable=SC2016 # for the shell inside
			"${environment[@]}" "$V6SHIM" run "${words[@]}" --policy ipv6-only sh -c \
				'cd / && exec "$0" "$@"' "$PROGRAMS/steps" 'socket tcp6' 'bind :: 0' >/dev/null
			assert_eq '"bind"' "$(json_records "$path" 'select(.action == "set") | .event')"
			rm "$path"
		done
	done
	"$V6SHIM" config --log ./x.jsonl >"$DIR/out"
	assert_match "(^|"$'\n'")log +(= )?$DIR/here/x.jsonl " "$(<"$DIR/out")"
	cd /
	"$V6SHIM" config --log x.jsonl >"$DIR/out"
	assert_match "(^|"$'\n'")log +(= )?/x.jsonl " "$(<"$DIR/out")"
}

@test "run: a word that is no path is a misspelt one, not a file" {
	cd "$DIR"
	v6shim run --log trace touch marker
	assert_said 2 "v6shim: --log: unknown value 'trace'; valid: stderr, off, syslog, fd:N, /PATH"
	[ ! -e trace ]
	[ ! -e marker ]
}

# ---- config

@test "config: every setting with its value and where it came from" {
	v6shim config
	assert_eq "0 " "$status $(<"$DIR/err")"
	for line in policy=app on-contrary=allow order=app on-disorder=log on-conflict=fail mode=enforce log=stderr \
		log-format=text log-level=change; do
		assert_match "(^|"$'\n'")${line%=*} +(= )?${line#*=} .*default" "$(<"$DIR/out")"
	done
	V6SHIM_POLICY=both V6SHIM_MODE=log v6shim config --policy=ipv6-only --on-contrary deny:EPERM --log "$DIR/x.jsonl"
	for line in 'policy=ipv6-only command line' 'mode=log environment' 'on-contrary=deny:EPERM command line' \
		"log=$DIR/x.jsonl command line" 'log-format=json default' 'log-level=change default'; do
		value=${line#*=}
		assert_match "(^|"$'\n'")${line%%=*} +(= )?${value%% *} .*${value#* }" "$(<"$DIR/out")"
	done
	[ ! -e "$DIR/x.jsonl" ]
}

@test "config: starts nothing, and takes no command" {
	v6shim config touch "$DIR/marker"
	assert_eq 2 $status
	assert_match '^v6shim: config: ' "$(<"$DIR/err")"
	[ ! -e "$DIR/marker" ]
}

# ---- help, version, usage

@test "--help and --version everywhere, on standard output" {
	version=$("$V6SHIM" --version)
	assert_match '^v6shim [0-9]+\.[0-9]+\.[0-9]+$' "$version"
	for option in --help -h; do
		v6shim $option
		assert_eq '0 ' "$status $(<"$DIR/err")"
		assert_match '^usage: v6shim ' "$(<"$DIR/out")"
	done
	v6shim -V
	assert_eq "0 $version" "$status $(<"$DIR/out")"
	for command in $(subcommands); do
		for option in --help -h; do
			v6shim "$command" $option
			assert_eq '0 ' "$status $(<"$DIR/err")" "$command $option"
			assert_match "^usage: v6shim $command" "$(<"$DIR/out")"
		done
		v6shim "$command" --version
		assert_eq "0 $version" "$status $(<"$DIR/out")" "$command --version"
	done
	for command in run config; do
		assert_line $command "$(subcommands)"
	done
}

@test "the help of run names every setting and every value" {
	v6shim run --help
	for word in policy app ipv6-only both default-ipv6-only default-both on-contrary allow deny:ERRNO mode enforce log \
		stderr off fd:N %p %n %% log-format text json log-level change error bind all; do
		grep -Fqw -e "$word" "$DIR/out" || fail "not in run --help: $word"
	done
}

@test "no command, or an unknown one, is bad usage; the nearest is named" {
	v6shim
	assert_eq 2 $status
	assert_match '^usage: v6shim ' "$(<"$DIR/err")"
	assert_eq '' "$(<"$DIR/out")"
	v6shim rnu
	assert_said 2 "v6shim: rnu: unknown command; did you mean 'run'"
	v6shim confg
	assert_said 2 "v6shim: confg: unknown command; did you mean 'config'"
	v6shim --hepl
	assert_said 2 "v6shim: --hepl: unknown command; did you mean '--help'"
	v6shim frobnicate
	assert_eq 2 $status
	assert_match '^v6shim: frobnicate: unknown command' "$(<"$DIR/err")"
	# A server's name without run.
	v6shim /usr/sbin/nginx
	assert_eq 2 $status
}

@test "output that cannot be written is an error" {
	for words in --help --version 'run --help' 'config --help' config 'run --version'; do
		for to in /dev/full closed; do
			status=0
			read -ra arguments <<<"$words"
			case $to in
			closed) "$V6SHIM" "${arguments[@]}" >&- 2>"$DIR/err" || status=$? ;;
			*) "$V6SHIM" "${arguments[@]}" >$to 2>"$DIR/err" || status=$? ;;
			esac
			[ $status -ne 0 ] || fail "$words >$to: exit status 0"
			assert_match '^v6shim: standard output: ' "$(<"$DIR/err")"
		done
	done
}
