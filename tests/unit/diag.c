/*
 * sock_diag requests and answers as bytes, against the kernel's own headers.
 */
#include "unit.h"

#include "core/diag.h"
#include "core/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { SEQUENCE = 4711, PORT = 443, UID = 1000, INODE = 123456, IFACE = 7 };

static const struct v6_diag_query any6 = {
	.family = V6_FAMILY_INET6, .proto = IPPROTO_TCP, .sequence = SEQUENCE};
static const struct v6_diag_query any4 = {
	.family = V6_FAMILY_INET, .proto = IPPROTO_UDP, .sequence = SEQUENCE};

/* ---- answers */

struct answer {
	_Alignas(4) char bytes[8192];
	size_t len;
};

static void append(struct answer *a, const void *bytes, size_t len)
{
	assert_true(a->len + len <= sizeof(a->bytes));
	memcpy(a->bytes + a->len, bytes, len);
	a->len += len;
}

static void append_padding(struct answer *a)
{
	append(a, "\xee\xee\xee", NLMSG_ALIGN(a->len) - a->len);
}

/* Starts a message; its length is set by finish(). */
static struct nlmsghdr *start(struct answer *a, int type, int flags)
{
	struct nlmsghdr head = {.nlmsg_type = (uint16_t)type,
		.nlmsg_flags = (uint16_t)(NLM_F_MULTI | flags),
		.nlmsg_seq = SEQUENCE,
		.nlmsg_pid = 99};

	append_padding(a);
	append(a, &head, sizeof(head));
	return (struct nlmsghdr *)(void *)(a->bytes + a->len - sizeof(head));
}

static void finish(struct answer *a, struct nlmsghdr *head)
{
	head->nlmsg_len = (uint32_t)(a->bytes + a->len - (char *)head);
}

/* A message of `len` bytes of the number. */
static struct nlmsghdr *append_number(struct answer *a, int type, int number, size_t len)
{
	struct nlmsghdr *head = start(a, type, 0);

	append(a, &number, len);
	finish(a, head);
	return head;
}

static void append_attribute(struct answer *a, int type, const void *value, size_t len)
{
	struct nlattr attr = {
		.nla_len = (uint16_t)(sizeof(attr) + len), .nla_type = (uint16_t)type};

	append_padding(a);
	append(a, &attr, sizeof(attr));
	append(a, value, len);
}

static struct inet_diag_msg message(int family, const char *addr)
{
	struct inet_diag_msg m;

	/* What the walk has no business with is not zero. */
	memset(&m, 0xa5, sizeof(m));
	m.idiag_family = (uint8_t)family;
	m.idiag_state = TCP_LISTEN;
	memset(&m.id, 0, sizeof(m.id));
	if (family == AF_INET)
		/* The kernel leaves rubbish here in no version; another might. */
		memset(m.id.idiag_src, 0xa5, sizeof(m.id.idiag_src));
	assert_int_equal(inet_pton(family, addr, m.id.idiag_src), 1);
	m.id.idiag_sport = htons(PORT);
	m.id.idiag_if = IFACE;
	m.id.idiag_cookie[0] = 0xfedcba98;
	m.id.idiag_cookie[1] = 0x76543210;
	m.idiag_uid = UID;
	m.idiag_inode = INODE;
	return m;
}

/* The message, with one attribute where there is one. */
static void append_with(
	struct answer *a, const struct inet_diag_msg *m, int type, const void *value, size_t len)
{
	struct nlmsghdr *head = start(a, SOCK_DIAG_BY_FAMILY, 0);

	append(a, m, sizeof(*m));
	if (type)
		append_attribute(a, type, value, len);
	finish(a, head);
}

/* As the kernel has it: INET_DIAG_SHUTDOWN comes before V6ONLY, INET_DIAG_MARK behind. */
static void append_socket(struct answer *a, const char *addr, int v6only)
{
	struct inet_diag_msg m = message(strchr(addr, ':') ? AF_INET6 : AF_INET, addr);
	struct nlmsghdr *head = start(a, SOCK_DIAG_BY_FAMILY, 0);
	uint8_t value = (uint8_t)v6only;

	append(a, &m, sizeof(m));
	append_attribute(a, INET_DIAG_SHUTDOWN, "\3", 1);
	if (v6only != V6_UNKNOWN)
		append_attribute(a, INET_DIAG_SKV6ONLY, &value, 1);
	append_attribute(a, INET_DIAG_MARK, "\1\1\1\1", 4);
	finish(a, head);
}

