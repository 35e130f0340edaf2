/*
 * edge-calls - what socket, setsockopt, bind, listen and getaddrinfo do with every odd input.
 *
 * usage: edge-calls [-n]
 *
 *   -n  leave out the inputs with pointers to where nothing can be read, which the kernel answers
 *       with EFAULT, and which crash whoever reads them in the process
 *
 * The program is for comparison: its output must be the same, byte for byte, with and without a
 * library in between. One call is one line, a description, what was returned, and the error's name:
 *
 *	bind tcp6 :: size 24 of 24: 0 v6only 0 port nonzero
 *	bind tcp6 :: size 23 of 23: -1 EINVAL v6only 0 port 0
 *	setsockopt closed V6ONLY = 1, size 4 of 4: -1 EBADF
 *	socket inet6 stream protocol 0: fd v6only 0 port 0
 *
 * "size S of M" says that size S was passed and that M bytes can be read: they end where a page
 * ends, and the page behind cannot be read, so that one byte read too many is a crash. What the
 * kernel says of the descriptor afterwards follows, where it has an answer. A call that succeeds
 * must not change errno; one that did has "errno-changed NAME" at its end. getaddrinfo may, being
 * what it is, and its results follow one a line. The description is written before the call is
 * made: where the program ends early, the last line says in which call.
 *
 * Nothing that differs from run to run is printed. What differs from system to system is: raw
 * sockets need privileges, MPTCP and SCTP a kernel that has them.
 *
 * Exit status: 0 when all calls were made, 1 when that could not be prepared, 2 for bad usage.
 *
 * RFC 3493; bind(2), listen(2), socket(2), setsockopt(2), getaddrinfo(3), errno(3); in the kernel
 * inet_bind, inet6_bind (which takes 24 bytes, the size that RFC 2133 gave the address) and
 * do_ipv6_setsockopt (which takes a NULL value for 0).
 */
#include "common.h"
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	SENTINEL = 4095, /* in errno before each call; no error has this number */
	ROOM = 128,      /* sizeof(struct sockaddr_storage): the most that bind reads */
	WHOLE_RUN_S = 60,
};

enum kind {
	TCP4,
	TCP6,
	UDP4,
	UDP6,
	RAW4,
	RAW6,
	UNIX_STREAM,
	NETLINK,
	PIPE,
	FILE_ON_DISK,
	DIRECTORY_PATH,
	CLOSED,
	MINUS_ONE,
	KINDS
};

static const struct {
	const char *name;
	int family, type, protocol; /* family 0: not a socket */
} kinds[KINDS] = {
	[TCP4] = {"tcp4", AF_INET, SOCK_STREAM, 0},
	[TCP6] = {"tcp6", AF_INET6, SOCK_STREAM, 0},
	[UDP4] = {"udp4", AF_INET, SOCK_DGRAM, 0},
	[UDP6] = {"udp6", AF_INET6, SOCK_DGRAM, 0},
	[RAW4] = {"raw4", AF_INET, SOCK_RAW, IPPROTO_UDP},
	[RAW6] = {"raw6", AF_INET6, SOCK_RAW, IPPROTO_UDP},
	[UNIX_STREAM] = {"unix", AF_UNIX, SOCK_STREAM, 0},
	[NETLINK] = {"netlink", AF_NETLINK, SOCK_RAW, 0},
	[PIPE] = {"pipe", 0, 0, 0},
	[FILE_ON_DISK] = {"file", 0, 0, 0},
	[DIRECTORY_PATH] = {"path", 0, 0, 0},
	[CLOSED] = {"closed", 0, 0, 0},
	[MINUS_ONE] = {"minus-one", 0, 0, 0},
};

static const socklen_t sizes[] = {0, 1, 2, 3, 4, 8, 15, 16, 23, 24, 27, 28, 29, 127, 128, 129,
	65536, INT_MAX, (socklen_t)INT_MAX + 1, UINT_MAX};

