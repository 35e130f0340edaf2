/*
 * What the kernel has of all sockets of a protocol: sock_diag(7), asked.
 */
#ifndef V6_DUMP_H
#define V6_DUMP_H

#include "../core/diag.h"

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
