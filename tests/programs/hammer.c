/*
 * hammer - makes the calls in threads, signal handlers and children, many at once.
 *
 * usage: hammer records [-s] [-a FILE] [-f FORKS] [-v VFORKS] [-n N] [-p PROCESSES] [-t THREADS]
 *        hammer crowd [-n ROUNDS] [-t THREADS]
 *        hammer storm [-n RUNS] [-w SECONDS]
 *        hammer cancel
 *        hammer cancelled [-n TIMES]
 *        hammer jump [-n JUMPS]
 *
 * records: each of the THREADS of each of the PROCESSES makes N binds to 2001:db8:0:T::N, T being
 * the thread and N counting up from 1. No host has that address (RFC 3849), so that the bind comes
 * to nothing and the socket serves for the next one. With log-level=bind each is told; pid and
 * address are in the log once. -s: a timer's signal handler makes some too. -f, -v: each process
 * forks, and vforks, so many children meanwhile, that make FORK_RECORDS and one. -a: after all
 * that, when there is such a FILE, each process makes one more. Prints "made N", of all together.
 *
 * crowd: each thread makes so many rounds of a run (below), a bind of the same port (EADDRINUSE),
 * one of descriptor -1 (EBADF) and a passive getaddrinfo. Prints how many there were, the values
 * of V6ONLY that were seen, "0 1" where both were, and how many calls failed and should not have,
 * changed errno on success, or should have failed and did not, or with another errno: "runs 6400",
 * "v6only 1", "failed 0", "changed 0", "other 0".
 *
 * storm: a handler makes a run in whatever its thread is doing. Two signals come from timers at 2
 * kHz and from a thread that sends them in turn, and may interrupt each other's handler. Six
 * threads sit in malloc, in stdio with a stream that they share, in passive getaddrinfo, and in
 * runs, while the main thread makes children by fork, vfork and posix_spawn in turn, that make
 * runs too. Prints the same, and "children failed 0".
 *
 * cancel: a cancellation is pending when a thread makes each of four calls that are no
 * cancellation points (POSIX.1-2017, 2.9.5.2). Prints "bind: ok, then cancelled", or "bind:
 * cancelled in the call".
 *
 * cancelled: so many times four threads that do nothing but such calls are cancelled
 * asynchronously. jump: so many times a handler leaves a bind by siglongjmp. Afterwards both make
 * 10 listeners, each within a second: "after: 10 right, 0 slow".
 *
 * A run is socket, setsockopt(IPV6_V6ONLY) to 0, bind to [::]:0, listen, getsockopt(IPV6_V6ONLY)
 * and close. Exit status: 0; 1 where it could not be tried; 2 for bad usage.
 */
#include "common.h"
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { FORK_RECORDS = 5, MOST_THREADS = 256, WHOLE_RUN_S = 300, SENTINEL = 4711, SLOW_MS = 1000 };

extern char **environ;

static struct {
	unsigned processes, threads, n, forks, vforks, timer, seconds;
	const char *after;
} wishes = {.processes = 1, .threads = 1, .n = 100, .seconds = WHOLE_RUN_S};

static char *self;

static unsigned add(unsigned *counter, int condition)
{
	return condition ? __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED) : 0;
}

static unsigned get(const unsigned *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void start_thread(pthread_t *thread, void *(*work)(void *), void *what)
{
	if (pthread_create(thread, NULL, work, what) != 0)
		fail("hammer", "pthread_create");
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A listener's: a bind to port 0 without SO_REUSEADDR is a client's, and nobody's to govern. */
static int new_socket(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0), on = 1;

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd;
}

static int ended_well(pid_t child)
{
	pid_t ended;
	int status;

	do
		ended = waitpid(child, &status, 0);
	while (ended < 0 && errno == EINTR);
	return child > 0 && ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- runs */

static struct {
	unsigned begun, runs, seen[2], failed, changed, other;
} tally;

/* A call that should succeed; errno was SENTINEL before it. */
static int good(int result)
{
	add(&tally.failed, result < 0);
	add(&tally.changed, result >= 0 && errno != SENTINEL);
	errno = SENTINEL;
	return result;
}

static void bad(int result, int expected)
{
	add(&tally.other, result >= 0 || errno != expected);
	errno = SENTINEL;
}

/* Async-signal-safe, as POSIX has all of its calls. Returns the socket, still open. */
static int run_once(void)
{
	socklen_t size = sizeof(int);
	int fd, value = -1;

	errno = SENTINEL;
	fd = good(new_socket());
	good(set_v6only(fd, 0));
	good(bind_to(fd, AF_INET6, NULL, 0));
	good(listen(fd, 8));
	getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &size);
	if (value == 0 || value == 1)
		add(&tally.seen[value], 1);
	return fd;
}

static void look_up(void)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *list;

	if (getaddrinfo(NULL, "4321", &hints, &list) == 0)
		freeaddrinfo(list);
	else
		add(&tally.failed, 1);
}

