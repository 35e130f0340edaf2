#include <inttypes.h>
#include <stdio.h>

#include "../../core/errname.h"
#include "../table.h"
#include "verdict.h"

/* The line that is being put together. */
static char line[8192 + 6 * V6_LINE_MAX];

static struct v6_text begin(void)
{
	return v6_text_in(line, sizeof(line));
}

/* Prints the line; where it is wrapped it goes on below column `indent`. */
static void end(unsigned indent)
{
	v6_print_wrapped(line, 0, indent, v6_terminal_width());
}

/*
 * "nginx[4242]  [supervised, ]policy ipv6-only, on-conflict resolve, 2 rules": what decides about
 * calls.
 */
static void print_heading(const struct v6_process *p)
{
	struct v6_read_setting settings[V6_SETTING_COUNT];
	bool told = v6_read_settings(settings, p->settings);
	struct v6_text t = begin();

	if (!told || !settings[V6_SETTING_POLICY].value.ptr)
		settings[V6_SETTING_POLICY].value =
			v6_slice_of(told ? "app" : v6_word(V6_LIST_POLICY, p->policy));
	v6_text_print(&t, "%.*s[%d] %s", V6_SLICE(p->program), p->pid,
		p->via == V6_VIA_SUPERVISE ? " supervised," : "");
	for (unsigned id = 0; id < V6_SETTING_LOG; id++)
		if (settings[id].value.ptr)
			v6_text_print(&t, "%s %s %.*s", id ? "," : "", v6_setting_name(id),
				V6_SLICE(settings[id].value));
	v6_text_str(&t, told ? "" : " (this log does not have the other settings)");
	end(2);
}

/* Which process it is, where there are others. */
static void print_which(const struct v6_input *in, const struct v6_process *p)
{
	struct v6_text t = begin();

	v6_text_str(&t, "  from ");
	v6_text_time(&t, p->first);
	v6_text_print(&t, " in %.*s", V6_SLICE(v6_slice_of(in->sources[p->log]->name)));
	if (p->more)
		v6_text_print(&t, ", with %u more like it: pid", p->more);
	for (const struct v6_process *q = p->next; q; q = q->next)
		v6_text_print(&t, " %d", q->pid);
	end(2);
}

/* Sockets. */

static void add_remark(struct v6_text *t, const struct v6_process *p, const struct v6_socket *s)
{
	static const char *const did[V6_ACTION_REORDER + 1] = {
		[V6_ACTION_SET] = ": by the policy",
		[V6_ACTION_OVERRIDE] = ": the application asked for the other value",
		[V6_ACTION_SPLIT] = ": V6ONLY 1, for IPv4 has a socket of its own",
		[V6_ACTION_SHARE] = ": SO_REUSEPORT on both sockets of the port",
		[V6_ACTION_YIELD] = ": the policy gives way, for IPv4 has a socket of its own",
	};

	if (s->inherited)
		v6_text_str(t, "inherited: bound before this program ran; ");
	for (unsigned action = 1; s->actions >> action; action++)
		if (s->actions >> action & 1)
			v6_text_print(t, "%s%s%s; ", s->r.mode == V6_MODE_LOG ? "would " : "",
				v6_word(V6_LIST_ACTION, action), did[action] ? did[action] : "");
	if (s->r.count)
		v6_text_print(t, "the last of %lld that are alike; ", (long long)s->r.count);
	if (s->actions && s->r.rule)
		v6_text_print(t, "rule %u; ", s->r.rule);
	if (!s->actions && v6_socket_governed(s, false))
		v6_text_print(
			t, "initial value of policy %s; ", v6_word(V6_LIST_POLICY, s->r.policy));
	if (s->r.error) {
		v6_text_print(t, "%s fails with ", v6_word(V6_LIST_EVENT, s->r.facts.event));
		v6_errno_text(t, s->r.error);
		v6_text_str(t, "; ");
	}
	if (s->replaced)
		v6_text_str(t, "its descriptor got another socket later; ");
	else if (!s->r.error && !s->r.serves && s->r.facts.type != V6_TYPE_DGRAM && p->whole)
		v6_text_str(t, "has not listened; ");
	v6_text_str(t, t->len ? "" : "-; ");
	t->buf[t->len -= strlen("; ")] = '\0';
}

/* "0 -> 1" of a value that changes; -1 is none. */
static void add_number(struct v6_table *table, int number, int after)
{
	if (number < 0)
		v6_text_char(&table->text, '-');
	else
		v6_text_int(&table->text, number);
	if (number >= 0 && after >= 0 && after != number)
		v6_text_print(&table->text, " -> %d", after);
	v6_table_cell(table, "");
}

