/*
 * The sockets that hold ports in this network namespace, and the processes that hold those.
 */
#ifndef V6_SOCKETS_H
#define V6_SOCKETS_H

#include "../../core/diag.h"

/* Starts as {0}. */
struct v6_sockets {
	/*
	 * TCP, MPTCP, SCTP and DCCP that listen, TCP that is bound and does not, UDP and UDPLITE
	 * without a peer. By port space (that of MPTCP is TCP's), port, family, then address.
	 */
	struct v6_diag_socket *list;
	size_t count, room;
	/*
	 * 0, or the errno that sock_diag gave where /proc/net had to do: there is no V6ONLY and no
	 * cookie then, and only what listens or is UDP.
	 */
	int no_diag;
	bool moving; /* they changed all the time: some may be missing */
};

/* Those of one port (host order; 0: all). 0, or the negated errno where nothing tells of TCP or UDP. */
int v6_sockets_find(struct v6_sockets *s, uint16_t port);

/* Whether it gets what clients send: it listens, or is a datagram socket. */
bool v6_socket_serving(const struct v6_diag_socket *socket);

/* A descriptor of a process that is a socket. */
struct v6_holding {
	uint64_t inode;
	int pid;
	int fd;
	const char *program; /* /proc/PID/comm; any bytes, of v6_keep */
	const char *via;     /* how v6shim governs it, in words; NULL: it does not */
};

/* Sorted by inode, process, descriptor. Starts as {0}. */
struct v6_holders {
	struct v6_holding *list;
	size_t count, room;
	bool unreadable; /* there are processes that this user may not look into */
};

/* One pass over /proc/PID/fd. False: /proc cannot be read. */
bool v6_holders_find(struct v6_holders *h);

/* The holdings of one socket, *count of them. */
const struct v6_holding *v6_holders_of(const struct v6_holders *h, uint64_t inode, size_t *count);

#endif
