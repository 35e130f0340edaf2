#include "report_store.h"

#include <errno.h>

/* How far back a listen on another descriptor looks for the bind that it belongs to. */
enum { DUPLICATES = 64 };

/* Places where something failed. */

static uint64_t hash_place(
	const struct v6_gather *g, int32_t process, int proto, const struct v6_address *a)
{
	return v6_hash_address(
		v6_hash(v6_hash(g->pool.seed, (uint64_t)process), (uint64_t)proto), a);
}

static int32_t find_place(
	struct v6_gather *g, int32_t process, int proto, const struct v6_address *a)
{
	int32_t i = g->place_heads[hash_place(g, process, proto, a) % V6_HEADS];

	while (i != V6_NOBODY && (g->places[i].process != process || g->places[i].proto != proto ||
					 !v6_same_address(&g->places[i].address, a)))
		i = g->places[i].chain;
	return i;
}

void v6_store_link_place(struct v6_gather *g, int32_t i)
{
	struct v6_place *p = &g->places[i];
	uint64_t hash = hash_place(g, p->process, p->proto, &p->address);

	p->chain = g->place_heads[hash % V6_HEADS];
	g->place_heads[hash % V6_HEADS] = i;
}

static int32_t make_place(
	struct v6_gather *g, int32_t process, int proto, const struct v6_address *a)
{
	int32_t i = find_place(g, process, proto, a);
	struct v6_place *grown;

	if (i != V6_NOBODY)
		return i;
	grown = v6_store_grow(
		g->places, g->place_count, &g->place_room, sizeof(*g->places), V6_TROUBLES_MAX);
	if (!grown)
		return V6_NOBODY;
	g->places = grown;
	i = g->place_count++;
	g->places[i] = (struct v6_place){
		.process = process,
		.serial = g->processes[process].serial,
		.failed = V6_NOBODY,
		.deaf = V6_NOBODY,
		.proto = proto,
		.address = *a,
	};
	v6_store_link_place(g, i);
	return i;
}

/* Listeners. */

static int32_t *fd_head(struct v6_gather *g, int32_t process, int fd)
{
	uint64_t hash = v6_hash(v6_hash(g->pool.seed, (uint64_t)process), (uint64_t)fd);

	return &g->fd_heads[hash % V6_HEADS];
}

/* The latest socket of the process on that descriptor. */
static int32_t find_fd(struct v6_gather *g, int32_t process, int fd)
{
	int32_t i = *fd_head(g, process, fd);

	while (i != V6_NOBODY && (g->listeners[i].process != process || g->listeners[i].fd != fd))
		i = g->listeners[i].by_fd;
	return i;
}

void v6_store_link_listener(struct v6_gather *g, int32_t i)
{
	struct v6_listener *l = &g->listeners[i];
	int32_t *head = fd_head(g, l->process, l->fd);

	l->by_fd = *head;
	l->linked = true;
	*head = i;
}

static void unlink_fd(struct v6_gather *g, int32_t i)
{
	struct v6_listener *l = &g->listeners[i];
	int32_t *link = fd_head(g, l->process, l->fd);

	while (*link != V6_NOBODY && *link != i)
		link = &g->listeners[*link].by_fd;
	if (*link == i)
		*link = l->by_fd;
	l->linked = false;
}

static int32_t make_listener(struct v6_gather *g, int32_t process, const struct v6_record *r)
{
	struct v6_process *p = &g->processes[process];
	struct v6_listener *grown = v6_store_grow(g->listeners, g->listener_count,
		&g->listener_room, sizeof(*g->listeners), V6_LISTENERS_MAX);
	int32_t i = g->listener_count;

	if (!grown) {
		g->totals.listeners_left++;
		p->left = true;
		return V6_NOBODY;
	}
	g->listeners = grown;
	g->listener_count++;
	grown[i] = (struct v6_listener){
		.process = process,
		.next = V6_NOBODY,
		.by_fd = V6_NOBODY,
		.fd = -1,
		.proto = -1,
		.order = ++p->orders,
		.asked = V6_UNKNOWN,
		.before = V6_UNKNOWN,
		.after = V6_UNKNOWN,
		.address = r->address,
		.note = {"", 0},
	};
	if (p->last_listener == V6_NOBODY)
		p->listeners = i;
	else
		grown[p->last_listener].next = i;
	p->last_listener = i;
	v6_store_rouse(g, process);
	return i;
}

