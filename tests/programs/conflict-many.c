/*
 * conflict-many - both families on one port, many times over: in threads, in a signal
 * handler.
 *
 * usage: conflict-many threads [-u] THREADS PORTS
 *        conflict-many race [-u] ROUNDS
 *        conflict-many signal ROUNDS
 *        conflict-many innocent [-w] BINDS
 *        conflict-many halves [-u] BINDS
 *
 * A pair is an IPv4 and a dual-stack IPv6 socket on one port, both listening, or both of UDP with
 * -u. It is right when both could be had and a client of each family reaches the socket of that
 * family.
 *
 *   threads      each of THREADS opens a pair on PORTS ports, IPv4 first and IPv6 first in turn,
 *                and keeps them all. Ports are chosen by the kernel
 *   race         two threads open the two halves of a pair at the same moment, ROUNDS times
 *   signal       a handler opens pairs while what it interrupts does the same, ROUNDS times
 *   innocent     two threads open and close a listener of IPv4 each (1024, 1025), BINDS times in all, while a
 *                third opens and closes pairs; with -w that one looks at every descriptor instead,
 *                over and over. "failed N" says how many of those binds did
 *   halves       two threads open and close one half each of a pair (1024) whose V6ONLY they set to 1, BINDS
 *                times in all; the same is said
 *
 * Output: of the first three "pairs N" and how many were "right"; for others a line with how many
 * there were of it, by the outcome of the two binds and listens and by who got the clients:
 *
 *	pairs 1600
 *	right 1600
 *
 * Standard error has the time that it took in all: "us 1234".
 *
 * Exit status: 0 when it could be tried, whatever came of it; 1 when it could not; 2 for bad usage.
 */
#include "common.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

enum { THREADS_MAX = 64, PORTS_MAX = 1024, WHOLE_RUN_S = 120, PATIENCE_MS = 2000 };
enum { V4, V6 };

/* Of each half its socket, and what its bind and listen gave. */
struct pair {
	int fd[2];
	int error[2];
};

static int type = SOCK_STREAM;
static unsigned pairs, right_pairs;

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void allow_descriptors(unsigned number)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= number + 100)
		return;
	limit.rlim_cur = number + 100;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("conflict-many", "setrlimit");
}

static int family_of(int half)
{
	return half == V6 ? AF_INET6 : AF_INET;
}

/* Safe in a signal handler, as everything that it needs. */
static void bind_half(struct pair *p, int half, unsigned port)
{
	p->fd[half] = socket(family_of(half), type | SOCK_CLOEXEC, 0);
	p->error[half] = 0;
	if (half == V6)
		set_v6only(p->fd[half], 0);
	if (bind_to(p->fd[half], family_of(half), NULL, port) < 0 ||
		(type == SOCK_STREAM && listen(p->fd[half], 8) < 0))
		p->error[half] = errno;
}

static void open_pair(struct pair *p, int first, unsigned port)
{
	bind_half(p, first, port);
	bind_half(p, !first, port != 0 ? port : local_port(p->fd[first]));
}

static void close_pair(struct pair *p)
{
	close(p->fd[V4]);
	close(p->fd[V6]);
}

/* --- Clients --- */

static int readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, PATIENCE_MS) == 1;
}

/* Whether a client of that family reaches that half. */
static int is_reached(const struct pair *p, int half)
{
	int client = socket(family_of(half), type | SOCK_CLOEXEC, 0), right;

	limit_waits(client);
	if (type == SOCK_STREAM)
		leave_no_trace(client);
	right = connect_to(client, family_of(half), half == V6 ? "::1" : "127.0.0.1",
			local_port(p->fd[half])) == 0 &&
		(type == SOCK_STREAM || send(client, "?", 1, MSG_NOSIGNAL) == 1) &&
		readable(p->fd[half]) && came_from(p->fd[half], type, local_port(client));
	close(client);
	return right;
}

static void judge(struct pair *p)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	int right[2];

	for (int half = V4; half <= V6; half++)
		right[half] = p->error[half] == 0 && is_reached(p, half);
	pthread_mutex_lock(&mutex);
	pairs++;
	if (right[V4] && right[V6])
		right_pairs++;
	else if (pairs - right_pairs < 20)
		printf("wrong: ipv4 %s%s, ipv6 %s%s\n", error_name(p->error[V4]),
			right[V4] ? "" : " not reached", error_name(p->error[V6]),
			right[V6] ? "" : " not reached");
	pthread_mutex_unlock(&mutex);
}

/* --- Threads --- */

static pthread_barrier_t all_open;
static unsigned ports;

static void *work(void *argument)
{
	struct pair all[PORTS_MAX];

	(void)argument;
	for (unsigned i = 0; i < ports; i++)
		open_pair(&all[i], i % 2 ? V6 : V4, 0);
	/* A client's port must not be one that is still to be opened. */
	pthread_barrier_wait(&all_open);
	for (unsigned i = 0; i < ports; i++)
		judge(&all[i]);
	for (unsigned i = 0; i < ports; i++)
		close_pair(&all[i]);
	return NULL;
}

