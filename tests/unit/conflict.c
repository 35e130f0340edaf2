/*
 * Conflicts: which addresses are in each other's way, what is to be tried about it, and what a
 * person is told (DESIGN.md 1.5, 1.6; FACTS.md 1).
 *
 * Addresses are compared by an oracle that knows nothing of families and prefixes, only of who
 * would get a packet, and by the kernel itself. Plans are compared with the contract's sentences,
 * one condition for each.
 */
#include "unit.h"

#include "core/conflict.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- addresses */

/* Destinations of packets: a few that sockets below are bound to, and one of each family that none
 * is. */
enum {
	LO1 = 1 << 0,     /* 127.0.0.1 */
	LO2 = 1 << 1,     /* 127.0.0.2 */
	OTHER4 = 1 << 2,  /* any other of IPv4 */
	LOOP6 = 1 << 3,   /* ::1 */
	DOC6 = 1 << 4,    /* 2001:db8::1 */
	COMPAT6 = 1 << 5, /* ::127.0.0.1, which is no mapped address */
	LINK6 = 1 << 6,   /* fe80::1 */
	OTHER6 = 1 << 7,  /* any other of IPv6 */
	ALL4 = LO1 | LO2 | OTHER4,
	ALL6 = LOOP6 | DOC6 | COMPAT6 | LINK6 | OTHER6,
};

#define MAPPED 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff

/* What a socket that is bound to it gets: with V6ONLY 0 (or not known), and with 1. */
static const struct kind {
	const char *name;
	struct v6_address address;
	unsigned gets, gets_v6only;
} kinds[] = {
	{"0.0.0.0", {.family = V6_FAMILY_INET}, ALL4, ALL4},
	{"127.0.0.1", {.family = V6_FAMILY_INET, .bytes = {127, 0, 0, 1}}, LO1, LO1},
	{"127.0.0.2", {.family = V6_FAMILY_INET, .bytes = {127, 0, 0, 2}}, LO2, LO2},
	/* The bytes behind the four of an IPv4 address mean nothing. */
	{"127.0.0.1", {.family = V6_FAMILY_INET, .bytes = {127, 0, 0, 1, 9, 9}}, LO1, LO1},
	{"::", {.family = V6_FAMILY_INET6}, ALL4 | ALL6, ALL6},
	{"::1", {.family = V6_FAMILY_INET6, .bytes = {[15] = 1}}, LOOP6, LOOP6},
	{"2001:db8::1", {.family = V6_FAMILY_INET6, .bytes = {0x20, 1, 0x0d, 0xb8, [15] = 1}}, DOC6,
		DOC6},
	{"::127.0.0.1", {.family = V6_FAMILY_INET6, .bytes = {[12] = 127, [15] = 1}}, COMPAT6,
		COMPAT6},
	{"fe80::1%2", {.family = V6_FAMILY_INET6, .bytes = {0xfe, 0x80, [15] = 1}, .scope = 2},
		LINK6, LINK6},
	{"::ffff:127.0.0.1", {.family = V6_FAMILY_INET6, .bytes = {MAPPED, 127, 0, 0, 1}}, LO1,
		LO1},
	{"::ffff:127.0.0.2", {.family = V6_FAMILY_INET6, .bytes = {MAPPED, 127, 0, 0, 2}}, LO2,
		LO2},
	{"::ffff:0.0.0.0", {.family = V6_FAMILY_INET6, .bytes = {MAPPED}}, ALL4, ALL4},
	{"nowhere", {.family = V6_FAMILY_OTHER}, 0, 0},
};

static const int8_t bits[] = {-1, 0, 1};

static bool meet(const struct kind *a, int a_only, const struct kind *b, int b_only)
{
	unsigned x = a_only == 1 ? a->gets_v6only : a->gets;
	unsigned y = b_only == 1 ? b->gets_v6only : b->gets;

	return (x & y) != 0;
}

static void test_addresses_conflict_where_a_packet_could_go_to_either(void **state)
{
	unsigned conflicts = 0, pairs = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(kinds) * COUNT(bits); i++) {
		for (size_t j = 0; j < COUNT(kinds) * COUNT(bits); j++) {
			const struct kind *a = &kinds[i / COUNT(bits)],
					  *b = &kinds[j / COUNT(bits)];
			int a_only = bits[i % COUNT(bits)], b_only = bits[j % COUNT(bits)];
			struct v6_address x = a->address, y = b->address;
			bool is, should = meet(a, a_only, b, b_only);

			x.port = y.port = 443;
			is = v6_addresses_conflict(&x, a_only, &y, b_only);
			if (is != should)
				fail_msg("%s V6ONLY %d and %s V6ONLY %d: %s", a->name, a_only,
					b->name, b_only, is ? "in conflict" : "not in conflict");
			pairs++;
			conflicts += is;
		}
	}
	assert_int_equal(pairs, 39 * 39);
	/* Both must have come in number. */
	assert_true(conflicts > 300 && conflicts < pairs - 300);
}

