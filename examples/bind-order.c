/*
 * bind-order - what happens when IPv4 and IPv6 want one port: the whole matrix, measured.
 *
 * usage: bind-order [-01stu] [-a ADDRESS] [-p PORT]
 *
 *   -a ADDRESS  what the IPv4 socket binds, 0.0.0.0 by default; the IPv6 socket always binds ::
 *   -p PORT     use this port for every cell; by default each has a port of its own, chosen by the
 *               kernel and free for both families
 *   -0, -1      only the cells that ask for this value of IPV6_V6ONLY
 *   -s          two more columns, the SO_REUSEPORT values that the sockets are left with
 *   -t, -u      only TCP, only UDP
 *
 * Standard output is a heading and one line for each cell, in columns of fixed width that have no
 * spaces inside:
 *
 *   proto    tcp, udp
 *   first    which family is bound first: ipv4, ipv6
 *   asked    the IPV6_V6ONLY value asked for on the IPv6 socket
 *   option   set on both sockets: plain (none), reuseaddr, reuseport
 *   listen   when the first socket listens: early (before the second is bound), late (after)
 *   set      what the system said to the value asked for; a refusal is passed over
 *   bind1, bind2, listen1, listen2
 *            what the first and the second socket met
 *   client4  who gets a client of 127.0.0.1 (of ADDRESS where that is not the wildcard)
 *   client6  who gets a client of ::1
 *   v6only   the value that the IPv6 socket has in the end
 *   rp4, rp6 with -s, the SO_REUSEPORT value that the IPv4 and the IPv6 socket have in the end
 *
 * Outcomes are "ok", the name of an error, or "-" for a call that was not reached. Where a socket
 * could not be had at all its bind shows why. Clients are real ones, a TCP connection or a
 * datagram; they reach "ipv4", "ipv6" or "nobody", and "-" says that no socket was there to serve,
 * or that the system has no such clients.
 *
 * Exit status: 0 when the matrix could be measured, 1 when it could not, 2 for bad usage.
 *
 * RFC 3493 section 5.3 (IPV6_V6ONLY); socket(7) for SO_REUSEADDR and SO_REUSEPORT; tcp(7) for
 * SO_LINGER, which lets connections end without TIME_WAIT, so that no cell disturbs another.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { IPV4, IPV6, NOBODY, UNKNOWN }; /* who got a client; the first two index sides */
enum { PLAIN, REUSEADDR, REUSEPORT }; /* what both sockets have set */
enum { NOT_REACHED = -1, OK = 0 };    /* an outcome; otherwise the errno value */
enum { TRIES = 16, PATIENCE_MS = 1000, WIDE = 14 }; /* WIDE fits EADDRNOTAVAIL and a space */

struct wishes {
	struct in_addr ipv4; /* what the IPv4 socket binds */
	int port;            /* 0 for one of its own for each cell */
	int types[2];        /* SOCK_STREAM, SOCK_DGRAM; 0 for not wanted */
	int v6only[2];       /* whether the cells with this value are wanted */
	int reuseport;       /* 1 with -s */
};

struct cell {
	int type;   /* SOCK_STREAM or SOCK_DGRAM */
	int first;  /* IPV4 or IPV6 */
	int v6only; /* asked for */
	int option; /* PLAIN, REUSEADDR or REUSEPORT */
	int late;   /* both are bound before the first listens */
};

