#include "conflict.h"

#include "facts.h"
#include "holder.h"
#include "suppose.h"

#include "forbidden.h"

static int without_policy(int ask)
{
	int asked = v6_fact_asked(ask);

	return asked == V6_UNKNOWN ? v6_known(v6_fact_initial_v6only()) : asked;
}

int v6_conflict_before(const struct v6_call *c)
{
	return c->record.facts.before != V6_UNKNOWN ? c->record.facts.before
						    : without_policy(c->ask);
}

/*
 * Whether V6ONLY would be 1 but for policy=both or default-both. Whoever may have asked for that
 * and was forgotten is taken to have, and who may have done so in another process as well where
 * that is what new sockets have.
 */
static bool cleared(const struct v6_call *c, const struct v6_rival *r)
{
	unsigned memory = v6_fact_memory(r->ask);
	bool forced = v6_policy_forced(c->knobs->policy), bound, forgotten;

	/* An IPv4 MPTCP socket answers for V6ONLY as well. */
	if (!r->own || r->mapped || r->socket.local.family != V6_FAMILY_INET6 ||
		v6_policy_value(c->knobs->policy) || r->socket.v6only)
		return false;
	/* What a forced policy clears is 1 until the bind; another process may have asked for 0. */
	if (r->ask == c->ask && c->record.facts.before != V6_UNKNOWN &&
		(c->set || (c->record.facts.event == V6_EVENT_BIND && forced)))
		return c->record.facts.before == 1;
	forgotten = memory & (V6_MEMORY_FORGOTTEN | V6_MEMORY_CLEARED);
	bound = v6_port_hinted_at(r->tell, r->socket.local.port);
	/* What was accepted, and so bound by no call, does not tell what its listener was asked for. */
	if (r->socket.peer && !(memory & V6_MEMORY_ASKED) && !bound)
		forgotten |= v6_fact_asked_1();
	/* While nobody has asked for 1 a bind reads what it clears, and remembers it. */
	if (forced && bound && !v6_fact_asked_1())
		return forgotten;
	return forgotten || without_policy(r->ask) == 1;
}

/* Sets or gives back an option of a socket that still is the one it was. */
static void set_reuse(const struct v6_rival *r, bool port, int value)
{
	if (v6_fact_cookie(r->ask) == r->socket.cookie)
		v6_fact_set_reuse(r->ask, port, value);
}

/* Of the own sockets of the other family those that the application did not set it on. */
static void set_others(const struct v6_port *p, bool port, int value)
{
	for (const struct v6_rival *r = p->on.rival; r < p->on.rival + p->on.count; r++)
		if (r->own && !v6_same_family(r, &p->on.self) &&
			!(port ? r->reuseport : r->reuseaddr))
			set_reuse(r, port, value);
}

static bool try_share(struct v6_port *p, const struct v6_attempt *a)
{
	struct v6_call *c = p->call;
	bool port = v6_shares_port(&p->on, a);
	bool ours = port && !p->on.self.reuseport, failed;

	if (ours && v6_type_of_proto(p->on.self.socket.proto) == V6_TYPE_STREAM && v6_port_kept(p))
		return false;
	if (ours)
		set_reuse(&p->on.self, true, 1);
	do {
		set_others(p, port, 1);
		c->way->make(c);
		failed = c->record.error;
	} while (failed && v6_port_ask_connections(p));
	if (failed || !port)
		set_others(p, port, 0);
	if (ours && failed)
		set_reuse(&p->on.self, true, 0);
	c->record.opened = port && !failed;
	return !failed;
}

static bool try_split(struct v6_port *p)
{
	struct v6_call *c = p->call;

	if (v6_fact_set_v6only(c->ask, 1) < 0)
		return false;
	c->way->make(c);
	if (!c->record.error)
		return true;
	if (v6_fact_cookie(c->ask) == p->on.self.socket.cookie)
		v6_fact_set_v6only(c->ask, 0);
	return false;
}

static void carry_out(struct v6_port *p)
{
	struct v6_attempt attempts[V6_ATTEMPTS_MAX];
	struct v6_call *c = p->call;
	unsigned n = v6_conflict_plan(c->knobs, &p->on, attempts);
	struct v6_verdict *v = &c->record.verdict;
	int first = c->record.error;

	/* Whatever V6ONLY the policy had set counts for nothing any more. */
	v->action = V6_ACTION_NONE;
	v->v6only = V6_UNKNOWN;
	for (unsigned i = 0; i < n; i++) {
		if (attempts[i].share ? try_share(p, &attempts[i]) : try_split(p)) {
			v->action = attempts[i].action;
			return;
		}
	}
	c->record.result = -1;
	c->record.error = first;
}

static bool again(struct v6_call *c)
{
	int first = c->record.error;

	c->way->make(c);
	if (!c->record.error)
		return true;
	c->record.result = -1;
	c->record.error = first;
	return false;
}

