#include "report_view.h"

#include <stdlib.h>
#include <string.h>

enum { NOBODY = -1 };

unsigned v6_listener_serves(const struct v6_listener *l, bool *told)
{
	*told = true;
	if (l->error)
		return 0;
	if (l->serves)
		return l->serves;
	*told = l->type == V6_TYPE_DGRAM;
	return v6_serves(&l->address, l->after);
}

static bool did(const struct v6_listener *l, enum v6_action action)
{
	return l->actions >> action & 1;
}

/* V6ONLY as enforce would have left it. */
static int would_be_v6only(const struct v6_listener *l)
{
	if (did(l, V6_ACTION_SPLIT) || did(l, V6_ACTION_YIELD))
		return 1;
	if (did(l, V6_ACTION_SET) || did(l, V6_ACTION_OVERRIDE))
		return v6_policy_value(l->policy);
	return l->after;
}

unsigned v6_listener_would_serve(const struct v6_listener *l, bool *told)
{
	bool resolved =
		did(l, V6_ACTION_SPLIT) || did(l, V6_ACTION_SHARE) || did(l, V6_ACTION_YIELD);

	if (l->mode != V6_MODE_LOG)
		return v6_listener_serves(l, told);
	*told = true;
	if (did(l, V6_ACTION_DENY) || (l->error && !resolved))
		return 0;
	*told = l->serves || l->type == V6_TYPE_DGRAM || l->error;
	return v6_serves(&l->address, would_be_v6only(l));
}

/* Order: the comparisons of qsort(3) know no context. */
static const struct v6_gather *sorted;

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_age(const void *a, const void *b)
{
	const struct v6_process *p = &sorted->processes[*(const int32_t *)a];
	const struct v6_process *q = &sorted->processes[*(const int32_t *)b];
	int order = compare(p->log, q->log);

	return order ? order : (p->serial > q->serial) - (p->serial < q->serial);
}

static int by_order(const void *a, const void *b)
{
	const struct v6_listener *l = &sorted->listeners[*(const int32_t *)a];
	const struct v6_listener *m = &sorted->listeners[*(const int32_t *)b];

	return compare(l->order, m->order);
}

static int by_port(const void *a, const void *b)
{
	const struct v6_served *s = a, *t = b;
	int order = compare(s->log, t->log);

	order = order ? order : compare(s->proto, t->proto);
	order = order ? order : compare(s->port, t->port);
	return order ? order : compare(s->process, t->process);
}

/* The live sockets of a process, in bind order, at `to`; how many. */
static unsigned arrange(const struct v6_gather *g, const struct v6_process *p, int32_t *to)
{
	unsigned n = 0;

	for (int32_t i = p->listeners; i != NOBODY; i = g->listeners[i].next)
		if (!g->listeners[i].dead)
			to[n++] = i;
	qsort(to, n, sizeof(*to), by_order);
	return n;
}

/* Whether processes look alike. */

