/*
 * Reading records back: what the writer wrote comes out as it went in; what is no JSON (RFC 8259),
 * or no record (DESIGN.md 1.6), is refused at the column where it goes wrong; and no byte outside
 * the line is read, whatever stands in it.
 */
#include "unit.h"

#include "core/errname.h"
#include "core/record_parse.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <limits.h>
#include <time.h>

static char line_buf[65536], again_buf[65536], scratch[65536];

/* ---- reading, with fences on all sides */

/* Of the line, from memory that ends with it. *r and *p are what they were where they are not set.
 */
static enum v6_parse parse(
	const char *line, size_t len, struct v6_record *r, struct v6_parse_problem *p)
{
	return v6_record_parse(r, fenced(line, len), scratch, sizeof(scratch), p);
}

static enum v6_parse parse_text(const char *text, struct v6_record *r, struct v6_parse_problem *p)
{
	return parse(text, strlen(text), r, p);
}

static void assert_refused(const char *text, size_t column, const char *expected)
{
	struct v6_parse_problem p = {0, NULL, NULL};
	struct v6_record r;

	if (parse_text(text, &r, &p) != V6_PARSE_BAD)
		fail_msg("not refused: %s", text);
	if (p.column != column || strcmp(p.expected, expected))
		fail_msg("%s\n  is refused at column %zu, expected: %s\n  instead of column %zu, "
			 "expected: %s",
			text, p.column, p.expected, column, expected);
}

/* ---- the shortest record, and one with a member more */

#define HEAD "{\"v\":1,\"time\":\"2026-01-02T03:04:05.000006Z\",\"pid\":7,\"event\":\"bind\""

static const char *with(const char *member)
{
	snprintf(line_buf, sizeof(line_buf), HEAD ",%s}", member);
	return line_buf;
}

/* The column of the value in with("\"KEY\":VALUE"). */
static size_t value_column(const char *key)
{
	return strlen(HEAD) + strlen(key) + 5;
}

static void assert_taken(const char *text, struct v6_record *r)
{
	struct v6_parse_problem p = {0, NULL, NULL};

	if (parse_text(text, r, &p) != V6_PARSE_OK)
		fail_msg("refused: %s\n  at column %zu, expected: %s", text, p.column, p.expected);
}

/* ---- records at random: whatever the writer writes */

static uint64_t seed = 20260102;

static struct v6_slice any_string(char *room, size_t size)
{
	size_t len = 0, wanted = random_below(&seed, 40);

	while (len < wanted && len + 4 < size) {
		static const uint32_t limits[] = {0x80, 0x80, 0x80, 0x800, 0x10000, 0x110000};
		uint32_t c = random_below(&seed, limits[random_below(&seed, COUNT(limits))]);
		unsigned char utf8[4];
		size_t n = utf8_encode(c, utf8);

		memcpy(room + len, utf8, n);
		len += n;
	}
	return (struct v6_slice){room, len};
}

static struct v6_address any_address(void)
{
	struct v6_address a = {.family = (uint8_t)random_below(&seed, 3)};
	bool few = random_below(&seed, 2);

	if (a.family == V6_FAMILY_OTHER)
		return a;
	a.port = (uint16_t)random_below(&seed, 65536);
	for (int i = 0; i < (a.family == V6_FAMILY_INET ? 4 : 16); i++)
		if (!few || !random_below(&seed, 4))
			a.bytes[i] = (uint8_t)random_below(&seed, 256);
	if (a.family == V6_FAMILY_INET6 && !random_below(&seed, 3))
		memset(a.bytes, 0, random_below(&seed, 17));
	if (a.family == V6_FAMILY_INET6 && !random_below(&seed, 4)) {
		memset(a.bytes, 0, 10);
		a.bytes[10] = a.bytes[11] = 0xff;
	}
	if (a.family == V6_FAMILY_INET6 && !random_below(&seed, 4))
		a.scope = (uint32_t)random_next(&seed);
	return a;
}

static int8_t any_bit(void)
{
	return (int8_t)((int)random_below(&seed, 3) - 1);
}

static int any_natural(int least)
{
	unsigned shift = random_below(&seed, 32);

	return random_below(&seed, 4) ? (int)(random_next(&seed) >> 33 >> shift) : least;
}

static struct v6_families any_families(void)
{
	struct v6_families f = {.count = (uint8_t)random_below(&seed, V6_FAMILIES_MAX + 1)};

	f.inet6 = (uint32_t)(random_next(&seed) & ((UINT64_C(1) << f.count) - 1));
	return f;
}

/* V6ONLY that the actions stand for: it is not written. */
static int8_t want_of(const struct v6_record *r)
{
	if (r->action == V6_ACTION_SET || r->action == V6_ACTION_OVERRIDE)
		return (int8_t)v6_policy_value(r->policy);
	return r->action == V6_ACTION_SPLIT || r->action == V6_ACTION_YIELD ? 1 : V6_UNKNOWN;
}

static int any_proto(void)
{
	static const int protos[] = {-1, 0, 6, 17, 132, 262, 58, 255, 65535};

	return protos[random_below(&seed, COUNT(protos))];
}

static int any_errno(void)
{
	return random_below(&seed, 2) ? 0 : any_natural(1) % 200;
}

static void any_holder(struct v6_holder *h, char *room, size_t size)
{
	h->known = random_below(&seed, 2);
	if (!h->known)
		return;
	h->fd = any_natural(-1);
	h->pid = any_natural(0);
	h->uid = random_below(&seed, 2) ? -1 : (int64_t)(uint32_t)random_next(&seed);
	h->program = any_string(room, size);
	h->address = any_address();
	h->v6only = any_bit();
}

/* What has_policy() of the writer leaves out is left at what its absence means. */
static struct v6_record any_record(enum v6_event event, char room[3][256])
{
	struct v6_record r;

