#include "gather.h"

#include <errno.h>
#include <stdlib.h>

#include "../memory.h"
#include "reader.h"
#include "report.h"

/* A race at the start of a process: its load record may come after another thread's first. */
enum { LOAD_LATE = 1000000 };

/* How many sockets a listen on another descriptor looks at for the bind that it belongs to. */
enum { DUPLICATES = 64 };

void v6_gather_init(struct v6_gather *g)
{
	*g = (struct v6_gather){.processes = NULL};
	g->processes_end = &g->processes;
}

void v6_gather_free(struct v6_gather *g)
{
	for (struct v6_process *p = g->processes, *next; p; p = next) {
		for (struct v6_listener *l = p->listeners, *after; l; l = after) {
			after = l->next;
			free(l);
		}
		next = p->next;
		free(p);
	}
	v6_map_free(&g->names);
	v6_map_free(&g->running);
	v6_map_free(&g->sockets);
	v6_map_free(&g->attempts);
	v6_map_free(&g->troubles);
}

static void *zeroed(size_t size)
{
	return memset(v6_resize(NULL, size), 0, size);
}

bool v6_address_same(const struct v6_address *a, const struct v6_address *b)
{
	return a->family == b->family && a->port == b->port && a->scope == b->scope &&
	       !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool call_failed(const struct v6_record *r)
{
	return r->facts.event >= V6_EVENT_SOCKET && r->facts.event <= V6_EVENT_LISTEN &&
	       (r->error || (r->has_result && r->result < 0));
}

/* Processes. */

/* The log level that the settings of a load record tell, -1 where they do not. */
static int level_of(struct v6_slice text)
{
	struct v6_read_setting settings[V6_SETTING_COUNT];
	char *scratch = v6_resize(NULL, text.len);
	bool told = v6_read_settings(settings, text, scratch);
	struct v6_slice level = settings[V6_SETTING_LOG_LEVEL].value;
	int value = -1;

	if (told && level.ptr)
		value = v6_word_value(V6_LIST_LOG_LEVEL, level);
	else if (told)
		value = v6_slice_begins(settings[V6_SETTING_LOG].value, "/") ? V6_LOG_LEVEL_BIND
									     : V6_LOG_LEVEL_CHANGE;
	free(scratch);
	return value;
}

/* The process that the record is of: the running one, or a new one. */
static struct v6_process *process_of(struct v6_gather *g, int log, const struct v6_record *r)
{
	const int key[] = {log, r->pid};
	struct v6_slice program = v6_map_keep(&g->names, r->program);
	struct v6_process **running = v6_map_at(&g->running, key, sizeof(key), sizeof(*running));
	struct v6_process *p = *running;
	bool load = r->facts.event == V6_EVENT_LOAD;

	if (p && p->program.ptr == program.ptr &&
		(!load || (!p->loaded && llabs(r->time - p->first) < LOAD_LATE)))
		return p;
	p = zeroed(sizeof(*p));
	p->log = log;
	p->pid = r->pid;
	p->program = program;
	p->first = r->time;
	p->listeners_end = &p->listeners;
	p->troubles_end = &p->troubles;
	p->policy = r->policy;
	p->mode = r->mode;
	p->level = -1;
	p->serial = g->process_count++;
	*running = *g->processes_end = p;
	g->processes_end = &p->next;
	return p;
}

/* Settings that the log does not tell can be seen from what it has. */
static void add_to_process(struct v6_gather *g, struct v6_process *p, const struct v6_record *r)
{
	int level = (int)v6_record_level(r);

	if (!r->has_policy)
		return;
	if (!r->rule) {
		p->policy = r->policy;
		p->mode = r->mode;
	}
	if (r->facts.event == V6_EVENT_LOAD) {
		p->loaded = true;
		p->version = v6_map_keep(&g->names, r->version);
		p->settings = v6_map_keep(&g->names, r->settings);
		level = level_of(r->settings);
	}
	if (level > p->level)
		p->level = level;
}

bool v6_process_shown(const struct v6_process *p)
{
	return p->listeners || p->troubles || p->reorders || p->lost;
}

/* Listeners. */

static struct v6_listener **socket_on(struct v6_gather *g, const struct v6_process *p, int fd)
{
	const unsigned key[] = {p->serial, (unsigned)fd};

	return v6_map_at(&g->sockets, key, sizeof(key), sizeof(struct v6_listener *));
}

/* As if it were new. */
static void begin_listener(struct v6_listener *l, struct v6_process *p, const struct v6_record *r)
{
	v6_record_init(&l->r, r->facts.event);
	l->r.facts.address = r->facts.address;
	l->order = ++p->orders;
	l->actions = 0;
	l->replaced = l->inherited = l->gone = false;
}

static struct v6_listener *add_listener(struct v6_process *p, const struct v6_record *r)
{
	struct v6_listener *l = zeroed(sizeof(*l));

	begin_listener(l, p, r);
	*p->listeners_end = l;
	p->listeners_end = &l->next;
	return l;
}

/* What any record of a socket tells of it. */
static void update_listener(struct v6_gather *g, struct v6_listener *l, const struct v6_record *r)
{
	struct v6_record old = l->r;
	bool decided = l->actions && r->verdict.action == V6_ACTION_NONE;

	l->r = *r;
	l->r.facts.asked = r->facts.asked != V6_UNKNOWN ? r->facts.asked : old.facts.asked;
	l->r.facts.before = old.facts.before != V6_UNKNOWN ? old.facts.before : r->facts.before;
	l->r.after = r->after != V6_UNKNOWN ? r->after : old.after;
	l->r.serves = r->serves ? r->serves : old.serves;
	if (decided) {
		l->r.policy = old.policy;
		l->r.mode = old.mode;
		l->r.rule = old.rule;
		l->r.verdict.action = old.verdict.action;
	}
	if (r->verdict.action != V6_ACTION_NONE)
		l->actions |= 1U << r->verdict.action;
	l->r.note = old.note;
	if (r->note.len && r->verdict.finding == V6_FINDING_NONE && !r->error)
		l->r.note = v6_map_keep(&g->names, r->note);
	l->r.error = 0;
	l->r.program = l->r.settings = l->r.version = (struct v6_slice){"", 0};
	l->r.holder.known = false;
}

static bool same_socket(const struct v6_listener *l, const struct v6_record *r)
{
	return l->r.proto == r->proto && v6_address_same(&l->r.facts.address, &r->facts.address);
}

/* The same but for the port, which the kernel chose for one of the two. */
static bool same_chosen(const struct v6_listener *l, const struct v6_record *r)
{
	struct v6_address bound = l->r.facts.address, address = r->facts.address;

	bound.port = address.port = 0;
	return l->chosen && l->r.proto == r->proto && v6_address_same(&bound, &address);
}

static struct v6_attempt *attempt_at(
	struct v6_gather *g, const struct v6_process *p, const struct v6_record *r)
{
	struct v6_address a = r->facts.address;
	struct {
		unsigned process, listen, family, scope, port;
		int proto;
		uint8_t bytes[16];
	} key = {p->serial, r->facts.event == V6_EVENT_LISTEN, a.family, a.scope, a.port, r->proto,
		{0}};

	memcpy(key.bytes, a.bytes, sizeof(key.bytes));
	return v6_map_at(&g->attempts, &key, sizeof(key), sizeof(struct v6_attempt));
}

/* What failed at this address is made good, as far as the log tells. */
static void add_success(struct v6_gather *g, const struct v6_process *p, const struct v6_record *r)
{
	/* Without failures, which are few, there is no place for it. */
	struct v6_attempt *a = p->troubles ? attempt_at(g, p, r) : NULL;

	if (!a || !a->listener)
		return;
	a->succeeded = g->records;
	if (a->listener->r.error)
		a->listener->gone = true;
}

/*
 * A socket takes the place of the one before it on its descriptor where it is bound to the same,
 * and where the kernel chose the port of both: a server that opens such sockets in turn (FTP)
 * would fill the page.
 */
static void add_bound(struct v6_gather *g, struct v6_process *p, const struct v6_record *r)
{
	struct v6_listener **on, *l;

	/* This is how datagram clients bind. */
	if (r->facts.type == V6_TYPE_DGRAM && !r->facts.address.port)
		return;
	add_success(g, p, r);
	on = socket_on(g, p, r->fd);
	l = *on;
	if (l && (same_socket(l, r) || (!r->facts.address.port && same_chosen(l, r)))) {
		begin_listener(l, p, r);
	} else {
		if (l)
			l->replaced = true;
		l = *on = add_listener(p, r);
	}
	update_listener(g, l, r);
	l->binds++;
	l->chosen = !r->facts.address.port;
	l->inherited = r->facts.event == V6_EVENT_INHERIT;
}

/* The descriptor may have been duplicated between bind and listen. */
static struct v6_listener *find_duplicated(const struct v6_process *p, const struct v6_record *r)
{
	struct v6_listener *found = NULL, *l = p->listeners;

	for (int n = 0; l && n < DUPLICATES; l = l->next, n++)
		if (!l->r.serves && !l->r.error && !l->gone && same_socket(l, r))
			found = l;
	return found;
}

/* It is the one that was bound on this descriptor, where that still is there. */
static void add_listening(struct v6_gather *g, struct v6_process *p, const struct v6_record *r)
{
	struct v6_listener **on, *l;

	add_success(g, p, r);
	on = socket_on(g, p, r->fd);
	l = *on;
	if (!l || !(same_socket(l, r) || same_chosen(l, r))) {
		if (l)
			l->replaced = true;
		l = find_duplicated(p, r);
		if (l) {
			*socket_on(g, p, l->r.fd) = NULL;
			l->replaced = false;
		} else {
			l = add_listener(p, r);
		}
		*socket_on(g, p, r->fd) = l;
	}
	l->gone = false;
	update_listener(g, l, r);
}

/* The socket that could not be bound, or that could not listen; one for each address. */
static struct v6_attempt *add_failed(
	struct v6_gather *g, struct v6_process *p, const struct v6_record *r)
{
	struct v6_attempt *a = attempt_at(g, p, r);
	struct v6_listener *l = r->facts.event == V6_EVENT_LISTEN ? *socket_on(g, p, r->fd) : NULL;

	if (l && same_socket(l, r))
		a->listener = l;
	else if (!a->listener)
		a->listener = add_listener(p, r);
	else if (a->listener->gone)
		begin_listener(a->listener, p, r);
	l = a->listener;
	update_listener(g, l, r);
	l->r.error = r->error ? r->error : EINVAL;
	l->r.serves = 0;
	return a;
}

static const struct v6_attempt *add_socket(
	struct v6_gather *g, struct v6_process *p, const struct v6_record *r)
{
	if (r->facts.event == V6_EVENT_INHERIT ||
		(r->facts.event == V6_EVENT_BIND && !call_failed(r)))
		add_bound(g, p, r);
	else if (r->facts.event == V6_EVENT_LISTEN && !call_failed(r))
		add_listening(g, p, r);
	else if (r->facts.address.family != V6_FAMILY_OTHER)
		return add_failed(g, p, r);
	return NULL;
}

/* Trouble. */

/* V6_TROUBLE_KINDS for a record of none. */
static enum v6_trouble_kind kind_of(const struct v6_record *r)
{
	bool binds = r->facts.event == V6_EVENT_BIND || r->facts.event == V6_EVENT_LISTEN;

	if (r->facts.event == V6_EVENT_ERROR)
		return V6_TROUBLE_ERROR;
	/* Every EADDRINUSE is one, also where the finding was another. */
	if (r->verdict.finding == V6_FINDING_CONFLICT ||
		(binds && r->error == EADDRINUSE && r->verdict.action != V6_ACTION_DENY))
		return V6_TROUBLE_CONFLICT;
	if (r->verdict.finding == V6_FINDING_DISORDER)
		return V6_TROUBLE_DISORDER;
	if (r->verdict.finding == V6_FINDING_CONTRARY)
		return V6_TROUBLE_CONTRARY;
	if (r->verdict.action == V6_ACTION_DENY)
		return V6_TROUBLE_DENIAL;
	return call_failed(r) ? V6_TROUBLE_FAILURE : V6_TROUBLE_KINDS;
}

/* Where the process has, or gets, what is printed in the same way. */
static struct v6_trouble *trouble_like(
	struct v6_gather *g, const struct v6_process *p, const struct v6_record *r)
{
	size_t size = V6_RECORD_SIZE + 6 * (r->program.len + r->note.len + r->holder.program.len);
	char *buf = v6_resize(NULL, size);
	struct v6_text t = v6_text_in(buf, size);
	struct v6_record same = *r;
	struct v6_trouble *like;

	same.fd = -1;
	v6_text_uint(&t, p->serial);
	v6_record_text(&t, &same);
	v6_holder_text(&t, &r->holder, r->pid);
	like = v6_map_at(&g->troubles, t.buf, t.len, sizeof(*like));
	free(buf);
	return like;
}

static void add_trouble(struct v6_gather *g, struct v6_process *p, enum v6_trouble_kind kind,
	const struct v6_attempt *attempt, const struct v6_record *r)
{
	struct v6_trouble *t = trouble_like(g, p, r);

	if (!t->times) {
		t->attempt = attempt;
		t->kind = kind;
		t->failed = call_failed(r);
		t->r = *r;
		t->r.program = p->program;
		t->r.note = v6_map_keep(&g->names, r->note);
		t->r.holder.program = v6_map_keep(&g->names, r->holder.program);
		*p->troubles_end = t;
		p->troubles_end = &t->next;
	}
	t->last = r->time;
	t->latest = g->records;
	t->times++;
}

bool v6_trouble_succeeded(const struct v6_trouble *t)
{
	return t->attempt && t->attempt->succeeded > t->latest;
}

bool v6_trouble_unresolved(const struct v6_trouble *t)
{
	return t->kind == V6_TROUBLE_CONFLICT && t->failed && !v6_trouble_succeeded(t);
}

void v6_gather_record(struct v6_gather *g, int log, const struct v6_record *r)
{
	struct v6_process *p = process_of(g, log, r);
	const struct v6_attempt *attempt = NULL;
	enum v6_trouble_kind kind = kind_of(r);

	g->records++;
	g->denials += r->verdict.action == V6_ACTION_DENY;
	add_to_process(g, p, r);
	switch (r->facts.event) {
	case V6_EVENT_GETADDRINFO:
		p->lookups++;
		if (r->verdict.action == V6_ACTION_REORDER && !p->reorders++) {
			p->found = r->families_before;
			p->handed = r->families_after;
		}
		break;
	case V6_EVENT_LOST:
		p->lost += r->count;
		g->lost += r->count;
		break;
	case V6_EVENT_BIND:
	case V6_EVENT_LISTEN:
	case V6_EVENT_INHERIT:
		attempt = add_socket(g, p, r);
		break;
	default:
		break;
	}
	if (kind == V6_TROUBLE_KINDS)
		return;
	g->disorders += kind == V6_TROUBLE_DISORDER;
	add_trouble(g, p, kind, attempt, r);
}
