/*
 * Reading records back: what the writer wrote comes out as it went in; what is no JSON (RFC 8259),
 * or no record (DESIGN.md 1.6), is refused at the column where it goes wrong; and no byte outside
 * the line is read, whatever stands in it.
 */
#include "unit.h"

#include "command/report/report.h"
#include "core/record.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <time.h>

static char line_buf[65536], again_buf[65536], why_buf[1024];

/* Of the line, from memory that ends with it, with a scratch that is as large and no larger. */
static bool read_line(struct v6_record *r, const char *line, size_t len)
{
	static char *scratch;
	struct v6_text why = v6_text_in(why_buf, sizeof(why_buf));
	bool is;

	free(scratch);
	scratch = malloc(len + 1);
	assert_non_null(scratch);
	is = v6_read_record(r, fenced(line, len), scratch, &why);
	assert_false(why.full);
	/* A record says nothing; of anything else there is a reason. */
	assert_int_equal(why.len == 0, is);
	return is;
}

/* ---- the shortest record, and one with a member more */

#define HEAD "{\"v\":1,\"time\":\"2026-01-02T03:04:05.000006Z\",\"pid\":7,\"event\":\"bind\""

static const char *with(const char *member)
{
	snprintf(line_buf, sizeof(line_buf), HEAD ",%s}", member);
	return line_buf;
}

static void assert_taken(const char *text, struct v6_record *r)
{
	if (!read_line(r, text, strlen(text)))
		fail_msg("refused: %s\n  %s", text, why_buf);
}

/* ---- there and back */

static size_t write_json(char *buf, const struct v6_record *r)
{
	struct v6_text t = v6_text_in(buf, sizeof(line_buf));

	assert_true(v6_record_json(&t, r));
	return t.len - 1; /* without its newline */
}

static void assert_same_slice(struct v6_slice a, struct v6_slice b)
{
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.len ? a.ptr : "", b.len ? b.ptr : "", a.len);
}

/*
 * A record in the order of its keys, in two ways that are at their values' ends. What begins with `!`
 * is in every record; of all else each alone is left out, and in the end all.
 */
static const char *const parts[][2] = {
	{"!{\"v\":1,\"time\":\"9999-12-31T23:59:59.999999Z\",\"pid\":2147483647",
		"!{\"v\":1,\"time\":\"1970-01-01T00:00:00.000000Z\",\"pid\":1"},
	{",\"program\":\"g\xc3\xbc\\\"\\\\\\u000a\xf0\x9f\x98\x80\"", ",\"program\":\"x\""},
	{",\"via\":\"supervise\"", ",\"via\":\"preload\""},
	{"!,\"event\":\"bind\"", "!,\"event\":\"load\""},
	{",\"fd\":2147483647", ",\"fd\":0"},
	{",\"family\":\"inet6\"", ",\"family\":\"inet\""},
	{",\"type\":\"other\"", ",\"type\":\"stream\""},
	{",\"proto\":\"253\"", ",\"proto\":\"tcp\""},
	{",\"addr\":\"fe80::1%4294967295\",\"port\":65535", ",\"addr\":\"0.0.0.0\",\"port\":0"},
	{",\"asked\":1", ",\"asked\":0"},
	{",\"before\":0", ",\"before\":1"},
	{",\"after\":1", ",\"after\":0"},
	{",\"serves\":[\"inet6\",\"inet\"]", ",\"serves\":[\"inet\"]"},
	{",\"families_before\":[\"inet6\",\"inet\",\"inet\"]", ",\"families_before\":[\"inet\"]"},
	{",\"families_after\":[\"inet\",\"inet\",\"inet6\"]", ",\"families_after\":[\"inet6\"]"},
	{"!,\"policy\":\"default-both\"", "!,\"policy\":\"app\""},
	{",\"rule\":256", ",\"rule\":1"},
	{"!,\"mode\":\"log\",\"action\":\"reorder\",\"finding\":\"contrary\"",
		"!,\"mode\":\"enforce\",\"action\":\"none\",\"finding\":\"none\""},
	{"!,\"holder\":{\"fd\":2147483647", "!,\"holder\":{\"fd\":0"},
	{",\"pid\":2147483647", ",\"pid\":1"},
	{",\"program\":\"y\"", ",\"program\":\"\\u001b\""},
	{",\"uid\":4294967295", ",\"uid\":0"},
	{",\"family\":\"inet\",\"addr\":\"255.255.255.255\",\"port\":1",
		",\"family\":\"inet6\",\"addr\":\"::ffff:1.2.3.4\",\"port\":2"},
	{",\"v6only\":1", ",\"v6only\":0"},
	{"!}", "!}"},
	{",\"result\":-9223372036854775799", ",\"result\":9223372036854775799"},
	{",\"errno\":\"EPERM\"", ",\"errno\":512"},
	{"!,\"enforce\":{\"after\":1", "!,\"enforce\":{\"after\":0"},
	{",\"serves\":[\"inet6\"]", ",\"serves\":[\"inet6\",\"inet\"]"},
	{",\"result\":-1", ",\"result\":0"},
	{",\"errno\":\"EADDRINUSE\"", ",\"errno\":512"},
	{"!}", "!}"},
	{",\"count\":9223372036854775799", ",\"count\":1"},
	{",\"version\":\"0.1.0\"", ",\"version\":\"1\""},
	{",\"settings\":{\"policy\":{\"value\":\"both\",\"origin\":\"option\"}}",
		",\"settings\":{}"},
	{",\"note\":\"n\"", ",\"note\":\"\\u0000\""},
	{"!}", "!}"},
};

