#include "suppose.h"

#include <errno.h>
#include <stdatomic.h>

#include "../core/advice.h"
#include "facts.h"
#include "sys.h"

#include "forbidden.h"

/* Sockets that only enforce would have let have their port. */
enum { FREE, BUSY, THERE };
static struct {
	atomic_uint state;
	int pid; /* as in v6_record */
	struct v6_rival rival;
} phantoms[V6_PHANTOMS_MAX];
static atomic_bool full; /* there were more */

/* Of its bind or listen nothing is known. */
enum { UNDECIDED = V6_MEMORY_REFUSED | V6_MEMORY_SILENT };

int v6_suppose_v6only(int ask, int real)
{
	unsigned memory = v6_fact_memory(ask);

	return memory & V6_MEMORY_V6ONLY ? (memory & V6_MEMORY_V6ONLY_1) != 0 : real;
}

void v6_suppose_set(int ask, int value)
{
	v6_memory_set(v6_fact_cookie(ask), V6_MEMORY_V6ONLY | V6_MEMORY_V6ONLY_1,
		value == V6_UNKNOWN ? 0 : V6_MEMORY_V6ONLY | (value ? V6_MEMORY_V6ONLY_1 : 0));
}

static bool same_port(const struct v6_diag_socket *a, const struct v6_diag_socket *b)
{
	return a->local.port == b->local.port && v6_port_space(a->proto) == v6_port_space(b->proto);
}

/* One that is bound there again is that one: the program tries once more. */
static bool same_place(const struct v6_diag_socket *a, const struct v6_diag_socket *b)
{
	return same_port(a, b) && a->local.family == b->local.family &&
	       !memcmp(a->local.bytes, b->local.bytes, sizeof(a->local.bytes));
}

/* The next one on the port from *i on, or NULL. */
static const struct v6_rival *next_phantom(
	const struct v6_call *c, const struct v6_diag_socket *s, unsigned *i)
{
	while (*i < V6_PHANTOMS_MAX) {
		unsigned n = (*i)++;

		if (atomic_load(&phantoms[n].state) == THERE && phantoms[n].pid == c->record.pid &&
			same_port(&phantoms[n].rival.socket, s))
			return &phantoms[n].rival;
	}
	return NULL;
}

/* In place of what is remembered of that place: nothing, or `r`. */
static void set_phantom(
	const struct v6_call *c, const struct v6_diag_socket *place, const struct v6_rival *r)
{
	const struct v6_rival *old;
	unsigned i = 0, state;

	while ((old = next_phantom(c, place, &i)))
		if (same_place(&old->socket, place))
			atomic_store(&phantoms[i - 1].state, FREE);
	for (i = 0; r && i < V6_PHANTOMS_MAX; i++) {
		state = FREE;
		if (!atomic_compare_exchange_strong(&phantoms[i].state, &state, BUSY))
			continue;
		phantoms[i].pid = c->record.pid;
		phantoms[i].rival = *r;
		atomic_store(&phantoms[i].state, THERE);
		return;
	}
	if (r)
		atomic_store(&full, true);
}

static void suppose_own(struct v6_port *p, struct v6_rival *r)
{
	unsigned memory = v6_memory(r->socket.cookie);

	if (memory & V6_MEMORY_FORGOTTEN)
		p->why = V6_ADVICE_FORGOTTEN;
	if ((memory & UNDECIDED) == UNDECIDED)
		p->why = V6_ADVICE_OTHER_WAY;
	if (memory & V6_MEMORY_REFUSED)
		r->socket.local.port = 0;
	if (memory & V6_MEMORY_SILENT)
		r->socket.state = V6_STATE_CLOSE;
	if (memory & V6_MEMORY_REUSEPORT)
		r->reuseport = 1;
	if (!(memory & V6_MEMORY_V6ONLY))
		return;
	r->cleared = r->socket.v6only == 1;
	r->socket.v6only = (memory & V6_MEMORY_V6ONLY_1) != 0;
	r->cleared &= !r->socket.v6only;
}

