# shellcheck shell=bash
# helper.bash - what every test file loads: `load helper`, or `load ../e2e/helper`.
#
# A file that has a teardown of its own calls stop_all in it.
#
#   shim NAME=VALUE... -- COMMAND...      run COMMAND under the library; POLICY=both is V6SHIM_POLICY=both
#   given NAME=VALUE... -- WORD...        for functions that are called as shim is: what stands before -- into LEADING,
#                                         what stands behind it into TRAILING
#   start NAME CONDITION... [shim ... --] COMMAND...
#                                         run it in the background until the test ends. Conditions:
#                                           --says ERE    a line of its output
#                                           --tcp PORT, --udp PORT [--count N]   N more listeners there
#                                           --now         none
#                                           --within S    give up, and fail, after S seconds (default 10)
#   stop NAME, stop_all                   SIGTERM, then SIGKILL after $STOP_SECONDS; nothing remains.
#                                         Call start and stop directly: a server that is started within
#                                         `run` or $(...) ends with that, and cannot be stopped from there
#   pid_of NAME, is_running NAME, stdout_of NAME, stderr_of NAME
#   free_port                             a port free for TCP and UDP, IPv4 and IPv6
#   kernel_listeners tcp|udp PORT         `inet 0.0.0.0`, `inet6 :: v6only=0`: a line each, sorted
#   kernel_v6only tcp|udp PORT            0 or 1, for each IPv6 listener
#   reach 4|6|ADDRESS tcp|udp PORT [MESSAGE]   served, refused, timeout ...: see programs/reach.c
#   json_records FILE [JQ-FILTER]         the records, compact, one a line
#   subcommands, settings, profiles       of the command, by its help: a line each, sorted
#   wait_for SECONDS COMMAND...           until COMMAND succeeds; fails if it never does
#   in_netns COMMAND...                   COMMAND, which may be a function, in a network namespace of its own
#   require TOOL..., require_netns, require_root   skip the test where they are missing
#   require_no_runtime WHY                skip it where the build has the address sanitizer's runtime
#   assert_eq, assert_match, assert_line, refute_line, assert_status, refute, fail
#
# DIR is the test's own folder, LOG a file in it that is not there yet.
# Descriptors 5 to 9 may be handed to a program by redirection; bats' own are closed for it.

ROOT=$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")
ROOT=${ROOT%/tests/e2e}
# bats loads a file once for the file and again in a child for each test. The name must not start with
# V6SHIM_, for the library takes no such name that it does not know.
BUILD=$(realpath -m "${V6SHIM_BUILD:-${TESTS_BUILD:-$ROOT/build}}")
export TESTS_BUILD=$BUILD
LIB=$BUILD/libv6shim.so
# shellcheck disable=SC2034 # for the test files
V6SHIM=$BUILD/v6shim
PROGRAMS=$BUILD/tests/programs
# shellcheck disable=SC2034
EXAMPLES=$BUILD/examples
STOP_SECONDS=5
export DIR=${BATS_TEST_TMPDIR-} LOG=${BATS_TEST_TMPDIR-}/log.jsonl

# `load` is a function: without -g these would be its locals.
declare -gA SUPERVISOR=()
declare -ga COMMAND=() LEADING=() TRAILING=()
declare -ga BATS_FDS=()
HELPER_VARIABLES=(ROOT BUILD LIB V6SHIM PROGRAMS EXAMPLES STOP_SECONDS BATS_FDS)

unset "${!V6SHIM_@}" LD_PRELOAD LISTEN_FDS LISTEN_PID LISTEN_FDNAMES NOTIFY_SOCKET JOURNAL_STREAM
export LC_ALL=C

for fd in "/proc/$BASHPID/fd/"*; do
	case ${fd##*/} in
	# 255 is bash's own script, closed on exec.
	0 | 1 | 2 | 255) ;;
	*) [ ! -e "$fd" ] || BATS_FDS+=("${fd##*/}") ;;
	esac
done
unset fd

if [ ! -x "$PROGRAMS/supervise" ]; then
	echo "$PROGRAMS/supervise is missing: run make" >&2
	return 1
fi

teardown() {
	stop_all
}

subcommands() {
	"$V6SHIM" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' | sort
}

settings() {
	"$V6SHIM" run --help | sed -nE '/^settings, each/,$s/^  (-., )?--([a-z-]*) .*/\2/p' | sort
}

# With the other names of some.
profiles() {
	"$V6SHIM" profiles | sed -n 's/^\([a-z][a-z0-9=]*\) .*/\1/p' | sort
}

# ---- running programs

fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# A descriptor of bats' that a program inherits keeps bats waiting, and shifts the program's own numbers.
close_bats_fds() {
	local fd

	for fd in "${BATS_FDS[@]}"; do
		eval "exec $fd>&-"
	done
}

