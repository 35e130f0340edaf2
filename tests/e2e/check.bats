#!/usr/bin/env bats
# v6shim check says of a command whether a preload reaches it, and run refuses what is not reached.
#
# The proof of an answer is the program itself: under `env LD_PRELOAD`, as `run` starts it, it prints
# AT_SECURE, and the library in it logs a load record.

# Each test is a process of its own; what a row of a table is about are its positional parameters.
# shellcheck disable=SC2030,SC2031,SC2119,SC2120

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
	export D GOCACHE=$BATS_FILE_TMPDIR/go GO111MODULE=off
	mkdir -m 755 "$D"
	cd "$D" || return
	V6SHIM=$BATS_FILE_TMPDIR/v6shim
	LIB=$BATS_FILE_TMPDIR/libv6shim.so
	cp ../prog .
	ELF=$(check ./prog && sed -nE 's/ {3,}/;/g; s,^\./prog;([^;]*);ok$,\1,p' <<<"$output")
	LOADER=$(readelf -l prog | sed -nE 's/.*interpreter: ([^]]*).*/\1/p')
}

root_only() {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	require setpriv "$@"
}

check() {
	run --separate-stderr "$V6SHIM" check --reach preload "$@"
	# shellcheck disable=SC2154
	[ -z "$stderr" ] || fail "said on standard error: $stderr"
}

last_line() {
	grep -Ev '^(instead|note| )' <<<"$output" | tail -n 1
}

# A hop is a line of the output, `;` between its columns: FILE[ -> WHERE];KIND;ok|no;WHY
assert_hop() {
	sed -E 's/ {3,}/;/g' <<<"$output" | grep -Eqx -e "$1" || fail "no such hop: $1, in: $output"
}

# answers <<END: lines of COMMAND|NAME|ANSWER|WHY|HOP; KIND in HOP is that of a dynamic program. ANSWER is
#
#	ok	reached; and run starts it with the library in it, whatever it then does
#	part	what it starts is
#	no	not reached, for WHY; run refuses it with 125
#	N	does not start, for WHY; run says so and ends with N, and neither does a shell start it
#
# and NAME, by which the answer calls it, is COMMAND unless it says otherwise.
answers() {
	local words name answer why hop

	while IFS='|' read -r words name answer why hop; do
		eval "set -- $words"
		name=${name:-$1}
		check "$@"
		case $answer in
		ok) assert_eq "0 a preload reaches $name" "$status $(last_line)" ;;
		part) assert_eq "0 a preload reaches what $name starts" "$status $(last_line)" ;;
		no) assert_eq "3 a preload does not reach $name: $why" "$status $(last_line)" ;;
		*) assert_eq "3 $name does not start: $why" "$status $(last_line)" ;;
		esac
		[ -z "$hop" ] || assert_hop "${hop//KIND/$ELF}"
		status=0
		output=$("$V6SHIM" run --reach preload --log=stderr --log-level=all -- "$@" 2>err) || status=$?
		stderr=$(<err)
		case $answer in
		ok | part) assert_match '(^|'$'\n'')v6shim [^ ]+\[[0-9]+\]: load: ' "$stderr" ;;
		no)
			assert_eq '125 ' "$status $output" "run $words"
			assert_match "^v6shim: .*'v6shim check' says what to do instead$" "$stderr"
			;;
		*)
			assert_eq "$answer " "$status $output" "run $words"
			assert_eq "v6shim: $name: $why" "$stderr"
			;;
		esac
	done
}

script() {
	printf '%s\n' "${@:2}" >"$1"
	chmod 755 "$1"
}

# elf FILE BITS little|big MACHINE LOADER: the least that is an ELF file of that class, with that loader.
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

# ---- reached

@test "a dynamic program is reached, by its name, through links, by its loader, and run proves it" {
	assert_match '^ELF (32|64)-bit [^,]*, glibc$' "$ELF"
	ln -s prog another-name
	mkdir bin sub
	cp prog bin/real
	ln -s real bin/linked
	PATH=$PATH:$PWD/bin answers <<-END
		./prog||ok||$LIB;KIND;ok;version $("$V6SHIM" --version | cut -d' ' -f2)
		./another-name||ok||./another-name -> $PWD/prog;KIND;ok
		linked||ok||$PWD/bin/linked -> $PWD/bin/real;KIND;ok
		$LOADER --library-path /lib ./prog|./prog|ok
	END
	assert_eq 'AT_SECURE 0' "$("$V6SHIM" run --reach preload --log=off ./prog)"
	check -- ./prog --any -thing
	assert_eq '0 a preload reaches ./prog' "$status $(last_line)"
	check ./another-name
	assert_eq 1 "$(head -n 2 <<<"$output" | awk '{ print index($0, "   ok") }' | sort -u | wc -l)" "columns of: $output"
}