	v6_record_init(&r, event);
	r.time = (int64_t)(random_next(&seed) % UINT64_C(253402300800000000));
	r.pid = any_natural(0);
	r.tid = any_natural(0);
	r.program = any_string(room[0], 256);
	r.family = (uint8_t)random_below(&seed, 3);
	r.type = (uint8_t)random_below(&seed, V6_TYPE_COUNT);
	r.serves = (uint8_t)random_below(&seed, 4);
	r.fd = any_natural(-1);
	r.proto = any_proto();
	r.address = any_address();
	*(event == V6_EVENT_SETSOCKOPT ? &r.value : &r.asked) = any_bit();
	r.before = any_bit();
	r.after = any_bit();
	r.families_before = any_families();
	r.families_after = any_families();
	if (event != V6_EVENT_LOST && event != V6_EVENT_ERROR) {
		r.policy = (uint8_t)random_below(&seed, V6_POLICY_DEFAULT_BOTH + 1);
		r.mode = (uint8_t)random_below(&seed, 2);
		r.action = (uint8_t)random_below(&seed, V6_ACTION_COUNT);
		r.finding = (uint8_t)random_below(&seed, V6_FINDING_COUNT);
		r.rule = (unsigned)any_natural(0);
	}
	any_holder(&r.holder, room[1], 256);
	r.has_result = random_below(&seed, 2);
	r.result = r.has_result ? (int64_t)random_next(&seed) >> random_below(&seed, 64) : 0;
	r.error = any_errno();
	if (event == V6_EVENT_LOST)
		r.count = random_next(&seed) >> 1 >> random_below(&seed, 63);
	r.note = any_string(room[2], 256);
	r.want = want_of(&r);
	return r;
}

static void assert_same_slice(struct v6_slice a, struct v6_slice b)
{
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.ptr ? a.ptr : "", b.ptr ? b.ptr : "", a.len);
}

static void assert_same_address(const struct v6_address *a, const struct v6_address *b)
{
	assert_int_equal(a->family, b->family);
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->scope, b->scope);
	assert_memory_equal(a->bytes, b->bytes, sizeof(a->bytes));
}

static void assert_same_families(const struct v6_families *a, const struct v6_families *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->inet6, b->inet6);
}

static void assert_same_holder(const struct v6_holder *a, const struct v6_holder *b)
{
	assert_int_equal(a->known, b->known);
	assert_int_equal(a->fd, b->fd);
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->v6only, b->v6only);
	assert_same_slice(a->program, b->program);
	assert_same_address(&a->address, &b->address);
}

static void assert_same_record(const struct v6_record *a, const struct v6_record *b)
{
	assert_int_equal(a->time, b->time);
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->tid, b->tid);
	assert_same_slice(a->program, b->program);
	assert_int_equal(a->event, b->event);
	assert_int_equal(a->family, b->family);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->serves, b->serves);
	assert_int_equal(a->fd, b->fd);
	assert_int_equal(a->proto, b->proto);
	assert_same_address(&a->address, &b->address);
	assert_int_equal(a->value, b->value);
	assert_int_equal(a->asked, b->asked);
	assert_int_equal(a->before, b->before);
	assert_int_equal(a->after, b->after);
	assert_int_equal(a->want, b->want);
	assert_same_families(&a->families_before, &b->families_before);
	assert_same_families(&a->families_after, &b->families_after);
	assert_int_equal(a->policy, b->policy);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->action, b->action);
	assert_int_equal(a->finding, b->finding);
	assert_int_equal(a->rule, b->rule);
	assert_same_holder(&a->holder, &b->holder);
	assert_int_equal(a->has_result, b->has_result);
	assert_int_equal(a->result, b->result);
	assert_int_equal(a->error, b->error);
	assert_int_equal(a->count, b->count);
	assert_same_slice(a->note, b->note);
}

static size_t write_json(char *buf, const struct v6_record *r)
{
	struct v6_text t = v6_text_in(buf, sizeof(line_buf));

	assert_true(v6_record_json(&t, r));
	return t.len;
}

static void test_what_the_writer_writes_comes_out_as_it_went_in(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		char room[3][256];
		struct v6_record r = any_record((enum v6_event)(i % V6_EVENT_COUNT), room), back;
		struct v6_parse_problem p;
		size_t len = write_json(line_buf, &r);

		/* With its newline and without. */
		if (parse(line_buf, len - (size_t)(i & 1), &back, &p) != V6_PARSE_OK)
			fail_msg("column %zu, expected %s: %s", p.column, p.expected, line_buf);
		assert_same_record(&back, &r);
		assert_int_equal(write_json(again_buf, &back), len);
		assert_memory_equal(again_buf, line_buf, len);
	}
}

/* What is no UTF-8 is written as U+FFFD, and that is read. */
static void test_names_of_any_bytes_are_read_as_they_were_written(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		char bytes[32];
		struct v6_record r, back, twice;
		struct v6_parse_problem p;
		size_t len;

		for (size_t n = 0; n < sizeof(bytes); n++)
			bytes[n] = (char)random_next(&seed);
		v6_record_init(&r, V6_EVENT_BIND);
		r.program = (struct v6_slice){bytes, random_below(&seed, sizeof(bytes)) + 1};
		len = write_json(line_buf, &r);
		assert_int_equal(parse(line_buf, len, &back, &p), V6_PARSE_OK);
		len = write_json(again_buf, &back);
		memcpy(line_buf, again_buf, len);
		assert_int_equal(v6_record_parse(&twice, (struct v6_slice){line_buf, len},
					 scratch + 32768, 32768, &p),
			V6_PARSE_OK);
		assert_same_slice(twice.program, back.program);
	}
}

static void test_every_errno_is_read_by_its_name_and_by_its_number(void **state)
{
	struct v6_record r;
	char member[64];

	(void)state;
	for (unsigned i = 0; v6_errname_at(i); i++) {
		snprintf(member, sizeof(member), "\"errno\":\"%s\"", v6_errname_at(i));
		assert_taken(with(member), &r);
		assert_int_equal(r.error, v6_errname_parse(v6_slice_of(v6_errname_at(i))));
	}
	assert_taken(with("\"errno\":4711"), &r);
	assert_int_equal(r.error, 4711);
}

