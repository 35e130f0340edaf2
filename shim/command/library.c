#include "library.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../core/version.h"

static const char name[] = "libv6shim.so";

/* "DIRECTORY OF THIS EXECUTABLE/libv6shim.so"; empty where /proc cannot tell. */
static void beside(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash + 1 - path) + sizeof(name) > size) {
		path[0] = '\0';
		return;
	}
	memcpy(slash + 1, name, sizeof(name));
}

/* The version in the file, cut to size; -1 with errno set, or 0 where it has none. */
static int version_of(const char *path, char *version, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *map, *found;
	size_t rest;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !st.st_size) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return -1;
	found = memmem(map, (size_t)st.st_size, V6_MARKER, sizeof(V6_MARKER) - 1);
	version[0] = '\0';
	if (found) {
		found += sizeof(V6_MARKER) - 1;
		rest = (size_t)(map + st.st_size - found);
		snprintf(version, size, "%.*s", (int)(rest < 32 ? rest : 32), found);
	}
	munmap(map, (size_t)st.st_size);
	return found != NULL;
}

__attribute__((format(printf, 2, 3))) static bool refuse(
	struct v6_library *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(l->problem, sizeof(l->problem), format, args);
	va_end(args);
	return false;
}

static bool judge(struct v6_library *l)
{
	int is = version_of(l->path, l->version, sizeof(l->version));
	struct statvfs fs;

	if (is < 0)
		return refuse(l, "%s", strerror(errno));
	if (!is)
		return refuse(l, "no v6shim library");
	if (strcmp(l->version, V6_VERSION))
		return refuse(l, "version %s, this command is " V6_VERSION, l->version);
	if (strpbrk(l->path, ": \t\n\v\f\r"))
		return refuse(l, "LD_PRELOAD cannot hold a path with a space or a colon");
	if (!statvfs(l->path, &fs) && fs.f_flag & ST_NOEXEC)
		return refuse(l, "its filesystem is mounted noexec");
	return true;
}

bool v6_library_find(struct v6_library *l)
{
	memset(l, 0, sizeof(*l));
	beside(l->path, sizeof(l->path));
	if (*l->path && !access(l->path, F_OK))
		return judge(l);
	snprintf(l->path, sizeof(l->path), "%s", V6_LIBDIR "/libv6shim.so");
	if (!access(l->path, F_OK))
		return judge(l);
	memcpy(l->path, name, sizeof(name));
	return refuse(l, "neither beside this command nor in " V6_LIBDIR);
}
