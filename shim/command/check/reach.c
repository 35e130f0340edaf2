#include "reach.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../../core/version.h"
#include "../../govern/sys.h"
#include "../../supervise/start.h"
#include "../command.h"
#include "program.h"

/* Where execvp looks when there is no PATH. */
#ifdef __GLIBC__
static const char default_path[] = "/bin:/usr/bin";
#else
static const char default_path[] = "/usr/local/bin:/bin:/usr/bin";
#endif

static const char shells[] = "sh ash bash dash ksh mksh zsh busybox";
/* They hand on an environment of their own making, to root's programs too. */
static const char cleaners[] = "sudo doas pkexec";

/* ---- what can stand between a preload and a program */

/* For programs that follow the default: FACTS.md 3. */
#define V6_NAMESPACE                                                                               \
	"net.ipv6.bindv6only in a network namespace of its own (unshare -n, ip netns), "           \
	"if it does not set IPV6_V6ONLY itself"
#define V6_SOCKET "a socket from systemd, if it takes one: BindIPv6Only= in systemd.socket(5)"
#define V6_NO_LD  "its loader takes no preload"

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
	X(STATIC, UNREACHABLE, "statically linked: nothing in it loads libraries",                 \
		"a dynamically linked build of it", V6_NAMESPACE, V6_SOCKET)                       \
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

/* First what does not start, then what is not reached, then what the library is not for. */
enum obstacle {
#define ID(id, ...) id,
	V6_OBSTACLES(ID)
#undef ID
};

static const struct {
	int exit;
	const char *clause[5]; /* why, then what to do, up to a NULL */
} obstacles[] = {
#define ROW(id, status, ...) {V6_EXIT_##status, {__VA_ARGS__}},
	V6_OBSTACLES(ROW)};

/* What is followed now. */
struct walk {
	struct v6_reach *reach;
	struct v6_start start; /* of the file that comes next */
	struct v6_hop library;
	struct v6_program machine; /* the library's, or a supervisor's; .elf: it is known */
};

/* Sets the obstacle; `more` may be empty. Always NULL: nothing is next. */
static const char *stop(struct v6_hop *hop, enum obstacle obstacle, const char *more)
{
	const char *why = obstacles[obstacle].clause[0];

	hop->obstacle = obstacle;
	hop->why = v6_keep_joined(why, *why && *more ? ": " : "", v6_shown(more), NULL);
	return NULL;
}

/* The last place is kept for the one hop too many, which says so. */
static struct v6_hop *add_hop(struct v6_reach *r, const char *path)
{
	struct v6_hop *hop = &r->hop[r->hops < V6_HOPS_MAX ? r->hops++ : V6_HOPS_MAX - 1];
	struct stat st;

	*hop = (struct v6_hop){.path = path, .why = ""};
	if (r->hops == V6_HOPS_MAX)
		stop(hop, ENDLESS, "");
	if (!v6_sys_lstat(path, &st) && S_ISLNK(st.st_mode))
		hop->target = realpath(path, NULL);
	return hop;
}

/* Whether the base name of the path, or of what it links to, is one of the names. */
static bool is_named(const struct v6_hop *hop, const char *names)
{
	return v6_among(names, v6_slice_base(v6_slice_of(hop->path))) ||
	       (hop->target && v6_among(names, v6_slice_base(v6_slice_of(hop->target))));
}

static bool is_on(const char *path, unsigned long flag)
{
	struct statvfs fs;

	return !statvfs(path, &fs) && fs.f_flag & flag;
}

/* ---- the library */

/* Why the file is not the library of this version, safe to print; NULL: it is. */
static const char *judge_library(const char *path)
{
	enum { MOST = 8 << 20 };
	int fd = v6_program_open(path);
	char *text = v6_keep(MOST + 1), *marker;
	ssize_t n = fd < 0 ? -1 : pread(fd, text, MOST, 0);

	if (n < 0)
		return strerror(errno);
	close(fd);
	marker = memmem(text, (size_t)n, V6_MARKER, strlen(V6_MARKER));
	if (!marker)
		return "no v6shim library";
	marker += strlen(V6_MARKER);
	if (strcmp(marker, V6_VERSION)) {
		marker[strnlen(marker, 40)] = '\0';
		return v6_keep_joined(
			"version ", v6_shown(marker), ", this command is " V6_VERSION, NULL);
	}
	if (strpbrk(path, "$: \t\n\v\f\r"))
		return "LD_PRELOAD cannot hold a path with a blank, a colon or a $";
	return is_on(path, ST_NOEXEC) ? "its filesystem is mounted noexec" : NULL;
}

