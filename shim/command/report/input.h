/*
 * From files to records: lines in bounded memory, which files are one log, the
 * order in which they are read, and the lines that are no records.
 */
#ifndef V6_REPORT_INPUT_H
#define V6_REPORT_INPUT_H

#include <signal.h>
#include <sys/types.h>

#include "gather.h"

/* The longest line, its newline not counted, and what is read at a time. */
enum { V6_LINE_MAX = 65536, V6_READ_SIZE = 262144 };

/* So many of the lines that are no records are shown. */
enum { V6_DAMAGE_SHOWN = 10 };

struct v6_source {
	const char *name;     /* as given; "-" is standard input */
	struct v6_slice stem; /* the name without what rotation adds to it */
	int log;              /* files of one stem have one number */
	int fd;               /* -1: not open */
	int error;            /* errno: why it could not be read; 0: it could */
	bool regular;         /* it may grow, be cut and be read again */
	bool over;            /* nothing more will come */
	bool complained;      /* that it cannot be read was said */
	bool skipping;        /* in a line that is too long */
	bool replaced;        /* another file has its name now, and is a source of its own */
	dev_t dev;
	ino_t ino;
	int64_t first; /* time of its first record; INT64_MAX: not known */
	off_t offset;  /* bytes read */
	char *text;    /* the beginning of a line whose end was not read yet */
	size_t len;
	uint64_t line;                             /* number of the latest, from 1 */
	uint64_t records, damaged, foreign, texts; /* lines, by what they were */
};

struct v6_damage {
	const char *name;
	uint64_t line;
	char reason[160];
};

struct v6_input {
	struct v6_gather gather;
	struct v6_source **sources; /* in the order in which they are read */
	size_t count, room;
	unsigned log_count;
	char scratch[V6_LINE_MAX];
	struct v6_damage damage[V6_DAMAGE_SHOWN];
	uint64_t damaged; /* all of them but those of the text format */
	/* Each record, and each of the damaged lines that are shown; NULL: not wanted. */
	void (*print)(const struct v6_record *r);
	void (*print_damage)(const struct v6_damage *d);
	volatile sig_atomic_t *stop; /* reading ends where it is not 0; NULL: never */
};

/* The files of the command line, sorted: rotated ones oldest first. */
void v6_input_init(struct v6_input *in, char **names, unsigned count);
void v6_input_free(struct v6_input *in);

/*
 * Reads all files to their ends. What cannot be read is complained of, and is in
 * sources[].error. With `follow` regular files alone are read, they stay open, and what
 * cannot be read is for v6_follow().
 */
void v6_input_read(struct v6_input *in, bool follow);

/*
 * Reads what is there, and then on as more comes, which is printed, until SIGINT or SIGTERM, or
 * where nothing more can come.
 */
void v6_follow(struct v6_input *in, void (*print)(const struct v6_record *r));

/* The name of a log: that of its first file, without what rotation adds to it. */
struct v6_slice v6_input_log(const struct v6_input *in, int log);

/* The parts: opens; reads once (bytes, 0: nothing there, -1: s->error); reads what has no newline. */
bool v6_source_open(struct v6_source *s, bool follow);
ssize_t v6_source_read(struct v6_input *in, struct v6_source *s);
void v6_source_close(struct v6_input *in, struct v6_source *s);
struct v6_source *v6_source_add(struct v6_input *in, const char *name);

/* "x.jsonl: No such file or directory", on standard error, once. */
void v6_source_complain(struct v6_source *s);

#endif
