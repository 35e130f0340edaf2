/*
 * bystander.c - another preloaded library, which opens a listener in its constructor and one in its
 * destructor.
 *
 * Standard output has "bystander constructor: v6only 1" and the same of the destructor, or the name of the
 * error of what failed; "errno changed" where a call that succeeded changed it.
 */
#include "../common.h"

enum { SENTINEL = 4711 };

static void open_listener(const char *when)
{
	int fd, on = 1;

	errno = SENTINEL;
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (set_v6only(fd, 0) < 0 || bind_to(fd, AF_INET6, NULL, 0) < 0 || listen(fd, 8) < 0)
		dprintf(STDOUT_FILENO, "bystander %s: %s\n", when, error_name(errno));
	else
		dprintf(STDOUT_FILENO, "bystander %s: %s %s\n", when,
			errno == SENTINEL ? "v6only" : "errno changed", v6only(fd));
	close(fd);
}

__attribute__((constructor)) static void first(void)
{
	open_listener("constructor");
}

__attribute__((destructor)) static void last(void)
{
	open_listener("destructor");
}
