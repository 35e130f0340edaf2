#include "loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../core/advice.h"
#include "../govern/emit.h"
#include "../govern/facts.h"
#include "../govern/govern.h"
#include "../govern/holder.h"
#include "../govern/sys.h"
#include "filter.h"

#include "../govern/forbidden.h"

/* linux/seccomp.h: struct seccomp_notif, struct seccomp_notif_resp. */
struct notification {
	uint64_t id;
	uint32_t tid; /* in the pid namespace of who receives */
	uint32_t flags;
	struct v6_system_call call;
};

struct answer {
	uint64_t id;
	int64_t value;
	int32_t error; /* negated */
	uint32_t flags;
};

_Static_assert(sizeof(struct notification) == 80, "as the kernel has it");
_Static_assert(sizeof(struct answer) == 24, "as the kernel has it");

/* ioctl(2) of a listener; the sizes above are in them. */
#define NOTIF_RECV      0xc0502100UL
#define NOTIF_SEND      0xc0182101UL
#define NOTIF_ID_VALID  0x40082102UL
#define NOTIF_SET_FLAGS 0x40082104UL

enum { NOTIF_CONTINUE = 1, NOTIF_SYNC_WAKE_UP = 1 };

struct request {
	struct v6_call call; /* first: the way finds the rest by it */
	struct v6_target *target;
	int tid;
	uint64_t id; /* the notification's */
	enum v6_notified what;
	bool like_us; /* it may be made for the target; else the target makes it */
	bool bound;   /* a bind was made, and succeeded */
	/* The answer was taken, which before Linux 5.19 does not say that the thread gets it: a
	 * signal may have woken it already. */
	bool sent;
	/* What the target pointed to, read once: what is judged is what is used. */
	bool readable;
	struct sockaddr_storage copy;
};

/* ---- the listener */

static int listener;
static bool waits; /* see v6_filter_waits() */

/*
 * The oldest notification that was not yet had, in memory that stays until the next call; NULL:
 * the last task under the filter is gone. All that wait are received before one is given: what has
 * been received is interrupted by nothing but a fatal signal (Linux 5.19).
 */
static const struct notification *next(const sigset_t *mask)
{
	enum { QUEUE = 256 };
	static const struct timespec no_time;
	static struct notification queue[QUEUE];
	static unsigned first, count;

	for (;;) {
		struct pollfd p = {.fd = listener, .events = POLLIN};
		int n = ppoll(&p, 1, count ? &no_time : NULL, mask);

		if (n > 0 && p.revents & POLLIN && count < QUEUE) {
			struct notification *last = &queue[(first + count) % QUEUE];

			/* ENOENT: it was interrupted, or killed, before it was received. */
			memset(last, 0, sizeof(*last));
			if (!v6_syscall(SYS_ioctl, listener, NOTIF_RECV, last))
				count++;
		} else if (count) {
			count--;
			return &queue[first++ % QUEUE];
		} else if (n > 0) {
			return NULL;
		}
	}
}

/* Whether the thread still waits in this call. */
static bool is_valid(const struct request *r)
{
	return !v6_syscall(SYS_ioctl, listener, NOTIF_ID_VALID, &r->id);
}

/*
 * Binds that were made, but whose answer was not had (a signal before Linux 5.19, the freezer,
 * suspend): the thread makes the same call again, and would be told that the socket is bound. Those
 * that were sent are lost if the thread's next call is the same.
 */
static struct request lost[64];
enum { LOST = sizeof(lost) / sizeof(*lost) };

/*
 * Whether the thread's call is one of those, which it is no longer then. By one that is no such
 * bind the thread shows that it had what was sent.
 */
static bool take_lost(const struct request *r)
{
	size_t len = r->what == V6_NOTIFIED_BIND && r->readable ? r->call.len : 0;
	bool taken = false;

	for (struct request *l = lost; l < lost + LOST; l++) {
		bool same = l->tid == r->tid && l->call.record.fd == r->call.record.fd &&
			    l->call.len == len && !memcmp(&l->copy, &r->copy, len);

		taken = taken || same;
		if (same || (l->tid == r->tid && l->sent))
			l->tid = 0;
	}
	return taken;
}

/* ---- the way */

static int make_once(const struct request *r)
{
	/* An address that the kernel refuses to read (EFAULT), after all that it looks at before. */
	static const void *const unreadable = (const void *)UINTPTR_MAX;
	const struct v6_call *c = &r->call;
	const void *copy = r->readable ? &r->copy : unreadable;

	switch (r->what) {
	case V6_NOTIFIED_BIND:
		return v6_sys_bind(c->ask, copy, c->len);
	case V6_NOTIFIED_LISTEN:
		return v6_sys_listen(c->ask, c->backlog);
	default:
		return v6_sys_setsockopt(
			c->ask, IPPROTO_IPV6, IPV6_V6ONLY, c->pointer ? copy : NULL, c->len);
	}
}

