#include "conflict.h"

#include <errno.h>

#include "../core/conflict.h"
#include "asked.h"
#include "descriptors.h"
#include "facts.h"
#include "holder.h"
#include "ports.h"

#include "forbidden.h"

/* The socket that was refused, seen against this process's own. */
struct meeting {
	struct v6_conflict_facts facts;
	const struct v6_call *call;
	struct v6_own_socket other; /* of the other family, in its way; fd -1: none */
	struct v6_own_socket same;
	bool reuseport; /* the application set SO_REUSEPORT on the refused one */
};

static bool in_the_way(const struct meeting *m, const struct v6_own_socket *s)
{
	return v6_addresses_conflict(&m->facts.address, m->facts.v6only, &s->address, s->v6only);
}

/* Whether V6ONLY of a dual-stack socket would be 1 but for policy=both or default-both. */
static bool made_by_policy(const struct v6_call *c, int v6only, int without)
{
	return v6_policy_value(c->knobs->policy) == 0 && v6_call_enforcing(c) && v6only == 0 &&
	       without == 1;
}

static int without_policy(int fd)
{
	int asked = v6_asked_recall(v6_fact_cookie(fd));

	return asked == V6_UNKNOWN ? v6_fact_initial_v6only() : asked;
}

/* The same of the socket that was refused; at listen its bind may be long past. */
static int before_policy(const struct v6_call *c, int v6only)
{
	if (v6only != 0)
		return V6_UNKNOWN;
	return c->applied ? v6_call_before(c) : without_policy(c->fd);
}

static bool meet(const struct v6_own_socket *s, void *context)
{
	struct meeting *m = context;

	if (!in_the_way(m, s))
		return true;
	if (v6_port_family(&s->address) == v6_port_family(&m->facts.address)) {
		m->facts.own_same = true;
		m->facts.reuseport &= m->reuseport && v6_fact_reuseport(s->fd) == 1;
		m->same = *s;
		return true;
	}
	m->facts.own_other = true;
	m->other = *s;
	if (s->v6only == 0 && made_by_policy(m->call, 0, without_policy(s->fd)))
		m->facts.own_other_made = true;
	return true;
}

/* SO_REUSEPORT on every socket of this process that is in the way, and back again. */
struct sharing {
	const struct meeting *meeting;
	unsigned count;
	int fds[32]; /* on which we set it */
};

static bool give_reuseport(const struct v6_own_socket *s, void *context)
{
	struct sharing *sh = context;

	if (!in_the_way(sh->meeting, s) || v6_fact_reuseport(s->fd) != 0)
		return true;
	if (sh->count == sizeof(sh->fds) / sizeof(*sh->fds))
		return false;
	if (v6_fact_set_reuseport(s->fd, 1) >= 0)
		sh->fds[sh->count++] = s->fd;
	return true;
}

static bool try_share(struct v6_call *c, const struct meeting *m)
{
	struct sharing sh = {.meeting = m};
	bool ours = v6_fact_reuseport(c->fd) == 0 && v6_fact_set_reuseport(c->fd, 1) >= 0;

	v6_own_sockets(v6_fact_proto(c->fd), m->facts.address.port, c->fd, give_reuseport, &sh);
	v6_call_make(c);
	if (!c->error)
		return true;
	while (sh.count)
		v6_fact_set_reuseport(sh.fds[--sh.count], 0);
	if (ours)
		v6_fact_set_reuseport(c->fd, 0);
	return false;
}

static bool try_split(struct v6_call *c)
{
	if (v6_fact_set_v6only(c->fd, 1) < 0)
		return false;
	v6_call_make(c);
	if (!c->error)
		return true;
	v6_fact_set_v6only(c->fd, 0);
	return false;
}

/* Whether the plan had V6ONLY=1 in it: what it could not evade is another holder. */
static bool carry_out(struct v6_call *c, const struct meeting *m)
{
	struct v6_attempt attempts[V6_ATTEMPTS_MAX];
	unsigned n = v6_conflict_plan(c->knobs, &m->facts, attempts);
	bool split = n && !attempts[0].share;
	int first = c->error;

	/* With the V6ONLY 1 that the policy would have set there might be no conflict at all. */
	if (!v6_call_enforcing(c) && c->verdict.v6only == 1)
		return false;
	/* Whatever V6ONLY the policy had set counts for nothing any more. */
	c->verdict.action = V6_ACTION_NONE;
	c->verdict.v6only = V6_UNKNOWN;
	if (n && !v6_call_enforcing(c)) {
		c->verdict.action = attempts[0].action;
		c->verdict.v6only = attempts[0].share ? V6_UNKNOWN : 1;
	}
	for (unsigned i = 0; i < n && v6_call_enforcing(c); i++) {
		if (attempts[i].share ? try_share(c, m) : try_split(c)) {
			c->verdict.action = attempts[i].action;
			return false;
		}
	}
	c->result = -1;
	c->error = first;
	return split;
}

