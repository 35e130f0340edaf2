#include "address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

enum { SIN6_LEN_RFC2133 = 24 };

struct v6_address v6_address_from(const void *sockaddr, size_t len)
{
	struct v6_address a = {.family = V6_FAMILY_OTHER};
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u;

	memset(&u, 0, sizeof(u));
	if (len < sizeof(u.in))
		return a;
	memcpy(&u, sockaddr, len < sizeof(u.in6) ? len : sizeof(u.in6));
	if (u.sa.sa_family == AF_INET) {
		a.family = V6_FAMILY_INET;
		a.port = ntohs(u.in.sin_port);
		memcpy(a.bytes, &u.in.sin_addr, 4);
	} else if (u.sa.sa_family == AF_INET6 && len >= SIN6_LEN_RFC2133) {
		a.family = V6_FAMILY_INET6;
		a.port = ntohs(u.in6.sin6_port);
		a.scope = u.in6.sin6_scope_id;
		memcpy(a.bytes, &u.in6.sin6_addr, 16);
	}
	return a;
}

bool v6_address_wildcard(const struct v6_address *a)
{
	static const uint8_t zero[16];

	return a->family != V6_FAMILY_OTHER &&
	       !memcmp(a->bytes, zero, a->family == V6_FAMILY_INET ? 4 : 16);
}

bool v6_address_mapped(const struct v6_address *a)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return a->family == V6_FAMILY_INET6 && !memcmp(a->bytes, prefix, sizeof(prefix));
}

void v6_address_text(struct v6_text *t, const struct v6_address *a)
{
	if (a->family == V6_FAMILY_INET) {
		v6_text_in4(t, a->bytes);
	} else if (a->family == V6_FAMILY_INET6) {
		v6_text_in6(t, a->bytes);
		if (a->scope)
			v6_text_print(t, "%%%u", a->scope);
	}
}

void v6_address_port_text(struct v6_text *t, const struct v6_address *a)
{
	bool in6 = a->family == V6_FAMILY_INET6;

	if (a->family == V6_FAMILY_OTHER)
		return;
	v6_text_str(t, in6 ? "[" : "");
	v6_address_text(t, a);
	v6_text_print(t, "%s:%u", in6 ? "]" : "", a->port);
}
