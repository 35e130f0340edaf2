/*
 * v6shim profiles: the systems whose rules a program can be put under, what each
 * profile sets, and how near to the system that comes.
 *
 * What each system does, how that is known, and what of it a program meets on Linux under the
 * shim is from FACTS.md, section 2 and, for Linux, section 1.
 */
#include <stdio.h>

#include "../../core/nearest.h"
#include "../../core/settings.h"
#include "../options.h"
#include "../table.h"

/*
 * "mapped" is ::ffff:127.0.0.1 on a socket whose V6ONLY is 1; "IPv4 before dual-stack"
 * is 0.0.0.0 and then `::` with V6ONLY 0 on one port.
 */
#define FACET_LIST(X)                                                                              \
	X(INITIAL, "a new socket's V6ONLY")                                                        \
	X(KNOB, "what changes that")                                                               \
	X(NAME, "name of the option")                                                              \
	X(SCOPE, "what it acts on")                                                                \
	X(SET_0, "set to 0")                                                                       \
	X(SET_1, "set to 1")                                                                       \
	X(SET_2, "set to 2")                                                                       \
	X(AFTER_BIND, "set after bind")                                                            \
	X(IPV4_FIRST, "IPv4 before dual-stack")                                                    \
	X(IPV6_FIRST, "dual-stack before IPv4")                                                    \
	X(MAPPED_BIND, "mapped bind")                                                              \
	X(MAPPED_TCP, "mapped TCP connect")                                                        \
	X(MAPPED_UDP, "mapped UDP connect")                                                        \
	X(PASSIVE, "passive getaddrinfo")

#define ID(id, title)    id,
#define TITLE(id, title) title,
enum facet_id { FACET_LIST(ID) FACETS };
static const char *const titles[FACETS] = {FACET_LIST(TITLE)};

/* How it is known; the last two make a facet approximate. */
enum known { MEASURED, SOURCE, DOCUMENTED, DISPUTED, REPORT, INFERRED, UNCONFIRMED };

static const char *const known_words[] = {"measured", "source", "documented",
	"source; reports differ", "user's report", "approximate: inferred",
	"approximate: not known"};

/* What is met on Linux instead, and why. */
static const char after_bind[] = "EINVAL: Linux takes the option before bind alone";
static const char no_connect[] = "ENETUNREACH: connect is not interposed";
static const char one_process[] =
	"EADDRINUSE where the two sockets are of two processes: only one's own can be shared";
static const char option_name[] =
	"IPV6_V6ONLY: a program that is compiled on Linux calls it by that name";
static const char every_socket[] = "every IPv6 socket has it, single addresses too";

/* What gives it here, beside a setting: Linux does the same of itself; nothing. */
enum { OF_ITSELF = V6_SETTING_COUNT, NOT };

#define S(profile) (1U << V6_PROFILE_##profile)
enum {
	LINUX = S(LINUX),
	FREE = S(FREEBSD),
	NET = S(NETBSD),
	OPEN = S(OPENBSD),
	DFLY = S(DRAGONFLY),
	MAC = S(MACOS),
	ILL = S(ILLUMOS),
	WIN = S(WINDOWS),
	QNX = S(QNX),
	IBMI = S(IBMI),
	KNOBS = S(BINDV6ONLY_0) | S(BINDV6ONLY_1),
};

