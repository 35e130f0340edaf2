#!/usr/bin/env bats
# DESIGN.md 1.8, promise 5: the log never blocks, kills or misleads the server, whatever the server or anybody else
# does to it; what could not be written is counted, and told. programs/survive.py is the server: under
# policy=ipv6-only each of its binds is a record.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load ../e2e/helper
load ../e2e/survive

setup() {
	LIMIT=
}

# server STEP...: its standard error is in $DIR/err. $LIMIT is how many descriptors it may have, and comes last,
# for the shell has some of its own.
server() {
	resolve shim POLICY=ipv6-only LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=change -- "${SURVIVE[@]}" "$@" || return
	(
		close_bats_fds
		[ -z "$LIMIT" ] || ulimit -Sn "$LIMIT"
		exec "${COMMAND[@]}"
	) 2>"$DIR/err"
}

# all_bound [SAYS]: of the output $output. Whatever becomes of the log, the server's own calls succeed; SAYS is what
# its other steps said.
all_bound() {
	assert_status 0 || return
	[[ $output == *bind:* || $output == *both:* ]] || fail "nothing was bound: $output" || return
	assert_eq "${1-}" "$(grep -Ev ': ok$' <<<"$output" | sed 's/.*: //' | paste -sd' ')" "said: $output"
}

# survives EVENTS SAYS STEP...: and EVENTS is what its log then holds.
survives() {
	local expected=$1 says=$2

	shift 2
	run server "$@"
	all_bound "$says" || return
	assert_eq "$expected" "$(events)" "the log's events, $*"
}

# Of the files that are the server's own nobody has changed one.
untouched() {
	local file i=0

	for file in "$1"/own*; do
		if [ -d "$file" ]; then
			while [ -e "$file/$i" ]; do
				[ "$(<"$file/$i")" = $i ] || fail "was written into: $file/$i: $(<"$file/$i")" || return
				i=$((i + 1))
			done
			[ $i -gt 1000 ] || fail "only $i files" || return
		elif [ -e "$file" ]; then
			assert_eq "$file" "$(<"$file")" 'was written into' || return
		fi
	done
	assert_eq victim "$(<"$1/victim")" 'was written into'
	assert_eq '' "$(ls -A "$1/jail")" 'was made in the new root'
}

