/*
 * What is done when both families want one port: split, share and yield.
 */
#ifndef V6_CONFLICT_H
#define V6_CONFLICT_H

#include "way.h"

/*
 * After a bind or listen that failed with EADDRINUSE on a port: tries what the
 * plan says, and undoes what did not help, so that the options of every socket
 * are as they were and record.error is the first one. Fills in verdict and holder. Where nothing is
 * found in the way the call is made once more, and where that succeeds there was no conflict.
 * facts.address must be set. With `describe` the holder is searched for.
 */
void v6_conflict_resolve(struct v6_call *c, bool describe);

/*
 * Whether an own socket of the other family is in the way of this one with that V6ONLY, as the hints know
 * it; that is the record's holder. No system call where no descriptor was last bound so.
 */
bool v6_conflict_meets(struct v6_call *c, int v6only);

/*
 * Before a bind for which the policy clears V6ONLY: whether the application asked for V6ONLY 1 and an
 * IPv4 socket of the process is known to have the port, so that it stays 1. Sets verdict and holder. No
 * system call where no descriptor was last bound so.
 */
bool v6_conflict_yields(struct v6_call *c);

/*
 * After a bind that succeeded: notes that this process has the port, and, where changes are
 * recorded, whether a socket of the other family has it too, which UDP with SO_REUSEADDR lets
 * pass in silence. Sets finding and holder.
 */
void v6_conflict_bound(struct v6_call *c, bool change);

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

#endif
