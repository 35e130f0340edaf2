/*
 * The system calls that the shim makes for itself.
 *
 * They go straight to the kernel: past other preloaded libraries, past our own
 * interposition, and past libc's cancellation points. Each returns what the
 * kernel returned, 0 or more, or the negated errno. errno itself may be spoilt;
 * the interposed calls save and restore it.
 */
#ifndef V6_RAW_H
#define V6_RAW_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>

int v6_raw_socket(int domain, int type, int protocol);
int v6_raw_bind(int fd, const void *addr, socklen_t len);
int v6_raw_listen(int fd, int backlog);
int v6_raw_connect(int fd, const void *addr, socklen_t len);
int v6_raw_getsockname(int fd, void *addr, socklen_t *len);
int v6_raw_getpeername(int fd, void *addr, socklen_t *len);
int v6_raw_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int v6_raw_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
/* Never SIGPIPE (MSG_NOSIGNAL) and never a wait (MSG_DONTWAIT). */
ssize_t v6_raw_send(int fd, const void *data, size_t len);
/* What has come, without a wait; MSG_TRUNC: the whole length, though it did not fit. */
ssize_t v6_raw_receive(int fd, void *data, size_t len);

int v6_raw_open(const char *path, int flags, unsigned mode);
int v6_raw_close(int fd);
/* fcntl(F_DUPFD_CLOEXEC). */
int v6_raw_dup_from(int fd, int lowest);
/* dup3(2) with O_CLOEXEC. */
int v6_raw_dup_onto(int fd, int target);
/* fcntl(F_GETFL). */
int v6_raw_flags(int fd);
ssize_t v6_raw_write(int fd, const void *data, size_t len);
ssize_t v6_raw_read(int fd, void *data, size_t len);
/* pwritev2(RWF_NOWAIT) at the current position: -EOPNOTSUPP where the file has no such thing. */
ssize_t v6_raw_write_nowait(int fd, const void *data, size_t len);
/* getdents64(2): bytes of struct linux_dirent64, 0 at the end. */
ssize_t v6_raw_getdents(int fd, void *buf, size_t size);
ssize_t v6_raw_readlink(const char *path, char *buf, size_t size);
int v6_raw_fstat(int fd, struct stat *st);
/*
 * st_dev, st_rdev, st_ino, st_mode, st_nlink, st_uid and st_size of it alone, by
 * statx(2) where there is one. A file whose times were asked for has its next write
 * take a finer clock and write its inode back (multigrain timestamps, Linux 6.13):
 * that costs as much as the write.
 */
int v6_raw_fstat_untimed(int fd, struct stat *st);
int v6_raw_stat(const char *path, struct stat *st);
int v6_raw_lstat(const char *path, struct stat *st);
/* Whether a write would be taken now, without waiting: POLLOUT and no POLLERR. */
int v6_raw_writable(int fd);

int v6_raw_getpid(void);
int v6_raw_gettid(void);
/* Whether this process has no such thread: it has ended, or was left behind by fork. */
int v6_raw_thread_gone(int tid);
/* Whether there is no such process any more; one that nobody waited for is still there. */
int v6_raw_process_gone(int pid);
/* geteuid(2), not cached: what counts is who the process is now. */
unsigned v6_raw_geteuid(void);
/* The soft RLIMIT_FSIZE or RLIMIT_NOFILE; UINT64_MAX for no limit. */
#define V6_LIMIT_UNTOLD (UINT64_MAX - 1) /* where it cannot be told */
uint64_t v6_raw_limit(int resource);
void v6_raw_sleep_microseconds(unsigned microseconds);

/* The thread's signal mask, as the kernel has it: signals are bits, signal 1 is bit 0. */
int v6_raw_block_signals(uint64_t mask, uint64_t *old);
void v6_raw_restore_signals(uint64_t mask);
/* Whether a signal of the set is pending for the thread or the process. */
uint64_t v6_raw_pending_signals(void);
/* Takes one pending signal of the set away, without waiting. */
void v6_raw_take_signal(uint64_t set);

/*
 * Copies 4 bytes from anywhere the application pointed to: 0, or -EFAULT where
 * the memory cannot be read, instead of a crash.
 */
int v6_raw_peek_int(const void *from, int *value);

#endif
