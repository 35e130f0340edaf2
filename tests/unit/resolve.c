/*
 * Conflicts: which addresses are in each other's way, and what is to be tried about it (DESIGN.md
 * 1.5; FACTS.md 1).
 *
 * Addresses are compared by an oracle that knows nothing of families and prefixes, only of who
 * would get a packet; the kernel itself is asked in e2e/conflicts.bats and long/oracle.bats. Plans
 * are compared with the contract's sentences, one condition for each.
 */
#include "unit.h"

#include "core/resolve.h"

#include <errno.h>
#include <netinet/in.h>

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

	for (size_t i = 0; i < COUNT(kinds) * COUNT(bits); i++)
		for (size_t j = 0; j < COUNT(kinds) * COUNT(bits); j++) {
			const struct kind *a = &kinds[i / COUNT(bits)],
					  *b = &kinds[j / COUNT(bits)];
			int a_only = bits[i % COUNT(bits)], b_only = bits[j % COUNT(bits)];
			struct v6_diag_socket x = {.local = a->address, .v6only = (int8_t)a_only};
			struct v6_diag_socket y = {.local = b->address, .v6only = (int8_t)b_only};
			bool is = v6_in_the_way(&x, &y), should = meet(a, a_only, b, b_only);

			if (is != should)
				fail_msg("%s V6ONLY %d and %s V6ONLY %d: %s", a->name, a_only,
					b->name, b_only, is ? "in conflict" : "not in conflict");
			pairs++;
			conflicts += is;
		}
	assert_int_equal(pairs, 39 * 39);
	/* Both must have come in number. */
	assert_true(conflicts > 300 && conflicts < pairs - 300);
}

TEST(addresses_on_different_ports_never_conflict)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		for (size_t j = 0; j < COUNT(kinds); j++) {
			struct v6_diag_socket x = {.local = kinds[i].address},
					      y = {.local = kinds[j].address};

			x.local.port = 443;
			y.local.port = 444;
			assert_false(v6_in_the_way(&x, &y));
			y.local.port = 443 ^ 0x100;
			assert_false(v6_in_the_way(&x, &y));
		}
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

TEST(devices_and_protocols_keep_sockets_apart)
{
	static const struct {
		int proto;
		uint32_t iface;
		bool meets;
	} others[] = {{6, 0, true}, {6, 2, true}, {6, 3, false}, {262, 2, true}, {17, 2, false},
		{132, 0, false}};
	struct v6_diag_socket a = {.local = kinds[0].address, .v6only = -1, .proto = 6, .iface = 2};

	for (size_t i = 0; i < COUNT(others); i++) {
		struct v6_diag_socket b = a;

		b.proto = others[i].proto;
		b.iface = others[i].iface;
		assert_int_equal(v6_in_the_way(&a, &b), others[i].meets);
		assert_int_equal(v6_in_the_way(&b, &a), others[i].meets);
		b.local.bytes[0] = 127;
		a.local.bytes[0] = 10;
		assert_false(v6_in_the_way(&a, &b));
		a.local.bytes[0] = 0;
	}
}

TEST(of_an_ipv6_connection_a_bind_of_every_ipv4_address_sees_v6only_alone)
{
	static const struct {
		size_t wants;
		int8_t v6only;
		bool peer, meets;
	} rows[] = {{0, 0, true, true}, {0, 1, true, false}, {0, -1, true, false},
		{0, 0, false, false}, {1, 0, true, false}, {4, 0, true, true}};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct v6_diag_socket a = {.local = kinds[rows[i].wants].address, .proto = 6};
		struct v6_diag_socket b = {.local = kinds[5].address,
			.v6only = rows[i].v6only,
			.proto = 6,
			.peer = rows[i].peer};
		struct v6_rival r = {.socket = b}, four = {.socket = {.local = kinds[9].address}};

		assert_int_equal(v6_in_the_way(&a, &b), rows[i].meets);
		b.local.port++;
		assert_false(v6_in_the_way(&a, &b));
		/* One to a mapped address is of a socket of the other family, but where that was mapped. */
		four.socket.peer = rows[i].peer;
		assert_int_equal(v6_same_family(&r, &four), rows[i].peer);
		four.mapped = true;
		assert_false(v6_same_family(&r, &four));
	}
}

