#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../memory.h"
#include "../table.h"
#include "report.h"
#include "words.h"

/* What a page shows of each; --json shows everything. */
enum {
	BLOCKS_SHOWN = 100, /* from either end, and as many in trouble between */
	ROWS_SHOWN = 100,
	TROUBLES_SHOWN = 50,
	SENTENCES = 30,
	PORTS_SHOWN = 12,
	PIDS_SHOWN = 8,
	IDLE_SHOWN = 30,
};

enum { SENTENCE_SIZE = 1024 };

static const char bold[] = "\033[1m", faint[] = "\033[2m", red[] = "\033[31m",
		  yellow[] = "\033[33m", plain[] = "\033[0m";

/* Ports of which the same is to be said. */
struct sentence {
	char text[SENTENCE_SIZE]; /* its port: PORT */
	int proto;
	uint16_t ports[PORTS_SHOWN];
	unsigned count;
	bool bad;
};

/* Stands for the ports in a sentence until all are known: no text has control bytes in it. */
static const char PORT[] = "\001";

/* Where the page is being written. */
struct page {
	const struct v6_input *in;
	struct v6_view *view;
	const struct v6_block *block;
	const struct v6_process *process; /* of the block */
	bool colour;
	unsigned width;
	struct sentence sentences[SENTENCES];
	unsigned sentence_count, ports_left_out;
	struct v6_text t; /* the line */
	char buf[8192 + 6 * V6_LINE_MAX];
};

static const char *paint(const struct page *page, const char *colour)
{
	return page->colour ? colour : "";
}

static struct v6_text *begin(struct page *page)
{
	page->t = v6_text_in(page->buf, sizeof(page->buf));
	return &page->t;
}

/* The line, after `start`, that takes its width already. */
static void end(struct page *page, const char *start, unsigned indent)
{
	fputs(start, stdout);
	v6_print_wrapped(page->buf, v6_text_width(start), indent, page->width);
}

/* Sockets. */

enum column { ORDER, PROTO, ADDRESS, FD, ASKED, V6ONLY, SERVES, REMARK, COLUMNS };

static const struct v6_column columns[COLUMNS] = {
	[ORDER] = {"order", 2, true, false},
	[PROTO] = {"proto", 2, false, false},
	[ADDRESS] = {"address", 2, false, true},
	[FD] = {" fd", 2, true, false},
	[ASKED] = {"asked", 2, true, false},
	[V6ONLY] = {"V6ONLY", 2, true, false},
	[SERVES] = {"serves", 2, false, false},
	[REMARK] = {"v6shim", 2, false, true},
};

/* Sockets that differ in their descriptors alone: SO_REUSEPORT, one for each worker. */
static bool is_another(const struct v6_listener *a, const struct v6_listener *b)
{
	const struct v6_record *r = &a->r, *s = &b->r;

	return !a->chosen && !b->chosen && r->proto == s->proto &&
	       v6_address_same(&r->facts.address, &s->facts.address) && r->serves == s->serves &&
	       r->facts.asked == s->facts.asked && r->facts.before == s->facts.before && r->after == s->after &&
	       a->actions == b->actions && r->error == s->error && a->replaced == b->replaced &&
	       a->inherited == b->inherited && r->rule == s->rule && r->mode == s->mode;
}

static void number_text(struct v6_text *t, int number)
{
	if (number < 0)
		v6_text_char(t, '-');
	else
		v6_text_int(t, number);
}

/* What it serves; in brackets where the log does not have the listen. Whether it is so. */
static bool serves_text(struct v6_text *t, const struct page *page, const struct v6_listener *l)
{
	static const char *const words[] = {"-", "IPv6", "IPv4", "IPv6+IPv4"};
	bool told;
	unsigned serves = v6_listener_serves(l, false, &told);
	bool brackets = serves && !told && !v6_knows_binds(page->process);

	v6_text_str(t, brackets ? "(" : "");
	v6_text_str(t, words[told || brackets ? serves : 0]);
	v6_text_str(t, brackets ? ")" : "");
	return brackets;
}

