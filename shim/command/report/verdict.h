/*
 * What the sockets of a process come to, port by port: who has IPv4, and who IPv6.
 */
#ifndef V6_REPORT_VERDICT_H
#define V6_REPORT_VERDICT_H

#include "model.h"

enum v6_way { V6_NOBODY, V6_DUAL, V6_OWN };

extern const char *const v6_way_words[]; /* "nobody", "dual-stack socket", "own socket" */

struct v6_outcome {
	enum v6_way inet, inet6;
	unsigned wildcard; /* V6_SERVES_* bits: not of single addresses alone */
	bool shadowed;     /* the IPv6 socket would take IPv4 too, which has a socket of its own */
	/* NULL where there is none: */
	const struct v6_socket *governed; /* the IPv6 one, which the policy made what it is */
	const struct v6_socket *failed;   /* the first that could not be bound, or not listen */
	const struct v6_socket *silent;   /* the first that has not listened */
};

struct v6_port_verdict {
	int proto;
	uint16_t port;
	bool differs; /* enforce, in mode log, would have come to another outcome */
	struct v6_outcome now, enforced;
};

/* The verdicts of a process in order of protocol and port, to be freed; *count is how many. */
struct v6_port_verdict *v6_port_verdicts(const struct v6_process *p, size_t *count);

/*
 * What a socket serves, V6_SERVES_* bits. Where the log has not told, it is what the socket
 * will serve once it listens, and *told is false. `enforce`: had the mode been that.
 */
unsigned v6_socket_serves(const struct v6_socket *s, bool enforce, bool *told);

/* The policy has made the socket what it is, or with `enforce` would have. */
bool v6_socket_governed(const struct v6_socket *s, bool enforce);

#endif
