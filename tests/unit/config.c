/*
 * The configuration as a whole: files line by line, rules and settings of several origins, and that
 * what a file can hold is read back. What is said of mistakes: problem.c; any bytes: tests/fuzz/config.c.
 */
#include "unit.h"

#include "core/config.h"

static struct v6_config config;
static char buf[65536], told[65536];

/* Keeps what is said of each problem, a line each. */
static void keep(const struct v6_problem *problem, void *context)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	assert_ptr_equal(context, &config);
	assert_true(problem->text.ptr >= problem->start);
	v6_problem_text(&t, problem);
	stpcpy(stpcpy(told + strlen(told), buf), "\n");
}

static unsigned read_file(const char *text, size_t len)
{
	told[0] = '\0';
	return v6_config_file(&config, slice("/c"), fenced(text, len), keep, &config);
}

static unsigned read_text(const char *text)
{
	v6_config_init(&config);
	return read_file(text, strlen(text));
}

static int set(enum v6_setting id, const char *value, enum v6_origin origin)
{
	struct v6_problem problem;

	return v6_config_set(&config, id, slice(value), origin, &problem);
}

static const char *value_of(enum v6_setting id)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_setting_value(&t, &config.settings, id);
	return buf;
}

static const char *rules_text(void)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	for (unsigned i = 0; i < config.rules.count; i++) {
		v6_text_str(&t, i ? "; " : "");
		v6_rule_text(&t, &config.rules.rule[i]);
	}
	return buf;
}

/* ---- lines */

static const struct {
	const char *text;
	const char *policy, *mode, *rules;
} files[] = {
	{"", "app", "enforce", ""},
	{"\n\n\n", "app", "enforce", ""},
	{"policy=both\n", "both", "enforce", ""},
	{"policy = both", "both", "enforce", ""},
	{"  policy\t=\tboth  \n", "both", "enforce", ""},
	{"policy = both\r\nmode = log\r\n", "both", "log", ""},
	{"policy = both\r\n\r\nmode = log", "both", "log", ""},
	{"\xef\xbb\xbfpolicy = both\n", "both", "enforce", ""},
	{"\xef\xbb\xbf", "app", "enforce", ""},
	{"# policy = both\n", "app", "enforce", ""},
	{"#policy = both", "app", "enforce", ""},
	{"   # policy = both\n", "app", "enforce", ""},
	{"policy = both # mode = log\n", "both", "enforce", ""},
	{"policy = both\t# a comment # in it\n", "both", "enforce", ""},
	{"mode = log\npolicy = both\n", "both", "log", ""},
	{"port=80 => policy=both\n", "app", "enforce", "port=80 => policy=both"},
	{"=> policy=both", "app", "enforce", "=> policy=both"},
	{"port=80=>policy=both # ours\n", "app", "enforce", "port=80 => policy=both"},
	{"port=80 => mode=log; => mode=enforce\n", "app", "enforce",
		"port=80 => mode=log; => mode=enforce"},
	{"rules = port=80 => mode=log; port=81 => mode=log;\n", "app", "enforce",
		"port=80 => mode=log; port=81 => mode=log"},
	{"rules =\n", "app", "enforce", ""},
	{"port=1 => mode=log\npolicy = both\nrules = port=2 => mode=log\nport=3 => mode=log\n",
		"both", "enforce", "port=1 => mode=log; port=2 => mode=log; port=3 => mode=log"},
	{"program=a#b => mode=log\n", "app", "enforce", "program=a#b => mode=log"},
	{"program=log => mode=log\n", "app", "enforce", "program=log => mode=log"},
};

TEST(lines_are_settings_rules_and_comments)
{
	for (size_t i = 0; i < COUNT(files); i++) {
		if (read_text(files[i].text))
			fail_msg("%s\n%s", files[i].text, told);
		assert_string_equal(value_of(V6_SETTING_POLICY), files[i].policy);
		assert_string_equal(value_of(V6_SETTING_MODE), files[i].mode);
		assert_string_equal(rules_text(), files[i].rules);
	}
}