static void test_addresses_on_different_ports_never_conflict(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		for (size_t j = 0; j < COUNT(kinds); j++) {
			struct v6_address x = kinds[i].address, y = kinds[j].address;

			x.port = 443;
			y.port = 444;
			assert_false(v6_addresses_conflict(&x, 0, &y, 0));
			y.port = 443 ^ 0x100;
			assert_false(v6_addresses_conflict(&x, 0, &y, 0));
		}
	}
}

/* ---- the kernel as the judge */

static int try_bind(int type, const struct kind *kind, int only, uint16_t port, int *fd)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool is_in6 = kind->address.family == V6_FAMILY_INET6;

	memcpy(&in.sin_addr, kind->address.bytes, 4);
	memcpy(&in6.sin6_addr, kind->address.bytes, 16);
	*fd = socket(is_in6 ? AF_INET6 : AF_INET, type, 0);
	if (*fd < 0)
		return errno;
	if (is_in6 && setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0)
		return errno;
	if (is_in6 ? bind(*fd, (struct sockaddr *)&in6, sizeof(in6))
		   : bind(*fd, (struct sockaddr *)&in, sizeof(in)))
		return errno;
	return 0;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	/* Both have it in the same place. */
	return ntohs(sa.sin6_port);
}

/*
 * The first takes a port of the kernel's choice, the second wants the same one. Somebody else may
 * have it at the second's address: three such would have to come together.
 */
static bool kernel_refuses(
	int type, const struct kind *a, int a_only, const struct kind *b, int b_only)
{
	bool refuses = true;

	for (int tries = 0; refuses && tries < 3; tries++) {
		int first, second, error = try_bind(type, a, a_only, 0, &first);

		assert_int_equal(error, 0);
		error = try_bind(type, b, b_only, port_of(first), &second);
		refuses = error == EADDRINUSE;
		assert_true(!error || refuses);
		close(first);
		close(second);
	}
	return refuses;
}

/* Whether a socket can be bound so at all, on this machine. */
static bool can_bind(int type, const struct kind *kind, int only)
{
	int fd, error = try_bind(type, kind, only, 0, &fd);

	if (fd >= 0)
		close(fd);
	return !error;
}

static void test_the_kernel_agrees_about_every_pair_that_can_be_bound(void **state)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
	unsigned checked = 0;

	(void)state;
	for (size_t n = 0; n < COUNT(types) * COUNT(kinds) * COUNT(kinds) * 4; n++) {
		int type = types[n % 2], a_only = n / 2 % 2, b_only = n / 4 % 2;
		const struct kind *a = &kinds[n / 8 % COUNT(kinds)];
		const struct kind *b = &kinds[n / 8 / COUNT(kinds)];
		struct v6_address x = a->address, y = b->address;
		bool is;

		if (!x.family || !y.family || !can_bind(type, a, a_only) ||
			!can_bind(type, b, b_only))
			continue;
		x.port = y.port = 443;
		is = v6_addresses_conflict(&x, a_only, &y, b_only);
		if (is != kernel_refuses(type, a, a_only, b, b_only))
			fail_msg(
				"%s: %s V6ONLY %d and then %s V6ONLY %d: %s, but the kernel has it "
				"otherwise",
				type == SOCK_STREAM ? "tcp" : "udp", a->name, a_only, b->name,
				b_only, is ? "in conflict" : "not in conflict");
		checked++;
	}
	/* Four of IPv4 are there on every Linux. */
	assert_true(checked >= 2 * 4 * 4 * 4);
}

static void test_tcp_and_mptcp_have_their_ports_in_common(void **state)
{
	(void)state;
	assert_int_equal(v6_port_space(IPPROTO_TCP), v6_port_space(262));
	for (int a = 0; a < 300; a++)
		for (int b = 0; b < 300; b++)
			if (a != b && !(a == IPPROTO_TCP && b == 262) &&
				!(a == 262 && b == IPPROTO_TCP))
				assert_int_not_equal(v6_port_space(a), v6_port_space(b));
}

/* ---- plans */

enum axis {
	ON_CONFLICT,
	EVENT,
	ADDRESS,
	ONLY,
	MADE,
	OTHER,
	OTHER_MADE,
	SAME,
	REUSEPORT,
	BESIDE,
	AXES
};

static const uint8_t events[] = {V6_EVENT_BIND, V6_EVENT_LISTEN};
static const uint8_t reactions[] = {
	V6_CONFLICT_FAIL, V6_CONFLICT_RESOLVE, V6_CONFLICT_SHARE, V6_CONFLICT_SHARE_IPV6};
