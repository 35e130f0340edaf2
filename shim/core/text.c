#include "text.h"

#include <stdarg.h>

/* How many bytes both begin with. Most words of a list differ in the first: no call is made for that. */
static size_t common(struct v6_slice slice, const char *str)
{
	size_t n = 0;

	while (n < slice.len && str[n] && slice.ptr[n] == str[n])
		n++;
	return n;
}

bool v6_slice_is(struct v6_slice slice, const char *str)
{
	size_t n = common(slice, str);

	return n == slice.len && !str[n];
}

bool v6_slice_begins(struct v6_slice slice, const char *str)
{
	return !str[common(slice, str)];
}

struct v6_slice v6_slice_from(struct v6_slice slice, size_t start)
{
	return (struct v6_slice){slice.ptr + start, slice.len - start};
}

struct v6_slice v6_slice_of(const char *str)
{
	return (struct v6_slice){str, strlen(str)};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct v6_slice v6_slice_trim(struct v6_slice slice)
{
	while (slice.len && is_blank(slice.ptr[0]))
		slice = v6_slice_from(slice, 1);
	while (slice.len && is_blank(slice.ptr[slice.len - 1]))
		slice.len--;
	return slice;
}

struct v6_slice v6_slice_cut(struct v6_slice *rest, char end)
{
	const char *at = rest->len ? memchr(rest->ptr, end, rest->len) : NULL;
	struct v6_slice head = {rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len};

	*rest = v6_slice_from(*rest, at ? head.len + 1 : head.len);
	return head;
}

struct v6_slice v6_slice_base(struct v6_slice path)
{
	struct v6_slice name;

	do
		name = v6_slice_cut(&path, '/');
	while (path.len);
	return name;
}

struct v6_slice v6_slice_word(struct v6_slice *rest)
{
	struct v6_slice word = v6_slice_trim(*rest);

