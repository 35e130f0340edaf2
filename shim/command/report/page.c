#include "report.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "../command.h"
#include "../print.h"

/* The line that is being put together. */
static char text[8192 + 6 * V6_LINE_MAX];
static struct v6_text line = {.buf = text, .size = sizeof(text)};

/* Prints it, and begins another; where it is wrapped it goes on below column `indent`. */
static void end(unsigned indent)
{
	v6_print_wrapped(line.buf, 0, indent, v6_terminal_width());
	line = v6_text_in(text, sizeof(text));
}

/* Verdicts: who has IPv6 on a port, and who IPv4. */

/* The families in arrays here: V6_SERVES_* are bits 1 << these. */
enum { INET6, INET, FAMILIES };

enum way { NOBODY, ANOTHER, DUAL, OWN, NOT_TOLD };

struct outcome {
	enum way ways[FAMILIES];
	unsigned wildcard;  /* V6_SERVES_* bits: not of single addresses alone */
	unsigned undecided; /* V6_SERVES_* bits: with enforce, and it is not told */
	/* Of single addresses: how many sockets, and the first. */
	unsigned singles[FAMILIES];
	const struct v6_address *single[FAMILIES];
	bool inet_own; /* the IPv4 wildcard has a socket of its own */
	bool shadowed; /* the IPv6 socket would take IPv4 too, which has a socket of its own */
	/* NULL where there is none: */
	const struct v6_socket *governed; /* the IPv6 one, which the policy made what it is */
	const struct v6_socket *failed;   /* the first that could not be bound, or not listen */
	const struct v6_socket *silent;   /* the first that has not listened */
};

struct verdict {
	const struct v6_logs *logs;
	const struct v6_process *process;
	int proto;
	uint16_t port;
	struct outcome outcomes[2]; /* with the mode that there was, and with enforce */
	bool differs;               /* the second is another, or is not told */
};

/* Of a port of both families, in the IPv4 form or mapped. */
static bool wildcard(const struct v6_address *a)
{
	return v6_address_wildcard(a) ||
	       (v6_address_mapped(a) && !memcmp(a->bytes + 12, "\0\0\0", 4));
}

static void add_socket(struct outcome *o, const struct v6_process *p, const struct v6_socket *s,
	struct v6_service told)
{
	const struct v6_address *a = &s->r.facts.address;
	bool in6 = a->family == V6_FAMILY_INET6 && !v6_address_mapped(a);
	bool both = in6 && told.serves & V6_SERVES_INET;
	const struct v6_holder *h = &s->r.holder;
	unsigned held = v6_serves(&h->address, h->v6only == V6_UNKNOWN ? 1 : h->v6only);
	bool own = h->fd >= 0;
	enum way way = !own ? ANOTHER : held & held >> 1 ? DUAL : OWN;

	/* A server that a conflict names, though no record tells of its bind; connections have one address. */
	if (h->known && wildcard(&h->address) && !(own && p->whole)) {
		for (int f = 0; f < FAMILIES; f++)
			if (held >> f & 1 && o->ways[f] < way)
				o->ways[f] = way;
		o->wildcard |= own ? held : 0;
	}
	o->undecided |= told.undecided;
	if (told.failed) {
		o->failed = o->failed ? o->failed : s;
		return;
	}
	if (!told.listens && p->whole) {
		o->silent = o->silent ? o->silent : s;
		return;
	}
	if (told.serves & V6_SERVES_INET6 && o->ways[INET6] != DUAL)
		o->ways[INET6] = both ? DUAL : OWN;
	/* Beside a socket of one address what has all others is the server. */
	if (told.serves & V6_SERVES_INET && !o->inet_own && (wildcard(a) || o->ways[INET] < DUAL))
		o->ways[INET] = both ? DUAL : OWN;
	if (wildcard(a)) {
		o->wildcard |= told.serves;
		o->inet_own |= !in6;
	} else if (!o->singles[!in6]++) {
		o->single[!in6] = a;
	}
	o->shadowed |= both;
	if (in6 && told.governed)
		o->governed = s;
}

