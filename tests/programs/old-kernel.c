/*
 * old-kernel - runs a command as on a kernel that lacks what the words name.
 *
 * usage: old-kernel WORD[,WORD...] COMMAND [ARG...]
 *
 *	so-cookie     getsockopt(SO_COOKIE): ENOPROTOOPT, as before Linux 4.12
 *	statx         ENOSYS, as before 4.11
 *	thread-self   /proc/thread-self is not there, as before 3.17
 *	skv6only      sock_diag's answers have no INET_DIAG_SKV6ONLY, as before 4.3
 *	ipv6          socket(AF_INET6): EAFNOSUPPORT, as with ipv6.disable=1
 *	v6only        setsockopt of IPV6_V6ONLY: EPERM, as under a filter that does not know it
 *	none          nothing: the control
 *	all           all of them but the last two
 *
 * The first two and the last two are answered by a seccomp filter, the others by a tracer that changes the path
 * or the answer. "old-kernel: hid WORD" is printed on standard error for each of the
 * others the first time that it took effect, so that a test can tell that the command met it at
 * all. The command's children are under it too. Exit status: the command's; 128 and the signal
 * that ended it; 2 for bad usage; 125 where the command cannot be traced.
 *
 * seccomp(2); ptrace(2), PTRACE_GET_SYSCALL_INFO (Linux 5.3); sock_diag(7).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SO_COOKIE_OPTION = 57, SKV6ONLY = 11, UNKNOWN = 99 };
enum { USAGE = 2, NOT_TRACED = 125 };

enum feature { COOKIE, STATX, THREAD_SELF, V6ONLY, IPV6, SET, FEATURES };

static const char *const words[FEATURES] = {
	"so-cookie", "statx", "thread-self", "skv6only", "ipv6", "v6only"};
static int lacks[FEATURES], told[FEATURES];

static void take_words(char *list)
{
	for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		int known = !strcmp(word, "none") || !strcmp(word, "all");

		for (int i = 0; i < FEATURES; i++) {
			lacks[i] |= !strcmp(word, "all") && i < IPV6;
			lacks[i] |= !strcmp(word, words[i]);
			known |= !strcmp(word, words[i]);
		}
		if (!known) {
			fprintf(stderr, "old-kernel: unknown word: %s\n", word);
			exit(USAGE);
		}
	}
}

static void hid(enum feature feature)
{
	if (!told[feature])
		fprintf(stderr, "old-kernel: hid %s\n", words[feature]);
	told[feature] = 1;
}

/* ---- the filter */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW 0
#else
#define LOW 4
#endif
#define LOAD(what)     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (what))
#define NUMBER         offsetof(struct seccomp_data, nr)
#define ARGUMENT(n)    (unsigned)(offsetof(struct seccomp_data, args[n]) + LOW)
#define UNLESS(k, far) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, (far))
#define ANSWER(error)  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALLOW          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int add_filter(struct sock_filter *filter, unsigned short len)
{
	struct sock_fprog program = {.len = len, .filter = filter};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int filter(void)
{
	struct sock_filter cookie[] = {LOAD(NUMBER), UNLESS(SYS_getsockopt, 5), LOAD(ARGUMENT(1)),
		UNLESS(SOL_SOCKET, 3), LOAD(ARGUMENT(2)), UNLESS(SO_COOKIE_OPTION, 1),
		ANSWER(ENOPROTOOPT), ALLOW};
	struct sock_filter statx[] = {LOAD(NUMBER), UNLESS(SYS_statx, 1), ANSWER(ENOSYS), ALLOW};
	struct sock_filter ipv6[] = {LOAD(NUMBER), UNLESS(SYS_socket, 3), LOAD(ARGUMENT(0)),
		UNLESS(AF_INET6, 1), ANSWER(EAFNOSUPPORT), ALLOW};
	struct sock_filter set[] = {LOAD(NUMBER), UNLESS(SYS_setsockopt, 5), LOAD(ARGUMENT(1)),
		UNLESS(IPPROTO_IPV6, 3), LOAD(ARGUMENT(2)), UNLESS(IPV6_V6ONLY, 1), ANSWER(EPERM),
		ALLOW};
	int error = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

	if (lacks[COOKIE])
		error |= add_filter(cookie, sizeof(cookie) / sizeof(*cookie));
	if (lacks[STATX])
		error |= add_filter(statx, sizeof(statx) / sizeof(*statx));
	if (lacks[IPV6])
		error |= add_filter(ipv6, sizeof(ipv6) / sizeof(*ipv6));
	if (lacks[SET])
		error |= add_filter(set, sizeof(set) / sizeof(*set));
	return error;
}

/* ---- the tracer */

static ssize_t fetch(pid_t pid, uint64_t from, void *to, size_t len)
{
	struct iovec here = {to, len}, there = {(void *)(uintptr_t)from, len};

	return process_vm_readv(pid, &here, 1, &there, 1, 0);
}

/* ptrace writes where the program itself may not: a path is a constant. */
static void put(pid_t pid, uint64_t to, const void *from, size_t len)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/mem", (int)pid);
	fd = open(name, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, from, len, (off_t)to) != (ssize_t)len)
		perror("old-kernel: writing to the command's memory");
	if (fd >= 0)
		close(fd);
}

