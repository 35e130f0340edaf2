#include "resolve.h"

int v6_port_space(int proto)
{
	return proto == V6_PROTO_MPTCP ? V6_PROTO_TCP : proto;
}

static const uint8_t all[16];

/* What an address takes of a family: one address, in network order, or all; NULL: nothing. */
static const uint8_t *takes(enum v6_family family, const struct v6_address *a, int v6only)
{
	if (v6_address_wildcard(a))
		return a->family == family || (family == V6_FAMILY_INET && v6only != 1) ? all
											: NULL;
	return v6_port_family(a) != family ? NULL : a->bytes + (v6_address_mapped(a) ? 12 : 0);
}

bool v6_in_the_way(const struct v6_diag_socket *a, const struct v6_diag_socket *b)
{
	/* Of an IPv6 connection a bind of 0.0.0.0 sees V6ONLY alone. */
	bool meet = b->peer && b->v6only == 0 && a->local.family == V6_FAMILY_INET &&
		    v6_address_wildcard(&a->local);

	for (unsigned family = V6_FAMILY_INET; family <= V6_FAMILY_INET6; family++) {
		const uint8_t *x = takes(family, &a->local, a->v6only);
		const uint8_t *y = takes(family, &b->local, b->v6only);
		size_t len = family == V6_FAMILY_INET ? 4 : 16;

		meet |= x && y &&
			(!memcmp(x, all, len) || !memcmp(y, all, len) || !memcmp(x, y, len));
	}
	return meet && a->local.port == b->local.port &&
	       (!a->iface || !b->iface || a->iface == b->iface) &&
	       v6_port_space(a->proto) == v6_port_space(b->proto);
}

/* A connection to a mapped address is of an IPv6 socket that has IPv4, or has nothing else. */
static enum v6_family family_of(const struct v6_rival *r)
{
	const struct v6_address *a = &r->socket.local;

	return r->socket.peer && !r->mapped ? a->family : v6_port_family(a);
}

bool v6_same_family(const struct v6_rival *a, const struct v6_rival *b)
{
	return family_of(a) == family_of(b);
}

bool v6_shares_port(const struct v6_conflict *f, const struct v6_attempt *a)
{
	bool addr = v6_type_of_proto(f->self.socket.proto) == V6_TYPE_DGRAM, listens = false;

	for (const struct v6_rival *r = f->rival; r < f->rival + f->count; r++) {
		addr |= !r->own && v6_same_family(&f->self, r);
		listens |= r->own && r->socket.state == V6_STATE_LISTEN;
	}
	return f->self.reuseport || !f->self.reuseaddr || !addr ||
	       (a->action == V6_ACTION_YIELD && listens);
}

/*
 * Whether the application's own options let both have the port, by the kernel's rules:
 * inet_bind_conflict(), udp_lib_lport_inuse(). 0, 1; V6_UNKNOWN counts as set where the kernel
 * judges.
 */
static int allowed(const struct v6_rival *self, const struct v6_rival *r)
{
	int port = self->reuseport ? r->reuseport : 0;
	int addr = self->reuseaddr && r->socket.state != V6_STATE_LISTEN ? r->reuseaddr : 0;

	return port > 0 || addr > 0 ? 1 : port | addr;
}

int v6_conflict_refused(const struct v6_conflict *f)
{
	int refused = f->partial ? V6_UNKNOWN : 0;

	for (const struct v6_rival *r = f->rival; r < f->rival + f->count; r++) {
		struct v6_diag_socket narrow = r->socket;
		int may = allowed(&f->self, r);

		narrow.v6only = narrow.v6only == V6_UNKNOWN ? 1 : narrow.v6only;
		if (!may && v6_in_the_way(&f->self.socket, &narrow))
			return 1;
		refused = may > 0 ? refused : V6_UNKNOWN;
	}
	return refused;
}

unsigned v6_conflict_plan(const struct v6_knobs *knobs, const struct v6_conflict *f,
	struct v6_attempt attempts[V6_ATTEMPTS_MAX])
{
	const struct v6_address *a = &f->self.socket.local;
	const enum v6_on_conflict how = knobs->on_conflict;
	bool connections = f->count; /* there is nothing but connections */
	bool single = true;          /* what is there has single addresses of IPv4 */
	bool partner = false;        /* an own socket of the other family is in its way, */
	bool cleared = true;         /* and the policy made all of those conflicts */
	bool refused = f->partial;   /* somebody is there whom no sharing may let it in beside */
	bool splits = f->event == V6_EVENT_BIND && a->family == V6_FAMILY_INET6 &&
		      v6_address_wildcard(a) && f->self.socket.v6only == 0;
	/* Of datagrams the first that both have SO_REUSEPORT is the last that the kernel looks at. */
	bool blind = v6_type_of_proto(f->self.socket.proto) == V6_TYPE_DGRAM && f->self.reuseport;
	bool shares;
	unsigned n = 0;

	for (const struct v6_rival *r = f->rival; r < f->rival + f->count; r++) {
		bool same = v6_same_family(&f->self, r);
		int may = allowed(&f->self, r);

		connections &= r->socket.peer;
		single &= !v6_address_wildcard(&r->socket.local) &&
			  v6_port_family(&r->socket.local) == V6_FAMILY_INET;
		if (may == 1 || (may == V6_UNKNOWN && !blind))
			continue;
		refused |= same || !r->own;
		partner |= !same && r->own;
		cleared &= f->self.cleared || r->cleared;
	}
	shares = partner && !refused;
	if (f->self.cleared && splits) {
		attempts[n++] = (struct v6_attempt){V6_ACTION_YIELD, false};
	} else if (cleared && shares) {
		attempts[n++] = (struct v6_attempt){V6_ACTION_YIELD, true};
	} else if (!connections && !v6_address_mapped(a)) {
		/*
		 * Beside a mere connection nobody would serve IPv4 any more, without a word. And
		 * mapped addresses are left alone: only what the policy took from them they get back.
		 * A split that fails shows that somebody has IPv6, beside whom nothing is shared.
		 */
		bool wanted = how == V6_ON_CONFLICT_RESOLVE
				      ? !splits || single
				      : how == V6_ON_CONFLICT_SHARE ||
						(how == V6_ON_CONFLICT_SHARE_IPV6 &&
							a->family == V6_FAMILY_INET6);

		if (shares && wanted)
			attempts[n++] = (struct v6_attempt){V6_ACTION_SHARE, true};
		if (splits && how == V6_ON_CONFLICT_RESOLVE)
			attempts[n++] = (struct v6_attempt){V6_ACTION_SPLIT, false};
	}
	return n;
}

const struct v6_rival *v6_conflict_holder(const struct v6_conflict *f, bool resolved)
{
	const struct v6_rival *best = NULL;
	int most = -1;

	for (const struct v6_rival *r = f->rival; r < f->rival + f->count; r++) {
		bool same = v6_same_family(&f->self, r), moves = !same && r->own;
		/* Servers before connections; then as it is asked for; then another process's. */
		int points = 8 * !r->socket.peer + 4 * !allowed(&f->self, r) +
			     2 * (resolved ? !same : !moves) + (resolved ? r->own : same);

		if (points > most) {
			most = points;
			best = r;
		}
	}
	return best;
}
