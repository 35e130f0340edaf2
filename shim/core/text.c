#include "text.h"

#include <stdarg.h>
#include <string.h>

bool v6_slice_is(struct v6_slice slice, const char *str)
{
	size_t n = 0;

	while (n < slice.len && str[n] && slice.ptr[n] == str[n])
		n++;
	return n == slice.len && !str[n];
}

bool v6_slice_begins(struct v6_slice slice, const char *str)
{
	return slice.len >= strlen(str) && !memcmp(slice.ptr, str, strlen(str));
}

bool v6_slice_ends(struct v6_slice slice, const char *str)
{
	size_t n = strlen(str);

	return slice.len >= n && !memcmp(slice.ptr + slice.len - n, str, n);
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
	struct v6_slice word;
	size_t n = 0;

	while (rest->len && is_blank(*rest->ptr))
		*rest = v6_slice_from(*rest, 1);
	while (n < rest->len && !is_blank(rest->ptr[n]))
		n++;
	word = (struct v6_slice){rest->ptr, n};
	*rest = v6_slice_from(*rest, n);
	return word;
}

bool v6_slice_uint(struct v6_slice slice, uint64_t most, uint64_t *value)
{
	uint64_t n = 0;

	if (!slice.len)
		return false;
	for (size_t i = 0; i < slice.len; i++) {
		unsigned digit = (unsigned)slice.ptr[i] - '0';

		if (digit > 9 || n > (most - (digit < most ? digit : most)) / 10)
			return false;
		n = 10 * n + digit;
	}
	if (n > most)
		return false;
	*value = n;
	return true;
}

struct v6_text v6_text_in(char *buf, size_t size)
{
	buf[0] = '\0';
	return (struct v6_text){.buf = buf, .size = size};
}

void v6_text_cut(struct v6_text *t, const char *bytes, size_t len)
{
	size_t room = t->size - 1 - t->len;

	if (len > room)
		t->full = true;
	else
		room = len;
	if (!room)
		return;
	memcpy(t->buf + t->len, bytes, room);
	t->len += room;
	t->buf[t->len] = '\0';
}

void v6_text_char(struct v6_text *t, char c)
{
	if (t->len + 1 >= t->size) {
		t->full = true;
		return;
	}
	t->buf[t->len++] = c;
	t->buf[t->len] = '\0';
}

void v6_text_slice(struct v6_text *t, struct v6_slice slice)
{
	v6_text_bytes(t, slice.ptr, slice.len);
}

void v6_text_uint0(struct v6_text *t, uint64_t value, unsigned width)
{
	char digits[20];
	unsigned n = 0;

	while (value || n < width) {
		digits[sizeof(digits) - ++n] = (char)('0' + value % 10);
		value /= 10;
	}
	v6_text_bytes(t, digits + sizeof(digits) - n, n);
}

void v6_text_uint(struct v6_text *t, uint64_t value)
{
	if (value < 10)
		v6_text_char(t, (char)('0' + value));
	else
		v6_text_uint0(t, value, 1);
}

void v6_text_int(struct v6_text *t, int64_t value)
{
	if (value < 0)
		v6_text_char(t, '-');
	/* Negated as unsigned: INT64_MIN has no positive int64_t. */
	v6_text_uint(t, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void text_hex(struct v6_text *t, unsigned value, unsigned width)
{
	static const char digit[] = "0123456789abcdef";
	unsigned shift = 28;

	while (shift && !(value >> shift) && shift >= 4 * width)
		shift -= 4;
	for (;; shift -= 4) {
		v6_text_char(t, digit[value >> shift & 15]);
		if (!shift)
			return;
	}
}

void v6_text_in4(struct v6_text *t, const uint8_t addr[4])
{
	for (int i = 0; i < 4; i++) {
		if (i)
			v6_text_char(t, '.');
		v6_text_uint(t, addr[i]);
	}
}

/* The first longest run of two or more zero groups; its length, 0 for none. RFC 5952, 4.2. */
static int zero_run(const unsigned group[8], int *start)
{
	int best = 0;

	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && !group[i + n])
			n++;
		if (n > best) {
			best = n;
			*start = i;
		}
		i += n;
	}
	return best >= 2 ? best : 0;
}

