/*
 * How the library comes to what it goes by, the next definitions and its settings: once in a
 * process, by the constructor or by a call that arrived before it.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "../core/version.h"
#include "../govern/emit.h"
#include "../govern/govern.h"
#include "../govern/holder.h"
#include "../govern/log.h"
#include "../govern/sys.h"
#include "way.h"

/* ---- what the dynamic linker knows */

/* The call as libc has it, and nothing between it and the kernel. */
#define KERNEL(name, parameters, ...)                                                              \
	static int kernel_##name parameters                                                        \
	{                                                                                          \
		int result = v6_sys_##name(__VA_ARGS__);                                           \
                                                                                                   \
		if (result >= 0)                                                                   \
			return result;                                                             \
		errno = -result;                                                                   \
		return -1;                                                                         \
	}

/* clang-format off */
KERNEL(socket, (int domain, int type, int protocol), domain, type, protocol)
KERNEL(setsockopt, (int fd, int level, int option, const void *value, socklen_t len),
	fd, level, option, value, len)
KERNEL(bind, (int fd, const struct sockaddr *addr, socklen_t len), fd, addr, len)
KERNEL(listen, (int fd, int backlog), fd, backlog)
/* clang-format on */

struct v6_next v6_next = {
	.socket = kernel_socket,
	.setsockopt = kernel_setsockopt,
	.bind = kernel_bind,
	.listen = kernel_listen,
};

/* Leaves *slot where there is no such definition. ISO C has no cast from data to function. */
static void resolve(void *slot, void *library, const char *name)
{
	void *symbol = dlsym(library, name);

	if (symbol)
		memcpy(slot, &symbol, sizeof(symbol));
}

void v6_next_resolve(void)
{
	void *vdso;

	resolve(&v6_next.socket, RTLD_NEXT, "socket");
	resolve(&v6_next.setsockopt, RTLD_NEXT, "setsockopt");
	resolve(&v6_next.bind, RTLD_NEXT, "bind");
	resolve(&v6_next.listen, RTLD_NEXT, "listen");
	resolve(&v6_next.getaddrinfo, RTLD_NEXT, "getaddrinfo");
	resolve(&v6_found.pthread_getcpuclockid, RTLD_NEXT, "pthread_getcpuclockid");
	/* Of 32 bits it ends in 2038, and the system call does not. */
	if (sizeof(long) < 8 ||
		!(vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD)))
		return;
	resolve(&v6_found.clock_gettime, vdso, "__vdso_clock_gettime");
	/* aarch64's. A name that is not found costs the first malloc of the process. */
	if (!v6_found.clock_gettime)
		resolve(&v6_found.clock_gettime, vdso, "__kernel_clock_gettime");
}

/* None of that from here on. */
#include "../govern/forbidden.h"

/* The linker is told to keep it. */
extern const char v6_marker[];
const char v6_marker[] = V6_MARKER V6_VERSION;

/* ---- what the kernel laid on the stack for the process to start with; no system call */

/*
 * glibc's dynamic linker: where the kernel put argc; argv, the environment and the
 * auxiliary vector follow. musl has no such name, and has getauxval.
 */
extern void *__libc_stack_end __attribute__((weak));

/* As the kernel passed them; NULL where that cannot be told. */
static char **arguments(void)
{
	char **argv;
	long argc;

	if (!&__libc_stack_end || !__libc_stack_end)
		return NULL;
	argc = *(long *)__libc_stack_end;
	argv = (char **)__libc_stack_end + 1;
	return argc >= 0 && !argv[argc] ? argv : NULL;
}

static char **first_environment(void)
{
	char **argv = arguments();

	return argv ? argv + *(long *)__libc_stack_end + 1 : NULL;
}

/* An entry of the auxiliary vector; `otherwise` where there is no such entry. */
static unsigned long auxiliary(unsigned long type, unsigned long otherwise)
{
#ifdef __GLIBC__
	char **entry = first_environment();
	const ElfW(auxv_t) * aux;

	if (!entry)
		return otherwise;
	/* It follows the environment, of which somebody may have taken a few away. */
	while (*entry)
		entry++;
	while (!*entry)
		entry++;
	for (aux = (const void *)entry; aux->a_type != AT_NULL; aux++)
		if (aux->a_type == type)
			return aux->a_un.a_val;
	return otherwise;
#else
	unsigned long value;

	errno = 0;
	value = getauxval(type);
	return errno ? otherwise : value;
#endif
}

/* A call from an IFUNC resolver or from DT_PREINIT_ARRAY comes before glibc has set environ. */
static char **environment(void)
{
	return environ ? environ : first_environment();
}

static struct v6_slice variable(const char *name)
{
	for (char **e = environment(); e && *e; e++) {
		struct v6_slice value = v6_slice_of(*e);

		if (v6_slice_is(v6_slice_cut(&value, '='), name))
			return value;
	}
	return v6_slice_of("");
}

/* ---- who calls */

enum { PROGRAM_SIZE = 256 };

/* Off the stack and out of the environment, which servers write their titles over. */
static struct v6_slice keep(struct v6_slice text, char *room, size_t size)
{
	if (text.len > size)
		text.len = size;
	if (text.len)
		memcpy(room, text.ptr, text.len);
	return (struct v6_slice){room, text.len};
}

static struct v6_slice executable(char buf[PROGRAM_SIZE])
{
	ssize_t n = v6_sys_readlink("/proc/self/exe", buf, PROGRAM_SIZE);

	return v6_slice_base((struct v6_slice){buf, n > 0 ? (size_t)n : 0});
}

/*
 * The name it was executed by: a script's own rather than its interpreter's, an applet's rather
 * than busybox's. fexecve(3) leaves a name that says nothing; then it is the file's.
 */
