#include "holder.h"

#include <errno.h>
#include <sys/resource.h>

#include "../core/advice.h"
#include "emit.h"
#include "facts.h"
#include "proc.h"
#include "sys.h"

#include "forbidden.h"

void v6_port_init(struct v6_port *p, struct v6_call *c, int v6only)
{
	*p = (struct v6_port){.call = c,
		.on = {.event = c->record.facts.event,
			.rival = (struct v6_rival *)(void *)v6_scratch_claim(),
			.self = {.socket = v6_fact_socket(c->ask, &c->record.facts.address),
				.own = true,
				.ask = c->ask,
				.tell = c->record.fd,
				.reuseaddr = v6_fact(c->ask, SOL_SOCKET, SO_REUSEADDR) == 1,
				.reuseport = v6_fact(c->ask, SOL_SOCKET, SO_REUSEPORT) == 1}},
		.room = V6_RIVALS_MAX,
		.netns = v6_fact_netns(c->ask),
		.left = V6_DESCRIPTORS_MAX};
	p->on.self.socket.v6only = (int8_t)v6only;
	if (!p->on.rival) {
		p->on.rival = p->few;
		p->room = sizeof(p->few) / sizeof(*p->few);
	}
}

void v6_port_release(struct v6_port *p)
{
	for (unsigned i = 0; i < p->found; i++)
		if (p->on.rival[i].own)
			p->call->way->give(p->call, p->on.rival[i].ask);
	if (p->on.rival != p->few)
		v6_scratch_release((char *)p->on.rival);
}

/* By its cookie; by its inode, which a TCP part has in common with its MPTCP socket. */
static bool same_socket(const struct v6_diag_socket *a, const struct v6_diag_socket *b)
{
	return (a->cookie && a->cookie == b->cookie) || (a->inode && a->inode == b->inode);
}

_Static_assert(V6_RIVALS_MAX * sizeof(struct v6_rival) <= V6_SCRATCH_SIZE, "they fit into a slot");

static struct v6_rival rival_of(const struct v6_diag_socket *s)
{
	return (struct v6_rival){.socket = *s,
		.ask = -1,
		.tell = -1,
		.mapped = s->peer && v6_address_mapped(&s->local) &&
			  v6_memory(v6_memory_port(s->local.port)) & V6_MEMORY_MAPPED,
		.reuseaddr = V6_UNKNOWN,
		.reuseport = V6_UNKNOWN};
}

struct v6_rival *v6_port_add(struct v6_port *p, const struct v6_diag_socket *s)
{
	const struct v6_diag_socket *self = &p->on.self.socket;

	if (same_socket(self, s) || v6_port_space(self->proto) != v6_port_space(s->proto) ||
		!(p->all || v6_in_the_way(self, s)))
		return NULL;
	p->on.partial |= p->found == p->room;
	if (p->on.partial)
		return NULL;
	p->on.rival[p->found] = rival_of(s);
	p->on.count = ++p->found;
	return &p->on.rival[p->found - 1];
}

static bool consider(const struct v6_diag_socket *s, void *context)
{
	struct v6_port *p = context;
	struct v6_rival *r = v6_port_add(p, s);

	if (r)
		r->listed = true;
	return !p->on.partial;
}

/*
 * Whether it holds the port: a datagram socket does so with a peer as well, and an IPv6 connection
 * keeps IPv4 out; a mapped bind only beside the listener that it may be of.
 */
static bool holds(const struct v6_port *p, const struct v6_diag_socket *s)
{
	return !s->peer || v6_type_of_proto(s->proto) == V6_TYPE_DGRAM ||
	       (!p->all && s->local.family == V6_FAMILY_INET6 &&
		       (p->connections || p->on.self.socket.local.family == V6_FAMILY_INET));
}

