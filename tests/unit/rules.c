/*
 * Rules: globs against fnmatch(3), the matchers, what a rule sets and what it leaves, the text of
 * a rule there and back, the bounds, and what is said of every kind of mistake.
 */
#include "unit.h"

#include "core/rules.h"
#include "core/terms.h"

#include <errno.h>
#include <fnmatch.h>

static struct v6_rules rules, again;
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

/* Whether the glob is one that a rule may have. */
static bool is_glob(const char *glob, size_t len)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "program=%.*s => mode=log", (int)len, glob);

	again.count = 0;
	return !v6_rules_parse(&again, (struct v6_slice){text, (size_t)n}, &problem);
}

/*
 * fnmatch in the C locale, where a character is a byte. '^', backslash and "[:" are its own: none
 * of them is in the alphabet.
 */
static void test_globs_match_as_fnmatch_has_it(void **state)
{
	static const char alphabet[] = "aabbc**?[[]]!--z~";
	enum { ROUNDS = 600000 };
	uint64_t seed = 1;
	unsigned matched = 0, tried = 0;

	(void)state;
	ONLY_GLIBC();
	for (unsigned round = 0; round < ROUNDS; round++) {
		char glob[10], name[8];
		unsigned glob_len = 1 + random_below(&seed, sizeof(glob) - 1);
		unsigned name_len = random_below(&seed, sizeof(name));
		bool expected;

		for (unsigned i = 0; i < glob_len; i++)
			glob[i] = alphabet[random_below(&seed, sizeof(alphabet) - 1)];
		for (unsigned i = 0; i < name_len; i++)
			name[i] = "aabbc-]!z"[random_below(&seed, 9)];
		glob[glob_len] = name[name_len] = '\0';
		if (!is_glob(glob, glob_len))
			continue;
		expected = !fnmatch(glob, name, FNM_NOESCAPE);
		tried++;
		matched += expected;
		if (v6_glob(slice(glob), slice(name)) != expected)
			fail_msg("'%s' %s '%s'", glob, expected ? "must match" : "must not match",
				name);
	}
	/* The numbers would show a generator that produces nothing of interest. */
	assert_true(tried > ROUNDS / 4);
	assert_true(matched > tried / 50);
}

static const struct {
	const char *glob, *name;
	bool matches;
} globs[] = {
	{"nginx", "nginx", true},
	{"nginx", "nginx2", false},
	{"nginx", "ngin", false},
	{"nginx", "Nginx", false},
	{"*", "", true},
	{"*", "anything", true},
	{"**", "", true},
	{"?", "", false},
	{"python3.*", "python3.11", true},
	{"python3.*", "python3", false},
	{"python3.??", "python3.11", true},
	{"*[0-9]", "a1", true},
	{"*[!0-9]", "a1", false},
	{"[]a]", "]", true},
	{"[!]a]", "]", false},
	{"[!]a]", "b", true},
	{"[a-]", "-", true},
	{"[a-]", "b", false},
	{"[-a]", "-", true},
	{"[^a]", "^", true},
	{"[^a]", "b", false},
	{"a\\*", "a\\b", true},
	{"a\\*", "a*", false},
	/* A byte is a character, and bytes have no sign. */
	{"??", "\xc3\xbc", true},
	{"?", "\xc3\xbc", false},
	{"[a-\xff]", "\xc3", true},
	{"[\x80-\xff]*", "\xc3\xbc", true},
	{"[\x80-\xff]*", "a", false},
	{"[!a-z]", "\xe9", true},
	/* No rule has a bracket that does not end; it matches nothing. */
	{"[", "[", false},
	{"[a", "a", false},
	{"a[b", "ab", false},
	{"*[b", "ab", false},
	/* Nothing but trying everything would take for ever. */
	{"*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		false},
};

static void test_globs_by_example(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(globs); i++) {
		/* Either of them stands at the end of what can be read. */
		struct v6_slice name = fenced(globs[i].name, strlen(globs[i].name));

		if (v6_glob(slice(globs[i].glob), name) != globs[i].matches)
			fail_msg("%s '%s'", globs[i].glob, globs[i].name);
		name = slice(globs[i].name);
		if (v6_glob(fenced(globs[i].glob, strlen(globs[i].glob)), name) != globs[i].matches)
			fail_msg("%s '%s'", globs[i].glob, globs[i].name);
	}
}

