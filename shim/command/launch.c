#include "launch.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "keep.h"

static const char preload[] = "LD_PRELOAD";

static size_t count(char **argv)
{
	size_t n = 0;

	while (argv[n])
		n++;
	return n;
}

/* ---- env -S: one argument into many (env(1), "-S/--split-string usage in scripts") */

struct split {
	char **argv;
	size_t argc;
	char *word; /* room for all that is still to come */
	size_t len, room;
	bool open; /* a word has begun, be it empty */
	bool bad;
};

static void put(struct split *s, char c)
{
	s->word[s->len++] = c;
	s->open = true;
}

static void end_word(struct split *s)
{
	if (!s->open)
		return;
	s->argv[s->argc++] = v6_keep_bytes(s->word, s->len);
	s->len = 0;
	s->open = false;
}

/* "${NAME}" of the environment; the position of its last character. */
static const char *put_variable(struct split *s, const char *at)
{
	const char *end = at[1] == '{' ? strchr(at, '}') : NULL, *value;
	char *bigger;

	if (!end) {
		s->bad = true;
		return at;
	}
	value = getenv(v6_keep_bytes(at + 2, (size_t)(end - at - 2)));
	if (!value)
		return end;
	s->room += strlen(value);
	bigger = v6_keep(s->room);
	s->word = memcpy(bigger, s->word, s->len);
	while (*value)
		put(s, *value++);
	return end;
}

/* What a backslash and c stand for outside single quotes. */
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

/* A backslash at c; the position of the last character that it takes. */
static const char *escape(struct split *s, const char *c, char quote)
{
	/* In single quotes it is one itself, but before another or a single quote. */
	if (quote == '\'' && c[1] != '\\' && c[1] != '\'') {
		put(s, *c);
		return c;
	}
	if (c[1] == 'c' && !quote)
		return NULL;
	put_escape(s, c[1], quote);
	return s->bad ? c : c + 1;
}

static const char *quote_or_put(struct split *s, const char *c, char *quote)
{
	if (*c == *quote) {
		*quote = '\0';
	} else if (!*quote && (*c == '\'' || *c == '"')) {
		*quote = *c;
		s->open = true;
	} else if (!*quote && strchr(" \t\n\v\f\r", *c)) {
		end_word(s);
	} else if (!*quote && *c == '#' && !s->open) {
		return NULL;
	} else {
		put(s, *c);
	}
	return c;
}

static void split(struct split *s, const char *text)
{
	char quote = '\0';

	s->room = strlen(text) + 1;
	s->word = v6_keep(s->room);
	s->argv = v6_keep((s->room / 2 + 2) * sizeof(*s->argv));
	for (const char *c = text; c && *c && !s->bad; c = c ? c + 1 : NULL) {
		if (*c == '\\')
			c = escape(s, c, quote);
		else if (*c == '$' && quote != '\'')
			c = put_variable(s, c);
		else
			c = quote_or_put(s, c, &quote);
	}
	end_word(s);
	s->bad |= quote != '\0';
}

/* env, what the text splits into, and the rest. */
static char **spliced(char *env, const char *text, char **rest)
{
	struct split s = {0};
	char **argv, **to;

	split(&s, text);
	if (s.bad)
		return NULL;
	argv = to = v6_keep((1 + s.argc + count(rest) + 1) * sizeof(*argv));
	*to++ = env;
	memcpy(to, s.argv, s.argc * sizeof(*to));
	memcpy(to + s.argc, rest, count(rest) * sizeof(*to));
	return argv;
}

/* ---- env */

struct option {
	const char *name;
	char letter;
	enum { NO_VALUE, VALUE, MAYBE_VALUE } takes;
};

static const struct option env_options[] = {
	{"argv0", 'a', VALUE},
	{"block-signal", '-', MAYBE_VALUE},
	{"chdir", 'C', VALUE},
	{"debug", 'v', NO_VALUE},
	{"default-signal", '-', MAYBE_VALUE},
	{"ignore-environment", 'i', NO_VALUE},
	{"ignore-signal", '-', MAYBE_VALUE},
	{"list-signal-handling", '-', NO_VALUE},
	{"null", '0', NO_VALUE},
	{"split-string", 'S', VALUE},
	{"unset", 'u', VALUE},
};

enum { ENV_OPTIONS = sizeof(env_options) / sizeof(*env_options) };

static const struct option *by_letter(char letter)
{
	for (unsigned i = 0; i < ENV_OPTIONS; i++)
		if (env_options[i].letter == letter && letter != '-')
			return &env_options[i];
	return NULL;
}

