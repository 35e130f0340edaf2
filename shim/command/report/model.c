#include "report.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "../command.h"

/* A race at the start of a process: its load record may come after another thread's first. */
enum { LOAD_LATE = 1000000 };

/* What is found by its key, in trees: of all logs, of their texts, and of each process. */
struct kept {
	const char *key;
	size_t len;
	/* And the value. */
};

static int compare(const void *a, const void *b)
{
	const struct kept *e = a, *f = b;

	return e->len != f->len ? (e->len > f->len) - (e->len < f->len)
				: memcmp(e->key, f->key, e->len);
}

/* The value, whose bytes are 0 at first. */
static void *keep(void **tree, const void *key, size_t len, size_t size)
{
	struct kept wanted = {key, len}, **found = tfind(&wanted, tree, compare), *e;

	if (!found) {
		e = v6_keep(sizeof(*e) + size + len);
		*e = (struct kept){memcpy((char *)(e + 1) + size, key, len), len};
		found = v6_need(tsearch(e, tree, compare));
	}
	return *found + 1;
}

/* The same bytes are at the same place. */
static struct v6_slice keep_text(struct v6_logs *logs, struct v6_slice text)
{
	if (!text.len)
		return v6_slice_of("");
	text.ptr = memcpy(keep(&logs->texts, text.ptr, text.len, text.len), text.ptr, text.len);
	return text;
}

/* A copy that lasts. What the process has as well is left out. */
static struct v6_record keep_record(struct v6_logs *logs, const struct v6_record *r)
{
	struct v6_record copy = *r;

	copy.program = copy.version = copy.settings = (struct v6_slice){"", 0};
	copy.note = keep_text(logs, r->note);
	copy.holder.program = keep_text(logs, r->holder.program);
	return copy;
}

/* The latest socket on a descriptor; at a protocol and address that was bound, or that that failed at. */
enum place { DESCRIPTOR, BOUND, FAILED };

static struct v6_socket **latest(struct v6_process *p, enum place place, const struct v6_record *r)
{
	const struct v6_address *a = &r->facts.address;
	unsigned key[8] = {place, (unsigned)r->fd};

	if (place != DESCRIPTOR) {
		key[0] += place == FAILED && r->facts.event == V6_EVENT_LISTEN;
		key[1] = (unsigned)r->proto;
		key[2] = (unsigned)a->family << 16 | a->port;
		key[3] = a->scope;
		memcpy(key + 4, a->bytes, sizeof(a->bytes));
	}
	return keep(&p->kept, key, sizeof(key), sizeof(struct v6_socket *));
}

struct v6_slice v6_record_written(const struct v6_record *r, v6_record_writer *write)
{
	/* A byte may be written as six; the reader has what a writer would not write. */
	static char buf[V6_RECORD_SIZE + 6 * 2 * V6_LINE_MAX];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	write(&t, r);
	return (struct v6_slice){buf, t.len};
}

/* The process with that pid. Another program, and a load record unless it is late, begin a new one. */
static struct v6_process *process_of(
	struct v6_logs *logs, const struct v6_source *log, const struct v6_record *r)
{
	uintptr_t key[] = {(uintptr_t)log, (uintptr_t)r->pid};
	struct v6_process **running = keep(&logs->kept, key, sizeof(key), sizeof(*running));
	struct v6_process *p = *running;
	bool load = r->facts.event == V6_EVENT_LOAD;

	if (p && p->program.len == r->program.len &&
		(!r->program.len || !memcmp(p->program.ptr, r->program.ptr, r->program.len)) &&
		(!load || (!p->loaded && llabs(r->time - p->first) < LOAD_LATE)))
		return p;
	*running = p = v6_keep(sizeof(*p));
	*p = (struct v6_process){.log = log,
		.pid = r->pid,
		.program = keep_text(logs, r->program),
		.first = r->time,
		.policy = r->policy,
		.via = r->via,
		.sockets_end = &p->sockets,
		.troubles_end = &p->troubles,
		.last = p};
	if (!logs->processes_end)
		logs->processes_end = &logs->processes;
	*logs->processes_end = p;
	logs->processes_end = &p->next;
	logs->process_count++;
	return p;
}

