#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

extern char **environ;

enum { MESSAGE_SIZE = 2048 };

/* Under the message, on a terminal: the line, and a mark below the place. */
static void show_place(struct v6_slice line, size_t column)
{
	enum { SHOWN = 120 };
	char buf[4 * SHOWN + 1];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	if (!isatty(STDERR_FILENO) || !line.len || line.len > SHOWN || column > line.len)
		return;
	v6_text_safe(&t, line.ptr, line.len);
	fprintf(stderr, "  %s\n", buf);
	t = v6_text_in(buf, sizeof(buf));
	v6_text_safe(&t, line.ptr, column - 1);
	fprintf(stderr, "  %*s^\n", (int)t.len, "");
}

static void tell(const struct v6_problem *problem, enum v6_spelling spelling, struct v6_slice line)
{
	char buf[MESSAGE_SIZE];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_problem_text(&t, problem, spelling);
	v6_complain("%s", buf);
	if (problem->column > 1 || problem->line)
		show_place(line, problem->column);
}

/*
 * A path may be given relative to the working directory; only here, for the
 * server may change its own.
 */
static const char *absolute(const char *path)
{
	char *cwd, *joined;
	size_t size;

	while (!strncmp(path, "./", 2))
		path += 2 + strspn(path + 2, "/");
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return path;
	size = strlen(cwd) + 1 + strlen(path) + 1;
	joined = malloc(size);
	if (joined)
		snprintf(joined, size, "%s/%s", strcmp(cwd, "/") ? cwd : "", path);
	free(cwd);
	return joined ? joined : path;
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
		o->value[id] = value;
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

/* "--policy=both" or "--policy both", at argv[*i]; *i is left on its last part. */
static int option(struct v6_options *o, int argc, char **argv, int *i)
{
	const char *arg = argv[*i], *equals = strchr(arg, '='), *value;
	struct v6_slice written = {arg, equals ? (size_t)(equals - arg) : strlen(arg)};
	struct v6_slice name = written.len > 2 ? v6_slice_from(written, 2) : v6_slice_of("");
	enum v6_setting id =
		v6_slice_begins(written, "--") ? v6_setting_by_name(name) : V6_SETTING_COUNT;
	const struct v6_own_option *own = find_own(o->own, name);

	if (id == V6_SETTING_COUNT && !own)
		return unknown(written, V6_SPELL_OPTION);
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
		struct v6_slice name = {*e, equals ? (size_t)(equals - *e) : 0};
		enum v6_setting id;

		if (!v6_setting_env_ours(name))
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

/* One byte more than may be, so that what is too large is seen to be. */
static int from_file(struct v6_options *o)
{
	static char text[V6_CONFIG_FILE_MAX + 1];
	struct v6_slice path = o->config.settings.config;
	size_t len = 0;
	ssize_t n;
	int fd;

	if (!path.len)
		return 0;
	/* As the library opens it: what it cannot read must not pass here. */
	fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return refuse_file(path, V6_PROBLEM_FILE, errno);
	do {
		n = read(fd, text + len, sizeof(text) - len);
		len += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && len < sizeof(text)) || (n < 0 && errno == EINTR));
	close(fd);
	if (n < 0)
		return refuse_file(path, V6_PROBLEM_FILE, errno);
	if (len == sizeof(text))
		return refuse_file(path, V6_PROBLEM_FILE_SIZE, 0);
	return v6_config_file(&o->config, path, (struct v6_slice){text, len}, tell_of_file, NULL)
		       ? -1
		       : 0;
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
