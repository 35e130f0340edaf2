/* What is in force: read from the environment and the file that it names, once, then constant. */
#pragma once

#include "../core/config.h"
#include "way.h"

struct v6_live {
	struct v6_config *config; /* at first memory for one, which a way in may fill; all zero */
	bool broken;              /* the configuration did not parse: bind and listen are refused */
	bool logging;             /* records go somewhere */
	unsigned watch; /* bit 1 << enum v6_event: the call has anything to do beyond calling on */
	/* Whether the settings or any rule have such a thing to do. */
	bool judged; /* a bind whose address matters: V6ONLY to set, an order, a rule with port= */
	bool acts;   /* the same, before the call is made: with mode=enforce */
	bool ported; /* a rule with port= */
	bool mapped; /* on-mapped */
};

extern struct v6_live v6_live;

/*
 * Adds what the environment and the configuration file say to *config, in which what the command
 * line says may be already, and completes it. Every problem is given to `print`; returns how many
 * there were. *config points into the environment, and memory of this file's: once in a process.
 */
unsigned v6_configure(
	struct v6_config *config, char **environment, v6_config_print *print, void *context);

/*
 * Puts a configuration in force, which must stay and whose rules are completed from the
 * settings. `who`: the only caller there will be, whose program= rules alone count; NULL: any.
 */
void v6_live_init(struct v6_config *config, bool broken, const struct v6_caller *who);

/* Adds to who->rules those whose program= is one of the names that it goes by; "" is none. */
void v6_live_caller(const struct v6_config *config, struct v6_caller *who,
	const struct v6_slice *name, unsigned n);
