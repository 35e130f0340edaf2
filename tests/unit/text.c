/*
 * Text: what is appended against what libc, or an independent method, says of the same value; and
 * that nothing is ever written outside the caller's memory.
 */
#include "unit.h"

#include "core/text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <time.h>

static char buf[65536];

static struct v6_text fresh(void)
{
	return v6_text_in(buf, sizeof(buf));
}

/* ---- numbers */

/* As both kinds of number. */
static void check_number(uint64_t value)
{
	struct v6_text t = fresh();
	char should[64];

	snprintf(should, sizeof(should), "%" PRIu64 " %" PRId64 " %" PRId64, value, (int64_t)value,
		(int64_t)(0 - value));
	v6_text_uint(&t, value);
	v6_text_char(&t, ' ');
	v6_text_int(&t, (int64_t)value);
	v6_text_char(&t, ' ');
	v6_text_int(&t, (int64_t)(0 - value));
	assert_string_equal(buf, should);
	assert_int_equal(t.len, strlen(should));
}

TEST(numbers_are_as_snprintf_has_them_at_every_limit_and_at_random)
{
	uint64_t power = 1, seed = 1;

	check_number(INT64_MAX);
	check_number(UINT64_MAX);
	for (int i = 0; i < 64; i++)
		for (int d = -2; d <= 2; d++)
			check_number((UINT64_C(1) << i) + (uint64_t)(int64_t)d);
	for (int i = 0; i < 20; i++, power *= 10)
		for (int d = -2; d <= 2; d++)
			check_number(power + (uint64_t)(int64_t)d);
	/* Shifted by a random width, for otherwise all would have about nineteen digits. */
	for (int i = 0; i < 100000; i++)
		check_number(random_next(&seed) >> random_below(&seed, 64));
}

TEST(padded_numbers_are_as_snprintf_has_them)
{
	uint64_t seed = 2;

	for (int i = 0; i < 2000; i++) {
		unsigned value = i ? (unsigned)random_next(&seed) >> random_below(&seed, 32) : 0;
		struct v6_text t = fresh();
		char should[64];

		snprintf(should, sizeof(should), "%01u %02u %04u %09u", value, value, value, value);
		v6_text_print(&t, "%01u %02u %04u %09u", value, value, value, value);
		assert_string_equal(buf, should);
	}
}

TEST(parts_are_appended_one_after_the_other)
{
	struct v6_text t = fresh();

	v6_text_str(&t, "a");
	v6_text_char(&t, '\0');
	v6_text_bytes(&t, "bcd", 2);
	v6_text_str(&t, "");
	v6_text_bytes(&t, "", 0);
	v6_text_slice(&t, fenced("de", 2));
	assert_int_equal(t.len, 6);
	assert_memory_equal(buf, "a\0bcde", 7);
	assert_false(t.full);
}

/* ---- addresses */

/* What was appended is what libc makes of the address. */
static void check_address(int family, const void *addr)
{
	struct v6_text t = fresh();
	char should[INET6_ADDRSTRLEN];

	(family == AF_INET ? v6_text_in4 : v6_text_in6)(&t, addr);
	if (inet_ntop(family, addr, should, sizeof(should)) && !strcmp(buf, should) &&
		t.len == strlen(should))
		return;
	fail_msg("got %s, expected %s", buf, should);
}

TEST(ipv4_is_as_inet_ntop_has_it)
{
	static const uint8_t others[] = {0, 1, 9, 10, 99, 100, 127, 255};
	uint64_t seed = 3;

	for (unsigned place = 0; place < 4; place++)
		for (unsigned octet = 0; octet < 256; octet++)
			for (size_t i = 0; i < COUNT(others); i++) {
				uint8_t addr[4];

				memset(addr, others[i], sizeof(addr));
				addr[place] = (uint8_t)octet;
				check_address(AF_INET, addr);
			}
	for (int i = 0; i < 200000; i++) {
		uint32_t addr = (uint32_t)random_next(&seed);

		check_address(AF_INET, &addr);
	}
}

static void set_group(uint8_t addr[16], unsigned i, unsigned value)
{
	addr[2 * i] = (uint8_t)(value >> 8);
	addr[2 * i + 1] = (uint8_t)value;
}

