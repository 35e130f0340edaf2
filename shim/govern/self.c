#include "self.h"

#include <stddef.h>

#include "sys.h"

#include "forbidden.h"

enum { WIPE_ON_FORK = 18 }; /* MADV_WIPEONFORK; older headers lack it */

static struct v6_self *_Atomic page;
static struct v6_self plain;
static v6_self_clock *clock_of;

void v6_self_use_clock(v6_self_clock *clock)
{
	clock_of = clock;
}

/* Which of the two it is; settled by the first that comes. */
static struct v6_self *settle(void)
{
	struct v6_self *mine = v6_sys_map(sizeof(*mine), WIPE_ON_FORK), *first = NULL;

	if (!mine)
		mine = &plain;
	if (atomic_compare_exchange_strong(&page, &first, mine))
		return mine;
	if (mine != &plain)
		v6_sys_unmap(mine, sizeof(*mine));
	return first;
}

/*
 * Whether a thread of the process `pid` is running, and no child of vfork, which has its memory. libc
 * keeps the thread's id there, and clock_getcpuclockid(3) the id in the clock's: all but three bits of it.
 */
static bool is_process(int pid)
{
	clockid_t clock;
	int thread;

	if (!clock_of || clock_of(pthread_self(), &clock))
		return true;
	thread = ~(clock >> 3);
	return thread == pid || thread == v6_sys_gettid();
}

struct v6_self *v6_self(void)
{
	struct v6_self *self = atomic_load_explicit(&page, memory_order_acquire);
	int pid;

	if (!self)
		self = settle();
	if (self != &plain && atomic_load_explicit(&self->pid, memory_order_relaxed))
		return self;
	pid = v6_sys_getpid();
	/* The page is the parent's to settle: a child that comes before it has what a process without one has. */
	if (!is_process(pid))
		self = &plain;
	if (self->pid != pid) {
		self->load = 0;
		self->lost = 0;
		self->opening = false;
		self->looked = 0;
		self->pid = pid;
	}
	return self;
}

void v6_self_become(struct v6_self *other)
{
	atomic_store(&page, other);
}

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

		/* Signed: another thread may have claimed it in a second that is later than ours. */
		if ((!since || (int)(second - since) > V6_SCRATCH_STALE) &&
			atomic_compare_exchange_strong_explicit(&claimed[slot], &since, second,
				memory_order_acquire, memory_order_relaxed))
			return at + (size_t)slot * V6_SCRATCH_SIZE;
	}
	return NULL;
}

char *v6_scratch_claim(void)
{
	enum { TRIES = 100, PAUSE = 50 };
	unsigned second = (unsigned)(v6_sys_now() / 1000000) | 1;
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