/* Without that part, COUNT(parts) for none; without all that may be absent where it is more. */
static size_t put_together(int way, size_t without)
{
	*line_buf = '\0';
	for (size_t i = 0; i < COUNT(parts); i++) {
		bool always = *parts[i][way] == '!';

		if (always || (i != without && without <= COUNT(parts)))
			strcat(line_buf, parts[i][way] + always);
	}
	return strlen(line_buf);
}

TEST(what_is_read_is_written_as_it_was_with_every_key_there_and_absent)
{
	struct v6_record r;

	for (int way = 0; way < 2; way++)
		for (size_t without = 0; without <= COUNT(parts) + 1; without++) {
			size_t len = put_together(way, without);

			assert_taken(line_buf, &r);
			assert_int_equal(write_json(again_buf, &r), len);
			assert_memory_equal(again_buf, line_buf, len);
		}
	put_together(0, COUNT(parts));
	for (const struct v6_field *f = v6_record_fields; *f->key; f++) {
		char member[24];

		snprintf(member, sizeof(member), "\"%s\":", f->key);
		assert_non_null(strstr(line_buf, member));
	}
}

/* ---- any way of writing JSON */

TEST(keys_come_in_any_order_with_blanks_and_escapes_anywhere)
{
	static const char text[] =
		"{ \"note\" : \"a\\u0062\\\"\\\\\\/\\b\\f\\n\\r\\t\" ,\t\"event\":\"l\\u0069sten\","
		"\"errno\" :\"E\\u0050ERM\", "
		"\"proto\":\"\\u0074cp\",\"typ\\u0065\":\"stre\\u0061m\","
		"\"family\":\"inet\\u0036\",\"addr\":\"\\u003a:1\",\"time\""
		":\"2026-01-02T03:04:05\\u005A\", \"port\":80,\"policy\":\"\\u0062oth\","
		"\"serves\": [ \"inet\\u0036\" , \"inet\" ] ,\"pid\":1 , \"v\" : 1 } \t";
	static const uint8_t one[16] = {[15] = 1};
	struct v6_record r;

	assert_taken(text, &r);
	assert_same_slice(r.note, slice("ab\"\\/\b\f\n\r\t"));
	assert_int_equal(r.facts.event, V6_EVENT_LISTEN);
	assert_string_equal(v6_word(V6_LIST_ERRNO, (unsigned)r.error), "EPERM");
	assert_int_equal(r.proto, 6);
	assert_int_equal(r.facts.type, V6_TYPE_STREAM);
	assert_int_equal(r.facts.family, V6_FAMILY_INET6);
	assert_memory_equal(r.facts.address.bytes, one, 16);
	assert_int_equal(r.facts.address.port, 80);
	assert_int_equal(r.policy, V6_POLICY_BOTH);
	assert_int_equal(r.serves, V6_SERVES_INET6 | V6_SERVES_INET);
	assert_int_equal(r.time, INT64_C(1767323045000000));
}

