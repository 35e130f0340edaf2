/*
 * drive - makes the socket calls that its arguments name, one after another, and says what came of
 * each. An unmodified program, as any server.
 *
 * usage: drive [fd=N] STEP... [-- COMMAND [ARG...]]
 *
 * A step is one argument of a few words. Sockets have names of one letter: a step that begins with
 * one takes that socket in hand, which is `a` at first, with fd=N that descriptor; one that does
 * not is for the socket in hand.
 *
 *	socket KIND             tcp4, tcp6, udp4, udp6, mptcp4, mptcp6, raw4, raw6, unix
 *	v6only WHAT             set IPV6_V6ONLY to 0, 1, 2; long-0 and long-1 are 8 bytes, short-0 is 3;
 *	                        null; unreadable is a pointer to nothing
 *	reuseaddr, reuseport, nodelay [0]
 *	device NAME             SO_BINDTODEVICE
 *	bind ADDRESS PORT       a stream to `::` and 0 with SO_REUSEADDR, as servers do; with the word
 *	                        client after them without; without words: an AF_UNIX socket, to a name
 *	                        that the kernel chooses
 *	sysbind ADDRESS PORT    the same by syscall(2), past what wraps bind()
 *	listen, close
 *	connect ADDRESS PORT
 *	send [ADDRESS PORT]     a word, to who is connected, or there
 *	hear NAME               that server gets the word, answers, and the answer arrives
 *	get, port               IPV6_V6ONLY by getsockopt; the port by getsockname
 *	serves                  the same, and the families whose clients get in: "0/46"
 *	dup [NAME]              NAME is another descriptor of the socket; without: and the old one is
 *	                        closed
 *	pass                    by SCM_RIGHTS to itself, and the old one is closed
 *	accept ADDRESS          a client connects to it there; both ends stay open
 *	dead ADDRESS            as accept, and the client resets: its end stays open
 *	timewait ADDRESS        as accept, and this side closes first: its end is left in TIME_WAIT
 *	talk ADDRESS            a child connects to it there and prints "client got N bytes" at the end;
 *	                        the socket is the connection from here on
 *	put N[,N...]            it is at these descriptors, and at no other; last of all where 1 is one
 *
 * These are not for one socket:
 *
 *	show                    all that are open: NAME=V6ONLY/SO_REUSEPORT
 *	who tcp|udp ADDRESS PORT  the name of the socket that gets that client, or "nobody"
 *	resolve                 the families of getaddrinfo(NULL, "4321", AI_PASSIVE) for streams
 *	lookup [-46cpsu] [-n NODE] [SERVICE]    the list of getaddrinfo: -p AI_PASSIVE, -c
 *	                        AI_CANONNAME, -s and -u streams and datagrams alone; entries parted by
 *	                        ", ": "inet tcp stream 0.0.0.0 4321"
 *	others N [open]         N other IPv6 sockets, one after another: V6ONLY set to 0, and closed; or they stay
 *	reset                   closes all, and a is in hand
 *	uid N                   the effective user id from here on
 *	activate N              LISTEN_FDS=N and LISTEN_PID for COMMAND (sd_listen_fds(3))
 *	fork, vfork, thread     a child, or a thread, takes the steps that follow; this waits for it
 *	exec                    the program executes itself anew for the steps that follow
 *	wait                    until a signal ends it
 *	serve                   each client of each socket is told "ipv4" or "ipv6", the family of its
 *	                        address (v4-mapped is ipv4), until SIGTERM, which is success
 *
 * Each prints one line by one write(2) after it was made: the step, and "ok", the name of the error,
 * or what was asked for; of socket "fd N"; of v6only, bind and listen "errno changed" where a success
 * did that. wait and serve print "ready". A socket whose bind failed
 * is not listened on nor served, which is a "-".
 *
 * The steps of one call make no other system call than that and the write, so that a trace can be
 * cut at the lines. Clients are made by syscall(2): what wraps socket() has no part in them.
 *
 * Exit status: 0 when all steps were made, whatever came of them; 1 when one could not be, or there
 * was nothing to serve; 2 for bad usage. It ends after a minute, but with serve.
 */
#include "common.h"
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { NAMES = 26, WORDS = 9, LONGEST = 200, WHOLE_RUN_S = 60, PATIENCE_MS = 1000, HIGH = 100 };