static void test_every_policy_event_action_and_finding_is_read(void **state)
{
	struct v6_record r, back;
	struct v6_parse_problem p;

	(void)state;
	for (unsigned policy = 0; policy <= V6_POLICY_DEFAULT_BOTH; policy++)
		for (unsigned event = 0; event < V6_EVENT_COUNT; event++)
			for (unsigned action = 0; action < V6_ACTION_COUNT; action++)
				for (unsigned finding = 0; finding < V6_FINDING_COUNT; finding++) {
					v6_record_init(&r, event);
					if (event != V6_EVENT_LOST && event != V6_EVENT_ERROR) {
						r.policy = (uint8_t)policy;
						r.action = (uint8_t)action;
						r.finding = (uint8_t)finding;
					}
					r.want = want_of(&r);
					assert_int_equal(parse(line_buf, write_json(line_buf, &r),
								 &back, &p),
						V6_PARSE_OK);
					assert_same_record(&back, &r);
				}
}

/* ---- any way of writing JSON */

static void test_keys_come_in_any_order_with_blanks_and_escapes_anywhere(void **state)
{
	static const char text[] =
		" \t\r{ \"note\" : \"a\\u0062\\\"\\\\\\/\\b\\f\\n\\r\\t\" "
		",\n\"event\":\"l\\u0069sten\","
		"\"errno\" :\"E\\u0050ERM\", "
		"\"proto\":\"\\u0074cp\",\"typ\\u0065\":\"stre\\u0061m\","
		"\"family\":\"inet\\u0036\",\"addr\":\"\\u003a:1\",\"time\""
		":\"2026-01-02T03:04:05\\u005A\", \"port\":80,\"policy\":\"\\u0062oth\","
		"\"serves\": [ \"inet\\u0036\" , \"inet\" ] ,\"pid\":1 , \"v\" : 1 } \r\n";
	static const uint8_t one[16] = {[15] = 1};
	struct v6_record r;

	(void)state;
	assert_taken(text, &r);
	assert_same_slice(r.note, slice("ab\"\\/\b\f\n\r\t"));
	assert_int_equal(r.event, V6_EVENT_LISTEN);
	assert_string_equal(v6_errname(r.error), "EPERM");
	assert_int_equal(r.proto, 6);
	assert_int_equal(r.type, V6_TYPE_STREAM);
	assert_int_equal(r.family, V6_FAMILY_INET6);
	assert_memory_equal(r.address.bytes, one, 16);
	assert_int_equal(r.address.port, 80);
	assert_int_equal(r.policy, V6_POLICY_BOTH);
	assert_int_equal(r.serves, V6_SERVES_INET6 | V6_SERVES_INET);
	assert_int_equal(r.time, INT64_C(1767323045000000));
}

