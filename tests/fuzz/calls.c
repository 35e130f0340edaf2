/*
 * The interposed calls beside libc's own: a sequence of calls is made twice, bare and through the
 * library, and each step must come out alike.
 *
 * Where the configuration changes nothing (policy=app, or mode=log) that means the same result, the
 * same errno, and the same socket afterwards, whatever pointers and lengths were passed. Where it
 * acts, it means that until the two part no bind or listen fails through the library that succeeds
 * bare, but with the errno of a `deny` (DESIGN.md 1.8, 1), and that what failed left V6ONLY and
 * SO_REUSEPORT as they were (1.5).
 *
 * For each configuration a copy of the instrumented libv6shim.so, which lies beside this program, is
 * loaded under it. All of it happens in a network namespace of the target's own, on its loopback
 * interface; nothing is ever connected.
 *
 * Input: one byte for the configuration, then the steps, as take_step() reads them: decided before
 * the first is made, so that they can be made twice. Objects end where their memory does, as far as
 * the kernel would read them. Pointers that cannot be read are handed out where nobody may read
 * them before the kernel has.
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	STEPS = 24,
	SLOTS = 8,         /* descriptors in use at a time */
	LOG_FD = 900,      /* where records go */
	OTHER_FD = 901,    /* one that is no socket */
	LIBRARY_FD = 910,  /* the first of the copies of the library */
	UNTOUCHED = 7777,  /* errno before each call */
	EPHEMERAL = 32768, /* the first port that the kernel may choose itself */
	DENIED = EXFULL,   /* the errno of every `deny` below: no call has it otherwise */
	GOOD_LEAST = 28,   /* what a forced policy may read of an address */
	OPTION_BYTES = 64,
};

/* ---- the configurations */

#define DENY                                                                                       \
	"on-disorder=deny:EXFULL\non-contrary=deny:EXFULL\non-mapped=deny:EXFULL\n"                \
	"on-nonboolean=deny:EXFULL\n"
/* mode=log, and everything else that would act if it did not hold it back. */
#define QUIET "mode=log\n" DENY

static const struct configuration {
	bool transparent;
	const char *file; /* beside log=fd:900 and log-level=change, where it has none */
} configurations[] = {
	{true, "log=off\n"},
	{true, "log-level=all\n"},
	{true, "log-level=all\nlog-format=json\n"},
	{true, QUIET "policy=ipv6-only\norder=ipv6-first\non-conflict=resolve\nlog=off\n"},
	{true, QUIET "policy=both\norder=ipv4-first\non-conflict=share\nlog-level=all\n"},
	{true, QUIET "policy=default-ipv6-only\norder=ipv6-first\nlog-level=all\n"},
	{true, QUIET "policy=default-both\non-conflict=share-ipv6\nlog=off\n"},
	{true, QUIET "port=80-90 proto=tcp => policy=both order=ipv6-first on-conflict=resolve\n"
		     "proto=udp => policy=ipv6-only\nport=0 => policy=both\n"},
	{false, "policy=ipv6-only\nlog=off\n"},
	{false, "policy=ipv6-only\nlog-level=all\n"},
	{false, "policy=both\nlog=off\n"},
	{false, "policy=both\nlog-level=all\n"},
	{false, "policy=both\non-conflict=resolve\n"},
	{false, "on-conflict=resolve\nlog=off\n"},
	{false, "on-conflict=share\nlog-level=all\n"},
	{false, "policy=both\non-conflict=share-ipv6\nlog=off\n"},
	{false, "policy=ipv6-only\norder=ipv6-first\n" DENY},
};

enum { CONFIGURATIONS = sizeof(configurations) / sizeof(*configurations) };

struct calls {
	int (*socket)(int domain, int type, int protocol);
	int (*setsockopt)(int fd, int level, int name, const void *value, socklen_t len);
	int (*bind)(int fd, const struct sockaddr *addr, socklen_t len);
	int (*listen)(int fd, int backlog);
	int (*getaddrinfo)(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **result);
};

static const struct calls bare_calls = {socket, setsockopt, bind, listen, getaddrinfo};
static struct calls shim_calls[CONFIGURATIONS];

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd >= 0 && write(fd, text, strlen(text)) >= 0)
		close(fd);
}

