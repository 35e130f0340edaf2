#include "sys.h"

#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/*
 * Machines on which what is handed to the kernel here is not what it takes. That would show at run
 * time only, as a lost log or a signal that is not held, so that they are refused when built.
 */
#if defined(__mips__)
#error "v6shim: on MIPS the kernel's signal set and struct stat are not those that sys.c hands over"
#elif defined(__alpha__) || defined(__sparc__)
#error "v6shim: on Alpha and SPARC the kernel's struct stat is not libc's, which sys.c hands over"
#elif defined(__ILP32__) && (defined(__x86_64__) || defined(__aarch64__))
#error "v6shim: the 32-bit ABIs of 64-bit kernels (x32, ILP32) have 64-bit times, sys.c has longs"
#elif UINTPTR_MAX == UINT32_MAX && defined(__GLIBC__) && defined(_TIME_BITS) && _TIME_BITS == 64
#error "v6shim: with _TIME_BITS=64 glibc's struct stat is not the kernel's: build without it"
#endif

/* The size of the kernel's sigset_t, which rt_sigprocmask(2) wants to hear. */
enum { KERNEL_SIGSET = sizeof(uint64_t) };

/*
 * A set of ours as the kernel has it, and back. The kernel's is an array of longs, the first of which
 * has signals 1 to 32 on a 32-bit machine: where the higher half of a number comes first, the halves
 * change places.
 */
static uint64_t kernel_set(uint64_t set)
{
#if UINTPTR_MAX == UINT32_MAX && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return set << 32 | set >> 32;
#else
	return set;
#endif
}

/*
 * Some machines have the socket calls only behind socketcall(2), or had when
 * their kernels were old (i386 and s390x before Linux 4.3). The numbers are those of
 * linux/net.h, which not every libc comes with.
 */
#ifdef SYS_socketcall
#define CALL(name, number, ...) v6_syscall(SYS_socketcall, number, ((unsigned long[]){__VA_ARGS__}))
#define ARG(x)                  ((unsigned long)(x))
#else
#define CALL(name, number, ...) v6_syscall(SYS_##name, __VA_ARGS__)
#define ARG(x)                  (x)
#endif

int v6_sys_socket(int domain, int type, int protocol)
{
	return (int)CALL(socket, 1, ARG(domain), ARG(type), ARG(protocol));
}

int v6_sys_bind(int fd, const void *addr, socklen_t len)
{
	return (int)CALL(bind, 2, ARG(fd), ARG(addr), ARG(len));
}

int v6_sys_listen(int fd, int backlog)
{
	return (int)CALL(listen, 4, ARG(fd), ARG(backlog));
}

int v6_sys_connect(int fd, const void *addr, socklen_t len)
{
	return (int)CALL(connect, 3, ARG(fd), ARG(addr), ARG(len));
}

int v6_sys_getsockname(int fd, void *addr, socklen_t *len)
{
	return (int)CALL(getsockname, 6, ARG(fd), ARG(addr), ARG(len));
}

int v6_sys_getpeername(int fd, void *addr, socklen_t *len)
{
	return (int)CALL(getpeername, 7, ARG(fd), ARG(addr), ARG(len));
}

int v6_sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return (int)CALL(getsockopt, 15, ARG(fd), ARG(level), ARG(name), ARG(value), ARG(len));
}

int v6_sys_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return (int)CALL(setsockopt, 14, ARG(fd), ARG(level), ARG(name), ARG(value), ARG(len));
}

ssize_t v6_sys_send(int fd, const void *data, size_t len)
{
	return CALL(
		sendto, 11, ARG(fd), ARG(data), ARG(len), ARG(MSG_DONTWAIT | MSG_NOSIGNAL), 0, 0);
}

ssize_t v6_sys_receive(int fd, void *data, size_t len)
{
	return CALL(
		recvfrom, 12, ARG(fd), ARG(data), ARG(len), ARG(MSG_DONTWAIT | MSG_TRUNC), 0, 0);
}

