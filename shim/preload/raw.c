#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* linux/fs.h; its own header clashes with libc's in some versions. */
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

/* The size of the kernel's sigset_t, which rt_sigprocmask(2) wants to hear. */
enum { KERNEL_SIGSET = sizeof(uint64_t) };

static long outcome(long result)
{
	return result < 0 ? -errno : result;
}

/*
 * Some machines have the socket calls only behind socketcall(2), or had when
 * their kernels were old (i386 and s390x before Linux 4.3).
 */
#ifdef SYS_socketcall
enum { /* linux/net.h, which not every libc comes with */
	CALL_SOCKET = 1,
	CALL_BIND = 2,
	CALL_CONNECT = 3,
	CALL_LISTEN = 4,
	CALL_GETSOCKNAME = 6,
	CALL_GETPEERNAME = 7,
	CALL_SEND = 9,
	CALL_RECV = 10,
	CALL_SETSOCKOPT = 14,
	CALL_GETSOCKOPT = 15,
};
#define SOCKETCALL(call, ...) outcome(syscall(SYS_socketcall, call, (unsigned long[]){__VA_ARGS__}))
#define ARG(x)                ((unsigned long)(x))
#endif

int v6_raw_socket(int domain, int type, int protocol)
{
#ifdef SYS_socketcall
	return (int)SOCKETCALL(CALL_SOCKET, ARG(domain), ARG(type), ARG(protocol));
#else
	return (int)outcome(syscall(SYS_socket, domain, type, protocol));
#endif
}

int v6_raw_bind(int fd, const void *addr, socklen_t len)
{
#ifdef SYS_socketcall
	return (int)SOCKETCALL(CALL_BIND, ARG(fd), ARG(addr), ARG(len));
#else
	return (int)outcome(syscall(SYS_bind, fd, addr, len));
#endif
}

int v6_raw_listen(int fd, int backlog)
{
#ifdef SYS_socketcall
	return (int)SOCKETCALL(CALL_LISTEN, ARG(fd), ARG(backlog));
#else
	return (int)outcome(syscall(SYS_listen, fd, backlog));
#endif
}

int v6_raw_connect(int fd, const void *addr, socklen_t len)
{
#ifdef SYS_socketcall
	return (int)SOCKETCALL(CALL_CONNECT, ARG(fd), ARG(addr), ARG(len));
#else
	return (int)outcome(syscall(SYS_connect, fd, addr, len));
#endif
}

int v6_raw_getsockname(int fd, void *addr, socklen_t *len)
{
#ifdef SYS_socketcall
	return (int)SOCKETCALL(CALL_GETSOCKNAME, ARG(fd), ARG(addr), ARG(len));
#else
	return (int)outcome(syscall(SYS_getsockname, fd, addr, len));
#endif
}

int v6_raw_getpeername(int fd, void *addr, socklen_t *len)
{
#ifdef SYS_socketcall
	return (int)SOCKETCALL(CALL_GETPEERNAME, ARG(fd), ARG(addr), ARG(len));
#else
	return (int)outcome(syscall(SYS_getpeername, fd, addr, len));
#endif
}

int v6_raw_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
#ifdef SYS_socketcall
	return (int)SOCKETCALL(
		CALL_GETSOCKOPT, ARG(fd), ARG(level), ARG(name), ARG(value), ARG(len));
#else
	return (int)outcome(syscall(SYS_getsockopt, fd, level, name, value, len));
#endif
}

int v6_raw_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
#ifdef SYS_socketcall
	return (int)SOCKETCALL(
		CALL_SETSOCKOPT, ARG(fd), ARG(level), ARG(name), ARG(value), ARG(len));
#else
	return (int)outcome(syscall(SYS_setsockopt, fd, level, name, value, len));
#endif
}

ssize_t v6_raw_send(int fd, const void *data, size_t len)
{
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

#ifdef SYS_socketcall
	return SOCKETCALL(CALL_SEND, ARG(fd), ARG(data), ARG(len), ARG(flags));
#else
	return outcome(syscall(SYS_sendto, fd, data, len, flags, NULL, 0));
#endif
}

ssize_t v6_raw_receive(int fd, void *data, size_t len)
{
	int flags = MSG_DONTWAIT | MSG_TRUNC;

#ifdef SYS_socketcall
	return SOCKETCALL(CALL_RECV, ARG(fd), ARG(data), ARG(len), ARG(flags));
#else
	return outcome(syscall(SYS_recvfrom, fd, data, len, flags, NULL, NULL));
#endif
}

