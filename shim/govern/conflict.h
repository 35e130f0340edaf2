/*
 * What is done when both families want one port: split, share and yield.
 */
#ifndef V6_PRELOAD_CONFLICT_H
#define V6_PRELOAD_CONFLICT_H

#include "call.h"

/*
 * After a bind or listen that failed with EADDRINUSE on a port: tries what the
 * plan says, and undoes what did not help, so that the options of every socket
 * are as they were and c->error is the first one. Fills verdict and holder.
 * facts.address must be set. With `describe` the holder is searched for.
 */
void v6_conflict(struct v6_call *c, bool describe);

/*
 * After a bind that succeeded: whether a socket of the other family has the same
 * port and gets the IPv4 datagrams, which UDP with SO_REUSEADDR lets pass in
 * silence. Sets finding and holder.
 */
void v6_conflict_overlap(struct v6_call *c);

/*
 * Whether a socket of the other family has the protocol and port of this bind in
 * this process: 0 or 1; V6_UNKNOWN where that cannot be told.
 */
int v6_conflict_other_family(int fd, const struct v6_address *address);

#endif
