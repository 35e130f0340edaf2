/*
 * probe - what this system does with IPV6_V6ONLY and with IPv4 and IPv6 on one port.
 *
 * usage: probe
 *
 * Needs POSIX and RFC 3493 alone, so that it can be compiled wherever the answer is of interest:
 *
 *	cc -o probe probe.c
 *	cc -o probe probe.c -lsocket -lnsl	(illumos; QNX needs -lsocket)
 *
 * Standard output is one "key: value" a line. A value is "ok", the name of an error, a number, or
 * "-" where there was nothing to try. The keys, in this order:
 *
 *	system                  name and release as uname(3) gives them
 *	initial                 the value that a new IPv6 socket has
 *	set-0, set-1, set-2     whether a new socket takes the value
 *	set-0-reads, set-1-reads, set-2-reads
 *	                        the value that it then has
 *	set-after-bind          what the opposite of the value that it has gets on a bound socket
 *	set-after-bind-reads    the value that it then has
 *	dual-stack-reads        the value of the IPv6 socket of the tests that follow: 0 was asked for
 *	PROTO-OPTION-ORDER-bind both sockets are bound to the wildcard address and one port, and then
 *	                        listen in the same order (TCP): the first error of the two binds
 *	PROTO-OPTION-ORDER-listen
 *	                        the first error of the two listens (TCP)
 *	PROTO-OPTION-ORDER-bind-beside-listener
 *	                        what the second bind gets when the first listens already (TCP)
 *	PROTO-OPTION-ORDER-ipv4-client
 *	                        who gets a client of 127.0.0.1: ipv4, ipv6, both, nobody
 *	mapped-bind-v6only-1, mapped-bind-v6only-0
 *	                        what a TCP bind to ::ffff:127.0.0.1 gets on a socket with that value
 *	mapped-connect-tcp-v6only-1, mapped-connect-udp-v6only-1
 *	                        what connect to ::ffff:127.0.0.1 gets, a listener being there
 *	passive-order           families in the order of getaddrinfo(NULL, AI_PASSIVE): "ipv4 ipv6"
 *
 * PROTO is tcp or udp, OPTION (set on both) plain, reuseaddr or reuseport, which is left out where
 * the system lacks SO_REUSEPORT, and ORDER is ipv4-first or ipv6-first.
 *
 * Exit status: 0, or 1 where the system has no IPv6 sockets or no IPV6_V6ONLY, or a test could not
 * be set up; 2 for bad usage.
 *
 * RFC 3493 sections 3.7, 5.3 and 6.1. IPV6_BINDV6ONLY is the option's name on QNX.
 */

/*
 * Systems hide what is not in the C standard from a strict compiler, or from everybody; each has
 * its own word to show it all, and does not mind the others'.
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#ifndef _NETBSD_SOURCE
#define _NETBSD_SOURCE
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE
#endif
#ifndef _QNX_SOURCE
#define _QNX_SOURCE
#endif
#ifndef __EXTENSIONS__
#define __EXTENSIONS__
#endif

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if !defined(IPV6_V6ONLY) && defined(IPV6_BINDV6ONLY)
#define IPV6_V6ONLY IPV6_BINDV6ONLY
#endif

#ifndef IPV6_V6ONLY

int main(void)
{
	fputs("probe: IPV6_V6ONLY: not known to this system\n", stderr);
	return 1;
}

#else

enum { NOT_TRIED = -1, OK = 0 };      /* an outcome; otherwise the errno value */
enum { IPV4, IPV6 };                  /* the two sockets of an order test */
enum { PLAIN, REUSEADDR, REUSEPORT }; /* what both have set */
enum { TRIES = 16, PATIENCE_MS = 1000, WHOLE_RUN_S = 120 };

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct pair {
	int type, option, first;
	int fd[2];
	int serves[2];    /* whether clients can reach it */
	int bind, listen; /* outcomes: the first error of either socket */
};

#define NAME(error) [error] = #error

