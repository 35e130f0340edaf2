/*
 * interrupted - binds while a timer's signals arrive
 *
 * usage: interrupted restart|none MICROSECONDS N
 *
 * restart: with SA_RESTART. Binds N sockets to [::1]:0, one after another, and prints a line for each way that
 * came out: COUNT, the result, and whether the socket is bound.
 */
#include "common.h"
#include <errno.h>
#include <signal.h>
#include <sys/time.h>

static void handle(int number)
{
	(void)number;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = handle};
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct itimerval timer;
	int count[2][2] = {{0}};

	if (argc != 4)
		return 2;
	action.sa_flags = strcmp(argv[1], "restart") ? 0 : SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	timer.it_interval = timer.it_value = (struct timeval){0, atoi(argv[2])};
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < atoi(argv[3]); i++) {
		int fd = socket(AF_INET6, SOCK_STREAM, 0), failed;
		struct sockaddr_in6 bound = {0};
		socklen_t len = sizeof(bound);

		failed = bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0;
		if (failed && errno != EINTR)
			perror("interrupted: bind");
		getsockname(fd, (struct sockaddr *)&bound, &len);
		count[failed][bound.sin6_port != 0]++;
		close(fd);
	}
	for (int failed = 0; failed < 2; failed++)
		for (int bound = 0; bound < 2; bound++)
			if (count[failed][bound])
				printf("%d %s %s\n", count[failed][bound], failed ? "EINTR" : "ok",
					bound ? "bound" : "unbound");
	return 0;
}
