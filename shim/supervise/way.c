#include "way.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "../govern/proc.h"
#include "../govern/sys.h"
#include "listener.h"

#include "../govern/forbidden.h"

/* An address that the kernel refuses to read (EFAULT), after all that it looks at before. */
static const void *const unreadable = (const void *)UINTPTR_MAX;

static struct v6_request *request_of(struct v6_call *c)
{
	return (struct v6_request *)c;
}

static int make_once(const struct v6_request *r)
{
	const struct v6_call *c = &r->call;
	const void *copy = r->readable ? r->copy : unreadable;

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
static int make_bind(struct v6_request *r)
{
	bool permitted = v6_target_privilege(false);
	int result = make_once(r);

	v6_target_look();
	if (result != -EACCES || !v6_target_may_bind(r->tid) || !v6_listener_valid(r->id))
		return result;
	r->like_us = permitted && v6_target_privilege(true);
	return r->like_us ? make_once(r) : 0;
}

static void make(struct v6_call *c)
{
	struct v6_request *r = request_of(c);
	int result = 0;

	if (r->like_us)
		result = r->what == V6_NOTIFIED_BIND ? make_bind(r) : make_once(r);
	c->record.result = !r->like_us ? V6_NO_RESULT : result < 0 ? -1 : result;
	c->record.error = result < 0 ? -result : 0;
	r->bound = r->what == V6_NOTIFIED_BIND && r->like_us && !result;
}

static int read_copy(struct v6_call *c, const void *from, void *to, size_t len, bool good)
{
	const struct v6_request *r = request_of(c);

	(void)good;
	if (from != c->pointer || !r->readable || len > sizeof(r->copy))
		return -EFAULT;
	if (len)
		memcpy(to, r->copy, len);
	return 0;
}

static const struct v6_caller *caller(struct v6_call *c)
{
	return &request_of(c)->target->caller;
}

struct walk {
	struct v6_call *call;
	v6_way_visit *visit;
	void *context;
};

static int take(struct v6_call *c, int tell)
{
	const struct v6_target *t = request_of(c)->target;

	return v6_target_descriptor(t, t->pid, tell);
}

static void give(struct v6_call *c, int ask)
{
	(void)c;
	v6_sys_close(ask);
}

static bool visit_copy(int fd, void *context)
{
	const struct walk *w = context;
	bool on = true;
	int copy = -1;

	if (v6_proc_socket(request_of(w->call)->target->pid, fd))
		copy = take(w->call, fd);
	if (copy >= 0) {
		on = w->visit(copy, fd, w->context);
		v6_sys_close(copy);
	}
	return on;
}

static void descriptors(struct v6_call *c, v6_way_visit *visit, void *context)
{
	struct walk w = {c, visit, context};
	char path[V6_PROC_PATH];

	v6_proc_path(path, request_of(c)->target->pid, "fd", -1);
	v6_proc_numbers(path, visit_copy, &w);
}

static const struct v6_way way = {
	.via = V6_VIA_SUPERVISE,
	.make = make,
	.read = read_copy,
	.caller = caller,
	.descriptors = descriptors,
	.take = take,
	.give = give,
};

struct v6_call v6_request_call(const struct v6_target *t, int fd)
{
	return (struct v6_call){.way = &way, .ask = -1, .record = {.pid = t->pid, .fd = fd}};
}

/* ---- the arguments */

/* socketcall(2): as many 32-bit words as the call has arguments. */
static int read_words(struct v6_request *r, const struct v6_abi_call *call, uint64_t arg[5])
{
	static const uint8_t words[] = {[V6_NOTIFIED_BIND] = 3,
		[V6_NOTIFIED_LISTEN] = 2,
		[V6_NOTIFIED_SETSOCKOPT] = 5,
		[V6_NOTIFIED_GETSOCKOPT] = 5};
	uint32_t word[5] = {0};
	int error;

	error = v6_target_read(
		r->target, (uint32_t)call->arg[1], word, words[r->what] * sizeof(*word));
	for (int i = 0; i < 5; i++)
		arg[i] = word[i];
	return error;
}

int v6_request_read(struct v6_request *r, const struct v6_abi_call *call)
{
	struct v6_call *c = &r->call;
	uint64_t arg[5];
	int error;

	memcpy(arg, call->arg, sizeof(arg));
	r->what = v6_filter_call(call);
	error = v6_filter_in_memory(call) ? read_words(r, call, arg) : 0;
	if (error)
		return error;
	*c = v6_request_call(r->target, (int)arg[0]);
	switch (r->what) {
	case V6_NOTIFIED_BIND:
		c->pointer = (const void *)(uintptr_t)arg[1];
		c->len = (socklen_t)arg[2];
		break;
	case V6_NOTIFIED_LISTEN:
		c->backlog = (int)arg[1];
		break;
	case V6_NOTIFIED_SETSOCKOPT:
	case V6_NOTIFIED_GETSOCKOPT:
		/* Of socketcall(2) all options are notified. */
		if ((int)arg[1] != IPPROTO_IPV6 || (int)arg[2] != IPV6_V6ONLY)
			r->what = V6_NOTIFIED_NONE;
		c->pointer = (const void *)(uintptr_t)arg[3];
		c->len = (socklen_t)arg[4];
		break;
	default:
		break;
	}
	return 0;
}

void v6_request_copy(struct v6_request *r)
{
	const struct v6_call *c = &r->call;
	size_t len = r->what == V6_NOTIFIED_BIND ? c->len : sizeof(int);

	if (r->what != V6_NOTIFIED_BIND && r->what != V6_NOTIFIED_SETSOCKOPT)
		return;
	/* A length that the kernel refuses before it reads. */
	if (len > sizeof(r->copy) || c->len < len)
		return;
	r->readable = !v6_target_read(r->target, (uintptr_t)c->pointer, r->copy, len);
}
