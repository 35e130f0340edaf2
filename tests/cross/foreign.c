/*
 * foreign - runs another machine's program of the same name, so that the tests can start it like one
 * of their own.
 *
 * Copied to STAGE/PATH it executes `EMULATOR -L ROOT BUILD/PATH ARGUMENT...`; the four in capitals are
 * compiled in. LD_PRELOAD is the program's, and goes to the emulator's dynamic linker by -E.
 *
 * It is linked statically: the native dynamic linker would complain of the other machine's library.
 *
 * Exit status: that of the program; 127 where it could not be started.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIXED = 8 }; /* words before the program's own arguments */

/* What stands behind STAGE in this file's path. */
static const char *inside(char *self, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", self, size - 1);

	self[n > 0 ? n : 0] = '\0';
	if (strncmp(self, STAGE "/", sizeof(STAGE)))
		return NULL;
	return self + sizeof(STAGE);
}

int main(int argc, char **argv)
{
	static char self[4096], path[8192], preload[8192];
	const char *name = inside(self, sizeof(self)), *wanted = getenv("LD_PRELOAD");
	char **words = calloc((size_t)argc + FIXED + 1, sizeof(*words)), **to = words;

	if (!name || !words || argc < 1) {
		fputs("foreign: not in " STAGE "\n", stderr);
		return 127;
	}
	snprintf(path, sizeof(path), "%s/%s", BUILD, name);
	*to++ = (char[]){EMULATOR};
	*to++ = (char[]){"-L"};
	*to++ = (char[]){ROOT};
	*to++ = (char[]){"-0"};
	*to++ = argv[0];
	if (wanted) {
		snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", wanted);
		*to++ = (char[]){"-E"};
		*to++ = preload;
		unsetenv("LD_PRELOAD");
	}
	*to++ = path;
	memcpy(to, argv + 1, (size_t)argc * sizeof(*to));
	execvp(EMULATOR, words);
	perror("foreign: " EMULATOR);
	return 127;
}
