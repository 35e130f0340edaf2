/*
 * v6shim config: the settings in force, or what is wrong with them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../check/reach.h"
#include "../command.h"

/* `rule`: the number of the one that set it; 0: none did. */
static void print_setting(const struct v6_settings *s, enum v6_setting id, ptrdiff_t rule)
{
	V6_TEXT(t, V6_PATH_SIZE * 4);
	bool path = id == V6_SETTING_LOG && s->log == V6_LOG_PATH, none;
	const char *but = "";

	/* A path as it is, where a file can hold it so; otherwise in a comment, harmless. */
	if (path && v6_config_file_holds(s->log_path)) {
		v6_text_slice(&t, s->log_path);
	} else {
		v6_setting_value(&t, s, id);
		but = path ? "; no configuration file can hold this path" : "";
	}
	/* What must not be read back: no value, or the name of this very file. */
	none = !strcmp(t.buf, "none") || id == V6_SETTING_CONFIG || *but;
	printf("%s%-*s = %-20s # ", none ? "# " : "", none ? 11 : 13, v6_setting_name(id), t.buf);
	if (rule)
		printf("rule %td\n", rule);
	else
		printf("%s%s\n", v6_word(V6_LIST_ORIGIN, s->origin[id]), but);
}

/* A rule may be as long as what it came from: a file, or a string of the environment. */
static const char *rule_text(const struct v6_rule *rule)
{
	static char buf[V6_CONFIG_FILE_MAX + 4096];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_rule_text(&t, rule);
	return buf;
}

/* The places of the options below. */
enum { PROGRAM, PORT, PROTO, SYSTEMD, ENV };

/* Finds the rule that applies to the call that options say, and prints it; NULL: none does. 0, or -1: there is no such call. */
static int find_rule(const struct v6_options *o, const struct v6_rule **applies)
{
	const char *program = o->given[PROGRAM], *port = o->given[PORT], *proto = o->given[PROTO];
	int protocol = proto ? v6_proto_parse(v6_slice_of(proto)) : -1;
	const struct v6_rules *rules = &o->config.rules;
	uint64_t number = 0;

	if (port && !v6_slice_uint(v6_slice_of(port), UINT16_MAX, &number))
		return v6_complain(
			"--port: '%s' is no port; a number from 0 to 65535 is meant", port);
	if (proto && protocol < 0)
		return v6_complain("--proto: unknown protocol '%s'; a name as tcp or udp is meant, "
				   "or a number",
			proto);
	for (const struct v6_rule *r = rules->rule; !*applies && r < rules->rule + rules->count;
		r++)
		/* As the library has it: rules match the base name. */
		if (v6_rule_program(r, v6_slice_base(v6_slice_of(program ? program : ""))) &&
			(port ? v6_rule_port(r, (unsigned)number) : !r->ports) &&
			v6_rule_proto(r, protocol))
			*applies = r;
	if (*applies)
		printf("# rule %td: applies: %s\n", *applies - rules->rule + 1,
			rule_text(*applies));
	else
		puts(rules->count ? "# no rule applies" : "# there are no rules");
	return 0;
}

/* A string in double quotes, as systemd.syntax(7) has it for units, or as it and a shell have it for variables. */
static void print_quoted(const char *before, const char *text, const char *after, bool unit)
{
	printf("%s\"", before);
	for (; *text; text++) {
		if (unit && (unsigned char)*text < ' ') {
			printf("\\x%02x", (unsigned)*text);
			continue;
		}
		if (strchr(unit ? "\"\\" : "\"\\$`", *text))
			putchar('\\');
		if (unit && *text == '%')
			putchar('%');
		putchar(*text);
	}
	printf("\"%s\n", after);
}

static void print_variable(const char *name, const char *value, bool unit)
{
	name = v6_keep_joined(name, "=", unit ? value : NULL, NULL);
	print_quoted(unit ? "Environment=" : name, unit ? name : value, "", unit);
}

/* What a service must have for what options and the environment say here. */
static int print_service(const struct v6_options *o, bool unit)
{
	static char self[V6_PATH_SIZE];
	struct v6_hop library;

	if (!v6_library_find(&library)) {
		v6_complain("config: %s: %s", library.path, library.why);
		return V6_EXIT_USAGE;
	}
	if (unit)
		puts("# To be /etc/systemd/system/NAME.service.d/v6shim.conf; then 'systemctl\n"
		     "# daemon-reload' and 'systemctl restart NAME'. Without it all is as before.\n"
		     "[Service]");
	print_variable("LD_PRELOAD", library.path, unit);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		V6_TEXT(t, 32);
		const char *value = o->value[id];

		v6_setting_env_name(&t, id);
		value = value ? value : getenv(t.buf);
		if (value)
			print_variable(t.buf, value, unit);
	}
	if (unit && readlink("/proc/self/exe", self, sizeof(self) - 1) > 0)
		print_quoted("ExecStartPre=", self, " config", true);
	return V6_EXIT_OK;
}

static int run(struct v6_options *o)
{
	const char **given = o->given;
	bool asked = given[PROGRAM] || given[PORT] || given[PROTO];
	bool service = given[SYSTEMD] || given[ENV];
	struct v6_settings s = o->config.settings;
	const struct v6_rules *rules = &o->config.rules;
	const struct v6_rule *applies = NULL;

	if (o->count)
		return v6_command_usage(
			&v6_command_config, "unexpected argument '%s'", o->operands[0]);
	if (service && (asked || (given[SYSTEMD] && given[ENV])))
		return v6_command_usage(&v6_command_config, "'--%s': not with %s",
			given[SYSTEMD] ? "systemd" : "env",
			asked ? "--program, --port and --proto" : "--env");
	if (!asked)
		v6_options_log(&s, false);
	else if (find_rule(o, &applies))
		return V6_EXIT_USAGE;
	if (service)
		return print_service(o, given[SYSTEMD]);
	if (applies)
		s.knobs = v6_knobs_over(&s.knobs, &applies->knobs, applies->sets);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		if (id != V6_SETTING_RULES)
			print_setting(&s, id,
				applies && applies->sets >> id & 1 ? applies - rules->rule + 1 : 0);
	for (unsigned i = 0; i < rules->count && !asked; i++)
		printf("%s  # rule %u\n", rule_text(&rules->rule[i]), i + 1);
	return V6_EXIT_OK;
}

static const struct v6_option options[] = {
	{"program", "NAME", .help = "which rule applies: to this executable"},
	{"port", "N", .help = "at this port, 0 to 65535; without it, to a call that has no port"},
	{"proto", "P", .help = "of tcp, udp, ... or a number; without it no proto= applies"},
	{"systemd", .help = "a drop-in that gives these settings and the library to a service"},
	{"env", .help = "the same as variables, for EnvironmentFile=, env -S, a shell's set -a"},
	{.name = NULL},
};

const struct v6_command v6_command_config = {
	.name = "config",
	.usage = "[setting options] [--systemd | --env | call options]",
	.summary = "print the settings in force, or what is wrong with them",
	.main = run,
	.about = "  v6shim config --policy both --systemd >x.conf  a drop-in for a unit\n"
		 "  v6shim config --config x.conf --program java   which rule applies\n"
		 "\n"
		 "What is printed is in the syntax of a configuration file, with where\n"
		 "each setting came from.\n",
	.end = "Exit status 0; 2: bad usage or settings.\n",
	.options = options,
	.settings = true,
};
