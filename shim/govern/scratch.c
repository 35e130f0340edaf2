#include "scratch.h"

#include <stdatomic.h>

#include "clock.h"
#include "sys.h"

#include "forbidden.h"

static char *_Atomic pool;

/* The second in which each slot was claimed, 0 while it is free. */
static atomic_uint claimed[V6_SCRATCH_SLOTS];

static char *map_pool(void)
{
	const size_t size = (size_t)V6_SCRATCH_SLOTS * V6_SCRATCH_SIZE;
	char *mine = v6_sys_map(size, 0), *first = NULL;

	if (!mine || atomic_compare_exchange_strong(&pool, &first, mine))
		return mine;
	v6_sys_unmap(mine, size);
	return first;
}

/* The lowest free slot, so that a process that writes little touches little memory. */
static char *claim(char *at, unsigned second)
{
	for (int slot = 0; slot < V6_SCRATCH_SLOTS; slot++) {
		unsigned since = atomic_load_explicit(&claimed[slot], memory_order_relaxed);

		if ((!since || second - since > V6_SCRATCH_STALE) &&
			atomic_compare_exchange_strong_explicit(&claimed[slot], &since, second,
				memory_order_acquire, memory_order_relaxed))
			return at + (size_t)slot * V6_SCRATCH_SIZE;
	}
	return NULL;
}

char *v6_scratch_claim(void)
{
	enum { TRIES = 100, PAUSE = 50 };
	unsigned second = (unsigned)(v6_clock_now() / 1000000) | 1;
	char *at = atomic_load_explicit(&pool, memory_order_acquire), *scratch = NULL;

	if (!at)
		at = map_pool();
	for (int i = 0; at && !scratch && i < TRIES; i++) {
		if (i)
			v6_sys_sleep_microseconds(PAUSE);
		scratch = claim(at, second);
	}
	return scratch;
}

void v6_scratch_release(char *scratch)
{
	size_t slot = (size_t)(scratch - atomic_load(&pool)) / V6_SCRATCH_SIZE;

	atomic_store_explicit(&claimed[slot], 0, memory_order_release);
}
