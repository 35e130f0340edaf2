/*
 * Who holds a port: the caller's own sockets, as the kernel has them at this
 * moment; or sock_diag(7) for the socket and /proc for the process.
 */
#ifndef V6_HOLDER_H
#define V6_HOLDER_H

#include "way.h"

struct v6_own_socket {
	int ask, tell;             /* descriptors: see struct v6_call */
	struct v6_address address; /* bound to */
	int v6only;                /* V6_UNKNOWN for AF_INET */
};

/* false ends the walk. */
typedef bool v6_own_visit(const struct v6_own_socket *s, void *context);

/*
 * Visits every other IPv4 or IPv6 socket of the caller's process that has the port, has no
 * peer (no accepted connection), and whose protocol shares ports with `proto`
 * (v6_port_space). One system call a descriptor, a few more for each that has the
 * port; at most V6_DESCRIPTORS_MAX descriptors.
 */
enum { V6_DESCRIPTORS_MAX = 1 << 20 };
void v6_own_sockets(
	struct v6_call *c, int proto, uint16_t port, v6_own_visit *visit, void *context);

/* Fills in a holder that is one of the caller's own sockets; fd -1: nothing. */
void v6_holder_own(struct v6_call *c, const struct v6_own_socket *s);

/* Bytes of text that v6_holder_find() may need for the program's name. */
enum { V6_HOLDER_TEXT = 32 };

/*
 * Finds the socket that is in the way of address and, where it may be read, its
 * process. Bounded: V6_HOLDER_READS descriptors of other processes are looked
 * at. Leaves h->known false where nothing was found. `text` holds the program's
 * name; NULL: it is left out.
 */
enum { V6_HOLDER_READS = 50000 };
void v6_holder_find(
	struct v6_holder *h, int proto, const struct v6_address *address, int v6only, char *text);

#endif
