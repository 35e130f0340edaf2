/*
 * Which family comes first: in an address list, and on a port.
 */
#ifndef V6_ORDER_H
#define V6_ORDER_H

#include <netdb.h>

#include "terms.h"

/* The families of an address list in order, at most this many told. */
enum { V6_FAMILIES_MAX = 32 };

struct v6_families {
	unsigned count; /* 0: absent */
	uint32_t inet6; /* bit i: the i-th is IPv6, otherwise IPv4 */
};

/* The families of a getaddrinfo(3) list in their order, the first V6_FAMILIES_MAX. */
struct v6_families v6_order_families(const struct addrinfo *list);

/* Whether v6_order_apply() would change the list. */
bool v6_order_changes(enum v6_order order, const struct addrinfo *list);

/*
 * Relinks the list so that the order's family comes first: a stable partition,
 * no node lost, no memory moved, so that freeaddrinfo(3) is as before. The
 * canonical name stays at the head, where RFC 3493 6.1 has it. Returns the head.
 */
struct addrinfo *v6_order_apply(enum v6_order order, struct addrinfo *list);

#endif
