/*
 * stack - how much stack the calls take, and whether a signal handler's small one is enough.
 *
 * usage: stack BYTES
 *
 * A handler makes each call on an alternate stack, below which lies an unmapped page. It has BYTES, and beside them what
 * the kernel says that the frame of a signal takes (AT_MINSIGSTKSZ, getauxval(3); 2048 where it does not say). It was
 * painted before, and what was painted over is told, less what a call of nothing takes. A line for each, in bytes: "bind
 * 1184". They are socket, setsockopt(IPV6_V6ONLY), bind to [::]:0, listen, and three that meet an IPv4 or an IPv6 socket
 * of this process on their port: "bind-6-after-4", "bind-4-after-6", "listen-after-both" (the two bound with
 * SO_REUSEADDR, and the other listening).
 *
 * Exit status: 0; 1 where it could not be tried; 2 for bad usage.
 */
#include "common.h"
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { PAGE = 4096, PAINT = 0xa5, FRAME = 2048 };

enum call { NOTHING, SOCKET, SETSOCKOPT, BIND, LISTEN };

/* `other` is the family of a socket that the call meets on its port; 0 for none. */
static const struct step {
	const char *name;
	enum call call;
	int family, other;
} steps[] = {{"nothing", NOTHING, AF_INET6, 0}, {"socket", SOCKET, AF_INET6, 0},
	{"setsockopt", SETSOCKOPT, AF_INET6, 0}, {"bind", BIND, AF_INET6, 0},
	{"listen", LISTEN, AF_INET6, 0}, {"bind-6-after-4", BIND, AF_INET6, AF_INET},
	{"bind-4-after-6", BIND, AF_INET, AF_INET6},
	{"listen-after-both", LISTEN, AF_INET6, AF_INET}};

enum { STEPS = sizeof(steps) / sizeof(*steps) };

static const struct step *now;
static int fd = -1, other = -1;
/* The address is no part of what is measured. */
static union address address;
static socklen_t size;

static void prepare(const struct step *step)
{
	unsigned port = 0;
	int yes = 1;

	now = step;
	if (step->call > SOCKET)
		fd = socket(step->family, SOCK_STREAM, 0);
	if (step->other != 0) {
		other = socket(step->other, SOCK_STREAM, 0);
		setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
		if (bind_to(other, step->other, NULL, 0) < 0)
			fail("stack", "bind");
		port = local_port(other);
		if (step->call == LISTEN) {
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
			bind_to(fd, step->family, NULL, port);
		}
		listen(other, 8);
	}
	size = make_address(&address, step->family, NULL, port);
}

static void make_call(void)
{
	static const int off;

	if (now->call == SOCKET)
		fd = socket(AF_INET6, SOCK_STREAM, 0);
	else if (now->call == SETSOCKOPT)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	else if (now->call == BIND)
		bind(fd, &address.any, size);
	else if (now->call == LISTEN)
		listen(fd, 8);
}

static void finish(void)
{
	if (fd >= 0)
		close(fd);
	if (other >= 0)
		close(other);
	fd = other = -1;
}

static void on_signal(int number)
{
	(void)number;
	make_call();
}

/* So many bytes, and below them a page that ends the program. */
static unsigned char *make_stack(size_t wanted)
{
	size_t whole = (wanted + 2 * PAGE - 1) / PAGE * PAGE;
	unsigned char *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory, PAGE, PROT_NONE) < 0)
		fail("stack", "mmap");
	return memory + whole - wanted;
}

/* The bytes of the stack that the call takes, with the frame of the signal. */
static size_t measure(const struct step *step, const stack_t *stack)
{
	const unsigned char *bytes = stack->ss_sp;
	size_t untouched = 0;

	prepare(step);
	memset(stack->ss_sp, PAINT, stack->ss_size);
	raise(SIGUSR1);
	finish();
	while (untouched < stack->ss_size && bytes[untouched] == PAINT)
		untouched++;
	return stack->ss_size - untouched;
}

int main(int argc, char **argv)
{
	size_t frame = getauxval(AT_MINSIGSTKSZ), least;
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	stack_t stack = {0};

	alarm(30);
	if (argc != 2 || atoi(argv[1]) <= 0) {
		fputs("usage: stack BYTES\n", stderr);
		return 2;
	}
	stack.ss_size = (size_t)atoi(argv[1]) + (frame != 0 ? frame : FRAME);
	stack.ss_sp = make_stack(stack.ss_size);
	/* The dynamic linker's own share comes but once. */
	for (int i = 0; i < STEPS; i++) {
		prepare(&steps[i]);
		make_call();
		finish();
	}
	if (sigaltstack(&stack, NULL) < 0)
		fail("stack", "sigaltstack");
	sigaction(SIGUSR1, &action, NULL);
	least = measure(&steps[0], &stack);
	for (int i = 1; i < STEPS; i++)
		printf("%s %zu\n", steps[i].name, measure(&steps[i], &stack) - least);
	return 0;
}
