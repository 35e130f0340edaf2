#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../govern/kernel.h"
#include "../govern/live.h"
#include "../govern/log.h"
#include "../govern/sys.h"
#include "loop.h"

/* close_range(2) since Linux 5.9, of one number on every machine. */
enum { CLOSE_RANGE = 436 };

/* What was asked for; NULL: whether it can be, and nothing is executed. */
static const struct v6_supervision *given;

/* The processes: that v6shim was started as, and that is to execute the command. */
static int own, target;

/* The two ends of what both sides talk over, numbers; of descriptors that the target has. */
static int ends[2];
enum { TARGET, SUPERVISOR };

/* No signal comes in between, nor ever to a supervisor; what the target's mask was. */
static sigset_t all, before;

/* 0, or what would go wrong only later. */
static int begin(void)
{
	/* Linux 5.9 has it, and with it all that is needed. */
	if (v6_syscall(CLOSE_RANGE, 1, 0, 0) == -ENOSYS)
		return -ENOSYS;
	own = target = getpid();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ? -errno : 0;
}

static void tell(int end, int number)
{
	send(end, &number, sizeof(number), MSG_NOSIGNAL);
}

/* -EPIPE where the other side is gone. */
static int hear(int end)
{
	int number;

	return recv(end, &number, sizeof(number), 0) == sizeof(number) ? number : -EPIPE;
}

/* ---- the supervisor's side */

/* Whether the descriptors and the memory of a process can be had: it has forked us, or we it. */
static int probe(struct v6_target *t)
{
	static const char byte = 1;
	char read = 0;
	int fd = v6_target_descriptor(t, t->pid, ends[TARGET]), error = fd;

	if (fd >= 0)
		error = v6_target_read(t, (uintptr_t)&byte, &read, sizeof(read));
	v6_sys_close(fd);
	/* It is ours as well, and the target executes a program. */
	v6_sys_close(t->memory);
	t->memory = -1;
	return error < 0 || read == byte ? error : -EIO;
}

static struct v6_slice variable(const char *name)
{
	const char *value = getenv(name);

	return v6_slice_of(value ? value : "");
}

/*
 * The listener, or a negated errno; the target has been told which over `end`. `borrow`: the log is the
 * standard error of the target, which a helper has not.
 */
static int take_listener(int end, bool borrow)
{
	struct v6_target *t;
	struct rlimit files;
	int fd;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	t = v6_target_start(target, given ? given->program : v6_slice_of(""));
	fd = probe(t);
	tell(end, fd);
	if (fd >= 0)
		fd = hear(end);
	if (fd >= 0)
		fd = v6_target_descriptor(t, target, fd);
	if (fd >= 0 && given)
		v6_loop_init(borrow, t, variable("LISTEN_FDS"), variable("LISTEN_PID"), own);
	tell(end, fd < 0 ? fd : 0);
	close(end);
	return fd;
}

/* ---- the target's side */

/* Under the filter, and supervised: 0. Nothing has changed where the probe failed. */
static int put_under(void)
{
	int error, listener;

	close(ends[SUPERVISOR]);
	error = hear(ends[TARGET]);
	if (!error) {
		listener = v6_filter_install(v6_loop_without());
		tell(ends[TARGET], listener);
		error = listener < 0 ? listener : hear(ends[TARGET]);
		close(listener);
	}
	close(ends[TARGET]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return error;
}

/* ---- a helper beside the command */

/*
 * It keeps its end of what both sides talk over and the log alone, and nothing of where it was
 * started.
 */
static int help(void *context)
{
	int log = v6_log_descriptor(), last = log > 2 ? log : 2;
	bool borrow = log == STDERR_FILENO;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), end = dup2(ends[SUPERVISOR], last + 1);
	int listener;

	(void)context;
	for (int fd = 0; fd < 3; fd++)
		if (fd != log || borrow)
			dup2(null, fd);
	v6_syscall(CLOSE_RANGE, 3, last - 1, 0);
	v6_syscall(CLOSE_RANGE, last + 2, INT_MAX, 0);
	setsid();
	(void)!chdir("/"); /* else it keeps a file system busy, no more */
	listener = take_listener(end, borrow);
	if (listener >= 0)
		v6_loop(listener, NULL);
	_exit(0);
}

/* 0, or why not; -EPERM may be another form's to try. */
static int with_helper(void)
{
	static _Alignas(16) char stack[256 * 1024];
	int child, error = begin(), reaper = 0;

	if (error)
		return error;
	/*
	 * The first process of a container gets all orphans: there it is a child, of the kind that no
	 * wait(2) without __WCLONE or __WALL meets, and that sends no signal.
	 */
	if (own == 1) {
		child = clone(help, stack + sizeof(stack), CLONE_VM, NULL);
		error = put_under();
		if (error)
			waitpid(child, NULL, __WCLONE);
		return error;
	}
	/*
	 * The helper has the memory in common with the target, until that executes: nothing is
	 * copied. Linux lets a child of vfork(2) make it; it is a child of nobody's here then, for we
	 * are no subreaper meanwhile, and the command need not know it.
	 */
	prctl(PR_GET_CHILD_SUBREAPER, &reaper, 0, 0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	child = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
	if (!child) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Vfork) */
		clone(help, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
		_exit(0);
	}
	error = child < 0 ? -errno : 0;
	if (!error)
		waitpid(child, NULL, 0);
	prctl(PR_SET_CHILD_SUBREAPER, reaper, 0, 0, 0);
	return error ? error : put_under();
}

