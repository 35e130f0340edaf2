/*
 * What belongs to one process alone: a child of fork starts anew, a child of
 * vfork, which has its parent's memory, goes by its parent's.
 */
#ifndef V6_SELF_H
#define V6_SELF_H

#include <stdatomic.h>
#include <stdbool.h>

struct v6_self {
	atomic_int pid;
	atomic_int load;     /* of the load record: see emit.c */
	atomic_ulong lost;   /* records that could not be written and were not told of yet */
	atomic_bool opening; /* a thread is changing which log is open */
};

/*
 * This process's. No system call but for the first: the page that it lies in is
 * wiped by the kernel on fork (MADV_WIPEONFORK, Linux 4.14). Where there is no such
 * page getpid(2) tells a child, and a child of vfork is taken for one of fork.
 */
struct v6_self *v6_self(void);

#endif
