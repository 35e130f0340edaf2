#include "descriptors.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "../core/conflict.h"
#include "facts.h"
#include "raw.h"
#include "scratch.h"

#include "forbidden.h"

/* getdents64(2): the fixed part of a linux_dirent64; the name follows. */
enum { DIRENT_RECLEN = 16, DIRENT_NAME = 19 };

/* -1 for what is no number. */
static int number_of(const char *name, size_t size)
{
	int n = 0;

	for (size_t i = 0; i < size && name[i]; i++) {
		if (name[i] < '0' || name[i] > '9' || n > INT32_MAX / 10 - 1)
			return -1;
		n = 10 * n + (name[i] - '0');
	}
	return *name ? n : -1;
}

static bool visit_entries(
	const char *buf, size_t len, bool (*visit)(int number, void *context), void *context)
{
	uint16_t reclen;

	for (size_t at = 0; at + DIRENT_NAME < len; at += reclen) {
		int n;

		memcpy(&reclen, buf + at + DIRENT_RECLEN, sizeof(reclen));
		if (reclen <= DIRENT_NAME || at + reclen > len)
			return false;
		n = number_of(buf + at + DIRENT_NAME, reclen - DIRENT_NAME);
		if (n >= 0 && !visit(n, context))
			return false;
	}
	return true;
}

bool v6_proc_numbers(const char *path, bool (*visit)(int number, void *context), void *context)
{
	int fd = v6_raw_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	char *buf;
	ssize_t n = 0;

	if (fd < 0)
		return false;
	buf = v6_scratch_claim();
	if (buf) {
		do
			n = v6_raw_getdents(fd, buf, V6_SCRATCH_SIZE);
		while (n > 0 && visit_entries(buf, (size_t)n, visit, context));
		v6_scratch_release(buf);
	}
	v6_raw_close(fd);
	return buf && n >= 0;
}

struct walk {
	int proto;
	uint16_t port;
	int except;
	unsigned left;
	v6_own_visit visit;
	void *context;
};

static bool visit_descriptor(int fd, void *context)
{
	struct walk *w = context;
	struct v6_own_socket s = {.fd = fd};
	int v6only;

	if (!w->left--)
		return false;
	if (fd == w->except)
		return true;
	s.address = v6_fact_bound(fd);
	if (s.address.family == V6_FAMILY_OTHER || s.address.port != w->port ||
		v6_port_space(v6_fact_proto(fd)) != v6_port_space(w->proto) ||
		v6_fact_connected(fd))
		return true;
	v6only = v6_fact_v6only(fd);
	s.v6only = (int8_t)(v6only < 0 ? V6_UNKNOWN : v6only);
	return w->visit(&s, w->context);
}

void v6_own_sockets(int proto, uint16_t port, int except, v6_own_visit visit, void *context)
{
	struct walk w = {proto, port, except, V6_DESCRIPTORS_MAX, visit, context};
	uint64_t limit;

	if (v6_proc_numbers("/proc/thread-self/fd", visit_descriptor, &w) ||
		v6_proc_numbers("/proc/self/fd", visit_descriptor, &w))
		return;
	/* No /proc, or no descriptor left to open it with: every number there may be. */
	limit = v6_raw_limit(RLIMIT_NOFILE);
	for (int fd = 0; (uint64_t)fd < limit && visit_descriptor(fd, &w);)
		fd++;
}
