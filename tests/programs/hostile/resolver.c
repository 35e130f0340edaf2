/*
 * resolver.c - a getaddrinfo that gives what glibc's does not: a passive list with a canonical name,
 * families mixed. Nodes and names are allocated as freeaddrinfo(3) of glibc frees them.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	static const int families[] = {AF_INET, AF_INET6, AF_INET, AF_INET6, AF_INET6};
	struct addrinfo **tail = list;

	(void)node, (void)service, (void)hints;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		struct addrinfo *at = calloc(1, sizeof(*at) + sizeof(struct sockaddr_in6));
		struct sockaddr_in *in = (void *)(at + 1);

		at->ai_addr = (struct sockaddr *)in;
		at->ai_family = in->sin_family = families[i];
		at->ai_addrlen = families[i] == AF_INET ? sizeof(*in) : sizeof(struct sockaddr_in6);
		at->ai_socktype = SOCK_STREAM;
		at->ai_protocol = IPPROTO_TCP;
		in->sin_port = htons((in_port_t)(i + 1));
		at->ai_canonname = i ? NULL : strdup("name.example");
		*tail = at;
		tail = &at->ai_next;
	}
	*tail = NULL;
	return 0;
}