static int by_port(const void *a, const void *b)
{
	const struct v6_socket *s = *(struct v6_socket *const *)a,
			       *t = *(struct v6_socket *const *)b;
	int order = s->r.proto - t->r.proto;

	order = order ? order : s->r.facts.address.port - t->r.facts.address.port;
	return order ? order : (s->number > t->number) - (s->number < t->number);
}

/* Prints each verdict that can be told, in order of protocol and port. */
static void judge(const struct v6_logs *logs, const struct v6_process *p,
	void (*print)(const struct verdict *v))
{
	struct v6_socket **sockets = NULL;
	size_t count = 0;

	for (struct v6_socket *s = p->sockets; s; s = s->next)
		/* Of many that are alike each is a client. */
		if (!s->gone && !s->replaced && !s->r.count &&
			s->r.facts.address.family != V6_FAMILY_OTHER)
			*V6_ADD(sockets, count) = s;
	if (count)
		qsort(sockets, count, sizeof(*sockets), by_port);
	for (size_t i = 0; i < count;) {
		const struct v6_record *r = &sockets[i]->r;
		struct verdict v = {logs, p, r->proto, r->facts.address.port, .differs = false};
		const struct outcome *now = &v.outcomes[0], *enforced = &v.outcomes[1];

		while (i < count && sockets[i]->r.proto == v.proto &&
			sockets[i]->r.facts.address.port == v.port) {
			add_socket(&v.outcomes[0], p, sockets[i], sockets[i]->told[0]);
			add_socket(&v.outcomes[1], p, sockets[i], sockets[i]->told[1]);
			i++;
		}
		for (struct outcome *o = v.outcomes; o < v.outcomes + 2; o++) {
			o->shadowed &= o->ways[INET] == OWN;
			for (int f = 0; f < FAMILIES; f++)
				if (o->undecided >> f & 1 || (!p->whole && o->ways[f] == NOBODY))
					o->ways[f] = NOT_TOLD;
		}
		v.differs = memcmp(now->ways, enforced->ways, sizeof(now->ways)) != 0 ||
			    now->wildcard != enforced->wildcard || enforced->undecided;
		/* What was only bound may be a client, or handed on. */
		if (v.port && (!now->silent || now->failed || now->ways[INET] || now->ways[INET6] ||
				      v.differs))
			print(&v);
	}
}

/* For a person. */

/*
 * "nginx[4242]  [supervised, ]policy ipv6-only, on-conflict resolve, 2 rules": what decides about
 * calls. And which process it is, where there are others.
 */
static void print_heading(const struct v6_process *p, bool alone)
{
	struct v6_read_setting settings[V6_SETTING_COUNT];
	bool told = v6_read_settings(settings, p->settings);

	if (!told || !settings[V6_SETTING_POLICY].value.ptr)
		settings[V6_SETTING_POLICY].value =
			v6_slice_of(told ? "app" : v6_word(V6_LIST_POLICY, p->policy));
	v6_text_print(&line, "%.*s[%d] %s", V6_SLICE(p->program), p->pid,
		p->via == V6_VIA_SUPERVISE ? " supervised," : "");
	for (unsigned id = 0; id < V6_SETTING_LOG; id++)
		if (settings[id].value.ptr)
			v6_text_print(&line, "%s %s %.*s", id ? "," : "", v6_setting_name(id),
				V6_SLICE(settings[id].value));
	v6_text_str(&line, told ? "" : " (this log does not have the other settings)");
	end(2);
	if (alone)
		return;
	v6_text_str(&line, "  from ");
	v6_text_time(&line, p->first);
	v6_text_print(&line, " in %.*s", V6_SLICE(v6_slice_of(p->log->name)));
	if (p->more)
		v6_text_print(&line, ", with %u more like it: pid", p->more);
	for (const struct v6_process *q = p->alike; q; q = q->alike)
		v6_text_print(&line, " %d", q->pid);
	end(2);
}

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
	if (!s->actions && s->told[0].governed)
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

	for (const struct v6_socket *s = p->sockets; s; s = s->next) {
		if (s->gone)
			continue;
		if (s->r.proto >= 0)
			v6_proto_text(&table.text, s->r.proto);
		v6_table_cell(&table, s->r.proto >= 0 ? "" : "-");
		v6_address_port_text(&table.text, &s->r.facts.address);
		v6_table_cell(&table, "");
		add_number(&table, s->r.fd, -1);
		add_number(&table, s->r.facts.asked, -1);
		add_number(&table, s->r.facts.before != V6_UNKNOWN ? s->r.facts.before : s->r.after,
			s->r.after);
		v6_table_cell(&table, families[s->told->listens ? s->told->serves : 0]);
		add_remark(&table.text, p, s);
		v6_table_cell(&table, "");
	}
	if (table.count)
		v6_table_print(&table, v6_terminal_width());
}

