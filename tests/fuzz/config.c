/*
 * A configuration file of any bytes: each mistake is told with a line and column that are there,
 * and what is right is valid and is printed as it is read back.
 *
 * Input: the file.
 */
#include "configured.h"

static struct v6_config config, again;

static const struct v6_slice file_name = {"/etc/v6shim.conf", 16};

struct told {
	struct v6_slice text; /* of the whole file */
	unsigned count, last;
};

static void hear(const struct v6_problem *p, void *context)
{
	struct told *told = context;
	struct v6_slice rest = v6_slice_from(told->text, (size_t)(p->start - told->text.ptr));
	struct v6_slice line = v6_slice_cut(&rest, '\n');
	unsigned number = 1;

	CHECK(p->file.ptr == file_name.ptr && p->file.len == file_name.len);
	CHECK(fuzz_within(line, told->text));
	for (const char *c = told->text.ptr; c < line.ptr; c++)
		number += *c == '\n';
	CHECK(p->line == number && p->line > told->last);
	check_problem(p, line);
	told->last = p->line;
	told->count++;
}

static void ignore(const struct v6_problem *p, void *context)
{
	(void)p;
	(void)context;
}

static unsigned read_file(struct v6_config *c, const char *text, size_t len)
{
	return v6_config_file(c, file_name, (struct v6_slice){text, len}, ignore, NULL);
}

/* What was read is printed as it is read: a file of the same settings. */
static void check_printed(void)
{
	static char buf[CONFIGURED_TEXT];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	/* A path is shown otherwise than it is written, and may be what no file can hold. */
	if (config.settings.log == V6_LOG_PATH)
		return;
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		if (config.settings.origin[id] == V6_ORIGIN_DEFAULT || id == V6_SETTING_RULES)
			continue;
		v6_text_str(&t, v6_setting_name(id));
		v6_text_str(&t, " = ");
		v6_setting_value(&t, &config.settings, id);
		v6_text_char(&t, '\n');
	}
	for (unsigned i = 0; i < config.rules.count; i++) {
		v6_rule_text(&t, &config.rules.rule[i]);
		v6_text_char(&t, '\n');
	}
	CHECK(!t.full);
	v6_config_init(&again);
	CHECK(!read_file(&again, t.buf, t.len));
	CHECK(!memcmp(&again.settings.knobs, &config.settings.knobs, sizeof(struct v6_knobs)));
	CHECK(again.settings.log == config.settings.log);
	CHECK(again.settings.log_fd == config.settings.log_fd || config.settings.log != V6_LOG_FD);
	CHECK(again.settings.level == config.settings.level);
	CHECK(again.settings.format == config.settings.format);
	CHECK(again.settings.profile == config.settings.profile);
	CHECK(again.rules.count == config.rules.count);
	for (unsigned i = 0; i < config.rules.count; i++)
		CHECK(same_rule(&again.rules.rule[i], &config.rules.rule[i]));
}

/* The file twice: each setting's second line is a mistake. */
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
	CHECK(read_file(&again, doubled, 2 * text.len + 1) >= set);
	free(doubled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v6_slice text = {(const char *)data, size};
	struct told told = {.text = text};

	v6_config_init(&config);
	CHECK(v6_config_file(&config, file_name, text, hear, &told) == told.count);
	check_settings(&config.settings);
	for (unsigned i = 0; i < config.rules.count; i++)
		check_rule(&config.rules.rule[i]);
	check_printed();
	check_twice(text);
	return 0;
}
