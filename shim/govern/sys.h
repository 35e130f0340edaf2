/*
 * What the shim has of its own in a process: its system calls, what it knows of the process, and
 * memory.
 *
 * The system calls go straight to the kernel: past other preloaded libraries, past our own
 * interposition, and past libc's cancellation points. Each returns what the kernel returned, 0 or
 * more, or the negated errno. errno itself may be spoilt; the interposed calls save and restore it.
 */
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
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

/*
 * fstat(2) not by libc's functions of these names: glibc has them since 2.33 only, and a
 * legacy server may run on an older one. The struct is the kernel's own on the
 * machines that have these calls.
 */
#if defined(SYS_newfstatat)
#define V6_SYS_FCNTL   SYS_fcntl
#define V6_SYS_MMAP    SYS_mmap
#define V6_SYS_FSTATAT SYS_newfstatat
#define V6_SYS_FSTAT   SYS_fstat
#else
#define V6_SYS_FCNTL   SYS_fcntl64
#define V6_SYS_MMAP    SYS_mmap2
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
/* The thread's signal mask, as the kernel has it: signals are bits, signal 1 is bit 0. */
V6_SYS(int, block_signals, (uint64_t mask, uint64_t *old),
	SYS_rt_sigprocmask, SIG_BLOCK, &mask, old, sizeof(mask))
V6_SYS(int, restore_signals, (uint64_t mask),
	SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask))
/* Those that are pending for the thread or the process. */
V6_SYS(int, pending_signals, (uint64_t *set), SYS_rt_sigpending, set, sizeof(*set))
/* Takes one pending signal of the set away, without waiting. */
V6_SYS(int, take_signal, (uint64_t set),
	SYS_rt_sigtimedwait, &set, NULL, (long[2]){0}, sizeof(set))
/* clang-format on */

/* Whether a write would be taken now, without waiting: POLLOUT and no POLLERR. */
bool v6_sys_writable(int fd);

/* The soft RLIMIT_FSIZE or RLIMIT_NOFILE; UINT64_MAX for no limit, 0 where it is not told. */
uint64_t v6_sys_limit(int resource);

void v6_sys_sleep_microseconds(unsigned microseconds);

/*
 * Copies 4 bytes from anywhere the application pointed to: 0, or -EFAULT where
 * the memory cannot be read, instead of a crash.
 */
int v6_sys_peek_int(const void *from, int *value);

/* What only the dynamic linker finds, for a way in to fill in once; NULL: it is done without. */
extern struct v6_found {
	/* The kernel's own, vdso(7): no system call, no other library's (libfaketime has locks). */
	int (*clock_gettime)(clockid_t clock, struct timespec *now);
	/* libc's, by which a child of vfork is known; else it may settle its parent's page. */
	int (*pthread_getcpuclockid)(pthread_t thread, clockid_t *clock);
} v6_found;

/* CLOCK_REALTIME in microseconds; 0 where it cannot be told. */
int64_t v6_sys_now(void);

/*
 * What belongs to one process alone: a child of fork starts anew, a child of
 * vfork, which has its parent's memory, goes by its parent's.
 */

/* What a process is told once, as bits. */
enum v6_told {
	V6_TOLD_NO_IPV6 = 1,
	V6_TOLD_MAPPED = 2,
	V6_TOLD_REFUSED = 4,
	V6_TOLD_LEFT = 8,
	V6_TOLD_IO_URING = 16,
};

/* How often what had a hash came: the hash above 24 bits of the number; 0: there is none yet. */
enum { V6_SEEN_SLOTS = 64, V6_SEEN_BITS = 24 };
typedef _Atomic uint64_t v6_seen[V6_SEEN_SLOTS];

struct v6_self {
	atomic_int pid;
	atomic_int load;      /* of the load record: see emit.c */
	atomic_ulong lost;    /* records that could not be written and were not told of yet */
	atomic_uint told;     /* enum v6_told */
	v6_seen kinds, ports; /* of records that are thinned, and of ipv4-socket: emit.c */
	atomic_bool opening;  /* a thread is changing which log is open */
	atomic_uint looked;   /* the second in which it looked where the log's path leads */
};

/*
 * This process's. No system call but for the first: the page that it lies in is wiped by the kernel
 * on fork (MADV_WIPEONFORK, Linux 4.14). Where there is no such page, or the parent has made none
 * of its own yet, getpid(2) tells a child, and a child of vfork is taken for one of fork.
 */
struct v6_self *v6_self(void);

/* Takes another's place: what is recorded now is that process's. Its pid is set. */
void v6_self_become(struct v6_self *other);

/*
 * Memory to write a record in, for calls that may have next to no stack (signal handlers) and
 * must not allocate. A fixed pool, claimed without a lock; it is mapped when it is first
 * needed, and what is not used is never touched.
 *
 * A slot holds a record and a path, with room to spare, or a part of a sock_diag answer:
 * NLMSG_GOODSIZE. A call may hold three, where it searches /proc for the holder of a
 * port; that is 85 threads that all do so at once.
 */
enum { V6_SCRATCH_SLOTS = 256, V6_SCRATCH_SIZE = 8448 };

/*
 * V6_SCRATCH_SIZE bytes of the caller's until it releases them; NULL where there is no memory, or
 * all stayed claimed for a few milliseconds. A slot whose owner is no more, by fork, cancellation
 * or siglongjmp(3), is had again after V6_SCRATCH_STALE seconds: no call holds one for so long.
 */
enum { V6_SCRATCH_STALE = 60 };
char *v6_scratch_claim(void);
void v6_scratch_release(char *scratch);
