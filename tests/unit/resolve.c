/*
 * Conflicts: which addresses are in each other's way, and what is to be tried about it (DESIGN.md
 * 1.5; FACTS.md 1).
 *
 * Addresses are compared by an oracle that knows nothing of families and prefixes, only of who
 * would get a packet, and by the kernel itself. Plans are compared with the contract's sentences,
 * one condition for each.
 */
#include "unit.h"

#include "core/resolve.h"

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

static const int bits[] = {-1, 0, 1};

static bool meet(const struct kind *a, int a_only, const struct kind *b, int b_only)
{
	unsigned x = a_only == 1 ? a->gets_v6only : a->gets;
	unsigned y = b_only == 1 ? b->gets_v6only : b->gets;

	return (x & y) != 0;
}

TEST(addresses_conflict_where_a_packet_could_go_to_either)
{
	unsigned conflicts = 0, pairs = 0;

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

TEST(addresses_on_different_ports_never_conflict)
{
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

TEST(the_kernel_agrees_about_every_pair_that_can_be_bound)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
	unsigned checked = 0;

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

TEST(tcp_and_mptcp_have_their_ports_in_common)
{
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

static const enum v6_event events[] = {V6_EVENT_BIND, V6_EVENT_LISTEN};
static const enum v6_on_conflict reactions[] = {V6_ON_CONFLICT_FAIL, V6_ON_CONFLICT_RESOLVE,
	V6_ON_CONFLICT_SHARE, V6_ON_CONFLICT_SHARE_IPV6};
/* Places in kinds: 0.0.0.0, 127.0.0.1, `::`, ::1, 2001:db8::1, ::ffff:127.0.0.1. */
static const uint8_t places[] = {0, 1, 4, 5, 6, 9};
enum { ANY6 = 2, MAPPED_LO = 5 };

static const unsigned sizes[AXES] = {
	COUNT(reactions), COUNT(events), COUNT(places), COUNT(bits), 2, 2, 2, 2, 2, 2};

struct point {
	unsigned at[AXES];
	struct v6_knobs knobs;
	struct v6_conflict facts;
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
	p->facts = (struct v6_conflict){.event = events[at[EVENT]],
		.address = kinds[places[at[ADDRESS]]].address,
		.v6only = bits[at[ONLY]],
		.cleared = at[MADE],
		.own_other = at[OTHER],
		.own_other_cleared = at[OTHER_MADE],
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
	if (p->facts.cleared && (p->at[ADDRESS] != ANY6 || p->facts.v6only != 0))
		return false;
	/* Without any socket in the way. */
	if (p->facts.connection && (p->facts.own_other || p->facts.own_same))
		return false;
	return !p->facts.own_other_cleared ||
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
	case V6_ON_CONFLICT_RESOLVE:
	case V6_ON_CONFLICT_SHARE:
		return true;
	case V6_ON_CONFLICT_SHARE_IPV6:
		return p->facts.address.family == V6_FAMILY_INET6;
	default:
		return false;
	}
}

/* The contract's sentences in the order in which they are to be tried. */
static unsigned expected(const struct point *p, struct v6_attempt *attempts)
{
	bool policy_made = p->facts.cleared || p->facts.own_other_cleared;
	unsigned n = 0;

	if (p->facts.cleared && can_split(p))
		attempts[n++] = (struct v6_attempt){.action = V6_ACTION_YIELD, .share = false};
	/* Beside a connection, open or past, a split would leave IPv4 to nobody. */
	if (!p->facts.cleared && p->knobs.on_conflict == V6_ON_CONFLICT_RESOLVE && can_split(p) &&
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
			v6_word(V6_LIST_ACTION, attempts[i].action),
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
			v6_word(V6_LIST_EVENT, p->facts.event), kinds[places[p->at[ADDRESS]]].name,
			p->facts.v6only, p->facts.cleared, p->facts.own_other,
			p->facts.own_other_cleared, p->facts.own_same, p->facts.reuseport,
			p->facts.connection, v6_word(V6_LIST_ON_CONFLICT, p->knobs.on_conflict),
			is_text, should_text);
}

TEST(every_plan_is_the_contracts)
{
	struct point p = {0};
	unsigned checked = 0, planned = 0;

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
TEST(no_plan_breaks_a_promise)
{
	struct point p = {0};

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
			assert_true(p.knobs.on_conflict != V6_ON_CONFLICT_FAIL || yields);
			assert_true(!yields || p.facts.cleared || p.facts.own_other_cleared);
		}
		/* Nothing is tried twice in the same way. */
		assert_true(shares <= 1 && splits <= 1);
		assert_true(!shares || p.facts.own_other);
		assert_true(!shares || !p.facts.own_same || p.facts.reuseport);
		assert_true(!splits || (p.facts.event == V6_EVENT_BIND && p.at[ADDRESS] == ANY6 &&
					       p.facts.v6only == 0));
	} while (next(&p));
}

RUN_TESTS()
