#include "reach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../../govern/sys.h"
#include "../../supervise/start.h"
#include "../command.h"
#include "../memory.h"
#include "launch.h"

/* Where execvp looks when there is no PATH. */
#ifdef __GLIBC__
static const char default_path[] = "/bin:/usr/bin";
#else
static const char default_path[] = "/usr/local/bin:/bin:/usr/bin";
#endif

static const char *const shells[] = {
	"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh", "busybox", NULL};
/* They hand on an environment of their own making, to root's programs too. */
static const char *const cleaners[] = {"sudo", "doas", "pkexec", NULL};

/* ---- what can stand between a preload and a program */

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
	const char *clause[1 + V6_INSTEAD_MAX]; /* why, then what to do */
} obstacles[] = {
#define ROW(id, status, ...) {V6_EXIT_##status, {__VA_ARGS__}},
	V6_OBSTACLES(ROW)};

/* What is followed now. A launcher's own words make it another for what it starts. */
struct step {
	struct v6_reach *reach;
	char **argv;
	const char *path;      /* PATH; NULL: none */
	const char *directory; /* the working directory; NULL: this process's */
};

static void start(const struct step *step);

static void note(struct v6_hop *hop, const char *words, const char *name)
{
	struct v6_text t = v6_text_in(hop->why, sizeof(hop->why));

	v6_text_print(&t, "%s%.*s", words, V6_SLICE(v6_slice_of(name)));
}

/* Sets the obstacle; `name` says more of it, or is empty. */
static void stop(struct v6_hop *hop, enum obstacle obstacle, const char *name)
{
	struct v6_text t = v6_text_in(hop->why, sizeof(hop->why));
	const char *why = obstacles[obstacle].clause[0];

	hop->obstacle = obstacle;
	v6_text_print(&t, *why && *name ? "%s: %.*s" : "%s%.*s", why, V6_SLICE(v6_slice_of(name)));
}

/* The last place is kept for the one hop too many, which says so. */
static struct v6_hop *add_hop(struct v6_reach *r, const char *path)
{
	struct v6_hop *hop = &r->hop[r->hops < V6_HOPS_MAX ? r->hops++ : V6_HOPS_MAX - 1];
	struct stat st;
	char *target;

	*hop = (struct v6_hop){.path = path};
	if (r->hops == V6_HOPS_MAX)
		stop(hop, ENDLESS, "");
	if (v6_sys_lstat(path, &st) < 0 || !S_ISLNK(st.st_mode))
		return hop;
	target = realpath(path, NULL);
	if (target)
		hop->target = v6_keep_joined(target, NULL);
	free(target);
	return hop;
}

/* Whether the base name of the path, or of what it links to, is one of the names. */
static bool is_named(const struct v6_hop *hop, const char *const *names)
{
	struct v6_slice path = v6_slice_base(v6_slice_of(hop->path));
	struct v6_slice target = v6_slice_base(v6_slice_of(hop->target ? hop->target : ""));

	while (*names && !v6_slice_is(path, *names) && !v6_slice_is(target, *names))
		names++;
	return *names;
}

/* A name as seen from the working directory of the step. */
static const char *from(const struct step *step, const char *name)
{
	if (*name == '/' || !step->directory)
		return name;
	return v6_keep_joined(step->directory, "/", name, NULL);
}

/* ---- a program, and whether the library is for it */

/* Whether execve would open path as a program. With NO_WAY errno says more. */
static enum obstacle executable(const char *path, struct stat *st)
{
	struct statvfs fs;

	errno = -v6_sys_stat(path, st);
	if (errno)
		return errno == ENOENT || errno == ENOTDIR ? NO_FILE : NO_WAY;
	if (!S_ISREG(st->st_mode))
		return SPECIAL;
	if (!statvfs(path, &fs) && fs.f_flag & ST_NOEXEC)
		return NOEXEC;
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS))
		return errno == EACCES ? NO_PERMISSION : NO_WAY;
	return NONE;
}

/* By what the loader's name leads to: a name may be a link to another libc's. */
static enum v6_libc program_libc(const struct v6_elf *elf)
{
	char *real = realpath(elf->loader, NULL);
	enum v6_libc libc = real ? v6_libc_by_name(real) : V6_LIBC_UNKNOWN;

	free(real);
	return libc ? libc : v6_libc_by_name(elf->loader);
}

/* False, with the obstacle: damaged. */
static bool read_program(struct v6_hop *hop, int fd, struct v6_elf *elf)
{
	static const char *const libcs[] = {", unknown libc", ", glibc", ", musl"};
	const char *problem = v6_elf_read(fd, elf);
	struct v6_text t = v6_text_in(hop->what, sizeof(hop->what));

	if (problem) {
		stop(hop, DAMAGED, problem);
		return false;
	}
	v6_elf_text(&t, elf);
	if (*elf->loader)
		elf->libc = program_libc(elf);
	v6_text_str(&t, *elf->loader                 ? libcs[elf->libc]
			: v6_libc_by_name(hop->path) ? ", a loader"
						     : ", static");
	v6_text_str(&t, elf->go ? ", Go" : "");
	return true;
}

