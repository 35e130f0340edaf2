/*
 * v6shim report: what the logs show.
 */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../command.h"
#include "../memory.h"
#include "reader.h"

static void help(void)
{
	puts("\nFILE is a log in the format json (that of every log in a file), a FIFO, or - for\n"
	     "standard input. Rotated files of one log (x.jsonl.1 x.jsonl) are put in order;\n"
	     "logs of other names may be other hosts'.\n"
	     "\n"
	     "  --json    one JSON object for machines: see v6shim-log(5)\n"
	     "  --lines   the records one by one, as log-format=text has them\n"
	     "  --follow  tell each new record as it comes, as tail -F does, and report at the "
	     "end\n"
	     "            (interrupt it: Ctrl-C); with --json each as a line of JSON\n"
	     "  --check   exit with 1 where there is a conflict left unresolved, a denial, a\n"
	     "            disorder or a lost record; with mode=log also where enforce would deny\n"
	     "\n"
	     "A conflict is resolved where the shim resolved it, or where the same process later\n"
	     "succeeded at the same address. `asked` is the V6ONLY value that the application\n"
	     "asked for, V6ONLY what the kernel had before and after.\n"
	     "\n"
	     "Exit status 0; 1 with --check, as above; 2 for bad usage, or where a file could\n"
	     "not be read.");
}

int v6_report_check(const struct v6_gather *g)
{
	for (const struct v6_process *p = g->processes; p; p = p->next)
		for (const struct v6_trouble *t = p->troubles; t; t = t->next)
			if (v6_trouble_unresolved(t))
				return V6_EXIT_NO;
	return g->denials || g->disorders || g->lost ? V6_EXIT_NO : V6_EXIT_OK;
}

/* "policy=both (option), rules=2 (file)" of the JSON, as the library writes it: to be freed. */
static char *settings_text(struct v6_slice *json)
{
	struct v6_read_setting settings[V6_SETTING_COUNT];
	size_t size = 2 * json->len + 1;
	char *scratch = v6_resize(NULL, size + json->len);
	struct v6_text t = v6_text_in(scratch, size);

	v6_read_settings(settings, *json, scratch + size);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		if (!settings[id].value.ptr)
			continue;
		v6_text_printf(&t, "%s%s=", t.len ? ", " : "", v6_setting_name(id));
		v6_text_slice(&t, settings[id].value);
		v6_text_str(&t, " (");
		v6_text_slice(&t, settings[id].origin);
		v6_text_char(&t, ')');
	}
	*json = (struct v6_slice){t.buf, t.len};
	return scratch;
}

/* One record, in either form: a line after its time, or JSON. */
static void print_record(
	struct v6_record r, bool (*write)(struct v6_text *t, const struct v6_record *r))
{
	size_t size = V6_RECORD_SIZE + 12 * (r.program.len + r.note.len + r.holder.program.len +
						    r.version.len + r.settings.len);
	char *buf = v6_resize(NULL, size), *settings = NULL;
	struct v6_text t = v6_text_in(buf, size);

	if (write == v6_record_text) {
		settings = settings_text(&r.settings);
		v6_text_time(&t, r.time);
		v6_text_char(&t, ' ');
	}
	if (write(&t, &r))
		fwrite(t.buf, 1, t.len, stdout);
	free(buf);
	free(settings);
}

static void print_line(const struct v6_record *r)
{
	print_record(*r, v6_record_text);
}

static void print_json(const struct v6_record *r)
{
	print_record(*r, v6_record_json);
}

struct options {
	bool json, lines, follow, check;
	char **files; /* moved to the front of argv */
	unsigned count;
};

static int bad_usage(const char *argument, const char *what)
{
	v6_complain(
		"report: %s%s%s%s", *argument ? "'" : "", argument, *argument ? "': " : "", what);
	return v6_command_usage(&v6_command_report);
}

static int read_options(struct options *o, int argc, char **argv)
{
	const struct {
		const char *name;
		bool *on;
	} known[] = {{"--json", &o->json}, {"--lines", &o->lines}, {"--follow", &o->follow},
		{"--check", &o->check}};
	bool options = true;

	o->files = argv;
	for (int i = 1; i < argc; i++) {
		size_t n = 0;

		if (options && !strcmp(argv[i], "--")) {
			options = false;
			continue;
		}
		if (!options || argv[i][0] != '-' || !argv[i][1]) {
			o->files[o->count++] = argv[i];
			continue;
		}
		while (n < sizeof(known) / sizeof(*known) && strcmp(argv[i], known[n].name) != 0)
			n++;
		if (n == sizeof(known) / sizeof(*known))
			return bad_usage(argv[i], "unknown option");
		*known[n].on = true;
	}
	if (o->json && o->lines)
		return bad_usage("--lines", "not with --json");
	return o->count ? 0 : bad_usage("", "no file given");
}

static int run(int argc, char **argv)
{
	static struct v6_input in;
	struct options o = {.json = false};
	int status = read_options(&o, argc, argv);

	if (status)
		return status;
	v6_input_init(&in, o.files, o.count);
	if (o.lines)
		in.print = print_line;
	if (o.follow)
		v6_follow(&in, o.json ? print_json : print_line);
	else
		v6_input_read(&in, false);
	if (!o.lines) {
		struct v6_view view;

		v6_view_init(&view, &in.gather);
		if (o.json)
			v6_report_json(&in, &view);
		else
			v6_report_page(&in, &view);
		v6_view_free(&view);
	}
	status = o.check ? v6_report_check(&in.gather) : V6_EXIT_OK;
	for (size_t i = 0; i < in.count; i++)
		if (in.sources[i]->error)
			status = V6_EXIT_USAGE;
	v6_input_free(&in);
	return status;
}

const struct v6_command v6_command_report = {
	.name = "report",
	.usage = "[--json | --lines] [--follow] [--check] FILE...",
	.summary = "show what the logs tell: listeners, order, conflicts, verdict",
	.main = run,
	.help = help,
};
