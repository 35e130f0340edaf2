/*
 * straits - a server's calls where the kernel gives it nothing any more.
 *
 * usage: straits [STRAIT]... SCENE
 *        straits [STRAIT]... -x COMMAND [ARG]...
 *
 * Straits, by default none:
 *
 *	-a              no address space: RLIMIT_AS is 0
 *	-d              no descriptor: RLIMIT_NOFILE is the lowest number that is free
 *	-e ERRNO        the number of the error of -n and -r (1, EPERM)
 *	-n              seccomp(2) refuses sockets of AF_NETLINK and AF_UNIX
 *	-r N[,N]...     seccomp(2) refuses these system calls, by number
 *
 * A scene is made by one thread, which alone meets the filter; the other one looks at the sockets:
 *
 *	plain           an IPv6 socket binds [::]:0 and listens
 *	udp             an IPv6 datagram socket binds [::] and a port
 *	refused         an IPv6 socket binds a port that another one of this process listens on
 *	6-after-4       an IPv4 socket listens; an IPv6 one binds its port and listens
 *	4-after-6       an IPv6 socket binds and listens; an IPv4 one binds its port and listens
 *	6-after:PORT    an IPv6 socket binds that PORT and listens
 *	datagrams       a datagram socket of each family binds one port, with SO_REUSEADDR, IPv4 first
 *
 * The calls of the thread, in their order: a word each, "ok" or the error. Then V6ONLY of the IPv6
 * socket. Beforehand, what a page of memory, a descriptor or the first refused call gives:
 *
 *	memory ENOMEM
 *	descriptor EMFILE
 *	calls ok ok
 *	v6only 1
 *
 * With -x the filter, and no other strait, is the COMMAND's.
 *
 * Exit status: 0; 1 where it could not be tried; 2 for bad usage; with -x COMMAND's.
 */
#include "common.h"
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { CALLS = 16, LONGEST_WORD = 24, REFUSED = 64, WHOLE_RUN_S = 60, PAGE = 4096 };

static struct {
	int memory, descriptors, error, netlink;
	unsigned refused[REFUSED], refusals;
} strait = {.error = EPERM};

static char said[CALLS * LONGEST_WORD];

static void say(int result)
{
	strcat(said, " ");
	strcat(said, outcome(result));
}

/* ---- the scenes: sockets are made by main, and what else would be in the way of the strait */

static int fd4 = -1, fd6 = -1, fd6_too = -1;
static unsigned port;

static int new_socket(int family, int type)
{
	int fd = socket(family, type, 0), yes = 1;

	if (fd < 0)
		fail("straits", "socket");
	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	return fd;
}

static unsigned open_at_any(int fd, int family, int type)
{
	if (bind_to(fd, family, NULL, 0) < 0 || (type == SOCK_STREAM && listen(fd, 8) < 0))
		fail("straits", "bind");
	return local_port(fd);
}

static void before_plain(void)
{
	fd6 = new_socket(AF_INET6, SOCK_STREAM);
}

/* A port that was free a moment ago. */
static void before_udp(void)
{
	int other = new_socket(AF_INET, SOCK_DGRAM);

	fd6 = new_socket(AF_INET6, SOCK_DGRAM);
	port = open_at_any(other, AF_INET, SOCK_DGRAM);
	close(other);
}

static void before_refused(void)
{
	fd6_too = new_socket(AF_INET6, SOCK_STREAM);
	fd6 = new_socket(AF_INET6, SOCK_STREAM);
	port = open_at_any(fd6_too, AF_INET6, SOCK_STREAM);
}

static void before_6_after_4(void)
{
	fd4 = new_socket(AF_INET, SOCK_STREAM);
	fd6 = new_socket(AF_INET6, SOCK_STREAM);
	port = open_at_any(fd4, AF_INET, SOCK_STREAM);
}

static void before_4_after_6(void)
{
	fd4 = new_socket(AF_INET, SOCK_STREAM);
	fd6 = new_socket(AF_INET6, SOCK_STREAM);
	port = open_at_any(fd6, AF_INET6, SOCK_STREAM);
}

static void before_datagrams(void)
{
	fd4 = new_socket(AF_INET, SOCK_DGRAM);
	fd6 = new_socket(AF_INET6, SOCK_DGRAM);
	port = open_at_any(fd4, AF_INET, SOCK_DGRAM);
}

static void bind_6(void)
{
	say(bind_to(fd6, AF_INET6, NULL, port));
}

static void open_6(void)
{
	bind_6();
	say(listen(fd6, 8));
}

static void open_4(void)
{
	say(bind_to(fd4, AF_INET, NULL, port));
	say(listen(fd4, 8));
}

static const struct scene {
	const char *name;
	void (*before)(void);
	void (*calls)(void);
} scenes[] = {{"plain", before_plain, open_6}, {"udp", before_udp, bind_6},
	{"refused", before_refused, bind_6}, {"6-after-4", before_6_after_4, open_6},
	{"4-after-6", before_4_after_6, open_4}, {"6-after:", before_plain, open_6},
	{"datagrams", before_datagrams, bind_6}};

/* ---- the straits */

