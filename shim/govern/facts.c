#include "facts.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "sys.h"

#include "forbidden.h"

/* asm-generic/socket.h since Linux 4.12, 5.1 and 5.14; older headers lack them. */
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

int v6_fact(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);
	int result = v6_sys_getsockopt(fd, level, name, &value, &len);

	return result < 0 ? result : value;
}

int v6_fact_set(int fd, int level, int name, int value)
{
	return v6_sys_setsockopt(fd, level, name, &value, sizeof(value));
}

int v6_fact_v6only(int fd)
{
	return v6_fact(fd, IPPROTO_IPV6, IPV6_V6ONLY);
}

int v6_fact_set_v6only(int fd, int value)
{
	return v6_fact_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, value);
}

enum v6_family v6_fact_family(int fd)
{
	switch (v6_fact(fd, SOL_SOCKET, SO_DOMAIN)) {
	case AF_INET:
		return V6_FAMILY_INET;
	case AF_INET6:
		return V6_FAMILY_INET6;
	default:
		return V6_FAMILY_OTHER;
	}
}

enum v6_type v6_fact_type(int fd)
{
	int type = v6_fact(fd, SOL_SOCKET, SO_TYPE);

	return type < 0 ? V6_TYPE_UNKNOWN : v6_type_of(type);
}

int v6_fact_proto(int fd)
{
	return v6_fact(fd, SOL_SOCKET, SO_PROTOCOL);
}

/* An inode number is never taken for a cookie, nor a cookie for it. */
#define INODE (UINT64_C(1) << 52)

static uint64_t long_option(int fd, int name)
{
	uint64_t value = 0;
	socklen_t len = sizeof(value);

	return v6_sys_getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? 0 : value;
}

uint64_t v6_fact_cookie(int fd)
{
	uint64_t cookie = long_option(fd, SO_COOKIE);
	struct stat st;

	if (cookie)
		return cookie;
	return v6_sys_fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) ? 0 : INODE | st.st_ino;
}

uint64_t v6_fact_netns(int fd)
{
	return long_option(fd, SO_NETNS_COOKIE);
}

bool v6_fact_cookieless(void)
{
	int fd = v6_sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool none = fd >= 0 && !long_option(fd, SO_COOKIE);

	if (fd >= 0)
		v6_sys_close(fd);
	return none;
}

struct v6_address v6_fact_bound(int fd)
{
	struct sockaddr_in6 a = {0};
	socklen_t len = sizeof(a);

	if (v6_sys_getsockname(fd, &a, &len) < 0)
		len = 0;
	return v6_address_from(&a, len < sizeof(a) ? len : sizeof(a));
}

int v6_fact_connected(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	return v6_sys_getpeername(fd, &ss, &len) >= 0;
}

/*
 * A connection that is over, by reset, has no peer any more, and no port either: what tells it
 * from a socket that was bound is that segments have come or gone. tcp(7), linux/tcp.h, Linux 4.2.
 */
static bool was_connected(int fd)
{
	enum { SEGS_OUT = 34, SEGS_IN = 35 };
	uint32_t info[SEGS_IN + 1] = {0};
	socklen_t len = sizeof(info);

	return v6_sys_getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) >= 0 &&
	       (info[SEGS_OUT] || info[SEGS_IN]);
}

struct v6_diag_socket v6_fact_socket(int fd, const struct v6_address *bound)
{
	int iface = v6_fact(fd, SOL_SOCKET, SO_BINDTOIFINDEX);
	bool listens = v6_fact(fd, SOL_SOCKET, SO_ACCEPTCONN) > 0;
	struct v6_diag_socket s = {
		.local = *bound,
		.state = listens ? V6_STATE_LISTEN : V6_STATE_CLOSE,
		.v6only = bound->family == V6_FAMILY_INET6 ? (int8_t)v6_known(v6_fact_v6only(fd))
							   : V6_UNKNOWN,
		.proto = v6_fact_proto(fd),
		.iface = iface > 0 ? (uint32_t)iface : bound->scope,
		.cookie = v6_fact_cookie(fd),
	};
	struct stat st;

