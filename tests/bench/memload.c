/*
 * memload - load on a memcached
 *
 * usage: memload ADDRESS PORT CONNECTIONS MILLISECONDS
 *
 * Sets one value of 100 bytes and then gets it over CONNECTIONS connections to the IPv6 ADDRESS,
 * each with one request at a time, for that long.
 *
 * Output: "requests N", "per_second N", and of the time that requests took "p99_us N".
 * Exit status: 0; 1 where a connection fails or an answer is wrong; 2 for bad usage.
 */
#include "bench.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>

enum { CONNECTIONS_MAX = 1000, BUCKETS = 100000, VALUE_SIZE = 100, ANSWER_MAX = 512, EVENTS = 64 };

static const char request[] = "get v6shim\r\n";
static char answer[ANSWER_MAX]; /* what each request is answered with */
static size_t answer_len;

static struct connection {
	int fd;
	size_t got; /* of the answer */
	uint64_t sent_at;
} connections[CONNECTIONS_MAX];

/* How many requests took so many microseconds; the last has those that took longer. */
static unsigned long took[BUCKETS];

static int open_connection(const char *address, unsigned port)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || connect_to(fd, AF_INET6, address, port) < 0)
		fail("memload", "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	limit_waits(fd);
	return fd;
}

static void must_write(int fd, const char *text, size_t len)
{
	if (write(fd, text, len) != (ssize_t)len)
		fail("memload", "write");
}

static void wrong_answer(void)
{
	fputs("memload: not the answer that was expected\n", stderr);
	exit(1);
}

static void set_value(int fd)
{
	static const char stored[] = "STORED\r\n";
	char value[VALUE_SIZE + 1], line[ANSWER_MAX], reply[sizeof(stored)] = "";

	memset(value, 'v', VALUE_SIZE);
	value[VALUE_SIZE] = '\0';
	snprintf(line, sizeof(line), "set v6shim 0 0 %d\r\n%s\r\n", VALUE_SIZE, value);
	must_write(fd, line, strlen(line));
	if (recv(fd, reply, sizeof(stored) - 1, MSG_WAITALL) < 0)
		fail("memload", "recv");
	if (strcmp(reply, stored) != 0)
		wrong_answer();
	snprintf(answer, sizeof(answer), "VALUE v6shim 0 %d\r\n%s\r\nEND\r\n", VALUE_SIZE, value);
	answer_len = strlen(answer);
}

static void ask(struct connection *c)
{
	c->got = 0;
	c->sent_at = now_ns();
	must_write(c->fd, request, sizeof(request) - 1);
}

/* Whether the answer is whole. */
static int take_answer(struct connection *c)
{
	char text[ANSWER_MAX];
	ssize_t n = read(c->fd, text, sizeof(text));

	if (n < 0)
		fail("memload", "read");
	if (n == 0 || (size_t)n > answer_len - c->got ||
		memcmp(text, answer + c->got, (size_t)n) != 0)
		wrong_answer();
	c->got += (size_t)n;
	return c->got == answer_len;
}

static void count(const struct connection *c)
{
	uint64_t us = (now_ns() - c->sent_at) / 1000;

	took[us < BUCKETS ? us : BUCKETS - 1]++;
}

static void watch_all(int epoll, const char *address, unsigned port, unsigned number)
{
	for (unsigned i = 0; i < number; i++) {
		struct connection *c = &connections[i];
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

		c->fd = open_connection(address, port);
		if (i == 0)
			set_value(c->fd);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
			fail("memload", "epoll_ctl");
		ask(c);
	}
}

/* Returns how many requests were answered. */
static unsigned long load(int epoll, uint64_t until)
{
	struct epoll_event events[EVENTS];
	unsigned long requests = 0;

	while (now_ns() < until) {
		int n = epoll_wait(epoll, events, EVENTS, PATIENCE_S * 1000);

		if (n <= 0)
			fail("memload", "epoll_wait");
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (!take_answer(c))
				continue;
			count(c);
			requests++;
			ask(c);
		}
	}
	return requests;
}

static unsigned p99(unsigned long requests)
{
	unsigned long slower = requests / 100;
	unsigned us = BUCKETS - 1;

	for (; us > 0 && took[us] <= slower; us--)
		slower -= took[us];
	return us;
}

int main(int argc, char **argv)
{
	uint64_t began, ms;
	unsigned long requests;
	int epoll = epoll_create1(0);

	if (argc != 5) {
		fputs("usage: memload ADDRESS PORT CONNECTIONS MILLISECONDS\n", stderr);
		return 2;
	}
	ms = number_in(argv[4], 1, 60000);
	if (epoll < 0)
		fail("memload", "epoll_create1");
	watch_all(epoll, argv[1], (unsigned)number_in(argv[2], 1, 65535),
		(unsigned)number_in(argv[3], 1, CONNECTIONS_MAX));
	began = now_ns();
	requests = load(epoll, began + ms * 1000000);
	printf("requests %lu\nper_second %.0f\np99_us %u\n", requests,
		(double)requests * 1e9 / (double)(now_ns() - began), p99(requests));
	return 0;
}