# resolve [shim NAME=VALUE... --] COMMAND...: sets the array COMMAND to what to execute; with TESTS_REACH=supervise it
# is governed from outside, with auto as `run` does by itself.
resolve() {
	local settings=()

	if [ "${1-}" = shim ]; then
		shift
		while [ "${1---}" != -- ]; do
			[[ $1 == [A-Z]*=* ]] || fail "shim: not NAME=VALUE: \`$1'" || return
			settings+=("V6SHIM_$1")
			shift
		done
		[ $# -gt 0 ] || fail 'shim: no -- before the command' || return
		shift
		# ld.so only warns of a library that is not there, and the test would test nothing.
		[ -e "$LIB" ] || fail "shim: no library: $LIB" || return
		if [[ ${TESTS_REACH-} =~ ^(supervise|auto)$ ]]; then
			settings=(env "${settings[@]}" "$V6SHIM" run --reach "$TESTS_REACH" --)
		else
			settings=(env LD_PRELOAD="$LIB" "${settings[@]}")
		fi
	fi
	[ $# -gt 0 ] || fail 'no command' || return
	COMMAND=("${settings[@]}" "$@")
}

# shellcheck disable=SC2034 # for the test files
given() {
	LEADING=()
	while [ "$1" != -- ]; do
		LEADING+=("$1")
		shift
	done
	TRAILING=("${@:2}")
}

shim() {
	resolve shim "$@" || return
	(
		close_bats_fds
		exec "${COMMAND[@]}"
	)
}

run_dir() {
	printf '%s\n' "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}"
}

start() {
	local name=$1 says='' proto='' port='' count=1 limit=10 now='' base pid

	shift
	while [[ ${1-} == --* ]]; do
		case $1 in
		--now) now=1 ;;
		--says) says=$2 && shift ;;
		--tcp | --udp) proto=${1#--} port=$2 && shift ;;
		--count) count=$2 && shift ;;
		--within) limit=$2 && shift ;;
		*) fail "start: unknown option $1" || return ;;
		esac
		shift
	done
	[ -n "$now$says$proto" ] || fail "start $name: no condition to wait for" || return
	[ -z "${SUPERVISOR[$name]-}" ] || fail "start: there is a $name already" || return
	resolve "$@" || return
	base=$(run_dir)/$name
	rm -f "$base.pid" "$base.report"
	# A port may have a holder already, and it is not the one to wait for.
	[ -z "$proto" ] || count=$((count + $(kernel_listeners "$proto" "$port" | wc -l)))

	(
		close_bats_fds
		exec "$PROGRAMS/supervise" -w -k "$STOP_SECONDS" -p "$base.pid" -r "$base.report" \
			"${COMMAND[@]}" </dev/null >"$base.out" 2>"$base.err"
	) &
	pid=$!
	SUPERVISOR[$name]=$pid
	if ! wait_for "$limit" start_is_over "$pid" "$base"; then
		fail "start $name: not ready after $limit s" || start_tell "$base" || return
	fi
	start_is_ready "$base" && return
	fail "start $name: ended before it was ready" || start_tell "$base"
}

# The variables of start are seen from here on.
start_is_over() {
	start_is_ready "$2" || ! kill -0 "$1" 2>/dev/null
}

start_is_ready() {
	[ -s "$1.pid" ] || return
	[ -z "$says" ] || grep -Eqs -e "$says" "$1.out" "$1.err" || return
	[ -z "$proto" ] || [ "$(kernel_listeners "$proto" "$port" | wc -l)" -ge "$count" ]
}

# Always fails, for it tells of a failure.
start_tell() {
	local file

	printf 'command: %s\n' "${COMMAND[*]}" >&2
	for file in "$1.out" "$1.err" "$1.report"; do
		[ ! -s "$file" ] || printf -- '--- %s\n%s\n' "${file##*/}" "$(tail -n 50 "$file")" >&2
	done
	return 1
}

pid_of() {
	cat "$(run_dir)/$1.pid"
}

is_running() {
	[ -n "${SUPERVISOR[$1]-}" ] && kill -0 "${SUPERVISOR[$1]}" 2>/dev/null
}

stdout_of() {
	cat "$(run_dir)/$1.out"
}

stderr_of() {
	cat "$(run_dir)/$1.err"
}

