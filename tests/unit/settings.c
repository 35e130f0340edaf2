/*
 * Settings: the table of DESIGN.md 1.3 written out by hand, every value there and back, and what is
 * said of every kind of mistake.
 */
#include "unit.h"

#include "core/errname.h"
#include "core/settings.h"

#include <errno.h>
#include <limits.h>

static char buf[65536];

/* ---- the contract's table */

#define PROFILES                                                                                   \
	"linux, freebsd, netbsd, openbsd, dragonfly, macos, illumos, windows, qnx, ibmi, aix, "    \
	"bindv6only=0, bindv6only=1"
#define LEVELS   "change, error, bind, all"
#define POLICIES "app, ipv6-only, both, default-ipv6-only, default-both"
#define LOGS     "stderr, off, syslog, fd:N, /PATH"
#define TEN      "xxxxxxxxxx"
#define SEVENTY  TEN TEN TEN TEN TEN TEN TEN

static const struct {
	enum v6_setting id;
	const char *name, *env, *option;
	const char *normal; /* the default, as it is printed */
	const char *words;  /* the values in words, as they are listed */
} contract[] = {
	{V6_SETTING_POLICY, "policy", "V6SHIM_POLICY", "--policy", "app",
		"app, ipv6-only, both, default-ipv6-only, default-both"},
	{V6_SETTING_ON_CONTRARY, "on-contrary", "V6SHIM_ON_CONTRARY", "--on-contrary", "allow",
		"allow, deny:ERRNO"},
	{V6_SETTING_ORDER, "order", "V6SHIM_ORDER", "--order", "app",
		"app, ipv4-first, ipv6-first"},
	{V6_SETTING_ON_DISORDER, "on-disorder", "V6SHIM_ON_DISORDER", "--on-disorder", "log",
		"log, deny:ERRNO"},
	{V6_SETTING_ON_CONFLICT, "on-conflict", "V6SHIM_ON_CONFLICT", "--on-conflict", "fail",
		"fail, resolve, share, share-ipv6"},
	{V6_SETTING_ON_MAPPED, "on-mapped", "V6SHIM_ON_MAPPED", "--on-mapped", "allow",
		"allow, deny:ERRNO"},
	{V6_SETTING_ON_NONBOOLEAN, "on-nonboolean", "V6SHIM_ON_NONBOOLEAN", "--on-nonboolean",
		"allow", "allow, deny:ERRNO"},
	{V6_SETTING_MODE, "mode", "V6SHIM_MODE", "--mode", "enforce", "enforce, log"},
	{V6_SETTING_PROFILE, "profile", "V6SHIM_PROFILE", "--profile", "none", PROFILES},
	{V6_SETTING_RULES, "rules", "V6SHIM_RULES", "--rules", "none", NULL},
	{V6_SETTING_CONFIG, "config", "V6SHIM_CONFIG", "--config", "none", NULL},
	{V6_SETTING_LOG, "log", "V6SHIM_LOG", "--log", "stderr",
		"stderr, off, syslog, fd:N, /PATH"},
	{V6_SETTING_LOG_FORMAT, "log-format", "V6SHIM_LOG_FORMAT", "--log-format", "text",
		"text, json"},
	{V6_SETTING_LOG_LEVEL, "log-level", "V6SHIM_LOG_LEVEL", "--log-level", "change",
		"change, error, bind, all"},
};

/* What is accepted, and printed back as it was given. */
static const struct {
	enum v6_setting id;
	const char *value;
} valid[] = {
	{V6_SETTING_POLICY, "app"},
	{V6_SETTING_POLICY, "ipv6-only"},
	{V6_SETTING_POLICY, "both"},
	{V6_SETTING_POLICY, "default-ipv6-only"},
	{V6_SETTING_POLICY, "default-both"},
	{V6_SETTING_ON_CONTRARY, "allow"},
	{V6_SETTING_ON_CONTRARY, "deny:EPERM"},
	{V6_SETTING_ON_CONTRARY, "deny:EOPNOTSUPP"},
	{V6_SETTING_ORDER, "app"},
	{V6_SETTING_ORDER, "ipv4-first"},
	{V6_SETTING_ORDER, "ipv6-first"},
	{V6_SETTING_ON_DISORDER, "log"},
	{V6_SETTING_ON_DISORDER, "deny:EADDRINUSE"},
	{V6_SETTING_ON_CONFLICT, "fail"},
	{V6_SETTING_ON_CONFLICT, "resolve"},
	{V6_SETTING_ON_CONFLICT, "share"},
	{V6_SETTING_ON_CONFLICT, "share-ipv6"},
	{V6_SETTING_ON_MAPPED, "allow"},
	{V6_SETTING_ON_MAPPED, "deny:EADDRNOTAVAIL"},
	{V6_SETTING_ON_NONBOOLEAN, "allow"},
	{V6_SETTING_ON_NONBOOLEAN, "deny:EINVAL"},
	{V6_SETTING_MODE, "enforce"},
	{V6_SETTING_MODE, "log"},
	{V6_SETTING_PROFILE, "linux"},
	{V6_SETTING_PROFILE, "freebsd"},
	{V6_SETTING_PROFILE, "netbsd"},
	{V6_SETTING_PROFILE, "openbsd"},
	{V6_SETTING_PROFILE, "dragonfly"},
	{V6_SETTING_PROFILE, "macos"},
	{V6_SETTING_PROFILE, "illumos"},
	{V6_SETTING_PROFILE, "windows"},
	{V6_SETTING_PROFILE, "qnx"},
	{V6_SETTING_PROFILE, "ibmi"},
	{V6_SETTING_PROFILE, "aix"},
	{V6_SETTING_PROFILE, "bindv6only=0"},
	{V6_SETTING_PROFILE, "bindv6only=1"},
	{V6_SETTING_CONFIG, "/etc/v6shim.conf"},
	{V6_SETTING_CONFIG, "/%d/100%"},
	{V6_SETTING_LOG, "stderr"},
	{V6_SETTING_LOG, "off"},
	{V6_SETTING_LOG, "syslog"},
	{V6_SETTING_LOG, "fd:0"},
	{V6_SETTING_LOG, "fd:3"},
	{V6_SETTING_LOG, "fd:2147483647"},
	{V6_SETTING_LOG, "/x"},
	{V6_SETTING_LOG, "/var/log/v6shim/%n-%p.jsonl"},
	{V6_SETTING_LOG, "/100%%/a b/\xc3\xbc"},
	{V6_SETTING_LOG, "/%p%n%%%p"},
	{V6_SETTING_LOG, "/dev/stdout"},
	{V6_SETTING_LOG, "/PATH"},
	{V6_SETTING_LOG_FORMAT, "text"},
	{V6_SETTING_LOG_FORMAT, "json"},
	{V6_SETTING_LOG_LEVEL, "change"},
	{V6_SETTING_LOG_LEVEL, "error"},
	{V6_SETTING_LOG_LEVEL, "bind"},
	{V6_SETTING_LOG_LEVEL, "all"},
};

static const char *value_of(const struct v6_settings *s, enum v6_setting id)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_setting_value(&t, s, id);
	return buf;
}

static int set(struct v6_settings *s, enum v6_setting id, const char *value, enum v6_origin origin)
{
	struct v6_problem problem;

	return v6_settings_set(s, id, slice(value), origin, &problem);
}

static void must_set(
	struct v6_settings *s, enum v6_setting id, const char *value, enum v6_origin origin)
{
	if (set(s, id, value, origin))
		fail_msg("%s: '%s' is refused", v6_setting_name(id), value);
}

