/*
 * Memory to write a record in, for calls that may have next to no stack (signal
 * handlers) and must not allocate. A fixed pool, claimed without a lock; what is not used is never
 * touched.
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
 * V6_SCRATCH_SIZE bytes of the caller's until it releases them; NULL where all
 * stayed taken for a bounded while. What a thread had claimed that is no more, by
 * fork or by asynchronous cancellation, is had after that while, and so is what
 * handlers of this thread left behind by siglongjmp(3).
 */
char *v6_scratch_claim(void);
void v6_scratch_release(char *scratch);

/* The same for a caller that knows its thread id, which saves a system call. */
char *v6_scratch_claim_for(int tid);

#endif
