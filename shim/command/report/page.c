#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../memory.h"
#include "../table.h"
#include "report.h"

static const char bold[] = "\033[1m", faint[] = "\033[2m", red[] = "\033[31m", plain[] = "\033[0m";

/* Stands for the ports in a sentence until all are known: no text has control bytes in it. */
static const char PORT[] = "\001";

/* Ports of which the same is to be said. */
struct sentence {
	char text[1024]; /* its port: PORT */
	int proto;
	bool bad;
	uint16_t *ports;
	size_t count, room;
};

static struct {
	bool colour;
	unsigned width;
	struct sentence *sentences; /* of one process */
	size_t count, room;
	char line[8192 + 6 * V6_LINE_MAX];
} page;

static struct v6_text begin(void)
{
	return v6_text_in(page.line, sizeof(page.line));
}

/* The line, after `start`, in a colour; where it is wrapped it goes on below where it began. */
static void end(const char *start, const char *colour)
{
	unsigned column = v6_text_width(start);

	printf("%s%s", page.colour ? colour : "", start);
	v6_print_wrapped(page.line, column, column, page.width);
	fputs(page.colour && *colour ? plain : "", stdout);
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
	       r->facts.asked == s->facts.asked && r->facts.before == s->facts.before &&
	       r->after == s->after && a->actions == b->actions && r->error == s->error &&
	       a->replaced == b->replaced && a->inherited == b->inherited && r->rule == s->rule &&
	       r->mode == s->mode;
}

static void cell(struct v6_table *table, const char *format, int number, int second)
{
	struct v6_text t = begin();

	if (number < 0)
		v6_text_char(&t, '-');
	else
		v6_text_printf(&t, format, number, second);
	v6_table_cell(table, page.line);
}

/* The row of `count` sockets from number `first` on; whether what they serve is in brackets. */
static bool add_row(
	struct v6_table *table, const struct v6_block *block, size_t first, size_t count)
{
	static const char *const families[] = {"-", "IPv6", "IPv4", "IPv6+IPv4"};
	const struct v6_listener *l = block->listeners[first],
				 *last = block->listeners[first + count - 1];
	int before = l->r.facts.before != V6_UNKNOWN ? l->r.facts.before : l->r.after;
	bool told, changed = l->r.after != V6_UNKNOWN && l->r.after != before, brackets;
	unsigned serves = v6_listener_serves(l, false, &told);
	struct v6_text t;

	cell(table, "%d", (int)first + 1, 0);
	t = begin();
	if (l->r.proto >= 0)
		v6_proto_text(&t, l->r.proto);
	v6_table_cell(table, l->r.proto >= 0 ? page.line : "-");
	t = begin();
	v6_address_port_text(&t, &l->r.facts.address);
	v6_table_cell(table, page.line);
	cell(table, "%d", l->r.fd, 0);
	cell(table, "%d", l->r.facts.asked, 0);
	cell(table, changed ? "%d -> %d" : "%d", before, l->r.after);
	brackets = serves && !told && !v6_knows_binds(block->process);
	t = begin();
	v6_text_printf(&t, brackets ? "(%s)" : "%s", families[told || brackets ? serves : 0]);
	v6_table_cell(table, page.line);
	t = begin();
	v6_listener_text(&t, block->process, l);
	if (count > 1)
		v6_text_printf(&t, "; %zu alike", count);
	if (count > 1 && last->r.fd - l->r.fd == (int)count - 1)
		v6_text_printf(&t, ", fd %d to %d", l->r.fd, last->r.fd);
	v6_table_cell(table, page.line);
	return brackets;
}

