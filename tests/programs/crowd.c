/*
 * crowd - many threads that open listeners at once, each with an errno of its own.
 *
 * usage: crowd [-n ROUNDS] [-t THREADS]     by default 100 and 64
 *
 * A round is socket, setsockopt(IPV6_V6ONLY) to 0, bind to [::]:0, listen, getsockopt(IPV6_V6ONLY);
 * a second socket that binds the same address and port, which is EADDRINUSE; a bind of descriptor
 * -1, EBADF; a passive getaddrinfo; and close.
 *
 * Output:
 *
 *	rounds 6400
 *	v6only 1           the values of V6ONLY that were seen after listen, "0 1" where both were
 *	failed 0           calls that failed and should not have
 *	changed 0          calls that succeeded and changed errno
 *	other 0            calls that should have failed, and did not or with another errno
 *
 * Exit status: 0; 1 where it could not be tried; 2 for bad usage.
 */
#include "common.h"
#include <netdb.h>
#include <pthread.h>

enum { MOST = 256, WHOLE_RUN_S = 120, SENTINEL = 4711 };

static unsigned rounds = 100, crowd = 64;
static unsigned seen[2], failed, changed, other;
static pthread_barrier_t gate;

static void add(unsigned *counter, int condition)
{
	if (condition)
		__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* A call that should succeed: what it returned. errno is SENTINEL before each. */
static void good(int result)
{
	add(&failed, result < 0);
	add(&changed, result >= 0 && errno != SENTINEL);
	errno = SENTINEL;
}

static void bad(int result, int expected)
{
	add(&other, result >= 0 || errno != expected);
	errno = SENTINEL;
}

static void try_conflict(unsigned port)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	good(fd);
	bad(bind_to(fd, AF_INET6, NULL, port), EADDRINUSE);
	bad(bind_to(-1, AF_INET6, NULL, port), EBADF);
	close(fd);
}

static void look_up(void)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *list;

	if (getaddrinfo(NULL, "4321", &hints, &list) == 0)
		freeaddrinfo(list);
	else
		add(&failed, 1);
	errno = SENTINEL;
}

static void make_round(void)
{
	socklen_t size = sizeof(int);
	int fd, value = -1;

	errno = SENTINEL;
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	good(fd);
	good(set_v6only(fd, 0));
	good(bind_to(fd, AF_INET6, NULL, 0));
	good(listen(fd, 8));
	getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &size);
	if (value == 0 || value == 1)
		add(&seen[value], 1);
	try_conflict(local_port(fd));
	look_up();
	close(fd);
}

static void *thread(void *unused)
{
	pthread_barrier_wait(&gate);
	for (unsigned i = 0; i < rounds; i++)
		make_round();
	return unused;
}

static unsigned number(const char *word)
{
	char *end;
	unsigned long value = strtoul(word, &end, 10);

	if (*word < '0' || *word > '9' || *end != '\0' || value > 10000000) {
		fputs("usage: crowd [-n ROUNDS] [-t THREADS]\n", stderr);
		exit(2);
	}
	return (unsigned)value;
}

int main(int argc, char **argv)
{
	pthread_t threads[MOST];
	int letter;

	alarm(WHOLE_RUN_S);
	while ((letter = getopt(argc, argv, "n:t:")) != -1)
		if (letter == 'n')
			rounds = number(optarg);
		else if (letter == 't')
			crowd = number(optarg);
		else
			number("");
	if (crowd < 1 || crowd > MOST)
		number("");
	pthread_barrier_init(&gate, NULL, crowd);
	for (unsigned i = 0; i < crowd; i++)
		if (pthread_create(&threads[i], NULL, thread, NULL) != 0)
			fail("crowd", "pthread_create");
	for (unsigned i = 0; i < crowd; i++)
		pthread_join(threads[i], NULL);
	printf("rounds %u\nv6only%s%s\nfailed %u\nchanged %u\nother %u\n", seen[0] + seen[1],
		seen[0] ? " 0" : "", seen[1] ? " 1" : "", failed, changed, other);
	return 0;
}
