#include "govern.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "../core/conflict.h"
#include "../core/order.h"
#include "../core/policy.h"
#include "asked.h"
#include "call.h"
#include "conflict.h"
#include "emit.h"
#include "facts.h"
#include "holder.h"
#include "live.h"
#include "match.h"
#include "next.h"
#include "ports.h"
#include "sys.h"
#include "scratch.h"

#include "forbidden.h"

static void begin(struct v6_call *c, enum v6_event event, int fd)
{
	*c = (struct v6_call){
		.saved = errno,
		.fd = fd,
		.knobs = &v6_live.settings.knobs,
		.facts = {.event = (uint8_t)event,
			.bound = V6_UNKNOWN,
			.asked = V6_UNKNOWN,
			.before = V6_UNKNOWN,
			.value = V6_UNKNOWN,
			.other = V6_UNKNOWN},
		.verdict = {.v6only = V6_UNKNOWN},
		.holder = {.fd = -1, .uid = -1, .v6only = V6_UNKNOWN},
	};
}

/* Takes the result over, and errno where it failed. */
static void called(struct v6_call *c, int result)
{
	c->result = result;
	c->error = result < 0 ? errno : 0;
}

void v6_call_make(struct v6_call *c)
{
	errno = c->saved;
	if (c->facts.event == V6_EVENT_BIND)
		called(c, v6_next.bind(c->fd, c->addr, c->len));
	else
		called(c, v6_next.listen(c->fd, c->backlog));
}

/* What the application gets: errno as it was on success. */
static int leave(const struct v6_call *c)
{
	errno = c->error ? c->error : c->saved;
	return c->result;
}

static int refuse(struct v6_call *c, int error)
{
	c->result = -1;
	c->error = error;
	return leave(c);
}

int v6_call_asked(const struct v6_call *c)
{
	return v6_asked_any() ? v6_asked_recall(v6_fact_cookie(c->fd)) : V6_UNKNOWN;
}

/* The settings of the rule that the call falls under. */
static void match(struct v6_call *c, int proto, int port)
{
	c->knobs = v6_match(c->fd, proto, port, &c->rule);
}

static bool refused_all(const struct v6_call *c)
{
	return v6_live.broken && v6_fact_family(c->fd) != V6_FAMILY_OTHER;
}

/* Whether a record of this action and finding would be written. */
static bool wanted(const struct v6_call *c)
{
	bool change = c->verdict.action != V6_ACTION_NONE || c->verdict.finding != V6_FINDING_NONE;
	bool binds = c->facts.event == V6_EVENT_BIND || c->facts.event == V6_EVENT_LISTEN;

	return v6_emit_wanted(change ? V6_LEVEL_CHANGE : binds ? V6_LEVEL_BIND : V6_LEVEL_ALL);
}

static struct v6_record record_of(const struct v6_call *c)
{
	struct v6_record r;

	v6_record_init(&r, c->facts.event);
	r.fd = c->fd;
	r.family = c->facts.family;
	r.type = c->facts.type;
	r.address = c->facts.address;
	r.value = c->facts.value;
	r.asked = c->facts.asked;
	r.before = c->facts.before;
	r.want = c->verdict.v6only;
	r.policy = c->knobs->policy;
	r.mode = c->knobs->mode;
	r.rule = c->rule;
	r.action = c->verdict.action;
	r.finding = c->verdict.finding;
	r.has_result = true;
	r.result = c->result;
	r.error = c->error;
	return r;
}

static int8_t known(int fact)
{
	return (int8_t)(fact < 0 ? V6_UNKNOWN : fact);
}

static void set_note(struct v6_record *r, const char *note)
{
	r->note = (struct v6_slice){note, strlen(note)};
}

/* socket */

static void tell_socket(const struct v6_call *c, int protocol)
{
	struct v6_record r = record_of(c);

	if (c->result >= 0) {
		r.proto = v6_fact_proto(c->fd);
		r.after = known(v6_fact_v6only(c->fd));
	} else {
		r.fd = -1;
		r.proto = protocol;
	}
	v6_emit(&r);
}

/* What a protocol of 0 stands for; no system call where the type tells it. */
static int proto_of(enum v6_type type, int protocol)
{
	if (protocol)
		return protocol;
	return type == V6_TYPE_STREAM  ? IPPROTO_TCP
	       : type == V6_TYPE_DGRAM ? IPPROTO_UDP
				       : V6_MATCH_ASK;
}