static void print_sockets(const struct v6_process *p)
{
	static const char *const families[] = {"-", "IPv6", "IPv4", "IPv6+IPv4"};
	static const struct v6_column columns[] = {{.title = "proto", .gap = 2},
		{.title = "address", .gap = 2}, {.title = "fd", .gap = 2},
		{.title = "asked", .gap = 2, .right = true},
		{.title = "V6ONLY", .gap = 2, .right = true}, {.title = "serves", .gap = 2},
		{.title = "v6shim", .gap = 2}};
	struct v6_table table = v6_table_of(columns, 7);

	for (size_t i = 0; i < p->socket_count; i++) {
		const struct v6_socket *s = &p->sockets[i];
		const struct v6_facts *facts = &s->r.facts;
		struct v6_service told = v6_socket_service(s, false);

		if (s->gone)
			continue;
		if (s->r.proto >= 0)
			v6_proto_text(&table.text, s->r.proto);
		v6_table_cell(&table, s->r.proto >= 0 ? "" : "-");
		v6_address_port_text(&table.text, &facts->address);
		v6_table_cell(&table, "");
		add_number(&table, s->r.fd, -1);
		add_number(&table, facts->asked, -1);
		add_number(&table, facts->before != V6_UNKNOWN ? facts->before : s->r.after,
			s->r.after);
		v6_table_cell(&table, families[told.listens ? told.serves : 0]);
		add_remark(&table.text, p, s);
		v6_table_cell(&table, "");
	}
	if (table.count)
		v6_table_print(&table, v6_terminal_width());
}

static void print_trouble(const struct v6_process *p, const struct v6_trouble *trouble)
{
	enum { STATE_WIDTH = 14 };
	static const char head[] = "v6shim [0]: ";
	struct v6_record r = trouble->r;
	struct v6_text t = begin();
	struct v6_slice text;

	r.pid = 0;
	text = v6_slice_from(v6_record_written(&r, v6_record_text), strlen(head));
	text.len--; /* its newline */
	v6_text_print(&t, "  %s", v6_trouble_state(p, trouble));
	while (t.len < STATE_WIDTH - 2)
		v6_text_char(&t, ' ');
	v6_text_str(&t, "  ");
	v6_text_time(&t, r.time);
	v6_text_str(&t, "  ");
	v6_text_slice(&t, text);
	if (trouble->times > 1) {
		v6_text_print(&t, "; %u times until ", trouble->times);
		v6_text_time(&t, trouble->last);
	}
	end(STATE_WIDTH);
}

/* Verdicts. */

static bool is_own(enum v6_way way)
{
	return way == V6_DUAL || way == V6_OWN;
}

/* "IPv4", or the addresses that are all of it. */
static void add_family(struct v6_text *t, const struct v6_outcome *o, bool inet)
{
	v6_text_str(t, inet ? "IPv4" : "IPv6");
	if (o->wildcard & (inet ? V6_SERVES_INET : V6_SERVES_INET6) || !o->singles[inet])
		return;
	v6_text_str(t, " (");
	if (o->singles[inet] == 1)
		v6_address_text(t, o->single[inet]);
	else
		v6_text_print(t, "%u addresses", o->singles[inet]);
	v6_text_str(t, " alone)");
}

/* What could not be bound, and why. */
static void add_failed(struct v6_text *t, const struct v6_socket *s, bool enforce)
{
	bool other = enforce && s->r.enforce.known;

	v6_address_port_text(t, &s->r.facts.address);
	v6_text_str(t, other                                 ? " would fail, "
		       : s->r.facts.event == V6_EVENT_LISTEN ? " cannot listen, "
							     : " cannot be bound, ");
	v6_errno_text(t, other ? s->r.enforce.error : s->r.error);
}

/* A sentence without its full stop. */
static void add_outcome(struct v6_text *t, const struct v6_process *p,
	const struct v6_port_verdict *v, const struct v6_outcome *o, bool enforce)
{
	bool inet = is_own(o->inet), inet6 = is_own(o->inet6), both = inet && inet6;
	bool one = both && o->inet == V6_DUAL, told = inet || inet6;
	bool another = o->inet == V6_ANOTHER || o->inet6 == V6_ANOTHER;

	v6_text_str(t, enforce ? ". With mode enforce: " : "");
	if (o->undecided) {
		v6_text_str(t, "undecided");
		return;
	}
	if (!p->whole && !told && o->failed) {
		add_failed(t, o->failed, enforce);
		return;
	}
	if (p->whole && !both && !another)
		v6_text_str(t, told      ? enforce ? "only " : "Only "
			       : enforce ? "nothing"
					 : "Nothing");
	if (inet || (!told && o->inet == V6_ANOTHER))
		add_family(t, o, true);
	v6_text_str(t, both ? " and " : "");
	if (inet6 || (!told && o->inet6 == V6_ANOTHER && o->inet != V6_ANOTHER))
		add_family(t, o, false);
	v6_text_print(t, " %s %s on ",
		enforce ? "would be"
		: both  ? "are"
			: "is",
		p->whole ? "served" : "bound");
	if (v->proto >= 0 && v->proto != V6_PROTO_TCP) {
		v6_proto_text(t, v->proto);
		v6_text_char(t, ' ');
	}
	v6_text_print(t, "port %d", v->port);
	if (!told && another)
		v6_text_str(t, " by another process");
	else if (another)
		v6_text_print(t, ", IPv%c by another process", inet ? '6' : '4');
	if (both)
		v6_text_print(t, " by %s%s", one ? "one dual-stack socket" : "separate sockets",
			o->shadowed ? ", the IPv6 one dual-stack: IPv4 goes to the IPv4 socket"
				    : "");
	if (one && o->singles[1]) {
		v6_text_str(t, ", and ");
		if (o->singles[1] == 1)
			v6_address_text(t, o->single[1]);
		else
			v6_text_print(t, "%u IPv4 addresses", o->singles[1]);
		v6_text_str(t, " by its own");
	}
	if (!both && o->failed) {
		v6_text_str(t, ": ");
		add_failed(t, o->failed, enforce);
	} else if (!both && o->silent) {
		v6_text_str(t, ": ");
		v6_address_port_text(t, &o->silent->r.facts.address);
		v6_text_str(t, " is bound and has not listened");
	} else if (o->governed && (one || !inet)) {
		v6_text_print(t, ", by policy %s", v6_word(V6_LIST_POLICY, o->governed->r.policy));
	}
}

