/*
 * This process's own sockets, as the kernel has them at this moment.
 */
#ifndef V6_DESCRIPTORS_H
#define V6_DESCRIPTORS_H

#include "../core/address.h"

struct v6_own_socket {
	int fd;
	struct v6_address address; /* bound to */
	int8_t v6only;             /* V6_UNKNOWN for AF_INET */
};

/* false ends the walk. */
typedef bool (*v6_own_visit)(const struct v6_own_socket *s, void *context);

/*
 * Visits every IPv4 or IPv6 socket of this process that has the port, has no
 * peer (no accepted connection), and whose protocol shares ports with `proto`
 * (v6_port_space); `except` is left out. One system call a descriptor, a few
 * more for each that has the port; at most V6_DESCRIPTORS_MAX descriptors.
 */
enum { V6_DESCRIPTORS_MAX = 1 << 20 };
void v6_own_sockets(int proto, uint16_t port, int except, v6_own_visit visit, void *context);

/*
 * Walks a directory of /proc whose names are numbers; false where it cannot be
 * read. `visit` returns false to end the walk.
 */
bool v6_proc_numbers(const char *path, bool (*visit)(int number, void *context), void *context);

#endif
