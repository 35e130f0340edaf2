/*
 * What logs say: from files to records, and by process the sockets that were bound, and the records
 * that tell of trouble. All of it is kept until the command ends (command.h).
 */
#pragma once

#include <sys/stat.h>

#include "../../core/record.h"

enum { V6_LINE_MAX = 65536 }; /* bytes, its newline not counted */

/*
 * One line of JSON -> one record, by the tables of core/record.h that the writer goes by too. Sources:
 * RFC 8259, RFC 3339, RFC 4291 2.2, DESIGN.md 1.6. No byte outside the line is read.
 *
 * Keys in any order; an unknown one is skipped, whatever its value. Strings are UTF-8, and slices of
 * the line or of `scratch`, which is as large as the line; both must outlive the record. false where
 * the line is no record, with the reason in `why`.
 */
bool v6_read_record(struct v6_record *r, struct v6_slice line, char *scratch, struct v6_text *why);

struct v6_read_setting {
	struct v6_slice value, origin; /* ptr NULL: default */
};

/*
 * The settings of a load record, by enum v6_setting, until the next are read. false: there are none.
 */
bool v6_read_settings(struct v6_read_setting s[V6_SETTING_COUNT], struct v6_slice text);

/* A file, or standard input. */
struct v6_source {
	struct v6_source *next; /* in the order in which they were named */
	struct v6_source *log;  /* the first file of the same log: x.jsonl.1 of x.jsonl */
	const char *name;       /* as given; "-" is standard input */
	int fd;                 /* -1: not open */
	int error;              /* errno: why it could not be read; 0: it could */
	bool regular;           /* it may grow, be cut and be read again */
	bool over;              /* nothing more will come */
	bool waited;            /* that it is waited for was said */
	bool skipping;          /* in a line that is too long */
	bool replaced;          /* another file has its name now, and is a source of its own */
	struct stat file;
	off_t offset; /* bytes read */
	char *text;   /* the beginning of a line whose end was not read yet */
	size_t len;
	long long line; /* number of the latest, from 1 */
	long long records;
	/* File, number and reason of the first line that is no record, harmless to a terminal; or NULL. */
	const char *damaged;
};

/* What a socket serves: bits V6_SERVES_*. */
struct v6_service {
	unsigned serves;    /* once it listens */
	unsigned undecided; /* it may serve them: with enforce, and it is not told */
	bool listens;       /* it is a datagram socket, or does */
	bool failed;        /* it could not be bound, or not listen */
	bool governed;      /* the policy made the socket what it is */
};

/* A socket that was bound or listened on, or that could not be. */
struct v6_socket {
	struct v6_socket *next;
	long long number; /* of its first record */
	/*
	 * Its latest call, with what earlier ones told: asked, before, serves, and the decision
	 * of the latest that had an action. `error`: it failed.
	 */
	struct v6_record r;
	unsigned actions;    /* bits 1 << enum v6_action but NONE */
	long long succeeded; /* number of the record by which what failed is made good; 0: none */
	bool gone;           /* what failed there succeeded later: not to be shown */
	bool inherited;      /* bound before the program ran */
	bool replaced;       /* another socket was bound on its descriptor later */
	bool chosen;         /* bound to port 0: the kernel chose */
	struct v6_service told[2]; /* at the end: with the mode that there was, and with enforce */
};

/* What failed, was found or was denied; once or again and again, but for the time and descriptor. */
struct v6_trouble {
	struct v6_trouble *next;
	struct v6_record r;             /* the first */
	const struct v6_socket *socket; /* that failed, or NULL */
	int64_t last;                   /* time */
	long long latest;               /* the last record's number */
	unsigned times;
	const char *
		state; /* "unresolved", "resolved" (v6_logs_end() knows of later), or what was found */
};

/* One run of one program. */
struct v6_process {
	struct v6_process *next;
	void *kept;                  /* see model.c */
	const struct v6_source *log; /* whose pids these are: of other names may be other hosts' */
	int pid;
	struct v6_slice program, version;
	struct v6_slice settings; /* JSON; empty: not in the log */
	int64_t first;            /* time */
	struct v6_socket *sockets, **sockets_end;
	struct v6_trouble *troubles, **troubles_end;
	uint64_t lost;         /* records */
	enum v6_policy policy; /* of its latest record that a rule did not touch */
	enum v6_via via;
	bool loaded;
	bool whole;      /* the log has every bind and listen */
	bool thinned;    /* but for datagram sockets that are alike */
	bool would_deny; /* mode=log: a call, after which it might go on otherwise */
	bool shown;      /* there is something to show of it, and it looks like none before it */
	/* Another that looks like it but for pids, times, chosen ports; of one that is shown: the last. */
	struct v6_process *alike, *last;
	unsigned more; /* of one that is shown: how many more there are */
};

/* All is zero at first but what v6_logs_read() is told: to follow. */
struct v6_logs {
	void *kept, *texts; /* see model.c */
	struct v6_source *sources;
	struct v6_process *processes, **processes_end;
	int process_count, shown; /* of how many there is something to show */
	long long records, lost, denials, disorders, unresolved, unenforced;
	long long damaged; /* lines */
	long long cuts;    /* of files that are followed: what they had last may be lost */
	bool failed;       /* a file could not be read */
	bool follow; /* read on as more comes, until SIGINT or SIGTERM or nothing more can come */
	bool fresh;  /* what is read is new */
};

/* A file, or "-"; the name must outlive it. */
struct v6_source *v6_source_add(struct v6_logs *logs, const char *name);

/* Reads all files to their ends, or on. What cannot be read is complained of, and is in sources' error. */
void v6_logs_read(struct v6_logs *logs);

/* Each record that is read, of the file; its strings do not outlive the call. */
void v6_report_record(struct v6_logs *logs, const struct v6_source *s, const struct v6_record *r);
void v6_logs_add(struct v6_logs *logs, const struct v6_source *s, const struct v6_record *r);

/* After the last one: finds the processes that look alike, and sums up. */
void v6_logs_end(struct v6_logs *logs);

/* The record as one of the two writers of core/record.h writes it, until the next is written. */
typedef bool v6_record_writer(struct v6_text *t, const struct v6_record *r);
struct v6_slice v6_record_written(const struct v6_record *r, v6_record_writer *write);

/* On standard output: for a person, and for a machine as one JSON object; `check`: there is trouble. */
void v6_report_page(const struct v6_logs *logs);
void v6_report_json(const struct v6_logs *logs, bool check);
