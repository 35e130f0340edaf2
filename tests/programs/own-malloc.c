/*
 * own-malloc - a server with an allocator of its own linked in, as many have.
 *
 * usage: own-malloc
 *
 * The allocator hands out pieces of one array and never takes any back. While the program is in
 * one of socket, setsockopt(IPV6_V6ONLY), bind and listen, which SIGALRM's handler makes too,
 * nobody may ask it for memory: it says who did and aborts. Prints, a line each, "socket ok",
 * "V6ONLY ok", "bind ok", "listen ok", "v6only 0|1", "handler ok", "mallocs none", "memory own"
 * where malloc(3) is the program's own indeed, and "ready", and waits for SIGTERM.
 */
#include "common.h"
#include <signal.h>
#include <stddef.h>

enum { ROOM = 1 << 22, TIMES = 200 };

static _Alignas(max_align_t) char room[ROOM];
static size_t used;
static volatile sig_atomic_t inside, rounds;

void *malloc(size_t size)
{
	static const char said[] = "own-malloc: memory was asked for within a call\n";
	void *piece = room + used;

	if (inside) {
		if (write(STDERR_FILENO, said, sizeof(said) - 1) < 0)
			_exit(3);
		abort();
	}
	size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (size > ROOM - used)
		return NULL;
	used += size;
	return piece;
}

void *calloc(size_t count, size_t size)
{
	return size && count > ROOM / size ? NULL : malloc(count * size);
}

void *realloc(void *old, size_t size)
{
	char *piece = malloc(size);
	size_t behind = old ? (size_t)(room + ROOM - (char *)old) : 0;

	return piece && old ? memmove(piece, old, size < behind ? size : behind) : piece;
}

void free(void *piece)
{
	(void)piece;
}

static const char *const names[] = {"socket", "V6ONLY", "bind", "listen"};
static int results[4];

/* Returns the socket. */
static int make_calls(void)
{
	int fd, on = 1;

	inside++;
	fd = results[0] = socket(AF_INET6, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* as listeners have */
	results[1] = set_v6only(fd, 0);
	results[2] = bind_to(fd, AF_INET6, NULL, 0);
	results[3] = listen(fd, 1);
	inside--;
	return fd;
}

static void on_alarm(int number)
{
	int saved = errno;

	(void)number;
	close(make_calls());
	rounds++;
	errno = saved;
}

int main(void)
{
	struct sigaction action = {.sa_handler = on_alarm};
	char *own = malloc(1);
	int fd;

	sigaction(SIGALRM, &action, NULL);
	ualarm(1000, 1000);
	while (rounds < TIMES)
		close(make_calls());
	ualarm(0, 0);
	fd = make_calls();
	for (int i = 0; i < 4; i++)
		printf("%s %s\n", names[i], results[i] < 0 ? "fails" : "ok");
	printf("v6only %s\nhandler ok\nmallocs none\nmemory %s\nready\n", v6only(fd),
		own >= room && own < room + ROOM ? "own" : "libc's");
	fflush(stdout);
	pause();
	return 0;
}
