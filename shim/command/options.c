#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

extern char **environ;

enum { MESSAGE_SIZE = 1024 };

static struct v6_slice slice(const char *str)
{
	return (struct v6_slice){str, strlen(str)};
}

static int tell(const struct v6_problem *problem, enum v6_spelling spelling)
{
	char buf[MESSAGE_SIZE];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_problem_text(&t, problem, spelling);
	v6_complain("%s", buf);
	return -1;
}

/*
 * A log path may be given relative to the working directory; only here, for the
 * server may change its own. A bare word is a misspelt one, not a file.
 */
static const char *absolute(const char *path)
{
	char *cwd, *joined;
	size_t size;

	if (*path == '/' || !strncmp(path, "fd:", 3) || !strpbrk(path, "/."))
		return path;
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

static int set(struct v6_options *o, enum v6_setting id, const char *value, enum v6_origin origin,
	enum v6_spelling spelling)
{
	struct v6_problem problem;

	if (id == V6_SETTING_LOG)
		value = absolute(value);
	if (v6_settings_set(&o->settings, id, slice(value), origin, &problem))
		return tell(&problem, spelling);
	if (o->settings.origin[id] == origin)
		o->value[id] = value;
	return 0;
}

static int unknown(struct v6_slice name, enum v6_spelling spelling)
{
	struct v6_problem problem = {
		.kind = V6_PROBLEM_UNKNOWN_SETTING, .setting = V6_SETTING_COUNT, .text = name};

	return tell(&problem, spelling);
}

/* "--policy=both" or "--policy both", at argv[*i]; *i is left on its last part. */
static int option(struct v6_options *o, int argc, char **argv, int *i)
{
	const char *arg = argv[*i], *equals = strchr(arg, '=');
	struct v6_slice written = {arg, equals ? (size_t)(equals - arg) : strlen(arg)};
	struct v6_slice name = {arg + 2, written.len - 2};
	enum v6_setting id = strncmp(arg, "--", 2) ? V6_SETTING_COUNT : v6_setting_by_name(name);

	if (id == V6_SETTING_COUNT)
		return unknown(written, V6_SPELL_OPTION);
	if (equals)
		return set(o, id, equals + 1, V6_ORIGIN_COMMAND_LINE, V6_SPELL_OPTION);
	if (*i + 1 >= argc) {
		v6_complain("%s: no value given", arg);
		return -1;
	}
	return set(o, id, argv[++*i], V6_ORIGIN_COMMAND_LINE, V6_SPELL_OPTION);
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

int v6_options_read(struct v6_options *o, int argc, char **argv)
{
	int result = 0, i = 1;

	memset(o, 0, sizeof(*o));
	v6_settings_init(&o->settings);
	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (option(o, argc, argv, &i))
			result = -1;
	}
	o->next = i;
	return from_environment(o) ? -1 : result;
}

void v6_options_help(void)
{
	puts("\nsettings, each also V6SHIM_NAME in the environment; the first value is the "
	     "default:");
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		const char *word, *meaning;

		printf("\n  --%-13s %s\n", v6_setting_name(id), v6_setting_help(id));
		for (unsigned i = 0; (meaning = v6_setting_word(id, i, &word)); i++)
			printf("      %-19s %s\n", word, meaning);
	}
}
