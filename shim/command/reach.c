#include "reach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keep.h"
#include "launch.h"
#include "program.h"
#include "script.h"

/* Where execvp looks when there is no PATH. */
#ifdef __GLIBC__
static const char default_path[] = "/bin:/usr/bin";
#else
static const char default_path[] = "/usr/local/bin:/bin:/usr/bin";
#endif

/* What is followed now. A launcher's own words make it another for what it starts. */
struct step {
	struct v6_reach *reach;
	char **argv;
	const char *path;      /* PATH; NULL: none */
	const char *directory; /* the working directory; NULL: this process's */
};

static void start(const struct step *step);

/* The last place is kept for the one hop too many, which says so. */
static struct v6_hop *add_hop(struct v6_reach *r, const char *path)
{
	struct v6_hop *hop = &r->hop[r->hops < V6_HOPS_MAX ? r->hops++ : V6_HOPS_MAX - 1];

	v6_hop_init(hop, path);
	if (r->hops == V6_HOPS_MAX)
		hop->obstacle = V6_OBSTACLE_ENDLESS;
	return hop;
}

/* A name as seen from the working directory of the step. */
static const char *from(const struct step *step, const char *name)
{
	if (*name == '/' || !step->directory)
		return name;
	return v6_keep_joined(step->directory, "/", name, NULL);
}

/* ---- the library */

static void find_library(struct v6_reach *r)
{
	struct v6_hop *hop = &r->preload;
	struct v6_text t = v6_text_in(hop->what, sizeof(hop->what));
	bool usable = v6_library_find(&r->library);
	int fd = v6_open_regular(r->library.path);

	hop->path = r->library.path;
	hop->obstacle = usable ? V6_OBSTACLE_NONE : V6_OBSTACLE_LIBRARY;
	v6_hop_note(
		hop, usable ? "version " : "", usable ? r->library.version : r->library.problem);
	if (fd < 0)
		return;
	if (!v6_elf_read(fd, &r->library_elf)) {
		v6_elf_text(&t, &r->library_elf);
		v6_text_str(&t, ", ");
		v6_text_str(&t, v6_libc_name(r->library_elf.needs));
	}
	close(fd);
}

static enum v6_obstacle misfit(
	const struct v6_elf *library, const struct v6_elf *program, enum v6_libc libc)
{
	if (!v6_elf_same_machine(library, program))
		return v6_elf_same_family(library, program) && library->wide
			       ? V6_OBSTACLE_NEEDS_32
			       : V6_OBSTACLE_NEEDS_MACHINE;
	/* One that names no libc takes whichever is there. */
	if (libc == library->needs || library->needs == V6_LIBC_UNKNOWN)
		return V6_OBSTACLE_NONE;
	return libc == V6_LIBC_MUSL ? V6_OBSTACLE_NEEDS_MUSL : V6_OBSTACLE_NEEDS_GLIBC;
}

/* The library must be for the program, and its libc the program's: else the program ends. */
static void judge_fit(struct v6_reach *r, const struct v6_hop *hop, const struct v6_elf *elf)
{
	struct v6_hop *preload = &r->preload;

	if (preload->obstacle)
		return;
	preload->obstacle = misfit(&r->library_elf, elf, v6_program_libc(elf));
	if (preload->obstacle == V6_OBSTACLE_NEEDS_32 && v6_library_for_both(&r->library, elf))
		preload->obstacle = V6_OBSTACLE_NONE;
	if (preload->obstacle)
		v6_hop_note(preload, "", hop->path);
}

/* ---- what programs start */

/* What is started by words on the command line is what the verdict is about. */
static void launched(struct v6_reach *r, struct v6_hop *hop, const char *name)
{
	v6_hop_note(hop, "starts ", name);
	if (r->launches + 1 != r->hops)
		return;
	r->launches++;
	r->name = name;
}

static void follow(const struct step *step, const struct v6_launch *launch)
{
	struct step next = {.reach = step->reach, .argv = launch->argv, .path = launch->path};

	next.directory = launch->directory ? from(step, launch->directory) : step->directory;
	start(&next);
}

