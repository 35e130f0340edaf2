#include "serving.h"

#include "../core/advice.h"
#include "conflict.h"
#include "emit.h"
#include "facts.h"
#include "holder.h"
#include "suppose.h"

#include "forbidden.h"

bool v6_serving(struct v6_call *c)
{
	struct v6_facts *f = &c->record.facts;

	if (f->event == V6_EVENT_LISTEN)
		return true;
	if (!f->address.port)
		return false;
	f->type = v6_fact_type(c->ask);
	if (f->event == V6_EVENT_BIND)
		return f->type == V6_TYPE_DGRAM;
	return f->type == V6_TYPE_DGRAM ? !v6_fact_connected(c->ask)
					: v6_fact_listening(c->ask) == 1;
}

/* A worker that was handed the pair listens on what its master's policy gave way for, IPv4 before. */
static bool gave_way(struct v6_call *c, int want)
{
	const struct v6_holder holder = c->record.holder;
	bool gave = !want && v6_port_hinted(V6_FAMILY_INET, c->record.facts.address.port) &&
		    v6_conflict_meets(c, want);

	c->record.holder = holder; /* this is no conflict */
	return gave;
}

void v6_serving_examine(struct v6_call *c)
{
	struct v6_record *r = &c->record;
	struct v6_facts *f = &r->facts;
	int want = v6_policy_value(c->knobs->policy), probe = 0, asked = V6_UNKNOWN;
	unsigned marks;

	/* What was decided about is in force, or has its reason, or (mode=log) would be. */
	if (want == V6_UNKNOWN || r->verdict.action != V6_ACTION_NONE ||
		r->verdict.finding != V6_FINDING_NONE || f->before == want ||
		!v6_emit_wants(V6_LOG_LEVEL_CHANGE))
		return;
	if (f->event == V6_EVENT_LISTEN) {
		f->address = v6_fact_bound(c->ask);
		v6_port_bound(c->record.fd, &f->address, false);
	}
	if (!v6_address_wildcard(&f->address) || !v6_serving(c))
		return;
	if (f->address.family == V6_FAMILY_INET6) {
		r->after = v6_known(v6_fact_v6only(c->ask));
		if (v6_suppose_v6only(c->ask, r->after) == want)
			return;
		/* Bound as it is it changes nothing: EINVAL, unless a filter refuses the option. */
		probe = v6_fact_set_v6only(c->ask, r->after == V6_UNKNOWN ? want : r->after);
		asked = v6_fact_asked(c->ask);
		f->before = f->before == V6_UNKNOWN ? r->after : f->before;
	}
	r->verdict.finding = v6_decide_serving(
		c->knobs, &f->address, v6_fact_refused(probe) ? !want : r->after, asked);
	if (r->verdict.finding == V6_FINDING_IPV4_SOCKET) {
		r->proto = v6_fact_proto(c->ask);
		if (v6_emit_first(r->proto, f->address.port))
			r->note = v6_slice_of(V6_ADVICE_IPV4);
		else
			r->verdict.finding = V6_FINDING_NONE;
	} else if (r->verdict.finding == V6_FINDING_UNENFORCED) {
		marks = v6_memory_set(v6_fact_cookie(c->ask), 0, V6_MEMORY_SETTLED);
		if (marks & V6_MEMORY_SETTLED || gave_way(c, want) ||
			(marks & V6_MEMORY_CLIENT && f->type == V6_TYPE_DGRAM))
			r->verdict.finding = V6_FINDING_NONE;
		r->note = v6_slice_of(v6_fact_refused(probe)     ? V6_ADVICE_FILTERED
				      : marks & V6_MEMORY_CLIENT ? V6_ADVICE_CLIENT
								 : V6_ADVICE_BOUND);
	}
}

void v6_serving_mark(const struct v6_call *c)
{
	const struct v6_facts *f = &c->record.facts;
	enum v6_action action = c->record.verdict.action;

	if (action == V6_ACTION_YIELD || action == V6_ACTION_SPLIT)
		v6_memory_set(v6_fact_cookie(c->ask), 0, V6_MEMORY_SETTLED);
	else if (f->event == V6_EVENT_BIND && f->address.family == V6_FAMILY_INET6 &&
		 v6_address_wildcard(&f->address) && !f->address.port && action == V6_ACTION_NONE &&
		 v6_policy_forced(c->knobs->policy) &&
		 f->before != v6_policy_value(c->knobs->policy))
		v6_memory_set(v6_fact_cookie(c->ask), 0, V6_MEMORY_CLIENT);
}

void v6_inherit_visit(struct v6_slice listen_fds, struct v6_slice listen_pid, int pid,
	void (*visit)(int fd, void *context), void *context)
{
	enum { FIRST = 3, MOST = 4096 };
	uint64_t count = 0, whose;

	if (!v6_emit_wants(V6_LOG_LEVEL_CHANGE))
		return;
	visit(0, context);
	if (!v6_slice_uint(listen_pid, INT32_MAX, &whose) || whose != (uint64_t)pid ||
		!v6_slice_uint(listen_fds, MOST, &count))
		return;
	for (int fd = FIRST; count--; fd++)
		visit(fd, context);
}
