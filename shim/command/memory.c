#include "memory.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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
	*room = *room ? *room * 2 : 2;
	return v6_resize(array, *room * size);
}

struct chunk {
	struct chunk *next;
	alignas(max_align_t) char bytes[];
};

/* Held together, so that a leak checker sees that it is kept on purpose. */
static struct chunk *kept;

void *v6_keep(size_t size)
{
	struct chunk *chunk = v6_resize(NULL, sizeof(*chunk) + size);

	chunk->next = kept;
	kept = chunk;
	return memset(chunk->bytes, 0, size);
}

char *v6_keep_bytes(const char *bytes, size_t len)
{
	return memcpy(v6_keep(len + 1), bytes, len);
}

char *v6_keep_joined(const char *first, ...)
{
	size_t size = 1;
	va_list args;
	char *text;

	va_start(args, first);
	for (const char *part = first; part; part = va_arg(args, const char *))
		size += strlen(part);
	va_end(args);
	text = v6_keep(size);
	va_start(args, first);
	for (const char *part = first; part; part = va_arg(args, const char *))
		strcat(text, part);
	va_end(args);
	return text;
}
