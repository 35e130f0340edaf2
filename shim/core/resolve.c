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

enum v6_family v6_port_family(const struct v6_address *a)
{
	return v6_address_mapped(a) ? V6_FAMILY_INET : a->family;
}

static bool may_split(const struct v6_conflict *f)
{
	return f->event == V6_EVENT_BIND && f->address.family == V6_FAMILY_INET6 &&
	       v6_address_wildcard(&f->address) && f->v6only == 0;
}

/* A second socket of the family on the port would be a double start, unless it was meant. */
static bool may_share(const struct v6_conflict *f)
{
	return f->own_other && (!f->own_same || f->reuseport);
}

unsigned v6_conflict_plan(const struct v6_knobs *knobs, const struct v6_conflict *f,
	struct v6_attempt attempts[V6_ATTEMPTS_MAX])
{
	bool split = may_split(f), share = may_share(f);
	bool yield = f->cleared || f->own_other_cleared;
	unsigned n = 0;

	if (f->cleared && split)
		attempts[n++] = (struct v6_attempt){V6_ACTION_YIELD, false};
	if (yield && share)
		attempts[n++] = (struct v6_attempt){V6_ACTION_YIELD, true};
	/* Mapped addresses are left alone, but what the policy took from them they get back. */
	share = share && !yield && !v6_address_mapped(&f->address);
	switch (knobs->on_conflict) {
	case V6_ON_CONFLICT_RESOLVE:
		/* Beside a mere connection nobody would serve IPv4 any more, without a word. */
		if (split && !f->cleared && !f->connection)
			attempts[n++] = (struct v6_attempt){V6_ACTION_SPLIT, false};
		break;
	case V6_ON_CONFLICT_SHARE:
		break;
	case V6_ON_CONFLICT_SHARE_IPV6:
		share = share && f->address.family == V6_FAMILY_INET6;
		break;
	default:
		share = false;
	}
	if (share)
		attempts[n++] = (struct v6_attempt){V6_ACTION_SHARE, true};
	return n;
}
