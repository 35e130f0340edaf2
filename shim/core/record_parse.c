#include "record_parse.h"

#include "errname.h"

#include <string.h>

/* The way through the line. */
struct input {
	const char *start, *at, *end;
	char *scratch;
	size_t used, size; /* of scratch */
	struct v6_record *record;
	const char *key; /* the known key whose value is being read */
	bool foreign;
	struct v6_parse_problem *problem;
};

/*
 * A reader of one key's values. Out of line, so that whoever chooses among them by the
 * key only jumps: with some of them inlined it would save every register for each.
 */
#define READER static __attribute__((noinline)) bool

/* Always false. */
static bool fail_at(struct input *in, const char *at, const char *expected)
{
	in->problem->column = (size_t)(at - in->start) + 1;
	in->problem->key = in->key;
	in->problem->expected = expected;
	return false;
}

static bool fail(struct input *in, const char *expected)
{
	return fail_at(in, in->at, expected);
}

/* The writer leaves no blanks: the first comparison is all that most calls make. */
static bool blank(char c)
{
	return c <= ' ' && (c == ' ' || c == '\t' || c == '\n' || c == '\r');
}

static inline void skip_blanks(struct input *in)
{
	while (in->at < in->end && blank(*in->at))
		in->at++;
}

/* Takes the byte where it comes next. */
static inline bool take(struct input *in, char c)
{
	if (in->at == in->end || *in->at != c)
		return false;
	in->at++;
	return true;
}

static inline bool take_after_blanks(struct input *in, char c)
{
	skip_blanks(in);
	return take(in, c);
}

/* Strings: RFC 8259, 7. */

/* A byte that stands for itself: ASCII, no control, no quote, no backslash. */
static bool plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/*
 * Eight bytes at once: the top bit of each that is not plain. A borrow may set it
 * for a plain one too, but only for one that is more significant than one that is
 * not (Warren, Hacker's Delight, 6-1).
 */
static uint64_t special_of(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
	uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');

	return ((word - ones * 0x20) | (quote - ones) | (backslash - ones) | word) & tops;
}

static const char *skip_plain(const char *at, const char *end)
{
	for (; end - at >= 8; at += 8) {
		uint64_t word, special;

		memcpy(&word, at, sizeof(word));
		special = special_of(word);
		if (!special)
			continue;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		/* The least significant byte is the first, and what is told of it is exact. */
		return at + __builtin_ctzll(special) / 8;
#else
		break;
#endif
	}
	while (at < end && plain((unsigned char)*at))
		at++;
	return at;
}

/* Four hexadecimal digits. */
static bool hex4(struct input *in, unsigned *value)
{
	*value = 0;
	for (int i = 0; i < 4; i++, in->at++) {
		unsigned char c = in->at < in->end ? (unsigned char)*in->at : 0;
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (c | 0x20) - 'a' + 10;
		else
			return fail(in, "four hexadecimal digits");
		*value = *value << 4 | digit;
	}
	return true;
}

/* After "\u": the code point, of two escapes where the first is half a pair. */
static bool code_point(struct input *in, unsigned *value)
{
	const char *escape = in->at - 2;
	unsigned low;

	if (!hex4(in, value))
		return false;
	if (*value < 0xd800 || *value > 0xdfff)
		return true;
	if (*value > 0xdbff)
		return fail_at(in, escape, "no second half of a surrogate pair alone");
	if (!take(in, '\\') || !take(in, 'u'))
		return fail(in, "the second half of a surrogate pair");
	if (!hex4(in, &low))
		return false;
	if (low < 0xdc00 || low > 0xdfff)
		return fail_at(in, in->at - 6, "the second half of a surrogate pair");
	*value = 0x10000 + ((*value - 0xd800) << 10 | (low - 0xdc00));
	return true;
}

