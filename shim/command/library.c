#include "library.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../core/version.h"
#include "hop.h"
#include "stat.h"

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
	if (v6_fstat(fd, &st) || !S_ISREG(st.st_mode) || !st.st_size) {
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

/* ---- for two classes */

/* What $LIB can stand for; the last is what others begin with. */
static const char *const lib_words[] = {"lib/x86_64-linux-gnu", "lib/i386-linux-gnu",
	"lib/aarch64-linux-gnu", "lib/arm-linux-gnueabihf", "lib64", "lib32", "lib"};

enum { LIB_WORDS = sizeof(lib_words) / sizeof(*lib_words) };

/* What the loader puts for $LIB: it has that as a string of its own. NULL: it cannot be told. */
static const char *lib_of(const char *loader)
{
	const char *found = NULL;
	int fd = v6_open_regular(loader);
	struct stat st;
	char *map;

	if (fd < 0)
		return NULL;
	map = v6_fstat(fd, &st) ? MAP_FAILED
				: mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return NULL;
	for (unsigned i = 0; i < LIB_WORDS && !found; i++) {
		char string[32] = "";
		size_t len = strlen(lib_words[i]) + 2;

		memcpy(string + 1, lib_words[i], len - 2);
		if (memmem(map, (size_t)st.st_size, string, len))
			found = lib_words[i];
	}
	munmap(map, (size_t)st.st_size);
	return found;
}

static bool read_elf(const char *path, struct v6_elf *elf)
{
	int fd = v6_open_regular(path);
	bool is;

	if (fd < 0)
		return false;
	is = !v6_elf_read(fd, elf);
	close(fd);
	return is;
}

bool v6_library_for_both(struct v6_library *l, const struct v6_elf *program)
{
	static struct v6_library other;
	static struct v6_elf elf;
	const char *ours, *theirs;
	size_t prefix, end = strlen(l->path) - sizeof(name);

	if (strstr(l->path, "/$LIB/"))
		return true;
	ours = read_elf("/proc/self/exe", &elf) ? lib_of(elf.loader) : NULL;
	theirs = lib_of(program->loader);
	if (!ours || !theirs || strlen(ours) >= end)
		return false;
	prefix = end - strlen(ours);
	if (strncmp(l->path + prefix, ours, strlen(ours)) || l->path[prefix - 1] != '/')
		return false;
	snprintf(other.path, sizeof(other.path), "%.*s%s/%s", (int)prefix, l->path, theirs, name);
	if (!read_elf(other.path, &elf) || !v6_elf_same_machine(&elf, program) || !judge(&other))
		return false;
	snprintf(l->path + prefix, sizeof(l->path) - prefix, "$LIB/%s", name);
	return true;
}
