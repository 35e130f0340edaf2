#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../core/conflict.h"
#include "../core/policy.h"

/* linux/in.h; not every libc has all of them. */
enum { PROTO_TCP = 6, PROTO_UDP = 17, PROTO_DCCP = 33, PROTO_SCTP = 132, PROTO_UDPLITE = 136 };
enum { PROTO_MPTCP = 262 };

/* linux/netlink.h, which musl lacks. */
struct sockaddr_nl {
	sa_family_t nl_family;
	unsigned short nl_pad;
	uint32_t nl_pid; /* 0: the kernel */
	uint32_t nl_groups;
};

enum {
	TRIES = 8,        /* dumps, while the sockets change under them */
	WAIT_SECONDS = 2, /* for an answer; a kernel answers at once */
};

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
	const char *proc, *proc6;
} sources[] = {
	{PROTO_TCP, LISTEN | BOUND, "/proc/net/tcp", "/proc/net/tcp6"},
	{PROTO_MPTCP, LISTEN, NULL, NULL},
	{PROTO_UDP, CLOSE, "/proc/net/udp", "/proc/net/udp6"},
	{PROTO_SCTP, LISTEN, NULL, NULL},
	{PROTO_DCCP, LISTEN, NULL, NULL},
	{PROTO_UDPLITE, CLOSE, NULL, NULL},
};

enum { SOURCES = sizeof(sources) / sizeof(*sources) };

/* Memory grows by doubling: at each power of two the list is full. */
static int add(struct v6_sockets *s, const struct v6_diag_socket *socket)
{
	struct v6_diag_socket *larger;

	if (!(s->count & (s->count - 1))) {
		larger = realloc(s->list, (s->count ? 2 * s->count : 1) * sizeof(*s->list));
		if (!larger)
			return -ENOMEM;
		s->list = larger;
	}
	s->list[s->count++] = *socket;
	return 0;
}

/* Datagram protocols have no state to listen in. */
static bool datagram(int proto)
{
	return proto == PROTO_UDP || proto == PROTO_UDPLITE;
}

bool v6_socket_serving(const struct v6_diag_socket *socket)
{
	return socket->state == V6_STATE_LISTEN || datagram(socket->proto);
}

/* Part of an answer, from the kernel and nobody else. */
static ssize_t receive(int fd, void *buf, size_t size)
{
	struct sockaddr_nl from;
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct msghdr message;
	ssize_t n;

	do {
		memset(&from, 0, sizeof(from));
		memset(&message, 0, sizeof(message));
		message.msg_name = &from;
		message.msg_namelen = sizeof(from);
		message.msg_iov = &iov;
		message.msg_iovlen = 1;
		n = recvmsg(fd, &message, 0);
	} while (n < 0 ? errno == EINTR : from.nl_pid != 0);
	if (n < 0)
		return -errno;
	return !n || message.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

/* The sockets of one answer. 0, -EINTR where it may lack some, or another error. */
static int take(struct v6_sockets *s, struct v6_diag_walk *walk, int fd)
{
	static uint8_t part[4 * V6_DIAG_PART_SIZE];
	struct v6_diag_socket socket;
	enum v6_diag_step step;
	int result = 0;

	do {
		ssize_t n = receive(fd, part, sizeof(part));

		if (n < 0)
			return (int)n;
		v6_diag_part(walk, part, (size_t)n);
		while (!result && (step = v6_diag_next(walk, &socket)) == V6_DIAG_SOCKET)
			result = add(s, &socket);
	} while (!result && step == V6_DIAG_MORE);
	if (result)
		return result;
	return step == V6_DIAG_ERROR ? -walk->error : walk->interrupted ? -EINTR : 0;
}

/* A descriptor to ask on, or the negated errno. */
static int diag_open(void)
{
	struct timeval limit = {.tv_sec = WAIT_SECONDS};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, V6_NETLINK_SOCK_DIAG);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static int ask(int fd, const struct v6_diag_query *query)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	uint8_t request[V6_DIAG_REQUEST_SIZE];
	size_t len = v6_diag_request(request, query);
	ssize_t n;

	do
		n = sendto(fd, request, len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* A descriptor each: what is left of a dump that was given up stands in the way of the next. */
static int dump_once(struct v6_sockets *s, const struct v6_diag_query *query)
{
	struct v6_diag_walk walk = v6_diag_walk_of(query);
	int fd = diag_open(), result;

	if (fd < 0)
		return fd;
	result = ask(fd, query);
	if (!result)
		result = take(s, &walk, fd);
	close(fd);
	return result;
}

static int dump(
	struct v6_sockets *s, const struct source *source, enum v6_family family, uint16_t port)
{
	struct v6_diag_query query = {
		.family = (uint8_t)family,
		.proto = source->proto,
		.states = source->states,
		.port = port,
		.sequence = 1,
	};
	size_t before = s->count;
	int result;

	for (int tries = 0; tries < TRIES; tries++) {
		s->count = before;
		result = dump_once(s, &query);
		if (result != -EINTR && result != -ENOBUFS)
			break;
	}
	if (result == -EINTR) {
		s->moving = true;
		return 0;
	}
	if (result)
		s->count = before;
	return result;
}

/* The words of an address in hexadecimal, each in this machine's byte order. proc(5). */
static void read_words(uint8_t *bytes, const char *hex, unsigned words)
{
	for (unsigned i = 0; i < words; i++, hex += 8) {
		char text[9] = "";
		uint32_t word;

		memcpy(text, hex, 8);
		word = (uint32_t)strtoul(text, NULL, 16);
		memcpy(bytes + 4 * i, &word, sizeof(word));
	}
}

/* A line of /proc/net/tcp and the like; false for its heading. */
static bool read_line(struct v6_diag_socket *socket, const char *line, enum v6_family family)
{
	unsigned words = family == V6_FAMILY_INET ? 1 : 4, port, peer, state, uid, inode;
	char local[33];

	if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%4x %*32[0-9A-Fa-f]:%4x %2x %*s %*s %*s %u %*u %u",
		    local, &port, &peer, &state, &uid, &inode) != 6 ||
		strlen(local) != 8 * words)
		return false;
	*socket = (struct v6_diag_socket){
		.local = {.family = (uint8_t)family, .port = (uint16_t)port},
		.peer = peer != 0,
		.state = (uint8_t)state,
		.v6only = V6_UNKNOWN,
		.uid = uid,
		.inode = inode,
	};
	read_words(socket->local.bytes, local, words);
	return true;
}

