#!/usr/bin/env bats
# DESIGN.md 1.8, promise 5: the log never blocks, kills or misleads the server, whatever the server does
# to it; and what could not be written is counted. programs/survive is the server: under
# policy=ipv6-only each of its binds is a record.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load helper

setup() {
	export DIR=$BATS_TEST_TMPDIR
	LOG=$DIR/log.jsonl
	SETTINGS=(POLICY=ipv6-only)
	NOBODY=65534
}

# events [FILE]: what a log holds, in that order: `load bind lost:3 bind`.
events() {
	[ -e "${1-$LOG}" ] || return 0
	jq -r 'if .event == "lost" then "lost:\(.count)" else .event end' "${1-$LOG}" | paste -sd' '
}

# The limit comes last, for the shell has descriptors of its own.
server() {
	resolve shim "${SETTINGS[@]}" LOG="$LOG" -- "$PROGRAMS/survive" "$@" || return
	(
		close_bats_fds
		[ -z "${LIMIT-}" ] || ulimit -Sn "$LIMIT"
		exec "${COMMAND[@]}"
	) 2>"$DIR/err"
}

# serve STEP...: the server's output is $output, its standard error is in $DIR/err, $LIMIT is how many
# descriptors it may have. Whatever becomes of the log, its own calls succeed.
serve() {
	run server "$@"
	all_bound
}

all_bound() {
	assert_status 0 || return
	[[ $output == *bind:* || $output == *both:* ]] || fail "nothing was bound: $output" || return
	refute grep -Ev '^[a-z_-]+: (ok|open|closed|yes|no|-?[0-9]+( bytes)?|EPIPE|EBADF)$' <<<"$output"
}

# survives EVENTS STEP...: and that is what its log then holds.
survives() {
	local expected=$1

	shift
	serve "$@" || return
	assert_eq "$expected" "$(events)" "the log's events"
}

require_root() {
	[ "$EUID" -eq 0 ] || skip 'needs root'
}

# apart FUNCTION: it runs in a mount namespace of its own, with $DIR/disk a small tmpfs.
apart() {
	{
		declare -p "${HELPER_VARIABLES[@]}" LOG SETTINGS NOBODY
		declare -f
	} >"$DIR/functions"
	mkdir -p "$DIR/disk"
	# shellcheck disable=SC2016 # for the shell inside
	unshare -m -- bash -c '
		. "$DIR/functions"
		set -eE
		mount -t tmpfs -o size=64k tmpfs "$DIR/disk"
		"$@"
	' apart "$@"
}

require_mounts() {
	require_root
	unshare -m true 2>/dev/null || skip 'needs leave to make a mount namespace'
}

# sticky: a directory where everybody may write, as /tmp is.
sticky() {
	mkdir -m 1777 "$DIR/sticky"
	LOG=$DIR/sticky/log.jsonl
}

# ---- control

@test "control: a server that leaves its log alone has a record of each bind, after its load record" {
	survives 'load bind bind bind' 'bind 3'
	assert_eq '[1,"set"]' "$(json_records "$LOG" 'select(.event == "bind") | [.after, .action]' | sort -u)"
}

@test "control: without the shim the steps of these tests come to the same" {
	steps=(bind close_range bind 'both 3' vfork fork bind join catch block raise kill unblock caught
		break caught "open $DIR/own append 9" 'is 9' closefrom 'is 9' close-loop 'pipe 9' got bind)
	bare=$("$PROGRAMS/survive" "${steps[@]}")
	serve "${steps[@]}"
	assert_eq "$bare" "$output"
	assert_line 'caught: 2' "$bare"
}

# ---- its descriptor

@test "the log is one descriptor, well out of the way, and does not stay open over exec" {
	serve bind "held $LOG" 'is 3' 'is 4' exec 'is 3' "held $LOG" bind
	assert_eq "bind: ok
held: 1
is: closed
is: closed
exec: ok
is: closed
held: 1
bind: ok" "$output"
	assert_eq 'load bind load bind' "$(events)"
}

@test "every descriptor closed, by a loop, closefrom or close_range: the next record opens the log again" {
	for way in close-loop closefrom close_range; do
		LOG=$DIR/$way.jsonl
		survives 'load bind bind bind' bind $way "held $LOG" bind "held $LOG" bind "held $LOG"
		assert_eq 'held: 0 1 1' "held: $(sed -n 's/^held: //p' <<<"$output" | paste -sd' ')"
	done
}

@test "its number taken by a file of the server's: nothing is written into that, and the log goes on" {
	survives 'load bind bind bind' bind "steal $LOG $DIR/own" bind "held $LOG" bind "held $DIR/own"
	assert_line 'steal: ok'
	assert_eq "$DIR/own" "$(cat "$DIR/own")"
	assert_eq 'held: 1 1' "held: $(sed -n 's/^held: //p' <<<"$output" | paste -sd' ')"
}

