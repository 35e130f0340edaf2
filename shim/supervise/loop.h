/*
 * The way in from outside: receives notifications, makes the calls for the targets on their own
 * sockets, and answers. seccomp_unotify(2).
 */
#pragma once

#include <signal.h>

#include "target.h"

/* Bits 1 << enum v6_notified of what need not be notified under the settings in force (v6_live). */
unsigned v6_loop_without(void);

/*
 * Once, before the loop; v6_live and the log must be settled. Records the sockets of a process that is about
 * to execute a program, as v6_inherit_visit() finds them. `borrow`: descriptor 2 of this process is
 * nothing, and whatever is written there is for the caller's own.
 */
void v6_loop_init(bool borrow, struct v6_target *t, struct v6_slice listen_fds,
	struct v6_slice listen_pid, int activated);

/*
 * Until the last task under the filter is gone. The listener stays the caller's. `mask`: of
 * signals, while it waits; NULL: the one that is set.
 */
void v6_loop(int listener, const sigset_t *mask);
