/*
 * One interposed call on its way: what is known of it, what is to be done, and
 * what came of it. Shared by the files that carry a verdict out.
 */
#ifndef V6_CALL_H
#define V6_CALL_H

#include <sys/socket.h>

#include "../core/policy.h"
#include "../core/record.h"

struct v6_call {
	int saved; /* errno as the application left it */
	int fd;
	const struct sockaddr *addr;  /* bind */
	socklen_t len;                /* bind */
	int backlog;                  /* listen */
	const struct v6_knobs *knobs; /* of the rule that matched, or the plain settings */
	unsigned rule;                /* its number from 1, or 0 */
	struct v6_facts facts;
	struct v6_verdict verdict;
	int proto;    /* SO_PROTOCOL, once the call is described */
	bool asked;   /* facts.asked was looked up */
	bool applied; /* V6ONLY was set by us */
	int result;
	int error;               /* errno of the result, 0 on success */
	struct v6_holder holder; /* of a conflict; its program lives in `text` */
	char *text;              /* scratch for the record's strings, or NULL */
};

/* Makes the call of the application, with its own arguments, and takes the result over. */
void v6_call_make(struct v6_call *c);

/* Whether what the verdict says is done, or (mode=log) only recorded. */
static inline bool v6_call_enforcing(const struct v6_call *c)
{
	return c->knobs->mode == V6_MODE_ENFORCE;
}

/* What the application asked for of this socket, V6_UNKNOWN where it did not. */
int v6_call_asked(const struct v6_call *c);

/*
 * V6ONLY as the socket has it without the policy: as it was read, or else what
 * the application asked for, or else what every new socket starts with;
 * V6_UNKNOWN where no descriptor is left to find that out with.
 */
int v6_call_before(const struct v6_call *c);

#endif