static void add_settings(struct v6_logs *logs, struct v6_process *p, const struct v6_record *r)
{
	struct v6_read_setting settings[V6_SETTING_COUNT];
	struct v6_slice level;
	bool told;

	if (!r->has_policy)
		return;
	if (!r->rule)
		p->policy = r->policy;
	if (r->facts.event != V6_EVENT_LOAD) {
		p->whole |= v6_record_level(r) >= V6_LOG_LEVEL_BIND;
		return;
	}
	p->loaded = true;
	p->version = keep_text(logs, r->version);
	p->settings = keep_text(logs, r->settings);
	/* Whether a log with these has every bind and listen: `bind` is the default of a path. */
	told = v6_read_settings(settings, p->settings);
	level = settings[V6_SETTING_LOG_LEVEL].value;
	p->whole |= level.ptr ? v6_word_value(V6_LIST_LOG_LEVEL, level) >= V6_LOG_LEVEL_BIND
			      : told && v6_slice_begins(settings[V6_SETTING_LOG].value, "/");
}

/*
 * Any record of a socket: with what it tells of it; `anew`: and nothing that is known of it. Where `s`
 * is NULL it is a new one.
 */
static struct v6_socket *add_call(struct v6_logs *logs, struct v6_process *p, struct v6_socket *s,
	bool anew, const struct v6_record *r)
{
	struct v6_record old;

	if (!s) {
		*p->sockets_end = s = v6_keep(sizeof(*s));
		p->sockets_end = &s->next;
		s->number = logs->records;
		anew = true;
	}
	if (anew) {
		*s = (struct v6_socket){
			.next = s->next, .number = s->number, .succeeded = s->succeeded};
		v6_record_init(&s->r, r->facts.event);
	}
	old = s->r;
	s->r = keep_record(logs, r);
	s->r.holder.program.len = 0;
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
	if (r->facts.event == V6_EVENT_LISTEN && old.facts.event == V6_EVENT_BIND) {
		if (!r->holder.known)
			s->r.holder = old.holder;
		/* What would not have been bound would not listen. */
		if (old.enforce.known && old.enforce.result)
			s->r.enforce = old.enforce;
	}
	return s;
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

/*
 * A bind, or a listen, that went well. What is bound takes the place of the socket before it on its
 * descriptor where it is bound to the same, and where the kernel chose the port of both: a server that
 * opens such sockets in turn (FTP) would fill the page. What listens is the one that was bound on this
 * descriptor, or on one of which this is a duplicate.
 */
static void add_success(struct v6_logs *logs, struct v6_process *p, const struct v6_record *r)
{
	bool listen = r->facts.event == V6_EVENT_LISTEN;
	struct v6_socket **on = latest(p, DESCRIPTOR, r), **bound = latest(p, BOUND, r), *s = *on;
	/* Without trouble, which is rare, there is no place for it. */
	struct v6_socket *failed = p->troubles ? *latest(p, FAILED, r) : NULL;
	bool same = s && is_same(s, r);

	/* What failed at this address is made good, as far as the log tells. */
	if (failed) {
		failed->succeeded = logs->records;
		failed->gone |= failed->r.error != 0;
	}
	/* Not one that listens on a duplicate. */
	if (s && !same)
		s->replaced |= listen || s->r.fd == r->fd;
	if (!same)
		s = listen && *bound && !(*bound)->r.serves && !(*bound)->r.error && !(*bound)->gone
			    ? *bound
			    : NULL;
	*on = s = add_call(logs, p, s, !listen, r);
	s->gone = false;
	s->replaced &= same;
	if (!listen) {
		s->chosen = !r->facts.address.port;
		s->inherited = r->facts.event == V6_EVENT_INHERIT;
		*bound = s;
	}
}

/* The socket that could not be bound, or that could not listen; one for each address. */
static struct v6_socket *add_failed(
	struct v6_logs *logs, struct v6_process *p, const struct v6_record *r)
{
	struct v6_socket **failed = latest(p, FAILED, r);
	struct v6_socket *s = r->facts.event == V6_EVENT_LISTEN ? *latest(p, DESCRIPTOR, r) : NULL;
	bool same = s && is_same(s, r);

	s = same ? s : *failed;
	*failed = s = add_call(logs, p, s, !same && s && s->gone, r);
	s->r.error = r->error ? r->error : EINVAL;
	s->r.serves = 0;
	return s;
}

/* As it would be written but for the time, how many there were, and `pid` in it. */
static struct v6_slice look_of(struct v6_record r, int pid)
{
	r.time = r.pid = 0;
	r.count = 0;
	r.holder.pid = r.holder.pid == pid ? 0 : r.holder.pid;
	return v6_record_written(&r, v6_record_json);
}

static void add_trouble(struct v6_logs *logs, struct v6_process *p, const struct v6_socket *socket,
	const struct v6_record *r, const char *state)
{
	struct v6_record same = *r;
	struct v6_trouble *t;
	struct v6_slice look;

	/* Records that differ in time and descriptor alone are one. */
	same.fd = -1;
	look = look_of(same, -1);
	t = keep(&p->kept, look.ptr, look.len, sizeof(*t));
	if (!t->state) {
		*t = (struct v6_trouble){
			.r = keep_record(logs, r), .socket = socket, .state = state};
		*p->troubles_end = t;
		p->troubles_end = &t->next;
	}
	t->last = r->time;
	t->latest = logs->records;
	/* Of what is thinned a record says how many there were so far. */
	t->times = r->facts.event != V6_EVENT_LOST && r->count > t->times ? (unsigned)r->count
									  : t->times + 1;
}

/* "unresolved", "resolved", or what was found or done; NULL: it is no trouble. */
static const char *state_of(const struct v6_record *r, bool failed)
{
	bool bind = r->facts.event == V6_EVENT_BIND || r->facts.event == V6_EVENT_LISTEN;
	enum v6_action action = r->verdict.action;
	/* One that met EADDRINUSE, whatever else was found. */
	bool conflict = r->verdict.finding == V6_FINDING_CONFLICT ||
			(bind && r->error == EADDRINUSE && action != V6_ACTION_DENY);

	if (!r->has_policy)
		return v6_word(V6_LIST_EVENT, r->facts.event);
	if (conflict && (failed || (r->enforce.known && r->enforce.result < 0)))
		return "unresolved";
	if (conflict && action != V6_ACTION_NONE && r->mode == V6_MODE_ENFORCE)
		return "resolved";
	if (r->enforce.known && r->enforce.result == V6_NO_RESULT)
		return "undecided";
	if (r->verdict.finding != V6_FINDING_NONE)
		return v6_word(V6_LIST_FINDING, r->verdict.finding);
	if (action == V6_ACTION_DENY || (action == V6_ACTION_REORDER && !failed))
		return v6_word(V6_LIST_ACTION, action);
	return failed ? "failed" : NULL;
}

void v6_logs_add(struct v6_logs *logs, const struct v6_source *log, const struct v6_record *r)
{
	struct v6_process *p = process_of(logs, log, r);
	enum v6_event event = r->facts.event;
	bool failed =
		event >= V6_EVENT_SOCKET && event <= V6_EVENT_LISTEN && (r->error || r->result < 0);
	const struct v6_address *a = &r->facts.address;
	const char *state = state_of(r, failed);
	struct v6_socket *socket = NULL;

	logs->records++;
	logs->denials += r->verdict.action == V6_ACTION_DENY;
	p->would_deny |= r->verdict.action == V6_ACTION_DENY && r->mode == V6_MODE_LOG;
	logs->disorders += r->verdict.finding == V6_FINDING_DISORDER;
	logs->unenforced += r->verdict.finding == V6_FINDING_UNENFORCED;
	add_settings(logs, p, r);
	if (event == V6_EVENT_LOST) {
		p->lost += r->count;
		logs->lost += (long long)r->count;
	} else {
		p->thinned |= r->count != 0;
	}
	if (event == V6_EVENT_BIND || event == V6_EVENT_LISTEN || event == V6_EVENT_INHERIT) {
		/* Without a port is how datagram clients bind. */
		if (!failed &&
			(a->port || event == V6_EVENT_LISTEN || r->facts.type != V6_TYPE_DGRAM))
			add_success(logs, p, r);
		else if (failed && a->family != V6_FAMILY_OTHER)
			socket = add_failed(logs, p, r);
	}
	if (state)
		add_trouble(logs, p, socket, r, state);
}

/* The policy has made the socket what it is, or with `enforce` would have. */
static bool is_governed(const struct v6_socket *s, bool enforce)
{
	bool forced = s->actions & (1U << V6_ACTION_SET | 1U << V6_ACTION_OVERRIDE);
	int value = v6_policy_value(s->r.policy);

	if (s->r.mode == V6_MODE_LOG)
		return enforce && s->r.enforce.known && s->r.enforce.after == value;
	if (value == V6_UNKNOWN || value != s->r.after)
		return false;
	return v6_policy_forced(s->r.policy) ? forced : s->r.facts.asked == V6_UNKNOWN;
}

static struct v6_service service_of(const struct v6_socket *s, bool enforce)
{
	const struct v6_record *r = &s->r;
	bool other = enforce && r->enforce.known;
	unsigned serves = other ? r->enforce.serves : r->serves;
	int after = other ? r->enforce.after : r->after;
	struct v6_service told = {.governed = is_governed(s, enforce)};

	if (other && r->enforce.result == V6_NO_RESULT) {
		told.undecided = v6_serves(&r->facts.address, 0);
	} else if (other ? r->enforce.result < 0 : r->error) {
		told.failed = true;
	} else {
		told.serves = serves ? serves : v6_serves(&r->facts.address, after);
		told.listens = serves || r->facts.type == V6_TYPE_DGRAM;
	}
	return told;
}

void v6_logs_end(struct v6_logs *logs)
{
	char *text = NULL;
	size_t len;
	FILE *look = v6_need(open_memstream(&text, &len));

	for (struct v6_process *p = logs->processes; p; p = p->next) {
		struct v6_process **first;

		if (!p->sockets && !p->troubles)
			continue;
		logs->shown++;
		/* What the report shows but pids, times and ports that the kernel chose. */
		rewind(look);
		fprintf(look, "%p %d %d %d %p %p\n", (const void *)p->log, p->whole, p->policy,
			p->via, (const void *)p->program.ptr, (const void *)p->settings.ptr);
		for (struct v6_socket *s = p->sockets; s; s = s->next) {
			struct v6_record r = s->r;

			for (int enforce = 0; enforce < 2; enforce++)
				s->told[enforce] = service_of(s, enforce);
			if (s->gone)
				continue;
			r.facts.address.port = s->chosen ? 0 : r.facts.address.port;
			fprintf(look, "%u %d %d\n%s", s->actions, s->inherited, s->replaced,
				look_of(r, p->pid).ptr);
		}
		for (struct v6_trouble *t = p->troubles; t; t = t->next) {
			if (t->socket && t->socket->succeeded > t->latest)
				t->state = "resolved";
			logs->unresolved += !strcmp(t->state, "unresolved");
			fprintf(look, "%s%s", t->state, look_of(t->r, p->pid).ptr);
		}
		if (fflush(look))
			v6_need(NULL);
		first = keep(&logs->kept, text, len, sizeof(*first));
		p->shown = !*first;
		if (p->shown) {
			*first = p;
			continue;
		}
		(*first)->more++;
		(*first)->last->alike = p;
		(*first)->last = p;
	}
	fclose(look);
	free(text);
}
