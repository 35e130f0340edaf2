#include "elf.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "stat.h"

/* LoongArch is younger than the <elf.h> of some libcs. */
enum { MACHINE_LOONGARCH = 258 };

enum {
	HEADERS_MAX = 65536, /* bytes of program headers: the kernel's own bound */
	ENTRIES_MAX = 4096,  /* of a dynamic section */
	NAME_SIZE = 64,      /* of a section or library name that matters */
	NOTES_SIZE = 4096,
	SCAN_CHUNK = 65536,
};

/* Bytes of one file in which Go's mark is looked for, all in all. */
static const uint64_t scan_max = UINT64_C(256) << 20;

struct file {
	int fd;
	uint64_t size;
	bool wide, big_endian;
	uint64_t headers, sections; /* offsets */
	unsigned header_count, section_count, section_names;
	uint64_t scanned;
};

struct segment {
	uint64_t type, flags, offset, vaddr, filesz;
};

static bool take(const struct file *f, uint64_t offset, void *to, size_t len)
{
	if (offset > f->size || len > f->size - offset)
		return false;
	return pread(f->fd, to, len, (off_t)offset) == (ssize_t)len;
}

/* As take, but fewer bytes at the end of the file will do; how many. */
static size_t take_some(const struct file *f, uint64_t offset, void *to, size_t len)
{
	ssize_t n = offset < f->size ? pread(f->fd, to, len, (off_t)offset) : 0;

	return n > 0 ? (size_t)n : 0;
}

static uint64_t number(const struct file *f, const unsigned char *bytes, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[f->big_endian ? i : size - 1 - i];
	return value;
}

