#include "clock.h"

#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "kernel.h"

#include "forbidden.h"

/*
 * Not libc's function, which other preloaded libraries interpose (libfaketime, with
 * locks and files of its own), and which old systems have in another library.
 * vdso(7) is the kernel's, and no system call.
 */
#if defined(__x86_64__) && defined(__LP64__)
#define VDSO_NAME "__vdso_clock_gettime"
#elif defined(__riscv) && defined(__LP64__)
#define VDSO_NAME "__vdso_clock_gettime"
#elif defined(__aarch64__) && defined(__LP64__)
#define VDSO_NAME "__kernel_clock_gettime"
#endif

typedef int clock_function(clockid_t clock, struct timespec *now);

static clock_function *vdso;

#ifdef VDSO_NAME

/* What of the vDSO's dynamic section is needed. */
struct image {
	uintptr_t bias; /* from the addresses in it to where it is */
	const char *names;
	const ElfW(Sym) * symbols;
	const uint32_t *hash; /* DT_HASH: the second word is how many symbols there are */
};

static void read_dynamic(struct image *image, const ElfW(Dyn) * d)
{
	for (; d->d_tag != DT_NULL; d++) {
		const void *at = (const void *)(image->bias + d->d_un.d_ptr);

		if (d->d_tag == DT_STRTAB)
			image->names = at;
		else if (d->d_tag == DT_SYMTAB)
			image->symbols = at;
		else if (d->d_tag == DT_HASH)
			image->hash = at;
	}
}

static void read_image(struct image *image, const ElfW(Ehdr) * e)
{
	const ElfW(Phdr) *p = (const void *)((const char *)e + e->e_phoff);
	const ElfW(Phdr) *dynamic = NULL;
	bool found = false;

	for (int i = 0; i < e->e_phnum; i++) {
		if (p[i].p_type == PT_LOAD && !found) {
			image->bias = (uintptr_t)e + p[i].p_offset - p[i].p_vaddr;
			found = true;
		} else if (p[i].p_type == PT_DYNAMIC) {
			dynamic = &p[i];
		}
	}
	if (found && dynamic)
		read_dynamic(image, (const void *)(image->bias + dynamic->p_vaddr));
}

void v6_clock_init(const void *header)
{
	struct image image = {0, NULL, NULL, NULL};
	uintptr_t at;

	if (!header)
		return;
	read_image(&image, header);
	if (!image.names || !image.symbols || !image.hash)
		return;
	for (uint32_t i = 0; i < image.hash[1]; i++) {
		const ElfW(Sym) *s = &image.symbols[i];

		if (s->st_shndx == SHN_UNDEF || strcmp(image.names + s->st_name, VDSO_NAME))
			continue;
		at = image.bias + s->st_value;
		memcpy(&vdso, &at, sizeof(vdso));
		return;
	}
}

#else

void v6_clock_init(const void *header)
{
	(void)header;
}

#endif

/* Headers may be too old for it, or, of newer 32-bit machines, have it alone. */
#ifndef SYS_clock_gettime64
#define SYS_clock_gettime64 403
#endif

static int64_t microseconds(int64_t seconds, int64_t nanoseconds)
{
	return seconds * 1000000 + nanoseconds / 1000;
}

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
		return microseconds(now.tv_sec, now.tv_nsec);
	/* Where long ends in 2038; since Linux 5.1. */
	if (sizeof(long) < sizeof(int64_t) &&
		v6_syscall(SYS_clock_gettime64, CLOCK_REALTIME, &wide) >= 0)
		return microseconds(wide.seconds, wide.nanoseconds);
#ifdef SYS_clock_gettime
	if (v6_syscall(SYS_clock_gettime, CLOCK_REALTIME, &plain) >= 0)
		return microseconds(plain.seconds, plain.nanoseconds);
#else
	(void)plain;
#endif
	return 0;
}
