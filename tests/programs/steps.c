/*
 * steps - makes the socket calls that its arguments name, one after another.
 *
 * usage: steps STEP...
 *
 * A step is one argument. It acts on the descriptor in hand: the one that the last step of socket,
 * dup or pass gave.
 *
 *	socket KIND    tcp4, tcp6, udp4, udp6, raw4, raw6, mptcp4, mptcp6, unix
 *	v6only WHAT    setsockopt(IPV6_V6ONLY) to 0 or 1; long-0 and long-1 are 8 bytes,
 *	               short-0 is 3; null; unreadable is a pointer to nothing
 *	nodelay, reuseaddr, reuseport
 *	get            getsockopt(IPV6_V6ONLY)
 *	bind ADDRESS PORT
 *	bind           an AF_UNIX socket, to a name that the kernel chooses
 *	connect ADDRESS PORT
 *	listen, close
 *	port           getsockname
 *	resolve        getaddrinfo(NULL, "4321", AI_PASSIVE)
 *	dup            and the old one is closed
 *	pass           by SCM_RIGHTS to itself, and the old one is closed
 *	fork           a child takes the steps that follow, the parent waits for it
 *	exec           the program executes itself anew for the steps that follow
 *	others N       N other IPv6 sockets, one after another: V6ONLY set to 0, and closed
 *	wait           until a signal ends it
 *
 * Each prints one line, by one write(2), after it was made: the step, and "ok", the name of the
 * error, or what was asked for:
 *
 *	socket tcp6: fd 3
 *	v6only 0: EPERM
 *	get: 1
 *
 * But for others, no step makes another system call than the one it is named for, so that a trace
 * of the program can be cut at those lines and shows what each call took.
 *
 * Exit status: 0 when all steps were made, whatever came of them; 1 when one could not be; 2 for
 * bad usage.
 */
#include "common.h"
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/wait.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { WORDS = 3, LONGEST = 80, WHOLE_RUN_S = 60 };

static int in_hand = -1;
static char *self;
static char **rest; /* the steps that follow */

static void usage(const char *step)
{
	fprintf(stderr, "steps: not a step: %s\n", step);
	exit(2);
}

static const char *number(const char *before, int value)
{
	static char text[32];

	snprintf(text, sizeof(text), "%s%d", before, value);
	return text;
}

/* Each takes the words of its step and returns what is to be printed. */

static const char *do_socket(char **words)
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
		if (words[1] != NULL && strcmp(words[1], kinds[i].name) == 0) {
			in_hand = socket(kinds[i].family, kinds[i].type, kinds[i].protocol);
			return in_hand < 0 ? outcome(-1) : number("fd ", in_hand);
		}
	usage(words[0]);
	return NULL;
}

static const char *do_v6only(char **words)
{
	static const int zero[2] = {0, 0}, one[2] = {1, 0};
	static const struct {
		const char *name;
		const void *value;
		socklen_t size;
	} whats[] = {{"0", zero, 4}, {"1", one, 4}, {"long-0", zero, 8}, {"long-1", one, 8},
		{"short-0", zero, 3}, {"null", NULL, 4}, {"unreadable", (const void *)1, 4}};

	for (size_t i = 0; i < COUNT(whats); i++)
		if (words[1] != NULL && strcmp(words[1], whats[i].name) == 0)
			return outcome(setsockopt(
				in_hand, IPPROTO_IPV6, IPV6_V6ONLY, whats[i].value, whats[i].size));
	usage(words[0]);
	return NULL;
}

static const char *switch_on(int level, int option)
{
	int on = 1;

	return outcome(setsockopt(in_hand, level, option, &on, sizeof(on)));
}

static const char *do_nodelay(char **words)
{
	(void)words;
	return switch_on(IPPROTO_TCP, TCP_NODELAY);
}

static const char *do_reuseaddr(char **words)
{
	(void)words;
	return switch_on(SOL_SOCKET, SO_REUSEADDR);
}

static const char *do_reuseport(char **words)
{
	(void)words;
	return switch_on(SOL_SOCKET, SO_REUSEPORT);
}

static const char *do_get(char **words)
{
	(void)words;
	return v6only(in_hand);
}

static socklen_t read_address(union address *address, char **words)
{
	int family = words[1] != NULL && strchr(words[1], ':') != NULL ? AF_INET6 : AF_INET;
	socklen_t size = 0;

	if (words[1] != NULL && words[2] != NULL)
		size = make_address(address, family, words[1], (unsigned)atoi(words[2]));
	if (size == 0)
		usage(words[0]);
	return size;
}

static const char *do_bind(char **words)
{
	union address address;
	socklen_t size = sizeof(address.any.sa_family);

	/* unix(7), Autobind feature: the family alone. */
	address.any.sa_family = AF_UNIX;
	if (words[1] != NULL)
		size = read_address(&address, words);
	return outcome(bind(in_hand, &address.any, size));
}