void v6_conflict_resolve(struct v6_call *c, bool describe)
{
	struct v6_facts *f = &c->record.facts;
	int v6only = v6_known(v6_fact_v6only(c->ask));
	const struct v6_rival *holder;
	struct v6_port p;

	if (f->before == V6_UNKNOWN)
		f->before = c->set ? v6_conflict_before(c) : v6only;
	v6_port_init(&p, c, &f->address, v6only);
	v6_port_ask(&p, true);
	/* A close lasts until who looks at the descriptor just then has done so: FACTS.md, 6. */
	if (!p.on.count && again(c)) {
		v6_port_release(&p);
		return;
	}
	p.on.self.cleared = cleared(c, &p.on.self);
	for (struct v6_rival *r = p.on.rival; r < p.on.rival + p.on.count; r++)
		r->cleared = cleared(c, r);
	carry_out(&p);
	holder = v6_conflict_holder(&p.on, c->record.verdict.action != V6_ACTION_NONE);
	if (holder)
		v6_holder_set(c, holder, describe);
	c->record.verdict.finding = V6_FINDING_CONFLICT;
	v6_port_release(&p);
}

bool v6_conflict_meets(struct v6_call *c, int v6only)
{
	const struct v6_address *a = &c->record.facts.address;
	bool met = false;
	struct v6_port p;

	v6_port_init(&p, c, a, v6only);
	v6_port_ask_hints(&p);
	for (struct v6_rival *r = p.on.rival; r < p.on.rival + p.on.count && !met; r++) {
		bool inet6 = r->socket.local.family == V6_FAMILY_INET6;
		const struct v6_rival *six = inet6 ? r : &p.on.self, *four = inet6 ? &p.on.self : r;

		met = !v6_same_family(r, &p.on.self);
		if (!met)
			continue;
		v6_holder_set(c, r, false);
		c->record.holder.device = six->socket.iface && !four->socket.iface &&
					  v6_address_wildcard(&four->socket.local);
	}
	v6_port_release(&p);
	return met;
}

bool v6_conflict_yields(struct v6_call *c)
{
	struct v6_verdict *v = &c->record.verdict;
	struct v6_facts *f = &c->record.facts;
	const struct v6_address *a = &f->address;

	if (v->v6only || !a->port || !v6_port_hinted(V6_FAMILY_INET, a->port))
		return false;
	/* Another process that has the socket may have asked as well. */
	if (f->before == V6_UNKNOWN)
		f->before = v6_known(v6_fact_v6only(c->ask));
	if (!(v6_conflict_before(c) == 1 || v6_fact_memory(c->ask) & V6_MEMORY_FORGOTTEN) ||
		!v6_conflict_meets(c, 0))
		return false;
	v->v6only = V6_UNKNOWN;
	v->action = V6_ACTION_YIELD;
	v->finding = V6_FINDING_CONFLICT;
	return true;
}

void v6_conflict_bound(struct v6_call *c, bool change)
{
	const struct v6_address *a = &c->record.facts.address;

	if (change && c->record.verdict.finding != V6_FINDING_CONFLICT && a->port &&
		v6_port_hinted(v6_family_other(v6_port_family(a)), a->port) &&
		v6_fact_type(c->ask) == V6_TYPE_DGRAM &&
		v6_conflict_meets(c, v6_known(v6_fact_v6only(c->ask))))
		c->record.verdict.finding = V6_FINDING_CONFLICT;
	if (a->port && a->family == V6_FAMILY_INET6)
		v6_memory_set(v6_memory_port(a->port), V6_MEMORY_MAPPED,
			v6_address_mapped(a) ? V6_MEMORY_MAPPED : 0);
	/* A supervisor's numbers are those of many processes. */
	v6_port_bound(c->record.fd, a,
		c->way->via == V6_VIA_PRELOAD && v6_call_enforces(c) &&
			(!change || (a->port && (c->set || !v6_address_wildcard(a)))));
}

int v6_conflict_other_family(struct v6_call *c)
{
	const struct v6_address *a = &c->record.facts.address;
	bool found = false;
	struct v6_port p;

	v6_port_init(&p, c, a, V6_UNKNOWN);
	p.all = true;
	v6_port_ask(&p, false);
	if (!v6_call_enforces(c))
		v6_suppose_port(&p);
	for (unsigned i = 0; i < p.on.count; i++)
		found |= p.on.rival[i].own && p.on.rival[i].socket.local.port &&
			 p.on.rival[i].socket.local.family != a->family;
	v6_port_release(&p);
	/* Where not even this socket's own address is told, the others' were not. */
	if (!found && v6_fact_bound(c->ask).family == V6_FAMILY_OTHER)
		return V6_UNKNOWN;
	return found;
}
