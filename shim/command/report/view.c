#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../core/errname.h"
#include "../../core/policy.h"
#include "../memory.h"
#include "report.h"

static bool did(const struct v6_listener *l, enum v6_action action)
{
	return l->actions >> action & 1;
}

unsigned v6_listener_serves(const struct v6_listener *l, bool enforce, bool *told)
{
	const struct v6_record *r = &l->r;
	bool split = did(l, V6_ACTION_SPLIT) || did(l, V6_ACTION_YIELD);
	bool set = did(l, V6_ACTION_SET) || did(l, V6_ACTION_OVERRIDE);
	int after = split ? 1 : set ? v6_policy_value(r->policy) : r->after;
	bool log = enforce && r->mode == V6_MODE_LOG;
	bool fails =
		log ? did(l, V6_ACTION_DENY) || (r->error && !split && !did(l, V6_ACTION_SHARE))
		    : r->error;

	*told = fails || r->serves || r->facts.type == V6_TYPE_DGRAM || r->error;
	if (fails)
		return 0;
	return r->serves && !log ? r->serves : v6_serves(&r->facts.address, log ? after : r->after);
}

/* Blocks. */

static int by_order(const void *a, const void *b)
{
	const struct v6_listener *l = *(struct v6_listener *const *)a,
				 *m = *(struct v6_listener *const *)b;

	return (l->order > m->order) - (l->order < m->order);
}

static struct v6_block *block_of(struct v6_process *p)
{
	struct v6_block *b = v6_resize(NULL, sizeof(*b));

	*b = (struct v6_block){.process = p, .last = p, .count = 1};
	for (struct v6_listener *l = p->listeners; l; l = l->next) {
		if (l->gone)
			continue;
		b->listeners =
			v6_grow(b->listeners, b->listener_count, &b->room, sizeof(*b->listeners));
		b->listeners[b->listener_count++] = l;
	}
	if (b->listener_count)
		qsort(b->listeners, b->listener_count, sizeof(*b->listeners), by_order);
	return b;
}

static void free_block(struct v6_block *block)
{
	free(block->listeners);
	free(block);
}

/* What is printed of it but pids, times and ports that the kernel chose; to be freed. */
static char *printed(const struct v6_block *block, size_t *len)
{
	static char buf[8192];
	const struct v6_process *p = block->process;
	char *all = NULL;
	FILE *f = v6_need(open_memstream(&all, len));

	fprintf(f, "%d %d %d %d %p %p %d %" PRIu64 "\n", p->log, p->level, p->policy, p->mode,
		(const void *)p->program.ptr, (const void *)p->settings.ptr, !p->reorders, p->lost);
	for (size_t i = 0; i < block->listener_count; i++) {
		struct v6_text t = v6_text_in(buf, sizeof(buf));
		struct v6_record r = block->listeners[i]->r;

		if (block->listeners[i]->chosen)
			r.facts.address.port = 0;
		v6_record_subject(&t, &r);
		v6_listener_text(&t, p, block->listeners[i]);
		fprintf(f, "%s %d %d %d %u\n", buf, r.facts.asked, r.facts.before, r.after,
			r.serves);
	}
	for (const struct v6_trouble *trouble = p->troubles; trouble; trouble = trouble->next) {
		struct v6_text t = v6_text_in(buf, sizeof(buf));
		struct v6_record r = trouble->r;

		r.fd = -1;
		v6_record_subject(&t, &r);
		v6_outcome_text(&t, trouble);
		v6_holder_text(&t, &r.holder, p->pid);
		fprintf(f, "%s %p\n", buf, (const void *)r.note.ptr);
	}
	fclose(f);
	return v6_need(all);
}

void v6_view_init(struct v6_view *view, const struct v6_gather *gather)
{
	struct v6_map map = {NULL};

	*view = (struct v6_view){NULL, 0, 0};
	for (struct v6_process *p = gather->processes; p; p = p->next) {
		struct v6_block *block, **like;
		size_t len;
		char *key;

		if (!v6_process_shown(p))
			continue;
		block = block_of(p);
		key = printed(block, &len);
		like = v6_map_at(&map, key, len, sizeof(*like));
		free(key);
		if (*like) {
			free_block(block);
			(*like)->last = (*like)->last->alike = p;
			(*like)->count++;
			continue;
		}
		*like = block;
		view->blocks =
			v6_grow(view->blocks, view->count, &view->room, sizeof(*view->blocks));
		view->blocks[view->count++] = block;
	}
	v6_map_free(&map);
}

void v6_view_free(struct v6_view *view)
{
	while (view->count)
		free_block(view->blocks[--view->count]);
	free(view->blocks);
}

