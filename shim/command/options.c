#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../core/problem.h"
#include "../govern/live.h"
#include "../govern/log.h"
#include "../govern/sys.h"
#include "command.h"
#include "print.h"

const char *v6_shown(const char *text)
{
	size_t len = strlen(text), size = 4 * len + 1;
	struct v6_text t = v6_text_in(v6_keep(size), size);

	v6_text_safe(&t, text, len);
	return t.buf;
}

static void print_problem(const struct v6_problem *p, void *context)
{
	V6_TEXT(t, 2048);

	(void)context;
	v6_problem_text(&t, p);
	v6_complain("%s", t.buf);
}

/* ---- the command line, and the environment */

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
static int unknown(const struct v6_command *c, const char *written)
{
	struct v6_slice name = v6_slice_of(written + strspn(written, "-"));
	struct v6_nearest near = {.written = name};
	const char *value = NULL;
	unsigned id;

	for (const struct v6_option *own = c->options; own && own->name; own++)
		v6_nearest_offer(&near, own->name);
	v6_nearest_offer(&near, "help");
	for (id = 0; c->settings && id < V6_SETTING_COUNT; id++)
		v6_nearest_offer(&near, v6_setting_name(id));
	while (!near.word && !value && id--)
		value = v6_setting_list(id) ? v6_nearest_of(v6_setting_list(id), name) : NULL;
	if (near.word || value)
		return v6_complain("%s: unknown option; did you mean '--%s%s%s'", written,
			value ? v6_setting_name(id) : near.word, value ? " " : "",
			value ? value : "");
	return v6_complain("%s: unknown option; 'v6shim %s --help' lists them", written, c->name);
}

bool v6_among(const char *words, struct v6_slice word)
{
	struct v6_slice rest = v6_slice_of(words), next;

	do
		next = v6_slice_word(&rest);
	while (next.len && (next.len != word.len || memcmp(next.ptr, word.ptr, word.len)));
	return next.len;
}

/*
 * One option: the name in *word, or the letter there, of which *word becomes what is behind it. Its value is
 * attached, or the next word of *argv.
 */
static int take(struct v6_options *o, const struct v6_command *c, const char **word, char ***argv)
{
	bool named = **word == '-';
	size_t len = named ? strcspn(*word, "=") : 1;
	const char *value = *word + len, *written;
	int id = v6_option_find(
		c, (struct v6_slice){*word + named, len - named}, named ? '\0' : **word);
	const struct v6_option *own = v6_option_own(c, id);
	bool valued = own ? own->value != NULL : id >= 0;

	written = v6_keep_joined("-", v6_shown(v6_keep_bytes(*word, len)), NULL);
	*word = named || valued || id < 0 ? "" : value;
	if (id < 0) {
		o->help = !strcmp(written, "--help") || !strcmp(written, "-h");
		return o->help ? 0 : unknown(c, written);
	}
	if (!valued) {
		o->given[id - V6_SETTING_COUNT] = "";
		return named && *value ? v6_complain("%s: it takes no value", written) : 0;
	}
	value = named && *value ? value + 1 : *value ? value : (*argv)[1] ? *++*argv : NULL;
	if (!value)
		return v6_complain("%s: no value given", written);
	if (!own)
		return set(o, (enum v6_setting)id, value);
	o->given[id - V6_SETTING_COUNT] = value;
	if (own->words && !v6_among(own->words, v6_slice_of(value)))
		return v6_complain(
			"%s: unknown value '%s'; valid: %s", written, v6_shown(value), own->words);
	return 0;
}

int v6_options_read(struct v6_options *o, char **argv, const struct v6_command *c)
{
	bool ended = false;
	int result = 0;

	memset(o, 0, sizeof(*o));
	o->operands = argv + 1;
	v6_config_init(&o->config);
	for (argv++; *argv && !o->help; argv++) {
		const char *word = *argv + 1;

		if (ended || **argv != '-' || !*word) {
			o->operands[o->count++] = *argv;
			ended |= c->operands == V6_OPERANDS_COMMAND;
			continue;
		}
		ended = !strcmp(word, "-");
		while (!ended && *word && !o->help)
			result |= take(o, c, &word, &argv);
	}
	o->operands[o->count] = NULL;
	if (o->help || !c->settings)
		return o->help ? 0 : result;
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		V6_TEXT(t, 32);
		const char *value;

		v6_setting_env_name(&t, id);
		value = getenv(t.buf);
		if (value)
			setenv(t.buf, absolute(id, value), 1);
	}
	if (v6_configure(&o->config, environ, print_problem, NULL))
		result = -1;
	return result;
}

/* ---- --help */

enum { WIDTH = 80, INDENT = 19 };

/* "  -p, --policy     ..." */
static void print_option(char letter, const char *name, const char *value, const char *help)
{
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
			v6_print_wrapped(words.buf, printf("     "), 6, WIDTH);
	}
	puts("a rule: [program=GLOB,...] [port=N|N-M,...] [proto=tcp|udp,...]\n"
	     "        => setting=value ...");
}

/* ---- the log, before anything is started: what a person would like to know then */

/*
 * The errno with which a path cannot be written, cut to the folder where that is what is wrong. What it
 * leads to with a % only the program knows.
 */
static int try_path(char *path)
{
	size_t len = strcspn(path, "%");
	struct stat st;
	int error = path[len] ? -ENOENT : v6_sys_stat(path, &st);

	if (!error && S_ISDIR(st.st_mode))
		return EISDIR;
	if (!error && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return EINVAL;
	if (error != -ENOENT)
		return error ? -error : access(path, W_OK) ? errno : 0;
	while (path[len - 1] != '/')
		len--;
	if (!access(v6_keep_bytes(path, len), W_OK | X_OK))
		return 0;
	path[len > 1 ? len - 1 : 1] = '\0';
	return errno;
}

static const char *warn(const char *log, int error)
{
	v6_complain("warning: log: '%s'%s; records would be lost", v6_shown(log),
		v6_errno_words(error));
	return NULL;
}

const char *v6_options_log(const struct v6_settings *s, bool open)
{
	V6_TEXT(t, V6_PATH_SIZE);
	struct stat root, st;
	char numbers[96];
	int error = 0, fd;

	if (s->log == V6_LOG_SYSLOG) {
		v6_text_str(&t, "/dev/log");
		error = access(t.buf, W_OK) ? errno : 0;
	} else if (s->log == V6_LOG_PATH) {
		v6_text_slice(&t, s->log_path);
		error = try_path(t.buf);
	} else if (s->log == V6_LOG_FD) {
		v6_setting_value(&t, s, V6_SETTING_LOG);
		fd = v6_sys_fcntl(s->log_fd, F_GETFL, 0);
		error = fd < 0 || (fd & O_ACCMODE) == O_RDONLY ? EBADF : 0;
	}
	if (error)
		return warn(t.buf, error);
	/* What is no file is not held open for nothing: a reader waits for the end of a FIFO. */
	if (!open || s->log != V6_LOG_PATH || strchr(t.buf, '%') ||
		(!v6_sys_stat(t.buf, &st) && !S_ISREG(st.st_mode)))
		return NULL;
	fd = v6_sys_stat("/", &root);
	if (!fd)
		fd = v6_logfile_open(t.buf, &root, &st);
	if (fd < 0)
		return warn(t.buf, -fd);
	fd = v6_logfile_raise(fd);
	snprintf(numbers, sizeof(numbers), "%d:%ju:%ju:", fd, (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino);
	return fd < 0 ? NULL : v6_keep_joined(numbers, t.buf, NULL);
}
