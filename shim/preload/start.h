/*
 * What the kernel laid on the stack for the process to start with: the
 * environment, and the auxiliary vector. No system call; before libc is set up too.
 */
#ifndef V6_START_H
#define V6_START_H

/* As the kernel passed them, whatever became of environ since; NULL where that cannot be told. */
char **v6_start_environment(void);
char **v6_start_arguments(void);

/* An entry of the auxiliary vector; `otherwise` where there is no such entry. */
unsigned long v6_start_auxiliary(unsigned long type, unsigned long otherwise);

#endif
