#include "policy.h"

#include <sys/socket.h>

static const struct v6_verdict nothing = {.v6only = V6_UNKNOWN};

void v6_facts_init(struct v6_facts *f, enum v6_event event)
{
	*f = (struct v6_facts){.event = event};
	f->bound = f->listener = f->asked = f->before = f->other = V6_UNKNOWN;
}

int v6_policy_value(enum v6_policy policy)
{
	return policy == V6_POLICY_APP
		       ? V6_UNKNOWN
		       : policy == V6_POLICY_IPV6_ONLY || policy == V6_POLICY_DEFAULT_IPV6_ONLY;
}

bool v6_policy_forced(enum v6_policy policy)
{
	return policy == V6_POLICY_IPV6_ONLY || policy == V6_POLICY_BOTH;
}

/* An initial value, which is set as soon as there is a socket. */
static bool initial(const struct v6_knobs *knobs)
{
	return knobs->policy != V6_POLICY_APP && !v6_policy_forced(knobs->policy);
}

/* Of two families in an order. */
static bool is_first(const struct v6_knobs *knobs, const struct v6_address *a)
{
	return (a->family == V6_FAMILY_INET6) == (knobs->order == V6_ORDER_IPV6_FIRST);
}

/*
 * `::` is governed (DESIGN.md 1.2); without a port only a stream that is no client's, which
 * binds so before it connects and sets no SO_REUSEADDR.
 */
static bool governed_address(const struct v6_address *a)
{
	return a->family == V6_FAMILY_INET6 && v6_address_wildcard(a);
}

/*
 * A single address of either family is not half of a pair, and one that has no port
 * yet has no other half.
 */
static bool ordered_address(const struct v6_knobs *knobs, const struct v6_address *a)
{
	return knobs->order != V6_ORDER_APP && a->port && v6_address_wildcard(a);
}

static unsigned bind_needs(const struct v6_knobs *knobs, const struct v6_address *a)
{
	unsigned needs = 0;

	if (v6_policy_forced(knobs->policy) && governed_address(a))
		needs |= V6_NEED_VERDICT |
			 (a->port && knobs->mode != V6_MODE_LOG ? 0 : V6_NEED_TYPE) |
			 (a->port ? 0 : V6_NEED_LISTENER);
	/* The family that comes second is never found out of order, and only a deny stops it. */
	if (ordered_address(knobs, a) && (knobs->on_disorder || is_first(knobs, a)))
		needs |= V6_NEED_VERDICT | V6_NEED_OTHER | V6_NEED_TYPE;
	return needs;
}

unsigned v6_policy_needs(
	const struct v6_knobs *knobs, enum v6_event event, const struct v6_address *a)
{
	if (event == V6_EVENT_BIND)
		return bind_needs(knobs, a);
	if (event == V6_EVENT_SOCKET && initial(knobs))
		return V6_NEED_VERDICT;
	if (event == V6_EVENT_LISTEN && v6_policy_forced(knobs->policy))
		return V6_NEED_VERDICT |
		       (knobs->mode == V6_MODE_LOG ? V6_NEED_TYPE | V6_NEED_BOUND : 0);
	if (event == V6_EVENT_SETSOCKOPT &&
		(knobs->on_nonboolean || (knobs->on_contrary && knobs->policy != V6_POLICY_APP)))
		return V6_NEED_VERDICT | V6_NEED_FAMILY | V6_NEED_TYPE | V6_NEED_BOUND |
		       V6_NEED_VALUE;
	return 0;
}

/* What the kernel refuses anyway keeps the kernel's errno. */
static void deny(struct v6_verdict *v, int error, const struct v6_facts *f)
{
	if (!error || v->deny || f->bound == 1 || f->type == V6_TYPE_RAW)
		return;
	v->action = V6_ACTION_DENY;
	v->deny = error;
}

static struct v6_verdict decide_setsockopt(const struct v6_knobs *knobs, const struct v6_facts *f)
{
	struct v6_verdict v = nothing;
	int want = v6_policy_value(knobs->policy);

	/* An AF_INET socket has no V6ONLY, and the kernel says so (ENOPROTOOPT). */
	if (f->asked == V6_UNKNOWN || f->family == V6_FAMILY_INET)
		return v;
	if (f->nonboolean)
		deny(&v, knobs->on_nonboolean, f);
	if (want == V6_UNKNOWN || f->asked == want)
		return v;
	v.finding = V6_FINDING_CONTRARY;
	deny(&v, knobs->on_contrary, f);
	return v;
}

int v6_decide_mapped(const struct v6_knobs *knobs, const struct v6_facts *f)
{
	return f->event == V6_EVENT_BIND && f->before == 1 && f->bound == 0 &&
			       v6_address_mapped(&f->address)
		       ? knobs->on_mapped
		       : 0;
}

