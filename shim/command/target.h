/*
 * The place of the log before anything is started: what a person would like to know then.
 */
#ifndef V6_TARGET_H
#define V6_TARGET_H

#include "../core/settings.h"

/* False, and a warning on standard error that names the log, where it cannot be written as things are. */
bool v6_target_check(const struct v6_settings *s);

/*
 * Opens a log that is a file, and has no % in its name, for the program that is started: made where it is
 * not there, left open across execve(2), and told of in the environment (V6_LOG_HANDED). Of
 * another log, or where that cannot be, there is a warning or nothing.
 */
void v6_target_open(const struct v6_settings *s);

#endif