# situations: each line of standard input is one, EVENTS|SAYS|STEP,STEP...|OPTION...; DIR stands for a folder of its own,
# and LOG for the log, in DIR/d. Options: limit=N descriptors; sticky, what DIR/d is, as /tmp; old=EVENTS, what LOG.1 holds.
situations() {
	local expected says steps options place=$DIR n=0 old

	while IFS='|' read -r expected says steps options; do
		DIR=$place/$((++n))
		LOG=$DIR/d/log.jsonl
		mkdir -p "$DIR/d" "$DIR/jail"
		chmod 755 "$place" "$DIR"
		[[ $options != *sticky* ]] || chmod 1777 "$DIR/d"
		echo victim >"$DIR/victim"
		LIMIT=''
		[[ ! $options =~ limit=([0-9]+) ]] || LIMIT=${BASH_REMATCH[1]}
		steps=${steps//LOG/$LOG}
		IFS=, read -ra steps <<<"${steps//DIR/$DIR}"
		survives "$expected" "$says" "${steps[@]}" || return
		untouched "$DIR"
		old=''
		[[ ! $options =~ old=([a-z+]*) ]] || old=${BASH_REMATCH[1]//+/ }
		[ -z "$old" ] || assert_eq "$old" "$(events "$LOG.1")" "LOG.1, ${steps[*]}" || return
		unset steps
		local steps
	done
	DIR=$place
	[ $n -gt 0 ]
}

# ---- control

@test "control: without the shim the steps of these tests come to the same" {
	steps=(bind close_range bind 'both 3' fork bind join catch block raise kill unblock caught
		break caught "open $DIR/own append 9" 'is 9' closefrom 'is 9' close-loop 'pipe 9' got bind)
	bare=$("${SURVIVE[@]}" "${steps[@]}")
	run server "${steps[@]}"
	assert_eq "$bare" "$output"
	assert_line 'caught: 2' "$bare"
	assert_eq '[1,"set"]' "$(json_records "$LOG" 'select(.event == "bind") | [.after, .action]' | sort -u)"
}

# ---- descriptors, files, rights

@test "whatever the server does to its descriptors and to its log: the records go on, or are counted" {
	situations <<-END
		load bind bind bind||bind 3
		load bind load bind|1 closed closed closed 1|bind,held LOG,is 3,is 4,exec,is 3,bind,held LOG
		load bind bind bind|0 1 1|bind,close-loop,held LOG,bind,held LOG,bind,held LOG
		load bind bind bind|0 1 1|bind,closefrom,held LOG,bind,held LOG,bind,held LOG
		load bind bind bind|0 1 1|bind,close_range,held LOG,bind,held LOG,bind,held LOG
		load bind bind bind|1 1|bind,steal LOG DIR/own,bind,held LOG,bind,held DIR/own
		load bind bind bind||limit nofile 1100,bind,close_range,files DIR/own,close 1090,close 1091,close 1092,bind,bind
		load lost:3 bind|closed closed closed|is 3,bind,is 3,bind 2,limit nofile 64,bind,is 3|limit=4
		load bind bind|closed closed closed closed|is 3,bind,is 3,is 4,bind,is 4|limit=5
		load bind lost:2 bind||bind,close_range,fill,close 10,bind 2,release,bind|limit=64
		load bind lost:2 bind||bind,close_range,fill,close 10,bind 2,release,bind|limit=200
		load bind|1|bind,unlink LOG,bind,held LOG,unlink LOG,bind,fork,bind,join,unlink LOG,fork,bind,join
		bind bind|1 0|bind,rename LOG LOG.1,bind,bind,held LOG,held LOG.1|old=load+bind
		bind bind||bind 3,truncate LOG,bind 2
		lost:3 bind||bind,unlink LOG,rename DIR/d DIR/other,bind 3,rename DIR/other DIR/d,bind
	END
}

@test "chroot, dropped rights, another user's link in a sticky directory: nothing is followed, the records go on or are counted" {
	require_root
	situations <<-END
		load bind bind bind||bind,chroot DIR/jail,bind,user $NOBODY,bind
		||bind,rename LOG LOG.1,user $NOBODY,bind|old=load+bind+bind
		lost:2 bind||bind,unlink LOG,link DIR/victim LOG $NOBODY,bind 2,unlink LOG,bind|sticky
		bind||bind,rename LOG LOG.1,link DIR/victim LOG $NOBODY,bind 2,unlink LOG,moment,bind|sticky old=load+bind+bind+bind
	END
}

@test "renamed right after a record: none is lost, and the new file is there a moment later" {
	run server 'bind 3' "rename-at-once $LOG $LOG.1" 'bind 3' moment bind
	all_bound
	assert_eq '7 0' "$(cat "$LOG" "$LOG.1" | jq -rs '"\(map(select(.event == "bind")) | length) \(map(select(.event == "lost")) | length)"')"
	[ -s "$LOG" ]
}

@test "no directory at the start: counted until there is one" {
	mkdir "$DIR/other"
	LOG=$DIR/later/log.jsonl
	survives 'load lost:2 bind' '' 'bind 2' "rename $DIR/other $DIR/later" bind
}

@test "chroot to where the same path exists: nothing is opened or made there" {
	require_root
	mkdir -p "$DIR/empty$DIR" "$DIR/taken$DIR"
	echo other >"$DIR/taken$LOG"
	for jail in empty taken; do
		rm -f "$LOG"
		survives 'load bind bind' '' bind "chroot $DIR/$jail" bind
		rm -f "$LOG"
		# The log closed, too: then there is no way to it any more.
		survives 'load bind' '' bind close_range "chroot $DIR/$jail" 'bind 2'
	done
	assert_eq '' "$(ls -A "$DIR/empty$DIR")"
	assert_eq other "$(<"$DIR/taken$LOG")"
}

@test "0, 1 and 2 that are closed at the start stay free for the server" {
	for LIMIT in 40 2000; do
		for closed in 0 1 2 '0 1 2'; do
			LOG=$DIR/${closed// /}-$LIMIT.jsonl
			resolve shim POLICY=ipv6-only LOG="$LOG" LOG_LEVEL=change -- "${SURVIVE[@]}" -o "$DIR/said" 'is 0' 'is 1' 'is 2' bind \
				'is 0' 'is 1' 'is 2'
			(
				close_bats_fds
				for fd in $closed; do eval "exec $fd>&-"; done
				ulimit -Sn "$LIMIT"
				exec "${COMMAND[@]}"
			)
			state=''
			for fd in 0 1 2; do
				[[ $closed == *$fd* ]] && state+='is: closed ' || state+='is: open '
			done
			assert_eq "${state}bind: ok ${state% }" "$(paste -sd' ' "$DIR/said")" "$closed, limit $LIMIT"
			assert_eq 'load bind' "$(events)"
		done
	done
}

@test "a server that goes into the background holds nobody's pipe" {
	for log in stderr "$LOG" /dev/stderr /dev/stdout off; do
		rm -f "$DIR"/{up,go,done}
		# A pipe that stays open would keep the shell here.
		out=$(shim POLICY=ipv6-only LOG="$log" LOG_FORMAT=json LOG_LEVEL=change -- timeout 20 "${SURVIVE[@]}" \
			bind daemon bind "touch $DIR/up" "await $DIR/go" "touch $DIR/done" 2>&1)
		[[ $out == *'bind: ok'* ]] || fail "$log: $out"
		[ ! -e "$DIR/done" ] || fail "$log: the shell waited for the server"
		touch "$DIR/go"
		wait_for 10 test -e "$DIR/done" || fail "$log: the server did not go on"
	done
	assert_eq 'load bind load bind' "$(events)"
}

# ---- fork, and a file for each process

@test "%p: a forked child has a file of its own, or its parent's where it may not make one" {
	LOG=$DIR/%p.jsonl
	chmod 755 "$DIR"
	run server bind 'both 100' fork bind join
	all_bound
	for log in "$DIR"/*.jsonl; do
		assert_eq "$(basename "$log" .jsonl) load" "$(jq -r .pid "$log" | sort -u) $(jq -r .event "$log" | head -n 1)"
	done
	assert_eq '3 bind 202 3 load' "$(cat "$DIR"/*.jsonl | jq -rs '"\(map(.pid) | unique | length) bind " +
		"\(map(select(.event == "bind")) | length) \(map(select(.event == "load")) | length) load"')"
	require_root
	rm "$DIR"/*.jsonl
	run server bind fork "user $NOBODY" bind bind join bind
	all_bound
	assert_eq 'load bind load bind bind bind' "$(events "$DIR"/*.jsonl)"
}

# A child of vfork goes by its parent's id, or by its own where its parent had made no record yet: the parent by its own.
@test "vfork: forty children, who have their parent's memory: all is told, and whole; no record of the parent's is a child's" {
	for threads in 0 1; do
		rm -f "$LOG"
		shim POLICY=app LOG="$LOG" LOG_LEVEL=bind -- "$PROGRAMS/hammer" records -t $threads -n 3 -v 40 -a "$DIR" >"$DIR/out"
		# The threads' records, in the address, and the last one are the parent's.
		assert_eq "$((41 + 3 * threads)) [true] true" "$(jq -rs 'map(select(.event == "bind")) as $binds |
			"\($binds | length) \([$binds[] | select((.addr | test("0:1::")) or . == $binds[-1]) | .pid == $binds[-1].pid] |
			unique) \(map(select(.event == "load") | .pid) | sort == ($binds | map(.pid) | unique))"' "$LOG")" $threads
	done
	# Of those that came first each is told by its own.
	rm "$LOG"
	shim POLICY=app LOG="$LOG" LOG_LEVEL=bind -- "$PROGRAMS/hammer" records -t 0 -v 40 -a "$DIR" >"$DIR/out"
	assert_eq 41 "$(jq .pid "$LOG" | sort -u | wc -l)"
	# Nor do they leave a descriptor behind.
	start server --now shim POLICY=app LOG="$DIR/vf.%p.jsonl" LOG_LEVEL=bind -- "$PROGRAMS/hammer" records -n 3 -v 40 -a "$DIR/go"
	wait_for 20 threads_ended server 1
	[ "$(find "/proc/$(pgrep -P "$(pid_of server)")/fd" -lname '*.jsonl' | wc -l)" -le 1 ]
	touch "$DIR/go"
	wait_for 20 refute is_running server 2>/dev/null
}

# ---- what v6shim run hands over

# handed EVENTS ERRORS STEP...: how often its standard error has a word about the log.
handed() {
	local expected=$1 errors=$2

	shift 2
	run bash -c 'exec "$@" 2>"$DIR/err"' - "$V6SHIM" run --policy ipv6-only --log "$LOG" -- "${SURVIVE[@]}" "$@"
	all_bound || return
	assert_eq "$expected" "$(events)" "$*" || return
	assert_eq "$errors" "$(grep -c "^v6shim: log: '$LOG': " "$DIR/err" || :)" "$*: $(<"$DIR/err")"
}

@test "run hands its log over open: what drops its rights or changes its root before it binds is logged, or said once" {
	require_root
	mkdir -m 700 "$DIR/private"
	mkdir "$DIR/jail"
	LOG=$DIR/private/log.jsonl
	while IFS='|' read -r expected errors steps; do
		rm -f "$LOG"* "$DIR/own"
		steps=${steps//LOG/$LOG}
		IFS=, read -ra steps <<<"${steps//DIR/$DIR}"
		handed "$expected" "$errors" "${steps[@]}"
		[ ! -e "$DIR/own" ] || assert_eq "$DIR/own" "$(<"$DIR/own")" "${steps[*]}"
		unset steps
	done <<-END
		load bind bind|0|user $NOBODY,bind,bind
		load bind|0|chroot DIR/jail,user $NOBODY,bind
		load bind load bind|0|fork,user $NOBODY,bind,join,user $NOBODY,bind
		|1|close_range,user $NOBODY,bind 3
		|1|close_range,chroot DIR/jail,bind 3
		load bind|0|close_range,bind
		load bind|0|open DIR/own append 960,bind
		|1|open DIR/own append 960,user $NOBODY,bind 2
		load bind|0|rename LOG LOG.1,bind
		load bind|0|unlink LOG,bind
	END
	# Control: what was not handed over is said.
	rm -f "$LOG"
	run bash -c 'exec "$@" 2>"$DIR/err"' - env LD_PRELOAD="$LIB" V6SHIM_POLICY=ipv6-only V6SHIM_LOG="$LOG" \
		"${SURVIVE[@]}" "user $NOBODY" 'bind 3'
	all_bound
	[ ! -e "$LOG" ]
	assert_eq "v6shim: log: '$LOG': permission denied (EACCES); records are counted until it can be used" "$(<"$DIR/err")"
}

@test "what run hands over is the log of that name alone; no FIFO is, and it keeps nobody waiting" {
	one=$DIR/one.jsonl two=$DIR/two.jsonl
	"$V6SHIM" run --log "$one" -- "$V6SHIM" run --log "$two" -- "${SURVIVE[@]}" bind >"$DIR/out"
	"$V6SHIM" run --log "$one" -- env V6SHIM_LOG="$two" "${SURVIVE[@]}" bind >>"$DIR/out"
	"$V6SHIM" run --log "$one" -- env V6SHIM_LOG=/none/x "${SURVIVE[@]}" bind >>"$DIR/out" 2>"$DIR/err"
	assert_eq 3 "$(grep -cx 'bind: ok' "$DIR/out")"
	assert_eq '|load bind load bind' "$(events "$one")|$(events "$two")"
	mkfifo "$DIR/fifo"
	timeout 5 cat "$DIR/fifo" >"$DIR/read" &
	# shellcheck disable=SC2016 # of the inner shell
	"$V6SHIM" run --log "$DIR/fifo" -- bash -c 'echo "${V6SHIM_LOG_HANDED-none}"; find /proc/self/fd -lname "*/fifo"' >"$DIR/out"
	assert_eq none "$(<"$DIR/out")"
	: >"$DIR/fifo"
	wait $!
}

# ---- a log that cannot be had is said once

# said EXPECTED ERROR NAME=VALUE... -- COMMAND...: EXPECTED by syslog, where its standard error is ERROR.
said() {
	local expected=$1 error=$2

	shift 2
	daemon
	shim POLICY=ipv6-only "$@" >"$DIR/out" 2>"$error" || fail "$*" || return
	assert_eq '' "$(grep -v ': ok$' "$DIR/out" || :)" "$*" || return
	assert_eq "$expected" "$(got | grep -o "log: '.*" || :)" "$*"
}

cannot_be_had() {
	local until='; records are counted until it can be used' err=$DIR/err
	local moved="log: 'stderr' is closed, another file than at the start, or a client's socket$until"
	local none="log: '/none/x': no such file (ENOENT)$until"
	# shellcheck disable=SC2016 # for the shell inside
	local shut=(bash -c 'exec "$@" 2>&-' - "${SURVIVE[@]}") null=(bash -c 'exec "$@" 2>&8' - "${SURVIVE[@]}")

	said "$moved" "$err" LOG=stderr -- "${SURVIVE[@]}" bind "open $DIR/own append 2" 'bind 3'
	assert_eq "$DIR/own" "$(<"$DIR/own")"
	said "$moved" "$err" LOG=stderr -- "${shut[@]}" 'bind 3'
	said '' "$err" LOG=stderr -- "${null[@]}" 'bind 3'
	said "$none" "$err" LOG=/none/x -- "${null[@]}" 'bind 3'
	said '' "$err" LOG=/none/x -- "${SURVIVE[@]}" 'bind 3' fork bind join
	assert_eq "v6shim: $none" "$(<"$err")"
	# Nothing where nothing was to be written.
	said '' "$err" LOG=/none/x LOG_LEVEL=error -- "${SURVIVE[@]}" 'bind 3'
	assert_eq '' "$(<"$err")"
	# A data file that got the number 2, which was closed at the start, is the server's alone.
	rm "$DIR/own"
	said "$moved" "$err" LOG=stderr -- "${shut[@]}" "open $DIR/own append 2" 'bind 2'
	assert_eq "$DIR/own" "$(<"$DIR/own")"
}

@test "a log that cannot be opened, or is not there any more, is said once: on standard error, else by syslog" {
	require_mounts
	# The new one is no device.
	exec 8>/dev/null
	with_dev cannot_be_had
}

# ---- what is no log

@test "another user's FIFO or file in a sticky directory at the start is never written to; links: names.bats" {
	require_root
	mkdir -m 1777 "$DIR/sticky"
	LOG=$DIR/sticky/log.jsonl
	for how in fifo file; do
		[ $how = file ] && echo theirs >"$LOG" || mkfifo "$LOG"
		chown "$NOBODY" "$LOG"
		exec 5<>"$LOG"
		run server 'bind 2'
		all_bound
		assert_eq "$([ $how = fifo ] || echo theirs)" "$(timeout 0.5 cat <&5 || :)" $how
		exec 5>&-
		# Out of the way, and all is told.
		survives 'load lost:2 bind' '' 'bind 2' "rename $LOG $DIR/away" bind
		rm "$LOG"
	done
}

@test "a directory, a block device or a socket is no log: refused and counted, and not even opened" {
	LOG=$DIR/thing.jsonl
	made=0
	for what in directory block socket; do
		case $what in
		directory) mkdir "$LOG" ;;
		block) mknod "$LOG" b 7 0 2>/dev/null || continue ;;
		socket) start listener --says ready "${RECEIVE[@]}" log "$LOG" ;;
		esac
		made=$((made + 1))
		survives 'load lost:2 bind' 0 'bind 2' "held $LOG" "rename $LOG $DIR/$what" bind
		rm "$LOG"
	done
	assert_eq ready "$(stdout_of listener)"
	[ $made -ge 2 ]
}