static void find_program(void)
{
	static char text[PROGRAM_SIZE];
	const char *execfn = (const char *)(uintptr_t)auxiliary(AT_EXECFN, 0);
	struct v6_slice path = v6_slice_of(execfn ? execfn : ""), name = v6_slice_base(path);
	char exe[PROGRAM_SIZE];

	if (!path.len || v6_slice_begins(path, "/dev/fd/") ||
		v6_slice_begins(path, "/proc/self/fd/"))
		name = executable(exe);
	v6_preload_caller.program = keep(name, text, sizeof(text));
}

/*
 * The rules of every name that it goes by. `env lua script` becomes lua, and only the first operand
 * still tells the script. Other programs' operands do no harm: they are no names of programs.
 */
static void find_rules(const struct v6_config *config)
{
	struct v6_slice name[3] = {v6_preload_caller.program};
	bool asks = false;
	char exe[PROGRAM_SIZE], **argv = arguments();

	for (unsigned i = 0; i < config->rules.count; i++)
		asks |= config->rules.rule[i].program.len != 0;
	if (asks)
		name[1] = executable(exe);
	/* clisp's scripts are run by its lisp.run with three options that have values. */
	while (asks && argv && *argv && *++argv && **argv == '-')
		if (v6_slice_is(name[1], "lisp.run") && strchr("BMN", (*argv)[1]) && argv[1])
			argv++;
	if (asks && argv && *argv)
		name[2] = v6_slice_base(v6_slice_of(*argv));
	v6_live_caller(config, &v6_preload_caller, name, asks ? 3 : 1);
}

/* ---- the settings */

static char problems_text[2048];

/* Each problem on a line of its own, as many as there is room for. */
static void add_problem(const struct v6_problem *p, void *context)
{
	struct v6_text *t = context;

	if (t->len)
		v6_text_str(t, "\nv6shim: ");
	v6_problem_text(t, p);
}

void v6_preload_complain(void)
{
	static atomic_bool said;

	if (atomic_exchange(&said, true))
		return;
	v6_emit_complain(v6_preload_caller.program, v6_slice_of(problems_text));
	v6_emit_complain(v6_preload_caller.program,
		v6_slice_of("every bind and listen on IPv4 and IPv6 fails with EINVAL until this "
			    "is mended"));
}

static void settle(void)
{
	static char log_path[V6_PATH_SIZE], config_path[V6_PATH_SIZE];
	struct v6_text problems = v6_text_in(problems_text, sizeof(problems_text));
	struct v6_config *config = v6_live.config;
	struct v6_settings *s = &config->settings;
	bool broken;

	/* Where it cannot be told nothing is risked: nothing is read, written or changed. */
	if (auxiliary(AT_SECURE, 1))
		return;
	/* The variable may have leaked out of what is supervised: only the answer counts. */
	if (v6_slice_is(variable(V6_REACH_VARIABLE), "supervise") &&
		v6_sys_bind(-1, NULL, V6_ASK_SUPERVISOR) == -V6_SUPERVISOR_ANSWERS)
		return;
	find_program();
	v6_config_init(config);
	broken = v6_configure(config, environment(), add_problem, &problems) != 0;
	s->log_path = keep(s->log_path, log_path, sizeof(log_path));
	s->config = keep(s->config, config_path, sizeof(config_path));
	find_rules(config);
	if (broken || s->log != V6_LOG_OFF)
		v6_log_init(s, variable("JOURNAL_STREAM"), variable(V6_LOG_HANDED));
	v6_live_init(config, broken, &v6_preload_caller);
}

atomic_int v6_preload_state;

enum { UNSETTLED, SETTLED, BY_CONSTRUCTOR };

/* Settles where the state is still what was seen. */
static void settle_from(int seen, int begun)
{
	if (!atomic_compare_exchange_strong(&v6_preload_state, &seen, begun))
		return;
	settle();
	atomic_store_explicit(&v6_preload_state, SETTLED, memory_order_release);
}

/* A call that came before the constructor. */
void v6_preload_settle(void)
{
	enum { TRIES = 100000, PAUSE = 50 };
	uint64_t mask = 0;

	/* With signals held back no handler of this thread can wait for this thread. */
	v6_sys_block_signals(UINT64_MAX, &mask);
	for (int i = 0; i < TRIES; i++) {
		int pid = v6_sys_getpid(), seen = atomic_load(&v6_preload_state);
		int begun = pid > 0 ? -pid : INT32_MIN; /* getpid may be refused */

		/* A child of fork may find it begun by a thread that it does not have. */
		if (seen != SETTLED && seen != begun && seen != BY_CONSTRUCTOR)
			settle_from(seen, begun);
		if (atomic_load(&v6_preload_state) == SETTLED)
			break;
		v6_sys_sleep_microseconds(PAUSE);
	}
	v6_sys_restore_signals(mask);
}

static void tell_inherited(int fd, void *context)
{
	struct v6_call c = v6_preload_call(fd);

	(void)context;
	v6_govern_inherited(&c);
}

/* Here the program has no handlers yet, and it costs no system call of its own. */
__attribute__((constructor)) static void come_to_life(void)
{
	struct v6_slice activated = variable("LISTEN_PID");
	struct v6_record r;

	v6_next_resolve();
	settle_from(UNSETTLED, BY_CONSTRUCTOR);
	v6_preload_settled();
	v6_record_init(&r, V6_EVENT_LOAD);
	r.program = v6_preload_caller.program;
	r.via = V6_VIA_PRELOAD;
	v6_emit(&r);
	v6_inherit_visit(variable("LISTEN_FDS"), activated, activated.len ? v6_sys_getpid() : 0,
		tell_inherited, NULL);
}