int v6_sys_open(const char *path, int flags, unsigned mode)
{
	return (int)v6_syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int v6_sys_close(int fd)
{
	return (int)v6_syscall(SYS_close, fd);
}

#ifdef SYS_fcntl64
#define FCNTL SYS_fcntl64
#else
#define FCNTL SYS_fcntl
#endif

int v6_sys_fcntl(int fd, int command, int value)
{
	return (int)v6_syscall(FCNTL, fd, command, value);
}

int v6_sys_dup_from(int fd, int lowest)
{
	return v6_sys_fcntl(fd, F_DUPFD_CLOEXEC, lowest);
}

int v6_sys_dup_onto(int fd, int target)
{
	return (int)v6_syscall(SYS_dup3, fd, target, O_CLOEXEC);
}

ssize_t v6_sys_write(int fd, const void *data, size_t len)
{
	return v6_syscall(SYS_write, fd, data, len);
}

ssize_t v6_sys_read(int fd, void *data, size_t len)
{
	return v6_syscall(SYS_read, fd, data, len);
}

ssize_t v6_sys_getdents(int fd, void *buf, size_t size)
{
	return v6_syscall(SYS_getdents64, fd, buf, size);
}

ssize_t v6_sys_readlink(const char *path, char *buf, size_t size)
{
	return v6_syscall(SYS_readlinkat, AT_FDCWD, path, buf, size);
}

/*
 * Not by libc's functions of these names: glibc has them since 2.33 only, and a
 * legacy server may run on an older one. The struct is the kernel's own on the
 * machines that have these calls.
 */
#if defined(SYS_newfstatat)
#define FSTATAT(...) v6_syscall(SYS_newfstatat, __VA_ARGS__)
#define FSTAT(...)   v6_syscall(SYS_fstat, __VA_ARGS__)
#else
#define FSTATAT(...) v6_syscall(SYS_fstatat64, __VA_ARGS__)
#define FSTAT(...)   v6_syscall(SYS_fstat64, __VA_ARGS__)
#endif

int v6_sys_fstat(int fd, struct stat *st)
{
	return (int)FSTAT(fd, st);
}

int v6_sys_stat(const char *path, struct stat *st)
{
	return (int)FSTATAT(AT_FDCWD, path, st, 0);
}

int v6_sys_lstat(const char *path, struct stat *st)
{
	return (int)FSTATAT(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

int v6_sys_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	struct {
		long seconds, nanoseconds;
	} now = {0, 0};
	long n = v6_syscall(SYS_ppoll, &p, 1, &now, NULL, KERNEL_SIGSET);

	return n == 1 && p.revents & POLLOUT && !(p.revents & (POLLERR | POLLNVAL));
}

void *v6_sys_map(size_t size, int advice)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	long at;

#ifdef SYS_mmap2
	at = v6_syscall(SYS_mmap2, NULL, size, prot, flags, -1, 0);
#else
	at = v6_syscall(SYS_mmap, NULL, size, prot, flags, -1, 0);
#endif
	/* The last page of all is never mapped: a number in it is an errno. */
	if ((unsigned long)at > -4096UL)
		return NULL;
	if (advice && v6_syscall(SYS_madvise, at, size, advice) < 0) {
		v6_sys_unmap((void *)at, size);
		return NULL;
	}
	return (void *)at;
}

void v6_sys_unmap(void *at, size_t size)
{
	v6_syscall(SYS_munmap, at, size);
}

int v6_sys_getpid(void)
{
	return (int)v6_syscall(SYS_getpid);
}

int v6_sys_gettid(void)
{
	return (int)v6_syscall(SYS_gettid);
}

unsigned v6_sys_geteuid(void)
{
#ifdef SYS_geteuid32
	return (unsigned)v6_syscall(SYS_geteuid32);
#else
	return (unsigned)v6_syscall(SYS_geteuid);
#endif
}

uint64_t v6_sys_limit(int resource)
{
	uint64_t limit[2] = {0, 0};
	/* Filters allow getrlimit(2) rather than prlimit(2), which sets as well. */
#if defined(SYS_getrlimit) && UINTPTR_MAX == UINT64_MAX
	long error = v6_syscall(SYS_getrlimit, resource, limit);
#else
	long error = v6_syscall(SYS_prlimit64, 0, resource, NULL, limit);
#endif

	return error < 0 ? V6_LIMIT_UNKNOWN : limit[0];
}

void v6_sys_sleep_microseconds(unsigned microseconds)
{
	struct {
		long seconds, nanoseconds;
	} pause = {microseconds / 1000000, (long)(microseconds % 1000000) * 1000};

	v6_syscall(SYS_nanosleep, &pause, NULL);
}

int v6_sys_block_signals(uint64_t mask, uint64_t *old)
{
	uint64_t set = kernel_set(mask), before = 0;
	long result = v6_syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, &before, KERNEL_SIGSET);

	if (result >= 0)
		*old = kernel_set(before);
	return (int)result;
}

void v6_sys_restore_signals(uint64_t mask)
{
	uint64_t set = kernel_set(mask);

	v6_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, KERNEL_SIGSET);
}

uint64_t v6_sys_pending_signals(void)
{
	uint64_t set = 0;

	v6_syscall(SYS_rt_sigpending, &set, KERNEL_SIGSET);
	return kernel_set(set);
}

void v6_sys_take_signal(uint64_t set)
{
	struct {
		long seconds, nanoseconds;
	} now = {0, 0};
	uint64_t one = kernel_set(set);

	v6_syscall(SYS_rt_sigtimedwait, &one, NULL, &now, KERNEL_SIGSET);
}

/*
 * The kernel copies the set before it looks at `how`: an unreadable pointer is
 * EFAULT, anything else EINVAL, and nothing changes (kernel/signal.c,
 * rt_sigprocmask). It reads eight bytes, so that it is asked about the aligned
 * eight around each end of the four: memory is mapped in pages.
 */
static int readable(uintptr_t at)
{
	int how = ~0;

	/* A seccomp filter may refuse the call, and then nothing is known. */
	return v6_syscall(SYS_rt_sigprocmask, how, at & ~(uintptr_t)7, NULL, KERNEL_SIGSET) ==
	       -EINVAL;
}

int v6_sys_peek_int(const void *from, int *value)
{
	uintptr_t first = (uintptr_t)from, last = first + sizeof(*value) - 1;

	/* A set at address 0 is no set, and nothing is read. */
	if (first < sizeof(uint64_t) || !readable(first) || !readable(last))
		return -EFAULT;
	memcpy(value, from, sizeof(*value));
	return 0;
}

/*
 * Not libc's function, which other preloaded libraries interpose (libfaketime, with
 * locks and files of its own). vdso(7) is the kernel's, and no system call.
 */
static v6_sys_clock *vdso;

void v6_sys_use_clock(v6_sys_clock *clock)
{
	vdso = clock;
}

/* Headers may be too old for it, or, of newer 32-bit machines, have it alone. */
#ifndef SYS_clock_gettime64
#define SYS_clock_gettime64 403
#endif

int64_t v6_sys_now(void)
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
	v6_syscall(SYS_clock_gettime, CLOCK_REALTIME, &plain);
	return plain.seconds * INT64_C(1000000) + plain.nanoseconds / 1000;
}