static bool meet_own(int ask, int tell, struct v6_port *p)
{
	struct v6_address bound;
	struct v6_diag_socket s;
	struct v6_rival *r = p->on.rival;

	if (!p->left--)
		return false;
	if (tell == p->call->record.fd)
		return true;
	bound = v6_fact_bound(ask);
	if (bound.family == V6_FAMILY_OTHER || bound.port != p->on.self.socket.local.port)
		return true;
	s = v6_fact_socket(ask, &bound);
	while (r < p->on.rival + p->found && !same_socket(&r->socket, &s))
		r++;
	if (r == p->on.rival + p->found)
		r = holds(p, &s) && v6_fact_netns(ask) == p->netns ? v6_port_add(p, &s) : NULL;
	if (!r || r->own)
		return !p->on.partial;
	r->ask = p->call->way->take(p->call, tell);
	r->own = r->ask >= 0;
	if (!r->own)
		return true;
	r->tell = tell;
	r->socket.cookie = s.cookie;
	r->socket.v6only = s.v6only;
	r->reuseaddr = v6_fact(r->ask, SOL_SOCKET, SO_REUSEADDR) == 1;
	r->reuseport = v6_fact(r->ask, SOL_SOCKET, SO_REUSEPORT) == 1;
	return true;
}

/* ---- the caller's descriptors */

/* One of them: `ask` is valid during the visit. False ends the walk. */
typedef bool own_visit(int ask, int tell, struct v6_port *p);

struct walk {
	struct v6_port *port;
	own_visit *visit;
};

static bool visit_one(int fd, void *context)
{
	const struct walk *w = context;
	struct v6_call *c = w->port->call;
	/* Of another process only sockets are touched. */
	int ask =
		c->record.pid && !v6_proc_inode(c->record.pid, "fd", fd) ? -1 : c->way->take(c, fd);
	bool on = true;

	if (ask >= 0) {
		on = w->visit(ask, fd, w->port);
		c->way->give(c, ask);
	}
	return on;
}

static void walk(struct v6_port *p, own_visit *visit)
{
	struct walk w = {p, visit};
	char path[V6_PROC_PATH] = "/proc/thread-self/fd";
	uint64_t limit;

	if (p->call->record.pid)
		v6_proc_path(path, p->call->record.pid, "fd", -1);
	if (v6_proc_numbers(path, visit_one, &w) || p->call->record.pid ||
		v6_proc_numbers("/proc/self/fd", visit_one, &w))
		return;
	/* No /proc, or no descriptor left to open it with: every number there may be. */
	limit = v6_sys_limit(RLIMIT_NOFILE);
	for (int fd = 0; (uint64_t)fd < limit && visit_one(fd, &w);)
		fd++;
}

/* Whether the tables tell of what may be the caller's, or nothing where there must be one. */
static bool unsettled(const struct v6_port *p, bool refused)
{
	bool is = !p->on.count && (!p->told || refused);

	for (unsigned i = 0; i < p->on.count; i++)
		is |= !p->on.rival[i].own && p->on.rival[i].socket.inode &&
		      holds(p, &p->on.rival[i].socket);
	return is && !p->on.partial;
}

/*
 * Finds own sockets by the hints of a port, 0: those that the kernel was to choose for. Of the
 * descriptors only those are touched that were last bound to it.
 */
static void ask_hints(struct v6_port *p, uint16_t port)
{
	unsigned i = 0;
	int tell, ask;

	while ((!p->told || unsettled(p, true)) &&
		(tell = v6_port_hint(&i, V6_FAMILY_OTHER, port)) >= 0) {
		struct v6_address bound = {.family = V6_FAMILY_OTHER};

		if (tell == p->call->record.fd)
			continue;
		ask = p->call->way->take(p->call, tell);
		if (ask >= 0) {
			bound = v6_fact_bound(ask);
			meet_own(ask, tell, p);
			p->call->way->give(p->call, ask);
		}
		/* A number that is another socket's by now is not touched for this port again. */
		if (bound.port != port)
			v6_port_bound(tell, &bound, false);
	}
}

/* false: the table is not to be had. */
static bool ask_table(
	struct v6_port *p, enum v6_family family, uint32_t states, v6_dump_visit *visit)
{
	const struct v6_diag_socket *self = &p->on.self.socket;
	struct v6_diag_query query = {.proto = v6_port_space(self->proto),
		.port = self->local.port,
		.family = family,
		.states = states};
	char *buf = v6_scratch_claim();
	int result = -ENOMEM;

