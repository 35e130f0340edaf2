/*
 * common.h - what the small test programs share.
 *
 * They are unmodified programs: they call libc as any server does, and print what came of each
 * call, "ok" or the symbolic name of the error, one line a check. They print facts and no verdicts,
 * so that one program can be compared with what is expected under any policy. Nothing that differs
 * from run to run is printed, and no wait is without an end.
 *
 * RFC 3493 section 5.3 (IPV6_V6ONLY); errno(3); socket(7) for SO_RCVTIMEO and SO_SNDTIMEO, which on
 * Linux bound accept and connect too.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_S = 2 };

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage room;
};

#define NAME(error) [error] = #error

/* The name of an errno value, "errno-N" for one that has none here. */
static inline const char *error_name(int error)
{
	static const char *const names[] = {NAME(EPERM), NAME(ENOENT), NAME(EINTR), NAME(EIO),
		NAME(ENXIO), NAME(EBADF), NAME(EAGAIN), NAME(ENOMEM), NAME(EACCES), NAME(EFAULT),
		NAME(EBUSY), NAME(EEXIST), NAME(ENODEV), NAME(ENOTDIR), NAME(EISDIR), NAME(EINVAL),
		NAME(ENFILE), NAME(EMFILE), NAME(ENOTTY), NAME(ENOSPC), NAME(ESPIPE), NAME(EPIPE),
		NAME(EDOM), NAME(ERANGE), NAME(ENAMETOOLONG), NAME(ENOSYS), NAME(EPROTO),
		NAME(EOVERFLOW), NAME(ENOTSOCK), NAME(EDESTADDRREQ), NAME(EMSGSIZE),
		NAME(EPROTOTYPE), NAME(ENOPROTOOPT), NAME(EPROTONOSUPPORT), NAME(ESOCKTNOSUPPORT),
		NAME(EOPNOTSUPP), NAME(EPFNOSUPPORT), NAME(EAFNOSUPPORT), NAME(EADDRINUSE),
		NAME(EADDRNOTAVAIL), NAME(ENETDOWN), NAME(ENETUNREACH), NAME(ECONNABORTED),
		NAME(ECONNRESET), NAME(ENOBUFS), NAME(EISCONN), NAME(ENOTCONN), NAME(ETIMEDOUT),
		NAME(ECONNREFUSED), NAME(EHOSTDOWN), NAME(EHOSTUNREACH), NAME(EALREADY),
		NAME(EINPROGRESS)};
	static char other[sizeof("errno-") + 11];

	if (error > 0 && (size_t)error < sizeof(names) / sizeof(names[0]) && names[error] != NULL)
		return names[error];
	snprintf(other, sizeof(other), "errno-%d", error);
	return other;
}

/* The word for what a call returned; to be asked before errno is lost. */
static inline const char *outcome(int result)
{
	return result < 0 ? error_name(errno) : "ok";
}

/* A test that could not even begin. */
static inline void fail(const char *program, const char *subject)
{
	fprintf(stderr, "%s: %s: %s\n", program, subject, strerror(errno));
	exit(1);
}

static inline int set_v6only(int fd, int value)
{
	return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, sizeof(value));
}

/* What IPV6_V6ONLY reads: the value, or the name of the error. */
static inline const char *v6only(int fd)
{
	static char text[12];
	int value;
	socklen_t size = sizeof(value);

	if (getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &size) < 0)
		return error_name(errno);
	snprintf(text, sizeof(text), "%d", value);
	return text;
}

static inline unsigned port_of(const union address *address)
{
	return ntohs(
		address->any.sa_family == AF_INET6 ? address->in6.sin6_port : address->in.sin_port);
}

/* Returns 0 for a socket without a port. */
static inline unsigned local_port(int fd)
{
	union address address = {0};
	socklen_t size = sizeof(address);

	return getsockname(fd, &address.any, &size) < 0 ? 0 : port_of(&address);
}

/*
 * Fills in an address of FAMILY, AF_INET or AF_INET6, from its TEXT, NULL for the wildcard address.
 * Returns its size, 0 when the text is no such address.
 */
static inline socklen_t make_address(
	union address *address, int family, const char *text, unsigned port)
{
	void *bytes = family == AF_INET6 ? (void *)&address->in6.sin6_addr
					 : (void *)&address->in.sin_addr;

	memset(address, 0, sizeof(*address));
	address->any.sa_family = (sa_family_t)family;
	if (family == AF_INET6)
		address->in6.sin6_port = htons((in_port_t)port);
	else
		address->in.sin_port = htons((in_port_t)port);
	if (text != NULL && inet_pton(family, text, bytes) != 1)
		return 0;
	return family == AF_INET6 ? sizeof(address->in6) : sizeof(address->in);
}

static inline int bind_to(int fd, int family, const char *text, unsigned port)
{
	union address address;
	socklen_t size = make_address(&address, family, text, port);

	return bind(fd, &address.any, size);
}

static inline int connect_to(int fd, int family, const char *text, unsigned port)
{
	union address address;
	socklen_t size = make_address(&address, family, text, port);

	return connect(fd, &address.any, size);
}

/* Closing then resets the connection, and neither end stays in TIME_WAIT. */
static inline void leave_no_trace(int fd)
{
	struct linger at_once = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

/* Whether what came to the socket, a connection or a datagram, is of the client with that port. */
static inline int came_from(int fd, int type, unsigned port)
{
	union address peer = {0};
	socklen_t size = sizeof(peer);
	char byte;

	if (type == SOCK_STREAM) {
		int server = accept(fd, &peer.any, &size);

		if (server >= 0) {
			leave_no_trace(server);
			close(server);
		}
	} else {
		recvfrom(fd, &byte, 1, MSG_DONTWAIT, &peer.any, &size);
	}
	return port_of(&peer) == port;
}

/* Nothing that is done with the socket then waits for longer. */
static inline void limit_waits(int fd)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}
