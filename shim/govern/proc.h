/*
 * What the kernel has of other processes and of all sockets: /proc, and sock_diag(7), asked.
 */
#ifndef V6_PROC_H
#define V6_PROC_H

#include <sys/types.h>

#include "../core/diag.h"

/* One name that is a number; false ends the walk. */
typedef bool v6_proc_visit(int number, void *context);

/* Walks a directory whose names are numbers; false where it cannot be read to its end. */
bool v6_proc_numbers(const char *path, v6_proc_visit *visit, void *context);

/* "/proc/PID/REST", or "/proc/PID/REST/NUMBER" where number >= 0, as a text in buf. */
enum { V6_PROC_PATH = 64 };
void v6_proc_path(char buf[V6_PROC_PATH], int pid, const char *rest, int number);

/* The inode of the socket that a descriptor of a process is; 0 where it is none, or not readable. */
uint64_t v6_proc_socket(int pid, int fd);

/* The inode of a process's network, or user, namespace; 0 where it is not readable. */
uint64_t v6_proc_netns(int pid);
uint64_t v6_proc_userns(int pid);

/* As much of /proc/PID/REST as there is and fits: its length, or a negated errno. */
ssize_t v6_proc_read(int pid, const char *rest, char *buf, size_t size);

/* comm of a process: its length in buf, 0 where it cannot be read. */
size_t v6_proc_comm(int pid, char *buf, size_t size);

/* A netlink socket to ask with, to be closed by v6_sys_close(); or a negated errno. */
int v6_dump_open(void);

/* One socket; false ends the dump. */
typedef bool v6_dump_visit(const struct v6_diag_socket *s, void *context);

/*
 * Visits the answers to one query. `buf` holds at least V6_DIAG_PART_SIZE bytes; query->sequence
 * must be new for `netlink`. 0; -EINTR where the sockets changed meanwhile, so that some may be
 * missing; or another negated errno: -ENOENT for a protocol without diagnostics.
 */
int v6_dump(int netlink, const struct v6_diag_query *query, char *buf, size_t size,
	v6_dump_visit *visit, void *context);

#endif
