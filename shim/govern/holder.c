#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "../core/conflict.h"
#include "../core/diag.h"
#include "descriptors.h"
#include "live.h"
#include "sys.h"
#include "scratch.h"

#include "forbidden.h"

void v6_holder_self(struct v6_holder *h)
{
	h->pid = v6_sys_getpid();
	h->uid = v6_sys_geteuid();
	h->program = v6_live.program;
}

/* The socket that was refused, and what was found in its way. */
struct search {
	const struct v6_address *address;
	int v6only;
	bool found;
	struct v6_diag_socket socket;
};

static void consider(struct search *s, const struct v6_diag_socket *found)
{
	if (s->found || !v6_addresses_conflict(s->address, s->v6only, &found->local, found->v6only))
		return;
	s->found = true;
	s->socket = *found;
}

static bool answered(struct search *s, int fd, struct v6_diag_walk *walk, char *buf)
{
	struct v6_diag_socket found;
	enum v6_diag_step step;
	ssize_t n;

	do {
		n = v6_sys_receive(fd, buf, V6_SCRATCH_SIZE);
		if (n < 0 || n > V6_SCRATCH_SIZE)
			return false;
		v6_diag_part(walk, buf, (size_t)n);
		while ((step = v6_diag_next(walk, &found)) == V6_DIAG_SOCKET)
			consider(s, &found);
	} while (step == V6_DIAG_MORE);
	return step == V6_DIAG_DONE;
}

/* One dump: sockets of one family and protocol on the port, in some states. */
static void ask(struct search *s, int fd, char *buf, const struct v6_diag_query *query)
{
	char request[V6_DIAG_REQUEST_SIZE];
	struct v6_diag_walk walk = v6_diag_walk_of(query);
	size_t size = v6_diag_request(request, query);

	if (!s->found && size && v6_sys_send(fd, request, size) == (ssize_t)size)
		answered(s, fd, &walk, buf);
}

/* Listeners and the like before connections: they are what a server meets. */
static void ask_all(struct search *s, int proto, int fd, char *buf)
{
	static const uint32_t states[] = {1 << V6_STATE_LISTEN | 1 << V6_STATE_CLOSE,
		1 << V6_STATE_BOUND_INACTIVE, UINT32_MAX};
	static const uint8_t families[] = {V6_FAMILY_INET6, V6_FAMILY_INET};
	struct v6_diag_query query = {
		.proto = v6_port_space(proto), .port = s->address->port, .sequence = 1};

	for (unsigned i = 0; i < sizeof(states) / sizeof(*states); i++) {
		for (unsigned j = 0; j < sizeof(families); j++) {
			query.family = families[j];
			query.states = states[i];
			ask(s, fd, buf, &query);
			query.sequence++;
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

static struct v6_text proc_path(char *buf, size_t size, int pid, const char *rest)
{
	struct v6_text t = v6_text_in(buf, size);

	v6_text_str(&t, "/proc/");
	v6_text_int(&t, pid);
	v6_text_str(&t, rest);
	return t;
}

static bool is_the_socket(int fd, void *context)
{
	struct hunt *h = context;
	char path[48], link[48], wanted[32];
	struct v6_text p = proc_path(path, sizeof(path), h->pid, "/fd/");
	struct v6_text w = v6_text_in(wanted, sizeof(wanted));
	ssize_t n;

	if (!h->left)
		return false;
	h->left--;
	v6_text_int(&p, fd);
	v6_text_str(&w, "socket:[");
	v6_text_uint(&w, h->inode);
	v6_text_char(&w, ']');
	n = v6_sys_readlink(path, link, sizeof(link));
	h->found = n == (ssize_t)w.len && !memcmp(link, wanted, w.len);
	return !h->found;
}

static bool has_the_socket(int pid, void *context)
{
	struct hunt *h = context;
	char path[32];

	h->pid = pid;
	proc_path(path, sizeof(path), pid, "/fd");
	v6_proc_numbers(path, is_the_socket, h);
	return !h->found && h->left;
}

static struct v6_slice program_of(int pid, char *text)
{
	char path[32];
	ssize_t n = -1;
	int fd;

	proc_path(path, sizeof(path), pid, "/comm");
	fd = v6_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd >= 0) {
		n = v6_sys_read(fd, text, V6_HOLDER_TEXT);
		v6_sys_close(fd);
	}
	if (n > 0 && text[n - 1] == '\n')
		n--;
	return (struct v6_slice){text, n > 0 ? (size_t)n : 0};
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
		h->program = program_of(hunt.pid, text);
}

void v6_holder_find(
	struct v6_holder *h, int proto, const struct v6_address *address, int v6only, char *text)
{
	struct search s = {.address = address, .v6only = v6only};
	int fd = v6_sys_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, V6_NETLINK_SOCK_DIAG);
	char *buf = fd >= 0 ? v6_scratch_claim() : NULL;

	if (buf) {
		ask_all(&s, proto, fd, buf);
		v6_scratch_release(buf);
	}
	if (fd >= 0)
		v6_sys_close(fd);
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