@test "PATH: an empty element is the working directory; what cannot be executed is passed over" {
	for path in ":$PATH" "$PATH:"; do
		PATH=$path answers <<<'prog||ok||./prog;KIND;ok'
	done
	PATH=/usr/bin:/bin answers <<<'prog||127|not found in PATH'
	mkdir -p a b/thing d
	echo text >a/thing
	cp prog d/thing
	PATH=$PWD/a:$PWD/b:$PWD/d:$PATH answers <<<"thing||ok||$PWD/d/thing;KIND;ok"
	PATH=$PWD/a:$PWD/b:/usr/bin:/bin answers <<<'thing||126|Permission denied: it is not executable for this user'
}

@test "scripts are followed to their interpreters, by env too, as the kernel and execvp(3) read them" {
	script start.sh '#!/bin/sh' 'exec ./prog'
	script plain 'echo from sh'
	: >empty
	script by-env '#!/usr/bin/env prog' 'x'
	script split '#!/usr/bin/env -S -u B A=1 prog x'
	script quoted "#!/usr/bin/env -S 'prog' \"x y\" # comment"
	script signals '#!/usr/bin/env -S --default-signal=PIPE --ignore-signal prog'
	printf '#! \t %s \t arg 1 ' "$PWD/prog" >blanks
	printf '#!%s' "$PWD/prog" >no-newline
	printf '#!%s %0300d\n' "$PWD/prog" 0 >long-argument
	printf '#!/%0300d\n' 0 >long-name
	printf '#!\n' >nothing
	printf '#!/bin/sh\r\n' >dos
	script inner "#!$PWD/prog"
	script outer "#!$PWD/inner"
	chmod 755 empty blanks no-newline long-argument long-name nothing dos
	PATH=$PWD:$PATH answers <<-END
		./start.sh||ok||./start.sh;script;ok;run by /bin/sh
		./start.sh||ok||/bin/sh( -> .*)?;KIND;ok
		./plain||ok||./plain;script;ok;no #! line: run by /bin/sh, as execvp\(3\) does
		./empty||ok
		./by-env||ok||/usr/bin/env;KIND;ok;starts prog
		./by-env||ok||$PWD/prog;KIND;ok
		./split||ok||/usr/bin/env;KIND;ok;starts prog
		./quoted||ok||/usr/bin/env;KIND;ok
		./signals||ok||/usr/bin/env;KIND;ok;starts prog
		./blanks||ok||$PWD/prog;KIND;ok
		./no-newline||ok||$PWD/prog;KIND;ok
		./long-argument||ok||$PWD/prog;KIND;ok
		./long-name||ok||./long-name;script;ok;no #! line: run by /bin/sh.*
		./nothing||ok||./nothing;script;ok;no #! line: run by /bin/sh.*
		./dos||127|/bin/sh\x0d: no such file
		./outer||ok
	END
	check ./start.sh
	assert_match 'note +programs that a shell starts inherit the preload' "$output"
	script round "#!/usr/bin/env $PWD/round"
	check ./round
	assert_status 3
	assert_match 'a circle' "$(last_line)"
}

@test "env as the command: what it starts is what matters, unless it takes LD_PRELOAD away" {
	mkdir sub
	cp prog sub/mine
	answers <<-END
		env A=1 ./prog|./prog|ok
		env -C sub ./mine|./mine|ok||sub/./mine;KIND;ok
		env PATH=$PWD/sub mine|mine|ok
		env --chdir=sub -- env -v -- ./mine|./mine|ok
		env ../static|../static|no|statically linked: nothing in it loads libraries
		env nosuch|nosuch|127|not found in PATH
		env||ok
	END
	script clears '#!/usr/bin/env -S -i /bin/sh'
	while IFS='|' read -r why words; do
		answers <<<"env $words ./prog|./prog|no|/usr/bin/env: it takes LD_PRELOAD away: $why"
		# And it is true.
		# shellcheck disable=SC2086 # into its words
		assert_eq '' "$(LD_PRELOAD=$LIB env $words env | grep "^LD_PRELOAD=$LIB" || :)" "$words"
	done <<-END
		-i|-i
		-i|-
		-i|--ignore-environment
		-i|-iu X
		-u LD_PRELOAD|-u LD_PRELOAD
		-u LD_PRELOAD|-uLD_PRELOAD
		-u LD_PRELOAD|--unset=LD_PRELOAD
		LD_PRELOAD=|A=1 LD_PRELOAD=
	END
	answers <<<'./clears||no|/usr/bin/env: it takes LD_PRELOAD away: -i'
	check env -i "$V6SHIM" run --reach preload ./prog
	assert_status 3
}

