/*
 * What can stand between a preload and a program, each with its words: why, and
 * what to do instead.
 */
#ifndef V6_OBSTACLE_H
#define V6_OBSTACLE_H

enum v6_obstacle {
	V6_OBSTACLE_NONE,

	/* It does not start. */
	V6_OBSTACLE_NO_NAME,
	V6_OBSTACLE_NOT_IN_PATH,
	V6_OBSTACLE_NO_FILE,
	V6_OBSTACLE_DANGLING,
	V6_OBSTACLE_NO_WAY,
	V6_OBSTACLE_DIRECTORY,
	V6_OBSTACLE_SPECIAL,
	V6_OBSTACLE_NOEXEC,
	V6_OBSTACLE_NO_PERMISSION,
	V6_OBSTACLE_DAMAGED,
	V6_OBSTACLE_DEPTH,
	V6_OBSTACLE_NO_LOADER,
	V6_OBSTACLE_BAD_LOADER,
	V6_OBSTACLE_EPERM,
	V6_OBSTACLE_ENDLESS,

	/* It starts, and is not reached. */
	V6_OBSTACLE_UNREADABLE,
	V6_OBSTACLE_STATIC,
	V6_OBSTACLE_GO,
	V6_OBSTACLE_SET_ID,
	V6_OBSTACLE_CAPABILITIES,
	V6_OBSTACLE_IDS,
	V6_OBSTACLE_LOADER,
	V6_OBSTACLE_DROPPED,
	V6_OBSTACLE_CLEANED,

	/* The library is not for it. */
	V6_OBSTACLE_NEEDS_32,
	V6_OBSTACLE_NEEDS_MACHINE,
	V6_OBSTACLE_NEEDS_GLIBC,
	V6_OBSTACLE_NEEDS_MUSL,

	/* The library is not to be had at all. */
	V6_OBSTACLE_LIBRARY,
};

enum { V6_INSTEAD_MAX = 4 };

struct v6_obstacle_words {
	int exit;        /* of v6shim run: V6_EXIT_* */
	const char *why; /* a clause */
	/* What to do about it or instead, a clause each; ends with NULL or at its end. */
	const char *instead[V6_INSTEAD_MAX];
};

const struct v6_obstacle_words *v6_obstacle_words(enum v6_obstacle obstacle);

#endif
