/*
 * stat(2), lstat(2) and fstat(2): 0, or -1 and errno. Not by libc's functions of
 * these names: glibc has them since 2.33 only, and what is built against it must
 * run on older systems too.
 */
#ifndef V6_STAT_H
#define V6_STAT_H

#include <sys/stat.h>

int v6_stat(const char *path, struct stat *st);
int v6_lstat(const char *path, struct stat *st);
int v6_fstat(int fd, struct stat *st);

#endif
