/*
 * Which processes hold a socket, by /proc/PID/fd. proc(5).
 */
#ifndef V6_PROCESSES_H
#define V6_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A descriptor of a process that is one of the sockets. */
struct v6_holding {
	uint32_t inode;
	int pid;
	int fd;
	char program[64]; /* /proc/PID/comm; any bytes, NUL-terminated */
};

/* Sorted by inode, process, descriptor. Starts as {0}. */
struct v6_processes {
	struct v6_holding *list;
	size_t count;
	bool unreadable; /* there are processes that this user may not look into */
};

/*
 * One pass over /proc for the sockets with these inodes, sorted. What comes and
 * goes meanwhile may be missing. 0, or the negated errno: no /proc, no memory.
 */
int v6_processes_gather(struct v6_processes *p, const uint32_t *inodes, size_t count);

/* The holdings of one socket, *count of them; NULL for none. */
const struct v6_holding *v6_processes_of(
	const struct v6_processes *p, uint32_t inode, size_t *count);

void v6_processes_free(struct v6_processes *p);

#endif
