/*
 * Settings and rules, from the environment and the command line: what parses is valid, is printed
 * as it is read back, and what does not is told with its place and changes nothing.
 *
 * Input: strings with a NUL between them, each taken as an environment variable "NAME=VALUE", as an
 * option "--NAME=VALUE", or else as the name of a program that the rules are asked about.
 */
#include "configured.h"

static struct v6_config config, before;

/* ---- what parsed */

/* A path with bytes that a terminal must not see is shown otherwise than it is written. */
static bool shown_as_written(const struct v6_settings *s, enum v6_setting id)
{
	struct v6_slice path = id == V6_SETTING_LOG ? s->log_path : s->config;

	if (id == V6_SETTING_LOG ? s->log != V6_LOG_PATH : id != V6_SETTING_CONFIG)
		return true;
	return path.len && v6_slice_is_text(path) && !memchr(path.ptr, '\\', path.len);
}

static void check_value(const struct v6_settings *s, enum v6_setting id)
{
	static char buf[CONFIGURED_TEXT], more[CONFIGURED_TEXT];
	struct v6_text t = v6_text_in(buf, sizeof(buf)), again = v6_text_in(more, sizeof(more));
	struct v6_settings read;
	struct v6_problem problem;

	v6_setting_value(&t, s, id);
	CHECK(t.len && !t.full);
	fuzz_check_shown((struct v6_slice){t.buf, t.len});
	if (id == V6_SETTING_RULES || !shown_as_written(s, id))
		return;
	v6_settings_init(&read);
	CHECK(!v6_settings_set(&read, id, v6_slice_of(buf), V6_ORIGIN_ENVIRONMENT, &problem));
	v6_setting_value(&again, &read, id);
	CHECK(again.len == t.len && !memcmp(again.buf, t.buf, t.len));
}

static void give(enum v6_setting id, struct v6_slice value, enum v6_origin origin)
{
	struct v6_problem problem;
	enum v6_origin origin_before = config.settings.origin[id];

	before.settings = config.settings;
	before.rules.count = config.rules.count;
	if (!v6_config_set(&config, id, value, origin, &problem)) {
		CHECK(config.settings.origin[id] ==
			(origin > origin_before ? origin : origin_before));
		return;
	}
	check_problem(&problem, value);
	CHECK(!memcmp(&config.settings, &before.settings, sizeof(config.settings)));
	/* Rules of a lower origin are gone once others were begun. */
	CHECK(config.rules.count == before.rules.count ||
		(id == V6_SETTING_RULES && origin > origin_before && !config.rules.count));
}

/* A rule's programs, one of which must match where the rule does. */
static void ask_rules(struct v6_slice name)
{
	for (unsigned i = 0; i < config.rules.count; i++) {
		const struct v6_rule *rule = &config.rules.rule[i];
		struct v6_slice rest = rule->program;
		bool any = !rest.len;

		while (rest.len) {
			const char *comma = memchr(rest.ptr, ',', rest.len);
			size_t n = comma ? (size_t)(comma - rest.ptr) : rest.len;

			any |= v6_rule_program(&(struct v6_rule){.program = {rest.ptr, n}}, name);
			rest = v6_slice_from(rest, comma ? n + 1 : n);
		}
		CHECK(v6_rule_program(rule, name) == any);
		CHECK(v6_rule_port(rule, (unsigned)name.len) || rule->ports);
		CHECK(v6_rule_proto(rule, (int)name.len) || rule->protos);
	}
}

/* ---- one string */

static void take_string(struct v6_slice s)
{
	bool option = v6_slice_begins(s, "--");
	const char *equals = s.len ? memchr(s.ptr, '=', s.len) : NULL;
	struct v6_slice name = {s.ptr, equals ? (size_t)(equals - s.ptr) : s.len}, value;
	enum v6_setting id;

	if (!option && !v6_setting_env_ours(name)) {
		ask_rules(s);
		return;
	}
	id = option ? v6_setting_by_name(v6_slice_from(name, 2)) : v6_setting_by_env_name(name);
	if (id == V6_SETTING_COUNT || !equals)
		return;
	value = v6_slice_from(s, name.len + 1);
	give(id, value, option ? V6_ORIGIN_OPTION : V6_ORIGIN_ENVIRONMENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v6_slice rest = {(const char *)data, size};

	v6_config_init(&config);
	while (rest.len) {
		const char *nul = memchr(rest.ptr, '\0', rest.len);
		size_t n = nul ? (size_t)(nul - rest.ptr) : rest.len;

		take_string((struct v6_slice){rest.ptr, n});
		rest = v6_slice_from(rest, nul ? n + 1 : n);
	}
	check_settings(&config.settings);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		check_value(&config.settings, id);
	for (unsigned i = 0; i < config.rules.count; i++)
		check_rule(&config.rules.rule[i]);
	v6_settings_finish(&config.settings);
	check_settings(&config.settings);
	return 0;
}
