# shellcheck shell=bash
# survive.bash - for the files that start programs/survive.py: `load survive`, after helper.
#
#   SURVIVE, RECEIVE           the commands: programs/survive.py, programs/receive.py
#   events [FILE]              what a log in JSON holds, in that order: `load bind lost:3 bind`
#   threads_ended NAME N       each of the N children of what was started so has but one thread left
#   apart FUNCTION [ARG...]    it runs in a mount namespace of its own; what it starts is ended
#   with_dev FUNCTION          the same, /dev being a new one, with no log in it
#   daemon [log|full]          programs/receive.py is at /dev/log; the second time it comes anew
#   got                        what it has had since it came, all that was sent before being there

PYTHON=$(python3 -c 'import sys; print(sys.executable)') || return
# shellcheck disable=SC2034 # for the test files
SURVIVE=("$PYTHON" -ISB "$ROOT/tests/programs/survive.py")
RECEIVE=("$PYTHON" -ISB "$ROOT/tests/programs/receive.py")
HELPER_VARIABLES+=(PYTHON SURVIVE RECEIVE)
# shellcheck disable=SC2034
NOBODY=65534

events() {
	[ -e "${1-$LOG}" ] || return 0
	jq -r 'if .event == "lost" then "lost:\(.count)" else .event end' "${1-$LOG}" | paste -sd' '
}

threads_ended() {
	local child all=0

	for child in $(pgrep -P "$(pid_of "$1")"); do
		[ "$(find "/proc/$child/task" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ] || return
		all=$((all + 1))
	done
	[ $all -eq "$2" ]
}

require_mounts() {
	require_root
	unshare -m true 2>/dev/null || skip 'needs leave to make a mount namespace'
}

apart() {
	{
		declare -p "${HELPER_VARIABLES[@]}" DIR LOG NOBODY
		declare -f
	} >"$DIR/functions"
	# shellcheck disable=SC2016 # for the shell inside
	unshare -m --propagation private -- bash -c '
		. "$1"
		shift
		declare -A SUPERVISOR=()
		declare -a COMMAND=()
		set -eE
		trap "status=\$?; stop_all || status=1; exit \$status" EXIT
		"$@"
	' apart "$DIR/functions" "$@"
}

with_dev() {
	apart new_dev "$@"
}

new_dev() {
	local node

	mkdir -p "$DIR/dev"
	mount -t tmpfs tmpfs "$DIR/dev"
	for node in null zero full random urandom; do
		: >"$DIR/dev/$node"
		mount --bind "/dev/$node" "$DIR/dev/$node"
	done
	ln -s /proc/self/fd "$DIR/dev/fd"
	mount --bind "$DIR/dev" /dev
	"$@"
}

daemon() {
	[ -z "${SUPERVISOR[daemon]-}" ] || stop daemon
	start daemon --says '^ready$' "${RECEIVE[@]}" "${1-log}" /dev/log
}

# Datagrams come in the order in which they were sent: the last one is ours.
got() {
	"$PYTHON" -c 'import socket; socket.socket(1, 2).sendto(b"end", "/dev/log")'
	wait_for 10 grep -qx end "$(run_dir)/daemon.out"
	stdout_of daemon | sed '1d; /^end$/d'
}
