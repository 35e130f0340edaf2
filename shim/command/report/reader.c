#include "reader.h"

#include <arpa/inet.h>
#include <limits.h>

#include "../../core/errname.h"

/* How deep the value of an unknown key may be. */
enum { DEPTH = 64 };

struct reader {
	const char *at, *end;
	char *scratch;
	unsigned depth;
	bool version;                /* key "v" was there */
	bool foreign;                /* it was another one's */
	const struct v6_field *next; /* what the writer would write next */
	const char *key, *expected;  /* what is wrong */
	struct v6_record *record;
};

typedef bool member(struct reader *in, struct v6_slice key, void *to);

/* JSON. */

static bool fail_at(struct reader *in, const char *at, const char *expected)
{
	in->at = at;
	in->expected = expected;
	return false;
}

static bool fail(struct reader *in, const char *expected)
{
	return fail_at(in, in->at, expected);
}

/* The next character that is no blank, -1 at the end. */
static int next(struct reader *in)
{
	while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\r'))
		in->at++;
	return in->at < in->end ? (unsigned char)*in->at : -1;
}

static bool take(struct reader *in, char c)
{
	bool there = next(in) == (unsigned char)c;

	in->at += there;
	return there;
}

static bool hexadecimal(struct reader *in, uint32_t *value)
{
	*value = 0;
	for (int i = 0; i < 4; i++, in->at++) {
		int c = in->at < in->end ? *in->at | 0x20 : 0;

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return fail(in, "four hexadecimal digits");
		*value = *value << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return true;
}

/* After "\u": the character as UTF-8, half of a surrogate pair alone as U+FFFD. */
static bool unicode(struct reader *in)
{
	uint32_t c, low;

	if (!hexadecimal(in, &c))
		return false;
	if (c >= 0xd800 && c < 0xdc00 && in->end - in->at > 2 && !memcmp(in->at, "\\u", 2)) {
		in->at += 2;
		if (!hexadecimal(in, &low))
			return false;
		c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + (c - 0xd800) * 0x400 + low - 0xdc00
						  : 0xfffd;
	} else if (c >= 0xd800 && c < 0xe000) {
		c = 0xfffd;
	}
	if (c < 0x80) {
		*in->scratch++ = (char)c;
		return true;
	}
	if (c < 0x800) {
		*in->scratch++ = (char)(0xc0 | c >> 6);
	} else {
		*in->scratch++ = (char)(c < 0x10000 ? 0xe0 | c >> 12 : 0xf0 | c >> 18);
		if (c >= 0x10000)
			*in->scratch++ = (char)(0x80 | (c >> 12 & 0x3f));
		*in->scratch++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*in->scratch++ = (char)(0x80 | (c & 0x3f));
	return true;
}

static bool escape(struct reader *in)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	char c = in->at < in->end ? *in->at : '\0';
	const char *letter = c ? strchr(letters, c) : NULL;

	if (c != 'u' && !letter)
		return fail(in, "one of \"\\/bfnrtu after a backslash");
	in->at++;
	if (c == 'u')
		return unicode(in);
	*in->scratch++ = bytes[letter - letters];
	return true;
}

/* In place, or decoded in the scratch. */
static bool string(struct reader *in, struct v6_slice *s)
{
	char *decoded = in->scratch;
	const char *start;
	bool escapes = false;

	if (!take(in, '"'))
		return fail(in, "a string");
	start = in->at;
	for (; in->at < in->end && *in->at != '"';) {
		if ((unsigned char)*in->at < 0x20)
			return fail(in, "no control character");
		if (*in->at == '\\') {
			if (!escapes) {
				memcpy(in->scratch, start, (size_t)(in->at - start));
				in->scratch += in->at - start;
			}
			escapes = true;
			in->at++;
			if (!escape(in))
				return false;
		} else if (escapes) {
			*in->scratch++ = *in->at++;
		} else {
			in->at++;
		}
	}
	*s = escapes ? (struct v6_slice){decoded, (size_t)(in->scratch - decoded)}
		     : (struct v6_slice){start, (size_t)(in->at - start)};
	return take(in, '"') || fail(in, "'\"'");
}

static bool object(struct reader *in, member *put_member, void *to)
{
	struct v6_slice key;

	if (!take(in, '{'))
		return fail(in, "'{'");
	if (take(in, '}'))
		return true;
	do {
		if (!string(in, &key))
			return false;
		if (!take(in, ':'))
			return fail(in, "':'");
		if (!put_member(in, key, to))
			return false;
	} while (take(in, ','));
	return take(in, '}') || fail(in, "',' or '}'");
}

/* Any value. */
static bool skip(struct reader *in, struct v6_slice key, void *to)
{
	static const char scalar[] = "+-.0123456789Eaeflnrstu"; /* of true, false, null, numbers */
	const char *start;
	struct v6_slice s;
	int c = next(in);
	bool ok = true;

	if (c == '"')
		return string(in, &s);
	if (c == '{' || c == '[') {
		if (++in->depth > DEPTH)
			return fail(in, "arrays and objects at most 64 deep");
		if (c == '{') {
			ok = object(in, skip, to);
		} else {
			in->at++;
			if (!take(in, ']')) {
				while ((ok = skip(in, key, to)) && take(in, ','))
					;
				ok = ok && (take(in, ']') || fail(in, "',' or ']'"));
			}
		}
		in->depth--;
		return ok;
	}
	for (start = in->at; in->at < in->end && *in->at && strchr(scalar, *in->at);)
		in->at++;
	return in->at > start || fail(in, "a value");
}

static bool integer(
	struct reader *in, int64_t low, int64_t high, const char *expected, int64_t *value)
{
	bool minus = take(in, '-');
	const char *start = in->at;
	uint64_t n = 0;

	for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
		if (n > (UINT64_MAX - 9) / 10)
			return fail_at(in, start, expected);
		n = n * 10 + (uint64_t)(*in->at - '0');
	}
	if (in->at == start || (in->at < in->end && strchr(".eE", *in->at)) ||
		n > (minus ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX))
		return fail_at(in, start, expected);
	*value = minus ? (int64_t)(0 - n) : (int64_t)n;
	return (*value >= low && *value <= high) || fail_at(in, start, expected);
}

