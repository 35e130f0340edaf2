#include "library.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../../core/version.h"
#include "../memory.h"

static const char name[] = "libv6shim.so";

/* The version that a file's marker names; NULL where it has none; errno 0: it was read. */
static const char *version_of(const char *path)
{
	enum { MOST = 8 << 20 };
	int fd = v6_elf_open(path);
	char *text, *marker = NULL;
	ssize_t n;

	if (fd < 0)
		return NULL;
	errno = 0;
	text = v6_keep(MOST + 1);
	n = pread(fd, text, MOST, 0);
	if (n > 0)
		marker = memmem(text, (size_t)n, V6_MARKER, strlen(V6_MARKER));
	close(fd);
	return marker ? marker + strlen(V6_MARKER) : NULL;
}

static bool judge(struct v6_library *l)
{
	struct v6_text note = v6_text_in(l->note, sizeof(l->note));
	const char *version = version_of(l->path), *why = NULL;
	struct statvfs fs;

	if (!version) {
		why = errno ? strerror(errno) : "no v6shim library";
	} else if (strcmp(version, V6_VERSION)) {
		v6_text_print(&note, "version %.*s, ", (int)strnlen(version, 40), version);
		why = "this command is " V6_VERSION;
	} else if (strpbrk(l->path, "$: \t\n\v\f\r")) {
		why = "LD_PRELOAD cannot hold a path with a blank, a colon or a $";
	} else if (!statvfs(l->path, &fs) && fs.f_flag & ST_NOEXEC) {
		why = "its filesystem is mounted noexec";
	}
	v6_text_str(&note, why ? why : "version " V6_VERSION);
	return !why;
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
	strcpy(l->note, "neither beside this command nor in " V6_LIBDIR);
	return false;
}
