#include "conflict.h"

#include <errno.h>
#include <stdatomic.h>

#include "../core/advice.h"
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
	/* What was accepted, bound by no call, does not tell what its listener was asked for. */
	if (r->socket.peer && !(memory & V6_MEMORY_ASKED) && !bound)
		forgotten |= v6_fact_asked_1();
	/* While nobody has asked for 1 a bind reads what it clears, and remembers it. */
	if (forced && bound && !v6_fact_asked_1())
		return forgotten;
	return forgotten || without_policy(r->ask) == 1;
}

/* What is tried: with mode=log on what is known of the sockets alone. */

/*
 * Whether the port is refused: 0, 1 or V6_UNKNOWN. With mode=log who is in the way now comes first,
 * and whether the kernel would refuse it: see v6_conflict_refused().
 */
static int try(struct v6_port *p)
{
	unsigned n = 0;

	if (v6_call_enforces(p->call)) {
		p->call->way->make(p->call);
		return p->call->record.error != 0;
	}
	for (unsigned i = 0; i < p->found; i++) {
		struct v6_rival r = p->on.rival[i];

		if (!v6_in_the_way(&p->on.self.socket, &r.socket))
			continue;
		p->on.rival[i] = p->on.rival[n];
		p->on.rival[n++] = r;
	}
	p->on.count = n;
	return v6_conflict_refused(&p->on);
}

/* Sets or gives back what the application did not set, of a socket that still is the one it was. */
static void set_reuse(const struct v6_port *p, struct v6_rival *r, int name, int value)
{
	int *has = name == SO_REUSEPORT ? &r->reuseport : &r->reuseaddr;

	if (*has)
		return;
	if (!v6_call_enforces(p->call)) {
		*has = value;
		if (name == SO_REUSEPORT)
			v6_memory_set(r->socket.cookie, 0, V6_MEMORY_REUSEPORT);
	} else if (v6_fact_cookie(r->ask) == r->socket.cookie) {
		v6_fact_set(r->ask, SOL_SOCKET, name, value);
	}
}

/* Of the own sockets of the other family, and SO_REUSEPORT of this one. */
static void set_all(struct v6_port *p, int name, int value)
{
	for (struct v6_rival *r = p->on.rival; r < p->on.rival + p->on.count; r++)
		if (r->own && !v6_same_family(r, &p->on.self))
			set_reuse(p, r, name, value);
	if (name == SO_REUSEPORT)
		set_reuse(p, &p->on.self, name, value);
}

static int try_share(struct v6_port *p, const struct v6_attempt *a)
{
	bool port = v6_shares_port(&p->on, a), real = v6_call_enforces(p->call);
	int name = port ? SO_REUSEPORT : SO_REUSEADDR, no;

	if (real && port && !p->on.self.reuseport &&
		v6_type_of_proto(p->on.self.socket.proto) == V6_TYPE_STREAM && v6_port_kept(p))
		return 1;
	do {
		set_all(p, name, 1);
		no = try(p);
	} while (real && no && v6_port_ask_connections(p));
	if (no == 1 || !port)
		set_all(p, name, 0);
	p->call->record.opened = real && port && !no;
	return no;
}

static int try_split(struct v6_port *p)
{
	struct v6_rival *self = &p->on.self;
	bool real = v6_call_enforces(p->call);
	int no;

	if (real && v6_fact_set_v6only(self->ask, 1) < 0)
		return 1;
	self->socket.v6only = 1;
	no = try(p);
	if (no != 1)
		return no;
	self->socket.v6only = 0;
	if (real && v6_fact_cookie(self->ask) == self->socket.cookie)
		v6_fact_set_v6only(self->ask, 0);
	return no;
}

/* Carries the plan out; what comes of it as try() tells. */
static int carry_out(struct v6_port *p)
{
	struct v6_attempt attempts[V6_ATTEMPTS_MAX];
	unsigned n = v6_conflict_plan(p->call->knobs, &p->on, attempts);
	struct v6_verdict *v = &p->call->record.verdict;
	int no = 1;

	/* Whatever V6ONLY the policy had set counts for nothing any more. */
	*v = (struct v6_verdict){V6_UNKNOWN, V6_ACTION_NONE, V6_FINDING_CONFLICT, 0};
	for (unsigned i = 0; i < n && no == 1; i++) {
		no = attempts[i].share ? try_share(p, &attempts[i]) : try_split(p);
		v->action = no ? V6_ACTION_NONE : attempts[i].action;
	}
	return no;
}

