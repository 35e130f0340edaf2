/*
 * The processes that call: their descriptors, memory, names and privileges.
 *
 * What is found by a number of a thread or process is that one's only if the notification
 * is valid still afterwards: until then the number cannot be another's.
 */
#pragma once

#include "../govern/sys.h"
#include "../govern/way.h"

enum { V6_TARGET_PROGRAM = 256 };

struct v6_target {
	int pid;
	int pidfd;
	int memory;    /* /proc/PID/mem, of what it executed when it was looked at */
	bool forked;   /* it had executed nothing yet by then */
	bool confined; /* by Landlock, or it may be */
	struct v6_caller caller;
	char program[V6_TARGET_PROGRAM];
	struct v6_self self; /* in place of this process's own, for its records */
};

/*
 * Before the others: a process that is about to execute a program of that name (empty: none). Where it
 * may not be looked into its descriptors and memory are not had, and it is said why.
 */
struct v6_target *v6_target_start(int pid, struct v6_slice program);

/*
 * The process that a thread belongs to; NULL: it is gone, or /proc does not say. Stays until the
 * next call of this. It may be one that had the number before: then its descriptors are not had
 * (-ESRCH), and it is to be forgotten and found again. What it executes now is known after
 * v6_target_read().
 */
struct v6_target *v6_target_find(int tid);
void v6_target_forget(struct v6_target *t, int tid);

/*
 * A duplicate of the thread's descriptor, to be closed by v6_sys_close(). -EBADF: it has none
 * of that number; -EPERM: ptrace(2) access is refused; -ESRCH: the process is gone, or the
 * thread is not one of it, or, before Linux 6.9, has descriptors of its own (unshare(2),
 * CLONE_FILES).
 */
int v6_target_descriptor(const struct v6_target *t, int tid, int fd);

/*
 * Copies from its memory, of what it executes now: 0, -EFAULT, or -EPERM as above. If it has executed
 * another program meanwhile that is looked at first.
 */
int v6_target_read(struct v6_target *t, uint64_t from, void *to, size_t len);

/*
 * Whether a call may be made for the thread on its socket: no privilege of ours over the socket's
 * network namespace that is more than the capabilities in effect, no Landlock, the same LSM label.
 */
bool v6_target_like_us(const struct v6_target *t, int tid, int socket);

/* Whether CAP_NET_BIND_SERVICE is in effect for the thread, in our own user namespace. */
bool v6_target_may_bind(int tid);

/*
 * Puts our own CAP_NET_BIND_SERVICE in effect, or out of it: whether it is permitted. In effect it has to
 * be wherever /proc is read without CAP_SYS_PTRACE: ptrace(2) access to who has a capability wants it too.
 */
bool v6_target_privilege(bool in_effect);
bool v6_target_may_trace(void);

/* After landlock_restrict_self(2): it (or NULL), and whatever is first seen from now on. */
void v6_target_confine(struct v6_target *t);
