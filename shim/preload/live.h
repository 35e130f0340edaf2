/*
 * What is in force in this process: settled once, constant from then on.
 */
#ifndef V6_LIVE_H
#define V6_LIVE_H

#include <stdatomic.h>

#include "../core/rules.h"
#include "../core/settings.h"

struct v6_live {
	struct v6_settings settings;
	struct v6_slice program; /* base name of the executable, as it was executed */
	unsigned rules;          /* how many were given */
	bool inert;              /* AT_SECURE: nothing is read, written or changed */
	bool broken;             /* the configuration did not parse: bind and listen are refused */
	bool logging;            /* records go somewhere */
	/* Whether the settings or any rule have such a thing to do. */
	bool forced;  /* V6ONLY at bind and listen */
	bool ordered; /* an order */
	bool mapped;  /* on-mapped */
	bool acts;    /* a V6ONLY to set or a bind to deny before the call is made */
	bool ported;  /* a rule with port= */
	/* Whether each call has anything to do beyond calling on. */
	bool watch_socket;
	bool watch_v6only;  /* setsockopt(IPV6_V6ONLY) */
	bool watch_bind;    /* bind and listen */
	bool watch_passive; /* getaddrinfo for listeners */
};

extern struct v6_live v6_live;

/* 0: not settled; 1: settled. Anything else is being settled by that process. */
extern atomic_int v6_live_state;

/*
 * Settles v6_live by whoever comes first: the constructor, or a call that
 * arrived before it. Bounded; safe in a signal handler and after fork.
 */
void v6_live_settle(void);

static inline void v6_live_need(void)
{
	if (__builtin_expect(atomic_load_explicit(&v6_live_state, memory_order_acquire) != 1, 0))
		v6_live_settle();
}

#endif
