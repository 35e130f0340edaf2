/*
 * What v6shim check reads of a command's file: any bytes are an ELF file, a script or neither, are
 * told in clean words, and are read in bounded time and memory, whatever their offsets say.
 *
 * Input: the file.
 */
#include "fuzz.h"

#include "command/check/elf.h"
#include "command/check/launch.h"

#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

static int file = -1;

/* ---- ELF */

static void check_words(const struct v6_elf *elf)
{
	V6_TEXT(t, 256);

	v6_elf_text(&t, elf);
	CHECK(t.len && !t.full);
	fuzz_check_shown((struct v6_slice){t.buf, t.len});
	CHECK(v6_libc_by_name(elf->loader) <= V6_LIBC_MUSL);
	CHECK(v6_elf_same_machine(elf, elf) && v6_elf_same_family(elf, elf));
}

/* The file is what the last input left of it, cut to the size of this one. */
static void read_elf(const uint8_t *data, size_t size)
{
	struct v6_elf elf, again;
	const char *problem;

	if (file < 0)
		file = memfd_create("fuzz", MFD_CLOEXEC);
	CHECK(file >= 0 && !ftruncate(file, (off_t)size));
	CHECK(pwrite(file, data, size, 0) == (ssize_t)size);
	/* Not zeroes, so that what is not filled shows. */
	memset(&elf, 0xa5, sizeof(elf));
	memset(&again, 0x5a, sizeof(again));
	problem = v6_elf_read(file, &elf);
	CHECK(v6_elf_read(file, &again) == problem);
	CHECK(memchr(elf.loader, '\0', sizeof(elf.loader)));
	CHECK(!strcmp(elf.loader, again.loader) && elf.go == again.go);
	if (problem) {
		CHECK(*problem);
		fuzz_check_shown(v6_slice_of(problem));
		return;
	}
	CHECK(v6_elf_magic((const char *)data, size));
	check_words(&elf);
}

/* ---- scripts */

/* A part of the file's first line, as the kernel would hand it on. */
static void check_part(const char *part, struct v6_slice line)
{
	size_t len = strnlen(part, V6_SCRIPT_HEAD);

	CHECK(len < V6_SCRIPT_HEAD && !memchr(part, '\n', len));
	CHECK(!len || (memmem(line.ptr, line.len, part, len) && part[0] != ' ' && part[0] != '\t'));
}

static void read_script(const uint8_t *data, size_t size)
{
	char head[V6_SCRIPT_HEAD] = {0}, line[V6_SCRIPT_HEAD];
	char *interpreter, *argument = NULL;

	memcpy(head, data, size < sizeof(head) ? size : sizeof(head));
	memcpy(line, head, sizeof(line));
	interpreter = v6_launch_script(head, &argument);
	if (!interpreter)
		return;
	CHECK(!memcmp(line, "#!", 2));
	check_part(interpreter, (struct v6_slice){line, sizeof(line)});
	check_part(argument, (struct v6_slice){line, sizeof(line)});
	CHECK(!strpbrk(interpreter, " \t"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_elf(data, size);
	read_script(data, size);
	return 0;
}
