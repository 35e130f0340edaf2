/*
 * The verdict: which families a process serves on each port, by what, and if not, why.
 */
#ifndef V6_REPORT_VERDICT_H
#define V6_REPORT_VERDICT_H

#include "report_view.h"

/* How a family is reached: the single addresses are counted, and the first is kept. */
struct v6_reach {
	bool wildcard;
	unsigned singles;
	struct v6_address single;
};

struct v6_port_verdict {
	const struct v6_process *process;
	int proto;
	uint16_t port;
	struct v6_reach inet, inet6;
	bool own;        /* IPv4 has a socket of its own */
	bool dual;       /* an IPv6 socket takes IPv4 too */
	bool tentative;  /* the log does not tell that it listens, and may leave that out */
	bool incomplete; /* the log may leave out a socket of the other family */
	bool by_policy;  /* the shim has made it so, by `policy` */
	uint8_t policy;  /* enum v6_policy */
	bool log;        /* mode=log had something to do: would_* is another verdict */
	const struct v6_listener *failed;  /* the first that could not be bound, or NULL */
	const struct v6_trouble *conflict; /* the unresolved one that it met, or NULL */
	const struct v6_listener *unheard; /* the first that has not listened, or NULL */
	const struct v6_process
		*elsewhere; /* who else serves the family that is missing, or NULL */
};

/*
 * Hands the verdict of each port to `tell`, ports in order of protocol and number;
 * `would` is what enforce would have come to, NULL where the mode was enforce or
 * it is the same. false where there is no memory.
 */
bool v6_verdicts(const struct v6_view *view, const struct v6_block *block,
	void (*tell)(
		void *to, const struct v6_port_verdict *v, const struct v6_port_verdict *would),
	void *to);

/* "one dual-stack socket", "separate sockets", "IPv6 only", "IPv4 only", "nobody". */
const char *v6_verdict_name(const struct v6_port_verdict *v);

/* "port 80", "udp port 53" */
void v6_verdict_port(struct v6_text *t, const struct v6_port_verdict *v);

/*
 * A sentence with its full stop; `port` is what stands for the port in it. `would`
 * puts it into the conditional, for what enforce would have come to.
 */
void v6_verdict_text(
	struct v6_text *t, const struct v6_port_verdict *v, const char *port, bool would);

#endif