/* RFC 3629, 3. The number of bytes, 1 to 4. */
static size_t encode(unsigned c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* After a backslash: the bytes that the escape stands for; 0 after an error. */
static size_t escape(struct input *in, char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	unsigned char c = in->at < in->end ? (unsigned char)*in->at : 0;
	const char *found = c ? memchr(from, c, sizeof(from) - 1) : NULL;
	unsigned point;

	if (found) {
		in->at++;
		out[0] = to[found - from];
		return 1;
	}
	if (!take(in, 'u')) {
		fail(in, "one of \"\\/bfnrtu after a backslash");
		return 0;
	}
	return code_point(in, &point) ? encode(point, out) : 0;
}

/* What decoding has left in scratch so far. */
struct decoded {
	bool kept; /* otherwise it is only judged, and read past */
	char *text;
	size_t len, room;
};

static bool keep(struct input *in, struct decoded *d, const char *bytes, size_t len)
{
	if (!d->kept || !len)
		return true;
	if (len > d->room - d->len)
		return fail(in, "a shorter string");
	memcpy(d->text + d->len, bytes, len);
	d->len += len;
	return true;
}

/* One escape, or one character that is not ASCII; what comes next is neither plain nor a quote. */
static bool special(struct input *in, struct decoded *d)
{
	char bytes[4];
	size_t n;

	if (in->at == in->end)
		return fail(in, "'\"'");
	if (take(in, '\\')) {
		n = escape(in, bytes);
		return n && keep(in, d, bytes, n);
	}
	if ((unsigned char)*in->at < 0x20)
		return fail(in, "no control character");
	n = v6_utf8_length(in->at, (size_t)(in->end - in->at));
	if (!n)
		return fail(in, "valid UTF-8");
	in->at += n;
	return keep(in, d, in->at - n, n);
}

/* The rest of a string in which something is not plain, its quote included. */
static bool decode(struct input *in, struct decoded *d)
{
	for (;;) {
		const char *run = in->at;

		in->at = skip_plain(run, in->end);
		if (!keep(in, d, run, (size_t)(in->at - run)))
			return false;
		if (take(in, '"'))
			return true;
		if (!special(in, d))
			return false;
	}
}

static bool skip_string(struct input *in)
{
	struct decoded none = {.kept = false};

	return take(in, '"') ? decode(in, &none) : fail(in, "a string");
}

/* The string whose plain beginning is from `run` to in->at, decoded into scratch. */
static bool decoded_string(struct input *in, const char *run, struct v6_slice *out)
{
	struct decoded d = {true, in->scratch + in->used, 0, in->size - in->used};

	if (!keep(in, &d, run, (size_t)(in->at - run)) || !decode(in, &d))
		return false;
	in->used += d.len;
	*out = (struct v6_slice){d.text, d.len};
	return true;
}

/* *out is a slice of the line where it stands for itself there, or of scratch. */
static bool string(struct input *in, struct v6_slice *out)
{
	const char *run = in->at + 1, *stop;

	if (in->at == in->end || *in->at != '"')
		return fail(in, "a string");
	stop = skip_plain(run, in->end);
	if (stop == in->end || *stop != '"') {
		in->at = stop;
		return decoded_string(in, run, out);
	}
	in->at = stop + 1;
	*out = (struct v6_slice){run, (size_t)(stop - run)};
	return true;
}

/* Numbers: RFC 8259, 6. */

static bool digits(struct input *in)
{
	const char *first = in->at;

	while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
		in->at++;
	return in->at > first;
}

static bool skip_number(struct input *in)
{
	take(in, '-');
	if (!take(in, '0') && !digits(in))
		return fail(in, "a digit");
	if (take(in, '.') && !digits(in))
		return fail(in, "a digit");
	if (in->at < in->end && (*in->at | 0x20) == 'e') {
		in->at++;
		if (!take(in, '+'))
			take(in, '-');
		if (!digits(in))
			return fail(in, "a digit");
	}
	return true;
}

/* Digits as RFC 8259 has them, no zero before another; false where they are no uint64_t either. */
static bool magnitude(const char **at, const char *end, uint64_t *value)
{
	const char *first = *at, *c = first;
	const char *fits = end - first > 18 ? first + 18 : end; /* so many digits always do */
	uint64_t n = 0;

	for (; c < fits && (unsigned char)(*c - '0') < 10; c++)
		n = 10 * n + (uint64_t)(*c - '0');
	for (; c < end && *c >= '0' && *c <= '9'; c++)
		if (__builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, (uint64_t)(*c - '0'), &n))
			return false;
	*value = n;
	*at = c;
	return c > first && (*first != '0' || c == first + 1);
}

/*
 * Up to nine digits and then what ends a value, as nearly all are: *out is the number,
 * and it is read past. false, and nothing read, for anything else.
 */
static inline bool take_small(struct input *in, uint32_t *out)
{
	const char *first = in->at, *at = first;
	const char *last = in->end - first > 9 ? first + 9 : in->end;
	uint32_t n = 0;

	for (; at < last && (unsigned char)(*at - '0') < 10; at++)
		n = 10 * n + (uint32_t)(*at - '0');
	if (at == in->end || (*at != ',' && *at != '}') || at == first ||
		(*first == '0' && at > first + 1))
		return false;
	in->at = at;
	*out = n;
	return true;
}

/*
 * An integer of a known key: no fraction and no exponent, which the writer never
 * writes. low is 0, 1 or INT64_MIN; `expected` names the range.
 */
static bool integer(struct input *in, int64_t low, int64_t high, const char *expected, int64_t *out)
{
	const char *at = in->at;
	bool negative = at < in->end && *at == '-';
	uint64_t value, limit = !negative ? (uint64_t)high : low < 0 ? UINT64_C(1) << 63 : 0;

	at += negative;
	if (!magnitude(&at, in->end, &value) || value > limit || (low > 0 && !value))
		return fail(in, expected);
	if (at < in->end && (*at == '.' || (*at | 0x20) == 'e'))
		return fail(in, expected);
	in->at = at;
	*out = (int64_t)(negative ? 0 - value : value);
	return true;
}

READER natural(struct input *in, int *out)
{
	uint32_t small;
	int64_t n;

	if (take_small(in, &small)) {
		*out = (int)small;
		return true;
	}
	if (!integer(in, 0, INT32_MAX, "an integer from 0 to 2147483647", &n))
		return false;
	*out = (int)n;
	return true;
}

