/*
 * v6shim config: the settings in force, or what is wrong with them.
 */
#include <stdio.h>

#include "command.h"
#include "options.h"

static void help(void)
{
	puts("\nEach line is a setting in the syntax of a configuration file, and where it came "
	     "from.");
	v6_options_help();
}

static int run(int argc, char **argv)
{
	struct v6_options o;

	if (v6_options_read(&o, argc, argv))
		return V6_EXIT_USAGE;
	if (o.next < argc) {
		v6_complain("config: unexpected argument '%s'", argv[o.next]);
		return v6_command_usage(&v6_command_config);
	}
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		char buf[V6_PATH_SIZE * 4];
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		v6_setting_value(&t, &o.settings, id);
		printf("%-12s = %-18s # %s\n", v6_setting_name(id), buf,
			v6_origin_name(o.settings.origin[id]));
	}
	return V6_EXIT_OK;
}

const struct v6_command v6_command_config = {
	.name = "config",
	.usage = "[setting options]",
	.summary = "print the settings in force, or what is wrong with them",
	.main = run,
	.help = help,
};
