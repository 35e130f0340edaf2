#include "model.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "../memory.h"
#include "reader.h"

/* A race at the start of a process: its load record may come after another thread's first. */
enum { LOAD_LATE = 1000000 };

/* Texts and numbers by key, in a tree. */

struct kept {
	const char *key;
	size_t len;
	unsigned number; /* from 1; 0: none yet */
};

static int compare(const void *a, const void *b)
{
	const struct kept *e = a, *f = b;

	return e->len != f->len ? (e->len > f->len) - (e->len < f->len)
				: memcmp(e->key, f->key, e->len);
}

static struct kept *keep(void **tree, const void *key, size_t len)
{
	struct kept wanted = {key, len, 0}, **found = tfind(&wanted, tree, compare), *e;

	if (found)
		return *found;
	e = v6_keep(sizeof(*e) + len + 1);
	*e = (struct kept){memcpy(e + 1, key, len), len, 0};
	return *(struct kept **)v6_need(tsearch(e, tree, compare));
}

/* The same bytes are at the same place. */
static struct v6_slice keep_text(struct v6_model *m, struct v6_slice text)
{
	return (struct v6_slice){text.len ? keep(&m->kept, text.ptr, text.len)->key : "", text.len};
}

/* What is found by its key: a number from 1 among all processes, or a process's sockets. */
enum slot {
	RUNNING,       /* log, pid: the latest process */
	ON_DESCRIPTOR, /* descriptor: the latest socket */
	AT_ADDRESS,    /* protocol, address: the latest that was bound */
	FAILED_BIND,   /* the same: that could not be bound */
	FAILED_LISTEN, /* the same: that could not listen */
};

static unsigned *find(void **tree, enum slot slot, unsigned number, unsigned other)
{
	unsigned key[] = {slot, number, other};

	return &keep(tree, key, sizeof(key))->number;
}

static unsigned *find_address(struct v6_process *p, enum slot slot, const struct v6_record *r)
{
	const struct v6_address *a = &r->facts.address;
	unsigned key[8] = {slot, (unsigned)r->proto, (unsigned)a->family << 16 | a->port, a->scope};

	memcpy(key + 4, a->bytes, sizeof(a->bytes));
	return &keep(&p->kept, key, sizeof(key))->number;
}

struct v6_slice v6_record_written(const struct v6_record *r, v6_record_writer *write)
{
	/* A byte may be written as six; the reader has what a writer would not write. */
	static char buf[V6_RECORD_SIZE + 6 * 2 * V6_LINE_MAX];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	write(&t, r);
	return (struct v6_slice){buf, t.len};
}

/* Processes. */

/* The process with that pid. Another program, and a load record unless it is late, begin a new one. */
static struct v6_process *process_of(struct v6_model *m, unsigned log, const struct v6_record *r)
{
	unsigned *running = find(&m->kept, RUNNING, log, (unsigned)r->pid);
	struct v6_process *p = *running ? m->processes[*running - 1] : NULL;
	bool load = r->facts.event == V6_EVENT_LOAD;

	if (p && p->program.ptr == keep_text(m, r->program).ptr &&
		(!load || (!p->loaded && llabs(r->time - p->first) < LOAD_LATE)))
		return p;
	p = v6_keep(sizeof(*p));
	*V6_ADD(m->processes, m->count) = p;
	*running = (unsigned)m->count;
	*p = (struct v6_process){
		.serial = *running,
		.log = log,
		.pid = r->pid,
		.program = keep_text(m, r->program),
		.first = r->time,
		.policy = r->policy,
		.mode = r->mode,
		.via = r->via,
	};
	return p;
}

static void add_settings(struct v6_model *m, struct v6_process *p, const struct v6_record *r)
{
	struct v6_read_setting settings[V6_SETTING_COUNT];
	struct v6_slice level;
	bool told;

	if (!r->has_policy)
		return;
	if (!r->rule) {
		p->policy = r->policy;
		p->mode = r->mode;
	}
	if (r->facts.event != V6_EVENT_LOAD) {
		p->whole |= v6_record_level(r) >= V6_LOG_LEVEL_BIND;
		return;
	}
	p->loaded = true;
	p->version = keep_text(m, r->version);
	p->settings = keep_text(m, r->settings);
	/* Whether a log with these has every bind and listen: `bind` is the default of a path. */
	told = v6_read_settings(settings, p->settings);
	level = settings[V6_SETTING_LOG_LEVEL].value;
	p->whole |= level.ptr ? v6_word_value(V6_LIST_LOG_LEVEL, level) >= V6_LOG_LEVEL_BIND
			      : told && v6_slice_begins(settings[V6_SETTING_LOG].value, "/");
}

