/*
 * One file on the way to a program: what it is called, what it is, and what of
 * it stands in the way of a preload.
 */
#ifndef V6_HOP_H
#define V6_HOP_H

#include <sys/stat.h>

#include "../../core/text.h"

/* For programs that follow the default: FACTS.md 3. */
#define V6_NAMESPACE                                                                               \
	"net.ipv6.bindv6only in a network namespace of its own (unshare -n, ip netns), "           \
	"if it does not set IPV6_V6ONLY itself"
#define V6_SOCKET  "a socket from systemd, if it takes one: BindIPv6Only= in systemd.socket(5)"
#define V6_DYNAMIC "a dynamically linked build of it"
#define V6_NO_LD   "its loader takes no preload"

/*
 * What can stand in the way: first what does not start, then what is not reached,
 * then what the library is not for. Each with the exit status of v6shim run, why, a
 * clause, and what to do about it or instead, up to V6_INSTEAD_MAX clauses.
 */
#define V6_OBSTACLES(X)                                                                            \
	X(NONE, OK, "")                                                                            \
	X(NO_NAME, NOT_FOUND, "an empty name")                                                     \
	X(NOT_IN_PATH, NOT_FOUND, "not found in PATH")                                             \
	X(NO_FILE, NOT_FOUND, "no such file")                                                      \
	X(DANGLING, NOT_FOUND, "a symbolic link to nothing")                                       \
	X(NO_WAY, NOT_EXECUTABLE, "not to be got at")                                              \
	X(DIRECTORY, NOT_EXECUTABLE, "a directory")                                                \
	X(SPECIAL, NOT_EXECUTABLE, "no regular file")                                              \
	X(NOEXEC, NOT_EXECUTABLE, "its filesystem is mounted noexec",                              \
		"a copy on another filesystem")                                                    \
	X(NO_PERMISSION, NOT_EXECUTABLE, "Permission denied: it is not executable for this user",  \
		"chmod +x, if it is a program")                                                    \
	X(DAMAGED, NOT_EXECUTABLE, "no program that the kernel takes")                             \
	X(DEPTH, NOT_EXECUTABLE, "the kernel follows no more than 5 scripts in a row")             \
	X(NO_LOADER, NOT_FOUND, "its loader is missing, so it does not start at all",              \
		"the libc that it was built for, installed")                                       \
	X(BAD_LOADER, NOT_EXECUTABLE,                                                              \
		"its loader cannot be executed, so it does not start at all")                      \
	X(EPERM, NOT_EXECUTABLE,                                                                   \
		"it asks for capabilities that are not to be had here, so it does not start at "   \
		"all",                                                                             \
		"a copy without the capabilities")                                                 \
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

#define V6_OBSTACLE_ENUM(id, ...) V6_OBSTACLE_##id,
enum v6_obstacle { V6_OBSTACLES(V6_OBSTACLE_ENUM) };

enum { V6_INSTEAD_MAX = 3 };

/* V6_EXIT_*. */
int v6_obstacle_exit(enum v6_obstacle obstacle);

/* The i-th clause of what to do; NULL past the last. */
const char *v6_obstacle_instead(enum v6_obstacle obstacle, unsigned i);

enum { V6_HOP_WHAT = 96, V6_HOP_NOTE = 512 };

/* Paths are as they are on disk, whatever bytes they have; the texts are safe to print. */
struct v6_hop {
	const char *path;       /* as execve gets it */
	const char *target;     /* what the symbolic link comes to; NULL: it is none */
	char what[V6_HOP_WHAT]; /* "ELF 64-bit x86-64, glibc"; empty: nothing to tell */
	char note[V6_HOP_NOTE]; /* more of it, or of the obstacle; may be empty */
	enum v6_obstacle obstacle;
};

/* A hop of that path, which is kept by the caller; its target memory is v6_keep's. */
void v6_hop_init(struct v6_hop *hop, const char *path);

/* Sets the note: words of ours, then a name of anybody's. */
void v6_hop_note(struct v6_hop *hop, const char *words, const char *name);

/* Sets the obstacle, and `name` as the note. */
void v6_hop_stop(struct v6_hop *hop, enum v6_obstacle obstacle, const char *name);

/* "PATH -> TARGET", safe to print. */
void v6_hop_name(struct v6_text *t, const struct v6_hop *hop);

/* The obstacle and the note, or the note alone. */
void v6_hop_why(struct v6_text *t, const struct v6_hop *hop);

/* Whether the base name of the path, or of what it links to, is one of the names; NULL ends them. */
bool v6_hop_is(const struct v6_hop *hop, const char *const *names);

/* Whether execve would open path as a program; *error: its errno where it would not. */
enum v6_obstacle v6_executable(const char *path, struct stat *st, int *error);

/* Opens path for reading if it is a regular file, never waiting; -1 with errno. */
int v6_open_regular(const char *path);

#endif
