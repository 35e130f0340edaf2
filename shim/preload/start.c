#include "start.h"

#include <errno.h>
#include <link.h>
#include <stddef.h>
#include <sys/auxv.h>

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

/* It follows the environment, of which somebody may have taken a few away. */
unsigned long v6_start_auxiliary(unsigned long type, unsigned long otherwise)
{
#ifdef __GLIBC__
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
#else
	unsigned long value;

	errno = 0;
	value = getauxval(type);
	return errno ? otherwise : value;
#endif
}
