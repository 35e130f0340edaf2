#!/usr/bin/env bats
# The tables of tests/e2e in short form on Debian's kernels, booted by qemu without hardware's help, and in the userland
# of bullseye (glibc 2.31) on this one: `init` runs them, guest.bash is what is of a kernel in particular. What is
# tested is the library and the command as built here.
#
# All that is fetched stays in the build directory: kernels, and the packages of the userland, unpacked and not configured.

# shellcheck disable=SC2016 # for the shells inside

load ../e2e/helper
load ../long/debian

CACHE=$BUILD/kernels
USERLAND=bullseye
# Whose packages with what they depend on are the userland.
PACKAGES=(base-files bash coreutils sed grep mawk findutils diffutils dash util-linux mount hostname kmod procps iproute2 jq
	python3-minimal libpython3-stdlib apparmor libc6-dev)
KERNELS='5.10 bullseye
6.1 bookworm
6.12 trixie'

# from SUITE PROGRAM WORD...: an apt program with lists, downloads and a state of its own; what this system has is
# neither looked at nor changed. It checks signatures and hashes. What the mirror has dropped is in the archive.
from() {
	local folder=$CACHE/$1

	mkdir -p "$folder"/{lists,archives}/partial
	"$2" -qq -o APT::Get::Assume-Yes=1 -o APT::Sandbox::User=root -o Dir::Etc::SourceList="$folder/sources" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State="$folder" -o Dir::State::Lists="$folder/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$folder" \
		-o Acquire::Languages=none -o APT::Architecture=amd64 -o APT::Architectures=amd64 \
		-o Debug::NoLocking=1 "${@:3}"
}

lists() {
	local site

	for site in "$(debian_source "$(debian_codename)")" http://archive.debian.org/debian; do
		mkdir -p "$CACHE/$1"
		echo "deb [check-valid-until=no] $site $1 main" >"$CACHE/$1/sources"
		from "$1" apt-get update && return
	done
	return 1
}

# kernel SUITE: into CACHE/SUITE/kernel.
kernel() {
	local folder=$CACHE/$1 name

	[ ! -e "$folder/kernel" ] || return 0
	rm -rf "$folder/new" "$folder"/archives/linux-image-* && mkdir -p "$folder/new" && lists "$1" &&
		name=$(from "$1" apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" { print $2; exit }') &&
		[ "$name" ] && (cd "$folder/archives" && from "$1" apt-get download "$name") &&
		dpkg-deb --fsys-tarfile "$folder"/archives/linux-image-* |
		tar -x -C "$folder/new" --wildcards './boot/vmlinuz*' '*_diag.ko*' &&
		find "$folder/new" -name '*.xz' -exec xz -d {} + &&
		mv "$folder/new" "$folder/kernel"
}

# Not apparmor's settings: they are for the features of one kernel.
unpack() {
	dpkg-deb --fsys-tarfile "$1" | tar -x -C "$CACHE/new" --exclude='./usr/share/[dlm]o*' --exclude=./usr/share/man --exclude=./etc/apparmor
}

userland() {
	local deb link target

	[ ! -e "$CACHE/root" ] || return 0
	rm -rf "$CACHE/new" && mkdir -p "$CACHE/new" && lists $USERLAND &&
		from $USERLAND apt-get install --no-install-recommends --download-only "${PACKAGES[@]}" || return
	for deb in "$CACHE/$USERLAND"/archives/*.deb; do
		[[ $deb == */linux-image-* ]] || unpack "$deb" || return
	done
	# A linker follows them in here.
	find "$CACHE/new" -type l -lname '/*' -printf '%p %l\n' | while read -r link target; do
		ln -sfr "$CACHE/new$target" "$link"
	done
	ln -sf mawk "$CACHE/new/usr/bin/awk"
	printf '%s\n' root:x:0:0::/root:/bin/sh nobody:x:65534:65534::/:/bin/sh >"$CACHE/new/etc/passwd"
	mv "$CACHE/new" "$CACHE/root"
}

# stage: what is tested, and what tests it, into the userland: a program that preloads need is linked with its libc.
stage() {
	local place=$CACHE/root/v6shim libs=$CACHE/root/usr/lib/x86_64-linux-gnu file
	local -r static=(tests/programs/{static/drive,supervise,freeport,reach})

	make -s -C "$ROOT" BUILD="$CACHE/static" LDFLAGS=-static "${static[@]/#/$CACHE/static/}" "$CACHE"/static/tests/programs/interrupted
	make -s -C "$ROOT" BUILD="$CACHE/dynamic" CC="gcc --sysroot=$CACHE/root -B$libs -L$libs" "$CACHE/dynamic/tests/programs/drive"
	rm -rf "$place" && mkdir -p "$place"/{tests,stubs,build/tests/programs/static}
	cp -r "$ROOT"/tests/{e2e,programs,kernels} "$place/tests"
	cp "$LIB" "$V6SHIM" "$place/build"
	for file in "${static[@]}" tests/programs/interrupted; do
		cp "$CACHE/static/$file" "$place/build/$file"
	done
	cp "$CACHE/dynamic/tests/programs/drive" "$place/build/tests/programs"
	# All is built.
	install -m 755 /dev/null "$place/stubs/make"
	dpkg -L bats | grep -e bin/ -e lib | while read -r file; do
		[ -d "$file" ] || install -D "$file" "$CACHE/root$file"
	done
	# bash would take longer to write the tables in there than they take to run.
	mkdir "$place"/{tables,without}
	TESTS_TABLES=$place/without bats -f "without the kernel's tables" "$ROOT/tests/e2e/conflicts.bats"
	TESTS_TABLES=$place/tables bats -f 'matrix: what each' "$ROOT/tests/e2e/policy.bats"
	TESTS_TABLES=$place/tables bats -f "matrix: both wildcards|two processes, IPv6 second|nobody's partner" "$ROOT/tests/e2e/conflicts.bats"
	install "$ROOT/tests/kernels/init" "$CACHE/root/init"
	(cd "$CACHE/root" && find . -path ./usr/include -prune -o -print | cpio -o -H newc -R 0:0 --quiet) >"$CACHE/root.cpio"
}