/* True: it is env, has something to start, and has been dealt with. */
static bool is_env(const struct step *step, struct v6_hop *hop, const struct v6_elf *elf)
{
	struct v6_launch launch;

	if (!v6_hop_is(hop, "env"))
		return false;
	v6_launch_env(&launch, step->argv, step->path);
	if (!launch.argv)
		return false;
	launched(step->reach, hop, launch.argv[0]);
	if (launch.drops) {
		v6_hop_stop(hop, V6_OBSTACLE_DROPPED, launch.drops);
		return true;
	}
	/* A library of another class is passed over with a complaint, and handed on. */
	if (*elf->loader && v6_elf_same_machine(&step->reach->library_elf, elf))
		judge_fit(step->reach, hop, elf);
	follow(step, &launch);
	return true;
}

/* Only what a shell starts matters, and that gets the environment of a static one too. */
static bool is_static_shell(const struct step *step, struct v6_hop *hop, enum v6_obstacle kind)
{
	if (!v6_program_is_shell(hop))
		return false;
	step->reach->shell = true;
	if (kind != V6_OBSTACLE_STATIC)
		return false;
	step->reach->shell_is_static = true;
	v6_hop_note(hop, "hands the preload on, and is not reached itself", "");
	return true;
}

static void judge_program(const struct step *step, struct v6_hop *hop, const struct v6_elf *elf)
{
	enum v6_obstacle kind = v6_program_kind(elf);

	if (is_env(step, hop, elf) || is_static_shell(step, hop, kind))
		return;
	hop->obstacle = kind;
	if (!kind)
		judge_fit(step->reach, hop, elf);
}

/* A program that a loader maps, not the kernel: no permissions and no ids are asked for. */
static void judge_mapped(const struct step *step, const char *path)
{
	struct v6_hop *hop = add_hop(step->reach, path);
	struct v6_elf elf;
	int fd;

	if (hop->obstacle)
		return;
	fd = v6_open_regular(path);
	if (fd < 0) {
		v6_hop_stop(hop, V6_OBSTACLE_NO_WAY, strerror(errno));
		return;
	}
	if (v6_program_read(hop, fd, &elf))
		judge_program(step, hop, &elf);
	close(fd);
}

/* True: it is a loader that is called by its name, and has been dealt with. */
static bool is_loader(const struct step *step, struct v6_hop *hop, const struct v6_elf *elf)
{
	struct step next = *step;
	struct v6_launch launch;

	if (!v6_program_is_loader(hop, elf))
		return false;
	v6_launch_loader(&launch, step->argv);
	if (!launch.argv)
		return false;
	launched(step->reach, hop, launch.argv[0]);
	next.argv = launch.argv;
	judge_mapped(&next, from(step, launch.argv[0]));
	return true;
}

/* ---- execve(2) and execvp(3) */

/* An ELF file; the errno of execve. */
static int execute_elf(const struct step *step, struct v6_hop *hop, const struct stat *st, int fd)
{
	struct v6_reach *r = step->reach;
	struct v6_elf elf;
	int error;

	if (!v6_program_read(hop, fd, &elf))
		return ENOEXEC;
	/* Its loader need not be here: an emulator may bring its own. */
	if (!r->preload.obstacle && !v6_elf_same_family(&r->library_elf, &elf)) {
		judge_fit(r, hop, &elf);
		return 0;
	}
	error = v6_program_judge(hop, &elf, st, step->argv[0] && step->argv[1]);
	if (!hop->obstacle && !is_loader(step, hop, &elf))
		judge_program(step, hop, &elf);
	return error;
}

static size_t count(char **argv)
{
	size_t n = 0;

	while (argv[n])
		n++;
	return n;
}

/* The arguments of what runs a script: its own word or two, the script, the script's. */
static char **script_argv(const char *first, const char *second, const char *script, char **argv)
{
	char **result = v6_keep((count(argv) + 4) * sizeof(*result)), **to = result;

	*to++ = v6_keep_joined(first, NULL);
	if (*second)
		*to++ = v6_keep_joined(second, NULL);
	*to++ = v6_keep_joined(script, NULL);
	if (*argv)
		memcpy(to, argv + 1, count(argv + 1) * sizeof(*to));
	return result;
}

/* A file that is not ELF. The errno of execve, or 0: *path is what the kernel opens next. */
static int execute_script(
	struct step *step, struct v6_hop *hop, const char **path, const char *head, size_t len)
{
	struct v6_script script;
	struct v6_text t = v6_text_in(hop->what, sizeof(hop->what));

