#!/usr/bin/env bats
# The v6shim command: run, config, help, version; DESIGN.md 1.3 and 1.7.

# Each test is a process of its own, and means to be.
# shellcheck disable=SC2030,SC2031

load helper

# shellcheck disable=SC2016 # for the shell that is started
SHOW_PRELOAD='echo "$LD_PRELOAD"'
GET=("$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' get)

# No library of another installation may be found.
INSTALLED=/usr/local/lib/libv6shim.so

# Runs it with its two outputs apart, in $DIR/out and $DIR/err, and sets `status`.
v6shim() {
	status=0
	(close_bats_fds && exec "$V6SHIM" "$@") </dev/null >"$DIR/out" 2>"$DIR/err" || status=$?
}

# says <<END: lines of STATUS|ERE|WORD...: v6shim WORD... ends so, says so on standard error, and prints nothing.
says() {
	local expected said words

	while IFS='|' read -r expected said words; do
		eval "v6shim $words"
		assert_eq "$expected " "$status $(<"$DIR/out")" "v6shim $words: $(<"$DIR/err")"
		assert_match "$said" "$(<"$DIR/err")"
	done
}

# ---- run

@test "control: bare, a server serves both families; under run the policy's" {
	for under in '' "$V6SHIM run --policy ipv6-only --log off --"; do
		port=$(free_port)
		# shellcheck disable=SC2086 # into its words
		start server --says 'serve: ready' $under "$PROGRAMS/drive" 'socket tcp6' "bind :: $port" listen serve
		expected='1 refused served'
		[ -n "$under" ] || expected='0 served served'
		assert_eq "$expected" "$(kernel_v6only tcp "$port") $(reach 4 tcp "$port") $(reach 6 tcp "$port")"
		stop server
	done
}

@test "run: every setting option reaches the library, in both spellings; the command line beats the environment" {
	for spelling in '--policy=ipv6-only --on-contrary=deny:EPERM --log-level=all --log-format=json --mode=enforce' \
		'--policy ipv6-only --on-contrary deny:EPERM --log-level all --log-format json --mode enforce'; do
		# shellcheck disable=SC2086 # into its words
		v6shim run $spelling --log "$DIR/log" "$PROGRAMS/drive" 'socket tcp6' 'v6only 0' 'bind :: 0' get
		assert_eq 'fd 3 EPERM ok 1' "$(sed 's/.*: //' "$DIR/out" | paste -sd' ')"
		assert_eq load "$(json_records "$DIR/log" .event | head -n 1 | tr -d '"')"
		rm "$DIR/log"
	done
	while read -r value words; do
		eval "$words"
		assert_eq "get: $value" "$(tail -n 1 "$DIR/out")" "$words"
	done <<-'END'
		0 v6shim run --policy ipv6-only --mode=log --log off "${GET[@]}"
		1 V6SHIM_POLICY=both V6SHIM_LOG=off v6shim run --policy ipv6-only "${GET[@]}"
		1 V6SHIM_POLICY=ipv6-only v6shim run --log off "${GET[@]}"
		1 v6shim run --policy both --policy ipv6-only --log off "${GET[@]}"
	END
}

@test "run: COMMAND replaces v6shim, keeps its process id, and ends with its own status" {
	start sleeper --says '^[0-9]+$' "$V6SHIM" run --log off sh -c 'echo $$; exec sleep 60'
	assert_eq "$(pid_of sleeper) sleep" "$(stdout_of sleeper) $(<"/proc/$(pid_of sleeper)/comm")"
	for expected in 0 1 2 3 7 126 127 255; do
		says <<<"$expected|^\$|run --log off -- sh -c 'exit $expected'"
	done
	# By a signal, as the shell tells it.
	says <<<"143|^\$|run --log off sh -c 'kill -TERM \$\$'"
}

@test "run and config: a log that cannot be written as things are is warned of, by its name; run starts all the same" {
	mkfifo "$DIR/fifo"
	while IFS='|' read -r log expected; do
		log=${log/DIR/$DIR}
		v6shim config --log "$log"
		assert_eq "0 ${expected:+v6shim: warning: log: ${expected/DIR/$DIR}; records would be lost}" "$status $(<"$DIR/err")" "config, $log"
		# What config looks at it leaves as it is.
		[ ! -e "$DIR/new.jsonl" ]
		v6shim run --log "$log" true
		assert_eq "0 ${expected:+v6shim: warning: log: ${expected/DIR/$DIR}; records would be lost}" "$status $(<"$DIR/err")" "run, $log"
		rm -f "$DIR/new.jsonl"
	done <<-'END'
		DIR/none/x.jsonl|'DIR/none': no such file (ENOENT)
		DIR/none/%p.jsonl|'DIR/none': no such file (ENOENT)
		DIR/err/x.jsonl|'DIR/err/x.jsonl': a part of the path is no directory (ENOTDIR)
		DIR|'DIR': is a directory (EISDIR)
		fd:9|'fd:9': is no descriptor that can be written to (EBADF)
		fd:0|'fd:0': is no descriptor that can be written to (EBADF)
		fd:1|
		stderr|
		off|
		DIR/fifo|
		/dev/null|
		DIR/new.jsonl|
		DIR/%p.jsonl|
	END
	[ -S /dev/log ] || expected="v6shim: warning: log: '/dev/log': no such file (ENOENT); records would be lost"
	v6shim config --log syslog
	assert_eq "0 ${expected-}" "$status $(<"$DIR/err")"
	v6shim run --log "$DIR/new.jsonl" true
	[ -f "$DIR/new.jsonl" ]
}

@test "run: what cannot be started, and bad usage" {
	echo 'echo hello' >"$DIR/script"
	: >"$DIR/file"
	says <<-'END'
		127|^v6shim: .*no-such-command-here.*: [Nn]o|run no-such-command-here
		127|^v6shim: |run "$DIR/none/such"
		127|^v6shim: |run "$DIR/file/such"
		126|^v6shim: .*/script: Permission denied|run "$DIR/script"
		126|^v6shim: |run "$DIR"
		127|^v6shim: |run -- --policy
		125|^v6shim: run: no command given|run
		125|^v6shim: run: no command given|run --policy both
		125|^v6shim: run: no command given|run --policy both --
		125|^v6shim: --policy: no value given$|run --policy
		125|^v6shim: --log: unknown value 'trace'; valid: stderr, off, syslog, fd:N, /PATH$|run --log trace touch "$DIR/marker"
		2|^v6shim: config: |config touch "$DIR/marker"
		2|^v6shim: rnu: unknown command; did you mean 'run'$|rnu
		2|^v6shim: confg: unknown command; did you mean 'config'$|confg
		2|^v6shim: --hepl: unknown command; did you mean '--help'$|--hepl
		2|^v6shim: frobnicate: unknown command|frobnicate
		2|^v6shim: |/usr/sbin/nginx
		2|^usage: v6shim |
	END
	[ ! -e "$DIR/marker" ]
}

@test "run: what follows COMMAND is COMMAND's, and so are its environment, descriptors and working directory" {
	v6shim run --log off echo --policy nonsense -- --help
	assert_eq '--policy nonsense -- --help' "$(<"$DIR/out")"
	v6shim run --log off -- printf '%s|' 'a b' '' '*' --
	assert_eq 'a b||*|--|' "$(<"$DIR/out")"
	# Only what was given is in the environment, and which of it came so.
	v6shim run --policy both --log-level=all --log off env
	assert_eq $'V6SHIM_LOG=off\nV6SHIM_LOG_LEVEL=all\nV6SHIM_OPTIONS=policy,log,log-level,\nV6SHIM_POLICY=both' "$(grep ^V6SHIM_ "$DIR/out" | sort)"
	V6SHIM_MODE=log v6shim run --log off env
	assert_eq $'V6SHIM_LOG=off\nV6SHIM_MODE=log\nV6SHIM_OPTIONS=log,' "$(grep ^V6SHIM_ "$DIR/out" | sort)"
	cd "$DIR"
	# shellcheck disable=SC2016 # for the shell inside
	echo in | "$V6SHIM" run --log off sh -c 'cat; echo seven >&7; pwd' >out 7>seven
	assert_eq $'in\n'"$DIR seven" "$(<out) $(<seven)"
}

@test "complete: an option's own words are offered whole, apart and attached" {
	for command in run check; do
		assert_eq 'auto preload supervise' "$("$V6SHIM" complete -- $command --reach '' | cut -f 1 | paste -sd' ')"
		assert_eq '--reach=preload' "$("$V6SHIM" complete -- $command --reach=p | cut -f 1)"
	done
	assert_eq deny: "$("$V6SHIM" complete -- run --on-mapped d | cut -f 1)"
}

@test "run: COMMAND is looked for as a shell does" {
	mkdir "$DIR/bin"
	cp "$PROGRAMS/drive" "$DIR/bin/v6shim-test-drive"
	PATH=$DIR/bin:$PATH v6shim run --log off v6shim-test-drive 'socket unix'
	assert_match '^socket unix: fd' "$(<"$DIR/out")"
	cd "$DIR/bin"
	says <<<'127|not found|run --log off v6shim-test-drive "socket unix"'
	v6shim run --policy ipv6-only --log off ./v6shim-test-drive 'socket tcp6' 'bind :: 0' get
	assert_eq 'get: 1' "$(tail -n 1 "$DIR/out")"
}

# ---- LD_PRELOAD, and which library

@test "run: an LD_PRELOAD that is there is kept, ours comes first, and both are called" {
	require cc
	cc -shared -fPIC -o "$DIR/other.so" -x c - -ldl <<-'END'
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
	assert_eq "$LIB:$DIR/other.so" "$(LD_PRELOAD=$DIR/other.so "$V6SHIM" run --log off sh -c "$SHOW_PRELOAD")"
	LD_PRELOAD=$DIR/other.so v6shim run --policy ipv6-only --log off "${GET[@]}"
	assert_eq $'socket tcp6: fd 3\nother bind\nbind :: 0: ok\nget: 1' "$(<"$DIR/out")"
	assert_eq "$LIB" "$("$V6SHIM" run --log off sh -c "$SHOW_PRELOAD")"
	assert_eq "$LIB" "$(LD_PRELOAD='' "$V6SHIM" run --log off sh -c "$SHOW_PRELOAD")"
}

# loaded_by COMMAND...: the libraries of ours, or of ours by name, that a program under run has loaded.
loaded_by() {
	"$@" run --log off sed -n 's/.* \(\/.*libv6shim.*\)/\1/p' /proc/self/maps | sort -u
}

@test "run: the library beside the executable is used, never one in the working directory" {
	require cc
	mkdir "$DIR/a" "$DIR/b" "$DIR/cwd"
	cp "$V6SHIM" "$LIB" "$DIR/a"
	cp "$V6SHIM" "$DIR/b"
	echo 'int v6shim_test_planted;' | cc -shared -x c -o "$DIR/cwd/libv6shim.so" -
	cd "$DIR/cwd"
	# Not the library beside a link either, but beside what it leads to.
	ln -s "$DIR/a/v6shim" link
	for by in "$DIR/a/v6shim" ../a/v6shim "env PATH=$DIR/a:$PATH v6shim" ./link "env LD_LIBRARY_PATH=$DIR/cwd $DIR/a/v6shim"; do
		# shellcheck disable=SC2086 # into its words
		assert_eq "$DIR/a/libv6shim.so" "$(loaded_by $by)" "$by"
	done
	[ ! -e "$INSTALLED" ] || skip "there is $INSTALLED"
	V6SHIM=$DIR/b/v6shim
	cp "$LIB" .
	says <<<'125|^v6shim: libv6shim.so: |run touch marker'
	[ ! -e marker ]
}

# ---- the log's path

@test "run: a relative path of the log is meant from where the command was" {
	mkdir "$DIR/here" "$DIR/here/sub"
	cd "$DIR/here"
	for path in x.jsonl ./x.jsonl sub/x.jsonl ../x.jsonl; do
		for words in "$V6SHIM run --log=$path" "$V6SHIM run --log $path" "env V6SHIM_LOG=$path $V6SHIM run"; do
			# shellcheck disable=SC2016,SC2086 # for the shell inside; into its words
			$words --policy ipv6-only sh -c 'cd / && exec "$0" "$@"' "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' >/dev/null
			assert_eq '"bind"' "$(json_records "$path" 'select(.action == "set") | .event')"
			rm "$path"
		done
	done
	v6shim config --log ./x.jsonl
	assert_match "(^|"$'\n'")log +(= )?$DIR/here/x.jsonl " "$(<"$DIR/out")"
	cd /
	v6shim config --log x.jsonl
	assert_match "(^|"$'\n'")log +(= )?/x.jsonl " "$(<"$DIR/out")"
}

# ---- config, help, version

@test "--help and --version everywhere, on standard output" {
	version=$("$V6SHIM" --version)
	assert_match '^v6shim [0-9]+\.[0-9]+\.[0-9]+$' "$version"
	for command in '' $(subcommands); do
		for option in --help -h; do
			# shellcheck disable=SC2086 # or no word
			v6shim $command $option
			assert_eq '0 ' "$status $(<"$DIR/err")" "$command $option"
			assert_match "^usage: v6shim $command" "$(<"$DIR/out")"
		done
		# shellcheck disable=SC2086 # or no word
		v6shim $command --version
		assert_eq "0 $version" "$status $(<"$DIR/out")" "$command --version"
	done
	v6shim -V
	assert_eq "0 $version" "$status $(<"$DIR/out")"
}

@test "words that people try are understood, or the one that is meant is named" {
	says <<-'END'
		125|^v6shim: --policy: unknown value 'dual'; did you mean 'both'$|run --policy dual true
		125|did you mean 'both'$|run --policy dual-stack true
		125|did you mean 'both'$|run -p dualstack true
		125|did you mean 'ipv6-only'$|run --policy=ipv6only true
		125|did you mean 'ipv6-only'$|run -pv6only true
		125|did you mean 'syslog'$|run -o journald true
		125|did you mean 'log'$|run --mode dry-run true
		125|^v6shim: --dry-run: unknown option; did you mean '--mode log'$|run --dry-run true
		125|^v6shim: --dual: unknown option; did you mean '--policy both'$|run --dual true
		125|^v6shim: -x: unknown option|run -x true
		125|^v6shim: -p: no value given$|run -p
		125|^v6shim: --reach: unknown value 'outside'; valid: auto preload supervise$|run --reach outside true
		2|^v6shim: confg: unknown command; did you mean 'config'$|help confg
	END
	assert_eq "$("$V6SHIM" who --help)" "$("$V6SHIM" help who)"
	assert_eq "$("$V6SHIM" --help)" "$("$V6SHIM" help)"
	cd "$DIR"
	echo 'mode = log' >conf
	v6shim config -p both -c conf -o x.jsonl
	assert_eq "both log $DIR/x.jsonl" "$(sed -nE 's/^(policy|mode|log) +=  *([^ ]*).*/\2/p' out | paste -sd' ')"
}

@test "every --help: 80 columns, 60 lines, examples first, what they are for in one column; and they parse" {
	for command in '' $(subcommands); do
		# shellcheck disable=SC2086 # or no word
		v6shim $command --help
		assert_eq '' "$(awk 'length > 80' "$DIR/out")" "$command"
		[ "$(wc -l <"$DIR/out")" -le 60 ]
		assert_match '^  v6shim ' "$(sed -n 5p "$DIR/out")" "$command"
		assert_eq 1 "$(sed -nE 's/^(  v6shim .*[^ ]  +)[^ ].*/\1/p' "$DIR/out" | awk '{ print length }' | uniq | wc -l)" "$command"
		sed -n 's/^  v6shim run \(.*\) -- .*/\1/p' "$DIR/out" >>"$DIR/runs"
	done
	[ "$(wc -l <"$DIR/runs")" -ge 10 ]
	while read -r words; do
		# shellcheck disable=SC2086 # into its words
		(cd "$DIR" && "$V6SHIM" run $words true >/dev/null 2>&1)
	done <"$DIR/runs"
}

# help_line WORDS: the command of --help beside which these words stand, with a server for SERVER.
help_line() {
	"$V6SHIM" --help | sed -nE "s/^  v6shim (.*[^ ]) +$1\$/\1/p" | sed "s,SERVER,$PROGRAMS/drive 'socket tcp6' 'bind :: 0' get,; s/8080/$port/; s/4711/$(pid_of server)/"
}

@test "ten tasks of every day, by what --help shows alone" {
	port=$(free_port)
	start server --tcp "$port" "$EXAMPLES/dual-echo" "$port"
	while IFS='|' read -r words expected; do
		line=$(help_line "$words")
		[ -n "$line" ] || fail "not in --help: $words"
		eval "v6shim $line"
		assert_match "$expected" "$status $(<"$DIR/out") $(<"$DIR/err")"
	done <<-END
		IPv6 alone|^0 .*get: 1
		IPv4 too, by the same socket|^0 .*get: 0
		it died of EADDRINUSE|^0 .*get: 0
		what a policy would do|^0 .*get: 0
		who has the port, which family|^0 .*tcp $port   IPv6\+IPv4
		what this process serves|^0 .*tcp $port .*dual-echo
		can it be reached, if not why|^0 .*a preload reaches
	END
	cd "$DIR"
	eval "v6shim $(help_line 'and then what it did:')"
	eval "v6shim $("$V6SHIM" --help | sed -n 's/^  v6shim \(report .*\)/\1/p')"
	assert_match '^0 .*::' "$status $(<out)"
	eval "v6shim $("$V6SHIM" --help | sed -n 's/^  v6shim \(config .*\) >.*/\1/p')"
	assert_match 'LD_PRELOAD=.*V6SHIM_POLICY=both' "$(<out)"
	# A host's JVMs, and how to undo it.
	"$V6SHIM" --help | sed -n "s/^'\(program=java.*\)', the.*/\1/p" >rules
	assert_match 'policy += ipv6-only +# rule 1' "$("$V6SHIM" config --config rules --program java)"
	assert_match 'undo.*take the path out of /etc/ld.so.preload first' "$("$V6SHIM" --help | tr '\n' ' ')"
}

@test "config --systemd and --env: systemd and a shell read back what was said, and it acts" {
	require systemd-analyze
	mkdir -p "$DIR/it's 100% \"so\"" "$DIR/x.service.d"
	cd "$DIR"
	# shellcheck disable=SC2016 # for nobody
	rules='port=1 => mode=log; program=$a`b"c\d% => policy=app'
	printf '[Service]\nExecStart=/bin/true\n' >x.service
	"$V6SHIM" config --policy ipv6-only --rules "$rules" --log "it's 100%% \"so\"/l" --systemd >x.service.d/v6shim.conf
	run systemd-analyze verify "$DIR/x.service"
	assert_eq '0 ' "$status $(grep -e x.service -e v6shim <<<"$output" || :)"
	# Control: it looks into the drop-in.
	sed 's/^Exec/Exce/' x.service.d/v6shim.conf >bad
	install -D bad y.service.d/y.conf
	cp x.service y.service
	assert_match 'y.conf.*Exce' "$(systemd-analyze verify "$DIR/y.service" 2>&1)"
	V6SHIM_MODE=log "$V6SHIM" config --policy ipv6-only --rules "$rules" --log "it's 100%% \"so\"/l" --env >./env.sh
	# shellcheck disable=SC2016 # for the shell inside
	got=$(env -i bash -c 'set -a; . ./env.sh; printf "%s|" "$LD_PRELOAD" "$V6SHIM_POLICY" "$V6SHIM_MODE" "$V6SHIM_RULES" "$V6SHIM_LOG"')
	assert_eq "$LIB|ipv6-only|log|$rules|$DIR/it's 100%% \"so\"/l|" "$got"
	# What systemd makes of the unit's words.
	assert_match "V6SHIM_LOG=$DIR/it's 100%%%% ..so../l" "$(<x.service.d/v6shim.conf)"
}

@test "output that cannot be written is an error" {
	for words in --help --version 'run --help' 'config --help' config 'run --version' 'who 1' 'report --help' 'check true'; do
		for to in '/dev/full' '&-'; do
			run bash -c "'$V6SHIM' $words 2>'$DIR/err' >$to"
			[ "$status" -ne 0 ] || fail "$words >$to: exit status 0"
			assert_match '^v6shim: standard output: ' "$(<"$DIR/err")"
		done
	done
}
