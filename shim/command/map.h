/*
 * Memory by key: what is had for the same bytes is the same.
 */
#ifndef V6_MAP_H
#define V6_MAP_H

#include "../core/text.h"

struct v6_map {
	void *root; /* NULL at first */
};

/* `size` bytes that stay where they are as long as the map; zero where the key is new. */
void *v6_map_at(struct v6_map *map, const void *key, size_t len, size_t size);

/* The same text in the map's own memory; equal texts have one place. */
struct v6_slice v6_map_keep(struct v6_map *map, struct v6_slice text);

void v6_map_free(struct v6_map *map);

#endif
