#include "conflict.h"

#include <stdatomic.h>

#include "../core/resolve.h"
#include "facts.h"
#include "holder.h"

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

/* The socket that was refused, seen against this process's own. */
struct meeting {
	struct v6_conflict conflict;
	struct v6_call *call;
	struct v6_own_socket other; /* of the other family, in its way; tell -1: none */
	struct v6_own_socket same;
	bool reuseport; /* the application set SO_REUSEPORT on the refused one */
};

static bool in_the_way(const struct meeting *m, const struct v6_own_socket *s)
{
	return v6_addresses_conflict(
		&m->conflict.address, m->conflict.v6only, &s->address, s->v6only);
}

/* Whether V6ONLY of a dual-stack socket would be 1 but for policy=both or default-both. */
static bool cleared(const struct v6_call *c, int v6only, int without)
{
	return v6_policy_value(c->knobs->policy) == 0 && v6_call_enforces(c) && v6only == 0 &&
	       without == 1;
}

static bool meet(const struct v6_own_socket *s, void *context)
{
	struct meeting *m = context;

	if (!in_the_way(m, s))
		return true;
	if (v6_port_family(&s->address) == v6_port_family(&m->conflict.address)) {
		m->conflict.own_same = true;
		m->conflict.reuseport &= m->reuseport && v6_fact_reuseport(s->ask) == 1;
		m->same = *s;
	} else {
		m->conflict.own_other = true;
		m->other = *s;
		if (s->v6only == 0 && cleared(m->call, 0, without_policy(s->ask)))
			m->conflict.own_other_cleared = true;
	}
	return true;
}

/* SO_REUSEPORT on every socket of this process that is in the way, and back again. */
struct sharing {
	const struct meeting *meeting;
	unsigned count;
	int fds[32]; /* on which we set it */
};

static bool set_reuseport(const struct v6_own_socket *s, void *context)
{
	struct sharing *sh = context;

	if (!in_the_way(sh->meeting, s) || v6_fact_reuseport(s->ask) != 0)
		return true;
	if (sh->count == sizeof(sh->fds) / sizeof(*sh->fds))
		return false;
	if (v6_fact_set_reuseport(s->ask, 1) >= 0)
		sh->fds[sh->count++] = s->ask;
	return true;
}

static bool try_share(struct v6_call *c, const struct meeting *m)
{
	struct sharing sh = {.meeting = m};
	bool ours = v6_fact_reuseport(c->ask) == 0 && v6_fact_set_reuseport(c->ask, 1) >= 0;

	v6_own_sockets(c, v6_fact_proto(c->ask), m->conflict.address.port, set_reuseport, &sh);
	c->way->make(c);
	if (!c->record.error)
		return true;
	while (sh.count)
		v6_fact_set_reuseport(sh.fds[--sh.count], 0);
	if (ours)
		v6_fact_set_reuseport(c->ask, 0);
	return false;
}

static bool try_split(struct v6_call *c)
{
	if (v6_fact_set_v6only(c->ask, 1) < 0)
		return false;
	c->way->make(c);
	if (!c->record.error)
		return true;
	v6_fact_set_v6only(c->ask, 0);
	return false;
}

/* Whether the plan had V6ONLY=1 in it: what it could not evade is another holder. */
static bool carry_out(struct v6_call *c, const struct meeting *m)
{
	struct v6_attempt attempts[V6_ATTEMPTS_MAX];
	unsigned n = v6_conflict_plan(c->knobs, &m->conflict, attempts);
	struct v6_verdict *v = &c->record.verdict;
	bool split = n && !attempts[0].share;
	int first = c->record.error;

	/* With the V6ONLY 1 that the policy would have set there might be no conflict at all. */
	if (!v6_call_enforces(c) && v->v6only == 1)
		return false;
	/* Whatever V6ONLY the policy had set counts for nothing any more. */
	v->action = V6_ACTION_NONE;
	v->v6only = V6_UNKNOWN;
	if (n && !v6_call_enforces(c)) {
		v->action = attempts[0].action;
		v->v6only = attempts[0].share ? V6_UNKNOWN : 1;
	}
	for (unsigned i = 0; i < n && v6_call_enforces(c); i++) {
		if (attempts[i].share ? try_share(c, m) : try_split(c)) {
			v->action = attempts[i].action;
			return false;
		}
	}
	c->record.result = -1;
	c->record.error = first;
	return split;
}

