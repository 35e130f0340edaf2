/*
 * v6shim: starts programs under libv6shim.so and reads what it logged.
 */
#include <stdarg.h>
#include <stdio.h>

#include "../core/nearest.h"
#include "../core/version.h"
#include "command.h"

static const struct v6_command *const commands[] = {
	&v6_command_run,
	&v6_command_config,
	&v6_command_profiles,
	&v6_command_check,
	&v6_command_report,
	&v6_command_who,
};

enum { COUNT = sizeof(commands) / sizeof(*commands) };

void v6_complain(const char *format, ...)
{
	va_list args;

	fputs("v6shim: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

bool v6_is_help(const char *argument)
{
	return !strcmp(argument, "--help") || !strcmp(argument, "-h");
}

int v6_command_help(const struct v6_command *c)
{
	printf("usage: v6shim %s %s\n\n%s\n", c->name, c->usage, c->summary);
	if (c->help)
		c->help();
	return V6_EXIT_OK;
}

int v6_command_usage(const struct v6_command *c)
{
	fprintf(stderr, "usage: v6shim %s %s\n", c->name, c->usage);
	fprintf(stderr, "'v6shim %s --help' tells more\n", c->name);
	return V6_EXIT_USAGE;
}

static int usage(FILE *to, int status)
{
	fputs("usage: v6shim COMMAND [ARGUMENT...]\n"
	      "\n"
	      "Puts an IPV6_V6ONLY policy on programs that cannot be changed.\n"
	      "\n",
		to);
	for (unsigned i = 0; i < COUNT; i++)
		fprintf(to, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n"
	      "  --help     this, and 'v6shim COMMAND --help' for each\n"
	      "  --version  the version\n",
		to);
	return status;
}

static int version(void)
{
	puts("v6shim " V6_VERSION);
	return V6_EXIT_OK;
}

static int unknown(const char *word)
{
	struct v6_nearest near = v6_nearest_to(v6_slice_of(word));

	for (unsigned i = 0; i < COUNT; i++)
		v6_nearest_offer(&near, commands[i]->name);
	v6_nearest_offer(&near, "--help");
	v6_nearest_offer(&near, "--version");
	v6_complain("%s: unknown command; %s'%s'%s", word, near.word ? "did you mean " : "",
		near.word ? near.word : "v6shim --help", near.word ? "" : " lists them");
	return V6_EXIT_USAGE;
}

static int dispatch(int argc, char **argv)
{
	if (argc < 2)
		return usage(stderr, V6_EXIT_USAGE);
	if (v6_is_help(argv[1]))
		return usage(stdout, V6_EXIT_OK);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return version();
	for (unsigned i = 0; i < COUNT; i++) {
		if (strcmp(argv[1], commands[i]->name))
			continue;
		if (argc > 2 && v6_is_help(argv[2]))
			return v6_command_help(commands[i]);
		if (argc > 2 && !strcmp(argv[2], "--version"))
			return version();
		return commands[i]->main(argc - 1, argv + 1);
	}
	return unknown(argv[1]);
}

int main(int argc, char **argv)
{
	int status = dispatch(argc, argv);

	/* Output that did not arrive (a full disk, a closed pipe) is no success. */
	if (fflush(stdout) || ferror(stdout)) {
		v6_complain("standard output: the output could not be written");
		return status ? status : V6_EXIT_NO;
	}
	return status;
}