/* The heading, its settings above the column `asked`; where there are others, which process it is. */
static void print_heading(const struct v6_input *in, const struct v6_view *view,
	const struct v6_block *block, int column)
{
	const struct v6_process *p = block->process;
	struct v6_text t = begin();
	int width;

	v6_process_text(&t, p->program, p->pid);
	width = (int)v6_text_width(page.line);
	column = column > width + 2 ? column : width + 2;
	printf("%s%s%s%*s", page.colour ? bold : "", page.line, page.colour ? plain : "",
		column - width, "");
	t = begin();
	v6_settings_text(&t, p);
	v6_print_wrapped(page.line, (unsigned)column, 2, page.width);
	if (view->count == 1 && block->count == 1)
		return;
	t = begin();
	v6_text_str(&t, "from ");
	v6_text_time(&t, p->first);
	if (in->log_count > 1) {
		struct v6_slice log = v6_input_log(in, p->log);

		v6_text_str(&t, " in ");
		v6_text_safe(&t, log.ptr, log.len);
	}
	if (block->count > 1)
		v6_text_printf(&t, ", with %u more like it: pid", block->count - 1);
	for (const struct v6_process *q = p->alike; q; q = q->alike)
		v6_text_printf(&t, " %d", q->pid);
	end("  ", "");
}

static void print_sockets(
	const struct v6_input *in, const struct v6_view *view, const struct v6_block *block)
{
	struct v6_table table = {.columns = columns, .column_count = COLUMNS};
	bool brackets = false;

	for (size_t i = 0, n; i < block->listener_count; i += n) {
		for (n = 1; i + n < block->listener_count &&
			    is_another(block->listeners[i], block->listeners[i + n]);)
			n++;
		brackets |= add_row(&table, block, i, n);
	}
	print_heading(in, view, block, (int)v6_table_column_start(&table, ASKED));
	if (block->listener_count)
		v6_table_print(
			&table, page.width, page.colour ? faint : "", page.colour ? plain : "");
	v6_table_free(&table);
	if (brackets)
		puts("  (in brackets: as it was bound; the log does not have its listen)");
}

static void print_lookups(const struct v6_process *p)
{
	struct v6_text t = begin();
	bool log = p->mode == V6_MODE_LOG;

	if (!p->reorders)
		return;
	v6_text_printf(&t, "%u, %sreordered %u: ", p->lookups, log ? "would be " : "", p->reorders);
	v6_families_text(&t, &p->found);
	v6_text_str(&t, log ? "" : " -> ");
	if (!log)
		v6_families_text(&t, &p->handed);
	end("getaddrinfo  passive ", "");
}

/* Trouble. */

static const struct {
	char name[10], sum[18];
	bool always;
} kinds[V6_TROUBLE_KINDS] = {
	[V6_TROUBLE_CONFLICT] = {"conflict", "conflicts", true},
	[V6_TROUBLE_DISORDER] = {"disorder", "disorders", true},
	[V6_TROUBLE_DENIAL] = {"denial", "denials", true},
	[V6_TROUBLE_CONTRARY] = {"contrary", "contrary requests", false},
	[V6_TROUBLE_FAILURE] = {"failure", "failures", false},
	[V6_TROUBLE_ERROR] = {"error", "errors", false},
};

/* "conflicts  2, 1 unresolved", after what stands there already. */
static void add_sum(
	struct v6_text *t, const char *name, uint64_t count, unsigned unresolved, bool always)
{
	if (!count && !always)
		return;
	v6_text_printf(t, "%s%s  ", t->len ? "      " : "", name);
	if (count)
		v6_text_uint(t, count);
	else
		v6_text_str(t, "none");
	if (unresolved && unresolved == count)
		v6_text_str(t, ", unresolved");
	else if (unresolved)
		v6_text_printf(t, ", %u unresolved", unresolved);
}

static void print_sums(const struct v6_process *p)
{
	unsigned sums[V6_TROUBLE_KINDS] = {0}, unresolved = 0, denials = 0;
	struct v6_text line = begin();

	for (const struct v6_trouble *t = p->troubles; t; t = t->next) {
		sums[t->kind]++;
		denials += t->r.verdict.action == V6_ACTION_DENY;
		unresolved += v6_trouble_unresolved(t);
	}
	sums[V6_TROUBLE_DENIAL] = denials;
	for (unsigned k = 0; k < V6_TROUBLE_KINDS; k++) {
		add_sum(&line, kinds[k].sum, sums[k], k == V6_TROUBLE_CONFLICT ? unresolved : 0,
			kinds[k].always);
		if (k == V6_TROUBLE_DENIAL)
			add_sum(&line, "lost records", p->lost, 0, true);
	}
	end("", unresolved || denials || p->lost || sums[V6_TROUBLE_DISORDER] ? red : "");
}