/* The row of `count` sockets from number `first` on; whether it has brackets. */
static bool add_row(struct page *page, struct v6_table *table, size_t first, size_t count)
{
	const struct v6_listener *l = page->block->listeners[first],
				 *last = page->block->listeners[first + count - 1];
	bool brackets = false;

	for (unsigned column = 0; column < COLUMNS; column++) {
		struct v6_text *t = begin(page);
		int before = l->r.facts.before != V6_UNKNOWN ? l->r.facts.before : l->r.after;

		switch (column) {
		case ORDER:
			v6_text_uint(t, first + 1);
			break;
		case PROTO:
			if (l->r.proto >= 0)
				v6_proto_text(t, l->r.proto);
			else
				v6_text_char(t, '-');
			break;
		case ADDRESS:
			v6_address_port_text(t, &l->r.facts.address);
			break;
		case FD:
		case ASKED:
			number_text(t, column == FD ? l->r.fd : l->r.facts.asked);
			break;
		case V6ONLY:
			number_text(t, before);
			if (l->r.after != V6_UNKNOWN && l->r.after != before) {
				v6_text_str(t, " -> ");
				v6_text_int(t, l->r.after);
			}
			break;
		case SERVES:
			brackets = serves_text(t, page, l);
			break;
		default:
			v6_listener_text(t, page->process, l);
			if (count > 1) {
				v6_text_str(t, "; ");
				v6_text_uint(t, count);
				v6_text_str(t, " alike");
			}
			if (count > 1 && last->r.fd - l->r.fd == (int)count - 1) {
				v6_text_str(t, ", fd ");
				v6_text_int(t, l->r.fd);
				v6_text_str(t, " to ");
				v6_text_int(t, last->r.fd);
			}
			break;
		}
		v6_table_cell(table, page->buf);
	}
	return brackets;
}

/* The heading of a process, its settings above the column `asked`; and its sockets. */
static void print_sockets(struct page *page)
{
	const struct v6_block *block = page->block;
	const struct v6_process *p = page->process;
	struct v6_table table = {.columns = columns, .column_count = COLUMNS};
	size_t rows = 0, i = 0, n;
	bool brackets = false;
	unsigned start;
	int gap;

	for (; i < block->listener_count && rows < ROWS_SHOWN; i += n, rows++) {
		for (n = 1; i + n < block->listener_count &&
			    is_another(block->listeners[i], block->listeners[i + n]);)
			n++;
		brackets |= add_row(page, &table, i, n);
	}
	v6_process_text(begin(page), p->program, p->pid);
	start = v6_text_width(page->buf);
	gap = (int)v6_table_column_start(&table, ASKED) - (int)start;
	gap = gap > 2 ? gap : 2;
	printf("%s%s%s%*s", paint(page, bold), page->buf, paint(page, plain), gap, "");
	v6_settings_text(begin(page), p);
	v6_print_wrapped(page->buf, start + (unsigned)gap, 2, page->width);
	if (page->view->count > 1 || block->count > 1) {
		struct v6_text *t = begin(page);

		v6_text_str(t, "from ");
		v6_text_time(t, p->first);
		if (page->in->log_count > 1) {
			struct v6_slice log = v6_input_log(page->in, p->log);

			v6_text_str(t, " in ");
			v6_text_safe(t, log.ptr, log.len);
		}
		if (block->count > 1) {
			v6_text_str(t, ", with ");
			v6_text_uint(t, block->count - 1);
			v6_text_str(t, " more like it");
		}
		if (block->count - 1 > PIDS_SHOWN) {
			v6_text_str(t, ", the last pid ");
			v6_text_int(t, block->last->pid);
			v6_text_str(t, " from ");
			v6_text_time(t, block->last->first);
		} else {
			for (const struct v6_process *q = p->alike; q; q = q->alike) {
				v6_text_str(t, q == p->alike ? ": pid " : " ");
				v6_text_int(t, q->pid);
			}
		}
		end(page, "  ", 4);
	}
	if (rows)
		v6_table_print(&table, page->width, paint(page, faint), paint(page, plain));
	v6_table_free(&table);
	if (i < block->listener_count)
		printf("  and %zu more; --json has them all\n", block->listener_count - i);
	if (brackets)
		puts("  (in brackets: as it was bound; the log does not have its listen)");
	for (i = 0, n = 0; i < block->listener_count && n < ROWS_SHOWN; i++) {
		const struct v6_record *r = &block->listeners[i]->r;

		if (!r->note.len)
			continue;
		v6_address_port_text(begin(page), &r->facts.address);
		v6_text_str(&page->t, ": ");
		v6_text_safe(&page->t, r->note.ptr, r->note.len);
		end(page, "  note   ", 9);
		n++;
	}
}

