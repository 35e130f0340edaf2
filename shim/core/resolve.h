/*
 * Both families want one port and the kernel said EADDRINUSE: what stands in
 * whose way, and the plan of what is to be tried about it (DESIGN.md 1.5).
 */
#pragma once

#include "diag.h"
#include "policy.h"

/* TCP and MPTCP have their ports in common: the protocol whose ports are meant. */
int v6_port_space(int proto);

/* A socket that has a port, or wants it. */
struct v6_rival {
	struct v6_diag_socket socket;
	bool own;                 /* the caller's process has it, by these descriptors: */
	int ask, tell;            /* see struct v6_call */
	bool mapped;              /* a connection, of one that was bound to a mapped address */
	bool cleared;             /* the policy cleared its V6ONLY, which was 1 without it */
	bool listed, there;       /* in the kernel's tables, and still: see v6_port_changed() */
	int reuseaddr, reuseport; /* 0, 1; V6_UNKNOWN of another process's */
};

/*
 * Whether one, which is to be bound, has the other in its way: of ports in common, at addresses that
 * conflict, and not kept apart by SO_BINDTODEVICE (net/ipv4/inet_connection_sock.c,
 * inet_bind_conflict; net/ipv6/inet6_hashtables.c, ipv6_rcv_saddr_equal). Unknown V6ONLY counts as
 * 0, which is what takes more.
 */
bool v6_in_the_way(const struct v6_diag_socket *a, const struct v6_diag_socket *b);

/* Whether both take the ports of one family. */
bool v6_same_family(const struct v6_rival *a, const struct v6_rival *b);

struct v6_conflict {
	enum v6_event event;    /* BIND or LISTEN */
	struct v6_rival self;   /* that was refused */
	struct v6_rival *rival; /* in its way, as far as they are known */
	unsigned count;
	bool partial; /* there may be more */
};

/*
 * Whether the kernel would refuse the port: 0 or 1; V6_UNKNOWN where that depends on what is not
 * known of the rivals.
 */
int v6_conflict_refused(const struct v6_conflict *conflict);

/* One attempt: what it is called in the record, and how it is made. */
struct v6_attempt {
	enum v6_action action; /* SPLIT, SHARE or YIELD */
	bool share;            /* with the own sockets in its way; else V6ONLY=1 and bind again */
};

/*
 * Whether sharing is by SO_REUSEPORT on both. Where the application set SO_REUSEADDR, and the socket
 * is a datagram one or another process has the family, that of the others has to do, for this one
 * bind: its own options then keep out whom they have kept out. Beside one that listens it does not do,
 * which costs who yields more than one whom another's SO_REUSEPORT lets in.
 */
bool v6_shares_port(const struct v6_conflict *conflict, const struct v6_attempt *attempt);

enum { V6_ATTEMPTS_MAX = 2 };

/* The attempts in their order; how many there are, 0 for "leave the error". */
unsigned v6_conflict_plan(const struct v6_knobs *knobs, const struct v6_conflict *conflict,
	struct v6_attempt attempts[V6_ATTEMPTS_MAX]);

/*
 * The rival that the record names: where the conflict was resolved the one that it was with, else
 * the one that no attempt could have moved. NULL where none is known.
 */
const struct v6_rival *v6_conflict_holder(const struct v6_conflict *conflict, bool resolved);
