/*
 * calls - what one call costs, in nanoseconds
 *
 * usage: calls [-t THREADS] [-m MILLISECONDS | -n CALLS] CASE
 *
 * The cases are in the table below. Each of THREADS (default 1) runs on a processor of its own and
 * makes as many calls as take MILLISECONDS (default 30), or CALLS.
 *
 * Output: "ns N", how long a call took in the mean; "v6only N" of a socket that was bound to [::]
 * for the purpose, by which the kernel tells whether a policy is in. Exit status: 0; 1 where a call
 * fails, "refused CALL ERRNO" on standard output saying which; 2 for bad usage.
 */
#include "../programs/common.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <time.h>

enum { THREADS_MAX = 16, BATCH = 64 };

static void must(const char *call, int result)
{
	if (result >= 0)
		return;
	printf("refused %s %s\n", call, error_name(errno));
	exit(1);
}

static void open4(int *fd, unsigned port)
{
	(void)port;
	must("socket", *fd = socket(AF_INET, SOCK_STREAM, 0));
}

static void open6(int *fd, unsigned port)
{
	(void)port;
	must("socket", *fd = socket(AF_INET6, SOCK_STREAM, 0));
}

/* As a listener: a bind to port 0 without SO_REUSEADDR is a client's. */
static void open_bound(int *fd, unsigned port)
{
	int on = 1;

	open6(fd, port);
	must("setsockopt", setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	must("bind", bind_to(*fd, AF_INET6, NULL, 0));
}

static void get_parent(int *fd, unsigned port)
{
	(void)fd;
	(void)port;
	must("getppid", getppid());
}

static void nodelay(int *fd, unsigned port)
{
	static _Thread_local int one;
	int on = port & 1;

	(void)fd;
	if (one == 0)
		open6(&one, port);
	must("setsockopt", setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
}

static void cycle(int *fd, const char *address, unsigned port)
{
	open6(fd, port);
	must("bind", bind_to(*fd, AF_INET6, address, port));
	close(*fd);
	*fd = -1;
}

/* What a policy does for the program. */
static void cycle_asking(int *fd, unsigned port)
{
	int on = 1;

	open6(fd, port);
	must("setsockopt", setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)));
	must("bind", bind_to(*fd, AF_INET6, NULL, port));
	close(*fd);
	*fd = -1;
}

static void cycle_any(int *fd, unsigned port)
{
	cycle(fd, NULL, port);
}

static void cycle_one(int *fd, unsigned port)
{
	cycle(fd, "::1", port);
}

static void do_listen(int *fd, unsigned port)
{
	(void)port;
	must("listen", listen(*fd, 16));
}

static void look_up(int *fd, unsigned port)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *list;

	(void)fd;
	(void)port;
	must("getaddrinfo", getaddrinfo(NULL, "8080", &hints, &list) ? -1 : 0);
	freeaddrinfo(list);
}

/* What `call` takes counts; what `prepare` takes, and closing afterwards, does not. */
static const struct {
	const char *name;
	void (*prepare)(int *fd, unsigned port);
	void (*call)(int *fd, unsigned port);
} cases[] = {
	{"getppid", NULL, get_parent}, /* a system call that nobody asks about */
	{"nodelay", NULL, nodelay},    /* setsockopt(TCP_NODELAY) */
	{"socket4", NULL, open4},
	{"socket6", NULL, open6},
	{"cycle-any", NULL, cycle_any}, /* socket, bind to [::]:PORT, close: what is governed */
	{"cycle-asking", NULL, cycle_asking}, /* the same where the program sets V6ONLY */
	{"cycle-one", NULL, cycle_one},       /* the same with [::1]: what is not */
	{"listen", open_bound, do_listen},
	{"getaddrinfo", NULL, look_up},
};

static size_t chosen = sizeof(cases) / sizeof(cases[0]);
static unsigned long threads = 1, milliseconds = 30, exact;

struct worker {
	pthread_t thread;
	unsigned number, port;
	unsigned long calls;
	uint64_t ns;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void make_calls(struct worker *w)
{
	w->ns = 0;
	for (unsigned long n, left = w->calls; left > 0; left -= n) {
		int fds[BATCH];
		uint64_t began;

		n = left < BATCH ? left : BATCH;
		memset(fds, -1, sizeof(fds));
		for (unsigned long i = 0; i < n && cases[chosen].prepare != NULL; i++)
			cases[chosen].prepare(&fds[i], w->port);
		began = now_ns();
		for (unsigned long i = 0; i < n; i++)
			cases[chosen].call(&fds[i], w->port);
		w->ns += now_ns() - began;
		for (unsigned long i = 0; i < n; i++)
			if (fds[i] >= 0)
				close(fds[i]);
	}
}

/* On the n-th, counted round, of the processors that it may use. */
static void *work(void *argument)
{
	struct worker *w = argument;
	unsigned n = w->number;
	cpu_set_t may, one;
	int cpu = 0;

	sched_getaffinity(0, sizeof(may), &may);
	for (n %= (unsigned)CPU_COUNT(&may); !CPU_ISSET(cpu, &may) || n-- > 0; cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	/* The runs before the one that counts warm up. */
	for (w->calls = exact ? exact : BATCH;; w->calls *= 2) {
		make_calls(w);
		if (exact || w->ns >= milliseconds * 1000000)
			return NULL;
	}
}

static unsigned long number(const char *text, unsigned long most)
{
	unsigned long value = strtoul(text, NULL, 10);

	if (value < 1 || value > most)
		exit(2);
	return value;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	double ns = 0, calls = 0;
	int option, fds[THREADS_MAX];

	while ((option = getopt(argc, argv, "t:m:n:")) != -1) {
		if (option == 't')
			threads = number(optarg, THREADS_MAX);
		else if (option == 'm')
			milliseconds = number(optarg, 10000);
		else if (option == 'n')
			exact = number(optarg, 1UL << 30);
	}
	for (size_t i = 0; optind == argc - 1 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(cases[i].name, argv[optind]) == 0)
			chosen = i;
	if (chosen == sizeof(cases) / sizeof(cases[0])) {
		fputs("usage: calls [-t THREADS] [-m MILLISECONDS | -n CALLS] CASE\n", stderr);
		return 2;
	}
	/* A port for each that no other of them has. */
	for (unsigned i = 0; i < threads; i++) {
		open_bound(&fds[i], 0);
		workers[i] = (struct worker){.number = i, .port = local_port(fds[i])};
	}
	printf("v6only %s\n", v6only(fds[0]));
	for (unsigned i = 0; i < threads; i++)
		close(fds[i]);
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			fail("calls", "pthread_create");
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		ns += (double)workers[i].ns;
		calls += (double)workers[i].calls;
	}
	printf("ns %.2f\n", ns / calls);
	return 0;
}