	*rest = word;
	for (word.len = 0; word.len < rest->len && !is_blank(rest->ptr[word.len]);)
		word.len++;
	*rest = v6_slice_from(*rest, word.len);
	return word;
}

bool v6_slice_uint(struct v6_slice slice, uint64_t most, uint64_t *value)
{
	uint64_t n = 0;

	for (size_t i = 0; i < slice.len; i++) {
		unsigned digit = (unsigned)slice.ptr[i] - '0';

		if (digit > 9 || n > most / 10 || digit > most - 10 * n)
			return false;
		n = 10 * n + digit;
	}
	if (slice.len)
		*value = n;
	return slice.len;
}

struct v6_text v6_text_in(char *buf, size_t size)
{
	buf[0] = '\0';
	return (struct v6_text){.buf = buf, .size = size};
}

void v6_text_cut(struct v6_text *t, const char *bytes)
{
	t->full = true;
	v6_text_bytes(t, bytes, t->size - 1 - t->len);
}

void v6_text_char(struct v6_text *t, char c)
{
	v6_text_bytes(t, &c, 1);
}

void v6_text_slice(struct v6_text *t, struct v6_slice slice)
{
	v6_text_bytes(t, slice.ptr, slice.len);
}

static void digits(struct v6_text *t, uint64_t value, unsigned width, unsigned base)
{
	char text[20];
	unsigned n = 0;

	for (; value || n < width; value /= base)
		text[sizeof(text) - ++n] = "0123456789abcdef"[value % base];
	v6_text_bytes(t, text + sizeof(text) - n, n);
}

void v6_text_uint(struct v6_text *t, uint64_t value)
{
	digits(t, value, 1, 10);
}

void v6_text_int(struct v6_text *t, int64_t value)
{
	if (value < 0)
		v6_text_char(t, '-');
	/* Negated as unsigned: INT64_MIN has no positive int64_t. */
	v6_text_uint(t, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void v6_text_in4(struct v6_text *t, const uint8_t addr[4])
{
	v6_text_print(t, "%d.%d.%d.%d", addr[0], addr[1], addr[2], addr[3]);
}

void v6_text_in6(struct v6_text *t, const uint8_t addr[16])
{
	const char *colon = "";
	unsigned group[8];
	int start = 8, run = 1;
	bool dotted;

	/* The first longest run of two or more zero groups. RFC 5952, 4.2. */
	for (int i = 0, n = 0; i < 8; i++) {
		group[i] = (unsigned)addr[2 * i] << 8 | addr[2 * i + 1];
		n = group[i] ? 0 : n + 1;
		if (n > run) {
			run = n;
			start = i + 1 - n;
		}
	}
	/* ::ffff:a.b.c.d (mapped) and ::a.b.c.d (compatible), RFC 5952, 5. */
	dotted = start == 0 && (run == 6 || (run == 5 && group[5] == 0xffff));
	for (int i = 0; i < (dotted ? 6 : 8); i++) {
		if (i == start) {
			v6_text_str(t, "::");
			colon = "";
			i += run - 1;
			continue;
		}
		v6_text_str(t, colon);
		digits(t, group[i], 1, 16);
		colon = ":";
	}
	if (dotted) {
		v6_text_str(t, colon);
		v6_text_in4(t, addr + 12);
	}
}

/*
 * The civil date of a day counted from 1970-01-01, in the proleptic Gregorian
 * calendar: the year is taken to begin in March, so that the leap day is its last.
 */
static void civil(int64_t day, int64_t *year, unsigned *month, unsigned *mday)
{
	int64_t era, doe, yoe, doy, mp;

	day += 719468; /* days from 0000-03-01 to 1970-01-01 */
	era = (day >= 0 ? day : day - 146096) / 146097;
	doe = day - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*mday = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2);
}

void v6_text_time(struct v6_text *t, int64_t microseconds)
{
	int64_t second = microseconds / 1000000 - (microseconds % 1000000 < 0);
	int64_t day = second / 86400 - (second % 86400 < 0), year;
	unsigned month, mday, of_day = (unsigned)(second - day * 86400);

	civil(day, &year, &month, &mday);
	year = year < 0 ? 0 : year > 9999 ? 9999 : year;
	v6_text_print(t, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ", (unsigned)year, month, mday,
		of_day / 3600, of_day / 60 % 60, of_day % 60,
		(unsigned)((microseconds % 1000000 + 1000000) % 1000000));
}

size_t v6_utf8_length(const char *bytes, size_t len)
{
	const unsigned char *u = (const unsigned char *)bytes, first = len ? *u : 0xff;
	size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	/* Overlong forms, surrogates, and what lies beyond U+10FFFF. */
	unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	if (n > len || first > 0xf4 || (first >= 0x80 && first < 0xc2))
		return 0;
	for (size_t i = 1; i < n; i++)
		if (u[i] < (i == 1 ? low : 0x80) || u[i] > (i == 1 ? high : 0xbf))
			return 0;
	return n;
}

size_t v6_plain_length(const char *bytes, size_t len)
{
	size_t n = 0;

	while (n < len && bytes[n] >= ' ' && bytes[n] < 0x7f && bytes[n] != '"' && bytes[n] != '\\')
		n++;
	return n;
}

/*
 * The length of the character that the bytes begin with, where it may reach a terminal; 0: a control
 * character, or no UTF-8. C1 controls (U+0080 to U+009F) drive terminals as the C0 ones do.
 */
static size_t shown_length(const char *bytes, size_t len)
{
	size_t n = v6_utf8_length(bytes, len);
	unsigned char c = (unsigned char)*bytes;

	return c < 0x20 || c == 0x7f || (n == 2 && c == 0xc2 && (unsigned char)bytes[1] < 0xa0) ? 0
												: n;
}

bool v6_slice_is_text(struct v6_slice text)
{
	for (size_t n; text.len; text = v6_slice_from(text, n)) {
		n = shown_length(text.ptr, text.len);
		if (!n)
			return false;
	}
	return true;
}

/* The bytes with what does not stand for itself escaped, for JSON or for a person. */
static void escape(struct v6_text *t, const char *bytes, size_t len, bool json)
{
	for (size_t n; len; bytes += n, len -= n) {
		unsigned char c = (unsigned char)*bytes;
		bool quoted = c == '\\' || (json && c == '"');

		n = v6_plain_length(bytes, len);
		if (!n && !quoted)
			n = shown_length(bytes, len);
		if (n) {
			v6_text_bytes(t, bytes, n);
			continue;
		}
		n = json ? v6_utf8_length(bytes, len) : 1;
		v6_text_str(t, quoted ? "\\" : !json ? "\\x" : n ? "\\u" : "\\ufffd");
		if (quoted)
			v6_text_char(t, (char)c);
		else if (n)
			digits(t, n == 2 ? (unsigned char)bytes[1] : c, json ? 4 : 2, 16);
		n += !n;
	}
}

void v6_text_json(struct v6_text *t, const char *bytes, size_t len)
{
	v6_text_char(t, '"');
	escape(t, bytes, len, true);
	v6_text_char(t, '"');
}

void v6_text_safe(struct v6_text *t, const char *bytes, size_t len)
{
	escape(t, bytes, len, false);
}

void v6_text_print(struct v6_text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	for (;; format += 2) {
		size_t plain_part = strcspn(format, "%");
		int len;

		v6_text_bytes(t, format, plain_part);
		format += plain_part;
		if (!*format)
			break;
		switch (format[1]) {
		case 's':
			v6_text_str(t, va_arg(args, const char *));
			break;
		case 'd':
			v6_text_int(t, va_arg(args, int));
			break;
		case 'u':
			v6_text_uint(t, va_arg(args, unsigned));
			break;
		case 'l':
			v6_text_int(t, va_arg(args, long long));
			format += 2;
			break;
		case '.':
			len = va_arg(args, int);
			v6_text_safe(t, va_arg(args, const char *), (size_t)len);
			format += 2;
			break;
		case '0':
			digits(t, va_arg(args, unsigned), (unsigned)(format[2] - '0'), 10);
			format += 2;
			break;
		default: /* %c and %% */
			v6_text_char(t, format[1] == 'c' ? (char)va_arg(args, int) : '%');
		}
	}
	va_end(args);
}
