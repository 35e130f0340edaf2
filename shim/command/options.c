#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../core/problem.h"
#include "../govern/live.h"
#include "command.h"
#include "memory.h"
#include "table.h"

static void print_problem(const struct v6_problem *p, void *context)
{
	V6_TEXT(t, 2048);

	(void)context;
	v6_problem_text(&t, p);
	v6_complain("%s", t.buf);
}

/*
 * A path may be given relative to the working directory; only here, for the
 * server may change its own. A bare word for the log is a misspelt one, not a file.
 */
static const char *absolute(enum v6_setting id, const char *value)
{
	char *cwd;

	if ((id != V6_SETTING_CONFIG && id != V6_SETTING_LOG) || *value == '/' || !*value)
		return value;
	if (id == V6_SETTING_LOG && (!strncmp(value, "fd:", 3) || !strpbrk(value, "/.")))
		return value;
	while (!strncmp(value, "./", 2))
		value += 2 + strspn(value + 2, "/");
	cwd = getcwd(NULL, 0);
	if (cwd)
		value = v6_keep_joined(strcmp(cwd, "/") ? cwd : "", "/", value, NULL);
	free(cwd);
	return value;
}

static int set(struct v6_options *o, enum v6_setting id, const char *value)
{
	struct v6_problem problem;

	value = absolute(id, value);
	if (v6_config_set(&o->config, id, v6_slice_of(value), V6_ORIGIN_OPTION, &problem)) {
		print_problem(&problem, NULL);
		return -1;
	}
	/* Rules that are given again add to those before. */
	if (id == V6_SETTING_RULES && o->value[id])
		value = v6_keep_joined(o->value[id], ";", value, NULL);
	o->value[id] = value;
	return 0;
}

static const char letters[V6_SETTING_COUNT] = {
	[V6_SETTING_POLICY] = 'p', [V6_SETTING_CONFIG] = 'c', [V6_SETTING_LOG] = 'o'};

int v6_option_find(const struct v6_command *c, struct v6_slice name, char letter)
{
	for (unsigned id = 0; c->settings && id < V6_SETTING_COUNT; id++)
		if (letter ? letters[id] == letter : v6_slice_is(name, v6_setting_name(id)))
			return (int)id;
	for (int i = 0; c->options && c->options[i].name; i++)
		if (letter ? c->options[i].letter == letter : v6_slice_is(name, c->options[i].name))
			return V6_SETTING_COUNT + i;
	return -1;
}

const struct v6_option *v6_option_own(const struct v6_command *c, int id)
{
	return id < V6_SETTING_COUNT ? NULL : &c->options[id - V6_SETTING_COUNT];
}

/* An option that there is not: another may be meant, or a value. */
static int unknown(const struct v6_command *c, struct v6_slice written)
{
	struct v6_slice name = written;
	struct v6_nearest near = {.word = NULL};
	V6_TEXT(t, 2048);
	const char *value;

	while (v6_slice_begins(name, "-"))
		name = v6_slice_from(name, 1);
	near.written = name;
	for (const struct v6_option *own = c->options; own && own->name; own++)
		v6_nearest_offer(&near, own->name);
	v6_nearest_offer(&near, "help");
	for (unsigned id = 0; c->settings && id < V6_SETTING_COUNT; id++)
		v6_nearest_offer(&near, v6_setting_name(id));
	v6_text_safe(&t, written.ptr, written.len);
	if (near.word)
		return v6_complain("%s: unknown option; did you mean '--%s'", t.buf, near.word);
	for (unsigned id = V6_SETTING_COUNT; c->settings && id--;) {
		value = v6_setting_list(id) ? v6_nearest_of(v6_setting_list(id), name) : NULL;
		if (value)
			return v6_complain("%s: unknown option; did you mean '--%s %s'", t.buf,
				v6_setting_name(id), value);
	}
	return v6_complain("%s: unknown option; 'v6shim %s --help' lists them", t.buf, c->name);
}

/* Whether a word is one of some, with blanks between them. */
static bool among(const char *words, const char *word)
{
	struct v6_slice rest = v6_slice_of(words);

	while (rest.len)
		if (v6_slice_is(v6_slice_cut(&rest, ' '), word))
			return true;
	return false;
}