/* ---- walks */

/* What a socket is before it was filled, to see that it was not. */
static struct v6_diag_socket untouched(void)
{
	struct v6_diag_socket s;

	memset(&s, 0x5a, sizeof(s));
	return s;
}

static struct v6_diag_walk walk_bytes(
	const struct v6_diag_query *query, const void *bytes, size_t len)
{
	struct v6_diag_walk walk = {.query = *query};

	v6_diag_part(&walk, len ? memcpy(fence_last(len), bytes, len) : fence_last(0), len);
	return walk;
}

static struct v6_diag_walk walk_of(const struct v6_diag_query *query, const struct answer *a)
{
	return walk_bytes(query, a->bytes, a->len);
}

/* A step that gives no socket leaves the caller's alone. */
static void assert_step(struct v6_diag_walk *walk, enum v6_diag_step step)
{
	struct v6_diag_socket s = untouched(), before = s;

	assert_int_equal(v6_diag_next(walk, &s), step);
	assert_memory_equal(&s, &before, sizeof(s));
}

static struct v6_diag_socket next_socket(struct v6_diag_walk *walk)
{
	struct v6_diag_socket s = untouched();

	assert_int_equal(v6_diag_next(walk, &s), V6_DIAG_SOCKET);
	return s;
}

static void assert_error(struct v6_diag_walk *walk, int error)
{
	assert_step(walk, V6_DIAG_ERROR);
	assert_int_equal(walk->error, error);
	/* It stays so, whatever comes. */
	v6_diag_part(walk, "", 0);
	assert_step(walk, V6_DIAG_ERROR);
	assert_int_equal(walk->error, error);
}

/* The only socket of an answer. */
static struct v6_diag_socket only_socket(const struct v6_diag_query *query, const struct answer *a)
{
	struct v6_diag_walk walk = walk_of(query, a);
	struct v6_diag_socket s = next_socket(&walk);

	assert_step(&walk, V6_DIAG_MORE);
	return s;
}

/* ---- requests */

TEST(a_request_is_what_the_kernels_header_says)
{
	static const struct {
		int family, proto;
		bool attribute;
	} rows[] = {{V6_FAMILY_INET6, 6, false}, {V6_FAMILY_INET, 255, false},
		{V6_FAMILY_INET, 256, true}, {V6_FAMILY_INET6, 262, true}};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct v6_diag_query query = {.family = (uint8_t)rows[i].family,
			.proto = rows[i].proto,
			.states = 1U << V6_STATE_LISTEN | 1U << V6_STATE_BOUND_INACTIVE,
			.port = PORT,
			.sequence = SEQUENCE};
		struct {
			struct nlmsghdr head;
			struct inet_diag_req_v2 body;
			struct nlattr attr;
			uint32_t proto;
		} expected;
		size_t len = sizeof(expected) - (rows[i].attribute ? 0 : 8);
		/* One byte more or less of an odd size: no alignment. */
		char *buf = fence_last(V6_DIAG_REQUEST_SIZE + 1);

		memset(&expected, 0, sizeof(expected));
		expected.head = (struct nlmsghdr){.nlmsg_len = (uint32_t)len,
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = SEQUENCE};
		expected.body.sdiag_family = query.family == V6_FAMILY_INET6 ? AF_INET6 : AF_INET;
		expected.body.sdiag_protocol = (uint8_t)(rows[i].attribute ? 0 : rows[i].proto);
		expected.body.idiag_states = 1U << TCP_LISTEN | 1U << 13;
		expected.body.id.idiag_sport = htons(PORT);
		expected.attr = (struct nlattr){8, INET_DIAG_REQ_PROTOCOL};
		expected.proto = (uint32_t)rows[i].proto;
		memset(buf, 0x77, V6_DIAG_REQUEST_SIZE + 1);
		assert_int_equal(v6_diag_request(buf, &query), len);
		assert_memory_equal(buf, &expected, len);
		for (size_t n = len; n <= V6_DIAG_REQUEST_SIZE; n++)
			assert_int_equal(buf[n], 0x77);
	}
}

