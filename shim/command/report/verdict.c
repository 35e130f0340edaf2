#include "verdict.h"

#include <stdlib.h>

#include "../../core/policy.h"
#include "../memory.h"

const char *const v6_way_words[] = {
	"nobody", "another process", "dual-stack socket", "own socket", NULL};

struct v6_service v6_socket_service(const struct v6_socket *s, bool enforce)
{
	const struct v6_record *r = &s->r;
	const struct v6_enforce *e = &r->enforce;
	bool other = enforce && e->known;
	unsigned serves = other ? e->serves : r->serves;

	if (other && e->result == V6_NO_RESULT)
		return (struct v6_service){.undecided = v6_serves(&r->facts.address, 0)};
	if (other ? e->result < 0 : r->error)
		return (struct v6_service){.failed = true};
	return (struct v6_service){
		.serves =
			serves ? serves : v6_serves(&r->facts.address, other ? e->after : r->after),
		.listens = serves || r->facts.type == V6_TYPE_DGRAM};
}

bool v6_socket_governed(const struct v6_socket *s, bool enforce)
{
	bool forced = s->actions & (1U << V6_ACTION_SET | 1U << V6_ACTION_OVERRIDE);
	int value = v6_policy_value(s->r.policy);

	if (s->r.mode == V6_MODE_LOG)
		return enforce && s->r.enforce.known && s->r.enforce.after == value;
	if (value == V6_UNKNOWN || value != s->r.after)
		return false;
	return v6_policy_forced(s->r.policy) ? forced : s->r.facts.asked == V6_UNKNOWN;
}

/* Of a port of both families, in the IPv4 form or mapped. */
static bool wildcard(const struct v6_address *a)
{
	return v6_address_wildcard(a) ||
	       (v6_address_mapped(a) && !memcmp(a->bytes + 12, "\0\0\0", 4));
}

/* A server that a conflict names, though no record tells of its bind; connections have one address. */
static void add_holder(struct v6_outcome *o, const struct v6_process *p, const struct v6_holder *h)
{
	unsigned serves = v6_serves(&h->address, h->v6only == V6_UNKNOWN ? 1 : h->v6only);
	bool own = h->fd >= 0;
	enum v6_way way = !own ? V6_ANOTHER : serves & serves >> 1 ? V6_DUAL : V6_OWN;

	if (!h->known || !wildcard(&h->address) || (own && p->whole))
		return;
	if (serves & V6_SERVES_INET && o->inet < way)
		o->inet = way;
	if (serves & V6_SERVES_INET6 && o->inet6 < way)
		o->inet6 = way;
	o->wildcard |= own ? serves : 0;
}

static void add_socket(
	struct v6_outcome *o, const struct v6_process *p, const struct v6_socket *s, bool enforce)
{
	const struct v6_address *a = &s->r.facts.address;
	struct v6_service told = v6_socket_service(s, enforce);
	bool in6 = a->family == V6_FAMILY_INET6 && !v6_address_mapped(a);
	bool both = in6 && told.serves & V6_SERVES_INET;

	add_holder(o, p, &s->r.holder);
	o->undecided |= told.undecided;
	if (told.failed) {
		o->failed = o->failed ? o->failed : s;
		return;
	}
	if (!told.listens && p->whole) {
		o->silent = o->silent ? o->silent : s;
		return;
	}
	if (told.serves & V6_SERVES_INET6 && o->inet6 != V6_DUAL)
		o->inet6 = both ? V6_DUAL : V6_OWN;
	/* Beside a socket of one address what has all others is the server. */
	if (told.serves & V6_SERVES_INET && !o->inet_own && (wildcard(a) || o->inet < V6_DUAL))
		o->inet = both ? V6_DUAL : V6_OWN;
	if (wildcard(a)) {
		o->wildcard |= told.serves;
		o->inet_own |= !in6;
	} else if (!o->singles[!in6]++) {
		o->single[!in6] = a;
	}
	o->shadowed |= both;
	if (in6 && v6_socket_governed(s, enforce))
		o->governed = s;
}

/* Of the sockets of one port. */
static struct v6_outcome judge(
	const struct v6_process *p, struct v6_socket **sockets, size_t count, bool enforce)
{
	struct v6_outcome o = {.inet = V6_NOBODY};

	for (size_t i = 0; i < count; i++)
		add_socket(&o, p, sockets[i], enforce);
	o.shadowed &= o.inet == V6_OWN;
	if (o.undecided & V6_SERVES_INET || (!p->whole && o.inet == V6_NOBODY))
		o.inet = V6_NOT_TOLD;
	if (o.undecided & V6_SERVES_INET6 || (!p->whole && o.inet6 == V6_NOBODY))
		o.inet6 = V6_NOT_TOLD;
	return o;
}

static int by_port(const void *a, const void *b)
{
	const struct v6_socket *s = *(struct v6_socket *const *)a,
			       *t = *(struct v6_socket *const *)b;
	int order = s->r.proto - t->r.proto;

	order = order ? order : s->r.facts.address.port - t->r.facts.address.port;
	/* Of one array. */
	return order ? order : (s > t) - (s < t);
}

struct v6_port_verdict *v6_port_verdicts(const struct v6_process *p, size_t *count)
{
	struct v6_socket **sockets = v6_keep(p->socket_count * sizeof(*sockets));
	struct v6_port_verdict *verdicts = v6_keep(p->socket_count * sizeof(*verdicts));
	size_t live = 0;

	for (size_t i = 0; i < p->socket_count; i++)
		/* Of many that are alike each is a client. */
		if (!p->sockets[i].gone && !p->sockets[i].replaced && !p->sockets[i].r.count &&
			p->sockets[i].r.facts.address.family != V6_FAMILY_OTHER)
			sockets[live++] = &p->sockets[i];
	qsort(sockets, live, sizeof(*sockets), by_port);
	*count = 0;
	for (size_t from = 0, n; from < live; from += n) {
		struct v6_port_verdict *v = &verdicts[(*count)++];

		v->proto = sockets[from]->r.proto;
		v->port = sockets[from]->r.facts.address.port;
		for (n = 0; from + n < live; n++) {
			const struct v6_record *r = &sockets[from + n]->r;

			if (r->proto != v->proto || r->facts.address.port != v->port)
				break;
		}
		v->now = judge(p, sockets + from, n, false);
		v->enforced = judge(p, sockets + from, n, true);
		v->differs = v->now.inet != v->enforced.inet || v->now.inet6 != v->enforced.inet6 ||
			     v->now.wildcard != v->enforced.wildcard || v->enforced.undecided;
		/* What was only bound may be a client, or handed on. */
		if (!v->port || (v->now.silent && !v->now.failed && !v->now.inet && !v->now.inet6 &&
					!v->differs))
			--*count;
	}
	return verdicts;
}
