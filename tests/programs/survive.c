/*
 * survive - does to its log what servers do to theirs, and goes on binding.
 *
 * usage: survive [-o FILE] STEP...
 *
 * A step is one argument, its words parted by blanks:
 *
 *	bind [N]            N times (once): a socket is made, bound to [::]:0 and closed
 *	both [N]            a child of fork and its parent both do that, at the same time
 *	fork ... join       a child takes the steps between, the parent waits for it and goes on after
 *	vfork               a child of vfork binds once, the parent waits for it
 *	daemon              into the background: fork, setsid, /dev/null on 0, 1 and 2
 *	exec                the program executes itself anew for the steps that follow
 *	close NUMBER
 *	close-loop, closefrom, close_range         every descriptor from 3 on
 *	open PATH rw|write|append NUMBER           what is there is then the server's own file
 *	null NUMBER         /dev/null at that number
 *	pipe NUMBER         the writing end of a pipe of the server's own
 *	got                 what came through that pipe: `4 bytes`
 *	save, restore       descriptor 2 elsewhere and back; both keep what is there
 *	files DIRECTORY     files of its own at every number that is free, each with its name in it
 *	steal LOG FILE      a file of its own at just the number that LOG is open at
 *	held PATH           how many descriptors are open on it
 *	is NUMBER           open or closed
 *	fill, release       no descriptor is left free; they are free again
 *	unlink PATH, truncate PATH, mkfifo PATH
 *	rename FROM TO      and a moment passes
 *	rename-at-once FROM TO
 *	moment              passes, after which a library must know
 *	link TO PATH USER   a symbolic link that belongs to USER, a number
 *	chroot DIRECTORY
 *	user NUMBER         drop to that user and group
 *	limit nofile|fsize N
 *	ignore, block, unblock, catch              SIGPIPE
 *	raise, kill         SIGPIPE to the thread, to the process
 *	break               its own write to a pipe that nobody reads
 *	caught              how many SIGPIPE the handler of `catch` has had
 *	pending             whether one is
 *	stop-output, start-output                  of the terminal at 2, as ^S and ^Q do
 *	touch PATH, await PATH                     to meet with the test
 *	say WORD
 *
 * Each prints one line to standard output, or with -o to FILE, which is out of the way of the steps
 * at a high number: the step, and "ok", the name of the error, or what was asked for. "bind: slow"
 * is one that took longer than a server would put up with.
 *
 * Exit status: 0 when all steps were made, whatever came of them; 1 when one could not be; 2 for
 * bad usage.
 */
#include "common.h"
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	WORDS = 4,
	LONGEST = 4608,
	FIRST = 3,
	HIGH = 20,
	MOST = 4096,
	SLOW_MS = 3000,
	WHOLE_RUN_S = 60
};

static char *self;
static char **rest; /* the steps that follow */
static int saved = -1, pipe_end = -1;
static FILE *report;
static int filler[MOST], fillers;
static volatile sig_atomic_t caught;

static void usage(const char *step)
{
	fprintf(stderr, "survive: not a step: %s\n", step);
	exit(2);
}

static const char *text(const char *format, int value)
{
	static char room[32];

	snprintf(room, sizeof(room), format, value);
	return room;
}

static int number(const char *word)
{
	char *end;
	long value = word != NULL ? strtol(word, &end, 10) : -1;

	if (word == NULL || *word == '\0' || *end != '\0' || value < 0)
		usage(word != NULL ? word : "a number is missing");
	return (int)value;
}

static const char *path(const char *word)
{
	if (word == NULL)
		usage("a path is missing");
	return word;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- binding */

static int bind_once(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0), result, error;

	if (fd < 0)
		return -1;
	result = bind_to(fd, AF_INET6, NULL, 0);
	error = errno;
	close(fd);
	errno = error;
	return result;
}

static const char *bind_times(int times)
{
	long start = now_ms();

	for (int i = 0; i < times; i++)
		if (bind_once() < 0)
			return outcome(-1);
	return now_ms() - start > SLOW_MS ? "slow" : "ok";
}

static const char *do_bind(char **words)
{
	return bind_times(words[1] != NULL ? number(words[1]) : 1);
}

static const char *after(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		fail("survive", "waitpid");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "ok" : "failed";
}

static const char *do_both(char **words)
{
	int times = words[1] != NULL ? number(words[1]) : 1;
	const char *said;
	pid_t child = fork();

	if (child < 0)
		fail("survive", "fork");
	if (child == 0)
		_exit(strcmp(bind_times(times), "ok") != 0);
	said = bind_times(times);
	return strcmp(after(child), "ok") == 0 ? said : "failed";
}