static void test_names_are_the_contracts(void **state)
{
	(void)state;
	assert_int_equal(COUNT(contract), V6_SETTING_COUNT);
	for (unsigned i = 0; i < COUNT(contract); i++) {
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		assert_int_equal(contract[i].id, i);
		assert_string_equal(v6_setting_name(i), contract[i].name);
		assert_int_equal(
			v6_setting_by_name(fenced(contract[i].name, strlen(contract[i].name))), i);
		v6_setting_env_name(&t, i);
		assert_string_equal(buf, contract[i].env);
		assert_int_equal(
			v6_setting_by_env_name(fenced(contract[i].env, strlen(contract[i].env))),
			i);
		assert_true(v6_setting_env_ours(slice(contract[i].env)));
	}
}

static void test_nothing_else_is_a_name(void **state)
{
	static const char *const strangers[] = {"", "polic", "policyx", "Policy", "policy ",
		"log_format", "V6SHIM_POLICY", "--policy", "log-"};
	static const char *const env_strangers[] = {"V6SHIM_", "V6SHIM_POLIC", "V6SHIM_POLICYX",
		"V6SHIM_policy", "V6SHIM_LOG-FORMAT", "V6SHIM__POLICY", "V6SHIM_ON_CONTRARY_",
		"v6shim_policy", "POLICY", ""};

	(void)state;
	for (size_t i = 0; i < COUNT(strangers); i++)
		assert_int_equal(v6_setting_by_name(slice(strangers[i])), V6_SETTING_COUNT);
	for (size_t i = 0; i < COUNT(env_strangers); i++)
		assert_int_equal(v6_setting_by_env_name(slice(env_strangers[i])), V6_SETTING_COUNT);
}

static void test_every_variable_that_begins_with_v6shim_is_ours(void **state)
{
	static const char *const ours[] = {"V6SHIM_", "V6SHIM_X", "V6SHIM_POLICY", "V6SHIM__"};
	static const char *const others[] = {
		"", "V6SHIM", "v6shim_policy", "XV6SHIM_POLICY", "V6SHIMPOLICY", "PATH", "V"};

	(void)state;
	for (size_t i = 0; i < COUNT(ours); i++)
		assert_true(v6_setting_env_ours(fenced(ours[i], strlen(ours[i]))));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(v6_setting_env_ours(fenced(others[i], strlen(others[i]))));
}

static void test_defaults_are_the_contracts(void **state)
{
	struct v6_settings s;

	(void)state;
	memset(&s, 0xa5, sizeof(s));
	v6_settings_init(&s);
	for (unsigned i = 0; i < COUNT(contract); i++) {
		assert_string_equal(value_of(&s, i), contract[i].normal);
		assert_int_equal(s.origin[i], V6_ORIGIN_DEFAULT);
	}
	assert_int_equal(s.knobs.policy, V6_POLICY_APP);
	assert_int_equal(s.knobs.order, V6_ORDER_APP);
	assert_int_equal(s.knobs.on_conflict, V6_CONFLICT_FAIL);
	assert_int_equal(s.knobs.mode, V6_MODE_ENFORCE);
	assert_int_equal(s.knobs.on_contrary, 0);
	assert_int_equal(s.knobs.on_disorder, 0);
	assert_int_equal(s.log, V6_LOG_STDERR);
	assert_int_equal(s.level, V6_LEVEL_CHANGE);
	assert_int_equal(v6_settings_format(&s), V6_FORMAT_TEXT);
}

static void test_the_words_are_listed_default_first(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(contract); i++) {
		struct v6_text t = v6_text_in(buf, sizeof(buf));
		const char *word, *meaning;

		assert_true(strlen(v6_setting_help(i)) > 0);
		if (!contract[i].words)
			continue;
		v6_setting_values(&t, i);
		assert_string_equal(buf, contract[i].words);
		for (unsigned n = 0; (meaning = v6_setting_word(i, n, &word)); n++) {
			assert_true(strlen(meaning) > 0);
			if (!n && i != V6_SETTING_PROFILE)
				assert_string_equal(word, contract[i].normal);
		}
	}
}

static void test_every_valid_value_is_taken_and_printed_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(valid); i++) {
		struct v6_slice value = fenced(valid[i].value, strlen(valid[i].value));
		struct v6_problem problem;
		struct v6_settings s;

		v6_settings_init(&s);
		if (v6_settings_set(&s, valid[i].id, value, V6_ORIGIN_FILE, &problem))
			fail_msg("%s: '%s' is refused", v6_setting_name(valid[i].id),
				valid[i].value);
		assert_string_equal(value_of(&s, valid[i].id), valid[i].value);
		assert_int_equal(s.origin[valid[i].id], V6_ORIGIN_FILE);
	}
}

static void test_a_value_changes_its_setting_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(valid); i++) {
		struct v6_settings s;

		/* A path's ending is the format's default. */
		if (valid[i].id == V6_SETTING_LOG && valid[i].value[0] == '/')
			continue;
		v6_settings_init(&s);
		must_set(&s, valid[i].id, valid[i].value, V6_ORIGIN_ENVIRONMENT);
		for (unsigned n = 0; n < COUNT(contract); n++) {
			if (n == valid[i].id)
				continue;
			assert_string_equal(value_of(&s, n), contract[n].normal);
			assert_int_equal(s.origin[n], V6_ORIGIN_DEFAULT);
		}
	}
}

static void test_words_become_the_values_they_stand_for(void **state)
{
	struct v6_settings s;

	(void)state;
	v6_settings_init(&s);
	must_set(&s, V6_SETTING_POLICY, "default-both", V6_ORIGIN_FILE);
	must_set(&s, V6_SETTING_ON_CONTRARY, "deny:EPERM", V6_ORIGIN_FILE);
	must_set(&s, V6_SETTING_ORDER, "ipv6-first", V6_ORIGIN_FILE);
	must_set(&s, V6_SETTING_ON_DISORDER, "deny:EACCES", V6_ORIGIN_FILE);
	must_set(&s, V6_SETTING_ON_CONFLICT, "share-ipv6", V6_ORIGIN_FILE);
	must_set(&s, V6_SETTING_MODE, "log", V6_ORIGIN_FILE);
	must_set(&s, V6_SETTING_LOG, "fd:7", V6_ORIGIN_FILE);
	must_set(&s, V6_SETTING_LOG_FORMAT, "json", V6_ORIGIN_FILE);
	must_set(&s, V6_SETTING_LOG_LEVEL, "error", V6_ORIGIN_FILE);
	assert_int_equal(s.knobs.policy, V6_POLICY_DEFAULT_BOTH);
	assert_int_equal(s.knobs.on_contrary, EPERM);
	assert_int_equal(s.knobs.order, V6_ORDER_IPV6_FIRST);
	assert_int_equal(s.knobs.on_disorder, EACCES);
	assert_int_equal(s.knobs.on_conflict, V6_CONFLICT_SHARE_IPV6);
	assert_int_equal(s.knobs.mode, V6_MODE_LOG);
	assert_int_equal(s.log, V6_LOG_FD);
	assert_int_equal(s.log_fd, 7);
	assert_int_equal(v6_settings_format(&s), V6_FORMAT_JSON);
	assert_int_equal(s.level, V6_LEVEL_ERROR);
	must_set(&s, V6_SETTING_ON_CONTRARY, "allow", V6_ORIGIN_FILE);
	must_set(&s, V6_SETTING_ON_DISORDER, "log", V6_ORIGIN_FILE);
	must_set(&s, V6_SETTING_LOG, "/a/b", V6_ORIGIN_FILE);
	assert_int_equal(s.knobs.on_contrary, 0);
	assert_int_equal(s.knobs.on_disorder, 0);
	assert_int_equal(s.log, V6_LOG_PATH);
	assert_int_equal(s.log_path.len, 4);
	assert_memory_equal(s.log_path.ptr, "/a/b", 4);
}