static void test_escapes_are_decoded_as_rfc_8259_has_them(void **state)
{
	static const struct {
		const char *written, *read;
		size_t len;
	} strings[] = {
		{"", "", 0},
		{"\\u0000", "\0", 1},
		{"a\\u0000b", "a\0b", 3},
		{"\\u007f\\u0080", "\x7f\xc2\x80", 3},
		{"\\u07FF\\u0800", "\xdf\xbf\xe0\xa0\x80", 5},
		{"\\ud7ff\\ue000\\uffff", "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 9},
		{"\\ud800\\udc00", "\xf0\x90\x80\x80", 4},
		{"\\uDBFF\\uDFFF", "\xf4\x8f\xbf\xbf", 4},
		{"x\\ud83d\\ude00y", "x\xf0\x9f\x98\x80y", 6},
		{"\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
			"\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10},
		{"no escape, and long enough for eight bytes at a time",
			"no escape, and long enough for eight bytes at a time", 52},
		{"one \\t escape, and long enough for eight bytes at a time",
			"one \t escape, and long enough for eight bytes at a time", 55},
	};
	char member[128];

	(void)state;
	for (unsigned i = 0; i < COUNT(strings); i++) {
		struct v6_slice read = {strings[i].read, strings[i].len};
		struct v6_record r;

		snprintf(member, sizeof(member), "\"note\":\"%s\"", strings[i].written);
		assert_taken(with(member), &r);
		assert_same_slice(r.note, read);
	}
}

/* A quote, a backslash or a control byte at each place among eight bytes, and behind each. */
static void test_every_byte_is_seen_wherever_it_stands(void **state)
{
	char text[sizeof(HEAD) + 64];
	struct v6_parse_problem p;
	struct v6_record r;

	(void)state;
	for (unsigned at = 0; at < 24; at++)
		for (unsigned c = 0; c < 256; c++) {
			size_t len =
				(size_t)snprintf(text, sizeof(text), "%s", HEAD ",\"note\":\"");
			size_t start = len;

			memset(text + len, 'x', 24);
			text[len + at] = (char)c;
			len += 24;
			memcpy(text + len, "\"}", 2);
			len += 2;
			if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
				assert_int_equal(parse(text, len, &r, &p), V6_PARSE_OK);
				assert_int_equal(r.note.len, 24);
				continue;
			}
			assert_int_equal(parse(text, len, &r, &p), V6_PARSE_BAD);
			/* A backslash before the closing quote takes that for its own. */
			if (c == '\\' && at == 23)
				assert_int_equal(p.column, len + 1);
			else
				assert_int_equal(
					p.column, start + at + 1 + (c == '"' || c == '\\'));
		}
}

static void test_unknown_keys_are_skipped_whatever_their_value(void **state)
{
	static const char *const values[] = {"0", "-0", "-1", "1.5", "1e5", "1E+5", "1.0e-5",
		"123456789012345678901234567890", "true", "false", "null", "\"\"",
		"\"\\ud83d\\ude00 \\u0000\"", "[]", "[ ]", "{}", "{ }", "[1,[2,[3]],{\"a\":{}}]",
		"{\"v\":2,\"pid\":\"x\",\"pid\":[]}", "[[[[]]],\n[null , true]\t]",
		"{\"a\":[{\"b\":[]},{}],\"\":\"\"}"};
	char member[128];
	struct v6_record r;

	(void)state;
	for (unsigned i = 0; i < COUNT(values); i++) {
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

/* ---- what is no JSON */

static void test_values_that_are_no_json_are_refused_where_they_go_wrong(void **state)
{
	static const struct {
		const char *value;
		size_t at; /* from 0, in the value */
		const char *expected;
	} bad[] = {
		{"", 0, "a value"},
		{"+1", 0, "a value"},
		{".5", 0, "a value"},
		{"-", 1, "a digit"},
		{"-a", 1, "a digit"},
		{"01", 1, "',' or '}'"},
		{"1.", 2, "a digit"},
		{"1.e5", 2, "a digit"},
		{"1e", 2, "a digit"},
		{"1e+", 3, "a digit"},
		{"0x10", 1, "',' or '}'"},
		{"NaN", 0, "a value"},
		{"Infinity", 0, "a value"},
		{"nul", 0, "a value"},
		{"True", 0, "a value"},
		{"truefalse", 4, "',' or '}'"},
		{"'a'", 0, "a value"},
		{"\"a", 3, "'\"'"}, /* the record's own brace is in the string */
		{"\"\\a\"", 2, "one of \"\\/bfnrtu after a backslash"},
		{"\"\\u12\"", 5, "four hexadecimal digits"},
		{"\"\\u12g4\"", 5, "four hexadecimal digits"},
		{"\"\\ud800\"", 7, "the second half of a surrogate pair"},
		{"\"\\ud800x\"", 7, "the second half of a surrogate pair"},
		{"\"\\ud800\\n\"", 8, "the second half of a surrogate pair"},
		{"\"\\ud800\\u0041\"", 7, "the second half of a surrogate pair"},
		{"\"\\ud800\\ud800\"", 7, "the second half of a surrogate pair"},
		{"\"\\udc00\"", 1, "no second half of a surrogate pair alone"},
		{"\"a\tb\"", 2, "no control character"},
		{"\"a\nb\"", 2, "no control character"},
		{"\"a\x1f\"", 2, "no control character"},
		{"\"\x80\"", 1, "valid UTF-8"},
		{"\"\xc0\x80\"", 1, "valid UTF-8"},
		{"\"\xc3\"", 1, "valid UTF-8"},
		{"\"\xed\xa0\x80\"", 1, "valid UTF-8"},
		{"\"\xf4\x90\x80\x80\"", 1, "valid UTF-8"},
		{"\"\xff\"", 1, "valid UTF-8"},
		{"[", 1, "a value"},
		{"[1", 2, "',' or ']'"},
		{"[1,]", 3, "a value"},
		{"[,1]", 1, "a value"},
		{"[1 2]", 3, "',' or ']'"},
		{"[1}", 2, "',' or ']'"},
		{"{1:2}", 1, "a string"},
		{"{\"a\"}", 4, "':'"},
		{"{\"a\":}", 5, "a value"},
		{"{\"a\":1,}", 7, "a string"},
		{"{\"a\":1]", 6, "',' or '}'"},
		{"{\"a\" 1}", 5, "':'"},
		{"{a:1}", 1, "a string"},
		{"/**/1", 0, "a value"},
		{"1]", 1, "',' or '}'"},
	};
	char member[64];

	(void)state;
	for (unsigned i = 0; i < COUNT(bad); i++) {
		snprintf(member, sizeof(member), "\"x\":%s", bad[i].value);
		assert_refused(with(member), value_column("x") + bad[i].at, bad[i].expected);
	}
}

static void test_lines_that_are_no_object_are_refused(void **state)
{
	(void)state;
	assert_refused("", 1, "'{'");
	assert_refused(" ", 2, "'{'");
	assert_refused("null", 1, "'{'");
	assert_refused("[]", 1, "'{'");
	assert_refused("v6shim nginx[1]: bind", 1, "'{'");
	assert_refused("\xef\xbb\xbf{}", 1, "'{'");
	assert_refused("{", 2, "a string");
	assert_refused("{\"v\":1", 7, "',' or '}'");
	assert_refused("{\"v\":1,}", 8, "a string");
	assert_refused("{,}", 2, "a string");
	assert_refused("{\"v\"=1}", 5, "':'");
	assert_refused("{\"v\":1 \"pid\":2}", 8, "',' or '}'");
	assert_refused(HEAD "}x", strlen(HEAD) + 2, "the end of the line");
	assert_refused(HEAD "}{}", strlen(HEAD) + 2, "the end of the line");
	assert_refused(HEAD "},", strlen(HEAD) + 2, "the end of the line");
	assert_refused(HEAD "} \n{", strlen(HEAD) + 4, "the end of the line");
}

static void test_nesting_is_bounded(void **state)
{
	static const struct {
		char open[6], close[2];
	} kinds[] = {{"[", "]"}, {"{\"a\":", "}"}};
	static char deep[40000];
	struct v6_parse_problem p;
	struct v6_record r;

	(void)state;
	for (unsigned kind = 0; kind < COUNT(kinds); kind++)
		for (unsigned depth = 1; depth <= V6_PARSE_DEPTH + 1; depth++) {
			size_t len = (size_t)snprintf(deep, sizeof(deep), "%s", HEAD ",\"x\":");
			size_t last = 0;

			for (unsigned i = 0; i < depth; i++) {
				last = len;
				len += strlen(strcpy(deep + len, kinds[kind].open));
			}
			deep[len++] = '0';
			for (unsigned i = 0; i < depth; i++)
				len += strlen(strcpy(deep + len, kinds[kind].close));
			len += strlen(strcpy(deep + len, "}"));
			if (depth <= V6_PARSE_DEPTH) {
				assert_int_equal(parse(deep, len, &r, &p), V6_PARSE_OK);
				continue;
			}
			assert_int_equal(parse(deep, len, &r, &p), V6_PARSE_BAD);
			assert_int_equal(p.column, last + 1);
		}
	memset(deep, '[', sizeof(deep));
	memcpy(deep, HEAD ",\"x\":", sizeof(HEAD) + 4);
	assert_int_equal(parse(deep, sizeof(deep), &r, &p), V6_PARSE_BAD);
	assert_string_equal(p.expected, "arrays and objects at most 64 deep");
}

/* ---- what is no record */

static void test_a_known_key_stands_there_once(void **state)
{
	static const char *const members[] = {"\"tid\":1", "\"program\":\"a\"", "\"fd\":1",
		"\"family\":\"inet\"", "\"type\":\"raw\"", "\"proto\":\"tcp\"", "\"addr\":\"::\"",
		"\"port\":1", "\"asked\":1", "\"before\":1", "\"after\":1", "\"serves\":[]",
		"\"families_before\":[]", "\"families_after\":[]", "\"policy\":\"app\"",
		"\"rule\":1", "\"mode\":\"log\"", "\"action\":\"set\"", "\"finding\":\"none\"",
		"\"holder\":{}", "\"result\":1", "\"errno\":\"EPERM\"", "\"count\":1",
		"\"note\":\"\""};
	static const char *const first[] = {
		"\"v\":1", "\"time\":\"2026-01-02T03:04:05Z\"", "\"pid\":1", "\"event\":\"load\""};
	char twice[128];

	(void)state;
	for (unsigned i = 0; i < COUNT(members); i++) {
		struct v6_record r;

		assert_taken(with(members[i]), &r);
		snprintf(twice, sizeof(twice), "%s,%s", members[i], members[i]);
		assert_refused(with(twice), strlen(HEAD) + strlen(members[i]) + 3, "each key once");
		snprintf(twice, sizeof(twice), "\"note\":\"\",%s", members[i]);
		if (i + 1 < COUNT(members))
			assert_taken(with(twice), &r);
	}
	for (unsigned i = 0; i < COUNT(first); i++)
		assert_refused(with(first[i]), strlen(HEAD) + 2, "each key once");
	assert_refused(with("\"holder\":{\"fd\":1,\"\\u0066d\":1}"), value_column("holder") + 8,
		"each key once");
}

static void test_what_must_be_there_is_missed(void **state)
{
	static const char all[] = "keys \"time\", \"pid\" and \"event\"";
	static const char *const lines[] = {
		"{\"v\":1,\"time\":\"2026-01-02T03:04:05Z\",\"pid\":1}",
		"{\"v\":1,\"time\":\"2026-01-02T03:04:05Z\",\"event\":\"load\"}",
		"{\"v\":1,\"pid\":1,\"event\":\"load\"}",
		"{\"v\":1}",
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(lines); i++)
		assert_refused(lines[i], strlen(lines[i]) + 1, all);
}

static void test_another_version_is_told_apart(void **state)
{
	static const char *const lines[] = {"{}", "{\"a\":1}", "{\"v\":2}", "{\"v\":0,\"time\":5}",
		"{\"v\":\"1\"}", "{\"v\":1.0}", "{\"v\":1e0}", "{\"v\":-1}", "{\"v\":null}",
		"{\"pid\":1,\"v\":18446744073709551617}", "{\"v\":2,this is no JSON",
		"{\"time\":\"2026-01-02T03:04:05Z\",\"pid\":1,\"event\":\"load\"}"};

	(void)state;
	for (unsigned i = 0; i < COUNT(lines); i++) {
		struct v6_parse_problem p;
		struct v6_record r;

		if (parse_text(lines[i], &r, &p) != V6_PARSE_FOREIGN)
			fail_msg("not foreign: %s", lines[i]);
		assert_int_equal(p.key != NULL, strstr(lines[i], "\"v\"") != NULL);
	}
}

struct number {
	const char *key;
	int64_t low, high;
};

static const struct number numbers[] = {
	{"tid", 0, INT_MAX},
	{"fd", 0, INT_MAX},
	{"port", 0, 65535},
	{"asked", 0, 1},
	{"before", 0, 1},
	{"after", 0, 1},
	{"rule", 1, UINT32_MAX},
	{"result", INT64_MIN, INT64_MAX},
	{"errno", 1, INT_MAX},
	{"count", 0, INT64_MAX},
};

static const struct number holder_numbers[] = {
	{"fd", 0, INT_MAX},
	{"pid", 0, INT_MAX},
	{"uid", 0, UINT32_MAX},
	{"port", 0, 65535},
	{"v6only", 0, 1},
};

static void assert_number(const struct number *n, bool holder, const char *value, bool taken)
{
	char member[128];
	struct v6_parse_problem p;
	struct v6_record r;

	snprintf(member, sizeof(member), holder ? "\"holder\":{\"%s\":%s}" : "\"%s\":%s", n->key,
		value);
	if ((parse_text(with(member), &r, &p) == V6_PARSE_OK) != taken)
		fail_msg("%s: %s", taken ? "refused" : "taken", member);
	if (taken)
		return;
	assert_string_equal(p.key, n->key);
	assert_int_equal(p.column,
		value_column(holder ? "holder" : n->key) + (holder ? strlen(n->key) + 4 : 0));
}

static void number_has_its_range(const struct number *n, bool holder)
{
	static const char *const never[] = {"1.0", "1e0", "1E0", "0.5", "\"1\"", "null", "true",
		"[]", "{}", "00", "01", "+1", "- 1", "99999999999999999999",
		"-99999999999999999999", "18446744073709551616", "18446744073709551617",
		"100000000000000000000000000000000"};
	char value[32];

	snprintf(value, sizeof(value), "%" PRId64, n->low);
	assert_number(n, holder, value, true);
	snprintf(value, sizeof(value), "%" PRId64, n->high);
	assert_number(n, holder, value, true);
	if (n->low != INT64_MIN) {
		snprintf(value, sizeof(value), "%" PRId64, n->low - 1);
		assert_number(n, holder, value, false);
		assert_number(n, holder, "-1", false);
		assert_number(n, holder, "-0", n->low == 0);
	}
	if (n->high != INT64_MAX) {
		snprintf(value, sizeof(value), "%" PRId64, n->high + 1);
		assert_number(n, holder, value, false);
	}
	assert_number(n, holder, "9223372036854775808", false);
	assert_number(n, holder, "-9223372036854775809", false);
	for (unsigned i = 0; i < COUNT(never); i++)
		if (strcmp(n->key, "errno") || never[i][0] != '"')
			assert_number(n, holder, never[i], false);
}

static void test_numbers_are_integers_in_their_range(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(numbers); i++)
		number_has_its_range(&numbers[i], false);
	for (unsigned i = 0; i < COUNT(holder_numbers); i++)
		number_has_its_range(&holder_numbers[i], true);
}

static void test_words_are_the_contracts(void **state)
{
	static const struct {
		const char *key, *value, *expected;
	} bad[] = {
		{"family", "\"ipx\"", "\"inet\" or \"inet6\""},
		{"family", "\"\"", "\"inet\" or \"inet6\""},
		{"family", "\"inet66\"", "\"inet\" or \"inet6\""},
		{"family", "6", "a string"},
		{"type", "\"\"", "a type of socket"},
		{"type", "\"streams\"", "a type of socket"},
		{"type", "1", "a string"},
		{"proto", "\"\"", "a protocol's name or number as a string"},
		{"proto", "\"TCP\"", "a protocol's name or number as a string"},
		{"proto", "\"65536\"", "a protocol's name or number as a string"},
		{"proto", "6", "a string"},
		{"addr", "\"\"", "an IPv4 or IPv6 address"},
		{"addr", "\"localhost\"", "an IPv4 or IPv6 address"},
		{"addr", "1", "a string"},
		{"policy", "\"ipv6only\"", "a policy"},
		{"policy", "0", "a string"},
		{"mode", "\"\"", "\"enforce\" or \"log\""},
		{"action", "\"none \"", "an action"},
		{"finding", "\"None\"", "a finding"},
		{"errno", "\"EWHAT\"", "the name of an errno"},
		{"errno", "\"98\"", "the name of an errno"},
		{"errno", "\"\"", "the name of an errno"},
		{"program", "null", "a string"},
		{"note", "[]", "a string"},
		{"holder", "null", "'{'"},
		{"holder", "[]", "'{'"},
		{"serves", "\"inet6\"", "'['"},
		{"serves", "{}", "'['"},
	};
	char member[64];

	(void)state;
	for (unsigned i = 0; i < COUNT(bad); i++) {
		snprintf(member, sizeof(member), "\"%s\":%s", bad[i].key, bad[i].value);
		assert_refused(with(member), value_column(bad[i].key), bad[i].expected);
	}
	assert_refused("{\"v\":1,\"event\":\"close\"}", 16, "an event");
}

static void test_lists_of_families_are_lists_of_families(void **state)
{
	char member[512] = "\"families_before\":[\"inet6\"";
	struct v6_record r;

	(void)state;
	assert_taken(with("\"serves\":[]"), &r);
	assert_int_equal(r.serves, 0);
	assert_taken(with("\"serves\":[\"inet\",\"inet6\",\"inet\"]"), &r);
	assert_int_equal(r.serves, V6_SERVES_INET6 | V6_SERVES_INET);
	assert_refused(with("\"serves\":[\"inet\",]"), value_column("serves") + 8, "a string");
	assert_refused(with("\"serves\":[\"inet\"}"), value_column("serves") + 7, "',' or ']'");
	assert_refused(with("\"serves\":[null]"), value_column("serves") + 1, "a string");
	assert_refused(with("\"serves\":[[]]"), value_column("serves") + 1, "a string");
	for (int i = 1; i < V6_FAMILIES_MAX; i++)
		strcat(member, ",\"inet\"");
	strcat(member, "]");
	assert_taken(with(member), &r);
	assert_int_equal(r.families_before.count, V6_FAMILIES_MAX);
	assert_int_equal(r.families_before.inet6, 1);
	member[strlen(member) - 1] = '\0';
	strcat(member, ",\"inet\"]");
	assert_refused(with(member), strlen(HEAD) + strlen(member) - 5, "at most 32 families");
}

/* ---- time */

static bool time_of(const char *text, int64_t *time)
{
	return v6_time_parse(fenced(text, strlen(text)), time);
}

static void assert_as_gmtime(time_t second)
{
	char text[64];
	struct tm tm;
	int64_t time;

	assert_non_null(gmtime_r(&second, &tm));
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, 123456);
	assert_true(time_of(text, &time));
	assert_int_equal(time, (int64_t)second * 1000000 + 123456);
}

/* The days beside which a calendar goes wrong, and others at random. */
static void test_days_of_every_year_are_the_days_that_libc_says(void **state)
{
	static const int days[] = {0, 30, 57, 58, 59, 60, 89, 364};

	(void)state;
	for (int year = 0; year <= 9999; year++) {
		struct tm first = {.tm_year = year - 1900, .tm_mday = 1};
		time_t start = timegm(&first);

		for (unsigned i = 0; i < COUNT(days); i++)
			assert_as_gmtime(start + days[i] * 86400 + (year & 0xffff) * 8);
		assert_as_gmtime(start + (time_t)random_below(&seed, 365 * 86400));
	}
}

static void test_time_is_read_as_rfc_3339_has_it(void **state)
{
	static const struct {
		const char *text;
		int64_t time;
	} times[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01t00:00:00z", 0},
		{"1970-01-01T00:00:00.000001Z", 1},
		{"1970-01-01T00:00:00.1Z", 100000},
		{"1970-01-01T00:00:00.1234567899999999999999999999Z", 123456},
		{"1969-12-31T23:59:59.999999Z", -1},
		{"1970-01-01T01:00:00+01:00", 0},
		{"1969-12-31T16:00:00-08:00", 0},
		{"1970-01-01T00:00:00-00:00", 0},
		{"1990-12-31T23:59:60Z", 662688000000000}, /* the RFC's leap second */
		{"1990-12-31T15:59:60-08:00", 662688000000000},
		{"1937-01-01T12:00:27.87+00:20", -1041337172130000},
		{"2000-02-29T00:00:00Z", 951782400000000},
		{"0000-01-01T00:00:00Z", -62167219200000000},
		{"9999-12-31T23:59:59.999999Z", 253402300799999999},
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(times); i++) {
		int64_t time = 42;

		if (!time_of(times[i].text, &time) || time != times[i].time)
			fail_msg("%s: %" PRId64, times[i].text, time);
	}
}

static void test_what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {"", "2026", "2026-01-02", "2026-01-02T03:04:05",
		"2026-01-02T03:04Z", "2026-01-02 03:04:05Z", "2026-1-02T03:04:05Z",
		"02026-01-02T03:04:05Z", "2026-00-02T03:04:05Z", "2026-13-02T03:04:05Z",
		"2026-01-00T03:04:05Z", "2026-01-32T03:04:05Z", "2026-02-29T03:04:05Z",
		"2100-02-29T03:04:05Z", "2026-04-31T03:04:05Z", "2026-01-02T24:04:05Z",
		"2026-01-02T03:60:05Z", "2026-01-02T03:04:61Z", "2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05,5Z", "2026-01-02T03:04:05.5", "2026-01-02T03:04:05ZZ",
		"2026-01-02T03:04:05+1:00", "2026-01-02T03:04:05+0100", "2026-01-02T03:04:05+01",
		"2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05+01:60",
		"2026-01-02T03:04:05+01:00Z", "-026-01-02T03:04:05Z", "2026-01-02T03:04:0aZ",
		"2026-01-02T03:04:05Z "};

	(void)state;
	for (unsigned i = 0; i < COUNT(bad); i++) {
		int64_t time = 42;

		if (time_of(bad[i], &time))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(time, 42);
	}
}