/* The line of each, its value as it is printed; the file's own name has none. */
TEST(every_setting_but_the_file_itself_can_be_set)
{
	static const char *const rows[V6_SETTING_COUNT][2] = {
		[V6_SETTING_POLICY] = {"policy = both", "both"},
		[V6_SETTING_ON_CONTRARY] = {"on-contrary = deny:EPERM", "deny:EPERM"},
		[V6_SETTING_ORDER] = {"order = ipv6-first", "ipv6-first"},
		[V6_SETTING_ON_DISORDER] = {"on-disorder = deny:EACCES", "deny:EACCES"},
		[V6_SETTING_ON_CONFLICT] = {"on-conflict = share-ipv6", "share-ipv6"},
		[V6_SETTING_ON_MAPPED] = {"on-mapped = deny:EPERM", "deny:EPERM"},
		[V6_SETTING_ON_NONBOOLEAN] = {"on-nonboolean = deny:EINVAL", "deny:EINVAL"},
		[V6_SETTING_MODE] = {"mode = log", "log"},
		[V6_SETTING_PROFILE] = {"profile = solaris", "illumos"},
		[V6_SETTING_RULES] = {"rules = => mode=enforce", NULL},
		[V6_SETTING_LOG] = {"log = /var/log/%n #1.log", "/var/log/%n"},
		[V6_SETTING_LOG_FORMAT] = {"log-format = json", "json"},
		[V6_SETTING_LOG_LEVEL] = {"log-level = bind", "bind"},
	};
	char text[512] = "", *end = text;

	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		if (rows[id][0])
			end = stpcpy(stpcpy(end, rows[id][0]), "\n");
	assert_int_equal(read_text(text), 0);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		if (rows[id][1])
			assert_string_equal(value_of(id), rows[id][1]);
		assert_int_equal(config.settings.origin[id],
			id == V6_SETTING_CONFIG ? V6_ORIGIN_DEFAULT : V6_ORIGIN_FILE);
	}
	assert_string_equal(rules_text(), "=> mode=enforce");
}

/* ---- mistakes: what is said of each, problem.c */

TEST(mistakes_leave_the_good_lines_in_force)
{
	assert_int_equal(
		read_text("policy = both\nmode = lgo\n=> mode=log\nx\nport=y => mode=log\n"), 3);
	assert_string_equal(value_of(V6_SETTING_POLICY), "both");
	assert_string_equal(value_of(V6_SETTING_MODE), "enforce");
	assert_string_equal(rules_text(), "=> mode=log");
}

/* ---- several origins: how they add up, e2e/rules.bats */

static const enum v6_origin given[] = {V6_ORIGIN_FILE, V6_ORIGIN_ENVIRONMENT, V6_ORIGIN_OPTION};

TEST(rules_of_a_higher_origin_replace_those_of_a_lower_whichever_comes_first)
{
	for (unsigned first = 0; first < COUNT(given); first++)
		for (unsigned second = 0; second < COUNT(given); second++) {
			const char *expected =
				first > second ? "port=1 => mode=log" : "port=2 => mode=log";

			if (first == second)
				continue;
			v6_config_init(&config);
			assert_int_equal(
				set(V6_SETTING_RULES, "port=1 => mode=log", given[first]), 0);
			assert_int_equal(
				set(V6_SETTING_RULES, "port=2 => mode=log", given[second]), 0);
			assert_string_equal(rules_text(), expected);
			/* What does not count is judged all the same. */
			assert_int_equal(set(V6_SETTING_RULES, "port=x", V6_ORIGIN_FILE), -1);
			assert_string_equal(rules_text(), expected);
			/* None at all is something that can be said. */
			assert_int_equal(set(V6_SETTING_RULES, "", V6_ORIGIN_OPTION), 0);
			assert_int_equal(config.rules.count, second == 2 || first == 2);
		}
}

/* ---- what a file can hold */

TEST(what_a_file_holds_is_read_back_and_the_rest_is_known_not_to_be)
{
	enum { ROUNDS = 200000 };
	static const char alphabet[] = "//aab =># \t%\\\"';\n\r\xc3\xbc\x7f\x1b";
	uint64_t seed = 3;
	unsigned held = 0, tried = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		char path[16] = "/", line[32];
		unsigned len = 2 + random_below(&seed, sizeof(path) - 3);
		bool holds, same;
		int n;

		for (unsigned i = 1; i < len; i++)
			path[i] = alphabet[random_below(&seed, sizeof(alphabet) - 1)];
		v6_config_init(&config);
		if (set(V6_SETTING_LOG, path, V6_ORIGIN_ENVIRONMENT))
			continue;
		tried++;
		holds = v6_config_file_holds(fenced(path, len));
		held += holds;
		n = snprintf(line, sizeof(line), "log = %s\n", path);
		v6_config_init(&config);
		same = !read_file(line, (size_t)n) && config.settings.log_path.len == len &&
		       !memcmp(config.settings.log_path.ptr, path, len);
		if (holds && !same)
			fail_msg("'%s' is not read back", path);
		/* Controls are let through by a file, and kept from a terminal all the same. */
		if (same && !holds)
			assert_false(v6_slice_is_text((struct v6_slice){path, len}));
	}
	assert_true(tried > ROUNDS / 3);
	assert_true(held > tried / 50);
}

RUN_TESTS()