/* As resolve; false: who was found to have the port is not who has it now, and there are tries left. */
static bool resolve_once(struct v6_call *c, int v6only, int *tries)
{
	enum { IN_VAIN = 8 }; /* what it counts for that there is nobody */
	const struct v6_verdict was = c->record.verdict;
	const struct v6_rival *holder;
	struct v6_port p;
	bool over = true;

	v6_port_init(&p, c, v6only);
	v6_port_ask(&p, true);
	/* A close lasts until who looks at the descriptor just then has done so: FACTS.md, 6. */
	if (p.found || try(&p)) {
		p.on.self.cleared = cleared(c, &p.on.self);
		for (struct v6_rival *r = p.on.rival; r < p.on.rival + p.found; r++)
			r->cleared = cleared(c, r);
		*tries -= p.found ? 1 : IN_VAIN;
		over = !carry_out(&p) || *tries <= 0 || !v6_port_changed(&p);
		holder = v6_conflict_holder(&p.on, c->record.verdict.action != V6_ACTION_NONE);
		if (over && holder)
			v6_holder_set(c, holder);
	}
	v6_port_release(&p);
	if (!over)
		c->record.verdict = was;
	return over;
}

void v6_conflict_resolve(struct v6_call *c)
{
	enum { TRIES = 64 };
	struct v6_facts *f = &c->record.facts;
	int v6only = v6_known(v6_fact_v6only(c->ask)), first = c->record.error, tries = 1;

	if (f->before == V6_UNKNOWN)
		f->before = c->set ? v6_conflict_before(c) : v6only;
	/* Threads of this process may open and close sockets there meanwhile, which these let live together. */
	if (c->knobs->on_conflict != V6_ON_CONFLICT_FAIL || !v6_policy_value(c->knobs->policy))
		tries = TRIES;
	while (!resolve_once(c, v6only, &tries) && (c->way->make(c), c->record.error))
		;
	if (c->record.error) {
		c->record.result = -1;
		c->record.error = first;
	}
}

bool v6_conflict_yields(struct v6_call *c)
{
	struct v6_verdict *v = &c->record.verdict;
	struct v6_facts *f = &c->record.facts;

	/* Another process that has the socket may have asked as well. */
	if (f->before == V6_UNKNOWN)
		f->before = v6_known(v6_fact_v6only(c->ask));
	if (!(v6_conflict_before(c) == 1 || v6_fact_memory(c->ask) & V6_MEMORY_FORGOTTEN) ||
		!v6_port_meets(c, 0))
		return false;
	v->v6only = V6_UNKNOWN;
	v->action = V6_ACTION_YIELD;
	v->finding = V6_FINDING_CONFLICT;
	return true;
}

/* mode=log */

/* Of its bind or listen nothing is known. */
enum { UNDECIDED = V6_MEMORY_REFUSED | V6_MEMORY_SILENT };

/* Sockets that only enforce would have let have their port. */
enum { FREE, BUSY, THERE };
static struct {
	atomic_uint state;
	int pid; /* as in v6_record */
	struct v6_rival rival;
} phantoms[V6_PHANTOMS_MAX];
static atomic_bool full; /* there were more */

/* The next one on the call's port from *i on, or NULL. */
static const struct v6_rival *next_phantom(const struct v6_call *c, int proto, unsigned *i)
{
	while (*i < V6_PHANTOMS_MAX) {
		unsigned n = (*i)++;
		const struct v6_diag_socket *s = &phantoms[n].rival.socket;

		if (atomic_load(&phantoms[n].state) == THERE && phantoms[n].pid == c->record.pid &&
			s->local.port == c->record.facts.address.port &&
			v6_port_space(s->proto) == v6_port_space(proto))
			return &phantoms[n].rival;
	}
	return NULL;
}

/* One that is bound there again is that one: the program tries once more. */
static bool same_place(const struct v6_rival *a, const struct v6_rival *b)
{
	return a->socket.local.family == b->socket.local.family &&
	       !memcmp(a->socket.local.bytes, b->socket.local.bytes, sizeof(a->socket.local.bytes));
}

/* In place of what is remembered of its place: the socket, or nothing. */
static void set_phantom(const struct v6_port *p, bool there)
{
	const struct v6_rival *self = &p->on.self, *old;
	unsigned i = 0, state;

	while ((old = next_phantom(p->call, self->socket.proto, &i)))
		if (same_place(old, self))
			atomic_store(&phantoms[i - 1].state, FREE);
	for (i = 0; there && i < V6_PHANTOMS_MAX; i++) {
		state = FREE;
		if (!atomic_compare_exchange_strong(&phantoms[i].state, &state, BUSY))
			continue;
		phantoms[i].pid = p->call->record.pid;
		phantoms[i].rival = *self;
		atomic_store(&phantoms[i].state, THERE);
		return;
	}
	if (there)
		atomic_store(&full, true);
}