# ---- full

@test "a log of /dev/null takes all there is, /dev/full nothing, and the server minds neither" {
	for LOG in /dev/null /dev/full; do
		run server 'bind 3'
		all_bound
	done
	ln -s /dev/full "$DIR/switch.jsonl"
	LOG=$DIR/switch.jsonl
	survives 'load lost:3 bind' '' 'bind 3' "unlink $LOG" moment bind
}

# counted MADE LEAST <RECORDS: each of the binds that were made is there, or counted; LEAST were lost, and at most one line
# is torn.
counted() {
	jq -Rrs --argjson made "$1" --argjson least "$2" 'split("\n") | map(select(. != "") | fromjson? // "torn") as $all |
		($all | map(select(type == "object"))) as $whole | ($whole | map(select(.event == "bind")) | length) as $told |
		($whole | map(.count // 0) | add) as $lost | ($all | map(select(. == "torn")) | length) as $torn |
		if $told + $lost == $made and $lost >= $least and $torn <= 1 then "right" else "\($told) \($lost) \($torn)" end' "$LOG"
}

disk_full() {
	mkdir "$DIR/disk"
	mount -t tmpfs -o size=64k tmpfs "$DIR/disk"
	LOG=$DIR/disk/log.jsonl
	head -c 60k /dev/zero >"$DIR/disk/filler"
	run server 'bind 100' "unlink $DIR/disk/filler" 'bind 2'
	all_bound
	counted 102 50
}

@test "a full disk: the server is unaffected, and the next record that fits says how many are missing" {
	require_mounts
	assert_eq right "$(apart disk_full)"
}

@test "the file size limit: no SIGXFSZ, and what is over it is counted; of standard error too" {
	# Control: the kernel means it.
	run bash -c "ulimit -f 1; exec head -c 4096 /dev/zero >'$DIR/zeroes'"
	assert_status 153
	# It is read when the log is opened and when its place is looked at, once a second; 64 KiB are left for others.
	run server 'limit fsize 68536' 'bind 20' 'limit fsize 0' moment 'bind 3' 'limit fsize 200000' moment bind
	all_bound
	assert_eq right "$(counted 24 10)"
	for LOG in stderr fd:2; do
		run server 'limit fsize 68536' 'bind 50'
		all_bound
		told=$(grep -c '"bind"' "$DIR/err")
		[ "$told" -ge 2 ] && [ "$told" -le 10 ] || fail "$LOG: $told of 50 told"
		[ "$(stat -c %s "$DIR/err")" -le 3000 ]
	done
}

@test "lost: of the process that lost them; a child's count starts anew; many threads' is exact" {
	mkfifo "$LOG"
	start server --says touch shim POLICY=ipv6-only LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=change -- "${SURVIVE[@]}" 'bind 3' \
		fork 'bind 2' "touch $DIR/dropped" "await $DIR/go" bind join bind fork bind join
	read_fifo
	touch "$DIR/go"
	fifo_got 'load lost:2 bind load lost:3 bind load bind'
	assert_eq 3 "$(jq .pid "$DIR/got" | uniq | wc -l)"
	rm "$DIR/go"
	start server --now shim POLICY=app LOG_LEVEL=bind LOG="$LOG" -- "$PROGRAMS/hammer" records -p 1 -t 8 -n 500 -a "$DIR/go"
	wait_for 20 threads_ended server 1
	read_fifo
	touch "$DIR/go"
	fifo_got 'load lost:4000 bind'
}

# ---- pipes and terminals

# read_fifo: from now on what comes through $LOG is in $DIR/got.
read_fifo() {
	exec 5<>"$LOG"
	timeout 60 cat <&5 3>&- >"$DIR/got" &
	READER=$!
	exec 5>&-
}

stop_reading() {
	kill $READER
	wait $READER || :
}

# fifo_got EVENTS: when the server has ended, that is what has come.
fifo_got() {
	wait_for 20 refute is_running server 2>/dev/null || fail 'the server does not end' || return
	stop server || return
	echo '"end"' >"$LOG"
	wait_for 10 grep -qx '"end"' "$DIR/got" || fail 'the FIFO is not read' || return
	stop_reading
	sed -i '/^"end"$/d' "$DIR/got"
	assert_eq "$1" "$(events "$DIR/got")"
}

@test "a FIFO that nobody reads, whose reader goes away, or that is replaced: dropped, counted, and the next reader is told" {
	mkfifo "$LOG"
	start server --says '^touch' shim POLICY=ipv6-only LOG="$LOG" LOG_FORMAT=json LOG_LEVEL=change -- "${SURVIVE[@]}" 'bind 3' \
		"touch $DIR/none" "await $DIR/first" bind "touch $DIR/one" "await $DIR/gone" 'bind 4' "touch $DIR/dropped" \
		"await $DIR/back" bind "rename $LOG $LOG.old" "mkfifo $LOG" "touch $DIR/there" "await $DIR/new" bind
	read_fifo
	touch "$DIR/first"
	wait_for 10 test -e "$DIR/one"
	wait_for 10 grep -q bind "$DIR/got"
	assert_eq 'load lost:3 bind' "$(events "$DIR/got")"
	stop_reading
	touch "$DIR/gone"
	wait_for 10 test -e "$DIR/dropped"
	read_fifo
	touch "$DIR/back"
	wait_for 10 test -e "$DIR/there"
	assert_eq 'lost:4 bind' "$(events "$DIR/got")"
	stop_reading
	read_fifo
	touch "$DIR/new"
	fifo_got bind
}

# on_broken KIND COMMAND...: its standard error and descriptor 6 are a pipe, or a FIFO, that nobody reads any more.
on_broken() {
	# shellcheck disable=SC2016 # for the shell inside
	(close_bats_fds && exec bash -c '
		broken() {
			(trap "" PIPE; while echo; do sleep 0.01; done) 2>/dev/null
			exec "$@" 2>&1 6>&1 >&5
		}
		kind=$1 fifo=$2
		shift 2
		exec 5>&1
		case $kind in
		pipe)
			set -o pipefail
			broken "$@" | :
			;;
		fifo)
			rm -f "$fifo"
			mkfifo "$fifo"
			exec 7<>"$fifo"
			broken "$@" >"$fifo" 7>&- &
			exec 7>&-
			wait $!
			;;
		esac' - "$1" "$DIR/broken" "${@:2}")
}

@test "a pipe without a reader raises no SIGPIPE, and takes none of the server's own away" {
	# Control: who writes there is ended.
	for kind in pipe fifo; do
		run on_broken $kind bash -c "exec head -c 1 /dev/zero >&2"
		assert_status 141
	done
	while IFS='|' read -r -a steps; do
		bare=$("${SURVIVE[@]}" "${steps[@]}")
		for kind in pipe fifo; do
			for log in stderr fd:6; do
				resolve shim POLICY=ipv6-only LOG=$log -- "${SURVIVE[@]}" "${steps[@]}"
				run on_broken $kind "${COMMAND[@]}"
				assert_status 0
				assert_eq "$bare" "$output" "$kind, $log: ${steps[*]}"
			done
		done
	done <<-END
		bind|bind
		ignore|bind|break|bind
		catch|bind|caught|break|caught
		catch|block|bind|pending|unblock|caught
		catch|block|raise|bind|pending|unblock|caught
		catch|block|kill|bind|pending|unblock|caught
		catch|block|break|raise|kill|bind|pending|unblock|caught
		ignore|block|bind|pending|raise|pending|bind|pending
	END
}

# full_server KIND LOG STEP...: its standard error and descriptor 5 are a pipe, or the FIFO $DIR/full, that holds
# all it can. Once there is $DIR/go it is read, into $DIR/drained.
full_server() {
	local kind=$1

	rm -f "$DIR"/{full,go,dropped,back}
	: >"$DIR/drained"
	mkfifo "$DIR/full"
	resolve shim POLICY=ipv6-only LOG_FORMAT=json LOG_LEVEL=change LOG="$2" -- "${SURVIVE[@]}" "${@:3}"
	# shellcheck disable=SC2016 # for the shell inside
	start server --now bash -c '
		full() {
			head -c 65536 /dev/zero
			timeout 0.2 /bin/echo held up
			echo $? >"$DIR/status"
			exec "$@" 2>&1 5>&1 >"$DIR/said"
		}
		drain() {
			until [ -e "$DIR/go" ]; do sleep 0.02; done
			exec cat >"$DIR/drained"
		}
		kind=$1
		shift
		case $kind in
		pipe) full "$@" | drain ;;
		fifo) drain <>"$DIR/full" & full "$@" <"$DIR/full" >"$DIR/full" & wait $! ;;
		esac' - "$kind" "${COMMAND[@]}"
}

