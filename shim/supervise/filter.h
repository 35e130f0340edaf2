/*
 * Which system calls of which tables are notified: seccomp(2), seccomp_unotify(2).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* linux/seccomp.h, which not every libc comes with: struct seccomp_data. */
struct v6_system_call {
	int32_t nr;
	uint32_t arch;
	uint64_t ip;
	uint64_t arg[6];
};

/* What a server calls often comes first. */
enum v6_notified {
	V6_NOTIFIED_NONE,
	V6_NOTIFIED_SETSOCKOPT, /* of IPV6_V6ONLY */
	V6_NOTIFIED_BIND,       /* of an address of 16 bytes or more */
	V6_NOTIFIED_LISTEN,
	V6_NOTIFIED_GETSOCKOPT,
	V6_NOTIFIED_LANDLOCK,
	V6_NOTIFIED_IO_URING,
	V6_NOTIFIED_CALLS,
};

/* What a notified call is. */
enum v6_notified v6_filter_call(const struct v6_system_call *call);

/* Whether its arguments are in memory, 32-bit words at its second: socketcall(2). */
bool v6_filter_in_memory(const struct v6_system_call *call);

/* Whether a thread whose notification was received waits until it is answered or killed. */
bool v6_filter_waits(void);

/*
 * Whether a filter takes no_new_privs here, with which set-id bits and file capabilities give
 * nothing: so it does without CAP_SYS_ADMIN.
 */
bool v6_supervise_takes_privileges(void);

/*
 * Puts a filter on this thread and what it will start, with no_new_privs where it takes that;
 * `without` are bits 1 << enum v6_notified that are let pass. The listener, or a negated errno:
 * -EBUSY where there is one already, -EOPNOTSUPP without a table of this machine.
 */
int v6_filter_install(unsigned without);
