/*
 * The configuration as a whole: files line by line, what is said of their mistakes and where, rules
 * and settings of several origins, and that what a file can hold is read back.
 */
#include "unit.h"

#include "core/config.h"
#include "core/profile.h"

static struct v6_config config;
static char buf[65536], told[65536];
static unsigned calls;

/* Keeps "FILE:LINE:COLUMN: ..." of each problem, a line each, and checks that it lies in its line.
 */
static void tell(const struct v6_problem *problem, struct v6_slice line, void *context)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	assert_ptr_equal(context, &config);
	assert_true(problem->text.ptr >= line.ptr);
	assert_true(problem->text.ptr + problem->text.len <= line.ptr + line.len);
	assert_int_equal(problem->column, problem->text.ptr - line.ptr + 1);
	v6_problem_text(&t, problem, V6_SPELL_NAME);
	assert_true(strlen(told) + t.len + 2 < sizeof(told));
	stpcpy(stpcpy(told + strlen(told), buf), "\n");
	calls++;
}

static unsigned read_file(const char *text, size_t len)
{
	unsigned problems;

	told[0] = '\0';
	calls = 0;
	problems = v6_config_file(&config, slice("/c"), fenced(text, len), tell, &config);
	assert_int_equal(problems, calls);
	return problems;
}

static unsigned read_text(const char *text)
{
	v6_config_init(&config);
	return read_file(text, strlen(text));
}

static int give(enum v6_setting id, const char *value, enum v6_origin origin)
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

static void test_lines_are_settings_rules_and_comments(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		if (read_text(files[i].text))
			fail_msg("%s\n%s", files[i].text, told);
		assert_string_equal(value_of(V6_SETTING_POLICY), files[i].policy);
		assert_string_equal(value_of(V6_SETTING_MODE), files[i].mode);
		assert_string_equal(rules_text(), files[i].rules);
	}
}

static void test_every_setting_but_the_file_itself_can_be_set(void **state)
{
	static const char text[] = "policy = both\n"
				   "on-contrary = deny:EPERM\n"
				   "order = ipv6-first\n"
				   "on-disorder = deny:EACCES\n"
				   "on-conflict = share-ipv6\n"
				   "on-mapped = deny:EADDRNOTAVAIL\n"
				   "on-nonboolean = deny:EINVAL\n"
				   "mode = log\n"
				   "profile = solaris\n"
				   "rules = => mode=enforce\n"
				   "log = /var/log/%n #1.log\n"
				   "log-format = json\n"
				   "log-level = bind\n";
	static const char *const values[V6_SETTING_COUNT] = {
		[V6_SETTING_POLICY] = "both",
		[V6_SETTING_ON_CONTRARY] = "deny:EPERM",
		[V6_SETTING_ORDER] = "ipv6-first",
		[V6_SETTING_ON_DISORDER] = "deny:EACCES",
		[V6_SETTING_ON_CONFLICT] = "share-ipv6",
		[V6_SETTING_ON_MAPPED] = "deny:EADDRNOTAVAIL",
		[V6_SETTING_ON_NONBOOLEAN] = "deny:EINVAL",
		[V6_SETTING_MODE] = "log",
		[V6_SETTING_PROFILE] = "illumos",
		[V6_SETTING_LOG] = "/var/log/%n",
		[V6_SETTING_LOG_FORMAT] = "json",
		[V6_SETTING_LOG_LEVEL] = "bind",
	};

	(void)state;
	assert_int_equal(read_text(text), 0);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		if (values[id])
			assert_string_equal(value_of(id), values[id]);
		assert_int_equal(config.settings.origin[id],
			id == V6_SETTING_CONFIG ? V6_ORIGIN_DEFAULT : V6_ORIGIN_FILE);
	}
	assert_string_equal(rules_text(), "=> mode=enforce");
}

/* A path may hold what makes a rule elsewhere. */
static void test_a_path_may_hold_an_arrow(void **state)
{
	(void)state;
	assert_int_equal(read_text("log = /tmp/a=>b\n"), 0);
	assert_string_equal(value_of(V6_SETTING_LOG), "/tmp/a=>b");
}

