#!/usr/bin/env bats
# examples/try-as-bsd and the CI job that calls it: what is shown of a program under other systems' rules,
# and when that is a failure.

load helper

setup() {
	unset "${!V6SHIM_@}" TRY_SECONDS
	export V6SHIM
}

# try WORD...: the script, with process ids and the port taken out of what it says.
try() {
	status=0
	output=$("$ROOT/examples/try-as-bsd" "$@" 2>"$DIR/err") || status=$?
	output=$(sed -E 's/\[[0-9]+\]/[PID]/; s/ port [0-9]+:/ port PORT:/; s/\]:[0-9]+ /]:PORT /' <<<"$output")
}

@test "without a command it shows bind-all under openbsd, dragonfly and macos" {
	try
	assert_status 0
	assert_eq '' "$(<"$DIR/err")"
	assert_eq '== as it is
  tcp 0.0.0.0 port PORT: socket ok, bind ok, listen ok
  tcp :: port PORT: socket ok, V6ONLY 0 ok, bind EADDRINUSE
  exit status 1

== under the rules of openbsd
  tcp 0.0.0.0 port PORT: socket ok, bind ok, listen ok
- tcp :: port PORT: socket ok, V6ONLY 0 ok, bind EADDRINUSE
- exit status 1
+ tcp :: port PORT: socket ok, V6ONLY 0 EINVAL, bind ok, listen ok
+ exit status 0

== under the rules of dragonfly
+ tcp :: port PORT: socket ok, V6ONLY 0 EOPNOTSUPP, bind ok, listen ok
  tcp 0.0.0.0 port PORT: socket ok, bind ok, listen ok
- tcp :: port PORT: socket ok, V6ONLY 0 ok, bind EADDRINUSE
- exit status 1
+ exit status 0

== under the rules of macos
  tcp 0.0.0.0 port PORT: socket ok, bind ok, listen ok
- tcp :: port PORT: socket ok, V6ONLY 0 ok, bind EADDRINUSE
- exit status 1
+ tcp :: port PORT: socket ok, V6ONLY 0 ok, bind ok, listen ok
+ exit status 0' "$(grep -v '^|' <<<"$output")"
}

@test "it tells what v6shim did" {
	try
	assert_match '== under the rules of openbsd.*[|] v6shim bind-all\[PID\]: setsockopt .*denied with EINVAL.*== under' "$output"
	assert_match '== under the rules of dragonfly.*[|] v6shim .*denied with EOPNOTSUPP.*== under the rules of macos' "$output"
	assert_match '== under the rules of macos.*[|] v6shim .*bind tcp \[::\]:PORT .*the port is shared' "$output"
	# A program that opens more sockets than anybody reads about.
	loop='import socket
for i in range(99):
	socket.socket(socket.AF_INET6)'
	try -p openbsd /usr/bin/python3 -c "$loop"
	assert_eq 51 "$(grep -c '^|' <<<"$output")"
	assert_line '| and 49 lines more'
}

@test "a command that fails under a profile is a failure, as it is or not" {
	program='
import socket
socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
print("dual-stack")'
	try -p freebsd -p openbsd -- /usr/bin/python3 -c "$program"
	assert_status 1
	assert_line 'fails under: openbsd'
	assert_line '+ ValueError: dualstack_ipv6 not supported on this platform'
	# Nothing is different under freebsd.
	assert_match $'== under the rules of freebsd\n  dual-stack\n  exit status 0\n' "$output"
	try -p linux -- false
	assert_status 1
	assert_line 'fails under: linux'
	try -p linux -p illumos true
	assert_status 0
	refute grep -q 'fails under' <<<"$output"
}

@test "bad usage and unknown profiles start nothing" {
	for words in '-x' '-p' '-p opnbsd' '-p openbsd -p opnbsd'; do
		# shellcheck disable=SC2086 # into its words
		try $words touch "$DIR/marker"
		assert_eq 2 "$status" "$words"
		[ -s "$DIR/err" ]
		assert_eq '' "$output"
	done
	assert_match "unknown profile 'opnbsd'; did you mean 'openbsd'" "$(<"$DIR/err")"
	V6SHIM=$DIR/nothing try true
	assert_eq "2 try-as-bsd: $DIR/nothing: not found; run make, or set V6SHIM" "$status $(<"$DIR/err")"
	[ ! -e "$DIR/marker" ]
}

@test "a command that does not end is ended" {
	TRY_SECONDS=1 try -p linux sleep 60
	assert_status 1
	assert_line '  ended after 1 seconds'
}

@test "stopped, it leaves nothing behind" {
	export TMPDIR=$DIR/tmp
	mkdir "$TMPDIR"
	start try --now "$ROOT/examples/try-as-bsd" -p linux sh -c "echo \$\$ >'$DIR/pid'; exec sleep 60"
	wait_for 10 test -s "$DIR/pid"
	# The script alone is told.
	kill "$(pid_of try)"
	wait_for 5 refute kill -0 "$(<"$DIR/pid")" 2>/dev/null
	wait_for 5 refute kill -0 "$(pid_of try)" 2>/dev/null
	stop try
	assert_eq '' "$(ls "$TMPDIR")"
}

# ---- the job

@test "the job is YAML, and names profiles that there are and files that there are" {
	job=$ROOT/examples/try-as-bsd.yml
	profiles=$(sed -n 's/^ *profile: \[\(.*\)\]$/\1/p' "$job")
	assert_eq 'openbsd, dragonfly, macos' "$profiles"
	for profile in ${profiles//,/}; do
		"$V6SHIM" profiles "$profile" >/dev/null
	done
	assert_eq 'v6shim/build/v6shim
v6shim/examples/try-as-bsd' "$(grep -o ' v6shim/[a-z/0-9-]*' "$job" | tr -d ' ' | sort -u)"
	[ -x "$ROOT/examples/try-as-bsd" ]
	grep -q 'make -C v6shim all examples' "$job"
	/usr/bin/python3 -c 'import yaml' 2>/dev/null || return 0
	/usr/bin/python3 -c '
import sys, yaml
job = yaml.safe_load(open(sys.argv[1]))["jobs"]["try-as-bsd"]
assert job["strategy"]["matrix"]["profile"] == ["openbsd", "dragonfly", "macos"]
assert all("run" in step or "uses" in step for step in job["steps"])' "$job"
}

@test "what the job runs, runs" {
	cd "$DIR"
	mkdir v6shim
	ln -s "$ROOT/examples" v6shim/examples
	ln -s "$BUILD" v6shim/build
	printf 'check:\n\t@echo checked\n' >Makefile
	steps=0
	for profile in openbsd dragonfly macos; do
		while read -r step; do
			[[ $step != make* ]] || continue
			env -u V6SHIM -u MAKEFLAGS -u MAKELEVEL sh -ec "${step//\$\{\{ matrix.profile \}\}/$profile}" >"$DIR/out" 2>&1 ||
				fail "$step: $(<"$DIR/out")"
			steps=$((steps + 1))
		done < <(sed -n 's/^ *run: //p' "$ROOT/examples/try-as-bsd.yml")
	done
	assert_eq 12 $steps
	assert_line '  checked' "$(<"$DIR/out")"
}