/*
 * Where V6ONLY=1 did not help, or with mode=log would not, somebody has IPv6 as
 * well: that one is to be named, and nothing would have been done.
 */
static void name_other_holder(struct v6_call *c, int proto)
{
	struct v6_holder h = {.fd = -1, .uid = -1, .v6only = V6_UNKNOWN};

	v6_holder_find(&h, proto, &c->record.facts.address, 1, c->text);
	if (!h.known)
		return;
	c->record.holder = h;
	c->record.verdict.action = V6_ACTION_NONE;
	c->record.verdict.v6only = V6_UNKNOWN;
}

void v6_conflict_resolve(struct v6_call *c, bool describe)
{
	struct v6_facts *f = &c->record.facts;
	struct meeting m = {
		.conflict = {.event = f->event, .address = f->address},
		.call = c,
		.other = {.tell = -1},
		.same = {.tell = -1},
	};
	int v6only = v6_known(v6_fact_v6only(c->ask));
	int proto = v6_fact_proto(c->ask);

	m.conflict.v6only = v6only;
	if (f->before == V6_UNKNOWN)
		f->before = c->set ? v6_conflict_before(c) : v6only;
	/* At listen its bind may be long past. */
	m.conflict.cleared = v6only == 0 &&
			     cleared(c, 0, c->set ? v6_conflict_before(c) : without_policy(c->ask));
	m.conflict.reuseport = m.reuseport = v6_fact_reuseport(c->ask) == 1;
	v6_own_sockets(c, proto, f->address.port, meet, &m);
	v6_holder_own(c, m.other.tell >= 0 ? &m.other : &m.same);
	if (!c->record.holder.known &&
		(describe || c->knobs->on_conflict == V6_ON_CONFLICT_RESOLVE))
		v6_holder_find(&c->record.holder, proto, &f->address, v6only, c->text);
	m.conflict.connection = c->record.holder.connection;
	if (carry_out(c, &m) && describe)
		name_other_holder(c, proto);
	c->record.verdict.finding = V6_FINDING_CONFLICT;
}

/*
 * A hint, no truth: which ports this process has bound in each family. It costs no system
 * call to keep, and only says when the kernel is worth asking. Never forgotten, inherited
 * by fork.
 */
static _Atomic uint32_t ports[2][65536 / 32];

static _Atomic uint32_t *hint(enum v6_family family, uint16_t port)
{
	return &ports[family == V6_FAMILY_INET6][port / 32];
}

struct overlap {
	const struct v6_address *address;
	int v6only;
	struct v6_own_socket found;
};

static bool overlaps(const struct v6_own_socket *s, void *context)
{
	struct overlap *o = context;

	if (s->address.family == o->address->family ||
		!v6_addresses_conflict(o->address, o->v6only, &s->address, s->v6only))
		return true;
	o->found = *s;
	return false;
}

void v6_conflict_bound(struct v6_call *c, bool describe)
{
	const struct v6_address *a = &c->record.facts.address;
	struct overlap o = {.address = a, .found = {.tell = -1}};
	uint32_t bit = UINT32_C(1) << a->port % 32;
	bool other = atomic_load_explicit(
			     hint(v6_family_other(a->family), a->port), memory_order_relaxed) &
		     bit;

	atomic_fetch_or_explicit(hint(a->family, a->port), bit, memory_order_relaxed);
	if (!describe || !other || v6_fact_type(c->ask) != V6_TYPE_DGRAM)
		return;
	o.v6only = v6_known(v6_fact_v6only(c->ask));
	v6_own_sockets(c, v6_fact_proto(c->ask), a->port, overlaps, &o);
	if (o.found.tell < 0)
		return;
	v6_holder_own(c, &o.found);
	c->record.verdict.finding = V6_FINDING_CONFLICT;
}

struct pair {
	enum v6_family other;
	int found;
};

static bool is_other(const struct v6_own_socket *s, void *context)
{
	struct pair *p = context;

	p->found = s->address.family == p->other;
	return !p->found;
}

int v6_conflict_other_family(struct v6_call *c)
{
	const struct v6_address *a = &c->record.facts.address;
	struct pair p = {.other = v6_family_other(a->family)};

	v6_own_sockets(c, v6_fact_proto(c->ask), a->port, is_other, &p);
	/* Where not even this socket's own address is told, the others' were not. */
	if (!p.found && v6_fact_bound(c->ask).family == V6_FAMILY_OTHER)
		return V6_UNKNOWN;
	return p.found;
}