@test "every number taken by files of the server's: nothing is written into any" {
	mkdir "$DIR/own"
	survives 'load bind bind bind' 'limit nofile 1100' bind close_range "files $DIR/own" \
		'close 1090' 'close 1091' 'close 1092' bind bind
	local i=0
	while [ -e "$DIR/own/$i" ]; do
		assert_eq "$i" "$(<"$DIR/own/$i")" "file $i"
		i=$((i + 1))
	done
	[ $i -gt 1000 ] || fail "only $i files"
}

@test "without a free descriptor a record is counted as lost, and the server has all of its own" {
	# 0, 1, 2, and what it needs for its socket.
	LIMIT=4
	survives 'load lost:3 bind' 'is 3' bind 'is 3' 'bind 2' 'limit nofile 64' bind 'is 3'
	refute grep -q 'is: open' <<<"$output"
	# The log has one whenever the server does not need it.
	LIMIT=5
	LOG=$DIR/five.jsonl
	survives 'load bind bind' 'is 3' bind 'is 3' 'is 4' bind 'is 4'
	refute grep -q 'is: open' <<<"$output"
}

@test "full of descriptors for a while: the record is counted, and the next that can be says so" {
	for LIMIT in 64 200; do
		LOG=$DIR/$LIMIT.jsonl
		survives 'load bind lost:2 bind' bind close_range fill 'close 10' 'bind 2' release bind
	done
}

@test "0, 1 and 2 that are closed at the start stay free for the server" {
	for limit in 40 200 2000; do
		for closed in 0 1 2 '0 1 2'; do
			LOG=$DIR/${closed// /}-$limit.jsonl
			(
				close_bats_fds
				for fd in $closed; do eval "exec $fd>&-"; done
				ulimit -Sn $limit
				V6SHIM_POLICY=ipv6-only V6SHIM_LOG=$LOG LD_PRELOAD=$LIB "$PROGRAMS/survive" \
					-o "$DIR/said" 'is 0' 'is 1' 'is 2' bind 'is 0' 'is 1' 'is 2'
			)
			for fd in 0 1 2; do
				state=open
				[[ $closed != *$fd* ]] || state=closed
				assert_eq "is: $state is: $state" "$(grep '^is' "$DIR/said" |
					sed -n "$((fd + 1))p;$((fd + 4))p" | paste -sd' ')" "$fd of $closed, limit $limit"
			done
			assert_eq 'load bind' "$(events)"
		done
	done
}

@test "a server that goes into the background holds nobody's pipe" {
	for log in stderr "$LOG" /dev/stderr /dev/stdout off; do
		rm -f "$DIR"/{up,go,done}
		# A pipe that stays open would keep the shell here.
		out=$(timeout 20 env LD_PRELOAD="$LIB" V6SHIM_POLICY=ipv6-only V6SHIM_LOG="$log" \
			"$PROGRAMS/survive" bind daemon bind "touch $DIR/up" "await $DIR/go" "touch $DIR/done" 2>&1)
		[[ $out == *'bind: ok'* ]] || fail "$log: $out"
		[ ! -e "$DIR/done" ] || fail "$log: the shell waited for the server"
		touch "$DIR/go"
		wait_for 10 test -e "$DIR/done" || fail "$log: the server did not go on"
	done
	assert_eq 'load bind load bind' "$(events)"
}

# ---- rights

@test "chroot and dropped privileges: the records go on into the same file" {
	require_root
	mkdir "$DIR/jail"
	chmod 700 "$DIR"
	survives 'load bind bind bind' bind "chroot $DIR/jail" bind "user $NOBODY" bind
	assert_eq '' "$(ls -A "$DIR/jail")"
}

@test "chroot to where the same path exists: nothing is opened or made there" {
	require_root
	mkdir -p "$DIR/empty$DIR" "$DIR/taken$DIR"
	echo other >"$DIR/taken$LOG"
	for jail in empty taken; do
		rm -f "$LOG"
		survives 'load bind bind' bind "chroot $DIR/$jail" bind
		rm -f "$LOG"
		# The log closed, too: then there is no way to it any more.
		survives 'load bind' bind close_range "chroot $DIR/$jail" 'bind 2'
	done
	assert_eq '' "$(ls -A "$DIR/empty$DIR")"
	assert_eq other "$(cat "$DIR/taken$LOG")"
}

@test "dropped privileges: a log that was renamed and cannot be made anew keeps its records" {
	require_root
	chmod 755 "$DIR"
	chmod 755 "$DIR"
	serve bind "rename $LOG $LOG.1" "user $NOBODY" bind
	assert_eq 'load bind bind' "$(events "$LOG.1")"
	[ ! -e "$LOG" ]
}

# ---- fork

