/*
 * What v6shim check reads of a command's file: any bytes are an ELF file, a script or neither, are
 * told in clean words, and are read in bounded time and memory, whatever their offsets say.
 *
 * Input: the file.
 */
#include "fuzz.h"

#include "command/check/program.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void check_elf(const struct v6_program *p, const struct v6_program *again)
{
	static bool told[UINT16_MAX + 1]; /* by the machine, for the text is kept */

	CHECK(!p->interpreter && p->problem == again->problem && p->libc <= V6_LIBC_MUSL);
	CHECK(memchr(p->loader, '\0', sizeof(p->loader)));
	CHECK(!strcmp(p->loader, again->loader) && p->go == again->go);
	CHECK(!p->problem || *p->problem);
	CHECK(p->machine <= UINT16_MAX);
	if (!told[p->machine])
		fuzz_check_shown(v6_slice_of(v6_program_text(p, "x")));
	told[p->machine] = true;
	fuzz_check_shown(v6_slice_of(p->problem ? p->problem : ""));
	CHECK(v6_program_like(p, again) == V6_LIKE_MACHINE);
}

/* A part of the file's first line, as the kernel would hand it on. */
static void check_part(const char *part, struct v6_slice line)
{
	size_t len = strnlen(part, V6_SCRIPT_HEAD);

	CHECK(len < V6_SCRIPT_HEAD && !memchr(part, '\n', len));
	CHECK(!len || (memmem(line.ptr, line.len, part, len) && part[0] != ' ' && part[0] != '\t'));
}

/* The file is what the last input left of it, cut to the size of this one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v6_slice line = {(const char *)data, size < V6_SCRIPT_HEAD ? size : V6_SCRIPT_HEAD};
	static struct v6_program p, again;
	static char path[32];
	static int file = -1;

	if (file < 0) {
		file = memfd_create("fuzz", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	CHECK(file >= 0 && !ftruncate(file, (off_t)size));
	CHECK(pwrite(file, data, size, 0) == (ssize_t)size);
	/* Not zeroes, so that what is not filled shows. */
	memset(&p, 0xa5, sizeof(p));
	memset(&again, 0x5a, sizeof(again));
	CHECK(!v6_program_read(path, &p) && !v6_program_read(path, &again));
	CHECK(p.elf == again.elf && p.elf == (size >= 4 && !memcmp(data, "\177ELF", 4)));
	if (p.elf)
		check_elf(&p, &again);
	if (!p.interpreter)
		return 0;
	CHECK(size > 2 && !memcmp(data, "#!", 2) && !strpbrk(p.interpreter, " \t"));
	check_part(p.interpreter, line);
	check_part(p.argument, line);
	return 0;
}
