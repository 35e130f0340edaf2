/*
 * How far reading has come, on standard error: where that is a terminal, and
 * from the second second on.
 */
#ifndef V6_REPORT_PROGRESS_H
#define V6_REPORT_PROGRESS_H

#include <stdint.h>
#include <sys/types.h>

/* Bytes that are to be read in all; 0: not known. */
void v6_progress_begin(off_t total);

/* So many bytes more were read; records in all. */
void v6_progress_step(ssize_t bytes, uint64_t records);

/* Leaves no trace on the terminal. */
void v6_progress_end(void);

#endif
