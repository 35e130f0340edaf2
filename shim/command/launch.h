/*
 * Programs that do nothing but start another in their own process: env(1), a
 * loader that is called by its name (ld.so(8)). What they start, and whether
 * LD_PRELOAD is still there then.
 */
#ifndef V6_LAUNCH_H
#define V6_LAUNCH_H

#include <stdbool.h>

struct v6_launch {
	char **argv;           /* of what is started; NULL: nothing is */
	const char *path;      /* the PATH by which it is looked for; NULL: none */
	const char *directory; /* to which env changes first; NULL: stays */
	const char *drops;     /* the word that takes LD_PRELOAD away; NULL: it stays */
};

/*
 * Reads the command line of env, GNU's with -S or a smaller one; path is the PATH
 * that it inherits. What it does not understand starts nothing. Memory: v6_keep.
 */
void v6_launch_env(struct v6_launch *launch, char **argv, const char *path);

/* Reads the command line of a loader, glibc's or musl's. */
void v6_launch_loader(struct v6_launch *launch, char **argv);

#endif
