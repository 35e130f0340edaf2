/*
 * scale - calls in a large process, on a large system
 *
 * usage: scale listeners NUMBER
 *        scale conflict DESCRIPTORS SOCKETS own|other REPEATS
 *
 *   listeners   binds NUMBER sockets to [::], each to a port of the kernel's choice, and listens
 *
 *   conflict    opens DESCRIPTORS sockets, or as many as the limit lets it, has SOCKETS more listen
 *               in processes beside it, lets itself or another process hold 0.0.0.0:PORT, and then
 *               binds a dual-stack socket to [::]:PORT, which the kernel refuses; REPEATS times
 *
 * To be run in a network namespace of its own (unshare -n), with the loopback interface up.
 *
 * Output: of listeners the time of them all, "us N", and the V6ONLY of the last; of conflict
 *
 *	descriptors 10
 *	sockets 10
 *	us 812             a line for each repeat: the time of the last bind
 *	second EADDRINUSE  what came of the last one, or ok
 *
 * Exit status: 0 when it could be tried, whatever came of it; 1 when it could not; 2 for bad usage.
 */
#include "bench.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* What a process needs descriptors for beside those that it was told to open. */
enum { SPARE = 64, CHILDREN_MAX = 1024, WHOLE_RUN_S = 300 };

/* The ports of the sockets beside; that of the conflict is another. */
enum { PORT = 10999, FIRST = 20000, PORTS = 12000, BACKLOG = 16 };

static pid_t children[CHILDREN_MAX];
static size_t child_count;

static void usage(void)
{
	fputs("usage: scale listeners NUMBER\n"
	      "       scale conflict DESCRIPTORS SOCKETS own|other REPEATS\n",
		stderr);
	exit(2);
}

static void end_children(void)
{
	for (size_t i = 0; i < child_count; i++)
		kill(children[i], SIGKILL);
	while (child_count > 0)
		waitpid(children[--child_count], NULL, 0);
}

/* How many descriptors there may be, after asking for as many as may be. */
static unsigned long descriptors_allowed(unsigned long wanted)
{
	struct rlimit limit, higher = {wanted + SPARE, wanted + SPARE};

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("scale", "getrlimit");
	if (limit.rlim_cur < higher.rlim_cur && setrlimit(RLIMIT_NOFILE, &higher) < 0) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			fail("scale", "setrlimit");
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("scale", "getrlimit");
	return wanted + SPARE <= limit.rlim_cur ? wanted : limit.rlim_cur - SPARE;
}

static int open_listener(int family, const char *address, unsigned port)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0 || bind_to(fd, family, address, port) < 0 || listen(fd, BACKLOG) < 0)
		fail("scale", "a listener");
	return fd;
}

/* The number-th socket beside: a port on one of the addresses of 127.0.0.0/8. */
static void open_beside(unsigned long number)
{
	char address[32];

	snprintf(address, sizeof(address), "127.0.1.%lu", number / PORTS + 1);
	open_listener(AF_INET, address, FIRST + (unsigned)(number % PORTS));
}

/*
 * A child that holds sockets until it is ended: those from `first` on, or the one of the conflict.
 * It ends with its parent, however that ends.
 */
static void start_child(unsigned long first, unsigned long number)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (child_count == CHILDREN_MAX || pipe(ready) < 0)
		fail("scale", "pipe");
	pid = fork();
	if (pid < 0)
		fail("scale", "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(WHOLE_RUN_S);
		close(ready[0]);
		for (unsigned long i = 0; i < number; i++)
			open_beside(first + i);
		if (number == 0)
			open_listener(AF_INET, NULL, PORT);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	children[child_count++] = pid;
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1) {
		fputs("scale: a process beside could not open its sockets\n", stderr);
		exit(1);
	}
	close(ready[0]);
}

static void open_sockets_beside(unsigned long number)
{
	unsigned long each = descriptors_allowed(number);

	for (unsigned long first = 0; first < number; first += each)
		start_child(first, number - first < each ? number - first : each);
}

static void open_descriptors(unsigned long number)
{
	for (unsigned long i = 0; i < number; i++)
		if (socket(i % 2 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0) < 0)
			fail("scale", "socket");
}

static void conflict(unsigned long number, unsigned long sockets, int own, unsigned long repeats)
{
	const char *second = "";

	open_sockets_beside(sockets);
	if (!own)
		start_child(0, 0);
	number = descriptors_allowed(number);
	open_descriptors(number);
	printf("descriptors %lu\nsockets %lu\n", number, sockets);
	for (unsigned long i = 0; i < repeats; i++) {
		int first = own ? open_listener(AF_INET, NULL, PORT) : -1;
		int fd = socket(AF_INET6, SOCK_STREAM, 0), result;
		uint64_t began = now_ns();

		result = bind_to(fd, AF_INET6, NULL, PORT);
		printf("us %.1f\n", (double)(now_ns() - began) / 1000);
		second = outcome(result);
		close(fd);
		if (own)
			close(first);
	}
	printf("second %s\n", second);
}

static void listeners(unsigned long number)
{
	uint64_t began;
	int fd = -1;

	if (descriptors_allowed(number) < number)
		fail("scale", "so many descriptors");
	began = now_ns();
	for (unsigned long i = 0; i < number; i++)
		fd = open_listener(AF_INET6, NULL, 0);
	printf("us %.1f\n", (double)(now_ns() - began) / 1000);
	printf("v6only %s\n", v6only(fd));
}

int main(int argc, char **argv)
{
	alarm(WHOLE_RUN_S);
	atexit(end_children);
	if (argc == 3 && strcmp(argv[1], "listeners") == 0) {
		listeners(number_in(argv[2], 1, 1000000));
	} else if (argc == 6 && strcmp(argv[1], "conflict") == 0) {
		int own = strcmp(argv[4], "own") == 0;

		if (!own && strcmp(argv[4], "other") != 0)
			usage();
		conflict(number_in(argv[2], 1, 1000000), number_in(argv[3], 1, 1000000), own,
			number_in(argv[5], 1, 1000000));
	} else {
		usage();
	}
	return 0;
}
