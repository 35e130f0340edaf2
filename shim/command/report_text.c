#include "report_text.h"

#include "report_table.h"
#include "report_verdict.h"
#include "report_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOBODY = -1 };

/* What a page shows of each process; --json shows everything. */
enum { BLOCKS_SHOWN = 200, FIRST_SHOWN = 20, LAST_SHOWN = 80 };
enum {
	TROUBLES_SHOWN = 50,
	NOTES_SHOWN = 20,
	SENTENCES = 30,
	PORTS_SHOWN = 12,
	PIDS_SHOWN = 8,
	IDLE_SHOWN = 30
};

enum { LINE_SIZE = 8192, SENTENCE_SIZE = 1024 };

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
	const struct v6_view *view;
	const struct v6_gather *gather;
	const struct v6_block *block;
	const struct v6_process *process; /* of the block */
	bool colour;
	struct v6_table table;
	struct sentence sentences[SENTENCES];
	unsigned sentence_count, ports_left_out;
	char buf[LINE_SIZE];
};

static const char *paint(const struct page *page, const char *colour)
{
	return page->colour ? colour : "";
}

static struct v6_text begin(struct page *page)
{
	return v6_text_in(page->buf, sizeof(page->buf));
}

static void end(struct v6_text *t)
{
	puts(t->buf);
}

/* The heading of a process. */

static void put_heading(struct page *page)
{
	struct v6_text t = begin(page);
	int column;

	v6_say_process(&t, page->process->program, page->process->pid);
	column = v6_table_settings_column(&page->table) - v6_text_width(page->buf);
	printf("%s%s%s%*s", paint(page, bold), page->buf, paint(page, plain),
		column > 2 ? column : 2, "");
	t = begin(page);
	v6_say_settings(&t, page->process);
	end(&t);
}

static void say_members(struct v6_text *t, const struct page *page)
{
	unsigned count = page->block->member_count;
	uint64_t more = count - 1 + page->process->more;
	const struct v6_process *last = &page->gather->processes[page->block->members[count - 1]];

	if (!more)
		return;
	v6_text_str(t, ", with ");
	v6_text_uint(t, more);
	v6_text_str(t, " more like it");
	if (more > PIDS_SHOWN) {
		v6_text_str(t, ", the last pid ");
		v6_text_int(t, last->pid);
		v6_text_str(t, " from ");
		v6_text_time(t, last->first);
		return;
	}
	for (unsigned i = 1; i < count; i++) {
		v6_text_str(t, i == 1 ? ": pid " : " ");
		v6_text_int(t, page->gather->processes[page->block->members[i]].pid);
	}
}

/* When it began, where there are others to be told from. */
static void put_circumstances(struct page *page)
{
	struct v6_text t = begin(page);
	struct v6_slice log = page->in->logs[page->process->log];

	if (page->view->block_count == 1 && page->block->member_count == 1)
		return;
	v6_text_str(&t, "  from ");
	v6_text_time(&t, page->process->first);
	if (page->in->log_count > 1) {
		v6_text_str(&t, " in ");
		v6_text_safe(&t, log.ptr, log.len);
	}
	say_members(&t, page);
	end(&t);
}

/* Sockets. */

static void put_notes(struct page *page)
{
	unsigned shown = 0;

	for (unsigned i = 0; i < page->block->listener_count && shown < NOTES_SHOWN; i++) {
		const struct v6_listener *l = &page->gather->listeners[page->block->listeners[i]];
		struct v6_text t = begin(page);

		if (!l->note.len)
			continue;
		v6_text_str(&t, "  note   ");
		v6_address_port_text(&t, &l->address);
		v6_text_str(&t, ": ");
		v6_text_safe(&t, l->note.ptr, l->note.len);
		end(&t);
		shown++;
	}
}