static void print_trouble(const struct v6_trouble *trouble)
{
	enum { STATE_WIDTH = 14 };
	static const char head[] = "v6shim [0]: ";
	struct v6_record r = trouble->r;
	struct v6_slice rest;

	r.pid = 0;
	rest = v6_slice_from(v6_record_written(&r, v6_record_text), strlen(head));
	rest.len--; /* its newline */
	v6_text_print(&line, "  %s", trouble->state);
	while (line.len < STATE_WIDTH - 2)
		v6_text_char(&line, ' ');
	v6_text_str(&line, "  ");
	v6_text_time(&line, r.time);
	v6_text_str(&line, "  ");
	v6_text_slice(&line, rest);
	if (trouble->times > 1) {
		v6_text_print(&line, "; %u times until ", trouble->times);
		v6_text_time(&line, trouble->last);
	}
	end(STATE_WIDTH);
}

static bool is_own(enum way way)
{
	return way == DUAL || way == OWN;
}

/* "IPv4", or the addresses that are all of it. */
static void add_family(const struct outcome *o, int family)
{
	v6_text_str(&line, family == INET ? "IPv4" : "IPv6");
	if (o->wildcard >> family & 1 || !o->singles[family])
		return;
	v6_text_str(&line, " (");
	if (o->singles[family] == 1)
		v6_address_text(&line, o->single[family]);
	else
		v6_text_print(&line, "%u addresses", o->singles[family]);
	v6_text_str(&line, " alone)");
}

/* What could not be bound, and why. */
static void add_failed(const struct v6_record *r, bool enforce)
{
	bool other = enforce && r->enforce.known;

	v6_address_port_text(&line, &r->facts.address);
	v6_text_str(&line, other                               ? " would fail, "
			   : r->facts.event == V6_EVENT_LISTEN ? " cannot listen, "
							       : " cannot be bound, ");
	v6_errno_text(&line, other ? r->enforce.error : r->error);
}