struct named {
	int fd; /* -1 where it is not open */
	int family, type;
	int listens, refused; /* refused: its last bind failed */
};

static struct named sockets[NAMES], *hand = sockets;
static char *self, **rest; /* the steps that follow */
static char said[4096];

static void usage(const char *step)
{
	fprintf(stderr, "drive: not a step: %s\n", step);
	exit(2);
}

static const char *number(const char *before, long value)
{
	snprintf(said, sizeof(said), "%s%ld", before, value);
	return said;
}

static struct named *by_name(const char *word)
{
	if (word == NULL || word[0] < 'a' || word[0] > 'z' || word[1] != '\0')
		return NULL;
	return &sockets[word[0] - 'a'];
}

static int family_of(const char *address)
{
	return strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
}

/* The address and port of two words; 0 where they are none. */
static socklen_t read_address(union address *address, char **words)
{
	if (words[0] == NULL || words[1] == NULL)
		return 0;
	return make_address(address, family_of(words[0]), words[0], (unsigned)atoi(words[1]));
}

/* --- Steps on the socket in hand: each takes the words that follow, at least as many as the table
 * of them says, and returns what is printed, NULL for what is no step. --- */

#define STEP(name) static const char *do_##name(__attribute__((unused)) char **words)

STEP(socket)
{
	static const struct {
		const char *name;
		int family, type, protocol;
	} kinds[] = {{"tcp4", AF_INET, SOCK_STREAM, 0}, {"tcp6", AF_INET6, SOCK_STREAM, 0},
		{"udp4", AF_INET, SOCK_DGRAM, 0}, {"udp6", AF_INET6, SOCK_DGRAM, 0},
		{"raw4", AF_INET, SOCK_RAW, IPPROTO_UDP}, {"raw6", AF_INET6, SOCK_RAW, IPPROTO_UDP},
		{"mptcp4", AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
		{"mptcp6", AF_INET6, SOCK_STREAM, IPPROTO_MPTCP},
		{"unix", AF_UNIX, SOCK_STREAM, 0}};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(words[0], kinds[i].name) == 0) {
			*hand = (struct named){.family = kinds[i].family, .type = kinds[i].type};
			hand->fd = socket(kinds[i].family, kinds[i].type, kinds[i].protocol);
			return hand->fd < 0 ? outcome(-1) : number("fd ", hand->fd);
		}
	return NULL;
}

enum { UNTOUCHED = 4000 }; /* in errno before a call; no error has this number */

/* Of a call that leaves errno as it was where it succeeds. */
static const char *outcome_and_errno(int result)
{
	return result >= 0 && errno != UNTOUCHED ? "errno changed" : outcome(result);
}

STEP(v6only)
{
	static const int zero[2] = {0, 0}, one[2] = {1, 0}, two = 2;
	static const struct {
		const char *name;
		const void *value;
		socklen_t size;
	} whats[] = {{"0", zero, 4}, {"1", one, 4}, {"2", &two, 4}, {"long-0", zero, 8},
		{"long-1", one, 8}, {"short-0", zero, 3}, {"null", NULL, 4},
		{"unreadable", (const void *)1, 4}};

	errno = UNTOUCHED;
	for (size_t i = 0; i < COUNT(whats); i++)
		if (strcmp(words[0], whats[i].name) == 0)
			return outcome_and_errno(setsockopt(hand->fd, IPPROTO_IPV6, IPV6_V6ONLY,
				whats[i].value, whats[i].size));
	return NULL;
}

static const char *switch_on(int level, int option, char **words)
{
	int on = words[0] == NULL || strcmp(words[0], "0") != 0;

	return outcome(setsockopt(hand->fd, level, option, &on, sizeof(on)));
}

STEP(reuseaddr)
{
	return switch_on(SOL_SOCKET, SO_REUSEADDR, words);
}

STEP(reuseport)
{
	return switch_on(SOL_SOCKET, SO_REUSEPORT, words);
}

STEP(nodelay)
{
	return switch_on(IPPROTO_TCP, TCP_NODELAY, words);
}

STEP(device)
{
	return outcome(setsockopt(
		hand->fd, SOL_SOCKET, SO_BINDTODEVICE, words[0], (socklen_t)strlen(words[0]) + 1));
}

