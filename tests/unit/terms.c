/*
 * The words of records: those of DESIGN.md 1.6, there and back, and the protocols by name.
 */
#include "unit.h"

#include "core/terms.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const char *const events[] = {"load", "socket", "setsockopt", "bind", "listen",
	"getaddrinfo", "inherit", "lost", "error"};
static const char *const actions[] = {
	"none", "set", "override", "deny", "split", "share", "yield", "reorder"};
static const char *const findings[] = {"none", "conflict", "disorder", "contrary"};

/* No word, or not quite one. */
static const char *const strangers[] = {"", "Bind", "bin", "bind ", "bindx", "none,", "set\n"};

TEST(events_have_the_contracts_words)
{
	assert_int_equal(COUNT(events), V6_EVENT_COUNT);
	for (unsigned i = 0; i < COUNT(events); i++) {
		assert_string_equal(v6_event_name(i), events[i]);
		assert_int_equal(v6_event_parse(fenced(events[i], strlen(events[i]))), i);
	}
	for (size_t i = 0; i < COUNT(strangers); i++)
		assert_int_equal(v6_event_parse(slice(strangers[i])), V6_EVENT_COUNT);
}

TEST(actions_have_the_contracts_words)
{
	assert_int_equal(COUNT(actions), V6_ACTION_COUNT);
	for (unsigned i = 0; i < COUNT(actions); i++) {
		assert_string_equal(v6_action_name(i), actions[i]);
		assert_int_equal(v6_action_parse(fenced(actions[i], strlen(actions[i]))), i);
	}
	for (size_t i = 0; i < COUNT(strangers); i++)
		assert_int_equal(v6_action_parse(slice(strangers[i])), V6_ACTION_COUNT);
}

TEST(findings_have_the_contracts_words)
{
	assert_int_equal(COUNT(findings), V6_FINDING_COUNT);
	for (unsigned i = 0; i < COUNT(findings); i++) {
		assert_string_equal(v6_finding_name(i), findings[i]);
		assert_int_equal(v6_finding_parse(fenced(findings[i], strlen(findings[i]))), i);
	}
	for (size_t i = 0; i < COUNT(strangers); i++)
		assert_int_equal(v6_finding_parse(slice(strangers[i])), V6_FINDING_COUNT);
}

TEST(socket_types_have_their_words_whatever_flags_came_along)
{
	static const struct {
		int sock_type;
		enum v6_type type;
		const char *word;
	} rows[] = {
		{SOCK_STREAM, V6_TYPE_STREAM, "stream"},
		{SOCK_DGRAM, V6_TYPE_DGRAM, "dgram"},
		{SOCK_RAW, V6_TYPE_RAW, "raw"},
		{SOCK_SEQPACKET, V6_TYPE_SEQPACKET, "seqpacket"},
		{SOCK_RDM, V6_TYPE_OTHER, "other"},
		{0, V6_TYPE_OTHER, "other"},
		{-1, V6_TYPE_OTHER, "other"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(v6_type_of(rows[i].sock_type), rows[i].type);
		assert_int_equal(v6_type_of(rows[i].sock_type | SOCK_CLOEXEC), rows[i].type);
		assert_int_equal(
			v6_type_of(rows[i].sock_type | SOCK_CLOEXEC | SOCK_NONBLOCK), rows[i].type);
		assert_string_equal(v6_type_name(rows[i].type), rows[i].word);
		assert_int_equal(v6_type_parse(slice(rows[i].word)), rows[i].type);
	}
	assert_int_equal(v6_type_parse(slice("tcp")), V6_TYPE_COUNT);
}

TEST(type_of_a_protocol_that_has_but_one)
{
	enum { MPTCP = 262, UDPLITE = 136, SCTP = 132 };

	assert_int_equal(v6_type_of_proto(IPPROTO_TCP), V6_TYPE_STREAM);
	assert_int_equal(v6_type_of_proto(MPTCP), V6_TYPE_STREAM);
	assert_int_equal(v6_type_of_proto(IPPROTO_UDP), V6_TYPE_DGRAM);
	assert_int_equal(v6_type_of_proto(UDPLITE), V6_TYPE_DGRAM);
	assert_int_equal(v6_type_of_proto(SCTP), V6_TYPE_UNKNOWN);
	assert_int_equal(v6_type_of_proto(IPPROTO_IP), V6_TYPE_UNKNOWN);
	assert_int_equal(v6_type_of_proto(-EBADF), V6_TYPE_UNKNOWN);
}

static const char *proto_text(int proto)
{
	static char buf[32];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_proto_text(&t, proto);
	return buf;
}

TEST(protocols_have_the_systems_names)
{
	static const struct {
		int number;
		const char *name;
	} rows[] = {
		{IPPROTO_TCP, "tcp"},
		{IPPROTO_UDP, "udp"},
		{262 /* IPPROTO_MPTCP, linux/in.h */, "mptcp"},
		{IPPROTO_SCTP, "sctp"},
		{IPPROTO_DCCP, "dccp"},
		{IPPROTO_UDPLITE, "udplite"},
		{IPPROTO_ICMP, "icmp"},
		{IPPROTO_ICMPV6, "ipv6-icmp"},
		{115 /* IPPROTO_L2TP, linux/l2tp.h */, "l2tp"},
		{256 /* IPPROTO_SMC, linux/smc.h */, "smc"},
	};

	for (unsigned i = 0; i < COUNT(rows); i++) {
		assert_string_equal(proto_text(rows[i].number), rows[i].name);
		assert_int_equal(
			v6_proto_parse(fenced(rows[i].name, strlen(rows[i].name))), rows[i].number);
		/* The list to choose from holds each of them, wherever it stands there. */
		assert_non_null(v6_proto_name_at(i));
		assert_true(v6_proto_parse(slice(v6_proto_name_at(i))) > 0);
	}
	assert_null(v6_proto_name_at(COUNT(rows)));
}

TEST(every_protocol_number_is_read_back)
{
	for (int proto = 0; proto <= 65535; proto++) {
		const char *text = proto_text(proto);
		char digits[12];

		assert_int_equal(v6_proto_parse(slice(text)), proto);
		snprintf(digits, sizeof(digits), "%d", proto);
		assert_int_equal(v6_proto_parse(fenced(digits, strlen(digits))), proto);
	}
}

TEST(what_is_no_protocol_is_refused)
{
	static const char *const bad[] = {"", "TCP", "tcp ", " tcp", "tc", "tcpx", "-1", "+6", "6 ",
		"65536", "99999", "000006", "100000", "4294967302", "0x6", "6a", "a"};

	for (size_t i = 0; i < COUNT(bad); i++)
		if (v6_proto_parse(fenced(bad[i], strlen(bad[i]))) != -1)
			fail_msg("'%s' was taken for a protocol", bad[i]);
}

RUN_TESTS()
