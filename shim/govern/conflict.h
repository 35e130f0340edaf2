/*
 * What is done when both families want one port: split, share and yield. And, with mode=log, what
 * each call would come to, were the mode enforce from the start: of each socket is remembered in
 * what it would differ from what the kernel has (facts.h), and of those that would have a port
 * which the kernel refused them, that they have it, until the process ends. Supposed is that the
 * program makes the same calls all the same.
 */
#pragma once

#include "way.h"

/* How many sockets it is remembered of that they would have a port. */
enum { V6_PHANTOMS_MAX = 12 };

/*
 * After a bind or listen that failed with EADDRINUSE on a port: tries what the plan says, and
 * undoes what did not help, so that the options of every socket are as they were and record.error
 * is the first one. Fills in verdict and holder. Where nothing is found in the way the call is made
 * once more, and where that succeeds there was no conflict; so it is, a bounded number of times,
 * where who was found is gone again and the knobs may make it good. facts.address must be set.
 */
void v6_conflict_resolve(struct v6_call *c);

/*
 * After the call was made with mode=log; facts.address is what it is bound to, or was to be. Fills
 * in verdict, holder and enforce, and remembers what would be left. Makes further system calls
 * where it would differ from what the kernel has, for this call or another on the port.
 */
void v6_conflict_suppose(struct v6_call *c);

/* The same of setsockopt(IPV6_V6ONLY), with facts.asked: set with enforce too, but where denied. */
void v6_conflict_suppose_asked(struct v6_call *c);

/*
 * Before a bind for which the policy clears V6ONLY, where an IPv4 socket may have the port: whether
 * the application asked for 1 and one of the process has it, so that it stays. Sets verdict,
 * holder.
 */
bool v6_conflict_yields(struct v6_call *c);

/*
 * Whether a socket of the other family has the protocol and port of this bind in
 * this process: 0 or 1; V6_UNKNOWN where that cannot be told.
 */
int v6_conflict_other_family(struct v6_call *c);

/*
 * V6ONLY as the socket has it without the policy: as it was read, or else what
 * the application asked for, or else what every new socket starts with;
 * V6_UNKNOWN where no descriptor is left to find that out with.
 */
int v6_conflict_before(const struct v6_call *c);
