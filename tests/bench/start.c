/*
 * start - starts a program again and again, or once to look at its memory
 *
 * usage: start RUNS|smaps|peak COMMAND [ARG...]
 *
 * COMMAND is a path.
 *
 *   RUNS    runs it so many times, one after the other: "ns N" is the time from its start to its
 *           end, in the mean
 *
 *   smaps   prints /proc/PID/smaps (proc(5)) at the moment when it ends, its memory still there
 *
 *   peak    runs it once, its output thrown away: "ns N", "cpu_ns N" of processor time, and the most
 *           memory that it had, "peak_kib N". To that the kernel counts the memory of who executed
 *           it, which is why a small program does this (getrusage(2), fs/exec.c)
 *
 * Exit status: 0; 1 where COMMAND did not end with 0; 2 for bad usage.
 */
#include "bench.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { RUNS_MAX = 1000000 };

extern char **environ;

static void must_have_ended_well(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		fail("start", "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "start: the command ended with status %#x\n", (unsigned)status);
		exit(1);
	}
}

static void run_often(unsigned long runs, char **command)
{
	uint64_t began = now_ns();

	for (unsigned long i = 0; i < runs; i++) {
		pid_t pid;

		errno = posix_spawn(&pid, command[0], NULL, NULL, command, environ);
		if (errno != 0)
			fail("start", command[0]);
		must_have_ended_well(pid);
	}
	printf("ns %.0f\n", (double)(now_ns() - began) / (double)runs);
}

static double nanoseconds(const struct timeval *t)
{
	return (double)t->tv_sec * 1e9 + (double)t->tv_usec * 1e3;
}

static void run_and_weigh(char **command)
{
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	uint64_t began = now_ns(), ended;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	errno = posix_spawn(&pid, command[0], &actions, NULL, command, environ);
	if (errno != 0)
		fail("start", command[0]);
	must_have_ended_well(pid);
	ended = now_ns();
	if (getrusage(RUSAGE_CHILDREN, &usage) < 0)
		fail("start", "getrusage");
	printf("ns %.0f\ncpu_ns %.0f\npeak_kib %ld\n", (double)(ended - began),
		nanoseconds(&usage.ru_utime) + nanoseconds(&usage.ru_stime), usage.ru_maxrss);
}

/* Lets the child go on until it stops for that event of ptrace(2), 0 for a plain SIGTRAP. */
static void until(pid_t pid, int event)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		fail("start", "waitpid");
	if (status >> 8 != (SIGTRAP | event << 8)) {
		fprintf(stderr, "start: stopped with status %#x\n", (unsigned)status);
		exit(1);
	}
}

static void look_at_end(char **command)
{
	char path[64], line[512];
	pid_t pid = fork();
	FILE *file;

	if (pid < 0)
		fail("start", "fork");
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execve(command[0], command, environ);
		_exit(127);
	}
	until(pid, 0);
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL) < 0)
		fail("start", "ptrace");
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	until(pid, PTRACE_EVENT_EXIT);
	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	file = fopen(path, "r");
	if (file == NULL)
		fail("start", path);
	while (fgets(line, sizeof(line), file) != NULL)
		fputs(line, stdout);
	fclose(file);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	must_have_ended_well(pid);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fputs("usage: start RUNS|smaps|peak COMMAND [ARG...]\n", stderr);
		return 2;
	}
	if (strcmp(argv[1], "smaps") == 0)
		look_at_end(argv + 2);
	else if (strcmp(argv[1], "peak") == 0)
		run_and_weigh(argv + 2);
	else
		run_often(number_in(argv[1], 1, RUNS_MAX), argv + 2);
	return 0;
}
