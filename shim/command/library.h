/*
 * Where libv6shim.so is, and whether it is ours.
 */
#ifndef V6_LIBRARY_H
#define V6_LIBRARY_H

#include <stdbool.h>

/*
 * The library beside this executable, or else the installed one; never one in
 * the working directory. Its path in memory of this function's, or NULL after a
 * message: none is there, it is of another version, or LD_PRELOAD cannot name it.
 */
const char *v6_library_find(void);

#endif
