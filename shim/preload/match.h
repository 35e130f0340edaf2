/*
 * The rules as they concern this process, and which of them a call falls under.
 */
#ifndef V6_MATCH_H
#define V6_MATCH_H

#include "live.h"

/*
 * Keeps the rules that name this program, with their values laid over the
 * settings', and derives what there is to watch. Once, while settling.
 */
void v6_match_settle(struct v6_live *live, struct v6_rules *rules);

enum { V6_MATCH_NO_PORT = -1, V6_MATCH_ASK = -1 };

/*
 * The settings for a call: of the first rule that matches, or else the plain
 * ones. *rule is its number from 1, or 0. port: V6_MATCH_NO_PORT for calls that
 * have none, which a rule with port= never matches. proto: an IPPROTO_* value, or
 * V6_MATCH_ASK to ask the kernel of fd where it is what a rule depends on.
 */
const struct v6_knobs *v6_match(int fd, int proto, int port, unsigned *rule);

#endif
