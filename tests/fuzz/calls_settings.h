/*
 * calls_settings.h - the configurations under which calls.c makes its calls, and how one is put in
 * force in this process, again and again: as the library does it once, from the environment.
 */
#ifndef FUZZ_CALLS_SETTINGS_H
#define FUZZ_CALLS_SETTINGS_H

#include "fuzz.h"

#include "core/config.h"
#include "preload/live.h"
#include "preload/match.h"

#include <errno.h>

enum {
	LOG_FD = 900,    /* where records go */
	DENIED = EXFULL, /* the errno of every `deny` below: no call has it otherwise */
};

/* mode=log, and everything else that would act if it did not hold it back. */
#define QUIET                                                                                      \
	"mode=log on-disorder=deny:EXFULL on-contrary=deny:EXFULL on-mapped=deny:EXFULL "          \
	"on-nonboolean=deny:EXFULL"

static const struct configuration {
	bool transparent;
	const char *settings; /* as a profile has them */
	const char *rules;
} configurations[] = {
	{true, "log=off", ""},
	{true, "log-level=all", ""},
	{true, "log-level=all log-format=json", ""},
	{true, QUIET " policy=ipv6-only order=ipv6-first on-conflict=resolve log=off", ""},
	{true, QUIET " policy=both order=ipv4-first on-conflict=share log-level=all", ""},
	{true, QUIET " policy=default-ipv6-only order=ipv6-first log-level=all", ""},
	{true, QUIET " policy=default-both on-conflict=share-ipv6 log=off", ""},
	{true, QUIET " log-level=change",
		"port=80-90 proto=tcp => policy=both order=ipv6-first "
		"on-conflict=resolve; proto=udp => policy=ipv6-only; port=0 => policy=both"},
	{false, "policy=ipv6-only log=off", ""},
	{false, "policy=ipv6-only log-level=all", ""},
	{false, "policy=both log=off", ""},
	{false, "policy=both log-level=all", ""},
	{false, "policy=both on-conflict=resolve log-level=change", ""},
	{false, "on-conflict=resolve log=off", ""},
	{false, "on-conflict=share log-level=all", ""},
	{false, "policy=both on-conflict=share-ipv6 log=off", ""},
	{false,
		"policy=ipv6-only order=ipv6-first on-disorder=deny:EXFULL "
		"on-contrary=deny:EXFULL on-mapped=deny:EXFULL on-nonboolean=deny:EXFULL",
		""},
};

enum { CONFIGURATIONS = sizeof(configurations) / sizeof(*configurations) };

static struct v6_rules rules[CONFIGURATIONS];
static struct v6_live lives[CONFIGURATIONS];

static void set_all(struct v6_settings *s, const char *text)
{
	struct v6_problem problem;

	while (*text) {
		size_t n = strcspn(text, " "), name = strcspn(text, "=");

		CHECK(!v6_settings_set(s, v6_setting_by_name((struct v6_slice){text, name}),
			(struct v6_slice){text + name + 1, n - name - 1}, V6_ORIGIN_ENVIRONMENT,
			&problem));
		text += n + strspn(text + n, " ");
	}
}

/* As the library settles in a process, from these settings in place of the environment's. */
static void settle(unsigned i)
{
	struct v6_problem problem;
	struct v6_live *live = &lives[i];

	v6_settings_init(&live->settings);
	live->program = v6_slice_of("fuzz");
	live->settings.log = V6_LOG_FD;
	live->settings.log_fd = LOG_FD;
	set_all(&live->settings, configurations[i].settings);
	CHECK(!v6_rules_parse(&rules[i], v6_slice_of(configurations[i].rules), &problem));
}

/* What match.c keeps of a configuration is the last one's: each must be settled anew. */
static void put_in_force(unsigned i)
{
	static struct v6_rules in_force;

	in_force.count = rules[i].count;
	memcpy(in_force.rule, rules[i].rule, rules[i].count * sizeof(*in_force.rule));
	v6_live = lives[i];
	v6_match_settle(&v6_live, &in_force);
}

#endif
