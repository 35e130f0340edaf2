/*
 * cancel - calls that are no cancellation points, in threads that are being cancelled.
 *
 * usage: cancel deferred
 *        cancel asynchronous TIMES
 *
 * deferred: a cancellation is pending when a thread makes each of socket, setsockopt(IPV6_V6ONLY),
 * bind and listen, which POSIX.1-2017, 2.9.5.2, does not count among the cancellation points. Then
 * it tests for one. A line for each: "bind: ok, then cancelled"; "bind: cancelled in the call" where
 * it was one.
 *
 * asynchronous: so many times a thread that does nothing but such calls, 4 at a time, is cancelled
 * wherever it may be. No standard allows the calls there; the kernel's are none the worse for it.
 * After that the main thread makes 10 listeners, each within a second: "after: 10 right, 0 slow".
 *
 * Exit status: 0; 1 where it could not be tried; 2 for bad usage.
 */
#include "common.h"
#include <pthread.h>
#include <time.h>

enum { CROWD = 4, AFTER = 10, WHOLE_RUN_S = 60, SLOW_MS = 1000, LONGEST_NS = 300000 };

static int fd = -1;

static int call_socket(void)
{
	int other = socket(AF_INET6, SOCK_STREAM, 0);

	return other < 0 ? other : close(other);
}

static int call_setsockopt(void)
{
	return set_v6only(fd, 0);
}

static int call_bind(void)
{
	return bind_to(fd, AF_INET6, NULL, 0);
}

static int call_listen(void)
{
	return listen(fd, 8);
}

static const struct call {
	const char *name;
	int (*make)(void);
	int opens; /* a descriptor, which is closed, and close is a cancellation point */
} calls[] = {{"setsockopt", call_setsockopt, 0}, {"bind", call_bind, 0}, {"listen", call_listen, 0},
	{"socket", call_socket, 1}};

/* ---- deferred */

static pthread_barrier_t gate;
static const char *said; /* NULL: it did not come back from the call */

static void *make_call(void *what)
{
	const struct call *call = what;
	int state, result, other = -1;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_barrier_wait(&gate);
	pthread_barrier_wait(&gate);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	if (call->opens)
		result = other = socket(AF_INET6, SOCK_STREAM, 0);
	else
		result = call->make();
	said = outcome(result);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (other >= 0)
		close(other);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	pthread_testcancel();
	return NULL;
}

static void cancel_one(const struct call *call)
{
	pthread_t thread;
	void *result;

	said = NULL;
	pthread_barrier_init(&gate, NULL, 2);
	if (pthread_create(&thread, NULL, make_call, (void *)(size_t)call) != 0)
		fail("cancel", "pthread_create");
	pthread_barrier_wait(&gate);
	pthread_cancel(thread);
	pthread_barrier_wait(&gate);
	pthread_join(thread, &result);
	if (said == NULL)
		printf("%s: cancelled in the call\n", call->name);
	else
		printf("%s: %s, %s\n", call->name, said,
			result == PTHREAD_CANCELED ? "then cancelled" : "and not cancelled");
}

/* ---- asynchronous */

/* One socket each, so that no descriptor is lost for ever where it ends. */
static void *make_calls(void *socket_of_its_own)
{
	int old, mine = *(int *)socket_of_its_own;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	for (;;) {
		set_v6only(mine, 0);
		bind_to(mine, AF_INET6, "2001:db8::1", 0);
		bind_to(mine, AF_INET6, NULL, 0);
		listen(mine, 8);
	}
	return NULL;
}

static void cancel_crowd(unsigned seed)
{
	struct timespec moment = {.tv_nsec = (long)(seed * 7919 % LONGEST_NS)};
	pthread_t threads[CROWD];
	int sockets[CROWD];

	for (int i = 0; i < CROWD; i++) {
		sockets[i] = socket(AF_INET6, SOCK_STREAM, 0);
		if (sockets[i] < 0)
			fail("cancel", "socket");
		if (pthread_create(&threads[i], NULL, make_calls, &sockets[i]) != 0)
			fail("cancel", "pthread_create");
	}
	nanosleep(&moment, NULL);
	for (int i = 0; i < CROWD; i++)
		pthread_cancel(threads[i]);
	for (int i = 0; i < CROWD; i++) {
		pthread_join(threads[i], NULL);
		close(sockets[i]);
	}
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void try_after(void)
{
	int right = 0, slow = 0;

	for (int i = 0; i < AFTER; i++) {
		long start = now_ms();

		fd = socket(AF_INET6, SOCK_STREAM, 0);
		right += call_setsockopt() == 0 && call_bind() == 0 && call_listen() == 0;
		close(fd);
		slow += now_ms() - start > SLOW_MS;
	}
	printf("after: %d right, %d slow\n", right, slow);
}

int main(int argc, char **argv)
{
	alarm(WHOLE_RUN_S);
	if (argc == 2 && strcmp(argv[1], "deferred") == 0) {
		fd = socket(AF_INET6, SOCK_STREAM, 0);
		for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
			cancel_one(&calls[i]);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "asynchronous") == 0) {
		for (int i = 0; i < atoi(argv[2]); i++)
			cancel_crowd((unsigned)i + 1);
		try_after();
		return 0;
	}
	fputs("usage: cancel deferred\n       cancel asynchronous TIMES\n", stderr);
	return 2;
}
