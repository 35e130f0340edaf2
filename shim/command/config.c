/*
 * v6shim config: the settings in force, or what is wrong with them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/terms.h"
#include "command.h"
#include "options.h"

static void help(void)
{
	puts("\nWhat is printed is in the syntax of a configuration file, with where each setting\n"
	     "came from. With any of these it says which rule applies, and why those before it\n"
	     "did not:\n"
	     "\n"
	     "  --program NAME  base name of the executable\n"
	     "  --port N        0 to 65535; without it, a call that has no port: socket, "
	     "setsockopt\n"
	     "  --proto P       tcp, udp, ... or a number\n"
	     "\n"
	     "Exit status 0; 2: bad usage or settings.");
	v6_options_help();
}

/*
 * A path as it is, where a file can hold it so and a terminal show it; otherwise
 * in a comment, with what is no text in hexadecimal.
 */
static const char *path_value(struct v6_text *t, struct v6_slice path)
{
	if (v6_config_file_holds(path)) {
		v6_text_slice(t, path);
		return "";
	}
	v6_text_safe(t, path.ptr, path.len);
	return "; no configuration file can hold this path";
}

static void print_setting(const struct v6_settings *s, enum v6_setting id)
{
	char buf[V6_PATH_SIZE * 4];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	const char *but = "";
	bool none;

	if (id == V6_SETTING_LOG && s->log == V6_LOG_PATH)
		but = path_value(&t, s->log_path);
	else
		v6_setting_value(&t, s, id);
	/* What must not be read back: no value, or the name of this very file. */
	none = !strcmp(buf, "none") || id == V6_SETTING_CONFIG || *but;
	printf("%s%-*s = %-20s # %s%s\n", none ? "# " : "", none ? 11 : 13, v6_setting_name(id),
		buf, v6_origin_name(s->origin[id]), but);
}

static void print_settings(const struct v6_config *c)
{
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		if (id != V6_SETTING_RULES)
			print_setting(&c->settings, id);
}

/* A rule may be as long as what it came from: a file, or a string of the environment. */
static const char *rule_text(const struct v6_rule *rule)
{
	static char buf[V6_CONFIG_FILE_MAX + 4096];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_rule_text(&t, rule);
	return buf;
}

static void print_rules(const struct v6_rules *rules)
{
	for (unsigned i = 0; i < rules->count; i++)
		printf("%s  # rule %u\n", rule_text(&rules->rule[i]), i + 1);
}

/* A call that a rule may match. */
struct query {
	const char *program, *port, *proto;
	int port_number, proto_number; /* -1: not given */
};

static int parse_query(struct query *q)
{
	char *end;
	long port;

	q->port_number = q->proto_number = -1;
	/* As the library has it: rules match the base name. */
	if (q->program && strrchr(q->program, '/'))
		q->program = strrchr(q->program, '/') + 1;
	if (q->port) {
		port = strtol(q->port, &end, 10);
		if (!*q->port || *end || port < 0 || port > 65535 ||
			!strchr("0123456789", *q->port)) {
			v6_complain("--port: '%s' is no port; a number from 0 to 65535 is meant",
				q->port);
			return -1;
		}
		q->port_number = (int)port;
	}
	if (q->proto) {
		q->proto_number = v6_proto_parse(v6_slice_of(q->proto));
		if (q->proto_number < 0) {
			v6_complain(
				"--proto: unknown protocol '%s'; a name as tcp or udp is meant, or "
				"a number",
				q->proto);
			return -1;
		}
	}
	return 0;
}

/* Why a rule does not match, or NULL. */
static const char *mismatch(const struct v6_rule *r, const struct query *q)
{
	if (!v6_rule_program(r, v6_slice_of(q->program ? q->program : "")))
		return q->program ? "its program= does not match"
				  : "it has a program=, and no --program was given";
	if (r->ports && q->port_number < 0)
		return "it has a port=, and acts at bind and listen only";
	if (r->ports && !v6_rule_port(r, (unsigned)q->port_number))
		return "its port= does not match";
	if (!v6_rule_proto(r, q->proto_number))
		return q->proto ? "its proto= does not match"
				: "it has a proto=, and no --proto was given";
	return NULL;
}

/* The settings that a rule may set, each with where it came from. */
static void print_knobs(const struct v6_config *c, const struct v6_rule *rule)
{
	struct v6_knobs knobs = c->settings.knobs;

	if (rule)
		knobs = v6_rule_apply(rule, &knobs);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		char buf[64];
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		if (!v6_rule_may_set(id))
			continue;
		v6_knobs_value(&t, &knobs, id);
		printf("%-13s = %-20s # ", v6_setting_name(id), buf);
		if (rule && rule->sets & 1u << id)
			printf("rule %u\n", (unsigned)(rule - c->rules.rule) + 1);
		else
			puts(v6_origin_name(c->settings.origin[id]));
	}
}

static int explain(const struct v6_config *c, struct query *q)
{
	const struct v6_rule *applies = NULL;

	if (parse_query(q))
		return V6_EXIT_USAGE;
	for (unsigned i = 0; i < c->rules.count && !applies; i++) {
		const struct v6_rule *rule = &c->rules.rule[i];
		const char *why = mismatch(rule, q);

		printf("# rule %u: %s: %s\n", i + 1, why ? why : "applies", rule_text(rule));
		if (!why)
			applies = rule;
	}
	if (!applies)
		puts(c->rules.count ? "# no rule applies" : "# there are no rules");
	print_knobs(c, applies);
	return V6_EXIT_OK;
}

static int run(int argc, char **argv)
{
	static struct v6_options o;
	struct query q = {0};
	const struct v6_own_option own[] = {
		{"program", &q.program}, {"port", &q.port}, {"proto", &q.proto}, {NULL, NULL}};

	if (v6_options_read(&o, argc, argv, own))
		return V6_EXIT_USAGE;
	if (o.next < argc) {
		v6_complain("config: unexpected argument '%s'", argv[o.next]);
		return v6_command_usage(&v6_command_config);
	}
	if (q.program || q.port || q.proto)
		return explain(&o.config, &q);
	print_settings(&o.config);
	print_rules(&o.config.rules);
	return V6_EXIT_OK;
}

const struct v6_command v6_command_config = {
	.name = "config",
	.usage = "[setting options] [--program NAME] [--port N] [--proto P]",
	.summary = "print the settings in force, or what is wrong with them",
	.main = run,
	.help = help,
};
