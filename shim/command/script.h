/*
 * The first line of a script, as the kernel reads it: execve(2), "Interpreter
 * scripts", and load_script in fs/binfmt_script.c.
 */
#ifndef V6_SCRIPT_H
#define V6_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

enum {
	V6_SCRIPT_HEAD = 256, /* bytes the kernel looks at: BINPRM_BUF_SIZE */
	V6_SCRIPT_DEPTH = 5,  /* interpreters that may be scripts themselves */
};

struct v6_script {
	char interpreter[V6_SCRIPT_HEAD];
	char argument[V6_SCRIPT_HEAD]; /* all that follows it, as one; empty: none */
};

/*
 * Reads a file's first bytes, V6_SCRIPT_HEAD of them unless the file is shorter.
 * False: the kernel takes it for no script (ENOEXEC).
 */
bool v6_script_read(const char *head, size_t len, struct v6_script *script);

#endif
