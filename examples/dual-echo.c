/*
 * dual-echo - the classic dual-stack server: one IPv6 socket that takes clients of both families.
 *
 * usage: dual-echo [-v 0|1] [PORT]
 *
 *   -v 0|1  set IPV6_V6ONLY to this before bind; without -v the option is left as the system has it
 *   PORT    3005 by default; 0 lets the kernel choose
 *
 * Standard output:
 *
 *	listening on port 3005
 *	client ::ffff:127.0.0.1 port 40112
 *
 * Each client sends 250 bytes and gets them back. Clients are served one after another; one that
 * closes early, or is silent for ten seconds, is reported on standard error and survived.
 *
 * Exit status: 0 at SIGTERM or SIGINT, 1 when there is nothing to serve with, 2 for bad usage.
 *
 * RFC 3493 section 3.7 (an IPv4 client of an IPv6 socket has a v4-mapped address) and section 5.3
 * (IPV6_V6ONLY); socket(7) for SO_RCVLOWAT and SO_SNDTIMEO; accept(2) for the errors
 * that belong to a connection rather than to the listening socket.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MESSAGE = 250, PATIENCE = 10, DEFAULT_PORT = 3005, BACKLOG = 64 };

static void usage(void)
{
	fputs("usage: dual-echo [-v 0|1] [PORT]\n", stderr);
	exit(2);
}

static void fail(const char *subject)
{
	fprintf(stderr, "dual-echo: %s: %s\n", subject, strerror(errno));
	exit(1);
}

/* Every line of output has been written by the time it ends, so there is nothing to flush. */
static void leave(int signal_number)
{
	(void)signal_number;
	_exit(0);
}

/* Reads TEXT as a number from 0 to MOST. */
static int number(const char *text, long most)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end != '\0' || value < 0 || value > most)
		usage();
	return (int)value;
}

static void set_option(
	int fd, int level, int option, const void *value, socklen_t size, const char *name)
{
	if (setsockopt(fd, level, option, value, size) < 0)
		fail(name);
}

/* V6ONLY is -1 to leave the option alone. */
static int listener(int port, int v6only)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
	int on = 1;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd < 0)
		fail("socket");
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on), "SO_REUSEADDR");
	if (v6only >= 0)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only), "IPV6_V6ONLY");
	address.sin6_port = htons((in_port_t)port);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("bind");
	if (listen(fd, BACKLOG) < 0)
		fail("listen");
	return fd;
}

static unsigned local_port(int fd)
{
	struct sockaddr_in6 address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		fail("getsockname");
	return ntohs(address.sin6_port);
}

/* One client that does not read must not keep the others waiting for ever. */
static int set_marks(int fd)
{
	struct timeval patience = {.tv_sec = PATIENCE};
	int whole = MESSAGE;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &whole, sizeof(whole));
}

static void complain(const char *client, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "dual-echo: client %s: ", client);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

/* A short message: the client ended, or time was up; only another look tells which. */
static void complain_of_short(const char *client, int fd, ssize_t got)
{
	char more;
	ssize_t then = recv(fd, &more, 1, MSG_DONTWAIT);
	const char *why = then == 0 ? "closed" : "silent";

	if (then < 0 && errno != EAGAIN)
		why = strerror(errno);
	complain(client, "%s after %zd of %d bytes", why, got, MESSAGE);
}

/*
 * poll honours SO_RCVLOWAT: the socket is readable once the whole message is there. A recv that
 * blocks would not do: what it took early no longer counts towards the mark, and it would sleep on.
 */
static ssize_t receive(int fd, char *message)
{
	struct pollfd whole = {.fd = fd, .events = POLLIN};
	ssize_t got;

	if (poll(&whole, 1, PATIENCE * 1000) < 0)
		return -1;
	got = recv(fd, message, MESSAGE, MSG_DONTWAIT);
	return got < 0 && errno == EAGAIN ? 0 : got;
}

static void echo(const char *client, int fd)
{
	char message[MESSAGE];
	ssize_t got = receive(fd, message);

	if (got < 0)
		complain(client, "recv: %s", strerror(errno));
	else if (got < MESSAGE)
		complain_of_short(client, fd, got);
	else if (send(fd, message, sizeof(message), MSG_NOSIGNAL) < 0)
		complain(client, "send: %s", strerror(errno));
}

static void serve(int fd, const struct sockaddr_in6 *peer)
{
	char address[INET6_ADDRSTRLEN] = "?";
	char client[INET6_ADDRSTRLEN + sizeof(" port 65535")];

	inet_ntop(AF_INET6, &peer->sin6_addr, address, sizeof(address));
	snprintf(client, sizeof(client), "%s port %u", address, (unsigned)ntohs(peer->sin6_port));
	printf("client %s\n", client);
	if (set_marks(fd) == 0)
		echo(client, fd);
	else
		complain(client, "setsockopt: %s", strerror(errno));
	close(fd);
}

/* Linux hands on by accept what befell the connection itself; the listening socket is sound. */
static int only_that_connection(int error)
{
	static const int errors[] = {ECONNABORTED, EINTR, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN,
		EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (error == errors[i])
			return 1;
	return 0;
}

static void serve_all(int fd)
{
	for (;;) {
		struct sockaddr_in6 peer = {0};
		socklen_t size = sizeof(peer);
		int client = accept(fd, (struct sockaddr *)&peer, &size);

		if (client >= 0)
			serve(client, &peer);
		else if (!only_that_connection(errno))
			fail("accept");
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = leave};
	int v6only = -1;
	int letter, fd;

	while ((letter = getopt(argc, argv, "v:")) != -1) {
		if (letter != 'v')
			usage();
		v6only = number(optarg, 1);
	}
	if (argc - optind > 1)
		usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	fd = listener(optind < argc ? number(argv[optind], 65535) : DEFAULT_PORT, v6only);
	printf("listening on port %u\n", local_port(fd));
	serve_all(fd);
}