/*
 * Without CAP_NET_BIND_SERVICE in effect, so that what anybody may do needs no question who
 * asks; with it only where it was refused and the target has it.
 */
static void make(struct v6_call *c)
{
	struct request *r = (struct request *)c;
	bool permitted = v6_target_privilege(false);
	int result = r->like_us ? make_once(r) : 0;

	if (result == -EACCES || !v6_target_may_trace())
		v6_target_privilege(true);
	if (result == -EACCES && v6_target_may_bind(r->tid) && is_valid(r)) {
		r->like_us = permitted;
		result = permitted ? make_once(r) : 0;
	}
	c->record.result = !r->like_us ? V6_NO_RESULT : result < 0 ? -1 : result;
	c->record.error = result < 0 ? -result : 0;
	r->bound = r->what == V6_NOTIFIED_BIND && r->like_us && !result;
}

static int read_copy(struct v6_call *c, const void *from, void *to, size_t len, bool good)
{
	const struct request *r = (struct request *)c;

	(void)good;
	if (from != c->pointer || !r->readable || len > sizeof(r->copy))
		return -EFAULT;
	if (len)
		memcpy(to, &r->copy, len);
	return 0;
}

static int take(struct v6_call *c, int tell)
{
	const struct v6_target *t = ((struct request *)c)->target;

	return v6_target_descriptor(t, t->pid, tell);
}

static void give(struct v6_call *c, int ask)
{
	(void)c;
	v6_sys_close(ask);
}

static const struct v6_way way = {
	.via = V6_VIA_SUPERVISE,
	.make = make,
	.read = read_copy,
	.take = take,
	.give = give,
};

/* A call of the process's that is yet to be filled in. */
static struct v6_call call_of(const struct v6_target *t, int fd)
{
	return (struct v6_call){
		.way = &way, .caller = &t->caller, .ask = -1, .record = {.pid = t->pid, .fd = fd}};
}

/* ---- what is governed, and told */

/* Standard error of this process is nothing: what is written there is for the caller's own. */
static bool borrow;

/* What is recorded is the target's from now on; its standard error is ours, where the log goes there. */
static void become(struct v6_target *t)
{
	int copy = borrow ? v6_target_descriptor(t, t->pid, STDERR_FILENO) : -1;

	v6_self_become(&t->self);
	if (copy < 0)
		return;
	v6_sys_dup_onto(copy, STDERR_FILENO);
	v6_sys_close(copy);
}

static void give_stderr_back(void)
{
	if (borrow)
		v6_sys_dup_onto(STDIN_FILENO, STDERR_FILENO);
}

static bool watches(enum v6_event event)
{
	return v6_live.watch >> event & 1;
}

unsigned v6_loop_without(void)
{
	unsigned without = v6_emit_wants(V6_LOG_LEVEL_CHANGE) ? 0 : 1u << V6_NOTIFIED_IO_URING;

	if (watches(V6_EVENT_SOCKET))
		return without;
	return without | 1u << V6_NOTIFIED_GETSOCKOPT |
	       (unsigned)!watches(V6_EVENT_SETSOCKOPT) << V6_NOTIFIED_SETSOCKOPT |
	       (unsigned)!watches(V6_EVENT_LISTEN) << V6_NOTIFIED_LISTEN;
}

/*
 * What a preload does after socket(2): the call that shows the socket first is the first that can
 * tell.
 */
