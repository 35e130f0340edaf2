#include "launch.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"

static const char blanks[] = " \t";

size_t v6_argv_count(char **argv)
{
	size_t n = 0;

	while (argv[n])
		n++;
	return n;
}

const char *v6_launch_script(char head[V6_SCRIPT_HEAD], const char **argument)
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

struct split {
	char **argv;
	char *word;
	size_t argc, argv_room, len, room;
	bool open; /* a word has begun, be it empty */
	bool bad;
};

static void put(struct split *s, char c)
{
	s->word = v6_grow(s->word, s->len, &s->room, 1);
	s->word[s->len++] = c;
	s->open = true;
}

static void end_word(struct split *s)
{
	if (!s->open)
		return;
	s->argv = v6_grow(s->argv, s->argc, &s->argv_room, sizeof(*s->argv));
	s->argv[s->argc++] = s->len ? v6_keep_bytes(s->word, s->len) : v6_keep(1);
	s->len = 0;
	s->open = false;
}

/* "${NAME}" of the environment; the position of its last character. */
static const char *put_variable(struct split *s, const char *at)
{
	const char *end = at[1] == '{' ? strchr(at, '}') : NULL, *value;

	if (!end) {
		s->bad = true;
		return at;
	}
	value = getenv(v6_keep_bytes(at + 2, (size_t)(end - at - 2)));
	while (value && *value)
		put(s, *value++);
	return end;
}

/* What a backslash and c stand for. */
static void put_escape(struct split *s, char c, char quote)
{
	static const char from[] = "fnrtv", to[] = "\f\n\r\t\v";
	const char *known = c ? strchr(from, c) : NULL;

	if (c == '_' && !quote)
		end_word(s);
	else if (c == '_')
		put(s, ' ');
	else if (known)
		put(s, to[known - from]);
	else if (c && strchr("\"#$'\\", c))
		put(s, c);
	else
		s->bad = true;
}

/* env, the words of the text, and the rest; NULL where env refuses the text. */
static char **split(char *env, const char *text, char **rest)
{
	struct split s = {0};
	char quote = '\0', **argv = NULL;

	for (const char *c = text; !s.bad && *c; c++) {
		if (*c == '\\' && c[1] == 'c' && !quote)
			break;
		/* In single quotes it is one itself, but before another or a single quote. */
		if (*c == '\\' && (quote != '\'' || c[1] == '\\' || c[1] == '\'')) {
			put_escape(&s, *++c, quote);
		} else if (*c == '$' && quote != '\'') {
			c = put_variable(&s, c);
		} else if (quote ? *c == quote : *c == '\'' || *c == '"') {
			quote = quote ? '\0' : *c;
			s.open = true;
		} else if (!quote && strchr(" \t\n\v\f\r", *c)) {
			end_word(&s);
		} else if (!quote && *c == '#' && !s.open) {
			break;
		} else {
			put(&s, *c);
		}
	}
	end_word(&s);
	if (!s.bad && !quote) {
		argv = v6_keep((1 + s.argc + v6_argv_count(rest) + 1) * sizeof(*argv));
		argv[0] = env;
		for (size_t i = 0; i < s.argc; i++)
			argv[1 + i] = s.argv[i];
		memcpy(argv + 1 + s.argc, rest, v6_argv_count(rest) * sizeof(*argv));
	}
	free(s.argv);
	free(s.word);
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

char **v6_launch_loader(char **argv)
{
	static const char *const with_value[] = {"--argv0", "--audit", "--glibc-hwcaps-mask",
		"--glibc-hwcaps-prepend", "--inhibit-rpath", "--library-path", "--preload"};

	for (argv++; *argv && !strncmp(*argv, "--", 2); argv++) {
		if (!strcmp(*argv, "--")) {
			argv++;
			break;
		}
		for (unsigned i = 0; i < sizeof(with_value) / sizeof(*with_value); i++)
			if (!strcmp(*argv, with_value[i]) && argv[1])
				argv++;
	}
	return *argv ? argv : NULL;
}
