/*
 * calls_steps.h - the steps of calls.c: which calls are made, on which descriptors, with which
 * arguments; decided before the first is made, so that they can be made twice.
 *
 * Objects end where their memory does, as far as the kernel would read them. Pointers that cannot
 * be read are handed out where `transparent` says that nobody may read them before the kernel has.
 */
#ifndef FUZZ_CALLS_STEPS_H
#define FUZZ_CALLS_STEPS_H

#include "fuzz.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	SLOTS = 8,         /* descriptors in use at a time */
	OTHER_FD = 901,    /* one that is no socket */
	EPHEMERAL = 32768, /* the first port that the kernel may choose itself */
	GOOD_LEAST = 28,   /* what a forced policy may read of an address */
	OPTION_BYTES = 64,
};

static char *guard; /* a page, and behind it one that cannot be touched */
static size_t page;

/* Before the first step. */
static void make_guard(void)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	guard = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(guard != MAP_FAILED && !mprotect(guard + page, page, PROT_NONE));
}

enum operation { SOCKET, SETSOCKOPT, BIND, LISTEN, DUP, CLOSE, GETADDRINFO, OPERATIONS };

struct step {
	enum operation operation;
	unsigned slot, to;
	int odd; /* in place of the slot's descriptor; 0: none */
	int domain, type, protocol;
	int level, name;
	int backlog, flags;
	char service[8];
	const void *pointer;
	socklen_t len;
	char *memory; /* to be freed */
};

#define PICK(in, list) ((list)[fuzz_byte(in) % (sizeof(list) / sizeof(*(list)))])

static uint32_t take_u32(struct fuzz_input *in)
{
	uint32_t low = fuzz_word(in);

	return low | (uint32_t)fuzz_word(in) << 16;
}

static void take_socket(struct fuzz_input *in, struct step *s)
{
	static const int domains[] = {AF_INET6, AF_INET6, AF_INET, AF_INET, AF_UNIX, -1};
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_STREAM | SOCK_CLOEXEC,
		SOCK_DGRAM | SOCK_NONBLOCK, SOCK_RAW, SOCK_SEQPACKET, 77};
	static const int protocols[] = {
		0, 0, 0, IPPROTO_TCP, IPPROTO_UDP, 262, 136, IPPROTO_ICMP, IPPROTO_ICMPV6, 9999};

	s->domain = PICK(in, domains);
	s->type = PICK(in, types);
	s->protocol = PICK(in, protocols);
}

/* A pointer that the kernel refuses, or may: only where nothing is read before it has. */
static const void *take_bad_pointer(struct fuzz_input *in, const char *bytes, size_t len)
{
	uint8_t kind = fuzz_byte(in);
	size_t some = kind >> 3;

	switch (kind & 7) {
	case 0:
		return NULL;
	case 1:
		return (const void *)(uintptr_t)1;
	case 2:
		return guard + page;
	case 3:
		return (const void *)(UINTPTR_MAX - 15);
	case 4:
		return (const void *)(UINTPTR_MAX / 2 - 3);
	default:
		/* The object begins in the page and would end behind it. */
		memcpy(guard + page - some, bytes, some < len ? some : len);
		return guard + page - some;
	}
}

/* Memory that ends where the object does, as far as the kernel would read it. */
static void take_pointer(struct fuzz_input *in, struct step *s, const char *bytes, size_t most,
	size_t least, bool may_be_bad)
{
	size_t n = s->len > most ? most : s->len;

	if (may_be_bad && !(fuzz_byte(in) & 7)) {
		s->pointer = take_bad_pointer(in, bytes, most);
		return;
	}
	if (n < least)
		n = least;
	s->memory = malloc(n);
	CHECK(s->memory || !n);
	memset(s->memory, 0, n);
	memcpy(s->memory, bytes, n < most ? n : most);
	s->pointer = s->memory;
}

/* What would stay behind when its socket is closed, load modules, or make the kernel read on. */
static bool barred(int level, int name)
{
	return (level == IPPROTO_TCP && (name == 13 || name == 31)) ||
	       (level == IPPROTO_IPV6 && (name == 32 || name == 34 || name == 35)) ||
	       (level == IPPROTO_IP && (name == 16 || name == 17 || name == 51)) ||
	       (level == SOL_SOCKET && (name == 26 || (name >= 50 && name <= 52)));
}

static void take_option(struct fuzz_input *in, struct step *s, bool transparent)
{
	static const int levels[] = {
		SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP, 255, -1};
	static const struct {
		int level, name;
	} usual[] = {{IPPROTO_IPV6, IPV6_V6ONLY}, {IPPROTO_IPV6, IPV6_V6ONLY},
		{SOL_SOCKET, SO_REUSEADDR}, {SOL_SOCKET, SO_REUSEPORT}};
	static const int values[] = {0, 1, 0, 1, 2, -1, 256};
	char bytes[OPTION_BYTES] = {0};
	uint8_t choice = fuzz_byte(in);
	struct v6_slice rest;
	int value;

	s->len = sizeof(value);
	if (choice & 0x80) {
		s->level = PICK(in, levels);
		s->name = fuzz_byte(in) & 63;
		s->name = barred(s->level, s->name) ? -1 : s->name;
	} else {
		s->level = usual[choice % 4].level;
		s->name = usual[choice % 4].name;
	}
	value = PICK(in, values);
	memcpy(bytes, &value, sizeof(value));
	if (choice & 0x40) {
		s->len = fuzz_byte(in) % (OPTION_BYTES + 1);
		rest = fuzz_bytes(in, s->len);
		memcpy(bytes, rest.ptr, rest.len);
	}
	if ((choice & 0x30) == 0x30)
		s->len = take_u32(in);
	take_pointer(in, s, bytes, sizeof(bytes), 0, transparent);
}