READER bit(struct input *in, int8_t *out)
{
	int64_t n;

	/* As the writer leaves it. */
	if (in->end - in->at > 1 && (in->at[0] | 1) == '1' && in->at[1] == ',') {
		*out = (int8_t)(*in->at++ - '0');
		return true;
	}
	if (!integer(in, 0, 1, "0 or 1", &n))
		return false;
	*out = (int8_t)n;
	return true;
}

/* Values of unknown keys: RFC 8259, 3. */

/* Which closes what: bit i is set where the i-th open one is an object. */
struct nest {
	uint64_t objects;
	unsigned depth;
};

static bool skip_word(struct input *in, const char *word, size_t len)
{
	if ((size_t)(in->end - in->at) < len || memcmp(in->at, word, len))
		return fail(in, "a value");
	in->at += len;
	return true;
}

/* "KEY" : */
static bool skip_key(struct input *in)
{
	skip_blanks(in);
	if (!skip_string(in))
		return false;
	return take_after_blanks(in, ':') || fail(in, "':'");
}

/* After '{' or '['. *open tells whether a value comes next, or the end was there already. */
static bool descend(struct input *in, struct nest *nest, bool object, bool *open)
{
	if (nest->depth == V6_PARSE_DEPTH)
		return fail_at(in, in->at - 1, "arrays and objects at most 64 deep");
	if (take_after_blanks(in, object ? '}' : ']')) {
		*open = false;
		return true;
	}
	nest->objects = nest->objects << 1 | object;
	nest->depth++;
	*open = true;
	return !object || skip_key(in);
}

/* One value, up to where one inside it begins: then *open is set. */
static bool skip_one(struct input *in, struct nest *nest, bool *open)
{
	*open = false;
	skip_blanks(in);
	switch (in->at < in->end ? *in->at : 0) {
	case '{':
	case '[':
		in->at++;
		return descend(in, nest, in->at[-1] == '{', open);
	case '"':
		return skip_string(in);
	case 't':
		return skip_word(in, "true", 4);
	case 'f':
		return skip_word(in, "false", 5);
	case 'n':
		return skip_word(in, "null", 4);
	default:
		break;
	}
	if (in->at < in->end && (*in->at == '-' || (*in->at >= '0' && *in->at <= '9')))
		return skip_number(in);
	return fail(in, "a value");
}

/* After a value: closes what ends here; *open is set where another value comes next. */
static bool ascend(struct input *in, struct nest *nest, bool *open)
{
	*open = false;
	while (nest->depth) {
		bool object = nest->objects & 1;

		if (take_after_blanks(in, ',')) {
			*open = true;
			return !object || skip_key(in);
		}
		if (!take(in, object ? '}' : ']'))
			return fail(in, object ? "',' or '}'" : "',' or ']'");
		nest->objects >>= 1;
		nest->depth--;
	}
	return true;
}

static bool skip_value(struct input *in)
{
	struct nest nest = {0, 0};
	bool open = true;

	while (open) {
		if (!skip_one(in, &nest, &open))
			return false;
		if (!open && !ascend(in, &nest, &open))
			return false;
	}
	return true;
}

/* Words: a string out of a list. */

/*
 * Whether the bytes are the same: what every key and word of a log is asked. A call of
 * memcmp(3) costs more than the comparing, and nearly all have 4 to 16 bytes, which two
 * loads cover.
 */
static inline bool same_bytes(const char *a, const char *b, size_t len)
{
	uint64_t first[2], last[2];
	uint32_t head[2], tail[2];

	if (len > 16 || len < 4)
		return !memcmp(a, b, len);
	if (len < 8) {
		memcpy(&head[0], a, 4);
		memcpy(&head[1], b, 4);
		memcpy(&tail[0], a + len - 4, 4);
		memcpy(&tail[1], b + len - 4, 4);
		return head[0] == head[1] && tail[0] == tail[1];
	}
	memcpy(&first[0], a, 8);
	memcpy(&first[1], b, 8);
	memcpy(&last[0], a + len - 8, 8);
	memcpy(&last[1], b + len - 8, 8);
	return first[0] == first[1] && last[0] == last[1];
}

struct word {
	char text[20];
	char written[20]; /* with its quotes */
	uint8_t len;      /* of the text; 0 ends a list */
	uint8_t value;
};

#define ROW(text, value) {text, "\"" text "\"", sizeof(text) - 1, value},
#define END                                                                                        \
	{                                                                                          \
		"", "", 0, 0                                                                       \
	}
#define SETTING_ROW(id, value, text, meaning) ROW(text, value)
#define EVENT_ROW(id, text)                   ROW(text, V6_EVENT_##id)
#define ACTION_ROW(id, text)                  ROW(text, V6_ACTION_##id)
#define FINDING_ROW(id, text)                 ROW(text, V6_FINDING_##id)
#define TYPE_ROW(id, text)                    ROW(text, V6_TYPE_##id)
/* clang-format off */
static const struct word policies[] = {V6_POLICY_WORDS(SETTING_ROW) END};
static const struct word modes[] = {V6_MODE_WORDS(SETTING_ROW) END};
static const struct word events[] = {V6_EVENTS(EVENT_ROW) END};
static const struct word actions[] = {V6_ACTIONS(ACTION_ROW) END};
static const struct word findings[] = {V6_FINDINGS(FINDING_ROW) END};
static const struct word types[] = {V6_TYPES(TYPE_ROW) END};
static const struct word families[] = {
	ROW("inet6", V6_FAMILY_INET6) ROW("inet", V6_FAMILY_INET) END};