/* clang-format off */
static const char *error_name(int error)
{
	static const char *const names[] = {
		NAME(EPERM), NAME(EACCES), NAME(EADDRINUSE),
		NAME(EADDRNOTAVAIL), NAME(EAFNOSUPPORT), NAME(EAGAIN),
		NAME(EBADF), NAME(ECONNABORTED), NAME(ECONNREFUSED),
		NAME(ECONNRESET), NAME(EDESTADDRREQ), NAME(EFAULT),
		NAME(EHOSTUNREACH), NAME(EINPROGRESS), NAME(EINTR),
		NAME(EINVAL), NAME(EISCONN), NAME(EMFILE),
		NAME(ENETDOWN), NAME(ENETUNREACH), NAME(ENFILE),
		NAME(ENOBUFS), NAME(ENOENT), NAME(ENOMEM),
		NAME(ENOPROTOOPT), NAME(ENOSYS), NAME(ENOTCONN),
		NAME(ENOTSOCK), NAME(EOPNOTSUPP), NAME(EPROTONOSUPPORT),
		NAME(EPROTOTYPE), NAME(ETIMEDOUT),
#if defined(ENOTSUP) && ENOTSUP != EOPNOTSUPP
		NAME(ENOTSUP),
#endif
#ifdef EPFNOSUPPORT
		NAME(EPFNOSUPPORT),
#endif
#ifdef ESOCKTNOSUPPORT
		NAME(ESOCKTNOSUPPORT),
#endif
#ifdef EHOSTDOWN
		NAME(EHOSTDOWN),
#endif
	};
	static char other[sizeof("errno-") + 11];

	if (error > 0 && (size_t)error < sizeof(names) / sizeof(names[0]) && names[error] != NULL)
		return names[error];
	snprintf(other, sizeof(other), "errno-%d", error);
	return other;
}
/* clang-format on */

static void fail(const char *subject)
{
	fprintf(stderr, "probe: %s: %s\n", subject, strerror(errno));
	exit(1);
}

static int outcome(int result)
{
	return result < 0 ? errno : OK;
}

static const char *word(int outcome)
{
	if (outcome == NOT_TRIED)
		return "-";
	return outcome == OK ? "ok" : error_name(outcome);
}

static void say(const char *key, const char *value)
{
	printf("%s: %s\n", key, value);
}

static int open_socket(int which, int type)
{
	int fd = socket(which == IPV6 ? AF_INET6 : AF_INET, type, 0);

	if (fd < 0)
		fail(which == IPV6 ? "IPv6 socket" : "IPv4 socket");
	return fd;
}

static int set_option(int fd, int level, int option, int value)
{
	return outcome(setsockopt(fd, level, option, (const void *)&value, sizeof(value)));
}

static int set_v6only(int fd, int value)
{
	return set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, value);
}

static int v6only(int fd)
{
	int value = 0;
	socklen_t size = sizeof(value);

	if (getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, (void *)&value, &size) < 0)
		fail("getsockopt IPV6_V6ONLY");
	return value;
}

/* Returns the size of the wildcard address that it makes. */
static socklen_t wildcard(union address *address, int which, int port)
{
	memset(address, 0, sizeof(*address));
	if (which == IPV6) {
		address->in6.sin6_family = AF_INET6;
		address->in6.sin6_port = htons((in_port_t)port);
		return sizeof(address->in6);
	}
	address->in.sin_family = AF_INET;
	address->in.sin_port = htons((in_port_t)port);
	return sizeof(address->in);
}

static socklen_t mapped_loopback(union address *address, int port)
{
	socklen_t size = wildcard(address, IPV6, port);

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &address->in6.sin6_addr);
	return size;
}

static int bind_wildcard(int fd, int which, int port)
{
	union address address;
	socklen_t size = wildcard(&address, which, port);

	return outcome(bind(fd, &address.any, size));
}

static int port_of(int fd)
{
	union address address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, &address.any, &size) < 0)
		fail("getsockname");
	return ntohs(
		address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

/* --- The option itself --- */

static void probe_set(int value)
{
	int fd = open_socket(IPV6, SOCK_STREAM);
	char key[32];

	/* What is found must be the doing of this call, so the socket has the opposite before. */
	set_v6only(fd, value == 0);
	snprintf(key, sizeof(key), "set-%d", value);
	say(key, word(set_v6only(fd, value)));
	printf("set-%d-reads: %d\n", value, v6only(fd));
	close(fd);
}

static void probe_set_after_bind(void)
{
	int fd = open_socket(IPV6, SOCK_STREAM);

	if (bind_wildcard(fd, IPV6, 0) != OK)
		fail("bind ::");
	say("set-after-bind", word(set_v6only(fd, !v6only(fd))));
	printf("set-after-bind-reads: %d\n", v6only(fd));
	close(fd);
}

static void probe_option(void)
{
	int fd = open_socket(IPV6, SOCK_STREAM);

	printf("initial: %d\n", v6only(fd));
	close(fd);
	probe_set(0);
	probe_set(1);
	probe_set(2);
	probe_set_after_bind();
	fd = open_socket(IPV6, SOCK_STREAM);
	set_v6only(fd, 0);
	printf("dual-stack-reads: %d\n", v6only(fd));
	close(fd);
}

/* --- Both families on one port --- */

/* A port that the kernel chose for one family, and that the other can have as well. */
static int free_port(int type)
{
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		int fd = open_socket(IPV4, type);
		int port = bind_wildcard(fd, IPV4, 0) == OK ? port_of(fd) : 0;
		int taken;

		close(fd);
		if (port == 0)
			break;
		fd = open_socket(IPV6, type);
		taken = bind_wildcard(fd, IPV6, port) == EADDRINUSE;
		close(fd);
		if (!taken)
			return port;
	}
	fail("no free port");
	return 0;
}