TEST(escapes_are_decoded_as_rfc_8259_has_them)
{
	static const struct {
		const char *written, *read;
		size_t len;
	} rows[] = {
		{"", "", 0},
		{"\\u0000", "\0", 1},
		{"a\\u0000b", "a\0b", 3},
		{"\\u007f\\u0080", "\x7f\xc2\x80", 3},
		{"\\u07FF\\u0800", "\xdf\xbf\xe0\xa0\x80", 5},
		{"\\ud7ff\\ue000\\uffff", "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 9},
		/* The writer has no pairs of surrogates, and a half is no character. */
		{"\\ud800", "\xef\xbf\xbd", 3},
		{"x\\udc00y", "x\xef\xbf\xbdy", 5},
		{"\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
			"\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10},
		{"one \\t escape", "one \t escape", 12},
	};
	char member[128];
	struct v6_record r;

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(member, sizeof(member), "\"note\":\"%s\"", rows[i].written);
		assert_taken(with(member), &r);
		assert_same_slice(r.note, (struct v6_slice){rows[i].read, rows[i].len});
	}
}

TEST(unknown_keys_are_skipped_whatever_their_value)
{
	static const char *const values[] = {"0", "-0", "-1", "1.5", "1e5", "1E+5", "1.0e-5",
		"123456789012345678901234567890", "true", "false", "null", "\"\"",
		"\"\\ud83d\\ude00 \\u0000\"", "[]", "[ ]", "{}", "{ }", "[1,[2,[3]],{\"a\":{}}]",
		"{\"v\":2,\"pid\":\"x\",\"pid\":[]}", "[[[[]]],\t[null , true] ]",
		"{\"a\":[{\"b\":[]},{}],\"\":\"\"}"};
	char member[128];
	struct v6_record r;

	for (size_t i = 0; i < COUNT(values); i++) {
		snprintf(member, sizeof(member), "\"later\":%s,\"fd\":5", values[i]);
		assert_taken(with(member), &r);
		assert_int_equal(r.fd, 5);
		/* In a holder too, and twice. */
		snprintf(member, sizeof(member), "\"holder\":{\"x\":%s,\"x\":1,\"fd\":5}",
			values[i]);
		assert_taken(with(member), &r);
		assert_int_equal(r.holder.fd, 5);
	}
}

/* The later one counts, and never a mixture of both. */
TEST(of_a_key_that_stands_there_twice_the_later_counts)
{
	struct v6_record r;

	assert_taken(with("\"fd\":1,\"fd\":2,\"note\":\"a\",\"note\":\"b\""), &r);
	assert_int_equal(r.fd, 2);
	assert_same_slice(r.note, slice("b"));
	assert_taken(
		with("\"families_before\":[\"inet6\",\"inet6\"],\"families_before\":[\"inet\"]"),
		&r);
	assert_int_equal(r.families_before.count, 1);
	assert_int_equal(r.families_before.inet6, 0);
	assert_taken(with("\"addr\":\"2001:db8::1%3\",\"addr\":\"192.0.2.1\",\"port\":1"), &r);
	assert_int_equal(r.facts.address.family, V6_FAMILY_INET);
	assert_int_equal(r.facts.address.scope, 0);
	assert_int_equal(r.facts.address.bytes[15], 0);
}

TEST(nesting_is_bounded)
{
	static const char *const open[] = {"[", "{\"a\":"}, *const end[] = {"]", "}"};
	static char deep[40000];
	struct v6_record r;

	for (size_t kind = 0; kind < COUNT(open); kind++)
		for (unsigned depth = 1; depth <= 65; depth++) {
			strcpy(deep, HEAD ",\"x\":");
			for (unsigned i = 0; i < depth; i++)
				strcat(deep, open[kind]);
			strcat(deep, "0");
			for (unsigned i = 0; i < depth; i++)
				strcat(deep, end[kind]);
			strcat(deep, "}");
			assert_int_equal(read_line(&r, deep, strlen(deep)), depth <= 64);
		}
	memset(deep, '[', sizeof(deep));
	memcpy(deep, HEAD ",\"x\":", sizeof(HEAD) + 4);
	assert_false(read_line(&r, deep, sizeof(deep)));
	assert_non_null(strstr(why_buf, "not JSON"));
}

/* ---- what is none, and what is said of it */

/* `@` stands for HEAD; `at` is where it goes wrong, -1 where no column is told. */
static const struct {
	const char *text;
	int at; /* from 0, behind HEAD where there is one */
	const char *why;
} damaged[] = {
	{"", -1, "not a record of v6shim"},
	{"null", -1, "not a record of v6shim"},
	{"[]", -1, "not a record of v6shim"},
	{"v6shim nginx[1]: bind", -1, "not a record of v6shim"},
	{"\xef\xbb\xbf{}", -1, "not a record of v6shim"},
	{"{}", -1, "not a record of v6shim"},
	{"{\"a\":1}", -1, "not a record of v6shim"},
	{"{", 1, "not JSON"},
	{"{\"v\":2}", 5, "not a value of v"},
	{"{\"v\":2,\"time\":\"2026-01-02T03:04:05Z\",\"pid\":1,\"event\":\"load\"}", 5,
		"not a value of v"},
	{"{\"v\":0,\"time\":5}", 5, "not a value of v"},
	{"{\"v\":2,this is no JSON", 5, "not a value of v"},
	{"{\"time\":\"2026-01-02T03:04:05Z\",\"pid\":1,\"event\":\"load\"}", -1,
		"not a record of v6shim"},
	{"{\"v\":1}", -1, "not a record of v6shim"},
	{"{\"v\":1,\"pid\":1,\"event\":\"load\"}", -1, "not a record of v6shim"},
	{"{\"v\":1,\"event\":\"close\"}", 15, "not a value of event"},
	{"{\"v\":1,}", 7, "not JSON"},
	{"{\"v\":1 \"pid\":2}", 7, "not JSON"},
	{"@", 0, "not JSON"},
	{"@}x", -1, "not a record of v6shim"},
	{"@}{}", -1, "not a record of v6shim"},
	{"@} \n{", -1, "not a record of v6shim"},
	{"@,\"x\":}", 5, "not JSON"},
	{"@,\"x\":+1}", 5, "not JSON"},
	{"@,\"x\":NaN}", 5, "not JSON"},
	{"@,\"x\":nul}", 5, "not JSON"},
	{"@,\"x\":'a'}", 5, "not JSON"},
	{"@,\"x\":truefalse}", 9, "not JSON"},
	{"@,\"x\":0x10}", 6, "not JSON"},
	{"@,\"x\":\"a}", 8, "not JSON"},
	{"@,\"x\":\"\\a\"}", 7, "not JSON"},
	{"@,\"x\":\"\\u12g4\"}", 10, "not JSON"},
	{"@,\"x\":\"a\tb\"}", 7, "not JSON"},
	{"@,\"x\":\"a\\n\nb\"}", 9, "not JSON"},
	{"@,\"x\":[1}", 7, "not JSON"},
	{"@,\"x\":[1,]}", 8, "not JSON"},
	{"@,\"x\":{1:2}}", 6, "not JSON"},
	{"@,\"x\":{\"a\"}}", 9, "not JSON"},
	{"@,x:1}", 1, "not JSON"},
	{"@,\"family\":\"ipx\"}", 10, "not a value of family"},
	{"@,\"type\":1}", 8, "not a value of type"},
	{"@,\"proto\":\"TCP\"}", 9, "not a value of proto"},
	{"@,\"proto\":6}", 9, "not a value of proto"},
	{"@,\"addr\":\"localhost\"}", 8, "not a value of addr"},
	{"@,\"addr\":\"::%x\"}", 8, "not a value of addr"},
	{"@,\"addr\":\"1.2.3.4%1\"}", 8, "not a value of addr"},
	{"@,\"policy\":\"ipv6only\"}", 10, "not a value of policy"},
	{"@,\"errno\":\"98\"}", 9, "not a value of errno"},
	{"@,\"program\":null}", 11, "not a value of program"},
	{"@,\"holder\":[]}", 10, "not a value of holder"},
	{"@,\"serves\":{}}", 10, "not a value of serves"},
	{"@,\"serves\":[null]}", 10, "not a value of serves"},
	{"@,\"time\":\"yesterday\"}", 8, "not a value of time"},
	{"@,\"time\":\"2026-01-02T03:04:05\"}", 8, "not a value of time"},
	{"@,\"time\":\"2026-13-02T03:04:05Z\"}", 8, "not a value of time"},
	{"@,\"time\":\"2026-01-02T03:04:05ZZ\"}", 8, "not a value of time"},
	{"@,\"fd\":-1}", 6, "not a value of fd"},
	{"@,\"fd\":2147483648}", 6, "not a value of fd"},
	{"@,\"fd\":1.0}", 6, "not a value of fd"},
	{"@,\"fd\":1e0}", 6, "not a value of fd"},
	{"@,\"fd\":\"1\"}", 6, "not a value of fd"},
	{"@,\"fd\":null}", 6, "not a value of fd"},
	{"@,\"fd\":99999999999999999999999}", 6, "not a value of fd"},
	{"@,\"fd\":18446744073709551617}", 6, "not a value of fd"},
	{"@,\"port\":65536}", 8, "not a value of port"},
	{"@,\"asked\":2}", 9, "not a value of asked"},
	{"@,\"holder\":{\"uid\":4294967296}}", 10, "not a value of holder"},
	{"@,\"settings\":{\"a\":\"\xff\"}}", 18, "not JSON"},
};

TEST(what_is_no_record_is_refused_where_it_goes_wrong_and_says_why)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(damaged); i++) {
		bool head = damaged[i].text[0] == '@';
		char column[40] = "";
		struct v6_record r;
		bool is;

		snprintf(line_buf, sizeof(line_buf), "%s%s", head ? HEAD : "",
			damaged[i].text + head);
		if (damaged[i].at >= 0)
			snprintf(column, sizeof(column), "column %zu: ",
				(head ? strlen(HEAD) : 0) + (size_t)damaged[i].at + 1);
		is = read_line(&r, line_buf, strlen(line_buf));
		if (!is && strstr(why_buf, damaged[i].why) &&
			!strncmp(why_buf, column, strlen(column)))
			continue;
		print_error("# %s\n#   is %d, and it says: %s\n#   expected: %s%s\n",
			damaged[i].text, is, why_buf, column, damaged[i].why);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

TEST(families_are_as_many_as_a_record_tells)
{
	char member[512] = "\"families_before\":[\"inet6\"";
	struct v6_record r;

	for (int i = 1; i < V6_FAMILIES_MAX; i++)
		strcat(member, ",\"inet\"");
	strcat(member, "]");
	assert_taken(with(member), &r);
	assert_int_equal(r.families_before.count, V6_FAMILIES_MAX);
	assert_int_equal(r.families_before.inet6, 1);
	strcpy(member + strlen(member) - 1, ",\"inet\"]");
	assert_false(read_line(&r, with(member), strlen(with(member))));
}

/* ---- time and addresses, against libc */

TEST(days_of_every_year_are_the_days_that_libc_says)
{
	static const int days[] = {0, 30, 57, 58, 59, 60, 89, 364};
	uint64_t seed = 5;

	for (int year = 0; year <= 9999; year++)
		for (size_t i = 0; i <= COUNT(days); i++) {
			struct tm tm = {.tm_year = year - 1900, .tm_mday = 1};
			time_t second = timegm(&tm) + (i < COUNT(days) ? days[i] * 86400 + year * 8
								       : (time_t)random_below(&seed,
										 365 * 86400));
			char text[160];
			struct v6_record r;

			assert_non_null(gmtime_r(&second, &tm));
			snprintf(text, sizeof(text),
				"{\"v\":1,\"pid\":1,\"event\":\"bind\",\"time\":\"%04d-%02d-%02dT%"
				"02d:"
				"%02d:%02d.123456Z\"}",
				tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
				tm.tm_sec);
			assert_taken(text, &r);
			assert_true(r.time == (int64_t)second * 1000000 + 123456);
		}
}

TEST(addresses_at_random_are_as_inet_pton_has_them)
{
	static const char alphabet[] = "::::....0011225fF9a";
	uint64_t seed = 6;

	for (int i = 0; i < 100000; i++) {
		char text[24] = "", member[40];
		size_t len = 1 + random_below(&seed, 23);
		struct v6_record r;
		uint8_t in[16];
		bool is;

		for (size_t n = 0; n < len; n++)
			text[n] = alphabet[random_below(&seed, sizeof(alphabet) - 1)];
		is = inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, in) == 1;
		snprintf(member, sizeof(member), "\"addr\":\"%s\"", text);
		with(member);
		if (read_line(&r, line_buf, strlen(line_buf)) != is)
			fail_msg("%s: inet_pton(3) says %d", text, is);
		if (is)
			assert_memory_equal(r.facts.address.bytes, in, strchr(text, ':') ? 16 : 4);
	}
}

