#!/usr/bin/env bats
# v6shim check says of a command whether a preload reaches it, and run refuses what is not reached.
#
# The proof of an answer is the program itself: under `env LD_PRELOAD`, as `run` starts it, it prints
# AT_SECURE, and the library in it logs a load record.

bats_require_minimum_version 1.5.0
load helper

PATH=$PATH:/usr/sbin:/sbin
NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups)

# prints what the kernel made of it
PROG='
#include <stdio.h>
#include <sys/auxv.h>
int main(void) { printf("AT_SECURE %lu\n", getauxval(AT_SECURE)); return 0; }
'

# A copy of the command and the library where every user can get at them, and programs of each kind.
setup_file() {
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" 2>/dev/null || :
	cd "$BATS_FILE_TMPDIR" || return
	cp "$V6SHIM" "$LIB" .
	cc -x c -o prog - <<<"$PROG"
	cc -x c -static -o static - <<<"$PROG"
	cc -x c -static-pie -fPIE -o static-pie - <<<"$PROG"
}

# The directory of each test is bats' own and closed to others.
setup() {
	D=$BATS_FILE_TMPDIR/$BATS_TEST_NUMBER
	export GOCACHE=$BATS_FILE_TMPDIR/go GO111MODULE=off
	mkdir -m 755 "$D"
	export D
	cd "$D" || return
	V6SHIM=$BATS_FILE_TMPDIR/v6shim
	LIB=$BATS_FILE_TMPDIR/libv6shim.so
	cp ../prog .
}

root_only() {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	require setpriv
}

check() {
	run --separate-stderr "$V6SHIM" check "$@"
	# shellcheck disable=SC2154
	[ -z "$stderr" ] || fail "said on standard error: $stderr"
}

# hop NAME: the line of that file, without the alignment.
hop() {
	sed -En 's/ {3,}/|/g; \,^'"$1"'( -> [^|]*)?\|,p' <<<"$output"
}

# assert_hop NAME KIND ok|no WHY
assert_hop() {
	local line

	line=$(hop "$1")
	# Before the kind there may be what a link leads to.
	assert_eq "$2|$3${4:+|$4}" "${line#*|}" "$1 in: $output"
}

last_line() {
	grep -Ev '^(instead|note| )' <<<"$output" | tail -n 1
}

assert_reached() {
	assert_status 0
	assert_eq "a preload reaches $1" "$(last_line)"
}

# assert_not_reached COMMAND WHY
assert_not_reached() {
	assert_status 3
	assert_eq "a preload does not reach $1: $2" "$(last_line)"
}

# assert_no_start COMMAND WHY
assert_no_start() {
	assert_status 3
	assert_eq "$1 does not start: $2" "$(last_line)"
}

# refused STATUS COMMAND...: run starts nothing of it, and says so.
refused() {
	local expected=$1

	shift
	run --separate-stderr "-$expected" "$V6SHIM" run --log=off -- "$@"
	assert_eq '' "$output"
	assert_match '^v6shim: ' "$stderr"
}

# loads COMMAND...: run starts it and the library is in it.
loads() {
	run --separate-stderr "$V6SHIM" run --log-level=all -- "$@"
	assert_status 0
	assert_match 'v6shim [^ ]+\[[0-9]+\]: load: ' "$stderr"
}

script() {
	printf '%s\n' "${@:2}" >"$1"
	chmod 755 "$1"
}

# elf32 FILE [MACHINE]: the least that is an ELF file of that class, with a loader that is there.
elf() {
	python3 - "$@" <<-'END'
		import struct, sys
		file, bits, order, machine, loader = sys.argv[1:]
		e = "<" if order == "little" else ">"
		wide = bits == "64"
		ehsize, phsize = (64, 56) if wide else (52, 32)
		name = loader.encode() + b"\0"
		head = b"\x7fELF" + bytes([1 + wide, 1 if e == "<" else 2, 1]) + bytes(9)
		a = "Q" if wide else "I"
		head += struct.pack(e + "HHI" + 3 * a + "IHHHHHH", 2, int(machine), 1, 0x10000, ehsize, 0, 0, ehsize, phsize, 1, 0, 0, 0)
		at = ehsize + phsize
		if wide:
		    head += struct.pack(e + "IIQQQQQQ", 3, 4, at, at, at, len(name), len(name), 1)
		else:
		    head += struct.pack(e + "IIIIIIII", 3, at, at, at, len(name), len(name), 4, 1)
		open(file, "wb").write(head + name)
	END
	chmod 755 "$1"
}