void v6_text_in6(struct v6_text *t, const uint8_t addr[16])
{
	unsigned group[8];
	int start = -1, run;
	bool dotted;

	for (int i = 0; i < 8; i++)
		group[i] = (unsigned)addr[2 * i] << 8 | addr[2 * i + 1];
	run = zero_run(group, &start);
	/* ::ffff:a.b.c.d (mapped) and ::a.b.c.d (compatible), RFC 5952, 5. */
	dotted = start == 0 && (run == 6 || (run == 5 && group[5] == 0xffff));
	for (int i = 0; i < (dotted ? 6 : 8); i++) {
		if (run && i == start) {
			v6_text_str(t, "::");
			i += run - 1;
			continue;
		}
		if (i && !(run && i == start + run))
			v6_text_char(t, ':');
		text_hex(t, group[i], 1);
	}
	if (dotted) {
		if (run == 5)
			v6_text_char(t, ':');
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

static void put_part(struct v6_text *t, char before, unsigned value)
{
	v6_text_char(t, before);
	v6_text_uint0(t, value, 2);
}

void v6_text_time(struct v6_text *t, int64_t microseconds)
{
	int64_t second = microseconds / 1000000, fraction = microseconds % 1000000;
	unsigned month, mday, of_day;
	int64_t day, year;

	if (fraction < 0) {
		fraction += 1000000;
		second--;
	}
	day = second / 86400;
	second %= 86400;
	if (second < 0) {
		second += 86400;
		day--;
	}
	civil(day, &year, &month, &mday);
	year = year < 0 ? 0 : year > 9999 ? 9999 : year;
	of_day = (unsigned)second;
	v6_text_uint0(t, (uint64_t)year, 4);
	put_part(t, '-', month);
	put_part(t, '-', mday);
	put_part(t, 'T', of_day / 3600);
	put_part(t, ':', of_day / 60 % 60);
	put_part(t, ':', of_day % 60);
	v6_text_char(t, '.');
	v6_text_uint0(t, (uint64_t)fraction, 6);
	v6_text_char(t, 'Z');
}

size_t v6_utf8_length(const char *bytes, size_t len)
{
	const unsigned char *u = (const unsigned char *)bytes;
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (!len)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	n = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return 0;
	/* Overlong forms, surrogates, and what lies beyond U+10FFFF. */
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xed)
		high = 0x9f;
	else if (u[0] == 0xf4)
		high = 0x8f;
	if (u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (u[i] < 0x80 || u[i] > 0xbf)
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

/* C1 controls (U+0080 to U+009F) drive terminals as the C0 ones do. */
static bool is_c1(const char *bytes, size_t n)
{
	return n == 2 && (unsigned char)bytes[0] == 0xc2 && (unsigned char)bytes[1] < 0xa0;
}

bool v6_slice_is_text(struct v6_slice text)
{
	while (text.len) {
		size_t n = v6_utf8_length(text.ptr, text.len);
		unsigned char c = (unsigned char)*text.ptr;

		if (!n || c < 0x20 || c == 0x7f || is_c1(text.ptr, n))
			return false;
		text = v6_slice_from(text, n);
	}
	return true;
}

/* The bytes with what does not stand for itself escaped, for JSON or for a person. */
static void escape(struct v6_text *t, const char *bytes, size_t len, bool json)
{
	while (len) {
		size_t n = v6_plain_length(bytes, len);
		unsigned char c = (unsigned char)*bytes;
		bool c1;

		if (n) {
			v6_text_bytes(t, bytes, n);
			bytes += n;
			len -= n;
			continue;
		}
		n = v6_utf8_length(bytes, len);
		c1 = is_c1(bytes, n);
		if (!n && json) {
			v6_text_str(t, "\\ufffd");
			n = 1;
		} else if (c == '\\' || (json && c == '"')) {
			v6_text_char(t, '\\');
			v6_text_char(t, (char)c);
		} else if (json && (c < 0x20 || c == 0x7f || c1)) {
			v6_text_str(t, "\\u");
			text_hex(t, c1 ? (unsigned char)bytes[1] : c, 4);
		} else if (!n || c < 0x20 || c == 0x7f || c1) {
			v6_text_str(t, "\\x");
			text_hex(t, c, 2);
			n = 1;
		} else {
			v6_text_bytes(t, bytes, n);
		}
		bytes += n;
		len -= n;
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
		default: /* %c and %% */
			v6_text_char(t, format[1] == 'c' ? (char)va_arg(args, int) : '%');
		}
	}
	va_end(args);
}