static void print_tally(void)
{
	printf("runs %u\nv6only%s%s\nfailed %u\nchanged %u\nother %u\n", tally.runs,
		tally.seen[0] ? " 0" : "", tally.seen[1] ? " 1" : "", tally.failed, tally.changed,
		tally.other);
}

/* ---- crowd */

static pthread_barrier_t gate;

static void *make_rounds(void *unused)
{
	pthread_barrier_wait(&gate);
	for (unsigned i = 0; i < wishes.n; i++) {
		int fd = run_once(), other = good(new_socket());
		unsigned port = local_port(fd);

		errno = SENTINEL;
		bad(bind_to(other, AF_INET6, NULL, port), EADDRINUSE);
		bad(bind_to(-1, AF_INET6, NULL, port), EBADF);
		look_up();
		close(other);
		close(fd);
		add(&tally.runs, 1);
	}
	return unused;
}

static void be_crowd(void)
{
	pthread_t threads[MOST_THREADS];

	pthread_barrier_init(&gate, NULL, wishes.threads);
	for (unsigned i = 0; i < wishes.threads; i++)
		start_thread(&threads[i], make_rounds, NULL);
	for (unsigned i = 0; i < wishes.threads; i++)
		pthread_join(threads[i], NULL);
	print_tally();
}

/* ---- storm */

enum { STORM_THREADS = 6, SIZES = 32, EACH_NS = 500000, CHILD_RUNS = 3, CHILD_KINDS = 3 };

static unsigned over;
static FILE *sink;
static pthread_t at_work[STORM_THREADS];

static void on_storm(int number)
{
	int error = errno;

	(void)number;
	if (get(&tally.begun) < wishes.n && add(&tally.begun, 1) < wishes.n) {
		close(run_once());
		add(&tally.runs, 1);
	}
	errno = error;
}

/* Sizes that no cache of a thread has, so that each call takes the lock. */
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

static void call(void)
{
	close(run_once());
}

static void *work(void *which)
{
	static void (*const all[])(void) = {allocate, print, look_up, call};

	while (!get(&over))
		all[(size_t)which % 4]();
	return NULL;
}

static void mask_storm(int how)
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

	mask_storm(SIG_BLOCK);
	for (unsigned i = 0; get(&tally.runs) < wishes.n; i++) {
		pthread_kill(at_work[i % STORM_THREADS], SIGRTMIN + (int)(i / STORM_THREADS % 2));
		nanosleep(&pause, NULL);
	}
	add(&over, 1);
	return unused;
}

static timer_t start_timer(int number)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = number};
	struct itimerspec each = {{0, EACH_NS}, {0, EACH_NS}};
	struct sigaction action = {.sa_handler = on_storm, .sa_flags = SA_RESTART};
	timer_t timer;

	sigaction(number, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ||
		timer_settime(timer, 0, &each, NULL) < 0)
		fail("hammer", "timer");
	return timer;
}

static int be_child(void)
{
	unsigned before = get(&tally.failed) + get(&tally.changed);

	/* No child survives its parent's alarm. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < CHILD_RUNS; i++)
		close(run_once());
	return get(&tally.failed) + get(&tally.changed) != before;
}

static int make_child(unsigned kind)
{
	char *words[] = {self, (char *)"child", NULL};
	pid_t child = -1;

	if (kind == 0) {
		child = fork();
	} else if (kind == 1) {
		/* It has the parent's memory, so that its handlers would count as the parent's. */
		mask_storm(SIG_BLOCK);
		child = vfork();
	} else if (posix_spawn(&child, self, NULL, NULL, words, environ) != 0) {
		return 0;
	}
	if (child == 0)
		_exit(be_child());
	if (kind == 1)
		mask_storm(SIG_UNBLOCK);
	return ended_well(child);
}

