#include "ports.h"

#include <stdatomic.h>

#include "forbidden.h"

static _Atomic uint32_t marks[2][65536 / 32];

static _Atomic uint32_t *word(enum v6_family family, uint16_t port)
{
	return &marks[family == V6_FAMILY_INET6][port / 32];
}

void v6_ports_mark(enum v6_family family, uint16_t port)
{
	atomic_fetch_or_explicit(
		word(family, port), UINT32_C(1) << port % 32, memory_order_relaxed);
}

bool v6_ports_marked(enum v6_family family, uint16_t port)
{
	return atomic_load_explicit(word(family, port), memory_order_relaxed) >> port % 32 & 1;
}
