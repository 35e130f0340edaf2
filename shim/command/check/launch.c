#include "launch.h"

#include <stdbool.h>
#include <stdio.h>
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

/* ---- env, coreutils', util-linux's and loaders that start what their last words say */

static const struct launcher {
	/* Options whose value may be the next word: " LONG:LETTER " each; '?': there is no letter. */
	const char *options;
	int operands; /* before the command */
	char name[8];
} launchers[] = {
	{" argv0:a chdir:C split-string:S unset:u ", 0, "env"},
	{" adjustment:n ", 0, "nice"},
	{"", 0, "nohup"},
	{" kill-after:k signal:s ", 1, "timeout"},
	{"", 0, "setsid"},
	{" input:i output:o error:e ", 0, "stdbuf"},
	{" class:c classdata:n pid:p pgid:P uid:u ", 0, "ionice"},
	{"", 1, "taskset"},
	{" sched-runtime:T sched-period:P sched-deadline:D ", 1, "chrt"},
	{" ambient-caps:? inh-caps:? bounding-set:? ruid:? euid:? reuid:? rgid:? egid:? regid:? "
	 "groups:? securebits:? pdeathsig:? ptracer:? selinux-label:? apparmor-profile:? "
	 "landlock-access:? landlock-rule:? seccomp-filter:? ",
		0, "setpriv"},
	/* A loader by any name: ld.so(8). */
	{" argv0:? audit:? glibc-hwcaps-mask:? glibc-hwcaps-prepend:? inhibit-rpath:? "
	 "library-path:? preload:? ",
		0, "ld.so"},
};

/* The letter of an option with a value, '\0' of another; *argv goes on to the value where that is a word. */
static char read_option(const char *options, char ***argv, const char **value)
{
	char *word = **argv + 1, wanted[40];
	const char *found = NULL;

	if (*word == '-') {
		size_t len = strcspn(++word, "=");

		snprintf(wanted, sizeof(wanted), " %.*s:", (int)len, word);
		found = strstr(options, wanted);
		found = found ? found + strlen(wanted) : NULL;
		word += len + (word[len] == '=');
	}
	for (; !found && *word; word++) {
		snprintf(wanted, sizeof(wanted), ":%c ", *word);
		found = strstr(options, wanted);
		found = found ? found + 1 : NULL;
	}
	if (!found)
		return '\0';
	*value = *word || !(*argv)[1] ? word : *++*argv;
	return *found;
}

/* Whether the word clears the environment: -i with what else has no value, and what is spelled out. */
static const char *clears(const char *word)
{
	size_t flags = strspn(word + 1, "0iv");

	if (!strcmp(word, "-") || !strcmp(word, "--ignore-environment") ||
		(*word == '-' && memchr(word + 1, 'i', flags)))
		return "-i";
	return strcmp(word, "--reset-env") ? NULL : word;
}

/*
 * The words of env -S, and the rest, with a place for env before them; NULL where there is more to them
 * than blanks (env(1), "-S/--split-string usage in scripts").
 */
static char **split(char *text, char **rest)
{
	char **argv = v6_keep((strlen(text) + v6_argv_count(rest) + 2) * sizeof(*argv)),
	     **to = argv;

	if (strpbrk(text, "\"'\\$#"))
		return NULL;
	for (char *word = strtok(text, blanks); word; word = strtok(NULL, blanks))
		*++to = word;
	memcpy(to + 1, rest, v6_argv_count(rest) * sizeof(*argv));
	return argv;
}

struct v6_launch v6_launch(const char *path, char **argv, const char *search)
{
	struct v6_launch launch = {.path = search};
	struct v6_slice name = v6_slice_base(v6_slice_of(v6_libc_by_name(path) ? "ld.so" : path));
	const struct launcher *l = launchers, *end = l + sizeof(launchers) / sizeof(*launchers);
	bool ended = false;
	int operands;

	while (l < end && !v6_slice_is(name, l->name))
		l++;
	if (l == end || !*argv)
		return launch;
	operands = l->operands;
	for (argv++; *argv; argv++) {
		bool is_env = l == launchers, option = !ended && **argv == '-';
		const char *word = *argv, *value = "";
		char letter = '\0';

		if (!option && !(is_env && strchr(word, '=')) && !operands--)
			break;
		if (option && (is_env || word[1] == '-') && clears(word))
			launch.drops = clears(word);
		if (option && strcmp(word, "--"))
			letter = read_option(l->options, &argv, &value);
		ended |= option && !strcmp(word, "--");
		if (!is_env)
			continue;
		if (letter == 'C')
			launch.directory = value;
		if (letter == 'u' && !strcmp(value, "LD_PRELOAD"))
			launch.drops = "-u LD_PRELOAD";
		if (letter == 'u' && !strcmp(value, "PATH"))
			launch.path = NULL;
		if (!option && !strncmp(word, "PATH=", 5))
			launch.path = word + 5;
		if (!option && !strncmp(word, "LD_PRELOAD=", 11))
			launch.drops = word;
		if (letter == 'S')
			argv = split(v6_keep_joined(value, NULL), argv + 1);
		if (!argv)
			return launch;
	}
	launch.argv = *argv ? argv : NULL;
	return launch;
}