static void open_pair(struct pair *pair)
{
	int which;

	for (which = IPV4; which <= IPV6; which++) {
		int fd = open_socket(which, pair->type);

		if (pair->option == REUSEADDR)
			set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
#ifdef SO_REUSEPORT
		if (pair->option == REUSEPORT)
			set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
#endif
		if (which == IPV6)
			set_v6only(fd, 0);
		pair->fd[which] = fd;
	}
}

static void close_pair(const struct pair *pair)
{
	close(pair->fd[IPV4]);
	close(pair->fd[IPV6]);
}

static void keep_first_error(int *kept, int outcome)
{
	if (*kept == NOT_TRIED || *kept == OK)
		*kept = outcome;
}

static void listen_one(struct pair *pair, int which)
{
	int result;

	if (!pair->serves[which])
		return;
	result = outcome(listen(pair->fd[which], 8));
	keep_first_error(&pair->listen, result);
	pair->serves[which] = result == OK;
}

/* Both sockets bind, in order; then those that could, listen. */
static void bind_pair(struct pair *pair, int port)
{
	int order[2], i;

	order[0] = pair->first;
	order[1] = pair->first == IPV4 ? IPV6 : IPV4;
	for (i = 0; i < 2; i++) {
		int result = bind_wildcard(pair->fd[order[i]], order[i], port);

		keep_first_error(&pair->bind, result);
		pair->serves[order[i]] = result == OK;
	}
	if (pair->type == SOCK_DGRAM)
		return;
	listen_one(pair, order[0]);
	listen_one(pair, order[1]);
	/* A socket that stands alone does not tell what two would have met. */
	if (pair->bind != OK)
		pair->listen = NOT_TRIED;
}

static int bind_beside_listener(struct pair *pair, int port)
{
	int first = pair->first;
	int second = first == IPV4 ? IPV6 : IPV4;
	int result = bind_wildcard(pair->fd[first], first, port);

	if (result == OK)
		result = outcome(listen(pair->fd[first], 8));
	return result == OK ? bind_wildcard(pair->fd[second], second, port) : result;
}

/* A client of 127.0.0.1: a connection on its way, or a datagram. Returns -1 for one refused. */
static int send_client(int type, int port)
{
	union address address;
	socklen_t size = wildcard(&address, IPV4, port);
	int fd = open_socket(IPV4, type);
	int sent;

	address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* Not every system bounds connect by SO_SNDTIMEO; all know not to wait. */
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		fail("fcntl");
	if (type == SOCK_STREAM)
		sent = connect(fd, &address.any, size) == 0 || errno == EINPROGRESS;
	else
		sent = sendto(fd, "?", 1, 0, &address.any, size) == 1;
	if (sent)
		return fd;
	close(fd);
	return -1;
}

static const char *client_of(const struct pair *pair, int port)
{
	static const char *const names[] = {"nobody", "ipv4", "ipv6", "both"};
	struct pollfd polls[2];
	int who = 0, which, client;

	for (which = IPV4; which <= IPV6; which++) {
		polls[which].fd = pair->serves[which] ? pair->fd[which] : -1;
		polls[which].events = POLLIN;
		polls[which].revents = 0;
	}
	client = send_client(pair->type, port);
	if (client < 0)
		return names[0];
	if (poll(polls, 2, PATIENCE_MS) > 0)
		for (which = IPV4; which <= IPV6; which++)
			if (polls[which].revents & POLLIN)
				who |= 1 << which;
	close(client);
	return names[who];
}

