/*
 * What belongs to one process alone: a child of fork starts anew, a child of
 * vfork, which has its parent's memory, goes by its parent's.
 */
#ifndef V6_SELF_H
#define V6_SELF_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What a process is told once, as bits. */
enum v6_told {
	V6_TOLD_NO_IPV6 = 1,
	V6_TOLD_MAPPED = 2,
	V6_TOLD_REFUSED = 4,
	V6_TOLD_LEFT = 8,
	V6_TOLD_IO_URING = 16,
};

/* How often what had a hash came: the hash above 24 bits of the number, 0 where there is none yet. */
enum { V6_SEEN_SLOTS = 64, V6_SEEN_BITS = 24 };
struct v6_seen {
	_Atomic uint64_t slot[V6_SEEN_SLOTS];
};

struct v6_self {
	atomic_int pid;
	atomic_int load;   /* of the load record: see emit.c */
	atomic_ulong lost; /* records that could not be written and were not told of yet */
	atomic_uint told;  /* enum v6_told */
	struct v6_seen kinds, ports; /* of records that are thinned, and of ipv4-socket: emit.c */
	atomic_bool opening;         /* a thread is changing which log is open */
	atomic_uint looked;          /* the second in which it looked where the log's path leads */
};

/*
 * This process's. No system call but for the first: the page that it lies in is
 * wiped by the kernel on fork (MADV_WIPEONFORK, Linux 4.14). Where there is no such
 * page, or the parent has made none of its own yet, getpid(2) tells a child, and a child of vfork
 * is taken for one of fork.
 */
struct v6_self *v6_self(void);

/* Takes another's place: what is recorded now is that process's. Its pid is set. */
void v6_self_become(struct v6_self *other);

/* pthread_getcpuclockid(3), by which a child of vfork is known; without it it may settle its parent's page. */
typedef int v6_self_clock(pthread_t thread, clockid_t *clock);
void v6_self_use_clock(v6_self_clock *clock);

/*
 * Memory to write a record in, for calls that may have next to no stack (signal handlers) and
 * must not allocate. A fixed pool, claimed without a lock; it is mapped when it is first
 * needed, and what is not used is never touched.
 *
 * A slot holds a record and a path, with room to spare, or a part of a sock_diag answer:
 * NLMSG_GOODSIZE. A call may hold three, where it searches /proc for the holder of a
 * port; that is 85 threads that all do so at once.
 */
enum { V6_SCRATCH_SLOTS = 256, V6_SCRATCH_SIZE = 8448 };

/*
 * V6_SCRATCH_SIZE bytes of the caller's until it releases them; NULL where there is no
 * memory, or all stayed claimed for a few milliseconds. A slot whose owner is no more,
 * by fork, cancellation or siglongjmp(3), is had again after V6_SCRATCH_STALE seconds:
 * no call holds one for so long.
 */
enum { V6_SCRATCH_STALE = 60 };
char *v6_scratch_claim(void);
void v6_scratch_release(char *scratch);

#endif