static void test_values_have_the_words_that_are_read_and_no_others(void **state)
{
	(void)state;
	assert_string_equal(v6_setting_word_of(V6_SETTING_POLICY, V6_POLICY_APP), "app");
	assert_string_equal(
		v6_setting_word_of(V6_SETTING_POLICY, V6_POLICY_DEFAULT_BOTH), "default-both");
	assert_string_equal(
		v6_setting_word_of(V6_SETTING_ON_CONFLICT, V6_CONFLICT_SHARE_IPV6), "share-ipv6");
	assert_string_equal(v6_setting_word_of(V6_SETTING_MODE, V6_MODE_LOG), "log");
	assert_null(v6_setting_word_of(V6_SETTING_POLICY, 5));
	assert_null(v6_setting_word_of(V6_SETTING_ON_CONFLICT, 4));
	assert_null(v6_setting_word_of(V6_SETTING_MODE, UINT8_MAX));
	assert_null(v6_setting_word_of(V6_SETTING_LOG_LEVEL, UINT8_MAX));
}

static void test_a_path_with_control_bytes_is_printed_harmlessly(void **state)
{
	struct v6_settings s;

	(void)state;
	v6_settings_init(&s);
	must_set(&s, V6_SETTING_LOG, "/tmp/\x1b[2J\n\xff", V6_ORIGIN_FILE);
	assert_string_equal(value_of(&s, V6_SETTING_LOG), "/tmp/\\x1b[2J\\x0a\\xff");
}

/* ---- mistakes, and what is said of them */