TEST(so_reuseaddr_shares_alone_a_datagram_socket_or_beside_another_process_of_the_family)
{
	for (int i = 0; i < 128; i++) {
		bool udp = i & 1, addr = i & 2, port = i & 4, foreign = i & 8, same = i & 16;
		bool listens = i & 32, yields = i & 64;
		const struct v6_attempt a = {yields ? V6_ACTION_YIELD : V6_ACTION_SHARE, true};
		struct v6_rival r[] = {
			{.socket.local = kinds[same ? 0 : 4].address, .own = !foreign},
			{.socket.state = listens ? V6_STATE_LISTEN : V6_STATE_CLOSE, .own = true}};
		struct v6_conflict f = {.rival = r, .count = COUNT(r)};

		f.self = (struct v6_rival){
			.socket.local = kinds[0].address, .reuseaddr = addr, .reuseport = port};
		f.self.socket.proto = udp ? IPPROTO_UDP : IPPROTO_TCP;
		/* It does not do beside one that listens. */
		assert_int_equal(v6_shares_port(&f, &a),
			port || !addr || !(udp || (foreign && same)) || (listens && yields));
	}
}

/* ---- plans */

/* Places in kinds: 0.0.0.0, 127.0.0.1, `::`, ::1, ::ffff:127.0.0.1. */
enum place { ANY4 = 0, LO4 = 1, ANY6 = 4, LOOP = 5, MAPPED_LO = 9 };
static const uint8_t places[] = {ANY4, LO4, ANY6, LOOP, MAPPED_LO};

/* What else there is on the port. DUAL is one that policy=both made so. */
enum what { BOUND, LISTENS, PEER, DUAL };
static const struct {
	enum place place;
	enum what what;
	bool own;
	int reuseaddr, reuseport;
} others[] = {
	{ANY4, BOUND, true, 0, 0},
	{ANY4, BOUND, true, 1, 0},
	{ANY4, BOUND, true, 0, 1},
	{ANY4, LISTENS, true, 1, 0},
	{ANY4, LISTENS, true, 0, 1},
	{LO4, BOUND, true, 0, 0},
	{LO4, PEER, true, 0, 0},
	{ANY6, BOUND, true, 0, 0},
	{ANY6, DUAL, true, 0, 0},
	{ANY6, DUAL, true, 1, 0},
	{ANY6, LISTENS, true, 1, 1},
	{MAPPED_LO, BOUND, true, 0, 0},
	{ANY4, BOUND, false, -1, -1},
	{LO4, BOUND, false, -1, -1},
	{LO4, LISTENS, false, -1, -1},
	{LO4, PEER, false, -1, -1},
	{ANY6, BOUND, false, -1, -1},
	{ANY6, LISTENS, false, -1, -1},
};

enum axis { ON_CONFLICT, EVENT, ADDRESS, ONLY, MADE, ADDR, PORT, PARTIAL, FIRST, SECOND, AXES };

static const unsigned sizes[AXES] = {
	4, 2, COUNT(places), 3, 2, 2, 2, 2, COUNT(others) + 1, COUNT(others) + 1};

struct point {
	unsigned at[AXES];
	struct v6_knobs knobs;
	struct v6_rival rivals[2];
	struct v6_conflict facts;
};

static struct v6_rival rival_of(size_t i)
{
	return (struct v6_rival){.socket = {.local = kinds[others[i].place].address,
					 .v6only = others[i].what == DUAL ? 0 : -1,
					 .proto = 6,
					 .peer = others[i].what == PEER,
					 .state = others[i].what == LISTENS ? 10 : 7},
		.own = others[i].own,
		.cleared = others[i].what == DUAL,
		.reuseaddr = others[i].reuseaddr,
		.reuseport = others[i].reuseport};
}

