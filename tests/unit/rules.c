/*
 * Rules: globs against fnmatch(3), the matchers, what a rule sets and what it leaves, the text of a
 * rule there and back, and the bounds. What is said of mistakes: problem.c; any bytes:
 * tests/fuzz/settings.c.
 */
#include "unit.h"

#include "core/config.h"

#include <errno.h>
#include <fnmatch.h>

static struct v6_rules rules;
static struct v6_problem problem;
static char buf[65536];

static int parse(const char *text)
{
	rules.count = 0;
	return v6_rules_parse(&rules, fenced(text, strlen(text)), &problem);
}

/* The one rule of a text, which must be right. */
static const struct v6_rule *rule_of(const char *text)
{
	if (parse(text) || rules.count != 1)
		fail_msg("'%s' is no rule", text);
	return &rules.rule[0];
}

static const char *text_of(const struct v6_rule *rule)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_rule_text(&t, rule);
	return buf;
}

/* ---- globs */

/* fnmatch in the C locale, where a character is a byte; without brackets and backslashes. */
TEST(globs_match_as_fnmatch_has_it)
{
	static const char alphabet[] = "aabbc**?!-z~";
	enum { ROUNDS = 600000 };
	uint64_t seed = 1;
	unsigned matched = 0;

	ONLY_GLIBC();
	for (unsigned round = 0; round < ROUNDS; round++) {
		char glob[10], name[8];
		unsigned glob_len = 1 + random_below(&seed, sizeof(glob) - 1);
		unsigned name_len = random_below(&seed, sizeof(name));
		bool expected;

		for (unsigned i = 0; i < glob_len; i++)
			glob[i] = alphabet[random_below(&seed, sizeof(alphabet) - 1)];
		for (unsigned i = 0; i < name_len; i++)
			name[i] = "aabbc-!z"[random_below(&seed, 8)];
		glob[glob_len] = name[name_len] = '\0';
		expected = !fnmatch(glob, name, FNM_NOESCAPE);
		matched += expected;
		if (v6_rule_program(&(struct v6_rule){.program = slice(glob)}, slice(name)) !=
			expected)
			fail_msg("'%s' %s '%s'", glob, expected ? "must match" : "must not match",
				name);
	}
	/* The number would show a generator that produces nothing of interest. */
	assert_true(matched > ROUNDS / 50);
}

