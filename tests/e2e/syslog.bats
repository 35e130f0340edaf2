#!/usr/bin/env bats
# log=syslog: datagrams to /dev/log, in a mount namespace with a /dev of its own. A stand-in for the daemon
# shows each as it comes, then a real one writes them.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load helper

setup() {
	export DIR=$BATS_TEST_TMPDIR
	[ "$EUID" -eq 0 ] || skip 'needs root'
	unshare -m true 2>/dev/null || skip 'needs leave to make a mount namespace'
	PATH=$PATH:/usr/sbin
}

# with_dev FUNCTION: it runs where /dev is a new one, without a log, and ends what it starts.
with_dev() {
	{
		declare -p "${HELPER_VARIABLES[@]}"
		declare -f
	} >"$DIR/functions"
	mkdir -p "$DIR/dev"
	# shellcheck disable=SC2016 # for the shell inside
	unshare -m -- bash -c '
		. "$DIR/functions"
		declare -A SUPERVISOR=()
		declare -a COMMAND=()
		set -eE
		trap "status=\$?; stop_all || status=1; exit \$status" EXIT
		mount -t tmpfs tmpfs "$DIR/dev"
		for node in null zero full random urandom; do
			: >"$DIR/dev/$node"
			mount --bind "/dev/$node" "$DIR/dev/$node"
		done
		ln -s /proc/self/fd "$DIR/dev/fd"
		mount --bind "$DIR/dev" /dev
		"$@"
	' with_dev "$@"
}

# daemon [log|full]: the stand-in comes; a second time it comes anew.
daemon() {
	[ -z "${SUPERVISOR[daemon]-}" ] || stop daemon
	start daemon --says '^ready$' "$PROGRAMS/receive" "${1-log}" /dev/log
}

# got: what the stand-in has had since it came, all that was sent before being there.
got() {
	"$PROGRAMS/steps" 'socket unix' >/dev/null
	wait_for 5 settled
	stdout_of daemon | sed 1d
}

settled() {
	local before

	before=$(stdout_of daemon | wc -l)
	sleep 0.1
	[ "$(stdout_of daemon | wc -l)" -eq "$before" ]
}

serve() {
	shim POLICY=ipv6-only LOG=syslog "$@"
}

# events: of datagrams in the text form.
events() {
	sed -E 's/^<[0-9]+>[^ ]+ v6shim [^ ]+ (load|bind|lost: [0-9]+|[a-z]+).*/\1/; s/lost: /lost:/' | paste -sd' '
}

control() {
	daemon
	python3 -c 'import syslog; syslog.openlog("name", syslog.LOG_PID, syslog.LOG_DAEMON); syslog.syslog(syslog.LOG_WARNING, "text")'
	assert_match '^<28>[A-Z][a-z]{2} .* name\[[0-9]+\]: text$' "$(got)"
}

@test "control: the stand-in gets what libc's syslog(3) sends" {
	require python3
	with_dev control
}

text() {
	daemon
	serve -- "$PROGRAMS/survive" bind >"$DIR/out"
	got >"$DIR/got"
	assert_eq 2 "$(wc -l <"$DIR/got")"
	pid=$(sed -nE '1s/^<30>survive\[([0-9]+)\]: v6shim survive\[\1\]: load: .*$/\1/p' "$DIR/got")
	[ -n "$pid" ] || fail "$(cat "$DIR/got")"
	assert_eq "<30>survive[$pid]: v6shim survive[$pid]: bind tcp [::]:0 fd 3: V6ONLY 0 -> 1 (policy ipv6-only)" \
		"$(sed -n 2p "$DIR/got")"
}

@test "a record is one datagram, <PRI>TAG[PID]: TEXT, without a newline" {
	with_dev text
}

json() {
	daemon
	serve LOG_FORMAT=json -- "$PROGRAMS/survive" bind >"$DIR/out"
	got >"$DIR/got"
	sed -E 's/^<30>survive\[([0-9]+)\]: /\1 /' "$DIR/got" | while read -r pid record; do
		assert_eq "$pid" "$(jq .pid <<<"$record")"
	done
	assert_eq '"load" "bind"' "$(sed 's/^[^{]*//' "$DIR/got" | jq .event | paste -sd' ')"
}

@test "with log-format=json the text is the JSON record" {
	with_dev json
}

# severity N FILTER: the line with FILTER came with facility daemon (3) and severity N.
severity() {
	assert_eq "<$((3 * 8 + $1))>" "$(got | grep -e "$2" | sed 's/>.*/>/' | sort -u)" "$2"
}

