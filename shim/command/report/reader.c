#include "reader.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>

#include "../../core/errname.h"

/* How deep the value of an unknown key may be. */
enum { DEPTH = 64 };

struct reader {
	const char *at, *end;
	char *scratch;
	unsigned depth;
	int64_t version;             /* -1: not told yet */
	const struct v6_field *next; /* what the writer would write next */
	const char *key, *expected;  /* what is wrong */
	int64_t low, high;           /* where `expected` is NULL: an integer */
	bool has_result;
};

/* Reads the value of that key. */
typedef bool value_reader(struct reader *in, struct v6_slice key, void *to);

static bool fail(struct reader *in, const char *at, const char *expected)
{
	in->at = at;
	in->expected = expected;
	return false;
}

/* The next character that is no blank, 0 at the end. */
static char next(struct reader *in)
{
	while (in->at < in->end && (*in->at == ' ' || *in->at == '\t'))
		in->at++;
	return in->at < in->end ? *in->at : '\0';
}

static bool take(struct reader *in, char c)
{
	bool there = next(in) == c;

	in->at += there;
	return there;
}

/* After a backslash. Half of a surrogate pair becomes U+FFFD: the writer has none. */
static bool escape(struct reader *in)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *start = in->at, *letter;
	unsigned c = 0, more, digit;

	letter = start < in->end && *start ? strchr(letters, *start) : NULL;
	if (letter) {
		in->at++;
		*in->scratch++ = bytes[letter - letters];
		return true;
	}
	if (in->end - start < 5 || *start != 'u')
		return fail(in, start, "one of \"\\/bfnrtu after a backslash");
	for (in->at++; in->at < start + 5; in->at++) {
		digit = (unsigned char)*in->at - '0';
		if (digit > 9)
			digit = ((unsigned char)*in->at | 0x20U) - 'a' + 10;
		if (digit > 15)
			return fail(in, in->at, "four hexadecimal digits");
		c = c << 4 | digit;
	}
	if (c >= 0xd800 && c < 0xe000)
		c = 0xfffd;
	more = c < 0x80 ? 0 : c < 0x800 ? 1 : 2;
	*in->scratch++ = (char)(more ? (0xff00U >> (more + 1) & 0xff) | c >> 6 * more : c);
	while (more--)
		*in->scratch++ = (char)(0x80 | (c >> 6 * more & 0x3f));
	return true;
}

/* In place, or decoded in the scratch. */
static bool string(struct reader *in, struct v6_slice *s)
{
	const char *start;

	if (!take(in, '"'))
		return fail(in, in->at, "a string");
	start = in->at;
	while (in->at < in->end && (unsigned char)*in->at >= 0x20 && !strchr("\"\\", *in->at))
		in->at++;
	*s = (struct v6_slice){start, (size_t)(in->at - start)};
	if (in->at < in->end && *in->at == '\\') {
		char *decoded = memcpy(in->scratch, start, s->len);

		in->scratch += s->len;
		while (in->at < in->end && (unsigned char)*in->at >= 0x20 && *in->at != '"') {
			char c = *in->at++;

			if (c != '\\')
				*in->scratch++ = c;
			else if (!escape(in))
				return false;
		}
		*s = (struct v6_slice){decoded, (size_t)(in->scratch - decoded)};
	}
	return (in->at < in->end && *in->at == '"' && in->at++) || fail(in, in->at, "'\"'");
}

/* An object, or an array, whose values have no keys. */
static bool members(struct reader *in, char begin, value_reader *read, void *to)
{
	struct v6_slice key = {"", 0};
	char end = begin == '{' ? '}' : ']';

	if (!take(in, begin))
		return fail(in, in->at, begin == '{' ? "'{'" : "'['");
	if (take(in, end))
		return true;
	do {
		if (begin == '{' && !string(in, &key))
			return false;
		if (begin == '{' && !take(in, ':'))
			return fail(in, in->at, "':'");
		if (!read(in, key, to))
			return false;
	} while (take(in, ','));
	return take(in, end) || fail(in, in->at, end == '}' ? "',' or '}'" : "',' or ']'");
}

