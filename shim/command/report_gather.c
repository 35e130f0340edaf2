#include "report_gather.h"

#include <stdlib.h>
#include <string.h>

#include "report_store.h"

static int32_t *make_heads(void)
{
	int32_t *heads = malloc(V6_HEADS * sizeof(*heads));

	if (heads)
		memset(heads, 0xff, V6_HEADS * sizeof(*heads));
	return heads;
}

bool v6_gather_init(struct v6_gather *g)
{
	memset(g, 0, sizeof(*g));
	g->free_process = g->youngest = g->oldest = V6_NOBODY;
	g->pid_heads = make_heads();
	g->fd_heads = make_heads();
	g->trouble_heads = make_heads();
	g->place_heads = make_heads();
	return v6_pool_init(&g->pool) && g->pid_heads && g->fd_heads && g->trouble_heads &&
	       g->place_heads;
}

void v6_gather_free(struct v6_gather *g)
{
	v6_pool_free(&g->pool);
	free(g->processes);
	free(g->listeners);
	free(g->troubles);
	free(g->places);
	free(g->pid_heads);
	free(g->fd_heads);
	free(g->trouble_heads);
	free(g->place_heads);
	memset(g, 0, sizeof(*g));
}

void *v6_store_grow(void *array, int32_t count, int32_t *room, size_t size, int32_t limit)
{
	int32_t more = *room ? *room * 2 : 64;
	void *moved;

	if (count < *room)
		return array;
	if (count >= limit)
		return NULL;
	moved = realloc(array, (size_t)more * size);
	if (moved)
		*room = more;
	return moved;
}

bool v6_same_address(const struct v6_address *a, const struct v6_address *b)
{
	return a->family == b->family && a->port == b->port && a->scope == b->scope &&
	       !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

uint64_t v6_hash_address(uint64_t hash, const struct v6_address *a)
{
	hash = v6_hash(hash, (uint64_t)a->family << 48 | (uint64_t)a->port << 32 | a->scope);
	return v6_hash_bytes(hash, (const char *)a->bytes, sizeof(a->bytes));
}

bool v6_store_failed(const struct v6_record *r)
{
	switch (r->event) {
	case V6_EVENT_SOCKET:
	case V6_EVENT_SETSOCKOPT:
	case V6_EVENT_BIND:
	case V6_EVENT_LISTEN:
		break;
	default:
		return false;
	}
	return r->error || (r->has_result && r->result < 0);
}

static void take_call(struct v6_gather *g, int32_t process, const struct v6_record *r)
{
	enum v6_trouble_kind kind = v6_store_kind(r);
	int32_t place = V6_NOBODY;

	if (r->event == V6_EVENT_BIND || r->event == V6_EVENT_LISTEN ||
		r->event == V6_EVENT_INHERIT)
		place = v6_store_socket(g, process, r);
	if (kind != V6_TROUBLE_KINDS)
		v6_store_trouble(g, process, place, kind, r);
}

static void take_lookup(struct v6_gather *g, int32_t process, const struct v6_record *r)
{
	struct v6_process *p = &g->processes[process];

	p->lookups++;
	if (r->action != V6_ACTION_REORDER)
		return;
	if (!p->reorders++) {
		p->found = r->families_before;
		p->handed = r->families_after;
	}
	v6_store_rouse(g, process);
}

static void count(struct v6_gather *g, const struct v6_record *r)
{
	enum v6_trouble_kind kind = v6_store_kind(r);

	g->totals.records++;
	g->totals.denials += r->action == V6_ACTION_DENY;
	if (r->event == V6_EVENT_LOST)
		g->totals.lost += r->count;
	if (kind != V6_TROUBLE_KINDS)
		g->totals.trouble[kind]++;
}

/* Settings that the log does not tell can be seen from what it has. */
static void learn(struct v6_process *p, const struct v6_record *r)
{
	int level = (int)v6_record_level(r);

	p->last = r->time;
	if (r->event == V6_EVENT_LOST || r->event == V6_EVENT_ERROR)
		return;
	if (!r->rule) {
		p->policy = r->policy;
		p->mode = r->mode;
	}
	if (r->event != V6_EVENT_LOAD && level > p->level)
		p->level = (int8_t)level;
}

void v6_gather_record(struct v6_gather *g, int32_t log, const struct v6_record *r)
{
	int32_t i;

	count(g, r);
	v6_store_compact(g);
	i = v6_store_process(g, log, r);
	if (i == V6_NOBODY) {
		g->totals.processes_left += r->event == V6_EVENT_LOAD;
		if (v6_store_kind(r) != V6_TROUBLE_KINDS)
			v6_store_leave_trouble(g, v6_store_kind(r), r);
		return;
	}
	learn(&g->processes[i], r);
	switch (r->event) {
	case V6_EVENT_LOAD:
		v6_store_load(g, i, r);
		break;
	case V6_EVENT_GETADDRINFO:
		take_lookup(g, i, r);
		break;
	case V6_EVENT_LOST:
		g->processes[i].lost += r->count;
		v6_store_rouse(g, i);
		break;
	default:
		take_call(g, i, r);
		break;
	}
}

void v6_gather_finish(struct v6_gather *g)
{
	while (g->oldest != V6_NOBODY)
		v6_store_end_process(g, g->oldest);
}
