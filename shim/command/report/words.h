/*
 * Sentences for a person, of what was gathered; the same in every form of the
 * report. What comes from a log is made safe to print.
 */
#ifndef V6_REPORT_WORDS_H
#define V6_REPORT_WORDS_H

#include "gather.h"

/* "nginx[4242]" */
void v6_process_text(struct v6_text *t, struct v6_slice program, int pid);

/* "policy ipv6-only, on-conflict resolve, 2 rules" */
void v6_settings_text(struct v6_text *t, const struct v6_process *p);

/* What the log leaves out for its level, as a sentence; NULL where it leaves out nothing. */
const char *v6_level_text(const struct v6_process *p);

/* Whether the log of this process has every bind and listen. */
bool v6_knows_binds(const struct v6_process *p);

/* "EADDRINUSE", "errno 4711" */
void v6_errno_text(struct v6_text *t, int error);

/* "override: the application asked for dual-stack", and what else is to be known; "-": nothing. */
void v6_listener_text(struct v6_text *t, const struct v6_process *p, const struct v6_listener *l);

/* "conflict", "disorder", "denial" ... */
const char *v6_trouble_name(enum v6_trouble_kind kind);

/* "bind tcp [::]:80 fd 6", as far as it is known. */
void v6_call_text(struct v6_text *t, const struct v6_record *r);

/* What became of it: "fails with EADDRINUSE, unresolved". Nothing of an error, whose note says it. */
void v6_outcome_text(struct v6_text *t, const struct v6_trouble *trouble);

/* "fd 3 of this process, 0.0.0.0:80, uid 0"; `pid` is whose trouble it is. Nothing of nobody. */
void v6_holder_text(struct v6_text *t, const struct v6_holder *h, int pid);

#endif
