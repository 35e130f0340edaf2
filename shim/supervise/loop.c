#include "loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "../core/advice.h"
#include "../govern/emit.h"
#include "../govern/facts.h"
#include "../govern/govern.h"
#include "../govern/holder.h"
#include "../govern/sys.h"
#include "listener.h"
#include "way.h"

#include "../govern/forbidden.h"

/* Standard error of this process is nothing: what is written there is for the caller's own. */
static bool borrow;

static bool watches(enum v6_event event)
{
	return v6_live.watch >> event & 1;
}

unsigned v6_loop_without(void)
{
	unsigned without = 0;

	if (!watches(V6_EVENT_SOCKET)) {
		without |= 1u << V6_NOTIFIED_GETSOCKOPT;
		if (!watches(V6_EVENT_SETSOCKOPT))
			without |= 1u << V6_NOTIFIED_SETSOCKOPT;
		if (!watches(V6_EVENT_LISTEN))
			without |= 1u << V6_NOTIFIED_LISTEN;
	}
	if (!v6_emit_wants(V6_LOG_LEVEL_CHANGE))
		without |= 1u << V6_NOTIFIED_IO_URING;
	return without;
}

/* The sockets that were seen, by cookie; of those whose numbers collide the last. */
static bool seen(uint64_t cookie)
{
	enum { BITS = 12 };
	static uint64_t cookies[1 << BITS];
	uint64_t *slot = &cookies[(cookie * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - BITS)];
	bool was = *slot == cookie;

	*slot = cookie;
	return was;
}

/*
 * What a preload does after socket(2): the call that shows the socket first is the first that can
 * tell.
 */
