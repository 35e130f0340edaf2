#include "target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "../govern/facts.h"
#include "../govern/kernel.h"
#include "../govern/live.h"
#include "../govern/proc.h"
#include "../govern/sys.h"

#include "../govern/forbidden.h"

/* linux/sockios.h, linux/nsfs.h, linux/capability.h */
enum {
	SOCKET_NETNS = 0x894c,
	NETNS_USERNS = 0xb701,
	CAP_NET_BIND_SERVICE = 10,
	CAP_SYS_PTRACE = 19
};

/* Since Linux 5.1 to 5.6, of one number on every machine: syscalls(2). */
enum { PIDFD_SEND_SIGNAL = 424, PIDFD_OPEN = 434, PIDFD_GETFD = 438 };

enum { KEPT = 512, LABEL = 256 };

/* A thread that is not its process's first; tid 0: none. */
struct thread {
	int tid;
	int pidfd; /* PIDFD_THREAD; negative before Linux 6.9 */
	struct v6_target *of;
};

static struct v6_target targets[KEPT];
static struct thread threads[KEPT];
static unsigned next_target, next_thread;
static unsigned kept; /* of each: as many as there is room for their descriptors */
static bool confined; /* somebody is, by Landlock */

/* linux/capability.h, version 3: capget(2) and capset(2). */
struct capabilities {
	uint32_t effective, permitted, inheritable;
};

/* What is ours. */
static struct {
	struct capabilities capabilities[2];
	uint64_t user_ns;
	uint64_t netns; /* 0: the kernel does not tell */
	char label[LABEL];
	struct v6_slice lsm;
} us;

static bool capabilities(long call, int pid, struct capabilities of[2])
{
	struct {
		uint32_t version;
		int pid;
	} header = {0x20080522, pid};

	return v6_syscall(call, &header, of) >= 0;
}

/* As much of /proc/TID/NAME as fits; empty where it cannot be read. */
static struct v6_slice read_proc(int tid, const char *name, char *buf, size_t size)
{
	ssize_t n = v6_proc_read(tid, name, buf, size);

	return (struct v6_slice){buf, n > 0 ? (size_t)n : 0};
}

static bool same(struct v6_slice a, struct v6_slice b)
{
	return a.len == b.len && (!a.len || !memcmp(a.ptr, b.ptr, a.len));
}

/*
 * Whether the socket's network namespace belongs to a user namespace that we may be above of: to
 * its owner, and to who has privileges above it, the kernel grants everything
 * (security/commoncap.c, cap_capable), and to nobody else that SIOCGSKNS.
 */
static bool below_us(int socket)
{
	int netns = (int)v6_syscall(SYS_ioctl, socket, SOCKET_NETNS, 0);
	int user = netns < 0 ? netns : (int)v6_syscall(SYS_ioctl, netns, NETNS_USERNS, 0);
	struct stat st;
	bool below = user >= 0 && (v6_sys_fstat(user, &st) < 0 || st.st_ino != us.user_ns);

	v6_sys_close(netns);
	v6_sys_close(user);
	return below;
}

/* ---- processes */

/* How many places were ever taken, of those that are. */
static unsigned taken(unsigned next)
{
	return next < kept ? next : kept;
}

static void drop_thread(struct thread *th)
{
	if (th->tid && th->pidfd >= 0)
		v6_sys_close(th->pidfd);
	th->tid = 0;
}

static void drop(struct v6_target *t)
{
	for (struct thread *th = threads; th < threads + taken(next_thread); th++)
		if (th->of == t)
			drop_thread(th);
	v6_sys_close(t->memory);
	v6_sys_close(t->pidfd);
	t->pid = 0;
}

static ssize_t peek(const struct v6_target *t, uint64_t from, void *to, size_t len)
{
	return v6_syscall(SYS_pread64, t->memory, to, len, from);
}

/*
 * The path that it was executed by, in a buffer of V6_PATH_SIZE: where its auxiliary vector says, of
 * words of 64 bits or of 32. It is the last on the stack: what is read ends there.
 */
static struct v6_slice executed(const struct v6_target *t, char *path)
{
	char vector[1024];
	struct v6_slice text = read_proc(t->pid, "auxv", vector, sizeof(vector));

	for (size_t word = 8; word >= 4; word /= 2)
		for (size_t i = 0; i + 2 * word <= text.len; i += 2 * word) {
			uint64_t key = 0, value = 0;
			ssize_t n;

			memcpy(&key, text.ptr + i, word);
			memcpy(&value, text.ptr + i + word, word);
			n = key == AT_EXECFN ? peek(t, value, path, V6_PATH_SIZE) : 0;
			if (n > 0)
				return (struct v6_slice){path, strnlen(path, (size_t)n)};
		}
	return (struct v6_slice){path, 0};
}

/*
 * The names that it goes by. One that it had already, by then the same or after execve(2), has been told
 * what it was told.
 */