bool v6_library_find(struct v6_hop *library)
{
	static const char name[] = "libv6shim.so";
	static char beside[PATH_MAX];
	const char *why = "neither beside this command nor in " V6_LIBDIR;
	ssize_t n = readlink("/proc/self/exe", beside, sizeof(beside) - sizeof(name));
	char *slash = n > 0 ? memrchr(beside, '/', (size_t)n) : NULL;

	if (slash)
		memcpy(slash + 1, name, sizeof(name));
	library->path = beside;
	if (access(library->path, F_OK))
		library->path = V6_LIBDIR "/libv6shim.so";
	if (access(library->path, F_OK))
		library->path = name;
	else
		why = judge_library(library->path);
	library->why = why ? why : "version " V6_VERSION;
	return !why;
}

static void find_library(struct walk *w, bool preload)
{
	struct v6_hop *hop = &w->library;

	hop->path = hop->why = "";
	if (!preload || !v6_library_find(hop))
		hop->obstacle = LIBRARY;
	/* A supervisor's machine is its own. */
	if (v6_program_read(preload ? hop->path : "/proc/self/exe", &w->machine) ||
		w->machine.problem)
		w->machine.elf = false;
	w->machine.libc = V6_LIBC_OURS;
	if (w->machine.elf)
		hop->what = v6_program_text(&w->machine, "");
}

/* It must be for the program, and its libc the program's: else the program ends. */
static void judge_fit(struct walk *w, const struct v6_hop *hop, const struct v6_program *p)
{
	enum v6_likeness like = v6_program_like(&w->machine, p);
	bool is_32 = like == V6_LIKE_FAMILY && w->machine.wide;
	enum obstacle obstacle = is_32 ? NEEDS_32 : NEEDS_MACHINE;

	if (like == V6_LIKE_MACHINE && p->libc == V6_LIBC_OURS)
		obstacle = NONE;
	else if (like == V6_LIKE_MACHINE)
		obstacle = p->libc == V6_LIBC_MUSL ? NEEDS_MUSL : NEEDS_GLIBC;
	if (obstacle && !w->library.obstacle)
		stop(&w->library, obstacle, hop->path);
}

/* ---- a program */

/* Whether execve would open path as a program. With NO_WAY errno says more. */
static enum obstacle executable(const char *path, struct stat *st)
{
	errno = -v6_sys_stat(path, st);
	if (errno)
		return errno == ENOENT || errno == ENOTDIR ? NO_FILE : NO_WAY;
	if (!S_ISREG(st->st_mode))
		return SPECIAL;
	if (is_on(path, ST_NOEXEC))
		return NOEXEC;
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS))
		return errno == EACCES ? NO_PERMISSION : NO_WAY;
	return NONE;
}

/*
 * Whether its loader would take a preload: not with AT_SECURE (ld.so(8)). Where the kernel would heed
 * neither the set-id bit nor the capabilities for a reason of its own (user_namespaces(7), sets that
 * lack what the file asks for: commoncap.c) it is not told.
 */
static enum obstacle secure(const struct v6_hop *hop, const struct stat *st)
{
	bool user = st->st_mode & S_ISUID && st->st_uid != geteuid();
	/* Without the group's execute bit it is no set-group-id bit: inode(7). */
	bool group = st->st_mode & S_ISGID && st->st_mode & S_IXGRP && st->st_gid != getegid();
	bool heeded = !is_on(hop->path, ST_NOSUID);

	if (getuid() != geteuid() || getgid() != getegid())
		return IDS;
	if (heeded && (user || group) && prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) != 1)
		return SET_ID;
	if (heeded && getuid() && getxattr(hop->path, "security.capability", NULL, 0) > 0)
		return CAPABILITIES;
	return NONE;
}

/* ---- execvp(3) and execve(2): each returns the file that is next, or NULL */

/* The first in PATH that can be executed; else the first that is there. */
static const char *locate(struct walk *w)
{
	const char *path = w->start.path ? w->start.path : default_path, *found = NULL;
	const char *name = w->start.argv[0];

	if (!*name || strchr(name, '/'))
		return v6_start_from(&w->start, name);
	for (;; path++) {
		size_t len = strcspn(path, ":");
		const char *directory = len ? v6_keep_bytes(path, len) : ".";
		const char *file =
			v6_keep_joined(v6_start_from(&w->start, directory), "/", name, NULL);
		struct stat st;
		enum obstacle obstacle = executable(file, &st);

		if (!obstacle || (!found && obstacle != NO_FILE && obstacle != NO_WAY))
			found = file;
		path += len;
		if (!obstacle || !*path)
			break;
	}
	return found ? found : stop(add_hop(w->reach, name), NOT_IN_PATH, "");
}

