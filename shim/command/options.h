/*
 * Settings from the command line and the environment, for run and config.
 */
#ifndef V6_OPTIONS_H
#define V6_OPTIONS_H

#include "../core/settings.h"

struct v6_options {
	struct v6_settings settings;
	/* The value of each setting as text, as run hands it on; NULL: not given. */
	const char *value[V6_SETTING_COUNT];
	int next; /* index in argv of the first argument that is no option */
};

/*
 * Reads options from argv[1] on, up to the first argument that is none or after
 * "--", then the environment. A relative log path is made absolute. Every
 * problem is told on standard error. 0, or -1 where there was one.
 */
int v6_options_read(struct v6_options *o, int argc, char **argv);

/* The setting options, for --help, on standard output. */
void v6_options_help(void);

#endif