static const struct mistake {
	enum v6_setting id;
	const char *value;
	const char *message; /* as the environment has it */
} mistakes[] = {
	/* One slip away: the nearest right word. */
	{V6_SETTING_POLICY, "ipv6only",
		"V6SHIM_POLICY: unknown value 'ipv6only'; did you mean 'ipv6-only'"},
	{V6_SETTING_POLICY, "IPV6-ONLY",
		"V6SHIM_POLICY: unknown value 'IPV6-ONLY'; did you mean 'ipv6-only'"},
	{V6_SETTING_POLICY, "ipv6_only",
		"V6SHIM_POLICY: unknown value 'ipv6_only'; did you mean 'ipv6-only'"},
	{V6_SETTING_POLICY, "ipv6",
		"V6SHIM_POLICY: unknown value 'ipv6'; did you mean 'ipv6-only'"},
	{V6_SETTING_POLICY, "boht", "V6SHIM_POLICY: unknown value 'boht'; did you mean 'both'"},
	{V6_SETTING_POLICY, "both ", "V6SHIM_POLICY: unknown value 'both '; did you mean 'both'"},
	{V6_SETTING_POLICY, " both", "V6SHIM_POLICY: unknown value ' both'; did you mean 'both'"},
	{V6_SETTING_POLICY, "app\n", "V6SHIM_POLICY: unknown value 'app\\x0a'; did you mean 'app'"},
	{V6_SETTING_POLICY, "default-ipv6",
		"V6SHIM_POLICY: unknown value 'default-ipv6'; did you mean 'default-ipv6-only'"},
	{V6_SETTING_ON_CONTRARY, "alow",
		"V6SHIM_ON_CONTRARY: unknown value 'alow'; did you mean 'allow'"},
	{V6_SETTING_ON_CONTRARY, "deny",
		"V6SHIM_ON_CONTRARY: unknown value 'deny'; did you mean 'deny:ERRNO'"},
	{V6_SETTING_ORDER, "ipv4first",
		"V6SHIM_ORDER: unknown value 'ipv4first'; did you mean 'ipv4-first'"},
	{V6_SETTING_ORDER, "ipv6", "V6SHIM_ORDER: unknown value 'ipv6'; did you mean 'ipv6-first'"},
	{V6_SETTING_ON_DISORDER, "lgo",
		"V6SHIM_ON_DISORDER: unknown value 'lgo'; did you mean 'log'"},
	{V6_SETTING_ON_CONFLICT, "resolv",
		"V6SHIM_ON_CONFLICT: unknown value 'resolv'; did you mean 'resolve'"},
	{V6_SETTING_ON_CONFLICT, "share-v6",
		"V6SHIM_ON_CONFLICT: unknown value 'share-v6'; did you mean 'share-ipv6'"},
	{V6_SETTING_MODE, "enforced",
		"V6SHIM_MODE: unknown value 'enforced'; did you mean 'enforce'"},
	{V6_SETTING_MODE, "Log", "V6SHIM_MODE: unknown value 'Log'; did you mean 'log'"},
	{V6_SETTING_LOG, "stder", "V6SHIM_LOG: unknown value 'stder'; did you mean 'stderr'"},
	{V6_SETTING_LOG, "Off", "V6SHIM_LOG: unknown value 'Off'; did you mean 'off'"},
	{V6_SETTING_LOG, "fd", "V6SHIM_LOG: unknown value 'fd'; did you mean 'fd:N'"},
	{V6_SETTING_LOG_FORMAT, "jsonl",
		"V6SHIM_LOG_FORMAT: unknown value 'jsonl'; did you mean 'json'"},
	{V6_SETTING_LOG_FORMAT, "JSON",
		"V6SHIM_LOG_FORMAT: unknown value 'JSON'; did you mean 'json'"},
	{V6_SETTING_LOG_LEVEL, "changes",
		"V6SHIM_LOG_LEVEL: unknown value 'changes'; did you mean 'change'"},

	/* Far from every word: all of them. */
	{V6_SETTING_POLICY, "dual", "V6SHIM_POLICY: unknown value 'dual'; valid: " POLICIES},
	{V6_SETTING_POLICY, "1", "V6SHIM_POLICY: unknown value '1'; valid: " POLICIES},
	{V6_SETTING_POLICY, "deny:EPERM",
		"V6SHIM_POLICY: unknown value 'deny:EPERM'; valid: " POLICIES},
	{V6_SETTING_POLICY, "\x1b[31mred\xff",
		"V6SHIM_POLICY: unknown value '\\x1b[31mred\\xff'; valid: " POLICIES},
	{V6_SETTING_POLICY, "it's \\ \"x\"",
		"V6SHIM_POLICY: unknown value 'it's \\\\ \"x\"'; valid: " POLICIES},
	{V6_SETTING_POLICY, SEVENTY TEN,
		"V6SHIM_POLICY: unknown value '" SEVENTY TEN "'; valid: " POLICIES},
	{V6_SETTING_POLICY, SEVENTY TEN TEN,
		"V6SHIM_POLICY: unknown value '" SEVENTY TEN "...'; valid: " POLICIES},
	{V6_SETTING_ON_CONTRARY, "EPERM",
		"V6SHIM_ON_CONTRARY: unknown value 'EPERM'; valid: allow, deny:ERRNO"},
	{V6_SETTING_ON_DISORDER, "allow",
		"V6SHIM_ON_DISORDER: unknown value 'allow'; valid: log, deny:ERRNO"},
	{V6_SETTING_ORDER, "random",
		"V6SHIM_ORDER: unknown value 'random'; valid: app, ipv4-first, ipv6-first"},
	{V6_SETTING_ON_CONFLICT, "kill",
		"V6SHIM_ON_CONFLICT: unknown value 'kill'; valid: fail, resolve, share, "
		"share-ipv6"},
	{V6_SETTING_MODE, "dry-run", "V6SHIM_MODE: unknown value 'dry-run'; valid: enforce, log"},
	{V6_SETTING_LOG, "console", "V6SHIM_LOG: unknown value 'console'; valid: " LOGS},
	{V6_SETTING_LOG_FORMAT, "xml", "V6SHIM_LOG_FORMAT: unknown value 'xml'; valid: text, json"},
	{V6_SETTING_LOG_LEVEL, "warning",
		"V6SHIM_LOG_LEVEL: unknown value 'warning'; valid: " LEVELS},

	/* Nothing at all. */
	{V6_SETTING_POLICY, "", "V6SHIM_POLICY: no value given; valid: " POLICIES},
	{V6_SETTING_ON_CONTRARY, "",
		"V6SHIM_ON_CONTRARY: no value given; valid: allow, deny:ERRNO"},
	{V6_SETTING_LOG, "", "V6SHIM_LOG: no value given; valid: " LOGS},
	{V6_SETTING_LOG_LEVEL, "", "V6SHIM_LOG_LEVEL: no value given; valid: " LEVELS},

	/* A part of the value is wrong: where it stands. */
	{V6_SETTING_ON_CONTRARY, "deny:EPREM",
		"V6SHIM_ON_CONTRARY: unknown errno 'EPREM' at column 6; did you mean 'EPERM'"},
	{V6_SETTING_ON_CONTRARY, "deny:eperm",
		"V6SHIM_ON_CONTRARY: unknown errno 'eperm' at column 6; did you mean 'EPERM'"},
	{V6_SETTING_ON_CONTRARY, "deny:EPERM ",
		"V6SHIM_ON_CONTRARY: unknown errno 'EPERM ' at column 6; did you mean 'EPERM'"},
	{V6_SETTING_ON_CONTRARY, "deny:1",
		"V6SHIM_ON_CONTRARY: unknown errno '1' at column 6; a symbolic name is meant, as "
		"in deny:EPERM"},
	{V6_SETTING_ON_CONTRARY, "deny:permission denied",
		"V6SHIM_ON_CONTRARY: unknown errno 'permission denied' at column 6; a symbolic "
		"name is meant, as in deny:EPERM"},
	{V6_SETTING_ON_CONTRARY, "deny:",
		"V6SHIM_ON_CONTRARY: no errno given at column 6; a symbolic name is meant, as in "
		"deny:EPERM"},
	{V6_SETTING_ON_CONTRARY, "deny:ERRNO",
		"V6SHIM_ON_CONTRARY: unknown errno 'ERRNO' at column 6; a symbolic name is meant, "
		"as in deny:EPERM"},
	{V6_SETTING_ON_DISORDER, "deny:EADRINUSE",
		"V6SHIM_ON_DISORDER: unknown errno 'EADRINUSE' at column 6; did you mean "
		"'EADDRINUSE'"},
	{V6_SETTING_ON_CONTRARY, "deny:deny:EPERM",
		"V6SHIM_ON_CONTRARY: unknown errno 'deny:EPERM' at column 6; a symbolic name is "
		"meant, as in deny:EPERM"},
	{V6_SETTING_LOG, "/tmp/%d.log",
		"V6SHIM_LOG: '%d' at column 6 is no conversion; valid: %p, %n, %%"},
	{V6_SETTING_LOG, "/tmp/%%%P",
		"V6SHIM_LOG: '%P' at column 8 is no conversion; valid: %p, %n, %%"},
	{V6_SETTING_LOG, "/tmp/50%",
		"V6SHIM_LOG: '%' at column 8 is no conversion; valid: %p, %n, %%"},
	{V6_SETTING_LOG, "/%\n",
		"V6SHIM_LOG: '%\\x0a' at column 2 is no conversion; valid: %p, "
		"%n, %%"},
	{V6_SETTING_LOG, "/%5p",
		"V6SHIM_LOG: '%5' at column 2 is no conversion; valid: %p, %n, %%"},
	{V6_SETTING_LOG, "fd:x", "V6SHIM_LOG: 'x' at column 4 is no descriptor's number"},
	{V6_SETTING_LOG, "fd:N", "V6SHIM_LOG: 'N' at column 4 is no descriptor's number"},
	{V6_SETTING_LOG, "fd:-1", "V6SHIM_LOG: '-1' at column 4 is no descriptor's number"},
	{V6_SETTING_LOG, "fd:+1", "V6SHIM_LOG: '+1' at column 4 is no descriptor's number"},
	{V6_SETTING_LOG, "fd: 1", "V6SHIM_LOG: ' 1' at column 4 is no descriptor's number"},
	{V6_SETTING_LOG, "fd:3x", "V6SHIM_LOG: '3x' at column 4 is no descriptor's number"},
	{V6_SETTING_LOG, "fd:0x3", "V6SHIM_LOG: '0x3' at column 4 is no descriptor's number"},
	{V6_SETTING_LOG, "fd:2147483648",
		"V6SHIM_LOG: '2147483648' at column 4 is no descriptor's number"},
	{V6_SETTING_LOG, "fd:4294967299",
		"V6SHIM_LOG: '4294967299' at column 4 is no descriptor's number"},
	{V6_SETTING_LOG, "fd:18446744073709551619",
		"V6SHIM_LOG: '18446744073709551619' at column 4 is no descriptor's number"},
	{V6_SETTING_LOG, "fd:", "V6SHIM_LOG: no descriptor's number given at column 4"},

	/* Paths. */
	{V6_SETTING_LOG, "x.log", "V6SHIM_LOG: 'x.log' is not an absolute path"},
	{V6_SETTING_LOG, "./x", "V6SHIM_LOG: './x' is not an absolute path"},
	{V6_SETTING_LOG, "logs/x", "V6SHIM_LOG: 'logs/x' is not an absolute path"},
	{V6_SETTING_LOG, "~/x", "V6SHIM_LOG: '~/x' is not an absolute path"},
	{V6_SETTING_LOG, "..", "V6SHIM_LOG: '..' is not an absolute path"},
	{V6_SETTING_LOG, "/", "V6SHIM_LOG: '/' is a directory, a file is meant"},
	{V6_SETTING_LOG, "/var/log/", "V6SHIM_LOG: '/var/log/' is a directory, a file is meant"},

	{V6_SETTING_CONFIG, "v6shim.conf", "V6SHIM_CONFIG: 'v6shim.conf' is not an absolute path"},
	{V6_SETTING_CONFIG, "~/v6shim.conf",
		"V6SHIM_CONFIG: '~/v6shim.conf' is not an absolute path"},
	{V6_SETTING_CONFIG, "", "V6SHIM_CONFIG: no value given; an absolute path is meant"},

	/* Profiles. */
	{V6_SETTING_PROFILE, "freebds",
		"V6SHIM_PROFILE: unknown value 'freebds'; did you mean 'freebsd'"},
	{V6_SETTING_PROFILE, "macOS",
		"V6SHIM_PROFILE: unknown value 'macOS'; did you mean 'macos'"},
	{V6_SETTING_PROFILE, "bindv6only",
		"V6SHIM_PROFILE: unknown value 'bindv6only'; did you mean 'bindv6only=0'"},
	{V6_SETTING_PROFILE, "plan9", "V6SHIM_PROFILE: unknown value 'plan9'; valid: " PROFILES},
	{V6_SETTING_PROFILE, "", "V6SHIM_PROFILE: no value given; valid: " PROFILES},

	/* What a system cannot do. */
	{V6_SETTING_ON_MAPPED, "deny:EADDRNOTAVAIL,EPERM",
		"V6SHIM_ON_MAPPED: unknown errno 'EADDRNOTAVAIL,EPERM' at column 6; a symbolic "
		"name is meant, as in deny:EPERM"},
	{V6_SETTING_ON_NONBOOLEAN, "EINVAL",
		"V6SHIM_ON_NONBOOLEAN: unknown value 'EINVAL'; valid: allow, deny:ERRNO"},
};

static const char *problem_text(const struct v6_problem *problem, enum v6_spelling spelling)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_problem_text(&t, problem, spelling);
	return buf;
}

/* Whether it was explained otherwise; all of them are to be seen, not the first alone. */
static unsigned wrongly_explained(
	const struct mistake *m, const char *message, enum v6_spelling spelling)
{
	struct v6_slice value = fenced(m->value, strlen(m->value));
	struct v6_settings s, as_it_was;
	struct v6_problem problem;
	const char *text;

	/* Bytes between the members count as well: nothing is written at all. */
	memset(&s, 0x5a, sizeof(s));
	v6_settings_init(&s);
	memcpy(&as_it_was, &s, sizeof(s));
	if (!v6_settings_set(&s, m->id, value, V6_ORIGIN_COMMAND_LINE, &problem))
		fail_msg("'%s' is accepted, expected %s", m->value, message);
	assert_memory_equal(&s, &as_it_was, sizeof(s));
	text = problem_text(&problem, spelling);
	if (!strcmp(text, message))
		return 0;
	print_error("# it says\n#   %s\n# expected was\n#   %s\n", text, message);
	return 1;
}

