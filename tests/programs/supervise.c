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
#define NO_LIMIT      (1LL << 60)
#define PIDS          (1 << 22) /* proc(5): pid_max goes no higher */

enum stage { RUNNING, LINGERING, ENDING, KILLING };

static bool wait_for_all;
static long long limit_ms = NO_LIMIT, patience_ms = 5000;
static const char *pidfile;
static FILE *report;

static enum stage stage = RUNNING;
static long long deadline;
static bool asked[PIDS]; /* has had its SIGTERM */

static void die(const char *what)
{
	fprintf(stderr, "supervise: %s: %s\n", what, strerror(errno));
	exit(125);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void say(const char *what, int pid, const char *name)
{
	FILE *out = report ? report : stderr;

	fprintf(out, "%s%s", report ? "" : "supervise: ", what);
	if (pid)
		fprintf(out, " %d %s", pid, name);
	fputc('\n', out);
	fflush(out);
}

/* proc(5): "pid (name) state ppid"; the name may itself hold blanks and brackets. */
static bool is_live_child(const char *pid, char *name, size_t size)
{
	char path[64], text[512], state = 0, *first, *last;
	int fd, parent = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	first = strchr(text, '(');
	last = strrchr(text, ')');
	if (!first || !last || sscanf(last + 1, " %c %d", &state, &parent) != 2)
		return false;
	*last = '\0';
	snprintf(name, size, "%s", first + 1);
	return parent == getpid() && state != 'Z' && state != 'X';
}

/*
 * The children that run are named with WORD, where there is one, and get SIG: SIGTERM only once.
 * What they have started themselves becomes a child as soon as they have ended.
 */
static void each_child(const char *word, int sig)
{
	struct dirent *entry;
	char name[64];
	DIR *proc = opendir("/proc");

	if (!proc)
		die("/proc");
	while ((entry = readdir(proc))) {
		int pid = atoi(entry->d_name);

		if (pid <= 0 || pid >= PIDS || !is_live_child(entry->d_name, name, sizeof(name)))
			continue;
		if (word)
			say(word, pid, name);
		if (!sig || (sig == SIGTERM && asked[pid]))
			continue;
		asked[pid] = true;
		kill(pid, sig);
		/* One that is stopped could not act on it. */
		kill(pid, SIGCONT);
	}
	closedir(proc);
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
		/* A shell starts what it puts in the background with SIGINT ignored. */
		for (int sig = 1; sig < SIGRTMIN; sig++)
			signal(sig, SIG_DFL);
		sigprocmask(SIG_SETMASK, mask, NULL);
		setsid();
		execvp(argv[0], argv);
		fprintf(stderr, "supervise: %s: %s\n", argv[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	if (pidfile) {
		f = fopen(pidfile, "we");
		if (!f || fprintf(f, "%d\n", (int)pid) < 0 || fclose(f))
			die(pidfile);
	}
	return pid;
}

/* Sets *RESULT, < 0 before, at the command's end; false when no child is left. */
static bool reap(pid_t command, int *result)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != command || *result >= 0)
			continue;
		*result = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		if (report && WIFSIGNALED(status))
			fprintf(report, "ended signal SIG%s\n", sigabbrev_np(WTERMSIG(status)));
		else if (report)
			fprintf(report, "ended exit %d\n", *result);
		if (report)
			fflush(report);
	}
	return pid == 0;
}

static void enter(enum stage next, long long ms)
{
	stage = next;
	deadline = now_ms() + ms;
}

/* A signal of WANTED, or one below 1 when the deadline or the next tick has come. */
static int await(const sigset_t *wanted)
{
	long long left = deadline - now_ms(), most = stage >= ENDING ? TICK_MS : 1000;
	struct timespec wait;

	left = left < 0 ? 0 : left > most ? most : left;
	wait = (struct timespec){left / 1000, left % 1000 * 1000000};
	return sigtimedwait(wanted, NULL, &wait);
}

/* Returns the exit status. */
static int watch(pid_t command, const sigset_t *wanted)
{
	int sig, result = -1;
	bool timed_out = false, late;

	enter(RUNNING, limit_ms);
	for (;;) {
		sig = await(wanted);
		if (!reap(command, &result))
			return timed_out ? 124 : result;
		if (result >= 0 && !wait_for_all && stage == RUNNING)
			enter(LINGERING, LINGER_MS);
		if (sig > 0 && sig != SIGCHLD && stage < ENDING)
			enter(ENDING, patience_ms);
		late = now_ms() >= deadline;
		if (late && stage == RUNNING) {
			timed_out = true;
			say("timeout", 0, NULL);
			enter(ENDING, patience_ms);
		} else if (late && stage == LINGERING) {
			each_child("left", 0);
			enter(ENDING, patience_ms);
		} else if (late && stage == ENDING) {
			each_child("killed", SIGKILL);
			enter(KILLING, UNKILLABLE_MS);
		} else if (late) {
			each_child("remains", 0);
			return 125;
		}
		if (stage >= ENDING)
			each_child(NULL, stage == ENDING ? SIGTERM : SIGKILL);
	}
}

int main(int argc, char **argv)
{
	static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
	pid_t parent = getppid();
	sigset_t wanted, before;
	int opt;

	while ((opt = getopt(argc, argv, "+wt:k:p:r:")) != -1) {
		if (opt == 'w')
			wait_for_all = true;
		else if (opt == 't')
			limit_ms = (long long)(strtod(optarg, NULL) * 1000);
		else if (opt == 'k')
			patience_ms = (long long)(strtod(optarg, NULL) * 1000);
		else if (opt == 'p')
			pidfile = optarg;
		else if (opt != 'r')
			return 125;
		else if (!(report = fopen(optarg, "we")))
			die(optarg);
	}
	if (optind == argc) {
		fputs("usage: supervise [-w] [-t SECONDS] [-k SECONDS] [-p PIDFILE] [-r REPORT] "
		      "COMMAND [ARG...]\n",
			stderr);
		return 125;
	}
	sigemptyset(&wanted);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaddset(&wanted, signals[i]);
		/* An ignored signal would never arrive. */
		signal(signals[i], SIG_DFL);
	}
	sigprocmask(SIG_BLOCK, &wanted, &before);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) || prctl(PR_SET_PDEATHSIG, SIGTERM))
		die("prctl");
	if (getppid() != parent)
		return 125;
	return watch(launch(argv + optind, &before), &wanted);
}