static void fill(struct point *p)
{
	const unsigned *at = p->at;

	p->knobs = (struct v6_knobs){.on_conflict = at[ON_CONFLICT]};
	p->facts = (struct v6_conflict){.event = at[EVENT] ? V6_EVENT_LISTEN : V6_EVENT_BIND,
		.rival = p->rivals,
		.partial = at[PARTIAL]};
	p->facts.self = (struct v6_rival){.socket = {.local = kinds[places[at[ADDRESS]]].address,
						  .v6only = (int8_t)bits[at[ONLY]],
						  .proto = 6},
		.cleared = at[MADE],
		.reuseaddr = (int)at[ADDR],
		.reuseport = (int)at[PORT]};
	for (int i = FIRST; i <= SECOND; i++)
		if (at[i])
			p->rivals[p->facts.count++] = rival_of(at[i] - 1);
}

/* policy=both clears V6ONLY of `::` alone, which reads 0 then; and what is in the way conflicts. */
static bool possible(const struct point *p)
{
	if (p->facts.self.cleared &&
		(places[p->at[ADDRESS]] != ANY6 || p->facts.self.socket.v6only != 0))
		return false;
	for (unsigned i = 0; i < p->facts.count; i++)
		if (!v6_in_the_way(&p->facts.self.socket, &p->rivals[i].socket))
			return false;
	return true;
}

static bool is_inet(enum place place)
{
	return place != ANY6 && place != LOOP;
}

/*
 * The kernel's rule (FACTS.md 1 and 6): SO_REUSEPORT on both, or SO_REUSEADDR on both where the
 * other does not listen. What another process has set is not known, and the kernel knows.
 */
static bool lets_both(const struct point *p, size_t other)
{
	bool port = p->at[PORT] && others[other].reuseport != 0;
	bool addr = p->at[ADDR] && others[other].reuseaddr != 0;

	return port || (addr && others[other].what != LISTENS);
}

/* The contract's sentences (1.5), one condition for each, in the order in which they are to be tried. */
static unsigned expected(const struct point *p, struct v6_attempt *attempts)
{
	enum place wants = places[p->at[ADDRESS]];
	bool wildcard_bind = !p->at[EVENT] && wants == ANY6 && p->facts.self.socket.v6only == 0;
	unsigned partners = 0, made = 0, strangers = 0, twice = 0, connections = 0, singles = 0;

	for (int i = FIRST; i <= SECOND; i++) {
		size_t other = p->at[i] - 1;

		if (!p->at[i])
			continue;
		connections += others[other].what == PEER;
		singles += others[other].place == LO4 || others[other].place == MAPPED_LO;
		if (lets_both(p, other))
			continue;
		if (is_inet(others[other].place) == is_inet(wants))
			twice++;
		else if (others[other].own)
			partners++;
		else
			strangers++;
		made += is_inet(others[other].place) != is_inet(wants) &&
			others[other].what == DUAL;
	}
	/* "sharing lets in nobody whom the kernel would have refused"; "never share" what is not known. */
	bool shares = partners && !twice && !strangers && !p->at[PARTIAL];
	bool only_connections = p->facts.count && connections == p->facts.count;
	unsigned n = 0;

	if (p->facts.self.cleared && wildcard_bind) {
		attempts[n++] = (struct v6_attempt){V6_ACTION_YIELD, false};
	} else if (shares && (p->facts.self.cleared || made == partners)) {
		attempts[n++] = (struct v6_attempt){V6_ACTION_YIELD, true};
	} else if (!only_connections && wants != MAPPED_LO) {
		if (p->knobs.on_conflict == V6_ON_CONFLICT_RESOLVE) {
			/* Beside single addresses of this process a split would lose the others. */
			bool first = p->facts.count && singles == p->facts.count;

			if (shares && (first || !wildcard_bind))
				attempts[n++] = (struct v6_attempt){V6_ACTION_SHARE, true};
			if (wildcard_bind)
				attempts[n++] = (struct v6_attempt){V6_ACTION_SPLIT, false};
		} else if (shares &&
			   (p->knobs.on_conflict == V6_ON_CONFLICT_SHARE ||
				   (p->knobs.on_conflict == V6_ON_CONFLICT_SHARE_IPV6 &&
					   kinds[wants].address.family == V6_FAMILY_INET6))) {
			attempts[n++] = (struct v6_attempt){V6_ACTION_SHARE, true};
		}
	}
	return n;
}