/* Verdicts. */

static void add_reach(struct v6_reach *r, const struct v6_address *a)
{
	static const uint8_t zero[4];

	/* The IPv4 wildcard in its mapped form included. */
	if (v6_address_wildcard(a) || (v6_address_mapped(a) && !memcmp(a->bytes + 12, zero, 4)))
		r->wildcard = true;
	else if (!r->singles++)
		r->single = *a;
}

/* The policy has made the socket what it is, or with `enforce` would have. */
static bool is_governed(const struct v6_listener *l, bool enforce)
{
	bool forced = did(l, V6_ACTION_SET) || did(l, V6_ACTION_OVERRIDE);
	int value = v6_policy_value(l->r.policy);

	if (l->r.mode == V6_MODE_LOG)
		return enforce && forced;
	if (value == V6_UNKNOWN || value != l->r.after)
		return false;
	return v6_policy_forced(l->r.policy) ? forced : l->r.facts.asked == V6_UNKNOWN;
}

static void add_failed(struct v6_port_verdict *v, const struct v6_listener *l)
{
	const struct v6_trouble *t = v->process->troubles;

	if (v->failed)
		return;
	while (t && !(v6_trouble_unresolved(t) && t->r.proto == l->r.proto &&
			    v6_address_same(&t->r.facts.address, &l->r.facts.address)))
		t = t->next;
	v->failed = l;
	v->conflict = t;
}

static void add_listener(struct v6_port_verdict *v, const struct v6_listener *l)
{
	const struct v6_address *a = &l->r.facts.address;
	bool told, in6 = a->family == V6_FAMILY_INET6 && !v6_address_mapped(a);
	unsigned serves = v6_listener_serves(l, v->enforce, &told);

	/* Without V6ONLY what it serves is not known: then it is nothing, but it did not fail. */
	if (v->enforce ? !serves && (l->r.error || did(l, V6_ACTION_DENY)) : l->r.error) {
		add_failed(v, l);
		return;
	}
	if (!told && v6_knows_binds(v->process)) {
		v->silent = v->silent ? v->silent : l;
		return;
	}
	v->doubtful |= !told;
	v->missing &= ~serves;
	if (serves & V6_SERVES_INET6)
		add_reach(&v->inet6, a);
	if (serves & V6_SERVES_INET) {
		add_reach(&v->inet, a);
		v->dual |= in6;
		v->own |= !in6;
	}
	if (in6 && is_governed(l, v->enforce))
		v->governed = l;
}

/* The first process of another block's that serves a family that is missing. */
static const struct v6_process *find_elsewhere(
	const struct v6_view *view, const struct v6_port_verdict *v)
{
	for (size_t i = 0; i < view->count && v->missing; i++) {
		const struct v6_block *b = view->blocks[i];

		for (size_t n = 0; n < b->listener_count; n++) {
			const struct v6_listener *l = b->listeners[n];
			bool told;

			if (l->r.facts.address.port == v->port && l->r.proto == v->proto &&
				b->process->log == v->process->log && b->process != v->process &&
				!l->replaced && v6_listener_serves(l, false, &told) & v->missing)
				return b->process;
		}
	}
	return NULL;
}

/* Of the sockets of one port. */
static struct v6_port_verdict judge(const struct v6_view *view, const struct v6_process *p,
	struct v6_listener **listeners, size_t count, bool enforce)
{
	struct v6_port_verdict v = {
		.process = p,
		.proto = listeners[0]->r.proto,
		.port = listeners[0]->r.facts.address.port,
		.enforce = enforce,
		.missing = V6_SERVES_INET6 | V6_SERVES_INET,
	};

	for (size_t i = 0; i < count; i++)
		add_listener(&v, listeners[i]);
	v.elsewhere = find_elsewhere(view, &v);
	v.doubtful |= v.missing && !v6_knows_binds(p);
	return v;
}

static bool same_outcome(const struct v6_port_verdict *a, const struct v6_port_verdict *b)
{
	return a->own == b->own && a->dual == b->dual && a->missing == b->missing &&
	       a->inet.wildcard == b->inet.wildcard && a->inet6.wildcard == b->inet6.wildcard;
}

static int by_port(const void *a, const void *b)
{
	const struct v6_record *r = &(*(struct v6_listener *const *)a)->r,
			       *s = &(*(struct v6_listener *const *)b)->r;
	int order = r->proto - s->proto;

	order = order ? order : r->facts.address.port - s->facts.address.port;
	return order ? order : by_order(a, b);
}

