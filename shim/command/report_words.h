/*
 * Words for a person, of what was gathered; the same in every form of the report.
 * What comes from a log is made safe to print.
 */
#ifndef V6_REPORT_WORDS_H
#define V6_REPORT_WORDS_H

#include "report_gather.h"

/* "nginx[4242]" */
void v6_say_process(struct v6_text *t, struct v6_slice program, int pid);

/* "tcp"; "-" where it is not known. */
void v6_say_proto(struct v6_text *t, int proto);

/* "bind tcp [::]:80 fd 6", as far as it is known. */
void v6_say_call(struct v6_text *t, const struct v6_trouble *trouble);

/* "IPv6+IPv4" of V6_SERVES_* bits; "-" for none. */
void v6_say_serves(struct v6_text *t, unsigned serves);

/* "0 -> 1"; "-" where it is not known. */
void v6_say_v6only(struct v6_text *t, int before, int after);

/* "EADDRINUSE", "errno 4711". */
void v6_say_errno(struct v6_text *t, int error);

/* "override: the application asked for dual-stack", and what else is to be known; "-": nothing. */
void v6_say_listener(struct v6_text *t, const struct v6_process *p, const struct v6_listener *l);

/* What became of it: "EADDRINUSE, unresolved". Nothing for an error, whose note says it all. */
void v6_say_trouble(struct v6_text *t, const struct v6_gather *g, const struct v6_trouble *trouble);

/* "fd 3 of this process, 0.0.0.0:80, uid 0". `pid` is whose trouble it is. */
void v6_say_holder(struct v6_text *t, const struct v6_holder *h, int pid);

/* "policy ipv6-only, on-conflict resolve" */
void v6_say_settings(struct v6_text *t, const struct v6_process *p);

/* "conflict", "disorder", "denial" ... */
const char *v6_trouble_name(enum v6_trouble_kind kind);

/* What the log leaves out for its level, as a sentence; NULL where it leaves out nothing. */
const char *v6_say_level(const struct v6_process *p);

/* Whether the log of this process has every bind and listen. */
bool v6_knows_binds(const struct v6_process *p);

#endif
