/*
 * What was gathered, arranged to be shown: processes that look alike as one block,
 * and for each port of a block the verdict: which families are served, by what, and if
 * not, why.
 */
#ifndef V6_REPORT_VIEW_H
#define V6_REPORT_VIEW_H

#include "gather.h"

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
	struct v6_map alike;   /* what is printed -> block */
	struct v6_map serving; /* log, protocol, port, family -> who serves it */
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

struct v6_verdict_of_port {
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
	void *to, const struct v6_verdict_of_port *v, const struct v6_verdict_of_port *enforced);

/*
 * Hands over the verdict of each port, in order of protocol and number; `enforced` is what
 * enforce would have come to, NULL where it is the same.
 */
void v6_verdicts(
	struct v6_view *view, const struct v6_block *block, v6_verdict_print *print, void *to);

/* A sentence with its full stop; `port` is what stands for the port in it. */
void v6_verdict_text(struct v6_text *t, const struct v6_verdict_of_port *v, const char *port);

/* What a family has: "own socket", "dual-stack socket", "nobody". */
const char *v6_verdict_word(const struct v6_verdict_of_port *v, enum v6_family family);

#endif
