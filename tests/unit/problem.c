/*
 * What is said of every mistake: one table for values, names, rules and files (DESIGN.md 1.3, 1.4).
 * Each sentence names the place, the offending text, and what was meant or is valid; it never
 * overruns its memory, and nothing of it acts on a terminal.
 */
#include "unit.h"

#include "core/config.h"

static char buf[65536], said[65536];

#define PROFILES                                                                                   \
	"linux, freebsd, netbsd, openbsd, dragonfly, macos, illumos, windows, qnx, ibmi, aix, "    \
	"bindv6only=0, bindv6only=1"
#define LEVELS         "change, error, bind, all"
#define POLICIES       "app, ipv6-only, both, default-ipv6-only, default-both"
#define LOGS           "stderr, off, syslog, fd:N, /PATH"
#define SYMBOLIC       "; a symbolic name is meant, as in deny:EPERM"
#define CONVERSIONS    "; valid: %p, %n, %%"
#define TEN            "xxxxxxxxxx"
#define SEVENTY        TEN TEN TEN TEN TEN TEN TEN
#define NEAR           "'; did you mean '"
#define NO_SETTING     ": unknown setting; did you mean '"
#define IS_SETTING     " is a setting, whose place is behind '=>'"
#define NO_ERRNO(word) "unknown errno '" word "' at column 6"
#define AT(column)     "rule 1, column " #column ": "
#define ALL_SETTINGS                                                                               \
	"policy, on-contrary, order, on-disorder, on-conflict, on-mapped, on-nonboolean, mode, "   \
	"profile, rules, config, log, log-format, log-level"
#define RULE_SETS                                                                                  \
	"; a rule may set policy, on-contrary, order, on-disorder, on-conflict, on-mapped, "       \
	"on-nonboolean, mode"
#define MATCHERS    "program=GLOB, port=N or proto=NAME is meant"
#define BARE        "no blanks stand around its '='"
#define NO_ARROW    "is no rule: '=>' is missing between matchers and settings"
#define NO_LINE     "is neither 'setting = value' nor a rule 'matcher => setting=value'"
#define PORT_MEANT  "; a number from 0 to 65535 is meant, or N-M"
#define PROTO_MEANT "; a name as tcp or udp is meant, or a number up to 65535"
#define TOO_LATE    " by a rule with port=, which acts at bind and listen only"

/*
 * VALUE: "setting=value"; the sentence follows the setting as it is spelled where it was set. The
 * next three: the name of a setting, as it is spelled there. RULES: of V6SHIM_RULES, behind that
 * name. FILE_TEXT: the text of the file /c, and a sentence a line.
 */
enum from { VALUE, ENVIRONMENT, OPTION, FILE_NAME, RULES, FILE_TEXT };

