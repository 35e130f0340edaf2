/*
 * oracle.h - the programs that oracle.c tries, and what carries one out.
 *
 * A worker is a process of its own, with the library or without; it makes one program after another
 * as its standard input asks, a byte each, and answers with a byte. All else is in the memory that it
 * shares with who asks. The processes of a program are the worker and up to two that it forks, and
 * each takes its steps only when it is told to: the order is that of the program, whatever runs it.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "common.h"
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { STEPS = 32, SLOTS = 6, PROCESSES = 3, LOG_FD = 900, SHARED_FD = 901, PIPE_FD = 902 };
enum { RUN_S = 3, NOT_MADE = -1, UNKNOWN = -1 };

/* Sockets are named by the slot of the process that they lie in; a fork has them in the same slots. */
enum operation {
	SOCKET, /* arg: of kinds[] */
	V6ONLY, /* arg: the value; also of the next two */
	REUSEADDR,
	REUSEPORT,
	DEVICE, /* arg: of devices[] */
	BIND,   /* arg: of addresses[]; port */
	LISTEN,
	DUP, /* arg: the slot that gets the duplicate; the same: another number for the socket */
	CLOSE,
	FORK,    /* arg: the process that begins; port: of enum character */
	CONNECT, /* to a port where nobody is: a datagram socket is connected, a stream is refused */
	ACCEPT,  /* arg: the slot that gets the connection */
	RESET,   /* the peer of the connection in slot resets it */
	TIMEWAIT, /* the connection in slot is closed, this side first */
	OPERATIONS
};

enum character { SIBLING, OUTSIDE = 1 /* the library does not see its calls */, OTHER_USER = 2 };

/* PORT_ZERO: the kernel chooses; PORT_OF + slot: that of the socket in slot. */
enum { PORT_A, PORT_B, PORT_ZERO, PORT_OF };

static const struct {
	const char *name;
	int family, type, protocol;
} kinds[] = {{"tcp6", AF_INET6, SOCK_STREAM, 0}, {"tcp4", AF_INET, SOCK_STREAM, 0},
	{"udp6", AF_INET6, SOCK_DGRAM, 0}, {"udp4", AF_INET, SOCK_DGRAM, 0},
	{"mptcp6", AF_INET6, SOCK_STREAM, IPPROTO_MPTCP},
	{"mptcp4", AF_INET, SOCK_STREAM, IPPROTO_MPTCP}};

static const char *const devices[] = {"t0", "t1", "lo"};

/* The first FIRST_INET6 for AF_INET sockets. */
enum { FIRST_INET6 = 3, WILDCARD = FIRST_INET6, FIRST_MAPPED = 5 };
static const char *const addresses[] = {
	"0.0.0.0", "127.0.0.1", "127.0.0.2", "::", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0"};

struct step {
	unsigned char operation, process, slot, arg, port;
};

struct program {
	unsigned count;
	struct step steps[STEPS];
};

enum action { NO_ACTION, SPLIT, SHARE, YIELD };

/* What came of a step. The rest is of bind and listen alone. */
struct result {
	int error;          /* 0, an errno, or NOT_MADE */
	int first;          /* what the first attempt gave */
	int v6only[2];      /* of the socket, before and after; UNKNOWN where it has none */
	unsigned shared[2]; /* a bit for each slot of the process whose SO_REUSEPORT is 1 */
	enum action action; /* of the records that the call left */
};

/* How V6ONLY is set, bare, before a bind: as the program has it, as the policy would, or on every `::`. */
enum way { AS_IT_IS, AS_POLICY, APART };

struct policy {
	const char *name;
	bool forced;
	int value; /* UNKNOWN: none */
};

static struct shared {
	struct program program;
	unsigned port; /* of PORT_A; the next is PORT_B's */
	bool replay;   /* bare, and as far as it can be in the state that `shim` left */
	enum way way;
	struct policy policy;
	unsigned skip;   /* steps that are not made */
	unsigned loosen; /* before this step V6ONLY is 1 where it is so in `shim` */
	struct result shim[STEPS], result[STEPS];
	off_t log; /* how much of it was read */
} * shared;

static struct {
	int fd[SLOTS], peer[SLOTS];
	unsigned me, character;
	int child[PROCESSES];
} self;

static int option(int fd, int level, int name)
{
	int value;
	socklen_t size = sizeof(value);

	return getsockopt(fd, level, name, &value, &size) < 0 ? UNKNOWN : value;
}

static int put_option(int fd, int level, int name, int value)
{
	if (self.character & OUTSIDE)
		return (int)syscall(SYS_setsockopt, fd, level, name, &value, sizeof(value));
	return setsockopt(fd, level, name, &value, sizeof(value));
}

/* Closing resets a connection: nothing stays for the next program. */
static void close_at_once(int *fd)
{
	struct linger at_once = {.l_onoff = 1};

	if (*fd < 0)
		return;
	setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(*fd);
	*fd = -1;
}

static unsigned shared_slots(void)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		if (self.fd[i] >= 0 && option(self.fd[i], SOL_SOCKET, SO_REUSEPORT) == 1)
			bits |= 1u << i;
	return bits;
}