is_drained() {
	[ "$(stat -c %s "$DIR/drained")" -ge "$1" ]
}

@test "a full pipe that nobody reads does not hold the server up; once it is read, the loss is told" {
	while read -r kind log; do
		full_server "$kind" "$log" 'bind 20' "touch $DIR/dropped" "await $DIR/back" bind
		wait_for 10 test -e "$DIR/dropped" || fail "$kind, $log: the server is held up"
		# Control: it was.
		assert_eq 124 "$(<"$DIR/status")"
		touch "$DIR/go"
		wait_for 10 is_drained 65536 || fail "$kind, $log: the pipe was not drained"
		touch "$DIR/back"
		wait_for 10 is_drained 66000 || fail "$kind, $log: nothing was told"
		stop server
		output=$(<"$DIR/said") status=0
		all_bound
		cmp <(head -c 65536 /dev/zero) <(head -c 65536 "$DIR/drained")
		tail -c +65537 "$DIR/drained" >"$DIR/got"
		assert_eq 'load lost:20 bind' "$(events "$DIR/got")" "$kind, $log"
	done <<-END
		pipe stderr
		fifo stderr
		pipe fd:5
		fifo fd:5
		fifo $DIR/full
	END
}

# on_terminal COMMAND: in a shell on a terminal of its own, whose output is $DIR/seen.
on_terminal() {
	timeout 30 script -qefc "$1" "$DIR/seen" >/dev/null </dev/null
}

