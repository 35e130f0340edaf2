#include "advice.h"

#include "resolve.h"

static void text_holder(struct v6_text *t, const struct v6_holder *h)
{
	v6_address_port_text(t, &h->address);
	v6_text_str(t, h->connection ? " is held by a connection of " : " is held by ");
	if (h->fd >= 0)
		v6_text_print(t, "fd %d of this process", h->fd);
	else if (h->pid)
		v6_text_print(t, "%.*s[%d]", V6_SLICE(h->program), h->pid);
	else
		v6_text_str(t, h->connection ? "an earlier process" : "another process");
	if (h->fd < 0 && h->uid >= 0)
		v6_text_print(t, " of uid %lld", (long long)h->uid);
	if (h->address.family == V6_FAMILY_INET6 && v6_address_wildcard(&h->address))
		v6_text_str(t, h->v6only == 1 ? ", IPv6 only"
			       : h->v6only == 0
				       ? ", dual-stack (V6ONLY 0)"
				       : ", IPv4 perhaps too (Linux tells its V6ONLY since 4.3)");
}

static void text_done(struct v6_text *t, const struct v6_record *r)
{
	const struct v6_address *a = &r->holder.address;
	enum v6_action action = r->verdict.action;
	bool log = r->mode == V6_MODE_LOG;
	bool lost = r->holder.known && a->family == V6_FAMILY_INET && !v6_address_wildcard(a);

	if (action == V6_ACTION_SPLIT) {
		v6_text_str(t, log ? "; V6ONLY 1 on this socket would let both live"
				   : "; this socket now serves IPv6 alone");
		v6_text_str(t, lost && log ? ", with IPv4 at "
			       : lost      ? ", and IPv4 is served at "
			       : log       ? ""
					   : ", and both live");
		if (lost) {
			v6_address_text(t, a);
			v6_text_str(t, " alone: every other IPv4 address is lost");
		}
	} else if (action == V6_ACTION_YIELD && (r->after == 1 || (log && r->facts.before == 1))) {
		v6_text_print(t, "; the policy %s way, and this socket serves IPv6 alone",
			log ? "would give" : "gave");
	} else if (action == V6_ACTION_YIELD || action == V6_ACTION_SHARE) {
		v6_text_str(
			t, action == V6_ACTION_YIELD ? "; the policy had made the conflict" : "");
		v6_text_str(t,
			log         ? "; SO_REUSEPORT on both would let both live"
			: r->opened ? "; SO_REUSEPORT was set on both, IPv4 goes to the IPv4 "
				      "socket; the port is open to further SO_REUSEPORT sockets "
				      "of this user"
				    : "; both were let in by SO_REUSEADDR, IPv4 goes to the IPv4 "
				      "socket");
	}
}

/* What would let both live, of what is not on already; `resolve`: whether on-conflict can. */
static void text_cure(struct v6_text *t, const struct v6_knobs *knobs, bool resolve)
{
	bool policy = knobs->policy != V6_POLICY_IPV6_ONLY;

	resolve = resolve && knobs->on_conflict != V6_ON_CONFLICT_RESOLVE;
	v6_text_print(t, "%s%s%s", policy ? "policy=ipv6-only" : "",
		policy && resolve ? " or " : "",
		resolve  ? "on-conflict=resolve lets both live"
		: policy ? " lets both live"
			 : "V6ONLY 1 before its bind would let both live");
}

