/*
 * From files to records: lines in bounded memory, and the lines that are no records.
 */
#ifndef V6_REPORT_INPUT_H
#define V6_REPORT_INPUT_H

#include <sys/types.h>

#include "reader.h"

struct v6_source {
	const char *name; /* as given; "-" is standard input */
	unsigned log;     /* files of one log have one number: x.jsonl.1 x.jsonl */
	int fd;           /* -1: not open */
	int error;        /* errno: why it could not be read; 0: it could */
	bool regular;     /* it may grow, be cut and be read again; dev and ino are known */
	bool over;        /* nothing more will come */
	bool waited;      /* that it is waited for was said */
	bool skipping;    /* in a line that is too long */
	bool replaced;    /* another file has its name now, and is a source of its own */
	dev_t dev;
	ino_t ino;
	off_t offset; /* bytes read */
	char *text;   /* the beginning of a line whose end was not read yet */
	size_t len;
	uint64_t line; /* number of the latest, from 1 */
	uint64_t records;
	/* File, number and reason of the first line that is no record, harmless to a terminal; or NULL. */
	const char *damaged;
};

/* At first all is zero but `add` and `to`, and sources are added. */
struct v6_input {
	/* Each record, of the log of that number; its strings do not outlive the call. */
	void (*add)(void *to, unsigned log, const struct v6_record *r);
	void *to;
	struct v6_source **sources; /* in the order in which they were named */
	size_t count;
	char scratch[V6_LINE_MAX];
	bool failed;               /* one of them could not be read */
	uint64_t records, damaged; /* lines */
	uint64_t
		cuts; /* how often a file that is followed was cut, so that what it had last may be lost */
	/* Set by v6_follow(): files are followed; what is read is new. */
	bool follow, fresh;
};

/* A file, or "-"; the name must outlive the input. */
struct v6_source *v6_source_add(struct v6_input *in, const char *name);

/* Reads all files to their ends. What cannot be read is complained of, and is in sources[].error. */
void v6_input_read(struct v6_input *in);

/* Reads what is there, and on as more comes, until SIGINT or SIGTERM or nothing more can come. */
void v6_follow(struct v6_input *in);

#endif
