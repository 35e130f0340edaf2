/*
 * The log: opened by the first record, known by its inode before every one, one
 * write a record.
 *
 * It never waits, never raises a signal in the server, and never writes into a
 * descriptor that is not, or is no longer, the log's. What cannot be written is
 * dropped, and counted by the caller.
 */
#ifndef V6_LOG_H
#define V6_LOG_H

#include "../core/settings.h"

/* Bytes before a line that the log may write a prefix to. */
enum { V6_LOG_HEADROOM = 96 };

/*
 * Once, at the start, before anything is written: what the log is, and how standard
 * error was given. Opens nothing, in at most two system calls. `journal` is the value of JOURNAL_STREAM
 * (systemd.exec(5)), "DEVICE:INODE" of the journal's socket, `handed` that of V6_LOG_HANDED;
 * or empty. Settings must stay.
 */
void v6_log_init(const struct v6_settings *s, struct v6_slice journal, struct v6_slice handed);

/* The log's descriptor, if it has one by now; else -1. */
int v6_log_descriptor(void);

/* A syslog severity, RFC 5424, 6.2.1. */
enum v6_severity {
	V6_SEVERITY_ERROR = 3,
	V6_SEVERITY_WARNING = 4,
	V6_SEVERITY_NOTICE = 5,
	V6_SEVERITY_INFO = 6,
};

/* One record on its way. */
struct v6_log_line {
	char *text; /* V6_RECORD_SIZE bytes, and V6_LOG_HEADROOM before it: the log may spoil them */
	size_t len;              /* its newline included */
	struct v6_slice program; /* whose it is: %n, and the tag of syslog */
	enum v6_severity severity;
	int64_t time; /* now, in microseconds of any clock that seldom jumps */
	char *spare;  /* V6_PATH_SIZE bytes that the log may use */
};

/*
 * Writes it by one write. Whether it was written whole. The first time that there is no log at
 * all that is said: on the standard error of the start, else by syslog.
 */
bool v6_log_write(const struct v6_log_line *line);

/*
 * What must be said whatever the log is: on the standard error of the start where
 * that is there and not /dev/null, else in the log, else by syslog.
 */
void v6_log_complain(const struct v6_log_line *line);

#endif
