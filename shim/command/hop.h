/*
 * One file on the way to a program: what it is called, what it is, and what of
 * it stands in the way.
 */
#ifndef V6_HOP_H
#define V6_HOP_H

#include <stdbool.h>
#include <sys/stat.h>

#include "../core/text.h"
#include "obstacle.h"

enum {
	V6_HOP_WHAT = 96,
	V6_HOP_NOTE = 512,
};

/* Paths are as they are on disk, whatever bytes they have; the texts are safe to print. */
struct v6_hop {
	const char *path;       /* as execve gets it */
	const char *target;     /* what the symbolic link comes to; NULL: it is none */
	char what[V6_HOP_WHAT]; /* "ELF 64-bit x86-64, glibc"; empty: nothing to tell */
	char note[V6_HOP_NOTE]; /* more of it, or of the obstacle; may be empty */
	enum v6_obstacle obstacle;
};

/* A hop of that path, which is kept by the caller; its target memory is v6_keep's. */
void v6_hop_init(struct v6_hop *hop, const char *path);

/* Sets the note: words of ours, then a name of anybody's. */
void v6_hop_note(struct v6_hop *hop, const char *words, const char *name);

/* Sets the obstacle and the note; the note is left empty by NULL. */
void v6_hop_stop(struct v6_hop *hop, enum v6_obstacle obstacle, const char *name);

/* "PATH -> TARGET", safe to print. */
void v6_hop_name(struct v6_text *t, const struct v6_hop *hop);

/* The obstacle and the note, or the note alone. */
void v6_hop_why(struct v6_text *t, const struct v6_hop *hop);

/* Whether the base name of the path, or of what it links to, is that name. */
bool v6_hop_is(const struct v6_hop *hop, const char *name);

/* Whether execve would open path as a program; *error: its errno where it would not. */
enum v6_obstacle v6_executable(const char *path, struct stat *st, int *error);

/* Opens path for reading if it is a regular file, never waiting; -1 with errno. */
int v6_open_regular(const char *path);

/*
 * Opens the hop's file as a program; *st is its status. -1 with the obstacle set
 * and *error, the errno of execve: 0 where it may open what this user may not read.
 */
int v6_hop_open(struct v6_hop *hop, struct stat *st, int *error);

#endif