static const enum kind inet_kinds[] = {TCP6, UDP6, TCP4, UDP4};

static unsigned char *wall; /* the first byte that cannot be read; a page before it can */
static size_t page;
static int with_faults = 1; /* 0 with -n */

/* --- Objects and descriptors --- */

static void build_wall(void)
{
	unsigned char *memory;

	page = (size_t)sysconf(_SC_PAGESIZE);
	memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE) < 0)
		fail("edge-calls", "mmap");
	wall = memory + page;
}

/* The first READABLE bytes of an object, right before the wall; zeros follow where it is shorter.
 */
static void *before_wall(const void *object, size_t size, size_t readable)
{
	memset(wall - page, 0, page);
	memcpy(wall - readable, object, size < readable ? size : readable);
	return wall - readable;
}

/* A high number, so that nothing opened meanwhile is given it. */
static int closed_number(void)
{
	int fd = 700;

	while (fcntl(fd, F_GETFD) >= 0)
		fd++;
	return fd;
}

static int open_file(void)
{
	FILE *file = tmpfile();
	int fd = file == NULL ? -1 : dup(fileno(file));

	if (fd < 0)
		fail("edge-calls", "tmpfile");
	fclose(file);
	return fd;
}

static int open_pipe(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		fail("edge-calls", "pipe");
	close(ends[1]);
	return ends[0];
}

/* Returns -1 where that is the point, or where the system does not allow it, and says so. */
static int open_kind(enum kind kind)
{
	int fd;

	if (kind == PIPE)
		return open_pipe();
	if (kind == FILE_ON_DISK)
		return open_file();
	if (kind == DIRECTORY_PATH)
		return open(".", O_PATH);
	if (kind == CLOSED)
		return closed_number();
	if (kind == MINUS_ONE)
		return -1;
	fd = socket(kinds[kind].family, kinds[kind].type, kinds[kind].protocol);
	if (fd < 0)
		printf("socket %s: -1 %s\n", kinds[kind].name, error_name(errno));
	return fd;
}

static void close_kind(enum kind kind, int fd)
{
	if (kind != CLOSED && fd >= 0)
		close(fd);
}

/* --- One line a call --- */

/* The description, written before the call so that it is there after a crash. */
__attribute__((format(printf, 1, 2))) static void begin(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	fflush(stdout);
	errno = SENTINEL;
}

static void print_state(int fd)
{
	union address address = {0};
	socklen_t size = sizeof(address);
	int value;
	socklen_t value_size = sizeof(value);

	if (getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &value_size) == 0)
		printf(" v6only %d", value);
	if (getsockname(fd, &address.any, &size) < 0)
		return;
	if (address.any.sa_family == AF_INET || address.any.sa_family == AF_INET6)
		printf(" port %s", port_of(&address) == 0 ? "0" : "nonzero");
}

/* What CALL returned, and what it left behind; FD is -1 where there is no more to ask. */
static void end(int fd, int returned)
{
	int error = errno;

	printf(": %d", returned);
	if (returned < 0)
		printf(" %s", error_name(error));
	print_state(fd);
	if (returned >= 0 && error != SENTINEL)
		printf(" errno-changed %s", error_name(error));
	putchar('\n');
}

/* A pointer that nobody can read from. */
static const struct {
	const char *name;
	uintptr_t value;
} nowhere[] = {{"NULL", 0}, {"address-1", 1}, {"address-top", UINTPTR_MAX}};

/* --- socket --- */

struct word {
	const char *name;
	int value;
};

static void call_socket(const struct word *family, const struct word *type, int protocol)
{
	int fd, error;

	begin("socket %s %s protocol %d", family->name, type->name, protocol);
	fd = socket(family->value, type->value, protocol);
	error = errno;
	if (fd >= 0)
		printf(": fd");
	else
		printf(": %d %s", fd, error_name(error));
	print_state(fd);
	if (fd >= 0 && error != SENTINEL)
		printf(" errno-changed %s", error_name(error));
	putchar('\n');
	if (fd >= 0)
		close(fd);
}

