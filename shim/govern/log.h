/*
 * The log: opened by the first record, known by its inode before every one, one write a record.
 *
 * It never waits, never raises a signal in the server, and never writes into a descriptor that is
 * not, or is no longer, the log's. What cannot be written is dropped, and counted by the caller.
 */
#pragma once

#include <sys/stat.h>
#include <syslog.h>

#include "../core/settings.h"

/*
 * Once, at the start, before anything is written: what the log is, and how standard error was
 * given. Opens nothing, in at most two system calls. `journal` is the value of JOURNAL_STREAM
 * (systemd.exec(5)), "DEVICE:INODE" of the journal's socket, `handed` that of V6_LOG_HANDED; or
 * empty. Settings must stay.
 */
void v6_log_init(const struct v6_settings *s, struct v6_slice journal, struct v6_slice handed);

/* The log's descriptor, if it has one by now; else -1. */
int v6_log_descriptor(void);

/* Bytes before a line that the log may write a prefix to. */
enum { V6_LOG_HEADROOM = 96 };

/* One record on its way. */
struct v6_log_line {
	/* V6_RECORD_SIZE bytes, V6_LOG_HEADROOM before, V6_PATH_SIZE behind: all may be spoilt. */
	char *text;
	size_t len;              /* its newline included */
	struct v6_slice program; /* whose it is: %n, and the tag of syslog */
	int severity;            /* LOG_ERR, LOG_WARNING, LOG_NOTICE or LOG_INFO, syslog(3) */
	int64_t time;            /* now, in microseconds of any clock that seldom jumps */
};

/*
 * Writes it by one write. Whether it was written whole. The first time that there is no log at
 * all that is said: on the standard error of the start, else by syslog.
 */
bool v6_log_write(struct v6_log_line line);

/*
 * What must be said whatever the log is: on the standard error of the start where
 * that is there and not /dev/null, else in the log, else by syslog.
 */
void v6_log_complain(struct v6_log_line line);

/*
 * Opens a path for appending, never waiting (O_NONBLOCK), and makes the file where it is
 * not there: the descriptor and *st, or the negated errno: -EACCES where another user may
 * have planted what is there. `root` is what "/" is. The path is absolute, in memory of the
 * caller's own that is written to meanwhile. A log that is rotated at this moment is tried again.
 */
int v6_logfile_open(char *path, const struct stat *root, struct stat *st);

/*
 * Moves a descriptor up and out of the server's way, close-on-exec: servers close or select(2) on
 * low numbers, and take 0, 1 and 2 for what they are. Not too high either, for the kernel's table
 * grows to hold it. The new number; negative, and it is closed, where that cannot be, or where a
 * server may have so few that it needs them all.
 */
int v6_logfile_raise(int fd);
