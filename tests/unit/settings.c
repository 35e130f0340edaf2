/*
 * Settings: the table of DESIGN.md 1.3 written out by hand, every value there and back, and who beats
 * whom. What a log in a file has for defaults: e2e/log.bats; what is said of mistakes: problem.c.
 */
#include "unit.h"

#include "core/settings.h"

#include <limits.h>

static char buf[65536];

/* ---- the contract's table */

/* By setting, in the order in which they are shown. */
static const struct {
	enum v6_setting id;
	const char *name, *env;
	const char *normal;     /* the default, as it is printed */
	const char *list;       /* the values in words, as they are listed */
	const char *values[16]; /* accepted, and printed back as they were given */
} contract[] = {
	{V6_SETTING_POLICY, "policy", "V6SHIM_POLICY", "app",
		"app, ipv6-only, both, default-ipv6-only, default-both",
		{"app", "ipv6-only", "both", "default-ipv6-only", "default-both"}},
	{V6_SETTING_ON_CONTRARY, "on-contrary", "V6SHIM_ON_CONTRARY", "allow", "allow, deny:ERRNO",
		{"allow", "deny:EPERM", "deny:EOPNOTSUPP"}},
	{V6_SETTING_ORDER, "order", "V6SHIM_ORDER", "app", "app, ipv4-first, ipv6-first",
		{"app", "ipv4-first", "ipv6-first"}},
	{V6_SETTING_ON_DISORDER, "on-disorder", "V6SHIM_ON_DISORDER", "log", "log, deny:ERRNO",
		{"log", "deny:EADDRINUSE"}},
	{V6_SETTING_ON_CONFLICT, "on-conflict", "V6SHIM_ON_CONFLICT", "fail",
		"fail, resolve, share, share-ipv6", {"fail", "resolve", "share", "share-ipv6"}},
	{V6_SETTING_ON_MAPPED, "on-mapped", "V6SHIM_ON_MAPPED", "allow", "allow, deny:ERRNO",
		{"allow", "deny:EADDRNOTAVAIL"}},
	{V6_SETTING_ON_NONBOOLEAN, "on-nonboolean", "V6SHIM_ON_NONBOOLEAN", "allow",
		"allow, deny:ERRNO", {"allow", "deny:EINVAL"}},
	{V6_SETTING_MODE, "mode", "V6SHIM_MODE", "enforce", "enforce, log", {"enforce", "log"}},
	{V6_SETTING_PROFILE, "profile", "V6SHIM_PROFILE", "none",
		"linux, freebsd, netbsd, openbsd, dragonfly, macos, illumos, windows, qnx, "
		"ibmi, aix, bindv6only=0, bindv6only=1",
		{"none", "linux", "freebsd", "netbsd", "openbsd", "dragonfly", "macos", "illumos",
			"windows", "qnx", "ibmi", "aix", "bindv6only=0", "bindv6only=1"}},
	{V6_SETTING_RULES, "rules", "V6SHIM_RULES", "none", "", {NULL}},
	{V6_SETTING_CONFIG, "config", "V6SHIM_CONFIG", "none", "",
		{"/etc/v6shim.conf", "/%d/100%"}},
	{V6_SETTING_LOG, "log", "V6SHIM_LOG", "stderr", "stderr, off, syslog, fd:N, /PATH",
		{"stderr", "off", "syslog", "fd:0", "fd:3", "fd:2147483647", "/x",
			"/var/log/v6shim/%n-%p.jsonl", "/100%%/a b/\xc3\xbc", "/%p%n%%%p",
			"/dev/stdout", "/PATH"}},
	{V6_SETTING_LOG_FORMAT, "log-format", "V6SHIM_LOG_FORMAT", "text", "text, json",
		{"text", "json"}},
	{V6_SETTING_LOG_LEVEL, "log-level", "V6SHIM_LOG_LEVEL", "change",
		"change, error, bind, all", {"change", "error", "bind", "all"}},
};

static const char *value_of(const struct v6_settings *s, enum v6_setting id)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_setting_value(&t, s, id);
	return buf;
}

static int set(struct v6_settings *s, enum v6_setting id, const char *value, enum v6_origin origin)
{
	struct v6_problem problem = {.setting = id, .origin = origin, .start = value};

	return v6_settings_set(s, id, slice(value), origin, &problem);
}

static void must_set(
	struct v6_settings *s, enum v6_setting id, const char *value, enum v6_origin origin)
{
	if (set(s, id, value, origin))
		fail_msg("%s: '%s' is refused", v6_setting_name(id), value);
}

