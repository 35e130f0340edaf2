/*
 * Where the policy is not in force on a socket that serves, which must not pass in silence
 * (DESIGN.md 1.6, unenforced and ipv4-socket).
 */
#ifndef V6_SERVING_H
#define V6_SERVING_H

#include "way.h"

/*
 * Whether it serves by this call: a stream from listen on, a datagram socket from a bind to a port
 * on, but for a client. Of what came bound the kernel is asked.
 */
bool v6_serving(struct v6_call *c);

/* After the call was made: fills in the finding, with its note, where there is one and no other. */
void v6_serving_examine(struct v6_call *c);

/* Remembers what this call knows of the socket's V6ONLY and no later one can tell. */
void v6_serving_mark(const struct v6_call *c);

/*
 * Of the sockets that a program is started with, where they are to be recorded, visits 0, as inetd(8)
 * gives it, and those that the values of LISTEN_FDS and LISTEN_PID name, where that is `pid`:
 * sd_listen_fds(3).
 */
void v6_inherit_visit(struct v6_slice listen_fds, struct v6_slice listen_pid, int pid,
	void (*visit)(int fd, void *context), void *context);

#endif
