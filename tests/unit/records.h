/*
 * Records at random, for those who write them and those who read them back: every key there or
 * absent, every number at its ends.
 */
#ifndef UNIT_RECORDS_H
#define UNIT_RECORDS_H

#include "unit.h"

#include "core/record.h"

#include <limits.h>

/* One time in three. */
static inline bool absent(uint64_t *seed)
{
	return random_below(seed, 3) == 0;
}

static inline int random_bit(uint64_t *seed)
{
	return (int)random_below(seed, 3) - 1;
}

/* Of any number of digits. */
static inline int random_natural(uint64_t *seed, int if_absent)
{
	unsigned shift = random_below(seed, 32);

	return absent(seed) ? if_absent : (int)(random_next(seed) >> 33 >> shift);
}

/* Valid UTF-8, controls, quotes and backslashes included. */
static inline struct v6_slice random_string(uint64_t *seed, char *room, size_t size)
{
	static const uint32_t limits[] = {0x80, 0x80, 0x80, 0x800, 0x10000, 0x110000};
	size_t len = 0, wanted = random_below(seed, 40);

	while (len < wanted && len + 4 < size) {
		uint32_t c = random_below(seed, limits[random_below(seed, COUNT(limits))]);
		unsigned char utf8[4];
		size_t n = utf8_encode(c, utf8);

		memcpy(room + len, utf8, n);
		len += n;
	}
	return (struct v6_slice){room, len};
}

static inline struct v6_address random_address(uint64_t *seed)
{
	struct v6_address a = {.family = random_below(seed, 3)};
	bool few = random_below(seed, 2);

	if (a.family == V6_FAMILY_OTHER)
		return a;
	a.port = (uint16_t)random_next(seed);
	for (int i = 0; i < (a.family == V6_FAMILY_INET ? 4 : 16); i++)
		if (!few || !random_below(seed, 4))
			a.bytes[i] = (uint8_t)random_next(seed);
	if (a.family == V6_FAMILY_INET)
		return a;
	if (absent(seed))
		memset(a.bytes, 0, random_below(seed, 17));
	if (absent(seed)) {
		memset(a.bytes, 0, 10);
		a.bytes[10] = a.bytes[11] = 0xff;
	}
	if (absent(seed))
		a.scope = (uint32_t)random_next(seed);
	return a;
}

static inline struct v6_families random_families(uint64_t *seed)
{
	struct v6_families f = {
		.count = absent(seed) ? 0 : random_below(seed, V6_FAMILIES_MAX + 1)};

	f.inet6 = (uint32_t)(random_next(seed) & ((UINT64_C(1) << f.count) - 1));
	return f;
}

/* `room` holds its strings. What its event has no keys for is left absent. */
static inline struct v6_record random_record(uint64_t *seed, char room[3][256])
{
	static const int protos[] = {-1, 0, 6, 17, 47, 58, 132, 255, 262, 65535};
	struct v6_record r;

	v6_record_init(&r, random_below(seed, V6_EVENT_ERROR + 1));
	/* To the end of the year 9999. */
	r.time = (int64_t)(random_next(seed) % UINT64_C(253402300800000000));
	r.pid = random_natural(seed, 1) + 1;
	r.program = random_string(seed, room[0], 256);
	r.via = random_below(seed, V6_VIA_SUPERVISE + 1);
	r.facts.family = random_below(seed, 3);
	r.facts.type = random_below(seed, V6_TYPE_OTHER + 1);
	r.facts.address = random_address(seed);
	r.facts.asked = random_bit(seed);
	r.facts.before = random_bit(seed);
	r.after = random_bit(seed);
	r.fd = random_natural(seed, -1);
	r.proto = protos[random_below(seed, COUNT(protos))];
	r.serves = random_below(seed, 4);
	r.families_before = random_families(seed);
	r.families_after = random_families(seed);
	if (r.has_policy) {
		r.policy = random_below(seed, V6_POLICY_DEFAULT_BOTH + 1);
		r.mode = random_below(seed, 2);
		r.verdict.action = random_below(seed, V6_ACTION_REORDER + 1);
		r.verdict.finding = random_below(seed, V6_FINDING_CONTRARY + 1);
	}
	r.rule = absent(seed) ? 0 : 1 + random_below(seed, V6_RULES_MAX);
	r.holder.known = !absent(seed);
	if (r.holder.known) {
		r.holder.fd = random_natural(seed, -1);
		r.holder.pid = random_natural(seed, 0);
		r.holder.uid = absent(seed) ? -1 : (int64_t)(uint32_t)random_next(seed);
		r.holder.program = random_string(seed, room[1], 256);
		r.holder.address = random_address(seed);
		r.holder.v6only = random_bit(seed);
	}
	r.has_result = !absent(seed);
	if (r.has_result)
		r.result = (int64_t)random_next(seed) >> random_below(seed, 64);
	r.error = absent(seed) ? 0 : (int)random_below(seed, 200);
	r.count = absent(seed) ? 0 : random_next(seed) >> 1 >> random_below(seed, 63);
	r.note = random_string(seed, room[2], 256);
	if (r.facts.event == V6_EVENT_LOAD) {
		r.version = slice("0.1.0");
		r.settings = slice(absent(seed) ? "{}"
						: "{\"policy\":{\"value\":\"both\",\"origin\":"
						  "\"option\"}}");
	}
	return r;
}

#endif
