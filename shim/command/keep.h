/*
 * Memory that is kept until the process ends, for the commands that walk once
 * and print: nothing to free, nothing to get wrong. No memory ends the process
 * with a message.
 */
#ifndef V6_KEEP_H
#define V6_KEEP_H

#include <stddef.h>

/* Zeroed, aligned for anything. */
void *v6_keep(size_t size);

/* A copy of len bytes, NUL-terminated. */
char *v6_keep_bytes(const char *bytes, size_t len);

/* "abc" of "a", "b" and "c"; the list ends with NULL. */
__attribute__((sentinel)) char *v6_keep_joined(const char *first, ...);

#endif
