/*
 * Answers notifications.
 */
#ifndef V6_LOOP_H
#define V6_LOOP_H

#include "target.h"

/* Bits 1 << enum v6_notified of what need not be notified under the settings in force (v6_live). */
unsigned v6_loop_without(void);

/*
 * Once, before the others; v6_live and the log must be settled. `borrow`: descriptor 2 of this
 * process is nothing, and whatever is written there is for the caller's own.
 */
void v6_loop_init(bool borrow);

/*
 * Records the sockets of a process that is about to execute a program, as v6_inherit_visit()
 * finds them.
 */
void v6_loop_inherited(
	struct v6_target *t, struct v6_slice listen_fds, struct v6_slice listen_pid, int activated);

/* Until the last task under the filter is gone, or ready() says false (v6_listener_next). */
void v6_loop(int listener, int other, bool (*ready)(void));

#endif