static const struct mistake {
	enum from from;
	const char *text, *sentence; /* of a file, \1 stands for NUL */
} mistakes[] = {
	/* One slip away: the nearest right word. */
	{VALUE, "policy=ipv6only", "unknown value 'ipv6only" NEAR "ipv6-only'"},
	{VALUE, "policy=IPV6-ONLY", "unknown value 'IPV6-ONLY" NEAR "ipv6-only'"},
	{VALUE, "policy=ipv6", "unknown value 'ipv6" NEAR "ipv6-only'"},
	{VALUE, "policy=app\n", "unknown value 'app\\x0a" NEAR "app'"},
	{VALUE, "on-contrary=deny", "unknown value 'deny" NEAR "deny:ERRNO'"},
	{VALUE, "order=ipv4first", "unknown value 'ipv4first" NEAR "ipv4-first'"},
	{VALUE, "on-disorder=lgo", "unknown value 'lgo" NEAR "log'"},
	{VALUE, "on-conflict=resolv", "unknown value 'resolv" NEAR "resolve'"},
	{VALUE, "log=fd", "unknown value 'fd" NEAR "fd:N'"},
	{VALUE, "log-format=jsonl", "unknown value 'jsonl" NEAR "json'"},

	/* What people write who know the matter by another name, each for its setting alone. */
	{VALUE, "policy=dual", "unknown value 'dual" NEAR "both'"},
	{VALUE, "mode=dry-run", "unknown value 'dry-run" NEAR "log'"},
	{VALUE, "log=journald", "unknown value 'journald" NEAR "syslog'"},
	{VALUE, "policy=journald", "unknown value 'journald'; valid: " POLICIES},

	/* Far from every word: all of them. */
	{VALUE, "policy=1", "unknown value '1'; valid: " POLICIES},
	{VALUE, "policy=\x1b[31mred\xff", "unknown value '\\x1b[31mred\\xff'; valid: " POLICIES},
	{VALUE, "policy=it's \\ \"x\"", "unknown value 'it's \\\\ \"x\"'; valid: " POLICIES},
	{VALUE, "policy=" SEVENTY TEN, "unknown value '" SEVENTY TEN "'; valid: " POLICIES},
	{VALUE, "policy=" SEVENTY TEN TEN, "unknown value '" SEVENTY TEN "...'; valid: " POLICIES},
	{VALUE, "order=random", "unknown value 'random'; valid: app, ipv4-first, ipv6-first"},
	{VALUE, "on-conflict=kill",
		"unknown value 'kill'; valid: fail, resolve, share, share-ipv6"},
	{VALUE, "mode=dryrun-", "unknown value 'dryrun-'; valid: enforce, log"},
	{VALUE, "log-format=xml", "unknown value 'xml'; valid: text, json"},
	{VALUE, "log-level=warning", "unknown value 'warning'; valid: " LEVELS},

	/* Nothing at all. */
	{VALUE, "policy=", "no value given; valid: " POLICIES},
	{VALUE, "on-contrary=", "no value given; valid: allow, deny:ERRNO"},
	{VALUE, "log=", "no value given; valid: " LOGS},

	/* A part of the value is wrong: where it stands. */
	{VALUE, "on-contrary=deny:EPREM",
		"unknown errno 'EPREM' at column 6; did you mean 'EPERM'"},
	{VALUE, "on-contrary=deny:eperm",
		"unknown errno 'eperm' at column 6; did you mean 'EPERM'"},
	{VALUE, "on-contrary=deny:1", NO_ERRNO("1") SYMBOLIC},
	{VALUE, "on-contrary=deny:permission denied",
		"unknown errno 'permission denied' at column 6" SYMBOLIC},
	{VALUE, "on-contrary=deny:", "no errno given at column 6" SYMBOLIC},
	{VALUE, "on-disorder=deny:EADRINUSE",
		"unknown errno 'EADRINUSE' at column 6; did you mean 'EADDRINUSE'"},
	{VALUE, "log=/tmp/%d.log", "'%d' at column 6 is no conversion" CONVERSIONS},
	{VALUE, "log=/tmp/%%%P", "'%P' at column 8 is no conversion" CONVERSIONS},
	{VALUE, "log=/tmp/50%", "'%' at column 8 is no conversion" CONVERSIONS},
	{VALUE, "log=/%\n", "'%\\x0a' at column 2 is no conversion" CONVERSIONS},
	{VALUE, "log=fd:x", "'x' at column 4 is no descriptor's number"},
	{VALUE, "log=fd:2147483648", "'2147483648' at column 4 is no descriptor's number"},
	{VALUE, "log=fd:", "no descriptor's number given at column 4"},

	/* Paths. */
	{VALUE, "log=x.log", "'x.log' is not an absolute path"},
	{VALUE, "log=dir/x", "'dir/x' is not an absolute path"},
	{VALUE, "log=/", "'/' is a directory, a file is meant"},
	{VALUE, "log=/var/log/", "'/var/log/' is a directory, a file is meant"},
	{VALUE, "config=v6shim.conf", "'v6shim.conf' is not an absolute path"},
	{VALUE, "config=", "no value given; an absolute path is meant"},

	/* Profiles. */
	{VALUE, "profile=freebds", "unknown value 'freebds" NEAR "freebsd'"},
	{VALUE, "profile=bindv6only", "unknown value 'bindv6only" NEAR "bindv6only=0'"},
	{VALUE, "profile=plan9", "unknown value 'plan9'; valid: " PROFILES},
	{VALUE, "profile=", "no value given; valid: " PROFILES},

	/* What a system cannot do. */
	{VALUE, "on-mapped=deny:EADDRNOTAVAIL,EPERM",
		"unknown errno 'EADDRNOTAVAIL,EPERM' at column 6" SYMBOLIC},
	{VALUE, "on-nonboolean=EINVAL", "unknown value 'EINVAL'; valid: allow, deny:ERRNO"},

	/* Names. */
	{ENVIRONMENT, "V6SHIM_POLCY", "V6SHIM_POLCY" NO_SETTING "V6SHIM_POLICY'"},
	{ENVIRONMENT, "V6SHIM_policy", "V6SHIM_policy" NO_SETTING "V6SHIM_POLICY'"},
	{ENVIRONMENT, "V6SHIM_LOGFORMAT", "V6SHIM_LOGFORMAT" NO_SETTING "V6SHIM_LOG_FORMAT'"},
	{FILE_NAME, "polcy", "polcy" NO_SETTING "policy'"},
	{FILE_NAME, "on_conflict", "on_conflict" NO_SETTING "on-conflict'"},
	{OPTION, "--polcy", "--polcy" NO_SETTING "--policy'"},
	{OPTION, "-policy", "-policy" NO_SETTING "--policy'"},
	{ENVIRONMENT, "V6SHIM_\x1bPOLICY", "V6SHIM_\\x1bPOLICY" NO_SETTING "V6SHIM_POLICY'"},
	{FILE_NAME, "colour", "colour: unknown setting; valid: " ALL_SETTINGS},
	{OPTION, "--verbose",
		"--verbose: unknown setting; valid: --policy, --on-contrary, --order, "
		"--on-disorder, --on-conflict, --on-mapped, --on-nonboolean, --mode, --profile, "
		"--rules, --config, --log, --log-format, --log-level"},
	{ENVIRONMENT, "V6SHIM_",
		"V6SHIM_: unknown setting; valid: V6SHIM_POLICY, V6SHIM_ON_CONTRARY, V6SHIM_ORDER, "
		"V6SHIM_ON_DISORDER, V6SHIM_ON_CONFLICT, V6SHIM_ON_MAPPED, V6SHIM_ON_NONBOOLEAN, "
		"V6SHIM_MODE, V6SHIM_PROFILE, V6SHIM_RULES, V6SHIM_CONFIG, V6SHIM_LOG, "
		"V6SHIM_LOG_FORMAT, V6SHIM_LOG_LEVEL"},

	/* The shape of a rule. */
	{RULES, "port=80", AT(1) "'port=80' " NO_ARROW},
	{RULES, "  policy=both ", AT(3) "'policy=both' " NO_ARROW},
	{RULES, "port=80 =>", AT(1) "no setting after '=>'"},
	{RULES, " => ", AT(2) "no setting after '=>'"},
	{RULES, "=> mode=log; =>", "rule 2, column 14: no setting after '=>'"},
	{RULES, "=> mode=log;;;port=80", "rule 2, column 15: 'port=80' " NO_ARROW},

	/* Matchers. */
	{RULES, "prt=80 => mode=log", AT(1) "unknown matcher 'prt" NEAR "port'"},
	{RULES, "protocol=tcp => mode=log", AT(1) "unknown matcher 'protocol'; " MATCHERS},
	{RULES, "mode=log => policy=both", AT(1) "'mode=log'" IS_SETTING},
	{RULES, "port=80 config=/x => policy=both", AT(9) "'config=/x'" IS_SETTING},
	{RULES, "port 80 => mode=log", AT(1) "'port' is no matcher; " MATCHERS},
	{RULES, "port=80 tcp => mode=log", AT(9) "'tcp' is no matcher; " MATCHERS},
	{RULES, "port=80 port=81 => mode=log", AT(9) "'port' is given twice"},
	{RULES, "program=a program=b => mode=log", AT(11) "'program' is given twice"},

	/* Lists. */
	{RULES, "port= => mode=log", AT(1) "'port=' has no value"},
	{RULES, "port=80,,81 => mode=log", AT(6) "'80,,81' has an empty item in its list"},
	{RULES, "port=80, => mode=log", AT(6) "'80,' has an empty item in its list"},

	/* Ports. */
	{RULES, "port=65536 => mode=log", AT(6) "'65536' is no port" PORT_MEANT},
	{RULES, "port=80-90-100 => mode=log", AT(6) "'80-90-100' is no port" PORT_MEANT},
	{RULES, "port=90-80 => mode=log", AT(6) "'90-80' ends before it begins"},

	/* Protocols. */
	{RULES, "proto=tpc => mode=log", AT(7) "unknown protocol 'tpc" NEAR "tcp'"},
	{RULES, "proto=TCP => mode=log", AT(7) "unknown protocol 'TCP" NEAR "tcp'"},
	{RULES, "proto=tcp,ipx-over-x => mode=log",
		AT(11) "unknown protocol 'ipx-over-x'" PROTO_MEANT},
	{RULES, "proto=65536 => mode=log", AT(7) "unknown protocol '65536'" PROTO_MEANT},

	/* Programs. */
	{RULES, "program=[a] => mode=log",
		AT(9) "'[a]' has a '['; of a glob there are '*' and '?'"},
	{RULES, "program=x,/usr/bin/x => mode=log",
		AT(11) "'/usr/bin/x' is a path; a program's mere name is meant"},
	{RULES, "program=a\x1b[2J => mode=log",
		AT(9) "'a\\x1b[2J' has bytes that are no text; '?' matches any"},
	{RULES, "program=x\xc2\x9b => mode=log",
		AT(9) "'x\\xc2\\x9b' has bytes that are no text; '?' matches any"},

	/* Settings. */
	{RULES, "=> polcy=both", AT(4) "unknown setting 'polcy" NEAR "policy'"},
	{RULES, "=> colour=red", AT(4) "unknown setting 'colour'" RULE_SETS},
	{RULES, "=> log=off", AT(4) "no setting of a rule: 'log'" RULE_SETS},
	{RULES, "=> profile=macos", AT(4) "no setting of a rule: 'profile'" RULE_SETS},
	{RULES, "=> on-mapped=deny:x", AT(19) "on-mapped: unknown errno 'x'" SYMBOLIC},
	{RULES, "port=80 => on-nonboolean=allow",
		AT(12) "'on-nonboolean=allow' cannot be set" TOO_LATE},
	{RULES, "=> mode=log port=80 => mode=log",
		AT(13) "'port=80' is a matcher, whose place is before '=>'; a ';' "
		       "begins a new rule"},
	{RULES, "=> policy", AT(4) "'policy' is no setting=value; " BARE},
	{RULES, "=> policy = both", AT(4) "'policy' is no setting=value; " BARE},
	{RULES, "=> policy=both => mode=log", AT(16) "'=>' is no setting=value; " BARE},
	{RULES, "=> policy=both policy=app", AT(16) "'policy' is given twice"},
	{RULES, "=> policy=bth", AT(11) "policy: unknown value 'bth" NEAR "both'"},
	{RULES, "=> policy=", AT(11) "policy: no value given; valid: " POLICIES},
	{RULES, "=> policy=\"both\"", AT(11) "policy: unknown value '\"both\"" NEAR "both'"},
	{RULES, "=> on-contrary=deny:EPREM",
		AT(21) "on-contrary: unknown errno 'EPREM" NEAR "EPERM'"},

	/* What comes too late with a port. */
	{RULES, "port=80 => policy=default-both",
		AT(12) "'policy=default-both' cannot be set" TOO_LATE},
	{RULES, "port=80 proto=tcp => mode=log policy=default-ipv6-only",
		AT(31) "'policy=default-ipv6-only' cannot be set" TOO_LATE},
	{RULES, "port=80 => on-contrary=allow",
		AT(12) "'on-contrary=allow' cannot be set" TOO_LATE},

	/* Files. */
	{FILE_TEXT, "polcy = both\n", "/c:1:1: polcy" NO_SETTING "policy'"},
	{FILE_TEXT, "\n\n  polcy = both\n", "/c:3:3: polcy" NO_SETTING "policy'"},
	{FILE_TEXT, "\xef\xbb\xbfpolcy = both\n", "/c:1:1: polcy" NO_SETTING "policy'"},
	{FILE_TEXT, "V6SHIM_POLICY = both\n",
		"/c:1:1: V6SHIM_POLICY: unknown setting; valid: " ALL_SETTINGS},
	{FILE_TEXT, "colour = red\n", "/c:1:1: colour: unknown setting; valid: " ALL_SETTINGS},
	{FILE_TEXT, "= both\n", "/c:1:1: no setting's name before '='"},
	{FILE_TEXT, "both\n", "/c:1:1: 'both' " NO_LINE},
	{FILE_TEXT, "policy: both\n", "/c:1:1: 'policy: both' " NO_LINE},
	{FILE_TEXT, "policy both # x\n", "/c:1:1: 'policy both' " NO_LINE},
	{FILE_TEXT, "policy = bth\n", "/c:1:10: policy: unknown value 'bth" NEAR "both'"},
	{FILE_TEXT, "policy=\n", "/c:1:8: policy: no value given; valid: " POLICIES},
	{FILE_TEXT, "policy = 'both'\n", "/c:1:10: policy: unknown value ''both'" NEAR "both'"},
	{FILE_TEXT, "policy = both mode = log\n",
		"/c:1:10: policy: unknown value 'both mode = log'; valid: " POLICIES},
	{FILE_TEXT, "policy = both#x\n", "/c:1:10: policy: unknown value 'both#x" NEAR "both'"},
	{FILE_TEXT, "on-contrary = deny:EPREM\r\n",
		"/c:1:20: on-contrary: unknown errno 'EPREM" NEAR "EPERM'"},
	{FILE_TEXT, "policy = both\n\npolicy = both\n", "/c:3:1: policy: set already, in line 1"},
	{FILE_TEXT, "policy = bth\npolicy = both\n",
		"/c:1:10: policy: unknown value 'bth" NEAR "both'\n/c:2:1: policy: set "
		"already, in line 1"},
	{FILE_TEXT, "rules = => mode=log\nrules = => mode=log\n",
		"/c:2:1: rules: set already, in line 1"},
	{FILE_TEXT, "config = /a=>b\n", "/c:1:1: config: a configuration file cannot name another"},
	{FILE_TEXT, "profile = opnbsd\n",
		"/c:1:11: profile: unknown value 'opnbsd" NEAR "openbsd'"},
	{FILE_TEXT, "profile = solari\n",
		"/c:1:11: profile: unknown value 'solari" NEAR "solaris'"},
	{FILE_TEXT, "log = x.log\n", "/c:1:7: log: 'x.log' is not an absolute path"},
	{FILE_TEXT, "log = /tmp/%q\n", "/c:1:12: log: '%q' is no conversion" CONVERSIONS},
	{FILE_TEXT, "log = fd:\n", "/c:1:10: log: no descriptor's number given"},
	{FILE_TEXT, "port=80 policy=both\n", "/c:1:1: 'port=80 policy=both' " NO_ARROW},
	{FILE_TEXT, "program = nginx\n", "/c:1:1: 'program = nginx' " NO_ARROW},
	{FILE_TEXT, "\tport=80 => polcy=both\n", "/c:1:13: unknown setting 'polcy" NEAR "policy'"},
	{FILE_TEXT, "port=80 => policy=both; port=x => mode=log # c\n",
		"/c:1:30: 'x' is no port" PORT_MEANT},
	{FILE_TEXT, "rules = port=80 => policy=both; port=90-80 => mode=log\n",
		"/c:1:38: '90-80' ends before it begins"},
	{FILE_TEXT, "mode = log => policy=both\n", "/c:1:1: 'mode' is no matcher; " MATCHERS},
	{FILE_TEXT, "port=80 => on-contrary=deny:EPERM\n",
		"/c:1:12: 'on-contrary=deny:EPERM' cannot be set" TOO_LATE},
	{FILE_TEXT, "policy = both\1\n", "/c:1:14: a NUL byte: this is no text file"},
	{FILE_TEXT, "# a comment \1 too\n", "/c:1:13: a NUL byte: this is no text file"},
	{FILE_TEXT, "p\1o\1l\1i\1c\1y\1\n\1",
		"/c:1:2: a NUL byte: this is no text file\n/c:2:1: a NUL byte: this is no text "
		"file"},
	{FILE_TEXT, "policy = \x1b[2J\xff\n",
		"/c:1:10: policy: unknown value '\\x1b[2J\\xff'; valid: " POLICIES},
	{FILE_TEXT, "policy = both\rmode = log\r",
		"/c:1:10: policy: unknown value 'both\\x0dmode = log'; valid: " POLICIES},

	/* All of them, in one run. */
	{FILE_TEXT, "polcy = both\nmode = log\nmode = lgo\nx\n",
		"/c:1:1: polcy" NO_SETTING "policy'\n/c:3:1: mode: set already, "
		"in line 2\n/c:4:1: 'x' " NO_LINE},
};

