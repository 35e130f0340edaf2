#include "start.h"

#include <errno.h>
#include <link.h>
#include <stddef.h>
#include <sys/auxv.h>

#include "next.h"

#include "../govern/forbidden.h"

/*
 * glibc's dynamic linker: where the kernel put argc; argv, the environment and the
 * auxiliary vector follow. musl has no such name, and has getauxval.
 */
extern void *__libc_stack_end __attribute__((weak));

char **v6_start_arguments(void)
{
	char **argv;
	long argc;

	if (!&__libc_stack_end || !__libc_stack_end)
		return NULL;
	argc = *(long *)__libc_stack_end;
	argv = (char **)__libc_stack_end + 1;
	return argc >= 0 && !argv[argc] ? argv : NULL;
}

char **v6_start_environment(void)
{
	char **argv = v6_start_arguments();

	return argv ? argv + *(long *)__libc_stack_end + 1 : NULL;
}

/* The auxiliary vector follows the environment, of which somebody may have taken a few away. */
static unsigned long walk(unsigned long type, unsigned long otherwise)
{
	char **entry = v6_start_environment();
	const ElfW(auxv_t) * aux;

	if (!entry)
		return otherwise;
	while (*entry)
		entry++;
	while (!*entry)
		entry++;
	for (aux = (const void *)entry; aux->a_type != AT_NULL; aux++)
		if (aux->a_type == type)
			return aux->a_un.a_val;
	return otherwise;
}

unsigned long v6_start_auxiliary(unsigned long type, unsigned long otherwise)
{
	unsigned long (*ask)(unsigned long) = v6_next.getauxval;
	unsigned long value;

#ifndef __GLIBC__
	ask = getauxval;
#endif
	if (!ask)
		return walk(type, otherwise);
	errno = 0;
	value = ask(type);
	return errno ? otherwise : value;
}
