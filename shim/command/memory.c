#include "memory.h"

#include <stdlib.h>

#include "command.h"

void *v6_need(void *pointer)
{
	if (!pointer) {
		v6_complain("no memory");
		exit(V6_EXIT_USAGE);
	}
	return pointer;
}

void *v6_resize(void *memory, size_t size)
{
	return v6_need(realloc(memory, size ? size : 1));
}

void *v6_grow(void *array, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return array;
	*room = *room ? *room * 2 : 16;
	return v6_resize(array, *room * size);
}
