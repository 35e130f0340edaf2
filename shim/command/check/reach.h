/*
 * Whether a preload reaches a command, and through which files: it is found as execvp(3) finds it
 * and followed as execve(2) and env(1) would. Nothing of it is executed.
 */
#pragma once

#include <stdbool.h>

/* What --reach takes. */
#define V6_REACH_WAYS "auto preload supervise"

/* One file on the way. Paths are as they are on disk, of any bytes; the texts are safe to print. */
struct v6_hop {
	const char *path;   /* as execve gets it; of the library as LD_PRELOAD names it */
	const char *target; /* what the symbolic link comes to; NULL: it is none */
	const char *what;   /* "ELF 64-bit x86-64, glibc"; NULL: nothing to tell */
	const char *why;    /* what stands in the way, or more of it; may be empty */
	unsigned obstacle;  /* 0: nothing stands in the way */
};

enum { V6_HOPS_MAX = 16 };

struct v6_reach {
	struct v6_hop hop[V6_HOPS_MAX + 1]; /* the library is behind them */
	unsigned hops;
	unsigned launches; /* of those, at the beginning, that the next words are started by */
	const char *name;  /* the command after them, as typed, safe to print */
	const struct v6_hop *at;    /* the first with an obstacle; NULL: a preload gets there */
	const char *why;            /* that obstacle, "[FILE: ]WHY[: NOTE]"; else empty */
	int exit;                   /* of v6shim run: V6_EXIT_* */
	bool starts;                /* at all, reached or not */
	const char *const *instead; /* what to do about it, clauses up to a NULL */
	/* Where a supervisor would take from it what it starts with, or not see it; or NULL. */
	const struct v6_hop *loses;
	bool shell;           /* what is reached is a shell, which starts other programs */
	bool shell_is_static; /* and it is not reached itself, only those are */
};

/*
 * argv ends with NULL. For this process as it is. *reach is zeroes. Memory: v6_keep. Not `preload`:
 * the library is not looked for, and is an obstacle behind all others.
 */
void v6_reach(struct v6_reach *reach, char **argv, bool preload);

/*
 * The library beside this executable, or else the installed one; never one in the working
 * directory. False: ->why says why it cannot be used; its path is its mere name where none is.
 */
bool v6_library_find(struct v6_hop *library);

/* What that means. */
#define V6_REACH_LOSES                                                                             \
	"it gains privileges when it is started, or cannot be read, and what a user supervises "   \
	"gains nothing (no_new_privs): start v6shim as root, or give it what it needs: "           \
	"AmbientCapabilities= in systemd.exec(5), setpriv --ambient-caps"
