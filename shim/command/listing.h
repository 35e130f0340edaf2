/*
 * The sockets that hold ports, and the processes that hold them, written for a
 * person and for a machine.
 */
#ifndef V6_LISTING_H
#define V6_LISTING_H

#include "processes.h"
#include "sockets.h"

struct v6_listing {
	struct v6_sockets sockets;
	struct v6_processes processes;
	uint16_t port; /* of which it is, host order; 0: of all */
};

/*
 * Aligned columns on standard output. With a port, each protocol that has it in
 * use gets an answer for IPv4 and for IPv6, be it "nobody".
 */
void v6_listing_text(const struct v6_listing *l);

/* One JSON object a line for each socket, on standard output. */
void v6_listing_json(const struct v6_listing *l);

/* Whether there is a socket whose process is not known. */
bool v6_listing_incomplete(const struct v6_listing *l);

#endif
