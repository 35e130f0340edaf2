/*
 * Reading back what v6_record_json wrote: one line of JSON -> one record.
 *
 * Pure: no allocation, no system call, no global that changes, no errno; time
 * linear in the line, memory constant, no recursion. Not one byte outside the
 * line is read, so that it may come from anywhere.
 *
 * Sources: RFC 8259 (JSON), RFC 3629 (UTF-8), RFC 3339 (time), RFC 4291 2.2
 * (IPv6 text), DESIGN.md 1.6 (the keys).
 */
#ifndef V6_RECORD_PARSE_H
#define V6_RECORD_PARSE_H

#include "record.h"

enum v6_parse {
	V6_PARSE_OK,
	V6_PARSE_BAD,     /* not JSON, or not a record: *problem says what and where */
	V6_PARSE_FOREIGN, /* an object whose `v` is not V6_RECORD_VERSION, or that has none */
};

/* How deep arrays and objects may stand in each other in the value of an unknown key. */
enum { V6_PARSE_DEPTH = 64 };

struct v6_parse_problem {
	size_t column;        /* bytes from 1; one past the line where it ends too early */
	const char *key;      /* the known key whose value it is, or NULL */
	const char *expected; /* what should stand there: "',' or '}'" */
};

/*
 * Reads one line, with or without its newline: one JSON object, blanks around it.
 * Keys may come in any order. An unknown key is skipped, whatever its value; a known
 * one must be of its type, within its range, and stand there once. `v`, `time`,
 * `pid` and `event` must be there.
 *
 * The record's strings are slices of the line, or of scratch where there were
 * escapes to decode; both must outlive it. scratch needs line.len bytes at most.
 * `want`, which is not written, is what the action stands for; `asked` of a
 * setsockopt record is its `value`.
 *
 * *r is filled on V6_PARSE_OK, *problem otherwise; the other one is left alone.
 */
enum v6_parse v6_record_parse(struct v6_record *r, struct v6_slice line, char *scratch, size_t size,
	struct v6_parse_problem *problem);

/*
 * RFC 3339 -> microseconds since the epoch. Any offset, any number of digits
 * after the second (what is finer than a microsecond is cut off), leap seconds
 * as the second that follows. false, and *microseconds left alone, for anything else.
 */
bool v6_time_parse(struct v6_slice text, int64_t *microseconds);

/*
 * "127.0.0.1", "::ffff:1.2.3.4", "fe80::1%2" (the scope in digits) -> address, its
 * port left as it was. false, and *a left alone, for anything else.
 */
bool v6_address_parse(struct v6_slice text, struct v6_address *a);

#endif
