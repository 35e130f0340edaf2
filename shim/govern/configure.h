/*
 * From the environment and the file that it names to a configuration.
 */
#ifndef V6_CONFIGURE_H
#define V6_CONFIGURE_H

#include "../core/config.h"

/*
 * Adds what the environment and the configuration file say to *config, in which what
 * the command line says may be already, and completes it. Every problem is given to `print`;
 * returns how many there were. *config points into the environment, and into memory of this
 * file's: once in a process.
 */
unsigned v6_configure(
	struct v6_config *config, char **environment, v6_config_print *print, void *context);

#endif
