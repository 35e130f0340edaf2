#include "govern.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "asked.h"
#include "emit.h"
#include "facts.h"
#include "live.h"
#include "next.h"
#include "raw.h"

#include "../core/policy.h"

#include "forbidden.h"

/* One call on its way: errno as the application left it, what is known, what is to be done. */
struct call {
	int saved;
	int fd;
	const struct v6_knobs *knobs;
	struct v6_facts facts;
	struct v6_verdict verdict;
	bool applied; /* V6ONLY was set by us */
	int result;
	int error; /* errno of the result, 0 on success */
};

static void begin(struct call *c, enum v6_event event, int fd)
{
	*c = (struct call){
		.saved = errno,
		.fd = fd,
		.knobs = &v6_live.settings.knobs,
		.facts = {.event = (uint8_t)event,
			.bound = V6_UNKNOWN,
			.asked = V6_UNKNOWN,
			.before = V6_UNKNOWN,
			.value = V6_UNKNOWN},
		.verdict = {.v6only = V6_UNKNOWN},
	};
}

/* Takes the result over, and errno where it failed. */
static void called(struct call *c, int result)
{
	c->result = result;
	c->error = result < 0 ? errno : 0;
}

/* What the application gets: errno as it was on success. */
static int leave(const struct call *c)
{
	errno = c->error ? c->error : c->saved;
	return c->result;
}

static int refuse(struct call *c, int error)
{
	c->result = -1;
	c->error = error;
	return leave(c);
}

static bool enforcing(const struct call *c)
{
	return c->knobs->mode == V6_MODE_ENFORCE;
}

static int recall(const struct call *c)
{
	return v6_asked_recall(v6_fact_cookie(c->fd));
}

static bool refused_all(const struct call *c)
{
	return v6_live.broken && v6_fact_family(c->fd) != V6_FAMILY_OTHER;
}

/* Whether a record of this action and finding would be written. */
static bool wanted(const struct call *c)
{
	bool change = c->verdict.action != V6_ACTION_NONE || c->verdict.finding != V6_FINDING_NONE;
	bool binds = c->facts.event == V6_EVENT_BIND || c->facts.event == V6_EVENT_LISTEN;

	return v6_emit_wanted(change ? V6_LEVEL_CHANGE : binds ? V6_LEVEL_BIND : V6_LEVEL_ALL);
}

static struct v6_record record_of(const struct call *c)
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

static void tell_socket(const struct call *c, int protocol)
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