static uint16_t take_port(struct fuzz_input *in)
{
	static const uint16_t ports[] = {80, 80, 80, 81, 0, 1, 443};
	uint8_t choice = fuzz_byte(in);

	return choice & 0x80 ? fuzz_word(in) % EPHEMERAL : ports[choice % 7];
}

static socklen_t take_inet(struct fuzz_input *in, char *bytes)
{
	static const uint32_t hosts[] = {INADDR_ANY, INADDR_ANY, INADDR_LOOPBACK, 0x7f000002,
		INADDR_BROADCAST, 0xe0000001, 0x0a000001};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(take_port(in))};

	a.sin_addr.s_addr = htonl(PICK(in, hosts));
	memcpy(bytes, &a, sizeof(a));
	return sizeof(a);
}

static socklen_t take_inet6(struct fuzz_input *in, char *bytes)
{
	static const char *const hosts[] = {"::", "::", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0",
		"fe80::1", "ff02::1", "::127.0.0.1", "2001:db8::1"};
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(take_port(in))};
	uint8_t choice = fuzz_byte(in);

	CHECK(inet_pton(AF_INET6, hosts[choice % 9], &a.sin6_addr) == 1);
	if (choice & 0x80)
		a.sin6_scope_id = fuzz_byte(in);
	memcpy(bytes, &a, sizeof(a));
	return sizeof(a);
}

/* A name in the file system would outlive the target: abstract ones only. */
static void bar_paths(char *bytes)
{
	sa_family_t family;

	memcpy(&family, bytes, sizeof(family));
	if (family == AF_UNIX)
		bytes[offsetof(struct sockaddr_un, sun_path)] = '\0';
}

static void take_bind(struct fuzz_input *in, struct step *s, bool transparent)
{
	static const sa_family_t families[] = {AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, 99};
	static const socklen_t lengths[] = {0, 1, 2, 15, 16, 23, 24, 27, 28, 29, 110, 127, 128, 129,
		(socklen_t)-1, INT_MAX, (socklen_t)INT_MIN};
	char bytes[sizeof(struct sockaddr_storage)] = {0};
	uint8_t choice = fuzz_byte(in);
	sa_family_t family;
	struct v6_slice rest;

	s->len = choice & 1 ? take_inet(in, bytes) : take_inet6(in, bytes);
	if (choice & 2) {
		family = PICK(in, families);
		memcpy(bytes, &family, sizeof(family));
	}
	if ((choice & 12) == 12)
		s->len = PICK(in, lengths);
	if ((choice & 48) == 48) {
		rest = fuzz_bytes(in, 32);
		memcpy(bytes + 4, rest.ptr, rest.len);
	}
	bar_paths(bytes);
	take_pointer(in, s, bytes, s->len > sizeof(bytes) && transparent ? 8 : sizeof(bytes),
		transparent ? 0 : GOOD_LEAST, transparent);
}

static void take_lookup(struct fuzz_input *in, struct step *s)
{
	static const int families[] = {AF_UNSPEC, AF_UNSPEC, AF_INET, AF_INET6, 99};
	static const int types[] = {0, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW};
	static const char services[][8] = {"80", "0", "65536", "x", ""};

	s->domain = PICK(in, families);
	s->type = PICK(in, types);
	s->flags = AI_NUMERICSERV | (fuzz_byte(in) & 1 ? AI_PASSIVE : 0);
	memcpy(s->service, PICK(in, services), sizeof(s->service));
}

static void take_step(struct fuzz_input *in, struct step *s, bool transparent)
{
	static const enum operation operations[] = {SOCKET, SOCKET, SETSOCKOPT, SETSOCKOPT, BIND,
		BIND, BIND, LISTEN, LISTEN, DUP, CLOSE, GETADDRINFO};
	static const int odd[] = {-1, OTHER_FD, INT_MAX, 5000};
	static const int backlogs[] = {0, 1, 128, -1, INT_MAX, INT_MIN};
	uint8_t where = fuzz_byte(in);

	*s = (struct step){.operation = PICK(in, operations), .slot = where % SLOTS};
	if (where >= 0xf0)
		s->odd = odd[where & 3];
	switch (s->operation) {
	case SOCKET:
		take_socket(in, s);
		break;
	case SETSOCKOPT:
		take_option(in, s, transparent);
		break;
	case BIND:
		take_bind(in, s, transparent);
		break;
	case LISTEN:
		s->backlog = PICK(in, backlogs);
		break;
	case DUP:
		s->to = fuzz_byte(in) % SLOTS;
		break;
	case GETADDRINFO:
		take_lookup(in, s);
		break;
	default:
		break;
	}
}

#endif
