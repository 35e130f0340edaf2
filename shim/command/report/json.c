#include "../json.h"

#include <stdlib.h>

#include "report.h"
#include "verdict.h"

/* The members of a record, in the object that was begun; without its pid and program. */
static void print_record(struct v6_record r)
{
	static const char begin[] = "{\"v\":1,", end[] = "}\n";
	size_t len;
	char *text;

	r.pid = 0;
	r.program.len = 0;
	text = v6_record_written(&r, v6_record_json, &len);
	v6_json_members((struct v6_slice){text + strlen(begin), len - strlen(begin) - strlen(end)});
	free(text);
}

static void print_socket(const struct v6_socket *s)
{
	struct v6_record r = s->r;
	bool told;

	r.serves = v6_socket_serves(s, false, &told);
	v6_json_begin(NULL, '{');
	print_record(r);
	v6_json_bool("gone", s->replaced);
	v6_json_end();
}

static void print_trouble(const struct v6_process *p, const struct v6_trouble *t)
{
	v6_json_begin(NULL, '{');
	print_record(t->r);
	v6_json_uint("times", t->times);
	v6_json_bool("unresolved", !strcmp(v6_trouble_state(p, t), "unresolved"));
	v6_json_end();
}

static void print_outcome(const struct v6_outcome *o)
{
	v6_json_string("inet", v6_way_words[o->inet]);
	v6_json_string("inet6", v6_way_words[o->inet6]);
}

static void print_verdicts(const struct v6_process *p)
{
	size_t count;
	struct v6_port_verdict *verdicts = v6_port_verdicts(p, &count);

	for (const struct v6_port_verdict *v = verdicts; v < verdicts + count; v++) {
		char proto[16];
		struct v6_text t = v6_text_in(proto, sizeof(proto));

		v6_proto_text(&t, v->proto);
		v6_json_begin(NULL, '{');
		v6_json_uint("port", v->port);
		if (v->proto >= 0)
			v6_json_string("proto", proto);
		print_outcome(&v->now);
		if (v->differs) {
			v6_json_begin("enforce", '{');
			print_outcome(&v->enforced);
			v6_json_end();
		}
		v6_json_end();
	}
	free(verdicts);
}

static void print_process(const struct v6_process *p)
{
	v6_json_begin(NULL, '{');
	v6_json_slice("program", p->program);
	v6_json_int("pid", p->pid);
	v6_json_begin("pids", '[');
	for (const struct v6_process *q = p; q; q = q->next)
		v6_json_int(NULL, q->pid);
	v6_json_end();
	if (p->version.len)
		v6_json_slice("version", p->version);
	if (p->settings.len) {
		v6_json_begin("settings", '{');
		v6_json_members((struct v6_slice){p->settings.ptr + 1, p->settings.len - 2});
		v6_json_end();
	}
	v6_json_begin("listeners", '[');
	for (size_t i = 0; i < p->socket_count; i++)
		if (!p->sockets[i].gone)
			print_socket(&p->sockets[i]);
	v6_json_end();
	v6_json_begin("troubles", '[');
	for (size_t i = 0; i < p->trouble_count; i++)
		if (p->troubles[i].r.verdict.action != V6_ACTION_REORDER)
			print_trouble(p, &p->troubles[i]);
	v6_json_end();
	v6_json_begin("verdicts", '[');
	print_verdicts(p);
	v6_json_end();
	v6_json_uint("lost", p->lost);
	v6_json_end();
}

void v6_report_json(const struct v6_input *in, const struct v6_model *m, int check)
{
	v6_json_begin(NULL, '{');
	v6_json_begin("processes", '[');
	for (size_t i = 0; i < m->count; i++)
		if (m->processes[i]->shown && !m->processes[i]->like)
			print_process(m->processes[i]);
	v6_json_end();
	v6_json_uint("damaged", in->damaged);
	v6_json_int("check", check);
	v6_json_end();
}