/* Places in kinds: 0.0.0.0, 127.0.0.1, `::`, ::1, 2001:db8::1, ::ffff:127.0.0.1. */
static const uint8_t places[] = {0, 1, 4, 5, 6, 9};
enum { ANY6 = 2, MAPPED_LO = 5 };

static const unsigned sizes[AXES] = {
	COUNT(reactions), COUNT(events), COUNT(places), COUNT(bits), 2, 2, 2, 2, 2, 2};

struct point {
	unsigned at[AXES];
	struct v6_knobs knobs;
	struct v6_conflict_facts facts;
};

static bool next(struct point *p)
{
	for (int i = AXES - 1; i >= 0; i--) {
		if (++p->at[i] < sizes[i])
			return true;
		p->at[i] = 0;
	}
	return false;
}

static void fill(struct point *p)
{
	const unsigned *at = p->at;

	p->knobs = (struct v6_knobs){.on_conflict = reactions[at[ON_CONFLICT]]};
	p->facts = (struct v6_conflict_facts){.event = events[at[EVENT]],
		.address = kinds[places[at[ADDRESS]]].address,
		.v6only = bits[at[ONLY]],
		.made = at[MADE],
		.own_other = at[OTHER],
		.own_other_made = at[OTHER_MADE],
		.own_same = at[SAME],
		.reuseport = at[REUSEPORT],
		.connection = at[BESIDE]};
	p->facts.address.port = 80;
}

/*
 * What can be at all: policy=both has cleared the V6ONLY of a socket that is bound to `::` and
 * reads 0; it did so to a socket of the other family only where there is one, which then is IPv6's,
 * so that the one refused wants IPv4.
 */
static bool possible(const struct point *p)
{
	if (p->facts.made && (p->at[ADDRESS] != ANY6 || p->facts.v6only != 0))
		return false;
	/* Without any socket in the way. */
	if (p->facts.connection && (p->facts.own_other || p->facts.own_same))
		return false;
	return !p->facts.own_other_made ||
	       (p->facts.own_other &&
		       (p->facts.address.family == V6_FAMILY_INET || p->at[ADDRESS] == MAPPED_LO));
}

/* 1.5, split: an IPv6 wildcard bind that takes IPv4 too. Not at listen. */
static bool can_split(const struct point *p)
{
	return p->facts.event == V6_EVENT_BIND && p->at[ADDRESS] == ANY6 && p->facts.v6only == 0;
}

/* 1.5, share: the other socket is in this process; a second one of the same family stays refused,
 * where it is not of a group that the application made itself. */
static bool can_share(const struct point *p)
{
	return p->facts.own_other && !(p->facts.own_same && !p->facts.reuseport);
}

/* 1.2: mapped addresses are never changed, but for a conflict that the policy itself made. */
static bool wants_share(const struct point *p)
{
	if (p->at[ADDRESS] == MAPPED_LO)
		return false;
	switch (p->knobs.on_conflict) {
	case V6_CONFLICT_RESOLVE:
	case V6_CONFLICT_SHARE:
		return true;
	case V6_CONFLICT_SHARE_IPV6:
		return p->facts.address.family == V6_FAMILY_INET6;
	default:
		return false;
	}
}

/* The contract's sentences in the order in which they are to be tried. */
static unsigned expected(const struct point *p, struct v6_attempt *attempts)
{
	bool policy_made = p->facts.made || p->facts.own_other_made;
	unsigned n = 0;

	if (p->facts.made && can_split(p))
		attempts[n++] = (struct v6_attempt){.action = V6_ACTION_YIELD, .share = false};
	/* Beside a connection, open or past, a split would leave IPv4 to nobody. */
	if (!p->facts.made && p->knobs.on_conflict == V6_CONFLICT_RESOLVE && can_split(p) &&
		!p->facts.connection)
		attempts[n++] = (struct v6_attempt){.action = V6_ACTION_SPLIT, .share = false};
	if (policy_made && can_share(p))
		attempts[n++] = (struct v6_attempt){.action = V6_ACTION_YIELD, .share = true};
	if (!policy_made && can_share(p) && wants_share(p))
		attempts[n++] = (struct v6_attempt){.action = V6_ACTION_SHARE, .share = true};
	return n;
}

static void plan_text(char *buf, size_t size, const struct v6_attempt *attempts, unsigned n)
{
	size_t used = (size_t)snprintf(buf, size, "%u:", n);

	for (unsigned i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, " %s%s",
			v6_action_name(attempts[i].action),
			attempts[i].share ? "/share" : "/split");
}

