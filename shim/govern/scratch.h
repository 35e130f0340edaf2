/*
 * Memory to write a record in, for calls that may have next to no stack (signal
 * handlers) and must not allocate. A fixed pool, claimed without a lock; it is mapped when it is
 * first needed, and what is not used is never touched.
 */
#ifndef V6_SCRATCH_H
#define V6_SCRATCH_H

#include "../core/record.h"

/*
 * A slot holds a record and a path, with room to spare, or a part of a sock_diag answer:
 * NLMSG_GOODSIZE. A call may hold three, where it searches /proc for the holder of a
 * port; that is 85 threads that all do so at once.
 */
enum { V6_SCRATCH_SLOTS = 256, V6_SCRATCH_SIZE = 8448 };

/*
 * V6_SCRATCH_SIZE bytes of the caller's until it releases them; NULL where there is no
 * memory, or all stayed claimed for a few milliseconds. A slot whose owner is no more,
 * by fork, cancellation or siglongjmp(3), is had again after V6_SCRATCH_STALE seconds:
 * no call holds one for so long.
 */
enum { V6_SCRATCH_STALE = 10 };
char *v6_scratch_claim(void);
void v6_scratch_release(char *scratch);

#endif
