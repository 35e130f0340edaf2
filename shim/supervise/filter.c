#include "filter.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "../govern/kernel.h"

/* AUDIT_ARCH_*: the ELF machine, 64 bits, little endian. */
#define WIDE   0x80000000U
#define LITTLE 0x40000000U
enum { EM_386 = 3, EM_ARM = 40, EM_X86_64 = 62, EM_AARCH64 = 183 };

#define X86_64  (EM_X86_64 | WIDE | LITTLE)
#define I386    (EM_386 | LITTLE)
#define AARCH64 (EM_AARCH64 | WIDE | LITTLE)
#define ARM     (EM_ARM | LITTLE)

/* In a number of x86-64's table: the call is x32's. */
#define X32 0x40000000U

#define NEWER(arch)                                                                                \
	{arch, V6_SYS_LANDLOCK_RESTRICT_SELF, V6_NOTIFIED_LANDLOCK},                               \
	{                                                                                          \
		arch, V6_SYS_IO_URING_SETUP, V6_NOTIFIED_IO_URING                                  \
	}

/* The rows of a table stand together. */
static const struct row {
	uint32_t arch, number;
	enum v6_notified call;
} rows[] = {
#if defined(__x86_64__) && defined(__LP64__)
	{X86_64, 49, V6_NOTIFIED_BIND},
	{X86_64, 50, V6_NOTIFIED_LISTEN},
	{X86_64, 54, V6_NOTIFIED_SETSOCKOPT},
	{X86_64, 541, V6_NOTIFIED_SETSOCKOPT}, /* x32, as the next */
	{X86_64, 55, V6_NOTIFIED_GETSOCKOPT},
	{X86_64, 542, V6_NOTIFIED_GETSOCKOPT},
	NEWER(X86_64),
	{I386, 361, V6_NOTIFIED_BIND},
	{I386, 363, V6_NOTIFIED_LISTEN},
	{I386, 366, V6_NOTIFIED_SETSOCKOPT},
	{I386, 365, V6_NOTIFIED_GETSOCKOPT},
	{I386, 102, V6_NOTIFIED_SOCKETCALL},
	NEWER(I386),
#elif defined(__aarch64__) && defined(__LP64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	{AARCH64, 200, V6_NOTIFIED_BIND},
	{AARCH64, 201, V6_NOTIFIED_LISTEN},
	{AARCH64, 208, V6_NOTIFIED_SETSOCKOPT},
	{AARCH64, 209, V6_NOTIFIED_GETSOCKOPT},
	NEWER(AARCH64),
	{ARM, 282, V6_NOTIFIED_BIND},
	{ARM, 284, V6_NOTIFIED_LISTEN},
	{ARM, 294, V6_NOTIFIED_SETSOCKOPT},
	{ARM, 295, V6_NOTIFIED_GETSOCKOPT},
	NEWER(ARM),
#else
	{0, 0, V6_NOTIFIED_NONE},
#endif
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

bool v6_filter_exists(void)
{
	return rows[0].arch != 0;
}

static uint32_t number_of(uint32_t arch, uint32_t number)
{
	return arch == X86_64 ? number & ~X32 : number;
}

enum v6_notified v6_filter_call(const struct v6_abi_call *call)
{
	for (const struct row *r = rows; r < rows + ROWS; r++)
		if (r->arch == call->arch && r->number == number_of(call->arch, (uint32_t)call->nr))
			return r->call;
	return V6_NOTIFIED_NONE;
}

/* linux/net.h, SYS_BIND and on. */
static const enum v6_notified socketcalls[] = {
	[2] = V6_NOTIFIED_BIND,
	[4] = V6_NOTIFIED_LISTEN,
	[14] = V6_NOTIFIED_SETSOCKOPT,
	[15] = V6_NOTIFIED_GETSOCKOPT,
};

enum { SOCKETCALLS = sizeof(socketcalls) / sizeof(*socketcalls) };

enum v6_notified v6_filter_socketcall(uint32_t number)
{
	return number < SOCKETCALLS ? socketcalls[number] : V6_NOTIFIED_NONE;
}

/* ---- the program: linux/filter.h, linux/bpf_common.h */

struct instruction {
	uint16_t code;
	uint8_t yes, no;
	uint32_t k;
};

enum { LOAD = 0x20, AND = 0x54, IF_EQUAL = 0x15, IF_AT_LEAST = 0x35, RETURN = 0x06 };

/* Where a jump leads; a number from SKIP on is that many instructions. Only forward. */
enum goal { NEXT, ADDRESS, OPTION, SOCKETCALL, NOTIFY, ALLOW, SKIP };

struct program {
	unsigned short len;
	struct instruction *at;
};

static void add(struct program *p, uint16_t code, uint32_t k, unsigned yes, unsigned no)
{
	p->at[p->len++] = (struct instruction){code, (uint8_t)yes, (uint8_t)no, k};
}

static void load(struct program *p, size_t offset)
{
	add(p, LOAD, (uint32_t)offset, NEXT, NEXT);
}

/* The low half of an argument: these machines are little endian. */
static void load_argument(struct program *p, unsigned n)
{
	load(p, offsetof(struct v6_abi_call, arg) + n * sizeof(uint64_t));
}

static enum goal goal_of(enum v6_notified call)
{
	switch (call) {
	case V6_NOTIFIED_BIND:
		return ADDRESS;
	case V6_NOTIFIED_SETSOCKOPT:
	case V6_NOTIFIED_GETSOCKOPT:
		return OPTION;
	case V6_NOTIFIED_SOCKETCALL:
		return SOCKETCALL;
	default:
		return NOTIFY;
	}
}

/* What is of this table goes on from here; another skips it. The row after the last of it. */
static const struct row *add_table(struct program *p, const struct row *r, unsigned without)
{
	uint32_t arch = r->arch;
	unsigned other;

	load(p, offsetof(struct v6_abi_call, arch));
	other = p->len;
	add(p, IF_EQUAL, arch, NEXT, NEXT);
	load(p, offsetof(struct v6_abi_call, nr));
	if (arch == X86_64)
		add(p, AND, ~X32, NEXT, NEXT);
	for (; r < rows + ROWS && r->arch == arch; r++)
		if (!(without >> r->call & 1))
			add(p, IF_EQUAL, r->number, goal_of(r->call), NEXT);
	add(p, IF_EQUAL, 0, ALLOW, ALLOW);
	p->at[other].no = (uint8_t)(SKIP + p->len - other - 1);
	return r;
}

static void add_goals(struct program *p, unsigned without, unsigned start[SKIP])
{
	start[ADDRESS] = p->len; /* a shorter one is no IPv4 or IPv6 address */
	load_argument(p, 2);
	add(p, IF_AT_LEAST, sizeof(struct sockaddr_in), NOTIFY, ALLOW);
	start[OPTION] = p->len;
	load_argument(p, 1);
	add(p, IF_EQUAL, IPPROTO_IPV6, NEXT, ALLOW);
	load_argument(p, 2);
	add(p, IF_EQUAL, IPV6_V6ONLY, NOTIFY, ALLOW);
	start[SOCKETCALL] = p->len;
	load_argument(p, 0);
	for (uint32_t i = 0; i < SOCKETCALLS; i++)
		if (socketcalls[i] && !(without >> socketcalls[i] & 1))
			add(p, IF_EQUAL, i, NOTIFY, NEXT);
	add(p, IF_EQUAL, 0, ALLOW, ALLOW);
	start[NOTIFY] = p->len;
	add(p, RETURN, 0x7fc00000, NEXT, NEXT); /* SECCOMP_RET_USER_NOTIF */
	start[ALLOW] = p->len;
	add(p, RETURN, 0x7fff0000, NEXT, NEXT); /* SECCOMP_RET_ALLOW */
}

static uint8_t distance(unsigned from, unsigned goal, const unsigned start[SKIP])
{
	if (goal == NEXT)
		return 0;
	return (uint8_t)(goal >= SKIP ? goal - SKIP : start[goal] - from - 1);
}

/* SPEC_ALLOW, NEW_LISTENER; WAIT_KILLABLE_RECV is of Linux 5.19. */
enum { SET_MODE_FILTER = 1, FLAGS = 1 << 2 | 1 << 3, WAIT_KILLABLE_RECV = 1 << 5 };

/* The kernel looks at the flags before it reads the program. */
bool v6_filter_waits(void)
{
	return v6_syscall(SYS_seccomp, SET_MODE_FILTER, FLAGS | WAIT_KILLABLE_RECV, NULL) ==
	       -EFAULT;
}

static int install(const struct program *p)
{
	return (int)v6_syscall(SYS_seccomp, SET_MODE_FILTER,
		v6_filter_waits() ? FLAGS | WAIT_KILLABLE_RECV : FLAGS, p);
}

int v6_filter_install(unsigned without)
{
	struct instruction room[2 * ROWS + 32];
	struct program p = {0, room};
	unsigned start[SKIP];
	int fd;

	for (const struct row *r = rows; r < rows + ROWS;)
		r = add_table(&p, r, without);
	add(&p, IF_EQUAL, 0, ALLOW, ALLOW);
	add_goals(&p, without, start);
	for (unsigned i = 0; i < p.len; i++) {
		room[i].yes = distance(i, room[i].yes, start);
		room[i].no = distance(i, room[i].no, start);
	}
	fd = install(&p);
	if (fd == -EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fd = install(&p);
	return fd;
}
