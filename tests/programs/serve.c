/*
 * serve - a small server that does as it is told, for end-to-end tests.
 *
 * usage: serve [-46LRrtux] [-a ADDRESS] [-P mptcp] [-p PORT] [-v 0|1]
 *
 *   -t, -u      stream, which is the default, or datagram socket
 *   -4, -6      family; IPv6 is the default
 *   -a ADDRESS  what to bind, the wildcard address by default
 *   -p PORT     0 by default: the kernel chooses
 *   -v 0|1      set IPV6_V6ONLY before bind; without -v it is left alone
 *   -r, -R      set SO_REUSEADDR, SO_REUSEPORT
 *   -L          listen without bind
 *   -P mptcp    the socket's protocol is IPPROTO_MPTCP
 *   -x          exit once the value of IPV6_V6ONLY is printed
 *
 * Standard output has a line for each call, in this order; lines of calls not made are absent:
 *
 *	socket ok
 *	REUSEADDR ok
 *	REUSEPORT ok
 *	V6ONLY 0 ok
 *	bind ok
 *	listen ok
 *	port 4321
 *	v6only 0
 *	ready
 *
 * "v6only" is what getsockopt says after all, "-" on an IPv4 socket. Where a call fails, its line
 * has the name of the error ("bind EADDRINUSE"); what is left to print is then "v6only" alone, with
 * the value that the socket is left with.
 *
 * Each TCP client gets the line "ipv4" or "ipv6", by the family of its address (v4-mapped is ipv4),
 * and is closed; each datagram is answered by the same. The end of standard input means nothing.
 *
 * Exit status: 0 at SIGTERM or SIGINT, and with -x when nothing failed; 1 when a call failed; 2 for
 * bad usage.
 *
 * RFC 3493 sections 3.7 and 5.3; RFC 8684 (MPTCP); socket(7); listen(2).
 */
#include "common.h"
#include <signal.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { BACKLOG = 64 };

struct wishes {
	int type, family, protocol;
	const char *address;
	unsigned port;
	int v6only; /* -1 to leave it alone */
	int reuseaddr, reuseport, without_bind, exit;
};

static void usage(void)
{
	fputs("usage: serve [-46LRrtux] [-a ADDRESS] [-P mptcp] [-p PORT] [-v 0|1]\n", stderr);
	exit(2);
}

/* Every line of output has been written by the time it ends, so there is nothing to flush. */
static void leave(int signal_number)
{
	(void)signal_number;
	_exit(0);
}

static void print_v6only(int fd, const struct wishes *wishes)
{
	printf("v6only %s\n", wishes->family == AF_INET6 ? v6only(fd) : "-");
}

/* Prints what a call came to, and ends where it failed. */
static void step(int fd, const struct wishes *wishes, const char *call, int result)
{
	printf("%s %s\n", call, outcome(result));
	if (result >= 0)
		return;
	if (fd >= 0)
		print_v6only(fd, wishes);
	exit(1);
}

static int switch_on(int fd, int option)
{
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, option, &on, sizeof(on));
}

static int set_up(const struct wishes *wishes)
{
	int fd = socket(wishes->family, wishes->type, wishes->protocol);

	step(fd, wishes, "socket", fd);
	if (wishes->reuseaddr)
		step(fd, wishes, "REUSEADDR", switch_on(fd, SO_REUSEADDR));
	if (wishes->reuseport)
		step(fd, wishes, "REUSEPORT", switch_on(fd, SO_REUSEPORT));
	if (wishes->v6only >= 0)
		step(fd, wishes, wishes->v6only ? "V6ONLY 1" : "V6ONLY 0",
			set_v6only(fd, wishes->v6only));
	if (!wishes->without_bind)
		step(fd, wishes, "bind",
			bind_to(fd, wishes->family, wishes->address, wishes->port));
	if (wishes->type == SOCK_STREAM)
		step(fd, wishes, "listen", listen(fd, BACKLOG));
	printf("port %u\n", local_port(fd));
	print_v6only(fd, wishes);
	return fd;
}