/* ---- mistakes */

#define ALL_SETTINGS                                                                               \
	"policy, on-contrary, order, on-disorder, on-conflict, on-mapped, on-nonboolean, mode, "   \
	"profile, rules, config, log, log-format, log-level"
#define NO_LINE  "is neither 'setting = value' nor a rule 'matcher => setting=value'"
#define NO_ARROW "is no rule: '=>' is missing between matchers and settings"

static const struct {
	const char *text;
	size_t len; /* 0: up to its NUL */
	const char *told;
} mistakes[] = {
	{"polcy = both\n", 0, "/c:1:1: polcy: unknown setting; did you mean 'policy'\n"},
	{"\n\n  polcy = both\n", 0, "/c:3:3: polcy: unknown setting; did you mean 'policy'\n"},
	{"\xef\xbb\xbfpolcy = both\n", 0,
		"/c:1:1: polcy: unknown setting; did you mean 'policy'\n"},
	{"V6SHIM_POLICY = both\n", 0,
		"/c:1:1: V6SHIM_POLICY: unknown setting; valid: " ALL_SETTINGS "\n"},
	{"colour = red\n", 0, "/c:1:1: colour: unknown setting; valid: " ALL_SETTINGS "\n"},
	{"= both\n", 0, "/c:1:1: no setting's name before '='\n"},
	{"both\n", 0, "/c:1:1: 'both' " NO_LINE "\n"},
	{"[section]\n", 0, "/c:1:1: '[section]' " NO_LINE "\n"},
	{"policy: both\n", 0, "/c:1:1: 'policy: both' " NO_LINE "\n"},
	{"policy both # x\n", 0, "/c:1:1: 'policy both' " NO_LINE "\n"},
	{"policy = bth\n", 0, "/c:1:10: policy: unknown value 'bth'; did you mean 'both'\n"},
	{"policy=\n", 0,
		"/c:1:8: policy: no value given; valid: app, ipv6-only, both, default-ipv6-only, "
		"default-both\n"},
	{"policy = 'both'\n", 0, "/c:1:10: policy: unknown value ''both''; did you mean 'both'\n"},
	{"policy = both mode = log\n", 0,
		"/c:1:10: policy: unknown value 'both mode = log'; valid: app, ipv6-only, both, "
		"default-ipv6-only, default-both\n"},
	{"policy = both#x\n", 0, "/c:1:10: policy: unknown value 'both#x'; did you mean 'both'\n"},
	{"on-contrary = deny:EPREM\r\n", 0,
		"/c:1:20: on-contrary: unknown errno 'EPREM'; did you mean 'EPERM'\n"},
	{"policy = both\n\npolicy = both\n", 0, "/c:3:1: policy: set already, in line 1\n"},
	{"policy = bth\npolicy = both\n", 0,
		"/c:1:10: policy: unknown value 'bth'; did you mean 'both'\n"
		"/c:2:1: policy: set already, in line 1\n"},
	{"rules = => mode=log\nrules = => mode=log\n", 0,
		"/c:2:1: rules: set already, in line 1\n"},
	{"config = /x\n", 0, "/c:1:1: config: a configuration file cannot name another\n"},
	{"profile = opnbsd\n", 0,
		"/c:1:11: profile: unknown value 'opnbsd'; did you mean 'openbsd'\n"},
	{"profile = solari\n", 0,
		"/c:1:11: profile: unknown value 'solari'; did you mean 'solaris'\n"},
	{"log = x.log\n", 0, "/c:1:7: log: 'x.log' is not an absolute path\n"},
	{"log = /tmp/%q\n", 0, "/c:1:12: log: '%q' is no conversion; valid: %p, %n, %%\n"},
	{"log = fd:\n", 0, "/c:1:10: log: no descriptor's number given\n"},
	{"log = /tmp/\n", 0, "/c:1:7: log: '/tmp/' is a directory, a file is meant\n"},
	{"port=80 policy=both\n", 0, "/c:1:1: 'port=80 policy=both' " NO_ARROW "\n"},
	{"program = nginx\n", 0, "/c:1:1: 'program = nginx' " NO_ARROW "\n"},
	{"\tport=80 => polcy=both\n", 0,
		"/c:1:13: unknown setting 'polcy'; did you mean 'policy'\n"},
	{"port=80 => policy=both; port=x => mode=log # c\n", 0,
		"/c:1:30: 'x' is no port; a number from 0 to 65535 is meant, or N-M\n"},
	{"rules = port=80 => policy=both; port=90-80 => mode=log\n", 0,
		"/c:1:38: '90-80' ends before it begins\n"},
	{"mode = log => policy=both\n", 0,
		"/c:1:1: 'mode' is no matcher; program=GLOB, port=N or proto=NAME is meant\n"},
	{"port=80 => on-contrary=deny:EPERM\n", 0,
		"/c:1:12: 'on-contrary=deny:EPERM' cannot be set by a rule with port=, which acts "
		"at "
		"bind and listen only\n"},
	{"policy = both\0\n", 15, "/c:1:14: a NUL byte: this is no text file\n"},
	{"# a comment \0 too\n", 18, "/c:1:13: a NUL byte: this is no text file\n"},
	{"p\0o\0l\0i\0c\0y\0\n\0", 14,
		"/c:1:2: a NUL byte: this is no text file\n/c:2:1: a NUL byte: this is no text "
		"file\n"},
	{"policy = \x1b[2J\xff\n", 0,
		"/c:1:10: policy: unknown value '\\x1b[2J\\xff'; valid: app, ipv6-only, both, "
		"default-ipv6-only, default-both\n"},
	{"policy = both\rmode = log\r", 0,
		"/c:1:10: policy: unknown value 'both\\x0dmode = log'; valid: app, ipv6-only, "
		"both, "
		"default-ipv6-only, default-both\n"},
	/* All of them, in one run. */
	{"polcy = both\nmode = log\nmode = lgo\nx\n", 0,
		"/c:1:1: polcy: unknown setting; did you mean 'policy'\n"
		"/c:3:1: mode: set already, in line 2\n"
		"/c:4:1: 'x' " NO_LINE "\n"},
};