static void compare(const struct point *p)
{
	struct v6_attempt is[V6_ATTEMPTS_MAX], should[V6_ATTEMPTS_MAX];
	char is_text[100], should_text[100];

	plan_text(is_text, sizeof(is_text), is, v6_conflict_plan(&p->knobs, &p->facts, is));
	plan_text(should_text, sizeof(should_text), should, expected(p, should));
	if (strcmp(is_text, should_text) != 0)
		fail_msg("%s of %s, V6ONLY %d, made %d, own other %d made %d, own same %d, "
			 "reuseport %d, connection %d, on-conflict %s: %s, expected %s",
			v6_event_name(p->facts.event), kinds[places[p->at[ADDRESS]]].name,
			p->facts.v6only, p->facts.made, p->facts.own_other, p->facts.own_other_made,
			p->facts.own_same, p->facts.reuseport, p->facts.connection,
			v6_setting_word_of(V6_SETTING_ON_CONFLICT, p->knobs.on_conflict), is_text,
			should_text);
}

static void test_every_plan_is_the_contracts(void **state)
{
	struct point p = {0};
	unsigned checked = 0, planned = 0;

	(void)state;
	do {
		struct v6_attempt attempts[V6_ATTEMPTS_MAX];

		fill(&p);
		if (!possible(&p))
			continue;
		compare(&p);
		checked++;
		planned += v6_conflict_plan(&p.knobs, &p.facts, attempts) > 0;
	} while (next(&p));
	/*
	 * 4 reactions, 2 events, 4 of own_same and reuseport. Without `made`: 6 addresses, 3 of
	 * V6ONLY, 2 of own_other, and own_other_made for 3 addresses; with it: `::` and 0 alone.
	 * A connection comes without own_same and own_other, so with 2 of reuseport.
	 */
	assert_int_equal(checked, 4 * 2 * (4 * (6 * 3 * 2 + 3 * 3 + 2) + 2 * (6 * 3 + 1)));
	assert_true(planned > 100 && planned < checked);
}

/* Of what is possible and of what is not alike. */
static void test_no_plan_breaks_a_promise(void **state)
{
	struct point p = {0};

	(void)state;
	do {
		struct v6_attempt attempts[V6_ATTEMPTS_MAX];
		unsigned n, shares = 0, splits = 0;

		fill(&p);
		n = v6_conflict_plan(&p.knobs, &p.facts, attempts);
		assert_true(n <= V6_ATTEMPTS_MAX);
		for (unsigned i = 0; i < n; i++) {
			bool yields = attempts[i].action == V6_ACTION_YIELD;

			shares += attempts[i].share;
			splits += !attempts[i].share;
			assert_true(yields ||
				    attempts[i].action == (attempts[i].share ? V6_ACTION_SHARE
									     : V6_ACTION_SPLIT));
			/* Nothing is done by itself but to make good what the policy did. */
			assert_true(p.knobs.on_conflict != V6_CONFLICT_FAIL || yields);
			assert_true(!yields || p.facts.made || p.facts.own_other_made);
		}
		/* Nothing is tried twice in the same way. */
		assert_true(shares <= 1 && splits <= 1);
		assert_true(!shares || p.facts.own_other);
		assert_true(!shares || !p.facts.own_same || p.facts.reuseport);
		assert_true(!splits || (p.facts.event == V6_EVENT_BIND && p.at[ADDRESS] == ANY6 &&
					       p.facts.v6only == 0));
	} while (next(&p));
}

static void test_a_plan_depends_on_on_conflict_alone_of_all_settings(void **state)
{
	struct point p = {0};

	(void)state;
	do {
		struct v6_attempt a[V6_ATTEMPTS_MAX], b[V6_ATTEMPTS_MAX];
		struct v6_knobs other;
		char x[100], y[100];

		fill(&p);
		other = p.knobs;
		other.mode = V6_MODE_LOG;
		other.policy = V6_POLICY_BOTH;
		other.order = V6_ORDER_IPV6_FIRST;
		other.on_disorder = other.on_contrary = EPERM;
		plan_text(x, sizeof(x), a, v6_conflict_plan(&p.knobs, &p.facts, a));
		plan_text(y, sizeof(y), b, v6_conflict_plan(&other, &p.facts, b));
		assert_string_equal(x, y);
	} while (next(&p));
}

/* ---- notes */

/* Holders: not known, our own, another's, seen from afar, a connection of somebody, of nobody. */
enum holder { UNKNOWN, OWN, ANOTHER, AFAR, CONNECTION, TIME_WAIT, HOLDERS };

static struct v6_holder holder_of(enum holder who, const struct kind *kind, int only)
{
	struct v6_holder h = {.known = who != UNKNOWN,
		.fd = -1,
		.uid = -1,
		.address = kind->address,
		.v6only = kind->address.family == V6_FAMILY_INET6 ? (int8_t)only : -1};

	h.address.port = 80;
	h.connection = who == CONNECTION || who == TIME_WAIT;
	if (who == OWN)
		h.fd = 7;
	if (who == OWN || who == ANOTHER || who == CONNECTION) {
		h.pid = 4242;
		h.program = slice("nginx");
	}
	if (who != TIME_WAIT)
		h.uid = 33;
	return h;
}

