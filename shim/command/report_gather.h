/*
 * What a log says, gathered by process: the sockets that were bound, and the
 * trouble there was. Memory is bounded whatever the log's size. Near the limits
 * below, processes that look alike become one; then those in the middle are let
 * go, for the first is often the server and the last tells how it ended; and what
 * is too much for even one process is counted, and not kept.
 *
 * Indices are places in the arrays of struct v6_gather; -1 is nobody.
 */
#ifndef V6_REPORT_GATHER_H
#define V6_REPORT_GATHER_H

#include "../core/record.h"
#include "report_pool.h"

enum { V6_PROCESSES_MAX = 65536, V6_LISTENERS_MAX = 65536, V6_TROUBLES_MAX = 16384 };

/* Names of programs that only loaded the library; further ones share the last place. */
enum { V6_IDLE_MAX = 256 };

/* One socket that was bound or listened on, or that could not be. */
struct v6_listener {
	int32_t process;
	int32_t next;     /* of that process */
	int32_t by_fd;    /* the hash chain of process and descriptor */
	unsigned order;   /* among the binds of the process, from 1 */
	uint64_t binds;   /* how often it was bound; 0: never in this log */
	int fd;           /* the latest; -1: not told */
	int proto;        /* IPPROTO_*; -1: not told */
	uint8_t family;   /* of the socket, enum v6_family */
	uint8_t type;     /* enum v6_type */
	uint8_t serves;   /* V6_SERVES_*, as told; 0: not told */
	int8_t asked;     /* V6ONLY: 0, 1, V6_UNKNOWN */
	int8_t before;    /* the same, before the first call that told */
	int8_t after;     /* the same, after the latest */
	uint8_t policy;   /* of the latest call that an action came from, or of the latest */
	uint8_t mode;     /* of the same */
	uint16_t actions; /* bit 1 << enum v6_action */
	uint8_t failed;   /* the event that failed last, where error is not 0 */
	bool dead;        /* superseded: not to be shown */
	bool linked;      /* it is in a chain by_fd */
	bool inherited;   /* first seen by an inherit record */
	bool replaced;    /* another socket was bound on its descriptor later */
	bool chosen;      /* bound to port 0: the kernel chose */
	unsigned rule;    /* 0: none */
	int error;        /* errno of the last call; 0: it succeeded */
	struct v6_address address;
	struct v6_slice note; /* the latest that is no trouble's */
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
	int32_t process;
	int32_t next;  /* of that process */
	int32_t chain; /* of its hash */
	int32_t place; /* where it happened, for what came of it later; -1: unknown */
	uint8_t kind;  /* enum v6_trouble_kind */
	uint8_t event, action, mode, policy, family;
	int8_t value; /* V6ONLY that was asked for */
	bool failed;
	unsigned rule;
	int proto, fd, error;
	struct v6_address address;
	struct v6_holder holder; /* the program kept */
	struct v6_slice note;
	int64_t first, last;    /* microseconds since the epoch */
	uint64_t times, latest; /* the record's number */
};

/* An address where a bind or a listen failed, and when one succeeded there. */
struct v6_place {
	int32_t process, chain;
	uint64_t serial; /* of the process */
	int32_t failed;  /* the listener that stands for the failed bind; -1: none */
	int32_t deaf;    /* the one that was bound and could not listen; -1: none */
	int proto;
	struct v6_address address;
	uint64_t bound, listened; /* the number of the last record that says so; 0: never */
};

/* One run of one program. */
struct v6_process {
	int32_t log; /* whose pids these are: logs of different names may be of different hosts */
	int pid;
	struct v6_slice program;
	struct v6_slice settings; /* the note of its load record; empty: none in the log */
	int64_t first, last;      /* microseconds since the epoch */
	int32_t listeners, last_listener;
	int32_t troubles, last_trouble;
	unsigned orders;
	uint64_t lost;    /* records */
	uint64_t clients; /* datagram sockets bound to port 0 */
	uint64_t lookups, reorders;
	struct v6_families found, handed; /* of the first look-up that was reordered */
	uint8_t policy, mode;             /* of its latest record that a rule did not touch */
	int8_t level;                     /* enum v6_level: what the log has at least; -1 unknown */
	bool loaded, used;                /* used: this place in the array */
	bool idle;                        /* it has nothing to show yet */
	bool left;                        /* something of it was not kept */
	uint64_t serial;                  /* processes count from 1 in the order of the log */
	uint64_t more;                    /* later ones, alike, that were let go for this one */
	int32_t chain;                    /* of its hash; -1 at the end */
	int32_t younger, older;           /* among the idle */
};

struct v6_totals {
	uint64_t records, lost;
	/* Records; and of conflicts and disorders those too that were not kept. */
	uint64_t trouble[V6_TROUBLE_KINDS];
	uint64_t denials; /* all with action deny */
	/* What was not kept, for the limits above. */
	uint64_t processes_left; /* with all that there was of them */
	uint64_t listeners_left, troubles_left;
	uint64_t conflicts_left;   /* unresolved ones among them, as far as was known */
	uint64_t conflicts_merged; /* unresolved ones of processes that `more` counts */
};

struct v6_idle {
	struct v6_slice program;
	uint64_t times;
};

struct v6_gather {
	struct v6_pool pool;
	struct v6_process *processes;
	struct v6_listener *listeners;
	struct v6_trouble *troubles;
	struct v6_place *places;
	int32_t process_count, listener_count, trouble_count, place_count;
	int32_t process_room, listener_room, trouble_room, place_room;
	int32_t *pid_heads, *fd_heads, *trouble_heads, *place_heads;
	int32_t free_process;     /* places in the array that are free again */
	int32_t youngest, oldest; /* idle processes */
	struct v6_idle idle[V6_IDLE_MAX];
	unsigned idle_count;
	struct v6_totals totals;
	uint64_t serials;      /* processes so far */
	uint64_t compact_next; /* not before this record */
};

/* false where there is no memory. */
bool v6_gather_init(struct v6_gather *g);
void v6_gather_free(struct v6_gather *g);

/* One record of the log of that number. Its strings need not outlive the call. */
void v6_gather_record(struct v6_gather *g, int32_t log, const struct v6_record *r);

/* After the last record: who is idle still is counted among the idle. */
void v6_gather_finish(struct v6_gather *g);

/* Whether a conflict was left unresolved: the call failed, and the log has no later success. */
bool v6_trouble_unresolved(const struct v6_gather *g, const struct v6_trouble *t);

/* Whether what failed there succeeded later. */
bool v6_trouble_overcome(const struct v6_gather *g, const struct v6_trouble *t);

/* All conflicts that were left unresolved, those that were not kept included. */
uint64_t v6_gather_unresolved(const struct v6_gather *g);

#endif