@test "fork: parent and child both write, each after a load record of its own, and no line is torn" {
	serve 'both 500'
	assert_eq '1 500
1 500' "$(jq -rs 'group_by(.pid)[] | "\(map(select(.event == "load")) | length) \(map(select(.event == "bind")) | length)"' "$LOG")"
	assert_eq '["load","load"]' "$(jq -cs '[group_by(.pid)[] | .[0].event]' "$LOG")"
}

@test "a child of vfork that binds: its record is there, and the parent's go on" {
	serve bind vfork bind
	assert_eq '["bind","bind","bind"]' "$(jq -cs 'map(.event | select(. == "bind"))' "$LOG")"
	assert_eq 2 "$(jq .pid "$LOG" | sort -u | wc -l)"
}

@test "%p: a forked child has a file of its own, %n is the program, %% a percent sign" {
	LOG=$DIR/%n.100%%.%p.jsonl
	serve bind 'both 200' fork bind join
	logs=("$DIR"/survive.100%.*.jsonl)
	assert_eq 3 ${#logs[@]}
	for log in "${logs[@]}"; do
		assert_eq "$(basename "$log" .jsonl)" "survive.100%.$(jq .pid "$log" | sort -u)"
		assert_eq load "$(jq -r .event "$log" | head -n 1)"
	done
	assert_eq 402 "$(cat "${logs[@]}" | jq -r .event | grep -c bind)"
	assert_eq 3 "$(cat "${logs[@]}" | jq -r .event | grep -c load)"
}

@test "%p: a child that may not make a file of its own writes into its parent's" {
	require_root
	LOG=$DIR/%p.jsonl
	chmod 755 "$DIR"
	serve bind fork "user $NOBODY" bind bind join bind
	logs=("$DIR"/*.jsonl)
	assert_eq 1 ${#logs[@]}
	assert_eq 'load bind load bind bind bind' "$(events "${logs[0]}")"
}

# ---- the file

@test "removed: the next record makes it anew" {
	survives 'load bind' bind "unlink $LOG" "held $LOG" 'bind' "unlink $LOG" bind fork bind join "unlink $LOG" fork bind join
}

@test "renamed: the next record is in a new file, and none is in both" {
	survives 'bind bind' bind "rename $LOG $LOG.1" bind bind "held $LOG" "held $LOG.1"
	assert_eq 'load bind' "$(events "$LOG.1")"
	assert_eq 'held: 1 0' "held: $(sed -n 's/^held: //p' <<<"$output" | paste -sd' ')"
}

@test "renamed right after a record: none is lost, and the new file is there a moment later" {
	serve 'bind 3' "rename-at-once $LOG $LOG.1" 'bind 3' moment bind
	assert_eq 7 "$(cat "$LOG" "$LOG.1" | jq -s 'map(select(.event == "bind")) | length')"
	assert_eq 0 "$(cat "$LOG" "$LOG.1" | grep -c lost)"
	[ -s "$LOG" ]
}

@test "truncated in its place: the next record stands at its beginning" {
	survives 'bind bind' 'bind 3' "truncate $LOG" 'bind 2'
	assert_eq '{' "$(head -c 1 "$LOG")"
}

@test "removed with its directory: counted until there is one again" {
	mkdir "$DIR/gone"
	LOG=$DIR/gone/log.jsonl
	survives 'lost:3 bind' bind "unlink $LOG" "rename $DIR/gone $DIR/other" 'bind 3' "rename $DIR/other $DIR/gone" bind
}

@test "no directory at the start: counted until there is one" {
	mkdir "$DIR/other"
	LOG=$DIR/later/log.jsonl
	survives 'load lost:2 bind' 'bind 2' "rename $DIR/other $DIR/later" bind
}

@test "replaced by another user's symbolic link in a sticky directory: refused and counted" {
	require_root
	sticky
	echo victim >"$DIR/victim"
	survives 'lost:2 bind' bind "unlink $LOG" "link $DIR/victim $LOG $NOBODY" 'bind 2' "unlink $LOG" bind
	assert_eq victim "$(cat "$DIR/victim")"
	# Where the old file still has a name, the records stay there.
	rm "$LOG"
	survives bind bind "rename $LOG $LOG.1" "link $DIR/victim $LOG $NOBODY" 'bind 2' "unlink $LOG" bind
	assert_eq 'load bind bind bind' "$(events "$LOG.1")"
	assert_eq victim "$(cat "$DIR/victim")"
}

# planted HOW: another user's thing at the place of the log.
planted() {
	case $1 in
	link) ln -s "$DIR/victim" "$LOG" && chown -h "$NOBODY" "$LOG" ;;
	dangling) ln -s "$DIR/new" "$LOG" && chown -h "$NOBODY" "$LOG" ;;
	fifo) mkfifo "$LOG" && chown "$NOBODY" "$LOG" && eval 'exec 5<>"$LOG"' ;;
	file) echo theirs >"$LOG" && chown "$NOBODY" "$LOG" ;;
	hardlink) ln "$DIR/victim" "$LOG" ;;
	directory) ln -s "$DIR" "$(dirname "$LOG")" && chown -h "$NOBODY" "$(dirname "$LOG")" ;;
	esac
}

@test "another user's link, FIFO, file or hard link in a sticky directory at the start: never written to" {
	require_root
	sticky
	echo victim >"$DIR/victim"
	for how in link dangling fifo file hardlink; do
		rm -f "$LOG"
		planted $how
		serve 'bind 2'
		case $how in
		fifo) assert_eq '' "$(timeout 0.5 cat <&5)" $how && exec 5>&- ;;
		file) assert_eq theirs "$(cat "$LOG")" $how ;;
		esac
		assert_eq victim "$(cat "$DIR/victim")" $how
		[ ! -e "$DIR/new" ] || fail "$how: was followed"
		# Out of the way, and all is told.
		survives 'load lost:2 bind' 'bind 2' "rename $LOG $DIR/away" bind
		mv "$DIR/away" "$LOG"
	done
}

@test "another user's link in the middle of the path, in a sticky directory, is not followed" {
	require_root
	mkdir -m 1777 "$DIR/sticky"
	LOG=$DIR/sticky/way/log.jsonl
	planted directory
	serve 'bind 2'
	[ ! -e "$DIR/log.jsonl" ]
	# One's own is.
	chown -h 0 "$DIR/sticky/way"
	survives 'load bind bind' 'bind 2'
	[ -e "$DIR/log.jsonl" ]
}

@test "root's link in a sticky directory is followed; another user's nowhere, not even where only they may write" {
	require_root
	sticky
	ln -s "$DIR/target.jsonl" "$LOG"
	survives 'load bind bind' 'bind 2'
	assert_eq 'load bind bind' "$(events "$DIR/target.jsonl")"
	mkdir "$DIR/theirs"
	LOG=$DIR/theirs/log.jsonl
	ln -s "$DIR/other.jsonl" "$LOG"
	chown -hR "$NOBODY" "$DIR/theirs"
	serve 'bind 2'
	[ ! -e "$DIR/other.jsonl" ]
	# Root's is, there too.
	chown -h 0 "$LOG"
	survives 'load bind bind' 'bind 2'
	assert_eq 'load bind bind' "$(events "$DIR/other.jsonl")"
}

@test "a directory, a block device or a socket is no log: refused and counted, and not even opened" {
	LOG=$DIR/thing.jsonl
	made=0
	for what in directory block socket; do
		case $what in
		directory) mkdir "$LOG" ;;
		block) mknod "$LOG" b 7 0 2>/dev/null || continue ;;
		socket)
			start listener --says ready "$PROGRAMS/receive" log "$LOG"
			;;
		esac
		made=$((made + 1))
		survives 'load lost:2 bind' 'bind 2' "held $LOG" "rename $LOG $DIR/$what" bind
		assert_line 'held: 0'
		rm "$LOG"
	done
	assert_eq '' "$(stdout_of listener | grep -v ready || :)"
	[ $made -ge 2 ]
}

@test "a log of /dev/null takes all there is, /dev/full nothing, and the server minds neither" {
	LOG=/dev/null
	serve 'bind 3'
	LOG=/dev/full
	serve 'bind 3'
	ln -s /dev/full "$DIR/switch.jsonl"
	LOG=$DIR/switch.jsonl
	survives 'load lost:3 bind' 'bind 3' "unlink $LOG" bind
}

# ---- the disk

disk_full() {
	LOG=$DIR/disk/log.jsonl
	head -c 60k /dev/zero >"$DIR/disk/filler"
	serve 'bind 100' "unlink $DIR/disk/filler" 'bind 2'
}

@test "a full disk: the server is unaffected, and the next record that fits says how many are missing" {
	require_mounts
	told() {
		disk_full
		# What was cut short stands alone, whatever comes after it.
		jq -Rc 'fromjson? // "torn"' "$LOG" >"$DIR/lines"
	}
	apart told
	whole=$(grep -c '"event":"bind"' "$DIR/lines")
	lost=$(jq -s 'map(select(type == "object" and .event == "lost") | .count) | add' "$DIR/lines")
	assert_eq 102 $((whole + lost)) "whole $whole, lost $lost"
	[ "$lost" -gt 50 ]
	[ "$(jq -s 'map(select(. == "torn")) | length' "$DIR/lines")" -le 1 ]
	assert_eq '"bind" "bind"' "$(jq -c .event "$DIR/lines" | tail -n 2 | paste -sd' ')"
}

@test "the file size limit: no SIGXFSZ, and what is over it is counted" {
	# Control: the kernel means it.
	run bash -c "ulimit -f 1; exec head -c 4096 /dev/zero >'$DIR/zeroes'"
	assert_status 153
	serve 'limit fsize 3000' 'bind 20' 'limit fsize 0' 'bind 3' 'limit fsize 100000' bind
	whole=$(events | tr ' ' '\n' | grep -c bind)
	lost=$(jq -s 'map(select(.event == "lost") | .count) | add' "$LOG")
	assert_eq 24 $((whole + lost))
	[ "$lost" -ge 13 ]
}

@test "the file size limit holds for standard error too" {
	run bash -c "ulimit -Sf 2; LD_PRELOAD=$LIB V6SHIM_POLICY=ipv6-only exec '$PROGRAMS/survive' 'bind 50' \
		'limit fsize 100000' bind 2>'$DIR/err'"
	all_bound
	whole=$(grep -c ': bind' "$DIR/err")
	# The last gap may have room for a lost record alone.
	lost=$(sed -nE 's/.*lost: ([0-9]+) records? could not be written.*/\1/p' "$DIR/err" | paste -sd+)
	assert_eq 51 $((whole + lost)) "whole $whole, lost $lost"
	[ $((lost)) -gt 10 ]
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
	wait_for 20 ended server || fail 'the server does not end' || return
	stop server || return
	echo '"end"' >"$LOG"
	wait_for 10 grep -qx '"end"' "$DIR/got" || fail 'the FIFO is not read' || return
	stop_reading
	sed -i '/^"end"$/d' "$DIR/got"
	assert_eq "$1" "$(events "$DIR/got")"
}

ended() {
	! is_running "$1"
}

@test "a FIFO that nobody reads: dropped, and whoever comes later is told how many" {
	mkfifo "$LOG"
	start server --says '^touch' shim "${SETTINGS[@]}" LOG="$LOG" -- "$PROGRAMS/survive" 'bind 3' \
		"touch $DIR/dropped" "await $DIR/go" 'bind 2'
	read_fifo
	touch "$DIR/go"
	fifo_got 'load lost:3 bind bind'
}

@test "a FIFO whose reader goes away: no SIGPIPE, dropped and counted; the next reader is told" {
	mkfifo "$LOG"
	read_fifo
	start server --says '^touch' shim "${SETTINGS[@]}" LOG="$LOG" -- "$PROGRAMS/survive" bind \
		"touch $DIR/first" "await $DIR/gone" 'bind 4' "touch $DIR/dropped" "await $DIR/back" bind
	wait_for 10 grep -q bind "$DIR/got"
	assert_eq 'load bind' "$(events "$DIR/got")"
	stop_reading
	touch "$DIR/gone"
	wait_for 10 test -e "$DIR/dropped"
	read_fifo
	touch "$DIR/back"
	fifo_got 'lost:4 bind'
}

@test "a FIFO that is replaced by another: the records go to the new one" {
	mkfifo "$LOG"
	exec 6<>"$LOG"
	start server --says '^touch' shim "${SETTINGS[@]}" LOG="$LOG" -- "$PROGRAMS/survive" bind \
		"rename $LOG $LOG.old" "mkfifo $LOG" "touch $DIR/there" "await $DIR/go" bind
	read_fifo
	touch "$DIR/go"
	fifo_got bind
	exec 6>&-
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
		for fd in 2 6; do
			run on_broken $kind bash -c "exec head -c 1 /dev/zero >&$fd"
			assert_status 141
		done
	done
	while IFS='|' read -r -a steps; do
		for kind in pipe fifo; do
			bare=$(on_broken $kind "$PROGRAMS/survive" "${steps[@]}")
			for log in stderr fd:6; do
				resolve shim POLICY=ipv6-only LOG=$log -- "$PROGRAMS/survive" "${steps[@]}"
				run on_broken $kind "${COMMAND[@]}"
				all_bound
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
		catch|block|break|bind|pending|unblock|caught
		catch|block|raise|kill|bind|pending|unblock|caught
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
	resolve shim "${SETTINGS[@]}" LOG_FORMAT=json LOG="$2" -- "$PROGRAMS/survive" "${@:3}"
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
		full_server "$kind" "$log" 'bind 20' "touch $DIR/dropped" "await $DIR/back" bind "touch $DIR/done"
		wait_for 10 test -e "$DIR/dropped" || fail "$kind, $log: the server is held up"
		# Control: it was.
		assert_eq 124 "$(cat "$DIR/status")"
		touch "$DIR/go"
		wait_for 10 is_drained 65536 || fail "$kind, $log: the pipe was not drained"
		touch "$DIR/back"
		wait_for 10 is_drained 66000 || fail "$kind, $log: nothing was told"
		stop server
		output=$(cat "$DIR/said") status=0
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

@test "a terminal that is stopped by ^S does not hold the server up" {
	require script
	# Control: who writes there is held up.
	on_terminal "$PROGRAMS/survive -o $DIR/said stop-output; timeout 0.3 /bin/echo held up; echo \$? >$DIR/status
		$PROGRAMS/survive -o $DIR/said start-output"
	assert_eq 124 "$(cat "$DIR/status")"
	on_terminal "V6SHIM_POLICY=ipv6-only V6SHIM_LOG=stderr LD_PRELOAD=$LIB $PROGRAMS/survive -o $DIR/said \
		bind stop-output 'bind 20' start-output bind"
	output=$(cat "$DIR/said") status=0
	all_bound
	assert_match 'lost: 20 records could not be written' "$(cat "$DIR/seen")"
	assert_eq 2 "$(grep -c ': bind' "$DIR/seen")"
}

@test "a terminal whose output nobody reads does not hold the server up" {
	require python3
	run timeout 30 python3 - "$LIB" "$PROGRAMS/survive" <<-'END'
		import os, pty, select, subprocess, sys

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
		end = subprocess.run([sys.argv[2], "bind 200"], stderr=terminal[1], timeout=10, env={
		    "LD_PRELOAD": sys.argv[1], "V6SHIM_POLICY": "ipv6-only", "V6SHIM_LOG": "stderr"})
		sys.exit(end.returncode)
	END
	all_bound
}

@test "a terminal that stops its background jobs when they write does not stop the server" {
	require script
	# Control: it does stop who writes there itself.
	on_terminal "bash -mc 'stty tostop; /bin/echo here & sleep 0.3; jobs -s >$DIR/jobs; kill -9 %1'" || :
	assert_match 'Stopped.*echo here' "$(cat "$DIR/jobs")"
	on_terminal "bash -mc 'stty tostop; V6SHIM_POLICY=ipv6-only LD_PRELOAD=$LIB $PROGRAMS/survive -o $DIR/said \
		bind bind & wait'"
	output=$(cat "$DIR/said") status=0
	all_bound
	assert_eq 2 "$(grep -c bind "$DIR/said")"
}

# ---- standard error that becomes something else

@test "standard error closed, and a file of the server's there: nothing is written to it" {
	LOG=stderr
	for mode in rw write; do
		rm -f "$DIR/own"
		serve bind 'close 2' bind "open $DIR/own $mode 2" 'bind 2'
		assert_eq "$DIR/own" "$(cat "$DIR/own")" "$mode"
	done
}

@test "standard error closed, and a pipe of the server's there: nothing is written to it" {
	LOG=stderr
	serve bind 'close 2' 'pipe 2' 'bind 2' got
	assert_line 'got: 0 bytes'
	# Closed already when the server came.
	run bash -c "V6SHIM_POLICY=ipv6-only LD_PRELOAD=$LIB '$PROGRAMS/survive' 'pipe 2' 'bind 2' got 2>&-"
	all_bound
	assert_line 'got: 0 bytes'
}

@test "standard error that the server turned to a log of its own, opened for appending, is written to" {
	LOG=stderr
	serve bind "open $DIR/own append 2" 'bind 2'
	assert_eq "$DIR/own" "$(head -n 1 "$DIR/own")"
	assert_eq 2 "$(grep -c '^v6shim survive.*: bind' "$DIR/own")"
}

@test "standard error away for a while: the loss is told when it is back" {
	run bash -c "V6SHIM_POLICY=ipv6-only V6SHIM_LOG_FORMAT=json LD_PRELOAD=$LIB '$PROGRAMS/survive' \
		bind save 'close 2' 'bind 3' 'open $DIR/own rw 2' bind restore bind 2>'$LOG'"
	all_bound
	assert_eq 'load bind lost:4 bind' "$(events)"
	assert_eq "$DIR/own" "$(cat "$DIR/own")"
}

# ---- a descriptor that was handed over

@test "fd:N is written to as long as it is what it was at the start" {
	LOG=fd:6
	for then in 'close 6' "open $DIR/own rw 6" "open $DIR/own append 6" 'null 6' close_range 'pipe 6'; do
		rm -f "$DIR/own" "$DIR/log"
		serve bind "$then" 'bind 2' 6>"$DIR/log"
		assert_eq 2 "$(wc -l <"$DIR/log")" "$then"
		[ ! -e "$DIR/own" ] || assert_eq "$DIR/own" "$(cat "$DIR/own")" "$then"
	done
	# Not there at the start: it never becomes the log.
	serve "open $DIR/own append 6" 'bind 2'
	assert_eq "$DIR/own" "$(cat "$DIR/own")"
}

@test "fd:N that comes back tells what was lost; one that does not leaves it untold" {
	run bash -c "V6SHIM_POLICY=ipv6-only V6SHIM_LOG=fd:2 V6SHIM_LOG_FORMAT=json LD_PRELOAD=$LIB '$PROGRAMS/survive' \
		bind save 'close 2' 'bind 3' restore bind 2>'$LOG'"
	all_bound
	assert_eq 'load bind lost:3 bind' "$(events)"
	run bash -c "V6SHIM_POLICY=ipv6-only V6SHIM_LOG=fd:2 V6SHIM_LOG_FORMAT=json LD_PRELOAD=$LIB '$PROGRAMS/survive' \
		bind 'close 2' 'bind 3' 'null 2' bind 2>'$LOG'"
	all_bound
	assert_eq 'load bind' "$(events)"
}

# ---- many at once

# tally FILE...: the records of them all, each (pid, tid, address) being one.
tally() {
	python3 - "$@" <<-'END'
		import collections, json, sys

		made, other, torn = collections.Counter(), collections.Counter(), 0
		first = {}
		for name in sys.argv[1:]:
		    for line in open(name, "rb"):
		        try:
		            r = json.loads(line)
		        except ValueError:
		            torn += 1
		            continue
		        first.setdefault(r["pid"], r["event"])
		        if r["event"] == "bind":
		            made[r["pid"], r["tid"], r["addr"]] += 1
		        else:
		            other[r["event"], r["pid"]] += r.get("count", 1)
		print("records", sum(made.values()))
		print("twice", sum(n > 1 for n in made.values()))
		print("torn", torn)
		print("lost", sum(n for (event, pid), n in other.items() if event == "lost"))
		print("processes", len(first))
		print("loads", sum(n for (event, pid), n in other.items() if event == "load"))
	END
}

# hammered MADE PROCESSES FILE...: all that were made are there, once, whole; one load record a process.
hammered() {
	local made=$1 processes=$2

	shift 2
	assert_eq "records $made
twice 0
torn 0
lost 0
processes $processes
loads $processes" "$(tally "$@")"
}

# hammer OPTION...: sets `made` and `took`, in seconds.
hammer() {
	local begin=${EPOCHREALTIME/./}

	made=$(shim POLICY=app LOG_LEVEL=bind LOG="$LOG" -- "$PROGRAMS/hammer" "$@") || return
	took=$(printf '%07d' $((${EPOCHREALTIME/./} - begin)) | sed 's/......$/.&/')
	made=${made#made }
}

@test "8 processes of 8 threads write 100,000 records into one file: none is torn and none is lost" {
	require python3
	hammer -p 8 -t 8 -n 1563
	hammered "$made" 8 "$LOG"
	[ "$made" -ge 100000 ]
	echo "# $made records in $took s" >&3
}

rotate() {
	for i in {1..10}; do
		wait_for 20 test -s "$LOG"
		mv "$LOG" "$LOG.$i"
	done
}

@test "the same while the file is rotated 10 times: none is lost, in all the files together" {
	require python3
	rotate &
	hammer -p 8 -t 8 -n 6000
	wait $!
	[ -e "$LOG.10" ] || fail 'the server was quicker than the rotation'
	hammered "$made" 8 "$LOG"*
	echo "# $made records in $took s, in $(find "$DIR" -name 'log.jsonl*' | wc -l) files" >&3
}

@test "%p: 8 processes of 8 threads, a file each" {
	require python3
	LOG=$DIR/log.%p.jsonl
	hammer -p 8 -t 8 -n 200
	hammered "$made" 8 "$DIR"/log.*.jsonl
	assert_eq 8 "$(find "$DIR" -name 'log.*.jsonl' -size +0 | wc -l)"
}

@test "fork in a threaded program, while its other threads log: every child's records are there" {
	require python3
	hammer -p 2 -t 8 -n 5000 -f 300
	hammered "$made" 602 "$LOG"
	assert_eq $((2 * 8 * 5000 + 2 * 300 * 5)) "$made"
}

@test "signal handlers that log, in the middle of records and of rotations" {
	require python3
	rotate &
	hammer -p 2 -t 4 -n 20000 -s
	wait $!
	[ "$made" -gt $((2 * 4 * 20000)) ] || fail 'no handler ran'
	hammered "$made" 2 "$LOG"*
}

@test "forty children of vfork, who have their parent's memory: each process tells its load once" {
	local steps=(bind)

	for i in {1..40}; do
		steps+=(vfork)
	done
	serve "${steps[@]}" bind
	assert_eq 42 "$(jq -s 'map(select(.event == "bind")) | length' "$LOG")"
	assert_eq '41 41' "$(jq -s 'map(select(.event == "load").pid) | "\(length) \(unique | length)"' "$LOG" | tr -d '"')"
}

# ---- lost

@test "lost: of the process that lost them; a child's count starts anew" {
	mkfifo "$LOG"
	start server --says 'touch' shim "${SETTINGS[@]}" LOG="$LOG" -- "$PROGRAMS/survive" 'bind 3' \
		fork 'bind 2' "touch $DIR/dropped" "await $DIR/go" bind join bind fork bind join
	read_fifo
	touch "$DIR/go"
	fifo_got 'load lost:2 bind load lost:3 bind load bind'
	assert_eq 3 "$(jq .pid "$DIR/got" | uniq | wc -l)"
}

@test "lost: a child of vfork, which has its parent's memory, leaves its parent's count alone" {
	mkfifo "$LOG"
	start server --says 'touch' shim "${SETTINGS[@]}" LOG="$LOG" -- "$PROGRAMS/survive" 'bind 3' vfork bind \
		"touch $DIR/dropped" "await $DIR/go" bind
	read_fifo
	touch "$DIR/go"
	fifo_got 'load lost:4 bind'
}

@test "lost: many threads lose records at once, and the count is exact" {
	mkfifo "$LOG"
	start server --now shim POLICY=app LOG_LEVEL=bind LOG="$LOG" -- \
		"$PROGRAMS/hammer" -p 1 -t 8 -n 500 -a "$DIR/go"
	wait_for 20 threads_ended
	read_fifo
	touch "$DIR/go"
	fifo_got 'load lost:4000 bind'
}

# The server's one child has but one thread left.
threads_ended() {
	local child

	child=$(pgrep -P "$(pid_of server)") && [ "$(find "/proc/$child/task" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
}

# ---- load

@test "load: the first record of every process that writes one, with version, settings and their origin" {
	printf 'policy = ipv6-only\non-conflict = resolve\nlog-level = bind\n' >"$DIR/conf"
	shim CONFIG="$DIR/conf" LOG="$LOG" ON_DISORDER=log -- "$PROGRAMS/survive" bind fork bind join exec bind
	assert_eq 'load bind load bind load bind' "$(events)"
	assert_eq 1 "$(json_records "$LOG" 'select(.event == "load") | .note' | sort -u | wc -l)"
	note=$(jq -r 'select(.event == "load") | .note' "$LOG" | head -n 1)
	version=$("$V6SHIM" --version | grep -oE '[0-9]+\.[0-9.]+' | head -n 1)
	assert_match "^v6shim ${version//./\\.}, " "$note"
	assert_match 'policy=ipv6-only \([^)]*file' "$note"
	assert_match "log=$LOG \\(environment\\)" "$note"
	assert_match 'all else default$' "$note"
}

@test "load: a program that has nothing to tell writes nothing, but at level all, where it comes at once" {
	shim POLICY=ipv6-only LOG="$LOG" -- "$PROGRAMS/survive" 'say nothing'
	assert_eq '' "$(events)"
	shim POLICY=ipv6-only LOG_LEVEL=all LOG="$LOG" -- "$PROGRAMS/survive" 'say nothing'
	assert_eq load "$(events)"
}

@test "load: a path as long as a path may be leaves the record whole" {
	long=$DIR
	while [ ${#long} -lt 3800 ]; do long+=/$(printf 'd%.0s' {1..200}); done
	mkdir -p "$long"
	LOG=$long/log.jsonl
	survives 'load bind bind' 'bind 2'
	[ "$(wc -L <"$LOG")" -le 4095 ]
}

# ---- cost

# calls STEPS [SAVE]: how many system calls a server makes that takes them.
calls() {
	(
		close_bats_fds
		exec strace -f -qq -o "$DIR/trace" -E LD_PRELOAD="$LIB" -E V6SHIM_POLICY=ipv6-only -E V6SHIM_LOG="$LOG" \
			"$PROGRAMS/survive" "$1" >/dev/null
	) 2>&1 | cat >/dev/null
	grep -vc '+++' "$DIR/trace"
}

@test "system calls of a record" {
	require strace
	exec 5>"$DIR/appended"
	for log in off "$LOG" stderr fd:5 /dev/null; do
		LOG=$log
		each=$((($(calls 'bind 30') - $(calls 'bind 10')) / 20))
		[ "$log" != off ] || bare=$each
		# What the sink does: from the time stamp's process id on.
		list=$(sed -nE '/\bbind\(/h; /\bbind\(/!H; /\bclose\(/{x;p}' "$DIR/trace" | tac | sed '/bind(/q' | tac |
			sed -E 's/^[0-9]+ +//; s/\(.*//' | sed -n '/^getpid/,$p' | sed '$d' | paste -sd' ')
		echo "# log=${log/$DIR/...}: $each a bind, $((each - bare)) more than with the log off; the sink: $list" >&3
		assert_eq "$([ "$log" = off ] || echo 1)" "$(tr ' ' '\n' <<<"$list" | grep -cE '^(p?write|sendto)' | sed s/^0//)" "$log"
	done
}
