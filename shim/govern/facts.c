#include "facts.h"

#include "sys.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <string.h>

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

static int int_option(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);
	int result = v6_sys_getsockopt(fd, level, name, &value, &len);

	return result < 0 ? result : value;
}

int v6_fact_v6only(int fd)
{
	return int_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
}

enum v6_family v6_fact_family(int fd)
{
	switch (int_option(fd, SOL_SOCKET, SO_DOMAIN)) {
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
	int type = int_option(fd, SOL_SOCKET, SO_TYPE);

	return type < 0 ? V6_TYPE_UNKNOWN : v6_type_of(type);
}

int v6_fact_proto(int fd)
{
	return int_option(fd, SOL_SOCKET, SO_PROTOCOL);
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
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u;
	socklen_t len = sizeof(u);

	memset(&u, 0, sizeof(u));
	if (v6_sys_getsockname(fd, &u, &len) < 0)
		len = 0;
	return v6_address_from(&u, len < sizeof(u) ? len : sizeof(u));
}

int v6_fact_connected(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	return v6_sys_getpeername(fd, &ss, &len) >= 0;
}

int v6_fact_listening(int fd)
{
	return int_option(fd, SOL_SOCKET, SO_ACCEPTCONN);
}

int v6_fact_reuse(int fd, bool port)
{
	return int_option(fd, SOL_SOCKET, port ? SO_REUSEPORT : SO_REUSEADDR);
}

int v6_fact_set_reuse(int fd, bool port, int value)
{
	int name = port ? SO_REUSEPORT : SO_REUSEADDR;

	return v6_sys_setsockopt(fd, SOL_SOCKET, name, &value, sizeof(value));
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
	int iface = int_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX);
	bool listens = v6_fact_listening(fd) > 0;
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
 * upwards, in batches to each processor (net/core/sock_diag.c, __sock_gen_cookie): the hash
 * keeps neighbours in time and the batches' beginnings apart (Fibonacci hashing, the upper 12
 * bits).
 */
enum { BITS = 11 };
static _Atomic uint64_t slots[V6_MEMORY_SLOTS];

/* Whether anything was ever remembered, so that most programs are spared the question for the cookie. */
static atomic_bool any;

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

/* Two threads at one socket: what one of them sets is enough. */
unsigned v6_memory_set(uint64_t cookie, unsigned clear, unsigned set)
{
	unsigned old, word;

	if (!set && !atomic_load_explicit(&any, memory_order_relaxed))
		return 0;
	old = v6_memory(cookie) & (V6_MEMORY_FORGOTTEN - 1);
	word = (old & ~clear) | set;
	if (!cookie || word == old)
		return old;
	atomic_store_explicit(slot_of(cookie), cookie << BITS | word, memory_order_relaxed);
	atomic_store_explicit(&any, true, memory_order_relaxed);
	return old;
}

unsigned v6_fact_memory(int fd)
{
	return atomic_load_explicit(&any, memory_order_relaxed) ? v6_memory(v6_fact_cookie(fd)) : 0;
}

static atomic_bool asked_1;

bool v6_fact_asked_1(void)
{
	return atomic_load_explicit(&asked_1, memory_order_relaxed);
}

void v6_fact_add_asked(int fd, int value)
{
	if (value)
		atomic_store_explicit(&asked_1, true, memory_order_relaxed);
	v6_memory_set(v6_fact_cookie(fd), V6_MEMORY_ASKED_1,
		V6_MEMORY_ASKED | (value ? V6_MEMORY_ASKED_1 : 0));
}

int v6_fact_asked(int fd)
{
	unsigned memory = v6_fact_memory(fd);

	return memory & V6_MEMORY_ASKED ? (memory & V6_MEMORY_ASKED_1) != 0 : V6_UNKNOWN;
}

/* A word for the numbers that end alike: the rest of the number, SETTLED, SET, the family, the port. */
enum { HINTS = V6_HINT_SLOTS, FAMILY = 1 << 16, SET = 1 << 17, SETTLED = 1 << 18, REST = 19 };
static _Atomic uint32_t hints[HINTS];
static atomic_uint hints_end; /* beyond the last that is written */

static uint32_t hint_of(enum v6_family family, uint16_t port)
{
	return SET | port | (family == V6_FAMILY_INET6 ? FAMILY : 0);
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

static uint32_t hint_at(unsigned i)
{
	return atomic_load_explicit(&hints[i], memory_order_relaxed);
}

bool v6_port_hinted_at(int tell, uint16_t port)
{
	return tell >= 0 && (hint_at((unsigned)tell % HINTS) & ~(FAMILY | SETTLED)) ==
				    (SET | port | (uint32_t)(tell / HINTS) << REST);
}

bool v6_port_settled(int tell)
{
	uint32_t hint = hint_at((unsigned)tell % HINTS);

	return hint & SETTLED && hint >> REST == (uint32_t)tell / HINTS;
}

void v6_port_new(int tell)
{
	unsigned i = (unsigned)tell % HINTS;
	uint32_t hint = hint_at(i);

	if (hint & SETTLED)
		atomic_store_explicit(&hints[i], hint & ~(uint32_t)SETTLED, memory_order_relaxed);
}

bool v6_port_hinted(enum v6_family family, uint16_t port)
{
	uint32_t hint = hint_of(family, port);

	for (unsigned i = 0; i < atomic_load_explicit(&hints_end, memory_order_acquire); i++)
		if ((hint_at(i) & (SET | FAMILY | UINT16_MAX)) == hint)
			return true;
	return false;
}

bool v6_port_hint(unsigned *i, uint16_t port, int *tell)
{
	while (*i < atomic_load_explicit(&hints_end, memory_order_acquire)) {
		uint32_t hint = hint_at(*i);

		*tell = (int)(hint >> REST) * HINTS + (int)(*i)++;
		if (hint & SET && (hint & UINT16_MAX) == port)
			return true;
	}
	return false;
}

int v6_fact_set_v6only(int fd, int value)
{
	return v6_sys_setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, sizeof(value));
}

bool v6_fact_refused(int error)
{
	return error == -EPERM || error == -EACCES || error == -ENOSYS;
}