static void put_sockets(struct page *page)
{
	if (!page->block->listener_count)
		return;
	v6_table_put(&page->table, paint(page, faint), paint(page, plain));
	if (page->table.left_out)
		printf("  and %u more; --json has them all\n", page->table.left_out);
	if (page->table.gone)
		printf("  and %u whose descriptor got another socket later; --json has them\n",
			page->table.gone);
	if (page->table.brackets)
		puts("  (in brackets: as it was bound; the log does not have its listen)");
	put_notes(page);
}

static void say_families(struct v6_text *t, const struct v6_families *f)
{
	for (unsigned i = 0; i < f->count; i++)
		v6_text_str(t, f->inet6 >> i & 1 ? " IPv6" : " IPv4");
}

static void put_lookups(struct page *page)
{
	const struct v6_process *p = page->process;
	struct v6_text t = begin(page);

	if (!p->reorders)
		return;
	v6_text_str(&t, "getaddrinfo  passive ");
	v6_text_uint(&t, p->lookups);
	v6_text_str(&t, p->mode == V6_MODE_LOG ? ", would be reordered " : ", reordered ");
	v6_text_uint(&t, p->reorders);
	v6_text_char(&t, ':');
	say_families(&t, &p->found);
	if (p->handed.count && p->mode != V6_MODE_LOG) {
		v6_text_str(&t, " ->");
		say_families(&t, &p->handed);
	}
	end(&t);
}

/* Trouble. */

struct sums {
	unsigned kind[V6_TROUBLE_KINDS];
	unsigned denials, unresolved;
};

static struct sums add_up(const struct page *page)
{
	struct sums sums = {.denials = 0};

	for (int32_t i = page->process->troubles; i != NOBODY; i = page->gather->troubles[i].next) {
		const struct v6_trouble *t = &page->gather->troubles[i];

		sums.kind[t->kind]++;
		sums.denials += t->action == V6_ACTION_DENY;
		sums.unresolved += v6_trouble_unresolved(page->gather, t);
	}
	return sums;
}

/* "conflicts  2, 1 unresolved" */
static void put_sum(const struct page *page, const char *name, uint64_t count, unsigned unresolved,
	const char *colour)
{
	if (!count) {
		printf("%s  none", name);
		return;
	}
	printf("%s%s  %" PRIu64, paint(page, colour), name, count);
	if (unresolved && unresolved == count)
		printf(", unresolved");
	else if (unresolved)
		printf(", %u unresolved", unresolved);
	fputs(paint(page, plain), stdout);
}

static void put_more(const struct page *page, const char *name, unsigned count)
{
	if (!count)
		return;
	fputs("      ", stdout);
	put_sum(page, name, count, 0, yellow);
}

static void put_sums(const struct page *page)
{
	static const char gap[] = "      ";
	struct sums sums = add_up(page);

	put_sum(page, "conflicts", sums.kind[V6_TROUBLE_CONFLICT], sums.unresolved,
		sums.unresolved ? red : yellow);
	fputs(gap, stdout);
	put_sum(page, "disorders", sums.kind[V6_TROUBLE_DISORDER], 0, red);
	fputs(gap, stdout);
	put_sum(page, "denials", sums.denials, 0, red);
	fputs(gap, stdout);
	put_sum(page, "lost records", page->process->lost, 0, red);
	put_more(page, "contrary requests", sums.kind[V6_TROUBLE_CONTRARY]);
	put_more(page, "failures", sums.kind[V6_TROUBLE_FAILURE]);
	put_more(page, "errors", sums.kind[V6_TROUBLE_ERROR]);
	putchar('\n');
}

static void say_times(struct v6_text *t, const struct v6_trouble *trouble)
{
	if (trouble->times == 1)
		return;
	v6_text_str(t, "; ");
	v6_text_uint(t, trouble->times);
	v6_text_str(t, " times until ");
	v6_text_time(t, trouble->last);
}

static void put_detail(struct page *page, const char *name, struct v6_text *detail)
{
	if (detail->len)
		printf("            %s%s%s  %s\n", paint(page, faint), name, paint(page, plain),
			detail->buf);
}

