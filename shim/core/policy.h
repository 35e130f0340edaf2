/*
 * The one place where policy lives: what is to be done about a call, decided
 * from the settings in force and the facts of the call, and from nothing else.
 *
 * Whoever gathers the facts (the preloaded library, or a supervisor from
 * outside) carries the verdict out; with mode=log it only records it.
 */
#ifndef V6_POLICY_H
#define V6_POLICY_H

#include "address.h"
#include "settings.h"
#include "terms.h"

/* A V6ONLY value or a yes/no that is not known, or that does not apply. */
enum { V6_UNKNOWN = -1 };

struct v6_facts {
	uint8_t event;  /* enum v6_event: SOCKET, SETSOCKOPT, BIND or LISTEN */
	uint8_t family; /* enum v6_family of the socket; OTHER where it was not asked for */
	uint8_t type;   /* enum v6_type; UNKNOWN where it was not asked for */
	int8_t bound;   /* SETSOCKOPT, LISTEN: whether the socket has a port: 0, 1, unknown */
	int8_t asked;   /* V6ONLY that the application asked for before: 0, 1, unknown */
	int8_t before;  /* V6ONLY as the kernel has it now: 0, 1, unknown */
	int8_t value;   /* SETSOCKOPT: V6ONLY that is asked for now: 0, 1, unknown */
	bool odd;       /* SETSOCKOPT: the value was neither 0 nor 1 */
	/*
	 * BIND with an order: whether a socket of the other family has that protocol and
	 * port in this process: 0, 1, unknown.
	 */
	int8_t other;
	struct v6_address address; /* BIND: as passed */
};

struct v6_verdict {
	int8_t v6only;   /* V6ONLY to set before the call goes on; V6_UNKNOWN: leave it */
	uint8_t action;  /* enum v6_action */
	uint8_t finding; /* enum v6_finding */
	int deny;        /* the errno to fail with instead of calling on; 0: call on */
};

/*
 * The V6ONLY value that the policy stands for, 0 or 1; V6_UNKNOWN for app.
 * Forced: set at governed binds. Otherwise it is an initial value.
 */
int v6_policy_value(enum v6_policy policy);
bool v6_policy_forced(enum v6_policy policy);

/*
 * Whether a call is a governed bind (DESIGN.md 1.2): bind of `::`, stream with
 * any port, datagram with a port; or listen of a stream that was never bound.
 * With a port the type need not be known, and at listen `bound` need not: the
 * kernel refuses V6ONLY on what is bound, and on any family but AF_INET6.
 */
bool v6_governed(const struct v6_facts *facts);

/*
 * Whether an order has a say in a bind: `::` or 0.0.0.0, with a port. A single
 * address of either family is not half of a pair.
 */
bool v6_ordered(const struct v6_knobs *knobs, const struct v6_facts *facts);

/*
 * The errno for a bind of a v4-mapped address that the kernel refused with EINVAL
 * for V6ONLY being 1: the system's that the profile stands for, or 0 to leave it.
 */
int v6_decide_mapped(const struct v6_knobs *knobs, const struct v6_facts *facts);

/*
 * The verdict. Where `before` is unknown a value that is to be set counts as a
 * change, so that a caller that keeps no record need not ask for it.
 */
struct v6_verdict v6_decide(const struct v6_knobs *knobs, const struct v6_facts *facts);

#endif
