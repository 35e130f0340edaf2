/*
 * Starts a command under supervision.
 */
#pragma once

#include "../core/config.h"
#include "filter.h"

struct v6_supervision {
	struct v6_config *config; /* must stay */
	struct v6_slice program;  /* the command's name */
	struct v6_slice handed;   /* the log that is open, as V6_LOG_HANDED has it, or empty */
	/* Whatever is to be said before the command runs, or why it does not. */
	int (*say)(const char *sentence); /* its result is not looked at */
};

/*
 * Executes argv in this process, which a helper supervises until the last task that came of it is
 * gone; does not return then. Where a helper may not, argv is executed in a child, and this
 * process supervises, forwards signals, and ends as the child did: does not return either.
 * Otherwise nothing was started: -EPERM and the like, and it was said why; or, in whichever
 * process was to execute argv, the positive errno of execvp(3).
 */
int v6_supervise(const struct v6_supervision *s, char **argv);

/*
 * Why nothing can be supervised here, found out by trying; NULL: it can. The next call spoils it.
 */
const char *v6_supervise_refused(void);
