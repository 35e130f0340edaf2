#include "print.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command.h"

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

void v6_print_wrapped(const char *text, unsigned column, unsigned indent, unsigned width)
{
	while (*text) {
		size_t blanks = strspn(text, " "), n = blanks + strcspn(text + blanks, " ");
		unsigned used = text_width(text, n);

		if (width && column > indent && column + used > width) {
			printf("\n%*s", (int)indent, "");
			column = indent;
			text += blanks;
			continue;
		}
		printf("%.*s", (int)n, text);
		column += used;
		text += n;
	}
	putchar('\n');
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

void v6_table_print(const struct v6_table *t, unsigned width)
{
	unsigned at = 0, printed = 0, total = 0, widths[V6_COLUMNS_MAX] = {0};

	if (t->columns->title && t->count == t->column_count)
		return;
	for (size_t n = 0; n < t->count; n++) {
		unsigned used = text_width(t->cells[n], strlen(t->cells[n]));
		unsigned *widest = &widths[n % t->column_count];

		*widest = used > *widest ? used : *widest;
	}
	for (unsigned i = 0; i < t->column_count; i++)
		total += widths[i] ? widths[i] + t->columns[i].gap : 0;
	for (size_t n = 0; n < t->count; n++) {
		unsigned i = n % t->column_count,
			 used = text_width(t->cells[n], strlen(t->cells[n]));
		const struct v6_column *c = &t->columns[i];
		unsigned start = at + (width && total > width && c->gap ? 1 : c->gap);

		if (!widths[i])
			start = at;
		at = start + widths[i];
		if (c->right)
			start = at - used;
		if (used)
			printf("%*s", (int)(start - printed), "");
		if (i + 1 < t->column_count) {
			fputs(t->cells[n], stdout);
			printed = used ? start + used : printed;
		} else {
			v6_print_wrapped(t->cells[n], start, start, width);
			at = printed = 0;
		}
	}
}

void v6_json(const char *format, ...)
{
	/* Of the format before: a value's, or one after which none can be. */
	static char last = '\n';
	struct v6_slice json;
	struct v6_text text;
	va_list args;

	if ((*format == '\'' || *format == '{') && !strchr("{[:\n", last))
		putchar(',');
	last = format[strlen(format) - 1];
	va_start(args, format);
	for (; *format; format++) {
		if (*format != '%') {
			putchar(*format == '\'' ? '"' : *format);
			continue;
		}
		switch (*++format) {
		case 's':
		case 'v':
			json = *format == 's' ? v6_slice_of(va_arg(args, const char *))
					      : va_arg(args, struct v6_slice);
			/* Each byte may be written as six. */
			text = v6_text_in(v6_need(malloc(6 * json.len + 3)), 6 * json.len + 3);
			v6_text_json(&text, json.ptr, json.len);
			fputs(text.buf, stdout);
			free(text.buf);
			break;
		case 'd':
			printf("%d", va_arg(args, int));
			break;
		case 'u':
			printf("%" PRIu64, va_arg(args, uint64_t));
			break;
		case 'b':
			fputs(va_arg(args, int) ? "true" : "false", stdout);
			break;
		case 'j':
			json = va_arg(args, struct v6_slice);
			fwrite(json.ptr, 1, json.len, stdout);
			break;
		}
	}
	va_end(args);
}
