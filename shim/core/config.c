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

static int file_setting(struct v6_config *c, struct v6_slice text, const char *equals,
	uint32_t *seen, struct v6_problem *problem)
{
	struct v6_slice name =
		v6_slice_trim((struct v6_slice){text.ptr, (size_t)(equals - text.ptr)});
	struct v6_slice value = v6_slice_trim(v6_slice_from(text, (size_t)(equals + 1 - text.ptr)));
	enum v6_setting id = v6_setting_by_name(name);

	problem->setting = (uint8_t)id;
	if (id == V6_SETTING_COUNT)
		return refuse(problem, V6_PROBLEM_UNKNOWN_SETTING, name);
	if (id == V6_SETTING_CONFIG)
		return refuse(problem, V6_PROBLEM_NOT_IN_FILE, name);
	if (*seen & UINT32_C(1) << id)
		return refuse(problem, V6_PROBLEM_TWICE, name);
	*seen |= UINT32_C(1) << id;
	if (id == V6_SETTING_RULES)
		return file_rules(c, value, problem);
	return v6_settings_set(&c->settings, id, value, V6_ORIGIN_FILE, problem);
}

static bool names_rules(struct v6_slice text, const char *equals)
{
	struct v6_slice name = {text.ptr, (size_t)(equals - text.ptr)};

	return v6_slice_is(v6_slice_trim(name), "rules");
}

static int file_line(
	struct v6_config *c, struct v6_slice line, uint32_t *seen, struct v6_problem *problem)
{
	struct v6_slice text = without_comment(line);
	const char *equals;

	if (memchr(line.ptr, '\0', line.len))
		return refuse(problem, V6_PROBLEM_NUL, line);
	if (!text.len)
		return 0;
	equals = memchr(text.ptr, '=', text.len);
	if (equals && (!memmem(text.ptr, text.len, "=>", 2) || names_rules(text, equals)))
		return file_setting(c, text, equals, seen, problem);
	problem->setting = V6_SETTING_RULES;
	return equals ? file_rules(c, text, problem) : refuse(problem, V6_PROBLEM_NO_LINE, text);
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
	unsigned problems = 0;
	uint32_t seen = 0;

	for (unsigned number = 1; text.len; number++) {
		struct v6_slice line = next_line(&text);
		struct v6_problem problem = {.setting = V6_SETTING_COUNT};

		if (!file_line(c, line, &seen, &problem))
			continue;
		problems++;
		problem.rule = 0;
		problem.file = name;
		problem.line = number;
		problem.column = (size_t)(problem.text.ptr - line.ptr) + 1;
		if (problem.kind == V6_PROBLEM_NUL)
			problem.column = strlen(line.ptr) + 1;
		if (tell)
			tell(&problem, line, context);
	}
	return problems;
}
