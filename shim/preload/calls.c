/*
 * The five interposed calls, as the server meets them. Each passes what is not
 * the shim's to the next definition as fast as it can.
 */

/* With GNU extensions glibc declares bind's address as a union, which cannot be defined so. */
#undef _GNU_SOURCE
#define _DEFAULT_SOURCE

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "next.h"
#include "passive.h"
#include "way.h"

#include "../govern/holder.h"

#include "../govern/forbidden.h"

#define EXPORT __attribute__((visibility("default")))

#define RARELY(x) __builtin_expect(!!(x), 0)

EXPORT int socket(int domain, int type, int protocol)
{
	int fd;

	v6_preload_settled();
	fd = v6_next.socket(domain, type, protocol);
	v6_port_new(fd);
	/* What fails for want of IPv6 is told of at any level. */
	if (RARELY(v6_preload_watches(V6_EVENT_SOCKET) || fd < 0) &&
		(domain == AF_INET6 || domain == AF_INET))
		v6_preload_socket(fd, domain, type, protocol);
	return fd;
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (RARELY(level == IPPROTO_IPV6 && name == IPV6_V6ONLY)) {
		v6_preload_settled();
		if (v6_preload_watches(V6_EVENT_SETSOCKOPT))
			return v6_preload_v6only(fd, value, len);
	}
	return v6_next.setsockopt(fd, level, name, value, len);
}

EXPORT int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	v6_preload_settled();
	if (v6_preload_watches(V6_EVENT_BIND))
		return v6_preload_bind(fd, addr, len);
	return v6_next.bind(fd, addr, len);
}

EXPORT int listen(int fd, int backlog)
{
	v6_preload_settled();
	if (v6_preload_watches(V6_EVENT_LISTEN))
		return v6_preload_listen(fd, backlog);
	return v6_next.listen(fd, backlog);
}

/* glibc takes "*" for no node (sysdeps/posix/getaddrinfo.c); to others it is a name. */
static int is_no_node(const char *node)
{
#ifdef __GLIBC__
	if (node && node[0] == '*' && !node[1])
		return 1;
#endif
	return !node;
}

EXPORT int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **result)
{
	v6_preload_settled();
	if (!v6_next.getaddrinfo)
		v6_next_resolve();
	if (v6_preload_watches(V6_EVENT_GETADDRINFO) && hints && hints->ai_flags & AI_PASSIVE &&
		is_no_node(node))
		return v6_preload_passive(node, service, hints, result);
	return v6_next.getaddrinfo(node, service, hints, result);
}
