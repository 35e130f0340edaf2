/*
 * several - makes the socket calls that its arguments name, on several sockets of one process.
 *
 * usage: several STEP...
 *
 * A step is one argument. Sockets have names of one letter, and stay open until they are closed:
 *
 *	a socket KIND        tcp4, tcp6, udp4, udp6, mptcp4, mptcp6
 *	a v6only 0|1, a reuseaddr, a reuseport
 *	a bind ADDRESS PORT
 *	a listen, a close
 *	a dup b              b is another descriptor of the same socket
 *	a accept ADDRESS     a client connects to it there; both ends of the connection stay open
 *	a lose ADDRESS       as accept, and this side closes first: its end is left in TIME_WAIT
 *	show                 the options of all that are open: NAME=V6ONLY/SO_REUSEPORT
 *	who tcp|udp ADDRESS PORT    a client's: the name of the socket that gets it
 *	uid NUMBER           the effective user id from here on, which new sockets belong to
 *	wait                 until a signal ends it
 *
 * Each prints one line after it was made: the step, and "ok", the name of the error, or what was
 * asked for:
 *
 *	a bind :: 4321: EADDRINUSE
 *	show: a=0/1 b=-/1
 *	who tcp 127.0.0.1 4321: b
 *
 * "who" says "nobody" for a client that no socket got, and the name of the error where it could
 * not even knock.
 *
 * Exit status: 0 when all steps were made, whatever came of them; 1 when one could not be; 2 for
 * bad usage.
 *
 * tcp(7) for SO_LINGER, which lets clients go without TIME_WAIT.
 */
#include "common.h"
#include <poll.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { NAMES = 26, WORDS = 4, LONGEST = 100, WHOLE_RUN_S = 60, PATIENCE_MS = 1000 };

struct named {
	int fd; /* -1 where it is not open */
	int type;
	int listens;
};

static struct named sockets[NAMES];