/* What is remembered of it that counts of own sockets and phantoms alike. */
static unsigned suppose_rival(struct v6_port *p, struct v6_rival *r)
{
	unsigned memory = v6_memory(r->socket.cookie);

	if ((memory & UNDECIDED) == UNDECIDED)
		p->why = V6_ADVICE_OTHER_WAY;
	if (memory & V6_MEMORY_REUSEPORT)
		r->reuseport = 1;
	return memory;
}

static void suppose_own(struct v6_port *p, struct v6_rival *r)
{
	unsigned memory = suppose_rival(p, r);
	int v6only = v6_memory_value(memory, V6_MEMORY_V6ONLY);

	if (memory & V6_MEMORY_FORGOTTEN)
		p->why = V6_ADVICE_FORGOTTEN;
	if (memory & V6_MEMORY_REFUSED)
		r->socket.local.port = 0;
	if (memory & V6_MEMORY_SILENT)
		r->socket.state = V6_STATE_CLOSE;
	if (v6only == V6_UNKNOWN)
		return;
	r->cleared = r->socket.v6only == 1 && !v6only;
	r->socket.v6only = (int8_t)v6only;
}

/* Makes all that have the port what they would be, at port 0 those that would not have it. */
static void suppose_rivals(struct v6_port *p)
{
	const struct v6_rival *phantom;

	if (p->on.partial || atomic_load(&full))
		p->why = V6_ADVICE_FORGOTTEN;
	for (struct v6_rival *r = p->on.rival; r < p->on.rival + p->found; r++) {
		if (r->own)
			suppose_own(p, r);
		/* Under these settings it would be without IPv4; are they its own? */
		else if (r->socket.v6only == 0 && v6_policy_value(p->call->knobs->policy) == 1)
			r->socket.v6only = V6_UNKNOWN;
	}
	for (unsigned i = 0; (phantom = next_phantom(p->call, p->on.self.socket.proto, &i));) {
		struct v6_rival *r = p->on.rival, would = *phantom;

		if (same_place(phantom, &p->on.self))
			continue;
		suppose_rival(p, &would);
		while (r < p->on.rival + p->found && r->socket.cookie != phantom->socket.cookie)
			r++;
		if (r == p->on.rival + p->found)
			r = v6_port_add(p, &phantom->socket);
		if (!r)
			continue;
		would.ask = r->ask;
		*r = would;
	}
}

int v6_conflict_other_family(struct v6_call *c)
{
	const struct v6_address *a = &c->record.facts.address;
	bool found = false;
	struct v6_port p;

	v6_port_init(&p, c, V6_UNKNOWN);
	p.all = true;
	v6_port_ask(&p, false);
	if (!v6_call_enforces(c))
		suppose_rivals(&p);
	for (unsigned i = 0; i < p.found; i++)
		found |= p.on.rival[i].own && p.on.rival[i].socket.local.port &&
			 p.on.rival[i].socket.local.family != a->family;
	v6_port_release(&p);
	/* Where not even this socket's own address is told, the others' were not. */
	if (!found && v6_fact_bound(c->ask).family == V6_FAMILY_OTHER)
		return V6_UNKNOWN;
	return found;
}

/* Whom the record names: where nothing helps, or where something does. */
static void find_holders(const struct v6_conflict *f, struct v6_rival holder[2])
{
	for (int helps = 0; f->count && helps < 2; helps++)
		holder[helps] = *v6_conflict_holder(f, helps);
}

/* The outcome on a port that is bound or listened on: errno or 0; and V6ONLY, as it would be. */
static int suppose_port(struct v6_call *c, int real, int *v6only)
{
	struct v6_record *r = &c->record;
	bool bind = r->facts.event == V6_EVENT_BIND;
	struct v6_rival holder[2] = {{.own = false}}, *self;
	const struct v6_rival *other;
	struct v6_port p;
	bool let;
	int no;

	v6_port_init(&p, c, real);
	self = &p.on.self;
	p.all = true;
	v6_port_ask(&p, r->error == EADDRINUSE);
	/* The kernel let in whom its rules, as they are known here, keep out: as it is, it would. */
	let = try(&p) == 1 && !r->error && *v6only == real;
	/* What the kernel's answer tells of another process's socket that is in the way. */
	for (struct v6_rival *i = p.on.rival; i < p.on.rival + p.on.count; i++)
		if (!i->own && (!r->error || p.on.count == 1))
			i->reuseaddr = i->reuseport = !r->error;
	if (r->error == EADDRINUSE) {
		r->verdict.finding = V6_FINDING_CONFLICT;
		find_holders(&p.on, holder);
	}
	suppose_rivals(&p);
	self->cleared = !*v6only && real == 1;
	self->socket.v6only = (int8_t)*v6only;
	if (v6_memory(self->socket.cookie) & V6_MEMORY_REUSEPORT)
		self->reuseport = 1;
	no = let ? 0 : try(&p);
	other = v6_conflict_holder(&p.on, true);
	/* Beside an own socket of the other family the policy does not clear V6ONLY. */
	if (bind && self->cleared && r->verdict.v6only == 0 && other && other->own &&
		!v6_same_family(other, self)) {
		holder[0] = holder[1] = *other;
		self->socket.v6only = 1;
		r->verdict.action = V6_ACTION_YIELD;
		r->verdict.finding = V6_FINDING_CONFLICT;
		no = try(&p);
	} else if (no == 1) {
		if (!r->verdict.finding)
			find_holders(&p.on, holder);
		no = carry_out(&p);
	}
	if (holder[!no].socket.local.port)
		v6_holder_set(c, &holder[!no]);
	*v6only = self->socket.v6only;
	c->why = p.why ? p.why : no == V6_UNKNOWN ? V6_ADVICE_OTHERS : NULL;
	if (v6_type_of_proto(self->socket.proto) == V6_TYPE_STREAM)
		self->socket.state = V6_STATE_LISTEN;
	self->cleared &= !*v6only;
	if (r->error ? c->why || !no : bind)
		set_phantom(&p, r->error);
	v6_port_release(&p);
	return no == 1 ? EADDRINUSE : 0;
}

