/*
 * JSON on standard output (RFC 8259).
 */
#pragma once

#include "../core/text.h"

/*
 * Prints a piece of JSON, after a comma where one is due. The format is JSON with ' for ": v6_json("{'port':%d}\n", 80). Conversions:
 * %s const char * and %v struct v6_slice as strings, in which bytes that are no UTF-8 become
 * U+FFFD; %d int; %u uint64_t; %b bool; %j struct v6_slice, which is JSON already.
 */
void v6_json(const char *format, ...);
