/*
 * The slow way of each interposed call: gather facts, ask the policy, act, call
 * on, record. Results and errno are as the interposed calls return them.
 */
#ifndef V6_GOVERN_H
#define V6_GOVERN_H

#include <netdb.h>
#include <sys/socket.h>

/* After socket() returned fd (or -1 with errno set). */
void v6_govern_socket(int fd, int domain, int type, int protocol);

/* In place of setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, value, len). */
int v6_govern_v6only(int fd, const void *value, socklen_t len);

int v6_govern_bind(int fd, const struct sockaddr *addr, socklen_t len);
int v6_govern_listen(int fd, int backlog);

/* In place of getaddrinfo(NULL, service, hints, list) with AI_PASSIVE. */
int v6_govern_passive(const char *service, const struct addrinfo *hints, struct addrinfo **list);

#endif