static const char *sentence_of(const struct v6_problem *p)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_problem_text(&t, p);
	assert_false(t.full);
	return buf;
}

static void check(const struct mistake *m, const char *is, const char *should, unsigned *wrong)
{
	if (!strcmp(is, should))
		return;
	print_error("# of '%s' it says\n#   %s\n# expected was\n#   %s\n", m->text, is, should);
	++*wrong;
}

static struct v6_config config, as_it_was;

/* A value, from where settings are spelled as `origin` has it; the configuration stays. */
static void check_value(const struct mistake *m, enum v6_origin origin, unsigned *wrong)
{
	struct v6_slice value = slice(m->text), name = v6_slice_cut(&value, '=');
	enum v6_setting id = v6_setting_by_name(name);
	struct v6_problem p;
	char should[1024];
	struct v6_text t = v6_text_in(should, sizeof(should));

	value = fenced(value.ptr, value.len);
	memset(&p, 0x5a, sizeof(p));
	if (!v6_config_set(&config, id, value, origin, &p))
		fail_msg("taken: %s", m->text);
	assert_memory_equal(&config, &as_it_was, sizeof(config));
	assert_true(p.text.ptr >= value.ptr && p.text.ptr + p.text.len <= value.ptr + value.len);
	if (origin == V6_ORIGIN_ENVIRONMENT)
		v6_setting_env_name(&t, id);
	else
		snprintf(should, sizeof(should), "%s%.*s", origin == V6_ORIGIN_OPTION ? "--" : "",
			(int)name.len, name.ptr);
	snprintf(should + strlen(should), sizeof(should) - strlen(should), ": %s", m->sentence);
	check(m, sentence_of(&p), should, wrong);
}