/* ---- addresses */

static void assert_as_inet_pton(const char *text)
{
	struct v6_address a = {.port = 80};
	uint8_t in[16];
	bool in6 = strchr(text, ':'), is = inet_pton(in6 ? AF_INET6 : AF_INET, text, in) == 1;

	if (v6_address_parse(fenced(text, strlen(text)), &a) != is)
		fail_msg("%s: inet_pton(3) says %d", text, is);
	if (!is)
		return;
	assert_int_equal(a.family, in6 ? V6_FAMILY_INET6 : V6_FAMILY_INET);
	assert_memory_equal(a.bytes, in, in6 ? 16 : 4);
	assert_int_equal(a.port, 80);
	assert_int_equal(a.scope, 0);
}

static void test_addresses_are_as_inet_pton_has_them(void **state)
{
	static const char *const texts[] = {"0.0.0.0", "255.255.255.255", "1.2.3.4", "127.0.0.1",
		"256.1.1.1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "01.2.3.4",
		"1.2.3.04", "00.0.0.0", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4a", "1.2.3.-4",
		"1.2.3.1000", "0x1.2.3.4", "", "::", "::1", "1::", "1::8", "1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7", ":",
		":::", "1:::8", "::1::", ":1", "1:", ":1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:", "12345::", "g::", "::g", "::ffff:1.2.3.4", "::1.2.3.4",
		"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "::1.2.3",
		"::1.2.3.4.5", "::1.2.3.256", "::01.2.3.4", "1.2.3.4::", "::1.2.3.4:5",
		"::ffff:1.2.3.4:5", "1::1.2.3.4", "a:b:c:d:e:f:A:F", "::00001", "::0001", "1::2::3",
		"fe80::1 ", " fe80::1", "::%", "1:2:3:4::5:6:7:8", "1:2:3::5:6:7:8", "::1.2.3.4.",
		"::1."};

	(void)state;
	for (unsigned i = 0; i < COUNT(texts); i++)
		if (!strchr(texts[i], '%'))
			assert_as_inet_pton(texts[i]);
}

