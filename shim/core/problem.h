/*
 * What is wrong with a setting, a rule or a line of a configuration file, and
 * how it is told: the setting, the text, its place and the nearest right word.
 */
#ifndef V6_PROBLEM_H
#define V6_PROBLEM_H

#include "text.h"

/* What is wrong with a setting. Points into the text that was parsed. */
struct v6_problem {
	enum v6_problem_kind {
		V6_PROBLEM_NONE,
		V6_PROBLEM_UNKNOWN_SETTING,
		V6_PROBLEM_UNKNOWN_VALUE,
		V6_PROBLEM_UNKNOWN_ERRNO,
		V6_PROBLEM_NOT_ABSOLUTE,
		V6_PROBLEM_TOO_LONG,
		V6_PROBLEM_CONVERSION,
		V6_PROBLEM_DIRECTORY,
		V6_PROBLEM_DESCRIPTOR,
		/* of rules */
		V6_PROBLEM_NO_ARROW,
		V6_PROBLEM_NO_SETTINGS,
		V6_PROBLEM_NO_MATCHER,      /* a word before '=>' that is no NAME=VALUE */
		V6_PROBLEM_NO_SETTING,      /* and behind it */
		V6_PROBLEM_UNKNOWN_MATCHER, /* text is the name, or the word where it is a setting
					     */
		V6_PROBLEM_NOT_IN_RULE,     /* the name, or the word where it is a matcher */
		V6_PROBLEM_NOT_WITH_PORT,
		V6_PROBLEM_TWICE,
		V6_PROBLEM_NO_ITEM, /* text is a list with a gap, or "NAME=" */
		V6_PROBLEM_PORT,
		V6_PROBLEM_PORT_ORDER,
		V6_PROBLEM_PROTO,
		V6_PROBLEM_GLOB,
		V6_PROBLEM_GLOB_BYTES,
		V6_PROBLEM_TOO_MANY,
		/* of configuration files */
		V6_PROBLEM_NO_LINE,
		V6_PROBLEM_NO_NAME,
		V6_PROBLEM_SET_TWICE,
		V6_PROBLEM_NOT_IN_FILE,
		V6_PROBLEM_NUL,
		V6_PROBLEM_FILE_SIZE,
		V6_PROBLEM_FILE_PIPE,
		V6_PROBLEM_FILE,
	} kind;
	uint8_t setting;      /* enum v6_setting; V6_SETTING_COUNT for an unknown one, or none */
	struct v6_slice text; /* the offending part */
	size_t column;        /* of that part in the value or line, from 1 */
	unsigned rule;        /* of V6SHIM_RULES and --rules, from 1; 0: not in a rule */
	struct v6_slice file; /* the configuration file it is in; empty: in none */
	unsigned line;        /* of that file, from 1; 0: the file itself is the matter */
	unsigned limit;       /* TOO_MANY: of what there may be so many; FILE_SIZE: bytes */
	unsigned first;       /* SET_TWICE: the line where it is set, from 1 */
	int error;            /* FILE: errno */
};

/* How a setting was spelled where it was given. */
enum v6_spelling { V6_SPELL_NAME, V6_SPELL_ENV, V6_SPELL_OPTION };

/*
 * "V6SHIM_POLICY: unknown value 'ipv6only'; did you mean 'ipv6-only'": no prefix,
 * no newline. Of a rule: "V6SHIM_RULES: rule 2, column 24: policy: ..."; of a file:
 * "/etc/v6shim.conf:3:10: policy: ...". An unknown setting is problem->text as it
 * was written.
 */
void v6_problem_text(
	struct v6_text *t, const struct v6_problem *problem, enum v6_spelling spelling);

#endif