static void threads(unsigned number)
{
	pthread_t threads[THREADS_MAX];

	allow_descriptors(2 * number * ports);
	pthread_barrier_init(&all_open, NULL, number);
	for (unsigned i = 0; i < number; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			fail("conflict-many", "pthread_create");
	for (unsigned i = 0; i < number; i++)
		pthread_join(threads[i], NULL);
}

/* --- Two threads at the same moment --- */

static struct racer {
	pthread_barrier_t start, end;
	struct pair pair;
	unsigned rounds, port;
} racer;

static void *race_v4(void *argument)
{
	(void)argument;
	for (unsigned i = 0; i < racer.rounds; i++) {
		pthread_barrier_wait(&racer.start);
		bind_half(&racer.pair, V4, racer.port);
		pthread_barrier_wait(&racer.end);
	}
	return NULL;
}

static void race(unsigned rounds)
{
	pthread_t other;

	racer.rounds = rounds;
	pthread_barrier_init(&racer.start, NULL, 2);
	pthread_barrier_init(&racer.end, NULL, 2);
	if (pthread_create(&other, NULL, race_v4, NULL) != 0)
		fail("conflict-many", "pthread_create");
	for (unsigned i = 0; i < rounds; i++) {
		/* A port that was free for both a moment ago. */
		bind_half(&racer.pair, V6, 0);
		racer.port = local_port(racer.pair.fd[V6]);
		close(racer.pair.fd[V6]);
		pthread_barrier_wait(&racer.start);
		bind_half(&racer.pair, V6, racer.port);
		pthread_barrier_wait(&racer.end);
		judge(&racer.pair);
		close_pair(&racer.pair);
	}
	pthread_join(other, NULL);
}

/* --- A handler that binds --- */

enum { HANDLED_MAX = 1024 };

static struct pair handled[HANDLED_MAX];
static volatile sig_atomic_t handlings, handlings_wanted;

static void handle(int signal_number)
{
	int saved = errno;

	(void)signal_number;
	if (handlings < handlings_wanted) {
		open_pair(&handled[handlings], handlings % 2 ? V6 : V4, 0);
		handlings++;
	}
	errno = saved;
}

static void in_handlers(unsigned rounds)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
	struct itimerval often = {.it_interval.tv_usec = 300, .it_value.tv_usec = 300};
	struct itimerval never = {.it_value.tv_usec = 0};
	unsigned errors = 0;
	struct pair p;

	allow_descriptors(2 * HANDLED_MAX);
	handlings_wanted = (sig_atomic_t)rounds;
	sigaction(SIGPROF, &action, NULL);
	/* The time that it is computing: within its calls, and within the shim's. */
	setitimer(ITIMER_PROF, &often, NULL);
	while (handlings < handlings_wanted) {
		open_pair(&p, V6, 0);
		errors += p.error[V4] != 0 || p.error[V6] != 0;
		close_pair(&p);
	}
	setitimer(ITIMER_PROF, &never, NULL);
	for (unsigned i = 0; i < rounds; i++)
		judge(&handled[i]);
	printf("interrupted binds that failed %u\n", errors);
}

/* --- Threads that open and close what is in no conflict without the shim --- */

static atomic_int left, failed, error;

struct reopened {
	int half;
	/* One that the kernel chooses for nobody: a pair of the third thread would get it in between. */
	unsigned port;
};

static void *reopen(void *argument)
{
	const struct reopened *r = argument;
	int on = 1;

	while (atomic_fetch_sub(&left, 1) > 0) {
		int fd = socket(family_of(r->half), type | SOCK_CLOEXEC, 0);

		if (type == SOCK_STREAM)
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (r->half == V6)
			set_v6only(fd, 1);
		if (bind_to(fd, family_of(r->half), NULL, r->port) < 0 ||
			(type == SOCK_STREAM && listen(fd, 8) < 0)) {
			error = errno;
			failed++;
		}
		close(fd);
	}
	return NULL;
}

static void *disturb(void *walk)
{
	while (atomic_load(&left) > 0) {
		union address address;
		socklen_t size = sizeof(address);
		struct pair p;

		for (int fd = 0; walk != NULL && fd < 64; fd++)
			getsockname(fd, &address.any, &size);
		if (walk != NULL)
			continue;
		open_pair(&p, (int)(pairs++ % 2), 0);
		right_pairs += p.error[V4] == 0 && p.error[V6] == 0;
		close_pair(&p);
	}
	return NULL;
}

static void innocent(int binds, int halves, int walk)
{
	struct reopened those[] = {{V4, 1024}, {halves ? V6 : V4, halves ? 1024 : 1025}};
	pthread_t thread[3];

	atomic_store(&left, binds);
	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, reopen, &those[i]);
	if (!halves)
		pthread_create(&thread[2], NULL, disturb, walk ? &left : NULL);
	for (int i = 0; i < 3 - halves; i++)
		pthread_join(thread[i], NULL);
	printf("failed %d%s%s\n", atomic_load(&failed), failed != 0 ? " " : "",
		failed != 0 ? error_name(error) : "");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int option = argc > 2 && argv[2][0] == '-';
	int number = argc > 2 + option ? atoi(argv[2 + option]) : 0;
	long long began = now_us();

	if (option && argv[2][1] == 'u')
		type = SOCK_DGRAM;
	argv += 2 + option;
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(WHOLE_RUN_S);
	if (strcmp(what, "threads") == 0 && argc == 4 + option && number <= THREADS_MAX) {
		ports = (unsigned)atoi(argv[1]) % PORTS_MAX;
		threads((unsigned)number);
	} else if (strcmp(what, "race") == 0) {
		race((unsigned)number);
	} else if (strcmp(what, "signal") == 0 && number <= HANDLED_MAX) {
		in_handlers((unsigned)number);
	} else if (strcmp(what, "innocent") == 0 && number > 0) {
		innocent(number, 0, option);
	} else if (strcmp(what, "halves") == 0 && number > 0) {
		innocent(number, 1, 0);
	} else {
		return 2;
	}
	fprintf(stderr, "us %lld\n", now_us() - began);
	printf("pairs %u\nright %u\n", pairs, right_pairs);
	return 0;
}
