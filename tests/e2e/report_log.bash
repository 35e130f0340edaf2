# shellcheck shell=bash
# report_log.bash - logs written by hand from DESIGN.md 1.6, for the tests of v6shim report.
#
#   log FILE                    what follows goes there
#   load PID PROGRAM [SETTING=VALUE...]      a load record, its settings from the environment
#   record PID PROGRAM EVENT [KEY=VALUE...]  any other. VALUE is taken for a string unless it is a number,
#                               or begins with { or [. POLICY, MODE, ACTION and FINDING have defaults
#   bound PID PROGRAM FD ADDR PORT [KEY=VALUE...]      a TCP bind
#   listened PID PROGRAM FD ADDR PORT SERVES [KEY=VALUE...]   a TCP listen; SERVES is 4, 6 or 64
#   opened PID PROGRAM FD ADDR PORT SERVES [KEY=VALUE...]     both
#   conflict PID PROGRAM FD ADDR PORT [KEY=VALUE...]   a TCP bind that fails with EADDRINUSE
#   report ARGUMENT...          `run v6shim report`, NO_COLOR unset
#   answer JQ-FILTER FILE...    of the report as JSON
#
# Each record is a second later than the one before; the first is of 2026-01-02T03:04:05.000006Z.

LOG=
SECOND=0

log() {
	LOG=$1
	: >"$LOG"
}

# json VALUE: sets `json` to it: a string, unless it looks like something else.
json() {
	json=$1
	[[ $json =~ ^(-?[0-9]+|[[{].*)$ ]] || json="\"$json\""
}

record() {
	local pid=$1 program=$2 event=$3 pair json policy=app mode=enforce action=none finding=none members=''
	local s=$((4 * 60 + 5 + SECOND++))

	shift 3
	for pair in "$@"; do
		case $pair in
		policy=* | mode=* | action=* | finding=*) declare "$pair" ;;
		*) json "${pair#*=}" && members+=",\"${pair%%=*}\":$json" ;;
		esac
	done
	[ "$event" = lost ] || [ "$event" = error ] ||
		members+=",\"policy\":\"$policy\",\"mode\":\"$mode\",\"action\":\"$action\",\"finding\":\"$finding\""
	printf '{"v":1,"time":"2026-01-02T%02d:%02d:%02d.000006Z","pid":%s,"program":"%s","via":"preload","event":"%s"%s}\n' \
		$((3 + s / 3600)) $((s / 60 % 60)) $((s % 60)) "$pid" "$program" "$event" "$members" >>"$LOG"
}

load() {
	local pid=$1 program=$2 settings='' pair policy=app mode=enforce

	shift 2
	for pair in "$@"; do
		case $pair in
		policy=* | mode=*) declare "$pair" ;;
		esac
		settings+=",\"${pair%%=*}\":{\"value\":\"${pair#*=}\",\"origin\":\"environment\"}"
	done
	record "$pid" "$program" load "policy=$policy" "mode=$mode" version=0.1.0 "settings={${settings#,}}"
}

call() {
	local event=$1 pid=$2 program=$3 fd=$4 addr=$5 port=$6 family=inet

	shift 6
	[[ $addr != *:* ]] || family=inet6
	record "$pid" "$program" "$event" "fd=$fd" "family=$family" type=stream proto=tcp \
		"addr=$addr" "port=$port" "$@"
}

bound() {
	call bind "$@" result=0
}

listened() {
	local serves

	case $6 in
	4) serves='["inet"]' ;;
	6) serves='["inet6"]' ;;
	64) serves='["inet6","inet"]' ;;
	esac
	call listen "${@:1:5}" "serves=$serves" result=0 "${@:7}"
}

opened() {
	local v6only=()

	[[ $4 != *:* ]] || v6only=(before=$(($6 == 6)) after=$(($6 == 6)))
	bound "${@:1:5}" "${v6only[@]}" "${@:7}"
	listened "${@:1:6}" "${v6only[@]}" "${@:7}"
}

conflict() {
	call bind "$@" finding=conflict result=-1 errno=EADDRINUSE
}

report() {
	run env -u NO_COLOR "$V6SHIM" report "$@"
}

answer() {
	local filter=$1

	shift
	"$V6SHIM" report --json "$@" | jq -cr "$filter"
}
