#include "next.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

static int result_of(int raw)
{
	if (raw >= 0)
		return raw;
	errno = -raw;
	return -1;
}

static int kernel_socket(int domain, int type, int protocol)
{
	return result_of(v6_sys_socket(domain, type, protocol));
}

static int kernel_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return result_of(v6_sys_setsockopt(fd, level, name, value, len));
}

static int kernel_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return result_of(v6_sys_bind(fd, addr, len));
}

static int kernel_listen(int fd, int backlog)
{
	return result_of(v6_sys_listen(fd, backlog));
}

struct v6_next v6_next = {
	.socket = kernel_socket,
	.setsockopt = kernel_setsockopt,
	.bind = kernel_bind,
	.listen = kernel_listen,
};

/* Leaves *slot where there is no next definition. ISO C has no cast from data to function. */
static void resolve(void *slot, const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	if (symbol)
		memcpy(slot, &symbol, sizeof(symbol));
}

void v6_next_resolve(void)
{
	resolve(&v6_next.socket, "socket");
	resolve(&v6_next.setsockopt, "setsockopt");
	resolve(&v6_next.bind, "bind");
	resolve(&v6_next.listen, "listen");
	resolve(&v6_next.getaddrinfo, "getaddrinfo");
	resolve(&v6_next.getcpuclockid, "pthread_getcpuclockid");
}

v6_sys_clock *v6_next_clock(void)
{
	v6_sys_clock *clock = NULL;
	void *image, *symbol = NULL;

	/* Where long has 32 bits it ends in 2038: the system call knows better. */
	if (sizeof(long) < 8)
		return NULL;
	image = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
	if (image)
		symbol = dlsym(image, "__vdso_clock_gettime");
	if (image && !symbol) /* aarch64 */
		symbol = dlsym(image, "__kernel_clock_gettime");
	if (symbol)
		memcpy(&clock, &symbol, sizeof(clock));
	return clock;
}
