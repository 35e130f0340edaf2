/*
 * v6shim: starts programs under libv6shim.so and reads what it logged.
 */
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../core/problem.h"
#include "../core/version.h"
#include "command.h"

const struct v6_command *const v6_commands[] = {
	&v6_command_run,
	&v6_command_config,
	&v6_command_profiles,
	&v6_command_check,
	&v6_command_report,
	&v6_command_who,
	NULL,
};

int v6_complain(const char *format, ...)
{
	va_list args;

	fputs("v6shim: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return -1;
}

struct chunk {
	struct chunk *before;
	alignas(max_align_t) char bytes[];
};

void *v6_need(void *pointer)
{
	if (!pointer) {
		v6_complain("no memory");
		exit(V6_EXIT_USAGE);
	}
	return pointer;
}

void *v6_keep(size_t size)
{
	static struct chunk *last;
	struct chunk *chunk = v6_need(calloc(1, sizeof(*chunk) + size));

	chunk->before = last;
	last = chunk;
	return chunk->bytes;
}

/* There is room up to the next power of two. What it grows out of is kept. */
void *v6_grow(void *array, size_t count, size_t size)
{
	if (!count)
		return v6_keep(size);
	return count & (count - 1) ? array : memcpy(v6_keep(2 * count * size), array, count * size);
}

char *v6_keep_bytes(const char *bytes, size_t len)
{
	return memcpy(v6_keep(len + 1), bytes, len);
}

char *v6_keep_joined(const char *first, ...)
{
	char *text = v6_keep(1), *longer;
	va_list args;

	va_start(args, first);
	for (const char *part = first; part; part = va_arg(args, const char *)) {
		longer = v6_keep(strlen(text) + strlen(part) + 1);
		strcpy(stpcpy(longer, text), part);
		text = longer;
	}
	va_end(args);
	return text;
}

static void print_help(const struct v6_command *c)
{
	printf("usage: v6shim %s %s\n\n%s\n\n%s\n", c->name, c->usage, c->summary, c->about);
	v6_options_help(c);
	printf("%s%s", c->options || c->settings ? "\n" : "", c->end);
}

/* DESIGN.md 1.7: run's own failures are apart from what COMMAND may exit with. */
static int failure(const struct v6_command *c)
{
	return c == &v6_command_run ? V6_EXIT_RUN : V6_EXIT_USAGE;
}

int v6_command_usage(const struct v6_command *c, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "v6shim: %s: ", c->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nusage: v6shim %s %s\n'v6shim %s --help' tells more\n", c->name, c->usage,
		c->name);
	return failure(c);
}

static int usage(bool asked)
{
	FILE *to = asked ? stdout : stderr;

	fputs("usage: v6shim COMMAND [ARGUMENT...]\n"
	      "\n"
	      "Puts an IPV6_V6ONLY policy on servers that cannot be changed.\n"
	      "\n"
	      "  v6shim run --policy ipv6-only -- SERVER        IPv6 alone\n"
	      "  v6shim run --policy both -- SERVER             IPv4 too, by the same socket\n"
	      "  v6shim run --on-conflict resolve -- SERVER     it died of EADDRINUSE\n"
	      "  v6shim run --mode log --policy both -- SERVER  what a policy would do\n"
	      "  v6shim run --log x.jsonl -- SERVER             and then what it did:\n"
	      "  v6shim report x.jsonl\n"
	      "  v6shim who 8080                                who has the port, which family\n"
	      "  v6shim who --pid 4711                          what this process serves\n"
	      "  v6shim check SERVER                            can it be reached, if not why\n"
	      "  v6shim config --policy both --systemd >x.conf  a drop-in for its unit\n"
	      "\n"
	      "Many programs of a host, by rules: a file /etc/v6shim.conf with a line\n"
	      "'program=java => policy=ipv6-only', the library's path in /etc/ld.so.preload,\n"
	      "V6SHIM_CONFIG=/etc/v6shim.conf in the environment of what starts them. To undo\n"
	      "it, take the path out of /etc/ld.so.preload first: v6shim(1), UNDO.\n"
	      "\n",
		to);
	for (const struct v6_command *const *c = v6_commands; *c; c++)
		fprintf(to, "  %-9s %s\n", (*c)->name, (*c)->summary);
	fputs("\n"
	      "  --help     this; 'v6shim help COMMAND' or 'v6shim COMMAND --help' for each\n"
	      "  --version  the version\n",
		to);
	return asked ? V6_EXIT_OK : V6_EXIT_USAGE;
}

static int unknown(const char *word)
{
	struct v6_nearest near = {.written = v6_slice_of(word)};

	for (const struct v6_command *const *c = v6_commands; *c; c++)
		v6_nearest_offer(&near, (*c)->name);
	v6_nearest_offer(&near, "help");
	v6_nearest_offer(&near, "--help");
	v6_nearest_offer(&near, "--version");
	v6_complain("%s: unknown command; %s'%s'%s", word, near.word ? "did you mean " : "",
		near.word ? near.word : "v6shim --help", near.word ? "" : " lists them");
	return V6_EXIT_USAGE;
}

static int dispatch(int argc, char **argv)
{
	static struct v6_options o;
	const struct v6_command *const *c = v6_commands;
	const char *word = argc > 1 ? argv[1] : "";
	bool help = !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");

	if (help && argc > 2 && argv[2][0] != '-')
		word = argv[2];
	else if (help || argc < 2)
		return usage(help);
	while (*c && strcmp(word, (*c)->name))
		c++;
	if (!strcmp(word, "--version") || !strcmp(word, "-V") ||
		(*c && argc > 2 && !strcmp(argv[2], "--version"))) {
		puts("v6shim " V6_VERSION);
		return V6_EXIT_OK;
	}
	if (!strcmp(word, "complete") && !help)
		return v6_complete(argv + 2);
	if (!*c)
		return unknown(word);
	if (!help && v6_options_read(&o, argv + 1, *c))
		return failure(*c);
	if (!help && !o.help)
		return (*c)->main(&o);
	print_help(*c);
	return V6_EXIT_OK;
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
