/*
 * race - binds to `::` while another thread changes what is bound
 *
 * usage: race PORT address|descriptor N
 *
 * address: the thread flips the address between :: and ::1; descriptor: it puts another socket in the
 * descriptor's place. Prints "WILD BAD": of N binds those that came out as `::`, and of those the dual-stack ones.
 */
#include "common.h"
#include <fcntl.h>
#include <pthread.h>

enum { SLOT = 200, HIGH = 300 };

static struct sockaddr_in6 address = {.sin6_family = AF_INET6};
static volatile int stop, first = -1, second = -1;

static void pause_for(int turns)
{
	for (volatile int i = 0; i < turns; i++)
		;
}

static void *flip_address(void *unused)
{
	volatile unsigned char *last = &address.sin6_addr.s6_addr[15];

	while (!stop) {
		*last ^= 1;
		pause_for(300);
	}
	return unused;
}

static void *flip_descriptor(void *unused)
{
	while (!stop) {
		for (int i = 0; i < 2; i++) {
			int fd = i ? second : first;

			if (fd >= 0)
				dup2(fd, SLOT);
			pause_for(2000);
		}
	}
	return unused;
}

static int new_socket(void)
{
	int low = socket(AF_INET6, SOCK_STREAM, 0), fd = fcntl(low, F_DUPFD, HIGH), one = 1;

	close(low);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return fd;
}

int main(int argc, char **argv)
{
	int by_address = argc > 3 && !strcmp(argv[2], "address"), wild = 0, bad = 0;
	pthread_t thread;

	if (argc != 4 || (!by_address && strcmp(argv[2], "descriptor")))
		return 2;
	address.sin6_port = htons((uint16_t)atoi(argv[1]));
	if (pthread_create(&thread, NULL, by_address ? flip_address : flip_descriptor, NULL))
		return 1;
	for (int i = 0; i < atoi(argv[3]); i++) {
		int fd[2] = {new_socket(), new_socket()};

		if (!by_address) {
			dup2(fd[0], SLOT);
			first = fd[0];
			second = fd[1];
		}
		bind(by_address ? fd[0] : SLOT, (struct sockaddr *)&address, sizeof(address));
		first = second = -1;
		for (int k = 0; k < 2; k++) {
			struct sockaddr_in6 bound;
			socklen_t len = sizeof(bound), size = sizeof(int);
			int v6only = -1;

			getsockname(fd[k], (struct sockaddr *)&bound, &len);
			getsockopt(fd[k], IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &size);
			if (bound.sin6_port && IN6_IS_ADDR_UNSPECIFIED(&bound.sin6_addr)) {
				wild++;
				bad += v6only != 1;
			}
			close(fd[k]);
		}
		usleep(1);
	}
	stop = 1;
	pthread_join(thread, NULL);
	printf("%d %d\n", wild, bad);
	return 0;
}