void v6_verdicts(
	const struct v6_view *view, const struct v6_block *block, v6_verdict_print *print, void *to)
{
	struct v6_listener **rows = v6_resize(NULL, block->listener_count * sizeof(*rows));
	size_t count = 0;

	for (size_t i = 0; i < block->listener_count; i++)
		if (!block->listeners[i]->replaced &&
			block->listeners[i]->r.facts.address.family != V6_FAMILY_OTHER)
			rows[count++] = block->listeners[i];
	qsort(rows, count, sizeof(*rows), by_port);
	for (size_t from = 0, n; from < count; from += n) {
		struct v6_port_verdict v, enforced;
		const struct v6_record *first = &rows[from]->r;
		bool log = false;

		for (n = 0; from + n < count && rows[from + n]->r.proto == first->proto &&
			    rows[from + n]->r.facts.address.port == first->facts.address.port;
			n++)
			log |= rows[from + n]->r.mode == V6_MODE_LOG && rows[from + n]->actions;
		v = judge(view, block->process, rows + from, n, false);
		enforced = judge(view, block->process, rows + from, n, log);
		print(to, &v, same_outcome(&v, &enforced) ? NULL : &enforced);
	}
	free(rows);
}

const char *v6_verdict_word(const struct v6_port_verdict *v, enum v6_family family)
{
	bool in6 = family == V6_FAMILY_INET6;

	if (v->missing & (in6 ? V6_SERVES_INET6 : V6_SERVES_INET))
		return "nobody";
	return v->dual && (in6 || !v->own) ? "dual-stack socket" : "own socket";
}

/* "IPv4", "IPv4 (127.0.0.1 alone)" */
static void reach_text(struct v6_text *t, const char *family, const struct v6_reach *r)
{
	v6_text_str(t, family);
	if (r->wildcard)
		return;
	v6_text_str(t, " (");
	if (r->singles == 1)
		v6_address_text(t, &r->single);
	else
		v6_text_printf(t, "%u addresses", r->singles);
	v6_text_str(t, " alone)");
}

static void failed_text(struct v6_text *t, const struct v6_port_verdict *v)
{
	const struct v6_record *r = &v->failed->r;
	bool denied = did(v->failed, V6_ACTION_DENY);

	v6_text_printf(t, ": the %s of ", v6_word(V6_LIST_EVENT, r->facts.event));
	v6_address_port_text(t, &r->facts.address);
	if (v->enforce && denied) {
		v6_text_str(t, " would be denied");
		return;
	}
	v6_text_str(t, denied ? " is denied with " : " fails with ");
	v6_errno_text(t, r->error);
	v6_text_str(t, v->conflict ? ", a conflict left unresolved" : "");
	if (v->conflict && v->conflict->r.holder.fd < 0 && v->conflict->r.holder.pid) {
		v6_text_str(t, " with ");
		v6_process_text(t, v->conflict->r.holder.program, v->conflict->r.holder.pid);
	}
}

void v6_verdict_text(struct v6_text *t, const struct v6_port_verdict *v, const char *port)
{
	static const unsigned nobody = V6_SERVES_INET6 | V6_SERVES_INET;
	bool one = !v->missing && !v->own;

	v6_text_str(t, v->missing == nobody ? "Nothing" : v->missing ? "Only " : "");
	if (!(v->missing & V6_SERVES_INET))
		reach_text(t, "IPv4", &v->inet);
	v6_text_str(t, v->missing ? "" : " and ");
	if (!(v->missing & V6_SERVES_INET6))
		reach_text(t, "IPv6", &v->inet6);
	v6_text_printf(t, " %s served on %s%s%s",
		v->enforce   ? "would be"
		: v->missing ? "is"
			     : "are",
		port,
		one          ? " by one dual-stack socket"
		: v->missing ? ""
			     : " by separate sockets",
		!v->missing && v->own && v->dual
			? ", the IPv6 one dual-stack: IPv4 goes to the IPv4 socket"
			: "");
	if (v->missing && v->failed) {
		failed_text(t, v);
	} else if (v->missing && v->silent) {
		v6_text_str(t, ": ");
		v6_address_port_text(t, &v->silent->r.facts.address);
		v6_text_str(t, " is bound and has not listened");
	} else if (v->governed && (one || v->missing == V6_SERVES_INET)) {
		v6_text_printf(t, ", by policy %s", v6_word(V6_LIST_POLICY, v->governed->r.policy));
	}
	if (v->elsewhere) {
		v6_text_printf(t, "; %s is served by ",
			v->missing == V6_SERVES_INET6  ? "IPv6"
			: v->missing == V6_SERVES_INET ? "IPv4"
						       : "it");
		v6_process_text(t, v->elsewhere->program, v->elsewhere->pid);
	}
	v6_text_str(t, v->doubtful ? ", as far as the log tells." : ".");
}
