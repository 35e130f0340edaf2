/*
 * v6only-get - the value that IPV6_V6ONLY has on a new socket, and after it was set to 1.
 *
 * usage: v6only-get
 *
 * Standard output, one line a check; errors by name:
 *
 *	stream initial: 0
 *	stream set 1: ok
 *	stream after set 1: 1
 *
 * and the same for dgram.
 *
 * Exit status: 0, or 1 when the system gives no IPv6 socket.
 *
 * RFC 3493 section 5.3: the option can be read and set, and is turned off by default.
 */
#include "common.h"

static void check(const char *type_name, int type)
{
	int fd = socket(AF_INET6, type, 0);

	if (fd < 0)
		fail("v6only-get", "socket");
	printf("%s initial: %s\n", type_name, v6only(fd));
	printf("%s set 1: %s\n", type_name, outcome(set_v6only(fd, 1)));
	printf("%s after set 1: %s\n", type_name, v6only(fd));
	close(fd);
}

int main(void)
{
	check("stream", SOCK_STREAM);
	check("dgram", SOCK_DGRAM);
	return 0;
}
