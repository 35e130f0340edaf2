/*
 * Answers notifications.
 */
#ifndef V6_LOOP_H
#define V6_LOOP_H

#include <stdbool.h>

/* Bits 1 << enum v6_notified of what need not be notified under the settings in force (v6_live). */
unsigned v6_loop_without(void);

/*
 * Until the last task under the filter is gone, or ready() says false (v6_listener_next). v6_live and
 * the log must be settled. `borrow`: descriptor 2 of this process is nothing, and whatever is written there
 * is for the caller's own.
 */
void v6_loop(int listener, bool borrow, int other, bool (*ready)(void));

#endif
