#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/nearest.h"
#include "command.h"
#include "keep.h"
#include "stat.h"

enum { MESSAGE_SIZE = 2048 };

/* Columns on a terminal: bytes of UTF-8 that begin a character. */
static size_t columns(const char *shown)
{
	size_t n = 0;

	for (; *shown; shown++)
		n += ((unsigned char)*shown & 0xc0) != 0x80;
	return n;
}

/* A part of a line as it is shown: harmless, a blank for a tab. */
static void show_part(struct v6_text *t, struct v6_slice part)
{
	while (part.len) {
		size_t n = v6_utf8_length(part.ptr, part.len);

		if (strchr("\t\r\n", *part.ptr) && *part.ptr)
			v6_text_char(t, ' ');
		else
			v6_text_safe(t, part.ptr, n ? n : 1);
		part = v6_slice_from(part, n ? n : 1);
	}
}

/* The last `most` bytes, or a few less where that would be within a character. */
static struct v6_slice last_of(struct v6_slice text, size_t most)
{
	if (text.len <= most)
		return text;
	text = v6_slice_from(text, text.len - most);
	while (text.len > most - 4 && ((unsigned char)*text.ptr & 0xc0) == 0x80)
		text = v6_slice_from(text, 1);
	return text;
}

static const char *last_columns(const char *shown, size_t most)
{
	for (size_t n = columns(shown); n > most; n--) {
		shown++;
		while (((unsigned char)*shown & 0xc0) == 0x80)
			shown++;
	}
	return shown;
}

static void cut_columns(char *shown, size_t most)
{
	for (; *shown; shown++)
		if (((unsigned char)*shown & 0xc0) != 0x80 && !most--) {
			*shown = '\0';
			return;
		}
}

/*
 * Under the message, on a terminal: the line, or as much of it as is around the
 * place, and a mark below that.
 */
static void show_place(struct v6_slice line, size_t column)
{
	enum { BEFORE = 40, AFTER = 36, WIDEST = 4 };
	char left[WIDEST * BEFORE + 1], right[WIDEST * WIDEST * AFTER + 1];
	struct v6_text t = v6_text_in(left, sizeof(left));
	struct v6_slice before, after;
	const char *begin;

	if (!isatty(STDERR_FILENO) || !line.len || !column || column > line.len + 1)
		return;
	before = (struct v6_slice){line.ptr, column - 1};
	after = v6_slice_from(line, column - 1);
	show_part(&t, last_of(before, BEFORE));
	begin = last_columns(left, BEFORE);
	t = v6_text_in(right, sizeof(right));
	if (after.len > WIDEST * AFTER)
		after.len = WIDEST * AFTER;
	show_part(&t, after);
	cut_columns(right, AFTER);
	fprintf(stderr, "  %s%s\n  %*s^\n", begin, right, (int)columns(begin), "");
}

static void tell(const struct v6_problem *problem, enum v6_spelling spelling, struct v6_slice line)
{
	char buf[MESSAGE_SIZE];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_problem_text(&t, problem, spelling);
	v6_complain("%s", buf);
	if (problem->column > 1 || problem->rule || problem->line)
		show_place(line, problem->column);
}

/*
 * A path may be given relative to the working directory; only here, for the
 * server may change its own.
 */
static const char *absolute(const char *path)
{
	const char *joined;
	char *cwd;

	while (!strncmp(path, "./", 2))
		path += 2 + strspn(path + 2, "/");
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return path;
	joined = v6_keep_joined(strcmp(cwd, "/") ? cwd : "", "/", path, NULL);
	free(cwd);
	return joined;
}

/* A bare word after --log is a misspelt one, not a file. */
static bool is_relative_path(enum v6_setting id, const char *value)
{
	if (*value == '/' || !*value)
		return false;
	if (id == V6_SETTING_CONFIG)
		return true;
	return id == V6_SETTING_LOG && strncmp(value, "fd:", 3) && strpbrk(value, "/.");
}

/* What run hands on. --rules that is given again adds to the rules, as it did here. */
static void keep(struct v6_options *o, enum v6_setting id, const char *value)
{
	if (id == V6_SETTING_RULES && o->value[id])
		value = v6_keep_joined(o->value[id], ";", value, NULL);
	o->value[id] = value;
}

static int set(struct v6_options *o, enum v6_setting id, const char *value, enum v6_origin origin,
	enum v6_spelling spelling)
{
	struct v6_problem problem;

	if (is_relative_path(id, value))
		value = absolute(value);
	if (v6_config_set(&o->config, id, v6_slice_of(value), origin, &problem)) {
		tell(&problem, spelling, v6_slice_of(value));
		return -1;
	}
	if (o->config.settings.origin[id] == origin)
		keep(o, id, value);
	return 0;
}

static int unknown(struct v6_slice name, enum v6_spelling spelling)
{
	struct v6_problem problem = {
		.kind = V6_PROBLEM_UNKNOWN_SETTING, .setting = V6_SETTING_COUNT, .text = name};

	tell(&problem, spelling, name);
	return -1;
}

static const struct v6_own_option *find_own(const struct v6_own_option *own, struct v6_slice name)
{
	for (; own && own->name; own++)
		if (v6_slice_is(name, own->name))
			return own;
	return NULL;
}