static const struct {
	const char *glob, *name;
	bool matches;
} globs[] = {
	{"nginx", "Nginx", false},
	{"python3.??", "python3.11", true},
	{"a\\*", "a\\b", true},
	{"a\\*", "a*", false},
	/* A byte is a character, and bytes have no sign. */
	{"??", "\xc3\xbc", true},
	{"?", "\xc3\xbc", false},
	/* Nothing but trying everything would take for ever. */
	{"*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		false},
};

TEST(globs_by_example)
{
	for (size_t i = 0; i < COUNT(globs); i++) {
		/* Either of them stands at the end of what can be read. */
		struct v6_slice name = fenced(globs[i].name, strlen(globs[i].name));
		struct v6_rule rule = {.program = slice(globs[i].glob)};

		if (v6_rule_program(&rule, name) != globs[i].matches)
			fail_msg("%s '%s'", globs[i].glob, globs[i].name);
		rule.program = fenced(globs[i].glob, strlen(globs[i].glob));
		if (v6_rule_program(&rule, slice(globs[i].name)) != globs[i].matches)
			fail_msg("%s '%s'", globs[i].glob, globs[i].name);
	}
}

/* ---- matchers */

TEST(a_matcher_holds_for_each_item_of_its_list_and_one_that_is_not_there_for_all)
{
	static const struct {
		const char *rule, *program;
		int proto;
		bool holds;
	} rows[] = {
		{"program=java,python*,?", "java", 6, true},
		{"program=java,python*,?", "python3", 6, true},
		{"program=java,python*,?", "y", 6, true},
		{"program=java,python*,?", "java,python3", 6, false},
		{"program=java,python*,?", "javac", 6, false},
		{"program=java,python*,?", "", 6, false},
		{"proto=tcp,17,mptcp,65535", "x", 6, true},
		{"proto=tcp,17,mptcp,65535", "x", 17, true},
		{"proto=tcp,17,mptcp,65535", "x", 262, true},
		{"proto=tcp,17,mptcp,65535", "x", 65535, true},
		{"proto=tcp,17,mptcp,65535", "x", 132, false},
		{"proto=tcp,17,mptcp,65535", "x", 0, false},
		{"proto=tcp,17,mptcp,65535", "x", -1, false},
		{"", "", -1, true},
		{"", "any", 0, true},
		{"", "any", 65535, true},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[64];
		const struct v6_rule *rule;

		snprintf(text, sizeof(text), "%s => mode=log", rows[i].rule);
		rule = rule_of(text);
		if ((v6_rule_program(rule, slice(rows[i].program)) &&
			    v6_rule_proto(rule, rows[i].proto)) != rows[i].holds)
			fail_msg("%s: '%s' %d", text, rows[i].program, rows[i].proto);
		assert_true(v6_rule_port(rule, 0) && v6_rule_port(rule, 65535));
	}
}

TEST(of_all_ports_those_of_the_list_match)
{
	const struct v6_rule *rule =
		rule_of("port=0,80,443,8000-8099,8080,60000-65535,00007 => mode=log");

	for (unsigned port = 0; port < 65536; port++) {
		bool listed = port == 0 || port == 7 || port == 80 || port == 443 ||
			      (port >= 8000 && port <= 8099) || port >= 60000;

		assert_int_equal(v6_rule_port(rule, port), listed);
	}
}

/* ---- what a rule sets */

TEST(what_a_rule_does_not_set_keeps_its_value)
{
	static const struct v6_knobs base = {V6_POLICY_IPV6_ONLY, EBADF, V6_ORDER_IPV4_FIRST, EBADF,
		V6_ON_CONFLICT_RESOLVE, ENOENT, ENOSYS, V6_MODE_ENFORCE};
	/* The other value of each, and as it prints in the base. */
	static const char *const sets[V6_KNOBS][2] = {{"both", "ipv6-only"},
		{"deny:EPERM", "deny:EBADF"}, {"ipv6-first", "ipv4-first"}, {"log", "deny:EBADF"},
		{"share", "resolve"}, {"allow", "deny:ENOENT"}, {"deny:EINVAL", "deny:ENOSYS"},
		{"log", "enforce"}};

	for (unsigned set = 1; set < 1u << V6_KNOBS; set++) {
		char text[256] = "=>";
		struct v6_knobs knobs;

		for (unsigned id = 0; id < V6_KNOBS; id++)
			if (set & 1u << id)
				snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s=%s",
					v6_setting_name(id), sets[id][0]);
		assert_int_equal(rule_of(text)->sets, set);
		knobs = v6_knobs_over(&base, &rules.rule[0].knobs, set);
		for (unsigned id = 0; id < V6_KNOBS; id++) {
			struct v6_text t = v6_text_in(buf, sizeof(buf));

			v6_knobs_text(&t, &knobs, 1u << id);
			assert_string_equal(strchr(buf, '=') + 1, sets[id][!(set & 1u << id)]);
		}
	}
}

/* ---- the text of rules */

static const struct {
	const char *written, *printed;
} texts[] = {
	{"=> mode=log", "=> mode=log"},
	{"=>mode=log", "=> mode=log"},
	{"port=80=>mode=log", "port=80 => mode=log"},
	{"  proto=tcp\tport=80,443\r\n program=nginx  =>  mode=log\t policy=both ",
		"program=nginx port=80,443 proto=tcp => policy=both mode=log"},
	{"port=1-1,0080,0-65535 proto=6,17,262,253 => on-conflict=fail",
		"port=1,80,0-65535 proto=tcp,udp,mptcp,253 => on-conflict=fail"},
	{"program=a*,\xc3\xbc,a\\b,#x => order=app", "program=a*,\xc3\xbc,a\\b,#x => order=app"},
	{"=> on-contrary=deny:EWOULDBLOCK", "=> on-contrary=deny:EAGAIN"},
};

