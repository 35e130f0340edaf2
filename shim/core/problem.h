/*
 * What is wrong with a setting, a rule or a line of a configuration file: the
 * place, the offending text, a sentence, and the nearest right word. The
 * sentence stands where the problem is found.
 */
#ifndef V6_PROBLEM_H
#define V6_PROBLEM_H

#include "terms.h"

/* Points into the text that was parsed, and into constant text; copied freely. */
struct v6_problem {
	enum v6_origin origin; /* of the text: how a setting is spelled in the sentence */
	unsigned setting;      /* enum v6_setting; V6_SETTING_COUNT: an unknown one, or none */
	const char *start;     /* of the value or line in which columns are counted */
	struct v6_slice text;  /* the offending part of it */
	const char *words;     /* see v6_problem_add(); NULL: `text` names an unknown setting */
	const char *near;      /* what may have been meant, or NULL: then `otherwise` is said */
	const char *otherwise; /* NULL: the words of `valid`, where that is a list */
	enum v6_list valid;
	uint64_t number;
	unsigned rule;        /* of V6SHIM_RULES and --rules, from 1; 0: not in a rule */
	struct v6_slice file; /* the configuration file it is in; empty: in none */
	unsigned line;        /* of that file, from 1; 0: the file itself is the matter */
};

/*
 * Fills in what is the matter with `text`. In the words %q is that text, quoted
 * and cut where it is long, %n the number of v6_problem_add_number(), %c
 * " at column N" where no line or rule has told the place, and %% a %. Always -1.
 */
int v6_problem_add(struct v6_problem *p, struct v6_slice text, const char *words);
int v6_problem_add_number(
	struct v6_problem *p, struct v6_slice text, const char *words, uint64_t number);

/* And "; did you mean 'NEAR'", or what is said otherwise ("; a number is meant"). Always -1. */
int v6_problem_add_near(struct v6_problem *p, struct v6_slice text, const char *words,
	const char *near, const char *otherwise);

/* From 1; 0 where no column is known. */
size_t v6_problem_column(const struct v6_problem *p);

/*
 * "V6SHIM_POLICY: unknown value 'ipv6only'; did you mean 'ipv6-only'": no prefix,
 * no newline. Of a rule: "V6SHIM_RULES: rule 2, column 24: policy: ..."; of a file:
 * "/etc/v6shim.conf:3:10: policy: ...".
 */
V6_COLD void v6_problem_text(struct v6_text *t, const struct v6_problem *p);

#endif