static void usage(const char *step)
{
	fprintf(stderr, "several: not a step: %s\n", step);
	exit(2);
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

/* The address and port of two words. */
static socklen_t address_of(union address *address, char **words)
{
	socklen_t size = 0;

	if (words[0] != NULL && words[1] != NULL)
		size = make_address(
			address, family_of(words[0]), words[0], (unsigned)atoi(words[1]));
	return size;
}

/* Closing then resets the connection, and neither end stays in TIME_WAIT. */
static void leave_no_trace(int fd)
{
	struct linger at_once = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

/* --- Steps on one socket: each takes the words that follow and returns what is to be printed. ---
 */

static const char *do_socket(struct named *s, char **words)
{
	static const struct {
		const char *name;
		int family, type, protocol;
	} kinds[] = {{"tcp4", AF_INET, SOCK_STREAM, 0}, {"tcp6", AF_INET6, SOCK_STREAM, 0},
		{"udp4", AF_INET, SOCK_DGRAM, 0}, {"udp6", AF_INET6, SOCK_DGRAM, 0},
		{"mptcp4", AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
		{"mptcp6", AF_INET6, SOCK_STREAM, IPPROTO_MPTCP}};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (words[0] != NULL && strcmp(words[0], kinds[i].name) == 0) {
			s->fd = socket(kinds[i].family, kinds[i].type, kinds[i].protocol);
			s->type = kinds[i].type;
			s->listens = 0;
			return outcome(s->fd);
		}
	return NULL;
}

static const char *do_v6only(struct named *s, char **words)
{
	return words[0] == NULL ? NULL : outcome(set_v6only(s->fd, atoi(words[0])));
}

static const char *switch_on(struct named *s, int option)
{
	int on = 1;

	return outcome(setsockopt(s->fd, SOL_SOCKET, option, &on, sizeof(on)));
}

static const char *do_reuseaddr(struct named *s, char **words)
{
	(void)words;
	return switch_on(s, SO_REUSEADDR);
}

static const char *do_reuseport(struct named *s, char **words)
{
	(void)words;
	return switch_on(s, SO_REUSEPORT);
}

static const char *do_bind(struct named *s, char **words)
{
	union address address;
	socklen_t size = address_of(&address, words);

	return size == 0 ? NULL : outcome(bind(s->fd, &address.any, size));
}

static const char *do_listen(struct named *s, char **words)
{
	int result = listen(s->fd, 8);

	(void)words;
	s->listens = result == 0;
	return outcome(result);
}

static const char *do_close(struct named *s, char **words)
{
	int fd = s->fd;

	(void)words;
	s->fd = -1;
	return outcome(close(fd));
}

static const char *do_dup(struct named *s, char **words)
{
	struct named *copy = by_name(words[0]);

	if (copy == NULL)
		return NULL;
	*copy = *s;
	copy->fd = dup(s->fd);
	return outcome(copy->fd);
}

/* Connects a client to the socket; *server is the end that was accepted. */
static int connect_through(const struct named *s, const char *address, int *server)
{
	int client = socket(family_of(address), SOCK_STREAM, 0);

	limit_waits(s->fd);
	limit_waits(client);
	if (connect_to(client, family_of(address), address, local_port(s->fd)) < 0)
		return -1;
	*server = accept(s->fd, NULL, NULL);
	return *server < 0 ? -1 : client;
}

static const char *do_accept(struct named *s, char **words)
{
	int server;

	return words[0] == NULL ? NULL : outcome(connect_through(s, words[0], &server));
}

static const char *do_lose(struct named *s, char **words)
{
	int server, client;
	char byte;

	if (words[0] == NULL)
		return NULL;
	client = connect_through(s, words[0], &server);
	if (client < 0)
		return outcome(client);
	close(server);
	/* The end of the stream has come: the server's side waits in FIN_WAIT for ours. */
	if (recv(client, &byte, 1, 0) != 0)
		fail("several", "recv");
	return outcome(close(client));
}

/* --- Steps on all of them --- */

static const char *do_show(char **words)
{
	static char text[NAMES * 16];
	size_t used = 0;

	(void)words;
	text[0] = '\0';
	for (int i = 0; i < NAMES; i++) {
		int fd = sockets[i].fd, value = -1, domain = 0;
		socklen_t size = sizeof(value);

		if (fd < 0)
			continue;
		/* An IPv4 socket of MPTCP has an answer for IPV6_V6ONLY that means nothing. */
		getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
		getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, &size);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%c=%s/%d",
			used > 0 ? " " : "", 'a' + i, domain == AF_INET6 ? v6only(fd) : "-", value);
	}
	return text;
}

/* Whether what came to the socket is that client's. */
static int is_from(const struct named *s, unsigned port)
{
	union address peer = {0};
	socklen_t size = sizeof(peer);
	char byte;

	if (s->type == SOCK_STREAM) {
		int server = accept(s->fd, &peer.any, &size);

		if (server >= 0) {
			leave_no_trace(server);
			close(server);
		}
	} else {
		recvfrom(s->fd, &byte, 1, MSG_DONTWAIT, &peer.any, &size);
	}
	return port_of(&peer) == port;
}

static const char *receiver(int client, int type)
{
	static char name[2];
	struct pollfd polls[NAMES + 1];

	for (int i = 0; i < NAMES; i++) {
		int is_server = sockets[i].fd >= 0 && sockets[i].type == type &&
				(type == SOCK_DGRAM || sockets[i].listens);

		polls[i] = (struct pollfd){.fd = is_server ? sockets[i].fd : -1, .events = POLLIN};
	}
	/* The client itself hears when a datagram was for nobody. */
	polls[NAMES] = (struct pollfd){.fd = client};
	while (poll(polls, NAMES + 1, PATIENCE_MS) > 0) {
		for (int i = 0; i < NAMES; i++)
			if (polls[i].revents & POLLIN && is_from(&sockets[i], local_port(client))) {
				name[0] = (char)('a' + i);
				return name;
			}
		if (polls[NAMES].revents & POLLERR)
			break;
	}
	return "nobody";
}

static const char *do_who(char **words)
{
	union address address;
	socklen_t size = words[0] == NULL ? 0 : address_of(&address, words + 1);
	int type = SOCK_DGRAM, client;
	const char *said;

	if (size == 0)
		return NULL;
	if (strcmp(words[0], "tcp") == 0)
		type = SOCK_STREAM;
	client = socket(address.any.sa_family, type, 0);
	limit_waits(client);
	if (type == SOCK_STREAM)
		leave_no_trace(client);
	if (connect(client, &address.any, size) < 0)
		said = errno == ECONNREFUSED ? "nobody" : outcome(-1);
	else if (type == SOCK_DGRAM && send(client, "?", 1, MSG_NOSIGNAL) < 0)
		said = outcome(-1);
	else
		said = receiver(client, type);
	close(client);
	return said;
}

static const char *do_uid(char **words)
{
	return words[0] == NULL ? NULL : outcome(seteuid((uid_t)atoi(words[0])));
}

static const char *do_wait(char **words)
{
	(void)words;
	puts("wait: ready");
	pause();
	return "over";
}

static const struct {
	const char *name;
	const char *(*make)(struct named *s, char **words);
} of_one[] = {{"socket", do_socket}, {"v6only", do_v6only}, {"reuseaddr", do_reuseaddr},
	{"reuseport", do_reuseport}, {"bind", do_bind}, {"listen", do_listen}, {"close", do_close},
	{"dup", do_dup}, {"accept", do_accept}, {"lose", do_lose}};

static const struct {
	const char *name;
	const char *(*make)(char **words);
} of_all[] = {{"show", do_show}, {"who", do_who}, {"uid", do_uid}, {"wait", do_wait}};

/* Returns NULL for what is no step. */
static const char *make_words(char **words)
{
	struct named *s = by_name(words[0]);

	for (size_t i = 0; s == NULL && words[0] != NULL && i < COUNT(of_all); i++)
		if (strcmp(words[0], of_all[i].name) == 0)
			return of_all[i].make(words + 1);
	for (size_t i = 0; s != NULL && words[1] != NULL && i < COUNT(of_one); i++)
		if (strcmp(words[1], of_one[i].name) == 0)
			return of_one[i].make(s, words + 2);
	return NULL;
}

static void make(const char *step)
{
	char text[LONGEST], *words[WORDS + 2] = {0}, *state;
	const char *said;

	if (snprintf(text, sizeof(text), "%s", step) >= (int)sizeof(text))
		usage(step);
	words[0] = strtok_r(text, " ", &state);
	for (int i = 1; i <= WORDS && words[i - 1] != NULL; i++)
		words[i] = strtok_r(NULL, " ", &state);
	said = make_words(words);
	if (said == NULL)
		usage(step);
	printf("%s: %s\n", step, said);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(WHOLE_RUN_S);
	for (int i = 0; i < NAMES; i++)
		sockets[i].fd = -1;
	if (argc < 2)
		usage("none");
	for (int i = 1; i < argc; i++)
		make(argv[i]);
	return 0;
}
