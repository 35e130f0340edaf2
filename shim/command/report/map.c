#include "map.h"

#include <stdlib.h>

#include "../memory.h"

struct v6_map_entry {
	char *key; /* NULL: free */
	size_t len;
	uint64_t hash;
	void *value;
};

/* FNV-1a. */
static uint64_t hash_of(const unsigned char *key, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ key[i]) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 32;
}

/* Where the key is, or where it goes. */
static struct v6_map_entry *find(
	const struct v6_map *map, const void *key, size_t len, uint64_t hash)
{
	size_t i = hash & (map->room - 1);

	while (map->entries[i].key && (map->entries[i].hash != hash || map->entries[i].len != len ||
					      memcmp(map->entries[i].key, key, len)))
		i = (i + 1) & (map->room - 1);
	return &map->entries[i];
}

static void grow(struct v6_map *map)
{
	struct v6_map old = *map;

	map->room = old.room ? old.room * 2 : 64;
	map->entries = v6_resize(NULL, map->room * sizeof(*map->entries));
	memset(map->entries, 0, map->room * sizeof(*map->entries));
	for (size_t i = 0; i < old.room; i++)
		if (old.entries[i].key)
			*find(map, old.entries[i].key, old.entries[i].len, old.entries[i].hash) =
				old.entries[i];
	free(old.entries);
}

static struct v6_map_entry *entry_of(struct v6_map *map, const void *key, size_t len)
{
	uint64_t hash = hash_of(key, len);
	struct v6_map_entry *e;

	if (map->count >= map->room / 2)
		grow(map);
	e = find(map, key, len, hash);
	if (e->key)
		return e;
	*e = (struct v6_map_entry){
		memcpy(v6_resize(NULL, len), key, len), len, hash, NULL};
	map->count++;
	return e;
}

void **v6_map_at(struct v6_map *map, const void *key, size_t len)
{
	return &entry_of(map, key, len)->value;
}

struct v6_slice v6_map_keep(struct v6_map *map, struct v6_slice text)
{
	if (!text.len)
		return (struct v6_slice){"", 0};
	return (struct v6_slice){entry_of(map, text.ptr, text.len)->key, text.len};
}

void v6_map_free(struct v6_map *map, void (*drop)(void *value))
{
	for (size_t i = 0; i < map->room; i++) {
		if (drop)
			drop(map->entries[i].value);
		free(map->entries[i].key);
	}
	free(map->entries);
	*map = (struct v6_map){0};
}
