/*
 * The policy: every combination of settings and facts against DESIGN.md 1.2, 1.3 and 1.6, and what
 * v6_policy_needs() names against what is done.
 *
 * The oracle below is those sections written as tables. That each action comes about, with the kernel as
 * the witness, is e2e/policy.bats'.
 */
#include "unit.h"

#include "core/policy.h"

#include <errno.h>

/* ---- the contract as tables */

/* 1.3, policy. at_socket: an initial value; at_bind: forced right before every governed bind. */
static const struct {
	int value;
	bool at_socket, at_bind;
} policies[] = {
	[V6_POLICY_APP] = {-1, false, false},
	[V6_POLICY_IPV6_ONLY] = {1, false, true},
	[V6_POLICY_BOTH] = {0, false, true},
	[V6_POLICY_DEFAULT_IPV6_ONLY] = {1, true, false},
	[V6_POLICY_DEFAULT_BOTH] = {0, true, false},
};

/*
 * 1.2, governed bind of `::`, by the socket's type: without a port (a listener's), with one. Where there is a port
 * the type is not asked for, so that what is neither stream nor datagram but takes ports
 * (one-to-many SCTP) counts as governed; where there is none a type that is not known cannot be a
 * stream for sure.
 */
static const bool bind_governed[][2] = {
	[V6_TYPE_UNKNOWN] = {false, true},
	[V6_TYPE_STREAM] = {true, true},
	[V6_TYPE_DGRAM] = {false, true},
	[V6_TYPE_RAW] = {false, false},
	[V6_TYPE_SEQPACKET] = {false, true},
	[V6_TYPE_OTHER] = {false, false},
};

/*
 * 1.2, governed listen, by type: not known whether bound, never bound, bound. What is not known is
 * left to the kernel, which refuses V6ONLY on anything bound.
 */
static const bool listen_governed[][3] = {
	[V6_TYPE_UNKNOWN] = {true, true, false},
	[V6_TYPE_STREAM] = {true, true, false},
	[V6_TYPE_OTHER] = {false, false, false},
};

/* FACTS.md 1: V6ONLY can be set on an AF_INET6 socket that is not raw and not bound. */
static bool kernel_lets_set(const struct v6_facts *f)
{
	return f->family != V6_FAMILY_INET && f->type != V6_TYPE_RAW && f->bound != 1;
}

/* `::` or 0.0.0.0. */
static bool is_wildcard(const struct v6_address *a)
{
	int bytes = a->family == V6_FAMILY_INET6 ? 16 : a->family == V6_FAMILY_INET ? 4 : 0;
	uint8_t bits = 0;

	for (int i = 0; i < bytes; i++)
		bits |= a->bytes[i];
	return bytes && !bits;
}

static bool governed(const struct v6_facts *f)
{
	if (f->family == V6_FAMILY_INET)
		return false;
	if (f->event == V6_EVENT_BIND)
		return f->address.family == V6_FAMILY_INET6 && is_wildcard(&f->address) &&
		       bind_governed[f->type][f->address.port > 0] &&
		       (f->address.port || f->listener == 1);
	return f->event == V6_EVENT_LISTEN && listen_governed[f->type][f->bound + 1];
}

/* 1.6: `override` is a value set against what the application asked for. */
static struct v6_verdict to_set(int value, const struct v6_facts *f)
{
	if (f->before == value)
		return (struct v6_verdict){.v6only = -1};
	return (struct v6_verdict){
		.v6only = value, .action = f->asked == !value ? V6_ACTION_OVERRIDE : V6_ACTION_SET};
}

/* 1.3, order: the family that must bind a port first. */
static const enum v6_family first_family[] = {
	[V6_ORDER_APP] = V6_FAMILY_OTHER,
	[V6_ORDER_IPV4_FIRST] = V6_FAMILY_INET,
	[V6_ORDER_IPV6_FIRST] = V6_FAMILY_INET6,
};

/* A pair is two wildcards on one port; what has no ports has no pairs. */
static bool half_of_a_pair(const struct v6_facts *f)
{
	return f->event == V6_EVENT_BIND && f->address.port && is_wildcard(&f->address) &&
	       f->type != V6_TYPE_RAW && f->type != V6_TYPE_OTHER;
}

/*
 * 1.3, on-disorder: the second bind of a pair that was begun by the wrong family is a disorder;
 * with deny:ERRNO the family whose turn has not come is refused while the other is not there.
 */