static void check_name(const struct mistake *m, enum v6_origin origin, unsigned *wrong)
{
	struct v6_problem p = {.setting = V6_SETTING_COUNT, .origin = origin};

	(void)v6_problem_add(&p, fenced(m->text, strlen(m->text)), NULL);
	check(m, sentence_of(&p), m->sentence, wrong);
}

static void check_rules(const struct mistake *m, unsigned *wrong)
{
	struct v6_slice text = fenced(m->text, strlen(m->text));
	struct v6_problem p;
	char should[1024];

	if (!v6_config_set(&config, V6_SETTING_RULES, text, V6_ORIGIN_ENVIRONMENT, &p))
		fail_msg("taken: %s", m->text);
	assert_int_equal(config.rules.count, 0);
	assert_true(p.text.ptr >= text.ptr && p.text.ptr + p.text.len <= text.ptr + text.len);
	snprintf(should, sizeof(should), "V6SHIM_RULES: %s", m->sentence);
	check(m, sentence_of(&p), should, wrong);
}

/* Keeps each sentence, a line each. */
static void keep(const struct v6_problem *p, void *context)
{
	struct v6_text t = {.buf = said, .size = sizeof(said), .len = strlen(said)};
	unsigned *count = context;

	assert_true(p->text.ptr >= p->start);
	v6_text_str(&t, t.len ? "\n" : "");
	v6_text_str(&t, sentence_of(p));
	assert_false(t.full);
	++*count;
}