/* An option that is no setting's: the caller may have one that is meant. */
static int unknown_option(const struct v6_options *o, struct v6_slice written, const char *command)
{
	struct v6_slice name = written;
	struct v6_nearest near;
	char buf[MESSAGE_SIZE];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	while (v6_slice_begins(name, "-"))
		name = v6_slice_from(name, 1);
	if (v6_slice_is(name, "help") || v6_slice_is(name, "h")) {
		v6_complain("--%s: 'v6shim %s --help' is meant, with nothing before it",
			name.len > 1 ? "help" : "h", command);
		return -1;
	}
	near = v6_nearest_to(name);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		v6_nearest_offer(&near, v6_setting_name(id));
	for (const struct v6_own_option *own = o->own; own && own->name; own++)
		v6_nearest_offer(&near, own->name);
	if (!near.word || !find_own(o->own, v6_slice_of(near.word)))
		return unknown(written, V6_SPELL_OPTION);
	v6_text_safe(&t, written.ptr, written.len);
	v6_complain("%s: unknown option; did you mean '--%s'", buf, near.word);
	return -1;
}

/* "--policy=both" or "--policy both", at argv[*i]; *i is left on its last part. */
static int option(struct v6_options *o, int argc, char **argv, int *i)
{
	const char *arg = argv[*i], *equals = strchr(arg, '='), *value;
	struct v6_slice written = {arg, equals ? (size_t)(equals - arg) : strlen(arg)};
	bool dashes = v6_slice_begins(written, "--");
	struct v6_slice name = dashes ? v6_slice_from(written, 2) : v6_slice_of("");
	enum v6_setting id = v6_setting_by_name(name);
	const struct v6_own_option *own = find_own(o->own, name);

	if (id == V6_SETTING_COUNT && !own)
		return unknown_option(o, written, argv[0]);
	if (!equals && *i + 1 >= argc) {
		v6_complain("%s: no value given", arg);
		return -1;
	}
	value = equals ? equals + 1 : argv[++*i];
	if (own) {
		*own->value = value;
		return 0;
	}
	return set(o, id, value, V6_ORIGIN_COMMAND_LINE, V6_SPELL_OPTION);
}

static int from_environment(struct v6_options *o)
{
	int result = 0;

	for (char **e = environ; e && *e; e++) {
		const char *equals = strchr(*e, '=');
		struct v6_slice name = {*e, strcspn(*e, "=")};
		enum v6_setting id;

		if (!equals || !v6_setting_env_ours(name))
			continue;
		id = v6_setting_by_env_name(name);
		if (id == V6_SETTING_COUNT)
			result = unknown(name, V6_SPELL_ENV);
		else if (set(o, id, equals + 1, V6_ORIGIN_ENVIRONMENT, V6_SPELL_ENV))
			result = -1;
	}
	return result;
}

static void tell_of_file(const struct v6_problem *problem, struct v6_slice line, void *context)
{
	(void)context;
	tell(problem, V6_SPELL_NAME, line);
}

static int refuse_file(struct v6_slice path, enum v6_problem_kind kind, int error)
{
	struct v6_problem problem = {.kind = kind,
		.setting = V6_SETTING_COUNT,
		.file = path,
		.limit = V6_CONFIG_FILE_MAX,
		.error = error};

	tell(&problem, V6_SPELL_NAME, v6_slice_of(""));
	return -1;
}

/* Its length, or -1 after a message. size: one byte more than a file may have. */
static ssize_t read_file(struct v6_slice path, char *text, size_t size)
{
	size_t len = 0;
	struct stat st;
	ssize_t n;
	int fd;

	/* As the library opens it: what it cannot read must not pass here. */
	fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return refuse_file(path, V6_PROBLEM_FILE, errno);
	if (!v6_fstat(fd, &st) && S_ISFIFO(st.st_mode)) {
		close(fd);
		return refuse_file(path, V6_PROBLEM_FILE_PIPE, 0);
	}
	do {
		n = read(fd, text + len, size - len);
		len += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && len < size) || (n < 0 && errno == EINTR));
	if (n < 0)
		refuse_file(path, V6_PROBLEM_FILE, errno);
	close(fd);
	if (n < 0)
		return -1;
	if (len == size)
		return refuse_file(path, V6_PROBLEM_FILE_SIZE, 0);
	return (ssize_t)len;
}

static int from_file(struct v6_options *o)
{
	static char text[V6_CONFIG_FILE_MAX + 1];
	struct v6_slice path = o->config.settings.config;
	ssize_t len;

	if (!path.len)
		return 0;
	len = read_file(path, text, sizeof(text));
	if (len < 0)
		return -1;
	if (v6_config_file(
		    &o->config, path, (struct v6_slice){text, (size_t)len}, tell_of_file, NULL))
		return -1;
	return 0;
}

int v6_options_read(struct v6_options *o, int argc, char **argv, const struct v6_own_option *own)
{
	int result = 0, i = 1;

	memset(o->value, 0, sizeof(o->value));
	v6_config_init(&o->config);
	o->own = own;
	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (option(o, argc, argv, &i))
			result = -1;
	}
	o->next = i;
	result |= from_environment(o);
	result |= from_file(o);
	v6_settings_finish(&o->config.settings);
	return result;
}

void v6_options_help(void)
{
	puts("\nsettings, each also V6SHIM_NAME in the environment and 'name = value' in a\n"
	     "configuration file; the first value is the default:");
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		const char *word, *meaning;

		printf("\n  --%-14s %s\n", v6_setting_name(id), v6_setting_help(id));
		for (unsigned i = 0; (meaning = v6_setting_word(id, i, &word)); i++)
			printf("      %-19s %s\n", word, meaning);
	}
	puts("\na rule: [program=GLOB,...] [port=N|N-M,...] [proto=tcp|udp,...] => setting=value "
	     "...");
}
