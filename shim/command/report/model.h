/*
 * What logs say, by process: the sockets that were bound, and the records that tell of trouble.
 */
#ifndef V6_REPORT_MODEL_H
#define V6_REPORT_MODEL_H

#include "../../core/record.h"

/* A socket that was bound or listened on, or that could not be. */
struct v6_socket {
	/*
	 * Its latest call, with what earlier ones told: asked, before, serves, and the decision
	 * of the latest that had an action. `error`: it failed.
	 */
	struct v6_record r;
	unsigned actions;   /* bits 1 << enum v6_action but NONE */
	uint64_t succeeded; /* number of the record by which what failed is made good; 0: none */
	bool gone;          /* what failed there succeeded later: not to be shown */
	bool inherited;     /* bound before the program ran */
	bool replaced;      /* another socket was bound on its descriptor later */
	bool chosen;        /* bound to port 0: the kernel chose */
};

/* What failed, was found or was denied; once or again and again, but for the time and descriptor. */
struct v6_trouble {
	struct v6_record r; /* the first */
	unsigned socket;    /* from 1: that failed; 0: none */
	int64_t last;       /* time */
	uint64_t latest;    /* the last record's number */
	unsigned times;
};

/* One run of one program. */
struct v6_process {
	unsigned serial; /* from 1 */
	void *kept;      /* see model.c */
	unsigned log;    /* whose pids these are: logs of other names may be other hosts' */
	int pid;
	struct v6_slice program, version;
	struct v6_slice settings; /* JSON; empty: not in the log */
	int64_t first;            /* time */
	struct v6_socket *sockets;
	size_t socket_count;
	struct v6_trouble *troubles;
	size_t trouble_count;
	uint64_t lost;         /* records */
	enum v6_policy policy; /* of its latest record that a rule did not touch */
	enum v6_mode mode;
	enum v6_via via;
	bool loaded;
	bool whole;   /* the log has every bind and listen */
	bool thinned; /* but for datagram sockets that are alike */
	bool shown;   /* there is something to show of it */
	/* Another that looks like it but for pids, times, chosen ports; of the first: the last. */
	struct v6_process *next, *last;
	struct v6_process *like; /* the first of those; NULL: it is that itself */
	unsigned more;           /* of the first: how many more there are */
};

struct v6_model {
	void *kept; /* see model.c */
	struct v6_process **processes;
	size_t count;
	size_t shown; /* of the processes */
	uint64_t records, lost, denials, disorders, unresolved, unenforced;
};

/* One record of the log of that number. Its strings need not outlive the call. */
void v6_model_add(struct v6_model *m, unsigned log, const struct v6_record *r);

/* After the last one: finds the processes that look alike, and sums up. */
void v6_model_end(struct v6_model *m);

/* "unresolved", "resolved", or what was found. */
const char *v6_trouble_state(const struct v6_process *p, const struct v6_trouble *t);

/* The record as one of the two writers of core/record.h writes it, until the next is written. */
typedef bool v6_record_writer(struct v6_text *t, const struct v6_record *r);
struct v6_slice v6_record_written(const struct v6_record *r, v6_record_writer *write);

#endif
