/*
 * jump - a signal handler that leaves the calls it interrupts by siglongjmp, again and again.
 *
 * usage: jump JUMPS
 *
 * All four calls are async-signal-safe, so that POSIX allows it. A timer's handler jumps out of a
 * bind to 2001:db8::1, which no host has (RFC 3849), so many times. After that 10 listeners are
 * made, each in less than a second.
 *
 * Output: "after: 10 right, 0 slow". Exit status: 0; 1 where it could not be tried; 2 for bad usage.
 */
#include "common.h"
#include <setjmp.h>
#include <signal.h>
#include <time.h>

enum { AFTER = 10, SLOW_MS = 1000, EACH_US = 200 };

static sigjmp_buf out;
static volatile int jumps, wanted;

static void on_timer(int number)
{
	(void)number;
	siglongjmp(out, 1);
}

static void set_timer(suseconds_t each)
{
	struct itimerval timer = {{0, each}, {0, each}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void bind_and_jump(int fd)
{
	if (sigsetjmp(out, 1) != 0 && ++jumps == wanted) {
		set_timer(0);
		return;
	}
	set_timer(EACH_US);
	for (;;)
		bind_to(fd, AF_INET6, "2001:db8::1", 0);
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_timer};
	int fd, right = 0, slow = 0;

	wanted = argc == 2 ? atoi(argv[1]) : 0;
	if (wanted < 1) {
		fputs("usage: jump JUMPS\n", stderr);
		return 2;
	}
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd < 0 || sigaction(SIGALRM, &action, NULL) < 0)
		fail("jump", "socket");
	bind_and_jump(fd);
	for (int i = 0; i < AFTER; i++) {
		long start = now_ms();
		int other = socket(AF_INET6, SOCK_STREAM, 0);

		right += bind_to(other, AF_INET6, NULL, 0) == 0 && listen(other, 8) == 0;
		close(other);
		slow += now_ms() - start > SLOW_MS;
	}
	printf("after: %d right, %d slow\n", right, slow);
	return 0;
}
