/*
 * Words: the lists of DESIGN.md 1.3 and 1.6 written out by hand, there and back, and the protocols
 * by name; errno by name, against libc's names, and in words against the kernel's own answers.
 */
#include "unit.h"

#include "core/terms.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const struct {
	enum v6_list list;
	bool of_a_person; /* each word is explained in --help */
	const char *words;
} lists[] = {
	{V6_LIST_NONE, false, ""},
	{V6_LIST_POLICY, true, "app ipv6-only both default-ipv6-only default-both"},
	{V6_LIST_ON_CONTRARY, true, "allow deny:ERRNO"},
	{V6_LIST_ORDER, true, "app ipv4-first ipv6-first"},
	{V6_LIST_ON_DISORDER, true, "log deny:ERRNO"},
	{V6_LIST_ON_CONFLICT, true, "fail resolve share share-ipv6"},
	{V6_LIST_ON_MAPPED, true, "allow deny:ERRNO"},
	{V6_LIST_ON_NONBOOLEAN, true, "allow deny:ERRNO"},
	{V6_LIST_MODE, true, "enforce log"},
	{V6_LIST_PROFILE, true,
		"none linux freebsd netbsd openbsd dragonfly macos illumos windows qnx ibmi aix "
		"bindv6only=0 bindv6only=1 openindiana solaris"},
	{V6_LIST_LOG, true, "stderr off syslog fd:N /PATH"},
	{V6_LIST_LOG_FORMAT, true, "text json"},
	{V6_LIST_LOG_LEVEL, true, "change error bind all"},
	{V6_LIST_ORIGIN, false, "default profile file environment option"},
	{V6_LIST_MATCHER, false, "program port proto"},
	{V6_LIST_FAMILY, false, "inet inet6"},
	{V6_LIST_TYPE, false, "stream dgram raw seqpacket other"},
	{V6_LIST_PROTO, false, "tcp udp mptcp sctp dccp udplite icmp ipv6-icmp l2tp smc"},
	{V6_LIST_VIA, false, "preload supervise"},
	{V6_LIST_EVENT, false, "load socket setsockopt bind listen getaddrinfo inherit lost error"},
	{V6_LIST_ACTION, false, "none set override deny split share yield reorder"},
	{V6_LIST_FINDING, false, "none conflict disorder contrary unenforced ipv4-socket"},
};

/* The numbers of those that are not counted up from 0, in the order of the words. */
static const int from_1[] = {1, 2, 3, 4, 5};
static const int levels[] = {
	V6_LOG_LEVEL_CHANGE, V6_LOG_LEVEL_ERROR, V6_LOG_LEVEL_BIND, V6_LOG_LEVEL_ALL};
static const int protos[] = {IPPROTO_TCP, IPPROTO_UDP, 262 /* IPPROTO_MPTCP, linux/in.h */,
	IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_UDPLITE, IPPROTO_ICMP, IPPROTO_ICMPV6,
	115 /* IPPROTO_L2TP, linux/l2tp.h */, 256 /* IPPROTO_SMC, linux/smc.h */};

static int number_of(enum v6_list list, int place)
{
	if (list == V6_LIST_PROTO)
		return protos[place];
	if (list == V6_LIST_LOG_LEVEL)
		return levels[place];
	if (list == V6_LIST_FAMILY || list == V6_LIST_TYPE || list == V6_LIST_VIA)
		return from_1[place];
	if (list == V6_LIST_PROFILE && place >= V6_PROFILE_COUNT)
		return V6_PROFILE_ILLUMOS;
	return place;
}

TEST(every_list_has_the_contracts_words_and_no_others)
{
	for (size_t i = 0; i < COUNT(lists); i++) {
		const struct v6_word *w = v6_words(lists[i].list);
		struct v6_slice rest = slice(lists[i].words), word;

		for (int n = 0; (word = v6_slice_word(&rest)).len; n++, w++) {
			int number = number_of(lists[i].list, n);

			assert_int_equal(w->list, lists[i].list);
			if (!v6_slice_is(word, w->word))
				fail_msg("'%s' where '%.*s' was expected", w->word, (int)word.len,
					word.ptr);
			assert_int_equal(w->value, number);
			assert_int_equal(
				v6_word_value(lists[i].list, fenced(word.ptr, word.len)), number);
			/* The first name of a number is the one that is written. */
			if (lists[i].list != V6_LIST_PROFILE || n < V6_PROFILE_COUNT)
				assert_string_equal(
					v6_word(lists[i].list, (unsigned)number), w->word);
			assert_int_equal(*v6_word_meaning(w) != '\0', lists[i].of_a_person);
		}
		assert_int_not_equal(w->list, lists[i].list);
		assert_null(v6_word(lists[i].list, 60000));
	}
	assert_null(v6_word(V6_LIST_FAMILY, V6_FAMILY_OTHER));
	assert_null(v6_word(V6_LIST_TYPE, V6_TYPE_UNKNOWN));
	assert_null(v6_word(V6_LIST_VIA, V6_VIA_UNKNOWN));
}

