/*
 * Rules: settings for certain programs, ports and protocols (DESIGN.md 1.4).
 *
 *	program=java => policy=both; port=80,443 proto=tcp => policy=ipv6-only
 *
 * Pure, and without allocation: rules point into the text that they came from.
 */
#ifndef V6_RULES_H
#define V6_RULES_H

#include "settings.h"

/* Bounds; beyond each there is an error that names it. */
enum {
	V6_RULES_MAX = 256,
	V6_RULE_RANGES = 16, /* items of one port= */
	V6_RULE_PROTOS = 8,  /* items of one proto= */
};

struct v6_rule {
	struct v6_slice program; /* GLOB[,GLOB...], UTF-8 without controls; empty: any */
	struct {
		uint16_t low, high;
	} port[V6_RULE_RANGES];
	uint16_t proto[V6_RULE_PROTOS]; /* IPPROTO_* */
	uint8_t ports;                  /* how many; 0: any */
	uint8_t protos;                 /* 0: any */
	uint16_t sets;                  /* bit 1 << enum v6_setting for each that it sets */
	struct v6_knobs knobs;          /* what it sets; the rest is meaningless */
};

struct v6_rules {
	unsigned count;
	struct v6_rule rule[V6_RULES_MAX];
};

/*
 * Appends the rules of a text, `;` between them; an empty one is passed over. 0, or
 * -1 with *p filled and *rules as it was; p->origin is the caller's to set.
 */
V6_COLD int v6_rules_parse(struct v6_rules *rules, struct v6_slice text, struct v6_problem *p);

/* Whether each matcher holds; one that is not there does. */
bool v6_rule_program(const struct v6_rule *rule, struct v6_slice program);
bool v6_rule_port(const struct v6_rule *rule, unsigned port);
bool v6_rule_proto(const struct v6_rule *rule, int proto);

/* A rule's values over those of base. */
struct v6_knobs v6_rule_apply(const struct v6_rule *rule, const struct v6_knobs *base);

/* The rule in the syntax that is read back. */
void v6_rule_text(struct v6_text *t, const struct v6_rule *rule);

/* Whether a glob of `*` and `?` matches the whole name, byte by byte. */
bool v6_glob(struct v6_slice glob, struct v6_slice name);

#endif
