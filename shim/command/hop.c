#include "hop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "keep.h"
#include "stat.h"

void v6_hop_init(struct v6_hop *hop, const char *path)
{
	struct stat st;

	*hop = (struct v6_hop){.path = path};
	if (!v6_lstat(path, &st) && S_ISLNK(st.st_mode)) {
		char *target = realpath(path, NULL);

		if (target)
			hop->target = v6_keep_bytes(target, strlen(target));
		free(target);
	}
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
	v6_hop_note(hop, "", name ? name : "");
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
	const char *why = v6_obstacle_words(hop->obstacle)->why;

	v6_text_str(t, why);
	if (*why && *hop->note)
		v6_text_str(t, ": ");
	v6_text_str(t, hop->note);
}

static bool ends_in(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, name);
}

bool v6_hop_is(const struct v6_hop *hop, const char *name)
{
	return ends_in(hop->path, name) || (hop->target && ends_in(hop->target, name));
}

static enum v6_obstacle missing(const char *path)
{
	struct stat st;

	return v6_lstat(path, &st) ? V6_OBSTACLE_NO_FILE : V6_OBSTACLE_DANGLING;
}

enum v6_obstacle v6_executable(const char *path, struct stat *st, int *error)
{
	struct statvfs fs;

	if (v6_stat(path, st)) {
		*error = errno;
		if (*error == ENOENT || *error == ENOTDIR)
			return missing(path);
		return V6_OBSTACLE_NO_WAY;
	}
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

	if (fd >= 0 && (v6_fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EACCES;
		return -1;
	}
	return fd;
}

int v6_hop_open(struct v6_hop *hop, struct stat *st, int *error)
{
	enum v6_obstacle obstacle = v6_executable(hop->path, st, error);
	int fd;

	if (obstacle) {
		v6_hop_stop(
			hop, obstacle, obstacle == V6_OBSTACLE_NO_WAY ? strerror(*error) : NULL);
		return -1;
	}
	fd = v6_open_regular(hop->path);
	if (fd < 0)
		v6_hop_stop(hop, V6_OBSTACLE_UNREADABLE, strerror(errno));
	return fd;
}
