#include "way.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include "../govern/emit.h"
#include "../govern/govern.h"
#include "../govern/proc.h"
#include "../govern/sys.h"
#include "next.h"

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

static const struct v6_caller *caller(struct v6_call *c)
{
	(void)c;
	return &v6_preload_caller;
}

struct walk {
	v6_way_visit *visit;
	void *context;
};

static bool visit_own(int fd, void *context)
{
	struct walk *w = context;

	return w->visit(fd, fd, w->context);
}

static void descriptors(struct v6_call *c, v6_way_visit *visit, void *context)
{
	struct walk w = {visit, context};
	uint64_t limit;

	(void)c;
	if (v6_proc_numbers("/proc/thread-self/fd", visit_own, &w) ||
		v6_proc_numbers("/proc/self/fd", visit_own, &w))
		return;
	/* No /proc, or no descriptor left to open it with: every number there may be. */
	limit = v6_sys_limit(RLIMIT_NOFILE);
	for (int fd = 0; (uint64_t)fd < limit && visit(fd, fd, context);)
		fd++;
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
	.caller = caller,
	.descriptors = descriptors,
	.take = take,
	.give = give,
};

struct v6_call v6_preload_call(int fd)
{
	return (struct v6_call){.way = &way, .ask = fd, .record.fd = fd, .saved = errno};
}

/* What the application gets: errno as it was on success. */
static int leave(const struct v6_call *c)
{
	if (v6_live.broken && c->record.error == EINVAL)
		v6_preload_complain();
	errno = c->record.error ? c->record.error : c->saved;
	return (int)c->record.result;
}

void v6_preload_socket(int fd, int domain, int type, int protocol)
{
	struct v6_call c = v6_preload_call(fd);

	v6_govern_socket(&c, domain, type, protocol);
	errno = c.saved;
}

int v6_preload_v6only(int fd, const void *value, socklen_t len)
{
	struct v6_call c = v6_preload_call(fd);

	c.pointer = value;
	c.len = len;
	v6_govern_v6only(&c);
	return leave(&c);
}

int v6_preload_bind(int fd, const void *addr, socklen_t len)
{
	struct v6_call c = v6_preload_call(fd);

	c.pointer = addr;
	c.len = len;
	v6_govern_bind(&c);
	return leave(&c);
}

int v6_preload_listen(int fd, int backlog)
{
	struct v6_call c = v6_preload_call(fd);

	c.backlog = backlog;
	v6_govern_listen(&c);
	return leave(&c);
}