static void find_library(struct v6_reach *r, bool preload)
{
	struct v6_hop *hop = &r->preload;
	struct v6_text t = v6_text_in(hop->what, sizeof(hop->what));

	hop->path = r->library.path;
	if (preload && v6_library_find(&r->library))
		note(hop, "", r->library.note);
	else
		stop(hop, LIBRARY, r->library.note);
	/* A supervisor's machine is its own. */
	if (v6_elf_read_path(preload ? r->library.path : "/proc/self/exe", &r->library_elf))
		return;
	v6_elf_text(&t, &r->library_elf);
	v6_text_str(&t, V6_LIBC_OURS == V6_LIBC_MUSL ? ", musl" : ", glibc");
}

/* The library must be for the program, and its libc the program's: else the program ends. */
static void judge_fit(struct v6_reach *r, const struct v6_hop *hop, const struct v6_elf *elf)
{
	const struct v6_elf *library = &r->library_elf;
	enum obstacle obstacle = NONE;

	if (r->preload.obstacle)
		return;
	if (!v6_elf_same_machine(library, elf)) {
		obstacle = v6_elf_same_family(library, elf) && library->wide ? NEEDS_32
									     : NEEDS_MACHINE;
	} else if (elf->libc != V6_LIBC_OURS) {
		obstacle = elf->libc == V6_LIBC_MUSL ? NEEDS_MUSL : NEEDS_GLIBC;
	}
	if (obstacle)
		stop(&r->preload, obstacle, hop->path);
}

/*
 * Whether its loader would take a preload: not with AT_SECURE (ld.so(8)). Where the kernel would heed
 * neither the set-id bit nor the capabilities for a reason of its own (user_namespaces(7), sets that
 * lack what the file asks for: commoncap.c) it is not told.
 */
static void judge_secure(struct v6_hop *hop, const struct stat *st)
{
	bool user = st->st_mode & S_ISUID && st->st_uid != geteuid();
	/* Without the group's execute bit it is no set-group-id bit: inode(7). */
	bool group = st->st_mode & S_ISGID && st->st_mode & S_IXGRP && st->st_gid != getegid();
	struct statvfs fs;
	bool heeded = statvfs(hop->path, &fs) || !(fs.f_flag & ST_NOSUID);

	if (getuid() != geteuid() || getgid() != getegid())
		stop(hop, IDS, "");
	else if (heeded && (user || group) && prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) != 1)
		stop(hop, SET_ID, "");
	else if (heeded && getuid() && getxattr(hop->path, "security.capability", NULL, 0) > 0)
		stop(hop, CAPABILITIES, "");
}

/* ---- what programs start */

/* What is started by words on the command line is what the verdict is about. */
static void add_launch(struct v6_reach *r, struct v6_hop *hop, const char *name)
{
	note(hop, "starts ", name);
	if (r->launches + 1 != r->hops)
		return;
	r->launches++;
	r->name = name;
}

/* env, nice, loaders and their like, and what they start; false: nothing. */
static bool follow_launch(const struct step *step, struct v6_hop *hop, const struct v6_elf *elf)
{
	struct v6_launch launch = v6_launch(hop->path, step->argv, step->path);
	struct step next = *step;

	if (!launch.argv)
		return false;
	add_launch(step->reach, hop, launch.argv[0]);
	if (launch.drops) {
		stop(hop, DROPPED, launch.drops);
		return true;
	}
	/* A library of another class is passed over with a complaint, and handed on. */
	if (*elf->loader && v6_elf_same_machine(&step->reach->library_elf, elf))
		judge_fit(step->reach, hop, elf);
	next.argv = launch.argv;
	next.path = launch.path;
	if (launch.directory)
		next.directory = from(step, launch.directory);
	start(&next);
	return true;
}

static void judge_program(const struct step *step, struct v6_hop *hop, const struct v6_elf *elf)
{
	enum obstacle kind = elf->go ? GO : !*elf->loader ? STATIC : !elf->libc ? LOADER : NONE;

	if (follow_launch(step, hop, elf))
		return;
	if (is_named(hop, shells)) {
		step->reach->shell = true;
		/* Only what it starts matters, and that gets the environment all the same. */
		if (kind == STATIC) {
			step->reach->shell_is_static = true;
			note(hop, "hands the preload on, and is not reached itself", "");
			return;
		}
	}
	if (kind)
		stop(hop, kind, "");
	else
		judge_fit(step->reach, hop, elf);
}

/* ---- execve(2) and execvp(3) */

static void execute_elf(const struct step *step, struct v6_hop *hop, const struct stat *st, int fd)
{
	struct v6_reach *r = step->reach;
	enum obstacle loader = NONE;
	struct stat of_loader;
	struct v6_elf elf;

	if (!read_program(hop, fd, &elf))
		return;
	/* Its loader need not be here: an emulator may bring its own. */
	if (r->library_elf.machine && !v6_elf_same_family(&r->library_elf, &elf)) {
		judge_fit(r, hop, &elf);
		return;
	}
	if (*elf.loader)
		loader = executable(elf.loader, &of_loader);
	if (loader)
		stop(hop, loader == NO_FILE ? NO_LOADER : BAD_LOADER, elf.loader);
	/* Before its set-id bit, for what to do instead is another thing. */
	else if (step->argv[0] && step->argv[1] && is_named(hop, cleaners))
		stop(hop, CLEANED, "");
	else
		judge_secure(hop, st);
	if (!hop->obstacle)
		judge_program(step, hop, &elf);
}

