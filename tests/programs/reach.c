/*
 * reach - does a port serve an address family
 *
 * usage: reach [-t MILLISECONDS] 4|6|ADDRESS tcp|udp PORT [MESSAGE]
 *
 * 4 is 127.0.0.1 and 6 is ::1. Prints one word:
 *
 *	served		TCP: the connection stands. UDP: a datagram came back
 *	refused		ECONNREFUSED
 *	timeout		no answer within MILLISECONDS (default 2000)
 *	closed, reset	TCP with MESSAGE: the connection ended before an answer
 *	error NAME	any other errno, e.g. `error ENETUNREACH`
 *
 * With MESSAGE it is sent (TCP: as a line) and an answer must come: the first line of it follows
 * `served`. Without, UDP sends `v6shim`. Exit status 0 whatever the outcome, 2 for bad usage.
 *
 * Nothing on the loopback listens to a datagram: the socket is connected, so the ICMP error comes
 * back as ECONNREFUSED (ip(7), ipv6(7)).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static long limit_ms = 2000;
static long long deadline;

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int outcome(const char *word)
{
	puts(word);
	return 0;
}

static int failure(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return outcome("refused");
	case ECONNRESET:
	case EPIPE:
		return outcome("reset");
	case ETIMEDOUT:
	case EAGAIN:
		return outcome("timeout");
	}
	printf("error %s\n", strerrorname_np(error));
	return 0;
}

/* 0, or -1 with errno ETIMEDOUT. */
static int await(int fd, short what)
{
	struct pollfd p = {.fd = fd, .events = what};
	long long left;
	int n;

	do {
		left = deadline - now_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0 ? 0 : -1;
}

static int start_connect(int fd, const union address *to, socklen_t size)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (!connect(fd, &to->any, size))
		return 0;
	if (errno != EINPROGRESS || await(fd, POLLOUT))
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n))
		return -1;
	errno = error;
	return error ? -1 : 0;
}

/*
 * Where nobody listens on a port of the ephemeral range, TCP may connect a socket to itself
 * (simultaneous open): that is nobody's service.
 */
static bool met_itself(int fd)
{
	union address here, there;
	socklen_t nhere = sizeof(here), nthere = sizeof(there);

	memset(&here, 0, sizeof(here));
	memset(&there, 0, sizeof(there));
	return !getsockname(fd, &here.any, &nhere) && !getpeername(fd, &there.any, &nthere) &&
	       nhere == nthere && !memcmp(&here, &there, nhere);
}

static int send_message(int fd, const char *message, bool stream)
{
	char line[4096];
	int n = snprintf(line, sizeof(line), stream ? "%s\n" : "%s", message);

	if (n < 0 || (size_t)n >= sizeof(line)) {
		errno = EMSGSIZE;
		return -1;
	}
	return send(fd, line, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -1;
}

/* The length of the first line of what came, 0 at the end of the stream, or -1. */
static ssize_t receive_line(int fd, char *line, size_t size, bool stream)
{
	size_t have = 0;
	ssize_t n;

	do {
		if (await(fd, POLLIN))
			return -1;
		n = recv(fd, line + have, size - have, 0);
		if (n < 0)
			return -1;
		have += (size_t)n;
	} while (stream && n > 0 && have < size && !memchr(line, '\n', have));
	for (size_t i = 0; i < have; i++) {
		if (line[i] == '\n')
			return (ssize_t)i;
		if (line[i] < ' ' || line[i] > '~')
			line[i] = line[i] == '\r' ? ' ' : '?';
	}
	return (ssize_t)have;
}

static int reach(const union address *to, socklen_t size, bool stream, const char *message)
{
	char line[4096];
	ssize_t n;
	int fd;

	fd = socket(to->any.sa_family,
		(stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return failure(errno);
	if (start_connect(fd, to, size))
		return failure(errno);
	if (stream && met_itself(fd))
		return outcome("refused");
	if (stream && !message)
		return outcome("served");
	if (send_message(fd, message ? message : "v6shim", stream))
		return failure(errno);
	n = receive_line(fd, line, sizeof(line), stream);
	if (n < 0)
		return failure(errno);
	if (n == 0 && stream)
		return outcome("closed");
	if (!message || n == 0)
		return outcome("served");
	while (n > 0 && line[n - 1] == ' ')
		n--;
	printf("served %.*s\n", (int)n, line);
	return 0;
}

/* The size of the address, or 0. */
static socklen_t parse_address(const char *text, int port, union address *to)
{
	memset(to, 0, sizeof(*to));
	if (!strcmp(text, "4"))
		text = "127.0.0.1";
	else if (!strcmp(text, "6"))
		text = "::1";
	if (inet_pton(AF_INET, text, &to->v4.sin_addr) == 1) {
		to->v4.sin_family = AF_INET;
		to->v4.sin_port = htons((unsigned short)port);
		return sizeof(to->v4);
	}
	if (inet_pton(AF_INET6, text, &to->v6.sin6_addr) == 1) {
		to->v6.sin6_family = AF_INET6;
		to->v6.sin6_port = htons((unsigned short)port);
		return sizeof(to->v6);
	}
	return 0;
}

static long number(const char *text, long max)
{
	char *end;
	long n = strtol(text, &end, 10);

	return end == text || *end || n < 1 || n > max ? 0 : n;
}

int main(int argc, char **argv)
{
	union address to;
	socklen_t size = 0;
	bool stream = false, ok = true;
	int opt;

	while ((opt = getopt(argc, argv, "+t:")) != -1)
		ok = ok && opt == 't' && (limit_ms = number(optarg, 600000));
	argc -= optind;
	argv += optind;
	ok = ok && (argc == 3 || argc == 4) && number(argv[2], 65535);
	if (ok) {
		size = parse_address(argv[0], (int)number(argv[2], 65535), &to);
		stream = !strcmp(argv[1], "tcp");
		ok = size && (stream || !strcmp(argv[1], "udp"));
	}
	if (!ok) {
		fputs("usage: reach [-t MILLISECONDS] 4|6|ADDRESS tcp|udp PORT [MESSAGE]\n",
			stderr);
		return 2;
	}
	deadline = now_ms() + limit_ms;
	return reach(&to, size, stream, argv[3]);
}
