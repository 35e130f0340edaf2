#include "holder.h"

#include "../core/resolve.h"
#include "dump.h"
#include "facts.h"
#include "proc.h"
#include "self.h"
#include "sys.h"

#include "forbidden.h"

struct own_search {
	const struct v6_call *call;
	int proto;
	uint16_t port;
	unsigned left;
	v6_own_visit *visit;
	void *context;
};

static bool visit_descriptor(int ask, int tell, void *context)
{
	struct own_search *w = context;
	struct v6_own_socket s = {.ask = ask, .tell = tell};

	if (!w->left--)
		return false;
	if (tell == w->call->record.fd)
		return true;
	s.address = v6_fact_bound(ask);
	if (s.address.family == V6_FAMILY_OTHER || s.address.port != w->port ||
		v6_port_space(v6_fact_proto(ask)) != v6_port_space(w->proto) ||
		v6_fact_connected(ask))
		return true;
	s.v6only = v6_known(v6_fact_v6only(ask));
	return w->visit(&s, w->context);
}

void v6_own_sockets(struct v6_call *c, int proto, uint16_t port, v6_own_visit *visit, void *context)
{
	struct own_search w = {c, proto, port, V6_DESCRIPTORS_MAX, visit, context};

	c->way->descriptors(c, visit_descriptor, &w);
}

void v6_holder_own(struct v6_call *c, const struct v6_own_socket *s)
{
	struct v6_holder *h = &c->record.holder;

	if (s->tell < 0)
		return;
	h->known = true;
	h->fd = s->tell;
	h->address = s->address;
	h->v6only = s->v6only;
	h->pid = c->record.pid ? c->record.pid : v6_self()->pid;
	h->uid = v6_sys_geteuid();
	h->program = c->record.program;
}

/* The socket that was refused, and what was found in its way. */
struct search {
	const struct v6_address *address;
	int v6only;
	bool found;
	struct v6_diag_socket socket;
};

static bool consider(const struct v6_diag_socket *s, void *context)
{
	struct search *search = context;

	if (!v6_addresses_conflict(search->address, search->v6only, &s->local, s->v6only))
		return true;
	search->found = true;
	search->socket = *s;
	return false;
}

/* Listeners and the like before connections: they are what a server meets. */
static void ask_kernel(struct search *s, int proto, int netlink, char *buf)
{
	static const uint32_t states[] = {1 << V6_STATE_LISTEN | 1 << V6_STATE_CLOSE,
		1 << V6_STATE_BOUND_INACTIVE, UINT32_MAX};
	struct v6_diag_query query = {.proto = v6_port_space(proto), .port = s->address->port};

	for (unsigned i = 0; i < 3 && !s->found; i++) {
		query.states = states[i];
		for (int inet6 = 1; inet6 >= 0 && !s->found; inet6--) {
			query.family = inet6 ? V6_FAMILY_INET6 : V6_FAMILY_INET;
			query.sequence++;
			v6_dump(netlink, &query, buf, V6_SCRATCH_SIZE, consider, s);
		}
	}
}

/* From the socket's inode to a process that has it. */

struct hunt {
	uint32_t inode;
	unsigned left; /* descriptors that may still be looked at */
	int pid;       /* being looked at; the answer once found */
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

	h->pid = pid;
	v6_proc_path(path, pid, "fd", -1);
	v6_proc_numbers(path, is_the_socket, h);
	return !h->found && h->left;
}

static void find_process(struct v6_holder *h, uint32_t inode, char *text)
{
	struct hunt hunt = {.inode = inode, .left = V6_HOLDER_READS};

	if (!inode)
		return;
	v6_proc_numbers("/proc", has_the_socket, &hunt);
	if (!hunt.found)
		return;
	h->pid = hunt.pid;
	if (text)
		h->program = (struct v6_slice){text, v6_proc_comm(h->pid, text, V6_HOLDER_TEXT)};
}

void v6_holder_find(
	struct v6_holder *h, int proto, const struct v6_address *address, int v6only, char *text)
{
	struct search s = {.address = address, .v6only = v6only};
	int netlink = v6_dump_open();
	char *buf = netlink >= 0 ? v6_scratch_claim() : NULL;

	if (buf) {
		ask_kernel(&s, proto, netlink, buf);
		v6_scratch_release(buf);
	}
	if (netlink >= 0)
		v6_sys_close(netlink);
	if (!s.found)
		return;
	h->known = true;
	h->address = s.socket.local;
	h->v6only = s.socket.v6only;
	/* What is left of a connection belongs to nobody; the kernel says 0. */
	h->uid = s.socket.inode ? (int64_t)s.socket.uid : -1;
	h->connection = s.socket.peer;
	find_process(h, s.socket.inode, text);
}
