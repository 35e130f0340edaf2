# shellcheck shell=bash
# report_log.bash - logs written by hand from DESIGN.md 1.6, for the tests of v6shim report.
#
#   log FILE                    what follows goes there
#   load PID PROGRAM [SETTING=VALUE...]      a load record, its settings from the environment
#   record PID PROGRAM EVENT [KEY=VALUE...]  any other. VALUE is taken for a string unless it is a number,
#                               or begins with { or [. POLICY, MODE, ACTION and FINDING have defaults
#   bound PID PROGRAM FD ADDR PORT [KEY=VALUE...]      a TCP bind
#   heard PID PROGRAM FD ADDR PORT SERVES [KEY=VALUE...]   a TCP listen; SERVES is 4, 6 or 64
#   report ARGUMENT...          `run v6shim report`, NO_COLOR unset
#
# Each record is a second later than the one before; the first is of 2026-01-02T03:04:05.000006Z.

LOG=
SECOND=0

log() {
	LOG=$1
	: >"$LOG"
}

time_of() {
	local s=$((4 * 60 + 5 + SECOND))

	printf '2026-01-02T%02d:%02d:%02d.000006Z' $((3 + s / 3600)) $((s / 60 % 60)) $((s % 60))
}

member() {
	local key=${1%%=*} value=${1#*=}

	[[ $value =~ ^(-?[0-9]+|[[{].*)$ ]] || value="\"$value\""
	printf ',"%s":%s' "$key" "$value"
}

record() {
	local pid=$1 program=$2 event=$3 pair policy=app mode=enforce action=none finding=none members=''

	shift 3
	for pair in "$@"; do
		case $pair in
		policy=* | mode=* | action=* | finding=*) declare "$pair" ;;
		*) members+=$(member "$pair") ;;
		esac
	done
	printf '{"v":1,"time":"%s","pid":%s,"tid":%s,"program":"%s","event":"%s"%s' \
		"$(time_of)" "$pid" "$pid" "$program" "$event" "$members" >>"$LOG"
	[ "$event" = lost ] || [ "$event" = error ] ||
		printf ',"policy":"%s","mode":"%s","action":"%s","finding":"%s"' \
			"$policy" "$mode" "$action" "$finding" >>"$LOG"
	echo '}' >>"$LOG"
	SECOND=$((SECOND + 1))
}

load() {
	local pid=$1 program=$2 note='v6shim 0.1.0' pair policy=app mode=enforce

	shift 2
	for pair in "$@"; do
		note+=", $pair (environment)"
		case $pair in
		policy=* | mode=*) declare "$pair" ;;
		esac
	done
	record "$pid" "$program" load "policy=$policy" "mode=$mode" "note=$note, all else default"
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

heard() {
	local serves

	case $6 in
	4) serves='["inet"]' ;;
	6) serves='["inet6"]' ;;
	64) serves='["inet6","inet"]' ;;
	esac
	call listen "${@:1:5}" "serves=$serves" result=0 "${@:7}"
}

report() {
	run env -u NO_COLOR "$V6SHIM" report "$@"
}

# The report as JSON, through jq.
answer() {
	local filter=$1

	shift
	"$V6SHIM" report --json "$@" | jq -cr "$filter"
}