# ---- not reached

@test "static programs are not reached; a static shell hands the preload on; sudo and its like take it away" {
	cp ../static sh
	script start.sh "#!$PWD/sh"
	cp prog sudo
	answers <<-END
		../static||no|statically linked: nothing in it loads libraries
		../static-pie||no|statically linked: nothing in it loads libraries
		$LOADER ../static|../static|no|statically linked: nothing in it loads libraries
		./sudo ls|./sudo|no|it takes LD_PRELOAD away
	END
	assert_eq '' "$(LD_PRELOAD=$LIB V6SHIM_LOG_LEVEL=all ../static 2>&1 | grep load || :)"
	check ../static
	assert_match '^instead +a dynamically linked build of it$' "$(grep ^instead <<<"$output")"
	check ./sudo ls
	assert_match 'v6shim behind it' "$output"
	check ./start.sh
	assert_eq '0 a preload reaches what ./start.sh starts' "$status $(last_line)"
	assert_match 'hands the preload on, and is not reached itself' "$output"
}

@test "Go programs are not reached, dynamic ones neither, stripped or not, and without their sections" {
	require go strip python3
	# shellcheck disable=SC2016
	printf '%s\n' 'package main' 'import "net"' 'func main() { l, _ := net.Listen("tcp", "[::1]:0"); l.Close() }' >s.go
	sed 's/^import/import "C"\n&/' s.go >c.go
	CGO_ENABLED=0 go build -o static-go s.go
	CGO_ENABLED=1 go build -o dynamic-go c.go
	CGO_ENABLED=1 go build -ldflags=-buildid= -o no-id c.go
	for file in static-go dynamic-go no-id; do
		strip -o $file-stripped $file
		# e_shoff, e_shnum and e_shstrndx away, as sstrip does
		python3 -c '
import sys
f = bytearray(open(sys.argv[1], "rb").read())
f[40:48] = bytes(8); f[60:64] = bytes(4)
open(sys.argv[1] + "-sections", "wb").write(f)' $file
		chmod 755 $file-sections
		for program in $file $file-stripped $file-sections; do
			[ "$program" = static-go-sections ] ||
				answers <<<"./$program||no|Go: it makes its system calls itself, without libc"
		done
	done
	# The answer is true: the library is in it, and its bind and listen are not seen.
	run env LD_PRELOAD="$LIB" V6SHIM_LOG_LEVEL=all ./dynamic-go
	assert_match ': load: ' "$output"
	refute assert_match ': (bind|listen) ' "$output"
}

@test "another libc, class or machine, and loaders that are missing or of no libc that is known" {
	require python3 musl-gcc
	[ "$(uname -m)" = x86_64 ] || skip 'needs x86-64'
	musl-gcc -x c -o with-musl - <<<"$PROG"
	loader=/lib64/ld-linux-x86-64.so.2
	elf i386 32 little 3 $loader
	elf s390 64 big 22 /lib/ld64.so.1
	elf arm 32 little 40 /lib/ld-linux-armhf.so.3
	elf unheard 64 little 4660 $loader
	elf lost 64 little 62 /no/such/ld-musl-x86_64.so.1
	cp prog own-loader
	elf odd 64 little 62 "$PWD/own-loader"
	answers <<-END
		./with-musl||no|$LIB: for glibc, and the program has musl: ./with-musl
		./i386||no|$LIB: 64-bit, and the program is 32-bit: ./i386|./i386;ELF 32-bit i386, glibc;ok
		./s390||no|$LIB: for another machine: ./s390|./s390;ELF 64-bit s390 big-endian, glibc;ok
		./arm||no|$LIB: for another machine: ./arm
		./unheard||no|$LIB: for another machine: ./unheard|./unheard;ELF 64-bit machine 4660, glibc;ok
		./odd||no|its loader is neither glibc's nor musl's
		./lost||127|its loader is missing, so it does not start at all: /no/such/ld-musl-x86_64.so.1
	END
	# True, and the build for it is named.
	refute env LD_PRELOAD="$LIB" ./with-musl
	run -127 ./lost
	check ./with-musl
	assert_match 'make CC=musl-gcc' "$output"
	check ./i386
	assert_match "make CC='gcc -m32'" "$output"
	chmod 644 own-loader
	answers <<<"./odd||126|its loader cannot be executed, so it does not start at all: $PWD/own-loader"
}