TEST(names_defaults_and_words_are_the_contracts)
{
	struct v6_settings s;

	memset(&s, 0xa5, sizeof(s));
	v6_settings_init(&s);
	assert_int_equal(COUNT(contract), V6_SETTING_COUNT);
	for (unsigned i = 0; i < COUNT(contract); i++) {
		const char *name = contract[i].name, *env = contract[i].env;
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		assert_int_equal(contract[i].id, i);
		assert_string_equal(v6_setting_name(i), name);
		assert_int_equal(v6_setting_by_name(fenced(name, strlen(name))), i);
		v6_setting_env_name(&t, i);
		assert_string_equal(buf, env);
		assert_int_equal(v6_setting_by_env_name(fenced(env, strlen(env))), i);
		assert_true(v6_setting_env_ours(slice(env)));
		assert_true(strlen(v6_word_meaning(&v6_words(V6_LIST_SETTING)[i])) > 0);

		assert_string_equal(value_of(&s, i), contract[i].normal);
		assert_int_equal(s.origin[i], V6_ORIGIN_DEFAULT);
		t = v6_text_in(buf, sizeof(buf));
		v6_words_text(&t, v6_setting_list(i));
		assert_string_equal(buf, contract[i].list);
	}
	assert_int_equal(s.knobs.policy, V6_POLICY_APP);
	assert_int_equal(s.knobs.on_contrary, 0);
	assert_int_equal(s.level, V6_LOG_LEVEL_CHANGE);
}

TEST(nothing_else_is_a_name_and_every_variable_of_ours_is_judged)
{
	static const char *const strangers[] = {"", "polic", "policyx", "Policy", "policy ",
		"log_format", "V6SHIM_POLICY", "--policy", "log-"};
	static const struct {
		const char *name;
		bool ours;
	} variables[] = {{"V6SHIM_", true}, {"V6SHIM_POLIC", true}, {"V6SHIM_POLICYX", true},
		{"V6SHIM_policy", true}, {"V6SHIM_LOG-FORMAT", true}, {"V6SHIM__POLICY", true},
		{"V6SHIM_ON_CONTRARY_", true}, {"v6shim_policy", false}, {"XV6SHIM_POLICY", false},
		{"V6SHIM", false}, {"V6SHIMPOLICY", false}, {"PATH", false}, {"", false}};

	for (size_t i = 0; i < COUNT(strangers); i++)
		assert_int_equal(v6_setting_by_name(slice(strangers[i])), V6_SETTING_COUNT);
	for (size_t i = 0; i < COUNT(variables); i++) {
		struct v6_slice name = fenced(variables[i].name, strlen(variables[i].name));

		assert_int_equal(v6_setting_by_env_name(name), V6_SETTING_COUNT);
		assert_int_equal(v6_setting_env_ours(name), variables[i].ours);
	}
}

TEST(every_valid_value_is_taken_and_printed_back_and_changes_its_setting_alone)
{
	for (unsigned i = 0; i < COUNT(contract); i++)
		for (const char *const *v = contract[i].values; *v; v++) {
			struct v6_slice value = fenced(*v, strlen(*v));
			struct v6_problem problem;
			struct v6_settings s;

			v6_settings_init(&s);
			if (v6_settings_set(&s, i, value, V6_ORIGIN_FILE, &problem))
				fail_msg("%s: '%s' is refused", contract[i].name, *v);
			for (unsigned n = 0; n < COUNT(contract); n++) {
				assert_string_equal(
					value_of(&s, n), n == i ? *v : contract[n].normal);
				assert_int_equal(
					s.origin[n], n == i ? V6_ORIGIN_FILE : V6_ORIGIN_DEFAULT);
			}
		}
}

TEST(a_path_may_be_as_long_as_the_system_has_them_and_no_longer)
{
	static const enum v6_setting paths[] = {V6_SETTING_LOG, V6_SETTING_CONFIG};
	static char path[PATH_MAX];
	struct v6_problem problem = {0};
	struct v6_settings s;

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	v6_settings_init(&s);
	for (size_t i = 0; i < COUNT(paths); i++) {
		/* The system counts the NUL. */
		struct v6_slice longest = {path, PATH_MAX - 1}, longer = {path, PATH_MAX};

		assert_int_equal(
			v6_settings_set(&s, paths[i], longest, V6_ORIGIN_FILE, &problem), 0);
		assert_int_equal(
			v6_settings_set(&s, paths[i], longer, V6_ORIGIN_FILE, &problem), -1);
	}
	assert_int_equal(s.log_path.len, PATH_MAX - 1);
	assert_int_equal(s.config.len, PATH_MAX - 1);
}

