#include "problem.h"

/* From 1; 0 where none is known. */
static unsigned column_of(const struct v6_problem *p)
{
	return p->start && p->text.ptr ? (unsigned)(p->text.ptr - p->start) + 1 : 0;
}

/* A setting as it is spelled where the text came from. */
static void spell(struct v6_text *t, enum v6_origin origin, enum v6_setting id)
{
	if (origin == V6_ORIGIN_ENVIRONMENT)
		v6_setting_env_name(t, id);
	else
		v6_text_print(
			t, "%s%s", origin == V6_ORIGIN_OPTION ? "--" : "", v6_setting_name(id));
}

/* The text with what is beyond 80 bytes cut off. */
static void shortened(struct v6_text *t, struct v6_slice text)
{
	enum { SHOWN = 80 };

	v6_text_safe(t, text.ptr, text.len > SHOWN ? SHOWN : text.len);
	v6_text_str(t, text.len > SHOWN ? "..." : "");
}

static void reason(struct v6_text *t, const struct v6_problem *p)
{
	const struct v6_reason *r = &p->reason;

	for (const char *c = r->words; *c; c++) {
		if (*c != '%' || *++c == '%') {
			v6_text_char(t, *c);
		} else if (*c == 'q') {
			v6_text_char(t, '\'');
			shortened(t, p->text);
			v6_text_char(t, '\'');
		} else if (*c == 'n') {
			v6_text_uint(t, r->number);
		} else if (!p->rule && !p->line) {
			v6_text_print(t, " at column %u", column_of(p));
		}
	}
	if (r->near) {
		v6_text_print(t, "; did you mean '%s'", r->near);
	} else if (r->otherwise) {
		v6_text_str(t, r->otherwise);
	} else if (r->valid != V6_LIST_NONE) {
		v6_text_str(t, "; valid: ");
		v6_words_text(t, r->valid);
	}
}

static void unknown_setting(struct v6_text *t, const struct v6_problem *p)
{
	const char *prefix = p->origin == V6_ORIGIN_ENVIRONMENT ? "V6SHIM_" : "--";
	bool prefixed = p->origin > V6_ORIGIN_FILE && v6_slice_begins(p->text, prefix);
	const char *near = v6_nearest_setting(
		v6_slice_from(p->text, prefixed ? strlen(prefix) : 0), V6_SETTING_COUNT);

	shortened(t, p->text);
	v6_text_str(t, near ? ": unknown setting; did you mean '" : ": unknown setting; valid: ");
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		if (near && strcmp(near, v6_setting_name(id)) != 0)
			continue;
		v6_text_str(t, id && !near ? ", " : "");
		spell(t, p->origin, id);
	}
	v6_text_str(t, near ? "'" : "");
}

void v6_problem_text(struct v6_text *t, const struct v6_problem *p)
{
	enum { SHOWN = 200 }; /* the end of a path is what tells it from others */
	unsigned column = column_of(p);
	size_t cut = p->file.len > SHOWN ? p->file.len - SHOWN : 0;
	bool in_place = p->file.len || p->rule;

	if (p->file.len) {
		if (!p->line) {
			spell(t, p->origin, V6_SETTING_CONFIG);
			v6_text_str(t, ": ");
		}
		v6_text_print(
			t, "%s%.*s", cut ? "..." : "", (int)(p->file.len - cut), p->file.ptr + cut);
		if (p->line)
			v6_text_print(t, ":%u:%u", p->line, column);
		v6_text_str(t, ": ");
	} else if (p->rule) {
		spell(t, p->origin, V6_SETTING_RULES);
		v6_text_print(t, ": rule %u, column %u: ", p->rule, column);
	}
	if (!p->reason.words) {
		unknown_setting(t, p);
		return;
	}
	/* Not `rules` again, where one rule is the matter. */
	if (p->setting != V6_SETTING_COUNT && !(in_place && p->setting == V6_SETTING_RULES)) {
		spell(t, in_place ? V6_ORIGIN_FILE : p->origin, p->setting);
		v6_text_str(t, ": ");
	}
	reason(t, p);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '_' ? '-' : c;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

void v6_nearest_offer(struct v6_nearest *n, const char *word)
{
	/* A word whose beginning was written is no farther than BEGUN, however much of it is left. */
	enum { LONGEST = 48, BEGUN = 2 };
	struct v6_slice a = n->written, b = v6_slice_of(word);
	unsigned rows[3][LONGEST + 1] = {{0}}, *now = rows[0], d;

	if (a.len > LONGEST || b.len > LONGEST)
		return;
	/* Another number is no slip: 'ipv4-only' is not meant for 'ipv6-only'. */
	for (size_t i = 0; i < a.len; i++)
		if (a.ptr[i] >= '0' && a.ptr[i] <= '9' && !memchr(b.ptr, a.ptr[i], b.len))
			return;
	/* Letters added, left out, changed, or two neighbours swapped (optimal string alignment). */
	for (size_t i = 0; i <= a.len; i++) {
		const unsigned *before = rows[(i + 1) % 3], *last = rows[(i + 2) % 3];

		now = rows[i % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			bool same = i && lower(a.ptr[i - 1]) == lower(b.ptr[j - 1]);

			now[j] = i ? least(least(last[j], now[j - 1]) + 1, last[j - 1] + !same)
				   : (unsigned)j;
			if (i > 1 && j > 1 && lower(a.ptr[i - 1]) == lower(b.ptr[j - 2]) &&
				lower(a.ptr[i - 2]) == lower(b.ptr[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	d = now[b.len];
	if (a.len >= 2 && a.len <= b.len && !now[a.len])
		d = least(d, BEGUN);
	else if (d > (b.len + 2) / 3)
		return;
	if (!n->word || d < n->distance) {
		n->distance = d;
		n->word = word;
	}
}

/* What people write who know the matter by another name. */
static const struct {
	char written[12], meant[16];
} synonyms[] = {{"dual", "both"}, {"dualstack", "both"}, {"dual-stack", "both"},
	{"v6only", "ipv6-only"}, {"ipv6only", "ipv6-only"}, {"journald", "syslog"},
	{"journal", "syslog"}, {"dry-run", "log"}, {"dryrun", "log"}, {"none", "off"}};

const char *v6_nearest_of(enum v6_list list, struct v6_slice written)
{
	struct v6_nearest near = {.written = written};

	for (unsigned i = 0; i < sizeof(synonyms) / sizeof(*synonyms); i++)
		if (v6_slice_is(written, synonyms[i].written) &&
			v6_word_value(list, v6_slice_of(synonyms[i].meant)) >= 0)
			return synonyms[i].meant;
	for (const struct v6_word *w = v6_words(list); w->list == list; w++)
		v6_nearest_offer(&near, w->word);
	return near.word;
}

const char *v6_nearest_setting(struct v6_slice written, unsigned count)
{
	struct v6_nearest near = {.written = written};

	for (unsigned id = 0; id < count; id++)
		v6_nearest_offer(&near, v6_setting_name(id));
	return near.word;
}