static void put_trouble(struct page *page, const struct v6_trouble *trouble)
{
	bool error = trouble->kind == V6_TROUBLE_ERROR;
	struct v6_text t = begin(page);

	v6_text_time(&t, trouble->first);
	v6_text_str(&t, "  ");
	if (!error) {
		v6_say_call(&t, trouble);
		v6_text_str(&t, ": ");
	}
	v6_say_trouble(&t, page->gather, trouble);
	if (error)
		v6_text_safe(&t, trouble->note.ptr, trouble->note.len);
	say_times(&t, trouble);
	printf("  %-8s  %s\n", v6_trouble_name(trouble->kind), page->buf);
	t = begin(page);
	if (trouble->holder.known)
		v6_say_holder(&t, &trouble->holder, page->process->pid);
	put_detail(page, "holder", &t);
	t = begin(page);
	if (!error)
		v6_text_safe(&t, trouble->note.ptr, trouble->note.len);
	put_detail(page, "note  ", &t);
}

static void put_troubles(struct page *page)
{
	unsigned count = 0;

	for (unsigned kind = 0; kind < V6_TROUBLE_KINDS; kind++)
		for (int32_t i = page->process->troubles; i != NOBODY;
			i = page->gather->troubles[i].next)
			if (page->gather->troubles[i].kind == kind && count++ < TROUBLES_SHOWN)
				put_trouble(page, &page->gather->troubles[i]);
	if (count > TROUBLES_SHOWN)
		printf("  and %u more; --json has them all\n", count - TROUBLES_SHOWN);
}

/* Verdicts. */

static struct sentence *find_sentence(struct page *page, const char *text, int proto)
{
	struct sentence *s = page->sentences;

	while (s < page->sentences + page->sentence_count &&
		(s->proto != proto || strcmp(s->text, text)))
		s++;
	return s;
}

static void take_verdict(
	void *to, const struct v6_port_verdict *v, const struct v6_port_verdict *would)
{
	struct page *page = to;
	struct v6_text t = begin(page);
	struct sentence *s;

	v6_verdict_text(&t, v, PORT, false);
	if (would) {
		size_t start;

		v6_text_str(&t, " With mode enforce: ");
		start = t.len;
		v6_verdict_text(&t, would, PORT, true);
		if (page->buf[start] != 'I') /* "IPv4", or "Only" */
			page->buf[start] |= 0x20;
	}
	if (t.len >= SENTENCE_SIZE)
		page->buf[SENTENCE_SIZE - 1] = '\0';
	s = find_sentence(page, page->buf, v->proto);
	if (s == page->sentences + SENTENCES) {
		page->ports_left_out++;
		return;
	}
	if (s == page->sentences + page->sentence_count) {
		page->sentence_count++;
		memcpy(s->text, page->buf, strlen(page->buf) + 1);
		s->proto = v->proto;
		s->count = 0;
		s->bad = v->conflict || v->failed;
	}
	if (s->count < PORTS_SHOWN)
		s->ports[s->count] = v->port;
	s->count++;
}

/* "port 80", "ports 80, 443 and 8443", "udp ports 53 and 5353". */
static void say_ports(struct v6_text *t, const struct sentence *s)
{
	unsigned shown = s->count < PORTS_SHOWN ? s->count : PORTS_SHOWN;
	enum { TCP = 6 };

	if (s->proto >= 0 && s->proto != TCP) {
		v6_proto_text(t, s->proto);
		v6_text_char(t, ' ');
	}
	v6_text_str(t, s->count > 1 ? "ports " : "port ");
	for (unsigned i = 0; i < shown; i++) {
		if (i)
			v6_text_str(t, i + 1 == s->count ? " and " : ", ");
		v6_text_uint(t, s->ports[i]);
	}
	if (s->count == shown)
		return;
	v6_text_str(t, " and ");
	v6_text_uint(t, s->count - shown);
	v6_text_str(t, " more");
}

