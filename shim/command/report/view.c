#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../core/policy.h"
#include "../memory.h"
#include "words.h"

/* Who serves a family on a port: the first process, and the first one of another block. */
struct serving {
	const struct v6_process *process[2];
};

static bool did(const struct v6_listener *l, enum v6_action action)
{
	return l->actions >> action & 1;
}

unsigned v6_listener_serves(const struct v6_listener *l, bool enforce, bool *told)
{
	const struct v6_record *r = &l->r;
	bool split = did(l, V6_ACTION_SPLIT) || did(l, V6_ACTION_YIELD);
	bool set = did(l, V6_ACTION_SET) || did(l, V6_ACTION_OVERRIDE);

	*told = true;
	if (!enforce || r->mode != V6_MODE_LOG) {
		if (r->error || r->serves)
			return r->error ? 0 : r->serves;
		*told = r->facts.type == V6_TYPE_DGRAM;
		return v6_serves(&r->facts.address, r->after);
	}
	if (did(l, V6_ACTION_DENY) || (r->error && !split && !did(l, V6_ACTION_SHARE)))
		return 0;
	*told = r->serves || r->facts.type == V6_TYPE_DGRAM || r->error;
	return v6_serves(
		&r->facts.address, split ? 1 : set ? v6_policy_value(r->policy) : r->after);
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
	struct v6_block *block = v6_resize(NULL, sizeof(*block));

	*block = (struct v6_block){.process = p, .last = p, .count = 1};
	for (struct v6_listener *l = p->listeners; l; l = l->next) {
		if (l->gone)
			continue;
		block->listeners = v6_grow(block->listeners, block->listener_count, &block->room,
			sizeof(struct v6_listener *));
		block->listeners[block->listener_count++] = l;
	}
	if (block->listener_count)
		qsort(block->listeners, block->listener_count, sizeof(*block->listeners), by_order);
	return block;
}

/* What is printed of it but pids, times and ports that the kernel chose; to be freed. */
static char *printed(const struct v6_block *block, size_t *len)
{
	static char buf[8192];
	const struct v6_process *p = block->process;
	char *all = NULL;
	FILE *f = open_memstream(&all, len);

	fprintf(f, "%d %d %d %d %p %p %d %" PRIu64 "\n", p->log, p->level, p->policy, p->mode,
		(const void *)p->program.ptr, (const void *)p->settings.ptr, !p->reorders,
		p->lost);
	for (size_t i = 0; i < block->listener_count; i++) {
		struct v6_text t = v6_text_in(buf, sizeof(buf));
		struct v6_record r = block->listeners[i]->r;

		if (block->listeners[i]->chosen)
			r.facts.address.port = 0;
		v6_call_text(&t, &r);
		v6_listener_text(&t, p, block->listeners[i]);
		fprintf(f, "%s %d %d %d %u %p\n", buf, r.facts.asked, r.facts.before, r.after, r.serves,
			(const void *)r.note.ptr);
	}
	for (const struct v6_trouble *trouble = p->troubles; trouble; trouble = trouble->next) {
		struct v6_text t = v6_text_in(buf, sizeof(buf));
		struct v6_record r = trouble->r;

		r.fd = -1;
		v6_call_text(&t, &r);
		v6_outcome_text(&t, trouble);
		v6_holder_text(&t, &r.holder, p->pid);
		fprintf(f, "%s %p\n", buf, (const void *)r.note.ptr);
	}
	fclose(f);
	return all;
}

static struct serving **serving_at(struct v6_view *view, int log, int proto, uint16_t port,
	unsigned serves)
{
	const int key[] = {log, proto, port, (int)serves};

	return (struct serving **)v6_map_at(&view->serving, key, sizeof(key));
}

static void add_serving(struct v6_view *view, const struct v6_process *p)
{
	for (const struct v6_listener *l = p->listeners; l; l = l->next) {
		bool told;
		unsigned serves = l->gone || l->replaced ? 0 : v6_listener_serves(l, false, &told);

		for (unsigned bit = V6_SERVES_INET6; bit <= V6_SERVES_INET; bit <<= 1) {
			struct serving **at, *s;

			if (!(serves & bit))
				continue;
			at = serving_at(view, p->log, l->r.proto, l->r.facts.address.port, bit);
			s = *at;
			if (!s) {
				s = *at = v6_resize(NULL, sizeof(*s));
				*s = (struct serving){{p, NULL}};
			} else if (!s->process[1] && s->process[0]->block != p->block) {
				s->process[1] = p;
			}
		}
	}
}