/* ---- matchers */

static void test_each_glob_of_a_list_is_tried(void **state)
{
	const struct v6_rule *rule = rule_of("program=java,python*,[xy] => mode=log");

	(void)state;
	assert_true(v6_rule_program(rule, slice("java")));
	assert_true(v6_rule_program(rule, slice("python3")));
	assert_true(v6_rule_program(rule, slice("y")));
	assert_false(v6_rule_program(rule, slice("java,python3")));
	assert_false(v6_rule_program(rule, slice("javac")));
	assert_false(v6_rule_program(rule, slice("")));
}

static void test_a_matcher_that_is_not_there_holds(void **state)
{
	const struct v6_rule *rule = rule_of("=> mode=log");

	(void)state;
	assert_true(v6_rule_program(rule, slice("")));
	assert_true(v6_rule_program(rule, slice("any")));
	for (unsigned port = 0; port < 65536; port++)
		assert_true(v6_rule_port(rule, port));
	assert_true(v6_rule_proto(rule, 0));
	assert_true(v6_rule_proto(rule, -1));
	assert_true(v6_rule_proto(rule, 65535));
}

static void test_of_all_ports_those_of_the_list_match(void **state)
{
	const struct v6_rule *rule =
		rule_of("port=0,80,443,8000-8099,8080,60000-65535,00007 => mode=log");

	(void)state;
	for (unsigned port = 0; port < 65536; port++) {
		bool listed = port == 0 || port == 7 || port == 80 || port == 443 ||
			      (port >= 8000 && port <= 8099) || port >= 60000;

		assert_int_equal(v6_rule_port(rule, port), listed);
	}
}

static void test_protocols_have_names_and_numbers(void **state)
{
	const struct v6_rule *rule = rule_of("proto=tcp,17,mptcp,65535 => mode=log");

	(void)state;
	assert_true(v6_rule_proto(rule, 6));
	assert_true(v6_rule_proto(rule, 17));
	assert_true(v6_rule_proto(rule, 262));
	assert_true(v6_rule_proto(rule, 65535));
	assert_false(v6_rule_proto(rule, 132));
	assert_false(v6_rule_proto(rule, 0));
	assert_false(v6_rule_proto(rule, -1));
}

/* ---- what a rule sets */

static void test_what_a_rule_does_not_set_keeps_its_value(void **state)
{
	static const struct {
		enum v6_setting id;
		const char *value;
	} sets[] = {
		{V6_SETTING_POLICY, "both"},
		{V6_SETTING_ON_CONTRARY, "deny:EPERM"},
		{V6_SETTING_ORDER, "ipv6-first"},
		{V6_SETTING_ON_DISORDER, "deny:EACCES"},
		{V6_SETTING_ON_CONFLICT, "share"},
		{V6_SETTING_MODE, "log"},
	};
	struct v6_knobs base;

	(void)state;
	memset(&base, 0, sizeof(base));
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		unsigned known = 0;

		while (known < COUNT(sets) && sets[known].id != id)
			known++;
		assert_int_equal(v6_rule_may_set(id), known < COUNT(sets));
	}
	/* Every subset of what a rule may set, over a base that has everything otherwise. */
	base.policy = V6_POLICY_IPV6_ONLY;
	base.on_contrary = EBADF;
	base.order = V6_ORDER_IPV4_FIRST;
	base.on_disorder = EBADF;
	base.on_conflict = V6_CONFLICT_RESOLVE;
	base.mode = V6_MODE_ENFORCE;
	base.on_mapped = ENOENT;
	base.on_nonboolean = ENOSYS;
	for (unsigned set = 1; set < 1u << COUNT(sets); set++) {
		char text[256] = "=>";
		struct v6_knobs knobs;

		for (unsigned i = 0; i < COUNT(sets); i++)
			if (set & 1u << i)
				snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s=%s",
					v6_setting_name(sets[i].id), sets[i].value);
		knobs = v6_rule_apply(rule_of(text), &base);
		assert_int_equal(knobs.policy, set & 1 ? V6_POLICY_BOTH : V6_POLICY_IPV6_ONLY);
		assert_int_equal(knobs.on_contrary, set & 2 ? EPERM : EBADF);
		assert_int_equal(knobs.order, set & 4 ? V6_ORDER_IPV6_FIRST : V6_ORDER_IPV4_FIRST);
		assert_int_equal(knobs.on_disorder, set & 8 ? EACCES : EBADF);
		assert_int_equal(
			knobs.on_conflict, set & 16 ? V6_CONFLICT_SHARE : V6_CONFLICT_RESOLVE);
		assert_int_equal(knobs.mode, set & 32 ? V6_MODE_LOG : V6_MODE_ENFORCE);
		assert_int_equal(knobs.on_mapped, ENOENT);
		assert_int_equal(knobs.on_nonboolean, ENOSYS);
	}
}

