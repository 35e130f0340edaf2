/*
 * v6shim profiles: the systems whose rules a program can be put under, what each
 * profile sets, and how near to the system that comes.
 */
#include <stdio.h>
#include <string.h>

#include "../core/nearest.h"
#include "../core/profile.h"
#include "command.h"
#include "facets.h"

enum {
	WIDTH = 100,
	DOES_COLUMN = 26, /* of a facet: what the system does, how that is known, */
	KNOWN_COLUMN = 59,
	HERE_COLUMN = 84, /* and where it comes from here */
};

static void help(void)
{
	puts("\n"
	     "Without NAME, every profile with what it sets. With NAME, the settings in the\n"
	     "syntax of a configuration file, and beside each facet of that system how it is\n"
	     "known and what gives it here: a setting of the profile, or Linux itself. What\n"
	     "Linux cannot give is told with the reason. All but the settings is a comment, so\n"
	     "that the output can be kept as a file for --config, and changed.\n"
	     "\n"
	     "Of the facets: 'IPv4 before dual-stack' is a bind of 0.0.0.0 and then one of ::\n"
	     "with V6ONLY 0, on one port; 'mapped' is ::ffff:127.0.0.1, on a socket with V6ONLY\n"
	     "1. 'approximate' is what is inferred or not known. Nothing but Linux was run.\n"
	     "\n"
	     "  v6shim run --profile NAME -- COMMAND   a setting given beside it wins\n"
	     "\n"
	     "Exit status 0; 2: bad usage, or no such profile.");
}