/* What any record of a socket tells of it. */
static void describe(struct v6_gather *g, struct v6_listener *l, const struct v6_record *r)
{
	l->proto = r->proto;
	l->family = r->family;
	l->type = r->type;
	if (r->asked != V6_UNKNOWN)
		l->asked = r->asked;
	if (l->before == V6_UNKNOWN)
		l->before = r->before;
	if (r->after != V6_UNKNOWN)
		l->after = r->after;
	if (r->serves)
		l->serves = r->serves;
	if (!(l->actions & ~(1U << V6_ACTION_NONE)) || r->action != V6_ACTION_NONE) {
		l->policy = r->policy;
		l->mode = r->mode;
		l->rule = r->rule;
	}
	l->actions |= (uint16_t)(1U << r->action);
	if (r->note.len && r->finding == V6_FINDING_NONE && !r->error)
		l->note = v6_pool_keep(&g->pool, r->note);
}

/* As if it were new. */
static void begin_again(struct v6_gather *g, struct v6_listener *l, const struct v6_record *r)
{
	l->order = ++g->processes[l->process].orders;
	l->serves = 0;
	l->asked = l->before = l->after = V6_UNKNOWN;
	l->actions = 0;
	l->error = 0;
	l->replaced = l->inherited = l->dead = false;
	l->address = r->address;
	l->note = (struct v6_slice){"", 0};
}

static bool same_socket(const struct v6_listener *l, const struct v6_record *r)
{
	return l->proto == r->proto && v6_same_address(&l->address, &r->address);
}

/*
 * A bound socket takes the place of the one before it on its descriptor where it
 * is bound to the same, and where the kernel chose the port of both: a server
 * that opens such sockets in turn (FTP) would fill the page.
 */
static bool succeeds(const struct v6_listener *l, const struct v6_record *r)
{
	struct v6_address a = l->address;

	if (same_socket(l, r))
		return true;
	a.port = 0;
	return l->chosen && l->proto == r->proto && v6_same_address(&a, &r->address);
}

static int32_t bound_listener(struct v6_gather *g, int32_t process, const struct v6_record *r)
{
	int32_t i = find_fd(g, process, r->fd);

	if (i != V6_NOBODY && succeeds(&g->listeners[i], r)) {
		begin_again(g, &g->listeners[i], r);
		return i;
	}
	if (i != V6_NOBODY)
		g->listeners[i].replaced = true;
	i = make_listener(g, process, r);
	if (i != V6_NOBODY) {
		g->listeners[i].fd = r->fd;
		v6_store_link_listener(g, i);
	}
	return i;
}

static void bury(struct v6_gather *g, int32_t i)
{
	if (i != V6_NOBODY && g->listeners[i].error)
		g->listeners[i].dead = true;
}

/* What failed at this place is made good, as far as the log tells. */
static void overcome(struct v6_gather *g, int32_t process, const struct v6_record *r)
{
	int32_t i = g->place_count ? find_place(g, process, r->proto, &r->address) : V6_NOBODY;

	if (i == V6_NOBODY)
		return;
	if (r->event == V6_EVENT_LISTEN) {
		g->places[i].listened = g->totals.records;
		bury(g, g->places[i].deaf);
	} else {
		g->places[i].bound = g->totals.records;
		bury(g, g->places[i].failed);
	}
}

static void take_bound(struct v6_gather *g, int32_t process, const struct v6_record *r)
{
	int32_t i;

	/* This is how datagram clients bind. */
	if (r->type == V6_TYPE_DGRAM && !r->address.port) {
		g->processes[process].clients++;
		return;
	}
	overcome(g, process, r);
	i = bound_listener(g, process, r);
	if (i == V6_NOBODY)
		return;
	describe(g, &g->listeners[i], r);
	g->listeners[i].binds++;
	g->listeners[i].chosen = !r->address.port;
	g->listeners[i].inherited = r->event == V6_EVENT_INHERIT;
}