severities() {
	port=$(free_port)
	daemon
	serve -- "$PROGRAMS/steps" 'socket tcp6' 'v6only 0' "bind :: $port" listen 'socket tcp6' "bind :: $port" >"$DIR/out"
	severity 5 'contrary'
	severity 4 'EADDRINUSE'
	severity 6 'bind tcp.*V6ONLY 0 -> 1'
	severity 6 'load:'
	daemon
	serve ON_CONTRARY=deny:EPERM -- "$PROGRAMS/steps" 'socket tcp6' 'v6only 0' >"$DIR/out"
	severity 5 'denied'
	daemon
	serve ORDER=ipv4-first ON_DISORDER=deny:EACCES -- "$PROGRAMS/steps" 'socket tcp6' "bind :: $port" >"$DIR/out"
	severity 5 'bind tcp.*disorder'
	daemon
	V6SHIM_POLICY=nonsense V6SHIM_LOG=syslog LD_PRELOAD=$LIB "$PROGRAMS/steps" 'socket tcp6' >"$DIR/out" 2>&1
	severity 3 'nonsense'
	rm /dev/log
	serve -- "$PROGRAMS/survive" 'bind 3' "touch $DIR/lost" "await $DIR/go" bind >"$DIR/out" &
	server=$!
	wait_for 10 test -e "$DIR/lost"
	daemon
	touch "$DIR/go"
	wait "$server"
	severity 4 'lost: 3 '
}

@test "facility daemon; error, lost and conflict, what was found or denied, and the rest by their severity" {
	with_dev severities
}

odd_name() {
	daemon
	cp "$PROGRAMS/survive" "$DIR/an odd[7]:näme that is rather long for a tag"
	serve -- "$DIR"/an*tag bind >"$DIR/out"
	got >"$DIR/got"
	assert_match '^<30>an_odd_7__n__me_that_is_rather_l\[[0-9]+\]: v6shim an odd' "$(head -n 1 "$DIR/got")"
}

@test "a program may call itself what it likes: the tag ends where a tag ends" {
	with_dev odd_name
}

restarted() {
	daemon
	serve -- "$PROGRAMS/survive" bind "touch $DIR/one" "await $DIR/two" bind "touch $DIR/three" \
		"await $DIR/four" 'bind 2' "touch $DIR/five" "await $DIR/six" bind >"$DIR/out" &
	server=$!
	wait_for 10 test -e "$DIR/one"
	assert_eq 'load bind' "$(got | events)"
	daemon
	touch "$DIR/two"
	wait_for 10 test -e "$DIR/three"
	assert_eq 'bind' "$(got | events)"
	stop daemon
	touch "$DIR/four"
	wait_for 10 test -e "$DIR/five"
	daemon
	touch "$DIR/six"
	wait "$server"
	assert_eq 'lost:2 bind' "$(got | events)"
	refute grep -v ': ok$' "$DIR/out"
}

@test "a daemon that is started again is found; what came between is counted" {
	with_dev restarted
}

absent() {
	serve -- "$PROGRAMS/survive" 'bind 50' "touch $DIR/one" "await $DIR/two" bind >"$DIR/out" &
	server=$!
	wait_for 10 test -e "$DIR/one"
	daemon
	touch "$DIR/two"
	wait "$server"
	assert_eq 'load lost:50 bind' "$(got | events)"
	refute grep -v ': ok$' "$DIR/out"
}

@test "no /dev/log: dropped and counted, and the server does not wait for one" {
	with_dev absent
}

full() {
	daemon full
	serve -- "$PROGRAMS/survive" 'bind 500' "touch $DIR/one" "await $DIR/two" bind >"$DIR/out" &
	server=$!
	wait_for 10 test -e "$DIR/one"
	daemon
	touch "$DIR/two"
	wait "$server"
	refute grep -v ': ok$' "$DIR/out"
	lost=$(got | sed -nE 's/.* lost: ([0-9]+) records.*/\1/p')
	[ "$lost" -gt 400 ]
	[ "$lost" -lt 500 ]
}

@test "a daemon that takes nothing: its queue is filled, the rest dropped and counted, and nobody waits" {
	with_dev full
}

closed() {
	daemon
	for way in close_range closefrom close-loop; do
		serve -- "$PROGRAMS/survive" bind $way bind $way bind 'is 3' >"$DIR/out"
		assert_line 'is: closed' "$(cat "$DIR/out")"
	done
	assert_eq 'load bind bind bind load bind bind bind load bind bind bind' "$(got | events)"
}