static void be_storm(void)
{
	unsigned children = 0, failed = 0;
	timer_t timers[2];
	pthread_t sender;

	sink = fopen("/dev/null", "w");
	if (sink == NULL)
		fail("hammer", "/dev/null");
	for (size_t i = 0; i < STORM_THREADS; i++)
		start_thread(&at_work[i], work, (void *)i);
	for (int i = 0; i < 2; i++)
		timers[i] = start_timer(SIGRTMIN + i);
	start_thread(&sender, send_signals, NULL);
	while (!get(&over) || children < 2 * CHILD_KINDS)
		failed += !make_child(children++ % CHILD_KINDS);
	for (int i = 0; i < 2; i++)
		timer_delete(timers[i]);
	pthread_join(sender, NULL);
	for (size_t i = 0; i < STORM_THREADS; i++)
		pthread_join(at_work[i], NULL);
	print_tally();
	printf("children failed %u\n", failed);
}

/* ---- cancel, cancelled, jump */

static int fd_in_hand;
static const char *said; /* NULL: it did not come back from the call */
static const char *const names[] = {"setsockopt", "bind", "listen", "socket"};

static int make_call(size_t which)
{
	return which == 0   ? set_v6only(fd_in_hand, 0)
	       : which == 1 ? bind_to(fd_in_hand, AF_INET6, NULL, 0)
	       : which == 2 ? listen(fd_in_hand, 8)
			    : new_socket();
}

static void *make_cancelled_call(void *which)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_barrier_wait(&gate);
	pthread_barrier_wait(&gate);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	said = outcome(make_call((size_t)which));
	pthread_testcancel();
	return NULL;
}

static void be_cancel(void)
{
	pthread_barrier_init(&gate, NULL, 2);
	fd_in_hand = new_socket();
	for (size_t i = 0; i < 4; i++) {
		pthread_t thread;
		void *result;

		said = NULL;
		start_thread(&thread, make_cancelled_call, (void *)i);
		pthread_barrier_wait(&gate);
		pthread_cancel(thread);
		pthread_barrier_wait(&gate);
		pthread_join(thread, &result);
		printf("%s: %s%s\n", names[i], said != NULL ? said : "cancelled in the call",
			said == NULL                 ? ""
			: result == PTHREAD_CANCELED ? ", then cancelled"
						     : ", and not cancelled");
	}
}

static void make_listeners(void)
{
	int right = 0, slow = 0;

	for (int i = 0; i < 10; i++) {
		long start = now_ms();

		fd_in_hand = new_socket();
		right += !make_call(0) && !make_call(1) && !make_call(2);
		close(fd_in_hand);
		slow += now_ms() - start > SLOW_MS;
	}
	printf("after: %d right, %d slow\n", right, slow);
}

/* One socket each, so that no descriptor is lost for ever where it ends. */
static void *make_calls(void *fd)
{
	int old, mine = *(int *)fd;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	for (;;) {
		set_v6only(mine, 0);
		bind_to(mine, AF_INET6, "2001:db8::1", 0);
		bind_to(mine, AF_INET6, NULL, 0);
		listen(mine, 8);
	}
	return NULL;
}

static void be_cancelled(void)
{
	for (unsigned i = 0; i < wishes.n; i++) {
		struct timespec moment = {.tv_nsec = (long)(i + 1) * 7919 % 300000};
		pthread_t threads[4];
		int sockets[4];

		for (int t = 0; t < 4; t++) {
			sockets[t] = new_socket();
			start_thread(&threads[t], make_calls, &sockets[t]);
		}
		nanosleep(&moment, NULL);
		for (int t = 0; t < 4; t++)
			pthread_cancel(threads[t]);
		for (int t = 0; t < 4; t++) {
			pthread_join(threads[t], NULL);
			close(sockets[t]);
		}
	}
	make_listeners();
}

static sigjmp_buf out;
static volatile unsigned jumps;

static void on_jump(int number)
{
	(void)number;
	siglongjmp(out, 1);
}