/*
 * Another process that serves the family on the port. Who listens is the server, rather than who was
 * given the socket.
 */
static const struct v6_process *find_server(const struct v6_model *m, const struct v6_process *p,
	const struct v6_port_verdict *v, unsigned family)
{
	for (size_t i = 0; i < 2 * m->count; i++) {
		const struct v6_process *other = m->processes[i < m->count ? i : i - m->count];

		for (size_t n = 0; n < other->socket_count && other != p; n++) {
			const struct v6_socket *s = &other->sockets[n];
			struct v6_service told = v6_socket_service(s, false);

			if (s->r.proto == v->proto && s->r.facts.address.port == v->port &&
				!s->gone && told.listens && told.serves & family &&
				(s->r.facts.event == V6_EVENT_INHERIT) == (i >= m->count))
				return other;
		}
	}
	return NULL;
}

/* Where the process has one family, and another of the log the other. */
static void add_other(struct v6_text *t, const struct v6_model *m, const struct v6_process *p,
	const struct v6_port_verdict *v)
{
	bool inet = is_own(v->now.inet);
	const struct v6_process *other =
		inet == is_own(v->now.inet6)
			? NULL
			: find_server(m, p, v, inet ? V6_SERVES_INET6 : V6_SERVES_INET);

	if (other)
		v6_text_print(t, "; IPv%c is served by %.*s[%d]", inet ? '6' : '4',
			V6_SLICE(other->program), other->pid);
}

static void print_verdicts(const struct v6_model *m, const struct v6_process *p)
{
	size_t count;
	struct v6_port_verdict *verdicts = v6_port_verdicts(p, &count);

	for (const struct v6_port_verdict *v = verdicts; v < verdicts + count; v++) {
		struct v6_text t = begin();

		add_outcome(&t, p, v, &v->now, false);
		add_other(&t, m, p, v);
		if (v->differs)
			add_outcome(&t, p, v, &v->enforced, true);
		v6_text_str(&t,
			!p->whole ? ", as far as the log tells: log-level=bind tells all."
			: p->thinned && v6_type_of_proto(v->proto) == V6_TYPE_DGRAM
				? ", as far as the log tells: it has few of sockets that are alike."
				: ".");
		end(0);
	}
}

void v6_report_page(const struct v6_input *in, const struct v6_model *m)
{
	struct v6_text t = begin();

	if (m->records) {
		v6_text_print(&t,
			"records %lld, processes %u, conflicts left unresolved %lld, disorders "
			"%lld, denials %lld, lost records %lld",
			(long long)m->records, (unsigned)m->count, (long long)m->unresolved,
			(long long)m->disorders, (long long)m->denials, (long long)m->lost);
		end(2);
	}
	if (m->unenforced)
		printf("The policy is not in force everywhere: %" PRIu64 " unenforced\n",
			m->unenforced);
	for (size_t i = 0; i < m->count; i++) {
		const struct v6_process *p = m->processes[i];

		if (!p->shown || p->like)
			continue;
		print_heading(p);
		if (m->shown > 1)
			print_which(in, p);
		print_sockets(p);
		for (size_t n = 0; n < p->trouble_count; n++)
			print_trouble(p, &p->troubles[n]);
		print_verdicts(m, p);
		if (m->shown > 1)
			putchar('\n');
	}
	if (m->records && m->shown < m->count)
		printf("Processes in which nothing was bound, as far as the log tells: %zu\n",
			m->count - m->shown);
	if (in->damaged) {
		t = begin();
		v6_text_print(
			&t, "Lines that are no records: %lld, the first", (long long)in->damaged);
		for (size_t i = 0; i < in->count; i++)
			if (in->sources[i]->damaged)
				v6_text_print(&t, " %s;", in->sources[i]->damaged);
		t.buf[t.len - 1] = '\0';
		end(2);
	}
	if (!in->damaged && !m->records && !in->failed)
		v6_print_wrapped(
			"Nothing was logged. Either the library was not in the program ('v6shim "
			"check COMMAND' tells whether it can be), or nothing in it reached the "
			"log level.",
			0, 0, v6_terminal_width() ? v6_terminal_width() : 79);
	if (in->cuts)
		printf("Cut, and what was written right before may be missing: %" PRIu64 "\n",
			in->cuts);
}