static int v6only_of(int fd)
{
	int value = option(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET6
			    ? option(fd, IPPROTO_IPV6, IPV6_V6ONLY)
			    : UNKNOWN;

	return value;
}

static unsigned make_port(unsigned port)
{
	if (port <= PORT_B)
		return shared->port + port;
	return port == PORT_ZERO ? 0 : local_port(self.fd[port - PORT_OF]);
}

/* DESIGN.md 1.2: a bind to `::` with a port, of a stream with SO_REUSEADDR without one as well, and the
 * first listen of a stream that was never bound. */
static bool is_governed(const struct step *s, int fd)
{
	if (option(fd, SOL_SOCKET, SO_DOMAIN) != AF_INET6)
		return false;
	if (s->operation == LISTEN)
		return local_port(fd) == 0;
	return s->arg == WILDCARD &&
	       (make_port(s->port) != 0 || (option(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
						   option(fd, SOL_SOCKET, SO_REUSEADDR) == 1));
}

static int call(const struct step *s, int fd)
{
	union address address;
	socklen_t size;

	if (s->operation == LISTEN)
		return (self.character & OUTSIDE ? (int)syscall(SYS_listen, fd, 8)
						 : listen(fd, 8)) < 0
			       ? errno
			       : 0;
	size = make_address(&address, s->arg < FIRST_INET6 ? AF_INET : AF_INET6, addresses[s->arg],
		make_port(s->port));
	if (self.character & OUTSIDE)
		return syscall(SYS_bind, fd, &address, size) < 0 ? errno : 0;
	return bind(fd, &address.any, size) < 0 ? errno : 0;
}

/* What V6ONLY is to be before the call; UNKNOWN: as it is. */
static int wanted(const struct step *s, const struct result *shim, int fd)
{
	bool wildcard = s->operation == BIND && s->arg == WILDCARD;

	if (shared->way == APART)
		return wildcard || s->operation == LISTEN ? 1 : UNKNOWN;
	if (shim->error == 0 && shim->v6only[1] == 1 && wildcard &&
		(unsigned)(s - shared->program.steps) < shared->loosen)
		return 1;
	if (shared->way != AS_POLICY || self.character & OUTSIDE || !is_governed(s, fd))
		return UNKNOWN;
	if (shim->error == 0 && (shim->action == SPLIT || shim->action == YIELD))
		return shim->v6only[1];
	return shared->policy.forced ? shared->policy.value : UNKNOWN;
}

static void bind_or_listen(const struct step *s, int fd, struct result *r)
{
	const struct result *shim = &shared->shim[s - shared->program.steps];
	int want = shared->replay ? wanted(s, shim, fd) : UNKNOWN;

	if (want != UNKNOWN && v6only_of(fd) != UNKNOWN && local_port(fd) == 0)
		put_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, want);
	r->v6only[0] = v6only_of(fd);
	r->shared[0] = shared_slots();
	r->first = r->error = call(s, fd);
	if (shared->replay && r->error != 0 && shim->error == 0 && shared->way != APART) {
		if (shim->v6only[1] != UNKNOWN)
			put_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, shim->v6only[1]);
		for (unsigned i = 0; i < SLOTS; i++)
			if (self.fd[i] >= 0 && shim->shared[1] >> i & 1)
				put_option(self.fd[i], SOL_SOCKET, SO_REUSEPORT, 1);
		r->error = call(s, fd);
	}
	r->v6only[1] = v6only_of(fd);
	r->shared[1] = shared_slots();
}