static void set_program(struct v6_target *t, const struct v6_slice *name, unsigned names)
{
	struct v6_slice own = {t->program, V6_TARGET_PROGRAM};

	if (name->len < own.len)
		own.len = name->len;
	if (!same(t->caller.program, (struct v6_slice){name->ptr, own.len}))
		t->self = (struct v6_self){.pid = t->pid};
	if (own.len)
		memcpy(t->program, name->ptr, own.len);
	t->caller = (struct v6_caller){.program = own};
	v6_live_caller(v6_live.config, &t->caller, name, names);
}

/* Whether it has executed nothing since it was forked: PF_FORKNOEXEC among the flags of proc_pid_stat(5). */
static bool is_forked(int pid)
{
	enum { FORKNOEXEC = 0x40, FLAGS = 8 };
	char text[512];
	struct v6_slice rest = read_proc(pid, "stat", text, sizeof(text)), field = rest;
	uint64_t flags = 0;

	/* Its name may have brackets and blanks. */
	while (rest.len && memchr(rest.ptr, ')', rest.len))
		v6_slice_cut(&rest, ')');
	for (int i = 0; i < FLAGS; i++)
		field = v6_slice_cut(&rest, ' ');
	v6_slice_uint(field, UINT32_MAX, &flags);
	return flags & FORKNOEXEC;
}

/* Looks at what execve(2) changes: the memory, and the names, as a preload has them (preload/init.c). */
static void look(struct v6_target *t)
{
	char path[V6_PATH_SIZE], exe[V6_PATH_SIZE], words[V6_PATH_SIZE], proc[V6_PROC_PATH];
	struct v6_slice name[3], rest = read_proc(t->pid, "cmdline", words, sizeof(words));
	ssize_t n;

	v6_sys_close(t->memory);
	t->forked = is_forked(t->pid);
	v6_proc_path(proc, t->pid, "mem", -1);
	t->memory = v6_sys_open(proc, O_RDONLY | O_CLOEXEC, 0);
	v6_proc_path(proc, t->pid, "exe", -1);
	n = v6_sys_readlink(proc, exe, sizeof(exe));
	name[1] = v6_slice_base((struct v6_slice){exe, n > 0 ? (size_t)n : 0});
	name[0] = executed(t, path);
	name[0] = !name[0].len || v6_slice_begins(name[0], "/dev/fd/") ||
				  v6_slice_begins(name[0], "/proc/self/fd/")
			  ? name[1]
			  : v6_slice_base(name[0]);
	/* The first operand: of an interpreter, the script. */
	v6_slice_cut(&rest, '\0');
	do
		name[2] = v6_slice_cut(&rest, '\0');
	while (v6_slice_begins(name[2], "-"));
	name[2] = v6_slice_base(name[2]);
	set_program(t, name, 3);
}

/* Memory that is nobody's any more reads as empty; that of who has forked may be its parent's (vfork(2)). */
int v6_target_read(struct v6_target *t, uint64_t from, void *to, size_t len)
{
	bool known = t->memory >= 0 && (!t->forked || is_forked(t->pid));
	ssize_t n = known ? peek(t, from, to, len) : 0;

	if (!n) {
		look(t);
		n = t->memory < 0 ? -EPERM : peek(t, from, to, len);
	}
	return n == (ssize_t)len ? 0 : n == -EPERM ? -EPERM : -EFAULT;
}

static int open_pidfd(int pid, unsigned flags)
{
	return (int)v6_syscall(PIDFD_OPEN, pid, flags);
}

/* Its number is another process's, or may be: signal 0 of pidfd_send_signal(2). */
static bool is_gone(const struct v6_target *t)
{
	return t->pidfd < 0 || v6_syscall(PIDFD_SEND_SIGNAL, t->pidfd, 0, NULL, 0) == -ESRCH;
}

/* Who lives is known on, unless the next few places are all of such. */
static struct v6_target *add(int pid)
{
	struct v6_target *t;
	int tries = 8;

	do
		t = &targets[next_target++ % kept];
	while (t->pid && !is_gone(t) && tries--);
	if (t->pid)
		drop(t);
	*t = (struct v6_target){.pid = pid,
		.pidfd = open_pidfd(pid, 0),
		.memory = -1,
		.confined = confined,
		.self = {.pid = pid}};
	look(t);
	return t;
}

struct v6_target *v6_target_start(int pid, struct v6_slice program)
{
	/* Descriptors: of one call at most; of a process and a thread. */
	enum { A_CALL = 16, EACH = 3 };
	int self = v6_sys_getpid(), socket = v6_sys_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t limit = v6_sys_limit(RLIMIT_NOFILE), used = A_CALL + (unsigned)socket;
	uint64_t room = limit > used ? (limit - used) / EACH : 0;
	struct v6_target *t;

