/*
 * Which system calls of which tables are notified: seccomp(2), seccomp_unotify(2).
 */
#ifndef V6_FILTER_H
#define V6_FILTER_H

#include <stdbool.h>

#include "abi.h"

enum v6_notified {
	V6_NOTIFIED_NONE,
	V6_NOTIFIED_BIND, /* of an address of 16 bytes or more */
	V6_NOTIFIED_LISTEN,
	V6_NOTIFIED_SETSOCKOPT, /* of IPV6_V6ONLY */
	V6_NOTIFIED_GETSOCKOPT,
	V6_NOTIFIED_LANDLOCK,
	V6_NOTIFIED_IO_URING,
};

/* Whether this machine has a table here at all. */
bool v6_filter_exists(void);

/* What a notified call is. */
enum v6_notified v6_filter_call(const struct v6_abi_call *call);

/* Whether its arguments are in memory, 32-bit words at its second: socketcall(2). */
bool v6_filter_in_memory(const struct v6_abi_call *call);

/* Whether a thread whose notification was received waits until it is answered or killed. */
bool v6_filter_waits(void);

/*
 * Puts a filter on this thread and what it will start; `without` are bits 1 << enum
 * v6_notified that are let pass. Where it needs no_new_privs (no CAP_SYS_ADMIN) that is set. The
 * listener, or a negated errno: -EBUSY where there is one already.
 */
int v6_filter_install(unsigned without);

#endif
