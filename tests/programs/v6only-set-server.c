/*
 * v6only-set-server - an IPv4 server has a port; who can have the same port for IPv6.
 *
 * usage: v6only-set-server
 *
 * An IPv4 socket listens on the wildcard address and a port that the kernel chose. Two IPv6
 * sockets, one after the other, try for the same port on ::, with IPV6_V6ONLY 0 and with 1. Standard
 * output, one line a check; errors by name, "-" for a call that was not reached:
 *
 *	ipv4 bind: ok
 *	ipv4 listen: ok
 *	ipv6 with 0, set: ok
 *	ipv6 with 0, bind: EADDRINUSE
 *	ipv6 with 0, listen: -
 *	ipv6 with 0, reads: 0
 *
 * and the same for 1. A refused set is said and passed over.
 *
 * Exit status: 0, or 1 when the system gives no sockets.
 *
 * RFC 3493 section 5.3: with the option on, the same port can be bound for both families.
 */
#include "common.h"

enum { BACKLOG = 8 };

static int open_socket(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		fail("v6only-set-server", "socket");
	return fd;
}

static void try_ipv6(int value, unsigned port)
{
	int fd = open_socket(AF_INET6);
	int bound;

	printf("ipv6 with %d, set: %s\n", value, outcome(set_v6only(fd, value)));
	bound = bind_to(fd, AF_INET6, NULL, port);
	printf("ipv6 with %d, bind: %s\n", value, outcome(bound));
	printf("ipv6 with %d, listen: %s\n", value,
		bound == 0 ? outcome(listen(fd, BACKLOG)) : "-");
	printf("ipv6 with %d, reads: %s\n", value, v6only(fd));
	close(fd);
}

int main(void)
{
	int fd = open_socket(AF_INET);

	printf("ipv4 bind: %s\n", outcome(bind_to(fd, AF_INET, NULL, 0)));
	printf("ipv4 listen: %s\n", outcome(listen(fd, BACKLOG)));
	try_ipv6(0, local_port(fd));
	try_ipv6(1, local_port(fd));
	close(fd);
	return 0;
}
