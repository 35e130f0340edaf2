#include "table.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "memory.h"

/* A column that wraps is not made narrower than this. */
enum { LEAST = 10 };

unsigned v6_text_width(const char *text, size_t len)
{
	unsigned n = 0;

	while (len--)
		n += ((unsigned char)*text++ & 0xc0) != 0x80;
	return n;
}

unsigned v6_terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		return 0;
	return size.ws_col;
}

/* The bytes of the text's beginning that go into one line: up to a blank, if there is one. */
static size_t piece(const char *text, unsigned width)
{
	size_t blank = 0, i;
	unsigned n = 0;

	for (i = 0; text[i]; i++) {
		if (text[i] == ' ')
			blank = i;
		if (((unsigned char)text[i] & 0xc0) != 0x80 && n++ == width)
			return blank ? blank : i;
	}
	return i;
}

void v6_print_wrapped(const char *text, unsigned column, unsigned indent, unsigned width)
{
	for (;;) {
		unsigned room = width > column ? width - column : 1;
		size_t n = piece(text, width ? room : UINT_MAX);

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

struct v6_table v6_table_of(const struct v6_column *columns, unsigned count)
{
	return (struct v6_table){
		.columns = columns, .column_count = count, .text = v6_text_in(cell, sizeof(cell))};
}

void v6_table_cell(struct v6_table *t, const char *text)
{
	v6_text_str(&t->text, text);
	*V6_ADD(t->cells, t->count) = v6_keep_bytes(cell, t->text.len);
	t->text = v6_text_in(cell, sizeof(cell));
}

/* Takes from the widest column that wraps, until all of them fit, or no more can be taken. The width then. */
static unsigned narrow(const struct v6_table *t, unsigned *widths, unsigned total, unsigned width)
{
	for (; width && total > width; total--) {
		unsigned widest = 0;

		for (unsigned i = 0; i < t->column_count; i++)
			if (t->columns[i].wraps && widths[i] > LEAST &&
				(!t->columns[widest].wraps || widths[i] > widths[widest]))
				widest = i;
		if (!t->columns[widest].wraps || widths[widest] <= LEAST)
			break;
		widths[widest]--;
	}
	return total;
}

/* One line of a row: of each cell as much as fits. Whether there is more. */
static bool print_line(const struct v6_table *t, const unsigned *widths, const char **rest)
{
	unsigned blanks = 0;
	bool more = false;

	for (unsigned i = 0; i < t->column_count; i++) {
		size_t n = piece(rest[i], t->columns[i].wraps ? widths[i] : UINT_MAX);
		unsigned used = v6_text_width(rest[i], n);
		unsigned pad = widths[i] > used ? widths[i] - used : 0;

		if (widths[i])
			blanks += t->tight && t->columns[i].gap ? 1 : t->columns[i].gap;
		if (t->columns[i].right)
			blanks += pad;
		if (n) {
			printf("%*s%.*s", (int)blanks, "", (int)n, rest[i]);
			blanks = 0;
		}
		if (!t->columns[i].right)
			blanks += pad;
		rest[i] += n + strspn(rest[i] + n, " ");
		more |= *rest[i] != '\0';
	}
	return more;
}

void v6_table_print(struct v6_table *t, unsigned width)
{
	unsigned columns = t->column_count, total = 0;
	unsigned widths[V6_COLUMNS_MAX];
	const char *rest[V6_COLUMNS_MAX] = {NULL};

	for (unsigned i = 0; i < columns; i++) {
		rest[i] = t->columns[i].title;
		widths[i] = rest[i] ? v6_text_width(rest[i], strlen(rest[i])) : 0;
		for (size_t n = i; n < t->count; n += columns) {
			unsigned used = v6_text_width(t->cells[n], strlen(t->cells[n]));

			widths[i] = used > widths[i] ? used : widths[i];
		}
		total += widths[i] ? widths[i] + t->columns[i].gap : 0;
	}
	t->tight = width && narrow(t, widths, total, width) > width;
	if (rest[0]) {
		print_line(t, widths, rest);
		putchar('\n');
	}
	for (size_t row = 0; row + columns <= t->count; row += columns) {
		memcpy(rest, t->cells + row, columns * sizeof(*rest));
		while (print_line(t, widths, rest))
			putchar('\n');
		putchar('\n');
	}
}
