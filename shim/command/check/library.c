#include "library.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../../core/version.h"
#include "../../govern/sys.h"

static const char name[] = "libv6shim.so";

/*
 * Finds bytes in a file: the string behind them, of up to a hundred bytes, until the next call. NULL
 * where they are not there; errno 0: it was read.
 */
static const char *find_in_file(const char *path, const char *bytes, size_t len)
{
	enum { PIECE = 8192, BEHIND = 128 };
	static char text[PIECE + BEHIND + 1];
	int fd = v6_elf_open(path);
	const char *found = NULL;
	ssize_t n;

	if (fd < 0)
		return NULL;
	errno = 0;
	for (off_t at = 0; !found && (n = pread(fd, text, PIECE + BEHIND, at)) > 0; at += PIECE) {
		size_t last = PIECE + len - 1, size = (size_t)n;

		text[size] = '\0';
		found = memmem(text, size < last ? size : last, bytes, len);
	}
	close(fd);
	return found ? found + len : NULL;
}

__attribute__((format(printf, 2, 3))) static bool refuse(
	struct v6_library *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(l->note, sizeof(l->note), format, args);
	va_end(args);
	return false;
}

static bool judge(struct v6_library *l)
{
	struct statvfs fs;
	const char *version = find_in_file(l->path, V6_MARKER, strlen(V6_MARKER));

	if (!version)
		return refuse(l, "%s", errno ? strerror(errno) : "no v6shim library");
	if (strcmp(version, V6_VERSION))
		return refuse(l, "version %.40s, this command is " V6_VERSION, version);
	if (strpbrk(l->path, "$: \t\n\v\f\r"))
		return refuse(l, "LD_PRELOAD cannot hold a path with a blank, a colon or a $");
	if (!statvfs(l->path, &fs) && fs.f_flag & ST_NOEXEC)
		return refuse(l, "its filesystem is mounted noexec");
	memcpy(l->note, "version " V6_VERSION, sizeof("version " V6_VERSION));
	return true;
}

bool v6_library_find(struct v6_library *l)
{
	ssize_t n = readlink("/proc/self/exe", l->path, sizeof(l->path) - sizeof(name));
	char *slash = n > 0 ? memrchr(l->path, '/', (size_t)n) : NULL;

	if (slash) {
		memcpy(slash + 1, name, sizeof(name));
		if (!access(l->path, F_OK))
			return judge(l);
	}
	memcpy(l->path, V6_LIBDIR "/libv6shim.so", sizeof(V6_LIBDIR "/libv6shim.so"));
	if (!access(l->path, F_OK))
		return judge(l);
	memcpy(l->path, name, sizeof(name));
	return refuse(l, "neither beside this command nor in " V6_LIBDIR);
}
