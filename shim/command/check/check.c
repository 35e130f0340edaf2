/*
 * v6shim check: which ways in reach a command, and if none, why.
 */
#include <stdio.h>

#include "../../govern/facts.h"
#include "../../supervise/start.h"
#include "../options.h"
#include "../table.h"
#include "reach.h"

static void add_row(struct v6_table *table, const struct v6_hop *hop, bool ok, const char *why)
{
	v6_text_print(&table->text, "%.*s", V6_SLICE(v6_slice_of(hop->path)));
	if (hop->target)
		v6_text_print(&table->text, " -> %.*s", V6_SLICE(v6_slice_of(hop->target)));
	v6_table_cell(table, "");
	v6_table_cell(table, *hop->what ? hop->what : "-");
	v6_table_cell(table, ok ? "ok" : "no");
	v6_table_cell(table, why);
}

/*
 * The hops of the preload, or, where that is not asked for, of the supervisor, who needs no
 * library.
 */
static void print_hops(const struct v6_reach *r, bool preload, const struct v6_hop *lost)
{
	static const struct v6_column columns[4] = {{.gap = 0}, {.gap = 3}, {.gap = 3}, {.gap = 3}};
	struct v6_table table = v6_table_of(columns, 4);
	const struct v6_hop *hop;

	for (hop = r->hop; hop < r->hop + r->hops; hop++)
		add_row(&table, hop, preload ? !hop->obstacle : hop != lost,
			preload       ? hop->why
			: hop == lost ? V6_REACH_LOSES
				      : "");
	if (preload)
		add_row(&table, &r->preload, !r->preload.obstacle, r->preload.why);
	v6_table_print(&table, 0);
}

/* "a preload does not reach NAME: WHY"; why may be empty. */
static void print_way(
	const char *before, const struct v6_reach *r, const char *after, const char *why)
{
	static char buf[2 * V6_REACH_WHY];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_text_print(&t, "%s%.*s%s%s%s", before, V6_SLICE(v6_slice_of(r->name)),
		*r->name ? "" : "''", after, *why ? ": " : "");
	v6_text_str(&t, why);
	puts(buf);
}

static int judge(const struct v6_reach *r, bool preload, bool outside)
{
	static char why[V6_REACH_WHY];
	struct v6_text t = v6_text_in(why, sizeof(why));
	const struct v6_hop *lost = outside ? v6_reach_loses(r) : NULL;
	const char *refused = NULL;

	if (r->at)
		v6_reach_why(&t, r);
	if (outside && r->starts)
		refused = lost ? V6_REACH_LOSES : v6_supervise_refused();
	print_hops(r, preload || !r->starts, lost);
	if (!r->starts)
		print_way("", r, " does not start", why);
	else if (preload)
		print_way(r->at                ? "a preload does not reach "
			  : r->shell_is_static ? "a preload reaches what "
					       : "a preload reaches ",
			r, r->at || !r->shell_is_static ? "" : " starts", why);
	if (outside && r->starts)
		print_way(refused ? "a supervisor does not reach " : "a supervisor reaches ", r, "",
			refused ? refused : "");
	preload = preload && !r->at;
	outside = outside && r->starts && !refused;
	for (unsigned i = 0; !preload && !outside && i < V6_INSTEAD_MAX && r->instead[i]; i++)
		printf("%-10s%s\n", i ? "" : "instead", r->instead[i]);
	if (v6_fact_no_ipv6())
		puts("note      no IPv6 socket can be made here: the kernel has no IPv6, and no "
		     "policy anything to act on");
	if (r->shell && preload)
		puts("note      programs that a shell starts inherit the preload and the settings, "
		     "unless set-id, static or Go; --reach supervise governs those too");
	return preload || outside ? V6_EXIT_OK : V6_EXIT_UNREACHABLE;
}

static int run(struct v6_options *o)
{
	static struct v6_reach r;
	const char *way = o->given[0] ? o->given[0] : "auto";

	if (!o->count)
		return v6_command_usage(&v6_command_check, "no command given");
	v6_reach(&r, o->operands, true);
	return judge(&r, *way != 's', *way != 'p');
}

static const struct v6_option options[] = {
	{"reach", "WAY",
		"preload, supervise (from outside, as run does where a preload does not reach), or "
		"auto, either",
		.words = V6_REACH_WAYS},
	{.name = NULL},
};

const struct v6_command v6_command_check = {
	.name = "check",
	.usage = "[--reach WAY] [--] COMMAND [ARGUMENT...]",
	.summary = "tell which ways in reach COMMAND, and if none, why",
	.main = run,
	.about =
		"  v6shim check nginx\n"
		"  v6shim check --reach supervise ./go-server  that way alone\n"
		"\n"
		"A line for each file on the way of a preload: scripts by their interpreters, env\n"
		"by what it starts, the library last; each \"ok\", or \"no\" and why. Then "
		"whether\n"
		"a preload and whether a supervisor reaches COMMAND; and if none, what to do\n"
		"instead. COMMAND is looked for and followed as 'v6shim run' would start it, for\n"
		"this user; nothing of it is executed. Supervision is tried, on a process that\n"
		"does nothing.\n"
		"\n"
		"What cannot be told from files: system calls that a program makes itself (Go\n"
		"apart), io_uring, calls inside libc, the programs that COMMAND starts, and\n"
		"AT_SECURE set by SELinux, AppArmor or Smack. The load record of the log is the\n"
		"proof (log-level all).\n",
	.end = "Exit status 0: a way reaches it; 3: none does; 2: bad usage.\n",
	.options = options,
	.operands = V6_OPERANDS_COMMAND,
};