	s.peer = !listens && (v6_fact_connected(fd) || was_connected(fd));
	if (v6_sys_fstat(fd, &st) >= 0) {
		s.inode = (uint32_t)st.st_ino;
		s.uid = st.st_uid;
	}
	return s;
}

/* The answers to a query that was not sent yet. */
static int dump(int netlink, const struct v6_diag_query *query, char *buf, size_t size,
	v6_dump_visit *visit, void *context)
{
	char request[V6_DIAG_REQUEST_SIZE];
	struct v6_diag_walk walk = {.query = *query};
	size_t len = v6_diag_request(request, query);
	struct v6_diag_socket s;
	enum v6_diag_step step;
	ssize_t n;

	if (!len)
		return -EINVAL;
	while ((n = v6_sys_send(netlink, request, len)) == -EINTR)
		;
	if (n != (ssize_t)len)
		return n < 0 ? (int)n : -EMSGSIZE;
	do {
		while ((n = v6_sys_receive(netlink, buf, size)) == -EINTR)
			;
		if (n < 0)
			return (int)n;
		if ((size_t)n > size)
			return -EMSGSIZE;
		v6_diag_part(&walk, buf, (size_t)n);
		while ((step = v6_diag_next(&walk, &s)) == V6_DIAG_SOCKET)
			if (!visit(&s, context))
				return 0;
	} while (step == V6_DIAG_MORE);
	if (step == V6_DIAG_ERROR)
		return -walk.error;
	return walk.interrupted ? -EINTR : 0;
}

int v6_dump(const struct v6_diag_query *query, uint64_t netns, char *buf, size_t size,
	v6_dump_visit *visit, void *context)
{
	int netlink = v6_sys_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, V6_NETLINK_SOCK_DIAG);
	int result = -ENOENT;

	if (netlink < 0)
		return netlink;
	if (!netns || v6_fact_netns(netlink) == netns)
		result = dump(netlink, query, buf, size, visit, context);
	v6_sys_close(netlink);
	return result;
}

int v6_fact_initial_v6only(void)
{
	int fd = v6_sys_socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int value;

	if (fd < 0)
		return fd;
	value = v6_fact_v6only(fd);
	v6_sys_close(fd);
	return value;
}

bool v6_fact_no_ipv6(void)
{
	return v6_fact_initial_v6only() == -EAFNOSUPPORT;
}

/*
 * A slot is one atomic word, the cookie above eleven bits: never half written. Cookies count
 * upwards, in batches to each processor (net/core/sock_diag.c, __sock_gen_cookie): the hash keeps
 * neighbours in time and the batches' beginnings apart (Fibonacci hashing, the upper 12 bits).
 */
enum { BITS = 11 };
static _Atomic uint64_t slots[V6_MEMORY_SLOTS];

/* All bits that were ever remembered: most programs are spared the question for the cookie. */
static atomic_uint ever;

_Static_assert(V6_MEMORY_SLOTS == 1 << 12, "the hash gives 12 bits");
_Static_assert(V6_MEMORY_FORGOTTEN == 1 << (BITS - 1), "all bits are below the cookie");

static _Atomic uint64_t *slot_of(uint64_t cookie)
{
	return &slots[(cookie * UINT64_C(0x9E3779B97F4A7C15)) >> 52];
}

unsigned v6_memory(uint64_t cookie)
{
	uint64_t word = cookie ? atomic_load_explicit(slot_of(cookie), memory_order_relaxed) : 0;

	if (word && word >> BITS != (cookie & UINT64_MAX >> BITS))
		return V6_MEMORY_FORGOTTEN;
	return word & (V6_MEMORY_FORGOTTEN - 1);
}

static unsigned ever_set(void)
{
	return atomic_load_explicit(&ever, memory_order_relaxed);
}

/* Two threads at one socket: what one of them sets is enough. */
unsigned v6_memory_set(uint64_t cookie, unsigned clear, unsigned set)
{
	unsigned old, word;

	if (!set && !ever_set())
		return 0;
	if (set & ~ever_set())
		atomic_fetch_or(&ever, set);
	old = v6_memory(cookie) & (V6_MEMORY_FORGOTTEN - 1);
	word = (old & ~clear) | set;
	if (cookie && word != old)
		atomic_store_explicit(slot_of(cookie), cookie << BITS | word, memory_order_relaxed);
	return old;
}

