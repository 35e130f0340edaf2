/*
 * calls - what one call costs, in nanoseconds
 *
 * usage: calls [-t THREADS] [-m MILLISECONDS | -n CALLS] CASE
 *
 *   nodelay        setsockopt(TCP_NODELAY)
 *   socket4        socket(AF_INET, SOCK_STREAM); closing is not counted
 *   socket6        socket(AF_INET6, SOCK_STREAM); the same
 *   cycle-any      socket, bind to [::]:PORT, close: what v6shim governs
 *   cycle-one      socket, bind to [::1]:PORT, close: what it does not
 *   listen         listen() of a socket bound to [::]; opening and closing are not counted
 *   getaddrinfo    getaddrinfo(NULL, "8080", AI_PASSIVE), freeaddrinfo
 *
 * Each of THREADS (default 1) runs on a processor of its own and makes as many calls as take about
 * MILLISECONDS (default 30) after a warm-up, or CALLS, and nothing before them.
 *
 * Output: how long a call took in the mean, as its thread saw it; the same in the thread's
 * processor time, which what else runs does not add to; how many were made; the libraries that the
 * dynamic linker has in; and, of what was bound to [::], V6ONLY as the kernel had it:
 *
 *	ns 812.3
 *	cpu_ns 805.1
 *	calls 49152
 *	library libc.so.6
 *	v6only 1
 *
 * Exit status: 0; 1 where a call fails, "refused CALL ERRNO" on standard output saying which; 2 for
 * bad usage.
 */
#include "bench.h"

#include <link.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>

enum { THREADS_MAX = 16, BATCH = 64, BACKLOG = 16 };

struct worker {
	pthread_t thread;
	unsigned number;
	unsigned port; /* free when the worker was made */
	int fd;
	unsigned long calls;
	uint64_t ns, cpu_ns; /* of what was counted */
	uint64_t began, cpu_began;
};

/* Makes that many calls, and counts their time. */
typedef void run_case(struct worker *w, unsigned long calls);

static const char *v6only_seen;

static uint64_t cpu_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void begin(struct worker *w)
{
	w->cpu_began = cpu_now_ns();
	w->began = now_ns();
}

static void end(struct worker *w)
{
	w->ns += now_ns() - w->began;
	w->cpu_ns += cpu_now_ns() - w->cpu_began;
}

static void refused(const char *call)
{
	printf("refused %s %s\n", call, error_name(errno));
	exit(1);
}

static int open_stream(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		refused("socket");
	return fd;
}

static void must_bind(int fd, const char *address, unsigned port)
{
	if (bind_to(fd, AF_INET6, address, port) < 0)
		refused("bind");
}

static void nodelay(struct worker *w, unsigned long calls)
{
	begin(w);
	for (unsigned long i = 0; i < calls; i++) {
		int on = i & 1;

		if (setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
			refused("setsockopt");
	}
	end(w);
}

/* By the batch, so that what is not counted stays out of the time: closing, and before listen() the rest. */
static void batches(struct worker *w, int family, bool listening, unsigned long calls)
{
	int fds[BATCH];

	for (unsigned long n; calls > 0; calls -= n) {
		n = calls < BATCH ? calls : BATCH;
		if (!listening)
			begin(w);
		for (unsigned long i = 0; i < n; i++) {
			fds[i] = open_stream(family);
			if (listening)
				must_bind(fds[i], NULL, 0);
		}
		if (listening)
			begin(w);
		for (unsigned long i = 0; listening && i < n; i++)
			if (listen(fds[i], BACKLOG) < 0)
				refused("listen");
		end(w);
		if (listening && w->number == 0)
			v6only_seen = v6only(fds[0]);
		for (unsigned long i = 0; i < n; i++)
			close(fds[i]);
	}
}

static void socket4(struct worker *w, unsigned long calls)
{
	batches(w, AF_INET, false, calls);
}

static void socket6(struct worker *w, unsigned long calls)
{
	batches(w, AF_INET6, false, calls);
}

static void listens(struct worker *w, unsigned long calls)
{
	batches(w, AF_INET6, true, calls);
}

static void cycles(struct worker *w, const char *address, unsigned long calls)
{
	begin(w);
	for (unsigned long i = 0; i < calls; i++) {
		int fd = open_stream(AF_INET6);

		must_bind(fd, address, w->port);
		close(fd);
	}
	end(w);
}

static void cycle_any(struct worker *w, unsigned long calls)
{
	int fd;

	cycles(w, NULL, calls);
	fd = open_stream(AF_INET6);
	must_bind(fd, NULL, w->port);
	if (w->number == 0)
		v6only_seen = v6only(fd);
	close(fd);
}

static void cycle_one(struct worker *w, unsigned long calls)
{
	cycles(w, "::1", calls);
}

static void passive(struct worker *w, unsigned long calls)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};

	begin(w);
	for (unsigned long i = 0; i < calls; i++) {
		struct addrinfo *list;

		if (getaddrinfo(NULL, "8080", &hints, &list) != 0)
			refused("getaddrinfo");
		freeaddrinfo(list);
	}
	end(w);
}

