/*
 * fuzz.h - what the fuzz targets share: a check that ends the target with its own words, input
 * taken apart byte by byte, and memory that ends where it ends.
 *
 * A target is one file with a LLVMFuzzerTestOneInput (llvm.org/docs/LibFuzzer.html). It looks for
 * crashes, which the sanitizers see, and for broken promises, which CHECK() turns into crashes.
 */
#ifndef FUZZ_H
#define FUZZ_H

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

/* The input on its way; what is missing at its end is 0. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

static inline uint16_t fuzz_word(struct fuzz_input *in)
{
	uint16_t low = fuzz_byte(in);

	return (uint16_t)(low | fuzz_byte(in) << 8);
}

/* Up to `len` bytes of it, where they stand. */
static inline struct v6_slice fuzz_bytes(struct fuzz_input *in, size_t len)
{
	struct v6_slice s = {(const char *)in->at, len < in->left ? len : in->left};

	in->at += s.len;
	in->left -= s.len;
	return s;
}

/*
 * The bytes in memory of their own that ends with them and begins `shift` bytes before them, for
 * the sanitizer to see one byte too many. free() it at ptr - shift.
 */
static inline struct v6_slice fuzz_exact(struct v6_slice bytes, size_t shift)
{
	char *copy = malloc(bytes.len + shift);

	CHECK(copy || !(bytes.len + shift));
	if (bytes.len)
		memcpy(copy + shift, bytes.ptr, bytes.len);
	return (struct v6_slice){copy + shift, bytes.len};
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

#endif