static void test_addresses_at_random_are_as_inet_pton_has_them(void **state)
{
	static const char alphabet[] = "::::....0011225fF9a";

	(void)state;
	for (int i = 0; i < 300000; i++) {
		char text[48];
		size_t len = random_below(&seed, 24);

		for (size_t n = 0; n < len; n++)
			text[n] = alphabet[random_below(&seed, sizeof(alphabet) - 1)];
		text[len] = '\0';
		assert_as_inet_pton(text);
	}
}

static void test_a_scope_is_a_number(void **state)
{
	static const char *const bad[] = {"fe80::1%", "fe80::1%eth0", "fe80::1%4294967296",
		"fe80::1%-1", "fe80::1%1%1", "fe80::1%1 ", "fe80::1%00000000001", "%1", "1.2.3.4%1",
		":%1", "1:2%3"};
	struct v6_address a = {.family = V6_FAMILY_OTHER};

	(void)state;
	assert_true(v6_address_parse(slice("fe80::1%4294967295"), &a));
	assert_int_equal(a.scope, UINT32_MAX);
	assert_true(v6_address_parse(slice("::%2"), &a));
	assert_int_equal(a.scope, 2);
	assert_true(v6_address_parse(slice("::ffff:1.2.3.4%3"), &a));
	assert_int_equal(a.scope, 3);
	for (unsigned i = 0; i < COUNT(bad); i++)
		if (v6_address_parse(fenced(bad[i], strlen(bad[i])), &a))
			fail_msg("taken: %s", bad[i]);
}

