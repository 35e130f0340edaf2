/*
 * The system calls that the shim makes for itself.
 *
 * They go straight to the kernel: past other preloaded libraries, past our own
 * interposition, and past libc's cancellation points. Each returns what the
 * kernel returned, 0 or more, or the negated errno. errno itself may be spoilt;
 * the interposed calls save and restore it.
 */
#ifndef V6_SYS_H
#define V6_SYS_H

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "kernel.h"

/*
 * Some machines have the socket calls only behind socketcall(2), or had when
 * their kernels were old (i386 and s390x before Linux 4.3). The numbers are those of
 * linux/net.h, which not every libc comes with.
 */
#ifdef SYS_socketcall
#define V6_SOCKET_SYS(type, name, parameters, call, number, ...)                                   \
	V6_SYS(type, name, parameters, SYS_socketcall, number, V6_LONGS(__VA_ARGS__, 0, 0, 0, 0))
#define V6_LONGS(a, b, c, d, e, f, ...)                                                            \
	((long[]){(long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)})
#else
#define V6_SOCKET_SYS(type, name, parameters, call, number, ...)                                   \
	V6_SYS(type, name, parameters, SYS_##call, __VA_ARGS__)
#endif

#ifdef SYS_fcntl64
#define V6_SYS_FCNTL SYS_fcntl64
#else
#define V6_SYS_FCNTL SYS_fcntl
#endif

/*
 * Not by libc's functions of these names: glibc has them since 2.33 only, and a
 * legacy server may run on an older one. The struct is the kernel's own on the
 * machines that have these calls.
 */
#if defined(SYS_newfstatat)
#define V6_SYS_FSTATAT SYS_newfstatat
#define V6_SYS_FSTAT   SYS_fstat
#else
#define V6_SYS_FSTATAT SYS_fstatat64
#define V6_SYS_FSTAT   SYS_fstat64
#endif

#ifdef SYS_geteuid32
#define V6_SYS_GETEUID SYS_geteuid32
#else
#define V6_SYS_GETEUID SYS_geteuid
#endif

#ifdef __clang_analyzer__ /* which does not see what the kernel writes through a number */
#define V6_SYS(type, name, parameters, ...) type v6_sys_##name parameters;
#else
#define V6_SYS(type, name, parameters, ...)                                                        \
	static inline type v6_sys_##name parameters                                                \
	{                                                                                          \
		return (type)v6_syscall(__VA_ARGS__);                                              \
	}
#endif

/* clang-format off */
V6_SOCKET_SYS(int, socket, (int domain, int type, int protocol), socket, 1, domain, type, protocol)
V6_SOCKET_SYS(int, bind, (int fd, const void *addr, socklen_t len), bind, 2, fd, addr, len)
V6_SOCKET_SYS(int, connect, (int fd, const void *addr, socklen_t len), connect, 3, fd, addr, len)
V6_SOCKET_SYS(int, listen, (int fd, int backlog), listen, 4, fd, backlog, 0)
V6_SOCKET_SYS(int, getsockname, (int fd, void *addr, socklen_t *len), getsockname, 6, fd, addr, len)
V6_SOCKET_SYS(int, getpeername, (int fd, void *addr, socklen_t *len), getpeername, 7, fd, addr, len)
V6_SOCKET_SYS(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len),
	getsockopt, 15, fd, level, name, value, len)
V6_SOCKET_SYS(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),
	setsockopt, 14, fd, level, name, value, len)
/* Never SIGPIPE (MSG_NOSIGNAL) and never a wait (MSG_DONTWAIT). */
V6_SOCKET_SYS(ssize_t, send, (int fd, const void *data, size_t len),
	sendto, 11, fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0)
/* What has come, without a wait; MSG_TRUNC: the whole length, though it did not fit. */
V6_SOCKET_SYS(ssize_t, receive, (int fd, void *data, size_t len),
	recvfrom, 12, fd, data, len, MSG_DONTWAIT | MSG_TRUNC, 0, 0)

V6_SYS(int, open, (const char *path, int flags, unsigned mode),
	SYS_openat, AT_FDCWD, path, flags, mode)
V6_SYS(int, close, (int fd), SYS_close, fd)
V6_SYS(int, fcntl, (int fd, int command, int value), V6_SYS_FCNTL, fd, command, value)
V6_SYS(int, dup_onto, (int fd, int target), SYS_dup3, fd, target, O_CLOEXEC)
V6_SYS(ssize_t, write, (int fd, const void *data, size_t len), SYS_write, fd, data, len)
V6_SYS(ssize_t, read, (int fd, void *data, size_t len), SYS_read, fd, data, len)
/* Bytes of struct linux_dirent64, 0 at the end. */
V6_SYS(ssize_t, getdents, (int fd, void *buf, size_t size), SYS_getdents64, fd, buf, size)
V6_SYS(ssize_t, readlink, (const char *path, char *buf, size_t size),
	SYS_readlinkat, AT_FDCWD, path, buf, size)
V6_SYS(int, fstat, (int fd, struct stat *st), V6_SYS_FSTAT, fd, st)
V6_SYS(int, stat, (const char *path, struct stat *st), V6_SYS_FSTATAT, AT_FDCWD, path, st, 0)
V6_SYS(int, lstat, (const char *path, struct stat *st),
	V6_SYS_FSTATAT, AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW)
V6_SYS(int, unmap, (void *at, size_t size), SYS_munmap, at, size)
V6_SYS(int, getpid, (void), SYS_getpid)
V6_SYS(int, gettid, (void), SYS_gettid)
/* Not cached: what counts is who the process is now. */
V6_SYS(unsigned, geteuid, (void), V6_SYS_GETEUID)
/* clang-format on */

/* Whether a write would be taken now, without waiting: POLLOUT and no POLLERR. */
int v6_sys_writable(int fd);

/* Zeroed memory of this process, with an madvise(2) that it cannot do without, or 0; or NULL. */
void *v6_sys_map(size_t size, int advice);

/* The soft RLIMIT_FSIZE or RLIMIT_NOFILE; UINT64_MAX for no limit. */
#define V6_LIMIT_UNKNOWN (UINT64_MAX - 1)
uint64_t v6_sys_limit(int resource);
void v6_sys_sleep_microseconds(unsigned microseconds);

/* The thread's signal mask, as the kernel has it: signals are bits, signal 1 is bit 0. */
int v6_sys_block_signals(uint64_t mask, uint64_t *old);
void v6_sys_restore_signals(uint64_t mask);
/* Whether a signal of the set is pending for the thread or the process. */
uint64_t v6_sys_pending_signals(void);
/* Takes one pending signal of the set away, without waiting. */
void v6_sys_take_signal(uint64_t set);

/*
 * Copies 4 bytes from anywhere the application pointed to: 0, or -EFAULT where
 * the memory cannot be read, instead of a crash.
 */
int v6_sys_peek_int(const void *from, int *value);

/* clock_gettime(2) without a system call, where the caller has found one: NULL, as at first, is none. */
typedef int v6_sys_clock(clockid_t clock, struct timespec *now);
void v6_sys_use_clock(v6_sys_clock *clock);

/* CLOCK_REALTIME in microseconds; 0 where it cannot be told. */
int64_t v6_sys_now(void);

#endif
