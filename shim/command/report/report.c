/*
 * v6shim report: what the logs show.
 */
#include "report.h"

#include <stdio.h>

#include "../command.h"

/* After its time; its settings as ", policy=both (option), rules=2 (file)". */
static void print_line(struct v6_record r)
{
	struct v6_read_setting settings[V6_SETTING_COUNT];
	char text[4 * V6_LINE_MAX]; /* a byte may be written as four */
	struct v6_text t = v6_text_in(text, sizeof(text));
	V6_TEXT(time, 40);

	v6_read_settings(settings, r.settings);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		if (settings[id].value.ptr)
			v6_text_print(&t, ", %s=%.*s (%.*s)", v6_setting_name(id),
				V6_SLICE(settings[id].value), V6_SLICE(settings[id].origin));
	r.settings = (struct v6_slice){t.buf, t.len};
	v6_text_time(&time, r.time);
	printf("%s %s", time.buf, v6_record_written(&r, v6_record_text).ptr);
}

/* The places of the options below. */
enum { JSON, LINES, FOLLOW, CHECK };

static const char **given;

void v6_report_record(struct v6_logs *logs, const struct v6_source *log, const struct v6_record *r)
{
	v6_logs_add(logs, log, r);
	if (logs->fresh && given[JSON])
		fputs(v6_record_written(r, v6_record_json).ptr, stdout);
	else if (logs->fresh || given[LINES])
		print_line(*r);
}

static int run(struct v6_options *o)
{
	struct v6_logs *logs = v6_keep(sizeof(*logs));
	bool trouble;

	given = o->given;
	if (given[JSON] && given[LINES])
		return v6_command_usage(&v6_command_report, "'--lines': not with --json");
	if (!o->count)
		return v6_command_usage(&v6_command_report, "no file given");
	for (char **file = o->operands; *file; file++)
		v6_source_add(logs, *file);
	logs->follow = given[FOLLOW] != NULL;
	v6_logs_read(logs);
	v6_logs_end(logs);
	trouble = logs->unresolved || logs->denials || logs->disorders || logs->unenforced ||
		  logs->lost;
	for (const struct v6_source *s = logs->sources; s; s = s->next) {
		logs->failed |= s->error != 0;
		if (s->damaged && !s->records) {
			v6_complain("report: no record in it: %s", s->damaged);
			logs->failed = true;
		}
	}
	if (given[JSON])
		v6_report_json(logs, trouble);
	else if (!given[LINES])
		v6_report_page(logs);
	return logs->failed ? V6_EXIT_USAGE : given[CHECK] && trouble ? V6_EXIT_NO : V6_EXIT_OK;
}

static const struct v6_option options[] = {
	{"json", .help = "one JSON object for machines: see v6shim-log(5)"},
	{"lines", .help = "the records one by one, as log-format=text has them"},
	{"follow",
		.help = "tell each new record as it comes, as tail -F does, and report at the end "
			"(interrupt it: Ctrl-C); with --json each as a line of JSON"},
	{"check", .help = "exit with 1 where there is a conflict left unresolved, a denial, a "
			  "disorder, a policy that is not in force or a lost record; with "
			  "mode=log also where enforce would deny"},
	{.name = NULL},
};

const struct v6_command v6_command_report = {
	.name = "report",
	.usage = "[--json | --lines] [--follow] [--check] FILE...",
	.summary = "show what the logs tell: listeners, order, conflicts, verdict",
	.main = run,
	.about =
		"  v6shim report x.jsonl\n"
		"  v6shim report --check x.jsonl.1 x.jsonl  for cron and CI\n"
		"  v6shim report --follow x.jsonl           as it happens\n"
		"\n"
		"FILE is a log in the format json (that of every log in a file), a FIFO, or - for\n"
		"standard input. Rotated files of one log come oldest first: x.jsonl.1 x.jsonl;\n"
		"logs of other names may be other hosts'.\n",
	.end = "Exit status 0; 1 with --check, as above; 2 for bad usage, or where a file could\n"
	       "not be read.\n",
	.options = options,
	.operands = V6_OPERANDS_FILES,
};