static void test_every_mistake_is_explained(void **state)
{
	unsigned wrong = 0;

	(void)state;
	assert_true(COUNT(mistakes) >= 40);
	for (size_t i = 0; i < COUNT(mistakes); i++)
		wrong += wrongly_explained(&mistakes[i], mistakes[i].message, V6_SPELL_ENV);
	assert_int_equal(wrong, 0);
}

/* The same mistake, in the spelling in which it was made. */
static void test_every_mistake_is_explained_in_its_own_spelling(void **state)
{
	char message[600];
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		const char *rest = strchr(mistakes[i].message, ':');

		snprintf(message, sizeof(message), "%s%s", contract[mistakes[i].id].name, rest);
		wrong += wrongly_explained(&mistakes[i], message, V6_SPELL_NAME);
		snprintf(message, sizeof(message), "%s%s", contract[mistakes[i].id].option, rest);
		wrong += wrongly_explained(&mistakes[i], message, V6_SPELL_OPTION);
	}
	assert_int_equal(wrong, 0);
}

static void test_a_mistake_leaves_earlier_settings_as_they_were(void **state)
{
	struct v6_settings s, as_it_was;

	(void)state;
	memset(&s, 0x5a, sizeof(s));
	v6_settings_init(&s);
	for (size_t i = 0; i < COUNT(valid); i++)
		must_set(&s, valid[i].id, valid[i].value, V6_ORIGIN_ENVIRONMENT);
	memcpy(&as_it_was, &s, sizeof(s));
	for (size_t i = 0; i < COUNT(mistakes); i++)
		for (int origin = V6_ORIGIN_DEFAULT; origin <= V6_ORIGIN_COMMAND_LINE; origin++) {
			assert_int_equal(
				set(&s, mistakes[i].id, mistakes[i].value, (enum v6_origin)origin),
				-1);
			assert_memory_equal(&s, &as_it_was, sizeof(s));
		}
}

static const char *unknown(const char *name, enum v6_spelling spelling)
{
	struct v6_problem problem = {.kind = V6_PROBLEM_UNKNOWN_SETTING,
		.setting = V6_SETTING_COUNT,
		.text = fenced(name, strlen(name))};

	return problem_text(&problem, spelling);
}

static void test_an_unknown_setting_is_explained(void **state)
{
	static const struct {
		enum v6_spelling spelling;
		const char *name;
		const char *message;
	} rows[] = {
		{V6_SPELL_ENV, "V6SHIM_POLCY",
			"V6SHIM_POLCY: unknown setting; did you mean 'V6SHIM_POLICY'"},
		{V6_SPELL_ENV, "V6SHIM_policy",
			"V6SHIM_policy: unknown setting; did you mean 'V6SHIM_POLICY'"},
		{V6_SPELL_ENV, "V6SHIM_LOGFORMAT",
			"V6SHIM_LOGFORMAT: unknown setting; did you mean 'V6SHIM_LOG_FORMAT'"},
		{V6_SPELL_ENV, "V6SHIM_ONCONTRARY",
			"V6SHIM_ONCONTRARY: unknown setting; did you mean 'V6SHIM_ON_CONTRARY'"},
		{V6_SPELL_ENV, "V6SHIM_LOG-LEVEL",
			"V6SHIM_LOG-LEVEL: unknown setting; did you mean 'V6SHIM_LOG_LEVEL'"},
		{V6_SPELL_ENV, "V6SHIM_RULE",
			"V6SHIM_RULE: unknown setting; did you mean 'V6SHIM_RULES'"},
		{V6_SPELL_NAME, "polcy", "polcy: unknown setting; did you mean 'policy'"},
		{V6_SPELL_NAME, "on_conflict",
			"on_conflict: unknown setting; did you mean 'on-conflict'"},
		{V6_SPELL_NAME, "modes", "modes: unknown setting; did you mean 'mode'"},
		{V6_SPELL_OPTION, "--polcy", "--polcy: unknown setting; did you mean '--policy'"},
		{V6_SPELL_OPTION, "--log_format",
			"--log_format: unknown setting; did you mean '--log-format'"},
		{V6_SPELL_OPTION, "-policy", "-policy: unknown setting; did you mean '--policy'"},
		{V6_SPELL_ENV, "V6SHIM_\x1bPOLICY",
			"V6SHIM_\\x1bPOLICY: unknown setting; did you mean 'V6SHIM_POLICY'"},
		{V6_SPELL_NAME, "colour",
			"colour: unknown setting; valid: policy, on-contrary, order, on-disorder, "
			"on-conflict, on-mapped, on-nonboolean, mode, profile, rules, config, log, "
			"log-format, log-level"},
		{V6_SPELL_OPTION, "--verbose",
			"--verbose: unknown setting; valid: --policy, --on-contrary, --order, "
			"--on-disorder, --on-conflict, --on-mapped, --on-nonboolean, --mode, "
			"--profile, --rules, --config, "
			"--log, --log-format, --log-level"},
		{V6_SPELL_ENV, "V6SHIM_",
			"V6SHIM_: unknown setting; valid: V6SHIM_POLICY, V6SHIM_ON_CONTRARY, "
			"V6SHIM_ORDER, V6SHIM_ON_DISORDER, V6SHIM_ON_CONFLICT, V6SHIM_ON_MAPPED, "
			"V6SHIM_ON_NONBOOLEAN, V6SHIM_MODE, "
			"V6SHIM_PROFILE, V6SHIM_RULES, V6SHIM_CONFIG, V6SHIM_LOG, "
			"V6SHIM_LOG_FORMAT, V6SHIM_LOG_LEVEL"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *text = unknown(rows[i].name, rows[i].spelling);

		if (strcmp(text, rows[i].message))
			fail_msg("it says\n%s\nexpected was\n%s", text, rows[i].message);
	}
}

/* The library has less than a kilobyte for a complaint. */
static void test_an_endless_name_does_not_push_the_explanation_out(void **state)
{
	enum { ROOM = 768 };
	static char name[5000];
	struct v6_problem problem = {.kind = V6_PROBLEM_UNKNOWN_SETTING,
		.setting = V6_SETTING_COUNT,
		.text = {name, sizeof(name)}};
	struct v6_text t = v6_text_in(buf, ROOM);

	(void)state;
	memset(name, 'X', sizeof(name));
	memcpy(name, "V6SHIM_", 7);
	v6_problem_text(&t, &problem, V6_SPELL_ENV);
	assert_non_null(strstr(buf, ": unknown setting; "));
	assert_non_null(strstr(buf, "V6SHIM_LOG_LEVEL"));
	assert_false(t.full);
}

static void test_a_character_is_not_cut_in_two_where_a_long_value_is(void **state)
{
	struct v6_settings s;
	struct v6_problem problem;

	(void)state;
	v6_settings_init(&s);
	/* The eightieth byte is the first of two. */
	assert_int_equal(
		v6_settings_set(&s, V6_SETTING_MODE, slice(SEVENTY "xxxxxxxxx\xc3\xbc and more"),
			V6_ORIGIN_FILE, &problem),
		-1);
	assert_null(strstr(problem_text(&problem, V6_SPELL_NAME), "\\x"));
}

static void test_a_path_may_be_as_long_as_the_system_has_them_and_no_longer(void **state)
{
	static const enum v6_setting paths[] = {V6_SETTING_LOG, V6_SETTING_CONFIG};
	static char path[PATH_MAX];
	struct v6_problem problem;
	struct v6_settings s;

	(void)state;
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
		problem_text(&problem, V6_SPELL_ENV);
		assert_non_null(strstr(buf, "...' is longer than 4095 bytes"));
	}
	assert_int_equal(s.log_path.len, PATH_MAX - 1);
	assert_int_equal(s.config.len, PATH_MAX - 1);
}

