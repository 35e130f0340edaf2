/*
 * Making room: what is gathered of short-lived processes, of which there may be
 * any number, must not push out what comes after them.
 */
#include <stdlib.h>
#include <string.h>

#include "report_store.h"
#include "report_view.h"

/*
 * The latest processes are left alone, for there may be more to come of them: so
 * many, but no more than one in eight of all that have something to show.
 */
enum { LATEST = 1024 };

/* So many records apart at least: looking at everything takes its time. */
enum { APART = 32768 };

/* An array is nearly full where fewer than this many are free: one record may take some. */
enum { NEARLY = 8 };

static bool nearly_full(const struct v6_gather *g)
{
	return g->listener_count > V6_LISTENERS_MAX - NEARLY ||
	       g->trouble_count > V6_TROUBLES_MAX - NEARLY ||
	       g->place_count > V6_TROUBLES_MAX - NEARLY ||
	       (g->process_count == V6_PROCESSES_MAX && g->free_process == V6_NOBODY &&
		       g->oldest == V6_NOBODY);
}

/* What is left after alike processes became one is still too much to go on with. */
static bool rather_full(const struct v6_gather *g)
{
	return g->listener_count > V6_LISTENERS_MAX / 4 * 3 ||
	       g->trouble_count > V6_TROUBLES_MAX / 4 * 3 ||
	       g->place_count > V6_TROUBLES_MAX / 4 * 3;
}

static uint64_t unresolved_of(const struct v6_gather *g, const struct v6_process *p)
{
	uint64_t n = 0;

	for (int32_t i = p->troubles; i != V6_NOBODY; i = g->troubles[i].next)
		n += v6_trouble_unresolved(g, &g->troubles[i]);
	return n;
}

static const struct v6_process *sorted;

static int by_serial(const void *a, const void *b)
{
	const struct v6_process *p = &sorted[*(const int32_t *)a];
	const struct v6_process *q = &sorted[*(const int32_t *)b];

	return (p->serial > q->serial) - (p->serial < q->serial);
}

/* The processes that have something to show, by age. */
struct shown {
	int32_t *list;
	unsigned count;
	uint64_t latest; /* the serial from which on they are left alone */
};

static bool list_shown(struct shown *shown, const struct v6_gather *g)
{
	unsigned alone;

	*shown = (struct shown){.list = malloc((size_t)g->process_count * sizeof(*shown->list))};
	if (!shown->list)
		return false;
	for (int32_t i = 0; i < g->process_count; i++)
		if (g->processes[i].used && !g->processes[i].idle)
			shown->list[shown->count++] = i;
	sorted = g->processes;
	qsort(shown->list, shown->count, sizeof(*shown->list), by_serial);
	alone = shown->count / 8 < LATEST ? shown->count / 8 : LATEST;
	shown->latest = alone ? g->processes[shown->list[shown->count - alone]].serial : UINT64_MAX;
	return true;
}

/* Lets the older members of a block go, for the first looks like them. */
static void merge_block(struct v6_gather *g, const struct v6_block *block, uint64_t latest)
{
	struct v6_process *first = &g->processes[block->members[0]];

	for (unsigned i = 1; i < block->member_count; i++) {
		struct v6_process *p = &g->processes[block->members[i]];

		if (p->serial >= latest)
			continue;
		g->totals.conflicts_merged += unresolved_of(g, p);
		first->more += 1 + p->more;
		v6_store_drop_process(g, block->members[i]);
	}
}

static bool merge(struct v6_gather *g, const struct shown *shown)
{
	struct v6_view view;
	bool ok = v6_view_build(&view, g);

	for (unsigned i = 0; ok && i < view.block_count; i++)
		merge_block(g, &view.blocks[i], shown->latest);
	v6_view_free(&view);
	return ok;
}

/* Lets the half in the middle go: the first ones and the latest are of more use. */
static bool thin(struct v6_gather *g, const struct shown *shown)
{
	for (unsigned i = shown->count / 4; i < shown->count / 4 * 3; i++) {
		struct v6_process *p = &g->processes[shown->list[i]];

		g->totals.conflicts_left += unresolved_of(g, p);
		g->totals.processes_left += 1 + p->more;
		v6_store_drop_process(g, shown->list[i]);
	}
	return true;
}

/* What remains of each array: the new one, and where the old one's went. */
struct moved {
	int32_t *listener, *place;
	struct v6_listener *listeners;
	struct v6_trouble *troubles;
	struct v6_place *places;
	int32_t listener_count, trouble_count, place_count;
};

static void free_moved(struct moved *m)
{
	free(m->listener);
	free(m->place);
	free(m->listeners);
	free(m->troubles);
	free(m->places);
}

static bool make_moved(struct moved *m, const struct v6_gather *g)
{
	size_t l = (size_t)g->listener_count + 1, p = (size_t)g->place_count + 1;

	*m = (struct moved){
		.listener = malloc(l * sizeof(*m->listener)),
		.place = malloc(p * sizeof(*m->place)),
		.listeners = malloc((size_t)g->listener_room * sizeof(*m->listeners) + 1),
		.troubles = malloc((size_t)g->trouble_room * sizeof(*m->troubles) + 1),
		.places = malloc((size_t)g->place_room * sizeof(*m->places) + 1),
	};
	if (!m->listener || !m->place || !m->listeners || !m->troubles || !m->places)
		return false;
	memset(m->listener, 0xff, l * sizeof(*m->listener));
	return true;
}

