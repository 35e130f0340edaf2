/*
 * bind-all - the server of every tutorial: a socket for each address that getaddrinfo(3) gives.
 *
 * usage: bind-all [-dnr] [-v 0|1] PORT
 *
 *   -d      datagrams (UDP) instead of streams (TCP)
 *   -n      do not serve: say what could be bound, and exit
 *   -r      set SO_REUSEADDR on every socket
 *   -v 0|1  set IPV6_V6ONLY to this on the IPv6 sockets; without -v the option is left alone
 *   PORT    a number or a service name; 0 gives each socket a port of its own
 *
 * Standard output has one line for each socket, in the order of getaddrinfo, with every call that
 * was made and what came of it, errors by their symbolic names:
 *
 *	tcp 0.0.0.0 port 4321: socket ok, bind ok, listen ok
 *	tcp :: port 4321: socket ok, V6ONLY 0 ok, bind EADDRINUSE
 *	serving
 *
 * A refused option is said and passed over, as most servers do; a refused bind or listen costs only
 * that socket. Each client, or each datagram, is then answered with the socket that got it:
 *
 *	served by ipv4 socket 0.0.0.0
 *	served by ipv6 socket ::
 *
 * Exit status: 0 at SIGTERM or SIGINT, and with -n when all sockets could be used; 1 with -n when
 * one could not, without -n when none could; 2 for bad usage, or when getaddrinfo has no answer.
 *
 * RFC 3493 section 6.1 (getaddrinfo, AI_PASSIVE) and section 5.3 (IPV6_V6ONLY); socket(7).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { SOCKETS = 16, BACKLOG = 64, REPLY = 100, LINGER_MS = 200 };

struct wishes {
	int type;      /* SOCK_STREAM or SOCK_DGRAM */
	int serve;     /* 0 with -n */
	int reuseaddr; /* 1 with -r */
	int v6only;    /* -1 to leave it alone */
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage room;
};

static void usage(void)
{
	fputs("usage: bind-all [-dnr] [-v 0|1] PORT\n", stderr);
	exit(2);
}

static void complain(const char *subject)
{
	fprintf(stderr, "bind-all: %s: %s\n", subject, strerror(errno));
}

/* Every line of output has been written by the time it ends, so there is nothing to flush. */
static void leave(int signal_number)
{
	(void)signal_number;
	_exit(0);
}

#define NAME(error) [error] = #error

/* What socket, setsockopt, bind and listen are known to fail with. */
static const char *error_name(int error)
{
	static const char *const names[] = {NAME(EPERM), NAME(ENOENT), NAME(EBADF), NAME(EAGAIN),
		NAME(ENOMEM), NAME(EACCES), NAME(EFAULT), NAME(EBUSY), NAME(EINVAL), NAME(ENFILE),
		NAME(EMFILE), NAME(ENOSYS), NAME(ENOTSOCK), NAME(EDESTADDRREQ), NAME(EPROTOTYPE),
		NAME(ENOPROTOOPT), NAME(EPROTONOSUPPORT), NAME(ESOCKTNOSUPPORT), NAME(EOPNOTSUPP),
		NAME(EPFNOSUPPORT), NAME(EAFNOSUPPORT), NAME(EADDRINUSE), NAME(EADDRNOTAVAIL),
		NAME(ENETDOWN), NAME(ENETUNREACH), NAME(ENOBUFS), NAME(EISCONN), NAME(ENOTCONN)};
	static char other[sizeof("errno-") + 11];

	if (error > 0 && (size_t)error < sizeof(names) / sizeof(names[0]) && names[error] != NULL)
		return names[error];
	snprintf(other, sizeof(other), "errno-%d", error);
	return other;
}

static const char *outcome(int result)
{
	return result < 0 ? error_name(errno) : "ok";
}

static unsigned port_of(const union address *address)
{
	return ntohs(
		address->any.sa_family == AF_INET6 ? address->in6.sin6_port : address->in.sin_port);
}

static const char *text_of(const union address *address)
{
	static char text[INET6_ADDRSTRLEN];
	const void *bytes = address->any.sa_family == AF_INET6
				    ? (const void *)&address->in6.sin6_addr
				    : (const void *)&address->in.sin_addr;

	if (inet_ntop(address->any.sa_family, bytes, text, sizeof(text)) == NULL)
		return "?";
	return text;
}

/* Adds ", CALL OUTCOME" to what the line says of this socket; returns RESULT. */
static int note(char *said, size_t room, const char *call, int result)
{
	size_t used = strlen(said);

	snprintf(said + used, room - used, "%s%s %s", used > 0 ? ", " : "", call, outcome(result));
	return result;
}

static void set_options(int fd, int family, const struct wishes *wishes, char *said, size_t room)
{
	int on = 1;

	if (wishes->reuseaddr)
		note(said, room, "REUSEADDR",
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	if (family == AF_INET6 && wishes->v6only >= 0)
		note(said, room, wishes->v6only ? "V6ONLY 1" : "V6ONLY 0",
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &wishes->v6only, sizeof(int)));
}

/* Returns 0 when the socket can be served. */
static int bind_and_listen(int fd, const struct addrinfo *at, char *said, size_t room)
{
	if (note(said, room, "bind", bind(fd, at->ai_addr, at->ai_addrlen)) < 0)
		return -1;
	if (at->ai_socktype == SOCK_STREAM)
		return note(said, room, "listen", listen(fd, BACKLOG));
	return 0;
}

/* The address asked for, with the port that the kernel chose where it did. */
static void bound_address(int fd, const struct addrinfo *at, union address *address)
{
	union address bound;
	socklen_t size = sizeof(bound);

	memset(address, 0, sizeof(*address));
	memcpy(address, at->ai_addr, at->ai_addrlen);
	if (getsockname(fd, &bound.any, &size) == 0 && port_of(&bound) != 0)
		*address = bound;
}