unsigned v6_fact_memory(int fd)
{
	return ever_set() ? v6_memory(v6_fact_cookie(fd)) : 0;
}

void v6_memory_set_value(int fd, unsigned what, int value)
{
	unsigned set = value == V6_UNKNOWN ? 0 : value ? what | what << 1 : what;

	v6_memory_set(v6_fact_cookie(fd), what | what << 1, set);
}

int v6_fact_asked(int fd)
{
	return v6_memory_value(v6_fact_memory(fd), V6_MEMORY_ASKED);
}

int v6_fact_supposed(int fd, int real)
{
	int value = v6_memory_value(v6_fact_memory(fd), V6_MEMORY_V6ONLY);

	return value == V6_UNKNOWN ? real : value;
}

bool v6_fact_asked_1(void)
{
	return ever_set() & V6_MEMORY_ASKED_1;
}

/* A word for the numbers that end alike: the number's rest, SETTLED, SET, the family, the port. */
enum { HINTS = V6_HINT_SLOTS, FAMILY = 1 << 16, SET = 1 << 17, SETTLED = 1 << 18, REST = 19 };
static _Atomic uint32_t hints[HINTS];
static atomic_uint hints_end; /* beyond the last that is written */

static uint32_t hint_of(enum v6_family family, uint16_t port)
{
	return SET | port | (family == V6_FAMILY_INET6 ? FAMILY : 0);
}

/* What is remembered of the number, and not of another that ends alike. */
static uint32_t hint_at(int tell)
{
	uint32_t hint = atomic_load_explicit(&hints[(unsigned)tell % HINTS], memory_order_relaxed);

	return hint >> REST == (uint32_t)tell / HINTS ? hint : 0;
}

void v6_port_bound(int tell, const struct v6_address *a, bool settled)
{
	uint32_t hint = a->family == V6_FAMILY_OTHER ? 0 : hint_of(v6_port_family(a), a->port);
	unsigned i = (unsigned)tell % HINTS, end = atomic_load(&hints_end);

	if (tell < 0)
		return;
	atomic_store_explicit(&hints[i],
		hint | (settled ? SETTLED : 0) | (uint32_t)(tell / HINTS) << REST,
		memory_order_relaxed);
	while (i >= end && !atomic_compare_exchange_weak(&hints_end, &end, i + 1))
		;
}

bool v6_port_hinted_at(int tell, uint16_t port)
{
	return (hint_at(tell) & (SET | UINT16_MAX)) == hint_of(V6_FAMILY_INET, port);
}

bool v6_port_settled(int tell)
{
	return hint_at(tell) & SETTLED;
}

void v6_port_new(int tell)
{
	_Atomic uint32_t *hint = &hints[(unsigned)tell % HINTS];
	uint32_t was = atomic_load_explicit(hint, memory_order_relaxed);

	if (was & SETTLED)
		atomic_store_explicit(hint, was & ~(uint32_t)SETTLED, memory_order_relaxed);
}

int v6_port_hint(unsigned *i, enum v6_family family, uint16_t port)
{
	uint32_t mask = SET | UINT16_MAX | (family == V6_FAMILY_OTHER ? 0 : FAMILY);
	uint32_t wanted = hint_of(family, port);

	while (*i < atomic_load_explicit(&hints_end, memory_order_acquire)) {
		int low = (int)(*i)++;
		uint32_t hint = atomic_load_explicit(&hints[low], memory_order_relaxed);

		if ((hint & mask) == wanted)
			return (int)(hint >> REST) * HINTS + low;
	}
	return -1;
}

bool v6_port_hinted(enum v6_family family, uint16_t port)
{
	unsigned i = 0;

	return v6_port_hint(&i, family, port) >= 0;
}

bool v6_fact_refused(int error)
{
	return error == -EPERM || error == -EACCES || error == -ENOSYS;
}