static struct v6_verdict turn(const struct v6_knobs *k, const struct v6_facts *f)
{
	struct v6_verdict v = {.v6only = -1, .action = V6_ACTION_NONE, .finding = V6_FINDING_NONE};
	bool its_turn = f->address.family == first_family[k->order];

	if (k->order == V6_ORDER_APP || !half_of_a_pair(f))
		return v;
	if (its_turn && f->other == 1)
		v.finding = V6_FINDING_DISORDER;
	if (!its_turn && f->other == 0 && k->on_disorder)
		v = (struct v6_verdict){-1, V6_ACTION_DENY, V6_FINDING_DISORDER, k->on_disorder};
	return v;
}

static struct v6_verdict expected(const struct v6_knobs *k, const struct v6_facts *f)
{
	struct v6_verdict v = turn(k, f);
	int value = policies[k->policy].value;

	if (f->event == V6_EVENT_SOCKET && policies[k->policy].at_socket &&
		f->family == V6_FAMILY_INET6 && f->type != V6_TYPE_RAW)
		return to_set(value, f);
	if (!v.deny && policies[k->policy].at_bind && governed(f)) {
		enum v6_finding finding = v.finding;

		v = to_set(value, f);
		v.finding = finding;
	}
	if (f->event == V6_EVENT_SETSOCKOPT && f->asked >= 0) {
		bool contrary = value >= 0 && f->asked == !value && f->family != V6_FAMILY_INET;

		v.finding = contrary ? V6_FINDING_CONTRARY : V6_FINDING_NONE;
		/* What is no value at all is not looked at any further. */
		v.deny = f->nonboolean ? k->on_nonboolean : 0;
		if (!v.deny && contrary)
			v.deny = k->on_contrary;
		if (!kernel_lets_set(f))
			v.deny = 0;
		v.action = v.deny ? V6_ACTION_DENY : V6_ACTION_NONE;
	}
	return v;
}

/* ---- every combination */

static const int all_contrary[] = {0, EPERM, EOPNOTSUPP};
static const int all_disorder[] = {0, EPERM, EADDRINUSE};
static const int all_nonboolean[] = {0, EINVAL};
/* Those that are decided about come first. */
static const enum v6_event all_events[] = {V6_EVENT_SOCKET, V6_EVENT_SETSOCKOPT, V6_EVENT_BIND,
	V6_EVENT_LISTEN, V6_EVENT_LOAD, V6_EVENT_GETADDRINFO, V6_EVENT_INHERIT, V6_EVENT_LOST,
	V6_EVENT_ERROR};
/* Without a port: as clients bind, and as listeners do. */
static const struct {
	uint16_t port;
	int listener;
} all_ports[] = {{0, 0}, {80, 0}, {0, 1}, {65535, 1}};

