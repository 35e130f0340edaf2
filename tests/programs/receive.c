/*
 * receive - stands in for a syslog daemon, or for the journal.
 *
 * usage: receive log PATH
 *        receive full PATH
 *        receive journal|other COMMAND [ARG...]
 *
 *   log      takes datagrams at the UNIX socket PATH and prints each on a line of its own, control
 *            characters as \NNN (octal), so that a newline at the end of one is seen
 *   full     the same socket, from which nobody ever takes anything
 *   journal  runs COMMAND with standard error on a stream socket and JOURNAL_STREAM saying so
 *            (systemd.exec(5)), and prints what comes there, each line as it is
 *   other    the same, but JOURNAL_STREAM names another socket
 *
 * log and full print "ready" first and go on until a signal ends them; so that a PATH that is left
 * from one that was ended is no obstacle, it is removed before it is bound.
 *
 * Exit status: COMMAND's own; 1 when something failed; 2 for bad usage.
 */
#include "common.h"
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { WHOLE_RUN_S = 60 };

static void usage(void)
{
	fputs("usage: receive log|full PATH\n"
	      "       receive journal|other COMMAND [ARG...]\n",
		stderr);
	exit(2);
}

static int open_log(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (strlen(path) >= sizeof(name.sun_path))
		usage();
	memcpy(name.sun_path, path, strlen(path));
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		fail("receive", path);
	/* A server that is no longer root writes there too. */
	if (chmod(path, 0666) < 0)
		fail("receive", path);
	puts("ready");
	return fd;
}

static void print(const char *bytes, ssize_t size)
{
	for (ssize_t i = 0; i < size; i++)
		if ((unsigned char)bytes[i] < ' ' || bytes[i] == 127)
			printf("\\%03o", (unsigned char)bytes[i]);
		else
			putchar(bytes[i]);
	putchar('\n');
}

static void take_datagrams(int fd)
{
	static char bytes[65536];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) >= 0)
		print(bytes, n);
	fail("receive", "recv");
}

/* ---- the journal */

static void name_journal(int fd, int matching)
{
	char value[64];
	struct stat st;

	if (fstat(fd, &st) < 0)
		fail("receive", "fstat");
	snprintf(value, sizeof(value), "%ju:%ju", (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino + !matching);
	setenv("JOURNAL_STREAM", value, 1);
}

static int be_journal(int matching, char **command)
{
	char bytes[4096];
	int ends[2], status;
	ssize_t n;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		fail("receive", "socketpair");
	child = fork();
	if (child < 0)
		fail("receive", "fork");
	if (child == 0) {
		name_journal(ends[1], matching);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		execvp(command[0], command);
		_exit(127);
	}
	close(ends[1]);
	while ((n = read(ends[0], bytes, sizeof(bytes))) > 0)
		fwrite(bytes, 1, (size_t)n, stdout);
	if (waitpid(child, &status, 0) != child)
		fail("receive", "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(WHOLE_RUN_S);
	if (strcmp(what, "journal") == 0 || strcmp(what, "other") == 0)
		return be_journal(strcmp(what, "journal") == 0, argv + 2);
	if (argc != 3)
		usage();
	if (strcmp(what, "full") == 0) {
		open_log(argv[2]);
		pause();
	}
	if (strcmp(what, "log") != 0)
		usage();
	take_datagrams(open_log(argv[2]));
}