/* `value` is attached, or NULL: then the next word of *argv is, where it takes one. */
static int take(struct v6_options *o, const struct v6_command *c, struct v6_slice written,
	const char *value, char ***argv)
{
	bool named = v6_slice_begins(written, "--");
	struct v6_slice name = v6_slice_from(written, named ? 2 : 0);
	int id = v6_option_find(c, name, named ? '\0' : written.ptr[written.len - 1]);
	const struct v6_option *own = v6_option_own(c, id);
	V6_TEXT(t, 256);

	v6_text_safe(&t, written.ptr, written.len);
	if (id < 0) {
		o->help = v6_slice_is(name, "help") || v6_slice_is(name, "-h");
		return o->help ? 0 : unknown(c, written);
	}
	if (own && !own->value) {
		o->given[id - V6_SETTING_COUNT] = "";
		return value ? v6_complain("%s: it takes no value", t.buf) : 0;
	}
	if (!value && (*argv)[1])
		value = *++*argv;
	if (!value)
		return v6_complain("%s: no value given", t.buf);
	if (!own)
		return set(o, (enum v6_setting)id, value);
	o->given[id - V6_SETTING_COUNT] = value;
	if (own->words && !among(own->words, value))
		return v6_complain("%s: unknown value '%s'; valid: %s", t.buf, value, own->words);
	return 0;
}

/* Letters, each with a dash, up to one that takes the rest for its value. */
static int take_letters(
	struct v6_options *o, const struct v6_command *c, const char *letter, char ***argv)
{
	int result = 0;

	for (; *letter && !result; letter++) {
		char written[] = {'-', *letter, '\0'};
		int id = v6_option_find(c, v6_slice_of(""), *letter);
		const struct v6_option *own = v6_option_own(c, id);
		bool valued = own ? own->value != NULL : id >= 0;

		result = take(
			o, c, v6_slice_of(written), valued && letter[1] ? letter + 1 : NULL, argv);
		if (valued)
			break;
	}
	return result;
}

int v6_options_read(struct v6_options *o, char **argv, const struct v6_command *c)
{
	static const enum v6_setting paths[] = {V6_SETTING_LOG, V6_SETTING_CONFIG};
	bool ended = false;
	int result = 0;

	memset(o->value, 0, sizeof(o->value));
	memset(o->given, 0, sizeof(o->given));
	o->operands = argv + 1;
	o->count = 0;
	o->help = false;
	v6_config_init(&o->config);
	for (argv++; *argv && !o->help; argv++) {
		struct v6_slice value = v6_slice_of(*argv), written = v6_slice_cut(&value, '=');

		if (ended || **argv != '-' || !(*argv)[1]) {
			o->operands[o->count++] = *argv;
			ended |= c->operands == V6_OPERANDS_COMMAND;
		} else if (!strcmp(*argv, "--")) {
			ended = true;
		} else if ((*argv)[1] != '-') {
			result |= take_letters(o, c, *argv + 1, &argv);
		} else {
			result |= take(o, c, written,
				(*argv)[written.len] == '=' ? value.ptr : NULL, &argv);
		}
	}
	o->operands[o->count] = NULL;
	if (o->help || !c->settings)
		return o->help ? 0 : result;
	for (unsigned i = 0; i < 2; i++) {
		V6_TEXT(t, 32);
		const char *value;

		v6_setting_env_name(&t, paths[i]);
		value = getenv(t.buf);
		if (value)
			setenv(t.buf, absolute(paths[i], value), 1);
	}
	if (v6_configure(&o->config, environ, print_problem, NULL))
		result = -1;
	return result;
}

/* "  -p, --policy     ..." */
static void print_option(char letter, const char *name, const char *value, const char *help)
{
	enum { WIDTH = 80, INDENT = 19 };
	char buf[] = {'-', letter, ',', ' ', '\0'};
	int column = printf(
		"  %s--%s%s%s", letter ? buf : "", name, value ? " " : "", value ? value : "");

	column += printf("%*s", column < INDENT ? INDENT - column : 1, "");
	v6_print_wrapped(help, (unsigned)column, INDENT, WIDTH);
}

void v6_options_help(const struct v6_command *c)
{
	for (const struct v6_option *own = c->options; own && own->name; own++)
		print_option(own->letter, own->name, own->value, own->help);
	if (!c->settings)
		return;
	puts("\nsettings, each also V6SHIM_NAME in the environment and 'name = value' in a\n"
	     "configuration file; the first value is the default; v6shim.conf(5) says more:");
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		enum v6_list list = v6_setting_list(id);
		V6_TEXT(words, 256);

		print_option(letters[id], v6_setting_name(id), NULL,
			v6_word_meaning(&v6_words(V6_LIST_SETTING)[id]));
		for (const struct v6_word *w = v6_words(list); list && w->list == list; w++)
			v6_text_print(&words, " %s", w->word);
		if (list)
			v6_print_wrapped(words.buf, printf("     "), 6, 80);
	}
	puts("a rule: [program=GLOB,...] [port=N|N-M,...] [proto=tcp|udp,...]\n"
	     "        => setting=value ...");
}
