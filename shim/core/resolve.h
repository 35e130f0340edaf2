/*
 * Both families want one port and the kernel said EADDRINUSE: what stands in
 * whose way, and the plan of what is to be tried about it (DESIGN.md 1.5).
 */
#ifndef V6_RESOLVE_H
#define V6_RESOLVE_H

#include "policy.h"

/*
 * Whether two sockets of one protocol want the same port at the same address.
 * A V6ONLY value counts for AF_INET6 alone; unknown counts as 0, which is what
 * takes more. include/net/inet_hashtables.h, net/ipv6/inet6_hashtables.c:
 * ipv6_rcv_saddr_equal().
 */
bool v6_addresses_conflict(
	const struct v6_address *a, int a_v6only, const struct v6_address *b, int b_v6only);

/* The family whose port an address takes: a v4-mapped one takes IPv4's. */
enum v6_family v6_port_family(const struct v6_address *a);

/* TCP and MPTCP have their ports in common: the protocol whose ports are meant. */
int v6_port_space(int proto);

struct v6_conflict {
	enum v6_event event;       /* BIND or LISTEN */
	struct v6_address address; /* of the socket that was refused */
	int v6only;                /* its V6ONLY now; V6_UNKNOWN for AF_INET */
	bool cleared;              /* the policy cleared its V6ONLY, which was 1 without it */
	/* A v4-mapped address counts as IPv4 here: that is what it takes. */
	bool own_other;         /* a socket of this process, of the other family, is in its way */
	bool own_other_cleared; /* the policy cleared V6ONLY of that one */
	bool own_same;          /* a socket of this process, of the same family, is in its way */
	bool reuseport;         /* the application set SO_REUSEPORT on it, and on all of own_same */
	bool connection; /* no socket holds the port, but a connection that is open or past */
};

/* One attempt: what it is called in the record, and how it is made. */
struct v6_attempt {
	enum v6_action action; /* SPLIT, SHARE or YIELD */
	bool share;            /* SO_REUSEPORT on both; otherwise V6ONLY=1 and bind again */
};

enum { V6_ATTEMPTS_MAX = 4 };

/* The attempts in their order; how many there are, 0 for "leave the error". */
unsigned v6_conflict_plan(const struct v6_knobs *knobs, const struct v6_conflict *conflict,
	struct v6_attempt attempts[V6_ATTEMPTS_MAX]);

#endif
