#include "scratch.h"

#include <stdatomic.h>

#include "raw.h"

#include "forbidden.h"

static char pool[V6_SCRATCH_SLOTS][V6_SCRATCH_SIZE];

/* The process id of each slot's owner, 0 while it is free. */
static atomic_int owners[V6_SCRATCH_SLOTS];

static bool take(int slot, int from, int pid)
{
	return atomic_compare_exchange_strong_explicit(
		&owners[slot], &from, pid, memory_order_acquire, memory_order_relaxed);
}

static int owner_of(int slot)
{
	return atomic_load_explicit(&owners[slot], memory_order_relaxed);
}

/* The lowest free slot, so that a process that writes little touches little memory. */
static char *claim_free(int pid)
{
	for (int slot = 0; slot < V6_SCRATCH_SLOTS; slot++)
		if (!owner_of(slot) && take(slot, 0, pid))
			return pool[slot];
	return NULL;
}

/*
 * One that fork left behind: its owner was a thread of the parent's. A child of
 * vfork sees its parent's in use, but not for as long as all were tried before.
 */
static char *claim_left(int pid)
{
	for (int slot = 0; slot < V6_SCRATCH_SLOTS; slot++) {
		int owner = owner_of(slot);

		if (owner != pid && take(slot, owner, pid))
			return pool[slot];
	}
	return NULL;
}

char *v6_scratch_claim_for(int pid)
{
	enum { TRIES = 100, PAUSE = 50 };

	for (int i = 0; i < TRIES; i++) {
		char *scratch = claim_free(pid);

		if (scratch)
			return scratch;
		v6_raw_sleep_microseconds(PAUSE);
	}
	return claim_left(pid);
}

char *v6_scratch_claim(void)
{
	return v6_scratch_claim_for(v6_raw_getpid());
}

void v6_scratch_release(char *scratch)
{
	size_t slot = (size_t)(scratch - pool[0]) / V6_SCRATCH_SIZE;

	atomic_store_explicit(&owners[slot], 0, memory_order_release);
}