/* ---- a parent of the command */

static int ended = -1; /* the command's status, once it has */

static void mirror(void)
{
	struct rlimit none = {0, 0};

	if (WIFEXITED(ended))
		_exit(WEXITSTATUS(ended));
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(ended), SIG_DFL);
	raise(WTERMSIG(ended));
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	_exit(128 + WTERMSIG(ended));
}

/* Comes while it waits for notifications, and at no other time. */
static void take_signal(int number, siginfo_t *info, void *context)
{
	int pid, status;

	(void)context;
	while (number == SIGCHLD && (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid == target && WIFSTOPPED(status))
			raise(SIGSTOP); /* as the shell sees it, the command is stopped */
		else if (pid == target)
			ended = status;
	}
	/* What the terminal or the kernel sent went to the command as well. */
	if (number == SIGCHLD || info->si_code > 0)
		return;
	if (ended >= 0)
		mirror();
	kill(target, number);
}

/* Goes on while anything of the command does, and ends as it did. */
static void stay(int listener)
{
	struct sigaction action = {
		.sa_sigaction = take_signal, .sa_flags = SA_SIGINFO, .sa_mask = all};
	sigset_t none;

	for (int number = 1; number <= SIGRTMAX; number++)
		sigaction(number, &action, NULL);
	sigemptyset(&none);
	v6_loop(listener, &none);
	/* The filter's last task is gone a moment before its status is there. */
	if (ended < 0)
		waitpid(target, &ended, 0);
	mirror();
}

/* What systemd handed to the parent is the command's: sd_listen_fds(3). */
static void take_listen_pid(int parent)
{
	const char *value = getenv("LISTEN_PID");
	char pid[12];

	if (!value || atoi(value) != parent)
		return;
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
}

/* In the child 0, or why not; the parent returns only where nothing was started. */
static int with_parent(void)
{
	int error = begin(), listener;

	if (error)
		return error;
	target = fork();
	if (target < 0)
		return -errno;
	if (!target) {
		if (put_under() || !given)
			_exit(0);
		take_listen_pid(own);
		return 0;
	}
	close(ends[TARGET]);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	listener = take_listener(ends[SUPERVISOR], false);
	if (listener >= 0 && given)
		stay(listener);
	return listener < 0 ? listener : 0;
}

/* ---- what stands in the way */

static const char *why(int error)
{
	switch (error) {
	case -EBUSY:
		return "another supervisor has these processes already, and there is one to a "
		       "tree: WSL, LXC and container tools may have such";
	case -EPERM:
	case -EACCES:
		return "not allowed to supervise: a container needs --cap-add SYS_PTRACE "
		       "(systemd-nspawn --system-call-filter=pidfd_getfd), a systemd unit "
		       "SystemCallFilter=pidfd_getfd seccomp beside its own; "
		       "kernel.yama.ptrace_scope is at most 1 for users, 2 for root";
	case -ENOSYS:
	case -EINVAL:
		return "this kernel, or a filter, has no seccomp user notification: Linux 5.9 is "
		       "needed, and in a systemd unit SystemCallFilter=pidfd_getfd seccomp";
	case -EPIPE:
		return "the supervisor was ended at its start; in a systemd unit "
		       "SystemCallFilter=pidfd_getfd seccomp is needed beside its own";
	case -EOPNOTSUPP:
		return "no table of this machine's system calls (x86-64 and aarch64 have one)";
	default:
		return strerror(-error);
	}
}

/* A filter may kill whoever tries. */
const char *v6_supervise_refused(void)
{
	int error = -EPIPE, child = fork(), status;

	if (!child)
		_exit(-with_parent());
	if (child < 0)
		error = -errno;
	else if (waitpid(child, &status, 0) == child && WIFEXITED(status))
		error = -WEXITSTATUS(status);
	return error ? why(error) : NULL;
}

int v6_supervise(const struct v6_supervision *s, char **argv)
{
	int error;

	given = s;
	v6_live_init(s->config, false, NULL);
	v6_log_init(&s->config->settings, variable("JOURNAL_STREAM"), s->handed);
	error = with_helper();
	if (error == -EPERM) {
		error = with_parent();
		if (!error)
			s->say("a helper may not supervise here (kernel.yama.ptrace_scope, "
			       "or a container), so that v6shim stays, as the parent");
	}
	if (!error) {
		execvp(argv[0], argv);
		return errno;
	}
	s->say(why(error));
	return error;
}
