#include "report_settings.h"

#include <string.h>

static const char ending[] = "all else default";

/* The setting that the text begins with, "NAME=", or V6_SETTING_COUNT. */
static enum v6_setting named(struct v6_slice text)
{
	const char *equals = text.len ? memchr(text.ptr, '=', text.len) : NULL;

	if (!equals)
		return V6_SETTING_COUNT;
	return v6_setting_by_name((struct v6_slice){text.ptr, (size_t)(equals - text.ptr)});
}

/* "1 rule, ", "12 rules, ": the bytes that it takes, 0 where it is none. */
static size_t rules_at(struct v6_slice text, unsigned *rules)
{
	size_t n = 0;

	*rules = 0;
	for (; n < text.len && n < 9 && text.ptr[n] >= '0' && text.ptr[n] <= '9'; n++)
		*rules = 10 * *rules + (unsigned)(text.ptr[n] - '0');
	if (n && v6_slice_begins(v6_slice_from(text, n), " rule, "))
		return n + 7;
	return n && v6_slice_begins(v6_slice_from(text, n), " rules, ") ? n + 8 : 0;
}

/* Settings are named in their order: what may follow is a later one, or the rules and the end. */
static bool follows(struct v6_slice text, enum v6_setting id)
{
	enum v6_setting next = named(text);
	unsigned rules;

	text = v6_slice_from(text, rules_at(text, &rules));
	return v6_slice_begins(text, ending) || (next > id && next != V6_SETTING_COUNT);
}

/* The length of " (ORIGIN), " at the start, where what follows may follow it; 0 otherwise. */
static size_t origin_at(struct v6_slice text, enum v6_setting id, struct v6_slice *origin)
{
	for (unsigned o = V6_ORIGIN_PROFILE; o <= V6_ORIGIN_COMMAND_LINE; o++) {
		const char *name = v6_origin_name(o);
		size_t len = strlen(name), size = len + 5;

		if (!v6_slice_begins(text, " (") ||
			!v6_slice_begins(v6_slice_from(text, 2), name) ||
			!v6_slice_begins(v6_slice_from(text, 2 + len), "), ") ||
			!follows(v6_slice_from(text, size), id))
			continue;
		*origin = (struct v6_slice){text.ptr + 2, len};
		return size;
	}
	return 0;
}

/*
 * "NAME=VALUE (ORIGIN), ": the bytes that it takes, 0 where it is cut or none. A
 * value may hold anything, rules and paths above all: it ends where an origin
 * stands and another setting follows.
 */
static size_t read_one(struct v6_slice text, struct v6_note_settings *s)
{
	enum v6_setting id = named(text);
	size_t start;

	if (id == V6_SETTING_COUNT)
		return 0;
	start = strlen(v6_setting_name(id)) + 1;
	for (size_t i = start; i < text.len; i++) {
		struct v6_slice origin;
		size_t size =
			text.ptr[i] == ' ' ? origin_at(v6_slice_from(text, i), id, &origin) : 0;

		if (!size)
			continue;
		s->setting[id].value = (struct v6_slice){text.ptr + start, i - start};
		s->setting[id].origin = origin;
		return i + size;
	}
	return 0;
}

bool v6_note_settings_read(struct v6_note_settings *s, struct v6_slice note)
{
	static const char prefix[] = "v6shim ";
	const char *comma;
	size_t n;

	memset(s, 0, sizeof(*s));
	if (!v6_slice_begins(note, prefix))
		return false;
	note = v6_slice_from(note, sizeof(prefix) - 1);
	comma = memchr(note.ptr, ',', note.len);
	if (!comma)
		return false;
	s->version = (struct v6_slice){note.ptr, (size_t)(comma - note.ptr)};
	note = v6_slice_from(note, s->version.len + 1);
	if (v6_slice_begins(note, " "))
		note = v6_slice_from(note, 1);
	while (!v6_slice_begins(note, ending) && (n = read_one(note, s)))
		note = v6_slice_from(note, n);
	note = v6_slice_from(note, rules_at(note, &s->rules));
	s->whole = v6_slice_begins(note, ending);
	return true;
}

int v6_note_level(const struct v6_note_settings *s)
{
	struct v6_slice value = s->setting[V6_SETTING_LOG_LEVEL].value;
	const char *word;

	if (!value.ptr)
		return s->whole ? V6_LEVEL_CHANGE : -1;
	for (unsigned level = V6_LEVEL_ERROR; level <= V6_LEVEL_ALL; level++) {
		word = v6_setting_word_of(V6_SETTING_LOG_LEVEL, level);
		if (word && v6_slice_is(value, word))
			return (int)level;
	}
	return -1;
}

static bool decides(enum v6_setting id)
{
	return id != V6_SETTING_LOG && id != V6_SETTING_LOG_FORMAT && id != V6_SETTING_LOG_LEVEL;
}

void v6_note_settings_text(struct v6_text *t, const struct v6_note_settings *s)
{
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		struct v6_slice value = s->setting[id].value;

		if (!decides(id) || (!value.ptr && id != V6_SETTING_POLICY))
			continue;
		v6_text_str(t, id == V6_SETTING_POLICY ? "" : ", ");
		v6_text_str(t, v6_setting_name(id));
		v6_text_char(t, ' ');
		if (value.ptr)
			v6_text_safe(t, value.ptr, value.len);
		else
			v6_text_str(t, s->whole ? "app" : "not told");
	}
	if (!s->rules)
		return;
	v6_text_str(t, ", ");
	v6_text_uint(t, s->rules);
	v6_text_str(t, s->rules == 1 ? " rule" : " rules");
}