/* ---- memory */

/* Lines with everything in them. */
static size_t full_line(char *buf, int i)
{
	char room[3][256];
	struct v6_record r = any_record((enum v6_event)(i % V6_EVENT_COUNT), room);

	return write_json(buf, &r);
}

static void test_a_line_that_is_cut_anywhere_is_refused_and_not_read_beyond(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		size_t len = full_line(line_buf, i);

		/* Without its newline it is whole. */
		for (size_t n = 0; n + 1 < len; n++) {
			struct v6_parse_problem p;
			struct v6_record r;

			if (parse(line_buf, n, &r, &p) == V6_PARSE_OK)
				fail_msg("taken: %.*s", (int)n, line_buf);
			assert_in_range(p.column, 1, n + 1);
			assert_non_null(p.expected);
		}
	}
}

static void test_a_line_with_any_byte_changed_is_taken_or_refused_but_never_misread(void **state)
{
	(void)state;
	for (int i = 0; i < 27; i++) {
		size_t len = full_line(again_buf, i);

		for (size_t at = 0; at < len; at++)
			for (unsigned n = 0; n < 32; n++) {
				struct v6_parse_problem p = {0, NULL, "x"};
				struct v6_record r;
				enum v6_parse outcome;

				memcpy(line_buf, again_buf, len);
				line_buf[at] = (char)random_next(&seed);
				outcome = parse(line_buf, len, &r, &p);
				if (outcome != V6_PARSE_OK) {
					assert_in_range(p.column, 1, len + 1);
					continue;
				}
				/* What was taken can be written in both forms. */
				write_json(line_buf, &r);
				assert_int_equal(p.column, 0);
			}
	}
}