/* By its name, or by a beginning that no other has (getopt_long(3)). */
static const struct option *by_name(const char *name, size_t len)
{
	const struct option *found = NULL;

	for (unsigned i = 0; i < ENV_OPTIONS; i++) {
		if (strncmp(env_options[i].name, name, len))
			continue;
		if (!env_options[i].name[len])
			return &env_options[i];
		if (found)
			return NULL;
		found = &env_options[i];
	}
	return found;
}

struct env {
	struct v6_launch *launch;
	char **argv; /* it and what follows it */
	char **at;   /* the argument in hand */
	bool bad;
};

static void unset(struct env *e, const char *name)
{
	if (!strcmp(name, preload))
		e->launch->drops = "-u LD_PRELOAD";
	if (!strcmp(name, "PATH"))
		e->launch->path = NULL;
}

/* The value is empty where there is none. */
static void apply(struct env *e, const struct option *o, const char *value)
{
	switch (o->letter) {
	case 'C':
		e->launch->directory = value;
		break;
	case 'i':
		e->launch->drops = "-i";
		e->launch->path = NULL;
		break;
	case 'S':
		/* Its words are options of env too, and are read next. */
		e->argv = spliced(e->argv[0], value, e->at + 1);
		e->bad = !e->argv;
		e->at = e->argv;
		break;
	case 'u':
		unset(e, value);
		break;
	default:
		break;
	}
}

/* The value of an option that needs one: what is left of the word, or the next word. */
static char *value_of(struct env *e, char *attached)
{
	if (attached)
		return attached;
	if (!e->at[1]) {
		e->bad = true;
		return NULL;
	}
	return *++e->at;
}

static void long_option(struct env *e, char *name)
{
	char *equals = strchr(name, '='), *value = equals ? equals + 1 : NULL;
	const struct option *o = by_name(name, equals ? (size_t)(equals - name) : strlen(name));

	if (!o || (value && o->takes == NO_VALUE)) {
		e->bad = true;
		return;
	}
	if (o->takes == VALUE)
		value = value_of(e, value);
	if (!e->bad)
		apply(e, o, value ? value : "");
}

static void short_options(struct env *e, char *letters)
{
	for (bool more = true; *letters && more && !e->bad; letters++) {
		const struct option *o = by_letter(*letters);
		char *value = NULL;

		if (!o) {
			e->bad = true;
			return;
		}
		more = o->takes == NO_VALUE;
		if (o->takes == VALUE)
			value = value_of(e, letters[1] ? letters + 1 : NULL);
		if (!e->bad)
			apply(e, o, value ? value : "");
	}
}

static void assignments(struct env *e)
{
	for (; *e->at && strchr(*e->at, '='); e->at++) {
		if (!strncmp(*e->at, "PATH=", 5))
			e->launch->path = *e->at + 5;
		if (!strncmp(*e->at, preload, sizeof(preload) - 1) &&
			(*e->at)[sizeof(preload) - 1] == '=')
			e->launch->drops = *e->at;
	}
}

void v6_launch_env(struct v6_launch *launch, char **argv, const char *path)
{
	struct env e = {.launch = launch, .argv = argv, .at = argv + 1};

	*launch = (struct v6_launch){.path = path};
	for (; !e.bad && *e.at && **e.at == '-' && (*e.at)[1]; e.at++) {
		if (!strcmp(*e.at, "--")) {
			e.at++;
			break;
		}
		if ((*e.at)[1] == '-')
			long_option(&e, *e.at + 2);
		else
			short_options(&e, *e.at + 1);
		if (e.bad)
			break;
	}
	if (!e.bad && *e.at && !strcmp(*e.at, "-")) {
		apply(&e, by_letter('i'), "");
		e.at++;
	}
	if (e.bad)
		return;
	assignments(&e);
	launch->argv = *e.at ? e.at : NULL;
}

/* ---- a loader */

void v6_launch_loader(struct v6_launch *launch, char **argv)
{
	static const char *const with_value[] = {"--argv0", "--audit", "--glibc-hwcaps-mask",
		"--glibc-hwcaps-prepend", "--inhibit-rpath", "--library-path", "--preload"};

	*launch = (struct v6_launch){0};
	for (argv++; *argv && !strncmp(*argv, "--", 2); argv++) {
		if (!strcmp(*argv, "--")) {
			argv++;
			break;
		}
		for (unsigned i = 0; i < sizeof(with_value) / sizeof(*with_value); i++)
			if (!strcmp(*argv, with_value[i]) && argv[1])
				argv++;
	}
	launch->argv = *argv ? argv : NULL;
}
