#include "report.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <time.h>

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
	const char *letter = s->at < s->end && *s->at ? strchr(letters, *s->at) : NULL;
	unsigned c = 0;

	if (letter) {
		s->at++;
		*s->scratch++ = bytes[letter - letters];
		return true;
	}
	if (s->end - s->at < 5 || *s->at++ != 'u')
		return fail(s);
	for (const char *end = s->at + 4; s->at < end; s->at++) {
		if (!isxdigit((unsigned char)*s->at))
			return fail(s);
		c = c << 4 | (((unsigned)*s->at & 15) + (*s->at > '9' ? 9 : 0));
	}
	if (c >= 0xd800 && c < 0xe000)
		c = 0xfffd;
	if (c >= 0x800)
		*s->scratch++ = (char)(0xe0 | c >> 12);
	if (c >= 0x80)
		*s->scratch++ = (char)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6);
	*s->scratch++ = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
	return true;
}

/* In place; decoded in the scratch where it is not plain. */
static bool string(struct scanner *s, struct v6_slice *text)
{
	size_t n;

	if (!skip(s, '"'))
		return fail(s);
	n = v6_plain_length(s->at, (size_t)(s->end - s->at));
	*text = (struct v6_slice){s->at, n};
	if (s->at + n < s->end && s->at[n] == '"') {
		s->at += n + 1;
		return true;
	}
	text->ptr = s->scratch;
	while (s->at < s->end && (unsigned char)*s->at >= 0x20 && *s->at != '"') {
		if (*s->at == '\\') {
			s->at++;
			if (!escape(s))
				return false;
			continue;
		}
		n = v6_utf8_length(s->at, (size_t)(s->end - s->at));
		if (!n)
			return fail(s);
		s->scratch = (char *)memcpy(s->scratch, s->at, n) + n;
		s->at += n;
	}
	text->len = (size_t)(s->scratch - text->ptr);
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
		s->bad = depth == 64; /* deeper than any record */
		for (bool first = true; next(s, c, first, &key); first = false)
			any(s, &key, depth + 1);
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

/* "2026-01-02T03:04:05.000006Z"; of the fraction any number of digits. */
static bool put_time(int64_t *time, struct v6_slice text)
{
	/* Of records that follow each other most have the same second. */
	static char last[] = "1970-01-01T00:00:00";
	static int64_t second;
	int64_t scale = 1000000;
	V6_TEXT(t, 40);
	struct tm tm = {.tm_sec = 0};
	const char *rest = t.buf + strlen(last);

	v6_text_slice(&t, text);
	if (!v6_slice_begins(text, last)) {
		if (strptime(t.buf, "%Y-%m-%dT%H:%M:%S", &tm) != rest)
			return false;
		memcpy(last, t.buf, strlen(last));
		second = (int64_t)timegm(&tm) * 1000000;
	}
	*time = second;
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

/* An array of families, as they are or as V6_SERVES_* bits. */
static bool put_families(struct scanner *s, bool as_bits, void *to)
{
	struct v6_families f = {.count = 0};
	struct v6_slice word;
	unsigned serves = 0;

	for (bool first = true; next(s, '[', first, NULL); first = false) {
		int family = string(s, &word) ? v6_word_value(V6_LIST_FAMILY, word) : -1;

		if (family < 0 || f.count == V6_FAMILIES_MAX)
			return false;
		f.inet6 |= (uint32_t)(family == V6_FAMILY_INET6) << f.count++;
		serves |= family == V6_FAMILY_INET6 ? V6_SERVES_INET6 : V6_SERVES_INET;
	}
	if (as_bits)
		*(unsigned *)to = serves;
	else
		*(struct v6_families *)to = f;
	return !s->bad;
}

/* Of kinds that have no integers the most is 0. */
static bool put_integer(enum v6_field_kind kind, struct v6_slice text, void *to)
{
	static const uint64_t limits[V6_FIELD_SETTINGS + 1] = {[V6_FIELD_BIT] = 1,
		[V6_FIELD_VERSION] = V6_RECORD_VERSION,
		[V6_FIELD_PORT] = UINT16_MAX,
		[V6_FIELD_FD] = INT_MAX,
		[V6_FIELD_COUNT] = INT_MAX,
		[V6_FIELD_ERRNO] = INT_MAX,
		[V6_FIELD_UID] = UINT32_MAX,
		[V6_FIELD_COUNT64] = V6_NO_RESULT - 1,
		[V6_FIELD_RESULT] = V6_NO_RESULT - 1};
	bool minus = kind == V6_FIELD_RESULT && v6_slice_begins(text, "-");
	uint64_t n, most = limits[kind];

	if (!most || !v6_slice_uint(v6_slice_from(text, minus), most, &n))
		return false;
	if (kind == V6_FIELD_PORT)
		((struct v6_address *)to)->port = (uint16_t)n;
	else if (most > INT_MAX)
		*(int64_t *)to = minus ? -(int64_t)n : (int64_t)n;
	else
		*(int *)to = (int)n;
	return true;
}

static bool put_members(struct scanner *s, const struct v6_field *fields, void *record);

/* Puts the value that was read from `at` on into the member; false where it is none of its. */
static bool put(
	const struct v6_field *f, struct scanner *s, const char *at, struct v6_slice text, void *to)
{
	enum v6_field_kind kind = f->kind;

	if (*at == '"') {
		switch (kind) {
		case V6_FIELD_STRING:
			*(struct v6_slice *)to = text;
			return true;
		case V6_FIELD_TIME:
			return put_time(to, text);
		case V6_FIELD_ADDRESS:
			return put_address(to, text);
		case V6_FIELD_WORD:
		case V6_FIELD_DECISION:
		case V6_FIELD_ERRNO:
			return (*(int *)to = v6_word_value(f->list, text)) >= 0;
		case V6_FIELD_AFAMILY: /* the address tells it */
			return v6_word_value(f->list, text) >= 0;
		case V6_FIELD_PROTO:
			return (*(int *)to = v6_proto_parse(text)) >= 0;
		default:
			return false;
		}
	}
	switch (kind) {
	case V6_FIELD_FAMILIES:
	case V6_FIELD_SERVES:
		s->at = at;
		return put_families(s, kind == V6_FIELD_SERVES, to);
	case V6_FIELD_HOLDER:
	case V6_FIELD_ENFORCE:
		s->at = at;
		*(bool *)to = true;
		return put_members(
			s, kind == V6_FIELD_HOLDER ? v6_holder_fields : v6_enforce_fields, to);
	case V6_FIELD_SETTINGS:
		*(struct v6_slice *)to = text;
		return *at == '{' && v6_slice_is_text(text);
	case V6_FIELD_VERSION:
		return put_integer(kind, text, &s->version) && s->version;
	default:
		return put_integer(kind, text, to);
	}
}

/* The field with the key, or the end. Of most keys the first letter is another: no call is made for those. */
static const struct v6_field *find(const struct v6_field *f, struct v6_slice key)
{
	while (*f->key && (*f->key != *key.ptr || !v6_slice_is(key, f->key)))
		f++;
	return f;
}

static bool put_members(struct scanner *s, const struct v6_field *fields, void *record)
{
	const struct v6_field *f, *after = fields;
	struct v6_slice text;

	for (bool first = true; next(s, '{', first, &text); first = false) {
		const char *at;

		/* Nearly always the one after the last, or few further. */
		f = find(after, text);
		f = *f->key ? f : find(fields, text);
		peek(s);
		at = s->at;
		if (!any(s, &text, 0))
			return false;
		if (!*f->key)
			continue;
		if (!put(f, s, at, text, (char *)record + f->at)) {
			s->at = at;
			s->key = f->key;
			return fail(s);
		}
		after = f + 1;
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
	if (s.bad && v6_slice_begins(line, "{"))
		v6_text_print(why, "column %u: %s%s", (unsigned)(s.at - line.ptr) + 1,
			s.key ? "not a value of " : "not JSON", s.key ? s.key : "");
	else
		v6_text_str(why, "not a record of v6shim");
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
