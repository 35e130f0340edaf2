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

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

int v6_sys_socket(int domain, int type, int protocol);
int v6_sys_bind(int fd, const void *addr, socklen_t len);
int v6_sys_listen(int fd, int backlog);
int v6_sys_connect(int fd, const void *addr, socklen_t len);
int v6_sys_getsockname(int fd, void *addr, socklen_t *len);
int v6_sys_getpeername(int fd, void *addr, socklen_t *len);
int v6_sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int v6_sys_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
/* Never SIGPIPE (MSG_NOSIGNAL) and never a wait (MSG_DONTWAIT). */
ssize_t v6_sys_send(int fd, const void *data, size_t len);
/* What has come, without a wait; MSG_TRUNC: the whole length, though it did not fit. */
ssize_t v6_sys_receive(int fd, void *data, size_t len);

int v6_sys_open(const char *path, int flags, unsigned mode);
int v6_sys_close(int fd);
int v6_sys_fcntl(int fd, int command, int value);
/* fcntl(F_DUPFD_CLOEXEC). */
int v6_sys_dup_from(int fd, int lowest);
/* dup3(2) with O_CLOEXEC. */
int v6_sys_dup_onto(int fd, int target);
ssize_t v6_sys_write(int fd, const void *data, size_t len);
ssize_t v6_sys_read(int fd, void *data, size_t len);
/* getdents64(2): bytes of struct linux_dirent64, 0 at the end. */
ssize_t v6_sys_getdents(int fd, void *buf, size_t size);
ssize_t v6_sys_readlink(const char *path, char *buf, size_t size);
int v6_sys_fstat(int fd, struct stat *st);
int v6_sys_stat(const char *path, struct stat *st);
int v6_sys_lstat(const char *path, struct stat *st);
/* Whether a write would be taken now, without waiting: POLLOUT and no POLLERR. */
int v6_sys_writable(int fd);

/* Zeroed memory of this process, with an madvise(2) that it cannot do without, or 0; or NULL. */
void *v6_sys_map(size_t size, int advice);
void v6_sys_unmap(void *at, size_t size);

int v6_sys_getpid(void);
int v6_sys_gettid(void);
/* geteuid(2), not cached: what counts is who the process is now. */
unsigned v6_sys_geteuid(void);
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
