/*
 * v6shim check: which ways in reach a command, and if none, why.
 */
#include <stdio.h>

#include "../../govern/facts.h"
#include "../../supervise/start.h"
#include "../command.h"
#include "../print.h"
#include "reach.h"

/*
 * The hops of the preload, or, where that is not asked for, of the supervisor, who needs no
 * library.
 */
static void print_hops(const struct v6_reach *r, bool preload)
{
	static const struct v6_column columns[4] = {{.gap = 0}, {.gap = 3}, {.gap = 3}, {.gap = 3}};
	struct v6_table table = v6_table_of(columns, 4);

	for (const struct v6_hop *hop = r->hop; hop < r->hop + r->hops + preload; hop++) {
		bool ok = preload ? !hop->obstacle : hop != r->loses;

		v6_text_print(&table.text, "%.*s", V6_SLICE(v6_slice_of(hop->path)));
		if (hop->target)
			v6_text_print(&table.text, " -> %.*s", V6_SLICE(v6_slice_of(hop->target)));
		v6_table_cell(&table, "");
		v6_table_cell(&table, hop->what ? hop->what : "-");
		v6_table_cell(&table, ok ? "ok" : "no");
		v6_table_cell(&table, preload ? hop->why : ok ? "" : V6_REACH_LOSES);
	}
	v6_table_print(&table, 0);
}

static int run(struct v6_options *o)
{
	static struct v6_reach r;
	const char *way = o->given[0] ? o->given[0] : "auto", *refused = NULL;
	bool preload = *way != 's', outside = *way != 'p';

	if (!o->count)
		return v6_command_usage(&v6_command_check, "no command given");
	v6_reach(&r, o->operands, true);
	print_hops(&r, preload || !r.starts);
	if (!r.starts) {
		printf("%s does not start: %s\n", r.name, r.why);
		preload = outside = false;
	}
	if (preload)
		printf("a preload %s %s%s%s%s\n",
			r.at                ? "does not reach"
			: r.shell_is_static ? "reaches what"
					    : "reaches",
			r.name, !r.at && r.shell_is_static ? " starts" : "", r.at ? ": " : "",
			r.why);
	if (outside) {
		refused = r.loses ? V6_REACH_LOSES : v6_supervise_refused();
		printf("a supervisor %s %s%s%s\n", refused ? "does not reach" : "reaches", r.name,
			refused ? ": " : "", refused ? refused : "");
	}
	preload = preload && !r.at;
	outside = outside && !refused;
	for (unsigned i = 0; !preload && !outside && r.instead[i]; i++)
		printf("%-10s%s\n", i ? "" : "instead", r.instead[i]);
	if (v6_fact_no_ipv6())
		puts("note      no IPv6 socket can be made here: the kernel has no IPv6, and no "
		     "policy anything to act on");
	if (r.shell && preload)
		puts("note      programs that a shell starts inherit the preload and the settings, "
		     "unless set-id, static or Go; --reach supervise governs those too");
	return preload || outside ? V6_EXIT_OK : V6_EXIT_UNREACHABLE;
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