TEST(what_cannot_be_asked_makes_no_request)
{
	static const int protos[] = {-1, 0, 65536, INT32_MAX, INT32_MIN};
	struct v6_diag_query query = any6;

	for (size_t i = 0; i < COUNT(protos); i++) {
		query.proto = protos[i];
		assert_int_equal(v6_diag_request(fence_last(0), &query), 0);
	}
	query = any6;
	for (unsigned family = 0; family < 256; family++) {
		query.family = (uint8_t)family;
		if (family != V6_FAMILY_INET && family != V6_FAMILY_INET6)
			assert_int_equal(v6_diag_request(fence_last(0), &query), 0);
	}
}

/* ---- sockets */

/* Of an IPv4 socket four bytes count, and an attribute that does not apply is not believed. */
TEST(a_socket_is_read_whole)
{
	for (int in6 = 0; in6 < 2; in6++) {
		const struct v6_diag_query *query = in6 ? &any6 : &any4;
		struct answer a = {.len = 0};
		struct v6_diag_socket s;

		append_socket(&a, in6 ? "2001:db8::1" : "192.0.2.1", 1);
		s = only_socket(query, &a);
		assert_int_equal(s.local.family, query->family);
		assert_int_equal(s.local.port, PORT);
		assert_int_equal(s.local.scope, 0);
		assert_memory_equal(s.local.bytes,
			in6 ? "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			    : "\xc0\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0",
			16);
		assert_false(s.peer);
		assert_int_equal(s.state, TCP_LISTEN);
		assert_int_equal(s.state, V6_STATE_LISTEN);
		assert_int_equal(s.v6only, in6 ? 1 : V6_UNKNOWN);
		assert_int_equal(s.proto, query->proto);
		assert_int_equal(s.uid, UID);
		assert_int_equal(s.inode, INODE);
		assert_int_equal(s.iface, IFACE);
		assert_true(s.cookie == 0x76543210fedcba98);
	}
}

/* The last message lacks its padding where the value is no whole number of words. */
TEST(v6only_is_0_1_or_unknown_under_flags_and_at_any_length)
{
	static const int types[] = {INET_DIAG_SKV6ONLY, INET_DIAG_SKV6ONLY | NLA_F_NESTED,
		INET_DIAG_SKV6ONLY | NLA_F_NET_BYTEORDER};
	static const unsigned char values[] = {0, 1, 2, 255};

	for (size_t i = 0; i < COUNT(types) * COUNT(values) * 6; i++) {
		unsigned char bytes[5] = {values[i / COUNT(types) % COUNT(values)]};
		size_t len = i / COUNT(types) / COUNT(values);
		struct inet_diag_msg m = message(AF_INET6, "::");
		struct answer a = {.len = 0};

		append_with(&a, &m, types[i % COUNT(types)], bytes, len);
		assert_int_equal(a.len % 4, len % 4);
		assert_int_equal(only_socket(&any6, &a).v6only, len ? *bytes != 0 : V6_UNKNOWN);
	}
}

TEST(only_addresses_of_a_link_get_a_scope)
{
	static const struct {
		const char *addr;
		bool scoped;
	} cases[] = {{"fe80::1", true}, {"febf::1", true}, {"fec0::1", false}, {"fe7f::1", false},
		{"ff02::1", true}, {"ff01::1", true}, {"ff12::1", true}, {"ff05::1", false},
		{"ff0e::1", false}, {"::", false}, {"::1", false}, {"::ffff:192.0.2.1", false},
		{"2001:db8::1", false}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct answer a = {.len = 0};
		struct v6_diag_socket s;

		append_socket(&a, cases[i].addr, 1);
		s = only_socket(&any6, &a);
		assert_int_equal(s.local.scope, cases[i].scoped ? IFACE : 0);
		assert_int_equal(s.iface, IFACE);
	}
}