/* Whether the outcome on the port may be another, which takes further system calls to know. */
static bool may_differ(const struct v6_call *c, int real, int v6only)
{
	const struct v6_address *a = &c->record.facts.address;
	enum v6_type type = v6_fact_type(c->ask);
	unsigned i = 0;

	return a->port && (type == V6_TYPE_STREAM || type == V6_TYPE_DGRAM) &&
	       (c->record.error || (v6only == 0 && real == 1) ||
		       v6_port_hinted(v6_family_other(v6_port_family(a)), a->port) ||
		       next_phantom(c, v6_fact_proto(c->ask), &i));
}

void v6_conflict_suppose(struct v6_call *c)
{
	struct v6_record *r = &c->record;
	const struct v6_address *a = &r->facts.address;
	bool bind = r->facts.event == V6_EVENT_BIND, in6 = a->family == V6_FAMILY_INET6, same;
	int real = in6 ? v6_known(v6_fact_v6only(c->ask)) : V6_UNKNOWN;
	int before = v6_fact_supposed(c->ask, real), v6only = before;

	if (a->family == V6_FAMILY_OTHER)
		return;
	if (r->verdict.v6only != V6_UNKNOWN)
		v6only = r->verdict.v6only;
	/* The kernel sets it itself. */
	if (in6 && !r->error && !v6_address_wildcard(a) && !v6_address_mapped(a))
		v6only = real;
	r->enforce.error = r->error;
	/* Bound already, or a reason that no setting changes. */
	same = r->error && r->error != EADDRINUSE &&
	       !(r->error == EINVAL && v6_address_mapped(a) && !v6_fact_bound(c->ask).port);
	if (!bind && v6_fact_memory(c->ask) & V6_MEMORY_REFUSED) {
		c->why = V6_ADVICE_OTHER_WAY;
	} else if (r->verdict.deny) {
		r->enforce.error = r->verdict.deny;
	} else if (!same && bind && v6only == 1 && v6_address_mapped(a)) {
		r->enforce.error = c->knobs->on_mapped ? c->knobs->on_mapped : EINVAL;
		if (c->knobs->on_mapped)
			r->verdict.action = V6_ACTION_DENY;
	} else if (!same && may_differ(c, real, v6only)) {
		r->enforce.error = suppose_port(c, real, &v6only);
	}
	if (!same)
		v6_memory_set(v6_fact_cookie(c->ask), UNDECIDED,
			c->why                           ? UNDECIDED
			: !r->enforce.error == !r->error ? 0
			: bind                           ? V6_MEMORY_REFUSED
			: r->enforce.error               ? V6_MEMORY_SILENT
							 : 0);
	if (r->enforce.error)
		v6only = before;
	if (in6)
		v6_memory_set_value(c->ask, V6_MEMORY_V6ONLY, v6only == real ? V6_UNKNOWN : v6only);
	r->enforce.known = c->why || r->enforce.error != r->error || v6only != real;
	if (c->why)
		return;
	r->enforce.after = in6 ? v6only : V6_UNKNOWN;
	r->enforce.result = r->enforce.error ? -1 : 0;
}

void v6_conflict_suppose_asked(struct v6_call *c)
{
	struct v6_record *r = &c->record;
	int before = v6_fact_supposed(c->ask, r->facts.before);

	if (r->verdict.deny) {
		v6_memory_set_value(c->ask, V6_MEMORY_V6ONLY, before);
		r->enforce = (struct v6_enforce){true, before, -1, r->verdict.deny, 0};
	} else if (!r->error) {
		v6_memory_set_value(c->ask, V6_MEMORY_V6ONLY, V6_UNKNOWN);
	}
}
