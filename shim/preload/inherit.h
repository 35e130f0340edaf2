/*
 * Sockets that were bound before this program ran, where it can be told cheaply that there are any:
 * systemd's LISTEN_FDS, and inetd's descriptor 0. What came over exec otherwise is met by the calls.
 */
#ifndef V6_INHERIT_H
#define V6_INHERIT_H

#include "../core/text.h"

/* Records those that serve. By the constructor, with the values of these variables; empty: not set. */
void v6_inherit_record(struct v6_slice listen_fds, struct v6_slice listen_pid);

#endif