static void try_socket(void)
{
	static const struct word families[] = {{"inet6", AF_INET6}, {"inet", AF_INET},
		{"unix", AF_UNIX}, {"unspec", AF_UNSPEC}, {"family-9999", 9999},
		{"family-minus-one", -1}};
	static const struct word types[] = {{"stream", SOCK_STREAM}, {"dgram", SOCK_DGRAM},
		{"raw", SOCK_RAW}, {"seqpacket", SOCK_SEQPACKET}, {"type-0", 0}, {"type-99", 99},
		{"type-minus-one", -1},
		{"stream+nonblock+cloexec", SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC},
		{"dgram+cloexec", SOCK_DGRAM | SOCK_CLOEXEC},
		{"stream+unknown-flag", SOCK_STREAM | 0x10000000}};
	static const int protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_MPTCP,
		IPPROTO_UDPLITE, IPPROTO_ICMPV6, 9999, -1};

	for (size_t f = 0; f < COUNT(families); f++)
		for (size_t t = 0; t < COUNT(types); t++)
			for (size_t p = 0; p < COUNT(protocols); p++)
				call_socket(&families[f], &types[t], protocols[p]);
}

/* --- setsockopt --- */

static void call_setsockopt(int fd, const char *what, int level, int option, const void *value,
	socklen_t size, const char *where)
{
	begin("setsockopt %s, size %u %s", what, size, where);
	end(fd, setsockopt(fd, level, option, value, size));
}

/* IPV6_V6ONLY on a new socket, READABLE bytes being there. */
static void set_of(enum kind kind, int value, socklen_t size, size_t readable)
{
	void *at = before_wall(&value, sizeof(value), readable);
	char what[48], where[32];
	int fd = open_kind(kind);

	snprintf(what, sizeof(what), "%s V6ONLY = %d", kinds[kind].name, value);
	snprintf(where, sizeof(where), "of %zu", readable);
	call_setsockopt(fd, what, IPPROTO_IPV6, IPV6_V6ONLY, at, size, where);
	close_kind(kind, fd);
}

static void try_setsockopt_values(void)
{
	static const int values[] = {0, 1, 2, 3, -1, 256, 65536, INT_MAX, INT_MIN};

	for (int kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < COUNT(values); i++)
			set_of((enum kind)kind, values[i], sizeof(int), sizeof(int));
}

/* For each size: as much to read as it says, and an int whatever it says. */
static void try_setsockopt_sizes(void)
{
	static const enum kind these[] = {TCP6, UDP6, TCP4, RAW6, UNIX_STREAM, CLOSED};

	for (size_t k = 0; k < COUNT(these); k++)
		for (size_t i = 0; i < COUNT(sizes); i++) {
			set_of(these[k], 1, sizes[i], sizes[i] < ROOM ? sizes[i] : ROOM);
			set_of(these[k], 1, sizes[i], sizeof(int));
		}
}