static void first_sight(const struct v6_request *r)
{
	struct v6_request copy = *r;
	struct v6_call *c = &copy.call;
	int type = 0;
	socklen_t len = sizeof(type);

	/* Of one that was forgotten it is not known that it never asked. */
	if (!watches(V6_EVENT_SOCKET) || v6_fact_asked(c->ask) != V6_UNKNOWN ||
		v6_fact_memory(c->ask) & V6_MEMORY_FORGOTTEN || seen(v6_fact_cookie(c->ask)) ||
		v6_sys_getsockopt(c->ask, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return;
	v6_govern_socket(c, v6_fact_family(c->ask) == V6_FAMILY_INET6 ? AF_INET6 : AF_INET, type,
		v6_fact_proto(c->ask));
}

static void govern(struct v6_request *r)
{
	struct v6_call *c = &r->call;

	first_sight(r);
	if (r->what == V6_NOTIFIED_BIND)
		v6_govern_bind(c);
	else if (r->what == V6_NOTIFIED_LISTEN)
		v6_govern_listen(c);
	else if (r->what == V6_NOTIFIED_SETSOCKOPT)
		v6_govern_v6only(c);
	else
		r->like_us = false;
}

/* What is said of a process once. */
static void tell(struct v6_request *r, enum v6_told what, const char *note, int error)
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
static bool refuse(struct v6_request *r)
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

/* Standard error is the target's own while it is governed, where the log goes there. */
static void borrow_stderr(const struct v6_target *t)
{
	int copy = borrow ? v6_target_descriptor(t, t->pid, STDERR_FILENO) : -1;

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

/* What the kernel would have made of it, made; the descriptor is there. */
static int64_t answer_socket(struct v6_request *r)
{
	struct v6_call *c = &r->call;
	socklen_t len = r->what == V6_NOTIFIED_BIND && r->readable ? c->len : 0;

	r->like_us = v6_target_like_us(r->target, r->tid, c->ask);
	/* What was found by a number of the caller's was the caller's. */
	if (!v6_listener_valid(r->id))
		return 0;
	if (v6_listener_take_lost(r->tid, c->record.fd, r->copy, len) &&
		v6_fact_bound(c->ask).port) {
		r->bound = true;
		return 0;
	}
	govern(r);
	if (!r->like_us && r->what != V6_NOTIFIED_GETSOCKOPT)
		tell(r, V6_TOLD_LEFT, V6_ADVICE_LEFT, 0);
	return c->record.error ? -c->record.error : c->record.result;
}

/* Others' credentials are taken from who calls (unix(7)); but an Internet address they refuse. */
static bool is_internet(const struct v6_request *r)
{
	struct sockaddr address;

	memcpy(&address, r->copy, sizeof(address));
	return (r->what == V6_NOTIFIED_BIND && r->readable &&
		       (address.sa_family == AF_INET6 || address.sa_family == AF_INET)) ||
	       v6_fact_family(r->call.ask) != V6_FAMILY_OTHER;
}

/* Whose call it is, what it asks, and a descriptor of the socket: that, or a negated errno. */
static int look_up(struct v6_request *r, const struct v6_abi_notification *n)
{
	const struct v6_call *c = &r->call;
	enum v6_notified what = v6_filter_call(&n->call);
	int fd;

	for (int i = 0; i < 2; i++) {
		r->target = v6_target_find(r->tid);
		if (!r->target)
			return -ESRCH;
		/* The others read its memory. */
		if (what != V6_NOTIFIED_BIND && what != V6_NOTIFIED_SETSOCKOPT)
			v6_target_check(r->target, n->call.ip);
		fd = v6_request_read(r, &n->call);
		if (fd < 0)
			return fd;
		if (r->what == V6_NOTIFIED_BIND && c->record.fd == -1 && !c->pointer &&
			c->len == V6_ASK_SUPERVISOR)
			return -V6_SUPERVISOR_ANSWERS;
		if (r->what > V6_NOTIFIED_GETSOCKOPT || r->what == V6_NOTIFIED_NONE)
			return 0;
		fd = v6_target_descriptor(r->target, r->tid, c->record.fd);
		if (fd != -ESRCH)
			return fd;
		v6_target_forget(r->target, r->tid);
	}
	return r->target->pid ? -EPERM : -ESRCH;
}

static void answer(struct v6_request *r, struct v6_abi_answer *a)
{
	bool sent;

	/* Before the answer: a socket that the target closes then is closed. */
	if (r->call.ask >= 0)
		v6_sys_close(r->call.ask);
	sent = v6_listener_answer(a);
	if (r->bound && !a->error)
		v6_listener_add_lost(r->tid, r->call.record.fd, r->copy, r->call.len, sent);
}

static void serve(const struct v6_abi_notification *n)
{
	struct v6_request r = {.call.ask = -1, .tid = (int)n->tid, .id = n->id};
	struct v6_abi_answer a = {.id = n->id};
	int fd = look_up(&r, n);
	int64_t value = fd;

	if (r.target) {
		v6_self_become(&r.target->self);
		borrow_stderr(r.target);
	}
	if (r.what == V6_NOTIFIED_LANDLOCK)
		v6_target_confine(r.target);
	if (r.what == V6_NOTIFIED_IO_URING && r.target)
		tell(&r, V6_TOLD_IO_URING, V6_ADVICE_IO_URING, 0);
	if (fd > 0) {
		r.call.ask = fd;
		v6_request_copy(&r);
		if (is_internet(&r))
			value = answer_socket(&r);
	} else if (fd == -EPERM) {
		r.like_us = refuse(&r);
	} else {
		r.like_us = fd < 0;
	}
	give_stderr_back();
	if (r.like_us && value < 0)
		a.error = (int32_t)value;
	else if (r.like_us)
		a.value = value;
	else
		a.flags = V6_NOTIF_CONTINUE;
	answer(&r, &a);
}

static void tell_inherited(int fd, void *context)
{
	struct v6_request r = {.target = context};

	r.call = v6_request_call(context, fd);
	r.call.ask = v6_target_descriptor(context, r.target->pid, fd);
	if (r.call.ask < 0)
		return;
	v6_govern_inherited(&r.call);
	v6_sys_close(r.call.ask);
}

void v6_loop_inherited(
	struct v6_target *t, struct v6_slice listen_fds, struct v6_slice listen_pid, int activated)
{
	v6_self_become(&t->self);
	borrow_stderr(t);
	v6_inherit_visit(listen_fds, listen_pid, activated, tell_inherited, t);
	give_stderr_back();
}

void v6_loop_init(bool borrows)
{
	borrow = borrows;
	v6_target_init();
}

void v6_loop(int listener, int other, bool (*ready)(void))
{
	const struct v6_abi_notification *n;

	v6_listener_init(listener);
	while ((n = v6_listener_next(other, ready)))
		serve(n);
}