/* ---- torn, spoilt, noise */

TEST(a_line_that_is_cut_anywhere_is_refused_with_its_column)
{
	for (int way = 0; way < 2; way++)
		for (size_t n = put_together(way, COUNT(parts)); n--;) {
			struct v6_record r;

			if (read_line(&r, line_buf, n))
				fail_msg("taken: %.*s", (int)n, line_buf);
			if (n && strncmp(why_buf, "column ", 7))
				fail_msg("%s: %.*s", why_buf, (int)n, line_buf);
		}
}

/* ---- settings */

TEST(the_settings_of_a_load_are_read_by_name)
{
	static const char text[] =
		"{\"policy\":{\"value\":\"b\\u006fth\",\"origin\":\"option\"},\"later\":[1],"
		"\"rules\":{\"origin\":\"file\",\"value\":2,\"x\":{}},\"mode\":\"log\",\"log\":{}}";
	static char line[V6_RECORD_SIZE];
	static struct v6_config config;
	struct v6_read_setting s[V6_SETTING_COUNT];
	struct v6_record r, back;
	struct v6_problem p;
	struct v6_text t = v6_text_in(line, sizeof(line));

	assert_true(v6_read_settings(s, fenced(text, strlen(text))));
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		if (id != V6_SETTING_POLICY && id != V6_SETTING_RULES)
			assert_true(!s[id].value.ptr && !s[id].origin.ptr);
	assert_same_slice(s[V6_SETTING_POLICY].value, slice("both"));
	assert_same_slice(s[V6_SETTING_POLICY].origin, slice("option"));
	assert_same_slice(s[V6_SETTING_RULES].value, slice("2"));
	assert_same_slice(s[V6_SETTING_RULES].origin, slice("file"));
	assert_false(v6_read_settings(s, slice("")));
	assert_true(v6_read_settings(s, slice("{}")));

	/* As the writer has them. */
	v6_config_init(&config);
	assert_int_equal(v6_config_set(&config, V6_SETTING_LOG, slice("/a\"\n%p"),
				 V6_ORIGIN_ENVIRONMENT, &p),
		0);
	v6_record_init(&r, V6_EVENT_LOAD);
	r.pid = 1;
	r.config = &config;
	assert_true(v6_record_json(&t, &r));
	assert_true(read_line(&back, line, t.len - 1));
	assert_true(v6_read_settings(s, back.settings));
	assert_same_slice(s[V6_SETTING_LOG].value, slice("/a\"\n%p"));
	assert_same_slice(s[V6_SETTING_LOG].origin, slice("environment"));
	assert_null(s[V6_SETTING_POLICY].value.ptr);
}

RUN_TESTS()