/* Other options and levels, a new socket for each; the value is 1. */
static void try_setsockopt_options(void)
{
	static const struct {
		const char *name;
		int level, option;
	} options[] = {{"level 9999 option 26", 9999, IPV6_V6ONLY},
		{"level -1 option 26", -1, IPV6_V6ONLY}, {"IPv6 option 9999", IPPROTO_IPV6, 9999},
		{"IPv6 option -1", IPPROTO_IPV6, -1}, {"IPv6 option 0", IPPROTO_IPV6, 0},
		{"IPV6_TCLASS", IPPROTO_IPV6, IPV6_TCLASS},
		{"IPV6_UNICAST_HOPS", IPPROTO_IPV6, IPV6_UNICAST_HOPS},
		{"IPV6_RECVPKTINFO", IPPROTO_IPV6, IPV6_RECVPKTINFO},
		{"IPv4 option 26", IPPROTO_IP, IPV6_V6ONLY}, {"IP_TTL", IPPROTO_IP, IP_TTL},
		{"socket option 26", SOL_SOCKET, IPV6_V6ONLY},
		{"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR},
		{"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT},
		{"TCP option 26", IPPROTO_TCP, IPV6_V6ONLY},
		{"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY}};
	static const enum kind these[] = {TCP6, UDP6, TCP4, UNIX_STREAM, PIPE, CLOSED};
	char what[48];
	int on = 1;

	for (size_t k = 0; k < COUNT(these); k++)
		for (size_t i = 0; i < COUNT(options); i++) {
			int fd = open_kind(these[k]);
			void *at = before_wall(&on, sizeof(on), sizeof(on));

			snprintf(
				what, sizeof(what), "%s %s", kinds[these[k]].name, options[i].name);
			call_setsockopt(fd, what, options[i].level, options[i].option, at,
				sizeof(on), "of 4");
			close_kind(these[k], fd);
		}
}

/* The kernel takes NULL for 0; the value is 1 before, so that this shows. */
static void try_setsockopt_null(void)
{
	static const enum kind these[] = {TCP6, UDP6, TCP4, RAW6, UNIX_STREAM, PIPE, CLOSED};
	static const socklen_t these_sizes[] = {0, 1, 3, 4, 8, UINT_MAX};
	char what[48];

	for (size_t k = 0; k < COUNT(these); k++)
		for (size_t i = 0; i < COUNT(these_sizes); i++) {
			int fd = open_kind(these[k]);

			set_v6only(fd, 1);
			snprintf(what, sizeof(what), "%s V6ONLY = NULL", kinds[these[k]].name);
			call_setsockopt(fd, what, IPPROTO_IPV6, IPV6_V6ONLY, NULL, these_sizes[i],
				"after 1");
			close_kind(these[k], fd);
		}
}

static void try_setsockopt_faults(void)
{
	static const enum kind these[] = {TCP6, UDP6, TCP4, UNIX_STREAM, PIPE, CLOSED};
	static const socklen_t these_sizes[] = {0, 1, 3, 4, 8, UINT_MAX};
	char what[48];

	for (size_t k = 0; k < COUNT(these); k++)
		for (size_t i = 0; i < COUNT(these_sizes); i++) {
			for (size_t n = 1; n < COUNT(nowhere); n++) {
				int fd = open_kind(these[k]);

				snprintf(what, sizeof(what), "%s V6ONLY = at %s",
					kinds[these[k]].name, nowhere[n].name);
				call_setsockopt(fd, what, IPPROTO_IPV6, IPV6_V6ONLY,
					(void *)nowhere[n].value, these_sizes[i], "unreadable");
				close_kind(these[k], fd);
			}
			for (size_t readable = 0; readable < sizeof(int); readable++)
				if (these_sizes[i] >= sizeof(int))
					set_of(these[k], 1, these_sizes[i], readable);
		}
}

/* --- bind --- */

static void call_bind(int fd, const char *kind, const char *what, const void *address,
	socklen_t size, const char *where)
{
	begin("bind %s %s size %u %s", kind, what, size, where);
	end(fd, bind(fd, address, size));
}

/* Binds a new socket to the first READABLE bytes of an address. */
static void bind_of(enum kind kind, const char *what, const union address *address, socklen_t size,
	size_t readable)
{
	void *at = before_wall(address, sizeof(*address), readable);
	char where[32];
	int fd = open_kind(kind);

	if (fd < 0 && kinds[kind].family != 0)
		return;
	snprintf(where, sizeof(where), "of %zu", readable);
	call_bind(fd, kinds[kind].name, what, at, size, where);
	close_kind(kind, fd);
}

static int family_of(enum kind kind)
{
	return kinds[kind].family == AF_INET ? AF_INET : AF_INET6;
}

/* For each size: as much to read as it says, and the whole address whatever it says. */
static void try_bind_sizes(void)
{
	for (size_t k = 0; k < COUNT(inet_kinds); k++) {
		union address address;
		int family = family_of(inet_kinds[k]);
		size_t whole = make_address(&address, family, NULL, 0);
		const char *what = family == AF_INET6 ? "::" : "0.0.0.0";

		for (size_t i = 0; i < COUNT(sizes); i++) {
			size_t tight = sizes[i] < ROOM ? sizes[i] : ROOM;

			bind_of(inet_kinds[k], what, &address, sizes[i], tight);
			if (sizes[i] < whole || sizes[i] > ROOM)
				bind_of(inet_kinds[k], what, &address, sizes[i], whole);
		}
	}
}

static void try_bind_descriptors(void)
{
	static const enum kind these[] = {
		UNIX_STREAM, NETLINK, PIPE, FILE_ON_DISK, DIRECTORY_PATH, CLOSED, MINUS_ONE};
	static const socklen_t these_sizes[] = {0, 1, 2, 16, 27, 28, 128, 129, UINT_MAX};
	union address address;

	for (size_t k = 0; k < COUNT(these); k++)
		for (size_t i = 0; i < COUNT(these_sizes); i++) {
			make_address(&address, AF_INET6, NULL, 0);
			bind_of(these[k], "::", &address, these_sizes[i],
				these_sizes[i] < ROOM ? these_sizes[i] : ROOM);
		}
}

static void try_bind_families(void)
{
	static const struct word families[] = {{"family-unspec", AF_UNSPEC},
		{"family-unix", AF_UNIX}, {"family-inet", AF_INET}, {"family-inet6", AF_INET6},
		{"family-netlink", AF_NETLINK}, {"family-255", 255}, {"family-65535", 65535}};
	static const socklen_t these_sizes[] = {sizeof(struct sockaddr_in),
		sizeof(struct sockaddr_in6), sizeof(struct sockaddr_storage)};
	union address address;

	for (size_t k = 0; k < COUNT(inet_kinds); k++)
		for (size_t f = 0; f < COUNT(families); f++)
			for (size_t i = 0; i < COUNT(these_sizes); i++) {
				memset(&address, 0, sizeof(address));
				address.any.sa_family = (sa_family_t)families[f].value;
				bind_of(inet_kinds[k], families[f].name, &address, these_sizes[i],
					these_sizes[i]);
			}
}

static void try_bind_addresses(void)
{
	static const char *const addresses[] = {"::", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0",
		"::127.0.0.1", "2001:db8::1", "fe80::1", "ff02::1", "0.0.0.0", "127.0.0.1",
		"127.255.255.254", "192.0.2.1", "224.0.0.1", "255.255.255.255"};
	static const enum kind these[] = {TCP6, UDP6, RAW6, TCP4, UDP4, RAW4};

	for (size_t k = 0; k < COUNT(these); k++)
		for (size_t i = 0; i < COUNT(addresses); i++) {
			union address address;
			int family = strchr(addresses[i], ':') != NULL ? AF_INET6 : AF_INET;
			socklen_t size = make_address(&address, family, addresses[i], 0);

			bind_of(these[k], addresses[i], &address, size, size);
		}
}

/* What else an IPv6 address holds. */
static void try_bind_fields(void)
{
	static const enum kind these[] = {TCP6, UDP6};
	union address address;

	for (size_t k = 0; k < COUNT(these); k++) {
		socklen_t size = make_address(&address, AF_INET6, NULL, 0);

		address.in6.sin6_flowinfo = htonl(0x12345);
		bind_of(these[k], ":: flowinfo", &address, size, size);
		make_address(&address, AF_INET6, NULL, 0);
		address.in6.sin6_scope_id = UINT32_MAX;
		bind_of(these[k], ":: scope", &address, size, size);
		make_address(&address, AF_INET6, "fe80::1", 0);
		address.in6.sin6_scope_id = UINT32_MAX;
		bind_of(these[k], "fe80::1 scope", &address, size, size);
	}
}

/* Mapped addresses under both values of the option. */
static void try_bind_mapped(void)
{
	static const char *const addresses[] = {"::", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0"};
	static const enum kind these[] = {TCP6, UDP6};

	for (size_t k = 0; k < COUNT(these); k++)
		for (size_t i = 0; i < COUNT(addresses); i++)
			for (int value = 0; value <= 1; value++) {
				int fd = open_kind(these[k]);

				begin("setsockopt %s V6ONLY = %d", kinds[these[k]].name, value);
				end(fd, set_v6only(fd, value));
				begin("bind %s %s with V6ONLY %d", kinds[these[k]].name,
					addresses[i], value);
				end(fd, bind_to(fd, AF_INET6, addresses[i], 0));
				close(fd);
			}
}

static void try_bind_faults(void)
{
	static const enum kind these[] = {TCP6, UDP6, TCP4, UDP4, UNIX_STREAM, PIPE, CLOSED};
	static const socklen_t these_sizes[] = {0, 1, 2, 16, 24, 28, 128, 129, UINT_MAX};
	static const size_t readable[] = {0, 1, 2, 4, 8, 15, 16, 23, 24, 27, 28};
	union address address;

	for (size_t k = 0; k < COUNT(these); k++) {
		for (size_t i = 0; i < COUNT(these_sizes); i++)
			for (size_t n = 0; n < COUNT(nowhere); n++) {
				int fd = open_kind(these[k]);

				call_bind(fd, kinds[these[k]].name, nowhere[n].name,
					(void *)nowhere[n].value, these_sizes[i], "unreadable");
				close_kind(these[k], fd);
			}
		make_address(&address, family_of(these[k]), NULL, 0);
		for (size_t i = 0; i < COUNT(these_sizes); i++)
			for (size_t n = 0; n < COUNT(readable); n++)
				if (readable[n] < these_sizes[i])
					bind_of(these[k], "wildcard", &address, these_sizes[i],
						readable[n]);
	}
}

/* --- listen, and calls in an unusual order --- */

static void try_listen_unbound(void)
{
	static const int backlogs[] = {0, 1, 128, -1, INT_MAX, INT_MIN};

	for (int kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < COUNT(backlogs); i++) {
			int fd = open_kind((enum kind)kind);

			begin("listen %s unbound backlog %d", kinds[kind].name, backlogs[i]);
			end(fd, listen(fd, backlogs[i]));
			close_kind((enum kind)kind, fd);
		}
}

/* A step of a sequence on one socket. */
static void do_step(int fd, enum kind kind, char step)
{
	const char *name = kinds[kind].name;
	int family = family_of(kind);

	switch (step) {
	case 'b':
		begin("  bind %s wildcard", name);
		end(fd, bind_to(fd, family, NULL, 0));
		break;
	case 'l':
		begin("  listen %s", name);
		end(fd, listen(fd, 8));
		break;
	case '0':
	case '1':
		begin("  setsockopt %s V6ONLY = %c", name, step);
		end(fd, set_v6only(fd, step - '0'));
		break;
	case 'm':
		begin("  bind %s ::ffff:127.0.0.1", name);
		end(fd, bind_to(fd, AF_INET6, "::ffff:127.0.0.1", 0));
		break;
	case 'x':
		/* Refused at once: nobody listens on port 1, and a datagram asks nobody. */
		begin("  connect %s loopback", name);
		end(fd, connect_to(fd, family, family == AF_INET6 ? "::1" : "127.0.0.1", 1));
		break;
	}
}

static void try_sequences(void)
{
	static const struct {
		const char *name, *steps;
	} sequences[] = {{"double bind", "bb"}, {"bind after listen", "lb"},
		{"listen twice", "bll"}, {"listen twice, never bound", "ll"},
		{"set after bind", "b01"}, {"set after bind, was 1", "1b01"},
		{"set after listen", "bl01"}, {"set after listen, never bound", "l01"},
		{"set, bind, listen, with 0", "0bl"}, {"set, bind, listen, with 1", "1bl"},
		{"set, listen, with 0", "0l"}, {"set, listen, with 1", "1l"},
		{"set to and fro", "0101bl"}, {"bind again after a failed one", "1m0m"},
		{"wildcard after a failed bind", "1mb"}, {"set after a failed bind", "1m01bl"},
		{"set after connect", "x01"}, {"bind after connect", "xb"},
		{"listen after connect", "xl"}};

	for (size_t k = 0; k < COUNT(inet_kinds); k++)
		for (size_t i = 0; i < COUNT(sequences); i++) {
			int fd = open_kind(inet_kinds[k]);

			printf("%s %s\n", kinds[inet_kinds[k]].name, sequences[i].name);
			limit_waits(fd);
			for (const char *step = sequences[i].steps; *step != '\0'; step++)
				do_step(fd, inet_kinds[k], *step);
			close(fd);
		}
}

/* --- getaddrinfo --- */

static const char *gai_name(int error)
{
	static const struct word names[] = {
		{"EAI_BADFLAGS", EAI_BADFLAGS},
		{"EAI_NONAME", EAI_NONAME},
		{"EAI_AGAIN", EAI_AGAIN},
		{"EAI_FAIL", EAI_FAIL},
		{"EAI_FAMILY", EAI_FAMILY},
		{"EAI_SOCKTYPE", EAI_SOCKTYPE},
		{"EAI_SERVICE", EAI_SERVICE},
		{"EAI_MEMORY", EAI_MEMORY},
		{"EAI_SYSTEM", EAI_SYSTEM},
		{"EAI_OVERFLOW", EAI_OVERFLOW},
#ifdef EAI_ADDRFAMILY
		{"EAI_ADDRFAMILY", EAI_ADDRFAMILY},
#endif
#ifdef EAI_NODATA
		{"EAI_NODATA", EAI_NODATA},
#endif
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (names[i].value == error)
			return names[i].name;
	return "EAI-unknown";
}

static void print_result(const struct addrinfo *at)
{
	union address address = {0};
	char text[INET6_ADDRSTRLEN] = "?";
	const void *bytes = &address.in.sin_addr;

	memcpy(&address, at->ai_addr, at->ai_addrlen);
	if (at->ai_family == AF_INET6)
		bytes = &address.in6.sin6_addr;
	inet_ntop(at->ai_family, bytes, text, sizeof(text));
	printf("  %s type %d protocol %d flags %#x size %u %s port %u canonname %s\n",
		at->ai_family == AF_INET6 ? "inet6" : "inet", at->ai_socktype, at->ai_protocol,
		(unsigned)at->ai_flags, at->ai_addrlen, text, port_of(&address),
		at->ai_canonname != NULL ? at->ai_canonname : "none");
}

/* An answer of which nothing was written is still this. */
static struct addrinfo untouched;

static void call_getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, const char *described)
{
	struct addrinfo *list = &untouched;
	int returned, error;

	begin("getaddrinfo node %s service %s %s", node != NULL ? node : "NULL",
		service != NULL ? service : "NULL", described);
	returned = getaddrinfo(node, service, hints, &list);
	error = errno;
	if (returned != 0) {
		printf(": %s", gai_name(returned));
		printf("%s%s", returned == EAI_SYSTEM ? " " : "",
			returned == EAI_SYSTEM ? error_name(error) : "");
		puts(list == &untouched ? " answer untouched" : " answer written");
		return;
	}
	printf(": 0");
	if (error != SENTINEL)
		printf(" errno-changed %s", error_name(error));
	putchar('\n');
	for (const struct addrinfo *at = list; at != NULL; at = at->ai_next)
		print_result(at);
	freeaddrinfo(list);
}

/* The hints end where the page ends. */
static void with_hints(const char *node, const char *service, int family, int type, int flags)
{
	struct addrinfo hints = {.ai_family = family, .ai_socktype = type, .ai_flags = flags};
	char described[64];

	snprintf(described, sizeof(described), "family %d type %d flags %#x", family, type,
		(unsigned)flags);
	call_getaddrinfo(
		node, service, before_wall(&hints, sizeof(hints), sizeof(hints)), described);
}

/* Addresses as numbers only: a name would ask whatever resolver the host has. */
static void try_getaddrinfo_nodes(void)
{
	static const char *const nodes[] = {
		NULL, "::", "::1", "::ffff:127.0.0.1", "0.0.0.0", "127.0.0.1", "no.number", ""};
	static const char *const services[] = {
		NULL, "0", "80", "65535", "65536", "-1", "no-number"};
	static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
	static const int flags[] = {AI_NUMERICHOST | AI_NUMERICSERV,
		AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		AI_NUMERICHOST | AI_NUMERICSERV | AI_CANONNAME};

	for (size_t n = 0; n < COUNT(nodes); n++)
		for (size_t s = 0; s < COUNT(services); s++)
			for (size_t f = 0; f < COUNT(families); f++)
				for (size_t i = 0; i < COUNT(flags); i++)
					with_hints(nodes[n], services[s], families[f], SOCK_STREAM,
						flags[i]);
}

static void try_getaddrinfo_hints(void)
{
	static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX, 9999, -1};
	static const int types[] = {0, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, 99};
	static const int flags[] = {0, AI_PASSIVE, AI_CANONNAME, AI_PASSIVE | AI_CANONNAME,
		AI_NUMERICHOST, AI_PASSIVE | AI_V4MAPPED | AI_ALL, AI_PASSIVE | AI_ADDRCONFIG,
		0x40000000, -1};

	for (size_t f = 0; f < COUNT(families); f++)
		for (size_t t = 0; t < COUNT(types); t++)
			for (size_t i = 0; i < COUNT(flags); i++) {
				with_hints(NULL, "4321", families[f], types[t], flags[i]);
				with_hints("::1", "4321", families[f], types[t], flags[i]);
			}
}

static void try_getaddrinfo_protocols(void)
{
	static const int protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, 9999, -1};
	static const int types[] = {0, SOCK_STREAM};
	char described[64];

	for (size_t p = 0; p < COUNT(protocols); p++)
		for (size_t t = 0; t < COUNT(types); t++) {
			struct addrinfo hints = {.ai_flags = AI_PASSIVE,
				.ai_socktype = types[t],
				.ai_protocol = protocols[p]};

			snprintf(described, sizeof(described), "type %d protocol %d passive",
				types[t], protocols[p]);
			call_getaddrinfo(NULL, "4321", &hints, described);
		}
}

static void try_getaddrinfo(void)
{
	call_getaddrinfo(NULL, NULL, NULL, "hints NULL");
	call_getaddrinfo(NULL, "4321", NULL, "hints NULL");
	call_getaddrinfo("::1", NULL, NULL, "hints NULL");
	call_getaddrinfo("127.0.0.1", "4321", NULL, "hints NULL");
	try_getaddrinfo_nodes();
	try_getaddrinfo_hints();
	try_getaddrinfo_protocols();
}

static void usage(void)
{
	fputs("usage: edge-calls [-n]\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	int letter;

	while ((letter = getopt(argc, argv, "n")) != -1) {
		if (letter != 'n')
			usage();
		with_faults = 0;
	}
	if (optind != argc)
		usage();
	/* Nothing here waits; should something under test do so, it ends. */
	alarm(WHOLE_RUN_S);
	build_wall();
	try_socket();
	try_setsockopt_values();
	try_setsockopt_sizes();
	try_setsockopt_options();
	try_setsockopt_null();
	try_bind_sizes();
	try_bind_descriptors();
	try_bind_families();
	try_bind_addresses();
	try_bind_fields();
	try_bind_mapped();
	try_listen_unbound();
	try_sequences();
	try_getaddrinfo();
	if (with_faults) {
		try_setsockopt_faults();
		try_bind_faults();
	}
	return 0;
}