kind_of_prog() {
	check ./prog
	hop ./prog | cut -d'|' -f2
}

# ---- reached

@test "a dynamic program is reached, and run proves it" {
	check ./prog
	assert_reached ./prog
	assert_match '^ELF (32|64)-bit [^,]*, glibc$' "$(hop ./prog | cut -d'|' -f2)"
	assert_hop "$LIB" "$(kind_of_prog)" ok "version $("$V6SHIM" --version | cut -d' ' -f2)"
	loads ./prog
	assert_eq 'AT_SECURE 0' "$output"
}

@test "columns are aligned" {
	ln -s prog another-name
	check ./another-name
	assert_reached ./another-name
	columns=$(head -n 2 <<<"$output" | awk '{ print index($0, "   ok") }' | sort -u | wc -l)
	assert_eq 1 "$columns" "$output"
}

@test "a program is found as the shell finds it, and links are shown" {
	mkdir bin empty
	cp prog bin/real
	ln -s real bin/linked
	PATH=empty:$PATH:$PWD/bin check linked
	assert_reached linked
	assert_match "^$PWD/bin/linked -> $PWD/bin/real   " "$output"
	PATH=$PWD/bin:$PATH loads linked
}

@test "PATH: an empty element is the working directory" {
	PATH=:$PATH check prog
	assert_reached prog
	assert_hop ./prog "$(kind_of_prog)" ok
	PATH=$PATH: check prog
	PATH=/usr/bin:/bin check prog
	assert_no_start prog 'not found in PATH'
}

@test "PATH: what cannot be executed is passed over" {
	mkdir a b c d
	echo text >a/thing
	mkdir b/thing
	script c/thing '#!/no/such/interpreter'
	cp prog d/thing
	PATH=$PWD/a:$PWD/b:$PWD/c:$PWD/d:$PATH check thing
	assert_reached thing
	assert_hop "$PWD/d/thing" "$(kind_of_prog)" ok
	PATH=$PWD/a:$PWD/b:$PWD/c:$PWD/d:$PATH loads thing
	PATH=$PWD/a:$PWD/b:/usr/bin:/bin check thing
	assert_no_start thing 'Permission denied: it is not executable for this user'
}

@test "a script is followed to its interpreter" {
	script start.sh '#!/bin/sh' 'exec ./prog'
	check ./start.sh
	assert_reached ./start.sh
	assert_hop ./start.sh script ok 'run by /bin/sh'
	assert_hop /bin/sh "$(kind_of_prog)" ok
	check ./start.sh
	assert_match 'note +programs that a shell starts inherit the preload' "$output"
	loads ./start.sh
}

@test "a script's interpreter by env, with env's words" {
	script by-env '#!/usr/bin/env prog' 'x'
	script split "#!/usr/bin/env -S -u B A=1 'prog' \"x y\" # comment"
	# shellcheck disable=SC2016
	script variable '#!/usr/bin/env -S ${D}/prog'
	script signals '#!/usr/bin/env -S --default-signal=PIPE --ignore-signal prog'
	kind=$(kind_of_prog)
	PATH=$PWD:$PATH
	for file in by-env split variable signals; do
		check ./$file
		assert_reached ./$file
		assert_match '^/usr/bin/env .* ok   starts (\S*/)?prog$' "$(grep ^/usr/bin/env <<<"$output")"
		assert_hop "$PWD/prog" "$kind" ok
		loads ./$file
		assert_eq 'AT_SECURE 0' "$output"
	done
}

