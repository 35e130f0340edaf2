#include "problem.h"

#include "nearest.h"

int v6_problem_add_number(
	struct v6_problem *p, struct v6_slice text, const char *words, uint64_t number)
{
	p->text = text;
	p->words = words;
	p->number = number;
	return -1;
}

int v6_problem_add(struct v6_problem *p, struct v6_slice text, const char *words)
{
	return v6_problem_add_number(p, text, words, 0);
}

int v6_problem_add_near(struct v6_problem *p, struct v6_slice text, const char *words,
	const char *near, const char *otherwise)
{
	p->near = near;
	p->otherwise = otherwise;
	return v6_problem_add(p, text, words);
}

size_t v6_problem_column(const struct v6_problem *p)
{
	return p->start && p->text.ptr ? (size_t)(p->text.ptr - p->start) + 1 : 0;
}

static const char *prefix_of(const struct v6_problem *p)
{
	return p->origin == V6_ORIGIN_ENVIRONMENT ? "V6SHIM_"
	       : p->origin == V6_ORIGIN_OPTION    ? "--"
						  : "";
}

/* A setting as it is spelled where the text came from. */
static void spell(struct v6_text *t, const struct v6_problem *p, enum v6_setting id)
{
	if (p->origin == V6_ORIGIN_ENVIRONMENT) {
		v6_setting_env_name(t, id);
		return;
	}
	v6_text_print(t, "%s%s", prefix_of(p), v6_setting_name(id));
}

/* The text with what is beyond 80 bytes cut off. */
static void shortened(struct v6_text *t, struct v6_slice text)
{
	enum { SHOWN = 80 };

	v6_text_safe(t, text.ptr, text.len > SHOWN ? SHOWN : text.len);
	v6_text_str(t, text.len > SHOWN ? "..." : "");
}

static void word(struct v6_text *t, const struct v6_problem *p, char c)
{
	if (c == '%') {
		v6_text_char(t, c);
	} else if (c == 'q') {
		v6_text_char(t, '\'');
		shortened(t, p->text);
		v6_text_char(t, '\'');
	} else if (c == 'n') {
		v6_text_uint(t, p->number);
	} else if (c == 'c' && !p->rule && !p->line) {
		v6_text_print(t, " at column %u", (unsigned)v6_problem_column(p));
	}
}

static void reason(struct v6_text *t, const struct v6_problem *p)
{
	for (const char *c = p->words; *c; c++)
		if (*c == '%')
			word(t, p, *++c);
		else
			v6_text_char(t, *c);
	if (p->near) {
		v6_text_print(t, "; did you mean '%s'", p->near);
	} else if (p->otherwise) {
		v6_text_str(t, p->otherwise);
	} else if (p->valid != V6_LIST_NONE) {
		v6_text_str(t, "; valid: ");
		v6_words_text(t, p->valid);
	}
}

static void unknown_setting(struct v6_text *t, const struct v6_problem *p)
{
	const char *prefix = prefix_of(p);
	struct v6_slice name = p->text;
	struct v6_nearest near;

	if (v6_slice_begins(name, prefix))
		name = v6_slice_from(name, strlen(prefix));
	near = v6_nearest_to(name);
	shortened(t, p->text);
	v6_text_str(t, ": unknown setting; ");
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		v6_nearest_offer(&near, v6_setting_name(id));
	if (near.word) {
		v6_text_str(t, "did you mean '");
		spell(t, p, v6_setting_by_name(v6_slice_of(near.word)));
		v6_text_char(t, '\'');
		return;
	}
	v6_text_str(t, "valid: ");
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		v6_text_str(t, id ? ", " : "");
		spell(t, p, id);
	}
}

/* The end of a path is what tells it from others. */
static void file_name(struct v6_text *t, struct v6_slice path)
{
	enum { SHOWN = 200 };

	if (path.len > SHOWN) {
		path = v6_slice_from(path, path.len - SHOWN);
		v6_text_str(t, "...");
	}
	v6_text_print(t, "%.*s", V6_SLICE(path));
}

static void place(struct v6_text *t, const struct v6_problem *p)
{
	unsigned column = (unsigned)v6_problem_column(p);

	if (p->file.len) {
		file_name(t, p->file);
		if (p->line)
			v6_text_print(t, ":%u:%u", p->line, column);
		v6_text_str(t, ": ");
	} else if (p->rule) {
		spell(t, p, V6_SETTING_RULES);
		v6_text_print(t, ": rule %u, column %u: ", p->rule, column);
	}
}

void v6_problem_text(struct v6_text *t, const struct v6_problem *p)
{
	bool in_place = p->file.len || p->rule;

	place(t, p);
	if (!p->words) {
		unknown_setting(t, p);
		return;
	}
	/* Not `rules` again, where one rule is the matter. */
	if (p->setting != V6_SETTING_COUNT && !(in_place && p->setting == V6_SETTING_RULES)) {
		if (in_place)
			v6_text_str(t, v6_setting_name(p->setting));
		else
			spell(t, p, p->setting);
		v6_text_str(t, ": ");
	}
	reason(t, p);
}