/* One library for each: another file, for what is loaded already would be handed out again. */
static void load(unsigned i)
{
	const char *text = configurations[i].file;
	char self[PATH_MAX] = "", path[64], config[64];
	int from, to, file = memfd_create("config", 0);
	void *library;

	CHECK(readlink("/proc/self/exe", self, sizeof(self) - 16) > 0);
	strcpy(strrchr(self, '/'), "/libv6shim.so");
	from = open(self, O_RDONLY | O_CLOEXEC);
	to = fcntl(memfd_create("library", MFD_CLOEXEC), F_DUPFD_CLOEXEC, LIBRARY_FD);
	CHECK(from >= 0 && to >= 0 && file >= 0);
	while (sendfile(to, from, NULL, 1 << 20) > 0)
		;
	close(from);
	snprintf(config, sizeof(config), "/proc/self/fd/%d", file);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", to);
	write_file(config, text);
	setenv("V6SHIM_CONFIG", config, 1);
	if (!strstr(text, "log=off"))
		setenv("V6SHIM_LOG", "fd:900", 1);
	if (!strstr(text, "log-level"))
		setenv("V6SHIM_LOG_LEVEL", "change", 1);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		fprintf(stderr, "calls: %s\n", dlerror());
	CHECK(library);
	*(void **)&shim_calls[i].socket = dlsym(library, "socket");
	*(void **)&shim_calls[i].setsockopt = dlsym(library, "setsockopt");
	*(void **)&shim_calls[i].bind = dlsym(library, "bind");
	*(void **)&shim_calls[i].listen = dlsym(library, "listen");
	*(void **)&shim_calls[i].getaddrinfo = dlsym(library, "getaddrinfo");
	unsetenv("V6SHIM_CONFIG");
	unsetenv("V6SHIM_LOG");
	unsetenv("V6SHIM_LOG_LEVEL");
	close(file);
}

/* ---- the steps */

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

/* ---- where it happens */

/* In a network of its own; where one is not root a user namespace comes first, in which one is. */
static void leave_network(void)
{
	struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING};
	char map[32];
	int fd;

	snprintf(map, sizeof(map), "0 %u 1", geteuid());
	if (unshare(CLONE_NEWNET)) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
			fputs("calls: needs leave to make a network namespace\n", stderr);
			exit(77);
		}
		write_file("/proc/self/setgroups", "deny");
		write_file("/proc/self/uid_map", map);
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &up));
	close(fd);
}

const char *__asan_default_options(void);

/* The copies define the same. */
const char *__asan_default_options(void)
{
	return "detect_odr_violation=0";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int null = open("/dev/null", O_WRONLY | O_APPEND | O_CLOEXEC);

	(void)argc;
	(void)argv;
	leave_network();
	CHECK(dup3(null, LOG_FD, O_CLOEXEC) == LOG_FD && dup3(null, OTHER_FD, O_CLOEXEC) > 0);
	close(null);
	make_guard();
	for (unsigned i = 0; i < CONFIGURATIONS; i++)
		load(i);
	return 0;
}

/* ---- one run */

/* What came of a step, and how its socket is afterwards. */
struct outcome {
	int result, error;
	int v6only, reuseaddr, reuseport; /* -1: not told */
	int was_v6only, was_reuseport;    /* before the step */
	bool is_bound;
	struct sockaddr_storage bound;
	struct {
		int family, type, protocol;
		struct sockaddr_storage address;
	} list[16];
	unsigned count;
};

static int option_of(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) ? -1 : value;
}

static void look(int fd, struct outcome *o)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&o->bound;
	struct sockaddr_in *in = (struct sockaddr_in *)&o->bound;
	socklen_t len = sizeof(o->bound);

	o->v6only = option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	o->reuseaddr = option_of(fd, SOL_SOCKET, SO_REUSEADDR);
	o->reuseport = option_of(fd, SOL_SOCKET, SO_REUSEPORT);
	o->is_bound = !getsockname(fd, (struct sockaddr *)&o->bound, &len);
	/* A port of the kernel's choice is another each time, and so is an abstract name. */
	if (o->bound.ss_family == AF_INET6 && ntohs(in6->sin6_port) >= EPHEMERAL)
		in6->sin6_port = 0xffff;
	else if (o->bound.ss_family == AF_INET && ntohs(in->sin_port) >= EPHEMERAL)
		in->sin_port = 0xffff;
	else if (o->bound.ss_family != AF_INET6 && o->bound.ss_family != AF_INET)
		memset(&o->bound, 0, sizeof(o->bound));
}

static int look_up(const struct step *s, const struct calls *calls, struct outcome *o)
{
	struct addrinfo hints = {
		.ai_family = s->domain, .ai_socktype = s->type, .ai_flags = s->flags};
	struct addrinfo *list = NULL;
	int result = calls->getaddrinfo(NULL, *s->service ? s->service : NULL, &hints, &list);

	for (struct addrinfo *a = list; !result && a && o->count < 16; a = a->ai_next, o->count++) {
		o->list[o->count].family = a->ai_family;
		o->list[o->count].type = a->ai_socktype;
		o->list[o->count].protocol = a->ai_protocol;
		memcpy(&o->list[o->count].address, a->ai_addr, a->ai_addrlen);
	}
	if (!result)
		freeaddrinfo(list);
	return result;
}

/* Makes room for a new descriptor. */
static int *emptied(int *slot)
{
	if (*slot >= 0)
		close(*slot);
	errno = UNTOUCHED;
	return slot;
}