	us.lsm = read_proc(self, "attr/current", us.label, sizeof(us.label));
	us.user_ns = v6_proc_inode(self, "ns/user", -1);
	if (socket >= 0 && !below_us(socket))
		us.netns = v6_fact_netns(socket);
	v6_sys_close(socket);
	/* The socket had the lowest number that was free. */
	kept = !room ? 1 : room < KEPT ? (unsigned)room : KEPT;
	/* A helper that had to give up has left this; the numbers were its own. */
	while (next_target)
		targets[--next_target].pid = 0;
	capabilities(SYS_capget, 0, us.capabilities);
	v6_target_privilege(true);
	t = add(pid);
	if (program.len)
		set_program(t, &program, 1);
	return t;
}

/* The process that a thread belongs to; 0: it is gone. */
static int process_of(int tid)
{
	char text[4096];
	struct v6_slice rest = read_proc(tid, "status", text, sizeof(text));
	uint64_t pid = 0;

	while (rest.len && !v6_slice_begins(rest, "Tgid:\t"))
		v6_slice_cut(&rest, '\n');
	v6_slice_cut(&rest, '\t');
	v6_slice_uint(v6_slice_cut(&rest, '\n'), INT32_MAX, &pid);
	return (int)pid;
}

static struct v6_target *find_by_pid(int pid)
{
	for (struct v6_target *t = targets; t < targets + taken(next_target); t++)
		if (t->pid == pid)
			return t;
	return NULL;
}

static struct thread *find_thread(int tid)
{
	for (struct thread *th = threads; th < threads + taken(next_thread); th++)
		if (th->tid == tid)
			return th;
	return NULL;
}

/* The number may be new: of a process, or of a thread of one that may be new as well. */
static struct v6_target *find_new(int tid)
{
	int pid = process_of(tid);
	struct v6_target *t = find_by_pid(pid);
	struct thread *th;

	if (!pid)
		return NULL;
	if (t && is_gone(t))
		drop(t);
	if (!t || !t->pid)
		t = add(pid);
	if (pid == tid)
		return t;
	th = &threads[next_thread++ % kept];
	drop_thread(th);
	*th = (struct thread){tid, open_pidfd(tid, O_EXCL), t};
	/* While its pidfd is had it is what it was; none of the process, or no longer, is dropped. */
	if (!is_gone(t) && process_of(tid) == pid)
		return t;
	drop_thread(th);
	return NULL;
}

struct v6_target *v6_target_find(int tid)
{
	struct v6_target *t = find_by_pid(tid);
	const struct thread *th = t ? NULL : find_thread(tid);

	return !tid ? NULL : t ? t : th ? th->of : find_new(tid);
}

void v6_target_forget(struct v6_target *t, int tid)
{
	struct thread *th = find_thread(tid);

	if (th)
		drop_thread(th);
	if (is_gone(t))
		drop(t);
}

int v6_target_descriptor(const struct v6_target *t, int tid, int fd)
{
	const struct thread *th = tid == t->pid ? NULL : find_thread(tid);
	bool own = th && th->pidfd >= 0;
	int pidfd = own ? th->pidfd : t->pidfd;
	int copy = pidfd < 0 ? pidfd : (int)v6_syscall(PIDFD_GETFD, pidfd, fd, 0);
	struct stat st;

	if (copy < 0 || own || tid == t->pid)
		return copy;
	/* The thread may be another's by now, or have descriptors of its own. */
	if (process_of(tid) == t->pid && v6_sys_fstat(copy, &st) >= 0 &&
		v6_proc_inode(tid, "fd", fd) == st.st_ino)
		return copy;
	v6_sys_close(copy);
	return -ESRCH;
}

/* ---- privileges */

bool v6_target_like_us(const struct v6_target *t, int tid, int socket)
{
	char label[LABEL];

	if (t->confined)
		return false;
	if ((!us.netns || v6_fact_netns(socket) != us.netns) && below_us(socket))
		return false;
	return !us.lsm.len || same(us.lsm, read_proc(tid, "attr/current", label, sizeof(label)));
}

bool v6_target_may_bind(int tid)
{
	uint64_t user_ns = v6_proc_inode(tid, "ns/user", -1);
	struct capabilities theirs[2] = {{0}};

	return user_ns && user_ns == us.user_ns && capabilities(SYS_capget, tid, theirs) &&
	       theirs[0].effective >> CAP_NET_BIND_SERVICE & 1;
}

bool v6_target_privilege(bool in_effect)
{
	const uint32_t bit = UINT32_C(1) << CAP_NET_BIND_SERVICE;
	struct capabilities *sets = us.capabilities;

	in_effect = in_effect && sets->permitted & bit;
	if (!(sets->effective & bit) != !in_effect) {
		sets->effective ^= bit;
		capabilities(SYS_capset, 0, sets);
	}
	return sets->permitted & bit;
}

bool v6_target_may_trace(void)
{
	return us.capabilities->effective >> CAP_SYS_PTRACE & 1;
}

void v6_target_confine(struct v6_target *t)
{
	confined = true;
	if (t)
		t->confined = true;
}