# ---- AT_SECURE

# Whether the program says AT_SECURE 1, for that caller; -, where it does not start.
truth() {
	local said

	said=$("$@" 2>/dev/null) && printf '%s\n' "${said#AT_SECURE }" || echo -
}

# compare FILE CALLER...: the caller execs this shell first, so that the program's own caller is as v6shim's.
compare() {
	local file=$1 real said status=0

	shift
	# shellcheck disable=SC2016 # for that shell
	real=$(truth "$@" /bin/sh -p -c '"$0"; exit' "$file")
	"$@" "$V6SHIM" check --reach preload "$file" >out 2>&1 || status=$?
	case $status:$(<out) in
	0:*) said=0 ;;
	3:*'so its loader takes no preload'*) said=1 ;;
	3:*'not executable for this user'*) said=- ;;
	*) said="? $status" ;;
	esac
	assert_eq "$real" "$said" "$* on $(stat -c '%U:%G %a' "$file") $(getcap "$file"): $(<out)"
}

@test "set-id bits and capabilities: what check says is what the kernel does" {
	root_only setcap getcap
	setcap cap_net_bind_service=ep prog 2>/dev/null || skip 'needs leave to set capabilities'
	# bats's takes most of the time.
	trap - DEBUG
	n=0
	while read -r owner mode caps; do
		file=$D/$((n += 1))
		cp ../prog "$file"
		chown "$owner" "$file"
		chmod "$mode" "$file"
		[ "$caps" = - ] || setcap "cap_net_bind_service=$caps" "$file"
		while read -r -a caller; do
			compare "$file" "${caller[@]}"
		done <<-END
			env
			setpriv --no-new-privs
			${NOBODY[*]}
			${NOBODY[*]} --no-new-privs
			setpriv --reuid=65534 --regid=65534 --groups=100
			setpriv --reuid=1000 --regid=100 --clear-groups
			${NOBODY[*]} --inh-caps=+net_bind_service --ambient-caps=+net_bind_service
			setpriv --ruid=65534
			setpriv --rgid=100 --clear-groups
		END
	done <<-END
		0:0 0755 -
		0:0 4755 -
		1000:0 4755 -
		65534:0 4755 -
		0:0 2755 -
		0:100 2755 -
		0:100 2745 -
		0:65534 2755 -
		0:65534 6755 -
		0:0 0755 ep
		0:0 4755 ep
	END
	assert_eq 11 "$n"
}

@test "a program that gains rights is refused; run as what it becomes, or with what it would gain, it is reached" {
	root_only setcap
	chown 1000:1000 prog
	chmod 4755 prog
	answers <<<'./prog||no|it changes its user or group, so its loader takes no preload'
	run setpriv --reuid=1000 --regid=1000 --clear-groups "$V6SHIM" run --reach preload --log=stderr --log-level=all ./prog
	assert_status 0
	assert_match ': load: ' "$output"
	assert_line 'AT_SECURE 0'
	install -m 755 ../prog prog
	setcap cap_net_bind_service=ep prog 2>/dev/null || skip 'needs leave to set capabilities'
	answers <<<'./prog||ok'
	run "${NOBODY[@]}" "$V6SHIM" run --reach preload ./prog
	assert_status 125
	assert_match 'it gains capabilities, so its loader takes no preload' "$output"
	run "${NOBODY[@]}" --inh-caps=+net_bind_service --ambient-caps=+net_bind_service \
		"$V6SHIM" run --reach preload --log=stderr --log-level=all ../prog
	assert_status 0
	assert_match ': load: ' "$output"
	assert_line 'AT_SECURE 0'
}

