#include "sockets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../core/resolve.h"
#include "../../core/terms.h"
#include "../../govern/facts.h"
#include "../../govern/proc.h"
#include "../check/program.h"
#include "../command.h"

#define LISTEN (1U << V6_STATE_LISTEN)
#define BOUND  (1U << V6_STATE_BOUND_INACTIVE)
#define CLOSE  (1U << V6_STATE_CLOSE)

/*
 * What holds ports, and where /proc has it; in the order of the listing. A
 * datagram socket that has a peer is not in CLOSE but in ESTABLISHED.
 */
static const struct source {
	int proto;
	uint32_t states;
	const char *proc[2]; /* IPv4, IPv6 */
} sources[] = {
	{V6_PROTO_TCP, LISTEN | BOUND, {"/proc/net/tcp", "/proc/net/tcp6"}},
	{V6_PROTO_MPTCP, LISTEN, {NULL, NULL}},
	{V6_PROTO_UDP, CLOSE, {"/proc/net/udp", "/proc/net/udp6"}},
	{132, LISTEN, {NULL, NULL}}, /* SCTP */
	{33, LISTEN, {NULL, NULL}},  /* DCCP */
	{V6_PROTO_UDPLITE, CLOSE, {NULL, NULL}},
};

enum { SOURCES = sizeof(sources) / sizeof(*sources) };

struct v6_sockets v6_sockets;

static bool add(const struct v6_diag_socket *socket, void *context)
{
	(void)context;
	*V6_ADD(v6_sockets.list, v6_sockets.count) = *socket;
	return true;
}

/* 0, or the negated errno. */
static int dump(const struct v6_diag_query *query)
{
	struct v6_sockets *s = &v6_sockets;
	enum { TRIES = 8 }; /* while the sockets change */
	static char buf[V6_DIAG_PART_SIZE];
	size_t before = s->count;
	int result = -EINTR;

	for (int i = 0; i < TRIES && (result == -EINTR || result == -ENOBUFS); i++) {
		/* One each: what is left of a dump that was given up would come first. */
		s->count = before;
		result = v6_dump(query, 0, buf, sizeof(buf), add, NULL);
	}
	s->moving |= result == -EINTR;
	if (result && result != -EINTR)
		s->count = before;
	return result == -EINTR ? 0 : result;
}

/*
 * Where the kernel gives no diagnostics, its older tables have to do: lines of /proc/net/tcp and the
 * like, proc(5). The address is one word or four, each in this machine's byte order.
 */
static int read_proc(const char *path, const struct v6_diag_query *query)
{
	FILE *file = fopen(path, "re");
	char line[512], hex[33];
	unsigned word[4], port, peer, state, uid, inode;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		/* Not its heading. */
		if (sscanf(line,
			    " %*u: %32[0-9A-Fa-f]:%4x %*32[0-9A-Fa-f]:%4x %2x %*s %*s %*s %u %*u "
			    "%u",
			    hex, &port, &peer, &state, &uid, &inode) != 6 ||
			(query->port && port != query->port) ||
			!(query->states >> (state & 31) & 1))
			continue;
		struct v6_diag_socket socket = {
			.local = {.family = query->family, .port = (uint16_t)port},
			.proto = query->proto,
			.peer = peer != 0,
			.state = (uint8_t)state,
			.v6only = V6_UNKNOWN,
			.uid = uid,
			.inode = inode,
		};
		int words = sscanf(hex, "%8x%8x%8x%8x", &word[0], &word[1], &word[2], &word[3]);

		memcpy(socket.local.bytes, word, (size_t)words * sizeof(*word));
		add(&socket, NULL);
	}
	fclose(file);
	return 0;
}

static unsigned rank(int proto)
{
	unsigned i = 0;

	while (i < SOURCES && sources[i].proto != v6_port_space(proto))
		i++;
	return i;
}

static int order(uint64_t x, uint64_t y)
{
	return (x > y) - (x < y);
}

static int by_place(const void *a, const void *b)
{
	const struct v6_diag_socket *x = a, *y = b;
	int d = order(rank(x->proto), rank(y->proto));

	d = d ? d : order(x->local.port, y->local.port);
	d = d ? d : order(x->local.family, y->local.family);
	d = d ? d : memcmp(x->local.bytes, y->local.bytes, sizeof(x->local.bytes));
	d = d ? d : order(x->iface, y->iface);
	d = d ? d : order(x->inode, y->inode);
	d = d ? d : order((unsigned)x->proto, (unsigned)y->proto);
	d = d ? d : order(x->state, y->state);
	return d ? d : order(x->cookie, y->cookie);
}

bool v6_sockets_same_port(const struct v6_diag_socket *a, const struct v6_diag_socket *b)
{
	return v6_port_space(a->proto) == v6_port_space(b->proto) && a->local.port == b->local.port;
}

/*
 * Whether two that are neighbours in that order are one: met twice in a dump, or
 * an MPTCP socket and its TCP part, which shares its inode (net/mptcp/subflow.c,
 * mptcp_subflow_create_socket).
 */
static bool same(const struct v6_diag_socket *a, const struct v6_diag_socket *b)
{
	return v6_sockets_same_port(a, b) && a->local.family == b->local.family &&
	       a->inode == b->inode && (a->inode || (a->cookie && a->cookie == b->cookie));
}

/* ---- processes */

/*
 * Whether a file of the process's has a line, up to `end`, that begins with one and contains the
 * other.
 */
