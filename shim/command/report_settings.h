/*
 * The settings of a process, out of the note of its load record:
 * "v6shim 0.1.0, policy=ipv6-only (environment), 2 rules, all else default".
 */
#ifndef V6_REPORT_SETTINGS_H
#define V6_REPORT_SETTINGS_H

#include "../core/settings.h"

struct v6_note_setting {
	struct v6_slice value;  /* as it was written; ptr NULL: not in the note */
	struct v6_slice origin; /* "environment" */
};

struct v6_note_settings {
	struct v6_slice version; /* "0.1.0" */
	struct v6_note_setting setting[V6_SETTING_COUNT];
	unsigned rules; /* how many of them are in force */
	bool whole;     /* the note was not cut: what it does not name has its default */
};

/* Slices of the note. false where it is no such note; *s is then empty. */
bool v6_note_settings_read(struct v6_note_settings *s, struct v6_slice note);

/* The log level, or -1 where the note does not tell. */
int v6_note_level(const struct v6_note_settings *s);

/* "policy ipv6-only, on-conflict resolve": what decides about calls. */
void v6_note_settings_text(struct v6_text *t, const struct v6_note_settings *s);

#endif