static const struct facet {
	enum facet_id id;
	unsigned systems;
	const char *does; /* NULL: nothing is said of it */
	enum known known;
	unsigned by;     /* enum v6_setting, OF_ITSELF, NOT */
	const char *why; /* of what is NOT given, or not all of it: what is met instead */
} facets[] = {
	{INITIAL, LINUX | S(BINDV6ONLY_0), "0", MEASURED, V6_SETTING_POLICY, NULL},
	{INITIAL, S(BINDV6ONLY_1), "1", MEASURED, V6_SETTING_POLICY, NULL},
	{INITIAL, FREE | NET | OPEN | DFLY, "1", SOURCE, V6_SETTING_POLICY, NULL},
	{INITIAL, MAC | ILL, "0", SOURCE, V6_SETTING_POLICY, NULL},
	{INITIAL, WIN, "1", DOCUMENTED, V6_SETTING_POLICY, NULL},
	{INITIAL, QNX, "1, by its NetBSD lineage", UNCONFIRMED, V6_SETTING_POLICY, NULL},
	{INITIAL, IBMI, "0: :: takes both families", DOCUMENTED, V6_SETTING_POLICY, NULL},
	{INITIAL, S(AIX), "0", INFERRED, V6_SETTING_POLICY, NULL},
	{KNOB, LINUX, "sysctl net.ipv6.bindv6only", MEASURED, V6_SETTING_POLICY, NULL},
	{KNOB, FREE | NET | MAC, "sysctl net.inet6.ip6.v6only", SOURCE, V6_SETTING_POLICY, NULL},
	{KNOB, OPEN | DFLY | ILL, "nothing", SOURCE, V6_SETTING_POLICY, NULL},
	{KNOB, WIN, "nothing", DOCUMENTED, V6_SETTING_POLICY, NULL},
	{KNOB, QNX, "sysctl net.inet6.ip6.bindv6only", DOCUMENTED, V6_SETTING_POLICY, NULL},
	{NAME, QNX, "IPV6_BINDV6ONLY", DOCUMENTED, NOT, option_name},
	{SCOPE, QNX, "wildcard TCP and UDP", DOCUMENTED, NOT, every_socket},
	{SET_0, LINUX, "ok", MEASURED, OF_ITSELF, NULL},
	{SET_0, FREE | NET | MAC | ILL, "ok", SOURCE, OF_ITSELF, NULL},
	{SET_0, OPEN, "EINVAL", SOURCE, V6_SETTING_ON_CONTRARY, NULL},
	{SET_0, DFLY, "EOPNOTSUPP", SOURCE, V6_SETTING_ON_CONTRARY, NULL},
	{SET_0, WIN, "ok", DOCUMENTED, OF_ITSELF, NULL},
	{SET_1, LINUX, "ok", MEASURED, OF_ITSELF, NULL},
	{SET_1, FREE | NET | OPEN | DFLY | MAC | ILL, "ok", SOURCE, OF_ITSELF, NULL},
	{SET_1, WIN | IBMI, "ok", DOCUMENTED, OF_ITSELF, NULL},
	{SET_2, LINUX, "ok, reads 1", MEASURED, OF_ITSELF, NULL},
	{SET_2, ILL, "EINVAL", SOURCE, V6_SETTING_ON_NONBOOLEAN, NULL},
	{AFTER_BIND, LINUX, "EINVAL", MEASURED, OF_ITSELF, NULL},
	{AFTER_BIND, FREE | NET | OPEN | MAC, "EINVAL", SOURCE, OF_ITSELF, NULL},
	{AFTER_BIND, DFLY, "EINVAL, which comes first", SOURCE, OF_ITSELF, NULL},
	{AFTER_BIND, ILL, "ok, and it takes effect", SOURCE, NOT, after_bind},
	{AFTER_BIND, WIN, "success", REPORT, NOT, after_bind},
	{IPV4_FIRST, LINUX, "EADDRINUSE", MEASURED, OF_ITSELF, NULL},
	{IPV4_FIRST, FREE, "ok, of the same user", SOURCE, V6_SETTING_ON_CONFLICT, one_process},
	{IPV4_FIRST, NET | ILL, "ok", SOURCE, V6_SETTING_ON_CONFLICT, one_process},
	{IPV4_FIRST, OPEN | DFLY, "ok: it is never dual-stack", SOURCE, V6_SETTING_POLICY, NULL},
	{IPV4_FIRST, MAC, "ok: tcp46 beside tcp4", SOURCE, V6_SETTING_ON_CONFLICT, one_process},
	{IPV4_FIRST, WIN, "it fails", DOCUMENTED, OF_ITSELF, NULL},
	{IPV4_FIRST, QNX, "ok, as on NetBSD", INFERRED, V6_SETTING_ON_CONFLICT, one_process},
	{IPV6_FIRST, LINUX, "EADDRINUSE", MEASURED, OF_ITSELF, NULL},
	{IPV6_FIRST, FREE, "EADDRINUSE", SOURCE, OF_ITSELF, NULL},
	{IPV6_FIRST, NET, "ok", INFERRED, V6_SETTING_ON_CONFLICT, one_process},
	{IPV6_FIRST, OPEN | DFLY, "ok: it is never dual-stack", SOURCE, V6_SETTING_POLICY, NULL},
	{IPV6_FIRST, MAC, "EADDRINUSE, since 10.9", DISPUTED, OF_ITSELF, NULL},
	{IPV6_FIRST, ILL, "ok", SOURCE, V6_SETTING_ON_CONFLICT, one_process},
	{IPV6_FIRST, WIN, "it fails", DOCUMENTED, OF_ITSELF, NULL},
	{IPV6_FIRST, QNX, "ok, as on NetBSD", INFERRED, V6_SETTING_ON_CONFLICT, one_process},
	{MAPPED_BIND, LINUX, "EINVAL", MEASURED, OF_ITSELF, NULL},
	{MAPPED_BIND, FREE | MAC, "EADDRNOTAVAIL", INFERRED, V6_SETTING_ON_MAPPED, NULL},
	{MAPPED_BIND, NET, "EINVAL", SOURCE, OF_ITSELF, NULL},
	{MAPPED_BIND, OPEN | DFLY | ILL, "EADDRNOTAVAIL", SOURCE, V6_SETTING_ON_MAPPED, NULL},
	{MAPPED_TCP, LINUX, "ENETUNREACH", MEASURED, OF_ITSELF, NULL},
	{MAPPED_TCP, FREE | NET, "EINVAL", SOURCE, NOT, no_connect},
	{MAPPED_TCP, OPEN | DFLY | ILL, "EADDRNOTAVAIL", SOURCE, NOT, no_connect},
	{MAPPED_TCP, MAC, "EAFNOSUPPORT", SOURCE, NOT, no_connect},
	{MAPPED_UDP, LINUX, "ENETUNREACH", MEASURED, OF_ITSELF, NULL},
	{MAPPED_UDP, FREE | NET | MAC, "EINVAL", SOURCE, NOT, no_connect},
	{MAPPED_UDP, OPEN | DFLY | ILL, "EADDRNOTAVAIL", SOURCE, NOT, no_connect},
	{PASSIVE, LINUX, "IPv4, IPv6", MEASURED, V6_SETTING_ORDER, NULL},
	{PASSIVE, FREE | NET | ILL, "IPv6, IPv4", SOURCE, V6_SETTING_ORDER, NULL},
	{PASSIVE, OPEN, "IPv4, IPv6", INFERRED, V6_SETTING_ORDER, NULL},
	{PASSIVE, DFLY, "IPv6, IPv4", INFERRED, V6_SETTING_ORDER, NULL},
	{PASSIVE, MAC, "IPv4, IPv6", SOURCE, V6_SETTING_ORDER, NULL},
};

