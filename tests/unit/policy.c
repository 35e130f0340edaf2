/*
 * The policy: every combination of settings and facts against DESIGN.md 1.2, 1.3 and 1.6.
 *
 * The oracle below is those sections written as tables. The totals are the same sections counted on
 * paper, so that neither the loop nor the oracle can silently be empty.
 */
#include "unit.h"

#include "core/policy.h"

#include <errno.h>

/* ---- the contract as tables */

/* 1.3, policy. at_socket: an initial value; at_bind: forced right before every governed bind. */
static const struct {
	int8_t value;
	bool at_socket;
	bool at_bind;
} policies[] = {
	[V6_POLICY_APP] = {-1, false, false},
	[V6_POLICY_IPV6_ONLY] = {1, false, true},
	[V6_POLICY_BOTH] = {0, false, true},
	[V6_POLICY_DEFAULT_IPV6_ONLY] = {1, true, false},
	[V6_POLICY_DEFAULT_BOTH] = {0, true, false},
};

/*
 * 1.2, governed bind of `::`, by the socket's type: without a port, with one. Where there is a port
 * the type is not asked for, so that what is neither stream nor datagram but takes ports
 * (one-to-many SCTP) counts as governed; where there is none a type that is not known cannot be a
 * stream for sure.
 */
static const bool bind_governed[V6_TYPE_COUNT][2] = {
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
static const bool listen_governed[V6_TYPE_COUNT][3] = {
	[V6_TYPE_UNKNOWN] = {true, true, false},
	[V6_TYPE_STREAM] = {true, true, false},
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

static bool is_double_colon(const struct v6_address *a)
{
	return a->family == V6_FAMILY_INET6 && is_wildcard(a);
}

static bool governed(const struct v6_facts *f)
{
	if (f->family == V6_FAMILY_INET)
		return false;
	if (f->event == V6_EVENT_BIND)
		return is_double_colon(&f->address) && bind_governed[f->type][f->address.port > 0];
	if (f->event == V6_EVENT_LISTEN)
		return listen_governed[f->type][f->bound + 1];
	return false;
}

/* 1.6: `override` is a value set against what the application asked for. */
static struct v6_verdict to_set(int8_t value, const struct v6_facts *f)
{
	bool against = f->asked == !value;

	if (f->before == value)
		return (struct v6_verdict){.v6only = -1};
	return (struct v6_verdict){
		.v6only = value, .action = against ? V6_ACTION_OVERRIDE : V6_ACTION_SET};
}

/* 1.3, order: the family that must bind a port first. */
static const uint8_t first_family[] = {
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
	int8_t value = policies[k->policy].value;

	if (f->event == V6_EVENT_SOCKET && policies[k->policy].at_socket &&
		f->family == V6_FAMILY_INET6 && f->type != V6_TYPE_RAW)
		return to_set(value, f);
	if ((f->event == V6_EVENT_BIND || f->event == V6_EVENT_LISTEN) && !v.deny &&
		policies[k->policy].at_bind && governed(f)) {
		uint8_t finding = v.finding;

		v = to_set(value, f);
		v.finding = finding;
	}
	if (f->event == V6_EVENT_SETSOCKOPT && f->value >= 0) {
		bool contrary = value >= 0 && f->value == !value;

		v.finding = contrary ? V6_FINDING_CONTRARY : V6_FINDING_NONE;
		/* What is no value at all is not looked at any further. */
		v.deny = f->odd ? k->on_nonboolean : 0;
		if (!v.deny && contrary)
			v.deny = k->on_contrary;
		if (!kernel_lets_set(f))
			v.deny = 0;
		v.action = v.deny ? V6_ACTION_DENY : V6_ACTION_NONE;
	}
	return v;
}

/* ---- every combination */

static const uint8_t all_policies[] = {V6_POLICY_APP, V6_POLICY_IPV6_ONLY, V6_POLICY_BOTH,
	V6_POLICY_DEFAULT_IPV6_ONLY, V6_POLICY_DEFAULT_BOTH};
static const int16_t all_contrary[] = {0, EPERM, EOPNOTSUPP};
static const int16_t all_disorder[] = {0, EPERM, EADDRINUSE};
static const int16_t all_nonboolean[] = {0, EINVAL};
static const bool all_odd[] = {false, true};
static const uint8_t all_orders[] = {V6_ORDER_APP, V6_ORDER_IPV4_FIRST, V6_ORDER_IPV6_FIRST};
static const uint8_t all_modes[] = {V6_MODE_ENFORCE, V6_MODE_LOG};
static const uint8_t all_events[] = {V6_EVENT_SOCKET, V6_EVENT_SETSOCKOPT, V6_EVENT_BIND,
	V6_EVENT_LISTEN, V6_EVENT_LOAD, V6_EVENT_GETADDRINFO, V6_EVENT_INHERIT, V6_EVENT_LOST,
	V6_EVENT_ERROR};
static const uint8_t all_families[] = {V6_FAMILY_OTHER, V6_FAMILY_INET, V6_FAMILY_INET6};
static const uint8_t all_types[] = {V6_TYPE_UNKNOWN, V6_TYPE_STREAM, V6_TYPE_DGRAM, V6_TYPE_RAW,
	V6_TYPE_SEQPACKET, V6_TYPE_OTHER};
static const int8_t all_bits[] = {-1, 0, 1};
static const uint16_t all_ports[] = {0, 80, 65535};

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
enum { ANY6 = 0, WILDCARDS = 2, MAPPED_ANY = 6, MAPPED = 7, ANY4 = 8, NOWHERE = 10 };

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
	VALUE,
	ODD,
	OTHER,
	AXES
};

/* How many values of each axis are gone through; with 1 it stays at its first, the neutral one. */
struct space {
	unsigned size[AXES];
	unsigned long combinations;
};

/* No order: what V6ONLY comes to. */
static const struct space plain = {
	.size = {[POLICY] = 5,
		[CONTRARY] = 3,
		[MODE] = 2,
		[ORDER] = 1,
		[DISORDER] = 1,
		[NONBOOLEAN] = 1,
		[EVENT] = 9,
		[FAMILY] = 3,
		[TYPE] = 6,
		[ADDRESS] = 11,
		[PORT] = 3,
		[BOUND] = 3,
		[ASKED] = 3,
		[BEFORE] = 3,
		[VALUE] = 3,
		[ODD] = 1,
		[OTHER] = 1},
	.combinations = 5ul * 3 * 2 * 9 * 3 * 6 * 11 * 3 * 3 * 3 * 3 * 3,
};

/* An order beside it. */
static const struct space ordered = {
	.size = {[POLICY] = 5,
		[CONTRARY] = 1,
		[MODE] = 1,
		[ORDER] = 3,
		[DISORDER] = 3,
		[NONBOOLEAN] = 1,
		[EVENT] = 9,
		[FAMILY] = 3,
		[TYPE] = 6,
		[ADDRESS] = 11,
		[PORT] = 3,
		[BOUND] = 1,
		[ASKED] = 3,
		[BEFORE] = 3,
		[VALUE] = 1,
		[ODD] = 1,
		[OTHER] = 3},
	.combinations = 5ul * 3 * 3 * 9 * 3 * 6 * 11 * 3 * 3 * 3 * 3,
};

/* Values that are neither 0 nor 1. */
static const struct space nonboolean = {
	.size = {[POLICY] = 5,
		[CONTRARY] = 3,
		[MODE] = 2,
		[ORDER] = 1,
		[DISORDER] = 1,
		[NONBOOLEAN] = 2,
		[EVENT] = 9,
		[FAMILY] = 3,
		[TYPE] = 6,
		[ADDRESS] = 1,
		[PORT] = 1,
		[BOUND] = 3,
		[ASKED] = 3,
		[BEFORE] = 3,
		[VALUE] = 3,
		[ODD] = 2,
		[OTHER] = 1},
	.combinations = 5ul * 3 * 2 * 2 * 9 * 3 * 6 * 3 * 3 * 3 * 3 * 2,
};

struct point {
	unsigned at[AXES];
	struct v6_knobs knobs;
	struct v6_facts facts;
};

static void fill(struct point *p)
{
	const unsigned *at = p->at;

	p->knobs = (struct v6_knobs){.policy = all_policies[at[POLICY]],
		.on_contrary = all_contrary[at[CONTRARY]],
		.on_disorder = all_disorder[at[DISORDER]],
		.on_nonboolean = all_nonboolean[at[NONBOOLEAN]],
		.order = all_orders[at[ORDER]],
		.mode = all_modes[at[MODE]]};
	p->facts = (struct v6_facts){.event = all_events[at[EVENT]],
		.family = all_families[at[FAMILY]],
		.type = all_types[at[TYPE]],
		.bound = all_bits[at[BOUND]],
		.asked = all_bits[at[ASKED]],
		.before = all_bits[at[BEFORE]],
		.value = all_bits[at[VALUE]],
		.odd = all_odd[at[ODD]],
		.other = all_bits[at[OTHER]],
		.address = all_addresses[at[ADDRESS]]};
	p->facts.address.port = all_ports[at[PORT]];
}

/* The next combination, as an odometer turns; false past the last. */
static bool next(struct point *p, const struct space *space)
{
	for (int i = AXES - 1; i >= 0; i--) {
		if (++p->at[i] < space->size[i])
			return true;
		p->at[i] = 0;
	}
	return false;
}

static void show(char *buf, size_t size, const struct point *p)
{
	const struct v6_facts *f = &p->facts;
	char address[80];
	struct v6_text t = v6_text_in(address, sizeof(address));

	v6_address_port_text(&t, &f->address);
	snprintf(buf, size,
		"%s of family %d type %d at %s: bound %d, asked %d, before %d, value %d, "
		"odd %d, other %d; policy %s, on-contrary %d, order %d, on-disorder %d, "
		"on-nonboolean %d, mode %d",
		v6_event_name(f->event), f->family, f->type, *address ? address : "nowhere",
		f->bound, f->asked, f->before, f->value, f->odd, f->other,
		v6_setting_word_of(V6_SETTING_POLICY, p->knobs.policy), p->knobs.on_contrary,
		p->knobs.order, p->knobs.on_disorder, p->knobs.on_nonboolean, p->knobs.mode);
}

static void check_verdict(
	const char *what, const struct v6_verdict *is, const struct v6_verdict *should)
{
	if (is->v6only == should->v6only && is->action == should->action &&
		is->finding == should->finding && is->deny == should->deny)
		return;
	fail_msg("%s: got v6only %d action %s finding %s deny %d, expected %d %s %s %d", what,
		is->v6only, v6_action_name(is->action), v6_finding_name(is->finding), is->deny,
		should->v6only, v6_action_name(should->action), v6_finding_name(should->finding),
		should->deny);
}

static bool same(const struct v6_verdict *a, const struct v6_verdict *b)
{
	return a->v6only == b->v6only && a->action == b->action && a->finding == b->finding &&
	       a->deny == b->deny;
}

static void test_every_value_there_is_gets_its_turn(void **state)
{
	const unsigned sizes[AXES] = {COUNT(all_policies), COUNT(all_contrary), COUNT(all_modes),
		COUNT(all_orders), COUNT(all_disorder), COUNT(all_nonboolean), COUNT(all_events),
		COUNT(all_families), COUNT(all_types), COUNT(all_addresses), COUNT(all_ports),
		COUNT(all_bits), COUNT(all_bits), COUNT(all_bits), COUNT(all_bits), COUNT(all_odd),
		COUNT(all_bits)};

	(void)state;
	for (unsigned i = 0; i < AXES; i++) {
		unsigned n = plain.size[i], m = ordered.size[i], o = nonboolean.size[i];

		assert_true(n == 1 || n == sizes[i]);
		assert_true(m == 1 || m == sizes[i]);
		assert_true(o == 1 || o == sizes[i]);
		assert_true(n == sizes[i] || m == sizes[i] || o == sizes[i]);
	}
	assert_int_equal(COUNT(all_events), V6_EVENT_COUNT);
	assert_int_equal(COUNT(all_types), V6_TYPE_COUNT);
	assert_int_equal(COUNT(policies), COUNT(all_policies));
}

static unsigned long compare_all(const struct space *space)
{
	struct point p = {0};
	unsigned long checked = 0;

	do {
		struct v6_verdict is, should;
		char what[400];

		fill(&p);
		is = v6_decide(&p.knobs, &p.facts);
		should = expected(&p.knobs, &p.facts);
		checked++;
		if (same(&is, &should))
			continue;
		show(what, sizeof(what), &p);
		check_verdict(what, &is, &should);
	} while (next(&p, space));
	return checked;
}

static void test_every_combination_is_decided_as_the_contract_says(void **state)
{
	(void)state;
	assert_int_equal(compare_all(&plain), plain.combinations);
	assert_int_equal(plain.combinations, 12990780);
}

static void test_every_combination_with_an_order_is_decided_as_the_contract_says(void **state)
{
	(void)state;
	assert_int_equal(compare_all(&ordered), ordered.combinations);
	assert_int_equal(ordered.combinations, 6495390);
}

static void test_every_value_that_is_no_value_is_decided_as_the_contract_says(void **state)
{
	(void)state;
	assert_int_equal(compare_all(&nonboolean), nonboolean.combinations);
	assert_int_equal(nonboolean.combinations, 1574640);
}

static void test_every_combination_is_governed_as_the_contract_says(void **state)
{
	struct point p = {0};
	unsigned long checked = 0, yes = 0;
	char what[400];

	(void)state;
	do {
		bool is;

		fill(&p);
		is = v6_governed(&p.facts);
		checked++;
		yes += is;
		if (is == governed(&p.facts))
			continue;
		show(what, sizeof(what), &p);
		fail_msg("%s: %s", what, is ? "governed" : "not governed");
	} while (next(&p, &plain));
	assert_int_equal(checked, plain.combinations);
	/*
	 * 30 settings, 2 families, 27 of asked, before and value. Bind: 2 addresses, 9 pairs of
	 * type and port, 3 of bound. Listen: 2 types, 33 addresses that do not matter, 2 of bound.
	 */
	assert_int_equal(yes, 30 * 2 * 27 * (2 * 9 * 3 + 2 * 33 * 2));
}

static void test_an_order_has_a_say_in_both_halves_of_a_pair(void **state)
{
	struct point p = {0};

	(void)state;
	do {
		fill(&p);
		assert_int_equal(v6_ordered(&p.knobs, &p.facts),
			p.knobs.order != V6_ORDER_APP && half_of_a_pair(&p.facts));
	} while (next(&p, &ordered));
}

/* What was counted on paper from the contract, apart from the oracle. */
static void test_each_action_comes_as_often_as_the_contract_makes_it(void **state)
{
	/* policies, reactions and modes, families, addresses and ports, bound, asked, before, value
	 */
	enum {
		AT_SOCKET = 2 * 6 * 1 * 5 /* not raw */ * 33 * 3 * 2 * 3,
		AT_BIND = 2 * 6 * 2 * (WILDCARDS * 9) * 3 * 2 * 3,
		AT_LISTEN = 2 * 6 * 2 * 2 /* stream, unknown */ * 33 * 2 * 2 * 3,
		DENIED = 4 * (2 * 2) * 2 * 5 * 33 * 2 * 9 * 1,
		CONTRARY_FOUND = 4 * 6 * 3 * 6 * 33 * 3 * 9 * 1,
	};
	unsigned long actions[V6_ACTION_COUNT] = {0}, findings[V6_FINDING_COUNT] = {0};
	struct point p = {0};

	(void)state;
	do {
		struct v6_verdict v;

		fill(&p);
		v = v6_decide(&p.knobs, &p.facts);
		actions[v.action]++;
		findings[v.finding]++;
	} while (next(&p, &plain));
	/* Of three values of `asked` one is the opposite. */
	assert_int_equal(actions[V6_ACTION_OVERRIDE], AT_SOCKET + AT_BIND + AT_LISTEN);
	assert_int_equal(actions[V6_ACTION_SET], 2 * (AT_SOCKET + AT_BIND + AT_LISTEN));
	assert_int_equal(actions[V6_ACTION_DENY], DENIED);
	assert_int_equal(findings[V6_FINDING_CONTRARY], CONTRARY_FOUND);
	assert_int_equal(actions[V6_ACTION_NONE],
		plain.combinations - 3 * (AT_SOCKET + AT_BIND + AT_LISTEN) - DENIED);
	assert_int_equal(findings[V6_FINDING_NONE], plain.combinations - CONTRARY_FOUND);
}

/* ---- sentences that hold for every combination, each on its own */

typedef bool (*premise)(const struct point *p);
typedef bool (*sentence)(const struct point *p, const struct v6_verdict *v);

static void holds_in(const struct space *space, premise where, sentence so)
{
	struct point p = {0};
	unsigned long cases = 0;
	char what[400];

	do {
		struct v6_verdict v;

		fill(&p);
		if (!where(&p))
			continue;
		cases++;
		v = v6_decide(&p.knobs, &p.facts);
		if (so(&p, &v))
			continue;
		show(what, sizeof(what), &p);
		fail_msg("%s: v6only %d action %s finding %s deny %d", what, v.v6only,
			v6_action_name(v.action), v6_finding_name(v.finding), v.deny);
	} while (next(&p, space));
	assert_true(cases > 1000);
}

static void holds(premise where, sentence so)
{
	struct space space = plain;

	/* The modes have a sentence of their own. */
	space.size[MODE] = 1;
	holds_in(&space, where, so);
}

static void holds_with_an_order(premise where, sentence so)
{
	holds_in(&ordered, where, so);
}

static bool always(const struct point *p)
{
	(void)p;
	return true;
}

static bool nothing(const struct point *p, const struct v6_verdict *v)
{
	(void)p;
	return v->v6only == -1 && v->action == V6_ACTION_NONE && v->finding == V6_FINDING_NONE &&
	       !v->deny;
}

static bool changes_nothing(const struct point *p, const struct v6_verdict *v)
{
	(void)p;
	return v->v6only == -1 && v->action == V6_ACTION_NONE && !v->deny;
}

static bool policy_app(const struct point *p)
{
	return p->knobs.policy == V6_POLICY_APP;
}

static void test_policy_app_decides_nothing(void **state)
{
	(void)state;
	holds(policy_app, nothing);
}

static bool forced_at_socket(const struct point *p)
{
	return policies[p->knobs.policy].at_bind && p->facts.event == V6_EVENT_SOCKET;
}

static void test_a_forced_policy_never_acts_at_socket(void **state)
{
	(void)state;
	holds(forced_at_socket, nothing);
}

static bool default_at_bind(const struct point *p)
{
	return policies[p->knobs.policy].at_socket &&
	       (p->facts.event == V6_EVENT_BIND || p->facts.event == V6_EVENT_LISTEN);
}

static void test_a_default_policy_never_acts_at_bind_or_listen(void **state)
{
	(void)state;
	holds(default_at_bind, nothing);
}

static bool raw(const struct point *p)
{
	return p->facts.type == V6_TYPE_RAW;
}

static void test_raw_sockets_are_never_changed(void **state)
{
	(void)state;
	holds(raw, changes_nothing);
}

static bool family_inet(const struct point *p)
{
	return p->facts.family == V6_FAMILY_INET;
}

static void test_ipv4_sockets_are_never_changed(void **state)
{
	(void)state;
	holds(family_inet, changes_nothing);
}

static bool bind_elsewhere(const struct point *p)
{
	return p->facts.event == V6_EVENT_BIND && p->at[ADDRESS] >= WILDCARDS;
}

static void test_single_mapped_and_ipv4_addresses_are_never_changed(void **state)
{
	(void)state;
	holds(bind_elsewhere, nothing);
}

static bool bound_already(const struct point *p)
{
	return p->facts.bound == 1 &&
	       (p->facts.event == V6_EVENT_LISTEN || p->facts.event == V6_EVENT_SETSOCKOPT);
}

static void test_what_is_bound_keeps_the_kernels_answer(void **state)
{
	(void)state;
	holds(bound_already, changes_nothing);
}

static bool other_events(const struct point *p)
{
	return p->facts.event != V6_EVENT_SOCKET && p->facts.event != V6_EVENT_SETSOCKOPT &&
	       p->facts.event != V6_EVENT_BIND && p->facts.event != V6_EVENT_LISTEN;
}

static void test_other_events_decide_nothing(void **state)
{
	(void)state;
	holds(other_events, nothing);
}

static bool on_contrary_allow(const struct point *p)
{
	return !p->knobs.on_contrary;
}

static bool denies_nothing(const struct point *p, const struct v6_verdict *v)
{
	(void)p;
	return !v->deny && v->action != V6_ACTION_DENY;
}

static void test_on_contrary_allow_denies_nothing(void **state)
{
	(void)state;
	holds(on_contrary_allow, denies_nothing);
}

static bool consistent(const struct point *p, const struct v6_verdict *v)
{
	bool sets = v->action == V6_ACTION_SET || v->action == V6_ACTION_OVERRIDE;

	int deny = v->finding == V6_FINDING_CONTRARY   ? p->knobs.on_contrary
		   : v->finding == V6_FINDING_DISORDER ? p->knobs.on_disorder
						       : 0;

	return (v->v6only != -1) == sets && (v->deny != 0) == (v->action == V6_ACTION_DENY) &&
	       (!v->deny || v->deny == deny) && (!sets || v->v6only != p->facts.before);
}

static void test_a_verdict_never_contradicts_itself(void **state)
{
	(void)state;
	holds(always, consistent);
	holds_with_an_order(always, consistent);
}

static bool same_in_either_mode(const struct point *p, const struct v6_verdict *v)
{
	struct v6_knobs other = p->knobs;
	struct v6_verdict w;

	other.mode = p->knobs.mode == V6_MODE_LOG ? V6_MODE_ENFORCE : V6_MODE_LOG;
	w = v6_decide(&other, &p->facts);
	return same(v, &w);
}

static void test_mode_log_decides_what_enforce_would(void **state)
{
	(void)state;
	holds(always, same_in_either_mode);
	holds_with_an_order(always, same_in_either_mode);
}

static bool only_what_matters(const struct point *p, const struct v6_verdict *v)
{
	struct v6_facts f = p->facts;
	struct v6_verdict w;

	/* A port is asked about at bind alone, and so is an address; what is asked for, at
	 * setsockopt. */
	if (f.event != V6_EVENT_BIND)
		f.address = (struct v6_address){.family = V6_FAMILY_INET6, .port = 9};
	if (f.event != V6_EVENT_BIND || p->knobs.order == V6_ORDER_APP)
		f.other = f.other == 1 ? 0 : 1;
	if (f.event != V6_EVENT_SETSOCKOPT)
		f.value = f.value == 1 ? 0 : 1;
	if (f.event != V6_EVENT_SETSOCKOPT || !p->knobs.on_nonboolean)
		f.odd = !f.odd;
	w = v6_decide(&p->knobs, &f);
	return same(v, &w);
}

static void test_facts_of_other_calls_do_not_matter(void **state)
{
	(void)state;
	holds(always, only_what_matters);
	holds_with_an_order(always, only_what_matters);
	holds_in(&nonboolean, always, only_what_matters);
}

static bool no_pair(const struct point *p)
{
	return !half_of_a_pair(&p->facts);
}

static bool finds_no_disorder(const struct point *p, const struct v6_verdict *v)
{
	(void)p;
	return v->finding != V6_FINDING_DISORDER && !v->deny;
}

static void test_what_is_no_half_of_a_pair_is_no_disorder(void **state)
{
	(void)state;
	holds_with_an_order(no_pair, finds_no_disorder);
}

static bool order_app(const struct point *p)
{
	return p->knobs.order == V6_ORDER_APP;
}

static void test_order_app_finds_no_disorder(void **state)
{
	(void)state;
	holds_with_an_order(order_app, finds_no_disorder);
}

static bool on_disorder_log(const struct point *p)
{
	return !p->knobs.on_disorder;
}

static void test_on_disorder_log_denies_nothing(void **state)
{
	(void)state;
	holds_with_an_order(on_disorder_log, denies_nothing);
}

static bool pair_not_known(const struct point *p)
{
	return p->facts.other == -1;
}

static void test_what_is_not_known_of_the_pair_is_no_disorder(void **state)
{
	(void)state;
	holds_with_an_order(pair_not_known, finds_no_disorder);
}

static bool v6only_apart_from_a_denial(const struct point *p, const struct v6_verdict *v)
{
	struct v6_knobs unordered = p->knobs;
	struct v6_verdict w;

	unordered.order = V6_ORDER_APP;
	w = v6_decide(&unordered, &p->facts);
	return v->deny || (v->v6only == w.v6only && v->action == w.action);
}

static void test_an_order_leaves_v6only_to_the_policy(void **state)
{
	(void)state;
	holds_with_an_order(always, v6only_apart_from_a_denial);
}

/* ---- servers that people run, word for word */

static const struct story {
	const char *what;
	struct v6_knobs knobs;
	uint8_t event, family, type;
	struct {
		int8_t bound, asked, before, value, other, odd;
	} is;
	unsigned where;
	uint16_t port;
	struct v6_verdict verdict;
} stories[] = {
	{"nginx asked for dual-stack on [::]:80, forced to IPv6 only",
		{.policy = V6_POLICY_IPV6_ONLY}, V6_EVENT_BIND, V6_FAMILY_OTHER, V6_TYPE_UNKNOWN,
		{-1, 0, 0, -1, -1, 0}, ANY6, 80, {1, V6_ACTION_OVERRIDE, 0, 0}},
	{"a plain C server on [::]:80, forced to IPv6 only", {.policy = V6_POLICY_IPV6_ONLY},
		V6_EVENT_BIND, V6_FAMILY_OTHER, V6_TYPE_UNKNOWN, {-1, -1, 0, -1, -1, 0}, ANY6, 80,
		{1, V6_ACTION_SET, 0, 0}},
	{"redis set V6ONLY itself, as the policy has it", {.policy = V6_POLICY_IPV6_ONLY},
		V6_EVENT_BIND, V6_FAMILY_INET6, V6_TYPE_STREAM, {0, 1, 1, -1, -1, 0}, ANY6, 6379,
		{-1, V6_ACTION_NONE, 0, 0}},
	{"redis set V6ONLY itself, forced to both", {.policy = V6_POLICY_BOTH}, V6_EVENT_BIND,
		V6_FAMILY_INET6, V6_TYPE_STREAM, {0, 1, 1, -1, -1, 0}, ANY6, 6379,
		{0, V6_ACTION_OVERRIDE, 0, 0}},
	{"the host has bindv6only=1, forced to both", {.policy = V6_POLICY_BOTH}, V6_EVENT_BIND,
		V6_FAMILY_INET6, V6_TYPE_STREAM, {0, -1, 1, -1, -1, 0}, ANY6, 80,
		{0, V6_ACTION_SET, 0, 0}},
	{"no record is kept, so that the kernel was not asked", {.policy = V6_POLICY_BOTH},
		V6_EVENT_BIND, V6_FAMILY_OTHER, V6_TYPE_UNKNOWN, {-1, -1, -1, -1, -1, 0}, ANY6, 80,
		{0, V6_ACTION_SET, 0, 0}},
	{"a test server on a port of the kernel's choice", {.policy = V6_POLICY_IPV6_ONLY},
		V6_EVENT_BIND, V6_FAMILY_OTHER, V6_TYPE_STREAM, {-1, -1, 0, -1, -1, 0}, ANY6, 0,
		{1, V6_ACTION_SET, 0, 0}},
	{"a UDP client binds port 0", {.policy = V6_POLICY_IPV6_ONLY}, V6_EVENT_BIND,
		V6_FAMILY_OTHER, V6_TYPE_DGRAM, {-1, -1, 0, -1, -1, 0}, ANY6, 0,
		{-1, V6_ACTION_NONE, 0, 0}},
	{"a DNS server on UDP port 53", {.policy = V6_POLICY_IPV6_ONLY}, V6_EVENT_BIND,
		V6_FAMILY_OTHER, V6_TYPE_DGRAM, {-1, -1, 0, -1, -1, 0}, ANY6, 53,
		{1, V6_ACTION_SET, 0, 0}},
	{"a JVM listens on a v4-mapped address", {.policy = V6_POLICY_IPV6_ONLY}, V6_EVENT_BIND,
		V6_FAMILY_INET6, V6_TYPE_STREAM, {0, 0, 0, -1, -1, 0}, MAPPED, 8080,
		{-1, V6_ACTION_NONE, 0, 0}},
	{"listen without bind takes `::` and a port", {.policy = V6_POLICY_IPV6_ONLY},
		V6_EVENT_LISTEN, V6_FAMILY_INET6, V6_TYPE_STREAM, {0, -1, 0, -1, -1, 0}, NOWHERE, 0,
		{1, V6_ACTION_SET, 0, 0}},
	{"listen after bind", {.policy = V6_POLICY_IPV6_ONLY}, V6_EVENT_LISTEN, V6_FAMILY_INET6,
		V6_TYPE_STREAM, {1, -1, 0, -1, -1, 0}, NOWHERE, 0, {-1, V6_ACTION_NONE, 0, 0}},
	{"a socket starts as FreeBSD's does", {.policy = V6_POLICY_DEFAULT_IPV6_ONLY},
		V6_EVENT_SOCKET, V6_FAMILY_INET6, V6_TYPE_STREAM, {-1, -1, 0, -1, -1, 0}, NOWHERE,
		0, {1, V6_ACTION_SET, 0, 0}},
	{"a socket starts dual-stack on a host with bindv6only=1",
		{.policy = V6_POLICY_DEFAULT_BOTH}, V6_EVENT_SOCKET, V6_FAMILY_INET6, V6_TYPE_DGRAM,
		{-1, -1, 1, -1, -1, 0}, NOWHERE, 0, {0, V6_ACTION_SET, 0, 0}},
	{"a ping socket is raw and starts as the kernel has it",
		{.policy = V6_POLICY_DEFAULT_IPV6_ONLY}, V6_EVENT_SOCKET, V6_FAMILY_INET6,
		V6_TYPE_RAW, {-1, -1, 0, -1, -1, 0}, NOWHERE, 0, {-1, V6_ACTION_NONE, 0, 0}},
	{"what the application asks for later wins over a default",
		{.policy = V6_POLICY_DEFAULT_IPV6_ONLY}, V6_EVENT_SETSOCKOPT, V6_FAMILY_INET6,
		V6_TYPE_STREAM, {0, -1, 1, 0, -1, 0}, NOWHERE, 0,
		{-1, V6_ACTION_NONE, V6_FINDING_CONTRARY, 0}},
	{"OpenBSD refuses to leave IPv6 only",
		{.policy = V6_POLICY_DEFAULT_IPV6_ONLY, .on_contrary = EINVAL}, V6_EVENT_SETSOCKOPT,
		V6_FAMILY_INET6, V6_TYPE_STREAM, {0, -1, 1, 0, -1, 0}, NOWHERE, 0,
		{-1, V6_ACTION_DENY, V6_FINDING_CONTRARY, EINVAL}},
	{"OpenBSD lets a socket ask for what it has",
		{.policy = V6_POLICY_DEFAULT_IPV6_ONLY, .on_contrary = EINVAL}, V6_EVENT_SETSOCKOPT,
		V6_FAMILY_INET6, V6_TYPE_STREAM, {0, -1, 1, 1, -1, 0}, NOWHERE, 0,
		{-1, V6_ACTION_NONE, 0, 0}},
	{"DragonFly: what is bound gets the kernel's EINVAL first",
		{.policy = V6_POLICY_IPV6_ONLY, .on_contrary = EOPNOTSUPP}, V6_EVENT_SETSOCKOPT,
		V6_FAMILY_INET6, V6_TYPE_STREAM, {1, -1, 1, 0, -1, 0}, NOWHERE, 0,
		{-1, V6_ACTION_NONE, V6_FINDING_CONTRARY, 0}},
	{"a forced policy can refuse the opposite as well",
		{.policy = V6_POLICY_BOTH, .on_contrary = EPERM}, V6_EVENT_SETSOCKOPT,
		V6_FAMILY_INET6, V6_TYPE_DGRAM, {0, -1, 0, 1, -1, 0}, NOWHERE, 0,
		{-1, V6_ACTION_DENY, V6_FINDING_CONTRARY, EPERM}},
	{"OpenSMTPD binds 0.0.0.0 and then `::`, as the order has it",
		{.order = V6_ORDER_IPV4_FIRST, .on_disorder = EPERM}, V6_EVENT_BIND,
		V6_FAMILY_OTHER, V6_TYPE_UNKNOWN, {-1, -1, 0, -1, 1, 0}, ANY6, 25,
		{-1, V6_ACTION_NONE, 0, 0}},
	{"the second of a pair that the wrong family began", {.order = V6_ORDER_IPV4_FIRST},
		V6_EVENT_BIND, V6_FAMILY_OTHER, V6_TYPE_UNKNOWN, {-1, -1, -1, -1, 1, 0}, ANY4, 25,
		{-1, V6_ACTION_NONE, V6_FINDING_DISORDER, 0}},
	{"`::` before its turn, which is only logged when the pair is there",
		{.order = V6_ORDER_IPV4_FIRST, .policy = V6_POLICY_IPV6_ONLY}, V6_EVENT_BIND,
		V6_FAMILY_OTHER, V6_TYPE_UNKNOWN, {-1, -1, 0, -1, 0, 0}, ANY6, 25,
		{1, V6_ACTION_SET, 0, 0}},
	{"`::` before its turn, refused before anything is set",
		{.order = V6_ORDER_IPV4_FIRST,
			.on_disorder = EADDRINUSE,
			.policy = V6_POLICY_IPV6_ONLY},
		V6_EVENT_BIND, V6_FAMILY_OTHER, V6_TYPE_UNKNOWN, {-1, -1, 0, -1, 0, 0}, ANY6, 25,
		{-1, V6_ACTION_DENY, V6_FINDING_DISORDER, EADDRINUSE}},
	{"0.0.0.0 before its turn", {.order = V6_ORDER_IPV6_FIRST, .on_disorder = EPERM},
		V6_EVENT_BIND, V6_FAMILY_INET, V6_TYPE_STREAM, {-1, -1, -1, -1, 0, 0}, ANY4, 25,
		{-1, V6_ACTION_DENY, V6_FINDING_DISORDER, EPERM}},
	{"`::` comes second, is forced and found out of order",
		{.order = V6_ORDER_IPV6_FIRST, .policy = V6_POLICY_BOTH}, V6_EVENT_BIND,
		V6_FAMILY_INET6, V6_TYPE_DGRAM, {-1, 1, 1, -1, 1, 0}, ANY6, 53,
		{0, V6_ACTION_OVERRIDE, V6_FINDING_DISORDER, 0}},
	{"illumos takes 0 and 1 alone", {.on_nonboolean = EINVAL}, V6_EVENT_SETSOCKOPT,
		V6_FAMILY_INET6, V6_TYPE_STREAM, {0, -1, 0, 1, -1, 1}, NOWHERE, 0,
		{-1, V6_ACTION_DENY, 0, EINVAL}},
	{"illumos takes 1", {.on_nonboolean = EINVAL}, V6_EVENT_SETSOCKOPT, V6_FAMILY_INET6,
		V6_TYPE_STREAM, {0, -1, 0, 1, -1, 0}, NOWHERE, 0, {-1, V6_ACTION_NONE, 0, 0}},
	{"a value that the kernel could not read either",
		{.policy = V6_POLICY_BOTH, .on_contrary = EPERM}, V6_EVENT_SETSOCKOPT,
		V6_FAMILY_INET6, V6_TYPE_STREAM, {0, -1, 0, -1, -1, 0}, NOWHERE, 0,
		{-1, V6_ACTION_NONE, 0, 0}},
};

static struct v6_facts facts_of(const struct story *s)
{
	struct v6_facts f = {.event = s->event,
		.family = s->family,
		.type = s->type,
		.bound = s->is.bound,
		.asked = s->is.asked,
		.before = s->is.before,
		.value = s->is.value,
		.other = s->is.other,
		.odd = s->is.odd,
		.address = all_addresses[s->where]};

	f.address.port = s->port;
	return f;
}

static void test_known_servers_get_what_the_contract_promises(void **state)
{
	(void)state;
	for (const struct story *s = stories; s < stories + COUNT(stories); s++) {
		struct v6_facts facts = facts_of(s);
		struct v6_verdict v = v6_decide(&s->knobs, &facts);

		check_verdict(s->what, &v, &s->verdict);
		v = expected(&s->knobs, &facts);
		check_verdict("the oracle", &v, &s->verdict);
	}
}

/* FACTS.md 2: the errno of a mapped bind, where the kernel has EINVAL because V6ONLY is 1. */
static void test_a_mapped_bind_gets_the_errno_of_another_system_where_v6only_is_1(void **state)
{
	static const struct space mapped = {
		.size = {[POLICY] = 1,
			[CONTRARY] = 1,
			[MODE] = 2,
			[ORDER] = 1,
			[DISORDER] = 1,
			[NONBOOLEAN] = 1,
			[EVENT] = 9,
			[FAMILY] = 3,
			[TYPE] = 6,
			[ADDRESS] = 11,
			[PORT] = 3,
			[BOUND] = 3,
			[ASKED] = 3,
			[BEFORE] = 3,
			[VALUE] = 1,
			[ODD] = 1,
			[OTHER] = 1},
	};
	struct point p = {0};
	unsigned yes = 0;

	(void)state;
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

static void test_each_policy_stands_for_its_value(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++) {
		assert_int_equal(v6_policy_value((enum v6_policy)i), policies[i].value);
		assert_int_equal(v6_policy_forced((enum v6_policy)i), policies[i].at_bind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_value_there_is_gets_its_turn),
		cmocka_unit_test(test_every_combination_is_decided_as_the_contract_says),
		cmocka_unit_test(
			test_every_combination_with_an_order_is_decided_as_the_contract_says),
		cmocka_unit_test(test_every_value_that_is_no_value_is_decided_as_the_contract_says),
		cmocka_unit_test(test_every_combination_is_governed_as_the_contract_says),
		cmocka_unit_test(test_an_order_has_a_say_in_both_halves_of_a_pair),
		cmocka_unit_test(test_each_action_comes_as_often_as_the_contract_makes_it),
		cmocka_unit_test(test_policy_app_decides_nothing),
		cmocka_unit_test(test_a_forced_policy_never_acts_at_socket),
		cmocka_unit_test(test_a_default_policy_never_acts_at_bind_or_listen),
		cmocka_unit_test(test_raw_sockets_are_never_changed),
		cmocka_unit_test(test_ipv4_sockets_are_never_changed),
		cmocka_unit_test(test_single_mapped_and_ipv4_addresses_are_never_changed),
		cmocka_unit_test(test_what_is_bound_keeps_the_kernels_answer),
		cmocka_unit_test(test_other_events_decide_nothing),
		cmocka_unit_test(test_on_contrary_allow_denies_nothing),
		cmocka_unit_test(test_a_verdict_never_contradicts_itself),
		cmocka_unit_test(test_mode_log_decides_what_enforce_would),
		cmocka_unit_test(test_facts_of_other_calls_do_not_matter),
		cmocka_unit_test(test_what_is_no_half_of_a_pair_is_no_disorder),
		cmocka_unit_test(test_order_app_finds_no_disorder),
		cmocka_unit_test(test_on_disorder_log_denies_nothing),
		cmocka_unit_test(test_what_is_not_known_of_the_pair_is_no_disorder),
		cmocka_unit_test(test_an_order_leaves_v6only_to_the_policy),
		cmocka_unit_test(test_known_servers_get_what_the_contract_promises),
		cmocka_unit_test(
			test_a_mapped_bind_gets_the_errno_of_another_system_where_v6only_is_1),
		cmocka_unit_test(test_each_policy_stands_for_its_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