	if (buf) {
		result = v6_dump(&query, p->netns, buf, V6_SCRATCH_SIZE, visit, p);
		v6_scratch_release(buf);
	}
	return !result || result == -EINTR;
}

static bool ask_tables(struct v6_port *p, uint32_t states)
{
	bool six = ask_table(p, V6_FAMILY_INET6, states, consider);

	return ask_table(p, V6_FAMILY_INET, states, consider) && six;
}

enum { HELD = 1 << V6_STATE_LISTEN | 1 << V6_STATE_BOUND_INACTIVE };

void v6_port_ask(struct v6_port *p, bool refused)
{
	bool stream = v6_type_of_proto(p->on.self.socket.proto) != V6_TYPE_DGRAM;

	/* Who listens or is bound before connections, which are what is left to be in the way. */
	p->told = ask_tables(p, stream ? HELD : UINT32_MAX);
	if (stream && refused && !p->on.count)
		p->told &= ask_tables(p, UINT32_MAX);
	ask_hints(p, p->on.self.socket.local.port);
	if (unsettled(p, refused))
		ask_hints(p, 0);
	if (unsettled(p, refused))
		walk(p, meet_own);
}

static bool still_there(const struct v6_diag_socket *s, void *context)
{
	struct v6_port *p = context;

	for (struct v6_rival *r = p->on.rival; r < p->on.rival + p->found; r++)
		r->there |= same_socket(&r->socket, s);
	return true;
}

bool v6_port_changed(struct v6_port *p)
{
	const struct v6_address *a = &p->on.self.socket.local;
	bool told = p->told && ask_table(p, V6_FAMILY_INET6, UINT32_MAX, still_there) &&
		    ask_table(p, V6_FAMILY_INET, UINT32_MAX, still_there);
	bool changed =
		told && !p->found && v6_port_hinted(v6_family_other(v6_port_family(a)), a->port);

	for (const struct v6_rival *r = p->on.rival; r < p->on.rival + p->found; r++)
		changed |= !v6_same_family(r, &p->on.self) &&
			   (r->listed ? told && !r->there
				      : r->own && v6_fact_cookie(r->ask) != r->socket.cookie);
	return changed;
}

bool v6_port_ask_connections(struct v6_port *p)
{
	unsigned known = p->on.count;

	p->connections = true;
	if (v6_port_family(&p->on.self.socket.local) == V6_FAMILY_INET)
		walk(p, meet_own);
	return p->on.count > known;
}

/* Whether it is a connection that is in the way of the family alone. */
static bool keeps(const struct v6_diag_socket *s, void *context)
{
	struct v6_port *p = context;
	struct v6_rival self = p->on.self, r = rival_of(s);

	self.socket.v6only = 1;
	p->kept |= s->peer && v6_same_family(&self, &r) && v6_in_the_way(&self.socket, s);
	return !p->kept;
}

static bool own_keeps(int ask, int tell, struct v6_port *p)
{
	struct v6_address bound = v6_fact_bound(ask);
	struct v6_diag_socket s;

	(void)tell;
	if (bound.port != p->on.self.socket.local.port || v6_fact(ask, SOL_SOCKET, SO_REUSEADDR))
		return true;
	s = v6_fact_socket(ask, &bound);
	return keeps(&s, p);
}

bool v6_port_kept(struct v6_port *p)
{
	const struct v6_address *a = &p->on.self.socket.local;

	p->kept = false;
	ask_table(p, v6_port_family(a), ~(uint32_t)HELD, keeps);
	if (!p->kept && v6_memory(v6_memory_port(a->port)) & V6_MEMORY_MAPPED)
		ask_table(p, V6_FAMILY_INET6, ~(uint32_t)HELD, keeps);
	if (p->kept && p->on.self.reuseaddr) {
		p->kept = false;
		walk(p, own_keeps);
	}
	return p->kept;
}

