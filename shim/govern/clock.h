/*
 * The time, for records.
 */
#ifndef V6_CLOCK_H
#define V6_CLOCK_H

#include <stdint.h>

/*
 * Finds the kernel's own function for it in the image that AT_SYSINFO_EHDR points to (vdso(7));
 * NULL: there is none. Before that, and without, the time is a system call.
 */
void v6_clock_init(const void *vdso);

/* CLOCK_REALTIME in microseconds; 0 where it cannot be told. */
int64_t v6_clock_now(void);

#endif