/* Lines of the text's words, behind `first` and then behind `rest`. */
static void put_words(const char *text, const char *first, const char *rest)
{
	char words[512], buf[WIDTH + sizeof(words)], *word, *state;
	struct v6_text line = v6_text_in(buf, sizeof(buf));
	size_t begin = strlen(first);

	snprintf(words, sizeof(words), "%s", text);
	v6_text_str(&line, first);
	for (word = strtok_r(words, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
		if (line.len > begin && line.len + 1 + strlen(word) > WIDTH) {
			puts(buf);
			line = v6_text_in(buf, sizeof(buf));
			v6_text_str(&line, rest);
			begin = line.len;
		}
		if (line.len > begin)
			v6_text_char(&line, ' ');
		v6_text_str(&line, word);
	}
	puts(buf);
}

static bool is_approximate(enum v6_profile profile)
{
	return strstr(v6_profile_title(profile), "(approximate)");
}

/* The title, and where not the whole is approximate the facets that are. */
static void add_title(struct v6_text *text, enum v6_profile profile)
{
	const char *before = "; approximate: ";

	v6_text_str(text, v6_profile_title(profile));
	for (unsigned id = 0; id < V6_FACET_COUNT && !is_approximate(profile); id++) {
		if (!v6_facet_approximate(v6_facet(profile, id)))
			continue;
		v6_text_str(text, before);
		v6_text_str(text, v6_facet_title(id));
		before = ", ";
	}
}

static void list_one(enum v6_profile profile)
{
	static const char indent[] = "              ";
	char title[512], name[sizeof(indent)];
	struct v6_text text = v6_text_in(title, sizeof(title));

	snprintf(name, sizeof(name), "%-*s", (int)sizeof(name) - 1, v6_profile_name(profile));
	add_title(&text, profile);
	put_words(title, name, indent);
	put_words(v6_profile_settings(profile), indent, indent);
}

static void list(void)
{
	enum v6_profile profile;
	const char *name;

	for (unsigned i = V6_PROFILE_NONE + 1; i < V6_PROFILE_COUNT; i++)
		list_one(i);
	for (unsigned i = 0; (name = v6_profile_alias(i, &profile)); i++)
		printf("%-13s another name of %s\n", name, v6_profile_name(profile));
}

static void show_title(enum v6_profile profile)
{
	const char *name, *before = ", also named ";
	char title[512];
	struct v6_text text = v6_text_in(title, sizeof(title));
	enum v6_profile other;

	printf("# profile %s", v6_profile_name(profile));
	for (unsigned i = 0; (name = v6_profile_alias(i, &other)); i++) {
		if (other != profile)
			continue;
		printf("%s%s", before, name);
		before = ", ";
	}
	add_title(&text, profile);
	putchar('\n');
	put_words(title, "# ", "#   ");
	putchar('\n');
}

static void show_settings(enum v6_profile profile)
{
	char settings[160], *word, *state;

	snprintf(settings, sizeof(settings), "%s", v6_profile_settings(profile));
	for (word = strtok_r(settings, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
		int name = (int)strcspn(word, "=");

		printf("%-13.*s = %s\n", name, word, word + name + 1);
	}
}

/* The reasons of a profile, each once, in the order of the facets. */
struct reasons {
	const char *why[V6_FACET_COUNT];
	unsigned count;
};

/* Its number from 1. */
static unsigned reason_number(struct reasons *r, const char *why)
{
	unsigned i = 0;

	while (i < r->count && strcmp(r->why[i], why))
		i++;
	if (i == r->count)
		r->why[r->count++] = why;
	return i + 1;
}

static void add_here(struct v6_text *line, const struct v6_facet *f, struct reasons *reasons)
{
	switch (f->given) {
	case V6_GIVEN_KERNEL:
	case V6_GIVEN_OPEN:
		v6_text_str(line, "Linux");
		return;
	case V6_GIVEN_NOT:
		v6_text_str(line, "not given");
		break;
	default:
		v6_text_str(line, v6_setting_name(f->by));
	}
	if (!f->why)
		return;
	v6_text_str(line, " (");
	v6_text_uint(line, reason_number(reasons, f->why));
	v6_text_char(line, ')');
}

static void show_facet(enum v6_facet_id id, const struct v6_facet *f, struct reasons *reasons)
{
	char buf[256];
	struct v6_text line = v6_text_in(buf, sizeof(buf));

	v6_text_str(&line, "# ");
	v6_text_str(&line, v6_facet_title(id));
	v6_text_pad(&line, DOES_COLUMN);
	v6_text_str(&line, f->does);
	v6_text_pad(&line, KNOWN_COLUMN);
	v6_text_str(&line, v6_known_words(f->known));
	v6_text_pad(&line, HERE_COLUMN);
	add_here(&line, f, reasons);
	puts(buf);
}

static void show_facets(enum v6_profile profile)
{
	struct reasons reasons = {.count = 0};
	unsigned shown = 0;

	printf("\n#%-*s%-*s%-*s%s\n", DOES_COLUMN - 1, "", KNOWN_COLUMN - DOES_COLUMN, "there",
		HERE_COLUMN - KNOWN_COLUMN, "known from", "here by");
	for (unsigned id = 0; id < V6_FACET_COUNT; id++) {
		const struct v6_facet *f = v6_facet(profile, id);

		if (!f->does)
			continue;
		show_facet(id, f, &reasons);
		shown++;
	}
	if (shown == 1)
		puts("# All else is as the kernel has it.");
	if (reasons.count)
		puts("#\n# What cannot be given, and what is met on Linux instead:");
	for (unsigned i = 0; i < reasons.count; i++)
		printf("# (%u) %s\n", i + 1, reasons.why[i]);
}

static int unknown(const char *word)
{
	struct v6_nearest near = v6_nearest_to(v6_slice_of(word));
	enum v6_profile profile;
	char buf[256];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	const char *name;

	for (unsigned i = V6_PROFILE_NONE + 1; i < V6_PROFILE_COUNT; i++)
		v6_nearest_offer(&near, v6_profile_name(i));
	for (unsigned i = 0; (name = v6_profile_alias(i, &profile)); i++)
		v6_nearest_offer(&near, name);
	v6_text_safe(&t, word, strlen(word));
	if (near.word)
		v6_complain("profiles: unknown profile '%s'; did you mean '%s'", buf, near.word);
	else
		v6_complain("profiles: unknown profile '%s'; 'v6shim profiles' lists them", buf);
	return V6_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	enum v6_profile profile;

	if (argc > 2 || (argc > 1 && argv[1][0] == '-')) {
		v6_complain("profiles: unexpected argument '%s'", argv[argc > 2 ? 2 : 1]);
		return v6_command_usage(&v6_command_profiles);
	}
	if (argc < 2) {
		list();
		return V6_EXIT_OK;
	}
	profile = v6_profile_by_name(v6_slice_of(argv[1]));
	if (profile == V6_PROFILE_COUNT)
		return unknown(argv[1]);
	show_title(profile);
	show_settings(profile);
	show_facets(profile);
	return V6_EXIT_OK;
}

const struct v6_command v6_command_profiles = {
	.name = "profiles",
	.usage = "[NAME]",
	.summary = "the profiles of other systems, and what each sets",
	.main = run,
	.help = help,
};
