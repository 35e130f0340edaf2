#include "scratch.h"

#include <stdatomic.h>
#include <stdint.h>

#include "raw.h"

#include "forbidden.h"

static char pool[V6_SCRATCH_SLOTS][V6_SCRATCH_SIZE];
static _Atomic uint64_t taken;

/* The lowest free slot, so that a process that writes little touches little memory. */
static int claim(void)
{
	uint64_t now = atomic_load_explicit(&taken, memory_order_relaxed);

	while (~now) {
		int slot = __builtin_ctzll(~now);

		if (atomic_compare_exchange_weak_explicit(&taken, &now, now | UINT64_C(1) << slot,
			    memory_order_acquire, memory_order_relaxed))
			return slot;
	}
	return -1;
}

char *v6_scratch_claim(void)
{
	enum { TRIES = 100, PAUSE = 50 };

	for (int i = 0; i < TRIES; i++) {
		int slot = claim();

		if (slot >= 0)
			return pool[slot];
		v6_raw_sleep_microseconds(PAUSE);
	}
	return NULL;
}

void v6_scratch_release(char *scratch)
{
	size_t slot = (size_t)(scratch - pool[0]) / V6_SCRATCH_SIZE;

	atomic_fetch_and_explicit(&taken, ~(UINT64_C(1) << slot), memory_order_release);
}