void v6_govern_socket(int fd, int domain, int type, int protocol)
{
	struct v6_call c;

	begin(&c, V6_EVENT_SOCKET, fd);
	called(&c, fd);
	match(&c, proto_of(v6_type_of(type), protocol), V6_MATCH_NO_PORT);
	c.facts.family = domain == AF_INET6 ? V6_FAMILY_INET6 : V6_FAMILY_INET;
	c.facts.type = (uint8_t)v6_type_of(type);
	if (fd >= 0 && domain == AF_INET6 && v6_emit_wanted(V6_LEVEL_CHANGE))
		c.facts.before = known(v6_fact_v6only(fd));
	if (fd >= 0)
		c.verdict = v6_decide(c.knobs, &c.facts);
	if (c.verdict.v6only != V6_UNKNOWN && v6_call_enforcing(&c) &&
		v6_fact_set_v6only(fd, c.verdict.v6only) < 0)
		c.verdict.action = V6_ACTION_NONE;
	if (wanted(&c))
		tell_socket(&c, protocol);
	errno = c.saved;
}

/* setsockopt(IPV6_V6ONLY) */

/*
 * The value as the kernel takes it: an int, and a null pointer is 0
 * (net/ipv6/ipv6_sockglue.c, do_ipv6_setsockopt). Unknown where the kernel
 * would refuse the length or the pointer.
 */
static int8_t value_at(struct v6_call *c, const void *value, socklen_t len)
{
	int n = 0;

	if (len < (socklen_t)sizeof(n) || len > INT32_MAX)
		return V6_UNKNOWN;
	if (value && v6_sys_peek_int(value, &n) < 0)
		return V6_UNKNOWN;
	c->facts.odd = n != 0 && n != 1;
	return n != 0;
}

/* What is asked of a socket, judged before it reaches the kernel. */
static void judge_v6only(struct v6_call *c, const void *value, socklen_t len)
{
	int before = v6_fact_v6only(c->fd);

	if (before < 0)
		return; /* no AF_INET6 socket: the kernel's errno */
	c->facts.before = (int8_t)before;
	c->facts.family = V6_FAMILY_INET6;
	c->facts.type = (uint8_t)v6_fact_type(c->fd);
	c->facts.bound = v6_fact_bound(c->fd).port != 0;
	c->facts.value = value_at(c, value, len);
	c->verdict = v6_decide(c->knobs, &c->facts);
}

static bool may_deny(const struct v6_call *c)
{
	return c->knobs->on_nonboolean ||
	       (c->knobs->on_contrary && v6_policy_value(c->knobs->policy) != V6_UNKNOWN);
}

static void tell_v6only(struct v6_call *c)
{
	struct v6_record r = record_of(c);

	r.family = (uint8_t)v6_fact_family(c->fd);
	r.type = (uint8_t)v6_fact_type(c->fd);
	r.proto = v6_fact_proto(c->fd);
	r.after = known(v6_fact_v6only(c->fd));
	if (c->error == EINVAL && c->verdict.action != V6_ACTION_DENY && r.type != V6_TYPE_RAW &&
		v6_fact_bound(c->fd).port) {
		r.address = v6_fact_bound(c->fd);
		set_note(&r, "the socket is bound already, and IPV6_V6ONLY can be set before that "
			     "only; whoever bound it (systemd: BindIPv6Only=) has to choose");
	}
	v6_emit(&r);
}

static void judge_outcome(struct v6_call *c, const void *value, socklen_t len)
{
	if (c->result < 0) {
		c->facts.value = value_at(c, value, len);
	} else {
		int n = 0;

		/* The kernel has read it, so that it can be read. */
		if (value)
			memcpy(&n, value, sizeof(n));
		c->facts.value = n != 0;
		v6_asked_remember(v6_fact_cookie(c->fd), c->facts.value);
	}
	if (!may_deny(c))
		c->verdict = v6_decide(c->knobs, &c->facts);
}

int v6_govern_v6only(int fd, const void *value, socklen_t len)
{
	struct v6_call c;

	begin(&c, V6_EVENT_SETSOCKOPT, fd);
	match(&c, V6_MATCH_ASK, V6_MATCH_NO_PORT);
	if (may_deny(&c))
		judge_v6only(&c, value, len);
	else if (v6_emit_wanted(V6_LEVEL_ALL))
		c.facts.before = known(v6_fact_v6only(fd));
	if (c.verdict.deny && v6_call_enforcing(&c)) {
		v6_asked_remember(v6_fact_cookie(fd), c.facts.value);
		c.result = -1;
		c.error = c.verdict.deny;
	} else {
		errno = c.saved;
		called(&c, v6_next.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, value, len));
		judge_outcome(&c, value, len);
	}
	if (wanted(&c))
		tell_v6only(&c);
	return leave(&c);
}