/* A sentence without its full stop, nor a capital letter. */
static void add_outcome(const struct verdict *v, bool enforce)
{
	const struct outcome *o = &v->outcomes[enforce];
	bool inet = is_own(o->ways[INET]), inet6 = is_own(o->ways[INET6]), both = inet && inet6;
	bool one = both && o->ways[INET] == DUAL, told = inet || inet6;
	bool another = o->ways[INET] == ANOTHER || o->ways[INET6] == ANOTHER;
	bool whole = v->process->whole;
	const char *verb = enforce ? "would be" : both ? "are" : "is";

	if (o->undecided) {
		v6_text_str(&line, "undecided");
		return;
	}
	if (!whole && !told && o->failed) {
		add_failed(&o->failed->r, enforce);
		return;
	}
	if (whole && !both && !another)
		v6_text_str(&line, told ? "only " : "nothing");
	if (inet || (!told && o->ways[INET] == ANOTHER))
		add_family(o, INET);
	v6_text_str(&line, both ? " and " : "");
	if (inet6 || (!told && o->ways[INET6] == ANOTHER && o->ways[INET] != ANOTHER))
		add_family(o, INET6);
	v6_text_print(&line, " %s %s on ", verb, whole ? "served" : "bound");
	if (v->proto >= 0 && v->proto != V6_PROTO_TCP) {
		v6_proto_text(&line, v->proto);
		v6_text_char(&line, ' ');
	}
	v6_text_print(&line, "port %d", v->port);
	if (!told && another)
		v6_text_str(&line, " by another process");
	else if (another)
		v6_text_print(&line, ", IPv%c by another process", inet ? '6' : '4');
	if (both)
		v6_text_print(&line, " by %s%s", one ? "one dual-stack socket" : "separate sockets",
			o->shadowed ? ", the IPv6 one dual-stack: IPv4 goes to the IPv4 socket"
				    : "");
	if (one && o->singles[INET]) {
		v6_text_str(&line, ", and ");
		if (o->singles[INET] == 1)
			v6_address_text(&line, o->single[INET]);
		else
			v6_text_print(&line, "%u IPv4 addresses", o->singles[INET]);
		v6_text_str(&line, " by its own");
	}
	if (!both && o->failed) {
		v6_text_str(&line, ": ");
		add_failed(&o->failed->r, enforce);
	} else if (!both && o->silent) {
		v6_text_str(&line, ": ");
		v6_address_port_text(&line, &o->silent->r.facts.address);
		v6_text_str(&line, " is bound and has not listened");
	} else if (o->governed && (one || !inet)) {
		v6_text_print(
			&line, ", by policy %s", v6_word(V6_LIST_POLICY, o->governed->r.policy));
	}
}

/*
 * Another process that serves the family on the port. Who listens is the server, rather than who was
 * given the socket.
 */
static const struct v6_process *find_server(const struct verdict *v, int family)
{
	const struct v6_process *given = NULL;

	for (const struct v6_process *p = v->logs->processes; p; p = p->next)
		for (const struct v6_socket *s = p->sockets; s && p != v->process; s = s->next) {
			if (s->r.proto != v->proto || s->r.facts.address.port != v->port ||
				s->gone || !s->told->listens || !(s->told->serves >> family & 1))
				continue;
			if (s->r.facts.event != V6_EVENT_INHERIT)
				return p;
			given = given ? given : p;
		}
	return given;
}

static void print_verdict(const struct verdict *v)
{
	const struct outcome *o = &v->outcomes[0];
	const struct v6_process *p = v->process, *other = NULL;
	bool inet = is_own(o->ways[INET]);

	add_outcome(v, false);
	*text = (char)toupper(*text);
	if (inet != is_own(o->ways[INET6]))
		other = find_server(v, inet ? INET6 : INET);
	if (other)
		v6_text_print(&line, "; IPv%c is served by %.*s[%d]", inet ? '6' : '4',
			V6_SLICE(other->program), other->pid);
	if (v->differs) {
		v6_text_print(&line, ". With mode enforce%s: ",
			p->would_deny ? ", and if it goes on after what would be denied" : "");
		add_outcome(v, true);
	}
	v6_text_str(
		&line, !p->whole ? ", as far as the log tells: log-level=bind tells all."
		       : p->thinned && v6_type_of_proto(v->proto) == V6_TYPE_DGRAM
			       ? ", as far as the log tells: it has few of sockets that are alike."
			       : ".");
	end(0);
}