TEST(what_is_not_quite_a_word_is_none)
{
	static const char *const strangers[] = {
		"", "Bind", "bin", "bind ", "bindx", "none,", "set\n", "allow", "both", "tcp"};

	for (size_t i = 0; i < COUNT(strangers); i++) {
		assert_int_equal(v6_word_value(V6_LIST_EVENT, slice(strangers[i])), -1);
		assert_int_equal(v6_word_value(V6_LIST_ACTION, slice(strangers[i])), -1);
		assert_int_equal(v6_word_value(V6_LIST_FINDING, slice(strangers[i])), -1);
		assert_int_equal(v6_word_value(V6_LIST_NONE, slice(strangers[i])), -1);
	}
	assert_int_equal(v6_word_value(V6_LIST_MODE, (struct v6_slice){"log\0", 4}), -1);
}

TEST(levels_rank_and_origins_beat_as_the_contract_has_them)
{
	assert_true(V6_LOG_LEVEL_ERROR < V6_LOG_LEVEL_CHANGE);
	assert_true(V6_LOG_LEVEL_CHANGE < V6_LOG_LEVEL_BIND);
	assert_true(V6_LOG_LEVEL_BIND < V6_LOG_LEVEL_ALL);
	assert_true(V6_ORIGIN_DEFAULT < V6_ORIGIN_PROFILE && V6_ORIGIN_PROFILE < V6_ORIGIN_FILE);
	assert_true(V6_ORIGIN_FILE < V6_ORIGIN_ENVIRONMENT);
	assert_true(V6_ORIGIN_ENVIRONMENT < V6_ORIGIN_OPTION);
}

TEST(families_have_titles_and_each_the_other)
{
	assert_string_equal(v6_family_title(V6_FAMILY_INET), "IPv4");
	assert_string_equal(v6_family_title(V6_FAMILY_INET6), "IPv6");
	assert_null(v6_family_title(V6_FAMILY_OTHER));
	assert_int_equal(v6_family_other(V6_FAMILY_INET), V6_FAMILY_INET6);
	assert_int_equal(v6_family_other(V6_FAMILY_INET6), V6_FAMILY_INET);
	assert_int_equal(v6_family_other(V6_FAMILY_OTHER), V6_FAMILY_OTHER);
}

TEST(socket_types_are_told_whatever_flags_came_along)
{
	static const struct {
		int sock_type;
		enum v6_type type;
	} rows[] = {{SOCK_STREAM, V6_TYPE_STREAM}, {SOCK_DGRAM, V6_TYPE_DGRAM},
		{SOCK_RAW, V6_TYPE_RAW}, {SOCK_SEQPACKET, V6_TYPE_SEQPACKET},
		{SOCK_RDM, V6_TYPE_OTHER}, {0, V6_TYPE_OTHER}, {-1, V6_TYPE_OTHER}};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int type = rows[i].sock_type;

		assert_int_equal(v6_type_of(type), rows[i].type);
		assert_int_equal(v6_type_of(type | SOCK_CLOEXEC), rows[i].type);
		assert_int_equal(v6_type_of(type | SOCK_CLOEXEC | SOCK_NONBLOCK), rows[i].type);
	}
}

TEST(a_protocol_that_has_but_one_type_tells_it)
{
	static const struct {
		int proto;
		enum v6_type type;
	} rows[] = {{IPPROTO_TCP, V6_TYPE_STREAM}, {262, V6_TYPE_STREAM},
		{IPPROTO_UDP, V6_TYPE_DGRAM}, {IPPROTO_UDPLITE, V6_TYPE_DGRAM},
		{IPPROTO_SCTP, V6_TYPE_UNKNOWN}, {IPPROTO_IP, V6_TYPE_UNKNOWN},
		{-EBADF, V6_TYPE_UNKNOWN}};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(v6_type_of_proto(rows[i].proto), rows[i].type);
}

TEST(every_protocol_number_is_read_back)
{
	for (int proto = 0; proto <= 65535; proto++) {
		char text[32], digits[12];
		struct v6_text t = v6_text_in(text, sizeof(text));
		bool named = v6_word(V6_LIST_PROTO, (unsigned)proto) != NULL;

		v6_proto_text(&t, proto);
		snprintf(digits, sizeof(digits), "%d", proto);
		assert_int_equal(strcmp(text, digits) != 0, named);
		assert_int_equal(v6_proto_parse(fenced(text, t.len)), proto);
		assert_int_equal(v6_proto_parse(fenced(digits, strlen(digits))), proto);
	}
}