STEP(bind)
{
	union address address;
	socklen_t size = sizeof(address.any.sa_family);
	int result;

	/* unix(7), Autobind feature: the family alone. */
	address.any.sa_family = AF_UNIX;
	if (words[0] != NULL && (size = read_address(&address, words)) == 0)
		return NULL;
	if (words[0] != NULL && words[2] == NULL && hand->type == SOCK_STREAM &&
		strcmp(words[0], "::") == 0 && strcmp(words[1], "0") == 0)
		switch_on(SOL_SOCKET, SO_REUSEADDR, words);
	errno = UNTOUCHED;
	result = bind(hand->fd, &address.any, size);
	hand->refused = result < 0;
	return outcome_and_errno(result);
}

STEP(sysbind)
{
	union address address;
	socklen_t size = read_address(&address, words);

	if (size == 0)
		return NULL;
	return outcome((int)syscall(SYS_bind, hand->fd, &address.any, size));
}

STEP(listen)
{
	int result;

	if (hand->refused)
		return "-";
	errno = UNTOUCHED;
	result = listen(hand->fd, 64);
	hand->listens = result == 0;
	return outcome_and_errno(result);
}

/* The number stays, so that what comes after on a descriptor that is closed is EBADF. */
STEP(close)
{
	int result = close(hand->fd);

	hand->listens = 0;
	hand->type = -1;
	return outcome(result);
}

STEP(connect)
{
	union address address;
	socklen_t size = read_address(&address, words);

	return size == 0 ? NULL : outcome(connect(hand->fd, &address.any, size));
}

STEP(send)
{
	union address to;
	socklen_t size = read_address(&to, words);
	ssize_t sent = sendto(hand->fd, "ping", 4, MSG_NOSIGNAL, size ? &to.any : NULL, size);

	return outcome(sent < 0 ? -1 : 0);
}

STEP(hear)
{
	const struct named *server = by_name(words[0]);
	union address peer;
	socklen_t size = sizeof(peer);
	char ping[5] = "", pong[5] = "";
	int fd;

	if (server == NULL)
		return NULL;
	limit_waits(server->fd);
	limit_waits(hand->fd);
	fd = server->type == SOCK_STREAM ? accept(server->fd, NULL, NULL) : server->fd;
	if (recvfrom(fd, ping, 4, 0, &peer.any, &size) < 0 ||
		sendto(fd, "pong", 4, MSG_NOSIGNAL, server->type == SOCK_STREAM ? NULL : &peer.any,
			server->type == SOCK_STREAM ? 0 : size) < 0 ||
		recv(hand->fd, pong, 4, 0) < 0)
		return outcome(-1);
	if (server->type == SOCK_STREAM) {
		leave_no_trace(fd);
		close(fd);
	}
	return strcmp(ping, "ping") == 0 && strcmp(pong, "pong") == 0 ? "ok" : "differs";
}

STEP(get)
{
	return v6only(hand->fd);
}

STEP(port)
{
	return number("", local_port(hand->fd));
}

STEP(dup)
{
	struct named *copy = words[0] != NULL ? by_name(words[0]) : hand;
	int fd = dup(hand->fd);

	if (copy == NULL || fd < 0)
		return copy == NULL ? NULL : outcome(fd);
	if (copy == hand)
		close(hand->fd);
	*copy = *hand;
	copy->fd = fd;
	return "ok";
}

STEP(pass)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.align = {.cmsg_len = CMSG_LEN(sizeof(int)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS}};
	char byte = 'x';
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	int ends[2];

	memcpy(CMSG_DATA(&control.align), &hand->fd, sizeof(int));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || sendmsg(ends[0], &message, 0) != 1)
		fail("drive", "sendmsg");
	close(hand->fd);
	if (recvmsg(ends[1], &message, 0) != 1 || message.msg_controllen < sizeof(control.align))
		fail("drive", "recvmsg");
	memcpy(&hand->fd, CMSG_DATA(&control.align), sizeof(int));
	close(ends[0]);
	close(ends[1]);
	return "ok";
}

STEP(put)
{
	char *state, *word = strtok_r(words[0], ",", &state);
	/* Out of the way of the numbers that are wanted. */
	int high = fcntl(hand->fd, F_DUPFD, HIGH);

	if (word == NULL || high < 0)
		return word == NULL ? NULL : outcome(high);
	/* Standard output may be among them. */
	printf("put: ok\n");
	close(hand->fd);
	for (; word != NULL; word = strtok_r(NULL, ",", &state))
		hand->fd = dup2(high, atoi(word));
	close(high);
	return "";
}

