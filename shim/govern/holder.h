/*
 * Who has a port: sock_diag(7) for the sockets, the caller's descriptors for those that are its
 * own, and /proc for the process that another's belongs to. And whether the policy is in force on
 * what serves, to be told where it is not (DESIGN.md 1.6, unenforced and ipv4-socket).
 */
#pragma once

#include "../core/resolve.h"
#include "way.h"

/* How many descriptors of the caller's are looked at, at most. */
enum { V6_DESCRIPTORS_MAX = 1 << 20 };

enum { V6_RIVALS_MAX = 100 };

/* What is known of a port. Memory for rivals is claimed, and own ones kept, until the release. */
struct v6_port {
	struct v6_call *call;
	struct v6_conflict on; /* at most V6_RIVALS_MAX rivals; all but `cleared` of the sockets */
	unsigned found;        /* rivals there are, the first on.count of them in its way */
	bool all;              /* wanted: not those in its way alone, but all that have the port */
	const char *why;       /* with mode=log: not all is known of it; NULL: it is */
	/* Its own. */
	struct v6_rival few[4]; /* the memory where there is no other */
	unsigned room;
	bool told;        /* by the kernel's tables */
	bool kept;        /* see v6_port_kept() */
	bool connections; /* see v6_port_ask_connections() */
	uint64_t netns;
	unsigned left;
};

/*
 * facts.address is what the socket of the call is bound to, or wants. Release it, whatever was
 * asked. Without memory there are few rivals, or they are partial.
 */
void v6_port_init(struct v6_port *p, struct v6_call *c, int v6only);
void v6_port_release(struct v6_port *p);

/*
 * Finds all: by the kernel's tables, those of the socket's network namespace; own ones by the
 * hints; and by a walk over the caller's descriptors where that leaves it open whose a socket is,
 * or tells of none though `refused`: the kernel has refused the port.
 */
void v6_port_ask(struct v6_port *p, bool refused);

/*
 * Whether one of the other family that was found is gone by now, or nobody was, though this process
 * has had one there: another thread may have closed it.
 */
bool v6_port_changed(struct v6_port *p);

/*
 * Adds the own IPv6 connections that an IPv4 bind has in its way: false where there are no more. A
 * walk over the caller's descriptors.
 */
bool v6_port_ask_connections(struct v6_port *p);

/*
 * Whether a connection of a stream's own family would keep the port from it, but for SO_REUSEPORT
 * that what was accepted has from a listener that sharing set it on. Of those of another process,
 * and of none, SO_REUSEADDR counts as set. A table or two; with SO_REUSEADDR a walk.
 */
bool v6_port_kept(struct v6_port *p);

/* A socket that was found; NULL where it is not wanted, or does not fit. */
struct v6_rival *v6_port_add(struct v6_port *p, const struct v6_diag_socket *s);

/*
 * Whether an own socket of the other family is in the way of the call's with that V6ONLY, as the
 * hints know it; that is the record's holder. Touches only what was last bound to the port.
 */
bool v6_port_meets(struct v6_call *c, int v6only);

/* Bytes of c->text that v6_holder_set() may need for the program's name. */
enum { V6_HOLDER_TEXT = 32 };

/*
 * Fills in the record's holder. Where changes are recorded its process is searched for, and c->text
 * claimed for its name; bounded: V6_HOLDER_READS processes of the network namespace and descriptors
 * of theirs are looked at. A look may keep one open that its process closes just then.
 */
enum { V6_HOLDER_READS = 50000 };
void v6_holder_set(struct v6_call *c, const struct v6_rival *r);

/*
 * Whether it serves by this call: a stream from listen on, a datagram socket from a bind to a port
 * on, but for a client. Of what came bound the kernel is asked.
 */
bool v6_serving(struct v6_call *c);

/*
 * After the call was made: fills in the finding, with its note, where there is one and no other;
 * and remembers what this call knows of the socket's V6ONLY and no later one can tell.
 */
void v6_serving_examine(struct v6_call *c);

/*
 * Of the sockets that a program is started with, where they are to be recorded, visits 0, as
 * inetd(8) gives it, and those that LISTEN_FDS and LISTEN_PID name, if that is `pid`:
 * sd_listen_fds(3).
 */
void v6_inherit_visit(struct v6_slice listen_fds, struct v6_slice listen_pid, int pid,
	void (*visit)(int fd, void *context), void *context);
