/*
 * What is wrong with a setting, a rule or a line of a configuration file: the
 * place, the offending text, a sentence, and the nearest right word. The
 * sentence stands where the problem is found.
 */
#pragma once

#include "terms.h"

/* Points into the text that was parsed, and into constant text; copied freely. */
struct v6_problem {
	enum v6_origin origin; /* of the text: how a setting is spelled in the sentence */
	unsigned setting;      /* enum v6_setting; V6_SETTING_COUNT: an unknown one, or none */
	const char *start;     /* of the value or line in which columns are counted */
	struct v6_slice text;  /* the offending part of it */
	struct v6_reason {
		/*
		 * %q is the text, quoted and cut where it is long, %n the number, %c " at column N" where
		 * no line or rule has told the place, %% a %. NULL: the text names an unknown setting.
		 */
		const char *words;
		const char *near; /* what may have been meant, or NULL: then `otherwise` is said */
		const char *otherwise; /* NULL: the words of `valid`, where that is a list */
		enum v6_list valid;
		uint64_t number;
	} reason;
	unsigned rule;        /* of V6SHIM_RULES and --rules, from 1; 0: not in a rule */
	struct v6_slice file; /* the configuration file it is in; empty: in none */
	unsigned line;        /* of that file, from 1; 0: the file itself is the matter */
};

/* Fills in what is the matter with a text, as in (p, text, "unknown value %q", .near = word): -1. */
#define v6_problem_add(p, what, ...)                                                               \
	((p)->text = (what), (p)->reason = (struct v6_reason){.words = __VA_ARGS__}, -1)

/*
 * "V6SHIM_POLICY: unknown value 'ipv6only'; did you mean 'ipv6-only'": no prefix,
 * no newline. Of a rule: "V6SHIM_RULES: rule 2, column 24: policy: ..."; of a file:
 * "/etc/v6shim.conf:3:10: policy: ...".
 */
V6_COLD void v6_problem_text(struct v6_text *t, const struct v6_problem *p);

/* A search for the word that is nearest to what was written, which is all that its begin sets. */
struct v6_nearest {
	struct v6_slice written;
	const char *word; /* the best so far, NULL while nothing is near enough */
	unsigned distance;
};

/*
 * Offers one word; it is kept where it is nearer than all before it. Near is a
 * small number of letters added, left out, changed or swapped (case apart), or
 * the written text being the word's beginning; digits are the word's own.
 */
V6_COLD void v6_nearest_offer(struct v6_nearest *n, const char *word);

/* The nearest of a whole list, or of the first settings, so many; or NULL. */
V6_COLD const char *v6_nearest_of(enum v6_list list, struct v6_slice written);
V6_COLD const char *v6_nearest_setting(struct v6_slice written, unsigned count);