/* bind and listen */

int v6_call_before(const struct v6_call *c)
{
	int value = c->facts.before;

	if (value == V6_UNKNOWN)
		value = v6_call_asked(c);
	if (value == V6_UNKNOWN)
		value = v6_fact_initial_v6only();
	return value < 0 ? V6_UNKNOWN : value;
}

/* The policy is not in force, which must not pass in silence. */
static void tell_refused(const struct v6_call *c, int error)
{
	struct v6_record r = record_of(c);

	r.event = V6_EVENT_ERROR;
	r.result = -1;
	r.error = -error;
	set_note(&r,
		"IPV6_V6ONLY could not be set, and the policy is not in force: a seccomp filter "
		"refuses setsockopt");
	v6_emit(&r);
}

/* Reads what the policy needs, asks it, and sets V6ONLY where that is its verdict. */
static void prepare(struct v6_call *c)
{
	bool governed = v6_policy_forced(c->knobs->policy) && v6_governed(&c->facts);
	int before, error;

	if (!governed && c->facts.other == V6_UNKNOWN)
		return;
	if (governed && v6_emit_wanted(V6_LEVEL_CHANGE)) {
		before = v6_fact_v6only(c->fd);
		if (before < 0 && !v6_fact_refused(before))
			return;
		c->facts.before = known(before);
		if (before != v6_policy_value(c->knobs->policy)) {
			c->facts.asked = (int8_t)v6_call_asked(c);
			c->asked = true;
		}
	}
	c->verdict = v6_decide(c->knobs, &c->facts);
	if (c->verdict.v6only == V6_UNKNOWN || !v6_call_enforcing(c))
		return;
	/* Bound already, raw, or not AF_INET6 at all: the kernel says so, and nothing is ours. */
	error = v6_fact_set_v6only(c->fd, c->verdict.v6only);
	c->applied = error >= 0;
	if (!c->applied)
		c->verdict.action = V6_ACTION_NONE;
	if (v6_fact_refused(error))
		tell_refused(c, error);
}

/* Whether the error is the policy's, and the kernel was not asked. */
static bool denied(const struct v6_call *c)
{
	return c->verdict.deny && v6_call_enforcing(c);
}

/* A port that another socket has, from bind or from listen. */
static bool is_conflict(const struct v6_call *c)
{
	return c->error == EADDRINUSE && !denied(c) && c->facts.address.family != V6_FAMILY_OTHER &&
	       c->facts.address.port;
}

/*
 * What was set for a call that failed in the end is as it was before. With
 * mode=log it may be the very action that would have spared it a conflict.
 */
static void undo(struct v6_call *c)
{
	if (!c->error)
		return;
	if (c->applied) /* 0 is what Linux starts sockets with, where it could not be told */
		v6_fact_set_v6only(c->fd, v6_call_before(c) == 1);
	c->applied = false;
	if (!v6_call_enforcing(c) && c->verdict.finding == V6_FINDING_CONFLICT)
		return;
	if (c->verdict.action == V6_ACTION_SET || c->verdict.action == V6_ACTION_OVERRIDE)
		c->verdict.action = V6_ACTION_NONE;
}

/* What is known already is not asked again: every answer is a system call. */
static void describe(struct v6_call *c)
{
	if (c->facts.event == V6_EVENT_LISTEN)
		c->facts.address = v6_fact_bound(c->fd);
	c->facts.family = c->error ? (uint8_t)v6_fact_family(c->fd) : c->facts.address.family;
	if (c->facts.family == V6_FAMILY_OTHER)
		return;
	c->proto = v6_fact_proto(c->fd);
	/* A raw socket may be of any protocol, but takes no V6ONLY (EINVAL). */
	if (c->facts.type == V6_TYPE_UNKNOWN && c->applied)
		c->facts.type = (uint8_t)v6_type_of_proto(c->proto);
	if (c->facts.type == V6_TYPE_UNKNOWN)
		c->facts.type = (uint8_t)v6_fact_type(c->fd);
	if (c->facts.family == V6_FAMILY_INET6 && !c->asked)
		c->facts.asked = (int8_t)v6_call_asked(c);
}

