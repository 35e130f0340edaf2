#include "launch.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"
#include "elf.h"

static const char blanks[] = " \t";

size_t v6_argv_count(char **argv)
{
	size_t n = 0;

	while (argv[n])
		n++;
	return n;
}

char *v6_launch_script(char head[V6_SCRIPT_HEAD], char **argument)
{
	char *end = memchr(head, '\n', V6_SCRIPT_HEAD - 1), *name = head + 2;
	size_t len;

	if (memcmp(head, "#!", 2))
		return NULL;
	head[V6_SCRIPT_HEAD - 1] = '\0';
	if (end) {
		while (strchr(blanks, end[-1]) && end[-1])
			end--;
		*end = '\0';
	}
	name += strspn(name, blanks);
	len = strcspn(name, blanks);
	/* Of a line that is cut off there could be more of the name. */
	if (!len || (!end && name + len == head + V6_SCRIPT_HEAD - 1))
		return NULL;
	*argument = name + len + strspn(name + len, blanks);
	name[len] = '\0';
	return name;
}

/* ---- env -S: one argument into many (env(1), "-S/--split-string usage in scripts") */

/* What a backslash and c stand for, but blanks that end a word; 0: env refuses it. */
static char escaped(char c, bool quoted)
{
	static const char from[] = "fnrtv_\"#$'\\", to[] = "\f\n\r\t\v \"#$'\\";
	const char *known = c && (c != '_' || quoted) ? strchr(from, c) : NULL;

	return known ? to[known - from] : '\0';
}

/* The words, each with its NUL, one after the other; how many, -1 where env refuses the text. */
static int put_words(FILE *words, const char *c)
{
	static const char spaces[] = " \t\n\v\f\r";
	bool open = false; /* a word has begun, be it empty */
	char quote = '\0';
	int count = 0;

	for (; *c; c++) {
		char literal = *c;

		/* In single quotes it is one itself, but before another or a single quote. */
		if (*c == '\\' && (quote != '\'' || c[1] == '\\' || c[1] == '\'')) {
			if (*++c == 'c' && !quote)
				break;
			literal = escaped(*c, quote);
			if (!literal && *c != '_')
				return -1;
		} else if (*c == '$' && quote != '\'') {
			/* "${NAME}" of the environment. */
			const char *end = c[1] == '{' ? strchr(c, '}') : NULL, *value;

			if (!end)
				return -1;
			value = getenv(v6_keep_bytes(c + 2, (size_t)(end - c - 2)));
			open |= value && *value;
			fputs(value ? value : "", words);
			c = end;
			continue;
		} else if (quote ? *c == quote : *c == '\'' || *c == '"') {
			quote = quote ? '\0' : *c;
			open = true;
			continue;
		} else if (!quote && *c == '#' && !open) {
			break;
		} else if (!quote && strchr(spaces, *c)) {
			literal = '\0';
		}
		if (literal || open)
			putc(literal, words);
		count += !literal && open;
		open = literal;
	}
	if (open)
		putc('\0', words);
	return quote ? -1 : count + open;
}

/* env, the words of the text, and the rest; NULL where env refuses the text. */
static char **split(char *env, const char *text, char **rest)
{
	char *bytes = NULL, *word, **argv;
	size_t len;
	FILE *words = v6_need(open_memstream(&bytes, &len));
	int count = put_words(words, text);

	fclose(words);
	word = v6_keep_bytes(bytes, len);
	free(bytes);
	if (count < 0)
		return NULL;
	argv = v6_keep((1 + (size_t)count + v6_argv_count(rest) + 1) * sizeof(*argv));
	argv[0] = env;
	for (int i = 1; i <= count; i++, word += strlen(word) + 1)
		argv[i] = word;
	memcpy(argv + 1 + count, rest, v6_argv_count(rest) * sizeof(*argv));
	return argv;
}

/* ---- env */

