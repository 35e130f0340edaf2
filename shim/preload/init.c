/*
 * How the library comes to its settings: once in a process, by the constructor
 * or by a call that arrived before it.
 */
#include <elf.h>
#include <unistd.h>

#include "../core/version.h"
#include "../govern/sys.h"
#include "../govern/configure.h"
#include "../govern/emit.h"
#include "../govern/govern.h"
#include "../govern/holder.h"
#include "../govern/log.h"
#include "next.h"
#include "start.h"
#include "way.h"

#include "../govern/forbidden.h"

/* The linker is told to keep it. */
extern const char v6_marker[];
const char v6_marker[] = V6_MARKER V6_VERSION;

atomic_int v6_preload_state;

enum { PROGRAM_SIZE = 256, PROBLEMS_SIZE = 2048 };

static char program_text[PROGRAM_SIZE];
static char log_path_text[V6_PATH_SIZE];
static char config_path_text[V6_PATH_SIZE];
static char problems_text[PROBLEMS_SIZE];

/* A call from an IFUNC resolver or from DT_PREINIT_ARRAY comes before glibc has set environ. */
static char **environment(void)
{
	return environ ? environ : v6_start_environment();
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

static struct v6_slice executable(char buf[PROGRAM_SIZE])
{
	ssize_t n = v6_sys_readlink("/proc/self/exe", buf, PROGRAM_SIZE);

	return v6_slice_base((struct v6_slice){buf, n > 0 ? (size_t)n : 0});
}

/*
 * The name it was executed by: a script's own rather than its interpreter's, an
 * applet's rather than busybox's. fexecve(3) leaves a name that says nothing;
 * then it is the file's. Copied, for servers write their titles over both.
 */
static void find_program(void)
{
	const char *execfn = (const char *)(uintptr_t)v6_start_auxiliary(AT_EXECFN, 0);
	struct v6_slice path = v6_slice_of(execfn ? execfn : ""), name;
	char exe[PROGRAM_SIZE];

	if (!path.len || v6_slice_begins(path, "/dev/fd/") ||
		v6_slice_begins(path, "/proc/self/fd/"))
		name = executable(exe);
	else
		name = v6_slice_base(path);
	if (name.len > sizeof(program_text))
		name.len = sizeof(program_text);
	if (name.len)
		memcpy(program_text, name.ptr, name.len);
	v6_preload_caller.program = (struct v6_slice){program_text, name.len};
}

/*
 * The rules of every name that it goes by. `env lua script` becomes lua, and only the first operand
 * still tells the script. Other programs' operands do no harm: they are no names of programs.
 */
static void find_rules(const struct v6_config *config)
{
	struct v6_slice name[3] = {v6_preload_caller.program};
	bool asks = false;
	char exe[PROGRAM_SIZE], **argv = v6_start_arguments();

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

/* Out of the environment, which servers write their titles over. */
static void keep(struct v6_slice *path, char *room)
{
	if (!path->len)
		return;
	memcpy(room, path->ptr, path->len);
	path->ptr = room;
}

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
	struct v6_text problems = v6_text_in(problems_text, sizeof(problems_text));
	struct v6_config *config = v6_live.config;
	struct v6_settings *s = &config->settings;
	bool broken;

	/* Where it cannot be told nothing is risked: nothing is read, written or changed. */
	if (v6_start_auxiliary(AT_SECURE, 1))
		return;
	/* The variable may have leaked out of what is supervised: only the answer counts. */
	if (v6_slice_is(variable(V6_REACH_VARIABLE), "supervise") &&
		v6_sys_bind(-1, NULL, V6_ASK_SUPERVISOR) == -V6_SUPERVISOR_ANSWERS)
		return;
	find_program();
	v6_config_init(config);
	broken = v6_configure(config, environment(), add_problem, &problems) != 0;
	keep(&s->log_path, log_path_text);
	keep(&s->config, config_path_text);
	find_rules(config);
	v6_log_init(s, variable("JOURNAL_STREAM"), variable(V6_LOG_HANDED));
	v6_live_init(config, broken, &v6_preload_caller);
}

enum { SETTLED = 1, BY_CONSTRUCTOR = 2 };

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

		if (seen == SETTLED)
			break;
		/* A child of fork may find it begun by a thread that it does not have. */
		if (seen != begun && seen != BY_CONSTRUCTOR &&
			atomic_compare_exchange_strong(&v6_preload_state, &seen, begun)) {
			settle();
			atomic_store_explicit(&v6_preload_state, SETTLED, memory_order_release);
			break;
		}
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
	int unsettled = 0;
	struct v6_slice activated = variable("LISTEN_PID");
	struct v6_record r;

	v6_next_resolve();
	if (!v6_start_auxiliary(AT_SECURE, 1))
		v6_sys_use_clock(v6_next_clock());
	v6_self_use_clock(v6_next.getcpuclockid);
	if (atomic_compare_exchange_strong(&v6_preload_state, &unsettled, BY_CONSTRUCTOR)) {
		settle();
		atomic_store_explicit(&v6_preload_state, SETTLED, memory_order_release);
	}
	v6_preload_settled();
	v6_record_init(&r, V6_EVENT_LOAD);
	r.program = v6_preload_caller.program;
	r.via = V6_VIA_PRELOAD;
	v6_emit_load(&r);
	v6_inherit_visit(variable("LISTEN_FDS"), activated, activated.len ? v6_sys_getpid() : 0,
		tell_inherited, NULL);
}
