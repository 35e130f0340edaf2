#include "map.h"

#include <search.h>
#include <stdlib.h>

#include "memory.h"

struct kept {
	const void *key;
	size_t len;
	void *value;
};

static int compare(const void *a, const void *b)
{
	const struct kept *e = a, *f = b;

	return e->len != f->len ? (e->len > f->len) - (e->len < f->len)
				: memcmp(e->key, f->key, e->len);
}

static struct kept *keep(struct v6_map *map, const void *key, size_t len, size_t size)
{
	/* The entry, its value and its key in one piece, and each aligned. */
	size_t room = (size + 15) / 16 * 16;
	struct kept wanted = {key, len, NULL}, **found = tfind(&wanted, &map->root, compare);
	struct kept *e;

	if (found)
		return *found;
	e = v6_resize(NULL, 32 + room + len);
	*e = (struct kept){(char *)e + 32 + room, len, (char *)e + 32};
	memset(e->value, 0, size);
	memcpy((char *)e + 32 + room, key, len);
	v6_need(tsearch(e, &map->root, compare));
	return e;
}

void *v6_map_at(struct v6_map *map, const void *key, size_t len, size_t size)
{
	return keep(map, key, len, size)->value;
}

struct v6_slice v6_map_keep(struct v6_map *map, struct v6_slice text)
{
	if (!text.len)
		return (struct v6_slice){"", 0};
	return (struct v6_slice){keep(map, text.ptr, text.len, 0)->key, text.len};
}

void v6_map_free(struct v6_map *map)
{
	tdestroy(map->root, free);
	map->root = NULL;
}