	v6_text_str(&t, "script");
	if (!v6_script_read(head, len, &script))
		return ENOEXEC;
	v6_hop_note(hop, "run by ", script.interpreter);
	step->argv = script_argv(script.interpreter, script.argument, *path, step->argv);
	*path = from(step, step->argv[0]);
	return 0;
}

/*
 * What execve of path would come to, through its interpreters; its errno, and 0
 * where it would start. step->argv becomes that of the last interpreter.
 */
static int execute(struct step *step, const char *path)
{
	int error = 0;

	for (unsigned depth = 0; !error; depth++) {
		struct v6_hop *hop = add_hop(step->reach, path);
		char head[V6_SCRIPT_HEAD];
		struct stat st;
		size_t len;
		ssize_t n;
		int fd;

		if (depth > V6_SCRIPT_DEPTH)
			hop->obstacle = V6_OBSTACLE_DEPTH;
		if (hop->obstacle)
			return ELOOP;
		fd = v6_hop_open(hop, &st, &error);
		if (fd < 0)
			return error;
		n = pread(fd, head, sizeof(head), 0);
		len = n > 0 ? (size_t)n : 0;
		if (v6_elf_magic(head, len)) {
			error = execute_elf(step, hop, &st, fd);
			close(fd);
			return error;
		}
		close(fd);
		error = execute_script(step, hop, &path, head, len);
	}
	return error;
}

/* Text that is neither ELF nor begins with #! is the shell's. */
static int execute_or_shell(const struct step *step, const char *path)
{
	struct step copy = *step;
	int error = execute(&copy, path);
	struct v6_hop *last = &step->reach->hop[step->reach->hops - 1];

	if (error != ENOEXEC || last->obstacle)
		return error;
	v6_hop_note(last, "no #! line: run by /bin/sh, as execvp(3) does", "");
	copy = *step;
	copy.argv = script_argv("/bin/sh", "", path, step->argv);
	return execute(&copy, "/bin/sh");
}

/* What makes execvp try the next directory of PATH. */
static bool is_passed_over(int error)
{
	switch (error) {
	case EACCES:
	case ENODEV:
	case ENOENT:
	case ENOTDIR:
	case ESTALE:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

static bool exists(const struct v6_hop *hop)
{
	return hop->obstacle != V6_OBSTACLE_NO_FILE && hop->obstacle != V6_OBSTACLE_NO_WAY;
}

static void search(const struct step *step)
{
	const char *path = step->path ? step->path : default_path, *found = NULL;
	struct v6_reach *r = step->reach;
	unsigned first = r->hops;

	for (;;) {
		size_t len = strcspn(path, ":");
		const char *directory = len ? v6_keep_bytes(path, len) : ".", *candidate;

		candidate = v6_keep_joined(from(step, directory), "/", step->argv[0], NULL);
		r->hops = first;
		if (!is_passed_over(execute_or_shell(step, candidate)))
			return;
		if (!found && exists(&r->hop[first]))
			found = candidate;
		if (!path[len])
			break;
		path += len + 1;
	}
	r->hops = first;
	if (found)
		execute_or_shell(step, found);
	else
		add_hop(r, step->argv[0])->obstacle = V6_OBSTACLE_NOT_IN_PATH;
}

static void start(const struct step *step)
{
	const char *word = step->argv[0];

	if (strchr(word, '/'))
		execute_or_shell(step, from(step, word));
	else if (*word)
		search(step);
	else
		add_hop(step->reach, word)->obstacle = V6_OBSTACLE_NO_NAME;
}

void v6_reach(struct v6_reach *r, char **argv)
{
	memset(r, 0, sizeof(*r));
	r->name = argv[0];
	find_library(r);
	start(&(struct step){.reach = r, .argv = argv, .path = getenv("PATH")});
	r->at = &r->preload;
	for (unsigned i = r->hops; i--;)
		if (r->hop[i].obstacle)
			r->at = &r->hop[i];
	r->obstacle = r->at->obstacle;
}

void v6_reach_why(struct v6_text *t, const struct v6_reach *r)
{
	/* What the command's own name stands for needs no name. */
	if (r->at != &r->hop[r->launches]) {
		v6_text_safe(t, r->at->path, strlen(r->at->path));
		v6_text_str(t, ": ");
	}
	v6_hop_why(t, r->at);
}
