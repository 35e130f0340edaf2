/*
 * v6shim run: starts a program under the library, and becomes it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../govern/sys.h"
#include "../../govern/way.h"
#include "../../supervise/start.h"
#include "../check/reach.h"
#include "../command.h"

/*
 * What options set; and the library, ours first, so that what else is preloaded is called on to,
 * and the log that is open (NULL: none); or, library NULL, to supervise.
 */
static int export(const struct v6_options *o, const char *library, const char *handed)
{
	const char *others = getenv("LD_PRELOAD"), *options = "";

	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		V6_TEXT(t, 32);

		v6_setting_env_name(&t, id);
		if (!o->value[id])
			continue;
		options = v6_keep_joined(options, v6_setting_name(id), ",", NULL);
		if (setenv(t.buf, o->value[id], 1))
			return -1;
	}
	if (setenv(V6_OPTIONS_VARIABLE, options, 1))
		return -1;
	if (!library)
		return setenv(V6_REACH_VARIABLE, "supervise", 1);
	if (handed &&
		(v6_sys_fcntl(atoi(handed), F_SETFD, 0) < 0 || setenv(V6_LOG_HANDED, handed, 1)))
		return -1;
	if (others && *others)
		library = v6_keep_joined(library, ":", others, NULL);
	return setenv("LD_PRELOAD", library, 1);
}

static int refuse(const struct v6_reach *r)
{
	bool unreached = r->exit == V6_EXIT_UNREACHABLE, unusable = r->exit == V6_EXIT_USAGE;

	v6_complain("%s%s%s%s%s", unusable ? "" : r->name, unusable ? "" : ": ",
		unreached ? "a preload does not reach it: " : "", r->why,
		unreached ? "; 'v6shim check' says what to do instead" : "");
	return unusable || unreached ? V6_EXIT_RUN : r->exit;
}

/* After execvp(3). */
static int failed(const char *command, int error)
{
	v6_complain("%s: %s", command, strerror(error));
	return error == ENOENT || error == ENOTDIR ? V6_EXIT_NOT_FOUND : V6_EXIT_NOT_EXECUTABLE;
}

static int say(const char *sentence)
{
	v6_complain("run: %s", sentence);
	return V6_EXIT_RUN;
}

/* Returns where nothing was started, or not by this process. */
static int supervise(
	struct v6_options *o, const struct v6_reach *r, const char *handed, char **command)
{
	struct v6_supervision s = {.config = &o->config,
		.program = v6_slice_base(v6_slice_of(command[0])),
		.handed = v6_slice_of(handed ? handed : ""),
		.say = say};
	int error;

	if (o->config.settings.knobs.order != V6_ORDER_APP)
		say("order: of supervised programs the order of binds alone; getaddrinfo is "
		    "theirs");
	if (r->loses)
		return say(V6_REACH_LOSES);
	if (export(o, NULL, NULL))
		return say(strerror(errno));
	error = v6_supervise(&s, command);
	return error < 0 ? V6_EXIT_RUN : failed(command[0], error);
}

static int run(struct v6_options *o)
{
	static struct v6_reach reach;
	const char *way = o->given[0] ? o->given[0] : "auto", *handed;
	bool automatic = !strcmp(way, "auto"), outside = !strcmp(way, "supervise");
	char **command = o->operands;

	if (!*command)
		return v6_command_usage(&v6_command_run, "no command given");
	if (v6_sys_bind(-1, NULL, V6_ASK_SUPERVISOR) == -V6_SUPERVISOR_ANSWERS)
		return say("supervised already, by the 'v6shim run' around this one, whose "
			   "settings hold");
	v6_reach(&reach, command, !outside);
	if (reach.at && !(outside ? reach.starts : automatic && reach.exit == V6_EXIT_UNREACHABLE))
		return refuse(&reach);
	unsetenv(V6_LOG_HANDED);
	handed = v6_options_log(&o->config.settings, true);
	if (outside || reach.at)
		return supervise(o, &reach, handed, command);
	if (automatic && reach.shell && !strcmp(reach.hop[reach.launches].what, "script"))
		say("static and Go programs that this script starts need --reach supervise");
	if (export(o, reach.hop[reach.hops].path, handed))
		return say(strerror(errno));
	execvp(command[0], command);
	return failed(command[0], errno);
}

static const struct v6_option options[] = {
	{"reach", "WAY",
		"preload; supervise, from outside, by which static and Go programs are governed "
		"too; or auto: a preload where that reaches COMMAND",
		.words = V6_REACH_WAYS},
	{.name = NULL},
};

const struct v6_command v6_command_run = {
	.name = "run",
	.usage = "[--reach WAY] [setting options] [--] COMMAND [ARGUMENT...]",
	.summary = "start COMMAND under the shim",
	.main = run,
	.about = "  v6shim run --policy ipv6-only -- nginx             IPv6 alone\n"
		 "  v6shim run --on-conflict resolve -- nginx          both families, one port\n"
		 "  v6shim run --mode log -p both -o x.jsonl -- nginx  what it would do\n"
		 "  v6shim run --reach supervise -p both -- ./server   from outside, no preload\n"
		 "\n"
		 "COMMAND replaces v6shim, keeping its process id, descriptors and exit status.\n",
	.end = "Exit status 125: bad usage or settings, or COMMAND is not to be reached, nothing\n"
	       "was started; 126: not executable; 127: not found; otherwise COMMAND's own.\n",
	.options = options,
	.operands = V6_OPERANDS_COMMAND,
	.settings = true,
};
