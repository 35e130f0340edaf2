/*
 * An IPv4 or IPv6 socket address, apart from struct sockaddr and its lengths.
 */
#ifndef V6_ADDRESS_H
#define V6_ADDRESS_H

#include "terms.h"

struct v6_address {
	enum v6_family family; /* OTHER: there is no address */
	uint16_t port;         /* host order */
	uint32_t scope;        /* sin6_scope_id */
	uint8_t bytes[16];     /* network order; IPv4 in the first four */
};

/*
 * Reads a sockaddr of `len` bytes, never beyond them. Lengths that the kernel
 * would refuse (below 16 for AF_INET, below 24 for AF_INET6: net/ipv6/af_inet6.c,
 * SIN6_LEN_RFC2133) and other families give V6_FAMILY_OTHER.
 */
struct v6_address v6_address_from(const void *sockaddr, size_t len);

/* `::` or 0.0.0.0. */
bool v6_address_wildcard(const struct v6_address *a);

/* ::ffff:0:0/96, RFC 4291 2.5.5.2. */
bool v6_address_mapped(const struct v6_address *a);

/* The address alone: "127.0.0.1", "::", "fe80::1%2". Nothing for OTHER. */
void v6_address_text(struct v6_text *t, const struct v6_address *a);

/* With its port: "127.0.0.1:80", "[::]:80". */
void v6_address_port_text(struct v6_text *t, const struct v6_address *a);

#endif
