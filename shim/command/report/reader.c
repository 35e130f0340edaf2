#include "reader.h"

#include <arpa/inet.h>
#include <limits.h>
#include <time.h>

/* How deep a value may be. */
enum { DEPTH = 64 };

/* JSON, one value after another. */
struct scanner {
	const char *at, *end;
	char *scratch;   /* for strings with escapes */
	bool bad;        /* and `at` is where */
	const char *key; /* whose value is none; NULL: it is no JSON */
	int version;     /* that the record has; 0: none, or not this reader's */
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
		size_t left = (size_t)(s->end - s->at), n = v6_plain_length(s->at, left);

		if (!n)
			n = v6_utf8_length(s->at, left);
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

/*
 * Goes to the value of the next member of an object, or of an array, which has no keys; `first`: the
 * bracket comes before it. false at the end, which was passed, and where the scanner is bad.
 */
static bool next(struct scanner *s, char begin, bool first, struct v6_slice *key)
{
	char end = begin == '{' ? '}' : ']';

	if (s->bad)
		return false;
	if (!skip(s, first ? begin : ','))
		return (first || !skip(s, end)) && fail(s);
	if (first && skip(s, end))
		return false;
	return begin == '[' || (string(s, key) && skip(s, ':')) || fail(s);
}

/* Any value: a string without its quotes, decoded; all else as it stands there. */
static bool any(struct scanner *s, struct v6_slice *text, unsigned depth)
{
	static const char *const words[] = {"true", "false", "null"};
	char c = peek(s), *scratch = s->scratch;
	struct v6_slice key, rest = {s->at, (size_t)(s->end - s->at)};

	if (c == '"')
		return string(s, text);
	if (c == '{' || c == '[') {
		s->bad = depth == DEPTH;
		for (bool first = true; next(s, c, first, &key); first = false) {
			any(s, &key, depth + 1);
			s->scratch = scratch;
		}
		s->scratch = scratch;
	} else if (c == '-' || (c >= '0' && c <= '9')) {
		do
			s->at++;
		while (s->at < s->end && *s->at && strchr("+-.0123456789Ee", *s->at));
		s->bad = c == '-' && s->at == rest.ptr + 1;
	} else {
		for (unsigned i = 0; i < 3 && s->at == rest.ptr; i++)
			s->at += v6_slice_begins(rest, words[i]) ? strlen(words[i]) : 0;
		s->bad = s->at == rest.ptr;
	}
	*text = (struct v6_slice){rest.ptr, (size_t)(s->at - rest.ptr)};
	return !s->bad;
}

/* Values of a record's keys. */

/* "2026-01-02T03:04:05.000006Z"; of the fraction any number of digits. */
static bool put_time(int64_t *time, struct v6_slice text)
{
	int64_t scale = 1000000;
	V6_TEXT(t, 40);
	struct tm tm = {.tm_sec = 0};
	const char *rest;

	v6_text_slice(&t, text);
	rest = strptime(t.buf, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return false;
	*time = (int64_t)timegm(&tm) * 1000000;
	for (rest += *rest == '.'; *rest >= '0' && *rest <= '9'; rest++)
		*time += (scale /= 10) * (*rest - '0');
	return !strcmp(rest, "Z");
}

static bool put_address(struct v6_address *a, struct v6_slice text)
{
	V6_TEXT(t, 64);
	bool in6 = text.len && memchr(text.ptr, ':', text.len);
	uint64_t scope = 0;

	v6_text_slice(&t, v6_slice_cut(&text, '%'));
	if (t.full || (text.len && (!in6 || !v6_slice_uint(text, UINT32_MAX, &scope))))
		return false;
	memset(a->bytes, 0, sizeof(a->bytes));
	a->family = in6 ? V6_FAMILY_INET6 : V6_FAMILY_INET;
	a->scope = (uint32_t)scope;
	return inet_pton(in6 ? AF_INET6 : AF_INET, t.buf, a->bytes) == 1;
}

static bool put_families(struct v6_families *f, struct scanner *s)
{
	struct v6_slice word;

	*f = (struct v6_families){.count = 0};
	for (bool first = true; next(s, '[', first, NULL); first = false) {
		int family = peek(s) == '"' && string(s, &word)
				     ? v6_word_value(V6_LIST_FAMILY, word)
				     : -1;

		if (family < 0 || f->count == V6_FAMILIES_MAX)
			return false;
		f->inet6 |= (uint32_t)(family == V6_FAMILY_INET6) << f->count++;
	}
	return !s->bad;
}

static bool put_integer(enum v6_field_kind kind, struct v6_slice text, void *to)
{
	bool minus = kind == V6_FIELD_RESULT && v6_slice_begins(text, "-");
	uint64_t n, most = kind == V6_FIELD_BIT                                  ? 1
			   : kind == V6_FIELD_VERSION                            ? V6_RECORD_VERSION
			   : kind == V6_FIELD_PORT                               ? UINT16_MAX
			   : kind == V6_FIELD_UID                                ? UINT32_MAX
			   : kind == V6_FIELD_COUNT64 || kind == V6_FIELD_RESULT ? V6_NO_RESULT - 1
										 : INT_MAX;

	if (!v6_slice_uint(v6_slice_from(text, minus), most, &n))
		return false;
	if (kind == V6_FIELD_PORT)
		((struct v6_address *)to)->port = (uint16_t)n;
	else if (most > INT_MAX)
		*(int64_t *)to = minus ? -(int64_t)n : (int64_t)n;
	else
		*(int *)to = (int)n;
	return true;
}

static bool put_word(const struct v6_field *f, struct v6_slice text, void *to)
{
	int value = f->kind == V6_FIELD_PROTO ? v6_proto_parse(text) : v6_word_value(f->list, text);

	if (f->kind != V6_FIELD_AFAMILY) /* the address tells it */
		memcpy(to, &value, sizeof(value));
	return value >= 0;
}

static bool put_members(struct scanner *s, const struct v6_field *fields, void *record);

/* Puts the value into the member that it is of; false where it is none. */
static bool put(const struct v6_field *f, struct scanner *s, void *to)
{
	bool is_string = peek(s) == '"', is_object = peek(s) == '{';
	struct v6_families serves;
	struct v6_slice text;

	switch ((enum v6_field_kind)f->kind) {
	case V6_FIELD_FAMILIES:
		return put_families(to, s);
	case V6_FIELD_SERVES:
		if (!put_families(&serves, s))
			return false;
		*(unsigned *)to =
			(serves.inet6 ? V6_SERVES_INET6 : 0) |
			(serves.inet6 + UINT64_C(1) < UINT64_C(1) << serves.count ? V6_SERVES_INET
										  : 0);
		return true;
	case V6_FIELD_HOLDER:
	case V6_FIELD_ENFORCE:
		*(bool *)to = true;
		return put_members(
			s, f->kind == V6_FIELD_HOLDER ? v6_holder_fields : v6_enforce_fields, to);
	default:
		if (!any(s, &text, 0))
			return false;
	}
	switch ((enum v6_field_kind)f->kind) {
	case V6_FIELD_VERSION:
		return !is_string && put_integer(f->kind, text, &s->version) && s->version;
	case V6_FIELD_SETTINGS:
	case V6_FIELD_STRING:
		*(struct v6_slice *)to = text;
		return f->kind == V6_FIELD_STRING ? is_string : is_object && v6_slice_is_text(text);
	case V6_FIELD_TIME:
		return is_string && put_time(to, text);
	case V6_FIELD_ADDRESS:
		return is_string && put_address(to, text);
	case V6_FIELD_WORD:
	case V6_FIELD_DECISION:
	case V6_FIELD_AFAMILY:
	case V6_FIELD_PROTO:
		return is_string && put_word(f, text, to);
	default:
		return is_string ? f->kind == V6_FIELD_ERRNO && put_word(f, text, to)
				 : put_integer(f->kind, text, to);
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
	const struct v6_field *f, *after = fields;
	struct v6_slice key;

	for (bool first = true; next(s, '{', first, &key); first = false) {
		struct scanner before = *s;

		/* Nearly always the one after the last, or few further. */
		f = field_of(after, key);
		f = *f->key ? f : field_of(fields, key);
		if (!*f->key) {
			any(s, &key, 0);
			s->scratch = before.scratch;
			continue;
		}
		after = f + 1;
		if (put(f, s, (char *)record + f->at))
			continue;
		*s = before;
		if (any(s, &key, 0)) {
			peek(&before);
			s->at = before.at;
			s->key = f->key;
		}
		return fail(s);
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
	struct v6_slice key, value;

	memset(settings, 0, V6_SETTING_COUNT * sizeof(*settings));
	if (!text.len || text.len > sizeof(scratch))
		return false;
	s.end = text.ptr + text.len;
	for (bool first = true; next(&s, '{', first, &key); first = false) {
		enum v6_setting id = v6_setting_by_name(key);

		if (id == V6_SETTING_COUNT || peek(&s) != '{') {
			any(&s, &value, 0);
			continue;
		}
		for (bool begin = true; next(&s, '{', begin, &key) && any(&s, &value, 0);
			begin = false)
			if (v6_slice_is(key, "value"))
				settings[id].value = value;
			else if (v6_slice_is(key, "origin"))
				settings[id].origin = value;
	}
	return !s.bad;
}