static unsigned serves(const struct v6_call *c, int v6only)
{
	struct v6_address bound;

	/* A stream serves from listen on, a datagram socket from bind on. */
	if (c->error || c->facts.type == V6_TYPE_RAW ||
		(c->facts.event == V6_EVENT_LISTEN) != (c->facts.type == V6_TYPE_STREAM))
		return 0;
	bound = v6_fact_bound(c->fd);
	return v6_serves(&bound, v6only);
}

static void disorder_note(struct v6_text *t, const struct v6_call *c)
{
	bool denied = c->verdict.action == V6_ACTION_DENY;

	v6_text_str(t, "order=");
	v6_text_str(t, v6_setting_word_of(V6_SETTING_ORDER, c->knobs->order));
	v6_text_str(t, denied ? ": no " : ": an ");
	v6_text_str(t, v6_family_title(c->facts.address.family == V6_FAMILY_INET ? V6_FAMILY_INET6
										 : V6_FAMILY_INET));
	v6_text_str(t, " socket of this process has the port ");
	v6_text_str(t, denied ? "yet" : "already");
}

static void tell_bind(struct v6_call *c)
{
	struct v6_record r;
	struct v6_text note;

	describe(c);
	if (c->facts.family == V6_FAMILY_OTHER)
		return;
	r = record_of(c);
	r.proto = c->proto;
	if (c->facts.family == V6_FAMILY_INET6)
		r.after = known(v6_fact_v6only(c->fd));
	r.serves = (uint8_t)serves(c, r.after);
	r.holder = c->holder;
	if (c->text) {
		note = v6_text_in(c->text + V6_HOLDER_TEXT, V6_SCRATCH_SIZE - V6_HOLDER_TEXT);
		if (c->verdict.finding == V6_FINDING_CONFLICT)
			v6_conflict_note(&note, &r);
		else if (c->verdict.finding == V6_FINDING_DISORDER)
			disorder_note(&note, c);
		r.note = (struct v6_slice){note.buf, note.len};
	}
	v6_emit(&r);
}

/* Whether memory that bind(2) was given was read by the kernel, and so can be by us. */
static bool kernel_read(const struct v6_call *c)
{
	return c->len <= sizeof(struct sockaddr_storage) && c->error != EFAULT &&
	       c->error != EBADF && c->error != ENOTSOCK && c->error != EPERM && c->error != ENOSYS;
}

/*
 * The address as the kernel has taken it: with an AF_INET socket, AF_UNSPEC and
 * 0.0.0.0 are one too (net/ipv4/af_inet.c, __inet_bind). Only a conflict need know.
 */
static struct v6_address address_taken(const struct v6_call *c)
{
	struct v6_address a = v6_address_from(c->addr, c->len);
	struct sockaddr_in in;

	if (a.family != V6_FAMILY_OTHER || c->error != EADDRINUSE || c->len < sizeof(in))
		return a;
	memcpy(&in, c->addr, sizeof(in));
	if (in.sin_family != AF_UNSPEC || v6_fact_family(c->fd) != V6_FAMILY_INET)
		return a;
	in.sin_family = AF_INET;
	return v6_address_from(&in, sizeof(in));
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

/* What came of the call: conflicts, undoing, the record. */
static int conclude(struct v6_call *c)
{
	bool change = v6_emit_wanted(V6_LEVEL_CHANGE);

	if (is_conflict(c)) {
		c->text = change ? v6_scratch_claim() : NULL;
		v6_conflict(c, change);
	} else if (change && !c->error && c->facts.event == V6_EVENT_BIND &&
		   c->facts.address.port) {
		v6_conflict_overlap(c);
	}
	undo(c);
	if (!c->error && c->facts.address.port)
		v6_ports_mark(c->facts.address.family, c->facts.address.port);
	if (wanted(c)) {
		if (!c->text && c->verdict.finding != V6_FINDING_NONE)
			c->text = v6_scratch_claim();
		tell_bind(c);
	}
	if (c->text)
		v6_scratch_release(c->text);
	return leave(c);
}

/* The order's part: needs the other family's sockets, which costs what it costs. */
static void take_turn(struct v6_call *c)
{
	if (v6_ordered(c->knobs, &c->facts))
		c->facts.other = (int8_t)v6_conflict_other_family(c->fd, &c->facts.address);
}

/* What the policy says of facts.address. */
static void prepare_bind_from(struct v6_call *c)
{
	const struct v6_address *a = &c->facts.address;

	if (a->family == V6_FAMILY_OTHER)
		return;
	match(c, V6_MATCH_ASK, a->port);
	take_turn(c);
	if (a->family == V6_FAMILY_INET6 && !a->port && v6_address_wildcard(a) &&
		v6_policy_forced(c->knobs->policy))
		c->facts.type = (uint8_t)v6_fact_type(c->fd);
	prepare(c);
}

static void prepare_bind(struct v6_call *c)
{
	c->facts.address = v6_address_from(c->addr, c->len);
	prepare_bind_from(c);
}

/* The errno of another system for a mapped address on a socket that is IPv6 only. */
static void answer_mapped(struct v6_call *c)
{
	int error;

	c->facts.before = known(v6_fact_v6only(c->fd));
	c->facts.bound = v6_fact_bound(c->fd).port != 0;
	error = v6_decide_mapped(c->knobs, &c->facts);
	if (!error)
		return;
	c->verdict.action = V6_ACTION_DENY;
	if (!v6_call_enforcing(c))
		return;
	c->verdict.deny = error;
	c->error = error;
}

int v6_govern_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	bool judged = v6_live.forced || v6_live.ordered || v6_live.ported;
	struct v6_call c;

