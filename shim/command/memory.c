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

struct chunk {
	struct chunk *next, *previous;
	alignas(max_align_t) char bytes[];
};

/* A ring, so that nothing is at its end. */
static struct chunk kept = {&kept, &kept};

void *v6_keep(size_t size)
{
	struct chunk *chunk = v6_need(calloc(1, sizeof(*chunk) + size));

	chunk->next = kept.next;
	chunk->previous = &kept;
	chunk->next->previous = kept.next = chunk;
	return chunk->bytes;
}

/* There is room up to the next power of two. */
void *v6_grow(void *array, size_t count, size_t size)
{
	struct chunk *chunk;

	if (!count)
		return v6_keep(size);
	if (!(count & (count - 1))) {
		chunk = (struct chunk *)((char *)array - offsetof(struct chunk, bytes));
		chunk = v6_need(realloc(chunk, sizeof(*chunk) + 2 * count * size));
		chunk->next->previous = chunk->previous->next = chunk;
		array = chunk->bytes;
	}
	memset((char *)array + count * size, 0, size);
	return array;
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