static void test_a_nul_in_a_value_is_not_its_end(void **state)
{
	struct v6_problem problem;
	struct v6_settings s;

	(void)state;
	v6_settings_init(&s);
	assert_int_equal(v6_settings_set(&s, V6_SETTING_POLICY, (struct v6_slice){"both\0x", 6},
				 V6_ORIGIN_FILE, &problem),
		-1);
	assert_int_equal(v6_settings_set(&s, V6_SETTING_LOG, (struct v6_slice){"/a%\0", 4},
				 V6_ORIGIN_FILE, &problem),
		-1);
	assert_string_equal(problem_text(&problem, V6_SPELL_NAME),
		"log: '%\\x00' at column 3 is no conversion; valid: %p, %n, %%");
}

/* A caller's problem may hold the one before, or anything. */
static void test_a_problem_is_filled_from_end_to_end(void **state)
{
	struct v6_problem problem;
	struct v6_settings s;

	(void)state;
	memset(&problem, 0x5a, sizeof(problem));
	v6_settings_init(&s);
	assert_int_equal(
		v6_settings_set(&s, V6_SETTING_MODE, slice("logg"), V6_ORIGIN_FILE, &problem), -1);
	assert_string_equal(problem_text(&problem, V6_SPELL_NAME),
		"mode: unknown value 'logg'; did you mean 'log'");
}

static void test_a_problem_points_at_the_offending_part(void **state)
{
	static const struct {
		enum v6_setting id;
		const char *value;
		int kind;
		size_t column, len;
	} rows[] = {
		{V6_SETTING_POLICY, "bth", V6_PROBLEM_UNKNOWN_VALUE, 1, 3},
		{V6_SETTING_ON_CONTRARY, "deny:X", V6_PROBLEM_UNKNOWN_ERRNO, 6, 1},
		{V6_SETTING_LOG, "a/b", V6_PROBLEM_NOT_ABSOLUTE, 1, 3},
		{V6_SETTING_LOG, "/a/", V6_PROBLEM_DIRECTORY, 1, 3},
		{V6_SETTING_LOG, "/a/%p/%z.x", V6_PROBLEM_CONVERSION, 7, 2},
		{V6_SETTING_LOG, "fd:abc", V6_PROBLEM_DESCRIPTOR, 4, 3},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct v6_slice value = slice(rows[i].value);
		struct v6_problem problem;
		struct v6_settings s;

		v6_settings_init(&s);
		assert_int_equal(
			v6_settings_set(&s, rows[i].id, value, V6_ORIGIN_FILE, &problem), -1);
		assert_int_equal(problem.kind, rows[i].kind);
		assert_int_equal(problem.setting, rows[i].id);
		assert_int_equal(problem.column, rows[i].column);
		assert_ptr_equal(problem.text.ptr, value.ptr + rows[i].column - 1);
		assert_int_equal(problem.text.len, rows[i].len);
	}
}

/* A message that does not fit is cut, never more. */
static void test_no_message_is_written_beyond_its_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(mistakes); i++)
		for (size_t size = 1; size < strlen(mistakes[i].message) + 3; size++) {
			struct v6_text t = v6_text_in(fence_last(size), size);
			struct v6_problem problem;
			struct v6_settings s;

			v6_settings_init(&s);
			assert_int_equal(
				v6_settings_set(&s, mistakes[i].id, slice(mistakes[i].value),
					V6_ORIGIN_FILE, &problem),
				-1);
			v6_problem_text(&t, &problem, V6_SPELL_ENV);
			assert_int_equal(strlen(t.buf), t.len);
			assert_true(t.len < size);
		}
}

/* ---- what a rule may set */

static const struct {
	enum v6_setting id;
	const char *value, *bad;
} knobs[] = {
	{V6_SETTING_POLICY, "both", "bth"},
	{V6_SETTING_ON_CONTRARY, "deny:EPERM", "deny:"},
	{V6_SETTING_ORDER, "ipv6-first", ""},
	{V6_SETTING_ON_DISORDER, "deny:EACCES", "allow"},
	{V6_SETTING_ON_CONFLICT, "resolve", "log"},
	{V6_SETTING_ON_MAPPED, "deny:EADDRNOTAVAIL", "deny:x"},
	{V6_SETTING_ON_NONBOOLEAN, "deny:EINVAL", "EINVAL"},
	{V6_SETTING_MODE, "log", "off"},
};

static const char *knob_of(const struct v6_knobs *k, enum v6_setting id)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_knobs_value(&t, k, id);
	return buf;
}

static void test_each_knob_is_set_and_copied_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(knobs); i++) {
		struct v6_knobs from = {0}, to = {0}, normal = {0};
		struct v6_problem problem = {0};

		assert_int_equal(
			v6_knobs_set(&from, knobs[i].id, slice(knobs[i].value), &problem), 0);
		v6_knobs_copy(&to, &from, knobs[i].id);
		for (size_t n = 0; n < COUNT(knobs); n++) {
			const char *should = n == i ? knobs[i].value : contract[knobs[n].id].normal;

			assert_string_equal(knob_of(&from, knobs[n].id), should);
			assert_string_equal(knob_of(&to, knobs[n].id), should);
		}
		v6_knobs_copy(&to, &normal, knobs[i].id);
		assert_memory_equal(&to, &normal, sizeof(to));
		assert_int_equal(v6_knobs_set(&to, knobs[i].id, slice(knobs[i].bad), &problem), -1);
		assert_memory_equal(&to, &normal, sizeof(to));
	}
}

/* ---- who beats whom */

static const enum v6_origin origins[] = {V6_ORIGIN_DEFAULT, V6_ORIGIN_PROFILE, V6_ORIGIN_FILE,
	V6_ORIGIN_ENVIRONMENT, V6_ORIGIN_COMMAND_LINE};

static const struct {
	enum v6_setting id;
	const char *one, *two;
} pairs[] = {
	{V6_SETTING_POLICY, "both", "ipv6-only"},
	{V6_SETTING_ON_CONTRARY, "deny:EPERM", "deny:EINVAL"},
	{V6_SETTING_ON_CONTRARY, "deny:EPERM", "allow"},
	{V6_SETTING_ORDER, "ipv4-first", "ipv6-first"},
	{V6_SETTING_ON_DISORDER, "deny:EPERM", "log"},
	{V6_SETTING_ON_CONFLICT, "share", "fail"},
	{V6_SETTING_ON_MAPPED, "deny:EPERM", "deny:EINVAL"},
	{V6_SETTING_ON_NONBOOLEAN, "deny:EPERM", "allow"},
	{V6_SETTING_MODE, "log", "enforce"},
	{V6_SETTING_PROFILE, "linux", "aix"},
	{V6_SETTING_CONFIG, "/one", "/two"},
	{V6_SETTING_LOG, "off", "syslog"},
	{V6_SETTING_LOG, "fd:3", "fd:4"},
	{V6_SETTING_LOG, "/one.json", "/two"},
	{V6_SETTING_LOG, "/one", "stderr"},
	{V6_SETTING_LOG_FORMAT, "json", "text"},
	{V6_SETTING_LOG_LEVEL, "all", "error"},
};

static void test_the_higher_origin_wins_whichever_came_first(void **state)
{
	unsigned checked = 0;

	(void)state;
	for (size_t p = 0; p < COUNT(pairs); p++)
		for (size_t a = 0; a < COUNT(origins); a++)
			for (size_t b = 0; b < COUNT(origins); b++, checked++) {
				/* Of one origin the later word counts. */
				bool second = b >= a;
				struct v6_settings s;

				v6_settings_init(&s);
				must_set(&s, pairs[p].id, pairs[p].one, origins[a]);
				must_set(&s, pairs[p].id, pairs[p].two, origins[b]);
				assert_string_equal(value_of(&s, pairs[p].id),
					second ? pairs[p].two : pairs[p].one);
				assert_int_equal(s.origin[pairs[p].id], origins[second ? b : a]);
			}
	assert_int_equal(checked, 17 * 25);
}