static void families_text(struct v6_text *t, const struct v6_families *f)
{
	for (unsigned i = 0; i < f->count; i++)
		v6_text_str(t, f->inet6 >> i & 1 ? " IPv6" : " IPv4");
}

static void print_lookups(struct page *page)
{
	const struct v6_process *p = page->process;
	struct v6_text *t = begin(page);
	bool log = p->mode == V6_MODE_LOG;

	if (!p->reorders)
		return;
	printf("getaddrinfo  passive %" PRIu64 ", %s %" PRIu64 ":", p->lookups,
		log ? "would be reordered" : "reordered", p->reorders);
	families_text(t, &p->found);
	if (p->handed.count && !log) {
		v6_text_str(t, " ->");
		families_text(t, &p->handed);
	}
	puts(page->buf);
}

/* Trouble. */

/* "conflicts  2, 1 unresolved" */
static void print_sum(const struct page *page, const char *name, uint64_t count,
	uint64_t unresolved, const char *colour)
{
	printf("%s%s  ", count ? paint(page, colour) : "", name);
	if (!count)
		printf("none");
	else
		printf("%" PRIu64, count);
	if (unresolved == count && count)
		printf(", unresolved");
	else if (unresolved)
		printf(", %" PRIu64 " unresolved", unresolved);
	fputs(count ? paint(page, plain) : "", stdout);
}

static void print_sums(const struct page *page)
{
	static const struct {
		const char *name;
		enum v6_trouble_kind kind;
	} others[] = {{"contrary requests", V6_TROUBLE_CONTRARY}, {"failures", V6_TROUBLE_FAILURE},
		{"errors", V6_TROUBLE_ERROR}};
	uint64_t sums[V6_TROUBLE_KINDS] = {0}, denials = 0, unresolved = 0;

	for (const struct v6_trouble *t = page->process->troubles; t; t = t->next) {
		sums[t->kind]++;
		denials += t->r.verdict.action == V6_ACTION_DENY;
		unresolved += v6_trouble_unresolved(t);
	}
	print_sum(page, "conflicts", sums[V6_TROUBLE_CONFLICT], unresolved,
		unresolved ? red : yellow);
	print_sum(page, "      disorders", sums[V6_TROUBLE_DISORDER], 0, red);
	print_sum(page, "      denials", denials, 0, red);
	print_sum(page, "      lost records", page->process->lost, 0, red);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (!sums[others[i].kind])
			continue;
		fputs("      ", stdout);
		print_sum(page, others[i].name, sums[others[i].kind], 0, yellow);
	}
	putchar('\n');
}

static void print_trouble(struct page *page, const struct v6_trouble *trouble)
{
	bool error = trouble->kind == V6_TROUBLE_ERROR;
	const struct v6_slice note = trouble->r.note;
	struct v6_text *t = begin(page);

	v6_text_time(t, trouble->r.time);
	v6_text_str(t, "  ");
	if (error) {
		v6_text_safe(t, note.ptr, note.len);
	} else {
		v6_call_text(t, &trouble->r);
		v6_text_str(t, ": ");
		v6_outcome_text(t, trouble);
	}
	if (trouble->times > 1) {
		v6_text_str(t, "; ");
		v6_text_uint(t, trouble->times);
		v6_text_str(t, " times until ");
		v6_text_time(t, trouble->last);
	}
	printf("  %-8s  ", v6_trouble_name(trouble->kind));
	v6_print_wrapped(page->buf, 12, 12, page->width);
	if (trouble->r.holder.known) {
		v6_holder_text(begin(page), &trouble->r.holder, page->process->pid);
		end(page, "            holder  ", 20);
	}
	if (note.len && !error) {
		v6_text_safe(begin(page), note.ptr, note.len);
		end(page, "            note    ", 20);
	}
}

static void print_troubles(struct page *page)
{
	unsigned count = 0;

	for (unsigned kind = 0; kind < V6_TROUBLE_KINDS; kind++)
		for (const struct v6_trouble *t = page->process->troubles; t; t = t->next)
			if (t->kind == kind && count++ < TROUBLES_SHOWN)
				print_trouble(page, t);
	if (count > TROUBLES_SHOWN)
		printf("  and %u more; --json has them all\n", count - TROUBLES_SHOWN);
}

