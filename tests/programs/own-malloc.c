/*
 * own-malloc - a server with an allocator of its own linked in, as many have.
 *
 * usage: own-malloc IPV6-PORT
 *
 * The allocator hands out pieces of one array and never takes any back. While the program is in one of
 * the calls named below, or in a signal handler that makes them, nobody may ask it for memory: it says
 * who did and aborts. SIGALRM arrives every millisecond, and its handler makes the calls as well.
 *
 * Prints, a line each: "socket ok", "V6ONLY ok", "bind ok", "listen ok", "v6only 0|1", "handler ok",
 * and "mallocs none" where none came from within the calls; then "memory own" where malloc(3) is the
 * program's own indeed, and "ready", and waits for SIGTERM.
 */
#include "common.h"
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

enum { ROOM = 1 << 22, TIMES = 200 };

static _Alignas(max_align_t) char room[ROOM];
static size_t used;
static volatile sig_atomic_t inside, rounds;

static void *take(size_t size)
{
	static const char said[] = "own-malloc: memory was asked for within a call\n";
	void *piece;

	if (inside) {
		if (write(STDERR_FILENO, said, sizeof(said) - 1) < 0)
			_exit(3);
		abort();
	}
	size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (size > ROOM - used)
		return NULL;
	piece = room + used;
	used += size;
	return piece;
}

void *malloc(size_t size)
{
	return take(size);
}

void *calloc(size_t count, size_t size)
{
	return size && count > ROOM / size ? NULL : take(count * size);
}

void *realloc(void *old, size_t size)
{
	char *piece = take(size);
	size_t behind = old ? (size_t)(room + ROOM - (char *)old) : 0;

	if (piece && old)
		memmove(piece, old, size < behind ? size : behind);
	return piece;
}

void free(void *piece)
{
	(void)piece;
}

static int calls(const struct sockaddr_in6 *address, const char *words[3])
{
	int zero = 0, fd;

	inside++;
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	words[0] = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) ? "fails" : "ok";
	words[1] = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? "fails" : "ok";
	words[2] = listen(fd, 1) ? "fails" : "ok";
	inside--;
	return fd;
}

static void on_alarm(int number)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	const char *words[3];
	int saved = errno;

	(void)number;
	close(calls(&any, words));
	rounds++;
	errno = saved;
}

int main(int argc, char **argv)
{
	struct itimerval each = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	struct sigaction action = {.sa_handler = on_alarm};
	const char *words[3];
	int fd, value = -1;
	socklen_t len = sizeof(value);
	char *own;

	any.sin6_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "0"));
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &each, NULL);
	while (rounds < TIMES)
		close(calls(&any, words));
	setitimer(ITIMER_REAL, &never, NULL);
	fd = calls(&any, words);
	getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len);
	own = malloc(1);
	printf("socket %s\nV6ONLY %s\nbind %s\nlisten %s\nv6only %d\nhandler ok\nmallocs none\n",
		fd < 0 ? "fails" : "ok", words[0], words[1], words[2], value);
	printf("memory %s\nready\n", own >= room && own < room + ROOM ? "own" : "libc's");
	fflush(stdout);
	pause();
	return 0;
}