static void test_every_mistake_is_told_with_file_line_and_column(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		size_t len = mistakes[i].len ? mistakes[i].len : strlen(mistakes[i].text);

		v6_config_init(&config);
		if (read_file(mistakes[i].text, len) && !strcmp(told, mistakes[i].told))
			continue;
		print_error("of\n%sit says\n%sexpected was\n%s", mistakes[i].text, told,
			mistakes[i].told);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void test_a_file_is_named_by_the_end_of_its_path(void **state)
{
	static char path[3000];
	struct v6_problem problem = {.kind = V6_PROBLEM_NO_NAME,
		.setting = V6_SETTING_COUNT,
		.file = {path, sizeof(path)},
		.line = 12,
		.column = 3};
	struct v6_text t = v6_text_in(buf, 768);

	(void)state;
	memset(path, 'd', sizeof(path));
	memcpy(path + sizeof(path) - 12, "/v6shim.conf", 12);
	v6_problem_text(&t, &problem, V6_SPELL_NAME);
	assert_false(t.full);
	assert_memory_equal(buf, "...ddd", 6);
	assert_non_null(strstr(buf, "d/v6shim.conf:12:3: no setting's name before '='"));
}

static void test_what_cannot_be_read_is_told_in_words(void **state)
{
	static const struct {
		enum v6_problem_kind kind;
		int error;
		const char *message;
	} rows[] = {
		{V6_PROBLEM_FILE, 2, "/c: cannot be read: no such file (ENOENT)"},
		{V6_PROBLEM_FILE, 13, "/c: cannot be read: permission denied (EACCES)"},
		{V6_PROBLEM_FILE, 21, "/c: cannot be read: is a directory (EISDIR)"},
		{V6_PROBLEM_FILE, 116, "/c: cannot be read: ESTALE"},
		{V6_PROBLEM_FILE, 4095, "/c: cannot be read: 4095"},
		{V6_PROBLEM_FILE_SIZE, 0, "/c: larger than 262144 bytes"},
		{V6_PROBLEM_FILE_PIPE, 0,
			"/c: is a pipe; a file is meant, for each program reads it anew"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct v6_problem problem = {.kind = rows[i].kind,
			.setting = V6_SETTING_COUNT,
			.file = slice("/c"),
			.limit = V6_CONFIG_FILE_MAX,
			.error = rows[i].error};
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		v6_problem_text(&t, &problem, V6_SPELL_ENV);
		assert_string_equal(buf, rows[i].message);
	}
}

static void test_mistakes_leave_the_good_lines_in_force(void **state)
{
	(void)state;
	assert_int_equal(
		read_text("policy = both\nmode = lgo\n=> mode=log\nx\nport=y => mode=log\n"), 3);
	assert_string_equal(value_of(V6_SETTING_POLICY), "both");
	assert_string_equal(value_of(V6_SETTING_MODE), "enforce");
	assert_string_equal(rules_text(), "=> mode=log");
}

static void test_nobody_need_be_told(void **state)
{
	(void)state;
	v6_config_init(&config);
	assert_int_equal(v6_config_file(&config, slice("/c"), slice("x\ny\n"), NULL, NULL), 2);
}

/* ---- several origins */

static const enum v6_origin given[] = {
	V6_ORIGIN_FILE, V6_ORIGIN_ENVIRONMENT, V6_ORIGIN_COMMAND_LINE};

static void test_rules_of_a_higher_origin_replace_those_of_a_lower_whichever_comes_first(
	void **state)
{
	(void)state;
	for (unsigned first = 0; first < COUNT(given); first++)
		for (unsigned second = 0; second < COUNT(given); second++) {
			const char *expected =
				first > second ? "port=1 => mode=log" : "port=2 => mode=log";

			if (first == second)
				continue;
			v6_config_init(&config);
			assert_int_equal(
				give(V6_SETTING_RULES, "port=1 => mode=log", given[first]), 0);
			assert_int_equal(
				give(V6_SETTING_RULES, "port=2 => mode=log", given[second]), 0);
			assert_string_equal(rules_text(), expected);
			/* What does not count is judged all the same. */
			assert_int_equal(give(V6_SETTING_RULES, "port=x", V6_ORIGIN_FILE), -1);
			assert_string_equal(rules_text(), expected);
		}
}

static void test_rules_of_the_file_come_behind_those_given(void **state)
{
	static const char file[] = "port=3 => mode=log\n";

	(void)state;
	for (unsigned i = 1; i < COUNT(given); i++) {
		v6_config_init(&config);
		give(V6_SETTING_RULES, "port=1 => mode=log; port=2 => mode=log", given[i]);
		assert_int_equal(read_file(file, strlen(file)), 0);
		assert_string_equal(
			rules_text(), "port=1 => mode=log; port=2 => mode=log; port=3 => mode=log");
		assert_int_equal(config.settings.origin[V6_SETTING_RULES], given[i]);
	}
}

static void test_rules_that_are_given_again_add_to_the_others(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(given); i++) {
		v6_config_init(&config);
		give(V6_SETTING_RULES, "port=1 => mode=log", given[i]);
		give(V6_SETTING_RULES, "port=2 => mode=log", given[i]);
		assert_string_equal(rules_text(), "port=1 => mode=log; port=2 => mode=log");
	}
}

/* None at all is something that can be said. */
static void test_empty_rules_replace_others(void **state)
{
	(void)state;
	v6_config_init(&config);
	give(V6_SETTING_RULES, "port=1 => mode=log", V6_ORIGIN_ENVIRONMENT);
	assert_int_equal(give(V6_SETTING_RULES, "", V6_ORIGIN_COMMAND_LINE), 0);
	assert_int_equal(config.rules.count, 0);
}

static void test_the_bound_on_rules_is_one_for_all_origins(void **state)
{
	static char text[2048 * 16];
	char *end = text;

	(void)state;
	for (unsigned i = 0; i < 2047; i++)
		end = stpcpy(end, "=> mode=log;");
	v6_config_init(&config);
	assert_int_equal(give(V6_SETTING_RULES, text, V6_ORIGIN_ENVIRONMENT), 0);
	assert_int_equal(read_file("=> mode=log\n=> mode=log\n", 24), 1);
	assert_string_equal(told, "/c:2:1: there may be no more than 2048 rules\n");
	assert_int_equal(config.rules.count, 2048);
}

/* Two values of each setting that are neither the other's nor the default. */
static const struct {
	enum v6_setting id;
	const char *values[3]; /* of the file, the environment, the command line */
} settings[] = {
	{V6_SETTING_POLICY, {"ipv6-only", "both", "default-both"}},
	{V6_SETTING_ON_CONTRARY, {"deny:EPERM", "deny:EACCES", "deny:EINVAL"}},
	{V6_SETTING_ORDER, {"ipv4-first", "ipv6-first", "app"}},
	{V6_SETTING_ON_DISORDER, {"deny:EPERM", "deny:EACCES", "deny:EINVAL"}},
	{V6_SETTING_ON_CONFLICT, {"resolve", "share", "share-ipv6"}},
	{V6_SETTING_ON_MAPPED, {"deny:EPERM", "deny:EACCES", "allow"}},
	{V6_SETTING_ON_NONBOOLEAN, {"deny:EPERM", "deny:EACCES", "allow"}},
	{V6_SETTING_MODE, {"log", "enforce", "log"}},
	{V6_SETTING_PROFILE, {"netbsd", "aix", "qnx"}},
	{V6_SETTING_LOG, {"off", "syslog", "fd:7"}},
	{V6_SETTING_LOG_FORMAT, {"json", "text", "json"}},
	{V6_SETTING_LOG_LEVEL, {"bind", "all", "error"}},
};

static void test_a_higher_origin_wins_for_every_setting_and_every_set_of_origins(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT(settings); s++)
		for (unsigned set = 1; set < 8; set++) {
			char line[64];
			unsigned highest = set & 4 ? 2 : set & 2 ? 1 : 0;
			int n = snprintf(line, sizeof(line), "%s = %s\n",
				v6_setting_name(settings[s].id), settings[s].values[0]);

			v6_config_init(&config);
			for (unsigned o = 2; o; o--)
				if (set & 1u << o)
					give(settings[s].id, settings[s].values[o], given[o]);
			if (set & 1)
				assert_int_equal(read_file(line, (size_t)n), 0);
			v6_settings_finish(&config.settings);
			assert_string_equal(value_of(settings[s].id), settings[s].values[highest]);
			assert_int_equal(config.settings.origin[settings[s].id], given[highest]);
		}
}