/* A record of a conflict as the library makes it. */
static struct v6_record conflict_of(
	enum v6_event event, const struct kind *kind, enum v6_action action, enum v6_mode mode)
{
	struct v6_record r;

	v6_record_init(&r, event);
	r.family = kind->address.family;
	r.type = V6_TYPE_STREAM;
	r.proto = IPPROTO_TCP;
	r.fd = 8;
	r.address = kind->address;
	r.address.port = 80;
	r.finding = V6_FINDING_CONFLICT;
	r.action = (uint8_t)action;
	r.mode = (uint8_t)mode;
	r.has_result = true;
	if (action == V6_ACTION_NONE || mode == V6_MODE_LOG) {
		r.result = -1;
		r.error = EADDRINUSE;
	}
	if (r.family == V6_FAMILY_INET6)
		r.before = r.after = 0;
	return r;
}

static const char *note_of(const struct v6_record *r)
{
	static char buf[2048];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_conflict_note(&t, r);
	assert_false(t.full);
	return buf;
}

/* Places in kinds. */
enum { K_ANY4 = 0, K_LO = 1, K_ANY6 = 4, K_LOOP6 = 5, K_MAPPED = 9 };

/* What is wanted, who has it, what was done: the sentence, word for word. */
static const struct {
	const char *what;
	uint8_t event, wants, action, mode;
	struct {
		uint8_t who, kind;
		int8_t v6only;
	} holder;
	int8_t before, after;
	bool silent; /* the call succeeded, and nothing was done */
	const char *note;
} sentences[] = {
	{"IPv6 is second, IPv4 is our own", V6_EVENT_BIND, K_ANY6, V6_ACTION_NONE, V6_MODE_ENFORCE,
		{OWN, K_ANY4, -1}, 0, 0, false,
		"0.0.0.0:80 is held by fd 7 of this process, and this IPv6 socket wants IPv4 too "
		"(V6ONLY 0): on-conflict=resolve or policy=ipv6-only lets both live"},
	{"the same at listen", V6_EVENT_LISTEN, K_ANY6, V6_ACTION_NONE, V6_MODE_ENFORCE,
		{OWN, K_LO, -1}, 0, 0, false,
		"127.0.0.1:80 is held by fd 7 of this process, and this IPv6 socket wants IPv4 too "
		"(V6ONLY 0): on-conflict=resolve or policy=ipv6-only lets both live"},
	{"IPv6 is second, IPv4 is another's", V6_EVENT_BIND, K_ANY6, V6_ACTION_NONE,
		V6_MODE_ENFORCE, {ANOTHER, K_ANY4, -1}, 0, 0, false,
		"0.0.0.0:80 is held by nginx[4242] of uid 33, and this IPv6 socket wants IPv4 too "
		"(V6ONLY 0): on-conflict=resolve or policy=ipv6-only lets both live"},
	{"at listen nothing but the policy helps against another process", V6_EVENT_LISTEN, K_ANY6,
		V6_ACTION_NONE, V6_MODE_ENFORCE, {AFAR, K_ANY4, -1}, 0, 0, false,
		"0.0.0.0:80 is held by another process of uid 33, and this IPv6 socket wants IPv4 "
		"too (V6ONLY 0): policy=ipv6-only lets both live"},
	{"IPv4 is second, the dual-stack socket is our own", V6_EVENT_BIND, K_ANY4, V6_ACTION_NONE,
		V6_MODE_ENFORCE, {OWN, K_ANY6, 0}, -1, -1, false,
		"[::]:80 is held by fd 7 of this process, dual-stack (V6ONLY 0), so that it has "
		"IPv4 already: on-conflict=resolve or policy=ipv6-only lets both live"},
	{"IPv4 is second, the dual-stack socket is another's", V6_EVENT_BIND, K_LO, V6_ACTION_NONE,
		V6_MODE_ENFORCE, {ANOTHER, K_ANY6, 0}, -1, -1, false,
		"[::]:80 is held by nginx[4242] of uid 33, dual-stack (V6ONLY 0), so that it has "
		"IPv4 already: that program needs policy=ipv6-only (start it by v6shim run) to let "
		"both live"},
	{"IPv4 is second, and the kernel does not tell V6ONLY", V6_EVENT_BIND, K_LO, V6_ACTION_NONE,
		V6_MODE_ENFORCE, {ANOTHER, K_ANY6, -1}, -1, -1, false,
		"[::]:80 is held by nginx[4242] of uid 33, IPv4 perhaps too (Linux tells its "
		"V6ONLY "
		"since 4.3), so that it has IPv4 already: that program needs policy=ipv6-only "
		"(start it by v6shim run) to let both live"},
	{"the same family twice", V6_EVENT_BIND, K_ANY6, V6_ACTION_NONE, V6_MODE_ENFORCE,
		{ANOTHER, K_ANY6, 1}, 0, 0, false,
		"[::]:80 is held by nginx[4242] of uid 33, IPv6 only, the same family: is the "
		"server started twice?"},
	{"IPv4 twice, seen from afar", V6_EVENT_BIND, K_ANY4, V6_ACTION_NONE, V6_MODE_ENFORCE,
		{AFAR, K_LO, -1}, -1, -1, false,
		"127.0.0.1:80 is held by another process of uid 33, the same family: is the server "
		"started twice?"},
	{"a mapped address is IPv4's: twice", V6_EVENT_BIND, K_MAPPED, V6_ACTION_NONE,
		V6_MODE_ENFORCE, {ANOTHER, K_ANY4, -1}, 0, 0, false,
		"0.0.0.0:80 is held by nginx[4242] of uid 33, the same family: is the server "
		"started "
		"twice?"},
	{"a mapped address meets a dual-stack socket", V6_EVENT_BIND, K_MAPPED, V6_ACTION_NONE,
		V6_MODE_ENFORCE, {ANOTHER, K_ANY6, 0}, 0, 0, false,
		"[::]:80 is held by nginx[4242] of uid 33, dual-stack (V6ONLY 0), so that it has "
		"IPv4 already: that program needs policy=ipv6-only (start it by v6shim run) to let "
		"both live"},
	{"`::` meets a mapped address", V6_EVENT_BIND, K_ANY6, V6_ACTION_NONE, V6_MODE_ENFORCE,
		{ANOTHER, K_MAPPED, 0}, 0, 0, false,
		"[::ffff:127.0.0.1]:80 is held by nginx[4242] of uid 33, and this IPv6 socket "
		"wants "
		"IPv4 too (V6ONLY 0): on-conflict=resolve or policy=ipv6-only lets both live"},
	{"a single IPv6 address meets a dual-stack socket", V6_EVENT_BIND, K_LOOP6, V6_ACTION_NONE,
		V6_MODE_ENFORCE, {ANOTHER, K_ANY6, 0}, 0, 0, false,
		"[::]:80 is held by nginx[4242] of uid 33, dual-stack (V6ONLY 0), the same family: "
		"is the server started twice?"},
	{"a connection", V6_EVENT_BIND, K_ANY4, V6_ACTION_NONE, V6_MODE_ENFORCE,
		{CONNECTION, K_LO, -1}, -1, -1, false,
		"127.0.0.1:80 is held by a connection of nginx[4242] of uid 33 (open, or in "
		"TIME_WAIT): a server that sets SO_REUSEADDR can bind all the same; it passes by "
		"itself within a minute or two"},
	{"a connection of the past", V6_EVENT_BIND, K_ANY6, V6_ACTION_NONE, V6_MODE_ENFORCE,
		{TIME_WAIT, K_LO, -1}, 0, 0, false,
		"127.0.0.1:80 is held by a connection of an earlier process (open, or in "
		"TIME_WAIT): "
		"a server that sets SO_REUSEADDR can bind all the same; it passes by itself within "
		"a minute or two"},
	{"nobody", V6_EVENT_BIND, K_ANY6, V6_ACTION_NONE, V6_MODE_ENFORCE, {UNKNOWN, K_ANY4, -1}, 0,
		0, false,
		"what holds the port was not found: it may be in another network namespace's view, "
		"gone by now, or bound and not listening (Linux tells of such TCP sockets since "
		"6.8)"},
	{"split", V6_EVENT_BIND, K_ANY6, V6_ACTION_SPLIT, V6_MODE_ENFORCE, {ANOTHER, K_ANY4, -1}, 0,
		1, false,
		"0.0.0.0:80 is held by nginx[4242] of uid 33; this socket now serves IPv6 alone, "
		"and "
		"both live"},
	{"split, in mode=log", V6_EVENT_BIND, K_ANY6, V6_ACTION_SPLIT, V6_MODE_LOG,
		{ANOTHER, K_ANY4, -1}, 0, 0, false,
		"0.0.0.0:80 is held by nginx[4242] of uid 33; V6ONLY 1 on this socket would let "
		"both "
		"live"},
	{"what the policy would have set, in mode=log", V6_EVENT_BIND, K_ANY6, V6_ACTION_OVERRIDE,
		V6_MODE_LOG, {ANOTHER, K_ANY4, -1}, 0, 0, false,
		"0.0.0.0:80 is held by nginx[4242] of uid 33; V6ONLY 1, which enforce would have "
		"set, might let both live"},
	{"split, and nobody found", V6_EVENT_BIND, K_ANY6, V6_ACTION_SPLIT, V6_MODE_ENFORCE,
		{UNKNOWN, K_ANY4, -1}, 0, 1, false,
		"what holds the port was not found: it may be in another network namespace's view, "
		"gone by now, or bound and not listening (Linux tells of such TCP sockets since "
		"6.8); this socket now serves IPv6 alone, and both live"},
	{"share", V6_EVENT_BIND, K_ANY4, V6_ACTION_SHARE, V6_MODE_ENFORCE, {OWN, K_ANY6, 0}, -1, -1,
		false,
		"[::]:80 is held by fd 7 of this process, dual-stack (V6ONLY 0); SO_REUSEPORT was "
		"set "
		"on both, IPv4 goes to the IPv4 socket; the port is open to further SO_REUSEPORT "
		"sockets of this user"},
	{"share, in mode=log", V6_EVENT_LISTEN, K_ANY6, V6_ACTION_SHARE, V6_MODE_LOG,
		{OWN, K_ANY4, -1}, 0, 0, false,
		"0.0.0.0:80 is held by fd 7 of this process; SO_REUSEPORT on both would let both "
		"live"},
	{"yield, apart", V6_EVENT_BIND, K_ANY6, V6_ACTION_YIELD, V6_MODE_ENFORCE,
		{ANOTHER, K_ANY4, -1}, 1, 1, false,
		"0.0.0.0:80 is held by nginx[4242] of uid 33; the policy gave way, and this "
		"socket serves IPv6 alone"},
	{"yield, shared", V6_EVENT_BIND, K_ANY4, V6_ACTION_YIELD, V6_MODE_ENFORCE, {OWN, K_ANY6, 0},
		-1, -1, false,
		"[::]:80 is held by fd 7 of this process, dual-stack (V6ONLY 0); the policy had "
		"made the conflict; SO_REUSEPORT was set on both, IPv4 goes to the IPv4 socket; "
		"the port is open to further SO_REUSEPORT sockets of this user"},
	{"the silent overlap", V6_EVENT_BIND, K_ANY6, V6_ACTION_NONE, V6_MODE_ENFORCE,
		{OWN, K_ANY4, -1}, 0, 0, true,
		"0.0.0.0:80 is held by fd 7 of this process; with SO_REUSEADDR or SO_REUSEPORT on "
		"UDP "
		"that is no error, but IPv4 datagrams go to the IPv4 socket alone; "
		"policy=ipv6-only "
		"makes that plain"},
	{"the silent overlap that the policy made", V6_EVENT_BIND, K_ANY6, V6_ACTION_OVERRIDE,
		V6_MODE_ENFORCE, {OWN, K_ANY4, -1}, 1, 0, true,
		"0.0.0.0:80 is held by fd 7 of this process; with SO_REUSEADDR or SO_REUSEPORT on "
		"UDP "
		"that is no error, but IPv4 datagrams go to the IPv4 socket alone; "
		"policy=ipv6-only "
		"makes that plain"},
};