static const char *do_fork(char **words)
{
	pid_t child = fork();
	const char *said;

	(void)words;
	if (child < 0)
		fail("survive", "fork");
	if (child == 0)
		return "ok";
	said = after(child);
	while (*rest != NULL && strcmp(*rest, "join") != 0)
		rest++;
	if (*rest != NULL)
		rest++;
	return said;
}

static const char *do_join(char **words)
{
	(void)words;
	_exit(0);
}

static const char *do_vfork(char **words)
{
	pid_t child = vfork();

	(void)words;
	if (child < 0)
		fail("survive", "vfork");
	if (child == 0)
		_exit(bind_once() < 0);
	return after(child);
}

static void put_at(int fd, int wanted)
{
	if (fd < 0)
		fail("survive", "open");
	if (fd == wanted)
		return;
	if (dup2(fd, wanted) < 0)
		fail("survive", "dup2");
	close(fd);
}

static const char *do_null(char **words)
{
	put_at(open("/dev/null", O_RDWR), number(words[1]));
	return "ok";
}

static const char *do_daemon(char **words)
{
	pid_t child = fork();

	(void)words;
	if (child < 0)
		fail("survive", "fork");
	if (child > 0)
		_exit(0);
	setsid();
	for (int fd = 0; fd < FIRST; fd++)
		put_at(open("/dev/null", O_RDWR), fd);
	return "ok";
}

static const char *do_exec(char **words)
{
	(void)words;
	fputs("exec: ok\n", report);
	rest[-1] = self;
	execv(self, rest - 1);
	fail("survive", "exec");
	return NULL;
}

/* ---- descriptors */

static const char *do_close(char **words)
{
	return outcome(close(number(words[1])));
}

static const char *do_close_loop(char **words)
{
	struct rlimit limit;

	(void)words;
	getrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = FIRST; (rlim_t)fd < limit.rlim_cur; fd++)
		close(fd);
	return "ok";
}

static const char *do_closefrom(char **words)
{
	(void)words;
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 34)
	closefrom(FIRST);
	return "ok";
#endif
#endif
	for (int fd = FIRST; fd < 65536; fd++)
		close(fd);
	return "ok";
}

static const char *do_close_range(char **words)
{
	(void)words;
#ifdef SYS_close_range
	return outcome((int)syscall(SYS_close_range, (unsigned)FIRST, ~0U, 0U));
#else
	return do_closefrom(words);
#endif
}

/* What the server writes there itself, and nobody else may add to. */
static void sign(int fd, const char *name)
{
	if (fd < 0 || write(fd, name, strlen(name)) != (ssize_t)strlen(name) ||
		write(fd, "\n", 1) != 1)
		fail("survive", name);
}

static const char *do_open(char **words)
{
	static const struct {
		const char *name;
		int flags;
	} modes[] = {{"rw", O_RDWR}, {"write", O_WRONLY}, {"append", O_WRONLY | O_APPEND}};

	for (size_t i = 0; i < COUNT(modes); i++)
		if (words[2] != NULL && strcmp(words[2], modes[i].name) == 0) {
			int wanted = number(words[3]);

			put_at(open(path(words[1]), modes[i].flags | O_CREAT, 0644), wanted);
			sign(wanted, words[1]);
			return "ok";
		}
	usage(words[0]);
	return NULL;
}

static const char *do_pipe(char **words)
{
	int ends[2];

	if (pipe(ends) < 0)
		fail("survive", "pipe");
	pipe_end = fcntl(ends[0], F_DUPFD, HIGH);
	close(ends[0]);
	fcntl(pipe_end, F_SETFL, O_NONBLOCK);
	put_at(ends[1], number(words[1]));
	return "ok";
}

static const char *do_got(char **words)
{
	char bytes[4096];
	ssize_t n = read(pipe_end, bytes, sizeof(bytes));

	(void)words;
	return text("%d bytes", n < 0 ? 0 : (int)n);
}

static const char *do_save(char **words)
{
	(void)words;
	saved = dup(STDERR_FILENO);
	return outcome(saved);
}

static const char *do_restore(char **words)
{
	(void)words;
	return outcome(dup2(saved, STDERR_FILENO));
}

