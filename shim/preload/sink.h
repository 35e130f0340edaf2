/*
 * The log: opened early, checked before every record, one write a record.
 *
 * It never waits, never raises a signal in the server, and never writes into a
 * descriptor that is not, or is no longer, the log's. What cannot be written is
 * dropped, and counted by the caller.
 */
#ifndef V6_SINK_H
#define V6_SINK_H

#include "live.h"

/*
 * Before anything is written, while standard error is still as it was given.
 * `journal` is the value of JOURNAL_STREAM (systemd.exec(5)), "DEVICE:INODE" of
 * the journal's socket, or empty.
 */
void v6_sink_prepare(const struct v6_live *live, struct v6_slice journal);

/* Opens what the settings name. */
void v6_sink_open(const struct v6_live *live);

/* Bytes before a line that the sink may write a prefix to. */
enum { V6_SINK_HEADROOM = 96 };

/* One record on its way. */
struct v6_sink_line {
	char *text;   /* V6_SINK_HEADROOM bytes before it are the caller's memory too */
	size_t len;   /* its newline included */
	int priority; /* a syslog severity, 0 to 7 (RFC 5424, 6.2.1) */
	int pid;      /* of the process that calls */
	int64_t time; /* now, in microseconds of any clock that seldom jumps */
	char *spare;  /* V6_PATH_SIZE bytes that the sink may use */
};

/* Writes it by one write. Whether it was written whole. */
bool v6_sink_write(const struct v6_sink_line *line);

/*
 * Writes `len` bytes to standard error, whatever the log is, with headroom before
 * them as above: for what must be said when the configuration does not parse.
 */
bool v6_sink_complain(char *line, size_t len, int priority);

#endif
