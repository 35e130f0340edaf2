#include "report_verdict.h"

#include "report_words.h"

#include <stdlib.h>
#include <string.h>

enum { NOBODY = -1 };

/* The comparisons of qsort(3) know no context. */
static const struct v6_gather *sorted;

static int by_port(const void *a, const void *b)
{
	const struct v6_listener *l = &sorted->listeners[*(const int32_t *)a];
	const struct v6_listener *m = &sorted->listeners[*(const int32_t *)b];

	if (l->proto != m->proto)
		return l->proto < m->proto ? -1 : 1;
	if (l->address.port != m->address.port)
		return l->address.port < m->address.port ? -1 : 1;
	return (l->order > m->order) - (l->order < m->order);
}

static bool same_port(const struct v6_listener *l, const struct v6_listener *m)
{
	return l->proto == m->proto && l->address.port == m->address.port;
}

/* Every address of the family, the IPv4 wildcard in its mapped form included. */
static bool wildcard(const struct v6_address *a)
{
	static const uint8_t zero[4];

	return v6_address_wildcard(a) || (v6_address_mapped(a) && !memcmp(a->bytes + 12, zero, 4));
}

static void reach(struct v6_reach *r, const struct v6_address *a)
{
	if (wildcard(a))
		r->wildcard = true;
	else if (!r->singles++)
		r->single = *a;
}

static bool reached(const struct v6_reach *r)
{
	return r->wildcard || r->singles;
}

/* The shim has made the socket what it is, or `would` have. */
static bool made_by_policy(const struct v6_listener *l, bool would)
{
	unsigned forced = 1U << V6_ACTION_SET | 1U << V6_ACTION_OVERRIDE;

	if (l->mode == V6_MODE_LOG)
		return would && l->actions & forced;
	if (v6_policy_value(l->policy) == V6_UNKNOWN || v6_policy_value(l->policy) != l->after)
		return false;
	if (v6_policy_forced(l->policy))
		return l->actions & forced;
	return l->asked == V6_UNKNOWN;
}

static void add_serving(
	struct v6_port_verdict *v, const struct v6_listener *l, unsigned serves, bool would)
{
	bool in6 = l->address.family == V6_FAMILY_INET6 && !v6_address_mapped(&l->address);

	if (serves & V6_SERVES_INET6)
		reach(&v->inet6, &l->address);
	if (serves & V6_SERVES_INET)
		reach(&v->inet, &l->address);
	if (in6 && serves & V6_SERVES_INET)
		v->dual = true;
	if (!in6 && serves & V6_SERVES_INET)
		v->own = true;
	if (in6 && made_by_policy(l, would)) {
		v->by_policy = true;
		v->policy = l->policy;
	}
}

/* The unresolved conflict that the socket met. */
static const struct v6_trouble *conflict_of(
	const struct v6_gather *g, const struct v6_process *p, const struct v6_listener *l)
{
	for (int32_t i = p->troubles; i != NOBODY; i = g->troubles[i].next) {
		const struct v6_trouble *t = &g->troubles[i];

		if (t->proto == l->proto && t->address.port == l->address.port &&
			t->address.family == l->address.family &&
			!memcmp(t->address.bytes, l->address.bytes, 16) &&
			v6_trouble_unresolved(g, t))
			return t;
	}
	return NULL;
}

static void add_failed(
	struct v6_port_verdict *v, const struct v6_gather *g, const struct v6_listener *l)
{
	if (v->failed)
		return;
	v->failed = l;
	v->conflict = conflict_of(g, v->process, l);
}

/* Without V6ONLY it is not known what a socket serves, and then it serves nothing, but did not
 * fail. */
static bool fails(const struct v6_listener *l, unsigned serves, bool would)
{
	if (would)
		return !serves && (l->error || l->actions >> V6_ACTION_DENY & 1);
	return l->error;
}

static void add(struct v6_port_verdict *v, const struct v6_gather *g, const struct v6_listener *l,
	bool would)
{
	bool told;
	unsigned serves = would ? v6_listener_would_serve(l, &told) : v6_listener_serves(l, &told);

	v->log |= l->mode == V6_MODE_LOG && l->actions & ~(1U << V6_ACTION_NONE);
	if (fails(l, serves, would)) {
		add_failed(v, g, l);
	} else if (!told && v6_knows_binds(v->process)) {
		v->unheard = v->unheard ? v->unheard : l;
	} else {
		v->tentative |= !told;
		add_serving(v, l, serves, would);
	}
}

