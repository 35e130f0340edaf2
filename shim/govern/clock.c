#include "clock.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "kernel.h"

/*
 * Not libc's function, which other preloaded libraries interpose (libfaketime, with
 * locks and files of its own). vdso(7) is the kernel's, and no system call.
 */
static int (*vdso)(clockid_t clock, struct timespec *now);

void v6_clock_init(void)
{
	static const char *const names[][2] = {
		{"linux-vdso.so.1", "__vdso_clock_gettime"},
		{"linux-vdso.so.1", "__kernel_clock_gettime"}, /* aarch64 */
	};
	void *image, *symbol = NULL;

	/* Where long has 32 bits it ends in 2038: the system call below knows better. */
	for (int i = 0; sizeof(long) == 8 && i < 2 && !symbol; i++) {
		image = dlopen(names[i][0], RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
		symbol = image ? dlsym(image, names[i][1]) : NULL;
	}
	if (symbol)
		memcpy(&vdso, &symbol, sizeof(vdso));
}

/* Headers may be too old for it, or, of newer 32-bit machines, have it alone. */
#ifndef SYS_clock_gettime64
#define SYS_clock_gettime64 403
#endif

int64_t v6_clock_now(void)
{
	struct timespec now = {0, 0};
	struct {
		int64_t seconds, nanoseconds;
	} wide = {0, 0};
	struct {
		long seconds, nanoseconds;
	} plain = {0, 0};

	if (vdso && !vdso(CLOCK_REALTIME, &now))
		return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
	/* Linux 5.1 */
	if (sizeof(long) < sizeof(int64_t) &&
		v6_syscall(SYS_clock_gettime64, CLOCK_REALTIME, &wide) >= 0)
		return wide.seconds * 1000000 + wide.nanoseconds / 1000;
#ifdef SYS_clock_gettime
	v6_syscall(SYS_clock_gettime, CLOCK_REALTIME, &plain);
#endif
	return plain.seconds * INT64_C(1000000) + plain.nanoseconds / 1000;
}
