/*
 * The sockets that a program is started with.
 */
#ifndef V6_INHERIT_H
#define V6_INHERIT_H

#include "../core/text.h"

/*
 * Where they are to be recorded, visits 0, as inetd(8) gives it, and those that the values of
 * LISTEN_FDS and LISTEN_PID name, where that is `pid`: sd_listen_fds(3).
 */
void v6_inherit_visit(struct v6_slice listen_fds, struct v6_slice listen_pid, int pid,
	void (*visit)(int fd, void *context), void *context);

#endif
