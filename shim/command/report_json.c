#include "report_json.h"

#include "../core/errname.h"
#include "report_settings.h"
#include "report_verdict.h"
#include "report_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NOBODY = -1, REPORT_VERSION = 1 };

/* What is longer than a file's name, with each byte as six, is cut. */
enum { STRING_SIZE = 6 * 4096 + 3 };

/* clang-format off */
const char v6_report_json_help[] =
	"With --json it is one object: `processes`, each with `listeners`, `troubles` and\n"
	"`verdicts`, in the words of the records where they have one; `idle`, the programs that\n"
	"bound nothing; `files`; `damaged`, the lines that are no records; `totals`; `left_out`,\n"
	"what was counted and not kept; `check`, what --check exits with. Processes that differ\n"
	"in their pids alone are one, with all their `pids`. A trouble's `kind` is conflict,\n"
	"disorder, denial, contrary, failure or error.";
/* clang-format on */

/* Whether a comma is due before what comes next, at each depth. */
static struct {
	bool comma[16];
	unsigned depth;
} state;

static void put_text(const char *text, size_t len)
{
	static char buf[STRING_SIZE];
	struct v6_text t = v6_text_in(buf, sizeof(buf) - 1);

	v6_text_json(&t, text, len);
	/* Cut amid an escape or a character it would be no JSON: programs have no such names. */
	fputs(t.full ? "\"(too long)\"" : buf, stdout);
}

static void comma(void)
{
	if (state.comma[state.depth])
		putchar(',');
	state.comma[state.depth] = true;
}

/* NULL in an array. */
static void key(const char *name)
{
	comma();
	if (name)
		printf("\"%s\":", name);
}

static void enter(const char *name, char bracket)
{
	key(name);
	putchar(bracket);
	state.comma[++state.depth] = false;
}

static void leave(char bracket)
{
	state.depth--;
	putchar(bracket);
}

static void put_slice(const char *name, struct v6_slice text)
{
	key(name);
	put_text(text.ptr, text.len);
}

static void put_str(const char *name, const char *text)
{
	put_slice(name, (struct v6_slice){text, strlen(text)});
}

static void put_int(const char *name, int64_t number)
{
	key(name);
	printf("%" PRId64, number);
}

static void put_uint(const char *name, uint64_t number)
{
	key(name);
	printf("%" PRIu64, number);
}

static void put_bool(const char *name, bool value)
{
	key(name);
	fputs(value ? "true" : "false", stdout);
}

/* Where it is known. */
static void put_known(const char *name, int number)
{
	if (number >= 0)
		put_int(name, number);
}

static void put_note(const char *name, struct v6_slice text)
{
	if (text.len)
		put_slice(name, text);
}

static void put_time(const char *name, int64_t time)
{
	char buf[40];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_text_time(&t, time);
	put_str(name, buf);
}

static void put_proto(int proto)
{
	char buf[16];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	if (proto < 0)
		return;
	v6_proto_text(&t, proto);
	put_str("proto", buf);
}

static void put_errno(int error)
{
	const char *name = v6_errname(error);

	if (!error)
		return;
	if (name)
		put_str("errno", name);
	else
		put_int("errno", error);
}

static void put_address(const struct v6_address *a)
{
	char buf[64];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	if (a->family == V6_FAMILY_OTHER)
		return;
	v6_address_text(&t, a);
	put_str("addr", buf);
	put_int("port", a->port);
}

static void put_family(unsigned family)
{
	if (family != V6_FAMILY_OTHER)
		put_str("family", v6_family_name(family));
}

static void put_serves(unsigned serves)
{
	enter("serves", '[');
	if (serves & V6_SERVES_INET6)
		put_str(NULL, "inet6");
	if (serves & V6_SERVES_INET)
		put_str(NULL, "inet");
	leave(']');
}

static void put_families(const char *name, const struct v6_families *f)
{
	if (!f->count)
		return;
	enter(name, '[');
	for (unsigned i = 0; i < f->count; i++)
		put_str(NULL, f->inet6 >> i & 1 ? "inet6" : "inet");
	leave(']');
}

static void put_decision(unsigned policy, unsigned rule, unsigned mode)
{
	put_str("policy", v6_setting_word_of(V6_SETTING_POLICY, policy));
	if (rule)
		put_uint("rule", rule);
	put_str("mode", v6_setting_word_of(V6_SETTING_MODE, mode));
}

/* Sockets. */

static void put_actions(unsigned actions)
{
	enter("actions", '[');
	for (unsigned a = V6_ACTION_NONE + 1; a < V6_ACTION_COUNT; a++)
		if (actions >> a & 1)
			put_str(NULL, v6_action_name(a));
	leave(']');
}

static void put_failed(const struct v6_listener *l)
{
	if (!l->error)
		return;
	put_str("failed", v6_event_name(l->failed));
	put_errno(l->error);
}

