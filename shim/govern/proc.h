/* /proc: directories of numbers, and the process that has a socket. */
#pragma once

#include <sys/types.h>

#include "../core/text.h"

/* One name that is a number; false ends the walk. */
typedef bool v6_proc_visit(int number, void *context);

/* Walks a directory whose names are numbers; false where it cannot be read to its end. */
bool v6_proc_numbers(const char *path, v6_proc_visit *visit, void *context);

/* "/proc/PID/REST", or "/proc/PID/REST/NUMBER" where number >= 0, as a text in buf. */
enum { V6_PROC_PATH = 64 };
void v6_proc_path(char buf[V6_PROC_PATH], int pid, const char *rest, int number);

/*
 * The inode that a link of a process leads to: `rest` is "ns/net" or "ns/user", with fd -1; or
 * "fd", with the number of a descriptor that is a socket. 0 where it is none, or not readable.
 */
uint64_t v6_proc_inode(int pid, const char *rest, int fd);

/* As much of /proc/PID/REST as there is and fits: its length, or a negated errno. */
ssize_t v6_proc_read(int pid, const char *rest, char *buf, size_t size);

/* comm of a process: its length in buf, 0 where it cannot be read. */
size_t v6_proc_comm(int pid, char *buf, size_t size);