/* Whether the kernel refuses it: by what is known. */
static int expected_refusal(const struct point *p)
{
	int refused = p->at[PARTIAL] ? V6_UNKNOWN : 0;

	for (int i = FIRST; i <= SECOND; i++) {
		size_t other = p->at[i] - 1;

		if (!p->at[i])
			continue;
		/* Of `::` in the way of IPv4 V6ONLY has to be known. */
		if (!lets_both(p, other) &&
			(others[other].place != ANY6 || others[other].what == DUAL ||
				!is_inet(places[p->at[ADDRESS]])))
			return 1;
		if (!lets_both(p, other) || !others[other].own)
			refused = V6_UNKNOWN;
	}
	return refused;
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
	struct v6_attempt is[V6_ATTEMPTS_MAX + 1], should[V6_ATTEMPTS_MAX + 1];
	char is_text[100], should_text[100];

	plan_text(is_text, sizeof(is_text), is, v6_conflict_plan(&p->knobs, &p->facts, is));
	plan_text(should_text, sizeof(should_text), should, expected(p, should));
	if (strcmp(is_text, should_text) != 0)
		fail_msg("event %d of %s, V6ONLY %d, made %d, reuse %d %d, partial %d, "
			 "others %d "
			 "%d, on-conflict %s: %s, expected %s",
			p->facts.event, kinds[places[p->at[ADDRESS]]].name,
			p->facts.self.socket.v6only, p->facts.self.cleared, p->facts.self.reuseaddr,
			p->facts.self.reuseport, p->facts.partial, (int)p->at[FIRST] - 1,
			(int)p->at[SECOND] - 1, v6_word(V6_LIST_ON_CONFLICT, p->knobs.on_conflict),
			is_text, should_text);
}

TEST(every_plan_is_the_contracts)
{
	struct point p = {0};
	unsigned checked = 0, planned = 0, two = 0;

	do {
		struct v6_attempt attempts[V6_ATTEMPTS_MAX];
		unsigned n;

		fill(&p);
		if (!possible(&p))
			continue;
		compare(&p);
		assert_int_equal(v6_conflict_refused(&p.facts), expected_refusal(&p));
		checked++;
		n = v6_conflict_plan(&p.knobs, &p.facts, attempts);
		planned += n > 0;
		two += n > 1;
	} while (next_of(p.at, sizes, AXES));
	assert_true(checked > 40000 && planned > 5000 && planned < checked && two > 50);
}

/* ---- who is named */

TEST(the_holder_that_is_named_is_the_one_that_the_record_is_about)
{
	static const struct {
		enum place wants;
		int first, second; /* places in others */
		bool resolved;
		int named;
	} rows[] = {
		/* Resolved: whom it was with. Left alone: whom no attempt could have moved. */
		{ANY6, 0, 16, true, 0},
		{ANY6, 0, 16, false, 16},
		{ANY6, 0, 12, false, 12},
		{ANY6, 12, 16, false, 16},
		{ANY6, 12, 17, true, 12},
		{ANY4, 8, 12, false, 12},
		{ANY4, 8, 0, false, 0},
		{ANY4, 8, 0, true, 8},
		/* A server before a connection. */
		{ANY6, 15, 13, false, 13},
		{ANY6, 6, 0, true, 0},
		{ANY6, 15, -1, false, 15},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct v6_rival self = {
			.socket = {.local = kinds[rows[i].wants].address, .v6only = 0, .proto = 6}};
		struct v6_conflict f = {.event = V6_EVENT_BIND, .self = self};
		struct v6_rival rivals[2];

		f.rival = rivals;
		for (int turn = 0; turn < 2; turn++) {
			int a = turn ? rows[i].second : rows[i].first;
			int b = turn ? rows[i].first : rows[i].second;
			const struct v6_rival *is;

			f.count = 0;
			if (a >= 0)
				rivals[f.count++] = rival_of((size_t)a);
			if (b >= 0)
				rivals[f.count++] = rival_of((size_t)b);
			is = v6_conflict_holder(&f, rows[i].resolved);
			assert_non_null(is);
			if (is - rivals != (a >= 0 && a != rows[i].named))
				fail_msg("row %zu, turn %d", i, turn);
		}
		f.count = 0;
		assert_null(v6_conflict_holder(&f, rows[i].resolved));
	}
}

RUN_TESTS()