static const char *do_connect(char **words)
{
	union address address;
	socklen_t size = read_address(&address, words);

	return outcome(connect(in_hand, &address.any, size));
}

static const char *do_listen(char **words)
{
	(void)words;
	return outcome(listen(in_hand, 8));
}

static const char *do_close(char **words)
{
	(void)words;
	return outcome(close(in_hand));
}

static const char *do_port(char **words)
{
	(void)words;
	return number("", (int)local_port(in_hand));
}

static const char *do_resolve(char **words)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	static char families[LONGEST];

	(void)words;
	if (getaddrinfo(NULL, "4321", &hints, &list) != 0)
		return "failed";
	families[0] = '\0';
	for (const struct addrinfo *at = list; at != NULL; at = at->ai_next)
		strncat(families, at->ai_family == AF_INET6 ? " inet6" : " inet",
			sizeof(families) - strlen(families) - 1);
	freeaddrinfo(list);
	return families + 1;
}

static const char *do_dup(char **words)
{
	int copy = dup(in_hand);

	(void)words;
	if (copy < 0)
		fail("steps", "dup");
	close(in_hand);
	in_hand = copy;
	return "ok";
}

static const char *do_pass(char **words)
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

	(void)words;
	memcpy(CMSG_DATA(&control.align), &in_hand, sizeof(in_hand));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || sendmsg(ends[0], &message, 0) != 1)
		fail("steps", "sendmsg");
	close(in_hand);
	if (recvmsg(ends[1], &message, 0) != 1 || message.msg_controllen < sizeof(control.align))
		fail("steps", "recvmsg");
	memcpy(&in_hand, CMSG_DATA(&control.align), sizeof(in_hand));
	close(ends[0]);
	close(ends[1]);
	return "ok";
}

static const char *do_fork(char **words)
{
	pid_t child = fork();
	int status;

	(void)words;
	if (child < 0)
		fail("steps", "fork");
	if (child == 0)
		return "ok";
	if (waitpid(child, &status, 0) != child)
		fail("steps", "waitpid");
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* The program behind `exec` gets the number of the descriptor in hand first. */
static const char *do_exec(char **words)
{
	static char hand[16];
	char *arguments[64] = {self, hand};

	(void)words;
	snprintf(hand, sizeof(hand), "fd=%d", in_hand);
	for (size_t i = 2; i + 1 < COUNT(arguments) && rest[i - 2] != NULL; i++)
		arguments[i] = rest[i - 2];
	puts("exec: ok");
	execv(self, arguments);
	fail("steps", "exec");
	return NULL;
}

static const char *do_others(char **words)
{
	for (int left = words[1] != NULL ? atoi(words[1]) : 0; left > 0; left--) {
		int fd = socket(AF_INET6, SOCK_STREAM, 0);

		if (fd < 0 || set_v6only(fd, 0) < 0)
			fail("steps", "others");
		close(fd);
	}
	return "ok";
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
	const char *(*make)(char **words);
} all[] = {{"socket", do_socket}, {"v6only", do_v6only}, {"nodelay", do_nodelay},
	{"reuseaddr", do_reuseaddr}, {"reuseport", do_reuseport}, {"get", do_get},
	{"bind", do_bind}, {"connect", do_connect}, {"listen", do_listen}, {"close", do_close},
	{"port", do_port}, {"resolve", do_resolve}, {"dup", do_dup}, {"pass", do_pass},
	{"fork", do_fork}, {"exec", do_exec}, {"others", do_others}, {"wait", do_wait}};

static void make(const char *step)
{
	char text[LONGEST], *words[WORDS + 1] = {0}, *state;

	if (snprintf(text, sizeof(text), "%s", step) >= (int)sizeof(text))
		usage(step);
	words[0] = strtok_r(text, " ", &state);
	for (int i = 1; i < WORDS && words[i - 1] != NULL; i++)
		words[i] = strtok_r(NULL, " ", &state);
	for (size_t i = 0; i < COUNT(all); i++)
		if (words[0] != NULL && strcmp(words[0], all[i].name) == 0) {
			const char *said = all[i].make(words);

			printf("%s: %s\n", step, said);
			return;
		}
	usage(step);
}

int main(int argc, char **argv)
{
	static char buffer[4096];

	/* With memory of our own stdio asks the system for none. */
	setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
	alarm(WHOLE_RUN_S);
	self = argv[0];
	rest = argv + 1;
	if (argc > 1 && sscanf(argv[1], "fd=%d", &in_hand) == 1)
		rest++;
	if (*rest == NULL)
		usage("none");
	while (*rest != NULL) {
		const char *step = *rest++;

		make(step);
	}
	return 0;
}