static int make_socket(const struct step *s)
{
	int domain = kinds[s->arg].family, type = kinds[s->arg].type,
	    protocol = kinds[s->arg].protocol, fd;

	close_at_once(&self.fd[s->slot]);
	close_at_once(&self.peer[s->slot]);
	fd = self.character & OUTSIDE ? (int)syscall(SYS_socket, domain, type, protocol)
				      : socket(domain, type, protocol);
	self.fd[s->slot] = fd;
	if (fd < 0)
		return errno;
	if (shared->replay && shared->way == AS_POLICY && domain == AF_INET6 &&
		!(self.character & OUTSIDE) && !shared->policy.forced &&
		shared->policy.value != UNKNOWN)
		put_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, shared->policy.value);
	return 0;
}

/* A client of the same family connects. Nobody but the one listener may get it, or the step is not made. */
static int accept_one(const struct step *s, int fd)
{
	struct timeval patience = {.tv_usec = 100000};
	union address address = {0};
	socklen_t size = sizeof(address);
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int client, error = 0;

	if (option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1)
		return EINVAL;
	getsockname(fd, &address.any, &size);
	client = (int)syscall(SYS_socket, address.any.sa_family, SOCK_STREAM, 0);
	setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(client, &address.any, size) < 0)
		error = errno;
	else if (poll(&ready, 1, 20) != 1)
		error = EAGAIN;
	if (error != 0) {
		close_at_once(&client);
		return error;
	}
	close_at_once(&self.fd[s->arg]);
	close_at_once(&self.peer[s->arg]);
	self.fd[s->arg] = accept(fd, NULL, NULL);
	self.peer[s->arg] = client;
	return self.fd[s->arg] < 0 ? errno : 0;
}

static void take_turns(int from);

static int fork_process(const struct step *s)
{
	int go[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, go) < 0)
		return errno;
	if (fork() == 0) {
		self.me = s->arg;
		self.character = s->port;
		alarm(RUN_S);
		close(go[0]);
		if (self.character & OTHER_USER && seteuid(1) < 0)
			self.character &= ~(unsigned)OTHER_USER;
		take_turns(go[1]);
		_exit(0);
	}
	close(go[1]);
	/* Out of the way: the sockets of a program have the same numbers in every run. */
	self.child[s->arg] = fcntl(go[0], F_DUPFD_CLOEXEC, PIPE_FD);
	close(go[0]);
	return 0;
}

static int duplicate(const struct step *s, int fd)
{
	int copy = dup(fd);

	if (copy < 0)
		return errno;
	close_at_once(&self.peer[s->arg]);
	if (self.fd[s->arg] >= 0)
		close(self.fd[s->arg]);
	self.fd[s->arg] = copy;
	return 0;
}

static int nobody(int fd)
{
	union address address;
	int family = option(fd, SOL_SOCKET, SO_DOMAIN);
	socklen_t size = make_address(&address, family, family == AF_INET ? "127.0.0.1" : "::1", 9);

	int error;

	/* By a device that leads nowhere it would wait. */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	error = connect(fd, &address.any, size) < 0 ? errno : 0;
	fcntl(fd, F_SETFL, 0);
	return error;
}