/* Nothing was done: what would help. */
static void text_advice(struct v6_text *t, const struct v6_record *r, const struct v6_knobs *knobs)
{
	const struct v6_holder *h = &r->holder;
	enum v6_family family = v6_port_family(&r->facts.address);
	bool own = h->fd >= 0, same = family == v6_port_family(&h->address);

	if (h->connection) {
		v6_text_str(
			t, v6_type_of_proto(r->proto) == V6_TYPE_DGRAM
				   ? " (it is connected): it keeps the port until it is closed"
			   : h->connection == V6_STATE_TIME_WAIT
				   ? " (in TIME_WAIT): it passes by itself within a minute or two, "
				     "and is no obstacle where SO_REUSEADDR is set on this socket "
				     "and was on that"
				   : " (open): it is no obstacle where SO_REUSEADDR is set on this "
				     "socket and was on the one that accepted it");
		v6_text_str(t, same ? "" : "; ");
		if (!same)
			text_cure(t, knobs, false);
	} else if (same) {
		v6_text_str(t, ", the same family: is the server started twice?");
	} else if (family == V6_FAMILY_INET6) {
		v6_text_str(t, ", and this IPv6 socket wants IPv4 too (V6ONLY 0): ");
		text_cure(t, knobs, r->facts.event == V6_EVENT_BIND || own);
	} else if (h->address.family == V6_FAMILY_INET6 && h->v6only != 1 &&
		   v6_address_wildcard(&h->address)) {
		/* Where its V6ONLY is not known: it is in the way of an IPv4 socket. */
		v6_text_str(t, ", so that it has IPv4 already: ");
		if (own)
			text_cure(t, knobs, true);
		else
			v6_text_str(t, "policy=ipv6-only for that program, of v6shim run or its "
				       "own settings, lets both live");
	}
}

/* UDP let both have it: net/ipv4/udp.c, compute_score(). */
static void text_overlap(struct v6_text *t, const struct v6_record *r, const struct v6_knobs *knobs)
{
	v6_text_print(t,
		"; with SO_REUSEADDR or SO_REUSEPORT on UDP that is no error, but IPv4 datagrams "
		"%s, "
		"broadcast and multicast to both; %s makes that plain",
		r->holder.device ? "that come by the IPv6 socket's device go to it"
				 : "go to the IPv4 socket alone",
		knobs->policy == V6_POLICY_IPV6_ONLY ? "mode=enforce" : "policy=ipv6-only");
}

void v6_advice_conflict(struct v6_text *t, const struct v6_record *r, const struct v6_knobs *knobs)
{
	enum v6_action action = r->verdict.action;
	bool resolved =
		action == V6_ACTION_SPLIT || action == V6_ACTION_SHARE || action == V6_ACTION_YIELD;

	if (!r->holder.known) {
		v6_text_str(t, "what holds the port was not found: it may be in another network "
			       "namespace's view, gone by now, or bound and not listening (Linux "
			       "tells of such TCP sockets since 6.8)");
		text_done(t, r);
		return;
	}
	v6_text_str(t, !r->error && r->enforce.error ? "with mode=enforce " : "");
	text_holder(t, &r->holder);
	if (resolved)
		text_done(t, r);
	else if (!r->error && !r->enforce.error)
		text_overlap(t, r, knobs);
	else if (!r->error || !r->enforce.known || r->enforce.error)
		text_advice(t, r, knobs);
	else if (r->enforce.result != V6_NO_RESULT)
		v6_text_str(t, "; mode=enforce lets both live");
}

void v6_advice_disorder(struct v6_text *t, const struct v6_record *r, enum v6_order order)
{
	bool denied = r->verdict.action == V6_ACTION_DENY;

	v6_text_print(t, "order=%s: %s %s socket of this process has the port %s",
		v6_word(V6_LIST_ORDER, order), denied ? "no" : "an",
		v6_family_title(v6_family_other(r->facts.address.family)),
		denied ? "yet" : "already");
}

void v6_advice_no_ipv6(struct v6_text *t, const struct v6_knobs *knobs)
{
	v6_text_str(t, "there is no IPv6 here: the kernel has none (ipv6.disable=1), or a filter "
		       "refuses it (systemd: RestrictAddressFamilies=)");
	if (knobs->policy != V6_POLICY_APP)
		v6_text_print(t, "; policy=%s has nothing to act on, and only IPv4 can be served",
			v6_word(V6_LIST_POLICY, knobs->policy));
	if (knobs->order == V6_ORDER_IPV6_FIRST)
		v6_text_str(t, "; order=ipv6-first reorders nothing");
}