static void print_trouble(const struct v6_process *p, const struct v6_trouble *trouble)
{
	bool error = trouble->kind == V6_TROUBLE_ERROR;
	const struct v6_record *r = &trouble->r;
	struct v6_text t = begin();
	char start[16];

	v6_text_time(&t, r->time);
	v6_text_str(&t, "  ");
	if (error) {
		v6_text_safe(&t, r->note.ptr, r->note.len);
	} else {
		v6_record_subject(&t, r);
		v6_text_str(&t, ": ");
		v6_outcome_text(&t, trouble);
	}
	if (trouble->times > 1) {
		v6_text_printf(&t, "; %u times until ", trouble->times);
		v6_text_time(&t, trouble->last);
	}
	snprintf(start, sizeof(start), "  %-8s  ", kinds[trouble->kind].name);
	end(start, "");
	t = begin();
	v6_holder_text(&t, &r->holder, p->pid);
	if (t.len)
		end("            holder  ", "");
	t = begin();
	v6_text_safe(&t, r->note.ptr, r->note.len);
	if (t.len && !error)
		end("            note    ", "");
}

/* Verdicts. */

static void add_verdict(
	void *to, const struct v6_port_verdict *v, const struct v6_port_verdict *enforced)
{
	char text[sizeof(page.sentences->text)];
	struct v6_text t = v6_text_in(text, sizeof(text));
	struct sentence *s;
	size_t i = 0;

	(void)to;
	v6_verdict_text(&t, v, PORT);
	if (enforced) {
		size_t start = t.len + strlen(" With mode enforce: ");

		v6_text_str(&t, " With mode enforce: ");
		v6_verdict_text(&t, enforced, PORT);
		if (start < t.len && text[start] != 'I') /* "IPv4", or "Only" */
			text[start] |= 0x20;
	}
	while (i < page.count &&
		(page.sentences[i].proto != v->proto || strcmp(page.sentences[i].text, text) != 0))
		i++;
	if (i == page.count) {
		page.sentences =
			v6_grow(page.sentences, page.count, &page.room, sizeof(*page.sentences));
		s = &page.sentences[page.count++];
		*s = (struct sentence){.proto = v->proto, .bad = v->failed != NULL};
		memcpy(s->text, text, t.len + 1);
	}
	s = &page.sentences[i];
	s->ports = v6_grow(s->ports, s->count, &s->room, sizeof(*s->ports));
	s->ports[s->count++] = v->port;
}

/* "port 80", "ports 80, 443 and 8443", "udp ports 53 and 5353". */
static void ports_text(struct v6_text *t, const struct sentence *s)
{
	if (s->proto >= 0 && s->proto != V6_PROTO_TCP) {
		v6_proto_text(t, s->proto);
		v6_text_char(t, ' ');
	}
	v6_text_str(t, s->count > 1 ? "ports " : "port ");
	for (size_t i = 0; i < s->count; i++)
		v6_text_printf(t, "%s%u",
			!i                  ? ""
			: i + 1 == s->count ? " and "
					    : ", ",
			s->ports[i]);
}

static void print_verdicts(const struct v6_view *view, const struct v6_block *block)
{
	int level = block->process->level;
	struct v6_text t = begin();

	v6_text_printf(&t, "%s%s", level < 0 ? "" : "Its log-level is ",
		level < 0 ? "" : v6_word(V6_LIST_LOG_LEVEL, (unsigned)level));
	v6_text_printf(&t, "%s; log-level=bind would tell every one.",
		level < 0 ? "The log does not have every call of it"
			  : ": calls that were left alone are not in this log");
	if (!v6_knows_binds(block->process))
		end("", "");
	page.count = 0;
	v6_verdicts(view, block, add_verdict, NULL);
	for (size_t i = 0; i < page.count; i++) {
		struct sentence *s = &page.sentences[i];

		t = begin();
		for (const char *c = s->text; *c; c++)
			if (*c == *PORT)
				ports_text(&t, s);
			else
				v6_text_char(&t, *c);
		end("", s->bad ? red : "");
		free(s->ports);
	}
}