@test "a terminal that is stopped by ^S, or stops background jobs that write, does not hold the server up" {
	require script
	said="${SURVIVE[*]} -o $DIR/said"
	under="LD_PRELOAD=$LIB V6SHIM_POLICY=ipv6-only V6SHIM_LOG=stderr $said"
	# Control: who writes there is held up, or stopped.
	on_terminal "$said stop-output; timeout 0.3 /bin/echo held up; echo \$? >$DIR/status; $said start-output"
	assert_eq 124 "$(<"$DIR/status")"
	on_terminal "bash -mc 'stty tostop; /bin/echo here & until jobs -s | grep .; do sleep 0.02; done >$DIR/jobs; kill -9 %1'" || :
	assert_match 'Stopped.*echo here' "$(<"$DIR/jobs")"

	on_terminal "$under bind stop-output 'bind 20' start-output bind"
	output=$(<"$DIR/said") status=0
	all_bound
	assert_match 'lost: 20 records could not be written' "$(<"$DIR/seen")"
	assert_eq 2 "$(grep -c ': bind' "$DIR/seen")"
	on_terminal "bash -mc 'stty tostop; $under bind bind & wait'"
	assert_eq 'bind: ok bind: ok' "$(paste -sd' ' "$DIR/said")"
}

@test "a terminal whose output nobody reads, and a journal that takes nothing, do not hold the server up" {
	run timeout 30 "$PYTHON" - "$LIB" "$DIR" "${SURVIVE[@]}" <<-'END'
		import json, os, pty, select, socket, subprocess, sys, time

		library, directory, *program = sys.argv[1:]

		def serve(stderr, *steps, **settings):
		    return subprocess.Popen([*program, *steps], stderr=stderr, env={"LD_PRELOAD": library,
		        "V6SHIM_POLICY": "ipv6-only", "V6SHIM_LOG": "stderr", "V6SHIM_LOG_FORMAT": "json", **settings})

		def almost_full():
		    """A terminal that has room for something, and not for much."""
		    master, slave = pty.openpty()
		    os.set_blocking(slave, False)
		    for size in (512, 1):
		        try:
		            while True:
		                os.write(slave, b"x" * size)
		        except BlockingIOError:
		            pass
		    os.set_blocking(slave, True)
		    ready = select.poll()
		    ready.register(slave, select.POLLOUT)
		    while not ready.poll(50):
		        os.read(master, 64)
		    return master, slave

		terminal = almost_full()
		try:
		    subprocess.run(["head", "-c", "16000", "/dev/zero"], stdout=terminal[1], timeout=0.3)
		    sys.exit("control: the terminal has room")
		except subprocess.TimeoutExpired:
		    pass
		terminal = almost_full()
		if serve(terminal[1], "bind 200").wait(10):
		    sys.exit("held up by the terminal")

		ours, theirs = socket.socketpair()
		st = os.fstat(theirs.fileno())
		server = serve(theirs, "bind 5000", f"touch {directory}/dropped", f"await {directory}/go", "bind",
		    JOURNAL_STREAM=f"{st.st_dev}:{st.st_ino}")
		theirs.close()
		end = time.monotonic() + 10
		while not os.path.exists(directory + "/dropped") and time.monotonic() < end:
		    time.sleep(0.02)
		ours.setblocking(False)
		text = b""
		try:
		    while True:
		        text += ours.recv(65536)
		except BlockingIOError:
		    open(directory + "/go", "w").close()
		ours.setblocking(True)
		while data := ours.recv(65536):
		    text += data
		records = [json.loads(line[3:]) for line in text.decode().splitlines()]
		bound = sum(r["event"] == "bind" for r in records)
		lost = sum(r.get("count", 0) for r in records)
		print("say:", "ok" if bound + lost == 5001 and lost > 1000 else f"{bound} told, {lost} lost")
		sys.exit(server.wait())
	END
	all_bound
}

