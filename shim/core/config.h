/*
 * A whole configuration: settings and rules, from the command line, the
 * environment and a file.
 *
 * Pure: whoever calls reads the file. All texts must stay in place for as long
 * as the configuration is used.
 */
#ifndef V6_CONFIG_H
#define V6_CONFIG_H

#include "rules.h"
#include "settings.h"

/* The largest configuration file, in bytes. */
enum { V6_CONFIG_FILE_MAX = 32 * 1024 };

struct v6_config {
	struct v6_settings settings;
	struct v6_rules rules; /* those of the command line or environment, then the file's */
};

void v6_config_init(struct v6_config *c);

/*
 * Sets one setting from text, rules included. Rules of a higher origin replace
 * those of a lower one, and add to those of their own. 0, or -1 with *p filled.
 */
int v6_config_set(struct v6_config *c, enum v6_setting id, struct v6_slice value,
	enum v6_origin origin, struct v6_problem *p);

/* Is given one problem. */
typedef void v6_config_print(const struct v6_problem *p, void *context);

/*
 * Reads the text of a configuration file: lines of `setting = value` and of
 * rules; `#` at the beginning or after a blank begins a comment. Rules are appended, so that those
 * already there come first. Returns how many problems there are; each is given to `print`.
 * Command line and environment must have been read before.
 */
V6_COLD unsigned v6_config_file(struct v6_config *c, struct v6_slice name, struct v6_slice text,
	v6_config_print *print, void *context);

/* Whether "setting = VALUE" in a file is read as that value: a path may be anything. */
bool v6_config_file_holds(struct v6_slice value);

#endif