/* `::` with and without a scope; then what must not be taken for it. */
static const struct v6_address all_addresses[] = {
	{.family = V6_FAMILY_INET6},
	{.family = V6_FAMILY_INET6, .scope = 2},
	{.family = V6_FAMILY_INET6, .bytes = {[15] = 1}},
	{.family = V6_FAMILY_INET6, .bytes = {1}},
	{.family = V6_FAMILY_INET6, .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
	{.family = V6_FAMILY_INET6, .bytes = {0xfe, 0x80, [15] = 1}, .scope = 2},
	{.family = V6_FAMILY_INET6, .bytes = {[10] = 0xff, 0xff}},
	{.family = V6_FAMILY_INET6, .bytes = {[10] = 0xff, 0xff, 127, 0, 0, 1}},
	{.family = V6_FAMILY_INET},
	{.family = V6_FAMILY_INET, .bytes = {127, 0, 0, 1}},
	{.family = V6_FAMILY_OTHER},
};

/* Places in that list: the first two are wildcards. */
enum { ANY6 = 0, WILDCARDS = 2, MAPPED_ANY = 6, MAPPED = 7, ANY4 = 8 };

enum axis {
	POLICY,
	CONTRARY,
	MODE,
	ORDER,
	DISORDER,
	NONBOOLEAN,
	EVENT,
	FAMILY,
	TYPE,
	ADDRESS,
	PORT,
	BOUND,
	ASKED,
	BEFORE,
	ODD,
	OTHER,
	AXES
};

/* How many values each axis has; in a space with 1 it stays at its first, the neutral one. */
static const unsigned sizes[AXES] = {5, COUNT(all_contrary), 2, 3, COUNT(all_disorder),
	COUNT(all_nonboolean), COUNT(all_events), 3, 6, COUNT(all_addresses), COUNT(all_ports), 3,
	3, 3, 2, 3};

/* No order: what V6ONLY comes to; an order beside it; values that are neither 0 nor 1. */
static const struct space {
	unsigned size[AXES];
	unsigned combinations;
} plain = {{5, 3, 2, 1, 1, 1, 9, 3, 6, 11, 4, 3, 3, 3, 1, 1}, 5773680},
  ordered = {{5, 1, 1, 3, 3, 1, 9, 3, 6, 11, 4, 1, 3, 3, 1, 3}, 8660520},
  nonboolean = {{5, 3, 2, 1, 1, 2, 9, 3, 6, 1, 1, 3, 3, 3, 2, 1}, 524880};

struct point {
	unsigned at[AXES];
	struct v6_knobs knobs;
	struct v6_facts facts;
};

static void fill(struct point *p)
{
	const unsigned *at = p->at;

	p->knobs = (struct v6_knobs){.policy = at[POLICY],
		.on_contrary = all_contrary[at[CONTRARY]],
		.on_disorder = all_disorder[at[DISORDER]],
		.on_nonboolean = all_nonboolean[at[NONBOOLEAN]],
		.order = at[ORDER],
		.mode = at[MODE]};
	p->facts = (struct v6_facts){.event = all_events[at[EVENT]],
		.family = at[FAMILY],
		.type = at[TYPE],
		.bound = (int)at[BOUND] - 1,
		.asked = (int)at[ASKED] - 1,
		.before = (int)at[BEFORE] - 1,
		.nonboolean = at[ODD],
		.other = (int)at[OTHER] - 1,
		.address = all_addresses[at[ADDRESS]]};
	p->facts.address.port = all_ports[at[PORT]].port;
	p->facts.listener = all_ports[at[PORT]].listener;
}

static bool next(struct point *p, const struct space *space)
{
	return next_of(p->at, space->size, AXES);
}

/* Fails with the whole combination. */
static void fail_at(const struct point *p, const char *what, const struct v6_verdict *v)
{
	const struct v6_facts *f = &p->facts;
	V6_TEXT(t, 80);

	v6_address_port_text(&t, &f->address);
	fail_msg("%s: v6only %d action %s finding %s deny %d for %s of family %d type %d at %s: "
		 "bound %d, asked %d, before %d, nonboolean %d, other %d; policy %s, on-contrary "
		 "%d, order %d, on-disorder %d, on-nonboolean %d, mode %d",
		what, v->v6only, v6_word(V6_LIST_ACTION, v->action),
		v6_word(V6_LIST_FINDING, v->finding), v->deny, v6_word(V6_LIST_EVENT, f->event),
		f->family, f->type, *t.buf ? t.buf : "nowhere", f->bound, f->asked, f->before,
		f->nonboolean, f->other, v6_word(V6_LIST_POLICY, p->knobs.policy),
		p->knobs.on_contrary, p->knobs.order, p->knobs.on_disorder, p->knobs.on_nonboolean,
		p->knobs.mode);
}

static bool same(const struct v6_verdict *a, const struct v6_verdict *b)
{
	return a->v6only == b->v6only && a->action == b->action && a->finding == b->finding &&
	       a->deny == b->deny;
}

TEST(every_value_there_is_gets_its_turn)
{
	for (unsigned i = 0; i < AXES; i++) {
		unsigned n = plain.size[i], m = ordered.size[i], o = nonboolean.size[i];

		assert_true(n == 1 || n == sizes[i]);
		assert_true(m == 1 || m == sizes[i]);
		assert_true(o == 1 || o == sizes[i]);
		assert_true(n == sizes[i] || m == sizes[i] || o == sizes[i]);
	}
	assert_int_equal(COUNT(all_events), V6_EVENT_ERROR + 1);
	assert_int_equal(sizes[TYPE], V6_TYPE_OTHER + 1);
	assert_int_equal(COUNT(policies), sizes[POLICY]);
}

TEST(every_combination_is_decided_as_the_contract_says)
{
	static const struct space *const spaces[] = {&plain, &ordered, &nonboolean};

	for (size_t i = 0; i < COUNT(spaces); i++) {
		struct point p = {0};
		unsigned checked = 0;

		do {
			struct v6_verdict is, should;

			fill(&p);
			is = v6_decide(&p.knobs, &p.facts);
			should = expected(&p.knobs, &p.facts);
			checked++;
			if (!same(&is, &should))
				fail_at(&p, "not the contract's", &is);
		} while (next(&p, spaces[i]));
		assert_int_equal(checked, spaces[i]->combinations);
	}
}

/* ---- what needs to be known; that no more is asked, e2e/syscalls.bats */

/* Facts as they are of some call: nothing is unknown that a socket has. */
static const struct space truth = {{5, 2, 2, 3, 2, 2, 4, 3, 6, 11, 3, 3, 3, 3, 2, 3}, 0};

static bool possible(const struct point *p)
{
	const struct v6_facts *f = &p->facts;

	/* Of the two families there is no socket of another type. */
	if (f->family == V6_FAMILY_OTHER || f->type == V6_TYPE_UNKNOWN || f->type == V6_TYPE_OTHER)
		return false;
	if (f->bound == -1 || f->before == -1 || f->other == -1)
		return false;
	if (f->family == V6_FAMILY_INET && f->before)
		return false;
	/* One-to-many SCTP listens, and is governed where it is bound: nothing is promised. */
	if (f->event == V6_EVENT_LISTEN && f->type == V6_TYPE_SEQPACKET)
		return false;
	return f->event == V6_EVENT_SETSOCKOPT || !f->nonboolean;
}

/* What remains of the facts where only those that are named were asked for. */
static struct v6_facts known(const struct point *p, unsigned needs)
{
	struct v6_facts f;

	v6_facts_init(&f, p->facts.event);
	f.address = p->facts.address;
	/* socket(2) has them among its arguments. */
	if (needs & V6_NEED_FAMILY || f.event == V6_EVENT_SOCKET)
		f.family = p->facts.family;
	if (needs & V6_NEED_TYPE || f.event == V6_EVENT_SOCKET)
		f.type = p->facts.type;
	if (needs & V6_NEED_LISTENER)
		f.listener = p->facts.listener;
	if (needs & V6_NEED_BOUND)
		f.bound = p->facts.bound;
	if (needs & V6_NEED_OTHER)
		f.other = p->facts.other;
	if (needs & V6_NEED_VALUE) {
		f.asked = p->facts.asked;
		f.nonboolean = p->facts.nonboolean;
	}
	return f;
}

/* What was done once the call is over: refused, V6ONLY as it is then, a disorder found. */
struct effect {
	int deny, v6only;
	bool disorder;
};

/*
 * V6ONLY as the kernel has it: setsockopt(2) does nothing to what is bound, raw or not AF_INET6,
 * and where the call fails, as listen does on what is no stream, bind on what is bound and bind of
 * `::` on AF_INET, it is undone. With mode=log the kernel is not asked, but for what V6ONLY is.
 */
static struct effect effect_of(const struct point *p, const struct v6_verdict *v)
{
	const struct v6_facts *f = &p->facts;
	struct effect e = {v->deny, f->before, v->finding == V6_FINDING_DISORDER};
	bool fails = (f->event == V6_EVENT_LISTEN && f->type != V6_TYPE_STREAM) ||
		     (f->event == V6_EVENT_BIND && f->bound == 1);
	bool set = v->v6only != V6_UNKNOWN && !fails && f->family == V6_FAMILY_INET6;

	if (set && (p->knobs.mode == V6_MODE_LOG || kernel_lets_set(f)))
		e.v6only = v->v6only;
	return e;
}

TEST(what_is_not_needed_changes_nothing_that_is_done)
{
	unsigned effects = 0, checked = 0, lean = 0;
	struct point p = {0};

	do {
		unsigned needs;
		struct v6_verdict full, is;
		struct v6_facts some;
		struct effect a, b;

		fill(&p);
		if (!possible(&p))
			continue;
		needs = v6_policy_needs(&p.knobs, p.facts.event, &p.facts.address);
		some = known(&p, needs);
		full = v6_decide(&p.knobs, &p.facts);
		is = v6_decide(&p.knobs, &some);
		if (!(needs & V6_NEED_VERDICT))
			is = (struct v6_verdict){.v6only = V6_UNKNOWN};
		a = effect_of(&p, &full);
		b = effect_of(&p, &is);
		if (a.deny != b.deny || a.v6only != b.v6only || a.disorder != b.disorder)
			fail_at(&p, "done otherwise where less is known", &is);
		checked++;
		lean += !needs;
		effects += a.deny || a.disorder || a.v6only != p.facts.before;
		/* Whatever else is named, what only a record tells is not. */
		assert_false(needs & (V6_NEED_ASKED | V6_NEED_BEFORE));
		assert_true(!needs || needs & V6_NEED_VERDICT);
	} while (next(&p, &truth));
	assert_true(effects > 1000 && lean > 1000 && effects + lean < checked);
	/* Of no other event is anything decided. */
	assert_int_equal(v6_policy_needs(&p.knobs, V6_EVENT_GETADDRINFO, NULL), 0);
}

/* FACTS.md 2: the errno of a mapped bind, where the kernel has EINVAL because V6ONLY is 1. */
TEST(a_mapped_bind_gets_the_errno_of_another_system_where_v6only_is_1)
{
	struct space mapped = {{1, 1, 2, 1, 1, 1, 9, 3, 6, 11, 3, 3, 3, 3, 1, 1}, 0};
	struct point p = {0};
	unsigned yes = 0;

	do {
		bool is_mapped = p.at[ADDRESS] == MAPPED_ANY || p.at[ADDRESS] == MAPPED;
		bool so;

		fill(&p);
		assert_int_equal(v6_decide_mapped(&p.knobs, &p.facts), 0);
		so = p.facts.event == V6_EVENT_BIND && is_mapped && p.facts.before == 1 &&
		     p.facts.bound == 0;
		p.knobs.on_mapped = EADDRNOTAVAIL;
		assert_int_equal(v6_decide_mapped(&p.knobs, &p.facts), so ? EADDRNOTAVAIL : 0);
		yes += so;
	} while (next(&p, &mapped));
	/* 2 modes, 3 families, 6 types, 2 addresses, 3 ports, 3 of asked. */
	assert_int_equal(yes, 2 * 3 * 6 * 2 * 3 * 3);
}

/*
 * 1.6, unenforced and ipv4-socket, of a socket that serves: by policy, then at `::` with V6ONLY 0, 1 or
 * not known, each where the application asked for nothing and for something; then at 0.0.0.0.
 */
TEST(what_serves_without_the_policy_being_in_force_is_found)
{
	static const struct {
		enum v6_policy policy;
		const char *in6, *in;
	} rows[] = {
		{V6_POLICY_APP, "-- -- --", "-"},
		{V6_POLICY_IPV6_ONLY, "uu -- --", "4"},
		{V6_POLICY_BOTH, "-- uu --", "4"},
		{V6_POLICY_DEFAULT_IPV6_ONLY, "u- -- --", "-"},
		{V6_POLICY_DEFAULT_BOTH, "-- u- --", "-"},
	};
	static const int asked[] = {-1, 0}, v6only[] = {0, 1, -1};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct v6_knobs k = {.policy = rows[i].policy};

		for (size_t a = 0; a < COUNT(all_addresses); a++)
			for (int v = 0; v < 6; v++) {
				const struct v6_address *at = &all_addresses[a];
				char is = a < WILDCARDS ? rows[i].in6[v / 2 * 3 + v % 2]
					  : a == ANY4   ? *rows[i].in
							: '-';

				assert_int_equal(
					v6_decide_serving(&k, at, v6only[v / 2], asked[v % 2]),
					is == 'u'   ? V6_FINDING_UNENFORCED
					: is == '4' ? V6_FINDING_IPV4_SOCKET
						    : V6_FINDING_NONE);
			}
	}
}

TEST(each_policy_stands_for_its_value_and_facts_start_unknown)
{
	struct v6_facts f;

	for (size_t i = 0; i < COUNT(policies); i++) {
		assert_int_equal(v6_policy_value((enum v6_policy)i), policies[i].value);
		assert_int_equal(v6_policy_forced((enum v6_policy)i), policies[i].at_bind);
	}
	v6_facts_init(&f, V6_EVENT_LISTEN);
	assert_int_equal(f.event, V6_EVENT_LISTEN);
	assert_true(f.family == V6_FAMILY_OTHER && f.type == V6_TYPE_UNKNOWN && !f.nonboolean);
	assert_true(f.listener == -1 && f.bound == -1 && f.asked == -1 && f.before == -1 &&
		    f.other == -1);
	assert_int_equal(f.address.family, V6_FAMILY_OTHER);
}

RUN_TESTS()
