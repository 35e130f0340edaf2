/*
 * v6shim report: what the logs show.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "report_follow.h"
#include "report_input.h"
#include "report_json.h"
#include "report_text.h"
#include "report_view.h"

static void help(void)
{
	puts("\nFILE is a log in the format json (--log-format, or a path that ends in .jsonl), a\n"
	     "FIFO, or - for standard input. Rotated files of one log (x.jsonl.1 x.jsonl) are\n"
	     "put in order; logs of other names may be other hosts'.\n"
	     "\n"
	     "  --json    one JSON object for machines\n"
	     "  --follow  tell each new record as it comes, as tail -F does, and report at the "
	     "end\n"
	     "            (interrupt it: Ctrl-C); with --json each as a line of JSON\n"
	     "  --check   exit with 1 where there is a conflict left unresolved, a denial, a\n"
	     "            disorder or a lost record; with mode=log also where enforce would deny\n"
	     "\n"
	     "A conflict is resolved where the shim resolved it, or where the same process later\n"
	     "succeeded at the same address. `asked` is the V6ONLY value that the application\n"
	     "asked for, V6ONLY what the kernel had before and after.\n");
	puts(v6_report_json_help);
	puts("\nExit status 0; 1 with --check, as above; 2 for bad usage, or where a file could "
	     "not\n"
	     "be read.");
}

struct options {
	bool json, follow, check;
	char **files; /* moved to the front of argv */
	unsigned count;
};

static int bad_usage(const char *argument, const char *what)
{
	v6_complain(
		"report: %s%s%s%s", *argument ? "'" : "", argument, *argument ? "': " : "", what);
	return v6_command_usage(&v6_command_report);
}

static bool take_option(struct options *o, const char *argument)
{
	if (!strcmp(argument, "--json"))
		o->json = true;
	else if (!strcmp(argument, "--follow"))
		o->follow = true;
	else if (!strcmp(argument, "--check"))
		o->check = true;
	else
		return false;
	return true;
}

static int read_options(struct options *o, int argc, char **argv)
{
	bool options = true;

	o->files = argv;
	for (int i = 1; i < argc; i++) {
		if (options && !strcmp(argv[i], "--"))
			options = false;
		else if (!options || argv[i][0] != '-' || !argv[i][1])
			o->files[o->count++] = argv[i];
		else if (!take_option(o, argv[i]))
			return bad_usage(argv[i], "unknown option");
	}
	return o->count ? 0 : bad_usage("", "no file given");
}

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && *term && strcmp(term, "dumb") && isatty(STDOUT_FILENO);
}

/* What --check answers. */
static int check(const struct v6_gather *g)
{
	const struct v6_totals *t = &g->totals;

	if (v6_gather_unresolved(g) || t->denials || t->trouble[V6_TROUBLE_DISORDER] || t->lost)
		return V6_EXIT_NO;
	return V6_EXIT_OK;
}

static bool show(const struct options *o, const struct v6_input *in)
{
	struct v6_view view;
	bool ok = v6_view_build(&view, &in->gather);

	if (ok && o->json)
		ok = v6_report_json(in, &view, check(&in->gather));
	else if (ok)
		ok = v6_report_text(in, &view, wants_colour());
	v6_view_free(&view);
	return ok;
}

static int no_memory(void)
{
	v6_complain("report: no memory");
	return V6_EXIT_USAGE;
}

static int report(const struct options *o, struct v6_input *in)
{
	if (!(o->follow ? v6_follow(in, o->json) : v6_input_read(in, false)))
		return no_memory();
	v6_gather_finish(&in->gather);
	if (!show(o, in))
		return no_memory();
	if (v6_input_failed(in))
		return V6_EXIT_USAGE;
	return o->check ? check(&in->gather) : V6_EXIT_OK;
}

/*
 * What is large is had from the kernel and goes back to it. Left to itself glibc takes
 * it from the heap once the like was freed, where the big tables, moved again and
 * again, leave gaps: memory would grow with the log (mallopt(3), M_MMAP_THRESHOLD).
 */
static void keep_memory_flat(void)
{
#ifdef M_MMAP_THRESHOLD
	enum { LARGE = 128 * 1024 };

	mallopt(M_MMAP_THRESHOLD, LARGE);
#endif
}

static int run(int argc, char **argv)
{
	struct options o = {.json = false};
	struct v6_input in;
	int status = read_options(&o, argc, argv);

	if (status)
		return status;
	keep_memory_flat();
	status = v6_input_init(&in, o.files, o.count) ? report(&o, &in) : no_memory();
	v6_input_free(&in);
	return status;
}

const struct v6_command v6_command_report = {
	.name = "report",
	.usage = "[--json] [--follow] [--check] FILE...",
	.summary = "show what the logs tell: listeners, order, conflicts, verdict",
	.main = run,
	.help = help,
};
