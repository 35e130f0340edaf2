#include "reader.h"

#include <arpa/inet.h>
#include <limits.h>
#include <time.h>

#include "../../core/errname.h"

/* How deep a value may be. */
enum { DEPTH = 64 };

/* JSON, one value after another. */
struct scanner {
	const char *at, *end;
	char *scratch; /* for strings with escapes */
	unsigned depth;
	bool bad;        /* and `at` is where */
	const char *key; /* whose value is none; NULL: it is no JSON */
	bool version;    /* the record has one, and it is this reader's */
};

struct value {
	char kind;            /* '"' '{' '[', '0' for an integer, 'a' for anything else */
	struct v6_slice text; /* of a string: without quotes, decoded */
	int64_t number;
	const char *at;
};

static bool fail(struct scanner *s)
{
	s->bad = true;
	return false;
}

/* The next character that is no blank, 0 at the end. */
static char peek(struct scanner *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
		s->at++;
	return s->at < s->end ? *s->at : '\0';
}

static bool skip(struct scanner *s, char c)
{
	bool there = peek(s) == c;

	s->at += there;
	return there;
}

/* After a backslash. Half of a surrogate pair becomes U+FFFD: the writer has none. */
static bool escape(struct scanner *s)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *letter = s->at < s->end && *s->at ? strchr(letters, *s->at) : NULL;
	unsigned c = 0, more;

	if (letter) {
		s->at++;
		*s->scratch++ = bytes[letter - letters];
		return true;
	}
	if (s->end - s->at < 5 || *s->at++ != 'u')
		return fail(s);
	for (const char *end = s->at + 4; s->at < end; s->at++) {
		const char *digit = memchr(digits, *s->at, sizeof(digits) - 1);

		if (!digit)
			return fail(s);
		c = c << 4 | (unsigned)(digit - digits - (digit < digits + 16 ? 0 : 6));
	}
	if (c >= 0xd800 && c < 0xe000)
		c = 0xfffd;
	more = c < 0x80 ? 0 : c < 0x800 ? 1 : 2;
	*s->scratch++ = (char)(more ? (0xff00U >> (more + 1) & 0xff) | c >> 6 * more : c);
	while (more--)
		*s->scratch++ = (char)(0x80 | (c >> 6 * more & 0x3f));
	return true;
}

/* In place, or decoded in the scratch. */
static bool string(struct scanner *s, struct v6_slice *text)
{
	char *decoded = s->scratch;
	const char *from;
	bool escaped = false;

	if (!skip(s, '"'))
		return fail(s);
	for (from = s->at; s->at < s->end && (unsigned char)*s->at >= 0x20 && *s->at != '"';) {
		size_t n = *s->at & 0x80 ? v6_utf8_length(s->at, (size_t)(s->end - s->at)) : 1;

		if (!n)
			return fail(s);
		if (*s->at == '\\' && !escaped) {
			memcpy(decoded, from, (size_t)(s->at - from));
			s->scratch += s->at - from;
			escaped = true;
		}
		if (*s->at == '\\') {
			s->at++;
			if (!escape(s))
				return false;
			continue;
		}
		if (escaped)
			s->scratch = (char *)memcpy(s->scratch, s->at, n) + n;
		s->at += n;
	}
	*text = (struct v6_slice){from, (size_t)(s->at - from)};
	if (escaped)
		*text = (struct v6_slice){decoded, (size_t)(s->scratch - decoded)};
	return (s->at < s->end && *s->at == '"' && s->at++) || fail(s);
}

static void number(struct scanner *s, struct value *v)
{
	bool minus = *s->at == '-';
	const char *digits = s->at += minus;
	int64_t n = 0;

	v->kind = '0';
	for (; s->at < s->end && *s->at && strchr("+-.0123456789Ee", *s->at); s->at++) {
		if (*s->at < '0' || *s->at > '9' || n > (INT64_MAX - 9) / 10)
			v->kind = 'a';
		else
			n = n * 10 + (*s->at - '0');
	}
	v->number = minus ? -n : n;
	s->bad |= s->at == digits;
}

static bool next_member(
	struct scanner *s, char begin, bool first, struct v6_slice *key, struct value *v);

/* Any value. What is in an object or array is judged, and left to be scanned again. */
static bool any(struct scanner *s, struct value *v)
{
	static const char *const words[] = {"true", "false", "null"};
	char c = peek(s), *scratch = s->scratch;
	struct v6_slice key, rest = {s->at, (size_t)(s->end - s->at)};
	struct value member;

	*v = (struct value){.kind = c, .at = s->at};
	if (c == '"')
		return string(s, &v->text);
	if (c == '{' || c == '[') {
		if (++s->depth > DEPTH)
			return fail(s);
		for (bool first = true; next_member(s, c, first, &key, &member); first = false)
			s->scratch = scratch;
		s->scratch = scratch;
		s->depth--;
	} else if (c == '-' || (c >= '0' && c <= '9')) {
		number(s, v);
	} else {
		v->kind = 'a';
		for (unsigned i = 0; i < 3 && s->at == rest.ptr; i++)
			s->at += v6_slice_begins(rest, words[i]) ? strlen(words[i]) : 0;
		if (s->at == rest.ptr)
			return fail(s);
	}
	v->text = (struct v6_slice){rest.ptr, (size_t)(s->at - rest.ptr)};
	return !s->bad;
}

