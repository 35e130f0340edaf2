#include "elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../../govern/sys.h"

enum {
	HEADERS_MAX = 65536, /* bytes of program headers: the kernel's own bound */
	CHUNK_SIZE = 65536,
	MARK_RANGE = 256 << 20, /* bytes of one file in which Go's mark is looked for, all in all */
};

int v6_elf_open(const char *path)
{
	/* Without O_NONBLOCK the open of a FIFO waits for the other end. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && (v6_sys_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EACCES;
		return -1;
	}
	return fd;
}

struct file {
	int fd;
	uint64_t size;
	const struct v6_elf *elf; /* its class and byte order */
};

/* As many of the bytes as the file has. */
static size_t read_some(const struct file *f, uint64_t offset, void *to, uint64_t len)
{
	ssize_t n = offset < f->size ? pread(f->fd, to, (size_t)len, (off_t)offset) : 0;

	return n > 0 ? (size_t)n : 0;
}

static uint64_t number(const struct file *f, const unsigned char *bytes, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[f->elf->big_endian ? i : size - 1 - i];
	return value;
}

/* A member of an ELF structure of the file's class, out of its bytes. */
#define MEMBER(f, bytes, structure, member)                                                        \
	((f)->elf->wide ? number(f, (bytes) + offsetof(Elf64_##structure, member),                 \
				  sizeof(((Elf64_##structure *)NULL)->member))                     \
			: number(f, (bytes) + offsetof(Elf32_##structure, member),                 \
				  sizeof(((Elf32_##structure *)NULL)->member)))

#define SIZE(f, structure) ((f)->elf->wide ? sizeof(Elf64_##structure) : sizeof(Elf32_##structure))

bool v6_elf_magic(const char *head, size_t len)
{
	return len >= SELFMAG && !memcmp(head, ELFMAG, SELFMAG);
}

/*
 * The mark of debug/buildinfo, 16-aligned in a writable segment. One that is not
 * writable may hold it as a constant, as this program does.
 */
static bool has_go_mark(const struct file *f, uint64_t offset, uint64_t size, uint64_t *range)
{
	static const char mark[] = "\xff Go buildinf:";
	enum { ALIGNMENT = 16 };
	static char chunk[CHUNK_SIZE];
	uint64_t at = (offset + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1), end = offset + size;
	size_t n = CHUNK_SIZE;

	for (; at < end && *range >= CHUNK_SIZE && n == CHUNK_SIZE; at += n, *range -= n) {
		n = read_some(f, at, chunk, end - at < CHUNK_SIZE ? end - at : CHUNK_SIZE);
		for (size_t i = 0; i + strlen(mark) <= n; i += ALIGNMENT)
			if (!memcmp(chunk + i, mark, strlen(mark)))
				return true;
	}
	return false;
}

/* What the program headers tell: the loader, and what is in it. */
static const char *read_segments(const struct file *f, const unsigned char *h, struct v6_elf *elf)
{
	uint64_t at = MEMBER(f, h, Ehdr, e_phoff), count = MEMBER(f, h, Ehdr, e_phnum);
	uint64_t range = MARK_RANGE, flags, offset, size;
	bool loader = false, damaged = false;
	unsigned char p[sizeof(Elf64_Phdr)];

	if (!count || MEMBER(f, h, Ehdr, e_phentsize) != SIZE(f, Phdr) ||
		count * SIZE(f, Phdr) > HEADERS_MAX)
		return "its program headers are of no known size";
	for (; count--; at += SIZE(f, Phdr)) {
		if (read_some(f, at, p, SIZE(f, Phdr)) != SIZE(f, Phdr))
			return "it ends before its program headers do";
		flags = MEMBER(f, p, Phdr, p_flags);
		offset = MEMBER(f, p, Phdr, p_offset);
		size = MEMBER(f, p, Phdr, p_filesz);
		switch (MEMBER(f, p, Phdr, p_type)) {
		case PT_LOAD:
			if (offset > f->size || size > f->size - offset)
				return "it ends before its segments do";
			elf->go |= flags & PF_W && has_go_mark(f, offset, size, &range);
			break;
		case PT_INTERP:
			if (loader)
				break;
			loader = true;
			/* load_elf_binary: 2 bytes to PATH_MAX, the last of them NUL. */
			damaged = size < 2 || size > sizeof(elf->loader) ||
				  read_some(f, offset, elf->loader, size) != size ||
				  elf->loader[size - 1];
		}
	}
	if (!damaged)
		return NULL;
	elf->loader[0] = '\0';
	return "the name of its loader is damaged";
}

const char *v6_elf_read(int fd, struct v6_elf *elf)
{
	static const char cut[] = "it ends within its first header";
	unsigned char h[sizeof(Elf64_Ehdr)];
	struct file f = {.fd = fd, .elf = elf};
	struct stat st;
	uint64_t type;
	size_t n;

	memset(elf, 0, sizeof(*elf));
	if (v6_sys_fstat(fd, &st) < 0)
		return "it cannot be read";
	f.size = (uint64_t)st.st_size;
	n = read_some(&f, 0, h, sizeof(h));
	if (n < EI_NIDENT)
		return cut;
	if (!v6_elf_magic((char *)h, n))
		return "it does not begin as an ELF file does";
	if (h[EI_CLASS] != ELFCLASS32 && h[EI_CLASS] != ELFCLASS64)
		return "neither 32-bit nor 64-bit";
	if (h[EI_DATA] != ELFDATA2LSB && h[EI_DATA] != ELFDATA2MSB)
		return "of no known byte order";
	elf->wide = h[EI_CLASS] == ELFCLASS64;
	elf->big_endian = h[EI_DATA] == ELFDATA2MSB;
	if (n < SIZE(&f, Ehdr))
		return cut;
	elf->machine = (uint16_t)MEMBER(&f, h, Ehdr, e_machine);
	type = MEMBER(&f, h, Ehdr, e_type);
	if (type != ET_EXEC && type != ET_DYN)
		return "an object file or a core dump, no program";
	return read_segments(&f, h, elf);
}

const char *v6_elf_read_path(const char *path, struct v6_elf *elf)
{
	int fd = v6_elf_open(path);
	const char *problem = fd < 0 ? strerror(errno) : v6_elf_read(fd, elf);

	if (fd >= 0)
		close(fd);
	return problem;
}

static const struct machine {
	uint16_t number, wide; /* wide: of its 64-bit side */
	const char *name;
} machines[] = {
	{EM_386, EM_X86_64, "i386"}, {EM_X86_64, EM_X86_64, "x86-64"}, {EM_ARM, EM_AARCH64, "arm"},
	{EM_AARCH64, EM_AARCH64, "aarch64"}, {EM_RISCV, EM_RISCV, "riscv"},
	{EM_PPC, EM_PPC64, "ppc"}, {EM_PPC64, EM_PPC64, "ppc64"}, {EM_S390, EM_S390, "s390"},
	{EM_MIPS, EM_MIPS, "mips"}, {EM_SPARC, EM_SPARCV9, "sparc"},
	{EM_SPARCV9, EM_SPARCV9, "sparc64"},
	{258, 258, "loongarch"}, /* younger than the <elf.h> of some libcs */
};

/* NULL: not known. */
static const struct machine *find_machine(const struct v6_elf *elf)
{
	for (unsigned i = 0; i < sizeof(machines) / sizeof(*machines); i++)
		if (machines[i].number == elf->machine)
			return &machines[i];
	return NULL;
}

void v6_elf_text(struct v6_text *t, const struct v6_elf *elf)
{
	const struct machine *m = find_machine(elf);

	v6_text_print(t, "ELF %d-bit %s", elf->wide ? 64 : 32, m ? m->name : "machine ");
	if (!m)
		v6_text_uint(t, elf->machine);
	v6_text_str(t, elf->big_endian ? " big-endian" : "");
}

bool v6_elf_same_machine(const struct v6_elf *a, const struct v6_elf *b)
{
	return a->wide == b->wide && a->big_endian == b->big_endian && a->machine == b->machine;
}

bool v6_elf_same_family(const struct v6_elf *a, const struct v6_elf *b)
{
	const struct machine *x = find_machine(a), *y = find_machine(b);

	return a->big_endian == b->big_endian &&
	       (a->machine == b->machine || (x && y && x->wide == y->wide));
}

enum v6_libc v6_libc_by_name(const char *path)
{
	static const char *const glibc[] = {"ld-linux", "ld64.so.", "ld.so.1", "ld-2."};
	struct v6_slice name = v6_slice_base(v6_slice_of(path));

	for (unsigned i = 0; i < sizeof(glibc) / sizeof(*glibc); i++)
		if (v6_slice_begins(name, glibc[i]))
			return V6_LIBC_GLIBC;
	/* It may be a link to libc.so, which is musl's own loader. */
	return v6_slice_begins(name, "ld-musl-") || v6_slice_is(name, "libc.so") ? V6_LIBC_MUSL
										 : V6_LIBC_UNKNOWN;
}