/* The families that nobody serves, as V6_SERVES_* bits. */
static unsigned missing(const struct v6_port_verdict *v)
{
	return (reached(&v->inet6) ? 0 : V6_SERVES_INET6) |
	       (reached(&v->inet) ? 0 : V6_SERVES_INET);
}

/* The verdict of the sockets from `from` to `to` in `rows`, all of one port. */
static struct v6_port_verdict judge(const struct v6_view *view, const struct v6_block *block,
	const int32_t *rows, unsigned count, bool would)
{
	const struct v6_gather *g = view->gather;
	const struct v6_listener *first = &g->listeners[rows[0]];
	struct v6_port_verdict v = {
		.process = block->process,
		.proto = first->proto,
		.port = first->address.port,
		.incomplete = !v6_knows_binds(block->process),
	};

	for (unsigned i = 0; i < count; i++)
		add(&v, g, &g->listeners[rows[i]], would);
	if (missing(&v))
		v.elsewhere = v6_view_elsewhere(view, block, v.proto, v.port, missing(&v));
	return v;
}

static bool same_outcome(const struct v6_port_verdict *a, const struct v6_port_verdict *b)
{
	return a->own == b->own && a->dual == b->dual && missing(a) == missing(b) &&
	       a->inet.wildcard == b->inet.wildcard && a->inet6.wildcard == b->inet6.wildcard;
}

/* The sockets of the block that count for a verdict, by port. */
static unsigned choose(const struct v6_gather *g, const struct v6_block *block, int32_t *rows)
{
	unsigned n = 0;

	for (unsigned i = 0; i < block->listener_count; i++) {
		const struct v6_listener *l = &g->listeners[block->listeners[i]];

		if (!l->replaced && l->address.family != V6_FAMILY_OTHER)
			rows[n++] = block->listeners[i];
	}
	sorted = g;
	qsort(rows, n, sizeof(*rows), by_port);
	return n;
}

bool v6_verdicts(const struct v6_view *view, const struct v6_block *block,
	void (*tell)(
		void *to, const struct v6_port_verdict *v, const struct v6_port_verdict *would),
	void *to)
{
	const struct v6_gather *g = view->gather;
	int32_t *rows = malloc((block->listener_count + 1) * sizeof(*rows));
	unsigned count = rows ? choose(g, block, rows) : 0;

	for (unsigned from = 0, n; from < count; from += n) {
		struct v6_port_verdict v, would;

		for (n = 1; from + n < count &&
			    same_port(&g->listeners[rows[from]], &g->listeners[rows[from + n]]);
			n++)
			;
		v = judge(view, block, rows + from, n, false);
		would = v.log ? judge(view, block, rows + from, n, true) : v;
		tell(to, &v, same_outcome(&v, &would) ? NULL : &would);
	}
	free(rows);
	return rows != NULL;
}

const char *v6_verdict_name(const struct v6_port_verdict *v)
{
	if (missing(v) == (V6_SERVES_INET6 | V6_SERVES_INET))
		return "nobody";
	if (missing(v))
		return missing(v) == V6_SERVES_INET ? "IPv6 only" : "IPv4 only";
	return v->own ? "separate sockets" : "one dual-stack socket";
}

void v6_verdict_port(struct v6_text *t, const struct v6_port_verdict *v)
{
	enum { TCP = 6 };

	if (v->proto >= 0 && v->proto != TCP) {
		v6_proto_text(t, v->proto);
		v6_text_char(t, ' ');
	}
	v6_text_str(t, "port ");
	v6_text_uint(t, v->port);
}

/* "IPv4", "IPv4 (127.0.0.1 alone)" */
static void say_reach(struct v6_text *t, const char *family, const struct v6_reach *r)
{
	v6_text_str(t, family);
	if (r->wildcard)
		return;
	v6_text_str(t, " (");
	if (r->singles == 1) {
		v6_address_text(t, &r->single);
		v6_text_str(t, " alone)");
	} else {
		v6_text_uint(t, r->singles);
		v6_text_str(t, " addresses alone)");
	}
}

