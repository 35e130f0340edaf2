/*
 * How the library comes to its settings: once in a process, by the constructor
 * or by a call that arrived before it.
 */
#include <elf.h>
#include <string.h>

#include "../core/version.h"
#include "clock.h"
#include "configure.h"
#include "emit.h"
#include "inherit.h"
#include "live.h"
#include "match.h"
#include "next.h"
#include "sys.h"
#include "sink.h"
#include "start.h"

#include "forbidden.h"

__attribute__((used)) static const char marker[] = V6_MARKER V6_VERSION;

struct v6_live v6_live;
atomic_int v6_live_state;

enum { PROGRAM_SIZE = 256 };

static char program_text[PROGRAM_SIZE];
static char log_path_text[V6_PATH_SIZE];
static char config_path_text[V6_PATH_SIZE];
static struct v6_config config;

static struct v6_slice base_name(struct v6_slice path)
{
	size_t start = path.len;

	while (start && path.ptr[start - 1] != '/')
		start--;
	return v6_slice_from(path, start);
}

/*
 * The name it was executed by: a script's own rather than its interpreter's, an
 * applet's rather than busybox's. fexecve(3) leaves a name that says nothing;
 * then it is the file's. Copied, for servers write their titles over both.
 */
static void find_program(struct v6_live *live)
{
	const char *execfn = (const char *)(uintptr_t)v6_start_auxiliary(AT_EXECFN, 0);
	struct v6_slice path = v6_slice_of(execfn ? execfn : "");
	char exe[PROGRAM_SIZE];
	ssize_t n;

	if (!path.len || v6_slice_begins(path, "/dev/fd/") ||
		v6_slice_begins(path, "/proc/self/fd/")) {
		n = v6_sys_readlink("/proc/self/exe", exe, sizeof(exe));
		path = (struct v6_slice){exe, n > 0 ? (size_t)n : 0};
	}
	path = base_name(path);
	if (path.len > sizeof(program_text))
		path.len = sizeof(program_text);
	memcpy(program_text, path.ptr, path.len);
	live->program = (struct v6_slice){program_text, path.len};
}

static void keep(struct v6_slice *path, char *room)
{
	if (!path->len)
		return;
	memcpy(room, path->ptr, path->len);
	path->ptr = room;
}

/* Out of the environment, which servers write their titles over. */
static void keep_paths(struct v6_settings *s)
{
	if (s->log == V6_LOG_PATH)
		keep(&s->log_path, log_path_text);
	keep(&s->config, config_path_text);
}

static void settle(struct v6_live *live)
{
	/* Where it cannot be told nothing is risked. */
	if (v6_start_auxiliary(AT_SECURE, 1)) {
		live->inert = true;
		return;
	}
	v6_clock_settle();
	find_program(live);
	v6_sink_prepare(live, v6_configure_environment("JOURNAL_STREAM"));
	live->broken = v6_configure(&config) != 0;
	live->settings = config.settings;
	keep_paths(&live->settings);
	v6_match_settle(live, &config.rules);
	v6_sink_open(live);
	if (live->broken) {
		live->watch_bind = true;
		/* On standard error it has been said. */
		if (live->settings.log != V6_LOG_STDERR)
			v6_configure_record();
	}
}

void v6_live_settle(void)
{
	enum { TRIES = 100000, PAUSE = 50, SETTLED = 1 };
	uint64_t mask = 0;

	/* With signals held back no handler of this thread can wait for this thread. */
	v6_sys_block_signals(UINT64_MAX, &mask);
	for (int i = 0; i < TRIES; i++) {
		int pid = v6_sys_getpid(), seen = atomic_load(&v6_live_state);
		int begun = pid > 0 ? -pid : INT32_MIN; /* getpid may be refused */

		if (seen == SETTLED)
			break;
		/* A child of fork may find it begun by a thread that it does not have. */
		if (seen != begun && atomic_compare_exchange_strong(&v6_live_state, &seen, begun)) {
			settle(&v6_live);
			atomic_store_explicit(&v6_live_state, SETTLED, memory_order_release);
			break;
		}
		v6_sys_sleep_microseconds(PAUSE);
	}
	v6_sys_restore_signals(mask);
}

__attribute__((constructor)) static void come_to_life(void)
{
	v6_next_resolve();
	v6_live_need();
	v6_emit_load();
	v6_inherit_tell();
}