static void refuse(struct sock_filter *program, unsigned *length, unsigned nr, unsigned error)
{
	program[(*length)++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
	program[(*length)++] = (struct sock_filter)BPF_STMT(
		BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA));
}

static void load(struct sock_filter *program, unsigned *length, size_t offset)
{
	program[(*length)++] =
		(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset);
}

static void set_filter(void)
{
	struct sock_filter program[2 * REFUSED + 16];
	unsigned length = 0, error = (unsigned)strait.error;
	struct sock_fprog all = {.filter = program};

	if (strait.refusals == 0 && !strait.netlink)
		return;
	load(program, &length, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < strait.refusals; i++)
		refuse(program, &length, strait.refused[i], error);
	if (strait.netlink) {
		/* What is no socket(2) goes past the address families. */
		program[length++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5);
		load(program, &length, offsetof(struct seccomp_data, args));
		refuse(program, &length, AF_NETLINK, error);
		refuse(program, &length, AF_UNIX, error);
	}
	program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	all.len = (unsigned short)length;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) < 0)
		fail("straits", "seccomp");
}

static void set_limit(int which, rlim_t value)
{
	struct rlimit limit;

	getrlimit(which, &limit);
	limit.rlim_cur = value;
	if (setrlimit(which, &limit) < 0)
		fail("straits", "setrlimit");
}

/* And says what proves it. */
static void narrow(void)
{
	if (strait.descriptors) {
		int fd = open("/dev/null", O_RDONLY);

		close(fd);
		set_limit(RLIMIT_NOFILE, (rlim_t)fd);
		printf("descriptor %s\n", outcome(open("/dev/null", O_RDONLY)));
	}
	if (strait.memory) {
		void *memory;

		set_limit(RLIMIT_AS, 0);
		memory = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		printf("memory %s\n", outcome(memory == MAP_FAILED ? -1 : 0));
	}
}

static pthread_barrier_t gate;

/* A call that is refused is not made, so that its arguments matter to nothing. */
static void *make_scene(void *what)
{
	const struct scene *scene = what;

	pthread_barrier_wait(&gate);
	set_filter();
	if (strait.refusals != 0)
		say((int)syscall(strait.refused[0], -1, -1, -1, -1, -1, -1));
	if (strait.netlink)
		say((int)syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0));
	strcat(said, " |");
	scene->calls();
	return NULL;
}

static void show(const struct scene *scene)
{
	pthread_t thread;

	pthread_barrier_init(&gate, NULL, 2);
	scene->before();
	if (pthread_create(&thread, NULL, make_scene, (void *)(size_t)scene) != 0)
		fail("straits", "pthread_create");
	narrow();
	pthread_barrier_wait(&gate);
	pthread_join(thread, NULL);
	*strchr(said, '|') = '\0';
	if (said[1] != '\0')
		printf("refused%.*s\n", (int)strlen(said) - 1, said);
	printf("calls%s\n", said + strlen(said) + 1);
	printf("v6only %s\n", v6only(fd6));
}

static void usage(void)
{
	fputs("usage: straits [-adn] [-e ERRNO] [-r N[,N]...] SCENE\n"
	      "       straits [-n] [-e ERRNO] [-r N[,N]...] -x COMMAND [ARG]...\n",
		stderr);
	exit(2);
}

static unsigned number(const char *word, char **end)
{
	unsigned long value = strtoul(word, end, 10);

	if (*word < '0' || *word > '9' || value > 65535)
		usage();
	return (unsigned)value;
}

static void read_refused(const char *list)
{
	char *end = NULL;

	for (const char *at = list;; at = end + 1) {
		if (strait.refusals == REFUSED)
			usage();
		strait.refused[strait.refusals++] = number(at, &end);
		if (*end == '\0')
			return;
		if (*end != ',')
			usage();
	}
}

static const struct scene *find_scene(const char *name)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		size_t length = strlen(scenes[i].name);
		char *end;

		if (strcmp(name, scenes[i].name) == 0 && name[length - 1] != ':')
			return &scenes[i];
		if (strncmp(name, scenes[i].name, length) == 0 && name[length - 1] == ':') {
			port = number(name + length, &end);
			return &scenes[i];
		}
	}
	usage();
	return NULL;
}

int main(int argc, char **argv)
{
	static char room[BUFSIZ];
	int letter, execute = 0;
	char *end;

	/* Standard output may not have to ask for memory. */
	setvbuf(stdout, room, _IOFBF, sizeof(room));
	alarm(WHOLE_RUN_S);
	while (!execute && (letter = getopt(argc, argv, "+ade:nr:x")) != -1)
		switch (letter) {
		case 'a':
			strait.memory = 1;
			break;
		case 'd':
			strait.descriptors = 1;
			break;
		case 'e':
			strait.error = (int)number(optarg, &end);
			break;
		case 'n':
			strait.netlink = 1;
			break;
		case 'r':
			read_refused(optarg);
			break;
		case 'x':
			execute = 1;
			break;
		default:
			usage();
		}
	if (execute && optind < argc) {
		set_filter();
		execvp(argv[optind], argv + optind);
		fail("straits", argv[optind]);
	}
	if (execute || optind + 1 != argc)
		usage();
	show(find_scene(argv[optind]));
	return 0;
}
