/*
 * hammer - makes many records at once, from processes, threads, signal handlers and children of
 * fork.
 *
 * usage: hammer [-s] [-a FILE] [-f FORKS] [-n RECORDS] [-p PROCESSES] [-t THREADS]
 *
 *   -p, -t   processes, and threads in each (1)
 *   -n       records that each thread makes (100)
 *   -s       while they do, a timer's signal handler makes some too
 *   -a       after all that, when there is such a FILE, each process makes one record more
 *   -f       while they do, each process forks so many children, of which each makes FORK_RECORDS
 *
 * A record is a bind to 2001:db8::N, N counting up from 1 in each thread: no host has that address
 * (RFC 3849), so that the bind comes to nothing and the socket serves for the next one. With
 * log-level=bind each is told, and (pid, tid, N) is in the log once.
 *
 * Prints "made N", all of them together, when all has ended.
 *
 * Exit status: 0; 1 when something failed; 2 for bad usage.
 */
#include "common.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { FORK_RECORDS = 5, MOST_THREADS = 256, WHOLE_RUN_S = 300, TIMER_US = 500 };

static struct {
	unsigned processes, threads, records, forks, timer;
	const char *after;
} wishes = {.processes = 1, .threads = 1, .records = 100};

static unsigned long *made; /* shared by all processes */
static pthread_barrier_t *gate;
static _Thread_local unsigned long count;
static _Thread_local int own_socket = -1;

static void usage(void)
{
	fputs("usage: hammer [-s] [-a FILE] [-f FORKS] [-n RECORDS] [-p PROCESSES] [-t THREADS]\n",
		stderr);
	exit(2);
}

/* Safe in a signal handler, which may come between any two lines of it. */
static void make_record(void)
{
	unsigned long n = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
	struct sockaddr_in6 nowhere = {.sin6_family = AF_INET6};
	static const unsigned char prefix[] = {0x20, 0x01, 0x0d, 0xb8};

	memcpy(nowhere.sin6_addr.s6_addr, prefix, sizeof(prefix));
	for (int i = 0; i < 4; i++)
		nowhere.sin6_addr.s6_addr[15 - i] = (unsigned char)(n >> 8 * i);
	if (bind(own_socket, (struct sockaddr *)&nowhere, sizeof(nowhere)) == 0 ||
		errno != EADDRNOTAVAIL)
		_exit(1);
	__atomic_add_fetch(made, 1, __ATOMIC_RELAXED);
}

static void open_socket(void)
{
	own_socket = socket(AF_INET6, SOCK_STREAM, 0);
	if (own_socket < 0)
		fail("hammer", "socket");
}

static void on_timer(int signal_number)
{
	int error = errno;

	(void)signal_number;
	if (own_socket >= 0)
		make_record();
	errno = error;
}

static void *thread(void *unused)
{
	open_socket();
	pthread_barrier_wait(gate);
	for (unsigned i = 0; i < wishes.records; i++)
		make_record();
	/* A signal that comes from here on finds nothing to do. */
	own_socket = -1;
	return unused;
}

static int await(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) != child)
		if (errno != EINTR)
			fail("hammer", "waitpid");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* One after another: what such a child finds half done by the other threads stays half done in it.
 */
static void fork_children(void)
{
	for (unsigned i = 0; i < wishes.forks; i++) {
		pid_t child = fork();

		if (child < 0)
			fail("hammer", "fork");
		if (child > 0) {
			if (!await(child))
				exit(1);
			continue;
		}
		open_socket();
		for (int n = 0; n < FORK_RECORDS; n++)
			make_record();
		_exit(0);
	}
}

static void start_timer(void)
{
	struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
	struct itimerval each = {{0, TIMER_US}, {0, TIMER_US}};
	sigset_t mine;

	/* It is for the threads that are at work. */
	sigemptyset(&mine);
	sigaddset(&mine, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &mine, NULL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &each, NULL);
}

static void process(void)
{
	pthread_t threads[MOST_THREADS];

	/* Whose end the parent's alarm bounds. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned i = 0; i < wishes.threads; i++)
		if (pthread_create(&threads[i], NULL, thread, NULL) != 0)
			fail("hammer", "pthread_create");
	pthread_barrier_wait(gate);
	if (wishes.timer)
		start_timer();
	fork_children();
	for (unsigned i = 0; i < wishes.threads; i++)
		pthread_join(threads[i], NULL);
	if (wishes.after != NULL) {
		while (access(wishes.after, F_OK) < 0)
			usleep(10000);
		open_socket();
		make_record();
	}
	exit(0);
}

static void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fail("hammer", "mmap");
	return memory;
}

static void make_gate(void)
{
	pthread_barrierattr_t attributes;

	gate = shared(sizeof(*gate));
	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(gate, &attributes, wishes.processes * (wishes.threads + 1));
}

static unsigned number(const char *word)
{
	char *end;
	unsigned long value = strtoul(word, &end, 10);

	if (*word < '0' || *word > '9' || *end != '\0' || value > 10000000)
		usage();
	return (unsigned)value;
}

static void read_options(int argc, char **argv)
{
	int letter;

	while ((letter = getopt(argc, argv, "a:f:n:p:st:")) != -1)
		switch (letter) {
		case 'a':
			wishes.after = optarg;
			break;
		case 'f':
			wishes.forks = number(optarg);
			break;
		case 'n':
			wishes.records = number(optarg);
			break;
		case 'p':
			wishes.processes = number(optarg);
			break;
		case 's':
			wishes.timer = 1;
			break;
		case 't':
			wishes.threads = number(optarg);
			break;
		default:
			usage();
		}
	if (optind != argc || wishes.processes < 1 || wishes.threads < 1 ||
		wishes.threads > MOST_THREADS)
		usage();
}

int main(int argc, char **argv)
{
	pid_t children[MOST_THREADS];
	int failed = 0;

	alarm(WHOLE_RUN_S);
	read_options(argc, argv);
	if (wishes.processes > MOST_THREADS)
		usage();
	made = shared(sizeof(*made));
	make_gate();
	for (unsigned i = 0; i < wishes.processes; i++) {
		children[i] = fork();
		if (children[i] < 0)
			fail("hammer", "fork");
		if (children[i] == 0)
			process();
	}
	for (unsigned i = 0; i < wishes.processes; i++)
		failed |= !await(children[i]);
	printf("made %lu\n", *made);
	return failed;
}
