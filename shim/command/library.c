#include "library.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/version.h"
#include "command.h"

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

static const char *accept_library(const char *path)
{
	char version[40];
	int is = version_of(path, version, sizeof(version));

	if (is < 0)
		v6_complain("%s: %s", path, strerror(errno));
	else if (!is)
		v6_complain("%s: no v6shim library", path);
	else if (strcmp(version, V6_VERSION))
		v6_complain("%s: version %s, this command is " V6_VERSION, path, version);
	else if (strpbrk(path, ": "))
		v6_complain("%s: LD_PRELOAD cannot hold a path with a space or a colon", path);
	else
		return path;
	return NULL;
}

const char *v6_library_find(void)
{
	static char path[PATH_MAX];

	beside(path, sizeof(path));
	if (*path && !access(path, F_OK))
		return accept_library(path);
	if (!access(V6_LIBDIR "/libv6shim.so", F_OK))
		return accept_library(V6_LIBDIR "/libv6shim.so");
	v6_complain("%s: neither beside this command nor in " V6_LIBDIR, name);
	return NULL;
}
