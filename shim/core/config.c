#include "config.h"

void v6_config_init(struct v6_config *c)
{
	v6_settings_init(&c->settings);
	c->rules.count = 0;
}

/* Those of a higher origin replace those before them. A file's are behind the others, which win. */
static int add_rules(
	struct v6_config *c, struct v6_slice text, enum v6_origin origin, struct v6_problem *p)
{
	enum v6_origin *old = &c->settings.origin[V6_SETTING_RULES];

	if (origin > *old)
		c->rules.count = 0;
	if (v6_rules_parse(&c->rules, text, p))
		return -1;
	*old = origin > *old ? origin : *old;
	return 0;
}

int v6_config_set(struct v6_config *c, enum v6_setting id, struct v6_slice value,
	enum v6_origin origin, struct v6_problem *p)
{
	unsigned before = c->rules.count;

	*p = (struct v6_problem){.setting = id, .origin = origin, .start = value.ptr};
	if (id != V6_SETTING_RULES)
		return v6_settings_set(&c->settings, id, value, origin, p);
	if (add_rules(c, value, origin, p))
		return -1;
	if (origin < c->settings.origin[id])
		c->rules.count = before;
	return 0;
}

/* A line without its comment: `#` at its beginning or after a blank. */
static struct v6_slice without_comment(struct v6_slice line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] == '#' && (!i || line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t'))
			line.len = i;
	return v6_slice_trim(line);
}

/* `set_in`: the line in which each setting was set, 0 for not yet. */
static int file_line(
	struct v6_config *c, struct v6_slice line, unsigned *set_in, struct v6_problem *p)
{
	const char *nul = memchr(line.ptr, '\0', line.len), *arrow;
	struct v6_slice text = without_comment(line), value = text, name;
	bool is_rule;
	enum v6_setting id;

	if (nul)
		return v6_problem_add(
			p, ((struct v6_slice){nul, 1}), "a NUL byte: this is no text file");
	if (!text.len)
		return 0;
	name = v6_slice_cut(&value, '=');
	if (name.len == text.len)
		return v6_problem_add(p, text,
			"%q is neither 'setting = value' nor a rule 'matcher => setting=value'");
	arrow = memmem(text.ptr, text.len, "=>", 2);
	is_rule = arrow == text.ptr + name.len;
	name = v6_slice_trim(name);
	id = v6_setting_by_name(name);
	/*
	 * A rule has "=>", unless that is part of a value that may hold it; and what begins with a
	 * matcher was meant as one.
	 */
	if (is_rule ||
		(arrow ? id != V6_SETTING_RULES && id != V6_SETTING_LOG && id != V6_SETTING_CONFIG
		       : v6_word_value(V6_LIST_MATCHER, name) >= 0))
		return add_rules(c, text, V6_ORIGIN_FILE, p);
	p->setting = id;
	if (!name.len)
		return v6_problem_add(p, name, "no setting's name before '='");
	if (id == V6_SETTING_COUNT)
		return v6_problem_add(p, name, NULL);
	if (id == V6_SETTING_CONFIG)
		return v6_problem_add(p, name, "a configuration file cannot name another");
	if (set_in[id])
		return v6_problem_add(p, name,
			id == V6_SETTING_RULES ? "rules: set already, in line %n"
					       : "set already, in line %n",
			.number = set_in[id]);
	set_in[id] = p->line;
	value = v6_slice_trim(value);
	return id == V6_SETTING_RULES ? add_rules(c, value, V6_ORIGIN_FILE, p)
				      : v6_settings_set(&c->settings, id, value, V6_ORIGIN_FILE, p);
}

unsigned v6_config_file(struct v6_config *c, struct v6_slice name, struct v6_slice text,
	v6_config_print *print, void *context)
{
	unsigned set_in[V6_SETTING_COUNT] = {0}, problems = 0;

	/* Editors of other systems begin a file with a byte order mark. */
	if (v6_slice_begins(text, "\xef\xbb\xbf"))
		text = v6_slice_from(text, 3);
	for (unsigned number = 1; text.len; number++) {
		struct v6_slice line = v6_slice_cut(&text, '\n');
		struct v6_problem p = {.setting = V6_SETTING_COUNT,
			.origin = V6_ORIGIN_FILE,
			.file = name,
			.line = number};

		if (!file_line(c, line, set_in, &p))
			continue;
		/* Of a line there may be several rules: the line tells the place. */
		p.rule = 0;
		p.start = line.ptr;
		print(&p, context);
		problems++;
	}
	return problems;
}

bool v6_config_file_holds(struct v6_slice value)
{
	return v6_slice_is_text(value) && without_comment(value).len == value.len;
}
