#include "config.h"

#include <string.h>

void v6_config_init(struct v6_config *c)
{
	v6_settings_init(&c->settings);
	c->rules.count = 0;
}

static int set_rules(struct v6_config *c, struct v6_slice value, enum v6_origin origin,
	struct v6_problem *problem)
{
	unsigned before = c->rules.count;

	if (origin > (enum v6_origin)c->settings.origin[V6_SETTING_RULES])
		c->rules.count = before = 0;
	if (v6_rules_parse(&c->rules, value, problem))
		return -1;
	if (origin < (enum v6_origin)c->settings.origin[V6_SETTING_RULES])
		c->rules.count = before;
	else
		c->settings.origin[V6_SETTING_RULES] = (uint8_t)origin;
	return 0;
}

int v6_config_set(struct v6_config *c, enum v6_setting id, struct v6_slice value,
	enum v6_origin origin, struct v6_problem *problem)
{
	*problem = (struct v6_problem){.setting = (uint8_t)id};
	if (id == V6_SETTING_RULES)
		return set_rules(c, value, origin, problem);
	return v6_settings_set(&c->settings, id, value, origin, problem);
}

/* A line without its comment: `#` at its beginning or after a blank. */
static struct v6_slice without_comment(struct v6_slice line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] == '#' && (!i || line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t'))
			line.len = i;
	return v6_slice_trim(line);
}

static int refuse(struct v6_problem *problem, enum v6_problem_kind kind, struct v6_slice text)
{
	problem->kind = kind;
	problem->text = text;
	return -1;
}

static int file_rules(struct v6_config *c, struct v6_slice text, struct v6_problem *problem)
{
	if (v6_rules_parse(&c->rules, text, problem))
		return -1;
	if (c->settings.origin[V6_SETTING_RULES] < V6_ORIGIN_FILE)
		c->settings.origin[V6_SETTING_RULES] = V6_ORIGIN_FILE;
	return 0;
}

/* Where each setting of a file was set: its line, 0 for not yet. */
struct seen {
	unsigned now;
	unsigned line[V6_SETTING_COUNT];
};

static struct v6_slice name_before(struct v6_slice text, const char *equals)
{
	return v6_slice_trim((struct v6_slice){text.ptr, (size_t)(equals - text.ptr)});
}

static int file_setting(struct v6_config *c, struct v6_slice text, const char *equals,
	struct seen *seen, struct v6_problem *problem)
{
	struct v6_slice name = name_before(text, equals);
	struct v6_slice value = v6_slice_trim(v6_slice_from(text, (size_t)(equals + 1 - text.ptr)));
	enum v6_setting id = v6_setting_by_name(name);

	problem->setting = (uint8_t)id;
	if (!name.len)
		return refuse(problem, V6_PROBLEM_NO_NAME, text);
	if (id == V6_SETTING_COUNT)
		return refuse(problem, V6_PROBLEM_UNKNOWN_SETTING, name);
	if (id == V6_SETTING_CONFIG)
		return refuse(problem, V6_PROBLEM_NOT_IN_FILE, name);
	problem->first = seen->line[id];
	if (problem->first)
		return refuse(problem, V6_PROBLEM_SET_TWICE, name);
	seen->line[id] = seen->now;
	if (id == V6_SETTING_RULES)
		return file_rules(c, value, problem);
	return v6_settings_set(&c->settings, id, value, V6_ORIGIN_FILE, problem);
}

/* "port=80 policy=both": begins as a rule does. */
static bool begins_as_rule(struct v6_slice text, const char *equals)
{
	return v6_matcher_is(name_before(text, equals));
}

/* Settings whose value may hold "=>": these are no rules. */
static bool holds_arrow(struct v6_slice text, const char *equals)
{
	enum v6_setting id = v6_setting_by_name(name_before(text, equals));

	return id == V6_SETTING_RULES || id == V6_SETTING_LOG || id == V6_SETTING_CONFIG;
}

static bool is_rule(struct v6_slice text, const char *equals)
{
	if (memmem(text.ptr, text.len, "=>", 2))
		return equals[1] == '>' || !holds_arrow(text, equals);
	return begins_as_rule(text, equals);
}

static int file_line(
	struct v6_config *c, struct v6_slice line, struct seen *seen, struct v6_problem *problem)
{
	struct v6_slice text = without_comment(line);
	const char *nul = memchr(line.ptr, '\0', line.len), *equals;

	if (nul)
		return refuse(problem, V6_PROBLEM_NUL, (struct v6_slice){nul, 1});
	if (!text.len)
		return 0;
	equals = memchr(text.ptr, '=', text.len);
	if (!equals)
		return refuse(problem, V6_PROBLEM_NO_LINE, text);
	if (!is_rule(text, equals))
		return file_setting(c, text, equals, seen, problem);
	problem->setting = V6_SETTING_RULES;
	return file_rules(c, text, problem);
}

static struct v6_slice next_line(struct v6_slice *rest)
{
	const char *end = memchr(rest->ptr, '\n', rest->len);
	struct v6_slice line = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};

	*rest = v6_slice_from(*rest, end ? line.len + 1 : line.len);
	return line;
}

unsigned v6_config_file(struct v6_config *c, struct v6_slice name, struct v6_slice text,
	v6_config_tell tell, void *context)
{
	struct seen seen = {0};
	unsigned problems = 0;

	/* Editors of other systems begin a file with a byte order mark. */
	if (v6_slice_begins(text, "\xef\xbb\xbf"))
		text = v6_slice_from(text, 3);
	while (text.len) {
		struct v6_slice line = next_line(&text);
		struct v6_problem problem = {.setting = V6_SETTING_COUNT};

		seen.now++;
		if (!file_line(c, line, &seen, &problem))
			continue;
		problems++;
		problem.rule = 0;
		problem.file = name;
		problem.line = seen.now;
		problem.column = (size_t)(problem.text.ptr - line.ptr) + 1;
		if (tell)
			tell(&problem, line, context);
	}
	return problems;
}

bool v6_config_file_holds(struct v6_slice value)
{
	return v6_is_text(value) && without_comment(value).len == value.len;
}
