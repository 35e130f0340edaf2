/*
 * bystander.c - another preloaded library, which opens a listener in its constructor and one in its
 * destructor.
 *
 * Standard output has "bystander constructor: v6only 1" and the same of the destructor, or the
 * errno, as a number, of what failed; "errno changed" where a call that succeeded changed it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SENTINEL = 4711 };

static void open_listener(const char *when)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	int fd, on = 1, off = 0, value = -1, error;
	socklen_t size = sizeof(value);

	errno = SENTINEL;
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
		bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 8) < 0 ||
		getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &size) < 0) {
		dprintf(STDOUT_FILENO, "bystander %s: errno %d\n", when, errno);
		return;
	}
	error = errno;
	close(fd);
	dprintf(STDOUT_FILENO, "bystander %s: %s %d\n", when,
		error == SENTINEL ? "v6only" : "errno changed", value);
}

__attribute__((constructor)) static void first(void)
{
	open_listener("constructor");
}

__attribute__((destructor)) static void last(void)
{
	open_listener("destructor");
}