/* clang-format on */

/* The word that stands there without escapes, read past; the end of the list, nothing read, else.
 */
static const struct word *take_written_word(struct input *in, const struct word *list)
{
	size_t left = (size_t)(in->end - in->at);

	for (; list->len; list++) {
		size_t len = (size_t)list->len + 2;

		if (left < len || !same_bytes(in->at, list->written, len))
			continue;
		in->at += len;
		break;
	}
	return list;
}

static const struct word *find_word(const struct word *list, struct v6_slice text)
{
	while (list->len && (list->len != text.len || memcmp(list->text, text.ptr, text.len)))
		list++;
	return list;
}

/* With escapes, or none of the list. */
READER other_word(struct input *in, const struct word *list, const char *expected, uint8_t *out)
{
	const char *at = in->at;
	size_t used = in->used;
	struct v6_slice s;

	if (!string(in, &s))
		return false;
	in->used = used; /* it is not kept */
	list = find_word(list, s);
	if (!list->len)
		return fail_at(in, at, expected);
	*out = list->value;
	return true;
}

READER word(struct input *in, const struct word *list, const char *expected, uint8_t *out)
{
	const struct word *found = take_written_word(in, list);

	if (!found->len)
		return other_word(in, list, expected, out);
	*out = found->value;
	return true;
}

READER family(struct input *in, uint8_t *out)
{
	return word(in, families, "\"inet\" or \"inet6\"", out);
}

READER type(struct input *in, uint8_t *out)
{
	/* The first is no word: a record without it has no type. */
	return word(in, types + 1, "a type of socket", out);
}

READER proto(struct input *in, int *out)
{
	const char *at = in->at;
	size_t used = in->used;
	struct v6_slice s;

	if (!string(in, &s))
		return false;
	in->used = used;
	*out = v6_proto_parse(s);
	return *out >= 0 || fail_at(in, at, "a protocol's name or number as a string");
}

/* "EADDRINUSE", or a number that has no name. */
READER error_number(struct input *in, int *out)
{
	const char *at = in->at;
	size_t used = in->used;
	struct v6_slice s;
	int64_t n;

	if (in->at < in->end && *in->at != '"') {
		if (!integer(in, 1, INT32_MAX, "an errno", &n))
			return false;
		*out = (int)n;
		return true;
	}
	if (!string(in, &s))
		return false;
	in->used = used;
	*out = v6_errname_parse(s);
	return *out || fail_at(in, at, "the name of an errno");
}

/* Time: RFC 3339, 5.6. */

/* `n` digits at text[*at], and then `after` (0: nothing in particular). -1 where it is not so. */
static inline int number_at(struct v6_slice text, size_t *at, unsigned n, char after)
{
	const char *c = text.ptr + *at;
	unsigned value = 0;

	if (text.len - *at < n + (after != 0))
		return -1;
	for (unsigned i = 0; i < n; i++) {
		unsigned digit = (unsigned char)(c[i] - '0');

		if (digit > 9)
			return -1;
		value = 10 * value + digit;
	}
	*at += n + (after != 0);
	/* 'T' may be a small letter. */
	if (after && (c[n] & ~(after == 'T' ? 0x20 : 0)) != after)
		return -1;
	return (int)value;
}

/* Days from 1970-01-01, in the proleptic Gregorian calendar; the year begins in March. */
static int64_t day_of(int year, int month, int mday)
{
	/* Of a year 400 before, or it would be -1 in the first months of year 0. */
	unsigned y = (unsigned)(year + 400 - (month <= 2));
	unsigned doy = (153 * (unsigned)(month + (month > 2 ? -3 : 9)) + 2) / 5;

	return (int64_t)(365 * y + y / 4 - y / 100 + y / 400 + doy) + mday - 1 - 719468 - 146097;
}

static int days_in(int year, int month)
{
	static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month != 2)
		return days[month - 1];
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
}

static bool date_at(struct v6_slice text, size_t *at, int64_t *day)
{
	int year = number_at(text, at, 4, '-'), month, mday;

	if (year < 0)
		return false;
	month = number_at(text, at, 2, '-');
	if (month < 1 || month > 12)
		return false;
	mday = number_at(text, at, 2, 'T');
	if (mday < 1 || mday > days_in(year, month))
		return false;
	*day = day_of(year, month, mday);
	return true;
}

static bool clock_at(struct v6_slice text, size_t *at, int64_t *second)
{
	int hour = number_at(text, at, 2, ':'), minute, s;

	if (hour < 0 || hour > 23)
		return false;
	minute = number_at(text, at, 2, ':');
	if (minute < 0 || minute > 59)
		return false;
	s = number_at(text, at, 2, 0);
	if (s < 0 || s > 60)
		return false;
	*second = hour * 3600 + minute * 60 + s;
	return true;
}

