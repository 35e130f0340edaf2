/*
 * freeport - prints a port that is free for TCP and UDP, in both address families
 *
 * That it is free is the kernel's word: all four sockets could be bound to it without any sharing
 * option. It lies below the ephemeral range (ip(7), ip_local_port_range): a port from within would at
 * times be taken in between as the local port of some other test's client.
 *
 * Two tests that ask at the same time must not be told the same port: a counter in /tmp under a lock,
 * one for each user, goes round the whole range before a port is given again.
 */
#include "common.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/file.h>

/* Browsers and node refuse to talk to some ports, 10080 being the highest. */
enum { FIRST = 11000, ENOUGH = 1000 };

static bool can_bind(int family, int type, unsigned port)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return errno == EAFNOSUPPORT;
	if (family == AF_INET6)
		set_v6only(fd, 1);
	ok = !bind_to(fd, family, NULL, port) && (type != SOCK_STREAM || !listen(fd, 1));
	close(fd);
	return ok;
}

int main(void)
{
	unsigned first = FIRST, low = 0, high = 0, last, port, tries;
	FILE *range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	char path[64], text[16] = "";
	int fd;

	if (range == NULL || fscanf(range, "%u %u", &low, &high) != 2)
		low = 32768, high = 60999;
	/* Above the ephemeral ports where there is no room below, and anywhere where there is neither. */
	last = low - 1;
	if (low < FIRST + ENOUGH) {
		last = 65535;
		first = high + ENOUGH < last ? high + 1 : FIRST;
	}
	snprintf(path, sizeof(path), "/tmp/v6shim-tests-port.%ju", (uintmax_t)geteuid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) || pread(fd, text, sizeof(text) - 1, 0) < 0)
		fail("freeport", path);
	port = (unsigned)atoi(text);
	/* Users have a counter each: they start apart. */
	if (port < first || port > last)
		port = first + geteuid() * 2654435761U % (last - first + 1);
	for (tries = 0; tries <= last - first; tries++) {
		port = port < last ? port + 1 : first;
		if (!can_bind(AF_INET, SOCK_STREAM, port) ||
			!can_bind(AF_INET6, SOCK_STREAM, port) ||
			!can_bind(AF_INET, SOCK_DGRAM, port) ||
			!can_bind(AF_INET6, SOCK_DGRAM, port))
			continue;
		snprintf(text, sizeof(text), "%-8u\n", port);
		if (pwrite(fd, text, strlen(text), 0) < 0)
			fail("freeport", path);
		printf("%u\n", port);
		return 0;
	}
	fputs("freeport: none\n", stderr);
	return 1;
}
