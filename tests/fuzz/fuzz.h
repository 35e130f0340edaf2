/*
 * fuzz.h - what the fuzz targets share: a check that ends the target with its own words, and what
 * holds of every text.
 *
 * A target is one file with a LLVMFuzzerTestOneInput (llvm.org/docs/LibFuzzer.html). It looks for
 * crashes, which the sanitizers see, and for broken promises, which CHECK() turns into crashes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* abort() is what libFuzzer and AFL++ both take for a crash. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fuzz_fail(__FILE__, __LINE__, #condition);                                 \
	} while (0)

static inline _Noreturn void fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: promise broken: %s\n", file, line, condition);
	abort();
}

static inline bool fuzz_within(struct v6_slice part, struct v6_slice whole)
{
	return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

/* Nothing that a terminal would take for an order: valid UTF-8 without control characters. */
static inline void fuzz_check_shown(struct v6_slice text)
{
	while (text.len) {
		size_t n = v6_utf8_length(text.ptr, text.len);
		unsigned char c = (unsigned char)*text.ptr;

		CHECK(n);
		CHECK(c >= 0x20 && c != 0x7f);
		CHECK(!(n == 2 && c == 0xc2 && (unsigned char)text.ptr[1] < 0xa0));
		text = v6_slice_from(text, n);
	}
}

/* A bounded text is what its header says. */
static inline void fuzz_check_text(const struct v6_text *t)
{
	CHECK(t->len < t->size);
	CHECK(!t->buf[t->len]);
}