/* Verdicts. */

static void add_verdict(
	void *to, const struct v6_verdict_of_port *v, const struct v6_verdict_of_port *enforced)
{
	struct page *page = to;
	struct v6_text *t = begin(page);
	struct sentence *s = page->sentences;

	t->size = SENTENCE_SIZE;
	v6_verdict_text(t, v, PORT);
	if (enforced) {
		size_t start;

		v6_text_str(t, " With mode enforce: ");
		start = t->len;
		v6_verdict_text(t, enforced, PORT);
		if (page->buf[start] != 'I') /* "IPv4", or "Only" */
			page->buf[start] |= 0x20;
	}
	while (s < page->sentences + page->sentence_count &&
		(s->proto != v->proto || strcmp(s->text, page->buf) != 0))
		s++;
	if (s == page->sentences + SENTENCES) {
		page->ports_left_out++;
		return;
	}
	if (s == page->sentences + page->sentence_count) {
		page->sentence_count++;
		*s = (struct sentence){.proto = v->proto, .bad = v->conflict || v->failed};
		memcpy(s->text, page->buf, t->len + 1);
	}
	if (s->count < PORTS_SHOWN)
		s->ports[s->count] = v->port;
	s->count++;
}

/* "port 80", "ports 80, 443 and 8443", "udp ports 53 and 5353". */
static void ports_text(struct v6_text *t, const struct sentence *s)
{
	if (s->proto >= 0 && s->proto != V6_PROTO_TCP) {
		v6_proto_text(t, s->proto);
		v6_text_char(t, ' ');
	}
	v6_text_str(t, s->count > 1 ? "ports " : "port ");
	for (unsigned i = 0; i < s->count; i++) {
		if (i)
			v6_text_str(t, i + 1 == s->count || i == PORTS_SHOWN ? " and " : ", ");
		v6_text_uint(t, i < PORTS_SHOWN ? s->ports[i] : s->count - i);
		if (i == PORTS_SHOWN) {
			v6_text_str(t, " more");
			return;
		}
	}
}

static void print_verdicts(struct page *page)
{
	const char *level = v6_level_text(page->process);

	page->sentence_count = page->ports_left_out = 0;
	v6_verdicts(page->view, page->block, add_verdict, page);
	if (level)
		v6_print_wrapped(level, 0, 0, page->width);
	for (unsigned i = 0; i < page->sentence_count; i++) {
		const struct sentence *s = &page->sentences[i];
		struct v6_text *t = begin(page);

		for (const char *c = s->text; *c; c++)
			if (*c == *PORT)
				ports_text(t, s);
			else
				v6_text_char(t, *c);
		fputs(s->bad ? paint(page, red) : "", stdout);
		v6_print_wrapped(page->buf, 0, 0, page->width);
		fputs(s->bad ? paint(page, plain) : "", stdout);
	}
	if (page->ports_left_out)
		printf("And of %u more ports; --json has them all.\n", page->ports_left_out);
}

/* What is to be seen however many processes there are. */
static bool is_in_trouble(const struct v6_process *p)
{
	const struct v6_trouble *t = p->troubles;

	while (t && !v6_trouble_unresolved(t) && t->r.verdict.action != V6_ACTION_DENY &&
		t->kind != V6_TROUBLE_DISORDER && t->kind != V6_TROUBLE_ERROR)
		t = t->next;
	return t || p->lost;
}

static void print_blocks(struct page *page)
{
	size_t count = page->view->count, in_trouble = 0, left_out = 0;

	for (size_t i = 0; i < count; i++) {
		page->block = page->view->blocks[i];
		page->process = page->block->process;
		if (i >= BLOCKS_SHOWN && i + BLOCKS_SHOWN < count &&
			!(is_in_trouble(page->process) && in_trouble++ < BLOCKS_SHOWN)) {
			left_out++;
			continue;
		}
		print_sockets(page);
		print_lookups(page);
		print_sums(page);
		print_troubles(page);
		print_verdicts(page);
		if (count > 1)
			putchar('\n');
	}
	if (left_out)
		printf("%zu more processes are not shown; --json has them all.\n", left_out);
}

/* The end of the page. */

