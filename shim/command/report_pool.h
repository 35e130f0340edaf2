/*
 * Strings kept once, in bounded memory: what a log says again and again.
 */
#ifndef V6_REPORT_POOL_H
#define V6_REPORT_POOL_H

#include "../core/text.h"

/* A longer string is cut, and all of them together take no more than POOL_MAX bytes. */
enum { V6_POOL_STRING_MAX = 1024, V6_POOL_MAX = 16 << 20 };

struct v6_pool_block;
struct v6_pool_string;

struct v6_pool {
	struct v6_pool_block *blocks;
	struct v6_pool_string **heads;
	size_t bytes;  /* of all blocks */
	uint64_t seed; /* so that nobody can write a log whose strings all meet in one place */
};

/* false where there is no memory. */
bool v6_pool_init(struct v6_pool *pool);
void v6_pool_free(struct v6_pool *pool);

/*
 * The same bytes in memory that lasts as long as the pool. Equal strings have one
 * place, so that they can be told apart by their pointers. Where the pool is full:
 * "(not kept)". An empty string stays empty, its pointer "".
 */
struct v6_slice v6_pool_keep(struct v6_pool *pool, struct v6_slice text);

/* A hash of what was hashed so far and of one number more; the first `hash` is a seed. */
static inline uint64_t v6_hash(uint64_t hash, uint64_t number)
{
	hash = (hash ^ number) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

uint64_t v6_hash_bytes(uint64_t hash, const char *bytes, size_t len);

/* A number that nobody outside can know: from /dev/urandom. */
uint64_t v6_hash_seed(void);

#endif
