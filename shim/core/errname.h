/*
 * errno values by their symbolic names (errno(3)), this machine's numbers.
 */
#ifndef V6_ERRNAME_H
#define V6_ERRNAME_H

#include "text.h"

/* "EADDRINUSE", or NULL where the number has no name here. */
const char *v6_errname(int number);

/* The same, or "errno 4711" where it has no name. */
void v6_errno_text(struct v6_text *t, int number);

/* The number of a name, 0 where there is no such name. */
int v6_errname_parse(struct v6_slice name);

/*
 * ": no such file (ENOENT)", for what open(2) and read(2) answer; of others that it is not to be opened.
 * strerror(3) takes a lock.
 */
const char *v6_errno_words(int number);

/* Walks the names for "did you mean": the i-th, NULL past the last. */
const char *v6_errname_at(unsigned i);

#endif
