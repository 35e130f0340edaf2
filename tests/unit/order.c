/*
 * Order: which family comes first in an address list (DESIGN.md 1.3, order). On a port: policy.c.
 *
 * Every list of up to eight entries is parted and compared with what two passes over it, one for
 * each family, give.
 */
#include "unit.h"

#include "core/policy.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { LONGEST = 8, MANY = 64 };

/* A list of n nodes whose i-th is IPv6 where bit i is set. */
struct list {
	struct addrinfo nodes[MANY];
	unsigned n;
};

static char first_name[] = "first.example", other_name[] = "other.example";

static struct addrinfo *make(struct list *l, unsigned n, uint64_t inet6)
{
	memset(l, 0, sizeof(*l));
	l->n = n;
	for (unsigned i = 0; i < n; i++) {
		l->nodes[i].ai_family = inet6 >> i & 1 ? AF_INET6 : AF_INET;
		l->nodes[i].ai_next = i + 1 < n ? &l->nodes[i + 1] : NULL;
		/* To tell them apart: nothing but links may change. */
		l->nodes[i].ai_socktype = (int)(100 + i);
	}
	return n ? l->nodes : NULL;
}

/* The places of the nodes in what came of the list, which must end and hold each of them once. */
static void places(const struct list *l, const struct addrinfo *head, unsigned *at)
{
	bool seen[MANY] = {false};
	unsigned n = 0;

	for (; head; head = head->ai_next) {
		size_t place = (size_t)(head - l->nodes);

		assert_true(place < l->n);
		assert_false(seen[place]);
		seen[place] = true;
		assert_int_equal(head->ai_socktype, 100 + place);
		assert_true(n < l->n);
		at[n++] = (unsigned)place;
	}
	assert_int_equal(n, l->n);
}

/* Two passes: the first family's in their order, then the others' in theirs. */
static void parted(const struct list *l, enum v6_order order, unsigned *at)
{
	int first = order == V6_ORDER_IPV4_FIRST   ? AF_INET
		    : order == V6_ORDER_IPV6_FIRST ? AF_INET6
						   : 0;
	unsigned n = 0;

	for (int pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < l->n; i++)
			if (first ? (l->nodes[i].ai_family == first) == !pass : !pass)
				at[n++] = i;
	assert_int_equal(n, l->n);
}

static const enum v6_order orders[] = {V6_ORDER_APP, V6_ORDER_IPV4_FIRST, V6_ORDER_IPV6_FIRST};

static void each_list(void (*check)(unsigned n, uint64_t inet6, enum v6_order order))
{
	unsigned checked = 0;

	for (unsigned n = 0; n <= LONGEST; n++) {
		for (uint64_t inet6 = 0; inet6 < UINT64_C(1) << n; inet6++) {
			for (size_t i = 0; i < COUNT(orders); i++) {
				check(n, inet6, orders[i]);
				checked++;
			}
		}
	}
	assert_int_equal(checked, 3 * 511);
}

static void is_parted(unsigned n, uint64_t inet6, enum v6_order order)
{
	unsigned is[MANY], should[MANY];
	struct list l;
	struct addrinfo *head = make(&l, n, inet6);
	struct v6_families found = v6_order_families(head);
	bool changes = v6_order_changes(order, head), changed = false;

	if (n <= V6_FAMILIES_MAX) {
		assert_int_equal(found.count, n);
		assert_int_equal(found.inet6, inet6);
	}
	parted(&l, order, should);
	places(&l, v6_order_apply(order, head), is);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(is[i], should[i]);
		changed |= is[i] != i;
	}
	assert_int_equal(changes, changed);
}

/*
 * RFC 3493 6.1: the canonical name is in the first entry. A resolver may name another as well: no name
 * is lost or doubled, for freeaddrinfo(3) frees it with each entry that has it.
 */
static void keeps_all_names(unsigned n, uint64_t inet6, enum v6_order order)
{
	for (unsigned named = 0; named < n; named++) {
		unsigned firsts = 0, others = 0, at[MANY];
		struct list l;
		struct addrinfo *head = make(&l, n, inet6);

		l.nodes[0].ai_canonname = first_name;
		if (named)
			l.nodes[named].ai_canonname = other_name;
		head = v6_order_apply(order, head);
		places(&l, head, at);
		if (!named)
			assert_ptr_equal(head->ai_canonname, first_name);
		for (; head; head = head->ai_next) {
			firsts += head->ai_canonname == first_name;
			others += head->ai_canonname == other_name;
		}
		assert_int_equal(firsts, 1);
		assert_int_equal(others, named > 0);
	}
}

TEST(every_list_is_parted_stably_and_keeps_every_entry_and_name)
{
	each_list(is_parted);
	each_list(keeps_all_names);
}

TEST(lists_as_long_as_a_record_tells_and_longer_are_parted_too)
{
	uint64_t seed = 20240607;

	for (unsigned rounds = 0; rounds < 2000; rounds++) {
		unsigned n = 1 + random_below(&seed, MANY);
		uint64_t inet6 = random_next(&seed);

		inet6 &= n == MANY ? UINT64_MAX : (UINT64_C(1) << n) - 1;
		for (size_t i = 0; i < COUNT(orders); i++)
			is_parted(n, inet6, orders[i]);
	}
	/* All of one family, to the last bit. */
	for (size_t i = 0; i < COUNT(orders); i++) {
		is_parted(V6_FAMILIES_MAX, 0, orders[i]);
		is_parted(V6_FAMILIES_MAX, UINT32_MAX, orders[i]);
	}
}

TEST(a_list_that_is_too_long_to_tell_is_told_as_far_as_it_goes)
{
	struct list l;
	struct v6_families f = v6_order_families(make(&l, MANY, 0x5555555555555555));

	assert_int_equal(f.count, V6_FAMILIES_MAX);
	assert_int_equal(f.inet6, 0x55555555);
}

RUN_TESTS()
