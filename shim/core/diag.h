/*
 * sock_diag requests and answers as bytes: what the kernel says of all sockets
 * of a protocol. sock_diag(7), linux/inet_diag.h, net/ipv4/inet_diag.c.
 *
 * Pure: the caller makes the netlink socket, sends the request and receives the answer, which may
 * come in several parts (govern/facts.c). A part that was cut comes out as V6_DIAG_ERROR, and is
 * never read beyond its end.
 */
#pragma once

#include "terms.h"

enum { V6_NETLINK_SOCK_DIAG = 4 }; /* linux/netlink.h */

/* What holds every request. */
enum { V6_DIAG_REQUEST_SIZE = 80 };

/*
 * A receive buffer that holds every part: the first is at most 8 KiB (less where
 * pages are of 4 KiB), later ones at most the largest buffer that was received
 * into, up to 32 KiB (net/netlink/af_netlink.c: netlink_dump, netlink_recvmsg).
 */
enum { V6_DIAG_PART_SIZE = 8192 };

/*
 * States, as bits of a query; net/tcp_states.h. Protocols other than TCP use the
 * same: a UDP socket without a peer is in CLOSE. BOUND_INACTIVE asks for TCP
 * sockets that are bound and neither listen nor connect; they are answered as
 * CLOSE. Linux 6.8 has it; a kernel without it answers with none of them.
 */
enum {
	V6_STATE_ESTABLISHED = 1,
	V6_STATE_TIME_WAIT = 6,
	V6_STATE_CLOSE = 7,
	V6_STATE_LISTEN = 10,
	V6_STATE_BOUND_INACTIVE = 13,
};

struct v6_diag_query {
	enum v6_family family; /* INET or INET6: the kernel takes one at a time */
	int proto;             /* IPPROTO_*, 1..65535; above 255 (MPTCP) Linux 5.9 is needed */
	uint32_t states;       /* bits 1 << V6_STATE_* */
	uint16_t port;         /* local, host order; 0: all */
	uint32_t sequence;     /* any number that no earlier query on the same descriptor had */
};

struct v6_diag_socket {
	struct v6_address local; /* with its family and port */
	/* A remote port; a connect(2) that failed may leave an address behind. */
	bool peer;
	uint8_t state; /* V6_STATE_* or another of net/tcp_states.h */
	/*
	 * 0, 1, V6_UNKNOWN. The kernel tells it of IPv6 sockets in LISTEN and CLOSE;
	 * a kernel from before INET_DIAG_SKV6ONLY does not, and IPv4 has none.
	 */
	int8_t v6only;
	int proto;      /* as in the query: the answer itself does not say */
	uint32_t uid;   /* who made the socket, in the reader's user namespace */
	uint32_t inode; /* as in /proc/PID/fd; an MPTCP socket and its TCP part share it; 0: none */
	uint32_t iface; /* SO_BINDTODEVICE or the scope of the address; 0: any */
	uint64_t cookie; /* SO_COOKIE; the TCP part of an MPTCP socket has another */
};

/*
 * Writes the request for a dump, into at least V6_DIAG_REQUEST_SIZE bytes of any
 * alignment. Its length; 0 where the family is neither of the two, or the
 * protocol is out of range.
 */
size_t v6_diag_request(void *buf, const struct v6_diag_query *query);

enum v6_diag_step {
	V6_DIAG_MORE,   /* the part ends here: receive the next */
	V6_DIAG_SOCKET, /* one socket was given */
	V6_DIAG_DONE,   /* that was all */
	V6_DIAG_ERROR,  /* the kernel refused, or the bytes make no sense: see `error` */
};

/* A walk through the answer to one query, which is all that is set at its beginning. */
struct v6_diag_walk {
	struct v6_diag_query query;
	const uint8_t *at;
	size_t left;
	uint8_t over; /* V6_DIAG_DONE or V6_DIAG_ERROR once that was reached */
	/*
	 * The sockets changed under the dump, so that some may be missing
	 * (NLM_F_DUMP_INTR); valid at V6_DIAG_DONE. Ask again.
	 */
	bool interrupted;
	/*
	 * At V6_DIAG_ERROR, an errno value: the kernel's (ENOENT: no such protocol, or
	 * no diagnostics for it; EINVAL: a kernel that does not know the question), or
	 * EBADMSG for bytes that are no answer.
	 */
	int error;
};

/* The next part: `len` bytes of any alignment, which must stay until V6_DIAG_MORE. */
void v6_diag_part(struct v6_diag_walk *walk, const void *bytes, size_t len);

/*
 * The next step; *socket is filled at V6_DIAG_SOCKET and left alone otherwise.
 * DONE and ERROR stay. Passed over: answers to another sequence number, messages
 * of other types, sockets of another family or port (the kernel heeds the port
 * in its dumps of listeners, and not for V6_STATE_BOUND_INACTIVE). Attributes
 * after one with an impossible length are not read.
 */
enum v6_diag_step v6_diag_next(struct v6_diag_walk *walk, struct v6_diag_socket *socket);