@test "env as the command: what it starts is what matters" {
	mkdir sub
	cp prog sub/mine
	kind=$(kind_of_prog)
	check env A=1 ./prog
	assert_reached ./prog
	check env -C sub ./mine
	assert_reached ./mine
	assert_hop sub/./mine "$kind" ok
	loads env -C sub ./mine
	check env "PATH=$PWD/sub" mine
	assert_reached mine
	loads env "PATH=$PWD/sub" mine
	check env --chdir=sub -- env -v -- ./mine
	assert_reached ./mine
	check env ../static
	assert_not_reached ../static 'statically linked: nothing in it loads libraries'
	check env nosuch
	assert_no_start nosuch 'not found in PATH'
	check env
	assert_reached env
}

@test "env that takes LD_PRELOAD away: not reached, each by its word" {
	script clears '#!/usr/bin/env -S -i /bin/sh'
	while IFS='|' read -r why words; do
		read -r -a words <<<"$words"
		check env "${words[@]}" ./prog
		assert_not_reached ./prog "/usr/bin/env: it takes LD_PRELOAD away: $why"
		refused 3 env "${words[@]}" ./prog
		# And it is true.
		assert_eq '' "$(LD_PRELOAD=$LIB env "${words[@]}" env | grep "^LD_PRELOAD=$LIB" || :)" "${words[*]}"
	done <<-END
		-i|-i
		-i|-
		-i|--ignore-environment
		-i|--ignore-e
		-i|-iu X
		-u LD_PRELOAD|-u LD_PRELOAD
		-u LD_PRELOAD|-uLD_PRELOAD
		-u LD_PRELOAD|--unset=LD_PRELOAD
		LD_PRELOAD=|A=1 LD_PRELOAD=
	END
	check ./clears
	assert_not_reached ./clears '/usr/bin/env: it takes LD_PRELOAD away: -i'
	check env -i "$V6SHIM" run ./prog
	assert_status 3
}

@test "a script without #! is run by /bin/sh" {
	script plain 'echo from sh'
	check ./plain
	assert_reached ./plain
	assert_hop ./plain script ok 'no #! line: run by /bin/sh, as execvp(3) does'
	check ./plain
	assert_hop /bin/sh "$(kind_of_prog)" ok
	loads ./plain
	assert_eq 'from sh' "$output"
	: >empty
	chmod 755 empty
	check ./empty
	assert_reached ./empty
	loads ./empty
}

@test "a first line as the kernel reads it: blanks, no newline, too long" {
	kind=$(kind_of_prog)
	printf '#! \t %s \t arg 1 ' "$PWD/prog" >blanks
	printf '#!%s' "$PWD/prog" >no-newline
	printf '#!%s %0300d\n' "$PWD/prog" 0 >long-argument
	printf '#!/%0300d\n' 0 >long-name
	printf '#!\n' >nothing
	chmod 755 blanks no-newline long-argument long-name nothing
	for file in blanks no-newline long-argument; do
		check ./$file
		assert_reached ./$file
		assert_hop "$PWD/prog" "$kind" ok
		loads ./$file
		assert_eq 'AT_SECURE 0' "$output"
	done
	for file in long-name nothing; do
		check ./$file
		assert_reached ./$file
		assert_match 'no #! line: run by /bin/sh' "$output"
	done
	printf '#!/bin/sh\r\n' >dos
	chmod 755 dos
	check ./dos
	assert_no_start ./dos '/bin/sh\x0d: no such file'
	refused 127 ./dos
}

@test "five scripts in a row start, six do not" {
	before=$PWD/prog
	for i in 1 2 3 4 5 6; do
		script $i "#!$before"
		before=$PWD/$i
	done
	check ./5
	assert_reached ./5
	loads ./5
	check ./6
	assert_no_start ./6 "$PWD/prog: the kernel follows no more than 5 scripts in a row"
	refused 126 ./6
	run ./6
	[ "$status" -ne 0 ]
}

@test "a script that starts itself by env is a circle" {
	script round "#!/usr/bin/env $PWD/round"
	check ./round
	assert_status 3
	assert_match 'a circle' "$(last_line)"
}

@test "a loader that is called by its name starts its program" {
	loader=$(sed -nE 's/.*interpreter: ([^]]*).*/\1/p' <<<"$(readelf -l prog)")
	[ -n "$loader" ] || skip 'needs readelf'
	check "$loader" --library-path /nowhere ./prog
	assert_reached ./prog
	loads "$loader" ./prog
	check "$loader" ../static
	assert_not_reached ../static 'statically linked: nothing in it loads libraries'
}

