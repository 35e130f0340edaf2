#include "table.h"

#include <limits.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "memory.h"

/* A column that wraps is not made narrower than this. */
enum { LEAST = 10 };

unsigned v6_terminal_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

/* The columns of a terminal that UTF-8 text takes: one a character. */
static unsigned text_width(const char *text, size_t len)
{
	unsigned n = 0;

	while (len--)
		n += ((unsigned char)*text++ & 0xc0) != 0x80;
	return n;
}

/* The bytes of the text's beginning that go into one line: up to a blank, if there is one. */
static size_t piece(const char *text, unsigned width)
{
	size_t blank = 0, i;

	for (i = 0; text[i]; i++) {
		if (text[i] == ' ')
			blank = i;
		if (text_width(text + i, 1) && !width--)
			return blank ? blank : i;
	}
	return i;
}

void v6_print_wrapped(const char *text, unsigned column, unsigned indent, unsigned width)
{
	for (;;) {
		unsigned room = !width ? UINT_MAX : width > column ? width - column : 1;
		size_t n = piece(text, room);

		printf("%.*s\n", (int)n, text);
		text += n + strspn(text + n, " ");
		if (!*text)
			return;
		column = indent + LEAST < width ? indent : 0;
		printf("%*s", (int)column, "");
	}
}

/* Notes, and paths, of which every byte may be written as four. */
static char cell[8 * PATH_MAX + 6 * UINT16_MAX];

void v6_table_cell(struct v6_table *t, const char *text)
{
	v6_text_str(&t->text, text);
	*V6_ADD(t->cells, t->count) = v6_keep_bytes(cell, t->text.len);
	t->text = v6_text_in(cell, sizeof(cell));
}

struct v6_table v6_table_of(const struct v6_column *columns, unsigned count)
{
	struct v6_table t = {
		.columns = columns, .column_count = count, .text = v6_text_in(cell, sizeof(cell))};

	for (unsigned i = 0; columns->title && i < count; i++)
		v6_table_cell(&t, columns[i].title);
	return t;
}

/* Takes from the widest column that wraps, until all of them fit, or no more can be taken. The width then. */
static unsigned narrow(const struct v6_table *t, unsigned *widths, unsigned total, unsigned width)
{
	for (; total > width; total--) {
		unsigned least = LEAST, *widest = &least;

		for (unsigned i = 0; i < t->column_count; i++)
			if (t->columns[i].wraps && widths[i] > *widest)
				widest = &widths[i];
		if (widest == &least)
			break;
		--*widest;
	}
	return total;
}

/* A row, in lines: of each cell as much as fits. */
static void print_row(const struct v6_table *t, const unsigned *widths, bool tight, char **cells)
{
	bool more = true;

	while (more) {
		unsigned blanks = 0;

		more = false;
		for (unsigned i = 0; i < t->column_count; i++) {
			const struct v6_column *c = &t->columns[i];
			size_t n = piece(cells[i], c->wraps ? widths[i] : UINT_MAX);
			unsigned used = text_width(cells[i], n);
			unsigned pad = widths[i] > used ? widths[i] - used : 0;

			if (widths[i])
				blanks += tight && c->gap ? 1 : c->gap;
			if (n) {
				blanks += c->right ? pad : 0;
				printf("%*s%.*s", (int)blanks, "", (int)n, cells[i]);
				blanks = c->right ? 0 : pad;
			} else {
				blanks += pad;
			}
			cells[i] += n + strspn(cells[i] + n, " ");
			more |= *cells[i] != '\0';
		}
		putchar('\n');
	}
}

void v6_table_print(struct v6_table *t, unsigned width)
{
	unsigned total = 0, widths[V6_COLUMNS_MAX] = {0};
	bool tight;

	if (t->columns->title && t->count == t->column_count)
		return;
	for (size_t n = 0; n < t->count; n++) {
		unsigned used = text_width(t->cells[n], strlen(t->cells[n]));
		unsigned *column = &widths[n % t->column_count];

		*column = used > *column ? used : *column;
	}
	for (unsigned i = 0; i < t->column_count; i++)
		total += widths[i] ? widths[i] + t->columns[i].gap : 0;
	tight = width && narrow(t, widths, total, width) > width;
	for (size_t row = 0; row < t->count; row += t->column_count)
		print_row(t, widths, tight, t->cells + row);
}
