/*
 * From files to records: lines in bounded memory, and the lines that are no records.
 */
#ifndef V6_REPORT_INPUT_H
#define V6_REPORT_INPUT_H

#include <signal.h>
#include <sys/types.h>

#include "../../core/record.h"

/* The longest line, its newline not counted, and what is read at a time. */
enum { V6_LINE_MAX = 65536, V6_READ_SIZE = 262144 };

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
};

/* At first all is zero but `add` and `to`, and sources are added. */
struct v6_input {
	/* Each record, of the log of that number; its strings do not outlive the call. */
	void (*add)(void *to, unsigned log, const struct v6_record *r);
	void *to;
	struct v6_source **sources; /* in the order in which they were named */
	size_t count, room;
	char scratch[V6_LINE_MAX];
	bool failed;               /* one of them could not be read */
	uint64_t records, damaged; /* lines */
	char first_damaged[512];   /* its file, line and reason; harmless to a terminal */
	/* Reading ends where it is not 0; NULL: never. */
	volatile sig_atomic_t *stop;
};

void v6_input_free(struct v6_input *in);

/*
 * Reads all files to their ends. What cannot be read is complained of, and is in
 * sources[].error. With `follow` regular files alone are read, they stay open, and what
 * cannot be read is for v6_follow().
 */
void v6_input_read(struct v6_input *in, bool follow);

/*
 * Reads what is there, and then on as more comes, for which `add` becomes add_new, until SIGINT or
 * SIGTERM, or where nothing more can come.
 */
void v6_follow(
	struct v6_input *in, void (*add_new)(void *to, unsigned log, const struct v6_record *r));

/* The parts: opens; reads once (bytes, 0: nothing there, -1: s->error); reads what has no newline. */
bool v6_source_open(struct v6_source *s, bool follow);
ssize_t v6_source_read(struct v6_input *in, struct v6_source *s);
void v6_source_close(struct v6_input *in, struct v6_source *s);
struct v6_source *v6_source_add(struct v6_input *in, const char *name);

/* Whether another source is, or was, that file. */
bool v6_source_is_other(const struct v6_input *in, const struct v6_source *s, dev_t dev, ino_t ino);

#endif
