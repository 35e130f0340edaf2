#include "config.h"

void v6_config_init(struct v6_config *c)
{
	v6_settings_init(&c->settings);
	c->rules.count = 0;
}

static int set_rules(
	struct v6_config *c, struct v6_slice value, enum v6_origin origin, struct v6_problem *p)
{
	enum v6_origin *old = &c->settings.origin[V6_SETTING_RULES];
	unsigned before = c->rules.count;

	if (origin > *old)
		c->rules.count = before = 0;
	if (v6_rules_parse(&c->rules, value, p))
		return -1;
	if (origin < *old)
		c->rules.count = before;
	else
		*old = origin;
	return 0;
}

int v6_config_set(struct v6_config *c, enum v6_setting id, struct v6_slice value,
	enum v6_origin origin, struct v6_problem *p)
{
	*p = (struct v6_problem){.setting = id, .origin = origin, .start = value.ptr};
	if (id == V6_SETTING_RULES)
		return set_rules(c, value, origin, p);
	return v6_settings_set(&c->settings, id, value, origin, p);
}

/* A line without its comment: `#` at its beginning or after a blank. */
static struct v6_slice without_comment(struct v6_slice line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] == '#' && (!i || line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t'))
			line.len = i;
	return v6_slice_trim(line);
}

/* Behind those of the command line and the environment, which win. */
static int file_rules(struct v6_config *c, struct v6_slice text, struct v6_problem *p)
{
	enum v6_origin *origin = &c->settings.origin[V6_SETTING_RULES];

	if (v6_rules_parse(&c->rules, text, p))
		return -1;
	if (*origin < V6_ORIGIN_FILE)
		*origin = V6_ORIGIN_FILE;
	return 0;
}

/* `set_in`: the line in which each setting was set, 0 for not yet. */
static int file_setting(struct v6_config *c, struct v6_slice name, struct v6_slice value,
	unsigned *set_in, struct v6_problem *p)
{
	enum v6_setting id = v6_setting_by_name(name);

	p->setting = id;
	if (!name.len)
		return v6_problem_add(p, name, "no setting's name before '='");
	if (id == V6_SETTING_COUNT)
		return v6_problem_add(p, name, NULL);
	if (id == V6_SETTING_CONFIG)
		return v6_problem_add(p, name, "a configuration file cannot name another");
	if (set_in[id])
		return v6_problem_add_number(p, name,
			id == V6_SETTING_RULES ? "rules: set already, in line %n"
					       : "set already, in line %n",
			set_in[id]);
	set_in[id] = p->line;
	if (id == V6_SETTING_RULES)
		return file_rules(c, value, p);
	return v6_settings_set(&c->settings, id, value, V6_ORIGIN_FILE, p);
}

/*
 * A rule has "=>", unless that is part of a value that may hold it; and what begins
 * with a matcher was meant as one.
 */
static bool is_rule(struct v6_slice text, struct v6_slice name)
{
	enum v6_setting id = v6_setting_by_name(name);

	if (!memmem(text.ptr, text.len, "=>", 2))
		return v6_word_value(V6_LIST_MATCHER, name) >= 0;
	return memchr(text.ptr, '=', text.len) == memmem(text.ptr, text.len, "=>", 2) ||
	       (id != V6_SETTING_RULES && id != V6_SETTING_LOG && id != V6_SETTING_CONFIG);
}

static int file_line(
	struct v6_config *c, struct v6_slice line, unsigned *set_in, struct v6_problem *p)
{
	const char *nul = memchr(line.ptr, '\0', line.len);
	struct v6_slice text = without_comment(line), value = text, name;

	if (nul)
		return v6_problem_add(
			p, (struct v6_slice){nul, 1}, "a NUL byte: this is no text file");
	if (!text.len)
		return 0;
	if (!memchr(text.ptr, '=', text.len))
		return v6_problem_add(p, text,
			"%q is neither 'setting = value' nor a rule 'matcher => setting=value'");
	name = v6_slice_trim(v6_slice_cut(&value, '='));
	if (is_rule(text, name))
		return file_rules(c, text, p);
	return file_setting(c, name, v6_slice_trim(value), set_in, p);
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