static int32_t go(const int32_t *where, int32_t i)
{
	return i == V6_NOBODY ? V6_NOBODY : where[i];
}

/* The listeners of a process, one after the other; the dead are left behind. */
static void move_listeners(const struct v6_gather *g, struct v6_process *p, struct moved *m)
{
	int32_t old = p->listeners;

	p->listeners = p->last_listener = V6_NOBODY;
	for (; old != V6_NOBODY; old = g->listeners[old].next) {
		int32_t i = m->listener_count;

		if (g->listeners[old].dead)
			continue;
		m->listener_count++;
		m->listener[old] = i;
		m->listeners[i] = g->listeners[old];
		m->listeners[i].next = V6_NOBODY;
		if (p->last_listener == V6_NOBODY)
			p->listeners = i;
		else
			m->listeners[p->last_listener].next = i;
		p->last_listener = i;
	}
}

static void move_troubles(const struct v6_gather *g, struct v6_process *p, struct moved *m)
{
	int32_t old = p->troubles;

	p->troubles = p->last_trouble = V6_NOBODY;
	for (; old != V6_NOBODY; old = g->troubles[old].next) {
		int32_t i = m->trouble_count++;

		m->troubles[i] = g->troubles[old];
		m->troubles[i].next = V6_NOBODY;
		m->troubles[i].place = go(m->place, m->troubles[i].place);
		if (p->last_trouble == V6_NOBODY)
			p->troubles = i;
		else
			m->troubles[p->last_trouble].next = i;
		p->last_trouble = i;
	}
}

/* What is a place of a process that was let go: its number is nobody's by now. */
static void move_places(const struct v6_gather *g, struct moved *m)
{
	for (int32_t old = 0; old < g->place_count; old++) {
		const struct v6_place *p = &g->places[old];
		const struct v6_process *process = &g->processes[p->process];
		int32_t i = m->place_count;

		m->place[old] = V6_NOBODY;
		if (!process->used || process->serial != p->serial)
			continue;
		m->place_count++;
		m->place[old] = i;
		m->places[i] = *p;
		m->places[i].failed = go(m->listener, p->failed);
		m->places[i].deaf = go(m->listener, p->deaf);
	}
}

static void adopt(struct v6_gather *g, struct moved *m)
{
	struct moved old = {.listeners = g->listeners,
		.troubles = g->troubles,
		.places = g->places,
		.listener = m->listener,
		.place = m->place};

	g->listeners = m->listeners;
	g->troubles = m->troubles;
	g->places = m->places;
	g->listener_count = m->listener_count;
	g->trouble_count = m->trouble_count;
	g->place_count = m->place_count;
	free_moved(&old);
}

/* Chains anew. The latest socket of a descriptor has to come first in its chain. */
static void link_all(struct v6_gather *g)
{
	memset(g->fd_heads, 0xff, V6_HEADS * sizeof(*g->fd_heads));
	memset(g->trouble_heads, 0xff, V6_HEADS * sizeof(*g->trouble_heads));
	memset(g->place_heads, 0xff, V6_HEADS * sizeof(*g->place_heads));
	for (int32_t i = 0; i < g->listener_count; i++)
		if (g->listeners[i].linked && g->listeners[i].replaced)
			v6_store_link_listener(g, i);
	for (int32_t i = 0; i < g->listener_count; i++)
		if (g->listeners[i].linked && !g->listeners[i].replaced)
			v6_store_link_listener(g, i);
	for (int32_t i = 0; i < g->trouble_count; i++)
		v6_store_link_trouble(g, i);
	for (int32_t i = 0; i < g->place_count; i++)
		v6_store_link_place(g, i);
}

/* Leaves behind what is no shown process's any more; *m was made and is used up. */
static void sweep(struct v6_gather *g, struct moved *m)
{
	for (int32_t i = 0; i < g->process_count; i++)
		if (g->processes[i].used)
			move_listeners(g, &g->processes[i], m);
	move_places(g, m);
	for (int32_t i = 0; i < g->process_count; i++)
		if (g->processes[i].used)
			move_troubles(g, &g->processes[i], m);
	adopt(g, m);
	link_all(g);
}

/*
 * Lets processes go by `choose`, which lets none go where it fails, and makes room
 * of what was theirs. All memory is had before the first of them goes.
 */
static bool let_go(
	struct v6_gather *g, bool (*choose)(struct v6_gather *g, const struct shown *shown))
{
	struct shown shown;
	struct moved moved;
	bool ok = make_moved(&moved, g) && list_shown(&shown, g);

	if (ok) {
		ok = choose(g, &shown);
		free(shown.list);
	}
	if (ok)
		sweep(g, &moved);
	else
		free_moved(&moved);
	return ok;
}

void v6_store_compact(struct v6_gather *g)
{
	if (!nearly_full(g) || g->totals.records < g->compact_next)
		return;
	g->compact_next = g->totals.records + APART;
	if (let_go(g, merge) && rather_full(g))
		let_go(g, thin);
}