static int simple_step(const struct step *s, int fd)
{
	switch ((enum operation)s->operation) {
	case V6ONLY:
		return put_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, s->arg) < 0 ? errno : 0;
	case REUSEADDR:
		return put_option(fd, SOL_SOCKET, SO_REUSEADDR, s->arg) < 0 ? errno : 0;
	case REUSEPORT:
		return put_option(fd, SOL_SOCKET, SO_REUSEPORT, s->arg) < 0 ? errno : 0;
	case DEVICE:
		return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, devices[s->arg],
			       (socklen_t)strlen(devices[s->arg])) < 0
			       ? errno
			       : 0;
	case DUP:
		return duplicate(s, fd);
	case CONNECT:
		return nobody(fd);
	case ACCEPT:
		return accept_one(s, fd);
	case RESET:
		close_at_once(&self.peer[s->slot]);
		return 0;
	case TIMEWAIT:
		if (self.peer[s->slot] >= 0) {
			close(fd);
			self.fd[s->slot] = -1;
			close(self.peer[s->slot]);
			self.peer[s->slot] = -1;
		}
		return 0;
	default:
		close_at_once(&self.peer[s->slot]);
		close(fd);
		self.fd[s->slot] = -1;
		return 0;
	}
}

/* Of the records that the library wrote since it was asked last. */
static enum action read_log(void)
{
	char text[16384];
	ssize_t size = pread(LOG_FD, text, sizeof(text) - 1, shared->log);

	if (size <= 0)
		return NO_ACTION;
	shared->log += size;
	text[size] = '\0';
	return strstr(text, "\"action\":\"split\"")   ? SPLIT
	       : strstr(text, "\"action\":\"share\"") ? SHARE
	       : strstr(text, "\"action\":\"yield\"") ? YIELD
						      : NO_ACTION;
}

static void take_step(unsigned i)
{
	const struct step *s = &shared->program.steps[i];
	struct result *r = &shared->result[i];
	int fd = self.fd[s->slot];
	bool asks = s->operation == BIND || s->operation == LISTEN;

	if (shared->skip >> i & 1)
		return;
	if (s->operation == FORK)
		r->error = fork_process(s);
	else if (s->operation == SOCKET)
		r->error = make_socket(s);
	else if (fd >= 0 && asks)
		bind_or_listen(s, fd, r);
	else if (fd >= 0)
		r->error = simple_step(s, fd);
	if (asks && !shared->replay)
		r->action = read_log();
}

/* One step for each byte that says which, until there is no more. */
static void take_turns(int from)
{
	unsigned char turn;

	while (read(from, &turn, 1) == 1) {
		take_step(turn);
		if (write(from, &turn, 1) != 1)
			break;
	}
}

static bool give_turn(int child, unsigned i)
{
	unsigned char turn = (unsigned char)i;

	return write(child, &turn, 1) == 1 && read(child, &turn, 1) == 1;
}

static bool run_program(void)
{
	bool fine = true;

	for (unsigned i = 0; i < SLOTS; i++)
		self.fd[i] = self.peer[i] = -1;
	for (unsigned i = 0; i < PROCESSES; i++)
		self.child[i] = -1;
	for (unsigned i = 0; i < STEPS; i++)
		shared->result[i] =
			(struct result){NOT_MADE, NOT_MADE, {UNKNOWN, UNKNOWN}, {0, 0}, NO_ACTION};
	read_log();
	for (unsigned i = 0; fine && i < shared->program.count; i++) {
		unsigned who = shared->program.steps[i].process;

		if (who == 0)
			take_step(i);
		else if (self.child[who] >= 0)
			fine = give_turn(self.child[who], i);
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		close_at_once(&self.fd[i]);
		close_at_once(&self.peer[i]);
	}
	for (unsigned i = 1; i < PROCESSES; i++)
		if (self.child[i] >= 0)
			close(self.child[i]);
	while (wait(NULL) > 0)
		;
	return fine;
}

/* Under a setting, or bare: one program for each byte of standard input. */
static int work(void)
{
	char byte;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD, 0);
	if (shared == MAP_FAILED)
		fail("oracle", "mmap");
	while (read(0, &byte, 1) == 1) {
		alarm(RUN_S);
		if (!run_program() || write(1, &byte, 1) != 1)
			return 1;
		alarm(0);
	}
	return 0;
}

#endif