	begin(&c, V6_EVENT_BIND, fd);
	c.addr = addr;
	c.len = len;
	if (refused_all(&c))
		return refuse(&c, EINVAL);
	if (v6_live.acts && plausible(addr))
		prepare_bind(&c);
	else if (!judged)
		match(&c, V6_MATCH_ASK, V6_MATCH_NO_PORT);
	if (denied(&c)) {
		c.result = -1;
		c.error = c.verdict.deny;
		return conclude(&c);
	}
	if (c.facts.before == V6_UNKNOWN && v6_emit_wanted(V6_LEVEL_BIND))
		c.facts.before = known(v6_fact_v6only(fd));
	v6_call_make(&c);
	/* Read before the call as well, where something had to be done: that will do on success. */
	if (kernel_read(&c) && (c.error || c.facts.address.family == V6_FAMILY_OTHER))
		c.facts.address = address_taken(&c);
	/* Where nothing is to be done beforehand nothing is read before the kernel has. */
	if (judged && !v6_live.acts)
		prepare_bind_from(&c);
	/* Where V6ONLY was set for this bind it was one of `::`, and has to be undone. */
	if (c.error == EINVAL && v6_live.mapped && !c.applied)
		answer_mapped(&c);
	return conclude(&c);
}

int v6_govern_listen(int fd, int backlog)
{
	struct v6_call c;

	begin(&c, V6_EVENT_LISTEN, fd);
	c.backlog = backlog;
	if (refused_all(&c))
		return refuse(&c, EINVAL);
	match(&c, V6_MATCH_ASK, v6_live.ported ? v6_fact_bound(fd).port : V6_MATCH_NO_PORT);
	if (v6_live.forced) {
		/* Whether it is bound the kernel tells when V6ONLY is set; mode=log has to ask. */
		if (!v6_call_enforcing(&c)) {
			c.facts.bound = v6_fact_bound(fd).port != 0;
			c.facts.type = (uint8_t)v6_fact_type(fd);
		}
		prepare(&c);
	}
	if (c.facts.before == V6_UNKNOWN && v6_emit_wanted(V6_LEVEL_BIND))
		c.facts.before = known(v6_fact_v6only(fd));
	v6_call_make(&c);
	if (c.error == EADDRINUSE)
		c.facts.address = v6_fact_bound(fd);
	return conclude(&c);
}

/* getaddrinfo */

int v6_govern_passive(const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	int result = v6_next.getaddrinfo(NULL, service, hints, list);
	struct v6_families planned;
	struct v6_record r;
	struct v6_call c;

	begin(&c, V6_EVENT_GETADDRINFO, -1);
	match(&c,
		hints->ai_socktype ? proto_of(v6_type_of(hints->ai_socktype), hints->ai_protocol)
				   : hints->ai_protocol,
		V6_MATCH_NO_PORT);
	r = record_of(&c);
	r.result = result;
	r.error = result == EAI_SYSTEM ? c.saved : 0;
	if (!result) {
		r.families_before = v6_order_families(*list);
		planned = v6_order_planned(c.knobs->order, &r.families_before);
		if (v6_order_differs(&r.families_before, &planned))
			r.action = V6_ACTION_REORDER;
		if (v6_call_enforcing(&c))
			*list = v6_order_apply(c.knobs->order, *list);
		r.families_after = v6_order_families(*list);
	}
	v6_emit(&r);
	errno = c.saved;
	return result;
}
