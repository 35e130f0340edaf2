/*
 * The settings: names, values, defaults and parsers, in one table that serves
 * the environment, the command line, the configuration file, rules, profiles
 * and the help text.
 *
 * Pure: no allocation, no system call, no global that changes. A text that is
 * parsed must stay in place for as long as the settings that came from it.
 */
#pragma once

#include "problem.h"
#include "terms.h"

struct v6_knobs {
	enum v6_policy policy;
	int on_contrary; /* 0: allow; otherwise the errno that is given; so are those below */
	enum v6_order order;
	int on_disorder;
	enum v6_on_conflict on_conflict;
	int on_mapped;
	int on_nonboolean;
	enum v6_mode mode;
};

struct v6_settings {
	struct v6_knobs knobs;
	enum v6_profile profile;
	enum v6_log log;
	enum v6_log_format format;
	enum v6_log_level level;
	int log_fd;               /* V6_LOG_FD */
	struct v6_slice log_path; /* V6_LOG_PATH: absolute, with %p %n %% unexpanded */
	struct v6_slice config;   /* path of the configuration file; empty: none */
	enum v6_origin origin[V6_SETTING_COUNT];
};

/* The longest path of a log, its NUL included. */
enum { V6_PATH_SIZE = 4096 };

/* All defaults. */
void v6_settings_init(struct v6_settings *s);

/*
 * Sets one setting from text; not V6_SETTING_RULES, whose place is struct v6_rules. What came from
 * a higher origin before stays, but the text is judged all the same. 0, or -1 with *p filled and *s
 * as it was; p->setting, origin and start are the caller's to set.
 */
V6_COLD int v6_settings_set(struct v6_settings *s, enum v6_setting id, struct v6_slice value,
	enum v6_origin origin, struct v6_problem *p);

/* Once, at the end: the profile's values below all that were given, and a path's defaults. */
void v6_settings_finish(struct v6_settings *s);

/* The words of its values. */
enum v6_list v6_setting_list(enum v6_setting id);

/* The path that a setting is; NULL: it is none. */
const struct v6_slice *v6_setting_path(const struct v6_settings *s, enum v6_setting id);

/* The value in force, in the syntax that is read back; "none" for rules, which are not here. */
void v6_setting_value(struct v6_text *t, const struct v6_settings *s, enum v6_setting id);

/*
 * Parse one value: a word or deny:ERRNO. Of a setting below V6_KNOBS, where `settings` may be a
 * struct v6_knobs as well, as it is in rules and profiles.
 */
int v6_knobs_set(void *settings, enum v6_setting id, struct v6_slice value, struct v6_problem *p);

/*
 * Those with a bit 1 << enum v6_setting in `sets`: over the base's, as those of a rule; printed as
 * "policy=both order=ipv6-first".
 */
struct v6_knobs v6_knobs_over(
	const struct v6_knobs *base, const struct v6_knobs *knobs, unsigned sets);
void v6_knobs_text(struct v6_text *t, const struct v6_knobs *knobs, unsigned sets);

/* The values that are not the default, as v6_knobs_text() has them. FACTS.md, section 2. */
void v6_profile_text(struct v6_text *t, enum v6_profile profile);
