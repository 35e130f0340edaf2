#include "policy.h"

#include "order.h"

static const struct v6_verdict nothing = {.v6only = V6_UNKNOWN};

int v6_policy_value(enum v6_policy policy)
{
	switch (policy) {
	case V6_POLICY_IPV6_ONLY:
	case V6_POLICY_DEFAULT_IPV6_ONLY:
		return 1;
	case V6_POLICY_BOTH:
	case V6_POLICY_DEFAULT_BOTH:
		return 0;
	default:
		return V6_UNKNOWN;
	}
}

bool v6_policy_forced(enum v6_policy policy)
{
	return policy == V6_POLICY_IPV6_ONLY || policy == V6_POLICY_BOTH;
}

static bool governed_bind(const struct v6_facts *f)
{
	if (f->address.family != V6_FAMILY_INET6 || !v6_address_wildcard(&f->address))
		return false;
	switch (f->type) {
	case V6_TYPE_STREAM:
		return true;
	case V6_TYPE_RAW:
	case V6_TYPE_OTHER:
		return false;
	default:
		return f->address.port != 0;
	}
}

static bool governed_listen(const struct v6_facts *f)
{
	return f->bound != 1 && (f->type == V6_TYPE_STREAM || f->type == V6_TYPE_UNKNOWN);
}

bool v6_governed(const struct v6_facts *f)
{
	if (f->family == V6_FAMILY_INET)
		return false;
	if (f->event == V6_EVENT_BIND)
		return governed_bind(f);
	return f->event == V6_EVENT_LISTEN && governed_listen(f);
}

static struct v6_verdict decide_set(int want, const struct v6_facts *f)
{
	struct v6_verdict v = nothing;

	if (f->before == want)
		return v;
	v.v6only = (int8_t)want;
	v.action = f->asked != V6_UNKNOWN && f->asked != want ? V6_ACTION_OVERRIDE : V6_ACTION_SET;
	return v;
}

static struct v6_verdict decide_socket(const struct v6_knobs *knobs, const struct v6_facts *f)
{
	int want = v6_policy_value(knobs->policy);

	/* The kernel answers EINVAL for V6ONLY on a raw socket, whatever its state. */
	if (want == V6_UNKNOWN || v6_policy_forced(knobs->policy) || f->family != V6_FAMILY_INET6 ||
		f->type == V6_TYPE_RAW)
		return nothing;
	return decide_set(want, f);
}

/* What the kernel refuses anyway keeps the kernel's errno. */
static void deny(struct v6_verdict *v, int error, const struct v6_facts *f)
{
	if (!error || v->deny || f->bound == 1 || f->family == V6_FAMILY_INET ||
		f->type == V6_TYPE_RAW)
		return;
	v->action = V6_ACTION_DENY;
	v->deny = error;
}

static struct v6_verdict decide_setsockopt(const struct v6_knobs *knobs, const struct v6_facts *f)
{
	struct v6_verdict v = nothing;
	int want = v6_policy_value(knobs->policy);

	if (f->value == V6_UNKNOWN)
		return v;
	if (f->odd)
		deny(&v, knobs->on_nonboolean, f);
	if (want == V6_UNKNOWN || f->value == want)
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

bool v6_ordered(const struct v6_knobs *knobs, const struct v6_facts *f)
{
	return knobs->order != V6_ORDER_APP && f->event == V6_EVENT_BIND && f->address.port &&
	       v6_address_wildcard(&f->address) && f->type != V6_TYPE_RAW &&
	       f->type != V6_TYPE_OTHER;
}

/* The turn of the family that binds, where there is an order. */
static struct v6_verdict decide_turn(const struct v6_knobs *knobs, const struct v6_facts *f)
{
	struct v6_verdict v = nothing;
	bool first = f->address.family == v6_order_first(knobs->order);

	if (!v6_ordered(knobs, f) || f->other == V6_UNKNOWN)
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

static struct v6_verdict decide_bind(const struct v6_knobs *knobs, const struct v6_facts *f)
{
	struct v6_verdict turn = decide_turn(knobs, f), v;

	if (turn.deny || !v6_policy_forced(knobs->policy) || !v6_governed(f))
		return turn;
	v = decide_set(v6_policy_value(knobs->policy), f);
	v.finding = turn.finding;
	return v;
}

struct v6_verdict v6_decide(const struct v6_knobs *knobs, const struct v6_facts *f)
{
	switch (f->event) {
	case V6_EVENT_SOCKET:
		return decide_socket(knobs, f);
	case V6_EVENT_SETSOCKOPT:
		return decide_setsockopt(knobs, f);
	case V6_EVENT_BIND:
	case V6_EVENT_LISTEN:
		return decide_bind(knobs, f);
	default:
		return nothing;
	}
}
