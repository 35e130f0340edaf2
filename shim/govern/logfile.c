#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "sys.h"

#include "forbidden.h"

/* The last part of a path before it is opened, and the folder that it is in. */
struct part {
	struct stat folder, st;
	bool link; /* it is a symbolic link, and may be followed; st is what it leads to */
};

static bool trusted(unsigned uid)
{
	return uid == 0 || uid == v6_sys_geteuid();
}

/*
 * What another user may have put in the place of a log, so that it goes where they
 * want: a symbolic link, or a file that has a second name, wherever it is; and in a
 * sticky directory that everybody may write to whatever neither its owner, nor root,
 * nor we made. `root` owns "/": root, whatever this user namespace calls it. The kernel
 * has such rules, weaker ones, in fs.protected_symlinks, _regular, _fifos and _hardlinks
 * (Documentation/admin-guide/sysctl/fs.rst); they may be off, or the kernel older than they.
 */
static bool planted(const struct part *p, unsigned root)
{
	const struct stat *dir = &p->folder, *st = &p->st;
	bool open_to_others = dir->st_mode & (S_IWGRP | S_IWOTH) ||
			      (dir->st_uid != root && !trusted(dir->st_uid));

	if (S_ISLNK(st->st_mode))
		return !trusted(st->st_uid) && (st->st_uid != root || open_to_others);
	if (S_ISREG(st->st_mode) && st->st_nlink > 1 && open_to_others)
		return true;
	return dir->st_mode & S_ISVTX && dir->st_mode & S_IWOTH && st->st_uid != dir->st_uid &&
	       !trusted(st->st_uid);
}

static int step(const char *path, bool last, unsigned root, struct part *p)
{
	int error = v6_sys_lstat(path, &p->st);

	p->link = !error && S_ISLNK(p->st.st_mode);
	if (!error && (p->link || last) && planted(p, root))
		return -EACCES;
	if (p->link)
		error = v6_sys_stat(path, &p->st);
	if (!last)
		return error;
	/* What is not there, or a link to it, is made. */
	if (error)
		return error == -ENOENT ? 0 : error;
	return S_ISREG(p->st.st_mode) || S_ISFIFO(p->st.st_mode) || S_ISCHR(p->st.st_mode)
		       ? 0
		       : -EINVAL;
}

/*
 * Goes a path part by part, cutting it short and mending it as it goes. 0 where
 * it may be opened, or made.
 */
static int walk(char *path, const struct stat *root, struct part *p)
{
	int error = 0;

	p->folder = *root;
	for (char *end = path + 1; !error; end++) {
		bool last = !*end;

		if (!last && *end != '/')
			continue;
		*end = '\0';
		error = step(path, last, root->st_uid, p);
		if (last)
			break;
		*end = '/';
		p->folder = p->st;
	}
	return error;
}

int v6_logfile_open(char *path, const struct stat *root, struct stat *st)
{
	enum { TRIES = 4 };
	const int flags =
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_LARGEFILE;
	struct part p;
	int fd = -EAGAIN;

	for (int i = 0; i < TRIES && fd == -EAGAIN; i++) {
		fd = walk(path, root, &p);
		if (fd < 0)
			return fd;
		fd = v6_sys_open(path, flags | (p.link ? 0 : O_NOFOLLOW), 0644);
		if (fd < 0)
			return fd == -ENXIO ? -EPIPE : fd; /* a FIFO without a reader */
		/* What was put there, or on the way there, since then. */
		if (v6_sys_fstat(fd, st) >= 0 && walk(path, root, &p) >= 0 &&
			st->st_dev == p.st.st_dev && st->st_ino == p.st.st_ino)
			return fd;
		v6_sys_close(fd);
		fd = -EAGAIN;
	}
	return fd;
}

int v6_logfile_raise(int fd)
{
	enum { FEW = 64, MANY = 1024, HIGH = 960, FROM_END = 16 };
	uint64_t limit = v6_sys_limit(RLIMIT_NOFILE);
	int high = -EMFILE;

	if (limit > FEW)
		high = v6_sys_fcntl(
			fd, F_DUPFD_CLOEXEC, limit > MANY ? HIGH : (int)limit - FROM_END);
	v6_sys_close(fd);
	return high;
}
