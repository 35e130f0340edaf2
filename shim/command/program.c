#include "program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "secure.h"

bool v6_program_is_shell(const struct v6_hop *hop)
{
	static const char *const names[] = {
		"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh", "busybox"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (v6_hop_is(hop, names[i]))
			return true;
	return false;
}

bool v6_program_is_loader(const struct v6_hop *hop, const struct v6_elf *elf)
{
	return !*elf->loader && v6_libc_by_name(hop->path);
}

/* They hand on an environment of their own making, to root's programs too. */
static bool is_cleaner(const struct v6_hop *hop)
{
	return v6_hop_is(hop, "sudo") || v6_hop_is(hop, "doas") || v6_hop_is(hop, "pkexec");
}

/*
 * By what the loader's name leads to: a name may be a link to another libc's.
 * What the program is linked with helps where somebody named the loader himself.
 */
enum v6_libc v6_program_libc(const struct v6_elf *elf)
{
	char *real = realpath(elf->loader, NULL);
	enum v6_libc libc = real ? v6_libc_by_name(real) : V6_LIBC_UNKNOWN;

	free(real);
	if (!libc)
		libc = v6_libc_by_name(elf->loader);
	return libc ? libc : elf->needs;
}

static void describe(struct v6_hop *hop, const struct v6_elf *elf)
{
	struct v6_text t = v6_text_in(hop->what, sizeof(hop->what));

	v6_elf_text(&t, elf);
	v6_text_str(&t, ", ");
	if (*elf->loader)
		v6_text_str(&t, v6_libc_name(v6_program_libc(elf)));
	else
		v6_text_str(&t, v6_program_is_loader(hop, elf) ? "a loader" : "static");
	if (elf->go)
		v6_text_str(&t, ", Go");
}

bool v6_program_read(struct v6_hop *hop, int fd, struct v6_elf *elf)
{
	const char *problem = v6_elf_read(fd, elf);

	if (problem)
		v6_hop_stop(hop, V6_OBSTACLE_DAMAGED, problem);
	else
		describe(hop, elf);
	return !problem;
}

/* The errno of execve where the program's loader stops it. */
static int judge_loader(struct v6_hop *hop, const struct v6_elf *elf)
{
	enum v6_obstacle obstacle;
	struct stat st;
	int error;

	if (!*elf->loader)
		return 0;
	obstacle = v6_executable(elf->loader, &st, &error);
	if (!obstacle)
		return 0;
	v6_hop_stop(
		hop, error == ENOENT ? V6_OBSTACLE_NO_LOADER : V6_OBSTACLE_BAD_LOADER, elf->loader);
	return error;
}

/* Which ids, for who wants to start it as what it would become. */
static void note_ids(struct v6_hop *hop, const struct stat *st)
{
	struct v6_text t = v6_text_in(hop->note, sizeof(hop->note));

	if (st->st_mode & S_ISUID) {
		v6_text_str(&t, "set-user-id, user ");
		v6_text_uint(&t, st->st_uid);
	}
	if (st->st_mode & S_ISGID && st->st_mode & S_IXGRP) {
		v6_text_str(&t, t.len ? ", set-group-id, group " : "set-group-id, group ");
		v6_text_uint(&t, st->st_gid);
	}
}

static int judge_secure(struct v6_hop *hop, const struct stat *st)
{
	static const enum v6_obstacle obstacles[] = {
		[V6_SECURE_SET_ID] = V6_OBSTACLE_SET_ID,
		[V6_SECURE_CAPABILITIES] = V6_OBSTACLE_CAPABILITIES,
		[V6_SECURE_IDS] = V6_OBSTACLE_IDS,
		[V6_SECURE_EPERM] = V6_OBSTACLE_EPERM,
	};
	bool inert;
	enum v6_secure secure = v6_secure_by(hop->path, st, &inert);

	hop->obstacle = obstacles[secure];
	if (secure == V6_SECURE_SET_ID)
		note_ids(hop, st);
	if (inert)
		v6_hop_note(hop, "its set-id bit or capabilities change nothing here", "");
	return secure == V6_SECURE_EPERM ? EPERM : 0;
}

int v6_program_judge(
	struct v6_hop *hop, const struct v6_elf *elf, const struct stat *st, bool with_arguments)
{
	int error = judge_loader(hop, elf);

	if (error)
		return error;
	/* Before its set-id bit, for what to do instead is another thing. */
	if (with_arguments && is_cleaner(hop)) {
		hop->obstacle = V6_OBSTACLE_CLEANED;
		return 0;
	}
	return judge_secure(hop, st);
}

enum v6_obstacle v6_program_kind(const struct v6_elf *elf)
{
	if (elf->go)
		return V6_OBSTACLE_GO;
	if (!*elf->loader)
		return V6_OBSTACLE_STATIC;
	return v6_program_libc(elf) ? V6_OBSTACLE_NONE : V6_OBSTACLE_LOADER;
}
