/*
 * The notifications of one listener: seccomp_unotify(2).
 */
#ifndef V6_LISTENER_H
#define V6_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "abi.h"

/* The listener, which stays the caller's. */
void v6_listener_init(int fd);

/*
 * The oldest notification that was not yet had, in memory that stays until the next call; NULL:
 * the last task under the filter is gone. All that wait are received before one is given: what has
 * been received is interrupted by nothing but a fatal signal (Linux 5.19). Whenever `other`,
 * unless it is -1, can be read meanwhile, ready() is called; false makes this return NULL.
 */
const struct v6_abi_notification *v6_listener_next(int other, bool (*ready)(void));

/* Whether the thread still waits in this call. */
bool v6_listener_valid(uint64_t id);

/* false: it waits no more, and did not get the answer. */
bool v6_listener_answer(const struct v6_abi_answer *answer);

/*
 * A bind that was made, but whose answer was not had (a signal before Linux 5.19, the freezer,
 * suspend): the thread makes the same call again, and would be told that the socket is bound.
 * `sent`: the answer was taken, which before Linux 5.19 does not say that the thread gets it: a
 * signal may have woken it already. There it is lost if the thread's next call is the same.
 */
void v6_listener_add_lost(int tid, int fd, const void *address, size_t len, bool sent);

/*
 * Whether the thread's call is one of those, which it is no longer then. `len` is 0 of a call that
 * is no bind: by it the thread shows that it had what was sent.
 */
bool v6_listener_take_lost(int tid, int fd, const void *address, size_t len);

#endif