/* Any value. */
static bool skip(struct reader *in, struct v6_slice key, void *to)
{
	static const char *const words[] = {"true", "false", "null"};
	struct v6_slice rest;
	char c = next(in);
	bool ok;

	(void)key;
	if (c == '"')
		return string(in, &rest);
	if (c == '{' || c == '[') {
		if (++in->depth > DEPTH)
			return fail(in, in->at, "arrays and objects at most 64 deep");
		ok = members(in, c, skip, to);
		in->depth--;
		return ok;
	}
	rest = (struct v6_slice){in->at, (size_t)(in->end - in->at)};
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (v6_slice_begins(rest, words[i])) {
			in->at += strlen(words[i]);
			return true;
		}
	if (c != '-' && (c < '0' || c > '9'))
		return fail(in, in->at, "a value");
	while (in->at < in->end && *in->at && strchr("+-.0123456789Ee", *in->at))
		in->at++;
	return true;
}

static bool number(struct reader *in, enum v6_field_kind kind, void *to)
{
	bool wide = kind == V6_FIELD_COUNT64 || kind == V6_FIELD_RESULT || kind == V6_FIELD_UID;
	bool minus = take(in, '-');
	const char *start = in->at;
	int64_t n = 0;
	int value;

	in->low = kind == V6_FIELD_RESULT ? -INT64_MAX : 0;
	in->high = kind == V6_FIELD_BIT    ? 1
		   : kind == V6_FIELD_PORT ? UINT16_MAX
		   : kind == V6_FIELD_UID  ? UINT32_MAX
		   : wide                  ? INT64_MAX
					   : INT_MAX;
	for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
		if (n > (INT64_MAX - 9) / 10)
			return fail(in, start, NULL);
		n = n * 10 + (*in->at - '0');
	}
	if (minus)
		n = -n;
	if (in->at == start || n < in->low || n > in->high ||
		(in->at < in->end && strchr(".eE", *in->at)))
		return fail(in, start, NULL);
	value = (int)n;
	in->has_result |= kind == V6_FIELD_RESULT;
	if (kind == V6_FIELD_VERSION)
		in->version = n;
	else if (kind == V6_FIELD_PORT)
		((struct v6_address *)to)->port = (uint16_t)n;
	else
		memcpy(to, wide ? (void *)&n : (void *)&value, wide ? sizeof(n) : sizeof(value));
	return kind != V6_FIELD_VERSION || n == V6_RECORD_VERSION;
}