static void test_whatever_is_given_beats_what_a_profile_sets(void **state)
{
	(void)state;
	for (unsigned p = V6_PROFILE_NONE + 1; p < V6_PROFILE_COUNT; p++)
		for (size_t s = 0; s < COUNT(settings); s++) {
			enum v6_setting id = settings[s].id;
			char line[64];
			int n = snprintf(line, sizeof(line), "%s = %s\n", v6_setting_name(id),
				settings[s].values[0]);

			if (id == V6_SETTING_PROFILE)
				continue;
			v6_config_init(&config);
			/* Even one from the command line is beaten by a file. */
			give(V6_SETTING_PROFILE, v6_profile_name(p), V6_ORIGIN_COMMAND_LINE);
			assert_int_equal(read_file(line, (size_t)n), 0);
			v6_settings_finish(&config.settings);
			assert_string_equal(value_of(id), settings[s].values[0]);
		}
}

/* ---- what a file can hold */

static void test_what_a_file_holds_is_read_back_and_the_rest_is_known_not_to_be(void **state)
{
	enum { ROUNDS = 200000 };
	static const char alphabet[] = "//aab =># \t%\\\"';\n\r\xc3\xbc\x7f\x1b";
	uint64_t seed = 3;
	unsigned held = 0, tried = 0;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		char path[16] = "/", line[32];
		unsigned len = 2 + random_below(&seed, sizeof(path) - 3);
		bool holds, same;
		int n;

		for (unsigned i = 1; i < len; i++)
			path[i] = alphabet[random_below(&seed, sizeof(alphabet) - 1)];
		v6_config_init(&config);
		if (give(V6_SETTING_LOG, path, V6_ORIGIN_ENVIRONMENT))
			continue;
		tried++;
		holds = v6_config_file_holds(fenced(path, len));
		held += holds;
		n = snprintf(line, sizeof(line), "log = %s\n", path);
		v6_config_init(&config);
		same = !v6_config_file(&config, slice("/c"), (struct v6_slice){line, (size_t)n},
			       NULL, NULL) &&
		       config.settings.log_path.len == len &&
		       !memcmp(config.settings.log_path.ptr, path, len);
		if (holds && !same)
			fail_msg("'%s' is not read back", path);
		/* Controls are let through by a file, and kept from a terminal all the same. */
		if (same && !holds)
			assert_false(v6_is_text((struct v6_slice){path, len}));
	}
	assert_true(tried > ROUNDS / 3);
	assert_true(held > tried / 50);
}

