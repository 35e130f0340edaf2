/*
 * The configuration from the command line, the environment and a file, for run
 * and config.
 */
#ifndef V6_OPTIONS_H
#define V6_OPTIONS_H

#include "../core/config.h"

/* "--name VALUE" or "--name=VALUE"; the list ends with a NULL name. */
struct v6_own_option {
	const char *name; /* without its dashes */
	const char **value;
};

struct v6_options {
	struct v6_config config;
	/* What options set each setting to, as run hands it on; NULL: none did. */
	const char *value[V6_SETTING_COUNT];
	int next; /* index in argv of the first argument that is no option */
};

/*
 * Reads options from argv[1] on, up to the first argument that is none or after
 * "--", then the environment, then the configuration file. Relative paths of log
 * and file are made absolute, in the environment too. `own` are options of the caller's,
 * tried where no setting has the name; NULL: none. Every problem is told on standard error.
 * 0, or -1 where there was one. *o is zeroes, and large: keep it off the stack.
 */
int v6_options_read(struct v6_options *o, int argc, char **argv, const struct v6_own_option *own);

/* The setting options, for --help, on standard output. */
void v6_options_help(void);

#endif