@test "every descriptor closed: the next record connects again" {
	with_dev closed
}

taken() {
	daemon
	mkdir "$DIR/own"
	serve -- "$PROGRAMS/survive" 'limit nofile 1100' bind close_range "files $DIR/own" 'close 1090' 'close 1091' \
		'close 1092' bind bind >"$DIR/out"
	assert_eq 'load bind bind bind' "$(got | events)"
	for file in "$DIR"/own/*; do
		[ "$(<"$file")" = "${file##*/}" ] || fail "$file: $(cat "$file")"
	done
}

@test "its number taken by a file of the server's: nothing is written into that" {
	with_dev taken
}

jailed() {
	daemon
	mkdir "$DIR/jail"
	serve -- "$PROGRAMS/survive" bind "chroot $DIR/jail" 'user 65534' bind fork bind join >"$DIR/out"
	assert_eq 'load bind bind load bind' "$(got | events)"
	assert_eq 3 "$(got | sed -n 's/.*survive\[\([0-9]*\)\]: bind.*/\1/p' | wc -l)"
	assert_eq 2 "$(got | sed -n 's/^<30>survive\[\([0-9]*\)\].*/\1/p' | sort -u | wc -l)"
}

@test "chroot, dropped privileges and fork: the records go on, by the process that made them" {
	with_dev jailed
}

many() {
	daemon
	start hammer --now shim POLICY=app LOG=syslog LOG_LEVEL=bind LOG_FORMAT=json -- \
		"$PROGRAMS/hammer" -p 4 -t 4 -n 500 -a "$DIR/go"
	wait_for 20 threads_ended
	# The last record of each finds room, and a lost record goes before it.
	got >"$DIR/so-far"
	touch "$DIR/go"
	wait_for 10 grep -q made "$DIR/hammer.out"
	got | sed 's/^[^{]*//' >"$DIR/got"
	assert_eq 'made 8004' "$(stdout_of hammer)"
	assert_eq 8004 "$(jq -s '(map(select(.event == "bind")) | length) + (map(.count // 0) | add)' "$DIR/got")"
}

# Each of the server's four processes has but one thread left.
threads_ended() {
	local child all=0

	for child in $(pgrep -P "$(pid_of hammer)"); do
		[ "$(find "/proc/$child/task" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ] || return
		all=$((all + 1))
	done
	[ $all -eq 4 ]
}

@test "many threads at once: what has not come was counted" {
	with_dev many
}

real() {
	cat >"$DIR/conf" <<-END
		global(workDirectory="$DIR")
		module(load="imuxsock" SysSock.Name="/dev/log" SysSock.RateLimit.Interval="0")
		template(name="all" type="list") {
			property(name="syslogfacility-text") constant(value=".") property(name="syslogseverity-text")
			constant(value=" ") property(name="programname") constant(value=" ") property(name="procid")
			constant(value=" ") property(name="msg" droplastlf="off") constant(value="\n")
		}
		*.* action(type="omfile" file="$DIR/messages" template="all" asyncWriting="off")
	END
	start rsyslogd --now rsyslogd -n -f "$DIR/conf" -i "$DIR/pid"
	wait_for 10 test -S /dev/log
	serve -- "$PROGRAMS/survive" bind >"$DIR/out"
	serve LOG_FORMAT=json -- "$PROGRAMS/steps" 'socket tcp6' 'v6only 0' >"$DIR/out"
	wait_for 10 grep -q contrary "$DIR/messages"
	pid=$(sed -nE '/ v6shim survive/{s/^daemon\.info survive ([0-9]+) .*/\1/p;q}' "$DIR/messages")
	assert_line "daemon.info survive $pid  v6shim survive[$pid]: bind tcp [::]:0 fd 3: V6ONLY 0 -> 1 (policy ipv6-only)" \
		"$(cat "$DIR/messages")"
	assert_match '^daemon.notice steps [0-9]+  \{"v":1,.*"finding":"contrary".*\}$' "$(tail -n 1 "$DIR/messages")"
	# Nothing was split, nothing glued together.
	assert_eq 4 "$(grep -cE '^daemon\.[a-z]+ (survive|steps) ' "$DIR/messages")"
}

@test "rsyslogd takes it for what it is: facility, severity, tag, process id, text" {
	require rsyslogd
	with_dev real
}