static const struct {
	const char *name;
	run_case *run;
} cases[] = {
	{"nodelay", nodelay},
	{"socket4", socket4},
	{"socket6", socket6},
	{"cycle-any", cycle_any},
	{"cycle-one", cycle_one},
	{"listen", listens},
	{"getaddrinfo", passive},
};

static run_case *run;
static unsigned threads = 1;
static unsigned long milliseconds = 30, exact;
static pthread_barrier_t all_ready;

/* As many calls as take the time asked for: what they take is found by doubling, which warms up as
 * well. */
static unsigned long calibrate(struct worker *w)
{
	uint64_t target = milliseconds * 1000000;
	unsigned long calls = BATCH;

	for (; calls < 1UL << 30; calls *= 2) {
		w->ns = 0;
		run(w, calls);
		if (w->ns >= target / 4)
			break;
	}
	return (unsigned long)((double)calls * (double)target / (double)w->ns) + 1;
}

static void *work(void *argument)
{
	struct worker *w = argument;

	pin_to(w->number);
	w->calls = exact ? exact : calibrate(w);
	pthread_barrier_wait(&all_ready);
	w->ns = w->cpu_ns = 0;
	run(w, w->calls);
	return NULL;
}

static void work_all(struct worker *workers)
{
	pthread_barrier_init(&all_ready, NULL, threads);
	for (unsigned i = 0; i < threads; i++) {
		workers[i] = (struct worker){.number = i, .fd = open_stream(AF_INET6)};
		must_bind(workers[i].fd, NULL, 0);
		workers[i].port = local_port(workers[i].fd);
	}
	/* Now that all have ports, these are free for their calls. */
	for (unsigned i = 0; i < threads; i++) {
		close(workers[i].fd);
		workers[i].fd = open_stream(AF_INET6);
	}
	for (unsigned i = 1; i < threads; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			fail("calls", "pthread_create");
	work(&workers[0]);
	for (unsigned i = 1; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
}

static int print_library(struct dl_phdr_info *info, size_t size, void *data)
{
	const char *slash = strrchr(info->dlpi_name, '/');

	(void)size;
	(void)data;
	if (info->dlpi_name[0] != '\0')
		printf("library %s\n", slash != NULL ? slash + 1 : info->dlpi_name);
	return 0;
}

static void report(const struct worker *workers)
{
	double ns = 0, cpu_ns = 0, calls = 0;

	for (unsigned i = 0; i < threads; i++) {
		ns += (double)workers[i].ns;
		cpu_ns += (double)workers[i].cpu_ns;
		calls += (double)workers[i].calls;
	}
	printf("ns %.2f\ncpu_ns %.2f\ncalls %.0f\n", ns / calls, cpu_ns / calls, calls);
	dl_iterate_phdr(print_library, NULL);
	if (v6only_seen != NULL)
		printf("v6only %s\n", v6only_seen);
}

static void usage(void)
{
	fputs("usage: calls [-t THREADS] [-m MILLISECONDS | -n CALLS] CASE\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	int option;

	while ((option = getopt(argc, argv, "t:m:n:")) != -1) {
		if (option == 't')
			threads = (unsigned)number_in(optarg, 1, THREADS_MAX);
		else if (option == 'm')
			milliseconds = number_in(optarg, 1, 10000);
		else if (option == 'n')
			exact = number_in(optarg, 1, 1UL << 30);
		else
			usage();
	}
	if (optind != argc - 1)
		usage();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(cases[i].name, argv[optind]) == 0)
			run = cases[i].run;
	if (run == NULL)
		usage();
	work_all(workers);
	report(workers);
	return 0;
}