static void say_of_pair(const struct pair *pair, const char *what, const char *value)
{
	static const char *const options[] = {"plain", "reuseaddr", "reuseport"};

	printf("%s-%s-%s-%s: %s\n", pair->type == SOCK_STREAM ? "tcp" : "udp",
		options[pair->option], pair->first == IPV4 ? "ipv4-first" : "ipv6-first", what,
		value);
}

static void probe_pair(int type, int option, int first)
{
	struct pair pair;
	int port = free_port(type);

	memset(&pair, 0, sizeof(pair));
	pair.type = type;
	pair.option = option;
	pair.first = first;
	pair.bind = pair.listen = NOT_TRIED;
	open_pair(&pair);
	bind_pair(&pair, port);
	say_of_pair(&pair, "bind", word(pair.bind));
	if (type == SOCK_STREAM)
		say_of_pair(&pair, "listen", word(pair.listen));
	say_of_pair(&pair, "ipv4-client", client_of(&pair, port));
	close_pair(&pair);
	if (type != SOCK_STREAM)
		return;
	open_pair(&pair);
	say_of_pair(
		&pair, "bind-beside-listener", word(bind_beside_listener(&pair, free_port(type))));
	close_pair(&pair);
}

static void probe_orders(void)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
#ifdef SO_REUSEPORT
	const int last = REUSEPORT;
#else
	const int last = REUSEADDR;
#endif
	int i, option, first;

	for (i = 0; i < 2; i++)
		for (option = PLAIN; option <= last; option++)
			for (first = IPV4; first <= IPV6; first++)
				probe_pair(types[i], option, first);
}

/* --- Mapped addresses --- */

static int mapped_bind(int value)
{
	union address address;
	socklen_t size = mapped_loopback(&address, 0);
	int fd = open_socket(IPV6, SOCK_STREAM);
	int result = NOT_TRIED;

	set_v6only(fd, value);
	if (v6only(fd) == value)
		result = outcome(bind(fd, &address.any, size));
	close(fd);
	return result;
}

static int mapped_connect(int type)
{
	int server = open_socket(IPV4, type);
	int client = open_socket(IPV6, type);
	union address address;
	socklen_t size;
	int result = NOT_TRIED;

	if (bind_wildcard(server, IPV4, 0) != OK || (type == SOCK_STREAM && listen(server, 8) < 0))
		fail("IPv4 server");
	size = mapped_loopback(&address, port_of(server));
	set_v6only(client, 1);
	if (fcntl(client, F_SETFL, O_NONBLOCK) < 0)
		fail("fcntl");
	if (v6only(client) == 1)
		result = outcome(connect(client, &address.any, size));
	close(client);
	close(server);
	return result == EINPROGRESS ? OK : result;
}

static void probe_mapped(void)
{
	say("mapped-bind-v6only-1", word(mapped_bind(1)));
	say("mapped-bind-v6only-0", word(mapped_bind(0)));
	say("mapped-connect-tcp-v6only-1", word(mapped_connect(SOCK_STREAM)));
	say("mapped-connect-udp-v6only-1", word(mapped_connect(SOCK_DGRAM)));
}

/* --- The resolver --- */

static void probe_passive_order(void)
{
	struct addrinfo hints, *list, *at;
	int error;

	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_PASSIVE;
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	error = getaddrinfo(NULL, "80", &hints, &list);
	if (error != 0) {
		fprintf(stderr, "probe: getaddrinfo: %s\n", gai_strerror(error));
		exit(1);
	}
	printf("passive-order:");
	for (at = list; at != NULL; at = at->ai_next)
		printf(" %s", at->ai_family == AF_INET6  ? "ipv6"
			      : at->ai_family == AF_INET ? "ipv4"
							 : "other");
	putchar('\n');
	freeaddrinfo(list);
}

int main(int argc, char **argv)
{
	struct utsname system;

	(void)argv;
	if (argc != 1) {
		fputs("usage: probe\n", stderr);
		return 2;
	}
	/* Nothing here waits for long; this is for the system where that proves wrong. */
	alarm(WHOLE_RUN_S);
	if (uname(&system) < 0)
		fail("uname");
	printf("system: %s %s\n", system.sysname, system.release);
	probe_option();
	probe_orders();
	probe_mapped();
	probe_passive_order();
	return 0;
}

#endif