static void check_file(const struct mistake *m, unsigned *wrong)
{
	size_t len = strlen(m->text);
	char *text = memcpy(fence_last(len), m->text, len);
	unsigned count = 0, problems;

	for (size_t i = 0; i < len; i++)
		if (text[i] == '\1')
			text[i] = '\0';
	*said = '\0';
	v6_config_init(&config);
	problems = v6_config_file(&config, slice("/c"), (struct v6_slice){text, len}, keep, &count);
	assert_int_equal(problems, count);
	check(m, said, m->sentence, wrong);
}

TEST(every_mistake_has_its_sentence_in_the_spelling_in_which_it_was_made)
{
	unsigned wrong = 0, seen[FILE_TEXT + 1] = {0};

	memset(&config, 0x5a, sizeof(config));
	for (const struct mistake *m = mistakes; m < mistakes + COUNT(mistakes); m++) {
		struct v6_problem p;

		/* Nothing that stood there before is lost. */
		v6_config_init(&config);
		v6_config_set(&config, V6_SETTING_POLICY, slice("both"), V6_ORIGIN_ENVIRONMENT, &p);
		v6_config_set(&config, V6_SETTING_LOG, slice("/x"), V6_ORIGIN_ENVIRONMENT, &p);
		memcpy(&as_it_was, &config, sizeof(config));
		seen[m->from]++;
		switch (m->from) {
		case VALUE:
			check_value(m, V6_ORIGIN_ENVIRONMENT, &wrong);
			check_value(m, V6_ORIGIN_OPTION, &wrong);
			check_value(m, V6_ORIGIN_FILE, &wrong);
			break;
		case ENVIRONMENT:
			check_name(m, V6_ORIGIN_ENVIRONMENT, &wrong);
			break;
		case OPTION:
			check_name(m, V6_ORIGIN_OPTION, &wrong);
			break;
		case FILE_NAME:
			check_name(m, V6_ORIGIN_FILE, &wrong);
			break;
		case RULES:
			check_rules(m, &wrong);
			break;
		case FILE_TEXT:
			check_file(m, &wrong);
			break;
		}
	}
	assert_int_equal(wrong, 0);
	for (size_t i = 0; i < COUNT(seen); i++)
		assert_int_not_equal(seen[i], 0);
}

