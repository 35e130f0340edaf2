/*
 * storm - a signal handler opens listeners, again and again, in whatever its threads are doing.
 *
 * usage: storm [-n RUNS] [-w SECONDS]
 *
 *   -n   so many runs of the handler in all (2000)
 *   -w   it may take so long; then SIGALRM ends it (60)
 *
 * Two signals come from a timer at 2 kHz, and from a thread that sends them to the others in turn;
 * the one may interrupt the handler of the other. Six threads sit in malloc, in stdio with a stream
 * that they share, in passive getaddrinfo, and in just such calls as the handler makes. All the
 * while the main thread makes children, by fork, vfork and posix_spawn in turn, that make them too.
 *
 * A run is socket, setsockopt(IPV6_V6ONLY) to 0, bind to [::]:0, listen, getsockopt(IPV6_V6ONLY),
 * close. It is wrong where one of them fails, or changes errno when it does not.
 *
 * Output: how many runs had which value of V6ONLY in the end, how many were wrong, how many
 * children there were and how many of them failed or had a wrong run:
 *
 *	runs 2000
 *	v6only 1
 *	wrong 0
 *	children many
 *	failed 0
 *
 * "v6only 0 1" where both were seen; "children few" where it was over before each kind of child had
 * its turn. Exit status: 0; 1 where it could not be tried; 2 for bad usage.
 */
#include "common.h"
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { THREADS = 6, SENTINEL = 4711, SIZES = 32, EACH_NS = 500000, CHILD_RUNS = 3, KINDS = 3 };

extern char **environ;

static struct {
	unsigned begun, runs, wrong, seen[2]; /* changed by atomic additions */
} tally;

static unsigned wanted = 2000;
static int over;
static char *self;
static FILE *sink;
static pthread_t threads[THREADS];

/* What it was before. */
static unsigned add(unsigned *counter)
{
	return __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static unsigned got(const unsigned *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Async-signal-safe, as POSIX has all six calls. Whether it was right. */
static int run_once(void)
{
	socklen_t size = sizeof(int);
	int fd, right, value = -1;

	errno = SENTINEL;
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	right = fd >= 0 && set_v6only(fd, 0) == 0 && bind_to(fd, AF_INET6, NULL, 0) == 0 &&
		listen(fd, 8) == 0 && errno == SENTINEL &&
		getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &size) == 0;
	if (fd >= 0)
		close(fd);
	if (value == 0 || value == 1)
		add(&tally.seen[value]);
	if (!right)
		add(&tally.wrong);
	return right;
}

static void on_signal(int number)
{
	int error = errno;

	(void)number;
	if (got(&tally.begun) < wanted && add(&tally.begun) < wanted) {
		run_once();
		add(&tally.runs);
	}
	errno = error;
}

static int is_over(void)
{
	return __atomic_load_n(&over, __ATOMIC_RELAXED);
}

/* ---- what the threads do: sizes that no cache of a thread has, so that each call takes the lock */

static void allocate(void)
{
	void *memory[SIZES];

	for (int i = 0; i < SIZES; i++)
		memory[i] = malloc((size_t)(i + 2) * 1024);
	for (int i = 0; i < SIZES; i++)
		free(memory[i]);
}

static void print(void)
{
	fprintf(sink, "%d %s %f\n", SIZES, "of a line", 0.5);
	fflush(sink);
}

static void resolve(void)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *list;

	if (getaddrinfo(NULL, "4321", &hints, &list) == 0)
		freeaddrinfo(list);
	else
		add(&tally.wrong);
}

static void call(void)
{
	run_once();
}

static void *work(void *which)
{
	static void (*const all[])(void) = {allocate, print, resolve, call};
	void (*one)(void) = all[(size_t)which % (sizeof(all) / sizeof(*all))];

	while (!is_over())
		one();
	return NULL;
}

/* ---- the signals */

static void block(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGRTMIN + 1);
	pthread_sigmask(how, &set, NULL);
}

static void *send_signals(void *unused)
{
	struct timespec pause = {.tv_nsec = EACH_NS / 10};

	block(SIG_BLOCK);
	for (unsigned i = 0; got(&tally.runs) < wanted; i++) {
		pthread_kill(threads[i % THREADS], SIGRTMIN + (int)(i / THREADS % 2));
		nanosleep(&pause, NULL);
	}
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	return unused;
}

static timer_t start_timer(int number)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = number};
	struct itimerspec each = {{0, EACH_NS}, {0, EACH_NS}};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	timer_t timer;

	sigaction(number, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ||
		timer_settime(timer, 0, &each, NULL) < 0)
		fail("storm", "timer");
	return timer;
}

/* ---- the children */

static int child_is_right(void)
{
	int right = 1;

	/* No child survives its parent's alarm. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < CHILD_RUNS; i++)
		right &= run_once();
	return right;
}

/* It has the parent's memory, so that its handlers would count as the parent's: there are none. */
static pid_t make_vfork(void)
{
	pid_t child;

	block(SIG_BLOCK);
	child = vfork();
	if (child == 0)
		_exit(!child_is_right());
	block(SIG_UNBLOCK);
	return child;
}

static pid_t make_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(!child_is_right());
	return child;
}

static pid_t make_spawn(void)
{
	char *words[] = {self, (char *)"-c", NULL};
	pid_t child;

	return posix_spawn(&child, self, NULL, NULL, words, environ) == 0 ? child : -1;
}

/* Whether it failed. */
static int make_child(unsigned kind)
{
	static pid_t (*const all[KINDS])(void) = {make_fork, make_vfork, make_spawn};
	pid_t child = all[kind](), ended;
	int status;

	do
		ended = waitpid(child, &status, 0);
	while (ended < 0 && errno == EINTR);
	return child < 0 || ended != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static unsigned number(const char *word)
{
	char *end;
	unsigned long value = strtoul(word, &end, 10);

	if (*word < '0' || *word > '9' || *end != '\0' || value > 10000000) {
		fputs("usage: storm [-n RUNS] [-w SECONDS]\n", stderr);
		exit(2);
	}
	return (unsigned)value;
}

static void read_options(int argc, char **argv)
{
	int letter;

	self = argv[0];
	alarm(60);
	while ((letter = getopt(argc, argv, "cn:w:")) != -1)
		if (letter == 'c') /* what make_spawn starts */
			_exit(!child_is_right());
		else if (letter == 'n')
			wanted = number(optarg);
		else if (letter == 'w')
			alarm(number(optarg));
		else
			number("");
}

int main(int argc, char **argv)
{
	unsigned children = 0, failed = 0;
	timer_t timers[2];
	pthread_t sender;

	read_options(argc, argv);
	sink = fopen("/dev/null", "w");
	if (sink == NULL)
		fail("storm", "/dev/null");
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i) != 0)
			fail("storm", "pthread_create");
	for (int i = 0; i < 2; i++)
		timers[i] = start_timer(SIGRTMIN + i);
	if (pthread_create(&sender, NULL, send_signals, NULL) != 0)
		fail("storm", "pthread_create");
	while (!is_over())
		failed += (unsigned)make_child(children++ % KINDS);
	for (int i = 0; i < 2; i++)
		timer_delete(timers[i]);
	pthread_join(sender, NULL);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("runs %u\nv6only%s%s\nwrong %u\nchildren %s\nfailed %u\n", got(&tally.runs),
		tally.seen[0] ? " 0" : "", tally.seen[1] ? " 1" : "", got(&tally.wrong),
		children >= 2 * KINDS ? "many" : "few", failed);
	return 0;
}
