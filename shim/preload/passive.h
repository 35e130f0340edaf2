/*
 * Passive look-ups: getaddrinfo for a server's own addresses, in the order of the settings.
 */
#ifndef V6_PASSIVE_H
#define V6_PASSIVE_H

#include <netdb.h>

/* In place of getaddrinfo() with AI_PASSIVE and a node that is none: NULL, or "*" to glibc. */
int v6_preload_passive(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **list);

#endif