static bool same_address(const struct v6_address *a, const struct v6_address *b)
{
	return a->family == b->family && a->port == b->port && a->scope == b->scope &&
	       !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool alike_listeners(const struct v6_listener *a, const struct v6_listener *b)
{
	struct v6_address at = a->address, bt = b->address;

	if (a->chosen && b->chosen)
		at.port = bt.port = 0;
	return same_address(&at, &bt) && a->proto == b->proto && a->fd == b->fd &&
	       a->serves == b->serves && a->asked == b->asked && a->before == b->before &&
	       a->after == b->after && a->policy == b->policy && a->mode == b->mode &&
	       a->actions == b->actions && a->error == b->error && a->failed == b->failed &&
	       a->inherited == b->inherited && a->replaced == b->replaced &&
	       a->chosen == b->chosen && a->rule == b->rule && a->note.ptr == b->note.ptr;
}

static bool alike_troubles(
	const struct v6_gather *g, const struct v6_trouble *a, const struct v6_trouble *b)
{
	return a->kind == b->kind && a->event == b->event && a->action == b->action &&
	       a->mode == b->mode && a->value == b->value && a->failed == b->failed &&
	       a->proto == b->proto && a->error == b->error && a->note.ptr == b->note.ptr &&
	       a->holder.known == b->holder.known && a->holder.uid == b->holder.uid &&
	       a->holder.program.ptr == b->holder.program.ptr &&
	       same_address(&a->address, &b->address) &&
	       same_address(&a->holder.address, &b->holder.address) &&
	       v6_trouble_unresolved(g, a) == v6_trouble_unresolved(g, b);
}

static bool same_troubles(
	const struct v6_gather *g, const struct v6_process *p, const struct v6_process *q)
{
	int32_t i = p->troubles, j = q->troubles;

	for (; i != NOBODY && j != NOBODY; i = g->troubles[i].next, j = g->troubles[j].next)
		if (!alike_troubles(g, &g->troubles[i], &g->troubles[j]))
			return false;
	return i == j;
}

static bool same_process(const struct v6_process *p, const struct v6_process *q)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each block in a chain has its process. */
	return p->log == q->log && p->program.ptr == q->program.ptr &&
	       p->settings.ptr == q->settings.ptr && p->loaded == q->loaded &&
	       p->policy == q->policy && p->mode == q->mode && p->lost == q->lost &&
	       !p->reorders == !q->reorders;
}

