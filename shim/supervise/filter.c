#include "filter.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "../govern/kernel.h"

/* AUDIT_ARCH_* of linux/audit.h, which not every libc comes with. */
#define X86_64  0xc000003eU
#define I386    0x40000003U
#define AARCH64 0xc00000b7U
#define ARM     0x40000028U

/* In a number of x86-64's table: the call is x32's. */
#define X32 0x40000000U

/* Of the calls since Linux 5.0 the number is the same in every table: syscalls(2). */
enum { IO_URING_SETUP = 425, LANDLOCK_RESTRICT_SELF = 446 };

/* i386's socketcall(2), of one first argument: linux/net.h, SYS_BIND and on. */
#define SOCKETCALL(first) (102 | (first) << 16)

/* The numbers by enum v6_notified; 0: none. */
static const struct table {
	uint32_t arch, number[V6_NOTIFIED_CALLS];
} tables[] = {
#if defined(__x86_64__) && defined(__LP64__)
	{X86_64, {0, 54, 49, 50, 55, LANDLOCK_RESTRICT_SELF, IO_URING_SETUP}},
	{X86_64, {0, 541, 0, 0, 542}}, /* x32 */
	{I386, {0, 366, 361, 363, 365, LANDLOCK_RESTRICT_SELF, IO_URING_SETUP}},
	{I386, {0, SOCKETCALL(14), SOCKETCALL(2), SOCKETCALL(4), SOCKETCALL(15)}},
#elif defined(__aarch64__) && defined(__LP64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	{AARCH64, {0, 208, 200, 201, 209, LANDLOCK_RESTRICT_SELF, IO_URING_SETUP}},
	{ARM, {0, 294, 282, 284, 295, LANDLOCK_RESTRICT_SELF, IO_URING_SETUP}},
#else
	{0, {0}},
#endif
};

enum { TABLES = sizeof(tables) / sizeof(*tables) };

bool v6_filter_in_memory(const struct v6_system_call *call)
{
	return call->arch == I386 && call->nr == SOCKETCALL(0);
}

enum v6_notified v6_filter_call(const struct v6_system_call *call)
{
	uint32_t number = (uint32_t)call->nr & (call->arch == X86_64 ? ~X32 : ~0U);

	if (v6_filter_in_memory(call))
		number = SOCKETCALL((uint32_t)call->arg[0]);
	for (const struct table *t = tables; t < tables + TABLES; t++)
		for (int what = 1; what < V6_NOTIFIED_CALLS; what++)
			if (t->arch == call->arch && t->number[what] == number)
				return (enum v6_notified)what;
	return V6_NOTIFIED_NONE;
}

/* ---- the program: linux/filter.h, linux/bpf_common.h */

struct instruction {
	uint16_t code;
	uint8_t yes, no;
	uint32_t k;
};

enum { LOAD = 0x20, AND = 0x54, IF_EQUAL = 0x15, IF_AT_LEAST = 0x35, RETURN = 0x06 };

/* SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ALLOW */
#define NOTIFY 0x7fc00000U
#define ALLOW  0x7fff0000U

struct program {
	unsigned short len;
	struct instruction *at;
};

static void add(struct program *p, uint16_t code, uint32_t k)
{
	p->at[p->len++] = (struct instruction){.code = code, .k = k};
}

/* Goes on where the low half of an argument is this: these machines are little endian. */
static void add_if(struct program *p, unsigned n, uint16_t code, uint32_t k)
{
	add(p, LOAD, (uint32_t)offsetof(struct v6_system_call, arg[n]));
	add(p, code, k);
}

/*
 * What is notified of a call. Another goes on behind it; one with other arguments passes, but of
 * socketcall(2), which is many.
 */
static void add_call(struct program *p, uint32_t arch, uint32_t number, int what)
{
	unsigned start = p->len, arguments, end;

	add(p, LOAD, offsetof(struct v6_system_call, arch));
	add(p, IF_EQUAL, arch);
	add(p, LOAD, offsetof(struct v6_system_call, nr));
	add(p, AND, arch == X86_64 ? ~X32 : ~0U);
	add(p, IF_EQUAL, number & 0xffff);
	arguments = p->len;
	if (number >> 16) {
		add_if(p, 0, IF_EQUAL, number >> 16);
	} else if (what == V6_NOTIFIED_BIND) { /* a shorter one is no IPv4 or IPv6 address */
		add_if(p, 2, IF_AT_LEAST, sizeof(struct sockaddr_in));
	} else if (what == V6_NOTIFIED_SETSOCKOPT || what == V6_NOTIFIED_GETSOCKOPT) {
		add_if(p, 1, IF_EQUAL, IPPROTO_IPV6);
		add_if(p, 2, IF_EQUAL, IPV6_V6ONLY);
	}
	add(p, RETURN, NOTIFY);
	end = p->len;
	if (!(number >> 16))
		add(p, RETURN, ALLOW);
	for (unsigned i = start; i < end; i++)
		if (p->at[i].code == IF_EQUAL || p->at[i].code == IF_AT_LEAST)
			p->at[i].no = (uint8_t)((i < arguments ? p->len : end) - i - 1);
}

/* SPEC_ALLOW, NEW_LISTENER; WAIT_KILLABLE_RECV is of Linux 5.19. */
enum { SET_MODE_FILTER = 1, FLAGS = 1 << 2 | 1 << 3, WAIT_KILLABLE_RECV = 1 << 5 };

static int install(unsigned flags, const struct program *p)
{
	return (int)v6_syscall(SYS_seccomp, SET_MODE_FILTER, flags, p);
}

/* The kernel looks at the flags before it reads where the program is, */
bool v6_filter_waits(void)
{
	return install(FLAGS | WAIT_KILLABLE_RECV, NULL) == -EFAULT;
}

/* and at the privilege before it reads the program. */
bool v6_supervise_takes_privileges(void)
{
	return install(0, &(struct program){.len = 1}) == -EACCES;
}

int v6_filter_install(unsigned without)
{
	struct instruction room[11 * TABLES * V6_NOTIFIED_CALLS];
	struct program p = {0, room};
	unsigned flags = v6_filter_waits() ? FLAGS | WAIT_KILLABLE_RECV : FLAGS;
	int fd;

	if (!tables[0].arch)
		return -EOPNOTSUPP;
	for (const struct table *t = tables; t < tables + TABLES; t++)
		for (int what = 1; what < V6_NOTIFIED_CALLS; what++)
			if (t->number[what] && !(without >> what & 1))
				add_call(&p, t->arch, t->number[what], what);
	add(&p, RETURN, ALLOW);
	fd = install(flags, &p);
	if (fd == -EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fd = install(flags, &p);
	return fd;
}