int v6_raw_open(const char *path, int flags, unsigned mode)
{
	return (int)outcome(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int v6_raw_close(int fd)
{
	return (int)outcome(syscall(SYS_close, fd));
}

#ifdef SYS_fcntl64
#define FCNTL SYS_fcntl64
#else
#define FCNTL SYS_fcntl
#endif

int v6_raw_dup_from(int fd, int lowest)
{
	return (int)outcome(syscall(FCNTL, fd, F_DUPFD_CLOEXEC, lowest));
}

int v6_raw_dup_onto(int fd, int target)
{
	return (int)outcome(syscall(SYS_dup3, fd, target, O_CLOEXEC));
}

int v6_raw_flags(int fd)
{
	return (int)outcome(syscall(FCNTL, fd, F_GETFL));
}

ssize_t v6_raw_write(int fd, const void *data, size_t len)
{
	return outcome(syscall(SYS_write, fd, data, len));
}

ssize_t v6_raw_read(int fd, void *data, size_t len)
{
	return outcome(syscall(SYS_read, fd, data, len));
}

ssize_t v6_raw_write_nowait(int fd, const void *data, size_t len)
{
#ifdef SYS_pwritev2
	struct iovec iov = {(void *)(uintptr_t)data, len};

	/* The position -1, in its two halves, is the current one. */
	return outcome(syscall(SYS_pwritev2, fd, &iov, 1, -1L, -1L, RWF_NOWAIT));
#else
	(void)fd;
	(void)data;
	(void)len;
	return -EOPNOTSUPP;
#endif
}

ssize_t v6_raw_getdents(int fd, void *buf, size_t size)
{
	return outcome(syscall(SYS_getdents64, fd, buf, size));
}

ssize_t v6_raw_readlink(const char *path, char *buf, size_t size)
{
	return outcome(syscall(SYS_readlinkat, AT_FDCWD, path, buf, size));
}

/*
 * Not by libc's functions of these names: glibc has them since 2.33 only, and a
 * legacy server may run on an older one. The struct is the kernel's own on the
 * machines that have these calls.
 */
#ifdef SYS_newfstatat
#define FSTATAT SYS_newfstatat
#define FSTAT   SYS_fstat
#else
#define FSTATAT SYS_fstatat64
#define FSTAT   SYS_fstat64
#endif

int v6_raw_fstat(int fd, struct stat *st)
{
	return (int)outcome(syscall(FSTAT, fd, st));
}

int v6_raw_stat(const char *path, struct stat *st)
{
	return (int)outcome(syscall(FSTATAT, AT_FDCWD, path, st, 0));
}

int v6_raw_lstat(const char *path, struct stat *st)
{
	return (int)outcome(syscall(FSTATAT, AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW));
}

int v6_raw_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	long n;

#ifdef SYS_ppoll
	struct {
		long seconds, nanoseconds;
	} now = {0, 0};

	n = outcome(syscall(SYS_ppoll, &p, 1, &now, NULL, KERNEL_SIGSET));
#else
	n = outcome(syscall(SYS_poll, &p, 1, 0));
#endif
	return n == 1 && p.revents & POLLOUT && !(p.revents & (POLLERR | POLLNVAL));
}

int v6_raw_getpid(void)
{
	return (int)syscall(SYS_getpid);
}

int v6_raw_gettid(void)
{
	return (int)syscall(SYS_gettid);
}

unsigned v6_raw_geteuid(void)
{
#ifdef SYS_geteuid32
	return (unsigned)syscall(SYS_geteuid32);
#else
	return (unsigned)syscall(SYS_geteuid);
#endif
}

uint64_t v6_raw_limit(int resource)
{
	uint64_t limit[2];

	if (outcome(syscall(SYS_prlimit64, 0, resource, NULL, limit)) < 0)
		return UINT64_MAX;
	return limit[0];
}

int64_t v6_raw_time(void)
{
	struct timespec now;

	/* The vDSO's: async-signal-safe, and no system call where there is one. */
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void v6_raw_sleep_microseconds(unsigned microseconds)
{
	struct {
		long seconds, nanoseconds;
	} pause = {microseconds / 1000000, (long)(microseconds % 1000000) * 1000};

#ifdef SYS_nanosleep
	syscall(SYS_nanosleep, &pause, NULL);
#else
	(void)pause;
	syscall(SYS_sched_yield);
#endif
}

uint64_t v6_raw_block_signals(uint64_t mask)
{
	uint64_t old = 0;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, &old, KERNEL_SIGSET);
	return old;
}

void v6_raw_restore_signals(uint64_t mask)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, KERNEL_SIGSET);
}

uint64_t v6_raw_pending_signals(void)
{
	uint64_t set = 0;

	syscall(SYS_rt_sigpending, &set, KERNEL_SIGSET);
	return set;
}

void v6_raw_take_signal(uint64_t set)
{
	struct {
		long seconds, nanoseconds;
	} now = {0, 0};

	syscall(SYS_rt_sigtimedwait, &set, NULL, &now, KERNEL_SIGSET);
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

	return outcome(syscall(SYS_rt_sigprocmask, how, at & ~(uintptr_t)7, NULL, KERNEL_SIGSET)) !=
	       -EFAULT;
}

int v6_raw_peek_int(const void *from, int *value)
{
	uintptr_t first = (uintptr_t)from, last = first + sizeof(*value) - 1;

	/* A set at address 0 is no set, and nothing is read. */
	if (first < sizeof(uint64_t) || !readable(first) || !readable(last))
		return -EFAULT;
	memcpy(value, from, sizeof(*value));
	return 0;
}
