/*
 * On standard output: tables, columns as wide as what stands in them; text that is wrapped; and JSON
 * (RFC 8259).
 */
#pragma once

#include "../core/text.h"

enum { V6_COLUMNS_MAX = 8 };

struct v6_column {
	const char *title; /* NULL in all of them: no heading */
	uint8_t gap;       /* blanks before it; of the first: the indent */
	bool right;        /* flush right */
};

struct v6_table {
	const struct v6_column *columns;
	unsigned column_count;
	struct v6_text text; /* of the next cell, to be appended to */
	/* The table's own; zero at first. */
	char **cells; /* row by row; the first is that of the titles */
	size_t count;
};

/* A table without rows. There is one at a time, for all have their text in the same place. */
struct v6_table v6_table_of(const struct v6_column *columns, unsigned count);

/*
 * Appends to t->text what is safe to print, and ends the cell: left to right and row after row. A
 * column without title and without text in any row takes no place, nor does its gap.
 */
void v6_table_cell(struct v6_table *t, const char *text);

/*
 * Prints it; without rows nothing. No line ends in blanks. Where it is wider than `width`, which is as of
 * v6_terminal_width(), only one is between columns, and the last goes on below.
 */
void v6_table_print(const struct v6_table *t, unsigned width);

/* Of standard output, where that is a terminal that tells its width; otherwise 0: lines as they come. */
unsigned v6_terminal_width(void);

/*
 * Prints text and a newline, broken at blanks where it is wider than `width` (0: never); lines but
 * the first begin with `indent` blanks. The text may begin with `column` columns taken already.
 */
void v6_print_wrapped(const char *text, unsigned column, unsigned indent, unsigned width);

/*
 * Prints a piece of JSON, after a comma where one is due. The format is JSON with ' for ": v6_json("{'port':%d}\n", 80). Conversions:
 * %s const char * and %v struct v6_slice as strings, in which bytes that are no UTF-8 become
 * U+FFFD; %d int; %u uint64_t; %b bool; %j struct v6_slice, which is JSON already.
 */
void v6_json(const char *format, ...);
