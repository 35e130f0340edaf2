#include "holder.h"

#include <errno.h>
#include <sys/resource.h>

#include "dump.h"
#include "facts.h"
#include "proc.h"
#include "sys.h"

#include "forbidden.h"

void v6_port_init(struct v6_port *p, struct v6_call *c, const struct v6_address *a, int v6only)
{
	*p = (struct v6_port){.call = c,
		.on.event = c->record.facts.event,
		.on.rival = (struct v6_rival *)(void *)v6_scratch_claim(),
		.on.self = {.own = true, .ask = c->ask, .tell = c->record.fd},
		.netns = v6_fact_netns(c->ask),
		.left = V6_DESCRIPTORS_MAX};
	p->room = p->on.rival ? V6_RIVALS_MAX : sizeof(p->few) / sizeof(*p->few);
	if (!p->on.rival)
		p->on.rival = p->few;
	p->on.self.socket = v6_fact_socket(c->ask, a);
	p->on.self.socket.v6only = (int8_t)v6only;
	p->on.self.reuseaddr = v6_fact_reuse(c->ask, false) == 1;
	p->on.self.reuseport = v6_fact_reuse(c->ask, true) == 1;
}

void v6_port_release(struct v6_port *p)
{
	for (unsigned i = 0; i < p->on.count; i++)
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
	p->on.partial |= p->on.count == p->room;
	if (p->on.partial)
		return NULL;
	p->on.rival[p->on.count] = rival_of(s);
	return &p->on.rival[p->on.count++];
}

static bool consider(const struct v6_diag_socket *s, void *context)
{
	struct v6_port *p = context;

	v6_port_add(p, s);
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
	while (r < p->on.rival + p->on.count && !same_socket(&r->socket, &s))
		r++;
	if (r == p->on.rival + p->on.count)
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
	r->reuseaddr = v6_fact_reuse(r->ask, false) == 1;
	r->reuseport = v6_fact_reuse(r->ask, true) == 1;
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
	int ask = c->record.pid && !v6_proc_socket(c->record.pid, fd) ? -1 : c->way->take(c, fd);
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

/* Whether the tables tell of a socket that may be the caller's, or nothing where there must be one. */
static bool unsettled(const struct v6_port *p, bool refused)
{
	bool is = !p->on.count && (!p->told || refused);

	for (unsigned i = 0; i < p->on.count; i++)
		is |= !p->on.rival[i].own && p->on.rival[i].socket.inode &&
		      holds(p, &p->on.rival[i].socket);
	return is && !p->on.partial;
}

/* Those of a port; 0: that the kernel was to choose. */
static void ask_hints(struct v6_port *p, uint16_t port)
{
	int tell, ask;

	for (unsigned i = 0; (!p->told || unsettled(p, true)) && v6_port_hint(&i, port, &tell);) {
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

void v6_port_ask_hints(struct v6_port *p)
{
	ask_hints(p, p->on.self.socket.local.port);
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
	/* Of the calling thread's namespace, which need not be the socket's. */
	int netlink = v6_dump_open(), result = -ENOENT;
	char *buf = netlink >= 0 && v6_fact_netns(netlink) == p->netns ? v6_scratch_claim() : NULL;

	if (buf) {
		result = v6_dump(netlink, &query, buf, V6_SCRATCH_SIZE, visit, p);
		v6_scratch_release(buf);
	}
	if (netlink >= 0)
		v6_sys_close(netlink);
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
	v6_port_ask_hints(p);
	if (unsettled(p, refused))
		ask_hints(p, 0);
	if (unsettled(p, refused))
		walk(p, meet_own);
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
	if (bound.port != p->on.self.socket.local.port || v6_fact_reuse(ask, false))
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
	unsigned left;  /* descriptors and processes that may still be looked at */
	int self;       /* whose are known */
	uint64_t netns; /* whose processes alone are looked at */
	int pid;        /* being looked at; the answer once found */
	bool found;
};

static bool is_the_socket(int fd, void *context)
{
	struct hunt *h = context;

	if (!h->left)
		return false;
	h->left--;
	h->found = v6_proc_socket(h->pid, fd) == h->inode;
	return !h->found;
}

static bool has_the_socket(int pid, void *context)
{
	struct hunt *h = context;
	char path[V6_PROC_PATH];

	if (!h->left)
		return false;
	h->left--;
	if (pid == h->self || v6_proc_netns(pid) != h->netns)
		return true;
	h->pid = pid;
	v6_proc_path(path, pid, "fd", -1);
	v6_proc_numbers(path, is_the_socket, h);
	return !h->found && h->left;
}

static void find_process(struct v6_holder *h, uint32_t inode, int self, char *text)
{
	struct hunt hunt = {.inode = inode, .left = V6_HOLDER_READS, .self = self};

	if (!inode)
		return;
	hunt.netns = v6_proc_netns(self);
	v6_proc_numbers("/proc", has_the_socket, &hunt);
	if (!hunt.found)
		return;
	h->pid = hunt.pid;
	if (text)
		h->program = (struct v6_slice){text, v6_proc_comm(h->pid, text, V6_HOLDER_TEXT)};
}

void v6_holder_set(struct v6_call *c, const struct v6_rival *r, bool describe)
{
	struct v6_holder *h = &c->record.holder;
	int self = c->record.pid ? c->record.pid : v6_self()->pid;

	*h = (struct v6_holder){.known = true,
		.fd = r->tell,
		.address = r->socket.local,
		.v6only = r->socket.v6only,
		/* What is left of a connection belongs to nobody; the kernel says 0. */
		.uid = r->socket.inode ? (int64_t)r->socket.uid : -1,
		.connection = r->socket.peer ? r->socket.state : 0};
	if (r->own) {
		h->pid = self;
		h->program = c->record.program;
	} else if (describe) {
		find_process(h, r->socket.inode, self, c->text);
	}
}
