/*
 * The v6shim executable: its subcommands, their options, and what they share.
 */
#pragma once

#include "../core/config.h"

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

enum { V6_OPTIONS_OWN = 8 }; /* the most that a command has */

struct v6_options {
	/* What comes of options, the environment and a file, where the command takes settings. */
	struct v6_config config;
	/* What options set each setting to, as run hands it on; NULL: none did. */
	const char *value[V6_SETTING_COUNT];
	/* By the place in the command's list; "" for one without a value; NULL: not given. */
	const char *given[V6_OPTIONS_OWN];
	char **operands; /* ends with NULL */
	int count;       /* of them */
	bool help;       /* is asked for: nothing else counts */
};

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
 * Reads "--name VALUE", "--name=VALUE", "-n VALUE", "-nVALUE" and flags, "-46" two of them, in argv[1] and
 * on; "--" ends them. Operands may stand between them, but for those that are a COMMAND. Then, for a command
 * that takes settings, the environment and the configuration file; relative paths of log and file are made
 * absolute, in the environment too. Every problem is told on standard error. 0, or -1 where there was one.
 * *o is large. argv is changed.
 */
int v6_options_read(struct v6_options *o, char **argv, const struct v6_command *c);

/*
 * A setting below V6_SETTING_COUNT, or the command's option of that place behind them; -1: unknown. By
 * the letter, or where that is '\0' by the name.
 */
int v6_option_find(const struct v6_command *c, struct v6_slice name, char letter);

/* The command's own option of such a number; NULL: a setting, or -1. */
const struct v6_option *v6_option_own(const struct v6_command *c, int id);

/* All options of a command, for --help, on standard output. */
void v6_options_help(const struct v6_command *c);

/*
 * Warns on standard error, naming the log, where it cannot be written as things are. With `open` a log
 * that is a file, and has no % in its name, is opened for the program that is started, and made where
 * it is not there: what V6_LOG_HANDED is to be, in v6_keep's memory, which begins with the descriptor's
 * number. It is close-on-exec. NULL: another log, or there was a warning.
 */
const char *v6_options_log(const struct v6_settings *s, bool open);

/*
 * What Tab offers, for shim/completion. `words` are those after v6shim, up to the one at the cursor, which may
 * be empty and must be there. Prints what that may become, a whole word and its meaning a line, a tab between; or for
 * what the shell knows better ":files", or ":command N": the words from the N-th on (the first is 0) are another
 * command's. The exit status.
 */
int v6_complete(char **words);

/* The text as it is safe to print (v6_text_safe), of v6_keep. */
const char *v6_shown(const char *text);

/* Whether a word is one of some, with blanks between them. */
bool v6_among(const char *words, struct v6_slice word);

/* "v6shim: " and the rest, one line on standard error. Always -1. */
__attribute__((format(printf, 1, 2))) int v6_complain(const char *format, ...);

/* "v6shim: NAME: " and the rest, and the usage, on standard error; the exit status. */
__attribute__((format(printf, 2, 3))) int v6_command_usage(
	const struct v6_command *c, const char *format, ...);

/*
 * Memory that is kept until the command ends. Where there is none it ends: "v6shim: no memory",
 * V6_EXIT_USAGE. Zeroed, aligned for anything.
 */
void *v6_keep(size_t size);

/* A copy of len bytes, NUL-terminated. */
char *v6_keep_bytes(const char *bytes, size_t len);

/* "abc" of "a", "b" and "c"; the list ends with NULL. */
__attribute__((sentinel)) char *v6_keep_joined(const char *first, ...);

/* A new element at the end of an array that begins as NULL and 0, zeroed. Its elements move. */
#define V6_ADD(array, count)                                                                       \
	((array) = v6_grow(array, count, sizeof(*(array))), &(array)[(count)++])
void *v6_grow(void *array, size_t count, size_t size);

/* The pointer, which is not NULL. */
void *v6_need(void *pointer);
