#include "program.h"

#include <elf.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../govern/sys.h"
#include "../command.h"

enum {
	HEADERS_MAX = 65536, /* bytes of program headers: the kernel's own bound */
	CHUNK_SIZE = 65536,
	MARK_RANGE = 256 << 20, /* bytes of one file in which Go's mark is looked for, all in all */
};

static const char blanks[] = " \t";

int v6_program_open(const char *path)
{
	/* Without O_NONBLOCK the open of a FIFO waits for the other end. */
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* ---- ELF */

/* As many of the bytes as the file has. */
static size_t read_some(const struct v6_program *p, uint64_t offset, void *to, uint64_t len)
{
	ssize_t n = pread(p->fd, to, (size_t)len, (off_t)offset);

	return n > 0 ? (size_t)n : 0;
}

static uint64_t number(const struct v6_program *p, const unsigned char *bytes, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[p->big_endian ? i : size - 1 - i];
	return value;
}

/* A member of an ELF structure of the file's class, out of its bytes. */
#define MEMBER(p, bytes, structure, member)                                                        \
	((p)->wide ? number(p, (bytes) + offsetof(Elf64_##structure, member),                      \
			     sizeof(((Elf64_##structure *)NULL)->member))                          \
		   : number(p, (bytes) + offsetof(Elf32_##structure, member),                      \
			     sizeof(((Elf32_##structure *)NULL)->member)))

#define SIZE(p, structure) ((p)->wide ? sizeof(Elf64_##structure) : sizeof(Elf32_##structure))

/*
 * The mark of debug/buildinfo, 16-aligned in a writable segment. One that is not
 * writable may hold it as a constant, as this program does.
 */
static bool has_go_mark(const struct v6_program *p, uint64_t offset, uint64_t size, uint64_t *range)
{
	static const char mark[] = "\xff Go buildinf:";
	enum { ALIGNMENT = 16 };
	static char chunk[CHUNK_SIZE];
	uint64_t at = (offset + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1), end = offset + size;
	size_t n = CHUNK_SIZE;

	for (; at < end && *range >= CHUNK_SIZE && n == CHUNK_SIZE; at += n, *range -= n) {
		n = read_some(p, at, chunk, end - at < CHUNK_SIZE ? end - at : CHUNK_SIZE);
		for (size_t i = 0; i + strlen(mark) <= n; i += ALIGNMENT)
			if (!memcmp(chunk + i, mark, strlen(mark)))
				return true;
	}
	return false;
}

/* What the program headers tell: the loader, and what is in it. */
static const char *read_segments(struct v6_program *p, const unsigned char *h)
{
	uint64_t at = MEMBER(p, h, Ehdr, e_phoff), count = MEMBER(p, h, Ehdr, e_phnum);
	uint64_t range = MARK_RANGE, flags, offset, size;
	unsigned char s[sizeof(Elf64_Phdr)];

	if (!count || MEMBER(p, h, Ehdr, e_phentsize) != SIZE(p, Phdr) ||
		count * SIZE(p, Phdr) > HEADERS_MAX)
		return "its program headers are of no known size";
	for (; count--; at += SIZE(p, Phdr)) {
		if (read_some(p, at, s, SIZE(p, Phdr)) != SIZE(p, Phdr))
			return "it ends before its program headers do";
		flags = MEMBER(p, s, Phdr, p_flags);
		offset = MEMBER(p, s, Phdr, p_offset);
		size = MEMBER(p, s, Phdr, p_filesz);
		switch (MEMBER(p, s, Phdr, p_type)) {
		case PT_LOAD:
			if (offset > p->size || size > p->size - offset)
				return "it ends before its segments do";
			p->go |= flags & PF_W && has_go_mark(p, offset, size, &range);
			break;
		case PT_INTERP: /* the first counts */
			if (*p->loader)
				break;
			/* load_elf_binary: 2 bytes to PATH_MAX, the last of them NUL. */
			if (size < 2 || size > sizeof(p->loader) ||
				read_some(p, offset, p->loader, size) != size ||
				p->loader[size - 1] || !*p->loader) {
				*p->loader = '\0';
				return "the name of its loader is damaged";
			}
		}
	}
	return NULL;
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

static const char *read_elf(struct v6_program *p)
{
	unsigned char h[sizeof(Elf64_Ehdr)] = {0};
	size_t n = read_some(p, 0, h, sizeof(h));

	p->wide = h[EI_CLASS] == ELFCLASS64;
	p->big_endian = h[EI_DATA] == ELFDATA2MSB;
	if (n < SIZE(p, Ehdr))
		return "it ends within its first header";
	if ((!p->wide && h[EI_CLASS] != ELFCLASS32) ||
		(!p->big_endian && h[EI_DATA] != ELFDATA2LSB))
		return "of no known class or byte order";
	p->machine = p->family = (unsigned)MEMBER(p, h, Ehdr, e_machine);
	for (unsigned i = 0; i < sizeof(machines) / sizeof(*machines); i++)
		if (machines[i].number == p->machine) {
			p->family = machines[i].wide;
			p->name = machines[i].name;
		}
	if (MEMBER(p, h, Ehdr, e_type) != ET_EXEC && MEMBER(p, h, Ehdr, e_type) != ET_DYN)
		return "an object file or a core dump, no program";
	return read_segments(p, h);
}

/* The libc that a loader belongs to, by what its name leads to, or else by its name. */
static enum v6_libc libc_of(const char *loader)
{
	static const char *const begins[] = {"ld-linux", "ld64.so.", "ld.so.1", "ld-2."};
	char *real = realpath(loader, NULL);
	enum v6_libc libc = V6_LIBC_UNKNOWN;

	for (int look = 0; look < 2 && !libc; look++) {
		const char *path = look || !real ? loader : real;
		struct v6_slice name = v6_slice_base(v6_slice_of(path));

		for (unsigned i = 0; i < sizeof(begins) / sizeof(*begins); i++)
			if (v6_slice_begins(name, begins[i]))
				libc = V6_LIBC_GLIBC;
		/* It may be a link to libc.so, which is musl's own loader. */
		if (v6_slice_begins(name, "ld-musl-") || v6_slice_is(name, "libc.so"))
			libc = V6_LIBC_MUSL;
	}
	free(real);
	return libc;
}

const char *v6_program_text(const struct v6_program *p, const char *path)
{
	static const char *const libcs[] = {", unknown libc", ", glibc", ", musl"};
	char number[16];

	snprintf(number, sizeof(number), "machine %u", p->machine);
	return v6_keep_joined(p->wide ? "ELF 64-bit " : "ELF 32-bit ", p->name ? p->name : number,
		p->big_endian ? " big-endian" : "",
		p->libc || *p->loader ? libcs[p->libc]
		: libc_of(path)       ? ", a loader"
				      : ", static",
		p->go ? ", Go" : "", NULL);
}

enum v6_likeness v6_program_like(const struct v6_program *a, const struct v6_program *b)
{
	if (a->big_endian != b->big_endian || a->family != b->family)
		return V6_UNLIKE;
	return a->wide == b->wide && a->machine == b->machine ? V6_LIKE_MACHINE : V6_LIKE_FAMILY;
}

/* ---- scripts */

/* The first line, as load_script in fs/binfmt_script.c reads it. */
static void read_script(struct v6_program *p)
{
	char *end = memchr(p->head, '\n', V6_SCRIPT_HEAD - 1), *name = p->head + 2;
	size_t len;

	if (memcmp(p->head, "#!", 2))
		return;
	p->head[V6_SCRIPT_HEAD - 1] = '\0';
	if (end) {
		while (strchr(blanks, end[-1]) && end[-1])
			end--;
		*end = '\0';
	}
	name += strspn(name, blanks);
	len = strcspn(name, blanks);
	/* Of a line that is cut off there could be more of the name. */
	if (!len || (!end && name + len == p->head + V6_SCRIPT_HEAD - 1))
		return;
	p->argument = name + len + strspn(name + len, blanks);
	name[len] = '\0';
	p->interpreter = name;
}

int v6_program_read(const char *path, struct v6_program *p)
{
	struct stat st;

	memset(p, 0, sizeof(*p));
	p->fd = v6_program_open(path);
	if (p->fd < 0)
		return errno;
	p->size = v6_sys_fstat(p->fd, &st) < 0 ? 0 : (uint64_t)st.st_size;
	p->elf = read_some(p, 0, p->head, sizeof(p->head)) >= SELFMAG &&
		 !memcmp(p->head, ELFMAG, SELFMAG);
	if (p->elf)
		p->problem = read_elf(p);
	else
		read_script(p);
	if (*p->loader)
		p->libc = libc_of(p->loader);
	close(p->fd);
	return 0;
}

/* ---- env, coreutils', util-linux's and loaders that start what their last words say */

static const struct launcher {
	const char *letters; /* of options with a value and without one, for getopt_long(3) */
	int operands;        /* before the command */
	char name[8];
} launchers[] = {
	{"+a:C:iS:u:", 0, "env"}, {"+n:", 0, "nice"}, {"+", 0, "nohup"}, {"+k:s:", 1, "timeout"},
	{"+", 0, "setsid"}, {"+i:o:e:", 0, "stdbuf"}, {"+c:n:p:P:u:", 0, "ionice"},
	{"+", 1, "taskset"}, {"+T:P:D:", 1, "chrt"}, {"+", 0, "setpriv"},
	{"+", 0, "ld.so"}, /* a loader by any name: ld.so(8) */
};

/* What may have the next word for its value, beside env's. */
static const char *const valued[] = {"adjustment", "ambient-caps", "apparmor-profile", "argv0",
	"audit", "bounding-set", "class", "classdata", "egid", "error", "euid", "glibc-hwcaps-mask",
	"glibc-hwcaps-prepend", "groups", "inh-caps", "inhibit-rpath", "input", "kill-after",
	"landlock-access", "landlock-rule", "library-path", "output", "pdeathsig", "pgid", "pid",
	"preload", "ptracer", "regid", "reuid", "rgid", "ruid", "sched-deadline", "sched-period",
	"sched-runtime", "seccomp-filter", "securebits", "selinux-label", "signal", "uid"};

static struct option long_options[6 + sizeof(valued) / sizeof(*valued)] = {
	{"chdir", required_argument, NULL, 'C'},
	{"ignore-environment", no_argument, NULL, 'i'},
	{"reset-env", no_argument, NULL, 'R'},
	{"split-string", required_argument, NULL, 'S'},
	{"unset", required_argument, NULL, 'u'},
};

/*
 * env with the words of its -S in their place before the rest; NULL where there is more to them
 * than blanks (env(1), "-S/--split-string usage in scripts").
 */
static char **split(char *text, char **rest)
{
	static char env[] = "env";
	char **argv = NULL;
	size_t n = 0;

	if (strpbrk(text, "\"'\\$#"))
		return NULL;
	*V6_ADD(argv, n) = env;
	for (char *word = strtok(text, blanks); word; word = strtok(NULL, blanks))
		*V6_ADD(argv, n) = word;
	while (*rest)
		*V6_ADD(argv, n) = *rest++;
	V6_ADD(argv, n);
	return argv;
}

const char *v6_start_from(const struct v6_start *s, const char *name)
{
	return *name == '/' || !s->directory ? name : v6_keep_joined(s->directory, "/", name, NULL);
}

/* The first word that is no option of the launcher's; NULL: none can be told. */
static char **read_options(const struct launcher *l, struct v6_start *s, char **argv)
{
	bool is_env = l == launchers;
	int letter, argc;

	opterr = optind = 0; /* it begins anew, and says nothing */
	for (;;) {
		for (argc = 0; argv[argc];)
			argc++;
		letter = getopt_long(argc, argv, l->letters, long_options, NULL);
		if (letter == -1)
			return argv + optind;
		if (letter == 'R')
			s->drops = "--reset-env";
		if (!is_env)
			continue;
		if (letter == 'i')
			s->drops = "-i";
		if (letter == 'u' && !strcmp(optarg, "LD_PRELOAD"))
			s->drops = "-u LD_PRELOAD";
		if (letter == 'u' && !strcmp(optarg, "PATH"))
			s->path = NULL;
		if (letter == 'C')
			s->directory = v6_start_from(s, optarg);
		if (letter != 'S')
			continue;
		argv = split(v6_keep_joined(optarg, NULL), argv + optind);
		if (!argv)
			return NULL;
		optind = 0;
	}
}

bool v6_start_next(struct v6_start *s, const char *path)
{
	const struct launcher *l = launchers, *end = l + sizeof(launchers) / sizeof(*launchers);
	struct v6_slice name = v6_slice_base(v6_slice_of(libc_of(path) ? "ld.so" : path));
	struct v6_start next = *s;
	char **argv;

	while (l < end && !v6_slice_is(name, l->name))
		l++;
	if (l == end || !*s->argv)
		return false;
	for (unsigned i = 0; i < sizeof(valued) / sizeof(*valued); i++)
		long_options[5 + i] = (struct option){valued[i], required_argument, NULL, '?'};
	argv = read_options(l, &next, s->argv);
	for (; argv && *argv && l == launchers; argv++) {
		if (!strcmp(*argv, "-"))
			next.drops = "-i";
		else if (!strncmp(*argv, "LD_PRELOAD=", 11))
			next.drops = *argv;
		else if (!strncmp(*argv, "PATH=", 5))
			next.path = *argv + 5;
		else if (!strchr(*argv, '='))
			break;
	}
	for (int i = 0; argv && *argv && i < l->operands; i++)
		argv++;
	if (!argv || !*argv)
		return false;
	*s = next;
	s->argv = argv;
	return true;
}
