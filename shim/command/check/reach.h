/*
 * Whether a preload reaches a command, and through which files: the command is
 * found as execvp(3) finds it and followed as execve(2) and env(1) would. Nothing
 * of it is executed.
 */
#ifndef V6_REACH_H
#define V6_REACH_H

#include "hop.h"
#include "library.h"

enum { V6_HOPS_MAX = 16 };

struct v6_reach {
	struct v6_hop hop[V6_HOPS_MAX];
	unsigned hops;
	unsigned launches; /* of those, at the beginning, that the next words are started by */
	const char *name;  /* the command after them, as typed */
	struct v6_library library;
	struct v6_elf library_elf;
	struct v6_hop preload; /* the library, as the last hop */
	/* The first obstacle on the way and its hop; V6_OBSTACLE_NONE: a preload gets there. */
	enum v6_obstacle obstacle;
	const struct v6_hop *at;
	bool shell;           /* what is reached is a shell, which starts other programs */
	bool shell_is_static; /* and it is not reached itself, only those are */
};

/*
 * argv: the command and its arguments, ending with NULL. Follows them for this
 * process, its user, environment and working directory. *reach is zeroes. Memory: v6_keep.
 */
void v6_reach(struct v6_reach *reach, char **argv);

/* The first obstacle in words: "[FILE: ]WHY[: NOTE]". */
void v6_reach_why(struct v6_text *t, const struct v6_reach *reach);

#endif