void v6_suppose_port(struct v6_port *p)
{
	const struct v6_rival *phantom;

	if (p->on.partial || atomic_load(&full))
		p->why = V6_ADVICE_FORGOTTEN;
	for (struct v6_rival *r = p->on.rival; r < p->on.rival + p->on.count; r++) {
		if (r->own)
			suppose_own(p, r);
		/* Under the same settings it would not have IPv4; whether it is under them is not known. */
		else if (r->socket.v6only == 0 && v6_policy_value(p->call->knobs->policy) == 1)
			r->socket.v6only = V6_UNKNOWN;
	}
	for (unsigned i = 0; (phantom = next_phantom(p->call, &p->on.self.socket, &i));) {
		unsigned memory = v6_memory(phantom->socket.cookie);
		struct v6_rival *r = p->on.rival;
		int ask;

		if (same_place(&phantom->socket, &p->on.self.socket))
			continue;
		if ((memory & UNDECIDED) == UNDECIDED)
			p->why = V6_ADVICE_OTHER_WAY;
		while (r < p->on.rival + p->on.count && r->socket.cookie != phantom->socket.cookie)
			r++;
		if (r == p->on.rival + p->on.count)
			r = v6_port_add(p, &phantom->socket);
		if (!r)
			continue;
		ask = r->ask;
		*r = *phantom;
		r->ask = ask;
		if (memory & V6_MEMORY_REUSEPORT)
			r->reuseport = 1;
	}
}

/* Who is in the way now comes first. Whether the kernel would refuse it: see v6_conflict_refused(). */
static int refused(struct v6_port *p, struct v6_conflict *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->on.count; i++) {
		struct v6_rival r = p->on.rival[i];

		if (!v6_in_the_way(&p->on.self.socket, &r.socket))
			continue;
		p->on.rival[i] = p->on.rival[n];
		p->on.rival[n++] = r;
	}
	*f = p->on;
	f->count = n;
	return v6_conflict_refused(f);
}

/* What the kernel's answer tells of another process's socket that is in the way. */
static void learn(struct v6_port *p, unsigned count, int error)
{
	for (struct v6_rival *r = p->on.rival; r < p->on.rival + count; r++)
		if (!r->own && (!error || count == 1))
			r->reuseaddr = r->reuseport = !error;
}

/* As conflict.c tries it. A share that was planned is not refused by any that are known. */
static int attempt(struct v6_port *p, struct v6_conflict *f, const struct v6_attempt *a)
{
	bool port = v6_shares_port(f, a);
	int no;

	for (struct v6_rival *r = p->on.rival; a->share && r < p->on.rival + f->count; r++) {
		if (!r->own || v6_same_family(r, &p->on.self))
			continue;
		*(port ? &r->reuseport : &r->reuseaddr) = 1;
		if (port)
			v6_memory_set(r->socket.cookie, 0, V6_MEMORY_REUSEPORT);
	}
	if (a->share && port) {
		p->on.self.reuseport = 1;
		v6_memory_set(p->on.self.socket.cookie, 0, V6_MEMORY_REUSEPORT);
	}
	if (!a->share)
		p->on.self.socket.v6only = 1;
	no = refused(p, f);
	if (!a->share && no == 1)
		p->on.self.socket.v6only = 0;
	return no;
}

/* Whom the record names: where nothing helps, or where something does. */
static void find_holders(const struct v6_conflict *f, struct v6_rival holder[2])
{
	for (int helps = 0; f->count && helps < 2; helps++)
		holder[helps] = *v6_conflict_holder(f, helps);
}

/* What would come of the port: 0, 1 for EADDRINUSE, V6_UNKNOWN. */
static int decide(struct v6_port *p, bool clears, struct v6_rival holder[2])
{
	struct v6_call *c = p->call;
	struct v6_verdict *v = &c->record.verdict;
	struct v6_attempt attempts[V6_ATTEMPTS_MAX];
	struct v6_conflict f;
	int no = refused(p, &f);
	const struct v6_rival *other = v6_conflict_holder(&f, true);

	/* Beside an own socket of the other family the policy does not clear V6ONLY. */
	if (clears && other && other->own && !v6_same_family(other, &f.self)) {
		holder[0] = holder[1] = *other;
		p->on.self.socket.v6only = 1;
		v->action = V6_ACTION_YIELD;
		v->finding = V6_FINDING_CONFLICT;
		return refused(p, &f);
	}
	if (no != 1)
		return no;
	if (!v->finding)
		find_holders(&f, holder);
	v->action = V6_ACTION_NONE;
	v->finding = V6_FINDING_CONFLICT;
	if (v6_conflict_plan(c->knobs, &f, attempts)) {
		no = attempt(p, &f, attempts);
		v->action = no ? V6_ACTION_NONE : attempts->action;
	}
	return no;
}

