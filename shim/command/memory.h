/*
 * Memory that is kept until the command ends. Where there is none it ends: "v6shim: no memory",
 * V6_EXIT_USAGE.
 */
#pragma once

#include <stddef.h>

/* Zeroed, aligned for anything. */
void *v6_keep(size_t size);

/* A copy of len bytes, NUL-terminated. */
char *v6_keep_bytes(const char *bytes, size_t len);

/* "abc" of "a", "b" and "c"; the list ends with NULL. */
__attribute__((sentinel)) char *v6_keep_joined(const char *first, ...);

/* A new element at the end of an array that begins as NULL and 0, zeroed. Its elements move. */
#define V6_ADD(array, count)                                                                       \
	((array) = v6_grow(array, count, sizeof(*(array))), &(array)[(count)++])
void *v6_grow(void *array, size_t count, size_t size);

/* The pointer, which is not NULL. */
void *v6_need(void *pointer);
