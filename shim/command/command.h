/*
 * The v6shim executable: its subcommands, and what they share.
 */
#ifndef V6_COMMAND_H
#define V6_COMMAND_H

#include <stdbool.h>

#include "../core/terms.h"

/* Exit statuses (DESIGN.md 1.7). */
enum {
	V6_EXIT_OK = 0,
	V6_EXIT_NO = 1,          /* an answer of "no": --check, who PORT */
	V6_EXIT_USAGE = 2,       /* bad usage or settings */
	V6_EXIT_UNREACHABLE = 3, /* the program cannot be preloaded */
	V6_EXIT_RUN = 125,       /* of run: all that is its own failure */
	V6_EXIT_NOT_EXECUTABLE = 126,
	V6_EXIT_NOT_FOUND = 127,
};

/* An option of a command, settings apart. A list ends with a NULL name. */
struct v6_option {
	const char *name;  /* without its dashes */
	const char *value; /* what --help calls its value; NULL: it takes none */
	const char *help;
	const char *words; /* of the values, where they are few: blanks between them */
	char letter;       /* the short option; '\0': none */
};

/* What the words are that are no options. */
enum v6_operands {
	V6_OPERANDS_NONE,
	V6_OPERANDS_COMMAND, /* another command and its arguments: no option of ours follows */
	V6_OPERANDS_FILES,
	V6_OPERANDS_PROFILE,
};

struct v6_options;

struct v6_command {
	const char *name;
	const char *usage;                 /* after "v6shim NAME" */
	const char *summary;               /* one line */
	int (*main)(struct v6_options *o); /* returns the exit status */
	/* Of --help: before the options, and after them; whole lines. */
	const char *about, *end;
	const struct v6_option *options; /* NULL: none */
	enum v6_operands operands;
	bool settings; /* these are options too */
};

extern const struct v6_command v6_command_run, v6_command_config, v6_command_profiles,
	v6_command_check, v6_command_report, v6_command_who;

/* All of them; ends with NULL. */
extern const struct v6_command *const v6_commands[];

/*
 * What Tab offers, for shim/completion. `words` are those after v6shim, up to the one at the cursor, which may
 * be empty and must be there. Prints what that may become, a whole word and its meaning a line, a tab between; or for
 * what the shell knows better ":files", or ":command N": the words from the N-th on (the first is 0) are another
 * command's. The exit status.
 */
int v6_complete(char **words);

/* "v6shim: " and the rest, one line on standard error. Always -1. */
__attribute__((format(printf, 1, 2))) int v6_complain(const char *format, ...);

/* "v6shim: NAME: " and the rest, and the usage, on standard error; the exit status. */
__attribute__((format(printf, 2, 3))) int v6_command_usage(
	const struct v6_command *c, const char *format, ...);

#endif