/* A connect(2) that failed leaves the address that it was for. */
TEST(a_peer_is_a_port)
{
	for (int port = 0; port <= 1; port++) {
		struct inet_diag_msg m = message(AF_INET6, "::1");
		struct answer a = {.len = 0};

		m.id.idiag_dport = htons((uint16_t)port);
		memset(m.id.idiag_dst, 1, sizeof(m.id.idiag_dst));
		append_with(&a, &m, 0, NULL, 0);
		assert_int_equal(only_socket(&any6, &a).peer, port);
	}
}

/* ---- the course of an answer */

TEST(sockets_come_in_order_over_several_parts)
{
	struct answer first = {.len = 0}, second = {.len = 0};
	struct v6_diag_walk walk;

	append_socket(&first, "::", 0);
	append_socket(&first, "::1", 1);
	append_socket(&second, "::", 1);
	append_number(&second, NLMSG_DONE, 0, 4);
	walk = walk_bytes(&any6, "", 0);
	assert_step(&walk, V6_DIAG_MORE);
	walk = walk_of(&any6, &first);
	assert_int_equal(next_socket(&walk).v6only, 0);
	assert_int_equal(next_socket(&walk).local.bytes[15], 1);
	assert_step(&walk, V6_DIAG_MORE);
	assert_step(&walk, V6_DIAG_MORE);
	v6_diag_part(&walk, second.bytes, second.len);
	assert_int_equal(next_socket(&walk).v6only, 1);
	assert_step(&walk, V6_DIAG_DONE);
	v6_diag_part(&walk, first.bytes, first.len);
	assert_step(&walk, V6_DIAG_DONE);
	assert_int_equal(walk.error, 0);
	assert_false(walk.interrupted);
}

