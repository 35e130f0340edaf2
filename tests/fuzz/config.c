/*
 * A configuration file of any bytes: each mistake is told with a line and column that are there,
 * what is right is valid and is printed as it is read back, and nothing of a file beats what was
 * given on the command line.
 *
 * Input: the file.
 */
#include "configured.h"

static struct v6_config config, given, again;

static const struct v6_slice file_name = {"/etc/v6shim.conf", 16};

/* ---- mistakes */

struct told {
	struct v6_slice text; /* of the whole file */
	unsigned count, last;
};

static unsigned lines_before(struct v6_slice text, const char *at)
{
	unsigned n = 1;

	for (const char *c = text.ptr; c < at; c++)
		n += *c == '\n';
	return n;
}

static void hear(const struct v6_problem *p, struct v6_slice line, void *context)
{
	struct told *told = context;

	CHECK(p->kind != V6_PROBLEM_NONE);
	CHECK(p->file.ptr == file_name.ptr && p->file.len == file_name.len);
	CHECK(fuzz_within(line, told->text));
	CHECK(!line.len || !memchr(line.ptr, '\n', line.len));
	CHECK(p->line == lines_before(told->text, line.ptr) && p->line > told->last);
	CHECK(fuzz_within(p->text, line));
	CHECK(p->text.ptr == line.ptr + p->column - 1);
	CHECK(p->kind != V6_PROBLEM_SET_TWICE || (p->first && p->first < p->line));
	check_problem_text(p, line.len);
	told->last = p->line;
	told->count++;
}

/* ---- what was read is printed as it is read */

static void print_setting(struct v6_text *t, const struct v6_settings *s, enum v6_setting id)
{
	/* What is shown of a path is not always what it is. */
	bool path = id == V6_SETTING_LOG && s->log == V6_LOG_PATH;

	if (s->origin[id] == V6_ORIGIN_DEFAULT || id == V6_SETTING_RULES)
		return;
	v6_text_str(t, v6_setting_name(id));
	v6_text_str(t, " = ");
	if (path)
		v6_text_slice(t, s->log_path);
	else
		v6_setting_value(t, s, id);
	v6_text_char(t, '\n');
}

/* Whether a file can hold them: rules that it cannot it would not have read. */
static bool printable(const struct v6_config *c)
{
	return c->settings.log != V6_LOG_PATH || v6_config_file_holds(c->settings.log_path);
}

static void check_printed(void)
{
	static char buf[CONFIGURED_TEXT];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		print_setting(&t, &config.settings, id);
	for (unsigned i = 0; i < config.rules.count; i++) {
		v6_rule_text(&t, &config.rules.rule[i]);
		v6_text_char(&t, '\n');
	}
	CHECK(!t.full);
	v6_config_init(&again);
	CHECK(!v6_config_file(&again, file_name, (struct v6_slice){t.buf, t.len}, NULL, NULL));
	CHECK(!memcmp(
		&again.settings.knobs, &config.settings.knobs, sizeof(config.settings.knobs)));
	CHECK(again.settings.log == config.settings.log);
	CHECK(again.settings.log_fd == config.settings.log_fd || config.settings.log != V6_LOG_FD);
	CHECK(again.settings.level == config.settings.level);
	CHECK(again.settings.profile == config.settings.profile);
	CHECK(v6_settings_format(&again.settings) == v6_settings_format(&config.settings));
	CHECK(again.rules.count == config.rules.count);
	for (unsigned i = 0; i < config.rules.count; i++)
		CHECK(same_rule(&again.rules.rule[i], &config.rules.rule[i]));
}

/* ---- the file twice: each setting's second line is a mistake */

static void check_twice(struct v6_slice text)
{
	char *doubled = malloc(2 * text.len + 1);
	unsigned set = 0;

	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		set += id != V6_SETTING_RULES && config.settings.origin[id] == V6_ORIGIN_FILE;
	memcpy(doubled, text.ptr, text.len);
	doubled[text.len] = '\n';
	memcpy(doubled + text.len + 1, text.ptr, text.len);
	v6_config_init(&again);
	CHECK(v6_config_file(&again, file_name, (struct v6_slice){doubled, 2 * text.len + 1}, NULL,
		      NULL) >= set);
	free(doubled);
}

/* ---- a file beside a command line that has everything */

static void give_all(struct v6_config *c)
{
	static const char *const values[V6_SETTING_COUNT] = {
		[V6_SETTING_POLICY] = "both",
		[V6_SETTING_ON_CONTRARY] = "deny:EPERM",
		[V6_SETTING_ORDER] = "ipv4-first",
		[V6_SETTING_ON_DISORDER] = "deny:EPERM",
		[V6_SETTING_ON_CONFLICT] = "share",
		[V6_SETTING_ON_MAPPED] = "deny:EPERM",
		[V6_SETTING_ON_NONBOOLEAN] = "deny:EPERM",
		[V6_SETTING_MODE] = "log",
		[V6_SETTING_PROFILE] = "macos",
		[V6_SETTING_RULES] = "=> mode=enforce; port=7 => mode=log",
		[V6_SETTING_CONFIG] = "/etc/v6shim.conf",
		[V6_SETTING_LOG] = "fd:9",
		[V6_SETTING_LOG_FORMAT] = "json",
		[V6_SETTING_LOG_LEVEL] = "error",
	};
	struct v6_problem problem;

	v6_config_init(c);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		CHECK(!v6_config_set(
			c, id, v6_slice_of(values[id]), V6_ORIGIN_COMMAND_LINE, &problem));
}

static void check_beaten(struct v6_slice text, unsigned problems)
{
	give_all(&given);
	again.settings = given.settings;
	again.rules.count = given.rules.count;
	memcpy(again.rules.rule, given.rules.rule, given.rules.count * sizeof(*given.rules.rule));
	/* Two rules that stand there already may make one of the file's one too many. */
	CHECK(v6_config_file(&given, file_name, text, NULL, NULL) >= problems);
	CHECK(!memcmp(&given.settings, &again.settings, sizeof(given.settings)));
	CHECK(given.rules.count >= again.rules.count);
	for (unsigned i = 0; i < again.rules.count; i++)
		CHECK(same_rule(&given.rules.rule[i], &again.rules.rule[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v6_slice text = {(const char *)data, size};
	struct told told = {.text = text};
	unsigned problems;

	v6_config_init(&config);
	problems = v6_config_file(&config, file_name, text, hear, &told);
	CHECK(problems == told.count);
	check_settings(&config.settings);
	for (unsigned i = 0; i < config.rules.count; i++) {
		check_rule(&config.rules.rule[i]);
		check_rule_text(&config.rules.rule[i]);
	}
	if (printable(&config))
		check_printed();
	check_twice(text);
	check_beaten(text, problems);
	return 0;
}