# ---- a descriptor that becomes something else

# moved LOG FILE EVENTS SAYS STEP...: the server's descriptors 2 and 6 are FILE.
moved() {
	local log=$1 file=$2 expected=$3 says=$4

	shift 4
	rm -f "$file" "$DIR/own"
	resolve shim POLICY=ipv6-only LOG="$log" LOG_FORMAT=json LOG_LEVEL=change -- "${SURVIVE[@]}" "$@"
	output=$(close_bats_fds && exec "${COMMAND[@]}" 2>>"$file" 6>>"$file")
	status=$?
	all_bound "$says" || return
	assert_eq "$expected" "$(events "$file")" "$log: $*"
}

@test "a descriptor is written to as long as it is what it was at the start; what comes back is told what was lost" {
	while IFS='|' read -r log expected says steps; do
		IFS=, read -ra steps <<<"${steps//DIR/$DIR}"
		moved "$log" "$DIR/log" "$expected" "$says" "${steps[@]}"
		[ ! -e "$DIR/own" ] || assert_eq "$DIR/own" "$(<"$DIR/own")" "$log: ${steps[*]}"
	done <<-END
		stderr|load bind||bind,close 2,bind,open DIR/own rw 2,bind 2
		stderr|load bind||bind,close 2,bind,open DIR/own write 2,bind 2
		stderr|load bind|0 bytes|bind,close 2,pipe 2,bind 2,got
		stderr|load bind||bind,open DIR/own append 2,bind 2
		stderr|load bind lost:4 bind||bind,save,close 2,bind 3,open DIR/own rw 2,bind,restore,bind
		fd:2|load bind lost:3 bind||bind,save,close 2,bind 3,restore,bind
		fd:2|load bind||bind,close 2,bind 3,null 2,bind
		fd:6|load bind||bind,close 6,bind 2
		fd:6|load bind||bind,open DIR/own rw 6,bind 2
		fd:6|load bind||bind,open DIR/own append 6,bind 2
		fd:6|load bind||bind,null 6,bind 2
		fd:6|load bind||bind,close_range,bind 2
		fd:6|load bind|0 bytes|bind,pipe 6,bind 2,got
		fd:9|||open DIR/own append 9,bind 2
	END
	# Closed already when the server came.
	run bash -c "V6SHIM_POLICY=ipv6-only LD_PRELOAD=$LIB ${SURVIVE[*]} 'pipe 2' 'bind 2' got 2>&-"
	all_bound '0 bytes'
}