/* `len` bytes of a number behind the header of a message of that type; what the step then is. */
TEST(done_and_error_messages_end_a_walk_as_their_number_has_it)
{
	static const struct {
		int type, number;
		size_t len;
		enum v6_diag_step step;
		int error;
	} rows[] = {
		{NLMSG_DONE, 0, 4, V6_DIAG_DONE, 0},
		{NLMSG_DONE, 1, 4, V6_DIAG_DONE, 0},
		{NLMSG_DONE, INT32_MAX, 4, V6_DIAG_DONE, 0},
		{NLMSG_DONE, -1, 0, V6_DIAG_DONE, 0},
		{NLMSG_DONE, -1, 3, V6_DIAG_DONE, 0},
		{NLMSG_DONE, -ENOENT, 4, V6_DIAG_ERROR, ENOENT},
		{NLMSG_DONE, INT32_MIN, 4, V6_DIAG_ERROR, EBADMSG},
		{NLMSG_ERROR, -ENOENT, 4, V6_DIAG_ERROR, ENOENT},
		{NLMSG_ERROR, -EINVAL, 4, V6_DIAG_ERROR, EINVAL},
		{NLMSG_ERROR, -INT32_MAX, 4, V6_DIAG_ERROR, INT32_MAX},
		{NLMSG_ERROR, INT32_MIN, 4, V6_DIAG_ERROR, EBADMSG},
		/* An error without its number is none of the kernel's. */
		{NLMSG_ERROR, 0, 0, V6_DIAG_ERROR, EBADMSG},
		{NLMSG_ERROR, 0, 3, V6_DIAG_ERROR, EBADMSG},
		/* An acknowledgement is no error. */
		{NLMSG_ERROR, 0, 4, V6_DIAG_SOCKET, 0},
		{NLMSG_ERROR, 1, 4, V6_DIAG_SOCKET, 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a = {.len = 0};
		struct v6_diag_walk walk;

		append_socket(&a, "::", 1);
		append_number(&a, rows[i].type, rows[i].number, rows[i].len);
		append_socket(&a, "::1", 1);
		walk = walk_of(&any6, &a);
		next_socket(&walk);
		if (rows[i].step == V6_DIAG_ERROR)
			assert_error(&walk, rows[i].error);
		else if (rows[i].step == V6_DIAG_SOCKET)
			next_socket(&walk);
		else
			assert_step(&walk, V6_DIAG_DONE);
	}
}

TEST(an_interrupted_dump_is_noticed_at_any_message)
{
	for (int at = 0; at < 4; at++) {
		struct inet_diag_msg m = message(AF_INET6, "::");
		struct answer a = {.len = 0};
		struct v6_diag_walk walk;

		/* At 3 it is another question's answer. */
		for (int i = 0; i < 4; i++) {
			struct nlmsghdr *head = start(&a, i == 2 ? NLMSG_DONE : SOCK_DIAG_BY_FAMILY,
				i == at || (at == 3 && i == 1) ? NLM_F_DUMP_INTR : 0);

			if (at == 3 && i == 1)
				head->nlmsg_seq++;
			append(&a, i == 2 ? (const void *)"\0\0\0\0" : &m, i == 2 ? 4 : sizeof(m));
			finish(&a, head);
		}
		walk = walk_of(&any6, &a);
		next_socket(&walk);
		if (at != 3)
			next_socket(&walk);
		assert_step(&walk, V6_DIAG_DONE);
		assert_int_equal(walk.interrupted, at != 3);
	}
}

TEST(what_was_not_asked_for_is_passed_over)
{
	struct inet_diag_msg other_port = message(AF_INET6, "::");
	struct inet_diag_msg other_family = message(AF_INET, "0.0.0.0");
	struct inet_diag_msg unix_family = message(AF_INET6, "::");
	struct v6_diag_query query = any6;
	struct answer a = {.len = 0};
	struct v6_diag_walk walk;

	query.port = PORT;
	other_port.id.idiag_sport = htons(PORT + 1);
	append_with(&a, &other_port, 0, NULL, 0);
	append_with(&a, &other_family, 0, NULL, 0);
	unix_family.idiag_family = AF_UNIX;
	append_with(&a, &unix_family, 0, NULL, 0);
	append_number(&a, NLMSG_NOOP, -ENOENT, 4);
	append_number(&a, 77, -ENOENT, 4);
	append_number(&a, NLMSG_DONE, 0, 4)->nlmsg_seq--;
	append_number(&a, NLMSG_ERROR, -1, 4)->nlmsg_seq++;
	append_socket(&a, "::1", 1);
	walk = walk_of(&query, &a);
	assert_int_equal(next_socket(&walk).local.bytes[15], 1);
	assert_step(&walk, V6_DIAG_MORE);

	/* Without a port in the question every port is an answer. */
	query.port = 0;
	walk = walk_of(&query, &a);
	assert_int_equal(next_socket(&walk).local.port, PORT + 1);
	assert_int_equal(next_socket(&walk).local.port, PORT);
	assert_step(&walk, V6_DIAG_MORE);
}

/* ---- hostile and broken bytes */

/* Three sockets and the end; ends[i] is where the i-th message ends. */
static void make_answer(struct answer *a, size_t ends[4])
{
	static const char *const addrs[] = {"::", "::1", "fe80::1"};

	a->len = 0;
	for (int i = 0; i < 3; i++) {
		append_socket(a, addrs[i], i & 1);
		ends[i] = a->len;
	}
	append_number(a, NLMSG_DONE, 0, 4);
	ends[3] = a->len;
}

TEST(an_answer_cut_at_any_length_ends_in_an_error_and_not_beyond)
{
	struct answer a;
	size_t ends[4], full;

	make_answer(&a, ends);
	for (size_t len = 0; len < a.len; len++) {
		struct v6_diag_walk walk = walk_bytes(&any6, a.bytes, len);

		for (full = 0; full < 4 && ends[full] <= len; full++)
			next_socket(&walk);
		/* Nothing is missing between two messages. */
		if (len == (full ? ends[full - 1] : 0))
			assert_step(&walk, V6_DIAG_MORE);
		else
			assert_error(&walk, EBADMSG);
	}
}

TEST(a_message_of_an_impossible_length_is_an_error)
{
	static const uint32_t large[] = {1, 2, 3, 4, 1000, 65536, 0x7fffffff, 0x80000000,
		0xfffffffc, 0xfffffffd, 0xffffffff};

	for (uint32_t i = 0; i < 16 + COUNT(large); i++) {
		struct answer a = {.len = 0};
		struct v6_diag_walk walk;
		uint32_t len = i;

		append_socket(&a, "::", 0);
		if (i >= 16)
			len = large[i - 16] < a.len ? (uint32_t)a.len + large[i - 16]
						    : large[i - 16];
		memcpy(a.bytes, &len, sizeof(len));
		walk = walk_of(&any6, &a);
		assert_error(&walk, EBADMSG);
	}
}

TEST(a_socket_of_too_few_bytes_is_an_error)
{
	struct inet_diag_msg m = message(AF_INET6, "::");

	for (size_t len = 0; len <= sizeof(m); len++) {
		struct answer a = {.len = 0};
		struct nlmsghdr *head = start(&a, SOCK_DIAG_BY_FAMILY, 0);
		struct v6_diag_walk walk;

		append(&a, &m, len);
		finish(&a, head);
		walk = walk_of(&any6, &a);
		if (len < sizeof(m))
			assert_error(&walk, EBADMSG);
		else
			assert_int_equal(next_socket(&walk).v6only, V6_UNKNOWN);
	}
}

TEST(an_attribute_of_an_impossible_length_ends_the_attributes)
{
	static const uint16_t lengths[] = {0, 1, 2, 3, 0x7fff, 0xfffd, 0xffff};

	for (int before = 0; before < 2; before++)
		for (size_t i = 0; i < COUNT(lengths); i++) {
			struct inet_diag_msg m = message(AF_INET6, "::");
			struct nlattr bad = {.nla_len = lengths[i], .nla_type = INET_DIAG_SKV6ONLY};
			struct answer a = {.len = 0};
			struct nlmsghdr *head = start(&a, SOCK_DIAG_BY_FAMILY, 0);

			append(&a, &m, sizeof(m));
			if (before)
				append_attribute(&a, INET_DIAG_SKV6ONLY, "\1", 1);
			append_padding(&a);
			append(&a, &bad, sizeof(bad));
			if (!before)
				append_attribute(&a, INET_DIAG_SKV6ONLY, "\1", 1);
			finish(&a, head);
			assert_int_equal(only_socket(&any6, &a).v6only, before ? 1 : V6_UNKNOWN);
		}
}

/* The value of the one message's attribute lies in the message behind it. */
TEST(an_attribute_ends_with_its_message)
{
	struct inet_diag_msg m = message(AF_INET6, "::");
	struct nlattr attr = {.nla_len = 5, .nla_type = INET_DIAG_SKV6ONLY};
	struct answer a = {.len = 0};
	struct nlmsghdr *head = start(&a, SOCK_DIAG_BY_FAMILY, 0);
	struct v6_diag_walk walk;

	append(&a, &m, sizeof(m));
	append(&a, &attr, sizeof(attr));
	finish(&a, head);
	append_socket(&a, "::", 1);
	walk = walk_of(&any6, &a);
	assert_int_equal(next_socket(&walk).v6only, V6_UNKNOWN);
	assert_int_equal(next_socket(&walk).v6only, 1);
}

/* Ends within as many steps as there are headers, wherever the bytes lead. */
static void walk_to_the_end(const struct v6_diag_query *query, const char *bytes, size_t len)
{
	struct v6_diag_walk walk = walk_bytes(query, bytes, len);
	struct v6_diag_socket s;
	size_t steps = 0;

	while (v6_diag_next(&walk, &s) == V6_DIAG_SOCKET) {
		assert_int_equal(s.local.family, query->family);
		assert_in_range(s.v6only + 1, 0, 2);
		assert_true(!query->port || s.local.port == query->port);
		assert_true(++steps <= len / 88);
	}
}

TEST(spoilt_answers_are_walked_to_their_end_and_not_beyond)
{
	struct v6_diag_query query = any6;
	uint64_t random = 20260101;
	struct answer a, spoilt;
	size_t ends[4];

	make_answer(&a, ends);
	for (int round = 0; round < 400000; round++) {
		spoilt = a;
		for (unsigned i = random_below(&random, 8) + 1; i--;)
			/* Small numbers make lengths that nearly fit. */
			spoilt.bytes[random_below(&random, (unsigned)a.len)] =
				(char)random_below(&random, random_below(&random, 2) ? 256 : 24);
		query.port = round & 1 ? PORT : 0;
		walk_to_the_end(&query, spoilt.bytes, random_below(&random, (unsigned)a.len + 1));
		walk_to_the_end(&query, spoilt.bytes, a.len);
	}
}

RUN_TESTS()