/* ---- who beats whom */

static const enum v6_origin origins[] = {V6_ORIGIN_DEFAULT, V6_ORIGIN_PROFILE, V6_ORIGIN_FILE,
	V6_ORIGIN_ENVIRONMENT, V6_ORIGIN_OPTION};

TEST(the_higher_origin_wins_whichever_came_first_and_of_one_the_later_word)
{
	unsigned checked = 0;

	for (unsigned i = 0; i < COUNT(contract); i++)
		for (const char *const *one = contract[i].values; *one; one++)
			for (const char *const *two = contract[i].values; *two; two++)
				for (size_t n = 0; n < COUNT(origins) * COUNT(origins); n++) {
					size_t a = n / COUNT(origins), b = n % COUNT(origins);
					struct v6_settings s;

					v6_settings_init(&s);
					must_set(&s, i, *one, origins[a]);
					must_set(&s, i, *two, origins[b]);
					assert_string_equal(value_of(&s, i), b >= a ? *two : *one);
					assert_int_equal(s.origin[i], origins[b >= a ? b : a]);
					checked++;
				}
	assert_true(checked > 400 * COUNT(origins) * COUNT(origins));
}

/* ---- profiles: what each sets, e2e/profiles.bats */

TEST(what_is_given_beside_a_profile_wins_even_the_default)
{
	for (unsigned p = V6_PROFILE_LINUX; p < V6_PROFILE_COUNT; p++)
		for (unsigned o = V6_ORIGIN_FILE; o <= V6_ORIGIN_OPTION; o++)
			for (unsigned id = 0; id < V6_KNOBS; id++)
				for (int v = 0; v < 2; v++) {
					const char *given = contract[id].values[v];
					struct v6_settings s;

					v6_settings_init(&s);
					must_set(&s, V6_SETTING_PROFILE,
						v6_word(V6_LIST_PROFILE, p), V6_ORIGIN_OPTION);
					must_set(&s, id, given, o);
					v6_settings_finish(&s);
					assert_string_equal(value_of(&s, id), given);
					assert_int_equal(s.origin[id], o);
				}
}

/* ---- the defaults of a log in a file */

/* With each default alone taken: e2e/log.bats. */
TEST(a_log_in_a_file_is_json_of_every_bind_but_where_something_else_is_said)
{
	for (unsigned said = 0; said < 4; said++) {
		struct v6_settings s;

		v6_settings_init(&s);
		must_set(&s, V6_SETTING_LOG, "/x.log", V6_ORIGIN_FILE);
		if (said & 1)
			must_set(&s, V6_SETTING_LOG_FORMAT, "text", V6_ORIGIN_FILE);
		if (said & 2)
			must_set(&s, V6_SETTING_LOG_LEVEL, "change", V6_ORIGIN_OPTION);
		v6_settings_finish(&s);
		assert_int_equal(
			s.format, said & 1 ? V6_LOG_FORMAT_TEXT : V6_LOG_FORMAT_JSON);
		assert_int_equal(s.level, said & 2 ? V6_LOG_LEVEL_CHANGE : V6_LOG_LEVEL_BIND);
	}
}

TEST(a_path_that_was_beaten_decides_nothing)
{
	struct v6_settings s;

	v6_settings_init(&s);
	must_set(&s, V6_SETTING_LOG, "stderr", V6_ORIGIN_OPTION);
	must_set(&s, V6_SETTING_LOG, "/x.json", V6_ORIGIN_ENVIRONMENT);
	/* It is judged all the same. */
	assert_int_equal(set(&s, V6_SETTING_LOG, "x", V6_ORIGIN_ENVIRONMENT), -1);
	v6_settings_finish(&s);
	assert_int_equal(s.format, V6_LOG_FORMAT_TEXT);
	assert_int_equal(s.level, V6_LOG_LEVEL_CHANGE);
}

TEST(a_profile_is_printed_as_the_settings_that_it_sets)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_profile_text(&t, V6_PROFILE_NONE);
	assert_string_equal(buf, "");
	v6_profile_text(&t, V6_PROFILE_OPENBSD);
	assert_string_equal(buf, "policy=default-ipv6-only on-contrary=deny:EINVAL order=ipv4-first "
				 "on-mapped=deny:EADDRNOTAVAIL");
}

RUN_TESTS()