static void test_the_order_of_origins_is_the_contracts(void **state)
{
	static const char *const names[] = {
		"default", "profile", "configuration file", "environment", "command line"};

	(void)state;
	for (size_t i = 0; i < COUNT(origins); i++) {
		assert_int_equal(origins[i], i);
		assert_string_equal(v6_origin_name(origins[i]), names[i]);
	}
}

static void test_of_all_origins_in_any_order_the_highest_wins(void **state)
{
	static const char *const words[] = {
		"app", "ipv6-only", "both", "default-ipv6-only", "default-both"};
	unsigned orders = 0;

	(void)state;
	/* Every number of five digits to the base five that has each digit once. */
	for (unsigned n = 0; n < 3125; n++) {
		unsigned seen = 0, rest = n;
		struct v6_settings s;

		for (int i = 0; i < 5; i++, rest /= 5)
			seen |= 1u << rest % 5;
		if (seen != 31)
			continue;
		orders++;
		v6_settings_init(&s);
		rest = n;
		for (int i = 0; i < 5; i++, rest /= 5)
			must_set(&s, V6_SETTING_POLICY, words[rest % 5], origins[rest % 5]);
		assert_string_equal(value_of(&s, V6_SETTING_POLICY), "default-both");
	}
	assert_int_equal(orders, 120);
}

static void test_what_is_beaten_is_judged_all_the_same(void **state)
{
	struct v6_settings s;

	(void)state;
	v6_settings_init(&s);
	must_set(&s, V6_SETTING_POLICY, "both", V6_ORIGIN_COMMAND_LINE);
	assert_int_equal(set(&s, V6_SETTING_POLICY, "bth", V6_ORIGIN_ENVIRONMENT), -1);
	assert_int_equal(set(&s, V6_SETTING_POLICY, "ipv6-only", V6_ORIGIN_ENVIRONMENT), 0);
	assert_string_equal(value_of(&s, V6_SETTING_POLICY), "both");
}

/* ---- profiles */

/* FACTS.md 2; what is not known of a system is left to the default. */
static const struct {
	const char *profile;
	const char *policy, *on_contrary, *order, *on_conflict, *on_mapped, *on_nonboolean;
} systems[] = {
	{"linux", "default-both", "allow", "ipv4-first", "fail", "allow", "allow"},
	{"freebsd", "default-ipv6-only", "allow", "ipv6-first", "share-ipv6", "deny:EADDRNOTAVAIL",
		"allow"},
	{"netbsd", "default-ipv6-only", "allow", "ipv6-first", "share", "allow", "allow"},
	{"openbsd", "default-ipv6-only", "deny:EINVAL", "ipv4-first", "fail", "deny:EADDRNOTAVAIL",
		"allow"},
	{"dragonfly", "default-ipv6-only", "deny:EOPNOTSUPP", "ipv6-first", "fail",
		"deny:EADDRNOTAVAIL", "allow"},
	{"macos", "default-both", "allow", "ipv4-first", "share-ipv6", "deny:EADDRNOTAVAIL",
		"allow"},
	{"illumos", "default-both", "allow", "ipv6-first", "share", "deny:EADDRNOTAVAIL",
		"deny:EINVAL"},
	{"openindiana", "default-both", "allow", "ipv6-first", "share", "deny:EADDRNOTAVAIL",
		"deny:EINVAL"},
	{"solaris", "default-both", "allow", "ipv6-first", "share", "deny:EADDRNOTAVAIL",
		"deny:EINVAL"},
	{"windows", "default-ipv6-only", "allow", "app", "fail", "allow", "allow"},
	{"qnx", "default-ipv6-only", "allow", "app", "share", "allow", "allow"},
	{"ibmi", "default-both", "allow", "app", "fail", "allow", "allow"},
	{"aix", "default-both", "allow", "app", "fail", "allow", "allow"},
	{"bindv6only=0", "default-both", "allow", "app", "fail", "allow", "allow"},
	{"bindv6only=1", "default-ipv6-only", "allow", "app", "fail", "allow", "allow"},
};

static void check_value(
	const struct v6_settings *s, enum v6_setting id, const char *should, const char *profile)
{
	if (strcmp(value_of(s, id), should))
		fail_msg("%s: %s is %s, expected %s", profile, v6_setting_name(id), buf, should);
}

static void test_each_profile_sets_what_is_known_of_its_system(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(systems); i++) {
		const char *name = systems[i].profile;
		struct v6_settings s;

		v6_settings_init(&s);
		must_set(&s, V6_SETTING_PROFILE, name, V6_ORIGIN_ENVIRONMENT);
		v6_settings_finish(&s);
		check_value(&s, V6_SETTING_POLICY, systems[i].policy, name);
		check_value(&s, V6_SETTING_ON_CONTRARY, systems[i].on_contrary, name);
		check_value(&s, V6_SETTING_ORDER, systems[i].order, name);
		check_value(&s, V6_SETTING_ON_CONFLICT, systems[i].on_conflict, name);
		check_value(&s, V6_SETTING_ON_MAPPED, systems[i].on_mapped, name);
		check_value(&s, V6_SETTING_ON_NONBOOLEAN, systems[i].on_nonboolean, name);
		check_value(&s, V6_SETTING_ON_DISORDER, "log", name);
		check_value(&s, V6_SETTING_MODE, "enforce", name);
		check_value(&s, V6_SETTING_LOG, "stderr", name);
		assert_int_equal(s.origin[V6_SETTING_POLICY], V6_ORIGIN_PROFILE);
		assert_int_equal(s.origin[V6_SETTING_MODE], V6_ORIGIN_DEFAULT);
	}
}

static void test_no_profile_sets_nothing(void **state)
{
	struct v6_settings s, as_it_was;

	(void)state;
	memset(&s, 0x5a, sizeof(s));
	v6_settings_init(&s);
	memcpy(&as_it_was, &s, sizeof(s));
	v6_settings_finish(&s);
	assert_memory_equal(&s, &as_it_was, sizeof(s));
}

static void test_what_is_given_beside_a_profile_wins(void **state)
{
	(void)state;
	for (int origin = V6_ORIGIN_FILE; origin <= V6_ORIGIN_COMMAND_LINE; origin++) {
		struct v6_settings s;

		/* Also where what was given is the built-in default. */
		v6_settings_init(&s);
		must_set(&s, V6_SETTING_PROFILE, "openbsd", V6_ORIGIN_COMMAND_LINE);
		must_set(&s, V6_SETTING_POLICY, "app", (enum v6_origin)origin);
		must_set(&s, V6_SETTING_ON_CONTRARY, "deny:EPERM", (enum v6_origin)origin);
		v6_settings_finish(&s);
		assert_string_equal(value_of(&s, V6_SETTING_POLICY), "app");
		assert_string_equal(value_of(&s, V6_SETTING_ON_CONTRARY), "deny:EPERM");
		assert_string_equal(value_of(&s, V6_SETTING_ORDER), "ipv4-first");
		assert_int_equal(s.origin[V6_SETTING_POLICY], origin);
	}
}

/* ---- the format by the path */