/* ".123456", which may not be there. */
static bool fraction_at(struct v6_slice text, size_t *at, int64_t *microseconds)
{
	size_t first = *at + 1, end = first;
	unsigned fraction = 0;

	*microseconds = 0;
	if (*at == text.len || text.ptr[*at] != '.')
		return true;
	for (; end < text.len && (unsigned char)(text.ptr[end] - '0') < 10; end++)
		if (end < first + 6)
			fraction = 10 * fraction + (unsigned char)(text.ptr[end] - '0');
	for (size_t i = end; i < first + 6; i++)
		fraction *= 10;
	*microseconds = fraction;
	*at = end;
	return end > first;
}

/* "Z", "+01:00": what is to be taken off, in seconds. */
static bool offset_at(struct v6_slice text, size_t *at, int64_t *second)
{
	char sign = *at < text.len ? text.ptr[(*at)++] : 0;
	int hour, minute;

	*second = 0;
	if (sign == 'Z' || sign == 'z')
		return true;
	if (sign != '+' && sign != '-')
		return false;
	hour = number_at(text, at, 2, ':');
	if (hour < 0 || hour > 23)
		return false;
	minute = number_at(text, at, 2, 0);
	if (minute < 0 || minute > 59)
		return false;
	*second = (hour * 3600 + minute * 60) * (sign == '+' ? 1 : -1);
	return true;
}

bool v6_time_parse(struct v6_slice text, int64_t *microseconds)
{
	int64_t day, second, fraction, offset;
	size_t at = 0;

	if (!date_at(text, &at, &day) || !clock_at(text, &at, &second) ||
		!fraction_at(text, &at, &fraction) || !offset_at(text, &at, &offset) ||
		at != text.len)
		return false;
	*microseconds = (day * 86400 + second - offset) * 1000000 + fraction;
	return true;
}

READER time_of(struct input *in, int64_t *out)
{
	const char *at = in->at;
	size_t used = in->used;
	struct v6_slice s;

	if (!string(in, &s))
		return false;
	in->used = used;
	return v6_time_parse(s, out) || fail_at(in, at, "a time as RFC 3339 has it");
}

/* Addresses. */

/* Dotted decimal at text[*at], no needless zeroes (RFC 6943, 3.1.1). */
static bool in4_at(struct v6_slice text, size_t *at, uint8_t out[4])
{
	for (int i = 0; i < 4; i++) {
		size_t first;
		unsigned value = 0;

		if (i && (*at == text.len || text.ptr[(*at)++] != '.'))
			return false;
		for (first = *at; *at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9' &&
				  *at - first < 3;
			++*at)
			value = 10 * value + (unsigned)(text.ptr[*at] - '0');
		if (*at == first || value > 255 || (text.ptr[first] == '0' && *at - first > 1))
			return false;
		out[i] = (uint8_t)value;
	}
	return true;
}