static void say_by_policy(struct v6_text *t, const struct v6_port_verdict *v)
{
	if (!v->by_policy)
		return;
	v6_text_str(t, ", by policy ");
	v6_text_str(t, v6_setting_word_of(V6_SETTING_POLICY, v->policy));
}

static void say_both(
	struct v6_text *t, const struct v6_port_verdict *v, const char *port, bool would)
{
	say_reach(t, "IPv4", &v->inet);
	v6_text_str(t, " and ");
	say_reach(t, "IPv6", &v->inet6);
	v6_text_str(t, would ? " would be served on " : " are served on ");
	v6_text_str(t, port);
	if (!v->own) {
		v6_text_str(t, " by one dual-stack socket");
		say_by_policy(t, v);
		return;
	}
	v6_text_str(t, " by separate sockets");
	if (v->dual)
		v6_text_str(t, ", the IPv6 one dual-stack: IPv4 goes to the IPv4 socket");
}

/* Why a family is missing. */
static void say_failed(struct v6_text *t, const struct v6_port_verdict *v, bool would)
{
	const struct v6_listener *l = v->failed;

	v6_text_str(t, ": the ");
	v6_text_str(t, l->error ? v6_event_name(l->failed) : "bind");
	v6_text_str(t, " of ");
	v6_address_port_text(t, &l->address);
	if (would && l->actions >> V6_ACTION_DENY & 1) {
		v6_text_str(t, " would be denied");
		return;
	}
	if (l->actions >> V6_ACTION_DENY & 1)
		v6_text_str(t, " is denied with ");
	else
		v6_text_str(t, " fails with ");
	v6_say_errno(t, l->error);
	if (!v->conflict)
		return;
	v6_text_str(t, ", a conflict left unresolved");
	if (v->conflict->holder.fd < 0 && v->conflict->holder.pid) {
		v6_text_str(t, " with ");
		v6_say_process(t, v->conflict->holder.program, v->conflict->holder.pid);
	}
}

static void say_unheard(struct v6_text *t, const struct v6_port_verdict *v)
{
	v6_text_str(t, ": ");
	v6_address_port_text(t, &v->unheard->address);
	v6_text_str(t, " is bound and has not listened");
}

static void say_why(struct v6_text *t, const struct v6_port_verdict *v, bool would)
{
	if (v->failed)
		say_failed(t, v, would);
	else if (v->unheard)
		say_unheard(t, v);
	else if (missing(v) == V6_SERVES_INET)
		say_by_policy(t, v);
}

static void say_elsewhere(struct v6_text *t, const struct v6_port_verdict *v)
{
	if (!v->elsewhere)
		return;
	v6_text_str(t, missing(v) == V6_SERVES_INET6  ? "; IPv6 is served by "
		       : missing(v) == V6_SERVES_INET ? "; IPv4 is served by "
						      : "; it is served by ");
	v6_say_process(t, v->elsewhere->program, v->elsewhere->pid);
}

static void say_missing(
	struct v6_text *t, const struct v6_port_verdict *v, const char *port, bool would)
{
	if (missing(v) == (V6_SERVES_INET6 | V6_SERVES_INET)) {
		v6_text_str(t, "Nothing");
	} else {
		v6_text_str(t, "Only ");
		if (missing(v) == V6_SERVES_INET)
			say_reach(t, "IPv6", &v->inet6);
		else
			say_reach(t, "IPv4", &v->inet);
	}
	v6_text_str(t, would ? " would be served on " : " is served on ");
	v6_text_str(t, port);
	say_why(t, v, would);
	say_elsewhere(t, v);
}

void v6_verdict_text(
	struct v6_text *t, const struct v6_port_verdict *v, const char *port, bool would)
{
	bool doubtful = v->tentative || (missing(v) && v->incomplete);

	if (missing(v))
		say_missing(t, v, port, would);
	else
		say_both(t, v, port, would);
	v6_text_str(t, doubtful ? ", as far as the log tells." : ".");
}