@test "mounted nosuid set-id bits and capabilities change nothing; mounted noexec nothing starts or is loaded" {
	root_only unshare mount setcap
	unshare -m true 2>/dev/null || skip 'needs leave to make a mount namespace'
	mkdir m b
	export V6SHIM LIB
	# shellcheck disable=SC2016 # for the shell inside
	run unshare -m sh -ec '
		mount -t tmpfs -o nosuid,mode=755 tmpfs m
		cp prog m/set-id
		chown 1000 m/set-id
		chmod 4755 m/set-id
		cp prog m/caps
		setcap cap_net_bind_service=ep m/caps || cp ../prog m/caps
		for file in set-id caps; do
			setpriv --reuid=65534 --regid=65534 --clear-groups "$V6SHIM" check --reach preload m/$file
			setpriv --reuid=65534 --regid=65534 --clear-groups "$V6SHIM" run --reach preload m/$file
		done'
	assert_status 0
	assert_eq 2 "$(grep -c '^AT_SECURE 0$' <<<"$output")" "$output"
	# shellcheck disable=SC2016
	run unshare -m sh -c '
		mount -t tmpfs -o mode=755 tmpfs m
		cp prog "$V6SHIM" "$LIB" m
		cp "$V6SHIM" b
		touch b/libv6shim.so
		mount -o remount,noexec m
		mount --bind m/libv6shim.so b/libv6shim.so
		"$V6SHIM" check --reach preload m/prog; echo "status $?"
		"$V6SHIM" run --reach preload m/prog; echo "status $?"
		b/v6shim check --reach preload ./prog; echo "status $?"
		b/v6shim run ./prog; echo "status $?"'
	assert_eq $'status 3\nstatus 126\nstatus 3\nstatus 125' "$(grep ^status <<<"$output")" "$output"
	assert_line 'm/prog does not start: its filesystem is mounted noexec'
	assert_line 'v6shim: m/prog: its filesystem is mounted noexec'
	assert_line "a preload does not reach ./prog: $PWD/b/libv6shim.so: its filesystem is mounted noexec"
	assert_line "v6shim: $PWD/b/libv6shim.so: its filesystem is mounted noexec"
	refute_line 'AT_SECURE 0'
}

# ---- what does not start