/* --- Clients --- */

static int new_client(int family, int type)
{
	int fd = (int)syscall(SYS_socket, family, type, 0);

	limit_waits(fd);
	return fd;
}

/* Connects a client to the socket in hand; ends are its own, and that of the server. */
static int connect_through(const char *address, int *ends)
{
	ends[0] = new_client(family_of(address), SOCK_STREAM);
	limit_waits(hand->fd);
	if (connect_to(ends[0], family_of(address), address, local_port(hand->fd)) < 0)
		return -1;
	ends[1] = accept(hand->fd, NULL, NULL);
	return ends[1];
}

STEP(accept)
{
	int ends[2], result = connect_through(words[0], ends);

	for (int i = 0; result >= 0 && i < 2; i++)
		leave_no_trace(ends[i]);
	return outcome(result);
}

/* The end of `closer`, 0 the client's, is closed; what the other then reads has come. */
static const char *close_end(const char *address, int closer)
{
	int ends[2];
	char byte;

	if (connect_through(address, ends) < 0)
		return outcome(-1);
	if (closer == 0)
		leave_no_trace(ends[0]);
	close(ends[closer]);
	if (recv(ends[!closer], &byte, 1, 0) < 0)
		return closer == 0 && errno == ECONNRESET ? "ok" : outcome(-1);
	/* The end of the stream: the server's side waits in FIN_WAIT for the client's. */
	return closer == 0 ? "differs" : outcome(close(ends[0]));
}

STEP(dead)
{
	return close_end(words[0], 0);
}

STEP(timewait)
{
	return close_end(words[0], 1);
}

STEP(talk)
{
	long bytes = 0;
	char some[512];
	ssize_t n;
	pid_t child;
	int fd;

	child = fork();
	if (child == 0) {
		fd = new_client(family_of(words[0]), SOCK_STREAM);
		if (connect_to(fd, family_of(words[0]), words[0], local_port(hand->fd)) < 0)
			fail("drive", "connect");
		close(hand->fd);
		while ((n = read(fd, some, sizeof(some))) > 0)
			bytes += n;
		printf("client got %ld bytes\n", bytes);
		fflush(stdout);
		_exit(0);
	}
	limit_waits(hand->fd);
	fd = accept(hand->fd, NULL, NULL);
	close(hand->fd);
	hand->fd = fd;
	return outcome(fd);
}

static int may_serve(const struct named *s)
{
	return s->fd >= 0 && !s->refused && (s->type == SOCK_DGRAM || s->listens);
}

static const char *receiver(int client, int type)
{
	static char name[2];
	struct pollfd polls[NAMES + 1];

	for (int i = 0; i < NAMES; i++)
		polls[i] = (struct pollfd){.events = POLLIN,
			.fd = may_serve(&sockets[i]) && sockets[i].type == type ? sockets[i].fd
										: -1};
	/* The client itself hears when a datagram was for nobody. */
	polls[NAMES] = (struct pollfd){.fd = client};
	while (poll(polls, NAMES + 1, PATIENCE_MS) > 0) {
		for (int i = 0; i < NAMES; i++)
			if (polls[i].revents & POLLIN &&
				came_from(sockets[i].fd, type, local_port(client))) {
				name[0] = (char)('a' + i);
				return name;
			}
		if (polls[NAMES].revents & POLLERR)
			break;
	}
	return "nobody";
}

static const char *who_gets(int type, const char *address, unsigned port)
{
	int client = new_client(family_of(address), type);
	const char *name;

	if (type == SOCK_STREAM)
		leave_no_trace(client);
	if (connect_to(client, family_of(address), address, port) < 0)
		name = errno == ECONNREFUSED ? "nobody" : outcome(-1);
	else if (type == SOCK_DGRAM && send(client, "?", 1, MSG_NOSIGNAL) < 0)
		name = outcome(-1);
	else
		name = receiver(client, type);
	close(client);
	return name;
}

