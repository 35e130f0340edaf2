#include "resolve.h"

int v6_port_space(int proto)
{
	return proto == V6_PROTO_MPTCP ? V6_PROTO_TCP : proto;
}

/* What an address takes of IPv4: nothing, all of it, or one address. */
static bool takes_inet(const struct v6_address *a, int v6only, const uint8_t **bytes)
{
	if (a->family == V6_FAMILY_INET) {
		*bytes = v6_address_wildcard(a) ? NULL : a->bytes;
		return true;
	}
	if (v6_address_mapped(a)) {
		static const uint8_t any[4];

		*bytes = memcmp(a->bytes + 12, any, 4) ? a->bytes + 12 : NULL;
		return true;
	}
	*bytes = NULL;
	return v6only != 1 && v6_address_wildcard(a);
}

static bool takes_inet6(const struct v6_address *a, const uint8_t **bytes)
{
	*bytes = v6_address_wildcard(a) ? NULL : a->bytes;
	return a->family == V6_FAMILY_INET6 && !v6_address_mapped(a);
}

static bool overlap(const uint8_t *a, const uint8_t *b, size_t len)
{
	return !a || !b || !memcmp(a, b, len);
}

bool v6_addresses_conflict(
	const struct v6_address *a, int a_v6only, const struct v6_address *b, int b_v6only)
{
	const uint8_t *x, *y;

	if (a->port != b->port || a->family == V6_FAMILY_OTHER || b->family == V6_FAMILY_OTHER)
		return false;
	if (takes_inet(a, a_v6only, &x) && takes_inet(b, b_v6only, &y) && overlap(x, y, 4))
		return true;
	return takes_inet6(a, &x) && takes_inet6(b, &y) && overlap(x, y, 16);
}

bool v6_in_the_way(const struct v6_diag_socket *a, const struct v6_diag_socket *b)
{
	/* Of an IPv6 connection a bind of 0.0.0.0 sees V6ONLY alone. */
	bool connection = b->peer && b->v6only == 0 && a->local.port == b->local.port &&
			  a->local.family == V6_FAMILY_INET && v6_address_wildcard(&a->local);

	return v6_port_space(a->proto) == v6_port_space(b->proto) &&
	       (!a->iface || !b->iface || a->iface == b->iface) &&
	       (connection || v6_addresses_conflict(&a->local, a->v6only, &b->local, b->v6only));
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

/* What the rivals come to. */
struct view {
	bool partner;    /* an own socket of the other family is in its way, */
	bool cleared;    /* and the policy made all of those conflicts */
	bool refused;    /* somebody is in its way whom no sharing may let it in beside */
	bool connection; /* there is nothing but connections */
	bool single;     /* what is there has single addresses of IPv4 */
};

static struct view view(const struct v6_conflict *f)
{
	struct view v = {
		.cleared = true, .refused = f->partial, .connection = f->count, .single = f->count};

	for (const struct v6_rival *r = f->rival; r < f->rival + f->count; r++) {
		bool same = v6_same_family(&f->self, r);

		v.connection &= r->socket.peer;
		v.single &= !v6_address_wildcard(&r->socket.local) &&
			    v6_port_family(&r->socket.local) == V6_FAMILY_INET;
		if (allowed(&f->self, r))
			continue;
		v.refused |= same || !r->own;
		v.partner |= !same && r->own;
		v.cleared &= f->self.cleared || r->cleared;
	}
	return v;
}

static bool may_split(const struct v6_conflict *f)
{
	return f->event == V6_EVENT_BIND && f->self.socket.local.family == V6_FAMILY_INET6 &&
	       v6_address_wildcard(&f->self.socket.local) && f->self.socket.v6only == 0;
}

unsigned v6_conflict_plan(const struct v6_knobs *knobs, const struct v6_conflict *f,
	struct v6_attempt attempts[V6_ATTEMPTS_MAX])
{
	const struct v6_attempt split = {V6_ACTION_SPLIT, false}, share = {V6_ACTION_SHARE, true};
	const struct v6_address *a = &f->self.socket.local;
	struct view v = view(f);
	bool splits = may_split(f), shares = v.partner && !v.refused;
	unsigned n = 0;

	if (f->self.cleared && splits) {
		attempts[n++] = (struct v6_attempt){V6_ACTION_YIELD, false};
		return n;
	}
	if (v.cleared && shares) {
		attempts[n++] = (struct v6_attempt){V6_ACTION_YIELD, true};
		return n;
	}
	/*
	 * Beside a mere connection nobody would serve IPv4 any more, without a word. And mapped
	 * addresses are left alone: only what the policy took from them they get back.
	 */
	if (v.connection || v6_address_mapped(a))
		return 0;
	switch (knobs->on_conflict) {
	case V6_ON_CONFLICT_RESOLVE:
		/* A split that fails shows that somebody has IPv6, beside whom nothing is shared. */
		if (shares && (!splits || v.single))
			attempts[n++] = share;
		if (splits)
			attempts[n++] = split;
		break;
	case V6_ON_CONFLICT_SHARE_IPV6:
		shares = shares && a->family == V6_FAMILY_INET6;
		/* fall through */
	case V6_ON_CONFLICT_SHARE:
		if (shares)
			attempts[n++] = share;
		break;
	default:
		break;
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
