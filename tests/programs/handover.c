/*
 * handover - binds sockets and hands them to the program that it becomes, as a super-server does.
 *
 * usage: handover [-s] SOCKET... -- COMMAND [ARG...]
 *
 * A SOCKET is one argument, its words parted by blanks:
 *
 *	NUMBER[,NUMBER...] KIND ADDRESS PORT [v6only 0|1] [listen | accepted]
 *
 * KIND is tcp4, tcp6, udp4, udp6 or unix; a port of 0 is the kernel's choice. With `accepted` it is
 * a connection that a client has made to that address, which prints "client got N bytes" when it
 * ends; with `listen` it listens. It is put at every NUMBER, not closed on exec.
 *
 *   -s   as systemd does it: LISTEN_FDS says how many there are, LISTEN_PID for whom
 * (sd_listen_fds(3))
 *
 * Exit status: COMMAND's own; 1 when something failed; 2 for bad usage.
 */
#include "common.h"
#include <fcntl.h>
#include <sys/un.h>

enum { WORDS = 8, CLIENT_S = 30, HIGH = 100 };

static int family, type;

static void usage(void)
{
	fputs("usage: handover [-s] SOCKET... -- COMMAND [ARG...]\n", stderr);
	exit(2);
}

static void read_kind(const char *kind)
{
	family = strcmp(kind, "unix") == 0 ? AF_UNIX : strchr(kind, '6') ? AF_INET6 : AF_INET;
	type = strncmp(kind, "udp", 3) == 0 ? SOCK_DGRAM : SOCK_STREAM;
}

static void bind_unix(int fd)
{
	sa_family_t alone = AF_UNIX;

	/* unix(7), autobind feature */
	if (bind(fd, (struct sockaddr *)&alone, sizeof(alone)) < 0)
		fail("handover", "bind");
}

static int make_socket(char **words)
{
	int fd = socket(family, type, 0);

	if (fd < 0)
		fail("handover", "socket");
	if (words[4] != NULL && strcmp(words[4], "v6only") == 0 && words[5] != NULL &&
		set_v6only(fd, atoi(words[5])) < 0)
		fail("handover", "IPV6_V6ONLY");
	if (family == AF_UNIX)
		bind_unix(fd);
	else if (bind_to(fd, family, words[2], (unsigned)atoi(words[3])) < 0)
		fail("handover", "bind");
	return fd;
}

/* The client of an inetd service: it says nothing, and counts what it is told. */
static void be_client(const char *address, unsigned port)
{
	int fd = socket(family, SOCK_STREAM, 0);
	long bytes = 0;
	char some[512];
	ssize_t n;

	alarm(CLIENT_S);
	if (fd < 0 || connect_to(fd, family, address, port) < 0)
		fail("handover", "connect");
	while ((n = read(fd, some, sizeof(some))) > 0)
		bytes += n;
	printf("client got %ld bytes\n", bytes);
	fflush(stdout);
	_exit(0);
}

static int accept_one(int listener, const char *address)
{
	unsigned port = local_port(listener);
	int fd;

	if (listen(listener, 1) < 0)
		fail("handover", "listen");
	switch (fork()) {
	case -1:
		fail("handover", "fork");
		break;
	case 0:
		close(listener);
		be_client(address, port);
		break;
	default:
		break;
	}
	limit_waits(listener);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		fail("handover", "accept");
	close(listener);
	return fd;
}

static void put(int fd, char *numbers)
{
	char *state, *word = strtok_r(numbers, ",", &state);
	/* Out of the way of the numbers that are wanted. */
	int high = fcntl(fd, F_DUPFD, HIGH);

	close(fd);
	for (; word != NULL; word = strtok_r(NULL, ",", &state))
		if (high < 0 || dup2(high, atoi(word)) < 0)
			fail("handover", "dup2");
	close(high);
}

static int has(char **words, const char *wanted)
{
	for (int i = 0; i < WORDS && words[i] != NULL; i++)
		if (strcmp(words[i], wanted) == 0)
			return 1;
	return 0;
}

static void hand_over(char *text)
{
	char *words[WORDS + 1] = {0}, *state;
	int fd;

	words[0] = strtok_r(text, " ", &state);
	for (int i = 1; i < WORDS && words[i - 1] != NULL; i++)
		words[i] = strtok_r(NULL, " ", &state);
	if (words[3] == NULL)
		usage();
	read_kind(words[1]);
	fd = make_socket(words);
	if (has(words, "accepted"))
		fd = accept_one(fd, words[2]);
	else if (has(words, "listen") && listen(fd, 8) < 0)
		fail("handover", "listen");
	put(fd, words[0]);
}

int main(int argc, char **argv)
{
	int systemd = argc > 1 && strcmp(argv[1], "-s") == 0, sockets = 0;
	char value[16];

	argv += 1 + systemd;
	for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++, sockets++)
		hand_over(*argv);
	if (*argv == NULL || argv[1] == NULL)
		usage();
	if (systemd) {
		snprintf(value, sizeof(value), "%d", sockets);
		setenv("LISTEN_FDS", value, 1);
		snprintf(value, sizeof(value), "%d", (int)getpid());
		setenv("LISTEN_PID", value, 1);
	}
	execvp(argv[1], argv + 1);
	fail("handover", argv[1]);
}
