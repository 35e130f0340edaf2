#include "../json.h"

#include <stdlib.h>

#include "../memory.h"
#include "report.h"

/* The members of a record, in the object that was begun; without its pid and program. */
static void print_record(const struct v6_record *r)
{
	size_t size = V6_RECORD_SIZE + 6 * (r->note.len + r->holder.program.len);
	char *buf = v6_resize(NULL, size);
	struct v6_text t = v6_text_in(buf, size);
	struct v6_record rest = *r;
	static const char begin[] = "{\"v\":1,", end[] = "}\n";

	rest.pid = 0;
	rest.program.len = 0;
	v6_record_json(&t, &rest);
	v6_json_members(
		(struct v6_slice){buf + strlen(begin), t.len - strlen(begin) - strlen(end)});
	free(buf);
}

static void print_listener(const struct v6_listener *l)
{
	struct v6_record r = l->r;
	bool told;

	r.serves = v6_listener_serves(l, false, &told);
	v6_json_begin(NULL, '{');
	print_record(&r);
	v6_json_bool("gone", l->replaced);
	v6_json_end();
}

static void print_trouble(const struct v6_trouble *t)
{
	v6_json_begin(NULL, '{');
	print_record(&t->r);
	v6_json_uint("times", t->times);
	v6_json_bool("unresolved", v6_trouble_unresolved(t));
	v6_json_end();
}

static void print_families(const struct v6_port_verdict *v)
{
	v6_json_string("inet", v6_verdict_word(v, V6_FAMILY_INET));
	v6_json_string("inet6", v6_verdict_word(v, V6_FAMILY_INET6));
}

static void print_verdict(
	void *to, const struct v6_port_verdict *v, const struct v6_port_verdict *enforced)
{
	char proto[16];
	struct v6_text t = v6_text_in(proto, sizeof(proto));

	(void)to;
	v6_proto_text(&t, v->proto);
	v6_json_begin(NULL, '{');
	v6_json_uint("port", v->port);
	if (v->proto >= 0)
		v6_json_string("proto", proto);
	print_families(v);
	if (enforced) {
		v6_json_begin("enforce", '{');
		print_families(enforced);
		v6_json_end();
	}
	v6_json_end();
}

static void print_block(const struct v6_view *view, const struct v6_block *block)
{
	const struct v6_process *p = block->process;

	v6_json_begin(NULL, '{');
	v6_json_slice("program", p->program);
	v6_json_int("pid", p->pid);
	v6_json_begin("pids", '[');
	for (const struct v6_process *q = p; q; q = q->alike)
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
	for (size_t i = 0; i < block->listener_count; i++)
		print_listener(block->listeners[i]);
	v6_json_end();
	v6_json_begin("troubles", '[');
	for (const struct v6_trouble *t = p->troubles; t; t = t->next)
		print_trouble(t);
	v6_json_end();
	v6_json_begin("verdicts", '[');
	v6_verdicts(view, block, print_verdict, NULL);
	v6_json_end();
	v6_json_uint("lost", p->lost);
	v6_json_end();
}

void v6_report_json(const struct v6_input *in, const struct v6_view *view)
{
	v6_json_begin(NULL, '{');
	v6_json_begin("processes", '[');
	for (size_t i = 0; i < view->count; i++)
		print_block(view, view->blocks[i]);
	v6_json_end();
	v6_json_uint("damaged", in->damaged);
	v6_json_int("check", v6_report_check(&in->gather));
	v6_json_end();
}