# ---- not reached

@test "a static program is not reached" {
	for file in static static-pie; do
		check ../$file
		assert_not_reached ../$file 'statically linked: nothing in it loads libraries'
		assert_match '^instead +a dynamically linked build of it$' "$(grep ^instead <<<"$output")"
		refused 3 ../$file
		assert_match "'v6shim check' says what to do instead$" "$stderr"
		assert_eq '' "$(LD_PRELOAD=$LIB V6SHIM_LOG_LEVEL=all ../$file 2>&1 | grep load || :)"
	done
}

@test "a static shell hands the preload on" {
	cp ../static sh
	script start.sh "#!$PWD/sh"
	check ./start.sh
	assert_status 0
	assert_eq 'a preload reaches what ./start.sh starts' "$(last_line)"
	assert_match 'hands the preload on, and is not reached itself' "$output"
}

@test "Go programs are not reached, dynamic ones neither, stripped or not" {
	require go strip
	# shellcheck disable=SC2016
	printf '%s\n' 'package main' 'import "net"' 'func main() { l, _ := net.Listen("tcp", "[::1]:0"); l.Close() }' >s.go
	sed 's/^import/import "C"\n&/' s.go >c.go
	CGO_ENABLED=0 go build -o static-go s.go
	CGO_ENABLED=1 go build -o dynamic-go c.go
	CGO_ENABLED=1 go build -ldflags=-buildid= -o no-id c.go
	for file in static-go dynamic-go no-id; do
		strip -o $file-stripped $file
		for program in $file $file-stripped; do
			check "./$program"
			assert_not_reached "./$program" 'Go: it makes its system calls itself, without libc'
			refused 3 "./$program"
		done
	done
	# The answer is true: the library is in it, and its bind and listen are not seen.
	run env LD_PRELOAD="$LIB" V6SHIM_LOG_LEVEL=all ./dynamic-go
	assert_match ': load: ' "$output"
	refute assert_match ': (bind|listen) ' "$output"
}

@test "Go is known without its sections" {
	require go python3
	printf '%s\n' 'package main' 'import "C"' 'func main() {}' >c.go
	for flags in '' -ldflags=-buildid=; do
		# shellcheck disable=SC2086
		go build $flags -o go-program c.go
		# e_shoff, e_shnum and e_shstrndx away, as sstrip does
		python3 -c '
import sys
f = bytearray(open("go-program", "rb").read())
f[40:48] = bytes(8); f[60:64] = bytes(4)
open("go-program", "wb").write(f)'
		check ./go-program
		assert_not_reached ./go-program 'Go: it makes its system calls itself, without libc'
	done
}

@test "a musl program: not with a library for glibc, and the build for it is named" {
	require musl-gcc
	musl-gcc -x c -o with-musl - <<<"$PROG"
	check ./with-musl
	assert_not_reached ./with-musl "$LIB: for glibc, and the program has musl: ./with-musl"
	assert_match 'make CC=musl-gcc' "$output"
	refused 3 ./with-musl
	refute env LD_PRELOAD="$LIB" ./with-musl
}

@test "a program of another class or machine" {
	require python3
	[ "$(uname -m)" = x86_64 ] || skip 'needs x86-64'
	loader=/lib64/ld-linux-x86-64.so.2
	elf i386 32 little 3 $loader
	elf s390 64 big 22 /lib/ld64.so.1
	elf arm 32 little 40 /lib/ld-linux-armhf.so.3
	elf unheard 64 little 4660 $loader
	check ./i386
	assert_not_reached ./i386 "$LIB: 64-bit, and the program is 32-bit: ./i386"
	assert_match "make CC='gcc -m32'" "$output"
	assert_hop ./i386 'ELF 32-bit i386, glibc' ok
	check ./s390
	assert_not_reached ./s390 "$LIB: for another machine: ./s390"
	assert_hop ./s390 'ELF 64-bit s390 big-endian, glibc' ok
	check ./arm
	assert_not_reached ./arm "$LIB: for another machine: ./arm"
	check ./unheard
	assert_not_reached ./unheard "$LIB: for another machine: ./unheard"
	assert_hop ./unheard 'ELF 64-bit machine 4660, glibc' ok
	for file in i386 s390 arm unheard; do
		refused 3 ./$file
	done
}

