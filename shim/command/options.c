#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../core/nearest.h"
#include "../govern/configure.h"
#include "command.h"
#include "memory.h"
#include "table.h"

enum { BEFORE = 40, AFTER = 36 }; /* of a line around a place: columns, bytes */

/* Under the message, on a terminal: as much of the line as is around the place, and a mark. */
static void show_place(struct v6_slice line, size_t column)
{
	char copy[BEFORE + AFTER], buf[4 * sizeof(copy) + 1];
	size_t at = column - 1, from, to;
	struct v6_text t;
	unsigned width;

	if (!isatty(STDERR_FILENO) || !line.len || !column || at > line.len)
		return;
	from = at > BEFORE ? at - BEFORE : 0;
	to = line.len - at > AFTER ? at + AFTER : line.len;
	/* Whole characters, and a blank for each tab. */
	while (to > at && to < line.len && (line.ptr[to] & 0xc0) == 0x80)
		to--;
	for (size_t i = from; i < to; i++)
		copy[i - from] = strchr("\t\r\n", line.ptr[i]) ? ' ' : line.ptr[i];
	/* What is escaped takes more room. */
	for (size_t skip = 0;; skip++) {
		if (from + skip < at && (copy[skip] & 0xc0) == 0x80)
			continue;
		t = v6_text_in(buf, sizeof(buf));
		v6_text_safe(&t, copy + skip, at - from - skip);
		width = v6_text_width(buf, t.len);
		if (width <= BEFORE)
			break;
	}
	v6_text_safe(&t, copy + (at - from), to - at);
	fprintf(stderr, "  %s\n  %*s^\n", buf, (int)width, "");
}

static void print_problem(const struct v6_problem *p, struct v6_slice line, void *context)
{
	char buf[2048];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	size_t column = v6_problem_column(p);

	(void)context;
	v6_problem_text(&t, p);
	v6_complain("%s", buf);
	if (column > 1 || p->rule || p->line)
		show_place(line, column);
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
		print_problem(&problem, v6_slice_of(value), NULL);
		return -1;
	}
	/* Rules that are given again add to those before. */
	if (id == V6_SETTING_RULES && o->value[id])
		value = v6_keep_joined(o->value[id], ";", value, NULL);
	o->value[id] = value;
	return 0;
}

static const struct v6_own_option *find_own(const struct v6_own_option *own, struct v6_slice name)
{
	for (; own && own->name; own++)
		if (v6_slice_is(name, own->name))
			return own;
	return NULL;
}

/* An option that is no setting's: one of the caller's may be meant. */
static int unknown(const struct v6_own_option *own, struct v6_slice written, const char *command)
{
	struct v6_problem problem = {
		.origin = V6_ORIGIN_OPTION, .setting = V6_SETTING_COUNT, .text = written};
	struct v6_slice name = written;
	struct v6_nearest near;
	char buf[2048];
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
	for (const struct v6_own_option *o = own; o && o->name; o++)
		v6_nearest_offer(&near, o->name);
	if (near.word && find_own(own, v6_slice_of(near.word))) {
		v6_text_safe(&t, written.ptr, written.len);
		v6_complain("%s: unknown option; did you mean '--%s'", buf, near.word);
	} else {
		print_problem(&problem, written, NULL);
	}
	return -1;
}

int v6_options_read(struct v6_options *o, int argc, char **argv, const struct v6_own_option *own)
{
	static const enum v6_setting paths[] = {V6_SETTING_LOG, V6_SETTING_CONFIG};
	int result = 0, i = 1;

	v6_config_init(&o->config);
	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		struct v6_slice value = v6_slice_of(argv[i]), written = v6_slice_cut(&value, '=');
		bool attached = argv[i][written.len] == '=',
		     dashes = v6_slice_begins(written, "--");
		struct v6_slice name = dashes ? v6_slice_from(written, 2) : v6_slice_of("");
		enum v6_setting id = v6_setting_by_name(name);
		const struct v6_own_option *mine = find_own(own, name);

		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (id == V6_SETTING_COUNT && !mine) {
			result = unknown(own, written, argv[0]);
		} else if (!attached && i + 1 >= argc) {
			v6_complain("%s: no value given", argv[i]);
			result = -1;
		} else {
			const char *text = attached ? value.ptr : argv[++i];

			if (mine)
				*mine->value = text;
			else if (set(o, id, text))
				result = -1;
		}
	}
	o->next = i;
	for (i = 0; i < 2; i++) {
		char name[32];
		struct v6_text t = v6_text_in(name, sizeof(name));
		const char *value;

		v6_setting_env_name(&t, paths[i]);
		value = getenv(name);
		if (value)
			setenv(name, absolute(paths[i], value), 1);
	}
	if (v6_configure(&o->config, environ, print_problem, NULL))
		result = -1;
	return result;
}

void v6_options_help(void)
{
	puts("\nsettings, each also V6SHIM_NAME in the environment and 'name = value' in a\n"
	     "configuration file; the first value is the default:");
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		enum v6_list list = v6_setting_list(id);

		printf("\n  --%-14s %s\n", v6_setting_name(id), v6_word_meaning(&v6_words(V6_LIST_SETTING)[id]));
		for (const struct v6_word *w = v6_words(list); list && w->list == list; w++)
			printf("      %-19s %s\n", w->word, v6_word_meaning(w));
	}
	puts("\na rule: [program=GLOB,...] [port=N|N-M,...] [proto=tcp|udp,...] => setting=value "
	     "...");
}