/* A string that `parse` understands. */
static bool parsed(struct reader *in, bool (*parse)(struct v6_slice, void *), void *to,
	const char *expected)
{
	struct v6_slice s;
	const char *at;

	next(in);
	at = in->at;
	return string(in, &s) && (parse(s, to) || fail_at(in, at, expected));
}

/* Values. */

static bool digits(struct v6_slice *s, size_t count, char end, int64_t *value)
{
	struct v6_slice number = {s->ptr, count};
	uint64_t n;

	if (s->len <= count || s->ptr[count] != end || !v6_slice_uint(number, INT32_MAX, &n))
		return false;
	*s = v6_slice_from(*s, count + 1);
	*value = (int64_t)n;
	return true;
}

/* "2026-01-02T03:04:05.000006Z"; of the fraction any number of digits. */
static bool parse_time(struct v6_slice s, void *to)
{
	int64_t year, month, day, hour, minute, second, fraction = 0, scale = 1000000, days;

	if (!digits(&s, 4, '-', &year) || !digits(&s, 2, '-', &month) ||
		!digits(&s, 2, 'T', &day) || !digits(&s, 2, ':', &hour) ||
		!digits(&s, 2, ':', &minute) ||
		!(digits(&s, 2, '.', &second) || digits(&s, 2, 'Z', &second)))
		return false;
	for (; s.len > 1 && s.ptr[0] >= '0' && s.ptr[0] <= '9'; s = v6_slice_from(s, 1)) {
		scale /= 10;
		fraction += scale * (s.ptr[0] - '0');
	}
	if (s.len > 1 || (s.len && s.ptr[0] != 'Z') || month < 1 || month > 12 || day < 1 ||
		day > 31 || hour > 23 || minute > 59 || second > 60)
		return false;
	/* Years from March on, of an era of 400 years before. */
	year += month < 3 ? 399 : 400;
	month = (month + 9) % 12;
	days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day -
	       719469 - 146097;
	*(int64_t *)to = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000000 + fraction;
	return true;
}

