#include "obstacle.h"

#include "command.h"

/* For programs that follow the default: FACTS.md 3. */
#define NAMESPACE                                                                                  \
	"net.ipv6.bindv6only in a network namespace of its own (unshare -n, ip netns), "           \
	"if it does not set IPV6_V6ONLY itself"
#define SOCKET  "a socket from systemd, if it takes one: BindIPv6Only= in systemd.socket(5)"
#define DYNAMIC "a dynamically linked build of it"

static const struct v6_obstacle_words words[] = {
	[V6_OBSTACLE_NONE] = {V6_EXIT_OK, "", {0}},

	[V6_OBSTACLE_NO_NAME] = {V6_EXIT_NOT_FOUND, "an empty name", {0}},
	[V6_OBSTACLE_NOT_IN_PATH] = {V6_EXIT_NOT_FOUND, "not found in PATH", {0}},
	[V6_OBSTACLE_NO_FILE] = {V6_EXIT_NOT_FOUND, "no such file", {0}},
	[V6_OBSTACLE_DANGLING] = {V6_EXIT_NOT_FOUND, "a symbolic link to nothing", {0}},
	[V6_OBSTACLE_NO_WAY] = {V6_EXIT_NOT_EXECUTABLE, "not to be got at", {0}},
	[V6_OBSTACLE_DIRECTORY] = {V6_EXIT_NOT_EXECUTABLE, "a directory", {0}},
	[V6_OBSTACLE_SPECIAL] = {V6_EXIT_NOT_EXECUTABLE, "no regular file", {0}},
	[V6_OBSTACLE_NOEXEC] = {V6_EXIT_NOT_EXECUTABLE, "its filesystem is mounted noexec",
		{"a copy on another filesystem"}},
	[V6_OBSTACLE_NO_PERMISSION] = {V6_EXIT_NOT_EXECUTABLE,
		"Permission denied: it is not executable for this user",
		{"chmod +x, if it is a program"}},
	[V6_OBSTACLE_DAMAGED] = {V6_EXIT_NOT_EXECUTABLE, "no program that the kernel takes", {0}},
	[V6_OBSTACLE_DEPTH] = {V6_EXIT_NOT_EXECUTABLE,
		"the kernel follows no more than 5 scripts in a row", {0}},
	[V6_OBSTACLE_NO_LOADER] = {V6_EXIT_NOT_FOUND,
		"its loader is missing, so it does not start at all",
		{"the libc that it was built for, installed"}},
	[V6_OBSTACLE_BAD_LOADER] = {V6_EXIT_NOT_EXECUTABLE,
		"its loader cannot be executed, so it does not start at all", {0}},
	[V6_OBSTACLE_EPERM] = {V6_EXIT_NOT_EXECUTABLE,
		"it asks for capabilities that are not to be had here, so it does not start at all",
		{"a copy without the capabilities"}},
	[V6_OBSTACLE_ENDLESS] = {V6_EXIT_NOT_EXECUTABLE, "more hops than anybody needs: a circle?",
		{0}},

	[V6_OBSTACLE_UNREADABLE] = {V6_EXIT_UNREACHABLE,
		"not readable for this user, so nothing can be told of it",
		{"leave to read it: chmod +r"}},
	[V6_OBSTACLE_STATIC] = {V6_EXIT_UNREACHABLE,
		"statically linked: nothing in it loads libraries", {DYNAMIC, NAMESPACE, SOCKET}},
	[V6_OBSTACLE_GO] = {V6_EXIT_UNREACHABLE,
		"Go: it makes its system calls itself, without libc",
		{"its own settings: many take [::]:PORT for both families, 0.0.0.0:PORT for IPv4",
			SOCKET}},
	[V6_OBSTACLE_SET_ID] = {V6_EXIT_UNREACHABLE,
		"it changes its user or group, so its loader takes no preload",
		{"v6shim run as the user and group that it becomes: then nothing changes",
			"setpriv --no-new-privs v6shim run, if it can do without"}},
	[V6_OBSTACLE_CAPABILITIES] = {V6_EXIT_UNREACHABLE,
		"it gains capabilities, so its loader takes no preload",
		{"a copy without them, and the capabilities from outside: AmbientCapabilities= in "
		 "systemd.exec(5), setpriv --inh-caps --ambient-caps",
			"v6shim run as root: then it gains nothing"}},
	[V6_OBSTACLE_IDS] = {V6_EXIT_UNREACHABLE,
		"v6shim's own real and effective ids differ, so its loader takes no preload",
		{"the same ids: setpriv --ruid or --euid, --rgid or --egid, before v6shim"}},
	[V6_OBSTACLE_LOADER] = {V6_EXIT_UNREACHABLE, "its loader is neither glibc's nor musl's",
		{NAMESPACE, SOCKET}},
	[V6_OBSTACLE_DROPPED] = {V6_EXIT_UNREACHABLE, "it takes LD_PRELOAD away",
		{"v6shim behind it: env ... v6shim run COMMAND"}},
	[V6_OBSTACLE_CLEANED] = {V6_EXIT_UNREACHABLE, "it takes LD_PRELOAD away",
		{"v6shim behind it: sudo ... v6shim run COMMAND"}},

	[V6_OBSTACLE_NEEDS_32] = {V6_EXIT_UNREACHABLE, "64-bit, and the program is 32-bit",
		{"a 32-bit build of v6shim: make CC='gcc -m32' BUILD=build/32, then "
		 "build/32/v6shim run"}},
	[V6_OBSTACLE_NEEDS_MACHINE] = {V6_EXIT_UNREACHABLE, "for another machine",
		{"a build of v6shim for that machine: make CC=... BUILD=..."}},
	[V6_OBSTACLE_NEEDS_GLIBC] = {V6_EXIT_UNREACHABLE, "for musl, and the program has glibc",
		{"a build of v6shim for glibc: make CC=gcc BUILD=build/glibc, then "
		 "build/glibc/v6shim run"}},
	[V6_OBSTACLE_NEEDS_MUSL] = {V6_EXIT_UNREACHABLE, "for glibc, and the program has musl",
		{"a build of v6shim for musl: make CC=musl-gcc BUILD=build/musl, then "
		 "build/musl/v6shim run"}},

	[V6_OBSTACLE_LIBRARY] = {V6_EXIT_USAGE, "", {0}},
};

const struct v6_obstacle_words *v6_obstacle_words(enum v6_obstacle obstacle)
{
	return &words[obstacle];
}