static void put_listener(const struct v6_process *p, const struct v6_listener *l, unsigned order)
{
	char buf[1024];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	bool told;
	unsigned serves = v6_listener_serves(l, &told);

	enter(NULL, '{');
	put_uint("order", order);
	put_known("fd", l->fd);
	put_family(l->family);
	if (l->type != V6_TYPE_UNKNOWN)
		put_str("type", v6_type_name(l->type));
	put_proto(l->proto);
	put_address(&l->address);
	put_known("asked", l->asked);
	put_known("before", l->before);
	put_known("after", l->after);
	put_serves(serves);
	put_bool("serves_told", told);
	put_actions(l->actions);
	put_decision(l->policy, l->rule, l->mode);
	put_failed(l);
	put_bool("inherited", l->inherited);
	put_bool("port_chosen", l->chosen);
	put_bool("gone", l->replaced);
	put_uint("binds", l->binds);
	v6_say_listener(&t, p, l);
	put_str("v6shim", buf);
	put_note("note", l->note);
	leave('}');
}

/* Trouble. */

static void put_holder(const struct v6_holder *h)
{
	if (!h->known)
		return;
	enter("holder", '{');
	put_known("fd", h->fd);
	if (h->pid)
		put_int("pid", h->pid);
	put_note("program", h->program);
	if (h->uid >= 0)
		put_int("uid", h->uid);
	put_family(h->address.family);
	put_address(&h->address);
	put_known("v6only", h->v6only);
	leave('}');
}

static void put_outcome(const struct v6_gather *g, const struct v6_trouble *trouble)
{
	char buf[512];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	put_bool("failed", trouble->failed);
	put_errno(trouble->error);
	put_bool("succeeded_later", v6_trouble_overcome(g, trouble));
	if (trouble->kind == V6_TROUBLE_CONFLICT)
		put_bool("unresolved", v6_trouble_unresolved(g, trouble));
	v6_say_trouble(&t, g, trouble);
	if (t.len)
		put_str("outcome", buf);
}

static void put_trouble(const struct v6_gather *g, const struct v6_trouble *t)
{
	enter(NULL, '{');
	put_str("kind", v6_trouble_name(t->kind));
	put_time("first", t->first);
	put_time("last", t->last);
	put_uint("times", t->times);
	put_str("event", v6_event_name(t->event));
	put_known("fd", t->fd);
	put_family(t->family);
	put_proto(t->proto);
	put_address(&t->address);
	put_known("asked", t->value);
	if (t->kind != V6_TROUBLE_ERROR) {
		put_decision(t->policy, t->rule, t->mode);
		put_str("action", v6_action_name(t->action));
		put_outcome(g, t);
	}
	put_holder(&t->holder);
	put_note("note", t->note);
	leave('}');
}

/* Verdicts. */

static const char *by_what(const struct v6_port_verdict *v, const struct v6_reach *r, bool inet6)
{
	if (!r->wildcard && !r->singles)
		return "nobody";
	return v->dual && (inet6 || !v->own) ? "dual-stack socket" : "own socket";
}

static void put_judgement(const struct v6_port_verdict *v)
{
	put_str("verdict", v6_verdict_name(v));
	put_str("inet", by_what(v, &v->inet, false));
	put_str("inet6", by_what(v, &v->inet6, true));
}

static void put_verdict(
	void *to, const struct v6_port_verdict *v, const struct v6_port_verdict *would)
{
	char port[32], buf[1024];
	struct v6_text p = v6_text_in(port, sizeof(port)), t = v6_text_in(buf, sizeof(buf));

	(void)to;
	v6_verdict_port(&p, v);
	v6_verdict_text(&t, v, port, false);
	enter(NULL, '{');
	put_proto(v->proto);
	put_int("port", v->port);
	put_judgement(v);
	put_str("text", buf);
	if (would) {
		t = v6_text_in(buf, sizeof(buf));
		v6_verdict_text(&t, would, port, true);
		enter("enforce", '{');
		put_judgement(would);
		put_str("text", buf);
		leave('}');
	}
	leave('}');
}

/* Processes. */

static void put_settings(const struct v6_process *p)
{
	struct v6_note_settings s;

	if (!v6_note_settings_read(&s, p->settings))
		return;
	put_slice("version", s.version);
	put_uint("rules", s.rules);
	enter("settings", '{');
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		if (!s.setting[id].value.ptr)
			continue;
		enter(v6_setting_name(id), '{');
		put_slice("value", s.setting[id].value);
		put_slice("origin", s.setting[id].origin);
		leave('}');
	}
	leave('}');
}

static void put_members(const struct v6_gather *g, const struct v6_block *block)
{
	put_uint("processes", block->member_count + block->process->more);
	enter("pids", '[');
	for (unsigned i = 0; i < block->member_count; i++)
		put_int(NULL, g->processes[block->members[i]].pid);
	leave(']');
}

