/*
 * Memory to write a record in, for calls that may have next to no stack (signal
 * handlers) and must not allocate. A fixed pool, claimed without a lock.
 */
#ifndef V6_SCRATCH_H
#define V6_SCRATCH_H

#include "../core/record.h"

enum { V6_SCRATCH_SLOTS = 64, V6_SCRATCH_SIZE = V6_RECORD_SIZE };

/*
 * V6_SCRATCH_SIZE bytes of the caller's until it releases them; NULL where all
 * stayed taken for a bounded while.
 */
char *v6_scratch_claim(void);
void v6_scratch_release(char *scratch);

#endif