TEST(a_rule_is_printed_as_it_is_understood)
{
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_string_equal(text_of(rule_of(texts[i].written)), texts[i].printed);
		assert_string_equal(text_of(rule_of(texts[i].printed)), texts[i].printed);
	}
}

TEST(between_rules_stands_a_semicolon_and_nothing_may)
{
	assert_int_equal(parse(""), 0);
	assert_int_equal(rules.count, 0);
	assert_int_equal(parse(" ; ;\n;"), 0);
	assert_int_equal(rules.count, 0);
	assert_int_equal(parse("=> mode=log;=> policy=both ; ;\n port=1 => order=app;"), 0);
	assert_int_equal(rules.count, 3);
	assert_string_equal(text_of(&rules.rule[2]), "port=1 => order=app");
}

TEST(rules_are_appended)
{
	assert_int_equal(parse("port=1 => mode=log"), 0);
	assert_int_equal(v6_rules_parse(&rules, slice("port=2 => mode=log"), &problem), 0);
	assert_int_equal(rules.count, 2);
	assert_string_equal(text_of(&rules.rule[0]), "port=1 => mode=log");
	/* And a mistake leaves them as they were, the good ones before it included. */
	assert_int_equal(
		v6_rules_parse(&rules, slice("port=3 => mode=log; port=x => mode=log"), &problem),
		-1);
	assert_int_equal(rules.count, 2);
	assert_int_equal(problem.rule, 4);
}

/* ---- bounds */

static void add(char *text, const char *format, unsigned n)
{
	sprintf(text + strlen(text), format, n);
}

static bool says(const char *sentence)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	problem.origin = V6_ORIGIN_OPTION;
	v6_problem_text(&t, &problem);
	return strstr(buf, sentence) != NULL;
}

TEST(two_hundred_and_fifty_six_rules_and_no_more)
{
	static char text[32 * 257];

	for (unsigned i = 0; i < 256; i++)
		add(text, "port=%u => mode=log;", i);
	assert_int_equal(parse(text), 0);
	assert_int_equal(rules.count, 256);
	for (unsigned i = 0; i < 256; i++)
		for (unsigned port = i ? i - 1 : 0; port <= i + 1; port++)
			assert_int_equal(v6_rule_port(&rules.rule[i], port), port == i);
	/* Nothing that follows is none too many. */
	strcat(text, " ; ");
	assert_int_equal(parse(text), 0);
	strcat(text, "port=1 => mode=log");
	assert_int_equal(parse(text), -1);
	assert_int_equal(rules.count, 0);
	assert_true(says("--rules: rule 257, column "));
	assert_true(says(": there may be no more than 256 rules"));
}

TEST(sixteen_ports_and_eight_protocols_and_no_more)
{
	static const struct {
		const char *matcher;
		unsigned most;
		const char *what;
	} lists[] = {{"port=", 16, "there may be no more than 16 ports in one rule"},
		{"proto=", 8, "there may be no more than 8 protocols in one rule"}};

	for (size_t l = 0; l < COUNT(lists); l++) {
		char text[256], full[288];

		strcpy(text, lists[l].matcher);
		for (unsigned i = 0; i < lists[l].most; i++)
			add(text, i ? ",%u" : "%u", 100 + i);
		snprintf(full, sizeof(full), "%s => mode=log", text);
		rule_of(full);
		assert_true(
			l ? v6_rule_proto(&rules.rule[0], 107) : v6_rule_port(&rules.rule[0], 115));
		snprintf(full, sizeof(full), "%s,7 => mode=log", text);
		assert_int_equal(parse(full), -1);
		assert_true(says(lists[l].what));
		assert_ptr_equal(problem.text.ptr, problem.start + strlen(text) + 1);
	}
}

RUN_TESTS()
