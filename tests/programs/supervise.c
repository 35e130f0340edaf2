/*
 * supervise - run a command for a bounded time and leave nothing of it behind
 *
 * usage: supervise [-w] [-t SECONDS] [-k SECONDS] [-p PIDFILE] [-r REPORT] COMMAND [ARG...]
 *
 *	-w	COMMAND may put itself into the background: go on until all that it started has ended
 *	-t	after SECONDS, end it (default: no limit)
 *	-k	from SIGTERM to SIGKILL (default 5)
 *	-p	write COMMAND's process id there
 *	-r	write there, one line each, what came to pass (default: standard error, without `ended'):
 *			ended exit N		COMMAND ended by itself, or on SIGTERM
 *			ended signal NAME	COMMAND was ended by a signal
 *			timeout			-t was reached
 *			left PID NAME		still ran when COMMAND had ended (never with -w)
 *			killed PID NAME		did not end on SIGTERM
 *			remains PID NAME	did not even end on SIGKILL
 *
 * Exit status: COMMAND's own, 128 + the signal that ended it, 124 after a timeout, 126 or 127 where
 * it cannot be executed or found, 125 where something remains or supervise itself failed.
 *
 * It is a child subreaper (prctl(2)), so a process that calls setsid, forks twice or renames itself
 * is still found. On SIGTERM, SIGINT, SIGHUP, and when its own parent dies, it ends what it runs:
 * first its direct children get SIGTERM, as an operator would do it, then what they leave orphaned,
 * and SIGKILL ends whoever is still there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINGER_MS     500 /* a process that is just ending is not left behind */
#define UNKILLABLE_MS 5000
#define TICK_MS       20

enum stage { RUNNING, LINGERING, ENDING, KILLING };

struct process {
	pid_t pid;
	pid_t parent;
	char state;
	bool mine; /* descends from this process */
	char name[64];
};

static struct process *processes;
static size_t nprocesses;

/* Those that have had their SIGTERM. */
static pid_t *asked;
static size_t nasked;

static FILE *report;
static bool report_is_file;

static struct {
	bool wait_for_all;
	long long limit_ms; /* < 0: none */
	long long patience_ms;
	const char *pidfile;
} options = {.limit_ms = -1, .patience_ms = 5000};

static struct {
	enum stage stage;
	long long deadline; /* of the stage, < 0: none */
	bool timed_out;
	bool ended; /* the command itself */
	int result;
} now;

