/*
 * What logs say, gathered by process: the sockets that were bound, and the trouble there was.
 */
#ifndef V6_REPORT_GATHER_H
#define V6_REPORT_GATHER_H

#include "../../core/record.h"
#include "../map.h"

/* A socket that was bound or listened on, or that could not be. */
struct v6_listener {
	struct v6_listener *next; /* of the process */
	/*
	 * Its latest call, with what earlier ones told: asked, before, serves, and the decision
	 * of the latest that had an action.
	 */
	struct v6_record r;
	unsigned order;   /* among the binds of the process, from 1 */
	unsigned actions; /* bits 1 << enum v6_action but NONE */
	unsigned binds;   /* how often it was bound; 0: never in this log */
	bool gone;        /* what failed there succeeded later: not to be shown */
	bool inherited;   /* bound before the program ran */
	bool replaced;    /* another socket was bound on its descriptor later */
	bool chosen;      /* bound to port 0: the kernel chose */
};

/* A bind, or a listen, at an address where one failed. */
struct v6_attempt {
	struct v6_listener *listener; /* that failed */
	uint64_t succeeded;           /* the number of the last record that says so; 0: never */
};

enum v6_trouble_kind {
	V6_TROUBLE_CONFLICT,
	V6_TROUBLE_DISORDER,
	V6_TROUBLE_DENIAL, /* one that is no disorder and no contrary request */
	V6_TROUBLE_CONTRARY,
	V6_TROUBLE_FAILURE, /* the kernel's own refusal */
	V6_TROUBLE_ERROR,   /* something went wrong in the shim */
	V6_TROUBLE_KINDS,
};

/* What went wrong, once or again and again: records that differ in time and descriptor alone. */
struct v6_trouble {
	struct v6_trouble *next;          /* of the process */
	const struct v6_attempt *attempt; /* NULL: no address is known */
	enum v6_trouble_kind kind;
	bool failed;
	struct v6_record r; /* the first */
	int64_t last;       /* time */
	uint64_t latest;    /* the last record's number */
	unsigned times;
};

/* One run of one program. */
struct v6_process {
	struct v6_process *next, *alike; /* alike: the next of its block */
	unsigned serial;
	int log; /* whose pids these are: logs of other names may be other hosts' */
	int pid;
	struct v6_slice program, version;
	struct v6_slice settings; /* JSON; empty: not in the log */
	int64_t first;            /* time */
	struct v6_listener *listeners, **listeners_end;
	struct v6_trouble *troubles, **troubles_end;
	unsigned orders;
	uint64_t lost; /* records */
	unsigned lookups, reorders;
	struct v6_families found, handed; /* of the first look-up that was reordered */
	enum v6_policy policy;            /* of its latest record that a rule did not touch */
	enum v6_mode mode;
	int level; /* enum v6_log_level: what the log has at least; -1: not known */
	bool loaded;
};

struct v6_gather {
	struct v6_map names;    /* every text that is kept */
	struct v6_map running;  /* log, pid -> struct v6_process *, the latest */
	struct v6_map sockets;  /* process, descriptor -> struct v6_listener *, the latest */
	struct v6_map attempts; /* process, event, protocol, address -> struct v6_attempt */
	struct v6_map troubles; /* process, what is printed -> struct v6_trouble */
	struct v6_process *processes, **processes_end;
	unsigned process_count;
	uint64_t records, lost, denials, disorders;
};

void v6_gather_init(struct v6_gather *g);
void v6_gather_free(struct v6_gather *g);

/* One record of the log of that number. Its strings need not outlive the call. */
void v6_gather_record(struct v6_gather *g, int log, const struct v6_record *r);

bool v6_address_same(const struct v6_address *a, const struct v6_address *b);

/* Whether what failed there succeeded later; whether it is a conflict that failed and did not. */
bool v6_trouble_succeeded(const struct v6_trouble *t);
bool v6_trouble_unresolved(const struct v6_trouble *t);

/* Whether there is anything to show of the process. */
bool v6_process_shown(const struct v6_process *p);

#endif
