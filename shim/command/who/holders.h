/*
 * Which processes hold a socket, by /proc/PID/fd. proc(5).
 */
#ifndef V6_HOLDERS_H
#define V6_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A descriptor of a process that is a socket. */
struct v6_holding {
	uint64_t inode;
	int pid;
	int fd;
	const char *program; /* /proc/PID/comm; any bytes, of v6_keep */
};

/* Sorted by inode, process, descriptor. Starts as {0}. */
struct v6_holders {
	struct v6_holding *list;
	size_t count, room;
	bool unreadable; /* there are processes that this user may not look into */
};

/*
 * One pass over /proc. What comes and goes meanwhile may be missing. False: /proc cannot be read.
 */
bool v6_holders_find(struct v6_holders *h);

/* The holdings of one socket, *count of them. */
const struct v6_holding *v6_holders_of(const struct v6_holders *h, uint64_t inode, size_t *count);

#endif