@test "missing, dangling, a directory, a pipe, not executable, no program, and names that would forge lines" {
	ln -s nowhere dangling
	ln -s circle circle
	mkdir directory
	mkfifo -m 755 pipe
	install -m 644 prog text
	cc -x c -c -o object.o - <<<"$PROG"
	chmod 755 object.o
	script s $'#!/no/\e[2J\\such'
	answers <<-'END'
		nosuch||127|not found in PATH
		./nosuch||127|no such file
		./dangling||127|no such file
		./circle||126|not to be got at: Too many levels of symbolic links
		./directory||126|no regular file
		./pipe||126|no regular file
		/dev/null||126|no regular file
		./text||126|Permission denied: it is not executable for this user
		./prog/more||127|no such file
		./object.o||126|no program that the kernel takes: an object file or a core dump, no program
		./s||127|/no/\x1b[2J\\such: no such file
	END
	check ''
	assert_eq "3 '' does not start: no such file" "$status $(last_line)"
	run -127 "$V6SHIM" run --reach preload ''
	name=$'./x\nprog   ELF   ok\e[2J'
	cp prog "$name"
	check "$name"
	assert_eq '0 3' "$status $(wc -l <<<"$output")" "$output"
	assert_match '^\./x\\x0aprog   ELF   ok\\x1b\[2J ' "$output"
}

@test "a file or a directory that this user cannot get at" {
	root_only
	mkdir -m 700 closed
	cp prog closed
	install -m 711 prog unreadable
	while IFS='|' read -r file expected said; do
		run "${NOBODY[@]}" "$V6SHIM" check --reach preload "$file"
		assert_eq "3 $said" "$status $(last_line)"
		run "-$expected" "${NOBODY[@]}" "$V6SHIM" run --reach preload "$file"
	done <<-'END'
		./unreadable|125|a preload does not reach ./unreadable: not readable for this user, so nothing can be told of it: Permission denied
		closed/prog|126|closed/prog does not start: not to be got at: Permission denied
	END
	answers <<<'./unreadable||ok'
}

# Any other bytes: tests/fuzz/programs.c.
@test "a truncated program is none that the kernel takes; of three bytes it is a script" {
	size=$(stat -c %s prog)
	for n in 4 15 16 63 64 65 500 800 2000 $((size / 2)); do
		head -c $n prog >"cut"
		chmod 755 cut
		check ./cut
		assert_match '^\./cut does not start: no program that the kernel takes: ' "$(last_line)"
		answers <<<"./cut||126|${output##*does not start: }"
	done
	head -c 3 prog >"cut"
	answers <<<'./cut||ok'
}

# ---- the library

# library WHAT: check says of ./prog that the library beside the command is that, run the same and ends with 125.
library() {
	run "$1/v6shim" check --reach preload ./prog
	assert_eq "3 a preload does not reach ./prog: $PWD/${1#./}/libv6shim.so: $2" "$status $(last_line)"
	run "$1/v6shim" run --reach preload ./prog
	assert_eq "125 v6shim: $PWD/${1#./}/libv6shim.so: $2" "$status $output"
}

@test "a library of another version, none, what is none, one that cannot be read or named: run refuses with 125" {
	# shellcheck disable=SC2016 # a name
	for place in 'with space' with:colon 'with$dollar'; do
		mkdir "$place"
		cp "$V6SHIM" "$LIB" "$place"
		library "./$place" 'LD_PRELOAD cannot hold a path with a blank, a colon or a $'
	done
	mkdir l
	cp "$V6SHIM" l
	version=$("$V6SHIM" --version | cut -d' ' -f2)
	sed "s/v6shim library, version $version/v6shim library, version 9.9.9/" "$LIB" >l/libv6shim.so
	library ./l "version 9.9.9, this command is $version"
	cp prog l/libv6shim.so
	library ./l 'no v6shim library'
	if [ "$EUID" -eq 0 ]; then
		install -m 600 "$LIB" l/libv6shim.so
		run "${NOBODY[@]}" l/v6shim check --reach preload ./prog
		assert_eq "3 a preload does not reach ./prog: $PWD/l/libv6shim.so: Permission denied" "$status $(last_line)"
		run -125 "${NOBODY[@]}" l/v6shim run --reach preload ./prog
	fi
	rm l/libv6shim.so
	[ ! -e /usr/local/lib/libv6shim.so ] || skip 'a library is installed here'
	run l/v6shim run --reach preload ./prog
	assert_status 125
	assert_match '^v6shim: libv6shim.so: neither beside this command nor in /' "$output"
	run l/v6shim check --reach preload ./prog
	assert_status 3
	assert_hop 'libv6shim.so;-;no;neither beside this command nor in /.*'
}

@test "launchers are looked through, by their options; what they start is what the verdict is about" {
	for words in nice 'nice -n 5' 'nice -5' 'nice --adjustment 5' 'nohup --' 'timeout 5' 'timeout -k 1 -sTERM 5' 'timeout --signal KILL 5s' \
		setsid 'setsid -w' 'stdbuf -oL' 'stdbuf -o L -e 0' 'ionice -c 3' 'ionice -c3 -t' 'taskset 1' 'taskset -c 0' 'chrt -o 0' \
		'setpriv --nnp --' 'setpriv --reuid 0 --clear-groups' 'nice timeout 9 env -u X setsid'; do
		# shellcheck disable=SC2086 # into its words
		require ${words%% *}
		# shellcheck disable=SC2086 # into its words
		run -0 "$V6SHIM" check --reach preload $words "$PWD/prog"
		assert_match "a preload reaches $PWD/prog" "$output"
		# shellcheck disable=SC2086 # into its words
		run -3 "$V6SHIM" check --reach preload $words ../static
		assert_match "does not reach \.\./static: " "$output"
		# It is started so indeed.
		# shellcheck disable=SC2086 # into its words
		assert_eq here "$("$V6SHIM" run --log off $words echo here 2>/dev/null)"
	done
	run -3 "$V6SHIM" check --reach preload setpriv --reset-env ./prog
	assert_match 'it takes LD_PRELOAD away: --reset-env|it takes LD_PRELOAD away' "$output"
	run -0 "$V6SHIM" check --reach preload timeout 5
	assert_match 'a preload reaches timeout' "$output"
}

# ---- the command line

@test "usage: none, options, --help; and nothing of what is checked is executed" {
	run -2 "$V6SHIM" check
	run -2 "$V6SHIM" check --policy=both ./prog
	assert_line "v6shim: --policy: unknown option; 'v6shim check --help' lists them"
	run "$V6SHIM" check --help
	assert_status 0
	assert_match 'io_uring' "$output"
	script loud '#!/bin/sh' 'touch ran'
	script by-env '#!/usr/bin/env -S ./loud'
	check ./loud
	check ./by-env
	check env ./loud
	check sh -c 'touch ran'
	[ ! -e ran ]
}
