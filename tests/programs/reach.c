/*
 * reach - does a port serve an address family
 *
 * usage: reach [-t MILLISECONDS] 4|6|ADDRESS tcp|udp PORT [MESSAGE]
 *
 * 4 is 127.0.0.1 and 6 is ::1. Prints one word:
 *
 *	served		TCP: the connection stands. UDP: a datagram came back
 *	refused		ECONNREFUSED
 *	timeout		no answer within MILLISECONDS (default 2000) of a step
 *	closed, reset	TCP with MESSAGE: the connection ended before an answer
 *	error NAME	any other errno, e.g. `error ENETUNREACH`
 *
 * With MESSAGE it is sent (TCP: as a line) and an answer must come: the first line of it follows
 * `served`. Without, UDP sends `v6shim`. Exit status 0 whatever the outcome, 2 for bad usage.
 *
 * Nothing on the loopback listens to a datagram: the socket is connected, so the ICMP error comes
 * back as ECONNREFUSED (ip(7), ipv6(7)).
 */
#include "common.h"

static int outcome_of(int error)
{
	if (error == ECONNREFUSED)
		puts("refused");
	else if (error == ECONNRESET || error == EPIPE)
		puts("reset");
	else if (error == ETIMEDOUT || error == EAGAIN || error == EINPROGRESS)
		puts("timeout");
	else
		printf("error %s\n", error_name(error));
	return 0;
}

/*
 * Where nobody listens on a port of the ephemeral range, TCP may connect a socket to itself
 * (simultaneous open): that is nobody's service.
 */
static int met_itself(int fd)
{
	union address here = {0}, there = {0};
	socklen_t nhere = sizeof(here), nthere = sizeof(there);

	return getsockname(fd, &here.any, &nhere) == 0 &&
	       getpeername(fd, &there.any, &nthere) == 0 && nhere == nthere &&
	       memcmp(&here, &there, nhere) == 0;
}

int main(int argc, char **argv)
{
	char line[4096];
	struct timeval limit = {.tv_sec = PATIENCE_S};
	const char *address;
	int stream, family, fd;
	size_t have = 0;
	ssize_t n = 0;

	if (argc > 2 && strcmp(argv[1], "-t") == 0) {
		limit = (struct timeval){atoi(argv[2]) / 1000, atoi(argv[2]) % 1000 * 1000};
		argv += 2;
		argc -= 2;
	}
	if (argc < 4 || argc > 5) {
		fputs("usage: reach [-t MILLISECONDS] 4|6|ADDRESS tcp|udp PORT [MESSAGE]\n",
			stderr);
		return 2;
	}
	address = strcmp(argv[1], "4") == 0   ? "127.0.0.1"
		  : strcmp(argv[1], "6") == 0 ? "::1"
					      : argv[1];
	family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	stream = strcmp(argv[2], "tcp") == 0;
	fd = socket(family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect_to(fd, family, address, (unsigned)atoi(argv[3])) < 0)
		return outcome_of(errno);
	if (stream && met_itself(fd))
		return outcome_of(ECONNREFUSED);
	if (stream && argv[4] == NULL)
		return puts("served") < 0;
	snprintf(line, sizeof(line), stream ? "%s\n" : "%s", argv[4] != NULL ? argv[4] : "v6shim");
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		return outcome_of(errno);
	/* A datagram, or the first line of the stream. */
	do {
		n = recv(fd, line + have, sizeof(line) - 1 - have, 0);
		if (n < 0)
			return outcome_of(errno);
		have += (size_t)n;
	} while (stream && n > 0 && have < sizeof(line) - 1 && memchr(line, '\n', have) == NULL);
	line[have] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (stream && have == 0)
		return puts("closed") < 0;
	for (char *c = line; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	printf(argv[4] != NULL && *line != '\0' ? "served %s\n" : "served\n", line);
	return 0;
}
