/*
 * What can stand between a preload and a program: first what does not start, then
 * what is not reached, then what the library is not for.
 */
#ifndef V6_OBSTACLES_H
#define V6_OBSTACLES_H

#include <stdbool.h>

/* For programs that follow the default: FACTS.md 3. */
#define V6_NAMESPACE                                                                               \
	"net.ipv6.bindv6only in a network namespace of its own (unshare -n, ip netns), "           \
	"if it does not set IPV6_V6ONLY itself"
#define V6_SOCKET  "a socket from systemd, if it takes one: BindIPv6Only= in systemd.socket(5)"
#define V6_DYNAMIC "a dynamically linked build of it"
#define V6_NO_LD   "its loader takes no preload"

/* Identifier; exit status of v6shim run; why, a clause; what to do about it or instead, up to 3. */
#define V6_OBSTACLES(X)                                                                            \
	X(NONE, OK, "")                                                                            \
	X(NOT_IN_PATH, NOT_FOUND, "not found in PATH")                                             \
	X(NO_FILE, NOT_FOUND, "no such file")                                                      \
	X(NO_WAY, NOT_EXECUTABLE, "not to be got at")                                              \
	X(SPECIAL, NOT_EXECUTABLE, "no regular file")                                              \
	X(NOEXEC, NOT_EXECUTABLE, "its filesystem is mounted noexec",                              \
		"a copy on another filesystem")                                                    \
	X(NO_PERMISSION, NOT_EXECUTABLE, "Permission denied: it is not executable for this user",  \
		"chmod +x, if it is a program")                                                    \
	X(DAMAGED, NOT_EXECUTABLE, "no program that the kernel takes")                             \
	X(NO_LOADER, NOT_FOUND, "its loader is missing, so it does not start at all",              \
		"the libc that it was built for, installed")                                       \
	X(BAD_LOADER, NOT_EXECUTABLE,                                                              \
		"its loader cannot be executed, so it does not start at all")                      \
	X(ENDLESS, NOT_EXECUTABLE, "more hops than anybody needs: a circle?")                      \
	X(UNREADABLE, UNREACHABLE, "not readable for this user, so nothing can be told of it",     \
		"leave to read it: chmod +r")                                                      \
	X(STATIC, UNREACHABLE, "statically linked: nothing in it loads libraries", V6_DYNAMIC,     \
		V6_NAMESPACE, V6_SOCKET)                                                           \
	X(GO, UNREACHABLE, "Go: it makes its system calls itself, without libc",                   \
		"its own settings: many take [::]:PORT for both families, 0.0.0.0:PORT for IPv4",  \
		V6_SOCKET)                                                                         \
	X(SET_ID, UNREACHABLE, "it changes its user or group, so " V6_NO_LD,                       \
		"v6shim run as the user and group that it becomes: then nothing changes",          \
		"setpriv --no-new-privs v6shim run, if it can do without")                         \
	X(CAPABILITIES, UNREACHABLE, "it gains capabilities, so " V6_NO_LD,                        \
		"a copy without them, and the capabilities from outside: AmbientCapabilities= in " \
		"systemd.exec(5), setpriv --inh-caps --ambient-caps",                              \
		"v6shim run as root: then it gains nothing")                                       \
	X(IDS, UNREACHABLE, "v6shim's own real and effective ids differ, so " V6_NO_LD,            \
		"the same ids: setpriv --ruid or --euid, --rgid or --egid, before v6shim")         \
	X(ASAN, UNREACHABLE,                                                                       \
		"the address sanitizer in it ends it where another library comes first",           \
		"ASAN_OPTIONS=verify_asan_link_order=0 v6shim run, or its runtime before the "     \
		"library in LD_PRELOAD: libv6shim(7)")                                             \
	X(LOADER, UNREACHABLE, "its loader is neither glibc's nor musl's", V6_NAMESPACE,           \
		V6_SOCKET)                                                                         \
	X(DROPPED, UNREACHABLE, "it takes LD_PRELOAD away",                                        \
		"v6shim behind it: env ... v6shim run COMMAND")                                    \
	X(CLEANED, UNREACHABLE, "it takes LD_PRELOAD away",                                        \
		"v6shim behind it: sudo ... v6shim run COMMAND")                                   \
	X(NEEDS_32, UNREACHABLE, "64-bit, and the program is 32-bit",                              \
		"a 32-bit build of v6shim: make CC='gcc -m32' BUILD=build/32, then "               \
		"build/32/v6shim run")                                                             \
	X(NEEDS_MACHINE, UNREACHABLE, "for another machine",                                       \
		"a build of v6shim for that machine: make CC=... BUILD=...")                       \
	X(NEEDS_GLIBC, UNREACHABLE, "for musl, and the program has glibc",                         \
		"a build of v6shim for glibc: make CC=gcc BUILD=build/glibc, then "                \
		"build/glibc/v6shim run")                                                          \
	X(NEEDS_MUSL, UNREACHABLE, "for glibc, and the program has musl",                          \
		"a build of v6shim for musl: make CC=musl-gcc BUILD=build/musl, then "             \
		"build/musl/v6shim run")                                                           \
	X(LIBRARY, USAGE, "") /* it is not to be had at all */

enum obstacle {
#define ID(id, ...) id,
	V6_OBSTACLES(ID)
#undef ID
};

#endif