static void first_sight(const struct request *r)
{
	enum { BITS = 12 };
	static uint64_t seen[1 << BITS]; /* by cookie; of those whose numbers collide the last */
	struct request copy = *r;
	int ask = r->call.ask, type = 0;
	socklen_t len = sizeof(type);
	uint64_t cookie, *slot;

	/* Of one that was forgotten it is not known that it never asked. */
	if (!watches(V6_EVENT_SOCKET) ||
		v6_fact_memory(ask) & (V6_MEMORY_ASKED | V6_MEMORY_FORGOTTEN))
		return;
	cookie = v6_fact_cookie(ask);
	slot = &seen[(cookie * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - BITS)];
	if (*slot == cookie || v6_sys_getsockopt(ask, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return;
	*slot = cookie;
	v6_govern_socket(&copy.call, v6_fact_family(ask) == V6_FAMILY_INET6 ? AF_INET6 : AF_INET,
		type, v6_fact_proto(ask));
}

/* What is said of a process once. */
static void tell(const struct request *r, enum v6_told what, const char *note, int error)
{
	struct v6_record record;

	if (!v6_emit_wants(V6_LOG_LEVEL_CHANGE) ||
		atomic_fetch_or(&r->target->self.told, what) & what)
		return;
	v6_record_init(&record, V6_EVENT_ERROR);
	record.fd = r->call.record.fd;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a descriptor came with its target */
	record.pid = r->target->pid;
	record.program = r->target->caller.program;
	record.via = V6_VIA_SUPERVISE;
	record.result = error ? -1 : V6_NO_RESULT;
	record.error = error;
	record.note = v6_slice_of(note);
	v6_emit(&record);
}

/*
 * ptrace(2) access to the process is refused. What may be an IPv4 or IPv6 address by its length
 * does not go ungoverned; the sockets of ssh-agent, of other lengths, are bound.
 */
static bool refuse(const struct request *r)
{
	enum { LEN_RFC2133 = 24 }; /* of an IPv6 address without its scope */
	socklen_t len = r->call.len;

	if (!r->target || r->what != V6_NOTIFIED_BIND || len > sizeof(struct sockaddr_in6) ||
		(len != sizeof(struct sockaddr_in) && len < LEN_RFC2133))
		return false;
	/* Its standard error is not to be had either. */
	if (borrow && !(atomic_load(&r->target->self.told) & V6_TOLD_REFUSED))
		v6_emit_complain(r->target->caller.program, v6_slice_of(V6_ADVICE_UNDUMPABLE));
	tell(r, V6_TOLD_REFUSED, V6_ADVICE_UNDUMPABLE, EPERM);
	return true;
}

/* ---- one call */

/* Those on a socket; the rest, and what is not governed (0), the target makes. */
static const struct {
	uint8_t arguments, governed; /* enum v6_event */
} calls[V6_NOTIFIED_CALLS] = {
	[V6_NOTIFIED_BIND] = {3, V6_EVENT_BIND},
	[V6_NOTIFIED_LISTEN] = {2, V6_EVENT_LISTEN},
	[V6_NOTIFIED_SETSOCKOPT] = {5, V6_EVENT_SETSOCKOPT},
	[V6_NOTIFIED_GETSOCKOPT] = {5, 0},
};

/*
 * Fills in the request's call from the arguments of the system call, but for `ask`: 0, or what
 * v6_target_read() says of the memory that they are in.
 */
static int read_arguments(struct request *r, const struct v6_system_call *call)
{
	unsigned n = calls[r->what].arguments;
	struct v6_call *c = &r->call;
	uint32_t word[5] = {0};
	uint64_t arg[5];
	int error = 0;

	memcpy(arg, call->arg, sizeof(arg));
	if (v6_filter_in_memory(call)) {
		error = v6_target_read(r->target, (uint32_t)call->arg[1], word, n * sizeof(*word));
		for (int i = 0; i < 5; i++)
			arg[i] = word[i];
	}
	*c = call_of(r->target, (int)arg[0]);
	c->backlog = (int)arg[1];
	if (n > 2) { /* the last are where it points to and how much that is */
		c->pointer = (const void *)(uintptr_t)arg[n - 2];
		c->len = (socklen_t)arg[n - 1];
	}
	/* Of socketcall(2) all options are notified. */
	if (n == 5 && ((int)arg[1] != IPPROTO_IPV6 || (int)arg[2] != IPV6_V6ONLY))
		r->what = V6_NOTIFIED_NONE;
	return error;
}

/* Whose call it is, what it asks, and a descriptor of its socket: 0, or a negated errno. */
static int look_up(struct request *r, const struct v6_system_call *call)
{
	struct v6_call *c = &r->call;
	char byte;
	int error;

	for (int i = 0; i < 2; i++) {
		r->target = v6_target_find(r->tid);
		if (!r->target)
			return -ESRCH;
		/* What it executes; the others read its memory. */
		if (r->what != V6_NOTIFIED_BIND && r->what != V6_NOTIFIED_SETSOCKOPT)
			v6_target_read(r->target, call->ip, &byte, 1);
		error = read_arguments(r, call);
		if (error)
			return error;
		if (r->what == V6_NOTIFIED_BIND && c->record.fd == -1 && !c->pointer &&
			c->len == V6_ASK_SUPERVISOR)
			return -V6_SUPERVISOR_ANSWERS;
		if (!calls[r->what].arguments)
			return 0;
		c->ask = v6_target_descriptor(r->target, r->tid, c->record.fd);
		if (c->ask != -ESRCH)
			return c->ask < 0 ? c->ask : 0;
		v6_target_forget(r->target, r->tid);
	}
	return r->target->pid ? -EPERM : -ESRCH;
}

/* Reads what the call points to, unless the length is one that the kernel refuses before it reads. */
static void read_pointer(struct request *r)
{
	size_t len = r->what == V6_NOTIFIED_BIND ? r->call.len : sizeof(int);

	if (r->what != V6_NOTIFIED_BIND && r->what != V6_NOTIFIED_SETSOCKOPT)
		return;
	if (len <= sizeof(r->copy) && r->call.len >= len)
		r->readable = !v6_target_read(r->target, (uintptr_t)r->call.pointer, &r->copy, len);
}

/* Others' credentials are taken from who calls (unix(7)); but an Internet address they refuse. */
static bool is_internet(const struct request *r)
{
	int family = r->what == V6_NOTIFIED_BIND && r->readable ? r->copy.ss_family : AF_UNSPEC;

	return family == AF_INET || family == AF_INET6 ||
	       v6_fact_family(r->call.ask) != V6_FAMILY_OTHER;
}

/* What the kernel would have made of it, made: the value, or a negated errno. */
static int64_t govern(struct request *r)
{
	struct v6_call *c = &r->call;

	r->like_us = v6_target_like_us(r->target, r->tid, c->ask);
	/* What was found by a number of the caller's was the caller's. */
	if (!is_valid(r))
		return 0;
	if (take_lost(r) && v6_fact_bound(c->ask).port) {
		r->bound = true;
		return 0;
	}
	first_sight(r);
	if (calls[r->what].governed)
		v6_govern(c, calls[r->what].governed);
	else
		r->like_us = false;
	if (!r->like_us && calls[r->what].governed)
		tell(r, V6_TOLD_LEFT, V6_ADVICE_LEFT, 0);
	return c->record.error ? -c->record.error : c->record.result;
}

static void serve(const struct notification *n)
{
	struct request r = {
		.call.ask = -1, .tid = (int)n->tid, .id = n->id, .what = v6_filter_call(&n->call)};
	struct answer a = {.id = n->id};
	int64_t value = look_up(&r, &n->call);
	static unsigned next_lost;

	if (r.target)
		become(r.target);
	if (r.what == V6_NOTIFIED_LANDLOCK)
		v6_target_confine(r.target);
	if (r.what == V6_NOTIFIED_IO_URING && r.target)
		tell(&r, V6_TOLD_IO_URING, V6_ADVICE_IO_URING, 0);
	r.like_us = value < 0 && (value != -EPERM || refuse(&r));
	if (r.call.ask >= 0) {
		read_pointer(&r);
		if (is_internet(&r))
			value = govern(&r);
		/* Before the answer: a socket that the target closes then is closed. */
		v6_sys_close(r.call.ask);
	}
	give_stderr_back();
	if (!r.like_us)
		a.flags = NOTIF_CONTINUE;
	else if (value < 0)
		a.error = (int32_t)value;
	else
		a.value = value;
	/* Where it fails the thread waits no more, and did not get the answer. */
	r.sent = !v6_syscall(SYS_ioctl, listener, NOTIF_SEND, &a);
	if (r.bound && !a.error && !(r.sent && waits))
		lost[next_lost++ % LOST] = r;
}

static void tell_inherited(int fd, void *context)
{
	struct request r = {.target = context, .call = call_of(context, fd)};

	r.call.ask = take(&r.call, fd);
	if (r.call.ask < 0)
		return;
	v6_govern_inherited(&r.call);
	v6_sys_close(r.call.ask);
}

void v6_loop_init(bool borrows, struct v6_target *t, struct v6_slice listen_fds,
	struct v6_slice listen_pid, int activated)
{
	borrow = borrows;
	become(t);
	v6_inherit_visit(listen_fds, listen_pid, activated, tell_inherited, t);
	give_stderr_back();
}

void v6_loop(int fd, const sigset_t *mask)
{
	const struct notification *n;
	unsigned long flags = NOTIF_SYNC_WAKE_UP; /* Linux 6.6 */

	listener = fd;
	waits = v6_filter_waits();
	v6_sys_fcntl(fd, F_SETFL, O_NONBLOCK);
	v6_syscall(SYS_ioctl, fd, NOTIF_SET_FLAGS, flags);
	while ((n = next(mask)))
		serve(n);
}
