/*
 * wipe - a server that has nothing left of the environment when it makes its first call.
 *
 * usage: wipe PORT         overwrites the strings of its arguments and its environment, as servers
 *                          do that write a title there, and sets environ to NULL
 *        wipe -x PORT      executes itself with no arguments and no environment at all
 *
 * Then it binds 0.0.0.0:PORT and [::]:PORT, and listens. After -x there is no one to tell it the
 * port: it is that of descriptor 3, which is the first socket, bound already.
 *
 * Output: what came of the bind and the listen of the second one, and its V6ONLY:
 *
 *	bind ok
 *	listen ok
 *	v6only 1
 *
 * Exit status: 0; 1 where it could not be tried; 2 for bad usage.
 */
#include "common.h"

extern char **environ;

static int open_first(const char *port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind_to(fd, AF_INET, NULL, (unsigned)atoi(port)) < 0 || listen(fd, 8) < 0)
		fail("wipe", port);
	return fd;
}

static void open_second(unsigned port)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	printf("bind %s\n", outcome(bind_to(fd, AF_INET6, NULL, port)));
	printf("listen %s\n", outcome(listen(fd, 8)));
	printf("v6only %s\n", v6only(fd));
}

static void overwrite(char **strings)
{
	for (; *strings != NULL; strings++)
		memset(*strings, 'x', strlen(*strings));
}

int main(int argc, char **argv)
{
	unsigned port;

	/* Linux since 5.18 makes one empty argument of none. */
	if (argc < 2) {
		open_second(local_port(3));
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "-x") == 0) {
		if (open_first(argv[2]) != 3)
			fail("wipe", "descriptor 3");
		execve(argv[0], (char *[]){NULL}, (char *[]){NULL});
		fail("wipe", argv[0]);
	}
	if (argc != 2 || argv[1][0] == '-') {
		fputs("usage: wipe [-x] PORT\n", stderr);
		return 2;
	}
	port = (unsigned)atoi(argv[1]);
	open_first(argv[1]);
	overwrite(environ);
	overwrite(argv);
	environ = NULL;
	open_second(port);
	return 0;
}