void v6_view_init(struct v6_view *view, const struct v6_gather *gather)
{
	*view = (struct v6_view){.count = 0};
	for (struct v6_process *p = gather->processes; p; p = p->next) {
		struct v6_block *block, **like;
		size_t len;
		char *key;

		if (!v6_process_shown(p))
			continue;
		block = block_of(p);
		key = printed(block, &len);
		like = (struct v6_block **)v6_map_at(&view->alike, key, len);
		free(key);
		if (*like) {
			free(block->listeners);
			free(block);
			block = *like;
			block->last = block->last->alike = p;
			block->count++;
		} else {
			*like = block;
			view->blocks = v6_grow(view->blocks, view->count, &view->room,
				sizeof(struct v6_block *));
			view->blocks[view->count++] = block;
		}
		p->block = block;
		add_serving(view, p);
	}
}

void v6_view_free(struct v6_view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		free(view->blocks[i]->listeners);
		free(view->blocks[i]);
	}
	free(view->blocks);
	v6_map_free(&view->alike, NULL);
	v6_map_free(&view->serving, free);
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

/* The unresolved conflict that the socket met. */
static const struct v6_trouble *conflict_of(
	const struct v6_process *p, const struct v6_listener *l)
{
	const struct v6_trouble *t = p->troubles;

	while (t && !(v6_trouble_unresolved(t) && t->r.proto == l->r.proto &&
			    v6_address_same(&t->r.facts.address, &l->r.facts.address)))
		t = t->next;
	return t;
}

static void add_listener(struct v6_verdict_of_port *v, const struct v6_listener *l)
{
	bool told, in6 = l->r.facts.address.family == V6_FAMILY_INET6 && !v6_address_mapped(&l->r.facts.address);
	unsigned serves = v6_listener_serves(l, v->enforce, &told);
	/* Without V6ONLY it is not known what a socket serves: then it serves nothing, but did not fail. */
	bool failed = v->enforce ? !serves && (l->r.error || did(l, V6_ACTION_DENY)) : l->r.error;

	if (failed) {
		if (!v->failed) {
			v->failed = l;
			v->conflict = conflict_of(v->process, l);
		}
		return;
	}
	if (!told && v6_knows_binds(v->process)) {
		v->silent = v->silent ? v->silent : l;
		return;
	}
	v->doubtful |= !told;
	v->missing &= ~serves;
	if (serves & V6_SERVES_INET6)
		add_reach(&v->inet6, &l->r.facts.address);
	if (serves & V6_SERVES_INET) {
		add_reach(&v->inet, &l->r.facts.address);
		v->dual |= in6;
		v->own |= !in6;
	}
	if (in6 && is_governed(l, v->enforce))
		v->governed = l;
}

static const struct v6_process *find_elsewhere(
	struct v6_view *view, const struct v6_block *block, const struct v6_verdict_of_port *v)
{
	for (unsigned bit = V6_SERVES_INET6; bit <= V6_SERVES_INET; bit <<= 1) {
		const struct serving *s =
			v->missing & bit
				? *serving_at(view, v->process->log, v->proto, v->port, bit)
				: NULL;
		const struct v6_process *p = s ? s->process[s->process[0]->block == block] : NULL;

		if (p)
			return p;
	}
	return NULL;
}

/* Of the sockets of one port. */
static struct v6_verdict_of_port judge(struct v6_view *view, const struct v6_block *block,
	struct v6_listener **listeners, size_t count, bool enforce)
{
	struct v6_verdict_of_port v = {
		.process = block->process,
		.proto = listeners[0]->r.proto,
		.port = listeners[0]->r.facts.address.port,
		.enforce = enforce,
		.missing = V6_SERVES_INET6 | V6_SERVES_INET,
	};

	for (size_t i = 0; i < count; i++)
		add_listener(&v, listeners[i]);
	v.elsewhere = find_elsewhere(view, block, &v);
	v.doubtful |= v.missing && !v6_knows_binds(v.process);
	return v;
}

static bool same_outcome(const struct v6_verdict_of_port *a, const struct v6_verdict_of_port *b)
{
	return a->own == b->own && a->dual == b->dual && a->missing == b->missing &&
	       a->inet.wildcard == b->inet.wildcard && a->inet6.wildcard == b->inet6.wildcard;
}

static int by_port(const void *a, const void *b)
{
	const struct v6_record *r = &(*(struct v6_listener *const *)a)->r,
			       *s = &(*(struct v6_listener *const *)b)->r;

	if (r->proto != s->proto)
		return r->proto - s->proto;
	return r->facts.address.port != s->facts.address.port ? r->facts.address.port - s->facts.address.port
						  : by_order(a, b);
}

