/*
 * Socket addresses: what is read from a sockaddr of any length, and how it is written.
 */
#include "unit.h"

#include "core/terms.h"

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

TEST(lengths_that_the_kernel_refuses_give_no_address_and_what_lies_beyond_changes_nothing)
{
	struct sockaddr_in6 six[2] = {in6("::1", 80, 2)};
	struct sockaddr_in four[4] = {in4("127.0.0.1", 80)};
	struct v6_address whole6 = from(six, sizeof(*six)), whole4 = from(four, sizeof(*four));

	memset(six + 1, 0xff, sizeof(*six));
	memset(four + 1, 0xff, 3 * sizeof(*four));
	for (size_t len = 0; len <= sizeof(six); len++) {
		struct v6_address a = from(six, len), b = from(four, len);

		assert_int_equal(
			a.family, len < IN6_WITHOUT_SCOPE ? V6_FAMILY_OTHER : V6_FAMILY_INET6);
		assert_int_equal(b.family, len < sizeof(*four) ? V6_FAMILY_OTHER : V6_FAMILY_INET);
		if (len >= sizeof(*six))
			assert_memory_equal(&a, &whole6, sizeof(a));
		if (len >= sizeof(*four))
			assert_memory_equal(&b, &whole4, sizeof(b));
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
	bool wildcard, mapped;
	const char *should; /* with the port 80 */
} rows[] = {
	{"::", 0, true, false, "[::]:80"},
	{"::", 2, true, false, "[::%2]:80"},
	{"::1", 0, false, false, "[::1]:80"},
	{"100::", 0, false, false, "[100::]:80"},
	{"fe80::1", 4294967295, false, false, "[fe80::1%4294967295]:80"},
	{"::ffff:0.0.0.0", 0, false, true, "[::ffff:0.0.0.0]:80"},
	{"::ffff:127.0.0.1", 0, false, true, "[::ffff:127.0.0.1]:80"},
	{"::127.0.0.1", 0, false, false, "[::127.0.0.1]:80"},
	{"::fffe:127.0.0.1", 0, false, false, "[::fffe:7f00:1]:80"},
	{"::1:ffff:127.0.0.1", 0, false, false, "[::1:ffff:7f00:1]:80"},
	{"0.0.0.0", 0, true, false, "0.0.0.0:80"},
	{"0.0.0.1", 0, false, false, "0.0.0.1:80"},
	{"1.0.0.0", 0, false, false, "1.0.0.0:80"},
	{"255.255.255.255", 0, false, false, "255.255.255.255:80"},
};

TEST(addresses_are_told_apart_and_written)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool is6 = strchr(rows[i].text, ':');
		struct sockaddr_in6 six = in6(is6 ? rows[i].text : "::", 80, rows[i].scope);
		struct sockaddr_in four = in4(is6 ? "0.0.0.0" : rows[i].text, 80);
		struct v6_address a = is6 ? from(&six, sizeof(six)) : from(&four, sizeof(four));
		char buf[80], alone[80];
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		assert_int_equal(v6_address_wildcard(&a), rows[i].wildcard);
		assert_int_equal(v6_address_mapped(&a), rows[i].mapped);
		v6_address_port_text(&t, &a);
		assert_string_equal(buf, rows[i].should);
		t = v6_text_in(alone, sizeof(alone));
		v6_address_text(&t, &a);
		assert_int_equal(strlen(alone), strlen(buf) - strlen(is6 ? "[]:80" : ":80"));
		assert_memory_equal(buf + is6, alone, strlen(alone));
	}
}

TEST(no_address_is_neither_wildcard_nor_mapped_nor_written)
{
	struct v6_address a = {.family = V6_FAMILY_OTHER, .bytes = {[10] = 0xff, 0xff}};
	struct v6_address zero = {.family = V6_FAMILY_OTHER};
	V6_TEXT(t, 8);

	assert_false(v6_address_wildcard(&zero));
	assert_false(v6_address_mapped(&a));
	v6_address_text(&t, &a);
	v6_address_port_text(&t, &a);
	assert_string_equal(t.buf, "");
}

RUN_TESTS()