/* The turn of the family that binds, where there is an order. */
static struct v6_verdict decide_turn(const struct v6_knobs *knobs, const struct v6_facts *f)
{
	bool first = is_first(knobs, &f->address);
	struct v6_verdict v = nothing;

	if (f->event != V6_EVENT_BIND || !ordered_address(knobs, &f->address) ||
		f->type == V6_TYPE_RAW || f->type == V6_TYPE_OTHER || f->other == V6_UNKNOWN)
		return v;
	if (first && f->other)
		v.finding = V6_FINDING_DISORDER;
	if (!first && !f->other && knobs->on_disorder) {
		v.finding = V6_FINDING_DISORDER;
		v.action = V6_ACTION_DENY;
		v.deny = knobs->on_disorder;
	}
	return v;
}

/*
 * With a port the type need not be known, and at listen `bound` need not: the
 * kernel refuses V6ONLY on what is bound, and on any family but AF_INET6.
 */
static bool governed(const struct v6_knobs *knobs, const struct v6_facts *f)
{
	/* The kernel answers EINVAL for V6ONLY on a raw socket, whatever its state. */
	if (f->family == V6_FAMILY_INET || f->type == V6_TYPE_RAW)
		return false;
	if (f->event == V6_EVENT_SOCKET)
		return initial(knobs) && f->family == V6_FAMILY_INET6;
	if (!v6_policy_forced(knobs->policy) || f->type == V6_TYPE_OTHER)
		return false;
	if (f->event == V6_EVENT_LISTEN)
		return f->bound != 1 && (f->type == V6_TYPE_STREAM || f->type == V6_TYPE_UNKNOWN);
	return f->event == V6_EVENT_BIND && governed_address(&f->address) &&
	       (f->address.port || (f->type == V6_TYPE_STREAM && f->listener == 1));
}

enum v6_finding v6_decide_serving(
	const struct v6_knobs *knobs, const struct v6_address *bound, int v6only, int asked)
{
	int want = v6_policy_value(knobs->policy);
	bool forced = v6_policy_forced(knobs->policy);

	if (want == V6_UNKNOWN || !v6_address_wildcard(bound))
		return V6_FINDING_NONE;
	if (bound->family == V6_FAMILY_INET)
		return forced ? V6_FINDING_IPV4_SOCKET : V6_FINDING_NONE;
	if (v6only == V6_UNKNOWN || v6only == want || (!forced && asked != V6_UNKNOWN))
		return V6_FINDING_NONE;
	return V6_FINDING_UNENFORCED;
}

struct v6_verdict v6_decide(const struct v6_knobs *knobs, const struct v6_facts *f)
{
	int want = v6_policy_value(knobs->policy);
	struct v6_verdict v;

	if (f->event == V6_EVENT_SETSOCKOPT)
		return decide_setsockopt(knobs, f);
	v = decide_turn(knobs, f);
	if (v.deny || !governed(knobs, f) || f->before == want)
		return v;
	v.v6only = want;
	v.action = f->asked != V6_UNKNOWN && f->asked != want ? V6_ACTION_OVERRIDE : V6_ACTION_SET;
	return v;
}

struct v6_families v6_order_families(const struct addrinfo *list)
{
	struct v6_families f = {0, 0};

	for (; list && f.count < V6_FAMILIES_MAX; list = list->ai_next)
		f.inet6 |= (uint32_t)(list->ai_family == AF_INET6) << f.count++;
	return f;
}

static bool is_second(enum v6_order order, const struct addrinfo *ai)
{
	return ai->ai_family != (order == V6_ORDER_IPV6_FIRST ? AF_INET6 : AF_INET);
}

bool v6_order_changes(enum v6_order order, const struct addrinfo *list)
{
	bool second = false;

	for (; list && order != V6_ORDER_APP; list = list->ai_next) {
		if (second && !is_second(order, list))
			return true;
		second |= is_second(order, list);
	}
	return false;
}

struct addrinfo *v6_order_apply(enum v6_order order, struct addrinfo *list)
{
	struct addrinfo *head[2] = {NULL, NULL}, **tail[2] = {&head[0], &head[1]};
	char *name = list ? list->ai_canonname : NULL;

	if (order == V6_ORDER_APP || !list)
		return list;
	for (struct addrinfo *next, *ai = list; ai; ai = next) {
		int part = is_second(order, ai);

		next = ai->ai_next;
		*tail[part] = ai;
		tail[part] = &ai->ai_next;
	}
	*tail[1] = NULL;
	*tail[0] = head[1];
	if (head[0] != list && !head[0]->ai_canonname) {
		head[0]->ai_canonname = name;
		list->ai_canonname = NULL;
	}
	return head[0];
}
