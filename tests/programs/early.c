/*
 * early - opens a listener at each stage of a program's life, from before libc is set up.
 *
 * usage: early
 *
 * The stages: an IFUNC resolver, while the dynamic linker still relocates the program (glibc only);
 * DT_PREINIT_ARRAY, which runs before the constructor of any library, libc's included; a
 * constructor; main; atexit; a destructor. Each makes socket, setsockopt(IPV6_V6ONLY) to 0, bind to
 * [::]:0, listen, getsockopt(IPV6_V6ONLY). Main binds the same port once more, which is refused.
 *
 * Output: a line for each, "main: v6only 0", or the name of the error of what failed; "errno
 * changed" where a call that succeeded changed it. The first three are printed in main.
 */
#include "common.h"

enum stage { RESOLVER, PREINIT, CONSTRUCTOR, MAIN, ATEXIT, DESTRUCTOR, STAGES };
enum { SENTINEL = 4711, CHANGED = -SENTINEL };

static const char *const names[] = {
	"resolver", "preinit", "constructor", "main", "atexit", "destructor"};
/* The value of V6ONLY, or a negated errno, or CHANGED. */
static int found[STAGES];

static void open_listener(enum stage stage)
{
	socklen_t size = sizeof(int);
	int fd, value, on = 1;

	errno = SENTINEL;
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	/* As listeners have it that bind to port 0. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || set_v6only(fd, 0) < 0 || bind_to(fd, AF_INET6, NULL, 0) < 0 ||
		listen(fd, 8) < 0 ||
		(errno == SENTINEL && getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &size) < 0))
		found[stage] = -errno;
	else
		found[stage] = errno == SENTINEL ? value : CHANGED;
	if (stage == MAIN)
		bind_to(socket(AF_INET6, SOCK_STREAM, 0), AF_INET6, NULL, local_port(fd));
	close(fd);
}

static void print(enum stage stage)
{
	if (found[stage] >= 0)
		dprintf(STDOUT_FILENO, "%s: v6only %d\n", names[stage], found[stage]);
	else
		dprintf(STDOUT_FILENO, "%s: %s\n", names[stage],
			found[stage] == CHANGED ? "errno changed" : error_name(-found[stage]));
}

#ifdef __GLIBC__
static void resolved(void)
{
}

__attribute__((used)) static void (*resolve(void))(void)
{
	open_listener(RESOLVER);
	return resolved;
}

void chosen(void) __attribute__((ifunc("resolve")));
#endif

static void preinit(void)
{
	open_listener(PREINIT);
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = preinit;

__attribute__((constructor)) static void construct(void)
{
	open_listener(CONSTRUCTOR);
}

static void at_exit(void)
{
	open_listener(ATEXIT);
	print(ATEXIT);
}

__attribute__((destructor)) static void destroy(void)
{
	open_listener(DESTRUCTOR);
	print(DESTRUCTOR);
}

int main(void)
{
	open_listener(MAIN);
#ifdef __GLIBC__
	chosen();
	print(RESOLVER);
#endif
	for (enum stage stage = PREINIT; stage <= MAIN; stage++)
		print(stage);
	atexit(at_exit);
	return 0;
}
