/*
 * v6shim report: what the logs show.
 */
#include "report.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "../command.h"

static void help(void)
{
	puts("\nFILE is a log in the format json (that of every log in a file), a FIFO, or - for\n"
	     "standard input. Rotated files of one log come oldest first: x.jsonl.1 x.jsonl;\n"
	     "logs of other names may be other hosts'.\n"
	     "\n"
	     "  --json    one JSON object for machines: see v6shim-log(5)\n"
	     "  --lines   the records one by one, as log-format=text has them\n"
	     "  --follow  tell each new record as it comes, as tail -F does, and report at the "
	     "end\n"
	     "            (interrupt it: Ctrl-C); with --json each as a line of JSON\n"
	     "  --check   exit with 1 where there is a conflict left unresolved, a denial, a\n"
	     "            disorder, a policy that is not in force or a lost record; with mode=log\n"
	     "            also where enforce would deny\n"
	     "\n"
	     "Exit status 0; 1 with --check, as above; 2 for bad usage, or where a file could\n"
	     "not be read.");
}

static void print_record(
	const struct v6_record *r, bool (*write)(struct v6_text *t, const struct v6_record *r))
{
	size_t len;
	char *text = v6_record_written(r, write, &len);

	fwrite(text, 1, len, stdout);
	free(text);
}

/* After its time; its settings as "policy=both (option), rules=2 (file)". */
static void print_line(struct v6_record r)
{
	struct v6_read_setting settings[V6_SETTING_COUNT];
	char text[2 * V6_LINE_MAX], time[40];
	struct v6_text t = v6_text_in(text, sizeof(text));

	v6_read_settings(settings, r.settings);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		if (!settings[id].value.ptr)
			continue;
		v6_text_print(&t, "%s%s=", t.len ? ", " : "", v6_setting_name(id));
		v6_text_slice(&t, settings[id].value);
		v6_text_str(&t, " (");
		v6_text_slice(&t, settings[id].origin);
		v6_text_char(&t, ')');
	}
	r.settings = (struct v6_slice){t.buf, t.len};
	t = v6_text_in(time, sizeof(time));
	v6_text_time(&t, r.time);
	printf("%s ", time);
	print_record(&r, v6_record_text);
}

static struct {
	int json, lines, follow, check;
} options;

/* The files are moved to the end of argv. */
static int read_options(int argc, char **argv)
{
	static const struct option known[] = {{"json", no_argument, &options.json, 1},
		{"lines", no_argument, &options.lines, 1},
		{"follow", no_argument, &options.follow, 1},
		{"check", no_argument, &options.check, 1}, {NULL, 0, NULL, 0}};
	int option;

	memset(&options, 0, sizeof(options));
	opterr = 0;
	/* An unknown option is a word of its own that way: "-ab" is not "-a -b". */
	while ((option = getopt_long_only(argc, argv, "", known, NULL)) == 0)
		;
	if (option != -1)
		v6_complain("report: '%s': unknown option", argv[optind - 1]);
	else if (options.json && options.lines)
		v6_complain("report: '--lines': not with --json");
	else if (optind == argc)
		v6_complain("report: no file given");
	else
		return 0;
	return v6_command_usage(&v6_command_report);
}

static void add_record(void *model, unsigned log, const struct v6_record *r)
{
	v6_model_add(model, log, r);
	if (options.lines)
		print_line(*r);
}

static void add_new_record(void *model, unsigned log, const struct v6_record *r)
{
	v6_model_add(model, log, r);
	if (options.json)
		print_record(r, v6_record_json);
	else
		print_line(*r);
}

static int run(int argc, char **argv)
{
	static struct v6_input in;
	struct v6_model m = {.count = 0};
	int status = read_options(argc, argv);

	if (status)
		return status;
	in = (struct v6_input){.add = add_record, .to = &m};
	while (optind < argc)
		v6_source_add(&in, argv[optind++]);
	if (options.follow)
		v6_follow(&in, add_new_record);
	else
		v6_input_read(&in);
	v6_model_end(&m);
	status = m.unresolved || m.denials || m.disorders || m.unenforced || m.lost ? V6_EXIT_NO
										    : V6_EXIT_OK;
	for (size_t i = 0; i < in.count; i++) {
		in.failed |= in.sources[i]->error != 0;
		if (*in.sources[i]->damaged && !in.sources[i]->records) {
			v6_complain("report: no record in it: %s", in.sources[i]->damaged);
			in.failed = true;
		}
	}
	if (options.json)
		v6_report_json(&in, &m, status);
	else if (!options.lines)
		v6_report_page(&in, &m);
	status = in.failed ? V6_EXIT_USAGE : options.check ? status : V6_EXIT_OK;
	v6_input_free(&in);
	v6_model_free(&m);
	return status;
}

const struct v6_command v6_command_report = {
	.name = "report",
	.usage = "[--json | --lines] [--follow] [--check] FILE...",
	.summary = "show what the logs tell: listeners, order, conflicts, verdict",
	.main = run,
	.help = help,
};