static void print_totals(const struct page *page)
{
	const struct v6_gather *g = &page->in->gather;
	uint64_t unresolved = 0, processes = 0;

	for (const struct v6_process *p = g->processes; p; p = p->next) {
		processes += v6_process_shown(p);
		for (const struct v6_trouble *t = p->troubles; t; t = t->next)
			unresolved += v6_trouble_unresolved(t);
	}
	if (processes > 1)
		printf("In all %" PRIu64 " processes, %" PRIu64
		       " records: conflicts left unresolved %" PRIu64 ", disorders %" PRIu64
		       ", denials %" PRIu64 ", lost records %" PRIu64 ".\n",
			processes, g->records, unresolved, g->trouble[V6_TROUBLE_DISORDER],
			g->denials, g->lost);
}

/* Programs that bound nothing. */
static void print_idle(struct page *page)
{
	struct {
		const struct v6_slice *program;
		unsigned times;
	} idle[IDLE_SHOWN];
	unsigned count = 0;
	bool more = false;
	struct v6_text *t = begin(page);

	for (const struct v6_process *p = page->in->gather.processes; p; p = p->next) {
		unsigned i = 0;

		if (v6_process_shown(p))
			continue;
		while (i < count && idle[i].program->ptr != p->program.ptr)
			i++;
		more |= i == IDLE_SHOWN;
		if (i == IDLE_SHOWN)
			continue;
		if (i == count) {
			idle[count].program = &p->program;
			idle[count++].times = 0;
		}
		idle[i].times++;
	}
	for (unsigned i = 0; i < count; i++) {
		v6_text_str(t, i ? ", " : "The library was loaded, and nothing bound, in: ");
		v6_text_safe(t, idle[i].program->ptr, idle[i].program->len);
		if (idle[i].times > 1) {
			v6_text_str(t, " (");
			v6_text_uint(t, idle[i].times);
			v6_text_str(t, " times)");
		}
	}
	v6_text_str(t, more ? ", and others" : "");
	if (count)
		end(page, "", 0);
}

static void print_lines(struct page *page)
{
	const struct v6_input *in = page->in;

	if (in->damaged)
		printf("%sLines that are no records: %" PRIu64 "%s\n", paint(page, yellow),
			in->damaged, paint(page, plain));
	for (unsigned i = 0; i < in->damaged && i < V6_DAMAGE_SHOWN; i++) {
		v6_text_safe(begin(page), in->damage[i].name, strlen(in->damage[i].name));
		printf("  %s:%" PRIu64 ": %s\n", page->buf, in->damage[i].line,
			in->damage[i].reason);
	}
	if (in->damaged > V6_DAMAGE_SHOWN)
		printf("  and %" PRIu64 " more\n", in->damaged - V6_DAMAGE_SHOWN);
	for (size_t i = 0; i < in->count; i++) {
		const struct v6_source *s = in->sources[i];

		if (!s->texts)
			continue;
		v6_text_safe(begin(page), s->name, strlen(s->name));
		printf("%s: this looks like the text format; use --log-format json (%" PRIu64
		       " lines that report cannot read)\n",
			page->buf, s->texts);
	}
}

static void print_nothing(const struct page *page)
{
	const struct v6_input *in = page->in;
	bool read = false, texts = false;

	for (size_t i = 0; i < in->count; i++) {
		read |= !in->sources[i]->error;
		texts |= in->sources[i]->texts != 0;
	}
	if (in->gather.records && !page->view->count)
		puts("No socket was bound, as far as the log tells. At log-level change it "
		     "has only\nwhat the shim changed; log-level=bind would tell every bind "
		     "and listen.");
	else if (in->damaged && !in->gather.records)
		puts("There is no record here: is it a log of v6shim?");
	else if (!in->gather.records && read && !texts)
		puts("Nothing was logged. Either the library was not in the program ('v6shim check "
		     "COMMAND'\ntells whether it can be), or the program bound nothing that "
		     "reaches the log level:\nat log-level change only what the shim changed is "
		     "logged, bind tells every bind and\nlisten, all also tells that the library "
		     "was loaded.");
}

void v6_report_page(const struct v6_input *in, struct v6_view *view, bool colour, unsigned width)
{
	struct page *page = v6_resize(NULL, sizeof(*page));

	page->in = in;
	page->view = view;
	page->colour = colour;
	page->width = width;
	print_blocks(page);
	print_totals(page);
	print_idle(page);
	print_lines(page);
	print_nothing(page);
	free(page);
}
