/*
 * Bounded appending of text into memory of the caller's.
 *
 * Nothing here allocates, calls the system or touches errno, so all of it may
 * run in a signal handler. What does not fit is cut and `full` is set; the text
 * is NUL-terminated at every moment (size must be at least 1).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct v6_text {
	char *buf;   /* the caller's memory */
	size_t size; /* bytes in buf, the terminating NUL included */
	size_t len;  /* bytes written, the NUL not counted: always < size */
	bool full;   /* something did not fit and was cut */
};

/* Runs once or seldom, and is loaded into every process: the compiler makes it small. */
#define V6_COLD __attribute__((cold))

/* A run of bytes inside somebody else's text; not NUL-terminated. */
struct v6_slice {
	const char *ptr;
	size_t len;
};

bool v6_slice_is(struct v6_slice slice, const char *str);
bool v6_slice_begins(struct v6_slice slice, const char *str);
/* Without its first `start` bytes; start must not be beyond its length. */
struct v6_slice v6_slice_from(struct v6_slice slice, size_t start);
struct v6_slice v6_slice_of(const char *str);
/* Without blanks (space, tab, carriage return, newline) at either end. */
struct v6_slice v6_slice_trim(struct v6_slice slice);
/* Takes what stands before `end` off *rest, and `end` with it; all of it where there is none. */
struct v6_slice v6_slice_cut(struct v6_slice *rest, char end);
/* What stands after the last slash. */
struct v6_slice v6_slice_base(struct v6_slice path);
/* Takes the next word off *rest, the blanks before it passed over; empty at the end. */
struct v6_slice v6_slice_word(struct v6_slice *rest);
/* Whether it is a decimal number, digits alone, of at most `most`; *value is left alone if not. */
bool v6_slice_uint(struct v6_slice slice, uint64_t most, uint64_t *value);
/* UTF-8 without control characters: what a line of a file can hold and a terminal show. */
bool v6_slice_is_text(struct v6_slice slice);

/* Starts an empty text in buf. */
struct v6_text v6_text_in(char *buf, size_t size);
/* Declares one of `size` bytes that ends with its block. */
#define V6_TEXT(name, size) struct v6_text name = v6_text_in((char[size]){""}, size)

/* As much of the bytes as there is room for: the way of v6_text_bytes where they do not fit. */
void v6_text_cut(struct v6_text *t, const char *bytes);

/* In the header, so that of literals the compiler knows the length: records consist of them. */
static inline void v6_text_bytes(struct v6_text *t, const char *bytes, size_t len)
{
	if (!len) /* bytes may be NULL */
		return;
	if (len >= t->size - t->len) {
		v6_text_cut(t, bytes);
		return;
	}
	memcpy(t->buf + t->len, bytes, len);
	t->len += len;
	t->buf[t->len] = '\0';
}

static inline void v6_text_str(struct v6_text *t, const char *str)
{
	v6_text_bytes(t, str, strlen(str));
}

void v6_text_char(struct v6_text *t, char c);
void v6_text_slice(struct v6_text *t, struct v6_slice slice);
void v6_text_uint(struct v6_text *t, uint64_t value);
void v6_text_int(struct v6_text *t, int64_t value);

/*
 * A sentence, as printf(3) has it, of these alone: %s, %c, %d, %u, %0Nu, %lld, %%, and %.*s for
 * bytes that a stranger chose, which are written as v6_text_safe() does.
 */
__attribute__((format(printf, 2, 3))) void v6_text_print(
	struct v6_text *t, const char *format, ...);

/* A slice as the two arguments of %.*s. It is evaluated twice: a variable, or what has no effect. */
#define V6_SLICE(slice) (int)(slice).len, (slice).ptr

/* 16 bytes in network order as RFC 5952 has them, spelled as glibc's inet_ntop(3) does. */
void v6_text_in6(struct v6_text *t, const uint8_t addr[16]);

/* 4 bytes in network order, dotted. */
void v6_text_in4(struct v6_text *t, const uint8_t addr[4]);

/*
 * Microseconds since the epoch as RFC 3339 in UTC, "2026-01-02T03:04:05.000006Z".
 * Range: the years 0 to 9999; anything else is written as year 0 or 9999.
 */
void v6_text_time(struct v6_text *t, int64_t microseconds);

/*
 * The bytes as a JSON string with its quotes (RFC 8259). Control characters
 * (C0, DEL, C1), quote and backslash are escaped; a byte that is no part of valid UTF-8 becomes
 * U+FFFD, so that the line is valid JSON whatever a program calls itself.
 */
void v6_text_json(struct v6_text *t, const char *bytes, size_t len);

/*
 * The bytes for a person's eyes on one line: control bytes and invalid UTF-8
 * become \xNN and a backslash \\, so that no name can forge a line or send an
 * escape sequence to a terminal.
 */
void v6_text_safe(struct v6_text *t, const char *bytes, size_t len);

/* How many of the first bytes are ASCII that stands for itself in JSON and for a person's eyes. */
size_t v6_plain_length(const char *bytes, size_t len);

/* Length of the valid UTF-8 sequence that starts at bytes (1..4), or 0. RFC 3629. */
size_t v6_utf8_length(const char *bytes, size_t len);