void v6_govern_socket(int fd, int domain, int type, int protocol)
{
	struct call c;

	begin(&c, V6_EVENT_SOCKET, fd);
	called(&c, fd);
	c.facts.family = domain == AF_INET6 ? V6_FAMILY_INET6 : V6_FAMILY_INET;
	c.facts.type = (uint8_t)v6_type_of(type);
	if (fd >= 0 && v6_emit_wanted(V6_LEVEL_CHANGE))
		c.facts.before = known(v6_fact_v6only(fd));
	if (fd >= 0)
		c.verdict = v6_decide(c.knobs, &c.facts);
	if (c.verdict.v6only != V6_UNKNOWN && enforcing(&c) &&
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
static int8_t value_at(const void *value, socklen_t len)
{
	int n = 0;

	if (len < (socklen_t)sizeof(n) || len > INT32_MAX)
		return V6_UNKNOWN;
	if (value && v6_raw_peek_int(value, &n) < 0)
		return V6_UNKNOWN;
	return n != 0;
}

/* What is asked of a socket, judged before it reaches the kernel. */
static void judge_v6only(struct call *c, const void *value, socklen_t len)
{
	int before = v6_fact_v6only(c->fd);

	if (before < 0)
		return; /* no AF_INET6 socket: the kernel's errno */
	c->facts.before = (int8_t)before;
	c->facts.family = V6_FAMILY_INET6;
	c->facts.type = (uint8_t)v6_fact_type(c->fd);
	c->facts.bound = v6_fact_bound(c->fd).port != 0;
	c->facts.value = value_at(value, len);
	c->verdict = v6_decide(c->knobs, &c->facts);
}

static bool may_deny(const struct call *c)
{
	return c->knobs->on_contrary && v6_policy_value(c->knobs->policy) != V6_UNKNOWN;
}

static void tell_v6only(struct call *c)
{
	struct v6_record r = record_of(c);

	r.family = (uint8_t)v6_fact_family(c->fd);
	r.type = (uint8_t)v6_fact_type(c->fd);
	r.proto = v6_fact_proto(c->fd);
	r.after = known(v6_fact_v6only(c->fd));
	if (c->error == EINVAL && c->verdict.action != V6_ACTION_DENY &&
		v6_fact_bound(c->fd).port) {
		r.address = v6_fact_bound(c->fd);
		set_note(&r, "the socket is bound already, and IPV6_V6ONLY can be set before that "
			     "only; whoever bound it (systemd: BindIPv6Only=) has to choose");
	}
	v6_emit(&r);
}

static void judge_outcome(struct call *c, const void *value, socklen_t len)
{
	if (c->result < 0) {
		c->facts.value = value_at(value, len);
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
	struct call c;

	begin(&c, V6_EVENT_SETSOCKOPT, fd);
	if (may_deny(&c))
		judge_v6only(&c, value, len);
	if (c.verdict.deny && enforcing(&c)) {
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

/*
 * V6ONLY as it was before we set it. Without a record it was not read then: it
 * is what the application asked for, or else what every new socket starts with.
 */
static int value_before(const struct call *c)
{
	int value = c->facts.before;

	if (value == V6_UNKNOWN)
		value = recall(c);
	return value == V6_UNKNOWN ? v6_fact_initial_v6only() : value;
}

/* Reads what the policy needs, asks it, and sets V6ONLY where that is its verdict. */
static void prepare(struct call *c)
{
	int before;

	if (!v6_governed(&c->facts))
		return;
	if (v6_emit_wanted(V6_LEVEL_CHANGE)) {
		before = v6_fact_v6only(c->fd);
		if (before < 0)
			return;
		c->facts.before = (int8_t)before;
		if (before != v6_policy_value(c->knobs->policy))
			c->facts.asked = (int8_t)recall(c);
	}
	c->verdict = v6_decide(c->knobs, &c->facts);
	if (c->verdict.v6only == V6_UNKNOWN || !enforcing(c))
		return;
	/* Bound already, raw, or not AF_INET6 at all: the kernel says so, and nothing is ours. */
	c->applied = v6_fact_set_v6only(c->fd, c->verdict.v6only) >= 0;
	if (!c->applied)
		c->verdict.action = V6_ACTION_NONE;
}

/* After a call that failed, or that has nothing to show for it. */
static void settle_failure(struct call *c)
{
	if (!c->error)
		return;
	if (c->applied)
		v6_fact_set_v6only(c->fd, value_before(c));
	c->applied = false;
	c->verdict.action = V6_ACTION_NONE;
}

static void tell_bind(struct call *c)
{
	struct v6_record r;

	c->facts.family = (uint8_t)v6_fact_family(c->fd);
	c->facts.type = (uint8_t)v6_fact_type(c->fd);
	if (c->facts.family == V6_FAMILY_OTHER)
		return;
	if (c->facts.asked == V6_UNKNOWN && c->facts.family == V6_FAMILY_INET6)
		c->facts.asked = (int8_t)recall(c);
	if (c->facts.event == V6_EVENT_LISTEN)
		c->facts.address = v6_fact_bound(c->fd);
	r = record_of(c);
	r.proto = v6_fact_proto(c->fd);
	r.after = known(v6_fact_v6only(c->fd));
	if (!c->error && (c->facts.event == V6_EVENT_LISTEN) == (c->facts.type == V6_TYPE_STREAM)) {
		struct v6_address bound = v6_fact_bound(c->fd);

		r.serves = (uint8_t)v6_serves(&bound, r.after);
	}
	v6_emit(&r);
}

/* Whether memory that bind(2) was given was read by the kernel, and so can be by us. */
static bool kernel_read(const struct call *c, socklen_t len)
{
	return len <= sizeof(struct sockaddr_storage) && c->error != EFAULT && c->error != EBADF &&
	       c->error != ENOTSOCK && c->error != EPERM && c->error != ENOSYS;
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

int v6_govern_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct call c;

	begin(&c, V6_EVENT_BIND, fd);
	if (refused_all(&c))
		return refuse(&c, EINVAL);
	if (v6_live.forced && plausible(addr)) {
		c.facts.address = v6_address_from(addr, len);
		if (v6_address_wildcard(&c.facts.address) && !c.facts.address.port &&
			c.facts.address.family == V6_FAMILY_INET6)
			c.facts.type = (uint8_t)v6_fact_type(fd);
		prepare(&c);
	}
	if (c.facts.before == V6_UNKNOWN && v6_emit_wanted(V6_LEVEL_BIND))
		c.facts.before = known(v6_fact_v6only(fd));
	errno = c.saved;
	called(&c, v6_next.bind(fd, addr, len));
	settle_failure(&c);
	if (wanted(&c)) {
		if (kernel_read(&c, len))
			c.facts.address = v6_address_from(addr, len);
		tell_bind(&c);
	}
	return leave(&c);
}

int v6_govern_listen(int fd, int backlog)
{
	struct call c;

	begin(&c, V6_EVENT_LISTEN, fd);
	if (refused_all(&c))
		return refuse(&c, EINVAL);
	if (v6_live.forced) {
		/* Whether it is bound the kernel tells when V6ONLY is set; mode=log has to ask. */
		if (!enforcing(&c)) {
			c.facts.bound = v6_fact_bound(fd).port != 0;
			c.facts.type = (uint8_t)v6_fact_type(fd);
		}
		prepare(&c);
	}
	if (c.facts.before == V6_UNKNOWN && v6_emit_wanted(V6_LEVEL_BIND))
		c.facts.before = known(v6_fact_v6only(fd));
	errno = c.saved;
	called(&c, v6_next.listen(fd, backlog));
	settle_failure(&c);
	if (wanted(&c))
		tell_bind(&c);
	return leave(&c);
}