static void set_timer(suseconds_t each)
{
	struct itimerval timer = {{0, each}, {0, each}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void be_jump(void)
{
	int fd = new_socket();

	signal(SIGALRM, on_jump);
	if (sigsetjmp(out, 1) == 0 || ++jumps < wishes.n) {
		set_timer(200);
		for (;;)
			bind_to(fd, AF_INET6, "2001:db8::1", 0);
	}
	set_timer(0);
	make_listeners();
}

/* ---- records */

static unsigned long *made; /* shared by all processes */
static pthread_barrier_t *start_line;
static _Thread_local unsigned count, thread_number;
static _Thread_local int own_socket = -1;

/* Safe in a signal handler, which may come between any two lines of it. */
static void make_record(void)
{
	unsigned n = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
	struct sockaddr_in6 nowhere = {.sin6_family = AF_INET6};
	unsigned char *at = nowhere.sin6_addr.s6_addr;

	memcpy(at, "\x20\x01\x0d\xb8", 4);
	at[7] = (unsigned char)thread_number;
	for (int i = 0; i < 4; i++)
		at[15 - i] = (unsigned char)(n >> 8 * i);
	if (bind(own_socket, (struct sockaddr *)&nowhere, sizeof(nowhere)) == 0 ||
		errno != EADDRNOTAVAIL)
		_exit(1);
	__atomic_add_fetch(made, 1, __ATOMIC_RELAXED);
}

static void on_timer(int number)
{
	int error = errno;

	(void)number;
	if (own_socket >= 0)
		make_record();
	errno = error;
}

static void *make_records(void *number)
{
	thread_number = (unsigned)(size_t)number;
	own_socket = new_socket();
	pthread_barrier_wait(start_line);
	for (unsigned i = 0; i < wishes.n; i++)
		make_record();
	/* A signal that comes from here on finds nothing to do. */
	own_socket = -1;
	return NULL;
}

static int child_records(int vforked)
{
	pid_t child = vforked ? vfork() : fork();

	if (child == 0) {
		for (int n = 0; n < (vforked ? 1 : FORK_RECORDS); n++)
			make_record();
		_exit(0);
	}
	return ended_well(child);
}

/* One after another: what such a child finds half done by the other threads stays so in it. */
static void make_children(void)
{
	own_socket = new_socket();
	for (unsigned i = 0; i < wishes.forks + wishes.vforks; i++)
		if (!child_records(i >= wishes.forks))
			exit(1);
	own_socket = -1;
}

static void be_process(void)
{
	pthread_t threads[MOST_THREADS];
	struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
	sigset_t mine;

	/* Whose end the parent's alarm bounds. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < wishes.threads; i++)
		start_thread(&threads[i], make_records, (void *)(i + 1));
	/* The timer is for the threads that are at work. */
	sigemptyset(&mine);
	sigaddset(&mine, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &mine, NULL);
	signal(SIGALRM, on_timer);
	pthread_barrier_wait(start_line);
	if (wishes.timer)
		set_timer(500);
	make_children();
	for (unsigned i = 0; i < wishes.threads; i++)
		pthread_join(threads[i], NULL);
	set_timer(0);
	if (wishes.after != NULL) {
		while (access(wishes.after, F_OK) < 0)
			nanosleep(&moment, NULL);
		own_socket = new_socket();
		make_record();
	}
	exit(0);
}

static void be_records(void)
{
	pthread_barrierattr_t attributes;
	pid_t children[MOST_THREADS];
	int failed = 0;

	made = mmap(NULL, sizeof(*made) + sizeof(*start_line), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (made == MAP_FAILED)
		fail("hammer", "mmap");
	start_line = (pthread_barrier_t *)(made + 1);
	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(start_line, &attributes, wishes.processes * (wishes.threads + 1));
	for (unsigned i = 0; i < wishes.processes; i++) {
		children[i] = fork();
		if (children[i] == 0)
			be_process();
	}
	for (unsigned i = 0; i < wishes.processes; i++)
		failed |= !ended_well(children[i]);
	printf("made %lu\n", *made);
	if (failed)
		exit(1);
}

static const struct {
	const char *name;
	void (*be)(void);
} modes[] = {{"records", be_records}, {"crowd", be_crowd}, {"storm", be_storm},
	{"cancel", be_cancel}, {"cancelled", be_cancelled}, {"jump", be_jump}};

static void usage(void)
{
	fputs("usage: hammer MODE [OPTION...]; tests/programs/hammer.c tells which\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	int letter;

	self = argv[0];
	if (argc < 2)
		usage();
	if (strcmp(argv[1], "child") == 0)
		return be_child();
	while ((letter = getopt(argc - 1, argv + 1, "a:f:n:p:st:v:w:")) != -1) {
		if (letter == 'a')
			wishes.after = optarg;
		else if (letter == 's')
			wishes.timer = 1;
		else if (letter == '?')
			usage();
		else
			*(letter == 'f'         ? &wishes.forks
				: letter == 'n' ? &wishes.n
				: letter == 'p' ? &wishes.processes
				: letter == 't' ? &wishes.threads
				: letter == 'v' ? &wishes.vforks
						: &wishes.seconds) = (unsigned)atoi(optarg);
	}
	if (optind != argc - 1 || wishes.threads > MOST_THREADS - 1 ||
		wishes.processes > MOST_THREADS)
		usage();
	alarm(wishes.seconds);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].be();
			return 0;
		}
	usage();
}