STEP(who)
{
	return who_gets(strcmp(words[0], "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM, words[1],
		(unsigned)atoi(words[2]));
}

STEP(serves)
{
	static const char *const addresses[] = {"127.0.0.1", "::1"};
	size_t used;

	if (!may_serve(hand))
		return "-";
	used = (size_t)snprintf(
		said, sizeof(said), "%s/", hand->family == AF_INET6 ? v6only(hand->fd) : "-");
	for (size_t i = 0; i < COUNT(addresses); i++) {
		const char *name = who_gets(hand->type, addresses[i], local_port(hand->fd));

		if (by_name(name) == hand)
			said[used++] = "46"[i];
		else if (strcmp(name, "nobody") != 0)
			used += (size_t)snprintf(said + used, sizeof(said) - used, "[%s]", name);
	}
	said[used] = '\0';
	return said;
}

/* --- Steps on all of them --- */

STEP(show)
{
	size_t used = 0;

	said[0] = '\0';
	for (int i = 0; i < NAMES; i++) {
		const struct named *s = &sockets[i];
		int value = -1;
		socklen_t size = sizeof(value);

		if (s->fd < 0 || s->type < 0)
			continue;
		getsockopt(s->fd, SOL_SOCKET, SO_REUSEPORT, &value, &size);
		/* An IPv4 socket of MPTCP has an answer for IPV6_V6ONLY that means nothing. */
		used += (size_t)snprintf(said + used, sizeof(said) - used, "%s%c=%s/%d",
			used > 0 ? " " : "", 'a' + i, s->family == AF_INET6 ? v6only(s->fd) : "-",
			value);
	}
	return said;
}

static void print_entry(char *text, size_t size, const struct addrinfo *at)
{
	union address address = {0};
	const void *bytes = at->ai_family == AF_INET6 ? (const void *)&address.in6.sin6_addr
						      : (const void *)&address.in.sin_addr;
	char name[INET6_ADDRSTRLEN] = "?";

	memcpy(&address, at->ai_addr, at->ai_addrlen);
	inet_ntop(at->ai_family, bytes, name, sizeof(name));
	snprintf(text, size, "%s %s %s %s %u%s%s", at->ai_family == AF_INET6 ? "inet6" : "inet",
		at->ai_protocol == IPPROTO_TCP   ? "tcp"
		: at->ai_protocol == IPPROTO_UDP ? "udp"
						 : "other",
		at->ai_socktype == SOCK_STREAM  ? "stream"
		: at->ai_socktype == SOCK_DGRAM ? "dgram"
						: "other",
		name, port_of(&address), at->ai_canonname != NULL ? " canon " : "",
		at->ai_canonname != NULL ? at->ai_canonname : "");
}

/* All of the list is read: under valgrind one that was put together wrongly shows. */
static const char *print_list(
	const char *node, const char *service, const struct addrinfo *hints, int families_alone)
{
	struct addrinfo *list = NULL;
	size_t used = 0;
	int error = getaddrinfo(node, service, hints, &list);

	if (error != 0)
		return number("error ", error);
	said[0] = '\0';
	for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
		used += (size_t)snprintf(said + used, sizeof(said) - used, "%s",
			used == 0        ? ""
			: families_alone ? " "
					 : ", ");
		if (families_alone)
			snprintf(said + used, sizeof(said) - used, "%s",
				at->ai_family == AF_INET6 ? "inet6" : "inet");
		else
			print_entry(said + used, sizeof(said) - used, at);
		used += strlen(said + used);
	}
	freeaddrinfo(list);
	return said;
}

STEP(resolve)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};

	return print_list(NULL, "4321", &hints, 1);
}

STEP(lookup)
{
	static const struct {
		char option[3];
		int flags, family, type;
	} options[] = {{"-p", AI_PASSIVE, 0, 0}, {"-c", AI_CANONNAME, 0, 0}, {"-4", 0, AF_INET, 0},
		{"-6", 0, AF_INET6, 0}, {"-s", 0, 0, SOCK_STREAM}, {"-u", 0, 0, SOCK_DGRAM}};
	struct addrinfo hints = {0};
	const char *node = NULL;

	for (; *words != NULL && (*words)[0] == '-'; words++) {
		if (strcmp(*words, "-n") == 0)
			node = *++words;
		for (size_t i = 0; *words != NULL && i < COUNT(options); i++)
			if (strcmp(*words, options[i].option) == 0) {
				hints.ai_flags |= options[i].flags;
				hints.ai_family |= options[i].family;
				hints.ai_socktype |= options[i].type;
			}
	}
	return print_list(node, *words, &hints, 0);
}