static void put_lookups(const struct v6_process *p)
{
	if (!p->lookups)
		return;
	enter("getaddrinfo", '{');
	put_uint("passive", p->lookups);
	put_uint("reordered", p->reorders);
	put_families("families_before", &p->found);
	put_families("families_after", &p->handed);
	leave('}');
}

static void put_facts(const struct v6_input *in, const struct v6_process *p)
{
	put_slice("program", p->program);
	put_int("pid", p->pid);
	put_slice("log", in->logs[p->log]);
	put_time("first", p->first);
	put_time("last", p->last);
	put_bool("loaded", p->loaded);
	put_settings(p);
	if (p->level >= 0)
		put_str("log_level", v6_setting_word_of(V6_SETTING_LOG_LEVEL, (unsigned)p->level));
	put_decision(p->policy, 0, p->mode);
}

static bool put_process(
	const struct v6_input *in, const struct v6_view *view, const struct v6_block *block)
{
	const struct v6_gather *g = &in->gather;
	const struct v6_process *p = block->process;
	bool ok;

	enter(NULL, '{');
	put_facts(in, p);
	put_members(g, block);
	enter("listeners", '[');
	for (unsigned i = 0; i < block->listener_count; i++)
		put_listener(p, &g->listeners[block->listeners[i]], i + 1);
	leave(']');
	put_uint("client_binds", p->clients);
	put_lookups(p);
	put_uint("lost", p->lost);
	enter("troubles", '[');
	for (int32_t i = p->troubles; i != NOBODY; i = g->troubles[i].next)
		put_trouble(g, &g->troubles[i]);
	leave(']');
	enter("verdicts", '[');
	ok = v6_verdicts(view, block, put_verdict, NULL);
	leave(']');
	leave('}');
	return ok;
}

static void put_idle(const struct v6_gather *g)
{
	enter("idle", '[');
	for (unsigned i = 0; i < g->idle_count; i++) {
		enter(NULL, '{');
		put_slice("program", g->idle[i].program);
		put_uint("processes", g->idle[i].times);
		leave('}');
	}
	leave(']');
}

static void put_files(const struct v6_input *in)
{
	enter("files", '[');
	for (unsigned i = 0; i < in->count; i++) {
		const struct v6_source *s = &in->sources[i];

		enter(NULL, '{');
		put_str("file", s->name);
		put_uint("records", s->records);
		put_uint("damaged", s->damaged);
		put_uint("foreign", s->foreign);
		put_uint("text_format", s->texts);
		if (s->error)
			put_str("error", strerror(s->error));
		leave('}');
	}
	leave(']');
}

static void put_damaged(const struct v6_input *in)
{
	enter("damaged", '{');
	put_uint("lines", in->damaged);
	enter("first", '[');
	for (unsigned i = 0; i < in->damaged && i < V6_DAMAGE_SHOWN; i++) {
		enter(NULL, '{');
		put_str("file", in->damage[i].name);
		put_uint("line", in->damage[i].line);
		put_str("reason", in->damage[i].reason);
		leave('}');
	}
	leave(']');
	leave('}');
}

static void put_totals(const struct v6_gather *g)
{
	const struct v6_totals *t = &g->totals;

	enter("totals", '{');
	put_uint("records", t->records);
	put_uint("conflicts", t->trouble[V6_TROUBLE_CONFLICT]);
	put_uint("unresolved", v6_gather_unresolved(g));
	put_uint("disorders", t->trouble[V6_TROUBLE_DISORDER]);
	put_uint("denials", t->denials);
	put_uint("contrary", t->trouble[V6_TROUBLE_CONTRARY]);
	put_uint("failures", t->trouble[V6_TROUBLE_FAILURE]);
	put_uint("errors", t->trouble[V6_TROUBLE_ERROR]);
	put_uint("lost", t->lost);
	leave('}');
	enter("left_out", '{');
	put_uint("processes", t->processes_left);
	put_uint("listener_calls", t->listeners_left);
	put_uint("troubles", t->troubles_left);
	leave('}');
}

bool v6_report_json(const struct v6_input *in, const struct v6_view *view, int check)
{
	bool ok = true;

	/* Another object may have been printed before: no comma is due between the two. */
	memset(&state, 0, sizeof(state));
	enter(NULL, '{');
	put_int("report", REPORT_VERSION);
	enter("processes", '[');
	for (unsigned i = 0; i < view->block_count && ok; i++)
		ok = put_process(in, view, &view->blocks[i]);
	leave(']');
	put_idle(&in->gather);
	put_files(in);
	put_damaged(in);
	put_totals(&in->gather);
	put_int("check", check);
	leave('}');
	putchar('\n');
	return ok;
}
