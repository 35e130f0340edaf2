/*
 * What the sockets of a process come to, port by port: who has IPv4, and who IPv6; and the reports
 * that tell it.
 */
#ifndef V6_REPORT_VERDICT_H
#define V6_REPORT_VERDICT_H

#include "input.h"
#include "model.h"

enum v6_way { V6_NOBODY, V6_ANOTHER, V6_DUAL, V6_OWN, V6_NOT_TOLD };

/* "nobody", "another process", "dual-stack socket", "own socket"; NULL */
extern const char *const v6_way_words[];

struct v6_outcome {
	enum v6_way inet, inet6;
	unsigned wildcard; /* V6_SERVES_* bits: not of single addresses alone */
	/* Of single addresses, IPv6's and IPv4's: how many sockets, and the first. */
	unsigned singles[2];
	const struct v6_address *single[2];
	bool inet_own;      /* the IPv4 wildcard has a socket of its own */
	unsigned undecided; /* V6_SERVES_* bits: with enforce, and it is not told */
	bool shadowed;      /* the IPv6 socket would take IPv4 too, which has a socket of its own */
	/* NULL where there is none: */
	const struct v6_socket *governed; /* the IPv6 one, which the policy made what it is */
	const struct v6_socket *failed;   /* the first that could not be bound, or not listen */
	const struct v6_socket *silent;   /* the first that has not listened */
};

struct v6_port_verdict {
	int proto;
	uint16_t port;
	bool differs; /* enforce, in mode log, would have come to another outcome, or to none that is told */
	struct v6_outcome now, enforced;
};

/* The verdicts of a process in order of protocol and port; *count is how many. */
struct v6_port_verdict *v6_port_verdicts(const struct v6_process *p, size_t *count);

/* What a socket serves, as V6_SERVES_* bits. */
struct v6_service {
	unsigned serves;    /* once it listens */
	bool listens;       /* it is a datagram socket, or does */
	bool failed;        /* it could not be bound, or not listen */
	unsigned undecided; /* it may serve them: with enforce, and it is not told */
};

/* `enforce`: had the mode been that. */
struct v6_service v6_socket_service(const struct v6_socket *s, bool enforce);

/* The policy has made the socket what it is, or with `enforce` would have. */
bool v6_socket_governed(const struct v6_socket *s, bool enforce);

/* On standard output: for a person, and for a machine as one JSON object with --check's answer. */
void v6_report_page(const struct v6_input *in, const struct v6_model *m);
void v6_report_json(const struct v6_input *in, const struct v6_model *m, int check);

#endif
