/*
 * A hash table from bytes to pointers.
 */
#ifndef V6_REPORT_MAP_H
#define V6_REPORT_MAP_H

#include "../../core/text.h"

/* Zero at first. */
struct v6_map {
	struct v6_map_entry *entries;
	size_t room, count;
};

/* The value of a key: NULL where it is new. The place is good until the next call. */
void **v6_map_at(struct v6_map *map, const void *key, size_t len);

/* The same text in the map's own memory; equal texts have one place. */
struct v6_slice v6_map_keep(struct v6_map *map, struct v6_slice text);

/* `drop`, unless NULL, is given each value. */
void v6_map_free(struct v6_map *map, void (*drop)(void *value));

#endif