/* A member of an ELF structure of the file's class, out of its bytes. */
#define MEMBER(f, bytes, structure, member)                                                        \
	((f)->wide ? number(f, (bytes) + offsetof(Elf64_##structure, member),                      \
			     sizeof(((Elf64_##structure *)NULL)->member))                          \
		   : number(f, (bytes) + offsetof(Elf32_##structure, member),                      \
			     sizeof(((Elf32_##structure *)NULL)->member)))

#define SIZE(f, structure) ((f)->wide ? sizeof(Elf64_##structure) : sizeof(Elf32_##structure))

bool v6_elf_magic(const char *head, size_t len)
{
	return len >= V6_ELF_MAGIC_SIZE && !memcmp(head, ELFMAG, SELFMAG);
}

static const char *read_ident(struct file *f)
{
	unsigned char ident[EI_NIDENT];

	if (!take(f, 0, ident, sizeof(ident)))
		return "it ends within its first header";
	if (memcmp(ident, ELFMAG, SELFMAG))
		return "it does not begin as an ELF file does";
	if (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64)
		return "neither 32-bit nor 64-bit";
	if (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB)
		return "of no known byte order";
	f->wide = ident[EI_CLASS] == ELFCLASS64;
	f->big_endian = ident[EI_DATA] == ELFDATA2MSB;
	return NULL;
}

static const char *read_header(struct file *f, struct v6_elf *elf)
{
	unsigned char h[sizeof(Elf64_Ehdr)];
	const char *problem = read_ident(f);

	if (problem)
		return problem;
	elf->wide = f->wide;
	elf->big_endian = f->big_endian;
	if (!take(f, 0, h, SIZE(f, Ehdr)))
		return "it ends within its first header";
	elf->type = (uint16_t)MEMBER(f, h, Ehdr, e_type);
	elf->machine = (uint16_t)MEMBER(f, h, Ehdr, e_machine);
	f->headers = MEMBER(f, h, Ehdr, e_phoff);
	f->header_count = (unsigned)MEMBER(f, h, Ehdr, e_phnum);
	if (elf->type != ET_EXEC && elf->type != ET_DYN)
		return "an object file or a core dump, no program";
	if (!f->header_count || MEMBER(f, h, Ehdr, e_phentsize) != SIZE(f, Phdr) ||
		f->header_count * SIZE(f, Phdr) > HEADERS_MAX)
		return "its program headers are of no known size";
	if (f->headers > f->size || f->header_count * SIZE(f, Phdr) > f->size - f->headers)
		return "it ends before its program headers do";
	/* Sections are not needed to run: what is wrong with them is no matter. */
	f->sections = MEMBER(f, h, Ehdr, e_shoff);
	f->section_count = (unsigned)MEMBER(f, h, Ehdr, e_shnum);
	f->section_names = (unsigned)MEMBER(f, h, Ehdr, e_shstrndx);
	if (f->sections > f->size || MEMBER(f, h, Ehdr, e_shentsize) != SIZE(f, Shdr))
		f->section_count = 0;
	return NULL;
}

static bool segment(const struct file *f, unsigned i, struct segment *s)
{
	unsigned char h[sizeof(Elf64_Phdr)];

	if (i >= f->header_count || !take(f, f->headers + i * SIZE(f, Phdr), h, SIZE(f, Phdr)))
		return false;
	s->type = MEMBER(f, h, Phdr, p_type);
	s->flags = MEMBER(f, h, Phdr, p_flags);
	s->offset = MEMBER(f, h, Phdr, p_offset);
	s->vaddr = MEMBER(f, h, Phdr, p_vaddr);
	s->filesz = MEMBER(f, h, Phdr, p_filesz);
	return true;
}

/* The first segment of a type. */
static bool segment_of(const struct file *f, uint64_t type, struct segment *s)
{
	for (unsigned i = 0; segment(f, i, s); i++)
		if (s->type == type)
			return true;
	return false;
}

static const char *check_segments(const struct file *f)
{
	struct segment s;

	for (unsigned i = 0; segment(f, i, &s); i++)
		if (s.type == PT_LOAD && (s.offset > f->size || s.filesz > f->size - s.offset))
			return "it ends before its segments do";
	return NULL;
}

static const char *read_loader(const struct file *f, struct v6_elf *elf)
{
	struct segment s;

	if (!segment_of(f, PT_INTERP, &s))
		return NULL;
	/* load_elf_binary: 2 bytes to PATH_MAX, the last of them NUL. */
	if (s.filesz < 2 || s.filesz > sizeof(elf->loader) ||
		!take(f, s.offset, elf->loader, (size_t)s.filesz) || elf->loader[s.filesz - 1]) {
		elf->loader[0] = '\0';
		return "the name of its loader is damaged";
	}
	return NULL;
}

/* Where in the file an address is; false: nowhere. */
static bool offset_of(const struct file *f, uint64_t address, uint64_t *offset)
{
	struct segment s;

	for (unsigned i = 0; segment(f, i, &s); i++) {
		if (s.type != PT_LOAD || address < s.vaddr || address - s.vaddr >= s.filesz)
			continue;
		*offset = s.offset + (address - s.vaddr);
		return true;
	}
	return false;
}

struct entry {
	uint64_t tag, value;
};

static bool entry(const struct file *f, const struct segment *dynamic, unsigned i, struct entry *e)
{
	unsigned char d[sizeof(Elf64_Dyn)];
	uint64_t at = (uint64_t)i * SIZE(f, Dyn);

	if (i >= ENTRIES_MAX || at >= dynamic->filesz || dynamic->offset > f->size ||
		!take(f, dynamic->offset + at, d, SIZE(f, Dyn)))
		return false;
	e->tag = MEMBER(f, d, Dyn, d_tag);
	e->value = MEMBER(f, d, Dyn, d_un);
	return e->tag != DT_NULL;
}

static enum v6_libc needed_libc(const struct file *f)
{
	struct segment dynamic;
	enum v6_libc libc = V6_LIBC_UNKNOWN;
	uint64_t strings;
	struct entry e = {0};

	if (!segment_of(f, PT_DYNAMIC, &dynamic))
		return libc;
	for (unsigned i = 0; e.tag != DT_STRTAB; i++)
		if (!entry(f, &dynamic, i, &e))
			return libc;
	if (!offset_of(f, e.value, &strings))
		return libc;
	for (unsigned i = 0; !libc && entry(f, &dynamic, i, &e); i++) {
		char name[NAME_SIZE + 1];

		if (e.tag != DT_NEEDED || e.value > f->size)
			continue;
		name[take_some(f, strings + e.value, name, NAME_SIZE)] = '\0';
		libc = v6_libc_by_name(name);
	}
	return libc;
}

/* The linker's note "Go", type 4, which stays when all that can be stripped is. */
static bool go_note(const struct file *f, const struct segment *s)
{
	enum { NAMED = 12, SIZE_OF_NAME = 4, BUILD_ID = 4 };
	unsigned char notes[NOTES_SIZE];
	size_t n = sizeof(notes);

	if (s->filesz < n)
		n = (size_t)s->filesz;
	n = take_some(f, s->offset, notes, n);
	for (size_t i = 0; i + NAMED + SIZE_OF_NAME <= n; i += 4)
		if (number(f, notes + i, 4) == SIZE_OF_NAME &&
			number(f, notes + i + 8, 4) == BUILD_ID &&
			!memcmp(notes + i + NAMED, "Go", sizeof("Go")))
			return true;
	return false;
}

/*
 * The mark of debug/buildinfo, 16-aligned in a writable segment. One that is not
 * writable may hold it as a constant, as this program does.
 */
static bool go_mark(struct file *f, const struct segment *s)
{
	static const char mark[] = "\xff Go buildinf:";
	enum { ALIGNMENT = 16 };
	static char chunk[SCAN_CHUNK];
	uint64_t at = (s->offset + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
	uint64_t end = s->offset + s->filesz;

	while (at < end && f->scanned < scan_max) {
		size_t n = end - at < sizeof(chunk) ? (size_t)(end - at) : sizeof(chunk);

		n = take_some(f, at, chunk, n);
		for (size_t i = 0; i + sizeof(mark) - 1 <= n; i += ALIGNMENT)
			if (!memcmp(chunk + i, mark, sizeof(mark) - 1))
				return true;
		if (n < sizeof(chunk))
			break;
		at += n;
		f->scanned += n;
	}
	return false;
}

static bool go_segments(struct file *f)
{
	struct segment s;

	for (unsigned i = 0; segment(f, i, &s); i++) {
		if (s.type == PT_NOTE && go_note(f, &s))
			return true;
		if (s.type == PT_LOAD && s.flags & PF_W && go_mark(f, &s))
			return true;
	}
	return false;
}

static bool section(const struct file *f, unsigned i, unsigned char *h)
{
	return i < f->section_count && take(f, f->sections + i * SIZE(f, Shdr), h, SIZE(f, Shdr));
}

static bool go_sections(const struct file *f)
{
	unsigned char h[sizeof(Elf64_Shdr)];
	uint64_t names;

	if (!section(f, f->section_names, h))
		return false;
	names = MEMBER(f, h, Shdr, sh_offset);
	if (names > f->size)
		return false;
	for (unsigned i = 0; section(f, i, h); i++) {
		char name[NAME_SIZE + 1];

		name[take_some(f, names + MEMBER(f, h, Shdr, sh_name), name, NAME_SIZE)] = '\0';
		if (!strcmp(name, ".go.buildinfo") || !strcmp(name, ".note.go.buildid"))
			return true;
	}
	return false;
}

const char *v6_elf_read(int fd, struct v6_elf *elf)
{
	struct file f = {.fd = fd};
	const char *problem;
	struct stat st;

	memset(elf, 0, sizeof(*elf));
	if (v6_fstat(fd, &st))
		return "it cannot be read";
	f.size = (uint64_t)st.st_size;
	problem = read_header(&f, elf);
	if (!problem)
		problem = check_segments(&f);
	if (!problem)
		problem = read_loader(&f, elf);
	if (problem)
		return problem;
	elf->needs = needed_libc(&f);
	elf->go = go_sections(&f) || go_segments(&f);
	return NULL;
}

static const char *machine_name(uint16_t machine)
{
	static const struct {
		uint16_t machine;
		const char *name;
	} names[] = {
		{EM_386, "i386"},
		{EM_X86_64, "x86-64"},
		{EM_ARM, "arm"},
		{EM_AARCH64, "aarch64"},
		{EM_RISCV, "riscv"},
		{EM_PPC, "ppc"},
		{EM_PPC64, "ppc64"},
		{EM_S390, "s390"},
		{EM_MIPS, "mips"},
		{EM_SPARC, "sparc"},
		{EM_SPARCV9, "sparc64"},
		{MACHINE_LOONGARCH, "loongarch"},
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return NULL;
}

void v6_elf_text(struct v6_text *t, const struct v6_elf *elf)
{
	const char *name = machine_name(elf->machine);

	v6_text_str(t, elf->wide ? "ELF 64-bit " : "ELF 32-bit ");
	if (name) {
		v6_text_str(t, name);
	} else {
		v6_text_str(t, "machine ");
		v6_text_uint(t, elf->machine);
	}
	if (elf->big_endian)
		v6_text_str(t, " big-endian");
}

bool v6_elf_same_machine(const struct v6_elf *a, const struct v6_elf *b)
{
	return a->wide == b->wide && a->big_endian == b->big_endian && a->machine == b->machine;
}

/* The machine of its 64-bit side. */
static unsigned family(uint16_t machine)
{
	switch (machine) {
	case EM_386:
		return EM_X86_64;
	case EM_ARM:
		return EM_AARCH64;
	case EM_PPC:
		return EM_PPC64;
	case EM_SPARC:
		return EM_SPARCV9;
	default:
		return machine;
	}
}

bool v6_elf_same_family(const struct v6_elf *a, const struct v6_elf *b)
{
	return a->big_endian == b->big_endian && family(a->machine) == family(b->machine);
}

enum v6_libc v6_libc_by_name(const char *path)
{
	static const struct {
		const char *begins;
		enum v6_libc libc;
	} names[] = {
		{"ld-linux", V6_LIBC_GLIBC},
		{"ld64.so.", V6_LIBC_GLIBC},
		{"ld.so.1", V6_LIBC_GLIBC},
		{"ld-2.", V6_LIBC_GLIBC},
		{"libc.so.6", V6_LIBC_GLIBC},
		{"ld-musl-", V6_LIBC_MUSL},
		{"libc.musl-", V6_LIBC_MUSL},
	};
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(name, names[i].begins, strlen(names[i].begins)))
			return names[i].libc;
	return strcmp(name, "libc.so") ? V6_LIBC_UNKNOWN : V6_LIBC_MUSL;
}

const char *v6_libc_name(enum v6_libc libc)
{
	switch (libc) {
	case V6_LIBC_GLIBC:
		return "glibc";
	case V6_LIBC_MUSL:
		return "musl";
	default:
		return "unknown libc";
	}
}
