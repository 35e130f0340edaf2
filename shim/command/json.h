/*
 * JSON on standard output (RFC 8259), one value after another: commas and quotes
 * are the writer's. The key is NULL in an array and of a value of its own; values that
 * are not known are for the caller to leave out.
 */
#ifndef V6_JSON_H
#define V6_JSON_H

#include "../core/text.h"

/* '{' or '[', and its end; at most 16 in one another. The end of the outermost prints a newline. */
void v6_json_begin(const char *key, char bracket);
void v6_json_end(void);

/* Bytes that are no UTF-8 become U+FFFD. */
void v6_json_slice(const char *key, struct v6_slice value);
void v6_json_string(const char *key, const char *value);
void v6_json_int(const char *key, int64_t value);
void v6_json_uint(const char *key, uint64_t value);
/* Members that are JSON already, without their braces. */
void v6_json_members(struct v6_slice members);
void v6_json_bool(const char *key, bool value);

#endif