/* The descriptor may have been duplicated between bind and listen. */
static int32_t find_duplicated(struct v6_gather *g, int32_t process, const struct v6_record *r)
{
	int32_t found = V6_NOBODY, i = g->processes[process].listeners;

	for (int n = 0; i != V6_NOBODY && n < DUPLICATES; i = g->listeners[i].next, n++)
		if (!g->listeners[i].serves && !g->listeners[i].error && !g->listeners[i].dead &&
			same_socket(&g->listeners[i], r))
			found = i;
	return found;
}

/* The socket that listens: the one that was bound on this descriptor, where it still is that. */
static int32_t listening_listener(struct v6_gather *g, int32_t process, const struct v6_record *r)
{
	int32_t i = find_fd(g, process, r->fd);
	struct v6_address a = r->address;

	a.port = 0;
	if (i != V6_NOBODY && g->listeners[i].proto == r->proto &&
		(same_socket(&g->listeners[i], r) ||
			(g->listeners[i].chosen && v6_same_address(&g->listeners[i].address, &a))))
		return i;
	if (i != V6_NOBODY)
		g->listeners[i].replaced = true;
	i = find_duplicated(g, process, r);
	if (i != V6_NOBODY)
		unlink_fd(g, i);
	else
		i = make_listener(g, process, r);
	if (i == V6_NOBODY)
		return V6_NOBODY;
	g->listeners[i].fd = r->fd;
	g->listeners[i].replaced = false;
	v6_store_link_listener(g, i);
	return i;
}

static void take_listening(struct v6_gather *g, int32_t process, const struct v6_record *r)
{
	int32_t i;

	overcome(g, process, r);
	i = listening_listener(g, process, r);
	if (i == V6_NOBODY)
		return;
	g->listeners[i].address = r->address;
	g->listeners[i].error = 0;
	g->listeners[i].dead = false;
	describe(g, &g->listeners[i], r);
}

/* The socket that could not be bound, or that could not listen; one for each address. */
static int32_t failed_listener(
	struct v6_gather *g, int32_t process, int32_t place, const struct v6_record *r)
{
	int32_t i = r->event == V6_EVENT_LISTEN ? find_fd(g, process, r->fd) : V6_NOBODY;

	if (i != V6_NOBODY && same_socket(&g->listeners[i], r)) {
		g->places[place].deaf = i;
		return i;
	}
	i = g->places[place].failed;
	if (i == V6_NOBODY) {
		i = make_listener(g, process, r);
		g->places[place].failed = i;
	} else if (g->listeners[i].dead) {
		begin_again(g, &g->listeners[i], r);
	}
	return i;
}

static void take_failed(
	struct v6_gather *g, int32_t process, int32_t place, const struct v6_record *r)
{
	int32_t i;

	if (place == V6_NOBODY) {
		g->totals.listeners_left++;
		return;
	}
	i = failed_listener(g, process, place, r);
	if (i == V6_NOBODY)
		return;
	describe(g, &g->listeners[i], r);
	g->listeners[i].fd = r->fd;
	g->listeners[i].error = r->error ? r->error : EINVAL;
	g->listeners[i].failed = r->event;
	g->listeners[i].serves = 0;
}

int32_t v6_store_socket(struct v6_gather *g, int32_t process, const struct v6_record *r)
{
	bool failed = v6_store_failed(r);
	int32_t place = V6_NOBODY;

	if (r->event == V6_EVENT_INHERIT || (r->event == V6_EVENT_BIND && !failed)) {
		take_bound(g, process, r);
	} else if (r->event == V6_EVENT_LISTEN && !failed) {
		take_listening(g, process, r);
	} else if (r->address.family != V6_FAMILY_OTHER) {
		place = make_place(g, process, r->proto, &r->address);
		take_failed(g, process, place, r);
	}
	return place;
}