TEST(what_is_no_protocol_is_refused)
{
	static const char *const bad[] = {"", "TCP", "tcp ", " tcp", "tc", "tcpx", "-1", "+6", "6 ",
		"65536", "99999", "100000", "4294967302", "0x6", "6a", "a"};

	for (size_t i = 0; i < COUNT(bad); i++)
		if (v6_proto_parse(fenced(bad[i], strlen(bad[i]))) != -1)
			fail_msg("'%s' was taken for a protocol", bad[i]);
}

/* strerrorname_np(3). */
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 32)
#define LIBC_NAMES_ERRORS
#endif
#endif

static const char *error_name(int number)
{
	return v6_word(V6_LIST_ERRNO, (unsigned)number);
}

static int error_number(struct v6_slice name)
{
	return v6_word_value(V6_LIST_ERRNO, name);
}

TEST(errno_names_are_libcs)
{
	unsigned named = 0;

#ifdef LIBC_NAMES_ERRORS
	for (int number = -1; number <= 4095; number++) {
		const char *libc = strerrorname_np(number), *is = error_name(number);

		if (number <= 0 || !libc) {
			assert_null(is);
			continue;
		}
		if (!is || strcmp(is, libc))
			fail_msg("%d is %s, libc has %s", number, is ? is : "nothing", libc);
		named++;
	}
	/* asm-generic/errno.h: 1 to 133 without 41 and 58. */
	assert_int_equal(named, 131);
#else
	print_message("# this libc has no strerrorname_np\n");
	(void)named;
	skip();
#endif
}

TEST(every_name_is_read_back_second_names_as_the_first)
{
	const struct v6_word *first = v6_words(V6_LIST_ERRNO), *w = first;

	for (; w->list == V6_LIST_ERRNO; w++) {
		const char *name = w->word;
		int number = error_number(fenced(name, strlen(name)));

		assert_in_range(number, 1, 133);
		assert_int_equal(error_number(slice(error_name(number))), number);
	}
	/* 131 numbers, three of them with a second name. */
	assert_int_equal(w - first, 134);
	assert_int_equal(error_number(slice("EWOULDBLOCK")), EAGAIN);
	assert_int_equal(error_number(slice("ENOTSUP")), EOPNOTSUPP);
	assert_int_equal(error_number(slice("EDEADLOCK")), EDEADLK);
	assert_string_equal(error_name(EWOULDBLOCK), "EAGAIN");
	assert_string_equal(error_name(ENOTSUP), "EOPNOTSUPP");
	assert_string_equal(error_name(EDEADLOCK), "EDEADLK");
}

TEST(what_is_no_errno_name_is_none)
{
	static const char *const strangers[] = {
		"", "E", "eperm", "EPER", "EPERMX", "EPERM ", " EPERM", "1", "0", "-1", "ENOTHING"};

	for (size_t i = 0; i < COUNT(strangers); i++)
		assert_int_equal(error_number(fenced(strangers[i], strlen(strangers[i]))), -1);
}

TEST(what_cannot_be_opened_is_told_in_words_and_by_name)
{
	static const struct {
		const char *path;
		int flags;
		const char *words;
	} rows[] = {
		{"/nonexistent/file", O_RDONLY, ": no such file (ENOENT)"},
		{"/", O_WRONLY, ": is a directory (EISDIR)"},
		{"/dev/null/x", O_RDONLY, ": a part of the path is no directory (ENOTDIR)"},
	};
	static const struct {
		int number;
		const char *words;
	} others[] = {{EACCES, ": permission denied (EACCES)"},
		{ELOOP, ": too many symbolic links (ELOOP)"},
		{ENXIO, ": is a socket or a device (ENXIO)"}, {EPERM, ": not permitted (EPERM)"},
		{ESTALE, ": not to be opened"}, {4095, ": not to be opened"},
		{0, ": not to be opened"}};

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(open(rows[i].path, rows[i].flags | O_CLOEXEC), -1);
		assert_string_equal(v6_errno_words(errno), rows[i].words);
	}
	for (size_t i = 0; i < COUNT(others); i++)
		assert_string_equal(v6_errno_words(others[i].number), others[i].words);
	/* Each name in the words is that of its number. */
	for (int number = 1; number < 134; number++) {
		const char *words = v6_errno_words(number), *name = strchr(words, '(');

		if (name)
			assert_int_equal(
				error_number((struct v6_slice){name + 1, strlen(name) - 2}),
				number);
	}
}

RUN_TESTS()
