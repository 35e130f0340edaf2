/*
 * unsafe.c - a shim as one should not be: the control for what the real one is tested for.
 *
 * Preloaded, it sets IPV6_V6ONLY before each bind of an AF_INET6 socket, as policy=ipv6-only does,
 * and has the fault that the environment's UNSAFE names:
 *
 *	none     none: what then fails is not for the want of a shim
 *	lock     a mutex around the call: its second taker in a signal handler waits for ever
 *	malloc   memory from the heap, whose locks are no better
 *	write    a line written by libc's write, which is a cancellation point
 *	errno    changed on success
 *	stack    6 KB of it taken
 *	race     a counter that all threads add to, without a lock
 *	refuse   the bind fails where getsockopt does, or where no descriptor is free
 *
 * Any other word is none.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MORE_THAN_CACHED = 8192, STACK = 6144 };

typedef int bind_call(int, __CONST_SOCKADDR_ARG, socklen_t);

static bind_call *next;
static char fault[16];
static int null_fd;

__attribute__((constructor)) static void look_around(void)
{
	const char *word = getenv("UNSAFE");

	*(void **)&next = dlsym(RTLD_NEXT, "bind");
	null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	strncpy(fault, word != NULL ? word : "none", sizeof(fault) - 1);
}

static int is(const char *word)
{
	return strcmp(fault, word) == 0;
}

/* Out of line, or its array would be in the frame of every call. */
__attribute__((noinline)) static int with_stack(
	int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
	volatile char taken[STACK];

	for (size_t i = 0; i < sizeof(taken); i++)
		taken[i] = 1;
	return next(fd, address, size) + taken[0] - 1;
}

static int from_next(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static unsigned long made;
	void *volatile memory = is("malloc") ? malloc(MORE_THAN_CACHED) : NULL;
	int result, value, other = -1;
	socklen_t len = sizeof(int);

	if (is("write") && write(null_fd, "bind\n", 5) < 0)
		return -1;
	if (is("refuse") &&
		((other = dup(fd)) < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) < 0))
		return -1;
	if (is("race"))
		made++;
	if (is("lock"))
		pthread_mutex_lock(&mutex);
	result = next(fd, address, size);
	if (is("lock"))
		pthread_mutex_unlock(&mutex);
	if (is("malloc"))
		free(memory);
	if (other >= 0)
		close(other);
	return result;
}

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
	int one = 1, error = errno, result;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	errno = error;
	result = is("stack") ? with_stack(fd, address, size) : from_next(fd, address, size);
	if (is("errno"))
		errno = EAGAIN;
	return result;
}
