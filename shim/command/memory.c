#include "memory.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

struct chunk {
	struct chunk *before;
	alignas(max_align_t) char bytes[];
};

void *v6_need(void *pointer)
{
	if (!pointer) {
		v6_complain("no memory");
		exit(V6_EXIT_USAGE);
	}
	return pointer;
}

void *v6_keep(size_t size)
{
	static struct chunk *last;
	struct chunk *chunk = v6_need(calloc(1, sizeof(*chunk) + size));

	chunk->before = last;
	last = chunk;
	return chunk->bytes;
}

/* There is room up to the next power of two. What it grows out of is kept. */
void *v6_grow(void *array, size_t count, size_t size)
{
	if (!count)
		return v6_keep(size);
	return count & (count - 1) ? array : memcpy(v6_keep(2 * count * size), array, count * size);
}

char *v6_keep_bytes(const char *bytes, size_t len)
{
	return memcpy(v6_keep(len + 1), bytes, len);
}

char *v6_keep_joined(const char *first, ...)
{
	char *text = v6_keep(1), *longer;
	va_list args;

	va_start(args, first);
	for (const char *part = first; part; part = va_arg(args, const char *)) {
		longer = v6_keep(strlen(text) + strlen(part) + 1);
		strcpy(stpcpy(longer, text), part);
		text = longer;
	}
	va_end(args);
	return text;
}