static void test_a_rule_may_put_a_default_back(void **state)
{
	struct v6_knobs base = {.policy = V6_POLICY_BOTH, .on_contrary = EPERM};
	struct v6_knobs knobs = v6_rule_apply(rule_of("=> policy=app on-contrary=allow"), &base);

	(void)state;
	assert_int_equal(knobs.policy, V6_POLICY_APP);
	assert_int_equal(knobs.on_contrary, 0);
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
	{"program=[a-c]*,\xc3\xbc,a\\b,#x => order=app",
		"program=[a-c]*,\xc3\xbc,a\\b,#x => order=app"},
	{"=> on-contrary=deny:EWOULDBLOCK", "=> on-contrary=deny:EAGAIN"},
};

static void test_a_rule_is_printed_as_it_is_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_string_equal(text_of(rule_of(texts[i].written)), texts[i].printed);
		assert_string_equal(text_of(rule_of(texts[i].printed)), texts[i].printed);
	}
}

static void test_between_rules_stands_a_semicolon_and_nothing_may(void **state)
{
	(void)state;
	assert_int_equal(parse(""), 0);
	assert_int_equal(rules.count, 0);
	assert_int_equal(parse(" ; ;\n;"), 0);
	assert_int_equal(rules.count, 0);
	assert_int_equal(parse("=> mode=log;=> policy=both ; ;\n port=1 => order=app;"), 0);
	assert_int_equal(rules.count, 3);
	assert_string_equal(text_of(&rules.rule[2]), "port=1 => order=app");
}

static void test_rules_are_appended(void **state)
{
	(void)state;
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

static const char *message(void)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_problem_text(&t, &problem, V6_SPELL_OPTION);
	return buf;
}

static void test_two_thousand_and_forty_eight_rules_and_no_more(void **state)
{
	static char text[32 * 2049];

	(void)state;
	text[0] = '\0';
	for (unsigned i = 0; i < 2048; i++)
		add(text, "port=%u => mode=log;", i);
	assert_int_equal(parse(text), 0);
	assert_int_equal(rules.count, 2048);
	for (unsigned i = 0; i < 2048; i++)
		for (unsigned port = i ? i - 1 : 0; port <= i + 1; port++)
			assert_int_equal(v6_rule_port(&rules.rule[i], port), port == i);
	/* Nothing that follows is none too many. */
	strcat(text, " ; ");
	assert_int_equal(parse(text), 0);
	strcat(text, "port=1 => mode=log");
	rules.count = 0;
	assert_int_equal(v6_rules_parse(&rules, slice(text), &problem), -1);
	assert_int_equal(rules.count, 0);
	assert_non_null(strstr(message(), "--rules: rule 2049, column "));
	assert_non_null(strstr(buf, ": there may be no more than 2048 rules"));
}

static void test_sixteen_ports_and_eight_protocols_and_no_more(void **state)
{
	static const struct {
		const char *matcher;
		unsigned most;
		const char *what;
	} lists[] = {{"port=", 16, "there may be no more than 16 ports in one rule"},
		{"proto=", 8, "there may be no more than 8 protocols in one rule"}};

	(void)state;
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
		assert_non_null(strstr(message(), lists[l].what));
		assert_int_equal(problem.column, strlen(text) + 2);
	}
}

static void test_a_list_of_programs_has_no_bound_but_the_texts(void **state)
{
	static char text[60000];

	(void)state;
	strcpy(text, "program=x");
	for (unsigned i = 0; i < 5000; i++)
		add(text, ",p%u*", i);
	strcat(text, " => mode=log");
	assert_true(v6_rule_program(rule_of(text), slice("p4999")));
	assert_string_equal(text_of(&rules.rule[0]), text);
}

