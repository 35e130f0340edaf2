/*
 * The governed calls: gather facts, ask the policy, act, call on, record.
 *
 * The way in fills in way, caller, ask, record.fd and the arguments of a struct v6_call that is
 * zero otherwise, and gives record.result and record.error to the caller. v6_live must be settled.
 */
#pragma once

#include <netdb.h>

#include "way.h"

/* After socket() returned record.fd (or -1). */
void v6_govern_socket(struct v6_call *c, int domain, int type, int protocol);

/* In place of bind(fd, pointer, len), listen(fd, backlog), setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, pointer, len). */
void v6_govern(struct v6_call *c, enum v6_event event);

/* A socket that came to this program bound, nobody's to change: told of where it serves. */
void v6_govern_inherited(struct v6_call *c);

/*
 * After getaddrinfo(NULL, ...) with AI_PASSIVE returned `result` and `list`: what is to be
 * returned in its place, the same nodes. `error`: errno, for EAI_SYSTEM.
 */
struct addrinfo *v6_govern_passive(struct v6_call *c, int result, int error,
	const struct addrinfo *hints, struct addrinfo *list);
