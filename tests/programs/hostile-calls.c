/*
 * hostile-calls - governed system calls with arguments that make no sense
 *
 * usage: hostile-calls SEED N
 *
 * Makes N calls of bind, listen, setsockopt and getsockopt with descriptors, pointers, lengths and families of all
 * kinds, the same for the same seed, and prints a line for each: the call and the errno. Nothing that it does
 * succeeds in one run and fails in another, whoever makes the calls.
 */
#include "common.h"
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/un.h>

static unsigned long state;

static unsigned next(unsigned below)
{
	state = state * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(state >> 33) % below;
}

int main(int argc, char **argv)
{
	static const long calls[] = {
		SYS_bind, SYS_bind, SYS_bind, SYS_listen, SYS_setsockopt, SYS_getsockopt};
	static const unsigned lengths[] = {0, 1, 15, 16, 17, 24, 27, 28, 29, 110, 128, 129,
		0x7fffffff, 0x80000000, 0xffffffff};
	static const unsigned short families[] = {
		AF_INET6, AF_INET6, AF_INET, AF_UNIX, AF_UNSPEC, AF_NETLINK, 0xffff};
	long page = sysconf(_SC_PAGESIZE);
	char *memory = mmap(
		NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (argc != 3 || memory == MAP_FAILED)
		return 2;
	munmap(memory + page, (size_t)page);
	state = strtoul(argv[1], NULL, 10);
	for (int i = 0; i < atoi(argv[2]); i++) {
		int sockets[] = {-1, 1000000, 0, socket(AF_INET6, SOCK_STREAM, 0),
			socket(AF_INET6, SOCK_DGRAM, 0), socket(AF_INET, SOCK_STREAM, 0),
			socket(AF_UNIX, SOCK_STREAM, 0), dup(1)};
		long call = calls[next(sizeof(calls) / sizeof(*calls))], result;
		unsigned which = next(sizeof(sockets) / sizeof(*sockets));
		int fd = sockets[which];
		unsigned len = lengths[next(sizeof(lengths) / sizeof(*lengths))], kind = next(6);
		struct sockaddr_in6 address = {
			.sin6_family = families[next(7)], .sin6_addr = IN6ADDR_LOOPBACK_INIT};
		size_t room = len < 200 ? len : 200;
		/* Whole; with its end on no page; on none; null; in the kernel's half; unaligned. */
		char *at = kind == 0   ? memory
			   : kind == 1 ? memory + page - room / 2
			   : kind == 2 ? memory + page
			   : kind == 3 ? NULL
			   : kind == 4 ? (char *)~0xffffUL
				       : memory + 1;

		memset(memory, 0, (size_t)page);
		if (next(2))
			address.sin6_addr = (struct in6_addr)IN6ADDR_ANY_INIT;
		if (kind == 0 || kind == 5)
			memcpy(at, &address, sizeof(address));
		if (call == SYS_listen)
			result = syscall(call, fd, (int)len);
		else if (call == SYS_bind)
			result = syscall(call, fd, at, len);
		else
			result = syscall(call, fd, IPPROTO_IPV6, IPV6_V6ONLY, at,
				call == SYS_getsockopt ? at : (char *)(uintptr_t)len);
		printf("%ld %u %u %u: %d\n", call, which, len, kind, result < 0 ? errno : 0);
		for (int k = 3; k < 8; k++)
			close(sockets[k]);
	}
	return 0;
}