@test "a loader that is missing, or of no libc that is known" {
	require python3
	[ "$(uname -m)" = x86_64 ] || skip 'needs x86-64'
	elf lost 64 little 62 /no/such/ld-musl-x86_64.so.1
	cp prog own-loader
	elf odd 64 little 62 "$PWD/own-loader"
	check ./lost
	assert_no_start ./lost 'its loader is missing, so it does not start at all: /no/such/ld-musl-x86_64.so.1'
	refused 127 ./lost
	run -127 ./lost
	check ./odd
	assert_not_reached ./odd "its loader is neither glibc's nor musl's"
	chmod 644 own-loader
	check ./odd
	assert_no_start ./odd "its loader cannot be executed, so it does not start at all: $PWD/own-loader"
	refused 126 ./odd
}

@test "sudo and its like take the preload away" {
	cp prog sudo
	check ./sudo ls
	assert_not_reached ./sudo 'it takes LD_PRELOAD away'
	assert_match 'v6shim behind it' "$output"
}

# ---- AT_SECURE

# A file, its owner, mode and capabilities; who calls: AT_SECURE, or EPERM.
secure_cases() {
	cat <<-'END'
		prog 0:0 0755 -
		prog 0:0 4755 -
		prog 1000:0 4755 -
		prog 65534:0 4755 -
		prog 0:0 2755 -
		prog 0:100 2755 -
		prog 0:100 2745 -
		prog 0:65534 2755 -
		prog 0:65534 6755 -
		prog 0:0 0755 cap_net_bind_service=ep
		prog 0:0 0755 cap_net_bind_service=p
		prog 0:0 0755 cap_net_bind_service=i
		prog 0:0 0755 cap_net_bind_service=ie
		prog 0:0 4755 cap_net_bind_service=ep
		prog 65534:65534 4755 cap_net_bind_service=p
	END
}

callers() {
	cat <<-'END'
		env
		setpriv --no-new-privs
		setpriv --reuid=65534 --regid=65534 --clear-groups
		setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs
		setpriv --reuid=65534 --regid=65534 --groups=100
		setpriv --reuid=1000 --regid=100 --clear-groups
		setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-net_bind_service
		setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+net_bind_service
		setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+net_bind_service --ambient-caps=+net_bind_service
		setpriv --ruid=65534
		setpriv --rgid=100 --clear-groups
	END
}

# Whether the program says AT_SECURE 1, for that caller; -, where it does not start.
truth() {
	local said

	said=$("$@" 2>/dev/null) && printf '%s\n' "${said#AT_SECURE }" || echo -
}

# The caller execs this shell first, so that the program's own caller is as v6shim's.
compare() {
	local file=$1 real said status=0

	shift
	# shellcheck disable=SC2016 # for that shell
	real=$(truth "$@" /bin/sh -p -c '"$0"; exit' "$file")
	"$@" "$V6SHIM" check "$file" >out 2>&1 || status=$?
	case $status:$(<out) in
	0:*) said=0 ;;
	3:*'so its loader takes no preload'*) said=1 ;;
	3:*'asks for capabilities that are not to be had'*) said=- ;;
	3:*'not executable for this user'*) said=- ;;
	*) said="? $status" ;;
	esac
	assert_eq "$real" "$said" "$* on $(stat -c '%U:%G %a' "$file") $(getcap "$file"): $(<out)"
}

@test "set-id bits and capabilities: what check says is what the kernel does" {
	root_only
	require setcap getcap
	setcap cap_net_bind_service=ep prog 2>/dev/null || skip 'needs leave to set capabilities'
	n=0
	while read -r name owner mode caps; do
		file=$D/$((n += 1))
		cp ../prog "$file"
		chown "$owner" "$file"
		chmod "$mode" "$file"
		[ "$caps" = - ] || setcap "$caps" "$file"
		while read -r -a caller; do
			compare "$file" "${caller[@]}"
		done < <(callers)
	done < <(secure_cases)
	assert_eq 15 "$n"
}

