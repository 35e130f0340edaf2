#include "asked.h"

#include <stdatomic.h>

#include "../core/terms.h"
#include "forbidden.h"

/*
 * A slot is one atomic word, the cookie shifted by one with the value below it:
 * never half written. Cookies count upwards, in batches to each processor
 * (net/core/sock_diag.c, __sock_gen_cookie): the hash keeps neighbours in time
 * and the batches' beginnings apart (Fibonacci hashing, the upper 12 bits).
 */
static _Atomic uint64_t slots[V6_ASKED_SLOTS];

/* Whether any socket ever asked, so that most programs are spared the question for the cookie. */
static atomic_bool any;

_Static_assert(V6_ASKED_SLOTS == 1 << 12, "the hash gives 12 bits");

static _Atomic uint64_t *slot_of(uint64_t cookie)
{
	return &slots[(cookie * UINT64_C(0x9E3779B97F4A7C15)) >> 52];
}

void v6_asked_add(uint64_t cookie, int value)
{
	if (!cookie)
		return;
	atomic_store_explicit(slot_of(cookie), cookie << 1 | (value != 0), memory_order_relaxed);
	atomic_store_explicit(&any, true, memory_order_relaxed);
}

bool v6_asked_any(void)
{
	return atomic_load_explicit(&any, memory_order_relaxed);
}

int v6_asked_find(uint64_t cookie)
{
	uint64_t word;

	if (!cookie)
		return V6_UNKNOWN;
	word = atomic_load_explicit(slot_of(cookie), memory_order_relaxed);
	return word >> 1 == (cookie & UINT64_MAX >> 1) ? (int)(word & 1) : V6_UNKNOWN;
}