static bool has(int pid, const char *name, int end, const char *begin, const char *part)
{
	char path[V6_PROC_PATH], *line = NULL;
	size_t room = 0;
	bool found = false;
	FILE *file;

	v6_proc_path(path, pid, name, -1);
	file = fopen(path, "re");
	while (file && !found && getdelim(&line, &room, end, file) > 0)
		found = !strncmp(line, begin, strlen(begin)) && strstr(line, part);
	free(line);
	if (file)
		fclose(file);
	return found;
}

static const char *program_of(int pid)
{
	char name[64];

	return v6_keep_bytes(name, v6_proc_comm(pid, name, sizeof(name)));
}

/* Whom supervisors know: they keep its memory open. */
static int *supervised;
static size_t supervised_count;

/* It, or its parent: what has a socket by inheritance need not have called. */
static bool is_supervised(int pid)
{
	char line[32];

	for (size_t i = 0; i < supervised_count; i++) {
		snprintf(line, sizeof(line), "PPid:\t%d\n", supervised[i]);
		if (supervised[i] == pid || has(pid, "status", '\n', line, ""))
			return true;
	}
	return false;
}

/* A library that is loaded under a supervisor is inert. Some overwrite their environment (nginx). */
static const char *governed(int pid)
{
	static struct v6_program program;
	char path[V6_PROC_PATH];

	if (has(pid, "status", '\n', "Seccomp:", "2") &&
		(has(pid, "environ", '\0', V6_REACH_VARIABLE "=", "supervise") ||
			is_supervised(pid)))
		return "supervise";
	v6_proc_path(path, pid, "exe", -1);
	if (has(pid, "maps", '\n', "", "/libv6shim.so"))
		return v6_program_read(path, &program) || !program.go
			       ? "preload"
			       : "preload, but Go makes its calls without it";
	return has(pid, "environ", '\0', "LD_PRELOAD=", "libv6shim.so")
		       ? "preload in its environment, but not loaded"
		       : NULL;
}

static bool visit_descriptor(int fd, void *context)
{
	struct v6_holding h = {.pid = *(const int *)context, .fd = fd};
	char path[V6_PROC_PATH], link[V6_PROC_PATH] = "";
	int pid;

	v6_proc_path(path, h.pid, "fd", fd);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		return true;
	if (sscanf(link, "socket:[%" SCNu64 "]", &h.inode) == 1)
		*V6_ADD(v6_sockets.holdings, v6_sockets.held) = h;
	else if (strstr(link, "/mem") && sscanf(link, "/proc/%d/", &pid) == 1 &&
		 !strcmp(program_of(h.pid), "v6shim"))
		*V6_ADD(supervised, supervised_count) = pid;
	return true;
}

static bool visit_process(int pid, void *context)
{
	char path[V6_PROC_PATH];

	(void)context;
	v6_proc_path(path, pid, "fd", -1);
	/* Of a process that is over it cannot be read either. */
	if (!v6_proc_numbers(path, visit_descriptor, &pid) && access(path, R_OK))
		v6_sockets.unreadable |= errno == EACCES;
	return true;
}

static int by_holding(const void *a, const void *b)
{
	const struct v6_holding *x = a, *y = b;
	int d = order(x->inode, y->inode);

	return d ? d : x->pid != y->pid ? x->pid - y->pid : x->fd - y->fd;
}

static void find_holders(void)
{
	struct v6_sockets *s = &v6_sockets;

	s->no_proc = !v6_proc_numbers("/proc", visit_process, NULL);
	/* Those of a process stand together yet. */
	for (size_t i = 0; i < s->held; i++) {
		struct v6_holding *h = &s->holdings[i];
		bool first = !i || h->pid != h[-1].pid;

		h->program = first ? program_of(h->pid) : h[-1].program;
		h->via = first ? governed(h->pid) : h[-1].via;
	}
	if (s->held)
		qsort(s->holdings, s->held, sizeof(*s->holdings), by_holding);
	V6_ADD(s->holdings, s->held)->inode = UINT64_MAX;
}

const struct v6_holding *v6_holders_of(const struct v6_diag_socket *socket)
{
	size_t first = 0, end = v6_sockets.held - 1, middle;

	while (first < end) {
		middle = (first + end) / 2;
		if (v6_sockets.holdings[middle].inode < socket->inode)
			first = middle + 1;
		else
			end = middle;
	}
	return &v6_sockets.holdings[first];
}

int v6_sockets_find(uint16_t port)
{
	struct v6_sockets *s = &v6_sockets;
	size_t kept = 0;

	for (unsigned i = 0; i < 2 * SOURCES; i++) {
		const struct source *source = &sources[i / 2];
		const struct v6_diag_query query = {
			.family = i % 2 ? V6_FAMILY_INET6 : V6_FAMILY_INET,
			.proto = source->proto,
			.states = source->states,
			.port = port,
			.sequence = 1,
		};
		int refused = dump(&query), result;

		/* The other protocols are those of few kernels, and their absence is no news. */
		if (!refused || !source->proc[i % 2])
			continue;
		s->no_diag = -refused;
		result = read_proc(source->proc[i % 2], &query);
		if (result && (result != -ENOENT || i % 2 == 0))
			return result == -ENOENT ? refused : result;
	}
	if (s->count)
		qsort(s->list, s->count, sizeof(*s->list), by_place);
	/* Of those that are the same the last stays: MPTCP, not TCP; listening, not bound. */
	for (size_t i = 0; i < s->count; i++)
		if (i + 1 == s->count || !same(&s->list[i], &s->list[i + 1]))
			s->list[kept++] = s->list[i];
	s->count = kept;
	if (s->count)
		find_holders();
	return 0;
}
