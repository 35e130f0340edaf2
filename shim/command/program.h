/*
 * An ELF file in the place of a program, and what of it alone keeps a preload out.
 */
#ifndef V6_PROGRAM_H
#define V6_PROGRAM_H

#include <sys/stat.h>

#include "elf.h"
#include "hop.h"

/* The libc that its loader belongs to. */
enum v6_libc v6_program_libc(const struct v6_elf *elf);

/* Reads the file open at fd into elf and the hop. False, with the obstacle: damaged. */
bool v6_program_read(struct v6_hop *hop, int fd, struct v6_elf *elf);

/*
 * Judges its loader, and whether it would start with AT_SECURE or hand on no
 * environment; st is its status, with_arguments whether it has any. The obstacle
 * is the hop's; returned is the errno of execve, 0 where it would start.
 */
int v6_program_judge(
	struct v6_hop *hop, const struct v6_elf *elf, const struct stat *st, bool with_arguments);

/* Whether what is in it can be reached: none, V6_OBSTACLE_GO, _STATIC or _LOADER. */
enum v6_obstacle v6_program_kind(const struct v6_elf *elf);

/* Whether it is a shell, or a loader, by its name. */
bool v6_program_is_shell(const struct v6_hop *hop);
bool v6_program_is_loader(const struct v6_hop *hop, const struct v6_elf *elf);

#endif