static const char *family_of(const union address *peer)
{
	if (peer->any.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&peer->in6.sin6_addr))
		return "ipv6\n";
	return "ipv4\n";
}

/* What a client has sent unread would turn close into a reset that overtakes the answer. */
static void close_gently(int fd)
{
	struct timeval moment = {.tv_usec = 200000};
	char rest[512];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment));
	shutdown(fd, SHUT_WR);
	for (int reads = 0; reads < 16 && recv(fd, rest, sizeof(rest), 0) > 0; reads++)
		;
	close(fd);
}

/* An error that says something of one client only. */
static int only_that_client(int error)
{
	static const int errors[] = {EAGAIN, EINTR, ECONNABORTED, ECONNREFUSED, ECONNRESET, EPROTO,
		ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (error == errors[i])
			return 1;
	return 0;
}

static int answer_stream(int fd)
{
	union address peer = {0};
	socklen_t size = sizeof(peer);
	int client = accept(fd, &peer.any, &size);

	if (client < 0)
		return -1;
	limit_waits(client);
	/* A client that has gone has no use for the answer. */
	if (send(client, family_of(&peer), 5, MSG_NOSIGNAL) < 0 && !only_that_client(errno))
		fprintf(stderr, "serve: send: %s\n", strerror(errno));
	close_gently(client);
	return 0;
}

static int answer_datagram(int fd)
{
	union address peer = {0};
	socklen_t size = sizeof(peer);
	char question;

	if (recvfrom(fd, &question, 1, 0, &peer.any, &size) < 0)
		return -1;
	if (sendto(fd, family_of(&peer), 5, 0, &peer.any, size) < 0)
		fprintf(stderr, "serve: sendto: %s\n", strerror(errno));
	return 0;
}

static void answer_all(int fd, int type)
{
	int result;

	do
		result = type == SOCK_STREAM ? answer_stream(fd) : answer_datagram(fd);
	while (result == 0 || only_that_client(errno));
	fail("serve", type == SOCK_STREAM ? "accept" : "recvfrom");
}

static unsigned number(const char *text, unsigned long most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value > most)
		usage();
	return (unsigned)value;
}

static int protocol(const char *name)
{
	if (strcmp(name, "mptcp") != 0)
		usage();
	return IPPROTO_MPTCP;
}

static void read_option(int letter, struct wishes *wishes)
{
	switch (letter) {
	case 't':
	case 'u':
		wishes->type = letter == 't' ? SOCK_STREAM : SOCK_DGRAM;
		break;
	case '4':
	case '6':
		wishes->family = letter == '4' ? AF_INET : AF_INET6;
		break;
	case 'a':
		wishes->address = optarg;
		break;
	case 'p':
		wishes->port = number(optarg, 65535);
		break;
	case 'v':
		wishes->v6only = (int)number(optarg, 1);
		break;
	case 'r':
		wishes->reuseaddr = 1;
		break;
	case 'R':
		wishes->reuseport = 1;
		break;
	case 'L':
		wishes->without_bind = 1;
		break;
	case 'P':
		wishes->protocol = protocol(optarg);
		break;
	case 'x':
		wishes->exit = 1;
		break;
	default:
		usage();
	}
}

static struct wishes read_options(int argc, char **argv)
{
	struct wishes wishes = {.type = SOCK_STREAM, .family = AF_INET6, .v6only = -1};
	union address address;
	int letter;

	while ((letter = getopt(argc, argv, "46LP:Ra:p:rtuv:x")) != -1)
		read_option(letter, &wishes);
	if (optind != argc || make_address(&address, wishes.family, wishes.address, 0) == 0)
		usage();
	return wishes;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = leave};
	struct wishes wishes = read_options(argc, argv);
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	fd = set_up(&wishes);
	if (wishes.exit)
		return 0;
	puts("ready");
	answer_all(fd, wishes.type);
}