@test "set-id bits of an owner whom the user namespace does not know change nothing" {
	root_only
	require unshare
	chown 1000:1000 prog
	chmod 6755 prog
	cp ../prog own
	chmod 6755 own
	unshare -r true 2>/dev/null || skip 'needs leave to make a user namespace'
	run unshare -r "$V6SHIM" run ./prog
	assert_status 0
	assert_eq 'AT_SECURE 0' "$output"
	assert_eq 'AT_SECURE 0' "$(unshare -r ./prog)"
	run unshare -r "$V6SHIM" check ./own
	assert_status 0
}

@test "a set-id program of another user: refused, with its user and what to do" {
	root_only
	chown 1000:1000 prog
	chmod 4755 prog
	check ./prog
	assert_not_reached ./prog 'it changes its user or group, so its loader takes no preload: set-user-id, user 1000'
	refused 3 ./prog
	run "${NOBODY[@]}" "$V6SHIM" check ./prog
	assert_not_reached ./prog 'it changes its user or group, so its loader takes no preload: set-user-id, user 1000'
	# As the user that it becomes nothing changes.
	run setpriv --reuid=1000 --regid=1000 --clear-groups "$V6SHIM" run --log-level=all ./prog
	assert_status 0
	assert_match ': load: ' "$output"
	assert_line 'AT_SECURE 0'
	chmod 6755 prog
	check ./prog
	assert_match 'set-user-id, user 1000, set-group-id, group 1000$' "$(last_line)"
}

@test "capabilities: refused for users, and the ambient way that check names works" {
	root_only
	require setcap
	setcap cap_net_bind_service=ep prog 2>/dev/null || skip 'needs leave to set capabilities'
	loads ./prog
	run "${NOBODY[@]}" "$V6SHIM" run ./prog
	assert_status 3
	assert_match 'it gains capabilities, so its loader takes no preload' "$output"
	run "${NOBODY[@]}" --inh-caps=+net_bind_service --ambient-caps=+net_bind_service \
		"$V6SHIM" run --log-level=all ../prog
	assert_status 0
	assert_match ': load: ' "$output"
	assert_line 'AT_SECURE 0'
}

@test "capabilities that are not to be had: it does not start" {
	root_only
	require setcap
	setcap cap_net_bind_service=ep prog 2>/dev/null || skip 'needs leave to set capabilities'
	run setpriv --bounding-set=-net_bind_service "$V6SHIM" check ./prog
	assert_no_start ./prog 'it asks for capabilities that are not to be had here, so it does not start at all'
	run setpriv --bounding-set=-net_bind_service "$V6SHIM" run ./prog
	assert_status 126
}

# ---- mounts

mounted() {
	mount -t tmpfs -o mode=755,"$1" tmpfs m
	shift
	"$@"
}

export_mount_functions() {
	root_only
	require unshare mount
	unshare -m true 2>/dev/null || skip 'needs leave to make a mount namespace'
	mkdir m
	export V6SHIM LIB
}

@test "a filesystem mounted nosuid: set-id bits and capabilities change nothing" {
	export_mount_functions
	require setcap
	# shellcheck disable=SC2016 # for the shell inside
	run unshare -m sh -ec '
		mount -t tmpfs -o nosuid,mode=755 tmpfs m
		cp prog m/set-id
		chown 1000 m/set-id
		chmod 4755 m/set-id
		cp prog m/caps
		setcap cap_net_bind_service=ep m/caps || cp ../prog m/caps
		for file in set-id caps; do
			setpriv --reuid=65534 --regid=65534 --clear-groups "$V6SHIM" check m/$file
			setpriv --reuid=65534 --regid=65534 --clear-groups "$V6SHIM" run m/$file
		done'
	assert_status 0
	assert_eq 2 "$(grep -c 'ok   its set-id bit or capabilities change nothing here$' <<<"$output")" "$output"
	assert_eq 2 "$(grep -c '^AT_SECURE 0$' <<<"$output")" "$output"
}