/* The outcome on a port that is bound or listened on: errno or 0. Of the socket, in *v6only, what it would have. */
static int suppose_port(struct v6_call *c, int real, int *v6only, const char **why, bool describe)
{
	struct v6_facts *f = &c->record.facts;
	bool bind = f->event == V6_EVENT_BIND;
	struct v6_rival holder[2] = {{.own = false}};
	struct v6_conflict conflict;
	struct v6_port p;
	int no;

	v6_port_init(&p, c, &f->address, real);
	p.all = true;
	v6_port_ask(&p, c->record.error == EADDRINUSE);
	refused(&p, &conflict);
	learn(&p, conflict.count, c->record.error);
	if (c->record.error == EADDRINUSE) {
		c->record.verdict.finding = V6_FINDING_CONFLICT;
		find_holders(&conflict, holder);
	}
	v6_suppose_port(&p);
	p.on.self.cleared = !*v6only && real == 1;
	p.on.self.socket.v6only = (int8_t)*v6only;
	if (v6_memory(p.on.self.socket.cookie) & V6_MEMORY_REUSEPORT)
		p.on.self.reuseport = 1;
	no = decide(&p, bind && p.on.self.cleared && c->record.verdict.v6only == 0, holder);
	if (holder[!no].socket.local.port) {
		c->text = describe ? v6_scratch_claim() : NULL;
		v6_holder_set(c, &holder[!no], describe);
	}
	*v6only = p.on.self.socket.v6only;
	if (p.why || no == V6_UNKNOWN)
		*why = p.why ? p.why : V6_ADVICE_OTHERS;
	if (v6_type_of_proto(p.on.self.socket.proto) == V6_TYPE_STREAM)
		p.on.self.socket.state = V6_STATE_LISTEN;
	p.on.self.cleared &= !*v6only;
	if (c->record.error && (*why || !no))
		set_phantom(c, &p.on.self.socket, &p.on.self);
	else if (bind && !c->record.error)
		set_phantom(c, &p.on.self.socket, NULL);
	v6_port_release(&p);
	return no == 1 ? EADDRINUSE : 0;
}

/* Whether the outcome on the port may be another than it was, which takes further system calls to know. */
static bool may_differ(const struct v6_call *c, int real, int v6only)
{
	const struct v6_address *a = &c->record.facts.address;
	struct v6_diag_socket s = {.local = *a, .proto = v6_fact_proto(c->ask)};
	enum v6_type type = v6_fact_type(c->ask);
	unsigned i = 0;

	return a->port && (type == V6_TYPE_STREAM || type == V6_TYPE_DGRAM) &&
	       (c->record.error || (v6only == 0 && real == 1) ||
		       v6_port_hinted(v6_family_other(v6_port_family(a)), a->port) ||
		       next_phantom(c, &s, &i));
}

/* A v4-mapped address is refused where V6ONLY is 1. */
static bool suppose_mapped(struct v6_call *c, int v6only)
{
	struct v6_facts f = c->record.facts;

	if (f.event != V6_EVENT_BIND || !v6_address_mapped(&f.address) || v6only != 1)
		return false;
	f.before = 1;
	f.bound = 0;
	c->record.enforce.error = v6_decide_mapped(c->knobs, &f);
	if (c->record.enforce.error)
		c->record.verdict.action = V6_ACTION_DENY;
	else
		c->record.enforce.error = EINVAL;
	return true;
}

static void remember(struct v6_call *c, bool undecided)
{
	uint64_t cookie = v6_fact_cookie(c->ask);
	bool would = !c->record.enforce.error, is = !c->record.error;

	if (undecided)
		v6_memory_set(cookie, 0, UNDECIDED);
	else if (c->record.facts.event == V6_EVENT_BIND)
		v6_memory_set(cookie, UNDECIDED, would != is ? V6_MEMORY_REFUSED : 0);
	else
		v6_memory_set(cookie, UNDECIDED, !would && is ? V6_MEMORY_SILENT : 0);
}

void v6_suppose(struct v6_call *c, bool describe)
{
	struct v6_record *r = &c->record;
	const struct v6_address *a = &r->facts.address;
	bool in6 = a->family == V6_FAMILY_INET6, same;
	int real = in6 ? v6_known(v6_fact_v6only(c->ask)) : V6_UNKNOWN;
	int before = v6_suppose_v6only(c->ask, real), v6only = before;
	const char *why = NULL;

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
	if (r->facts.event == V6_EVENT_LISTEN && v6_fact_memory(c->ask) & V6_MEMORY_REFUSED)
		why = V6_ADVICE_OTHER_WAY;
	else if (r->verdict.deny)
		r->enforce.error = r->verdict.deny;
	else if (!same && !suppose_mapped(c, v6only) && may_differ(c, real, v6only))
		r->enforce.error = suppose_port(c, real, &v6only, &why, describe);
	if (!same)
		remember(c, why);
	if (r->enforce.error)
		v6only = before;
	if (in6)
		v6_suppose_set(c->ask, v6only == real ? V6_UNKNOWN : v6only);
	r->enforce.known = why || r->enforce.error != r->error || v6only != real;
	c->why = why;
	if (why)
		return;
	r->enforce.after = in6 ? v6only : V6_UNKNOWN;
	r->enforce.result = r->enforce.error ? -1 : 0;
}