TEST(ipv6_is_as_inet_ntop_has_it_for_every_pattern_of_zeroes_and_at_random)
{
	/* Both ends of each length that a group can be written with; what makes addresses mapped. */
	static const unsigned values[] = {
		1, 0xf, 0x10, 0xff, 0x100, 0xfff, 0x1000, 0xfffe, 0xffff, 0xff00};
	uint64_t seed = 5;

	ONLY_GLIBC();
	for (int i = 0; i < 1000000; i++) {
		uint64_t some = random_next(&seed);
		unsigned pattern = i & 0xff, fixed = i >> 8 & 1, value = i >> 9;
		uint8_t addr[16];

		for (unsigned n = 0; n < 8; n++) {
			unsigned v = fixed ? values[(value + (i & 1 ? n : 0)) % COUNT(values)]
					   : (unsigned)random_next(&seed) >> (some >> n & 8);

			set_group(addr, n, pattern >> n & 1 ? v : 0);
		}
		check_address(AF_INET6, addr);
		/* Mapped and compatible: only the last groups, and one before them. */
		memset(addr, 0, 10);
		check_address(AF_INET6, addr);
		set_group(addr, 5, some & 1 ? 0xffff : 0);
		check_address(AF_INET6, addr);
	}
}

/* RFC 5952, section 4 and 5, word for word, for inet_ntop is only libc's opinion. */
TEST(ipv6_follows_the_examples_of_rfc_5952)
{
	static const struct {
		const char *written;
		const char *should;
	} rows[] = {
		{"2001:0db8::0001", "2001:db8::1"},
		{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"2001:DB8::AAAA", "2001:db8::aaaa"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
		{"0:0:0:0:0:0:0:0", "::"},
		{"0:0:0:0:0:0:0:1", "::1"},
		{"1:0:0:0:0:0:0:0", "1::"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct v6_text t = fresh();
		uint8_t addr[16];

		assert_int_equal(inet_pton(AF_INET6, rows[i].written, addr), 1);
		v6_text_in6(&t, addr);
		assert_string_equal(buf, rows[i].should);
	}
}

/* ---- time */

static void check_time(int64_t microseconds)
{
	struct v6_text t = fresh();
	char should[80];
	time_t second = microseconds / 1000000;
	long fraction = microseconds % 1000000;
	struct tm tm;

	if (fraction < 0) {
		fraction += 1000000;
		second--;
	}
	assert_non_null(gmtime_r(&second, &tm));
	snprintf(should, sizeof(should), "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction);
	v6_text_time(&t, microseconds);
	if (strcmp(buf, should))
		fail_msg("%" PRId64 ": got %s, expected %s", microseconds, buf, should);
}

/* Seconds of 0000-01-01 and of 10000-01-01: the years that RFC 3339 can write lie between. */
#define YEAR_0     INT64_C(-62167219200)
#define YEAR_10000 INT64_C(253402300800)
#define DAY        INT64_C(86400)

TEST(the_last_microsecond_of_every_day_of_the_years_0_to_9999)
{
	unsigned long days = 0;

	for (int64_t day = YEAR_0; day < YEAR_10000; day += DAY, days++)
		check_time((day + DAY) * 1000000 - 1);
	assert_int_equal(days, 3652425);
}

TEST(time_beyond_the_years_is_written_as_the_nearest_year)
{
	static const struct {
		int64_t microseconds;
		const char *year;
	} rows[] = {
		{INT64_MIN, "0000-"},
		{INT64_MIN + 1, "0000-"},
		{YEAR_0 * 1000000 - 1, "0000-"},
		{YEAR_10000 * 1000000, "9999-"},
		{INT64_MAX, "9999-"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct v6_text t = fresh();
		struct tm tm;
		char *end;

		v6_text_time(&t, rows[i].microseconds);
		assert_memory_equal(buf, rows[i].year, 5);
		assert_int_equal(t.len, strlen("2026-01-02T03:04:05.000006Z"));
		end = strptime(buf, "%Y-%m-%dT%H:%M:%S", &tm);
		assert_non_null(end);
		assert_int_equal(*end, '.');
	}
}

/* ---- UTF-8 */

static void check_utf8(const unsigned char *bytes, size_t len)
{
	static char *end;
	uint32_t c;
	size_t is, should = utf8_decode((const char *)bytes, len, &c);

	if (!end)
		end = fence() + FENCE_SIZE;
	is = v6_utf8_length(memcpy(end - len, bytes, len), len);
	if (is != should)
		fail_msg("%02x %02x %02x %02x, the first %zu of it: got %zu, expected %zu",
			bytes[0], bytes[1], bytes[2], bytes[3], len, is, should);
}

TEST(utf8_is_valid_where_an_encoder_wrote_it)
{
	static const unsigned char last[] = {0, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
	unsigned long of_3 = 0, of_4 = 0;
	unsigned char bytes[4];
	uint64_t seed = 7;

	for (uint32_t n = 0; n < 1u << 24; n++) {
		for (int i = 0; i < 3; i++)
			bytes[i] = (unsigned char)(n >> (16 - 8 * i));
		/* Shorter ones where the rest is zero. */
		for (size_t len = 3; len && (len == 3 || !bytes[len]); len--)
			check_utf8(bytes, len);
		of_3 += v6_utf8_length((const char *)bytes, 3) == 3;
		for (size_t i = 0; i < COUNT(last) && bytes[0] >= 0xf0; i++) {
			bytes[3] = last[i];
			check_utf8(bytes, 4);
			of_4 += v6_utf8_length((const char *)bytes, 4) == 4;
		}
	}
	/* U+0800 to U+FFFF without the surrogates; U+10000 to U+10FFFF, of each 64 the first and the last. */
	assert_int_equal(of_3, 0xf800 - 0x800);
	assert_int_equal(of_4, 0x100000 / 32);
	for (int i = 0; i < 1000000; i++) {
		uint32_t n = (uint32_t)random_next(&seed);

		memcpy(bytes, &n, sizeof(bytes));
		bytes[0] |= (unsigned char)(i & 1 ? 0xf0 : 0);
		check_utf8(bytes, 4);
	}
}

/* ---- for a person's eyes, and as JSON */

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

/*
 * Safe: characters as they are, a backslash twice, of control characters and broken ones each byte.
 * JSON (RFC 8259, section 7): characters as they are, a backslash before its own and before quotes,
 * controls by their number, as U+FFFD that stands for a byte which is no UTF-8.
 */
static void check_shown(const unsigned char *bytes, size_t len)
{
	struct v6_slice in = fenced((const char *)bytes, len);
	char safe[1024], json[1024], *s = safe, *j = json;
	struct v6_text t = fresh();

	*j++ = '"';
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t c;
		size_t is = utf8_decode(in.ptr + i, len - i, &c);

		n = is ? is : 1;
		for (size_t k = 0; k < n && (!is || is_control(c)); k++)
			s += sprintf(s, "\\x%02x", bytes[i + k]);
		if (is && !is_control(c))
			s += sprintf(s, "%s%.*s", c == '\\' ? "\\" : "", (int)n, in.ptr + i);
		if (!is || is_control(c))
			j += sprintf(j, "\\u%04x", is ? c : 0xfffd);
		else
			j += sprintf(
				j, "%s%.*s", c == '\\' || c == '"' ? "\\" : "", (int)n, in.ptr + i);
	}
	*s = '\0';
	strcpy(j, "\"");
	v6_text_safe(&t, in.ptr, len);
	if (strcmp(buf, safe))
		fail_msg("got %s, expected %s", buf, safe);
	t = fresh();
	v6_text_json(&t, in.ptr, len);
	if (strcmp(buf, json))
		fail_msg("got %s, expected %s", buf, json);
}

TEST(controls_and_broken_bytes_are_told_in_hexadecimal_and_all_else_is_shown_as_it_is)
{
	static const unsigned char hostile[] = {0, '\n', 0x1b, '"', '\\', 'x', '0', 0x7f, 0x80,
		0x8f, 0x90, 0x9b, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xe2, 0xed, 0xef, 0xf0,
		0xf4, 0xf5, 0xff};
	static const char by_hand[] = "g\xc3\xbc \xe2\x82\xac%s'\"\n\x1b[\xc2\x9b\xed\xa0\x80\\x0a";
	struct v6_text t = fresh();
	uint64_t seed = 9;

	v6_text_safe(&t, by_hand, strlen(by_hand));
	assert_string_equal(
		buf, "g\xc3\xbc \xe2\x82\xac%s'\"\\x0a\\x1b[\\xc2\\x9b\\xed\\xa0\\x80\\\\x0a");
	t = fresh();
	v6_text_json(&t, by_hand, strlen(by_hand));
	assert_string_equal(buf, "\"g\xc3\xbc "
				 "\xe2\x82\xac%s'\\\"\\u000a\\u001b["
				 "\\u009b\\ufffd\\ufffd\\ufffd\\\\x0a\"");
	for (unsigned n = 0; n < 1u << 16; n++)
		check_shown((const unsigned char[]){(unsigned char)(n >> 8), (unsigned char)n}, 2);
	for (int i = 0; i < 200000; i++) {
		unsigned char bytes[64];
		size_t len = random_below(&seed, sizeof(bytes) + 1);

		for (size_t n = 0; n < len; n++)
			bytes[n] = i & 1 ? hostile[random_below(&seed, COUNT(hostile))]
					 : (unsigned char)random_next(&seed);
		check_shown(bytes, len);
	}
	for (uint32_t c = 0; c < 0x110000; c++) {
		unsigned char bytes[4];

		check_shown(bytes, utf8_encode(c, bytes));
	}
}

/* ---- slices */

TEST(slices_are_compared_to_the_byte)
{
	static const struct {
		const char *other;
		bool is, begins;
	} rows[] = {
		{"policy", true, true},
		{"polic", false, true},
		{"olicy", false, false},
		{"policyx", false, false},
		{"xpolicy", false, false},
		{"Policy", false, false},
		{"", false, true},
	};
	struct v6_slice s = fenced("policy", 6);

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(v6_slice_is(s, rows[i].other), rows[i].is);
		assert_int_equal(v6_slice_begins(s, rows[i].other), rows[i].begins);
	}
	assert_true(v6_slice_is(v6_slice_from(s, 3), "icy"));
	assert_true(v6_slice_is(v6_slice_from(s, 6), ""));
	assert_true(v6_slice_is(v6_slice_of("a\nb"), "a\nb"));
}

/* What is cut off at each comma, and each word, a `|` behind each; and without blanks at its ends. */
TEST(slices_are_cut_at_a_character_and_at_blanks_and_trimmed)
{
	static const struct {
		const char *text, *cut, *words, *trimmed;
	} rows[] = {
		{"", "|", "", ""},
		{" \t\r ", " \t\r |", "", ""},
		{"a", "a|", "a|", "a"},
		{"a,b c", "a|b c|", "a,b|c|", "a,b c"},
		{"a,,b,", "a||b|", "a,,b,|", "a,,b,"},
		{" \ta b\r ", " \ta b\r |", "a|b|", "a b"},
		{"\na\r\nb\n", "\na\r\nb\n|", "a|b|", "a\r\nb"},
		{"\va\fb", "\va\fb|", "\va\fb|", "\va\fb"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct v6_slice whole = fenced(rows[i].text, strlen(rows[i].text)), rest = whole;
		struct v6_slice word;
		struct v6_text t = fresh();

		do {
			v6_text_slice(&t, v6_slice_cut(&rest, ','));
			v6_text_char(&t, '|');
		} while (rest.len);
		assert_string_equal(buf, rows[i].cut);
		t = fresh();
		for (rest = whole; (word = v6_slice_word(&rest)).len;) {
			v6_text_slice(&t, word);
			v6_text_char(&t, '|');
		}
		assert_string_equal(buf, rows[i].words);
		assert_int_equal(rest.len, 0);
		assert_true(v6_slice_is(v6_slice_trim(whole), rows[i].trimmed));
	}
}

TEST(a_number_is_digits_alone_up_to_its_most)
{
	static const struct {
		const char *text;
		uint64_t most;
		bool taken;
	} rows[] = {
		{"0", 0, true},
		{"1", 0, false},
		{"00007", 7, true},
		{"8", 7, false},
		{"65535", 65535, true},
		{"65536", 65535, false},
		{"99999999999999999999", UINT64_MAX, false},
		{"18446744073709551615", UINT64_MAX, true},
		{"18446744073709551616", UINT64_MAX, false},
		{"18446744073709551617", 65535, false},
		{"", 9, false},
		{"-1", UINT64_MAX, false},
		{"+1", 9, false},
		{" 1", 9, false},
		{"1 ", 9, false},
		{"0x1", 9, false},
		{"1a", 99, false},
		{"\xb1", 9, false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct v6_slice s = fenced(rows[i].text, strlen(rows[i].text));
		uint64_t value = 42;

		if (v6_slice_uint(s, rows[i].most, &value) != rows[i].taken)
			fail_msg("'%s' up to %" PRIu64, rows[i].text, rows[i].most);
		assert_true(value == (rows[i].taken ? strtoull(rows[i].text, NULL, 10) : 42));
	}
	/* Around every power of ten, against the machine's own comparison. */
	for (uint64_t most = 0; most < 2000; most++)
		for (uint64_t n = most > 2 ? most - 2 : 0; n < most + 3; n++) {
			char digits[24];
			uint64_t value;

			snprintf(digits, sizeof(digits), "%" PRIu64, n);
			assert_int_equal(v6_slice_uint(slice(digits), most, &value), n <= most);
		}
}

TEST(text_is_utf8_without_controls)
{
	for (uint32_t c = 0; c < 0x110000; c++) {
		unsigned char bytes[6] = "a";
		size_t n = utf8_encode(c, bytes + 1);
		bool is = n && !is_control(c);

		if (!n)
			continue;
		bytes[1 + n] = 'b';
		assert_int_equal(v6_slice_is_text((struct v6_slice){(char *)bytes, n + 2}), is);
		/* Cut short it is none. */
		if (n > 1)
			assert_false(v6_slice_is_text((struct v6_slice){(char *)bytes, n}));
	}
	assert_true(v6_slice_is_text(fenced("", 0)));
	assert_false(v6_slice_is_text(slice("a\xed\xa0\x80")));
}

/* ---- the end of the memory */

static const uint8_t long_in6[16] = {0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8, 0xf7, 0xf6,
	0xf5, 0xf4, 0xf3, 0xf2, 0xf1, 0xf0};
static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 192, 168, 100, 200};
static const uint8_t holed[16] = {[1] = 1, [15] = 2};
static const char awkward[] = "a\"\\\n\x7f\xff\xc2\x9b\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\x80 z";

/* Each form in turn: a memory that is too small cuts every one of them, at every byte. */
static void write_all(struct v6_text *t)
{
	v6_text_str(t, "to be or not to be");
	for (char c = 'a'; c <= 'z'; c++)
		v6_text_char(t, c);
	v6_text_bytes(t, "abc", 3);
	v6_text_bytes(t, NULL, 0);
	v6_text_slice(t, (struct v6_slice){"defgh", 5});
	v6_text_uint(t, UINT64_MAX);
	v6_text_int(t, INT64_MIN);
	v6_text_print(t, "%09u", 7);
	v6_text_in6(t, long_in6);
	v6_text_in6(t, mapped);
	v6_text_in6(t, holed);
	v6_text_in4(t, mapped + 12);
	v6_text_time(t, 1234567890123456);
	v6_text_json(t, awkward, sizeof(awkward));
	v6_text_safe(t, awkward, sizeof(awkward));
}

/* Whether the text is what it must be in `size` bytes, given what it is with room to spare. */
static void check_cut(const struct v6_text *t, size_t size, const char *whole, size_t whole_len)
{
	size_t fits = whole_len < size ? whole_len : size - 1;

	assert_int_equal(t->size, size);
	assert_int_equal(t->len, fits);
	assert_int_equal(t->full, whole_len >= size);
	assert_memory_equal(t->buf, whole, fits);
	assert_int_equal(t->buf[fits], '\0');
}

TEST(text_that_does_not_fit_is_cut_at_every_size)
{
	struct v6_text whole = fresh();

	write_all(&whole);
	assert_false(whole.full);
	for (size_t size = 1; size < whole.len + 4; size++) {
		char *inside = fence();
		struct v6_text t;

		/* Nothing behind; then nothing in front, and what stands behind stays. */
		t = v6_text_in(fence_last(size), size);
		write_all(&t);
		check_cut(&t, size, buf, whole.len);

		memset(inside, 0x5a, size + 64);
		t = v6_text_in(inside, size);
		write_all(&t);
		check_cut(&t, size, buf, whole.len);
		for (size_t i = size; i < size + 64; i++)
			assert_int_equal(inside[i], 0x5a);
	}
}

RUN_TESTS()