/* Opens one socket and prints its line. Returns its descriptor, -1 when it is of no use. */
static int open_one(const struct addrinfo *at, const struct wishes *wishes)
{
	union address address;
	char said[200] = "";
	int fd = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
	int usable = 0;

	if (note(said, sizeof(said), "socket", fd) >= 0) {
		set_options(fd, at->ai_family, wishes, said, sizeof(said));
		usable = bind_and_listen(fd, at, said, sizeof(said)) == 0;
	}
	bound_address(fd, at, &address);
	printf("%s %s port %u: %s\n", at->ai_socktype == SOCK_STREAM ? "tcp" : "udp",
		text_of(&address), port_of(&address), said);
	if (usable)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static struct addrinfo *passive(const char *port, int type)
{
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE, .ai_family = AF_UNSPEC, .ai_socktype = type};
	struct addrinfo *list;
	int error = getaddrinfo(NULL, port, &hints, &list);

	if (error == 0)
		return list;
	fprintf(stderr, "bind-all: %s: %s\n", port,
		error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
	exit(2);
}

/* Fills POLLS with the usable sockets, at most SOCKETS of them, and counts those that FAILED. */
static nfds_t open_all(
	const char *port, const struct wishes *wishes, struct pollfd *polls, int *failed)
{
	struct addrinfo *list = passive(port, wishes->type);
	nfds_t count = 0;

	for (const struct addrinfo *at = list; at != NULL && count < SOCKETS; at = at->ai_next) {
		int fd = open_one(at, wishes);

		if (fd >= 0)
			polls[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
		else
			++*failed;
	}
	freeaddrinfo(list);
	return count;
}

static void limit_waits(int fd)
{
	struct timeval patience = {.tv_usec = LINGER_MS * 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static int reply_of(int fd, char *reply, size_t room)
{
	union address address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, &address.any, &size) < 0)
		return -1;
	return snprintf(reply, room, "served by %s socket %s\n",
		address.any.sa_family == AF_INET6 ? "ipv6" : "ipv4", text_of(&address));
}

/* What a client has sent unread would turn close into a reset that overtakes the reply. */
static void close_gently(int fd)
{
	char rest[512];

	shutdown(fd, SHUT_WR);
	for (int reads = 0; reads < 16 && recv(fd, rest, sizeof(rest), 0) > 0; reads++)
		;
	close(fd);
}

static int answer_stream(int fd)
{
	char reply[REPLY];
	int size = reply_of(fd, reply, sizeof(reply));
	int client = accept(fd, NULL, NULL);

	if (client < 0)
		return -1;
	limit_waits(client);
	if (size < 0 || send(client, reply, (size_t)size, MSG_NOSIGNAL) < 0)
		complain("send");
	close_gently(client);
	return 0;
}

static int answer_datagram(int fd)
{
	union address peer;
	socklen_t peer_size = sizeof(peer);
	char reply[REPLY], question[1];
	int size = reply_of(fd, reply, sizeof(reply));

	if (recvfrom(fd, question, sizeof(question), MSG_DONTWAIT, &peer.any, &peer_size) < 0)
		return -1;
	if (size < 0 || sendto(fd, reply, (size_t)size, 0, &peer.any, peer_size) < 0)
		complain("sendto");
	return 0;
}

/* An error that says something of one client only, so that the socket is kept. */
static int only_that_client(int error)
{
	static const int errors[] = {EAGAIN, EINTR, ECONNABORTED, ECONNREFUSED, ECONNRESET, EPROTO,
		ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (error == errors[i])
			return 1;
	return 0;
}

/* Returns 0 when the socket can be served further, otherwise it is closed. */
static int answer(int fd, int type)
{
	int result = type == SOCK_STREAM ? answer_stream(fd) : answer_datagram(fd);

	if (result == 0 || only_that_client(errno))
		return 0;
	complain(type == SOCK_STREAM ? "accept" : "recvfrom");
	close(fd);
	return -1;
}

/* Returns when no socket is left that could be served. */
static void serve(struct pollfd *polls, nfds_t count, int type)
{
	nfds_t left = count;

	for (nfds_t i = 0; i < count; i++)
		limit_waits(polls[i].fd);
	while (left > 0 && (poll(polls, count, -1) >= 0 || errno == EINTR)) {
		for (nfds_t i = 0; i < count; i++) {
			if (polls[i].fd < 0 || polls[i].revents == 0)
				continue;
			if (answer(polls[i].fd, type) < 0) {
				polls[i].fd = -1;
				left--;
			}
		}
	}
}

static struct wishes read_options(int argc, char **argv)
{
	struct wishes wishes = {.type = SOCK_STREAM, .serve = 1, .v6only = -1};
	int letter;

	while ((letter = getopt(argc, argv, "dnrv:")) != -1) {
		if (letter == 'd')
			wishes.type = SOCK_DGRAM;
		else if (letter == 'n')
			wishes.serve = 0;
		else if (letter == 'r')
			wishes.reuseaddr = 1;
		else if (letter == 'v' && (!strcmp(optarg, "0") || !strcmp(optarg, "1")))
			wishes.v6only = *optarg == '1';
		else
			usage();
	}
	if (argc - optind != 1)
		usage();
	return wishes;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = leave};
	struct wishes wishes = read_options(argc, argv);
	struct pollfd polls[SOCKETS];
	int failed = 0;
	nfds_t count;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	count = open_all(argv[optind], &wishes, polls, &failed);
	if (!wishes.serve)
		return failed > 0;
	if (count > 0) {
		puts("serving");
		serve(polls, count, wishes.type);
	}
	return 1;
}