@test "a filesystem mounted noexec: the program cannot start, the library cannot be loaded" {
	export_mount_functions
	# shellcheck disable=SC2016
	run unshare -m sh -c '
		mount -t tmpfs -o mode=755 tmpfs m
		cp prog "$V6SHIM" "$LIB" m
		touch cover
		mkdir b
		cp "$V6SHIM" b
		touch b/libv6shim.so
		mount -o remount,noexec m
		mount --bind m/libv6shim.so b/libv6shim.so
		"$V6SHIM" check m/prog; echo "status $?"
		"$V6SHIM" run m/prog; echo "status $?"
		b/v6shim check ./prog; echo "status $?"
		b/v6shim run ./prog; echo "status $?"'
	assert_eq $'status 3\nstatus 126\nstatus 3\nstatus 2' "$(grep ^status <<<"$output")" "$output"
	assert_line 'm/prog does not start: its filesystem is mounted noexec'
	assert_line 'v6shim: m/prog: its filesystem is mounted noexec'
	assert_line "a preload does not reach ./prog: $PWD/b/libv6shim.so: its filesystem is mounted noexec"
	assert_line "v6shim: $PWD/b/libv6shim.so: its filesystem is mounted noexec"
	refute_line 'AT_SECURE 0'
}

# ---- what does not start

@test "missing, dangling, a directory, a pipe, not executable" {
	ln -s nowhere dangling
	ln -s circle circle
	mkdir directory
	mkfifo pipe
	cp prog text
	chmod 644 text
	chmod 755 pipe
	while IFS='|' read -r name expected why; do
		check "$name"
		assert_no_start "${name:-\'\'}" "$why"
		refused "$expected" "$name"
		assert_eq "v6shim: $name: $why" "$stderr"
	done <<-END
		nosuch|127|not found in PATH
		./nosuch|127|no such file
		./dangling|127|a symbolic link to nothing
		./circle|126|not to be got at: Too many levels of symbolic links
		./directory|126|a directory
		./pipe|126|no regular file
		/dev/null|126|no regular file
		./text|126|Permission denied: it is not executable for this user
		./prog/more|127|no such file
	END
	check ''
	assert_no_start "''" 'an empty name'
	refused 127 ''
}

@test "a file or a directory that this user cannot get at" {
	root_only
	mkdir closed
	cp prog closed
	chmod 700 closed
	cp prog unreadable
	chmod 711 unreadable
	run "${NOBODY[@]}" "$V6SHIM" check ./unreadable
	assert_not_reached ./unreadable 'not readable for this user, so nothing can be told of it: Permission denied'
	run "${NOBODY[@]}" "$V6SHIM" run ./unreadable
	assert_status 3
	run "${NOBODY[@]}" "$V6SHIM" check closed/prog
	assert_no_start closed/prog 'not to be got at: Permission denied'
	run "${NOBODY[@]}" "$V6SHIM" run closed/prog
	assert_status 126
	check ./unreadable
	assert_reached ./unreadable
}

@test "names cannot forge lines" {
	name=$'./x\nprog   ELF   ok\e[2J'
	cp prog "$name"
	check "$name"
	assert_status 0
	assert_eq 3 "$(wc -l <<<"$output")" "$output"
	assert_match '^\./x\\x0aprog   ELF   ok\\x1b\[2J ' "$output"
	script s $'#!/no/\e[2J\\such'
	check ./s
	assert_no_start ./s '/no/\x1b[2J\\such: no such file'
	refused 127 ./s
	assert_eq 'v6shim: ./s: /no/\x1b[2J\\such: no such file' "$stderr"
}

# ---- damaged files

@test "a truncated program, at every length that matters" {
	size=$(stat -c %s prog)
	for n in 4 15 16 63 64 65 500 800 2000 $((size / 2)); do
		head -c $n prog >"cut"
		chmod 755 cut
		check ./cut
		assert_no_start ./cut "no program that the kernel takes: $(sed -n 's/.*takes: //p' <<<"$(last_line)")"
		refused 126 ./cut
	done
	head -c 3 prog >"cut"
	check ./cut
	assert_reached ./cut
}

@test "an object file is no program" {
	cc -x c -c -o object.o - <<<"$PROG"
	chmod 755 object.o
	check ./object.o
	assert_no_start ./object.o 'no program that the kernel takes: an object file or a core dump, no program'
}