/* ---- mistakes */

#define RULE_SETS "; a rule may set policy, on-contrary, order, on-disorder, on-conflict, mode"
#define MATCHERS  "program=GLOB, port=N or proto=NAME is meant"
#define BARE      "no blanks stand around its '='"

static const struct {
	const char *text;
	unsigned rule;
	size_t column;
	const char *message; /* behind the place */
} mistakes[] = {
	/* The shape of a rule. */
	{"port=80", 1, 1, "'port=80' is no rule: '=>' is missing between matchers and settings"},
	{"  policy=both ", 1, 3,
		"'policy=both' is no rule: '=>' is missing between matchers and settings"},
	{"port=80 -> policy=both", 1, 1,
		"'port=80 -> policy=both' is no rule: '=>' is missing between matchers and "
		"settings"},
	{"port=80 =>", 1, 1, "no setting after '=>'"},
	{" => ", 1, 2, "no setting after '=>'"},
	{"=> mode=log; =>", 2, 14, "no setting after '=>'"},
	{"=> mode=log;;;port=80", 2, 15,
		"'port=80' is no rule: '=>' is missing between matchers and settings"},

	/* Matchers. */
	{"prt=80 => mode=log", 1, 1, "unknown matcher 'prt'; did you mean 'port'"},
	{"Port=80 => mode=log", 1, 1, "unknown matcher 'Port'; did you mean 'port'"},
	{"progam=x => mode=log", 1, 1, "unknown matcher 'progam'; did you mean 'program'"},
	{"protocol=tcp => mode=log", 1, 1, "unknown matcher 'protocol'; " MATCHERS},
	{"user=root => mode=log", 1, 1, "unknown matcher 'user'; " MATCHERS},
	{"mode=log => policy=both", 1, 1, "'mode=log' is a setting, whose place is behind '=>'"},
	{"port=80 config=/x => policy=both", 1, 9,
		"'config=/x' is a setting, whose place is behind '=>'"},
	{"port 80 => mode=log", 1, 1, "'port' is no matcher; " MATCHERS},
	{"port=80 tcp => mode=log", 1, 9, "'tcp' is no matcher; " MATCHERS},
	{"=80 => mode=log", 1, 1, "'=80' is no matcher; " MATCHERS},
	{"port = 80 => mode=log", 1, 1, "'port' is no matcher; " MATCHERS},
	{"port=80 port=81 => mode=log", 1, 9, "'port' is given twice"},
	{"program=a program=b => mode=log", 1, 11, "'program' is given twice"},
	{"proto=tcp proto=tcp => mode=log", 1, 11, "'proto' is given twice"},

	/* Lists. */
	{"port= => mode=log", 1, 1, "'port=' has no value"},
	{"program= => mode=log", 1, 1, "'program=' has no value"},
	{"proto= => mode=log", 1, 1, "'proto=' has no value"},
	{"port=80,,81 => mode=log", 1, 6, "'80,,81' has an empty item in its list"},
	{"port=,80 => mode=log", 1, 6, "',80' has an empty item in its list"},
	{"port=80, => mode=log", 1, 6, "'80,' has an empty item in its list"},
	{"port=80, 81 => mode=log", 1, 6, "'80,' has an empty item in its list"},
	{"program=, => mode=log", 1, 9, "',' has an empty item in its list"},
	{"proto=tcp,,udp => mode=log", 1, 7, "'tcp,,udp' has an empty item in its list"},

	/* Ports. */
	{"port=65536 => mode=log", 1, 6,
		"'65536' is no port; a number from 0 to 65535 is meant, or N-M"},
	{"port=80,99999 => mode=log", 1, 9,
		"'99999' is no port; a number from 0 to 65535 is meant, or N-M"},
	{"port=4294967376 => mode=log", 1, 6,
		"'4294967376' is no port; a number from 0 to 65535 is meant, or N-M"},
	{"port=http => mode=log", 1, 6,
		"'http' is no port; a number from 0 to 65535 is meant, or N-M"},
	{"port=+80 => mode=log", 1, 6,
		"'+80' is no port; a number from 0 to 65535 is meant, or N-M"},
	{"port=0x50 => mode=log", 1, 6,
		"'0x50' is no port; a number from 0 to 65535 is meant, or N-M"},
	{"port=-80 => mode=log", 1, 6,
		"'-80' is no port; a number from 0 to 65535 is meant, or N-M"},
	{"port=80- => mode=log", 1, 6,
		"'80-' is no port; a number from 0 to 65535 is meant, or N-M"},
	{"port=80-90-100 => mode=log", 1, 6,
		"'80-90-100' is no port; a number from 0 to 65535 is meant, or N-M"},
	{"port=* => mode=log", 1, 6, "'*' is no port; a number from 0 to 65535 is meant, or N-M"},
	{"port=90-80 => mode=log", 1, 6, "'90-80' ends before it begins"},

	/* Protocols. */
	{"proto=tpc => mode=log", 1, 7, "unknown protocol 'tpc'; did you mean 'tcp'"},
	{"proto=TCP => mode=log", 1, 7, "unknown protocol 'TCP'; did you mean 'tcp'"},
	{"proto=tcp,ipx-over-x => mode=log", 1, 11,
		"unknown protocol 'ipx-over-x'; a name as tcp or udp is meant, or a number up to "
		"65535"},
	{"proto=65536 => mode=log", 1, 7,
		"unknown protocol '65536'; a name as tcp or udp is meant, or a number up to 65535"},
	{"proto=-1 => mode=log", 1, 7,
		"unknown protocol '-1'; a name as tcp or udp is meant, or a number up to 65535"},

	/* Programs. */
	{"program=[a => mode=log", 1, 9, "'[a' has a '[' without its ']'"},
	{"program=ok,x[] => mode=log", 1, 12, "'x[]' has a '[' without its ']'"},
	{"program=[!] => mode=log", 1, 9, "'[!]' has a '[' without its ']'"},
	{"program=[a,b] => mode=log", 1, 9, "'[a' has a '[' without its ']'"},
	{"program=a\x1b[2J => mode=log", 1, 9,
		"'a\\x1b[2J' has bytes that are no text; '?' matches any"},
	{"program=\xff => mode=log", 1, 9, "'\\xff' has bytes that are no text; '?' matches any"},
	{"program=x\xc2\x9b => mode=log", 1, 9,
		"'x\\xc2\\x9b' has bytes that are no text; '?' matches any"},

	/* Settings. */
	{"=> polcy=both", 1, 4, "unknown setting 'polcy'; did you mean 'policy'"},
	{"=> POLICY=both", 1, 4, "unknown setting 'POLICY'; did you mean 'policy'"},
	{"=> colour=red", 1, 4, "unknown setting 'colour'" RULE_SETS},
	{"=> log=off", 1, 4, "no setting of a rule: 'log'" RULE_SETS},
	{"=> profile=macos", 1, 4, "no setting of a rule: 'profile'" RULE_SETS},
	{"=> on-mapped=allow", 1, 4, "no setting of a rule: 'on-mapped'" RULE_SETS},
	{"=> rules=x", 1, 4, "no setting of a rule: 'rules'" RULE_SETS},
	{"=> mode=log port=80 => mode=log", 1, 13,
		"'port=80' is a matcher, whose place is before '=>'; a ';' begins a new rule"},
	{"=> policy", 1, 4, "'policy' is no setting=value; " BARE},
	{"=> policy = both", 1, 4, "'policy' is no setting=value; " BARE},
	{"=> policy=both => mode=log", 1, 16, "'=>' is no setting=value; " BARE},
	{"=> =both", 1, 4, "'=both' is no setting=value; " BARE},
	{"=> policy=both policy=app", 1, 16, "'policy' is given twice"},
	{"=> policy=bth", 1, 11, "policy: unknown value 'bth'; did you mean 'both'"},
	{"=> policy=", 1, 11,
		"policy: no value given; valid: app, ipv6-only, both, default-ipv6-only, "
		"default-both"},
	{"=> policy=\"both\"", 1, 11, "policy: unknown value '\"both\"'; did you mean 'both'"},
	{"=> policy=both,", 1, 11, "policy: unknown value 'both,'; did you mean 'both'"},
	{"=> on-contrary=EPERM", 1, 16,
		"on-contrary: unknown value 'EPERM'; valid: allow, deny:ERRNO"},
	{"=> on-contrary=deny:EPREM", 1, 21,
		"on-contrary: unknown errno 'EPREM'; did you mean 'EPERM'"},
	{"=> on-disorder=deny:", 1, 21,
		"on-disorder: no errno given; a symbolic name is meant, as in deny:EPERM"},
	{"=> on-conflict=steal", 1, 16,
		"on-conflict: unknown value 'steal'; valid: fail, resolve, share, share-ipv6"},
	{"=> order=ipv6", 1, 10, "order: unknown value 'ipv6'; did you mean 'ipv6-first'"},
	{"=> mode=\x1b[31m", 1, 9, "mode: unknown value '\\x1b[31m'; valid: enforce, log"},

	/* What comes too late with a port. */
	{"port=80 => policy=default-both", 1, 12,
		"'policy=default-both' cannot be set by a rule with port=, which acts at bind and "
		"listen only"},
	{"port=80 proto=tcp => mode=log policy=default-ipv6-only", 1, 31,
		"'policy=default-ipv6-only' cannot be set by a rule with port=, which acts at bind "
		"and listen only"},
	{"port=80 => on-contrary=allow", 1, 12,
		"'on-contrary=allow' cannot be set by a rule with port=, which acts at bind and "
		"listen only"},
};