TEST(a_nul_in_a_value_is_not_its_end)
{
	struct v6_problem p;

	v6_config_init(&config);
	assert_int_equal(v6_config_set(&config, V6_SETTING_POLICY, (struct v6_slice){"both\0x", 6},
				 V6_ORIGIN_OPTION, &p),
		-1);
	assert_string_equal(
		sentence_of(&p), "--policy: unknown value 'both\\x00x'; did you mean 'both'");
	assert_int_equal(v6_config_set(&config, V6_SETTING_LOG, (struct v6_slice){"/a%\0", 4},
				 V6_ORIGIN_OPTION, &p),
		-1);
	assert_string_equal(
		sentence_of(&p), "--log: '%\\x00' at column 3 is no conversion" CONVERSIONS);
}

/* The library has less than a kilobyte for a complaint. */
enum { ROOM = 768 };

TEST(what_is_endless_does_not_push_the_explanation_out)
{
	static char name[5000], path[5000];
	struct v6_problem p = {.setting = V6_SETTING_COUNT, .origin = V6_ORIGIN_ENVIRONMENT};
	struct v6_text t = v6_text_in(buf, ROOM);

	memset(name, 'X', sizeof(name));
	memcpy(name, "V6SHIM_", 7);
	(void)v6_problem_add(&p, fenced(name, sizeof(name)), NULL);
	v6_problem_text(&t, &p);
	assert_false(t.full);
	assert_non_null(strstr(buf, ": unknown setting; "));
	assert_non_null(strstr(buf, "V6SHIM_LOG_LEVEL"));

	/* A path is told by its end, a value by its beginning. */
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	v6_config_init(&config);
	assert_int_equal(v6_config_set(&config, V6_SETTING_CONFIG,
				 (struct v6_slice){path, sizeof(path)}, V6_ORIGIN_OPTION, &p),
		-1);
	assert_string_equal(
		sentence_of(&p), "--config: '/" SEVENTY "xxxxxxxxx...' is longer than 4095 bytes");
	memcpy(path + sizeof(path) - 12, "/v6shim.conf", 12);
	p = (struct v6_problem){.setting = V6_SETTING_COUNT,
		.file = {path, sizeof(path)},
		.line = 12,
		.start = name};
	(void)v6_problem_add(&p, ((struct v6_slice){name + 2, 1}), "no setting's name before '='");
	t = v6_text_in(buf, ROOM);
	v6_problem_text(&t, &p);
	assert_false(t.full);
	assert_memory_equal(buf, "...xxx", 6);
	assert_non_null(strstr(buf, "x/v6shim.conf:12:3: no setting's name before '='"));
}

RUN_TESTS()
