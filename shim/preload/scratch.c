#include "scratch.h"

#include <stdatomic.h>

#include "raw.h"

#include "forbidden.h"

static char pool[V6_SCRATCH_SLOTS][V6_SCRATCH_SIZE];

/* The thread id of each slot's owner, 0 while it is free. */
static atomic_int owners[V6_SCRATCH_SLOTS];

static bool take(int slot, int from, int tid)
{
	return atomic_compare_exchange_strong_explicit(
		&owners[slot], &from, tid, memory_order_acquire, memory_order_relaxed);
}

static int owner_of(int slot)
{
	return atomic_load_explicit(&owners[slot], memory_order_relaxed);
}

/* The lowest free slot, so that a process that writes little touches little memory. */
static char *claim_free(int tid)
{
	for (int slot = 0; slot < V6_SCRATCH_SLOTS; slot++)
		if (!owner_of(slot) && take(slot, 0, tid))
			return pool[slot];
	return NULL;
}

/* Whether this thread holds more than calls in handlers in calls do: three each. */
static bool jumped(int tid)
{
	enum { NESTED = 4 * 3 };
	int held = 0;

	for (int slot = 0; slot < V6_SCRATCH_SLOTS; slot++)
		held += owner_of(slot) == tid;
	return held > NESTED;
}

/*
 * One that was left behind: its owner was a thread of the parent's at fork, or was
 * cancelled; or this thread's, whose handler jumped out of a call: the lowest, for
 * what is in use was claimed after that. A child of vfork sees its parent's in use,
 * but not for as long as all were tried before.
 */
static char *claim_left(int tid)
{
	bool own = jumped(tid);

	for (int slot = 0; slot < V6_SCRATCH_SLOTS; slot++) {
		int owner = owner_of(slot);

		if (owner && (owner == tid ? own : v6_raw_thread_gone(owner)) &&
			take(slot, owner, tid))
			return pool[slot];
	}
	return NULL;
}

char *v6_scratch_claim_for(int tid)
{
	enum { TRIES = 100, PAUSE = 50 };

	for (int i = 0; i < TRIES; i++) {
		char *scratch = claim_free(tid);

		if (scratch)
			return scratch;
		v6_raw_sleep_microseconds(PAUSE);
	}
	return claim_left(tid);
}

char *v6_scratch_claim(void)
{
	return v6_scratch_claim_for(v6_raw_gettid());
}

void v6_scratch_release(char *scratch)
{
	size_t slot = (size_t)(scratch - pool[0]) / V6_SCRATCH_SIZE;

	atomic_store_explicit(&owners[slot], 0, memory_order_release);
}
