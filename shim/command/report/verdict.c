#include "verdict.h"

#include <stdlib.h>

#include "../../core/policy.h"
#include "../memory.h"

const char *const v6_way_words[] = {"nobody", "dual-stack socket", "own socket"};

unsigned v6_socket_serves(const struct v6_socket *s, bool enforce, bool *told)
{
	const struct v6_record *r = &s->r;
	bool split = v6_socket_did(s, V6_ACTION_SPLIT) || v6_socket_did(s, V6_ACTION_YIELD);
	bool set = v6_socket_did(s, V6_ACTION_SET) || v6_socket_did(s, V6_ACTION_OVERRIDE);
	int after = split ? 1 : set ? v6_policy_value(r->policy) : r->after;
	bool log = enforce && r->mode == V6_MODE_LOG;
	bool fails = r->error != 0;

	if (log)
		fails = v6_socket_did(s, V6_ACTION_DENY) ||
			(fails && !split && !v6_socket_did(s, V6_ACTION_SHARE));
	*told = fails || r->serves || r->facts.type == V6_TYPE_DGRAM || r->error;
	if (fails)
		return 0;
	return r->serves && !log ? r->serves : v6_serves(&r->facts.address, log ? after : r->after);
}

bool v6_socket_governed(const struct v6_socket *s, bool enforce)
{
	bool forced = v6_socket_did(s, V6_ACTION_SET) || v6_socket_did(s, V6_ACTION_OVERRIDE);
	int value = v6_policy_value(s->r.policy);

	if (s->r.mode == V6_MODE_LOG)
		return enforce && forced;
	if (value == V6_UNKNOWN || value != s->r.after)
		return false;
	return v6_policy_forced(s->r.policy) ? forced : s->r.facts.asked == V6_UNKNOWN;
}

static void add_socket(
	struct v6_outcome *o, const struct v6_process *p, const struct v6_socket *s, bool enforce)
{
	static const uint8_t zero[4];
	const struct v6_address *a = &s->r.facts.address;
	bool told, in6 = a->family == V6_FAMILY_INET6 && !v6_address_mapped(a);
	unsigned serves = v6_socket_serves(s, enforce, &told);
	bool both = in6 && serves & V6_SERVES_INET;

	/* Without V6ONLY what it serves is not known: then it is nothing, but it did not fail. */
	if (enforce ? !serves && (s->r.error || v6_socket_did(s, V6_ACTION_DENY)) : s->r.error) {
		o->failed = o->failed ? o->failed : s;
		return;
	}
	if (!told && p->whole) {
		o->silent = o->silent ? o->silent : s;
		return;
	}
	if (serves & V6_SERVES_INET6 && o->inet6 != V6_DUAL)
		o->inet6 = both ? V6_DUAL : V6_OWN;
	if (serves & V6_SERVES_INET && o->inet != V6_OWN)
		o->inet = both ? V6_DUAL : V6_OWN;
	/* The IPv4 wildcard in its mapped form included. */
	if (v6_address_wildcard(a) || (v6_address_mapped(a) && !memcmp(a->bytes + 12, zero, 4)))
		o->wildcard |= serves;
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
	struct v6_socket **sockets = v6_resize(NULL, p->socket_count * sizeof(*sockets));
	struct v6_port_verdict *verdicts = v6_resize(NULL, p->socket_count * sizeof(*verdicts));
	size_t live = 0;

	for (size_t i = 0; i < p->socket_count; i++)
		if (!p->sockets[i].gone && !p->sockets[i].replaced &&
			p->sockets[i].r.facts.address.family != V6_FAMILY_OTHER)
			sockets[live++] = &p->sockets[i];
	qsort(sockets, live, sizeof(*sockets), by_port);
	*count = 0;
	for (size_t from = 0, n; from < live; from += n) {
		struct v6_port_verdict *v = &verdicts[(*count)++];
		bool log = false;

		v->proto = sockets[from]->r.proto;
		v->port = sockets[from]->r.facts.address.port;
		for (n = 0; from + n < live; n++) {
			const struct v6_record *r = &sockets[from + n]->r;

			if (r->proto != v->proto || r->facts.address.port != v->port)
				break;
			log |= r->mode == V6_MODE_LOG && sockets[from + n]->actions;
		}
		v->now = judge(p, sockets + from, n, false);
		v->enforced = judge(p, sockets + from, n, log);
		v->differs = v->now.inet != v->enforced.inet || v->now.inet6 != v->enforced.inet6 ||
			     v->now.wildcard != v->enforced.wildcard;
	}
	free(sockets);
	return verdicts;
}