/*
 * Where V6ONLY=1 did not help, or with mode=log would not, somebody has IPv6 as
 * well: that one is to be named, and nothing would have been done.
 */
static void name_other_holder(struct v6_call *c, int proto)
{
	struct v6_holder h = {.fd = -1, .uid = -1, .v6only = V6_UNKNOWN};

	v6_holder_find(&h, proto, &c->facts.address, 1, c->text);
	if (!h.known)
		return;
	c->holder = h;
	c->verdict.action = V6_ACTION_NONE;
	c->verdict.v6only = V6_UNKNOWN;
}

static void own_holder(struct v6_call *c, const struct v6_own_socket *s)
{
	c->holder.known = true;
	c->holder.fd = s->fd;
	c->holder.address = s->address;
	c->holder.v6only = s->v6only;
	v6_holder_self(&c->holder);
}

void v6_conflict(struct v6_call *c, bool describe)
{
	struct meeting m = {
		.facts = {.event = c->facts.event, .address = c->facts.address},
		.call = c,
		.other = {.fd = -1},
		.same = {.fd = -1},
	};
	int v6only = v6_fact_v6only(c->fd);
	int proto = v6_fact_proto(c->fd);

	m.facts.v6only = (int8_t)(v6only < 0 ? V6_UNKNOWN : v6only);
	if (c->facts.before == V6_UNKNOWN)
		c->facts.before = c->applied ? (int8_t)v6_call_before(c) : m.facts.v6only;
	m.facts.made = made_by_policy(c, v6only, before_policy(c, v6only));
	m.facts.reuseport = m.reuseport = v6_fact_reuseport(c->fd) == 1;
	v6_own_sockets(proto, c->facts.address.port, c->fd, meet, &m);
	if (m.other.fd >= 0)
		own_holder(c, &m.other);
	else if (m.same.fd >= 0)
		own_holder(c, &m.same);
	else if (describe || c->knobs->on_conflict == V6_CONFLICT_RESOLVE)
		v6_holder_find(&c->holder, proto, &c->facts.address, v6only, c->text);
	m.facts.connection = c->holder.connection;
	if (carry_out(c, &m) && describe)
		name_other_holder(c, proto);
	c->verdict.finding = V6_FINDING_CONFLICT;
}

struct overlap {
	const struct v6_call *call;
	int v6only;
	struct v6_own_socket found;
};

static bool overlaps(const struct v6_own_socket *s, void *context)
{
	struct overlap *o = context;
	const struct v6_address *mine = &o->call->facts.address;

	if (s->address.family == mine->family ||
		!v6_addresses_conflict(mine, o->v6only, &s->address, s->v6only))
		return true;
	o->found = *s;
	return false;
}

void v6_conflict_overlap(struct v6_call *c)
{
	struct v6_address *a = &c->facts.address;
	struct overlap o = {.call = c, .found = {.fd = -1}};
	enum v6_family other = a->family == V6_FAMILY_INET ? V6_FAMILY_INET6 : V6_FAMILY_INET;

	if (!v6_ports_marked(other, a->port) || v6_fact_type(c->fd) != V6_TYPE_DGRAM)
		return;
	o.v6only = v6_fact_v6only(c->fd);
	v6_own_sockets(v6_fact_proto(c->fd), a->port, c->fd, overlaps, &o);
	if (o.found.fd < 0)
		return;
	own_holder(c, &o.found);
	c->verdict.finding = V6_FINDING_CONFLICT;
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

int v6_conflict_other_family(int fd, const struct v6_address *address)
{
	struct pair p = {
		.other = address->family == V6_FAMILY_INET ? V6_FAMILY_INET6 : V6_FAMILY_INET};

	v6_own_sockets(v6_fact_proto(fd), address->port, fd, is_other, &p);
	/* Where not even this socket's own address is told, the others' were not. */
	if (!p.found && v6_fact_bound(fd).family == V6_FAMILY_OTHER)
		return V6_UNKNOWN;
	return p.found;
}
