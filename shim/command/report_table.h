/*
 * The table of a process's sockets, its columns as wide as what stands in them.
 */
#ifndef V6_REPORT_TABLE_H
#define V6_REPORT_TABLE_H

#include "report_view.h"

enum { V6_TABLE_ROWS = 100, V6_TABLE_CELL = 72, V6_TABLE_REMARK = 600 };

/* More sockets whose descriptor got another one later are not shown. */
enum { V6_TABLE_GONE = 8 };

/* The columns but the last, which is as long as it comes. */
enum { V6_TABLE_COLUMNS = 7 };

struct v6_table_row {
	char cell[V6_TABLE_COLUMNS][V6_TABLE_CELL];
	char remark[V6_TABLE_REMARK];
};

struct v6_table {
	struct v6_table_row rows[V6_TABLE_ROWS];
	int width[V6_TABLE_COLUMNS]; /* columns of a terminal */
	unsigned count;              /* of rows */
	unsigned left_out;           /* sockets for which there was no row any more */
	unsigned gone; /* sockets that are not shown, for their descriptor got another */
	bool brackets; /* some row tells what its socket will serve once it listens */
};

/* Fills all of it. Sockets in a row that differ in their descriptors alone share one. */
void v6_table_make(struct v6_table *table, const struct v6_gather *g, const struct v6_block *block);

/* The heading and the rows on standard output; `before` and `after` go around the heading. */
void v6_table_put(const struct v6_table *table, const char *before, const char *after);

/* Where the column `asked` begins, from 0: the settings stand above it. */
int v6_table_settings_column(const struct v6_table *table);

/* The columns of a terminal that the text takes: UTF-8's continuation bytes take none. */
int v6_text_width(const char *text);

#endif