static void die(const char *what)
{
	fprintf(stderr, "supervise: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void *grow(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	array = realloc(array, (count ? count * 2 : 1) * size);
	if (!array)
		die("memory");
	return array;
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void say(const char *what, const struct process *p)
{
	fprintf(report, "%s%s", report_is_file ? "" : "supervise: ", what);
	if (p)
		fprintf(report, " %d %s", (int)p->pid, p->name);
	fputc('\n', report);
	fflush(report);
}

/* proc(5): "pid (name) state ppid"; the name may itself hold blanks and brackets. */
static bool read_stat(const char *pid, struct process *p)
{
	char path[64], text[512], *name, *end;
	ssize_t n;
	int fd, parent;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	name = strchr(text, '(');
	end = strrchr(text, ')');
	if (!name || !end || sscanf(end + 1, " %c %d", &p->state, &parent) != 2)
		return false;
	*end = '\0';
	p->pid = atoi(pid);
	p->parent = parent;
	p->mine = false;
	snprintf(p->name, sizeof(p->name), "%s", name + 1);
	return true;
}

static bool parent_is_mine(const struct process *p)
{
	if (p->parent == getpid())
		return true;
	for (size_t i = 0; i < nprocesses; i++)
		if (processes[i].pid == p->parent)
			return processes[i].mine;
	return false;
}

/* Fills `processes` and marks whoever descends from this process. */
static void look_around(void)
{
	struct dirent *entry;
	struct process p;
	bool more = true;
	DIR *proc;

	nprocesses = 0;
	proc = opendir("/proc");
	if (!proc)
		die("/proc");
	while ((entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
			!read_stat(entry->d_name, &p))
			continue;
		processes = grow(processes, nprocesses, sizeof(p));
		processes[nprocesses++] = p;
	}
	closedir(proc);
	while (more) {
		more = false;
		for (size_t i = 0; i < nprocesses; i++) {
			if (processes[i].mine || !parent_is_mine(&processes[i]))
				continue;
			processes[i].mine = true;
			more = true;
		}
	}
}

static bool runs(const struct process *p)
{
	return p->mine && p->state != 'Z' && p->state != 'X';
}

static void name_all(const char *what)
{
	look_around();
	for (size_t i = 0; i < nprocesses; i++)
		if (runs(&processes[i]))
			say(what, &processes[i]);
}

static void kill_all(void)
{
	look_around();
	for (size_t i = 0; i < nprocesses; i++)
		if (runs(&processes[i]))
			kill(processes[i].pid, SIGKILL);
}

static bool was_asked(pid_t pid)
{
	for (size_t i = 0; i < nasked; i++)
		if (asked[i] == pid)
			return true;
	return false;
}

/* SIGTERM to each direct child once. A stopped one could not act on it without SIGCONT. */
static void ask_children(void)
{
	look_around();
	for (size_t i = 0; i < nprocesses; i++) {
		pid_t pid = processes[i].pid;

		if (processes[i].parent != getpid() || !runs(&processes[i]) || was_asked(pid))
			continue;
		asked = grow(asked, nasked, sizeof(*asked));
		asked[nasked++] = pid;
		kill(pid, SIGTERM);
		kill(pid, SIGCONT);
	}
}

static void become(char **argv, const sigset_t *mask)
{
	/* A shell starts what it puts in the background with SIGINT ignored. */
	for (int sig = 1; sig < SIGRTMIN; sig++)
		signal(sig, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	setsid();
	execvp(argv[0], argv);
	fprintf(stderr, "supervise: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static pid_t launch(char **argv, const sigset_t *mask)
{
	pid_t pid = fork();
	FILE *f;

	if (pid < 0)
		die("fork");
	if (!pid) {
		/* Whoever kills this process outright still gets rid of the command. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		become(argv, mask);
	}
	if (options.pidfile) {
		f = fopen(options.pidfile, "we");
		if (!f || fprintf(f, "%d\n", (int)pid) < 0 || fclose(f))
			die(options.pidfile);
	}
	return pid;
}

/* Takes note of the command's end; false when no child is left. */
static bool reap(pid_t command)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != command || now.ended)
			continue;
		now.ended = true;
		now.result = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		if (!report_is_file)
			continue;
		if (WIFSIGNALED(status))
			fprintf(report, "ended signal SIG%s\n", sigabbrev_np(WTERMSIG(status)));
		else
			fprintf(report, "ended exit %d\n", WEXITSTATUS(status));
		fflush(report);
	}
	return pid == 0;
}

static void enter(enum stage stage, long long ms)
{
	now.stage = stage;
	now.deadline = now_ms() + ms;
}

static void deadline_passed(void)
{
	switch (now.stage) {
	case RUNNING:
		now.timed_out = true;
		say("timeout", NULL);
		enter(ENDING, options.patience_ms);
		break;
	case LINGERING:
		name_all("left");
		enter(ENDING, options.patience_ms);
		break;
	case ENDING:
		name_all("killed");
		enter(KILLING, UNKILLABLE_MS);
		break;
	case KILLING:
		name_all("remains");
		exit(125);
	}
}

/* A signal, or 0 when the deadline or the next tick has come. */
static int await(const sigset_t *wanted)
{
	long long left = now.deadline < 0 ? 1000 : now.deadline - now_ms();
	struct timespec wait;
	int sig;

	if (now.stage >= ENDING && left > TICK_MS)
		left = TICK_MS;
	if (left < 0)
		left = 0;
	wait.tv_sec = left / 1000;
	wait.tv_nsec = left % 1000 * 1000000;
	sig = sigtimedwait(wanted, NULL, &wait);
	return sig > 0 ? sig : 0;
}

static void watch(pid_t command, const sigset_t *wanted)
{
	int sig;

	now.deadline = options.limit_ms < 0 ? -1 : now_ms() + options.limit_ms;
	for (;;) {
		sig = await(wanted);
		if (!reap(command))
			return;
		if (now.ended && !options.wait_for_all && now.stage == RUNNING)
			enter(LINGERING, LINGER_MS);
		if (sig && sig != SIGCHLD && now.stage < ENDING)
			enter(ENDING, options.patience_ms);
		if (now.deadline >= 0 && now_ms() >= now.deadline)
			deadline_passed();
		if (now.stage == ENDING)
			ask_children();
		else if (now.stage == KILLING)
			kill_all();
	}
}

static void usage(void)
{
	fputs("usage: supervise [-w] [-t SECONDS] [-k SECONDS] [-p PIDFILE] [-r REPORT] COMMAND "
	      "[ARG...]\n",
		stderr);
	exit(125);
}

static long long seconds(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s >= 0 && s < 1e6)) {
		fprintf(stderr, "supervise: not a number of seconds: `%s'\n", text);
		exit(125);
	}
	return (long long)(s * 1000);
}

static void read_options(int argc, char **argv)
{
	int opt;

	report = stderr;
	while ((opt = getopt(argc, argv, "+wt:k:p:r:")) != -1) {
		switch (opt) {
		case 'w':
			options.wait_for_all = true;
			break;
		case 't':
			options.limit_ms = seconds(optarg);
			break;
		case 'k':
			options.patience_ms = seconds(optarg);
			break;
		case 'p':
			options.pidfile = optarg;
			break;
		case 'r':
			report = fopen(optarg, "we");
			if (!report)
				die(optarg);
			report_is_file = true;
			break;
		default:
			usage();
		}
	}
	if (optind == argc)
		usage();
}

int main(int argc, char **argv)
{
	pid_t parent = getppid();
	sigset_t wanted, before;

	read_options(argc, argv);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGHUP);
	sigprocmask(SIG_BLOCK, &wanted, &before);
	/* An ignored signal would never arrive. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) || prctl(PR_SET_PDEATHSIG, SIGTERM))
		die("prctl");
	if (getppid() != parent)
		return 125;

	watch(launch(argv + optind, &before), &wanted);
	return now.timed_out ? 124 : now.result;
}