void v6_verdicts(
	struct v6_view *view, const struct v6_block *block, v6_verdict_print *print, void *to)
{
	struct v6_listener **rows = v6_resize(NULL, block->listener_count * sizeof(*rows));
	size_t count = 0;

	for (size_t i = 0; i < block->listener_count; i++)
		if (!block->listeners[i]->replaced &&
			block->listeners[i]->r.facts.address.family != V6_FAMILY_OTHER)
			rows[count++] = block->listeners[i];
	qsort(rows, count, sizeof(*rows), by_port);
	for (size_t from = 0, n; from < count; from += n) {
		struct v6_verdict_of_port v, enforced;
		bool log = false;

		for (n = 0; from + n < count && rows[from + n]->r.proto == rows[from]->r.proto &&
			    rows[from + n]->r.facts.address.port == rows[from]->r.facts.address.port;
			n++)
			log |= rows[from + n]->r.mode == V6_MODE_LOG && rows[from + n]->actions;
		v = judge(view, block, rows + from, n, false);
		enforced = judge(view, block, rows + from, n, log);
		print(to, &v, same_outcome(&v, &enforced) ? NULL : &enforced);
	}
	free(rows);
}

const char *v6_verdict_word(const struct v6_verdict_of_port *v, enum v6_family family)
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
		v6_text_uint(t, r->singles);
	v6_text_str(t, r->singles == 1 ? " alone)" : " addresses alone)");
}

static void governed_text(struct v6_text *t, const struct v6_verdict_of_port *v)
{
	if (!v->governed)
		return;
	v6_text_str(t, ", by policy ");
	v6_text_str(t, v6_word(V6_LIST_POLICY, v->governed->r.policy));
}

static void failed_text(struct v6_text *t, const struct v6_verdict_of_port *v)
{
	const struct v6_record *r = &v->failed->r;
	bool denied = did(v->failed, V6_ACTION_DENY);

	v6_text_str(t, ": the ");
	v6_text_str(t, v6_word(V6_LIST_EVENT, r->facts.event));
	v6_text_str(t, " of ");
	v6_address_port_text(t, &r->facts.address);
	if (v->enforce && denied) {
		v6_text_str(t, " would be denied");
		return;
	}
	v6_text_str(t, denied ? " is denied with " : " fails with ");
	v6_errno_text(t, r->error);
	if (!v->conflict)
		return;
	v6_text_str(t, ", a conflict left unresolved");
	if (v->conflict->r.holder.fd < 0 && v->conflict->r.holder.pid) {
		v6_text_str(t, " with ");
		v6_process_text(t, v->conflict->r.holder.program, v->conflict->r.holder.pid);
	}
}

void v6_verdict_text(struct v6_text *t, const struct v6_verdict_of_port *v, const char *port)
{
	static const unsigned nobody = V6_SERVES_INET6 | V6_SERVES_INET;

	v6_text_str(t, v->missing == nobody ? "Nothing" : v->missing ? "Only " : "");
	if (!(v->missing & V6_SERVES_INET))
		reach_text(t, "IPv4", &v->inet);
	v6_text_str(t, v->missing ? "" : " and ");
	if (!(v->missing & V6_SERVES_INET6))
		reach_text(t, "IPv6", &v->inet6);
	v6_text_str(t, v->enforce ? " would be" : v->missing ? " is" : " are");
	v6_text_str(t, " served on ");
	v6_text_str(t, port);
	if (!v->missing && v->own) {
		v6_text_str(t, " by separate sockets");
		v6_text_str(t, v->dual ? ", the IPv6 one dual-stack: IPv4 goes to the IPv4 socket"
				       : "");
	} else if (!v->missing) {
		v6_text_str(t, " by one dual-stack socket");
		governed_text(t, v);
	} else if (v->failed) {
		failed_text(t, v);
	} else if (v->silent) {
		v6_text_str(t, ": ");
		v6_address_port_text(t, &v->silent->r.facts.address);
		v6_text_str(t, " is bound and has not listened");
	} else if (v->missing == V6_SERVES_INET) {
		governed_text(t, v);
	}
	if (v->elsewhere) {
		v6_text_str(t, v->missing == V6_SERVES_INET6  ? "; IPv6 is served by "
			       : v->missing == V6_SERVES_INET ? "; IPv4 is served by "
							      : "; it is served by ");
		v6_process_text(t, v->elsewhere->program, v->elsewhere->pid);
	}
	v6_text_str(t, v->doubtful ? ", as far as the log tells." : ".");
}
