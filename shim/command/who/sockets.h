/*
 * The sockets that hold ports in this network namespace, and the processes that hold those.
 */
#pragma once

#include "../../core/diag.h"

/* A descriptor of a process that is a socket. */
struct v6_holding {
	uint64_t inode;
	int pid;
	int fd;
	const char *program; /* /proc/PID/comm; any bytes, of v6_keep */
	const char *via;     /* how v6shim governs it, in words; NULL: it does not */
};

extern struct v6_sockets {
	/*
	 * TCP, MPTCP, SCTP and DCCP that listen, TCP that is bound and does not, UDP and UDPLITE
	 * without a peer. By port space (that of MPTCP is TCP's), port, family, then address.
	 */
	struct v6_diag_socket *list;
	size_t count;
	/*
	 * 0, or the errno that sock_diag gave where /proc/net had to do: there is no V6ONLY and no
	 * cookie then, and only what listens or is UDP.
	 */
	int no_diag;
	bool moving; /* they changed all the time: some may be missing */
	/* Sorted by inode, process, descriptor. */
	struct v6_holding *holdings;
	size_t held;
	bool unreadable; /* there are processes that this user may not look into */
	bool no_proc;    /* no process could be looked into */
} v6_sockets;

/*
 * Fills it in with those of one port (host order; 0: all), and who has them by one pass over
 * /proc/PID/fd. 0, or the negated errno where nothing tells of TCP or UDP.
 */
int v6_sockets_find(uint16_t port);

/* Whether both have one port of one protocol, TCP and MPTCP being one. */
bool v6_sockets_same_port(const struct v6_diag_socket *a, const struct v6_diag_socket *b);

/* The first holding of a socket, where there is one; those of other inodes follow it. */
const struct v6_holding *v6_holders_of(const struct v6_diag_socket *socket);
