/*
 * Where libv6shim.so is, and whether it is ours.
 */
#ifndef V6_LIBRARY_H
#define V6_LIBRARY_H

#include <limits.h>
#include <stdbool.h>

#include "elf.h"

struct v6_library {
	char path[PATH_MAX]; /* as LD_PRELOAD names it; its mere name: none was found */
	char note[320];      /* "version N", or why it cannot be used */
};

/*
 * The library beside this executable, or else the installed one; never one in the working
 * directory. False: ->note says why it cannot be used.
 */
bool v6_library_find(struct v6_library *library);

#endif