# ---- syslog: a daemon that goes and comes

# told EVENTS: of the stand-in's datagrams.
told() {
	assert_eq "$1" "$(got | sed 's/^[^{]*//' | jq -r 'if .event == "lost" then "lost:\(.count)" else .event end' | paste -sd' ')"
}

# log_to_syslog STEP...: in the background, its output in $DIR/out.
log_to_syslog() {
	rm -f "$DIR"/go*
	shim POLICY=ipv6-only LOG=syslog LOG_FORMAT=json LOG_LEVEL=change -- "${SURVIVE[@]}" "$@" >"$DIR/out" &
	SERVER=$!
}

syslog_ended() {
	wait "$SERVER"
	refute grep -v ': ok$' "$DIR/out"
}

daemons() {
	log_to_syslog 'bind 50' "touch $DIR/1" "await $DIR/go1" bind "touch $DIR/2" "await $DIR/go2" bind "touch $DIR/3" \
		"await $DIR/go3" 'bind 2' "touch $DIR/4" "await $DIR/go4" bind
	wait_for 10 test -e "$DIR/1"
	daemon
	touch "$DIR/go1"
	wait_for 10 test -e "$DIR/2"
	told 'load lost:50 bind'
	daemon
	touch "$DIR/go2"
	wait_for 10 test -e "$DIR/3"
	told bind
	stop daemon
	touch "$DIR/go3"
	wait_for 10 test -e "$DIR/4"
	daemon
	touch "$DIR/go4"
	syslog_ended
	told 'lost:2 bind'
	# Its queue is filled, the rest dropped.
	daemon full
	log_to_syslog 'bind 500' "touch $DIR/5" "await $DIR/go5" bind
	wait_for 10 test -e "$DIR/5"
	daemon
	touch "$DIR/go5"
	syslog_ended
	lost=$(got | sed 's/^[^{]*//' | jq 'select(.event == "lost") | .count')
	[ "$lost" -gt 400 ] && [ "$lost" -lt 500 ]
}

@test "syslog: no /dev/log, a daemon that is started again or takes nothing: counted, and nobody waits" {
	require_mounts
	with_dev daemons
}

syslog_situations() {
	local expected steps

	mkdir "$DIR/jail" "$DIR/own"
	while IFS='|' read -r expected steps; do
		daemon
		IFS=, read -ra steps <<<"${steps//DIR/$DIR}"
		log_to_syslog "${steps[@]}"
		syslog_ended
		told "$expected"
		unset steps
		local steps
	done <<-END
		load bind bind bind bind|bind,close_range,bind,closefrom,bind,close-loop,bind
		load bind bind bind|limit nofile 1100,bind,close_range,files DIR/own,close 1090,close 1091,close 1092,bind,bind
		load bind bind load bind|bind,chroot DIR/jail,user 65534,bind,fork,bind,join
	END
	echo victim >"$DIR/victim"
	untouched "$DIR"
}

@test "syslog: descriptors closed or taken, chroot, dropped rights and fork: the records go on" {
	require_mounts
	with_dev syslog_situations
}
