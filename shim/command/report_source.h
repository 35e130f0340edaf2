/*
 * Lines out of files, FIFOs and standard input, in bounded memory: of a line that
 * is too long nothing is kept.
 */
#ifndef V6_REPORT_SOURCE_H
#define V6_REPORT_SOURCE_H

#include <sys/types.h>

#include "../core/text.h"

/* The longest line that is read, its newline not counted, and what is read at a time. */
enum { V6_LINE_MAX = 65536, V6_READ_SIZE = 262144 };

struct v6_source {
	const char *name;        /* as given; "-" is standard input */
	int32_t log;             /* files of one name, rotation apart, have one number */
	int fd;                  /* -1: not open */
	int error;               /* errno: why it could not be read; 0: it could */
	bool regular;            /* it may grow, be cut and be read again */
	bool over;               /* a pipe whose end has come */
	bool said;               /* that it cannot be read was told */
	bool skipping;           /* in a line that is too long */
	struct v6_source *elder; /* the file that had the name before; NULL: none */
	dev_t dev;
	ino_t ino;
	off_t size;   /* when it was opened, 0 unless regular */
	off_t offset; /* bytes read so far */
	char *rest;   /* the beginning of a line whose end was not read yet; V6_LINE_MAX bytes */
	size_t rest_len;
	uint64_t line;                             /* number of the line before, from 1 */
	uint64_t records, damaged, foreign, texts; /* lines, by what they were */
};

struct v6_reader {
	char *buffer; /* V6_LINE_MAX + V6_READ_SIZE bytes */
	/* A line without its newline; `cut` where the end came first. ptr NULL: too long. */
	void (*line)(void *to, struct v6_source *s, struct v6_slice line, bool cut);
	void *to;
};

/*
 * Opens it; `follow` does not wait for a FIFO's writer. false with s->error set.
 * A directory cannot be opened.
 */
bool v6_source_open(struct v6_source *s, bool follow);

/*
 * Reads once, and hands on each line that is whole. The bytes read; 0 at the end,
 * or where nothing is there yet; -1 with s->error set.
 */
ssize_t v6_source_read(struct v6_source *s, const struct v6_reader *reader);

/* Hands on what stands after the last newline. */
void v6_source_flush(struct v6_source *s, const struct v6_reader *reader);

/* Starts at the beginning of what is there now. */
void v6_source_rewind(struct v6_source *s);

void v6_source_close(struct v6_source *s);

/* The name without what rotation adds to it: ".1", "-20260102". */
struct v6_slice v6_source_stem(const char *name);

#endif