static void test_noise_is_refused(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		static const char alphabet[] = "{}[]\":,\\u0019etnulrsfv.-+E \n\xc3\xa9\x01";
		struct v6_parse_problem p = {0, NULL, NULL};
		size_t len = random_below(&seed, 48);
		struct v6_record r;
		char text[48];

		for (size_t n = 0; n < len; n++)
			text[n] = alphabet[random_below(&seed, sizeof(alphabet) - 1)];
		if (len && i % 2)
			text[0] = '{';
		assert_int_not_equal(parse(text, len, &r, &p), V6_PARSE_OK);
		assert_in_range(p.column, 1, len + 1);
		assert_non_null(p.expected);
	}
}

/* Strings with escapes need as much of scratch as they come to, and no byte more. */
static void test_scratch_is_never_overrun(void **state)
{
	static const char line[] =
		HEAD ",\"program\":\"\\u0061bc\",\"\\u006eot\\u0065\":\"d\\n\\ud83d"
		     "\\ude00 and some more\",\"holder\":{\"program\":\"x\\ty\"}}";
	static const size_t needed = 3 + 20 + 3;
	struct v6_parse_problem p;
	struct v6_record r;

	(void)state;
	for (size_t size = 0; size <= needed; size++) {
		char *room = fence_last(size);
		enum v6_parse outcome = v6_record_parse(&r, slice(line), room, size, &p);

		if (size < needed) {
			assert_int_equal(outcome, V6_PARSE_BAD);
			assert_string_equal(p.expected, "a shorter string");
			continue;
		}
		assert_int_equal(outcome, V6_PARSE_OK);
		assert_same_slice(r.program, slice("abc"));
		assert_same_slice(r.note, slice("d\n\xf0\x9f\x98\x80 and some more"));
		assert_same_slice(r.holder.program, slice("x\ty"));
	}
	/* Where nothing is escaped none is needed. */
	assert_int_equal(
		v6_record_parse(&r, slice(HEAD ",\"note\":\"plain\"}"), NULL, 0, &p), V6_PARSE_OK);
}

static void test_what_is_not_set_is_left_alone(void **state)
{
	struct v6_record r, was;
	struct v6_parse_problem p, before;

	(void)state;
	memset(&was, 0x5a, sizeof(was));
	r = was;
	assert_int_equal(parse_text(HEAD ",\"fd\":5,\"port\":70000}", &r, &p), V6_PARSE_BAD);
	assert_memory_equal(&r, &was, sizeof(r));
	assert_int_equal(parse_text("{\"v\":2}", &r, &p), V6_PARSE_FOREIGN);
	assert_memory_equal(&r, &was, sizeof(r));
	before = p;
	assert_int_equal(parse_text(HEAD "}", &r, &p), V6_PARSE_OK);
	assert_memory_equal(&p, &before, sizeof(p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_writer_writes_comes_out_as_it_went_in),
		cmocka_unit_test(test_names_of_any_bytes_are_read_as_they_were_written),
		cmocka_unit_test(test_every_errno_is_read_by_its_name_and_by_its_number),
		cmocka_unit_test(test_every_policy_event_action_and_finding_is_read),
		cmocka_unit_test(test_keys_come_in_any_order_with_blanks_and_escapes_anywhere),
		cmocka_unit_test(test_escapes_are_decoded_as_rfc_8259_has_them),
		cmocka_unit_test(test_every_byte_is_seen_wherever_it_stands),
		cmocka_unit_test(test_unknown_keys_are_skipped_whatever_their_value),
		cmocka_unit_test(test_values_that_are_no_json_are_refused_where_they_go_wrong),
		cmocka_unit_test(test_lines_that_are_no_object_are_refused),
		cmocka_unit_test(test_nesting_is_bounded),
		cmocka_unit_test(test_a_known_key_stands_there_once),
		cmocka_unit_test(test_what_must_be_there_is_missed),
		cmocka_unit_test(test_another_version_is_told_apart),
		cmocka_unit_test(test_numbers_are_integers_in_their_range),
		cmocka_unit_test(test_words_are_the_contracts),
		cmocka_unit_test(test_lists_of_families_are_lists_of_families),
		cmocka_unit_test(test_days_of_every_year_are_the_days_that_libc_says),
		cmocka_unit_test(test_time_is_read_as_rfc_3339_has_it),
		cmocka_unit_test(test_what_is_no_time_is_refused),
		cmocka_unit_test(test_addresses_are_as_inet_pton_has_them),
		cmocka_unit_test(test_addresses_at_random_are_as_inet_pton_has_them),
		cmocka_unit_test(test_a_scope_is_a_number),
		cmocka_unit_test(test_a_line_that_is_cut_anywhere_is_refused_and_not_read_beyond),
		cmocka_unit_test(
			test_a_line_with_any_byte_changed_is_taken_or_refused_but_never_misread),
		cmocka_unit_test(test_noise_is_refused),
		cmocka_unit_test(test_scratch_is_never_overrun),
		cmocka_unit_test(test_what_is_not_set_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
