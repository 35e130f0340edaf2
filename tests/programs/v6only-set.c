/*
 * v6only-set - IPV6_V6ONLY reads back what it was set to, 1 and 0 on one socket, in both orders.
 *
 * usage: v6only-set
 *
 * Standard output, one line a check; errors by name:
 *
 *	stream 1 then 0, set 1: ok
 *	stream 1 then 0, after set 1: 1
 *	stream 1 then 0, set 0: ok
 *	stream 1 then 0, after set 0: 0
 *	stream 0 then 1, set 0: ok
 *
 * and so on, and the same for dgram.
 *
 * Exit status: 0, or 1 when the system gives no IPv6 socket.
 *
 * RFC 3493 section 5.3.
 */
#include "common.h"

static void check(const char *type_name, int type, int first)
{
	int fd = socket(AF_INET6, type, 0);

	if (fd < 0)
		fail("v6only-set", "socket");
	for (int step = 0; step < 2; step++) {
		int value = step == 0 ? first : !first;

		printf("%s %d then %d, set %d: %s\n", type_name, first, !first, value,
			outcome(set_v6only(fd, value)));
		printf("%s %d then %d, after set %d: %s\n", type_name, first, !first, value,
			v6only(fd));
	}
	close(fd);
}

int main(void)
{
	check("stream", SOCK_STREAM, 1);
	check("stream", SOCK_STREAM, 0);
	check("dgram", SOCK_DGRAM, 1);
	check("dgram", SOCK_DGRAM, 0);
	return 0;
}