/* Where the kernel gives no diagnostics, its older tables have to do. */
static int read_proc(
	struct v6_sockets *s, const struct source *source, enum v6_family family, uint16_t port)
{
	FILE *file = fopen(family == V6_FAMILY_INET ? source->proc : source->proc6, "re");
	struct v6_diag_socket socket;
	char line[512];
	int result = 0;

	if (!file)
		return errno == ENOENT && family == V6_FAMILY_INET6 ? 0 : -errno;
	while (!result && fgets(line, sizeof(line), file)) {
		if (!read_line(&socket, line, family))
			continue;
		socket.proto = source->proto;
		if ((!port || socket.local.port == port) &&
			source->states >> (socket.state & 31) & 1)
			result = add(s, &socket);
	}
	fclose(file);
	return result;
}

static int gather(
	struct v6_sockets *s, const struct source *source, enum v6_family family, uint16_t port)
{
	int result = 0, refused;

	/* Once it is known to be of no use. */
	if (s->no_diag && !source->proc)
		return 0;
	refused = dump(s, source, family, port);
	if (!refused || refused == -ENOMEM)
		return refused;
	/* The other protocols are those of few kernels, and their absence is no news. */
	if (!source->proc)
		return 0;
	result = read_proc(s, source, family, port);
	s->no_diag = -refused;
	return result == -ENOENT ? refused : result;
}

static unsigned rank(int proto)
{
	unsigned i = 0;

	while (i < SOURCES && sources[i].proto != proto)
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
	int d = order(rank(v6_port_space(x->proto)), rank(v6_port_space(y->proto)));

	d = d ? d : order(x->local.port, y->local.port);
	d = d ? d : order(x->local.family, y->local.family);
	d = d ? d : memcmp(x->local.bytes, y->local.bytes, sizeof(x->local.bytes));
	d = d ? d : order(x->iface, y->iface);
	d = d ? d : order(x->inode, y->inode);
	d = d ? d : order((unsigned)x->proto, (unsigned)y->proto);
	d = d ? d : order(x->state, y->state);
	return d ? d : order(x->cookie, y->cookie);
}

/*
 * Whether two that are neighbours in that order are one: met twice in a dump, or
 * an MPTCP socket and its TCP part, which shares its inode (net/mptcp/subflow.c,
 * mptcp_subflow_create_socket).
 */
static bool same(const struct v6_diag_socket *a, const struct v6_diag_socket *b)
{
	return v6_port_space(a->proto) == v6_port_space(b->proto) &&
	       a->local.port == b->local.port && a->local.family == b->local.family &&
	       a->inode == b->inode && (a->inode || (a->cookie && a->cookie == b->cookie));
}

/* Of those that are the same the last stays: MPTCP, not TCP; listening, not bound. */
static void unite(struct v6_sockets *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++)
		if (i + 1 == s->count || !same(&s->list[i], &s->list[i + 1]))
			s->list[kept++] = s->list[i];
	s->count = kept;
}

int v6_sockets_gather(struct v6_sockets *s, uint16_t port)
{
	int result = 0;

	for (unsigned i = 0; i < SOURCES && !result; i++) {
		result = gather(s, &sources[i], V6_FAMILY_INET, port);
		if (!result)
			result = gather(s, &sources[i], V6_FAMILY_INET6, port);
	}
	if (result)
		return result;
	if (s->count)
		qsort(s->list, s->count, sizeof(*s->list), by_place);
	unite(s);
	return 0;
}

void v6_sockets_free(struct v6_sockets *s)
{
	free(s->list);
	*s = (struct v6_sockets){0};
}