/* One to four hexadecimal digits; -1 where there are none. */
static int group_at(struct v6_slice text, size_t *at)
{
	int value = 0;
	size_t first = *at;

	for (; *at < text.len && *at - first < 4; ++*at) {
		char c = (char)(text.ptr[*at] | 0x20);

		if (text.ptr[*at] >= '0' && text.ptr[*at] <= '9')
			value = value << 4 | (text.ptr[*at] - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (c - 'a' + 10);
		else
			break;
	}
	return *at > first ? value : -1;
}

/* The groups of an IPv6 address as they come, and where the "::" stood among them. */
struct groups {
	uint8_t bytes[16];
	size_t len; /* bytes of `bytes` that are filled */
	size_t gap; /* where the zeroes go; 16: there is no "::" */
};

/* One group, or an IPv4 address in the place of the last two. */
static bool add_group(struct v6_slice text, size_t *at, struct groups *g)
{
	size_t first = *at;
	int value = group_at(text, at);

	if (value >= 0 && *at < text.len && text.ptr[*at] == '.') {
		*at = first;
		if (g->len > 12 || !in4_at(text, at, g->bytes + g->len))
			return false;
		g->len += 4;
		/* Nothing may follow it. */
		return *at == text.len || text.ptr[*at] == '%';
	}
	if (value < 0 || g->len == 16)
		return false;
	g->bytes[g->len++] = (uint8_t)(value >> 8);
	g->bytes[g->len++] = (uint8_t)value;
	return true;
}

static bool ends_at(struct v6_slice text, size_t at)
{
	return at == text.len || text.ptr[at] == '%';
}

static bool pair_at(struct v6_slice text, size_t at)
{
	return text.len - at >= 2 && text.ptr[at] == ':' && text.ptr[at + 1] == ':';
}

/* RFC 4291, 2.2, up to the end or to a '%'. */
static bool groups_at(struct v6_slice text, size_t *at, struct groups *g)
{
	while (!ends_at(text, *at)) {
		if (pair_at(text, *at)) {
			/* One alone, and only where it stands for something. */
			if (g->gap != 16 || g->len == 16)
				return false;
			g->gap = g->len;
			*at += 2;
			if (ends_at(text, *at))
				break;
		} else if (g->len && (text.ptr[*at] != ':' || ++*at == text.len)) {
			return false;
		}
		if (!add_group(text, at, g))
			return false;
	}
	return g->gap == 16 ? g->len == 16 : g->len <= 14;
}

static bool scope_at(struct v6_slice text, size_t *at, uint32_t *scope)
{
	uint64_t value = 0;
	size_t first;

	*scope = 0;
	if (*at == text.len)
		return true;
	for (first = ++*at; *at < text.len && *at - first < 10; ++*at) {
		if (text.ptr[*at] < '0' || text.ptr[*at] > '9')
			return false;
		value = 10 * value + (uint64_t)(text.ptr[*at] - '0');
	}
	*scope = (uint32_t)value;
	return *at > first && *at == text.len && value <= UINT32_MAX;
}

static bool parse_in6(struct v6_slice text, struct v6_address *a)
{
	struct groups g = {.gap = 16};
	size_t at = 0;
	uint32_t scope;

	if (!groups_at(text, &at, &g) || !scope_at(text, &at, &scope))
		return false;
	memset(a->bytes, 0, sizeof(a->bytes));
	if (g.gap == 16)
		g.gap = g.len;
	memcpy(a->bytes, g.bytes, g.gap);
	memcpy(a->bytes + 16 - (g.len - g.gap), g.bytes + g.gap, g.len - g.gap);
	a->family = V6_FAMILY_INET6;
	a->scope = scope;
	return true;
}

bool v6_address_parse(struct v6_slice text, struct v6_address *a)
{
	uint8_t in4[4];
	size_t at = 0;

	if (text.len && memchr(text.ptr, ':', text.len))
		return parse_in6(text, a);
	if (!in4_at(text, &at, in4) || at != text.len)
		return false;
	memset(a->bytes, 0, sizeof(a->bytes));
	memcpy(a->bytes, in4, 4);
	a->family = V6_FAMILY_INET;
	a->scope = 0;
	return true;
}

READER address(struct input *in, struct v6_address *a)
{
	const char *at = in->at;
	size_t used = in->used;
	struct v6_slice s;

	if (!string(in, &s))
		return false;
	in->used = used;
	return v6_address_parse(s, a) || fail_at(in, at, "an IPv4 or IPv6 address");
}

READER port(struct input *in, struct v6_address *a)
{
	const char *at = in->at;
	uint32_t small;
	int64_t n;

	if (take_small(in, &small) && small <= 65535) {
		a->port = (uint16_t)small;
		return true;
	}
	in->at = at;
	if (!integer(in, 0, 65535, "an integer from 0 to 65535", &n))
		return false;
	a->port = (uint16_t)n;
	return true;
}

/* Lists of families. */

static bool family_list(struct input *in, struct v6_families *f)
{
	if (!take(in, '['))
		return fail(in, "'['");
	if (take_after_blanks(in, ']'))
		return true;
	do {
		uint8_t one;

		skip_blanks(in);
		if (f->count == V6_FAMILIES_MAX)
			return fail(in, "at most 32 families");
		if (!family(in, &one))
			return false;
		if (one == V6_FAMILY_INET6)
			f->inet6 |= UINT32_C(1) << f->count;
		f->count++;
	} while (take_after_blanks(in, ','));
	return take(in, ']') || fail(in, "',' or ']'");
}

READER serves(struct input *in, uint8_t *out)
{
	struct v6_families f = {0, 0};

	if (!family_list(in, &f))
		return false;
	for (unsigned i = 0; i < f.count; i++)
		*out |= f.inet6 >> i & 1 ? V6_SERVES_INET6 : V6_SERVES_INET;
	return true;
}

/* Objects: keys, and a function that reads the value of each. */

struct key {
	char name[20];
	char written[20]; /* as the writer has it: "\"time\":" */
	uint8_t len;      /* of the name */
};

struct keys {
	const struct key *list;
	unsigned count;
	bool (*value)(struct input *in, unsigned key);
};

/* The key's place in the list, or the count. */
static unsigned find_key(const struct keys *keys, struct v6_slice name)
{
	unsigned i = 0;

	while (i < keys->count &&
		(keys->list[i].len != name.len || memcmp(keys->list[i].name, name.ptr, name.len)))
		i++;
	return i;
}

/*
 * The key that comes next, the way the writer writes it: in its order, so only
 * keys from `from` on are tried, and without blanks. It is read past; the count,
 * and nothing read, where it is not so.
 */
static unsigned take_written_key(struct input *in, const struct keys *keys, unsigned from)
{
	size_t left = (size_t)(in->end - in->at);

	for (unsigned i = from; i < keys->count && left > 2; i++) {
		const struct key *k = &keys->list[i];
		size_t len = (size_t)k->len + 3;

		if (in->at[1] != k->name[0] || left <= len || !same_bytes(in->at, k->written, len))
			continue;
		in->at += len;
		return i;
	}
	return keys->count;
}

/* "KEY" : in any way that RFC 8259 has. */
static bool take_key(struct input *in, const struct keys *keys, unsigned *key)
{
	size_t used = in->used;
	struct v6_slice name;

	if (!string(in, &name))
		return false;
	in->used = used; /* the name is not kept */
	*key = find_key(keys, name);
	return take_after_blanks(in, ':') || fail(in, "':'");
}

/* "KEY" : VALUE, the next one; *seen and *from are the list's. */
static inline __attribute__((always_inline)) bool member(
	struct input *in, const struct keys *keys, uint32_t *seen, unsigned *from)
{
	const char *outer = in->key, *at = in->at;
	unsigned key = take_written_key(in, keys, *from);
	bool ok;

	if (key == keys->count && !take_key(in, keys, &key))
		return false;
	skip_blanks(in);
	if (key == keys->count)
		return skip_value(in);
	in->key = keys->list[key].name;
	if (*seen >> key & 1)
		return fail_at(in, at, "each key once");
	*seen |= UINT32_C(1) << key;
	*from = key + 1;
	ok = keys->value(in, key);
	in->key = outer;
	return ok;
}

/* *seen: bit i is set where the i-th key was there. */
static bool object(struct input *in, const struct keys *keys, uint32_t *seen)
{
	unsigned from = 0;

	*seen = 0;
	if (!take(in, '{'))
		return fail(in, "'{'");
	if (take_after_blanks(in, '}'))
		return true;
	do {
		skip_blanks(in);
		if (!member(in, keys, seen, &from))
			return false;
	} while (take(in, ',') || take_after_blanks(in, ','));
	return take(in, '}') || fail(in, "',' or '}'");
}

/* The keys in the writer's order. */
#define HOLDER_KEYS(X)                                                                             \
	X(FD, "fd")                                                                                \
	X(PID, "pid")                                                                              \
	X(PROGRAM, "program")                                                                      \
	X(UID, "uid")                                                                              \
	X(FAMILY, "family")                                                                        \
	X(ADDR, "addr")                                                                            \
	X(PORT, "port")                                                                            \
	X(V6ONLY, "v6only")

#define RECORD_KEYS(X)                                                                             \
	X(V, "v")                                                                                  \
	X(TIME, "time")                                                                            \
	X(PID, "pid")                                                                              \
	X(TID, "tid")                                                                              \
	X(PROGRAM, "program")                                                                      \
	X(EVENT, "event")                                                                          \
	X(FD, "fd")                                                                                \
	X(FAMILY, "family")                                                                        \
	X(TYPE, "type")                                                                            \
	X(PROTO, "proto")                                                                          \
	X(ADDR, "addr")                                                                            \
	X(PORT, "port")                                                                            \
	X(ASKED, "asked")                                                                          \
	X(BEFORE, "before")                                                                        \
	X(AFTER, "after")                                                                          \
	X(SERVES, "serves")                                                                        \
	X(FAMILIES_BEFORE, "families_before")                                                      \
	X(FAMILIES_AFTER, "families_after")                                                        \
	X(POLICY, "policy")                                                                        \
	X(RULE, "rule")                                                                            \
	X(MODE, "mode")                                                                            \
	X(ACTION, "action")                                                                        \
	X(FINDING, "finding")                                                                      \
	X(HOLDER, "holder")                                                                        \
	X(RESULT, "result")                                                                        \
	X(ERRNO, "errno")                                                                          \
	X(COUNT, "count")                                                                          \
	X(NOTE, "note")

#define KEY_ROW(id, name)     {name, "\"" name "\":", sizeof(name) - 1},
#define HOLDER_ENUM(id, name) HOLDER_##id,
#define RECORD_ENUM(id, name) RECORD_##id,
enum { HOLDER_KEYS(HOLDER_ENUM) };
enum { RECORD_KEYS(RECORD_ENUM) };
static const struct key holder_keys[] = {HOLDER_KEYS(KEY_ROW)};
static const struct key record_keys[] = {RECORD_KEYS(KEY_ROW)};

static bool holder_value(struct input *in, unsigned key)
{
	struct v6_holder *h = &in->record->holder;
	uint8_t ignored;

	switch (key) {
	case HOLDER_FD:
		return natural(in, &h->fd);
	case HOLDER_PID:
		return natural(in, &h->pid);
	case HOLDER_PROGRAM:
		return string(in, &h->program);
	case HOLDER_UID:
		return integer(in, 0, UINT32_MAX, "an integer from 0 to 4294967295", &h->uid);
	case HOLDER_FAMILY:
		/* The address tells it by itself. */
		return family(in, &ignored);
	case HOLDER_ADDR:
		return address(in, &h->address);
	case HOLDER_PORT:
		return port(in, &h->address);
	default:
		return bit(in, &h->v6only);
	}
}

READER holder(struct input *in)
{
	static const struct keys keys = {
		holder_keys, sizeof(holder_keys) / sizeof(*holder_keys), holder_value};
	uint32_t seen;

	in->record->holder.known = true;
	return object(in, &keys, &seen);
}

READER version(struct input *in)
{
	int64_t v;

	if (integer(in, V6_RECORD_VERSION, V6_RECORD_VERSION, "1", &v))
		return true;
	in->foreign = true;
	return false;
}

READER rule(struct input *in, unsigned *out)
{
	int64_t n;

	if (!integer(in, 1, UINT32_MAX, "an integer from 1 to 4294967295", &n))
		return false;
	*out = (unsigned)n;
	return true;
}

READER result(struct input *in, struct v6_record *r)
{
	uint32_t small;

	r->has_result = true;
	if (take_small(in, &small)) {
		r->result = small;
		return true;
	}
	return integer(in, INT64_MIN, INT64_MAX, "an integer of 64 bits", &r->result);
}

READER count(struct input *in, uint64_t *out)
{
	int64_t n;

	if (!integer(in, 0, INT64_MAX, "an integer from 0 to 9223372036854775807", &n))
		return false;
	*out = (uint64_t)n;
	return true;
}

static bool record_value(struct input *in, unsigned key)
{
	struct v6_record *r = in->record;

	switch (key) {
	case RECORD_V:
		return version(in);
	case RECORD_TIME:
		return time_of(in, &r->time);
	case RECORD_PID:
		return natural(in, &r->pid);
	case RECORD_TID:
		return natural(in, &r->tid);
	case RECORD_PROGRAM:
		return string(in, &r->program);
	case RECORD_EVENT:
		return word(in, events, "an event", &r->event);
	case RECORD_FD:
		return natural(in, &r->fd);
	case RECORD_FAMILY:
		return family(in, &r->family);
	case RECORD_TYPE:
		return type(in, &r->type);
	case RECORD_PROTO:
		return proto(in, &r->proto);
	case RECORD_ADDR:
		return address(in, &r->address);
	case RECORD_PORT:
		return port(in, &r->address);
	case RECORD_ASKED:
		return bit(in, &r->asked);
	case RECORD_BEFORE:
		return bit(in, &r->before);
	case RECORD_AFTER:
		return bit(in, &r->after);
	case RECORD_SERVES:
		return serves(in, &r->serves);
	case RECORD_FAMILIES_BEFORE:
		return family_list(in, &r->families_before);
	case RECORD_FAMILIES_AFTER:
		return family_list(in, &r->families_after);
	case RECORD_POLICY:
		return word(in, policies, "a policy", &r->policy);
	case RECORD_RULE:
		return rule(in, &r->rule);
	case RECORD_MODE:
		return word(in, modes, "\"enforce\" or \"log\"", &r->mode);
	case RECORD_ACTION:
		return word(in, actions, "an action", &r->action);
	case RECORD_FINDING:
		return word(in, findings, "a finding", &r->finding);
	case RECORD_HOLDER:
		return holder(in);
	case RECORD_RESULT:
		return result(in, r);
	case RECORD_ERRNO:
		return error_number(in, &r->error);
	case RECORD_COUNT:
		return count(in, &r->count);
	default:
		return string(in, &r->note);
	}
}

/* The V6ONLY that the action sets; it is for the text form alone. */
static int8_t wanted(const struct v6_record *r)
{
	switch (r->action) {
	case V6_ACTION_SET:
	case V6_ACTION_OVERRIDE:
		return (int8_t)v6_policy_value(r->policy);
	case V6_ACTION_SPLIT:
	case V6_ACTION_YIELD: /* it gives back the 1 that policy `both` had cleared */
		return 1;
	default:
		return V6_UNKNOWN;
	}
}

static void complete(struct v6_record *r)
{
	if (r->event == V6_EVENT_SETSOCKOPT) {
		r->value = r->asked;
		r->asked = V6_UNKNOWN;
	}
	/* A port without an address is nobody's. */
	if (r->address.family == V6_FAMILY_OTHER)
		r->address.port = 0;
	if (r->holder.address.family == V6_FAMILY_OTHER)
		r->holder.address.port = 0;
	r->want = wanted(r);
}

static enum v6_parse parse_line(struct input *in)
{
	static const struct keys keys = {
		record_keys, sizeof(record_keys) / sizeof(*record_keys), record_value};
	static const uint32_t needed = UINT32_C(1) << RECORD_TIME | UINT32_C(1) << RECORD_PID |
				       UINT32_C(1) << RECORD_EVENT;
	uint32_t seen;

	skip_blanks(in);
	if (!object(in, &keys, &seen))
		return in->foreign ? V6_PARSE_FOREIGN : V6_PARSE_BAD;
	skip_blanks(in);
	if (in->at != in->end) {
		fail(in, "the end of the line");
		return V6_PARSE_BAD;
	}
	if (!(seen >> RECORD_V & 1)) {
		fail(in, "key \"v\"");
		return V6_PARSE_FOREIGN;
	}
	if ((seen & needed) != needed) {
		fail(in, "keys \"time\", \"pid\" and \"event\"");
		return V6_PARSE_BAD;
	}
	complete(in->record);
	return V6_PARSE_OK;
}

enum v6_parse v6_record_parse(struct v6_record *r, struct v6_slice line, char *scratch, size_t size,
	struct v6_parse_problem *problem)
{
	struct v6_record read;
	struct input in = {
		.start = line.ptr,
		.at = line.ptr,
		.end = line.ptr + line.len,
		.scratch = scratch,
		.size = size,
		.record = &read,
		.problem = problem,
	};
	enum v6_parse outcome;

	v6_record_init(&read, V6_EVENT_COUNT);
	outcome = parse_line(&in);
	if (outcome == V6_PARSE_OK)
		*r = read;
	return outcome;
}
