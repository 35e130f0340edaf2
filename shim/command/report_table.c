#include "report_table.h"

#include "report_words.h"

#include <stdio.h>
#include <string.h>

enum { ORDER, PROTO, ADDRESS, FD, ASKED, V6ONLY, SERVES };

static const struct {
	char title[8];
	bool right;
	int least;
} columns[V6_TABLE_COLUMNS] = {
	[ORDER] = {"order", true, 0},
	[PROTO] = {"proto", false, 0},
	[ADDRESS] = {"address", false, 0},
	[FD] = {"fd", true, 3},
	[ASKED] = {"asked", true, 0},
	[V6ONLY] = {"V6ONLY", true, 0},
	[SERVES] = {"serves", false, 0},
};

int v6_text_width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Sockets that differ in their descriptors alone: SO_REUSEPORT, one for each worker. */
static bool is_another(const struct v6_listener *a, const struct v6_listener *b)
{
	return !a->chosen && !b->chosen && a->proto == b->proto &&
	       a->address.family == b->address.family && a->address.port == b->address.port &&
	       !memcmp(a->address.bytes, b->address.bytes, 16) && a->serves == b->serves &&
	       a->asked == b->asked && a->before == b->before && a->after == b->after &&
	       a->actions == b->actions && a->error == b->error && a->replaced == b->replaced &&
	       a->inherited == b->inherited && a->rule == b->rule && a->mode == b->mode;
}

/* Sockets of the block that share a row: `count` of them, from `first` on. */
struct run {
	const struct v6_gather *gather;
	const struct v6_block *block;
	unsigned first, count;
};

static const struct v6_listener *nth(const struct run *run, unsigned i)
{
	return &run->gather->listeners[run->block->listeners[run->first + i]];
}

static void stretch(struct run *run)
{
	run->count = 1;
	while (run->first + run->count < run->block->listener_count &&
		is_another(nth(run, 0), nth(run, run->count)))
		run->count++;
}

static void say_number(struct v6_text *t, int64_t number)
{
	if (number < 0)
		v6_text_char(t, '-');
	else
		v6_text_int(t, number);
}

/* What it serves; in brackets where the log does not have the listen. */
static void say_serves(struct v6_text *t, const struct run *run, bool *brackets)
{
	bool told;
	unsigned serves = v6_listener_serves(nth(run, 0), &told);

	if (!serves || told || v6_knows_binds(run->block->process)) {
		v6_say_serves(t, told ? serves : 0);
		return;
	}
	*brackets = true;
	v6_text_char(t, '(');
	v6_say_serves(t, serves);
	v6_text_char(t, ')');
}

static void say_cell(struct v6_text *t, const struct run *run, unsigned column, bool *brackets)
{
	const struct v6_listener *l = nth(run, 0);

	switch (column) {
	case ORDER:
		v6_text_uint(t, run->first + 1);
		break;
	case PROTO:
		v6_say_proto(t, l->proto);
		break;
	case ADDRESS:
		v6_address_port_text(t, &l->address);
		break;
	case FD:
		say_number(t, l->fd);
		break;
	case ASKED:
		say_number(t, l->asked);
		break;
	case V6ONLY:
		v6_say_v6only(t, l->before, l->after);
		break;
	default:
		say_serves(t, run, brackets);
		break;
	}
}

static void say_remark(struct v6_text *t, const struct run *run)
{
	const struct v6_listener *first = nth(run, 0), *last = nth(run, run->count - 1);

	v6_say_listener(t, run->block->process, first);
	if (run->count == 1)
		return;
	v6_text_str(t, "; ");
	v6_text_uint(t, run->count);
	v6_text_str(t, " alike");
	if (last->fd - first->fd != (int)run->count - 1)
		return;
	v6_text_str(t, ", fd ");
	v6_text_int(t, first->fd);
	v6_text_str(t, " to ");
	v6_text_int(t, last->fd);
}

static void make_row(struct v6_table *table, const struct run *run)
{
	struct v6_table_row *row = &table->rows[table->count++];
	struct v6_text t;

	for (unsigned i = 0; i < V6_TABLE_COLUMNS; i++) {
		int width;

		t = v6_text_in(row->cell[i], sizeof(row->cell[i]));
		say_cell(&t, run, i, &table->brackets);
		width = v6_text_width(t.buf);
		if (width > table->width[i])
			table->width[i] = width;
	}
	t = v6_text_in(row->remark, sizeof(row->remark));
	say_remark(&t, run);
}

static unsigned count_gone(struct run run)
{
	unsigned gone = 0;

	for (; run.first < run.block->listener_count; run.first++)
		gone += nth(&run, 0)->replaced;
	return gone > V6_TABLE_GONE ? gone : 0;
}

void v6_table_make(struct v6_table *table, const struct v6_gather *g, const struct v6_block *block)
{
	struct run run = {.gather = g, .block = block};

	table->count = 0;
	table->gone = count_gone(run);
	table->brackets = false;
	for (unsigned i = 0; i < V6_TABLE_COLUMNS; i++) {
		table->width[i] = v6_text_width(columns[i].title);
		if (table->width[i] < columns[i].least)
			table->width[i] = columns[i].least;
	}
	for (; run.first < block->listener_count && table->count < V6_TABLE_ROWS;
		run.first += run.count) {
		stretch(&run);
		if (!table->gone || !nth(&run, 0)->replaced)
			make_row(table, &run);
	}
	table->left_out = block->listener_count - run.first;
}

static void put_cell(const struct v6_table *table, unsigned column, const char *text)
{
	int pad = table->width[column] - v6_text_width(text);

	if (columns[column].right)
		printf("  %*s%s", pad, "", text);
	else
		printf("  %s%*s", text, pad, "");
}

void v6_table_put(const struct v6_table *table, const char *before, const char *after)
{
	fputs(before, stdout);
	for (unsigned i = 0; i < V6_TABLE_COLUMNS; i++)
		put_cell(table, i, columns[i].title);
	printf("  v6shim%s\n", after);
	for (unsigned n = 0; n < table->count; n++) {
		for (unsigned i = 0; i < V6_TABLE_COLUMNS; i++)
			put_cell(table, i, table->rows[n].cell[i]);
		printf("  %s\n", table->rows[n].remark);
	}
}

int v6_table_settings_column(const struct v6_table *table)
{
	int column = 2;

	for (unsigned i = 0; i < ASKED; i++)
		column += table->width[i] + 2;
	return column;
}