/*
 * What is not known is left to Linux. Of what few systems have, and of the sysctl of Linux, nothing
 * more is said than what is known.
 */
static struct facet facet_of(enum v6_profile profile, enum facet_id id)
{
	bool open = id != NAME && id != SCOPE && id != SET_2 && !(KNOBS >> profile & 1);

	for (unsigned i = 0; i < sizeof(facets) / sizeof(*facets); i++)
		if (facets[i].id == id && facets[i].systems >> profile & 1)
			return facets[i];
	return (struct facet){id, 0, open ? "?" : NULL, UNCONFIRMED, OF_ITSELF, NULL};
}

/* The facets that are approximate, where the title does not say that all of it is. */
static void add_approximate(struct v6_text *t, const struct v6_word *w, const char *before)
{
	for (unsigned id = 0; id < FACETS && !strstr(v6_word_meaning(w), "(approximate)"); id++) {
		struct facet facet = facet_of(w->value, id);

		if (!facet.does || facet.known < INFERRED)
			continue;
		v6_text_str(t, before);
		v6_text_str(t, titles[id]);
		before = ", ";
	}
}

enum { INDENT = 14, WIDTH = 100 };

static void list(void)
{
	for (const struct v6_word *w = v6_words(V6_LIST_PROFILE) + 1; w->list == V6_LIST_PROFILE;
		w++) {
		const char *name = v6_word(V6_LIST_PROFILE, w->value);
		char buf[512];
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		if (name != w->word) {
			printf("%-*sanother name of %s\n", INDENT, w->word, name);
			continue;
		}
		v6_text_str(&t, v6_word_meaning(w));
		add_approximate(&t, w, "; approximate: ");
		printf("%-*s", INDENT, name);
		v6_print_wrapped(buf, INDENT, INDENT, WIDTH);
		t = v6_text_in(buf, sizeof(buf));
		v6_profile_text(&t, w->value);
		printf("%*s", INDENT, "");
		v6_print_wrapped(buf, INDENT, INDENT, WIDTH);
	}
}

