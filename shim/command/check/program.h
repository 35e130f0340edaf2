/*
 * What a file is, and what it starts in its own process: elf(5) and fs/binfmt_elf.c for what the
 * kernel takes as a program, fs/binfmt_script.c for scripts; env(1) and its like; loaders that are
 * called by their names (ld.so(8)). A file may be cut, damaged or made to hurt: every offset is
 * checked, and nothing is mapped.
 */
#pragma once

#include <limits.h>

#include "../../core/text.h"

enum v6_libc { V6_LIBC_UNKNOWN, V6_LIBC_GLIBC, V6_LIBC_MUSL };

/* That of this command, and so of the library that was built with it. */
#ifdef __GLIBC__
#define V6_LIBC_OURS V6_LIBC_GLIBC
#else
#define V6_LIBC_OURS V6_LIBC_MUSL
#endif

/* Bytes of a file that the kernel looks at: BINPRM_BUF_SIZE. */
enum { V6_SCRIPT_HEAD = 256 };

struct v6_program {
	int fd;        /* while it is read */
	uint64_t size; /* then */
	bool elf;      /* it begins as such a file does; otherwise it is a script */
	/* A script's, in `head`; all that follows the interpreter is one argument. NULL: the kernel
	 * takes it for none (ENOEXEC). */
	char *interpreter, *argument;
	char head[V6_SCRIPT_HEAD];
	const char *problem; /* what is wrong with an ELF file; NULL: nothing */
	bool wide;           /* 64-bit */
	bool big_endian;
	unsigned machine, family; /* EM_*: its own, and its 64-bit side's */
	const char *name;         /* of the machine; NULL: not known */
	char loader[PATH_MAX];    /* the PT_INTERP; empty: none, so nothing loads libraries */
	enum v6_libc libc;        /* the loader's */
	bool go;                  /* the Go runtime is in it */
};

/* Opens a file for reading, never waiting; -1 with errno. */
int v6_program_open(const char *path);

/* Reads it, whatever its class and byte order: 0, or the errno of open(2). */
int v6_program_read(const char *path, struct v6_program *p);

/* "ELF 64-bit x86-64, glibc", of v6_keep. `path` is its own. */
const char *v6_program_text(const struct v6_program *p, const char *path);

/* Whether code of both can be in one process; or one kernel may run both, as 64 bits and 32. */
enum v6_likeness { V6_UNLIKE, V6_LIKE_FAMILY, V6_LIKE_MACHINE };
enum v6_likeness v6_program_like(const struct v6_program *a, const struct v6_program *b);

/* How a program is started. */
struct v6_start {
	char **argv;
	const char *path;      /* the PATH by which it is looked for; NULL: none */
	const char *directory; /* in which that is; NULL: this process's */
	const char *drops;     /* the word that takes LD_PRELOAD away before; NULL: none does */
};

/* A name as seen from that directory. */
const char *v6_start_from(const struct v6_start *s, const char *name);

/*
 * Reads the command line of env, nice, timeout, setsid, loaders and their like, by the name that
 * `path` ends with: true, and *s is of what it starts. Of others nothing is started, nor where
 * env -S has quotes, escapes or variables. Memory: v6_keep.
 */
bool v6_start_next(struct v6_start *s, const char *path);
