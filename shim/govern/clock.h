/*
 * The time, for records.
 */
#ifndef V6_CLOCK_H
#define V6_CLOCK_H

#include <stdint.h>

/*
 * Finds the kernel's own function for it, once, by the dynamic linker: for a constructor, not
 * for a call that may come from a signal handler. Before that the time is a system call.
 */
void v6_clock_init(void);

/* CLOCK_REALTIME in microseconds; 0 where it cannot be told. */
int64_t v6_clock_now(void);

#endif