/*
 * The next member of an object, or of an array, which has no keys; `first`: the bracket comes before
 * it. false at the end, which was passed, and where the scanner is bad.
 */
static bool next_member(
	struct scanner *s, char begin, bool first, struct v6_slice *key, struct value *v)
{
	char end = begin == '{' ? '}' : ']';

	if (!skip(s, first ? begin : ','))
		return (first || !skip(s, end)) && fail(s);
	if (first && skip(s, end))
		return false;
	if (begin == '{' && (!string(s, key) || !skip(s, ':')))
		return fail(s);
	return any(s, v);
}

/* Values of a record's keys. */

/* "2026-01-02T03:04:05.000006Z"; of the fraction any number of digits. */
static bool put_time(int64_t *time, struct v6_slice text)
{
	int64_t scale = 1000000;
	char buf[40];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	struct tm tm = {.tm_sec = 0};
	const char *rest;

	v6_text_slice(&t, text);
	rest = strptime(buf, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return false;
	*time = (int64_t)timegm(&tm) * 1000000;
	for (rest += *rest == '.'; *rest >= '0' && *rest <= '9'; rest++)
		*time += (scale /= 10) * (*rest - '0');
	return !strcmp(rest, "Z");
}

static bool put_address(struct v6_address *a, struct v6_slice text)
{
	char buf[64];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	bool in6 = text.len && memchr(text.ptr, ':', text.len);
	uint64_t scope = 0;

	v6_text_slice(&t, v6_slice_cut(&text, '%'));
	if (t.full || (text.len && (!in6 || !v6_slice_uint(text, UINT32_MAX, &scope))))
		return false;
	memset(a->bytes, 0, sizeof(a->bytes));
	a->family = in6 ? V6_FAMILY_INET6 : V6_FAMILY_INET;
	a->scope = (uint32_t)scope;
	return inet_pton(in6 ? AF_INET6 : AF_INET, buf, a->bytes) == 1;
}

static bool put_families(struct v6_families *f, struct scanner *s)
{
	struct value v;

	*f = (struct v6_families){.count = 0};
	for (bool first = true; next_member(s, '[', first, NULL, &v); first = false) {
		int family = v.kind == '"' ? v6_word_value(V6_LIST_FAMILY, v.text) : -1;

		if (family < 0 || f->count == V6_FAMILIES_MAX)
			return fail(s);
		f->inet6 |= (uint32_t)(family == V6_FAMILY_INET6) << f->count++;
	}
	return !s->bad;
}

static bool put_integer(const struct v6_field *f, const struct value *v, void *to)
{
	bool wide = f->kind == V6_FIELD_COUNT64 || f->kind == V6_FIELD_RESULT ||
		    f->kind == V6_FIELD_UID;
	int64_t low = f->kind == V6_FIELD_RESULT ? -INT64_MAX : 0;
	int64_t high = f->kind == V6_FIELD_BIT      ? 1
		       : f->kind == V6_FIELD_RESULT ? V6_NO_RESULT - 1
		       : f->kind == V6_FIELD_PORT   ? UINT16_MAX
		       : f->kind == V6_FIELD_UID    ? UINT32_MAX
		       : wide                       ? INT64_MAX
						    : INT_MAX;
	int narrow = (int)v->number;

	if (v->kind != '0' || v->number < low || v->number > high)
		return false;
	if (f->kind == V6_FIELD_PORT)
		((struct v6_address *)to)->port = (uint16_t)v->number;
	else
		memcpy(to, wide ? (const void *)&v->number : (const void *)&narrow,
			wide ? sizeof(v->number) : sizeof(narrow));
	return true;
}

static bool put_word(const struct v6_field *f, struct v6_slice text, void *to)
{
	int value = f->kind == V6_FIELD_PROTO   ? v6_proto_parse(text)
		    : f->kind == V6_FIELD_ERRNO ? v6_errname_parse(text)
						: v6_word_value(f->list, text);

	if (f->kind != V6_FIELD_AFAMILY) /* the address tells it */
		memcpy(to, &value, sizeof(value));
	return value >= (f->kind == V6_FIELD_ERRNO);
}

static bool put_members(struct scanner *s, const struct v6_field *fields, void *record);

/* Puts the value into the member of `record` that it is of; false where it is none. */
static bool put(const struct v6_field *f, const struct value *v, struct scanner *s, void *record)
{
	void *to = (char *)record + f->at;
	struct v6_families serves;
	struct scanner inner = {.at = v->at, .end = s->at, .scratch = s->scratch};
	bool ok, is_string = v->kind == '"';

	switch ((enum v6_field_kind)f->kind) {
	case V6_FIELD_VERSION:
		s->version = v->kind == '0' && v->number == V6_RECORD_VERSION;
		return s->version;
	case V6_FIELD_STRING:
		*(struct v6_slice *)to = v->text;
		return is_string;
	case V6_FIELD_TIME:
		return is_string && put_time(to, v->text);
	case V6_FIELD_ADDRESS:
		return is_string && put_address(to, v->text);
	case V6_FIELD_WORD:
	case V6_FIELD_DECISION:
	case V6_FIELD_AFAMILY:
	case V6_FIELD_PROTO:
		return is_string && put_word(f, v->text, to);
	case V6_FIELD_ERRNO:
		return is_string ? put_word(f, v->text, to) : put_integer(f, v, to);
	case V6_FIELD_SERVES:
		ok = put_families(&serves, &inner);
		*(unsigned *)to = 0;
		for (unsigned i = 0; i < serves.count; i++)
			*(unsigned *)to |= serves.inet6 >> i & 1 ? V6_SERVES_INET6 : V6_SERVES_INET;
		return ok;
	case V6_FIELD_FAMILIES:
		return put_families(to, &inner);
	case V6_FIELD_HOLDER:
	case V6_FIELD_ENFORCE:
		*(bool *)to = true;
		ok = put_members(&inner,
			f->kind == V6_FIELD_HOLDER ? v6_holder_fields : v6_enforce_fields, to);
		s->scratch = inner.scratch;
		return ok;
	case V6_FIELD_SETTINGS:
		*(struct v6_slice *)to = v->text;
		return v->kind == '{' && v6_slice_is_text(v->text);
	default:
		return put_integer(f, v, to);
	}
}

static const struct v6_field *field_of(const struct v6_field *f, struct v6_slice key)
{
	while (*f->key && !v6_slice_is(key, f->key))
		f++;
	return f;
}

static bool put_members(struct scanner *s, const struct v6_field *fields, void *record)
{
	const struct v6_field *f = fields, *next = fields;
	struct v6_slice key;
	struct value v;

	for (bool first = true; next_member(s, '{', first, &key, &v); first = false) {
		/* Nearly always the one after the last, or few further. */
		f = field_of(next, key);
		f = *f->key ? f : field_of(fields, key);
		if (!*f->key)
			continue;
		next = f + 1;
		if (!put(f, &v, s, record)) {
			s->key = f->key;
			s->at = v.at;
			return fail(s);
		}
	}
	return !s->bad;
}

bool v6_read_record(struct v6_record *r, struct v6_slice line, char *scratch, struct v6_text *why)
{
	static const enum v6_event no_event = (enum v6_event)UINT8_MAX;
	struct scanner s = {.at = line.ptr, .end = line.ptr + line.len, .scratch = scratch};

	v6_record_init(r, no_event);
	r->time = INT64_MIN;
	if (put_members(&s, v6_record_fields, r) && !peek(&s) && s.version &&
		r->time != INT64_MIN && r->pid && r->facts.event != no_event) {
		r->has_policy = r->facts.event != V6_EVENT_LOST && r->facts.event != V6_EVENT_ERROR;
		if (!r->has_policy) { /* keys that do not apply */
			r->policy = V6_POLICY_APP;
			r->mode = V6_MODE_ENFORCE;
			r->verdict = (struct v6_verdict){.v6only = V6_UNKNOWN};
			r->enforce.known = false;
		}
		return true;
	}
	if (s.bad && v6_slice_begins(line, "{")) {
		v6_text_str(why, "column ");
		v6_text_uint(why, (uint64_t)(s.at - line.ptr) + 1);
		v6_text_str(why, s.key ? ": not a value of " : ": not JSON");
		v6_text_str(why, s.key ? s.key : "");
	} else {
		v6_text_str(why, "not a record of v6shim");
	}
	return false;
}

/* {"policy":{"value":"both","origin":"option"}, ...}; a value may be a number. */
bool v6_read_settings(struct v6_read_setting settings[V6_SETTING_COUNT], struct v6_slice text)
{
	static char scratch[V6_LINE_MAX];
	struct scanner s = {.at = text.ptr, .scratch = scratch};
	struct v6_slice key;
	struct value v;

	memset(settings, 0, V6_SETTING_COUNT * sizeof(*settings));
	if (!text.len || text.len > sizeof(scratch))
		return false;
	s.end = text.ptr + text.len;
	for (bool first = true; next_member(&s, '{', first, &key, &v); first = false) {
		enum v6_setting id = v6_setting_by_name(key);
		struct scanner in = {.at = v.at, .end = s.at, .scratch = s.scratch};

		if (id == V6_SETTING_COUNT || v.kind != '{')
			continue;
		for (bool begin = true; next_member(&in, '{', begin, &key, &v); begin = false)
			if (v6_slice_is(key, "value"))
				settings[id].value = v.text;
			else if (v6_slice_is(key, "origin"))
				settings[id].origin = v.text;
		s.scratch = in.scratch;
	}
	return !s.bad;
}