# machine SUITE IN WORD...: boots, with these words for the kernel; what it says goes into CACHE/SUITE.IN.
machine() {
	local suite=$1 out=$CACHE/$1.${2//,/-} folder=$BATS_FILE_TMPDIR/$1.$2

	mkdir -p "$folder/modules"
	find "$CACHE/$suite/kernel" -name '*_diag.ko' -exec cp {} "$folder/modules" \;
	(cat "$CACHE/root.cpio" && cd "$folder" && find modules | cpio -o -H newc -R 0:0 --quiet) >"$folder/initrd"
	shift
	# Seconds of processor: those of a busy machine say nothing.
	ulimit -t 600
	qemu-system-x86_64 -accel tcg -icount shift=1,sleep=off -rtc clock=vm -m 1024 -nodefaults -no-reboot -display none -serial stdio \
		-kernel "$CACHE/$suite"/kernel/boot/vmlinuz* -initrd "$folder/initrd" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off init_on_alloc=0 rdinit=/init IN=$*" </dev/null >"$out" 2>&1
	rm -r "$folder"
}

setup_file() {
	local suite boots=()

	mkdir -p "$CACHE"
	userland >"$CACHE/userland.log" 2>&1 || return 0
	stage
	while read -r _ suite; do
		rm -f "$CACHE/$suite".{kernel-tables,no_ipv6}
		kernel "$suite" >"$CACHE/$suite.log" 2>&1 || continue
		boots+=("$suite kernel,tables" "$suite no_ipv6 ipv6.disable=1")
	done <<<"$KERNELS"
	[ ${#boots[@]} -gt 0 ] || fail "no kernel can be fetched: $(tail -n 5 "$CACHE"/*.log)" || return
	export -f machine
	export CACHE
	printf '%s\n' "${boots[@]}" | xargs -P 2 -L 1 bash -c 'machine "$@"' machine
}

setup() {
	[ "$(uname -m)" = x86_64 ] || skip 'the machines are of x86-64'
	require qemu-system-x86_64 cpio xz apt-get dpkg-deb
	[ -e "$CACHE/root" ] || skip "$USERLAND cannot be fetched: is there a network? $(grep -m 1 '^[EW]:' "$CACHE/userland.log")"
}

# assert_all_passed FILE RUNS [SKIP]: of all that init ran; what was skipped has SKIP in its line.
assert_all_passed() {
	assert_eq "$2 $2 1" "$(tr -d '\r' <"$1" | awk '/^= status 0$/ { n++ } /^1\.\.[1-9]/ { plans++ } /^= end$/ { ends++ }
			END { print n, plans, ends }')" "runs that passed, runs that had tests, ends: $(tail -n 100 "$1")"
	assert_eq '' "$(grep -e '^not ok' -e '# skip' "$1" | grep -v -e "# skip.*${3:-^$}")"
}

# on VERSION SUITE [SKIP]
on() {
	[ -e "$CACHE/$2.kernel-tables" ] || skip "Linux $1: the mirror has no kernel of $2 any more: $(grep -m 1 '^[EW]:' "$CACHE/$2.log")"
	assert_match "\\($1\\." "$(<"$CACHE/$2.kernel-tables")"
	assert_all_passed "$CACHE/$2.kernel-tables" 11 "${3-}"
	assert_all_passed "$CACHE/$2.no_ipv6" 1
}

@test "Linux 5.10: preload and supervise, conflicts, who, sock_diag or none, Yama, AppArmor, no IPv6" {
	on 5.10 bullseye Landlock
}

@test "Linux 6.1: the same" {
	on 6.1 bookworm Landlock
}

@test "Linux 6.12: the same" {
	on 6.12 trixie
}

@test "bullseye's userland, glibc 2.31: the library and the command built here, preload and supervise" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	unshare -m -n --propagation private sh -c '
		mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && mount -t tmpfs -o mode=1777 tmpfs "$0/tmp" &&
			IN=tables exec chroot "$0" /init' "$CACHE/root" >"$CACHE/userland.log" 2>&1
	assert_all_passed "$CACHE/userland.log" 8
}
