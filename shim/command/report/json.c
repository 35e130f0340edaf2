#include "../json.h"

#include "verdict.h"

/* The members of a record without its version, pid and program; the object stays open. */
static void print_record(struct v6_record r)
{
	static const char begin[] = "{\"v\":1,", end[] = "}\n";
	struct v6_slice text;

	r.pid = 0;
	r.program.len = 0;
	text = v6_slice_from(v6_record_written(&r, v6_record_json), strlen(begin));
	text.len -= strlen(end);
	v6_json("{%j", text);
}

static void print_ways(const struct v6_outcome *o)
{
	const char *inet = v6_way_words[o->inet], *inet6 = v6_way_words[o->inet6];

	if (inet)
		v6_json("'inet':%s", inet);
	if (inet6)
		v6_json("'inet6':%s", inet6);
}

static void print_verdicts(const struct v6_process *p)
{
	size_t count;
	struct v6_port_verdict *verdicts = v6_port_verdicts(p, &count);

	for (const struct v6_port_verdict *v = verdicts; v < verdicts + count; v++) {
		V6_TEXT(t, 16);

		v6_proto_text(&t, v->proto);
		v6_json("{'port':%d", v->port);
		if (v->proto >= 0)
			v6_json("'proto':%s", t.buf);
		print_ways(&v->now);
		if (v->differs) {
			v6_json("'enforce':{");
			print_ways(&v->enforced);
			v6_json("}");
		}
		v6_json("}");
	}
}

static void print_process(const struct v6_process *p)
{
	v6_json("{'program':%v,'pid':%d,'pids':[%d", p->program, p->pid, p->pid);
	for (const struct v6_process *q = p->next; q; q = q->next)
		v6_json(",%d", q->pid);
	v6_json("]");
	if (p->via)
		v6_json("'via':%s", v6_word(V6_LIST_VIA, p->via));
	if (p->version.len)
		v6_json("'version':%v", p->version);
	if (p->settings.len)
		v6_json("'settings':%j", p->settings);
	v6_json("'listeners':[");
	for (size_t i = 0; i < p->socket_count; i++) {
		struct v6_record r = p->sockets[i].r;

		if (p->sockets[i].gone)
			continue;
		r.serves = v6_socket_service(&p->sockets[i], false).serves;
		print_record(r);
		v6_json("'gone':%b}", p->sockets[i].replaced);
	}
	v6_json("],'troubles':[");
	for (size_t i = 0; i < p->trouble_count; i++) {
		const struct v6_trouble *t = &p->troubles[i];

		if (t->r.verdict.action == V6_ACTION_REORDER)
			continue;
		print_record(t->r);
		v6_json("'times':%d,'unresolved':%b}", t->times,
			!strcmp(v6_trouble_state(p, t), "unresolved"));
	}
	v6_json("],'verdicts':[");
	print_verdicts(p);
	v6_json("],'lost':%u}", p->lost);
}

void v6_report_json(const struct v6_input *in, const struct v6_model *m, int check)
{
	v6_json("{'processes':[");
	for (size_t i = 0; i < m->count; i++)
		if (m->processes[i]->shown && !m->processes[i]->like)
			print_process(m->processes[i]);
	v6_json("],'damaged':%u,'cuts':%u,'check':%d}\n", in->damaged, in->cuts, check);
}
