/*
 * Where libv6shim.so is, and whether it is ours.
 */
#ifndef V6_LIBRARY_H
#define V6_LIBRARY_H

#include <limits.h>
#include <stdbool.h>

struct v6_library {
	char path[PATH_MAX]; /* as LD_PRELOAD names it; its mere name: none was found */
	char version[40];    /* empty: unknown */
	char problem[320];   /* why it cannot be used; empty: it can */
};

/*
 * The library beside this executable, or else the installed one; never one in
 * the working directory. False, with ->problem: none is there, it is of another
 * version, it cannot be read or executed from, or LD_PRELOAD cannot name it.
 */
bool v6_library_find(struct v6_library *library);

#endif