# A crash is a failure even when the test had seen all that it wanted.
stop() {
	local name=$1 pid=${SUPERVISOR[$1]-} status=0 report

	[ -n "$pid" ] || fail "stop: no $name is running" || return
	unset "SUPERVISOR[$name]"
	report=$(run_dir)/$name.report
	kill "$pid" 2>/dev/null || :
	# supervise itself bounds this.
	wait "$pid" 2>/dev/null || status=$?
	if [ "$status" -eq 125 ] || ! grep -qs '^ended ' "$report"; then
		fail "stop $name: something went wrong, or remains: $(cat "$report")" || return
	fi
	if grep -Eq '^ended signal SIG(SEGV|ABRT|BUS|ILL|FPE|SYS|TRAP)$' "$report"; then
		fail "$name crashed: $(cat "$report")" || start_tell "${report%.report}"
	fi
}

stop_all() {
	local name failed=0

	# All are told before the first is waited for.
	for name in "${!SUPERVISOR[@]}"; do
		kill "${SUPERVISOR[$name]}" 2>/dev/null || :
	done
	for name in "${!SUPERVISOR[@]}"; do
		stop "$name" || failed=1
	done
	return $failed
}

wait_for() {
	local limit=$1 end

	shift
	end=$((${EPOCHREALTIME/./} + limit * 1000000))
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# ---- what the kernel and the network say

free_port() {
	"$PROGRAMS/freeport"
}

kernel_listeners() {
	"$ROOT/tests/programs/listeners" "$1" "$2"
}

kernel_v6only() {
	local found

	found=$(kernel_listeners "$1" "$2") || return
	found=$(sed -n 's/^inet6 .* v6only=//p' <<<"$found")
	[ -n "$found" ] || fail "no IPv6 listener on $1 port $2" || return
	printf '%s\n' "$found"
}

reach() {
	local to=$1

	shift
	case $to in
	inet) to=4 ;;
	inet6) to=6 ;;
	esac
	"$PROGRAMS/reach" "$to" "$@"
}

json_records() {
	jq -c "${2:-.}" "$1"
}

# ---- what a test needs

require() {
	local tool

	for tool in "$@"; do
		command -v "$tool" >/dev/null || skip "needs $tool"
	done
}

require_root() {
	[ "$EUID" -eq 0 ] || skip 'needs root'
}

netns_options() {
	local options

	for options in -n -rn; do
		unshare "$options" true 2>/dev/null || continue
		printf '%s\n' "$options"
		return
	done
	return 1
}

require_netns() {
	require unshare ip
	netns_options >/dev/null || skip 'needs leave to make a network namespace'
}

# As in make test-sanitize. Of what it needs and takes for itself.
require_no_runtime() {
	! LC_ALL=C grep -q __asan_init "$V6SHIM" || skip "the sanitizer's runtime: $1"
}

# The functions there are go along, the variables do not, but for those of this file and exported ones.
in_netns() {
	local script options

	options=$(netns_options) || fail 'in_netns: not permitted: call require_netns first' || return
	script=$(mktemp "$(run_dir)/netns.XXXXXX") || return
	{
		declare -p "${HELPER_VARIABLES[@]}"
		declare -f
	} >"$script"
	# shellcheck disable=SC2016 # for the shell inside
	unshare "$options" -- bash -c '
		. "$1"
		shift
		declare -A SUPERVISOR=()
		declare -a COMMAND=()
		set -eE
		trap "status=\$?; stop_all || status=1; exit \$status" EXIT
		ip link set lo up
		"$@"
	' in_netns "$script" "$@"
}

# ---- assertions

# assert_eq EXPECTED ACTUAL [WHAT]
assert_eq() {
	[ "$1" != "$2" ] || return 0
	printf '%s\n' "${3:-not equal}:" >&2
	if [[ $1$2 == *$'\n'* ]]; then
		diff -u --label expected --label actual <(printf '%s\n' "$1") <(printf '%s\n' "$2") >&2
	else
		printf '  expected: %s\n  actual:   %s\n' "$1" "$2" >&2
	fi
	return 1
}

# assert_match ERE TEXT
assert_match() {
	[[ ! $2 =~ $1 ]] || return 0
	printf 'no match:\n  pattern: %s\n  text:    %s\n' "$1" "$2" >&2
	return 1
}

# assert_line LINE [TEXT]: one whole line of TEXT, by default of $output.
assert_line() {
	local text=${2-$output}

	grep -Fxq -e "$1" <<<"$text" || fail "no such line: $1
--- in:
$text"
}

refute_line() {
	local text=${2-$output}

	! grep -Fxq -e "$1" <<<"$text" || fail "there is a line: $1
--- in:
$text"
}

# assert_status STATUS: of the last `run`.
assert_status() {
	# shellcheck disable=SC2154 # bats sets it
	[ "$status" -eq "$1" ] || fail "exit status $status, expected $1
--- output:
$output"
}

# refute COMMAND...: bash and so bats take no notice of a failing `! COMMAND`.
refute() {
	! "$@" || fail "succeeded, and should not have: $*"
}
