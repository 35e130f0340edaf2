#include "holders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../govern/proc.h"
#include "../keep.h"
#include "../memory.h"

struct search {
	struct v6_holders *holders;
	int pid;
	const char *program; /* NULL: not read yet */
};

static bool visit_fd(int fd, void *context)
{
	struct search *s = context;
	struct v6_holders *h = s->holders;
	uint64_t inode = v6_proc_socket(s->pid, fd);
	char name[64];

	if (!inode)
		return true;
	if (!s->program)
		s->program = v6_keep_bytes(name, v6_proc_comm(s->pid, name, sizeof(name)));
	h->list = v6_grow(h->list, h->count, &h->room, sizeof(*h->list));
	h->list[h->count++] = (struct v6_holding){inode, s->pid, fd, s->program};
	return true;
}

static bool visit_process(int pid, void *context)
{
	struct search s = {.holders = context, .pid = pid};
	char path[V6_PROC_PATH];

	v6_proc_path(path, pid, "fd", -1);
	if (!v6_proc_numbers(path, visit_fd, &s) && faccessat(AT_FDCWD, path, R_OK, AT_EACCESS))
		s.holders->unreadable |= errno == EACCES;
	return true;
}

static int by_inode(const void *a, const void *b)
{
	const struct v6_holding *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static int by_holding(const void *a, const void *b)
{
	const struct v6_holding *x = a, *y = b;
	int d = by_inode(a, b);

	return d ? d : x->pid != y->pid ? x->pid - y->pid : x->fd - y->fd;
}

bool v6_holders_find(struct v6_holders *h)
{
	bool all = v6_proc_numbers("/proc", visit_process, h);

	if (h->count)
		qsort(h->list, h->count, sizeof(*h->list), by_holding);
	return all;
}

const struct v6_holding *v6_holders_of(const struct v6_holders *h, uint64_t inode, size_t *count)
{
	struct v6_holding key = {.inode = inode};
	const struct v6_holding *first = NULL;

	*count = 0;
	if (inode && h->count)
		first = bsearch(&key, h->list, h->count, sizeof(*h->list), by_inode);
	if (!first)
		return NULL;
	while (first > h->list && first[-1].inode == inode)
		first--;
	while (first + *count < h->list + h->count && first[*count].inode == inode)
		++*count;
	return first;
}
