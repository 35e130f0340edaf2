/*
 * The way in from outside: a notified call, made for the target on its own socket.
 */
#ifndef V6_SUPERVISE_WAY_H
#define V6_SUPERVISE_WAY_H

#include "filter.h"
#include "target.h"

struct v6_request {
	struct v6_call call; /* first: the way finds the rest by it */
	struct v6_target *target;
	int tid;
	uint64_t id; /* the notification's */
	enum v6_notified what;
	bool like_us; /* it may be made for the target; else the target makes it */
	bool bound;   /* a bind was made, and succeeded */
	/* What the target pointed to, read once: what is judged is what is used. */
	bool readable;
	unsigned char copy[sizeof(struct sockaddr_storage)];
};

/* A call of the process's that is yet to be filled in. */
struct v6_call v6_request_call(const struct v6_target *t, int fd);

/*
 * Fills in the request's call from the arguments of the system call, but for `ask`: 0, or what
 * v6_target_read() says of the target's memory that they are in.
 */
int v6_request_read(struct v6_request *r, const struct v6_abi_call *call);

/* Reads what the call points to. */
void v6_request_copy(struct v6_request *r);

#endif
