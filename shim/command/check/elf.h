/*
 * What an ELF file says of itself, as far as a preload depends on it: elf(5), and fs/binfmt_elf.c
 * for what the kernel takes as a program. A file may be cut, damaged or made to hurt: every offset
 * is checked, and nothing is mapped or kept.
 */
#ifndef V6_ELF_H
#define V6_ELF_H

#include <limits.h>

#include "../../core/text.h"

enum v6_libc { V6_LIBC_UNKNOWN, V6_LIBC_GLIBC, V6_LIBC_MUSL };

/* That of this command, and so of the library that was built with it. */
#ifdef __GLIBC__
#define V6_LIBC_OURS V6_LIBC_GLIBC
#else
#define V6_LIBC_OURS V6_LIBC_MUSL
#endif

struct v6_elf {
	bool wide; /* 64-bit */
	bool big_endian;
	uint16_t machine;      /* EM_* */
	char loader[PATH_MAX]; /* the PT_INTERP; empty: none, so nothing loads libraries */
	enum v6_libc libc;     /* the loader's; v6_elf_read() does not look for it */
	bool go;               /* the Go runtime is in it */
};

/* Opens a regular file for reading, never waiting; -1 with errno. */
int v6_elf_open(const char *path);

/* Whether these are the first bytes of an ELF file. */
bool v6_elf_magic(const char *head, size_t len);

/* Reads it, whatever its class and byte order. NULL, or what is wrong with it, in static memory. */
const char *v6_elf_read(int fd, struct v6_elf *elf);
const char *v6_elf_read_path(const char *path, struct v6_elf *elf);

/* "ELF 64-bit x86-64". */
void v6_elf_text(struct v6_text *t, const struct v6_elf *elf);

/* Whether code of both can be in one process. */
bool v6_elf_same_machine(const struct v6_elf *a, const struct v6_elf *b);

/* Whether one kernel may run both: the same machine, or 64 bits and their 32-bit side. */
bool v6_elf_same_family(const struct v6_elf *a, const struct v6_elf *b);

/* The libc that a loader belongs to, by its path. */
enum v6_libc v6_libc_by_name(const char *path);

#endif