@test "no change to a program's bytes makes check fail but by its answer" {
	require python3
	cat >mutate.py <<-'END'
		import os, random, subprocess, sys

		v6shim, original = sys.argv[1:]
		good = open(original, "rb").read()
		random.seed(6)
		words = [0, 1, 0x7f, 0x80, 0xff]
		def places():
		    # the first header, the program headers, and what they point to
		    yield random.randrange(64)
		    yield random.randrange(64, 64 + 13 * 56)
		    yield random.randrange(len(good))
		    yield random.randrange(int.from_bytes(good[40:48], "little"), len(good))
		for i in range(int(os.environ.get("MUTATIONS", 500))):
		    bad = bytearray(good)
		    for _ in range(random.choice([1, 2, 8])):
		        at = random.choice(list(places()))
		        n = random.choice([1, 2, 4, 8])
		        new = random.choice([bytes([random.choice(words)]) * n, random.randbytes(n)])
		        bad[at:at + n] = new
		    bad[:4] = good[:4]
		    open("mutant", "wb").write(bad)
		    os.chmod("mutant", 0o755)
		    p = subprocess.run([v6shim, "check", "./mutant"], capture_output=True, timeout=20)
		    if p.returncode not in (0, 3) or p.stderr or not p.stdout:
		        os.rename("mutant", "culprit")
		        sys.exit(f"mutation {i}: {p}")
	END
	python3 mutate.py "$V6SHIM" "$PWD/prog"
	python3 mutate.py "$V6SHIM" "$BATS_FILE_TMPDIR/libv6shim.so"
}

# ---- the library

@test "a library of another version, none, and what is none: run refuses with 2" {
	cp "$V6SHIM" .
	version=$("$V6SHIM" --version | cut -d' ' -f2)
	sed "s/v6shim library, version $version/v6shim library, version 9.9.9/" "$LIB" >libv6shim.so
	run ./v6shim check ./prog
	assert_not_reached ./prog "$PWD/libv6shim.so: version 9.9.9, this command is $version"
	run ./v6shim run ./prog
	assert_status 2
	assert_eq "v6shim: $PWD/libv6shim.so: version 9.9.9, this command is $version" "$output"
	cp prog libv6shim.so
	run ./v6shim run ./prog
	assert_status 2
	assert_eq "v6shim: $PWD/libv6shim.so: no v6shim library" "$output"
	rm libv6shim.so
	libdir=$(strings ./v6shim 2>/dev/null | sed -n 's/.*neither beside this command nor in //p')
	[ ! -e "${libdir:-/usr/local/lib}/libv6shim.so" ] || skip 'a library is installed here'
	run ./v6shim run ./prog
	assert_status 2
	assert_match '^v6shim: libv6shim.so: neither beside this command nor in /' "$output"
	run ./v6shim check ./prog
	assert_status 3
	assert_hop libv6shim.so - no "neither beside this command nor in ${libdir:-/usr/local/lib}"
}

@test "a library that this user cannot read, or whose path LD_PRELOAD cannot hold" {
	root_only
	cp "$V6SHIM" "$LIB" .
	chmod 600 libv6shim.so
	run "${NOBODY[@]}" ./v6shim check ./prog
	assert_not_reached ./prog "$PWD/libv6shim.so: Permission denied"
	run "${NOBODY[@]}" ./v6shim run ./prog
	assert_status 2
	mkdir 'with space'
	cp "$V6SHIM" "$LIB" 'with space'
	run 'with space/v6shim' check ./prog
	assert_not_reached ./prog "$PWD/with space/libv6shim.so: LD_PRELOAD cannot hold a path with a space or a colon"
}

# ---- the command line

@test "usage: none, options, --help" {
	run "$V6SHIM" check
	assert_status 2
	run "$V6SHIM" check --policy=both ./prog
	assert_status 2
	assert_line "v6shim: check: unknown option '--policy=both'"
	check -- ./prog --any -thing
	assert_reached ./prog
	check --help
	assert_status 0
	assert_match 'io_uring' "$output"
}

@test "nothing of what is checked is executed" {
	script loud '#!/bin/sh' 'touch ran'
	script by-env '#!/usr/bin/env -S ./loud'
	check ./loud
	check ./by-env
	check env ./loud
	check sh -c 'touch ran'
	[ ! -e ran ]
}
