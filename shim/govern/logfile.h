/*
 * Opens the file of a log where nobody else can have put something in its place.
 */
#ifndef V6_LOGFILE_H
#define V6_LOGFILE_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Opens a path for appending, never waiting (O_NONBLOCK), and makes the file where it is
 * not there: the descriptor and *st, or the negated errno: -EACCES where another user may
 * have planted what is there. `root` is what "/" is. The path is absolute, in memory of the
 * caller's own that is written to meanwhile. A log that is rotated at this moment is tried again.
 */
int v6_logfile_open(char *path, const struct stat *root, struct stat *st);

/*
 * Moves a descriptor up and out of the server's way, close-on-exec: servers close or select(2)
 * on low numbers, and take 0, 1 and 2 for what they are. Not too high either, for the kernel's
 * table grows to hold it. The new number; negative, and it is closed, where that cannot be, or where
 * a server may have so few that it needs them all.
 */
int v6_logfile_raise(int fd);

#endif