static void test_every_mistake_is_told_with_its_place(void **state)
{
	unsigned wrong = 0;

	(void)state;
	assert_true(COUNT(mistakes) >= 60);
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		char expected[1024];

		snprintf(expected, sizeof(expected), "--rules: rule %u, column %zu: %s",
			mistakes[i].rule, mistakes[i].column, mistakes[i].message);
		if (parse(mistakes[i].text) != -1) {
			print_error("it is taken: '%s'\n", mistakes[i].text);
			wrong++;
		} else if (strcmp(message(), expected)) {
			print_error("it says\n  %s\nexpected was\n  %s\n", buf, expected);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void test_with_a_port_what_is_forced_can_be_set(void **state)
{
	(void)state;
	rule_of("port=80 => policy=both");
	rule_of("port=80 => policy=ipv6-only on-conflict=share order=ipv6-first mode=log");
	rule_of("port=80 => policy=app on-disorder=deny:EPERM");
	/* Without one so can the others. */
	rule_of("program=x proto=tcp => policy=default-both on-contrary=deny:EPERM");
}

/* ---- anything at all */

struct draft {
	uint64_t *seed;
	char text[512];
	size_t len;
};

static void put(struct draft *d, const char *word)
{
	size_t n = strlen(word);

	if (d->len + n > sizeof(d->text))
		return;
	memcpy(d->text + d->len, word, n);
	d->len += n;
}

static void put_any(struct draft *d, const char *const *words, unsigned count)
{
	put(d, words[random_below(d->seed, count)]);
}

static void put_matcher(struct draft *d)
{
	static const char *const names[] = {"program=", "port=", "proto="};
	static const char *const items[][5] = {{"nginx", "python*", "[a-z]?", "\xc3\xbc", "a\\b"},
		{"80", "0", "1-65535", "443", "9-9"}, {"tcp", "udp", "6", "65535", "mptcp"}};
	unsigned which = random_below(d->seed, COUNT(names));

	put(d, names[which]);
	for (unsigned i = 1 + random_below(d->seed, 3); i; i--) {
		put_any(d, items[which], COUNT(items[which]));
		put(d, i > 1 ? "," : "");
	}
}

/* Rules as they might be written, most of them right. */
static void draft_rules(struct draft *d)
{
	static const char *const settings[] = {"policy=both", "policy=default-both", "mode=log",
		"on-contrary=deny:EPERM", "order=ipv6-first", "on-disorder=log",
		"on-conflict=share"};
	static const char *const blanks[] = {" ", "  ", "\t", " \n"};
	static const char *const ends[] = {"", ";", "; ", " ;\n", ";;"};

	for (unsigned n = random_below(d->seed, 4); n; n--) {
		for (unsigned m = random_below(d->seed, 3); m; m--) {
			put_matcher(d);
			put_any(d, blanks, COUNT(blanks));
		}
		put(d, "=>");
		for (unsigned m = 1 + random_below(d->seed, 2); m; m--) {
			put_any(d, blanks, COUNT(blanks));
			put_any(d, settings, COUNT(settings));
		}
		put_any(d, ends, COUNT(ends));
	}
}

/* A byte or a few of it lost, doubled or changed. */
static void spoil(struct draft *d)
{
	static const char marks[] = "=>;,-[]*? \t#\\\"'\0\n\x80";

	for (unsigned n = random_below(d->seed, 3); n && d->len; n--) {
		size_t at = random_below(d->seed, (unsigned)d->len);

		switch (random_below(d->seed, 4)) {
		case 0:
			memmove(d->text + at, d->text + at + 1, --d->len - at);
			break;
		case 1:
			d->text[at] = d->text[random_below(d->seed, (unsigned)d->len)];
			break;
		case 2:
			d->text[at] = (char)random_below(d->seed, 256);
			break;
		default:
			d->text[at] = marks[random_below(d->seed, sizeof(marks))];
		}
	}
}

/* Whatever was taken is printed, and read back as the same. */
static void there_and_back(void)
{
	for (unsigned i = 0; i < rules.count; i++) {
		char first[1024];

		snprintf(first, sizeof(first), "%s", text_of(&rules.rule[i]));
		again.count = 0;
		if (v6_rules_parse(&again, slice(first), &problem) || again.count != 1)
			fail_msg("not read back: '%s'", first);
		if (strcmp(text_of(&again.rule[0]), first))
			fail_msg("'%s' becomes '%s'", first, buf);
		assert_int_equal(again.rule[0].sets, rules.rule[i].sets);
		assert_memory_equal(
			&again.rule[0].knobs, &rules.rule[i].knobs, sizeof(struct v6_knobs));
	}
}

static void test_of_any_text_rules_come_or_a_problem_within_it(void **state)
{
	enum { ROUNDS = 100000 };
	unsigned good = 0, bad = 0;
	uint64_t seed = 2;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct draft d = {.seed = &seed};
		struct v6_slice text;

		draft_rules(&d);
		spoil(&d);
		text = fenced(d.text, d.len);
		rules.count = 0;
		if (!v6_rules_parse(&rules, text, &problem)) {
			good += rules.count != 0;
			there_and_back();
			continue;
		}
		bad++;
		assert_int_equal(rules.count, 0);
		assert_true(problem.text.ptr >= text.ptr);
		assert_true(problem.text.ptr + problem.text.len <= text.ptr + text.len);
		assert_int_equal(problem.column, problem.text.ptr - text.ptr + 1);
		assert_true(problem.rule >= 1);
		assert_true(strlen(message()) < 760);
		for (const char *c = buf; *c; c++)
			assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
	}
	assert_true(good > ROUNDS / 20);
	assert_true(bad > ROUNDS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_globs_match_as_fnmatch_has_it),
		cmocka_unit_test(test_globs_by_example),
		cmocka_unit_test(test_each_glob_of_a_list_is_tried),
		cmocka_unit_test(test_a_matcher_that_is_not_there_holds),
		cmocka_unit_test(test_of_all_ports_those_of_the_list_match),
		cmocka_unit_test(test_protocols_have_names_and_numbers),
		cmocka_unit_test(test_what_a_rule_does_not_set_keeps_its_value),
		cmocka_unit_test(test_a_rule_may_put_a_default_back),
		cmocka_unit_test(test_a_rule_is_printed_as_it_is_understood),
		cmocka_unit_test(test_between_rules_stands_a_semicolon_and_nothing_may),
		cmocka_unit_test(test_rules_are_appended),
		cmocka_unit_test(test_two_thousand_and_forty_eight_rules_and_no_more),
		cmocka_unit_test(test_sixteen_ports_and_eight_protocols_and_no_more),
		cmocka_unit_test(test_a_list_of_programs_has_no_bound_but_the_texts),
		cmocka_unit_test(test_every_mistake_is_told_with_its_place),
		cmocka_unit_test(test_with_a_port_what_is_forced_can_be_set),
		cmocka_unit_test(test_of_any_text_rules_come_or_a_problem_within_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