static int perform(
	const struct step *s, const struct calls *calls, int *slots, int fd, struct outcome *o)
{
	errno = UNTOUCHED;
	switch (s->operation) {
	case SOCKET:
		return *emptied(&slots[s->slot]) = calls->socket(s->domain, s->type, s->protocol);
	case SETSOCKOPT:
		return calls->setsockopt(fd, s->level, s->name, s->pointer, s->len);
	case BIND:
		return calls->bind(fd, s->pointer, s->len);
	case LISTEN:
		return calls->listen(fd, s->backlog);
	case DUP:
		return *emptied(&slots[s->to]) = dup(fd);
	case CLOSE:
		if (!s->odd)
			slots[s->slot] = -1;
		return close(fd);
	default:
		return look_up(s, calls, o);
	}
}

static void run(const struct step *steps, unsigned count, const struct calls *calls,
	struct outcome *outcomes)
{
	int slots[SLOTS];

	memset(slots, -1, sizeof(slots));
	for (unsigned i = 0; i < count; i++) {
		const struct step *s = &steps[i];
		struct outcome *o = &outcomes[i];
		int fd = s->odd ? s->odd : slots[s->slot];

		memset(o, 0, sizeof(*o));
		o->was_v6only = option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY);
		o->was_reuseport = option_of(fd, SOL_SOCKET, SO_REUSEPORT);
		/* What must not be closed is not. */
		if (s->operation == CLOSE && s->odd == OTHER_FD)
			continue;
		o->result = perform(s, calls, slots, fd, o);
		o->error = errno;
		if (s->operation != GETADDRINFO)
			CHECK(o->result < 0 || o->error == UNTOUCHED);
		look(s->operation == SOCKET ? o->result : fd, o);
	}
	for (unsigned i = 0; i < SLOTS; i++)
		if (slots[i] >= 0)
			close(slots[i]);
}

/* ---- and both compared */

static void tell(unsigned i, const struct step *s, const struct outcome *o, const char *which)
{
	static const char *const names[OPERATIONS] = {
		"socket", "setsockopt", "bind", "listen", "dup", "close", "getaddrinfo"};

	fprintf(stderr,
		"step %u %s: %s slot %u odd %d domain %d type %d proto %d level %d name %d len %u: "
		"%d %s v6only %d -> %d reuseport %d -> %d\n",
		i, which, names[s->operation], s->slot, s->odd, s->domain, s->type, s->protocol,
		s->level, s->name, s->len, o->result, o->result < 0 ? strerror(o->error) : "",
		o->was_v6only, o->v6only, o->was_reuseport, o->reuseport);
}

static bool same_result(const struct outcome *bare, const struct outcome *shim)
{
	return bare->result == shim->result && bare->error == shim->error;
}

/* In no way to be told apart. */
static bool same(const struct outcome *bare, const struct outcome *shim)
{
	return same_result(bare, shim) && bare->v6only == shim->v6only &&
	       bare->reuseaddr == shim->reuseaddr && bare->reuseport == shim->reuseport &&
	       bare->is_bound == shim->is_bound &&
	       !memcmp(&bare->bound, &shim->bound, sizeof(bare->bound)) &&
	       bare->count == shim->count && !memcmp(bare->list, shim->list, sizeof(bare->list));
}

/* A policy may make a call succeed, and a `deny` may make one fail; nothing else parts the runs. */
static bool lawful(bool binds, const struct outcome *bare, const struct outcome *shim)
{
	if (shim->result < 0 && shim->error == DENIED)
		return true;
	return binds && bare->result < 0 && bare->error == EADDRINUSE && shim->result >= 0;
}

static void compare(const struct step *steps, unsigned count, bool transparent,
	const struct outcome *bare, const struct outcome *shim)
{
	bool together = true;

	for (unsigned i = 0; i < count; i++) {
		const struct outcome *o = &shim[i];
		bool binds = steps[i].operation == BIND || steps[i].operation == LISTEN;
		bool fine = !binds || o->result >= 0 ||
			    (o->v6only == o->was_v6only && o->reuseport == o->was_reuseport);

		if (transparent) {
			fine = fine && same(&bare[i], o);
		} else if (together) {
			together = same_result(&bare[i], o);
			fine = fine && (together || lawful(binds, &bare[i], o));
		}
		/* For whoever looks at a crash: the whole of both runs up to there. */
		for (unsigned j = 0; !fine && j <= i; j++) {
			tell(j, &steps[j], &bare[j], "bare");
			tell(j, &steps[j], &shim[j], "shim");
		}
		CHECK(fine);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct outcome bare[STEPS], shim[STEPS];
	static struct step steps[STEPS];
	struct fuzz_input in = {data, size};
	unsigned configuration = fuzz_byte(&in) % CONFIGURATIONS, count = 0;
	bool transparent = configurations[configuration].transparent;

	while (in.left && count < STEPS)
		take_step(&in, &steps[count++], transparent);
	run(steps, count, &bare_calls, bare);
	run(steps, count, &shim_calls[configuration], shim);
	compare(steps, count, transparent, bare, shim);
	for (unsigned i = 0; i < count; i++)
		free(steps[i].memory);
	return 0;
}