static void put_sentence(struct page *page, const struct sentence *s)
{
	struct v6_text t = begin(page);

	for (const char *c = s->text; *c; c++)
		if (*c == PORT[0])
			say_ports(&t, s);
		else
			v6_text_char(&t, *c);
	printf("%s%s%s\n", paint(page, s->bad ? red : ""), page->buf,
		paint(page, s->bad ? plain : ""));
}

static bool put_verdicts(struct page *page)
{
	const char *level = v6_say_level(page->process);

	page->sentence_count = page->ports_left_out = 0;
	if (!v6_verdicts(page->view, page->block, take_verdict, page))
		return false;
	if (level)
		puts(level);
	for (unsigned i = 0; i < page->sentence_count; i++)
		put_sentence(page, &page->sentences[i]);
	if (page->ports_left_out)
		printf("And of %u more ports; --json has them all.\n", page->ports_left_out);
	return true;
}

static bool put_block(struct page *page, const struct v6_block *block)
{
	page->block = block;
	page->process = block->process;
	v6_table_make(&page->table, page->gather, block);
	put_heading(page);
	put_circumstances(page);
	put_sockets(page);
	put_lookups(page);
	put_sums(page);
	put_troubles(page);
	return put_verdicts(page);
}

/* What is to be seen however many processes there are. */
static bool is_in_trouble(const struct page *page, const struct v6_process *p)
{
	for (int32_t i = p->troubles; i != NOBODY; i = page->gather->troubles[i].next) {
		const struct v6_trouble *t = &page->gather->troubles[i];

		if (v6_trouble_unresolved(page->gather, t) || t->action == V6_ACTION_DENY ||
			t->kind == V6_TROUBLE_DISORDER || t->kind == V6_TROUBLE_ERROR)
			return true;
	}
	return p->lost > 0;
}

/* Of very many processes the first, the last, and some of those in trouble. */
static bool is_shown(const struct page *page, unsigned i, unsigned *in_trouble)
{
	unsigned count = page->view->block_count;

	if (count <= BLOCKS_SHOWN || i < FIRST_SHOWN || i + LAST_SHOWN >= count)
		return true;
	return *in_trouble < BLOCKS_SHOWN - FIRST_SHOWN - LAST_SHOWN &&
	       is_in_trouble(page, page->view->blocks[i].process) && ++*in_trouble;
}

static bool put_blocks(struct page *page)
{
	unsigned in_trouble = 0, left_out = 0, count = page->view->block_count;

	for (unsigned i = 0; i < count; i++) {
		if (!is_shown(page, i, &in_trouble)) {
			left_out++;
			continue;
		}
		if (!put_block(page, &page->view->blocks[i]))
			return false;
		if (count > 1)
			putchar('\n');
	}
	if (left_out)
		printf("%u more processes are not shown; --json has them all.\n", left_out);
	return true;
}

/* The end of the page. */

static void put_idle(struct page *page)
{
	const struct v6_gather *g = page->gather;
	struct v6_text t = begin(page);

	if (!g->idle_count)
		return;
	v6_text_str(&t, "The library was loaded, and nothing bound, in:");
	for (unsigned i = 0; i < g->idle_count && i < IDLE_SHOWN; i++) {
		v6_text_str(&t, i ? ", " : " ");
		v6_text_safe(&t, g->idle[i].program.ptr, g->idle[i].program.len);
		if (g->idle[i].times == 1)
			continue;
		v6_text_str(&t, " (");
		v6_text_uint(&t, g->idle[i].times);
		v6_text_str(&t, " times)");
	}
	if (g->idle_count > IDLE_SHOWN)
		v6_text_str(&t, ", and others");
	end(&t);
}