STEP(others)
{
	for (int left = atoi(words[0]); left > 0; left--) {
		int fd = socket(AF_INET6, SOCK_STREAM, 0);

		if (fd < 0 || set_v6only(fd, 0) < 0)
			fail("drive", "others");
		if (words[1] == NULL)
			close(fd);
	}
	return "ok";
}

STEP(reset)
{
	for (int i = 0; i < NAMES; i++) {
		if (sockets[i].fd >= 0 && sockets[i].type >= 0)
			close(sockets[i].fd);
		sockets[i] = (struct named){.fd = -1};
	}
	hand = sockets;
	return "ok";
}

STEP(uid)
{
	return outcome(seteuid((uid_t)atoi(words[0])));
}

STEP(activate)
{
	if (setenv("LISTEN_FDS", words[0], 1) < 0)
		return NULL;
	return outcome(setenv("LISTEN_PID", number("", getpid()), 1));
}

/* --- Who takes the steps that follow --- */

static void make_all(void);

static int be_child(void *unused)
{
	(void)unused;
	puts("vfork: ok");
	make_all();
	_exit(0);
}

static const char *wait_for(pid_t child)
{
	int status;

	if (child < 0)
		fail("drive", "fork");
	if (child == 0)
		return "ok";
	if (waitpid(child, &status, 0) != child)
		fail("drive", "waitpid");
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

STEP(fork)
{
	return wait_for(fork());
}

STEP(vfork)
{
	static _Alignas(16) char stack[1 << 16];

	return wait_for(
		clone(be_child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
}

static void *be_thread(void *unused)
{
	puts("thread: ok");
	make_all();
	return unused;
}

STEP(thread)
{
	pthread_t other;

	if (pthread_create(&other, NULL, be_thread, NULL) != 0 || pthread_join(other, NULL) != 0)
		fail("drive", "thread");
	return "ended";
}

/* The program behind `exec` is told first of the sockets, as those of its names; last of the one in hand. */
STEP(exec)
{
	static char told[NAMES + 1][64];
	char *arguments[NAMES + 64] = {self};
	size_t n = 1;

	for (int i = 0; i <= NAMES; i++) {
		const struct named *s = i < NAMES ? &sockets[i] : hand;

		if (s->fd < 0)
			continue;
		snprintf(told[i], sizeof(told[i]), "fd=%d,%d,%d,%c", s->fd, s->family, s->type,
			(int)('a' + (s - sockets)));
		arguments[n++] = told[i];
	}
	while (*rest != NULL && n + 1 < COUNT(arguments))
		arguments[n++] = *rest++;
	puts("exec: ok");
	execv(self, arguments);
	fail("drive", "exec");
	return NULL;
}

STEP(wait)
{
	puts("wait: ready");
	pause();
	return "over";
}

/* --- The server --- */

/* What a client has sent unread would turn close into a reset that overtakes the answer. */
static void close_gently(int fd)
{
	struct timeval moment = {.tv_usec = 200000};
	char unread[512];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment));
	shutdown(fd, SHUT_WR);
	for (int reads = 0; reads < 16 && recv(fd, unread, sizeof(unread), 0) > 0; reads++)
		;
	close(fd);
}

static void answer(const struct named *s)
{
	union address peer = {0};
	socklen_t size = sizeof(peer);
	const char *family = "ipv4\n";
	int fd = s->fd;
	char question;

	/* A client that has gone is no error of the server's. */
	if (s->type == SOCK_STREAM ? (fd = accept(s->fd, &peer.any, &size)) < 0
				   : recvfrom(s->fd, &question, 1, 0, &peer.any, &size) < 0)
		return;
	if (peer.any.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&peer.in6.sin6_addr))
		family = "ipv6\n";
	if (s->type == SOCK_STREAM)
		limit_waits(fd);
	sendto(fd, family, 5, MSG_NOSIGNAL, s->type == SOCK_STREAM ? NULL : &peer.any,
		s->type == SOCK_STREAM ? 0 : size);
	if (s->type == SOCK_STREAM)
		close_gently(fd);
}

