/*
 * What the application itself asked for: the one thing the kernel cannot tell.
 *
 * Remembered under the socket's SO_COOKIE, so that it follows dup and fork and a
 * reused descriptor number cannot lie. The memory is fixed: of sockets whose
 * numbers collide the last one that asked is remembered. Lock-free and safe in
 * a signal handler.
 */
#ifndef V6_ASKED_H
#define V6_ASKED_H

#include <stdbool.h>
#include <stdint.h>

/* How many are remembered. */
enum { V6_ASKED_SLOTS = 4096 };

/* A cookie of 0 is nobody's and is not remembered. value: 0 or 1. */
void v6_asked_add(uint64_t cookie, int value);

/* Whether there is anything to recall at all, in this process or those it was forked from. */
bool v6_asked_any(void);

/* 0 or 1; V6_UNKNOWN (-1) where the socket did not ask, or it was forgotten. */
int v6_asked_find(uint64_t cookie);

#endif
