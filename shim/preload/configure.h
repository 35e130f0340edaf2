/*
 * From the environment and the file that it names to a configuration.
 */
#ifndef V6_CONFIGURE_H
#define V6_CONFIGURE_H

#include "../core/config.h"

/*
 * Fills *config. Every problem is told on standard error, the first few are kept
 * for v6_configure_record(); how many there were. The texts that *config points
 * into are the environment's, or memory of this file's.
 */
unsigned v6_configure(struct v6_config *config);

/* Writes the problems that were kept into the log, once it is open. */
void v6_configure_record(void);

/* The value of an environment variable, empty where it is not set. Without libc's lock. */
struct v6_slice v6_configure_environment(const char *name);

#endif