void v6_report_page(const struct v6_logs *logs)
{
	if (logs->records) {
		v6_text_print(&line,
			"records %lld, processes %d, conflicts left unresolved %lld, disorders "
			"%lld, denials %lld, lost records %lld",
			logs->records, logs->process_count, logs->unresolved, logs->disorders,
			logs->denials, logs->lost);
		end(2);
	}
	if (logs->unenforced)
		printf("The policy is not in force everywhere: %lld unenforced\n",
			logs->unenforced);
	for (const struct v6_process *p = logs->processes; p; p = p->next) {
		if (!p->shown)
			continue;
		print_heading(p, logs->shown == 1);
		print_sockets(p);
		for (const struct v6_trouble *t = p->troubles; t; t = t->next)
			print_trouble(t);
		judge(logs, p, print_verdict);
		if (logs->shown > 1)
			putchar('\n');
	}
	if (logs->records && logs->shown < logs->process_count)
		printf("Processes in which nothing was bound, as far as the log tells: %d\n",
			logs->process_count - logs->shown);
	if (logs->damaged) {
		v6_text_print(&line, "Lines that are no records: %lld, the first", logs->damaged);
		for (const struct v6_source *s = logs->sources; s; s = s->next)
			if (s->damaged)
				v6_text_print(&line, " %s;", s->damaged);
		text[line.len - 1] = '\0';
		end(2);
	}
	if (!logs->damaged && !logs->records && !logs->failed)
		v6_print_wrapped(
			"Nothing was logged. Either the library was not in the program ('v6shim "
			"check COMMAND' tells whether it can be), or nothing in it reached the "
			"log level.",
			0, 0, v6_terminal_width() ? v6_terminal_width() : 79);
	if (logs->cuts)
		printf("Cut, and what was written right before may be missing: %lld\n", logs->cuts);
}

/* For a machine. */

/* The members of a record without its version, pid and program; the object stays open. */
static void json_record(struct v6_record r)
{
	static const char head[] = "{\"v\":1,", tail[] = "}\n";
	struct v6_slice members;

	r.pid = 0;
	r.program.len = 0;
	members = v6_slice_from(v6_record_written(&r, v6_record_json), strlen(head));
	members.len -= strlen(tail);
	v6_json("{%j", members);
}

static void json_verdict(const struct verdict *v)
{
	static const char *const words[] = {
		"nobody", "another process", "dual-stack socket", "own socket"};
	V6_TEXT(proto, 16);

	v6_proto_text(&proto, v->proto);
	v6_json("{'port':%d", v->port);
	if (v->proto >= 0)
		v6_json("'proto':%s", proto.buf);
	for (int enforce = 0; enforce < (v->differs ? 2 : 1); enforce++) {
		const enum way *ways = v->outcomes[enforce].ways;

		if (enforce)
			v6_json("'enforce':{");
		for (int f = INET; f >= INET6; f--)
			if (ways[f] != NOT_TOLD)
				v6_json(f == INET ? "'inet':%s" : "'inet6':%s", words[ways[f]]);
	}
	v6_json(v->differs ? "}}" : "}");
}

static void json_process(const struct v6_logs *logs, const struct v6_process *p)
{
	v6_json("{'program':%v,'pid':%d,'pids':[%d", p->program, p->pid, p->pid);
	for (const struct v6_process *q = p->alike; q; q = q->alike)
		v6_json(",%d", q->pid);
	v6_json("]");
	if (p->via)
		v6_json("'via':%s", v6_word(V6_LIST_VIA, p->via));
	if (p->version.len)
		v6_json("'version':%v", p->version);
	if (p->settings.len)
		v6_json("'settings':%j", p->settings);
	v6_json("'listeners':[");
	for (const struct v6_socket *s = p->sockets; s; s = s->next) {
		struct v6_record r = s->r;

		if (s->gone)
			continue;
		r.serves = s->told->serves;
		json_record(r);
		v6_json("'gone':%b}", s->replaced);
	}
	v6_json("],'troubles':[");
	for (const struct v6_trouble *t = p->troubles; t; t = t->next) {
		if (t->r.verdict.action == V6_ACTION_REORDER)
			continue;
		json_record(t->r);
		v6_json("'times':%d,'unresolved':%b}", t->times, !strcmp(t->state, "unresolved"));
	}
	v6_json("],'verdicts':[");
	judge(logs, p, json_verdict);
	v6_json("],'lost':%u}", p->lost);
}

void v6_report_json(const struct v6_logs *logs, bool check)
{
	v6_json("{'processes':[");
	for (const struct v6_process *p = logs->processes; p; p = p->next)
		if (p->shown)
			json_process(logs, p);
	v6_json("],'damaged':%u,'cuts':%u,'check':%d}\n", (uint64_t)logs->damaged,
		(uint64_t)logs->cuts, check);
}
