/* With GNU extensions glibc declares bind's address as a union, which cannot be defined so. */
#undef _GNU_SOURCE
#define _DEFAULT_SOURCE

#include "way.h"

#include <errno.h>
#include <netinet/in.h>

#include "../govern/govern.h"
#include "../govern/facts.h"
#include "../govern/sys.h"

#include "../govern/forbidden.h"

struct v6_caller v6_preload_caller;

static void make(struct v6_call *c)
{
	int result;

	errno = c->saved;
	if (c->record.facts.event == V6_EVENT_BIND)
		result = v6_next.bind(c->ask, c->pointer, c->len);
	else if (c->record.facts.event == V6_EVENT_LISTEN)
		result = v6_next.listen(c->ask, c->backlog);
	else
		result = v6_next.setsockopt(c->ask, IPPROTO_IPV6, IPV6_V6ONLY, c->pointer, c->len);
	c->record.result = result;
	c->record.error = result < 0 ? errno : 0;
}

/*
 * A pointer that cannot be an address of this process is left for the kernel to
 * refuse. What remains is read before the kernel has seen it: a system call to
 * test each one would cost every bind what it costs the few that are governed.
 */
static bool plausible(const void *pointer)
{
	uintptr_t p = (uintptr_t)pointer;

	return p >= 4096 && p <= (UINTPTR_MAX >> (sizeof(p) == 8 ? 8 : 0)) - 256;
}

static int read_own(struct v6_call *c, const void *from, void *to, size_t len, bool good)
{
	if (!good && c->record.facts.event == V6_EVENT_SETSOCKOPT)
		return v6_sys_peek_int(from, to);
	if (!good && !plausible(from))
		return -EFAULT;
	if (len)
		memcpy(to, from, len);
	return 0;
}

static int take(struct v6_call *c, int tell)
{
	(void)c;
	return tell;
}

static void give(struct v6_call *c, int ask)
{
	(void)c;
	(void)ask;
}

static const struct v6_way way = {
	.via = V6_VIA_PRELOAD,
	.make = make,
	.read = read_own,
	.take = take,
	.give = give,
};

struct v6_call v6_preload_call(int fd)
{
	return (struct v6_call){.way = &way,
		.caller = &v6_preload_caller,
		.ask = fd,
		.record.fd = fd,
		.saved = errno};
}

/* Apart from the way of what is not governed, which then has no frame for a call. */
#define SLOW static __attribute__((noinline))

SLOW void govern_socket(int fd, int domain, int type, int protocol)
{
	struct v6_call c = v6_preload_call(fd);

	v6_govern_socket(&c, domain, type, protocol);
	errno = c.saved;
}

static inline __attribute__((always_inline)) int govern(
	int fd, const void *pointer, socklen_t len, int backlog, enum v6_event event)
{
	struct v6_call c = v6_preload_call(fd);

	c.pointer = pointer;
	c.len = len;
	c.backlog = backlog;
	v6_govern(&c, event);
	if (v6_live.broken && c.record.error == EINVAL)
		v6_preload_complain();
	errno = c.record.error ? c.record.error : c.saved;
	return (int)c.record.result;
}

/* The five interposed calls, as the server meets them. Each passes on at once what is not ours. */
#define EXPORT __attribute__((visibility("default")))

#define RARELY(x) __builtin_expect(!!(x), 0)

/* Whether a call has anything to do beyond calling on. */
static inline bool watches(enum v6_event event)
{
	return v6_live.watch >> event & 1;
}

EXPORT int socket(int domain, int type, int protocol)
{
	int fd;

	v6_preload_settled();
	fd = v6_next.socket(domain, type, protocol);
	v6_port_new(fd);
	/* What fails for want of IPv6 is told of at any level. */
	if (RARELY(watches(V6_EVENT_SOCKET) || fd < 0) && (domain == AF_INET6 || domain == AF_INET))
		govern_socket(fd, domain, type, protocol);
	return fd;
}

SLOW int set_v6only(int fd, const void *value, socklen_t len)
{
	v6_preload_settled();
	if (watches(V6_EVENT_SETSOCKOPT))
		return govern(fd, value, len, 0, V6_EVENT_SETSOCKOPT);
	return v6_next.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, value, len);
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (RARELY(level == IPPROTO_IPV6 && name == IPV6_V6ONLY))
		return set_v6only(fd, value, len);
	return v6_next.setsockopt(fd, level, name, value, len);
}

EXPORT int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	v6_preload_settled();
	if (watches(V6_EVENT_BIND))
		return govern(fd, addr, len, 0, V6_EVENT_BIND);
	return v6_next.bind(fd, addr, len);
}

EXPORT int listen(int fd, int backlog)
{
	v6_preload_settled();
	if (watches(V6_EVENT_LISTEN))
		return govern(fd, NULL, 0, backlog, V6_EVENT_LISTEN);
	return v6_next.listen(fd, backlog);
}

/* glibc takes "*" for no node (sysdeps/posix/getaddrinfo.c); to others it is a name. */
static bool is_no_node(const char *node)
{
#ifdef __GLIBC__
	if (node && node[0] == '*' && !node[1])
		return true;
#endif
	return !node;
}

EXPORT int getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	struct addrinfo *first;
	struct v6_call c;
	int result;

	v6_preload_settled();
	if (!v6_next.getaddrinfo)
		v6_next_resolve();
	result = v6_next.getaddrinfo(node, service, hints, list);
	if (watches(V6_EVENT_GETADDRINFO) && hints && hints->ai_flags & AI_PASSIVE &&
		is_no_node(node)) {
		c = v6_preload_call(-1);
		first = v6_govern_passive(&c, result, c.saved, hints, result ? NULL : *list);
		if (!result)
			*list = first;
		errno = c.saved;
	}
	return result;
}
