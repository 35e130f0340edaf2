/*
 * Who holds a port, where it is not this process: sock_diag(7) for the socket,
 * /proc for the process.
 */
#ifndef V6_HOLDER_H
#define V6_HOLDER_H

#include "../core/record.h"

/* Bytes of text that v6_holder_find() may need for the program's name. */
enum { V6_HOLDER_TEXT = 32 };

/* pid, uid and program of this process, for a holder that is one of its own descriptors. */
void v6_holder_self(struct v6_holder *h);

/*
 * Finds the socket that is in the way of address and, where it may be read, its
 * process. Bounded: V6_HOLDER_READS descriptors of other processes are looked
 * at. Leaves h->known false where nothing was found. `text` holds the program's
 * name; NULL: it is left out.
 */
enum { V6_HOLDER_READS = 50000 };
void v6_holder_find(
	struct v6_holder *h, int proto, const struct v6_address *address, int v6only, char *text);

#endif