/* The options up to the first other word; argv with those of -S, or NULL for what env refuses. */
static char **env_options(struct v6_launch *launch, char **argv)
{
	enum { SIGNAL = 256 };
	static const struct option options[] = {
		{"argv0", required_argument, NULL, 'a'},
		{"block-signal", optional_argument, NULL, SIGNAL},
		{"chdir", required_argument, NULL, 'C'},
		{"debug", no_argument, NULL, 'v'},
		{"default-signal", optional_argument, NULL, SIGNAL},
		{"ignore-environment", no_argument, NULL, 'i'},
		{"ignore-signal", optional_argument, NULL, SIGNAL},
		{"list-signal-handling", no_argument, NULL, SIGNAL},
		{"null", no_argument, NULL, '0'},
		{"split-string", required_argument, NULL, 'S'},
		{"unset", required_argument, NULL, 'u'},
		{NULL, 0, NULL, 0},
	};
	int c;

	opterr = optind = 0; /* from the beginning, and silently */
	while (argv && (c = getopt_long((int)v6_argv_count(argv), argv, "+a:C:iS:u:v0", options,
				NULL)) != -1) {
		if (c == '?')
			return NULL;
		if (c == 'C')
			launch->directory = optarg;
		if (c == 'i')
			launch->drops = "-i";
		if (c == 'u' && !strcmp(optarg, "LD_PRELOAD"))
			launch->drops = "-u LD_PRELOAD";
		if (c == 'i' || (c == 'u' && !strcmp(optarg, "PATH")))
			launch->path = NULL;
		/* Its words are options of env too, and are read next. */
		if (c == 'S') {
			argv = split(argv[0], optarg, argv + optind);
			optind = 0;
		}
	}
	return argv;
}

struct v6_launch v6_launch_env(char **argv, const char *path)
{
	struct v6_launch launch = {.path = path};

	argv = env_options(&launch, argv);
	if (!argv)
		return launch;
	argv += optind;
	if (*argv && !strcmp(*argv, "-")) {
		launch.drops = "-i";
		launch.path = NULL;
		argv++;
	}
	for (; *argv && strchr(*argv, '='); argv++) {
		if (!strncmp(*argv, "PATH=", 5))
			launch.path = *argv + 5;
		if (!strncmp(*argv, "LD_PRELOAD=", 11))
			launch.drops = *argv;
	}
	launch.argv = *argv ? argv : NULL;
	return launch;
}

/* ---- coreutils', util-linux's and loaders that start what their last words say */

static const struct {
	const char *words; /* options whose value may be the next word, no dashes: " word " each */
	int operands;      /* before the command */
	char name[8], letters[8]; /* short options with a value */
} launchers[] = {
	{" adjustment ", 0, "nice", "n"},
	{"", 0, "nohup", ""},
	{" kill-after signal ", 1, "timeout", "ks"},
	{"", 0, "setsid", ""},
	{" input output error ", 0, "stdbuf", "ioe"},
	{" class classdata pid pgid uid ", 0, "ionice", "cnpPu"},
	{"", 1, "taskset", ""},
	{" sched-runtime sched-period sched-deadline ", 1, "chrt", "TPD"},
	{" ambient-caps inh-caps bounding-set ruid euid reuid rgid egid regid groups securebits "
	 "pdeathsig ptracer selinux-label apparmor-profile landlock-access landlock-rule "
	 "seccomp-filter ",
		0, "setpriv", ""},
	/* A loader by any name: ld.so(8). */
	{" argv0 audit glibc-hwcaps-mask glibc-hwcaps-prepend inhibit-rpath library-path preload ",
		0, "ld.so", ""},
};

/* Whether the next word is the value of this one. */
static bool takes_next(unsigned launcher, const char *word)
{
	const char *letters = launchers[launcher].letters;
	char name[40];

	if (!strncmp(word, "--", 2)) {
		snprintf(name, sizeof(name), " %s ", word + 2);
		return strstr(launchers[launcher].words, name);
	}
	while (*++word && !strchr(letters, *word))
		;
	return *word && !word[1];
}

struct v6_launch v6_launch_other(const char *path, char **argv, const char *search)
{
	struct v6_launch launch = {.path = search};
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *name = v6_libc_by_name(path) ? "ld.so" : base;
	unsigned i = 0, count = sizeof(launchers) / sizeof(*launchers);
	int operands;

	while (i < count && strcmp(name, launchers[i].name))
		i++;
	if (i == count || !*argv)
		return launch;
	operands = launchers[i].operands;
	for (argv++; *argv && (**argv == '-' || operands); argv++) {
		if (**argv != '-')
			operands--;
		else if (!strcmp(*argv, "--reset-env"))
			launch.drops = *argv;
		else if (takes_next(i, *argv) && argv[1])
			argv++;
		else if (!strcmp(*argv, "--") && !operands && argv++)
			break;
	}
	launch.argv = *argv ? argv : NULL;
	return launch;
}