static void put_left_out(const struct page *page)
{
	const struct v6_totals *t = &page->gather->totals;

	if (t->processes_left)
		printf("%" PRIu64
		       " processes in the middle of the log are counted, and not shown.\n",
			t->processes_left);
	if (t->listeners_left)
		printf("%" PRIu64 " calls on further sockets are counted, and not shown.\n",
			t->listeners_left);
	if (t->troubles_left)
		printf("%" PRIu64
		       " further conflicts, denials and the like are counted, and not shown"
		       " (%" PRIu64 " of them conflicts that failed).\n",
			t->troubles_left, t->conflicts_left);
}

static void put_damage(struct page *page)
{
	const struct v6_input *in = page->in;

	if (!in->damaged)
		return;
	printf("%sLines that are no records: %" PRIu64 "%s\n", paint(page, yellow), in->damaged,
		paint(page, plain));
	for (unsigned i = 0; i < in->damaged && i < V6_DAMAGE_SHOWN; i++) {
		struct v6_text t = begin(page);

		v6_text_safe(&t, in->damage[i].name, strlen(in->damage[i].name));
		printf("  %s:%" PRIu64 ": %s\n", page->buf, in->damage[i].line,
			in->damage[i].reason);
	}
	if (in->damaged > V6_DAMAGE_SHOWN)
		printf("  and %" PRIu64 " more\n", in->damaged - V6_DAMAGE_SHOWN);
}

static void put_texts(struct page *page)
{
	for (unsigned i = 0; i < page->in->count; i++) {
		const struct v6_source *s = &page->in->sources[i];
		struct v6_text t = begin(page);

		if (!s->texts)
			continue;
		v6_text_safe(&t, s->name, strlen(s->name));
		printf("%s: this looks like the text format; use --log-format json (%" PRIu64
		       " lines that report cannot read)\n",
			page->buf, s->texts);
	}
}

static void put_nothing(const struct page *page)
{
	const struct v6_input *in = page->in;
	bool read = false;

	for (unsigned i = 0; i < in->count; i++)
		read |= !in->sources[i].error;
	if (page->gather->totals.records) {
		if (!page->view->block_count)
			puts("No socket was bound, as far as the log tells. At log-level change it "
			     "has only\nwhat the shim changed; log-level=bind would tell every "
			     "bind "
			     "and listen.");
		return;
	}
	if (in->damaged)
		puts("There is no record here: is it a log of v6shim?");
	if (!read || in->damaged || v6_input_texts(in))
		return;
	puts("Nothing was logged. Either the library was not in the program ('v6shim check "
	     "COMMAND'\ntells whether it can be), or the program bound nothing that reaches the "
	     "log level:\nat log-level change only what the shim changed is logged, bind tells "
	     "every bind and\nlisten, all also tells that the library was loaded.");
}

static void put_totals(const struct page *page)
{
	const struct v6_gather *g = page->gather;
	uint64_t unresolved = v6_gather_unresolved(g);
	uint64_t processes = g->totals.processes_left;

	for (unsigned i = 0; i < page->view->block_count; i++)
		processes +=
			page->view->blocks[i].member_count + page->view->blocks[i].process->more;
	if (processes < 2)
		return;
	printf("In all %" PRIu64 " processes, %" PRIu64
	       " records: conflicts left unresolved %" PRIu64 ", disorders %" PRIu64
	       ", denials %" PRIu64 ", lost records %" PRIu64 ".\n",
		processes, g->totals.records, unresolved, g->totals.trouble[V6_TROUBLE_DISORDER],
		g->totals.denials, g->totals.lost);
}

bool v6_report_text(const struct v6_input *in, const struct v6_view *view, bool colour)
{
	struct page *page = malloc(sizeof(*page));
	bool ok;

	if (!page)
		return false;
	*page = (struct page){.in = in, .view = view, .gather = &in->gather, .colour = colour};
	ok = put_blocks(page);
	put_totals(page);
	put_idle(page);
	put_left_out(page);
	put_damage(page);
	put_texts(page);
	put_nothing(page);
	free(page);
	return ok;
}