/* "2026-01-02T03:04:05.000006Z"; of the fraction any number of digits. */
static bool parse_time(struct v6_slice s, int64_t *time)
{
	int year, month, day, hour, minute, second, n = 0;
	int64_t days, scale = 1000000;
	char buf[40];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_text_slice(&t, s);
	if (sscanf(buf, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second,
		    &n) != 6 ||
		year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 ||
		hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return false;
	/* Years from March on, of an era of 400 years before. */
	year += month < 3 ? 399 : 400;
	month = (month + 9) % 12;
	days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day -
	       719469 - 146097;
	*time = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000000;
	for (n += buf[n] == '.'; buf[n] >= '0' && buf[n] <= '9'; n++)
		*time += (scale /= 10) * (buf[n] - '0');
	return !strcmp(buf + n, "Z");
}

static bool parse_address(struct v6_slice s, struct v6_address *a)
{
	char buf[64];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	bool in6 = s.len && memchr(s.ptr, ':', s.len);
	uint64_t scope = 0;

	v6_text_slice(&t, v6_slice_cut(&s, '%'));
	if (t.full || (s.len && (!in6 || !v6_slice_uint(s, UINT32_MAX, &scope))))
		return false;
	memset(a->bytes, 0, sizeof(a->bytes));
	a->family = in6 ? V6_FAMILY_INET6 : V6_FAMILY_INET;
	a->scope = (uint32_t)scope;
	return inet_pton(in6 ? AF_INET6 : AF_INET, buf, a->bytes) == 1;
}

/* A string that means something; or a word of a list. */
static bool text(struct reader *in, const struct v6_field *f, void *to)
{
	const char *at = (next(in), in->at);
	struct v6_slice s;
	int value;

	if (!string(in, &s))
		return false;
	switch ((enum v6_field_kind)f->kind) {
	case V6_FIELD_TIME:
		return parse_time(s, to) || fail(in, at, "a time as RFC 3339 has it, in UTC");
	case V6_FIELD_ADDRESS:
		return parse_address(s, to) || fail(in, at, "an IPv4 or IPv6 address");
	case V6_FIELD_PROTO:
		value = v6_proto_parse(s);
		break;
	case V6_FIELD_ERRNO:
		value = v6_errname_parse(s);
		value = value ? value : -1;
		break;
	default:
		value = v6_word_value(f->list, s);
		break;
	}
	if (value < 0)
		return fail(in, at, "a word of v6shim-log(5)");
	if (f->kind != V6_FIELD_AFAMILY) /* the address tells it */
		memcpy(to, &value, sizeof(value));
	return true;
}

static bool family(struct reader *in, struct v6_slice key, void *to)
{
	static const struct v6_field word = {"", V6_FIELD_WORD, V6_LIST_FAMILY, 0};
	struct v6_families *f = to;
	unsigned value;

	(void)key;
	if (!text(in, &word, &value))
		return false;
	if (f->count == V6_FAMILIES_MAX)
		return fail(in, in->at, "at most 32 families");
	f->inet6 |= (uint32_t)(value == V6_FAMILY_INET6) << f->count++;
	return true;
}

static value_reader holder_member;

/* Puts the value that comes into the member that it is of. */
static bool put(struct reader *in, const struct v6_field *f, void *to)
{
	struct v6_families serves = {0, 0};
	struct v6_slice *slice = to;

	switch ((enum v6_field_kind)f->kind) {
	case V6_FIELD_STRING:
		return string(in, to);
	case V6_FIELD_ERRNO:
		return next(in) == '"' ? text(in, f, to) : number(in, f->kind, to);
	case V6_FIELD_TIME:
	case V6_FIELD_WORD:
	case V6_FIELD_DECISION:
	case V6_FIELD_AFAMILY:
	case V6_FIELD_PROTO:
	case V6_FIELD_ADDRESS:
		return text(in, f, to);
	case V6_FIELD_SERVES:
		if (!members(in, '[', family, &serves))
			return false;
		for (unsigned i = 0; i < serves.count; i++)
			*(unsigned *)to |= serves.inet6 >> i & 1 ? V6_SERVES_INET6 : V6_SERVES_INET;
		return true;
	case V6_FIELD_FAMILIES:
		memset(to, 0, sizeof(serves));
		return members(in, '[', family, to);
	case V6_FIELD_HOLDER:
		((struct v6_holder *)to)->known = true;
		return members(in, '{', holder_member, to);
	case V6_FIELD_SETTINGS:
		slice->ptr = (next(in), in->at);
		if (!members(in, '{', skip, NULL))
			return false;
		slice->len = (size_t)(in->at - slice->ptr);
		return v6_slice_is_text(*slice) || fail(in, slice->ptr, "UTF-8");
	default:
		return number(in, f->kind, to);
	}
}

static bool holder_member(struct reader *in, struct v6_slice key, void *to)
{
	for (const struct v6_field *f = v6_holder_fields; *f->key; f++)
		if (v6_slice_is(key, f->key))
			return put(in, f, (char *)to + f->at);
	return skip(in, key, NULL);
}

static bool record_member(struct reader *in, struct v6_slice key, void *to)
{
	const struct v6_field *f = in->next;

	/* Nearly always the one after the last, or few further. */
	while (*f->key && !v6_slice_is(key, f->key))
		f++;
	if (!*f->key)
		for (f = v6_record_fields; *f->key && !v6_slice_is(key, f->key);)
			f++;
	if (!*f->key)
		return skip(in, key, NULL);
	in->next = f + 1;
	in->key = f->key;
	if (!put(in, f, (char *)to + f->at))
		return false;
	in->key = NULL;
	return true;
}

static enum v6_read explain(
	const struct reader *in, struct v6_slice line, bool cut, struct v6_text *why)
{
	size_t column = (size_t)(in->at - line.ptr) + 1;

	if (!v6_slice_begins(line, "{") || in->version != V6_RECORD_VERSION) {
		v6_text_str(
			why, !v6_slice_begins(line, "{") ? "not a record of v6shim"
			     : in->version < 0
				     ? "not a record of v6shim: it has no key \"v\""
				     : "a record of another version; this v6shim reads version 1");
		return V6_READ_FOREIGN;
	}
	v6_text_str(why, cut && column > line.len ? "cut short, column " : "column ");
	v6_text_uint(why, column);
	v6_text_str(why, ": expected ");
	v6_text_str(why, in->expected ? in->expected : "an integer from ");
	if (!in->expected) {
		v6_text_int(why, in->low);
		v6_text_str(why, " to ");
		v6_text_int(why, in->high);
	}
	if (in->key) {
		v6_text_str(why, " for \"");
		v6_text_str(why, in->key);
		v6_text_char(why, '"');
	}
	return V6_READ_DAMAGED;
}

enum v6_read v6_read_record(
	struct v6_record *r, struct v6_slice line, bool cut, char *scratch, struct v6_text *why)
{
	static const enum v6_event no_event = (enum v6_event)UINT8_MAX;
	struct reader in = {line.ptr, line.ptr + line.len, scratch, 0, -1, v6_record_fields, NULL,
		NULL, 0, 0, false};

	v6_record_init(r, no_event);
	r->time = INT64_MIN;
	if (!members(&in, '{', record_member, r))
		return explain(&in, line, cut, why);
	if (next(&in) || in.at < in.end)
		fail(&in, in.at, "the end of the line");
	else if (r->time == INT64_MIN || !r->pid || r->facts.event == no_event)
		fail(&in, in.at, "keys \"time\", \"pid\" and \"event\"");
	if (in.expected || in.version < 0)
		return explain(&in, line, cut, why);
	r->has_result = in.has_result;
	r->has_policy = r->facts.event != V6_EVENT_LOST && r->facts.event != V6_EVENT_ERROR;
	return V6_READ_RECORD;
}

/* {"policy":{"value":"both","origin":"option"}, ...}; a value may be a number. */

static bool setting_value(struct reader *in, struct v6_slice key, void *to)
{
	struct v6_read_setting *s = to;
	struct v6_slice *slice = v6_slice_is(key, "value")    ? &s->value
				 : v6_slice_is(key, "origin") ? &s->origin
							      : NULL;

	if (!slice)
		return skip(in, key, NULL);
	if (next(in) == '"')
		return string(in, slice);
	slice->ptr = in->at;
	if (!skip(in, key, NULL))
		return false;
	slice->len = (size_t)(in->at - slice->ptr);
	return true;
}

static bool setting(struct reader *in, struct v6_slice key, void *to)
{
	enum v6_setting id = v6_setting_by_name(key);

	if (id == V6_SETTING_COUNT || next(in) != '{')
		return skip(in, key, NULL);
	return members(in, '{', setting_value, (struct v6_read_setting *)to + id);
}

bool v6_read_settings(
	struct v6_read_setting s[V6_SETTING_COUNT], struct v6_slice text, char *scratch)
{
	struct reader in = {.at = text.ptr, .scratch = scratch};

	memset(s, 0, V6_SETTING_COUNT * sizeof(*s));
	if (!text.len)
		return false;
	in.end = text.ptr + text.len;
	return members(&in, '{', setting, s);
}