/* ---- anything at all */

static void test_of_any_bytes_comes_a_configuration_or_problems_in_their_lines(void **state)
{
	enum { ROUNDS = 60000 };
	static const char *const parts[] = {"policy", "mode", "log", "rules", "profile", "config",
		" = ", "=", "=>", "both", "log", "/x", "macos", "port=80 ", "program=*", "\n", "\n",
		"\r\n", " ", "#", ";", "\t", "deny:", "EPERM", "on-contrary"};
	uint64_t seed = 4;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		char text[256];
		size_t len = 0;

		for (unsigned n = random_below(&seed, 24); n; n--) {
			const char *part = parts[random_below(&seed, COUNT(parts))];

			if (!random_below(&seed, 40)) {
				text[len++] = (char)random_below(&seed, 256);
				continue;
			}
			memcpy(text + len, part, strlen(part));
			len += strlen(part);
			if (len > sizeof(text) - 16)
				break;
		}
		v6_config_init(&config);
		read_file(text, len);
		for (const char *c = told; *c; c++)
			assert_true(((unsigned char)*c >= ' ' && *c != 0x7f) || *c == '\n');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_settings_rules_and_comments),
		cmocka_unit_test(test_every_setting_but_the_file_itself_can_be_set),
		cmocka_unit_test(test_a_path_may_hold_an_arrow),
		cmocka_unit_test(test_every_mistake_is_told_with_file_line_and_column),
		cmocka_unit_test(test_a_file_is_named_by_the_end_of_its_path),
		cmocka_unit_test(test_what_cannot_be_read_is_told_in_words),
		cmocka_unit_test(test_mistakes_leave_the_good_lines_in_force),
		cmocka_unit_test(test_nobody_need_be_told),
		cmocka_unit_test(
			test_rules_of_a_higher_origin_replace_those_of_a_lower_whichever_comes_first),
		cmocka_unit_test(test_rules_of_the_file_come_behind_those_given),
		cmocka_unit_test(test_rules_that_are_given_again_add_to_the_others),
		cmocka_unit_test(test_empty_rules_replace_others),
		cmocka_unit_test(test_the_bound_on_rules_is_one_for_all_origins),
		cmocka_unit_test(
			test_a_higher_origin_wins_for_every_setting_and_every_set_of_origins),
		cmocka_unit_test(test_whatever_is_given_beats_what_a_profile_sets),
		cmocka_unit_test(
			test_what_a_file_holds_is_read_back_and_the_rest_is_known_not_to_be),
		cmocka_unit_test(
			test_of_any_bytes_comes_a_configuration_or_problems_in_their_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
