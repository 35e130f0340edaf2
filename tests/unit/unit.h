/*
 * unit.h - what the unit tests share: cmocka, memory that ends where it ends, numbers that repeat,
 * and UTF-8 decided the long way round.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "core/text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/*
 * A test, `TEST(what_holds) { ... }`, is run by its being there, in the order of the file; and
 * RUN_TESTS() ends the file.
 */
static struct CMUnitTest tests[64];

static inline void add_test(const char *name, CMUnitTestFunction function)
{
	static size_t count;

	if (count == COUNT(tests))
		abort();
	tests[count].name = name;
	tests[count++].test_func = function;
}

#define TEST(what)                                                                                 \
	static void what(void **state);                                                            \
	__attribute__((constructor)) static void add_##what(void)                                  \
	{                                                                                          \
		add_test(#what, what);                                                             \
	}                                                                                          \
	static void what(__attribute__((unused)) void **state)

#define RUN_TESTS()                                                                                \
	int main(void)                                                                             \
	{                                                                                          \
		return cmocka_run_group_tests(tests, NULL, NULL);                                  \
	}

/*
 * Begins a test that compares with what glibc does where no standard decides: inet_ntop(3) of IPv6
 * addresses, fnmatch(3) of odd brackets. Other libcs do it otherwise.
 */
#ifdef __GLIBC__
#define ONLY_GLIBC() ((void)0)
#else
#define ONLY_GLIBC()                                                                               \
	do {                                                                                       \
		print_message("# compared with what glibc alone does\n");                          \
		skip();                                                                            \
	} while (0)
#endif

static inline struct v6_slice slice(const char *str)
{
	return (struct v6_slice){str, strlen(str)};
}

/* SplitMix64: the same numbers on every machine, from a seed that stands in the test. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline unsigned random_below(uint64_t *state, unsigned limit)
{
	return (unsigned)(random_next(state) % limit);
}

/* The next combination of a value for each axis, as an odometer turns; false past the last. */
static inline bool next_of(unsigned *at, const unsigned *sizes, int axes)
{
	for (int i = axes - 1; i >= 0; i--) {
		if (++at[i] < sizes[i])
			return true;
		at[i] = 0;
	}
	return false;
}

/*
 * FENCE_SIZE bytes with a page on each side that cannot be touched, so that a byte too far in
 * either direction ends the test. Mapped once and kept.
 */
enum { FENCE_PAGE = 65536, FENCE_SIZE = FENCE_PAGE };

static inline char *fence(void)
{
	static char *inside;
	char *outside;

	if (inside)
		return inside;
	outside = mmap(NULL, 3 * (size_t)FENCE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(outside != MAP_FAILED);
	inside = outside + FENCE_PAGE;
	assert_int_equal(mprotect(inside, FENCE_SIZE, PROT_READ | PROT_WRITE), 0);
	return inside;
}

/* The fence's last `size` bytes: nothing behind them. */
static inline char *fence_last(size_t size)
{
	assert_true(size <= FENCE_SIZE);
	return fence() + FENCE_SIZE - size;
}

/* The bytes where one more cannot be read, and no NUL follows. */
static inline struct v6_slice fenced(const char *bytes, size_t len)
{
	return (struct v6_slice){memcpy(fence_last(len), bytes, len), len};
}

/* RFC 3629, section 3: the one encoding of a scalar value; 0 where it is none. */
static inline size_t utf8_encode(uint32_t c, unsigned char out[4])
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (unsigned char)(0x80 | (c & 0x3f));
	out[0] = (unsigned char)(lead[n] | c);
	return n;
}

/*
 * The length of the character that the bytes begin with, 0 where they begin with none; *c is its
 * scalar value. Decides without a table of ranges: whatever the bits say, encoded anew, must be
 * the same bytes.
 */
static inline size_t utf8_decode(const char *bytes, size_t len, uint32_t *c)
{
	static const unsigned char payload[] = {0, 0x7f, 0x1f, 0x0f, 0x07};

	for (size_t n = 1; n <= 4 && n <= len; n++) {
		unsigned char again[4];

		*c = (unsigned char)bytes[0] & payload[n];
		for (size_t i = 1; i < n; i++)
			*c = *c << 6 | ((unsigned char)bytes[i] & 0x3f);
		if (utf8_encode(*c, again) == n && !memcmp(again, bytes, n))
			return n;
	}
	return 0;
}