static void leave(int signal_number)
{
	(void)signal_number;
	_exit(0);
}

STEP(serve)
{
	struct sigaction action = {.sa_handler = leave};
	struct pollfd polls[NAMES];
	int n = 0;

	for (int i = 0; i < NAMES; i++) {
		polls[i] = (struct pollfd){
			.fd = may_serve(&sockets[i]) ? sockets[i].fd : -1, .events = POLLIN};
		n += polls[i].fd >= 0;
	}
	if (n == 0) {
		puts("serve: -");
		exit(1);
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	alarm(0);
	puts("serve: ready");
	while (poll(polls, NAMES, -1) >= 0 || errno == EINTR)
		for (int i = 0; i < NAMES; i++)
			if (polls[i].revents != 0)
				answer(&sockets[i]);
	return outcome(-1);
}

static const struct {
	const char *name;
	const char *(*make)(char **words);
	int least; /* words that it cannot do without */
} all[] = {{"socket", do_socket, 1}, {"v6only", do_v6only, 1}, {"reuseaddr", do_reuseaddr, 0},
	{"reuseport", do_reuseport, 0}, {"nodelay", do_nodelay, 0}, {"device", do_device, 1},
	{"bind", do_bind, 0}, {"sysbind", do_sysbind, 2}, {"listen", do_listen, 0},
	{"close", do_close, 0}, {"connect", do_connect, 2}, {"send", do_send, 0},
	{"hear", do_hear, 1}, {"get", do_get, 0}, {"port", do_port, 0}, {"serves", do_serves, 0},
	{"dup", do_dup, 0}, {"pass", do_pass, 0}, {"accept", do_accept, 1}, {"dead", do_dead, 1},
	{"timewait", do_timewait, 1}, {"talk", do_talk, 1}, {"put", do_put, 1},
	{"show", do_show, 0}, {"who", do_who, 3}, {"resolve", do_resolve, 0},
	{"lookup", do_lookup, 0}, {"others", do_others, 1}, {"reset", do_reset, 0},
	{"uid", do_uid, 1}, {"activate", do_activate, 1}, {"fork", do_fork, 0},
	{"vfork", do_vfork, 0}, {"thread", do_thread, 0}, {"exec", do_exec, 0},
	{"wait", do_wait, 0}, {"serve", do_serve, 0}};

static void make(const char *step)
{
	char text[LONGEST], *words[WORDS + 1] = {0}, **verb = words, *state;

	if (snprintf(text, sizeof(text), "%s", step) >= (int)sizeof(text))
		usage(step);
	words[0] = strtok_r(text, " ", &state);
	for (int i = 1; i < WORDS && words[i - 1] != NULL; i++)
		words[i] = strtok_r(NULL, " ", &state);
	if (by_name(words[0]) != NULL)
		hand = by_name(*verb++);
	for (size_t i = 0; i < COUNT(all); i++)
		if (*verb != NULL && strcmp(*verb, all[i].name) == 0) {
			int lacks = all[i].least > 0 && verb[all[i].least] == NULL;
			const char *came = lacks ? NULL : all[i].make(verb + 1);

			if (came == NULL)
				usage(step);
			if (*came != '\0')
				printf("%s: %s\n", step, came);
			return;
		}
	usage(step);
}

static void make_all(void)
{
	while (*rest != NULL && strcmp(*rest, "--") != 0) {
		const char *step = *rest++;

		make(step);
	}
}

int main(int argc, char **argv)
{
	static char buffer[4096];

	/* With memory of our own stdio asks the system for none. */
	setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
	(void)argc;
	alarm(WHOLE_RUN_S);
	self = argv[0];
	rest = argv + 1;
	for (int i = 0; i < NAMES; i++)
		sockets[i].fd = -1;
	for (struct named s = {-1, 0, 0, 0, 0}; *rest != NULL; rest++) {
		char name = 'a';

		if (sscanf(*rest, "fd=%d,%d,%d,%c", &s.fd, &s.family, &s.type, &name) < 1)
			break;
		hand = &sockets[name - 'a'];
		*hand = s;
	}
	if (*rest == NULL)
		usage("none");
	make_all();
	if (*rest != NULL && rest[1] != NULL) {
		alarm(0);
		execvp(rest[1], rest + 1);
		fail("drive", rest[1]);
	}
	return 0;
}
