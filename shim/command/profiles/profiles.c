/*
 * v6shim profiles: the systems whose rules a program can be put under, what each
 * profile sets, and how near to the system that comes: FACTS.md, section 2, where it also
 * stands how each is known.
 */
#include <stdio.h>

#include "../../core/problem.h"
#include "../../core/settings.h"
#include "../command.h"
#include "../print.h"

enum { INDENT = 14, WIDTH = 100 };

/* Behind its meaning; beside what is so of the whole of a profile: what is inferred or not known. */
static const char *const approximate[V6_PROFILE_COUNT] = {
	[V6_PROFILE_FREEBSD] = "; approximate: mapped bind",
	[V6_PROFILE_NETBSD] = "; approximate: dual-stack before IPv4",
	[V6_PROFILE_OPENBSD] = "; approximate: passive getaddrinfo",
	[V6_PROFILE_DRAGONFLY] = "; approximate: passive getaddrinfo",
	[V6_PROFILE_MACOS] = "; approximate: mapped bind",
	[V6_PROFILE_WINDOWS] = "; approximate: mapped bind, mapped connect, passive getaddrinfo",
};

static void list(void)
{
	for (const struct v6_word *w = v6_words(V6_LIST_PROFILE) + 1; w->list == V6_LIST_PROFILE;
		w++) {
		const char *name = v6_word(V6_LIST_PROFILE, w->value);
		const char *title = v6_keep_joined(v6_word_meaning(w), approximate[w->value], NULL);
		V6_TEXT(settings, 512);

		printf("%-*s", INDENT, w->word);
		if (name != w->word) {
			printf("another name of %s\n", name);
			continue;
		}
		v6_print_wrapped(title, INDENT, INDENT, WIDTH);
		v6_profile_text(&settings, w->value);
		printf("%*s", INDENT, "");
		v6_print_wrapped(settings.buf, INDENT, INDENT, WIDTH);
	}
}

static int run(struct v6_options *o)
{
	const struct v6_word *w = v6_words(V6_LIST_PROFILE);
	const char *near, *name = o->operands[0];
	struct v6_slice rest, value;
	V6_TEXT(settings, 512);
	int profile;

	if (o->count > 1)
		return v6_command_usage(
			&v6_command_profiles, "unexpected argument '%s'", o->operands[1]);
	if (!name) {
		list();
		return V6_EXIT_OK;
	}
	profile = v6_word_value(V6_LIST_PROFILE, v6_slice_of(name));
	if (profile <= V6_PROFILE_NONE) {
		near = profile < 0 ? v6_nearest_of(V6_LIST_PROFILE, v6_slice_of(name)) : NULL;
		v6_complain("profiles: unknown profile '%s'; %s'%s'%s", v6_shown(name),
			near ? "did you mean " : "", near ? near : "v6shim profiles",
			near ? "" : " lists them");
		return V6_EXIT_USAGE;
	}
	while (w->value != profile)
		w++;
	printf("# profile %s\n# %s\n\n", w->word,
		v6_keep_joined(v6_word_meaning(w), approximate[profile], NULL));
	v6_profile_text(&settings, w->value);
	rest = v6_slice_of(settings.buf);
	while ((value = v6_slice_word(&rest)).len) {
		struct v6_slice knob = v6_slice_cut(&value, '=');

		printf("%-13.*s = %.*s\n", (int)knob.len, knob.ptr, V6_SLICE(value));
	}
	return V6_EXIT_OK;
}

const struct v6_command v6_command_profiles = {
	.name = "profiles",
	.usage = "[NAME]",
	.summary = "the profiles of other systems, and what each sets",
	.main = run,
	.about = "  v6shim run --profile openbsd -- SERVER  a setting beside it wins\n"
		 "  v6shim profiles openbsd >x.conf         the same, to be changed\n"
		 "\n"
		 "Without NAME, every profile with what it sets. With NAME, the settings in the\n"
		 "syntax of a configuration file, so that the output can be kept as a file for\n"
		 "--config, and changed. What of a system Linux cannot give is in v6shim.conf(5).\n"
		 "\n"
		 "'mapped' is ::ffff:127.0.0.1, on a socket with V6ONLY 1; 'dual-stack before\n"
		 "IPv4' a bind of :: with V6ONLY 0 and then one of 0.0.0.0, on one port.\n"
		 "'approximate' is what is inferred or not known. Only Linux was run.\n",
	.end = "Exit status 0; 2: bad usage, or no such profile.\n",
	.operands = V6_OPERANDS_PROFILE,
};