static void show_settings(const struct v6_word *profile)
{
	const char *before = ", also named ";
	char buf[512];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	struct v6_slice rest, name, value;

	printf("# profile %s", profile->word);
	for (const struct v6_word *w = profile + 1; w->list == V6_LIST_PROFILE; w++) {
		if (w->value != profile->value)
			continue;
		printf("%s%s", before, w->word);
		before = ", ";
	}
	add_approximate(&t, profile, "; approximate: ");
	if (t.len + strlen(v6_word_meaning(profile)) + 2 > WIDTH) {
		t = v6_text_in(buf, sizeof(buf));
		add_approximate(&t, profile, "\n# approximate: ");
	}
	printf("\n# %s%s\n\n", v6_word_meaning(profile), buf);
	t = v6_text_in(buf, sizeof(buf));
	v6_profile_text(&t, profile->value);
	rest = (struct v6_slice){buf, t.len};
	while ((value = v6_slice_word(&rest)).len) {
		name = v6_slice_cut(&value, '=');
		printf("%-13.*s = %.*s\n", (int)name.len, name.ptr, (int)value.len, value.ptr);
	}
}

static void show_facets(enum v6_profile profile)
{
	const char *reasons[FACETS] = {0};
	unsigned count = 0, shown = 0;

	printf("\n#%-25s%-33s%-25s%s\n", "", "there", "known from", "here by");
	for (unsigned id = 0; id < FACETS; id++) {
		struct facet f = facet_of(profile, id);
		char number[16] = "";
		unsigned i = 0;

		if (!f.does)
			continue;
		shown++;
		/* Each reason once, by its number. */
		while (f.why && i < count && reasons[i] != f.why)
			i++;
		if (f.why && i == count)
			reasons[count++] = f.why;
		if (f.why)
			snprintf(number, sizeof(number), " (%u)", i + 1);
		printf("# %-24s%-33s%-25s%s%s\n", titles[id], f.does, known_words[f.known],
			f.by == OF_ITSELF ? "Linux"
			: f.by == NOT     ? "not given"
					  : v6_setting_name(f.by),
			number);
	}
	if (shown == 1)
		puts("# All else is as the kernel has it.");
	if (count)
		puts("#\n# What cannot be given, and what is met on Linux instead:");
	for (unsigned i = 0; i < count; i++)
		printf("# (%u) %s\n", i + 1, reasons[i]);
}

static int run(struct v6_options *o)
{
	const struct v6_word *w = v6_words(V6_LIST_PROFILE);
	const char *near, *name = o->operands[0];
	char buf[256];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	int profile;

	if (o->count > 1) {
		v6_complain("profiles: unexpected argument '%s'", o->operands[1]);
		return v6_command_usage(&v6_command_profiles);
	}
	if (!name) {
		list();
		return V6_EXIT_OK;
	}
	profile = v6_word_value(V6_LIST_PROFILE, v6_slice_of(name));
	if (profile > V6_PROFILE_NONE) {
		while (w->value != profile)
			w++;
		show_settings(w);
		show_facets((enum v6_profile)profile);
		return V6_EXIT_OK;
	}
	near = profile < 0 ? v6_nearest_of(V6_LIST_PROFILE, v6_slice_of(name)) : NULL;
	v6_text_safe(&t, name, strlen(name));
	v6_complain("profiles: unknown profile '%s'; %s'%s'%s", buf, near ? "did you mean " : "",
		near ? near : "v6shim profiles", near ? "" : " lists them");
	return V6_EXIT_USAGE;
}

const struct v6_command v6_command_profiles = {
	.name = "profiles",
	.usage = "[NAME]",
	.summary = "the profiles of other systems, and what each sets",
	.main = run,
	.about =
		"Without NAME, every profile with what it sets. With NAME, the settings in the\n"
		"syntax of a configuration file, and beside each facet of that system how it is\n"
		"known and what gives it here: a setting of the profile, or Linux itself. What\n"
		"Linux cannot give is told with the reason. All but the settings is a comment, so\n"
		"that the output can be kept as a file for --config, and changed.\n"
		"\n"
		"Of the facets: 'IPv4 before dual-stack' is a bind of 0.0.0.0 and then one of ::\n"
		"with V6ONLY 0, on one port; 'mapped' is ::ffff:127.0.0.1, on a socket with\n"
		"V6ONLY 1. 'approximate' is what is inferred or not known. Only Linux was run.\n"
		"\n"
		"  v6shim run --profile NAME -- COMMAND   a setting given beside it wins\n",
	.end = "Exit status 0; 2: bad usage, or no such profile.\n",
	.operands = V6_OPERANDS_PROFILE,
};
