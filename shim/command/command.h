/*
 * The v6shim executable: its subcommands, and what they share.
 */
#ifndef V6_COMMAND_H
#define V6_COMMAND_H

#include <stdbool.h>

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

struct v6_command {
	const char *name;
	const char *usage;   /* after "v6shim NAME" */
	const char *summary; /* one line */
	/* argv[0] is the command's name; returns the exit status. */
	int (*main)(int argc, char **argv);
	/* What follows usage and summary in --help; NULL for nothing. */
	void (*help)(void);
};

extern const struct v6_command v6_command_run, v6_command_config, v6_command_profiles,
	v6_command_check, v6_command_report, v6_command_who;

/* "v6shim: " and the rest, one line on standard error. */
__attribute__((format(printf, 1, 2))) void v6_complain(const char *format, ...);

/* Prints usage, summary and help on standard output; V6_EXIT_OK. */
int v6_command_help(const struct v6_command *c);

/* After a message: "v6shim NAME --help", on standard error; V6_EXIT_USAGE. */
int v6_command_usage(const struct v6_command *c);

/* Whether an argument asks for help: --help or -h. */
bool v6_is_help(const char *argument);

#endif