static bool parse_address(struct v6_slice s, void *to)
{
	char buf[64];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	struct v6_address *a = to;
	bool in6 = s.len && memchr(s.ptr, ':', s.len);
	struct v6_slice address = v6_slice_cut(&s, '%');
	uint64_t scope = 0;

	v6_text_slice(&t, address);
	if (t.full || (s.len && (!in6 || !v6_slice_uint(s, UINT32_MAX, &scope))))
		return false;
	memset(a->bytes, 0, sizeof(a->bytes));
	a->family = in6 ? V6_FAMILY_INET6 : V6_FAMILY_INET;
	a->scope = (uint32_t)scope;
	return inet_pton(in6 ? AF_INET6 : AF_INET, buf, a->bytes) == 1;
}

static bool parse_proto(struct v6_slice s, void *to)
{
	*(int *)to = v6_proto_parse(s);
	return *(int *)to >= 0;
}

static bool parse_errno(struct v6_slice s, void *to)
{
	*(int *)to = v6_errname_parse(s);
	return *(int *)to > 0;
}

static bool parse_family(struct v6_slice s, void *to)
{
	struct v6_families *f = to;
	int family = v6_word_value(V6_LIST_FAMILY, s);

	if (family < 0 || f->count == V6_FAMILIES_MAX)
		return false;
	f->inet6 |= (uint32_t)(family == V6_FAMILY_INET6) << f->count++;
	return true;
}

static bool families(struct reader *in, struct v6_families *f)
{
	*f = (struct v6_families){0, 0};
	if (!take(in, '['))
		return fail(in, "an array");
	if (take(in, ']'))
		return true;
	do
		if (!parsed(in, parse_family, f, "\"inet\" or \"inet6\", at most 32 of them"))
			return false;
	while (take(in, ','));
	return take(in, ']') || fail(in, "',' or ']'");
}

static bool word(struct reader *in, enum v6_list list, void *to)
{
	struct v6_slice s;
	const char *at;
	int value;

	next(in);
	at = in->at;
	if (!string(in, &s))
		return false;
	value = v6_word_value(list, s);
	if (value < 0)
		return fail_at(in, at, "a word of v6shim-log(5)");
	memcpy(to, &value, sizeof(value));
	return true;
}

static bool number(struct reader *in, enum v6_field_kind kind, void *to)
{
	static const struct {
		int64_t low, high;
		const char *expected;
	} ranges[] = {
		[V6_FIELD_VERSION] = {0, INT_MAX, "an integer"},
		[V6_FIELD_FD] = {0, INT_MAX, "an integer from 0 to 2147483647"},
		[V6_FIELD_COUNT] = {0, INT_MAX, "an integer from 0 to 2147483647"},
		[V6_FIELD_COUNT64] = {0, INT64_MAX, "an integer from 0 to 9223372036854775807"},
		[V6_FIELD_UID] = {0, UINT32_MAX, "an integer from 0 to 4294967295"},
		[V6_FIELD_RESULT] = {INT64_MIN, INT64_MAX, "an integer of 64 bits"},
		[V6_FIELD_BIT] = {0, 1, "0 or 1"},
		[V6_FIELD_PORT] = {0, UINT16_MAX, "an integer from 0 to 65535"},
		[V6_FIELD_ERRNO] = {1, INT_MAX, "an errno"},
	};
	int64_t n;
	int value;

	if (!integer(in, ranges[kind].low, ranges[kind].high, ranges[kind].expected, &n))
		return false;
	value = (int)n;
	if (kind == V6_FIELD_PORT)
		((struct v6_address *)to)->port = (uint16_t)n;
	else if (kind == V6_FIELD_COUNT64 || kind == V6_FIELD_UID || kind == V6_FIELD_RESULT)
		memcpy(to, &n, sizeof(n));
	else
		memcpy(to, &value, sizeof(value));
	return true;
}

static bool holder_member(struct reader *in, struct v6_slice key, void *to);