static struct v6_socket *socket_of(const struct v6_process *p, unsigned number)
{
	return number ? &p->sockets[number - 1] : NULL;
}

/* As if it were new. */
static void begin_socket(struct v6_socket *s, const struct v6_record *r)
{
	*s = (struct v6_socket){.succeeded = s->succeeded};
	v6_record_init(&s->r, r->facts.event);
}

static unsigned add_socket(struct v6_process *p, const struct v6_record *r)
{
	begin_socket(V6_ADD(p->sockets, p->socket_count), r);
	return (unsigned)p->socket_count;
}

/* What any record of a socket tells of it. */
static void update_socket(struct v6_model *m, struct v6_socket *s, const struct v6_record *r)
{
	struct v6_record old = s->r;

	s->r = *r;
	s->r.facts.asked = r->facts.asked != V6_UNKNOWN ? r->facts.asked : old.facts.asked;
	s->r.facts.before = old.facts.before != V6_UNKNOWN ? old.facts.before : r->facts.before;
	s->r.after = r->after != V6_UNKNOWN ? r->after : old.after;
	s->r.serves = r->serves ? r->serves : old.serves;
	if (r->verdict.action != V6_ACTION_NONE) {
		s->actions |= 1U << r->verdict.action;
	} else if (s->actions) {
		s->r.policy = old.policy;
		s->r.mode = old.mode;
		s->r.rule = old.rule;
		s->r.verdict.action = old.verdict.action;
	}
	s->r.error = 0;
	s->r.holder.program = (struct v6_slice){"", 0};
	if (r->facts.event == V6_EVENT_LISTEN && old.facts.event == V6_EVENT_BIND) {
		if (!r->holder.known)
			s->r.holder = old.holder;
		/* What would not have been bound would not listen. */
		if (old.enforce.known && old.enforce.result)
			s->r.enforce = old.enforce;
	}
	s->r.note = keep_text(m, r->note);
	s->r.program = s->r.settings = s->r.version = (struct v6_slice){"", 0};
}

/* Whether it is bound to that; or to no port, and the kernel chose one. */
static bool is_same(const struct v6_socket *s, const struct v6_record *r)
{
	const struct v6_address *a = &s->r.facts.address, *b = &r->facts.address;

	return s->r.proto == r->proto && a->family == b->family && a->scope == b->scope &&
	       !memcmp(a->bytes, b->bytes, sizeof(a->bytes)) &&
	       (a->port == b->port ||
		       (s->chosen && (r->facts.event == V6_EVENT_LISTEN || !b->port)));
}

/* What failed at this address is made good, as far as the log tells. */
static void make_good(struct v6_model *m, struct v6_process *p, const struct v6_record *r)
{
	enum slot slot = r->facts.event == V6_EVENT_LISTEN ? FAILED_LISTEN : FAILED_BIND;
	/* Without failures, which are few, there is no place for it. */
	struct v6_socket *s = p->trouble_count ? socket_of(p, *find_address(p, slot, r)) : NULL;

	if (!s)
		return;
	s->succeeded = m->records;
	s->gone |= s->r.error != 0;
}

/*
 * A socket takes the place of the one before it on its descriptor where it is bound to the same,
 * and where the kernel chose the port of both: a server that opens such sockets in turn (FTP)
 * would fill the page.
 */
static void add_bound(struct v6_model *m, struct v6_process *p, const struct v6_record *r)
{
	unsigned *on;
	struct v6_socket *s;

	/* This is how datagram clients bind. */
	if (r->facts.type == V6_TYPE_DGRAM && !r->facts.address.port)
		return;
	make_good(m, p, r);
	on = find(&p->kept, ON_DESCRIPTOR, (unsigned)r->fd, 0);
	s = socket_of(p, *on);
	if (s && is_same(s, r)) {
		begin_socket(s, r);
	} else {
		/* Not one that listens on a duplicate. */
		if (s)
			s->replaced |= s->r.fd == r->fd;
		*on = add_socket(p, r);
		s = socket_of(p, *on);
	}
	update_socket(m, s, r);
	s->chosen = !r->facts.address.port;
	s->inherited = r->facts.event == V6_EVENT_INHERIT;
	*find_address(p, AT_ADDRESS, r) = *on;
}

