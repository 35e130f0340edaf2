/*
 * The options of every command, and for some the configuration that comes of them, of the
 * environment and of a file.
 */
#ifndef V6_OPTIONS_H
#define V6_OPTIONS_H

#include "../core/config.h"
#include "command.h"

enum { V6_OPTIONS_OWN = 8 }; /* the most that a command has */

struct v6_options {
	struct v6_config config;
	/* What options set each setting to, as run hands it on; NULL: none did. */
	const char *value[V6_SETTING_COUNT];
	/* By the place in the command's list; "" for one without a value; NULL: not given. */
	const char *given[V6_OPTIONS_OWN];
	char **operands; /* ends with NULL */
	int count;       /* of them */
	bool help;       /* is asked for: nothing else counts */
};

/*
 * Reads "--name VALUE", "--name=VALUE", "-n VALUE", "-nVALUE" and flags, "-46" two of them, in argv[1] and
 * on; "--" ends them. Operands may stand between them, but for those that are a COMMAND. Then, for a command
 * that takes settings, the environment and the configuration file; relative paths of log and file are made
 * absolute, in the environment too. Every problem is told on standard error. 0, or -1 where there was one.
 * *o is large: keep it off the stack. argv is changed.
 */
int v6_options_read(struct v6_options *o, char **argv, const struct v6_command *c);

/* A setting below V6_SETTING_COUNT, or the command's option of that place behind them; -1: unknown. By the letter, or where that is '\0' by the name. */
int v6_option_find(const struct v6_command *c, struct v6_slice name, char letter);

/* The command's own option of such a number; NULL: a setting, or -1. */
const struct v6_option *v6_option_own(const struct v6_command *c, int id);

/* All options of a command, for --help, on standard output. */
void v6_options_help(const struct v6_command *c);

#endif
