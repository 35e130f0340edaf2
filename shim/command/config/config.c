/*
 * v6shim config: the settings in force, or what is wrong with them.
 */
#include <stdio.h>

#include "../command.h"
#include "../options.h"
#include "../logtarget.h"

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

static void print_setting(const struct v6_settings *s, enum v6_setting id)
{
	char buf[V6_PATH_SIZE * 4];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
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
	none = !strcmp(buf, "none") || id == V6_SETTING_CONFIG || *but;
	printf("%s%-*s = %-20s # %s%s\n", none ? "# " : "", none ? 11 : 13, v6_setting_name(id),
		buf, v6_word(V6_LIST_ORIGIN, s->origin[id]), but);
}

/* A rule may be as long as what it came from: a file, or a string of the environment. */
static const char *rule_text(const struct v6_rule *rule)
{
	static char buf[V6_CONFIG_FILE_MAX + 4096];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_rule_text(&t, rule);
	return buf;
}

/* A call that a rule may match. */
struct query {
	const char *program, *port, *proto; /* as given; NULL: not */
	uint64_t port_number;
	int proto_number; /* -1: not given */
};

static bool parse_query(struct query *q)
{
	const char *slash = q->program ? strrchr(q->program, '/') : NULL;

	/* As the library has it: rules match the base name. */
	if (slash)
		q->program = slash + 1;
	if (q->port && !v6_slice_uint(v6_slice_of(q->port), UINT16_MAX, &q->port_number)) {
		v6_complain("--port: '%s' is no port; a number from 0 to 65535 is meant", q->port);
		return false;
	}
	q->proto_number = q->proto ? v6_proto_parse(v6_slice_of(q->proto)) : -1;
	if (q->proto && q->proto_number < 0) {
		v6_complain("--proto: unknown protocol '%s'; a name as tcp or udp is meant, or a "
			    "number",
			q->proto);
		return false;
	}
	return true;
}

/* Why a rule does not match, or NULL. */
static const char *mismatch(const struct v6_rule *r, const struct query *q)
{
	if (!v6_rule_program(r, v6_slice_of(q->program ? q->program : "")))
		return q->program ? "its program= does not match"
				  : "it has a program=, and no --program was given";
	if (r->ports && !q->port)
		return "it has a port=, and acts at bind and listen only";
	if (r->ports && !v6_rule_port(r, (unsigned)q->port_number))
		return "its port= does not match";
	if (!v6_rule_proto(r, q->proto_number))
		return q->proto ? "its proto= does not match"
				: "it has a proto=, and no --proto was given";
	return NULL;
}

/* Which rule applies, and the settings that a rule may set, each with where it came from. */
static void explain(const struct v6_config *c, const struct query *q)
{
	struct v6_knobs knobs = c->settings.knobs;
	const char *why = "";
	unsigned applies = 0;

	for (unsigned i = 0; i < c->rules.count && why; i++) {
		why = mismatch(&c->rules.rule[i], q);
		printf("# rule %u: %s: %s\n", i + 1, why ? why : "applies",
			rule_text(&c->rules.rule[i]));
		if (!why)
			applies = i + 1;
	}
	if (!applies)
		puts(c->rules.count ? "# no rule applies" : "# there are no rules");
	else
		knobs = v6_rule_apply(&c->rules.rule[applies - 1], &knobs);
	for (unsigned id = 0; id < V6_KNOBS; id++) {
		char buf[64];
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		v6_knobs_value(&t, &knobs, id);
		printf("%-13s = %-20s # ", v6_setting_name(id), buf);
		if (applies && c->rules.rule[applies - 1].sets & 1u << id)
			printf("rule %u\n", applies);
		else
			puts(v6_word(V6_LIST_ORIGIN, c->settings.origin[id]));
	}
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
	if (q.program || q.port || q.proto) {
		if (!parse_query(&q))
			return V6_EXIT_USAGE;
		explain(&o.config, &q);
		return V6_EXIT_OK;
	}
	v6_logtarget_check(&o.config.settings);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++)
		if (id != V6_SETTING_RULES)
			print_setting(&o.config.settings, id);
	for (unsigned i = 0; i < o.config.rules.count; i++)
		printf("%s  # rule %u\n", rule_text(&o.config.rules.rule[i]), i + 1);
	return V6_EXIT_OK;
}

const struct v6_command v6_command_config = {
	.name = "config",
	.usage = "[setting options] [--program NAME] [--port N] [--proto P]",
	.summary = "print the settings in force, or what is wrong with them",
	.main = run,
	.help = help,
};
