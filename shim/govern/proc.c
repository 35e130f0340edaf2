#include "proc.h"

#include "sys.h"

#include "forbidden.h"

/* getdents64(2): the fixed part of a linux_dirent64; the name follows. */
enum { DIRENT_RECLEN = 16, DIRENT_NAME = 19 };

static bool visit_entries(const char *buf, size_t len, v6_proc_visit *visit, void *context)
{
	uint16_t reclen;

	for (size_t at = 0; at + DIRENT_NAME < len; at += reclen) {
		const char *name = buf + at + DIRENT_NAME;
		uint64_t number;

		memcpy(&reclen, buf + at + DIRENT_RECLEN, sizeof(reclen));
		if (reclen <= DIRENT_NAME || at + reclen > len)
			return false;
		if (v6_slice_uint((struct v6_slice){name, strnlen(name, reclen - DIRENT_NAME)},
			    INT32_MAX, &number) &&
			!visit((int)number, context))
			return false;
	}
	return true;
}

bool v6_proc_numbers(const char *path, v6_proc_visit *visit, void *context)
{
	int fd = v6_sys_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	char *buf = fd < 0 ? NULL : v6_scratch_claim();
	ssize_t n = -1;

	if (buf) {
		do
			n = v6_sys_getdents(fd, buf, V6_SCRATCH_SIZE);
		while (n > 0 && visit_entries(buf, (size_t)n, visit, context));
		v6_scratch_release(buf);
	}
	v6_sys_close(fd);
	return n >= 0;
}

void v6_proc_path(char buf[V6_PROC_PATH], int pid, const char *rest, int number)
{
	struct v6_text t = v6_text_in(buf, V6_PROC_PATH);

	v6_text_print(&t, "/proc/%d/%s", pid, rest);
	if (number >= 0)
		v6_text_print(&t, "/%d", number);
}

uint64_t v6_proc_inode(int pid, const char *rest, int fd)
{
	char path[V6_PROC_PATH], link[48];
	struct v6_slice text = {link, 0}, kind;
	uint64_t inode = 0;
	ssize_t n;

	v6_proc_path(path, pid, rest, fd);
	n = v6_sys_readlink(path, link, sizeof(link));
	text.len = n > 0 ? (size_t)n : 0;
	kind = v6_slice_cut(&text, '[');
	if (fd < 0 || v6_slice_is(kind, "socket:"))
		v6_slice_uint(v6_slice_cut(&text, ']'), UINT64_MAX, &inode);
	return inode;
}

ssize_t v6_proc_read(int pid, const char *rest, char *buf, size_t size)
{
	char path[V6_PROC_PATH];
	ssize_t n = 0;
	size_t len = 0;
	int fd;

	v6_proc_path(path, pid, rest, -1);
	fd = v6_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	while (len < size && (n = v6_sys_read(fd, buf + len, size - len)) > 0)
		len += (size_t)n;
	v6_sys_close(fd);
	return n < 0 ? n : (ssize_t)len;
}

size_t v6_proc_comm(int pid, char *buf, size_t size)
{
	ssize_t n = v6_proc_read(pid, "comm", buf, size);

	if (n > 0 && buf[n - 1] == '\n')
		n--;
	return n > 0 ? (size_t)n : 0;
}
