#include "hop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../../govern/sys.h"
#include "../command.h"
#include "../keep.h"

static const struct {
	int exit;
	const char *clause[1 + V6_INSTEAD_MAX]; /* why, then what to do */
} obstacles[] = {
#define ROW(id, status, ...) {V6_EXIT_##status, {__VA_ARGS__}},
	V6_OBSTACLES(ROW)};

int v6_obstacle_exit(enum v6_obstacle obstacle)
{
	return obstacles[obstacle].exit;
}

const char *v6_obstacle_instead(enum v6_obstacle obstacle, unsigned i)
{
	return i < V6_INSTEAD_MAX ? obstacles[obstacle].clause[1 + i] : NULL;
}

void v6_hop_init(struct v6_hop *hop, const char *path)
{
	struct stat st;
	char *target;

	*hop = (struct v6_hop){.path = path};
	if (v6_sys_lstat(path, &st) < 0 || !S_ISLNK(st.st_mode))
		return;
	target = realpath(path, NULL);
	if (target)
		hop->target = v6_keep_joined(target, NULL);
	free(target);
}

void v6_hop_note(struct v6_hop *hop, const char *words, const char *name)
{
	struct v6_text t = v6_text_in(hop->note, sizeof(hop->note));

	v6_text_str(&t, words);
	v6_text_safe(&t, name, strlen(name));
}

void v6_hop_stop(struct v6_hop *hop, enum v6_obstacle obstacle, const char *name)
{
	hop->obstacle = obstacle;
	v6_hop_note(hop, "", name);
}

void v6_hop_name(struct v6_text *t, const struct v6_hop *hop)
{
	v6_text_safe(t, hop->path, strlen(hop->path));
	if (!hop->target)
		return;
	v6_text_str(t, " -> ");
	v6_text_safe(t, hop->target, strlen(hop->target));
}

void v6_hop_why(struct v6_text *t, const struct v6_hop *hop)
{
	const char *why = obstacles[hop->obstacle].clause[0];

	v6_text_str(t, why);
	if (*why && *hop->note)
		v6_text_str(t, ": ");
	v6_text_str(t, hop->note);
}

bool v6_hop_is(const struct v6_hop *hop, const char *const *names)
{
	const char *paths[] = {hop->path, hop->target};

	for (unsigned i = 0; i < 2 && paths[i]; i++) {
		const char *slash = strrchr(paths[i], '/');

		for (const char *const *name = names; *name; name++)
			if (!strcmp(slash ? slash + 1 : paths[i], *name))
				return true;
	}
	return false;
}

enum v6_obstacle v6_executable(const char *path, struct stat *st, int *error)
{
	struct stat link;
	struct statvfs fs;

	*error = -v6_sys_stat(path, st);
	if (*error == ENOENT || *error == ENOTDIR)
		return v6_sys_lstat(path, &link) < 0 ? V6_OBSTACLE_NO_FILE : V6_OBSTACLE_DANGLING;
	if (*error)
		return V6_OBSTACLE_NO_WAY;
	*error = EACCES;
	if (S_ISDIR(st->st_mode))
		return V6_OBSTACLE_DIRECTORY;
	if (!S_ISREG(st->st_mode))
		return V6_OBSTACLE_SPECIAL;
	if (!statvfs(path, &fs) && fs.f_flag & ST_NOEXEC)
		return V6_OBSTACLE_NOEXEC;
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS)) {
		*error = errno;
		return *error == EACCES ? V6_OBSTACLE_NO_PERMISSION : V6_OBSTACLE_NO_WAY;
	}
	*error = 0;
	return V6_OBSTACLE_NONE;
}

int v6_open_regular(const char *path)
{
	/* Without O_NONBLOCK the open of a FIFO waits for the other end. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && (v6_sys_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EACCES;
		return -1;
	}
	return fd;
}