/* The arguments of what runs a script: its own word or two, the script, the script's. */
static char **script_argv(char *first, char *second, const char *script, char **argv)
{
	char **result = v6_keep((v6_argv_count(argv) + 4) * sizeof(*result)), **to = result;

	*to++ = first;
	if (*second)
		*to++ = second;
	*to++ = v6_keep_joined(script, NULL);
	if (*argv)
		memcpy(to, argv + 1, v6_argv_count(argv + 1) * sizeof(*to));
	return result;
}

/*
 * One file. The interpreter of a script, which the kernel opens next, or NULL: step->argv becomes
 * that one's.
 */
static const char *execute_file(struct step *step, struct v6_hop *hop)
{
	static char sh[] = "/bin/sh", none[] = "";
	char *head = v6_keep(V6_SCRIPT_HEAD), *interpreter, *argument;
	struct stat st;
	enum obstacle obstacle = executable(hop->path, &st);
	bool is_elf;
	int fd;

	if (obstacle) {
		stop(hop, obstacle, obstacle == NO_WAY ? strerror(errno) : "");
		return NULL;
	}
	fd = v6_elf_open(hop->path);
	if (fd < 0) {
		stop(hop, UNREADABLE, strerror(errno));
		return NULL;
	}
	is_elf = pread(fd, head, V6_SCRIPT_HEAD, 0) > 0 && v6_elf_magic(head, V6_SCRIPT_HEAD);
	if (is_elf)
		execute_elf(step, hop, &st, fd);
	close(fd);
	if (is_elf)
		return NULL;
	memcpy(hop->what, "script", sizeof("script"));
	interpreter = v6_launch_script(head, &argument);
	if (interpreter) {
		note(hop, "run by ", interpreter);
	} else {
		note(hop, "no #! line: run by /bin/sh, as execvp(3) does", "");
		interpreter = sh;
		argument = none;
	}
	step->argv = script_argv(interpreter, argument, hop->path, step->argv);
	return from(step, step->argv[0]);
}

/* And through the interpreters of scripts. */
static void execute(const struct step *step, const char *path)
{
	struct step own = *step;

	while (path) {
		struct v6_hop *hop = add_hop(step->reach, path);

		path = hop->obstacle ? NULL : execute_file(&own, hop);
	}
}

/* The first in PATH that can be executed; else the first that is there. */
static void search(const struct step *step)
{
	const char *path = step->path ? step->path : default_path, *found = NULL;
	enum obstacle obstacle;
	struct stat st;

	for (;; path++) {
		size_t len = strcspn(path, ":");
		const char *directory = len ? v6_keep_bytes(path, len) : ".";
		const char *file = v6_keep_joined(from(step, directory), "/", step->argv[0], NULL);

		obstacle = executable(file, &st);
		if (!obstacle || (!found && obstacle != NO_FILE && obstacle != NO_WAY))
			found = file;
		path += len;
		if (!obstacle || !*path)
			break;
	}
	if (found)
		execute(step, found);
	else
		stop(add_hop(step->reach, step->argv[0]), NOT_IN_PATH, "");
}

static void start(const struct step *step)
{
	const char *word = step->argv[0];

	if (!*word || strchr(word, '/'))
		execute(step, from(step, word));
	else
		search(step);
}

void v6_reach(struct v6_reach *r, char **argv, bool preload)
{
	r->name = argv[0];
	find_library(r, preload);
	start(&(struct step){.reach = r, .argv = argv, .path = getenv("PATH")});
	r->at = r->preload.obstacle ? &r->preload : NULL;
	for (unsigned i = r->hops; i--;)
		if (r->hop[i].obstacle)
			r->at = &r->hop[i];
	r->starts = !r->at || r->at->obstacle > ENDLESS;
	r->exit = obstacles[r->at ? r->at->obstacle : NONE].exit;
	r->instead = obstacles[r->at ? r->at->obstacle : NONE].clause + 1;
}

void v6_reach_why(struct v6_text *t, const struct v6_reach *r)
{
	/* What the command's own name stands for needs no name. */
	if (r->at != &r->hop[r->launches])
		v6_text_print(t, "%.*s: ", V6_SLICE(v6_slice_of(r->at->path)));
	v6_text_str(t, r->at->why);
}

const struct v6_hop *v6_reach_loses(const struct v6_reach *r)
{
	for (unsigned i = 0; i < r->hops; i++) {
		unsigned o = r->hop[i].obstacle;

		if (o == SET_ID || o == CAPABILITIES || o == CLEANED || o == UNREADABLE)
			return v6_supervise_takes_privileges() ? &r->hop[i] : NULL;
	}
	return NULL;
}
