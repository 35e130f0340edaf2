/*
 * The place of the log before anything is started: what a person would like to know then.
 */
#ifndef V6_LOGTARGET_H
#define V6_LOGTARGET_H

#include "../core/settings.h"

/*
 * False, and a warning on standard error that names the log, where it cannot be written as things
 * are.
 */
bool v6_logtarget_check(const struct v6_settings *s);

/*
 * Opens a log that is a file, and has no % in its name, for the program that is started, and makes
 * it where it is not there: what V6_LOG_HANDED is to be, in v6_keep's memory, which begins with
 * the descriptor's number. It is close-on-exec. NULL: another log, or it cannot be, of which there
 * was a warning.
 */
const char *v6_logtarget_open(const struct v6_settings *s);

#endif