/* From the socket's inode to a process that has it. */

struct hunt {
	uint32_t inode;
	int left;       /* descriptors and processes that may still be looked at */
	int self;       /* whose are known, but for connections */
	int fd;         /* of the answer */
	uint64_t netns; /* whose processes alone are looked at */
	int pid;        /* being looked at; the answer once found */
	bool found;
};

static bool is_the_socket(int fd, void *context)
{
	struct hunt *h = context;

	if (h->left-- <= 0)
		return false;
	h->fd = fd;
	h->found = v6_proc_inode(h->pid, "fd", fd) == h->inode;
	return !h->found;
}

static bool has_the_socket(int pid, void *context)
{
	struct hunt *h = context;
	char path[V6_PROC_PATH];

	if (h->left-- <= 0)
		return false;
	if (pid == h->self || v6_proc_inode(pid, "ns/net", -1) != h->netns)
		return true;
	h->pid = pid;
	v6_proc_path(path, pid, "fd", -1);
	v6_proc_numbers(path, is_the_socket, h);
	return !h->found;
}

void v6_holder_set(struct v6_call *c, const struct v6_rival *r)
{
	struct v6_holder *h = &c->record.holder;
	int own = c->record.pid ? c->record.pid : v6_self()->pid;
	struct hunt hunt = {.inode = r->socket.inode,
		.left = V6_HOLDER_READS,
		.self = r->socket.peer ? 0 : own};

	*h = (struct v6_holder){.known = true,
		.fd = r->tell,
		.address = r->socket.local,
		.v6only = r->socket.v6only,
		/* What is left of a connection belongs to nobody; the kernel says 0. */
		.uid = r->socket.inode ? (int64_t)r->socket.uid : -1,
		.connection = r->socket.peer ? r->socket.state : 0};
	if (!r->own && hunt.inode && v6_emit_wants(V6_LOG_LEVEL_CHANGE)) {
		hunt.netns = v6_proc_inode(own, "ns/net", -1);
		v6_proc_numbers("/proc", has_the_socket, &hunt);
	}
	if (hunt.found && hunt.pid == own)
		h->fd = hunt.fd;
	if (r->own || h->fd >= 0) {
		h->pid = own;
		h->program = c->record.program;
	} else if (hunt.found) {
		h->pid = hunt.pid;
		c->text = c->text ? c->text : v6_scratch_claim();
		h->program.ptr = c->text;
		h->program.len = c->text ? v6_proc_comm(h->pid, c->text, V6_HOLDER_TEXT) : 0;
	}
}

bool v6_port_meets(struct v6_call *c, int v6only)
{
	const struct v6_rival *r;
	struct v6_port p;
	bool met;

	v6_port_init(&p, c, v6only);
	ask_hints(&p, p.on.self.socket.local.port);
	for (r = p.on.rival; r < p.on.rival + p.found && v6_same_family(r, &p.on.self);)
		r++;
	met = r < p.on.rival + p.found;
	if (met) {
		bool inet6 = r->socket.local.family == V6_FAMILY_INET6;
		const struct v6_rival *six = inet6 ? r : &p.on.self, *four = inet6 ? &p.on.self : r;

		v6_holder_set(c, r);
		c->record.holder.device = six->socket.iface && !four->socket.iface &&
					  v6_address_wildcard(&four->socket.local);
	}
	v6_port_release(&p);
	return met;
}

/* Whether the policy is in force. */

bool v6_serving(struct v6_call *c)
{
	struct v6_facts *f = &c->record.facts;

	if (f->event == V6_EVENT_LISTEN)
		return true;
	if (!f->address.port)
		return false;
	f->type = v6_fact_type(c->ask);
	if (f->event == V6_EVENT_BIND)
		return f->type == V6_TYPE_DGRAM;
	return f->type == V6_TYPE_DGRAM ? !v6_fact_connected(c->ask)
					: v6_fact(c->ask, SOL_SOCKET, SO_ACCEPTCONN) == 1;
}