static void test_the_format_follows_the_paths_ending(void **state)
{
	static const struct {
		const char *log;
		const char *format;
	} rows[] = {
		{"/x.json", "json"},
		{"/x.jsonl", "json"},
		{"/x.ndjson", "json"},
		{"/.json", "json"},
		{"/%n-%p.jsonl", "json"},
		{"/a.log/x.ndjson", "json"},
		{"/x", "text"},
		{"/x.log", "text"},
		{"/json", "text"},
		{"/x.json.gz", "text"},
		{"/x.json/y", "text"},
		{"/x.jsonx", "text"},
		{"/xjson", "text"},
		{"/x.json%p", "text"},
		{"stderr", "text"},
		{"syslog", "text"},
		{"off", "text"},
		{"fd:3", "text"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct v6_slice log = fenced(rows[i].log, strlen(rows[i].log));
		struct v6_problem problem;
		struct v6_settings s;

		v6_settings_init(&s);
		assert_int_equal(
			v6_settings_set(&s, V6_SETTING_LOG, log, V6_ORIGIN_FILE, &problem), 0);
		if (strcmp(value_of(&s, V6_SETTING_LOG_FORMAT), rows[i].format))
			fail_msg("%s is written as %s", rows[i].log, buf);
		assert_int_equal(s.origin[V6_SETTING_LOG_FORMAT], V6_ORIGIN_DEFAULT);
		/* Said outright, it is as it was said, from however low an origin. */
		must_set(&s, V6_SETTING_LOG_FORMAT, "text", V6_ORIGIN_PROFILE);
		assert_int_equal(v6_settings_format(&s), V6_FORMAT_TEXT);
		must_set(&s, V6_SETTING_LOG_FORMAT, "json", V6_ORIGIN_PROFILE);
		assert_int_equal(v6_settings_format(&s), V6_FORMAT_JSON);
	}
}

static void test_a_path_that_was_beaten_decides_no_format(void **state)
{
	struct v6_settings s;

	(void)state;
	v6_settings_init(&s);
	must_set(&s, V6_SETTING_LOG, "/x.json", V6_ORIGIN_FILE);
	must_set(&s, V6_SETTING_LOG, "stderr", V6_ORIGIN_COMMAND_LINE);
	assert_int_equal(v6_settings_format(&s), V6_FORMAT_TEXT);
	must_set(&s, V6_SETTING_LOG, "/y.json", V6_ORIGIN_ENVIRONMENT);
	assert_int_equal(v6_settings_format(&s), V6_FORMAT_TEXT);
}

/* ---- errno by name */

/* strerrorname_np(3). */
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 32)
#define LIBC_NAMES_ERRORS
#endif
#endif

static void test_errno_names_are_libcs(void **state)
{
	unsigned named = 0;

	(void)state;
#ifdef LIBC_NAMES_ERRORS
	for (int number = 1; number <= 133; number++) {
		const char *libc = strerrorname_np(number), *is = v6_errname(number);

		if (!libc) {
			assert_null(is);
			continue;
		}
		if (!is || strcmp(is, libc))
			fail_msg("%d is %s, libc has %s", number, is ? is : "nothing", libc);
		named++;
	}
	/* asm-generic/errno.h: 1 to 133 without 41 and 58. */
	assert_int_equal(named, 131);
#else
	print_message("# this libc has no strerrorname_np\n");
	(void)named;
	skip();
#endif
}

static void test_numbers_that_are_no_errno_have_no_name(void **state)
{
	static const int numbers[] = {0, -1, INT_MIN, INT_MAX, 134, 512, 4095};

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_null(v6_errname(numbers[i]));
}

static void test_every_errno_name_can_be_denied_with(void **state)
{
	unsigned names = 0;
	const char *name;

	(void)state;
	for (; (name = v6_errname_at(names)); names++) {
		char value[32], first[32];
		struct v6_settings s;
		int number = v6_errname_parse(fenced(name, strlen(name)));

		assert_in_range(number, 1, 133);
		snprintf(value, sizeof(value), "deny:%s", name);
		snprintf(first, sizeof(first), "deny:%s", v6_errname(number));
		v6_settings_init(&s);
		must_set(&s, V6_SETTING_ON_CONTRARY, value, V6_ORIGIN_FILE);
		must_set(&s, V6_SETTING_ON_DISORDER, value, V6_ORIGIN_FILE);
		assert_int_equal(s.knobs.on_contrary, number);
		assert_int_equal(s.knobs.on_disorder, number);
		assert_string_equal(value_of(&s, V6_SETTING_ON_CONTRARY), first);
		assert_string_equal(value_of(&s, V6_SETTING_ON_DISORDER), first);
	}
	/* 131 numbers, three of them with a second name. */
	assert_int_equal(names, 134);
	assert_null(v6_errname_at(names + 1));
}

static void test_second_names_mean_the_same_number(void **state)
{
	(void)state;
	assert_int_equal(v6_errname_parse(slice("EWOULDBLOCK")), EAGAIN);
	assert_int_equal(v6_errname_parse(slice("ENOTSUP")), EOPNOTSUPP);
	assert_int_equal(v6_errname_parse(slice("EDEADLOCK")), EDEADLK);
	assert_string_equal(v6_errname(EWOULDBLOCK), "EAGAIN");
	assert_string_equal(v6_errname(ENOTSUP), "EOPNOTSUPP");
	assert_string_equal(v6_errname(EDEADLOCK), "EDEADLK");
}

static void test_what_is_no_errno_name_is_none(void **state)
{
	static const char *const strangers[] = {
		"", "E", "eperm", "EPER", "EPERMX", "EPERM ", " EPERM", "1", "0", "-1", "ENOTHING"};

	(void)state;
	for (size_t i = 0; i < COUNT(strangers); i++)
		assert_int_equal(v6_errname_parse(fenced(strangers[i], strlen(strangers[i]))), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_the_contracts),
		cmocka_unit_test(test_nothing_else_is_a_name),
		cmocka_unit_test(test_every_variable_that_begins_with_v6shim_is_ours),
		cmocka_unit_test(test_defaults_are_the_contracts),
		cmocka_unit_test(test_the_words_are_listed_default_first),
		cmocka_unit_test(test_every_valid_value_is_taken_and_printed_back),
		cmocka_unit_test(test_a_value_changes_its_setting_alone),
		cmocka_unit_test(test_words_become_the_values_they_stand_for),
		cmocka_unit_test(test_values_have_the_words_that_are_read_and_no_others),
		cmocka_unit_test(test_a_path_with_control_bytes_is_printed_harmlessly),
		cmocka_unit_test(test_every_mistake_is_explained),
		cmocka_unit_test(test_every_mistake_is_explained_in_its_own_spelling),
		cmocka_unit_test(test_a_mistake_leaves_earlier_settings_as_they_were),
		cmocka_unit_test(test_an_unknown_setting_is_explained),
		cmocka_unit_test(test_an_endless_name_does_not_push_the_explanation_out),
		cmocka_unit_test(test_a_character_is_not_cut_in_two_where_a_long_value_is),
		cmocka_unit_test(test_a_path_may_be_as_long_as_the_system_has_them_and_no_longer),
		cmocka_unit_test(test_a_nul_in_a_value_is_not_its_end),
		cmocka_unit_test(test_a_problem_is_filled_from_end_to_end),
		cmocka_unit_test(test_a_problem_points_at_the_offending_part),
		cmocka_unit_test(test_no_message_is_written_beyond_its_memory),
		cmocka_unit_test(test_each_knob_is_set_and_copied_alone),
		cmocka_unit_test(test_the_higher_origin_wins_whichever_came_first),
		cmocka_unit_test(test_the_order_of_origins_is_the_contracts),
		cmocka_unit_test(test_of_all_origins_in_any_order_the_highest_wins),
		cmocka_unit_test(test_what_is_beaten_is_judged_all_the_same),
		cmocka_unit_test(test_each_profile_sets_what_is_known_of_its_system),
		cmocka_unit_test(test_no_profile_sets_nothing),
		cmocka_unit_test(test_what_is_given_beside_a_profile_wins),
		cmocka_unit_test(test_the_format_follows_the_paths_ending),
		cmocka_unit_test(test_a_path_that_was_beaten_decides_no_format),
		cmocka_unit_test(test_errno_names_are_libcs),
		cmocka_unit_test(test_numbers_that_are_no_errno_have_no_name),
		cmocka_unit_test(test_every_errno_name_can_be_denied_with),
		cmocka_unit_test(test_second_names_mean_the_same_number),
		cmocka_unit_test(test_what_is_no_errno_name_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