/* One of the two sockets. */
struct side {
	int fd;
	int set;    /* outcome of IPV6_V6ONLY */
	int bind;   /* outcome */
	int listen; /* outcome */
	int serves; /* 1 when clients can reach it */
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static void usage(void)
{
	fputs("usage: bind-order [-01stu] [-a ADDRESS] [-p PORT]\n", stderr);
	exit(2);
}

static void fail(const char *subject)
{
	fprintf(stderr, "bind-order: %s: %s\n", subject, strerror(errno));
	exit(1);
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

static int outcome(int result)
{
	return result < 0 ? errno : OK;
}

static const char *word(int outcome)
{
	if (outcome == NOT_REACHED)
		return "-";
	return outcome == OK ? "ok" : error_name(outcome);
}

static int family(int side)
{
	return side == IPV6 ? AF_INET6 : AF_INET;
}

/* Returns the size of the address that it makes. */
static socklen_t make_address(union address *address, int side, struct in_addr ipv4, int port)
{
	memset(address, 0, sizeof(*address));
	if (side == IPV6) {
		address->in6.sin6_family = AF_INET6;
		address->in6.sin6_port = htons((in_port_t)port);
		return sizeof(address->in6);
	}
	address->in.sin_family = AF_INET;
	address->in.sin_port = htons((in_port_t)port);
	address->in.sin_addr = ipv4;
	return sizeof(address->in);
}

/* Returns 0 for a socket that has none. */
static int port_of(const union address *address)
{
	return ntohs(
		address->any.sa_family == AF_INET6 ? address->in6.sin6_port : address->in.sin_port);
}

static int local_port(int fd)
{
	union address address;
	socklen_t size = sizeof(address);

	return getsockname(fd, &address.any, &size) < 0 ? 0 : port_of(&address);
}

/* Closing then resets the connection, and neither end stays in TIME_WAIT. */
static void leave_no_trace(int fd)
{
	struct linger at_once = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

/* A value to print, -1 when the socket has no such option. */
static int option_of(int fd, int level, int option)
{
	int value;
	socklen_t size = sizeof(value);

	return getsockopt(fd, level, option, &value, &size) < 0 ? -1 : value;
}

/* --- A port that is free for both families --- */

/* Binds and lets go. Returns the port it had, or 0 with errno set. */
static int try_port(int side, int type, int port)
{
	struct in_addr any = {.s_addr = htonl(INADDR_ANY)};
	union address address;
	socklen_t size = make_address(&address, side, any, port);
	int fd = socket(family(side), type, 0);
	int got = 0, error;

	if (fd < 0)
		return 0;
	if (bind(fd, &address.any, size) == 0)
		got = local_port(fd);
	error = errno;
	close(fd);
	errno = error;
	return got;
}

/*
 * The kernel chooses for one family, and the other must be able to bind the same. Where a family
 * cannot be bound for another reason than that the port is taken, the cell will show that.
 */
static int free_port(int type)
{
	for (int tries = 0; tries < TRIES; tries++) {
		int side = IPV4;
		int port = try_port(IPV4, type, 0);

		if (port == 0) {
			side = IPV6;
			port = try_port(IPV6, type, 0);
		}
		if (port == 0)
			return 0;
		if (try_port(side == IPV4 ? IPV6 : IPV4, type, port) != 0 || errno != EADDRINUSE)
			return port;
	}
	return 0;
}

/* --- The two sockets --- */

static void open_side(struct side *side, int which, const struct cell *cell)
{
	int on = 1;

	*side = (struct side){.set = NOT_REACHED, .bind = NOT_REACHED, .listen = NOT_REACHED};
	side->fd = socket(family(which), cell->type, 0);
	if (side->fd < 0) {
		side->bind = errno;
		return;
	}
	if (cell->option == REUSEADDR)
		setsockopt(side->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (cell->option == REUSEPORT)
		setsockopt(side->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (which == IPV6)
		side->set = outcome(setsockopt(
			side->fd, IPPROTO_IPV6, IPV6_V6ONLY, &cell->v6only, sizeof(int)));
}

static void bind_side(struct side *side, int which, const struct cell *cell,
	const struct wishes *wishes, int port)
{
	union address address;
	socklen_t size = make_address(&address, which, wishes->ipv4, port);

	open_side(side, which, cell);
	if (side->fd < 0)
		return;
	side->bind = outcome(bind(side->fd, &address.any, size));
	side->serves = side->bind == OK && cell->type == SOCK_DGRAM;
}

static void listen_side(struct side *side, const struct cell *cell)
{
	if (cell->type != SOCK_STREAM || side->bind != OK)
		return;
	side->listen = outcome(listen(side->fd, 8));
	side->serves = side->listen == OK;
}

static void set_up(
	struct side *sides, const struct cell *cell, const struct wishes *wishes, int port)
{
	int first = cell->first;
	int second = first == IPV4 ? IPV6 : IPV4;

	bind_side(&sides[first], first, cell, wishes, port);
	if (!cell->late)
		listen_side(&sides[first], cell);
	bind_side(&sides[second], second, cell, wishes, port);
	if (cell->late)
		listen_side(&sides[first], cell);
	listen_side(&sides[second], cell);
}

static void tear_down(struct side *sides)
{
	for (int which = IPV4; which <= IPV6; which++)
		if (sides[which].fd >= 0)
			close(sides[which].fd);
}

/* --- Real clients --- */

static int client_socket(int which, int type)
{
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	int fd = socket(family(which), type, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		fail("SO_SNDTIMEO");
	if (fd >= 0 && type == SOCK_STREAM)
		leave_no_trace(fd);
	return fd;
}

/* Connects to where the sockets should be. Returns 0, or -1 with errno set. */
static int reach(int fd, int which, const struct wishes *wishes, int port)
{
	struct in_addr ipv4 = wishes->ipv4;
	union address address;
	socklen_t size;

	if (ipv4.s_addr == htonl(INADDR_ANY))
		ipv4.s_addr = htonl(INADDR_LOOPBACK);
	size = make_address(&address, which, ipv4, port);
	if (which == IPV6)
		address.in6.sin6_addr = in6addr_loopback;
	return connect(fd, &address.any, size);
}

/* Whether what came to the socket is the client's: strangers may find the port too. */
static int is_connection_of(int fd, int client)
{
	union address peer = {0};
	socklen_t size = sizeof(peer);
	int connection = accept(fd, &peer.any, &size);

	if (connection < 0)
		return 0;
	leave_no_trace(connection);
	close(connection);
	return port_of(&peer) == local_port(client);
}

static int is_datagram_of(int fd, int client)
{
	union address peer = {0};
	socklen_t size = sizeof(peer);
	char byte;

	if (recvfrom(fd, &byte, 1, MSG_DONTWAIT, &peer.any, &size) < 0)
		return 0;
	return port_of(&peer) == local_port(client);
}

/* Who gets what CLIENT has sent. The client itself hears when a datagram was for nobody. */
static int receiver(const struct side *sides, int client, int type)
{
	struct pollfd polls[] = {{.events = POLLIN}, {.events = POLLIN}, {.fd = client}};

	for (int which = IPV4; which <= IPV6; which++)
		polls[which].fd = sides[which].serves ? sides[which].fd : -1;
	for (int tries = 0; tries < TRIES; tries++) {
		if (poll(polls, 3, PATIENCE_MS) <= 0)
			return NOBODY;
		for (int which = IPV4; which <= IPV6; which++)
			if (polls[which].revents & POLLIN &&
				(type == SOCK_STREAM ? is_connection_of(polls[which].fd, client)
						     : is_datagram_of(polls[which].fd, client)))
				return which;
		if (polls[2].revents & POLLERR)
			return NOBODY;
	}
	return NOBODY;
}

static int client(
	const struct side *sides, int which, int type, const struct wishes *wishes, int port)
{
	int who = UNKNOWN;
	int fd;

	if (!sides[IPV4].serves && !sides[IPV6].serves)
		return UNKNOWN;
	fd = client_socket(which, type);
	if (fd < 0)
		return UNKNOWN;
	if (reach(fd, which, wishes, port) == 0) {
		if (type == SOCK_DGRAM && send(fd, "?", 1, MSG_NOSIGNAL) < 0)
			fail("send");
		who = receiver(sides, fd, type);
	} else if (errno == ECONNREFUSED || errno == EINPROGRESS) {
		who = NOBODY;
	}
	close(fd);
	return who;
}

/* --- The matrix --- */

static void print_option(int fd, int level, int option, int width)
{
	int value = option_of(fd, level, option);

	if (value < 0)
		printf("%-*s", width, "-");
	else
		printf("%-*d", width, value);
}

static void print_heading(const struct wishes *wishes)
{
	static const char *const outcomes[] = {"set", "bind1", "bind2", "listen1", "listen2"};

	printf("%-6s%-6s%-6s%-10s%-7s", "proto", "first", "asked", "option", "listen");
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		printf("%-*s", WIDE, outcomes[i]);
	printf("%-8s%-8s%s", "client4", "client6", "v6only");
	puts(wishes->reuseport ? "  rp4  rp6" : "");
}

static void print_cell(const struct cell *cell)
{
	static const char *const options[] = {"plain", "reuseaddr", "reuseport"};
	const char *listens = cell->type == SOCK_DGRAM ? "-" : cell->late ? "late" : "early";

	printf("%-6s%-6s%-6d%-10s%-7s", cell->type == SOCK_STREAM ? "tcp" : "udp",
		cell->first == IPV4 ? "ipv4" : "ipv6", cell->v6only, options[cell->option],
		listens);
}

static void print_outcomes(const struct side *sides, const struct cell *cell)
{
	const struct side *first = &sides[cell->first];
	const struct side *second = &sides[cell->first == IPV4 ? IPV6 : IPV4];
	int outcomes[] = {
		sides[IPV6].set, first->bind, second->bind, first->listen, second->listen};

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		printf("%-*s", WIDE, word(outcomes[i]));
}

static void measure(const struct cell *cell, const struct wishes *wishes)
{
	static const char *const names[] = {"ipv4", "ipv6", "nobody", "-"};
	struct side sides[2];
	int port = wishes->port;

	for (int tries = 0; tries < TRIES; tries++) {
		if (wishes->port == 0 && (port = free_port(cell->type)) == 0)
			fail("no free port");
		set_up(sides, cell, wishes, port);
		/* Somebody else took the port since it was found to be free. */
		if (wishes->port != 0 || sides[cell->first].bind != EADDRINUSE)
			break;
		if (tries + 1 < TRIES)
			tear_down(sides);
	}
	print_cell(cell);
	print_outcomes(sides, cell);
	for (int which = IPV4; which <= IPV6; which++)
		printf("%-8s", names[client(sides, which, cell->type, wishes, port)]);
	print_option(sides[IPV6].fd, IPPROTO_IPV6, IPV6_V6ONLY, wishes->reuseport ? 8 : 0);
	if (wishes->reuseport) {
		print_option(sides[IPV4].fd, SOL_SOCKET, SO_REUSEPORT, 5);
		print_option(sides[IPV6].fd, SOL_SOCKET, SO_REUSEPORT, 0);
	}
	putchar('\n');
	tear_down(sides);
}

/* The cells of one transport: 24 for TCP, 12 for UDP, which has no listen. */
static void measure_type(int type, const struct wishes *wishes)
{
	enum { CELLS = 24 };

	for (int n = 0; n < CELLS; n++) {
		struct cell cell = {.type = type,
			.late = n % 2,
			.option = n / 2 % 3,
			.first = n / 6 % 2,
			.v6only = n / 12};

		if (wishes->v6only[cell.v6only] && !(cell.late && type == SOCK_DGRAM))
			measure(&cell, wishes);
	}
}

static int port_number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end != '\0' || value < 1 || value > 65535)
		usage();
	return (int)value;
}

static struct wishes read_options(int argc, char **argv)
{
	struct wishes wishes = {.ipv4 = {.s_addr = htonl(INADDR_ANY)}};
	int letter;

	while ((letter = getopt(argc, argv, "01a:p:stu")) != -1) {
		if (letter == '0' || letter == '1')
			wishes.v6only[letter - '0'] = 1;
		else if (letter == 'a' && inet_pton(AF_INET, optarg, &wishes.ipv4) == 1)
			continue;
		else if (letter == 'p')
			wishes.port = port_number(optarg);
		else if (letter == 's')
			wishes.reuseport = 1;
		else if (letter == 't' || letter == 'u')
			wishes.types[letter == 'u'] = letter == 't' ? SOCK_STREAM : SOCK_DGRAM;
		else
			usage();
	}
	if (optind != argc)
		usage();
	if (!wishes.v6only[0] && !wishes.v6only[1])
		wishes.v6only[0] = wishes.v6only[1] = 1;
	if (wishes.types[0] == 0 && wishes.types[1] == 0) {
		wishes.types[0] = SOCK_STREAM;
		wishes.types[1] = SOCK_DGRAM;
	}
	return wishes;
}

int main(int argc, char **argv)
{
	struct wishes wishes = read_options(argc, argv);

	setvbuf(stdout, NULL, _IOLBF, 0);
	print_heading(&wishes);
	for (int i = 0; i < 2; i++)
		if (wishes.types[i] != 0)
			measure_type(wishes.types[i], &wishes);
	return 0;
}
