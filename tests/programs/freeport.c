/*
 * freeport - a port that is free for TCP and UDP, in both address families
 *
 * usage: freeport
 *
 * Prints the port. That it is free is the kernel's word: all four sockets could be bound to it
 * without any sharing option. It lies below the ephemeral range (ip(7), ip_local_port_range): a
 * port from within would at times be taken in between as the local port of some other test's
 * client.
 *
 * Two tests that ask at the same time must not be told the same port: a counter in /tmp under a
 * lock, one for each user, goes round the whole range before a port is given again.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

/* Browsers and node refuse to talk to some ports, 10080 being the highest. */
#define FIRST  11000
#define ENOUGH 1000

static bool can_bind(int family, int type, int port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;
	socklen_t size = family == AF_INET ? sizeof(a.v4) : sizeof(a.v6);
	int fd, one = 1;
	bool ok;

	memset(&a, 0, sizeof(a));
	a.any.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		a.v4.sin_port = htons((unsigned short)port);
	else
		a.v6.sin6_port = htons((unsigned short)port);
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno == EAFNOSUPPORT;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	ok = !bind(fd, &a.any, size) && (type != SOCK_STREAM || !listen(fd, 1));
	close(fd);
	return ok;
}

static bool is_free(int port)
{
	return can_bind(AF_INET, SOCK_STREAM, port) && can_bind(AF_INET6, SOCK_STREAM, port) &&
	       can_bind(AF_INET, SOCK_DGRAM, port) && can_bind(AF_INET6, SOCK_DGRAM, port);
}

/* The range to choose from: below the ephemeral ports, or above where there is no room below. */
static void find_range(int *first, int *last)
{
	int low = 32768, high = 60999;
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

	if (f) {
		if (fscanf(f, "%d %d", &low, &high) != 2) {
			low = 32768;
			high = 60999;
		}
		fclose(f);
	}
	*first = FIRST;
	*last = low - 1;
	if (*last - *first < ENOUGH) {
		*first = high + 1;
		*last = 65535;
	}
	if (*last - *first < ENOUGH) {
		*first = FIRST;
		*last = 65535;
	}
}

static int open_counter(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/v6shim-tests-port.%ju", (uintmax_t)geteuid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		perror(path);
		exit(1);
	}
	return fd;
}

int main(void)
{
	int first, last, port, fd;
	char text[16] = "";

	find_range(&first, &last);
	fd = open_counter();
	if (pread(fd, text, sizeof(text) - 1, 0) < 0) {
		perror("freeport: counter");
		return 1;
	}
	port = atoi(text);
	/* Users have a counter each: they start apart. */
	if (port < first || port > last)
		port = first + (int)(geteuid() * 2654435761U % (unsigned)(last - first + 1));
	for (int tries = 0; tries <= last - first; tries++) {
		port = port < last ? port + 1 : first;
		if (!is_free(port))
			continue;
		snprintf(text, sizeof(text), "%-8d\n", port);
		if (pwrite(fd, text, strlen(text), 0) < 0) {
			perror("freeport: counter");
			return 1;
		}
		printf("%d\n", port);
		return 0;
	}
	fputs("freeport: none\n", stderr);
	return 1;
}