static void test_each_kind_of_conflict_has_its_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sentences); i++) {
		struct v6_record r = conflict_of(sentences[i].event, &kinds[sentences[i].wants],
			sentences[i].action, sentences[i].mode);
		const char *note;

		r.before = sentences[i].before;
		r.after = sentences[i].after;
		r.holder = holder_of(sentences[i].holder.who, &kinds[sentences[i].holder.kind],
			sentences[i].holder.v6only);
		if (r.action == V6_ACTION_OVERRIDE && r.mode == V6_MODE_LOG)
			r.want = 1;
		if (sentences[i].silent)
			r.result = r.error = 0;
		note = note_of(&r);
		if (strcmp(note, sentences[i].note) != 0)
			fail_msg("%s:\n  is:       %s\n  expected: %s", sentences[i].what, note,
				sentences[i].note);
	}
}

/* Every pair that can conflict, every holder, whatever was done. */
static void each_note(void (*check)(const struct v6_record *r, const char *note))
{
	static const uint8_t actions[] = {
		V6_ACTION_NONE, V6_ACTION_SPLIT, V6_ACTION_SHARE, V6_ACTION_YIELD};
	unsigned checked = 0;

	for (unsigned n = 0; n < COUNT(kinds) * COUNT(kinds) * HOLDERS * COUNT(actions) * 2 * 2 * 2;
		n++) {
		unsigned rest = n / 8;
		int only = (int)(n & 1);
		const struct kind *wants = &kinds[rest % COUNT(kinds)];
		const struct kind *has = &kinds[rest / COUNT(kinds) % COUNT(kinds)];
		enum holder who = (enum holder)(rest / COUNT(kinds) / COUNT(kinds) % HOLDERS);
		struct v6_record r;

		if (!meet(wants, 0, has, only))
			continue;
		r = conflict_of(n & 2 ? V6_EVENT_LISTEN : V6_EVENT_BIND, wants,
			actions[rest / COUNT(kinds) / COUNT(kinds) / HOLDERS],
			n & 4 ? V6_MODE_LOG : V6_MODE_ENFORCE);
		r.holder = holder_of(who, has, only);
		check(&r, note_of(&r));
		checked++;
	}
	assert_true(checked > 1000);
}

