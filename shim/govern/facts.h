/*
 * What the kernel says of a descriptor. Each function is one system call and
 * returns the value, 0 or more, or the negated errno. errno is spoilt.
 */
#pragma once

#include "../core/diag.h"

/* An option that is an int: getsockopt(2), setsockopt(2). */
int v6_fact(int fd, int level, int name);
int v6_fact_set(int fd, int level, int name, int value);

/* IPV6_V6ONLY, 0 or 1; -EOPNOTSUPP and the like on what is not AF_INET6. ipv6(7). */
int v6_fact_v6only(int fd);
int v6_fact_set_v6only(int fd, int value);

/* SO_DOMAIN as a family, SO_TYPE as a type, SO_PROTOCOL. Linux 2.6.32. */
enum v6_family v6_fact_family(int fd);
enum v6_type v6_fact_type(int fd);
int v6_fact_proto(int fd);

/*
 * SO_COOKIE, Linux 4.12: the socket's own number, never used again in its network
 * namespace. Before that its inode number, which comes again only after 2^32 others
 * (fs/inode.c, get_next_ino); two system calls. 0 where there is neither.
 */
uint64_t v6_fact_cookie(int fd);

/* Whether the kernel has no SO_COOKIE. Three system calls. */
bool v6_fact_cookieless(void);

/* The address it is bound to; family OTHER where it is neither IPv4 nor IPv6. */
struct v6_address v6_fact_bound(int fd);

/* Whether it has a peer: 0 or 1. */
int v6_fact_connected(int fd);

/* SO_NETNS_COOKIE, Linux 5.14: the network namespace that it lies in; 0: not known. */
uint64_t v6_fact_netns(int fd);

/*
 * The socket as sock_diag(7) has it, from its descriptor: LISTEN or CLOSE; `peer` of a TCP
 * connection that was reset too; inode 0 where fstat(2) is refused, and no uid. Up to ten system
 * calls.
 */
struct v6_diag_socket v6_fact_socket(int fd, const struct v6_address *bound);

/* One socket; false ends the dump. */
typedef bool v6_dump_visit(const struct v6_diag_socket *s, void *context);

/*
 * What the kernel has of all sockets of a protocol: sock_diag(7), asked on a netlink socket of its
 * own, of the calling thread's network namespace. `buf` holds at least V6_DIAG_PART_SIZE bytes. 0;
 * -EINTR where the sockets changed meanwhile, so that some may be missing; or another negated
 * errno: -ENOENT for a protocol without diagnostics, or a namespace other than `netns` (0: any).
 */
int v6_dump(const struct v6_diag_query *query, uint64_t netns, char *buf, size_t size,
	v6_dump_visit *visit, void *context);

/*
 * V6ONLY as a new AF_INET6 socket of this network namespace has it: the sysctl
 * net.ipv6.bindv6only. Three system calls.
 */
int v6_fact_initial_v6only(void);

/* Whether an IPv6 socket cannot be made at all: EAFNOSUPPORT. Three system calls. */
bool v6_fact_no_ipv6(void);

/*
 * What the kernel cannot tell of a socket: what the application itself asked for, and, with
 * mode=log, what enforce would have left otherwise.
 *
 * Remembered under the socket's cookie, so that it follows dup and fork and a reused
 * descriptor number cannot lie. The memory is fixed: of sockets whose numbers collide the
 * last one that was remembered is. Lock-free and safe in a signal handler.
 */
enum { V6_MEMORY_SLOTS = 4096 };
enum {
	V6_MEMORY_ASKED = 1 << 0, /* by the application, for the V6ONLY value of the next bit */
	V6_MEMORY_ASKED_1 = 1 << 1,
	V6_MEMORY_SETTLED =
		1 << 2,            /* that V6ONLY is not the policy's was told, or has its reason */
	V6_MEMORY_CLIENT = 1 << 3, /* it was bound to port 0 as clients are, and so not governed */
	V6_MEMORY_V6ONLY = 1 << 4, /* with enforce it would be the next bit */
	V6_MEMORY_V6ONLY_1 = 1 << 5,
	V6_MEMORY_REUSEPORT = 1 << 6,  /* with enforce it would be set */
	V6_MEMORY_REFUSED = 1 << 7,    /* with enforce its bind would have come out otherwise, */
	V6_MEMORY_SILENT = 1 << 8,     /* or its listen would have failed */
	V6_MEMORY_CLEARED = 1 << 9,    /* a bind of the policy's cleared V6ONLY, asked for or not */
	V6_MEMORY_MAPPED = 1 << 9,     /* of a port: the last IPv6 bind was to a mapped address */
	V6_MEMORY_FORGOTTEN = 1 << 10, /* more, perhaps: a number that collides was remembered */
};

/* Of a port in place of a socket's cookie: no counter comes so far, and no inode's bit is it. */
static inline uint64_t v6_memory_port(uint16_t port)
{
	return UINT64_C(1) << 51 | port;
}

/* The bits; 0 of a socket that nothing was remembered of, or that has no cookie. */
unsigned v6_memory(uint64_t cookie);
unsigned v6_fact_memory(int fd);

/* Returns those that it had. */
unsigned v6_memory_set(uint64_t cookie, unsigned clear, unsigned set);

/*
 * Remembers a V6ONLY value, or with V6_UNKNOWN none: `what` is ASKED or V6ONLY. And the value in
 * the bits: V6_UNKNOWN where there is none, or it was forgotten.
 */
void v6_memory_set_value(int fd, unsigned what, int value);
static inline int v6_memory_value(unsigned memory, unsigned what)
{
	return memory & what ? (memory & what << 1) != 0 : V6_UNKNOWN;
}

/* That the application asked for; and that it would be with enforce, `real` being the kernel's. */
int v6_fact_asked(int fd);
int v6_fact_supposed(int fd, int real);

/* Whether 1 was asked for of any socket. No system call. */
bool v6_fact_asked_1(void);

/*
 * A hint, no truth: which port and family the numbers of descriptors were last bound to. It costs
 * no system call to keep, says when the kernel is worth asking, and is inherited by fork.
 */
enum { V6_HINT_SLOTS = 4096 };
void v6_port_bound(int tell, const struct v6_address *address, bool settled);
bool v6_port_hinted(enum v6_family family, uint16_t port);
bool v6_port_hinted_at(int tell, uint16_t port);
/* The next descriptor from *i on that was last bound so, OTHER: in either family; -1: none. */
int v6_port_hint(unsigned *i, enum v6_family family, uint16_t port);

/*
 * Whether the number was last bound so that a listen finds nothing to do: `settled`. No call may
 * tell, for a filter may kill whoever makes it; what is known to have it anew is not settled.
 */
bool v6_port_settled(int tell);
void v6_port_new(int tell);

/* A value as it was told, V6_UNKNOWN for a negated errno. */
static inline int v6_known(int fact)
{
	return fact < 0 ? V6_UNKNOWN : fact;
}

/* Whether a negated errno is none of these calls' own: a seccomp(2) filter refused the call. */
bool v6_fact_refused(int error);
