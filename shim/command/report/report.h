/*
 * What was gathered, arranged, judged and put into words: processes that look alike are one
 * block, and each port of a block has a verdict.
 */
#ifndef V6_REPORT_H
#define V6_REPORT_H

#include "input.h"

/* Processes that differ in what is not printed alone: their pids, times, chosen ports. */
struct v6_block {
	struct v6_process *process, *last; /* the first of them; the others by `alike` */
	unsigned count;
	struct v6_listener **listeners; /* of the first: those to show, in the order of binds */
	size_t listener_count, room;
};

struct v6_view {
	struct v6_block **blocks;
	size_t count, room;
};

void v6_view_init(struct v6_view *view, const struct v6_gather *gather);
void v6_view_free(struct v6_view *view);

/*
 * What a socket serves, V6_SERVES_* bits. Where the log has not told, it is what the socket
 * will serve once it listens, and *told is false. `enforce`: had the mode been that.
 */
unsigned v6_listener_serves(const struct v6_listener *l, bool enforce, bool *told);

/* How a family is reached: the single addresses are counted, and the first is kept. */
struct v6_reach {
	bool wildcard;
	unsigned singles;
	struct v6_address single;
};

struct v6_port_verdict {
	const struct v6_process *process;
	int proto;
	uint16_t port;
	bool enforce; /* it is what enforce would have come to, in mode log */
	struct v6_reach inet, inet6;
	unsigned missing; /* families that nobody serves, V6_SERVES_* bits */
	bool own;         /* IPv4 has a socket of its own */
	bool dual;        /* an IPv6 socket takes IPv4 too */
	bool doubtful;    /* the log may leave out what would make it another */
	/* NULL where there is none: */
	const struct v6_listener *governed; /* which the policy made what it is */
	const struct v6_listener *failed;   /* the first that could not be bound */
	const struct v6_trouble *conflict;  /* the unresolved one that it met */
	const struct v6_listener *silent;   /* the first that has not listened */
	const struct v6_process *elsewhere; /* who else serves the family that is missing */
};

typedef void v6_verdict_print(
	void *to, const struct v6_port_verdict *v, const struct v6_port_verdict *enforced);

/*
 * Hands over the verdict of each port, in order of protocol and number; `enforced` is what
 * enforce would have come to, NULL where it is the same.
 */
void v6_verdicts(const struct v6_view *view, const struct v6_block *block, v6_verdict_print *print,
	void *to);

/* A sentence with its full stop; `port` is what stands for the port in it. */
void v6_verdict_text(struct v6_text *t, const struct v6_port_verdict *v, const char *port);

/* What a family has: "own socket", "dual-stack socket", "nobody". */
const char *v6_verdict_word(const struct v6_port_verdict *v, enum v6_family family);

/* Words for a person; what comes from a log is made safe to print. */

__attribute__((format(printf, 2, 3))) void v6_text_printf(
	struct v6_text *t, const char *format, ...);

/* "nginx[4242]" */
void v6_process_text(struct v6_text *t, struct v6_slice program, int pid);

/* "policy ipv6-only, on-conflict resolve, 2 rules" */
void v6_settings_text(struct v6_text *t, const struct v6_process *p);

/* "override: the application asked for dual-stack", and what else is to be known; "-": nothing. */
void v6_listener_text(struct v6_text *t, const struct v6_process *p, const struct v6_listener *l);

/* What became of it: "fails with EADDRINUSE, unresolved". Nothing of an error, whose note says it. */
void v6_outcome_text(struct v6_text *t, const struct v6_trouble *trouble);

/* "fd 3 of this process, 0.0.0.0:80, uid 0"; `pid` is whose trouble it is. Nothing of nobody. */
void v6_holder_text(struct v6_text *t, const struct v6_holder *h, int pid);

/* Whether the log of this process has every bind and listen. */
bool v6_knows_binds(const struct v6_process *p);

/* What --check answers: V6_EXIT_NO where something is unresolved, denied, out of order or lost. */
int v6_report_check(const struct v6_gather *g);

/* The report on standard output, for a person, and for a machine: one JSON object. */
void v6_report_page(const struct v6_input *in, const struct v6_view *view);
void v6_report_json(const struct v6_input *in, const struct v6_view *view);

#endif