static void is_a_sentence(const struct v6_record *r, const char *note)
{
	size_t len = strlen(note);

	(void)r;
	assert_true(len > 40);
	for (size_t i = 0; i < len; i++)
		assert_true(note[i] >= ' ' && note[i] <= '~');
	/* One sentence: lower case (or an address), no full stop, no blank at either end. */
	assert_true(note[0] != ' ' && note[len - 1] != ' ' && note[len - 1] != '.' &&
		    note[len - 1] != ':');
	assert_null(strstr(note, "  "));
}

static void test_no_sentence_is_empty_or_ragged(void **state)
{
	(void)state;
	each_note(is_a_sentence);
}

/* Whoever is left with an error is told what it is about, and what would help. */
static void says_what_would_help(const struct v6_record *r, const char *note)
{
	if (r->action != V6_ACTION_NONE || !r->holder.known)
		return;
	assert_true(strstr(note, "lets both live") || strstr(note, "let both live") ||
		    strstr(note, "started twice") || strstr(note, "passes by itself"));
}

static void test_every_conflict_that_is_left_alone_comes_with_advice(void **state)
{
	(void)state;
	each_note(says_what_would_help);
}

/* What another process calls itself is its own choice: nothing of it may act on who reads. */
static void test_a_hostile_name_stays_data(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		const char *shown;
	} names[] = {
		{"a\nb", 3, "a\\x0ab["},
		{"\033[31mred\033[0m", 12, "\\x1b[31mred\\x1b[0m["},
		{"\r", 1, "\\x0d["},
		{"nul\0inside", 10, "nul\\x00inside["},
		{"\xff\xfe", 2, "\\xff\\xfe["},
		{"\xc3\xa4", 2, "\xc3\xa4["},
		{"back\\slash", 10, "back\\\\slash["},
		{"", 0, "is held by ["},
		{"%s%n%d", 6, "%s%n%d["},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct v6_record r =
			conflict_of(V6_EVENT_BIND, &kinds[K_ANY6], V6_ACTION_NONE, V6_MODE_ENFORCE);
		const char *note;

		r.holder = holder_of(ANOTHER, &kinds[K_ANY4], -1);
		r.holder.program = fenced(names[i].name, names[i].len);
		note = note_of(&r);
		if (strstr(note, names[i].shown) == NULL)
			fail_msg("`%s' is not in: %s", names[i].shown, note);
		assert_null(strpbrk(note, "\n\r\033"));
	}
}