/* The end of the page. */

static void print_totals(const struct v6_gather *g)
{
	uint64_t unresolved = 0, processes = 0;
	struct v6_text t = begin();

	for (const struct v6_process *p = g->processes; p; p = p->next) {
		processes += v6_process_shown(p);
		for (const struct v6_trouble *trouble = p->troubles; trouble;
			trouble = trouble->next)
			unresolved += v6_trouble_unresolved(trouble);
	}
	v6_text_printf(&t,
		"In all %" PRIu64 " processes, %" PRIu64
		" records: conflicts left unresolved %" PRIu64 ", disorders %" PRIu64
		", denials %" PRIu64 ", lost records %" PRIu64 ".",
		processes, g->records, unresolved, g->disorders, g->denials, g->lost);
	if (processes > 1)
		end("", "");
}

/* Programs that bound nothing, and how often each. */
static void print_idle(const struct v6_gather *g)
{
	struct v6_map map = {NULL};
	struct v6_text t = begin();

	for (int pass = 0; pass < 2; pass++)
		for (const struct v6_process *p = g->processes; p; p = p->next) {
			unsigned *times =
				v6_map_at(&map, p->program.ptr, p->program.len, sizeof(*times));

			if (!pass)
				*times += !v6_process_shown(p);
			if (!pass || !*times || t.len + 6 * p->program.len >= t.size)
				continue;
			v6_text_str(&t, t.len ? ", " : "");
			v6_text_safe(&t, p->program.ptr, p->program.len);
			if (*times > 1)
				v6_text_printf(&t, " (%u times)", *times);
			*times = 0;
		}
	v6_map_free(&map);
	if (t.len)
		end("The library was loaded, and nothing bound, in: ", "");
}

static void print_damage(const struct v6_input *in)
{
	struct v6_text t;

	if (in->damaged)
		printf("Lines that are no records: %" PRIu64 "\n", in->damaged);
	for (unsigned i = 0; i < in->damaged && i < V6_DAMAGE_SHOWN; i++) {
		t = begin();
		v6_text_safe(&t, in->damage[i].name, strlen(in->damage[i].name));
		v6_text_printf(&t, ":%" PRIu64 ": %s", in->damage[i].line, in->damage[i].reason);
		end("  ", "");
	}
	if (in->damaged > V6_DAMAGE_SHOWN)
		printf("  and %" PRIu64 " more\n", in->damaged - V6_DAMAGE_SHOWN);
	for (size_t i = 0; i < in->count; i++) {
		t = begin();
		v6_text_safe(&t, in->sources[i]->name, strlen(in->sources[i]->name));
		v6_text_printf(&t,
			": this looks like the text format; use --log-format json (%" PRIu64
			" lines that report cannot read)",
			in->sources[i]->texts);
		if (in->sources[i]->texts)
			end("", "");
	}
}

static void print_nothing(const struct v6_input *in, const struct v6_view *view)
{
	bool read = false, texts = false;

	for (size_t i = 0; i < in->count; i++) {
		read |= !in->sources[i]->error;
		texts |= in->sources[i]->texts != 0;
	}
	if (in->gather.records && !view->count)
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

void v6_report_page(const struct v6_input *in, const struct v6_view *view)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	page.colour =
		!(no && *no) && term && *term && strcmp(term, "dumb") != 0 && isatty(STDOUT_FILENO);
	page.width = v6_terminal_width();
	for (size_t i = 0; i < view->count; i++) {
		const struct v6_process *p = view->blocks[i]->process;

		print_sockets(in, view, view->blocks[i]);
		print_lookups(p);
		print_sums(p);
		for (unsigned kind = 0; kind < V6_TROUBLE_KINDS; kind++)
			for (const struct v6_trouble *t = p->troubles; t; t = t->next)
				if (t->kind == kind)
					print_trouble(p, t);
		print_verdicts(view, view->blocks[i]);
		if (view->count > 1)
			putchar('\n');
	}
	print_totals(&in->gather);
	print_idle(&in->gather);
	print_damage(in);
	print_nothing(in, view);
	free(page.sentences);
	page.sentences = NULL;
	page.room = 0;
}