/* Its interpreter gets its own word or two, the script, and the script's. */
static const char *follow_script(struct walk *w, struct v6_hop *hop, const struct v6_program *p)
{
	static char sh[] = "/bin/sh";
	char **argv = NULL, **rest = w->start.argv;
	size_t n = 0;

	hop->what = "script";
	hop->why = p->interpreter ? v6_keep_joined("run by ", v6_shown(p->interpreter), NULL)
				  : "no #! line: run by /bin/sh, as execvp(3) does";
	*V6_ADD(argv, n) = p->interpreter ? p->interpreter : sh;
	if (p->interpreter && *p->argument)
		*V6_ADD(argv, n) = p->argument;
	*V6_ADD(argv, n) = v6_keep_joined(hop->path, NULL);
	while (*rest && *++rest)
		*V6_ADD(argv, n) = *rest;
	V6_ADD(argv, n);
	w->start.argv = argv;
	return v6_start_from(&w->start, argv[0]);
}

static const char *follow_program(struct walk *w, struct v6_hop *hop, const struct v6_program *p)
{
	enum obstacle kind = p->go ? GO : !*p->loader ? STATIC : !p->libc ? LOADER : NONE;
	struct v6_reach *r = w->reach;

	if (v6_start_next(&w->start, hop->path)) {
		hop->why = v6_keep_joined("starts ", v6_shown(w->start.argv[0]), NULL);
		/* What is started by words on the command line is what the verdict is about. */
		if (r->launches + 1 == r->hops) {
			r->launches++;
			r->name = v6_shown(w->start.argv[0]);
		}
		if (w->start.drops)
			return stop(hop, DROPPED, w->start.drops);
		/* A library of another class is passed over with a complaint, and handed on. */
		if (*p->loader && v6_program_like(&w->machine, p) == V6_LIKE_MACHINE)
			judge_fit(w, hop, p);
		return locate(w);
	}
	if (is_named(hop, shells)) {
		r->shell = true;
		/* Only what it starts matters, and that gets the environment all the same. */
		if (kind == STATIC) {
			r->shell_is_static = true;
			hop->why = "hands the preload on, and is not reached itself";
			return NULL;
		}
	}
	if (kind)
		return stop(hop, kind, "");
	judge_fit(w, hop, p);
	return NULL;
}

static const char *follow(struct walk *w, struct v6_hop *hop)
{
	struct v6_program *p = v6_keep(sizeof(*p));
	struct stat st, of_loader;
	enum obstacle obstacle = executable(hop->path, &st);
	int error;

	if (obstacle)
		return stop(hop, obstacle, obstacle == NO_WAY ? strerror(errno) : "");
	error = v6_program_read(hop->path, p);
	if (error)
		return stop(hop, UNREADABLE, strerror(error));
	if (!p->elf)
		return follow_script(w, hop, p);
	if (p->problem)
		return stop(hop, DAMAGED, p->problem);
	hop->what = v6_program_text(p, hop->path);
	/* Its loader need not be here: an emulator may bring its own. */
	if (w->machine.elf && v6_program_like(&w->machine, p) == V6_UNLIKE) {
		judge_fit(w, hop, p);
		return NULL;
	}
	if (*p->loader)
		obstacle = executable(p->loader, &of_loader);
	if (obstacle)
		return stop(hop, obstacle == NO_FILE ? NO_LOADER : BAD_LOADER, p->loader);
	/* Before its set-id bit, for what to do instead is another thing. */
	if (w->start.argv[0] && w->start.argv[1] && is_named(hop, cleaners))
		return stop(hop, CLEANED, "");
	obstacle = secure(hop, &st);
	return obstacle ? stop(hop, obstacle, "") : follow_program(w, hop, p);
}

void v6_reach(struct v6_reach *r, char **argv, bool preload)
{
	struct walk *w = v6_keep(sizeof(*w));

	w->reach = r;
	w->start.argv = argv;
	w->start.path = getenv("PATH");
	r->name = *argv[0] ? v6_shown(argv[0]) : "''";
	find_library(w, preload);
	for (const char *next = locate(w); next;) {
		struct v6_hop *hop = add_hop(r, next);

		next = hop->obstacle ? NULL : follow(w, hop);
	}
	r->hop[r->hops] = w->library;
	for (unsigned i = r->hops + 1; i--;) {
		enum obstacle o = r->hop[i].obstacle;

		if (o)
			r->at = &r->hop[i];
		if (o == SET_ID || o == CAPABILITIES || o == CLEANED || o == UNREADABLE)
			r->loses = &r->hop[i];
	}
	/* Asked only where it matters: a filter may kill who asks. */
	if (r->loses && !v6_supervise_takes_privileges())
		r->loses = NULL;
	r->starts = !r->at || r->at->obstacle > ENDLESS;
	r->exit = obstacles[r->at ? r->at->obstacle : NONE].exit;
	r->instead = obstacles[r->at ? r->at->obstacle : NONE].clause + 1;
	r->why = r->at ? r->at->why : "";
	/* What the command's own name stands for needs no name. */
	if (r->at && r->at != &r->hop[r->launches])
		r->why = v6_keep_joined(v6_shown(r->at->path), ": ", r->why, NULL);
}
