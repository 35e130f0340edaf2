#include "stat.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The struct is the kernel's own on the machines that have these calls. */
#if defined(SYS_newfstatat)
#define FSTATAT SYS_newfstatat
#define FSTAT   SYS_fstat
#elif defined(SYS_fstatat64)
#define FSTATAT SYS_fstatat64
#define FSTAT   SYS_fstat64
#endif

#ifdef FSTATAT

int v6_stat(const char *path, struct stat *st)
{
	return (int)syscall(FSTATAT, AT_FDCWD, path, st, 0);
}

int v6_lstat(const char *path, struct stat *st)
{
	return (int)syscall(FSTATAT, AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

int v6_fstat(int fd, struct stat *st)
{
	return (int)syscall(FSTAT, fd, st);
}

#else /* newer machines, whose first glibc has them */

int v6_stat(const char *path, struct stat *st)
{
	return stat(path, st);
}

int v6_lstat(const char *path, struct stat *st)
{
	return lstat(path, st);
}

int v6_fstat(int fd, struct stat *st)
{
	return fstat(fd, st);
}

#endif
