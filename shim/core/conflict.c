#include "conflict.h"

#include <string.h>

enum { PROTO_TCP = 6, PROTO_MPTCP = 262 };

int v6_port_space(int proto)
{
	return proto == PROTO_MPTCP ? PROTO_TCP : proto;
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
	return v6_address_mapped(a) ? V6_FAMILY_INET : (enum v6_family)a->family;
}

static bool may_split(const struct v6_conflict_facts *f)
{
	return f->event == V6_EVENT_BIND && f->address.family == V6_FAMILY_INET6 &&
	       v6_address_wildcard(&f->address) && f->v6only == 0;
}

/* A second socket of the family on the port would be a double start, unless it was meant. */
static bool may_share(const struct v6_conflict_facts *f)
{
	return f->own_other && (!f->own_same || f->reuseport);
}

unsigned v6_conflict_plan(const struct v6_knobs *knobs, const struct v6_conflict_facts *f,
	struct v6_attempt attempts[V6_ATTEMPTS_MAX])
{
	bool split = may_split(f), share = may_share(f), yield = f->made || f->own_other_made;
	unsigned n = 0;

	if (f->made && split)
		attempts[n++] = (struct v6_attempt){V6_ACTION_YIELD, false};
	if (yield && share)
		attempts[n++] = (struct v6_attempt){V6_ACTION_YIELD, true};
	/* Mapped addresses are left alone, but what the policy took from them they get back. */
	share = share && !yield && !v6_address_mapped(&f->address);
	switch (knobs->on_conflict) {
	case V6_CONFLICT_RESOLVE:
		/* Beside a mere connection nobody would serve IPv4 any more, without a word. */
		if (split && !f->made && !f->connection)
			attempts[n++] = (struct v6_attempt){V6_ACTION_SPLIT, false};
		break;
	case V6_CONFLICT_SHARE:
		break;
	case V6_CONFLICT_SHARE_IPV6:
		share = share && f->address.family == V6_FAMILY_INET6;
		break;
	default:
		share = false;
	}
	if (share)
		attempts[n++] = (struct v6_attempt){V6_ACTION_SHARE, true};
	return n;
}

/* The note. */

static void text_holder(struct v6_text *t, const struct v6_holder *h)
{
	v6_address_port_text(t, &h->address);
	v6_text_str(t, h->connection ? " is held by a connection of " : " is held by ");
	if (h->fd >= 0) {
		v6_text_str(t, "fd ");
		v6_text_int(t, h->fd);
		v6_text_str(t, " of this process");
	} else if (h->pid) {
		v6_text_safe(t, h->program.ptr, h->program.len);
		v6_text_char(t, '[');
		v6_text_int(t, h->pid);
		v6_text_char(t, ']');
	} else {
		v6_text_str(t, h->connection ? "an earlier process" : "another process");
	}
	if (h->fd < 0 && h->uid >= 0) {
		v6_text_str(t, " of uid ");
		v6_text_int(t, h->uid);
	}
	if (h->address.family != V6_FAMILY_INET6 || !v6_address_wildcard(&h->address))
		return;
	if (h->v6only == V6_UNKNOWN)
		v6_text_str(t, ", IPv4 perhaps too (Linux tells its V6ONLY since 4.3)");
	else
		v6_text_str(t, h->v6only ? ", IPv6 only" : ", dual-stack (V6ONLY 0)");
}

static void text_done(struct v6_text *t, const struct v6_record *r)
{
	bool log = r->mode == V6_MODE_LOG;

	switch (r->action) {
	case V6_ACTION_SPLIT:
		v6_text_str(t, log ? "; V6ONLY 1 on this socket would let both live"
				   : "; this socket now serves IPv6 alone, and both live");
		break;
	case V6_ACTION_YIELD:
		if (r->after == 1 || (log && r->before == 1)) {
			v6_text_str(t, "; the policy gave way, and this socket serves IPv6 alone");
			break;
		}
		v6_text_str(t, "; the policy had made the conflict");
		/* fall through */
	case V6_ACTION_SHARE:
		v6_text_str(t, log ? "; SO_REUSEPORT on both would let both live"
				   : "; SO_REUSEPORT was set on both, IPv4 goes to the IPv4 "
				     "socket; the port is open to further SO_REUSEPORT sockets "
				     "of this user");
		break;
	default:
		break;
	}
}

static bool own(const struct v6_holder *h)
{
	return h->fd >= 0;
}

/* Nothing was done: what would help. */
static void text_advice(struct v6_text *t, const struct v6_record *r)
{
	const struct v6_holder *h = &r->holder;
	/* Where it is not known: it is in the way of an IPv4 socket. */
	bool dual = h->address.family == V6_FAMILY_INET6 && h->v6only != 1 &&
		    v6_address_wildcard(&h->address);

	if (h->connection) {
		v6_text_str(t, " (open, or in TIME_WAIT): a server that sets SO_REUSEADDR can "
			       "bind all the same; it passes by itself within a minute or two");
	} else if (v6_port_family(&r->address) == v6_port_family(&h->address)) {
		v6_text_str(t, ", the same family: is the server started twice?");
	} else if (v6_port_family(&r->address) == V6_FAMILY_INET6) {
		v6_text_str(t, ", and this IPv6 socket wants IPv4 too (V6ONLY 0): ");
		if (r->event == V6_EVENT_LISTEN && !own(h))
			v6_text_str(t, "policy=ipv6-only lets both live");
		else
			v6_text_str(t, "on-conflict=resolve or policy=ipv6-only lets both live");
	} else if (dual && own(h)) {
		v6_text_str(t, ", so that it has IPv4 already: on-conflict=resolve or "
			       "policy=ipv6-only lets both live");
	} else if (dual) {
		v6_text_str(t, ", so that it has IPv4 already: that program needs "
			       "policy=ipv6-only (start it by v6shim run) to let both live");
	}
}

/* UDP let both have it. */
static void text_overlap(struct v6_text *t, const struct v6_record *r)
{
	text_holder(t, &r->holder);
	v6_text_str(t, "; with SO_REUSEADDR or SO_REUSEPORT on UDP that is no error, but IPv4 "
		       "datagrams go to the IPv4 socket alone; policy=ipv6-only makes that plain");
}

void v6_conflict_note(struct v6_text *t, const struct v6_record *r)
{
	bool resolved = r->action == V6_ACTION_SPLIT || r->action == V6_ACTION_SHARE ||
			r->action == V6_ACTION_YIELD;

	if (!r->holder.known) {
		v6_text_str(t, "what holds the port was not found: it may be in another network "
			       "namespace's view, gone by now, or bound and not listening (Linux "
			       "tells of such TCP sockets since 6.8)");
		text_done(t, r);
		return;
	}
	if (!resolved && !r->error) {
		text_overlap(t, r);
		return;
	}
	text_holder(t, &r->holder);
	if (r->mode == V6_MODE_LOG && r->want == 1 && !resolved)
		v6_text_str(t, "; V6ONLY 1, which enforce would have set, might let both live");
	else if (resolved)
		text_done(t, r);
	else
		text_advice(t, r);
}
