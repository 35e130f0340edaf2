/*
 * Socket addresses: what is read from a sockaddr of any length, and how it is written.
 */
#include "unit.h"

#include "core/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

/* SIN6_LEN_RFC2133, net/ipv6/af_inet6.c: without sin6_scope_id, as RFC 2133 had it. */
enum { IN6_WITHOUT_SCOPE = 24 };

static struct sockaddr_in6 in6(const char *addr, uint16_t port, uint32_t scope)
{
	struct sockaddr_in6 sa = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope};

	assert_int_equal(inet_pton(AF_INET6, addr, &sa.sin6_addr), 1);
	return sa;
}

static struct sockaddr_in in4(const char *addr, uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};

	assert_int_equal(inet_pton(AF_INET, addr, &sa.sin_addr), 1);
	return sa;
}

/* Read where one byte more would be a crash. */
static struct v6_address from(const void *sockaddr, size_t len)
{
	return v6_address_from(fenced(sockaddr, len).ptr, len);
}

TEST(an_address_is_read_with_its_port_and_with_its_scope_where_that_is_there)
{
	struct sockaddr_in6 six = in6("fe80::1", 8080, 3);
	struct sockaddr_in four = in4("192.0.2.1", 65535);
	struct v6_address whole = from(&six, sizeof(six)), bare = from(&six, IN6_WITHOUT_SCOPE);
	struct v6_address a = from(&four, sizeof(four));

	assert_true(whole.family == V6_FAMILY_INET6 && whole.port == 8080 && whole.scope == 3);
	assert_memory_equal(whole.bytes, &six.sin6_addr, 16);
	whole.scope = 0;
	assert_memory_equal(&bare, &whole, sizeof(bare));
	assert_true(a.family == V6_FAMILY_INET && a.port == 65535 && !a.scope);
	assert_memory_equal(a.bytes, &four.sin_addr, 4);
}

TEST(lengths_that_the_kernel_refuses_give_no_address)
{
	struct sockaddr_in6 six = in6("::", 80, 0);
	struct sockaddr_in four = in4("0.0.0.0", 80);

	for (size_t len = 0; len <= sizeof(six); len++)
		assert_int_equal(from(&six, len).family,
			len < IN6_WITHOUT_SCOPE ? V6_FAMILY_OTHER : V6_FAMILY_INET6);
	for (size_t len = 0; len <= sizeof(four); len++)
		assert_int_equal(from(&four, len).family,
			len < sizeof(four) ? V6_FAMILY_OTHER : V6_FAMILY_INET);
}

TEST(lengths_beyond_the_address_change_nothing)
{
	struct {
		struct sockaddr_in6 sa;
		char more[100];
	} long6 = {.sa = in6("::1", 1, 2)};
	struct {
		struct sockaddr_in sa;
		char more[100];
	} long4 = {.sa = in4("127.0.0.1", 1)};

	memset(long6.more, 0xff, sizeof(long6.more));
	memset(long4.more, 0xff, sizeof(long4.more));
	for (size_t more = 0; more <= sizeof(long6.more); more++) {
		struct v6_address a = from(&long6, sizeof(long6.sa));
		struct v6_address b = from(&long6, sizeof(long6.sa) + more);

		assert_memory_equal(&a, &b, sizeof(a));
		a = from(&long4, sizeof(long4.sa));
		b = from(&long4, sizeof(long4.sa) + more);
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

TEST(other_families_give_no_address)
{
	for (unsigned family = 0; family < 70; family++) {
		struct sockaddr_un sa = {.sun_family = (sa_family_t)family};

		if (family != AF_INET && family != AF_INET6)
			assert_int_equal(from(&sa, sizeof(sa)).family, V6_FAMILY_OTHER);
	}
}

static const struct {
	const char *text;
	uint32_t scope;
	bool wildcard;
	bool is_mapped;
	const char *should; /* with the port 80 */
} rows[] = {
	{"::", 0, true, false, "[::]:80"},
	{"::", 2, true, false, "[::%2]:80"},
	{"::1", 0, false, false, "[::1]:80"},
	{"100::", 0, false, false, "[100::]:80"},
	{"2001:db8::1", 0, false, false, "[2001:db8::1]:80"},
	{"fe80::1", 4294967295, false, false, "[fe80::1%4294967295]:80"},
	{"::ffff:0.0.0.0", 0, false, true, "[::ffff:0.0.0.0]:80"},
	{"::ffff:127.0.0.1", 0, false, true, "[::ffff:127.0.0.1]:80"},
	{"::127.0.0.1", 0, false, false, "[::127.0.0.1]:80"},
	{"::fffe:127.0.0.1", 0, false, false, NULL},
	{"::1:ffff:127.0.0.1", 0, false, false, NULL},
	{"ff02::1", 2, false, false, "[ff02::1%2]:80"},
};

TEST(ipv6_addresses_are_told_apart_and_written)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sockaddr_in6 sa = in6(rows[i].text, 80, rows[i].scope);
		struct v6_address a = from(&sa, sizeof(sa));
		char buf[80], alone[80];
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		assert_int_equal(v6_address_wildcard(&a), rows[i].wildcard);
		assert_int_equal(v6_address_mapped(&a), rows[i].is_mapped);
		v6_address_port_text(&t, &a);
		if (rows[i].should)
			assert_string_equal(buf, rows[i].should);
		t = v6_text_in(alone, sizeof(alone));
		v6_address_text(&t, &a);
		assert_int_equal(strlen(alone), strlen(buf) - strlen("[]:80"));
		assert_memory_equal(buf + 1, alone, strlen(alone));
	}
}

TEST(ipv4_addresses_are_told_apart_and_written)
{
	static const struct {
		const char *text;
		uint16_t port;
		bool wildcard;
		const char *should;
	} fours[] = {
		{"0.0.0.0", 0, true, "0.0.0.0:0"},
		{"127.0.0.1", 80, false, "127.0.0.1:80"},
		{"0.0.0.1", 443, false, "0.0.0.1:443"},
		{"1.0.0.0", 1, false, "1.0.0.0:1"},
		{"255.255.255.255", 65535, false, "255.255.255.255:65535"},
	};

	for (size_t i = 0; i < COUNT(fours); i++) {
		struct sockaddr_in sa = in4(fours[i].text, fours[i].port);
		struct v6_address a = from(&sa, sizeof(sa));
		char buf[80];
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		assert_int_equal(v6_address_wildcard(&a), fours[i].wildcard);
		assert_false(v6_address_mapped(&a));
		v6_address_port_text(&t, &a);
		assert_string_equal(buf, fours[i].should);
		t = v6_text_in(buf, sizeof(buf));
		v6_address_text(&t, &a);
		assert_string_equal(buf, fours[i].text);
	}
}

TEST(no_address_is_neither_wildcard_nor_mapped_nor_written)
{
	struct v6_address a = {.family = V6_FAMILY_OTHER, .bytes = {[10] = 0xff, 0xff}};
	struct v6_address zero = {.family = V6_FAMILY_OTHER};
	char buf[8];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	assert_false(v6_address_wildcard(&zero));
	assert_false(v6_address_mapped(&a));
	v6_address_text(&t, &a);
	v6_address_port_text(&t, &a);
	assert_string_equal(buf, "");
}

RUN_TESTS()