/* Puts the value that comes into the member that it is of. */
static bool put(struct reader *in, const struct v6_field *f, void *to)
{
	enum v6_field_kind kind = f->kind;
	struct v6_families serves;
	int version = 0;

	switch (kind) {
	case V6_FIELD_VERSION:
		in->version = number(in, kind, &version);
		in->foreign = version != V6_RECORD_VERSION;
		return in->version && !in->foreign;
	case V6_FIELD_TIME:
		return parsed(in, parse_time, to, "a time as RFC 3339 has it, in UTC");
	case V6_FIELD_STRING:
		return string(in, to);
	case V6_FIELD_WORD:
	case V6_FIELD_DECISION:
		return word(in, f->list, to);
	case V6_FIELD_AFAMILY: /* the address tells it */
		return word(in, f->list, &version);
	case V6_FIELD_PROTO:
		return parsed(in, parse_proto, to, "a protocol's name or number as a string");
	case V6_FIELD_ADDRESS:
		return parsed(in, parse_address, to, "an IPv4 or IPv6 address");
	case V6_FIELD_SERVES:
		if (!families(in, &serves))
			return false;
		for (unsigned i = 0; i < serves.count; i++)
			*(unsigned *)to |= serves.inet6 >> i & 1 ? V6_SERVES_INET6 : V6_SERVES_INET;
		return true;
	case V6_FIELD_FAMILIES:
		return families(in, to);
	case V6_FIELD_HOLDER:
		((struct v6_holder *)to)->known = true;
		return object(in, holder_member, to);
	case V6_FIELD_ERRNO:
		if (next(in) == '"')
			return parsed(in, parse_errno, to, "the name of an errno");
		return number(in, kind, to);
	case V6_FIELD_SETTINGS: {
		struct v6_slice *text = to;

		next(in);
		text->ptr = in->at;
		if (!object(in, skip, NULL))
			return false;
		text->len = (size_t)(in->at - text->ptr);
		return v6_slice_is_text(*text) || fail_at(in, text->ptr, "UTF-8");
	}
	case V6_FIELD_RESULT:
		in->record->has_result = true;
		/* fall through */
	default:
		return number(in, kind, to);
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

	if (!v6_slice_begins(line, "{"))
		v6_text_str(why, "not a record of v6shim");
	else if (in->version && in->foreign)
		v6_text_str(why, "a record of another version; this v6shim reads version 1");
	else if (!in->version)
		v6_text_str(why, "not a record of v6shim: it has no key \"v\"");
	if (why->len)
		return V6_READ_FOREIGN;
	v6_text_str(why, cut && column > line.len ? "cut short, column " : "column ");
	v6_text_uint(why, column);
	v6_text_str(why, ": expected ");
	v6_text_str(why, in->expected);
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
	struct reader in = {.at = line.ptr,
		.end = line.ptr + line.len,
		.scratch = scratch,
		.next = v6_record_fields,
		.record = r};
	const enum v6_event no_event = (enum v6_event)UINT8_MAX;

	v6_record_init(r, no_event);
	r->time = INT64_MIN;
	if (object(&in, record_member, r)) {
		if (next(&in) >= 0)
			fail(&in, "the end of the line");
		else if (in.version && (r->time == INT64_MIN || !r->pid || r->facts.event == no_event))
			fail(&in, "keys \"time\", \"pid\" and \"event\"");
		else if (in.version) {
			r->has_policy =
				r->facts.event != V6_EVENT_LOST && r->facts.event != V6_EVENT_ERROR;
			return V6_READ_RECORD;
		}
	}
	return explain(&in, line, cut, why);
}

/* {"policy":{"value":"both","origin":"option"}, ...}. */

static bool setting_member(struct reader *in, struct v6_slice key, void *to)
{
	struct v6_read_setting *s = to;

	if (next(in) == '"' && v6_slice_is(key, "value"))
		return string(in, &s->value);
	if (next(in) == '"' && v6_slice_is(key, "origin"))
		return string(in, &s->origin);
	return skip(in, key, NULL);
}

static bool settings_member(struct reader *in, struct v6_slice key, void *to)
{
	enum v6_setting id = v6_setting_by_name(key);

	if (id == V6_SETTING_COUNT || next(in) != '{')
		return skip(in, key, NULL);
	return object(in, setting_member, (struct v6_read_setting *)to + id);
}

bool v6_read_settings(
	struct v6_read_setting settings[V6_SETTING_COUNT], struct v6_slice text, char *scratch)
{
	struct reader in = {.at = text.ptr, .end = text.ptr + text.len, .scratch = scratch};

	memset(settings, 0, V6_SETTING_COUNT * sizeof(*settings));
	return text.len && object(&in, settings_member, settings);
}