/* DESIGN.md 1.6: one record is one line written by one write, which a pipe keeps whole. */
static void test_the_longest_record_of_a_conflict_fits(void **state)
{
	static char program[255], line[V6_RECORD_SIZE], note[V6_RECORD_SIZE];
	struct v6_record r =
		conflict_of(V6_EVENT_LISTEN, &kinds[K_ANY6], V6_ACTION_YIELD, V6_MODE_ENFORCE);
	struct v6_text t = v6_text_in(note, sizeof(note));

	(void)state;
	/* Six bytes for each in JSON: the name of a program and of a holder (TASK_COMM_LEN). */
	memset(program, '\001', sizeof(program));
	r.program = (struct v6_slice){program, sizeof(program)};
	r.pid = r.tid = INT32_MAX;
	r.holder = holder_of(ANOTHER, &kinds[6], 0);
	r.holder.pid = INT32_MAX;
	r.holder.uid = UINT32_MAX;
	r.holder.program = (struct v6_slice){program, 32};
	r.before = 0;
	r.after = 0;
	v6_conflict_note(&t, &r);
	assert_false(t.full);
	r.note = (struct v6_slice){note, t.len};
	t = v6_text_in(line, sizeof(line));
	assert_true(v6_record_json(&t, &r));
	t = v6_text_in(line, sizeof(line));
	assert_true(v6_record_text(&t, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_conflict_where_a_packet_could_go_to_either),
		cmocka_unit_test(test_addresses_on_different_ports_never_conflict),
		cmocka_unit_test(test_the_kernel_agrees_about_every_pair_that_can_be_bound),
		cmocka_unit_test(test_tcp_and_mptcp_have_their_ports_in_common),
		cmocka_unit_test(test_every_plan_is_the_contracts),
		cmocka_unit_test(test_no_plan_breaks_a_promise),
		cmocka_unit_test(test_a_plan_depends_on_on_conflict_alone_of_all_settings),
		cmocka_unit_test(test_each_kind_of_conflict_has_its_sentence),
		cmocka_unit_test(test_no_sentence_is_empty_or_ragged),
		cmocka_unit_test(test_every_conflict_that_is_left_alone_comes_with_advice),
		cmocka_unit_test(test_a_hostile_name_stays_data),
		cmocka_unit_test(test_the_longest_record_of_a_conflict_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
