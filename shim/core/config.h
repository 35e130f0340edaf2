/*
 * A whole configuration: settings, and rules, which are settings for certain programs, ports and
 * protocols (DESIGN.md 1.4); from the command line, the environment and a file.
 *
 *	program=java => policy=both; port=80,443 proto=tcp => policy=ipv6-only
 *
 * Pure, and without allocation: whoever calls reads the file. All texts must stay in place for as
 * long as the configuration is used: rules point into them.
 */
#pragma once

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

/* The rule in the syntax that is read back. */
void v6_rule_text(struct v6_text *t, const struct v6_rule *rule);

/* The largest configuration file, in bytes. */
enum { V6_CONFIG_FILE_MAX = 32 * 1024 };

struct v6_config {
	struct v6_settings settings;
	struct v6_rules rules; /* those of the command line or environment, then the file's */
};

void v6_config_init(struct v6_config *c);

/*
 * Sets one setting from text, rules included. Rules of a higher origin replace
 * those of a lower one, and add to those of their own. 0, or -1 with *p filled.
 */
int v6_config_set(struct v6_config *c, enum v6_setting id, struct v6_slice value,
	enum v6_origin origin, struct v6_problem *p);

/* Is given one problem. */
typedef void v6_config_print(const struct v6_problem *p, void *context);

/*
 * Reads the text of a configuration file: lines of `setting = value` and of
 * rules; `#` at the beginning or after a blank begins a comment. Rules are appended, so that those
 * already there come first. Returns how many problems there are; each is given to `print`.
 * Command line and environment must have been read before.
 */
V6_COLD unsigned v6_config_file(struct v6_config *c, struct v6_slice name, struct v6_slice text,
	v6_config_print *print, void *context);

/* Whether "setting = VALUE" in a file is read as that value: a path may be anything. */
bool v6_config_file_holds(struct v6_slice value);
