/*
 * The one place where policy lives: what is to be done about a call, decided
 * from the settings in force and the facts of the call, and from nothing else.
 *
 * Whoever gathers the facts (the preloaded library, or a supervisor from
 * outside) carries the verdict out; with mode=log it only records it.
 */
#pragma once

#include <netdb.h>

#include "settings.h"

/*
 * What is known of a call. Facts that were not asked for have the value that is
 * said to be unknown: v6_facts_init(). Which are to be asked for, v6_policy_needs()
 * says.
 */
struct v6_facts {
	enum v6_event event;       /* SOCKET, SETSOCKOPT, BIND or LISTEN */
	enum v6_family family;     /* of the socket; OTHER: unknown */
	enum v6_type type;         /* UNKNOWN */
	struct v6_address address; /* BIND: as passed; OTHER: there is none */
	int bound;                 /* SETSOCKOPT, LISTEN: has the socket a port? 0, 1, V6_UNKNOWN */
	/*
	 * V6ONLY that the application asks for now (SETSOCKOPT), or that it asked for before:
	 * 0, 1, V6_UNKNOWN.
	 */
	int asked;
	int listener; /* BIND without a port, STREAM: SO_REUSEADDR, or named by a rule: 0, 1, V6_UNKNOWN */
	bool nonboolean; /* SETSOCKOPT: the value was neither 0 nor 1 */
	int before;      /* V6ONLY as the kernel has it now: 0, 1, V6_UNKNOWN */
	/*
	 * BIND with an order: has a socket of the other family that protocol and port in
	 * this process? 0, 1, V6_UNKNOWN.
	 */
	int other;
};

void v6_facts_init(struct v6_facts *f, enum v6_event event);

/* Bits: whether there is anything to decide, and which facts are to be asked for first. */
enum {
	V6_NEED_VERDICT = 1 << 0,
	V6_NEED_FAMILY = 1 << 1,
	V6_NEED_TYPE = 1 << 2,
	V6_NEED_BOUND = 1 << 3,
	V6_NEED_VALUE = 1 << 4, /* SETSOCKOPT: `asked`, `nonboolean`: what the caller points to */
	V6_NEED_OTHER = 1 << 5,
	V6_NEED_LISTENER = 1 << 8,
	/* What the record tells of a verdict, and no verdict depends on. */
	V6_NEED_ASKED = 1 << 6,
	V6_NEED_BEFORE = 1 << 7,
};

struct v6_verdict {
	int v6only; /* V6ONLY to set before the call goes on; V6_UNKNOWN: leave it */
	enum v6_action action;
	enum v6_finding finding;
	int deny; /* the errno to fail with instead of calling on; 0: call on */
};

/*
 * The V6ONLY value that the policy stands for, 0 or 1; V6_UNKNOWN for app.
 * Forced: set at governed binds. Otherwise it is an initial value.
 */
int v6_policy_value(enum v6_policy policy);
bool v6_policy_forced(enum v6_policy policy);

/*
 * What is to be known before the call is made, V6_NEED_* bits: 0 where nothing is to
 * be done whatever the facts. `address` is that of a bind, NULL for other calls. What
 * v6_decide() does to a socket is the same whatever the facts are that are not named:
 * an unknown type or `bound` is left to the kernel, which refuses V6ONLY on what is
 * bound, raw, or not AF_INET6. With mode=log the kernel is not asked so, and they are named.
 */
unsigned v6_policy_needs(
	const struct v6_knobs *knobs, enum v6_event event, const struct v6_address *address);

/*
 * The verdict. Where `before` is unknown a value that is to be set counts as a
 * change, so that a caller that keeps no record need not ask for it.
 */
struct v6_verdict v6_decide(const struct v6_knobs *knobs, const struct v6_facts *facts);

/*
 * The errno for a bind of a v4-mapped address that the kernel refused with EINVAL
 * for V6ONLY being 1: the system's that the profile stands for, or 0 to leave it.
 * It needs `before` and `bound`.
 */
int v6_decide_mapped(const struct v6_knobs *knobs, const struct v6_facts *facts);

/*
 * What is found of a socket that serves from now on, at the address that it is bound to and
 * with the V6ONLY that it has: UNENFORCED, IPV4_SOCKET or NONE. `asked`: by the application.
 */
enum v6_finding v6_decide_serving(
	const struct v6_knobs *knobs, const struct v6_address *bound, int v6only, int asked);

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
