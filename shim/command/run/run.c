/*
 * v6shim run: starts a program under the library, and becomes it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../check/reach.h"
#include "../command.h"
#include "../memory.h"
#include "../options.h"
#include "../target.h"

static void help(void)
{
	puts("\nCOMMAND replaces v6shim, keeping its process id, descriptors and exit status.\n"
	     "Exit status 125: bad usage or settings, or COMMAND cannot be preloaded, nothing was\n"
	     "started; 126: not executable; 127: not found; otherwise COMMAND's own.");
	v6_options_help();
}

/* What options set, and the library: ours first, so that what else is preloaded is called on to. */
static int export(const struct v6_options *o, const char *library)
{
	const char *others = getenv("LD_PRELOAD");

	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		char name[32];
		struct v6_text t = v6_text_in(name, sizeof(name));

		v6_setting_env_name(&t, id);
		if (o->value[id] && setenv(name, o->value[id], 1))
			return -1;
	}
	if (others && *others)
		library = v6_keep_joined(library, ":", others, NULL);
	return setenv("LD_PRELOAD", library, 1);
}

static int refuse(const struct v6_reach *r)
{
	static char buf[2 * V6_REACH_WHY];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	if (r->exit != V6_EXIT_USAGE) {
		v6_text_safe(&t, r->name, strlen(r->name));
		v6_text_str(&t, ": ");
	}
	if (r->exit == V6_EXIT_UNREACHABLE)
		v6_text_str(&t, "a preload does not reach it: ");
	v6_reach_why(&t, r);
	if (r->exit == V6_EXIT_UNREACHABLE)
		v6_text_str(&t, "; 'v6shim check' says what to do instead");
	v6_complain("%s", buf);
	return r->exit;
}

static int start(int argc, char **argv)
{
	static struct v6_reach reach;
	static struct v6_options o;
	char **command;
	int error;

	if (v6_options_read(&o, argc, argv, NULL))
		return V6_EXIT_USAGE;
	if (o.next >= argc) {
		v6_complain("run: no command given");
		return v6_command_usage(&v6_command_run);
	}
	command = argv + o.next;
	v6_reach(&reach, command);
	if (reach.at)
		return refuse(&reach);
	unsetenv(V6_LOG_HANDED);
	if (v6_target_check(&o.config.settings))
		v6_target_open(&o.config.settings);
	if (export(&o, reach.library.path)) {
		v6_complain("run: %s", strerror(errno));
		return V6_EXIT_USAGE;
	}
	execvp(command[0], command);
	error = errno;
	v6_complain("%s: %s", command[0], strerror(error));
	return error == ENOENT || error == ENOTDIR ? V6_EXIT_NOT_FOUND : V6_EXIT_NOT_EXECUTABLE;
}

/* Apart from what COMMAND itself may exit with. */
static int run(int argc, char **argv)
{
	int status = start(argc, argv);

	return status == V6_EXIT_USAGE || status == V6_EXIT_UNREACHABLE ? V6_EXIT_RUN : status;
}

const struct v6_command v6_command_run = {
	.name = "run",
	.usage = "[setting options] [--] COMMAND [ARGUMENT...]",
	.summary = "start COMMAND under the shim",
	.main = run,
	.help = help,
};
