#include "processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct search {
	struct v6_processes *processes;
	const uint32_t *inodes;
	size_t count;
};

static int by_inode(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int by_holding(const void *a, const void *b)
{
	const struct v6_holding *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return x->pid != y->pid ? x->pid - y->pid : x->fd - y->fd;
}

/* A name that is a number, as those of processes and descriptors are; -1 otherwise. */
static int number(const char *name)
{
	char *end;
	long n = strtol(name, &end, 10);

	return *name < '0' || *name > '9' || *end || n > INT32_MAX ? -1 : (int)n;
}

/* The inode of the socket that a descriptor is; 0 for anything else. */
static uint32_t socket_inode(int dir, const char *fd)
{
	static const char prefix[] = "socket:[";
	char target[64];
	ssize_t n = readlinkat(dir, fd, target, sizeof(target) - 1);

	if (n < 0)
		return 0;
	target[n] = '\0';
	if (strncmp(target, prefix, sizeof(prefix) - 1))
		return 0;
	return (uint32_t)strtoul(target + sizeof(prefix) - 1, NULL, 10);
}

/* The name may have a newline in it; the last one is the file's own. */
static void read_program(char *program, size_t size, int pid)
{
	char path[32];
	ssize_t n;
	int fd;

	program[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, program, size - 1);
	close(fd);
	program[n > 0 ? n - 1 : 0] = '\0';
}

/* Memory grows by doubling: at each power of two the list is full. */
static struct v6_holding *add(struct v6_processes *p)
{
	struct v6_holding *larger;

	if (!(p->count & (p->count - 1))) {
		larger = realloc(p->list, (p->count ? 2 * p->count : 1) * sizeof(*p->list));
		if (!larger)
			return NULL;
		p->list = larger;
	}
	return &p->list[p->count++];
}

/* The descriptors of one process, in its /proc/PID/fd. */
static int search_fds(struct search *s, DIR *fds, int pid)
{
	size_t first = s->processes->count;
	struct v6_holding *h;
	struct dirent *entry;

	while ((entry = readdir(fds))) {
		uint32_t inode = socket_inode(dirfd(fds), entry->d_name);

		if (!inode || !bsearch(&inode, s->inodes, s->count, sizeof(*s->inodes), by_inode))
			continue;
		h = add(s->processes);
		if (!h)
			return -ENOMEM;
		h->inode = inode;
		h->pid = pid;
		h->fd = number(entry->d_name);
		if (h == &s->processes->list[first])
			read_program(h->program, sizeof(h->program), pid);
		else
			strcpy(h->program, s->processes->list[first].program);
	}
	return 0;
}

static int search_process(struct search *s, int pid)
{
	char path[32];
	int result;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = opendir(path);
	if (!fds) {
		s->processes->unreadable |= errno == EACCES || errno == EPERM;
		return errno == ENOMEM || errno == EMFILE || errno == ENFILE ? -errno : 0;
	}
	result = search_fds(s, fds, pid);
	closedir(fds);
	return result;
}

int v6_processes_gather(struct v6_processes *p, const uint32_t *inodes, size_t count)
{
	struct search s = {.processes = p, .inodes = inodes, .count = count};
	struct dirent *entry;
	int result = 0, pid;
	DIR *proc;

	if (!count)
		return 0;
	proc = opendir("/proc");
	if (!proc)
		return -errno;
	while (!result && (entry = readdir(proc))) {
		pid = number(entry->d_name);
		if (pid > 0)
			result = search_process(&s, pid);
	}
	closedir(proc);
	if (p->count)
		qsort(p->list, p->count, sizeof(*p->list), by_holding);
	return result;
}

static int inode_of_holding(const void *inode, const void *holding)
{
	return by_inode(inode, &((const struct v6_holding *)holding)->inode);
}

const struct v6_holding *v6_processes_of(
	const struct v6_processes *p, uint32_t inode, size_t *count)
{
	const struct v6_holding *h = NULL, *end;

	*count = 0;
	if (inode && p->count)
		h = bsearch(&inode, p->list, p->count, sizeof(*p->list), inode_of_holding);
	if (!h)
		return NULL;
	while (h > p->list && h[-1].inode == inode)
		h--;
	for (end = h; end < p->list + p->count && end->inode == inode; end++)
		++*count;
	return h;
}

void v6_processes_free(struct v6_processes *p)
{
	free(p->list);
	*p = (struct v6_processes){0};
}