/* It is the one that was bound on this descriptor, or on one of which this is a duplicate. */
static void add_listening(struct v6_model *m, struct v6_process *p, const struct v6_record *r)
{
	unsigned *on = find(&p->kept, ON_DESCRIPTOR, (unsigned)r->fd, 0);
	struct v6_socket *s = socket_of(p, *on);

	make_good(m, p, r);
	if (!s || !is_same(s, r)) {
		unsigned bound = *find_address(p, AT_ADDRESS, r);
		struct v6_socket *other = socket_of(p, bound);

		if (s)
			s->replaced = true;
		if (other && !other->r.serves && !other->r.error && !other->gone) {
			other->replaced = false;
			*on = bound;
		} else {
			*on = add_socket(p, r);
		}
		s = socket_of(p, *on);
	}
	s->gone = false;
	update_socket(m, s, r);
}

/* The socket that could not be bound, or that could not listen; one for each address. */
static unsigned add_failed(struct v6_model *m, struct v6_process *p, const struct v6_record *r)
{
	bool listen = r->facts.event == V6_EVENT_LISTEN;
	unsigned *failed = find_address(p, listen ? FAILED_LISTEN : FAILED_BIND, r);
	unsigned on = listen ? *find(&p->kept, ON_DESCRIPTOR, (unsigned)r->fd, 0) : 0;
	struct v6_socket *s;

	if (on && is_same(socket_of(p, on), r))
		*failed = on;
	else if (!*failed)
		*failed = add_socket(p, r);
	else if (socket_of(p, *failed)->gone)
		begin_socket(socket_of(p, *failed), r);
	s = socket_of(p, *failed);
	update_socket(m, s, r);
	s->r.error = r->error ? r->error : EINVAL;
	s->r.serves = 0;
	return *failed;
}

/* Trouble. */

static bool has_failed(const struct v6_record *r)
{
	return r->facts.event >= V6_EVENT_SOCKET && r->facts.event <= V6_EVENT_LISTEN &&
	       (r->error || r->result < 0);
}

/* A bind or listen that met EADDRINUSE, whatever else was found. */
static bool is_conflict(const struct v6_record *r)
{
	return r->verdict.finding == V6_FINDING_CONFLICT ||
	       ((r->facts.event == V6_EVENT_BIND || r->facts.event == V6_EVENT_LISTEN) &&
		       r->error == EADDRINUSE && r->verdict.action != V6_ACTION_DENY);
}

static void add_trouble(
	struct v6_model *m, struct v6_process *p, unsigned socket, const struct v6_record *r)
{
	struct v6_record same = *r;
	struct v6_trouble *t;
	unsigned *number;
	struct v6_slice text;

	/* Records that differ in time and descriptor alone are one. */
	same.time = same.pid = 0;
	same.fd = -1;
	same.count = 0;
	text = v6_record_written(&same, v6_record_json);
	number = &keep(&p->kept, text.ptr, text.len)->number;
	if (!*number) {
		t = V6_ADD(p->troubles, p->trouble_count);
		*t = (struct v6_trouble){.r = *r, .socket = socket};
		*number = (unsigned)p->trouble_count;
		t->r.program = t->r.version = t->r.settings = (struct v6_slice){"", 0};
		t->r.note = keep_text(m, r->note);
		t->r.holder.program = keep_text(m, r->holder.program);
	}
	t = &p->troubles[*number - 1];
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a number came with its trouble */
	t->last = r->time;
	t->latest = m->records;
	/* Of what is thinned a record says how many there were so far. */
	t->times = r->facts.event != V6_EVENT_LOST && r->count > t->times ? (unsigned)r->count
									  : t->times + 1;
}

const char *v6_trouble_state(const struct v6_process *p, const struct v6_trouble *t)
{
	enum v6_action action = t->r.verdict.action;
	bool failed = has_failed(&t->r), conflict = is_conflict(&t->r);

	if (!t->r.has_policy)
		return v6_word(V6_LIST_EVENT, t->r.facts.event);
	if (t->socket && p->sockets[t->socket - 1].succeeded > t->latest)
		return "resolved";
	if (conflict && (failed || (t->r.enforce.known && t->r.enforce.result < 0)))
		return "unresolved";
	if (conflict && action != V6_ACTION_NONE && t->r.mode == V6_MODE_ENFORCE)
		return "resolved";
	if (t->r.enforce.known && t->r.enforce.result == V6_NO_RESULT)
		return "undecided";
	if (t->r.verdict.finding != V6_FINDING_NONE)
		return v6_word(V6_LIST_FINDING, t->r.verdict.finding);
	return failed && action != V6_ACTION_DENY ? "failed" : v6_word(V6_LIST_ACTION, action);
}