void v6_serving_examine(struct v6_call *c)
{
	struct v6_record *r = &c->record;
	struct v6_facts *f = &r->facts;
	int want = v6_policy_value(c->knobs->policy), probe = 0, asked = V6_UNKNOWN;
	unsigned marks;
	bool gave;

	if (r->verdict.action == V6_ACTION_YIELD || r->verdict.action == V6_ACTION_SPLIT)
		v6_memory_set(v6_fact_cookie(c->ask), 0, V6_MEMORY_SETTLED);
	/* What was decided about is in force, or has its reason, or (mode=log) would be. */
	if (want == V6_UNKNOWN || r->verdict.action != V6_ACTION_NONE ||
		r->verdict.finding != V6_FINDING_NONE || f->before == want ||
		!v6_emit_wants(V6_LOG_LEVEL_CHANGE))
		return;
	if (f->event == V6_EVENT_LISTEN) {
		f->address = v6_fact_bound(c->ask);
		v6_port_bound(c->record.fd, &f->address, false);
	}
	if (!v6_address_wildcard(&f->address))
		return;
	if (!v6_serving(c)) {
		if (f->event == V6_EVENT_BIND && f->address.family == V6_FAMILY_INET6 &&
			!f->address.port && v6_policy_forced(c->knobs->policy))
			v6_memory_set(v6_fact_cookie(c->ask), 0, V6_MEMORY_CLIENT);
		return;
	}
	if (f->address.family == V6_FAMILY_INET6) {
		r->after = v6_known(v6_fact_v6only(c->ask));
		if (v6_fact_supposed(c->ask, r->after) == want)
			return;
		/* Bound as it is it changes nothing: EINVAL, unless a filter refuses the option. */
		probe = v6_fact_set_v6only(c->ask, r->after == V6_UNKNOWN ? want : r->after);
		asked = v6_fact_asked(c->ask);
		f->before = f->before == V6_UNKNOWN ? r->after : f->before;
	}
	r->verdict.finding = v6_decide_serving(
		c->knobs, &f->address, v6_fact_refused(probe) ? !want : r->after, asked);
	if (r->verdict.finding == V6_FINDING_IPV4_SOCKET) {
		r->proto = v6_fact_proto(c->ask);
		if (v6_emit_first(r->proto, f->address.port))
			r->note = v6_slice_of(V6_ADVICE_IPV4);
		else
			r->verdict.finding = V6_FINDING_NONE;
	} else if (r->verdict.finding == V6_FINDING_UNENFORCED) {
		marks = v6_memory_set(v6_fact_cookie(c->ask), 0, V6_MEMORY_SETTLED);
		/* A worker listens on the pair that its master's policy gave way for. */
		gave = !(marks & V6_MEMORY_SETTLED) && !want &&
		       v6_port_hinted(V6_FAMILY_INET, f->address.port) && v6_port_meets(c, want);
		r->holder.known = false; /* this is no conflict */
		if (marks & V6_MEMORY_SETTLED || gave ||
			(marks & V6_MEMORY_CLIENT && f->type == V6_TYPE_DGRAM))
			r->verdict.finding = V6_FINDING_NONE;
		else
			r->note = v6_slice_of(v6_fact_refused(probe)     ? V6_ADVICE_FILTERED
					      : marks & V6_MEMORY_CLIENT ? V6_ADVICE_CLIENT
									 : V6_ADVICE_BOUND);
	}
}

void v6_inherit_visit(struct v6_slice listen_fds, struct v6_slice listen_pid, int pid,
	void (*visit)(int fd, void *context), void *context)
{
	enum { FIRST = 3, MOST = 4096 };
	uint64_t count = 0, whose;

	if (!v6_emit_wants(V6_LOG_LEVEL_CHANGE))
		return;
	visit(0, context);
	if (!v6_slice_uint(listen_pid, INT32_MAX, &whose) || whose != (uint64_t)pid ||
		!v6_slice_uint(listen_fds, MOST, &count))
		return;
	for (int fd = FIRST; count--; fd++)
		visit(fd, context);
}
