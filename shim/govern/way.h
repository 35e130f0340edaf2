/*
 * One governed call on its way, who calls, and the three things in which the ways in differ: how
 * the call is made, the caller's memory read, and the descriptor to ask beside the one to tell.
 */
#pragma once

#include <errno.h>
#include <sys/socket.h>

#include "../core/record.h"

/* Who calls. */
struct v6_caller {
	struct v6_slice program; /* base name of what was executed: a link's, a script's */
	uint32_t rules[V6_RULES_MAX / 32]; /* a bit for each rule whose program= it matches */
};

struct v6_call {
	const struct v6_way *way;
	const struct v6_caller *caller;
	/*
	 * The call's arguments. record.fd is the descriptor's number in the caller's process;
	 * `ask` is one of this process for the same socket (the same number, for a preload).
	 */
	int ask;
	const void *pointer; /* bind: the address; setsockopt: the value; of the caller's memory */
	socklen_t len;       /* of what it points to */
	int backlog;         /* listen */
	int saved;           /* errno as the caller left it */
	/* What is known and decided; record.result and error are what the caller gets. */
	struct v6_record record;
	const struct v6_knobs *knobs; /* of the rule that matched, or the plain settings */
	bool set;                     /* V6ONLY was set by us */
	bool asked;                   /* facts.asked was looked up */
	char *text;                   /* scratch for the record's strings, or NULL */
	const char *why; /* mode=log: enforce's outcome is undecided; NULL: it is not */
};

struct v6_way {
	enum v6_via via;

	/* Makes the call with the caller's own arguments, and sets record.result and error. */
	void (*make)(struct v6_call *c);

	/*
	 * Copies `len` bytes from where the caller points: 0, or -EFAULT. `good`: the kernel has
	 * read them in this call, so that they need not be tested.
	 */
	int (*read)(struct v6_call *c, const void *from, void *to, size_t len, bool good);

	/* One to ask for the caller's descriptor `tell`, until it is given back; negative: none. */
	int (*take)(struct v6_call *c, int tell);
	void (*give)(struct v6_call *c, int ask);
};

/*
 * Whether a supervisor answers: bind(-1, NULL, V6_ASK_SUPERVISOR) cannot succeed, and fails with
 * this error where one does.
 */
enum { V6_ASK_SUPERVISOR = 0x7636, V6_SUPERVISOR_ANSWERS = ENOTUNIQ };

/* Whether what the verdict says is done, or (mode=log) only recorded. */
static inline bool v6_call_enforces(const struct v6_call *c)
{
	return c->knobs->mode == V6_MODE_ENFORCE;
}