/* The listeners of the candidate are at `theirs`. */
static bool belongs(const struct v6_gather *g, const struct v6_block *block,
	const struct v6_process *p, const int32_t *theirs, unsigned count)
{
	if (!same_process(block->process, p) || block->listener_count != count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (!alike_listeners(&g->listeners[block->listeners[i]], &g->listeners[theirs[i]]))
			return false;
	return same_troubles(g, block->process, p);
}

/* A hash of the most that those who look alike have in common. */
static uint64_t hash_process(const struct v6_gather *g, const struct v6_process *p,
	const int32_t *listeners, unsigned count)
{
	uint64_t hash = v6_hash(g->pool.seed, (uint64_t)p->log);

	hash = v6_hash(hash, (uint64_t)(uintptr_t)p->program.ptr);
	hash = v6_hash(hash, (uint64_t)(uintptr_t)p->settings.ptr);
	for (unsigned i = 0; i < count; i++) {
		const struct v6_listener *l = &g->listeners[listeners[i]];

		hash = v6_hash(hash, (uint64_t)l->fd << 32 | (unsigned)l->proto);
		hash = v6_hash_bytes(hash, (const char *)l->address.bytes, 16);
		hash = v6_hash(hash, l->chosen ? 0 : l->address.port);
	}
	for (int32_t i = p->troubles; i != NOBODY; i = g->troubles[i].next)
		hash = v6_hash(hash, (uint64_t)(uintptr_t)g->troubles[i].note.ptr);
	return hash;
}

/* Blocks while they are being made: a hash table, and each one's members as a chain. */
struct draft {
	struct v6_view *view;
	const struct v6_gather *gather;
	int32_t *shown; /* processes, by age */
	int32_t *heads; /* blocks by hash */
	int32_t *chain; /* the next block of the same hash */
	unsigned shown_count, head_count;
};

static void serve(struct draft *d, const struct v6_process *p, int32_t listener)
{
	const struct v6_listener *l = &d->gather->listeners[listener];
	bool told;
	unsigned serves = v6_listener_serves(l, &told);

	if (!serves || l->replaced)
		return;
	d->view->served[d->view->served_count++] = (struct v6_served){
		.log = p->log,
		.process = l->process,
		.proto = l->proto,
		.port = l->address.port,
		.serves = (uint8_t)serves,
	};
}

/* The block of one process, an old one or a new one; its listeners begin at `listeners`. */
static int32_t settle(struct draft *d, const struct v6_process *p, int32_t *listeners)
{
	unsigned count = arrange(d->gather, p, listeners);
	uint64_t hash = hash_process(d->gather, p, listeners, count);
	int32_t *head = &d->heads[hash % d->head_count], i;

	for (unsigned n = 0; n < count; n++)
		serve(d, p, listeners[n]);
	for (i = *head; i != NOBODY; i = d->chain[i])
		if (belongs(d->gather, &d->view->blocks[i], p, listeners, count))
			return i;
	i = (int32_t)d->view->block_count++;
	d->view->blocks[i] = (struct v6_block){
		.process = p,
		.listeners = listeners,
		.listener_count = count,
	};
	d->chain[i] = *head;
	*head = i;
	return i;
}

static void settle_all(struct draft *d)
{
	int32_t *listeners = d->view->listeners;

	for (unsigned n = 0; n < d->shown_count; n++) {
		const struct v6_process *p = &d->gather->processes[d->shown[n]];
		unsigned before = d->view->block_count;

		int32_t block = settle(d, p, listeners);

		d->view->block_of[d->shown[n]] = block;
		d->view->blocks[block].member_count++;
		if (d->view->block_count > before)
			listeners += d->view->blocks[block].listener_count;
	}
}

/* Puts the members of each block side by side. */
static void enlist(struct draft *d)
{
	struct v6_view *view = d->view;
	int32_t *at = view->members;

	for (unsigned i = 0; i < view->block_count; i++) {
		view->blocks[i].members = at;
		d->chain[i] = (int32_t)(at - view->members);
		at += view->blocks[i].member_count;
	}
	for (unsigned n = 0; n < d->shown_count; n++)
		view->members[d->chain[view->block_of[d->shown[n]]]++] = d->shown[n];
}

static bool make_draft(struct draft *d)
{
	size_t n = (size_t)d->gather->process_count + 1, l = (size_t)d->gather->listener_count + 1;
	struct v6_view *view = d->view;

	d->head_count = (unsigned)n;
	d->shown = malloc(n * sizeof(*d->shown));
	d->heads = malloc(n * sizeof(*d->heads));
	d->chain = malloc(n * sizeof(*d->chain));
	view->block_of = malloc(n * sizeof(*view->block_of));
	view->blocks = calloc(n, sizeof(*view->blocks));
	view->members = malloc(n * sizeof(*view->members));
	view->listeners = malloc(l * sizeof(*view->listeners));
	view->served = malloc(l * sizeof(*view->served));
	if (!d->shown || !d->heads || !d->chain || !view->block_of || !view->blocks ||
		!view->members || !view->listeners || !view->served)
		return false;
	memset(d->heads, 0xff, n * sizeof(*d->heads));
	for (int32_t i = 0; i < d->gather->process_count; i++)
		if (d->gather->processes[i].used && !d->gather->processes[i].idle)
			d->shown[d->shown_count++] = i;
	return true;
}

bool v6_view_build(struct v6_view *view, const struct v6_gather *gather)
{
	struct draft d = {.view = view, .gather = gather};
	bool made;

	*view = (struct v6_view){.gather = gather};
	sorted = gather;
	made = make_draft(&d);
	if (made) {
		qsort(d.shown, d.shown_count, sizeof(*d.shown), by_age);
		settle_all(&d);
		enlist(&d);
		qsort(view->served, view->served_count, sizeof(*view->served), by_port);
	}
	free(d.shown);
	free(d.heads);
	free(d.chain);
	return made;
}

void v6_view_free(struct v6_view *view)
{
	free(view->blocks);
	free(view->served);
	free(view->members);
	free(view->listeners);
	free(view->block_of);
	*view = (struct v6_view){.gather = NULL};
}

const struct v6_process *v6_view_elsewhere(const struct v6_view *view, const struct v6_block *block,
	int proto, uint16_t port, unsigned serves)
{
	struct v6_served wanted = {
		.log = block->process->log, .process = -1, .proto = proto, .port = port};
	unsigned low = 0, high = view->served_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (by_port(&view->served[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < view->served_count; low++) {
		const struct v6_served *s = &view->served[low];

		if (s->log != wanted.log || s->proto != proto || s->port != port)
			return NULL;
		if (s->serves & serves && &view->blocks[view->block_of[s->process]] != block)
			return &view->gather->processes[s->process];
	}
	return NULL;
}