/* File I holds I. */
static const char *do_files(char **words)
{
	struct rlimit limit;
	char name[LONGEST];
	int fd;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur > MOST)
		fail("survive", "files: too many descriptors are allowed");
	for (int i = 0;; i++) {
		snprintf(name, sizeof(name), "%s/%d", path(words[1]), i);
		fd = open(name, O_RDWR | O_CREAT, 0644);
		if (fd < 0)
			break;
		sign(fd, text("%d", i));
	}
	return errno == EMFILE ? "ok" : outcome(-1);
}

/* Descriptors that are open on a path: how many, and the last one. */
static int held(const char *wanted, int *last)
{
	char name[64], target[LONGEST];
	DIR *all = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = 0;

	if (all == NULL)
		fail("survive", "/proc/self/fd");
	while ((entry = readdir(all)) != NULL) {
		ssize_t n;

		snprintf(name, sizeof(name), "/proc/self/fd/%.16s", entry->d_name);
		n = readlink(name, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		if (strcmp(target, wanted) != 0)
			continue;
		found++;
		*last = atoi(entry->d_name);
	}
	closedir(all);
	return found;
}

static const char *do_held(char **words)
{
	int fd;

	return text("%d", held(path(words[1]), &fd));
}

static const char *do_steal(char **words)
{
	int fd;

	if (held(path(words[1]), &fd) != 1)
		return "nothing to steal";
	put_at(open(path(words[2]), O_RDWR | O_CREAT, 0644), fd);
	sign(fd, words[2]);
	return "ok";
}

static const char *do_is(char **words)
{
	return fcntl(number(words[1]), F_GETFD) < 0 ? "closed" : "open";
}

static const char *do_fill(char **words)
{
	(void)words;
	while (fillers < MOST && (filler[fillers] = open("/dev/null", O_RDONLY)) >= 0)
		fillers++;
	return "ok";
}

static const char *do_release(char **words)
{
	(void)words;
	while (fillers > 0)
		close(filler[--fillers]);
	return "ok";
}

/* ---- files and rights */

static const char *do_unlink(char **words)
{
	return outcome(unlink(path(words[1])));
}

static const char *do_rename_at_once(char **words)
{
	return outcome(rename(path(words[1]), path(words[2])));
}

static const char *do_moment(char **words)
{
	const struct timespec moment = {.tv_nsec = 120 * 1000 * 1000};

	(void)words;
	return outcome(nanosleep(&moment, NULL));
}

static const char *do_rename(char **words)
{
	const char *said = do_rename_at_once(words);

	do_moment(words);
	return said;
}

static const char *do_truncate(char **words)
{
	return outcome(truncate(path(words[1]), 0));
}

static const char *do_mkfifo(char **words)
{
	return outcome(mkfifo(path(words[1]), 0644));
}

static const char *do_link(char **words)
{
	uid_t user = (uid_t)number(words[3]);

	if (symlink(path(words[1]), path(words[2])) < 0)
		return outcome(-1);
	return outcome(lchown(words[2], user, user));
}

static const char *do_chroot(char **words)
{
	if (chroot(path(words[1])) < 0)
		return outcome(-1);
	return outcome(chdir("/"));
}

static const char *do_user(char **words)
{
	uid_t user = (uid_t)number(words[1]);

	if (setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0)
		return outcome(-1);
	return outcome(setresuid(user, user, user));
}

static const char *do_limit(char **words)
{
	int which = strcmp(path(words[1]), "fsize") == 0 ? RLIMIT_FSIZE : RLIMIT_NOFILE;
	struct rlimit limit;

	getrlimit(which, &limit);
	limit.rlim_cur = (rlim_t)number(words[2]);
	return outcome(setrlimit(which, &limit));
}

/* ---- signals */

static void count(int signal_number)
{
	(void)signal_number;
	caught++;
}

static const char *do_ignore(char **words)
{
	(void)words;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? outcome(-1) : "ok";
}

static const char *do_catch(char **words)
{
	struct sigaction action = {.sa_handler = count};

	(void)words;
	return outcome(sigaction(SIGPIPE, &action, NULL));
}

static const char *change_mask(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return outcome(sigprocmask(how, &set, NULL));
}

static const char *do_block(char **words)
{
	(void)words;
	return change_mask(SIG_BLOCK);
}

static const char *do_unblock(char **words)
{
	(void)words;
	return change_mask(SIG_UNBLOCK);
}

static const char *do_raise(char **words)
{
	(void)words;
	return outcome(raise(SIGPIPE) == 0 ? 0 : -1);
}

static const char *do_kill(char **words)
{
	(void)words;
	return outcome(kill(getpid(), SIGPIPE));
}

static const char *do_break(char **words)
{
	int ends[2], error;

	(void)words;
	if (pipe(ends) < 0)
		fail("survive", "pipe");
	close(ends[0]);
	error = write(ends[1], "x", 1) < 0 ? errno : 0;
	close(ends[1]);
	errno = error;
	return outcome(error == 0 ? 0 : -1);
}

static const char *do_caught(char **words)
{
	(void)words;
	return text("%d", (int)caught);
}

static const char *do_pending(char **words)
{
	sigset_t set;

	(void)words;
	sigpending(&set);
	return sigismember(&set, SIGPIPE) ? "yes" : "no";
}

static const char *do_stop_output(char **words)
{
	(void)words;
	return outcome(tcflow(STDERR_FILENO, TCOOFF));
}

static const char *do_start_output(char **words)
{
	(void)words;
	return outcome(tcflow(STDERR_FILENO, TCOON));
}

/* ---- meeting with the test */

static const char *do_touch(char **words)
{
	int fd = open(path(words[1]), O_WRONLY | O_CREAT, 0666);

	return fd < 0 ? outcome(-1) : outcome(close(fd));
}

static const char *do_await(char **words)
{
	struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
	long end = now_ms() + 20 * 1000;

	while (access(path(words[1]), F_OK) < 0) {
		if (now_ms() > end)
			return "nobody came";
		nanosleep(&moment, NULL);
	}
	return "ok";
}

static const char *do_say(char **words)
{
	return words[1] != NULL ? words[1] : "";
}

static const struct {
	const char *name;
	const char *(*make)(char **words);
} all[] = {{"bind", do_bind}, {"both", do_both}, {"fork", do_fork}, {"join", do_join},
	{"vfork", do_vfork}, {"daemon", do_daemon}, {"exec", do_exec}, {"close", do_close},
	{"close-loop", do_close_loop}, {"closefrom", do_closefrom}, {"close_range", do_close_range},
	{"open", do_open}, {"null", do_null}, {"pipe", do_pipe}, {"got", do_got}, {"save", do_save},
	{"restore", do_restore}, {"files", do_files}, {"steal", do_steal}, {"held", do_held},
	{"is", do_is}, {"fill", do_fill}, {"release", do_release}, {"unlink", do_unlink},
	{"rename", do_rename}, {"rename-at-once", do_rename_at_once}, {"moment", do_moment},
	{"truncate", do_truncate}, {"mkfifo", do_mkfifo}, {"link", do_link}, {"chroot", do_chroot},
	{"user", do_user}, {"limit", do_limit}, {"ignore", do_ignore}, {"catch", do_catch},
	{"block", do_block}, {"unblock", do_unblock}, {"raise", do_raise}, {"kill", do_kill},
	{"break", do_break}, {"caught", do_caught}, {"pending", do_pending},
	{"stop-output", do_stop_output}, {"start-output", do_start_output}, {"touch", do_touch},
	{"await", do_await}, {"say", do_say}};

static void make(const char *step)
{
	static char room[LONGEST];
	char *words[WORDS + 1] = {0}, *state;

	if (snprintf(room, sizeof(room), "%s", step) >= (int)sizeof(room))
		usage(step);
	words[0] = strtok_r(room, " ", &state);
	for (int i = 1; i < WORDS && words[i - 1] != NULL; i++)
		words[i] = strtok_r(NULL, " ", &state);
	for (size_t i = 0; i < COUNT(all); i++)
		if (words[0] != NULL && strcmp(words[0], all[i].name) == 0) {
			const char *said = all[i].make(words);

			fprintf(report, "%s: %s\n", words[0], said);
			return;
		}
	usage(step);
}

/* Not in the way of those steps that are about low numbers. */
static FILE *open_report(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
	FILE *file = fdopen(high, "w");

	if (file == NULL)
		fail("survive", name);
	close(fd);
	return file;
}

int main(int argc, char **argv)
{
	int has_report = argc > 2 && strcmp(argv[1], "-o") == 0;

	report = has_report ? open_report(argv[2]) : stdout;
	setvbuf(report, NULL, _IOLBF, 0);
	alarm(WHOLE_RUN_S);
	self = argv[0];
	rest = argv + 1 + 2 * has_report;
	if (*rest == NULL)
		usage("none");
	while (*rest != NULL) {
		const char *step = *rest++;

		make(step);
	}
	return 0;
}