void v6_model_add(struct v6_model *m, unsigned log, const struct v6_record *r)
{
	struct v6_process *p = process_of(m, log, r);
	enum v6_event event = r->facts.event;
	unsigned socket = 0;

	m->records++;
	m->denials += r->verdict.action == V6_ACTION_DENY;
	m->disorders += r->verdict.finding == V6_FINDING_DISORDER;
	m->unenforced += r->verdict.finding == V6_FINDING_UNENFORCED;
	p->thinned |= r->count && event != V6_EVENT_LOST;
	add_settings(m, p, r);
	if (event == V6_EVENT_LOST) {
		p->lost += r->count;
		m->lost += r->count;
	} else if (event == V6_EVENT_INHERIT || (event == V6_EVENT_BIND && !has_failed(r))) {
		add_bound(m, p, r);
	} else if (event == V6_EVENT_LISTEN && !has_failed(r)) {
		add_listening(m, p, r);
	} else if ((event == V6_EVENT_BIND || event == V6_EVENT_LISTEN) &&
		   r->facts.address.family != V6_FAMILY_OTHER) {
		socket = add_failed(m, p, r);
	}
	if (event == V6_EVENT_ERROR || event == V6_EVENT_LOST || has_failed(r) || is_conflict(r) ||
		(r->enforce.known && r->enforce.result == V6_NO_RESULT) ||
		r->verdict.finding != V6_FINDING_NONE || r->verdict.action == V6_ACTION_DENY ||
		r->verdict.action == V6_ACTION_REORDER)
		add_trouble(m, p, socket, r);
}

static void add_look(FILE *look, struct v6_record r, const struct v6_process *p)
{
	struct v6_slice text;

	r.time = r.pid = 0;
	r.count = 0;
	r.holder.pid = r.holder.pid == p->pid ? 0 : r.holder.pid;
	text = v6_record_written(&r, v6_record_json);
	fwrite(text.ptr, 1, text.len, look);
}

/* What the report shows of it but pids, times and ports that the kernel chose; to be freed. */
static char *look_of(const struct v6_process *p, size_t *len)
{
	char *text = NULL;
	FILE *look = v6_need(open_memstream(&text, len));

	fprintf(look, "%u %d %d %d %d %p %p\n", p->log, p->whole, p->policy, p->mode, p->via,
		(const void *)p->program.ptr, (const void *)p->settings.ptr);
	for (size_t i = 0; i < p->socket_count; i++) {
		const struct v6_socket *s = &p->sockets[i];
		struct v6_record r = s->r;

		if (s->gone)
			continue;
		r.facts.address.port = s->chosen ? 0 : r.facts.address.port;
		fprintf(look, "%u %d %d\n", s->actions, s->inherited, s->replaced);
		add_look(look, r, p);
	}
	for (size_t i = 0; i < p->trouble_count; i++) {
		fputs(v6_trouble_state(p, &p->troubles[i]), look);
		add_look(look, p->troubles[i].r, p);
	}
	fclose(look);
	return v6_need(text);
}

static void forget(void *kept)
{
	(void)kept;
}

void v6_model_end(struct v6_model *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct v6_process *p = m->processes[i];
		unsigned *first;
		size_t len;
		char *look;

		for (size_t n = 0; n < p->trouble_count; n++)
			m->unresolved +=
				!strcmp(v6_trouble_state(p, &p->troubles[n]), "unresolved");
		tdestroy(p->kept, forget);
		p->shown = p->socket_count || p->trouble_count;
		if (!p->shown)
			continue;
		look = look_of(p, &len);
		first = &keep(&m->kept, look, len)->number;
		free(look);
		p->last = p;
		if (*first) {
			p->like = m->processes[*first - 1];
			p->like->more++;
			p->like->last->next = p;
			p->like->last = p;
		} else {
			*first = p->serial;
		}
		m->shown++;
	}
	tdestroy(m->kept, forget);
}
