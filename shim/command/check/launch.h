/*
 * Files that do nothing but start another in their own process: a script, env(1), a loader that is
 * called by its name (ld.so(8)).
 */
#ifndef V6_LAUNCH_H
#define V6_LAUNCH_H

#include <stddef.h>

/* Bytes of a file that the kernel looks at: BINPRM_BUF_SIZE. */
enum { V6_SCRIPT_HEAD = 256 };

/*
 * Reads a script's first line as load_script in fs/binfmt_script.c does. head: the file's first
 * bytes and zeroes, made strings of. The interpreter, and in *argument all that follows it, as one;
 * NULL: the kernel takes it for no script (ENOEXEC).
 */
char *v6_launch_script(char head[V6_SCRIPT_HEAD], char **argument);

struct v6_launch {
	char **argv;           /* of what is started; NULL: nothing is */
	const char *path;      /* the PATH by which it is looked for; NULL: none */
	const char *directory; /* to which env changes first; NULL: stays */
	const char *drops;     /* the word that takes LD_PRELOAD away; NULL: it stays */
};

/*
 * Reads the command line of env, nice, timeout, setsid, loaders and their like, by the name that
 * `path` ends with; of others nothing is started, nor where env -S has quotes, escapes or
 * variables. `search` is the PATH that it inherits. Memory: v6_keep.
 */
struct v6_launch v6_launch(const char *path, char **argv, const char *search);

/* How many words there are before the NULL. */
size_t v6_argv_count(char **argv);

#endif
