/*
 * v6shim check: whether a preload reaches a command, and if not, why.
 */
#include <stdio.h>

#include "../../govern/facts.h"
#include "../../supervise/start.h"
#include "../options.h"
#include "../table.h"
#include "reach.h"

static void add_row(struct v6_table *table, const struct v6_hop *hop)
{
	static char buf[2 * 4 * PATH_MAX + 8]; /* two paths, every byte of them as \xNN */
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_text_print(&t, "%.*s", V6_SLICE(v6_slice_of(hop->path)));
	if (hop->target)
		v6_text_print(&t, " -> %.*s", V6_SLICE(v6_slice_of(hop->target)));
	v6_table_cell(table, buf);
	v6_table_cell(table, *hop->what ? hop->what : "-");
	v6_table_cell(table, hop->obstacle ? "no" : "ok");
	v6_table_cell(table, hop->why);
}

static void print_verdict(const struct v6_reach *r)
{
	static char buf[2 * V6_REACH_WHY];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	bool starts = r->exit != V6_EXIT_NOT_FOUND && r->exit != V6_EXIT_NOT_EXECUTABLE;

	v6_text_print(&t, "%s%.*s%s",
		!starts              ? ""
		: r->at              ? "a preload does not reach "
		: r->shell_is_static ? "a preload reaches what "
				     : "a preload reaches ",
		V6_SLICE(v6_slice_of(r->name)), *r->name ? "" : "''");
	if (r->at) {
		v6_text_str(&t, starts ? ": " : " does not start: ");
		v6_reach_why(&t, r);
	} else if (r->shell_is_static) {
		v6_text_str(&t, " starts");
	}
	puts(buf);
	for (unsigned i = 0; i < V6_INSTEAD_MAX && r->instead[i]; i++)
		printf("%-10s%s\n", i ? "" : "instead", r->instead[i]);
	if (v6_fact_no_ipv6())
		puts("note      no IPv6 socket can be made here: the kernel has no IPv6, and no "
		     "policy anything to act on");
	if (r->shell && !r->at)
		puts("note      programs that a shell starts inherit the preload and the settings, "
		     "unless set-id, static or Go");
}

/* From outside: whether that reaches what a preload does not. */
static bool print_supervision(const struct v6_reach *r)
{
	const char *refused = v6_reach_loses(r) ? V6_REACH_LOSES : v6_supervise_refused();

	printf("%-10s%s\n", "outside",
		refused ? refused : "a supervisor reaches it: v6shim run [--reach supervise]");
	return !refused;
}

static int run(struct v6_options *o)
{
	static const struct v6_column columns[4] = {{.gap = 0}, {.gap = 3}, {.gap = 3}, {.gap = 3}};
	struct v6_table table = {.columns = columns, .column_count = 4};
	static struct v6_reach r;
	const char *way = o->given[0] ? o->given[0] : "auto";
	bool reached;

	if (!o->count) {
		v6_complain("check: no command given");
		return v6_command_usage(&v6_command_check);
	}
	v6_reach(&r, o->operands);
	for (unsigned i = 0; i < r.hops; i++)
		add_row(&table, &r.hop[i]);
	add_row(&table, &r.preload);
	v6_table_print(&table, 0);
	print_verdict(&r);
	reached = !r.at && strcmp(way, "supervise");
	if (!reached && strcmp(way, "preload") && r.exit != V6_EXIT_NOT_FOUND &&
		r.exit != V6_EXIT_NOT_EXECUTABLE)
		reached = print_supervision(&r);
	return reached ? V6_EXIT_OK : V6_EXIT_UNREACHABLE;
}

static const struct v6_option options[] = {
	{"reach", "WAY",
		"preload, supervise (from outside, as run does where a preload does not reach), or "
		"auto, either",
		.words = "auto preload supervise"},
	{.name = NULL},
};

const struct v6_command v6_command_check = {
	.name = "check",
	.usage = "[--reach WAY] [--] COMMAND [ARGUMENT...]",
	.summary = "tell whether a preload reaches COMMAND, and if not, why",
	.main = run,
	.about =
		"A line for each file on the way: scripts by their interpreters, env by what it\n"
		"starts, the library last; each \"ok\", or \"no\" and why. COMMAND is looked for\n"
		"and followed as 'v6shim run' would start it, for this user; nothing is executed.\n"
		"\n"
		"What cannot be told from files: system calls that a program makes itself (Go\n"
		"apart), io_uring, calls inside libc, the programs that COMMAND starts, and\n"
		"AT_SECURE set by SELinux, AppArmor or Smack. The load record of the log is the\n"
		"proof (log-level all).\n",
	.end = "Exit status 0: a way reaches it; 3: none does; 2: bad usage.\n",
	.options = options,
	.operands = V6_OPERANDS_COMMAND,
};
