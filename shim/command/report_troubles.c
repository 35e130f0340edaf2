#include "report_store.h"

#include <errno.h>

enum v6_trouble_kind v6_store_kind(const struct v6_record *r)
{
	bool binds = r->event == V6_EVENT_BIND || r->event == V6_EVENT_LISTEN;

	if (r->event == V6_EVENT_ERROR)
		return V6_TROUBLE_ERROR;
	/* Every EADDRINUSE is one, also where the finding was another. */
	if (r->finding == V6_FINDING_CONFLICT ||
		(binds && r->error == EADDRINUSE && r->action != V6_ACTION_DENY))
		return V6_TROUBLE_CONFLICT;
	if (r->finding == V6_FINDING_DISORDER)
		return V6_TROUBLE_DISORDER;
	if (r->finding == V6_FINDING_CONTRARY)
		return V6_TROUBLE_CONTRARY;
	if (r->action == V6_ACTION_DENY)
		return V6_TROUBLE_DENIAL;
	return v6_store_failed(r) ? V6_TROUBLE_FAILURE : V6_TROUBLE_KINDS;
}

static uint64_t hash_trouble(const struct v6_gather *g, const struct v6_trouble *t)
{
	uint64_t hash = v6_hash(g->pool.seed, (uint64_t)t->process);

	hash = v6_hash(hash, (uint64_t)t->kind << 16 | (uint64_t)t->event << 8 | t->action);
	hash = v6_hash(hash, (uint64_t)t->proto << 32 | (uint32_t)t->error);
	hash = v6_hash(hash, (uint64_t)(uintptr_t)t->note.ptr);
	hash = v6_hash(hash, (uint64_t)t->holder.pid);
	return v6_hash_address(hash, &t->address);
}

static bool same_holder(const struct v6_holder *a, const struct v6_holder *b)
{
	return a->known == b->known && a->pid == b->pid && a->uid == b->uid &&
	       a->v6only == b->v6only && a->program.ptr == b->program.ptr &&
	       v6_same_address(&a->address, &b->address);
}

static bool same_trouble(const struct v6_trouble *a, const struct v6_trouble *b)
{
	return a->process == b->process && a->kind == b->kind && a->event == b->event &&
	       a->action == b->action && a->mode == b->mode && a->policy == b->policy &&
	       a->family == b->family && a->value == b->value && a->failed == b->failed &&
	       a->rule == b->rule && a->proto == b->proto && a->error == b->error &&
	       a->note.ptr == b->note.ptr && v6_same_address(&a->address, &b->address) &&
	       same_holder(&a->holder, &b->holder);
}

static struct v6_trouble trouble_of(struct v6_gather *g, int32_t process, int32_t place,
	enum v6_trouble_kind kind, const struct v6_record *r)
{
	struct v6_trouble t = {
		.process = process,
		.next = V6_NOBODY,
		.place = place,
		.kind = (uint8_t)kind,
		.event = r->event,
		.action = r->action,
		.mode = r->mode,
		.policy = r->policy,
		.family = r->family,
		.value = r->value,
		.failed = v6_store_failed(r),
		.rule = r->rule,
		.proto = r->proto,
		.fd = r->fd,
		.error = r->error,
		.address = r->address,
		.holder = r->holder,
		.note = v6_pool_keep(&g->pool, r->note),
		.first = r->time,
	};

	t.holder.program = v6_pool_keep(&g->pool, r->holder.program);
	return t;
}

static int32_t find_trouble(struct v6_gather *g, const struct v6_trouble *t)
{
	int32_t i = g->trouble_heads[hash_trouble(g, t) % V6_HEADS];

	while (i != V6_NOBODY && !same_trouble(&g->troubles[i], t))
		i = g->troubles[i].chain;
	return i;
}

void v6_store_link_trouble(struct v6_gather *g, int32_t i)
{
	uint64_t hash = hash_trouble(g, &g->troubles[i]);

	g->troubles[i].chain = g->trouble_heads[hash % V6_HEADS];
	g->trouble_heads[hash % V6_HEADS] = i;
}

static int32_t keep_trouble(struct v6_gather *g, const struct v6_trouble *t)
{
	struct v6_process *p = &g->processes[t->process];
	struct v6_trouble *grown = v6_store_grow(g->troubles, g->trouble_count, &g->trouble_room,
		sizeof(*g->troubles), V6_TROUBLES_MAX);
	int32_t i = g->trouble_count;

	if (!grown) {
		p->left = true;
		return V6_NOBODY;
	}
	g->troubles = grown;
	g->trouble_count++;
	grown[i] = *t;
	v6_store_link_trouble(g, i);
	if (p->last_trouble == V6_NOBODY)
		p->troubles = i;
	else
		grown[p->last_trouble].next = i;
	p->last_trouble = i;
	v6_store_rouse(g, t->process);
	return i;
}

void v6_store_leave_trouble(
	struct v6_gather *g, enum v6_trouble_kind kind, const struct v6_record *r)
{
	g->totals.troubles_left++;
	if (kind == V6_TROUBLE_CONFLICT && v6_store_failed(r))
		g->totals.conflicts_left++;
}

void v6_store_trouble(struct v6_gather *g, int32_t process, int32_t place,
	enum v6_trouble_kind kind, const struct v6_record *r)
{
	struct v6_trouble t = trouble_of(g, process, place, kind, r);
	int32_t i = find_trouble(g, &t);

	if (i == V6_NOBODY)
		i = keep_trouble(g, &t);
	if (i == V6_NOBODY) {
		v6_store_leave_trouble(g, kind, r);
		return;
	}
	g->troubles[i].last = r->time;
	g->troubles[i].latest = g->totals.records;
	g->troubles[i].times++;
}

bool v6_trouble_overcome(const struct v6_gather *g, const struct v6_trouble *t)
{
	const struct v6_place *place = t->place == V6_NOBODY ? NULL : &g->places[t->place];

	if (!place)
		return false;
	return (t->event == V6_EVENT_LISTEN ? place->listened : place->bound) > t->latest;
}

bool v6_trouble_unresolved(const struct v6_gather *g, const struct v6_trouble *t)
{
	return t->kind == V6_TROUBLE_CONFLICT && t->failed && !v6_trouble_overcome(g, t);
}

uint64_t v6_gather_unresolved(const struct v6_gather *g)
{
	uint64_t n = g->totals.conflicts_left + g->totals.conflicts_merged;

	for (int32_t i = 0; i < g->trouble_count; i++)
		n += v6_trouble_unresolved(g, &g->troubles[i]);
	return n;
}