static void change_path(pid_t pid, uint64_t path)
{
	static const char prefix[] = "/proc/thread-self";
	char text[sizeof(prefix)];

	if (!lacks[THREAD_SELF] || fetch(pid, path, text, sizeof(text)) != sizeof(text) ||
		strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return;
	put(pid, path + strlen("/proc/"), "none", strlen("none"));
	hid(THREAD_SELF);
}

/* The attributes of one message, where it is an answer about a socket. */
static int change_message(char *message, size_t len)
{
	struct nlmsghdr head;
	int changed = 0;
	size_t step;

	memcpy(&head, message, sizeof(head));
	if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return 0;
	for (size_t at = NLMSG_LENGTH(sizeof(struct inet_diag_msg)); at + NLA_HDRLEN <= len;
		at += step) {
		struct nlattr a;

		memcpy(&a, message + at, sizeof(a));
		if (a.nla_len < NLA_HDRLEN)
			break;
		step = NLA_ALIGN(a.nla_len);
		if ((a.nla_type & NLA_TYPE_MASK) != SKV6ONLY)
			continue;
		a.nla_type = UNKNOWN;
		memcpy(message + at, &a, sizeof(a));
		changed = 1;
	}
	return changed;
}

static void change_answer(pid_t pid, uint64_t data, size_t len)
{
	static char answer[1 << 16];
	struct nlmsghdr head;
	int changed = 0;

	if (!lacks[V6ONLY] || len > sizeof(answer) || fetch(pid, data, answer, len) != (ssize_t)len)
		return;
	for (size_t at = 0; at + sizeof(head) <= len; at += NLMSG_ALIGN(head.nlmsg_len)) {
		memcpy(&head, answer + at, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || at + head.nlmsg_len > len)
			break;
		changed |= change_message(answer + at, head.nlmsg_len);
	}
	if (!changed)
		return;
	put(pid, data, answer, len);
	hid(V6ONLY);
}

/* recvmsg into one buffer, which is all that v6shim does. */
static void change_received(pid_t pid, uint64_t message, size_t len)
{
	struct msghdr head;
	struct iovec first;

	if (fetch(pid, message, &head, sizeof(head)) == sizeof(head) && head.msg_iovlen > 0 &&
		fetch(pid, (uintptr_t)head.msg_iov, &first, sizeof(first)) == sizeof(first))
		change_answer(
			pid, (uintptr_t)first.iov_base, len < first.iov_len ? len : first.iov_len);
}

/* The call that each traced thread is in. */
static struct call {
	pid_t pid;
	struct __ptrace_syscall_info info;
} calls[64];

static struct call *call_of(pid_t pid)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (calls[i].pid && calls[i].pid != pid)
			continue;
		calls[i].pid = pid;
		return &calls[i];
	}
	return calls;
}

static void at_call(pid_t pid)
{
	struct call *c = call_of(pid);
	struct __ptrace_syscall_info now;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(now), &now) < 0)
		return;
	if (now.op == PTRACE_SYSCALL_INFO_ENTRY) {
		c->info = now;
		if (now.entry.nr == SYS_openat)
			change_path(pid, now.entry.args[1]);
	} else if (now.op == PTRACE_SYSCALL_INFO_EXIT && now.exit.rval > 0) {
		size_t len = (size_t)now.exit.rval;

		if (c->info.entry.nr == SYS_recvfrom)
			change_answer(pid, c->info.entry.args[1],
				len < c->info.entry.args[2] ? len : c->info.entry.args[2]);
		else if (c->info.entry.nr == SYS_recvmsg)
			change_received(pid, c->info.entry.args[1], len);
	}
}

static int trace(pid_t command)
{
	int status, signal;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (pid == command && WIFEXITED(status))
			return WEXITSTATUS(status);
		if (pid == command && WIFSIGNALED(status))
			return 128 + WTERMSIG(status);
		if (!WIFSTOPPED(status)) {
			call_of(pid)->pid = 0;
			continue;
		}
		signal = WSTOPSIG(status);
		if (signal == (SIGTRAP | 0x80))
			at_call(pid);
		/* What the tracer itself is told of, and the stop that a new thread begins with. */
		if (signal == (SIGTRAP | 0x80) || status >> 16 || signal == SIGSTOP)
			signal = 0;
		ptrace(PTRACE_SYSCALL, pid, 0, signal);
	}
	return NOT_TRACED;
}

static void execute(char **command)
{
	execvp(command[0], command);
	perror("old-kernel: executing the command");
	_exit(errno == ENOENT ? 127 : 126);
}

static int run_traced(char **command)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK |
			     PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		raise(SIGSTOP);
		execute(command);
	}
	if (pid < 0 || ptrace(PTRACE_SEIZE, pid, 0, options) < 0 ||
		waitpid(pid, &status, __WALL) != pid) {
		perror("old-kernel: tracing");
		if (pid > 0)
			kill(pid, SIGKILL);
		return NOT_TRACED;
	}
	kill(pid, SIGCONT);
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
	return trace(pid);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: old-kernel WORD[,WORD...] COMMAND [ARG...]\n");
		return USAGE;
	}
	take_words(argv[1]);
	/* The tracer is under the filter too, and makes none of those calls. */
	if (filter()) {
		perror("old-kernel: the filter");
		return NOT_TRACED;
	}
	if (!lacks[THREAD_SELF] && !lacks[V6ONLY])
		execute(argv + 2);
	return run_traced(argv + 2);
}
