#include "report_pool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADS = 1 << 14, BLOCK = 1 << 16 };

struct v6_pool_string {
	struct v6_pool_string *next; /* with the same head */
	uint64_t hash;
	size_t len;
	char text[];
};

struct v6_pool_block {
	struct v6_pool_block *next;
	size_t used;
	_Alignas(struct v6_pool_string) char bytes[BLOCK];
};

uint64_t v6_hash_seed(void)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	uint64_t seed = 0;

	if (fd >= 0) {
		/* Without it the hash is as good, but for who chose the log's strings. */
		if (read(fd, &seed, sizeof(seed)) < 0)
			seed = 0;
		close(fd);
	}
	return seed;
}

uint64_t v6_hash_bytes(uint64_t hash, const char *bytes, size_t len)
{
	uint64_t word;

	hash = v6_hash(hash, len);
	for (; len >= sizeof(word); len -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = v6_hash(hash, word);
	}
	word = 0;
	if (len)
		memcpy(&word, bytes, len);
	return v6_hash(hash, word);
}

bool v6_pool_init(struct v6_pool *pool)
{
	*pool = (struct v6_pool){.seed = v6_hash_seed()};
	pool->heads = calloc(HEADS, sizeof(*pool->heads));
	return pool->heads != NULL;
}

void v6_pool_free(struct v6_pool *pool)
{
	while (pool->blocks) {
		struct v6_pool_block *next = pool->blocks->next;

		free(pool->blocks);
		pool->blocks = next;
	}
	free(pool->heads);
	pool->heads = NULL;
}

/* Memory for a string of that length; NULL where the pool is full. */
static struct v6_pool_string *make(struct v6_pool *pool, size_t len)
{
	size_t align = _Alignof(struct v6_pool_string);
	size_t size = (sizeof(struct v6_pool_string) + len + align - 1) / align * align;
	struct v6_pool_block *block = pool->blocks;
	struct v6_pool_string *made;

	if (!block || block->used + size > BLOCK) {
		if (pool->bytes + sizeof(*block) > V6_POOL_MAX)
			return NULL;
		block = malloc(sizeof(*block));
		if (!block)
			return NULL;
		block->next = pool->blocks;
		block->used = 0;
		pool->blocks = block;
		pool->bytes += sizeof(*block);
	}
	made = (struct v6_pool_string *)(void *)(block->bytes + block->used);
	block->used += size;
	return made;
}

struct v6_slice v6_pool_keep(struct v6_pool *pool, struct v6_slice text)
{
	static const char full[] = "(not kept)";
	size_t len = text.len < V6_POOL_STRING_MAX ? text.len : V6_POOL_STRING_MAX;
	uint64_t hash = v6_hash_bytes(pool->seed, text.ptr, len);
	struct v6_pool_string **head = &pool->heads[hash % HEADS], *s;

	if (!len)
		return (struct v6_slice){"", 0};
	for (s = *head; s; s = s->next)
		if (s->hash == hash && s->len == len && !memcmp(s->text, text.ptr, len))
			return (struct v6_slice){s->text, len};
	s = make(pool, len);
	if (!s)
		return (struct v6_slice){full, sizeof(full) - 1};
	s->next = *head;
	s->hash = hash;
	s->len = len;
	memcpy(s->text, text.ptr, len);
	*head = s;
	return (struct v6_slice){s->text, len};
}
